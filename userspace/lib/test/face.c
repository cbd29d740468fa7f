// SPDX-License-Identifier: GPL-2.0
/*
 * Typed channels and select as a block, in one thread, over a kernel that is played here:
 * its channels never wait, and say so if they would have to. Prints TAP.
 *
 * Replaced by the linker: ioctl, open, close.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <gochan.h>

#define CTL_FD		900
#define CHAN_FD		1000	/* and up: channels as they are made */
#define CHANS		64
#define KIB(n)		((n) * 1024L)

static int failures, tests;

#define EXPECT(cond) do {							\
	if (!(cond)) {								\
		printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond);		\
		failures++;							\
	}									\
} while (0)

#define EXPECT_EQ(a, b) do {							\
	long long a_ = (a), b_ = (b);						\
	if (a_ != b_) {								\
		printf("# %s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__,	\
		       #a, a_, b_);						\
		failures++;							\
	}									\
} while (0)

#define EXPECT_STR(a, b) do {							\
	const char *a_ = (a), *b_ = (b);					\
	if (strcmp(a_, b_)) {							\
		printf("# %s:%d: %s is \"%s\", not \"%s\"\n", __FILE__,		\
		       __LINE__, #a, a_, b_);					\
		failures++;							\
	}									\
} while (0)

/*
 * The kernel
 */

static struct played {
	struct chan_info info;
	unsigned int handles;
	char *elements;
} chans[CHANS];

static unsigned int n_chans;

static struct {
	int ctl_errno, create_errno;	/* of open("/dev/chanctl") and of CREATE */
	int fail[8];			/* errnos of the next calls that move elements */
	uint64_t timeout_ns;		/* of the last call, if it had one */
	unsigned int n_cases;		/* of the last SELECT */
	unsigned int select_flags;
	int only;			/* the one case that SELECT finds ready, or -1 */
	char *stack;			/* where it was at the last call */
	unsigned int opened;
} k;

int __wrap_open(const char *path, int flags, ...);
int __wrap_close(int fd);
int __real_close(int fd);
int __real_open(const char *path, int flags, ...);
int __wrap_ioctl(int fd, unsigned long cmd, ...);

static int fail(int error)
{
	errno = error;
	return -1;
}

static int handle_of(unsigned int i)
{
	chans[i].handles++;
	k.opened++;
	return CHAN_FD + i;
}

static struct played *chan_of(int fd)
{
	EXPECT(fd >= CHAN_FD && fd < CHAN_FD + CHANS && chans[fd - CHAN_FD].handles);
	return &chans[fd - CHAN_FD];
}

int __wrap_open(const char *path, int flags, ...)
{
	unsigned int minor;

	if (!strcmp(path, "/dev/chanctl"))
		return k.ctl_errno ? fail(k.ctl_errno) : CTL_FD;
	if (sscanf(path, "/dev/chan%u", &minor) == 1)
		return handle_of(minor);
	return __real_open(path, flags);
}

int __wrap_close(int fd)
{
	if (fd < CTL_FD)
		return __real_close(fd);
	if (fd == CTL_FD)
		return 0;
	k.opened--;
	return --chan_of(fd)->handles * 0;
}

static int play_create(struct chan_create *arg)
{
	struct played *p = &chans[n_chans];
	unsigned int i = n_chans;

	if (k.create_errno)
		return fail(k.create_errno);
	if (arg->capacity && arg->elem_size > CHAN_BYTES_MAX / arg->capacity)
		return fail(EOVERFLOW);
	*p = (struct played){
		.info = {
			.flags = arg->flags, .elem_size = arg->elem_size,
			.capacity = arg->capacity, .id = n_chans + 1, .minor = n_chans,
		},
		.elements = calloc(arg->capacity + 1, arg->elem_size + 1),
	};
	memcpy(p->info.type, arg->type, sizeof(arg->type));
	memcpy(p->info.name, arg->name, sizeof(arg->name));
	n_chans++;
	arg->fd = handle_of(i);
	arg->id = p->info.id;
	return 0;
}

static int play_resolve(struct chan_resolve *arg)
{
	unsigned int i;

	for (i = 0; i < n_chans; i++) {
		if (strcmp(arg->name, chans[i].info.name))
			continue;
		arg->minor = i;
		arg->id = chans[i].info.id;
		return 0;
	}
	return fail(ENOENT);
}

/* Each returns 1, 0 at the end, -EPIPE, or -EAGAIN. */
static int put(struct played *p, const void *elem)
{
	if (p->info.flags & (CHAN_CLOSED | CHAN_HUNGUP))
		return -EPIPE;
	if (p->info.len == p->info.capacity)
		return -EAGAIN;
	if (p->info.elem_size)
		memcpy(p->elements + p->info.len * p->info.elem_size, elem, p->info.elem_size);
	p->info.len++;
	return 1;
}

static int take(struct played *p, void *elem)
{
	size_t size = p->info.elem_size;

	if (!p->info.len)
		return p->info.flags & CHAN_CLOSED ? 0 : -EAGAIN;
	if (size)
		memcpy(elem, p->elements, size);
	p->info.len--;
	memmove(p->elements, p->elements + size, p->info.len * size);
	return 1;
}

/* What the script says, if it does. */
static int scripted(void)
{
	int error = k.fail[0];

	memmove(k.fail, k.fail + 1, sizeof(k.fail) - sizeof(k.fail[0]));
	return error;
}

static int how_it_waits(uint32_t flags)
{
	if (flags & CHAN_NONBLOCK)
		return fail(EAGAIN);
	return fail(flags & CHAN_TIMEOUT ? ETIMEDOUT : EDEADLK);
}

static int play_xfer(struct played *p, struct chan_xfer *arg, bool sending)
{
	char *elem = (char *)(uintptr_t)arg->buf;
	int n = 0, r = 1, error = scripted();

	k.timeout_ns = arg->timeout_ns;
	if (error)
		return fail(error);
	while (n < (int)arg->count && r == 1) {
		r = sending ? put(p, elem) : take(p, elem);
		n += r == 1;
		if (r == 1 && p->info.elem_size)
			elem += p->info.elem_size;
	}
	if (n || !r)
		return n;
	return r == -EPIPE ? fail(EPIPE) : how_it_waits(arg->flags);
}

static int play_case(struct chan_case *c)
{
	void *buf = (void *)(uintptr_t)c->buf;

	if (c->fd < 0)
		return -EAGAIN;
	return c->op == CHAN_CASE_SEND ? put(chan_of(c->fd), buf) : take(chan_of(c->fd), buf);
}

static int play_select(struct chan_select *arg)
{
	struct chan_case *cases = (struct chan_case *)(uintptr_t)arg->cases;
	int i, r, error = scripted();

	k.n_cases = arg->count;
	k.select_flags = arg->flags;
	k.timeout_ns = arg->timeout_ns;
	if (error)
		return fail(error);
	for (i = 0; i < (int)arg->count; i++) {
		if (k.only >= 0 && k.only != i)
			continue;
		r = play_case(&cases[i]);
		if (r != -EAGAIN)
			return i | (r == 1 ? CHAN_OK : 0);
	}
	return how_it_waits(arg->flags);
}

static int play_close(struct played *p)
{
	if (p->info.flags & CHAN_CLOSED)
		return fail(EPIPE);
	p->info.flags |= CHAN_CLOSED;
	return 0;
}

int __wrap_ioctl(int fd, unsigned long cmd, ...)
{
	struct played *p = fd == CTL_FD ? NULL : chan_of(fd);
	va_list ap;
	void *arg;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);
	k.stack = __builtin_frame_address(0);
	switch (cmd) {
	case CHAN_IOC_CREATE:
		return play_create(arg);
	case CHAN_IOC_RESOLVE:
		return play_resolve(arg);
	case CHAN_IOC_INFO:
		*(struct chan_info *)arg = p->info;
		return 0;
	case CHAN_IOC_NARROW:
		((struct chan_narrow *)arg)->fd = handle_of(fd - CHAN_FD);
		return 0;
	case CHAN_IOC_SEND:
	case CHAN_IOC_RECV:
		return play_xfer(p, arg, cmd == CHAN_IOC_SEND);
	case CHAN_IOC_SELECT:
		return play_select(arg);
	case CHAN_IOC_CLOSE:
		return play_close(p);
	case CHAN_IOC_TIMER:
		k.timeout_ns = ((struct chan_timer *)arg)->first_ns;
		return 0;
	default:
		return fail(ENOTTY);
	}
}

/*
 * What has happened, a letter each, and what was panicked about
 */

static char trace[128];

static void happen(char what)
{
	size_t len = strlen(trace);

	trace[len] = what;
	trace[len + 1] = 0;
}

static void note(void *what)
{
	happen(*(char *)what);
}

/* An operand that tells when it is evaluated. */
#define NOTED(letter, value)	(happen(letter), (value))

#define EXPECT_TRACE(what) do {							\
	EXPECT_STR(trace, what);						\
	trace[0] = 0;								\
} while (0)

