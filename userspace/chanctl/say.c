// SPDX-License-Identifier: GPL-2.0
/*
 * Messages, and what they make of the exit status.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chanctl.h"

const char *chanctl_command;

static void vsay(const char *format, va_list ap)
{
	fflush(stdout);
	fprintf(stderr, "chanctl %s: ", chanctl_command);
	vfprintf(stderr, format, ap);
	fputc('\n', stderr);
}

/**
 * say() - a message on standard error
 * @format: as printf(3)'s, without a new line
 */
void say(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsay(format, ap);
	va_end(ap);
}

/**
 * die() - a message, and the end
 * @status: exit status
 * @format: as printf(3)'s, without a new line
 */
void die(int status, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsay(format, ap);
	va_end(ap);
	exit(status);
}

/**
 * die_of() - the message and the exit status of a failed call of libchan
 * @error: what it returned
 * @what: the channel, or what else the call was about
 */
void die_of(int error, const char *what)
{
	int status = STATUS_ERROR;

	switch (error) {
	case -EPIPE:
		status = STATUS_CLOSED;
		break;
	case -ETIMEDOUT:
		status = STATUS_TIMEOUT;
		break;
	case -ENOENT:
	case -ENXIO:
		status = STATUS_NONE;
		break;
	}
	die(status, "%s: %s", what, chan_strerror(error));
}

/**
 * flush_or_die() - what was printed has to arrive
 */
void flush_or_die(void)
{
	if (fflush(stdout) || ferror(stdout))
		die(STATUS_ERROR, "standard output: %s", strerror(errno));
}
