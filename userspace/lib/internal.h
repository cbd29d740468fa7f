/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of the library share. Arrows go one way: open.c, sel.c and timer.c
 * know ctl.c, sel.c and selfiles.c know select.c, and all know handle.c, which knows nobody.
 * runtime.h has what goroutines need.
 */
#ifndef LIBCHAN_INTERNAL_H
#define LIBCHAN_INTERNAL_H

#include <errno.h>
#include <stdbool.h>

#include "libchan.h"

#define LIBCHAN_EXPORT		__attribute__((visibility("default")))

/*
 * Functions that look at errno are of their own where goroutines wait: to a compiler its
 * address is the same all through a function, but the thread may be another after a wait.
 */
#define LIBCHAN_ERRNO		__attribute__((noinline))

#define LIBCHAN_SMALL	512	/* bytes of a selector's result that need no allocation */

#define LIBCHAN_OFLAGS		(O_ACCMODE | O_NONBLOCK | O_CLOEXEC)

/**
 * struct libchan_facts - what never changes about a channel
 * @flags: how it was made
 * @elem_size: as of &struct chan_info
 * @capacity: as of &struct chan_info
 * @id: as of &struct chan_info
 * @type: ends with a NUL
 * @name: ends with a NUL
 */
struct libchan_facts {
	uint32_t flags;
	uint32_t elem_size;
	uint32_t capacity;
	uint64_t id;
	char type[CHAN_TYPE_LEN];
	char name[CHAN_NAME_LEN];
};

/**
 * struct libchan_parked - goroutines that wait in a channel through a handle
 * @n: atomic; how many
 * @last: atomic; the selector of who came last, or NULL
 */
struct libchan_parked {
	unsigned int n;
	void *last;
};

/**
 * struct chan - a handle
 * @refs: atomic
 * @fd: immutable, owned
 * @is: immutable
 * @nonblock: immutable; it was opened with O_NONBLOCK
 * @told: atomic; others may know its file: it was theirs, or chan_fd() has told of it
 * @waits: atomic; the last receive, and send, of a goroutine had to wait: so will the next
 * @shared: atomic; others may have the channel: they made it, or know a file of it
 * @kin: atomic; there are other handles to the channel in this process
 * @forks: immutable; how often the process had forked when the handle was made
 * @parked: who waits to receive, and who to send; a hint, see libchan_hint()
 */
struct chan {
	unsigned int refs;
	int fd;
	struct libchan_facts is;
	bool nonblock;
	bool told;
	bool waits[2];
	bool shared;
	bool kin;
	unsigned int forks;
	struct libchan_parked parked[2];
};

/**
 * struct libchan_result - what read(2) of a selector gives, the element behind its head
 * @is: it
 * @size: bytes of it
 * @small: memory of it, if that suffices
 */
struct libchan_result {
	struct chan_selected *is;
	size_t size;
	struct chan_selected small[LIBCHAN_SMALL / sizeof(struct chan_selected)];
};

struct libchan_runtime;

/* errno stops being the interface here. */
int libchan_ioctl(int fd, unsigned long cmd, void *arg);
int libchan_open(const char *path, int oflags);

int libchan_struct_in(void *to, size_t known, const void *from);
int libchan_string_in(char *to, size_t size, const char *from);

struct chan *libchan_handle_alloc(void);
int libchan_handle_new(struct chan **ret, int fd, const struct chan_expect *expect);
int libchan_handle_check(const struct chan *c, const struct chan_expect *expect);

bool libchan_from_outside(const struct chan *c);
bool libchan_is_told(const struct chan *c);
bool libchan_is_nonblock(const struct chan *c);

int libchan_choose(int fd, unsigned long cmd, struct chan_choice *choices, size_t n,
		   struct chan_select *arg);
void libchan_chosen(struct chan_choice *choice, bool ok, size_t len);
int libchan_room_needed(const struct chan_choice *choices, size_t n);
int libchan_selected(int fd, struct chan_choice *choices, size_t n);
bool libchan_has_files(const struct chan_choice *choices, size_t n);
int libchan_select_files(struct chan_choice *choices, size_t n, const struct chan_select *how,
			 const struct libchan_runtime *rt);

int libchan_resolve(struct chan_resolve *arg, const char *name);

#endif /* LIBCHAN_INTERNAL_H */
