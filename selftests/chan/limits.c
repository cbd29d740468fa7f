// SPDX-License-Identifier: GPL-2.0
/*
 * What a user can use up, and that it is the user's own: at the parameter's very figure,
 * whoever of hers it is and in whatever namespace, while others go on. And what a memory
 * cgroup holds of it.
 *
 * perms.c has the quotas one by one, with the way they are counted.
 */
#include <sys/klog.h>
#include <sys/mount.h>

#include "users.h"

FIXTURE(limits) {
	struct settings settings;
};

FIXTURE_SETUP(limits)
{
	settings_save(&self->settings);
	settings_begin(&self->settings);
	allow_many_files();
	wait_for_releases();
}

FIXTURE_TEARDOWN_PARENT(limits)
{
	destroy_all_of(0);
	destroy_all_of(ALICE);
	destroy_all_of(BOB);
	settings_restore(&self->settings);
}

/*
 * What there is to be used up: one more of it, or -errno; and one less
 */

#define MIDDLING	1000	/* bytes: in place, and too large for the stack */
#define BIG		BY_REF
#define MANY		64	/* of one kind, at most */

static uint64_t v;
static unsigned char payload[BIG];

static int take_channel(int n)
{
	return make_chan(0, 0, 0);
}

static int take_named(int n)
{
	struct chan_create c = named("", 0600);

	c.capacity = 0;
	return create(&c);
}

static void give_named(int fd, int n)
{
	destroy(fd, 0);
	close(fd);
}

static int take_ring(int n)
{
	return make_chan(MIDDLING, 16, 0);
}

static int take_ring_by_reference(int n)
{
	return make_chan(BIG, 16, CHAN_MESSAGE);
}

static int take_selector(int n)
{
	return make_selector(0);
}

static int take_timer(int n)
{
	struct chan_create c = {
		.flags = CHAN_TIMER, .elem_size = 8, .capacity = 1, .fd_flags = O_RDONLY,
	};

	return create(&c);
}

static void give_file(int fd, int n)
{
	close(fd);
}

/* One channel for all that wait, made by the first. */
static int first_fd[2];

static int waiting_in(unsigned int elem_size)
{
	int *p = &first_fd[elem_size > IN_PLACE];

	if (!*p)
		*p = make_chan(elem_size, 0, 0);
	if (*p < 0) {
		fprintf(stderr, "no channel to wait in: %d\n", *p);
		abort();
	}
	return *p;
}

static int take_handle(int n)
{
	return narrow(waiting_in(BIG), O_RDONLY);
}

