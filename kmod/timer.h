/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Timers.
 */
#ifndef _CHAN_TIMER_H
#define _CHAN_TIMER_H

#include "xfer.h"

int chan_timers_init(void);
void chan_timers_exit(void);
struct chan_clock *chan_clock_new(struct chan *c);
void chan_clock_free(struct chan_clock *k);
long chan_ioctl_timer(struct chan_handle *h, const void __user *uarg);

#endif /* _CHAN_TIMER_H */
