// SPDX-License-Identifier: LGPL-2.1-or-later

//go:build !nomodule

package kchan

import (
	"context"
	"os"
	"testing"
)

func TestAReceiverGivesAllInTheirOrder(t *testing.T) {
	c := make1[int](t, 3)
	_, err := c.SendAll([]int{1, 2, 3})
	must(t, err)
	must(t, c.CloseChan())
	r := c.Receiver(background)
	next := 1
	for v := range r.C {
		if v != next {
			t.Errorf("%d, not %d", v, next)
		}
		next++
	}
	if next != 4 || r.Err() != nil {
		t.Errorf("up to %d, %v", next-1, r.Err())
	}
}

func TestAReceiverHasOneElementAtMost(t *testing.T) {
	const n = 200
	c := make1[int](t, n)
	_, err := c.SendAll(make([]int, n))
	must(t, err)
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	r := c.Receiver(ctx)
	for taken := 1; taken < n; taken++ {
		<-r.C
		i, err := c.Info()
		must(t, err)
		if i.Received > uint64(taken)+1 {
			t.Fatalf("%d were taken, and %d received", taken, i.Received)
		}
	}
}

func TestACancelledReceiverLosesNothing(t *testing.T) {
	const n = 200
	c := make1[int](t, n)
	for i := 0; i < n; i++ {
		must(t, c.Send(i))
	}
	for next := 0; next < n; {
		next += cancelledReceiver(t, c, next)
	}
	_, _, err := c.TryRecv()
	fails(t, err, ErrWouldBlock)
}

// cancelledReceiver is cancelled at the first element, and returns how many it gave.
func cancelledReceiver(t *testing.T, c *Chan[int], next int) (n int) {
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	r := c.Receiver(ctx)
	for v := range r.C {
		if v != next+n {
			t.Fatalf("%d, not %d", v, next+n)
		}
		n++
		cancel()
	}
	fails(t, r.Err(), context.Canceled)
	return n
}

func TestAReceiverOfAClosedHandleSaysSo(t *testing.T) {
	c := make1[int](t, 0)
	r := c.Receiver(background)
	untilParked(t, c, 0, 1)
	must(t, c.Close())
	if _, ok := <-r.C; ok {
		t.Error("received something")
	}
	fails(t, r.Err(), os.ErrClosed)
}

func TestASenderSendsAllThatItTakes(t *testing.T) {
	c := make1[int](t, 0)
	s := c.Sender(background)
	go func() {
		for i := 0; i < 100; i++ {
			s.C <- i
		}
		close(s.C)
		if s.Err() == nil {
			c.CloseChan()
		}
	}()
	next := 0
	c.Range(func(v int, err error) bool {
		must(t, err)
		if v != next {
			t.Errorf("%d, not %d", v, next)
		}
		next++
		return true
	})
	if next != 100 {
		t.Errorf("%d received", next)
	}
	if v, ok := s.Unsent(); ok {
		t.Errorf("%d is unsent", v)
	}
}

// The Sender sends the element of a full channel: it doesn't take another from C.
func TestASenderHasOneElementAtMost(t *testing.T) {
	c := make1[int](t, 0)
	ctx, cancel := context.WithCancel(background)
	s := c.Sender(ctx)
	s.C <- 1
	untilParked(t, c, 1, 0)
	select {
	case s.C <- 2:
		t.Error("a second one is taken")
	default:
	}
	gets[int](t, c, 1)
	s.C <- 3
	untilParked(t, c, 1, 0)
	cancel()
	<-s.Done()
	fails(t, s.Err(), context.Canceled)
	if v, ok := s.Unsent(); v != 3 || !ok {
		t.Errorf("%d, %v is unsent", v, ok)
	}
	untilParked(t, c, 0, 0)
}

func TestASenderEndsWithTheChannel(t *testing.T) {
	c := make1[int](t, 0)
	must(t, c.CloseChan())
	s := c.Sender(background)
	s.C <- 1
	select {
	case <-s.Done():
	case s.C <- 2:
		t.Error("it takes more")
	}
	fails(t, s.Err(), ErrClosed)
	if v, ok := s.Unsent(); v != 1 || !ok {
		t.Errorf("%d, %v is unsent", v, ok)
	}
}

func TestASenderWithNothingToSendEndsWithTheContext(t *testing.T) {
	c := make1[int](t, 0)
	ctx, cancel := context.WithCancel(background)
	s := c.Sender(ctx)
	cancel()
	fails(t, s.Err(), context.Canceled)
	if _, ok := s.Unsent(); ok {
		t.Error("something is unsent")
	}
}
