// SPDX-License-Identifier: LGPL-2.1-or-later

//go:build !nomodule

package kchan

import (
	"os"
	"strings"
	"testing"
)

// entries counts those of a folder of /proc/self.
func entries(t *testing.T, folder string) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/" + folder)
	must(t, err)
	return len(list)
}

func selectors(t *testing.T) (n int) {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	for _, e := range list {
		to, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err == nil && strings.Contains(to, "chan-selector") {
			n++
		}
	}
	return n
}

func TestGoroutinesWaitAndThreadsDoNot(t *testing.T) {
	const n = 1000
	before := entries(t, "task")
	chans := make([]*Chan[int], n)
	got := make([]<-chan received[int], n)
	for i := range chans {
		chans[i] = make1[int](t, 0)
		got[i] = goRecv[int](background, chans[i])
	}
	for _, c := range chans {
		untilParked(t, c, 0, 1)
	}
	during := entries(t, "task")
	t.Logf("%d threads, and %d with %d receivers that wait; %d selectors", before, during, n,
		selectors(t))
	if during > before+50 {
		t.Errorf("%d threads, and %d before", during, before)
	}
	for i, c := range chans {
		must(t, c.TrySend(i))
	}
	for i := range got {
		if g := <-got[i]; g != (received[int]{i, true, nil}) {
			t.Errorf("number %d received %v", i, g)
		}
	}
	if left := selectors(t); left > idleMax {
		t.Errorf("%d selectors are left", left)
	}
}

func TestSelectorsAreUsedAgain(t *testing.T) {
	c := make1[int](t, 0)
	once := func() {
		got := goRecv[int](background, c)
		untilParked(t, c, 0, 1)
		must(t, c.Send(1))
		<-got
	}
	once()
	before := selectors(t)
	for i := 0; i < 20; i++ {
		once()
	}
	if after := selectors(t); after > before || before == 0 {
		t.Errorf("%d selectors, and %d before", after, before)
	}
}

// Of a selector that was interrupted nothing is left for the next who has it.
func TestASelectorThatWasInterruptedWaitsAgain(t *testing.T) {
	for i := 0; i < 2*idleMax; i++ {
		c := make1[int](t, 0)
		r, err := c.RecvOnly()
		must(t, err)
		got := goRecv[int](background, r)
		untilParked(t, c, 0, 1)
		must(t, r.Close())
		fails(t, (<-got).err, os.ErrClosed)
		got = goRecv[int](background, c)
		untilParked(t, c, 0, 1)
		must(t, c.TrySend(i))
		if g := <-got; g.v != i || g.err != nil {
			t.Fatalf("%v", g)
		}
	}
}
