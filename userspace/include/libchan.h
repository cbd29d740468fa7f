/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libchan - Go channels that processes share: the plain functions
 */
#ifndef LIBCHAN_H
#define LIBCHAN_H

#include <fcntl.h>
#include <linux/chan.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
/* Functions may be named as structures are, as stat(2) is. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#endif

/**
 * DOC: The library in one page
 *
 * A &struct chan is a handle to a channel: a file descriptor and what never
 * changes about the channel (element size, capacity, kind, type, id). Functions
 * that make one give it back through their first argument.
 *
 * - Results. Every function that can fail returns a negative errno, whose
 *   meaning for channels chan_strerror() tells. errno itself is not part of the
 *   interface. A handle that a failed call was to give back is left untouched.
 * - Two ends of life. chan_close() is Go's close(c): no more sends, for
 *   everybody. chan_unref() only lets go of a handle.
 * - Signals. A call without a timeout goes on after a handler with SA_RESTART,
 *   and returns -EINTR after one without; one with a timeout returns -EINTR
 *   after either. Nothing has moved then.
 * - Threads. All functions may be called at any time from any thread, on the
 *   same handle too, as long as the caller holds a reference to it. After fork(2)
 *   parent and child each have the handle.
 * - Growth. &struct chan_options and &struct chan_expect begin with their own
 *   size; the structures of <linux/chan.h> that are filled in come with their size
 *   as an argument. What a later version adds is zero for who doesn't know it.
 *
 * Pointers must not be NULL where nothing else is said.
 */

/* The one place of the library that says which version this is; selftests/version checks it. */
#define LIBCHAN_VERSION_MAJOR	1
#define LIBCHAN_VERSION_MINOR	0
#define LIBCHAN_VERSION_PATCH	0

#define LIBCHAN_VERSION_OF(major, minor, patch) \
	(((major) << 16) | ((minor) << 8) | (patch))
#define LIBCHAN_VERSION \
	LIBCHAN_VERSION_OF(LIBCHAN_VERSION_MAJOR, LIBCHAN_VERSION_MINOR, \
			   LIBCHAN_VERSION_PATCH)

/**
 * chan_version() - the version of the library that runs
 *
 * %LIBCHAN_VERSION is the one that was compiled with.
 *
 * Return: as LIBCHAN_VERSION_OF() makes it, so that versions can be compared.
 * Since: 1.0
 */
int chan_version(void);

/**
 * chan_strerror() - what went wrong with a channel, and what to do
 * @error: what a function here returned, or a positive errno
 *
 * Return: a sentence without capital and full stop, never NULL, not to be freed. For
 * errors that have no meaning here it is strerror(3)'s, good until the thread asks
 * again.
 * Since: 1.0
 */
const char *chan_strerror(int error);

/* Access mode of a handle that may only look: chan_info() and chan_destroy(). */
#define CHAN_O_LOOK	3

/* A handle to a channel. */
struct chan;

/* A handle to a selector: a select that an event loop waits for. */
struct chan_sel;

/**
 * struct chan_options - what chan_new() is told beyond sizes
 * @size: sizeof(struct chan_options)
 * @flags: any of %CHAN_MESSAGE, %CHAN_NAMED, %CHAN_AUTOCLOSE, %CHAN_HANGUP,
 *	%CHAN_STANDBY, %CHAN_TIMER
 * @mode: permissions of the node of a named channel, within 0666; 0 means 0600
 * @pad: must be zero
 * @type: name of the element type, or NULL
 * @name: name of the channel, or NULL; a channel with a name is %CHAN_NAMED
 */
struct chan_options {
	uint32_t size;
	uint32_t flags;
	uint32_t mode;
	uint32_t pad;
	const char *type;
	const char *name;
};

/**
 * struct chan_expect - what a channel that one opens must be
 * @size: sizeof(struct chan_expect)
 * @flags: %CHAN_MESSAGE for a channel of messages, else 0
 * @elem_size: bytes of an element; of messages the longest, or 0 for any
 * @pad: must be zero
 * @type: name of the element type, or NULL for any
 */
