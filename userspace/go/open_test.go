// SPDX-License-Identifier: LGPL-2.1-or-later

package kchan

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// says checks an error, by what it is and by what it says.
func says(t *testing.T, err, is error, text string) {
	t.Helper()
	if !errors.Is(err, is) {
		t.Errorf("the error is %v, not %v", err, is)
	} else if !strings.Contains(err.Error(), text) {
		t.Errorf("%q isn't in %q", text, err)
	}
}

func TestWithoutTheModuleTheErrorSaysWhatToDo(t *testing.T) {
	none := filepath.Join(t.TempDir(), "chanctl")
	_, err := create[int]("make", none, "", 0, nil)
	says(t, err, ErrNoModule, "kchan: make: there is no /dev/chanctl: "+
		"is the module chan loaded? (as root: chanctl load)")
	_, err = resolve(none, "jobs")
	says(t, err, ErrNoModule, "")
}

func TestADeviceThatIsAnotherOneIsNotTakenForAMissingModule(t *testing.T) {
	_, err := create[int]("make", os.DevNull, "", 0, nil)
	says(t, err, syscall.ENOTTY, "kchan: make: ")
}

func TestAFileThatIsNoChannelSaysSo(t *testing.T) {
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, err = FromFile[int](f)
	says(t, err, syscall.ENOTTY, "kchan: open /dev/null: not a channel")
	_, err = Open[int](os.DevNull)
	says(t, err, syscall.ENOTTY, "kchan: open /dev/null: ")
	f.Close()
	_, err = FromFile[int](f)
	says(t, err, os.ErrClosed, "kchan: open /dev/null: ")
}

func TestWhatNoChannelCanBeIsToldBeforeTheKernelIsAsked(t *testing.T) {
	bad := syscall.EINVAL
	_, err := Make[int](-1)
	says(t, err, bad, "capacity -1 is not within 0 to")
	_, err = Make[string](0, MaxMessage(0))
	says(t, err, bad, "MaxMessage(0) is not within 1 to")
	_, err = Make[string](0, MaxMessage(elemSizeMax+1))
	says(t, err, bad, "is not within 1 to 1048576")
	_, err = Create[int]("x", 0, Mode(0700))
	says(t, err, bad, "Mode(0700) is 0 or not within 0666")
	_, err = Create[int]("", 0)
	says(t, err, bad, "no name")
	_, err = Create[int](strings.Repeat("x", nameLen), 0)
	says(t, err, bad, "the name is too long")
	_, err = Make[int](0, TypeName(strings.Repeat("x", typeLen)))
	says(t, err, bad, "is too long")
	_, err = Open[int]("root:jobs")
	says(t, err, bad, `"root" is not the number of a user`)
	_, err = Open[int]("4294967296:jobs")
	says(t, err, bad, "is not the number of a user")
	_, err = Open[int]("0:" + strings.Repeat("x", nameLen))
	says(t, err, bad, "the name is too long")
	var te *TypeError
	if _, err = Make[*int](0); !errors.As(err, &te) {
		t.Errorf("a channel of pointers: %v", err)
	}
}

func TestErrnosWithOtherTextsSayWhatTheyMeanHere(t *testing.T) {
	for errno, text := range meaning {
		err := newError("make", "jobs", errno)
		says(t, err, errno, "kchan: make jobs: "+text)
	}
	says(t, newError("make", "", syscall.EEXIST), os.ErrExist, "kchan: make: file exists")
}
