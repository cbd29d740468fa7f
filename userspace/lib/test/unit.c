// SPDX-License-Identifier: GPL-2.0
/*
 * What the library does by itself, over a kernel that is played here. Prints TAP.
 *
 * Replaced by the linker: ioctl, open, close, calloc, read, clock_nanosleep, syscall.
 */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>

#include "libchan.h"

#define CTL_FD	100
#define CHAN_FD	200	/* and up: /dev/chan0 and up */
#define NEW_FD	300	/* what CREATE, NARROW and SELECTOR give */
#define SEL_FD	(NEW_FD + 2)

static int failures, tests;

#define EXPECT(cond) do {							\
	if (!(cond)) {								\
		printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond);		\
		failures++;							\
	}									\
} while (0)

#define EXPECT_EQ(a, b) do {							\
	long long a_ = (a), b_ = (b);						\
	if (a_ != b_) {								\
		printf("# %s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__,	\
		       #a, a_, b_);						\
		failures++;							\
	}									\
} while (0)

/* What the played kernel has and has seen; each test begins with it zeroed. */
static struct {
	int ctl_errno;			/* of open("/dev/chanctl") */
	int node_errno[8];		/* of open("/dev/chanN") */
	struct chan_info node[8];	/* what is behind it */
	struct chan_resolve resolve[8];	/* answers, one a call; id 0 is ENOENT */
	unsigned int resolves;
	int ioctl_errno;		/* of all other ioctls */
	int result;			/* of SEND and RECV */
	uint32_t len;			/* that RECV reports */
	int selected;			/* what SELECT and ARM return */
	struct chan_selected result_of;	/* what read(2) of a selector gives, and behind it */
	char element[1024];
	int timer_errno;		/* of TIMER alone */
	int was;			/* what STANDBY and TIMER return */
	bool no_memory;
	unsigned int ioctls, opens, closes;
	int open_flags;
	int fd;				/* of the last ioctl */
	unsigned long cmd;		/* the last of all */
	struct chan_create create;	/* the last of each */
	struct chan_resolve resolved;
	struct chan_list list;
	struct chan_xfer xfer;
	struct chan_narrow narrow;
	struct chan_destroy destroy;
	struct chan_select select;
	struct chan_case cases[CHAN_CASES_MAX];
	struct chan_selector selector;
	struct chan_timer timer;
	size_t read_size;
	unsigned int waits_for_ever;
	struct timespec slept;
} k;

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
int __wrap_open(const char *path, int flags, ...);
int __wrap_close(int fd);
int __wrap_ioctl(int fd, unsigned long cmd, ...);
ssize_t __wrap_read(int fd, void *buf, size_t size);
int __wrap_clock_nanosleep(clockid_t clock, int flags, const struct timespec *t,
			   struct timespec *left);
long __wrap_syscall(long nr, ...);

void *__wrap_calloc(size_t n, size_t size)
{
	return k.no_memory ? NULL : __real_calloc(n, size);
}

static int fail(int error)
{
	errno = error;
	return -1;
}

int __wrap_open(const char *path, int flags, ...)
{
	unsigned int minor;

	k.open_flags = flags;
	if (!strcmp(path, "/dev/chanctl")) {
		if (k.ctl_errno)
			return fail(k.ctl_errno);
		k.opens++;
		return CTL_FD;
	}
	if (sscanf(path, "/dev/chan%u", &minor) != 1 || minor >= 8)
		return fail(ENOENT);
	if (k.node_errno[minor])
		return fail(k.node_errno[minor]);
	k.opens++;
	return CHAN_FD + minor;
}

int __wrap_close(int fd)
{
	EXPECT(fd >= CTL_FD);
	k.closes++;
	return 0;
}

static int play_resolve(struct chan_resolve *arg)
{
	const struct chan_resolve *answer = &k.resolve[k.resolves++];

	k.resolved = *arg;
	if (!answer->id)
		return fail(ENOENT);
	arg->minor = answer->minor;
	arg->id = answer->id;
	return 0;
}

static int play_create(struct chan_create *arg)
{
	k.create = *arg;
	if (k.ioctl_errno)
		return fail(k.ioctl_errno);
	arg->fd = NEW_FD;
	arg->id = 77;
	k.opens++;
	return 0;
}

static int play_narrow(struct chan_narrow *arg)
{
	k.narrow = *arg;
	if (k.ioctl_errno)
		return fail(k.ioctl_errno);
	arg->fd = NEW_FD + 1;
	k.opens++;
	return 0;
}

static int play_info(int fd, struct chan_info *arg)
{
	if (fd < CHAN_FD || fd >= CHAN_FD + 8)
		return fail(ENOTTY);
	EXPECT_EQ(arg->size, sizeof(*arg));
	*arg = k.node[fd - CHAN_FD];
	return 0;
}

static int play_xfer(struct chan_xfer *arg)
{
	k.xfer = *arg;
	if (k.ioctl_errno)
		return fail(k.ioctl_errno);
	arg->len = k.len;
	return k.result;
}

static int play_other(void *to, const void *from, size_t size)
{
	memcpy(to, from, size);
	return k.ioctl_errno ? fail(k.ioctl_errno) : 0;
}

/* A message that is received has k.len bytes. */
static int play_select(struct chan_select *arg)
{
	struct chan_case *cases = (struct chan_case *)(uintptr_t)arg->cases;

	k.select = *arg;
	EXPECT_EQ(arg->case_size, sizeof(*cases));
	memcpy(k.cases, cases, arg->count * sizeof(*cases));
	if (k.ioctl_errno)
		return fail(k.ioctl_errno);
	if (cases[k.selected & CHAN_INDEX_MASK].len)
		cases[k.selected & CHAN_INDEX_MASK].len = k.len;
	return k.selected;
}

static int play_selector(struct chan_selector *arg)
{
	k.selector = *arg;
	if (k.ioctl_errno)
		return fail(k.ioctl_errno);
	arg->fd = SEL_FD;
	k.opens++;
	return 0;
}

ssize_t __wrap_read(int fd, void *buf, size_t size)
{
	EXPECT_EQ(fd, SEL_FD);
	k.read_size = size;
	if (k.ioctl_errno)
		return fail(k.ioctl_errno);
	memcpy(buf, &k.result_of, sizeof(k.result_of));
	memcpy((char *)buf + sizeof(k.result_of), k.element, k.result_of.len);
	return sizeof(k.result_of) + k.result_of.len;
}

int __wrap_clock_nanosleep(clockid_t clock, int flags, const struct timespec *t,
			   struct timespec *left)
{
	EXPECT(clock == CLOCK_MONOTONIC && !flags && !left);
	k.slept = *t;
	return k.ioctl_errno;
}

/* A futex wakes for no reason at first. */
long __wrap_syscall(long nr, ...)
{
	EXPECT_EQ(nr, SYS_futex);
	return k.waits_for_ever++ ? fail(EINTR) : 0;
}

int __wrap_ioctl(int fd, unsigned long cmd, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);
	k.fd = fd;
	k.cmd = cmd;
	k.ioctls++;
	switch (cmd) {
	case CHAN_IOC_CREATE:
		return play_create(arg);
	case CHAN_IOC_RESOLVE:
		return play_resolve(arg);
	case CHAN_IOC_LIST:
		((struct chan_list *)arg)->next++;
		return play_other(&k.list, arg, sizeof(k.list));
	case CHAN_IOC_SEND:
	case CHAN_IOC_RECV:
		return play_xfer(arg);
	case CHAN_IOC_INFO:
		return play_info(fd, arg);
	case CHAN_IOC_NARROW:
		return play_narrow(arg);
	case CHAN_IOC_DESTROY:
		return play_other(&k.destroy, arg, sizeof(k.destroy));
	case CHAN_IOC_SELECT:
	case CHAN_IOC_ARM:
		return play_select(arg);
	case CHAN_IOC_SELECTOR:
		return play_selector(arg);
	case CHAN_IOC_STANDBY:
		EXPECT((uintptr_t)arg <= 1);
		k.result = (uintptr_t)arg;
		return k.ioctl_errno ? fail(k.ioctl_errno) : k.was;
	case CHAN_IOC_TIMER:
		if (k.timer_errno || play_other(&k.timer, arg, sizeof(k.timer)))
			return fail(k.timer_errno ?: k.ioctl_errno);
		return k.was;
	case CHAN_IOC_CLOSE:
	case CHAN_IOC_DISARM:
		EXPECT(!arg);
		return k.ioctl_errno ? fail(k.ioctl_errno) : 0;
	default:
		return fail(ENOTTY);
	}
}

static struct chan *fixed(void)
{
	struct chan *c = NULL;

	k.node[0].elem_size = 8;
	k.node[0].capacity = 16;
	EXPECT_EQ(chan_open_minor(&c, 0, O_RDWR, NULL), 0);
	k.ioctls = 0;
	return c;
}

static struct chan *messages(void)
{
	struct chan *c = NULL;

	k.node[1].elem_size = 100;
	k.node[1].flags = CHAN_MESSAGE;
	EXPECT_EQ(chan_open_minor(&c, 1, O_RDWR, NULL), 0);
	k.ioctls = 0;
	return c;
}

static void no_module_is_enosys(void)
{
	static const int errors[] = { ENOENT, ENXIO, ENODEV };
	struct chan_limits limits;
	struct chan *c = (void *)1;
	unsigned int next = 0, i;
	struct chan_info info;

	for (i = 0; i < 3; i++) {
		k.ctl_errno = errors[i];
		EXPECT_EQ(chan_ctl_open(), -ENOSYS);
		EXPECT_EQ(chan_new(&c, 8, 0, O_RDWR, NULL), -ENOSYS);
		EXPECT_EQ(chan_open_name(&c, "jobs", O_RDWR, NULL), -ENOSYS);
		EXPECT_EQ(chan_list(&next, &info, 1, sizeof(info)), -ENOSYS);
		EXPECT_EQ(chan_limits(&limits, sizeof(limits)), -ENOSYS);
	}
	k.ctl_errno = EACCES;
	EXPECT_EQ(chan_new(&c, 8, 0, O_RDWR, NULL), -EACCES);
	EXPECT(c == (void *)1);
}

static void new_makes_what_was_asked_for(void)
{
	struct chan *c = NULL;

	EXPECT_EQ(chan_new(&c, 8, 16, O_WRONLY | O_NONBLOCK, NULL), 0);
	EXPECT_EQ(k.create.size, sizeof(k.create));
	EXPECT_EQ(k.create.elem_size, 8);
	EXPECT_EQ(k.create.capacity, 16);
	EXPECT_EQ(k.create.fd_flags, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	EXPECT_EQ(k.create.flags, 0);
	EXPECT_EQ(k.create.mode, 0);
	EXPECT_EQ(chan_fd(c), NEW_FD);
	EXPECT_EQ(chan_id(c), 77);
	EXPECT_EQ(chan_elem_size(c), 8);
	EXPECT_EQ(chan_cap(c), 16);
	EXPECT_EQ(chan_flags(c), 0);
	EXPECT(!*chan_name(c) && !*chan_type(c));
	EXPECT(!chan_unref(c));
}

static void a_name_makes_it_named_with_mode_0600(void)
{
	struct chan_options o = { .size = sizeof(o), .name = "jobs", .type = "int64" };
	struct chan *c = NULL;

	EXPECT_EQ(chan_new(&c, 8, 0, O_RDWR, &o), 0);
	EXPECT_EQ(k.create.flags, CHAN_NAMED);
	EXPECT_EQ(k.create.mode, 0600);
	EXPECT(!strcmp(chan_name(c), "jobs") && !strcmp(k.create.name, "jobs"));
	EXPECT(!strcmp(chan_type(c), "int64") && !strcmp(k.create.type, "int64"));
	EXPECT_EQ(chan_flags(c), CHAN_NAMED);
	chan_unref(c);
}

static void an_empty_name_is_none(void)
{
	struct chan_options o = { .size = sizeof(o), .name = "" };
	struct chan *c = NULL;

	EXPECT_EQ(chan_new(&c, 8, 0, O_RDWR, &o), 0);
	EXPECT_EQ(k.create.flags, 0);
	chan_unref(c);
	o.flags = CHAN_NAMED;
	o.mode = 0644;
	EXPECT_EQ(chan_new(&c, 8, 0, O_RDWR, &o), 0);
	EXPECT_EQ(k.create.flags, CHAN_NAMED);
	EXPECT_EQ(k.create.mode, 0644);
	chan_unref(c);
}

static void sizes_are_not_truncated(void)
{
	struct chan *c = NULL;

	if (sizeof(size_t) == 4)
		return;
	EXPECT_EQ(chan_new(&c, (size_t)UINT32_MAX + 9, 0, O_RDWR, NULL), -EINVAL);
	EXPECT_EQ(chan_new(&c, 8, (size_t)UINT32_MAX + 2, O_RDWR, NULL), -EINVAL);
	EXPECT_EQ(k.cmd, 0);
}

static void strings_that_do_not_fit_are_einval(void)
{
	char name[CHAN_NAME_LEN + 1], type[CHAN_TYPE_LEN + 1];
	struct chan_options o = { .size = sizeof(o), .name = name };
	struct chan *c = NULL;

	memset(name, 'n', sizeof(name));
	memset(type, 't', sizeof(type));
	name[CHAN_NAME_LEN] = type[CHAN_TYPE_LEN] = 0;
	EXPECT_EQ(chan_new(&c, 8, 0, O_RDWR, &o), -EINVAL);
	EXPECT_EQ(chan_open_name(&c, name, O_RDWR, NULL), -EINVAL);
	o.name = NULL;
	o.type = type;
	EXPECT_EQ(chan_new(&c, 8, 0, O_RDWR, &o), -EINVAL);
	EXPECT_EQ(k.ioctls, 0);
	type[CHAN_TYPE_LEN - 1] = 0;
	EXPECT_EQ(chan_new(&c, 8, 0, O_RDWR, &o), 0);
	EXPECT(!strcmp(chan_type(c), type));
	chan_unref(c);
}

static void options_grow_as_the_kernels_structures_do(void)
{
	struct {
		struct chan_options o;
		uint64_t newer;
	} big = { .o = { .size = sizeof(big) } };
	struct chan *c = NULL;

	EXPECT_EQ(chan_new(&c, 8, 0, O_RDWR, &big.o), 0);
	chan_unref(c);
	big.newer = 1;
	EXPECT_EQ(chan_new(&c, 8, 0, O_RDWR, &big.o), -E2BIG);
	big.o.size = sizeof(big.o);
	EXPECT_EQ(chan_new(&c, 8, 0, O_RDWR, &big.o), 0);
	chan_unref(c);
	big.o.size--;
	EXPECT_EQ(chan_new(&c, 8, 0, O_RDWR, &big.o), -EINVAL);
	big.o.size = 0;
	EXPECT_EQ(chan_new(&c, 8, 0, O_RDWR, &big.o), -EINVAL);
	big.o.size = sizeof(big.o);
	big.o.pad = 1;
	EXPECT_EQ(chan_new(&c, 8, 0, O_RDWR, &big.o), -EINVAL);
}

static void without_memory_nothing_is_made(void)
{
	struct chan *c = (void *)1;
	struct chan *from = fixed();

	k.no_memory = true;
	EXPECT_EQ(chan_new(&c, 8, 0, O_RDWR, NULL), -ENOMEM);
	EXPECT_EQ(chan_narrow(&c, from, O_RDONLY), -ENOMEM);
	EXPECT_EQ(k.ioctls, 0);
	EXPECT_EQ(chan_open_minor(&c, 0, O_RDWR, NULL), -ENOMEM);
	EXPECT(c == (void *)1);
	chan_unref(from);
}

static void a_failed_create_gives_nothing(void)
{
	struct chan *c = (void *)1;

	k.ioctl_errno = EDQUOT;
	EXPECT_EQ(chan_new(&c, 8, 0, O_RDWR, NULL), -EDQUOT);
	EXPECT(c == (void *)1);
}

static void names_may_say_whose_they_are(void)
{
	unsigned int minor = 0;
	uint64_t id = 0;

	k.resolve[0] = k.resolve[1] = k.resolve[2] = (struct chan_resolve){ .minor = 3, .id = 9 };
	EXPECT_EQ(chan_resolve("jobs", &minor, &id), 0);
	EXPECT_EQ(k.resolved.uid, CHAN_UID_ANY);
	EXPECT(!strcmp(k.resolved.name, "jobs"));
	EXPECT(minor == 3 && id == 9);
	EXPECT_EQ(chan_resolve("1000:jobs", &minor, &id), 0);
	EXPECT_EQ(k.resolved.uid, 1000);
	EXPECT(!strcmp(k.resolved.name, "jobs"));
	EXPECT_EQ(chan_resolve("4294967294:jobs", &minor, &id), 0);
	EXPECT_EQ(k.resolved.uid, 4294967294U);
	EXPECT_EQ(chan_resolve("jobs", &minor, &id), -ENOENT);
}

static void owners_that_are_no_numbers_are_einval(void)
{
	static const char * const bad[] = {
		":jobs", "x:jobs", "-1:jobs", "+1:jobs", " 1:jobs", "1 :jobs", "0x1:jobs",
		"4294967295:jobs", "4294967296:jobs", "99999999999999999999999999:jobs",
	};
	unsigned int minor;
	uint64_t id;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		EXPECT_EQ(chan_resolve(bad[i], &minor, &id), -EINVAL);
	EXPECT_EQ(k.ioctls, 0);
}

static void a_name_is_opened_by_its_node(void)
{
	struct chan *c = NULL;

	k.resolve[0] = (struct chan_resolve){ .minor = 2, .id = 9 };
	k.node[2] = (struct chan_info){ .id = 9, .elem_size = 4, .name = "jobs" };
	EXPECT_EQ(chan_open_name(&c, "jobs", O_RDONLY, NULL), 0);
	EXPECT_EQ(k.open_flags & O_ACCMODE, O_RDONLY);
	EXPECT(k.open_flags & O_CLOEXEC);
	EXPECT_EQ(chan_fd(c), CHAN_FD + 2);
	EXPECT_EQ(chan_id(c), 9);
	EXPECT_EQ(chan_elem_size(c), 4);
	chan_unref(c);
}

static void a_name_is_followed_to_its_new_channel(int failure, uint64_t found)
{
	struct chan *c = NULL;

	k.resolve[0] = (struct chan_resolve){ .minor = 2, .id = 9 };
	k.resolve[1] = (struct chan_resolve){ .minor = 3, .id = 10 };
	k.node_errno[2] = failure;
	k.node[2].id = found;
	k.node[3].id = 10;
	k.resolves = 0;
	EXPECT_EQ(chan_open_name(&c, "jobs", O_RDONLY, NULL), 0);
	EXPECT_EQ(chan_fd(c), CHAN_FD + 3);
	chan_unref(c);
}

static void a_name_that_moves_meanwhile_is_followed(void)
{
	a_name_is_followed_to_its_new_channel(ENOENT, 0);
	a_name_is_followed_to_its_new_channel(ENXIO, 0);
	a_name_is_followed_to_its_new_channel(ENODEV, 0);
	a_name_is_followed_to_its_new_channel(EACCES, 0);
	a_name_is_followed_to_its_new_channel(0, 11);
}

static void a_name_that_goes_meanwhile_is_enoent(void)
{
	struct chan *c = (void *)1;

	k.resolve[0] = (struct chan_resolve){ .minor = 2, .id = 9 };
	k.node_errno[2] = ENXIO;
	EXPECT_EQ(chan_open_name(&c, "jobs", O_RDONLY, NULL), -ENOENT);
	EXPECT(c == (void *)1);
}

static int open_name_twice_the_same(int failure, uint64_t found)
{
	struct chan *c = NULL;

	k.resolve[0] = k.resolve[1] = (struct chan_resolve){ .minor = 2, .id = 9 };
	k.node_errno[2] = failure;
	k.node[2].id = found;
	k.resolves = 0;
	return chan_open_name(&c, "jobs", O_RDONLY, NULL);
}

static void a_name_whose_node_is_elsewhere_is_estale(void)
{
	EXPECT_EQ(open_name_twice_the_same(ENOENT, 0), -ESTALE);
	EXPECT_EQ(open_name_twice_the_same(0, 8), -ESTALE);
	EXPECT_EQ(open_name_twice_the_same(EACCES, 0), -EACCES);
}

static void a_name_of_the_wrong_type_is_eproto(void)
{
	struct chan_expect expect = { .size = sizeof(expect), .elem_size = 4, .type = "int" };
	struct chan *c = NULL;

	k.resolve[0] = k.resolve[1] = (struct chan_resolve){ .minor = 2, .id = 9 };
	k.node[2] = (struct chan_info){ .id = 9, .elem_size = 4, .type = "float" };
	EXPECT_EQ(chan_open_name(&c, "jobs", O_RDONLY, &expect), -EPROTO);
}

static void no_node_of_a_number_is_enoent(void)
{
	struct chan *c = NULL;

	k.node_errno[5] = ENXIO;
	k.node_errno[6] = ENODEV;
	EXPECT_EQ(chan_open_minor(&c, 5, O_RDWR, NULL), -ENOENT);
	EXPECT_EQ(chan_open_minor(&c, 6, O_RDWR, NULL), -ENOENT);
	EXPECT_EQ(chan_open_minor(&c, 7000, O_RDWR, NULL), -ENOENT);
	EXPECT_EQ(chan_open_path(&c, "/dev/chan5", O_RDWR, NULL), -ENXIO);
}

static void flags_that_open_does_not_know_are_einval(void)
{
	struct chan *c = NULL;

	EXPECT_EQ(chan_open_minor(&c, 0, O_RDWR | O_TRUNC, NULL), -EINVAL);
	EXPECT_EQ(chan_open_path(&c, "/dev/chan0", O_RDWR | O_CREAT, NULL), -EINVAL);
	EXPECT_EQ(k.opens, 0);
}

static int open_expecting(uint32_t flags, uint32_t elem_size, const char *type)
{
	struct chan_expect expect = {
		.size = sizeof(expect), .flags = flags, .elem_size = elem_size, .type = type,
	};
	struct chan *c = NULL;
	int r = chan_open_minor(&c, 0, O_RDWR, &expect);

	EXPECT(!r == !!c);
	chan_unref(c);
	return r;
}

static void another_type_size_or_kind_is_eproto(void)
{
	k.node[0] = (struct chan_info){ .elem_size = 4, .type = "int32" };
	EXPECT_EQ(open_expecting(0, 4, "int32"), 0);
	EXPECT_EQ(open_expecting(0, 4, NULL), 0);
	EXPECT_EQ(open_expecting(0, 8, "int32"), -EPROTO);
	EXPECT_EQ(open_expecting(0, 0, "int32"), -EPROTO);
	EXPECT_EQ(open_expecting(0, 4, "int3"), -EPROTO);
	EXPECT_EQ(open_expecting(0, 4, "int32_t"), -EPROTO);
	EXPECT_EQ(open_expecting(0, 4, ""), -EPROTO);
	EXPECT_EQ(open_expecting(CHAN_MESSAGE, 4, "int32"), -EPROTO);
	EXPECT_EQ(open_expecting(CHAN_MESSAGE, 0, NULL), -EPROTO);
	EXPECT_EQ(open_expecting(CHAN_NAMED, 4, NULL), -EINVAL);
	k.node[0] = (struct chan_info){ .elem_size = 100, .flags = CHAN_MESSAGE };
	EXPECT_EQ(open_expecting(CHAN_MESSAGE, 0, NULL), 0);
	EXPECT_EQ(open_expecting(CHAN_MESSAGE, 100, ""), 0);
	EXPECT_EQ(open_expecting(CHAN_MESSAGE, 99, NULL), -EPROTO);
	EXPECT_EQ(open_expecting(0, 100, NULL), -EPROTO);
}

static void a_refused_descriptor_stays_the_callers(void)
{
	struct chan_expect expect = { .size = sizeof(expect), .elem_size = 1 };
	struct chan *c = NULL;

	k.node[0].elem_size = 8;
	EXPECT_EQ(chan_from_fd(&c, CHAN_FD, &expect), -EPROTO);
	EXPECT_EQ(chan_from_fd(&c, 1, NULL), -ENOTTY);
	EXPECT_EQ(k.closes, 0);
	EXPECT_EQ(chan_from_fd(&c, CHAN_FD, NULL), 0);
	chan_unref(c);
	EXPECT_EQ(k.closes, 1);
	k.opens++;
}

static void what_has_become_of_it_is_no_kind(void)
{
	struct chan *c = NULL;

	k.node[0].flags = CHAN_AUTOCLOSE | CHAN_CLOSED | CHAN_HUNGUP | CHAN_DESTROYED;
	EXPECT_EQ(chan_open_minor(&c, 0, O_RDWR, NULL), 0);
	EXPECT_EQ(chan_flags(c), CHAN_AUTOCLOSE);
	chan_unref(c);
}

static void the_last_reference_closes_the_file(void)
{
	struct chan *c = fixed();

	EXPECT(chan_ref(c) == c);
	chan_unref(c);
	EXPECT_EQ(k.closes, 0);
	chan_unref(c);
	EXPECT_EQ(k.closes, 1);
	EXPECT(!chan_unref(NULL));
}

static void a_narrow_handle_is_of_the_same_channel(void)
{
	struct chan *narrow = NULL, *c = fixed();

	EXPECT_EQ(chan_narrow(&narrow, c, O_RDONLY), 0);
	EXPECT_EQ(k.narrow.fd_flags, O_RDONLY | O_CLOEXEC);
	EXPECT_EQ(chan_fd(narrow), NEW_FD + 1);
	EXPECT_EQ(chan_cap(narrow), 16);
	chan_unref(c);
	chan_unref(narrow);
	c = fixed();
	narrow = NULL;
	k.ioctl_errno = EBADF;
	EXPECT_EQ(chan_narrow(&narrow, c, O_RDWR), -EBADF);
	EXPECT(!narrow);
	chan_unref(c);
}

#define EXPECT_XFER(cmd_, flags_, count_, len_, ns_) do {	\
	EXPECT_EQ(k.cmd, cmd_);					\
	EXPECT_EQ(k.xfer.size, sizeof(k.xfer));			\
	EXPECT_EQ(k.xfer.flags, flags_);			\
	EXPECT_EQ(k.xfer.count, count_);			\
	EXPECT_EQ(k.xfer.len, len_);				\
	EXPECT_EQ(k.xfer.timeout_ns, ns_);			\
} while (0)

static void each_form_waits_as_it_says(void)
{
	struct chan *c = fixed(), *m = messages();
	char v[100];
	size_t len;

	k.result = 1;
	EXPECT_EQ(chan_send_elem(c, v), 0);
	EXPECT_XFER(CHAN_IOC_SEND, 0, 1, 0, 0);
	EXPECT_EQ(k.xfer.buf, (uintptr_t)v);
	EXPECT_EQ(chan_send_elem_try(c, v), 0);
	EXPECT_XFER(CHAN_IOC_SEND, CHAN_NONBLOCK, 1, 0, 0);
	EXPECT_EQ(chan_send_elem_timeout(c, v, 5), 0);
	EXPECT_XFER(CHAN_IOC_SEND, CHAN_TIMEOUT, 1, 0, 5);
	EXPECT_EQ(chan_recv_elem(c, v), 1);
	EXPECT_XFER(CHAN_IOC_RECV, 0, 1, 0, 0);
	EXPECT_EQ(chan_recv_elem_try(c, v), 1);
	EXPECT_XFER(CHAN_IOC_RECV, CHAN_NONBLOCK, 1, 0, 0);
	EXPECT_EQ(chan_recv_elem_timeout(c, v, UINT64_MAX), 1);
	EXPECT_XFER(CHAN_IOC_RECV, CHAN_TIMEOUT, 1, 0, (long long)UINT64_MAX);

	k.result = 3;
	EXPECT_EQ(chan_send_elems(c, v, 7), 3);
	EXPECT_XFER(CHAN_IOC_SEND, 0, 7, 0, 0);
	EXPECT_EQ(chan_send_elems_try(c, v, 7), 3);
	EXPECT_XFER(CHAN_IOC_SEND, CHAN_NONBLOCK, 7, 0, 0);
	EXPECT_EQ(chan_send_elems_timeout(c, v, 7, 0), 3);
	EXPECT_XFER(CHAN_IOC_SEND, CHAN_TIMEOUT, 7, 0, 0);
	EXPECT_EQ(chan_recv_elems(c, v, 7), 3);
	EXPECT_XFER(CHAN_IOC_RECV, 0, 7, 0, 0);
	EXPECT_EQ(chan_recv_elems_try(c, v, 7), 3);
	EXPECT_XFER(CHAN_IOC_RECV, CHAN_NONBLOCK, 7, 0, 0);
	EXPECT_EQ(chan_recv_elems_timeout(c, v, 7, 9), 3);
	EXPECT_XFER(CHAN_IOC_RECV, CHAN_TIMEOUT, 7, 0, 9);

	k.result = 1;
	EXPECT_EQ(chan_send_msg(m, v, 6), 0);
	EXPECT_XFER(CHAN_IOC_SEND, 0, 1, 6, 0);
	EXPECT_EQ(chan_send_msg_try(m, v, 100), 0);
	EXPECT_XFER(CHAN_IOC_SEND, CHAN_NONBLOCK, 1, 100, 0);
	EXPECT_EQ(chan_send_msg_timeout(m, NULL, 0, 4), 0);
	EXPECT_XFER(CHAN_IOC_SEND, CHAN_TIMEOUT, 1, 0, 4);
	EXPECT_EQ(chan_recv_msg(m, v, 6, &len), 1);
	EXPECT_XFER(CHAN_IOC_RECV, 0, 1, 6, 0);
	EXPECT_EQ(chan_recv_msg_try(m, v, 100, &len), 1);
	EXPECT_XFER(CHAN_IOC_RECV, CHAN_NONBLOCK, 1, 100, 0);
	EXPECT_EQ(chan_recv_msg_timeout(m, v, 7, &len, 4), 1);
	EXPECT_XFER(CHAN_IOC_RECV, CHAN_TIMEOUT, 1, 7, 4);
	chan_unref(c);
	chan_unref(m);
}

static void the_end_zeroes_an_element_only(void)
{
	struct chan *c = fixed(), *m = messages();
	char v[9] = "abcdefgh";
	size_t len = 5;

	EXPECT_EQ(chan_recv_elems(c, v, 1), 0);
	EXPECT(!memcmp(v, "abcdefgh", 8));
	EXPECT_EQ(chan_recv_msg(m, v, 8, &len), 0);
	EXPECT(!memcmp(v, "abcdefgh", 8));
	EXPECT_EQ(len, 0);
	v[8] = 'i';
	EXPECT_EQ(chan_recv_elem(c, v), 0);
	EXPECT(!memcmp(v, "\0\0\0\0\0\0\0\0i", 9));
	chan_unref(c);
	chan_unref(m);
}

static void the_end_needs_no_room_for_elements_of_size_0(void)
{
	struct chan *c = NULL;

	EXPECT_EQ(chan_open_minor(&c, 0, O_RDWR, NULL), 0);
	EXPECT_EQ(chan_recv_elem(c, NULL), 0);
	chan_unref(c);
}

static void errors_come_back_negative_and_change_nothing(void)
{
	struct chan *c = fixed(), *m = messages();
	char v[9] = "abcdefgh";
	size_t len = 5;

	k.ioctl_errno = ETIMEDOUT;
	EXPECT_EQ(chan_send_elem(c, v), -ETIMEDOUT);
	EXPECT_EQ(chan_send_elems(c, v, 1), -ETIMEDOUT);
	EXPECT_EQ(chan_send_msg(m, v, 1), -ETIMEDOUT);
	EXPECT_EQ(chan_recv_elem(c, v), -ETIMEDOUT);
	EXPECT_EQ(chan_recv_elems(c, v, 1), -ETIMEDOUT);
	EXPECT_EQ(chan_recv_msg(m, v, 8, &len), -ETIMEDOUT);
	EXPECT_EQ(chan_close(c), -ETIMEDOUT);
	EXPECT_EQ(chan_destroy(c, 0), -ETIMEDOUT);
	EXPECT(!strcmp(v, "abcdefgh"));
	EXPECT_EQ(len, 5);
	chan_unref(c);
	chan_unref(m);
}

static void elements_and_messages_do_not_mix(void)
{
	struct chan *c = fixed(), *m = messages();
	char v[100];
	size_t len;

	EXPECT_EQ(chan_send_elem(m, v), -EPROTO);
	EXPECT_EQ(chan_send_elems(m, v, 1), -EPROTO);
	EXPECT_EQ(chan_recv_elem(m, v), -EPROTO);
	EXPECT_EQ(chan_recv_elems(m, v, 1), -EPROTO);
	EXPECT_EQ(chan_send_msg(c, v, 0), -EPROTO);
	EXPECT_EQ(chan_recv_msg(c, v, 8, &len), -EPROTO);
	EXPECT_EQ(k.ioctls, 0);
	chan_unref(c);
	chan_unref(m);
}

static void counts_and_lengths_are_not_truncated(void)
{
	struct chan *c = fixed(), *m = messages();
	char v[100];
	size_t len;

	EXPECT_EQ(chan_send_elems(c, v, (size_t)INT_MAX + 1), -EINVAL);
	EXPECT_EQ(chan_recv_elems(c, v, SIZE_MAX), -EINVAL);
	EXPECT_EQ(chan_send_msg(m, v, 101), -EMSGSIZE);
	EXPECT_EQ(chan_send_msg(m, v, SIZE_MAX), -EMSGSIZE);
	EXPECT_EQ(k.ioctls, 0);
	k.result = 1;
	k.len = 42;
	EXPECT_EQ(chan_recv_msg(m, v, SIZE_MAX, &len), 1);
	EXPECT_EQ(k.xfer.len, 100);
	EXPECT_EQ(len, 42);
	chan_unref(c);
	chan_unref(m);
}

static void close_and_destroy_ask_the_channel(void)
{
	struct chan *c = fixed();

	EXPECT_EQ(chan_close(c), 0);
	EXPECT_EQ(k.cmd, CHAN_IOC_CLOSE);
	EXPECT_EQ(chan_destroy(c, CHAN_DESTROY_FORCE), 0);
	EXPECT_EQ(k.destroy.size, sizeof(k.destroy));
	EXPECT_EQ(k.destroy.flags, CHAN_DESTROY_FORCE);
	EXPECT_EQ(k.closes, 0);
	chan_unref(c);
}

static void each_case_is_as_the_caller_says(void)
{
	struct chan *c = fixed(), *m = messages();
	char a[8], b[100], d[60];
	struct chan_choice choices[] = {
		{ .buf = a, .op = CHAN_CASE_SEND, .len = 7 },
		{ .c = c, .buf = a, .size = 5, .len = 5 },
		{ .c = c, .buf = b, .op = CHAN_CASE_SEND, .size = 5, .len = 500 },
		{ .c = m, .buf = b, .size = 1000, .len = 3 },
		{ .c = m, .buf = d, .size = 60, .len = 1000 },
		{ .c = m, .buf = b, .op = CHAN_CASE_SEND, .size = 3, .len = 42 },
	};
	const struct chan_case want[] = {
		{ .fd = -1, .op = CHAN_CASE_SEND, .buf = (uintptr_t)a },
		{ .fd = CHAN_FD, .op = CHAN_CASE_RECV, .buf = (uintptr_t)a },
		{ .fd = CHAN_FD, .op = CHAN_CASE_SEND, .buf = (uintptr_t)b },
		{ .fd = CHAN_FD + 1, .op = CHAN_CASE_RECV, .buf = (uintptr_t)b, .len = 100 },
		{ .fd = CHAN_FD + 1, .op = CHAN_CASE_RECV, .buf = (uintptr_t)d, .len = 60 },
		{ .fd = CHAN_FD + 1, .op = CHAN_CASE_SEND, .buf = (uintptr_t)b, .len = 42 },
	};

	k.selected = 2 | CHAN_OK;
	EXPECT_EQ(chan_select(choices, 6, 0), 2);
	EXPECT_EQ(k.fd, CHAN_FD);
	EXPECT_EQ(k.cmd, CHAN_IOC_SELECT);
	EXPECT_EQ(k.select.size, sizeof(k.select));
	EXPECT_EQ(k.select.count, 6);
	EXPECT(!memcmp(k.cases, want, sizeof(want)));
	EXPECT_EQ(choices[2].result, 1);
	EXPECT_EQ(choices[2].len, 500);
	choices[5].len = 101;
	EXPECT_EQ(chan_select(choices, 6, 0), -EMSGSIZE);
	choices[5].len = SIZE_MAX;
	EXPECT_EQ(chan_select(choices, 6, 0), -EMSGSIZE);
	EXPECT_EQ(k.ioctls, 1);
	chan_unref(c);
	chan_unref(m);
}

static void a_select_waits_as_it_says(void)
{
	struct chan *c = fixed();
	struct chan_choice choice = { .c = c };
	char v[8];

	choice.buf = v;
	EXPECT_EQ(chan_select(&choice, 1, CHAN_PRIORITY), 0);
	EXPECT_EQ(k.select.flags, CHAN_PRIORITY);
	EXPECT_EQ(chan_select_try(&choice, 1, 0), 0);
	EXPECT_EQ(k.select.flags, CHAN_NONBLOCK);
	EXPECT_EQ(chan_select_timeout(&choice, 1, CHAN_PRIORITY, 7), 0);
	EXPECT_EQ(k.select.flags, CHAN_TIMEOUT | CHAN_PRIORITY);
	EXPECT_EQ(k.select.timeout_ns, 7);
	k.ioctl_errno = ETIMEDOUT;
	choice.result = 42;
	memcpy(v, "abcdefgh", 8);
	EXPECT_EQ(chan_select_timeout(&choice, 1, 0, 7), -ETIMEDOUT);
	EXPECT_EQ(choice.result, 42);
	EXPECT(!memcmp(v, "abcdefgh", 8));
	chan_unref(c);
}

static void a_case_tells_how_it_has_ended(void)
{
	struct chan *c = fixed(), *m = messages();
	char v[9] = "abcdefghi", w[100] = "xyz";
	struct chan_choice choices[] = {
		{ .c = c, .buf = v, .result = 42 },
		{ .c = c, .buf = v, .op = CHAN_CASE_SEND, .result = 42 },
		{ .c = m, .buf = w, .size = 100, .len = 77, .result = 42 },
		{ .c = m, .buf = w, .len = 33, .op = CHAN_CASE_SEND, .result = 42 },
	};

	k.len = 5;
	k.selected = CHAN_OK | 2;
	EXPECT_EQ(chan_select(choices, 4, 0), 2);
	EXPECT(choices[2].result == 1 && choices[2].len == 5);
	EXPECT(choices[0].result == 42 && choices[1].result == 42 && choices[3].result == 42);
	k.selected = 2;
	EXPECT_EQ(chan_select(choices, 4, 0), 2);
	EXPECT(choices[2].result == 0 && choices[2].len == 0);
	EXPECT(!strcmp(w, "xyz"));
	k.selected = CHAN_OK | 0;
	EXPECT_EQ(chan_select(choices, 4, 0), 0);
	EXPECT(choices[0].result == 1 && !memcmp(v, "abcdefghi", 9));
	k.selected = CHAN_OK | 1;
	EXPECT_EQ(chan_select(choices, 4, 0), 1);
	EXPECT_EQ(choices[1].result, 1);
	k.selected = 1;
	EXPECT_EQ(chan_select(choices, 4, 0), 1);
	EXPECT(choices[1].result == -EPIPE && !memcmp(v, "abcdefghi", 9));
	k.selected = 3;
	EXPECT_EQ(chan_select(choices, 4, 0), 3);
	EXPECT(choices[3].result == -EPIPE && choices[3].len == 33);
	k.selected = 0;
	EXPECT_EQ(chan_select(choices, 4, 0), 0);
	EXPECT(choices[0].result == 0 && !memcmp(v, "\0\0\0\0\0\0\0\0i", 9));
	chan_unref(c);
	chan_unref(m);
}

static void a_select_of_nil_channels_sleeps(void)
{
	struct chan_choice nil[2] = { { .op = CHAN_CASE_SEND } };

	k.ctl_errno = EACCES;
	EXPECT_EQ(chan_select_try(nil, 2, 0), -EAGAIN);
	EXPECT_EQ(chan_select_timeout(nil, 2, 0, 5000000007), -ETIMEDOUT);
	EXPECT(k.slept.tv_sec == 5 && k.slept.tv_nsec == 7);
	EXPECT_EQ(chan_select_timeout(NULL, 0, 0, UINT64_MAX), -ETIMEDOUT);
	EXPECT_EQ(k.slept.tv_sec, INT_MAX);
	EXPECT(k.slept.tv_nsec < 1000000000);
	k.ioctl_errno = EINTR;
	EXPECT_EQ(chan_select_timeout(NULL, 0, 0, 1), -EINTR);
	EXPECT_EQ(k.waits_for_ever, 0);
	EXPECT_EQ(chan_select(NULL, 0, 0), -EINTR);
	EXPECT_EQ(k.waits_for_ever, 2);
	EXPECT_EQ(k.ioctls, 0);
}

static void cases_that_are_none_are_einval(void)
{
	struct chan_choice choices[CHAN_CASES_MAX] = { };
	struct chan_sel *sel = NULL;
	struct chan *c = fixed();
	char v[8];

	choices[17] = (struct chan_choice){ .c = c, .buf = v };
	EXPECT_EQ(chan_sel_new(&sel, c, 0), 0);
	k.ioctls = 0;
	EXPECT_EQ(chan_select(choices, CHAN_CASES_MAX + 1, 0), -EINVAL);
	EXPECT_EQ(chan_select(choices, SIZE_MAX, 0), -EINVAL);
	EXPECT_EQ(chan_sel_arm(sel, choices, CHAN_CASES_MAX + 1, 0), -EINVAL);
	EXPECT_EQ(chan_sel_read(sel, choices, CHAN_CASES_MAX + 1), -EINVAL);
	EXPECT_EQ(chan_select(choices, 1, CHAN_NONBLOCK), -EINVAL);
	EXPECT_EQ(chan_select_try(choices, 1, CHAN_TIMEOUT), -EINVAL);
	EXPECT_EQ(chan_sel_arm(sel, choices, 1, CHAN_NONBLOCK), -EINVAL);
	choices[3].op = 2;
	EXPECT_EQ(chan_select_try(choices, 4, 0), -EINVAL);
	EXPECT_EQ(chan_select(choices, CHAN_CASES_MAX, 0), -EINVAL);
	EXPECT_EQ(k.ioctls, 0);
	choices[3].op = 0;
	k.selected = 17 | CHAN_OK;
	EXPECT_EQ(chan_select(choices, CHAN_CASES_MAX, 0), 17);
	EXPECT_EQ(k.select.count, CHAN_CASES_MAX);
	EXPECT_EQ(choices[17].result, 1);
	k.no_memory = true;
	EXPECT_EQ(chan_select(choices, 18, 0), -ENOMEM);
	EXPECT_EQ(k.ioctls, 1);
	chan_sel_unref(sel);
	chan_unref(c);
}

static void a_selector_is_made_through_any_channel(void)
{
	struct chan_sel *sel = (void *)1;
	struct chan *c = fixed();

	EXPECT_EQ(chan_sel_new(&sel, c, O_NONBLOCK), 0);
	EXPECT_EQ(k.fd, CHAN_FD);
	EXPECT_EQ(k.selector.size, sizeof(k.selector));
	EXPECT_EQ(k.selector.fd_flags, O_NONBLOCK | O_CLOEXEC);
	EXPECT_EQ(chan_sel_fd(sel), SEL_FD);
	EXPECT(chan_sel_ref(sel) == sel);
	EXPECT(!chan_sel_unref(sel));
	EXPECT_EQ(k.closes, 0);
	EXPECT(!chan_sel_unref(sel));
	EXPECT_EQ(k.closes, 1);
	EXPECT(!chan_sel_unref(NULL));
	EXPECT_EQ(chan_sel_new(&sel, NULL, 0), 0);
	EXPECT_EQ(k.fd, CTL_FD);
	EXPECT_EQ(k.closes, 2);
	chan_sel_unref(sel);
	sel = (void *)1;
	k.ioctl_errno = EDQUOT;
	EXPECT_EQ(chan_sel_new(&sel, NULL, 0), -EDQUOT);
	k.ctl_errno = ENOENT;
	EXPECT_EQ(chan_sel_new(&sel, NULL, 0), -ENOSYS);
	k.no_memory = true;
	EXPECT_EQ(chan_sel_new(&sel, c, 0), -ENOMEM);
	EXPECT(sel == (void *)1);
	chan_unref(c);
}

static void a_selector_that_is_armed_gives_its_result(void)
{
	struct chan *c = fixed(), *m = messages();
	char v[8] = "abcdefgh", w[200];
	struct chan_choice choices[] = {
		{ .c = c, .buf = v }, { .c = m, .buf = w, .size = 200, .len = 77 },
		{ .c = c, .buf = v, .op = CHAN_CASE_SEND }, { .buf = v },
	};
	struct chan_sel *sel = NULL;

	EXPECT_EQ(chan_sel_new(&sel, c, 0), 0);
	k.ioctl_errno = EINPROGRESS;
	EXPECT_EQ(chan_sel_arm(sel, choices, 4, CHAN_PRIORITY), -EINPROGRESS);
	EXPECT_EQ(k.fd, SEL_FD);
	EXPECT_EQ(k.cmd, CHAN_IOC_ARM);
	EXPECT_EQ(k.select.flags, CHAN_PRIORITY);
	EXPECT_EQ(k.select.count, 4);
	EXPECT_EQ(k.cases[1].len, 100);
	k.ioctl_errno = EAGAIN;
	EXPECT_EQ(chan_sel_read(sel, choices, 4), -EAGAIN);
	EXPECT(!memcmp(v, "abcdefgh", 8) && choices[1].len == 77);

	k.ioctl_errno = 0;
	k.result_of = (struct chan_selected){ .index = 1, .flags = CHAN_OK, .len = 3 };
	strcpy(k.element, "xyz");
	EXPECT_EQ(chan_sel_read(sel, choices, 4), 1);
	EXPECT_EQ(k.read_size, sizeof(struct chan_selected) + 100);
	EXPECT(choices[1].result == 1 && choices[1].len == 3 && !memcmp(w, "xyz", 3));
	k.result_of = (struct chan_selected){ .index = 1 };
	EXPECT_EQ(chan_sel_read(sel, choices, 4), 1);
	EXPECT(choices[1].result == 0 && choices[1].len == 0);
	k.result_of = (struct chan_selected){ .index = 0, .flags = CHAN_OK, .len = 8 };
	strcpy(k.element, "ABCDEFGH");
	EXPECT_EQ(chan_sel_read(sel, choices, 4), 0);
	EXPECT(choices[0].result == 1 && !memcmp(v, "ABCDEFGH", 8));
	k.result_of = (struct chan_selected){ .index = 2, .flags = CHAN_OK };
	EXPECT_EQ(chan_sel_read(sel, choices, 4), 2);
	EXPECT_EQ(choices[2].result, 1);
	k.result_of = (struct chan_selected){ .index = 2 };
	EXPECT_EQ(chan_sel_read(sel, choices, 4), 2);
	EXPECT(choices[2].result == -EPIPE && !memcmp(v, "ABCDEFGH", 8));
	k.result_of = (struct chan_selected){ .index = 0 };
	EXPECT_EQ(chan_sel_read(sel, choices, 4), 0);
	EXPECT(choices[0].result == 0 && !memcmp(v, "\0\0\0\0\0\0\0\0", 8));
	chan_sel_unref(sel);
	chan_unref(c);
	chan_unref(m);
}

static void an_armed_case_that_commits_at_once_is_a_select(void)
{
	struct chan_choice choice = { .result = 42 };
	struct chan_sel *sel = NULL;
	struct chan *c = fixed();
	char v[8] = "abcdefgh";

	choice.c = c;
	choice.buf = v;
	EXPECT_EQ(chan_sel_new(&sel, c, 0), 0);
	k.selected = CHAN_OK;
	EXPECT_EQ(chan_sel_arm(sel, &choice, 1, 0), 0);
	EXPECT_EQ(k.select.flags, 0);
	EXPECT_EQ(choice.result, 1);
	EXPECT(!memcmp(v, "abcdefgh", 8));
	EXPECT_EQ(chan_sel_disarm(sel), 0);
	EXPECT(k.cmd == CHAN_IOC_DISARM && k.fd == SEL_FD);
	k.ioctl_errno = EALREADY;
	EXPECT_EQ(chan_sel_disarm(sel), -EALREADY);
	k.ioctl_errno = EBUSY;
	EXPECT_EQ(chan_sel_arm(sel, &choice, 1, 0), -EBUSY);
	chan_sel_unref(sel);
	chan_unref(c);
}

/* Before the kernel is asked: then nothing is lost. */
static void selectors_have_room_for_any_element(void)
{
	struct chan *c = NULL, *m = messages();
	char v[100], w[1000];
	struct chan_choice choices[] = {
		{ .c = m, .buf = v, .op = CHAN_CASE_SEND, .len = 1 },
		{ .buf = w },
		{ .c = m, .buf = v, .size = 99 },
	};
	struct chan_sel *sel = NULL;

	k.node[2].elem_size = 1000;
	EXPECT_EQ(chan_open_minor(&c, 2, O_RDWR, NULL), 0);
	EXPECT_EQ(chan_sel_new(&sel, m, 0), 0);
	k.ioctls = 0;
	EXPECT_EQ(chan_sel_arm(sel, choices, 3, 0), -EMSGSIZE);
	EXPECT_EQ(chan_sel_read(sel, choices, 3), -EMSGSIZE);
	EXPECT(!k.ioctls && !k.read_size);
	choices[2].size = 100;
	choices[1].c = c;
	k.result_of = (struct chan_selected){ .index = 1, .flags = CHAN_OK, .len = 1000 };
	memset(k.element, 'z', 1000);
	k.no_memory = true;
	EXPECT_EQ(chan_sel_read(sel, choices, 3), -ENOMEM);
	EXPECT(!k.read_size);
	k.no_memory = false;
	EXPECT_EQ(chan_sel_read(sel, choices, 3), 1);
	EXPECT_EQ(k.read_size, sizeof(struct chan_selected) + 1000);
	EXPECT(w[0] == 'z' && w[999] == 'z');
	chan_sel_unref(sel);
	chan_unref(c);
	chan_unref(m);
}

/* Cases that aren't those which were armed: at least no memory is overwritten. */
static void a_result_of_other_cases_is_einval(void)
{
	struct chan *c = fixed(), *m = messages();
	char v[8] = "abcdefgh", w[100];
	struct chan_choice choices[] = {
		{ .c = c, .buf = v }, { .c = c, .buf = v, .op = CHAN_CASE_SEND }, { .buf = v },
		{ .c = m, .buf = w, .size = 100 },
	};
	struct chan_sel *sel = NULL;

	EXPECT_EQ(chan_sel_new(&sel, c, 0), 0);
	k.result_of = (struct chan_selected){ .index = 4, .flags = CHAN_OK };
	EXPECT_EQ(chan_sel_read(sel, choices, 4), -EINVAL);
	k.result_of.index = 2;
	EXPECT_EQ(chan_sel_read(sel, choices, 4), -EINVAL);
	k.result_of.len = 9;
	k.result_of.index = 0;
	EXPECT_EQ(chan_sel_read(sel, choices, 4), -EINVAL);
	k.result_of.len = 8;
	k.result_of.index = 1;
	EXPECT_EQ(chan_sel_read(sel, choices, 4), -EINVAL);
	EXPECT(!memcmp(v, "abcdefgh", 8));
	chan_sel_unref(sel);
	chan_unref(c);
	chan_unref(m);
}

static void standby_is_on_or_off(void)
{
	struct chan *c = fixed();

	EXPECT_EQ(chan_standby(c, 7), 0);
	EXPECT(k.cmd == CHAN_IOC_STANDBY && k.result == 1);
	k.was = 1;
	EXPECT_EQ(chan_standby(c, 0), 1);
	EXPECT_EQ(k.result, 0);
	k.ioctl_errno = EBADF;
	EXPECT_EQ(chan_standby(c, 1), -EBADF);
	chan_unref(c);
}

static void timers_are_channels_that_are_started(void)
{
	struct chan *c = NULL;

	EXPECT_EQ(chan_after(&c, 5), 0);
	EXPECT_EQ(k.create.flags, CHAN_TIMER);
	EXPECT_EQ(k.create.elem_size, 8);
	EXPECT_EQ(k.create.capacity, 1);
	EXPECT_EQ(k.create.fd_flags, O_RDONLY | O_CLOEXEC);
	EXPECT(k.cmd == CHAN_IOC_TIMER && k.fd == NEW_FD);
	EXPECT_EQ(k.timer.size, sizeof(k.timer));
	EXPECT_EQ(k.timer.flags, CHAN_TIMER_START);
	EXPECT(k.timer.first_ns == 5 && k.timer.period_ns == 0);
	EXPECT_EQ(chan_flags(c), CHAN_TIMER);
	k.was = 1;
	EXPECT_EQ(chan_timer_reset(c, 6, 7), 1);
	EXPECT_EQ(k.timer.flags, CHAN_TIMER_START);
	EXPECT(k.timer.first_ns == 6 && k.timer.period_ns == 7);
	EXPECT_EQ(chan_timer_stop(c), 1);
	EXPECT_EQ(k.timer.flags, CHAN_TIMER_STOP);
	EXPECT(!k.timer.first_ns && !k.timer.period_ns);
	k.ioctl_errno = ENODEV;
	EXPECT_EQ(chan_timer_stop(c), -ENODEV);
	EXPECT_EQ(chan_timer_reset(c, 1, 1), -ENODEV);
	k.ioctl_errno = 0;
	chan_unref(c);
	EXPECT_EQ(chan_tick(&c, 9), 0);
	EXPECT(k.timer.first_ns == 9 && k.timer.period_ns == 9);
	chan_unref(c);
}

static void a_timer_that_can_not_be_is_not_made(void)
{
	struct chan *c = (void *)1;

	EXPECT_EQ(chan_tick(&c, 0), -EINVAL);
	EXPECT_EQ(k.ioctls, 0);
	k.timer_errno = EFAULT;
	EXPECT_EQ(chan_after(&c, 1), -EFAULT);
	EXPECT_EQ(k.closes, 2);
	k.ioctl_errno = EDQUOT;
	EXPECT_EQ(chan_after(&c, 1), -EDQUOT);
	EXPECT(c == (void *)1);
}

static void len_is_asked_for_each_time(void)
{
	struct chan *c = fixed();

	k.node[0].len = 3;
	EXPECT_EQ(chan_len(c), 3);
	k.node[0].len = 4;
	EXPECT_EQ(chan_len(c), 4);
	chan_unref(c);
}

static void list_goes_on_where_it_stopped(void)
{
	struct chan_info entries[3];
	unsigned int next = 7;

	EXPECT_EQ(chan_list(&next, entries, 3, sizeof(entries[0])), 3);
	EXPECT_EQ(next, 8);
	EXPECT_EQ(k.list.entries, (uintptr_t)entries);
	EXPECT_EQ(k.list.entry_size, sizeof(entries[0]));
	EXPECT_EQ(k.list.count, 3);
	EXPECT_EQ(chan_list(&next, entries, SIZE_MAX, sizeof(entries[0])), -EINVAL);
	k.ioctl_errno = EFAULT;
	EXPECT_EQ(chan_list(&next, entries, 3, sizeof(entries[0])), -EFAULT);
	EXPECT_EQ(next, 8);
}

static void sizes_of_results_are_checked(void)
{
	struct chan *c = fixed();
	struct chan_limits limits;
	struct chan_info info;

	EXPECT_EQ(chan_info(c, &info, 3), -EINVAL);
	EXPECT_EQ(chan_limits(&limits, 0), -EINVAL);
	EXPECT_EQ(chan_limits(&limits, SIZE_MAX), -EINVAL);
	chan_unref(c);
}

static void every_documented_error_has_a_text_of_its_own(void)
{
	static const int errors[] = {
		E2BIG, EACCES, EAGAIN, EALREADY, EBADF, EBUSY, ECANCELED, EDQUOT, EEXIST, EFAULT,
		EINPROGRESS, EINTR, EINVAL, EMFILE, EMSGSIZE, ENFILE, ENODATA, ENODEV, ENOENT,
		ENOMEM, ENOSPC, ENOSYS, ENOTEMPTY, ENOTTY, ENXIO, EOVERFLOW, EPERM, EPIPE,
		EPROTO, ESTALE, ETIMEDOUT,
	};
	size_t i, j;

	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		const char *text = chan_strerror(-errors[i]);

		EXPECT(strcmp(text, strerror(errors[i])));
		EXPECT(text == chan_strerror(errors[i]));
		for (j = 0; j < i; j++)
			EXPECT(strcmp(text, chan_strerror(errors[j])));
	}
	EXPECT(strstr(chan_strerror(-ENOSYS), "chanctl load"));
}

