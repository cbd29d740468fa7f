// SPDX-License-Identifier: GPL-2.0
/* 100,000 channels made, used and freed leave nothing behind. */
#include <sys/resource.h>

#include "chan_test.h"

#define CHANNELS	100000
#define HELD		20000

/* Objects in use in a slab cache, or -1. */
static long slab(const char *cache)
{
	char line[512], name[128];
	FILE *f = fopen("/proc/slabinfo", "r");
	long active, found = -1;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%127s %ld", name, &active) == 2 && !strcmp(name, cache))
			found = active;
	if (f)
		fclose(f);
	return found;
}

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

static void use(struct __test_metadata *_metadata, int i)
{
	static const unsigned int sizes[] = { 0, 1, 8, 64, 200, IN_PLACE, BY_REF };
	unsigned int size = sizes[i % (sizeof(sizes) / sizeof(*sizes))];
	unsigned int wire = size ?: 1, capacity = 1 + i % 9;
	unsigned char buf[BY_REF] = {};
	int fd, r;

	fd = make_chan(size, capacity, i % 5 || !size ? 0 : CHAN_MESSAGE);
	ASSERT_GE(fd, 0);
	r = narrow(fd, O_RDONLY);
	ASSERT_GE(r, 0);
	ASSERT_EQ(wire, wr(fd, buf, wire));
	if (i % 3) {	/* else it goes with the channel */
		ASSERT_EQ(wire, rd(r, buf, wire));
	}
	if (i % 2) {
		ASSERT_EQ(0, chan_close(fd));
	}
	close(r);
	close(fd);
}

FIXTURE(leak)
{
	char none;
};

FIXTURE_SETUP(leak)
{
}

FIXTURE_TEARDOWN(leak)
{
}

TEST_F_TIMEOUT(leak, channels_made_used_and_freed_leave_nothing, 300)
{
	struct chan_limits before, after;
	long objects, kib;
	int i;

	for (i = 0; i < 1000; i++)
		use(_metadata, i);
	before = limits();
	objects = slab("chan_object");
	kib = slab_kib();
	for (i = 0; i < CHANNELS; i++)
		use(_metadata, i);
	after = limits();
	EXPECT_EQ(before.total_channels, after.total_channels);
	EXPECT_EQ(before.channels, after.channels);
	EXPECT_EQ(before.bytes, after.bytes);
	EXPECT_EQ(before.parked, after.parked);
	EXPECT_EQ(before.total_parties, after.total_parties);
	/* A slab's per-CPU parts count as in use: some hundreds, not 100,000. */
	EXPECT_LT(slab("chan_object") - objects, 500);
	EXPECT_LT(slab_kib() - kib, 4096);
	TH_LOG("%d channels: %ld objects, %ld KiB of slabs more than before", CHANNELS,
	       slab("chan_object") - objects, slab_kib() - kib);
}

TEST_F_TIMEOUT(leak, many_idle_channels_take_little_memory, 300)
{
	struct rlimit nofile = { HELD + 100, HELD + 100 };
	long before, per;
	int *fds = calloc(HELD, sizeof(*fds)), i;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &nofile));
	before = slab_kib();
	for (i = 0; i < HELD; i++) {
		fds[i] = make_chan(8, 0, 0);
		ASSERT_GE(fds[i], 0);
	}
	per = (slab_kib() - before) * 1024 / HELD;
	TH_LOG("%ld bytes of kernel memory for an idle unbuffered channel, file included", per);
	EXPECT_LE(per, 1024);
	for (i = 0; i < HELD; i++)
		close(fds[i]);
	free(fds);
}

TEST_HARNESS_MAIN
