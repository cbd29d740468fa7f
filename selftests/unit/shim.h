/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the core uses of the kernel, in userspace: a spinlock is a mutex, a task a
 * thread, RCU a lock that a task's end waits for. Each header <linux/NAME.h> that the
 * core includes is this one.
 */
#ifndef SHIM_H
#define SHIM_H

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t ktime_t;
typedef unsigned int __poll_t;

#define U32_MAX			UINT32_MAX
#define BIT(n)			(1U << (n))
#define ALIGN(x, a)		(((x) + (a) - 1) / (a) * (a))
#define noinline		__attribute__((__noinline__))
#undef __always_inline
#define __always_inline		inline __attribute__((__always_inline__))
#define __aligned(n)		__attribute__((__aligned__(n)))
#define __acquire(lock)		((void)0)
#define __release(lock)		((void)0)
#define __acquires(lock)
#define __releases(lock)
#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)
#define min(a, b)		((a) < (b) ? (a) : (b))
#define max(a, b)		((a) > (b) ? (a) : (b))
#define min_t(type, a, b)	min((type)(a), (type)(b))
#define swap(a, b)		do { typeof(a) swap_ = (a); (a) = (b); (b) = swap_; } while (0)
#define container_of(p, type, member) ((type *)((char *)(p) - offsetof(type, member)))
#define smp_load_acquire(p)	__atomic_load_n(p, __ATOMIC_ACQUIRE)
#define READ_ONCE(x)		__atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v)	__atomic_store_n(&(x), v, __ATOMIC_RELAXED)
#define smp_store_release(p, v)	__atomic_store_n(p, v, __ATOMIC_RELEASE)

#define ERESTARTSYS	512

/* What is read while others write it, and known to be: not the thread sanitizer's concern. */
u32 shim_data_race(const u32 *p);
#define data_race(x)		shim_data_race(&(x))
void smp_rmb(void);

/* Tracepoints: nobody looks */

#define TP_PROTO(...)		__VA_ARGS__
#define TP_ARGS(...)
#define DECLARE_EVENT_CLASS(name, ...)
#define DEFINE_EVENT(class, name, proto, args) static inline void trace_##name(proto) {}
#define TRACE_EVENT(name, proto, ...) static inline void trace_##name(proto) {}

/* Lists */

struct list_head {
	struct list_head *next, *prev;
};

static inline void INIT_LIST_HEAD(struct list_head *l)
{
	l->next = l->prev = l;
}

static inline bool list_empty(const struct list_head *l)
{
	return l->next == l;
}

static inline void list_add(struct list_head *e, struct list_head *after)
{
	e->prev = after;
	e->next = after->next;
	after->next->prev = e;
	after->next = e;
}

static inline void list_add_tail(struct list_head *e, struct list_head *before)
{
	list_add(e, before->prev);
}

static inline void list_del(struct list_head *e)
{
	assert(e->next->prev == e && e->prev->next == e);
	e->next->prev = e->prev;
	e->prev->next = e->next;
	e->next = e->prev = NULL;
}

static inline void list_del_init(struct list_head *e)
{
	list_del(e);
	INIT_LIST_HEAD(e);
}

#define list_first_entry(l, type, member) container_of((l)->next, type, member)
#define list_for_each_entry(p, l, member) \
	for (p = container_of((l)->next, typeof(*p), member); &p->member != (l); \
	     p = container_of(p->member.next, typeof(*p), member))
#define list_for_each_entry_safe(p, n, l, member) \
	for (p = container_of((l)->next, typeof(*p), member), \
	     n = container_of(p->member.next, typeof(*p), member); &p->member != (l); \
	     p = n, n = container_of(n->member.next, typeof(*n), member))
#define list_for_each_entry_reverse(p, l, member) \
	for (p = container_of((l)->prev, typeof(*p), member); &p->member != (l); \
	     p = container_of(p->member.prev, typeof(*p), member))

/* Locks */

typedef struct {
	pthread_mutex_t mutex;
	bool held;		/* by whoever asserts it, if the code is right */
} spinlock_t;

static inline void spin_lock_init(spinlock_t *l)
{
	pthread_mutex_init(&l->mutex, NULL);
	l->held = false;
}

static inline void spin_lock(spinlock_t *l)
{
	pthread_mutex_lock(&l->mutex);
	l->held = true;
}

static inline void spin_unlock(spinlock_t *l)
{
	l->held = false;
	pthread_mutex_unlock(&l->mutex);
}

#define SINGLE_DEPTH_NESTING	1
#define spin_lock_nested(l, n)	((void)(n), spin_lock(l))

#define lockdep_assert_held(l)	assert((l)->held)

/*
 * A reader keeps synchronize_rcu(), so the memory of tasks that end. Readers are counted,
 * those of before and of after a grace period has begun; it isn't a lock, and so has no
 * place in the order of locks.
 */
void rcu_read_lock(void);
void rcu_read_unlock(void);
void synchronize_rcu(void);

/* Tasks */

#define TASK_RUNNING		0
#define TASK_INTERRUPTIBLE	1
#define TASK_FREEZABLE		2
#define HRTIMER_MODE_ABS	0

struct task_struct {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	bool woken;
	bool signal;
	u64 timer_slack_ns;
};

extern __thread struct task_struct *current;

void shim_task_init(struct task_struct *t);
void set_current_state(int state);
void wake_up_process(struct task_struct *t);
void schedule(void);
int schedule_hrtimeout_range(ktime_t *expires, u64 slack, int mode);

static inline void __set_current_state(int state)
{
	(void)state;
}

static inline bool signal_pending(struct task_struct *t)
{
	return __atomic_load_n(&t->signal, __ATOMIC_ACQUIRE);
}

static inline void cond_resched(void)
{
}

/* Who polls: counts what it is told. */

typedef struct wait_queue_head {
	bool active;
	u32 raised;		/* events */
	u32 times;
	bool all;		/* exclusive ones, too */
} wait_queue_head_t;

#define poll_to_key(events)	(events)

static inline void init_waitqueue_head(wait_queue_head_t *wq)
{
	memset(wq, 0, sizeof(*wq));
}

static inline bool waitqueue_active(wait_queue_head_t *wq)
{
	return wq->active;
}

static inline void __wake_up(wait_queue_head_t *wq, int mode, int exclusive, u32 events)
{
	(void)mode;
	__atomic_fetch_or(&wq->raised, events, __ATOMIC_RELAXED);
	__atomic_fetch_add(&wq->times, 1, __ATOMIC_RELAXED);
	if (!exclusive)
		__atomic_store_n(&wq->all, true, __ATOMIC_RELAXED);
}

#endif /* SHIM_H */
