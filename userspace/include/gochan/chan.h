/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * gochan - channels that know the type of their elements
 */
#ifndef GOCHAN_CHAN_H
#define GOCHAN_CHAN_H

/*
 * As what it is once it is installed, a system header: what the macros declare may shadow
 * what another one declares. What they are given is checked all the same, by assertions.
 */
#pragma GCC system_header

#include <errno.h>
#include <libchan.h>
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * DOC: Typed channels
 *
 * chan(T) is the type of a channel of T, as Go's chan T; recv_chan(T) is <-chan T,
 * send_chan(T) is chan<- T. T is any type that can be assigned and isn't const: numbers,
 * pointers, structures, structures without members, other channels. A typed channel is
 * a &struct chan * that the compiler tells apart; NULL is Go's nil channel.
 *
 * There are two faces. chan_send() and its like return 0, 1, or a negative errno, as
 * all of libchan.h. go_send() and its like panic where Go panics (go_panic()), go on
 * after signals, and wait though the handle has O_NONBLOCK.
 *
 * No macro evaluates an argument twice, and each evaluates them in order. The value that
 * is sent, or that go_recv() gives, is on the caller's stack once. Large ones need not be:
 * chan_send_n() sends from where they are, and chan_recv() and go_recv_ok() receive to where
 * they are to be.
 *
 * The functions of libchan.h that take a channel and not an element take typed ones, too:
 * chan_close(), chan_unref(), chan_len(), chan_fd() and so on are macros in front of the
 * functions of these names. chan_handle() gives the plain handle for the rest.
 */

/*
 * Functions
 */

/**
 * struct chan_make - what chan_make() is told beyond the type
 * @size: sizeof(struct chan_make)
 * @flags: as of &struct chan_options
 * @cap: elements that the channel buffers; 0 makes it unbuffered
 * @mode: as of &struct chan_options
 * @pad: must be zero
 * @type: name of the element type; NULL is how the type is written
 * @name: as of &struct chan_options
 */
struct chan_make {
	uint32_t size;
	uint32_t flags;
	size_t cap;
	uint32_t mode;
	uint32_t pad;
	const char *type;
	const char *name;
};

/**
 * chan_new_typed() - make a channel of a type: what chan_make() does
 * @ret: the handle, for both directions
 * @elem_size: bytes of an element
 * @type: how the type is written. It ends at a comma outside of parentheses; of what is
 *	over 31 characters, the first 22 and a hash become the name
 * @how: @type there, if it isn't NULL, is taken instead
 *
 * Return: as chan_new().
 * Since: 1.0
 */
int chan_new_typed(struct chan **ret, size_t elem_size, const char *type,
		   const struct chan_make *how);

/**
 * chan_open_typed() - open a channel of a type by its name: what chan_open() does
 * @ret: the handle
 * @name: as for chan_open_name()
 * @oflags: as for chan_new()
 * @elem_size: bytes of an element
 * @type: as for chan_new_typed(); "" is a channel whose type has no name
 *
 * Return: as chan_open_name(); -EPROTO if its elements are of another size or type.
 * Since: 1.0
 */
int chan_open_typed(struct chan **ret, const char *name, int oflags, size_t elem_size,
		    const char *type);

/**
 * chan_check_typed() - is it a channel of this type? What chan_typed() asks
 * @c: the channel
 * @elem_size: bytes of an element
 * @type: as for chan_open_typed()
 *
 * Return: 0, or -EPROTO.
 * Since: 1.0
 */
int chan_check_typed(const struct chan *c, size_t elem_size, const char *type);

/**
 * chan_now() - the time on CLOCK_MONOTONIC
 *
 * Return: nanoseconds.
 * Since: 1.0
 */
uint64_t chan_now(void);

/**
 * chan_until() - how long it is until a deadline, for any function with a timeout
 * @deadline_ns: on CLOCK_MONOTONIC, as chan_now() tells it; UINT64_MAX is never
 *
 * Return: nanoseconds from now, 0 if it has passed, UINT64_MAX if it never will.
 * Since: 1.0
 */
uint64_t chan_until(uint64_t deadline_ns);

/**
 * go_new() - Go's make, or panic: what go_make() does
 * @elem_size: bytes of an element
 * @cap: elements that the channel buffers
 * @type: as for chan_new_typed(), or NULL for a type without a name
 *
 * Panics with Go's "makechan: size out of range", or with what chan_strerror() says.
 *
 * Return: a handle for both directions.
 * Since: 1.0
 */
