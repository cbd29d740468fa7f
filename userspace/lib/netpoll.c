// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Files that goroutines wait for, in one epoll.
 *
 * A goroutine that has to wait in channels arms a selector, a select as a file; one that
 * has to wait for other files puts them into a small epoll of its own, which is a file
 * too. Either, a source, is in the runtime's epoll from its making on, edge-triggered: to
 * wait costs no call of epoll_ctl(2) there. Sources are kept for the next who waits.
 *
 * An event may be late: somebody fetched it from epoll, and delivers it when the source
 * is with its next user already. So memory of sources stays, and who is woken looks, and
 * waits again if nothing is there.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/chan.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"
#include "runtime.h"
#include "sanitize.h"

#define NS_PER_S	1000000000ULL
#define NS_PER_MS	1000000ULL

#define EVENTS		64	/* fetched at once */
#define CHUNK		32	/* sources that are allocated at once */
#define PROC_SPARE	32	/* spare sources of a kind that a proc keeps */
#define OPEN_SPARE	1024	/* spare sources of a kind that stay open, of all */

enum source_kind { SELECTOR, FILES };

/**
 * struct source - a file that a goroutine waits for
 * @waiter: its user's; others may wake it at any time
 * @fd: its user's; -1 if it isn't open
 * @kind: immutable while it is open
 * @next: in a list of spare ones
 */
struct source {
	struct libchan_waiter waiter;
	int fd;
	enum source_kind kind;
	struct source *next;
};

/* Sources that are allocated together; they stay. */
struct chunk {
	struct chunk *next;
	struct source sources[CHUNK];
};

/**
 * struct netpoll - what is waited for
 * @lock: of the lists
 * @opening: who opens or closes a source reads it, and fork(2) writes: so that it comes
 *	before or after, and the child finds all that is open
 * @epoll: immutable
 * @event: immutable; an eventfd, that ends a wait
 * @waiting: atomic; goroutines that wait for sources
 * @scarce: atomic; one was refused: no proc keeps any for itself
 * @raised: atomic; how often the limit of files was raised
 * @old: this kernel, or valgrind, has no epoll_pwait2(2)
 * @spare: open sources, by kind
 * @closed: sources that aren't open
 * @chunks: all sources
 */
static struct netpoll {
	pthread_mutex_t lock;
	pthread_rwlock_t opening;
	int epoll;
	int event;
	unsigned int waiting;
	unsigned int raised;
	bool scarce;
	bool old;
	struct libchan_spare spare[2];
	struct source *closed;
	struct chunk *chunks;
} net = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.opening = PTHREAD_RWLOCK_INITIALIZER,
	.epoll = -1,
	.event = -1,
};

/* Too many files in all epolls of the user are as too many of anything else. */
static LIBCHAN_ERRNO int epoll_change(int epoll, int op, int fd, uint32_t events, void *ptr)
{
	struct epoll_event event = { .events = events, .data.ptr = ptr };

	if (epoll_ctl(epoll, op, fd, &event))
		return errno == ENOSPC ? -EDQUOT : -errno;
	return 0;
}

/**
 * libchan_netpoll_start() - make the runtime's epoll
 *
 * Return: 0, or a negative errno.
 */
int libchan_netpoll_start(void)
{
	int r;

	net.old = RUNNING_ON_VALGRIND;
	net.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (net.epoll < 0)
		return -errno;
	net.event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = net.event < 0 ? -errno : epoll_change(net.epoll, EPOLL_CTL_ADD, net.event, EPOLLIN, NULL);
	if (r)
		libchan_netpoll_stop();
	return r;
}

/**
 * libchan_netpoll_stop() - the opposite
 */
void libchan_netpoll_stop(void)
{
	if (net.event >= 0)
		close(net.event);
	if (net.epoll >= 0)
		close(net.epoll);
	net.event = -1;
	net.epoll = -1;
}

/*
 * Wait
 */

/**
 * libchan_netpoll_waits() - does anybody wait for a source?
 *
 * Return: true if so.
 */
bool libchan_netpoll_waits(void)
{
	return __atomic_load_n(&net.waiting, __ATOMIC_RELAXED);
}

