// SPDX-License-Identifier: LGPL-2.1-or-later

package kchan

import (
	"fmt"
	"hash/fnv"
	"reflect"
	"strings"
)

// The names of C for Go's basic types. The size is compared, too, so that a name may
// stand for several: long is int64 or int32.
var namesInC = map[reflect.Kind][]string{
	reflect.Bool:    {"_Bool"},
	reflect.Int8:    {"int8_t", "signed char", "char"},
	reflect.Uint8:   {"uint8_t", "unsigned char", "char", "byte"},
	reflect.Int16:   {"int16_t", "short"},
	reflect.Uint16:  {"uint16_t", "unsigned short"},
	reflect.Int32:   {"int32_t", "int", "long", "rune"},
	reflect.Uint32:  {"uint32_t", "unsigned int", "unsigned", "unsigned long"},
	reflect.Int64:   {"int64_t", "long", "long long"},
	reflect.Uint64:  {"uint64_t", "unsigned long", "unsigned long long", "size_t"},
	reflect.Float32: {"float"},
	reflect.Float64: {"double"},
}

// Go's types that have another size on another machine are named as what they are here.
func fixedKind(t reflect.Type) reflect.Kind {
	switch t.Kind() {
	case reflect.Int:
		return map[uintptr]reflect.Kind{4: reflect.Int32, 8: reflect.Int64}[t.Size()]
	case reflect.Uint:
		return map[uintptr]reflect.Kind{4: reflect.Uint32, 8: reflect.Uint64}[t.Size()]
	}
	return t.Kind()
}

func isBasic(t reflect.Type) bool {
	return t.PkgPath() == "" && t.Name() != ""
}

func isBytes(t reflect.Type) bool {
	return (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) &&
		t.Elem().Kind() == reflect.Uint8
}

// typeNames are the names of a type of elements: the first is given to a new channel, and
// a channel that is opened has any of them. "" of bytes and of nothing is no name: they
// say no more than their size does.
func typeNames(t reflect.Type) []string {
	var names []string

	switch {
	case t.Name() == "" && (isBytes(t) || t.Size() == 0):
		names = []string{""}
	case isBasic(t):
		kind := fixedKind(t)
		names = append([]string{kind.String()}, namesInC[kind]...)
	case t.Kind() == reflect.Struct && t.Name() != "":
		names = []string{"struct " + t.Name(), t.Name()}
	case t.Name() != "":
		names = []string{t.Name()}
	default:
		names = []string{t.String()}
	}
	for i := range names {
		names[i] = shortName(names[i])
	}
	return names
}

// shortName is a name that the kernel takes: what is in none becomes a dot, and of what is
// too long the beginning and a hash are the name, as in gochan.h.
func shortName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || strings.ContainsRune("`\"'\\=", r) {
			return '.'
		}
		return r
	}, name)
	if len(name) < typeLen {
		return name
	}
	h := fnv.New32a()
	h.Write([]byte(name))
	return fmt.Sprintf("%s~%08x", name[:typeLen-1-9], h.Sum32())
}