struct chan *go_new(size_t elem_size, int64_t cap, const char *type);

/**
 * go_open_name() - chan_open_typed(), or panic: what go_open() does
 * @name: as for chan_open_name()
 * @oflags: as for chan_new()
 * @elem_size: bytes of an element
 * @type: as for chan_open_typed()
 *
 * Return: the handle.
 * Since: 1.0
 */
struct chan *go_open_name(const char *name, int oflags, size_t elem_size, const char *type);

/**
 * go_send_elem() - send an element, or panic: what go_send() does
 * @c: a channel of fixed elements; NULL waits for ever
 * @elem: chan_elem_size() bytes
 *
 * Panics with Go's "send on closed channel"; if a channel made with %CHAN_HANGUP has no
 * receivers left, with "send on channel without receivers"; else with what
 * chan_strerror() says.
 * Since: 1.0
 */
void go_send_elem(struct chan *c, const void *elem);

/**
 * go_recv_elem() - receive an element: what go_recv() does
 * @c: a channel of fixed elements; NULL waits for ever
 * @elem: room for chan_elem_size() bytes, zeroed at the end of the channel; or NULL: the
 *	element is dropped
 *
 * Panics if it can't, with what chan_strerror() says.
 *
 * Return: true with an element, false if the channel is closed and drained.
 * Since: 1.0
 */
bool go_recv_elem(struct chan *c, void *elem);

/**
 * go_close() - Go's close(c)
 * @c: a handle that may send; the macro of this name takes typed ones
 *
 * Panics with Go's "close of closed channel" or "close of nil channel", else with what
 * chan_strerror() says. The handle stays, until chan_unref().
 * Since: 1.0
 */
void go_close(struct chan *c);

/**
 * go_after() - Go's time.After(): a channel that gives the time once
 * @ns: nanoseconds from now
 *
 * Panics if there can't be one, with what chan_strerror() says. Nobody collects it: it
 * goes with chan_unref(). In a select go_case_timeout() does without it.
 *
 * Return: a handle that receives, in C a recv_chan(uint64_t): nanoseconds on
 * CLOCK_REALTIME.
 * Since: 1.0
 */
struct chan *go_after(uint64_t ns);

/**
 * go_tick() - Go's time.Tick(): a channel that gives the time again and again
 * @ns: nanoseconds from one element to the next; 0 gives a nil channel, as in Go
 *
 * As go_after().
 *
 * Return: a handle that receives, in C a recv_chan(uint64_t).
 * Since: 1.0
 */
struct chan *go_tick(uint64_t ns);

#ifdef __cplusplus
}
#else

/*
 * Types. The length of the array says which way elements go: 1 is received, 2 is sent, 3
 * is both. There never is such an array, as there never is an object of type struct chan.
 */

/**
 * chan() - the type of a channel of T, as Go's chan T
 * @T: the type of an element
 */
#define chan(T)		__typeof__(__typeof__(T) (*)[3])

/**
 * recv_chan() - the type of a channel that is received from, as Go's <-chan T
 * @T: the type of an element
 */
#define recv_chan(T)	__typeof__(__typeof__(T) (*)[1])

/**
 * send_chan() - the type of a channel that is sent to, as Go's chan<- T
 * @T: the type of an element
 */
#define send_chan(T)	__typeof__(__typeof__(T) (*)[2])

/* What macros say about a typed channel c, which is a variable of theirs. */
#define LIBCHAN_ELEM(c)		__typeof__(**(c))
#define LIBCHAN_IS(c, ways) \
	__builtin_types_compatible_p(__typeof__(c), LIBCHAN_ELEM(c) (*)[ways])
#define LIBCHAN_PLAIN(c)	((struct chan *)(void *)(c))

#define LIBCHAN_MAY_SEND(c) \
	_Static_assert(LIBCHAN_IS(c, 3) || LIBCHAN_IS(c, 2), \
		       "cannot send to receive-only channel")
#define LIBCHAN_MAY_RECV(c) \
	_Static_assert(LIBCHAN_IS(c, 3) || LIBCHAN_IS(c, 1), \
		       "cannot receive from send-only channel")
#define LIBCHAN_MAY_CLOSE(c) \
	_Static_assert(LIBCHAN_IS(c, 3) || LIBCHAN_IS(c, 2), \
		       "cannot close receive-only channel")

/*
 * A pointer to T, or a null pointer constant, makes this conditional one to T, and nothing
 * else does; with const T for T, also a pointer to T makes it one to const T.
 */
