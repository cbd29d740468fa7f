// SPDX-License-Identifier: LGPL-2.1-or-later

package kchan

import (
	"context"
	"io"
	"runtime"
	"syscall"
	"unsafe"
)

// Recv receives an element, as v, ok := <-c does: it waits for one; ok is false, and v zero,
// if the channel is closed and no element is left. With an error ok is false, too.
func (r *receiving[T]) Recv() (v T, ok bool, err error) {
	return r.RecvContext(context.Background())
}

// RecvContext is Recv that ends with the context. If it returns an error nothing was
// received: what comes at that moment stays in the channel, for others.
func (r *receiving[T]) RecvContext(ctx context.Context) (v T, ok bool, err error) {
	if err := ctx.Err(); err != nil {
		return v, false, r.c.fail("receive", err)
	}
	v, ok, err = r.try()
	if err == syscall.EAGAIN {
		v, ok, err = r.park(ctx)
	}
	if err != nil {
		return v, false, r.c.fail("receive", err)
	}
	return v, ok, nil
}

// TryRecv receives an element if there is one now, or the end of the channel, and else fails
// with ErrWouldBlock: a select with a default.
func (r *receiving[T]) TryRecv() (v T, ok bool, err error) {
	v, ok, err = r.try()
	if err == syscall.EAGAIN {
		err = ErrWouldBlock
	}
	if err != nil {
		return v, false, r.c.fail("receive", err)
	}
	return v, ok, nil
}

// RecvInto waits for an element and takes as many more as are there and fit. It returns how
// many, or 0 and io.EOF when the channel is closed and no element is left. It returns some and
// an error, too, only if a Codec failed with the next one. With no room at all it returns
// 0 at once.
func (r *receiving[T]) RecvInto(vs []T) (int, error) {
	return r.RecvIntoContext(context.Background(), vs)
}

// RecvIntoContext is RecvInto that ends with the context.
func (r *receiving[T]) RecvIntoContext(ctx context.Context, vs []T) (int, error) {
	if len(vs) == 0 {
		return 0, nil
	}
	if err := ctx.Err(); err != nil {
		return 0, r.c.fail("receive", err)
	}
	n, err := r.tryInto(vs)
	if n == 0 && err == syscall.EAGAIN {
		var ok bool
		vs[0], ok, err = r.park(ctx)
		if ok {
			n, err = r.tryInto(vs[1:])
			n++
		}
	}
	switch {
	case n > 0 && (err == nil || err == syscall.EAGAIN):
		return n, nil
	case err == nil:
		return 0, io.EOF
	}
	return n, r.c.fail("receive", err)
}

// Range receives until the end of the channel, as for v := range c does, or until yield
// returns false. If a receive fails, yield gets the error, once and last. From Go 1.23 on it
// is an iterator:
//
//	for v, err := range c.Range {
func (r *receiving[T]) Range(yield func(v T, err error) bool) {
	r.RangeContext(context.Background(), yield)
}

// RangeContext is Range that ends with the context, whose error yield gets.
func (r *receiving[T]) RangeContext(ctx context.Context, yield func(v T, err error) bool) {
	for {
		v, ok, err := r.RecvContext(ctx)
		if err != nil {
			yield(v, err)
			return
		}
		if !ok || !yield(v, nil) {
			return
		}
	}
}

// try receives without waiting.
func (r *receiving[T]) try() (v T, ok bool, err error) {
	if r.c.layout.message() {
		return r.tryMessage()
	}
	n, _, err := r.c.transfer(iocRecv, unsafe.Pointer(&v), 1, 0)
	return v, n == 1, err
}

func (r *receiving[T]) tryMessage() (v T, ok bool, err error) {
	b := r.c.buffer()
	defer r.c.buffers.Put(b)
	n, got, err := r.c.transfer(iocRecv, unsafe.Pointer(&(*b)[0]), 1, len(*b))
	if err != nil || n == 0 {
		return v, false, err
	}
	v, err = r.c.layout.decode((*b)[:got])
	return v, err == nil, err
}

// tryInto receives what is there.
func (r *receiving[T]) tryInto(vs []T) (n int, err error) {
	if len(vs) == 0 {
		return 0, nil
	}
	if !r.c.layout.message() {
		if len(vs) > batchMax {
			vs = vs[:batchMax]
		}
		n, _, err = r.c.transfer(iocRecv, unsafe.Pointer(&vs[0]), len(vs), 0)
		runtime.KeepAlive(vs)
		return n, err
	}
	for n < len(vs) {
		v, ok, err := r.tryMessage()
		if err != nil || !ok {
			return n, err
		}
		vs[n] = v
		n++
	}
	return n, nil
}

// park waits to receive.
func (r *receiving[T]) park(ctx context.Context) (v T, ok bool, err error) {
	if r.c.layout.message() {
		return r.parkMessage(ctx)
	}
	to := new(T)
	o, err := choose(ctx, []port{r.port(unsafe.Pointer(to), int(r.c.elemSize))})
	return *to, o.ok, err
}

func (r *receiving[T]) parkMessage(ctx context.Context) (v T, ok bool, err error) {
	b := r.c.buffer()
	defer r.c.buffers.Put(b)
	o, err := choose(ctx, []port{r.port(unsafe.Pointer(&(*b)[0]), len(*b))})
	if err != nil || !o.ok {
		return v, false, err
	}
	v, err = r.c.layout.decode((*b)[:o.n])
	return v, err == nil, err
}

// port is a receive to where there are n bytes of room.
func (r *receiving[T]) port(p unsafe.Pointer, n int) port {
	return port{h: r.c.handle, op: caseRecv, p: p, n: n}
}
