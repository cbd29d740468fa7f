// SPDX-License-Identifier: GPL-2.0
/* Selectors: a select as a file, which an event loop arms, waits for, and reads. */
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "chan_test.h"

FIXTURE(selector)
{
	int fd, sel;
	struct result res;
	unsigned char a[BY_REF], b[BY_REF];
};

FIXTURE_VARIANT(selector)
{
	unsigned int capacity, elem_size, flags;
};

FIXTURE_VARIANT_ADD(selector, unbuffered) { .capacity = 0, .elem_size = 8, };
FIXTURE_VARIANT_ADD(selector, capacity_1) { .capacity = 1, .elem_size = 8, };
FIXTURE_VARIANT_ADD(selector, capacity_64) { .capacity = 64, .elem_size = 8, };
FIXTURE_VARIANT_ADD(selector, empty_elements_unbuffered) { .capacity = 0, .elem_size = 0, };
FIXTURE_VARIANT_ADD(selector, empty_elements) { .capacity = 3, .elem_size = 0, };
FIXTURE_VARIANT_ADD(selector, elem_1000_unbuffered) { .capacity = 0, .elem_size = 1000, };
FIXTURE_VARIANT_ADD(selector, elem_1000) { .capacity = 2, .elem_size = 1000, };
FIXTURE_VARIANT_ADD(selector, elem_4096) { .capacity = 2, .elem_size = IN_PLACE, };
FIXTURE_VARIANT_ADD(selector, by_reference_unbuffered) { .capacity = 0, .elem_size = BY_REF, };
FIXTURE_VARIANT_ADD(selector, by_reference) { .capacity = 2, .elem_size = BY_REF, };
FIXTURE_VARIANT_ADD(selector, messages) { .capacity = 2, .elem_size = 200, .flags = CHAN_MESSAGE, };
FIXTURE_VARIANT_ADD(selector, messages_by_reference)
{
	.capacity = 0, .elem_size = BY_REF, .flags = CHAN_MESSAGE,
};

FIXTURE_SETUP(selector)
{
	self->fd = make_chan(variant->elem_size, variant->capacity, variant->flags);
	ASSERT_GE(self->fd, 0);
	self->sel = make_selector(0);
	ASSERT_GE(self->sel, 0);
}

FIXTURE_TEARDOWN(selector)
{
	close(self->sel);
	close(self->fd);
	EXPECT_EQ(0, limits().total_parties);
	EXPECT_EQ(0, limits().selectors);
	EXPECT_EQ(0, limits().parked);
}

#define ARGS	struct __test_metadata *_metadata, FIXTURE_DATA(selector) *self,	\
		const FIXTURE_VARIANT(selector) *variant
#define PASS	_metadata, self, variant

/* The variant's element, as the argument of SEND or RECV. */
static long xfer(const FIXTURE_VARIANT(selector) *variant, int fd, unsigned int cmd, void *buf)
{
	struct chan_xfer x = {
		.size = sizeof(x), .flags = CHAN_NONBLOCK, .buf = (uintptr_t)buf, .count = 1,
		.len = variant->flags & CHAN_MESSAGE ? variant->elem_size : 0,
	};
	int r = ioctl(fd, cmd, &x);

	return r < 0 ? -errno : r;
}

static void put(ARGS, uint64_t v)
{
	fill_elem(self->a, variant->elem_size, v);
	EXPECT_EQ(1, xfer(variant, self->fd, CHAN_IOC_SEND, self->a));
}

static void get(ARGS, uint64_t v)
{
	memset(self->b, 0xee, sizeof(self->b));
	EXPECT_EQ(1, xfer(variant, self->fd, CHAN_IOC_RECV, self->b));
	EXPECT_TRUE(elem_is(self->b, variant->elem_size, v));
}

static void nothing_left(ARGS)
{
	EXPECT_EQ(-EAGAIN, xfer(variant, self->fd, CHAN_IOC_RECV, self->b));
	EXPECT_EQ(0, info(self->fd).len);
	EXPECT_EQ(0, info(self->fd).parked_senders);
	EXPECT_EQ(0, info(self->fd).parked_receivers);
}

/* The numbers 0, 1, ... until a send would block. */
static void fill(ARGS)
{
	unsigned int i;

	for (i = 0; i < variant->capacity; i++)
		put(PASS, i);
}

static long arm_recv(FIXTURE_DATA(selector) *self, const FIXTURE_VARIANT(selector) *variant,
		     int sel)
{
	struct chan_case k = recv_case(self->fd, self->b);

	memset(self->b, 0xee, sizeof(self->b));
	if (variant->flags & CHAN_MESSAGE)
		k.len = variant->elem_size;
	return arm_n(sel, &k, 1, 0);
}

static long arm_send(FIXTURE_DATA(selector) *self, const FIXTURE_VARIANT(selector) *variant,
		     int sel, uint64_t v)
{
	struct chan_case k = send_case(self->fd, self->a);

	fill_elem(self->a, variant->elem_size, v);
	if (variant->flags & CHAN_MESSAGE)
		k.len = variant->elem_size;
	return arm_n(sel, &k, 1, 0);
}

/* Read the result of a receive case. */
static void expect_received(ARGS, int sel, unsigned int index, uint64_t v)
{
	struct result *res = &self->res;

	memset(res, 0xee, sizeof(*res));
	EXPECT_EQ(IN, poll_now(sel));
	EXPECT_EQ(sizeof(res->h) + variant->elem_size, rd(sel, res, sizeof(*res)));
	EXPECT_EQ(index, res->h.index);
	EXPECT_EQ(CHAN_OK, res->h.flags);
	EXPECT_EQ(variant->elem_size, res->h.len);
	EXPECT_EQ(0, res->h.pad);
	EXPECT_TRUE(elem_is(res->elem, variant->elem_size, v));
	if (variant->elem_size < sizeof(res->elem))
		EXPECT_EQ(0xee, res->elem[variant->elem_size]);
	EXPECT_EQ(0, poll_now(sel));
}

/* Read a result without an element: of a send case, or of a closed channel. */
static void expect_selected(struct __test_metadata *_metadata, int sel, unsigned int index,
			    unsigned int flags)
{
	struct result res;

	memset(&res, 0xee, sizeof(res));
	EXPECT_EQ(IN, poll_now(sel));
	EXPECT_EQ(sizeof(res.h), rd(sel, &res, sizeof(res)));
	EXPECT_EQ(index, res.h.index);
	EXPECT_EQ(flags, res.h.flags);
	EXPECT_EQ(0, res.h.len);
	EXPECT_EQ(0, res.h.pad);
	EXPECT_EQ(0xee, res.elem[0]);
	EXPECT_EQ(0, poll_now(sel));
}

/* A plain call in a thread. To read(2) and write(2) an empty element is a byte. */
static void park_call(FIXTURE_DATA(selector) *self, const FIXTURE_VARIANT(selector) *variant,
		      struct call *call, bool sending, void *buf)
{
	call_start(call, self->fd, sending, buf, variant->elem_size ?: 1);
	wait_parked(self->fd, sending, !sending);
}

static void end_call(struct __test_metadata *_metadata, const FIXTURE_VARIANT(selector) *variant,
		     struct call *call)
{
	EXPECT_EQ(variant->elem_size ?: 1, call_end(call));
}

/*
 * Arm, wait, read
 */

TEST_F(selector, arm_with_a_ready_receive_commits_at_once)
{
	struct call sender;

	fill(PASS);
	if (!variant->capacity) {
		fill_elem(self->a, variant->elem_size, 0);
		park_call(self, variant, &sender, true, self->a);
	}
	EXPECT_EQ(0 | CHAN_OK, arm_recv(self, variant, self->sel));
	EXPECT_TRUE(elem_is(self->b, variant->elem_size, 0));
	if (!variant->capacity)
		end_call(_metadata, variant, &sender);
	/* There is no more to it. */
	EXPECT_EQ(0, poll_now(self->sel));
	EXPECT_EQ(-EINVAL, disarm(self->sel));
	EXPECT_EQ(variant->capacity ? variant->capacity - 1 : 0, info(self->fd).len);
	EXPECT_EQ(0, limits().total_parties);
}

TEST_F(selector, arm_with_a_ready_send_commits_at_once)
{
	struct call receiver;

	if (!variant->capacity)
		park_call(self, variant, &receiver, false, self->b);
	EXPECT_EQ(0 | CHAN_OK, arm_send(self, variant, self->sel, 7));
	EXPECT_EQ(0, poll_now(self->sel));
	EXPECT_EQ(-EINVAL, disarm(self->sel));
	if (variant->capacity) {
		get(PASS, 7);
		return;
	}
	end_call(_metadata, variant, &receiver);
	EXPECT_TRUE(elem_is(self->b, variant->elem_size, 7));
}

TEST_F(selector, a_receive_waits_and_is_read)
{
	EXPECT_EQ(-EINPROGRESS, arm_recv(self, variant, self->sel));
	EXPECT_EQ(0, poll_now(self->sel));
	EXPECT_EQ(1, info(self->fd).parked_receivers);
	EXPECT_EQ(1, limits().total_parties);
	put(PASS, 7);
	EXPECT_EQ(0, info(self->fd).len);
	expect_received(PASS, self->sel, 0, 7);
	EXPECT_EQ(0, limits().total_parties);
	/* The case's buffer is for elements that are there when it is armed. */
	EXPECT_EQ(0xee, self->b[0]);
	/* And anew. */
	EXPECT_EQ(-EINPROGRESS, arm_recv(self, variant, self->sel));
	put(PASS, 8);
	expect_received(PASS, self->sel, 0, 8);
	nothing_left(PASS);
}

