// SPDX-License-Identifier: LGPL-2.1-or-later

package kchan

import "context"

// A Receiver is a Go channel that gives what a goroutine receives, for Go's own select.
type Receiver[T any] struct {
	// C gives the elements in their order. It is closed at the end of the kernel's
	// channel, and after the context is done or a receive has failed: see Err.
	C <-chan T

	done chan struct{}
	err  error
}

// Receiver receives for C until the end of the channel, or until the context is done. C is
// unbuffered, and the goroutine receives an element only when the one before was taken from
// C: at most one is on its way, received from the kernel's channel and not yet from C.
//
// When the context is done the goroutine receives no more. The element that it has, if any,
// it offers on C all the same, before it closes C: who cancels and then ranges over C to
// its end loses nothing. Who doesn't leaves behind the goroutine and at most that element.
func (r *receiving[T]) Receiver(ctx context.Context) *Receiver[T] {
	c := make(chan T)
	b := &Receiver[T]{C: c, done: make(chan struct{})}
	go func() {
		defer close(b.done)
		defer close(c)
		r.RangeContext(ctx, func(v T, err error) bool {
			if b.err = err; err == nil {
				c <- v
			}
			return true
		})
	}()
	return b
}

// Err waits until C is closed and says why: nil is the end of the kernel's channel.
func (b *Receiver[T]) Err() error {
	<-b.done
	return b.err
}

// A Sender is a Go channel from which a goroutine takes what it sends, for Go's own select.
type Sender[T any] struct {
	// C takes the elements. Closing it ends the Sender, when what it took is sent; the
	// kernel's channel stays open.
	C chan<- T

	done   chan struct{}
	err    error
	unsent *T
}

// Sender sends what it takes from C until C is closed, the context is done or a send has
// failed, as when the kernel's channel is closed. C is unbuffered, and the goroutine takes an
// element only when the one before is sent: at most one is on its way, sent on C and not yet
// on the kernel's channel. That a send on C went through says only that.
//
// Once the Sender has ended nobody receives from C: who sends on it selects on Done, too.
// The element that it had and could not send, if any, is Unsent: nothing is lost.
func (s *sending[T]) Sender(ctx context.Context) *Sender[T] {
	c := make(chan T)
	b := &Sender[T]{C: c, done: make(chan struct{})}
	go func() {
		defer close(b.done)
		b.run(ctx, c, s)
	}()
	return b
}

func (b *Sender[T]) run(ctx context.Context, c <-chan T, s *sending[T]) {
	for {
		select {
		case v, ok := <-c:
			if !ok {
				return
			}
			if b.err = s.SendContext(ctx, v); b.err != nil {
				b.unsent = &v
				return
			}
		case <-ctx.Done():
			b.err = s.c.fail("send", ctx.Err())
			return
		}
	}
}

// Done is closed when the Sender has ended.
func (b *Sender[T]) Done() <-chan struct{} {
	return b.done
}

// Err waits until the Sender has ended and says why: nil is that C was closed, and that all
// that it took is sent.
func (b *Sender[T]) Err() error {
	<-b.done
	return b.err
}

// Unsent waits until the Sender has ended and gives the element that it took from C and
// could not send, if there is one.
func (b *Sender[T]) Unsent() (v T, ok bool) {
	<-b.done
	if b.unsent == nil {
		return v, false
	}
	return *b.unsent, true
}
