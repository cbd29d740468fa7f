// SPDX-License-Identifier: GPL-2.0
/*
 * Every call of the module, failed at every point: the first allocation or copy of the
 * call fails, then the second, and so on until it runs through. A call that fails has an
 * error that is documented, has changed nothing, and succeeds when it is made again. No
 * element is lost, doubled or out of its place, and no memory, quota or handle is.
 *
 * The kernel fails the n-th such point of a thread when told so in fail-nth: allocations
 * of slabs and of pages, and copies to and from the caller's memory. It doesn't fail
 * get_user() and its like. So each call is also made with all that it is given in memory
 * that isn't there yet, nor are its page tables: there every access of the kernel is a
 * page fault, which finds no memory when an allocation of its own is failed.
 */
#include <semaphore.h>
#include <stdarg.h>
#include <sys/sysmacros.h>

#include "chan_test.h"

#define POINTS_MAX	2000	/* of a call; many more than any has */
#define ELEM_MAX	BY_REF
#define BATCH		6	/* elements that one call moves at most */

/*
 * Faults
 */

/* How the kernel is told to fail everything, in silence, where fail-nth asks for it. */
static struct knob {
	const char *path, *value;
	char before[16];
} knobs[] = {
	{ "/sys/kernel/debug/failslab/ignore-gfp-wait", "N" },
	{ "/sys/kernel/debug/failslab/verbose", "0" },
	{ "/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N" },
	{ "/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem", "N" },
	{ "/sys/kernel/debug/fail_page_alloc/min-order", "0" },
	{ "/sys/kernel/debug/fail_page_alloc/verbose", "0" },
	{ "/sys/kernel/debug/fail_usercopy/verbose", "0" },
};

#define NR_KNOBS	((int)(sizeof(knobs) / sizeof(knobs[0])))

static bool knob_read(struct knob *k)
{
	int fd = open(k->path, O_RDONLY);
	ssize_t n = read(fd, k->before, sizeof(k->before) - 1);

	close(fd);
	return n > 0;
}

static bool knob_write(const struct knob *k, const char *value)
{
	int fd = open(k->path, O_WRONLY);
	ssize_t n = write(fd, value, strlen(value));

	close(fd);
	return n > 0;
}

static bool knobs_turn(void)
{
	int i;

	for (i = 0; i < NR_KNOBS; i++) {
		if (!knob_read(&knobs[i]) || !knob_write(&knobs[i], knobs[i].value)) {
			perror(knobs[i].path);
			return false;
		}
	}
	return true;
}

static void knobs_turn_back(void)
{
	int i;

	for (i = 0; i < NR_KNOBS; i++)
		if (knobs[i].before[0])
			knob_write(&knobs[i], knobs[i].before);
}

/* Each thread has its own. */
static __thread int nth_fd = -1;

static void nth_open(void)
{
	nth_fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (nth_fd < 0) {
		perror("/proc/thread-self/fail-nth");
		abort();
	}
}

/* From here on the @n-th point of this thread fails; 0: none does. */
static void fault_arm(unsigned int n)
{
	char s[16];
	int len = snprintf(s, sizeof(s), "%u", n);

	if (pwrite(nth_fd, s, len, 0) != len) {
		perror("fail-nth");
		abort();
	}
}

/*
 * From here on none does. Returns whether one has. The copy that says so is such a point
 * too, and so is the copy of the 0: then it is their turn to fail.
 */
static bool fault_disarm(void)
{
	char left = 0;
	ssize_t n = pread(nth_fd, &left, 1, 0);

	if (pwrite(nth_fd, "0", 1, 0) != 1 && pwrite(nth_fd, "0", 1, 0) != 1) {
		perror("fail-nth");
		abort();
	}
	return n == 1 && left == '0';
}

/*
 * Tallies
 */

/* Of one kind of call; shared with the tests, which are processes. */
struct tally {
	char name[64];
	unsigned int injected;		/* points that were failed */
	unsigned int failed;		/* of those, by which the call failed */
};

#define TALLIES	128

static struct tally *tallies;

static struct tally *tally_of(const char *name)
{
	int i;

	for (i = 0; i < TALLIES; i++) {
		if (!tallies[i].name[0])
			strcpy(tallies[i].name, name);
		if (!strcmp(tallies[i].name, name))
			return &tallies[i];
	}
	abort();
}

static void tallies_print(void)
{
	unsigned int injected = 0, failed = 0;
	int i;

	for (i = 0; i < TALLIES && tallies[i].name[0]; i++) {
		printf("# %5u injections, %5u errors: %s\n", tallies[i].injected,
		       tallies[i].failed, tallies[i].name);
		injected += tallies[i].injected;
		failed += tallies[i].failed;
	}
	printf("# %5u injections, %5u errors in all, of %d kinds of calls\n", injected, failed, i);
}

/*
 * Sweeps
 */

/* What is in use, of which nothing may stay. */
struct use {
	unsigned long long channels, named, bytes, parked, selectors, timers, total_channels,
			   total_parties, next_fd;
};

static struct use use_now(void)
{
	struct chan_limits l = limits();
	int fd = dup(ctl_open());

	close(fd);
	return (struct use){
		l.channels, l.named, l.bytes, l.parked, l.selectors, l.timers,
		l.total_channels, l.total_parties, fd,
	};
}

static bool use_is(struct use want)
{
	struct use now = use_now();

	return !memcmp(&now, &want, sizeof(now));
}

static void use_print(const char *when, struct use u)
{
	printf("# %s: channels %llu, named %llu, bytes %llu, parked %llu, selectors %llu, timers %llu, total_channels %llu, total_parties %llu, next fd %llu\n",
	       when, u.channels, u.named, u.bytes, u.parked, u.selectors, u.timers,
	       u.total_channels, u.total_parties, u.next_fd);
}

/*
 * One kind of call, in rounds: first with no fault, then with one at the first point, the
 * second, and so on, until a round in which there was no such point.
 */
struct sweep {
	struct __test_metadata *_metadata;
	struct tally *tally;
	struct use before;
	unsigned int rounds;
	unsigned int n;			/* the point that fails in this round, or 0 */
	bool fired;			/* it has failed */
	bool allocates;			/* the call may fail for want of memory */
	bool released_late;		/* what a round uses may be in use after it, for a while */
};

__attribute__((format(printf, 2, 3)))
static struct sweep sweep(struct __test_metadata *_metadata, const char *format, ...)
{
	struct sweep s = { ._metadata = _metadata, .before = use_now(), .allocates = true };
	char name[sizeof(((struct tally *)0)->name)];
	va_list args;

	va_start(args, format);
	vsnprintf(name, sizeof(name), format, args);
	va_end(args);
	s.tally = tally_of(name);
	return s;
}

/* All that the rounds have used is free again; a debug kernel releases devices late. */
static void sweep_settle(const struct sweep *s)
{
	while (debug_kernel() && !use_is(s->before))
		usleep(10000);
}

static void sweep_check_use(const struct sweep *s)
{
	struct __test_metadata *_metadata = s->_metadata;

	EXPECT_TRUE(use_is(s->before)) {
		use_print("before", s->before);
		use_print("after", use_now());
	}
}

/* The next round. Returns false when there is none. */
static bool sweep_next(struct sweep *s)
{
	struct __test_metadata *_metadata = s->_metadata;
	bool last = s->rounds > 1 && !s->fired;

	if (last && s->released_late)
		sweep_settle(s);
	if (s->rounds && (last || !s->released_late))
		sweep_check_use(s);
	EXPECT_LT(s->rounds, POINTS_MAX);
	if (_metadata->exit_code) {
		if (s->rounds)
			TH_LOG("this was %s, failed at point %u",
			       s->tally->name, s->n);
		return false;
	}
	s->n = s->rounds;
	s->rounds++;
	s->fired = false;
	return !last;
}

/*
 * What a call gave: its result, or -errno. @fine is an errno that is no failure. A call
 * fails only if it is made to, for lack of memory or with a bad address.
 */
static long outcome(struct sweep *s, long r, long fine, bool fired)
{
	struct __test_metadata *_metadata = s->_metadata;

	if (fired) {
		s->fired = true;
		s->tally->injected++;
	}
	if (r >= 0 || r == fine)
		return r;
	s->tally->failed++;
	EXPECT_TRUE(fired);
	if (s->allocates && r == -ENOMEM)
		return r;
	EXPECT_EQ(-EFAULT, r);
	return r;
}

/* Make a system call in a sweep. */
#define INJECT_FINE(s, call, fine) ({						\
	bool fired_;								\
	long r_;								\
										\
	fault_arm((s)->n);							\
	r_ = (call);								\
	if (r_ == -1)								\
		r_ = -errno;							\
	fired_ = fault_disarm() && (s)->n;					\
	outcome(s, r_, fine, fired_);						\
})
#define INJECT(s, call)	INJECT_FINE(s, call, 0)

/*
 * Memory
 */

/*
 * What a call is given: each part lies in a stretch of addresses that has a page table of
 * its own, across the border of two pages. Of absent memory nothing is there when the call
 * is made: it is mapped anew for each.
 */
