// SPDX-License-Identifier: LGPL-2.1-or-later

//go:build !nomodule

package kchan

import (
	"encoding/json"
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"testing"
)

// opens says whether a channel can be opened as one of T.
func opens[T any](t *testing.T, name string, opts ...Option) bool {
	t.Helper()
	c, err := Open[T](name, opts...)
	if err == nil {
		must(t, c.Close())
		return true
	}
	var te *TypeError
	if !errors.As(err, &te) || !strings.HasPrefix(err.Error(), "kchan: open "+name+": not a channel of ") {
		t.Errorf("%v", err)
	}
	return false
}

func TestAChannelIsOpenedOnlyAsWhatItIs(t *testing.T) {
	number := create1[int32](t, 1).Name()
	if !opens[int32](t, number) || !opens[rune](t, number) {
		t.Error("int32 isn't int32")
	}
	if opens[uint32](t, number) || opens[int64](t, number) || opens[float32](t, number) ||
		opens[[8]byte](t, number) || opens[string](t, number) {
		t.Error("int32 is something else")
	}
	if !opens[[4]byte](t, number) {
		t.Error("int32 isn't bytes")
	}
	text := create1[string](t, 1).Name()
	if !opens[string](t, text) || !opens[[]byte](t, text) {
		t.Error("string isn't string or []byte")
	}
	if opens[int32](t, text) || opens[string](t, text, TypeName("name")) {
		t.Error("string is something else")
	}
	type Job struct{ A, B int32 }
	type Other struct{ A, B int32 }
	jobs := create1[Job](t, 1).Name()
	if !opens[Job](t, jobs) || opens[Other](t, jobs) || opens[int64](t, jobs) {
		t.Error("struct Job isn't alone struct Job")
	}
	if !opens[Other](t, jobs, TypeName("struct Job")) {
		t.Error("a name that was said doesn't count")
	}
}

func TestTypesOfOtherLanguagesAreKnownByTheirNames(t *testing.T) {
	c := create1[int32](t, 1, TypeName("int")).Name()
	if !opens[int32](t, c) || opens[int64](t, c) || opens[uint32](t, c) {
		t.Error("int of C isn't int32")
	}
	c = create1[float64](t, 1, TypeName("double")).Name()
	if !opens[float64](t, c) || opens[int64](t, c) {
		t.Error("double isn't float64")
	}
	c = create1[int64](t, 1, TypeName("")).Name()
	if !opens[int64](t, c) || !opens[int64](t, c, TypeName("")) || !opens[[8]byte](t, c) {
		t.Error("a type without a name isn't anything")
	}
	if opens[int64](t, c, TypeName("int64")) || opens[int32](t, c) {
		t.Error("it is what was excluded")
	}
}

func TestNamesAreThereOnceAndUntilTheyAreDestroyed(t *testing.T) {
	c, err := Create[int]("kchan-once", 1)
	must(t, err)
	defer c.Close()
	_, err = Create[int]("kchan-once", 1)
	says(t, err, fs.ErrExist, "kchan: create kchan-once: ")
	must(t, c.Send(1))
	says(t, c.Destroy(false), syscall.ENOTEMPTY, "kchan: destroy kchan-once: elements are queued")
	gets[int](t, c, 1)
	must(t, c.Destroy(false))
	says(t, c.Destroy(false), syscall.ENODEV, "it has no name")
	_, err = Open[int]("kchan-once")
	says(t, err, fs.ErrNotExist, "kchan: open kchan-once: ")
	must(t, c.Send(2))
	gets[int](t, c, 2)
}

func TestAChannelIsOpenedByNameByOwnerAndByPath(t *testing.T) {
	c := create1[int](t, 3)
	i, err := c.Info()
	must(t, err)
	for _, name := range []string{c.Name(), "0:" + c.Name(), i.Node} {
		s, err := OpenSend[int](name)
		must(t, err)
		must(t, s.Send(7))
		must(t, s.Close())
		r, err := OpenRecv[int](name)
		must(t, err)
		gets[int](t, r, 7)
		must(t, r.Close())
	}
	_, err = Open[int]("1:" + c.Name())
	fails(t, err, fs.ErrNotExist)
}