struct chan_expect {
	uint32_t size;
	uint32_t flags;
	uint32_t elem_size;
	uint32_t pad;
	const char *type;
};

/**
 * chan_new() - make a channel and a handle to it
 * @ret: the handle
 * @elem_size: bytes of an element, or of the longest message;
 *	0..%CHAN_ELEM_SIZE_MAX
 * @capacity: elements that the channel buffers, 0..%CHAN_CAPACITY_MAX; 0 makes it
 *	unbuffered
 * @oflags: O_RDWR, O_RDONLY (only receive), O_WRONLY (only send) or
 *	%CHAN_O_LOOK; also O_NONBLOCK. O_CLOEXEC is always set
 * @options: or NULL: fixed elements, anonymous, no type
 *
 * Return: 0, or -E2BIG, -EACCES, -EDQUOT, -EEXIST, -EINVAL, -EMFILE, -ENFILE,
 * -ENOMEM, -ENOSPC, -ENOSYS, -EOVERFLOW, -EPERM.
 * Since: 1.0
 */
int chan_new(struct chan **ret, size_t elem_size, size_t capacity, int oflags,
	     const struct chan_options *options);

/**
 * chan_ctl_open() - open /dev/chanctl, to make many channels
 *
 * The file keeps the module loaded; close(2) it.
 *
 * Return: a file descriptor, close-on-exec, or -EACCES, -EMFILE, -ENFILE, -ENOMEM,
 * -ENOSYS.
 * Since: 1.0
 */
int chan_ctl_open(void);

/**
 * chan_new_at() - chan_new() with a /dev/chanctl that is open already
 * @ret: the handle
 * @ctl: from chan_ctl_open()
 * @elem_size: as for chan_new()
 * @capacity: as for chan_new()
 * @oflags: as for chan_new()
 * @options: as for chan_new()
 *
 * Return: as chan_new(), also -EBADF and -ENOTTY.
 * Since: 1.0
 */
int chan_new_at(struct chan **ret, int ctl, size_t elem_size, size_t capacity, int oflags,
		const struct chan_options *options);

/**
 * chan_open_name() - open a channel by its name
 * @ret: the handle
 * @name: NAME, one's own or else root's; or UID:NAME, that user's
 * @oflags: as for chan_new()
 * @expect: what it must be, or NULL for anything
 *
 * Return: 0, or -E2BIG, -EACCES, -EDQUOT, -EINVAL, -EMFILE, -ENFILE, -ENOENT,
 * -ENOMEM, -ENOSYS, -EPERM, -EPROTO, -ESTALE.
 * Since: 1.0
 */
int chan_open_name(struct chan **ret, const char *name, int oflags,
		   const struct chan_expect *expect);

/**
 * chan_open_minor() - open /dev/chanN
 * @ret: the handle
 * @minor: N
 * @oflags: as for chan_new()
 * @expect: what it must be, or NULL for anything
 *
 * Return: 0, or -E2BIG, -EACCES, -EDQUOT, -EINVAL, -EMFILE, -ENFILE, -ENOENT,
 * -ENOMEM, -EPERM, -EPROTO.
 * Since: 1.0
 */
int chan_open_minor(struct chan **ret, unsigned int minor, int oflags,
		    const struct chan_expect *expect);

/**
 * chan_open_path() - open a channel by the path of its node
 * @ret: the handle
 * @path: of a node or of a link to one
 * @oflags: as for chan_new()
 * @expect: what it must be, or NULL for anything
 *
 * Return: 0, or what open(2) says, or -E2BIG, -EINVAL, -ENOTTY, -EPROTO.
 * Since: 1.0
 */
int chan_open_path(struct chan **ret, const char *path, int oflags,
		   const struct chan_expect *expect);

/**
 * chan_from_fd() - a handle around a file descriptor, inherited or passed on
 * @ret: the handle
 * @fd: a channel; the handle's own from now on if the call succeeds
 * @expect: what it must be, or NULL for anything
 *
 * Return: 0, or -E2BIG, -EBADF, -EINVAL, -ENOMEM, -ENOTTY, -EPROTO.
 * Since: 1.0
 */
