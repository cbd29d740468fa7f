// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/slot of ../slot: the least that a character device can do for the job. It doesn't
 * wait, so that it does for one process only.
 */
#include <fcntl.h>
#include <unistd.h>

#include "../bench.h"

static bool there(void)
{
	return access("/dev/slot", R_OK | W_OK) == 0;
}

static void open_slot(struct link *l)
{
	l->in = open("/dev/slot", O_RDWR);
	if (l->in < 0)
		die("/dev/slot");
	l->out = l->in;
}

static const struct peer slot = {
	.name = "slot",
	.what = "a bare character device that copies through one spinlocked slot",
	.only = 64,
	.size_max = 64,
	.capacity_min = 1,
	.capacity_max = 1,
	.no_processes = true,
	.in_kernel = true,
	.there = there,
	.open = open_slot,
	.close = file_close,
	.send = file_send,
	.recv = file_recv,
	.nonblock = file_nonblock,
	.try_recv = file_try_recv,
};
PEER(slot)
