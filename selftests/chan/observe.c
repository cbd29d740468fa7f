// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel says of channels to who looks from outside: /sys, fdinfo, tracepoints.
 */
#include <sched.h>
#include <stdarg.h>
#include <sys/mount.h>

#include "users.h"

static bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	close(fd);
	return done;
}

/*
 * /sys
 */

FIXTURE(sysfs)
{
	struct chan_create c;
	int fd;
};

FIXTURE_SETUP(sysfs)
{
	wait_for_releases();
	self->c = named("seen", 0600);
	self->c.flags |= CHAN_AUTOCLOSE;
	self->c.elem_size = 4;
	self->c.capacity = 3;
	strcpy(self->c.type, "u32 of one");
	self->fd = create(&self->c);
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(sysfs)
{
	destroy(self->fd, CHAN_DESTROY_FORCE);
	close(self->fd);
}

#define EXPECT_ATTR(name, want)							\
	do {									\
		char path_[80], text_[100];					\
										\
		snprintf(path_, sizeof(path_), "/sys/class/chan/chan%u/%s",	\
			 self->c.minor, name);					\
		read_text(path_, text_, sizeof(text_));				\
		EXPECT_STREQ(want "\n", text_)					\
			TH_LOG("%s", name);					\
	} while (0)

TEST_F(sysfs, a_channel_is_what_it_was_made)
{
	char path[80], text[40], want[40];

	snprintf(path, sizeof(path), "/sys/class/chan/chan%u/id", self->c.minor);
	snprintf(want, sizeof(want), "%llu\n", (unsigned long long)self->c.id);
	read_text(path, text, sizeof(text));
	EXPECT_STREQ(want, text);
	EXPECT_ATTR("name", "seen");
	EXPECT_ATTR("type", "u32 of one");
	EXPECT_ATTR("elem_size", "4");
	EXPECT_ATTR("capacity", "3");
	EXPECT_ATTR("flags", "0x6");
	EXPECT_ATTR("state", "open");
}

TEST_F(sysfs, what_moves_is_seen)
{
	uint32_t v[3] = {};
	struct call c;

	ASSERT_EQ(12, wr(self->fd, v, sizeof(v)));
	ASSERT_EQ(4, rd(self->fd, v, 4));
	EXPECT_ATTR("len", "2");
	EXPECT_ATTR("sent", "3");
	EXPECT_ATTR("received", "1");
	EXPECT_ATTR("senders", "1");
	EXPECT_ATTR("receivers", "1");
	EXPECT_ATTR("parked_senders", "0");
	call_start(&c, self->fd, true, v, 8);
	wait_parked(self->fd, 1, 0);
	EXPECT_ATTR("parked_senders", "1");
	EXPECT_ATTR("parked_receivers", "0");
	ASSERT_EQ(0, chan_close(self->fd));
	/* One of two had been sent when it was closed. */
	EXPECT_EQ(4, call_end(&c));
	EXPECT_ATTR("state", "closed");
	EXPECT_ATTR("len", "3");
}

TEST_F(sysfs, it_goes_with_the_node)
{
	char path[80];

	snprintf(path, sizeof(path), "/sys/class/chan/chan%u/len", self->c.minor);
	ASSERT_EQ(0, access(path, R_OK));
	ASSERT_EQ(0, destroy(self->fd, 0));
	EXPECT_EQ(-1, access(path, R_OK));
}

TEST_F(sysfs, totals_are_those_of_LIMITS)
{
	char channels[30], parties[30], want[30];
	uint64_t v;
	struct call c;

	call_start(&c, self->fd, false, &v, 4);
	wait_parked(self->fd, 0, 1);
	read_text("/sys/class/misc/chanctl/channels", channels, sizeof(channels));
	read_text("/sys/class/misc/chanctl/parties", parties, sizeof(parties));
	snprintf(want, sizeof(want), "%llu\n", (unsigned long long)limits().total_channels);
	EXPECT_STREQ(want, channels);
	snprintf(want, sizeof(want), "%llu\n", (unsigned long long)limits().total_parties);
	EXPECT_STREQ(want, parties);
	EXPECT_EQ(0, chan_close(self->fd));
	EXPECT_EQ(0, call_end(&c));
}

/*
 * fdinfo
 */

#define TASKS	32	/* that are named of each queue */

/* The lines of @fd's fdinfo that begin with @word, as lines. */
static void fdinfo_of(const char *proc, int fd, const char *word, char *text, size_t size)
{
	char path[80], line[200];
	size_t len = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/self/fdinfo/%d", proc, fd);
	f = fopen(path, "r");
	text[0] = 0;
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, word, strlen(word)) && len + strlen(line) < size)
			len += sprintf(text + len, "%s", line);
	if (f)
		fclose(f);
}

