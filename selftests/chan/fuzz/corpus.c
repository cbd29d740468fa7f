// SPDX-License-Identifier: GPL-2.0
/*
 * Which programs to run: those that have gone new ways in the module are changed further.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "fuzz.h"

/*
 * Which ways the kernel went: KCOV, of the module alone, which is all that is built for it
 */

#define KCOV_WORDS	(1 << 16)
#define KCOV_INIT_TRACE	_IOR('c', 1, unsigned long)
#define KCOV_ENABLE	_IO('c', 100)
#define KCOV_TRACE_PC	0

static int kcov_fds[THREADS_MAX];
static uint64_t *kcov_maps[THREADS_MAX];	/* NULL where there is no KCOV */

void kcov_open(unsigned int i)
{
	int fd = open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC);
	void *p;

	if (fd < 0 || ioctl(fd, KCOV_INIT_TRACE, KCOV_WORDS))
		return;
	p = mmap(NULL, KCOV_WORDS * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p != MAP_FAILED) {
		kcov_fds[i] = fd;
		kcov_maps[i] = p;
	}
}

/* Of the calling thread, until it ends. */
void kcov_begin(struct runner *t)
{
	t->kcov = kcov_maps[t->nr];
	if (t->kcov && ioctl(kcov_fds[t->nr], KCOV_ENABLE, KCOV_TRACE_PC)) {
		perror("KCOV_ENABLE");
		abort();
	}
}

static void add_point(uint64_t pc)
{
	unsigned int i = pc * 0x9e3779b97f4a7c15 >> 50;
	uint64_t found;

	for (;; i = (i + 1) % POINTS_MAX) {
		found = 0;
		if (shared->points[i] == pc)
			return;
		if (atomic_compare_exchange_strong(&shared->points[i], &found, pc)) {
			shared->nr_points++;
			return;
		}
	}
}

/* A step from one point to the next. Returns whether nobody has gone it before. */
static bool add_edge(uint64_t from, uint64_t to)
{
	uint32_t i = (from * 31 ^ to) * 0x9e3779b97f4a7c15 >> 44;
	unsigned char bit = 1 << i % 8;

	if (shared->edges[i / 8] & bit || atomic_fetch_or(&shared->edges[i / 8], bit) & bit)
		return false;
	add_point(to);
	return true;
}

/* Has the program gone a new way? */
bool kcov_new(struct runner *t)
{
	uint64_t n, i, from = 0;
	bool new = false;

	if (!t->kcov)
		return false;
	n = t->kcov[0];
	for (i = 1; i <= n && i < KCOV_WORDS; i++) {
		new |= add_edge(from, t->kcov[i]);
		from = t->kcov[i];
	}
	return new;
}

/*
 * The corpus
 */

void corpus_add(const struct program *p)
{
	pthread_mutex_lock(&shared->lock);
	if (shared->nr_corpus < CORPUS_MAX) {
		shared->corpus[shared->nr_corpus] = *p;
		shared->nr_corpus++;		/* from here on others look at it */
	}
	pthread_mutex_unlock(&shared->lock);
}

static const struct program *any_of(const struct program *some, unsigned int n, uint64_t *state)
{
	return &some[below(state, n)];
}

/* A function of the seed alone, if @some and @n are. */
struct program nth_program(uint64_t seed, uint64_t nth, const struct program *some,
			   unsigned int n)
{
	uint64_t state = seed + nth * 0xd1342543de82ef95;
	struct program p;

	if (nth < nr_seeds)
		return seeds[nth];
	rnd(&state);
	if (!below(&state, 8))
		return random_program(&state);
	/* The newest are those that the others don't follow from yet. */
	if (n > nr_seeds && below(&state, 2))
		p = some[n - 1 - below(&state, (n - nr_seeds < 32 ? n - nr_seeds : 32))];
	else
		p = *any_of(some, n, &state);
	mutate(&p, any_of(some, n, &state), &state);
	/* To begin a round takes as long as many calls. */
	while (is_short(&p) && below(&state, 4))
		append_program(&p, any_of(some, n, &state));
	return p;
}

struct program next_program(const struct runner *t)
{
	uint64_t nth = shared->rounds * shared->threads + t->nr;

	if (shared->replay)
		return shared->replayed[t->nr];
	if (shared->threads == 1)
		return nth_program(shared->seed, nth, seeds, nr_seeds);
	return nth_program(shared->seed, nth, shared->corpus, shared->nr_corpus);
}

/*
 * What is running, to be printed and run again
 */

const char * const as_names[NR_AS] = { "@root", "@user", "@userns" };

void print_round(char *to)
{
	unsigned int i;

	to += sprintf(to, "%s ", as_names[shared->as]);
	for (i = 0; i < shared->threads; i++) {
		to += sprintf(to, i ? " / " : "");
		print_program(to, &shared->current[i]);
		to += strlen(to);
	}
}

bool parse_round(const char *text)
{
	const char *slash;
	unsigned int i;
	size_t len;

	for (i = 0; i < NR_AS; i++) {
		len = strlen(as_names[i]);
		if (!strncmp(text, as_names[i], len) && text[len] == ' ') {
			shared->as = i;
			text += len;
			break;
		}
	}
	for (shared->threads = 0; shared->threads < THREADS_MAX; text = slash + 1) {
		slash = strchrnul(text, '/');
		if (!parse_program(&shared->replayed[shared->threads++], text, slash - text))
			return false;
		if (!*slash)
			return true;
	}
	return false;
}
