// SPDX-License-Identifier: GPL-2.0
/*
 * Of the ready cases of a select each has the same chance: wherever they stand, whatever
 * makes them ready, and whichever was chosen before.
 *
 * The bounds of chi-square are those that a fair select passes but once in 10^9 runs.
 */
#include "chan_test.h"

#define CASES	64
#define BIG	(1 << 30)	/* more than any test sends to a channel without memory */

/* Chi-square that is exceeded by chance with p = 1e-9, by degrees of freedom. */
static double chi_bound(unsigned int freedom)
{
	switch (freedom) {
	case 1:
		return 37.33;
	case 2:
		return 41.45;
	case 3:
		return 44.84;
	case 8:
		return 58.31;
	case 15:
		return 73.63;
	case 63:
		return 155.07;
	}
	abort();
}

/* Of @n counts, where all should be the same. */
static double chi_square(const unsigned int *count, unsigned int n)
{
	double total = 0, sum = 0, each;
	unsigned int i;

	for (i = 0; i < n; i++)
		total += count[i];
	each = total / n;
	for (i = 0; i < n; i++)
		sum += (count[i] - each) * (count[i] - each) / each;
	return sum;
}

static bool is_fair(const unsigned int *count, unsigned int n)
{
	return chi_square(count, n) <= chi_bound(n - 1);
}

/*
 * Channels that stay ready
 */

/* For some millions of sends and as many receives; it takes no memory. */
static int ready_both_ways(void)
{
	int fd = make_chan(0, BIG, 0);

	if (send_n(fd, NULL, BIG / 2, 0, 0) != BIG / 2)
		abort();
	return fd;
}

static int closed(void)
{
	int fd = make_chan(8, 0, 0);

	if (chan_close(fd))
		abort();
	return fd;
}

/* So many, but on a slow kernel fewer: it has the same choices. */
static unsigned int selects(unsigned int n)
{
	return n / slowness();
}

/* Select @selects times and count what is chosen, all of which must be below @n. */
static bool tally(struct chan_case *cases, unsigned int n, unsigned int *count,
		  unsigned int selects)
{
	long r;

	memset(count, 0, n * sizeof(*count));
	while (selects--) {
		r = select_n(cases, n, selects % 2 ? CHAN_NONBLOCK : 0, 0);
		if (r < 0 || (r & CHAN_INDEX_MASK) >= n)
			return false;
		count[r & CHAN_INDEX_MASK]++;
	}
	return true;
}

/*
 * Two
 */

#define TWO 10000

/* The tolerance of Go's own test: five standard deviations. */
#define EXPECT_HALF(count) do {							\
	EXPECT_GE(0.025 * TWO, (count) - TWO / 2);				\
	EXPECT_GE(0.025 * TWO, TWO / 2 - (count));				\
} while (0)

FIXTURE(two)
{
	int fd[2];
	struct chan_case cases[2];
	unsigned int count[2];
	uint64_t v[2];
};

FIXTURE_VARIANT(two)
{
	bool closed[2];
	unsigned int op[2];
};

FIXTURE_VARIANT_ADD(two, receives) { .op = { CHAN_CASE_RECV, CHAN_CASE_RECV }, };
FIXTURE_VARIANT_ADD(two, sends) { .op = { CHAN_CASE_SEND, CHAN_CASE_SEND }, };
FIXTURE_VARIANT_ADD(two, send_and_receive) { .op = { CHAN_CASE_SEND, CHAN_CASE_RECV }, };
FIXTURE_VARIANT_ADD(two, receive_and_closed) { .closed = { false, true }, };
FIXTURE_VARIANT_ADD(two, closed_and_send) {
	.closed = { true, false }, .op = { CHAN_CASE_RECV, CHAN_CASE_SEND },
};
FIXTURE_VARIANT_ADD(two, closed_ones) { .closed = { true, true }, };
FIXTURE_VARIANT_ADD(two, closed_ones_to_send) {
	.closed = { true, true }, .op = { CHAN_CASE_SEND, CHAN_CASE_SEND },
};

FIXTURE_SETUP(two)
{
	int i;

	for (i = 0; i < 2; i++) {
		self->fd[i] = variant->closed[i] ? closed() : ready_both_ways();
		ASSERT_GE(self->fd[i], 0);
		self->cases[i] = (struct chan_case){
			.fd = self->fd[i], .op = variant->op[i], .buf = (uintptr_t)&self->v[i],
		};
	}
}

FIXTURE_TEARDOWN(two)
{
	close(self->fd[0]);
	close(self->fd[1]);
}

