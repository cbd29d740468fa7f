// SPDX-License-Identifier: GPL-2.0
/*
 * Unloading in every order of events: refused while anything needs the module, done as soon
 * as nothing does, and nothing is left behind that needs it later.
 *
 * The module is loaded when a test begins and when it has ended. What could keep it is
 * done in children: the test itself has no file of the module open. Where there is no
 * $T/chan.ko to load, as with NATIVE=1, the module must stay, and the tests only see
 * that unloading is refused.
 */
#include <liburing.h>
#include <sys/socket.h>

#include "chan_test.h"

#define IN_USE		"chanctl unload: the module is in use:\n"
#define OPEN_CHANNEL	" (unload) has anon_inode:[chan] open as "
#define OPEN_SELECTOR	" (unload) has anon_inode:[chan-selector] open as "
#define NO_PROCESS	"chanctl unload: by a file that no process has open: "

static char *module_path(void)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s/chan.ko", getenv("T") ?: ".");
	return path;
}

/* May it be unloaded, since it can be loaded again? */
static bool may_go(void)
{
	return !access(module_path(), R_OK);
}

static bool is_loaded(void)
{
	return !access("/dev/chanctl", F_OK);
}

static int load(const char *parameters)
{
	int fd = open(module_path(), O_RDONLY | O_CLOEXEC);
	int r = syscall(SYS_finit_module, fd, parameters, 0) ? -errno : 0;

	close(fd);
	return r;
}

/* -EAGAIN is what the kernel says of a module in use, and rmmod makes EBUSY of. */
static int unload(void)
{
	return syscall(SYS_delete_module, "chan", O_NONBLOCK) ? -errno : 0;
}

/* Who kept it has let go; but a file may live until other tasks of the kernel have run. */
static void unload_soon(struct __test_metadata *_metadata)
{
	int r;

	while ((r = unload()) == -EAGAIN)
		usleep(1000);
	ASSERT_EQ(0, r);
	EXPECT_FALSE(is_loaded());
}

/* What a command prints, with its exit status. */
struct said {
	int status;
	char text[8192];
};

static struct said say(const char *command)
{
	struct said s = { .status = -1 };
	FILE *f = popen(command, "r");
	int status;

	if (!f)
		return s;
	s.text[fread(s.text, 1, sizeof(s.text) - 1, f)] = 0;
	status = pclose(f);
	s.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	return s;
}

/* Unloading is refused by the kernel, and by chanctl, which says @why. */
static void expect_refused(struct __test_metadata *_metadata, const char *why)
{
	struct said s;

	EXPECT_EQ(-EAGAIN, unload());
	s = say("chanctl unload 2>&1");
	EXPECT_EQ(1, s.status);
	EXPECT_EQ(0, strncmp(s.text, IN_USE, strlen(IN_USE)));
	EXPECT_TRUE(strstr(s.text, why) != NULL) {
		TH_LOG("wanted: %s, got: %s", why, s.text);
	}
	/* What looks for the users isn't one. */
	EXPECT_TRUE(!strstr(s.text, "(chanctl)"));
	EXPECT_TRUE(is_loaded());
}

/*
 * What keeps the module: each does it in a child, which then waits until the test closes
 * its end of a pipe, and ends, or until it is killed.
 */

static int make_named(const char *name, unsigned int elements)
{
	struct chan_create c = {
		.elem_size = 8, .capacity = 8, .flags = CHAN_NAMED, .mode = 0600,
		.fd_flags = O_RDWR,
	};
	int fd, i;

	strcpy(c.name, name);
	fd = create(&c);
	for (i = 0; fd >= 0 && i < elements; i++)
		if (wr(fd, "element", 8) != 8)
			return -1;
	return fd;
}

static int make_timer(unsigned long long period)
{
	struct chan_create c = {
		.elem_size = 8, .capacity = 1, .flags = CHAN_TIMER, .fd_flags = O_RDONLY,
	};
	struct chan_timer t = {
		.size = sizeof(t), .flags = CHAN_TIMER_START, .first_ns = period,
		.period_ns = period,
	};
	int fd = create(&c);

	return fd < 0 || ioctl(fd, CHAN_IOC_TIMER, &t) < 0 ? -1 : fd;
}