static jmp_buf back;
static char panicked[256];

/* What a statement changes before it panics is volatile in these tests. */
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wclobbered"
#endif

static void jump_back(const char *message)
{
	snprintf(panicked, sizeof(panicked), "%s", message);
	longjmp(back, 1);
}

/* The statement panics, with this message. */
#define EXPECT_PANIC(statement, message) do {					\
	panicked[0] = 0;							\
	go_set_panic_handler(jump_back);					\
	if (!setjmp(back)) {							\
		statement;							\
	}									\
	go_set_panic_handler(NULL);						\
	EXPECT_STR(panicked, message);						\
} while (0)

/*
 * Elements of all kinds
 */

struct job {
	int id;
	double weight;
	char name[16];
	int list[3];
};

union number {
	int i;
	double d;
};

__extension__ struct nothing { };

struct large {
	char bytes[KIB(64)];
};

enum color { RED, GREEN = 7 };

typedef int (*function)(int);

static int twice(int i)
{
	return 2 * i;
}

static struct large *new_large(int seed)
{
	struct large *l = malloc(sizeof(*l));
	size_t i;

	for (i = 0; i < sizeof(l->bytes); i++)
		l->bytes[i] = i * 7 + seed;
	return l;
}

static void numbers_go_through(void)
{
	chan(int) c = go_make(int, 16);
	chan(double) d = go_make(double, 4);
	chan(bool) b = go_make(bool, 4);
	chan(enum color) e = go_make(enum color, 4);
	const int constant = -5;
	volatile int flickering = 6;
	struct { int three : 3; unsigned int five : 5; } bits = { -4, 31 };
	int v = 0;
	double w;

	go_send(c, 1);
	go_send(c, constant);
	go_send(c, flickering);
	go_send(c, bits.three);
	EXPECT_EQ(chan_send(c, bits.five), 0);
	go_send(c, 'x');
	go_send(c, 2.9);
	EXPECT_EQ(chan_len(c), 7);
	EXPECT_EQ(chan_cap(c), 16);
	EXPECT_EQ(go_recv(c), 1);
	EXPECT_EQ(go_recv(c), -5);
	EXPECT_EQ(go_recv(c), 6);
	EXPECT_EQ(chan_recv(c, &v), 1);
	EXPECT_EQ(v, -4);
	EXPECT(go_recv_ok(c, &v));
	EXPECT_EQ(v, 31);
	EXPECT_EQ(go_recv(c) + go_recv(c), 'x' + 2);
	go_send(d, 1);
	go_send(d, 1.5f);
	EXPECT(go_recv(d) == 1.0);
	EXPECT(chan_recv_try(d, &w) == 1 && w == 1.5);
	go_send(b, 4);
	EXPECT(go_recv(b) == true);
	go_send(e, GREEN);
	EXPECT(go_recv(e) == GREEN);
	chan_unref(c);
	chan_unref(d);
	chan_unref(b);
	chan_unref(e);
}

static void structures_and_pointers_go_through(void)
{
	chan(struct job) c = go_make(struct job, 4);
	chan(union number) u = go_make(union number, 1);
	chan(const char *) s = go_make(const char *, 2);
	chan(function) f = go_make(function, 1);
	struct job j = { 1, 2.5, "one", { 1, 2, 3 } }, k2;
	const struct job constant = j;

	go_send(c, j);
	go_send(c, constant);
	go_send(c, (struct job){ .id = 2, .list = { 4, 5 } });
	EXPECT_EQ(chan_send(c, (struct job){ 3, 1, "x", { 0, 1, 2 } }), 0);
	EXPECT_EQ(chan_send_try(c, (struct job){ 3, 1, "x", { 0, 1, 2 } }), -EAGAIN);
	k2 = go_recv(c);
	EXPECT(!memcmp(&k2, &j, sizeof(j)));
	EXPECT_STR(go_recv(c).name, "one");
	EXPECT_EQ(go_recv(c).list[1], 5);
	EXPECT_EQ(go_recv(c).id, 3);
	go_send(u, (union number){ .d = 0.25 });
	EXPECT(go_recv(u).d == 0.25);
	go_send(s, "string");
	go_send(s, NULL);
	EXPECT_STR(go_recv(s), "string");
	EXPECT(!go_recv(s));
	go_send(f, twice);
	EXPECT_EQ(go_recv(f)(21), 42);
	chan_unref(c);
	chan_unref(u);
	chan_unref(s);
	chan_unref(f);
}

static void channels_go_through(void)
{
	chan(chan(int)) requests = go_make(chan(int), 1);
	chan(int) reply = go_make(int, 1);

	go_send(requests, reply);
	go_send(go_recv(requests), 5);
	go_send(requests, reply);
	EXPECT_EQ(go_recv(go_recv(requests)), 5);
	chan_unref(reply);
	chan_unref(requests);
}