TEST_F(selector, a_send_waits_and_is_read)
{
	unsigned int i;

	fill(PASS);
	EXPECT_EQ(-EINPROGRESS, arm_send(self, variant, self->sel, variant->capacity));
	EXPECT_EQ(0, poll_now(self->sel));
	EXPECT_EQ(1, info(self->fd).parked_senders);
	EXPECT_EQ(1, limits().total_parties);
	for (i = 0; i <= variant->capacity; i++)
		get(PASS, i);
	expect_selected(_metadata, self->sel, 0, CHAN_OK);
	nothing_left(PASS);
	EXPECT_EQ(variant->capacity + 1, info(self->fd).sent);
}

TEST_F(selector, what_is_sent_is_copied_when_it_is_armed)
{
	unsigned int i;

	fill(PASS);
	EXPECT_EQ(-EINPROGRESS, arm_send(self, variant, self->sel, variant->capacity));
	memset(self->a, 0x55, sizeof(self->a));
	for (i = 0; i <= variant->capacity; i++)
		get(PASS, i);
	expect_selected(_metadata, self->sel, 0, CHAN_OK);
}

TEST_F(selector, a_plain_call_that_waits_is_met_and_one_that_comes_meets)
{
	struct call call;

	/* A selector waits, a blocking call comes. */
	EXPECT_EQ(-EINPROGRESS, arm_recv(self, variant, self->sel));
	fill_elem(self->a, variant->elem_size, 3);
	call_start(&call, self->fd, true, self->a, variant->elem_size ?: 1);
	end_call(_metadata, variant, &call);
	expect_received(PASS, self->sel, 0, 3);
	/* A blocking call waits, the selector's case is the other half. */
	park_call(self, variant, &call, false, self->b);
	{
		struct chan_case k = send_case(self->fd, self->a);

		fill_elem(self->a, variant->elem_size, 4);
		k.len = variant->flags & CHAN_MESSAGE ? variant->elem_size : 0;
		EXPECT_EQ(CHAN_OK, arm_n(self->sel, &k, 1, 0));
	}
	end_call(_metadata, variant, &call);
	EXPECT_TRUE(elem_is(self->b, variant->elem_size, 4));
	nothing_left(PASS);
}

TEST_F(selector, who_armed_first_is_served_first)
{
	int sel[8], i;

	for (i = 0; i < 8; i++) {
		sel[i] = make_selector(O_NONBLOCK);
		EXPECT_EQ(-EINPROGRESS, arm_recv(self, variant, sel[i]));
	}
	EXPECT_EQ(8, info(self->fd).parked_receivers);
	for (i = 0; i < 8; i++) {
		put(PASS, 100 + i);
		EXPECT_EQ(7 - i, info(self->fd).parked_receivers);
	}
	for (i = 7; i >= 0; i--) {
		expect_received(PASS, sel[i], 0, 100 + i);
		close(sel[i]);
	}
	fill(PASS);
	for (i = 0; i < 8; i++) {
		sel[i] = make_selector(O_NONBLOCK);
		EXPECT_EQ(-EINPROGRESS, arm_send(self, variant, sel[i], variant->capacity + i));
	}
	EXPECT_EQ(8, info(self->fd).parked_senders);
	for (i = 0; i < (int)variant->capacity + 8; i++)
		get(PASS, i);
	for (i = 0; i < 8; i++) {
		expect_selected(_metadata, sel[i], 0, CHAN_OK);
		close(sel[i]);
	}
	nothing_left(PASS);
}

TEST_F(selector, two_selectors_meet)
{
	int other = make_selector(O_NONBLOCK);
	unsigned int i;

	/* The receiver is first. */
	EXPECT_EQ(-EINPROGRESS, arm_recv(self, variant, self->sel));
	EXPECT_EQ(CHAN_OK, arm_send(self, variant, other, 5));
	expect_received(PASS, self->sel, 0, 5);
	/* The sender is first; it waits only if there is no room. */
	fill(PASS);
	EXPECT_EQ(-EINPROGRESS, arm_send(self, variant, other, variant->capacity));
	for (i = 0; i <= variant->capacity; i++) {
		EXPECT_EQ(CHAN_OK, arm_recv(self, variant, self->sel));
		EXPECT_TRUE(elem_is(self->b, variant->elem_size, i));
		if (!i)
			expect_selected(_metadata, other, 0, CHAN_OK);
	}
	nothing_left(PASS);
	close(other);
}

TEST_F(selector, a_selector_meets_a_select)
{
	unsigned int len = variant->flags & CHAN_MESSAGE ? variant->elem_size : 0, i;
	int never = make_chan(8, 0, 0);
	struct chan_case k[2] = { recv_case(never, self->res.elem), recv_case(self->fd, self->b) };
	struct select_call s;

	k[1].len = len;
	/* The select waits. */
	select_start(&s, k, 2, 0, 0);
	wait_parked(self->fd, 0, 1);
	EXPECT_EQ(CHAN_OK, arm_send(self, variant, self->sel, 9));
	EXPECT_EQ(1 | CHAN_OK, select_end(&s));
	EXPECT_TRUE(elem_is(self->b, variant->elem_size, 9));
	/* The selector waits. */
	EXPECT_EQ(-EINPROGRESS, arm_recv(self, variant, self->sel));
	fill_elem(self->a, variant->elem_size, 10);
	k[1] = send_case(self->fd, self->a);
	k[1].len = len;
	EXPECT_EQ(1 | CHAN_OK, select_n(k, 2, CHAN_NONBLOCK, 0));
	expect_received(PASS, self->sel, 0, 10);
	/* Its send does. */
	fill(PASS);
	EXPECT_EQ(-EINPROGRESS, arm_send(self, variant, self->sel, variant->capacity));
	k[1] = recv_case(self->fd, self->b);
	k[1].len = len;
	for (i = 0; i <= variant->capacity; i++) {
		EXPECT_EQ(1 | CHAN_OK, select_n(k, 2, CHAN_NONBLOCK, 0));
		EXPECT_TRUE(elem_is(self->b, variant->elem_size, i));
	}
	expect_selected(_metadata, self->sel, 0, CHAN_OK);
	nothing_left(PASS);
	close(never);
}

TEST_F(selector, a_result_that_does_not_fit_stays)
{
	size_t whole = sizeof(self->res.h) + variant->elem_size, len;
	unsigned char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				   -1, 0);

	ASSERT_NE(MAP_FAILED, page);
	ASSERT_EQ(0, munmap(page + 4096, 4096));
	EXPECT_EQ(-EINPROGRESS, arm_recv(self, variant, self->sel));
	put(PASS, 7);
	for (len = 0; len < sizeof(self->res.h); len++)
		EXPECT_EQ(-EINVAL, rd(self->sel, &self->res, len));
	for (; len < whole; len += len + 1 < whole && len + 100 > whole ? 1 : 99)
		EXPECT_EQ(-EMSGSIZE, rd(self->sel, &self->res, len));
	/* No memory at all, and memory that ends in the head or in the element. */
	EXPECT_EQ(-EFAULT, rd(self->sel, page + 4096, whole));
	EXPECT_EQ(-EFAULT, rd(self->sel, page + 4096 - 8, whole));
	if (variant->elem_size)
		EXPECT_EQ(-EFAULT, rd(self->sel, page + 4096 - 16 - variant->elem_size / 2 % 4080,
				      whole));
	EXPECT_EQ(-EBUSY, arm_recv(self, variant, self->sel));
	EXPECT_EQ(-EALREADY, disarm(self->sel));
	memset(&self->res, 0, sizeof(self->res));
	EXPECT_EQ(whole, rd(self->sel, &self->res, whole));
	EXPECT_TRUE(elem_is(self->res.elem, variant->elem_size, 7));
	munmap(page, 4096);
}

TEST_F(selector, BUSY_while_it_is_armed_or_unread)
{
	EXPECT_EQ(-EINPROGRESS, arm_recv(self, variant, self->sel));
	EXPECT_EQ(-EBUSY, arm_recv(self, variant, self->sel));
	EXPECT_EQ(-EBUSY, arm_n(self->sel, NULL, 0, 0));
	EXPECT_EQ(1, info(self->fd).parked_receivers);
	put(PASS, 1);
	EXPECT_EQ(-EBUSY, arm_recv(self, variant, self->sel));
	EXPECT_EQ(-EBUSY, arm_send(self, variant, self->sel, 2));
	expect_received(PASS, self->sel, 0, 1);
	nothing_left(PASS);
}