struct mem {
	unsigned char *at;
	int fd;
	bool absent;
};

enum part { ARGS, CASES, DATA, NR_PARTS };

#define STRETCH	(2UL << 20)

static void mem_map(struct mem *m)
{
	if (mmap(m->at, NR_PARTS * STRETCH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED,
		 m->fd, 0) != m->at) {
		perror("memory");
		abort();
	}
}

static void mem_init(struct mem *m, bool absent)
{
	uintptr_t p = (uintptr_t)mmap(NULL, (NR_PARTS + 1) * STRETCH, PROT_NONE,
				      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	m->at = (unsigned char *)((p + STRETCH - 1) & -STRETCH);
	m->absent = absent;
	m->fd = memfd_create("mem", MFD_CLOEXEC);
	if ((void *)p == MAP_FAILED || m->fd < 0 || ftruncate(m->fd, NR_PARTS * STRETCH)) {
		perror("memory");
		abort();
	}
	mem_map(m);
}

/* A copy of @data, to be given to a call after mem_ready(). */
static void *mem_give(struct mem *m, enum part part, const void *data, size_t len)
{
	size_t offset = part * STRETCH + 4096 - (len < 8192 ? len / 2 & -8 : 4096);

	if (!m->absent) {
		memcpy(m->at + offset, data, len);
	} else if (pwrite(m->fd, data, len, offset) != (ssize_t)len) {
		perror("memory");
		abort();
	}
	return m->at + offset;
}

static void mem_ready(struct mem *m)
{
	if (m->absent)
		mem_map(m);
}

/* All that a call needs. */
static void *mem_args(struct mem *m, const void *data, size_t len)
{
	void *p = mem_give(m, ARGS, data, len);

	mem_ready(m);
	return p;
}

/*
 * Calls that send and receive
 */

/* In this order: those that send, those that receive; between the ARMs all may wait. */
enum way {
	ARM_SEND, WRITE, WRITEV, SEND, SELECT_SEND, SELECT_MANY_SEND,
	READ, READV, RECV, SELECT_RECV, SELECT_MANY_RECV, ARM_RECV,
	NR_WAYS
};

static const char *const way_name[NR_WAYS] = {
	"ARM to send", "write", "writev", "SEND", "SELECT to send", "SELECT of many to send",
	"read", "readv", "RECV", "SELECT to receive", "SELECT of many to receive",
	"ARM to receive",
};

static const enum way arm_ways[2] = { ARM_SEND, ARM_RECV };
static const enum way select_ways[4] = {
	SELECT_SEND, SELECT_MANY_SEND, SELECT_RECV, SELECT_MANY_RECV,
};

static bool sends(enum way way)
{
	return way < READ;
}

static bool arms(enum way way)
{
	return way == ARM_SEND || way == ARM_RECV;
}

static bool is_long(enum way way)
{
	return way == SELECT_MANY_SEND || way == SELECT_MANY_RECV;
}

static bool selects(enum way way)
{
	return arms(way) || is_long(way) || way == SELECT_SEND || way == SELECT_RECV;
}

/* Cases that fit in the kernel's stack, or more than do. */
static unsigned int nr_cases(enum way way)
{
	return is_long(way) ? 9 : 3;
}

/* Who makes a call, with the memory that it is given. */
struct side {
	struct mem mem;
	enum way way;
	unsigned int want;		/* elements */
	unsigned int select_flags;
	int fd;
	void *arg;			/* the ioctl's, or the vector */
	struct chan_case *case_arg;
	unsigned char *buf;
	size_t len;

	unsigned int n;			/* of the peer: the point to fail */
	sem_t start, end;
	_Atomic bool done;
	bool fired;
	long result;			/* elements, or -errno */
};

/* A channel, and two that use it. */
struct rig {
	struct __test_metadata *_metadata;
	unsigned int elem_size, flags;
	int fd, sel;
	int idle_in, idle_out;		/* selects wait in them too, to receive and to send */
	unsigned long long sent, received;
	unsigned int parked_senders, parked_receivers;
	struct side me, peer;
};

static void rig_init(struct rig *x, struct __test_metadata *_metadata, unsigned int elem_size,
		     unsigned int flags, bool absent)
{
	*x = (struct rig){ ._metadata = _metadata, .elem_size = elem_size, .flags = flags };
	mem_init(&x->me.mem, absent);
	mem_init(&x->peer.mem, absent);
	nth_open();
	ctl_open();
}

/* What selects and selectors need. */
static void rig_init_select(struct rig *x)
{
	struct __test_metadata *_metadata = x->_metadata;

	x->idle_in = make_chan(x->elem_size, 0, x->flags);
	x->idle_out = make_chan(x->elem_size, 0, x->flags);
	x->sel = make_selector(O_NONBLOCK);
	ASSERT_GE(x->idle_in, 0);
	ASSERT_GE(x->idle_out, 0);
	ASSERT_GE(x->sel, 0);
}

/* A new channel. */
static void rig_open(struct rig *x, unsigned int capacity)
{
	struct __test_metadata *_metadata = x->_metadata;

	x->fd = make_chan(x->elem_size, capacity, x->flags);
	ASSERT_GE(x->fd, 0);
	x->sent = 0;
	x->received = 0;
	x->parked_senders = 0;
	x->parked_receivers = 0;
}

static void rig_close(struct rig *x)
{
	close(x->fd);
}

static bool is_message(const struct rig *x)
{
	return x->flags & CHAN_MESSAGE;
}

/* Elements that change places with others, and are never copied under a lock. */
static bool is_by_ref(const struct rig *x)
{
	return x->elem_size > IN_PLACE;
}

static size_t elem_len(const struct rig *x, uint64_t v)
{
	return is_message(x) ? x->elem_size - v % 5 : x->elem_size;
}

/* The channel has what it should, and nobody waits but who should. */
static void counts(struct rig *x)
{
	struct __test_metadata *_metadata = x->_metadata;
	struct chan_info i = info(x->fd);

	EXPECT_EQ(x->sent, i.sent);
	EXPECT_EQ(x->received, i.received);
	EXPECT_EQ(x->sent - x->received, i.len);
	EXPECT_EQ(x->parked_senders, i.parked_senders);
	EXPECT_EQ(x->parked_receivers, i.parked_receivers);
}

/* Send and receive an element with no fault, and without waiting. */
static void put(struct rig *x, uint64_t v)
{
	struct __test_metadata *_metadata = x->_metadata;
	unsigned char elem[ELEM_MAX];
	size_t len = elem_len(x, v);

	fill_elem(elem, len, v);
	EXPECT_EQ(1, is_message(x) ? send_msg(x->fd, elem, len, CHAN_NONBLOCK) :
		  send_n(x->fd, elem, 1, CHAN_NONBLOCK, 0));
	x->sent++;
}

static void take(struct rig *x, uint64_t v)
{
	struct __test_metadata *_metadata = x->_metadata;
	unsigned char elem[ELEM_MAX];
	unsigned int len = x->elem_size;

	EXPECT_EQ(1, is_message(x) ? recv_msg(x->fd, elem, &len, CHAN_NONBLOCK) :
		  recv_n(x->fd, elem, 1, CHAN_NONBLOCK, 0));
	EXPECT_EQ(elem_len(x, v), len);
	EXPECT_TRUE(elem_is(elem, len, v));
	x->received++;
}

/* All but the last but one is idle: receives, sends, and nil channels. */
static unsigned int case_index(enum way way)
{
	return nr_cases(way) - 2;
}

static void side_cases(struct rig *x, struct side *side)
{
	unsigned int n = nr_cases(side->way), i;
	struct chan_case k[9];

	for (i = 0; i < n; i++) {
		k[i] = i % 3 == 1 ? send_case(x->idle_out, side->buf) :
			recv_case(x->idle_in, side->buf);
		if (i % 3 == 2)
			k[i].fd = -1;
		if (i == case_index(side->way))
			k[i] = sends(side->way) ? send_case(x->fd, side->buf) :
				recv_case(x->fd, side->buf);
		k[i].len = is_message(x) ? side->len : 0;
	}
	side->case_arg = mem_give(&side->mem, CASES, k, n * sizeof(k[0]));
}

/* The argument of an ioctl, or the vector of readv and writev. */
static void side_args(struct rig *x, struct side *side)
{
	struct chan_select s = {
		.size = sizeof(s), .cases = (uintptr_t)side->case_arg,
		.count = nr_cases(side->way), .case_size = sizeof(struct chan_case),
		.flags = side->select_flags, .timeout_ns = side->select_flags & CHAN_TIMEOUT ? 1 : 0,
	};
	struct chan_xfer t = {
		.size = sizeof(t), .buf = (uintptr_t)side->buf,
		.count = side->want, .len = is_message(x) ? side->len : 0,
	};
	struct iovec v[2] = {
		{ side->buf, side->len / 2 },
		{ side->buf + side->len / 2, side->len - side->len / 2 },
	};

	if (selects(side->way))
		side->arg = mem_give(&side->mem, ARGS, &s, sizeof(s));
	else if (side->way == SEND || side->way == RECV)
		side->arg = mem_give(&side->mem, ARGS, &t, sizeof(t));
	else
		side->arg = mem_give(&side->mem, ARGS, v, sizeof(v));
}

/* Make ready to send the elements from @v on, or to receive as many. */
static void side_prepare(struct rig *x, struct side *side, enum way way, uint64_t v,
			 unsigned int want)
{
	static unsigned char elems[BATCH * ELEM_MAX];
	unsigned int i;

	memset(elems, 0xee, sizeof(elems));
	for (i = 0; sends(way) && i < want; i++)
		fill_elem(elems + i * x->elem_size, elem_len(x, v + i), v + i);
	side->way = way;
	side->want = want;
	side->fd = arms(way) ? x->sel : x->fd;
	side->len = sends(way) && is_message(x) ? elem_len(x, v) : want * x->elem_size;
	side->buf = mem_give(&side->mem, DATA, elems, side->len);
	if (selects(way))
		side_cases(x, side);
	side_args(x, side);
	mem_ready(&side->mem);
}

/* In elements: of a closed channel as RECV and SEND say it. */
static long side_elems(const struct rig *x, struct side *side, long r)
{
	if (r < 0)
		return r;
	if (selects(side->way)) {
		if ((r & CHAN_INDEX_MASK) != case_index(side->way))
			return -EPROTO;
		return r & CHAN_OK ? 1 : sends(side->way) ? -EPIPE : 0;
	}
	if (side->way == SEND || side->way == RECV)
		return r;
	if (is_message(x)) {
		if (!sends(side->way))
			side->len = r;
		return r ? 1 : 0;
	}
	return r % x->elem_size ? -EPROTO : r / x->elem_size;
}

/* The length that the kernel has written, of messages received by ioctl. */
static void side_received_len(const struct rig *x, struct side *side)
{
	if (!is_message(x))
		return;
	if (side->way == RECV)
		side->len = ((struct chan_xfer *)side->arg)->len;
	else if (side->way == SELECT_RECV || side->way == SELECT_MANY_RECV || side->way == ARM_RECV)
		side->len = side->case_arg[case_index(side->way)].len;
}

/* The call, failed at point @n. Returns elements or -errno. */
static long side_call(const struct rig *x, struct side *side, unsigned int n)
{
	long r;

	fault_arm(n);
	switch (side->way) {
	case WRITE:
		r = write(side->fd, side->buf, side->len);
		break;
	case WRITEV:
		r = writev(side->fd, side->arg, 2);
		break;
	case SEND:
		r = ioctl(side->fd, CHAN_IOC_SEND, side->arg);
		break;
	case READ:
		r = read(side->fd, side->buf, side->len);
		break;
	case READV:
		r = readv(side->fd, side->arg, 2);
		break;
	case RECV:
		r = ioctl(side->fd, CHAN_IOC_RECV, side->arg);
		break;
	default:
		r = ioctl(side->fd, arms(side->way) ? CHAN_IOC_ARM : CHAN_IOC_SELECT, side->arg);
	}
	if (r == -1)
		r = -errno;
	side->fired = fault_disarm() && n;
	side->result = side_elems(x, side, r);
	return side->result;
}

/* In a sweep. */
static long side_outcome(struct sweep *s, const struct side *side, long fine)
{
	return outcome(s, side->result, fine, side->fired);
}

/* What came are the @n elements from @v on. */
static void side_check(struct rig *x, struct side *side, uint64_t v, long n)
{
	struct __test_metadata *_metadata = x->_metadata;
	long i;

	if (n <= 0 || sends(side->way))
		return;
	side_received_len(x, side);
	if (is_message(x))
		EXPECT_EQ(elem_len(x, v), side->len);
	for (i = 0; i < n; i++)
		EXPECT_TRUE(elem_is(side->buf + i * x->elem_size, elem_len(x, v + i), v + i));
}

static void count_moved(struct rig *x, enum way way, long n)
{
	if (n <= 0)
		return;
	if (sends(way))
		x->sent += n;
	else
		x->received += n;
}

/* The same with no fault, for what is left of it. */
static void me_again(struct rig *x, enum way way, uint64_t v, unsigned int want)
{
	struct __test_metadata *_metadata = x->_metadata;

	side_prepare(x, &x->me, way, v, want);
	EXPECT_EQ(want, side_call(x, &x->me, 0));
	side_check(x, &x->me, v, want);
	count_moved(x, way, want);
}

/* One call in a sweep. Whatever doesn't succeed has changed nothing, and then does. */
static void me_swept(struct rig *x, struct sweep *s, enum way way, uint64_t v, unsigned int want)
{
	long r;

	side_prepare(x, &x->me, way, v, want);
	side_call(x, &x->me, s->n);
	r = side_outcome(s, &x->me, 0);
	side_check(x, &x->me, v, r);
	count_moved(x, way, r);
	if (r == want)
		return;
	counts(x);
	r = r < 0 ? 0 : r;
	me_again(x, way, v + r, want - r);
}

/*
 * The peer: a thread whose call waits
 */

static void *peer_run(void *arg)
{
	struct rig *x = arg;
	struct side *peer = &x->peer;

	nth_open();
	for (;;) {
		sem_post(&peer->end);
		sem_wait(&peer->start);
		side_call(x, peer, peer->n);
		peer->done = true;
	}
	return NULL;
}

/* It lives as long as the test. */
static void peer_init(struct rig *x)
{
	struct __test_metadata *_metadata = x->_metadata;
	pthread_t thread;

	sem_init(&x->peer.start, 0, 0);
	sem_init(&x->peer.end, 0, 0);
	ASSERT_EQ(0, pthread_create(&thread, NULL, peer_run, x));
	sem_wait(&x->peer.end);
}

/* Its call, failed at point @n. */
static void peer_start(struct rig *x, enum way way, uint64_t v, unsigned int want, unsigned int n)
{
	side_prepare(x, &x->peer, way, v, want);
	x->peer.n = n;
	x->peer.done = false;
	sem_post(&x->peer.start);
}

/* Wait until it waits. Returns false if it has ended instead. */
static bool peer_parks(struct rig *x)
{
	struct chan_info i;

	while (!x->peer.done) {
		usleep(100);	/* the processor may be needed for just that */
		i = info(x->fd);
		if (i.parked_senders + i.parked_receivers)
			return true;
	}
	return false;
}

static long peer_end(struct rig *x)
{
	sem_wait(&x->peer.end);
	return x->peer.result;
}

static long peer_end_swept(struct rig *x, struct sweep *s, long fine)
{
	peer_end(x);
	return side_outcome(s, &x->peer, fine);
}

/* Let it wait, whatever fails before; then it has changed nothing. */
static void peer_park_swept(struct rig *x, struct sweep *s, enum way way, uint64_t v)
{
	struct __test_metadata *_metadata = x->_metadata;

	peer_start(x, way, v, 1, s->n);
	if (peer_parks(x))
		return;
	EXPECT_GT(0, peer_end_swept(x, s, 0));
	counts(x);
	peer_start(x, way, v, 1, 0);
	EXPECT_TRUE(peer_parks(x));
}

static void peer_park(struct rig *x, enum way way, uint64_t v)
{
	struct __test_metadata *_metadata = x->_metadata;

	peer_start(x, way, v, 1, 0);
	EXPECT_TRUE(peer_parks(x));
	if (sends(way))
		x->parked_senders = 1;
	else
		x->parked_receivers = 1;
}

/* It was served. */
static void peer_served(struct rig *x, uint64_t v)
{
	struct __test_metadata *_metadata = x->_metadata;

	EXPECT_EQ(1, peer_end(x));
	side_check(x, &x->peer, v, 1);
	count_moved(x, x->peer.way, 1);
	x->parked_senders = 0;
	x->parked_receivers = 0;
	counts(x);
}

/* A way to wait for one of these. */
static enum way peer_way(enum way way)
{
	switch (way) {
	case ARM_SEND:
		return SELECT_RECV;
	case ARM_RECV:
		return SELECT_SEND;
	default:
		return sends(way) ? way - WRITE + READ : way - READ + WRITE;
	}
}

/*
 * Send and receive
 */

FIXTURE(xfer)
{
	struct rig x;
};

FIXTURE_VARIANT(xfer)
{
	unsigned int elem_size, flags;
	bool absent;
};

FIXTURE_VARIANT_ADD(xfer, elem_8) { .elem_size = 8, };
FIXTURE_VARIANT_ADD(xfer, elem_64_absent) { .elem_size = 64, .absent = true, };
/* In hand it doesn't fit on the stack. */
FIXTURE_VARIANT_ADD(xfer, elem_200_absent) { .elem_size = 200, .absent = true, };
/* By reference. */
FIXTURE_VARIANT_ADD(xfer, elem_5120) { .elem_size = BY_REF, };
FIXTURE_VARIANT_ADD(xfer, elem_5120_absent) { .elem_size = BY_REF, .absent = true, };
FIXTURE_VARIANT_ADD(xfer, message_100) { .elem_size = 100, .flags = CHAN_MESSAGE, };
FIXTURE_VARIANT_ADD(xfer, message_100_absent) {
	.elem_size = 100, .flags = CHAN_MESSAGE, .absent = true,
};
FIXTURE_VARIANT_ADD(xfer, message_5120_absent) {
	.elem_size = BY_REF, .flags = CHAN_MESSAGE, .absent = true,
};

FIXTURE_SETUP(xfer)
{
	rig_init(&self->x, _metadata, variant->elem_size, variant->flags, variant->absent);
	rig_init_select(&self->x);
}

FIXTURE_TEARDOWN(xfer)
{
}

TEST_F(xfer, a_send_to_a_channel_with_room_is_sent_once_or_not_at_all)
{
	struct rig *x = &self->x;
	enum way way;

	for (way = ARM_SEND; way <= SELECT_MANY_SEND; way++) {
		struct sweep s = sweep(_metadata, "%s", way_name[way]);

		/* A call that need not wait allocates nothing, but for the cases of a long one. */
		s.allocates = is_long(way);
		while (sweep_next(&s)) {
			rig_open(x, 4);
			put(x, 0);
			me_swept(x, &s, way, 1, 1);
			put(x, 2);
			counts(x);
			take(x, 0);
			take(x, 1);
			take(x, 2);
			counts(x);
			rig_close(x);
		}
	}
}

TEST_F(xfer, a_receive_that_fails_leaves_the_element_in_its_place)
{
	struct rig *x = &self->x;
	enum way way;

	for (way = READ; way <= ARM_RECV; way++) {
		struct sweep s = sweep(_metadata, "%s", way_name[way]);

		s.allocates = is_long(way);
		while (sweep_next(&s)) {
			rig_open(x, 4);
			put(x, 0);
			put(x, 1);
			put(x, 2);
			me_swept(x, &s, way, 0, 1);
			counts(x);
			take(x, 1);
			take(x, 2);
			counts(x);
			rig_close(x);
		}
	}
}

/* Where the ring begins in its middle, a batch takes two holds of the lock. */
static void rig_open_turned(struct rig *x)
{
	int i;

	rig_open(x, 8);
	for (i = 0; i < 5; i++)
		put(x, 100);
	for (i = 0; i < 5; i++)
		take(x, 100);
}

TEST_F(xfer, a_batch_is_sent_as_far_as_it_says)
{
	struct rig *x = &self->x;
	enum way way;
	int i;

	if (is_message(x))
		return;
	for (way = WRITE; way <= SEND; way++) {
		struct sweep s = sweep(_metadata, "%s of a batch", way_name[way]);

		s.allocates = false;
		while (sweep_next(&s)) {
			rig_open_turned(x);
			me_swept(x, &s, way, 0, BATCH);
			counts(x);
			for (i = 0; i < BATCH; i++)
				take(x, i);
			counts(x);
			rig_close(x);
		}
	}
}

TEST_F(xfer, a_batch_is_received_as_far_as_it_says)
{
	struct rig *x = &self->x;
	enum way way;
	int i;

	if (is_message(x))
		return;
	for (way = READ; way <= RECV; way++) {
		struct sweep s = sweep(_metadata, "%s of a batch", way_name[way]);

		s.allocates = false;
		while (sweep_next(&s)) {
			rig_open_turned(x);
			for (i = 0; i < BATCH + 1; i++)
				put(x, i);
			me_swept(x, &s, way, 0, BATCH);
			counts(x);
			take(x, BATCH);
			rig_close(x);
		}
	}
}

TEST_F(xfer, a_batch_that_waits_is_sent_as_far_as_it_says)
{
	struct rig *x = &self->x;
	enum way way;

	if (is_message(x))
		return;
	peer_init(x);
	for (way = WRITE; way <= SEND; way++) {
		struct sweep s = sweep(_metadata, "%s of a batch that waits", way_name[way]);

		while (sweep_next(&s)) {
			unsigned int taken = 0;
			long r;

			rig_open(x, 1);
			peer_start(x, way, 0, 4, s.n);
			while (peer_parks(x))
				take(x, taken++);
			r = peer_end_swept(x, &s, 0);
			count_moved(x, way, r);
			counts(x);
			EXPECT_GE(4, r);
			while (taken < x->sent)
				take(x, taken++);
			rig_close(x);
		}
	}
}

TEST_F(xfer, a_send_to_a_parked_receiver_that_fails_leaves_it_parked)
{
	struct rig *x = &self->x;
	enum way way;

	peer_init(x);
	for (way = ARM_SEND; way <= SELECT_MANY_SEND; way++) {
		struct sweep s = sweep(_metadata, "%s, a receiver is parked", way_name[way]);

		/* By reference the one that is parked has the handle's spare element. */
		s.allocates = is_by_ref(x) || is_long(way);
		while (sweep_next(&s)) {
			rig_open(x, 0);
			peer_park(x, peer_way(way), 0);
			me_swept(x, &s, way, 0, 1);
			peer_served(x, 0);
			rig_close(x);
		}
	}
}

TEST_F(xfer, a_receive_from_a_parked_sender_that_fails_leaves_it_parked)
{
	struct rig *x = &self->x;
	enum way way;

	peer_init(x);
	for (way = READ; way <= ARM_RECV; way++) {
		struct sweep s = sweep(_metadata, "%s, a sender is parked", way_name[way]);

		s.allocates = is_by_ref(x) || is_long(way);
		while (sweep_next(&s)) {
			rig_open(x, 0);
			peer_park(x, peer_way(way), 0);
			me_swept(x, &s, way, 0, 1);
			peer_served(x, 0);
			rig_close(x);
		}
	}
}

TEST_F(xfer, a_receive_that_fails_admits_no_parked_sender)
{
	struct rig *x = &self->x;
	enum way way;

	peer_init(x);
	for (way = READ; way <= ARM_RECV; way++) {
		struct sweep s = sweep(_metadata, "%s, full and a sender is parked",
				       way_name[way]);

		s.allocates = is_by_ref(x) || is_long(way);
		while (sweep_next(&s)) {
			rig_open(x, 2);
			put(x, 0);
			put(x, 1);
			peer_park(x, peer_way(way), 2);
			me_swept(x, &s, way, 0, 1);
			peer_served(x, 2);
			take(x, 1);
			take(x, 2);
			rig_close(x);
		}
	}
}

TEST_F(xfer, a_sender_fails_before_it_parks_or_not_at_all)
{
	struct rig *x = &self->x;
	enum way way;

	peer_init(x);
	for (way = WRITE; way <= SELECT_MANY_SEND; way++) {
		struct sweep s = sweep(_metadata, "%s that parks", way_name[way]);

		while (sweep_next(&s)) {
			rig_open(x, 0);
			peer_park_swept(x, &s, way, 0);
			x->sent++;
			take(x, 0);
			EXPECT_EQ(1, peer_end_swept(x, &s, 0));
			counts(x);
			rig_close(x);
		}
	}
}

TEST_F(xfer, a_parked_receiver_that_fails_returns_its_element_to_its_place)
{
	struct rig *x = &self->x;
	enum way way;
	long r;

	peer_init(x);
	for (way = READ; way <= SELECT_MANY_RECV; way++) {
		struct sweep s = sweep(_metadata, "%s that parks", way_name[way]);

		while (sweep_next(&s)) {
			rig_open(x, 2);
			peer_park_swept(x, &s, way, 0);
			put(x, 0);
			r = peer_end_swept(x, &s, 0);
			side_check(x, &x->peer, 0, r);
			count_moved(x, way, r);
			counts(x);
			put(x, 1);
			if (r < 0)
				me_again(x, way, 0, 1);
			take(x, 1);
			counts(x);
			rig_close(x);
		}
	}
}

TEST_F(xfer, a_close_cannot_fail_and_who_is_parked_sees_it)
{
	struct rig *x = &self->x;
	enum way way;
	long r;

	peer_init(x);
	for (way = WRITE; way <= SELECT_MANY_RECV; way++) {
		struct sweep s = sweep(_metadata, "%s that parks until the close", way_name[way]);
		struct sweep closing = sweep(_metadata, "CLOSE");
		long end = sends(way) ? -EPIPE : 0;

		while (sweep_next(&s)) {
			rig_open(x, 0);
			peer_park_swept(x, &s, way, 0);
			closing.n = s.n;
			EXPECT_EQ(0, INJECT(&closing, ioctl(x->fd, CHAN_IOC_CLOSE, 0)));
			EXPECT_FALSE(closing.fired);
			r = peer_end_swept(x, &s, -EPIPE);
			if (r != end) {
				side_prepare(x, &x->me, way, 0, 1);
				r = side_call(x, &x->me, 0);
			}
			EXPECT_EQ(end, r);
			counts(x);
			rig_close(x);
		}
	}
}

TEST_F(xfer, a_select_with_a_default_takes_it_or_fails)
{
	struct rig *x = &self->x;
	unsigned int i;
	long r;

	x->me.select_flags = CHAN_NONBLOCK;
	for (i = 0; i < 4; i++) {
		enum way way = select_ways[i];
		struct sweep s = sweep(_metadata, "%s, with a default", way_name[way]);

		while (sweep_next(&s)) {
			rig_open(x, 0);
			side_prepare(x, &x->me, way, 0, 1);
			side_call(x, &x->me, s.n);
			r = side_outcome(&s, &x->me, -EAGAIN);
			if (r != -EAGAIN) {
				counts(x);
				side_prepare(x, &x->me, way, 0, 1);
				r = side_call(x, &x->me, 0);
			}
			EXPECT_EQ(-EAGAIN, r);
			counts(x);
			rig_close(x);
		}
	}
}

TEST_F(xfer, a_select_that_times_out_leaves_nothing_behind)
{
	struct rig *x = &self->x;
	unsigned int i;
	long r;

	x->me.select_flags = CHAN_TIMEOUT;
	for (i = 0; i < 4; i++) {
		enum way way = select_ways[i];
		struct sweep s = sweep(_metadata, "%s that times out", way_name[way]);

		while (sweep_next(&s)) {
			rig_open(x, 0);
			side_prepare(x, &x->me, way, 0, 1);
			side_call(x, &x->me, s.n);
			r = side_outcome(&s, &x->me, -ETIMEDOUT);
			if (r != -ETIMEDOUT) {
				counts(x);
				side_prepare(x, &x->me, way, 0, 1);
				r = side_call(x, &x->me, 0);
			}
			EXPECT_EQ(-ETIMEDOUT, r);
			counts(x);
			rig_close(x);
		}
	}
}

/*
 * Selectors
 */

/* Arm the peer's selector, which waits then. */
static void sel_arm(struct rig *x, enum way way, uint64_t v)
{
	struct __test_metadata *_metadata = x->_metadata;

	side_prepare(x, &x->peer, way, v, 1);
	EXPECT_EQ(-EINPROGRESS, side_call(x, &x->peer, 0));
	if (sends(way))
		x->parked_senders = 1;
	else
		x->parked_receivers = 1;
	counts(x);
}

/* And serve it. */
static void sel_serve(struct rig *x, enum way way, uint64_t v)
{
	x->parked_senders = 0;
	x->parked_receivers = 0;
	if (sends(way)) {
		x->sent++;
		take(x, v);
	} else {
		put(x, v);
		x->received++;
	}
	counts(x);
}

/* What reading it has given. */
static void sel_check(struct rig *x, enum way way, const void *buf, long r, uint64_t v)
{
	struct __test_metadata *_metadata = x->_metadata;
	const struct chan_selected *h = buf;
	size_t len = sends(way) ? 0 : elem_len(x, v);

	EXPECT_EQ(sizeof(*h) + len, r);
	EXPECT_EQ(case_index(way), h->index);
	EXPECT_EQ(CHAN_OK, h->flags);
	EXPECT_EQ(len, h->len);
	EXPECT_TRUE(elem_is(h + 1, len, v));
}

static void sel_read(struct rig *x, enum way way, uint64_t v)
{
	struct result result;

	sel_check(x, way, &result, rd(x->sel, &result, sizeof(result)), v);
}

TEST_F(xfer, a_selector_is_armed_or_is_not)
{
	struct rig *x = &self->x;
	unsigned int i;
	long r;

	for (i = 0; i < 2; i++) {
		enum way way = arm_ways[i];
		struct sweep s = sweep(_metadata, "%s that waits", way_name[way]);

		while (sweep_next(&s)) {
			rig_open(x, 0);
			side_prepare(x, &x->me, way, 0, 1);
			side_call(x, &x->me, s.n);
			r = side_outcome(&s, &x->me, -EINPROGRESS);
			if (r != -EINPROGRESS) {
				counts(x);
				EXPECT_EQ(-EINVAL, disarm(x->sel));
				sel_arm(x, way, 0);
			}
			sel_serve(x, way, 0);
			sel_read(x, way, 0);
			rig_close(x);
		}
	}
}

TEST_F(xfer, a_call_that_fails_leaves_a_selector_armed)
{
	struct rig *x = &self->x;
	enum way way, armed;

	for (way = WRITE; way <= SELECT_MANY_RECV; way++) {
		struct sweep s = sweep(_metadata, "%s, a selector is armed", way_name[way]);

		armed = sends(way) ? ARM_RECV : ARM_SEND;
		s.allocates = is_long(way);
		while (sweep_next(&s)) {
			rig_open(x, 0);
			sel_arm(x, armed, 0);
			me_swept(x, &s, way, 0, 1);
			count_moved(x, armed, 1);
			x->parked_senders = 0;
			x->parked_receivers = 0;
			counts(x);
			sel_read(x, armed, 0);
			rig_close(x);
		}
	}
}

TEST_F(xfer, a_read_of_a_selector_that_fails_leaves_the_result)
{
	struct rig *x = &self->x;
	size_t size = sizeof(struct chan_selected) + x->elem_size;
	unsigned int i;
	void *buf;
	long r;

	for (i = 0; i < 2; i++) {
		enum way way = arm_ways[i];
		struct sweep s = sweep(_metadata, "read of a selector, %s", way_name[way]);
		static unsigned char none[sizeof(struct result)];

		s.allocates = false;
		while (sweep_next(&s)) {
			rig_open(x, 0);
			sel_arm(x, way, 0);
			sel_serve(x, way, 0);
			buf = mem_args(&x->me.mem, none, size);
			r = INJECT(&s, read(x->sel, buf, size));
			if (r > 0) {
				sel_check(x, way, buf, r, 0);
			} else {
				counts(x);
				EXPECT_EQ(IN, poll_now(x->sel));
				sel_read(x, way, 0);
			}
			EXPECT_EQ(-EAGAIN, rd(x->sel, none, size));
			rig_close(x);
		}
	}
}

TEST_F(xfer, to_disarm_or_close_a_selector_cannot_fail)
{
	struct rig *x = &self->x;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		enum way way = arm_ways[i];
		struct sweep s = sweep(_metadata, "DISARM");

		while (sweep_next(&s)) {
			rig_open(x, 0);
			sel_arm(x, way, 0);
			EXPECT_EQ(0, INJECT(&s, ioctl(x->sel, CHAN_IOC_DISARM, 0)));
			x->parked_senders = 0;
			x->parked_receivers = 0;
			counts(x);
			rig_close(x);
		}
		s = sweep(_metadata, "release of a selector that is armed");
		while (sweep_next(&s)) {
			rig_open(x, 0);
			sel_arm(x, way, 0);
			EXPECT_EQ(0, INJECT(&s, close(x->sel)));
			x->parked_senders = 0;
			x->parked_receivers = 0;
			counts(x);
			x->sel = make_selector(O_NONBLOCK);
			rig_close(x);
		}
	}
}

