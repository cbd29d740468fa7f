// SPDX-License-Identifier: GPL-2.0
/*
 * How long a send or a receive waits: a call that a signal has interrupted, as a
 * stop and a continue do, goes on with what is left.
 */
#include <time.h>

#include "chanctl.h"

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/**
 * wait_until() - when a wait that begins now shall end
 * @timeout_ns: nanoseconds, or WAIT_FOR_EVER
 *
 * Return: the deadline, for wait_left().
 */
uint64_t wait_until(uint64_t timeout_ns)
{
	return timeout_ns == WAIT_FOR_EVER ? WAIT_FOR_EVER : now() + timeout_ns;
}

/**
 * wait_left() - how much longer
 * @deadline: from wait_until()
 *
 * Return: nanoseconds, 0 if it has passed; WAIT_FOR_EVER, which the library takes
 * for that, too.
 */
uint64_t wait_left(uint64_t deadline)
{
	uint64_t t = now();

	if (deadline == WAIT_FOR_EVER)
		return WAIT_FOR_EVER;
	return deadline > t ? deadline - t : 0;
}
