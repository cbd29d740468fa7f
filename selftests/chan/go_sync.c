// SPDX-License-Identifier: GPL-2.0
/*
 * Package sync over the module: locks and channels in one program, among goroutines and
 * among threads. What needs no channels the library's own tests show.
 *
 * Built and linked as libchan.c is, and with Boost.Context.
 */
#include "go_test.h"

FIXTURE(s) {
	struct go_wait_group ended;
	struct go_mutex m;
	struct go_rwmutex rw;
	struct go_cond cond;
	struct go_once once;
	chan(int) c;
};

FIXTURE_VARIANT(s) {
	bool threads;
	bool mixed;
	int capacity;
};

FIXTURE_VARIANT_ADD(s, goroutines) { };
FIXTURE_VARIANT_ADD(s, threads) { .threads = true };
FIXTURE_VARIANT_ADD(s, mixed) { .mixed = true };
FIXTURE_VARIANT_ADD(s, goroutines_of_64) { .capacity = 64 };
FIXTURE_VARIANT_ADD(s, mixed_of_64) { .mixed = true, .capacity = 64 };

FIXTURE_SETUP(s)
{
	self->c = go_make(int, variant->capacity);
}

FIXTURE_TEARDOWN(s)
{
	chan_unref(self->c);
}

/* Party @i of a test is a thread, or a goroutine. */
#define START(i, fn, arg) \
	start(variant->threads || (variant->mixed && (i) % 2), &self->ended, fn, arg)

/* All that a party is given. */
struct work {
	FIXTURE_DATA(s) *s;
	struct go_wait_group *left;
	int from, n;
	_Atomic int *turns, *inside;
	_Atomic bool *flag;
	int *plain;
	long sum;
};

/*
 * A lock that is held while its holder waits in a channel
 */

static void lock_and_send(void *arg)
{
	struct work *w = arg;

	go_mutex_lock(&w->s->m);
	go_send(w->s->c, w->from);
	go_mutex_unlock(&w->s->m);
}

static void fill(FIXTURE_DATA(s) *s)
{
	while (!chan_send_try(s->c, 0))
		;
}

/* One waits in the channel, the others for the lock that it holds. */
TEST_F(s, a_lock_is_held_by_who_waits_in_a_channel)
{
	struct work w[5];
	bool seen[5] = {};
	int i, v;

	fill(self);
	for (i = 0; i < 5; i++) {
		w[i] = (struct work){ .s = self, .from = i + 1 };
		START(i, lock_and_send, &w[i]);
	}
	wait_parked(self->c, 1, 0);
	EXPECT_FALSE(go_mutex_trylock(&self->m));
	for (i = 0; i < variant->capacity; i++)
		EXPECT_EQ(go_recv(self->c), 0);
	for (i = 0; i < 5; i++) {
		v = go_recv(self->c);
		ASSERT_TRUE(v >= 1 && v <= 5);
		EXPECT_FALSE(seen[v - 1]);
		seen[v - 1] = true;
	}
	go_wait_group_wait(&self->ended);
	EXPECT_TRUE(go_mutex_trylock(&self->m));
}

/*
 * Many send, and when all have a last one closes: Go's wait and close
 */

static void send_and_be_done(void *arg)
{
	struct work *w = arg;
	int i;

	for (i = 0; i < w->n; i++)
		go_send(w->s->c, w->from + i);
	go_wait_group_done(w->left);
}

static void wait_and_close(void *arg)
{
	struct work *w = arg;

	go_wait_group_wait(w->left);
	go_close(w->s->c);
}

static void add_up(void *arg)
{
	struct work *w = arg;

	go_range(v, w->s->c)
		w->sum += v;
	go_mutex_lock(&w->s->m);
	*w->plain += w->sum;
	go_mutex_unlock(&w->s->m);
}

TEST_F(s, who_waits_for_all_senders_closes_after_them)
{
	struct go_wait_group left = {};
	struct work senders[8], closer = { .s = self, .left = &left }, receivers[4];
	int i, sum = 0;

	go_wait_group_add(&left, 8);
	for (i = 0; i < 4; i++) {
		receivers[i] = (struct work){ .s = self, .plain = &sum };
		START(i, add_up, &receivers[i]);
	}
	START(0, wait_and_close, &closer);
	for (i = 0; i < 8; i++) {
		senders[i] = (struct work){ .s = self, .left = &left, .from = i * 100, .n = 100 };
		START(i, send_and_be_done, &senders[i]);
	}
	go_wait_group_wait(&self->ended);
	EXPECT_EQ(sum, 800 * 799 / 2);
}

/*
 * Go's hammers, with channels to tell that they are done
 */

static void hammer_mutex(void *arg)
{
	struct work *w = arg;
	int i;

	for (i = 0; i < w->n; i++) {
		if (i % 3 == 0) {
			if (!go_mutex_trylock(&w->s->m))
				continue;
		} else {
			go_mutex_lock(&w->s->m);
		}
		++*w->plain;
		w->sum++;
		go_mutex_unlock(&w->s->m);
	}
	go_send(w->s->c, 1);
}

