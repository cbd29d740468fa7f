// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What is behind the typed channels: type names, and Go's face, which panics.
 */
#include <stdio.h>
#include <string.h>

#include "internal.h"
#include "panic.h"
#include "runtime.h"

#include <gochan/select.h>

/* Names of types over what the kernel takes: their beginning, "~", and 8 digits. */
#define HASH_LEN	9
#define HEAD_LEN	(CHAN_TYPE_LEN - 1 - HASH_LEN)

/* "struct job" of "struct job, 8": a macro can't tell where the type ends. */
static size_t type_len(const char *text)
{
	const char *p;
	int depth = 0;

	for (p = text; *p && (*p != ',' || depth); p++) {
		if (*p == '(')
			depth++;
		else if (*p == ')')
			depth--;
	}
	while (p > text && p[-1] == ' ')
		p--;
	return p - text;
}

/* FNV-1a: the same in every program, which is all that is asked of it. */
static uint32_t hash(const char *text, size_t len)
{
	uint32_t h = 2166136261U;
	size_t i;

	for (i = 0; i < len; i++)
		h = (h ^ (unsigned char)text[i]) * 16777619U;
	return h;
}

static const char *type_name(char name[CHAN_TYPE_LEN], const char *text)
{
	size_t len = type_len(text);

	if (len < CHAN_TYPE_LEN) {
		memcpy(name, text, len);
		name[len] = 0;
	} else {
		memcpy(name, text, HEAD_LEN);
		snprintf(name + HEAD_LEN, HASH_LEN + 1, "~%08x", (unsigned int)hash(text, len));
	}
	return name;
}

static struct chan_expect expected(char name[CHAN_TYPE_LEN], size_t elem_size, const char *type)
{
	return (struct chan_expect){
		.size = sizeof(struct chan_expect),
		.elem_size = elem_size < UINT32_MAX ? elem_size : UINT32_MAX,
		.type = type_name(name, type),
	};
}

LIBCHAN_EXPORT int chan_new_typed(struct chan **ret, size_t elem_size, const char *type,
				  const struct chan_make *how)
{
	struct chan_options options = { .size = sizeof(options) };
	char name[CHAN_TYPE_LEN];
	struct chan_make m;
	int r;

	r = libchan_struct_in(&m, sizeof(m), how);
	if (r)
		return r;
	if (m.pad)
		return -EINVAL;
	options.flags = m.flags;
	options.mode = m.mode;
	options.type = type_name(name, m.type ? m.type : type);
	options.name = m.name;
	return chan_new(ret, elem_size, m.cap, O_RDWR, &options);
}

LIBCHAN_EXPORT int chan_open_typed(struct chan **ret, const char *name, int oflags,
				   size_t elem_size, const char *type)
{
	char type_text[CHAN_TYPE_LEN];
	struct chan_expect expect = expected(type_text, elem_size, type);

	return chan_open_name(ret, name, oflags, &expect);
}

LIBCHAN_EXPORT int chan_check_typed(const struct chan *c, size_t elem_size, const char *type)
{
	char type_text[CHAN_TYPE_LEN];
	struct chan_expect expect = expected(type_text, elem_size, type);

	return libchan_handle_check(c, &expect);
}

LIBCHAN_EXPORT uint64_t chan_now(void)
{
	return libchan_now();
}

LIBCHAN_EXPORT uint64_t chan_until(uint64_t deadline_ns)
{
	uint64_t now_ns;

	if (deadline_ns == UINT64_MAX)
		return UINT64_MAX;
	now_ns = libchan_now();
	return deadline_ns > now_ns ? deadline_ns - now_ns : 0;
}

/* Sizes that no channel has are Go's panic; the rest is the system's. */
LIBCHAN_EXPORT struct chan *go_new(size_t elem_size, int64_t cap, const char *type)
{
	struct chan_make how = { .size = sizeof(how), .cap = cap };
	struct chan *c;
	int r;

	if (cap < 0 || cap > CHAN_CAPACITY_MAX || elem_size > CHAN_ELEM_SIZE_MAX)
		go_panic("makechan: size out of range");
	r = chan_new_typed(&c, elem_size, type ? type : "", &how);
	if (r == -EOVERFLOW)
		go_panic("makechan: size out of range");
	if (r)
		go_panic("makechan: %s", chan_strerror(r));
	return c;
}

