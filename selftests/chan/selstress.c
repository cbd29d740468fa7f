// SPDX-License-Identifier: GPL-2.0
/*
 * Many that select, among others that send and receive plainly, as threads and as
 * processes, with and without a storm of signals: an element is received once if its
 * sender was told that it is sent, and else never.
 *
 * An element carries its sender's number, its own, and a sum. Senders note what they
 * were told, receivers what they got, in memory that all share; in the end both are the
 * same. Of each sender and channel a receiver sees the numbers rise.
 */
#include <sys/time.h>

#include "chan_test.h"

#define CHANS		4
#define WORKERS		12
#define NUMBERS		40000		/* elements of one sender, at most */
#define ELEM		BY_REF
#define PATIENCE	(60 * SEC * slowness())	/* for what takes a second or ten */

enum role { SELECT_SEND, SELECT_RECV, SELECT_BOTH, PLAIN_SEND, PLAIN_RECV };

struct elem {
	uint32_t sender, number;
	uint64_t sum;
	unsigned char more[ELEM - 16];
};

struct shared {
	uint64_t sent, received, errors, caught, interrupted, defaults, timeouts;
	unsigned char told[WORKERS][NUMBERS], seen[WORKERS][NUMBERS];
};

struct worker {
	enum role role;
	FIXTURE_DATA(stress) *self;
	const FIXTURE_VARIANT(stress) *variant;
	uint32_t me, next;		/* number of the element that it sends next */
	uint64_t seed;
	int64_t last[WORKERS][CHANS];
	bool gone[CHANS];		/* closed, as it was told */
	struct chan_case cases[4 * CHANS];
	unsigned int chan[4 * CHANS];
	struct elem out, in, want;
	pthread_t thread;
	pid_t pid;
};

FIXTURE(stress)
{
	int fd[CHANS], done;
	uint32_t each;			/* elements of one sender */
	struct shared *shared;
	struct worker workers[WORKERS];
	int nr_workers, nr_senders, nr_both;
};

FIXTURE_VARIANT(stress)
{
	unsigned int elements, capacity, elem_size, flags;
	bool processes, both;
	unsigned int closing;		/* so often anew, with channels closed meanwhile */
	unsigned int storm;		/* microseconds from signal to signal */
	int sa_flags;
};

#define ADD(name, ...)	FIXTURE_VARIANT_ADD(stress, name) { __VA_ARGS__ }

ADD(threads_unbuffered, .elements = 40000, .capacity = 0, .elem_size = 16, );
ADD(threads_capacity_1, .elements = 40000, .capacity = 1, .elem_size = 16, );
ADD(threads_capacity_64, .elements = 60000, .capacity = 64, .elem_size = 16, );
ADD(threads_messages, .elements = 40000, .capacity = 4, .elem_size = 200, .flags = CHAN_MESSAGE, );
ADD(threads_by_reference_unbuffered, .elements = 20000, .capacity = 0, .elem_size = ELEM, );
ADD(threads_by_reference, .elements = 40000, .capacity = 64, .elem_size = ELEM, );
ADD(threads_both_ways_unbuffered, .elements = 40000, .capacity = 0, .elem_size = 16,
    .both = true, );
ADD(threads_both_ways_capacity_1, .elements = 40000, .capacity = 1, .elem_size = 16,
    .both = true, );
ADD(threads_closing, .elements = 2000, .capacity = 2, .elem_size = 16, .closing = 25, );
ADD(threads_closing_unbuffered, .elements = 2000, .capacity = 0, .elem_size = ELEM,
    .closing = 25, );
ADD(threads_closing_both_ways, .elements = 2000, .capacity = 0, .elem_size = 16, .both = true,
    .closing = 25, );
ADD(processes_unbuffered, .elements = 30000, .capacity = 0, .elem_size = 16, .processes = true, );
ADD(processes_capacity_64, .elements = 40000, .capacity = 64, .elem_size = 16, .processes = true, );
ADD(processes_both_ways, .elements = 20000, .capacity = 1, .elem_size = ELEM, .both = true,
    .processes = true, .flags = CHAN_MESSAGE, );