/**
 * libchan_netpoll_break() - end the wait of the worker that is in libchan_netpoll(), or
 *	the next one
 */
void libchan_netpoll_break(void)
{
	uint64_t one = 1;

	if (write(net.event, &one, sizeof(one)) < 0)
		return;		/* it is full: somebody else has ended it */
}

static bool readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

/**
 * libchan_netpoll_late() - is anybody parked whose event has come?
 *
 * That is so while a worker has fetched the event and not delivered it. A source stays
 * readable until its user has looked, so this doesn't depend on who has the event.
 *
 * Return: true if so.
 */
bool libchan_netpoll_late(void)
{
	struct chunk *chunk;
	bool late = false;
	unsigned int i;

	pthread_mutex_lock(&net.lock);
	for (chunk = net.chunks; chunk && !late; chunk = chunk->next)
		for (i = 0; i < CHUNK && !late; i++)
			late = chunk->sources[i].fd >= 0 &&
			       libchan_waiter_is_parked(&chunk->sources[i].waiter) &&
			       readable(chunk->sources[i].fd);
	pthread_mutex_unlock(&net.lock);
	return late;
}

/* In milliseconds, rounded up: before its time nobody is to wake. */
static int wait_ms(struct epoll_event *events, uint64_t ns)
{
	int ms = ns > INT32_MAX * NS_PER_MS ? INT32_MAX : (ns + NS_PER_MS - 1) / NS_PER_MS;

	return epoll_wait(net.epoll, events, EVENTS, ms);
}

static int wait_until(struct epoll_event *events, uint64_t deadline_ns)
{
	struct timespec t;
	uint64_t now, ns;
	int n;

	if (!deadline_ns)
		return epoll_wait(net.epoll, events, EVENTS, 0);
	if (deadline_ns == LIBCHAN_NEVER)
		return epoll_wait(net.epoll, events, EVENTS, -1);
	now = libchan_now();
	ns = deadline_ns > now ? deadline_ns - now : 0;
	if (!net.old) {
		t.tv_sec = ns / NS_PER_S;
		t.tv_nsec = ns % NS_PER_S;
		n = epoll_pwait2(net.epoll, events, EVENTS, &t, NULL);
		if (n >= 0 || errno != ENOSYS)
			return n;
		net.old = true;
	}
	return wait_ms(events, ns);
}

/* Only who was to be woken takes the event away: else it would sleep on. */
static void broken(uint64_t deadline_ns)
{
	uint64_t n;

	if (deadline_ns && read(net.event, &n, sizeof(n)) < 0)
		return;
}

/**
 * libchan_netpoll() - who may go on?
 * @deadline_ns: wait until then for one, or for libchan_netpoll_break(); 0: don't wait;
 *	one worker at a time may wait
 * @woken: the caller makes them ready
 *
 * It may return early, with nobody.
 */
void libchan_netpoll(uint64_t deadline_ns, struct libchan_queue *woken)
{
	struct epoll_event events[EVENTS];
	int n = wait_until(events, deadline_ns), i;
	struct libchan_task *task;
	struct source *s;

	for (i = 0; i < n; i++) {
		s = events[i].data.ptr;
		if (!s) {
			broken(deadline_ns);
			continue;
		}
		libchan_acquire(s);
		task = libchan_waiter_claim(&s->waiter);
		if (task)
			libchan_queue_put(woken, task);
	}
}

/*
 * Sources
 */

static struct source *chunk_new(void)
{
	struct chunk *chunk = calloc(1, sizeof(*chunk));
	unsigned int i;

	if (!chunk)
		return NULL;
	for (i = 0; i < CHUNK; i++) {
		chunk->sources[i].fd = -1;
		chunk->sources[i].next = i ? &chunk->sources[i - 1] : NULL;
	}
	chunk->next = net.chunks;
	net.chunks = chunk;
	return &chunk->sources[CHUNK - 1];
}

static struct source *take(struct libchan_spare *from)
{
	struct source *s = from->first;

	if (s) {
		from->first = s->next;
		from->n--;
	}
	return s;
}

