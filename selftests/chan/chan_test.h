/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of the module share. They talk to it by system calls alone.
 */
#ifndef CHAN_TEST_H
#define CHAN_TEST_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/chan.h>

#include "slow.h"

#define MSEC	1000000ULL
#define SEC	1000000000ULL
#define LONG	(600 * SEC)	/* never in a test that works */

/* Bytes of an element: copied under the channel's lock; over that, moved by reference. */
#define IN_PLACE	4096
#define BY_REF		5120	/* whose half is whole words */

#define IN	(POLLIN | POLLRDNORM)
#define OUT	(POLLOUT | POLLWRNORM)

static inline int ctl_open(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = open("/dev/chanctl", O_RDWR | O_CLOEXEC);
	return fd;
}

/* Returns the descriptor or -errno. */
static inline int create(struct chan_create *c)
{
	c->size = sizeof(*c);
	if (ioctl(ctl_open(), CHAN_IOC_CREATE, c))
		return -errno;
	return c->fd;
}

static inline int make_chan(unsigned int elem_size, unsigned int capacity, unsigned int flags)
{
	struct chan_create c = {
		.elem_size = elem_size,
		.capacity = capacity,
		.flags = flags,
		.fd_flags = O_RDWR | O_CLOEXEC,
	};

	return create(&c);
}

static inline int narrow(int fd, unsigned int flags)
{
	struct chan_narrow n = { .size = sizeof(n), .fd_flags = flags };

	return ioctl(fd, CHAN_IOC_NARROW, &n) ? -errno : n.fd;
}

static inline int destroy(int fd, unsigned int flags)
{
	struct chan_destroy d = { .size = sizeof(d), .flags = flags };

	return ioctl(fd, CHAN_IOC_DESTROY, &d) ? -errno : 0;
}

static inline int chan_close(int fd)
{
	return ioctl(fd, CHAN_IOC_CLOSE, 0) ? -errno : 0;
}

static inline struct chan_info info(int fd)
{
	struct chan_info i = { .size = sizeof(i) };

	if (ioctl(fd, CHAN_IOC_INFO, &i)) {
		perror("INFO");
		abort();
	}
	return i;
}

static inline struct chan_limits limits(void)
{
	struct chan_limits l = { .size = sizeof(l) };

	if (ioctl(ctl_open(), CHAN_IOC_LIMITS, &l)) {
		perror("LIMITS");
		abort();
	}
	return l;
}

/*
 * What this user has in use, a field of the limits, which must be so much; when a debug
 * kernel has released what was destroyed. If it never is, the harness ends the test.
 */
#define once_released(field, want) ({						\
	while (debug_kernel() && limits().field != (want))			\
		usleep(10000);							\
	limits().field;								\
})

/* For a test to begin with, while all channels have nodes: those destroyed are gone. */
static inline void wait_for_releases(void)
{
	struct chan_info entry;
	struct chan_list l;
	unsigned int n;

	while (debug_kernel()) {
		l = (struct chan_list){
			.size = sizeof(l), .entries = (uintptr_t)&entry,
			.entry_size = sizeof(entry), .count = 1,
		};
		for (n = 0; !ioctl(ctl_open(), CHAN_IOC_LIST, &l) && l.count; n++)
			l.count = 1;
		if (limits().total_channels == n)
			return;
		usleep(10000);
	}
}

/* Both return the number of elements, or -errno. */
static inline long send_n(int fd, const void *buf, unsigned int n, unsigned int flags,
			  unsigned long long timeout)
{
	struct chan_xfer x = {
		.size = sizeof(x), .flags = flags, .buf = (uintptr_t)buf, .count = n,
		.timeout_ns = timeout,
	};
	int r = ioctl(fd, CHAN_IOC_SEND, &x);

	return r < 0 ? -errno : r;
}

static inline long recv_n(int fd, void *buf, unsigned int n, unsigned int flags,
			  unsigned long long timeout)
{
	struct chan_xfer x = {
		.size = sizeof(x), .flags = flags, .buf = (uintptr_t)buf, .count = n,
		.timeout_ns = timeout,
	};
	int r = ioctl(fd, CHAN_IOC_RECV, &x);

	return r < 0 ? -errno : r;
}

