/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Select: one of several operations. As the core it knows no file and no user memory;
 * core.h has the protocol.
 */
#ifndef _CHAN_SELECT_H
#define _CHAN_SELECT_H

#include "core.h"

struct file;

/**
 * struct chan_option - an operation that a select may choose
 * @chan: the channel, or NULL: never ready
 * @given: the caller's affair: the &struct chan_case, of which @buf and @len stay where
 *	they are, and the rest gives way to @file, @order and @sending
 * @file: likewise: the channel's
 * @word: where @file is, as long on any machine
 * @buf: likewise: address of the element
 * @len: likewise: bytes of a message
 * @order: not of this option, but of this place: the number of the option that is tried
 *	as the first, the second, ...; their own numbers at first
 * @sending: send, else receive
 */
struct chan_option {
	struct chan *chan;
	union {
		u64 given[3];
		struct {
			union {
				struct file *file;
				u64 word;
			};
			u64 buf;
			u32 len;
			u16 order;
			bool sending;
		};
	};
};

/**
 * struct chan_choice - a select
 * @party: as which it waits
 * @nr: options
 * @options: @nr of them
 * @by_priority: they are tried in their own order; else it is shuffled
 * @attempt: try one of the options without waiting; gives what its operation gives, of
 *	which -EAGAIN says that it isn't ready, and -EBUSY that it must be tried again
 * @result: what the chosen operation gave: 1, 0 for closed, -EPIPE or another errno
 * @waiters: to wait: @nr of them, with elements; set by chan_choice_wait()
 * @nr_queued: how many options, in their order, have been enqueued, or are not to be
 */
struct chan_choice {
	struct chan_party party;
	u32 nr;
	struct chan_option *options;
	bool by_priority;
	int (*attempt)(struct chan_choice *s, u32 i);
	int result;
	struct chan_waiter *waiters;
	u32 nr_queued;
};

int chan_choice_try(struct chan_choice *s);
int chan_choice_default(struct chan_choice *s, u64 *gens);
int chan_choice_enqueue(struct chan_choice *s);
bool chan_choice_withdraw(struct chan_choice *s);
int chan_choice_leave(struct chan_choice *s);

#endif /* _CHAN_SELECT_H */