static int take_standby(int n)
{
	int fd = narrow(waiting_in(MIDDLING), O_RDONLY), r = standby(fd, 1);

	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

static int arm_case(struct chan_case k)
{
	int sel = make_selector(0), r = arm_n(sel, &k, 1, 0);

	if (r == -EINPROGRESS)
		return sel;
	close(sel);
	return r;
}

static int take_armed_send(int n)
{
	return arm_case(send_case(waiting_in(MIDDLING), payload));
}

static int take_armed_recv(int n)
{
	return arm_case(recv_case(waiting_in(MIDDLING), payload));
}

static int take_armed_by_reference(int n)
{
	return arm_case(send_case(waiting_in(BIG), payload));
}

/* A call in a thread, which waits or has failed. It has a handle, which may keep memory. */
struct waiter {
	pthread_t thread;
	_Atomic pid_t tid;
	_Atomic int done;
	bool selects;
	long result;
};

static struct waiter waiters[MANY];

static void *waiter_run(void *arg)
{
	struct waiter *w = arg;
	unsigned char buf[MIDDLING];
	struct chan_case k[2] = {
		recv_case(narrow(waiting_in(MIDDLING), O_RDONLY), buf), { .fd = -1 },
	};

	w->tid = gettid();
	w->result = w->selects ? select_n(k, 2, 0, 0) : rd(k[0].fd, buf, MIDDLING);
	close(k[0].fd);
	w->done = 1;
	return NULL;
}

static int take_waiter(int n, bool selects)
{
	unsigned int before = info(waiting_in(MIDDLING)).parked_receivers;
	struct waiter *w = &waiters[n];

	*w = (struct waiter){ .selects = selects };
	if (pthread_create(&w->thread, NULL, waiter_run, w))
		abort();
	while (!w->done && info(waiting_in(MIDDLING)).parked_receivers == before)
		sched_yield();
	if (!w->done)
		return 0;
	pthread_join(w->thread, NULL);
	return w->result;
}

static int take_call(int n)
{
	return take_waiter(n, false);
}

static int take_select(int n)
{
	return take_waiter(n, true);
}

/* That is, the oldest one ends. */
static void give_waiter(int fd, int n)
{
	if (wr(waiting_in(MIDDLING), payload, MIDDLING) != MIDDLING)
		abort();
	pthread_join(waiters[n].thread, NULL);
}

enum quota { CHANNELS, NAMED, BYTES, PARKED, SELECTORS, TIMERS };

static const char * const quota_params[] = {
	"user_channels", "user_named", "user_bytes", "user_parked", "user_selectors",
	"user_timers",
};

static unsigned long long in_use(enum quota q)
{
	struct chan_limits l = limits();

	return (unsigned long long[]){
		l.channels, l.named, l.bytes, l.parked, l.selectors, l.timers,
	}[q];
}

static unsigned long long limit_of(enum quota q)
{
	struct chan_limits l = limits();

	return (unsigned long long[]){
		l.user_channels, l.user_named, l.user_bytes, l.user_parked, l.user_selectors,
		l.user_timers,
	}[q];
}

static const struct resource {
	const char *name;
	enum quota quota;
	int (*take)(int n);
	void (*give)(int fd, int n);
} resources[] = {
	{ "channels", CHANNELS, take_channel, give_file },
	{ "named channels", NAMED, take_named, give_named },
	{ "bytes", BYTES, take_ring, give_file },
	{ "bytes by reference", BYTES, take_ring_by_reference, give_file },
	{ "handles by reference", PARKED, take_handle, give_file },
	{ "handles that stand by", PARKED, take_standby, give_file },
	{ "armed sends", PARKED, take_armed_send, give_file },
	{ "armed receives", PARKED, take_armed_recv, give_file },
	{ "armed sends by reference", PARKED, take_armed_by_reference, give_file },
	{ "calls that wait", PARKED, take_call, give_waiter },
	{ "selects that wait", PARKED, take_select, give_waiter },
	{ "selectors", SELECTORS, take_selector, give_file },
	{ "timers", TIMERS, take_timer, give_file },
};

/* How much one costs, and what has to be there first. */
struct cost {
	unsigned long long each, first;
};

/* What all but channels and rings wait in, or are of. */
static void take_first(void)
{
	waiting_in(MIDDLING);
	waiting_in(BIG);
}

static void forget_first(void)
{
	close(first_fd[0]);
	close(first_fd[1]);
	first_fd[0] = first_fd[1] = 0;
}

/* A debug kernel releases named channels late; who counts them waits. */
static void wait_in_use(enum quota q, unsigned long long want)
{
	while (debug_kernel() && q == NAMED && in_use(q) != want)
		usleep(10000);
}

static struct cost cost_of(struct __test_metadata *_metadata, const struct resource *r)
{
	struct cost *c = shared(sizeof(*c)), result;

	AS(ALICE) {
		wait_in_use(r->quota, 0);
		take_first();
		c->first = in_use(r->quota);
		EXPECT_LE(0, r->take(0));
		c->each = in_use(r->quota) - c->first;
		destroy_all_of(ALICE);
	}
	result = *c;
	munmap(c, sizeof(*c));
	EXPECT_LT(0, result.each);
	return result;
}

#define UNITS	3

/* Three are allowed, and that many there can be, over and over. */
static void use_up(struct __test_metadata *_metadata, const struct resource *r,
		   const struct cost *c, _Atomic int *full, _Atomic int *go)
{
	struct chan_limits at_limit;
	int fd[UNITS], n;

	wait_in_use(r->quota, 0);
	take_first();
	EXPECT_EQ(c->first, in_use(r->quota));
	for (n = 0; n < UNITS; n++) {
		fd[n] = r->take(n);
		EXPECT_LE(0, fd[n]);
	}
	EXPECT_EQ(limit_of(r->quota), in_use(r->quota));
	at_limit = limits();
	EXPECT_EQ(-EDQUOT, r->take(n));
	EXPECT_EQ(-EDQUOT, r->take(n));
	EXPECT_TRUE(same_use(at_limit, limits()));
	*full = 1;
	wait_for(go, 1);
	/* What is given is there to be taken. */
	r->give(fd[0], 0);
	wait_in_use(r->quota, limit_of(r->quota) - c->each);
	EXPECT_EQ(limit_of(r->quota) - c->each, in_use(r->quota));
	EXPECT_LE(0, r->take(n));
	EXPECT_EQ(-EDQUOT, r->take(n + 1));
	destroy_all_of(ALICE);
}

/* So many, by whoever it is. */
static void take_some(struct __test_metadata *_metadata, const struct resource *r, int some)
{
	int n;

	take_first();
	for (n = 0; n < some; n++)
		EXPECT_LE(0, r->take(n));
	destroy_all_of(getuid());
}

TEST_F_TIMEOUT(limits, each_quota_ends_at_its_figure_for_one_user_and_for_no_other, 120)
{
	_Atomic int *flags = shared(2 * sizeof(*flags));
	const struct resource *r;
	struct cost c;
	pid_t alice;

	for (r = resources; r < resources + NR(resources) && __test_passed(_metadata); r++) {
		c = cost_of(_metadata, r);
		set_param(quota_params[r->quota], c.first + UNITS * c.each);
		flags[0] = flags[1] = 0;
		alice = fork_as(ALICE);
		if (!alice) {
			use_up(_metadata, r, &c, &flags[0], &flags[1]);
			_exit(0);
		}
		wait_for(&flags[0], 1);
		/* Meanwhile Bob has as much, and root what he likes. */
		AS(BOB)
			take_some(_metadata, r, UNITS);
		AS(0)
			take_some(_metadata, r, UNITS + 3);
		flags[1] = 1;
		EXPECT_FALSE(is_child(_metadata, alice));
		/* Of who is gone nothing is left. */
		AS(ALICE) {
			wait_in_use(r->quota, 0);
			EXPECT_EQ(0, in_use(r->quota));
		}
		settings_begin(&self->settings);
		if (!__test_passed(_metadata))
			TH_LOG("%s", r->name);
	}
}

TEST_F_TIMEOUT(limits, one_less_than_the_figure_is_too_little, 120)
{
	const struct resource *r;
	struct cost c;
	int n;

	for (r = resources; r < resources + NR(resources); r++) {
		c = cost_of(_metadata, r);
		set_param(quota_params[r->quota], c.first + UNITS * c.each - 1);
		AS(ALICE) {
			wait_in_use(r->quota, 0);
			take_first();
			for (n = 0; n < UNITS - 1; n++)
				EXPECT_LE(0, r->take(n));
			EXPECT_EQ(-EDQUOT, r->take(n))
				TH_LOG("%s", r->name);
			EXPECT_EQ(c.first + (UNITS - 1) * c.each, in_use(r->quota));
			destroy_all_of(ALICE);
		}
		settings_begin(&self->settings);
	}
}

/*
 * At once
 */

#define PROCESSES	4
#define LIMIT		500

/* Take channels until there are no more, and wait to be killed. */
static void grab(_Atomic int *taken, _Atomic int *done, _Atomic int *wrong)
{
	int r;

	while ((r = make_chan(8, 1, 0)) >= 0)
		++*taken;
	if (r != -EDQUOT)
		++*wrong;
	++*done;
	for (;;)
		pause();
}

TEST_F(limits, many_at_once_get_no_more_and_no_less_than_one)
{
	_Atomic int *n = shared(3 * sizeof(*n));
	pid_t pid[PROCESSES];
	int i, status, round;

	set_param("user_channels", LIMIT);
	for (round = 0; round < 3; round++) {
		n[0] = n[1] = n[2] = 0;
		for (i = 0; i < PROCESSES; i++) {
			pid[i] = fork_as(ALICE);
			if (!pid[i])
				grab(&n[0], &n[1], &n[2]);
		}
		wait_for(&n[1], PROCESSES);
		EXPECT_EQ(LIMIT, n[0]);
		EXPECT_EQ(0, n[2]);
		AS(ALICE)
			EXPECT_EQ(LIMIT, limits().channels);
		AS(BOB)
			EXPECT_LE(0, make_chan(8, 1, 0));
		/* Killed as they hold it all: then it is there again. */
		for (i = 0; i < PROCESSES; i++) {
			kill(pid[i], SIGKILL);
			EXPECT_EQ(pid[i], waitpid(pid[i], &status, 0));
		}
	}
	AS(ALICE)
		EXPECT_EQ(0, limits().channels);
}

/*
 * Parameters
 */

TEST_F(limits, a_limit_below_what_is_in_use_takes_nothing_away)
{
	int fd[4], i;

	AS(0) {
		turn(ALICE);
		for (i = 0; i < 4; i++)
			fd[i] = make_chan(8, 1, 0);
		turn(0);
		set_param("user_channels", 2);
		turn(ALICE);
		EXPECT_EQ(2, limits().user_channels);
		EXPECT_EQ(4, limits().channels);
		for (i = 0; i < 4; i++) {
			EXPECT_EQ(8, wr(fd[i], &v, 8));
			EXPECT_LE(0, narrow(fd[i], O_RDONLY | O_CLOEXEC));
			EXPECT_EQ(8, rd(fd[i], &v, 8));
		}
		EXPECT_EQ(-EDQUOT, make_chan(8, 1, 0));
		EXPECT_EQ(4, limits().channels);
		/* And it takes effect at once. */
		turn(0);
		set_param("user_channels", 5);
		turn(ALICE);
		EXPECT_LE(0, make_chan(8, 1, 0));
		EXPECT_EQ(-EDQUOT, make_chan(8, 1, 0));
	}
}

TEST_F(limits, a_limit_of_0_is_none_at_all_and_the_largest_is_no_limit)
{
	const struct resource *r;
	int fd;

	for (r = resources; r < resources + NR(resources); r++) {
		if (r->quota == PARKED)
			continue;
		set_param(quota_params[r->quota], 0);
		AS(ALICE)
			EXPECT_EQ(-EDQUOT, r->take(0));
		AS(0) {
			fd = r->take(0);
			EXPECT_LE(0, fd);
			r->give(fd, 0);
		}
		set_param(quota_params[r->quota], ~0UL);
		AS(ALICE) {
			EXPECT_EQ(~0UL, limit_of(r->quota));
			EXPECT_LE(0, r->take(0));
			destroy_all_of(ALICE);
		}
	}
	set_param("user_parked", 0);
	AS(ALICE) {
		/* What needs no memory of its own waits all the same. */
		fd = make_chan(8, 0, 0);
		EXPECT_EQ(-ETIMEDOUT, send_n(fd, &v, 1, CHAN_TIMEOUT, MSEC));
		EXPECT_EQ(-EDQUOT, make_chan(BIG, 0, 0));
		EXPECT_EQ(-EDQUOT, arm_case(recv_case(fd, &v)));
		EXPECT_EQ(-EDQUOT, standby(fd, 1));
	}
}

TEST_F(limits, a_parameter_is_a_number_and_root_s_to_set)
{
	static const char * const bad[] = { "-1", "x", "1x", "99999999999999999999999" };
	unsigned int i, k;
	long long before;

	for (i = 0; i < NR(params); i++) {
		before = get_param(params[i]);
		EXPECT_LT(0, before);
		for (k = 0; k < NR(bad); k++)
			EXPECT_GT(0, try_param(params[i], bad[k]));
		AS(ALICE)
			EXPECT_EQ(-EACCES, try_param(params[i], "1000000"));
		EXPECT_EQ(before, get_param(params[i]));
	}
}

/*
 * User namespaces
 */

static bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && wr(fd, text, strlen(text)) == (long)strlen(text);

	close(fd);
	return done;
}

