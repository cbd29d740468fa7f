// SPDX-License-Identifier: GPL-2.0
/*
 * Nothing lost, nothing twice: bad addresses, kills and signals.
 */
#include <linux/userfaultfd.h>

#include "chan_test.h"

/*
 * Bad addresses
 */

#define GOOD	8192

FIXTURE(fault)
{
	int fd;
	unsigned char *page;		/* so many good bytes, then a page that isn't there */
	unsigned char *half;		/* an element's place that ends in the latter */
	unsigned char *bad;		/* no memory at all */
	unsigned char b[BY_REF];
};

FIXTURE_VARIANT(fault)
{
	unsigned int capacity, elem_size, flags;
	int prot;			/* of the second page; -1: not mapped */
};

#define FAULT(name, c, e, f, p)							\
	FIXTURE_VARIANT_ADD(fault, name)					\
	{									\
		.capacity = c, .elem_size = e, .flags = f, .prot = p,		\
	}
#define FAULTS(name, e, f)							\
	FAULT(name##_unbuffered, 0, e, f, -1);					\
	FAULT(name##_capacity_1, 1, e, f, -1);					\
	FAULT(name##_capacity_64, 64, e, f, PROT_NONE)

FAULTS(elem_8, 8, 0);
FAULTS(elem_200, 200, 0);
FAULTS(elem_4096, IN_PLACE, 0);
FAULTS(elem_5120, BY_REF, 0);
FAULTS(message_100, 100, CHAN_MESSAGE);
FAULTS(message_5120, BY_REF, CHAN_MESSAGE);

FIXTURE_SETUP(fault)
{
	self->fd = make_chan(variant->elem_size, variant->capacity, variant->flags);
	ASSERT_GE(self->fd, 0);
	self->page = mmap(NULL, GOOD + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	ASSERT_NE(MAP_FAILED, self->page);
	if (variant->prot < 0) {
		ASSERT_EQ(0, munmap(self->page + GOOD, 4096));
	} else {
		ASSERT_EQ(0, mprotect(self->page + GOOD, 4096, variant->prot));
	}
	self->half = self->page + GOOD - variant->elem_size / 2;
	self->bad = self->page + GOOD;
}

FIXTURE_TEARDOWN(fault)
{
	munmap(self->page, GOOD);
	close(self->fd);
}

static bool same(struct chan_info a, struct chan_info b)
{
	return !memcmp(&a, &b, sizeof(a));
}

static long xfer(int fd, unsigned int cmd, const FIXTURE_VARIANT(fault) *variant, void *buf,
		 unsigned int count)
{
	struct chan_xfer x = {
		.size = sizeof(x), .buf = (uintptr_t)buf, .count = count, .flags = CHAN_NONBLOCK,
		.len = variant->flags & CHAN_MESSAGE ? variant->elem_size : 0,
	};
	int r = ioctl(fd, cmd, &x);

	return r < 0 ? -errno : r;
}

TEST_F(fault, a_send_from_a_bad_address_changes_nothing)
{
	struct chan_info before = info(self->fd);
	size_t n = variant->elem_size;
	struct iovec v[2] = { { self->b, n / 2 }, { self->bad, n - n / 2 } };

	if (!variant->capacity)
		return;
	EXPECT_EQ(-EFAULT, wr(self->fd, self->bad, n));
	EXPECT_EQ(-EFAULT, wr(self->fd, self->half, n));
	EXPECT_EQ(-EFAULT, wr(self->fd, NULL, n));
	EXPECT_EQ(-1, writev(self->fd, v, 2));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-EFAULT, xfer(self->fd, CHAN_IOC_SEND, variant, self->bad, 1));
	EXPECT_EQ(-EFAULT, xfer(self->fd, CHAN_IOC_SEND, variant, self->half, 1));
	EXPECT_TRUE(same(before, info(self->fd)));
}

TEST_F(fault, a_send_from_a_bad_address_that_would_park_changes_nothing)
{
	struct chan_info before;
	size_t n = variant->elem_size;
	unsigned int i;

	for (i = 0; i < variant->capacity; i++)
		ASSERT_EQ(n, wr(self->fd, self->b, n));
	before = info(self->fd);
	EXPECT_EQ(-EFAULT, wr(self->fd, self->bad, n));
	EXPECT_EQ(-EFAULT, wr(self->fd, self->half, n));
	EXPECT_TRUE(same(before, info(self->fd)));
}

TEST_F(fault, a_send_from_a_bad_address_to_a_parked_receiver_leaves_it_parked)
{
	size_t n = variant->elem_size;
	struct call receiver;

	call_start(&receiver, self->fd, false, self->b, n);
	wait_parked(self->fd, 0, 1);
	EXPECT_EQ(-EFAULT, wr(self->fd, self->bad, n));
	EXPECT_EQ(-EFAULT, wr(self->fd, self->half, n));
	EXPECT_EQ(1, info(self->fd).parked_receivers);
	fill_elem(self->page, n, 5);
	EXPECT_EQ(n, wr(self->fd, self->page, n));
	EXPECT_EQ(n, call_end(&receiver));
	EXPECT_TRUE(elem_is(self->b, n, 5));
}

TEST_F(fault, a_receive_to_a_bad_address_leaves_the_element)
{
	size_t n = variant->elem_size;
	struct iovec v[2] = { { self->b, n / 2 }, { self->bad, n - n / 2 } };
	struct chan_info before;

	if (!variant->capacity)
		return;
	fill_elem(self->b, n, 5);
	ASSERT_EQ(n, wr(self->fd, self->b, n));
	before = info(self->fd);
	EXPECT_EQ(-EFAULT, rd(self->fd, self->bad, n));
	EXPECT_EQ(-EFAULT, rd(self->fd, self->half, n));
	EXPECT_EQ(-EFAULT, rd(self->fd, NULL, n));
	EXPECT_EQ(-1, readv(self->fd, v, 2));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-EFAULT, xfer(self->fd, CHAN_IOC_RECV, variant, self->bad, 1));
	EXPECT_EQ(-EFAULT, xfer(self->fd, CHAN_IOC_RECV, variant, self->half, 1));
	EXPECT_TRUE(same(before, info(self->fd)));
	EXPECT_EQ(n, rd(self->fd, self->page, n));
	EXPECT_TRUE(elem_is(self->page, n, 5));
}

TEST_F(fault, a_receive_to_a_bad_address_leaves_parked_senders_parked)
{
	size_t n = variant->elem_size;
	struct call sender;
	unsigned int i;

	for (i = 0; i < variant->capacity; i++) {
		fill_elem(self->b, n, i);
		ASSERT_EQ(n, wr(self->fd, self->b, n));
	}
	fill_elem(self->b, n, variant->capacity);
	call_start(&sender, self->fd, true, self->b, n);
	wait_parked(self->fd, 1, 0);
	EXPECT_EQ(-EFAULT, rd(self->fd, self->bad, n));
	EXPECT_EQ(-EFAULT, rd(self->fd, self->half, n));
	EXPECT_EQ(1, info(self->fd).parked_senders);
	for (i = 0; i <= variant->capacity; i++) {
		EXPECT_EQ(n, rd(self->fd, self->page, n));
		EXPECT_TRUE(elem_is(self->page, n, i));
	}
	EXPECT_EQ(n, call_end(&sender));
}

#define STRETCH	8192	/* bytes that hold up one call */

/*
 * Memory of @n stretches that holds up whoever touches it, until it is dropped: then the
 * touch is one of a bad address.
 */
struct slow {
	int uffd;
	unsigned char *mem;
};

static struct slow slow_memory(int n)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range.len = n * STRETCH, .mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	struct slow s = {
		.uffd = syscall(SYS_userfaultfd, O_CLOEXEC),
		.mem = mmap(NULL, n * STRETCH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0),
	};

	reg.range.start = (uintptr_t)s.mem;
	if (s.uffd < 0 || ioctl(s.uffd, UFFDIO_API, &api) ||
	    ioctl(s.uffd, UFFDIO_REGISTER, &reg)) {
		perror("userfaultfd");
		abort();
	}
	return s;
}

/* So many are held up. */
static void slow_wait(struct slow *s, int n)
{
	struct uffd_msg msg;

	while (n--)
		if (read(s->uffd, &msg, sizeof(msg)) != sizeof(msg))
			abort();
}

static void slow_drop(struct slow *s, int nr)
{
	struct uffdio_range range = { .start = (uintptr_t)s->mem + nr * STRETCH, .len = STRETCH };

	munmap(s->mem + nr * STRETCH, STRETCH);
	if (ioctl(s->uffd, UFFDIO_WAKE, &range))
		abort();
}

TEST_F(fault, parked_receivers_that_fault_return_their_elements_in_their_places)
{
	static const int order[3] = { 2, 0, 1 };
	struct slow slow = slow_memory(3);
	size_t n = variant->elem_size;
	struct call bad[3];
	unsigned int i, k;

	for (i = 0; i < 3; i++) {
		call_start(&bad[i], self->fd, false, slow.mem + i * STRETCH, n);
		wait_parked(self->fd, 0, i + 1);
	}
	/* All are handed their elements, and held up by their memory: by nothing else. */
	for (i = 0; i < 3; i++) {
		fill_elem(self->b, n, i);
		EXPECT_EQ(n, wr(self->fd, self->b, n));
	}
	slow_wait(&slow, 3);
	EXPECT_EQ(0, info(self->fd).parked_receivers);
	EXPECT_EQ(3, info(self->fd).received);
	/* What is sent meanwhile comes after them. */
	for (; i < 3 + variant->capacity; i++) {
		fill_elem(self->b, n, i);
		EXPECT_EQ(n, wr(self->fd, self->b, n));
	}
	for (k = 0; k < 3; k++) {
		slow_drop(&slow, order[k]);
		EXPECT_EQ(-EFAULT, call_end(&bad[order[k]]));
		EXPECT_EQ(variant->capacity + k + 1, info(self->fd).len);
	}
	EXPECT_EQ(0, info(self->fd).received);
	set_nonblock(self->fd, true);
	EXPECT_EQ(-EAGAIN, wr(self->fd, self->b, n));
	for (k = 0; k < i; k++) {
		EXPECT_EQ(n, rd(self->fd, self->page, n));
		EXPECT_TRUE(elem_is(self->page, n, k));
	}
	EXPECT_EQ(0, info(self->fd).len);
	EXPECT_EQ(0, limits().total_parties);
}

TEST_F(fault, memory_that_is_held_up_holds_up_its_owner_only)
{
	struct slow slow = slow_memory(2);
	size_t n = variant->elem_size;
	struct call stalled[2];
	unsigned int i;
	int fd;

	if (!variant->capacity)
		return;
	/* A receiver whose memory can't be written yet, a sender's that can't be read. */
	fd = narrow(self->fd, O_RDWR | O_NONBLOCK);
	fill_elem(self->b, n, 1);
	ASSERT_EQ(n, wr(fd, self->b, n));
	call_start(&stalled[0], self->fd, false, slow.mem, n);
	call_start(&stalled[1], self->fd, true, slow.mem + STRETCH, n);
	slow_wait(&slow, 2);
	/* Others go on. */
	for (i = 0; i < 200; i++) {
		if (info(fd).len == variant->capacity)
			EXPECT_EQ(n, rd(fd, self->page, n));
		fill_elem(self->b, n, i);
		EXPECT_EQ(n, wr(fd, self->b, n));
	}
	slow_drop(&slow, 0);
	slow_drop(&slow, 1);
	EXPECT_EQ(-EFAULT, call_end(&stalled[0]));
	EXPECT_EQ(-EFAULT, call_end(&stalled[1]));
	EXPECT_EQ(0, info(fd).parked_senders);
	close(fd);
}

TEST_F(fault, a_returned_element_goes_to_the_next_parked_receiver)
{
	size_t n = variant->elem_size;
	struct call bad, good;

	call_start(&bad, self->fd, false, self->bad, n);
	wait_parked(self->fd, 0, 1);
	call_start(&good, self->fd, false, self->page, n);
	wait_parked(self->fd, 0, 2);
	fill_elem(self->b, n, 7);
	EXPECT_EQ(n, wr(self->fd, self->b, n));
	EXPECT_EQ(-EFAULT, call_end(&bad));
	EXPECT_EQ(n, call_end(&good));
	EXPECT_TRUE(elem_is(self->page, n, 7));
}

TEST_F(fault, an_element_returned_after_close_can_still_be_received)
{
	size_t n = variant->elem_size;
	struct call bad;

	call_start(&bad, self->fd, false, self->bad, n);
	wait_parked(self->fd, 0, 1);
	fill_elem(self->b, n, 7);
	EXPECT_EQ(n, wr(self->fd, self->b, n));
	EXPECT_EQ(0, chan_close(self->fd));
	EXPECT_EQ(-EFAULT, call_end(&bad));
	EXPECT_EQ(n, rd(self->fd, self->page, n));
	EXPECT_TRUE(elem_is(self->page, n, 7));
	EXPECT_EQ(0, rd(self->fd, self->page, n));
}

TEST_F(fault, a_batch_that_runs_into_a_bad_page_counts_its_whole_elements)
{
	size_t n = variant->elem_size;
	unsigned int whole = GOOD / n, i;

	if (variant->flags & CHAN_MESSAGE || variant->capacity < 64 || whole < 2)
		return;
	if (whole > variant->capacity)
		whole = variant->capacity / 2;
	for (i = 0; i < whole; i++)
		fill_elem(self->bad - (whole - i) * n, n, i);
	/* So many good ones, then half of one. */
	EXPECT_EQ(whole * n, wr(self->fd, self->bad - whole * n, (whole + 3) * n));
	EXPECT_EQ(whole, info(self->fd).len);
	memset(self->page, 0, GOOD);
	EXPECT_EQ((whole - 1) * n, rd(self->fd, self->bad - (whole - 1) * n - n / 2, whole * n));
	EXPECT_EQ(1, info(self->fd).len);
	for (i = 0; i < whole - 1; i++)
		EXPECT_TRUE(elem_is(self->bad - (whole - 1 - i) * n - n / 2, n, i));
	EXPECT_EQ(n, rd(self->fd, self->page, n));
	EXPECT_TRUE(elem_is(self->page, n, whole - 1));
}

TEST_F(fault, a_message_length_that_cannot_be_reported_leaves_the_message)
{
	struct chan_xfer *x = (void *)self->page;
	unsigned int len;

	if (!(variant->flags & CHAN_MESSAGE) || !variant->capacity)
		return;
	ASSERT_EQ(5, wr(self->fd, "hello", 5));
	*x = (struct chan_xfer){
		.size = sizeof(*x), .buf = (uintptr_t)self->b, .count = 1, .len = 50,
	};
	ASSERT_EQ(0, mprotect(self->page, 4096, PROT_READ));
	EXPECT_EQ(-1, ioctl(self->fd, CHAN_IOC_RECV, x));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(1, info(self->fd).len);
	len = 50;
	EXPECT_EQ(1, recv_msg(self->fd, self->b, &len, 0));
	EXPECT_EQ(5, len);
}

TEST_F(fault, pages_that_fork_made_read_only_are_no_bad_addresses)
{
	size_t n = variant->elem_size;
	int status, i;
	pid_t pid;

	if (!variant->capacity)
		return;
	for (i = 0; i < 20; i++) {
		fill_elem(self->page, n, i);
		pid = fork();
		if (!pid) {
			pause();
			_exit(0);
		}
		EXPECT_EQ(n, wr(self->fd, self->page, n));
		EXPECT_EQ(n, rd(self->fd, self->page, n));
		EXPECT_TRUE(elem_is(self->page, n, i));
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
	}
}

/*
 * Kills
 */

#define KILLS	(debug_kernel() ? 200 : 1000)
#define SLOT	8192

/*
 * A victim receives straight into its slot of shared memory and then counts. So after
 * its death an element is in one of three places: counted, in the channel, or, if the
 * kill came between the call's return and the count, in the slot alone.
 */
struct ledger {
	volatile uint64_t counted;		/* elements the victim has counted */
	unsigned char pad[SLOT - sizeof(uint64_t)];
	unsigned char slot[SLOT];
};

FIXTURE(kills)
{
	int fd;
	struct ledger *ledger;
	unsigned char a[SLOT], b[SLOT];
};

FIXTURE_VARIANT(kills)
{
	unsigned int capacity, elem_size;
};

FIXTURE_VARIANT_ADD(kills, unbuffered) { .capacity = 0, .elem_size = 8, };
FIXTURE_VARIANT_ADD(kills, capacity_1) { .capacity = 1, .elem_size = 8, };
FIXTURE_VARIANT_ADD(kills, heap_elements) { .capacity = 0, .elem_size = 300, };
FIXTURE_VARIANT_ADD(kills, by_reference) { .capacity = 2, .elem_size = BY_REF, };

FIXTURE_SETUP(kills)
{
	self->fd = make_chan(variant->elem_size, variant->capacity, 0);
	ASSERT_GE(self->fd, 0);
	self->ledger = mmap(NULL, sizeof(*self->ledger), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->ledger);
}

FIXTURE_TEARDOWN(kills)
{
	munmap(self->ledger, sizeof(*self->ledger));
	close(self->fd);
}

TEST_F_TIMEOUT(kills, an_element_handed_to_a_receiver_that_is_killed_is_not_lost, 300)
{
	uint64_t sent = 0, received = 0, in_slots = 0, v = 0;
	int status, i, k;
	pid_t pid;

	for (i = 0; i < KILLS; i++) {
		self->ledger->counted = 0;
		memset(self->ledger->slot, 0xff, SLOT);
		pid = fork();
		if (!pid) {
			while (rd(self->fd, self->ledger->slot, variant->elem_size) > 0)
				self->ledger->counted++;
			_exit(1);
		}
		wait_parked(self->fd, 0, 1);
		/* Hand it one, and kill it as it wakes; every third without one. */
		if (i % 3) {
			fill_elem(self->a, variant->elem_size, v);
			ASSERT_EQ(variant->elem_size, wr(self->fd, self->a, variant->elem_size));
			sent++;
			for (k = 0; k < i % 50; k++)
				asm volatile("" ::: "memory");
			if (i % 7 == 0)
				sched_yield();
		}
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_TRUE(WIFSIGNALED(status));
		EXPECT_EQ(0, info(self->fd).parked_receivers);
		if (!(i % 3))
			continue;
		set_nonblock(self->fd, true);
		if (rd(self->fd, self->b, variant->elem_size) > 0) {
			/* It came back: then it was not counted. */
			EXPECT_TRUE(elem_is(self->b, variant->elem_size, v));
			EXPECT_EQ(0, self->ledger->counted);
			received++;
		} else if (self->ledger->counted) {
			EXPECT_EQ(1, self->ledger->counted);
			received++;
		} else {
			EXPECT_TRUE(elem_is(self->ledger->slot, variant->elem_size, v));
			in_slots++;
		}
		set_nonblock(self->fd, false);
		v++;
	}
	EXPECT_EQ(sent, received + in_slots);
	EXPECT_EQ(0, info(self->fd).len);
	EXPECT_EQ(0, limits().total_parties);
	TH_LOG("%llu sent, %llu received, %llu returned to a caller that was dying",
	       (unsigned long long)sent, (unsigned long long)received,
	       (unsigned long long)in_slots);
}

TEST_F_TIMEOUT(kills, a_parked_sender_that_is_killed_has_sent_nothing, 300)
{
	uint64_t got = 0, sent;
	int status, i;
	unsigned int k;
	pid_t pid;

	for (i = 0; i < KILLS; i++) {
		for (k = 0; k < variant->capacity; k++)
			ASSERT_EQ(variant->elem_size, wr(self->fd, self->a, variant->elem_size));
		self->ledger->counted = 0;
		sent = info(self->fd).sent;
		pid = fork();
		if (!pid) {
			fill_elem(self->b, variant->elem_size, 12345);
			if (wr(self->fd, self->b, variant->elem_size) > 0)
				self->ledger->counted = 1;
			pause();
			_exit(1);
		}
		wait_parked(self->fd, 1, 0);
		/* Every other one is being received as it dies. */
		if (i & 1) {
			ASSERT_EQ(variant->elem_size, rd(self->fd, self->b, variant->elem_size));
			got = 1;
		}
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(0, info(self->fd).parked_senders);
		EXPECT_EQ(sent + (i & 1), info(self->fd).sent);
		if (!(i & 1))
			EXPECT_EQ(0, self->ledger->counted);
		set_nonblock(self->fd, true);
		while (rd(self->fd, self->b, variant->elem_size) > 0)
			got++;
		set_nonblock(self->fd, false);
	}
	EXPECT_GT(got, 0);
	EXPECT_EQ(0, info(self->fd).len);
}

/*
 * Signals
 */

#define STORM_ELEMENTS	(debug_kernel() ? 4000 : 20000)

FIXTURE(storm)
{
	int fd;
};

FIXTURE_VARIANT(storm)
{
	unsigned int capacity, elem_size;
	int sa_flags;
};

FIXTURE_VARIANT_ADD(storm, unbuffered_restart) { .capacity = 0, .elem_size = 8, .sa_flags = SA_RESTART, };
FIXTURE_VARIANT_ADD(storm, unbuffered_eintr) { .capacity = 0, .elem_size = 8, };
FIXTURE_VARIANT_ADD(storm, capacity_1_restart) { .capacity = 1, .elem_size = 8, .sa_flags = SA_RESTART, };
FIXTURE_VARIANT_ADD(storm, capacity_1_eintr) { .capacity = 1, .elem_size = 8, };
FIXTURE_VARIANT_ADD(storm, by_reference_eintr) { .capacity = 0, .elem_size = BY_REF, };

static void nothing(int sig)
{
}

FIXTURE_SETUP(storm)
{
	struct sigaction sa = { .sa_handler = nothing, .sa_flags = variant->sa_flags };

	self->fd = make_chan(variant->elem_size, variant->capacity, 0);
	ASSERT_GE(self->fd, 0);
	sigaction(SIGUSR1, &sa, NULL);
}

FIXTURE_TEARDOWN(storm)
{
	close(self->fd);
}

struct stormed {
	pthread_t thread;
	int fd;
	size_t size;
	bool sending;
	uint64_t done, interrupted, wrong;
	int stop;
};

static void *stormed_run(void *arg)
{
	struct stormed *s = arg;
	unsigned char buf[BY_REF];
	long r;

	while (s->done < STORM_ELEMENTS) {
		if (s->sending)
			fill_elem(buf, s->size, s->done);
		r = s->sending ? wr(s->fd, buf, s->size) : rd(s->fd, buf, s->size);
		if (r == -EINTR) {
			s->interrupted++;
			continue;
		}
		if (r != (long)s->size) {
			s->wrong++;
			break;
		}
		/* One sender, one receiver: what was acknowledged comes in order, once. */
		if (!s->sending && !elem_is(buf, s->size, s->done))
			s->wrong++;
		s->done++;
	}
	__atomic_store_n(&s->stop, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

TEST_F_TIMEOUT(storm, signals_lose_and_double_nothing, 300)
{
	struct stormed s = { .fd = self->fd, .size = variant->elem_size, .sending = true };
	struct stormed r = { .fd = self->fd, .size = variant->elem_size };

	ASSERT_EQ(0, pthread_create(&s.thread, NULL, stormed_run, &s));
	ASSERT_EQ(0, pthread_create(&r.thread, NULL, stormed_run, &r));
	while (!__atomic_load_n(&s.stop, __ATOMIC_SEQ_CST) ||
	       !__atomic_load_n(&r.stop, __ATOMIC_SEQ_CST)) {
		pthread_kill(s.thread, SIGUSR1);
		pthread_kill(r.thread, SIGUSR1);
		sched_yield();
	}
	pthread_join(s.thread, NULL);
	pthread_join(r.thread, NULL);
	EXPECT_EQ(STORM_ELEMENTS, s.done);
	EXPECT_EQ(STORM_ELEMENTS, r.done);
	EXPECT_EQ(0, s.wrong);
	EXPECT_EQ(0, r.wrong);
	EXPECT_EQ(0, info(self->fd).len);
	EXPECT_EQ(STORM_ELEMENTS, info(self->fd).sent);
	if (variant->sa_flags & SA_RESTART) {
		EXPECT_EQ(0, s.interrupted + r.interrupted);
	} else {
		EXPECT_GT(s.interrupted + r.interrupted, 0);
	}
}

TEST_HARNESS_MAIN
