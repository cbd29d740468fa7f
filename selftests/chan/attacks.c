// SPDX-License-Identifier: GPL-2.0
/*
 * What somebody could try who means harm, and where it is tested that he fails:
 *
 *  attack                                    test
 *  ----------------------------------------  -----------------------------------------
 *  take a service's name before it does      perms: a_name_is_ones_own_or_else_roots_...
 *  open and close, to trip autoclose or      here: who_holds_its_ends_..., and its
 *    hangup                                    counterpart
 *  destroy what is another's                 perms: only_the_owner_and_root_destroy, a_
 *                                              handle_that_was_passed_on_..., root_of_a_...
 *  ticks of a nanosecond, 10,000 timers      timer: a_tick_of_1_ns_..., ten_thousand_...;
 *                                              here: ..._leaves_another_s_timer_its_turn
 *  a storm of devices and uevents            perms: named_channels_have_a_rate, and its
 *                                              neighbours; here: ..._count_in_the_rate
 *  a quota for each subordinate uid          perms: a_namespaces_owner_pays_...; limits
 *  pin the module by what nobody removes     here: root_removes_whatever_pins_the_module
 *  queues so long that a lock is held long   here: a_close_of_..., a_call_that_meets_...
 *  memory of parked sends                    here: parked_payloads_...; limits
 *  memory so slow that a lock is held long   none: there is none here. It would be held
 *                                              for CHAN_HOLD_BYTES. See stall, too.
 *  a type or name that forges a line of      here: no_type_and_no_name_forges_a_line
 *    fdinfo or a uevent
 *  change arguments while they are read      here: a_select_..., a_case_is_looked_at_once,
 *                                              a_send_...
 *  unload while a device is released         here: it_is_unloaded_as_soon_as_...
 *  give a privileged program a channel for   here: a_privileged_program_...
 *    its output                                (chan(4) says so)
 *  another channel behind the same minor     perms: a_minor_is_not_used_again_at_once;
 *    between RESOLVE and open                  libchan's unit test: of another id, ESTALE
 *  files in a select's cases that are no     here: a_case_of_another_kind_of_file_...,
 *    channels, closed or replaced              a_file_replaced_...
 */
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>

#include "users.h"

/*
 * Unload; first, before this program has chanctl open
 */

static int unload(void)
{
	return syscall(SYS_delete_module, "chan", O_NONBLOCK) ? -errno : 0;
}

static int load(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
	close(fd);
	return r;
}

/* Make and destroy channels, whether there is a module or not, unless told to pause. */
static void come_and_go(_Atomic int *pause, _Atomic int *paused, _Atomic int *made)
{
	struct chan_destroy d = { .size = sizeof(d) };
	struct chan_create c;
	int ctl, node;

	for (;;) {
		for (; *pause; sched_yield())
			*paused = 1;
		*paused = 0;
		ctl = open(CTL, O_RDWR | O_CLOEXEC);
		if (ctl < 0) {
			sched_yield();
			continue;
		}
		c = named("comes", 0600);
		c.size = sizeof(c);
		if (!ioctl(ctl, CHAN_IOC_CREATE, &c)) {
			node = open_minor(c.minor, O_RDWR);
			if (ioctl(c.fd, CHAN_IOC_DESTROY, &d))
				_exit(1);
			close(c.fd);
			close(node);
			++*made;
		}
		close(ctl);
	}
}

#define ROUNDS		4
#define ATTEMPTS	300	/* to unload it between two channels, which needs luck */

/* Returns whether the module went while channels came and went. */
static bool unload_between(struct __test_metadata *_metadata, _Atomic int *pause,
			   _Atomic int *paused)
{
	int n, r;

	for (n = 0; n < ATTEMPTS; n++) {
		r = unload();
		if (r != -EWOULDBLOCK)
			break;
	}
	if (r == -EWOULDBLOCK) {
		*pause = 1;
		wait_for(paused, 1);
		/* Nothing is left but devices not yet released, which are waited for. */
		r = unload();
	}
	EXPECT_EQ(0, r);
	return n < ATTEMPTS;
}

FIXTURE(module) {
	char path[200];
};

FIXTURE_SETUP(module)
{
	snprintf(self->path, sizeof(self->path), "%s/chan.ko", getenv("T") ?: "");
}

/* Whatever became of the test, others need it. */
FIXTURE_TEARDOWN_PARENT(module)
{
	if (access(CTL, F_OK))
		EXPECT_EQ(0, load(self->path));
}

TEST_F_TIMEOUT(module, it_is_unloaded_as_soon_as_nothing_is_left_and_not_before, 120)
{
	_Atomic int *f = shared(3 * sizeof(*f));	/* pause, paused, made */
	int round, status, lucky = 0;
	pid_t pid;

	if (access(self->path, R_OK))
		return;		/* on a machine that isn't the test's own */
	pid = fork_as(0);
	if (!pid)
		come_and_go(&f[0], &f[1], &f[2]);
	for (round = 0; round < ROUNDS; round++) {
		f[0] = 0;
		wait_for(&f[2], 2 * round + 1);
		lucky += unload_between(_metadata, &f[0], &f[1]);
		EXPECT_EQ(-1, access("/sys/class/chan", F_OK));
		ASSERT_EQ(0, load(self->path));
	}
	EXPECT_EQ(0, waitpid(pid, &status, WNOHANG));
	kill(pid, SIGKILL);
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	/* It may have been killed with its channel there. */
	destroy_all_of(0);
	TH_LOG("%d channels; %d of %d times between two", f[2], lucky, ROUNDS);
}

FIXTURE(attacks) {
	struct settings settings;
};

FIXTURE_SETUP(attacks)
{
	settings_save(&self->settings);
	settings_begin(&self->settings);
	allow_many_files();
	wait_for_releases();
}

/* In the parent, so that it is done whatever became of the test. */
FIXTURE_TEARDOWN_PARENT(attacks)
{
	EXPECT_EQ(0, destroy_all_of(ALICE));
	EXPECT_EQ(0, destroy_all_of(BOB));
	settings_restore(&self->settings);
}

/*
 * Close by opening
 */

#define OPENS	300
#define NR_STRANGERS	3

/* Open the node in every way and close it again, and make handles of it. */
static void open_and_close(unsigned int minor)
{
	static const int modes[] = { O_RDONLY, O_WRONLY, O_RDWR, LOOK };
	int i, fd, other;

	for (i = 0; i < OPENS; i++) {
		fd = open_minor(minor, modes[i % 4]);
		if (fd < 0)
			_exit(1);
		other = narrow(fd, i % 4 == 2 ? (i & 4 ? O_RDONLY : O_WRONLY) : LOOK);
		close(other);
		close(dup(fd));
		close(fd);
	}
}