static inline long send_msg(int fd, const void *buf, unsigned int len, unsigned int flags)
{
	struct chan_xfer x = {
		.size = sizeof(x), .flags = flags, .buf = (uintptr_t)buf, .count = 1, .len = len,
	};
	int r = ioctl(fd, CHAN_IOC_SEND, &x);

	return r < 0 ? -errno : r;
}

static inline long recv_msg(int fd, void *buf, unsigned int *len, unsigned int flags)
{
	struct chan_xfer x = {
		.size = sizeof(x), .flags = flags, .buf = (uintptr_t)buf, .count = 1, .len = *len,
	};
	int r = ioctl(fd, CHAN_IOC_RECV, &x);

	*len = x.len;
	return r < 0 ? -errno : r;
}

/* read and write that return -errno. */
static inline long rd(int fd, void *buf, size_t len)
{
	ssize_t r = read(fd, buf, len);

	return r < 0 ? -errno : r;
}

static inline long wr(int fd, const void *buf, size_t len)
{
	ssize_t r = write(fd, buf, len);

	return r < 0 ? -errno : r;
}

/* The module says when calls are parked: no test sleeps and hopes. */
static inline void wait_parked(int fd, unsigned int senders, unsigned int receivers)
{
	struct chan_info i;

	do {
		sched_yield();
		i = info(fd);
	} while (i.parked_senders != senders || i.parked_receivers != receivers);
}

/* All of a small file, as a string. */
static inline void read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n, len = 0;

	while ((n = read(fd, text + len, size - 1 - len)) > 0)
		len += n;
	if (n < 0) {
		perror(path);
		abort();
	}
	text[len] = 0;
	close(fd);
}

static inline void set_nonblock(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
}

/* Short: 0 if nothing is ready. */
static inline int poll_now(int fd)
{
	struct pollfd p = {
		.fd = fd,
		.events = POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLRDHUP,
	};

	poll(&p, 1, 0);
	return p.revents;
}

/* An epoll that watches one file. */
static inline int watch(int fd, unsigned int events)
{
	struct epoll_event e = { .events = events };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e)) {
		perror("epoll_ctl");
		abort();
	}
	return ep;
}

/* Is there an event now? Returns its bits, or 0. */
static inline int event_now(int ep)
{
	struct epoll_event e;

	return epoll_wait(ep, &e, 1, 0) == 1 ? e.events : 0;
}

static inline int event_soon(int ep)
{
	struct epoll_event e;

	return epoll_wait(ep, &e, 1, 60000) == 1 ? e.events : 0;
}

/* How many threads of process @pid, but for the caller, sleep in this system call? */
static inline int asleep_in(pid_t pid, int number)
{
	struct dirent *entry;
	char path[300];
	int n = 0, call;
	DIR *dir;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (atoi(entry->d_name) <= 0 || atoi(entry->d_name) == gettid())
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/syscall", pid, entry->d_name);
		f = fopen(path, "r");
		if (!f)
			continue;
		if (fscanf(f, "%d", &call) == 1 && call == number)
			n++;
		fclose(f);
	}
	if (dir)
		closedir(dir);
	return n;
}

static inline void wait_asleep_in(pid_t pid, int number, int n)
{
	while (asleep_in(pid, number) != n)
		sched_yield();
}

/*
 * Selectors, handles that stand by
 */

static inline int make_selector(unsigned int flags)
{
	struct chan_selector s = { .size = sizeof(s), .fd_flags = flags | O_CLOEXEC };

	return ioctl(ctl_open(), CHAN_IOC_SELECTOR, &s) ? -errno : s.fd;
}

/* As select_n(); -EINPROGRESS when it waits. */
static inline long arm_n(int sel, struct chan_case *cases, unsigned int n, unsigned int flags)
{
	struct chan_select s = {
		.size = sizeof(s), .flags = flags, .cases = (uintptr_t)cases, .count = n,
		.case_size = sizeof(*cases),
	};
	int r = ioctl(sel, CHAN_IOC_ARM, &s);

	return r < 0 ? -errno : r;
}

static inline long disarm(int sel)
{
	return ioctl(sel, CHAN_IOC_DISARM, 0) ? -errno : 0;
}

/* What read(2) of a selector gives. */
struct result {
	struct chan_selected h;
	unsigned char elem[BY_REF];
};

/* Returns 1 if it stood by before, else 0, or -errno. */
static inline long standby(int fd, unsigned long on)
{
	int r = ioctl(fd, CHAN_IOC_STANDBY, on);

	return r < 0 ? -errno : r;
}