TEST_F(xfer, a_selector_closed_unread_returns_its_element)
{
	struct sweep s = sweep(_metadata, "release of a selector with an element");
	struct rig *x = &self->x;

	while (sweep_next(&s)) {
		rig_open(x, 1);
		sel_arm(x, ARM_RECV, 0);
		sel_serve(x, ARM_RECV, 0);
		put(x, 1);
		EXPECT_EQ(0, INJECT(&s, close(x->sel)));
		x->received--;
		counts(x);
		take(x, 0);
		take(x, 1);
		counts(x);
		x->sel = make_selector(O_NONBLOCK);
		rig_close(x);
	}
}

/*
 * Handles that stand by
 */

static const enum way standby_ways[] = { READ, READV, RECV };

#define NR_STANDBY_WAYS	3

static void standby_open(struct rig *x)
{
	struct __test_metadata *_metadata = x->_metadata;

	rig_open(x, 0);
	set_nonblock(x->fd, true);
	EXPECT_EQ(0, standby(x->fd, 1));
}

/* A receive finds nothing, and leaves the handle parked. */
static void standby_park(struct rig *x)
{
	struct __test_metadata *_metadata = x->_metadata;

	side_prepare(x, &x->me, READ, 0, 1);
	EXPECT_EQ(-EAGAIN, side_call(x, &x->me, 0));
	x->parked_receivers = 1;
	counts(x);
}

