// SPDX-License-Identifier: LGPL-2.1-or-later

package kchan

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"unsafe"
)

// A Case is a case of Select or TrySelect: RecvCase or SendCase of a channel. The zero Case is
// never ready, as Go's nil channel; so are those of nil channels.
type Case struct {
	port
	take func(o outcome) error // of a receive: what becomes of the element
	err  error                 // of a send: v can't be sent
}

// RecvCase is case *v, *ok = <-c. Either may be nil. They are set if the case is chosen.
func (c *Chan[T]) RecvCase(v *T, ok *bool) Case {
	if c == nil {
		return Case{}
	}
	return c.recvCase(v, ok)
}

// RecvCase is case *v, *ok = <-c. Either may be nil. They are set if the case is chosen.
func (c *RecvChan[T]) RecvCase(v *T, ok *bool) Case {
	if c == nil {
		return Case{}
	}
	return c.recvCase(v, ok)
}

// SendCase is case c <- v.
func (c *Chan[T]) SendCase(v T) Case {
	if c == nil {
		return Case{}
	}
	return c.sendCase(v)
}

// SendCase is case c <- v.
func (c *SendChan[T]) SendCase(v T) Case {
	if c == nil {
		return Case{}
	}
	return c.sendCase(v)
}

func (s *sending[T]) sendCase(v T) Case {
	p, err := s.port(v)
	if err != nil {
		err = s.c.fail("send", err)
	}
	return Case{port: p, err: err}
}

func (r *receiving[T]) recvCase(v *T, ok *bool) Case {
	if v == nil {
		v = new(T)
	}
	if ok == nil {
		ok = new(bool)
	}
	if r.c.layout.message() {
		return r.recvMessageCase(v, ok)
	}
	c := Case{port: r.port(unsafe.Pointer(v), int(r.c.elemSize))}
	c.take = func(o outcome) error {
		if *ok = o.ok; !o.ok {
			var zero T
			*v = zero
		}
		return nil
	}
	return c
}

func (r *receiving[T]) recvMessageCase(v *T, ok *bool) Case {
	b := make([]byte, r.c.elemSize)
	c := Case{port: r.port(unsafe.Pointer(&b[0]), len(b))}
	c.take = func(o outcome) error {
		var got T
		var err error

		if o.ok {
			got, err = r.c.layout.decode(b[:o.n])
		}
		*v, *ok = got, o.ok && err == nil
		return err
	}
	return c
}

// Select waits until one of the cases can go on, does it and returns its index, as Go's
// select does: of those that are ready one at random, each with the same chance. Exactly
// one happens, also among processes; or none, if it returns the index -1 and an error, as the
// context's. A send to a closed channel counts as ready: its index comes with ErrClosed.
// Without any case that could ever be ready Select waits for the context.
func Select(ctx context.Context, cases ...Case) (int, error) {
	ports, err := portsOf(cases)
	if err != nil {
		return -1, err
	}
	if ports == nil {
		<-ctx.Done() // nil, if it never is
		return -1, newError("select", "", ctx.Err())
	}
	o, err := choose(ctx, ports)
	if err != nil {
		return -1, newError("select", "", err)
	}
	return finish(cases, o)
}

// TrySelect is Select with a default: if at some instant no case is ready it returns -1 and
// ErrWouldBlock.
func TrySelect(cases ...Case) (int, error) {
	ports, err := portsOf(cases)
	if err != nil {
		return -1, err
	}
	if ports == nil {
		return -1, newError("select", "", ErrWouldBlock)
	}
	o, err := try(ports)
	if errors.Is(err, syscall.EAGAIN) {
		err = ErrWouldBlock
	}
	if err != nil {
		return -1, newError("select", "", err)
	}
	return finish(cases, o)
}

// portsOf is what the kernel is told of the cases; nil if none can ever be ready.
func portsOf(cases []Case) ([]port, error) {
	if len(cases) > casesMax {
		return nil, newError("select", "", fmt.Errorf("%d cases, it takes %d: %w",
			len(cases), casesMax, syscall.EINVAL))
	}
	ports := make([]port, len(cases))
	some := false
	for i, c := range cases {
		if c.err != nil {
			return nil, c.err
		}
		ports[i] = c.port
		some = some || c.h != nil
	}
	if !some {
		return nil, nil
	}
	return ports, nil
}

// finish does what is left to do for the case that was chosen.
func finish(cases []Case, o outcome) (int, error) {
	c := &cases[o.index]
	var err error

	if c.op == caseRecv {
		err = c.take(o)
	} else if !o.ok {
		err = syscall.EPIPE
	}
	if err != nil {
		return o.index, c.h.fail("select", err)
	}
	return o.index, nil
}