int chan_from_fd(struct chan **ret, int fd, const struct chan_expect *expect);

/**
 * chan_narrow() - another handle to the same channel, that may do less
 * @ret: the new handle
 * @c: the channel
 * @oflags: as for chan_new(); the access mode must be within that of @c
 *
 * Return: 0, or -EBADF, -EDQUOT, -EINVAL, -EMFILE, -ENFILE, -ENOMEM.
 * Since: 1.0
 */
int chan_narrow(struct chan **ret, const struct chan *c, int oflags);

/**
 * chan_ref() - share a handle
 * @c: the handle
 *
 * Return: @c, which now needs one more chan_unref().
 * Since: 1.0
 */
struct chan *chan_ref(struct chan *c);

/**
 * chan_unref() - let go of a handle; the last reference closes its file
 * @c: the handle, or NULL
 *
 * This does not close the channel: see chan_close().
 *
 * Return: NULL.
 * Since: 1.0
 */
struct chan *chan_unref(struct chan *c);

/**
 * chan_fd() - the file descriptor, for poll(2), read(2), write(2), or to pass on
 * @c: the handle, which goes on owning it
 *
 * Return: the file descriptor.
 * Since: 1.0
 */
int chan_fd(const struct chan *c);

/**
 * chan_send_elem() - send an element, as Go's c <- v
 * @c: a channel of fixed elements
 * @elem: chan_elem_size() bytes
 *
 * Waits until the element is in the buffer or a receiver has it, unless the handle
 * has O_NONBLOCK.
 *
 * Return: 0, or -EAGAIN, -EBADF, -EDQUOT, -EFAULT, -EINTR, -ENOMEM, -EPIPE (closed or
 * hung up), -EPROTO (a channel of messages).
 * Since: 1.0
 */
int chan_send_elem(struct chan *c, const void *elem);

/**
 * chan_send_elem_try() - send an element if that needs no waiting
 * @c: a channel of fixed elements
 * @elem: chan_elem_size() bytes
 *
 * Return: as chan_send_elem(); -EAGAIN if it would have waited.
 * Since: 1.0
 */
int chan_send_elem_try(struct chan *c, const void *elem);

/**
 * chan_send_elem_timeout() - send an element, waiting no longer than a time
 * @c: a channel of fixed elements
 * @elem: chan_elem_size() bytes
 * @timeout_ns: nanoseconds from now on CLOCK_MONOTONIC, over 292 years for ever;
 *	O_NONBLOCK doesn't matter
 *
 * Return: as chan_send_elem(); -ETIMEDOUT if the time passed first.
 * Since: 1.0
 */
int chan_send_elem_timeout(struct chan *c, const void *elem, uint64_t timeout_ns);

/**
 * chan_send_elems() - send elements, one after the other
 * @c: a channel of fixed elements
 * @elems: @n times chan_elem_size() bytes
 * @n: how many, 1..INT_MAX
 *
 * Waits until all are sent. Other senders' elements may come between them.
 *
 * Return: how many were sent, fewer than @n if a signal, a close, or a lack of
 * room for O_NONBLOCK came after the first; or as chan_send_elem() and -EINVAL.
 * Since: 1.0
 */
int chan_send_elems(struct chan *c, const void *elems, size_t n);

/**
 * chan_send_elems_try() - send as many elements as need no waiting
 * @c: a channel of fixed elements
 * @elems: @n times chan_elem_size() bytes
 * @n: how many at most, 1..INT_MAX
 *
 * Return: as chan_send_elems(); -EAGAIN if the first would have waited.
 * Since: 1.0
 */
int chan_send_elems_try(struct chan *c, const void *elems, size_t n);

/**
 * chan_send_elems_timeout() - send elements, waiting no longer than a time in all
 * @c: a channel of fixed elements
 * @elems: @n times chan_elem_size() bytes
 * @n: how many, 1..INT_MAX
 * @timeout_ns: as for chan_send_elem_timeout()
 *
 * Return: as chan_send_elems(), fewer than @n if the time passed after the first;
 * -ETIMEDOUT if it passed before.
 * Since: 1.0
 */
