// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls of the module: their arguments, and what comes back.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "fuzz.h"

/*
 * Structures
 *
 * Where they lie is one byte's lower half, as of any memory; and what size they say they
 * have is its upper half.
 */

enum {
	SIZE_RIGHT,
	SIZE_LONGER,		/* with zeroes */
	SIZE_SHORT,
	SIZE_0,
	SIZE_TAIL,		/* longer, and not zero there */
	SIZE_HUGE,
	SIZE_BEYOND_A_PAGE,
	SIZE_SHARED,		/* right, where other threads write to it meanwhile */
	NR_SIZES
};

#define LONGER		24
#define STRUCT_MAX	512	/* with what is longer; also the room of an op in shared memory */

static bool is_shared(uint8_t place)
{
	return (place >> 4) % NR_SIZES == SIZE_SHARED;
}

static uint32_t said_size(unsigned int how, size_t size)
{
	switch (how) {
	case SIZE_LONGER:
	case SIZE_TAIL:
		return size + LONGER;
	case SIZE_SHORT:
		return size - 4;
	case SIZE_0:
		return 0;
	case SIZE_HUGE:
		return 0xffffffff;
	case SIZE_BEYOND_A_PAGE:
		return 4096 + 8;
	default:
		return size;
	}
}

/* The errno that such a size or memory must have, whatever else is wrong; or 0. */
static int must_be(unsigned int how, unsigned int where)
{
	if (where >= MEM_NONE)
		return EFAULT;
	if (how == SIZE_SHORT || how == SIZE_0)
		return EINVAL;
	if (how == SIZE_TAIL || how == SIZE_HUGE || how == SIZE_BEYOND_A_PAGE)
		return E2BIG;
	return where == MEM_HALF ? EFAULT : 0;
}

static void check_must(struct runner *t, int op, const struct target *g, unsigned int how,
		       unsigned int where, long r)
{
	int must = must_be(how, where);

	if (!must || r == -must || !still(g) || (g->slot && !g->full) || !has_ioctl(op, g->kind))
		return;
	/* Half of a structure may be all that is looked at, or not. */
	if (r == -EFAULT && (where == MEM_HALF || t->failing))
		return;
	broken(t, "returned %ld, and must fail with %s", r, strerrorname_np(must));
}

/* Where a structure goes: what of it can be written is. */
static uint8_t *put_struct(struct runner *t, unsigned int where, const uint8_t *image, size_t len,
			   size_t size)
{
	uint8_t *p;

	switch (where) {
	case MEM_EDGE:
		p = t->mem.edge_args - len;
		break;
	case MEM_ODD:
		p = t->mem.args + 1;
		break;
	case MEM_HALF:
		p = t->mem.edge_args - size / 2;
		memcpy(p, image, size / 2);
		return p;
	case MEM_RO:
		memcpy(t->mem.ro_write + (1 << 16), image, len);
		return t->mem.ro + (1 << 16);
	default:
		if (where >= MEM_NONE)
			return buffer(t, where, len, true);
		p = t->mem.args;
	}
	memcpy(p, image, len);
	return p;
}

/* What of its structure each one writes: from a byte to another. */
#define OUT(type, first, behind) { offsetof(struct type, first), offsetof(struct type, behind) }
static const struct { uint8_t from, to; } outs[NR_OPS] = {
	[OP_create] = OUT(chan_create, fd, type),
	[OP_resolve] = OUT(chan_resolve, minor, name),
	[OP_list] = OUT(chan_list, count, pad),
	[OP_limits] = { offsetof(struct chan_limits, features), sizeof(struct chan_limits) },
	[OP_info] = { offsetof(struct chan_info, flags), sizeof(struct chan_info) },
	[OP_narrow] = OUT(chan_narrow, fd, pad),
	[OP_selector] = OUT(chan_selector, fd, pad),
	[OP_recv] = OUT(chan_xfer, len, timeout_ns),
};