TEST_F(s, ten_hammer_a_mutex)
{
	struct work w[10];
	int i, counter = 0;
	long sum = 0;

	for (i = 0; i < 10; i++) {
		w[i] = (struct work){ .s = self, .n = 1000, .plain = &counter };
		START(i, hammer_mutex, &w[i]);
	}
	for (i = 0; i < 10; i++)
		EXPECT_EQ(go_recv(self->c), 1);
	go_wait_group_wait(&self->ended);
	for (i = 0; i < 10; i++)
		sum += w[i].sum;
	EXPECT_EQ(sum, counter);
}

static void hammer_reading(void *arg)
{
	struct work *w = arg;
	int i, n;

	for (i = 0; i < w->n; i++) {
		go_rwmutex_rlock(&w->s->rw);
		n = ++*w->inside;
		w->sum += n < 1 || n >= 10000;
		--*w->inside;
		go_rwmutex_runlock(&w->s->rw);
	}
	go_send(w->s->c, 1);
}

static void hammer_writing(void *arg)
{
	struct work *w = arg;
	int i;

	for (i = 0; i < w->n; i++) {
		go_rwmutex_lock(&w->s->rw);
		w->sum += __atomic_add_fetch(w->plain, 1, __ATOMIC_RELAXED) != 1;
		*w->inside += 10000;
		w->sum += *w->inside != 10000;
		*w->inside -= 10000;
		__atomic_sub_fetch(w->plain, 1, __ATOMIC_RELAXED);
		go_rwmutex_unlock(&w->s->rw);
	}
	go_send(w->s->c, 1);
}

/* Go's HammerRWMutex(10, 10, 1000). */
TEST_F(s, ten_readers_and_two_writers_hammer_an_rwmutex)
{
	_Atomic int inside = 0;
	struct work w[12];
	int i, writers = 0;

	for (i = 0; i < 12; i++) {
		w[i] = (struct work){ .s = self, .n = 1000, .inside = &inside, .plain = &writers };
		START(i, i % 6 ? hammer_reading : hammer_writing, &w[i]);
	}
	for (i = 0; i < 12; i++)
		EXPECT_EQ(go_recv(self->c), 1);
	go_wait_group_wait(&self->ended);
	for (i = 0; i < 12; i++)
		EXPECT_EQ(w[i].sum, 0);
}

/*
 * Go's TestMutexFairness: one that holds the lock all the time but for an instant
 */

static void hog(void *arg)
{
	struct work *w = arg;
	bool stop = false;
	int v;

	while (!stop) {
		go_mutex_lock(&w->s->m);
		go_sleep(100000);
		go_mutex_unlock(&w->s->m);
		go_select {
			go_case_recv(w->s->c, &v) {
				stop = true;
			}
			go_default {
			}
		}
	}
}

static void ten_turns(void *arg)
{
	struct work *w = arg;
	int i;

	for (i = 0; i < 10; i++) {
		go_sleep(100000);
		go_mutex_lock(&w->s->m);
		go_mutex_unlock(&w->s->m);
		++*w->turns;
	}
	go_send(w->s->c, 1);
}

TEST_F(s, a_hog_lets_others_in)
{
	_Atomic int turns = 0;
	struct work w = { .s = self, .turns = &turns };

	START(0, hog, &w);
	START(1, ten_turns, &w);
	go_wait_group_wait(&self->ended);
	EXPECT_EQ(turns, 10);
}

/*
 * Once around a channel
 */

static void receive_inside(void *arg)
{
	struct work *w = arg;

	*w->plain += go_recv(w->s->c);
}

static void receive_once(void *arg)
{
	struct work *w = arg;

	go_once_do(&w->s->once, receive_inside, w);
	w->sum = *w->plain;
}

TEST_F(s, all_wait_for_the_one_that_receives)
{
	struct work w[6];
	int i, value = 0;

	for (i = 0; i < 6; i++) {
		w[i] = (struct work){ .s = self, .plain = &value };
		START(i, receive_once, &w[i]);
	}
	wait_parked(self->c, 0, 1);
	go_send(self->c, 42);
	go_wait_group_wait(&self->ended);
	for (i = 0; i < 6; i++)
		EXPECT_EQ(w[i].sum, 42);
	EXPECT_EQ(chan_len(self->c), 0);
}

/*
 * A thousand, or fewer where that takes long, wait for a lock's condition, which takes no
 * descriptors; then all send
 */

static void wait_and_send(void *arg)
{
	struct work *w = arg;

	go_mutex_lock(&w->s->m);
	++*w->plain;
	while (!*w->flag)
		go_cond_wait(&w->s->cond, &w->s->m);
	go_mutex_unlock(&w->s->m);
	go_send(w->s->c, 1);
}

static int locked(struct go_mutex *m, const int *value)
{
	int v;

	go_mutex_lock(m);
	v = *value;
	go_mutex_unlock(m);
	return v;
}

