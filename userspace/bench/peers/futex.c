// SPDX-License-Identifier: GPL-2.0
/*
 * A ring in memory that the processes share, with a lock and two conditions of futexes.
 * As fast as it gets while nobody waits; but a process that dies in it holds up all.
 */
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../bench.h"

/**
 * struct ring - the shared memory
 * @lock: 0 free, 1 held, 2 held and waited for
 * @filled: changes when an element comes, or the end
 * @emptied: changes when one goes
 * @receivers: that wait for @filled
 * @senders: that wait for @emptied
 * @head: elements received so far
 * @tail: elements sent so far
 * @shut: no more come
 * @elements: the ring
 */
struct ring {
	_Atomic uint32_t lock;
	_Atomic uint32_t filled;
	_Atomic uint32_t emptied;
	uint32_t receivers;
	uint32_t senders;
	unsigned int head;
	unsigned int tail;
	bool shut;
	char elements[] __attribute__((aligned(64)));
};

static void futex_wait(_Atomic uint32_t *word, uint32_t value)
{
	syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word, int n)
{
	syscall(SYS_futex, word, FUTEX_WAKE, n, NULL, NULL, 0);
}

static inline void lock(struct ring *r)
{
	uint32_t free = 0;

	if (__builtin_expect(atomic_compare_exchange_strong(&r->lock, &free, 1), 1))
		return;
	while (atomic_exchange(&r->lock, 2))
		futex_wait(&r->lock, 2);
}

static inline void unlock(struct ring *r)
{
	if (__builtin_expect(atomic_exchange(&r->lock, 0) == 2, 0))
		futex_wake(&r->lock, 1);
}

/* With the lock held, which is let go meanwhile. */
static void wait_for(struct ring *r, _Atomic uint32_t *event, uint32_t *waiters)
{
	uint32_t seen = *event;

	++*waiters;
	unlock(r);
	futex_wait(event, seen);
	lock(r);
	--*waiters;
}

static inline void unlock_and_tell(struct ring *r, _Atomic uint32_t *event, uint32_t waiters)
{
	if (waiters)
		++*event;
	unlock(r);
	if (waiters)
		futex_wake(event, 1);
}

static size_t bytes(const struct link *l)
{
	return sizeof(struct ring) + l->size * l->capacity;
}

static void open_ring(struct link *l)
{
	if (!l->capacity)
		l->capacity = 1;
	l->state = mmap(NULL, bytes(l), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (l->state == MAP_FAILED)
		die("mmap");
}

static void close_ring(struct link *l)
{
	munmap(l->state, bytes(l));
}

static inline void *element(const struct link *l, unsigned int i)
{
	return ((struct ring *)l->state)->elements + i % l->capacity * l->size;
}

static void send_ring(struct link *l, const void *buf)
{
	struct ring *r = l->state;

	lock(r);
	while (r->tail - r->head == l->capacity)
		wait_for(r, &r->emptied, &r->senders);
	memcpy(element(l, r->tail++), buf, l->size);
	unlock_and_tell(r, &r->filled, r->receivers);
}

static bool recv_ring(struct link *l, void *buf)
{
	struct ring *r = l->state;

	lock(r);
	while (r->tail == r->head) {
		if (r->shut) {
			unlock(r);
			return false;
		}
		wait_for(r, &r->filled, &r->receivers);
	}
	memcpy(buf, element(l, r->head++), l->size);
	unlock_and_tell(r, &r->emptied, r->senders);
	return true;
}

static void shut_ring(struct link *l)
{
	struct ring *r = l->state;

	lock(r);
	r->shut = true;
	++r->filled;
	unlock(r);
	futex_wake(&r->filled, INT_MAX);
}

static void nonblock_ring(struct link *l)
{
	(void)l;
}

static bool try_recv_ring(struct link *l, void *buf)
{
	struct ring *r = l->state;
	bool any;

	lock(r);
	any = r->tail != r->head;
	unlock(r);
	return any && recv_ring(l, buf);
}

static const struct peer futex = {
	.name = "futex",
	.what = "a ring in shared memory, with futexes",
	.size_max = 65536,
	.capacity_min = 1,
	.open = open_ring,
	.close = close_ring,
	.send = send_ring,
	.recv = recv_ring,
	.nonblock = nonblock_ring,
	.try_recv = try_recv_ring,
	.shut = shut_ring,
};
PEER(futex)