TEST_F(selector, disarm)
{
	EXPECT_EQ(-EINVAL, disarm(self->sel));
	EXPECT_EQ(-EINPROGRESS, arm_recv(self, variant, self->sel));
	EXPECT_EQ(0, disarm(self->sel));
	EXPECT_EQ(-EINVAL, disarm(self->sel));
	EXPECT_EQ(0, info(self->fd).parked_receivers);
	EXPECT_EQ(0, limits().total_parties);
	/* Nothing comes to it any more. */
	if (variant->capacity) {
		put(PASS, 1);
		EXPECT_EQ(0, poll_now(self->sel));
		EXPECT_EQ(1, info(self->fd).len);
		get(PASS, 1);
	} else {
		EXPECT_EQ(-EAGAIN, xfer(variant, self->fd, CHAN_IOC_SEND, self->a));
	}
	/* Too late: the result is there to be read. */
	EXPECT_EQ(-EINPROGRESS, arm_recv(self, variant, self->sel));
	put(PASS, 2);
	EXPECT_EQ(-EALREADY, disarm(self->sel));
	EXPECT_EQ(-EALREADY, disarm(self->sel));
	expect_received(PASS, self->sel, 0, 2);
	EXPECT_EQ(-EINVAL, disarm(self->sel));
	/* A send that is taken back was never sent. */
	fill(PASS);
	EXPECT_EQ(-EINPROGRESS, arm_send(self, variant, self->sel, 99));
	EXPECT_EQ(0, disarm(self->sel));
	EXPECT_EQ(0, info(self->fd).parked_senders);
	for (unsigned int i = 0; i < variant->capacity; i++)
		get(PASS, i);
	nothing_left(PASS);
}

/*
 * Close, kill
 */

TEST_F(selector, closing_an_armed_one_frees_its_places)
{
	int other = make_chan(8, 0, 0);
	struct chan_case k[3] = {
		recv_case(self->fd, self->b), recv_case(other, self->b), send_case(other, self->b),
	};

	k[0].len = variant->flags & CHAN_MESSAGE ? variant->elem_size : 0;
	EXPECT_EQ(-EINPROGRESS, arm_n(self->sel, k, 3, 0));
	EXPECT_EQ(1, info(self->fd).parked_receivers);
	EXPECT_EQ(1, info(other).parked_receivers);
	EXPECT_EQ(1, info(other).parked_senders);
	EXPECT_EQ(0, close(self->sel));
	nothing_left(PASS);
	EXPECT_EQ(0, info(other).parked_receivers);
	EXPECT_EQ(0, info(other).parked_senders);
	EXPECT_EQ(0, limits().total_parties);
	EXPECT_EQ(0, limits().selectors);
	close(other);
}

TEST_F(selector, closing_one_returns_an_element_that_was_not_read_in_its_place)
{
	unsigned int i;

	EXPECT_EQ(-EINPROGRESS, arm_recv(self, variant, self->sel));
	for (i = 0; i <= variant->capacity; i++)
		put(PASS, i);
	EXPECT_EQ(1, info(self->fd).received);
	EXPECT_EQ(variant->capacity, info(self->fd).len);
	close(self->sel);
	EXPECT_EQ(0, info(self->fd).received);
	EXPECT_EQ(variant->capacity + 1, info(self->fd).len);
	for (i = 0; i <= variant->capacity; i++)
		get(PASS, i);
	nothing_left(PASS);
}

TEST_F(selector, several_return_their_elements_in_order)
{
	static const int order[4] = { 2, 0, 3, 1 };
	unsigned int i;
	int sel[4];

	for (i = 0; i < 4; i++) {
		sel[i] = make_selector(0);
		EXPECT_EQ(-EINPROGRESS, arm_recv(self, variant, sel[i]));
	}
	for (i = 0; i < 4 + variant->capacity; i++)
		put(PASS, i);
	for (i = 0; i < 4; i++)
		close(sel[order[i]]);
	for (i = 0; i < 4 + variant->capacity; i++)
		get(PASS, i);
	nothing_left(PASS);
}

TEST_F(selector, a_returned_element_goes_to_who_waits)
{
	int other = make_selector(O_NONBLOCK);

	EXPECT_EQ(-EINPROGRESS, arm_recv(self, variant, self->sel));
	EXPECT_EQ(-EINPROGRESS, arm_recv(self, variant, other));
	put(PASS, 7);
	EXPECT_EQ(0, poll_now(other));
	close(self->sel);
	expect_received(PASS, other, 0, 7);
	nothing_left(PASS);
	close(other);
}

TEST_F(selector, its_owner_is_killed)
{
	unsigned int i;
	int status;
	pid_t pid;

	/* While it waits. */
	close(self->sel);
	pid = fork();
	if (!pid) {
		arm_recv(self, variant, make_selector(0));
		raise(SIGSTOP);	/* it has returned: the place in the queue is not enough */
		_exit(1);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, WUNTRACED));
	wait_parked(self->fd, 0, 1);
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	nothing_left(PASS);
	/* With a result that it hasn't read. */
	pid = fork();
	if (!pid) {
		arm_recv(self, variant, make_selector(0));
		raise(SIGSTOP);	/* it has returned: the place in the queue is not enough */
		_exit(1);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, WUNTRACED));
	wait_parked(self->fd, 0, 1);
	for (i = 0; i <= variant->capacity; i++)
		put(PASS, i);
	EXPECT_EQ(1, info(self->fd).received);
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	for (i = 0; i <= variant->capacity; i++)
		get(PASS, i);
	nothing_left(PASS);
	/* With one that it sends. */
	fill(PASS);
	pid = fork();
	if (!pid) {
		arm_send(self, variant, make_selector(0), 99);
		raise(SIGSTOP);
		_exit(1);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, WUNTRACED));
	wait_parked(self->fd, 1, 0);
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	for (i = 0; i < variant->capacity; i++)
		get(PASS, i);
	nothing_left(PASS);
}

#define KILLS	60

/* What a victim has read, and how often it said so afterwards. */
struct ledger {
	volatile uint32_t armed;	/* ARM has returned */
	volatile uint64_t counted;
	struct result slot;
};

