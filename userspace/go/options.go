// SPDX-License-Identifier: LGPL-2.1-or-later

package kchan

import "os"

// An Option is what Make, Create, Open and their like are told beyond the type.
type Option func(*options)

type options struct {
	flags      uint32
	mode       uint32
	maxMessage int
	typeName   *string
	codec      *Codec
}

func collect(opts []Option) *options {
	o := &options{mode: 0600, maxMessage: 4096}
	for _, set := range opts {
		set(o)
	}
	return o
}

// A Codec makes messages of elements, and elements of messages. Those of encoding/json fit
// as they are:
//
//	kchan.Codec{Name: "json", Marshal: json.Marshal, Unmarshal: json.Unmarshal}
type Codec struct {
	Name      string // the type name of the channel, as "json"
	Marshal   func(v any) ([]byte, error)
	Unmarshal func(data []byte, v any) error
}

// Encoding sends each element as a message made by a Codec, which any type can be. An
// element that can't be made of a message is gone: Recv returns the Codec's error.
func Encoding(c Codec) Option {
	return func(o *options) { o.codec = &c }
}

// TypeName is the name of the type of the elements, exactly, in place of the one that is
// made of the Go type. "" is none.
func TypeName(name string) Option {
	return func(o *options) { o.typeName = &name }
}

// MaxMessage is how long a message may be, in bytes; 4,096 by default. Only for new
// channels: others know it.
func MaxMessage(n int) Option {
	return func(o *options) { o.maxMessage = n }
}

// Mode is the permissions of a new channel's node in /dev, within 0666; 0600 by default.
func Mode(perm os.FileMode) Option {
	return func(o *options) { o.mode = uint32(perm) }
}

// AutoClose closes a new channel when the last handle that may send has gone.
func AutoClose() Option {
	return func(o *options) { o.flags |= flagAutoclose }
}

// HangUp fails sends to a new channel, with ErrHungUp, when the last handle that may
// receive has gone.
func HangUp() Option {
	return func(o *options) { o.flags |= flagHangup }
}

// StandBy lets programs that only poll meet on a new channel that is unbuffered. This
// package needs it not, on neither side, and its own handles don't stand by.
func StandBy() Option {
	return func(o *options) { o.flags |= flagStandby }
}