static void give(struct libchan_spare *to, struct source *s)
{
	s->next = to->first;
	to->first = s;
	to->n++;
}

/* An open one, or one that isn't, or NULL. */
static struct source *source_take(enum source_kind kind)
{
	struct source *s;

	pthread_mutex_lock(&net.lock);
	s = take(&net.spare[kind]);
	if (!s) {
		if (!net.closed)
			net.closed = chunk_new();
		s = net.closed;
		if (s)
			net.closed = s->next;
	}
	pthread_mutex_unlock(&net.lock);
	return s;
}

/* Its memory is still where late events find it. */
static void source_close(struct source *s)
{
	pthread_rwlock_rdlock(&net.opening);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	pthread_rwlock_unlock(&net.opening);
	pthread_mutex_lock(&net.lock);
	s->next = net.closed;
	net.closed = s;
	pthread_mutex_unlock(&net.lock);
}

static int selector_open(int via)
{
	struct chan_selector arg = {
		.size = sizeof(arg), .fd_flags = O_CLOEXEC | O_NONBLOCK,
	};
	int r = libchan_ioctl(via, CHAN_IOC_SELECTOR, &arg);

	return r < 0 ? r : arg.fd;
}

static LIBCHAN_ERRNO int files_open(void)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static bool raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == limit.rlim_max)
		return false;
	limit.rlim_cur = limit.rlim_max;
	return !setrlimit(RLIMIT_NOFILE, &limit);
}

/*
 * More files than when it had been raised @seen times. Return: false if as many are allowed
 * already as may be. Within @opening, so that at a fork nobody is here.
 */
static bool more_files(unsigned int seen)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	bool more;

	pthread_mutex_lock(&lock);
	if (net.raised == seen && raise_limit())
		__atomic_store_n(&net.raised, seen + 1, __ATOMIC_RELAXED);
	more = net.raised != seen;
	pthread_mutex_unlock(&lock);
	return more;
}

static int source_open(struct source *s, enum source_kind kind, int via)
{
	unsigned int seen;
	int fd;

	pthread_rwlock_rdlock(&net.opening);
	do {
		seen = __atomic_load_n(&net.raised, __ATOMIC_RELAXED);
		fd = kind == SELECTOR ? selector_open(via) : files_open();
	} while (fd == -EMFILE && more_files(seen));
	s->kind = kind;
	s->fd = fd < 0 ? -1 : fd;
	pthread_rwlock_unlock(&net.opening);
	if (fd < 0)
		return fd;
	/* To ThreadSanitizer not all calls that fetch events come after this one. */
	libchan_release(s);
	return epoll_change(net.epoll, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLET, s);
}

static struct libchan_spare *own_spare(enum source_kind kind)
{
	return &libchan_worker_self()->proc->sources[kind];
}

static int source_get(struct source **ret, enum source_kind kind, int via)
{
	struct source *s = take(own_spare(kind));
	int r;

	if (!s)
		s = source_take(kind);
	if (!s)
		return -ENOMEM;
	if (s->fd < 0) {
		r = source_open(s, kind, via);
		if (r) {
			__atomic_store_n(&net.scarce, true, __ATOMIC_RELAXED);
			source_close(s);
			return r;
		}
	}
	*ret = s;
	return 0;
}

static void source_put(struct source *s)
{
	struct libchan_spare *own = own_spare(s->kind);
	bool full;

	if (own->n < PROC_SPARE && !__atomic_load_n(&net.scarce, __ATOMIC_RELAXED)) {
		give(own, s);
		return;
	}
	pthread_mutex_lock(&net.lock);
	full = net.spare[s->kind].n >= OPEN_SPARE;
	if (!full)
		give(&net.spare[s->kind], s);
	pthread_mutex_unlock(&net.lock);
	if (full)
		source_close(s);
}

static int source_wait(struct source *s, uint64_t deadline_ns)
{
	int r;

	__atomic_fetch_add(&net.waiting, 1, __ATOMIC_RELAXED);
	r = libchan_runtime_ops.wait(&s->waiter, deadline_ns);
	__atomic_fetch_sub(&net.waiting, 1, __ATOMIC_RELAXED);
	return r;
}