/* A call in a thread of its own. */
struct call {
	pthread_t thread;
	_Atomic pid_t tid;
	int fd;
	bool sending;
	void *buf;
	size_t len;
	long result;
};

static inline void *call_run(void *arg)
{
	struct call *c = arg;

	c->tid = gettid();
	c->result = c->sending ? wr(c->fd, c->buf, c->len) : rd(c->fd, c->buf, c->len);
	return NULL;
}

static inline void call_start(struct call *c, int fd, bool sending, void *buf, size_t len)
{
	*c = (struct call){ .fd = fd, .sending = sending, .buf = buf, .len = len };
	if (pthread_create(&c->thread, NULL, call_run, c)) {
		perror("pthread_create");
		abort();
	}
}

/*
 * Wait until the call sleeps: then it has told all who poll that it is parked, which
 * it does after wait_parked() can see it.
 */
static inline void call_wait_asleep(struct call *c)
{
	char path[64], state = 0;
	FILE *f;

	do {
		sched_yield();
		snprintf(path, sizeof(path), "/proc/self/task/%d/stat", c->tid);
		f = fopen(path, "r");
		if (!f)
			continue;
		if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
			state = 0;
		fclose(f);
	} while (state != 'S');
}

static inline long call_end(struct call *c)
{
	pthread_join(c->thread, NULL);
	return c->result;
}

/*
 * Select
 */

static inline struct chan_case recv_case(int fd, void *buf)
{
	return (struct chan_case){
		.fd = fd, .op = CHAN_CASE_RECV, .buf = (uintptr_t)buf,
	};
}

static inline struct chan_case send_case(int fd, const void *buf)
{
	return (struct chan_case){
		.fd = fd, .op = CHAN_CASE_SEND, .buf = (uintptr_t)buf,
	};
}

/* Returns the index with CHAN_OK or without, or -errno. */
static inline long select_n(struct chan_case *cases, unsigned int n, unsigned int flags,
			    unsigned long long timeout)
{
	struct chan_select s = {
		.size = sizeof(s), .flags = flags, .cases = (uintptr_t)cases, .count = n,
		.case_size = sizeof(*cases), .timeout_ns = timeout,
	};
	int r = ioctl(ctl_open(), CHAN_IOC_SELECT, &s);

	return r < 0 ? -errno : r;
}

/* An element that carries a number and fills its size with what follows from it. */
static inline void fill_elem(void *buf, size_t size, uint64_t v)
{
	unsigned char *p = buf;
	size_t i;

	for (i = 0; i < size; i++)
		p[i] = i < 8 ? v >> (8 * i) : (unsigned char)(v * 31 + i);
}

static inline bool elem_is(const void *buf, size_t size, uint64_t v)
{
	const unsigned char *p = buf;
	size_t i;

	for (i = 0; i < size; i++)
		if (p[i] != (unsigned char)(i < 8 ? v >> (8 * i) : v * 31 + i))
			return false;
	return true;
}

/* A select in a thread of its own. The cases are the caller's, until it has ended. */
struct select_call {
	pthread_t thread;
	_Atomic pid_t tid;
	struct chan_case *cases;
	unsigned int n, flags;
	unsigned long long timeout;
	long result;
};

static inline void *select_run(void *arg)
{
	struct select_call *c = arg;

	c->tid = gettid();
	c->result = select_n(c->cases, c->n, c->flags, c->timeout);
	return NULL;
}

static inline void select_start(struct select_call *c, struct chan_case *cases, unsigned int n,
				unsigned int flags, unsigned long long timeout)
{
	*c = (struct select_call){ .cases = cases, .n = n, .flags = flags, .timeout = timeout };
	if (pthread_create(&c->thread, NULL, select_run, c)) {
		perror("pthread_create");
		abort();
	}
}

static inline long select_end(struct select_call *c)
{
	pthread_join(c->thread, NULL);
	return c->result;
}

/* A select without channels can't be seen in one: so many wait on this machine. */
static inline void wait_parties(unsigned long long n)
{
	while (limits().total_parties != n)
		sched_yield();
}

static inline bool same_info(struct chan_info a, struct chan_info b)
{
	return !memcmp(&a, &b, sizeof(a));
}

static inline unsigned long long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SEC + t.tv_nsec;
}

#endif /* CHAN_TEST_H */
