// SPDX-License-Identifier: GPL-2.0
/*
 * chan: Go channels as Linux devices.
 */
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/random.h>

#include "chan.h"
#include "timer.h"

atomic_long_t chan_total_parties = ATOMIC_LONG_INIT(0);

/* Where the numbers of a select on this CPU begin. */
static DEFINE_PER_CPU(u64, chan_random_state);

/**
 * chan_random() - random bits to choose among cases with
 *
 * Quicker than get_random_u64(), and not to keep secrets with. Two tasks that meet on
 * one CPU may get the same.
 *
 * Return: the bits.
 */
u64 chan_random(void)
{
	/* Weyl's sequence, with the golden ratio; and MurmurHash3's finish. */
	u64 r = this_cpu_add_return(chan_random_state, 0x9e3779b97f4a7c15ULL);

	r = (r ^ r >> 33) * 0xff51afd7ed558ccdULL;
	return r ^ r >> 33;
}

static void chan_random_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		per_cpu(chan_random_state, cpu) = get_random_u64();
}

static unsigned long user_channels = 131072;
module_param(user_channels, ulong, 0644);
MODULE_PARM_DESC(user_channels, "channels that a user may have (131072)");

static unsigned long user_named = 16;
module_param(user_named, ulong, 0644);
MODULE_PARM_DESC(user_named, "named channels that a user may have (16)");

static unsigned long user_bytes = 64UL << 20;
module_param(user_bytes, ulong, 0644);
MODULE_PARM_DESC(user_bytes, "bytes that the channels of a user may hold (67108864)");

static unsigned long user_parked = 16UL << 20;
module_param(user_parked, ulong, 0644);
MODULE_PARM_DESC(user_parked, "bytes that a user's handles may keep for calls that wait (16777216)");

static unsigned long user_selectors = 131072;
module_param(user_selectors, ulong, 0644);
MODULE_PARM_DESC(user_selectors, "selectors that a user may have (131072)");

static unsigned long user_timers = 16384;
module_param(user_timers, ulong, 0644);
MODULE_PARM_DESC(user_timers, "timers that a user may have (16384)");

static unsigned int named_rate = 64;
module_param(named_rate, uint, 0644);
MODULE_PARM_DESC(named_rate, "named channels that a user may make in 10 seconds (64)");

/**
 * chan_quota_limit() - how much a user may have
 * @q: of what
 *
 * Return: the amount, as the module's parameters say now.
 */
u64 chan_quota_limit(enum chan_quota q)
{
	switch (q) {
	case CHAN_QUOTA_CHANNELS:
		return READ_ONCE(user_channels);
	case CHAN_QUOTA_NAMED:
		return READ_ONCE(user_named);
	case CHAN_QUOTA_BYTES:
		return READ_ONCE(user_bytes);
	case CHAN_QUOTA_SELECTORS:
		return READ_ONCE(user_selectors);
	case CHAN_QUOTA_TIMERS:
		return READ_ONCE(user_timers);
	default:
		return READ_ONCE(user_parked);
	}
}

/**
 * chan_named_rate_limit() - how many named channels a user may make in 10 seconds
 *
 * Return: the number, as the module's parameter says now.
 */
unsigned int chan_named_rate_limit(void)
{
	return READ_ONCE(named_rate);
}

static int __init chan_module_init(void)
{
	int r;

	chan_random_init();
	r = chan_objects_init();
	if (r)
		return r;
	r = chan_timers_init();
	if (r)
		goto err_objects;
	r = chan_nodes_init();
	if (r)
		goto err_timers;
	r = chan_ctl_init();
	if (r)
		goto err_nodes;
	return 0;

err_nodes:
	chan_nodes_exit();
err_timers:
	chan_timers_exit();
err_objects:
	chan_objects_exit();
	return r;
}

static void __exit chan_module_exit(void)
{
	chan_ctl_exit();
	chan_nodes_exit();
	chan_timers_exit();
	chan_objects_exit();
	chan_accounts_exit();
}

module_init(chan_module_init);
module_exit(chan_module_exit);

MODULE_DESCRIPTION("Go channels as Linux devices");
MODULE_AUTHOR("The chan developers");
MODULE_LICENSE("GPL");
MODULE_VERSION("1.0.0");