static void elements_of_no_size_count(void)
{
	chan(struct nothing) c = go_make(struct nothing, 3);
	static struct nothing v;

	EXPECT_EQ(chan_elem_size(c), 0);
	go_send(c, (struct nothing){ });
	EXPECT_EQ(chan_send(c, v), 0);
	go_select {
		go_case_send(c, (struct nothing){ }) {
			happen('s');
		}
	}
	EXPECT_EQ(chan_len(c), 3);
	go_recv(c);
	EXPECT_EQ(chan_recv(c, &v), 1);
	EXPECT(go_recv_ok(c, NULL));
	go_close(c);
	EXPECT(!go_recv_ok(c, &v));
	EXPECT_TRACE("s");
	chan_unref(c);
}

/* Each has one element on the stack at most, and measures how deep that is. */
static __attribute__((noinline)) long send_it(chan(struct large) c, const struct large *l)
{
	char *here = __builtin_frame_address(0);

	go_send(c, *l);
	return here - k.stack;
}

static __attribute__((noinline)) long recv_it(chan(struct large) c, struct large *l)
{
	char *here = __builtin_frame_address(0);

	*l = go_recv(c);
	return here - k.stack;
}

static __attribute__((noinline)) long select_it(chan(struct large) c, struct large *l)
{
	char *here = __builtin_frame_address(0);
	long deepest;

	go_select {
		go_case_send(c, *l) {
		}
	}
	deepest = here - k.stack;
	memset(l, 0, sizeof(*l));
	go_select {
		go_case_recv(c, l) {
		}
	}
	return here - k.stack > deepest ? here - k.stack : deepest;
}

static __attribute__((noinline)) long without_any(chan(struct large) c, struct large *l)
{
	char *here = __builtin_frame_address(0);

	EXPECT(chan_send_n(c, l, 1) == 1);
	EXPECT(go_recv_ok(c, NULL));
	EXPECT(chan_send_n(c, l, 1) == 1);
	go_select {
		go_case_recv(c, NULL) {
		}
	}
	EXPECT(chan_send_n(c, l, 1) == 1);
	memset(l, 0, sizeof(*l));
	EXPECT(go_recv_ok(c, l));
	return here - k.stack;
}

static void large_elements_are_on_the_stack_once_or_not_at_all(void)
{
	chan(struct large) c = go_make(struct large, 1);
	struct large *in = new_large(1), *out = new_large(2);

	EXPECT(send_it(c, in) < KIB(64) + KIB(48));
	EXPECT(recv_it(c, out) < KIB(64) + KIB(48));
	EXPECT(!memcmp(in, out, sizeof(*in)));
	EXPECT(select_it(c, out) < KIB(48));
	EXPECT(!memcmp(in, out, sizeof(*in)));
	EXPECT(without_any(c, out) < KIB(48));
	EXPECT(!memcmp(in, out, sizeof(*in)));
	EXPECT_EQ(chan_len(c), 0);
	free(in);
	free(out);
	chan_unref(c);
}

/*
 * Arguments
 */

static void arguments_are_evaluated_once_in_order(void)
{
	chan(int) c = go_make(int, 8), d = NULL;
	struct chan *plain = NULL;
	int v, a[4] = { 0 };
	recv_chan(uint64_t) t = NULL;

	go_send(NOTED('a', c), NOTED('b', 1));
	EXPECT_TRACE("ab");
	EXPECT_EQ(chan_send(NOTED('a', c), NOTED('b', 1)), 0);
	EXPECT_EQ(chan_send_try(NOTED('a', c), NOTED('b', 1)), 0);
	EXPECT_EQ(chan_send_timeout(NOTED('a', c), NOTED('b', 1), NOTED('c', 1)), 0);
	EXPECT_TRACE("ababab" "c");
	EXPECT_EQ(chan_send_n(NOTED('a', c), NOTED('b', a), NOTED('c', 1)), 1);
	EXPECT_EQ(chan_send_n_try(NOTED('a', c), NOTED('b', a), NOTED('c', 1)), 1);
	EXPECT_EQ(chan_send_n_timeout(NOTED('a', c), NOTED('b', a), NOTED('c', 1),
				      NOTED('d', 1)), 1);
	EXPECT_TRACE("abcabcabcd");
	EXPECT_EQ(go_recv(NOTED('a', c)), 1);
	EXPECT(go_recv_ok(NOTED('a', c), NOTED('b', &v)));
	EXPECT_EQ(chan_recv(NOTED('a', c), NOTED('b', &v)), 1);
	EXPECT_EQ(chan_recv_try(NOTED('a', c), NOTED('b', &v)), 1);
	EXPECT_EQ(chan_recv_timeout(NOTED('a', c), NOTED('b', &v), NOTED('c', 1)), 1);
	EXPECT_TRACE("aabababab" "c");
	EXPECT_EQ(chan_recv_n(NOTED('a', c), NOTED('b', a), NOTED('c', 1)), 1);
	EXPECT_EQ(chan_recv_n_try(NOTED('a', c), NOTED('b', a), NOTED('c', 1)), 1);
	EXPECT_EQ(chan_recv_n_timeout(NOTED('a', c), NOTED('b', a), NOTED('c', 1),
				      NOTED('d', 1)), -ETIMEDOUT);
	EXPECT_TRACE("abcabcabcd");
	EXPECT_EQ(chan_len(NOTED('a', c)) + chan_cap(NOTED('b', c)), 8);
	EXPECT(chan_fd(NOTED('c', c)) >= CHAN_FD && chan_handle(NOTED('d', c)));
	d = chan_ref(NOTED('e', c));
	d = chan_unref(NOTED('f', d));
	EXPECT(recv_only(NOTED('g', c)) && send_only(NOTED('h', c)));
	EXPECT_TRACE("abcdefgh");
	EXPECT_EQ(chan_narrow(NOTED('a', &plain), NOTED('b', c), NOTED('c', O_RDONLY)), 0);
	chan_unref(plain);
	EXPECT_EQ(chan_make(int, NOTED('d', &d), .cap = NOTED('e', 5)), 0);
	chan_unref(d);
	EXPECT_EQ(chan_make_msg(NOTED('f', &plain), NOTED('g', 5), .cap = NOTED('h', 5)), 0);
	chan_unref(plain);
	d = go_make(int, NOTED('i', 4));
	EXPECT_TRACE("abcdefghi");
	EXPECT_EQ(chan_close(NOTED('a', d)), 0);
	chan_unref(d);
	t = go_after(NOTED('b', 1));
	chan_unref(t);
	t = go_tick(NOTED('c', 1));
	chan_unref(t);
	EXPECT_EQ(chan_after(NOTED('d', &t), NOTED('e', 1)), 0);
	chan_unref(t);
	EXPECT_EQ(chan_open(int, NOTED('f', &d), NOTED('g', "none"), NOTED('h', O_RDWR)), -ENOENT);
	EXPECT_EQ(chan_typed(int, NOTED('i', &d), NOTED('j', chan_handle(c))), 0);
	EXPECT_TRACE("abcdefghij");
	go_close(NOTED('a', c));
	go_range(w, NOTED('b', c))
		EXPECT(w);
	EXPECT_TRACE("ab");
	chan_unref(c);
}

/*
 * C's face
 */

