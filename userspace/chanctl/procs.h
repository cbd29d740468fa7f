/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Private to chanctl: who holds which channels, and which tasks wait.
 */
#ifndef PROCS_H
#define PROCS_H

#include <sys/types.h>

#include "chanctl.h"

/**
 * struct task - a thread
 * @tid: its number
 * @process: index of its process
 * @switches: how often it has left a processor: it hasn't run between two looks that
 *	find the same
 */
struct task {
	pid_t tid;
	size_t process;
	unsigned long long switches;
};

struct process {
	pid_t pid;
	char command[64];
};

/* A channel that somebody holds, as fdinfo tells of it. */
struct channel {
	uint64_t id;
	char name[CHAN_NAME_LEN];
	int minor;			/* -1 without a node */
	unsigned int capacity, len, flags, senders, receivers;
};

/* A file descriptor of a channel, or of a selector. */
struct holding {
	size_t process;
	int fd;
	bool selector;
	size_t channel;			/* of a handle */
	bool may_send, may_recv, standby;
	char state[16];			/* of a selector */
};

/* A task that is parked, in one of the channels in which it is. */
struct wait {
	size_t task, channel;
	bool sending, select;
};

/* A case of a selector that waits. */
struct wait_case {
	size_t holding;
	unsigned int index;
	bool sending;
	uint64_t id;
};

struct snapshot {
	struct process *processes;
	struct task *tasks;
	struct channel *channels;
	struct holding *holdings;
	struct wait *waits;
	struct wait_case *cases;
	size_t nr_processes, nr_tasks, nr_channels, nr_holdings, nr_waits, nr_cases;
};

/* One more, of zeros, at the end of an array of the snapshot. */
#define snapshot_add(s, array) ((typeof((s)->array))grow(&(s)->array, &(s)->nr_##array, \
							 sizeof(*(s)->array)))
void *grow(void *array, size_t *n, size_t size);

void snapshot_take(struct snapshot *s);
void snapshot_free(struct snapshot *s);

/**
 * struct deadlock - tasks that wait for each other for ever
 * @waits: of the snapshot, one a task, so that each waits for the next and the last for
 *	the first; or a single one that nobody is left to serve
 * @n: how many
 * @others: tasks that wait for them, besides
 */
struct deadlock {
	size_t *waits;
	size_t n, others;
};

size_t find_deadlocks(const struct snapshot *before, const struct snapshot *s,
		      struct deadlock **found);

#endif /* PROCS_H */
