// SPDX-License-Identifier: GPL-2.0
/*
 * Rounds of programs, in the process of a batch.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <linux/capability.h>

#include "fuzz.h"

#define ROUNDS_OF_A_BATCH	100
#define USER			1000	/* who runs some of the batches */

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* Where a panic shows it. */
static void log_program(const struct runner *t)
{
	char text[TEXT_MAX], line[TEXT_MAX + 64];
	int n;

	print_program(text, &shared->current[t->nr]);
	n = snprintf(line, sizeof(line), "<7>fuzz: round %llu, thread %u: %s %s\n",
		     (unsigned long long)shared->rounds, t->nr, as_names[shared->as], text);
	if (write(shared->kmsg, line, n) != n && shared->verbose)
		perror("kmsg");
}

/*
 * Files that are there when a round begins. Each thread makes some.
 */

/*
 * Something that must be there. A kernel that releases devices late may have what counts
 * against a limit until then.
 */
static void preset(unsigned int slot, int at, unsigned int cmd, void *arg, const __s32 *fd,
		   unsigned int unit, bool message)
{
	while (ioctl(at, cmd, arg)) {
		if (errno != EDQUOT || shared->slow == 1) {
			fprintf(stderr, "slot %u: %s\n", slot, strerror(errno));
			abort();
		}
		usleep(10000);
	}
	install(slot, *fd, unit, message);
}

static void preset_chan(unsigned int slot, unsigned int elem_size, unsigned int capacity,
			unsigned int flags, unsigned int fd_flags)
{
	struct chan_create c = {
		.size = sizeof(c), .elem_size = elem_size, .capacity = capacity, .flags = flags,
		.fd_flags = fd_flags,
	};

	preset(slot, CTL_FD, CHAN_IOC_CREATE, &c, &c.fd, elem_size, flags & CHAN_MESSAGE);
}

static void preset_narrow(unsigned int slot, unsigned int of, unsigned int fd_flags)
{
	struct chan_narrow n = { .size = sizeof(n), .fd_flags = fd_flags };

	preset(slot, FIRST_FD + of, CHAN_IOC_NARROW, &n, &n.fd, slots[of].unit, false);
}

static void preset_selector(unsigned int slot, unsigned int fd_flags)
{
	struct chan_selector s = { .size = sizeof(s), .fd_flags = fd_flags };

	preset(slot, CTL_FD, CHAN_IOC_SELECTOR, &s, &s.fd, 8, false);
}

static void make_presets(unsigned int which)
{
	switch (which) {
	case 0:
		preset_chan(UNBUF, 8, 0, 0, O_RDWR);
		preset_narrow(LOOK, UNBUF, 3);
		preset_narrow(UNBUF_NB, UNBUF, O_RDWR | O_NONBLOCK);
		preset_selector(SEL, O_NONBLOCK);
		break;
	case 1:
		preset_chan(BUF, 8, 2, 0, O_RDWR);
		preset_narrow(BUF_R, BUF, O_RDONLY | O_NONBLOCK);
		preset_narrow(BUF_W, BUF, O_WRONLY | O_NONBLOCK);
		preset_selector(SEL + 1, 0);
		break;
	case 2:
		preset_chan(MSG, 64, 2, CHAN_MESSAGE, O_RDWR | O_NONBLOCK);
		preset_chan(BIG, 5120, 1, 0, O_RDWR | O_NONBLOCK);
		preset_chan(UNIT, 0, 1, 0, O_RDWR | O_NONBLOCK);
		break;
	default:
		preset_chan(TICK, 8, 1, CHAN_TIMER, O_RDONLY);
		preset_chan(STAND, 8, 0, CHAN_STANDBY, O_RDWR | O_NONBLOCK);
		preset_chan(BIGMSG, 5120, 0, CHAN_MESSAGE, O_RDWR);
	}
}

#define NR_PRESETS	4

/*
 * What is left when all is closed
 */

static struct chan_limits limits_now(void)
{
	struct chan_limits l = { .size = sizeof(l) };

	if (ioctl(shared->ctl, CHAN_IOC_LIMITS, &l)) {
		perror("LIMITS");
		abort();
	}
	return l;
}