/* An element is counted, back in the channel, or in the memory of who was killed. */
TEST_F_TIMEOUT(selector, killed_as_it_reads_nothing_is_lost, 300)
{
	unsigned int counted = 0, returned = 0, in_slot = 0;
	struct ledger *l = mmap(NULL, sizeof(*l), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status, i, k;
	pid_t pid;

	ASSERT_NE(MAP_FAILED, l);
	close(self->sel);
	for (i = 0; i < KILLS; i++) {
		memset(l, 0, sizeof(*l));
		pid = fork();
		if (!pid) {
			int sel = make_selector(0);

			if (arm_recv(self, variant, sel) != -EINPROGRESS)
				_exit(1);
			l->armed = 1;
			if (rd(sel, &l->slot, sizeof(l->slot)) > 0)
				l->counted++;
			pause();
			_exit(1);
		}
		while (!l->armed)
			sched_yield();
		put(PASS, 1000 + i);
		/* At once, or a little later, or as soon as it has begun to read. */
		for (k = 0; k < i * 300 && !(i % 3 == 0 && l->slot.h.flags); k++)
			asm volatile("pause");
		while (i % 3 == 0 && !l->slot.h.flags)
			asm volatile("pause");
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		if (info(self->fd).len) {
			EXPECT_EQ(0, l->counted);
			get(PASS, 1000 + i);
			returned++;
		} else if (l->counted) {
			counted++;
		} else {
			EXPECT_EQ(CHAN_OK, l->slot.h.flags);
			EXPECT_TRUE(elem_is(l->slot.elem, variant->elem_size, 1000 + i));
			in_slot++;
		}
	}
	EXPECT_EQ(KILLS, returned + counted + in_slot);
	nothing_left(PASS);
	TH_LOG("%u read, %u returned, %u in the memory of who was killed", counted, returned, in_slot);
	munmap(l, sizeof(*l));
}

/*
 * Close of the channel
 */

TEST_F(selector, the_channel_closes_under_a_receive)
{
	EXPECT_EQ(-EINPROGRESS, arm_recv(self, variant, self->sel));
	EXPECT_EQ(0, chan_close(self->fd));
	expect_selected(_metadata, self->sel, 0, 0);
	/* It is ready from now on. */
	EXPECT_EQ(0, arm_recv(self, variant, self->sel));
	EXPECT_EQ(-EINVAL, disarm(self->sel));
}

TEST_F(selector, the_channel_closes_under_a_send)
{
	unsigned int i;

	fill(PASS);
	EXPECT_EQ(-EINPROGRESS, arm_send(self, variant, self->sel, 99));
	EXPECT_EQ(0, chan_close(self->fd));
	expect_selected(_metadata, self->sel, 0, 0);
	EXPECT_EQ(0, arm_send(self, variant, self->sel, 99));
	for (i = 0; i < variant->capacity; i++)
		get(PASS, i);
	EXPECT_EQ(0, xfer(variant, self->fd, CHAN_IOC_RECV, self->b));
}

TEST_F(selector, an_element_that_came_before_the_close_is_read_or_returned)
{
	int other = make_selector(0);

	EXPECT_EQ(-EINPROGRESS, arm_recv(self, variant, self->sel));
	EXPECT_EQ(-EINPROGRESS, arm_recv(self, variant, other));
	put(PASS, 1);
	put(PASS, 2);
	EXPECT_EQ(0, chan_close(self->fd));
	close(other);
	expect_received(PASS, self->sel, 0, 1);
	get(PASS, 2);
	EXPECT_EQ(0, xfer(variant, self->fd, CHAN_IOC_RECV, self->b));
}

TEST_F(selector, the_channel_hangs_up_under_a_send)
{
	int fd = make_chan(variant->elem_size, variant->capacity, variant->flags | CHAN_HANGUP);
	int w = narrow(fd, O_WRONLY);
	unsigned int i;
	struct chan_case k = send_case(w, self->a);

	k.len = variant->flags & CHAN_MESSAGE ? variant->elem_size : 0;
	for (i = 0; i < variant->capacity; i++)
		EXPECT_EQ(CHAN_OK, arm_n(self->sel, &k, 1, 0));
	EXPECT_EQ(-EINPROGRESS, arm_n(self->sel, &k, 1, 0));
	close(fd);
	EXPECT_TRUE(info(w).flags & CHAN_HUNGUP);
	expect_selected(_metadata, self->sel, 0, 0);
	EXPECT_EQ(0, arm_n(self->sel, &k, 1, 0));
	close(w);
}

/* What it is armed with stays open, until it is taken back, read, or closed. */
TEST_F(selector, it_keeps_its_channels_open)
{
	int fd = make_chan(variant->elem_size, variant->capacity, variant->flags | CHAN_AUTOCLOSE);
	int r = narrow(fd, O_RDONLY), w;
	struct chan_case k = send_case(fd, self->a);
	unsigned int i;

	k.len = variant->flags & CHAN_MESSAGE ? variant->elem_size : 0;
	for (i = 0; i < variant->capacity; i++)
		EXPECT_EQ(CHAN_OK, arm_n(self->sel, &k, 1, 0));
	EXPECT_EQ(-EINPROGRESS, arm_n(self->sel, &k, 1, 0));
	w = narrow(fd, O_WRONLY);
	close(fd);
	EXPECT_EQ(2, info(r).senders);
	EXPECT_EQ(0, disarm(self->sel));
	EXPECT_EQ(1, info(r).senders);
	k.fd = w;
	EXPECT_EQ(-EINPROGRESS, arm_n(self->sel, &k, 1, 0));
	close(w);
	EXPECT_EQ(1, info(r).senders);
	EXPECT_FALSE(info(r).flags & CHAN_CLOSED);
	/* It is still sent. */
	EXPECT_EQ(1, xfer(variant, r, CHAN_IOC_RECV, self->b));
	expect_selected(_metadata, self->sel, 0, CHAN_OK);
	EXPECT_EQ(0, info(r).senders);
	EXPECT_TRUE(info(r).flags & CHAN_CLOSED);
	for (i = 0; i < variant->capacity; i++)
		EXPECT_EQ(1, xfer(variant, r, CHAN_IOC_RECV, self->b));
	EXPECT_EQ(0, xfer(variant, r, CHAN_IOC_RECV, self->b));
	close(r);
}

TEST_F(selector, closing_it_closes_the_channel_whose_last_sender_it_kept)
{
	int fd = make_chan(variant->elem_size, variant->capacity, variant->flags | CHAN_AUTOCLOSE);
	int r = narrow(fd, O_RDONLY);
	struct chan_case k = recv_case(fd, self->b);

	k.len = variant->flags & CHAN_MESSAGE ? variant->elem_size : 0;
	EXPECT_EQ(-EINPROGRESS, arm_n(self->sel, &k, 1, 0));
	close(fd);
	EXPECT_FALSE(info(r).flags & CHAN_CLOSED);
	EXPECT_EQ(1, info(r).senders);
	EXPECT_EQ(2, info(r).receivers);
	close(self->sel);
	EXPECT_TRUE(info(r).flags & CHAN_CLOSED);
	EXPECT_EQ(0, info(r).senders);
	EXPECT_EQ(1, info(r).receivers);
	EXPECT_EQ(0, xfer(variant, r, CHAN_IOC_RECV, self->b));
	close(r);
}

TEST_F(selector, it_is_all_that_is_left_of_a_channel)
{
	unsigned long long before = limits().total_channels;

	EXPECT_EQ(-EINPROGRESS, arm_recv(self, variant, self->sel));
	close(self->fd);
	EXPECT_EQ(before, limits().total_channels);
	EXPECT_EQ(0, poll_now(self->sel));
	EXPECT_EQ(0, disarm(self->sel));
	EXPECT_EQ(before - 1, limits().total_channels);
}

TEST_F(selector, the_result_is_all_that_is_left_of_a_channel)
{
	unsigned long long before = limits().total_channels;

	EXPECT_EQ(-EINPROGRESS, arm_recv(self, variant, self->sel));
	put(PASS, 5);
	close(self->fd);
	EXPECT_EQ(before, limits().total_channels);
	expect_received(PASS, self->sel, 0, 5);
	EXPECT_EQ(before - 1, limits().total_channels);
}

TEST_F(selector, a_named_channel_is_destroyed_under_it)
{
	struct chan_create c = {
		.elem_size = variant->elem_size, .capacity = variant->capacity,
		.flags = variant->flags | CHAN_NAMED, .mode = 0600, .fd_flags = O_RDWR | O_CLOEXEC,
	};
	unsigned long long before = limits().total_channels;

	close(self->fd);
	self->fd = create(&c);
	ASSERT_GE(self->fd, 0);
	EXPECT_EQ(-EINPROGRESS, arm_recv(self, variant, self->sel));
	EXPECT_EQ(0, destroy(self->fd, 0));
	EXPECT_TRUE(info(self->fd).flags & CHAN_DESTROYED);
	EXPECT_EQ(0, poll_now(self->sel));
	put(PASS, 6);
	expect_received(PASS, self->sel, 0, 6);
	EXPECT_EQ(-EINPROGRESS, arm_recv(self, variant, self->sel));
	close(self->fd);
	EXPECT_EQ(before, limits().total_channels);
	close(self->sel);
	/* A debug kernel releases its device late. */
	while (limits().total_channels != before - 1)
		sched_yield();
}

/*
 * Several cases
 */

TEST_F(selector, one_case_commits_and_the_others_leave_nothing_behind)
{
	int other = make_chan(8, 0, 0);
	struct chan_case k[3] = {
		recv_case(other, NULL), recv_case(self->fd, self->b), send_case(other, &self->b),
	};
	uint64_t v = 0;

	k[0].buf = (uintptr_t)&v;
	k[1].len = variant->flags & CHAN_MESSAGE ? variant->elem_size : 0;
	EXPECT_EQ(-EINPROGRESS, arm_n(self->sel, k, 3, 0));
	put(PASS, 7);
	/* In the other channel nobody waits, though its places may be counted still. */
	EXPECT_EQ(-EAGAIN, send_n(other, &v, 1, CHAN_NONBLOCK, 0));
	EXPECT_EQ(-EAGAIN, recv_n(other, &v, 1, CHAN_NONBLOCK, 0));
	EXPECT_EQ(0, poll_now(other));
	expect_received(PASS, self->sel, 1, 7);
	EXPECT_EQ(0, info(other).parked_senders);
	EXPECT_EQ(0, info(other).parked_receivers);
	close(other);
}

TEST_F(selector, it_never_meets_itself)
{
	struct chan_case k[4] = {
		recv_case(self->fd, self->b), send_case(self->fd, self->a),
		recv_case(self->fd, self->b), send_case(self->fd, self->a),
	};
	int i;

	for (i = 0; i < 4; i++)
		k[i].len = variant->flags & CHAN_MESSAGE ? variant->elem_size : 0;
	if (variant->capacity)
		return;
	fill_elem(self->a, variant->elem_size, 3);
	EXPECT_EQ(-EINPROGRESS, arm_n(self->sel, k, 4, 0));
	EXPECT_EQ(2, info(self->fd).parked_senders);
	EXPECT_EQ(2, info(self->fd).parked_receivers);
	EXPECT_EQ(IN | OUT, poll_now(self->fd));
	/* But others meet it, once. */
	get(PASS, 3);
	EXPECT_EQ(-EAGAIN, xfer(variant, self->fd, CHAN_IOC_RECV, self->b));
	EXPECT_EQ(-EAGAIN, xfer(variant, self->fd, CHAN_IOC_SEND, self->a));
	EXPECT_EQ(0, poll_now(self->fd));
	memset(&self->res, 0, sizeof(self->res));
	EXPECT_EQ(sizeof(self->res.h), rd(self->sel, &self->res, sizeof(self->res)));
	EXPECT_EQ(1, self->res.h.index % 2);
	EXPECT_EQ(CHAN_OK, self->res.h.flags);
	nothing_left(PASS);
}

/*
 * Forms of holding it
 */

static void send_fd(struct __test_metadata *_metadata, int sock, int fd)
{
	union { struct cmsghdr align; char buf[CMSG_SPACE(sizeof(int))]; } u = {};
	struct iovec v = { "x", 1 };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = u.buf,
		.msg_controllen = sizeof(u.buf),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	EXPECT_EQ(1, sendmsg(sock, &m, 0));
}

static int recv_fd(int sock)
{
	union { struct cmsghdr align; char buf[CMSG_SPACE(sizeof(int))]; } u = {};
	char x;
	struct iovec v = { &x, 1 };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = u.buf,
		.msg_controllen = sizeof(u.buf),
	};
	int fd = -1;

	if (recvmsg(sock, &m, 0) == 1 && CMSG_FIRSTHDR(&m))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return fd;
}