#define LIBCHAN_POINTS(p, T) \
	_Static_assert(__builtin_types_compatible_p(__typeof__(1 ? (p) : (T *)0), T *), \
		       "pointer to another type than the channel's elements")

/* A plain handle passes for a channel of these where the type of a channel is looked at. */
struct libchan_any {
	char byte;
};

#define LIBCHAN_ANY	((struct libchan_any (*)[3])0)
#define LIBCHAN_TYPED(c) \
	_Generic((c), struct chan *: LIBCHAN_ANY, const struct chan *: LIBCHAN_ANY, \
		 void *: LIBCHAN_ANY, default: (c))

#define LIBCHAN_IS_CHAN(c) \
	_Static_assert(LIBCHAN_IS(LIBCHAN_TYPED(c), 3) || LIBCHAN_IS(LIBCHAN_TYPED(c), 2) || \
		       LIBCHAN_IS(LIBCHAN_TYPED(c), 1), "not a channel")

/* As LIBCHAN_MAY_CLOSE(), where plain handles are let through. */
#define LIBCHAN_MAY_CLOSE_ANY(c)	LIBCHAN_MAY_CLOSE(LIBCHAN_TYPED(c))

#define LIBCHAN_FITS(T) \
	_Static_assert(sizeof(T) <= CHAN_ELEM_SIZE_MAX, \
		       "channel element type too large (over 1 MiB)")

/**
 * chan_handle() - the plain handle of a typed channel, for libchan.h's functions
 * @c: a typed channel or a plain handle
 *
 * Return: the same handle, as a &struct chan *. It is no new reference.
 * Since: 1.0
 */
#define chan_handle(c)	__extension__ ({ \
	__auto_type libchan_h = (c); \
	LIBCHAN_IS_CHAN(libchan_h); \
	_Generic(libchan_h, const struct chan *: libchan_h, \
		 default: LIBCHAN_PLAIN(libchan_h)); })

/* ... and what there is to do with it, if it isn't nil. */
#define LIBCHAN_WITH(c, call, nil)	__extension__ ({ \
	__auto_type libchan_h = chan_handle(c); \
	libchan_h ? (call) : (nil); })

/**
 * recv_only() - a channel as one to receive from, as Go converts chan T to <-chan T
 * @c: a chan(T) or recv_chan(T)
 *
 * Only the type changes: chan_narrow() makes a handle that can't do more.
 *
 * Return: the same handle, a recv_chan(T).
 * Since: 1.0
 */
#define recv_only(c)	__extension__ ({ \
	__auto_type libchan_c = (c); \
	LIBCHAN_MAY_RECV(libchan_c); \
	(recv_chan(LIBCHAN_ELEM(libchan_c)))(void *)libchan_c; })

/**
 * send_only() - a channel as one to send to, as Go converts chan T to chan<- T
 * @c: a chan(T) or send_chan(T)
 *
 * As recv_only().
 *
 * Return: the same handle, a send_chan(T).
 * Since: 1.0
 */
#define send_only(c)	__extension__ ({ \
	__auto_type libchan_c = (c); \
	LIBCHAN_MAY_SEND(libchan_c); \
	(send_chan(LIBCHAN_ELEM(libchan_c)))(void *)libchan_c; })

/*
 * C's face: 0, 1 or a negative errno
 */

/**
 * chan_make() - make a channel, as Go's make(chan T, n)
 * @T: the type of an element; how it is written is the channel's type name, see
 *	chan_new_typed()
 * @...: the address of a chan(T), which is left as it is on error; then fields of
 *	&struct chan_make, as .cap = 8, .name = "jobs"
 *
 * Return: as chan_new().
 * Since: 1.0
 */
#define chan_make(T, ...)	LIBCHAN_MAKE(#T, T, __VA_ARGS__, )

#define LIBCHAN_MAKE(text, T, ret, ...)	__extension__ ({ \
	LIBCHAN_FITS(T); \
	chan(T) *libchan_ret = (ret); \
	LIBCHAN_POINTS(ret, chan(T)); \
	struct chan *libchan_h; \
	int libchan_r = chan_new_typed(&libchan_h, sizeof(T), text, &(struct chan_make){ \
		.size = sizeof(struct chan_make), __VA_ARGS__ }); \
	if (!libchan_r) \
		*libchan_ret = (void *)libchan_h; \
	libchan_r; })