static void check_struct(struct runner *t, int op, const uint8_t *p, const uint8_t *image,
			 size_t len, long r)
{
	size_t i;

	if (r == -EFAULT)	/* the copy may have failed in the middle */
		return;
	for (i = 0; i < len; i++) {
		if (p[i] == image[i] || (r >= 0 && i >= outs[op].from && i < outs[op].to))
			continue;
		broken(t, "returned %ld, and has written byte %zu of its structure: 0x%02x", r, i,
		       p[i]);
		return;
	}
}

/* Where others write to it meanwhile, all that can be said is what it returns. */
static long call_shared(struct runner *t, int op, const struct target *g, unsigned int cmd,
			const void *arg, size_t size)
{
	void *p = memcpy(shared_args + op * STRUCT_MAX, arg, size);
	long r;

	*(uint32_t *)p = size;
	r = result(ioctl(g->fd, cmd, p));
	check_errno(t, op, g, r);
	return r;
}

/* Returns what the ioctl does; the structure is as it is after it. */
static long call_struct(struct runner *t, int op, const struct target *g, unsigned int cmd,
			void *arg, size_t size, uint8_t place)
{
	unsigned int how = (place >> 4) % NR_SIZES, where = (place & 15) % NR_MEMS;
	uint32_t said = said_size(how, size);
	size_t len = said == size + LONGER ? said : size;
	uint8_t image[STRUCT_MAX] = {}, *p;
	long r;

	if (how == SIZE_SHARED)
		return call_shared(t, op, g, cmd, arg, size);
	memcpy(image, arg, size);
	memcpy(image, &said, sizeof(said));
	if (how == SIZE_TAIL)
		image[size + place % LONGER] = 1;
	p = put_struct(t, where, image, len, size);
	r = result(ioctl(g->fd, cmd, p));
	check_errno(t, op, g, r);
	check_must(t, op, g, how, where, r);
	if (where < MEM_HALF || where == MEM_RO) {
		check_struct(t, op, p, image, len, r);
		memcpy(arg, p, size);
	}
	return r;
}

