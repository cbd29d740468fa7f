// SPDX-License-Identifier: LGPL-2.1-or-later

//go:build !nomodule

package kchan

import (
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// roundTrip sends what is received, through a buffer, to one who waits, and from one
// who waits.
func roundTrip[T comparable](t *testing.T, v T, opts ...Option) {
	t.Helper()
	c := make1[T](t, 1, opts...)
	must(t, c.Send(v))
	gets[T](t, c, v)
	got := goRecv[T](background, c)
	untilParked(t, c, 0, 1)
	must(t, c.Send(v))
	if g := <-got; g.v != v || !g.ok || g.err != nil {
		t.Errorf("one who waited received %v", g)
	}
	u := make1[T](t, 0, opts...)
	sent := goSend(background, sends[T](u), v)
	untilParked(t, u, 1, 0)
	gets[T](t, u, v)
	must(t, <-sent)
}

type line string

type mixed struct {
	a int8
	b float64
	c [3]uint16
	d struct{ e bool }
}

func TestEachTypeIsReceivedAsItWasSent(t *testing.T) {
	roundTrip(t, -7)
	roundTrip(t, int8(-7))
	roundTrip(t, uint64(1)<<63)
	roundTrip(t, 2.5)
	roundTrip(t, true)
	roundTrip(t, 1+2i)
	roundTrip(t, [3]int32{1, 2, 3})
	roundTrip(t, [4096]byte{0: 1, 4095: 2})
	roundTrip(t, mixed{1, 2.5, [3]uint16{3, 4, 5}, struct{ e bool }{true}})
	roundTrip(t, struct{}{})
	roundTrip(t, "")
	roundTrip(t, "word")
	roundTrip(t, line(strings.Repeat("x", 4096)))
	roundTrip(t, strings.Repeat("x", 100000), MaxMessage(100000))
}

func TestBytesAreMessages(t *testing.T) {
	c := make1[[]byte](t, 3)
	for _, s := range []string{"one", "", "three"} {
		must(t, c.Send([]byte(s)))
	}
	for _, want := range []string{"one", "", "three"} {
		b, ok, err := c.Recv()
		if string(b) != want || b == nil || !ok || err != nil {
			t.Errorf("received %q, %v, %v", b, ok, err)
		}
	}
}

func TestAMessageThatWasReceivedIsNotOverwrittenByTheNext(t *testing.T) {
	c := make1[[]byte](t, 2)
	must(t, c.Send([]byte("first")))
	must(t, c.Send([]byte("other")))
	b, _, err := c.Recv()
	must(t, err)
	_, _, err = c.Recv()
	must(t, err)
	if string(b) != "first" {
		t.Errorf("%q", b)
	}
}

func TestAMessageThatIsTooLongIsNotSent(t *testing.T) {
	c := make1[string](t, 1, MaxMessage(8))
	err := c.Send("123456789")
	says(t, err, syscall.EMSGSIZE, "a message of 9 bytes, the channel takes 8")
	if c.Len() != 0 {
		t.Error("something was sent")
	}
	must(t, c.Send("12345678"))
}

func TestTheChannelSaysWhatItIs(t *testing.T) {
	c := create1[int32](t, 3)
	must(t, c.Send(1))
	if c.Len() != 1 || c.Cap() != 3 || !strings.HasPrefix(c.Name(), "kchan-") {
		t.Errorf("%d of %d in %q", c.Len(), c.Cap(), c.Name())
	}
	i, err := c.Info()
	must(t, err)
	want := Info{ID: i.ID, Type: "int32", Name: c.Name(), Node: i.Node, ElemSize: 4, Cap: 3, Len: 1, Senders: 1,
		Receivers: 1, Sent: 1}
	if i != want || i.ID == 0 || !strings.HasPrefix(i.Node, "/dev/chan") {
		t.Errorf("%+v, not %+v", i, want)
	}
}

func TestAClosedChannelIsDrainedAndThenEnds(t *testing.T) {
	for _, capacity := range []int{0, 2} {
		c := make1[int](t, capacity)
		for i := 0; i < capacity; i++ {
			must(t, c.Send(i+1))
		}
		must(t, c.CloseChan())
		for i := 0; i < capacity; i++ {
			gets[int](t, c, i+1)
		}
		ends[int](t, c)
		ends[int](t, c)
		if _, ok, err := c.TryRecv(); ok || err != nil {
			t.Errorf("TryRecv: %v, %v", ok, err)
		}
	}
}

func TestMessagesEndToo(t *testing.T) {
	c := make1[string](t, 1)
	must(t, c.Send("last"))
	must(t, c.CloseChan())
	gets[string](t, c, "last")
	ends[string](t, c)
}

func TestWhatPanicsInGoIsAnError(t *testing.T) {
	c := create1[int](t, 1)
	must(t, c.CloseChan())
	says(t, c.Send(1), ErrClosed, "kchan: send "+c.Name()+": the channel is closed")
	fails(t, c.TrySend(1), ErrClosed)
	_, err := c.SendAll([]int{1, 2})
	fails(t, err, ErrClosed)
	says(t, c.CloseChan(), ErrClosed, "kchan: close channel "+c.Name()+": ")
	m := make1[string](t, 1)
	must(t, m.CloseChan())
	fails(t, m.Send(""), ErrClosed)
}

func TestCloseWakesAllWhoWait(t *testing.T) {
	c := make1[int](t, 0)
	one, two := goRecv[int](background, c), goRecv[int](background, c)
	untilParked(t, c, 0, 2)
	must(t, c.CloseChan())
	for _, got := range []received[int]{<-one, <-two} {
		if got != (received[int]{}) {
			t.Errorf("%v", got)
		}
	}
	c = make1[int](t, 1)
	must(t, c.Send(1))
	sent := goSend(background, sends[int](c), 2)
	untilParked(t, c, 1, 0)
	must(t, c.CloseChan())
	fails(t, <-sent, ErrClosed)
	gets[int](t, c, 1)
	ends[int](t, c)
}

func TestAChannelWithoutReceiversHangsUpIfItWasMadeSo(t *testing.T) {
	c := make1[int](t, 1, HangUp())
	s, err := c.SendOnly()
	must(t, err)
	defer s.Close()
	must(t, s.Send(1))
	sent := goSend(background, sends[int](s), 2)
	untilParked(t, s, 1, 0)
	must(t, c.Close())
	fails(t, <-sent, ErrHungUp)
	fails(t, s.Send(3), ErrHungUp)
}

func TestAChannelWithoutSendersClosesIfItWasMadeSo(t *testing.T) {
	c := make1[int](t, 1, AutoClose())
	r, err := c.RecvOnly()
	must(t, err)
	defer r.Close()
	must(t, c.Send(1))
	must(t, c.Close())
	gets[int](t, r, 1)
	ends[int](t, r)
}

func TestAClosedHandleIsClosedAndTheChannelIsNot(t *testing.T) {
	c := make1[int](t, 1)
	r, err := c.RecvOnly()
	must(t, err)
	must(t, r.Close())
	for _, err := range []error{
		r.Close(),
		func() error { _, _, err := r.Recv(); return err }(),
		func() error { _, _, err := r.TryRecv(); return err }(),
		func() error { _, err := r.RecvInto(make([]int, 1)); return err }(),
		func() error { _, err := r.Info(); return err }(),
		func() error { _, err := r.File(); return err }(),
		func() error { _, err := r.RecvOnly(); return err }(),
		func() error { _, err := TrySelect(r.RecvCase(nil, nil)); return err }(),
		func() error { _, err := Select(background, r.RecvCase(nil, nil)); return err }(),
	} {
		says(t, err, os.ErrClosed, "kchan: ")
	}
	if r.Len() != 0 || r.Cap() != 1 {
		t.Error("a closed handle has elements")
	}
	must(t, c.Send(1))
	gets[int](t, c, 1)
}

func TestCloseOfTheHandleEndsCallsThatWait(t *testing.T) {
	c := make1[int](t, 0)
	r, err := c.RecvOnly()
	must(t, err)
	got := goRecv[int](background, r)
	untilParked(t, c, 0, 1)
	must(t, r.Close())
	if g := <-got; g.ok {
		t.Errorf("received %v", g.v)
	} else {
		fails(t, g.err, os.ErrClosed)
	}
	untilParked(t, c, 0, 0)
	until(t, c, func(i Info) bool { return i.Receivers == 1 })
	s, err := c.SendOnly()
	must(t, err)
	sent := goSend(background, sends[int](s), 1)
	untilParked(t, c, 1, 0)
	must(t, s.Close())
	fails(t, <-sent, os.ErrClosed)
	untilParked(t, c, 0, 0)
}

func TestAHandleThatNobodyHasAnyMoreIsClosed(t *testing.T) {
	c := make1[int](t, 0)
	func() {
		_, err := c.RecvOnly()
		must(t, err)
	}()
	until(t, c, func(i Info) bool {
		runtime.GC()
		return i.Receivers == 1
	})
}

func TestTryFailsWhereItWouldHaveToWait(t *testing.T) {
	c := make1[int](t, 1)
	_, _, err := c.TryRecv()
	fails(t, err, ErrWouldBlock)
	must(t, c.TrySend(1))
	fails(t, c.TrySend(2), ErrWouldBlock)
	v, ok, err := c.TryRecv()
	if v != 1 || !ok || err != nil {
		t.Errorf("%v, %v, %v", v, ok, err)
	}
	m := make1[string](t, 0)
	_, _, err = m.TryRecv()
	fails(t, err, ErrWouldBlock)
	fails(t, m.TrySend("x"), ErrWouldBlock)
}

func TestTryMeetsThoseWhoWait(t *testing.T) {
	c := make1[int](t, 0)
	got := goRecv[int](background, c)
	untilParked(t, c, 0, 1)
	must(t, c.TrySend(7))
	if g := <-got; g.v != 7 || !g.ok {
		t.Errorf("%v", g)
	}
	sent := goSend(background, sends[int](c), 8)
	untilParked(t, c, 1, 0)
	if v, ok, err := c.TryRecv(); v != 8 || !ok || err != nil {
		t.Errorf("%v, %v, %v", v, ok, err)
	}
	must(t, <-sent)
}

// Else an element that nobody asked for would be sent to it.
func TestTryRecvLeavesNoReceiveBehindWhereHandlesStandBy(t *testing.T) {
	c := make1[int](t, 0, StandBy())
	r, err := c.RecvOnly()
	must(t, err)
	defer r.Close()
	for _, err := range []error{
		func() error { _, _, err := c.TryRecv(); return err }(),
		func() error { _, _, err := r.TryRecv(); return err }(),
		c.TrySend(1),
	} {
		fails(t, err, ErrWouldBlock)
	}
	i, err := c.Info()
	must(t, err)
	if i.ParkedReceivers != 0 {
		t.Errorf("%d receivers wait", i.ParkedReceivers)
	}
	// A handle that can't receive doesn't stand by in any case.
	s, err := c.SendOnly()
	must(t, err)
	must(t, s.Close())
}

func TestWaitersAreServedInTurnThoseOfThePlainFileToo(t *testing.T) {
	c := make1[uint8](t, 0)
	f, err := c.File()
	must(t, err)
	defer f.Close()
	plain := func() <-chan received[uint8] {
		out := make(chan received[uint8], 1)
		go func() {
			var b [1]byte
			n, err := f.Read(b[:])
			out <- received[uint8]{b[0], n == 1, err}
		}()
		return out
	}
	first := goRecv[uint8](background, c)
	untilParked(t, c, 0, 1)
	second := plain()
	untilParked(t, c, 0, 2)
	third := goRecv[uint8](background, c)
	untilParked(t, c, 0, 3)
	for i := uint8(1); i <= 3; i++ {
		must(t, c.TrySend(i))
	}
	for i, got := range []received[uint8]{<-first, <-second, <-third} {
		if got != (received[uint8]{uint8(i + 1), true, nil}) {
			t.Errorf("number %d received %v", i+1, got)
		}
	}
}

func TestAPlainProgramGetsTheChannelAsItsFile(t *testing.T) {
	c := make1[string](t, 2)
	r, err := c.RecvOnly()
	must(t, err)
	f, err := r.File()
	must(t, err)
	cat := exec.Command("cat")
	cat.Stdin = f
	out, err := cat.StdoutPipe()
	must(t, err)
	must(t, cat.Start())
	must(t, f.Close())
	must(t, c.Send("one "))
	must(t, c.Send("two"))
	must(t, c.CloseChan())
	got, err := io.ReadAll(out)
	must(t, err)
	must(t, cat.Wait())
	if string(got) != "one two" {
		t.Errorf("cat has copied %q", got)
	}
}

func TestAHandleFromAFileMayDoWhatTheFileMay(t *testing.T) {
	c := make1[int](t, 1)
	f, err := c.File()
	must(t, err)
	defer f.Close()
	both, err := FromFile[int](f)
	must(t, err)
	defer both.Close()
	must(t, both.Send(1))
	r, err := RecvFromFile[int](f)
	must(t, err)
	defer r.Close()
	gets[int](t, r, 1)
	rf, err := r.File()
	must(t, err)
	defer rf.Close()
	_, err = FromFile[int](rf)
	fails(t, err, syscall.EBADF)
	_, err = SendFromFile[int](rf)
	fails(t, err, syscall.EBADF)
	_, err = FromFile[int32](f)
	if _, ok := err.(*Error).Err.(*TypeError); !ok {
		t.Errorf("%v", err)
	}
	s, err := SendFromFile[int](f)
	must(t, err)
	must(t, s.Send(2))
	must(t, s.Close())
}

// What the stack's memory is when it moves, and the heap's when it is collected.
func TestElementsAreKeptWhileMemoryMovesAndIsCollected(t *testing.T) {
	c := make1[[64]int](t, 1)
	over := make(chan struct{})
	defer close(over)
	go func() {
		for {
			select {
			case <-over:
				return
			default:
				runtime.GC()
			}
		}
	}()
	const n = 2000
	go func() {
		for i := 0; i < n; i++ {
			deep(i%50, func() {
				var v [64]int
				for j := range v {
					v[j] = i
				}
				if err := c.Send(v); err != nil {
					panic(err)
				}
			})
		}
	}()
	for i := 0; i < n; i++ {
		deep((i+25)%50, func() {
			v, ok, err := c.Recv()
			must(t, err)
			for _, got := range v {
				if got != i || !ok {
					t.Fatalf("element %d is %v", i, v)
				}
			}
		})
	}
}

// deep calls it with more stack.
//
//go:noinline
func deep(n int, call func()) {
	var room [256]byte
	room[n] = 1
	if n == 0 {
		call()
	} else {
		deep(n-1, call)
	}
	runtime.KeepAlive(&room)
}

func TestACallThatDoesNotWaitAllocatesNothing(t *testing.T) {
	c := make1[int](t, 1)
	many := make([]int, 1)
	allocs := testing.AllocsPerRun(100, func() {
		must(t, c.Send(1))
		_, _, err := c.Recv()
		must(t, err)
		_, err = c.SendAll(many)
		must(t, err)
		_, err = c.RecvInto(many)
		must(t, err)
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}