/* All that strangers do is between @go, one more than the minor, and their @done. */
struct open_close {
	_Atomic int go, done;
};

static void service(struct __test_metadata *_metadata, struct open_close *o)
{
	struct chan_create c = named("service", 0666);
	uint64_t v = 5, got = 0;
	struct chan_info now;
	struct call receiver;
	int in, out;

	c.flags |= CHAN_AUTOCLOSE | CHAN_HANGUP;
	EXPECT_GE(create(&c), 0);
	in = narrow(c.fd, O_RDONLY);
	out = narrow(c.fd, O_WRONLY);
	close(c.fd);
	call_start(&receiver, in, false, &got, 8);
	wait_parked(in, 0, 1);
	o->go = c.minor + 1;
	wait_for(&o->done, NR_STRANGERS);
	now = info(in);
	EXPECT_FALSE(now.flags & (CHAN_CLOSED | CHAN_HUNGUP));
	EXPECT_EQ(1, now.senders);
	EXPECT_EQ(1, now.receivers);
	EXPECT_EQ(1, now.parked_receivers);
	EXPECT_EQ(8, wr(out, &v, 8));
	EXPECT_EQ(8, call_end(&receiver));
	EXPECT_EQ(5, got);
	EXPECT_EQ(0, destroy(out, 0));
}

TEST_F(attacks, who_holds_its_ends_keeps_a_channel_open_whoever_opens_and_closes_it)
{
	struct open_close *o = shared(sizeof(*o));
	pid_t stranger[NR_STRANGERS];
	int i;

	for (i = 0; i < NR_STRANGERS; i++) {
		stranger[i] = fork_as(BOB);
		if (!stranger[i]) {
			wait_for(&o->go, 1);
			open_and_close(o->go - 1);
			o->done++;
			_exit(0);
		}
	}
	AS(ALICE)
		service(_metadata, o);
	for (i = 0; i < NR_STRANGERS; i++)
		EXPECT_FALSE(is_child(_metadata, stranger[i]));
}

/*
 * Nobody holds an end: then who may be one can be the first and the last. One who may
 * only receive can't close the channel, but hang it up. Who may neither can't.
 */
TEST_F(attacks, an_end_that_nobody_holds_is_tripped_only_by_who_may_be_that_end)
{
	struct chan_create c = named("loose", 0644);
	uint64_t v = 1;
	int i, look;

	c.flags |= CHAN_AUTOCLOSE | CHAN_HANGUP;
	c.fd_flags = LOOK;
	ASSERT_GE(create(&c), 0);
	look = c.fd;
	AS(ALICE) {
		for (i = 0; i < 10; i++) {
			EXPECT_EQ(-EACCES, open_minor(c.minor, O_WRONLY));
			EXPECT_EQ(-EACCES, open_minor(c.minor, O_RDWR));
			EXPECT_EQ(-EACCES, open_minor(c.minor, LOOK));
			EXPECT_EQ(-EBADF, narrow(look, O_RDONLY));
			EXPECT_EQ(-EBADF, narrow(look, O_WRONLY));
			EXPECT_EQ(-EBADF, chan_close(look));
		}
	}
	EXPECT_FALSE(info(look).flags & (CHAN_CLOSED | CHAN_HUNGUP));
	AS(ALICE) {
		EXPECT_EQ(0, close(open_minor(c.minor, O_RDONLY)));
	}
	EXPECT_EQ(CHAN_HUNGUP, info(look).flags & (CHAN_CLOSED | CHAN_HUNGUP));
	i = open_minor(c.minor, O_RDWR);
	EXPECT_EQ(-EPIPE, wr(i, &v, 8));
	EXPECT_EQ(0, destroy(look, 0));
}

/*
 * Storms
 */

static unsigned long uevents(void)
{
	FILE *f = fopen("/sys/kernel/uevent_seqnum", "r");
	unsigned long n = 0;

	if (!f || fscanf(f, "%lu", &n) != 1)
		abort();
	fclose(f);
	return n;
}

#define RATE	5

TEST_F(attacks, channels_whose_making_fails_count_in_the_rate)
{
	struct chan_create *c = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned long before;
	int i, n[2] = {};

	/* The node is made, and then nobody can be told of it. */
	*c = named("untold", 0600);
	c->size = sizeof(*c);
	ASSERT_EQ(0, mprotect(c, 4096, PROT_READ));
	set_param("named_rate", RATE);
	before = uevents();
	AS(100000 + getpid()) {
		for (i = 0; i < 100; i++) {
			EXPECT_EQ(-1, ioctl(ctl_open(), CHAN_IOC_CREATE, c));
			n[0] += errno == EFAULT;
			n[1] += errno == EDQUOT;
		}
		EXPECT_EQ(RATE, n[0]);
		EXPECT_EQ(100 - RATE, n[1]);
		while (debug_kernel() && limits().channels)
			usleep(10000);
		EXPECT_EQ(0, limits().channels);
	}
	/* One that it comes, one that it goes. */
	EXPECT_EQ(2 * RATE, uevents() - before);
}

#define STORM	200	/* timers */

static int make_timer(uint64_t first, uint64_t period)
{
	struct chan_create c = {
		.flags = CHAN_TIMER, .elem_size = 8, .capacity = 1, .fd_flags = O_RDONLY,
	};
	struct chan_timer t = {
		.size = sizeof(t), .flags = CHAN_TIMER_START, .first_ns = first,
		.period_ns = period,
	};
	int fd = create(&c);

	return fd < 0 ? fd : ioctl(fd, CHAN_IOC_TIMER, &t) ? -errno : fd;
}

/* Take ticks of a nanosecond from many timers as fast as they come. */
static void storm(_Atomic int *taken)
{
	int fd[STORM], i;
	uint64_t v;

	for (i = 0; i < STORM; i++) {
		fd[i] = make_timer(1, 1);
		if (fd[i] < 0)
			_exit(1);
	}
	for (;;) {
		for (i = 0; i < STORM; i++)
			if (rd(fd[i], &v, 8) != 8)
				_exit(2);
		++*taken;
	}
}

TEST_F(attacks, a_storm_of_one_users_ticks_leaves_another_s_timer_its_turn)
{
	_Atomic int *taken = shared(sizeof(*taken));
	int fd, i, status, before;
	pid_t pid[2];
	uint64_t v;

	for (i = 0; i < 2; i++) {
		pid[i] = fork_as(ALICE);
		if (!pid[i])
			storm(taken);
	}
	wait_for(taken, 2);
	AS(BOB) {
		fd = make_timer(MSEC, MSEC);
		before = *taken;
		for (i = 0; i < 20; i++)
			EXPECT_EQ(8, rd(fd, &v, 8));
		/* While it went on. */
		wait_for(taken, before + 1);
	}
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, waitpid(pid[i], &status, WNOHANG));
		kill(pid[i], SIGKILL);
		waitpid(pid[i], &status, 0);
	}
}