LIBCHAN_EXPORT struct chan *go_open_name(const char *name, int oflags, size_t elem_size,
					 const char *type)
{
	struct chan *c;
	int r;

	r = chan_open_typed(&c, name, oflags, elem_size, type);
	if (r)
		go_panic("open channel %s: %s", name, chan_strerror(r));
	return c;
}

/* Nobody wakes it. */
static void wait_for_ever(const char *reason) __attribute__((noreturn));
static void wait_for_ever(const char *reason)
{
	struct libchan_waiter w;

	libchan_waiter_init(&w, reason);
	for (;;)
		libchan_waiter_wait(&w, LIBCHAN_NEVER);
}

static bool is_closed(const struct chan *c)
{
	struct chan_info info;

	return chan_info(c, &info, sizeof(info)) || info.flags & CHAN_CLOSED;
}

/**
 * libchan_panic_send() - panic about a send
 * @c: the channel
 * @error: a negative errno; of -EPIPE Go knows one cause alone, here are two
 */
void libchan_panic_send(const struct chan *c, int error)
{
	if (error != -EPIPE)
		go_panic("send: %s", chan_strerror(error));
	if (is_closed(c))
		go_panic("send on closed channel");
	go_panic("send on channel without receivers");
}

/*
 * The plain call first: it is the short way. A handle with O_NONBLOCK waits in the one
 * with a timeout, which heeds no O_NONBLOCK. Signals end neither.
 */
LIBCHAN_EXPORT void go_send_elem(struct chan *c, const void *elem)
{
	int r;

	if (!c)
		wait_for_ever("chan send (nil chan)");
	do
		r = chan_send_elem(c, elem);
	while (r == -EINTR);
	while (r == -EAGAIN || r == -EINTR)
		r = chan_send_elem_timeout(c, elem, UINT64_MAX);
	if (r)
		libchan_panic_send(c, r);
}

static bool recv_elem(struct chan *c, void *elem)
{
	int r;

	do
		r = chan_recv_elem(c, elem);
	while (r == -EINTR);
	while (r == -EAGAIN || r == -EINTR)
		r = chan_recv_elem_timeout(c, elem, UINT64_MAX);
	if (r < 0)
		go_panic("receive: %s", chan_strerror(r));
	return r;
}

/* As a select with one case, which has room for what is dropped, and gives it back. */
static bool drop_elem(struct chan *c)
{
	bool ok = false;
	struct go_selection s;

	go_select_begin(&s, sizeof(s), 0);
	go_select_step(&s);
	go_select_recv(&s, 0, c, NULL, chan_elem_size(c), &ok);
	go_select_step(&s);
	go_select_end(&s);
	return ok;
}

LIBCHAN_EXPORT bool go_recv_elem(struct chan *c, void *elem)
{
	if (!c)
		wait_for_ever("chan receive (nil chan)");
	if (!elem && chan_elem_size(c))
		return drop_elem(c);
	return recv_elem(c, elem);
}

LIBCHAN_EXPORT void (go_close)(struct chan *c)
{
	int r;

	if (!c)
		go_panic("close of nil channel");
	r = chan_close(c);
	if (r == -EPIPE)
		go_panic("close of closed channel");
	if (r)
		go_panic("close: %s", chan_strerror(r));
}

LIBCHAN_EXPORT struct chan *(go_after)(uint64_t ns)
{
	struct chan *c;
	int r = chan_after(&c, ns);

	if (r)
		go_panic("time.After: %s", chan_strerror(r));
	return c;
}

LIBCHAN_EXPORT struct chan *(go_tick)(uint64_t ns)
{
	struct chan *c;
	int r;

	if (!ns)
		return NULL;
	r = chan_tick(&c, ns);
	if (r)
		go_panic("time.Tick: %s", chan_strerror(r));
	return c;
}
