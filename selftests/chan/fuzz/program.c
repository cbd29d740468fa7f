// SPDX-License-Identifier: GPL-2.0
/*
 * Programs: by whom they are made, how they are changed, and what they look like in text.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define X(op_name, op_weight, ...) \
	[OP_##op_name] = { #op_name, op_weight, { __VA_ARGS__ }, run_##op_name },
const struct op ops[NR_OPS] = { OPS(X) };
#undef X

/*
 * Random numbers: splitmix64, so that any state is a good one
 */

uint64_t rnd(uint64_t *state)
{
	uint64_t r = *state += 0x9e3779b97f4a7c15;

	r = (r ^ r >> 30) * 0xbf58476d1ce4e5b9;
	r = (r ^ r >> 27) * 0x94d049bb133111eb;
	return r ^ r >> 31;
}

uint32_t below(uint64_t *state, uint32_t n)
{
	return (rnd(state) >> 32) * n >> 32;
}

/*
 * Programs to begin with: each call as it is meant, and what it takes for the states that
 * random calls seldom bring about. Arguments that are left out are 0, and that is the
 * plain form: one element, without waiting, good memory.
 */

#define NONBLOCK	0	/* ways of sending and receiving */
#define TIMEOUT		1
#define WAIT		2
#define RECV_ALL	0	/* cases of presets */
#define SEND_ALL	1
#define BOTH		2
#define NAMED		18	/* flags of create; up to 25 with others */

