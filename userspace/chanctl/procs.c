// SPDX-License-Identifier: GPL-2.0
/*
 * Who holds which channels, and which tasks wait: from /proc, of the processes that one
 * may look into.
 */
#include <ctype.h>
#include <stdarg.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "procs.h"

/**
 * grow() - one more at the end of an array
 * @array: address of the pointer to it
 * @n: its length
 * @size: bytes of each
 *
 * Return: the new one, of zeros.
 */
void *grow(void *array, size_t *n, size_t size)
{
	char *a = *(void **)array;

	/* Room doubles: at each power of two. */
	if (!(*n & (*n - 1))) {
		a = reallocarray(a, *n ? 2 * *n : 1, size);
		if (!a)
			die(STATUS_ERROR, "out of memory");
		*(void **)array = a;
	}
	return memset(a + (*n)++ * size, 0, size);
}

static FILE *open_at(const char *format, ...) __attribute__((format(printf, 1, 2)));
static FILE *open_at(const char *format, ...)
{
	char path[128];
	va_list ap;

	va_start(ap, format);
	vsnprintf(path, sizeof(path), format, ap);
	va_end(ap);
	return fopen(path, "re");
}

/*
 * Processes and tasks
 */

static void read_command(struct process *p)
{
	FILE *f = open_at("/proc/%d/comm", p->pid);

	strcpy(p->command, "?");
	if (!f)
		return;
	if (fgets(p->command, sizeof(p->command), f))
		p->command[strcspn(p->command, "\n")] = 0;
	fclose(f);
}

static unsigned long long switches_of(pid_t pid, pid_t tid)
{
	FILE *f = open_at("/proc/%d/task/%d/status", pid, tid);
	unsigned long long n, sum = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "voluntary_ctxt_switches: %llu", &n) == 1 ||
		    sscanf(line, "nonvoluntary_ctxt_switches: %llu", &n) == 1)
			sum += n;
	if (f)
		fclose(f);
	return sum;
}

static void add_tasks(struct snapshot *s, size_t process)
{
	pid_t pid = s->processes[process].pid;
	struct task *t;
	struct dirent *e;
	char path[64];
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		if (!isdigit(e->d_name[0]))
			continue;
		t = snapshot_add(s, tasks);
		t->tid = atoi(e->d_name);
		t->process = process;
		t->switches = switches_of(pid, t->tid);
	}
	if (d)
		closedir(d);
}

/* The process, once; mostly it is the last. */
static size_t process_of(struct snapshot *s, pid_t pid)
{
	struct process *p;
	size_t i;

	for (i = s->nr_processes; i--;)
		if (s->processes[i].pid == pid)
			return i;
	p = snapshot_add(s, processes);
	p->pid = pid;
	read_command(p);
	return s->nr_processes - 1;
}

/*
 * fdinfo
 */

/* What a handle's fdinfo says, its tasks apart. */
struct told {
	struct channel c;
	struct holding h;
};

static void tell(struct told *t, const char *line)
{
	char word[16], also[16];

	if (sscanf(line, "chan-id: %lu", &t->c.id) == 1 ||
	    sscanf(line, "chan-minor: %d", &t->c.minor) == 1 ||
	    sscanf(line, "chan-name: %63s", t->c.name) == 1 ||
	    sscanf(line, "chan-capacity: %u", &t->c.capacity) == 1 ||
	    sscanf(line, "chan-len: %u", &t->c.len) == 1 ||
	    sscanf(line, "chan-flags: %x", &t->c.flags) == 1 ||
	    sscanf(line, "chan-senders: %u", &t->c.senders) == 1 ||
	    sscanf(line, "chan-receivers: %u", &t->c.receivers) == 1)
		return;
	also[0] = 0;
	if (sscanf(line, "chan-handle: %15s %15s", word, also) < 1)
		return;
	t->h.may_send = !strcmp(word, "send") || !strcmp(word, "both");
	t->h.may_recv = !strcmp(word, "recv") || !strcmp(word, "both");
	t->h.standby = !strcmp(also, "standby");
}

static size_t channel_of(struct snapshot *s, const struct channel *c)
{
	size_t i;

	for (i = 0; i < s->nr_channels; i++)
		if (s->channels[i].id == c->id)
			return i;
	*snapshot_add(s, channels) = *c;
	return i;
}

/*
 * Until all processes are known, a wait has the number of its task, not the index: see
 * resolve_tasks().
 */
static void add_wait(struct snapshot *s, size_t channel, const char *line)
{
	char op[8] = "", how[8] = "";
	struct wait w = { .channel = channel };
	size_t i;
	int tid;

	if (sscanf(line, "chan-task: %d %7s %7s", &tid, op, how) < 2)
		return;
	w.task = tid;
	w.sending = !strcmp(op, "send");
	w.select = !strcmp(how, "select");
	for (i = 0; i < s->nr_waits; i++)
		if (!memcmp(&s->waits[i], &w, sizeof(w)))
			return;
	*snapshot_add(s, waits) = w;
}

