// SPDX-License-Identifier: GPL-2.0
/*
 * Who ends a command that receives by a signal gets what it has received: a receive
 * that waits is cut short, what was received is printed, and then the signal does what
 * it does. It may come just before the receive waits. So another follows, until one fits.
 */
#include <sys/time.h>

#include "chanctl.h"

volatile sig_atomic_t stopped_by;

static void stop(int sig)
{
	static const struct itimerval again = { { 0, 10000 }, { 0, 10000 } };

	if (sig != SIGALRM)
		stopped_by = sig;
	setitimer(ITIMER_REAL, &again, NULL);
}

/**
 * catch_signals() - from now on they only set &stopped_by
 */
void catch_signals(void)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGTERM, SIGALRM };
	struct sigaction action = { .sa_handler = stop }, old;
	size_t i;

	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (!sigaction(signals[i], NULL, &old) && old.sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
}

/**
 * die_of_signal() - end as the signal would have ended the command, all being printed
 */
void die_of_signal(void)
{
	flush_or_die();
	signal(stopped_by, SIG_DFL);
	raise(stopped_by);
}