static void arrays_go_in_one_call(void)
{
	chan(int) c = go_make(int, 5);
	const int in[7] = { 1, 2, 3, 4, 5, 6, 7 };
	int out[7] = { 0 };

	EXPECT_EQ(chan_send_n(c, in, 7), 5);
	EXPECT_EQ(chan_send_n_try(c, in, 7), -EAGAIN);
	EXPECT_EQ(chan_send_n_timeout(c, in, 7, 77), -ETIMEDOUT);
	EXPECT_EQ(k.timeout_ns, 77);
	EXPECT_EQ(chan_recv_n(c, out, 2), 2);
	EXPECT_EQ(chan_recv_n_try(c, out + 2, 5), 3);
	EXPECT(!memcmp(in, out, 5 * sizeof(int)));
	EXPECT_EQ(chan_recv_n_timeout(c, out, 1, 78), -ETIMEDOUT);
	EXPECT_EQ(k.timeout_ns, 78);
	EXPECT_EQ(chan_close(c), 0);
	EXPECT_EQ(chan_recv_n(c, out, 1), 0);
	EXPECT_EQ(out[0], 1);
	EXPECT_EQ(chan_send_n(c, in, 1), -EPIPE);
	chan_unref(c);
}

static void c_says_what_go_panics_about(void)
{
	chan(int) c = NULL;
	int v = 5;

	EXPECT_EQ(chan_make(int, &c, .cap = 1), 0);
	EXPECT_EQ(chan_recv_try(c, &v), -EAGAIN);
	EXPECT_EQ(chan_recv_timeout(c, &v, 5), -ETIMEDOUT);
	EXPECT_EQ(v, 5);
	EXPECT_EQ(chan_send(c, 1), 0);
	EXPECT_EQ(chan_send_try(c, 1), -EAGAIN);
	EXPECT_EQ(chan_send_timeout(c, 1, 6), -ETIMEDOUT);
	EXPECT_EQ(k.timeout_ns, 6);
	EXPECT_EQ(chan_close(c), 0);
	EXPECT_EQ(chan_close(c), -EPIPE);
	EXPECT_EQ(chan_send(c, 1), -EPIPE);
	EXPECT_EQ(chan_recv(c, &v), 1);
	EXPECT_EQ(chan_recv(c, &v), 0);
	EXPECT_EQ(v, 0);
	chan_unref(c);
}

static void a_nil_channel_is_never_ready(void)
{
	chan(int) c = NULL;
	struct chan *plain = NULL;
	int v = 5;

	EXPECT_EQ(chan_send_try(c, 1), -EAGAIN);
	EXPECT_EQ(chan_recv_try(c, &v), -EAGAIN);
	EXPECT_EQ(chan_send_n_try(c, &v, 1), -EAGAIN);
	EXPECT_EQ(chan_recv_n_try(c, &v, 1), -EAGAIN);
	EXPECT_EQ(chan_send_timeout(c, 1, 1000), -ETIMEDOUT);
	EXPECT_EQ(chan_recv_timeout(c, &v, 1000), -ETIMEDOUT);
	EXPECT_EQ(chan_send_n_timeout(c, &v, 1, 1000), -ETIMEDOUT);
	EXPECT_EQ(chan_recv_n_timeout(c, &v, 1, 1000), -ETIMEDOUT);
	EXPECT_EQ(v, 5);
	EXPECT(!chan_len(c) && !chan_cap(c) && !chan_len(plain) && !chan_cap(plain));
	EXPECT_EQ(chan_close(c), -EINVAL);
	EXPECT_EQ(chan_close(plain), -EINVAL);
	EXPECT(!chan_handle(c) && !chan_ref(c) && !chan_unref(c) && !recv_only(c));
	EXPECT_PANIC(go_close(c), "close of nil channel");
	EXPECT(!go_tick(0));
}

/* Each in a process of its own, which is killed when it sleeps. */
static void nil_send(void)
{
	chan(int) c = NULL;

	chan_send(c, 1);
}

static void nil_recv(void)
{
	chan(int) c = NULL;
	int v;

	chan_recv(c, &v);
}

static void nil_send_n(void)
{
	chan(int) c = NULL;
	int v = 0;

	chan_send_n(c, &v, 1);
}

static void nil_recv_n(void)
{
	chan(int) c = NULL;
	int v;

	chan_recv_n(c, &v, 1);
}

static void nil_go_send(void)
{
	chan(int) c = NULL;

	go_send(c, 1);
}

static void nil_go_recv(void)
{
	chan(int) c = NULL;

	go_recv(c);
}

static void nil_range(void)
{
	chan(int) c = NULL;

	go_range(v, c)
		_exit(v);
}

static void no_cases(void)
{
	go_select {
	}
}

static void nil_cases(void)
{
	chan(int) c = NULL;
	int v;

	go_select {
		go_case_recv(c, &v) {
		}
		go_case_send(c, 1) {
		}
		go_case_fd(-1, POLLIN) {
		}
	}
}

/* The state of a thread that sleeps in a futex, or in poll(2) for a select with files. */
static bool sleeps(pid_t pid)
{
	char path[64];
	int call = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/syscall", pid);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%d", &call) != 1)
		call = -1;
	if (f)
		fclose(f);
	return call == SYS_futex || call == SYS_ppoll || call == SYS_poll;
}

static void nil_channels_wait_for_ever(void)
{
	static void (*const waits[])(void) = {
		nil_send, nil_recv, nil_send_n, nil_recv_n, nil_go_send, nil_go_recv, nil_range,
		no_cases, nil_cases,
	};
	int status;
	pid_t child;
	size_t i;

	for (i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		child = fork();
		if (!child) {
			waits[i]();
			_exit(i);
		}
		while (!sleeps(child) && !waitpid(child, &status, WNOHANG))
			sched_yield();
		kill(child, SIGKILL);
		if (waitpid(child, &status, 0) == child)
			EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		else
			EXPECT(!"it came back");
	}
}

static void deadlines_are_times_that_are_left(void)
{
	uint64_t now = chan_now();
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	EXPECT(now <= t.tv_sec * 1000000000ULL + t.tv_nsec);
	EXPECT(now + 1000000000ULL * 600 > t.tv_sec * 1000000000ULL + t.tv_nsec);
	EXPECT_EQ(chan_until(0), 0);
	EXPECT_EQ(chan_until(now), 0);
	EXPECT(chan_until(now + 1000000000ULL * 600) <= 1000000000ULL * 600);
	EXPECT(chan_until(now + 1000000000ULL * 600) > 0);
	EXPECT(chan_until(UINT64_MAX) == UINT64_MAX);
}

/*
 * Types across processes
 */

struct a_name_of_a_type_that_is_really_long_one { int i; };
struct a_name_of_a_type_that_is_really_long_two { int i; };