TEST(a_thousand_goroutines_wait_for_a_broadcast)
{
	FIXTURE_DATA(s) s = { .c = go_make(int) };
	_Atomic bool flag = false;
	int i, n = 1000 / slowness(), waiting = 0, before;
	struct work w = { .s = &s, .plain = &waiting, .flag = &flag };

	start(false, &s.ended, wait_and_send, &w);
	while (locked(&s.m, &waiting) != 1)
		step_aside();
	before = dup(0);
	close(before);
	for (i = 1; i < n; i++)
		start(false, &s.ended, wait_and_send, &w);
	while (locked(&s.m, &waiting) != n)
		step_aside();
	i = dup(0);
	EXPECT_EQ(i, before);
	close(i);
	go_mutex_lock(&s.m);
	flag = true;
	go_mutex_unlock(&s.m);
	go_cond_broadcast(&s.cond);
	for (i = 0; i < n; i++)
		EXPECT_EQ(go_recv(s.c), 1);
	go_wait_group_wait(&s.ended);
	chan_unref(s.c);
}

/*
 * Deadlocks, in which locks and channels hold each other
 */

static struct {
	struct go_mutex m;
	struct go_rwmutex rw;
	struct go_wait_group wg;
	struct go_cond cond;
	struct go_once once;
	chan(int) c;
} d;

static void lock_it(void *arg)
{
	go_mutex_lock(&d.m);
}

static void rlock_it(void *arg)
{
	go_rwmutex_rlock(&d.rw);
}

static void write_it(void *arg)
{
	go_rwmutex_lock(&d.rw);
}

static void wait_for_all(void *arg)
{
	go_wait_group_wait(&d.wg);
}

static void wait_for_signal(void *arg)
{
	struct go_mutex m = {};

	go_mutex_lock(&m);
	go_cond_wait(&d.cond, &m);
}

static void do_again(void *arg)
{
	go_once_do(&d.once, do_again, NULL);
}

/* Each waits for something that only another one could do. */
static void all_wait(void *arg)
{
	static void (*const waits[])(void *) = {
		lock_it, rlock_it, wait_for_all, wait_for_signal, do_again,
	};
	size_t i;

	d.c = go_make(int);
	go_mutex_lock(&d.m);
	go_rwmutex_lock(&d.rw);
	go_wait_group_add(&d.wg, 1);
	for (i = 0; i < ARRAY(waits); i++)
		if (go_start(waits[i], NULL))
			abort();
	go_recv(d.c);
}

static void run_all_wait(void)
{
	go_run(all_wait, NULL);
}

TEST(a_deadlock_of_locks_and_channels_is_told)
{
	static const char *const says[] = {
		"\ngoroutine 1 [chan receive]:\n", " [sync.Mutex.Lock]:\n",
		" [sync.RWMutex.RLock]:\n", " [sync.WaitGroup.Wait]:\n", " [sync.Cond.Wait]:\n",
		" [sync.Once.Do]:\n",
	};
	struct end end;
	size_t i;

	if (!deadlocks_are_told())
		return;
	end = run_program(run_all_wait);
	EXPECT_EQ(end.status, 2);
	EXPECT_EQ(strncmp(end.err, "fatal error: all goroutines are asleep - deadlock!\n", 50), 0);
	for (i = 0; i < ARRAY(says); i++)
		EXPECT_NE(strstr(end.err, says[i]), NULL)
			TH_LOG("said: %s", end.err);
}

static void writer_behind_reader(void *arg)
{
	go_rwmutex_rlock(&d.rw);
	if (go_start(write_it, NULL))
		abort();
	go_yield();
	/* What must not be done: a writer waits by now, or will. */
	while (go_rwmutex_tryrlock(&d.rw)) {
		go_rwmutex_runlock(&d.rw);
		go_yield();
	}
	go_rwmutex_rlock(&d.rw);
}

static void run_writer_behind_reader(void)
{
	go_run(writer_behind_reader, NULL);
}

TEST(a_reader_that_reads_again_behind_a_writer_is_a_deadlock)
{
	struct end end;

	if (!deadlocks_are_told())
		return;
	end = run_program(run_writer_behind_reader);
	EXPECT_EQ(end.status, 2);
	EXPECT_NE(strstr(end.err, "\ngoroutine 1 [sync.RWMutex.RLock]:\n"), NULL);
	EXPECT_NE(strstr(end.err, " [sync.RWMutex.Lock]:\n"), NULL);
}

/* Who waits with a time isn't asleep for ever. */
static void lock_for_a_time(void *arg)
{
	go_mutex_lock(&d.m);
	if (go_mutex_lock_timeout(&d.m, 20 * MS) != -ETIMEDOUT)
		abort();
	go_wait_group_add(&d.wg, 1);
	if (go_wait_group_wait_timeout(&d.wg, 20 * MS) != -ETIMEDOUT)
		abort();
	if (go_cond_wait_timeout(&d.cond, &d.m, 20 * MS) != -ETIMEDOUT)
		abort();
	dprintf(STDERR_FILENO, "in time\n");
}

static void run_lock_for_a_time(void)
{
	go_run(lock_for_a_time, NULL);
}

TEST(a_wait_with_a_time_is_no_deadlock)
{
	struct end end = run_program(run_lock_for_a_time);

	EXPECT_EQ(end.status, 0);
	EXPECT_STREQ(end.err, "in time\n");
}

TEST_HARNESS_MAIN
