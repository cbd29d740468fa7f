// SPDX-License-Identifier: LGPL-2.1-or-later

//go:build !nomodule

package kchan

import (
	"context"
	"os"
	"syscall"
	"testing"
	"time"
)

// A chosen is what Select has returned.
type chosen struct {
	i   int
	err error
}

func goSelect(ctx context.Context, cases ...Case) <-chan chosen {
	out := make(chan chosen, 1)
	go func() {
		i, err := Select(ctx, cases...)
		out <- chosen{i, err}
	}()
	return out
}

func picks(t *testing.T, got chosen, want int) {
	t.Helper()
	if got.i != want || got.err != nil {
		t.Errorf("chosen %v, not %d", got, want)
	}
}

func TestSelectDoesWhatIsReady(t *testing.T) {
	full, empty := make1[int](t, 1), make1[string](t, 1)
	must(t, full.Send(7))
	v, ok := 0, false
	i, err := Select(background, full.SendCase(8), empty.RecvCase(nil, nil), full.RecvCase(&v, &ok))
	picks(t, chosen{i, err}, 2)
	if v != 7 || !ok {
		t.Errorf("received %d, %v", v, ok)
	}
	i, err = Select(background, full.RecvCase(&v, &ok), empty.SendCase("word"))
	picks(t, chosen{i, err}, 1)
	gets[string](t, empty, "word")
}

// That one of two is never chosen in 200 times has a chance of one in 2^199.
func TestSelectChoosesAmongThoseThatAreReady(t *testing.T) {
	a, b := make1[int](t, 1), make1[int](t, 1)
	must(t, a.Send(1))
	must(t, b.Send(2))
	var times [3]int
	for n := 0; n < 200; n++ {
		v, w := 0, 0
		i, err := Select(background, a.RecvCase(&v, nil), b.RecvCase(&w, nil), b.SendCase(9))
		must(t, err)
		times[i]++
		if i == 0 && v == 1 && w == 0 {
			must(t, a.Send(1))
		} else if i == 1 && v == 0 && w == 2 {
			must(t, b.Send(2))
		} else {
			t.Fatalf("case %d with %d and %d", i, v, w)
		}
	}
	if times[0] == 0 || times[1] == 0 || times[2] != 0 {
		t.Errorf("chosen so often: %v", times)
	}
}

func TestSelectWaitsForWhatComesFirst(t *testing.T) {
	number, text := make1[int](t, 0), make1[string](t, 0)
	v, s, ok := 0, "", false
	got := goSelect(background, number.RecvCase(&v, &ok), text.RecvCase(&s, &ok))
	untilParked(t, number, 0, 1)
	untilParked(t, text, 0, 1)
	must(t, text.TrySend("word"))
	picks(t, <-got, 1)
	if s != "word" || v != 0 || !ok {
		t.Errorf("received %q, %d, %v", s, v, ok)
	}
	untilParked(t, number, 0, 0)

	got = goSelect(background, number.SendCase(5), text.SendCase("other"))
	untilParked(t, number, 1, 0)
	untilParked(t, text, 1, 0)
	gets[int](t, number, 5)
	picks(t, <-got, 0)
	untilParked(t, text, 0, 0)
	_, _, err := text.TryRecv()
	fails(t, err, ErrWouldBlock)
}

func TestTwoSelectsMeet(t *testing.T) {
	a, b := make1[int](t, 0), make1[int](t, 0)
	var v, w int
	one := goSelect(background, a.SendCase(1), b.RecvCase(&v, nil))
	untilParked(t, a, 1, 0)
	untilParked(t, b, 0, 1)
	i, err := Select(background, b.SendCase(2), a.RecvCase(&w, nil))
	must(t, err)
	first := <-one
	if i == 0 && first.i == 1 && v == 2 && w == 0 || i == 1 && first.i == 0 && w == 1 && v == 0 {
		return
	}
	t.Errorf("%d and %v, %d and %d", i, first, v, w)
}

func TestASelectNeverMeetsItself(t *testing.T) {
	c := make1[int](t, 0)
	_, err := TrySelect(c.SendCase(1), c.RecvCase(nil, nil))
	fails(t, err, ErrWouldBlock)
	got := goSelect(background, c.SendCase(1), c.RecvCase(nil, nil))
	untilParked(t, c, 1, 1)
	gets[int](t, c, 1)
	picks(t, <-got, 0)
}