/* The file that opened the others isn't to be what keeps the module. */
static void close_ctl(void)
{
	close(ctl_open());
}

static bool an_open_channel(void)
{
	return make_chan(8, 1, 0) >= 0;
}

static bool the_control_device(void)
{
	return ctl_open() >= 0;
}

static bool a_channel_in_an_epoll(void)
{
	int fd = make_chan(8, 1, 0);

	watch(fd, EPOLLIN | EPOLLET);
	watch(fd, EPOLLOUT);
	return fd >= 0;
}

static bool a_channel_with_elements(void)
{
	int fd = make_chan(4096, 8, CHAN_MESSAGE);

	return wr(fd, "some", 4) == 4 && wr(fd, "more", 4) == 4;
}

static bool a_channel_on_its_way_through_a_socket(void)
{
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {
		.h = {
			.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
		},
	};
	struct iovec v = { "x", 1 };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	int fd = make_chan(8, 1, 0), ends[2];

	if (fd < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return false;
	memcpy(CMSG_DATA(&control.h), &fd, sizeof(fd));
	return sendmsg(ends[0], &m, 0) == 1 && !close(fd);
}

static bool a_read_that_waits_in_an_io_uring(void)
{
	static struct io_uring ring;
	static uint64_t v;
	int fd = make_chan(8, 0, 0);

	if (fd < 0 || io_uring_queue_init(8, &ring, 0))
		return false;
	io_uring_prep_read(io_uring_get_sqe(&ring), fd, &v, 8, 0);
	return io_uring_submit(&ring) == 1 && !close(fd);
}

static bool a_file_registered_with_an_io_uring(void)
{
	static struct io_uring ring;
	int fd = make_chan(8, 0, 0);

	if (fd < 0 || io_uring_queue_init(8, &ring, 0))
		return false;
	return !io_uring_register_files(&ring, &fd, 1) && !close(fd);
}

static bool an_idle_selector(void)
{
	return make_selector(0) >= 0;
}

static bool an_armed_selector(void)
{
	int fd = make_chan(8, 0, 0), sel = make_selector(0);
	uint64_t v = 0;
	struct chan_case cases[2] = { recv_case(fd, &v), send_case(fd, &v) };

	return arm_n(sel, cases, 2, 0) == -EINPROGRESS && !close(fd);
}

static bool a_selector_whose_result_nobody_reads(void)
{
	int fd = make_chan(8, 0, 0), sel = make_selector(0);
	uint64_t v = 0;
	struct chan_case receive = recv_case(fd, &v);

	return arm_n(sel, &receive, 1, 0) == -EINPROGRESS && wr(fd, &v, 8) == 8 && !close(fd);
}

static bool a_handle_that_stands_by(void)
{
	int fd = make_chan(8, 0, CHAN_STANDBY);
	uint64_t v;

	set_nonblock(fd, true);
	return rd(fd, &v, 8) == -EAGAIN;
}

static bool an_element_that_came_to_a_handle_that_stood_by(void)
{
	int fd = make_chan(8, 0, CHAN_STANDBY);
	uint64_t v = 0;

	set_nonblock(fd, true);
	return rd(fd, &v, 8) == -EAGAIN && wr(fd, &v, 8) == 8;
}

static bool a_running_timer(void)
{
	return make_timer(MSEC) >= 0;
}

static bool a_timer_that_nobody_will_see(void)
{
	return make_timer(LONG) >= 0;
}

/* Its file is open no more, but in a call of another thread. */
static bool a_call_that_waits(void)
{
	static struct call c;
	static uint64_t v;
	int fd = make_chan(8, 0, 0);

	call_start(&c, fd, false, &v, 8);
	wait_parked(fd, 0, 1);
	return !close(fd);
}

static bool a_select_that_waits(void)
{
	static struct select_call c;
	static struct chan_case cases[2];
	int fd = make_chan(8, 0, 0);

	cases[0] = recv_case(fd, NULL);
	cases[1] = send_case(fd, &c);
	select_start(&c, cases, 2, 0, 0);
	wait_parked(fd, 1, 1);
	return !close(fd);
}

static bool a_destroyed_channel_that_is_open(void)
{
	int fd = make_named("unload", 2);

	return destroy(fd, CHAN_DESTROY_FORCE) == 0;
}

static bool a_node_that_is_open_and_destroyed(void)
{
	int fd = make_named("unload", 2), again;
	char path[32];

	snprintf(path, sizeof(path), "/dev/chan%u", info(fd).minor);
	again = open(path, O_RDONLY);
	return again >= 0 && destroy(fd, CHAN_DESTROY_FORCE) == 0 && !close(fd);
}

FIXTURE(kept)
{
	pid_t pid;
	int ready[2], go[2];
};

FIXTURE_VARIANT(kept)
{
	bool (*by)(void);
	const char *why;
	bool ctl;			/* it needs /dev/chanctl open */
};

#define KEPT(what, w) FIXTURE_VARIANT_ADD(kept, by_##what) { .by = what, .why = w, }

FIXTURE_VARIANT_ADD(kept, by_the_control_device)
{
	.by = the_control_device, .why = " (unload) has /dev/chanctl open as ", .ctl = true,
};
KEPT(an_open_channel, OPEN_CHANNEL);
KEPT(a_channel_in_an_epoll, OPEN_CHANNEL);
KEPT(a_channel_with_elements, OPEN_CHANNEL);
KEPT(a_channel_on_its_way_through_a_socket, NO_PROCESS);
KEPT(a_read_that_waits_in_an_io_uring, NO_PROCESS);
KEPT(a_file_registered_with_an_io_uring, NO_PROCESS);
KEPT(an_idle_selector, OPEN_SELECTOR);
KEPT(an_armed_selector, OPEN_SELECTOR);
KEPT(a_selector_whose_result_nobody_reads, OPEN_SELECTOR);
KEPT(a_handle_that_stands_by, OPEN_CHANNEL);
KEPT(an_element_that_came_to_a_handle_that_stood_by, OPEN_CHANNEL);
KEPT(a_running_timer, OPEN_CHANNEL);
KEPT(a_timer_that_nobody_will_see, OPEN_CHANNEL);
KEPT(a_call_that_waits, NO_PROCESS);
KEPT(a_select_that_waits, NO_PROCESS);
KEPT(a_destroyed_channel_that_is_open, OPEN_CHANNEL);
KEPT(a_node_that_is_open_and_destroyed, " (unload) has /dev/chan");

/* Keep it until the test closes its end of @go, or kills. */
static void keep(FIXTURE_DATA(kept) *self, const FIXTURE_VARIANT(kept) *variant)
{
	char ok = variant->by();

	if (!variant->ctl)
		close_ctl();
	close(self->go[1]);
	if (write(self->ready[1], &ok, 1) != 1)
		_exit(1);
	if (read(self->go[0], &ok, 1) != 0)
		_exit(1);
	_exit(0);
}

FIXTURE_SETUP(kept)
{
	char ok = 0;

	ASSERT_TRUE(is_loaded());
	ASSERT_EQ(0, pipe2(self->ready, O_CLOEXEC));
	ASSERT_EQ(0, pipe2(self->go, O_CLOEXEC));
	self->pid = fork();
	if (!self->pid)
		keep(self, variant);
	close(self->go[0]);
	ASSERT_EQ(1, read(self->ready[0], &ok, 1));
	ASSERT_EQ(1, ok);
}

FIXTURE_TEARDOWN(kept)
{
	if (!is_loaded()) {
		EXPECT_EQ(0, load(""));
	}
}

TEST_F_TIMEOUT(kept, until_it_is_let_go, 120)
{
	int status;

	expect_refused(_metadata, variant->why);
	close(self->go[1]);
	ASSERT_EQ(self->pid, waitpid(self->pid, &status, 0));
	EXPECT_TRUE(WIFEXITED(status) && !WEXITSTATUS(status));
	if (may_go())
		unload_soon(_metadata);
}

TEST_F_TIMEOUT(kept, until_who_keeps_it_is_dead, 120)
{
	int status;

	EXPECT_EQ(-EAGAIN, unload());
	kill(self->pid, SIGKILL);
	/* Perhaps while it dies; if not, then once it is dead. */
	if (may_go())
		unload_soon(_metadata);
	ASSERT_EQ(self->pid, waitpid(self->pid, &status, 0));
}

/*
 * Named channels, which nobody needs to have open
 */

FIXTURE(named)
{
	char created[64];
};

FIXTURE_SETUP(named)
{
	struct said s;

	ASSERT_TRUE(is_loaded());
	s = say("chanctl create --elem-size 8 --capacity 8 unload");
	ASSERT_EQ(0, s.status);
	s.text[strcspn(s.text, "\n")] = 0;
	snprintf(self->created, sizeof(self->created), "%.60s", s.text);
}

FIXTURE_TEARDOWN(named)
{
	if (is_loaded()) {
		say("chanctl rm --force unload 2>&1");
	} else {
		EXPECT_EQ(0, load(""));
	}
}

TEST_F_TIMEOUT(named, a_named_channel_keeps_the_module_until_it_is_destroyed, 120)
{
	char why[128];

	snprintf(why, sizeof(why), "chanctl unload: %s, unload exists, with 0 elements "
		 "(chanctl rm)\n", self->created);
	expect_refused(_metadata, why);
	EXPECT_EQ(0, say("chanctl rm unload").status);
	if (may_go())
		unload_soon(_metadata);
}

TEST_F_TIMEOUT(named, its_elements_are_named_and_must_be_lost_by_force, 120)
{
	EXPECT_EQ(0, say("head -c 24 /dev/zero | chanctl send --raw unload").status);
	expect_refused(_metadata, "unload exists, with 3 elements (chanctl rm)\n");
	EXPECT_EQ(1, say("chanctl rm unload 2>&1").status);
	expect_refused(_metadata, "unload exists, with 3 elements (chanctl rm)\n");
	EXPECT_EQ(0, say("chanctl rm --force unload").status);
	if (may_go())
		unload_soon(_metadata);
}

TEST_F_TIMEOUT(named, destroyed_with_handles_open_it_keeps_the_module_until_they_are_closed, 120)
{
	int fd = open(self->created, O_RDWR | O_CLOEXEC), second;

	ASSERT_LE(0, fd);
	second = open(self->created, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, second);
	EXPECT_EQ(8, wr(fd, "element", 8));
	EXPECT_EQ(0, say("chanctl rm --force unload").status);
	expect_refused(_metadata, " (unload) has /dev/chan");
	close(fd);
	expect_refused(_metadata, " (unload) has /dev/chan");
	close(second);
	if (may_go())
		unload_soon(_metadata);
}

TEST_F_TIMEOUT(named, a_path_that_was_looked_up_does_not_keep_it, 120)
{
	int fd = open(self->created, O_PATH | O_CLOEXEC);
	struct stat st;

	ASSERT_LE(0, fd);
	expect_refused(_metadata, "unload exists");
	EXPECT_EQ(0, say("chanctl rm unload").status);
	if (!may_go())
		return;
	unload_soon(_metadata);
	EXPECT_EQ(0, fstat(fd, &st));
	EXPECT_TRUE(S_ISCHR(st.st_mode));
	snprintf(self->created, sizeof(self->created), "/proc/self/fd/%d", fd);
	EXPECT_EQ(-1, open(self->created, O_RDWR | O_CLOEXEC));
	EXPECT_EQ(ENXIO, errno);
	EXPECT_EQ(0, load(""));
	EXPECT_EQ(-1, open(self->created, O_RDWR | O_CLOEXEC));
	EXPECT_EQ(ENXIO, errno);
	close(fd);
}

/*
 * What doesn't keep it
 */

FIXTURE(loaded)
{
	int unused;
};

FIXTURE_SETUP(loaded)
{
	ASSERT_TRUE(is_loaded());
}

FIXTURE_TEARDOWN(loaded)
{
	if (!is_loaded()) {
		EXPECT_EQ(0, load(""));
	}
}

TEST_F(loaded, a_channel_can_not_be_mapped_so_no_mapping_keeps_it)
{
	int fd = make_chan(4096, 1, 0), sel = make_selector(0);

	ASSERT_LE(0, fd);
	ASSERT_LE(0, sel);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, sel, 0));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, ctl_open(), 0));
	EXPECT_EQ(ENODEV, errno);
	close_ctl();
	close(fd);
	EXPECT_EQ(-EAGAIN, unload());
	close(sel);
	if (may_go())
		unload_soon(_metadata);
}

