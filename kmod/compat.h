/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between Linux 6.1 and 6.12; no version is tested elsewhere.
 */
#ifndef _CHAN_COMPAT_H
#define _CHAN_COMPAT_H

#include <linux/device.h>
#include <linux/version.h>

/* device_type.devnode takes a const device since 6.3. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
#define CHAN_DEVNODE_CONST const
#else
#define CHAN_DEVNODE_CONST
#endif

#endif /* _CHAN_COMPAT_H */