/* The next receive that leaves it parked must find memory for an element first. */
static void standby_lose_spare(struct rig *x)
{
	struct __test_metadata *_metadata = x->_metadata;

	standby_park(x);
	put(x, 0);
	x->parked_receivers = 0;
	/* What it was given goes back into the channel, with its memory. */
	EXPECT_EQ(-EFAULT, rd(x->fd, NULL, x->elem_size));
	take(x, 0);
	counts(x);
}

static void standby_park_swept(struct rig *x, struct sweep *s, enum way way)
{
	struct __test_metadata *_metadata = x->_metadata;
	long r;

	side_prepare(x, &x->me, way, 0, 1);
	side_call(x, &x->me, s->n);
	r = side_outcome(s, &x->me, -EAGAIN);
	if (r != -EAGAIN) {
		counts(x);
		side_prepare(x, &x->me, way, 0, 1);
		r = side_call(x, &x->me, 0);
	}
	EXPECT_EQ(-EAGAIN, r);
	x->parked_receivers = 1;
	counts(x);
}

/* It was given an element, which it has not delivered. */
static void standby_give(struct rig *x, uint64_t v)
{
	put(x, v);
	x->parked_receivers = 0;
	x->received++;
	counts(x);
}

TEST_F(xfer, a_handle_stands_by_or_does_not)
{
	struct sweep s = sweep(_metadata, "STANDBY");
	struct rig *x = &self->x;
	long r;

	while (sweep_next(&s)) {
		rig_open(x, 0);
		set_nonblock(x->fd, true);
		r = INJECT(&s, ioctl(x->fd, CHAN_IOC_STANDBY, 1));
		if (r < 0) {
			counts(x);
			r = standby(x->fd, 1);
		}
		EXPECT_EQ(0, r);
		EXPECT_EQ(1, standby(x->fd, 1));
		standby_park(x);
		rig_close(x);
	}
}