/* Elements that were returned to the other user's channel are still charged here. */
static void drain_other(void)
{
	uint64_t v[4];
	struct chan_xfer x = {
		.size = sizeof(x), .flags = CHAN_NONBLOCK, .buf = (uintptr_t)v, .count = 4,
	};

	while (ioctl(shared->other, CHAN_IOC_RECV, &x) > 0)
		;
}

static void destroy_node(unsigned int minor)
{
	struct chan_destroy d = { .size = sizeof(d), .flags = CHAN_DESTROY_FORCE };
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/dev/chan%u", minor);
	fd = open(path, 3 | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return;
	ioctl(fd, CHAN_IOC_DESTROY, &d);
	close(fd);
}

/* Named channels live on: of whatever name or none, all but that of another user go. */
void destroy_named(void)
{
	struct chan_info entries[16];
	struct chan_list l = {
		.size = sizeof(l), .entries = (uintptr_t)entries, .entry_size = sizeof(*entries),
	};
	unsigned int i;

	drain_other();
	do {
		l.count = ARRAY_LEN(entries);
		if (ioctl(shared->ctl, CHAN_IOC_LIST, &l))
			return;
		for (i = 0; i < l.count; i++)
			if (entries[i].id != shared->other_id)
				destroy_node(entries[i].minor);
	} while (l.count);
}

/*
 * Is all as at the beginning? On a kernel that releases devices late, what was named may
 * still be there, with all that is in it.
 */
bool is_clean(const struct chan_limits *before, const struct chan_limits *l)
{
	uint64_t late = l->named - before->named;

	if (l->total_parties != before->total_parties || l->selectors != before->selectors ||
	    l->channels - before->channels != late ||
	    l->total_channels - before->total_channels != late)
		return false;
	return late ? shared->slow > 1 : l->bytes == before->bytes && l->parked == before->parked &&
				       l->timers == before->timers;
}

bool is_all_clean(const struct chan_limits *before, const struct chan_limits *l)
{
	return l->named == before->named && is_clean(before, l);
}

/* What a ring had, or a device, goes a little later. Returns false if it never does. */
bool wait_clean(const struct chan_limits *before, struct chan_limits *l,
		bool (*clean)(const struct chan_limits *, const struct chan_limits *))
{
	uint64_t end = now() + 60000000000 * shared->slow;

	for (;;) {
		*l = limits_now();
		if (clean(before, l))
			return true;
		if (now() > end)
			return false;
		usleep(1000);
	}
}

void say_left(char *to, size_t size, const struct chan_limits *before,
	      const struct chan_limits *l)
{
	snprintf(to, size,
		 "left behind: %lld channels, %lld named, %lld bytes, %lld parked, %lld selectors, "
		 "%lld timers; of all %lld channels, %lld parties",
		 (long long)(l->channels - before->channels), (long long)(l->named - before->named),
		 (long long)(l->bytes - before->bytes), (long long)(l->parked - before->parked),
		 (long long)(l->selectors - before->selectors),
		 (long long)(l->timers - before->timers),
		 (long long)(l->total_channels - before->total_channels),
		 (long long)(l->total_parties - before->total_parties));
}

static void check_clean(struct runner *t, const struct chan_limits *before)
{
	static const struct step after = { OP_limits };
	struct chan_limits l;
	char text[400];

	t->step = &after;
	destroy_named();
	if (wait_clean(before, &l, is_clean))
		return;
	say_left(text, sizeof(text), before, &l);
	broken(t, "%s", text);
}

/*
 * Rounds
 */

static pthread_barrier_t barrier;
static struct chan_limits baseline;
static unsigned int rounds_left;

static void close_slots(const struct runner *t)
{
	unsigned int i;

	for (i = t->nr; i < NR_SLOTS; i += shared->threads)
		empty(i);
}

static void make_some_presets(const struct runner *t)
{
	unsigned int i;

	for (i = t->nr; i < NR_PRESETS; i += shared->threads)
		make_presets(i);
}

static void run_round(struct runner *t)
{
	struct program *p = &shared->current[t->nr];

	*p = next_program(t);
	if (shared->kmsg >= 0)
		log_program(t);
	make_some_presets(t);
	pthread_barrier_wait(&barrier);
	if (t->kcov)
		t->kcov[0] = 0;
	run_program(t, p);
	ring_end(t);
	if (kcov_new(t))
		corpus_add(p);
	pthread_barrier_wait(&barrier);
}

static bool more_rounds(void)
{
	return rounds_left && !shared->failed;
}

static void finish_round(struct runner *t, bool all_closed)
{
	static const uint8_t many[ARGS_MAX] = {};

	run_nofile(t, many);
	if (all_closed)
		check_clean(t, &baseline);
	shared->rounds++;
	rounds_left--;
	if (now() > shared->end)
		rounds_left = 0;
}

static void tick_begin(const struct runner *t)
{
	struct sigevent e = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN };
	struct itimerspec every = {
		.it_interval.tv_nsec = shared->slow > 1 ? 10000000 : 2000000,
		.it_value.tv_nsec = 1000000,
	};
	timer_t timer;

	e._sigev_un._tid = t->tid;
	if (timer_create(CLOCK_MONOTONIC, &e, &timer) || timer_settime(timer, 0, &every, NULL)) {
		perror("timer_create");
		abort();
	}
}