/* Be root of a namespace of one's own. Returns false if there can be none. */
static bool enter_namespace(void)
{
	char uids[40], gids[40];

	snprintf(uids, sizeof(uids), "0 %u 1", getuid());
	snprintf(gids, sizeof(gids), "0 %u 1", getgid());
	if (unshare(CLONE_NEWUSER))
		return false;
	prctl(PR_SET_DUMPABLE, 1);
	return write_text("/proc/self/uid_map", uids) &&
	       write_text("/proc/self/setgroups", "deny") &&
	       write_text("/proc/self/gid_map", gids);
}

/* Three levels, each in a process of its own, of which the inmost takes. */
struct levels {
	_Atomic int full, seen;
	unsigned long long used[3];
};

/* Who is inside is charged to the owner, who has nothing left then. */
static void owner(struct __test_metadata *_metadata, const struct resource *r,
		  struct levels *l, int depth)
{
	wait_for(&l->full, 1);
	l->used[depth] = in_use(r->quota);
	EXPECT_EQ(-EDQUOT, r->take(0))
		TH_LOG("level %d", depth);
	++l->seen;
}

static void inmost(struct __test_metadata *_metadata, const struct resource *r,
		   struct levels *l)
{
	int n;

	for (n = 0; n < UNITS; n++)
		EXPECT_LE(0, r->take(n));
	EXPECT_EQ(-EDQUOT, r->take(n));
	l->used[2] = in_use(r->quota);
	l->full = 1;
	wait_for(&l->seen, 2);
}

