// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls of a channel.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/slab.h>

#include "standby.h"
#include "timer.h"
#include "xfer.h"

/* The layout that both sides know, whatever the caller's word size. */
static_assert(sizeof(struct chan_create) == 136);
static_assert(sizeof(struct chan_resolve) == 88);
static_assert(sizeof(struct chan_info) == 168);
static_assert(sizeof(struct chan_list) == 32);
static_assert(sizeof(struct chan_limits) == 152);
static_assert(sizeof(struct chan_xfer) == 32);
static_assert(sizeof(struct chan_narrow) == 16);
static_assert(sizeof(struct chan_destroy) == 8);
static_assert(sizeof(struct chan_case) == 24);
static_assert(sizeof(struct chan_select) == 32);
static_assert(sizeof(struct chan_selector) == 16);
static_assert(sizeof(struct chan_selected) == 16);
static_assert(sizeof(struct chan_timer) == 24);

/**
 * chan_args_out() - copy the results back
 * @uarg: the caller's
 * @arg: the structure
 * @size: its size, at most what the caller gave
 *
 * Return: 0 or -EFAULT.
 */
int chan_args_out(void __user *uarg, const void *arg, size_t size)
{
	return copy_to_user(uarg, arg, size) ? -EFAULT : 0;
}

/**
 * chan_fd_out() - give a new file to the caller
 * @file: the file, taken over
 * @fd_flags: O_CLOEXEC, and others that don't matter
 * @fd: out: its descriptor, in @arg
 * @arg: the ioctl's argument
 * @size: its size
 * @uarg: where it is copied to
 *
 * Return: 0 or an errno, and then the file is gone.
 */
int chan_fd_out(struct file *file, u32 fd_flags, s32 *fd, const void *arg, size_t size,
		void __user *uarg)
{
	int r;

	*fd = get_unused_fd_flags(fd_flags & O_CLOEXEC);
	r = *fd < 0 ? *fd : chan_args_out(uarg, arg, size);
	if (r) {
		if (*fd >= 0)
			put_unused_fd(*fd);
		fput(file);
		return r;
	}
	fd_install(*fd, file);
	return 0;
}

/* The straight path for a caller of today's size: no second look at the size. */
static int chan_xfer_in(struct chan_xfer *x, const struct chan_xfer __user *uarg)
{
	if (!user_read_access_begin(uarg, sizeof(*uarg)))
		return -EFAULT;
	unsafe_get_user(x->size, &uarg->size, fault);
	unsafe_get_user(x->flags, &uarg->flags, fault);
	unsafe_get_user(x->buf, &uarg->buf, fault);
	unsafe_get_user(x->count, &uarg->count, fault);
	unsafe_get_user(x->len, &uarg->len, fault);
	unsafe_get_user(x->timeout_ns, &uarg->timeout_ns, fault);
	user_read_access_end();
	if (likely(x->size == sizeof(*x)))
		return 0;
	return chan_args_in(x, sizeof(*x), uarg);
fault:
	user_read_access_end();
	return -EFAULT;
}

/* What SEND and RECV have in common: check, and fill in the call. */
static int chan_xfer_check(struct file *file, const struct chan_xfer *x, struct chan_io *io,
			   ktime_t *deadline)
{
	struct chan *c = io->handle->chan;
	u64 bytes = c->message ? x->len : (u64)x->count * c->elem_size;

	if (x->flags & ~CHAN_XFER_FLAGS || !x->count)
		return -EINVAL;
	if (x->timeout_ns && !(x->flags & CHAN_TIMEOUT))
		return -EINVAL;
	if (c->message ? x->count != 1 : x->len)
		return -EINVAL;
	if (x->count > INT_MAX)
		return -EINVAL;

	io->mem.addr = u64_to_user_ptr(x->buf);
	if (bytes && (x->buf > ULONG_MAX || bytes > ULONG_MAX ||
		      !access_ok(io->mem.addr, (unsigned long)bytes)))
		return -EFAULT;
	io->wire = c->elem_size;
	io->len = x->len;
	io->nonblock = x->flags & CHAN_NONBLOCK ||
		       (file->f_flags & O_NONBLOCK && !(x->flags & CHAN_TIMEOUT));
	if (x->flags & CHAN_TIMEOUT) {
		*deadline = chan_deadline(x->timeout_ns);
		io->deadline = deadline;
	}
	return 0;
}

/*
 * One element of a fixed size, no word on how to wait: the short way may do. Then @len,
 * of the handle, is its size.
 */
static __always_inline bool chan_xfer_is_short(u32 len, const struct chan_xfer *x)
{
	return !(x->flags & ~CHAN_NONBLOCK) && x->count == 1 && !x->len && !x->timeout_ns &&
	       len != U32_MAX && x->buf <= ULONG_MAX &&
	       access_ok(u64_to_user_ptr(x->buf), len);
}

static noinline long chan_send_long(struct file *file, const struct chan_xfer *x)
{
	struct chan_io io = { .handle = file->private_data };
	ktime_t deadline;
	int r;

	r = chan_xfer_check(file, x, &io, &deadline);
	if (r)
		return r;
	if (io.handle->chan->message && io.len > io.handle->chan->elem_size)
		return -EMSGSIZE;
	return chan_send(&io, x->count);
}

static noinline long chan_recv_long(struct file *file, const struct chan_xfer *x,
				    struct chan_xfer __user *uarg)
{
	struct chan_io io = { .handle = file->private_data };
	struct chan *c = io.handle->chan;
	ktime_t deadline;
	long r;

