// SPDX-License-Identifier: LGPL-2.1-or-later

package kchan

import (
	"context"
	"errors"
	"os"
	"runtime"
	"syscall"
	"unsafe"
)

// A port is a case of a select as the kernel knows it: one send or one receive.
type port struct {
	h  *handle // nil is never ready
	op uint32
	p  unsafe.Pointer // the element, or the message, or where it goes
	n  int            // bytes there
}

// An outcome is the port that has committed, and how.
type outcome struct {
	index int
	ok    bool // false: the channel is closed
	n     int  // bytes received
}

// choose waits until exactly one port has committed, or else returns an error and none
// has nor will: the context's, or os.ErrClosed if one of the handles was closed.
func choose(ctx context.Context, ports []port) (outcome, error) {
	defer runtime.KeepAlive(ports)
	if err := ctx.Err(); err != nil {
		return outcome{}, err
	}
	cases, release, err := casesOf(ports)
	if err != nil {
		return outcome{}, err
	}
	s, err := takeSelector(fdOf(cases))
	if err != nil {
		release()
		return outcome{}, err
	}
	r, errno := s.arm(cases)
	if errno == syscall.EINPROGRESS {
		for _, p := range ports {
			if p.h != nil {
				p.h.enroll(s)
			}
		}
	}
	release()
	switch errno {
	case 0:
		s.put()
		return committed(cases, r), nil
	case syscall.EINPROGRESS:
		return s.wait(ctx, ports)
	}
	s.put()
	return outcome{}, errno
}

// try is a select with a default: it commits a port that is ready now, or returns EAGAIN.
func try(ports []port) (outcome, error) {
	defer runtime.KeepAlive(ports)
	cases, release, err := casesOf(ports)
	if err != nil {
		return outcome{}, err
	}
	defer release()
	arg := uapiSelect{
		flags:    selectNonblock,
		cases:    address{p: unsafe.Pointer(&cases[0])},
		count:    uint32(len(cases)),
		caseSize: sizeOf(&cases[0]),
	}
	arg.size = sizeOf(&arg)
	r, errno := ioctl(fdOf(cases), iocSelect, &arg)
	if errno != 0 {
		return outcome{}, errno
	}
	return committed(cases, r), nil
}

// casesOf makes the kernel's cases. Their handles stay open until release.
func casesOf(ports []port) (cases []uapiCase, release func(), err error) {
	cases = make([]uapiCase, 0, len(ports))
	release = func() {
		for i := range cases {
			if ports[i].h != nil {
				ports[i].h.release()
			}
		}
	}
	for _, p := range ports {
		c := uapiCase{fd: -1, op: p.op, buf: address{p: p.p}}
		if p.h != nil {
			fd, err := p.h.acquire()
			if err != nil {
				release()
				return nil, nil, err
			}
			c.fd = int32(fd)
			if p.h.message() {
				c.len = uint32(p.n)
			}
		}
		cases = append(cases, c)
	}
	return cases, release, nil
}

// fdOf is any channel's; there is one.
func fdOf(cases []uapiCase) int {
	for _, c := range cases {
		if c.fd >= 0 {
			return int(c.fd)
		}
	}
	return -1
}

// committed is the outcome that a ready select returns.
func committed(cases []uapiCase, r int) outcome {
	i := r & indexMask
	return outcome{index: i, ok: r&okFlag != 0, n: int(cases[i].len)}
}

// wait waits for an armed selector, and gives it back.
func (s *selector) wait(ctx context.Context, ports []port) (outcome, error) {
	room := 0
	for _, p := range ports {
		if p.h != nil && p.op == caseRecv && p.n > room {
			room = p.n
		}
	}
	stop := s.interruptWhenDone(ctx)
	head, elem, err := s.read(room)
	stop()
	for _, p := range ports {
		if p.h != nil {
			p.h.leave(s)
		}
	}
	s.calm()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		head, elem, err = s.disarm(room)
	}
	switch {
	case err == errDisarmed:
		s.put()
		if err := ctx.Err(); err != nil {
			return outcome{}, err
		}
		return outcome{}, os.ErrClosed
	case err != nil:
		// An element that it may have goes back into the channel.
		s.file.Close()
		return outcome{}, err
	}
	o := outcome{index: int(head.index), ok: head.flags&okFlag != 0, n: len(elem)}
	if len(elem) > 0 {
		copy(unsafe.Slice((*byte)(ports[o.index].p), len(elem)), elem)
	}
	s.put()
	return o, nil
}

// interruptWhenDone interrupts the selector when the context is done, until stop.
func (s *selector) interruptWhenDone(ctx context.Context) (stop func()) {
	if ctx.Done() == nil {
		return func() {}
	}
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-ctx.Done():
			s.interrupt()
		case <-over:
		}
	}()
	return func() {
		close(over)
		<-ended
	}
}