TEST_F(selector, a_duplicate_is_the_same)
{
	int again = dup(self->sel);

	EXPECT_EQ(-EINPROGRESS, arm_recv(self, variant, self->sel));
	EXPECT_EQ(-EBUSY, arm_recv(self, variant, again));
	close(self->sel);
	EXPECT_EQ(1, info(self->fd).parked_receivers);
	put(PASS, 4);
	expect_received(PASS, again, 0, 4);
	EXPECT_EQ(-EINPROGRESS, arm_recv(self, variant, again));
	close(again);
	nothing_left(PASS);
}

TEST_F(selector, it_is_passed_to_another_process)
{
	int pair[2], status;
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	pid = fork();
	if (!pid) {
		struct result *res = &self->res;
		int sel;

		/* Only what is passed: this process has no handle. */
		close(self->sel);
		close(self->fd);
		sel = recv_fd(pair[1]);
		if (rd(sel, res, sizeof(*res)) != (long)(sizeof(res->h) + variant->elem_size))
			_exit(1);
		_exit(!elem_is(res->elem, variant->elem_size, 11));
	}
	EXPECT_EQ(-EINPROGRESS, arm_recv(self, variant, self->sel));
	send_fd(_metadata, pair[0], self->sel);
	close(self->sel);
	put(PASS, 11);
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	nothing_left(PASS);
	/* Nobody receives it: it goes with the socket, and its element returns. */
	self->sel = make_selector(0);
	EXPECT_EQ(-EINPROGRESS, arm_recv(self, variant, self->sel));
	send_fd(_metadata, pair[0], self->sel);
	close(self->sel);
	EXPECT_EQ(1, info(self->fd).parked_receivers);
	put(PASS, 12);
	close(pair[0]);
	close(pair[1]);
	get(PASS, 12);
	nothing_left(PASS);
}

TEST_F(selector, a_forked_child_has_it_too)
{
	int status;
	pid_t pid;

	EXPECT_EQ(-EINPROGRESS, arm_recv(self, variant, self->sel));
	pid = fork();
	if (!pid)
		_exit(disarm(self->sel) || disarm(self->sel) != -EINVAL);
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	nothing_left(PASS);
	/* The child's end is not the selector's. */
	EXPECT_EQ(-EINPROGRESS, arm_recv(self, variant, self->sel));
	pid = fork();
	if (!pid)
		_exit(0);
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(1, info(self->fd).parked_receivers);
	/* Armed by the child with the child's own buffers: it outlives the child. */
	EXPECT_EQ(0, disarm(self->sel));
	fill(PASS);
	pid = fork();
	if (!pid)
		_exit(arm_send(self, variant, self->sel, variant->capacity) != -EINPROGRESS);
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	for (unsigned int i = 0; i <= variant->capacity; i++)
		get(PASS, i);
	expect_selected(_metadata, self->sel, 0, CHAN_OK);
	nothing_left(PASS);
}

/*
 * read(2) that waits. One form of element is enough from here.
 */

static void nothing(int sig)
{
}

TEST(read_waits_for_a_result)
{
	int fd = make_chan(8, 0, 0), sel = make_selector(0);
	struct result res = {};
	struct chan_case k = recv_case(fd, &res);
	struct call reader;
	uint64_t v = 5;

	/* It may be armed while somebody waits already. */
	call_start(&reader, sel, false, &res, sizeof(res));
	wait_asleep_in(getpid(), SYS_read, 1);
	EXPECT_EQ(-EINPROGRESS, arm_n(sel, &k, 1, 0));
	EXPECT_EQ(8, wr(fd, &v, 8));
	EXPECT_EQ(sizeof(res.h) + 8, call_end(&reader));
	EXPECT_EQ(CHAN_OK, res.h.flags);
	EXPECT_TRUE(!memcmp(res.elem, &v, 8));

	EXPECT_EQ(-EINPROGRESS, arm_n(sel, &k, 1, 0));
	call_start(&reader, sel, false, &res, sizeof(res));
	wait_asleep_in(getpid(), SYS_read, 1);
	EXPECT_EQ(0, chan_close(fd));
	EXPECT_EQ(sizeof(res.h), call_end(&reader));
	EXPECT_EQ(0, res.h.flags);
	close(sel);
	close(fd);
}

TEST(read_with_O_NONBLOCK_does_not_wait)
{
	int fd = make_chan(8, 0, 0), sel = make_selector(O_NONBLOCK);
	struct result res;
	struct chan_case k = recv_case(fd, &res);

	EXPECT_TRUE(fcntl(sel, F_GETFL) & O_NONBLOCK);
	EXPECT_TRUE(fcntl(sel, F_GETFD) & FD_CLOEXEC);
	EXPECT_EQ(-EAGAIN, rd(sel, &res, sizeof(res)));
	EXPECT_EQ(-EINPROGRESS, arm_n(sel, &k, 1, 0));
	EXPECT_EQ(-EAGAIN, rd(sel, &res, sizeof(res)));
	EXPECT_EQ(0, disarm(sel));
	EXPECT_EQ(-EAGAIN, rd(sel, &res, sizeof(res)));
	/* The flag can be set later too. */
	close(sel);
	sel = make_selector(0);
	set_nonblock(sel, true);
	EXPECT_EQ(-EAGAIN, rd(sel, &res, sizeof(res)));
	close(sel);
	close(fd);
}

TEST(a_signal_ends_a_read_that_waits)
{
	int fd = make_chan(8, 0, 0), sel = make_selector(0);
	struct sigaction sa = { .sa_handler = nothing };
	struct result res;
	struct chan_case k = recv_case(fd, &res);
	struct call reader;
	uint64_t v = 5;

	sigaction(SIGUSR1, &sa, NULL);
	EXPECT_EQ(-EINPROGRESS, arm_n(sel, &k, 1, 0));
	call_start(&reader, sel, false, &res, sizeof(res));
	wait_asleep_in(getpid(), SYS_read, 1);
	pthread_kill(reader.thread, SIGUSR1);
	EXPECT_EQ(-EINTR, call_end(&reader));
	EXPECT_EQ(1, info(fd).parked_receivers);
	/* With SA_RESTART it goes on. */
	sa.sa_flags = SA_RESTART;
	sigaction(SIGUSR1, &sa, NULL);
	call_start(&reader, sel, false, &res, sizeof(res));
	wait_asleep_in(getpid(), SYS_read, 1);
	pthread_kill(reader.thread, SIGUSR1);
	wait_asleep_in(getpid(), SYS_read, 1);
	EXPECT_EQ(8, wr(fd, &v, 8));
	EXPECT_EQ(sizeof(res.h) + 8, call_end(&reader));
	close(sel);
	close(fd);
}

TEST(one_result_is_read_by_one_reader)
{
	int fd = make_chan(8, 0, 0), sel = make_selector(0), i, sum = 0;
	struct result res[4] = {};
	struct chan_case k = recv_case(fd, &res[0]);
	struct call reader[4];
	uint64_t v;

	for (i = 0; i < 4; i++)
		call_start(&reader[i], sel, false, &res[i], sizeof(res[i]));
	wait_asleep_in(getpid(), SYS_read, 4);
	for (v = 1; v <= 4; v++) {
		long r;

		/* Until the one before was read. */
		while ((r = arm_n(sel, &k, 1, 0)) == -EBUSY)
			sched_yield();
		EXPECT_EQ(-EINPROGRESS, r);
		EXPECT_EQ(8, wr(fd, &v, 8));
	}
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(sizeof(res[i].h) + 8, call_end(&reader[i]));
		sum += 1 << res[i].elem[0];
	}
	EXPECT_EQ(2 + 4 + 8 + 16, sum);
	close(sel);
	close(fd);
}

/*
 * Event loops
 */

TEST(an_epoll_is_told_level_and_edge)
{
	int fd = make_chan(8, 0, 0), sel = make_selector(O_NONBLOCK);
	int level = watch(sel, EPOLLIN), edge = watch(sel, EPOLLIN | EPOLLET);
	struct result res;
	struct chan_case k = recv_case(fd, &res);
	uint64_t v = 1;
	int i;

	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, event_now(level));
		EXPECT_EQ(0, event_now(edge));
		EXPECT_EQ(-EINPROGRESS, arm_n(sel, &k, 1, 0));
		EXPECT_EQ(0, event_now(level));
		EXPECT_EQ(0, event_now(edge));
		EXPECT_EQ(8, wr(fd, &v, 8));
		EXPECT_EQ(EPOLLIN, event_now(level));
		EXPECT_EQ(EPOLLIN, event_now(level));
		EXPECT_EQ(EPOLLIN, event_now(edge));
		EXPECT_EQ(0, event_now(edge));
		EXPECT_EQ(sizeof(res.h) + 8, rd(sel, &res, sizeof(res)));
	}
	EXPECT_EQ(-EINPROGRESS, arm_n(sel, &k, 1, 0));
	EXPECT_EQ(0, chan_close(fd));
	EXPECT_EQ(EPOLLIN, event_now(level));
	EXPECT_EQ(EPOLLIN, event_now(edge));
	close(level);
	close(edge);
	close(sel);
	close(fd);
}

TEST(poll_sleeps_until_a_case_commits)
{
	int fd = make_chan(8, 0, 0), sel = make_selector(0), status;
	struct result res;
	struct chan_case k = recv_case(fd, &res);
	struct pollfd p = { .fd = sel, .events = POLLIN };
	uint64_t v = 1;
	pid_t pid;

	EXPECT_EQ(-EINPROGRESS, arm_n(sel, &k, 1, 0));
	pid = fork();
	if (!pid)
		_exit(!(poll(&p, 1, 60000) == 1 && p.revents == POLLIN));
	wait_asleep_in(pid, SYS_poll, 1);
	EXPECT_EQ(8, wr(fd, &v, 8));
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	close(sel);
	close(fd);
}