const struct program seeds[] = {
	/* Each kind of channel: element by element, and several. */
	{{ { OP_send, { BUF } }, { OP_send, { BUF } }, { OP_send, { BUF } }, { OP_recv, { BUF } },
	   { OP_recv, { BUF_R, NONBLOCK, 1 } }, { OP_recv, { BUF } } }},
	{{ { OP_send, { MSG } }, { OP_recv, { MSG } }, { OP_send, { MSG, WAIT } },
	   { OP_send, { MSG, WAIT } }, { OP_recv, { MSG, WAIT, 0, 3 } } }},
	{{ { OP_send, { BIG } }, { OP_send, { BIG } }, { OP_recv, { BIG } },
	   { OP_read, { BIG } } }},
	{{ { OP_send, { UNIT } }, { OP_recv, { UNIT } }, { OP_write, { UNIT } },
	   { OP_read, { UNIT } } }},
	{{ { OP_send, { BUF, WAIT, 1 } }, { OP_recv, { BUF, TIMEOUT, 2, 0, 3 } },
	   { OP_recv, { BUF, TIMEOUT, 0, 0, 2 } } }},
	{{ { OP_write, { BUF_W, 1 } }, { OP_read, { BUF_R, 2 } }, { OP_read, { BUF_R } } }},
	{{ { OP_writev, { BUF, 1, 2 } }, { OP_readv, { BUF, 1, 3 } },
	   { OP_readv, { BUF, 0, 5 } } }},
	{{ { OP_write, { MSG } }, { OP_write, { MSG, 3 } }, { OP_send, { MSG, NONBLOCK, 0, 3 } },
	   { OP_read, { MSG } }, { OP_read, { MSG } }, { OP_recv, { MSG } } }},
	/* Who waits meets one of the other threads, or a signal. */
	{{ { OP_recv, { UNBUF, WAIT } }, { OP_send, { UNBUF, WAIT } }, { OP_read, { UNBUF } },
	   { OP_write, { UNBUF } } }},
	{{ { OP_send, { UNBUF, WAIT } }, { OP_recv, { UNBUF, WAIT } }, { OP_write, { UNBUF } },
	   { OP_read, { UNBUF } } }},
	{{ { OP_recv, { BIGMSG, WAIT } }, { OP_send, { BIGMSG, WAIT } } }},
	{{ { OP_send, { BIGMSG, WAIT } }, { OP_recv, { BIGMSG, WAIT } } }},
	{{ { OP_signal }, { OP_recv, { UNBUF, TIMEOUT, 0, 0, 4 } }, { OP_signal, { 1 } } }},
	/* Close, by hand and by itself. */
	{{ { OP_send, { BUF } }, { OP_stop, { BUF } }, { OP_send, { BUF } }, { OP_recv, { BUF } },
	   { OP_recv, { BUF } }, { OP_poll, { 2 } }, { OP_stop, { BUF } }, { OP_read, { BUF } } }},
	{{ { OP_create, { 0, 2, 4, 2 } }, { OP_narrow, { FREE, 1, 1 } }, { OP_close, { FREE } },
	   { OP_recv, { FREE + 1, WAIT } }, { OP_poll, { 0, 0x20 } } }},
	{{ { OP_create, { 0, 4, 4, 2 } }, { OP_narrow, { FREE, 1, 2 } }, { OP_close, { FREE } },
	   { OP_send, { FREE + 1, WAIT } }, { OP_poll, { 0, 0x20 } }, { OP_info, { FREE + 1 } } }},
	/* An element that a receiver can't take goes back, and is found again. */
	{{ { OP_send, { BIG } }, { OP_recv, { BIG, WAIT, 0, 0, 0, MEM_NONE } },
	   { OP_info, { BIG } }, { OP_recv, { BIG } } }},
	{{ { OP_recv, { UNBUF, WAIT, 0, 0, 0, MEM_NONE } }, { OP_recv, { UNBUF_NB } } }},
	{{ { OP_recv, { UNBUF, WAIT, 0, 0, 0, MEM_RO } }, { OP_poll, { 1 } },
	   { OP_select, { 5, RECV_ALL } }, { OP_recv, { UNBUF_NB } } }},
	{{ { OP_send, { UNBUF, WAIT } }, { OP_fork, { 2, UNBUF, 2 } }, { OP_recv, { UNBUF_NB } } }},
	{{ { OP_arm, { 0, 4, RECV_ALL, 2 } }, { OP_send, { BIG } }, { OP_close, { SEL } },
	   { OP_recv, { BIG } }, { OP_arm, { 1, 4, RECV_ALL, 3 } }, { OP_send, { UNBUF_NB } },
	   { OP_close, { SEL + 1 } }, { OP_recv, { UNBUF_NB } } }},
	{{ { OP_select, { 4, BAD_BUFFERS, 1, 2 } }, { OP_send, { BIG } }, { OP_send, { BIGMSG, WAIT } },
	   { OP_select, { 4, BAD_BUFFERS, 5, 2 } }, { OP_send, { UNBUF, WAIT } } }},
	/* Pages that aren't there yet. */
	{{ { OP_send, { BUF, 0, 1, 0, 0, MEM_FRESH } }, { OP_recv, { BUF, 0, 1, 0, 0, MEM_FRESH } },
	   { OP_write, { BIG, 0, MEM_FRESH } }, { OP_read, { BIG, 0, MEM_FRESH } } }},
	{{ { OP_writev, { BUF, 1, 4, MEM_FRESH } }, { OP_readv, { BUF, 1, 4, MEM_FRESH } },
	   { OP_writev, { BIG, 0, 3, MEM_FRESH } }, { OP_readv, { BIG, 0, 3, MEM_FRESH } } }},
	/* Select: with a default, a timeout, and until a signal; few cases and many. */
	{{ { OP_select, { 2, RECV_ALL } }, { OP_send, { BUF } }, { OP_select, { 2, RECV_ALL } },
	   { OP_select, { 2, SEND_ALL } } }},
	{{ { OP_select, { 1, RECV_ALL, 0, 2 } }, { OP_send, { UNBUF, WAIT } } }},
	{{ { OP_select, { 1, SEND_ALL, 0, 2 } }, { OP_recv, { UNBUF, WAIT } } }},
	{{ { OP_select, { 3, BOTH, 0, 1, 3 } }, { OP_select, { 4, BOTH, 0, 4 } },
	   { OP_select, { 5, BOTH, 0, 2 } } }},
	{{ { OP_select, { 4, RECV_ALL, 9, 2, 0, 1 } },
	   { OP_select, { 4, SEND_ALL, 9, 2, 0, 1 } } }},
	{{ { OP_select, { MANY, BOTH } }, { OP_select, { MANY, RECV_ALL, 1, 2 } },
	   { OP_arm, { 0, MANY, BOTH, 1 } }, { OP_select, { MANY + 1 } } }},
	{{ { OP_stop, { BUF } }, { OP_stop, { MSG } }, { OP_select, { 3, BOTH, 5 } },
	   { OP_select, { 5, RECV_ALL, 3, 5 } } }},
	/* Selectors: armed and fired, disarmed, closed with a result, and met by another. */
	{{ { OP_arm, { 0, 1, RECV_ALL } }, { OP_send, { UNBUF_NB } }, { OP_poll, { 0, 0, 0 } },
	   { OP_result, { 0 } }, { OP_arm, { 0, 3, RECV_ALL } }, { OP_disarm } }},
	{{ { OP_arm, { 0, 1, SEND_ALL } }, { OP_recv, { UNBUF_NB } }, { OP_disarm },
	   { OP_result, { 0, 3 } }, { OP_result, { 0, 0, MEM_NONE } }, { OP_result } }},
	{{ { OP_arm, { 0, 1, RECV_ALL } }, { OP_arm, { 1, 1, SEND_ALL } }, { OP_close, { SEL } },
	   { OP_result, { 1 } } }},
	{{ { OP_arm, { 0, 4, BOTH, 7 } }, { OP_arm, { 1, 4, BOTH, 8 } }, { OP_arm, { 0, 1, BOTH } },
	   { OP_fork, { 5, 0, 3 } }, { OP_result }, { OP_result, { 1 } } }},
	{{ { OP_selector, { 2 } }, { OP_arm, { 0, 0 } }, { OP_fdinfo, { SEL } }, { OP_disarm },
	   { OP_close, { SEL + 2 } } }},
	/* Handles that stand by. */
	{{ { OP_recv, { STAND } }, { OP_send, { STAND } }, { OP_poll, { 0x40 } },
	   { OP_read, { STAND } }, { OP_standby, { STAND, 0 } }, { OP_standby, { STAND, 1 } } }},
	{{ { OP_standby, { UNBUF_NB, 1 } }, { OP_read, { UNBUF_NB } }, { OP_write, { UNBUF } },
	   { OP_standby, { UNBUF_NB, 0 } }, { OP_info, { UNBUF } }, { OP_recv, { UNBUF_NB } } }},
	{{ { OP_read, { STAND } }, { OP_send, { STAND } }, { OP_select, { 4, RECV_ALL, 1 } },
	   { OP_close, { STAND } } }},
	{{ { OP_standby, { BUF_R, 1 } }, { OP_recv, { BUF_R } }, { OP_send, { BUF_W, 0, 1 } },
	   { OP_recv, { BUF_R, 0, 2, 0, 0, MEM_NONE } }, { OP_recv, { BUF_R, 0, 2 } } }},
	/* Timers. */
	{{ { OP_timer, { 0, 0, 2 } }, { OP_nap, { 2 } }, { OP_recv, { TICK } },
	   { OP_timer, { 0, 1 } } }},
	{{ { OP_timer, { 0, 0, 0, 1 } }, { OP_nap, { 1 } }, { OP_read, { TICK } },
	   { OP_recv, { TICK, WAIT } }, { OP_timer, { 0, 0, 4 } },
	   { OP_select, { 5, RECV_ALL } } }},
	{{ { OP_create, { 0, 16, 0, 0, 1 } }, { OP_timer, { FREE } }, { OP_close, { FREE } } }},
	/* Event loops. */
	{{ { OP_epctl, { 0, BUF } }, { OP_epwait }, { OP_send, { BUF } }, { OP_epwait, { 1, 1 } },
	   { OP_epctl, { 1, BUF, 2 } }, { OP_recv, { BUF } }, { OP_epwait },
	   { OP_epctl, { 2, BUF } } }},
	{{ { OP_epctl, { 0, SEL, 4 } }, { OP_arm, { 0, 1, RECV_ALL } }, { OP_send, { UNBUF_NB } },
	   { OP_epwait }, { OP_result } }},
	{{ { OP_epctl, { 0, UNBUF, 6 } }, { OP_send, { UNBUF, WAIT } }, { OP_epwait, { 2, 1 } },
	   { OP_stop, { UNBUF } }, { OP_epwait } }},
	/* Rings. */
	{{ { OP_uring, { BUF, 0 } }, { OP_uring, { BUF, 1 } }, { OP_uringctl, { 3 } } }},
	{{ { OP_uringctl, { 0 } }, { OP_uring, { 0, 4 } }, { OP_uring, { 1, 5 } },
	   { OP_send, { BUF } }, { OP_uringctl, { 3 } }, { OP_uringctl, { 2 } } }},
	{{ { OP_uring, { BUF, 2 } }, { OP_uring, { UNBUF, 3 } }, { OP_send, { BUF } },
	   { OP_uringctl, { 3 } }, { OP_uringctl, { 1 } } }},
	{{ { OP_uring, { SEL, 0, 6 } }, { OP_arm, { 0, 1, RECV_ALL } }, { OP_send, { UNBUF_NB } },
	   { OP_uringctl, { 3 } } }},
	/* Nodes, names, and what is known about them. */
	{{ { OP_create, { 0, NAMED, 2, 2 } }, { OP_resolve, { 0 } }, { OP_list },
	   { OP_open, { 1, 1 } }, { OP_send, { FREE } }, { OP_destroy, { FREE } }, { OP_destroy, { FREE + 1, 1 } },
	   { OP_info, { FREE } }, { OP_resolve, { 0, 1 } } }},
	{{ { OP_create, { 0, NAMED + 1, 2, 2, 0, 1 } }, { OP_reopen, { FREE, 1 } },
	   { OP_create, { 2, NAMED, 2, 2, 0, 1 } }, { OP_close, { FREE } }, { OP_list, { 0, 1 } },
	   { OP_destroy, { FREE + 1 } } }},
	{{ { OP_create, { 0, 27, 0, 0, 1, 2 } }, { OP_open, { 1, 1, 2 } },
	   { OP_destroy, { FREE } } }},
	{{ { OP_open, { 0, 0 } }, { OP_send, { FREE } }, { OP_destroy, { FREE, 1 } },
	   { OP_limits }, { OP_info, { FREE } } }},
	/* Handles by other ways. */
	{{ { OP_pass, { BUF, 0 } }, { OP_pass, { UNBUF, 0, 1 } }, { OP_dup, { BUF, 1 } },
	   { OP_getfd, { MSG, 2 } }, { OP_reopen, { BUF, 3 } } }},
	{{ { OP_narrow, { UNBUF, 0, 3 } }, { OP_narrow, { FREE, 1, 1 } }, { OP_read, { FREE } },
	   { OP_fdinfo, { FREE } }, { OP_close, { UNBUF } } }},
	{{ { OP_fcntl, { BUF, 1, 1 } }, { OP_read, { BUF } }, { OP_fcntl, { BUF, 1, 0 } },
	   { OP_dup, { UNBUF_NB, 0, 1 } } }},
	/* What a channel isn't for. */
	{{ { OP_mmap, { BUF } }, { OP_misc, { BUF } }, { OP_misc, { BUF, 3 } },
	   { OP_splice, { BUF } }, { OP_splice, { BUF, 1 } }, { OP_pread, { BUF } }, { OP_pread, { BUF, 0, 1 } } }},
	/* Too much, and faults on demand. */
	{{ { OP_nofile, { 1 } }, { OP_create }, { OP_narrow }, { OP_selector }, { OP_nofile } }},
	{{ { OP_create, { 0, 0, 11, 5 } }, { OP_create, { 1, 0, 11, 5 } },
	   { OP_create, { 2, 0, 7, 5 } },
	   { OP_selector, { 0 } }, { OP_selector, { 1 } }, { OP_selector, { 2 } } }},
	{{ { OP_uid, { 1 } }, { OP_create, { 0, 0, 9, 2 } }, { OP_narrow, { FREE, 1 } },
	   { OP_uid, { 2 } }, { OP_close, { FREE } }, { OP_selector, { 2 } }, { OP_limits } }},
	{{ { OP_fail, { 0 } }, { OP_create, { 0, 0, 8, 2 } }, { OP_fail, { 3 } },
	   { OP_create, { 0, 0, 8, 2 } }, { OP_fail, { 1 } }, { OP_narrow, { BIG } }, { OP_fail },
	   { OP_select, { 4, RECV_ALL } } }},
};
const unsigned int nr_seeds = ARRAY_LEN(seeds);