/*
 * The module
 */

#define PINS	16

/* All that a user can do to stay: full channels that only she may open, and calls in them. */
static void pin(_Atomic int *ready)
{
	static struct call c[PINS];
	static uint64_t v[5];
	char name[16];
	int i, fd;

	for (i = 0; i < PINS; i++) {
		struct chan_create made;

		snprintf(name, sizeof(name), "pin%d", i);
		made = named(name, 0600);
		fd = create(&made);
		if (fd < 0)
			_exit(1);
		/* One more than there is room for: it waits. */
		call_start(&c[i], fd, true, v, sizeof(v));
		wait_parked(fd, 1, 0);
	}
	*ready = 1;
	for (;;)
		pause();
}

TEST_F(attacks, root_removes_whatever_pins_the_module)
{
	_Atomic int *ready = shared(sizeof(*ready));
	long long before;
	int status;
	pid_t pid;

	limits();
	before = module_number("refcnt");
	pid = fork_as(ALICE);
	if (!pid)
		pin(ready);
	wait_for(ready, 1);
	/* A file and a node each. */
	EXPECT_EQ(before + 2 * PINS, module_number("refcnt"));
	EXPECT_EQ(PINS, destroy_all_of(ALICE));
	EXPECT_EQ(before + PINS, module_number("refcnt"));
	kill(pid, SIGKILL);
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(before, module_number("refcnt"));
	EXPECT_EQ(0, limits().total_parties);
}

/*
 * Long queues
 */

#define QUEUE	20000		/* places in the queue of one channel */
#define TRIES	20		/* of a race that only has to be seen once */

/*
 * Ask how long the queue is, again and again, from the processor that works it off: that
 * it was seen shorter, and not gone, is to have had the channel's lock in between. It
 * preempts whoever doesn't hold that lock, so that this doesn't take another processor
 * which is free just then.
 */
struct onlooker {
	pthread_t thread;
	int fd;
	_Atomic int started, stop;
	unsigned int seen;
};

/*
 * Not so often that this is all that the processor does: the scheduler would suspend it for
 * a while, as a realtime task that leaves nothing to others, and those would be alone then.
 */
static void *look_on(void *arg)
{
	const struct timespec interval = { .tv_nsec = 100000 };
	const struct sched_param first = { .sched_priority = 1 };
	struct onlooker *o = arg;
	unsigned int n;

	if (sched_setscheduler(0, SCHED_FIFO, &first))
		abort();
	while (!o->stop) {
		n = info(o->fd).parked_receivers;
		o->seen += n > 0 && n < QUEUE;
		o->started = 1;
		nanosleep(&interval, NULL);
	}
	return NULL;
}

static void onlooker_start(struct onlooker *o, int fd)
{
	cpu_set_t here;

	CPU_ZERO(&here);
	CPU_SET(sched_getcpu(), &here);
	*o = (struct onlooker){ .fd = fd };
	if (sched_setaffinity(0, sizeof(here), &here) ||
	    pthread_create(&o->thread, NULL, look_on, o))
		abort();
	wait_for(&o->started, 1);
}

static unsigned int onlooker_end(struct onlooker *o)
{
	o->stop = 1;
	pthread_join(o->thread, NULL);
	return o->seen;
}

/* So many selectors that wait in @fd @times, and before that once in @first if it is one. */
static void arm_all(struct __test_metadata *_metadata, int *sel, int n, int fd, int times,
		    const int *first)
{
	static struct chan_case k[CHAN_CASES_MAX];
	int i, extra = !!first;

	for (i = 0; i < times; i++)
		k[extra + i] = recv_case(fd, NULL);
	for (i = 0; i < n; i++) {
		if (first)
			k[0] = recv_case(first[i], NULL);
		sel[i] = make_selector(O_NONBLOCK);
		ASSERT_GE(sel[i], 0);
		ASSERT_EQ(-EINPROGRESS, arm_n(sel[i], k, extra + times, 0));
	}
}

static void close_all(int *fd, int n)
{
	while (n--)
		close(fd[n]);
}

#define MANY	2000

TEST_F_TIMEOUT(attacks, a_close_of_a_long_queue_lets_others_in_between, 120)
{
	static int sel[MANY];
	struct chan_selected res;
	struct onlooker o;
	unsigned int seen = 0;
	int try, fd, i;

	for (try = 0; try < TRIES && !seen; try++) {
		fd = make_chan(0, 0, 0);
		arm_all(_metadata, sel, MANY, fd, QUEUE / MANY, NULL);
		ASSERT_EQ(QUEUE, info(fd).parked_receivers);
		onlooker_start(&o, fd);
		EXPECT_EQ(0, chan_close(fd));
		seen = onlooker_end(&o);
		EXPECT_EQ(0, info(fd).parked_receivers);
		for (i = 0; i < MANY; i++) {
			EXPECT_EQ(sizeof(res), rd(sel[i], &res, sizeof(res)));
			EXPECT_EQ(0, res.flags);
		}
		close_all(sel, MANY);
		close(fd);
	}
	EXPECT_GT(seen, 0);
	TH_LOG("seen %u times, at try %d", seen, try);
}

#define FEW	20

/* Fill @fd's queue with what waits there no more, for it was served elsewhere. */
static void make_stale(struct __test_metadata *_metadata, int fd, int *sel, int *other)
{
	int i;

	for (i = 0; i < FEW; i++)
		other[i] = make_chan(0, 0, 0);
	arm_all(_metadata, sel, FEW, fd, QUEUE / FEW, other);
	for (i = 0; i < FEW; i++)
		EXPECT_EQ(1, send_n(other[i], NULL, 1, CHAN_NONBLOCK, 0));
	ASSERT_EQ(QUEUE, info(fd).parked_receivers);
}

static long send_now(int fd)
{
	return send_n(fd, NULL, 1, CHAN_NONBLOCK, 0);
}

static long select_now(int fd)
{
	struct chan_case k[2] = { send_case(fd, NULL), { .fd = -1 } };

	return select_n(k, 2, CHAN_NONBLOCK, 0);
}

static long close_now(int fd)
{
	return chan_close(fd) ?: -EAGAIN;
}

static long ask_poll(int fd)
{
	return poll_now(fd) ?: -EAGAIN;
}