TEST_F(loaded, an_epoll_whose_channels_are_closed_does_not_keep_it)
{
	int fd = make_chan(8, 1, 0), sel = make_selector(0), ep = watch(fd, EPOLLIN);
	struct epoll_event e = { .events = EPOLLIN };

	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, sel, &e));
	close_ctl();
	close(fd);
	EXPECT_EQ(-EAGAIN, unload());
	close(sel);
	if (may_go())
		unload_soon(_metadata);
	EXPECT_EQ(0, event_now(ep));
	close(ep);
}

TEST_F(loaded, chanctl_unloads_it_and_says_what_there_is_to_say)
{
	struct said s;
	char command[4200];

	if (!may_go())
		return;
	s = say("chanctl unload 2>&1");
	EXPECT_EQ(0, s.status);
	EXPECT_STREQ("chan is unloaded\n", s.text);
	EXPECT_EQ(-ENOENT, unload());
	s = say("chanctl unload 2>&1");
	EXPECT_EQ(0, s.status);
	EXPECT_STREQ("chan isn't loaded\n", s.text);
	snprintf(command, sizeof(command), "chanctl load --path %s 2>&1", module_path());
	s = say(command);
	EXPECT_EQ(0, s.status);
	EXPECT_STREQ("chan is loaded\n", s.text);
}

