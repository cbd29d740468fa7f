// SPDX-License-Identifier: LGPL-2.1-or-later

package kchan

import (
	"context"
	"errors"
	"os"
	"syscall"
)

var (
	// ErrClosed says that the channel is closed. Where Go panics, a send on a closed
	// channel and a second CloseChan, there is this error: who closed it may have been
	// another process, at any time.
	ErrClosed = errors.New("the channel is closed")

	// ErrHungUp is the error of a send on a channel made with HangUp when the last handle
	// that could receive from it has gone.
	ErrHungUp = errors.New("the channel has no receivers left")

	// ErrWouldBlock is the error of TrySend, TryRecv and TrySelect when they would have to
	// wait: the default of Go's select.
	ErrWouldBlock = errors.New("it would have to wait")

	// ErrNoModule says that this machine has no channels.
	ErrNoModule = errors.New("there is no " + ctlPath +
		": is the module chan loaded? (as root: chanctl load)")
)

// A TypeError says that a channel's elements aren't what the program takes them for, or
// that a Go type can't be an element at all.
type TypeError struct {
	Want string // what the program asked for
	Why  string // what is wrong with it
}

func (e *TypeError) Error() string {
	return "not a channel of " + e.Want + ": " + e.Why
}

// An Error is what each function of this package fails with. It says what was tried with
// which channel. For errors.Is and errors.As its cause is one of this package's errors,
// os.ErrClosed if this handle was closed, a context's error, or a syscall.Errno, which
// fs.ErrNotExist, fs.ErrExist and fs.ErrPermission match.
type Error struct {
	Op   string // as "send"
	Name string // of the channel
	Err  error  // the cause
}

func (e *Error) Error() string {
	if e.Name == "" {
		return "kchan: " + e.Op + ": " + e.Err.Error()
	}
	return "kchan: " + e.Op + " " + e.Name + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error {
	return e.Err
}

// Is lets a context's deadline match os.ErrDeadlineExceeded, too.
func (e *Error) Is(target error) bool {
	return target == os.ErrDeadlineExceeded && errors.Is(e.Err, context.DeadlineExceeded)
}

// meansNone says whether a device is not there: no node, or one with nobody behind it.
func meansNone(err error) bool {
	return errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ENXIO) ||
		errors.Is(err, syscall.ENODEV)
}

func newError(op, name string, err error) error {
	if errno, ok := err.(syscall.Errno); ok && meaning[errno] != "" {
		err = &meant{errno}
	}
	return &Error{op, name, err}
}

// What errnos mean here whose texts speak of other things.
var meaning = map[syscall.Errno]string{
	syscall.EDQUOT:    "a limit of this user is reached, see MODULE PARAMETERS in chan(4)",
	syscall.ENOTEMPTY: "elements are queued",
	syscall.EOVERFLOW: "capacity times size of an element is too much",
	syscall.ENODEV:    "it has no name",
	syscall.ESTALE:    "another channel has taken its place",
	syscall.EINVAL:    "a name, a size or a flag is not valid",
}

type meant struct{ errno syscall.Errno }

func (m *meant) Error() string { return meaning[m.errno] }
func (m *meant) Unwrap() error { return m.errno }