TEST_F_TIMEOUT(attacks, a_call_that_meets_a_long_stale_queue_lets_others_in_between, 120)
{
	static long (*const call[])(int) = { send_now, select_now, ask_poll, close_now };
	static int sel[FEW], other[FEW];
	struct onlooker o;
	unsigned int n, seen;
	int try, fd;

	for (n = 0; n < NR(call); n++) {
		seen = 0;
		for (try = 0; try < TRIES && !seen; try++) {
			fd = make_chan(0, 0, 0);
			make_stale(_metadata, fd, sel, other);
			onlooker_start(&o, fd);
			/* Nobody waits there. */
			EXPECT_EQ(-EAGAIN, call[n](fd));
			seen = onlooker_end(&o);
			EXPECT_EQ(0, info(fd).parked_receivers);
			close_all(sel, FEW);
			close_all(other, FEW);
			close(fd);
		}
		EXPECT_GT(seen, 0)
			TH_LOG("call %u", n);
	}
}

/*
 * Memory of those who wait
 */

#define PAYLOAD		(64 << 10)

TEST_F(attacks, parked_payloads_are_bounded_however_many_cases_there_are)
{
	static struct chan_case k[CHAN_CASES_MAX];
	static char buf[PAYLOAD];
	unsigned long long each, used;
	struct chan_limits l;
	int fd, sel, n, i;

	AS(ALICE) {
		fd = make_chan(PAYLOAD, 0, CHAN_MESSAGE);
		EXPECT_GE(fd, 0);
		for (i = 0; i < CHAN_CASES_MAX; i++) {
			k[i] = send_case(fd, buf);
			k[i].len = PAYLOAD;
		}
		/* 64 MiB at once. */
		l = limits();
		EXPECT_EQ(-EDQUOT, select_n(k, CHAN_CASES_MAX, 0, 0));
		EXPECT_EQ(-EDQUOT, arm_n(make_selector(0), k, CHAN_CASES_MAX, 0));
		EXPECT_EQ(l.parked, limits().parked);
		EXPECT_EQ(0, info(fd).parked_senders);
		/* 1 MiB each, until it is too much; what is there stays armed. */
		sel = make_selector(0);
		EXPECT_EQ(-EINPROGRESS, arm_n(sel, k, 16, 0));
		each = limits().parked - l.parked;
		EXPECT_GE(each, 16 * PAYLOAD);
		for (n = 1; arm_n(make_selector(0), k, 16, 0) == -EINPROGRESS; n++)
			;
		used = limits().parked;
		EXPECT_EQ((l.user_parked - l.parked) / each, n);
		EXPECT_LE(used, l.user_parked);
		EXPECT_EQ(l.parked + n * each, used);
		EXPECT_EQ(16 * n, info(fd).parked_senders);
		EXPECT_EQ(0, limits().user_parked - l.user_parked);
	}
	/* Of who is gone nothing is left. */
	AS(ALICE) {
		EXPECT_EQ(0, limits().parked);
	}
}

/*
 * Lines of text
 */

static bool allowed(int c, bool in_name)
{
	return c >= ' ' && c < 127 && !strchr("`\"'\\=", c) && !(in_name && strchr(":/ ", c));
}

/* fdinfo of one that has a type, from the type on, line by line. */
static void expect_fdinfo(struct __test_metadata *_metadata, int fd, const char *type)
{
	char path[40], text[2048], want[2048];
	char *at;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	read_text(path, text, sizeof(text));
	at = strstr(text, "chan-type:");
	snprintf(want, sizeof(want),
		 "chan-type:\t%s\nchan-handle:\tboth\nchan-elem-size:\t8\nchan-capacity:\t4\n"
		 "chan-len:\t0\nchan-flags:\t0x0\nchan-senders:\t1\nchan-receivers:\t1\n"
		 "chan-parked-senders:\t0\nchan-parked-receivers:\t0\n"
		 "chan-sent:\t0\nchan-received:\t0\n", type);
	EXPECT_STREQ(want, at);
}

static void expect_uevent(struct __test_metadata *_metadata, const struct chan_create *c)
{
	char path[64], text[512], want[512];
	struct stat st;

	snprintf(path, sizeof(path), "/dev/chan%u", c->minor);
	EXPECT_EQ(0, stat(path, &st));
	snprintf(path, sizeof(path), "/sys/class/chan/chan%u/uevent", c->minor);
	read_text(path, text, sizeof(text));
	snprintf(want, sizeof(want), "MAJOR=%u\nMINOR=%u\nDEVNAME=chan%u\n",
		 major(st.st_rdev), c->minor, c->minor);
	EXPECT_EQ(0, strncmp(text, want, strlen(want)));
	/* The mode, and the device's type, which is the module's. */
	EXPECT_EQ(NULL, strstr(text, c->name));
	EXPECT_EQ(NULL, strstr(text, c->type));
}

TEST_F(attacks, no_type_and_no_name_forges_a_line)
{
	struct chan_create c;
	int byte, at, r;

	for (byte = 1; byte < 256; byte++) {
		for (at = 0; at < 3; at++) {
			c = (struct chan_create){
				.elem_size = 8, .capacity = 4, .fd_flags = O_RDWR,
			};
			strcpy(c.type, "xyz");
			c.type[at] = byte;
			r = create(&c);
			if (!allowed(byte, false) || (byte == ' ' && at != 1)) {
				EXPECT_EQ(-EINVAL, r);
				continue;
			}
			ASSERT_GE(r, 0);
			expect_fdinfo(_metadata, r, c.type);
			close(r);
		}
		c = named("Qx", 0600);
		strcpy(c.type, "Zy");
		c.name[1] = byte;
		r = create(&c);
		if (!allowed(byte, true)) {
			EXPECT_EQ(-EINVAL, r);
			continue;
		}
		ASSERT_GE(r, 0);
		expect_uevent(_metadata, &c);
		EXPECT_EQ(0, destroy(r, 0));
		close(r);
	}
}

/*
 * Arguments that change while they are read
 */

#define FLIPS	4000		/* calls */
#define TOP	8		/* bytes of a message at most */

enum { X, Y, M, ONLY_SENT, ONLY_READ, CLOSED, NR_CHANS };

/* Channels, and arguments that a thread keeps changing. */
struct flip {
	pthread_t thread;
	_Atomic int stop;
	int fd[NR_CHANS];		/* of the last three, a handle that may do one thing */
	int all[NR_CHANS];		/* handles that may do all, of the first three */
	int pipe[2];
	void *good[2], *bad;
	struct chan_case k[2];
	struct chan_select s;
	struct chan_xfer x;
	bool flip_select;
};

static uint32_t any(uint32_t *seed)
{
	return *seed = *seed * 1664525 + 1013904223;
}