int chan_send_elems_timeout(struct chan *c, const void *elems, size_t n, uint64_t timeout_ns);

/**
 * chan_send_msg() - send a message
 * @c: a channel of messages
 * @msg: the message; may be NULL if @len is 0
 * @len: its bytes, 0..chan_elem_size()
 *
 * Waits until the message is in the buffer or a receiver has it, unless the handle
 * has O_NONBLOCK.
 *
 * Return: 0, or -EAGAIN, -EBADF, -EDQUOT, -EFAULT, -EINTR, -EMSGSIZE, -ENOMEM, -EPIPE
 * (closed or hung up), -EPROTO (a channel of fixed elements).
 * Since: 1.0
 */
int chan_send_msg(struct chan *c, const void *msg, size_t len);

/**
 * chan_send_msg_try() - send a message if that needs no waiting
 * @c: a channel of messages
 * @msg: the message; may be NULL if @len is 0
 * @len: its bytes, 0..chan_elem_size()
 *
 * Return: as chan_send_msg(); -EAGAIN if it would have waited.
 * Since: 1.0
 */
int chan_send_msg_try(struct chan *c, const void *msg, size_t len);

/**
 * chan_send_msg_timeout() - send a message, waiting no longer than a time
 * @c: a channel of messages
 * @msg: the message; may be NULL if @len is 0
 * @len: its bytes, 0..chan_elem_size()
 * @timeout_ns: as for chan_send_elem_timeout()
 *
 * Return: as chan_send_msg(); -ETIMEDOUT if the time passed first.
 * Since: 1.0
 */
int chan_send_msg_timeout(struct chan *c, const void *msg, size_t len, uint64_t timeout_ns);

/**
 * chan_recv_elem() - receive an element, as Go's v, ok := <-c
 * @c: a channel of fixed elements
 * @elem: room for chan_elem_size() bytes; zeroed when 0 is returned
 *
 * Waits for an element or the end, unless the handle has O_NONBLOCK.
 *
 * Return: 1 with an element; 0 if the channel is closed and drained; or -EAGAIN,
 * -EBADF, -EDQUOT, -EFAULT, -EINTR, -ENOMEM, -EPROTO (a channel of messages).
 * Since: 1.0
 */
int chan_recv_elem(struct chan *c, void *elem);

/**
 * chan_recv_elem_try() - receive an element if that needs no waiting
 * @c: a channel of fixed elements
 * @elem: room for chan_elem_size() bytes; zeroed when 0 is returned
 *
 * Return: as chan_recv_elem(); -EAGAIN if it would have waited.
 * Since: 1.0
 */
int chan_recv_elem_try(struct chan *c, void *elem);

/**
 * chan_recv_elem_timeout() - receive an element, waiting no longer than a time
 * @c: a channel of fixed elements
 * @elem: room for chan_elem_size() bytes; zeroed when 0 is returned
 * @timeout_ns: as for chan_send_elem_timeout()
 *
 * Return: as chan_recv_elem(); -ETIMEDOUT if the time passed first.
 * Since: 1.0
 */
int chan_recv_elem_timeout(struct chan *c, void *elem, uint64_t timeout_ns);

/**
 * chan_recv_elems() - receive the elements that are there
 * @c: a channel of fixed elements
 * @elems: room for @n times chan_elem_size() bytes
 * @n: how many at most, 1..INT_MAX
 *
 * Waits for the first, unless the handle has O_NONBLOCK, and takes as many more as
 * need no waiting.
 *
 * Return: how many; 0 if the channel is closed and drained (@elems is left as it
 * is); or as chan_recv_elem() and -EINVAL.
 * Since: 1.0
 */
int chan_recv_elems(struct chan *c, void *elems, size_t n);

/**
 * chan_recv_elems_try() - receive the elements that are there, if any
 * @c: a channel of fixed elements
 * @elems: room for @n times chan_elem_size() bytes
 * @n: how many at most, 1..INT_MAX
 *
 * Return: as chan_recv_elems(); -EAGAIN if it would have waited.
 * Since: 1.0
 */