TEST_F_TIMEOUT(two, are_chosen_half_of_the_time_each, 60)
{
	ASSERT_TRUE(tally(self->cases, 2, self->count, TWO));
	TH_LOG("%u to %u", self->count[0], self->count[1]);
	EXPECT_HALF((int)self->count[0]);
}

/*
 * What makes a case ready doesn't matter, nor what it takes to do it
 */

TEST(a_parked_peer_is_as_good_as_a_queued_element)
{
	struct chan_selector s = { .size = sizeof(s), .fd_flags = O_NONBLOCK };
	int parked = make_chan(8, 0, 0), queued = make_chan(8, 1, 0), i, first = 0;
	uint64_t a = 1, b, c;
	struct chan_case offer = send_case(parked, &a);
	struct chan_case cases[2] = { recv_case(parked, &b), recv_case(queued, &c) };
	struct chan_select arm = {
		.size = sizeof(arm), .cases = (uintptr_t)&offer, .count = 1,
		.case_size = sizeof(offer),
	};
	struct chan_selected result;
	long r;

	ASSERT_EQ(0, ioctl(ctl_open(), CHAN_IOC_SELECTOR, &s));
	ASSERT_EQ(-1, ioctl(s.fd, CHAN_IOC_ARM, &arm));
	ASSERT_EQ(EINPROGRESS, errno);
	ASSERT_EQ(8, wr(queued, &a, 8));
	for (i = 0; i < TWO; i++) {
		r = select_n(cases, 2, 0, 0);
		if (r == (0 | CHAN_OK)) {
			first++;
			ASSERT_EQ(sizeof(result), rd(s.fd, &result, sizeof(result)));
			ASSERT_EQ(-1, ioctl(s.fd, CHAN_IOC_ARM, &arm));
			ASSERT_EQ(EINPROGRESS, errno);
		} else {
			ASSERT_EQ(1 | CHAN_OK, r);
			ASSERT_EQ(8, wr(queued, &a, 8));
		}
	}
	TH_LOG("%d to %d", first, TWO - first);
	EXPECT_HALF(first);
}

FIXTURE(fault)
{
	int fd[2];
	unsigned char *mem;		/* two pages, of which the first goes and comes */
	unsigned char b[4096];
	struct chan_case cases[2];
};

FIXTURE_VARIANT(fault)
{
	unsigned int elem_size, flags, offset;
};

FIXTURE_VARIANT_ADD(fault, of_8_bytes) { .elem_size = 8, };
FIXTURE_VARIANT_ADD(fault, of_64_bytes_on_two_pages) { .elem_size = 64, .offset = 4064, };
FIXTURE_VARIANT_ADD(fault, of_2000_bytes_on_two_pages) { .elem_size = 2000, .offset = 3000, };
FIXTURE_VARIANT_ADD(fault, of_a_message) { .elem_size = 64, .flags = CHAN_MESSAGE, };

FIXTURE_SETUP(fault)
{
	int i;

	self->mem = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->mem);
	for (i = 0; i < 2; i++) {
		self->fd[i] = make_chan(variant->elem_size, 1, variant->flags);
		ASSERT_GE(self->fd[i], 0);
		self->cases[i] = recv_case(self->fd[i], self->b);
		self->cases[i].len = variant->flags ? variant->elem_size : 0;
		fill_elem(self->b, variant->elem_size, 1 + i);
		ASSERT_EQ(variant->elem_size, wr(self->fd[i], self->b, variant->elem_size));
	}
	self->cases[0].buf = (uintptr_t)(self->mem + variant->offset);
}

FIXTURE_TEARDOWN(fault)
{
	close(self->fd[0]);
	close(self->fd[1]);
	munmap(self->mem, 8192);
}

/* Memory that isn't there yet is as good, and stays as it was if another is chosen. */
TEST_F_TIMEOUT(fault, a_page_fault_makes_no_case_less_likely, 60)
{
	unsigned char *page = self->mem + (variant->offset ? 4096 : 0);
	int i, n = 0, touched = 0;
	unsigned int k;
	long r;

	for (i = 0; i < TWO; i++) {
		memset(self->mem, 0, 4096);
		ASSERT_EQ(0, madvise(page, 4096, MADV_DONTNEED));
		r = select_n(self->cases, 2, 0, 0);
		ASSERT_TRUE(r == (0 | CHAN_OK) || r == (1 | CHAN_OK));
		n += r == (0 | CHAN_OK);
		for (k = 0; r & 1 && k < 8192; k++)
			touched += self->mem[k] != 0;
		fill_elem(self->b, variant->elem_size, 1 + (r & 1));
		ASSERT_EQ(variant->elem_size, wr(self->fd[r & 1], self->b, variant->elem_size));
	}
	TH_LOG("%d with a fault to %d without, %d bytes of others' touched", n, TWO - n, touched);
	EXPECT_HALF(n);
	EXPECT_EQ(0, touched);
}

