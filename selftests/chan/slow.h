/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The harness, on machines that are slow.
 */
#ifndef _SLOW_H
#define _SLOW_H

#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * How many times slower than usual the machine is: more than once if its kernel looks
 * for errors. Such a kernel also keeps what is freed for a while, and makes each object
 * bigger, and releases the device of a destroyed channel some seconds late.
 */
static inline unsigned int slowness(void)
{
	const char *slow = getenv("SLOW");

	return slow ? atoi(slow) : 1;
}

static inline bool debug_kernel(void)
{
	return slowness() > 1;
}

/*
 * The harness ends a test that takes too long with alarm(2). That is for one that hangs:
 * a machine that has much else to do is no failure.
 */
static inline unsigned int slow_alarm(unsigned int seconds)
{
	return alarm(4 * seconds * slowness());
}
#define alarm(seconds) slow_alarm(seconds)
#include "kselftest_harness.h"
#undef alarm

#endif /* _SLOW_H */