/**
 * chan_make_msg() - make a channel of messages
 * @...: the address of a &struct chan *, which is left as it is on error; bytes of the
 *	longest message; then fields of &struct chan_make, of which @flags has
 *	%CHAN_MESSAGE anyway
 *
 * Messages have no type: chan_send_msg() and chan_recv_msg() are for them.
 *
 * Return: as chan_new().
 * Since: 1.0
 */
#define chan_make_msg(...)	LIBCHAN_MAKE_MSG(__VA_ARGS__, )

#define LIBCHAN_MAKE_MSG(ret, max, ...)	__extension__ ({ \
	struct chan **libchan_ret = (ret); \
	size_t libchan_max = (max); \
	struct chan_make libchan_how = { .size = sizeof(libchan_how), __VA_ARGS__ }; \
	libchan_how.flags |= CHAN_MESSAGE; \
	chan_new_typed(libchan_ret, libchan_max, "", &libchan_how); })

/**
 * chan_open() - open a channel by its name, if it is one of T
 * @T: the type of an element
 * @...: the address of a chan(T), recv_chan(T) or send_chan(T), left as it is on error;
 *	the name, as for chan_open_name(); flags, as for chan_new(); and perhaps
 *	.type = "name of the type", where how it is written isn't its name
 *
 * The handle may do at least what the type says: with O_RDONLY it can be a recv_chan(T)
 * only, with O_WRONLY a send_chan(T).
 *
 * Return: as chan_open_name(); -EINVAL if the flags don't suffice for the type, -EPROTO if
 * its elements are of another size or type.
 * Since: 1.0
 */
#define chan_open(T, ...)	LIBCHAN_OPEN(#T, T, __VA_ARGS__, )

#define LIBCHAN_OPEN(text, T, ret, name, oflags, ...)	__extension__ ({ \
	__auto_type libchan_ret = (ret); \
	LIBCHAN_OF(LIBCHAN_TYPED(*libchan_ret), T); \
	const char *libchan_name = (name); \
	int libchan_oflags = (oflags); \
	struct libchan_named libchan_as = { __VA_ARGS__ }; \
	struct chan *libchan_h; \
	int libchan_r = -EINVAL; \
	if (LIBCHAN_ENOUGH(LIBCHAN_TYPED(*libchan_ret), libchan_oflags)) \
		libchan_r = chan_open_typed(&libchan_h, libchan_name, libchan_oflags, sizeof(T), \
					    libchan_as.type ? libchan_as.type : text); \
	if (!libchan_r) \
		*libchan_ret = (void *)libchan_h; \
	libchan_r; })

/* Of this library's macros alone, and of no function: it may grow. */
struct libchan_named {
	const char *type;
};

#define LIBCHAN_OF(c, T) \
	_Static_assert(__builtin_types_compatible_p(LIBCHAN_ELEM(c), __typeof__(T)) && \
		       (LIBCHAN_IS(c, 3) || LIBCHAN_IS(c, 2) || LIBCHAN_IS(c, 1)), \
		       "not a channel of this type")

/* Access modes are numbers, not bits. */
#define LIBCHAN_ENOUGH(c, oflags) \
	(((oflags) & O_ACCMODE) == O_RDWR || \
	 (LIBCHAN_IS(c, 1) && ((oflags) & O_ACCMODE) == O_RDONLY) || \
	 (LIBCHAN_IS(c, 2) && ((oflags) & O_ACCMODE) == O_WRONLY))

/**
 * chan_typed() - a plain handle as a typed channel, if it is one of T
 * @T: the type of an element
 * @...: the address of a chan(T), recv_chan(T) or send_chan(T), left as it is on error; a
 *	&struct chan *, which the typed channel takes the place of; and perhaps .type =
 *	"name of the type", as for chan_open()
 *
 * For what chan_from_fd(), chan_open_path() and the like give. That the handle may do what
 * the type says isn't checked here: -EBADF comes from who tries.
 *
 * Return: 0, or -EPROTO: its elements are of another size or type.
 * Since: 1.0
 */
#define chan_typed(T, ...)	LIBCHAN_AS(#T, T, __VA_ARGS__, )

#define LIBCHAN_AS(text, T, ret, handle, ...)	__extension__ ({ \
	__auto_type libchan_ret = (ret); \
	LIBCHAN_OF(LIBCHAN_TYPED(*libchan_ret), T); \
	struct chan *libchan_h = (handle); \
	struct libchan_named libchan_as = { __VA_ARGS__ }; \
	int libchan_r = chan_check_typed(libchan_h, sizeof(T), \
					 libchan_as.type ? libchan_as.type : text); \
	if (!libchan_r) \
		*libchan_ret = (void *)libchan_h; \
	libchan_r; })