/*
 * Many
 */

FIXTURE(many)
{
	int fd[CASES];
	uint64_t v;
	struct chan_case cases[CHAN_CASES_MAX];
	unsigned int count[CHAN_CASES_MAX];
};

FIXTURE_SETUP(many)
{
	int i;

	for (i = 0; i < CASES; i++) {
		self->fd[i] = ready_both_ways();
		ASSERT_GE(self->fd[i], 0);
		self->cases[i] = recv_case(self->fd[i], NULL);
	}
}

FIXTURE_TEARDOWN(many)
{
	int i;

	for (i = 0; i < CASES; i++)
		close(self->fd[i]);
}

TEST_F_TIMEOUT(many, of_64_ready_ones_none_is_starved, 60)
{
	unsigned int i;

	ASSERT_TRUE(tally(self->cases, CASES, self->count, selects(64000)));
	for (i = 0; i < CASES; i++)
		EXPECT_GT(self->count[i], 0);
	TH_LOG("chi-square %.1f, at most %.1f", chi_square(self->count, CASES), chi_bound(63));
	EXPECT_TRUE(is_fair(self->count, CASES));
}

TEST_F_TIMEOUT(many, of_64_sends_and_receives_none_is_starved, 60)
{
	unsigned int i, sends[2] = {};

	/* Both ways of half of the channels. */
	for (i = 0; i < CASES; i++) {
		self->cases[i].fd = self->fd[i / 2];
		self->cases[i].op = i % 2;
	}
	ASSERT_TRUE(tally(self->cases, CASES, self->count, selects(64000)));
	for (i = 0; i < CASES; i++) {
		EXPECT_GT(self->count[i], 0);
		sends[i % 2] += self->count[i];
	}
	TH_LOG("chi-square %.1f, at most %.1f; %u receives, %u sends",
	       chi_square(self->count, CASES), chi_bound(63), sends[0], sends[1]);
	EXPECT_TRUE(is_fair(self->count, CASES));
	EXPECT_TRUE(is_fair(sends, 2));
}

TEST_F_TIMEOUT(many, of_9_ready_ones_none_is_starved, 60)
{
	ASSERT_TRUE(tally(self->cases, 9, self->count, selects(18000)));
	TH_LOG("chi-square %.1f, at most %.1f", chi_square(self->count, 9), chi_bound(8));
	EXPECT_TRUE(is_fair(self->count, 9));
}

TEST_F_TIMEOUT(many, each_case_of_a_channel_has_its_own_chance, 60)
{
	self->cases[1] = self->cases[0];
	self->cases[2] = self->cases[0];
	ASSERT_TRUE(tally(self->cases, 4, self->count, selects(12000)));
	EXPECT_TRUE(is_fair(self->count, 4));
}

/* A rotation in turn is uniform too. Pairs of choices one after the other aren't then. */
TEST_F_TIMEOUT(many, a_choice_says_nothing_of_the_next, 60)
{
	unsigned int pairs[16] = {}, turns[16] = {}, i;
	long a, b;

	for (i = 0; i < selects(16000); i++) {
		a = select_n(self->cases, 4, 0, 0) & CHAN_INDEX_MASK;
		b = select_n(self->cases, 4, 0, 0) & CHAN_INDEX_MASK;
		ASSERT_TRUE(a >= 0 && a < 4 && b >= 0 && b < 4);
		pairs[4 * a + b]++;
		turns[4 * (i % 4) + (i + 1) % 4]++;
	}
	TH_LOG("chi-square %.1f, at most %.1f", chi_square(pairs, 16), chi_bound(15));
	EXPECT_TRUE(is_fair(pairs, 16));
	EXPECT_FALSE(is_fair(turns, 16));
}

/*
 * Few that are ready among many
 */

static const unsigned int sparse[] = { 3, 4, 60 };

#define SPARSE	(sizeof(sparse) / sizeof(*sparse))
#define SELECTS	30000

/* All the others are nil, or empty. */
static void make_sparse(FIXTURE_DATA(many) *self, int other)
{
	unsigned int i, k;

	for (i = 0; i < CASES; i++) {
		self->cases[i] = recv_case(other, &self->v);
		for (k = 0; k < SPARSE; k++)
			if (sparse[k] == i)
				self->cases[i] = recv_case(self->fd[i], NULL);
	}
}