static void the_type_is_named_as_it_is_written(void)
{
	chan(struct job) j = go_make(struct job, 3);
	chan(int) c = go_make(int), d = go_make( int , 8 * (2 + 1));
	chan(chan(struct job)) cc = go_make(chan(struct job));
	chan(int (*)(int, int)) f = go_make(int (*)(int, int), 1);
	chan(struct a_name_of_a_type_that_is_really_long_one) one, two;
	chan(bool) b = NULL;

	EXPECT_STR(chan_type(j), "struct job");
	EXPECT_STR(chan_type(c), "int");
	EXPECT_STR(chan_type(d), "int");
	EXPECT_EQ(chan_cap(d), 24);
	EXPECT_STR(chan_type(cc), "chan(struct job)");
	EXPECT_STR(chan_type(f), "int (*)(int, int)");
	one = go_make(struct a_name_of_a_type_that_is_really_long_one, 1);
	two = (void *)go_make(struct a_name_of_a_type_that_is_really_long_two, 1);
	EXPECT_EQ(strlen(chan_type(one)), CHAN_TYPE_LEN - 1);
	EXPECT(!strncmp(chan_type(one), "struct a_name_of_a_type_that~", 22));
	EXPECT(strcmp(chan_type(one), chan_type(two)));
	chan_unref(c);
	EXPECT_EQ(chan_make(int, &c, .type = "number/2", .cap = 7), 0);
	EXPECT_STR(chan_type(c), "number/2");
	EXPECT_EQ(chan_cap(c), 7);
	EXPECT_EQ(chan_make(bool, &b), 0);
	EXPECT_STR(chan_type(b), "bool");
	EXPECT_EQ(chan_cap(b), 0);
	EXPECT_EQ(chan_elem_size(b), 1);
	chan_unref(j);
	chan_unref(c);
	chan_unref(d);
	chan_unref(cc);
	chan_unref(f);
	chan_unref(one);
	chan_unref(two);
	chan_unref(b);
}

static void a_name_is_opened_by_who_writes_the_same_type(void)
{
	chan(struct job) made = NULL, c = NULL;
	recv_chan(struct job) in = NULL;
	send_chan(struct job) out = NULL;
	chan(struct large) other = NULL;

	EXPECT_EQ(chan_make(struct job, &made, .cap = 2, .name = "jobs", .mode = 0660), 0);
	EXPECT_EQ(chan_open(struct job, &c, "jobs", O_RDWR), 0);
	go_send(made, (struct job){ .id = 7 });
	EXPECT_EQ(go_recv(c).id, 7);
	EXPECT_EQ(chan_open(struct job, &in, "jobs", O_RDONLY), 0);
	EXPECT_EQ(chan_open(struct job, &out, "jobs", O_WRONLY | O_NONBLOCK), 0);
	chan_unref(in);
	chan_unref(out);
	in = NULL;
	EXPECT_EQ(chan_open(struct job, &in, "jobs", O_RDWR), 0);
	EXPECT_EQ(chan_open(struct job, &c, "jobs", O_RDONLY), -EINVAL);
	EXPECT_EQ(chan_open(struct job, &in, "jobs", O_WRONLY), -EINVAL);
	EXPECT_EQ(chan_open(struct job, &out, "jobs", O_RDONLY), -EINVAL);
	EXPECT_EQ(chan_open(struct large, &other, "jobs", O_RDWR), -EPROTO);
	chan_unref(c);
	EXPECT_EQ(chan_open(struct job, &c, "jobs", O_RDWR, .type = "struct job"), 0);
	EXPECT_EQ(chan_open(struct job, &c, "jobs", O_RDWR, .type = "job/2"), -EPROTO);
	EXPECT_EQ(chan_open(struct job, &c, "job", O_RDWR), -ENOENT);
	EXPECT(!other);
	EXPECT_PANIC(go_open(int, "jobs", O_RDWR),
		     "open channel jobs: the channel carries elements of another kind, size or type");
	EXPECT_PANIC(go_open(int, "none", O_RDWR), "open channel none: no such channel; "
		     "a name is its user's, UID:NAME asks for another user's");
	chan_unref(go_open(struct job, "jobs", O_RDONLY));
	chan_unref(made);
	chan_unref(c);
	chan_unref(in);
}

static void plain_handles_become_typed_ones(void)
{
	struct chan_options options = { .size = sizeof(options), .type = "int" };
	struct chan *plain = NULL, *message = NULL, *none = NULL, *look = NULL;
	recv_chan(int) in = NULL;
	chan(float) f = NULL;
	chan(int) c = NULL;

	EXPECT_EQ(chan_new(&plain, sizeof(int), 3, O_RDWR, &options), 0);
	EXPECT_EQ(chan_new(&none, sizeof(int), 3, O_RDWR, NULL), 0);
	EXPECT_EQ(chan_make_msg(&message, 4, .cap = 3), 0);
	EXPECT_EQ(chan_flags(message), CHAN_MESSAGE);
	EXPECT_STR(chan_type(message), "");
	EXPECT_EQ(chan_typed(int, &c, plain), 0);
	EXPECT(chan_handle(c) == plain);
	EXPECT_EQ(chan_typed(int, &in, plain), 0);
	EXPECT_EQ(chan_typed(float, &f, plain), -EPROTO);
	EXPECT_EQ(chan_typed(int, &c, none), -EPROTO);
	EXPECT_EQ(chan_typed(int, &c, none, .type = ""), 0);
	EXPECT_EQ(chan_typed(int, &c, message, .type = ""), -EPROTO);
	EXPECT(!f && chan_handle(c) == none);
	EXPECT_EQ(chan_narrow(&in, c, O_RDONLY), 0);
	EXPECT(chan_handle(in) != none && chan_id(in) == chan_id(none));
	EXPECT_EQ(chan_narrow(&look, in, CHAN_O_LOOK), 0);
	chan_unref(look);
	chan_unref(in);
	chan_unref(c);
	chan_unref(plain);
	chan_unref(message);
}

/*
 * Go's face
 */

static void make_panics_as_gos(void)
{
	volatile long long cap;

	for (cap = -1; cap >= INT64_MIN / 4; cap *= 4)
		EXPECT_PANIC(go_make(int, cap), "makechan: size out of range");
	for (cap = (1 << 30) + 1LL; cap <= INT64_MAX / 4; cap *= 4)
		EXPECT_PANIC(go_make(int, cap), "makechan: size out of range");
	EXPECT_PANIC(go_make(int, UINT64_MAX), "makechan: size out of range");
	EXPECT_PANIC(go_make(struct large, 1 << 20), "makechan: size out of range");
	EXPECT_PANIC(go_new(CHAN_ELEM_SIZE_MAX + 1, 0, NULL), "makechan: size out of range");
	k.create_errno = EMFILE;
	EXPECT_PANIC(go_make(int), "makechan: this process has too many open files: "
		     "raise RLIMIT_NOFILE (ulimit -n)");
	EXPECT_PANIC(go_after(1), "time.After: this process has too many open files: "
		     "raise RLIMIT_NOFILE (ulimit -n)");
	EXPECT_PANIC(go_tick(1), "time.Tick: this process has too many open files: "
		     "raise RLIMIT_NOFILE (ulimit -n)");
	k.create_errno = 0;
	k.ctl_errno = ENOENT;
	EXPECT_PANIC(go_make(int), "makechan: the kernel has no channels: "
		     "load the module (chanctl load)");
	EXPECT_PANIC(go_open(int, "x", O_RDWR), "open channel x: the kernel has no channels: "
		     "load the module (chanctl load)");
}

