// SPDX-License-Identifier: GPL-2.0
/*
 * Running a program: what its arguments stand for, and what every call must keep to.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

struct runner runners[THREADS_MAX];
struct slot slots[NR_SLOTS];
atomic_uint minors[4];
uint8_t *send_mem, *shared_args, *shared_recv;

/*
 * What has gone wrong: the first such is kept, and ends the run
 */

void broken(struct runner *t, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list args;
	int n;

	if (atomic_exchange(&shared->failed, true))
		return;
	print_step(text, t->step);
	n = snprintf(shared->failure, sizeof(shared->failure), "thread %u, %s: ", t->nr, text);
	va_start(args, format);
	vsnprintf(shared->failure + n, sizeof(shared->failure) - n, format, args);
	va_end(args);
}

long result(long r)
{
	return r < 0 ? -errno : r;
}

/*
 * Errors, as uapi/linux/chan.h has them; and what the kernel says before it asks a module
 */

static const int errors[NR_OPS][16] = {
	[OP_create] = { E2BIG, EDQUOT, EEXIST, EFAULT, EINVAL, EMFILE, ENFILE, ENOMEM, ENOSPC,
			EOVERFLOW, EPERM },
	/* Some of them of flags that no device knows. */
	[OP_open] = { EACCES, EDQUOT, EINVAL, ELOOP, EMFILE, ENFILE, ENOENT, ENOMEM, ENOTDIR, ENXIO,
		      EPERM },
	[OP_resolve] = { E2BIG, EFAULT, EINVAL, ENOENT },
	[OP_list] = { E2BIG, EFAULT, EINVAL, ENOMEM },
	[OP_limits] = { E2BIG, EFAULT, EINVAL, ENOMEM },
	[OP_info] = { E2BIG, EFAULT, EINVAL },
	[OP_narrow] = { E2BIG, EBADF, EDQUOT, EFAULT, EINVAL, EMFILE, ENFILE, ENOMEM },
	[OP_destroy] = { E2BIG, EFAULT, EINVAL, ENODEV, ENOTEMPTY, EPERM },
	[OP_stop] = { EBADF, EINVAL, EPIPE },
	[OP_send] = { E2BIG, EAGAIN, EBADF, EDQUOT, EFAULT, EINTR, EINVAL, EMSGSIZE, ENOMEM, EPIPE,
		      ETIMEDOUT },
	[OP_recv] = { E2BIG, EAGAIN, EBADF, EDQUOT, EFAULT, EINTR, EINVAL, EMSGSIZE, ENOMEM,
		      ETIMEDOUT },
	[OP_read] = { EAGAIN, EBADF, EDQUOT, EFAULT, EINTR, EINVAL, EMSGSIZE, ENODATA, ENOMEM },
	[OP_write] = { EAGAIN, EBADF, EDQUOT, EFAULT, EINTR, EINVAL, EMSGSIZE, ENOMEM, EPIPE },
	[OP_pread] = { EBADF, EINVAL, ESPIPE },
	[OP_select] = { E2BIG, EAGAIN, EBADF, EDQUOT, EFAULT, EINTR, EINVAL, EMSGSIZE, ENOMEM,
			ETIMEDOUT },
	[OP_selector] = { E2BIG, EDQUOT, EFAULT, EINVAL, EMFILE, ENFILE, ENOMEM },
	[OP_arm] = { E2BIG, EBADF, EBUSY, EDQUOT, EFAULT, EINPROGRESS, EINTR, EINVAL, EMSGSIZE,
		     ENOMEM },
	[OP_disarm] = { EALREADY, EINTR, EINVAL },
	[OP_result] = { EAGAIN, EFAULT, EINTR, EINVAL, EMSGSIZE },
	[OP_standby] = { EBADF, EDQUOT, EINVAL, ENOMEM },
	[OP_timer] = { E2BIG, EBADF, EFAULT, EINVAL, ENODEV },
};

static bool is_in(const int *list, int error)
{
	while (*list && *list != error)
		list++;
	return *list;
}

/* Which ioctls each kind of file has. */
static bool is_ioctl(int op)
{
	switch (op) {
	case OP_create:
	case OP_resolve:
	case OP_list:
	case OP_limits:
	case OP_info:
	case OP_narrow:
	case OP_destroy:
	case OP_stop:
	case OP_send:
	case OP_recv:
	case OP_select:
	case OP_selector:
	case OP_arm:
	case OP_disarm:
	case OP_standby:
	case OP_timer:
		return true;
	default:
		return false;
	}
}

