// SPDX-License-Identifier: GPL-2.0
/*
 * Hostile input: random programs of all calls that the module has, and of those that a file
 * can be given to, by several threads on the same files, with arguments that are right or
 * anything else; and each number of an ioctl with each size.
 *
 * Nothing may make the kernel complain, which the machine that runs this sees, and each
 * call keeps to what uapi/linux/chan.h says: which errors it has, what it returns, what it
 * writes and what not. When all files are closed, nothing is left.
 *
 *   round     each thread runs a program, on files that are the same at the beginning of
 *             each round; then all are closed, and LIMITS must be as it was
 *   batch     a process of many rounds, as root without capabilities that pass limits, as
 *             a user, or in a user namespace; it ends with its files open
 *   corpus    programs to change and run again: first the seeds of fuzz/program.c; and where
 *             the kernel has KCOV, those that went a way in the module that none had gone
 *
 *   FUZZ_SECONDS=10    how long
 *   FUZZ_SEED=N        where the random numbers begin
 *   FUZZ_THREADS=3     with 1, the programs are the same for the same seed: then they don't
 *                      depend on coverage either, which time has a part in
 *   FUZZ_PROGRAM=...   run what a failure has printed, once, or for FUZZ_SECONDS
 *   FUZZ_VERBOSE=1     tell of each call what it returns
 *
 * The programs go to the kernel's log before they run, where a machine is to panic when its
 * kernel complains: it then prints them.
 */
#include <sys/fsuid.h>
#include <sys/syscall.h>

#include "chan_test.h"
#include "fuzz/fuzz.h"

#define OTHER	2	/* who has a channel that is nobody's here to destroy */
#define FOREVER	86400	/* in seconds; what takes too long is seen here */

struct shared *shared;

static uint64_t number_of(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

/*
 * Files with one line, of settings of the module and of the kernel
 */

struct setting {
	const char *path, *value;
	char before[32];		/* empty: not set */
};

/* Few enough that a program comes upon them; and what a fault on demand is not to say. */
static struct setting settings[] = {
	{ "/sys/module/chan/parameters/user_channels", "24" },
	{ "/sys/module/chan/parameters/user_named", "8" },
	{ "/sys/module/chan/parameters/user_bytes", "524288" },
	{ "/sys/module/chan/parameters/user_parked", "262144" },
	{ "/sys/module/chan/parameters/user_selectors", "4" },
	{ "/sys/module/chan/parameters/user_timers", "3" },
	{ "/sys/module/chan/parameters/named_rate", "1000000" },
	{ "/sys/kernel/debug/failslab/ignore-gfp-wait", "N" },
	{ "/sys/kernel/debug/failslab/verbose", "0" },
	{ "/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N" },
	{ "/sys/kernel/debug/fail_page_alloc/verbose", "0" },
	{ "/sys/kernel/debug/fail_usercopy/verbose", "0" },
};

/* Where a complaint is the end: so that it is known of what. */
static struct setting logging[] = {
	{ "/proc/sys/kernel/printk_devkmsg", "on" },
	{ "/proc/sys/kernel/panic_print", "32" },	/* all messages, those for debugging too */
};

static bool read_line(const char *path, char *to, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, to, size - 1);

	if (fd >= 0)
		close(fd);
	to[n > 0 ? n : 0] = 0;
	to[strcspn(to, "\n")] = 0;
	return n > 0;
}

static bool write_line(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, value, strlen(value)) == (ssize_t)strlen(value);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* What isn't there need not be set. */
static void set(struct setting *s, unsigned int n)
{
	for (; n--; s++) {
		if (!read_line(s->path, s->before, sizeof(s->before)) ||
		    !write_line(s->path, s->value))
			*s->before = 0;
	}
}

static void restore(struct setting *s, unsigned int n)
{
	for (; n--; s++)
		if (*s->before)
			write_line(s->path, s->before);
}

