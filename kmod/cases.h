/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The cases of a select, in the caller's memory.
 */
#ifndef _CHAN_CASES_H
#define _CHAN_CASES_H

#include <linux/fs.h>

#include "chan.h"
#include "select.h"

#define CHAN_CASES_INLINE	8	/* cases that need no memory but the caller's stack */

/**
 * struct chan_cases - a select's cases
 * @choice: what they are to select.c
 * @user: the caller's array
 * @nr_files: how many of the options have their file
 * @counted: each of these has a reference; else they are the caller's
 * @faults: copies that fell short
 * @block: memory of the options, or NULL: @room is enough
 * @parking: memory of the waiters and of elements in them, or NULL
 * @parked_bytes: charged for @parking
 * @landing_bytes: of those, the element that lands
 * @account: who pays for what waits
 * @room: the options of CHAN_CASES_INLINE cases
 */
struct chan_cases {
	struct chan_choice choice;
	struct chan_case __user *user;
	u32 nr_files;
	bool counted;
	u32 faults;
	void *block;
	void *parking;
	u64 parked_bytes;
	size_t landing_bytes;
	struct chan_account *account;
	struct chan_option room[CHAN_CASES_INLINE];
};

int chan_select_in(struct chan_select *arg, const struct chan_select __user *uarg, u32 flags);
int chan_cases_begin(struct chan_cases *cs, const struct chan_select *arg, gfp_t gfp);
void chan_cases_keep(struct chan_cases *cs);
void chan_cases_end(struct chan_cases *cs);
int chan_cases_park(struct chan_cases *cs);
void chan_cases_unpark(struct chan_cases *cs);
int chan_cases_deliver(struct chan_cases *cs, u32 i);
void chan_cases_give_back(struct chan_cases *cs, u32 i);
long chan_cases_result(const struct chan_cases *cs, int i);

#endif /* _CHAN_CASES_H */