#define ANY_OF(seed, ...)							\
	({									\
		const long of[] = { __VA_ARGS__ };				\
		of[(any(seed) >> 16) % NR(of)];					\
	})

static void flip_case(struct flip *f, volatile struct chan_case *k, uint32_t *seed)
{
	switch (any(seed) >> 16 & 7) {
	case 0:
	case 1:
		k->fd = ANY_OF(seed, f->fd[X], f->fd[X], f->fd[Y], f->fd[Y], f->fd[M], f->fd[M],
			       f->fd[M], f->fd[ONLY_SENT], f->fd[ONLY_READ], f->fd[CLOSED], -1,
			       99999, f->pipe[0]);
		break;
	case 2:
	case 3:
		k->op = ANY_OF(seed, CHAN_CASE_RECV, CHAN_CASE_SEND, CHAN_CASE_RECV,
			       CHAN_CASE_SEND, CHAN_CASE_RECV, CHAN_CASE_SEND, 2);
		break;
	case 4:
		k->buf = ANY_OF(seed, (long)f->good[0], (long)f->good[1], (long)f->good[0],
				(long)f->good[1], (long)f->bad, (long)0xffff888000000000);
		break;
	case 5:
	case 6:
		/* What fits is of an element, or of a message. */
		k->len = ANY_OF(seed, 0, 0, 0, 0, 0, 0, 3, TOP, TOP + 1, 4096, 1 << 20);
		break;
	case 7:
		k->pad = ANY_OF(seed, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
		break;
	}
}

static void flip_select(struct flip *f, volatile struct chan_select *s, uint32_t *seed)
{
	switch (any(seed) >> 16 & 3) {
	case 0:
		s->count = ANY_OF(seed, 1, 2, 1, 2, 0, CHAN_CASES_MAX + 1, 0xffffffff);
		break;
	case 1:
		s->case_size = ANY_OF(seed, sizeof(f->k[0]), sizeof(f->k[0]),
				      sizeof(f->k[0]), 0, 48);
		break;
	case 2:
		s->cases = ANY_OF(seed, (long)f->k, (long)f->k, (long)f->k, (long)f->bad);
		break;
	case 3:
		s->size = ANY_OF(seed, sizeof(*s), sizeof(*s), sizeof(*s), 8, 40, 1 << 20);
		break;
	}
}

static void flip_xfer(struct flip *f, volatile struct chan_xfer *x, uint32_t *seed)
{
	switch (any(seed) >> 16 & 3) {
	case 0:
		x->len = ANY_OF(seed, 0, 3, TOP, TOP + 1, 4096, 1 << 20);
		break;
	case 1:
		x->count = ANY_OF(seed, 1, 1, 1, 2, 0, 0x7fffffff);
		break;
	case 2:
		x->buf = ANY_OF(seed, (long)f->good[0], (long)f->good[1], (long)f->bad,
				(long)0xffff888000000000);
		break;
	case 3:
		x->size = ANY_OF(seed, sizeof(*x), sizeof(*x), 8, 40, 1 << 20);
		break;
	}
}

static void *flip_run(void *arg)
{
	struct flip *f = arg;
	uint32_t seed = 1;

	while (!f->stop) {
		flip_case(f, &f->k[any(&seed) >> 16 & 1], &seed);
		flip_xfer(f, &f->x, &seed);
		if (f->flip_select)
			flip_select(f, &f->s, &seed);
	}
	return NULL;
}

static void flip_start(struct __test_metadata *_metadata, struct flip *f)
{
	static const unsigned int flags[NR_CHANS] = { [M] = CHAN_MESSAGE };
	uint64_t v = 0;
	int i;

	memset(f, 0, sizeof(*f));
	for (i = 0; i < NR_CHANS; i++) {
		f->fd[i] = f->all[i] = make_chan(TOP, 4, flags[i]);
		ASSERT_GE(f->fd[i], 0);
		EXPECT_EQ(8, wr(f->fd[i], &v, 8));
	}
	f->fd[ONLY_SENT] = narrow(f->all[ONLY_SENT], O_WRONLY);
	f->fd[ONLY_READ] = narrow(f->all[ONLY_READ], O_RDONLY);
	EXPECT_EQ(0, chan_close(f->all[CLOSED]));
	EXPECT_EQ(8, rd(f->all[CLOSED], &v, 8));
	ASSERT_EQ(0, pipe(f->pipe));
	f->good[0] = mmap(NULL, 1 << 21, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			  0);
	f->good[1] = f->good[0] + 64;
	f->bad = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < 2; i++)
		f->k[i] = recv_case(f->fd[X], f->good[0]);
	f->s = (struct chan_select){
		.size = sizeof(f->s), .cases = (uintptr_t)f->k, .count = 2,
		.case_size = sizeof(f->k[0]),
	};
	f->x = (struct chan_xfer){
		.size = sizeof(f->x), .flags = CHAN_NONBLOCK, .count = 1, .len = 3,
	};
}

/* What has been done in all channels, and what must be true of them at any time. */
static unsigned long long flip_done(struct __test_metadata *_metadata, struct flip *f)
{
	unsigned long long done = 0;
	struct chan_info now;
	int i;

	for (i = 0; i < NR_CHANS; i++) {
		now = info(f->all[i]);
		done += now.sent + now.received;
		EXPECT_EQ(now.len, now.sent - now.received);
		EXPECT_LE(now.len, now.capacity);
		EXPECT_EQ(0, now.parked_senders + now.parked_receivers);
	}
	EXPECT_EQ(0, info(f->all[ONLY_SENT]).received);
	EXPECT_EQ(1, info(f->all[ONLY_READ]).sent);
	EXPECT_EQ(1, info(f->all[CLOSED]).sent);
	return done;
}

/* Messages no longer than they may be, in a channel that is neither full nor empty. */
static void flip_level(struct __test_metadata *_metadata, struct flip *f)
{
	uint64_t v[512] = {};
	long r;
	int i;

	for (i = 0; i <= M; i++) {
		while (info(f->all[i]).len > 2) {
			r = rd(f->all[i], v, i == M ? sizeof(v) : 8);
			/* An empty one is only for ioctls. */
			if (r == -ENODATA) {
				unsigned int len = sizeof(v);

				EXPECT_EQ(1, recv_msg(f->all[i], v, &len, 0));
				r = len;
			}
			EXPECT_LE(0, r);
			EXPECT_LE(r, TOP);
		}
		while (info(f->all[i]).len < 2)
			EXPECT_EQ(8, wr(f->all[i], v, 8));
	}
}