/* What the threads of a process are in, as far as the kernel says. */
static void print_tasks(pid_t pid)
{
	char path[300], line[4096];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (atoi(entry->d_name) <= 0)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/syscall", pid, entry->d_name);
		if (read_line(path, line, sizeof(line)))
			printf("# task %s: system call %s\n", entry->d_name, line);
		snprintf(path, sizeof(path), "/proc/%d/task/%s/wchan", pid, entry->d_name);
		if (read_line(path, line, sizeof(line)))
			printf("# task %s: in %s\n", entry->d_name, line);
	}
	if (dir)
		closedir(dir);
}

/* Returns false if it hangs: rounds end in milliseconds, or what is left in a minute. */
static bool wait_batch(pid_t pid, int *status)
{
	struct pollfd p = { .fd = syscall(SYS_pidfd_open, pid, 0), .events = POLLIN };
	unsigned int seconds = 0, limit = 200 * shared->slow;
	uint64_t rounds = 0;
	bool ended;

	while (!(ended = poll(&p, 1, 1000) > 0) && seconds < limit) {
		seconds = rounds == shared->rounds ? seconds + 1 : 0;
		rounds = shared->rounds;
	}
	if (!ended) {
		print_tasks(pid);
		kill(pid, SIGKILL);
	}
	waitpid(pid, status, 0);
	close(p.fd);
	return ended;
}

static void set_failure(const char *format, ...)
{
	va_list args;

	if (atomic_exchange(&shared->failed, true))
		return;
	va_start(args, format);
	vsnprintf(shared->failure, sizeof(shared->failure), format, args);
	va_end(args);
}

static void run_batch(unsigned int as)
{
	struct chan_limits before = limits(), after;
	char text[400];
	int status = 0;
	pid_t pid;

	shared->as = as;
	fflush(stdout);
	pid = fork();
	if (!pid)
		batch(as);
	if (!wait_batch(pid, &status))
		set_failure("hangs");
	else if (status)
		set_failure("ended with status %#x", status);
	destroy_named();
	if (!wait_clean(&before, &after, is_all_clean)) {
		say_left(text, sizeof(text), &before, &after);
		set_failure("by the process that ended: %s", text);
	}
}

/*
 * The test
 */

FIXTURE(fuzz)
{
	unsigned long long seconds;
};

/* Nobody here may destroy it. Made anew for each run, and its elements stay. */
static int make_other(void)
{
	struct chan_create c = {
		.flags = CHAN_NAMED, .elem_size = 8, .capacity = 4, .fd_flags = O_RDWR | O_CLOEXEC,
		.mode = 0666, .name = "fuzz-other",
	};
	int fd;

	if (setfsuid(OTHER), setfsuid(-1) != OTHER)
		return -EPERM;
	fd = create(&c);
	setfsuid(0);
	shared->other_id = c.id;
	minors[0] = c.minor;
	return fd;
}

static void begin_logging(void)
{
	char line[32];

	if (!read_line("/proc/sys/kernel/panic_on_warn", line, sizeof(line)) || atoi(line) != 1)
		return;
	set(logging, ARRAY_LEN(logging));
	shared->kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
}

static void shared_init(void)
{
	pthread_mutexattr_t attr;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&shared->lock, &attr);
	memcpy(shared->corpus, seeds, nr_seeds * sizeof(*seeds));
	shared->nr_corpus = nr_seeds;
	shared->threads = number_of("FUZZ_THREADS", 3);
	shared->seed = number_of("FUZZ_SEED", now_ns() ^ (uint64_t)getpid() << 40);
	shared->verbose = number_of("FUZZ_VERBOSE", 0);
	shared->slow = slowness();
	shared->ctl = ctl_open();
	shared->kmsg = -1;
}