func TestHandlesMayDoNoMoreThanTheyWereOpenedFor(t *testing.T) {
	c := create1[int](t, 1)
	s, err := OpenSend[int](c.Name())
	must(t, err)
	defer s.Close()
	r, err := OpenRecv[int](c.Name())
	must(t, err)
	defer r.Close()
	until(t, c, func(i Info) bool { return i.Senders == 2 && i.Receivers == 2 })
	f, err := s.File()
	must(t, err)
	defer f.Close()
	_, err = f.Read(make([]byte, 8))
	fails(t, err, syscall.EBADF)
}

type note struct {
	Text string
	Tags []string
}

func asJSON() Option {
	return Encoding(Codec{Name: "json", Marshal: json.Marshal, Unmarshal: json.Unmarshal})
}

func TestAnyTypeIsSentByAnEncoding(t *testing.T) {
	c := create1[note](t, 1, asJSON())
	for i := 0; i < 2; i++ {
		must(t, c.Send(note{"hello", []string{"a", "b"}}))
		n, ok, err := c.Recv()
		if n.Text != "hello" || len(n.Tags) != 2 || !ok || err != nil {
			t.Errorf("%v, %v, %v", n, ok, err)
		}
	}
	i, err := c.Info()
	must(t, err)
	if i.Type != "json" {
		t.Errorf("the type is called %q", i.Type)
	}
	if opens[string](t, c.Name()) || !opens[map[string]int](t, c.Name(), asJSON()) {
		t.Error("it isn't JSON")
	}
}

func TestAnElementThatCanNotBeDecodedIsAnErrorAndGone(t *testing.T) {
	c := make1[note](t, 4, asJSON())
	f, err := c.File()
	must(t, err)
	defer f.Close()
	bad := func() {
		_, err := f.Write([]byte("{"))
		must(t, err)
	}
	var syntax *json.SyntaxError
	bad()
	if v, ok, err := c.Recv(); !errors.As(err, &syntax) || ok || v.Text != "" {
		t.Errorf("%v, %v, %v", v, ok, err)
	}
	got := goRecv[note](background, c)
	untilParked(t, c, 0, 1)
	bad()
	if g := <-got; !errors.As(g.err, &syntax) || g.ok {
		t.Errorf("one who waited got %v", g)
	}
	must(t, c.Send(note{Text: "good"}))
	bad()
	must(t, c.Send(note{Text: "next"}))
	vs := make([]note, 3)
	if n, err := c.RecvInto(vs); n != 1 || vs[0].Text != "good" || !errors.As(err, &syntax) {
		t.Errorf("%d, %v, %v", n, vs, err)
	}
	if n, err := c.RecvInto(vs); n != 1 || vs[0].Text != "next" || err != nil {
		t.Errorf("%d, %v, %v", n, vs, err)
	}
	bad()
	ok := true
	if i, err := Select(background, c.RecvCase(nil, &ok)); i != 0 || ok || !errors.As(err, &syntax) {
		t.Errorf("Select: %d, %v, %v", i, ok, err)
	}
}

func TestAnElementThatCanNotBeEncodedIsNotSent(t *testing.T) {
	c := make1[any](t, 1, asJSON())
	var unsupported *json.UnsupportedTypeError
	if err := c.Send(func() {}); !errors.As(err, &unsupported) {
		t.Errorf("%v", err)
	}
	if i, err := TrySelect(c.SendCase(func() {})); i != -1 || !errors.As(err, &unsupported) {
		t.Errorf("TrySelect: %d, %v", i, err)
	}
	if c.Len() != 0 {
		t.Error("something was sent")
	}
}
