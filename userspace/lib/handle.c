// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Handles: from where they come, how they are shared, when they go.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "internal.h"

/**
 * libchan_ioctl() - ioctl(2) that returns a negative errno
 * @fd: as of ioctl(2)
 * @cmd: as of ioctl(2)
 * @arg: as of ioctl(2)
 *
 * Return: what ioctl(2) returns, or a negative errno.
 */
LIBCHAN_ERRNO int libchan_ioctl(int fd, unsigned long cmd, void *arg)
{
	int r = ioctl(fd, cmd, arg);

	return r < 0 ? -errno : r;
}

/**
 * libchan_open() - open(2) of a device, close-on-exec
 * @path: of its node
 * @oflags: checked here
 *
 * Return: a file descriptor, or a negative errno.
 */
int libchan_open(const char *path, int oflags)
{
	int fd;

	if (oflags & ~LIBCHAN_OFLAGS)
		return -EINVAL;
	fd = open(path, oflags | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}

static bool all_zero(const char *bytes, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (bytes[i])
			return false;
	return true;
}

/**
 * libchan_struct_in() - a structure of another version as this version knows it
 * @to: filled in
 * @known: size of this version
 * @from: the caller's, which begins with its size; this is the first version
 *
 * The same rule as the kernel's: a shorter one is as if zeros followed, a longer one
 * is taken if what isn't known is zero.
 *
 * Return: 0, -EINVAL if it is shorter than the first version, -E2BIG.
 */
int libchan_struct_in(void *to, size_t known, const void *from)
{
	uint32_t size;

	memcpy(&size, from, sizeof(size));
	if (size < known)
		return -EINVAL;
	if (!all_zero((const char *)from + known, size - known))
		return -E2BIG;
	memcpy(to, from, known);
	return 0;
}

/**
 * libchan_string_in() - a string as the kernel wants it, padded with NULs
 * @to: @size bytes, all zero
 * @size: of the field
 * @from: the string, or NULL for an empty one
 *
 * Return: 0, or -EINVAL if it is too long.
 */
int libchan_string_in(char *to, size_t size, const char *from)
{
	size_t len = from ? strlen(from) : 0;

	if (len >= size)
		return -EINVAL;
	if (len)
		memcpy(to, from, len);
	return 0;
}

/*
 * Who else may have a channel
 */

static unsigned int forks;	/* atomic; of this process, since the library is there */
static bool kin_told;		/* atomic; chan_fd() has told of a handle that has kin */

static void count_fork(void)
{
	__atomic_fetch_add(&forks, 1, __ATOMIC_RELAXED);
}

/* Before anybody can have a handle; where it fails, nothing is known of any. */
static void __attribute__((constructor)) watch_forks(void)
{
	if (pthread_atfork(NULL, count_fork, NULL))
		kin_told = true;
}

/**
 * libchan_from_outside() - may somebody else than this process use a channel?
 * @c: a handle to it
 *
 * Return: false if certainly nobody does: the channel was made here, has no name, is no
 * timer, nobody knows its file, and no child has inherited it.
 */
bool libchan_from_outside(const struct chan *c)
{
	if (c->is.flags & (CHAN_NAMED | CHAN_TIMER))
		return true;
	if (__atomic_load_n(&c->shared, __ATOMIC_RELAXED) ||
	    c->forks != __atomic_load_n(&forks, __ATOMIC_RELAXED))
		return true;
	return __atomic_load_n(&c->kin, __ATOMIC_RELAXED) &&
	       __atomic_load_n(&kin_told, __ATOMIC_RELAXED);
}

/**
 * libchan_is_told() - may somebody else use a handle's open file?
 * @c: the handle
 *
 * Return: false if certainly nobody does.
 */
bool libchan_is_told(const struct chan *c)
{
	return __atomic_load_n(&c->told, __ATOMIC_RELAXED) ||
	       c->forks != __atomic_load_n(&forks, __ATOMIC_RELAXED);
}

/**
 * libchan_is_nonblock() - has a handle's open file O_NONBLOCK?
 * @c: the handle
 *
 * Return: true if so. Whoever knows the file may change it.
 */
bool libchan_is_nonblock(const struct chan *c)
{
	int flags;

	if (!libchan_is_told(c))
		return c->nonblock;
	flags = fcntl(c->fd, F_GETFL);
	return flags >= 0 && flags & O_NONBLOCK;
}

static void tell_fd(struct chan *c)
{
	__atomic_store_n(&c->told, true, __ATOMIC_RELAXED);
	__atomic_store_n(&c->shared, true, __ATOMIC_RELAXED);
	if (__atomic_load_n(&c->kin, __ATOMIC_RELAXED))
		__atomic_store_n(&kin_told, true, __ATOMIC_RELAXED);
}

/* @to is a new handle to what @from is one to. */
static void make_kin(struct chan *to, struct chan *from)
{
	to->forks = from->forks;
	to->shared = __atomic_load_n(&from->shared, __ATOMIC_RELAXED);
	to->kin = true;
	__atomic_store_n(&from->kin, true, __ATOMIC_RELAXED);
}

/**
 * libchan_handle_alloc() - a handle with one reference and no file yet
 *
 * Return: the handle, or NULL.
 */
struct chan *libchan_handle_alloc(void)
{
	struct chan *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->refs = 1;
	c->fd = -1;
	c->forks = __atomic_load_n(&forks, __ATOMIC_RELAXED);
	return c;
}

static bool elem_size_matches(const struct libchan_facts *is, const struct chan_expect *want)
{
	if (want->flags & CHAN_MESSAGE && !want->elem_size)
		return true;
	return is->elem_size == want->elem_size;
}

/**
 * libchan_handle_check() - is it the channel that was expected?
 * @c: the handle
 * @expect: the caller's, or NULL
 *
 * Return: 0, -EPROTO if not, -E2BIG or -EINVAL if @expect isn't valid.
 */
int libchan_handle_check(const struct chan *c, const struct chan_expect *expect)
{
	struct chan_expect want;
	int r;

	if (!expect)
		return 0;
	r = libchan_struct_in(&want, sizeof(want), expect);
	if (r)
		return r;
	if (want.flags & ~CHAN_MESSAGE || want.pad)
		return -EINVAL;
	if ((c->is.flags & CHAN_MESSAGE) != want.flags || !elem_size_matches(&c->is, &want))
		return -EPROTO;
	if (want.type && strcmp(c->is.type, want.type))
		return -EPROTO;
	return 0;
}

/* The closing NULs are the handle's own, whatever answered the ioctl. */
static void facts_fill(struct libchan_facts *is, const struct chan_info *info)
{
	is->flags = info->flags & CHAN_CREATE_FLAGS;
	is->elem_size = info->elem_size;
	is->capacity = info->capacity;
	is->id = info->id;
	memcpy(is->type, info->type, sizeof(is->type) - 1);
	memcpy(is->name, info->name, sizeof(is->name) - 1);
}

/**
 * libchan_handle_new() - a handle around an open file
 * @ret: the handle
 * @fd: the file, the handle's own if this succeeds
 * @expect: what it must be, or NULL
 *
 * Return: 0 or a negative errno.
 */
int libchan_handle_new(struct chan **ret, int fd, const struct chan_expect *expect)
{
	struct chan_info info = { .size = sizeof(info) };
	struct chan *c;
	int r;

	r = libchan_ioctl(fd, CHAN_IOC_INFO, &info);
	if (r < 0)
		return r;
	c = libchan_handle_alloc();
	if (!c)
		return -ENOMEM;
	facts_fill(&c->is, &info);
	r = libchan_handle_check(c, expect);
	if (r) {
		free(c);
		return r;
	}
	c->fd = fd;
	c->shared = true;
	*ret = c;
	return 0;
}

LIBCHAN_EXPORT int chan_from_fd(struct chan **ret, int fd, const struct chan_expect *expect)
{
	int r = libchan_handle_new(ret, fd, expect);

	if (!r)
		(*ret)->told = true;
	return r;
}

LIBCHAN_EXPORT int chan_narrow(struct chan **ret, const struct chan *c, int oflags)
{
	struct chan_narrow arg = { .size = sizeof(arg), .fd_flags = oflags | O_CLOEXEC };
	struct chan *narrow = libchan_handle_alloc();
	int r;

	if (!narrow)
		return -ENOMEM;
	r = libchan_ioctl(c->fd, CHAN_IOC_NARROW, &arg);
	if (r < 0) {
		free(narrow);
		return r;
	}
	narrow->is = c->is;
	narrow->fd = arg.fd;
	narrow->nonblock = oflags & O_NONBLOCK;
	make_kin(narrow, (struct chan *)c);
	*ret = narrow;
	return 0;
}

LIBCHAN_EXPORT struct chan *chan_ref(struct chan *c)
{
	__atomic_fetch_add(&c->refs, 1, __ATOMIC_RELAXED);
	return c;
}

/* Acquire and release: whoever frees sees all that other holders did with it. */
LIBCHAN_EXPORT struct chan *chan_unref(struct chan *c)
{
	if (!c || __atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL))
		return NULL;
	close(c->fd);
	free(c);
	return NULL;
}

LIBCHAN_EXPORT int chan_fd(const struct chan *c)
{
	tell_fd((struct chan *)c);
	return c->fd;
}