int chan_recv_elems_try(struct chan *c, void *elems, size_t n);

/**
 * chan_recv_elems_timeout() - chan_recv_elems(), waiting no longer than a time
 * @c: a channel of fixed elements
 * @elems: room for @n times chan_elem_size() bytes
 * @n: how many at most, 1..INT_MAX
 * @timeout_ns: as for chan_send_elem_timeout()
 *
 * Return: as chan_recv_elems(); -ETIMEDOUT if the time passed first.
 * Since: 1.0
 */
int chan_recv_elems_timeout(struct chan *c, void *elems, size_t n, uint64_t timeout_ns);

/**
 * chan_recv_msg() - receive a message
 * @c: a channel of messages
 * @buf: room for it
 * @size: bytes of @buf; chan_elem_size() always suffice
 * @len: bytes of the message, 0 also at the end; untouched on error
 *
 * Waits for a message or the end, unless the handle has O_NONBLOCK.
 *
 * Return: 1 with a message; 0 if the channel is closed and drained; or -EAGAIN,
 * -EBADF, -EDQUOT, -EFAULT, -EINTR, -EMSGSIZE (@buf is too small, the message stays),
 * -ENOMEM, -EPROTO (a channel of fixed elements).
 * Since: 1.0
 */
int chan_recv_msg(struct chan *c, void *buf, size_t size, size_t *len);

/**
 * chan_recv_msg_try() - receive a message if that needs no waiting
 * @c: a channel of messages
 * @buf: room for it
 * @size: bytes of @buf
 * @len: bytes of the message
 *
 * Return: as chan_recv_msg(); -EAGAIN if it would have waited.
 * Since: 1.0
 */
int chan_recv_msg_try(struct chan *c, void *buf, size_t size, size_t *len);

/**
 * chan_recv_msg_timeout() - receive a message, waiting no longer than a time
 * @c: a channel of messages
 * @buf: room for it
 * @size: bytes of @buf
 * @len: bytes of the message
 * @timeout_ns: as for chan_send_elem_timeout()
 *
 * Return: as chan_recv_msg(); -ETIMEDOUT if the time passed first.
 * Since: 1.0
 */
int chan_recv_msg_timeout(struct chan *c, void *buf, size_t size, size_t *len,
			  uint64_t timeout_ns);

/* A case of chan_select() that isn't of a channel: a file is to be ready. */
#define CHAN_CASE_POLL	0x100

/**
 * struct chan_choice - one case of chan_select()
 * @c: the channel; NULL is Go's nil channel, never ready
 * @buf: the element or message to send, which is only read, or room for one
 * @size: receive of a message: bytes of @buf
 * @len: message: its bytes (send); out: its bytes, 0 also at the end (receive)
 * @op: %CHAN_CASE_RECV, which is 0, or %CHAN_CASE_SEND, or %CHAN_CASE_POLL
 * @result: out: 1 if the element was sent or received; 0 of a receive if the channel
 *	is closed and drained, whose element is zeroed; -EPIPE of a send if it is
 *	closed or hung up; of %CHAN_CASE_POLL the events that have come, as poll(2) says
 *	them, with POLLERR and POLLHUP
 * @fd: %CHAN_CASE_POLL: any file that poll(2) can wait for; negative: never ready
 * @events: %CHAN_CASE_POLL: for what to wait, as of poll(2)
 *
 * What is "out" is written only of the case that has been chosen, so that the same
 * array can be used again.
 */
struct chan_choice {
	struct chan *c;
	void *buf;
	size_t size;
	size_t len;
	unsigned int op;
	int result;
	int fd;
	unsigned int events;
};

