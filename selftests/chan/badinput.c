// SPDX-License-Identifier: GPL-2.0
/* Bad input: the documented error each time, and nothing changed. */
#include <stddef.h>
#include <sys/eventfd.h>

#include "chan_test.h"

#define WILD	((void *)0xffff888000000000ULL)		/* the kernel's */
#define NOWHERE	((void *)0x7000)

static int create_errno(struct chan_create *c)
{
	struct chan_limits before = limits(), after;
	int r = create(c);

	after = limits();
	if (r >= 0) {
		close(r);
		return 0;
	}
	/* A refusal leaves nothing behind. */
	return before.channels == after.channels && before.bytes == after.bytes &&
	       before.named == after.named ? -r : -1;
}

static struct chan_create good(void)
{
	return (struct chan_create){ .elem_size = 8, .capacity = 4, .fd_flags = O_RDWR };
}

static struct chan_create named(const char *name)
{
	struct chan_create c = good();

	c.flags = CHAN_NAMED;
	c.mode = 0600;
	snprintf(c.name, sizeof(c.name), "%s", name);
	return c;
}

TEST(create_refuses_unknown_flags)
{
	struct chan_create c;
	int bit;

	/* A timer isn't of any form. */
	for (bit = 5; bit < 32; bit++) {
		c = good();
		c.flags = 1U << bit;
		EXPECT_EQ(EINVAL, create_errno(&c));
	}
	c = good();
	c.fd_flags |= O_APPEND;
	EXPECT_EQ(EINVAL, create_errno(&c));
	c.fd_flags = O_RDWR | O_CREAT;
	EXPECT_EQ(EINVAL, create_errno(&c));
	c.fd_flags = 0x80000000;
	EXPECT_EQ(EINVAL, create_errno(&c));
}

TEST(create_checks_sizes_and_their_product)
{
	struct chan_create c = good();

	c.elem_size = 0xffffffff;
	EXPECT_EQ(EINVAL, create_errno(&c));
	c.elem_size = CHAN_ELEM_SIZE_MAX + 1;
	EXPECT_EQ(EINVAL, create_errno(&c));
	c.elem_size = CHAN_ELEM_SIZE_MAX;
	c.capacity = 0;
	EXPECT_EQ(0, create_errno(&c));
	c.capacity = 0xffffffff;
	EXPECT_EQ(EINVAL, create_errno(&c));
	c.capacity = CHAN_CAPACITY_MAX;
	EXPECT_EQ(EOVERFLOW, create_errno(&c));
	c.elem_size = 2;
	EXPECT_EQ(EOVERFLOW, create_errno(&c));
	c.elem_size = 0;
	EXPECT_EQ(0, create_errno(&c));
	c.flags = CHAN_MESSAGE;
	EXPECT_EQ(EINVAL, create_errno(&c));
}

TEST(create_checks_type_and_name)
{
	static const char * const bad_types[] = {
		" int", "int ", "a\"b", "a'b", "a\\b", "a=b", "a`b", "a\nb", "a\x7f", "caf\xc3\xa9",
	};
	static const char * const bad_names[] = {
		"a b", "a/b", "a:b", "a\"b", "a=b", "a\tb", "a'b", "\x80",
	};
	struct chan_create c;
	unsigned int i;

	for (i = 0; i < sizeof(bad_types) / sizeof(*bad_types); i++) {
		c = good();
		strcpy(c.type, bad_types[i]);
		EXPECT_EQ(EINVAL, create_errno(&c));
	}
	for (i = 0; i < sizeof(bad_names) / sizeof(*bad_names); i++) {
		c = named(bad_names[i]);
		EXPECT_EQ(EINVAL, create_errno(&c));
	}
	c = good();
	memset(c.type, 'x', sizeof(c.type));		/* no NUL */
	EXPECT_EQ(EINVAL, create_errno(&c));
	c = good();
	strcpy(c.type, "int");
	c.type[10] = 'x';				/* not padded */
	EXPECT_EQ(EINVAL, create_errno(&c));
	c = named("n");
	memset(c.name, 'x', sizeof(c.name));
	EXPECT_EQ(EINVAL, create_errno(&c));
	c = good();
	c.name[5] = 'x';
	EXPECT_EQ(EINVAL, create_errno(&c));
	c = good();
	strcpy(c.type, "struct job");
	EXPECT_EQ(0, create_errno(&c));
}