/*
 * New programs
 */

static unsigned int nr_steps(const struct program *p)
{
	unsigned int n = 0;

	while (n < STEPS_MAX && p->step[n].op != OP_END)
		n++;
	return n;
}

static unsigned int nr_args(const struct op *op)
{
	unsigned int n = 0;

	while (n < ARGS_MAX && op->meant_well[n])
		n++;
	return n;
}

static uint8_t random_arg(uint8_t meant_well, uint64_t *state)
{
	return below(state, 12) ? below(state, meant_well) : rnd(state);
}

static struct step random_step(uint64_t *state)
{
	static unsigned int total;
	struct step c = {};
	unsigned int i, n;

	if (!total) {
		for (i = n = 0; i < NR_OPS; i++)
			n += ops[i].weight;
		total = n;
	}
	n = below(state, total);
	for (c.op = OP_END + 1; n >= ops[c.op].weight; c.op++)
		n -= ops[c.op].weight;
	for (i = 0; i < nr_args(&ops[c.op]); i++)
		c.arg[i] = random_arg(ops[c.op].meant_well[i], state);
	return c;
}

struct program random_program(uint64_t *state)
{
	struct program p = {};
	unsigned int n = 1 + below(state, STEPS_MAX), i;

	for (i = 0; i < n; i++)
		p.step[i] = random_step(state);
	return p;
}