FIXTURE(fdinfo)
{
	int fd, other;
	char text[4096], want[4096];
};

FIXTURE_SETUP(fdinfo)
{
	self->fd = make_chan(8, 0, 0);
	self->other = make_chan(8, 0, 0);
	ASSERT_GE(self->fd, 0);
	ASSERT_GE(self->other, 0);
}

FIXTURE_TEARDOWN(fdinfo)
{
	close(self->fd);
	close(self->other);
}

#define EXPECT_FDINFO(fd, word, ...)						\
	do {									\
		fdinfo_of("/proc", fd, word, self->text, sizeof(self->text));	\
		snprintf(self->want, sizeof(self->want), __VA_ARGS__);		\
		EXPECT_STREQ(self->want, self->text);				\
	} while (0)

TEST_F(fdinfo, a_task_that_is_parked_is_named_as_long_as_it_is)
{
	struct call send = {}, recv = {};
	uint64_t v = 1, got[2];

	call_start(&send, self->fd, true, &v, 8);
	wait_parked(self->fd, 1, 0);
	EXPECT_FDINFO(self->fd, "chan-task:", "chan-task:\t%d send\n", send.tid);
	ASSERT_EQ(8, rd(self->fd, got, 8));
	EXPECT_EQ(8, call_end(&send));
	EXPECT_FDINFO(self->fd, "chan-task:", "%s", "");
	call_start(&recv, self->fd, false, got, 8);
	wait_parked(self->fd, 0, 1);
	EXPECT_FDINFO(self->fd, "chan-task:", "chan-task:\t%d recv\n", recv.tid);
	ASSERT_EQ(0, chan_close(self->fd));
	EXPECT_EQ(0, call_end(&recv));
	EXPECT_FDINFO(self->fd, "chan-task:", "%s", "");
}

TEST_F(fdinfo, a_select_is_named_in_each_of_its_channels)
{
	struct select_call call;
	uint64_t v = 1, got;
	struct chan_case k[2] = { send_case(self->fd, &v), recv_case(self->other, &got) };

	select_start(&call, k, 2, 0, 0);
	wait_parked(self->fd, 1, 0);
	wait_parked(self->other, 0, 1);
	EXPECT_FDINFO(self->fd, "chan-task:", "chan-task:\t%d send select\n", call.tid);
	EXPECT_FDINFO(self->other, "chan-task:", "chan-task:\t%d recv select\n", call.tid);
	ASSERT_EQ(8, wr(self->other, &v, 8));
	EXPECT_EQ(1 | CHAN_OK, select_end(&call));
	EXPECT_FDINFO(self->fd, "chan-task:", "%s", "");
}

TEST_F(fdinfo, those_parked_longest_are_named_and_no_more_than_there_is_room_for)
{
	static struct call calls[TASKS + 3];
	static uint64_t got[TASKS + 3];
	int i, len = 0;

	for (i = 0; i < TASKS + 3; i++) {
		call_start(&calls[i], self->fd, false, &got[i], 8);
		wait_parked(self->fd, 0, i + 1);
		if (i < TASKS)
			len += sprintf(self->want + len, "chan-task:\t%d recv\n", calls[i].tid);
	}
	fdinfo_of("/proc", self->fd, "chan-task:", self->text, sizeof(self->text));
	EXPECT_STREQ(self->want, self->text);
	ASSERT_EQ(0, chan_close(self->fd));
	for (i = 0; i < TASKS + 3; i++)
		EXPECT_EQ(0, call_end(&calls[i]));
}

