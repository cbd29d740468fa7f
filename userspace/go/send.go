// SPDX-License-Identifier: LGPL-2.1-or-later

package kchan

import (
	"context"
	"fmt"
	"runtime"
	"syscall"
	"unsafe"
)

// Send sends v, as c <- v does: it waits until the channel buffers it, or of an unbuffered
// one until it is received. If the channel is closed it fails with ErrClosed.
func (s *sending[T]) Send(v T) error {
	return s.SendContext(context.Background(), v)
}

// SendContext is Send that ends with the context. If it returns an error v is not sent,
// nor will be.
func (s *sending[T]) SendContext(ctx context.Context, v T) error {
	err := ctx.Err()
	if err == nil {
		err = s.send(ctx, &v)
	}
	if err != nil {
		return s.c.fail("send", err)
	}
	return nil
}

// TrySend sends v if that can be done now, and fails with ErrWouldBlock if not: a select with
// a default. An unbuffered channel takes it if a receiver waits.
func (s *sending[T]) TrySend(v T) error {
	_, err := s.try(&v)
	if err == syscall.EAGAIN {
		err = ErrWouldBlock
	}
	if err != nil {
		return s.c.fail("send", err)
	}
	return nil
}

// SendAll sends the elements in turn, and returns how many it has sent. It isn't atomic:
// others' elements may come between them.
func (s *sending[T]) SendAll(vs []T) (int, error) {
	return s.SendAllContext(context.Background(), vs)
}

// SendAllContext is SendAll that ends with the context.
func (s *sending[T]) SendAllContext(ctx context.Context, vs []T) (int, error) {
	sent := 0
	for sent < len(vs) {
		n, err := s.sendSome(ctx, vs[sent:])
		sent += n
		if err != nil {
			return sent, s.c.fail("send", err)
		}
	}
	return sent, nil
}

// CloseChan closes the channel for all, as close(c) does: receivers get what is queued and
// then ok is false, sends fail with ErrClosed, and so does CloseChan if it is closed
// already. The handle stays open, until Close.
func (s *sending[T]) CloseChan() error {
	err := s.c.do(func(fd int) error { return nilIfZero(ioctlValue(fd, iocClose, 0)) })
	if err == syscall.EPIPE {
		err = ErrClosed
	}
	if err != nil {
		return s.c.fail("close channel", err)
	}
	return nil
}

// sendSome sends as many as can be sent now, or waits to send one.
func (s *sending[T]) sendSome(ctx context.Context, vs []T) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if len(vs) > 1 && !s.c.layout.message() {
		n, err := s.trySome(vs)
		if err != syscall.EAGAIN {
			return n, err
		}
	}
	if err := s.send(ctx, &vs[0]); err != nil {
		return 0, err
	}
	return 1, nil
}

// batchMax bounds how long a system call is at work.
const batchMax = 1 << 16

// trySome sends several at once, of a fixed size, without waiting.
func (s *sending[T]) trySome(vs []T) (int, error) {
	if len(vs) > batchMax {
		vs = vs[:batchMax]
	}
	n, _, err := s.c.transfer(iocSend, unsafe.Pointer(&vs[0]), len(vs), 0)
	runtime.KeepAlive(vs)
	return n, err
}

// send sends one: at once, or it waits.
func (s *sending[T]) send(ctx context.Context, v *T) error {
	p, err := s.try(v)
	if err != syscall.EAGAIN {
		return err
	}
	o, err := choose(ctx, []port{p})
	if err == nil && !o.ok {
		err = syscall.EPIPE
	}
	return err
}

// try sends without waiting. With EAGAIN it returns what to wait with.
func (s *sending[T]) try(v *T) (port, error) {
	if s.c.layout.message() {
		p, err := s.message(*v)
		if err != nil {
			return port{}, err
		}
		_, _, err = s.c.transfer(iocSend, p.p, 1, p.n)
		return p, err
	}
	_, _, err := s.c.transfer(iocSend, unsafe.Pointer(v), 1, 0)
	runtime.KeepAlive(v)
	if err != syscall.EAGAIN {
		return port{}, err
	}
	return s.element(*v), err
}

// port is a send.
func (s *sending[T]) port(v T) (port, error) {
	if s.c.layout.message() {
		return s.message(v)
	}
	return s.element(v), nil
}

// element is the send of an element of a fixed size. Its v is a copy, so that the caller's
// may be on the stack.
func (s *sending[T]) element(v T) port {
	return port{h: s.c.handle, op: caseSend, p: unsafe.Pointer(&v)}
}

// message is the send of a message.
func (s *sending[T]) message(v T) (port, error) {
	b, err := s.c.layout.encode(v)
	if err != nil {
		return port{}, err
	}
	if len(b) > int(s.c.elemSize) {
		return port{}, fmt.Errorf("a message of %d bytes, the channel takes %d: %w", len(b),
			s.c.elemSize, syscall.EMSGSIZE)
	}
	p := port{h: s.c.handle, op: caseSend, n: len(b)}
	if len(b) > 0 {
		p.p = unsafe.Pointer(&b[0])
	}
	return p, nil
}