static void insert_step(struct program *p, unsigned int at, struct step c)
{
	memmove(&p->step[at + 1], &p->step[at], (STEPS_MAX - at - 1) * sizeof(c));
	p->step[at] = c;
}

static void delete_step(struct program *p, unsigned int at)
{
	memmove(&p->step[at], &p->step[at + 1], (STEPS_MAX - at - 1) * sizeof(*p->step));
	p->step[STEPS_MAX - 1] = (struct step){};
}

static void change_arg(struct step *c, uint64_t *state)
{
	const struct op *op = &ops[c->op];
	unsigned int i = below(state, nr_args(op));

	c->arg[i] = random_arg(op->meant_well[i], state);
}

/* Another one, from a call of it on, in place of what is from a call on. */
static void splice_programs(struct program *p, unsigned int at, const struct program *other,
			    unsigned int from)
{
	for (; at < STEPS_MAX && from < STEPS_MAX; at++, from++)
		p->step[at] = other->step[from];
	for (; at < STEPS_MAX; at++)
		p->step[at] = (struct step){};
}

void append_program(struct program *p, const struct program *other)
{
	splice_programs(p, nr_steps(p), other, 0);
}

bool is_short(const struct program *p)
{
	return nr_steps(p) < STEPS_MAX / 2;
}