func TestTrySelectTakesTheDefaultOnlyIfNothingIsReady(t *testing.T) {
	c := make1[int](t, 1)
	i, err := TrySelect(c.RecvCase(nil, nil))
	fails(t, err, ErrWouldBlock)
	if i != -1 {
		t.Errorf("the default is case %d", i)
	}
	v := 0
	i, err = TrySelect(c.RecvCase(&v, nil), c.SendCase(3))
	picks(t, chosen{i, err}, 1)
	i, err = TrySelect(c.RecvCase(&v, nil), c.SendCase(3))
	picks(t, chosen{i, err}, 0)
	if v != 3 {
		t.Errorf("received %d", v)
	}
	m := make1[string](t, 1)
	must(t, m.Send("word"))
	s := ""
	i, err = TrySelect(m.RecvCase(&s, nil))
	picks(t, chosen{i, err}, 0)
	if s != "word" {
		t.Errorf("received %q", s)
	}
}

func TestNilChannelsAreNeverReady(t *testing.T) {
	var none *Chan[int]
	var in *RecvChan[int]
	var out *SendChan[int]
	nils := []Case{{}, none.RecvCase(nil, nil), none.SendCase(1), in.RecvCase(nil, nil), out.SendCase(1)}
	c := make1[int](t, 1)
	i, err := Select(background, append(nils, c.SendCase(1))...)
	picks(t, chosen{i, err}, len(nils))
	_, err = TrySelect(nils...)
	fails(t, err, ErrWouldBlock)
	_, err = TrySelect()
	fails(t, err, ErrWouldBlock)
	for _, cases := range [][]Case{nil, nils} {
		ctx, cancel := context.WithTimeout(background, time.Millisecond)
		i, err := Select(ctx, cases...)
		cancel()
		fails(t, err, context.DeadlineExceeded)
		if i != -1 {
			t.Errorf("case %d is chosen", i)
		}
	}
}

func TestClosedChannelsAreReady(t *testing.T) {
	c, other := make1[int](t, 0), make1[int](t, 0)
	v, ok := 5, true
	got := goSelect(background, other.SendCase(1), c.RecvCase(&v, &ok))
	untilParked(t, c, 0, 1)
	must(t, c.CloseChan())
	picks(t, <-got, 1)
	if v != 0 || ok {
		t.Errorf("received %d, %v", v, ok)
	}
	v, ok = 5, true
	i, err := TrySelect(other.SendCase(1), c.RecvCase(&v, &ok))
	picks(t, chosen{i, err}, 1)
	if v != 0 || ok {
		t.Errorf("received %d, %v", v, ok)
	}
	i, err = Select(background, c.SendCase(1), other.RecvCase(nil, nil))
	fails(t, err, ErrClosed)
	if i != 0 {
		t.Errorf("case %d is chosen", i)
	}
	m := make1[string](t, 0)
	must(t, m.CloseChan())
	s, ok := "what was", true
	i, err = Select(background, m.RecvCase(&s, &ok))
	picks(t, chosen{i, err}, 0)
	if s != "" || ok {
		t.Errorf("received %q, %v", s, ok)
	}
}

func TestASelectThatEndsOtherwiseDoesNothing(t *testing.T) {
	a, b := make1[int](t, 0), make1[int](t, 0)
	r, err := b.RecvOnly()
	must(t, err)
	ctx, cancel := context.WithCancel(background)
	got := goSelect(ctx, a.SendCase(1), r.RecvCase(nil, nil))
	untilParked(t, a, 1, 0)
	untilParked(t, b, 0, 1)
	cancel()
	g := <-got
	fails(t, g.err, context.Canceled)
	untilParked(t, a, 0, 0)
	untilParked(t, b, 0, 0)

	got = goSelect(background, a.SendCase(1), r.RecvCase(nil, nil))
	untilParked(t, a, 1, 0)
	untilParked(t, b, 0, 1)
	must(t, r.Close())
	g = <-got
	fails(t, g.err, os.ErrClosed)
	if g.i != -1 {
		t.Errorf("case %d is chosen", g.i)
	}
	untilParked(t, a, 0, 0)
}

func TestASelectTakesSoManyCasesAndNoMore(t *testing.T) {
	c := make1[int](t, 1)
	cases := make([]Case, casesMax)
	cases[casesMax-1] = c.SendCase(1)
	i, err := Select(background, cases...)
	picks(t, chosen{i, err}, casesMax-1)
	_, err = Select(background, append(cases, Case{})...)
	says(t, err, syscall.EINVAL, "kchan: select: 1025 cases, it takes 1024")
}

// Selecting sends and receives in selects with another case, which is never ready.
type selecting struct {
	*Chan[int]
	never *Chan[int]
}

func (s selecting) SendContext(ctx context.Context, v int) error {
	_, err := Select(ctx, s.SendCase(v), s.never.RecvCase(nil, nil))
	return err
}

func (s selecting) RecvContext(ctx context.Context) (v int, ok bool, err error) {
	_, err = Select(ctx, s.never.RecvCase(nil, nil), s.RecvCase(&v, &ok))
	return v, ok, err
}

func TestSelectsCancelledAtAnyMomentLoseNothing(t *testing.T) {
	s := selecting{make1[int](t, 1), make1[int](t, 0)}
	cancelStorm(t, s, s)
}
