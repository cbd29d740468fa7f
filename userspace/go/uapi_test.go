// SPDX-License-Identifier: LGPL-2.1-or-later

//go:build nomodule

package kchan

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"
)

// inC has a C compiler say what the expressions are with the header.
func inC(t *testing.T, expressions []string) []string {
	t.Helper()
	var c strings.Builder
	c.WriteString("#include <linux/chan.h>\n#include <stddef.h>\n#include <stdio.h>\nint main(void)\n{\n")
	for _, e := range expressions {
		fmt.Fprintf(&c, "printf(\"%%lu\\n\", (unsigned long)(%s));\n", e)
	}
	c.WriteString("return 0;\n}\n")
	program := filepath.Join(t.TempDir(), "uapi")
	cc := exec.Command("cc", "-I../../uapi", "-xc", "-", "-o", program)
	cc.Stdin = strings.NewReader(c.String())
	if out, err := cc.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	out, err := exec.Command(program).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(out))
}

type same struct {
	c  string
	us uintptr
}

func compare(t *testing.T, list []same) {
	t.Helper()
	var c []string
	for _, s := range list {
		c = append(c, s.c)
	}
	got := inC(t, c)
	if len(got) != len(list) {
		t.Fatalf("%d answers to %d questions", len(got), len(list))
	}
	for i, s := range list {
		if got[i] != fmt.Sprint(s.us) {
			t.Errorf("%s is %s in C, %d here", s.c, got[i], s.us)
		}
	}
}

func TestNumbersAreThoseOfTheHeader(t *testing.T) {
	compare(t, []same{
		{"CHAN_IOC_CREATE", iocCreate}, {"CHAN_IOC_RESOLVE", iocResolve},
		{"CHAN_IOC_SELECT", iocSelect}, {"CHAN_IOC_SELECTOR", iocSelector},
		{"CHAN_IOC_SEND", iocSend}, {"CHAN_IOC_RECV", iocRecv},
		{"CHAN_IOC_CLOSE", iocClose}, {"CHAN_IOC_INFO", iocInfo},
		{"CHAN_IOC_NARROW", iocNarrow}, {"CHAN_IOC_DESTROY", iocDestroy},
		{"CHAN_IOC_STANDBY", iocStandby}, {"CHAN_IOC_ARM", iocArm},
		{"CHAN_IOC_DISARM", iocDisarm},
		{"CHAN_ELEM_SIZE_MAX", elemSizeMax}, {"CHAN_CAPACITY_MAX", capacityMax},
		{"CHAN_CASES_MAX", casesMax}, {"CHAN_TYPE_LEN", typeLen}, {"CHAN_NAME_LEN", nameLen},
		{"CHAN_UID_ANY", uidAny}, {"CHAN_MINOR_NONE", minorNone},
		{"CHAN_MESSAGE", flagMessage}, {"CHAN_NAMED", flagNamed},
		{"CHAN_AUTOCLOSE", flagAutoclose}, {"CHAN_HANGUP", flagHangup},
		{"CHAN_STANDBY", flagStandby}, {"CHAN_CLOSED", flagClosed},
		{"CHAN_HUNGUP", flagHungup}, {"CHAN_DESTROYED", flagDestroyed},
		{"CHAN_NONBLOCK", xferNonblock}, {"CHAN_NONBLOCK", selectNonblock},
		{"CHAN_DESTROY_FORCE", destroyForce},
		{"CHAN_CASE_RECV", caseRecv}, {"CHAN_CASE_SEND", caseSend},
		{"CHAN_INDEX_MASK", indexMask}, {"CHAN_OK", okFlag},
	})
}