/**
 * chan_select() - one of several sends and receives, as Go's select
 * @choices: the cases
 * @n: how many, 0..%CHAN_CASES_MAX; none at all wait for ever
 * @flags: %CHAN_PRIORITY: of cases that are ready the first, not any; or 0
 *
 * Exactly one case is carried out, or none: of those that are ready one at random, each
 * with the same chance; if none is, the first that becomes it. The same channel may
 * stand in several cases. O_NONBLOCK of the handles doesn't matter. Where no case has
 * a channel, the call needs neither the module nor a file to wait.
 *
 * With %CHAN_CASE_POLL a select waits for any other files too. Of those that are ready, of
 * either kind, one is chosen at random or the first, as before; but channels and files
 * aren't looked at in one instant, and in a plain thread any signal handler ends the wait
 * with -EINTR. To wait it needs one more file, and buffers of messages have
 * chan_elem_size() bytes, as for chan_sel_arm().
 *
 * Return: the index of the case, whose @result tells how it ended; or -EBADF, -EDQUOT,
 * -EFAULT, -EINTR, -EINVAL, -EMSGSIZE (a message is longer than its channel takes, or
 * than the buffer of the case chosen, and stays), -ENOMEM; with %CHAN_CASE_POLL also
 * -EMFILE, -ENFILE.
 * Since: 1.0
 */
int chan_select(struct chan_choice *choices, size_t n, unsigned int flags);

/**
 * chan_select_try() - chan_select() with a default
 * @choices: the cases
 * @n: how many, 0..%CHAN_CASES_MAX
 * @flags: as for chan_select()
 *
 * Return: as chan_select(); -EAGAIN, the default, if no case was ready.
 * Since: 1.0
 */
int chan_select_try(struct chan_choice *choices, size_t n, unsigned int flags);

/**
 * chan_select_timeout() - chan_select(), waiting no longer than a time
 * @choices: the cases
 * @n: how many, 0..%CHAN_CASES_MAX
 * @flags: as for chan_select()
 * @timeout_ns: as for chan_send_elem_timeout()
 *
 * Return: as chan_select(); -ETIMEDOUT if the time passed first.
 * Since: 1.0
 */
int chan_select_timeout(struct chan_choice *choices, size_t n, unsigned int flags,
			uint64_t timeout_ns);

/**
 * chan_sel_new() - make a selector: a select that poll(2) and epoll(7) wait for
 * @ret: the selector
 * @via: any channel, or NULL: then /dev/chanctl is opened for it
 * @oflags: O_NONBLOCK, for chan_sel_read(); or 0. O_CLOEXEC is always set
 *
 * Return: 0, or -EACCES, -EDQUOT, -EINVAL, -EMFILE, -ENFILE, -ENOMEM, -ENOSYS.
 * Since: 1.0
 */
int chan_sel_new(struct chan_sel **ret, const struct chan *via, int oflags);

/**
 * chan_sel_arm() - carry out a case that is ready, or begin to wait for one
 * @sel: a selector that isn't armed
 * @choices: the cases; the same must be given to chan_sel_read()
 * @n: how many, 0..%CHAN_CASES_MAX
 * @flags: as for chan_select()
 *
 * What is to be sent is copied now. Buffers for messages have at least chan_elem_size()
 * bytes: whichever case is chosen, nobody waits to be told that it doesn't fit. An armed
 * selector keeps its channels open, as handles do.
 *
 * Return: the index of the case that has been carried out at once, as chan_select(); or
 * -EINPROGRESS: the selector is armed, and turns readable; or -EBADF, -EBUSY (armed
 * already, or a result wasn't read), -EDQUOT, -EFAULT, -EINVAL, -EMSGSIZE, -ENOMEM.
 * Since: 1.0
 */
int chan_sel_arm(struct chan_sel *sel, struct chan_choice *choices, size_t n,
		 unsigned int flags);

/**
 * chan_sel_read() - which case an armed selector has carried out
 * @sel: the selector
 * @choices: the cases that it was armed with
 * @n: how many, as it was armed
 *
 * Waits for one, unless the selector has O_NONBLOCK. Then it may be armed anew.
 *
 * Return: as chan_select(); or -EAGAIN, -EINTR, -EINVAL, -EMSGSIZE (as chan_sel_arm();
 * the result stays), -ENOMEM (likewise).
 * Since: 1.0
 */
int chan_sel_read(struct chan_sel *sel, struct chan_choice *choices, size_t n);

