// SPDX-License-Identifier: GPL-2.0
/*
 * A channel as a file: open, read, write, poll, release.
 */
#include <linux/anon_inodes.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>

#include "standby.h"
#include "xfer.h"

/*
 * Handles
 */

/*
 * Fill in a handle and count it. It takes over the caller's references to the
 * object and to the account; a first handle uses its object's account.
 */
static int chan_handle_init(struct chan_handle *h, struct chan_object *o,
			    struct chan_account *a, fmode_t mode)
{
	struct chan_elem *spare = NULL;

	if (o->chan.by_ref && mode & (FMODE_READ | FMODE_WRITE)) {
		spare = chan_elem_new(&o->chan, a);
		if (IS_ERR(spare))
			return PTR_ERR(spare);
	}
	h->chan = &o->chan;
	h->object = o;
	h->account = a;
	h->spare = spare;
	h->standby = NULL;
	h->short_len = o->chan.short_len;
	h->may_send = mode & FMODE_WRITE;
	h->may_recv = mode & FMODE_READ;
	if (o->flags & CHAN_STANDBY && h->may_recv) {
		int r = chan_standby_new(h);

		if (r) {
			if (spare)
				chan_elem_free(&o->chan, spare);
			return r;
		}
	}
	chan_handle_new(h->chan, h->may_send, h->may_recv);
	return 0;
}

/* A handle that isn't the first, of the calling user. */
static struct chan_handle *chan_handle_alloc(struct chan_object *o, fmode_t mode)
{
	struct chan_handle *h = kzalloc(sizeof(*h), GFP_KERNEL_ACCOUNT);
	struct chan_account *a;
	int r;

	if (!h)
		return ERR_PTR(-ENOMEM);
	a = chan_account_current();
	if (!a) {
		kfree(h);
		return ERR_PTR(-ENOMEM);
	}
	kref_get(&o->refs);
	r = chan_handle_init(h, o, a, mode);
	if (r) {
		chan_object_put(o);
		chan_account_put(a);
		kfree(h);
		return ERR_PTR(r);
	}
	return h;
}

static void chan_handle_free(struct chan_handle *h)
{
	struct chan_object *o = h->object;

	if (h->standby)
		chan_standby_free(h);
	chan_handle_gone(h->chan, h->may_send, h->may_recv);
	if (h->spare)
		chan_elem_free(h->chan, h->spare);
	if (h != &o->first) {
		chan_account_put(h->account);
		kfree(h);
	}
	chan_object_put(o);
}

static int chan_open(struct inode *inode, struct file *file)
{
	struct chan_object *o = chan_node_object(inode);
	struct chan_handle *h;

	if (!o)
		return -ENXIO;
	if (o->clock && file->f_mode & FMODE_WRITE) {
		chan_object_put(o);
		return -EACCES;	/* only the kernel sends */
	}
	h = chan_handle_alloc(o, file->f_mode);
	chan_object_put(o);
	if (IS_ERR(h))
		return PTR_ERR(h);
	file->private_data = h;
	file->f_mode |= FMODE_NOWAIT;
	return stream_open(inode, file);
}

static int chan_release(struct inode *inode, struct file *file)
{
	chan_handle_free(file->private_data);
	return 0;
}

/**
 * chan_file_new() - a new handle's open file, not of the node
 * @o: the channel
 * @fd_flags: access mode and O_NONBLOCK
 * @first: it is the object's first handle; else it is a further one
 *
 * Return: the file, with a reference of its own to the object; or an ERR_PTR.
 */
struct file *chan_file_new(struct chan_object *o, u32 fd_flags, bool first)
{
	fmode_t mode = OPEN_FMODE(fd_flags);
	struct chan_handle *h;
	struct file *file;
	int r;

	if (first) {
		h = &o->first;
		kref_get(&o->refs);
		r = chan_handle_init(h, o, o->account, mode);
		if (r) {
			chan_object_put(o);
			return ERR_PTR(r);
		}
	} else {
		h = chan_handle_alloc(o, mode);
		if (IS_ERR(h))
			return ERR_CAST(h);
	}
	file = anon_inode_getfile("[chan]", &chan_fops, h,
				  fd_flags & (O_ACCMODE | O_NONBLOCK));
	if (IS_ERR(file)) {
		chan_handle_free(h);
		return file;
	}
	file->f_mode |= FMODE_NOWAIT | FMODE_STREAM;
	return file;
}

/*
 * read and write
 */

static bool chan_nonblock(const struct file *file, const struct kiocb *iocb)
{
	return file->f_flags & O_NONBLOCK || (iocb && iocb->ki_flags & IOCB_NOWAIT);
}

static struct chan_io chan_io_init(struct file *file)
{
	struct chan_handle *h = file->private_data;

	return (struct chan_io) {
		.handle = h,
		.wire = h->chan->elem_size ?: 1,
	};
}

static __always_inline ssize_t chan_do_write(struct chan_io *io, size_t len)
{
	struct chan *c = io->handle->chan;
	ssize_t r;

	if (c->message) {
		if (!len)
			return 0;
		if (len > c->elem_size)
			return -EMSGSIZE;
		io->len = len;
		r = chan_send(io, 1);
		return r < 0 ? r : len;
	}
	if (len % io->wire)
		return -EINVAL;
	if (!len)
		return 0;
	r = chan_send(io, len / io->wire);
	return r < 0 ? r : r * io->wire;
}

