// SPDX-License-Identifier: LGPL-2.1-or-later

//go:build !nomodule

package kchan

import (
	"context"
	"fmt"
	"io"
	"testing"
)

// inBatches sends all at once and receives a few at a time, in order.
func inBatches[T comparable](t *testing.T, capacity, n int, nth func(i int) T) {
	t.Helper()
	c := make1[T](t, capacity)
	all := make([]T, n)
	for i := range all {
		all[i] = nth(i)
	}
	sent := make(chan error, 1)
	go func() {
		k, err := c.SendAll(all)
		if err == nil && k != n {
			err = fmt.Errorf("%d sent of %d", k, n)
		}
		if err == nil {
			err = c.CloseChan()
		}
		sent <- err
	}()
	some := make([]T, 7)
	got := 0
	for {
		k, err := c.RecvInto(some)
		if err == io.EOF && k == 0 {
			break
		}
		must(t, err)
		for _, v := range some[:k] {
			if got == n || v != all[got] {
				t.Fatalf("element %d is %v", got, v)
			}
			got++
		}
	}
	must(t, <-sent)
	if got != n {
		t.Errorf("%d received of %d", got, n)
	}
}

func TestBatchesKeepTheOrder(t *testing.T) {
	number := func(i int) int { return i }
	word := func(i int) string { return fmt.Sprint(i) }
	nothing := func(i int) struct{} { return struct{}{} }
	for _, capacity := range []int{0, 1, 10, 1000} {
		inBatches(t, capacity, 500, number)
		inBatches(t, capacity, 200, word)
		inBatches(t, capacity, 200, nothing)
	}
}

func TestRecvIntoTakesWhatIsThereAndDoesNotWaitForMore(t *testing.T) {
	c := make1[int](t, 4)
	n, err := c.SendAll([]int{1, 2, 3})
	if n != 3 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	vs := make([]int, 8)
	if n, err := c.RecvInto(vs); n != 3 || err != nil || vs[0] != 1 || vs[2] != 3 {
		t.Errorf("%d, %v, %v", n, err, vs)
	}
	if n, err := c.RecvInto(nil); n != 0 || err != nil {
		t.Errorf("into nothing: %d, %v", n, err)
	}
	m := make1[string](t, 4)
	_, err = m.SendAll([]string{"a", "b"})
	must(t, err)
	ss := make([]string, 8)
	if n, err := m.RecvInto(ss); n != 2 || err != nil || ss[0] != "a" || ss[1] != "b" {
		t.Errorf("%d, %v, %v", n, err, ss)
	}
}

func TestABatchThatIsCutShortSaysHowManyWereSent(t *testing.T) {
	c := make1[int](t, 2)
	type result struct {
		n   int
		err error
	}
	results := make(chan result, 1)
	send := func(ctx context.Context) {
		n, err := c.SendAllContext(ctx, []int{1, 2, 3, 4})
		results <- result{n, err}
	}
	ctx, cancel := context.WithCancel(background)
	go send(ctx)
	untilParked(t, c, 1, 0)
	cancel()
	r := <-results
	fails(t, r.err, context.Canceled)
	if r.n != 2 || c.Len() != 2 {
		t.Errorf("%d sent, %d there", r.n, c.Len())
	}
	gets[int](t, c, 1)
	go send(background)
	untilParked(t, c, 1, 0)
	must(t, c.CloseChan())
	r = <-results
	fails(t, r.err, ErrClosed)
	if r.n != 1 {
		t.Errorf("%d sent", r.n)
	}
	gets[int](t, c, 2)
	gets[int](t, c, 1)
	ends[int](t, c)
	if n, err := c.RecvInto(make([]int, 2)); n != 0 || err != io.EOF {
		t.Errorf("%d, %v", n, err)
	}
}

func TestRangeGoesToTheEnd(t *testing.T) {
	c := make1[int](t, 3)
	_, err := c.SendAll([]int{1, 2, 3})
	must(t, err)
	must(t, c.CloseChan())
	sum := 0
	c.Range(func(v int, err error) bool {
		must(t, err)
		sum = sum*10 + v
		return true
	})
	if sum != 123 {
		t.Errorf("%d", sum)
	}
}

func TestRangeStopsWhereItIsToldTo(t *testing.T) {
	c := make1[int](t, 3)
	_, err := c.SendAll([]int{1, 2, 3})
	must(t, err)
	c.Range(func(v int, err error) bool { return v < 2 })
	gets[int](t, c, 3)
}

func TestRangeGivesAnErrorOnceAndLast(t *testing.T) {
	c := make1[int](t, 3)
	must(t, c.Send(1))
	ctx, cancel := context.WithCancel(background)
	var got []error
	c.RangeContext(ctx, func(v int, err error) bool {
		cancel()
		got = append(got, err)
		return true
	})
	if len(got) != 2 || got[0] != nil {
		t.Fatalf("%v", got)
	}
	fails(t, got[1], context.Canceled)
}
