// SPDX-License-Identifier: GPL-2.0
/*
 * Sleeping and waking, as the kernel does it: who is woken after it has said that it
 * will sleep doesn't sleep.
 */
#include <sched.h>
#include <stdatomic.h>

#include "shim.h"

static atomic_int rcu_readers[2];
static atomic_uint rcu_phase;
static pthread_mutex_t rcu_mutex = PTHREAD_MUTEX_INITIALIZER;
static __thread unsigned int rcu_mine, rcu_depth;

void rcu_read_lock(void)
{
	if (rcu_depth++)
		return;
	for (;;) {
		rcu_mine = rcu_phase % 2;
		rcu_readers[rcu_mine]++;
		if (rcu_mine == rcu_phase % 2)
			return;
		rcu_readers[rcu_mine]--;
	}
}

void rcu_read_unlock(void)
{
	assert(rcu_depth);
	if (!--rcu_depth)
		rcu_readers[rcu_mine]--;
}

/* For those of before; who has come since may have looked at the old phase, and gone on. */
void synchronize_rcu(void)
{
	unsigned int i;

	assert(!rcu_depth);
	pthread_mutex_lock(&rcu_mutex);
	for (i = 0; i < 2; i++) {
		rcu_phase++;
		while (rcu_readers[(rcu_phase + 1) % 2])
			sched_yield();
	}
	pthread_mutex_unlock(&rcu_mutex);
}
__thread struct task_struct *current;

__attribute__((__no_sanitize__("thread"), __noinline__))
u32 shim_data_race(const u32 *p)
{
	return *(const volatile u32 *)p;
}

/* The thread sanitizer knows no fences. */
void smp_rmb(void)
{
	static __thread u32 here;

	__atomic_fetch_add(&here, 0, __ATOMIC_ACQ_REL);
}

void shim_task_init(struct task_struct *t)
{
	pthread_condattr_t attr;

	memset(t, 0, sizeof(*t));
	pthread_mutex_init(&t->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&t->cond, &attr);
}

void set_current_state(int state)
{
	(void)state;
	pthread_mutex_lock(&current->mutex);
	current->woken = false;
	pthread_mutex_unlock(&current->mutex);
}

void wake_up_process(struct task_struct *t)
{
	pthread_mutex_lock(&t->mutex);
	t->woken = true;
	pthread_cond_signal(&t->cond);
	pthread_mutex_unlock(&t->mutex);
}

void schedule(void)
{
	pthread_mutex_lock(&current->mutex);
	while (!current->woken)
		pthread_cond_wait(&current->cond, &current->mutex);
	pthread_mutex_unlock(&current->mutex);
}

/* Return: 0 if the time has come. */
int schedule_hrtimeout_range(ktime_t *expires, u64 slack, int mode)
{
	struct timespec t = { *expires / 1000000000, *expires % 1000000000 };
	int r = 0;

	(void)slack;
	(void)mode;
	pthread_mutex_lock(&current->mutex);
	while (!current->woken && !r)
		r = pthread_cond_timedwait(&current->cond, &current->mutex, &t);
	r = current->woken ? -EINTR : 0;
	pthread_mutex_unlock(&current->mutex);
	return r;
}