/* What a select may say, whatever its arguments were when it looked. */
static bool is_an_answer(long r)
{
	switch (r) {
	case -E2BIG:
	case -EAGAIN:
	case -EBADF:
	case -EFAULT:
	case -EINVAL:
	case -EMSGSIZE:
	case -ETIMEDOUT:
	case -EINPROGRESS:
		return true;
	}
	return r >= 0 && (r & CHAN_INDEX_MASK) < 2 && !(r & ~(CHAN_INDEX_MASK | CHAN_OK));
}

/* In turn one that looks, one that waits, and a selector. */
static long flip_select_once(struct flip *f, int sel, int n)
{
	struct result res;
	long r;

	f->s.flags = n % 3 == 0 ? CHAN_NONBLOCK : n % 3 == 1 ? CHAN_TIMEOUT : 0;
	r = ioctl(n % 3 == 2 ? sel : ctl_open(), n % 3 == 2 ? CHAN_IOC_ARM : CHAN_IOC_SELECT,
		  &f->s);
	r = r < 0 ? -errno : r;
	if (r == -EINPROGRESS && disarm(sel))
		r = rd(sel, &res, sizeof(res)) > 0 ? res.h.index | res.h.flags : -EIO;
	return r;
}

static void flip_selects(struct __test_metadata *_metadata, struct flip *f)
{
	unsigned long long before, after;
	unsigned int n, ok = 0, closed = 0, failed = 0;
	int sel = make_selector(O_NONBLOCK);
	long r;

	ASSERT_EQ(0, pthread_create(&f->thread, NULL, flip_run, f));
	for (n = 0; n < FLIPS && __test_passed(_metadata); n++) {
		flip_level(_metadata, f);
		before = flip_done(_metadata, f);
		r = flip_select_once(f, sel, n);
		after = flip_done(_metadata, f);
		EXPECT_TRUE(is_an_answer(r))
			TH_LOG("select said %ld", r);
		/* One operation, if it says so, and else none. */
		EXPECT_EQ(r >= 0 && r & CHAN_OK, after - before)
			TH_LOG("select said %ld", r);
		if (r < 0)
			failed++;
		else if (r & CHAN_OK)
			ok++;
		else
			closed++;
	}
	f->stop = 1;
	pthread_join(f->thread, NULL);
	EXPECT_EQ(0, limits().total_parties);
	close(sel);
	TH_LOG("%u done, %u closed, %u failed", ok, closed, failed);
	EXPECT_GT(ok, 0);
	EXPECT_GT(failed, 0);
}

TEST_F_TIMEOUT(attacks, a_select_is_one_of_those_that_its_cases_were_while_it_ran, 120)
{
	static struct flip f;

	flip_start(_metadata, &f);
	flip_selects(_metadata, &f);
}

TEST_F_TIMEOUT(attacks, a_select_whose_own_fields_change_while_it_runs_is_one_of_those_it_was, 120)
{
	static struct flip f;

	flip_start(_metadata, &f);
	f.flip_select = true;
	flip_selects(_metadata, &f);
}

static void pull_all(int fd)
{
	uint64_t v;

	while (recv_n(fd, &v, 1, CHAN_NONBLOCK, 0) == 1)
		;
}

/*
 * One field of the last of many cases, of which the others are never ready, changes
 * between two values. So much lies between one look at it and another, if there are two,
 * that they differ often enough.
 */
struct change {
	pthread_t thread;
	_Atomic int stop;
	volatile uint32_t *field;
	uint32_t value[2];
};

static void *change_run(void *arg)
{
	struct change *c = arg;
	unsigned int n;

	for (n = 0; !c->stop; n++)
		*c->field = c->value[n & 1];
	return NULL;
}

#define CHANGES	500

/* The two ways in which it may end must both be seen. */
static void change(struct __test_metadata *_metadata, struct flip *f, struct chan_case *k,
		   uint32_t *field, uint32_t one, uint32_t other, long want_one,
		   long want_other)
{
	struct change c = { .field = field, .value = { one, other } };
	unsigned long long before;
	unsigned int n, seen[2] = { 0, want_one == want_other };
	int sel = make_selector(O_NONBLOCK);
	long r;

	*field = one;
	ASSERT_EQ(0, pthread_create(&c.thread, NULL, change_run, &c));
	for (n = 0; n < CHANGES || !seen[0] || !seen[1]; n++) {
		flip_level(_metadata, f);
		before = flip_done(_metadata, f);
		r = n & 1 ? select_n(k, CHAN_CASES_MAX, CHAN_NONBLOCK, 0) :
			arm_n(sel, k, CHAN_CASES_MAX, 0);
		if (r == -EINPROGRESS)
			r = disarm(sel) ?: -EAGAIN;
		EXPECT_TRUE(r == want_one || r == want_other)
			TH_LOG("select said %ld", r);
		EXPECT_EQ(r >= 0 && r & CHAN_OK, flip_done(_metadata, f) - before);
		seen[r != want_one]++;
		if (!__test_passed(_metadata))
			break;
	}
	c.stop = 1;
	pthread_join(c.thread, NULL);
	close(sel);
}

TEST_F_TIMEOUT(attacks, a_case_is_looked_at_once, 120)
{
	static struct chan_case k[CHAN_CASES_MAX];
	struct chan_case *last = &k[CHAN_CASES_MAX - 1];
	const long ok = (CHAN_CASES_MAX - 1) | CHAN_OK;
	static struct flip f;
	int i;

	flip_start(_metadata, &f);
	for (i = 0; i < CHAN_CASES_MAX; i++)
		k[i] = (struct chan_case){ .fd = -1 };
	*last = send_case(f.fd[M], f.good[0]);
	last->len = 3;
	change(_metadata, &f, k, &last->len, 3, 1 << 20, ok, -EMSGSIZE);
	*last = recv_case(f.fd[X], f.good[0]);
	change(_metadata, &f, k, &last->op, CHAN_CASE_RECV, CHAN_CASE_SEND, ok, ok);
	change(_metadata, &f, k, &last->op, CHAN_CASE_RECV, 2, ok, -EINVAL);
	last->op = CHAN_CASE_RECV;
	change(_metadata, &f, k, (uint32_t *)&last->fd, f.fd[X], f.fd[Y], ok, ok);
	change(_metadata, &f, k, (uint32_t *)&last->fd, f.fd[X], f.pipe[0], ok, -EINVAL);
	change(_metadata, &f, k, (uint32_t *)&last->fd, f.fd[X], 99999, ok, -EBADF);
	last->fd = f.fd[X];
	change(_metadata, &f, k, &last->pad, 0, 1, ok, -EINVAL);
	last->pad = 0;
	/* The upper half of an address: the kernel's, or nobody's. */
	change(_metadata, &f, k, (uint32_t *)&last->buf + 1, (uintptr_t)f.good[0] >> 32,
	       0xffff8880, ok, -EFAULT);
	/* A direction that the handle hasn't. */
	*last = send_case(f.fd[ONLY_READ], f.good[0]);
	pull_all(f.all[ONLY_READ]);
	change(_metadata, &f, k, &last->op, CHAN_CASE_SEND, CHAN_CASE_RECV, -EBADF, -EAGAIN);
}

