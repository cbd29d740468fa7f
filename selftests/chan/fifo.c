// SPDX-License-Identifier: GPL-2.0
/* Who waited first is served first, and nobody overtakes. */
#include "chan_test.h"

#define PARKED 8

FIXTURE(fifo)
{
	int fd;
	struct call calls[32];
	unsigned char a[32][BY_REF], b[BY_REF];
};

FIXTURE_VARIANT(fifo)
{
	unsigned int capacity, elem_size, flags;
};

FIXTURE_VARIANT_ADD(fifo, unbuffered) { .capacity = 0, .elem_size = 8, };
FIXTURE_VARIANT_ADD(fifo, capacity_1) { .capacity = 1, .elem_size = 8, };
FIXTURE_VARIANT_ADD(fifo, capacity_64) { .capacity = 64, .elem_size = 8, };
FIXTURE_VARIANT_ADD(fifo, heap_elements) { .capacity = 2, .elem_size = 512, };
FIXTURE_VARIANT_ADD(fifo, elem_4096) { .capacity = 3, .elem_size = IN_PLACE, };
FIXTURE_VARIANT_ADD(fifo, by_reference) { .capacity = 3, .elem_size = BY_REF, };
FIXTURE_VARIANT_ADD(fifo, by_reference_unbuffered) { .capacity = 0, .elem_size = BY_REF, };
FIXTURE_VARIANT_ADD(fifo, messages) { .capacity = 2, .elem_size = 64, .flags = CHAN_MESSAGE, };

FIXTURE_SETUP(fifo)
{
	self->fd = make_chan(variant->elem_size, variant->capacity, variant->flags);
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(fifo)
{
	close(self->fd);
}

static void park_senders(struct __test_metadata *_metadata, FIXTURE_DATA(fifo) *self,
			 const FIXTURE_VARIANT(fifo) *variant, int n)
{
	int i;

	for (i = 0; i < (int)variant->capacity; i++) {
		fill_elem(self->b, variant->elem_size, i);
		ASSERT_EQ(variant->elem_size, wr(self->fd, self->b, variant->elem_size));
	}
	for (i = 0; i < n; i++) {
		fill_elem(self->a[i], variant->elem_size, variant->capacity + i);
		call_start(&self->calls[i], self->fd, true, self->a[i], variant->elem_size);
		wait_parked(self->fd, i + 1, 0);
	}
}

static void park_receivers(FIXTURE_DATA(fifo) *self, const FIXTURE_VARIANT(fifo) *variant, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		call_start(&self->calls[i], self->fd, false, self->a[i], variant->elem_size);
		wait_parked(self->fd, 0, i + 1);
	}
}

TEST_F(fifo, parked_senders_go_in_the_order_in_which_they_parked)
{
	unsigned int i;

	park_senders(_metadata, self, variant, PARKED);
	for (i = 0; i < variant->capacity + PARKED; i++) {
		EXPECT_EQ(variant->elem_size, rd(self->fd, self->b, variant->elem_size));
		EXPECT_TRUE(elem_is(self->b, variant->elem_size, i));
	}
	for (i = 0; i < PARKED; i++)
		EXPECT_EQ(variant->elem_size, call_end(&self->calls[i]));
}

TEST_F(fifo, a_newcomer_does_not_overtake_parked_senders)
{
	unsigned int i, total = variant->capacity + PARKED;

	park_senders(_metadata, self, variant, PARKED);
	set_nonblock(self->fd, true);
	for (i = 0; i < total; i++) {
		/* While anybody is parked there is no room for a newcomer. */
		fill_elem(self->b, variant->elem_size, 999);
		if (info(self->fd).parked_senders)
			EXPECT_EQ(-EAGAIN, wr(self->fd, self->b, variant->elem_size));
		EXPECT_EQ(variant->elem_size, rd(self->fd, self->b, variant->elem_size));
		EXPECT_TRUE(elem_is(self->b, variant->elem_size, i));
	}
	EXPECT_EQ(-EAGAIN, rd(self->fd, self->b, variant->elem_size));
	for (i = 0; i < PARKED; i++)
		EXPECT_EQ(variant->elem_size, call_end(&self->calls[i]));
}

TEST_F(fifo, parked_receivers_are_served_in_the_order_in_which_they_parked)
{
	int i;

	park_receivers(self, variant, PARKED);
	for (i = 0; i < PARKED; i++) {
		fill_elem(self->b, variant->elem_size, 100 + i);
		EXPECT_EQ(variant->elem_size, wr(self->fd, self->b, variant->elem_size));
		EXPECT_EQ(PARKED - i - 1, info(self->fd).parked_receivers);
	}
	for (i = 0; i < PARKED; i++) {
		EXPECT_EQ(variant->elem_size, call_end(&self->calls[i]));
		EXPECT_TRUE(elem_is(self->a[i], variant->elem_size, 100 + i));
	}
}

TEST_F(fifo, a_newcomer_does_not_overtake_parked_receivers)
{
	int i;

	park_receivers(self, variant, PARKED);
	set_nonblock(self->fd, true);
	for (i = 0; i < PARKED; i++) {
		fill_elem(self->b, variant->elem_size, 100 + i);
		EXPECT_EQ(variant->elem_size, wr(self->fd, self->b, variant->elem_size));
		EXPECT_EQ(-EAGAIN, rd(self->fd, self->b, variant->elem_size));
	}
	for (i = 0; i < PARKED; i++) {
		EXPECT_EQ(variant->elem_size, call_end(&self->calls[i]));
		EXPECT_TRUE(elem_is(self->a[i], variant->elem_size, 100 + i));
	}
}

TEST_F(fifo, a_sender_that_gives_up_leaves_the_queue_in_order)
{
	struct sigaction sa = { .sa_handler = (void (*)(int))abs };
	unsigned int i;

	sigaction(SIGUSR1, &sa, NULL);
	park_senders(_metadata, self, variant, 3);
	pthread_kill(self->calls[1].thread, SIGUSR1);
	EXPECT_EQ(-EINTR, call_end(&self->calls[1]));
	EXPECT_EQ(2, info(self->fd).parked_senders);
	for (i = 0; i < variant->capacity + 3; i++) {
		if (i == variant->capacity + 1)
			continue;
		EXPECT_EQ(variant->elem_size, rd(self->fd, self->b, variant->elem_size));
		EXPECT_TRUE(elem_is(self->b, variant->elem_size, i));
	}
	EXPECT_EQ(variant->elem_size, call_end(&self->calls[0]));
	EXPECT_EQ(variant->elem_size, call_end(&self->calls[2]));
}

TEST_F(fifo, close_wakes_32_parked_receivers_with_the_end)
{
	int i;

	park_receivers(self, variant, 32);
	EXPECT_EQ(0, chan_close(self->fd));
	for (i = 0; i < 32; i++)
		EXPECT_EQ(0, call_end(&self->calls[i]));
	EXPECT_EQ(0, info(self->fd).parked_receivers);
}

TEST_F(fifo, close_wakes_32_parked_senders_with_EPIPE)
{
	int i;

	park_senders(_metadata, self, variant, 32);
	EXPECT_EQ(0, chan_close(self->fd));
	for (i = 0; i < 32; i++)
		EXPECT_EQ(-EPIPE, call_end(&self->calls[i]));
	EXPECT_EQ(0, info(self->fd).parked_senders);
	EXPECT_EQ(variant->capacity, info(self->fd).len);
}

TEST_HARNESS_MAIN
