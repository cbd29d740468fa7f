// SPDX-License-Identifier: LGPL-2.1-or-later

//go:build !nomodule

package kchan

// What the tests share that need the module. Those that have to be sure that somebody waits
// ask the kernel, in Info.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"
)

var background = context.Background()

func TestMain(m *testing.M) {
	if role := os.Getenv("KCHAN_ROLE"); role != "" {
		os.Exit(play(role))
	}
	os.Exit(m.Run())
}

// must is for what is there to test something else.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func make1[T any](t testing.TB, capacity int, opts ...Option) *Chan[T] {
	t.Helper()
	c, err := Make[T](capacity, opts...)
	must(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

var names atomic.Int64

// create1 makes a channel with a name that is destroyed with the test.
func create1[T any](t testing.TB, capacity int, opts ...Option) *Chan[T] {
	t.Helper()
	c, err := Create[T](fmt.Sprintf("kchan-%d-%d", os.Getpid(), names.Add(1)), capacity, opts...)
	must(t, err)
	t.Cleanup(func() {
		must(t, c.Destroy(true))
		c.Close()
	})
	return c
}

type informed interface{ Info() (Info, error) }

// until waits until what is known of the channel is as it should be.
func until(t testing.TB, c informed, is func(i Info) bool) {
	t.Helper()
	for {
		i, err := c.Info()
		must(t, err)
		if is(i) {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

func untilParked(t testing.TB, c informed, senders, receivers int) {
	t.Helper()
	until(t, c, func(i Info) bool {
		return i.ParkedSenders == senders && i.ParkedReceivers == receivers
	})
}

// A received is what Recv has returned.
type received[T any] struct {
	v   T
	ok  bool
	err error
}

type receives[T any] interface {
	RecvContext(context.Context) (T, bool, error)
}

// goRecv receives in a goroutine.
func goRecv[T any](ctx context.Context, c receives[T]) <-chan received[T] {
	out := make(chan received[T], 1)
	go func() {
		v, ok, err := c.RecvContext(ctx)
		out <- received[T]{v, ok, err}
	}()
	return out
}

type sends[T any] interface {
	SendContext(context.Context, T) error
}

// goSend sends in a goroutine.
func goSend[T any](ctx context.Context, c sends[T], v T) <-chan error {
	out := make(chan error, 1)
	go func() { out <- c.SendContext(ctx, v) }()
	return out
}

// gets receives, and compares.
func gets[T comparable](t testing.TB, c receives[T], want T) {
	t.Helper()
	v, ok, err := c.RecvContext(background)
	if v != want || !ok || err != nil {
		t.Errorf("received %v, %v, %v, not %v", v, ok, err, want)
	}
}

// ends says whether the channel is closed and drained.
func ends[T comparable](t testing.TB, c receives[T]) {
	t.Helper()
	var zero T
	v, ok, err := c.RecvContext(background)
	if v != zero || ok || err != nil {
		t.Errorf("received %v, %v, %v at the end", v, ok, err)
	}
}

func fails(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("the error is %v, not %v", err, want)
	}
}
