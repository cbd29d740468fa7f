// SPDX-License-Identifier: GPL-2.0
/* A million cases that were parked, and lost to another, leave nothing behind. */
#include "chan_test.h"

#define CHANS		16
#define CASES		64	/* of a select: 4 in each channel, one of which wins */
#define LOST		1000000
#define BATCH		100	/* selects in a row, of one thread */

/* What the kernel holds in slabs, in KiB. */
static long slab_kib(void)
{
	char line[256];
	FILE *f = fopen("/proc/meminfo", "r");
	long kib = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Slab: %ld", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib;
}

/* And in vmalloc, where large blocks come from. */
static long vmalloc_kib(void)
{
	char line[256];
	FILE *f = fopen("/proc/meminfo", "r");
	long kib = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmallocUsed: %ld", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib;
}

FIXTURE(leak)
{
	int fd[CHANS];
	unsigned int begun;		/* selects of the thread */
	unsigned char a[BY_REF], b[BY_REF];
	struct chan_case cases[CASES];
};

FIXTURE_VARIANT(leak)
{
	unsigned int elem_size, capacity, flags, lost;
};

FIXTURE_VARIANT_ADD(leak, elem_8) { .elem_size = 8, .lost = LOST, };
FIXTURE_VARIANT_ADD(leak, message) { .elem_size = 100, .flags = CHAN_MESSAGE, .lost = LOST / 5, };
FIXTURE_VARIANT_ADD(leak, buffered) { .elem_size = 8, .capacity = 1, .lost = LOST / 5, };
FIXTURE_VARIANT_ADD(leak, by_reference) { .elem_size = BY_REF, .lost = LOST / 5, };

FIXTURE_SETUP(leak)
{
	int i;

	for (i = 0; i < CHANS; i++) {
		self->fd[i] = make_chan(variant->elem_size, variant->capacity, variant->flags);
		ASSERT_GE(self->fd[i], 0);
	}
	for (i = 0; i < CASES; i++) {
		self->cases[i] = i % 2 || variant->capacity ?
				 recv_case(self->fd[i % CHANS], self->b) :
				 send_case(self->fd[i % CHANS], self->a);
		self->cases[i].len = variant->flags & CHAN_MESSAGE ? variant->elem_size : 0;
	}
}

FIXTURE_TEARDOWN(leak)
{
	int i;

	for (i = 0; i < CHANS; i++)
		close(self->fd[i]);
}

/* Selects that park in all channels, one after the other. */
static void *lose_run(void *arg)
{
	FIXTURE_DATA(leak) *self = arg;
	long i, bad = 0;

	for (i = 0; i < BATCH; i++) {
		__atomic_add_fetch(&self->begun, 1, __ATOMIC_RELEASE);
		bad += !(select_n(self->cases, CASES, 0, 0) & CHAN_OK);
	}
	return (void *)bad;
}

/* So many cases are parked and lost, but for one each time, which is ended from here. */
static void lose(struct __test_metadata *_metadata, FIXTURE_DATA(leak) *self,
		 const FIXTURE_VARIANT(leak) *variant, unsigned int lost)
{
	unsigned int batches = (lost + BATCH * (CASES - 1) - 1) / (BATCH * (CASES - 1)), n, at;
	bool sends;
	pthread_t thread;
	void *bad;

	while (batches--) {
		self->begun = 0;
		ASSERT_EQ(0, pthread_create(&thread, NULL, lose_run, self));
		for (n = 0; n < BATCH; n++) {
			at = (batches + n) % CHANS;
			sends = self->cases[at].op == CHAN_CASE_SEND;
			/* The one before has left, this one waits in all channels. */
			while (__atomic_load_n(&self->begun, __ATOMIC_ACQUIRE) != n + 1)
				sched_yield();
			wait_parties(1);
			ASSERT_EQ(sends ? CASES / CHANS : 0, info(self->fd[at]).parked_senders);
			ASSERT_EQ(sends ? 0 : CASES / CHANS, info(self->fd[at]).parked_receivers);
			ASSERT_EQ(variant->elem_size,
				  sends ? rd(self->fd[at], self->b, variant->elem_size) :
					  wr(self->fd[at], self->a, variant->elem_size));
		}
		ASSERT_EQ(0, pthread_join(thread, &bad));
		ASSERT_EQ(NULL, bad);
	}
}