static __always_inline ssize_t chan_do_read(struct chan_io *io, size_t len)
{
	struct chan *c = io->handle->chan;
	ssize_t r;

	if (c->message) {
		if (!len)
			return -EINVAL;
		io->len = min_t(size_t, len, c->elem_size);
		r = chan_recv(io, 1);
		return r > 0 ? io->len : r;
	}
	if (len < io->wire)
		return -EINVAL;
	r = chan_recv(io, len / io->wire);
	return r < 0 ? r : r * io->wire;
}

static noinline ssize_t chan_write_long(struct file *file, const char __user *buf, size_t len)
{
	struct chan_io io = chan_io_init(file);

	io.mem.addr = (char __user *)buf;
	io.nonblock = chan_nonblock(file, NULL);
	return chan_do_write(&io, len);
}

static noinline ssize_t chan_read_long(struct file *file, char __user *buf, size_t len)
{
	struct chan_io io = chan_io_init(file);

	io.mem.addr = buf;
	io.nonblock = chan_nonblock(file, NULL);
	return chan_do_read(&io, len);
}

/* Several elements at once, if they lie one after the other. */
static noinline int chan_write_run(struct chan *c, const char __user *buf, u32 size, u32 n)
{
	return chan_short_write(c, buf, size, n);
}

static noinline int chan_read_run(struct chan *c, char __user *buf, u32 size, u32 n)
{
	return chan_short_read(c, buf, size, n);
}

static ssize_t chan_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	struct chan_handle *h = file->private_data;
	u32 size = READ_ONCE(h->short_len);
	int r;

	if (likely(len == size)) {
		r = chan_short_write(h->chan, buf, len, 1);
		if (likely(r > 0))
			return len;
		if (r && file->f_flags & O_NONBLOCK)
			return r;
	} else if (chan_is_run(size, len)) {
		r = chan_write_run(h->chan, buf, size, (u32)len / size);
		if (likely(r > 0))
			return len;
	}
	return chan_write_long(file, buf, len);
}

static ssize_t chan_read(struct file *file, char __user *buf, size_t len, loff_t *pos)
{
	struct chan_handle *h = file->private_data;
	u32 size = READ_ONCE(h->short_len);
	int r;

	if (likely(len == size)) {
		r = chan_short_read(h->chan, buf, len, 1);
		if (likely(r > 0))
			return len;
		if (r && file->f_flags & O_NONBLOCK)
			return r;
	} else if (chan_is_run(size, len)) {
		r = chan_read_run(h->chan, buf, size, (u32)len / size);
		if (likely(r > 0))
			return (ssize_t)r * size;
	}
	return chan_read_long(file, buf, len);
}

static ssize_t chan_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct chan_io io = chan_io_init(iocb->ki_filp);

	io.mem.iter = from;
	io.nonblock = chan_nonblock(iocb->ki_filp, iocb);
	return chan_do_write(&io, iov_iter_count(from));
}

static ssize_t chan_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct chan_io io = chan_io_init(iocb->ki_filp);

	io.mem.iter = to;
	io.nonblock = chan_nonblock(iocb->ki_filp, iocb);
	return chan_do_read(&io, iov_iter_count(to));
}

/*
 * poll
 */

static __poll_t chan_poll_recv(const struct chan *c)
{
	__poll_t events = 0;

	if (chan_can_recv(c))
		events |= EPOLLIN | EPOLLRDNORM;
	if (c->slow & CHAN_SLOW_CLOSED)
		events |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP | (chan_len(c) ? 0 : EPOLLHUP);
	return events;
}

/* EPOLLERR only beside EPOLLOUT: alone, some event loops give up on the file. */
static __poll_t chan_poll_send(const struct chan *c, bool may_recv)
{
	if (c->slow & CHAN_SLOW_NO_SEND)
		return EPOLLOUT | EPOLLWRNORM | (may_recv ? 0 : EPOLLERR);
	return chan_can_send(c) ? EPOLLOUT | EPOLLWRNORM : 0;
}

static __poll_t chan_poll(struct file *file, poll_table *wait)
{
	struct chan_handle *h = file->private_data;
	struct chan *c = h->chan;
	__poll_t events = 0;

	/* Two queues and no more: io_uring takes no third. */
	if (h->may_recv)
		poll_wait(file, &c->rpoll, wait);
	if (h->may_send)
		poll_wait(file, &c->wpoll, wait);
	if (unlikely(h->standby) && chan_standby_ready(h))
		events |= EPOLLIN | EPOLLRDNORM;
	spin_lock(&c->lock);
	while (unlikely(!chan_prune(c))) {
		spin_unlock(&c->lock);
		cond_resched();
		spin_lock(&c->lock);
	}
	if (h->may_recv)
		events |= chan_poll_recv(c);
	if (h->may_send)
		events |= chan_poll_send(c, h->may_recv);
	spin_unlock(&c->lock);
	return events;
}

const struct file_operations chan_fops = {
	.owner		= THIS_MODULE,
	.open		= chan_open,
	.release	= chan_release,
	.read		= chan_read,
	.write		= chan_write,
	.read_iter	= chan_read_iter,
	.write_iter	= chan_write_iter,
	.poll		= chan_poll,
	.unlocked_ioctl	= chan_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.show_fdinfo	= chan_show_fdinfo,
};
