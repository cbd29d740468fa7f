// SPDX-License-Identifier: LGPL-2.1-or-later

//go:build 386 || arm

package kchan

import "unsafe"

// An address is a __u64 that holds a pointer, the lower half first.
type address struct {
	p unsafe.Pointer
	_ uint32
}
