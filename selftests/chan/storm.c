// SPDX-License-Identifier: GPL-2.0
/*
 * Storms of kills: processes in every call of the module, on channels that all share, die
 * at any moment and are forked anew, until KILLS (1,000) were killed. Some are stopped and
 * continued, some traced, some fork others that keep their files; channels are made,
 * closed and destroyed meanwhile. SEED says how it goes, as far as chance is the test's.
 *
 * ACCOUNTS
 *
 * An element says in its first 8 bytes who sent it where, and its number among that
 * sender's; its other bytes follow from these. A worker writes into memory that
 * survives it, before a call, what it is going to send or where it will receive, and with
 * its first store after the call what came of it. A receive lands in that memory. Who is
 * killed before it has written all of that down is helped by who finds it dead: what it
 * writes down is the same whoever does it, and however often.
 *
 * So an element that was acknowledged is received once, by a call that returned, or is in
 * the channel, or was landing when the kill came: then its place tells, and nobody else
 * needs to have received it, but one other may have, if it was given back. An element
 * whose send was killed may be received, once, and of a batch only after those before
 * it. Other elements must not be received at all. In the end no channel holds any, and
 * each has sent and received as many as were seen: that leaves nothing in doubt but which
 * of the killed calls have sent or received, of which the kernel's counts give the sum.
 *
 * A receiver sees the numbers of a sender rise in each channel, but for elements that
 * somebody gave back; as many as could have been are counted.
 *
 * A receiver that is killed with an element in hand has it in its memory, too, when it
 * gives it back. To see that it does some land where nothing ever lands: in memory that
 * holds them up until they are killed.
 */
#include <linux/userfaultfd.h>
#include <sys/ptrace.h>

#include "chan_test.h"

#define WORKERS		16
#define ME		WORKERS		/* the record of the test itself */
#define SENDERS		(WORKERS + 1)
#define HOLDERS		6		/* who only keep files */
#define NUMBERS		(1U << 20)	/* elements of one sender, at most */
#define BATCH		4		/* elements of a call, at most */
#define CASES		8		/* of a select, at most */
#define ELEM		BY_REF
#define HEADER		sizeof(struct chan_selected)
#define PIT		8192		/* bytes of memory that holds up */

/* Channels that stay, that come and go, and of those the ones whose elements go too. */
#define STABLE		12
#define LOSSY		(STABLE + 2)
#define CHANS		(STABLE + 4)
#define TIMERS		2
#define INSTANCES	16384
#define RETIRED		400		/* of those whose elements don't go, at most */

/*
 * What an element says: its channel's instance, its sender, the sender's number for it
 * and incarnation, a sum.
 */
#define CHAN_OF(v)	((unsigned int)(v) & (INSTANCES - 1))
#define SENDER_OF(v)	((unsigned int)((v) >> 14) & 31)
#define NUMBER_OF(v)	((unsigned int)((v) >> 19) & (NUMBERS - 1))
#define LIFE_OF(v)	((unsigned int)((v) >> 39) & 1023)
#define SUM_OF(v)	((((v) << 15) * 0x9e3779b97f4a7c15ULL) >> 49)

enum op {
	WRITE, WRITEV, SEND, SEND_NOW, SEND_TIMED,
	READ, READV, RECV, RECV_NOW, RECV_TIMED,
	SELECT_SEND, SELECT_RECV, SELECTOR_SEND, SELECTOR_RECV, DISARM, ABANDON, STANDBY,
	TIMER, POLL, EPOLL, OWN, LOOK, HOLD, HELD_UP,
	NR_OPS
};

static const char * const op_names[NR_OPS] = {
	"write", "writev", "SEND", "SEND without waiting", "SEND with a timeout",
	"read", "readv", "RECV", "RECV without waiting", "RECV with a timeout",
	"SELECT that sends", "SELECT that receives", "selector that sends",
	"selector that receives", "DISARM", "abandoned selector", "standby",
	"timer", "poll", "epoll", "own channel", "INFO", "holder", "held-up receiver",
};

/* What has become of an element. */
struct fate {
	uint32_t receipt;		/* which receive it was */
	uint16_t got, told;		/* instance of its channel, plus 1: received, sent */
};

/*
 * What a worker is doing, for who finds it dead. A field that is stored with set() says
 * that those before it are valid.
 */
struct record {
	uint32_t next;			/* number of the next element that it sends */
	uint32_t life;			/* incarnation */
	uint32_t from, trying;		/* it is sending so many from this number on */
	uint32_t told;			/* so many are sent, << 16 | instance + 1 */

	uint32_t receipt;		/* number of the receive that is under way, or 0 */
	uint32_t places, stride, offset;	/* where its elements land */
	uint32_t len;			/* of a message */
	uint32_t landed;		/* so many have, << 16 | instance + 1 */
	uint32_t nr_chans;
	uint16_t chans[CASES];		/* instances that it may receive from */
	uint16_t sending_to;		/* one of those that it may send to; a hint */

	uint32_t held_up;		/* can't be stopped, only killed */
	unsigned char land[HEADER + BATCH * ELEM] __attribute__((aligned(8)));
};

static struct shared {
	uint64_t ops, did[NR_OPS];
	uint32_t receipts, errors, hot;
	int32_t holder[HOLDERS];	/* pid; or -1 - worker that is forking it; 0 */
	uint32_t given_back[INSTANCES];	/* elements, at most */
	uint32_t out_of_order[INSTANCES];
	struct record record[SENDERS];
	struct fate fate[SENDERS][NUMBERS];
} *shared;

/* Of the test alone; a worker has it as it was when it was forked. */
static struct instance {
	unsigned int elem_size, capacity, flags;
	int fd;
	bool lossy;
} inst[INSTANCES];
static unsigned int nr_inst, nr_retired;
static unsigned int chans[CHANS];	/* the present instances */
static int timers[TIMERS];
static pid_t pids[WORKERS];
static bool stopped[WORKERS];
static unsigned int kills, restarts, traced, churned;

/* Of a process. */
static struct record *my;
static unsigned int me;
static uint64_t seed;
static bool no_send[CHANS], no_recv[CHANS];
static uint64_t last[SENDERS][CHANS];	/* what it received last, or 0 */
static unsigned char out[CASES * ELEM];

