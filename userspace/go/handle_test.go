// SPDX-License-Identifier: LGPL-2.1-or-later

package kchan

import (
	"errors"
	"os"
	"syscall"
	"testing"
)

// Else the number might be another file's by the time the call is made.
func TestAFileThatASystemCallUsesIsClosedAfterIt(t *testing.T) {
	var pipe [2]int
	if err := syscall.Pipe(pipe[:]); err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(pipe[1])
	open := func() bool {
		var st syscall.Stat_t
		return syscall.Fstat(pipe[0], &st) == nil
	}
	h := &handle{fd: pipe[0]}
	err := h.do(func(fd int) error {
		if err := h.close(); err != nil {
			t.Error(err)
		}
		if fd != pipe[0] || !open() {
			t.Error("it is closed while it is used")
		}
		return nil
	})
	if err != nil || open() {
		t.Errorf("it isn't closed: %v", err)
	}
	if err := h.do(func(int) error { return nil }); !errors.Is(err, os.ErrClosed) {
		t.Errorf("it is used again: %v", err)
	}
	if err := h.close(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("it is closed again: %v", err)
	}
}