#define MANY	1000

static bool raise_nofile(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl))
		return false;
	if (rl.rlim_cur < 4 * MANY) {
		rl.rlim_cur = 4 * MANY;
		if (rl.rlim_max < rl.rlim_cur)
			rl.rlim_max = rl.rlim_cur;
	}
	return !setrlimit(RLIMIT_NOFILE, &rl);
}

static void many(struct __test_metadata *_metadata, unsigned int how)
{
	int fd = make_chan(8, 0, 0), ep = epoll_create1(EPOLL_CLOEXEC), i, n, round;
	static struct epoll_event events[2 * MANY];
	static bool seen[MANY];
	static int sel[MANY];
	struct result res;
	struct chan_case k = recv_case(fd, &res);
	uint64_t v;

	ASSERT_TRUE(raise_nofile());
	for (i = 0; i < MANY; i++) {
		struct epoll_event e = { .events = EPOLLIN | how, .data.u32 = i };

		sel[i] = make_selector(O_NONBLOCK);
		ASSERT_GE(sel[i], 0);
		ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, sel[i], &e));
	}
	for (round = 0; round < 3; round++) {
		for (i = 0; i < MANY; i++)
			ASSERT_EQ(-EINPROGRESS, arm_n(sel[i], &k, 1, 0));
		EXPECT_EQ(MANY, info(fd).parked_receivers);
		EXPECT_EQ(MANY, limits().total_parties);
		EXPECT_EQ(0, epoll_wait(ep, events, 2 * MANY, 0));
		/* Half of them first. */
		for (v = 0; v < MANY / 2; v++)
			ASSERT_EQ(8, wr(fd, &v, 8));
		EXPECT_EQ(MANY / 2, epoll_wait(ep, events, 2 * MANY, 0));
		EXPECT_EQ(how & EPOLLET ? 0 : MANY / 2, epoll_wait(ep, events + MANY, MANY, 0));
		for (; v < MANY; v++)
			ASSERT_EQ(8, wr(fd, &v, 8));
		n = how & EPOLLET ? MANY / 2 : 0;
		EXPECT_EQ(MANY - n, epoll_wait(ep, events + n, 2 * MANY - n, 0));
		/* Each of them once, and in the order of arming each had its element. */
		memset(seen, 0, sizeof(seen));
		for (i = 0; i < MANY; i++) {
			unsigned int which = events[i].data.u32;

			ASSERT_LT(which, MANY);
			EXPECT_EQ(EPOLLIN, events[i].events);
			EXPECT_FALSE(seen[which]);
			seen[which] = true;
			ASSERT_EQ(sizeof(res.h) + 8, rd(sel[which], &res, sizeof(res)));
			memcpy(&v, res.elem, 8);
			EXPECT_EQ(which, v);
		}
		EXPECT_EQ(0, epoll_wait(ep, events, 2 * MANY, 0));
	}
	for (i = 0; i < MANY; i++)
		ASSERT_EQ(-EINPROGRESS, arm_n(sel[i], &k, 1, 0));
	EXPECT_EQ(0, chan_close(fd));
	EXPECT_EQ(MANY, epoll_wait(ep, events, 2 * MANY, 0));
	for (i = 0; i < MANY; i++)
		close(sel[i]);
	close(ep);
	close(fd);
	EXPECT_EQ(0, limits().selectors);
	EXPECT_EQ(0, limits().total_parties);
}

TEST(a_thousand_in_one_epoll_level_triggered)
{
	many(_metadata, 0);
}

TEST(a_thousand_in_one_epoll_edge_triggered)
{
	many(_metadata, EPOLLET);
}

TEST(of_ready_cases_any_or_by_priority_the_first)
{
	int fd = make_chan(8, 64, 0), other = make_chan(8, 64, 0), sel = make_selector(0), i;
	unsigned int first = 0;
	uint64_t v = 0;
	struct chan_case k[2] = { recv_case(fd, &v), recv_case(other, &v) };

	for (i = 0; i < 64; i++) {
		ASSERT_EQ(8, wr(fd, &v, 8));
		ASSERT_EQ(8, wr(other, &v, 8));
	}
	for (i = 0; i < 60; i++)
		EXPECT_EQ(0 | CHAN_OK, arm_n(sel, k, 2, CHAN_PRIORITY));
	for (i = 0; i < 60; i++)
		ASSERT_EQ(8, wr(fd, &v, 8));
	for (i = 0; i < 60; i++) {
		long r = arm_n(sel, k, 2, 0);

		EXPECT_TRUE(r & CHAN_OK);
		first += !(r & CHAN_INDEX_MASK);
	}
	/* Never or always by chance: once in 2^59. */
	EXPECT_GT(first, 0);
	EXPECT_LT(first, 60);
	close(sel);
	close(other);
	close(fd);
}

TEST(nil_channels_and_none_at_all_wait_for_ever)
{
	struct chan_case k[2] = { recv_case(-1, NULL), send_case(-1, NULL) };
	int sel = make_selector(O_NONBLOCK), fd = make_chan(8, 0, 0);
	uint64_t v = 9;
	struct result res;

	EXPECT_EQ(-EINPROGRESS, arm_n(sel, k, 2, 0));
	EXPECT_EQ(0, poll_now(sel));
	EXPECT_EQ(0, disarm(sel));
	EXPECT_EQ(-EINPROGRESS, arm_n(sel, NULL, 0, 0));
	EXPECT_EQ(-EBUSY, arm_n(sel, NULL, 0, 0));
	EXPECT_EQ(0, poll_now(sel));
	EXPECT_EQ(0, disarm(sel));
	EXPECT_EQ(-EINPROGRESS, arm_n(sel, NULL, 0, 0));
	EXPECT_EQ(0, disarm(sel));
	/* A nil channel beside one that isn't. */
	k[1] = recv_case(fd, &v);
	EXPECT_EQ(-EINPROGRESS, arm_n(sel, k, 2, 0));
	EXPECT_EQ(8, wr(fd, &v, 8));
	EXPECT_EQ(sizeof(res.h) + 8, rd(sel, &res, sizeof(res)));
	EXPECT_EQ(1, res.h.index);
	EXPECT_EQ(-EINPROGRESS, arm_n(sel, NULL, 0, 0));
	close(sel);
	close(fd);
	EXPECT_EQ(0, limits().total_parties);
}

TEST(as_many_cases_as_there_may_be)
{
	static struct chan_case k[CHAN_CASES_MAX + 1];
	int fd = make_chan(8, 0, 0), other = make_chan(8, 0, 0), sel = make_selector(O_NONBLOCK), i;
	struct result res;
	uint64_t v = 3;

	for (i = 0; i <= CHAN_CASES_MAX; i++)
		k[i] = recv_case(i == 777 ? other : fd, &v);
	EXPECT_EQ(-EINVAL, arm_n(sel, k, CHAN_CASES_MAX + 1, 0));
	EXPECT_EQ(-EINPROGRESS, arm_n(sel, k, CHAN_CASES_MAX, 0));
	EXPECT_EQ(CHAN_CASES_MAX - 1, info(fd).parked_receivers);
	EXPECT_EQ(1, limits().total_parties);
	EXPECT_EQ(8, wr(other, &v, 8));
	EXPECT_EQ(sizeof(res.h) + 8, rd(sel, &res, sizeof(res)));
	EXPECT_EQ(777, res.h.index);
	EXPECT_EQ(0, info(fd).parked_receivers);
	close(sel);
	close(other);
	close(fd);
}

TEST(messages_have_their_lengths)
{
	int fd = make_chan(100, 0, CHAN_MESSAGE), sel = make_selector(O_NONBLOCK), w;
	struct result res;
	struct chan_case k = recv_case(fd, &res);
	unsigned int len, got = 100;
	char b[100];

	w = narrow(fd, O_WRONLY);
	k.len = 100;
	for (len = 0; len <= 100; len += 20) {
		memset(b, len, sizeof(b));
		EXPECT_EQ(-EINPROGRESS, arm_n(sel, &k, 1, 0));
		EXPECT_EQ(1, send_msg(w, b, len, 0));
		EXPECT_EQ(len ? -EMSGSIZE : (long)sizeof(res.h),
			  rd(sel, &res, sizeof(res.h) + (len ? len - 1 : 0)));
		if (len)
			EXPECT_EQ(sizeof(res.h) + len, rd(sel, &res, sizeof(res.h) + len));
		EXPECT_EQ(len, res.h.len);
		EXPECT_EQ(CHAN_OK, res.h.flags);
		EXPECT_EQ(0, memcmp(b, res.elem, len));
	}
	/* Sent by the selector. */
	k = send_case(fd, "hello");
	k.len = 5;
	EXPECT_EQ(-EINPROGRESS, arm_n(sel, &k, 1, 0));
	EXPECT_EQ(1, recv_msg(fd, b, &got, 0));
	EXPECT_EQ(5, got);
	EXPECT_EQ(0, memcmp(b, "hello", 5));
	EXPECT_EQ(sizeof(res.h), rd(sel, &res, sizeof(res)));
	EXPECT_EQ(0, res.h.len);
	close(w);
	close(sel);
	close(fd);
}

