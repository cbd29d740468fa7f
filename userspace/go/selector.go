// SPDX-License-Identifier: LGPL-2.1-or-later

package kchan

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// A selector waits in channels for a goroutine, which the runtime's poller parks
// meanwhile: no thread waits.
type selector struct {
	file        *os.File
	fd          int    // of file, whose Fd method would make it block
	buf         []byte // where results are read
	interrupted atomic.Bool
}

// Of those that nobody uses some are kept.
const (
	idleMax    = 64
	idleBufMax = 64 << 10
)

var idle struct {
	mu        sync.Mutex
	selectors []*selector
}

// A time in the past.
var past = time.Unix(1, 0)

// takeSelector gets a selector; fd is any channel, by which a new one is made.
func takeSelector(fd int) (*selector, error) {
	if s := takeIdle(); s != nil {
		return s, nil
	}
	return newSelector(fd)
}

func takeIdle() *selector {
	idle.mu.Lock()
	defer idle.mu.Unlock()
	n := len(idle.selectors)
	if n == 0 {
		return nil
	}
	s := idle.selectors[n-1]
	idle.selectors = idle.selectors[:n-1]
	return s
}

// put gives it back, not armed.
func (s *selector) put() {
	if cap(s.buf) > idleBufMax {
		s.buf = nil
	}
	idle.mu.Lock()
	defer idle.mu.Unlock()
	if len(idle.selectors) < idleMax {
		idle.selectors = append(idle.selectors, s)
	} else {
		s.file.Close()
	}
}

func newSelector(fd int) (*selector, error) {
	arg := uapiSelector{fdFlags: syscall.O_CLOEXEC | syscall.O_NONBLOCK}
	arg.size = sizeOf(&arg)
	if _, errno := ioctl(fd, iocSelector, &arg); errno != 0 {
		return nil, errno
	}
	s := &selector{fd: int(arg.fd), file: os.NewFile(uintptr(arg.fd), "chan-selector")}
	// It fails unless the poller has the file.
	if err := s.file.SetReadDeadline(time.Time{}); err != nil {
		s.file.Close()
		return nil, err
	}
	return s, nil
}

// arm returns the case that has committed and its flag, or EINPROGRESS.
func (s *selector) arm(cases []uapiCase) (int, syscall.Errno) {
	arg := uapiSelect{
		cases:    address{p: unsafe.Pointer(&cases[0])},
		count:    uint32(len(cases)),
		caseSize: sizeOf(&cases[0]),
	}
	arg.size = sizeOf(&arg)
	return ioctl(s.fd, iocArm, &arg)
}

// interrupt ends a wait. It may be called while others wait or interrupt, but not once
// calm was called.
func (s *selector) interrupt() {
	s.interrupted.Store(true)
	s.file.SetReadDeadline(past)
}

// calm undoes interrupt, when nobody interrupts any more.
func (s *selector) calm() {
	if s.interrupted.Swap(false) {
		s.file.SetReadDeadline(time.Time{})
	}
}

// read waits for the result, with an element of at most n bytes behind it.
func (s *selector) read(n int) (*uapiSelected, []byte, error) {
	var head uapiSelected

	headSize := int(sizeOf(&head))
	if cap(s.buf) < headSize+n {
		s.buf = make([]byte, headSize+n)
	}
	buf := s.buf[:headSize+n]
	got, err := s.file.Read(buf)
	if err != nil {
		return nil, nil, err
	}
	copy((*[unsafe.Sizeof(head)]byte)(unsafe.Pointer(&head))[:], buf)
	return &head, buf[headSize:got], nil
}

// errDisarmed says that no case has committed, nor will.
var errDisarmed = errors.New("interrupted")

// disarm takes it back, or reads the result, where a case was quicker.
func (s *selector) disarm(n int) (*uapiSelected, []byte, error) {
	switch errno := ioctlValue(s.fd, iocDisarm, 0); errno {
	case 0:
		return nil, nil, errDisarmed
	case syscall.EALREADY:
		return s.read(n)
	default:
		return nil, nil, errno
	}
}
