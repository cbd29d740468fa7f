// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Timers: channels to which the kernel sends the time.
 */
#include "internal.h"

static int timer_do(struct chan *c, uint32_t what, uint64_t first_ns, uint64_t period_ns)
{
	struct chan_timer arg = {
		.size = sizeof(arg),
		.flags = what,
		.first_ns = first_ns,
		.period_ns = period_ns,
	};

	return libchan_ioctl(c->fd, CHAN_IOC_TIMER, &arg);
}

static int timer_new(struct chan **ret, uint64_t first_ns, uint64_t period_ns)
{
	struct chan_options options = { .size = sizeof(options), .flags = CHAN_TIMER };
	struct chan *c;
	int r;

	r = chan_new(&c, sizeof(uint64_t), 1, O_RDONLY, &options);
	if (r)
		return r;
	r = timer_do(c, CHAN_TIMER_START, first_ns, period_ns);
	if (r < 0) {
		chan_unref(c);
		return r;
	}
	*ret = c;
	return 0;
}

LIBCHAN_EXPORT int chan_after(struct chan **ret, uint64_t first_ns)
{
	return timer_new(ret, first_ns, 0);
}

LIBCHAN_EXPORT int chan_tick(struct chan **ret, uint64_t period_ns)
{
	return period_ns ? timer_new(ret, period_ns, period_ns) : -EINVAL;
}

LIBCHAN_EXPORT int chan_timer_reset(struct chan *c, uint64_t first_ns, uint64_t period_ns)
{
	return timer_do(c, CHAN_TIMER_START, first_ns, period_ns);
}

LIBCHAN_EXPORT int chan_timer_stop(struct chan *c)
{
	return timer_do(c, CHAN_TIMER_STOP, 0, 0);
}