/*
 * Loading
 */

TEST_F(loaded, a_second_load_is_refused_and_changes_nothing)
{
	int fd;
	char b[8];

	if (!may_go())
		return;
	fd = make_chan(8, 1, 0);
	ASSERT_EQ(8, wr(fd, "element", 8));
	EXPECT_EQ(-EEXIST, load(""));
	EXPECT_EQ(-EEXIST, load("user_channels=0"));
	EXPECT_EQ(8, rd(fd, b, 8));
	EXPECT_STREQ("element", b);
	EXPECT_LT(0, limits().user_channels);
}

TEST_F_TIMEOUT(loaded, a_parameter_of_garbage_is_refused_and_leaves_nothing_behind, 120)
{
	static const char * const bad[] = {
		"user_channels=garbage", "user_channels=", "user_channels", "user_named=-1",
		"user_bytes=0x", "user_parked=1k", "user_selectors=99999999999999999999999",
		"user_timers=1 user_timers=x", "named_rate=4294967296", "named_rate=-1",
	};
	unsigned int i;

	if (!may_go())
		return;
	unload_soon(_metadata);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int r = load(bad[i]);

		EXPECT_TRUE(r == -EINVAL || r == -ERANGE) {
			TH_LOG("%s: %d", bad[i], r);
		}
		EXPECT_FALSE(is_loaded());
		EXPECT_NE(0, access("/sys/module/chan", F_OK));
		EXPECT_EQ(-ENOENT, unload());
	}
}