TEST_F_TIMEOUT(attacks, a_send_is_one_of_those_that_its_arguments_were_while_it_ran, 120)
{
	unsigned long long before;
	unsigned int n, sent = 0;
	static struct flip f;
	long r;

	flip_start(_metadata, &f);
	ASSERT_EQ(0, pthread_create(&f.thread, NULL, flip_run, &f));
	for (n = 0; n < FLIPS && __test_passed(_metadata); n++) {
		flip_level(_metadata, &f);
		before = flip_done(_metadata, &f);
		r = ioctl(f.fd[n & 1 ? X : M], n & 2 ? CHAN_IOC_RECV : CHAN_IOC_SEND, &f.x);
		/* Two of what fits: a batch of fixed elements may be cut short. */
		EXPECT_LE(r, 2);
		EXPECT_EQ(r < 0 ? 0 : r, flip_done(_metadata, &f) - before);
		sent += r > 0;
	}
	f.stop = 1;
	pthread_join(f.thread, NULL);
	TH_LOG("%u of %u moved something", sent, n);
	EXPECT_GT(sent, 0);
}

/*
 * Files
 */

#define NR_KINDS	16

/* One of each kind of file that is no channel. Returns how many. */
static int other_files(int *fd)
{
	struct chan_create c = named("path", 0600);
	char path[32];
	sigset_t none;
	int n = 0, p[2];

	sigemptyset(&none);
	if (pipe(p))
		abort();
	fd[n++] = p[0];
	fd[n++] = p[1];
	fd[n++] = eventfd(0, EFD_CLOEXEC);
	fd[n++] = epoll_create1(EPOLL_CLOEXEC);
	fd[n++] = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	fd[n++] = signalfd(-1, &none, SFD_CLOEXEC);
	fd[n++] = inotify_init1(IN_CLOEXEC);
	fd[n++] = socket(AF_UNIX, SOCK_STREAM, 0);
	fd[n++] = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd[n++] = open("/dev/null", O_RDWR | O_CLOEXEC);
	fd[n++] = syscall(SYS_memfd_create, "x", 0);
	fd[n++] = syscall(SYS_pidfd_open, getpid(), 0);
	fd[n++] = open(CTL, O_RDWR | O_CLOEXEC);
	fd[n++] = make_selector(0);
	fd[n++] = open("/", O_PATH | O_CLOEXEC);
	/* That of a channel, too, is no channel. */
	if (create(&c) < 0)
		abort();
	snprintf(path, sizeof(path), "/dev/chan%u", c.minor);
	fd[n++] = open(path, O_PATH | O_CLOEXEC);
	destroy(c.fd, 0);
	close(c.fd);
	return n;
}

/* As the last of many cases or the first, whatever is ready, nothing happens. */
static void expect_refused(struct __test_metadata *_metadata, int ready, int sel, int fd)
{
	int is_path = fcntl(fd, F_GETFL) & O_PATH, want = is_path ? -EBADF : -EINVAL;
	struct chan_case k[12];
	uint64_t v = 0;
	int i, at;

	for (at = 0; at < 12; at += 11) {
		for (i = 0; i < 12; i++)
			k[i] = i & 1 ? recv_case(ready, &v) : send_case(ready, &v);
		k[at] = recv_case(fd, &v);
		EXPECT_EQ(want, select_n(k, 12, 0, 0));
		EXPECT_EQ(want, select_n(k, 12, CHAN_NONBLOCK, 0));
		EXPECT_EQ(want, select_n(k + at, 1, CHAN_TIMEOUT, 0));
		EXPECT_EQ(want, arm_n(sel, k, 12, 0));
		k[at].op = CHAN_CASE_SEND;
		EXPECT_EQ(want, select_n(k, 12, CHAN_PRIORITY, 0));
		EXPECT_EQ(want, arm_n(sel, k + at, 1, CHAN_PRIORITY));
	}
}

static void nothing(int sig)
{
}

static void *until_told(void *arg)
{
	wait_for(arg, 1);
	return NULL;
}

TEST_F(attacks, a_case_of_another_kind_of_file_is_refused_and_kept_by_nobody)
{
	int fd[NR_KINDS], n, i, ready = make_chan(8, 4, 0), sel = make_selector(0), round;
	struct chan_info before;
	_Atomic int done = 0;
	pthread_t thread;
	uint64_t v = 1;

	ASSERT_EQ(8, wr(ready, &v, 8));
	before = info(ready);
	/* The second time there are two threads, and a select counts its references. */
	for (round = 0; round < 2; round++) {
		n = other_files(fd);
		ASSERT_EQ(NR_KINDS, n);
		for (i = 0; i < n; i++) {
			ASSERT_GE(fd[i], 0);
			expect_refused(_metadata, ready, sel, fd[i]);
		}
		expect_refused(_metadata, ready, sel, sel);
		EXPECT_TRUE(same_info(before, info(ready)));
		/* Nobody has the pipe's end any more. */
		EXPECT_EQ(0, close(fd[1]));
		EXPECT_EQ(0, rd(fd[0], &v, 8));
		for (i = 0; i < n; i++)
			close(fd[i]);
		if (!round)
			ASSERT_EQ(0, pthread_create(&thread, NULL, until_told, &done));
	}
	done = 1;
	pthread_join(thread, NULL);
	close(ready);
	close(sel);
}

/* Its number is another file's by now: the select waits for the one that it was. */
TEST_F(attacks, a_file_replaced_while_a_select_waits_for_it_is_still_waited_for)
{
	int a = make_chan(8, 0, 0), b = make_chan(8, 0, 0), slot = dup(a), i;
	int other[] = { b, eventfd(0, 0), -1, ctl_open() };
	struct chan_case k[2];
	struct select_call s;
	uint64_t v = 7, got;

	for (i = 0; i < (int)NR(other); i++) {
		got = 0;
		ASSERT_EQ(slot, dup2(a, slot));
		k[0] = recv_case(slot, &got);
		k[1] = recv_case(make_chan(8, 0, 0), &got);
		select_start(&s, k, 2, 0, 0);
		wait_parked(a, 0, 1);
		if (other[i] < 0)
			close(slot);
		else
			EXPECT_EQ(slot, dup2(other[i], slot));
		EXPECT_EQ(-EAGAIN, send_n(b, &v, 1, CHAN_NONBLOCK, 0));
		EXPECT_EQ(1, send_n(a, &v, 1, CHAN_NONBLOCK, 0));
		EXPECT_EQ(CHAN_OK, select_end(&s));
		EXPECT_EQ(7, got);
		close(k[1].fd);
	}
}