FIXTURE_SETUP(fuzz)
{
	const char *text = getenv("FUZZ_PROGRAM");
	unsigned int i;

	shared_init();
	shared_memory_init();
	self->seconds = number_of("FUZZ_SECONDS", text ? 0 : 10);
	if (text && *text) {
		shared->replay = true;
		ASSERT_TRUE(parse_round(text)) TH_LOG("FUZZ_PROGRAM isn't a program: %s", text);
	}
	ASSERT_TRUE(shared->threads >= 1 && shared->threads <= THREADS_MAX);
	ASSERT_GE(ctl_open(), 0);
	wait_for_releases();
	shared->other = make_other();
	ASSERT_GE(shared->other, 0);
	set(settings, ARRAY_LEN(settings));
	begin_logging();
	for (i = 0; i < shared->threads; i++)
		kcov_open(i);
}

FIXTURE_TEARDOWN(fuzz)
{
	restore(settings, ARRAY_LEN(settings));
	restore(logging, ARRAY_LEN(logging));
	EXPECT_EQ(0, destroy(shared->other, CHAN_DESTROY_FORCE));
	close(shared->other);
}

static void report(unsigned long long began)
{
	double seconds = (now_ns() - began) / 1e9;

	printf("# fuzz: %llu programs in %.1f s, %.0f a second; %llu rounds of %u\n",
	       (unsigned long long)shared->programs, seconds, shared->programs / seconds,
	       (unsigned long long)shared->rounds, shared->threads);
	printf("# fuzz: corpus %u, %u of them seeds; ", shared->nr_corpus, nr_seeds);
	if (shared->nr_points)
		printf("%u points of the module covered\n", shared->nr_points);
	else
		printf("blind: no coverage of the module\n");
	printf("# fuzz: FUZZ_SEED=%#llx\n", (unsigned long long)shared->seed);
}

TEST_F_TIMEOUT(fuzz, programs_of_all_calls_keep_to_what_is_documented, FOREVER)
{
	unsigned long long began = now_ns();
	char text[ROUND_TEXT_MAX];
	unsigned int i = shared->as;

	printf("# fuzz: FUZZ_SEED=%#llx FUZZ_THREADS=%u\n", (unsigned long long)shared->seed,
	       shared->threads);
	shared->end = began + self->seconds * SEC;
	do {
		run_batch(i);
		if (!shared->replay)
			i = (i + 1) % NR_AS;
	} while (now_ns() < shared->end && !shared->failed);
	report(began);
	print_round(text);
	ASSERT_FALSE(shared->failed) TH_LOG("%s\n# FUZZ_PROGRAM='%s'", shared->failure, text);
	EXPECT_GT(shared->programs, 0);
}

TEST(a_program_can_be_written_down_and_read_back)
{
	uint64_t state = 1;
	struct program p, q;
	char text[TEXT_MAX];
	unsigned int i;

	for (i = 0; i < 10000; i++) {
		p = i < nr_seeds ? seeds[i] : random_program(&state);
		print_program(text, &p);
		ASSERT_LT(strlen(text), TEXT_MAX);
		ASSERT_TRUE(parse_program(&q, text, strlen(text)));
		ASSERT_EQ(0, memcmp(&p, &q, sizeof(p)));
	}
	ASSERT_FALSE(parse_program(&q, "nosuch:", 7));
	ASSERT_FALSE(parse_program(&q, "send:0", 6));
	ASSERT_FALSE(parse_program(&q, "send:0x", 7));
	ASSERT_FALSE(parse_program(&q, "send", 4));
}

TEST(a_seed_makes_programs_of_all_calls_and_the_same_ones_each_time)
{
	struct program p, q;
	unsigned int seen[NR_OPS] = {}, differ = 0, seldom = 0, i, j;

	for (i = 0; i < 20000; i++) {
		p = nth_program(1, i, seeds, nr_seeds);
		q = nth_program(1, i, seeds, nr_seeds);
		ASSERT_EQ(0, memcmp(&p, &q, sizeof(p)));
		q = nth_program(2, i, seeds, nr_seeds);
		differ += !!memcmp(&p, &q, sizeof(p));
		for (j = 0; j < STEPS_MAX; j++)
			seen[p.step[j].op]++;
	}
	EXPECT_GT(differ, 15000);
	for (i = 0; i < NR_OPS; i++)
		seldom += seen[i] < 100;
	EXPECT_EQ(0, seldom);
}

