// SPDX-License-Identifier: LGPL-2.1-or-later

package kchan

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

const ctlPath = "/dev/chanctl"

func nodePath(minor uint32) string {
	return fmt.Sprintf("/dev/chan%d", minor)
}

// Make makes a channel without a name, as make(chan T, capacity) does: capacity 0 makes it
// unbuffered. Other processes get it as a file, by File, or across fork and exec.
func Make[T any](capacity int, opts ...Option) (*Chan[T], error) {
	return create[T]("make", ctlPath, "", capacity, opts)
}

// Create makes a channel with a name, which lives until it is destroyed (Destroy, or
// chanctl rm), with what is queued in it. If the user already has one of this name the
// error is fs.ErrExist.
func Create[T any](name string, capacity int, opts ...Option) (*Chan[T], error) {
	if name == "" {
		return nil, newError("create", name, fmt.Errorf("no name: %w", syscall.EINVAL))
	}
	return create[T]("create", ctlPath, name, capacity, opts)
}

// Open opens a channel by its name: one's own, else root's; or "1000:jobs", that of the user
// 1000; or by the path of its node. Its elements must be of type T (see TypeError). If
// there is none of this name the error is fs.ErrNotExist.
func Open[T any](name string, opts ...Option) (*Chan[T], error) {
	c, err := open[T](name, syscall.O_RDWR, opts)
	if err != nil {
		return nil, err
	}
	return newChan(c), nil
}

// OpenSend opens a channel only to send to it.
func OpenSend[T any](name string, opts ...Option) (*SendChan[T], error) {
	c, err := open[T](name, syscall.O_WRONLY, opts)
	if err != nil {
		return nil, err
	}
	return newSendChan(c), nil
}

// OpenRecv opens a channel only to receive from it.
func OpenRecv[T any](name string, opts ...Option) (*RecvChan[T], error) {
	c, err := open[T](name, syscall.O_RDONLY, opts)
	if err != nil {
		return nil, err
	}
	return newRecvChan(c), nil
}

// FromFile is a new handle of the channel that a file stands for, as one that was
// inherited: os.NewFile(3, "jobs"). The file stays the caller's.
func FromFile[T any](f *os.File, opts ...Option) (*Chan[T], error) {
	c, err := fromFile[T](f, syscall.O_RDWR, opts)
	if err != nil {
		return nil, err
	}
	return newChan(c), nil
}

// SendFromFile is FromFile for a file that may only send.
func SendFromFile[T any](f *os.File, opts ...Option) (*SendChan[T], error) {
	c, err := fromFile[T](f, syscall.O_WRONLY, opts)
	if err != nil {
		return nil, err
	}
	return newSendChan(c), nil
}

// RecvFromFile is FromFile for a file that may only receive.
func RecvFromFile[T any](f *os.File, opts ...Option) (*RecvChan[T], error) {
	c, err := fromFile[T](f, syscall.O_RDONLY, opts)
	if err != nil {
		return nil, err
	}
	return newRecvChan(c), nil
}

func create[T any](op, ctl, name string, capacity int, opts []Option) (*Chan[T], error) {
	fail := func(err error) (*Chan[T], error) { return nil, newError(op, name, err) }

	o := collect(opts)
	l, err := layoutOf[T](o)
	if err != nil {
		return fail(err)
	}
	arg, err := createArg(name, l.names[0], capacity, o)
	if err != nil {
		return fail(err)
	}
	arg.elemSize = uint32(l.size)
	if l.message() {
		arg.flags |= flagMessage
		arg.elemSize = uint32(o.maxMessage)
	}
	err = withCtl(ctl, func(fd int) error {
		_, errno := ioctl(fd, iocCreate, arg)
		return nilIfZero(errno)
	})
	if err != nil {
		return fail(err)
	}
	c, err := coreOf(op, int(arg.fd), syscall.O_RDWR, l)
	if err != nil {
		return nil, err
	}
	return newChan(c), nil
}