static uint64_t random_bits(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static unsigned int rnd(unsigned int n)
{
	return (random_bits() >> 32) % n;
}

static void count(uint64_t *counter)
{
	__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

/* In the order of the program, as a kill sees it. */
static void set(uint32_t *field, uint32_t value)
{
	__atomic_store_n(field, value, __ATOMIC_SEQ_CST);
}

static uint32_t get(const uint32_t *field)
{
	return __atomic_load_n(field, __ATOMIC_SEQ_CST);
}

static void wrong(const char *what, long long value)
{
	/* Some are as good as all. */
	if (__atomic_add_fetch(&shared->errors, 1, __ATOMIC_RELAXED) < 20)
		dprintf(1, "# worker %u: %s: %lld\n", me, what, value);
}

static void wrong_element(const char *what, unsigned int sender, unsigned int number)
{
	if (__atomic_add_fetch(&shared->errors, 1, __ATOMIC_RELAXED) < 20)
		dprintf(1, "# element %u of sender %u: %s\n", number, sender, what);
}

/*
 * Elements
 */

static uint64_t elem_value(unsigned int chan, unsigned int sender, unsigned int life,
			   unsigned int number)
{
	uint64_t v = chan | sender << 14 | (uint64_t)number << 19 | (uint64_t)(life & 1023) << 39;

	return v | SUM_OF(v) << 49;
}

static bool is_value(uint64_t v)
{
	return v >> 49 == SUM_OF(v) && CHAN_OF(v) < nr_inst && SENDER_OF(v) < SENDERS;
}

static unsigned int elem_len(const struct instance *i, uint64_t v)
{
	if (!(i->flags & CHAN_MESSAGE))
		return i->elem_size;
	return 8 + NUMBER_OF(v) * 7 % (i->elem_size - 7);
}

/* Of the element of mine that is so many after the next. Returns its length. */
static unsigned int make_elem(unsigned char *p, unsigned int chan, unsigned int after)
{
	uint64_t v = elem_value(chan, me, my->life, my->next + after);
	unsigned int len = elem_len(&inst[chan], v);

	fill_elem(p, len, v);
	return len;
}

static uint64_t value_at(const unsigned char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static struct fate *fate_of(uint64_t v)
{
	return &shared->fate[SENDER_OF(v)][NUMBER_OF(v)];
}

/*
 * Accounts of what is sent
 */

static void send_begin(unsigned int n, unsigned int chan)
{
	my->from = my->next;
	my->sending_to = chan;
	set(&my->told, 0);
	set(&my->trying, n);
}

/* Nothing was sent: the number is used again, so that it counts as twice if it was. */
static void send_none(void)
{
	set(&my->trying, 0);
}

/* Write down what @r was told; by itself, or by who found it dead. */
static void send_settle(struct record *r)
{
	unsigned int sender = r - shared->record, n = r->told >> 16, i;

	for (i = 0; i < n; i++)
		shared->fate[sender][r->from + i].told = r->told & 0xffff;
}

static void send_end(unsigned int n, unsigned int chan)
{
	set(&my->told, n << 16 | (chan + 1));
	send_settle(my);
	set(&my->next, my->from + n);
	set(&my->trying, 0);
}

/* A selector that was to send is let go of: perhaps it has, perhaps it will. */
static void send_unknown(void)
{
	set(&my->life, my->life + 1);
	set(&my->next, my->from + 1);
	set(&my->trying, 0);
}

/*
 * Accounts of what is received
 */

static unsigned char *place(struct record *r, unsigned int i)
{
	return r->land + r->offset + i * r->stride;
}

/* my->chans says from where. */
static void recv_begin(unsigned int places, unsigned int stride, unsigned int offset)
{
	unsigned int i;

	set(&my->landed, 0);
	my->places = places;
	my->stride = stride;
	my->offset = offset;
	for (i = 0; i < places; i++)
		memset(place(my, i), 0, 8);
	set(&my->receipt, __atomic_add_fetch(&shared->receipts, 1, __ATOMIC_RELAXED));
}

static void recv_begin_from(unsigned int chan, unsigned int places)
{
	my->chans[0] = chan;
	my->nr_chans = 1;
	recv_begin(places, inst[chan].elem_size, 0);
}

static void recv_none(void)
{
	set(&my->receipt, 0);
}

/* It may have an element that it doesn't take. */
static void recv_given_back(struct record *r)
{
	unsigned int i;

	for (i = 0; i < r->nr_chans; i++)
		__atomic_add_fetch(&shared->given_back[r->chans[i]], 1, __ATOMIC_RELAXED);
}

static void check_order(uint64_t v)
{
	uint64_t *before;
	unsigned int c;

	for (c = 0; chans[c] != CHAN_OF(v); c++)
		if (c == CHANS - 1)
			return;
	before = &last[SENDER_OF(v)][c];
	/* Files that outlive their worker may send late. */
	if (*before && CHAN_OF(*before) == CHAN_OF(v) && LIFE_OF(*before) == LIFE_OF(v) &&
	    NUMBER_OF(*before) >= NUMBER_OF(v))
		__atomic_add_fetch(&shared->out_of_order[CHAN_OF(v)], 1, __ATOMIC_RELAXED);
	else
		*before = v;
}

static void write_down(uint64_t v, unsigned int chan, uint32_t receipt)
{
	struct fate *f = fate_of(v);
	uint32_t none = 0;

	if (!__atomic_compare_exchange_n(&f->receipt, &none, receipt, false, __ATOMIC_SEQ_CST,
					 __ATOMIC_SEQ_CST) && none != receipt)
		wrong_element("received twice", SENDER_OF(v), NUMBER_OF(v));
	f->got = chan + 1;
}

/* Write down what @r has received; by itself, or by who found it dead. */
static void recv_settle(struct record *r)
{
	unsigned int n = r->landed >> 16, chan = (r->landed & 0xffff) - 1, len, i;
	uint64_t v;

	if (n > r->places)
		wrong("elements in too few places", n);
	for (i = 0; i < n && i < r->places; i++) {
		v = value_at(place(r, i));
		if (!is_value(v) || CHAN_OF(v) != chan) {
			wrong("no element of this channel", v);
			continue;
		}
		len = elem_len(&inst[chan], v);
		if (!elem_is(place(r, i), len, v))
			wrong_element("it has another's bytes", SENDER_OF(v), NUMBER_OF(v));
		if (inst[chan].flags & CHAN_MESSAGE && r->len != len)
			wrong("another length", r->len);
		write_down(v, chan, r->receipt);
		if (r == my)
			check_order(v);
	}
}

static void recv_end(unsigned int n, unsigned int chan, unsigned int len)
{
	my->len = len;
	set(&my->landed, n << 16 | (chan + 1));
	recv_settle(my);
	set(&my->receipt, 0);
}

/*
 * Plain sends and receives
 */

static int chan_fd(unsigned int c)
{
	return inst[chans[c]].fd;
}

static unsigned int pick(void)
{
	return rnd(2) ? get(&shared->hot) : rnd(CHANS);
}

/* Cut what is to be copied in three. */
static long in_parts(bool sending, int fd, unsigned char *p, unsigned int len)
{
	unsigned int a = rnd(len + 1), b = a + rnd(len - a + 1);
	struct iovec v[3] = { { p, a }, { p + a, b - a }, { p + b, len - b } };
	ssize_t r = sending ? writev(fd, v, 3) : readv(fd, v, 3);

	return r < 0 ? -errno : r;
}

static long xfer(int fd, unsigned int cmd, enum op op, void *p, unsigned int n,
		 unsigned int *len)
{
	struct chan_xfer x = {
		.size = sizeof(x), .buf = (uintptr_t)p, .count = n, .len = *len,
	};
	int r;

	if (op == SEND_NOW || op == RECV_NOW) {
		x.flags = CHAN_NONBLOCK;
	} else if (op == SEND_TIMED || op == RECV_TIMED) {
		x.flags = CHAN_TIMEOUT;
		x.timeout_ns = rnd(2 * MSEC);
	}
	r = ioctl(fd, cmd, &x);
	*len = x.len;
	return r < 0 ? -errno : r;
}

/* Does a call that failed so deserve it? */
static bool may_fail(enum op op, long r)
{
	if (op == SEND_NOW || op == RECV_NOW || op == STANDBY)
		return r == -EAGAIN;
	/* Stopped, or traced: with a timeout it isn't restarted. */
	return (op == SEND_TIMED || op == RECV_TIMED) && (r == -ETIMEDOUT || r == -EINTR);
}

static void did(enum op op)
{
	count(&shared->did[op]);
}

static void send_done(enum op op, unsigned int c, long r)
{
	if (r > 0) {
		send_end(r, chans[c]);
		did(op);
		return;
	}
	send_none();
	if (r == -EPIPE && c >= STABLE)
		no_send[c] = true;
	else if (!may_fail(op, r))
		wrong(op_names[op], r);
}

/* Elements, of the bytes of a read or write. */
static long elems(const struct instance *i, long bytes)
{
	if (bytes <= 0)
		return bytes;
	return i->flags & CHAN_MESSAGE ? 1 : bytes / i->elem_size;
}

static void do_send(enum op op, unsigned int c, int fd)
{
	struct instance *i = &inst[chans[c]];
	bool message = i->flags & CHAN_MESSAGE;
	unsigned int n = message ? 1 : 1 + rnd(BATCH), bytes = 0, len, k;
	long r;

	if (no_send[c] || my->next + n > NUMBERS)
		return;
	for (k = 0; k < n; k++)
		bytes += make_elem(out + bytes, chans[c], k);
	len = message ? bytes : 0;
	send_begin(n, chans[c]);
	if (op == WRITE)
		r = elems(i, wr(fd, out, bytes));
	else if (op == WRITEV)
		r = elems(i, in_parts(true, fd, out, bytes));
	else
		r = xfer(fd, CHAN_IOC_SEND, op, out, n, &len);
	send_done(op, c, r);
}

static void recv_done(enum op op, unsigned int c, long r, unsigned int len)
{
	if (r > 0) {
		recv_end(r, chans[c], len);
		did(op);
		return;
	}
	recv_none();
	if (!r && c >= STABLE)
		no_recv[c] = true;
	else if (!may_fail(op, r))
		wrong(op_names[op], r);
}

static void do_recv(enum op op, unsigned int c, int fd)
{
	struct instance *i = &inst[chans[c]];
	bool message = i->flags & CHAN_MESSAGE;
	unsigned int n = message ? 1 : 1 + rnd(BATCH), len = message ? i->elem_size : 0;
	long r;

	if (no_recv[c])
		return;
	recv_begin_from(chans[c], n);
	if (op == READ || op == READV) {
		r = op == READ ? rd(fd, my->land, n * i->elem_size) :
				 in_parts(false, fd, my->land, n * i->elem_size);
		len = r;
		r = elems(i, r);
	} else {
		r = xfer(fd, CHAN_IOC_RECV, op, my->land, n, &len);
	}
	recv_done(op, c, r, len);
}

/*
 * Who only keeps files
 */

static void keep_files(int slot)
{
	int32_t claim = -1 - (int)me;

	if (__atomic_compare_exchange_n(&shared->holder[slot], &claim, getpid(), false,
					__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		for (;;)
			pause();
	_exit(0);
}

/* A child of the test, with all that the worker has open at this moment. */
static void hold(void)
{
	int slot = rnd(HOLDERS);
	int32_t none = 0;
	pid_t pid;

	if (me == ME || !__atomic_compare_exchange_n(&shared->holder[slot], &none, -1 - (int)me,
						     false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return;
	pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
	if (!pid)
		keep_files(slot);
	if (pid < 0)
		wrong("clone", errno);
	did(HOLD);
}

/*
 * SELECT and selectors
 */

struct choice {
	struct chan_case cases[CASES];
	unsigned int c[CASES];		/* CHANS: a timer, or nil */
	unsigned int n;
	unsigned int to;		/* one of the instances that it may send to */
	bool sends, receives;
	uint64_t tick;
};

static void choose_one(struct choice *k, unsigned int i, unsigned int c, unsigned char *to)
{
	bool message = inst[chans[c]].flags & CHAN_MESSAGE, sending = rnd(2);
	struct chan_case *the = &k->cases[i];
	unsigned int len;

	k->c[i] = c;
	if (sending && !no_send[c] && my->next < NUMBERS) {
		len = make_elem(out + i * ELEM, chans[c], 0);
		*the = send_case(chan_fd(c), out + i * ELEM);
		k->to = chans[c];
		k->sends = true;
	} else if (!sending && !no_recv[c]) {
		len = inst[chans[c]].elem_size;
		*the = recv_case(chan_fd(c), to);
		my->chans[my->nr_chans++] = chans[c];
		k->receives = true;
	} else {
		*the = recv_case(-1, NULL);
		return;
	}
	the->len = message ? len : 0;
}

/* Cases of any kind, the same channel perhaps in several; received elements go to @to. */
static void choose(struct choice *k, unsigned char *to)
{
	unsigned int i;

	k->n = 1 + rnd(CASES);
	k->sends = k->receives = false;
	k->tick = 0;
	my->nr_chans = 0;
	for (i = 0; i < k->n; i++) {
		if (rnd(CASES)) {
			choose_one(k, i, pick(), to);
		} else {
			k->c[i] = CHANS;
			k->cases[i] = recv_case(rnd(2) ? timers[rnd(TIMERS)] : -1, &k->tick);
		}
	}
	if (k->sends)
		send_begin(1, k->to);
	if (k->receives)
		recv_begin(1, 0, to - my->land);
}

static void chosen_none(struct choice *k)
{
	if (k->sends)
		send_none();
	if (k->receives)
		recv_none();
}

/* Case @i has committed; of two accounts the one in which something happened first. */
static void chosen(struct choice *k, unsigned int i, bool ok, unsigned int len, bool selector)
{
	unsigned int c = i < k->n ? k->c[i] : CHANS;

	if (i >= k->n || k->cases[i].fd < 0) {
		wrong("no case", i);
	} else if (c == CHANS) {
		if (!ok || !k->tick)
			wrong("a timer in a select", k->tick);
	} else if (!ok) {
		if (c < STABLE)
			wrong("a closed channel in a select", c);
		if (k->cases[i].op == CHAN_CASE_SEND)
			no_send[c] = true;
		else
			no_recv[c] = true;
	} else if (k->cases[i].op == CHAN_CASE_SEND) {
		send_end(1, chans[c]);
		did(selector ? SELECTOR_SEND : SELECT_SEND);
	} else {
		recv_end(1, chans[c], len);
		did(selector ? SELECTOR_RECV : SELECT_RECV);
	}
	chosen_none(k);
}

/* What SELECT or ARM returned. */
static void chosen_at_once(struct choice *k, long r)
{
	unsigned int i = r & CHAN_INDEX_MASK;

	chosen(k, i, r & CHAN_OK, i < k->n ? k->cases[i].len : 0, false);
}

static void do_select(void)
{
	static const unsigned int ways[] = { 0, 0, CHAN_TIMEOUT, CHAN_NONBLOCK };
	unsigned int flags = ways[rnd(4)] | (rnd(4) ? 0 : CHAN_PRIORITY);
	struct choice k;
	long r;

	choose(&k, my->land);
	r = select_n(k.cases, k.n, flags, flags & CHAN_TIMEOUT ? rnd(2 * MSEC) : 0);
	if (r >= 0) {
		chosen_at_once(&k, r);
		return;
	}
	chosen_none(&k);
	if (!(flags & CHAN_NONBLOCK && r == -EAGAIN) &&
	    !(flags & CHAN_TIMEOUT && (r == -ETIMEDOUT || r == -EINTR)))
		wrong("SELECT", r);
}

/* It is readable, or blocks until it is. */
static void read_selector(struct choice *k, int sel)
{
	struct chan_selected *h = (void *)my->land;
	long r = rd(sel, my->land, HEADER + ELEM);

	if (r != (long)(HEADER + h->len)) {
		wrong("read of a selector", r);
		chosen_none(k);
		return;
	}
	/* The element of a timer is behind the header, too. */
	if (h->index < k->n && k->c[h->index] == CHANS)
		k->tick = value_at(my->land + HEADER);
	chosen(k, h->index, h->flags & CHAN_OK, h->len, true);
}

static void take_back(struct choice *k, int sel)
{
	long r = disarm(sel);

	if (r == -EALREADY) {
		read_selector(k, sel);
		return;
	}
	if (r)
		wrong("DISARM", r);
	chosen_none(k);
	did(DISARM);
}

static void abandon(struct choice *k)
{
	if (k->receives)
		recv_given_back(my);
	if (k->receives)
		recv_none();
	if (k->sends)
		send_unknown();
	did(ABANDON);
}

static bool is_readable(int fd, int timeout)
{
	int ep = watch(fd, rnd(2) ? EPOLLIN : EPOLLIN | EPOLLET);
	struct epoll_event e;
	int r = epoll_wait(ep, &e, 1, timeout);

	if (r < 0 && errno != EINTR)
		wrong("epoll_wait", errno);
	close(ep);
	return r == 1;
}

static void await(struct choice *k, int sel)
{
	unsigned int how = rnd(8);

	if (!rnd(8))
		hold();
	if (how == 0)
		abandon(k);
	else if (how == 1)
		take_back(k, sel);
	else if (how == 2 || is_readable(sel, how < 6 ? -1 : (int)rnd(3)))
		read_selector(k, sel);
	else
		take_back(k, sel);
}

static void do_selector(void)
{
	int sel = make_selector(0);
	struct choice k;
	long r;

	if (sel < 0) {
		wrong("SELECTOR", sel);
		return;
	}
	choose(&k, my->land + HEADER);
	r = arm_n(sel, k.cases, k.n, rnd(4) ? 0 : CHAN_PRIORITY);
	if (r == -EINPROGRESS) {
		await(&k, sel);
	} else if (r >= 0) {
		chosen_at_once(&k, r);
	} else {
		wrong("ARM", r);
		chosen_none(&k);
	}
	close(sel);
}

/*
 * Handles that stand by
 */

/* A handle of one's own. */
static int handle(unsigned int c, unsigned int flags)
{
	unsigned int minor = info(chan_fd(c)).minor;
	char path[32];
	int fd = -1;

	if (minor != CHAN_MINOR_NONE && rnd(2)) {
		snprintf(path, sizeof(path), "/dev/chan%u", minor);
		fd = open(path, flags);
		/* Destroyed meanwhile; and then the minor number may be another's. */
		if (fd >= 0 && info(fd).id != info(chan_fd(c)).id) {
			close(fd);
			fd = -1;
		}
	}
	return fd < 0 ? narrow(chan_fd(c), flags) : fd;
}

static void stand_by(unsigned int c, int fd)
{
	struct instance *i = &inst[chans[c]];
	unsigned int n = i->flags & CHAN_MESSAGE ? 1 : 1 + rnd(BATCH), tries = 1 + rnd(3);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	long r;

	recv_begin_from(chans[c], n);
	r = rd(fd, my->land, n * i->elem_size);
	while (r == -EAGAIN && tries--) {
		if (!rnd(8))
			hold();
		poll(&p, 1, rnd(2) ? -1 : (int)rnd(3));
		r = rd(fd, my->land, n * i->elem_size);
	}
	if (r == -EAGAIN) {
		recv_given_back(my);
		if (rnd(2) && standby(fd, 0) != 1)
			wrong("STANDBY 0", 0);
	}
	recv_done(STANDBY, c, elems(i, r), r > 0 ? r : 0);
}

static void do_standby(unsigned int c)
{
	int fd;

	if (no_recv[c])
		return;
	fd = handle(c, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		wrong("a handle", fd);
		return;
	}
	if (standby(fd, 1))
		wrong("STANDBY 1", 0);
	stand_by(c, fd);
	close(fd);
}

/*
 * Other calls
 */

static void do_timer(void)
{
	struct chan_timer t = { .size = sizeof(t), .flags = CHAN_TIMER_STOP };
	int fd = timers[rnd(TIMERS)];
	uint64_t v = 0;
	long r;

	if (rnd(4)) {
		if (rnd(8)) {
			t.flags = CHAN_TIMER_START;
			t.first_ns = rnd(MSEC);
			t.period_ns = rnd(2) ? 0 : 1 + rnd(MSEC);
		}
		if (ioctl(fd, CHAN_IOC_TIMER, &t) < 0)
			wrong("TIMER", errno);
		return;
	}
	r = rnd(2) ? rd(fd, &v, 8) / 8 : recv_n(fd, &v, 1, CHAN_TIMEOUT, rnd(2 * MSEC));
	if (r == 1 && v)
		did(TIMER);
	else if (!may_fail(RECV_TIMED, r))
		wrong("receive of a timer", r);
}

static void do_what_is_ready(unsigned int c, unsigned int events)
{
	if (events & POLLIN)
		do_recv(RECV_NOW, c, chan_fd(c));
	if (events & POLLOUT)
		do_send(SEND_NOW, c, chan_fd(c));
}

static void do_poll(void)
{
	unsigned int c[4], n = 1 + rnd(4), i;
	struct pollfd p[4];

	for (i = 0; i < n; i++) {
		c[i] = pick();
		p[i].fd = chan_fd(c[i]);
		p[i].events = rnd(2) ? POLLIN : POLLOUT;
	}
	if (poll(p, n, rnd(2) ? -1 : (int)rnd(3)) <= 0)
		return;
	did(POLL);
	for (i = 0; i < n; i++)
		do_what_is_ready(c[i], p[i].revents);
}

static void do_epoll(void)
{
	static const unsigned int ways[] = { 0, EPOLLET, EPOLLEXCLUSIVE, EPOLLONESHOT };
	int ep = epoll_create1(EPOLL_CLOEXEC), i, n;
	struct epoll_event e[CHANS];
	unsigned int c;

	for (c = rnd(2); c < CHANS; c += 1 + rnd(3)) {
		e[0].events = (rnd(2) ? EPOLLIN : EPOLLOUT) | ways[rnd(4)];
		e[0].data.u32 = c;
		if (epoll_ctl(ep, EPOLL_CTL_ADD, chan_fd(c), e))
			wrong("epoll_ctl", errno);
	}
	if (!rnd(8))
		hold();
	n = epoll_wait(ep, e, CHANS, rnd(2) ? -1 : (int)rnd(3));
	if (n < 0 && errno != EINTR)
		wrong("epoll_wait", errno);
	for (i = 0; i < n; i++)
		do_what_is_ready(e[i].data.u32, e[i].events);
	close(ep);
	if (n > 0)
		did(EPOLL);
}

/* A channel that goes with its worker, elements and all, or before. */
static void do_own(void)
{
	unsigned int size = inst[chans[rnd(STABLE)]].elem_size, n = 1 + rnd(CASES);
	int fd = make_chan(size, n, rnd(2) ? CHAN_AUTOCLOSE : CHAN_HANGUP);
	long r;

	if (fd < 0) {
		wrong("CREATE", fd);
		return;
	}
	/* Stopped, or traced, after some. */
	r = send_n(fd, out, n, 0, 0);
	if (r < 1 || r > n)
		wrong("SEND to a channel of one's own", r);
	if (!rnd(8))
		hold();
	if (recv_n(fd, out, 1, 0, 0) != 1)
		wrong("RECV from a channel of one's own", 1);
	close(fd);
	did(OWN);
}

static void do_look(void)
{
	struct chan_info i = info(chan_fd(pick())), entry;
	struct chan_list l = {
		.size = sizeof(l), .entries = (uintptr_t)&entry, .entry_size = sizeof(entry),
		.count = 1,
	};

	if (i.sent - i.received != i.len)
		wrong("sent, but neither received nor queued", i.sent - i.received - i.len);
	if (limits().channels < CHANS)
		wrong("channels of this user", limits().channels);
	if (ioctl(ctl_open(), CHAN_IOC_LIST, &l))
		wrong("LIST", errno);
	did(LOOK);
}

/* Memory that holds up whoever touches it until he is killed. */
static unsigned char *tar_pit(int *uffd)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .range.len = PIT, .mode = UFFDIO_REGISTER_MODE_MISSING };
	unsigned char *p = mmap(NULL, PIT, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				-1, 0);

	*uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	reg.range.start = (uintptr_t)p;
	if (*uffd < 0 || ioctl(*uffd, UFFDIO_API, &api) || ioctl(*uffd, UFFDIO_REGISTER, &reg)) {
		perror("userfaultfd");
		abort();
	}
	return p;
}

/* Receive by any call that may come to have an element in hand. */
static long recv_into_pit(unsigned int c, unsigned char *p)
{
	unsigned int len = inst[chans[c]].flags & CHAN_MESSAGE ? inst[chans[c]].elem_size : 0;
	struct chan_case one = recv_case(chan_fd(c), p);
	int sel;

	one.len = len;
	switch (rnd(4)) {
	case 0:
		return rd(chan_fd(c), p, ELEM);
	case 1:
		return xfer(chan_fd(c), CHAN_IOC_RECV, RECV, p, 1, &len);
	case 2:
		/* A closed channel's case is ready. */
		return select_n(&one, 1, 0, 0) & CHAN_OK;
	default:
		sel = make_selector(0);
		if (arm_n(sel, &one, 1, 0) == -EINPROGRESS)
			rd(sel, p, PIT);
		return close(sel);
	}
}

/* If an element comes only its killer ends this. */
static void do_held_up(unsigned int c)
{
	unsigned char *p;
	int uffd;

	if (no_recv[c])
		return;
	p = tar_pit(&uffd);
	recv_begin_from(chans[c], 0);
	set(&my->held_up, 1);
	did(HELD_UP);
	recv_done(HELD_UP, c, recv_into_pit(c, p), 0);
	set(&my->held_up, 0);
	munmap(p, PIT);
	close(uffd);
}

static void do_something(void)
{
	unsigned int c = pick(), op = rnd(32);
	int fd;

	if (op < 10) {
		do_send(WRITE + op % 5, c, chan_fd(c));
	} else if (op < 20) {
		do_recv(READ + op % 5, c, chan_fd(c));
	} else if (op < 23) {
		do_select();
	} else if (op < 26) {
		do_selector();
	} else if (op < 27) {
		do_standby(c);
	} else if (op < 28) {
		do_timer();
	} else if (op < 29) {
		do_poll();
	} else if (op < 30) {
		do_epoll();
	} else if (op < 31) {
		do_own();
		do_look();
	} else {
		fd = handle(c, O_RDWR | O_CLOEXEC);
		do_send(rnd(SEND_TIMED + 1), c, fd);
		close(fd);
		if (!rnd(4))
			hold();
		if (!rnd(4))
			do_held_up(c);
	}
	count(&shared->ops);
}

static void work(unsigned int i, uint64_t its_seed)
{
	me = i;
	my = &shared->record[i];
	seed = its_seed | 1;
	memset(no_send, 0, sizeof(no_send));
	memset(no_recv, 0, sizeof(no_recv));
	memset(last, 0, sizeof(last));
	for (;;)
		do_something();
}

/*
 * The dead
 */

/* What was perhaps received, or sent, by who was killed. */
static struct maybe {
	uint64_t v;
	uint32_t receipt;
} *landings;

static struct attempt {
	uint16_t sender;
	uint32_t from, n;
} *attempts;

static unsigned int nr_landings, nr_attempts;

static bool may_receive_from(const struct record *r, unsigned int chan)
{
	unsigned int i;

	for (i = 0; i < r->nr_chans; i++)
		if (r->chans[i] == chan)
			return true;
	return false;
}

/* Its call hasn't returned: whole elements in its places may be received, or not. */
static void find_landings(struct record *r)
{
	unsigned int i;
	uint64_t v;

	for (i = 0; i < r->places; i++) {
		v = value_at(place(r, i));
		if (!is_value(v) || !may_receive_from(r, CHAN_OF(v)) ||
		    !elem_is(place(r, i), elem_len(&inst[CHAN_OF(v)], v), v))
			continue;
		landings = realloc(landings, (nr_landings + 1) * sizeof(*landings));
		landings[nr_landings++] = (struct maybe){ .v = v, .receipt = r->receipt };
	}
}

static void bury(struct record *r)
{
	if (r->receipt && r->landed) {
		recv_settle(r);
	} else if (r->receipt) {
		recv_given_back(r);
		find_landings(r);
	}
	r->receipt = 0;
	if (r->trying) {
		send_settle(r);
		attempts = realloc(attempts, (nr_attempts + 1) * sizeof(*attempts));
		attempts[nr_attempts++] = (struct attempt){
			.sender = r - shared->record, .from = r->from, .n = r->trying,
		};
		r->next = r->from + r->trying;
	}
	r->trying = 0;
	r->life++;
	r->held_up = 0;
}

/*
 * Killing
 */

static void hire(unsigned int i)
{
	uint64_t its_seed = random_bits();

	stopped[i] = false;
	pids[i] = fork();
	if (!pids[i])
		work(i, its_seed);
	if (pids[i] < 0) {
		perror("fork");
		abort();
	}
}

static void wait_dead(pid_t pid)
{
	int status;

	do {
		if (waitpid(pid, &status, __WALL) != pid) {
			wrong("waitpid", errno);
			return;
		}
	} while (WIFSTOPPED(status));
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		wrong("a worker ended by itself, status", status);
	kills++;
}

/* Meet it as it dies: give to who may be parked to receive, take from who may to send. */
static void meet(const struct record *r)
{
	unsigned int chan = r->receipt ? r->chans[0] : r->sending_to, c;

	for (c = 0; c < CHANS && chans[c] != chan; c++)
		;
	if (c == CHANS || !(r->receipt || r->trying))
		return;
	if (r->receipt)
		do_send(SEND_NOW, c, chan_fd(c));
	else
		do_recv(RECV_NOW, c, chan_fd(c));
}

static void kill_workers(unsigned int first, unsigned int n)
{
	unsigned int i;

	for (i = first; i < first + n; i++) {
		kill(pids[i % WORKERS], SIGKILL);
		if (rnd(2))
			meet(&shared->record[i % WORKERS]);
	}
	for (i = first; i < first + n; i++) {
		wait_dead(pids[i % WORKERS]);
		bury(&shared->record[i % WORKERS]);
	}
	for (i = first; i < first + n; i++)
		hire(i % WORKERS);
}

static void kill_holder(void)
{
	int32_t *slot = &shared->holder[rnd(HOLDERS)];
	pid_t pid = *(volatile int32_t *)slot;

	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	wait_dead(pid);
	*slot = 0;
}

/* Stop one and let it go on some rounds later, unless it is killed first. */
static void stop_or_continue(unsigned int i)
{
	if (stopped[i])
		kill(pids[i], SIGCONT);
	else if (!get(&shared->record[i].held_up))
		kill(pids[i], SIGSTOP);
	else
		return;
	restarts += stopped[i];
	stopped[i] = !stopped[i];
}

/* Returns false if it had to be killed: a fault that holds it up isn't interrupted. */
static bool wait_traced(unsigned int i)
{
	int status;

	while (waitpid(pids[i], &status, WNOHANG | __WALL) != pids[i]) {
		if (get(&shared->record[i].held_up)) {
			kill_workers(i, 1);
			return false;
		}
		sched_yield();
	}
	if (!WIFSTOPPED(status))
		wrong("a traced worker ended, status", status);
	return true;
}

static void trace(unsigned int i)
{
	unsigned int n = 1 + rnd(3);

	if (stopped[i] || get(&shared->record[i].held_up))
		return;
	if (ptrace(PTRACE_SEIZE, pids[i], 0, 0)) {
		wrong("PTRACE_SEIZE", errno);
		return;
	}
	traced++;
	for (;;) {
		if (ptrace(PTRACE_INTERRUPT, pids[i], 0, 0))
			wrong("PTRACE_INTERRUPT", errno);
		if (!wait_traced(i))
			return;
		if (!--n)
			break;
		if (ptrace(PTRACE_CONT, pids[i], 0, 0))
			wrong("PTRACE_CONT", errno);
	}
	if (!rnd(3))
		kill_workers(i, 1);
	else if (ptrace(PTRACE_DETACH, pids[i], 0, 0))
		wrong("PTRACE_DETACH", errno);
}

/*
 * Channels that come and go
 */

static void make_instance(unsigned int c, unsigned int kind, unsigned int flags)
{
	static const unsigned int capacities[] = { 0, 1, 64 };
	unsigned int capacity = capacities[kind % 3];
	static const struct {
		unsigned int elem_size, flags;
	} elems[] = { { 8 }, { 64 }, { ELEM }, { 300, CHAN_MESSAGE }, { ELEM, CHAN_MESSAGE } };
	/* Of messages long ones where they aren't many. */
	unsigned int e = kind / 3 == 3 && capacity == 1 ? 4 : kind / 3;
	struct chan_create arg = {
		.elem_size = elems[e].elem_size, .capacity = capacity,
		.flags = elems[e].flags | flags, .mode = flags & CHAN_NAMED ? 0600 : 0,
		.fd_flags = O_RDWR | O_CLOEXEC,
	};
	int fd = create(&arg);

	if (fd < 0) {
		fprintf(stderr, "CREATE: %s\n", strerror(-fd));
		abort();
	}
	inst[nr_inst] = (struct instance){
		.elem_size = arg.elem_size, .capacity = capacity, .flags = arg.flags, .fd = fd,
		.lossy = c >= STABLE && c < LOSSY,
	};
	chans[c] = nr_inst++;
	no_send[c] = no_recv[c] = false;
}

static void make_comer(unsigned int c)
{
	static const unsigned int flags[] = {
		0, CHAN_NAMED, CHAN_NAMED | CHAN_HANGUP, CHAN_AUTOCLOSE | CHAN_HANGUP,
	};

	make_instance(c, rnd(STABLE), flags[rnd(4)]);
}

/* Close it, destroy it, make another in its place; to those who are in it it stays. */
static void replace(unsigned int c)
{
	struct instance *i = &inst[chans[c]];

	if (nr_inst == INSTANCES || (!i->lossy && nr_retired == RETIRED))
		return;
	if (rnd(4) && chan_close(i->fd))
		wrong("CLOSE", chan_close(i->fd));
	if (i->flags & CHAN_NAMED && destroy(i->fd, CHAN_DESTROY_FORCE))
		wrong("DESTROY", destroy(i->fd, 0));
	if (i->lossy)
		close(i->fd);
	else
		nr_retired++;
	churned++;
	make_comer(c);
}

static void make_all(void)
{
	struct chan_create timer = {
		.elem_size = 8, .capacity = 1, .flags = CHAN_TIMER,
		.fd_flags = O_RDONLY | O_CLOEXEC,
	};
	unsigned int c;

	for (c = 0; c < STABLE; c++)
		make_instance(c, c, 0);
	for (; c < CHANS; c++)
		make_comer(c);
	for (c = 0; c < TIMERS; c++) {
		timers[c] = create(&timer);
		if (timers[c] < 0)
			abort();
	}
}

/*
 * The storm
 */

static void give_up(int sig)
{
	struct chan_info i;
	struct record *r;
	unsigned int c;

	dprintf(1, "# it hangs after %u kills\n", kills);
	for (r = shared->record; r < shared->record + SENDERS; r++)
		dprintf(1, "# worker %zd: next %u, trying %u, receipt %u, held up %u\n",
			r - shared->record, r->next, r->trying, r->receipt, r->held_up);
	for (c = 0; c < CHANS; c++) {
		i = info(chan_fd(c));
		dprintf(1, "# channel %u: %u of %u, sent %llu, received %llu, parked %u, %u\n", c,
			i.len, i.capacity, i.sent, i.received, i.parked_senders,
			i.parked_receivers);
	}
	kill(0, SIGKILL);
}

/* Some calls go by, unless nobody can go on. */
static void pace(void)
{
	uint64_t until = __atomic_load_n(&shared->ops, __ATOMIC_RELAXED) + rnd(4 * WORKERS);
	unsigned int i;

	for (i = 0; i < 50 && __atomic_load_n(&shared->ops, __ATOMIC_RELAXED) < until; i++)
		sched_yield();
}

static void round_of_storm(void)
{
	unsigned int i = rnd(WORKERS), how = rnd(16);

	alarm(120 * slowness());
	pace();
	if (how < 8)
		kill_workers(i, 1);
	else if (how < 9)
		kill_workers(i, 2 + rnd(4));
	else if (how < 11)
		kill_holder();
	else if (how < 13)
		stop_or_continue(i);
	else if (how < 15)
		trace(i);
	else
		replace(STABLE + rnd(CHANS - STABLE));
	if (!rnd(8))
		set(&shared->hot, rnd(CHANS));
}

/* All who live die, also who isn't known yet. */
static void kill_all(void)
{
	unsigned int i;

	for (i = 0; i < WORKERS; i++)
		kill(pids[i], SIGKILL);
	for (i = 0; i < WORKERS; i++) {
		wait_dead(pids[i]);
		bury(&shared->record[i]);
	}
	while (waitpid(-1, NULL, WNOHANG | __WALL) >= 0) {
		kill_holder();
		sched_yield();
	}
	alarm(0);
}

static void drain(unsigned int instance)
{
	struct instance *i = &inst[instance];
	unsigned int len = i->flags & CHAN_MESSAGE ? i->elem_size : 0;
	long r;

	do {
		recv_begin_from(instance, 1);
		r = xfer(i->fd, CHAN_IOC_RECV, RECV_NOW, my->land, 1, &len);
		if (r > 0)
			recv_end(r, instance, len);
		len = len ? i->elem_size : 0;
	} while (r > 0);
	recv_none();
}

/*
 * The reckoning
 */

static struct sums {
	uint64_t told, received, unacknowledged, in_places, given_back, out_of_order;
	uint64_t per_instance[INSTANCES];
} sums;

static void settle_landings(void)
{
	struct maybe *l;
	struct fate *f;

	for (l = landings; l < landings + nr_landings; l++) {
		f = fate_of(l->v);
		if (f->receipt)
			continue;
		write_down(l->v, CHAN_OF(l->v), l->receipt);
		sums.in_places++;
	}
}

static void settle_element(unsigned int sender, unsigned int number)
{
	struct fate *f = &shared->fate[sender][number];

	sums.told += !!f->told;
	sums.received += !!f->receipt;
	sums.unacknowledged += f->receipt && !f->told;
	if (f->receipt)
		sums.per_instance[f->got - 1]++;
	if (f->receipt && f->told && f->got != f->told)
		wrong_element("sent to another channel than received from", sender, number);
	if (f->told && !f->receipt && !inst[f->told - 1].lossy)
		wrong_element("acknowledged, and lost", sender, number);
}

/* Of a batch the first ones were sent, if any. */
static void settle_attempt(const struct attempt *a)
{
	const struct fate *f = &shared->fate[a->sender][a->from];
	unsigned int i;

	for (i = 1; i < a->n; i++)
		if ((f[i].told && !f[i - 1].told) || (f[i].receipt && !f[i - 1].receipt &&
		    !inst[f[i].got - 1].lossy))
			wrong("a batch was sent, but not its beginning", i);
}

static void settle_instance(unsigned int instance)
{
	struct chan_info i;

	sums.given_back += shared->given_back[instance];
	sums.out_of_order += shared->out_of_order[instance];
	if (shared->out_of_order[instance] > shared->given_back[instance])
		wrong("out of order", instance);
	if (inst[instance].lossy)
		return;
	i = info(inst[instance].fd);
	if (i.len || i.parked_senders || i.parked_receivers)
		wrong("it isn't empty", instance);
	if (i.sent != sums.per_instance[instance])
		wrong("elements too many are sent", i.sent - sums.per_instance[instance]);
	if (i.received != sums.per_instance[instance])
		wrong("elements too many are received", i.received - sums.per_instance[instance]);
}

static void reckon(void)
{
	unsigned int i, n;

	for (i = 0; i < nr_inst; i++)
		if (!inst[i].lossy)
			drain(i);
	settle_landings();
	for (i = 0; i < SENDERS; i++)
		for (n = 0; n < shared->record[i].next; n++)
			settle_element(i, n);
	for (i = 0; i < nr_attempts; i++)
		settle_attempt(&attempts[i]);
	for (i = 0; i < nr_inst; i++)
		settle_instance(i);
}

static void close_all(void)
{
	unsigned int i;

	for (i = 0; i < TIMERS; i++)
		close(timers[i]);
	for (i = STABLE; i < CHANS; i++)
		if (inst[chans[i]].flags & CHAN_NAMED)
			destroy(chan_fd(i), CHAN_DESTROY_FORCE);
	for (i = STABLE; i < LOSSY; i++)
		close(chan_fd(i));
	for (i = 0; i < nr_inst; i++)
		if (!inst[i].lossy)
			close(inst[i].fd);
}

static bool same_limits(struct chan_limits before)
{
	struct chan_limits now = limits();

	return !memcmp(&before, &now, sizeof(now));
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
	const char *value = getenv(name);

	return value ? strtoull(value, NULL, 0) : otherwise;
}

FIXTURE(storm)
{
	struct chan_limits before;
	uint64_t seed, kills;
	unsigned long long begun;
};

FIXTURE_SETUP(storm)
{
	self->kills = number_from("KILLS", 1000);
	self->seed = number_from("SEED", now_ns());
	self->begun = now_ns();
	TH_LOG("SEED=%llu KILLS=%llu", (unsigned long long)self->seed,
	       (unsigned long long)self->kills);
	wait_for_releases();
	self->before = limits();
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT_NE(MAP_FAILED, shared);
	seed = self->seed | 1;
	me = ME;
	my = &shared->record[ME];
	make_all();
	signal(SIGALRM, give_up);
}

FIXTURE_TEARDOWN(storm)
{
	close_all();
	/* A debug kernel releases them late. */
	while (debug_kernel() && !same_limits(self->before))
		usleep(10000);
	EXPECT_TRUE(same_limits(self->before));
}

static void say_sums(struct __test_metadata *_metadata, FIXTURE_DATA(storm) *self)
{
	TH_LOG("%u kills, %llu elements, %u stops, %u traced, %u channels replaced, %llu ms",
	       kills, (unsigned long long)sums.received, restarts, traced, churned,
	       (now_ns() - self->begun) / MSEC);
	TH_LOG("%llu acknowledged; %llu received of killed sends; %llu in places of the killed",
	       (unsigned long long)sums.told, (unsigned long long)sums.unacknowledged,
	       (unsigned long long)sums.in_places);
	TH_LOG("%llu out of order, of %llu that may have been given back",
	       (unsigned long long)sums.out_of_order, (unsigned long long)sums.given_back);
}

TEST_F_TIMEOUT(storm, kills_lose_and_double_nothing, 7200)
{
	unsigned int i;

	for (i = 0; i < WORKERS; i++)
		hire(i);
	while (kills < self->kills)
		round_of_storm();
	kill_all();
	reckon();
	say_sums(_metadata, self);
	EXPECT_EQ(0, shared->errors);
	/* With that many kills everything has had its turn. */
	for (i = 0; i < NR_OPS && self->kills >= 1000; i++) {
		EXPECT_GT(shared->did[i], 0) {
			TH_LOG("never: %s", op_names[i]);
		}
	}
}

TEST_HARNESS_MAIN