TEST(create_checks_the_mode)
{
	struct chan_create c = named("mode");

	c.mode = 0;
	EXPECT_EQ(EINVAL, create_errno(&c));
	c.mode = 0777;
	EXPECT_EQ(EINVAL, create_errno(&c));
	c.mode = 04600;
	EXPECT_EQ(EINVAL, create_errno(&c));
	c.mode = 0x10600;
	EXPECT_EQ(EINVAL, create_errno(&c));
	c = good();
	c.mode = 0600;					/* anonymous */
	EXPECT_EQ(EINVAL, create_errno(&c));
	strcpy(c.name, "x");
	c.mode = 0;
	EXPECT_EQ(EINVAL, create_errno(&c));
}

TEST(a_name_is_taken_once)
{
	struct chan_create a = named("taken"), b = named("taken");
	int fd = create(&a);

	ASSERT_GE(fd, 0);
	EXPECT_EQ(EEXIST, create_errno(&b));
	EXPECT_EQ(0, destroy(fd, 0));
	fd = create(&b);
	EXPECT_GE(fd, 0);
	EXPECT_EQ(0, destroy(fd, 0));
	close(fd);
}

/*
 * Structures: sizes, tails, addresses
 */

struct ioctl_case {
	const char *name;
	unsigned int cmd, size;
	enum { CTL, CHAN, SELECTOR } on;
};

#define CASE(c, s, on) { #c, c, sizeof(struct s), on }
static const struct ioctl_case cases[] = {
	CASE(CHAN_IOC_CREATE, chan_create, CTL),
	CASE(CHAN_IOC_RESOLVE, chan_resolve, CTL),
	CASE(CHAN_IOC_LIST, chan_list, CTL),
	CASE(CHAN_IOC_LIMITS, chan_limits, CTL),
	CASE(CHAN_IOC_SEND, chan_xfer, CHAN),
	CASE(CHAN_IOC_RECV, chan_xfer, CHAN),
	CASE(CHAN_IOC_INFO, chan_info, CHAN),
	CASE(CHAN_IOC_NARROW, chan_narrow, CHAN),
	CASE(CHAN_IOC_DESTROY, chan_destroy, CHAN),
	CASE(CHAN_IOC_TIMER, chan_timer, CHAN),
	CASE(CHAN_IOC_SELECT, chan_select, CTL),
	CASE(CHAN_IOC_SELECT, chan_select, CHAN),
	CASE(CHAN_IOC_SELECTOR, chan_selector, CTL),
	CASE(CHAN_IOC_SELECTOR, chan_selector, CHAN),
	CASE(CHAN_IOC_ARM, chan_select, SELECTOR),
};

#define NR_CASES (sizeof(cases) / sizeof(*cases))

static int target_of(const struct ioctl_case *c, int chan, int selector)
{
	return c->on == CTL ? ctl_open() : c->on == CHAN ? chan : selector;
}

static int try(int fd, unsigned int cmd, void *arg)
{
	return ioctl(fd, cmd, arg) < 0 ? errno : 0;
}

