/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * gochan - Go's concurrency in C, on channels that processes share
 *
 * What Go writes how here, line by line: gochan(7). C++ gets the functions; the macros,
 * which know the type of an element, are C's alone.
 */
#ifndef GOCHAN_H
#define GOCHAN_H

#include <gochan/chan.h>
#include <gochan/context.h>
#include <gochan/panic.h>
#include <gochan/select.h>
#include <gochan/sync.h>
#include <gochan/task.h>

#endif /* GOCHAN_H */