ADD(storm_threads_unbuffered, .elements = 20000, .capacity = 0, .elem_size = 16, .storm = 100, );
ADD(storm_threads_restart, .elements = 20000, .capacity = 1, .elem_size = ELEM, .storm = 100,
    .sa_flags = SA_RESTART, );
ADD(storm_processes, .elements = 20000, .capacity = 1, .elem_size = 16, .storm = 500,
    .both = true, .processes = true, );
ADD(storm_processes_restart, .elements = 20000, .capacity = 0, .elem_size = 16, .storm = 500,
    .sa_flags = SA_RESTART, .processes = true, );

FIXTURE_SETUP(stress)
{
	self->shared = mmap(NULL, sizeof(*self->shared), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->shared);
	self->done = make_chan(0, 2 * WORKERS, 0);
	ASSERT_GE(self->done, 0);
}

FIXTURE_TEARDOWN(stress)
{
	munmap(self->shared, sizeof(*self->shared));
	close(self->done);
}

static void count(uint64_t *counter)
{
	__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

static uint32_t rnd(struct worker *w, uint32_t n)
{
	w->seed ^= w->seed << 13;
	w->seed ^= w->seed >> 7;
	w->seed ^= w->seed << 17;
	return (w->seed >> 33) % n;
}

static void wrong(struct worker *w, const char *what, long value)
{
	/* Some are as good as all. */
	if (__atomic_add_fetch(&w->self->shared->errors, 1, __ATOMIC_RELAXED) < 10)
		printf("# worker %u: %s: %ld\n", w->me, what, value);
}

/*
 * Elements
 */

static unsigned int len_of(const struct worker *w, uint32_t number)
{
	if (!(w->variant->flags & CHAN_MESSAGE))
		return w->variant->elem_size;
	return 16 + number * 7 % (w->variant->elem_size - 15);
}

static void make_elem(const struct worker *w, struct elem *e, uint32_t sender, uint32_t number)
{
	e->sender = sender;
	e->number = number;
	e->sum = (sender * 0x9e3779b97f4a7c15ULL) ^ (number + 1) * 0xbf58476d1ce4e5b9ULL;
	memset(e->more, sender + number * 31, w->variant->elem_size - 16);
}

static void was_told(struct worker *w)
{
	if (w->self->shared->told[w->me][w->next])
		wrong(w, "told twice", w->next);
	w->self->shared->told[w->me][w->next++] = 1;
	count(&w->self->shared->sent);
}

static void was_received(struct worker *w, unsigned int chan, unsigned int len)
{
	struct elem *e = &w->in;

	if (e->sender >= WORKERS || e->number >= NUMBERS) {
		wrong(w, "no element", e->number);
		return;
	}
	make_elem(w, &w->want, e->sender, e->number);
	if (len != len_of(w, e->number) || memcmp(e, &w->want, len))
		wrong(w, "another element", e->number);
	if (e->number <= w->last[e->sender][chan])
		wrong(w, "out of order", e->number);
	w->last[e->sender][chan] = e->number;
	if (__atomic_exchange_n(&w->self->shared->seen[e->sender][e->number], 1, __ATOMIC_RELAXED))
		wrong(w, "received twice", e->number);
	count(&w->self->shared->received);
}

/*
 * Workers
 */

static bool wants_to_send(const struct worker *w)
{
	return w->role != SELECT_RECV && w->next < w->self->each;
}

static bool wants_to_receive(const struct worker *w)
{
	return w->role != SELECT_SEND;
}

/* The cases of a select, in any order, with some twice. Returns how many aren't nil. */
static unsigned int make_cases(struct worker *w, unsigned int *n)
{
	unsigned int len = w->variant->flags & CHAN_MESSAGE ? w->variant->elem_size : 0;
	unsigned int start = rnd(w, CHANS), some = 0, i, c;

	*n = 0;
	/* Who would send offers to somebody, or all could wait for each other. */
	while (w->gone[start] && memchr(w->gone, false, CHANS))
		start = rnd(w, CHANS);
	for (i = 0; i < CHANS + rnd(w, 3); i++) {
		c = (start + i) % CHANS;
		if (wants_to_receive(w)) {
			w->chan[*n] = c;
			w->cases[*n] = recv_case(w->gone[c] ? -1 : w->self->fd[c], &w->in);
			w->cases[(*n)++].len = w->gone[c] ? 0 : len;
			some += !w->gone[c];
		}
		/* Not everywhere: others are to become ready meanwhile. */
		if (wants_to_send(w) && (rnd(w, 2) || !i)) {
			w->chan[*n] = c;
			w->cases[*n] = send_case(w->gone[c] ? -1 : w->self->fd[c], &w->out);
			w->cases[(*n)++].len = len ? len_of(w, w->next) : 0;
			some += !w->gone[c];
		}
	}
	return some;
}

static void check_chosen(struct worker *w, unsigned int n, long r)
{
	unsigned int i = r & CHAN_INDEX_MASK, len;

	if (r < 0 || r & ~(CHAN_OK | CHAN_INDEX_MASK) || i >= n || w->cases[i].fd < 0) {
		wrong(w, "select returned", r);
	} else if (!(r & CHAN_OK)) {
		w->gone[w->chan[i]] = true;
	} else if (w->cases[i].op == CHAN_CASE_SEND) {
		was_told(w);
	} else {
		len = w->variant->flags & CHAN_MESSAGE ? w->cases[i].len : w->variant->elem_size;
		was_received(w, w->chan[i], len);
	}
}

static void one_select(struct worker *w, unsigned int n)
{
	static const unsigned int ways[] = { 0, 0, 0, CHAN_TIMEOUT, CHAN_NONBLOCK };
	unsigned int flags = ways[rnd(w, 5)] | (rnd(w, 4) ? 0 : CHAN_PRIORITY);
	long r;

	r = select_n(w->cases, n, flags, flags & CHAN_TIMEOUT ? rnd(w, 200000) : 0);
	if (r == -EINTR) {
		count(&w->self->shared->interrupted);
	} else if (r == -EAGAIN && flags & CHAN_NONBLOCK) {
		count(&w->self->shared->defaults);
		sched_yield();
	} else if (r == -ETIMEDOUT && flags & CHAN_TIMEOUT) {
		count(&w->self->shared->timeouts);
	} else {
		check_chosen(w, n, r);
	}
}

static void say_done(struct worker *w)
{
	while (wr(w->self->done, "", 1) != 1)
		;
}

/* Until all is sent, and all channels that it receives from are closed. */
static void select_work(struct worker *w)
{
	bool sends = w->role == SELECT_BOTH;
	unsigned int n;

	while (wants_to_send(w) || wants_to_receive(w)) {
		/* Who goes on after it has sent all says so here, others when they end. */
		if (sends && !wants_to_send(w)) {
			say_done(w);
			sends = false;
		}
		make_elem(w, &w->out, w->me, w->next);
		if (make_cases(w, &n))
			one_select(w, n);
		else if (!memchr(w->gone, false, CHANS))
			break;
	}
	if (sends)
		say_done(w);
}

static void plain_send_work(struct worker *w)
{
	unsigned int c, len;
	long r;

	while (w->next < w->self->each && memchr(w->gone, false, CHANS)) {
		c = rnd(w, CHANS);
		len = len_of(w, w->next);
		make_elem(w, &w->out, w->me, w->next);
		r = wr(w->self->fd[c], &w->out, len);
		if (r == (long)len)
			was_told(w);
		else if (r == -EPIPE)
			w->gone[c] = true;
		else if (r != -EINTR)
			wrong(w, "write returned", r);
	}
}

static void plain_recv_work(struct worker *w)
{
	unsigned int c = w->me % CHANS;
	long r;

	while ((r = rd(w->self->fd[c], &w->in, w->variant->elem_size)) != 0) {
		if (r > 0)
			was_received(w, c, r);
		else if (r != -EINTR)
			wrong(w, "read returned", r);
	}
}

static struct shared *caught_in;

static void caught(int sig)
{
	count(&caught_in->caught);
}

static void storm(const FIXTURE_VARIANT(stress) *variant)
{
	struct itimerval every = {
		.it_interval.tv_usec = variant->storm, .it_value.tv_usec = variant->storm,
	};

	setitimer(ITIMER_REAL, &every, NULL);
}

static void *work(void *arg)
{
	struct worker *w = arg;
	sigset_t alarms;

	sigemptyset(&alarms);
	sigaddset(&alarms, SIGALRM);
	if (w->variant->storm)
		pthread_sigmask(SIG_UNBLOCK, &alarms, NULL);
	if (w->role == PLAIN_SEND)
		plain_send_work(w);
	else if (w->role == PLAIN_RECV)
		plain_recv_work(w);
	else
		select_work(w);
	say_done(w);
	return NULL;
}

static void start(struct worker *w)
{
	if (!w->variant->processes) {
		if (pthread_create(&w->thread, NULL, work, w))
			abort();
		return;
	}
	w->pid = fork();
	if (!w->pid) {
		if (w->variant->storm)
			storm(w->variant);
		work(w);
		_exit(0);
	}
}

static void end(struct worker *w)
{
	int status;

	if (!w->variant->processes)
		pthread_join(w->thread, NULL);
	else if (waitpid(w->pid, &status, 0) != w->pid || status)
		wrong(w, "exited with", status);
}

/*
 * All of them
 */

/* They hang: say how, and end them all. */
static void give_up(FIXTURE_DATA(stress) *self)
{
	struct chan_info i;
	struct worker *w;
	int c;

	printf("# it hangs: sent %llu, received %llu\n", (unsigned long long)self->shared->sent,
	       (unsigned long long)self->shared->received);
	for (c = 0; c < CHANS; c++) {
		i = info(self->fd[c]);
		printf("# channel %d: flags %x, %u of %u, sent %llu, received %llu, ", c, i.flags,
		       i.len, i.capacity, i.sent, i.received);
		printf("parked senders %u, receivers %u\n", i.parked_senders, i.parked_receivers);
	}
	for (w = self->workers; w < self->workers + self->nr_workers; w++)
		printf("# worker %u: role %d, sent %u of %u, gone %d %d %d %d\n", w->me, w->role,
		       w->next, self->each, w->gone[0], w->gone[1], w->gone[2], w->gone[3]);
	fflush(stdout);
	kill(0, SIGKILL);
}

/* So many have sent all, or ended. */
static void wait_done(FIXTURE_DATA(stress) *self, int n)
{
	while (n--)
		if (recv_n(self->done, NULL, 1, CHAN_TIMEOUT, PATIENCE) != 1)
			give_up(self);
}

static void hire(FIXTURE_DATA(stress) *self, const FIXTURE_VARIANT(stress) *variant)
{
	static const enum role apart[] = {
		SELECT_SEND, SELECT_RECV, SELECT_SEND, SELECT_RECV, SELECT_SEND, SELECT_RECV,
		PLAIN_SEND, PLAIN_RECV,
	};
	static const enum role both[] = {
		SELECT_BOTH, SELECT_BOTH, SELECT_BOTH, SELECT_BOTH, PLAIN_SEND, PLAIN_RECV,
	};
	const enum role *roles = variant->both ? both : apart;
	struct worker *w;
	int i;

	self->nr_workers = variant->both ? 6 : 8;
	self->nr_senders = self->nr_both = 0;
	for (i = 0; i < self->nr_workers; i++) {
		w = &self->workers[i];
		memset(w, 0, sizeof(*w));
		memset(w->last, 0xff, sizeof(w->last));
		w->role = roles[i];
		w->self = self;
		w->variant = variant;
		w->me = i;
		w->seed = now_ns() * 2 + 1 + 1000003ULL * i;
		self->nr_senders += w->role != SELECT_RECV && w->role != PLAIN_RECV;
		self->nr_both += w->role == SELECT_BOTH;
	}
	self->each = variant->elements / self->nr_senders;
}

/* Close one channel after the other while they are at it. */
static void close_meanwhile(FIXTURE_DATA(stress) *self, unsigned int elements)
{
	unsigned long long begun = now_ns();
	int c;

	for (c = 0; c < CHANS; c++) {
		while (__atomic_load_n(&self->shared->received, __ATOMIC_RELAXED) <
		       elements * (c + 1) / (CHANS + 1)) {
			sched_yield();
			if (now_ns() - begun > PATIENCE)
				give_up(self);
		}
		if (chan_close(self->fd[c]))
			abort();
	}
}

static void compare(struct __test_metadata *_metadata, FIXTURE_DATA(stress) *self)
{
	struct shared *s = self->shared;
	unsigned long long sent = 0, received = 0;
	uint64_t told = 0, seen = 0, differ = 0;
	int i, k;

	for (i = 0; i < WORKERS; i++) {
		for (k = 0; k < NUMBERS; k++) {
			told += s->told[i][k];
			seen += s->seen[i][k];
			differ += s->told[i][k] != s->seen[i][k];
		}
	}
	for (i = 0; i < CHANS; i++) {
		sent += info(self->fd[i]).sent;
		received += info(self->fd[i]).received;
		EXPECT_EQ(0, info(self->fd[i]).len);
		EXPECT_EQ(0, info(self->fd[i]).parked_senders);
		EXPECT_EQ(0, info(self->fd[i]).parked_receivers);
	}
	EXPECT_EQ(0, differ);
	EXPECT_EQ(0, s->errors);
	EXPECT_EQ(s->sent, told);
	EXPECT_EQ(s->received, seen);
	EXPECT_EQ(s->sent, s->received);
	EXPECT_EQ(s->sent, sent);
	EXPECT_EQ(s->received, received);
}

static void run(struct __test_metadata *_metadata, FIXTURE_DATA(stress) *self,
		const FIXTURE_VARIANT(stress) *variant)
{
	int i;

	for (i = 0; i < CHANS; i++) {
		self->fd[i] = make_chan(variant->elem_size, variant->capacity, variant->flags);
		ASSERT_GE(self->fd[i], 0);
	}
	hire(self, variant);
	for (i = 0; i < self->nr_workers; i++)
		start(&self->workers[i]);
	if (variant->storm && !variant->processes)
		storm(variant);
	if (variant->closing)
		close_meanwhile(self, variant->elements);
	/* Once all is sent, tell those who receive. */
	wait_done(self, self->nr_senders);
	for (i = 0; i < CHANS && !variant->closing; i++)
		ASSERT_EQ(0, chan_close(self->fd[i]));
	wait_done(self, self->nr_workers + self->nr_both - self->nr_senders);
	for (i = 0; i < self->nr_workers; i++)
		end(&self->workers[i]);
	compare(_metadata, self);
	for (i = 0; i < CHANS; i++)
		close(self->fd[i]);
}

TEST_F_TIMEOUT(stress, what_was_sent_is_received_once, 300)
{
	struct sigaction sa = { .sa_handler = caught, .sa_flags = variant->sa_flags };
	unsigned long long begun = now_ns(), elements = 0;
	struct itimerval none = {};
	struct shared *s = self->shared;
	unsigned int round;
	sigset_t alarms;

	ASSERT_LE(variant->elements / 4, NUMBERS);
	caught_in = s;
	/* The workers have the storm, not who waits for them. */
	sigemptyset(&alarms);
	sigaddset(&alarms, SIGALRM);
	ASSERT_EQ(0, sigaction(SIGALRM, &sa, NULL));
	ASSERT_EQ(0, sigprocmask(SIG_BLOCK, &alarms, NULL));
	for (round = 0; !round || round < variant->closing; round++) {
		memset(s->told, 0, sizeof(s->told));
		memset(s->seen, 0, sizeof(s->seen));
		s->sent = s->received = 0;
		run(_metadata, self, variant);
		elements += s->received;
		if (variant->closing) {
			EXPECT_GE(s->received, variant->elements * CHANS / (CHANS + 1));
		} else {
			EXPECT_EQ((uint64_t)self->each * self->nr_senders, s->received);
		}
	}
	setitimer(ITIMER_REAL, &none, NULL);
	TH_LOG("%llu elements in %llu ms; %llu defaults, %llu timeouts, %llu signals, %llu EINTR",
	       elements, (now_ns() - begun) / MSEC, (unsigned long long)s->defaults,
	       (unsigned long long)s->timeouts, (unsigned long long)s->caught,
	       (unsigned long long)s->interrupted);
	/* Some have given up, which is when an element could be lost. */
	EXPECT_GT(s->timeouts + s->defaults, 0);
	if (variant->storm)
		EXPECT_GT(s->caught, 0);
	/* With SA_RESTART only what has a timeout is. */
	if (variant->storm && !variant->sa_flags)
		EXPECT_GT(s->interrupted, 0);
	EXPECT_EQ(0, limits().total_parties);
}

TEST_HARNESS_MAIN
