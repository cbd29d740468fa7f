// SPDX-License-Identifier: LGPL-2.1-or-later

package kchan

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
	"unsafe"
)

type job struct {
	ID   int32
	Load float64
}

type celsius float64

type pair[A, B any] struct {
	a A
	b B
}

func namesOf[T any]() []string {
	return typeNames(reflect.TypeOf((*T)(nil)).Elem())
}

func TestTypesHaveTheNamesThatOtherLanguagesGiveThem(t *testing.T) {
	word := map[uintptr]string{4: "int32", 8: "int64"}[unsafe.Sizeof(int(0))]
	for _, c := range []struct {
		got   []string
		first string
		other string
	}{
		{namesOf[int](), word, "long"},
		{namesOf[uint](), "u" + word, "unsigned long"},
		{namesOf[int32](), "int32", "int"},
		{namesOf[rune](), "int32", "int32_t"},
		{namesOf[int64](), "int64", "long long"},
		{namesOf[byte](), "uint8", "unsigned char"},
		{namesOf[int8](), "int8", "signed char"},
		{namesOf[uint16](), "uint16", "unsigned short"},
		{namesOf[uint64](), "uint64", "size_t"},
		{namesOf[float32](), "float32", "float"},
		{namesOf[float64](), "float64", "double"},
		{namesOf[bool](), "bool", "_Bool"},
		{namesOf[complex128](), "complex128", ""},
		{namesOf[string](), "string", ""},
		{namesOf[[]byte](), "", ""},
		{namesOf[[8]byte](), "", ""},
		{namesOf[[8]int32](), "[8]int32", ""},
		{namesOf[job](), "struct job", "job"},
		{namesOf[celsius](), "celsius", ""},
		{namesOf[time.Duration](), "Duration", ""},
		{namesOf[struct{}](), "", ""},
		{namesOf[pair[int8, bool]](), "struct pair[int8,bool]", "pair[int8,bool]"},
	} {
		if c.got[0] != c.first {
			t.Errorf("%q, not %q, is the first name", c.got[0], c.first)
		}
		if c.other != "" && !strings.Contains("|"+strings.Join(c.got, "|")+"|", "|"+c.other+"|") {
			t.Errorf("%q isn't among %q", c.other, c.got)
		}
	}
}

func TestAnIntOfFourBytesIsNotOneOfEight(t *testing.T) {
	for _, name := range namesOf[int64]() {
		if name == "int" || name == "int32" {
			t.Errorf("int64 is called %q", name)
		}
	}
}

// The beginning and FNV-1a, as gochan.h does it.
func TestLongNamesAreShortenedAsInC(t *testing.T) {
	name := "struct a_name_that_is_far_too_long_for_the_kernel"
	if got, want := shortName(name), "struct a_name_that_is_~104b8648"; got != want {
		t.Errorf("%q, not %q", got, want)
	}
	if got := shortName(strings.Repeat("x", 31)); got != strings.Repeat("x", 31) {
		t.Errorf("31 characters have become %q", got)
	}
	if got := shortName("a`b\"c'd\\e=f\ng\u00e9"); got != "a.b.c.d.e.f.g." {
		t.Errorf("what the kernel refuses has become %q", got)
	}
}

func TestTypesWithPointersAreRefusedAndSaidWhere(t *testing.T) {
	type inner struct{ P *int }
	type outer struct{ In [2]inner }
	_, err := layoutOf[outer](collect(nil))
	var te *TypeError
	if !errors.As(err, &te) {
		t.Fatalf("%v is no TypeError", err)
	}
	want := "not a channel of kchan.outer: field In: field P: *int is or has a pointer, " +
		"which means nothing to another process; give it an Encoding"
	if err.Error() != want {
		t.Errorf("%q", err)
	}
	for _, why := range []string{
		notFixed(reflect.TypeOf(map[int]int{})), notFixed(reflect.TypeOf([]int{})),
		notFixed(reflect.TypeOf([2]string{})), notFixed(reflect.TypeOf(make(chan int))),
		notFixed(reflect.TypeOf(func() {})), notFixed(reflect.TypeOf(uintptr(0))),
		notFixed(reflect.TypeOf((*error)(nil)).Elem()), notFixed(reflect.TypeOf(struct{ s string }{})),
	} {
		if why == "" {
			t.Error("a type with a pointer is taken")
		}
	}
	for _, v := range []any{job{}, [3][2]int8{}, struct{}{}, true, 1i, struct{ _ [3]byte }{}} {
		if why := notFixed(reflect.TypeOf(v)); why != "" {
			t.Errorf("%T is refused: %s", v, why)
		}
	}
}

func TestAMismatchSaysWhatTheElementsAre(t *testing.T) {
	l, err := layoutOf[int64](collect(nil))
	if err != nil {
		t.Fatal(err)
	}
	m, err := layoutOf[string](collect(nil))
	if err != nil {
		t.Fatal(err)
	}
	b, err := layoutOf[[]byte](collect(nil))
	if err != nil {
		t.Fatal(err)
	}
	e, err := layoutOf[int64](collect([]Option{TypeName("none")}))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		got  error
		want string
	}{
		{l.check(&facts{elemSize: 8, typ: "int64"}), ""},
		{l.check(&facts{elemSize: 8, typ: "long"}), ""},
		{l.check(&facts{elemSize: 4, typ: "long"}),
			"not a channel of int64: its elements are long of 4 bytes, not of 8 bytes"},
		{l.check(&facts{elemSize: 8, typ: "double"}),
			"not a channel of int64: its elements are double of 8 bytes"},
		{l.check(&facts{elemSize: 8}), ""},
		{l.check(&facts{elemSize: 8, flags: flagMessage}),
			"not a channel of int64: its elements are messages, of up to 8 bytes"},
		{m.check(&facts{elemSize: 8, flags: flagMessage}), ""},
		{m.check(&facts{elemSize: 8, flags: flagMessage, typ: "string"}), ""},
		{b.check(&facts{elemSize: 8, flags: flagMessage, typ: "json"}), ""},
		{b.check(&facts{elemSize: 8}),
			"not a channel of []uint8: its elements have a fixed size, of 8 bytes"},
		{e.check(&facts{elemSize: 8}), "not a channel of none: its elements are of 8 bytes"},
		{e.check(&facts{elemSize: 8, typ: "none"}), ""},
		{m.check(&facts{elemSize: 8, typ: "int64"}),
			"not a channel of string: its elements have a fixed size, int64 of 8 bytes"},
		{m.check(&facts{elemSize: 8, flags: flagMessage, typ: "json"}),
			"not a channel of string: its elements are json of up to 8 bytes"},
	} {
		got := ""
		if c.got != nil {
			got = c.got.Error()
		}
		if got != c.want {
			t.Errorf("%q, not %q", got, c.want)
		}
	}
}