/* Each level has what is needed first before the next one takes anything. */
static void levels_run(struct __test_metadata *_metadata, const struct resource *r,
		       struct levels *l, int depth)
{
	pid_t pid = -1;

	take_first();
	if (depth < 2) {
		pid = fork();
		if (!pid) {
			/* Its own, not those of its parent. */
			forget_first();
			EXPECT_TRUE(enter_namespace());
			levels_run(_metadata, r, l, depth + 1);
			_exit(0);
		}
		owner(_metadata, r, l, depth);
		EXPECT_FALSE(is_child(_metadata, pid));
	} else {
		inmost(_metadata, r, l);
	}
}

TEST_F_TIMEOUT(limits, each_owner_up_the_namespaces_is_charged_for_each_quota, 120)
{
	struct levels *l = shared(sizeof(*l));
	const struct resource *r;
	struct cost c;
	int i;

	for (r = resources; r < resources + NR(resources); r++) {
		if (r->quota == NAMED)
			continue;	/* not from a namespace */
		c = cost_of(_metadata, r);
		memset(l, 0, sizeof(*l));
		set_param(quota_params[r->quota], 3 * c.first + UNITS * c.each);
		AS(ALICE)
			levels_run(_metadata, r, l, 0);
		for (i = 0; i < 3; i++)
			EXPECT_EQ((3 - i) * c.first + UNITS * c.each, l->used[i])
				TH_LOG("%s, level %d", r->name, i);
		AS(ALICE)
			EXPECT_EQ(0, in_use(r->quota));
		settings_begin(&self->settings);
	}
}

