// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What goes through /dev/chanctl: make, resolve, list, limits.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

#define CTL_PATH	"/dev/chanctl"
#define DEFAULT_MODE	0600

/* No node, or a node with nobody behind it: either way the module isn't there. */
static bool means_no_module(int r)
{
	return r == -ENOENT || r == -ENXIO || r == -ENODEV;
}

LIBCHAN_EXPORT int chan_ctl_open(void)
{
	int fd = libchan_open(CTL_PATH, O_RDWR);

	return means_no_module(fd) ? -ENOSYS : fd;
}

static int ctl_ioctl(unsigned long cmd, void *arg)
{
	int ctl = chan_ctl_open(), r;

	if (ctl < 0)
		return ctl;
	r = libchan_ioctl(ctl, cmd, arg);
	close(ctl);
	return r;
}

static int create_options(struct chan_create *arg, const struct chan_options *options)
{
	struct chan_options o;
	int r;

	if (!options)
		return 0;
	r = libchan_struct_in(&o, sizeof(o), options);
	if (r)
		return r;
	if (o.pad)
		return -EINVAL;
	arg->flags = o.flags | (o.name && *o.name ? CHAN_NAMED : 0);
	arg->mode = arg->flags & CHAN_NAMED && !o.mode ? DEFAULT_MODE : o.mode;
	r = libchan_string_in(arg->type, sizeof(arg->type), o.type);
	return r ? r : libchan_string_in(arg->name, sizeof(arg->name), o.name);
}

/* Sizes that the kernel's 32 bits can't even hold; the kernel checks the rest. */
static int create_args(struct chan_create *arg, size_t elem_size, size_t capacity, int oflags,
		       const struct chan_options *options)
{
	if (elem_size > CHAN_ELEM_SIZE_MAX || capacity > CHAN_CAPACITY_MAX)
		return -EINVAL;
	arg->elem_size = elem_size;
	arg->capacity = capacity;
	arg->fd_flags = oflags | O_CLOEXEC;
	return create_options(arg, options);
}

static void facts_fill(struct libchan_facts *is, const struct chan_create *arg)
{
	is->flags = arg->flags;
	is->elem_size = arg->elem_size;
	is->capacity = arg->capacity;
	is->id = arg->id;
	memcpy(is->type, arg->type, sizeof(is->type));
	memcpy(is->name, arg->name, sizeof(is->name));
}

LIBCHAN_EXPORT int chan_new_at(struct chan **ret, int ctl, size_t elem_size, size_t capacity,
			       int oflags, const struct chan_options *options)
{
	struct chan_create arg = { .size = sizeof(arg) };
	struct chan *c;
	int r;

	r = create_args(&arg, elem_size, capacity, oflags, options);
	if (r)
		return r;
	/* First, so that no named channel is left behind without a handle. */
	c = libchan_handle_alloc();
	if (!c)
		return -ENOMEM;
	r = libchan_ioctl(ctl, CHAN_IOC_CREATE, &arg);
	if (r < 0) {
		free(c);
		return r;
	}
	facts_fill(&c->is, &arg);
	c->fd = arg.fd;
	c->nonblock = oflags & O_NONBLOCK;
	*ret = c;
	return 0;
}

LIBCHAN_EXPORT int chan_new(struct chan **ret, size_t elem_size, size_t capacity, int oflags,
			    const struct chan_options *options)
{
	int ctl = chan_ctl_open(), r;

	if (ctl < 0)
		return ctl;
	r = chan_new_at(ret, ctl, elem_size, capacity, oflags, options);
	close(ctl);
	return r;
}

/* "1000" of "1000:jobs"; nothing but digits, which strtoul() would not insist on. */
static int parse_uid(const char *s, const char *end, uint32_t *uid)
{
	uint64_t value = 0;

	if (s == end)
		return -EINVAL;
	for (; s < end; s++) {
		if (*s < '0' || *s > '9')
			return -EINVAL;
		value = value * 10 + (*s - '0');
		if (value >= CHAN_UID_ANY)
			return -EINVAL;
	}
	*uid = value;
	return 0;
}

/* No name has a colon in it, so the first one ends the owner. */
static int parse_name(struct chan_resolve *arg, const char *name)
{
	const char *colon = strchr(name, ':');
	int r;

	arg->uid = CHAN_UID_ANY;
	if (!colon)
		return libchan_string_in(arg->name, sizeof(arg->name), name);
	r = parse_uid(name, colon, &arg->uid);
	return r ? r : libchan_string_in(arg->name, sizeof(arg->name), colon + 1);
}

/**
 * libchan_resolve() - ask what a name stands for
 * @arg: filled in
 * @name: NAME or UID:NAME
 *
 * Return: 0 or a negative errno.
 */
int libchan_resolve(struct chan_resolve *arg, const char *name)
{
	int r;

	memset(arg, 0, sizeof(*arg));
	arg->size = sizeof(*arg);
	r = parse_name(arg, name);
	return r ? r : ctl_ioctl(CHAN_IOC_RESOLVE, arg);
}

LIBCHAN_EXPORT int chan_resolve(const char *name, unsigned int *minor, uint64_t *id)
{
	struct chan_resolve arg;
	int r = libchan_resolve(&arg, name);

	if (r < 0)
		return r;
	*minor = arg.minor;
	*id = arg.id;
	return 0;
}

LIBCHAN_EXPORT int chan_list(unsigned int *next, struct chan_info *entries, size_t n,
			     size_t entry_size)
{
	struct chan_list arg = {
		.size = sizeof(arg),
		.entries = (uintptr_t)entries,
		.next = *next,
	};
	int r;

	if (n > INT_MAX || entry_size > INT_MAX)
		return -EINVAL;
	arg.count = n;
	arg.entry_size = entry_size;
	r = ctl_ioctl(CHAN_IOC_LIST, &arg);
	if (r < 0)
		return r;
	*next = arg.next;
	return arg.count;
}

LIBCHAN_EXPORT int chan_limits(struct chan_limits *limits, size_t size)
{
	if (size < sizeof(limits->size) || size > INT_MAX)
		return -EINVAL;
	memset(limits, 0, size);
	limits->size = size;
	return ctl_ioctl(CHAN_IOC_LIMITS, limits);
}