static void closed_channels_panic_as_gos(void)
{
	chan(int) c = go_make(int, 2);
	int v = 5;

	go_send(c, 1);
	go_close(c);
	EXPECT_PANIC(go_send(c, 1), "send on closed channel");
	EXPECT_PANIC(go_close(c), "close of closed channel");
	EXPECT_PANIC(go_select { go_case_send(c, 1) { happen('x'); } }, "send on closed channel");
	EXPECT(go_recv_ok(c, &v) && v == 1);
	EXPECT(!go_recv_ok(c, &v) && v == 0);
	EXPECT(!go_recv_ok(c, NULL));
	EXPECT_EQ(go_recv(c), 0);
	EXPECT_TRACE("");
	chan_unref(c);
	c = go_make(int, 2);
	chans[chan_fd(c) - CHAN_FD].info.flags |= CHAN_HUNGUP;
	EXPECT_PANIC(go_send(c, 1), "send on channel without receivers");
	EXPECT_PANIC(go_select { go_case_send(c, 1) { happen('x'); } },
		     "send on channel without receivers");
	go_close(c);
	EXPECT_PANIC(go_send(c, 1), "send on closed channel");
	EXPECT_TRACE("");
	chan_unref(c);
}

static void other_errors_panic_with_their_text(void)
{
	chan(int) c = go_make(int, 2);

	k.fail[0] = EBADF;
	EXPECT_PANIC(go_send(c, 1),
		     "send: the handle isn't open for this direction, or isn't open at all");
	k.fail[0] = EBADF;
	EXPECT_PANIC(go_recv(c),
		     "receive: the handle isn't open for this direction, or isn't open at all");
	k.fail[0] = ENOMEM;
	EXPECT_PANIC(go_select { go_case_send(c, 1) { happen('x'); } },
		     "select: out of memory: nothing has changed");
	EXPECT_EQ(chan_len(c), 0);
	EXPECT_TRACE("");
	chan_unref(c);
}

/* O_NONBLOCK of the handle is answered with a call that waits, and that is told not to. */
static void signals_and_o_nonblock_end_no_call_of_gos(void)
{
	chan(int) c = go_make(int, 2);
	int i;

	memcpy(k.fail, (int[]){ EINTR, EINTR, EAGAIN, EINTR, EAGAIN }, 5 * sizeof(int));
	go_send(c, 7);
	EXPECT_EQ(k.fail[0], 0);
	EXPECT(k.timeout_ns == UINT64_MAX);
	memcpy(k.fail, (int[]){ EINTR, EINTR, EAGAIN, EINTR, EAGAIN }, 5 * sizeof(int));
	EXPECT_EQ(go_recv(c), 7);
	EXPECT_EQ(k.fail[0], 0);
	for (i = 0; i < 3; i++)
		k.fail[i] = EINTR;
	go_select {
		go_case_send(c, 8) {
			happen('s');
		}
	}
	EXPECT_TRACE("s");
	EXPECT_EQ(chan_len(c), 1);
	chan_unref(c);
}

static void range_ends_with_the_channel(void)
{
	chan(int) c = go_make(int, 8), d = go_make(int, 8);
	int i, sum = 0;

	for (i = 1; i <= 8; i++) {
		go_send(c, i);
		go_send(d, 1);
	}
	go_range(v, c) {
		if (v == 2)
			continue;
		if (v == 5)
			break;
		sum += v;
	}
	EXPECT_EQ(sum, 1 + 3 + 4);
	EXPECT_EQ(chan_len(c), 3);
	go_close(d);
	go_range(v, c) {
		go_range(w, d) {
			sum += w;
			if (chan_len(d) == 4)
				break;
		}
		sum += 100 * v;
		if (v == 7)
			break;
	}
	EXPECT_EQ(sum, 8 + 8 + 1300);
	go_close(c);
	go_range(v, c)
		sum = v;
	EXPECT_EQ(sum, 8);
	go_range(v, c)
		sum = v + 1;
	EXPECT_EQ(sum, 8);
	chan_unref(c);
	chan_unref(d);
}

/*
 * Select
 */

static void the_chosen_case_is_carried_out_and_no_other(void)
{
	chan(int) c[6];
	int i, only, v, w;
	bool ok;

	for (i = 0; i < 6; i++) {
		c[i] = go_make(int, 100);
		go_send(c[i], 10 + i);
	}
	for (only = 0; only < 6; only++) {
		v = w = 0;
		k.only = only;
		go_select {
			go_case_recv(c[0], &v) {
				happen('0');
			}
			go_case_send(c[1], 21) {
				happen('1');
			}
			go_case_recv_ok(c[2], &v, &ok) {
				EXPECT(ok);
				happen('2');
			}
			go_case_recv(c[3], NULL) {
				happen('3');
			}
			go_case_send(c[4], 24) {
				happen('4');
			}
			go_case_recv(c[5], &w) {
				happen('5');
			}
		}
		EXPECT_EQ(v, only == 0 ? 10 : only == 2 ? 12 : 0);
		EXPECT_EQ(w, only == 5 ? 15 : 0);
	}
	EXPECT_TRACE("012345");
	for (i = 0; i < 6; i++) {
		EXPECT_EQ(chan_len(c[i]), i == 1 || i == 4 ? 2 : 0);
		chan_unref(c[i]);
	}
}

/* Receives into what operands that come later name, too. */
static void operands_are_evaluated_once_in_order_whichever_case_comes(void)
{
	chan(int) c = go_make(int, 100), empty = go_make(int, 1), full = go_make(int, 1);
	chan(int) nil = NULL, changing = c;
	int v, only;
	bool ok;

	go_send(full, 1);
	for (only = 0; only < 4; only++) {
		k.only = only;
		go_send(c, 1);
		go_select {
			go_case_recv(NOTED('a', c), NOTED('b', &v)) {
				happen('0');
			}
			go_case_send(NOTED('c', c), NOTED('d', 1)) {
				happen('1');
			}
			go_case_recv_ok(NOTED('e', c), NOTED('f', &v), NOTED('g', &ok)) {
				happen('2');
			}
			go_case_send(NOTED('h', c), NOTED('i', 2)) {
				happen('3');
			}
			go_case_send(NOTED('j', nil), NOTED('k', 2)) {
				happen('4');
			}
			go_case_timeout(NOTED('l', 5)) {
				happen('5');
			}
		}
	}
	EXPECT_TRACE("abcdefghijkl0" "abcdefghijkl1" "abcdefghijkl2" "abcdefghijkl3");
	k.only = -1;
	go_select {
		go_case_recv(NOTED('a', empty), &v) {
		}
		go_case_send(NOTED('b', full), NOTED('c', 2)) {
		}
		go_default {
			happen('d');
		}
	}
	EXPECT_TRACE("abcd");
	/* What a later operand does to a variable doesn't change what was seen before. */
	go_select {
		go_case_send(changing, (changing = NULL, 77)) {
			happen('s');
		}
	}
	EXPECT_TRACE("s");
	EXPECT(!changing);
	chan_unref(c);
	chan_unref(empty);
	chan_unref(full);
}

