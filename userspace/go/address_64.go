// SPDX-License-Identifier: LGPL-2.1-or-later

//go:build amd64 || arm64 || loong64 || riscv64 || s390x

package kchan

import "unsafe"

// An address is a __u64 that holds a pointer. It stays a pointer in Go, so that what it
// points to is kept, and is followed when a stack moves.
type address struct {
	p unsafe.Pointer
}