void mutate(struct program *p, const struct program *other, uint64_t *state)
{
	unsigned int times = 1 + below(state, 4), n;

	while (times--) {
		n = nr_steps(p);
		switch (n ? below(state, 8) : 0) {
		case 0:
		case 1:
			if (n < STEPS_MAX)
				insert_step(p, below(state, n + 1), random_step(state));
			break;
		case 2:
			delete_step(p, below(state, n));
			break;
		case 3:
			splice_programs(p, below(state, n + 1), other,
					below(state, nr_steps(other) + 1));
			break;
		default:
			change_arg(&p->step[below(state, n)], state);
		}
	}
}

/*
 * Text: "send:0100 recv:01", with the arguments as two hexadecimal digits each; zeroes at
 * the end are left out
 */

void print_step(char *to, const struct step *c)
{
	unsigned int i, n = ARGS_MAX;

	while (n && !c->arg[n - 1])
		n--;
	to += sprintf(to, "%s:", ops[c->op].name);
	for (i = 0; i < n; i++)
		to += sprintf(to, "%02x", c->arg[i]);
}

void print_program(char *to, const struct program *p)
{
	unsigned int i, n = nr_steps(p);

	*to = 0;
	for (i = 0; i < n; i++) {
		if (i)
			*to++ = ' ';
		print_step(to, &p->step[i]);
		to += strlen(to);
	}
}

static bool parse_step(struct step *c, const char *text, size_t len)
{
	const char *colon = memchr(text, ':', len), *p;
	unsigned int i, byte;

	*c = (struct step){};
	for (i = OP_END + 1; colon && i < NR_OPS; i++)
		if (strlen(ops[i].name) == (size_t)(colon - text) &&
		    !memcmp(ops[i].name, text, colon - text))
			c->op = i;
	if (!c->op)
		return false;
	for (i = 0, p = colon + 1; p < text + len; p += 2) {
		if (i == ARGS_MAX || p + 1 == text + len || !isxdigit(p[0]) || !isxdigit(p[1]))
			return false;
		sscanf(p, "%2x", &byte);
		c->arg[i++] = byte;
	}
	return true;
}

bool parse_program(struct program *p, const char *text, size_t len)
{
	const char *end = text + len;
	unsigned int n = 0;
	size_t word;

	*p = (struct program){};
	for (;;) {
		while (text < end && *text == ' ')
			text++;
		if (text == end)
			return true;
		for (word = 0; text + word < end && text[word] != ' '; word++)
			;
		if (n == STEPS_MAX || !parse_step(&p->step[n++], text, word))
			return false;
		text += word;
	}
}