/* Nil channels: a select without cases waits as long, and in no channel. */
#define LIBCHAN_NIL		chan_select(NULL, 0, 0)
#define LIBCHAN_NIL_TRY		(-EAGAIN)
#define LIBCHAN_NIL_TIMEOUT	chan_select_timeout(NULL, 0, 0, libchan_ns)

#define LIBCHAN_SEND(c, v, then, call, nil)	__extension__ ({ \
	__auto_type libchan_c = (c); \
	LIBCHAN_MAY_SEND(libchan_c); \
	LIBCHAN_ELEM(libchan_c) libchan_v = (v); \
	struct chan *libchan_h = LIBCHAN_PLAIN(libchan_c); \
	then \
	libchan_h ? (call) : (nil); })

/**
 * chan_send() - send a value, as Go's c <- v
 * @c: a chan(T) or send_chan(T); NULL waits for ever
 * @...: the value: what can be assigned to a T
 *
 * Return: as chan_send_elem(): 0, -EPIPE (closed or hung up), ...
 * Since: 1.0
 */
#define chan_send(c, ...) \
	LIBCHAN_SEND(c, (__VA_ARGS__), , chan_send_elem(libchan_h, &libchan_v), LIBCHAN_NIL)

/**
 * chan_send_try() - send a value if that needs no waiting
 * @c: a chan(T) or send_chan(T)
 * @...: the value: what can be assigned to a T
 *
 * Return: as chan_send_elem_try(); -EAGAIN if it would have waited, as a nil channel does.
 * Since: 1.0
 */
#define chan_send_try(c, ...) \
	LIBCHAN_SEND(c, (__VA_ARGS__), , chan_send_elem_try(libchan_h, &libchan_v), LIBCHAN_NIL_TRY)

/**
 * chan_send_timeout() - send a value, waiting no longer than a time
 * @c: a chan(T) or send_chan(T)
 * @v: what can be assigned to a T; a compound literal needs parentheses around it
 * @ns: nanoseconds from now, over 292 years for ever; chan_until() for a deadline
 *
 * Return: as chan_send_elem_timeout().
 * Since: 1.0
 */
#define chan_send_timeout(c, v, ns) \
	LIBCHAN_SEND(c, v, uint64_t libchan_ns = (ns);, \
		     chan_send_elem_timeout(libchan_h, &libchan_v, libchan_ns), \
		     LIBCHAN_NIL_TIMEOUT)

#define LIBCHAN_RECV(c, dst, then, call, nil)	__extension__ ({ \
	__auto_type libchan_c = (c); \
	LIBCHAN_MAY_RECV(libchan_c); \
	LIBCHAN_POINTS(dst, LIBCHAN_ELEM(libchan_c)); \
	LIBCHAN_ELEM(libchan_c) *libchan_p = (dst); \
	struct chan *libchan_h = LIBCHAN_PLAIN(libchan_c); \
	then \
	libchan_h ? (call) : (nil); })

/**
 * chan_recv() - receive a value, as Go's v, ok := <-c
 * @c: a chan(T) or recv_chan(T); NULL waits for ever
 * @dst: a pointer to T; what it points to is zeroed when 0 is returned
 *
 * Return: as chan_recv_elem(): 1; 0 if the channel is closed and drained; ...
 * Since: 1.0
 */
#define chan_recv(c, dst) \
	LIBCHAN_RECV(c, dst, , chan_recv_elem(libchan_h, libchan_p), LIBCHAN_NIL)

/**
 * chan_recv_try() - receive a value if that needs no waiting
 * @c: a chan(T) or recv_chan(T)
 * @dst: a pointer to T; what it points to is zeroed when 0 is returned
 *
 * Return: as chan_recv_elem_try(); -EAGAIN if it would have waited, as a nil channel does.
 * Since: 1.0
 */
#define chan_recv_try(c, dst) \
	LIBCHAN_RECV(c, dst, , chan_recv_elem_try(libchan_h, libchan_p), LIBCHAN_NIL_TRY)

/**
 * chan_recv_timeout() - receive a value, waiting no longer than a time
 * @c: a chan(T) or recv_chan(T)
 * @dst: a pointer to T; what it points to is zeroed when 0 is returned
 * @ns: nanoseconds from now, over 292 years for ever; chan_until() for a deadline
 *
 * Return: as chan_recv_elem_timeout().
 * Since: 1.0
 */