/* The select keeps it as long as it waits, and not longer. */
TEST_F(attacks, the_last_handle_closed_while_a_select_waits_goes_with_the_select)
{
	struct chan_create c = { .elem_size = 8, .fd_flags = O_RDWR, .flags = CHAN_AUTOCLOSE };
	struct sigaction sa = { .sa_handler = nothing };
	int slot = create(&c), look = narrow(slot, LOOK);
	struct chan_case k[2];
	struct select_call s;
	uint64_t got;

	sigaction(SIGUSR1, &sa, NULL);
	k[0] = recv_case(slot, &got);
	select_start(&s, k, 1, 0, 0);
	wait_parked(look, 0, 1);
	EXPECT_EQ(slot, dup2(ctl_open(), slot));
	EXPECT_EQ(1, info(look).senders);
	EXPECT_FALSE(info(look).flags & CHAN_CLOSED);
	pthread_kill(s.thread, SIGUSR1);
	EXPECT_EQ(-EINTR, select_end(&s));
	EXPECT_EQ(0, info(look).senders);
	EXPECT_TRUE(info(look).flags & CHAN_CLOSED);
}

#define SWAPS	10000

/* What a number stands for changes all the time. */
struct swapper {
	int slot, of[4];
	_Atomic int stop;
	unsigned long n;
};

static void *swap_run(void *arg)
{
	struct swapper *s = arg;

	for (s->n = 0; !s->stop; s->n++) {
		if (s->of[s->n & 3] >= 0)
			dup2(s->of[s->n & 3], s->slot);
		else
			close(s->slot);
	}
	return NULL;
}

TEST_F_TIMEOUT(attacks, a_file_replaced_again_and_again_loses_and_doubles_nothing, 120)
{
	int a = make_chan(8, 16, 0), b = make_chan(8, 16, 0), null = open("/dev/null", O_RDWR);
	struct swapper s = { .slot = dup(a), .of = { a, b, -1, null } };
	uint64_t sent[2] = { 1, 1ULL << 32 | 1 }, next[2], got = 0;
	unsigned int n, ok = 0;
	pthread_t thread;
	struct chan_case k;
	long r;

	memcpy(next, sent, sizeof(next));
	ASSERT_EQ(0, pthread_create(&thread, NULL, swap_run, &s));
	for (n = 0; n < SWAPS; n++) {
		while (send_n(a, &sent[0], 1, CHAN_NONBLOCK, 0) == 1)
			sent[0]++;
		while (send_n(b, &sent[1], 1, CHAN_NONBLOCK, 0) == 1)
			sent[1]++;
		k = recv_case(s.slot, &got);
		r = select_n(&k, 1, n & 1 ? CHAN_NONBLOCK : CHAN_TIMEOUT, 0);
		if (r == CHAN_OK) {
			/* The next one of the channel that it was. */
			EXPECT_EQ(next[got >> 32]++, got);
			ok++;
			continue;
		}
		EXPECT_TRUE(r == -EBADF || r == -EINVAL);
	}
	s.stop = 1;
	pthread_join(thread, NULL);
	EXPECT_EQ(sent[0] - next[0], info(a).len);
	EXPECT_EQ(sent[1] - next[1], info(b).len);
	EXPECT_EQ(ok, info(a).received + info(b).received);
	EXPECT_GT(ok, 0);
	close(s.slot);
	EXPECT_EQ(1, info(a).receivers);
	EXPECT_EQ(1, info(b).receivers);
	TH_LOG("%u received, %lu times another file", ok, s.n);
}

/*
 * A privileged program whose output is somebody's channel
 */

TEST_F(attacks, a_privileged_program_that_writes_to_a_channel_can_be_kept_waiting_but_not_more)
{
	struct sigaction sa = { .sa_handler = nothing };
	int fd = make_chan(1, 1, 0), large = make_chan(BY_REF, 4, 0), status;
	pid_t pid;

	EXPECT_EQ(1, wr(fd, "x", 1));
	/* It waits as on a full pipe, and can be told to end. */
	pid = fork_as(0);
	if (!pid)
		_exit(wr(fd, "message", 7));
	wait_parked(fd, 1, 0);
	kill(pid, SIGTERM);
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	EXPECT_EQ(1, info(fd).len);
	/* Its own alarm ends the wait. */
	pid = fork_as(0);
	if (!pid) {
		sigaction(SIGALRM, &sa, NULL);
		_exit(wr(fd, "message", 7) == -EINTR ? 0 : 1);
	}
	wait_parked(fd, 1, 0);
	kill(pid, SIGALRM);
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	/* A closed channel is no end of it: there is no SIGPIPE. */
	pid = fork_as(0);
	if (!pid)
		_exit(wr(fd, "message", 7) == -EPIPE ? 0 : 1);
	wait_parked(fd, 1, 0);
	EXPECT_EQ(0, chan_close(fd));
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	/* Nor does text get into a channel of something else. */
	EXPECT_EQ(-EINVAL, wr(large, "message", 7));
	EXPECT_EQ(0, info(large).sent);
}

/* What waits on Alice's handle is Alice's, whoever makes it wait. */
TEST_F(attacks, a_privileged_program_that_waits_is_charged_to_whose_handle_it_has)
{
	unsigned long long alices, roots, each;
	char buf[BY_REF] = {};
	int fd, i;
	pid_t pid;

	AS(0) {
		turn(ALICE);
		alices = limits().parked;
		fd = make_chan(sizeof(buf), 0, 0);
		each = limits().parked - alices;
		EXPECT_GE(each, sizeof(buf));
		turn(0);
		roots = limits().parked;
		for (i = 0; i < 3; i++) {
			pid = fork_as(0);
			if (!pid)
				_exit(wr(fd, buf, sizeof(buf)) != sizeof(buf));
		}
		wait_parked(fd, 3, 0);
		EXPECT_EQ(roots, limits().parked);
		turn(ALICE);
		/* The handle's own was enough for the first. */
		EXPECT_EQ(alices + 3 * each, limits().parked);
		for (i = 0; i < 3; i++)
			EXPECT_EQ(sizeof(buf), rd(fd, buf, sizeof(buf)));
		turn(0);
		for (i = 0; i < 3; i++)
			EXPECT_LT(0, wait(NULL));
		turn(ALICE);
		EXPECT_EQ(alices + each, limits().parked);
		close(fd);
		EXPECT_EQ(alices, limits().parked);
	}
}

TEST_HARNESS_MAIN
