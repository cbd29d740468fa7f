// SPDX-License-Identifier: LGPL-2.1-or-later

package kchan

import (
	"os"
	"sync"
	"syscall"
)

// A core is what the three types of channels have in common.
type core[T any] struct {
	*handle
	layout  *layout[T]
	mode    int // of a handle that may do the same
	buffers sync.Pool
}

// A Chan is a handle that may send to a channel of T, and receive from it: a chan T. Any
// number of goroutines may use it at once. A nil *Chan is not Go's nil channel, except in
// the cases of a select.
type Chan[T any] struct {
	*core[T]
	sending[T]
	receiving[T]
}

// A SendChan is a handle that may only send: a chan<- T.
type SendChan[T any] struct {
	*core[T]
	sending[T]
}

// A RecvChan is a handle that may only receive: a <-chan T.
type RecvChan[T any] struct {
	*core[T]
	receiving[T]
}

type sending[T any] struct{ c *core[T] }
type receiving[T any] struct{ c *core[T] }

func newChan[T any](c *core[T]) *Chan[T] {
	return &Chan[T]{c, sending[T]{c}, receiving[T]{c}}
}

func newSendChan[T any](c *core[T]) *SendChan[T] {
	return &SendChan[T]{c, sending[T]{c}}
}

func newRecvChan[T any](c *core[T]) *RecvChan[T] {
	return &RecvChan[T]{c, receiving[T]{c}}
}

// Close lets go of this handle, as of a file: calls that wait on it, and all later ones,
// fail with os.ErrClosed. The channel stays as it is, for others; CloseChan closes it. One
// that nobody has open and that has no name is gone, with what it holds.
func (c *core[T]) Close() error {
	if err := c.close(); err != nil {
		return c.fail("close", err)
	}
	return nil
}

// Name is the channel's name, or "" of an anonymous one.
func (c *core[T]) Name() string {
	return c.name
}

// Cap is how many elements the channel buffers; 0 is an unbuffered one.
func (c *core[T]) Cap() int {
	return int(c.capacity)
}

// Len is how many elements are queued. It is 0 if the handle is closed.
func (c *core[T]) Len() int {
	info, err := c.info()
	if err != nil {
		return 0
	}
	return int(info.len)
}

// Info is what is known of a channel at one instant.
type Info struct {
	ID                             uint64 // never used again
	Type                           string // name of the elements' type
	Name                           string
	Node                           string // "/dev/chan3", or "" of an anonymous one
	ElemSize                       int    // of an element, or at most of a message
	Cap, Len                       int
	Closed, HungUp, Destroyed      bool
	Senders, Receivers             int // handles that may send, and receive
	ParkedSenders, ParkedReceivers int // that wait
	Sent, Received                 uint64
}

// Info asks what is known of the channel.
func (c *core[T]) Info() (Info, error) {
	info, err := c.info()
	if err != nil {
		return Info{}, c.fail("info", err)
	}
	node := ""
	if info.minor != minorNone {
		node = nodePath(info.minor)
	}
	return Info{
		Node:            node,
		ID:              info.id,
		Type:            c.typ,
		Name:            c.name,
		ElemSize:        int(info.elemSize),
		Cap:             int(info.capacity),
		Len:             int(info.len),
		Closed:          info.flags&flagClosed != 0,
		HungUp:          info.flags&flagHungup != 0,
		Destroyed:       info.flags&flagDestroyed != 0,
		Senders:         int(info.senders),
		Receivers:       int(info.receivers),
		ParkedSenders:   int(info.parkedSenders),
		ParkedReceivers: int(info.parkedReceivers),
		Sent:            info.sent,
		Received:        info.received,
	}, nil
}

// File is a new handle of the same channel, which may do the same, as a plain file that
// waits in system calls: for exec.Cmd's ExtraFiles and standard files.
func (c *core[T]) File() (*os.File, error) {
	fd, err := c.narrow(c.mode)
	if err != nil {
		return nil, c.fail("file", err)
	}
	return os.NewFile(uintptr(fd), c.label()), nil
}

// Destroy takes away the name and the node of a channel; open handles go on. Unless it is
// forced it refuses while elements are queued, with syscall.ENOTEMPTY.
func (c *core[T]) Destroy(force bool) error {
	var arg uapiDestroy

	arg.size = sizeOf(&arg)
	if force {
		arg.flags = destroyForce
	}
	err := c.do(func(fd int) error {
		_, errno := ioctl(fd, iocDestroy, &arg)
		return nilIfZero(errno)
	})
	if err != nil {
		return c.fail("destroy", err)
	}
	return nil
}

// narrower is a handle of its own that may do less.
func (c *core[T]) narrower(op string, mode int) (*core[T], error) {
	fd, err := c.narrow(mode)
	if err != nil {
		return nil, c.fail(op, err)
	}
	return coreOf(op, fd, mode, c.layout)
}

// SendOnly is a new handle that may only send. This one stays open.
func (s *sending[T]) SendOnly() (*SendChan[T], error) {
	c, err := s.c.narrower("send only", syscall.O_WRONLY)
	if err != nil {
		return nil, err
	}
	return newSendChan(c), nil
}

// RecvOnly is a new handle that may only receive. This one stays open.
func (r *receiving[T]) RecvOnly() (*RecvChan[T], error) {
	c, err := r.c.narrower("receive only", syscall.O_RDONLY)
	if err != nil {
		return nil, err
	}
	return newRecvChan(c), nil
}

// buffer is room for the longest message.
func (c *core[T]) buffer() *[]byte {
	if b, _ := c.buffers.Get().(*[]byte); b != nil {
		return b
	}
	b := make([]byte, c.elemSize)
	return &b
}