#define chan_recv_timeout(c, dst, ns) \
	LIBCHAN_RECV(c, dst, uint64_t libchan_ns = (ns);, \
		     chan_recv_elem_timeout(libchan_h, libchan_p, libchan_ns), \
		     LIBCHAN_NIL_TIMEOUT)

#define LIBCHAN_SEND_N(c, src, n, then, call, nil)	__extension__ ({ \
	__auto_type libchan_c = (c); \
	LIBCHAN_MAY_SEND(libchan_c); \
	LIBCHAN_POINTS(src, const LIBCHAN_ELEM(libchan_c)); \
	const LIBCHAN_ELEM(libchan_c) *libchan_p = (src); \
	size_t libchan_n = (n); \
	struct chan *libchan_h = LIBCHAN_PLAIN(libchan_c); \
	then \
	libchan_h ? (call) : (nil); })

/**
 * chan_send_n() - send values of an array, one after the other, in one system call
 * @c: a chan(T) or send_chan(T); NULL waits for ever
 * @src: an array of T, or a pointer to const T
 * @n: how many, 1..INT_MAX
 *
 * Return: as chan_send_elems(): how many were sent, ...
 * Since: 1.0
 */
#define chan_send_n(c, src, n) \
	LIBCHAN_SEND_N(c, src, n, , chan_send_elems(libchan_h, libchan_p, libchan_n), LIBCHAN_NIL)

/**
 * chan_send_n_try() - send as many values of an array as need no waiting
 * @c: a chan(T) or send_chan(T)
 * @src: an array of T, or a pointer to const T
 * @n: how many at most, 1..INT_MAX
 *
 * Return: as chan_send_elems_try().
 * Since: 1.0
 */
#define chan_send_n_try(c, src, n) \
	LIBCHAN_SEND_N(c, src, n, , chan_send_elems_try(libchan_h, libchan_p, libchan_n), \
		       LIBCHAN_NIL_TRY)

/**
 * chan_send_n_timeout() - send values of an array, waiting no longer than a time in all
 * @c: a chan(T) or send_chan(T)
 * @src: an array of T, or a pointer to const T
 * @n: how many, 1..INT_MAX
 * @ns: as for chan_send_timeout()
 *
 * Return: as chan_send_elems_timeout().
 * Since: 1.0
 */
#define chan_send_n_timeout(c, src, n, ns) \
	LIBCHAN_SEND_N(c, src, n, uint64_t libchan_ns = (ns);, \
		       chan_send_elems_timeout(libchan_h, libchan_p, libchan_n, libchan_ns), \
		       LIBCHAN_NIL_TIMEOUT)

#define LIBCHAN_RECV_N(c, dst, n, then, call, nil) \
	LIBCHAN_RECV(c, dst, size_t libchan_n = (n); then, call, nil)

/**
 * chan_recv_n() - receive the values that are there into an array, in one system call
 * @c: a chan(T) or recv_chan(T); NULL waits for ever
 * @dst: an array of T
 * @n: how many at most, 1..INT_MAX
 *
 * Return: as chan_recv_elems(): how many; 0 if the channel is closed and drained, and @dst
 * is left as it is; ...
 * Since: 1.0
 */
#define chan_recv_n(c, dst, n) \
	LIBCHAN_RECV_N(c, dst, n, , chan_recv_elems(libchan_h, libchan_p, libchan_n), LIBCHAN_NIL)

/**
 * chan_recv_n_try() - receive the values that are there, if any
 * @c: a chan(T) or recv_chan(T)
 * @dst: an array of T
 * @n: how many at most, 1..INT_MAX
 *
 * Return: as chan_recv_elems_try().
 * Since: 1.0
 */
#define chan_recv_n_try(c, dst, n) \
	LIBCHAN_RECV_N(c, dst, n, , chan_recv_elems_try(libchan_h, libchan_p, libchan_n), \
		       LIBCHAN_NIL_TRY)

/**
 * chan_recv_n_timeout() - chan_recv_n(), waiting no longer than a time
 * @c: a chan(T) or recv_chan(T)
 * @dst: an array of T
 * @n: how many at most, 1..INT_MAX
 * @ns: as for chan_recv_timeout()
 *
 * Return: as chan_recv_elems_timeout().
 * Since: 1.0
 */
#define chan_recv_n_timeout(c, dst, n, ns) \
	LIBCHAN_RECV_N(c, dst, n, uint64_t libchan_ns = (ns);, \
		       chan_recv_elems_timeout(libchan_h, libchan_p, libchan_n, libchan_ns), \
		       LIBCHAN_NIL_TIMEOUT)

