// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Stacks of goroutines.
 *
 * A stack is a slot of an arena, which is mapped without reserving memory: a page is there
 * when it has been touched. Its lowest page is a guard, while there are few enough of
 * them for the kernel (each makes two mappings more, of which a process may have
 * vm.max_map_count). Beyond that the lowest bytes of a stack, which nobody has touched,
 * must still be zero whenever the goroutine parks: reading them costs no memory, as
 * writing a mark there would.
 *
 * Arenas whose stacks are all spare keep their pages while they are few, and stay.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime.h"
#include "sanitize.h"

#define ARENA_SLOTS	64
#define WARM		16	/* arenas without goroutines that keep their pages */
#define CANARY		128	/* bytes at the low end that stay zero */
#define MAPS_DEFAULT	65530	/* vm.max_map_count, where it can't be read */

/**
 * struct arena - stacks that are mapped together
 * @all: lock; next of all arenas
 * @prev: lock; in the list of those that have spare stacks
 * @next: likewise
 * @base: immutable
 * @spare: lock; stacks that nobody has, the one given back last first
 * @nr_spare: lock; how many
 * @slots: the stacks
 */
struct arena {
	struct arena *all;
	struct arena *prev;
	struct arena *next;
	char *base;
	struct libchan_slot *spare;
	unsigned int nr_spare;
	struct libchan_slot slots[ARENA_SLOTS];
};

/**
 * struct stacks - all of them
 * @lock: of all but what is immutable
 * @size: immutable; bytes of a slot
 * @page: immutable; bytes of a page
 * @maps: mappings that guards may make yet
 * @all: arenas
 * @warm: arenas that have spare stacks, with their pages
 * @nr_warm: how many of these have no others
 * @cold: arenas that have spare stacks only, and no pages; by their next
 */
static struct stacks {
	pthread_mutex_t lock;
	size_t size;
	size_t page;
	long maps;
	struct arena *all;
	struct arena *warm;
	unsigned int nr_warm;
	struct arena *cold;
} stacks = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Half of what the kernel allows is left to the program. */
static long maps_allowed(void)
{
	char text[32];
	ssize_t n = -1;
	int fd;

	fd = open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	if (n <= 0)
		return MAPS_DEFAULT / 2;
	text[n] = 0;
	return strtol(text, NULL, 10) / 2;
}

/**
 * libchan_stacks_start() - say how large they are
 * @size: bytes of a stack, with what the runtime needs of it; a multiple of a page
 */
void libchan_stacks_start(size_t size)
{
	stacks.page = sysconf(_SC_PAGESIZE);
	stacks.size = size;
	stacks.maps = maps_allowed();
}

/*
 * Arenas; all under the lock
 */

static struct libchan_task *task_of(char *slot)
{
	return (struct libchan_task *)(slot + stacks.size) - 1;
}

static void spare_put(struct arena *a, struct libchan_slot *slot)
{
	slot->next = a->spare;
	a->spare = slot;
	a->nr_spare++;
}

static void slots_init(struct arena *a)
{
	struct libchan_slot *slot;
	unsigned int i;

	/* So that the lowest is taken first. */
	for (i = ARENA_SLOTS; i--;) {
		slot = &a->slots[i];
		slot->arena = a;
		slot->base = a->base + i * stacks.size;
		slot->task = task_of(slot->base);
		slot->guarded = stacks.maps >= 2;
		if (slot->guarded)
			stacks.maps -= 2;
		spare_put(a, slot);
	}
}

static struct arena *arena_new(void)
{
	struct arena *a = calloc(1, sizeof(*a));
	size_t size = stacks.size * ARENA_SLOTS;

	if (!a)
		return NULL;
	a->base = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (a->base == MAP_FAILED) {
		free(a);
		return NULL;
	}
	/* A huge page would be the memory of many stacks, for one. */
	madvise(a->base, size, MADV_NOHUGEPAGE);
	if (__lsan_register_root_region)
		__lsan_register_root_region(a->base, size);
	slots_init(a);
	a->all = stacks.all;
	stacks.all = a;
	return a;
}

static void warm_add(struct arena *a)
{
	a->prev = NULL;
	a->next = stacks.warm;
	if (a->next)
		a->next->prev = a;
	stacks.warm = a;
}

static void warm_remove(struct arena *a)
{
	if (a->prev)
		a->prev->next = a->next;
	else
		stacks.warm = a->next;
	if (a->next)
		a->next->prev = a->prev;
}

/* One with spare stacks. Return: NULL if there is no memory. */
static struct arena *arena_get(void)
{
	struct arena *a = stacks.warm;

	if (a)
		return a;
	a = stacks.cold;
	if (a)
		stacks.cold = a->next;
	else
		a = arena_new();
	if (a) {
		warm_add(a);
		stacks.nr_warm++;
	}
	return a;
}

static struct libchan_slot *slot_get_locked(void)
{
	struct arena *a = arena_get();
	struct libchan_slot *slot;