static void other_errors_have_the_c_librarys_text(void)
{
	EXPECT(!strcmp(chan_strerror(-EISDIR), strerror(EISDIR)));
	EXPECT(chan_strerror(100000));
	EXPECT(chan_strerror(INT_MIN));
	EXPECT(chan_strerror(INT_MAX));
	EXPECT(!strcmp(chan_strerror(0), "no error"));
}

static void the_version_is_that_of_the_header(void)
{
	EXPECT_EQ(chan_version(), LIBCHAN_VERSION);
	EXPECT(LIBCHAN_VERSION_OF(0, 2, 0) > LIBCHAN_VERSION_OF(0, 1, 9));
}

static void run(const char *name, void (*test)(void))
{
	char words[128];
	size_t i;

	memset(&k, 0, sizeof(k));
	failures = 0;
	test();
	EXPECT_EQ(k.closes, k.opens);
	for (i = 0; i < sizeof(words) - 1 && name[i]; i++)
		words[i] = name[i] == '_' ? ' ' : name[i];
	words[i] = 0;
	printf("%sok %d - %s\n", failures ? "not " : "", ++tests, words);
}

#define RUN(test)	(run(#test, test), bad += !!failures)

int main(void)
{
	int bad = 0;

	printf("TAP version 13\n");
	RUN(no_module_is_enosys);
	RUN(new_makes_what_was_asked_for);
	RUN(a_name_makes_it_named_with_mode_0600);
	RUN(an_empty_name_is_none);
	RUN(sizes_are_not_truncated);
	RUN(strings_that_do_not_fit_are_einval);
	RUN(options_grow_as_the_kernels_structures_do);
	RUN(without_memory_nothing_is_made);
	RUN(a_failed_create_gives_nothing);
	RUN(names_may_say_whose_they_are);
	RUN(owners_that_are_no_numbers_are_einval);
	RUN(a_name_is_opened_by_its_node);
	RUN(a_name_that_moves_meanwhile_is_followed);
	RUN(a_name_that_goes_meanwhile_is_enoent);
	RUN(a_name_whose_node_is_elsewhere_is_estale);
	RUN(a_name_of_the_wrong_type_is_eproto);
	RUN(no_node_of_a_number_is_enoent);
	RUN(flags_that_open_does_not_know_are_einval);
	RUN(another_type_size_or_kind_is_eproto);
	RUN(a_refused_descriptor_stays_the_callers);
	RUN(what_has_become_of_it_is_no_kind);
	RUN(the_last_reference_closes_the_file);
	RUN(a_narrow_handle_is_of_the_same_channel);
	RUN(each_form_waits_as_it_says);
	RUN(the_end_zeroes_an_element_only);
	RUN(the_end_needs_no_room_for_elements_of_size_0);
	RUN(errors_come_back_negative_and_change_nothing);
	RUN(elements_and_messages_do_not_mix);
	RUN(counts_and_lengths_are_not_truncated);
	RUN(close_and_destroy_ask_the_channel);
	RUN(each_case_is_as_the_caller_says);
	RUN(a_select_waits_as_it_says);
	RUN(a_case_tells_how_it_has_ended);
	RUN(a_select_of_nil_channels_sleeps);
	RUN(cases_that_are_none_are_einval);
	RUN(a_selector_is_made_through_any_channel);
	RUN(a_selector_that_is_armed_gives_its_result);
	RUN(an_armed_case_that_commits_at_once_is_a_select);
	RUN(selectors_have_room_for_any_element);
	RUN(a_result_of_other_cases_is_einval);
	RUN(standby_is_on_or_off);
	RUN(timers_are_channels_that_are_started);
	RUN(a_timer_that_can_not_be_is_not_made);
	RUN(len_is_asked_for_each_time);
	RUN(list_goes_on_where_it_stopped);
	RUN(sizes_of_results_are_checked);
	RUN(every_documented_error_has_a_text_of_its_own);
	RUN(other_errors_have_the_c_librarys_text);
	RUN(the_version_is_that_of_the_header);
	printf("1..%d\n", tests);
	return bad;
}