TEST_F(limits, namespaces_as_deep_as_they_go_are_one_user)
{
	int depth, n;

	set_param("user_channels", LIMIT);
	AS(ALICE) {
		for (depth = 0; enter_namespace(); depth++)
			;
		EXPECT_LT(10, depth);
		for (n = 0; make_chan(8, 1, 0) >= 0; n++)
			;
		EXPECT_EQ(LIMIT, n);
		EXPECT_EQ(LIMIT, limits().channels);
	}
	AS(ALICE)
		EXPECT_EQ(0, limits().channels);
}

/*
 * Memory cgroups
 */

#define MIB	(1UL << 20)

FIXTURE(memory) {
	struct settings settings;
	char dir[32], group[48];
	int printed, log;
};

static void group_write(const char *group, const char *file, const char *text)
{
	char path[100];

	snprintf(path, sizeof(path), "%s/%s", group, file);
	if (!write_text(path, text)) {
		perror(path);
		abort();
	}
}

static void group_add(const char *group, pid_t pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	group_write(group, "cgroup.procs", text);
}

/* The number behind @key in a file of the group's. */
static long group_number(const char *group, const char *file, const char *key)
{
	char path[100], line[100];
	long n = -1;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", group, file);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)) &&
		    sscanf(line + strlen(key), "%ld", &n) == 1)
			break;
	if (f)
		fclose(f);
	return n;
}