TEST_F_TIMEOUT(loaded, a_good_parameter_holds_until_it_is_unloaded, 120)
{
	if (!may_go())
		return;
	unload_soon(_metadata);
	ASSERT_EQ(0, load("user_channels=7 user_timers=3"));
	EXPECT_EQ(7, limits().user_channels);
	EXPECT_EQ(3, limits().user_timers);
	close_ctl();
	unload_soon(_metadata);
	EXPECT_EQ(0, load(""));
}

/*
 * Load and unload, with work between, while others open and look
 */

#define ROUNDS	50
#define RACERS	3

struct race {
	uint64_t opened, looked, refused;
};

/* Not there, or going. */
static bool means_gone(int error)
{
	return error == ENOENT || error == ENODEV || error == ENXIO;
}

static bool use_and_close(int ctl)
{
	struct chan_create c = {
		.size = sizeof(c), .elem_size = 8, .capacity = 1, .fd_flags = O_RDWR,
	};
	uint64_t v = 5, got = 0;
	bool ok;

	if (ioctl(ctl, CHAN_IOC_CREATE, &c))
		return false;
	ok = wr(c.fd, &v, 8) == 8 && rd(c.fd, &got, 8) == 8 && got == v;
	close(c.fd);
	return ok;
}

static void open_and_use(struct race *race)
{
	int ctl = open("/dev/chanctl", O_RDWR | O_CLOEXEC);

	if (ctl >= 0) {
		if (!use_and_close(ctl))
			_exit(1);
		close(ctl);
		__atomic_add_fetch(&race->opened, 1, __ATOMIC_RELAXED);
	} else if (!means_gone(errno)) {
		_exit(2);
	}
}