func TestStructuresAreThoseOfTheHeader(t *testing.T) {
	var (
		create   uapiCreate
		resolve  uapiResolve
		info     uapiInfo
		xfer     uapiXfer
		narrow   uapiNarrow
		destroy  uapiDestroy
		kase     uapiCase
		sel      uapiSelect
		selector uapiSelector
		selected uapiSelected
	)
	at := func(structure, field string, offset uintptr) same {
		return same{fmt.Sprintf("offsetof(struct chan_%s, %s)", structure, field), offset}
	}
	size := func(structure string, size uintptr) same {
		return same{fmt.Sprintf("sizeof(struct chan_%s)", structure), size}
	}
	compare(t, []same{
		size("create", unsafe.Sizeof(create)),
		at("create", "size", unsafe.Offsetof(create.size)),
		at("create", "flags", unsafe.Offsetof(create.flags)),
		at("create", "elem_size", unsafe.Offsetof(create.elemSize)),
		at("create", "capacity", unsafe.Offsetof(create.capacity)),
		at("create", "fd_flags", unsafe.Offsetof(create.fdFlags)),
		at("create", "mode", unsafe.Offsetof(create.mode)),
		at("create", "fd", unsafe.Offsetof(create.fd)),
		at("create", "minor", unsafe.Offsetof(create.minor)),
		at("create", "id", unsafe.Offsetof(create.id)),
		at("create", "type", unsafe.Offsetof(create.typ)),
		at("create", "name", unsafe.Offsetof(create.name)),
		size("resolve", unsafe.Sizeof(resolve)),
		at("resolve", "size", unsafe.Offsetof(resolve.size)),
		at("resolve", "flags", unsafe.Offsetof(resolve.flags)),
		at("resolve", "uid", unsafe.Offsetof(resolve.uid)),
		at("resolve", "minor", unsafe.Offsetof(resolve.minor)),
		at("resolve", "id", unsafe.Offsetof(resolve.id)),
		at("resolve", "name", unsafe.Offsetof(resolve.name)),
		size("info", unsafe.Sizeof(info)),
		at("info", "size", unsafe.Offsetof(info.size)),
		at("info", "flags", unsafe.Offsetof(info.flags)),
		at("info", "id", unsafe.Offsetof(info.id)),
		at("info", "elem_size", unsafe.Offsetof(info.elemSize)),
		at("info", "capacity", unsafe.Offsetof(info.capacity)),
		at("info", "len", unsafe.Offsetof(info.len)),
		at("info", "minor", unsafe.Offsetof(info.minor)),
		at("info", "parked_senders", unsafe.Offsetof(info.parkedSenders)),
		at("info", "parked_receivers", unsafe.Offsetof(info.parkedReceivers)),
		at("info", "senders", unsafe.Offsetof(info.senders)),
		at("info", "receivers", unsafe.Offsetof(info.receivers)),
		at("info", "uid", unsafe.Offsetof(info.uid)),
		at("info", "mode", unsafe.Offsetof(info.mode)),
		at("info", "sent", unsafe.Offsetof(info.sent)),
		at("info", "received", unsafe.Offsetof(info.received)),
		at("info", "type", unsafe.Offsetof(info.typ)),
		at("info", "name", unsafe.Offsetof(info.name)),
		size("xfer", unsafe.Sizeof(xfer)),
		at("xfer", "size", unsafe.Offsetof(xfer.size)),
		at("xfer", "flags", unsafe.Offsetof(xfer.flags)),
		at("xfer", "buf", unsafe.Offsetof(xfer.buf)),
		at("xfer", "count", unsafe.Offsetof(xfer.count)),
		at("xfer", "len", unsafe.Offsetof(xfer.len)),
		at("xfer", "timeout_ns", unsafe.Offsetof(xfer.timeoutNs)),
		size("narrow", unsafe.Sizeof(narrow)),
		at("narrow", "size", unsafe.Offsetof(narrow.size)),
		at("narrow", "fd_flags", unsafe.Offsetof(narrow.fdFlags)),
		at("narrow", "fd", unsafe.Offsetof(narrow.fd)),
		size("destroy", unsafe.Sizeof(destroy)),
		at("destroy", "flags", unsafe.Offsetof(destroy.flags)),
		size("case", unsafe.Sizeof(kase)),
		at("case", "fd", unsafe.Offsetof(kase.fd)),
		at("case", "op", unsafe.Offsetof(kase.op)),
		at("case", "buf", unsafe.Offsetof(kase.buf)),
		at("case", "len", unsafe.Offsetof(kase.len)),
		size("select", unsafe.Sizeof(sel)),
		at("select", "size", unsafe.Offsetof(sel.size)),
		at("select", "flags", unsafe.Offsetof(sel.flags)),
		at("select", "cases", unsafe.Offsetof(sel.cases)),
		at("select", "count", unsafe.Offsetof(sel.count)),
		at("select", "case_size", unsafe.Offsetof(sel.caseSize)),
		at("select", "timeout_ns", unsafe.Offsetof(sel.timeoutNs)),
		size("selector", unsafe.Sizeof(selector)),
		at("selector", "fd_flags", unsafe.Offsetof(selector.fdFlags)),
		at("selector", "fd", unsafe.Offsetof(selector.fd)),
		size("selected", unsafe.Sizeof(selected)),
		at("selected", "index", unsafe.Offsetof(selected.index)),
		at("selected", "flags", unsafe.Offsetof(selected.flags)),
		at("selected", "len", unsafe.Offsetof(selected.len)),
	})
}