TEST_F(xfer, a_handle_that_stands_by_parks_or_does_not)
{
	struct rig *x = &self->x;
	int i, spare;

	for (i = 0; i < 2 * NR_STANDBY_WAYS; i++) {
		enum way way = standby_ways[i / 2];
		struct sweep s;

		spare = i % 2;
		s = sweep(_metadata, "%s that stands by, %s memory", way_name[way],
			  spare ? "with" : "without");
		while (sweep_next(&s)) {
			standby_open(x);
			if (!spare)
				standby_lose_spare(x);
			standby_park_swept(x, &s, way);
			standby_give(x, 1);
			x->received--;
			me_again(x, way, 1, 1);
			counts(x);
			rig_close(x);
		}
	}
}

TEST_F(xfer, an_element_for_a_handle_that_stands_by_is_not_lost)
{
	struct rig *x = &self->x;
	long r;
	int i;

	for (i = 0; i < NR_STANDBY_WAYS; i++) {
		enum way way = standby_ways[i];
		struct sweep s = sweep(_metadata, "%s, an element has come", way_name[way]);

		while (sweep_next(&s)) {
			standby_open(x);
			standby_park(x);
			standby_give(x, 0);
			side_prepare(x, &x->me, way, 0, 1);
			side_call(x, &x->me, s.n);
			r = side_outcome(&s, &x->me, 0);
			if (r < 0) {
				/* Back in the channel, unless the call never got so far. */
				x->received = info(x->fd).received;
				counts(x);
				EXPECT_EQ(IN, poll_now(x->fd) & IN);
				me_again(x, way, 0, 1);
			} else {
				EXPECT_EQ(1, r);
				side_check(x, &x->me, 0, r);
			}
			x->received = 1;
			counts(x);
			rig_close(x);
		}
	}
}

