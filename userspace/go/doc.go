// SPDX-License-Identifier: LGPL-2.1-or-later

// Package kchan is Go's channels between processes: those of the Linux module chan, which
// other programs, in any language, have open as files.
//
//	jobs, err := kchan.Open[Job]("jobs")   // or Make, or Create
//	err = jobs.Send(job)                   // jobs <- job
//	job, ok, err := jobs.Recv()            // job, ok := <-jobs
//	err = jobs.CloseChan()                 // close(jobs)
//	defer jobs.Close()                     // lets go of the handle, as of a file
//
// It is called kchan, and so is its module, since chan is a keyword and can name no package.
// A module path without a dot stands for no server: a program that uses it says in its
// go.mod where it lies,
//
//	require kchan v0.0.0
//	replace kchan => ../chan/userspace/go
//
// # Where Go's channels differ
//
// Everything can fail here, so everything returns an error. What panics in Go is ErrClosed:
// another process may close a channel at any time. Close, as of any file, is the
// handle's; CloseChan is Go's close.
//
// Where a plain file is enough no package is needed: a program that reads and writes whole
// elements opens the node with os.OpenFile.
//
// # Types
//
// Numbers, bool, and arrays and structs of them are sent as they lie in memory, padding
// too, as C does. A string or a []byte is a message of up to MaxMessage bytes. Any other type
// needs an Encoding.
//
// The type has a name, which is kept with the channel and compared when it is opened, if
// both have one: that of Go's number type or string, where int is int32 or int64, as it is
// on this machine; "struct Job" of a struct type Job; that of the Encoding; none of []byte,
// [N]byte and struct{}. A channel made by another language may have its names of numbers: the
// int, long, double, uint8_t of C. TypeName says another name. What doesn't fit is a
// TypeError.
//
// # Waiting
//
// A call first tries. If it has to wait its goroutine is parked in the runtime's poller, as
// for a network connection, and no thread waits; the kernel meanwhile has a place for it
// among those who wait for the channel, other processes' too, who are served in turn. The end of a
// context takes that place back, or comes too late: an element is never lost between.
// Each waiting call needs a file descriptor.
//
// # Together with Go's channels
//
// Select is a select over the kernel's channels. Receiver and Sender are Go channels in
// front of one, for Go's own select.
package kchan