static void read_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char b[64];

	if (fd < 0)
		return;
	if (read(fd, b, sizeof(b)) < 0 && !means_gone(errno))
		_exit(3);
	close(fd);
}

static void look_in_sysfs(struct race *race)
{
	static const char * const paths[] = {
		"/sys/module/chan/refcnt", "/sys/module/chan/initstate",
		"/sys/module/chan/parameters/user_named", "/sys/module/chan/version",
		"/sys/class/misc/chanctl/dev", "/sys/class/misc/chanctl/uevent",
	};
	unsigned int i;
	DIR *dir;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		read_file(paths[i]);
	dir = opendir("/sys/class/chan");
	while (dir && readdir(dir))
		;
	if (dir)
		closedir(dir);
	__atomic_add_fetch(&race->looked, 1, __ATOMIC_RELAXED);
}

static void list(struct race *race)
{
	int ctl = open("/dev/chanctl", O_RDWR | O_CLOEXEC);
	struct chan_info entries[4];
	struct chan_list l = {
		.size = sizeof(l), .entries = (uintptr_t)entries,
		.entry_size = sizeof(entries[0]), .count = 4,
	};

	if (ctl < 0)
		return;
	if (ioctl(ctl, CHAN_IOC_LIST, &l))
		_exit(4);
	close(ctl);
	__atomic_add_fetch(&race->opened, 1, __ATOMIC_RELAXED);
}

static pid_t start_racer(struct race *race, int which)
{
	void (*const racers[RACERS])(struct race *) = { open_and_use, look_in_sysfs, list };
	pid_t pid = fork();

	/* With gaps, so that there are moments at which nobody is in the module. */
	while (!pid) {
		racers[which](race);
		usleep(1000 * slowness());
	}
	return pid;
}

/* In a child, which takes all that it has opened with it. */
static void work(struct __test_metadata *_metadata, int round)
{
	pid_t pid = fork();
	int status, fd;

	if (!pid) {
		fd = make_named("work", 3);
		if (fd < 0 || make_timer(MSEC) < 0 || !an_armed_selector())
			_exit(1);
		if (!a_handle_that_stands_by() || !a_call_that_waits())
			_exit(2);
		_exit(destroy(fd, round & 1 ? CHAN_DESTROY_FORCE : 0) ==
		      (round & 1 ? 0 : -ENOTEMPTY) ? 0 : 3);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	if (!(round & 1)) {
		expect_refused(_metadata, ", work exists, with 3 elements");
		EXPECT_EQ(0, say("chanctl rm --force work").status);
	}
}

static void wait_more(uint64_t *counter)
{
	uint64_t until = __atomic_load_n(counter, __ATOMIC_RELAXED) + 2;

	while (__atomic_load_n(counter, __ATOMIC_RELAXED) < until)
		sched_yield();
}

TEST_F_TIMEOUT(loaded, and_unloaded_again_and_again_while_others_open_it_and_look, 600)
{
	struct race *race = mmap(NULL, sizeof(*race), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pids[RACERS];
	int rounds = debug_kernel() ? ROUNDS / 5 : ROUNDS, i, r, status;

	ASSERT_NE(MAP_FAILED, race);
	if (!may_go())
		return;
	for (i = 0; i < RACERS; i++)
		pids[i] = start_racer(race, i);
	for (i = 0; i < rounds; i++) {
		wait_more(&race->opened);
		wait_more(&race->looked);
		if (!(i % 10) || i == rounds - 1)
			work(_metadata, i);
		while ((r = unload()) == -EAGAIN)
			race->refused++;
		ASSERT_EQ(0, r);
		wait_more(&race->looked);
		EXPECT_FALSE(is_loaded());
		ASSERT_EQ(0, load(""));
	}
	for (i = 0; i < RACERS; i++) {
		kill(pids[i], SIGKILL);
		ASSERT_EQ(pids[i], waitpid(pids[i], &status, 0));
		/* Not by itself, for what it saw. */
		EXPECT_TRUE(WIFSIGNALED(status));
	}
	TH_LOG("unloaded %d times, opened %llu times, refused to unload %llu times", rounds,
	       (unsigned long long)race->opened, (unsigned long long)race->refused);
}

TEST_HARNESS_MAIN
