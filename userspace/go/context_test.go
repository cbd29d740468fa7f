// SPDX-License-Identifier: LGPL-2.1-or-later

//go:build !nomodule

package kchan

import (
	"context"
	"errors"
	"math/rand"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestAContextThatIsDoneMovesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(background)
	cancel()
	c := make1[int](t, 2)
	must(t, c.Send(1))
	_, _, err := c.RecvContext(ctx)
	fails(t, err, context.Canceled)
	_, err = c.RecvIntoContext(ctx, make([]int, 1))
	fails(t, err, context.Canceled)
	fails(t, c.SendContext(ctx, 2), context.Canceled)
	n, err := c.SendAllContext(ctx, []int{2})
	fails(t, err, context.Canceled)
	_, err = Select(ctx, c.RecvCase(nil, nil))
	fails(t, err, context.Canceled)
	if c.Len() != 1 || n != 0 {
		t.Errorf("%d elements, %d sent", c.Len(), n)
	}
}

func TestADeadlineEndsACallThatWaits(t *testing.T) {
	c := make1[int](t, 0)
	ctx, cancel := context.WithTimeout(background, time.Millisecond)
	defer cancel()
	_, _, err := c.RecvContext(ctx)
	fails(t, err, context.DeadlineExceeded)
	fails(t, err, os.ErrDeadlineExceeded)
	ctx, cancel = context.WithTimeout(background, time.Millisecond)
	defer cancel()
	err = c.SendContext(ctx, 1)
	fails(t, err, context.DeadlineExceeded)
	fails(t, err, os.ErrDeadlineExceeded)
	if errors.Is(err, context.Canceled) || errors.Is(err, os.ErrClosed) {
		t.Errorf("%v is more than that", err)
	}
}

func TestACancelledReceiveLeavesTheElementToOthers(t *testing.T) {
	c := make1[int](t, 0)
	ctx, cancel := context.WithCancel(background)
	got := goRecv[int](ctx, c)
	untilParked(t, c, 0, 1)
	cancel()
	fails(t, (<-got).err, context.Canceled)
	untilParked(t, c, 0, 0)
	fails(t, c.TrySend(1), ErrWouldBlock)
	got = goRecv[int](background, c)
	must(t, c.Send(2))
	if g := <-got; g.v != 2 {
		t.Errorf("%v", g)
	}
}

func TestACancelledSendIsNotSent(t *testing.T) {
	c := make1[int](t, 1)
	must(t, c.Send(1))
	ctx, cancel := context.WithCancel(background)
	sent := goSend(ctx, sends[int](c), 2)
	untilParked(t, c, 1, 0)
	cancel()
	fails(t, <-sent, context.Canceled)
	untilParked(t, c, 0, 0)
	gets[int](t, c, 1)
	_, _, err := c.TryRecv()
	fails(t, err, ErrWouldBlock)
}

// A tally is what was sent or received, each element how often.
type tally struct {
	mu sync.Mutex
	of map[int]int
}

func (l *tally) add(v int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of == nil {
		l.of = make(map[int]int)
	}
	l.of[v]++
}

// soon is a context that ends at a time that may be any within such a call.
func soon() (context.Context, context.CancelFunc) {
	return context.WithTimeout(background, time.Duration(rand.Intn(300))*time.Microsecond)
}

// All senders and receivers give up again and again, at any moment. What a sender was told
// is sent is received, once, and nothing else is.
func TestCancelsAtAnyMomentLoseNothing(t *testing.T) {
	for _, capacity := range []int{0, 1, 4} {
		c := make1[int](t, capacity)
		cancelled := cancelStorm(t, c, c)
		if cancelled[0] == 0 || cancelled[1] == 0 {
			t.Errorf("capacity %d: %d sends and %d receives were cancelled: it shows nothing",
				capacity, cancelled[0], cancelled[1])
		}
		t.Logf("capacity %d: %d sends and %d receives were cancelled", capacity, cancelled[0],
			cancelled[1])
	}
}

func cancelStorm(t *testing.T, in sends[int], out receives[int]) (cancelled [2]int64) {
	const senders, receivers, each = 4, 4, 300
	var sent, got tally
	var sending, receiving sync.WaitGroup

	stop, stopped := context.WithCancel(background)
	for s := 0; s < senders; s++ {
		sending.Add(1)
		go func(s int) {
			defer sending.Done()
			for i := 0; i < each; {
				ctx, cancel := soon()
				err := in.SendContext(ctx, s*each+i)
				cancel()
				if err == nil {
					sent.add(s*each + i)
					i++
				} else if errors.Is(err, context.DeadlineExceeded) {
					atomic.AddInt64(&cancelled[0], 1)
				} else {
					t.Error(err)
					return
				}
			}
		}(s)
	}
	for r := 0; r < receivers; r++ {
		receiving.Add(1)
		go func() {
			defer receiving.Done()
			for {
				ctx, cancel := soon()
				v, ok, err := out.RecvContext(ctx)
				cancel()
				if ok {
					got.add(v)
				} else if !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
					return
				} else {
					atomic.AddInt64(&cancelled[1], 1)
					if stop.Err() != nil {
						return
					}
				}
			}
		}()
	}
	sending.Wait()
	// What is left they still receive: they end when they have waited in vain.
	stopped()
	receiving.Wait()
	for {
		ctx, cancel := context.WithTimeout(background, time.Millisecond)
		v, ok, _ := out.RecvContext(ctx)
		cancel()
		if !ok {
			break
		}
		got.add(v)
	}
	if len(sent.of) != senders*each || len(got.of) != len(sent.of) {
		t.Errorf("%d elements were sent, %d received", len(sent.of), len(got.of))
	}
	for v, n := range got.of {
		if n != 1 || sent.of[v] != 1 {
			t.Errorf("%d was received %d times, sent %d times", v, n, sent.of[v])
		}
	}
	return cancelled
}