static void *runner_main(void *arg)
{
	struct runner *t = arg;
	bool last;

	t->tid = gettid();
	t->fail_fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	memory_init(&t->mem);
	kcov_begin(t);
	tick_begin(t);
	pthread_barrier_wait(&barrier);
	while (more_rounds()) {
		run_round(t);
		/* The last of a batch ends as a process may: with its files open. */
		last = rounds_left == 1 && !shared->replay;
		if (!last)
			close_slots(t);
		pthread_barrier_wait(&barrier);
		if (!t->nr)
			finish_round(t, !last);
		pthread_barrier_wait(&barrier);
	}
	return NULL;
}

/*
 * Batches
 */

static void drop_capabilities(void)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2];
	uint32_t drop = 1U << CAP_SYS_RESOURCE | 1U << CAP_SYS_ADMIN;

	if (syscall(SYS_capget, &h, d))
		abort();
	d[0].effective &= ~drop;
	d[0].permitted &= ~drop;
	if (syscall(SYS_capset, &h, d)) {
		perror("capset");
		abort();
	}
}

static void become(unsigned int as)
{
	if (as == AS_USER && (setresgid(USER, USER, USER) || setresuid(USER, USER, USER))) {
		perror("setresuid");
		abort();
	}
	if (as == AS_USERNS && unshare(CLONE_NEWUSER)) {
		perror("unshare");
		abort();
	}
	if (as == AS_ROOT)
		drop_capabilities();
	prctl(PR_SET_DUMPABLE, 1);	/* its /proc is its own */
}

static void ignore(int signal)
{
}

static void put_fd(int fd, int number)
{
	if (fd < 0 || dup2(fd, number) < 0) {
		perror("a file of the fuzzer's own");
		abort();
	}
	close(fd);
}

static void make_files(void)
{
	int p[2];

	put_fd(dup(shared->ctl), CTL_FD);
	put_fd(epoll_create1(0), EPOLL_FD);
	if (pipe2(p, O_NONBLOCK))
		abort();
	put_fd(p[0], PIPE_FD);
	put_fd(p[1], PIPE_FD + 1);
	put_fd(open("/dev/chanctl", O_PATH), PATH_FD);
}

void batch(unsigned int as)
{
	struct sigaction stop = { .sa_handler = ignore };
	struct sigaction go_on = { .sa_handler = ignore, .sa_flags = SA_RESTART };
	pthread_t threads[THREADS_MAX];
	unsigned int i;

	sigaction(SIGRTMIN, &stop, NULL);
	sigaction(SIGUSR2, &stop, NULL);
	sigaction(SIGUSR1, &go_on, NULL);
	signal(SIGPIPE, SIG_IGN);
	make_files();
	become(as);
	for (i = 0; i < NR_SLOTS; i++)
		pthread_mutex_init(&slots[i].lock, NULL);
	pthread_barrier_init(&barrier, NULL, shared->threads);
	baseline = limits_now();
	rounds_left = shared->replay ? 1 : ROUNDS_OF_A_BATCH;
	for (i = 0; i < shared->threads; i++) {
		runners[i].nr = i;
		if (pthread_create(&threads[i], NULL, runner_main, &runners[i]))
			abort();
	}
	for (i = 0; i < shared->threads; i++)
		pthread_join(threads[i], NULL);
	fflush(stdout);
	_exit(0);
}
