// SPDX-License-Identifier: GPL-2.0
/*
 * chan: Go channels as Linux devices.
 */
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/prandom.h>

#include "chan.h"
#include "timer.h"

atomic_long_t chan_total_parties = ATOMIC_LONG_INIT(0);

/* Good enough to be fair, and quicker than get_random_u32(). */
static DEFINE_PER_CPU(struct rnd_state, chan_rnd_states);

/**
 * chan_random() - a random number
 * @n: at least 1
 *
 * Return: one of 0 to @n - 1, each as likely; not one to keep secrets with.
 */
u32 chan_random(u32 n)
{
	u32 r = prandom_u32_state(get_cpu_ptr(&chan_rnd_states));

	put_cpu_ptr(&chan_rnd_states);
	return (u64)r * n >> 32;
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

	prandom_seed_full_state(&chan_rnd_states);
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
MODULE_VERSION("0.1.0");