/**
 * chan_sel_disarm() - take an armed selector back
 * @sel: the selector
 *
 * Return: 0: no case has been carried out, nor will be; or -EALREADY: one has, see
 * chan_sel_read(); or -EINVAL: it wasn't armed.
 * Since: 1.0
 */
int chan_sel_disarm(struct chan_sel *sel);

/**
 * chan_sel_fd() - the file descriptor, for poll(2) and epoll(7)
 * @sel: the selector, which goes on owning it
 *
 * Return: the file descriptor.
 * Since: 1.0
 */
int chan_sel_fd(const struct chan_sel *sel);

/**
 * chan_sel_ref() - share a selector
 * @sel: the selector
 *
 * Return: @sel, which now needs one more chan_sel_unref().
 * Since: 1.0
 */
struct chan_sel *chan_sel_ref(struct chan_sel *sel);

/**
 * chan_sel_unref() - let go of a selector; the last reference closes its file
 * @sel: the selector, or NULL
 *
 * That takes it back; an element that nobody has read goes back into its channel.
 *
 * Return: NULL.
 * Since: 1.0
 */
struct chan_sel *chan_sel_unref(struct chan_sel *sel);

/**
 * chan_standby() - let a handle stand by for an element, or no longer
 * @c: a handle that may receive
 * @on: 1, or 0
 *
 * A receive on it that ends with -EAGAIN leaves the handle parked in the channel, with
 * room for one element. So programs that never block meet on an unbuffered channel:
 * poll(2) tells when a sender has come, and the next receive takes the element.
 *
 * Return: 1 if it stood by before, else 0; or -EBADF, -EDQUOT, -ENOMEM.
 * Since: 1.0
 */
int chan_standby(struct chan *c, int on);

/**
 * chan_after() - a timer that sends the time once, as Go's time.NewTimer()
 * @ret: a handle that receives: uint64_t, nanoseconds on CLOCK_REALTIME
 * @first_ns: nanoseconds from now, on CLOCK_MONOTONIC; over 292 years is never
 *
 * It is a channel as any other. One with a name chan_new() makes, with %CHAN_TIMER, 8
 * bytes and capacity 1, and chan_timer_reset() starts it.
 *
 * Return: 0, or -EACCES, -EDQUOT, -EINVAL, -EMFILE, -ENFILE, -ENOMEM, -ENOSYS.
 * Since: 1.0
 */
int chan_after(struct chan **ret, uint64_t first_ns);

/**
 * chan_tick() - a timer that sends the time again and again, as Go's time.NewTicker()
 * @ret: a handle that receives: uint64_t, nanoseconds on CLOCK_REALTIME
 * @period_ns: nanoseconds from now to the first element and from each to the next, not 0
 *
 * It doesn't wait for slow receivers: while an element is queued it sends no other.
 *
 * Return: as chan_after().
 * Since: 1.0
 */
int chan_tick(struct chan **ret, uint64_t period_ns);

/**
 * chan_timer_reset() - start a timer, or start it anew
 * @c: a handle that may receive, of a channel with %CHAN_TIMER
 * @first_ns: nanoseconds from now to the first element, as for chan_after()
 * @period_ns: nanoseconds from one element to the next, or 0: there is only one
 *
 * What is queued is dropped: no element of the time before can be received after it.
 *
 * Return: 1 if the timer was running or an element of it was queued, else 0; or -EBADF,
 * -ENODEV (not a timer).
 * Since: 1.0
 */
int chan_timer_reset(struct chan *c, uint64_t first_ns, uint64_t period_ns);

/**
 * chan_timer_stop() - stop a timer; it doesn't close
 * @c: a handle that may receive, of a channel with %CHAN_TIMER
 *
 * What is queued is dropped, as by chan_timer_reset().
 *
 * Return: as chan_timer_reset().
 * Since: 1.0
 */
int chan_timer_stop(struct chan *c);

/**
 * chan_close() - Go's close(c): no more sends, by anybody
 * @c: a handle that may send
 *
 * Receivers drain what is queued and then see the end; senders that wait get
 * -EPIPE. The handle stays, until chan_unref().
 *
 * Return: 0, or -EBADF, -EPIPE (it was closed already).
 * Since: 1.0
 */