TEST(every_structure_is_checked_for_its_size_and_tail)
{
	int sel = make_selector(O_NONBLOCK), fd = make_chan(8, 4, 0), target;
	struct chan_info before = info(fd), after;
	struct chan_limits l = limits();
	unsigned char buf[8192];
	unsigned int i, size;

	for (i = 0; i < NR_CASES; i++) {
		target = target_of(&cases[i], fd, sel);
		for (size = 0; size < cases[i].size; size += 4) {
			memset(buf, 0, sizeof(buf));
			memcpy(buf, &size, 4);
			EXPECT_EQ(EINVAL, try(target, cases[i].cmd, buf))
				TH_LOG("%s of %u bytes", cases[i].name, size);
		}
		/* Longer, and not zero at the end: unknown. */
		size = cases[i].size + 8;
		memset(buf, 0, sizeof(buf));
		memcpy(buf, &size, 4);
		buf[size - 1] = 1;
		EXPECT_EQ(E2BIG, try(target, cases[i].cmd, buf))
			TH_LOG("%s with a tail", cases[i].name);
		size = 0xffffffff;
		memcpy(buf, &size, 4);
		EXPECT_EQ(E2BIG, try(target, cases[i].cmd, buf))
			TH_LOG("%s of 2^32-1 bytes", cases[i].name);
		EXPECT_EQ(EFAULT, try(target, cases[i].cmd, NULL));
		EXPECT_EQ(EFAULT, try(target, cases[i].cmd, NOWHERE));
		EXPECT_EQ(EFAULT, try(target, cases[i].cmd, WILD));
	}
	after = info(fd);
	EXPECT_EQ(0, memcmp(&before, &after, sizeof(before)));
	EXPECT_EQ(l.channels, limits().channels);
	close(sel);
	close(fd);
}

TEST(a_longer_structure_with_zeros_behind_is_understood)
{
	struct { struct chan_xfer x; uint64_t more[3]; } x = { .x.size = sizeof(x), .x.count = 1 };
	struct { struct chan_info i; uint64_t more[3]; } i = { .i.size = sizeof(i) };
	int fd = make_chan(8, 4, 0);
	uint64_t v = 3;

	x.x.buf = (uintptr_t)&v;
	EXPECT_EQ(1, ioctl(fd, CHAN_IOC_SEND, &x));
	v = 0;
	EXPECT_EQ(1, ioctl(fd, CHAN_IOC_RECV, &x));
	EXPECT_EQ(3, v);
	EXPECT_EQ(0, ioctl(fd, CHAN_IOC_INFO, &i));
	EXPECT_EQ(1, i.i.sent);
	close(fd);
}

TEST(a_structure_that_ends_at_the_end_of_memory_is_enough)
{
	unsigned char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				   -1, 0);
	int sel = make_selector(O_NONBLOCK), fd = make_chan(8, 4, 0), target;
	unsigned int i, size;
	unsigned char *arg;

	munmap(page + 4096, 4096);
	for (i = 0; i < NR_CASES; i++) {
		target = target_of(&cases[i], fd, sel);
		size = cases[i].size;
		arg = page + 4096 - size;
		memset(arg, 0, size);
		memcpy(arg, &size, 4);
		EXPECT_NE(EFAULT, try(target, cases[i].cmd, arg));
		memcpy(arg + 4, &size, 4);
		EXPECT_EQ(EFAULT, try(target, cases[i].cmd, arg + 4))
			TH_LOG("%s", cases[i].name);
	}
	munmap(page, 4096);
	close(sel);
	close(fd);
}