/*
 * libchan.h's functions, for typed channels too. Of a nil channel the length is 0 and the
 * close fails, as Go has it.
 */
#define chan_len(c)		LIBCHAN_WITH(c, (chan_len)(libchan_h), 0)
#define chan_cap(c)		LIBCHAN_WITH(c, (chan_cap)(libchan_h), 0)
#define chan_fd(c)		(chan_fd)(chan_handle(c))
#define chan_elem_size(c)	(chan_elem_size)(chan_handle(c))
#define chan_flags(c)		(chan_flags)(chan_handle(c))
#define chan_id(c)		(chan_id)(chan_handle(c))
#define chan_type(c)		(chan_type)(chan_handle(c))
#define chan_name(c)		(chan_name)(chan_handle(c))
#define chan_info(c, info, size)	(chan_info)(chan_handle(c), info, size)
#define chan_destroy(c, flags)		(chan_destroy)(chan_handle(c), flags)
#define chan_standby(c, on)		(chan_standby)(chan_handle(c), on)
#define chan_timer_reset(c, first_ns, period_ns) \
	(chan_timer_reset)(chan_handle(c), first_ns, period_ns)
#define chan_timer_stop(c)	(chan_timer_stop)(chan_handle(c))

#define chan_close(c)	__extension__ ({ \
	__auto_type libchan_h = (c); \
	LIBCHAN_MAY_CLOSE_ANY(libchan_h); \
	libchan_h ? (chan_close)(LIBCHAN_PLAIN(libchan_h)) : -EINVAL; })

/* A reference is of the type of what it refers to. */
#define chan_ref(c)	__extension__ ({ \
	__auto_type libchan_h = (c); \
	LIBCHAN_IS_CHAN(libchan_h); \
	if (libchan_h) \
		(chan_ref)(LIBCHAN_PLAIN(libchan_h)); \
	libchan_h; })

#define chan_unref(c)	__extension__ ({ \
	__auto_type libchan_h = (c); \
	LIBCHAN_IS_CHAN(libchan_h); \
	(__typeof__(libchan_h))(void *)(chan_unref)(LIBCHAN_PLAIN(libchan_h)); })

/* No type comes of none, and no direction back. */
#define LIBCHAN_NARROWER(to, from) \
	(_Generic((to), struct chan *: 1, default: 0) || \
	 __builtin_types_compatible_p(__typeof__(to), __typeof__(from)) || \
	 (LIBCHAN_IS(LIBCHAN_TYPED(from), 3) && \
	  __builtin_types_compatible_p(LIBCHAN_ELEM(LIBCHAN_TYPED(to)), \
				       LIBCHAN_ELEM(LIBCHAN_TYPED(from)))))

#define chan_narrow(ret, c, oflags)	__extension__ ({ \
	__auto_type libchan_ret = (ret); \
	__auto_type libchan_c = (c); \
	LIBCHAN_IS_CHAN(*libchan_ret); \
	LIBCHAN_IS_CHAN(libchan_c); \
	_Static_assert(LIBCHAN_NARROWER(*libchan_ret, libchan_c), \
		       "channel of another type or of more directions"); \
	struct chan *libchan_n; \
	int libchan_r = (chan_narrow)(&libchan_n, chan_handle(libchan_c), oflags); \
	if (!libchan_r) \
		*libchan_ret = (void *)libchan_n; \
	libchan_r; })

#define LIBCHAN_TIMER(ret, call)	__extension__ ({ \
	__auto_type libchan_ret = (ret); \
	_Static_assert(_Generic(*libchan_ret, struct chan *: 1, recv_chan(uint64_t): 1, \
				default: 0), "a timer is a recv_chan(uint64_t)"); \
	struct chan *libchan_h; \
	int libchan_r = (call); \
	if (!libchan_r) \
		*libchan_ret = (void *)libchan_h; \
	libchan_r; })

#define chan_after(ret, first_ns)	LIBCHAN_TIMER(ret, (chan_after)(&libchan_h, first_ns))
#define chan_tick(ret, period_ns)	LIBCHAN_TIMER(ret, (chan_tick)(&libchan_h, period_ns))

/*
 * Go's face
 */

/**
 * go_make() - Go's make(chan T, n), or panic
 * @...: the type of an element, whose name it becomes; and perhaps the capacity
 *
 * Panics as go_new() does: "makechan: size out of range", or what chan_strerror() says, if
 * there is no module for example.
 *
 * Return: a chan(T). Nobody collects it: it goes with chan_unref().
 * Since: 1.0
 */