static void add_handle(struct snapshot *s, pid_t pid, int fd, FILE *f)
{
	struct told t = { .c.minor = -1 };
	char line[256];
	size_t channel;

	while (fgets(line, sizeof(line), f) && strncmp(line, "chan-task:", 10))
		tell(&t, line);
	if (!t.c.id)
		return;		/* closed as we look */
	channel = channel_of(s, &t.c);
	t.h.process = process_of(s, pid);
	t.h.fd = fd;
	t.h.channel = channel;
	*snapshot_add(s, holdings) = t.h;
	do {
		add_wait(s, channel, line);
	} while (fgets(line, sizeof(line), f));
}

static void add_selector(struct snapshot *s, pid_t pid, int fd, FILE *f)
{
	struct holding *h = snapshot_add(s, holdings);
	struct wait_case *k, read = { .holding = s->nr_holdings - 1 };
	char line[256], op[8];

	h->process = process_of(s, pid);
	h->fd = fd;
	h->selector = true;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "chan-selector: %15s", h->state) == 1)
			continue;
		if (sscanf(line, "chan-case: %u %7s %lu", &read.index, op, &read.id) != 3)
			continue;
		k = snapshot_add(s, cases);
		*k = read;
		k->sending = !strcmp(op, "send");
	}
}

static void look_at_fd(struct snapshot *s, pid_t pid, int dir, const char *name)
{
	char target[64];
	ssize_t n = readlinkat(dir, name, target, sizeof(target) - 1);
	bool selector;
	FILE *f;

	if (n < 0)
		return;
	target[n] = 0;
	selector = !strcmp(target, "anon_inode:[chan-selector]");
	if (!selector && strcmp(target, "anon_inode:[chan]") && strncmp(target, "/dev/chan", 9))
		return;
	f = open_at("/proc/%d/fdinfo/%s", pid, name);
	if (!f)
		return;
	if (selector)
		add_selector(s, pid, atoi(name), f);
	else
		add_handle(s, pid, atoi(name), f);
	fclose(f);
}

static void look_at_process(struct snapshot *s, pid_t pid)
{
	size_t known = s->nr_processes;
	struct dirent *e;
	char path[64];
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	d = opendir(path);
	while (d && (e = readdir(d)))
		if (isdigit(e->d_name[0]))
			look_at_fd(s, pid, dirfd(d), e->d_name);
	if (d)
		closedir(d);
	if (s->nr_processes != known)
		add_tasks(s, known);
}

/*
 * One that nothing was known of: no descriptor of its process is a channel any more, since
 * another thread has closed it; or it is new. Those known of its process come twice then, the
 * second time as able to act: no deadlock is said of what moves.
 */
static bool add_lone_task(struct snapshot *s, pid_t tid)
{
	FILE *f = open_at("/proc/%d/status", tid);
	char line[256];
	pid_t pid = 0;

	while (f && !pid && fgets(line, sizeof(line), f))
		sscanf(line, "Tgid: %d", &pid);
	if (f)
		fclose(f);
	if (!pid)
		return false;
	add_tasks(s, process_of(s, pid));
	return true;
}

static bool find_task(const struct snapshot *s, pid_t tid, size_t *task)
{
	for (*task = 0; *task < s->nr_tasks; ++*task)
		if (s->tasks[*task].tid == tid)
			return true;
	return false;
}

/* Numbers of tasks to tasks; who is gone meanwhile waits no more. */
static void resolve_tasks(struct snapshot *s)
{
	size_t i, n = 0, task;

	for (i = 0; i < s->nr_waits; i++) {
		struct wait w = s->waits[i];

		if (!find_task(s, w.task, &task) &&
		    !(add_lone_task(s, w.task) && find_task(s, w.task, &task)))
			continue;
		w.task = task;
		s->waits[n++] = w;
	}
	s->nr_waits = n;
}

/**
 * snapshot_take() - look at all processes
 * @s: out: what is there; snapshot_free() frees it
 */
void snapshot_take(struct snapshot *s)
{
	struct dirent *e;
	DIR *d = opendir("/proc");

	if (!d)
		die(STATUS_ERROR, "/proc: %s", strerror(errno));
	memset(s, 0, sizeof(*s));
	while ((e = readdir(d)))
		if (isdigit(e->d_name[0]))
			look_at_process(s, atoi(e->d_name));
	closedir(d);
	resolve_tasks(s);
}

/**
 * snapshot_free() - let go of it
 * @s: the snapshot
 */
void snapshot_free(struct snapshot *s)
{
	free(s->processes);
	free(s->tasks);
	free(s->channels);
	free(s->holdings);
	free(s->waits);
	free(s->cases);
}
