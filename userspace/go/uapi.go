// SPDX-License-Identifier: LGPL-2.1-or-later

package kchan

// What uapi/linux/chan.h says, in Go. uapi_test.go compares the two.

const (
	iocCreate   = 0xC400
	iocResolve  = 0xC401
	iocSelect   = 0xC408
	iocSelector = 0xC409
	iocSend     = 0xC410
	iocRecv     = 0xC411
	iocClose    = 0xC412
	iocInfo     = 0xC413
	iocNarrow   = 0xC414
	iocDestroy  = 0xC415
	iocStandby  = 0xC416
	iocArm      = 0xC420
	iocDisarm   = 0xC421
)

const (
	elemSizeMax = 0x00100000
	capacityMax = 0x40000000
	casesMax    = 1024
	typeLen     = 32
	nameLen     = 64
	uidAny      = 0xffffffff
	minorNone   = 0xffffffff

	flagMessage   = 0x00000001
	flagNamed     = 0x00000002
	flagAutoclose = 0x00000004
	flagHangup    = 0x00000008
	flagStandby   = 0x00000010
	flagClosed    = 0x00010000
	flagHungup    = 0x00020000
	flagDestroyed = 0x00040000

	xferNonblock   = 0x00000001
	selectNonblock = 0x00000001
	destroyForce   = 0x00000001

	caseRecv  = 0
	caseSend  = 1
	indexMask = 0x0000ffff
	okFlag    = 0x00010000
)

type uapiCreate struct {
	size     uint32
	flags    uint32
	elemSize uint32
	capacity uint32
	fdFlags  uint32
	mode     uint32
	fd       int32
	minor    uint32
	id       uint64
	typ      [typeLen]byte
	name     [nameLen]byte
}

type uapiResolve struct {
	size  uint32
	flags uint32
	uid   uint32
	minor uint32
	id    uint64
	name  [nameLen]byte
}

type uapiInfo struct {
	size            uint32
	flags           uint32
	id              uint64
	elemSize        uint32
	capacity        uint32
	len             uint32
	minor           uint32
	parkedSenders   uint32
	parkedReceivers uint32
	senders         uint32
	receivers       uint32
	uid             uint32
	mode            uint32
	sent            uint64
	received        uint64
	typ             [typeLen]byte
	name            [nameLen]byte
}

type uapiXfer struct {
	size      uint32
	flags     uint32
	buf       address
	count     uint32
	len       uint32
	timeoutNs uint64
}

type uapiNarrow struct {
	size    uint32
	fdFlags uint32
	fd      int32
	pad     uint32
}

type uapiDestroy struct {
	size  uint32
	flags uint32
}

type uapiCase struct {
	fd  int32
	op  uint32
	buf address
	len uint32
	pad uint32
}

type uapiSelect struct {
	size      uint32
	flags     uint32
	cases     address
	count     uint32
	caseSize  uint32
	timeoutNs uint64
}

type uapiSelector struct {
	size    uint32
	fdFlags uint32
	fd      int32
	pad     uint32
}

type uapiSelected struct {
	index uint32
	flags uint32
	len   uint32
	pad   uint32
}