TEST_F(xfer, to_stand_by_no_more_cannot_fail_and_returns_the_element)
{
	struct sweep s = sweep(_metadata, "STANDBY off");
	struct rig *x = &self->x;

	while (sweep_next(&s)) {
		standby_open(x);
		standby_park(x);
		standby_give(x, 0);
		EXPECT_EQ(1, INJECT(&s, ioctl(x->fd, CHAN_IOC_STANDBY, 0)));
		x->received--;
		counts(x);
		take(x, 0);
		counts(x);
		rig_close(x);
	}
}

TEST_F(xfer, a_handle_that_stood_by_returns_its_element_when_closed)
{
	struct sweep s = sweep(_metadata, "release of a handle that stands by, with an element");
	struct rig *x = &self->x;
	int fd;

	while (sweep_next(&s)) {
		standby_open(x);
		fd = narrow(x->fd, O_RDWR);
		standby_park(x);
		standby_give(x, 0);
		EXPECT_EQ(0, INJECT(&s, close(x->fd)));
		x->fd = fd;
		x->received--;
		counts(x);
		take(x, 0);
		counts(x);
		rig_close(x);
	}
}

/*
 * Timers
 */

FIXTURE(timer)
{
	struct rig x;
};

FIXTURE_VARIANT(timer)
{
	bool absent;
};

FIXTURE_VARIANT_ADD(timer, present) { .absent = false, };
FIXTURE_VARIANT_ADD(timer, absent) { .absent = true, };

FIXTURE_SETUP(timer)
{
	rig_init(&self->x, _metadata, 8, 0, variant->absent);
	rig_init_select(&self->x);
}

FIXTURE_TEARDOWN(timer)
{
}

static void timer_open(struct rig *x)
{
	struct __test_metadata *_metadata = x->_metadata;
	struct chan_create c = {
		.elem_size = 8, .capacity = 1, .flags = CHAN_TIMER, .fd_flags = O_RDONLY | O_CLOEXEC,
	};

	rig_open(x, 0);
	close(x->fd);
	x->fd = create(&c);
	ASSERT_GE(x->fd, 0);
}

static long timer_set(int fd, unsigned int flags, unsigned long long first)
{
	struct chan_timer t = { .size = sizeof(t), .flags = flags, .first_ns = first };
	int r = ioctl(fd, CHAN_IOC_TIMER, &t);

	return r < 0 ? -errno : r;
}

/* In a sweep. */
static long timer_swept(struct rig *x, struct sweep *s, unsigned int flags,
			unsigned long long first)
{
	struct chan_timer t = { .size = sizeof(t), .flags = flags, .first_ns = first };
	void *arg = mem_args(&x->me.mem, &t, sizeof(t));

	return INJECT(s, ioctl(x->fd, CHAN_IOC_TIMER, arg));
}

/* An element is queued. */
static void timer_fire(struct rig *x)
{
	struct __test_metadata *_metadata = x->_metadata;

	EXPECT_EQ(0, timer_set(x->fd, CHAN_TIMER_START, 0));
	while (!info(x->fd).len)
		sched_yield();
	x->sent++;
	counts(x);
}

/* It was received: the time. */
static void timer_check(struct rig *x, struct side *side, long r)
{
	struct __test_metadata *_metadata = x->_metadata;
	struct timespec now;
	uint64_t t;

	EXPECT_EQ(1, r);
	clock_gettime(CLOCK_REALTIME, &now);
	memcpy(&t, side->buf, sizeof(t));
	EXPECT_LT(now.tv_sec * SEC - 3600 * SEC, t);
	EXPECT_GE(now.tv_sec * SEC + now.tv_nsec, t);
	x->received++;
	counts(x);
}

static void timer_again(struct rig *x, enum way way)
{
	side_prepare(x, &x->me, way, 0, 1);
	timer_check(x, &x->me, side_call(x, &x->me, 0));
}

TEST_F(timer, a_timer_is_started_or_is_not)
{
	struct sweep s = sweep(_metadata, "TIMER to start");
	struct rig *x = &self->x;
	long r;

	s.allocates = false;
	while (sweep_next(&s)) {
		timer_open(x);
		r = timer_swept(x, &s, CHAN_TIMER_START, LONG);
		if (r < 0) {
			EXPECT_EQ(0, timer_set(x->fd, CHAN_TIMER_STOP, 0));
			r = timer_set(x->fd, CHAN_TIMER_START, LONG);
		}
		EXPECT_EQ(0, r);
		EXPECT_EQ(1, timer_set(x->fd, CHAN_TIMER_STOP, 0));
		rig_close(x);
	}
}

TEST_F(timer, a_timer_is_stopped_or_is_not)
{
	struct sweep s = sweep(_metadata, "TIMER to stop");
	struct rig *x = &self->x;
	long r;

	s.allocates = false;
	while (sweep_next(&s)) {
		timer_open(x);
		timer_fire(x);
		r = timer_swept(x, &s, CHAN_TIMER_STOP, 0);
		if (r < 0) {
			counts(x);
			r = timer_set(x->fd, CHAN_TIMER_STOP, 0);
		}
		EXPECT_EQ(1, r);
		x->received++;
		counts(x);
		rig_close(x);
	}
}

TEST_F(timer, a_receive_from_a_timer_that_fails_leaves_its_element)
{
	struct rig *x = &self->x;
	enum way way;
	long r;

	for (way = READ; way <= ARM_RECV; way++) {
		struct sweep s = sweep(_metadata, "%s from a timer", way_name[way]);

		s.allocates = is_long(way);
		while (sweep_next(&s)) {
			timer_open(x);
			timer_fire(x);
			side_prepare(x, &x->me, way, 0, 1);
			side_call(x, &x->me, s.n);
			r = side_outcome(&s, &x->me, 0);
			if (r < 0) {
				counts(x);
				timer_again(x, way);
			} else {
				timer_check(x, &x->me, r);
			}
			rig_close(x);
		}
	}
}

TEST_F(timer, a_receiver_parked_in_a_timer_that_fails_returns_its_element)
{
	struct rig *x = &self->x;
	enum way way;
	long r;

	peer_init(x);
	for (way = READ; way <= SELECT_MANY_RECV; way++) {
		struct sweep s = sweep(_metadata, "%s that parks in a timer", way_name[way]);

		while (sweep_next(&s)) {
			timer_open(x);
			peer_park_swept(x, &s, way, 0);
			EXPECT_EQ(0, timer_set(x->fd, CHAN_TIMER_START, 0));
			r = peer_end_swept(x, &s, 0);
			x->sent++;
			if (r < 0) {
				counts(x);
				timer_again(x, way);
			} else {
				timer_check(x, &x->peer, r);
			}
			rig_close(x);
		}
	}
}