/* Selects that park, and give up. */
static void give_up(struct __test_metadata *_metadata, FIXTURE_DATA(leak) *self, unsigned int lost)
{
	unsigned int i;

	for (i = 0; i < lost / CASES; i++)
		ASSERT_EQ(-ETIMEDOUT, select_n(self->cases, CASES, CHAN_TIMEOUT, i % 2));
}

static void expect_same(struct __test_metadata *_metadata, struct chan_limits *before)
{
	struct chan_limits after = limits();

	EXPECT_EQ(before->total_channels, after.total_channels);
	EXPECT_EQ(before->channels, after.channels);
	EXPECT_EQ(before->bytes, after.bytes);
	EXPECT_EQ(before->parked, after.parked);
	EXPECT_EQ(before->total_parties, after.total_parties);
}

TEST_F_TIMEOUT(leak, parked_and_lost_cases_leave_nothing, 300)
{
	struct chan_limits before;
	long slab, vmalloc;
	int i;

	/* Caches fill up at first. */
	lose(_metadata, self, variant, variant->lost / 20);
	give_up(_metadata, self, variant->lost / 20);
	before = limits();
	slab = slab_kib();
	vmalloc = vmalloc_kib();
	lose(_metadata, self, variant, variant->lost / 2);
	give_up(_metadata, self, variant->lost / 2);
	expect_same(_metadata, &before);
	for (i = 0; i < CHANS; i++) {
		EXPECT_EQ(0, info(self->fd[i]).parked_senders);
		EXPECT_EQ(0, info(self->fd[i]).parked_receivers);
		EXPECT_EQ(0, info(self->fd[i]).len);
		EXPECT_EQ(info(self->fd[i]).sent, info(self->fd[i]).received);
	}
	TH_LOG("%u cases lost: %ld KiB of slabs and %ld KiB of vmalloc more than before",
	       variant->lost, slab_kib() - slab, vmalloc_kib() - vmalloc);
	/* 40 bytes of each case would be eight times that, in the least of the variants. */
	EXPECT_LT(slab_kib() - slab, 1024);
	EXPECT_LT(vmalloc_kib() - vmalloc, 1024);
}

/* Whoever is killed, closed, or interrupted in his wait gives all back as well. */
TEST_F_TIMEOUT(leak, who_is_killed_in_his_wait_leaves_nothing, 120)
{
	struct chan_limits before;
	long slab = 0;
	pid_t pid;
	int i, k;

	before = limits();
	for (i = 0; i < 300; i++) {
		if (i == 50)
			slab = slab_kib();
		pid = fork();
		if (!pid) {
			select_n(self->cases, CASES, 0, 0);
			_exit(1);
		}
		for (k = 0; k < CHANS; k++)
			wait_parked(self->fd[k],
				    self->cases[k].op == CHAN_CASE_SEND ? CASES / CHANS : 0,
				    self->cases[k].op == CHAN_CASE_SEND ? 0 : CASES / CHANS);
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, NULL, 0));
		for (k = 0; k < CHANS; k++) {
			EXPECT_EQ(0, info(self->fd[k]).parked_senders);
			EXPECT_EQ(0, info(self->fd[k]).parked_receivers);
		}
	}
	expect_same(_metadata, &before);
	TH_LOG("%ld KiB of slabs more than before", slab_kib() - slab);
	EXPECT_LT(slab_kib() - slab, 1024);
}

TEST_HARNESS_MAIN
