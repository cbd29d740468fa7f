/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The caller's memory, and the only places that copy elements to and from it.
 *
 * Under a channel's lock page faults are off: a page that isn't there, or is
 * write-protected after fork(2), makes a short copy. The caller then drops the
 * lock, faults the page in and begins again, so that a page whose owner holds
 * it up (userfaultfd, FUSE) holds up nobody else.
 */
#ifndef _CHAN_UACCESS_H
#define _CHAN_UACCESS_H

#include <linux/fault-inject-usercopy.h>
#include <linux/instrumented.h>
#include <linux/pagemap.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "core.h"

/*
 * The compiler makes moves of a copy of constant size, and the kernel leaves out
 * the check of the object's bounds (HARDENED_USERCOPY): the sizes that people use are
 * worth a case. Of others the kernel would ask the allocator what they are of, but for
 * those in the ring of @c, which may be NULL, the channel knows.
 * Return: bytes not copied, as of the function that they call.
 */
static __always_inline unsigned long chan_copy_from(const struct chan *c, void *to,
						    const void __user *from, size_t n)
{
	unsigned long left;

	switch (n) {
	case 1:
		return __copy_from_user_inatomic(to, from, 1);
	case 4:
		return __copy_from_user_inatomic(to, from, 4);
	case 8:
		return __copy_from_user_inatomic(to, from, 8);
	case 16:
		return __copy_from_user_inatomic(to, from, 16);
	case 32:
		return __copy_from_user_inatomic(to, from, 32);
	case 64:
		return __copy_from_user_inatomic(to, from, 64);
	case 128:
		return __copy_from_user_inatomic(to, from, 128);
	default:
		if (!c || unlikely(!chan_in_ring(c, to, n)))
			return __copy_from_user_inatomic(to, from, n);
		instrument_copy_from_user_before(to, from, n);
		left = raw_copy_from_user(to, from, n);
		instrument_copy_from_user_after(to, from, n, left);
		return left;
	}
}

static __always_inline unsigned long chan_copy_to(const struct chan *c, void __user *to,
						  const void *from, size_t n)
{
	switch (n) {
	case 1:
		return __copy_to_user_inatomic(to, from, 1);
	case 4:
		return __copy_to_user_inatomic(to, from, 4);
	case 8:
		return __copy_to_user_inatomic(to, from, 8);
	case 16:
		return __copy_to_user_inatomic(to, from, 16);
	case 32:
		return __copy_to_user_inatomic(to, from, 32);
	case 64:
		return __copy_to_user_inatomic(to, from, 64);
	case 128:
		return __copy_to_user_inatomic(to, from, 128);
	default:
		if (!c || unlikely(!chan_in_ring(c, from, n)))
			return __copy_to_user_inatomic(to, from, n);
		instrument_copy_to_user(to, from, n);
		return raw_copy_to_user(to, from, n);
	}
}

/*
 * Copies with page faults off, in or out of the ring of @c perhaps; access_ok() is the
 * caller's. The kernel's fault injection doesn't see such copies, so they ask for it
 * themselves. Return: bytes copied.
 */
static __always_inline size_t chan_get_atomic(const struct chan *c, void *to,
					      const void __user *from, size_t n)
{
	size_t left;

	if (should_fail_usercopy())
		return 0;
	pagefault_disable();
	left = chan_copy_from(c, to, from, n);
	pagefault_enable();
	return n - left;
}

static __always_inline size_t chan_put_atomic(const struct chan *c, void __user *to,
					      const void *from, size_t n)
{
	size_t left;

	if (should_fail_usercopy())
		return 0;
	pagefault_disable();
	left = chan_copy_to(c, to, from, n);
	pagefault_enable();
	return n - left;
}

/**
 * chan_args_in() - copy an ioctl's argument, which begins with its size
 * @arg: out: the structure that this module knows
 * @size: its size, a constant, which is also that of its first version
 * @uarg: the caller's
 *
 * Return: 0; -EINVAL if it is too short; -E2BIG if it is too long, or not zero
 * where it is longer than @size; -EFAULT.
 */