/* Of the ready ones only; no other may have been chosen. */
static void expect_sparse_fair(struct __test_metadata *_metadata, const unsigned int *count)
{
	unsigned int few[SPARSE], k, total = 0;

	for (k = 0; k < SPARSE; k++) {
		few[k] = count[sparse[k]];
		total += few[k];
	}
	TH_LOG("%u, %u, %u: chi-square %.1f, at most %.1f", few[0], few[1], few[2],
	       chi_square(few, SPARSE), chi_bound(SPARSE - 1));
	EXPECT_EQ(selects(SELECTS), total);
	EXPECT_TRUE(is_fair(few, SPARSE));
}

TEST_F_TIMEOUT(many, ready_ones_among_nil_ones_are_as_likely, 60)
{
	make_sparse(self, -1);
	ASSERT_TRUE(tally(self->cases, CASES, self->count, selects(SELECTS)));
	expect_sparse_fair(_metadata, self->count);
}

TEST_F_TIMEOUT(many, ready_ones_among_empty_ones_are_as_likely, 60)
{
	int empty = make_chan(8, 4, 0);

	make_sparse(self, empty);
	ASSERT_TRUE(tally(self->cases, CASES, self->count, selects(SELECTS)));
	expect_sparse_fair(_metadata, self->count);
	close(empty);
}

TEST_F_TIMEOUT(many, ready_ones_among_1024_are_as_likely, 60)
{
	static const unsigned int at[] = { 0, 511, 512, 1023 };
	int empty = make_chan(8, 4, 0);
	unsigned int i, few[4];

	for (i = 0; i < CHAN_CASES_MAX; i++)
		self->cases[i] = recv_case(i % 2 ? empty : -1, &self->v);
	for (i = 0; i < 4; i++)
		self->cases[at[i]] = recv_case(self->fd[i], NULL);
	ASSERT_TRUE(tally(self->cases, CHAN_CASES_MAX, self->count, selects(4000)));
	for (i = 0; i < 4; i++)
		few[i] = self->count[at[i]];
	TH_LOG("%u, %u, %u, %u: chi-square %.1f, at most %.1f", few[0], few[1], few[2], few[3],
	       chi_square(few, 4), chi_bound(3));
	EXPECT_EQ(selects(4000), few[0] + few[1] + few[2] + few[3]);
	EXPECT_TRUE(is_fair(few, 4));
	close(empty);
}

/*
 * Do these tests see unfair selects? Here are some, which all but the last are.
 */

static bool is_sparse(unsigned int i)
{
	unsigned int k;

	for (k = 0; k < SPARSE; k++)
		if (sparse[k] == i)
			return true;
	return false;
}

/* Look from a random case on: who stands behind a gap is found more often. */
static unsigned int rotated(void)
{
	unsigned int i = rand() % CASES;

	while (!is_sparse(i))
		i = (i + 1) % CASES;
	return i;
}

static unsigned int first(void)
{
	return sparse[0];
}

/* Look at random in either direction, from either end. */
static unsigned int either_end(void)
{
	return rand() & 0x10000 ? sparse[0] : sparse[SPARSE - 1];
}

/* A shuffle that exchanges each with any, not with one of those that are left. */
static unsigned int naive_shuffle(void)
{
	unsigned int order[CASES], i, k, swap;

	for (i = 0; i < CASES; i++)
		order[i] = i;
	for (i = 0; i < CASES; i++) {
		k = rand() % CASES;
		swap = order[i];
		order[i] = order[k];
		order[k] = swap;
	}
	for (i = 0; !is_sparse(order[i]); i++)
		;
	return order[i];
}

static unsigned int fair(void)
{
	return sparse[rand() % SPARSE];
}

static bool passes(unsigned int (*choose)(void))
{
	unsigned int count[CASES] = {}, few[SPARSE], i;

	for (i = 0; i < SELECTS; i++)
		count[choose()]++;
	for (i = 0; i < SPARSE; i++)
		few[i] = count[sparse[i]];
	return is_fair(few, SPARSE);
}

TEST(an_unfair_choice_would_be_seen)
{
	srand(1);
	EXPECT_FALSE(passes(rotated));
	EXPECT_FALSE(passes(first));
	EXPECT_FALSE(passes(either_end));
	EXPECT_FALSE(passes(naive_shuffle));
	EXPECT_TRUE(passes(fair));
}

TEST_HARNESS_MAIN