TEST_F(fdinfo, a_selector_names_its_cases_while_it_waits)
{
	int sel = make_selector(O_NONBLOCK);
	uint64_t v = 1;
	struct chan_case k[3] = {
		send_case(self->fd, &v), recv_case(-1, &v), recv_case(self->other, &v),
	};

	EXPECT_FDINFO(sel, "chan-case:", "%s", "");
	ASSERT_EQ(-EINPROGRESS, arm_n(sel, k, 3, 0));
	EXPECT_FDINFO(sel, "chan-selector:", "chan-selector:\tarmed\n");
	EXPECT_FDINFO(sel, "chan-case:", "chan-case:\t0 send %llu\nchan-case:\t2 recv %llu\n",
		      (unsigned long long)info(self->fd).id,
		      (unsigned long long)info(self->other).id);
	/* It is no task. */
	EXPECT_FDINFO(self->fd, "chan-task:", "%s", "");
	ASSERT_EQ(8, wr(self->other, &v, 8));
	EXPECT_FDINFO(sel, "chan-selector:", "chan-selector:\tready\n");
	EXPECT_FDINFO(sel, "chan-case:", "%s", "");
	close(sel);
}

TEST_F(fdinfo, a_handle_says_what_it_may)
{
	static const struct {
		int mode;
		const char *word;
	} modes[] = { { O_RDONLY, "recv" }, { O_WRONLY, "send" }, { O_RDWR, "both" }, { 3, "look" } };
	unsigned int i;
	int fd;

	for (i = 0; i < NR(modes); i++) {
		fd = narrow(self->fd, modes[i].mode);
		ASSERT_GE(fd, 0);
		EXPECT_FDINFO(fd, "chan-handle:", "chan-handle:\t%s\n", modes[i].word);
		close(fd);
	}
	ASSERT_EQ(0, standby(self->fd, 1));
	EXPECT_FDINFO(self->fd, "chan-handle:", "chan-handle:\tboth standby\n");
}

/* In a namespace of its own, by its own /proc: what is parked outside has no number there. */
static int look_from_inside(int fd)
{
	char dir[] = "/tmp/chan-proc-XXXXXX", text[200];

	if (!mkdtemp(dir) || mount("proc", dir, "proc", 0, NULL))
		return 2;
	fdinfo_of(dir, fd, "chan-id:", text, sizeof(text));
	if (text[0])
		fdinfo_of(dir, fd, "chan-task:", text, sizeof(text));
	else
		strcpy(text, "no fdinfo");
	umount2(dir, MNT_DETACH);
	rmdir(dir);
	return text[0] ? 1 : 0;
}

