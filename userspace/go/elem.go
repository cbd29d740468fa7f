// SPDX-License-Identifier: LGPL-2.1-or-later

package kchan

import (
	"fmt"
	"reflect"
	"unsafe"
)

// A layout is how elements of type T are sent: as they lie in memory, or as messages.
type layout[T any] struct {
	names  []string // as of typeNames
	exact  bool     // the program has said the name
	size   int      // of an element; of messages 0
	encode func(T) ([]byte, error)
	decode func([]byte) (T, error) // keeps nothing of its argument
}

func (l *layout[T]) message() bool {
	return l.encode != nil
}

// layoutOf looks at the type, once a channel.
func layoutOf[T any](o *options) (*layout[T], error) {
	var l *layout[T]

	t := reflect.TypeOf((*T)(nil)).Elem()
	switch {
	case o.codec != nil:
		l = codedLayout[T](o.codec)
	case t.Kind() == reflect.String:
		l = stringLayout[T]()
	case t.Kind() == reflect.Slice && isBytes(t):
		l = bytesLayout[T]()
	default:
		if why := notFixed(t); why != "" {
			return nil, &TypeError{t.String(), why + "; give it an Encoding"}
		}
		l = &layout[T]{size: int(t.Size())}
	}
	if l.names == nil {
		l.names = typeNames(t)
	}
	if o.typeName != nil {
		l.names, l.exact = []string{*o.typeName}, true
	}
	return l, nil
}

// notFixed says why elements of a type can't be sent as they lie in memory.
func notFixed(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64,
		reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128:
		return ""
	case reflect.Array:
		return notFixed(t.Elem())
	case reflect.Struct:
		for i := 0; i < t.NumField(); i++ {
			if why := notFixed(t.Field(i).Type); why != "" {
				return "field " + t.Field(i).Name + ": " + why
			}
		}
		return ""
	}
	return fmt.Sprintf("%v is or has a pointer, which means nothing to another process", t)
}

func codedLayout[T any](c *Codec) *layout[T] {
	return &layout[T]{
		names:  []string{shortName(c.Name)},
		encode: func(v T) ([]byte, error) { return c.Marshal(v) },
		decode: func(b []byte) (v T, err error) {
			err = c.Unmarshal(b, &v)
			return v, err
		},
	}
}

// T may have a name, as in "type line string": it can be seen as a string only so.
func stringLayout[T any]() *layout[T] {
	return &layout[T]{
		encode: func(v T) ([]byte, error) { return []byte(*(*string)(unsafe.Pointer(&v))), nil },
		decode: func(b []byte) (v T, err error) {
			*(*string)(unsafe.Pointer(&v)) = string(b)
			return v, nil
		},
	}
}

func bytesLayout[T any]() *layout[T] {
	return &layout[T]{
		encode: func(v T) ([]byte, error) { return *(*[]byte)(unsafe.Pointer(&v)), nil },
		decode: func(b []byte) (v T, err error) {
			*(*[]byte)(unsafe.Pointer(&v)) = append([]byte{}, b...)
			return v, nil
		},
	}
}

// check compares a channel with what the program takes it for.
func (l *layout[T]) check(is *facts) error {
	if is.message() != l.message() {
		if l.message() {
			return l.mismatch("its elements have a fixed size, " + is.elements())
		}
		return l.mismatch("its elements are messages, " + is.elements())
	}
	if !l.message() && int(is.elemSize) != l.size {
		return l.mismatch(fmt.Sprintf("its elements are %s, not of %d bytes", is.elements(), l.size))
	}
	if !l.named(is.typ) {
		return l.mismatch("its elements are " + is.elements())
	}
	return nil
}

// named says whether a channel's type may have this name. A type without a name says nothing
// that could be compared.
func (l *layout[T]) named(typ string) bool {
	for _, name := range l.names {
		if name == typ || !l.exact && (name == "" || typ == "") {
			return true
		}
	}
	return false
}

func (l *layout[T]) mismatch(why string) error {
	name := l.names[0]
	if name == "" {
		name = reflect.TypeOf((*T)(nil)).Elem().String()
	}
	return &TypeError{name, why}
}
