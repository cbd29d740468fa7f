// SPDX-License-Identifier: LGPL-2.1-or-later

package kchan

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"unsafe"
)

// Facts never change about a channel.
type facts struct {
	flags    uint32
	elemSize uint32
	capacity uint32
	id       uint64
	typ      string
	name     string
}

func (is *facts) message() bool {
	return is.flags&flagMessage != 0
}

func (is *facts) elements() string {
	s := fmt.Sprintf("of %d bytes", is.elemSize)
	if is.message() {
		s = fmt.Sprintf("of up to %d bytes", is.elemSize)
	}
	if is.typ != "" {
		s = is.typ + " " + s
	}
	return s
}

// A handle is an open file of a channel. It is closed when it was told so and no system
// call uses it any more; selectors that wait keep the file themselves.
type handle struct {
	facts
	mu     sync.Mutex
	fd     int
	users  int                    // system calls that use fd
	closed bool                   // no more users
	parked map[*selector]struct{} // to be interrupted when it is closed
}

// newHandle asks what it is that fd stands for, and takes fd over if it succeeds.
func newHandle(fd int) (*handle, error) {
	h := &handle{fd: fd, parked: make(map[*selector]struct{})}
	info, errno := infoOf(fd)
	if errno != 0 {
		return nil, errno
	}
	h.facts = facts{
		flags:    info.flags,
		elemSize: info.elemSize,
		capacity: info.capacity,
		id:       info.id,
		typ:      text(info.typ[:]),
		name:     text(info.name[:]),
	}
	if h.flags&flagStandby != 0 {
		// TryRecv must leave no receive behind. A handle that can't receive says EBADF.
		errno = ioctlValue(fd, iocStandby, 0)
		if errno != 0 && errno != syscall.EBADF {
			return nil, errno
		}
	}
	runtime.SetFinalizer(h, (*handle).close)
	return h, nil
}

func (h *handle) acquire() (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return -1, os.ErrClosed
	}
	h.users++
	return h.fd, nil
}

func (h *handle) release() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.users--
	h.closeUnused()
}

func (h *handle) closeUnused() {
	if h.closed && h.users == 0 {
		syscall.Close(h.fd)
	}
}

func (h *handle) close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return os.ErrClosed
	}
	runtime.SetFinalizer(h, nil)
	h.closed = true
	for s := range h.parked {
		s.interrupt()
	}
	h.closeUnused()
	return nil
}

// enroll has a selector interrupted when the handle is closed.
func (h *handle) enroll(s *selector) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		s.interrupt()
	}
	h.parked[s] = struct{}{}
}

// leave ends that: the selector isn't interrupted any more.
func (h *handle) leave(s *selector) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.parked, s)
}

// do makes a system call on the handle's file.
func (h *handle) do(call func(fd int) error) error {
	fd, err := h.acquire()
	if err != nil {
		return err
	}
	defer h.release()
	return call(fd)
}

// transfer sends or receives without waiting: count elements, or a message of length n
// or a buffer of so much. It returns what the ioctl does, and the length of a message.
func (h *handle) transfer(cmd uintptr, p unsafe.Pointer, count, n int) (int, int, error) {
	fd, err := h.acquire()
	if err != nil {
		return 0, 0, err
	}
	x := uapiXfer{flags: xferNonblock, buf: address{p: p}, count: uint32(count), len: uint32(n)}
	x.size = sizeOf(&x)
	r, errno := ioctl(fd, cmd, &x)
	h.release()
	if errno != 0 {
		return 0, 0, errno
	}
	return r, int(x.len), nil
}

// fail says of an error what was tried with which channel.
func (h *handle) fail(op string, err error) error {
	if err == syscall.EPIPE {
		err = h.broken()
	}
	return newError(op, h.label(), err)
}

// label is how errors call the channel.
func (h *handle) label() string {
	if h.name != "" {
		return h.name
	}
	return fmt.Sprintf("channel %d", h.id)
}

// broken tells the two causes of EPIPE apart.
func (h *handle) broken() error {
	info, err := h.info()
	if err == nil && info.flags&flagHungup != 0 && info.flags&flagClosed == 0 {
		return ErrHungUp
	}
	return ErrClosed
}

func infoOf(fd int) (*uapiInfo, syscall.Errno) {
	info := &uapiInfo{}
	info.size = sizeOf(info)
	_, errno := ioctl(fd, iocInfo, info)
	return info, errno
}

func (h *handle) info() (info *uapiInfo, err error) {
	err = h.do(func(fd int) error {
		var errno syscall.Errno
		info, errno = infoOf(fd)
		return nilIfZero(errno)
	})
	return info, err
}

// narrow opens the channel anew.
func (h *handle) narrow(mode int) (fd int, err error) {
	err = h.do(func(old int) error {
		fd, err = narrow(old, mode)
		return err
	})
	return fd, err
}

func narrow(fd, mode int) (int, error) {
	arg := uapiNarrow{fdFlags: uint32(mode | syscall.O_CLOEXEC)}
	arg.size = sizeOf(&arg)
	_, errno := ioctl(fd, iocNarrow, &arg)
	return int(arg.fd), nilIfZero(errno)
}

// nilIfZero is an errno as an error.
func nilIfZero(errno syscall.Errno) error {
	if errno == 0 {
		return nil
	}
	return errno
}