/*
 * Numbers of ioctls, sizes of structures
 */

#define NR_FDS	9

FIXTURE(numbers)
{
	int fd[NR_FDS];		/* of each kind; those from CHANNELS on are channels */
	unsigned char *room;	/* of 4096 bytes, and nothing behind */
	unsigned char *ro;
};

#define CHANNELS	2

FIXTURE_SETUP(numbers)
{
	int *fd = self->fd, i;
	struct chan_create timer = {
		.elem_size = 8, .capacity = 1, .flags = CHAN_TIMER, .fd_flags = O_RDONLY,
	};

	wait_for_releases();
	fd[0] = ctl_open();
	fd[1] = make_selector(O_NONBLOCK);
	fd[2] = make_chan(8, 4, 0);
	fd[3] = narrow(fd[2], O_RDONLY);
	fd[4] = narrow(fd[2], O_WRONLY);
	fd[5] = narrow(fd[2], 3);
	fd[6] = create(&timer);
	fd[7] = make_chan(64, 4, CHAN_MESSAGE);
	fd[8] = make_chan(BY_REF, 0, CHAN_STANDBY);
	for (i = 0; i < NR_FDS; i++)
		ASSERT_GE(fd[i], 0);
	self->room = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(self->room + 4096, 4096, PROT_NONE);
	self->ro = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

FIXTURE_TEARDOWN(numbers)
{
	int i;

	for (i = 1; i < NR_FDS; i++)
		close(self->fd[i]);
	munmap(self->room, 8192);
	munmap(self->ro, 4096);
}

struct state {
	struct chan_limits limits;
	struct chan_info info[NR_FDS];
	int free_fd;
};

static struct state state_of(const int *fd)
{
	struct state s = { .limits = limits() };
	int i;

	for (i = CHANNELS; i < NR_FDS; i++)
		s.info[i] = info(fd[i]);
	s.free_fd = dup(0);
	close(s.free_fd);
	return s;
}

static bool is_known(unsigned int nr)
{
	return nr <= _IOC_NR(CHAN_IOC_LIMITS) ||
	       (nr >= _IOC_NR(CHAN_IOC_SELECT) && nr <= _IOC_NR(CHAN_IOC_SELECTOR)) ||
	       (nr >= _IOC_NR(CHAN_IOC_SEND) && nr <= _IOC_NR(CHAN_IOC_TIMER)) ||
	       (nr >= _IOC_NR(CHAN_IOC_ARM) && nr <= _IOC_NR(CHAN_IOC_DISARM));
}

/* Arguments that aren't structures. */
static bool is_plain(unsigned int nr)
{
	return nr == _IOC_NR(CHAN_IOC_CLOSE) || nr == _IOC_NR(CHAN_IOC_STANDBY) ||
	       nr == _IOC_NR(CHAN_IOC_DISARM);
}

TEST_F_TIMEOUT(numbers, of_ioctls_that_are_not_known_are_ENOTTY_of_any_size, FOREVER)
{
	struct state before = state_of(self->fd), after;
	static const unsigned int dirs[] = { _IOC_READ, _IOC_WRITE, _IOC_READ | _IOC_WRITE,
					     _IOC_NONE };
	static const unsigned char magics[] = { CHAN_IOC_MAGIC, CHAN_IOC_MAGIC - 1,
						CHAN_IOC_MAGIC + 1, 'Z', 0xff };
	unsigned int nr, size, i, m, cmd;

	memset(self->room, 0, 4096);
	for (nr = 0; nr < 256; nr++) {
		for (size = 0; size <= 256; size++) {
			cmd = _IOC(dirs[(nr + size) % 4], CHAN_IOC_MAGIC, nr, size);
			if (is_known(nr) && cmd == _IO(CHAN_IOC_MAGIC, nr))
				continue;
			for (i = 0; i < NR_FDS; i++) {
				ASSERT_EQ(-1, ioctl(self->fd[i], cmd, self->room));
				ASSERT_EQ(ENOTTY, errno) TH_LOG("%#x on file %u", cmd, i);
			}
		}
		for (m = 1; m < ARRAY_LEN(magics); m++) {
			for (i = 0; i < NR_FDS; i++) {
				ASSERT_EQ(-1, ioctl(self->fd[i], _IO(magics[m], nr), self->room));
				ASSERT_EQ(ENOTTY, errno);
			}
		}
	}
	after = state_of(self->fd);
	EXPECT_EQ(0, memcmp(&before, &after, sizeof(before)));
}

/* An argument of this size, of which nothing is right but the size. Flags are the second word. */
static void fill_garbage(unsigned char *p, unsigned int room, uint32_t size, unsigned int how,
			 uint64_t *state)
{
	const uint32_t flag = 0x80000000;
	uint32_t flags;
	unsigned int i;

	for (i = 0; i < room; i++)
		p[i] = !how ? 0xff : how == 1 ? 0 : rnd(state);
	memcpy(p, &size, room < 4 ? room : 4);
	if (room < 8)
		return;
	memcpy(&flags, p + 4, 4);
	flags |= flag;
	memcpy(p + 4, &flags, 4);
}

static void *garbage_at(FIXTURE_DATA(numbers) *self, unsigned int where, unsigned int size)
{
	switch (where) {
	case 0:
		return self->room + 4096 - size;	/* whole, to the end of memory */
	case 1:
		return self->room + 4096 - size / 2;
	case 2:
		return NULL;
	case 3:
		return (void *)0xffff888000000000;
	case 4:
		return (void *)0x8000000000000000;
	case 5:
		return (void *)-1;
	default:
		return self->ro;
	}
}

#define NR_WHERES	7

static bool is_refusal(int error)
{
	return error == ENOTTY || error == EINVAL || error == EFAULT || error == E2BIG ||
	       error == EBADF;
}

TEST_F_TIMEOUT(numbers, of_all_ioctls_refuse_garbage_of_any_size_and_nothing_changes, FOREVER)
{
	struct state before = state_of(self->fd), after;
	unsigned int nr, size, i, where, how;
	uint64_t state = 1;
	void *p;
	int r;

	for (nr = 0; nr < 256; nr++) {
		if (!is_known(nr))
			continue;
		for (size = 0; size <= 256; size++) {
			for (where = 0; where < NR_WHERES; where++) {
				how = where ? 2 : size % 3;
				p = garbage_at(self, where, size);
				/* 0 is what they take. */
				if (!p && is_plain(nr))
					continue;
				if (where < 2)
					fill_garbage(p, self->room + 4096 - (unsigned char *)p,
						     size, how, &state);
				for (i = 0; i < NR_FDS; i++) {
					r = ioctl(self->fd[i], _IO(CHAN_IOC_MAGIC, nr), p);
					/* It asks for nothing but the size. */
					if (!r && nr == _IOC_NR(CHAN_IOC_INFO) && i >= CHANNELS)
						continue;
					ASSERT_EQ(-1, r) TH_LOG("number %#x of %u bytes, file %u",
								nr, size, i);
					ASSERT_TRUE(is_refusal(errno))
						TH_LOG("number %#x of %u bytes, file %u: %s", nr,
						       size, i, strerrorname_np(errno));
				}
			}
		}
	}
	after = state_of(self->fd);
	EXPECT_EQ(0, memcmp(&before, &after, sizeof(before)));
}

TEST_HARNESS_MAIN