static void default_comes_if_nothing_is_ready(void)
{
	chan(int) c = go_make(int, 1), nil = NULL;
	int i, v;

	for (i = 0; i < 3; i++) {
		go_select {
			go_default {
				happen('d');
			}
			go_case_recv(c, &v) {
				happen('r');
			}
			go_case_recv(nil, &v) {
				happen('n');
			}
		}
		EXPECT(k.select_flags == CHAN_NONBLOCK);
		if (i == 0)
			go_send(c, 1);
	}
	go_select {
		go_default {
			happen('e');
		}
	}
	EXPECT_TRACE("drd" "e");
	EXPECT_PANIC(go_select { go_default { } go_default { } }, "select: multiple defaults");
	chan_unref(c);
}

static void the_shortest_time_counts(void)
{
	chan(int) c = go_make(int, 1), nil = NULL;
	int v;

	go_select {
		go_case_timeout(700) {
			happen('7');
		}
		go_case_recv(c, &v) {
			happen('r');
		}
		go_case_timeout(300) {
			happen('3');
		}
		go_case_timeout(300) {
			happen('x');
		}
		go_case_timeout(500) {
			happen('5');
		}
	}
	EXPECT_EQ(k.timeout_ns, 300);
	EXPECT(k.select_flags == CHAN_TIMEOUT && k.n_cases == 1);
	go_select {
		go_case_recv(nil, &v) {
			happen('r');
		}
		go_case_timeout(1000) {
			happen('t');
		}
	}
	/* A default doesn't wait for any time. */
	go_select {
		go_case_timeout(0) {
			happen('t');
		}
		go_default {
			happen('d');
		}
	}
	/* After a signal it goes on with what is left. */
	k.fail[0] = k.fail[1] = EINTR;
	go_select {
		go_case_recv(c, &v) {
			happen('r');
		}
		go_case_timeout(UINT64_MAX / 4) {
			happen('T');
		}
	}
	EXPECT(k.timeout_ns < UINT64_MAX / 4 && k.timeout_ns > UINT64_MAX / 8);
	EXPECT_TRACE("3tdT");
	chan_unref(c);
}

static void ordered_prefers_the_first(void)
{
	chan(int) c = go_make(int, 1), d = go_make(int, 1);

	go_select_ordered {
		go_case_send(c, 1) {
			happen('1');
		}
		go_case_send(d, 1) {
			happen('2');
		}
	}
	EXPECT(k.select_flags == CHAN_PRIORITY);
	go_select_ordered {
		go_case_send(c, 1) {
			happen('1');
		}
		go_case_send(d, 1) {
			happen('2');
		}
		go_default {
			happen('3');
		}
	}
	EXPECT(k.select_flags == (CHAN_PRIORITY | CHAN_NONBLOCK));
	EXPECT_TRACE("12");
	chan_unref(c);
	chan_unref(d);
}

static int returns_from(chan(int) c)
{
	go_defer(note, "d");
	go_select {
		go_case_send(c, 1) {
			return 42;
		}
		go_default {
			return 43;
		}
	}
	return 0;
}

/* Sends values that take memory, so that what is lost is a leak. */
static void however_it_is_left_nothing_is_lost(void)
{
	chan(struct large) c = go_make(struct large, 100);
	chan(int) one = go_make(int, 1), full = go_make(int, 1);
	struct large *l = new_large(1);
	int i, v = 0;

	go_send(full, 1);
	for (i = 0; i < 4; i++) {
		go_select {
			go_case_send(c, *l) {
				happen('s');
				if (i == 0)
					break;
				if (i == 1)
					continue;
				if (i == 2)
					goto out;
				happen('e');
			}
			go_case_recv(one, &v) {
			}
		}
		happen('l');
out:
		happen('o');
	}
	EXPECT_TRACE("slosloso" "selo");
	EXPECT_EQ(returns_from(one), 42);
	EXPECT_EQ(returns_from(one), 43);
	EXPECT_TRACE("dd");
	go_close(c);
	EXPECT_PANIC(go_select { go_case_send(c, *l) { } go_case_send(full, 1) { } },
		     "send on closed channel");
	EXPECT_PANIC(go_select { go_case_send(c, (go_close(c), *l)) { } },
		     "close of closed channel");
	free(l);
	chan_unref(c);
	chan_unref(one);
	chan_unref(full);
}

static int selects_within(chan(int) c, chan(int) d)
{
	int v = 0;

	go_select {
		go_case_recv(c, &v) {
			go_select {
				go_case_recv(c, &v) {
					happen('x');
				}
				go_case_recv(d, &v) {
					happen('2');
					go_select {
						go_default {
							happen('3');
							break;
						}
					}
					happen('4');
					break;
				}
			}
			happen('5');
		}
		go_case_recv(d, &v) {
			happen('y');
		}
	}
	return v;
}

static void selects_nest(void)
{
	chan(int) c = go_make(int, 2), d = go_make(int, 2);
	int sum = 0;

	go_send(c, 1);
	go_send(d, 7);
	EXPECT_EQ(selects_within(c, d), 7);
	EXPECT_TRACE("2345");
	/* In an operand. */
	go_send(c, 1);
	go_send(d, 7);
	go_select {
		go_case_send(c, selects_within(c, d)) {
			happen('s');
		}
	}
	EXPECT_TRACE("2345s");
	EXPECT_EQ(go_recv(c), 7);
	/* In a range and around it. */
	go_send(c, 1);
	go_send(c, 2);
	go_close(c);
	go_range(v, c) {
		go_select {
			go_case_send(d, v) {
				happen('s');
				continue;
			}
			go_default {
				go_range(w, d) {
					sum += w;
					if (!chan_len(d))
						break;
				}
			}
		}
		happen('l');
	}
	EXPECT_TRACE("slsl");
	EXPECT_EQ(chan_len(d), 2);
	EXPECT_EQ(sum, 0);
	chan_unref(c);
	chan_unref(d);
}

static void cases_may_stand_in_loops_and_conditions(void)
{
	chan(int) c[40];
	int i, only, chosen, v[40];
	bool on;

	for (i = 0; i < 40; i++)
		c[i] = go_make(int, 4);
	for (only = 0; only < 40; only++) {
		on = only % 2;
		k.only = only + on;
		chosen = -1;
		go_send(c[only], only);
		go_select {
			if (on)
				go_case_send(c[0], 1)
					chosen = 99;
			for (i = 0; i < 40; i++)
				go_case_recv(c[i], &v[i])
					chosen = i;
		}
		EXPECT_EQ(chosen, only);
		EXPECT_EQ(v[only], only);
		EXPECT_EQ(k.n_cases, 40 + on);
	}
	for (i = 0; i < 40; i++)
		chan_unref(c[i]);
}