TEST(unknown_ioctls_are_ENOTTY_and_so_are_those_of_the_other_file)
{
	int sel = make_selector(O_NONBLOCK), fd = make_chan(8, 4, 0), e = eventfd(0, 0);
	unsigned char buf[256] = { 136 };
	unsigned int nr, i;

	for (nr = 0; nr < 256; nr++) {
		bool both = nr >= _IOC_NR(CHAN_IOC_SELECT) && nr <= _IOC_NR(CHAN_IOC_SELECTOR);
		bool ctl = nr <= _IOC_NR(CHAN_IOC_LIMITS);
		bool chan = nr >= _IOC_NR(CHAN_IOC_SEND) && nr <= _IOC_NR(CHAN_IOC_TIMER);
		bool selector = nr == _IOC_NR(CHAN_IOC_ARM) || nr == _IOC_NR(CHAN_IOC_DISARM);

		if (!ctl && !both)
			EXPECT_EQ(ENOTTY, try(ctl_open(), _IO(CHAN_IOC_MAGIC, nr), buf));
		if (!chan && !both)
			EXPECT_EQ(ENOTTY, try(fd, _IO(CHAN_IOC_MAGIC, nr), buf));
		if (!selector)
			EXPECT_EQ(ENOTTY, try(sel, _IO(CHAN_IOC_MAGIC, nr), buf));
		EXPECT_EQ(ENOTTY, try(fd, _IOWR(CHAN_IOC_MAGIC, nr, long), buf));
		EXPECT_EQ(ENOTTY, try(fd, _IO('Z', nr), buf));
	}
	for (i = 0; i < NR_CASES; i++)
		EXPECT_EQ(ENOTTY, try(e, cases[i].cmd, buf));
	close(e);
	close(sel);
	close(fd);
}

TEST(SEND_and_RECV_check_every_field)
{
	int fd = make_chan(8, 4, 0), msg = make_chan(8, 4, CHAN_MESSAGE);
	static const unsigned int cmds[2] = { CHAN_IOC_SEND, CHAN_IOC_RECV };
	struct chan_info before = info(fd), after;
	struct chan_xfer ok = { .size = sizeof(ok), .count = 1, .flags = CHAN_NONBLOCK }, x;
	uint64_t v[4];
	int i, bit;

	ok.buf = (uintptr_t)v;
	for (i = 0; i < 2; i++) {
		for (bit = 2; bit < 32; bit++) {
			x = ok;
			x.flags |= 1U << bit;
			EXPECT_EQ(EINVAL, try(fd, cmds[i], &x));
		}
		x = ok;
		x.count = 0;
		EXPECT_EQ(EINVAL, try(fd, cmds[i], &x));
		x.count = 0x80000000;
		EXPECT_EQ(EINVAL, try(fd, cmds[i], &x));
		x = ok;
		x.len = 8;
		EXPECT_EQ(EINVAL, try(fd, cmds[i], &x));
		x = ok;
		x.timeout_ns = 5;
		EXPECT_EQ(EINVAL, try(fd, cmds[i], &x));
		x = ok;
		x.buf = (uintptr_t)WILD;
		EXPECT_EQ(EFAULT, try(fd, cmds[i], &x));
		x.buf = ~0ULL;
		EXPECT_EQ(EFAULT, try(fd, cmds[i], &x));
		x = ok;
		x.count = 2;
		EXPECT_EQ(EINVAL, try(msg, cmds[i], &x));
	}
	x = ok;
	x.buf = 0;
	EXPECT_EQ(EFAULT, try(fd, CHAN_IOC_SEND, &x));
	after = info(fd);
	EXPECT_EQ(0, memcmp(&before, &after, sizeof(before)));
	EXPECT_EQ(0, info(msg).sent);
	close(fd);
	close(msg);
}

