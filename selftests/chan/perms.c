// SPDX-License-Identifier: GPL-2.0
/* Who may do what, whose name is whose, and how much of it one may have. */
#include <grp.h>
#include <sys/sysmacros.h>

#include "chan_test.h"

#define CTL	"/dev/chanctl"
#define TYPE	"perms test"	/* of all named channels here: what to clean up */
#define LOOK	3		/* the access mode that may only look */

#define ALICE	1000
#define BOB	2000
#define CAROL	3000

/*
 * The tests run as root, and what others do is done in children. The harness shares its
 * metadata with them, so EXPECT works there; ASSERT and break don't.
 */

static pid_t fork_as(uid_t uid)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	if (setgroups(0, NULL) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid))
		_exit(99);
	return 0;
}

static bool is_child(struct __test_metadata *_metadata, pid_t pid)
{
	int status = -1;

	if (!pid)
		return true;
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	return false;
}

#define AS(uid) \
	for (pid_t _pid = fork_as(uid); is_child(_metadata, _pid); _exit(0))

/* In a child of root: be somebody else, with the way back. Capable if @euid is 0. */
static void turn(uid_t ruid, uid_t euid)
{
	if (seteuid(0) || setresuid(ruid, euid, 0)) {
		perror("setresuid");
		abort();
	}
}

/* Shares the descriptors: a channel that the child makes stays when the child is gone. */
static pid_t fork_sharing_files(void)
{
	return syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
}

static bool have_user_namespaces(void)
{
	int status = -1;
	pid_t pid = fork_as(ALICE);

	if (!pid)
		_exit(unshare(CLONE_NEWUSER) ? 1 : 0);
	waitpid(pid, &status, 0);
	return !status;
}

/*
 * The module's parameters
 */

static const char * const params[] = {
	"user_channels", "user_named", "user_bytes", "user_parked", "named_rate",
	"user_selectors", "user_timers",
};

#define NR_PARAMS	(sizeof(params) / sizeof(*params))

/* A number of the module's in sysfs; -1 if there is none. */
static long module_number(const char *name)
{
	char path[80];
	long value = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/module/chan/%s", name);
	f = fopen(path, "r");
	if (!f)
		return -1;
	if (fscanf(f, "%ld", &value) != 1)
		value = -1;
	fclose(f);
	return value;
}

static long get_param(const char *name)
{
	char path[48];

	snprintf(path, sizeof(path), "parameters/%s", name);
	return module_number(path);
}

static void set_param(const char *name, unsigned long long value)
{
	char path[80];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/module/chan/parameters/%s", name);
	f = fopen(path, "w");
	if (!f || fprintf(f, "%llu\n", value) < 0 || fclose(f)) {
		perror(path);
		abort();
	}
}

/* References to the module; -1 if it is built in. */
static long module_refs(void)
{
	return module_number("refcnt");
}

/*
 * Named channels
 */

static struct chan_create named(const char *name, unsigned int mode)
{
	struct chan_create c = {
		.flags = CHAN_NAMED,
		.elem_size = 8,
		.capacity = 4,
		.mode = mode,
		.fd_flags = O_RDWR | O_CLOEXEC,
		.type = TYPE,
	};

	snprintf(c.name, sizeof(c.name), "%s", name);
	return c;
}

static int make_named(const char *name, unsigned int mode)
{
	struct chan_create c = named(name, mode);

	return create(&c);
}

static int resolve(struct chan_resolve *r, const char *name, uid_t uid)
{
	*r = (struct chan_resolve){ .size = sizeof(*r), .uid = uid };
	snprintf(r->name, sizeof(r->name), "%s", name);
	return ioctl(ctl_open(), CHAN_IOC_RESOLVE, r) ? -errno : 0;
}

/* The id, or 0 if there is no such name. */
static unsigned long long id_of(const char *name, uid_t uid)
{
	struct chan_resolve r;

	return resolve(&r, name, uid) ? 0 : r.id;
}

static const char *node_path(unsigned int minor)
{
	static char path[32];

	snprintf(path, sizeof(path), "/dev/chan%u", minor);
	return path;
}