bool has_ioctl(int op, enum kind kind)
{
	switch (op) {
	case OP_create:
	case OP_resolve:
	case OP_list:
	case OP_limits:
		return kind == KIND_CTL;
	case OP_select:
	case OP_selector:
		return kind == KIND_CTL || kind == KIND_CHAN;
	case OP_arm:
	case OP_disarm:
		return kind == KIND_SEL;
	default:
		return kind == KIND_CHAN;
	}
}

bool documented(int op, enum kind kind, int error)
{
	if (kind == KIND_NONE)
		return error == EBADF;
	if (kind == KIND_OTHER)
		return true;
	if (is_ioctl(op))
		return has_ioctl(op, kind) ? is_in(errors[op], error) : error == ENOTTY;
	if (op == OP_readv)
		op = OP_read;
	if (op == OP_writev)
		op = OP_write;
	if (op == OP_result)
		op = OP_read;
	if (op == OP_read && kind == KIND_SEL)
		return is_in(errors[OP_result], error);
	if ((op == OP_read || op == OP_write) && kind == KIND_CTL)
		return error == EINVAL || error == EFAULT;
	if (op == OP_write && kind == KIND_SEL)
		return error == EBADF;
	return !*errors[op] || is_in(errors[op], error);
}

void check_errno(struct runner *t, int op, const struct target *g, long r)
{
	bool same = still(g);
	int error = -r;

	if (same && g->slot && !g->full) {
		if (error != EBADF)
			broken(t, "returned %ld, but the file is closed", r);
		return;
	}
	if (r >= 0)
		return;
	if (!strerrorname_np(error))
		broken(t, "returned %ld, which is no errno", r);
	/* Another thread may have closed it; and a copy may fail on demand. */
	else if (!(error == EBADF && !same) && !(error == EFAULT && t->failing) &&
		 !documented(op, g->kind, error))
		broken(t, "%s isn't documented", strerrorname_np(error));
}

/* No less than nothing, and no more than the limits that ../fuzz.c sets, by much. */
void check_limits(struct runner *t, const struct chan_limits *l)
{
	const uint64_t in_use[] = {
		l->channels, l->named, l->selectors, l->timers, l->total_channels,
		l->total_parties, l->bytes, l->parked,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(in_use); i++)
		if (in_use[i] > (i < 6 ? 1 << 16 : 1 << 27))
			broken(t, "LIMITS says that %lld are in use (its number %u)",
			       (long long)in_use[i], i);
	if (!l->features || l->elem_size_max != CHAN_ELEM_SIZE_MAX)
		broken(t, "LIMITS doesn't say what there is");
}

/*
 * Memory. All that is sent consists of some bytes of its own; what is received is looked
 * at, and must be of those, or zeroes of fresh pages, or the time.
 */

#define EDGE	(1U << 16)
#define UNTOUCHED	0xa5
#define IS_SENT(b)	(((b) & 0xf0) == 0xc0)

static uint8_t *map(void *at, size_t len, int prot, int flags, int fd)
{
	void *p = mmap(at, len, prot, flags, fd, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		abort();
	}
	return p;
}

/* With nothing behind it, for good. */
static uint8_t *map_guarded(size_t len)
{
	uint8_t *p = map(NULL, len + EDGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	mprotect(p, len, PROT_READ | PROT_WRITE);
	return p;
}

static int file_of(size_t len)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, len)) {
		perror("memfd_create");
		abort();
	}
	return fd;
}

/* Threads share it; of each process, it is a copy. */
void shared_memory_init(void)
{
	unsigned int i;

	send_mem = map_guarded(SEND_MEM);
	shared_args = map_guarded(SHARED_MEM);
	shared_recv = map_guarded(SHARED_MEM);
	for (i = 0; i < SEND_MEM; i++)
		send_mem[i] = 0xc0 | (i & 15);
	/* Nor does the kernel write there, whatever it is told. */
	mprotect(send_mem, SEND_MEM, PROT_READ);
}