	r = chan_xfer_check(file, x, &io, &deadline);
	if (r)
		return r;
	if (c->message)
		io.len_addr = &uarg->len;
	r = chan_recv(&io, x->count);
	if (!r && c->message && put_user(0, &uarg->len))
		return -EFAULT;
	return r;
}

static long chan_ioctl_send(struct file *file, void __user *uarg)
{
	struct chan_handle *h = file->private_data;
	struct chan_xfer x;
	u32 len;
	int r;

	r = chan_xfer_in(&x, uarg);
	if (unlikely(r))
		return r;
	if (unlikely(!h->may_send))
		return -EBADF;
	len = READ_ONCE(h->short_len);
	if (likely(chan_xfer_is_short(len, &x))) {
		r = chan_short_write(h->chan, u64_to_user_ptr(x.buf), len, 1);
		if (likely(r > 0) || (r && x.flags & CHAN_NONBLOCK))
			return r;
	}
	return chan_send_long(file, &x);
}

static long chan_ioctl_recv(struct file *file, void __user *uarg)
{
	struct chan_handle *h = file->private_data;
	struct chan_xfer x;
	u32 len;
	int r;

	r = chan_xfer_in(&x, uarg);
	if (unlikely(r))
		return r;
	if (unlikely(!h->may_recv))
		return -EBADF;
	len = READ_ONCE(h->short_len);
	if (likely(chan_xfer_is_short(len, &x))) {
		r = chan_short_read(h->chan, u64_to_user_ptr(x.buf), len, 1);
		if (likely(r > 0) || (r && x.flags & CHAN_NONBLOCK))
			return r;
	}
	return chan_recv_long(file, &x, uarg);
}

static long chan_ioctl_close(struct file *file, unsigned long arg)
{
	struct chan_handle *h = file->private_data;

	if (arg)
		return -EINVAL;
	return h->may_send ? chan_close(h->chan) : -EBADF;
}

static long chan_ioctl_info(struct file *file, void __user *uarg)
{
	struct chan_handle *h = file->private_data;
	struct chan_info info CHAN_UNINIT;
	int r;

	r = chan_args_in(&info, sizeof(info), uarg);
	if (r)
		return r;
	chan_object_info(h->object, &info);
	return chan_args_out(uarg, &info, sizeof(info));
}

static long chan_ioctl_narrow(struct file *file, void __user *uarg)
{
	struct chan_handle *h = file->private_data;
	struct chan_narrow arg;
	struct file *narrow;
	fmode_t mode;
	int r;

	r = chan_args_in(&arg, sizeof(arg), uarg);
	if (r)
		return r;
	if (arg.pad || arg.fd_flags & ~(O_ACCMODE | O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	mode = OPEN_FMODE(arg.fd_flags);
	if ((mode & FMODE_WRITE && !h->may_send) || (mode & FMODE_READ && !h->may_recv))
		return -EBADF;

	narrow = chan_file_new(h->object, arg.fd_flags, false);
	if (IS_ERR(narrow))
		return PTR_ERR(narrow);
	return chan_fd_out(narrow, arg.fd_flags, &arg.fd, &arg, sizeof(arg), uarg);
}

/* The owner of the node that was opened, or who made the channel. */
static bool chan_may_destroy(const struct file *file)
{
	const struct chan_handle *h = file->private_data;
	const struct inode *inode = file_inode(file);
	kuid_t owner = S_ISCHR(inode->i_mode) ? inode->i_uid : h->object->uid;

	return uid_eq(current_fsuid(), owner) || capable(CAP_SYS_ADMIN);
}

static long chan_ioctl_destroy(struct file *file, void __user *uarg)
{
	struct chan_handle *h = file->private_data;
	struct chan_destroy arg;
	int r;

	r = chan_args_in(&arg, sizeof(arg), uarg);
	if (r)
		return r;
	if (arg.flags & ~CHAN_DESTROY_FORCE)
		return -EINVAL;
	if (!(h->object->flags & CHAN_NAMED))
		return -ENODEV;
	if (!chan_may_destroy(file))
		return -EPERM;
	return chan_node_destroy(h->object, arg.flags & CHAN_DESTROY_FORCE);
}

/**
 * chan_ioctl() - the ioctls of a channel
 * @file: the channel
 * @cmd: which
 * @arg: its argument
 *
 * Return: as &struct chan_xfer says for SEND and RECV, else 0, or an errno.
 */
long chan_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *uarg = (void __user *)arg;

	switch (cmd) {
	case CHAN_IOC_SEND:
		return chan_ioctl_send(file, uarg);
	case CHAN_IOC_RECV:
		return chan_ioctl_recv(file, uarg);
	case CHAN_IOC_CLOSE:
		return chan_ioctl_close(file, arg);
	case CHAN_IOC_INFO:
		return chan_ioctl_info(file, uarg);
	case CHAN_IOC_NARROW:
		return chan_ioctl_narrow(file, uarg);
	case CHAN_IOC_DESTROY:
		return chan_ioctl_destroy(file, uarg);
	case CHAN_IOC_TIMER:
		return chan_ioctl_timer(file->private_data, uarg);
	case CHAN_IOC_STANDBY:
		return chan_ioctl_standby(file->private_data, arg);
	case CHAN_IOC_SELECT:
		return chan_ioctl_select(uarg);
	case CHAN_IOC_SELECTOR:
		return chan_ioctl_selector(uarg);
	default:
		return -ENOTTY;
	}
}