func createArg(name, typ string, capacity int, o *options) (*uapiCreate, error) {
	arg := &uapiCreate{
		flags:    o.flags,
		capacity: uint32(capacity),
		fdFlags:  syscall.O_RDWR | syscall.O_CLOEXEC,
	}
	arg.size = sizeOf(arg)
	if name != "" {
		arg.flags |= flagNamed
		arg.mode = o.mode
	}
	switch {
	case capacity < 0 || capacity > capacityMax:
		return nil, fmt.Errorf("capacity %d is not within 0 to %d: %w", capacity, capacityMax,
			syscall.EINVAL)
	case o.maxMessage < 1 || o.maxMessage > elemSizeMax:
		return nil, fmt.Errorf("MaxMessage(%d) is not within 1 to %d: %w", o.maxMessage,
			elemSizeMax, syscall.EINVAL)
	case name != "" && (o.mode == 0 || o.mode&^0666 != 0):
		return nil, fmt.Errorf("Mode(%#o) is 0 or not within 0666: %w", o.mode, syscall.EINVAL)
	case !setText(arg.name[:], name):
		return nil, fmt.Errorf("the name is too long: %w", syscall.EINVAL)
	case !setText(arg.typ[:], typ):
		return nil, fmt.Errorf("the type name %q is too long: %w", typ, syscall.EINVAL)
	}
	return arg, nil
}

// coreOf takes over fd, also if it fails.
func coreOf[T any](op string, fd, mode int, l *layout[T]) (*core[T], error) {
	h, err := newHandle(fd)
	if err != nil {
		syscall.Close(fd)
		return nil, newError(op, "", err)
	}
	if err := l.check(&h.facts); err != nil {
		h.close()
		return nil, h.fail(op, err)
	}
	return &core[T]{handle: h, layout: l, mode: mode}, nil
}

func open[T any](name string, mode int, opts []Option) (*core[T], error) {
	l, err := layoutOf[T](collect(opts))
	if err != nil {
		return nil, newError("open", name, err)
	}
	var h *handle
	if strings.Contains(name, "/") {
		h, err = openPath(name, mode)
	} else {
		h, err = openName(name, mode)
	}
	if err != nil {
		return nil, newError("open", name, err)
	}
	if err := l.check(&h.facts); err != nil {
		h.close()
		return nil, newError("open", name, err)
	}
	return &core[T]{handle: h, layout: l, mode: mode}, nil
}

func fromFile[T any](f *os.File, mode int, opts []Option) (*core[T], error) {
	fail := func(err error) (*core[T], error) { return nil, newError("open", f.Name(), err) }

	l, err := layoutOf[T](collect(opts))
	if err != nil {
		return fail(err)
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return fail(err)
	}
	fd := -1
	if raw.Control(func(old uintptr) { fd, err = narrow(int(old), mode) }) != nil {
		return fail(os.ErrClosed)
	}
	if err == syscall.ENOTTY {
		err = fmt.Errorf("not a channel: %w", err)
	}
	if err != nil {
		return fail(err)
	}
	return coreOf("open", fd, mode, l)
}

func openPath(path string, mode int) (*handle, error) {
	fd, err := syscall.Open(path, mode|syscall.O_CLOEXEC|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	h, err := newHandle(fd)
	if err != nil {
		syscall.Close(fd)
		return nil, err
	}
	return h, nil
}

// openName opens the channel that the name stands for. Between these two steps it may be
// destroyed, and its node be another's. Only if the name still stands for the same one
// is it its own failure.
func openName(name string, mode int) (*handle, error) {
	var failed error
	var tried uint64

	for {
		to, err := resolve(ctlPath, name)
		if err != nil {
			return nil, err
		}
		if failed != nil && to.id == tried {
			return nil, failed
		}
		h, err := openPath(nodePath(to.minor), mode)
		if err == nil && h.id == to.id {
			return h, nil
		}
		if err == nil {
			h.close()
			err = syscall.ESTALE
		}
		failed, tried = err, to.id
	}
}

func resolve(ctl, name string) (*uapiResolve, error) {
	arg := &uapiResolve{uid: uidAny}
	arg.size = sizeOf(arg)
	if owner, rest, found := strings.Cut(name, ":"); found {
		uid, err := strconv.ParseUint(owner, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("%q is not the number of a user: %w", owner, syscall.EINVAL)
		}
		arg.uid, name = uint32(uid), rest
	}
	if !setText(arg.name[:], name) {
		return nil, fmt.Errorf("the name is too long: %w", syscall.EINVAL)
	}
	err := withCtl(ctl, func(fd int) error {
		_, errno := ioctl(fd, iocResolve, arg)
		return nilIfZero(errno)
	})
	return arg, err
}

// withCtl makes a call on /dev/chanctl.
func withCtl(path string, call func(fd int) error) error {
	fd, err := syscall.Open(path, syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		if meansNone(err) {
			return ErrNoModule
		}
		return fmt.Errorf("%s: %w", path, err)
	}
	defer syscall.Close(fd)
	return call(fd)
}
