/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Handles that stand by.
 */
#ifndef _CHAN_STANDBY_H
#define _CHAN_STANDBY_H

#include "xfer.h"

int chan_standby_new(struct chan_handle *h);
void chan_standby_free(struct chan_handle *h);
void chan_standby_leave(struct chan_handle *h);
bool chan_standby_ready(const struct chan_handle *h);
long chan_ioctl_standby(struct chan_handle *h, unsigned long on);

#endif /* _CHAN_STANDBY_H */