#define go_make(...)	LIBCHAN_GO_MAKE(#__VA_ARGS__, __VA_ARGS__, 0, 0, )

#define LIBCHAN_GO_MAKE(text, T, cap, none, ...)	__extension__ ({ \
	LIBCHAN_FITS(T); \
	_Static_assert(!(none), "go_make() takes a type and a capacity"); \
	(chan(T))(void *)go_new(sizeof(T), cap, text); })

/**
 * go_open() - open a channel of T by its name, or panic
 * @T: the type of an element
 * @name: as for chan_open_name()
 * @oflags: as for chan_new(); recv_only() and send_only() are for handles that can't both
 *
 * Panics with what chan_strerror() says.
 *
 * Return: a chan(T).
 * Since: 1.0
 */
#define go_open(T, name, oflags) \
	((chan(T))(void *)go_open_name(name, oflags, sizeof(T), #T))

/**
 * go_send() - Go's c <- v
 * @c: a chan(T) or send_chan(T); NULL waits for ever
 * @...: the value: what can be assigned to a T
 *
 * Panics as go_send_elem() does: "send on closed channel".
 * Since: 1.0
 */
#define go_send(c, ...)	__extension__ ({ \
	__auto_type libchan_c = (c); \
	LIBCHAN_MAY_SEND(libchan_c); \
	LIBCHAN_ELEM(libchan_c) libchan_v = (__VA_ARGS__); \
	go_send_elem(LIBCHAN_PLAIN(libchan_c), &libchan_v); })

/**
 * go_recv() - Go's <-c
 * @c: a chan(T) or recv_chan(T); NULL waits for ever
 *
 * Return: a T, zero if the channel is closed and drained.
 * Since: 1.0
 */
#define go_recv(c) \
	((void)0, *(LIBCHAN_ELEM(c) *)libchan_recv_into(__extension__ ({ \
		__auto_type libchan_c = (c); \
		LIBCHAN_MAY_RECV(libchan_c); \
		LIBCHAN_PLAIN(libchan_c); }), __extension__ (LIBCHAN_ELEM(c)[1]){ }))

/* The value of a statement expression would be one more copy, and a function's another. */
static inline void *libchan_recv_into(struct chan *c, void *elem)
{
	go_recv_elem(c, elem);
	return elem;
}

/**
 * go_recv_ok() - Go's v, ok := <-c
 * @c: a chan(T) or recv_chan(T); NULL waits for ever
 * @dst: a pointer to T, which is zeroed if the channel is closed and drained; or NULL: the
 *	value is dropped
 *
 * Return: true with a value, false if the channel is closed and drained.
 * Since: 1.0
 */
#define go_recv_ok(c, dst)	__extension__ ({ \
	__auto_type libchan_c = (c); \
	LIBCHAN_MAY_RECV(libchan_c); \
	LIBCHAN_POINTS(dst, LIBCHAN_ELEM(libchan_c)); \
	LIBCHAN_ELEM(libchan_c) *libchan_p = (dst); \
	go_recv_elem(LIBCHAN_PLAIN(libchan_c), libchan_p); })

#define go_close(c)	__extension__ ({ \
	__auto_type libchan_h = (c); \
	LIBCHAN_MAY_CLOSE_ANY(libchan_h); \
	(go_close)(LIBCHAN_PLAIN(libchan_h)); })

/**
 * go_range() - Go's for v := range c { }
 * @v: the name of a T that is declared for the block
 * @c: a chan(T) or recv_chan(T), evaluated once; NULL waits for ever
 *
 * The block follows, and runs for each value until the channel is closed and drained;
 * break and continue do what they do in any loop.
 * Since: 1.0
 */
#define go_range(v, c) \
	for (struct libchan_range libchan_range = { __extension__ ({ \
			__auto_type libchan_c = (c); \
			LIBCHAN_MAY_RECV(libchan_c); \
			LIBCHAN_PLAIN(libchan_c); }), true }; \
	     libchan_range.more; libchan_range.more = false) \
		for (LIBCHAN_ELEM(c) v; go_recv_elem(libchan_range.from, &v); )

/* For the declaration alone; of this library's macros and no function: it may grow. */
struct libchan_range {
	struct chan *from;
	bool more;
};

#define go_after(ns)	((recv_chan(uint64_t))(void *)(go_after)(ns))
#define go_tick(ns)	((recv_chan(uint64_t))(void *)(go_tick)(ns))

#endif /* !__cplusplus */

#endif /* GOCHAN_CHAN_H */
