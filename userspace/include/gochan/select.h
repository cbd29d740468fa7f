/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * gochan - select as a block
 */
#ifndef GOCHAN_SELECT_H
#define GOCHAN_SELECT_H

/* A select in a case of a select shadows it: see chan.h. */
#pragma GCC system_header

#include <gochan/chan.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * DOC: Select
 *
 *	go_select {
 *		go_case_recv(c, &v)		{ ... }
 *		go_case_recv_ok(d, &w, &ok)	{ ... }
 *		go_case_send(e, next())		{ ... }
 *		go_case_fd(fd, POLLIN)		{ ... }
 *		go_case_timeout(ns)		{ ... }
 *		go_default			{ ... }
 *	}
 *
 * Go's select: channels and values to send are evaluated once, in order, whichever case
 * comes; of the cases that are ready one is chosen at random, each with the same chance; if
 * none is, go_default, or else the first that becomes ready. A nil channel never is. With
 * go_select_ordered the first that is ready is chosen. A send that is chosen on a closed
 * channel panics.
 *
 * Three things are not as in Go. The pointers that are received into are evaluated as the
 * channels are, not only if their case comes; what they point to must be there until then,
 * which &(int){ 0 } is not. continue ends the select, and not a loop
 * around it. And there must be a return after a select, even if all of its cases return.
 *
 * The block is run through twice: once to see the cases, and once to carry one out. So it
 * may hold cases, in loops too, and conditions on them that don't change meanwhile, but
 * other statements only inside of the cases.
 *
 * chan_select() is the same for an array of cases, and for messages.
 */

/* Of the cases that are ready, the first. */
#define GO_SELECT_ORDERED	0x00000001

/**
 * struct go_selection - a select, on the stack of who selects
 * @registering: the block is being seen, not carried out
 * @reserved: private
 * @room: private
 */
struct go_selection {
	uint32_t registering;
	uint32_t reserved;
	uint64_t room[126];
};

/*
 * What the macros call.
 */

/**
 * go_select_begin() - begin a select
 * @s: what go_select_end() ends
 * @size: sizeof(struct go_selection)
 * @flags: %GO_SELECT_ORDERED or 0
 *
 * Return: @s.
 * Since: 1.0
 */
struct go_selection *go_select_begin(struct go_selection *s, size_t size, unsigned int flags);

/**
 * go_select_step() - shall the block be run through (once more)?
 * @s: the select
 *
 * True the first time, to see the cases. Then it waits for one, and is true for the second
 * time, to carry it out. Panics as go_send_elem(), and if there are more than
 * %CHAN_CASES_MAX cases.
 *
 * Return: true, true, false.
 * Since: 1.0
 */
bool go_select_step(struct go_selection *s);

/**
 * go_select_recv() - a case that receives
 * @s: the select
 * @site: where it is written: a number of its own among those of a block
 * @c: the channel or NULL
 * @elem: room for an element, or NULL: it is dropped
 * @size: bytes of an element
 * @ok: if not NULL, is told if there was an element, when the case is chosen
 *
 * Since: 1.0
 */
void go_select_recv(struct go_selection *s, unsigned int site, struct chan *c, void *elem,
		    size_t size, bool *ok);

/**
 * go_select_send() - a case that sends
 * @s: the select
 * @site: as for go_select_recv()
 * @c: the channel or NULL
 * @size: bytes of an element
 *
 * Return: room for the element, which the caller fills in.
 * Since: 1.0
 */
void *go_select_send(struct go_selection *s, unsigned int site, struct chan *c, size_t size);

/**
 * go_select_fd() - a case of a file
 * @s: the select
 * @site: as for go_select_recv()
 * @fd: a file that poll(2) can wait for; negative is never ready
 * @events: as of poll(2)
 * @revents: if not NULL, is told which events came, when the case is chosen
 *
 * Since: 1.0
 */
void go_select_fd(struct go_selection *s, unsigned int site, int fd, unsigned int events,
		  unsigned int *revents);

/**
 * go_select_timeout() - a case of a time that passes
 * @s: the select
 * @site: as for go_select_recv()
 * @ns: nanoseconds from when the select begins to wait; over 292 years is never
 *
 * Since: 1.0
 */
void go_select_timeout(struct go_selection *s, unsigned int site, uint64_t ns);

/**
 * go_select_default() - the case that comes if no other is ready
 * @s: the select
 * @site: as for go_select_recv()
 *
 * Since: 1.0
 */
void go_select_default(struct go_selection *s, unsigned int site);

/**
 * go_select_taken() - is it the case that was chosen?
 * @s: the select
 * @site: the case's
 *
 * Return: true for the one that was.
 * Since: 1.0
 */
bool go_select_taken(struct go_selection *s, unsigned int site);

/**
 * go_select_end() - give back what a select holds
 * @s: the select
 *
 * A panic and go_exit() do it, too: it is among the deferred calls.
 * Since: 1.0
 */
void go_select_end(struct go_selection *s);

#ifdef __cplusplus
}
#else

/**
 * go_select - Go's select: the cases follow, in a block
 */