/*
 * Make
 */

FIXTURE(make)
{
	struct rig x;
	struct chan_create want;
};

FIXTURE_VARIANT(make)
{
	unsigned int elem_size, capacity, flags;
	bool absent;
};

#define MAKE(name, e, c, f)							\
	FIXTURE_VARIANT_ADD(make, name)						\
	{									\
		.elem_size = e, .capacity = c, .flags = f,			\
	};									\
	FIXTURE_VARIANT_ADD(make, name##_absent)				\
	{									\
		.elem_size = e, .capacity = c, .flags = f, .absent = true,	\
	}

MAKE(small, 8, 16, CHAN_AUTOCLOSE | CHAN_HANGUP);
MAKE(large, 1024, 1024, 0);		/* a ring in vmalloc's memory */
MAKE(by_reference, BY_REF, 3, 0);
MAKE(message, 100, 4, CHAN_MESSAGE);
MAKE(standby, BY_REF, 1, CHAN_STANDBY);
MAKE(timer, 8, 1, CHAN_TIMER);

FIXTURE_SETUP(make)
{
	rig_init(&self->x, _metadata, variant->elem_size, variant->flags, variant->absent);
	self->want = (struct chan_create){
		.elem_size = variant->elem_size, .capacity = variant->capacity,
		.flags = variant->flags, .type = "struct thing",
		.fd_flags = O_CLOEXEC | (variant->flags & CHAN_TIMER ? O_RDONLY : O_RDWR),
	};
}

FIXTURE_TEARDOWN(make)
{
}

/* What an ioctl may write only if it succeeds. */
#define UNTOUCHED	7

static struct chan_create *make_again(struct rig *x, struct chan_create *c)
{
	struct __test_metadata *_metadata = x->_metadata;
	struct chan_create *arg = mem_args(&x->me.mem, c, sizeof(*c));

	ASSERT_EQ(0, ioctl(ctl_open(), CHAN_IOC_CREATE, arg));
	return arg;
}

/* Make the rig's channel. Returns whether it took two tries. */
static bool make_swept(struct rig *x, struct sweep *s, const struct chan_create *want)
{
	struct __test_metadata *_metadata = x->_metadata;
	struct chan_create c = *want, *arg;
	bool again;

	c.size = sizeof(c);
	c.fd = UNTOUCHED;
	c.minor = UNTOUCHED;
	c.id = UNTOUCHED;
	arg = mem_args(&x->me.mem, &c, sizeof(c));
	again = INJECT(s, ioctl(ctl_open(), CHAN_IOC_CREATE, arg)) < 0;
	if (again) {
		EXPECT_EQ(0, memcmp(arg, &c, sizeof(c)));
		arg = make_again(x, &c);
	}
	EXPECT_EQ(s->before.next_fd, arg->fd);
	x->fd = arg->fd;
	x->sent = 0;
	x->received = 0;
	return again;
}

static void make_check(struct rig *x, const struct chan_create *want)
{
	struct __test_metadata *_metadata = x->_metadata;
	struct chan_info i = info(x->fd);
	unsigned int v, n = want->capacity < BATCH ? want->capacity : BATCH;

	EXPECT_EQ(want->elem_size, i.elem_size);
	EXPECT_EQ(want->capacity, i.capacity);
	EXPECT_EQ(want->flags, i.flags);
	EXPECT_EQ(0, strcmp(want->type, i.type));
	EXPECT_EQ(0, strcmp(want->name, i.name));
	if (want->flags & CHAN_TIMER)
		return;
	for (v = 0; v < n; v++)
		put(x, v);
	for (v = 0; v < n; v++)
		take(x, v);
	counts(x);
}

TEST_F(make, a_channel_is_made_or_nothing_is)
{
	struct sweep s = sweep(_metadata, "CREATE");
	struct rig *x = &self->x;

	while (sweep_next(&s)) {
		make_swept(x, &s, &self->want);
		make_check(x, &self->want);
		close(x->fd);
	}
}

TEST_F(make, a_user_of_a_user_namespace_makes_a_channel_or_nothing)
{
	struct rig *x = &self->x;
	struct sweep s;

	ASSERT_EQ(0, unshare(CLONE_NEWUSER));
	s = sweep(_metadata, "CREATE in a user namespace");
	while (sweep_next(&s)) {
		make_swept(x, &s, &self->want);
		make_check(x, &self->want);
		close(x->fd);
	}
}

TEST_F(make, a_handle_is_narrowed_or_there_is_no_new_one)
{
	static const unsigned int modes[] = { O_RDONLY, O_WRONLY, 3 };
	struct rig *x = &self->x;
	struct chan_narrow *arg;
	struct chan_info before;
	unsigned int i;
	long r;

	for (i = 0; i < 3; i++) {
		struct chan_narrow n = { .size = sizeof(n), .fd_flags = modes[i], .fd = UNTOUCHED };
		struct sweep s = sweep(_metadata, "NARROW");

		if (modes[i] == O_WRONLY && variant->flags & CHAN_TIMER)
			continue;
		while (sweep_next(&s)) {
			x->fd = create(&self->want);
			ASSERT_LE(0, x->fd);
			before = info(x->fd);
			arg = mem_args(&x->me.mem, &n, sizeof(n));
			r = INJECT(&s, ioctl(x->fd, CHAN_IOC_NARROW, arg));
			if (r < 0) {
				EXPECT_EQ(0, memcmp(arg, &n, sizeof(n)));
				EXPECT_TRUE(same_info(before, info(x->fd)));
				arg->fd = narrow(x->fd, modes[i]);
			}
			EXPECT_EQ(s.before.next_fd + 1, arg->fd);
			EXPECT_EQ(before.receivers + (modes[i] == O_RDONLY),
				  info(arg->fd).receivers);
			EXPECT_EQ(before.senders + (modes[i] == O_WRONLY),
				  info(arg->fd).senders);
			close(arg->fd);
			close(x->fd);
		}
	}
}

TEST_F(make, a_release_cannot_fail)
{
	struct sweep s = sweep(_metadata, "release of a channel with elements");
	struct rig *x = &self->x;
	unsigned int v;

	while (sweep_next(&s)) {
		x->fd = create(&self->want);
		for (v = 0; v < variant->capacity && v < BATCH && x->flags != CHAN_TIMER; v++)
			put(x, v);
		EXPECT_EQ(0, INJECT(&s, close(x->fd)));
	}
}

TEST_F(make, the_description_of_a_channel_is_given_or_is_not)
{
	struct sweep s = sweep(_metadata, "INFO");
	struct chan_info want, zero = { .size = sizeof(zero) }, *arg;
	struct rig *x = &self->x;

	x->fd = create(&self->want);
	s.before = use_now();
	s.allocates = false;
	want = info(x->fd);
	while (sweep_next(&s)) {
		arg = mem_args(&x->me.mem, &zero, sizeof(zero));
		if (INJECT(&s, ioctl(x->fd, CHAN_IOC_INFO, arg)) < 0) {
			EXPECT_EQ(0, memcmp(arg, &zero, sizeof(zero)));
			EXPECT_EQ(0, ioctl(x->fd, CHAN_IOC_INFO, arg));
		}
		EXPECT_EQ(0, memcmp(arg, &want, sizeof(want)));
	}
	close(x->fd);
}

/*
 * Named channels
 */

#define NAME	"failnth"

FIXTURE(named)
{
	struct rig x;
	struct use before;
	struct chan_create want;
};

FIXTURE_VARIANT(named)
{
	unsigned int elem_size, flags;
	bool absent;
};

FIXTURE_VARIANT_ADD(named, small) { .elem_size = 8, };
FIXTURE_VARIANT_ADD(named, standby_absent) {
	.elem_size = BY_REF, .flags = CHAN_STANDBY, .absent = true,
};

FIXTURE_SETUP(named)
{
	rig_init(&self->x, _metadata, variant->elem_size, variant->flags, variant->absent);
	self->before = use_now();
	self->want = (struct chan_create){
		.elem_size = variant->elem_size, .capacity = 2,
		.flags = variant->flags | CHAN_NAMED, .mode = 0600, .name = NAME,
		.fd_flags = O_RDWR | O_CLOEXEC,
	};
}

FIXTURE_TEARDOWN(named)
{
	/* Lest the next test finds some of this one's in use, and later not. */
	while (debug_kernel() && !use_is(self->before))
		usleep(10000);
}

/* Returns its minor number, or -errno. */
static long resolve(const char *name)
{
	struct chan_resolve r = { .size = sizeof(r), .uid = getuid() };

	strcpy(r.name, name);
	return ioctl(ctl_open(), CHAN_IOC_RESOLVE, &r) ? -errno : (long)r.minor;
}

/* Named channels that everybody can see. */
static unsigned int listed(void)
{
	struct chan_info entries[4];
	struct chan_list l = {
		.size = sizeof(l), .entries = (uintptr_t)entries,
		.entry_size = sizeof(entries[0]), .count = 4,
	};

	return ioctl(ctl_open(), CHAN_IOC_LIST, &l) ? -1U : l.count;
}

static bool node_is_there(unsigned int minor)
{
	char path[32];
	struct stat st;

	snprintf(path, sizeof(path), "/dev/chan%u", minor);
	return !stat(path, &st) && S_ISCHR(st.st_mode) && minor(st.st_rdev) == minor;
}

TEST_F(named, a_named_channel_is_made_or_nothing_is)
{
	struct sweep s = sweep(_metadata, "CREATE named");
	struct rig *x = &self->x;
	unsigned int minor;

	s.released_late = true;
	while (sweep_next(&s)) {
		EXPECT_EQ(-ENOENT, resolve(NAME));
		EXPECT_EQ(0, listed());
		make_swept(x, &s, &self->want);
		make_check(x, &self->want);
		minor = info(x->fd).minor;
		EXPECT_EQ(minor, resolve(NAME));
		EXPECT_EQ(1, listed());
		EXPECT_TRUE(node_is_there(minor));
		EXPECT_EQ(0, destroy(x->fd, 0));
		EXPECT_FALSE(node_is_there(minor));
		close(x->fd);
	}
}

TEST_F(named, a_channel_is_destroyed_or_is_not)
{
	struct sweep s = sweep(_metadata, "DESTROY");
	struct chan_destroy d = { .size = sizeof(d) };
	struct rig *x = &self->x;
	unsigned int minor;
	void *arg;

	s.released_late = true;
	s.allocates = false;
	while (sweep_next(&s)) {
		x->fd = create(&self->want);
		ASSERT_LE(0, x->fd);
		minor = info(x->fd).minor;
		arg = mem_args(&x->me.mem, &d, sizeof(d));
		if (INJECT(&s, ioctl(x->fd, CHAN_IOC_DESTROY, arg)) < 0) {
			EXPECT_EQ(minor, resolve(NAME));
			EXPECT_TRUE(node_is_there(minor));
			EXPECT_EQ(0, destroy(x->fd, 0));
		}
		EXPECT_EQ(-ENOENT, resolve(NAME));
		EXPECT_FALSE(node_is_there(minor));
		EXPECT_EQ(-ENODEV, destroy(x->fd, 0));
		close(x->fd);
	}
}

/* The calls that don't change what there is. */

static void node_sweep(struct rig *x, unsigned int minor)
{
	struct __test_metadata *_metadata = x->_metadata;
	static const unsigned int modes[] = { O_RDWR, O_RDONLY, O_WRONLY, 3 };
	struct chan_info before = info(x->fd);
	char path[32], *arg;
	unsigned int i;
	long fd;

	snprintf(path, sizeof(path), "/dev/chan%u", minor);
	for (i = 0; i < 4; i++) {
		struct sweep s = sweep(_metadata, "open");

		while (sweep_next(&s)) {
			arg = mem_args(&x->me.mem, path, sizeof(path));
			fd = INJECT(&s, open(arg, modes[i] | O_CLOEXEC));
			if (fd < 0) {
				EXPECT_TRUE(same_info(before, info(x->fd)));
				fd = open(path, modes[i] | O_CLOEXEC);
			}
			EXPECT_EQ(s.before.next_fd, fd);
			EXPECT_EQ(before.receivers + (i < 2), info(fd).receivers);
			EXPECT_EQ(before.senders + !(i & 1), info(fd).senders);
			close(fd);
		}
	}
}

static void resolve_sweep(struct rig *x, unsigned int minor)
{
	struct __test_metadata *_metadata = x->_metadata;
	struct chan_resolve r = {
		.size = sizeof(r), .uid = CHAN_UID_ANY, .minor = UNTOUCHED, .name = NAME,
	};
	struct sweep s = sweep(_metadata, "RESOLVE");
	struct chan_resolve *arg;

	s.allocates = false;
	while (sweep_next(&s)) {
		arg = mem_args(&x->me.mem, &r, sizeof(r));
		if (INJECT(&s, ioctl(ctl_open(), CHAN_IOC_RESOLVE, arg)) < 0) {
			EXPECT_EQ(0, memcmp(arg, &r, sizeof(r)));
			EXPECT_EQ(0, ioctl(ctl_open(), CHAN_IOC_RESOLVE, arg));
		}
		EXPECT_EQ(minor, arg->minor);
		EXPECT_EQ(info(x->fd).id, arg->id);
	}
}

static void list_sweep(struct rig *x)
{
	struct __test_metadata *_metadata = x->_metadata;
	struct chan_list l = { .size = sizeof(l), .entry_size = 4096, .count = 2 };
	struct sweep s = sweep(_metadata, "LIST");
	static unsigned char dirt[2 * 4096];
	struct chan_info *entry, want = info(x->fd);
	struct chan_list *arg;
	unsigned int i;

	memset(dirt, 0xee, sizeof(dirt));
	while (sweep_next(&s)) {
		entry = mem_give(&x->me.mem, DATA, dirt, sizeof(dirt));
		l.entries = (uintptr_t)entry;
		arg = mem_args(&x->me.mem, &l, sizeof(l));
		if (INJECT(&s, ioctl(ctl_open(), CHAN_IOC_LIST, arg)) < 0) {
			EXPECT_EQ(0, memcmp(arg, &l, sizeof(l)));
			EXPECT_EQ(0, ioctl(ctl_open(), CHAN_IOC_LIST, arg));
		}
		EXPECT_EQ(1, arg->count);
		EXPECT_TRUE(same_info(want, *entry));
		for (i = sizeof(want); i < 4096; i++)
			EXPECT_EQ(0, ((unsigned char *)entry)[i]);
		EXPECT_EQ(0xee, ((unsigned char *)entry)[4096]);
	}
}

TEST_F(named, a_channel_is_found_and_opened_or_is_not)
{
	struct rig *x = &self->x;
	unsigned int minor;

	x->fd = create(&self->want);
	ASSERT_LE(0, x->fd);
	minor = info(x->fd).minor;
	node_sweep(x, minor);
	resolve_sweep(x, minor);
	list_sweep(x);
	EXPECT_EQ(0, destroy(x->fd, 0));
	close(x->fd);
}

/*
 * The rest
 */

FIXTURE(ctl)
{
	struct rig x;
};

FIXTURE_VARIANT(ctl)
{
	bool absent;
};

FIXTURE_VARIANT_ADD(ctl, present) { .absent = false, };
FIXTURE_VARIANT_ADD(ctl, absent) { .absent = true, };

FIXTURE_SETUP(ctl)
{
	rig_init(&self->x, _metadata, 8, 0, variant->absent);
}

FIXTURE_TEARDOWN(ctl)
{
}

TEST_F(ctl, limits_are_told_or_are_not)
{
	struct {
		struct chan_limits l;
		unsigned long long tail;	/* of a later version */
	} given = { .l = { .size = sizeof(given) } }, *arg;
	struct sweep s = sweep(_metadata, "LIMITS");
	struct rig *x = &self->x;

	while (sweep_next(&s)) {
		arg = mem_args(&x->me.mem, &given, sizeof(given));
		if (INJECT(&s, ioctl(ctl_open(), CHAN_IOC_LIMITS, arg)) < 0) {
			EXPECT_EQ(0, memcmp(arg, &given, sizeof(given)));
			EXPECT_EQ(0, ioctl(ctl_open(), CHAN_IOC_LIMITS, arg));
		}
		EXPECT_EQ(CHAN_BYTES_MAX, arg->l.bytes_max);
		EXPECT_EQ(0, arg->l.channels);
	}
}

TEST_F(ctl, a_selector_is_made_or_is_not)
{
	struct chan_selector n = { .size = sizeof(n), .fd_flags = O_CLOEXEC, .fd = UNTOUCHED }, *arg;
	struct sweep s = sweep(_metadata, "SELECTOR");
	struct rig *x = &self->x;

	while (sweep_next(&s)) {
		arg = mem_args(&x->me.mem, &n, sizeof(n));
		if (INJECT(&s, ioctl(ctl_open(), CHAN_IOC_SELECTOR, arg)) < 0) {
			EXPECT_EQ(0, memcmp(arg, &n, sizeof(n)));
			arg->fd = make_selector(0);
		}
		EXPECT_EQ(s.before.next_fd, arg->fd);
		EXPECT_EQ(-EINVAL, disarm(arg->fd));
		EXPECT_EQ(0, INJECT(&s, close(arg->fd)));
	}
}

static bool faults_are_here(void)
{
	return !access("/proc/thread-self/fail-nth", W_OK) && knobs_turn();
}

int main(int argc, char **argv)
{
	if (!faults_are_here()) {
		knobs_turn_back();
		ksft_print_header();
		ksft_exit_skip("this kernel can't fail on demand\n");
	}
	tallies = mmap(NULL, TALLIES * sizeof(*tallies), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	/* The harness doesn't return. */
	atexit(tallies_print);
	atexit(knobs_turn_back);
	return test_harness_run(argc, argv);
}