/* Ready, but too long for the case's buffer: it stays, also for the next of arm. */
TEST(a_message_too_long_for_a_ready_case_stays)
{
	int fd = make_chan(100, 4, CHAN_MESSAGE), sel = make_selector(O_NONBLOCK);
	char b[100];
	struct chan_case k = recv_case(fd, b);

	EXPECT_EQ(5, wr(fd, "hello", 5));
	k.len = 4;
	EXPECT_EQ(-EMSGSIZE, arm_n(sel, &k, 1, 0));
	EXPECT_EQ(1, info(fd).len);
	EXPECT_EQ(-EINVAL, disarm(sel));
	k.len = 50;
	EXPECT_EQ(CHAN_OK, arm_n(sel, &k, 1, 0));
	EXPECT_EQ(5, k.len);
	EXPECT_EQ(0, memcmp(b, "hello", 5));
	close(sel);
	close(fd);
}

/*
 * Bad arguments
 */

static long selector_ioctl(void *arg)
{
	int r = ioctl(ctl_open(), CHAN_IOC_SELECTOR, arg);

	return r < 0 ? -errno : r;
}

TEST(bad_arguments_of_SELECTOR)
{
	struct { struct chan_selector s; uint64_t more; } a;
	unsigned long long before = limits().selectors;
	struct rlimit rl, none;
	int fd = make_chan(8, 0, 0);

#define BAD(error, ...) do {							\
		memset(&a, 0, sizeof(a));					\
		a.s = (struct chan_selector){ .size = sizeof(a.s), .fd = -7, __VA_ARGS__ }; \
		EXPECT_EQ(error, selector_ioctl(&a));				\
		EXPECT_EQ(-7, a.s.fd);						\
	} while (0)
	BAD(-EINVAL, .size = 0);
	BAD(-EINVAL, .size = sizeof(a.s) - 1);
	BAD(-E2BIG, .size = 1 << 20);
	BAD(-EINVAL, .pad = 1);
	BAD(-EINVAL, .fd_flags = O_RDWR);
	BAD(-EINVAL, .fd_flags = O_WRONLY);
	BAD(-EINVAL, .fd_flags = O_APPEND);
	BAD(-EINVAL, .fd_flags = O_DIRECT);
	BAD(-EINVAL, .fd_flags = 1U << 31);
#undef BAD
	memset(&a, 0, sizeof(a));
	a.s.size = sizeof(a);
	a.more = 1;
	EXPECT_EQ(-E2BIG, selector_ioctl(&a));
	EXPECT_EQ(-EFAULT, selector_ioctl(NULL));
	EXPECT_EQ(-EFAULT, selector_ioctl((void *)-4096L));
	a.more = 0;
	EXPECT_EQ(0, selector_ioctl(&a));
	close(a.s.fd);
	/* Any channel makes one, too. */
	a.s = (struct chan_selector){ .size = sizeof(a.s) };
	EXPECT_EQ(0, ioctl(fd, CHAN_IOC_SELECTOR, &a));
	EXPECT_EQ(0, fcntl(a.s.fd, F_GETFD) & FD_CLOEXEC);
	EXPECT_EQ(O_RDONLY, fcntl(a.s.fd, F_GETFL) & O_ACCMODE);
	EXPECT_EQ(before + 1, limits().selectors);
	close(a.s.fd);

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &rl));
	none = (struct rlimit){ .rlim_cur = 0, .rlim_max = rl.rlim_max };
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
	EXPECT_EQ(-EMFILE, selector_ioctl(&a));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &rl));
	close(fd);
	EXPECT_EQ(before, limits().selectors);
}

/* A result that can't be told is no selector. */
TEST(a_selector_whose_number_cannot_be_told_is_not_made)
{
	unsigned long long before = limits().selectors;
	struct chan_selector *s = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int next;

	ASSERT_NE(MAP_FAILED, s);
	s->size = sizeof(*s);
	ASSERT_EQ(0, mprotect(s, 4096, PROT_READ));
	EXPECT_EQ(-EFAULT, selector_ioctl(s));
	EXPECT_EQ(before, limits().selectors);
	next = dup(0);
	EXPECT_EQ(-1, fcntl(next + 1, F_GETFD));
	close(next);
	munmap(s, 4096);
}

TEST(bad_arguments_of_ARM)
{
	int fd = make_chan(8, 0, 0), msg = make_chan(10, 0, CHAN_MESSAGE), r, w, look;
	int sel = make_selector(O_NONBLOCK), other = make_selector(0), null = open("/dev/null", O_RDWR);
	struct { struct chan_select s; uint64_t more; } a;
	struct chan_case good, k;
	char b[64];
	void *bad = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	r = narrow(fd, O_RDONLY);
	w = narrow(fd, O_WRONLY);
	look = narrow(fd, 3);
	good = recv_case(fd, b);
#define ARM(error, ...) do {							\
		memset(&a, 0, sizeof(a));					\
		a.s = (struct chan_select){					\
			.size = sizeof(a.s), .cases = (uintptr_t)&good, .count = 1, \
			.case_size = sizeof(good), __VA_ARGS__			\
		};								\
		errno = 0;							\
		EXPECT_EQ(-1, ioctl(sel, CHAN_IOC_ARM, &a));			\
		EXPECT_EQ(error, errno);					\
	} while (0)
	ARM(EINVAL, .size = 0);
	ARM(EINVAL, .size = sizeof(a.s) - 1);
	ARM(E2BIG, .size = 1 << 20);
	ARM(EINVAL, .flags = CHAN_NONBLOCK);
	ARM(EINVAL, .flags = CHAN_TIMEOUT);
	ARM(EINVAL, .flags = 8);
	ARM(EINVAL, .flags = 1U << 31);
	ARM(EINVAL, .timeout_ns = 1);
	ARM(EINVAL, .count = CHAN_CASES_MAX + 1);
	ARM(EINVAL, .count = UINT32_MAX);
	ARM(EINVAL, .case_size = 0);
	ARM(EINVAL, .case_size = sizeof(good) - 1);
	ARM(EINVAL, .case_size = sizeof(good) + 8);
	ARM(EFAULT, .cases = 0);
	ARM(EFAULT, .cases = (uintptr_t)bad);
	ARM(EFAULT, .cases = UINT64_MAX - 7);
#undef ARM
	memset(&a, 0, sizeof(a));
	a.s = (struct chan_select){ .size = sizeof(a), .case_size = sizeof(good) };
	a.more = 1;
	EXPECT_EQ(-1, ioctl(sel, CHAN_IOC_ARM, &a));
	EXPECT_EQ(E2BIG, errno);
	EXPECT_EQ(-1, ioctl(sel, CHAN_IOC_ARM, NULL));
	EXPECT_EQ(EFAULT, errno);

#define CASE(error, ...) do {							\
		struct chan_case two[2];					\
										\
		k = recv_case(fd, b);						\
		k = (struct chan_case){ .fd = fd, .buf = (uintptr_t)b, __VA_ARGS__ }; \
		two[0] = good;							\
		two[1] = k;							\
		EXPECT_EQ(error, arm_n(sel, &k, 1, 0));				\
		EXPECT_EQ(error, arm_n(sel, two, 2, 0));			\
	} while (0)
	CASE(-EINVAL, .op = 2);
	CASE(-EINVAL, .op = UINT32_MAX);
	CASE(-EINVAL, .pad = 1);
	CASE(-EINVAL, .len = 8);
	CASE(-EINVAL, .fd = -1, .op = 2);
	CASE(-EBADF, .fd = 999999);
	CASE(-EINVAL, .fd = null);
	CASE(-EINVAL, .fd = ctl_open());
	CASE(-EINVAL, .fd = sel);
	CASE(-EINVAL, .fd = other);
	CASE(-EBADF, .fd = w);
	CASE(-EBADF, .fd = r, .op = CHAN_CASE_SEND);
	CASE(-EBADF, .fd = look);
	CASE(-EBADF, .fd = look, .op = CHAN_CASE_SEND);
	CASE(-EMSGSIZE, .fd = msg, .op = CHAN_CASE_SEND, .len = 11);
	CASE(-EFAULT, .op = CHAN_CASE_SEND, .buf = (uintptr_t)bad);
	CASE(-EFAULT, .op = CHAN_CASE_SEND, .buf = 0);
	CASE(-EFAULT, .fd = msg, .op = CHAN_CASE_SEND, .buf = (uintptr_t)bad, .len = 1);
	CASE(-EFAULT, .buf = UINT64_MAX - 3);
	CASE(-EFAULT, .op = CHAN_CASE_SEND, .buf = UINT64_MAX - 3);
#undef CASE
	/* Nothing of all that waits. */
	EXPECT_EQ(-EINVAL, disarm(sel));
	EXPECT_EQ(0, poll_now(sel));
	EXPECT_EQ(0, info(fd).parked_receivers);
	EXPECT_EQ(0, info(fd).parked_senders);
	EXPECT_EQ(0, info(msg).parked_senders);
	EXPECT_EQ(0, limits().total_parties);
	EXPECT_EQ(0, limits().parked);
	/* Nor are files held. */
	EXPECT_EQ(2, info(fd).receivers);
	close(r);
	EXPECT_EQ(1, info(fd).receivers);
	EXPECT_EQ(-EINPROGRESS, arm_n(sel, &good, 1, 0));
	close(sel);
	close(other);
	close(w);
	close(look);
	close(null);
	close(msg);
	close(fd);
	munmap(bad, 4096);
}

