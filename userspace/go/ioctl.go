// SPDX-License-Identifier: LGPL-2.1-or-later

package kchan

import (
	"bytes"
	"runtime"
	"syscall"
	"unsafe"
)

// ioctl is ioctl(2). None that this package calls waits; those that a signal has
// interrupted have changed nothing, and are made again. The errno is 0 if there is none.
func ioctl[A any](fd int, cmd uintptr, arg *A) (int, syscall.Errno) {
	for {
		r, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), cmd,
			uintptr(unsafe.Pointer(arg)))
		if errno != syscall.EINTR {
			runtime.KeepAlive(arg)
			return int(r), errno
		}
	}
}

// ioctlValue is ioctl(2) with a number as its argument.
func ioctlValue(fd int, cmd, value uintptr) syscall.Errno {
	for {
		_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), cmd, value)
		if errno != syscall.EINTR {
			return errno
		}
	}
}

// sizeOf is what the size field of a structure says.
func sizeOf[A any](arg *A) uint32 {
	return uint32(unsafe.Sizeof(*arg))
}

// text is a string of the kernel's, without the NULs behind it.
func text(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}

// setText puts a string where the kernel looks for one. It must leave room for a NUL.
func setText(to []byte, s string) bool {
	return len(s) < len(to) && copy(to, s) == len(s) && bytes.IndexByte(to[:len(s)], 0) < 0
}
