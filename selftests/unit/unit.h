/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the unit tests of the core share: checks, TAP, channels in plain memory.
 */
#ifndef UNIT_H
#define UNIT_H

#include <stdio.h>
#include <stdlib.h>

#include "core.h"

#define CHECK(cond) \
	do { \
		if (!(cond)) { \
			printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond); \
			unit_failed(); \
		} \
	} while (0)

#define BY_REF	(CHAN_INPLACE_MAX + 8)	/* bytes of an element that is moved by reference */

/* A check that failed ends the program after its TAP line: what follows means nothing. */
void unit_failed(void) __attribute__((noreturn));
void unit_begin(const char *name);
void unit_end(void);
int unit_done(void);

/* Who waits in a test that has no threads. */
struct fake {
	struct chan_party party;
	struct chan_waiter waiter;
	struct task_struct task;
};

struct chan *unit_chan(u32 elem_size, u32 capacity, bool message);
void unit_chan_free(struct chan *c);
struct chan_elem *unit_elem(struct chan *c);
void unit_fake(struct fake *f, struct chan *c, bool sending, u64 v);

void unit_fill(struct chan *c, void *data, u64 v);
u32 unit_len(struct chan *c, u64 v);
bool unit_holds(struct chan *c, const void *data, u32 len, u64 v);

int unit_send(struct chan *c, u64 v);
int unit_recv(struct chan *c, u64 *v);
void unit_check(struct chan *c);

#endif /* UNIT_H */