TEST_F(fdinfo, a_pid_namespace_sees_its_own_tasks_alone)
{
	int status, inside;
	uint64_t got;
	struct call c;
	pid_t pid;

	call_start(&c, self->fd, false, &got, 8);
	wait_parked(self->fd, 0, 1);
	pid = fork();
	if (!pid) {
		if (unshare(CLONE_NEWPID | CLONE_NEWNS) ||
		    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
			_exit(3);
		inside = fork();
		if (!inside)
			_exit(look_from_inside(self->fd));
		waitpid(inside, &status, 0);
		_exit(WEXITSTATUS(status));
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	ASSERT_EQ(0, chan_close(self->fd));
	EXPECT_EQ(0, call_end(&c));
}

/*
 * Tracepoints
 */

#define TRACEFS	"/sys/kernel/tracing"

FIXTURE(trace)
{
	char dir[80], text[65536], got[65536], want[4096];
	size_t len;
	uint64_t id;
	int fd;
};

static void trace_set(FIXTURE_DATA(trace) *self, const char *file, const char *value)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", self->dir, file);
	if (!write_text(path, value)) {
		perror(path);
		abort();
	}
}

FIXTURE_SETUP(trace)
{
	if (access(TRACEFS "/instances", F_OK))
		ASSERT_EQ(0, mount("tracefs", TRACEFS, "tracefs", 0, NULL));
	snprintf(self->dir, sizeof(self->dir), TRACEFS "/instances/chan-%d", getpid());
	ASSERT_EQ(0, mkdir(self->dir, 0700));
	trace_set(self, "events/chan/enable", "1");
	self->fd = make_chan(8, 1, 0);
	ASSERT_GE(self->fd, 0);
	self->id = info(self->fd).id;
	self->len = 0;
}

FIXTURE_TEARDOWN(trace)
{
	close(self->fd);
	rmdir(self->dir);
}

static void __attribute__((format(printf, 2, 3))) expect(FIXTURE_DATA(trace) *self,
							  const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	self->len += vsprintf(self->want + self->len, format, ap);
	va_end(ap);
	self->len += sprintf(self->want + self->len, "\n");
}

/* Of the channel @id what was traced: events and fields, without who and when. */
static void traced(FIXTURE_DATA(trace) *self, uint64_t id)
{
	char path[120], of[40], *line, *event, *fields, *rest;
	size_t len = 0;

	snprintf(path, sizeof(path), "%s/trace", self->dir);
	snprintf(of, sizeof(of), ": id=%llu ", (unsigned long long)id);
	read_text(path, self->text, sizeof(self->text));
	self->got[0] = 0;
	for (line = strtok_r(self->text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		event = strstr(line, ": chan_");
		fields = event ? strstr(event, of) : NULL;
		if (fields)
			len += sprintf(self->got + len, "%.*s %s\n", (int)(fields - event - 7),
				       event + 7, fields + strlen(of));
	}
}

#define EXPECT_TRACED()						\
	do {							\
		traced(self, self->id);				\
		EXPECT_STREQ(self->want, self->got);		\
	} while (0)

TEST_F(trace, what_is_queued)
{
	uint64_t v[2] = {};

	ASSERT_EQ(8, wr(self->fd, v, 8));
	ASSERT_EQ(8, rd(self->fd, v, 8));
	ASSERT_EQ(1, send_n(self->fd, v, 2, CHAN_NONBLOCK, 0));
	ASSERT_EQ(1, recv_n(self->fd, v, 2, CHAN_NONBLOCK, 0));
	expect(self, "create elem_size=8 capacity=1 flags=0x0 minor=-1");
	expect(self, "send seq=0 n=1 len=1");
	expect(self, "recv seq=0 n=1 len=0");
	expect(self, "send seq=1 n=1 len=1");
	expect(self, "recv seq=1 n=1 len=0");
	EXPECT_TRACED();
}

TEST_F(trace, who_waits_and_is_served)
{
	struct call recv, send;
	uint64_t v = 1, got;

	trace_set(self, "trace", "");
	call_start(&recv, self->fd, false, &got, 8);
	wait_parked(self->fd, 0, 1);
	ASSERT_EQ(8, wr(self->fd, &v, 8));
	ASSERT_EQ(8, call_end(&recv));
	ASSERT_EQ(8, wr(self->fd, &v, 8));
	call_start(&send, self->fd, true, &v, 8);
	wait_parked(self->fd, 1, 0);
	ASSERT_EQ(8, rd(self->fd, &got, 8));
	ASSERT_EQ(8, call_end(&send));
	expect(self, "park tid=%d op=recv result=0", recv.tid);
	expect(self, "send seq=0 n=1 len=0");
	expect(self, "recv seq=0 n=1 len=0");
	expect(self, "wake tid=%d op=recv result=1", recv.tid);
	expect(self, "send seq=1 n=1 len=1");
	expect(self, "park tid=%d op=send result=0", send.tid);
	expect(self, "recv seq=1 n=1 len=0");
	expect(self, "send seq=2 n=1 len=1");
	expect(self, "wake tid=%d op=send result=1", send.tid);
	EXPECT_TRACED();
}

TEST_F(trace, who_gives_up)
{
	uint64_t got;

	trace_set(self, "trace", "");
	EXPECT_EQ(-ETIMEDOUT, recv_n(self->fd, &got, 1, CHAN_TIMEOUT, MSEC));
	expect(self, "park tid=%d op=recv result=0", gettid());
	expect(self, "cancel tid=%d op=recv result=0", gettid());
	EXPECT_TRACED();
}

TEST_F(trace, who_fails_and_returns_its_element)
{
	int sel = make_selector(O_NONBLOCK);
	uint64_t v = 1, got;
	struct chan_case k = recv_case(self->fd, &got);

	trace_set(self, "trace", "");
	ASSERT_EQ(-EINPROGRESS, arm_n(sel, &k, 1, 0));
	ASSERT_EQ(8, wr(self->fd, &v, 8));
	close(sel);
	ASSERT_EQ(8, rd(self->fd, &got, 8));
	expect(self, "park tid=0 op=recv result=0");
	expect(self, "send seq=0 n=1 len=0");
	expect(self, "recv seq=0 n=1 len=0");
	expect(self, "wake tid=0 op=recv result=1");
	expect(self, "select index=0 nr=1 result=1");
	expect(self, "return seq=0 n=1 len=1");
	expect(self, "recv seq=0 n=1 len=0");
	EXPECT_TRACED();
}

TEST_F(trace, which_case_of_a_select)
{
	int never = make_chan(8, 0, 0);
	uint64_t v = 1, got;
	struct chan_case k[2] = { recv_case(never, &got), send_case(self->fd, &v) };

	trace_set(self, "trace", "");
	ASSERT_EQ(1 | CHAN_OK, select_n(k, 2, 0, 0));
	EXPECT_EQ(-EAGAIN, select_n(k, 2, CHAN_NONBLOCK, 0));
	EXPECT_EQ(-ETIMEDOUT, select_n(k, 2, CHAN_TIMEOUT, MSEC));
	ASSERT_EQ(0, chan_close(self->fd));
	ASSERT_EQ(1, select_n(k, 2, 0, 0));
	expect(self, "send seq=0 n=1 len=1");
	expect(self, "select index=1 nr=2 result=1");
	expect(self, "park tid=%d op=send result=0", gettid());
	expect(self, "cancel tid=%d op=send result=0", gettid());
	expect(self, "close len=1 closed=1 hungup=0");
	expect(self, "select index=1 nr=2 result=%d", -EPIPE);
	EXPECT_TRACED();
	close(never);
}

TEST_F(trace, what_becomes_of_a_named_channel)
{
	struct chan_create c;
	unsigned int minor;
	uint64_t v = 1;
	int fd;

	EXPECT_EQ(0, once_released(named, 0));
	c = named("traced", 0600);
	c.flags |= CHAN_HANGUP | CHAN_AUTOCLOSE;
	fd = create(&c);
	ASSERT_GE(fd, 0);
	self->id = c.id;
	minor = c.minor;
	ASSERT_EQ(8, wr(fd, &v, 8));
	ASSERT_EQ(0, destroy(fd, CHAN_DESTROY_FORCE));
	close(fd);
	EXPECT_EQ(0, once_released(named, 0));
	expect(self, "create elem_size=%u capacity=%u flags=0xe minor=%u", c.elem_size,
	       c.capacity, minor);
	expect(self, "send seq=0 n=1 len=1");
	expect(self, "destroy elem_size=%u capacity=%u flags=0xe minor=%u", c.elem_size,
	       c.capacity, minor);
	expect(self, "close len=1 closed=1 hungup=1");
	expect(self, "free elem_size=%u capacity=%u flags=0xe minor=-1", c.elem_size, c.capacity);
	EXPECT_TRACED();
}

/* Ids, numbers and counts: no field is an address, or could hold an element. */
TEST_F(trace, nothing_else_is_told)
{
	static const char * const events[] = {
		"send", "recv", "return", "park", "wake", "cancel", "select", "close", "create",
		"destroy", "free",
	};
	static const char * const types[] = { "u64 ", "u32 ", "s32 ", "bool " };
	char path[160], *field, *type;
	unsigned int i, t, fields = 0;

	for (i = 0; i < NR(events); i++) {
		snprintf(path, sizeof(path), "%s/events/chan/chan_%s/format", self->dir, events[i]);
		read_text(path, self->text, sizeof(self->text));
		field = strstr(self->text, "\n\n");
		EXPECT_NE(NULL, field)
			TH_LOG("%s", path);
		while (field && (field = strstr(field, "field:"))) {
			type = field + strlen("field:");
			for (t = 0; t < NR(types) && strncmp(type, types[t], strlen(types[t])); t++)
				;
			EXPECT_LT(t, NR(types))
				TH_LOG("%s: %.40s", events[i], type);
			field = type;
			fields++;
		}
	}
	EXPECT_EQ(3 * 4 + 3 * 4 + 4 + 4 + 3 * 5, fields);
}

TEST_HARNESS_MAIN