void memory_init(struct memory *m)
{
	int fd;

	m->args = map_guarded(EDGE);
	m->recv = map_guarded(SEND_MEM);
	m->edge_args = map_guarded(EDGE) + EDGE;
	m->edge_send = map_guarded(EDGE) + EDGE;
	m->edge_recv = map_guarded(EDGE) + EDGE;
	m->fresh = map_guarded(EDGE);
	m->none = map(NULL, EDGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	fd = file_of(2 * EDGE);
	m->ro = map(NULL, 2 * EDGE, PROT_READ, MAP_SHARED, fd);
	m->ro_write = map(NULL, 2 * EDGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	close(fd);
	fd = file_of(1);
	m->beyond = map(NULL, 2 * EDGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd) + EDGE;
	close(fd);
	memcpy(m->edge_send - EDGE, send_mem, EDGE);
	memcpy(m->ro_write, send_mem, EDGE);
}

void *buffer(struct runner *t, uint8_t v, size_t len, bool sending)
{
	const struct memory *m = &t->mem;
	uint8_t *edge = sending ? m->edge_send : m->edge_recv, *p;

	v %= NR_MEMS;
	if (v == MEM_EDGE && len > EDGE)
		v = MEM_GOOD;
	switch (v) {
	case MEM_GOOD:
	case MEM_ODD:
		p = (sending ? send_mem : m->recv) + (v == MEM_ODD);
		break;
	case MEM_EDGE:
		p = edge - len;
		break;
	case MEM_FRESH:
		madvise(m->fresh, EDGE, MADV_DONTNEED);
		return m->fresh;
	case MEM_HALF:
		return edge - (len / 2 > EDGE ? EDGE : len / 2);
	case MEM_RO:
		return m->ro;
	case MEM_NONE:
		return m->none;
	case MEM_BEYOND:
		return m->beyond;
	case MEM_NULL:
		return NULL;
	case MEM_LOW:
		return (void *)0x7000;
	case MEM_KERNEL:
		return (void *)0xffff888000000000;
	case MEM_NONCANON:
		return (void *)0x8000000000000000;
	default:
		return (void *)-4;
	}
	if (!sending) {
		t->received = p;
		t->received_max = len > EDGE ? EDGE : len;
		memset(p, UNTOUCHED, t->received_max);
	}
	return p;
}

static bool is_time(uint64_t v)
{
	struct timespec now;
	int64_t ahead;

	clock_gettime(CLOCK_REALTIME, &now);
	ahead = v - (now.tv_sec * 1000000000ULL + now.tv_nsec);
	return ahead < 1000000000 && ahead > -3600 * 1000000000LL;
}

/* What the last call that received has put there. */
void check_received(struct runner *t)
{
	uint8_t *p = t->received;
	size_t i, j, n = t->received_max;
	uint64_t v;

	t->received_max = 0;
	for (i = 0; i < n; i += 8) {
		for (j = i; j < n && j < i + 8; j++)
			if (p[j] && p[j] != UNTOUCHED && !IS_SENT(p[j]))
				break;
		if (j == n || j == i + 8)
			continue;
		memcpy(&v, p + i, n - i < 8 ? n - i : 8);
		if (n - i >= 8 && is_time(v))
			continue;
		broken(t, "received a byte 0x%02x at %zu that nobody has sent", p[j], j);
		return;
	}
}

/*
 * Slots
 */

bool still(const struct target *g)
{
	return !g->slot || (g->stable && g->begun == g->slot->begun);
}

struct target target_of(uint8_t v)
{
	static const int others[] = { CTL_FD, EPOLL_FD, PIPE_FD, PATH_FD, -1, FIRST_FD - 1, 1 << 20,
				      1 << 31 };
	struct target g = { .stable = true };

	if (v >= NR_SLOTS + ARRAY_LEN(others))
		v %= SEL;
	if (v < NR_SLOTS) {
		g.slot = &slots[v];
		g.fd = FIRST_FD + v;
		g.kind = v < SEL ? KIND_CHAN : KIND_SEL;
		g.begun = g.slot->begun;
		g.stable = g.begun == g.slot->ended;
		g.full = g.slot->full;
		return g;
	}
	g.fd = others[v - NR_SLOTS];
	g.kind = v == ON_CTL ? KIND_CTL : v < ON_PATH ? KIND_OTHER : KIND_NONE;
	return g;
}

unsigned int dst_of(uint8_t v)
{
	return v < DSTS ? FREE + v : v % SEL;
}

/* Takes over @fd. The number that it had is never one of a slot. */
void install(unsigned int slot, int fd, unsigned int unit, bool message)
{
	struct slot *s = &slots[slot];
	int r;

	pthread_mutex_lock(&s->lock);
	s->begun++;
	do {
		r = dup3(fd, FIRST_FD + slot, O_CLOEXEC);
	} while (r < 0 && (errno == EBUSY || errno == EINTR));
	if (r >= 0) {
		s->full = true;
		s->unit = unit;
		s->message = message;
	}
	s->ended++;
	pthread_mutex_unlock(&s->lock);
	close(fd);
}

void install_like(unsigned int slot, int fd, const struct target *g)
{
	install(slot, fd, g->slot ? g->slot->unit : 8, g->slot && g->slot->message);
}

void empty(unsigned int slot)
{
	struct slot *s = &slots[slot];

	pthread_mutex_lock(&s->lock);
	s->begun++;
	if (s->full)
		close(FIRST_FD + slot);
	s->full = false;
	s->ended++;
	pthread_mutex_unlock(&s->lock);
}

/*
 * Arguments
 */

uint64_t wild(uint8_t v)
{
	return (1ULL << (v & 63)) - !!(v & 64);
}

/* In bytes: an element of the channel, several, not quite one; or something else. */
size_t len_of(const struct target *g, uint8_t v)
{
	size_t unit = g->slot ? g->slot->unit : 8;
	const size_t lens[LENS] = {
		unit ?: 1, 2 * unit, 8 * unit, 0, 1, unit + 1, 64, 4096,
	};

	/* A result of a selector is longer by its header. */
	if (g->kind == KIND_SEL && v < 3)
		return lens[v] + sizeof(struct chan_selected);
	return PICK(lens, v);
}

unsigned int fd_flags_of(uint8_t v)
{
	static const unsigned int flags[] = {
		O_RDWR, O_RDONLY, O_WRONLY, O_RDWR | O_NONBLOCK, O_RDONLY | O_NONBLOCK,
		O_WRONLY | O_NONBLOCK, 3, O_RDWR | O_CLOEXEC,
	};

	return PICK(flags, v);
}

/*
 * Programs
 */

/* The calling thread's nth allocation or copy from now on fails, where the kernel can. */
static void set_fail_nth(struct runner *t, unsigned int nth)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%u", nth);

	/* To say that no more shall fail may be what fails. */
	if (pwrite(t->fail_fd, text, n, 0) != n && pwrite(t->fail_fd, text, n, 0) != n)
		broken(t, "can't set fail-nth");
}

/*
 * Without signals, to deliver which the kernel must copy, too, and kills who it can't
 * deliver one to. But it is signals that end a call that waits: none does, then.
 */
static long run_failing(struct runner *t, const struct step *c)
{
	sigset_t all, before;
	long r;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	t->failing = true;
	set_fail_nth(t, t->fail);
	r = ops[c->op].run(t, c->arg);
	set_fail_nth(t, 0);
	t->failing = false;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

/* But for a read of a result, which may wait. */
static bool can_fail(const struct runner *t, const struct step *c)
{
	return t->fail && t->fail_fd >= 0 && c->op != OP_fail && c->op != OP_result;
}

static void tell(const struct runner *t, const struct step *c, long r)
{
	const char *error = r < 0 && r > -4096 ? strerrorname_np(-r) : NULL;
	char text[TEXT_MAX];

	print_step(text, c);
	if (error)
		printf("# %u: %s = %s\n", t->nr, text, error);
	else
		printf("# %u: %s = %ld\n", t->nr, text, r);
	fflush(stdout);
}

void run_program(struct runner *t, const struct program *p)
{
	static const uint8_t nobody_else[ARGS_MAX] = {};
	const struct step *c;
	long r;

	for (c = p->step; c < p->step + STEPS_MAX && c->op != OP_END && !shared->failed; c++) {
		t->step = c;
		if (can_fail(t, c))
			r = run_failing(t, c);
		else
			r = ops[c->op].run(t, c->arg);
		if (c->op != OP_fail)
			t->fail = 0;
		check_received(t);
		if (shared->verbose)
			tell(t, c, r);
	}
	t->fail = 0;
	run_uid(t, nobody_else);
	shared->programs++;
}
