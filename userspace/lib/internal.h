/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of the library share. Arrows go one way: open.c, sel.c and timer.c
 * know ctl.c, sel.c knows select.c, and all know handle.c, which knows nobody.
 */
#ifndef LIBCHAN_INTERNAL_H
#define LIBCHAN_INTERNAL_H

#include <errno.h>
#include <stdbool.h>

#include "libchan.h"

#define LIBCHAN_EXPORT		__attribute__((visibility("default")))

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
 * struct chan - a handle
 * @refs: atomic
 * @fd: immutable, owned
 * @is: immutable
 */
struct chan {
	unsigned int refs;
	int fd;
	struct libchan_facts is;
};

/* errno stops being the interface here. */
int libchan_ioctl(int fd, unsigned long cmd, void *arg);
int libchan_open(const char *path, int oflags);

int libchan_struct_in(void *to, size_t known, const void *from);
int libchan_string_in(char *to, size_t size, const char *from);

struct chan *libchan_handle_alloc(void);
int libchan_handle_new(struct chan **ret, int fd, const struct chan_expect *expect);
int libchan_handle_check(const struct chan *c, const struct chan_expect *expect);

int libchan_choose(int fd, unsigned long cmd, struct chan_choice *choices, size_t n,
		   struct chan_select *arg);
void libchan_chosen(struct chan_choice *choice, bool ok, size_t len);

int libchan_resolve(struct chan_resolve *arg, const char *name);

#endif /* LIBCHAN_INTERNAL_H */
