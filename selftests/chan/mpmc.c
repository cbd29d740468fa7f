// SPDX-License-Identifier: GPL-2.0
/*
 * Many senders, many receivers: nothing lost, nothing twice, each sender's order kept.
 *
 * An element carries its sender's number and its own. A receiver sees each sender's
 * numbers rise; all receivers together count each element once, in a bitmap that they
 * share.
 */
#include "chan_test.h"

#define SENDERS		4
#define RECEIVERS	4
#define ELEMENTS	100000

struct elem {
	uint32_t sender, number;
	uint64_t sum;
};

struct shared {
	uint64_t received;
	uint64_t errors;
	unsigned char seen[SENDERS][ELEMENTS / SENDERS];
};

FIXTURE(mpmc)
{
	int fd;
	struct shared *shared;
};

FIXTURE_VARIANT(mpmc)
{
	unsigned int capacity, elem_size, flags, batch;
	bool processes;
};

#define ADD(name, c, e, f, b, p)						\
	FIXTURE_VARIANT_ADD(mpmc, name)						\
	{									\
		.capacity = c, .elem_size = e, .flags = f, .batch = b, .processes = p,	\
	}

ADD(threads_unbuffered, 0, 16, 0, 1, false);
ADD(threads_capacity_1, 1, 16, 0, 1, false);
ADD(threads_capacity_64, 64, 16, 0, 1, false);
ADD(threads_batches, 64, 16, 0, 25, false);
ADD(threads_messages, 64, 16, CHAN_MESSAGE, 1, false);
ADD(threads_heap_elements_unbuffered, 0, 256, 0, 1, false);
ADD(threads_elem_4096, 64, IN_PLACE, 0, 1, false);
ADD(threads_by_reference, 64, BY_REF, 0, 1, false);
ADD(threads_by_reference_unbuffered, 0, BY_REF, 0, 1, false);
ADD(processes_unbuffered, 0, 16, 0, 1, true);
ADD(processes_capacity_1, 1, 16, 0, 1, true);
ADD(processes_capacity_64, 64, 16, 0, 1, true);
ADD(processes_batches, 1000, 16, 0, 25, true);

FIXTURE_SETUP(mpmc)
{
	self->fd = make_chan(variant->elem_size, variant->capacity, variant->flags);
	ASSERT_GE(self->fd, 0);
	self->shared = mmap(NULL, sizeof(*self->shared), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->shared);
}

FIXTURE_TEARDOWN(mpmc)
{
	munmap(self->shared, sizeof(*self->shared));
	close(self->fd);
}

struct role {
	FIXTURE_DATA(mpmc) *self;
	const FIXTURE_VARIANT(mpmc) *variant;
	uint32_t number;
	pthread_t thread;
	pid_t pid;
};

static uint64_t checksum(const struct elem *e)
{
	return (e->sender * 0x9e3779b97f4a7c15ULL) ^ (e->number + 1) * 0xbf58476d1ce4e5b9ULL;
}

static void *send_run(void *arg)
{
	struct role *r = arg;
	size_t size = r->variant->elem_size;
	unsigned char *buf = calloc(r->variant->batch, size);
	uint32_t next = 0, i;

	while (next < ELEMENTS / SENDERS) {
		for (i = 0; i < r->variant->batch; i++) {
			struct elem *e = (void *)(buf + i * size);

			e->sender = r->number;
			e->number = next++;
			e->sum = checksum(e);
		}
		if (wr(r->self->fd, buf, i * size) != (long)(i * size))
			__atomic_add_fetch(&r->self->shared->errors, 1, __ATOMIC_RELAXED);
	}
	free(buf);
	return NULL;
}

static void *recv_run(void *arg)
{
	struct role *r = arg;
	size_t size = r->variant->elem_size;
	unsigned char *buf = calloc(r->variant->batch, size);
	struct shared *s = r->self->shared;
	int64_t last[SENDERS] = { -1, -1, -1, -1 };
	long n, i;

	while ((n = rd(r->self->fd, buf, r->variant->batch * size)) > 0) {
		for (i = 0; i < n; i += size) {
			struct elem *e = (void *)(buf + i);

			if (e->sender >= SENDERS || e->number >= ELEMENTS / SENDERS ||
			    e->sum != checksum(e) || (int64_t)e->number <= last[e->sender] ||
			    __atomic_exchange_n(&s->seen[e->sender][e->number], 1, __ATOMIC_RELAXED))
				__atomic_add_fetch(&s->errors, 1, __ATOMIC_RELAXED);
			else
				last[e->sender] = e->number;
			__atomic_add_fetch(&s->received, 1, __ATOMIC_RELAXED);
		}
		if (n % size)
			__atomic_add_fetch(&s->errors, 1, __ATOMIC_RELAXED);
	}
	if (n)
		__atomic_add_fetch(&s->errors, 1, __ATOMIC_RELAXED);
	free(buf);
	return NULL;
}

static void role_start(struct role *r, void *(*run)(void *))
{
	if (!r->variant->processes) {
		pthread_create(&r->thread, NULL, run, r);
		return;
	}
	r->pid = fork();
	if (!r->pid) {
		run(r);
		_exit(0);
	}
}

static void role_end(struct role *r)
{
	if (r->variant->processes)
		waitpid(r->pid, NULL, 0);
	else
		pthread_join(r->thread, NULL);
}

TEST_F_TIMEOUT(mpmc, nothing_is_lost_or_doubled_and_each_sender_keeps_its_order, 500)
{
	struct role send[SENDERS], recv[RECEIVERS];
	int i;

	for (i = 0; i < RECEIVERS; i++) {
		recv[i] = (struct role){ .self = self, .variant = variant, .number = i };
		role_start(&recv[i], recv_run);
	}
	for (i = 0; i < SENDERS; i++) {
		send[i] = (struct role){ .self = self, .variant = variant, .number = i };
		role_start(&send[i], send_run);
	}
	for (i = 0; i < SENDERS; i++)
		role_end(&send[i]);
	ASSERT_EQ(0, chan_close(self->fd));
	for (i = 0; i < RECEIVERS; i++)
		role_end(&recv[i]);
	EXPECT_EQ(0, self->shared->errors);
	EXPECT_EQ(ELEMENTS, self->shared->received);
	EXPECT_EQ(ELEMENTS, info(self->fd).sent);
	EXPECT_EQ(ELEMENTS, info(self->fd).received);
	EXPECT_EQ(0, info(self->fd).len);
}

TEST_HARNESS_MAIN