int chan_close(struct chan *c);

/**
 * chan_destroy() - remove name and node of a named channel
 * @c: any handle to it
 * @flags: %CHAN_DESTROY_FORCE, also if elements are queued; or 0
 *
 * Handles stay good, and the channel goes with the last of them.
 *
 * Return: 0, or -EINVAL, -ENODEV, -ENOTEMPTY, -EPERM.
 * Since: 1.0
 */
int chan_destroy(struct chan *c, unsigned int flags);

/**
 * chan_len() - elements queued in the channel, as Go's len(c)
 * @c: the handle
 *
 * Return: how many at some instant of the call; negative only if the file was closed
 * behind the library's back.
 * Since: 1.0
 */
int chan_len(const struct chan *c);

/**
 * chan_cap() - elements that the channel can buffer, as Go's cap(c)
 * @c: the handle
 *
 * Return: how many.
 * Since: 1.0
 */
int chan_cap(const struct chan *c);

/**
 * chan_elem_size() - bytes of an element, or of the longest message
 * @c: the handle
 *
 * Return: how many.
 * Since: 1.0
 */
size_t chan_elem_size(const struct chan *c);

/**
 * chan_flags() - what the channel is
 * @c: the handle
 *
 * Return: those of %CHAN_MESSAGE, %CHAN_NAMED, %CHAN_AUTOCLOSE, %CHAN_HANGUP,
 * %CHAN_STANDBY and %CHAN_TIMER that it was made with. What has become of it since then
 * chan_info() tells.
 * Since: 1.0
 */
unsigned int chan_flags(const struct chan *c);

/**
 * chan_id() - the channel's id, the same for all its handles
 * @c: the handle
 *
 * Return: the id, unique until the module is unloaded.
 * Since: 1.0
 */
uint64_t chan_id(const struct chan *c);

/**
 * chan_type() - name of the element type
 * @c: the handle
 *
 * Return: the name, empty if it has none; good as long as the handle.
 * Since: 1.0
 */
const char *chan_type(const struct chan *c);

/**
 * chan_name() - name of the channel
 * @c: the handle
 *
 * Return: the name, empty if it has none; good as long as the handle.
 * Since: 1.0
 */
const char *chan_name(const struct chan *c);

/**
 * chan_info() - all that is to know about a channel, at one instant
 * @c: the handle
 * @info: filled in
 * @size: sizeof(struct chan_info)
 *
 * Return: 0, or -EINVAL (@size is none).
 * Since: 1.0
 */
int chan_info(const struct chan *c, struct chan_info *info, size_t size);

/**
 * chan_resolve() - which node a name stands for
 * @name: as for chan_open_name()
 * @minor: N of /dev/chanN
 * @id: the channel's id
 *
 * Return: 0, or -EACCES, -EINVAL, -EMFILE, -ENFILE, -ENOENT, -ENOMEM, -ENOSYS.
 * Since: 1.0
 */
int chan_resolve(const char *name, unsigned int *minor, uint64_t *id);

/**
 * chan_list() - the named channels, some at a time
 * @next: 0 at first; where the next call goes on
 * @entries: filled in, by rising minor number
 * @n: entries that fit, 1..4096
 * @entry_size: sizeof(struct chan_info)
 *
 * Return: entries filled in, 0 when there are no more; or -EACCES, -EINVAL,
 * -EMFILE, -ENFILE, -ENOMEM, -ENOSYS.
 * Since: 1.0
 */
int chan_list(unsigned int *next, struct chan_info *entries, size_t n, size_t entry_size);

/**
 * chan_limits() - features, limits, and what of them is in use
 * @limits: filled in
 * @size: sizeof(struct chan_limits)
 *
 * Return: 0, or -EACCES, -EINVAL, -EMFILE, -ENFILE, -ENOMEM, -ENOSYS.
 * Since: 1.0
 */
int chan_limits(struct chan_limits *limits, size_t size);

#ifdef __cplusplus
#pragma GCC diagnostic pop
}
#endif

#endif /* LIBCHAN_H */
