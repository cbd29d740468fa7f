// SPDX-License-Identifier: GPL-2.0
/*
 * io_uring: each thread has a ring of its own, from when it first needs one.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fuzz.h"

/* What a request was, and its buffer, in its tag. */
#define TAG(op, buf)	((uint64_t)(op) << 8 | (buf))
#define NO_BUF		255
#define TAG_POLL	1000
#define TAG_CANCEL	1001

static bool ring_begin(struct runner *t)
{
	if (!t->has_ring && !io_uring_queue_init(32, &t->ring, 0)) {
		t->has_ring = true;
		t->ring_mem = calloc(RING_BUFS, RING_BUF);
	}
	return t->has_ring;
}

static bool ring_result_ok(unsigned int op, long r)
{
	if (r >= 0 || r == -ECANCELED || r == -EBADF || r == -EFAULT)
		return true;
	if (op == TAG_POLL || op == TAG_CANCEL)
		return strerrorname_np(-r);
	/* Of a channel, or of a selector; the request says which no more. */
	return documented(op, KIND_CHAN, -r) || documented(op, KIND_SEL, -r) || r == -ENOMEM ||
	       r == -EOPNOTSUPP;
}

static void ring_complete(struct runner *t, const struct io_uring_cqe *e)
{
	unsigned int op = e->user_data >> 8, buf = e->user_data & 255;

	if (!ring_result_ok(op, e->res))
		broken(t, "a request of op %u in a ring returned %d", op, e->res);
	if (e->flags & IORING_CQE_F_MORE)
		return;
	t->nr_requests--;
	if (buf != NO_BUF)
		t->ring_bufs &= ~(1U << buf);
}

/* Returns how many have completed. */
static unsigned int ring_reap(struct runner *t)
{
	struct io_uring_cqe *e;
	unsigned int n = 0;

	if (!t->has_ring)
		return 0;
	io_uring_get_events(&t->ring);
	while (!io_uring_peek_cqe(&t->ring, &e)) {
		ring_complete(t, e);
		io_uring_cqe_seen(&t->ring, e);
		n++;
	}
	return n;
}

/* Returns NO_BUF if all are in use. */
static unsigned int ring_buf(struct runner *t)
{
	unsigned int i;

	for (i = 0; i < RING_BUFS; i++) {
		if (!(t->ring_bufs & 1U << i)) {
			t->ring_bufs |= 1U << i;
			return i;
		}
	}
	return NO_BUF;
}

static long ring_submit(struct runner *t, struct io_uring_sqe *e, uint64_t tag)
{
	unsigned int tries = 0;

	io_uring_sqe_set_data64(e, tag);
	t->nr_requests++;
	/* What has failed by a fault on demand goes the next time. */
	while (io_uring_submit(&t->ring) < 0 && tries++ < 100)
		;
	if (tries > 100)
		broken(t, "io_uring_enter fails");
	return ring_reap(t);
}

static bool ring_cancel_all(struct runner *t)
{
	struct io_uring_sqe *e = io_uring_get_sqe(&t->ring);

	if (!e)
		return false;
	io_uring_prep_cancel(e, NULL, 0);
	e->cancel_flags = IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL;
	ring_submit(t, e, TAG(TAG_CANCEL, NO_BUF));
	return true;
}

/* This waits for the requests that use them, or for a signal. */
static long ring_drop_files(struct runner *t)
{
	long r = t->has_files ? io_uring_unregister_files(&t->ring) : -ENXIO;

	if (!r)
		t->has_files = false;
	return r;
}

static void ring_drop_files_for_certain(struct runner *t)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	if (t->has_files && ring_drop_files(t))
		broken(t, "a ring doesn't let go of its files");
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* No request of a program outlives it: they end when they are cancelled. */
void ring_end(struct runner *t)
{
	struct timespec begin, now;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	while (t->nr_requests) {
		if (!ring_cancel_all(t) || !ring_reap(t))
			sched_yield();
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec - begin.tv_sec > 100 * shared->slow) {
			broken(t, "%u requests in a ring don't end", t->nr_requests);
			return;
		}
	}
	ring_drop_files_for_certain(t);
}

long run_uring(struct runner *t, const uint8_t *a)
{
	struct target g = target_of(a[0]);
	unsigned int buf = NO_BUF, what = a[1] % 8, op = OP_read;
	size_t len = len_of(&g, a[2]);
	struct io_uring_sqe *e;
	void *p;

	if (!ring_begin(t))
		return -ENODEV;
	ring_reap(t);
	if (what % 4 < 2)
		buf = ring_buf(t);
	if (t->nr_requests > 24 || (what % 4 < 2 && buf == NO_BUF))
		return -EBUSY;
	e = io_uring_get_sqe(&t->ring);
	if (!e)
		return -EBUSY;
	if (len > RING_BUF)
		len = RING_BUF;
	/* Never where other calls receive, and have it looked at: it may come meanwhile. */
	if (a[3] < MEMS)
		p = t->ring_mem + buf * RING_BUF;
	else
		p = buffer(t, MEM_RO + a[3] % (NR_MEMS - MEM_RO), len, true);
	switch (what % 4) {
	case 0:
		io_uring_prep_read(e, g.fd, p, len, a[2] == 255 ? 8 : -1);
		break;
	case 1:
		io_uring_prep_write(e, g.fd, a[3] < MEMS ? send_mem : p, len, -1);
		op = OP_write;
		break;
	case 2:
		io_uring_prep_poll_add(e, g.fd, POLLIN | POLLOUT);
		op = TAG_POLL;
		break;
	default:
		io_uring_prep_poll_multishot(e, g.fd, a[2] & 1 ? POLLOUT : POLLIN);
		op = TAG_POLL;
	}
	if (what >= 4) {
		e->fd = a[0] % 4;
		e->flags |= IOSQE_FIXED_FILE;
	}
	if (a[3] >= 128)
		e->flags |= IOSQE_ASYNC;
	return ring_submit(t, e, TAG(op, buf));
}

long run_uringctl(struct runner *t, const uint8_t *a)
{
	const int fds[4] = { FIRST_FD + BUF, FIRST_FD + BUF_W, FIRST_FD + UNBUF, FIRST_FD + FREE };

	if (!ring_begin(t))
		return -ENODEV;
	switch (a[0] % 5) {
	case 0:
		if (t->has_files)
			return -EBUSY;
		t->has_files = !io_uring_register_files(&t->ring, fds, 3 + (a[0] > 4));
		return t->has_files;
	case 1:
		return ring_cancel_all(t);
	case 2:
		return t->failing ? -EAGAIN : ring_drop_files(t);
	case 3:
		return ring_reap(t);
	default:
		return io_uring_register_files_update(&t->ring, a[0] & 3, fds + (a[0] >> 4) % 4, 1);
	}
}