TEST(other_ioctls_check_every_field)
{
	int fd = make_chan(8, 4, 0);
	struct chan_narrow n = { .size = sizeof(n), .fd_flags = O_RDONLY, .pad = 1 };
	struct chan_destroy d = { .size = sizeof(d), .flags = 2 };
	struct chan_resolve r = { .size = sizeof(r), .uid = CHAN_UID_ANY };
	struct chan_limits l = { .size = sizeof(l), .flags = 1 };
	struct chan_info entry[2];
	struct chan_list list = {
		.size = sizeof(list), .entries = (uintptr_t)entry, .entry_size = sizeof(entry[0]),
		.count = 2,
	}, bad;

	EXPECT_EQ(EINVAL, try(fd, CHAN_IOC_NARROW, &n));
	n.pad = 0;
	n.fd_flags = O_RDONLY | O_TRUNC;
	EXPECT_EQ(EINVAL, try(fd, CHAN_IOC_NARROW, &n));
	EXPECT_EQ(EINVAL, try(fd, CHAN_IOC_DESTROY, &d));
	d.flags = 0;
	EXPECT_EQ(ENODEV, try(fd, CHAN_IOC_DESTROY, &d));
	EXPECT_EQ(EINVAL, try(fd, CHAN_IOC_CLOSE, &d));
	EXPECT_FALSE(info(fd).flags & CHAN_CLOSED);
	EXPECT_EQ(EINVAL, try(ctl_open(), CHAN_IOC_LIMITS, &l));
	EXPECT_EQ(EINVAL, try(ctl_open(), CHAN_IOC_RESOLVE, &r));
	strcpy(r.name, "a/b");
	EXPECT_EQ(EINVAL, try(ctl_open(), CHAN_IOC_RESOLVE, &r));
	strcpy(r.name, "nosuch");
	EXPECT_EQ(ENOENT, try(ctl_open(), CHAN_IOC_RESOLVE, &r));
	r.flags = 1;
	EXPECT_EQ(EINVAL, try(ctl_open(), CHAN_IOC_RESOLVE, &r));
	bad = list;
	bad.flags = 1;
	EXPECT_EQ(EINVAL, try(ctl_open(), CHAN_IOC_LIST, &bad));
	bad = list;
	bad.pad = 1;
	EXPECT_EQ(EINVAL, try(ctl_open(), CHAN_IOC_LIST, &bad));
	bad = list;
	bad.count = 0;
	EXPECT_EQ(EINVAL, try(ctl_open(), CHAN_IOC_LIST, &bad));
	bad.count = 4097;
	EXPECT_EQ(EINVAL, try(ctl_open(), CHAN_IOC_LIST, &bad));
	bad = list;
	bad.entry_size = sizeof(entry[0]) - 8;
	EXPECT_EQ(EINVAL, try(ctl_open(), CHAN_IOC_LIST, &bad));
	bad.entry_size = sizeof(entry[0]) + 4;
	EXPECT_EQ(EINVAL, try(ctl_open(), CHAN_IOC_LIST, &bad));
	EXPECT_EQ(0, try(ctl_open(), CHAN_IOC_LIST, &list));
	EXPECT_EQ(0, list.count);
	close(fd);
}

TEST(create_that_cannot_report_leaves_nothing)
{
	struct chan_create *c = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct chan_limits before;
	int fd;

	wait_for_releases();
	before = limits();
	*c = named("unreported");
	c->size = sizeof(*c);
	mprotect(c, 4096, PROT_READ);
	EXPECT_EQ(EFAULT, try(ctl_open(), CHAN_IOC_CREATE, c));
	EXPECT_EQ(before.named, once_released(named, before.named));
	fd = eventfd(0, 0);
	close(fd);
	mprotect(c, 4096, PROT_READ | PROT_WRITE);
	EXPECT_EQ(0, try(ctl_open(), CHAN_IOC_CREATE, c));
	EXPECT_EQ(fd, c->fd);			/* no descriptor was lost either */
	EXPECT_EQ(0, destroy(c->fd, 0));
	close(c->fd);
	EXPECT_EQ(before.named, once_released(named, before.named));
	EXPECT_EQ(before.channels, limits().channels);
}

TEST(the_channel_has_no_mmap_no_splice_and_no_fasync)
{
	int fd = make_chan(8, 4, 0), p[2];

	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0));
	EXPECT_EQ(ENODEV, errno);
	ASSERT_EQ(0, pipe(p));
	EXPECT_EQ(-1, splice(fd, NULL, p[1], NULL, 8, SPLICE_F_NONBLOCK));
	EXPECT_EQ(EINVAL, errno);
	close(p[0]);
	close(p[1]);
	close(fd);
}

TEST_HARNESS_MAIN