static __always_inline int chan_args_in(void *arg, size_t size, const void __user *uarg)
{
	u32 usize;

	if (get_user(usize, (const u32 __user *)uarg))
		return -EFAULT;
	if (likely(usize == size))	/* a copy of constant size */
		return copy_from_user(arg, uarg, size) ? -EFAULT : 0;
	if (usize < size)
		return -EINVAL;
	if (usize > PAGE_SIZE)
		return -E2BIG;
	return copy_struct_from_user(arg, size, uarg, usize);
}

/**
 * struct chan_mem - where in the caller's memory a call has got to
 * @addr: the place, access_ok(), if @iter is NULL
 * @iter: the place, of readv(2), writev(2) and io_uring
 * @faulted: bytes from the place on that chan_mem_prepare() found writable
 */
struct chan_mem {
	char __user *addr;
	struct iov_iter *iter;
	size_t faulted;
};

/* Move on. */
static inline void chan_mem_advance(struct chan_mem *m, size_t n)
{
	if (m->iter)
		iov_iter_advance(m->iter, n);
	else
		m->addr += n;
}

/* Copy in with page faults off, without moving on. Return: bytes copied. */
static inline size_t chan_mem_get_atomic(const struct chan *c, struct chan_mem *m, void *to,
					 size_t n)
{
	size_t got;

	if (!m->iter)
		return chan_get_atomic(c, to, m->addr, n);
	pagefault_disable();
	got = copy_from_iter(to, n, m->iter);
	pagefault_enable();
	iov_iter_revert(m->iter, got);
	return got;
}

/* Copy out with page faults off, without moving on. Return: bytes copied. */
static inline size_t chan_mem_put_atomic(const struct chan *c, struct chan_mem *m,
					 const void *from, size_t n)
{
	size_t put;

	if (!m->iter)
		return chan_put_atomic(c, m->addr, from, n);
	pagefault_disable();
	put = copy_to_iter(from, n, m->iter);
	pagefault_enable();
	iov_iter_revert(m->iter, put);
	return put;
}

/*
 * Copy in, without moving on; may sleep, but the page is often there, and then the
 * cases above are the shorter way. Return: whether all was copied.
 */
static inline bool chan_mem_get(struct chan_mem *m, void *to, size_t n)
{
	size_t got;

	if (!m->iter)
		return chan_get_atomic(NULL, to, m->addr, n) == n ||
		       !copy_from_user(to, m->addr, n);
	got = copy_from_iter(to, n, m->iter);
	iov_iter_revert(m->iter, got);
	return got == n;
}

/* Copy out, likewise. */
static inline bool chan_mem_put(struct chan_mem *m, const void *from, size_t n)
{
	size_t put;

	if (!m->iter)
		return chan_put_atomic(NULL, m->addr, from, n) == n ||
		       !copy_to_user(m->addr, from, n);
	put = copy_to_iter(from, n, m->iter);
	iov_iter_revert(m->iter, put);
	return put == n;
}

/* Make @n bytes readable; may sleep. Return: whether they are. */
static inline bool chan_mem_fault_in_readable(struct chan_mem *m, size_t n)
{
	if (m->iter)
		return !fault_in_iov_iter_readable(m->iter, n);
	return !fault_in_readable(m->addr, n);
}

/* Make @n bytes writable, without writing; may sleep. Return: how many are. */
static inline size_t chan_mem_fault_in_writeable(struct chan_mem *m, size_t n)
{
	if (m->iter)
		return n - fault_in_iov_iter_writeable(m->iter, n);
	return n - fault_in_safe_writeable(m->addr, n);
}

/* Before chan_mem_probe(), which can't look into an iterator. May sleep. */
static inline void chan_mem_prepare(struct chan_mem *m, size_t n)
{
	if (m->iter)
		m->faulted = chan_mem_fault_in_writeable(m, min(n, iov_iter_count(m->iter)));
}

/*
 * Would @n bytes at @from fit into the caller's memory? Page faults are off; of
 * each page the first byte is written, which is one of those that are meant to go
 * there.
 */
static inline bool chan_mem_probe(struct chan_mem *m, const u8 *from, size_t n)
{
	size_t i = 0;

	if (m->iter)
		return n <= m->faulted;
	while (i < n) {
		if (!chan_put_atomic(NULL, m->addr + i, from + i, 1))
			return false;
		i += PAGE_SIZE - offset_in_page(m->addr + i);
	}
	return true;
}

#endif /* _CHAN_UACCESS_H */
