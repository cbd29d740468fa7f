// SPDX-License-Identifier: LGPL-2.1-or-later

//go:build !nomodule

package kchan

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// play is what this program does when a test has started it anew.
func play(role string) int {
	err := map[string]func() error{
		"square": square,
		"wait":   waitForOne,
		"first":  sendOnInherited,
	}[role]()
	if err != nil {
		fmt.Fprintln(os.Stderr, role, err)
		return 1
	}
	return 0
}

// square squares what it receives from one channel, and sends it to another.
func square() error {
	in, err := OpenRecv[int64](os.Getenv("KCHAN_IN"))
	if err != nil {
		return err
	}
	out, err := OpenSend[int64](os.Getenv("KCHAN_OUT"))
	if err != nil {
		return err
	}
	var failed error
	in.Range(func(v int64, err error) bool {
		if failed = err; failed == nil {
			failed = out.Send(v * v)
		}
		return failed == nil
	})
	if failed == nil {
		failed = out.CloseChan()
	}
	return failed
}

// waitForOne waits for an element, until it is killed.
func waitForOne() error {
	in, err := OpenRecv[int64](os.Getenv("KCHAN_IN"))
	if err != nil {
		return err
	}
	_, _, err = in.Recv()
	return err
}

// sendOnInherited sends on the channel that it was started with.
func sendOnInherited() error {
	c, err := SendFromFile[int64](os.NewFile(3, "inherited"))
	if err != nil {
		return err
	}
	return c.Send(3)
}

// start starts this program anew, in a role.
func start(t *testing.T, role, in, out string, files ...*os.File) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "KCHAN_ROLE="+role, "KCHAN_IN="+in, "KCHAN_OUT="+out)
	cmd.Stderr = os.Stderr
	cmd.ExtraFiles = files
	must(t, cmd.Start())
	return cmd
}

func TestTwoProcessesMeetByName(t *testing.T) {
	for _, capacity := range []int{0, 8} {
		in, out := create1[int64](t, capacity), create1[int64](t, capacity)
		child := start(t, "square", in.Name(), out.Name())
		go func() {
			for v := int64(0); v < 100; v++ {
				if err := in.Send(v); err != nil {
					t.Error(err)
				}
			}
			if err := in.CloseChan(); err != nil {
				t.Error(err)
			}
		}()
		next := int64(0)
		out.Range(func(v int64, err error) bool {
			must(t, err)
			if v != next*next {
				t.Errorf("%d, not the square of %d", v, next)
			}
			next++
			return true
		})
		must(t, child.Wait())
		if next != 100 {
			t.Errorf("%d squares", next)
		}
	}
}

func TestAProcessThatIsKilledWhileItWaitsLosesNothing(t *testing.T) {
	c := create1[int64](t, 0)
	for i := int64(0); i < 5; i++ {
		child := start(t, "wait", c.Name(), "")
		untilParked(t, c, 0, 1)
		must(t, child.Process.Kill())
		child.Wait()
		untilParked(t, c, 0, 0)
		got := goRecv[int64](background, c)
		must(t, c.Send(i))
		if g := <-got; g.v != i || !g.ok {
			t.Errorf("%v", g)
		}
	}
}

func TestAChildInheritsAChannelWithoutAName(t *testing.T) {
	c := make1[int64](t, 0)
	s, err := c.SendOnly()
	must(t, err)
	f, err := s.File()
	must(t, err)
	child := start(t, "first", "", "", f)
	must(t, f.Close())
	gets[int64](t, c, 3)
	must(t, child.Wait())
}