#define go_select		LIBCHAN_SELECT(0)

/**
 * go_select_ordered - a select that prefers the first of the cases that are ready
 */
#define go_select_ordered	LIBCHAN_SELECT(GO_SELECT_ORDERED)

/* The innermost select is the one that is called so. */
#define LIBCHAN_SELECT(flags) \
	for (struct go_selection libchan_room __attribute__((__cleanup__(go_select_end))), \
	     *libchan_select = go_select_begin(&libchan_room, sizeof(libchan_room), flags); \
	     go_select_step(libchan_select); )

#define LIBCHAN_CASE(site, tell) \
	if (libchan_select->registering ? ((tell), 0) : go_select_taken(libchan_select, site))

/**
 * go_case_recv() - Go's case v = <-c:
 * @c: a chan(T) or recv_chan(T), or NULL: never ready
 * @dst: a pointer to T, which is zeroed if the channel is closed and drained; or NULL: the
 *	value is dropped
 *
 * A block follows.
 * Since: 1.0
 */
#define go_case_recv(c, dst)	LIBCHAN_CASE_RECV(__COUNTER__, c, dst, NULL)

/**
 * go_case_recv_ok() - Go's case v, ok = <-c:
 * @c: a chan(T) or recv_chan(T), or NULL: never ready
 * @dst: as for go_case_recv()
 * @ok: a pointer to bool: true with a value, false if the channel is closed and drained
 *
 * A block follows.
 * Since: 1.0
 */
#define go_case_recv_ok(c, dst, ok)	LIBCHAN_CASE_RECV(__COUNTER__, c, dst, ok)

#define LIBCHAN_CASE_RECV(site, c, dst, ok)	LIBCHAN_CASE(site, __extension__ ({ \
	__auto_type libchan_c = (c); \
	LIBCHAN_MAY_RECV(libchan_c); \
	LIBCHAN_POINTS(dst, LIBCHAN_ELEM(libchan_c)); \
	LIBCHAN_ELEM(libchan_c) *libchan_p = (dst); \
	go_select_recv(libchan_select, site, LIBCHAN_PLAIN(libchan_c), libchan_p, \
		       sizeof(**libchan_c), ok); }))

/**
 * go_case_send() - Go's case c <- v:
 * @c: a chan(T) or send_chan(T), or NULL: never ready
 * @...: the value: what can be assigned to a T
 *
 * A block follows.
 * Since: 1.0
 */
#define go_case_send(c, ...)	LIBCHAN_CASE_SEND(__COUNTER__, c, (__VA_ARGS__))

/* The value goes where the select keeps it, and not over the stack. */
#define LIBCHAN_CASE_SEND(site, c, v)	LIBCHAN_CASE(site, __extension__ ({ \
	__auto_type libchan_c = (c); \
	LIBCHAN_MAY_SEND(libchan_c); \
	_Static_assert(_Alignof(LIBCHAN_ELEM(libchan_c)) <= 16, \
		       "the channel's elements need more than 16 bytes of alignment"); \
	LIBCHAN_ELEM(libchan_c) *libchan_p = go_select_send(libchan_select, site, \
		LIBCHAN_PLAIN(libchan_c), sizeof(**libchan_c)); \
	*libchan_p = v; \
	(void)0; }))

/**
 * go_case_fd() - a case that comes when poll(2) has one of some events of a file
 * @fd: the file; negative is never ready
 * @events: as of poll(2), as POLLIN
 *
 * A block follows. In a select with such a case the default doesn't look at all of the
 * cases at the same instant.
 * Since: 1.0
 */
#define go_case_fd(fd, events)	LIBCHAN_CASE_FD(__COUNTER__, fd, events, NULL)

/**
 * go_case_fd_events() - go_case_fd(), and which events came
 * @fd: the file; negative is never ready
 * @events: as of poll(2), as POLLIN
 * @revents: a pointer to unsigned int: the events, as of poll(2)
 *
 * A block follows.
 * Since: 1.0
 */
#define go_case_fd_events(fd, events, revents) \
	LIBCHAN_CASE_FD(__COUNTER__, fd, events, revents)

#define LIBCHAN_CASE_FD(site, fd, events, revents) \
	LIBCHAN_CASE(site, go_select_fd(libchan_select, site, fd, events, revents))

/**
 * go_case_timeout() - Go's case <-time.After(ns):
 * @ns: nanoseconds from when the select begins to wait; over 292 years is never
 *
 * A block follows. Of several the shortest counts.
 * Since: 1.0
 */
#define go_case_timeout(ns)	LIBCHAN_CASE_TIMEOUT(__COUNTER__, ns)

#define LIBCHAN_CASE_TIMEOUT(site, ns) \
	LIBCHAN_CASE(site, go_select_timeout(libchan_select, site, ns))

/**
 * go_default - Go's default: a block follows
 */
#define go_default		LIBCHAN_DEFAULT(__COUNTER__)

#define LIBCHAN_DEFAULT(site)	LIBCHAN_CASE(site, go_select_default(libchan_select, site))

#endif /* !__cplusplus */

#endif /* GOCHAN_SELECT_H */