/* Of one size and of others, as many as find room and more. */
static void each_send_keeps_a_value_of_its_own(void)
{
	chan(struct job) c = go_make(struct job, 32);
	chan(char) d = go_make(char, 32);
	struct job out;
	int i, only;

	for (only = 0; only < 30; only++) {
		k.only = only;
		go_select {
			for (i = 0; i < 10; i++) {
				go_case_send(d, 'a' + i)
					happen('d');
				go_case_send(c, (struct job){ .id = i, .list = { i, -i, 7 } })
					happen('c');
				go_case_send(d, 'A' + i)
					happen('D');
			}
		}
		if (only % 3 != 1) {
			EXPECT_EQ(go_recv(d), (only % 3 ? 'A' : 'a') + only / 3);
			continue;
		}
		out = go_recv(c);
		EXPECT(out.id == only / 3 && out.list[1] == -out.id && out.list[2] == 7);
	}
	EXPECT_TRACE("dcDdcDdcDdcDdcDdcDdcDdcDdcDdcD");
	chan_unref(c);
	chan_unref(d);
}

static void a_thousand_cases_are_allowed_and_not_many_more(void)
{
	static bool ok[CHAN_CASES_MAX + 1];
	static int v[CHAN_CASES_MAX + 1];
	chan(int) c = go_make(int, 4);
	int n, i, chosen = -1;

	go_send(c, 5);
	for (n = 1; n <= CHAN_CASES_MAX; n = n < 16 ? n + 1 : n * 2) {
		k.only = n - 1;
		go_select {
			for (i = 0; i < n; i++)
				go_case_recv_ok(c, &v[i], &ok[i])
					chosen = i;
			go_default
				chosen = -1;
			go_case_timeout(5)
				chosen = -1;
		}
		EXPECT_EQ(chosen, n - 1);
		EXPECT(v[n - 1] == 5 && ok[n - 1] && !ok[n]);
		EXPECT_EQ(k.n_cases, n);
		go_send(c, 5);
	}
	EXPECT_PANIC(go_select {
			for (i = 0; i <= CHAN_CASES_MAX; i++)
				go_case_recv(c, &v[i])
					chosen = i;
		}, "select: too many cases (max 1024)");
	chan_unref(c);
}

static void cases_that_change_meanwhile_are_found_out(void)
{
	chan(int) c = go_make(int, 4), d = go_make(int, 4);
	volatile bool on = true;

	EXPECT_PANIC(go_select {
			if (on)
				go_case_send(c, (on = false, 1))
					happen('x');
			go_case_send(d, 1)
				happen('y');
		}, "select: its cases have changed while it waited");
	EXPECT_TRACE("");
	chan_unref(c);
	chan_unref(d);
}

static void files_are_cases(void)
{
	chan(int) c = go_make(int, 1), nil = NULL;
	unsigned int revents = 0;
	int p[2], v;

	if (pipe(p))
		abort();
	go_select {
		go_case_fd(p[0], POLLIN) {
			happen('x');
		}
		go_case_recv(c, &v) {
			happen('c');
		}
		go_default {
			happen('d');
		}
	}
	go_select {
		go_case_fd_events(p[1], POLLOUT, &revents) {
			happen('w');
		}
		go_case_recv(nil, &v) {
			happen('c');
		}
	}
	EXPECT_EQ(revents, POLLOUT);
	EXPECT_EQ(write(p[1], "x", 1), 1);
	go_select {
		go_case_fd(-1, POLLIN) {
			happen('x');
		}
		go_case_fd(p[0], POLLIN) {
			happen('r');
		}
		go_case_timeout(600000000000ULL) {
			happen('t');
		}
	}
	go_select {
		go_case_fd(p[1], POLLIN) {
			happen('x');
		}
		go_case_timeout(1000) {
			happen('t');
		}
	}
	EXPECT_TRACE("dwrt");
	__real_close(p[0]);
	__real_close(p[1]);
	chan_unref(c);
}

/* Whose number it is, beside one that is open: no word of a handle. */
static void a_file_that_is_not_open_is_named(void)
{
	char text[64];
	int p[2];

	if (pipe(p))
		abort();
	__real_close(p[0]);
	snprintf(text, sizeof(text), "select: file descriptor %d isn't open", p[0]);
	EXPECT_PANIC(go_select {
		go_case_fd(p[1], POLLIN) {
			happen('x');
		}
		go_case_fd(p[0], POLLIN) {
			happen('y');
		}
	}, text);
	EXPECT_TRACE("");
	__real_close(p[1]);
}

static void run(const char *name, void (*test)(void))
{
	char words[128];
	size_t i;

	memset(&k, 0, sizeof(k));
	k.only = -1;
	failures = 0;
	test();
	EXPECT_EQ(k.opened, 0);
	for (i = 0; i < n_chans; i++)
		free(chans[i].elements);
	n_chans = 0;
	EXPECT_TRACE("");
	for (i = 0; i < sizeof(words) - 1 && name[i]; i++)
		words[i] = name[i] == '_' ? ' ' : name[i];
	words[i] = 0;
	printf("%sok %d - %s\n", failures ? "not " : "", ++tests, words);
	fflush(stdout);
}

#define RUN(test)	(run(#test, test), bad += !!failures)

int main(void)
{
	int bad = 0;

	printf("TAP version 13\n");
	RUN(numbers_go_through);
	RUN(structures_and_pointers_go_through);
	RUN(channels_go_through);
	RUN(elements_of_no_size_count);
	RUN(large_elements_are_on_the_stack_once_or_not_at_all);
	RUN(arguments_are_evaluated_once_in_order);
	RUN(arrays_go_in_one_call);
	RUN(c_says_what_go_panics_about);
	RUN(a_nil_channel_is_never_ready);
	RUN(nil_channels_wait_for_ever);
	RUN(deadlines_are_times_that_are_left);
	RUN(the_type_is_named_as_it_is_written);
	RUN(a_name_is_opened_by_who_writes_the_same_type);
	RUN(plain_handles_become_typed_ones);
	RUN(make_panics_as_gos);
	RUN(closed_channels_panic_as_gos);
	RUN(other_errors_panic_with_their_text);
	RUN(signals_and_o_nonblock_end_no_call_of_gos);
	RUN(range_ends_with_the_channel);
	RUN(the_chosen_case_is_carried_out_and_no_other);
	RUN(operands_are_evaluated_once_in_order_whichever_case_comes);
	RUN(default_comes_if_nothing_is_ready);
	RUN(the_shortest_time_counts);
	RUN(ordered_prefers_the_first);
	RUN(however_it_is_left_nothing_is_lost);
	RUN(selects_nest);
	RUN(cases_may_stand_in_loops_and_conditions);
	RUN(each_send_keeps_a_value_of_its_own);
	RUN(a_thousand_cases_are_allowed_and_not_many_more);
	RUN(cases_that_change_meanwhile_are_found_out);
	RUN(files_are_cases);
	RUN(a_file_that_is_not_open_is_named);
	printf("1..%d\n", tests);
	return bad;
}