static long group_bytes(const char *group)
{
	return group_number(group, "memory.current", "");
}

static int console_level(void)
{
	FILE *f = fopen("/proc/sys/kernel/printk", "r");
	int n;

	if (!f || fscanf(f, "%d", &n) != 1)
		abort();
	fclose(f);
	return n;
}

static void console_set(int level)
{
	klogctl(8, NULL, level);	/* SYSLOG_ACTION_CONSOLE_LEVEL */
}

/*
 * The kernel says, with a trace, that it kills for want of memory, or finds nobody to
 * kill. On the console that would be taken for a complaint; those the test looks for.
 */
FIXTURE_SETUP(memory)
{
	settings_save(&self->settings);
	settings_begin(&self->settings);
	allow_many_files();
	set_param("user_bytes", 1024 * MIB);
	set_param("user_parked", 1024 * MIB);
	strcpy(self->dir, "/tmp/chan-limits-XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->dir));
	ASSERT_EQ(0, mount("cgroup2", self->dir, "cgroup2", 0, NULL));
	group_write(self->dir, "cgroup.subtree_control", "+memory");
	snprintf(self->group, sizeof(self->group), "%s/chan", self->dir);
	ASSERT_EQ(0, mkdir(self->group, 0755));
	self->printed = console_level();
	self->log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ASSERT_GE(self->log, 0);
	lseek(self->log, 0, SEEK_END);
	console_set(1);
}

FIXTURE_TEARDOWN_PARENT(memory)
{
	console_set(self->printed);
	/* Until its last process is gone. */
	while (rmdir(self->group) && errno == EBUSY)
		usleep(1000);
	EXPECT_EQ(0, umount2(self->dir, MNT_DETACH));
	EXPECT_EQ(0, rmdir(self->dir));
	settings_restore(&self->settings);
}

/* Returns how many lines the kernel has printed. */
static int expect_no_complaint(struct __test_metadata *_metadata, int log)
{
	static const char * const complaints[] = {
		"WARNING:", "BUG:", "cut here", "general protection", "suspicious RCU",
		"possible circular", "possible recursive", "ODEBUG",
	};
	char line[8192];
	int lines = 0;
	unsigned int i;
	ssize_t n;

	do {
		n = read(log, line, sizeof(line) - 1);
		lines += n > 0;
		for (i = 0; n > 0 && i < NR(complaints); i++) {
			line[n] = 0;
			EXPECT_EQ(NULL, strstr(line, complaints[i]))
				TH_LOG("%s", line);
		}
	} while (n > 0 || errno == EPIPE);
	return lines;
}

/*
 * Kinds of memory, and at least and at most how much. What was taken is in files[].
 */

static int files[100], nr_files;

static bool keep(int fd)
{
	if (fd >= 0)
		files[nr_files++] = fd;
	return fd >= 0;
}

static void give_all(void)
{
	while (nr_files)
		close(files[--nr_files]);
}

static bool take_words(void)
{
	return keep(make_chan(8, 8 * MIB / 8, 0));
}

static bool take_kilobytes(void)
{
	return keep(make_chan(1024, 8 * MIB / 1024, 0));
}

static bool take_messages(void)
{
	return keep(make_chan(1000, 8 * MIB / 1008, CHAN_MESSAGE));
}

/* An element with what the kernel keeps beside it is 64 KiB at most. */
static bool take_references(void)
{
	return keep(make_chan(65536 - 64, 8 * MIB / 65536, 0));
}

static int arm_sends(int n)
{
	static unsigned char buf[MIB];
	int fd = make_chan(MIB - 64, 0, 0), sel, i, r;
	struct chan_case k[8];

	if (fd < 0)
		return fd;
	sel = make_selector(0);
	for (i = 0; i < n; i++)
		k[i] = send_case(fd, buf);
	r = sel < 0 ? sel : arm_n(sel, k, n, 0);
	close(fd);
	if (r == -EINPROGRESS)
		return sel;
	close(sel);
	return r;
}

/* With one that the handle keeps. */
static bool take_payloads(void)
{
	return keep(arm_sends(7));
}

#define ARMED	90

static bool take_cases(void)
{
	static struct chan_case k[CHAN_CASES_MAX];
	int i;

	for (i = 0; i < CHAN_CASES_MAX; i++)
		k[i].fd = -1;
	for (i = 0; i < ARMED; i++)
		if (!keep(make_selector(0)) ||
		    arm_n(files[i], k, CHAN_CASES_MAX, 0) != -EINPROGRESS)
			return false;
	return true;
}

static const struct memory {
	const char *name;
	bool (*take)(void);
	long least, most;
} memories[] = {
	{ "a ring of words", take_words, 8 * MIB, 8 * MIB },
	{ "a ring of kilobytes", take_kilobytes, 8 * MIB, 8 * MIB },
	{ "a ring of messages", take_messages, 8 * MIB, 8 * MIB },
	{ "a ring by reference", take_references, 8 * MIB, 8 * MIB },
	{ "armed payloads", take_payloads, 8 * MIB, 8 * MIB },
	/* A case with all there is to it is 90 bytes, which are rounded up. */
	{ "armed cases", take_cases, ARMED * 1024 * 90, ARMED * 2 * 65536 },
};

/* What the processors have charged in advance, and what there is beside. */
#define LEEWAY	((long)(MIB + MIB / 2))

TEST_F(memory, what_one_makes_is_charged_to_one_s_group_and_given_back)
{
	const struct memory *m;
	_Atomic int *go = shared(sizeof(*go));
	long before, with, after;
	pid_t pid;

	pid = fork_as(0);
	if (!pid) {
		wait_for(go, 1);
		for (m = memories; m < memories + NR(memories); m++) {
			before = group_bytes(self->group);
			EXPECT_TRUE(m->take());
			with = group_bytes(self->group);
			EXPECT_LE(m->least - LEEWAY, with - before);
			EXPECT_GE(m->most + LEEWAY, with - before);
			give_all();
			after = group_bytes(self->group);
			EXPECT_GE(LEEWAY, after - before);
			TH_LOG("%s: %ld KiB, then %ld", m->name, (with - before) >> 10,
			       (after - before) >> 10);
		}
		_exit(0);
	}
	group_add(self->group, pid);
	*go = 1;
	EXPECT_FALSE(is_child(_metadata, pid));
	expect_no_complaint(_metadata, self->log);
}

/*
 * One mebibyte after the other, until there is no more
 */

static int mib_of_words(void)
{
	return make_chan(8, MIB / 8, 0);
}

static int mib_by_reference(void)
{
	return make_chan(65536 - 64, MIB / 65536, 0);
}

/* Two, with the handle's. */
static int two_mib_armed(void)
{
	return arm_sends(1);
}

/* Small elements, and what goes with them, in one piece. */
static int mib_armed_in_place(void)
{
	static struct chan_case k[1000];
	static unsigned char elem[1000];
	int fd = make_chan(sizeof(elem), 0, 0), sel, i, r;

	if (fd < 0)
		return fd;
	for (i = 0; i < (int)NR(k); i++)
		k[i] = send_case(fd, elem);
	sel = make_selector(0);
	r = sel < 0 ? sel : arm_n(sel, k, NR(k), 0);
	close(fd);
	if (r == -EINPROGRESS)
		return sel;
	close(sel);
	return r;
}

static int mib_of_handles(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = make_chan(MIB - 64, 0, 0);
	return fd < 0 ? fd : narrow(fd, O_RDONLY);
}

static int (*const mibs[])(void) = {
	mib_of_words, mib_by_reference, two_mib_armed, mib_armed_in_place, mib_of_handles,
};

#define GROUP_MIB	32

struct greed {
	_Atomic int go;
	int taken, error, again;
	bool same;
};

/* Until it fails. Little else is done, for which there is hardly memory either. */
static void be_greedy(int (*take)(void), struct greed *g)
{
	struct chan_limits before, after;
	int fd;

	wait_for(&g->go, 1);
	for (;;) {
		before = limits();
		fd = take();
		if (!keep(fd))
			break;
		g->taken++;
	}
	after = limits();
	g->error = fd;
	g->same = same_use(before, after) && before.total_channels == after.total_channels &&
		  before.total_parties == after.total_parties;
	give_all();
	g->again = take();
}

/* Whom the kernel may not kill is told that there is no memory. */
TEST_F_TIMEOUT(memory, over_its_group_s_memory_is_ENOMEM_and_changes_nothing, 120)
{
	struct greed *g = shared(sizeof(*g));
	unsigned int i;
	pid_t pid;

	group_write(self->group, "memory.max", "33554432");
	for (i = 0; i < NR(mibs); i++) {
		memset(g, 0, sizeof(*g));
		pid = fork_as(0);
		if (!pid) {
			if (!write_text("/proc/self/oom_score_adj", "-1000"))
				_exit(1);
			be_greedy(mibs[i], g);
			_exit(0);
		}
		group_add(self->group, pid);
		g->go = 1;
		EXPECT_FALSE(is_child(_metadata, pid));
		EXPECT_EQ(-ENOMEM, g->error);
		EXPECT_LT(GROUP_MIB / 4, g->taken);
		EXPECT_GT(GROUP_MIB, g->taken);
		EXPECT_TRUE(g->same);
		EXPECT_LE(0, g->again);
		TH_LOG("kind %u: %d, then %d", i, g->taken, g->error);
	}
	expect_no_complaint(_metadata, self->log);
}

/* Two outside, who send each other a number. */
static void play(int to, int from, _Atomic int *rallies)
{
	uint64_t n = 0;

	for (;;) {
		if (to >= 0 && wr(to, &n, 8) != 8)
			_exit(1);
		if (rd(from, &n, 8) != 8)
			_exit(1);
		++*rallies;
	}
}

TEST_F_TIMEOUT(memory, who_is_greedy_is_killed_in_his_group_and_those_outside_go_on, 120)
{
	int c = make_chan(8, 1, 0), status, before, i;
	_Atomic int *rallies = shared(sizeof(*rallies));
	unsigned long long channels = limits().total_channels;
	struct greed *g = shared(sizeof(*g));
	pid_t pid, outside = fork_as(BOB);

	if (!outside)
		play(c, c, rallies);
	group_write(self->group, "memory.max", "33554432");
	for (i = 0; i < (int)NR(mibs); i++) {
		memset(g, 0, sizeof(*g));
		pid = fork_as(ALICE);
		if (!pid) {
			be_greedy(mibs[i], g);
			_exit(0);
		}
		group_add(self->group, pid);
		before = *rallies;
		g->go = 1;
		EXPECT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
			TH_LOG("kind %d: %d taken, then %d", i, g->taken, g->error);
		EXPECT_EQ(i + 1, group_number(self->group, "memory.events", "oom_kill "));
		EXPECT_LT(GROUP_MIB / 4, g->taken);
		EXPECT_GT(GROUP_MIB, g->taken);
		wait_for(rallies, before + 100);
		/* All of it is given back. */
		EXPECT_EQ(channels, limits().total_channels);
		EXPECT_EQ(0, limits().total_parties);
		while (group_bytes(self->group) > 2 * LEEWAY)
			sched_yield();
	}
	EXPECT_EQ(0, waitpid(outside, &status, WNOHANG));
	kill(outside, SIGKILL);
	EXPECT_EQ(outside, waitpid(outside, &status, 0));
	/* It said whom it killed. */
	EXPECT_LT(0, expect_no_complaint(_metadata, self->log));
}

TEST_HARNESS_MAIN