/*
 * Channels
 */

/* No signal ends what a goroutine waits for. */
static int selector_ioctl(int fd, unsigned long cmd, void *arg)
{
	int r;

	do
		r = libchan_ioctl(fd, cmd, arg);
	while (r == -EINTR);
	return r;
}

/* Return: bytes, or an errno: -EAGAIN if it was woken for nothing. */
static LIBCHAN_ERRNO ssize_t selector_read(struct source *s, const struct libchan_await *a)
{
	ssize_t n;

	do
		n = read(s->fd, a->result, a->size);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/*
 * A wake that comes from the next wait on is for that: so the waiter is made ready before
 * one looks.
 */
static int selector_wait(struct source *s, const struct libchan_await *a)
{
	ssize_t n;
	int r;

	do {
		r = source_wait(s, a->deadline_ns);
		if (r && selector_ioctl(s->fd, CHAN_IOC_DISARM, NULL) != -EALREADY)
			return r;
		libchan_waiter_again(&s->waiter, a->reason);
		n = selector_read(s, a);
	} while (n == -EAGAIN);
	return n < 0 ? n : -EINPROGRESS;
}

static int selector_arm_and_wait(struct source *s, const struct libchan_await *a)
{
	int r = selector_ioctl(s->fd, CHAN_IOC_ARM, a->arg);

	if (r != -EINPROGRESS)
		return r;
	if (!a->outside)
		return selector_wait(s, a);
	libchan_outside(1);
	r = selector_wait(s, a);
	libchan_outside(-1);
	return r;
}

static int selector_use(struct source *s, const struct libchan_await *a)
{
	struct libchan_parked *p = a->parked;
	void *last = s;
	int r;

	libchan_waiter_again(&s->waiter, a->reason);
	if (!p)
		return selector_arm_and_wait(s, a);
	__atomic_fetch_add(&p->n, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&p->last, s, __ATOMIC_RELEASE);
	r = selector_arm_and_wait(s, a);
	__atomic_fetch_sub(&p->n, 1, __ATOMIC_RELAXED);
	__atomic_compare_exchange_n(&p->last, &last, NULL, false, __ATOMIC_RELAXED,
				    __ATOMIC_RELAXED);
	return r;
}

/**
 * libchan_hint() - what a selector waits for has probably come
 * @selector: of a &struct libchan_parked; it may be another's by now
 *
 * A goroutine that has met another one in a channel knows whom it has woken. Where nobody
 * waits for events, that one goes on from here, and no worker has to ask epoll for it. The
 * event that still comes is a late one, as may come at any time. A wrong hint is too.
 */
void libchan_hint(void *selector)
{
	struct source *s = selector;
	struct libchan_task *task;

	if (!libchan_all_run())
		return;
	libchan_acquire(s);
	task = libchan_waiter_claim(&s->waiter);
	if (task)
		libchan_ready(task);
}

/**
 * libchan_await() - arm a selector, and let the goroutine wait for it
 * @a: what for
 *
 * Return: -EINPROGRESS: the result has been read; or what ARM said; or -ETIMEDOUT; or
 * another errno. A result that can't be read goes back into its channel.
 */
int libchan_await(const struct libchan_await *a)
{
	struct source *s;
	int r = source_get(&s, SELECTOR, a->via);

	if (r)
		return r;
	r = selector_use(s, a);
	if (r == -EMSGSIZE || r == -EFAULT || r == -EBUSY)
		source_close(s);
	else
		source_put(s);
	return r;
}

/**
 * libchan_selector_get() - a selector to be waited for together with other files
 * @via: a channel
 * @selector: for libchan_selector_put()
 *
 * Return: its file, not armed; or a negative errno.
 */
int libchan_selector_get(int via, void **selector)
{
	struct source *s;
	int r = source_get(&s, SELECTOR, via);

	if (r)
		return r;
	*selector = s;
	return s->fd;
}

/**
 * libchan_selector_put() - give it back
 * @selector: from libchan_selector_get(), not armed, or to be thrown away
 * @again: others may use it
 */
void libchan_selector_put(void *selector, bool again)
{
	if (again)
		source_put(selector);
	else
		source_close(selector);
}

/*
 * Other files
 */

/* What is asked of a file, by all that name it up to here. */
static uint32_t asked(const struct pollfd *fds, size_t i)
{
	uint32_t events = 0;
	size_t j;

	for (j = 0; j <= i; j++)
		if (fds[j].fd == fds[i].fd)
			events |= (uint16_t)fds[j].events;
	return events;
}

static int file_add(int epoll, const struct pollfd *fds, size_t i)
{
	int r = epoll_change(epoll, EPOLL_CTL_ADD, fds[i].fd, (uint16_t)fds[i].events, NULL);

	if (r != -EEXIST)
		return r;
	return epoll_change(epoll, EPOLL_CTL_MOD, fds[i].fd, asked(fds, i), NULL);
}

static bool named_before(const struct pollfd *fds, size_t i)
{
	size_t j;

	for (j = 0; j < i; j++)
		if (fds[j].fd == fds[i].fd)
			return true;
	return false;
}

/* Return: false if one couldn't be taken out: somebody has closed it. */
static bool files_remove(int epoll, const struct pollfd *fds, size_t n)
{
	bool all = true;
	size_t i;

	for (i = 0; i < n; i++)
		if (fds[i].fd >= 0 && epoll_change(epoll, EPOLL_CTL_DEL, fds[i].fd, 0, NULL) &&
		    !named_before(fds, i))
			all = false;
	return all;
}

static int files_add(int epoll, const struct pollfd *fds, size_t n)
{
	size_t i;
	int r;

	for (i = 0; i < n; i++) {
		r = fds[i].fd < 0 ? 0 : file_add(epoll, fds, i);
		if (r) {
			files_remove(epoll, fds, i);
			return r;
		}
	}
	return 0;
}

/**
 * libchan_poll() - let the goroutine wait until one of some files may be ready
 * @fds: as of poll(2); revents isn't written
 * @n: how many
 * @reason: as of &struct libchan_waiter
 * @deadline_ns: as for libchan_waiter_wait()
 *
 * Return: 0: look; -ETIMEDOUT; or another errno.
 */
int libchan_poll(const struct pollfd *fds, size_t n, const char *reason, uint64_t deadline_ns)
{
	struct source *s;
	int r = source_get(&s, FILES, -1);

	if (r)
		return r;
	libchan_waiter_again(&s->waiter, reason);
	r = files_add(s->fd, fds, n);
	if (r) {
		source_put(s);
		return r == -EPERM ? 0 : r;	/* a file that is always ready */
	}
	libchan_outside(1);
	r = source_wait(s, deadline_ns);
	libchan_outside(-1);
	if (files_remove(s->fd, fds, n))
		source_put(s);
	else
		source_close(s);
	return r;
}

/*
 * fork(2)
 */

void libchan_netpoll_lock(void)
{
	pthread_rwlock_wrlock(&net.opening);
	pthread_mutex_lock(&net.lock);
}

void libchan_netpoll_unlock(void)
{
	pthread_mutex_unlock(&net.lock);
	pthread_rwlock_unlock(&net.opening);
}

static void source_reset(struct source *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	libchan_waiter_init(&s->waiter, "");
	s->next = net.closed;
	net.closed = s;
}

/*
 * In the child: it must not hold what the parent's goroutines have armed, or that would
 * wait in the channels for as long as the child lives, and nobody would read it. The memory
 * stays: handles may remember who waited. But nobody does.
 */
void libchan_netpoll_reset(void)
{
	struct chunk *chunk;
	unsigned int i;

	net.closed = NULL;
	for (chunk = net.chunks; chunk; chunk = chunk->next)
		for (i = 0; i < CHUNK; i++)
			source_reset(&chunk->sources[i]);
	libchan_netpoll_stop();
	net.waiting = 0;
	net.scarce = false;
	memset(net.spare, 0, sizeof(net.spare));
	pthread_mutex_init(&net.lock, NULL);
	pthread_rwlock_init(&net.opening, NULL);
}