#define CALL(op, g, cmd, arg, place) \
	call_struct(t, OP_##op, g, cmd, arg, sizeof(*(arg)), place)

/* Where SELECT and SELECTOR are asked for. */
static struct target ctl_or_chan(uint8_t v)
{
	return target_of(!v ? ON_CTL : v == 1 ? LOOK : v);
}

/* Nothing but NULs behind the string's own. */
static bool is_padded(const char *s, size_t size)
{
	size_t i = strnlen(s, size);

	if (i == size)
		return false;
	while (i < size && !s[i])
		i++;
	return i == size;
}

/* Of an ioctl that makes a file: which one it has made must be known. */
static uint8_t not_shared(uint8_t place)
{
	return is_shared(place) ? place & 15 : place;
}

/*
 * Create, and other handles
 */

static const char * const names[] = { "fuzz0", "fuzz1", "fuzz2", "", "a/b", "\x80", "fuzz 3" };

static unsigned int create_flags(uint8_t v)
{
	if (v < 16)
		return (v & 1 ? CHAN_MESSAGE : 0) | (v & 2 ? CHAN_AUTOCLOSE : 0) |
		       (v & 4 ? CHAN_HANGUP : 0) | (v & 8 ? CHAN_STANDBY : 0);
	if (v < 18)
		return CHAN_TIMER | (v & 1 ? CHAN_STANDBY : 0);
	if (v < 26)
		return CHAN_NAMED | create_flags(v - 18);
	if (v < 28)
		return CHAN_NAMED | (v & 1 ? CHAN_TIMER : CHAN_STANDBY);
	return v < 64 ? v : wild(v);
}

static void named_args(struct chan_create *c, uint8_t v)
{
	static const unsigned int modes[] = { 0600, 0666, 0660, 0640 };

	if (c->flags & CHAN_NAMED) {
		/* Of what the kernel takes the owner may do all: to clean up. */
		c->mode = v < 8 ? modes[v / 4 + 1] : v < 12 ? modes[v - 8] : wild(v) | 0600;
		if (v == 251)
			c->mode = 0;
		strcpy(c->name, names[v < 8 ? v % 4 : v % ARRAY_LEN(names)]);
	} else if (v >= 128) {
		c->mode = v;
	}
	if (v & 1)
		strcpy(c->type, "fuzz");
	if (v == 254)
		memset(c->type, 'x', sizeof(c->type));
	if (v == 253)
		c->name[40] = 'x';
	if (v == 252)
		strcpy(c->type, "a\"b");
}

long run_create(struct runner *t, const uint8_t *a)
{
	static const unsigned int sizes[] = {
		8, 0, 1, 64, 16, 128, 129, 1024, 4096, 4097, 5120, 8192, 65536, 4, 32
	}, capacities[] = { 0, 1, 2, 3, 5, 16 };
	struct chan_create c = {
		.flags = create_flags(a[1]), .elem_size = PICK(sizes, a[2]),
		.capacity = PICK(capacities, a[3]), .fd_flags = fd_flags_of(a[4]),
		.fd = -2, .minor = 77,
	};
	struct target ctl = target_of(ON_CTL);
	static atomic_uint made;
	long r;

	/* What is meant well is a timer, if it says so. */
	if (c.flags & CHAN_TIMER && a[2] < 14 && a[3] < 6 && a[4] < 8) {
		c.elem_size = 8;
		c.capacity = 1;
		c.fd_flags = O_RDONLY | (a[4] & 1 ? O_NONBLOCK : 0);
	}
	/* ../fuzz.c counts what is named by the account of all threads. */
	if (t->other_uid)
		c.flags &= ~CHAN_NAMED;
	named_args(&c, a[5]);
	r = CALL(create, &ctl, CHAN_IOC_CREATE, &c, not_shared(a[6]));
	if (r)
		return r;
	/* A named one may have been destroyed already. */
	if (c.fd < 0 || !c.id || (c.minor != CHAN_MINOR_NONE && !(c.flags & CHAN_NAMED)))
		broken(t, "fd %d, minor %u, id %llu", c.fd, c.minor, (long long)c.id);
	if (c.flags & CHAN_NAMED)
		minors[1 + made++ % 3] = c.minor;
	install(dst_of(a[0]), c.fd, c.elem_size, c.flags & CHAN_MESSAGE);
	return r;
}

long run_narrow(struct runner *t, const uint8_t *a)
{
	struct chan_narrow n = { .fd_flags = fd_flags_of(a[2]), .fd = -2 };
	struct target g = target_of(a[0]);
	long r;

	if (a[2] >= 128)
		n.pad = a[2];
	r = CALL(narrow, &g, CHAN_IOC_NARROW, &n, not_shared(a[3]));
	if (r)
		return r;
	if (n.pad)
		broken(t, "took a pad that isn't zero");
	install_like(dst_of(a[1]), n.fd, &g);
	return r;
}

long run_selector(struct runner *t, const uint8_t *a)
{
	static const unsigned int flags[] = { O_NONBLOCK, O_NONBLOCK | O_CLOEXEC, 0, O_CLOEXEC };
	struct chan_selector s = { .fd_flags = PICK(flags, a[1]), .fd = -2 };
	struct target g = ctl_or_chan(a[2]);
	long r;

	if (a[1] >= 128)
		s.pad = a[1];
	r = CALL(selector, &g, CHAN_IOC_SELECTOR, &s, not_shared(a[3]));
	if (!r)
		install(SEL + a[0] % (NR_SLOTS - SEL), s.fd, 8, false);
	return r;
}

/*
 * What is known
 */

long run_resolve(struct runner *t, const uint8_t *a)
{
	static const unsigned int uids[] = { CHAN_UID_ANY, 0, 1000 };
	struct chan_resolve x = { .uid = PICK(uids, a[1]), .minor = 77, .id = 77 };
	struct target ctl = target_of(ON_CTL);
	long r;

	/* One of another user's is there as well. */
	strcpy(x.name, a[0] == 4 ? "fuzz-other" : names[a[0] % ARRAY_LEN(names)]);
	if (a[0] >= 128)
		x.flags = a[0];
	r = CALL(resolve, &ctl, CHAN_IOC_RESOLVE, &x, a[2]);
	if (!r && !is_shared(a[2]) && (!x.id || x.minor >= 65536))
		broken(t, "minor %u, id %llu", x.minor, (long long)x.id);
	return r;
}

static void check_info(struct runner *t, const struct chan_info *i)
{
	const unsigned int flags = CHAN_CREATE_FLAGS | CHAN_CLOSED | CHAN_HUNGUP | CHAN_DESTROYED;

	if (i->size != sizeof(*i) || i->flags & ~flags || !i->id)
		broken(t, "size %u, flags %#x, id %llu", i->size, i->flags, (long long)i->id);
	if (i->elem_size > CHAN_ELEM_SIZE_MAX || i->capacity > CHAN_CAPACITY_MAX ||
	    i->mode & ~0666 || (i->minor != CHAN_MINOR_NONE && i->minor >= 65536))
		broken(t, "of %u bytes, capacity %u, mode %o, minor %u", i->elem_size, i->capacity,
		       i->mode, i->minor);
	if (i->sent - i->received != i->len || i->len > i->capacity + 4096ULL)
		broken(t, "%llu sent, %llu received, %u queued", (long long)i->sent,
		       (long long)i->received, i->len);
	if (i->parked_senders > 1 << 16 || i->parked_receivers > 1 << 16 || i->senders > 4096 ||
	    i->receivers > 4096)
		broken(t, "%u and %u parked, %u and %u handles", i->parked_senders,
		       i->parked_receivers, i->senders, i->receivers);
	if (!is_padded(i->type, sizeof(i->type)) || !is_padded(i->name, sizeof(i->name)))
		broken(t, "strings that aren't padded");
}

long run_info(struct runner *t, const uint8_t *a)
{
	struct target g = target_of(a[0]);
	struct chan_info i;
	long r;

	memset(&i, 0xa5, sizeof(i));
	r = CALL(info, &g, CHAN_IOC_INFO, &i, a[1]);
	if (!r && !is_shared(a[1])) {
		i.size = sizeof(i);	/* what the caller had said, perhaps longer */
		check_info(t, &i);
	}
	return r;
}

long run_limits(struct runner *t, const uint8_t *a)
{
	struct target ctl = target_of(ON_CTL);
	struct chan_limits l;
	long r;

	memset(&l, 0xa5, sizeof(l));
	l.flags = a[0] >= 128;
	r = CALL(limits, &ctl, CHAN_IOC_LIMITS, &l, a[0]);
	if (!r && !is_shared(a[0]))
		check_limits(t, &l);
	return r;
}

/* The entries that were written, and that no others were. */
static void check_entries(struct runner *t, const struct chan_list *l, unsigned int given)
{
	const uint8_t *p = t->received;
	struct chan_info i;
	unsigned int n;
	size_t rest;

	if (l->count > given)
		broken(t, "%u entries, of %u", l->count, given);
	for (n = 0; n < l->count && (n + 1) * l->entry_size <= t->received_max; n++) {
		memcpy(&i, p, sizeof(i));
		check_info(t, &i);
		for (rest = sizeof(i); rest < l->entry_size; rest++)
			if (p[rest])
				broken(t, "0x%02x behind an entry", p[rest]);
		p += l->entry_size;
	}
	for (; p < t->received + t->received_max; p++)
		if (*p != 0xa5)
			broken(t, "0x%02x behind all %u entries", *p, l->count);
}

long run_list(struct runner *t, const uint8_t *a)
{
	static const unsigned int counts[] = { 16, 1, 4096 }, sizes[] = { 168, 176, 256 },
		nexts[] = { 0, 1, 0 };
	struct chan_list l = {
		.count = PICK(counts, a[0]), .entry_size = PICK(sizes, a[1]),
		.next = a[2] == 1 ? minors[1] : PICK(nexts, a[2]),
	};
	struct target ctl = target_of(ON_CTL);
	size_t len = (size_t)l.count * l.entry_size;
	unsigned int given = l.count;
	long r;

	l.entries = (uintptr_t)buffer(t, a[3], len > 1 << 16 ? 1 << 16 : len, false);
	if (is_shared(a[4]))
		l.entries = (uintptr_t)shared_recv;
	if (a[2] >= 128)
		l.pad = a[2];
	r = CALL(list, &ctl, CHAN_IOC_LIST, &l, a[4]);
	if (!r && !is_shared(a[4]) && t->received_max)
		check_entries(t, &l, given);
	t->received_max = 0;	/* no elements */
	return r;
}

/*
 * Send and receive
 */

static const unsigned long long times[] = { 0, 1, 1000, 50000, 1000000, ~0ULL };

static unsigned int way_of(uint8_t v)
{
	static const unsigned int ways[] = {
		CHAN_NONBLOCK, CHAN_TIMEOUT, 0, CHAN_NONBLOCK | CHAN_TIMEOUT,
		CHAN_NONBLOCK, CHAN_TIMEOUT, CHAN_NONBLOCK, CHAN_NONBLOCK,
	};

	return PICK(ways, v);
}

/* Signals don't end it, and it must end: see run.c. */
static void bound_wait(const struct runner *t, __u32 *flags, __u64 *timeout)
{
	if (!t->failing || *flags & CHAN_NONBLOCK)
		return;
	*flags |= CHAN_TIMEOUT;
	if (*timeout > times[4])
		*timeout = times[4];
}

/* How it may fail follows from how it was to wait. */
static void check_way(struct runner *t, unsigned int flags, long r)
{
	if (r == -ETIMEDOUT && !(flags & CHAN_TIMEOUT))
		broken(t, "ETIMEDOUT without a timeout");
	if (r == -EAGAIN && (flags & CHAN_XFER_FLAGS) == CHAN_TIMEOUT)
		broken(t, "EAGAIN though it was to wait");
}

static long transfer(struct runner *t, const uint8_t *a, bool sending)
{
	static const unsigned int counts[] = { 1, 2, 1, 3, 1, 16 };
	struct target g = target_of(a[0]);
	bool message = g.slot && g.slot->message;
	struct chan_xfer x = {
		.flags = way_of(a[1]),
		.count = message && a[2] < ARRAY_LEN(counts) ? 1 : PICK(counts, a[2]),
		.len = message || a[3] >= LENS ? len_of(&g, a[3]) : 0,
	};
	size_t len = message ? x.len : (size_t)x.count * (g.slot ? g.slot->unit : 8);
	long r;

	if (x.flags & CHAN_TIMEOUT || a[4] >= ARRAY_LEN(times))
		x.timeout_ns = PICK(times, a[4]);
	bound_wait(t, &x.flags, &x.timeout_ns);
	x.buf = (uintptr_t)buffer(t, a[5], len, sending);
	if (is_shared(a[6]))
		x.buf = (uintptr_t)(sending ? send_mem : shared_recv);
	if (sending)
		r = CALL(send, &g, CHAN_IOC_SEND, &x, a[6]);
	else
		r = CALL(recv, &g, CHAN_IOC_RECV, &x, a[6]);
	if (is_shared(a[6]))
		return r;
	check_way(t, x.flags, r);
	if (r > x.count || (sending && !r))
		broken(t, "returned %ld, of %u", r, x.count);
	return r;
}

long run_send(struct runner *t, const uint8_t *a)
{
	return transfer(t, a, true);
}

long run_recv(struct runner *t, const uint8_t *a)
{
	return transfer(t, a, false);
}

/*
 * Select
 */

#define CASES_MAX	1100

static struct chan_case *cases_of(struct runner *t)
{
	return (struct chan_case *)(t->mem.args + 4096);
}

static void suit_case(struct chan_case *k, unsigned int slot)
{
	if (slot == TICK || slot == BUF_R || slot == STAND)
		k->op = CHAN_CASE_RECV;
	else if (slot == BUF_W)
		k->op = CHAN_CASE_SEND;
	else if (slot == LOOK)
		k->fd = -1;
}

/* Not of the address: it could be that of anything. */
static void flip_bit(struct chan_case *k, uint64_t *state)
{
	unsigned int byte = below(state, sizeof(*k) - sizeof(k->buf));

	if (byte >= offsetof(struct chan_case, buf))
		byte += sizeof(k->buf);
	((uint8_t *)k)[byte] ^= 1 << below(state, 8);
}

/* The next of a sequence of cases of a kind. */
static struct chan_case case_of(struct runner *t, uint8_t what, uint64_t *state)
{
	static const unsigned int lens[] = { 0, 1, 63, 65, 2999, 3001 };
	unsigned int slot = below(state, what & ANY_FILE ? NR_SLOTS + 8 : CHANS);
	struct target g = target_of(slot);
	struct chan_case k = { .fd = g.fd };

	k.op = what % 3 == 2 ? below(state, 2) : what % 3;
	suit_case(&k, slot);
	if (g.slot && g.slot->message) {
		k.len = g.slot->unit;
		if (what & WRONG_SIZES && !below(state, 4))
			k.len = PICK(lens, below(state, 40));
	}
	k.buf = (uintptr_t)(k.op == CHAN_CASE_SEND ? send_mem : t->mem.recv);
	if (what & BAD_BUFFERS && !below(state, 4))
		k.buf = (uintptr_t)buffer(t, MEM_HALF + below(state, NR_MEMS - MEM_HALF), 64,
					  k.op == CHAN_CASE_SEND);
	if (what & WRONG_BITS && !below(state, 8))
		flip_bit(&k, state);
	return k;
}

/*
 * Where others write meanwhile. What one thread has put there may be half of another's:
 * so nothing in it may lead to memory whose contents are looked at.
 */
static struct chan_case *share_cases(struct runner *t, unsigned int n)
{
	struct chan_case *to = (struct chan_case *)(shared_args + NR_OPS * STRUCT_MAX), k;
	unsigned int i;

	for (i = 0; i < n; i++) {
		k = cases_of(t)[i];
		k.op = i % 2;
		k.buf = (uintptr_t)(i % 2 ? send_mem : shared_recv);
		to[i] = k;
	}
	return to;
}

static unsigned int fill_cases(struct runner *t, uint8_t count, uint8_t what, uint8_t recipe)
{
	static const unsigned int counts[] = { 0, 1, 2, 5, 12, 64 };
	unsigned int n = PICK(counts, count), i;
	uint64_t state = recipe << 8 | what;
	struct chan_case *cases = cases_of(t);

	if (count == MANY || count == MANY + 1)
		n = CHAN_CASES_MAX + count - MANY;
	for (i = 0; i < n && i < CASES_MAX; i++)
		cases[i] = case_of(t, what, &state);
	/* Where selects and selectors are to meet. */
	if (n == 1 && !recipe) {
		cases[0].fd = target_of(UNBUF).fd;
		cases[0].len = 0;
	}
	t->received = t->mem.recv;
	t->received_max = 4096;
	memset(t->received, 0xa5, t->received_max);
	return n;
}

/* What SELECT and ARM return, and what they may have written. */
static void check_selected(struct runner *t, const struct chan_select *s,
			   const struct chan_case *before, long r)
{
	const struct chan_case *cases = cases_of(t);
	unsigned int i, index = r & CHAN_INDEX_MASK;

	if (r >= 0 && (r & ~(CHAN_INDEX_MASK | CHAN_OK) || index >= s->count))
		broken(t, "returned %#lx, of %u cases", r, s->count);
	for (i = 0; i < s->count && i < CASES_MAX; i++) {
		struct chan_case was = before[i];

		if (r >= 0 && i == index && was.op == CHAN_CASE_RECV)
			was.len = cases[i].len;
		/* A copy that failed may have been that of the length. */
		if (r != -EFAULT && memcmp(&was, &cases[i], sizeof(was)))
			broken(t, "returned %ld, and has written to case %u", r, i);
	}
}

static unsigned int select_flags(uint8_t v)
{
	static const unsigned int flags[] = {
		CHAN_NONBLOCK, CHAN_TIMEOUT, 0, CHAN_NONBLOCK | CHAN_TIMEOUT,
		CHAN_NONBLOCK | CHAN_PRIORITY, CHAN_PRIORITY, CHAN_TIMEOUT | CHAN_PRIORITY,
		CHAN_NONBLOCK,
	};

	return PICK(flags, v);
}

static long call_select(struct runner *t, int op, const struct target *g, struct chan_select *s,
			uint8_t what, uint8_t place)
{
	static _Thread_local struct chan_case before[CASES_MAX];
	const unsigned int cmd = op == OP_select ? CHAN_IOC_SELECT : CHAN_IOC_ARM;
	unsigned int n = s->count < CASES_MAX ? s->count : CASES_MAX;
	long r;

	memcpy(before, cases_of(t), n * sizeof(*before));
	if (s->count <= 64 && (what & SHARED_CASES || is_shared(place)))
		s->cases = (uintptr_t)share_cases(t, s->count);
	else if (what & BAD_CASES || is_shared(place))
		s->cases = (uintptr_t)buffer(t, MEM_NONE + (what >> 4) % 6, 8, true);
	else
		s->cases = (uintptr_t)cases_of(t);
	r = call_struct(t, op, g, cmd, s, sizeof(*s), place);
	if (!is_shared(place)) {
		check_way(t, s->flags, r);
		check_selected(t, s, before, r);
	}
	return r;
}

long run_select(struct runner *t, const uint8_t *a)
{
	struct chan_select s = {
		.flags = select_flags(a[3]), .count = fill_cases(t, a[0], a[1], a[2]),
		.case_size = sizeof(struct chan_case),
	};
	struct target g = ctl_or_chan(a[5]);

	if (s.flags & CHAN_TIMEOUT || a[4] >= ARRAY_LEN(times))
		s.timeout_ns = PICK(times, a[4]);
	bound_wait(t, &s.flags, &s.timeout_ns);
	if (a[3] >= 240)
		s.case_size = a[3];
	return call_select(t, OP_select, &g, &s, a[1], a[6]);
}

static struct target selector_of(uint8_t v)
{
	return target_of(v < NR_SLOTS - SEL ? SEL + v : v);
}

long run_arm(struct runner *t, const uint8_t *a)
{
	struct chan_select s = {
		.flags = a[4] < 2 ? a[4] * CHAN_PRIORITY : wild(a[4]),
		.count = fill_cases(t, a[1], a[2], a[3]), .case_size = sizeof(struct chan_case),
	};
	struct target g = selector_of(a[0]);

	return call_select(t, OP_arm, &g, &s, a[2], a[5]);
}

long run_disarm(struct runner *t, const uint8_t *a)
{
	struct target g = selector_of(a[0]);
	long r = result(ioctl(g.fd, CHAN_IOC_DISARM, a[1] ? wild(a[1]) : 0));

	check_errno(t, OP_disarm, &g, r);
	return r;
}

/*
 * Others
 */

long run_stop(struct runner *t, const uint8_t *a)
{
	struct target g = target_of(a[0]);
	long r = result(ioctl(g.fd, CHAN_IOC_CLOSE, a[1] ? wild(a[1]) : 0));

	check_errno(t, OP_stop, &g, r);
	if (r > 0)
		broken(t, "returned %ld", r);
	return r;
}

long run_destroy(struct runner *t, const uint8_t *a)
{
	struct chan_destroy d = { .flags = a[1] < 2 ? a[1] : wild(a[1]) };
	struct target g = target_of(a[0]);

	return CALL(destroy, &g, CHAN_IOC_DESTROY, &d, a[2]);
}

long run_standby(struct runner *t, const uint8_t *a)
{
	struct target g = target_of(a[0]);
	long r = result(ioctl(g.fd, CHAN_IOC_STANDBY, a[1] < 2 ? a[1] : wild(a[1])));

	check_errno(t, OP_standby, &g, r);
	if (r > 1)
		broken(t, "returned %ld", r);
	return r;
}

long run_timer(struct runner *t, const uint8_t *a)
{
	static const uint8_t timers[] = { TICK, TICK, FREE, FREE + 1 };
	static const unsigned int flags[] = { CHAN_TIMER_START, CHAN_TIMER_STOP };
	struct target g = target_of(a[0] < 4 ? timers[a[0]] : a[0]);
	struct chan_timer x = { .flags = PICK(flags, a[1]) };
	long r;

	if (x.flags != CHAN_TIMER_STOP || a[2] >= ARRAY_LEN(times)) {
		x.first_ns = PICK(times, a[2]);
		x.period_ns = PICK(times, a[3]);
	}
	r = CALL(timer, &g, CHAN_IOC_TIMER, &x, a[4]);
	if (r > 1)
		broken(t, "returned %ld", r);
	return r;
}
