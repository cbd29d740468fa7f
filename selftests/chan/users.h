/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What tests share that are about several users and their limits. They run as root, and
 * what others do is done in children.
 */
#ifndef USERS_H
#define USERS_H

#include <grp.h>
#include <sys/resource.h>

#include "chan_test.h"

#define CTL	"/dev/chanctl"
#define LOOK	3		/* the access mode that may only look */
#define ALICE	1000
#define BOB	1001
#define NR(a)	(sizeof(a) / sizeof(*(a)))

/* A child of this user, without capabilities unless it is 0, that ends with its parent. */
static inline pid_t fork_as(uid_t uid)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	if (uid && (setgroups(0, NULL) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid)))
		_exit(99);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_DUMPABLE, 1);
	return 0;
}

/* The harness shares its metadata, so EXPECT works in children; ASSERT doesn't. */
static inline bool is_child(struct __test_metadata *_metadata, pid_t pid)
{
	int status = -1;

	if (!pid)
		return true;
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	return false;
}

#define AS(uid) \
	for (pid_t _pid = fork_as(uid); is_child(_metadata, _pid); _exit(0))

/* In a child of root: be somebody else, with the way back. */
static inline void turn(uid_t uid)
{
	if (seteuid(0) || setresuid(uid, uid, 0)) {
		perror("setresuid");
		abort();
	}
}

/* Memory that children share. */
static inline void *shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		abort();
	}
	return p;
}

/* A number that another process or thread will set to at least this. */
static inline void wait_for(_Atomic int *n, int value)
{
	while (*n < value)
		sched_yield();
}

/*
 * The module's parameters
 */

static const char * const params[] = {
	"user_channels", "user_named", "user_bytes", "user_parked", "named_rate",
	"user_selectors", "user_timers",
};

/* A number of the module's in sysfs; -1 if there is none. */
static inline long long module_number(const char *name)
{
	long long value = -1;
	char path[80];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/module/chan/%s", name);
	f = fopen(path, "r");
	if (!f)
		return -1;
	if (fscanf(f, "%lld", &value) != 1)
		value = -1;
	fclose(f);
	return value;
}

static inline long long get_param(const char *name)
{
	char path[48];

	snprintf(path, sizeof(path), "parameters/%s", name);
	return module_number(path);
}

/* Returns 0 or -errno. */
static inline int try_param(const char *name, const char *text)
{
	char path[80];
	int fd, r;

	snprintf(path, sizeof(path), "/sys/module/chan/parameters/%s", name);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return -errno;
	r = wr(fd, text, strlen(text));
	close(fd);
	return r < 0 ? r : 0;
}

static inline void set_param(const char *name, unsigned long long value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", value);
	if (try_param(name, text)) {
		perror(name);
		abort();
	}
}

static inline void allow_many_files(void)
{
	struct rlimit many = { 100000, 100000 };

	if (setrlimit(RLIMIT_NOFILE, &many)) {
		perror("RLIMIT_NOFILE");
		abort();
	}
}

/* What a test may change, and puts back when it has ended, however. */
struct settings {
	mode_t ctl;
	long long params[NR(params)];
};

static inline void settings_save(struct settings *s)
{
	struct stat st;
	unsigned int i;

	if (stat(CTL, &st)) {
		perror(CTL);
		abort();
	}
	s->ctl = st.st_mode & 07777;
	for (i = 0; i < NR(params); i++)
		s->params[i] = get_param(params[i]);
}

/* Chanctl is everybody's, and of the limits only one stands in a test's way. */
static inline void settings_begin(const struct settings *s)
{
	unsigned int i;

	for (i = 0; i < NR(params); i++)
		set_param(params[i], s->params[i]);
	chmod(CTL, 0666);
	set_param("named_rate", 1000000);
	/* Where a quota is given back late. */
	if (debug_kernel())
		set_param("user_named", 1000000);
}

static inline void settings_restore(const struct settings *s)
{
	unsigned int i;

	for (i = 0; i < NR(params); i++)
		set_param(params[i], s->params[i]);
	chmod(CTL, s->ctl);
}

/*
 * Named channels
 */

static inline struct chan_create named(const char *name, unsigned int mode)
{
	struct chan_create c = {
		.flags = CHAN_NAMED, .elem_size = 8, .capacity = 4, .mode = mode,
		.fd_flags = O_RDWR | O_CLOEXEC,
	};

	snprintf(c.name, sizeof(c.name), "%s", name);
	return c;
}

static inline int open_minor(unsigned int minor, int flags)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/dev/chan%u", minor);
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Destroy all of this user's, with what is in them; how many there were. */
static inline int destroy_all_of(uid_t uid)
{
	struct chan_info found;
	struct chan_list l = {
		.size = sizeof(l), .entries = (uintptr_t)&found, .entry_size = sizeof(found),
		.count = 1,
	};
	int n = 0, fd;

	while (!ioctl(ctl_open(), CHAN_IOC_LIST, &l) && l.count) {
		if (found.uid != uid)
			continue;
		fd = open_minor(found.minor, LOOK);
		if (fd >= 0 && !destroy(fd, CHAN_DESTROY_FORCE))
			n++;
		close(fd);
	}
	return n;
}

static inline bool same_use(struct chan_limits a, struct chan_limits b)
{
	return a.channels == b.channels && a.named == b.named && a.bytes == b.bytes &&
	       a.parked == b.parked && a.selectors == b.selectors && a.timers == b.timers;
}

#endif /* USERS_H */