	if (!a)
		return NULL;
	slot = a->spare;
	a->spare = slot->next;
	stacks.nr_warm -= a->nr_spare-- == ARENA_SLOTS;
	if (!a->nr_spare)
		warm_remove(a);
	return slot;
}

/* Return: an arena whose pages are to go, or NULL. */
static struct arena *slot_put_locked(struct libchan_slot *slot)
{
	struct arena *a = slot->arena;

	if (!a->nr_spare)
		warm_add(a);
	spare_put(a, slot);
	if (a->nr_spare < ARENA_SLOTS)
		return NULL;
	if (stacks.nr_warm < WARM) {
		stacks.nr_warm++;
		return NULL;
	}
	warm_remove(a);
	return a;
}

/*
 * Stacks
 */

static struct libchan_slot *slot_get(void)
{
	struct libchan_slot *slot;

	pthread_mutex_lock(&stacks.lock);
	slot = slot_get_locked();
	pthread_mutex_unlock(&stacks.lock);
	return slot;
}

static void slot_prepare(struct libchan_slot *slot)
{
	char *end = slot->base + stacks.size;

	if (slot->guarded) {
		/* A kernel that doesn't want to has its reasons; the zeros are checked then. */
		if (mprotect(slot->base, stacks.page, PROT_NONE))
			slot->guarded = false;
		else
			slot->base += stacks.page;
	}
	VALGRIND_STACK_REGISTER(slot->base, end);
	slot->known = true;
}

/**
 * libchan_stack_get() - a stack, and the task on it
 *
 * Return: a task all zero but for its slot; or NULL.
 */
struct libchan_task *libchan_stack_get(void)
{
	struct libchan_slot *slot = slot_get();
	struct libchan_task *task;

	if (!slot)
		return NULL;
	if (!slot->known)
		slot_prepare(slot);
	task = slot->task;
	memset(task, 0, sizeof(*task));
	task->slot = slot;
	return task;
}

/* Nobody else knows it now. Many stacks at once: threads are told only once. */
static void cool(struct arena *a)
{
	madvise(a->base, stacks.size * ARENA_SLOTS, MADV_DONTNEED);
	pthread_mutex_lock(&stacks.lock);
	a->next = stacks.cold;
	stacks.cold = a;
	pthread_mutex_unlock(&stacks.lock);
}

/**
 * libchan_stack_put() - stacks that aren't needed now
 * @tasks: on them, a list
 */
void libchan_stack_put(struct libchan_task *tasks)
{
	struct arena *a, *idle = NULL;
	struct libchan_task *next;

	pthread_mutex_lock(&stacks.lock);
	for (; tasks; tasks = next) {
		next = tasks->next;
		a = slot_put_locked(tasks->slot);
		if (a) {
			a->next = idle;
			idle = a;
		}
	}
	pthread_mutex_unlock(&stacks.lock);
	while ((a = idle)) {
		idle = a->next;
		cool(a);
	}
}

/**
 * libchan_stack_check() - has the goroutine that calls overrun its stack?
 * @task: who calls
 *
 * Ends the program if it has, where no guard would have.
 */
void libchan_stack_check(const struct libchan_task *task)
{
	const struct libchan_slot *slot = task->slot;
	const uint64_t *word = (const uint64_t *)slot->base;
	uint64_t all = 0;
	size_t i;

	if (slot->guarded)
		return;
	for (i = 0; i < CANARY / sizeof(*word); i++)
		all |= word[i];
	if (all || (char *)__builtin_frame_address(0) < slot->base + CANARY)
		libchan_fatal("stack overflow");
}

/**
 * libchan_stack_size() - bytes of a task's stack that may be used
 * @task: the task
 *
 * Return: how many, from the lowest to the task.
 */
size_t libchan_stack_size(const struct libchan_task *task)
{
	return (const char *)task - task->slot->base;
}

/**
 * libchan_stacks_each() - call a function for every task
 * @fn: the function
 * @arg: for @fn
 */
void libchan_stacks_each(void (*fn)(const struct libchan_task *task, void *arg), void *arg)
{
	const struct arena *a;
	unsigned int i;

	pthread_mutex_lock(&stacks.lock);
	for (a = stacks.all; a; a = a->all)
		for (i = 0; i < ARENA_SLOTS; i++)
			if (a->slots[i].used)
				fn(a->slots[i].task, arg);
	pthread_mutex_unlock(&stacks.lock);
}

/*
 * fork(2)
 */

void libchan_stacks_lock(void)
{
	pthread_mutex_lock(&stacks.lock);
}

void libchan_stacks_unlock(void)
{
	pthread_mutex_unlock(&stacks.lock);
}

/*
 * In the child: the stack that it runs on may be one of them, and what others hold may
 * be on them. All stay mapped, and are used no more.
 */
void libchan_stacks_reset(void)
{
	struct arena *a;

	pthread_mutex_unlock(&stacks.lock);
	while ((a = stacks.all)) {
		stacks.all = a->all;
		free(a);
	}
	stacks.warm = NULL;
	stacks.nr_warm = 0;
	stacks.cold = NULL;
}