TEST(each_kind_of_file_knows_its_own_ioctls)
{
	int fd = make_chan(8, 0, 0), sel = make_selector(0);
	struct chan_select s = { .size = sizeof(s), .case_size = sizeof(struct chan_case) };
	struct chan_info i = { .size = sizeof(i) };
	char b[64] = {};

	EXPECT_EQ(-1, ioctl(fd, CHAN_IOC_ARM, &s));
	EXPECT_EQ(ENOTTY, errno);
	EXPECT_EQ(-1, ioctl(fd, CHAN_IOC_DISARM, 0));
	EXPECT_EQ(ENOTTY, errno);
	EXPECT_EQ(-1, ioctl(ctl_open(), CHAN_IOC_ARM, &s));
	EXPECT_EQ(ENOTTY, errno);
	EXPECT_EQ(-1, ioctl(sel, CHAN_IOC_SELECT, &s));
	EXPECT_EQ(ENOTTY, errno);
	EXPECT_EQ(-1, ioctl(sel, CHAN_IOC_INFO, &i));
	EXPECT_EQ(ENOTTY, errno);
	EXPECT_EQ(-1, ioctl(sel, CHAN_IOC_CLOSE, 0));
	EXPECT_EQ(ENOTTY, errno);
	EXPECT_EQ(-1, ioctl(sel, CHAN_IOC_DISARM, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(sel, 0x12345678, 0));
	EXPECT_EQ(ENOTTY, errno);
	EXPECT_EQ(-EBADF, wr(sel, b, sizeof(b)));
	EXPECT_EQ(-1, lseek(sel, 0, SEEK_SET));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(-1, pread(sel, b, sizeof(b), 0));
	EXPECT_EQ(ESPIPE, errno);
	close(sel);
	close(fd);
}

/*
 * All together
 */

#define TOTAL	40000
#define SELECTORS	6

struct mill {
	int fd[2];
	uint64_t sum, n;	/* received */
	int stop;		/* eventfd */
	unsigned int idle;	/* nothing happened for far too long */
	uint32_t seed;
};

static unsigned int chance(struct mill *m, unsigned int n)
{
	m->seed = m->seed * 1103515245 + 12345;
	return (m->seed >> 16) % n;
}

static void mill_take(struct mill *m, const void *elem)
{
	uint64_t v;

	memcpy(&v, elem, 8);
	m->sum += v;
	m->n++;
}

/* An event loop that receives through selectors, and changes its mind now and then. */
static void *mill_receive(void *arg)
{
	struct mill *m = arg;
	int ep = epoll_create1(EPOLL_CLOEXEC), sel[SELECTORS], i, r;
	struct epoll_event e = { .events = EPOLLIN };
	bool armed[SELECTORS] = {};
	struct result res;
	uint64_t v[2];

	for (i = 0; i < SELECTORS; i++) {
		sel[i] = make_selector(O_NONBLOCK);
		e.data.u32 = i;
		if (epoll_ctl(ep, EPOLL_CTL_ADD, sel[i], &e))
			abort();
	}
	e.data.u32 = SELECTORS;
	if (epoll_ctl(ep, EPOLL_CTL_ADD, m->stop, &e))
		abort();
	for (;;) {
		for (i = 0; i < SELECTORS; i++) {
			struct chan_case k[2] = { recv_case(m->fd[0], &v[0]), recv_case(m->fd[1], &v[1]) };

			while (!armed[i] && (r = arm_n(sel[i], k, 2, 0)) >= 0)
				mill_take(m, &v[r & CHAN_INDEX_MASK]);
			if (!armed[i] && r != -EINPROGRESS)
				abort();
			armed[i] = true;
		}
		if (epoll_wait(ep, &e, 1, 20000) != 1) {
			m->idle++;
			continue;
		}
		if (e.data.u32 == SELECTORS)
			break;
		if (rd(sel[e.data.u32], &res, sizeof(res)) != sizeof(res.h) + 8)
			abort();
		mill_take(m, res.elem);
		armed[e.data.u32] = false;
		i = chance(m, SELECTORS * 4);
		if (i < SELECTORS && armed[i]) {
			r = disarm(sel[i]);
			if (r && r != -EALREADY)
				abort();
			armed[i] = r;
		} else if (i < 2 * SELECTORS && armed[i - SELECTORS]) {
			/* What it holds goes back. */
			i -= SELECTORS;
			close(sel[i]);
			armed[i] = false;
			sel[i] = make_selector(O_NONBLOCK);
			e.events = EPOLLIN;
			e.data.u32 = i;
			if (epoll_ctl(ep, EPOLL_CTL_ADD, sel[i], &e))
				abort();
		}
	}
	for (i = 0; i < SELECTORS; i++)
		close(sel[i]);
	close(ep);
	return NULL;
}

struct feeder {
	int fd[2];
	uint64_t from;
	bool selector;
};

static void *feed(void *arg)
{
	struct feeder *f = arg;
	int sel = make_selector(0);
	struct result res;
	uint64_t v;

	for (v = f->from; v < TOTAL; v += 4) {
		struct chan_case k[2] = { send_case(f->fd[0], &v), send_case(f->fd[1], &v) };
		long r;

		if (!f->selector) {
			if (wr(f->fd[v / 4 % 2], &v, 8) != 8)
				abort();
			continue;
		}
		r = arm_n(sel, k, 2, 0);
		if (r == -EINPROGRESS)
			r = rd(sel, &res, sizeof(res)) == sizeof(res.h) ? res.h.flags : -1;
		if (!(r & CHAN_OK))
			abort();
	}
	close(sel);
	return NULL;
}

FIXTURE(stress)
{
};

FIXTURE_VARIANT(stress)
{
	unsigned int capacity;
};

FIXTURE_VARIANT_ADD(stress, unbuffered) { .capacity = 0, };
FIXTURE_VARIANT_ADD(stress, capacity_5) { .capacity = 5, };

FIXTURE_SETUP(stress)
{
}

FIXTURE_TEARDOWN(stress)
{
}

TEST_F_TIMEOUT(stress, loses_and_doubles_nothing, 300)
{
	int fd[2] = { make_chan(8, variant->capacity, 0), make_chan(8, variant->capacity, 0) }, i;
	struct feeder f[4];
	struct mill m[2];
	pthread_t feeders[4], mills[2];
	uint64_t v, sum, n;

	for (i = 0; i < 2; i++) {
		m[i] = (struct mill){
			.fd = { fd[0], fd[1] }, .seed = i + 1, .stop = eventfd(0, EFD_CLOEXEC),
		};
		ASSERT_EQ(0, pthread_create(&mills[i], NULL, mill_receive, &m[i]));
	}
	for (i = 0; i < 4; i++) {
		f[i] = (struct feeder){ .fd = { fd[0], fd[1] }, .from = i, .selector = i & 1 };
		ASSERT_EQ(0, pthread_create(&feeders[i], NULL, feed, &f[i]));
	}
	for (i = 0; i < 4; i++)
		pthread_join(feeders[i], NULL);
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, eventfd_write(m[i].stop, 1));
		pthread_join(mills[i], NULL);
		EXPECT_EQ(0, m[i].idle);
		close(m[i].stop);
	}
	sum = m[0].sum + m[1].sum;
	n = m[0].n + m[1].n;
	TH_LOG("%llu received, %u left", (unsigned long long)n, info(fd[0]).len + info(fd[1]).len);
	for (i = 0; i < 2; i++) {
		while (recv_n(fd[i], &v, 1, CHAN_NONBLOCK, 0) == 1) {
			sum += v;
			n++;
		}
		EXPECT_EQ(0, info(fd[i]).parked_senders);
		EXPECT_EQ(0, info(fd[i]).parked_receivers);
		close(fd[i]);
	}
	EXPECT_EQ(TOTAL, n);
	EXPECT_EQ((uint64_t)TOTAL * (TOTAL - 1) / 2, sum);
	EXPECT_EQ(0, limits().total_parties);
	EXPECT_EQ(0, limits().selectors);
}

TEST(fdinfo_says_what_it_does)
{
	int fd = make_chan(8, 0, 0), sel = make_selector(O_NONBLOCK);
	struct result res;
	struct chan_case k = recv_case(fd, &res);
	static const char * const words[3] = { "idle", "armed", "ready" };
	char path[40], line[100], word[20];
	uint64_t v = 1;
	FILE *f;
	int i;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", sel);
	for (i = 0; i < 3; i++) {
		if (i == 1)
			EXPECT_EQ(-EINPROGRESS, arm_n(sel, &k, 1, 0));
		if (i == 2)
			EXPECT_EQ(8, wr(fd, &v, 8));
		word[0] = 0;
		f = fopen(path, "r");
		ASSERT_NE(NULL, f);
		while (fgets(line, sizeof(line), f))
			sscanf(line, "chan-selector: %19s", word);
		fclose(f);
		EXPECT_STREQ(words[i], word);
	}
	close(sel);
	close(fd);
}

TEST_HARNESS_MAIN