static int open_node(unsigned int minor, int flags)
{
	int fd = open(node_path(minor), flags | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int open_named(const char *name, uid_t uid, int flags)
{
	struct chan_resolve r;

	return resolve(&r, name, uid) ?: open_node(r.minor, flags);
}

/* May the caller open it like this? 0 or -errno. */
static int try_open(const char *name, uid_t uid, int flags)
{
	int fd = open_named(name, uid, flags);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static int remove_named(const char *name, uid_t uid)
{
	int fd = open_named(name, uid, O_RDONLY), r;

	if (fd < 0)
		return fd;
	r = destroy(fd, CHAN_DESTROY_FORCE);
	close(fd);
	return r;
}

static int list(struct chan_list *l, struct chan_info *entries, unsigned int count)
{
	l->size = sizeof(*l);
	l->entries = (uintptr_t)entries;
	l->entry_size = sizeof(*entries);
	l->count = count;
	return ioctl(ctl_open(), CHAN_IOC_LIST, l) ? -errno : (int)l->count;
}

/* Walk the list for one; how often it is there. */
static int listed(unsigned long long id, struct chan_info *found, unsigned int step)
{
	struct chan_list l = {};
	struct chan_info e[16];
	int n = 0, i, got;

	while ((got = list(&l, e, step)) > 0) {
		for (i = 0; i < got; i++) {
			if (e[i].id != id)
				continue;
			*found = e[i];
			n++;
		}
	}
	return got < 0 ? got : n;
}

/* Destroy what a test left behind; how many there were. */
static int clean_up(void)
{
	struct chan_list l = {};
	struct chan_info e;
	int n = 0, fd;

	while (list(&l, &e, 1) > 0) {
		if (strcmp(e.type, TYPE))
			continue;
		n++;
		fd = open_node(e.minor, LOOK);
		destroy(fd, CHAN_DESTROY_FORCE);
		close(fd);
	}
	return n;
}

static bool same_use(const struct chan_limits *a, const struct chan_limits *b)
{
	return a->channels == b->channels && a->named == b->named && a->bytes == b->bytes &&
	       a->parked == b->parked && a->selectors == b->selectors && a->timers == b->timers;
}

TEST(chanctl_is_roots_by_default)
{
	struct stat st;
	int fd;

	if (geteuid() || stat(CTL, &st))
		SKIP(return, "not root, or no module");
	if (!access("/run/udev/control", F_OK))
		SKIP(return, "udev's rules decide");
	EXPECT_TRUE(S_ISCHR(st.st_mode));
	EXPECT_EQ(0600, st.st_mode & 07777);
	EXPECT_EQ(0, st.st_uid);
	EXPECT_EQ(0, st.st_gid);
	AS(ALICE) {
		EXPECT_EQ(-1, open(CTL, O_RDWR));
		EXPECT_EQ(EACCES, errno);
		EXPECT_EQ(-1, open(CTL, O_RDONLY));
		EXPECT_EQ(EACCES, errno);
		EXPECT_EQ(-1, open(CTL, LOOK));
		EXPECT_EQ(EACCES, errno);
	}
	ASSERT_EQ(0, chmod(CTL, 0666));
	AS(ALICE) {
		fd = make_chan(8, 4, 0);
		EXPECT_GE(fd, 0);
		fd = make_named("by-alice", 0600);
		EXPECT_GE(fd, 0);
		EXPECT_EQ(0, destroy(fd, 0));
	}
	EXPECT_EQ(0, chmod(CTL, 0600));
}

FIXTURE(perms) {
	mode_t mode;
	long params[NR_PARAMS];
};

FIXTURE_SETUP(perms)
{
	struct stat st;
	unsigned int i;

	if (geteuid() || stat(CTL, &st))
		SKIP(return, "not root, or no module");
	self->mode = st.st_mode & 07777;
	for (i = 0; i < NR_PARAMS; i++) {
		self->params[i] = get_param(params[i]);
		ASSERT_GE(self->params[i], 0);
	}
	/* Only tests of the rate are about it. */
	set_param("named_rate", 1000000);
	/* Where a quota is given back late. */
	if (debug_kernel())
		set_param("user_named", 1000000);
	wait_for_releases();
	ASSERT_EQ(0, chmod(CTL, 0666));
}

/* In the parent, so that it is done whatever became of the test. */
FIXTURE_TEARDOWN_PARENT(perms)
{
	unsigned int i;

	EXPECT_EQ(0, clean_up());
	for (i = 0; i < NR_PARAMS; i++)
		set_param(params[i], self->params[i]);
	EXPECT_EQ(0, chmod(CTL, self->mode));
}

/*
 * Nodes
 */

TEST_F(perms, a_node_has_the_makers_ids_and_the_mode_asked_for)
{
	static const unsigned int modes[] = { 0600, 0640, 0666, 0422, 0444, 0006 };
	static const mode_t masks[] = { 0, 022, 077, 0777 };
	struct chan_create c;
	struct chan_info in;
	struct stat st;
	unsigned int i, m;

	AS(ALICE) {
		for (i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
			for (m = 0; m < sizeof(masks) / sizeof(*masks); m++) {
				umask(masks[m]);
				c = named("mode", modes[i]);
				EXPECT_GE(create(&c), 0);
				EXPECT_EQ(0, stat(node_path(c.minor), &st));
				EXPECT_TRUE(S_ISCHR(st.st_mode));
				EXPECT_EQ(modes[i], st.st_mode & 07777);
				EXPECT_EQ(ALICE, st.st_uid);
				EXPECT_EQ(ALICE, st.st_gid);
				EXPECT_EQ(c.minor, minor(st.st_rdev));
				in = info(c.fd);
				EXPECT_EQ(modes[i], in.mode);
				EXPECT_EQ(ALICE, in.uid);
				EXPECT_EQ(c.minor, in.minor);
				EXPECT_EQ(c.id, in.id);
				EXPECT_STREQ("mode", in.name);
				EXPECT_STREQ(TYPE, in.type);
				EXPECT_EQ(CHAN_NAMED, in.flags);
				EXPECT_EQ(0, destroy(c.fd, 0));
				close(c.fd);
			}
		}
	}
	/* The group is the effective one, and so is the user. */
	AS(0) {
		EXPECT_EQ(0, setresgid(-1, CAROL, -1));
		turn(BOB, ALICE);
		c = named("effective", 0660);
		EXPECT_GE(create(&c), 0);
		EXPECT_EQ(0, stat(node_path(c.minor), &st));
		EXPECT_EQ(ALICE, st.st_uid);
		EXPECT_EQ(CAROL, st.st_gid);
		EXPECT_EQ(ALICE, info(c.fd).uid);
		EXPECT_EQ(0, destroy(c.fd, 0));
	}
}

TEST_F(perms, the_nodes_mode_decides_who_opens_it)
{
	gid_t group = ALICE;

	AS(ALICE) {
		EXPECT_GE(make_named("m600", 0600), 0);
		EXPECT_GE(make_named("m640", 0640), 0);
		EXPECT_GE(make_named("m666", 0666), 0);
		EXPECT_GE(make_named("m422", 0422), 0);
		EXPECT_EQ(0, try_open("m600", ALICE, O_RDWR));
		EXPECT_EQ(0, try_open("m422", ALICE, O_RDONLY));
		EXPECT_EQ(-EACCES, try_open("m422", ALICE, O_WRONLY));
	}
	AS(BOB) {
		EXPECT_EQ(-EACCES, try_open("m600", ALICE, O_RDONLY));
		EXPECT_EQ(-EACCES, try_open("m600", ALICE, O_WRONLY));
		EXPECT_EQ(-EACCES, try_open("m600", ALICE, O_RDWR));
		EXPECT_EQ(-EACCES, try_open("m600", ALICE, LOOK));
		EXPECT_EQ(-EACCES, try_open("m640", ALICE, O_RDONLY));
		EXPECT_EQ(-EACCES, try_open("m640", ALICE, O_WRONLY));
		EXPECT_EQ(0, try_open("m666", ALICE, O_RDONLY));
		EXPECT_EQ(0, try_open("m666", ALICE, O_WRONLY));
		EXPECT_EQ(0, try_open("m666", ALICE, O_RDWR));
		EXPECT_EQ(0, try_open("m666", ALICE, LOOK));
		EXPECT_EQ(-EACCES, try_open("m422", ALICE, O_RDONLY));
		EXPECT_EQ(0, try_open("m422", ALICE, O_WRONLY));
		EXPECT_EQ(-EACCES, try_open("m422", ALICE, O_RDWR));
		EXPECT_EQ(-EACCES, try_open("m422", ALICE, LOOK));
	}
	/* Bob in Alice's group. */
	AS(0) {
		EXPECT_EQ(0, setgroups(1, &group));
		turn(BOB, BOB);
		EXPECT_EQ(-EACCES, try_open("m600", ALICE, O_RDONLY));
		EXPECT_EQ(0, try_open("m640", ALICE, O_RDONLY));
		EXPECT_EQ(-EACCES, try_open("m640", ALICE, O_WRONLY));
		EXPECT_EQ(0, try_open("m422", ALICE, O_WRONLY));
	}
	EXPECT_EQ(0, try_open("m600", ALICE, O_RDWR));
	AS(ALICE) {
		EXPECT_EQ(0, remove_named("m600", ALICE));
		EXPECT_EQ(0, remove_named("m640", ALICE));
		EXPECT_EQ(0, remove_named("m666", ALICE));
		EXPECT_EQ(0, remove_named("m422", ALICE));
	}
}

TEST_F(perms, what_one_sends_through_a_shared_node_another_receives)
{
	uint64_t v = 42;
	int fd;

	AS(ALICE) {
		EXPECT_GE(make_named("shared", 0642), 0);
	}
	AS(BOB) {
		fd = open_named("shared", ALICE, O_WRONLY);
		EXPECT_EQ(8, wr(fd, &v, 8));
		EXPECT_EQ(-EBADF, rd(fd, &v, 8));
		EXPECT_EQ(-EBADF, recv_n(fd, &v, 1, CHAN_NONBLOCK, 0));
	}
	AS(ALICE) {
		v = 0;
		fd = open_named("shared", ALICE, O_RDONLY);
		EXPECT_EQ(8, rd(fd, &v, 8));
		EXPECT_EQ(42, v);
		EXPECT_EQ(0, destroy(fd, 0));
	}
}

/*
 * Names
 */

TEST_F(perms, a_name_is_ones_own_or_else_roots_and_never_anothers)
{
	unsigned long long root_same, alice_same, bob_same, alice_only, bob_only, root_only;
	struct chan_resolve r;
	int fd;

	ASSERT_GE(make_named("same", 0666), 0);
	ASSERT_GE(make_named("root-only", 0600), 0);
	AS(ALICE) {
		EXPECT_GE(make_named("same", 0666), 0);
		EXPECT_EQ(-EEXIST, make_named("same", 0600));
		EXPECT_GE(make_named("alice-only", 0666), 0);
	}
	AS(BOB) {
		EXPECT_GE(make_named("same", 0600), 0);
		EXPECT_EQ(-EEXIST, make_named("same", 0600));
		EXPECT_GE(make_named("bob-only", 0600), 0);
	}
	root_same = id_of("same", 0);
	alice_same = id_of("same", ALICE);
	bob_same = id_of("same", BOB);
	alice_only = id_of("alice-only", ALICE);
	bob_only = id_of("bob-only", BOB);
	root_only = id_of("root-only", 0);
	EXPECT_TRUE(root_same && alice_same && bob_same && alice_only && bob_only && root_only);
	EXPECT_TRUE(root_same != alice_same && alice_same != bob_same && bob_same != root_same);

	AS(ALICE) {
		EXPECT_EQ(alice_same, id_of("same", CHAN_UID_ANY));
		EXPECT_EQ(alice_only, id_of("alice-only", CHAN_UID_ANY));
		EXPECT_EQ(root_only, id_of("root-only", CHAN_UID_ANY));
		EXPECT_EQ(-ENOENT, resolve(&r, "bob-only", CHAN_UID_ANY));
		EXPECT_EQ(bob_only, id_of("bob-only", BOB));
		EXPECT_EQ(bob_same, id_of("same", BOB));
		EXPECT_EQ(root_same, id_of("same", 0));
		/* A name gives no right. */
		EXPECT_EQ(-EACCES, try_open("same", BOB, O_RDONLY));
		EXPECT_EQ(-EACCES, try_open("root-only", CHAN_UID_ANY, O_RDONLY));
		fd = open_named("same", CHAN_UID_ANY, O_RDWR);
		EXPECT_EQ(alice_same, info(fd).id);
	}
	AS(BOB) {
		EXPECT_EQ(bob_same, id_of("same", CHAN_UID_ANY));
		EXPECT_EQ(-ENOENT, resolve(&r, "alice-only", CHAN_UID_ANY));
		EXPECT_EQ(-ENOENT, resolve(&r, "alice-only", BOB));
		EXPECT_EQ(-ENOENT, resolve(&r, "alice-only", 0));
		EXPECT_EQ(alice_only, id_of("alice-only", ALICE));
	}
	AS(CAROL) {
		EXPECT_EQ(root_same, id_of("same", CHAN_UID_ANY));
		EXPECT_EQ(-ENOENT, resolve(&r, "same", CAROL));
	}
	EXPECT_EQ(root_same, id_of("same", CHAN_UID_ANY));
	EXPECT_EQ(-ENOENT, resolve(&r, "alice-only", CHAN_UID_ANY));

	/* One's own goes: root's is left. Root's goes: nothing is. */
	AS(ALICE) {
		EXPECT_EQ(0, remove_named("same", ALICE));
		EXPECT_EQ(root_same, id_of("same", CHAN_UID_ANY));
	}
	EXPECT_EQ(bob_same, id_of("same", BOB));
	EXPECT_EQ(0, remove_named("same", 0));
	AS(ALICE) {
		EXPECT_EQ(-ENOENT, resolve(&r, "same", CHAN_UID_ANY));
	}
	EXPECT_EQ(-ENOENT, resolve(&r, "same", CHAN_UID_ANY));
	EXPECT_EQ(0, remove_named("same", BOB));
	EXPECT_EQ(0, remove_named("root-only", 0));
	EXPECT_EQ(0, remove_named("alice-only", ALICE));
	EXPECT_EQ(0, remove_named("bob-only", BOB));
}

TEST_F(perms, a_named_channel_may_have_an_empty_name)
{
	struct chan_create a, b;
	struct chan_info in;

	AS(ALICE) {
		a = named("", 0600);
		b = named("", 0600);
		EXPECT_GE(create(&a), 0);
		EXPECT_GE(create(&b), 0);
		EXPECT_NE(a.minor, b.minor);
		EXPECT_EQ(1, listed(a.id, &in, 16));
		EXPECT_STREQ("", in.name);
		EXPECT_EQ(0, destroy(a.fd, 0));
		EXPECT_EQ(0, destroy(b.fd, 0));
	}
}

TEST_F(perms, anybody_lists_all_named_channels)
{
	unsigned long long alice, root;
	struct chan_info in;
	int anon = make_chan(8, 4, 0);

	ASSERT_GE(anon, 0);
	ASSERT_GE(make_named("listed", 0600), 0);
	AS(ALICE) {
		EXPECT_GE(make_named("listed", 0640), 0);
	}
	alice = id_of("listed", ALICE);
	root = id_of("listed", 0);
	AS(CAROL) {
		for (unsigned int step = 1; step <= 16; step += 15) {
			EXPECT_EQ(1, listed(alice, &in, step));
			EXPECT_EQ(ALICE, in.uid);
			EXPECT_EQ(0640, in.mode);
			EXPECT_STREQ("listed", in.name);
			EXPECT_STREQ(TYPE, in.type);
			EXPECT_EQ(sizeof(in), in.size);
			EXPECT_EQ(CHAN_NAMED, in.flags);
			EXPECT_EQ(0, in.senders);
			EXPECT_EQ(0, in.receivers);
			EXPECT_EQ(1, listed(root, &in, step));
			EXPECT_EQ(0, in.uid);
			EXPECT_EQ(0600, in.mode);
			EXPECT_EQ(1, in.senders);
			EXPECT_EQ(0, listed(info(anon).id, &in, step));
		}
		/* All the same through a handle that can only read. */
		close(ctl_open());
		EXPECT_EQ(ctl_open(), open(CTL, O_RDONLY));
		EXPECT_EQ(1, listed(alice, &in, 16));
	}
	EXPECT_EQ(0, remove_named("listed", 0));
	EXPECT_EQ(0, remove_named("listed", ALICE));
	EXPECT_EQ(0, listed(alice, &in, 16));
}

/*
 * Destroy
 */

TEST_F(perms, only_the_owner_and_root_destroy)
{
	int fd, look;

	AS(ALICE) {
		EXPECT_GE(make_named("destroy", 0666), 0);
	}
	AS(BOB) {
		fd = open_named("destroy", ALICE, O_RDWR);
		EXPECT_GE(fd, 0);
		EXPECT_EQ(-EPERM, destroy(fd, 0));
		EXPECT_EQ(-EPERM, destroy(fd, CHAN_DESTROY_FORCE));
		look = narrow(fd, LOOK);
		EXPECT_GE(look, 0);
		EXPECT_EQ(-EPERM, destroy(look, 0));
		EXPECT_EQ(-EPERM, destroy(look, CHAN_DESTROY_FORCE));
		look = open_named("destroy", ALICE, LOOK);
		EXPECT_GE(look, 0);
		EXPECT_EQ(-EPERM, destroy(look, 0));
		look = narrow(look, LOOK);
		EXPECT_EQ(-EPERM, destroy(look, 0));
		EXPECT_FALSE(info(fd).flags & CHAN_DESTROYED);
	}
	AS(ALICE) {
		EXPECT_EQ(0, remove_named("destroy", ALICE));
		/* Any handle of the owner's will do. */
		fd = make_named("destroy", 0600);
		look = narrow(fd, LOOK);
		EXPECT_EQ(0, destroy(look, 0));
		close(fd);
		EXPECT_GE(make_named("destroy", 0600), 0);
		look = open_named("destroy", ALICE, LOOK);
		EXPECT_EQ(0, destroy(look, 0));
		EXPECT_GE(make_named("destroy", 0600), 0);
	}
	EXPECT_EQ(0, remove_named("destroy", ALICE));
}

TEST_F(perms, a_handle_that_was_passed_on_gives_no_right_to_destroy)
{
	int fd = make_named("passed", 0600), look = narrow(fd, LOOK);

	ASSERT_GE(fd, 0);
	ASSERT_GE(look, 0);
	AS(ALICE) {
		EXPECT_EQ(-EPERM, destroy(fd, 0));
		EXPECT_EQ(-EPERM, destroy(fd, CHAN_DESTROY_FORCE));
		EXPECT_EQ(-EPERM, destroy(look, 0));
	}
	EXPECT_EQ(0, destroy(look, 0));
}

TEST_F(perms, root_of_a_user_namespace_is_not_root)
{
	struct chan_resolve r;
	int fd;

	if (!have_user_namespaces())
		SKIP(return, "no user namespaces");
	AS(ALICE) {
		EXPECT_GE(make_named("destroy", 0666), 0);
	}
	AS(BOB) {
		EXPECT_EQ(0, resolve(&r, "destroy", ALICE));
		fd = open_node(r.minor, O_RDWR);
		EXPECT_EQ(0, unshare(CLONE_NEWUSER));
		EXPECT_EQ(-EPERM, destroy(fd, 0));
		fd = open_node(r.minor, O_RDWR);
		EXPECT_GE(fd, 0);
		EXPECT_EQ(-EPERM, destroy(fd, CHAN_DESTROY_FORCE));
		EXPECT_EQ(-EPERM, destroy(narrow(fd, LOOK), 0));
		/* Alice has no uid here. */
		EXPECT_EQ(-EINVAL, resolve(&r, "destroy", ALICE));
	}
	EXPECT_EQ(0, remove_named("destroy", ALICE));
}

TEST_F(perms, whom_root_gives_the_node_to_destroys_through_it)
{
	struct chan_create c = named("given", 0600);
	int fd;

	ASSERT_GE(create(&c), 0);
	AS(ALICE) {
		EXPECT_EQ(-EACCES, open_node(c.minor, O_RDWR));
	}
	EXPECT_EQ(0, chown(node_path(c.minor), ALICE, ALICE));
	AS(BOB) {
		EXPECT_EQ(-EACCES, open_node(c.minor, O_RDWR));
		EXPECT_EQ(-EPERM, destroy(c.fd, 0));
	}
	AS(ALICE) {
		/* The name is still root's. */
		EXPECT_EQ(c.id, id_of("given", 0));
		EXPECT_EQ(0, id_of("given", ALICE));
		/* Not through a handle that isn't of the node. */
		EXPECT_EQ(-EPERM, destroy(c.fd, 0));
		fd = open_node(c.minor, O_RDWR);
		EXPECT_EQ(0, destroy(fd, 0));
	}
	EXPECT_TRUE(info(c.fd).flags & CHAN_DESTROYED);
	EXPECT_EQ(0, id_of("given", 0));

	c = named("given", 0600);
	ASSERT_GE(create(&c), 0);
	EXPECT_EQ(0, chown(node_path(c.minor), ALICE, ALICE));
	AS(ALICE) {
		fd = open_node(c.minor, LOOK);
		EXPECT_EQ(0, destroy(fd, 0));
	}
	EXPECT_TRUE(info(c.fd).flags & CHAN_DESTROYED);
}

TEST_F(perms, destroy_with_elements_needs_force)
{
	struct chan_create c = named("full", 0600);
	uint64_t v[2] = { 1, 2 };
	struct chan_info in;
	int fd = create(&c);

	ASSERT_GE(fd, 0);
	EXPECT_EQ(16, wr(fd, v, 16));
	EXPECT_EQ(-ENOTEMPTY, destroy(fd, 0));
	EXPECT_EQ(c.id, id_of("full", 0));
	EXPECT_EQ(0, access(node_path(c.minor), F_OK));
	EXPECT_FALSE(info(fd).flags & CHAN_DESTROYED);
	EXPECT_EQ(8, rd(fd, v, 8));
	EXPECT_EQ(-ENOTEMPTY, destroy(fd, 0));
	EXPECT_EQ(0, destroy(fd, CHAN_DESTROY_FORCE));
	in = info(fd);
	EXPECT_EQ(CHAN_NAMED | CHAN_DESTROYED, in.flags);
	EXPECT_EQ(1, in.len);
	/* Emptied, it needs none. */
	c = named("full", 0600);
	close(fd);
	fd = create(&c);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(8, wr(fd, v, 8));
	EXPECT_EQ(-ENOTEMPTY, destroy(fd, 0));
	EXPECT_EQ(8, rd(fd, v, 8));
	EXPECT_EQ(0, destroy(fd, 0));
}

TEST_F(perms, open_handles_go_on_after_destroy)
{
	struct chan_create c = named("gone", 0666);
	int fd = create(&c), other, anon = make_chan(8, 4, 0), ro;
	struct chan_resolve r;
	struct chan_info in;
	struct stat st;
	uint64_t v, got;
	char copy[] = "/tmp/chan-node";

	ASSERT_GE(fd, 0);
	other = open_node(c.minor, O_RDWR);
	ASSERT_GE(other, 0);
	ASSERT_EQ(0, stat(node_path(c.minor), &st));
	unlink(copy);
	ASSERT_EQ(0, mknod(copy, S_IFCHR | 0666, st.st_rdev));
	ro = open(copy, O_RDONLY);
	EXPECT_GE(ro, 0);
	EXPECT_EQ(c.id, info(ro).id);
	close(ro);
	v = 7;
	EXPECT_EQ(8, wr(fd, &v, 8));

	EXPECT_EQ(0, destroy(fd, CHAN_DESTROY_FORCE));
	in = info(fd);
	EXPECT_EQ(CHAN_NAMED | CHAN_DESTROYED, in.flags);
	EXPECT_EQ(CHAN_MINOR_NONE, in.minor);
	EXPECT_EQ(c.id, in.id);
	EXPECT_STREQ("gone", in.name);
	EXPECT_EQ(0666, in.mode);
	EXPECT_EQ(2, in.senders);
	in = info(other);
	EXPECT_EQ(CHAN_NAMED | CHAN_DESTROYED, in.flags);
	EXPECT_EQ(CHAN_MINOR_NONE, in.minor);

	EXPECT_EQ(-1, access(node_path(c.minor), F_OK));
	EXPECT_EQ(ENOENT, errno);
	EXPECT_EQ(-1, open(copy, O_RDONLY));
	EXPECT_EQ(ENXIO, errno);
	unlink(copy);
	EXPECT_EQ(-ENOENT, resolve(&r, "gone", 0));
	EXPECT_EQ(-ENOENT, resolve(&r, "gone", CHAN_UID_ANY));
	EXPECT_EQ(0, listed(c.id, &in, 16));

	EXPECT_EQ(-ENODEV, destroy(fd, 0));
	EXPECT_EQ(-ENODEV, destroy(fd, CHAN_DESTROY_FORCE));
	EXPECT_EQ(-ENODEV, destroy(other, 0));
	EXPECT_EQ(-ENODEV, destroy(anon, 0));
	EXPECT_EQ(-ENODEV, destroy(anon, CHAN_DESTROY_FORCE));

	EXPECT_EQ(8, rd(other, &got, 8));
	EXPECT_EQ(7, got);
	for (v = 0; v < 10; v++) {
		EXPECT_EQ(8, wr(v % 2 ? fd : other, &v, 8));
		EXPECT_EQ(8, rd(v % 2 ? other : fd, &got, 8));
		EXPECT_EQ(v, got);
	}
	/* New handles of old ones, too. */
	ro = narrow(other, O_RDONLY);
	EXPECT_GE(ro, 0);
	EXPECT_EQ(8, wr(fd, &v, 8));
	EXPECT_EQ(8, rd(ro, &got, 8));
	EXPECT_EQ(0, chan_close(fd));
	EXPECT_EQ(0, rd(ro, &got, 8));
}

TEST_F(perms, a_call_waits_on_while_its_channel_is_destroyed)
{
	uint64_t got = 0, v = 9;
	int fd = make_named("waiting", 0600);
	struct call c;

	ASSERT_GE(fd, 0);
	call_start(&c, fd, false, &got, 8);
	wait_parked(fd, 0, 1);
	EXPECT_EQ(0, destroy(fd, 0));
	EXPECT_EQ(1, info(fd).parked_receivers);
	EXPECT_EQ(8, wr(fd, &v, 8));
	EXPECT_EQ(8, call_end(&c));
	EXPECT_EQ(9, got);
}

TEST_F(perms, a_named_channel_keeps_its_elements_while_nobody_has_it_open)
{
	unsigned long long id;
	struct chan_info in;
	uint64_t v, got[4] = {};
	int fd;

	AS(ALICE) {
		fd = make_named("keeps", 0600);
		for (v = 1; v <= 3; v++)
			EXPECT_EQ(8, wr(fd, &v, 8));
	}
	/* Alice's process has ended. */
	id = id_of("keeps", ALICE);
	EXPECT_EQ(1, listed(id, &in, 16));
	EXPECT_EQ(3, in.len);
	EXPECT_EQ(0, in.senders);
	EXPECT_EQ(0, in.receivers);
	AS(ALICE) {
		fd = open_named("keeps", ALICE, O_RDONLY);
		EXPECT_EQ(id, info(fd).id);
		EXPECT_EQ(8, rd(fd, got, 8));
		EXPECT_EQ(1, got[0]);
	}
	AS(ALICE) {
		fd = open_named("keeps", ALICE, O_RDWR);
		EXPECT_EQ(16, rd(fd, got, sizeof(got)));
		EXPECT_EQ(2, got[0]);
		EXPECT_EQ(3, got[1]);
		set_nonblock(fd, true);
		EXPECT_EQ(-EAGAIN, rd(fd, got, 8));
		EXPECT_EQ(0, destroy(fd, 0));
	}
}

TEST_F(perms, a_minor_is_not_used_again_at_once)
{
	unsigned int minors[32], i, j;
	struct chan_create c;

	for (i = 0; i < 32; i++) {
		c = named("again", 0600);
		ASSERT_GE(create(&c), 0);
		minors[i] = c.minor;
		for (j = 0; j < i; j++)
			EXPECT_NE(minors[j], c.minor);
		EXPECT_EQ(0, destroy(c.fd, 0));
		if (i % 2)
			close(c.fd);
	}
}

/*
 * User namespaces
 */

TEST_F(perms, a_user_namespace_makes_anonymous_channels_only)
{
	uint64_t v = 5;
	int fd;

	if (!have_user_namespaces())
		SKIP(return, "no user namespaces");
	AS(ALICE) {
		EXPECT_EQ(0, unshare(CLONE_NEWUSER));
		EXPECT_EQ(-EPERM, make_named("inside", 0600));
		EXPECT_EQ(-EPERM, make_named("", 0600));
		EXPECT_EQ(0, limits().channels);
		EXPECT_EQ(0, limits().named);
		fd = make_chan(8, 4, 0);
		EXPECT_GE(fd, 0);
		EXPECT_EQ(1, limits().channels);
		EXPECT_EQ(8, wr(fd, &v, 8));
		EXPECT_EQ(8, rd(fd, &v, 8));
		EXPECT_EQ(-ENODEV, destroy(fd, 0));
	}
	/* Root's as well. */
	AS(0) {
		EXPECT_EQ(0, unshare(CLONE_NEWUSER));
		EXPECT_EQ(-EPERM, make_named("inside", 0600));
		EXPECT_GE(make_chan(8, 4, 0), 0);
	}
	EXPECT_EQ(0, id_of("inside", ALICE));
	EXPECT_EQ(0, id_of("inside", 0));
}

static void write_file(struct __test_metadata *_metadata, const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	EXPECT_GE(fd, 0);
	EXPECT_EQ(strlen(text), wr(fd, text, strlen(text)));
	close(fd);
}

/* Alice has two, a namespace of hers makes the third: that was the last one for both. */
TEST_F(perms, a_namespaces_owner_pays_too)
{
	unsigned long long used;
	pid_t pid;

	if (!have_user_namespaces())
		SKIP(return, "no user namespaces");
	AS(0) {
		turn(ALICE, 0);
		used = limits().channels;
		set_param("user_channels", used + 3);
		turn(ALICE, ALICE);
		EXPECT_GE(make_chan(8, 4, 0), 0);
		EXPECT_GE(make_chan(8, 4, 0), 0);
		pid = fork_sharing_files();
		if (!pid) {
			EXPECT_EQ(0, unshare(CLONE_NEWUSER));
			EXPECT_GE(make_chan(8, 4, 0), 0);
			EXPECT_EQ(1, limits().channels);
			EXPECT_EQ(-EDQUOT, make_chan(8, 4, 0));
			EXPECT_EQ(1, limits().channels);
			/* One more level, for which this one needs the ids: all above pay. */
			prctl(PR_SET_DUMPABLE, 1);
			write_file(_metadata, "/proc/self/uid_map", "0 1000 1");
			write_file(_metadata, "/proc/self/setgroups", "deny");
			write_file(_metadata, "/proc/self/gid_map", "0 0 1");
			EXPECT_EQ(0, unshare(CLONE_NEWUSER));
			EXPECT_EQ(-EDQUOT, make_chan(8, 4, 0));
			EXPECT_EQ(0, limits().channels);
			_exit(0);
		}
		EXPECT_FALSE(is_child(_metadata, pid));
		EXPECT_EQ(used + 3, limits().channels);
		EXPECT_EQ(-EDQUOT, make_chan(8, 4, 0));
		EXPECT_EQ(used + 3, limits().channels);
	}
}

/* Bob's uid in Alice's namespace is a subordinate of hers: she pays, and not Bob. */
TEST_F(perms, a_namespaces_owner_pays_for_subordinate_uids)
{
	unsigned long long alice, bob;
	char c = 0, path[40];
	int ready[2], go[2];
	pid_t pid;

	if (!have_user_namespaces())
		SKIP(return, "no user namespaces");
	ASSERT_EQ(0, pipe(ready));
	ASSERT_EQ(0, pipe(go));
	AS(0) {
		turn(BOB, 0);
		bob = limits().channels;
		turn(ALICE, 0);
		alice = limits().channels;
		set_param("user_channels", alice + 2);
		turn(0, 0);
		pid = fork_sharing_files();
		if (!pid) {
			EXPECT_EQ(0, setresuid(ALICE, ALICE, ALICE));
			EXPECT_EQ(0, unshare(CLONE_NEWUSER));
			EXPECT_EQ(1, wr(ready[1], &c, 1));
			EXPECT_EQ(1, rd(go[0], &c, 1));
			EXPECT_EQ(0, setresuid(1, 1, 1));
			EXPECT_GE(make_chan(8, 4, 0), 0);
			EXPECT_GE(make_chan(8, 4, 0), 0);
			EXPECT_EQ(2, limits().channels);
			EXPECT_EQ(-EDQUOT, make_chan(8, 4, 0));
			EXPECT_EQ(2, limits().channels);
			_exit(0);
		}
		EXPECT_EQ(1, rd(ready[0], &c, 1));
		snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
		write_file(_metadata, path, "0 1000 1\n1 2000 1\n");
		EXPECT_EQ(1, wr(go[1], &c, 1));
		EXPECT_FALSE(is_child(_metadata, pid));
		turn(BOB, BOB);
		EXPECT_EQ(bob, limits().channels);
		EXPECT_GE(make_chan(8, 4, 0), 0);
		turn(ALICE, ALICE);
		EXPECT_EQ(alice + 2, limits().channels);
		EXPECT_EQ(-EDQUOT, make_chan(8, 4, 0));
	}
}

/*
 * Quotas
 */

TEST_F(perms, limits_says_what_the_parameters_say)
{
	struct chan_limits l;

	set_param("user_channels", 101);
	set_param("user_named", 102);
	set_param("user_bytes", 103);
	set_param("user_parked", 104);
	AS(ALICE) {
		l = limits();
		EXPECT_EQ(101, l.user_channels);
		EXPECT_EQ(102, l.user_named);
		EXPECT_EQ(103, l.user_bytes);
		EXPECT_EQ(104, l.user_parked);
	}
}

TEST_F(perms, channels_have_a_quota)
{
	struct chan_limits l, after;
	unsigned int i;
	int fd = -1;

	AS(0) {
		turn(ALICE, 0);
		set_param("user_channels", limits().channels + 3);
		turn(ALICE, ALICE);
		for (i = 0; i < 3; i++) {
			fd = make_chan(8, 4, 0);
			EXPECT_GE(fd, 0);
		}
		l = limits();
		EXPECT_EQ(l.user_channels, l.channels);
		EXPECT_EQ(-EDQUOT, make_chan(8, 4, 0));
		EXPECT_EQ(-EDQUOT, make_chan(0, 0, 0));
		EXPECT_EQ(-EDQUOT, make_chan(BY_REF, 4, 0));
		EXPECT_EQ(-EDQUOT, make_named("over", 0600));
		after = limits();
		EXPECT_TRUE(same_use(&l, &after));
		/* Handles aren't channels. */
		EXPECT_GE(narrow(fd, O_RDONLY), 0);

		turn(BOB, BOB);
		EXPECT_GE(make_chan(8, 4, 0), 0);
		turn(0, 0);
		for (i = 0; i <= l.user_channels; i++)
			EXPECT_GE(make_chan(8, 4, 0), 0);
		EXPECT_GT(limits().channels, l.user_channels);

		turn(ALICE, ALICE);
		EXPECT_EQ(-EDQUOT, make_chan(8, 4, 0));
		/* Who is capable passes, and is charged all the same. */
		turn(ALICE, 0);
		fd = make_chan(8, 4, 0);
		EXPECT_GE(fd, 0);
		EXPECT_EQ(l.channels + 1, limits().channels);
		close(fd);
	}
	/* All of it is Alice's again. */
	AS(ALICE) {
		for (i = 0; i < 3; i++) {
			fd = make_chan(8, 4, 0);
			EXPECT_GE(fd, 0);
		}
		EXPECT_EQ(-EDQUOT, make_chan(8, 4, 0));
		close(fd);
		EXPECT_GE(make_chan(8, 4, 0), 0);
		EXPECT_EQ(-EDQUOT, make_chan(8, 4, 0));
	}
}

static void bytes_quota(struct __test_metadata *_metadata, unsigned int elem_size)
{
	struct chan_limits l, after;
	unsigned long long each;
	int fd[2];

	AS(0) {
		turn(ALICE, 0);
		l = limits();
		fd[0] = make_chan(elem_size, 16, 0);
		EXPECT_GE(fd[0], 0);
		each = limits().bytes - l.bytes;
		EXPECT_GE(each, 16 * elem_size);
		close(fd[0]);
		EXPECT_EQ(l.bytes, limits().bytes);
		set_param("user_bytes", l.bytes + 2 * each);

		turn(ALICE, ALICE);
		fd[0] = make_chan(elem_size, 16, 0);
		fd[1] = make_chan(elem_size, 16, 0);
		EXPECT_GE(fd[0], 0);
		EXPECT_GE(fd[1], 0);
		l = limits();
		EXPECT_EQ(l.user_bytes, l.bytes);
		EXPECT_EQ(-EDQUOT, make_chan(elem_size, 16, 0));
		EXPECT_EQ(-EDQUOT, make_chan(elem_size, 1, 0));
		EXPECT_EQ(-EDQUOT, make_chan(elem_size, 16, CHAN_MESSAGE));
		EXPECT_EQ(-EDQUOT, make_chan(1, CHAN_CAPACITY_MAX, 0));
		after = limits();
		EXPECT_TRUE(same_use(&l, &after));

		turn(BOB, BOB);
		EXPECT_GE(make_chan(elem_size, 16, 0), 0);
		turn(0, 0);
		for (int i = 0; i < 3; i++)
			EXPECT_GE(make_chan(elem_size, 16, 0), 0);
		EXPECT_GT(limits().bytes, l.user_bytes);

		turn(ALICE, ALICE);
		/* Half as large, twice as many. */
		close(fd[0]);
		EXPECT_GE(make_chan(elem_size, 8, 0), 0);
		EXPECT_GE(make_chan(elem_size, 8, 0), 0);
		EXPECT_EQ(-EDQUOT, make_chan(elem_size, 8, 0));
		/* What holds none is free. */
		EXPECT_GE(make_chan(8, 0, 0), 0);
	}
}

TEST_F(perms, bytes_have_a_quota)
{
	bytes_quota(_metadata, 8);
}

TEST_F(perms, bytes_by_reference_have_a_quota)
{
	bytes_quota(_metadata, BY_REF);
}

TEST_F(perms, named_channels_have_a_quota)
{
	struct chan_limits l, after;
	struct chan_create c;
	int fd;

	AS(0) {
		turn(ALICE, 0);
		set_param("user_named", limits().named + 2);
		turn(ALICE, ALICE);
		EXPECT_GE(make_named("one", 0600), 0);
		fd = make_named("two", 0600);
		EXPECT_GE(fd, 0);
		l = limits();
		EXPECT_EQ(l.user_named, l.named);
		EXPECT_EQ(-EDQUOT, make_named("three", 0600));
		EXPECT_EQ(-EDQUOT, make_named("", 0600));
		c = named("three", 0600);
		c.elem_size = BY_REF;
		EXPECT_EQ(-EDQUOT, create(&c));
		after = limits();
		EXPECT_TRUE(same_use(&l, &after));
		EXPECT_EQ(0, id_of("three", ALICE));
		EXPECT_GE(make_chan(8, 4, 0), 0);

		turn(BOB, BOB);
		EXPECT_GE(make_named("three", 0600), 0);
		EXPECT_EQ(0, remove_named("three", BOB));
		turn(0, 0);
		/* Unnamed at the end: one more than the limit, whatever root has. */
		for (unsigned int i = 0; i <= l.user_named; i++)
			EXPECT_GE(make_named("", 0600), 0);
		EXPECT_GT(limits().named, l.user_named);
		turn(ALICE, 0);
		EXPECT_GE(make_named("three", 0600), 0);
		EXPECT_EQ(l.named + 1, limits().named);
		EXPECT_EQ(0, remove_named("three", 0));

		/* Destroyed is enough, it needn't be gone. */
		turn(ALICE, ALICE);
		EXPECT_EQ(-EDQUOT, make_named("three", 0600));
		EXPECT_EQ(0, destroy(fd, 0));
		EXPECT_EQ(l.named - 1, once_released(named, l.named - 1));
		EXPECT_GE(make_named("three", 0600), 0);
		EXPECT_EQ(0, remove_named("three", ALICE));
		EXPECT_EQ(0, remove_named("one", ALICE));
		turn(0, 0);
		clean_up();
	}
}

/* Nothing but destroy gives it back, not even the end of the process. */
TEST_F(perms, a_named_channel_counts_while_nobody_has_it_open)
{
	unsigned long long used;

	AS(ALICE) {
		EXPECT_GE(make_named("counts", 0600), 0);
	}
	AS(ALICE) {
		used = limits().named;
		EXPECT_GE(used, 1);
		EXPECT_GE(limits().channels, 1);
		EXPECT_EQ(0, remove_named("counts", ALICE));
		EXPECT_EQ(used - 1, once_released(named, used - 1));
	}
}

/* A device and its number are there as long as somebody has the node open. */
TEST_F(perms, a_destroyed_channel_counts_while_its_node_is_open)
{
	unsigned long long used;
	int fd;

	AS(ALICE) {
		used = limits().named;
		EXPECT_GE(make_named("counts", 0600), 0);
		fd = open_named("counts", ALICE, O_RDWR);
		EXPECT_GE(fd, 0);
		EXPECT_EQ(0, destroy(fd, 0));
		EXPECT_EQ(0, id_of("counts", ALICE));
		EXPECT_EQ(used + 1, limits().named);
		EXPECT_EQ(0, close(fd));
		EXPECT_EQ(used, once_released(named, used));
	}
}

#define FLASHES (debug_kernel() ? 200 : 2000)

static void *come_and_go(void *arg)
{
	struct chan_create c;
	int i, fd, node;

	for (i = 0; i < FLASHES; i++) {
		c = named("", 0600);
		fd = create(&c);
		node = open_node(c.minor, O_RDWR);
		if (fd < 0 || node < 0 || destroy(fd, 0))
			break;
		close(fd);
		close(node);
	}
	__atomic_store_n((int *)arg, i, __ATOMIC_RELEASE);
	return NULL;
}

TEST_F(perms, the_list_is_walked_while_channels_come_and_go)
{
	int done = -1, fd = make_named("stays", 0600), here;
	unsigned long long id = info(fd).id;
	struct chan_info found;
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, come_and_go, &done));
	do {
		here = listed(id, &found, 16);
		EXPECT_EQ(1, here);
	} while (here == 1 && __atomic_load_n(&done, __ATOMIC_ACQUIRE) < 0);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(FLASHES, done);
	EXPECT_EQ(0, destroy(fd, 0));
}

/* Make one, and all that is left is gone at once. */
static int flash(void)
{
	int fd = make_named("flash", 0600);

	if (fd < 0)
		return fd;
	if (destroy(fd, 0))
		return -1;
	close(fd);
	return 0;
}

/* Users of their own, since a user's earlier channels count too. */
static uid_t fresh_uid(void)
{
	return 100000 + getpid();
}

TEST_F(perms, named_channels_have_a_rate)
{
	struct chan_limits l, after;
	uid_t uid = fresh_uid();
	int i;

	set_param("named_rate", 3);
	AS(0) {
		turn(uid, uid);
		EXPECT_GE(make_chan(8, 4, 0), 0);	/* so that the user has something */
		for (i = 0; i < 3; i++)
			EXPECT_EQ(0, flash());
		l = limits();
		EXPECT_EQ(-EDQUOT, flash());
		EXPECT_EQ(-EDQUOT, flash());
		after = limits();
		EXPECT_TRUE(same_use(&l, &after));
		EXPECT_GE(make_chan(8, 4, 0), 0);

		turn(uid + 100000, uid + 100000);
		EXPECT_EQ(0, flash());
		turn(0, 0);
		for (i = 0; i < 6; i++)
			EXPECT_EQ(0, flash());
		turn(uid, 0);
		EXPECT_EQ(0, flash());
		turn(uid, uid);
		EXPECT_EQ(-EDQUOT, flash());
	}
}

TEST_F(perms, the_rate_holds_for_who_keeps_nothing)
{
	uid_t uid = fresh_uid();
	int i;

	set_param("named_rate", 3);
	AS(uid) {
		for (i = 0; i < 3; i++)
			EXPECT_EQ(0, flash());
		EXPECT_EQ(-EDQUOT, flash());
		EXPECT_EQ(-EDQUOT, flash());
	}
	/* Nor does a new process begin anew. */
	AS(uid) {
		EXPECT_EQ(-EDQUOT, flash());
	}
}

TEST_F(perms, the_rate_is_per_10_seconds)
{
	struct timespec since, now, pause = { .tv_nsec = 100 * MSEC };
	int r;

	set_param("named_rate", 1);
	AS(fresh_uid()) {
		EXPECT_GE(make_chan(8, 4, 0), 0);
		clock_gettime(CLOCK_MONOTONIC, &since);
		EXPECT_EQ(0, flash());
		/* How long it takes is what is tested; the harness stops it if too long. */
		while ((r = flash()) == -EDQUOT)
			nanosleep(&pause, NULL);
		EXPECT_EQ(0, r);
		clock_gettime(CLOCK_MONOTONIC, &now);
		EXPECT_GE(now.tv_sec - since.tv_sec, 9);
		EXPECT_EQ(-EDQUOT, flash());
	}
}

/*
 * Parked bytes
 */

#define BIG	BY_REF		/* each handle has a spare element */

TEST_F(perms, handles_of_channels_by_reference_have_a_quota)
{
	struct chan_limits l, after;
	unsigned long long each;
	struct chan_create c;
	char buf[BIG] = {};
	int fd, ro, bob;

	AS(0) {
		turn(ALICE, 0);
		l = limits();
		c = named("big", 0666);
		c.elem_size = BIG;
		fd = create(&c);
		EXPECT_GE(fd, 0);
		each = limits().parked - l.parked;
		EXPECT_GE(each, BIG);
		set_param("user_parked", l.parked + 2 * each);

		turn(ALICE, ALICE);
		ro = narrow(fd, O_RDONLY);
		EXPECT_GE(ro, 0);
		l = limits();
		EXPECT_EQ(l.user_parked, l.parked);
		EXPECT_EQ(-EDQUOT, narrow(fd, O_RDONLY));
		EXPECT_EQ(-EDQUOT, narrow(fd, O_WRONLY));
		EXPECT_EQ(-EDQUOT, open_node(c.minor, O_RDWR));
		EXPECT_EQ(-EDQUOT, make_chan(BIG, 0, 0));
		EXPECT_EQ(-EDQUOT, make_chan(BIG, 4, CHAN_MESSAGE));
		after = limits();
		EXPECT_TRUE(same_use(&l, &after));
		EXPECT_EQ(1, info(fd).senders);
		EXPECT_EQ(2, info(fd).receivers);
		/* What can't send nor receive needs none. */
		EXPECT_GE(narrow(fd, LOOK), 0);
		EXPECT_GE(make_chan(8, 4, 0), 0);

		/* Who opens it pays, not who made it. */
		turn(BOB, BOB);
		l.parked = limits().parked;
		bob = open_node(c.minor, O_RDWR);
		EXPECT_GE(bob, 0);
		EXPECT_EQ(l.parked + each, limits().parked);
		/* Elements change places on their way, but not who pays for what. */
		EXPECT_EQ(BIG, wr(bob, buf, BIG));
		EXPECT_EQ(BIG, wr(fd, buf, BIG));
		EXPECT_EQ(BIG, rd(bob, buf, BIG));
		EXPECT_EQ(BIG, wr(bob, buf, BIG));
		EXPECT_EQ(BIG, rd(fd, buf, BIG));
		EXPECT_EQ(l.parked + each, limits().parked);
		close(bob);
		EXPECT_EQ(l.parked, limits().parked);
		turn(0, 0);
		for (int i = 0; i < 3; i++)
			EXPECT_GE(open_node(c.minor, O_RDWR), 0);
		turn(ALICE, ALICE);
		EXPECT_EQ(after.parked, limits().parked);
		close(ro);
		EXPECT_EQ(after.parked - each, limits().parked);
		EXPECT_GE(open_node(c.minor, O_RDWR), 0);
		EXPECT_EQ(-EDQUOT, open_node(c.minor, O_RDWR));
		turn(0, 0);
		EXPECT_EQ(-ENOTEMPTY, destroy(fd, 0));
		EXPECT_EQ(0, destroy(fd, CHAN_DESTROY_FORCE));
	}
}

/* One open file has one spare: the second call that waits needs another. */
TEST_F(perms, calls_that_wait_have_a_quota)
{
	struct chan_limits l, after;
	char buf[BIG] = {}, in[BIG];
	struct call c;
	int fd;

	AS(0) {
		turn(ALICE, ALICE);
		fd = make_chan(BIG, 0, 0);
		EXPECT_GE(fd, 0);
		turn(ALICE, 0);
		set_param("user_parked", limits().parked);
		/* For good: threads follow. */
		EXPECT_EQ(0, setresuid(ALICE, ALICE, ALICE));

		call_start(&c, fd, true, buf, BIG);
		wait_parked(fd, 1, 0);
		l = limits();
		EXPECT_EQ(-EDQUOT, wr(fd, buf, BIG));
		EXPECT_EQ(-EDQUOT, send_n(fd, buf, 1, CHAN_TIMEOUT, LONG));
		EXPECT_EQ(-EAGAIN, send_n(fd, buf, 1, CHAN_NONBLOCK, 0));
		EXPECT_EQ(-EDQUOT, rd(fd, in, BIG));
		EXPECT_EQ(1, info(fd).parked_senders);
		EXPECT_EQ(0, info(fd).sent);
		after = limits();
		EXPECT_TRUE(same_use(&l, &after));
		EXPECT_EQ(0, chan_close(fd));
		EXPECT_EQ(-EPIPE, call_end(&c));
		after = limits();
		EXPECT_TRUE(same_use(&l, &after));
	}
}

/*
 * Too large for the caller's stack, not by reference: the first call that waits pays for
 * it, and the handle keeps it for the next, while there is plenty.
 */
TEST_F(perms, a_call_that_waits_with_a_middling_element_pays_for_it)
{
	unsigned long long before, each;
	char buf[IN_PLACE] = {}, in[2][IN_PLACE];
	struct call c[2];
	int fd, small, i;

	AS(0) {
		turn(ALICE, 0);
		before = limits().parked;
		turn(ALICE, ALICE);
		fd = make_chan(sizeof(buf), 1, 0);
		small = make_chan(8, 0, 0);
		EXPECT_EQ(before, limits().parked);

		call_start(&c[0], fd, false, in[0], sizeof(buf));
		wait_parked(fd, 0, 1);
		each = limits().parked - before;
		EXPECT_LE(sizeof(buf), each);
		call_start(&c[1], fd, false, in[1], sizeof(buf));
		wait_parked(fd, 0, 2);
		EXPECT_EQ(before + 2 * each, limits().parked);
		for (i = 0; i < 2; i++) {
			EXPECT_EQ(sizeof(buf), wr(fd, buf, sizeof(buf)));
			EXPECT_EQ(sizeof(buf), call_end(&c[i]));
		}
		EXPECT_EQ(before + each, limits().parked);

		/* Enough for one that waits, but none to spare. */
		turn(ALICE, 0);
		set_param("user_parked", before + each);
		turn(ALICE, ALICE);
		call_start(&c[0], fd, false, in[0], sizeof(buf));
		wait_parked(fd, 0, 1);
		EXPECT_EQ(-EDQUOT, rd(fd, in[1], sizeof(buf)));
		EXPECT_EQ(-EDQUOT, recv_n(fd, in[1], 1, CHAN_TIMEOUT, LONG));
		EXPECT_EQ(-EAGAIN, recv_n(fd, in[1], 1, CHAN_NONBLOCK, 0));
		EXPECT_EQ(1, info(fd).parked_receivers);
		EXPECT_EQ(sizeof(buf), wr(fd, buf, sizeof(buf)));
		EXPECT_EQ(sizeof(buf), call_end(&c[0]));
		EXPECT_EQ(before, limits().parked);

		/* And for none: but what doesn't wait needs nothing, nor does a small one. */
		turn(ALICE, 0);
		set_param("user_parked", before);
		turn(ALICE, ALICE);
		EXPECT_EQ(-EDQUOT, rd(fd, in[0], sizeof(buf)));
		EXPECT_EQ(-EAGAIN, recv_n(fd, in[0], 1, CHAN_NONBLOCK, 0));
		EXPECT_EQ(sizeof(buf), wr(fd, buf, sizeof(buf)));
		EXPECT_EQ(-EDQUOT, wr(fd, buf, sizeof(buf)));
		EXPECT_EQ(-EAGAIN, send_n(fd, buf, 1, CHAN_NONBLOCK, 0));
		EXPECT_EQ(sizeof(buf), rd(fd, in[0], sizeof(buf)));
		EXPECT_EQ(-ETIMEDOUT, send_n(small, buf, 1, CHAN_TIMEOUT, MSEC));
		EXPECT_EQ(before, limits().parked);
		turn(BOB, 0);
		EXPECT_EQ(-ETIMEDOUT, recv_n(fd, in[0], 1, CHAN_TIMEOUT, MSEC));
	}
}

/* However many handles have waited, one after the other: what they keep is nobody's lack. */
TEST_F(perms, what_handles_keep_is_at_most_half_of_the_quota)
{
	unsigned long long each;
	char buf[IN_PLACE];
	int i, fd;

	AS(0) {
		turn(ALICE, ALICE);
		fd = make_chan(sizeof(buf), 0, 0);
		EXPECT_EQ(0, limits().parked);
		EXPECT_EQ(-ETIMEDOUT, recv_n(fd, buf, 1, CHAN_TIMEOUT, 1));
		each = limits().parked;
		turn(ALICE, 0);
		set_param("user_parked", 8 * each);
		turn(ALICE, ALICE);
		for (i = 0; i < 20; i++) {
			fd = make_chan(sizeof(buf), 0, 0);
			EXPECT_EQ(-ETIMEDOUT, recv_n(fd, buf, 1, CHAN_TIMEOUT, 1));
		}
		EXPECT_EQ(3 * each, limits().parked);
	}
}

/*
 * Selectors and timers
 */

TEST_F(perms, selectors_have_a_quota)
{
	struct chan_limits l, after;
	int sel[3], i;

	AS(0) {
		turn(ALICE, 0);
		set_param("user_selectors", limits().selectors + 3);
		turn(ALICE, ALICE);
		for (i = 0; i < 3; i++) {
			sel[i] = make_selector(0);
			EXPECT_GE(sel[i], 0);
		}
		l = limits();
		EXPECT_EQ(l.user_selectors, l.selectors);
		EXPECT_EQ(-EDQUOT, make_selector(0));
		EXPECT_EQ(-EDQUOT, make_selector(O_NONBLOCK));
		after = limits();
		EXPECT_TRUE(same_use(&l, &after));
		/* Whoever has one may use it; channels are another matter. */
		EXPECT_EQ(-EINPROGRESS, arm_n(sel[0], NULL, 0, 0));
		EXPECT_GE(make_chan(8, 4, 0), 0);

		turn(BOB, BOB);
		EXPECT_GE(make_selector(0), 0);
		turn(ALICE, 0);
		EXPECT_GE(make_selector(0), 0);
		EXPECT_EQ(l.selectors + 1, limits().selectors);
		turn(ALICE, ALICE);
		close(sel[0]);
		EXPECT_EQ(-EDQUOT, make_selector(0));
		close(sel[1]);
		EXPECT_GE(make_selector(0), 0);
		EXPECT_EQ(-EDQUOT, make_selector(0));
	}
	/* Who made it pays, as long as it is open anywhere. */
	AS(ALICE) {
		EXPECT_EQ(0, limits().selectors);
	}
}

TEST_F(perms, timers_have_a_quota)
{
	struct chan_create c = {
		.flags = CHAN_TIMER, .elem_size = 8, .capacity = 1, .fd_flags = O_RDONLY,
	};
	struct chan_limits l, after;
	int fd;

	AS(0) {
		turn(ALICE, 0);
		set_param("user_timers", limits().timers + 2);
		turn(ALICE, ALICE);
		fd = create(&c);
		EXPECT_GE(fd, 0);
		EXPECT_GE(create(&c), 0);
		l = limits();
		EXPECT_EQ(l.user_timers, l.timers);
		EXPECT_EQ(-EDQUOT, create(&c));
		after = limits();
		EXPECT_TRUE(same_use(&l, &after));
		/* A handle is no timer, a channel neither. */
		EXPECT_GE(narrow(fd, O_RDONLY), 0);
		EXPECT_GE(make_chan(8, 1, 0), 0);

		turn(BOB, BOB);
		EXPECT_GE(create(&c), 0);
		turn(ALICE, 0);
		EXPECT_GE(create(&c), 0);
		EXPECT_EQ(l.timers + 1, limits().timers);
	}
	AS(ALICE) {
		EXPECT_EQ(0, limits().timers);
	}
}

/* What an armed selector sends, and where it receives, is memory that waits. */
TEST_F(perms, armed_selectors_pay_for_what_waits)
{
	static const unsigned int sizes[] = { 1000, BIG };
	char buf[BIG] = {};
	struct chan_limits l, after;
	struct chan_case k[2];
	unsigned int i;
	int fd, sel;

	AS(0) {
		turn(ALICE, ALICE);
		sel = make_selector(O_NONBLOCK);
		for (i = 0; i < 2; i++) {
			fd = make_chan(sizes[i], 0, 0);
			EXPECT_GE(fd, 0);
			k[0] = recv_case(fd, buf);
			k[1] = send_case(fd, buf);
			l = limits();
			EXPECT_EQ(-EINPROGRESS, arm_n(sel, k, 2, 0));
			EXPECT_GE(limits().parked, l.parked + 2 * sizes[i]);
			EXPECT_EQ(0, disarm(sel));
			after = limits();
			EXPECT_TRUE(same_use(&l, &after));

			turn(ALICE, 0);
			set_param("user_parked", l.parked + sizes[i]);
			turn(ALICE, ALICE);
			EXPECT_EQ(-EDQUOT, arm_n(sel, k, 2, 0));
			EXPECT_EQ(-EINVAL, disarm(sel));
			EXPECT_EQ(0, info(fd).parked_senders);
			EXPECT_EQ(0, info(fd).parked_receivers);
			after = limits();
			EXPECT_EQ(l.parked, after.parked);
			turn(ALICE, 0);
			set_param("user_parked", l.user_parked);
			turn(ALICE, ALICE);
			EXPECT_EQ(-EINPROGRESS, arm_n(sel, k, 2, 0));
			EXPECT_EQ(0, disarm(sel));
		}
		close(sel);
	}
	AS(ALICE) {
		EXPECT_EQ(0, limits().parked);
	}
}

/*
 * The module
 */

/*
 * Run where nothing is open, not even chanctl. If nothing held the module, this must
 * not be how to find out: it would be gone.
 */
TEST_F(perms, a_named_channel_holds_the_module)
{
	long before = module_refs();
	int r = 0;

	if (before < 0)
		SKIP(return, "the module is built in");
	AS(ALICE) {
		EXPECT_GE(make_named("holds", 0600), 0);
	}
	EXPECT_EQ(before + 1, module_refs());
	if (module_refs() > 0) {
		r = syscall(SYS_delete_module, "chan", O_NONBLOCK);
		EXPECT_EQ(-1, r);
		EXPECT_EQ(EWOULDBLOCK, errno);
	}
	AS(ALICE) {
		EXPECT_EQ(0, remove_named("holds", ALICE));
	}
	EXPECT_EQ(before, module_refs());
}

/* A handle of a destroyed channel does too. */
TEST_F(perms, an_open_handle_holds_the_module)
{
	long before = module_refs(), with_ctl;
	int fd, r;

	if (before < 0)
		SKIP(return, "the module is built in");
	AS(0) {
		fd = make_named("holds", 0600);
		with_ctl = module_refs();
		EXPECT_EQ(0, destroy(fd, 0));
		EXPECT_EQ(with_ctl - 1, module_refs());
		close(ctl_open());
		EXPECT_EQ(before + 1, module_refs());
		if (module_refs() > 0) {
			r = syscall(SYS_delete_module, "chan", O_NONBLOCK);
			EXPECT_EQ(-1, r);
			EXPECT_EQ(EWOULDBLOCK, errno);
		}
		EXPECT_TRUE(info(fd).flags & CHAN_DESTROYED);
	}
	EXPECT_EQ(before, module_refs());
}

/*
 * Narrowed handles
 */

/* Widening is refused in every way there is. */
static void expect_narrow(struct __test_metadata *_metadata, int fd, int mode)
{
	bool sends = mode == O_WRONLY || mode == O_RDWR, recvs = mode == O_RDONLY || mode == O_RDWR;
	unsigned long long sent = info(fd).sent;
	char path[40];
	uint64_t v = 0;
	int again;

	EXPECT_EQ(mode, fcntl(fd, F_GETFL) & O_ACCMODE);
	if (!sends) {
		EXPECT_EQ(-EBADF, chan_close(fd));
		EXPECT_EQ(-EBADF, send_n(fd, &v, 1, CHAN_NONBLOCK, 0));
		EXPECT_EQ(-EBADF, send_n(fd, &v, 2, CHAN_TIMEOUT, 0));
		EXPECT_EQ(-EBADF, wr(fd, &v, 8));
		EXPECT_EQ(-EBADF, narrow(fd, O_WRONLY));
		EXPECT_FALSE(poll_now(fd) & POLLOUT);
	}
	if (!recvs) {
		EXPECT_EQ(-EBADF, recv_n(fd, &v, 1, CHAN_NONBLOCK, 0));
		EXPECT_EQ(-EBADF, recv_n(fd, &v, 2, CHAN_TIMEOUT, 0));
		EXPECT_EQ(-EBADF, rd(fd, &v, 8));
		EXPECT_EQ(-EBADF, narrow(fd, O_RDONLY));
		EXPECT_FALSE(poll_now(fd) & POLLIN);
	}
	if (mode != O_RDWR) {
		EXPECT_EQ(-EBADF, narrow(fd, O_RDWR));
		fcntl(fd, F_SETFL, O_RDWR);
		EXPECT_EQ(mode, fcntl(fd, F_GETFL) & O_ACCMODE);
		EXPECT_EQ(-EBADF, narrow(fd, O_RDWR));
	}
	EXPECT_EQ(sent, info(fd).sent);
	EXPECT_FALSE(info(fd).flags & CHAN_CLOSED);
	/* As wide again, and less. */
	again = narrow(fd, mode);
	EXPECT_GE(again, 0);
	close(again);
	again = narrow(fd, LOOK);
	EXPECT_GE(again, 0);
	close(again);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	EXPECT_EQ(-1, open(path, O_RDWR));
}

TEST_F(perms, a_narrow_handle_cannot_be_widened)
{
	static const int modes[] = { O_RDONLY, O_WRONLY, LOOK };
	int fd = make_chan(8, 4, 0), h, i;
	struct chan_info before = info(fd);
	struct chan_create c;

	ASSERT_GE(fd, 0);
	for (i = 0; i < 3; i++) {
		h = narrow(fd, modes[i]);
		ASSERT_GE(h, 0);
		expect_narrow(_metadata, h, modes[i]);
		EXPECT_EQ(before.senders + (modes[i] == O_WRONLY), info(fd).senders);
		EXPECT_EQ(before.receivers + (modes[i] == O_RDONLY), info(fd).receivers);
		close(h);
		/* Made narrow from the start. */
		c = (struct chan_create){ .elem_size = 8, .capacity = 4, .fd_flags = modes[i] };
		h = create(&c);
		ASSERT_GE(h, 0);
		expect_narrow(_metadata, h, modes[i]);
		close(h);
	}
	EXPECT_EQ(before.senders, info(fd).senders);
	EXPECT_EQ(before.receivers, info(fd).receivers);
	expect_narrow(_metadata, fd, O_RDWR);
	h = narrow(fd, O_RDWR);
	EXPECT_EQ(0, chan_close(h));
}

TEST_F(perms, a_node_opened_narrow_cannot_be_widened)
{
	int fd;

	AS(ALICE) {
		EXPECT_GE(make_named("ro", 0644), 0);
		EXPECT_GE(make_named("wo", 0622), 0);
	}
	AS(BOB) {
		fd = open_named("ro", ALICE, O_RDONLY);
		EXPECT_GE(fd, 0);
		expect_narrow(_metadata, fd, O_RDONLY);
		fd = open_named("wo", ALICE, O_WRONLY);
		EXPECT_GE(fd, 0);
		expect_narrow(_metadata, fd, O_WRONLY);
	}
	AS(ALICE) {
		fd = open_named("ro", ALICE, LOOK);
		EXPECT_GE(fd, 0);
		EXPECT_EQ(-EBADF, narrow(fd, O_RDONLY));
		EXPECT_EQ(-EBADF, chan_close(fd));
		EXPECT_EQ(0, remove_named("ro", ALICE));
		EXPECT_EQ(0, remove_named("wo", ALICE));
	}
}

TEST_HARNESS_MAIN
