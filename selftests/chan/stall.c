// SPDX-License-Identifier: GPL-2.0
/*
 * No caller waits for another's copy.
 *
 * Each pointer that the module is given stands in turn on a page that holds up whoever
 * touches it, as userfaultfd(2) and FUSE let anybody do: for the rest of a test if it
 * likes. The call that is held up is made by a process of its own. All others go on, and
 * nothing is lost or doubled when the page comes, when it turns out to be bad, or when
 * the process is killed as it waits.
 *
 * That a call is held up is told by the page: its fault, or its read, has arrived. Who
 * would wait for that call would wait for ever, and the harness would end the test.
 */
#include <linux/fuse.h>
#include <linux/userfaultfd.h>
#include <sys/mount.h>

#include "users.h"

#define PAGE	4096UL
#define KILLED	-1000		/* how a call ends that has none */

/*
 * Pages that hold up
 */

enum kind {
	MISSING,	/* userfaultfd: not there yet */
	FUSE,		/* of a file that its server hasn't read yet */
	READ_ONLY,	/* userfaultfd: there, but not to be written yet */
};

static const char * const kinds[] = { "missing", "FUSE", "read-only" };

/* Three pages in a row, of which the middle one holds up. */
struct trap {
	enum kind kind;
	unsigned char *mem;
	unsigned char image[PAGE];	/* what is in it when it comes */
	uint64_t request;		/* FUSE: what to answer */
};

/* Who holds up. */
struct keeper {
	int uffd;
	int fuse;			/* -1: the kernel has none */
	int asked[2];			/* a pipe: which reads the server was asked for */
	unsigned int files;
	_Atomic uint64_t bad;		/* the file whose reads fail */
	pthread_t server;
	char dir[32];
};

/*
 * A FUSE server: of files of one page, whose name is their number; each is read once, and
 * not answered here.
 */

static void fuse_reply(int fuse, uint64_t unique, int error, const void *body, size_t len)
{
	struct fuse_out_header h = {
		.len = sizeof(h) + len, .error = error, .unique = unique,
	};
	struct iovec v[2] = { { &h, sizeof(h) }, { (void *)body, len } };

	/* ENOENT: who asked is gone. */
	if (writev(fuse, v, len ? 2 : 1) < 0 && errno != ENOENT && errno != ENODEV) {
		perror("fuse");
		abort();
	}
}

static struct fuse_attr fuse_attr(uint64_t node)
{
	struct fuse_attr a = { .ino = node, .nlink = 1, .blksize = PAGE };

	a.mode = node == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0600;
	a.size = node == FUSE_ROOT_ID ? 0 : PAGE;
	return a;
}

static void fuse_serve(struct keeper *k, const struct fuse_in_header *in, const void *arg)
{
	const struct fuse_init_in *init = arg;
	struct fuse_init_out ready = {
		.major = FUSE_KERNEL_VERSION, .minor = 31, .flags = FUSE_ASYNC_READ,
		.max_background = 16, .congestion_threshold = 12, .max_write = PAGE,
		.time_gran = 1,
	};
	struct fuse_attr_out attr = { .attr_valid = 1000, .attr = fuse_attr(in->nodeid) };
	struct fuse_entry_out entry = { .entry_valid = 1000, .attr_valid = 1000 };
	struct fuse_open_out opened = {};

	switch (in->opcode) {
	case FUSE_INIT:
		ready.max_readahead = init->max_readahead;
		fuse_reply(k->fuse, in->unique, 0, &ready, sizeof(ready));
		break;
	case FUSE_LOOKUP:
		entry.nodeid = atoi(arg);
		entry.attr = fuse_attr(entry.nodeid);
		fuse_reply(k->fuse, in->unique, 0, &entry, sizeof(entry));
		break;
	case FUSE_GETATTR:
		fuse_reply(k->fuse, in->unique, 0, &attr, sizeof(attr));
		break;
	case FUSE_OPEN:
		fuse_reply(k->fuse, in->unique, 0, &opened, sizeof(opened));
		break;
	case FUSE_READ:
		/* The kernel asks twice: a read ahead, and then the page itself. */
		if (in->nodeid == k->bad)
			fuse_reply(k->fuse, in->unique, -EIO, NULL, 0);
		else if (write(k->asked[1], &in->unique, 8) != 8)
			abort();
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;
	case FUSE_RELEASE:
	case FUSE_DESTROY:
		fuse_reply(k->fuse, in->unique, 0, NULL, 0);
		break;
	default:
		fuse_reply(k->fuse, in->unique, -ENOSYS, NULL, 0);
	}
}

static void *fuse_run(void *arg)
{
	static char buf[FUSE_MIN_READ_BUFFER + PAGE];
	struct keeper *k = arg;
	ssize_t n;

	for (;;) {
		n = read(k->fuse, buf, sizeof(buf));
		if (n >= (ssize_t)sizeof(struct fuse_in_header))
			fuse_serve(k, (void *)buf, buf + sizeof(struct fuse_in_header));
		else if (n >= 0 || (errno != EINTR && errno != ENOENT))
			return NULL;	/* unmounted */
	}
}

static void fuse_start(struct keeper *k)
{
	char options[80];

	k->fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (k->fuse < 0)
		return;
	strcpy(k->dir, "/tmp/chan-stall-XXXXXX");
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", k->fuse);
	if (!mkdtemp(k->dir) || mount("fuse", k->dir, "fuse", 0, options) || pipe(k->asked) ||
	    pthread_create(&k->server, NULL, fuse_run, k)) {
		perror("fuse");
		abort();
	}
}

static void keeper_start(struct keeper *k)
{
	struct uffdio_api api = {
		.api = UFFD_API, .features = UFFD_FEATURE_PAGEFAULT_FLAG_WP,
	};

	k->uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (k->uffd < 0 || ioctl(k->uffd, UFFDIO_API, &api)) {
		perror("userfaultfd");
		abort();
	}
	k->files = FUSE_ROOT_ID;
	fuse_start(k);
}

static void keeper_stop(struct keeper *k)
{
	close(k->uffd);
	if (k->fuse < 0)
		return;
	umount2(k->dir, MNT_DETACH);
	close(k->fuse);
	pthread_join(k->server, NULL);
	rmdir(k->dir);
	close(k->asked[0]);
	close(k->asked[1]);
}

static struct uffdio_range middle(const struct trap *t)
{
	return (struct uffdio_range){ .start = (uintptr_t)t->mem + PAGE, .len = PAGE };
}

static void trap_map_file(struct keeper *k, struct trap *t)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/%u", k->dir, ++k->files);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || mmap(t->mem + PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED,
			   fd, 0) == MAP_FAILED) {
		perror(path);
		abort();
	}
	close(fd);
}

static void trap_set(struct keeper *k, struct trap *t, enum kind kind)
{
	struct uffdio_register reg = {
		.mode = kind == READ_ONLY ? UFFDIO_REGISTER_MODE_WP : UFFDIO_REGISTER_MODE_MISSING,
	};

	t->kind = kind;
	memset(t->image, 0, sizeof(t->image));
	t->mem = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	t->mem[0] = t->mem[2 * PAGE] = 0;
	if (kind == FUSE) {
		trap_map_file(k, t);
		return;
	}
	if (kind == READ_ONLY)
		t->mem[PAGE] = 0;
	reg.range = middle(t);
	if (ioctl(k->uffd, UFFDIO_REGISTER, &reg)) {
		perror("UFFDIO_REGISTER");
		abort();
	}
}

/* Bytes for the call to find, though it will wait for some. */
static void trap_put(struct trap *t, unsigned char *at, const void *from, size_t n)
{
	const unsigned char *b = from;

	for (; n--; at++, b++) {
		if (t->kind != READ_ONLY && at >= t->mem + PAGE && at < t->mem + 2 * PAGE)
			t->image[at - t->mem - PAGE] = *b;
		else
			*at = *b;
	}
}

/* After that: it can't be written any more. */
static void trap_protect(struct keeper *k, struct trap *t, bool on)
{
	struct uffdio_writeprotect wp = {
		.range = middle(t), .mode = on ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};

	if (ioctl(k->uffd, UFFDIO_WRITEPROTECT, &wp)) {
		perror("UFFDIO_WRITEPROTECT");
		abort();
	}
}

static bool trap_caught(struct keeper *k, struct trap *t)
{
	struct uffd_msg m;

	if (t->kind == FUSE)
		return read(k->asked[0], &t->request, 8) == 8;
	return read(k->uffd, &m, sizeof(m)) == sizeof(m) && m.event == UFFD_EVENT_PAGEFAULT &&
	       (m.arg.pagefault.address & -PAGE) == (uintptr_t)t->mem + PAGE &&
	       !!(m.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP) == (t->kind == READ_ONLY);
}

/* Wait for the process of @pidfd to be held up. Returns false if it has ended instead. */
static bool trap_wait(struct keeper *k, struct trap *t, int pidfd)
{
	struct pollfd p[2] = {
		{ .fd = t->kind == FUSE ? k->asked[0] : k->uffd, .events = POLLIN },
		{ .fd = pidfd, .events = POLLIN },
	};

	while (poll(p, 2, -1) < 0)
		;
	return p[0].revents & POLLIN && trap_caught(k, t);
}

/* The page comes. */
static void trap_open(struct keeper *k, struct trap *t)
{
	struct uffdio_copy copy = {
		.dst = (uintptr_t)t->mem + PAGE, .src = (uintptr_t)t->image, .len = PAGE,
	};

	if (t->kind == FUSE) {
		fuse_reply(k->fuse, t->request, 0, t->image, PAGE);
	} else if (t->kind == READ_ONLY) {
		trap_protect(k, t, false);
	} else if (ioctl(k->uffd, UFFDIO_COPY, &copy)) {
		perror("UFFDIO_COPY");
		abort();
	}
}

/* It doesn't: the address is bad. */
static void trap_break(struct keeper *k, struct trap *t)
{
	struct uffdio_range range = middle(t);

	if (t->kind == FUSE) {
		k->bad = k->files;
		fuse_reply(k->fuse, t->request, -EIO, NULL, 0);
		return;
	}
	munmap(t->mem + PAGE, PAGE);
	if (ioctl(k->uffd, UFFDIO_WAKE, &range)) {
		perror("UFFDIO_WAKE");
		abort();
	}
}

static void trap_remove(struct trap *t)
{
	munmap(t->mem, 3 * PAGE);
}

/*
 * A call in a process of its own, which shares the memory and can be killed
 */

enum how { CALL, VECTOR, IOCTL, SELECT, SELECTOR, STANDBY, RAW };

static const char * const hows[] = {
	"read or write", "readv or writev", "RECV or SEND", "SELECT", "a selector",
	"a handle that stands by", "ioctl",
};

struct held {
	enum how how;
	bool sending, message;
	int fd, never;			/* the channel, and one that is never ready */
	unsigned char *at, *elem;	/* the memory, and where the element is in the end */
	size_t n;
	unsigned int cmd;		/* RAW */
	long result;
	pid_t pid;
	int pidfd;
	struct chan_xfer x;
	struct chan_case cases[2];
	struct chan_select select;
	struct chan_selected head;
	struct chan_selector selector;
	struct chan_narrow handle;
	unsigned char spare[PAGE];
	unsigned char stack[64 << 10] __attribute__((aligned(64)));
};

/* Thread-local memory is another's: errno is looked at while that one does nothing. */
static long raw(long number, long a, long b, long c)
{
	long r = syscall(number, a, b, c);

	return r < 0 ? -errno : r;
}

static long held_vector(struct held *h)
{
	struct iovec v[2] = { { h->at, h->n / 2 }, { h->at + h->n / 2, h->n - h->n / 2 } };

	return raw(h->sending ? SYS_writev : SYS_readv, h->fd, (long)v, 2);
}

static long held_ioctl(struct held *h)
{
	long r;

	h->x = (struct chan_xfer){
		.size = sizeof(h->x), .buf = (uintptr_t)h->at, .count = 1,
		.len = h->message ? h->n : 0,
	};
	r = raw(SYS_ioctl, h->fd, h->sending ? CHAN_IOC_SEND : CHAN_IOC_RECV, (long)&h->x);
	return r == 1 ? (long)h->n : r;
}

/* The index of the case, which is 1, and its CHAN_OK, as of a plain call. */
static long held_chosen(struct held *h, long r)
{
	if (r < 0)
		return r;
	if ((r & CHAN_INDEX_MASK) != 1)
		return -EPROTO;
	return r & CHAN_OK ? (long)h->n : h->sending ? -EPIPE : 0;
}

static void held_cases(struct held *h)
{
	h->cases[0] = recv_case(h->never, h->spare);
	h->cases[1] = h->sending ? send_case(h->fd, h->at) : recv_case(h->fd, h->at);
	h->cases[1].len = h->message ? h->n : 0;
	h->select = (struct chan_select){
		.size = sizeof(h->select), .cases = (uintptr_t)h->cases, .count = 2,
		.case_size = sizeof(h->cases[0]),
	};
}

static long held_select(struct held *h)
{
	held_cases(h);
	return held_chosen(h, raw(SYS_ioctl, h->fd, CHAN_IOC_SELECT, (long)&h->select));
}

/* A result to be read is behind its head. */
static long held_selector(struct held *h)
{
	void *to = h->sending ? (void *)&h->head : h->at;
	long r;

	held_cases(h);
	h->selector = (struct chan_selector){ .size = sizeof(h->selector) };
	r = raw(SYS_ioctl, h->fd, CHAN_IOC_SELECTOR, (long)&h->selector);
	if (r < 0)
		return r;
	r = raw(SYS_ioctl, h->selector.fd, CHAN_IOC_ARM, (long)&h->select);
	if (r != -EINPROGRESS)
		return held_chosen(h, r);
	r = raw(SYS_read, h->selector.fd, (long)to, sizeof(h->head) + h->n);
	if (r < 0)
		return r;
	if (!h->sending) {
		memcpy(&h->head, h->at, sizeof(h->head));
		h->elem = h->at + sizeof(h->head);
	}
	return held_chosen(h, h->head.index | h->head.flags);
}

static long held_standby(struct held *h)
{
	struct pollfd p = { .events = POLLIN };
	long r;

	h->handle = (struct chan_narrow){
		.size = sizeof(h->handle), .fd_flags = O_RDONLY | O_NONBLOCK,
	};
	r = raw(SYS_ioctl, h->fd, CHAN_IOC_NARROW, (long)&h->handle);
	if (r < 0)
		return r;
	p.fd = h->handle.fd;
	r = raw(SYS_ioctl, p.fd, CHAN_IOC_STANDBY, 1);
	if (r < 0)
		return r;
	do {
		r = raw(SYS_read, p.fd, (long)h->at, h->n);
	} while (r == -EAGAIN && raw(SYS_poll, (long)&p, 1, -1) == 1);
	return r;
}

static int held_run(void *arg)
{
	struct held *h = arg;

	raw(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0);
	switch (h->how) {
	case CALL:
		h->result = raw(h->sending ? SYS_write : SYS_read, h->fd, (long)h->at, h->n);
		break;
	case VECTOR:
		h->result = held_vector(h);
		break;
	case IOCTL:
		h->result = held_ioctl(h);
		break;
	case SELECT:
		h->result = held_select(h);
		break;
	case SELECTOR:
		h->result = held_selector(h);
		break;
	case STANDBY:
		h->result = held_standby(h);
		break;
	case RAW:
		h->result = raw(SYS_ioctl, h->fd, h->cmd, (long)h->at);
		break;
	}
	return 0;
}

static void held_start(struct held *h)
{
	h->elem = h->at;
	h->result = KILLED;
	h->pid = clone(held_run, h->stack + sizeof(h->stack), CLONE_VM | SIGCHLD, h);
	h->pidfd = syscall(SYS_pidfd_open, h->pid, 0);
	if (h->pid < 0 || h->pidfd < 0) {
		perror("clone");
		abort();
	}
}

static long held_end(struct held *h)
{
	if (waitpid(h->pid, NULL, 0) != h->pid)
		abort();
	close(h->pidfd);
	return h->result;
}

/*
 * A channel, what is queued in it, and one call that is held up
 */

enum ending { COMES, IS_BAD, KILL, NR_ENDINGS };

static const char * const endings[] = { "comes", "is bad", "is never seen" };

struct stage {
	struct keeper keeper;
	struct trap trap;
	struct held held;
	int fd, now, never;		/* waits; doesn't; the other one */
	size_t n;
	unsigned int flags;
	uint64_t queue[64], next;	/* what is queued, oldest first */
	unsigned int len;
	unsigned char a[BY_REF], b[BY_REF];
};

#define ARGS	struct __test_metadata *_metadata, struct stage *s
#define PASS	_metadata, s

static void stage_begin(struct stage *s, unsigned int capacity)
{
	s->fd = make_chan(s->n, capacity, s->flags);
	s->now = narrow(s->fd, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	s->len = 0;
	s->next = 1;
	if (s->fd < 0 || s->now < 0) {
		perror("channel");
		abort();
	}
}

/* An element that isn't in the model, without waiting. */
static uint64_t push(ARGS)
{
	fill_elem(s->a, s->n, s->next);
	EXPECT_EQ(s->n, wr(s->now, s->a, s->n));
	return s->next++;
}

static void pull(ARGS, uint64_t v)
{
	memset(s->a, 0, s->n);
	EXPECT_EQ(s->n, rd(s->now, s->a, s->n));
	EXPECT_TRUE(elem_is(s->a, s->n, v));
}

static void queued(struct stage *s, uint64_t v)
{
	s->queue[s->len++] = v;
}

static uint64_t unqueued(struct stage *s)
{
	uint64_t v = s->queue[0];

	memmove(s->queue, s->queue + 1, --s->len * sizeof(v));
	return v;
}

static void put(ARGS)
{
	queued(s, push(PASS));
}

static void get(ARGS)
{
	pull(PASS, unqueued(s));
}

/* The same by a select. */
static void put_by_select(ARGS)
{
	struct chan_case k[2] = { recv_case(s->never, s->b), send_case(s->fd, s->a) };

	k[1].len = s->flags & CHAN_MESSAGE ? s->n : 0;
	fill_elem(s->a, s->n, s->next);
	EXPECT_EQ(1 | CHAN_OK, select_n(k, 2, CHAN_NONBLOCK, 0));
	queued(s, s->next++);
}

static void get_by_select(ARGS)
{
	struct chan_case k[2] = { recv_case(s->never, s->b), recv_case(s->fd, s->a) };

	k[1].len = s->flags & CHAN_MESSAGE ? s->n : 0;
	EXPECT_EQ(1 | CHAN_OK, select_n(k, 2, CHAN_NONBLOCK, 0));
	EXPECT_TRUE(elem_is(s->a, s->n, unqueued(s)));
}

/* On a channel of capacity 4, everything there is to do; two are left. */
static void others_go_on(ARGS)
{
	int fd;

	EXPECT_EQ(s->len, info(s->fd).len);
	while (s->len > 1)
		get(PASS);
	while (s->len < 3)
		put(PASS);
	put_by_select(PASS);
	EXPECT_EQ(-EAGAIN, wr(s->now, s->a, s->n));
	EXPECT_EQ(IN, poll_now(s->now));
	get_by_select(PASS);
	get(PASS);
	EXPECT_EQ(IN | OUT, poll_now(s->now));
	EXPECT_EQ(2, info(s->fd).len);
	fd = narrow(s->fd, O_RDONLY);
	EXPECT_GE(fd, 0);
	close(fd);
}

static void drain(ARGS)
{
	struct chan_info i = info(s->fd);

	EXPECT_EQ(s->len, i.len);
	EXPECT_EQ(s->len, i.sent - i.received);
	EXPECT_EQ(0, i.parked_senders);
	EXPECT_EQ(0, i.parked_receivers);
	while (s->len && __test_passed(_metadata))
		get(PASS);
	EXPECT_EQ(-EAGAIN, rd(s->now, s->a, s->n));
}

static void stage_end(ARGS)
{
	drain(PASS);
	close(s->fd);
	close(s->now);
	trap_remove(&s->trap);
	EXPECT_EQ(0, limits().total_parties);
}

/* Start the call; @v is what it sends. Its element lies at @at, from the middle page's start. */
static void hold(ARGS, long at, uint64_t v)
{
	struct held *h = &s->held;

	h->at = s->trap.mem + PAGE + at;
	if (h->sending) {
		fill_elem(s->a, s->n, v);
		trap_put(&s->trap, h->at, s->a, s->n);
	}
	held_start(h);
}

static bool is_held(ARGS)
{
	bool held = trap_wait(&s->keeper, &s->trap, s->held.pidfd);

	EXPECT_TRUE(held)
		TH_LOG("the call has ended: %ld", s->held.result);
	return held;
}

/* How it goes on. A killed one dies though the page never comes. */
static void release(struct stage *s, enum ending e)
{
	if (e == COMES)
		trap_open(&s->keeper, &s->trap);
	else if (e == IS_BAD)
		trap_break(&s->keeper, &s->trap);
	else
		kill(s->held.pid, SIGKILL);
}

/* What the call returns, or how it ends. */
static long outcome(struct stage *s, enum ending e)
{
	long r = held_end(&s->held);

	if (e == KILL && s->trap.kind == FUSE)
		trap_open(&s->keeper, &s->trap);
	return r;
}

static long expected(struct stage *s, enum ending e, long r)
{
	return e == COMES ? r : e == IS_BAD ? -EFAULT : KILLED;
}

/*
 * Scenes: @at as of hold()
 */

typedef void scene(ARGS, long at, enum ending e);

static void send_to_ring(ARGS, long at, enum ending e)
{
	uint64_t v = 1000;

	stage_begin(s, 4);
	s->held.fd = s->fd;
	put(PASS);
	put(PASS);
	hold(PASS, at, v);
	if (!is_held(PASS))
		return;
	others_go_on(PASS);
	EXPECT_EQ(0, info(s->fd).parked_senders);
	release(s, e);
	EXPECT_EQ(expected(s, e, s->n), outcome(s, e));
	if (e == COMES)
		queued(s, v);
	stage_end(PASS);
}

/* Another sender serves the receiver, and then two others meet. */
static void send_to_receiver(ARGS, long at, enum ending e)
{
	uint64_t v = 1000;
	struct call c;

	stage_begin(s, 0);
	s->held.fd = s->fd;
	call_start(&c, s->fd, false, s->b, s->n);
	wait_parked(s->fd, 0, 1);
	hold(PASS, at, v);
	if (!is_held(PASS))
		return;
	EXPECT_EQ(1, info(s->fd).parked_receivers);
	push(PASS);
	EXPECT_EQ(s->n, call_end(&c));
	EXPECT_TRUE(elem_is(s->b, s->n, 1));
	fill_elem(s->b, s->n, 7);
	call_start(&c, s->fd, true, s->b, s->n);
	wait_parked(s->fd, 1, 0);
	pull(PASS, 7);
	EXPECT_EQ(s->n, call_end(&c));
	release(s, e);
	if (e == COMES) {
		wait_parked(s->fd, 1, 0);
		pull(PASS, v);
	}
	EXPECT_EQ(expected(s, e, s->n), outcome(s, e));
	stage_end(PASS);
}

/* It copies before it takes its place: who comes meanwhile is before it. */
static void send_that_waits(ARGS, long at, enum ending e)
{
	uint64_t v = 1000;
	struct call c;

	stage_begin(s, 1);
	s->held.fd = s->fd;
	put(PASS);
	hold(PASS, at, v);
	if (!is_held(PASS))
		return;
	EXPECT_EQ(0, info(s->fd).parked_senders);
	fill_elem(s->b, s->n, 7);
	call_start(&c, s->fd, true, s->b, s->n);
	wait_parked(s->fd, 1, 0);
	get(PASS);
	EXPECT_EQ(s->n, call_end(&c));
	pull(PASS, 7);
	put(PASS);
	EXPECT_EQ(-EAGAIN, wr(s->now, s->a, s->n));
	release(s, e);
	if (e == COMES) {
		wait_parked(s->fd, 1, 0);
		get(PASS);
		queued(s, v);
	}
	EXPECT_EQ(expected(s, e, s->n), outcome(s, e));
	stage_end(PASS);
}

/* What it comes for is everybody's, until it can take it. */
static void recv_from_ring(ARGS, long at, enum ending e)
{
	stage_begin(s, 4);
	s->held.fd = s->fd;
	put(PASS);
	put(PASS);
	hold(PASS, at, 0);
	if (!is_held(PASS))
		return;
	EXPECT_EQ(0, info(s->fd).received);
	others_go_on(PASS);
	release(s, e);
	EXPECT_EQ(expected(s, e, s->n), outcome(s, e));
	if (e == COMES)
		EXPECT_TRUE(elem_is(s->held.elem, s->n, unqueued(s)));
	stage_end(PASS);
}

/* Another receiver serves the sender, and what another one brings is for the first. */
static void recv_from_sender(ARGS, long at, enum ending e)
{
	struct call c;

	stage_begin(s, 0);
	s->held.fd = s->fd;
	fill_elem(s->b, s->n, 7);
	call_start(&c, s->fd, true, s->b, s->n);
	wait_parked(s->fd, 1, 0);
	hold(PASS, at, 0);
	if (!is_held(PASS))
		return;
	EXPECT_EQ(1, info(s->fd).parked_senders);
	pull(PASS, 7);
	EXPECT_EQ(s->n, call_end(&c));
	fill_elem(s->b, s->n, 8);
	call_start(&c, s->fd, true, s->b, s->n);
	wait_parked(s->fd, 1, 0);
	release(s, e);
	EXPECT_EQ(expected(s, e, s->n), outcome(s, e));
	if (e == COMES) {
		EXPECT_TRUE(elem_is(s->held.elem, s->n, 8));
	} else {
		pull(PASS, 8);
	}
	EXPECT_EQ(s->n, call_end(&c));
	stage_end(PASS);
}

/* The pages of an iovec are asked for before it waits, so it has nothing in hand yet. */
static void recv_vector_that_waits(ARGS, enum ending e)
{
	if (!is_held(PASS))
		return;
	EXPECT_EQ(0, info(s->fd).parked_receivers);
	put(PASS);
	put(PASS);
	others_go_on(PASS);
	while (s->len)
		get(PASS);
	release(s, e);
	if (e != KILL) {
		/* A bad address doesn't matter before there is something to put there. */
		wait_parked(s->fd, 0, 1);
		put(PASS);
	}
	EXPECT_EQ(expected(s, e, s->n), outcome(s, e));
	if (e == COMES)
		EXPECT_TRUE(elem_is(s->held.elem, s->n, unqueued(s)));
	stage_end(PASS);
}

/* It was given its element, which comes back in its place if it can't have it. */
static void recv_that_waited(ARGS, long at, enum ending e)
{
	uint64_t v;

	stage_begin(s, 4);
	s->held.fd = s->fd;
	hold(PASS, at, 0);
	if (s->held.how == VECTOR) {
		recv_vector_that_waits(PASS, e);
		return;
	}
	wait_parked(s->fd, 0, 1);
	v = push(PASS);
	if (!is_held(PASS))
		return;
	EXPECT_EQ(1, info(s->fd).received);
	put(PASS);
	put(PASS);
	others_go_on(PASS);
	release(s, e);
	EXPECT_EQ(expected(s, e, s->n), outcome(s, e));
	if (e == COMES) {
		EXPECT_TRUE(elem_is(s->held.elem, s->n, v));
	} else {
		memmove(s->queue + 1, s->queue, s->len++ * sizeof(v));
		s->queue[0] = v;
	}
	stage_end(PASS);
}

/* Close ends it for all but who has its element in hand. */
static void close_before_send(ARGS, long at, enum ending e)
{
	stage_begin(s, 4);
	s->held.fd = s->fd;
	put(PASS);
	hold(PASS, at, 1000);
	if (!is_held(PASS))
		return;
	EXPECT_EQ(0, chan_close(s->fd));
	get(PASS);
	EXPECT_EQ(0, rd(s->fd, s->a, s->n));
	release(s, e);
	/* A select looks at its buffer once more, since a closed channel is ready. */
	EXPECT_EQ(expected(s, e, -EPIPE), outcome(s, e));
	EXPECT_EQ(1, info(s->fd).sent);
	EXPECT_EQ(0, rd(s->fd, s->a, s->n));
	close(s->fd);
	close(s->now);
	trap_remove(&s->trap);
}

static void close_before_recv(ARGS, long at, enum ending e)
{
	stage_begin(s, 4);
	s->held.fd = s->fd;
	put(PASS);
	put(PASS);
	hold(PASS, at, 0);
	if (!is_held(PASS))
		return;
	EXPECT_EQ(0, chan_close(s->fd));
	get(PASS);
	release(s, e);
	EXPECT_EQ(expected(s, e, s->n), outcome(s, e));
	if (e == COMES)
		EXPECT_TRUE(elem_is(s->held.elem, s->n, unqueued(s)));
	while (s->len)
		get(PASS);
	EXPECT_EQ(0, rd(s->fd, s->a, s->n));
	close(s->fd);
	close(s->now);
	trap_remove(&s->trap);
}

static void close_after_recv(ARGS, long at, enum ending e)
{
	uint64_t v;

	stage_begin(s, 0);
	s->held.fd = s->fd;
	hold(PASS, at, 0);
	if (s->held.how == VECTOR) {
		/* It has nothing in hand. */
		if (is_held(PASS))
			release(s, KILL);
		outcome(s, KILL);
	} else {
		wait_parked(s->fd, 0, 1);
		v = push(PASS);
		if (!is_held(PASS))
			return;
		EXPECT_EQ(0, chan_close(s->fd));
		EXPECT_EQ(0, rd(s->fd, s->a, s->n));
		release(s, e);
		EXPECT_EQ(expected(s, e, s->n), outcome(s, e));
		if (e == COMES) {
			EXPECT_TRUE(elem_is(s->held.elem, s->n, v));
		} else {
			pull(PASS, v);
		}
		EXPECT_EQ(0, rd(s->fd, s->a, s->n));
	}
	close(s->fd);
	close(s->now);
	trap_remove(&s->trap);
}

/* With each kind of page, place on it, and ending. */
static void play_how(ARGS, scene *scene, enum how how)
{
	static const struct {
		enum kind kind;
		bool second;		/* of two pages of a buffer only the second */
	} where[] = { { MISSING }, { MISSING, true }, { FUSE } };
	enum ending e;
	unsigned int i;

	s->held.how = how;
	for (i = 0; i < 3; i++) {
		if (where[i].kind == FUSE && s->keeper.fuse < 0)
			continue;
		for (e = 0; e < NR_ENDINGS; e++) {
			trap_set(&s->keeper, &s->trap, where[i].kind);
			scene(PASS, where[i].second ? -(long)(s->n / 2) : 0, e);
			if (__test_passed(_metadata))
				continue;
			TH_LOG("%s; the %spage is %s, and %s", hows[how],
			       where[i].second ? "second " : "", kinds[where[i].kind],
			       endings[e]);
			return;
		}
	}
}

static void play(ARGS, scene *scene, bool sending)
{
	enum how how;

	s->held.sending = sending;
	for (how = CALL; how <= SELECTOR && __test_passed(_metadata); how++)
		play_how(PASS, scene, how);
}

FIXTURE(stall) { struct stage s; };

FIXTURE_VARIANT(stall)
{
	unsigned int elem_size, flags;
};

FIXTURE_VARIANT_ADD(stall, elem_8) { .elem_size = 8, };
FIXTURE_VARIANT_ADD(stall, elem_1024) { .elem_size = 1024, };
FIXTURE_VARIANT_ADD(stall, elem_4096) { .elem_size = IN_PLACE, };
FIXTURE_VARIANT_ADD(stall, by_reference) { .elem_size = BY_REF, };
FIXTURE_VARIANT_ADD(stall, message) { .elem_size = 300, .flags = CHAN_MESSAGE, };

FIXTURE_SETUP(stall)
{
	struct stage *s = &self->s;

	s->n = variant->elem_size;
	s->flags = variant->flags;
	s->held.n = s->n;
	s->held.message = s->flags & CHAN_MESSAGE;
	s->never = make_chan(8, 0, 0);
	s->held.never = s->never;
	ASSERT_GE(s->never, 0);
	keeper_start(&s->keeper);
}

FIXTURE_TEARDOWN(stall)
{
	keeper_stop(&self->s.keeper);
	close(self->s.never);
}

TEST_F_TIMEOUT(stall, a_send_that_is_held_up_holds_up_nobody, 120)
{
	play(_metadata, &self->s, send_to_ring, true);
}

TEST_F_TIMEOUT(stall, a_send_held_up_keeps_no_parked_receiver, 120)
{
	play(_metadata, &self->s, send_to_receiver, true);
}

TEST_F_TIMEOUT(stall, a_send_held_up_before_it_waits_has_no_place_yet, 120)
{
	play(_metadata, &self->s, send_that_waits, true);
}

TEST_F_TIMEOUT(stall, a_receive_that_is_held_up_holds_up_nobody_and_no_element, 120)
{
	play(_metadata, &self->s, recv_from_ring, false);
}

TEST_F_TIMEOUT(stall, a_receive_held_up_keeps_no_parked_sender, 120)
{
	play(_metadata, &self->s, recv_from_sender, false);
}

TEST_F_TIMEOUT(stall, a_receive_that_waited_is_held_up_with_its_own_element_alone, 120)
{
	play(_metadata, &self->s, recv_that_waited, false);
	play_how(_metadata, &self->s, recv_that_waited, STANDBY);
}

TEST_F_TIMEOUT(stall, close_waits_for_nobody_who_is_held_up, 120)
{
	play(_metadata, &self->s, close_before_send, true);
	play(_metadata, &self->s, close_before_recv, false);
	play(_metadata, &self->s, close_after_recv, false);
	play_how(_metadata, &self->s, close_after_recv, STANDBY);
}

/*
 * Pages that come and go
 */

#define ROUNDS	8	/* copies that may fall short before one that waits for its pages */

/*
 * Two pages with an element across: whenever the one comes the other goes, so that they
 * are never there together, and a copy that waits for neither always falls short.
 */
struct seesaw {
	struct trap trap;	/* of which the third page isn't there either */
	unsigned int nr;	/* times it has held up */
};

static unsigned char *seesaw_start(ARGS, struct seesaw *w)
{
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	trap_set(&s->keeper, &w->trap, MISSING);
	w->nr = 0;
	reg.range.start = (uintptr_t)w->trap.mem + 2 * PAGE;
	reg.range.len = PAGE;
	EXPECT_EQ(0, madvise(w->trap.mem + 2 * PAGE, PAGE, MADV_DONTNEED));
	EXPECT_EQ(0, ioctl(s->keeper.uffd, UFFDIO_REGISTER, &reg));
	return w->trap.mem + 2 * PAGE - s->n / 2;
}

/* Wait for it to hold up. Returns the page, or NULL if the call has ended. */
static unsigned char *seesaw_wait(ARGS, struct seesaw *w)
{
	struct pollfd p[2] = {
		{ .fd = s->keeper.uffd, .events = POLLIN },
		{ .fd = s->held.pidfd, .events = POLLIN },
	};
	struct uffd_msg m;

	while (poll(p, 2, -1) < 0)
		;
	if (!(p[0].revents & POLLIN) || read(s->keeper.uffd, &m, sizeof(m)) != sizeof(m))
		return NULL;
	if (w->nr++ == 4 * ROUNDS)
		kill(s->held.pid, SIGKILL);	/* it would for ever */
	return (unsigned char *)(uintptr_t)(m.arg.pagefault.address & -PAGE);
}

/* @page comes with what is to be sent; the other one goes. */
static void seesaw_tip(ARGS, struct seesaw *w, unsigned char *page, bool goes)
{
	static unsigned char image[2 * PAGE];
	unsigned char *first = w->trap.mem + PAGE;
	struct uffdio_copy copy = {
		.dst = (uintptr_t)page, .src = (uintptr_t)image + (page - first), .len = PAGE,
	};

	fill_elem(s->b, s->n, 1000);
	memcpy(image + PAGE - s->n / 2, s->b, s->n);
	if (goes)
		EXPECT_EQ(0, madvise(page == first ? first + PAGE : first, PAGE, MADV_DONTNEED));
	EXPECT_EQ(0, ioctl(s->keeper.uffd, UFFDIO_COPY, &copy));
}

static void seesaw_send(ARGS, enum how how)
{
	struct seesaw w;
	unsigned char *page;

	stage_begin(s, 4);
	s->held.how = how;
	s->held.sending = true;
	s->held.fd = s->fd;
	put(PASS);
	put(PASS);
	s->held.at = seesaw_start(PASS, &w);
	held_start(&s->held);
	while ((page = seesaw_wait(PASS, &w))) {
		others_go_on(PASS);
		/* The last copy may be of one instruction, which needs both pages. */
		seesaw_tip(PASS, &w, page, w.nr <= 2 * ROUNDS);
	}
	EXPECT_EQ(s->n, held_end(&s->held));
	/* By reference there is but one copy, which waits. */
	EXPECT_EQ(s->n > IN_PLACE ? 2 : 2 * ROUNDS + 1, w.nr);
	queued(s, 1000);
	s->trap = w.trap;
	stage_end(PASS);
}

/* The last copy has its element in hand; who is killed then gives it back. */
static void seesaw_recv(ARGS, enum how how, enum ending e)
{
	unsigned char *page;
	struct seesaw w;
	uint64_t v = 0;

	stage_begin(s, 4);
	s->held.how = how;
	s->held.sending = false;
	s->held.fd = s->fd;
	put(PASS);
	put(PASS);
	s->held.at = seesaw_start(PASS, &w);
	held_start(&s->held);
	while ((page = seesaw_wait(PASS, &w))) {
		if (w.nr <= 2 * ROUNDS) {
			/* What is there is everybody's. */
			others_go_on(PASS);
			seesaw_tip(PASS, &w, page, true);
			continue;
		}
		if (!v)
			v = unqueued(s);
		others_go_on(PASS);
		if (e == KILL) {
			/* A copy tries its last bytes one by one: it may be held up again. */
			kill(s->held.pid, SIGKILL);
			break;
		}
		seesaw_tip(PASS, &w, page, false);
	}
	EXPECT_EQ(expected(s, e, s->n), held_end(&s->held));
	if (e == COMES) {
		EXPECT_EQ(2 * ROUNDS + 1, w.nr);
		EXPECT_TRUE(elem_is(s->held.elem, s->n, v));
	} else {
		memmove(s->queue + 1, s->queue, s->len++ * sizeof(v));
		s->queue[0] = v;
	}
	s->trap = w.trap;
	stage_end(PASS);
}

TEST_F_TIMEOUT(stall, pages_that_come_and_go_hold_up_their_owner_alone_and_not_for_ever, 120)
{
	static const enum how how[] = { CALL, IOCTL, SELECT, SELECTOR };
	unsigned int i;

	for (i = 0; i < NR(how) && __test_passed(_metadata); i++) {
		seesaw_send(_metadata, &self->s, how[i]);
		seesaw_recv(_metadata, &self->s, how[i], COMES);
		seesaw_recv(_metadata, &self->s, how[i], KILL);
		if (!__test_passed(_metadata))
			TH_LOG("%s", hows[how[i]]);
	}
}

/*
 * Arguments and results
 */

#define NAME	"stall"

/* What there is to be asked, about a named channel. */
FIXTURE(args)
{
	struct stage s;
	struct chan_create node;
	int timer, selector, full;
	struct chan_case ready[2];	/* a receive of what is there, and a send */
	uint64_t v[2];
};

FIXTURE_SETUP(args)
{
	struct stage *s = &self->s;

	wait_for_releases();
	keeper_start(&s->keeper);
	s->n = 8;
	s->never = make_chan(8, 0, 0);
	self->node = named(NAME, 0600);
	ASSERT_GE(create(&self->node), 0);
	s->fd = self->node.fd;
	s->now = narrow(s->fd, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	s->next = 1;
	self->timer = create(&(struct chan_create){
		.flags = CHAN_TIMER, .elem_size = 8, .capacity = 1, .fd_flags = O_RDONLY,
	});
	self->selector = make_selector(O_NONBLOCK);
	/* So many elements of 0 bytes that none are missed, and as many places. */
	self->full = make_chan(0, 2000, 0);
	ASSERT_EQ(1000, send_n(self->full, NULL, 1000, 0, 0));
	self->ready[0] = recv_case(self->full, NULL);
	self->ready[1] = send_case(self->full, NULL);
	ASSERT_GE(s->now, 0);
	ASSERT_GE(self->timer, 0);
	ASSERT_GE(self->selector, 0);
}


#undef ARGS
#undef PASS
#define ARGS	struct __test_metadata *_metadata, FIXTURE_DATA(args) *self
#define PASS	_metadata, self

union arg {
	struct chan_create create;
	struct chan_resolve resolve;
	struct chan_list list;
	struct chan_limits limits;
	struct chan_select select;
	struct chan_selector selector;
	struct chan_xfer xfer;
	struct chan_info info;
	struct chan_narrow narrow;
	struct chan_destroy destroy;
	struct chan_timer timer;
	uint32_t size;
};

static struct chan_create a_channel(const char *name)
{
	struct chan_create c = {
		.elem_size = 8, .capacity = 4, .fd_flags = O_RDWR | O_CLOEXEC,
	};

	if (name)
		c = named(name, 0600);
	c.size = sizeof(c);
	return c;
}

static struct chan_resolve a_name(const char *name)
{
	struct chan_resolve r = { .size = sizeof(r), .uid = CHAN_UID_ANY };

	strcpy(r.name, name);
	return r;
}

static struct chan_list a_list(void *to)
{
	return (struct chan_list){
		.size = sizeof(struct chan_list), .entries = (uintptr_t)to,
		.entry_size = sizeof(struct chan_info), .count = 1,
	};
}

static struct chan_select a_select(struct chan_case *k, unsigned int n, unsigned int flags)
{
	return (struct chan_select){
		.size = sizeof(struct chan_select), .flags = flags, .cases = (uintptr_t)k,
		.count = n, .case_size = sizeof(*k),
	};
}

static struct chan_xfer an_xfer(uint64_t *v)
{
	return (struct chan_xfer){
		.size = sizeof(struct chan_xfer), .flags = CHAN_NONBLOCK,
		.buf = (uintptr_t)v, .count = 1,
	};
}

static int resolve(const char *name, struct chan_resolve *r)
{
	*r = a_name(name);
	return ioctl(ctl_open(), CHAN_IOC_RESOLVE, r) ? -errno : 0;
}

/* In the parent, where no descriptor is left, so that it is done whatever became of the test. */
FIXTURE_TEARDOWN_PARENT(args)
{
	static const char * const names[] = { NAME, "new", "doomed" };
	struct chan_resolve r;
	unsigned int i;
	int fd;

	for (i = 0; i < NR(names); i++) {
		if (resolve(names[i], &r))
			continue;
		fd = open_minor(r.minor, LOOK);
		destroy(fd, CHAN_DESTROY_FORCE);
		close(fd);
	}
	if (self->s.keeper.fuse >= 0) {
		umount2(self->s.keeper.dir, MNT_DETACH);
		rmdir(self->s.keeper.dir);
	}
}

static bool is_listed(uint64_t id)
{
	struct chan_info found;
	struct chan_list l = a_list(&found);

	while (!ioctl(ctl_open(), CHAN_IOC_LIST, &l) && l.count)
		if (found.id == id)
			return true;
	return false;
}

/* All that can be asked of chanctl, of the named channel, and of its node. */
static void all_is_answered(ARGS)
{
	struct stage *s = &self->s;
	struct chan_case k = recv_case(s->never, s->b);
	struct chan_timer t = { .size = sizeof(t), .flags = CHAN_TIMER_STOP };
	struct chan_resolve r;
	int fd, sel;

	others_go_on(_metadata, s);
	EXPECT_EQ(0, resolve(NAME, &r));
	EXPECT_EQ(self->node.id, r.id);
	EXPECT_TRUE(is_listed(self->node.id));
	fd = open_minor(r.minor, LOOK);
	EXPECT_EQ(self->node.id, info(fd).id);
	EXPECT_EQ(-EBADF, narrow(fd, O_RDWR));
	EXPECT_EQ(-ENOTEMPTY, destroy(fd, 0));
	EXPECT_EQ(0, close(fd));
	EXPECT_LE(0, ioctl(self->timer, CHAN_IOC_TIMER, &t));
	fd = make_chan(8, 1, 0);
	sel = make_selector(O_NONBLOCK);
	EXPECT_GE(fd, 0);
	EXPECT_EQ(-EINPROGRESS, arm_n(sel, &k, 1, 0));
	EXPECT_EQ(0, disarm(sel));
	close(sel);
	close(fd);
}

/*
 * Make the call, its argument at @at, and let all else be asked while it is held up.
 * Returns its result, or KILLED.
 */
static long ask(ARGS, int fd, unsigned int cmd, unsigned char *at, enum ending e)
{
	struct stage *s = &self->s;
	struct held *h = &s->held;

	h->how = RAW;
	h->fd = fd;
	h->cmd = cmd;
	h->at = at;
	held_start(h);
	if (is_held(_metadata, s)) {
		all_is_answered(PASS);
		release(s, e);
	}
	return outcome(s, e);
}

/* What a failed or killed call must not have changed: all but named channels, which go late. */
static bool unchanged(struct chan_limits a, struct chan_limits b)
{
	a.named = b.named;
	return same_use(a, b) && a.total_parties == b.total_parties;
}

/* Where a debug kernel releases late what was destroyed. */
static void expect_unchanged(struct __test_metadata *_metadata, struct chan_limits before)
{
	while (debug_kernel() && !unchanged(before, limits()))
		usleep(10000);
	EXPECT_TRUE(unchanged(before, limits()));
}

struct question {
	const char *name;
	int fd;
	unsigned int cmd, size;
	union arg arg;
	long answer;
};

/* A page that can't be written yet holds up the result, others the argument. */
static void ask_with_argument(ARGS, const struct question *q, enum kind kind, bool second,
			      enum ending e)
{
	struct stage *s = &self->s;
	struct chan_limits before;
	unsigned char *at;

	trap_set(&s->keeper, &s->trap, kind);
	at = s->trap.mem + PAGE - (second ? 4 : 0);
	trap_put(&s->trap, at, &q->arg, q->size);
	if (kind == READ_ONLY)
		trap_protect(&s->keeper, &s->trap, true);
	before = limits();
	EXPECT_EQ(expected(s, e, q->answer), ask(PASS, q->fd, q->cmd, at, e))
		TH_LOG("%s; %s is %s, and %s", q->name, second ? "all but its size" : "it",
		       kinds[kind], endings[e]);
	EXPECT_TRUE(unchanged(before, limits()));
	EXPECT_EQ(2, info(s->fd).len);
	trap_remove(&s->trap);
}

static void ask_all_ways(ARGS, const struct question *q)
{
	enum ending e;

	for (e = 0; e < NR_ENDINGS && __test_passed(_metadata); e++) {
		ask_with_argument(PASS, q, MISSING, false, e);
		ask_with_argument(PASS, q, MISSING, true, e);
		if (self->s.keeper.fuse >= 0)
			ask_with_argument(PASS, q, FUSE, false, e);
	}
}

#define QUESTION(f, c, member, a, r)						\
	{									\
		.name = #c, .fd = f, .cmd = CHAN_IOC_##c,			\
		.size = sizeof(((union arg *)0)->member),			\
		.arg.member = a, .answer = r,					\
	}
#define EMPTY(s)	((struct s){ .size = sizeof(struct s) })

TEST_F_TIMEOUT(args, no_argument_holds_up_but_its_owner, 120)
{
	struct stage *s = &self->s;
	static struct chan_info i;
	static uint64_t v;
	struct chan_case k = recv_case(s->never, &v);
	struct chan_timer stop = { .size = sizeof(stop), .flags = CHAN_TIMER_STOP };
	const struct question questions[] = {
		QUESTION(ctl_open(), CREATE, create, a_channel(NULL), 0),
		QUESTION(ctl_open(), RESOLVE, resolve, a_name(NAME), 0),
		QUESTION(ctl_open(), LIST, list, a_list(&i), 0),
		QUESTION(ctl_open(), LIMITS, limits, EMPTY(chan_limits), 0),
		QUESTION(ctl_open(), SELECT, select, a_select(&k, 1, CHAN_NONBLOCK), -EAGAIN),
		QUESTION(ctl_open(), SELECTOR, selector, EMPTY(chan_selector), 0),
		QUESTION(s->fd, INFO, info, EMPTY(chan_info), 0),
		QUESTION(s->fd, NARROW, narrow, EMPTY(chan_narrow), 0),
		QUESTION(s->fd, DESTROY, destroy, EMPTY(chan_destroy), -ENOTEMPTY),
		QUESTION(s->never, SEND, xfer, an_xfer(&v), -EAGAIN),
		QUESTION(s->never, RECV, xfer, an_xfer(&v), -EAGAIN),
		QUESTION(self->timer, TIMER, timer, stop, 0),
		QUESTION(self->selector, ARM, select, a_select(self->ready, 1, 0), 0 | CHAN_OK),
	};
	unsigned int n;

	for (n = 0; n < NR(questions); n++)
		ask_all_ways(PASS, &questions[n]);
}

TEST_F_TIMEOUT(args, no_result_holds_up_but_its_owner, 120)
{
	struct stage *s = &self->s;
	static struct chan_info i;
	const struct question questions[] = {
		QUESTION(ctl_open(), CREATE, create, a_channel(NULL), 0),
		QUESTION(ctl_open(), RESOLVE, resolve, a_name(NAME), 0),
		QUESTION(ctl_open(), LIST, list, a_list(&i), 0),
		QUESTION(ctl_open(), LIMITS, limits, EMPTY(chan_limits), 0),
		QUESTION(ctl_open(), SELECTOR, selector, EMPTY(chan_selector), 0),
		QUESTION(s->fd, INFO, info, EMPTY(chan_info), 0),
		QUESTION(s->fd, NARROW, narrow, EMPTY(chan_narrow), 0),
	};
	enum ending e;
	unsigned int n;

	for (n = 0; n < NR(questions); n++)
		for (e = 0; e < NR_ENDINGS && __test_passed(_metadata); e++)
			ask_with_argument(PASS, &questions[n], READ_ONLY, false, e);
}

/* An array that an argument points to: @at, of which @pointer is to be the address. */
static void ask_with_array(ARGS, struct question *q, __u64 *pointer, const void *array,
			   size_t size, enum kind kind, enum ending e)
{
	struct stage *s = &self->s;
	struct chan_limits before;
	unsigned char *at;

	trap_set(&s->keeper, &s->trap, kind);
	at = s->trap.mem + PAGE - (kind == MISSING ? size / 2 : 0);
	trap_put(&s->trap, at, array, size);
	if (kind == READ_ONLY)
		trap_protect(&s->keeper, &s->trap, true);
	*pointer = (uintptr_t)at;
	before = limits();
	EXPECT_EQ(expected(s, e, q->answer), ask(PASS, q->fd, q->cmd, (void *)&q->arg, e))
		TH_LOG("%s; its array is %s, and %s", q->name, kinds[kind], endings[e]);
	EXPECT_TRUE(unchanged(before, limits()));
	EXPECT_EQ(2, info(s->fd).len);
	trap_remove(&s->trap);
}

TEST_F_TIMEOUT(args, no_array_holds_up_but_its_owner, 120)
{
	struct stage *s = &self->s;
	struct chan_case k[2] = { recv_case(s->never, &self->v), self->ready[0] };
	static struct question list, select, arm;
	static struct chan_info found;
	const enum kind in[] = { MISSING, FUSE }, out[] = { MISSING, READ_ONLY };
	struct chan_info before;
	enum ending e;
	int i;

	select = (struct question)QUESTION(ctl_open(), SELECT, select, a_select(k, 2, 0),
					   1 | CHAN_OK);
	arm = (struct question)QUESTION(self->selector, ARM, select, a_select(k, 2, 0),
					1 | CHAN_OK);
	for (e = 0; e < NR_ENDINGS && __test_passed(_metadata); e++) {
		for (i = 0; i < 2; i++) {
			list = (struct question)QUESTION(ctl_open(), LIST, list, a_list(NULL), 0);
			ask_with_array(PASS, &list, &list.arg.list.entries, &found,
				       sizeof(found), out[i], e);
			if (in[i] == FUSE && s->keeper.fuse < 0)
				continue;
			before = info(self->full);
			ask_with_array(PASS, &select, &select.arg.select.cases, k, sizeof(k),
				       in[i], e);
			ask_with_array(PASS, &arm, &arm.arg.select.cases, k, sizeof(k), in[i],
				       e);
			EXPECT_EQ(before.len - (e == COMES ? 2 : 0), info(self->full).len);
		}
	}
}

/* Its node is there before its maker knows: for good, or until the maker fails. */
TEST_F_TIMEOUT(args, a_named_channel_whose_maker_is_held_up, 120)
{
	struct question q = QUESTION(ctl_open(), CREATE, create, a_channel("new"), 0);
	struct stage *s = &self->s;
	struct chan_limits before;
	struct chan_resolve r;
	enum ending e;
	int fd;

	for (e = 0; e < NR_ENDINGS; e++) {
		trap_set(&s->keeper, &s->trap, READ_ONLY);
		trap_put(&s->trap, s->trap.mem + PAGE, &q.arg, q.size);
		trap_protect(&s->keeper, &s->trap, true);
		before = limits();
		s->held.how = RAW;
		s->held.fd = q.fd;
		s->held.cmd = q.cmd;
		s->held.at = s->trap.mem + PAGE;
		held_start(&s->held);
		if (!is_held(_metadata, s))
			break;
		all_is_answered(PASS);
		EXPECT_EQ(0, resolve("new", &r));
		EXPECT_TRUE(is_listed(r.id));
		fd = open_minor(r.minor, O_RDWR);
		EXPECT_EQ(r.id, info(fd).id);
		EXPECT_EQ(8, wr(fd, &r, 8));
		release(s, e);
		EXPECT_EQ(expected(s, e, 0), outcome(s, e));
		EXPECT_EQ(1, info(fd).len);
		if (e == COMES) {
			EXPECT_EQ(0, resolve("new", &r));
			EXPECT_EQ(0, destroy(fd, CHAN_DESTROY_FORCE));
		} else {
			EXPECT_EQ(-ENOENT, resolve("new", &r));
			EXPECT_TRUE(info(fd).flags & CHAN_DESTROYED);
		}
		close(fd);
		EXPECT_EQ(before.named, once_released(named, before.named));
		expect_unchanged(_metadata, before);
		trap_remove(&s->trap);
	}
}

TEST_F_TIMEOUT(args, a_channel_whose_destroyer_is_held_up_goes_on_until_then, 120)
{
	struct question q = QUESTION(-1, DESTROY, destroy, EMPTY(chan_destroy), 0);
	struct chan_limits before = limits();
	struct chan_resolve r;
	enum ending e;

	for (e = 0; e < NR_ENDINGS; e++) {
		struct chan_create c = a_channel("doomed");

		q.fd = create(&c);
		ASSERT_GE(q.fd, 0);
		ask_with_argument(PASS, &q, MISSING, true, e);
		EXPECT_EQ(e == COMES ? -ENOENT : 0, resolve("doomed", &r));
		EXPECT_EQ(e == COMES ? -ENODEV : 0, destroy(q.fd, 0));
		close(q.fd);
		expect_unchanged(_metadata, before);
	}
}

/*
 * A selector has one call at a time; others on it are told so
 */

TEST_F_TIMEOUT(args, who_arms_a_selector_and_is_held_up_keeps_no_other_call_on_it_waiting, 120)
{
	struct stage *s = &self->s;
	int sel = self->selector;
	struct chan_case k[2] = { recv_case(s->never, &self->v), self->ready[0] };
	struct question q = QUESTION(sel, ARM, select, a_select(k, 2, 0), 1 | CHAN_OK);
	struct result res;
	enum ending e;

	for (e = 0; e < NR_ENDINGS; e++) {
		trap_set(&s->keeper, &s->trap, MISSING);
		trap_put(&s->trap, s->trap.mem + PAGE, k, sizeof(k));
		q.arg.select.cases = (uintptr_t)s->trap.mem + PAGE;
		s->held.how = RAW;
		s->held.fd = q.fd;
		s->held.cmd = q.cmd;
		s->held.at = (void *)&q.arg;
		held_start(&s->held);
		if (!is_held(_metadata, s))
			break;
		EXPECT_EQ(0, poll_now(sel));
		EXPECT_EQ(-EBUSY, arm_n(sel, self->ready, 1, 0));
		EXPECT_EQ(-EAGAIN, rd(sel, &res, sizeof(res)));
		EXPECT_EQ(-EINVAL, disarm(sel));
		release(s, e);
		EXPECT_EQ(expected(s, e, q.answer), outcome(s, e));
		EXPECT_EQ(CHAN_OK, arm_n(sel, self->ready, 1, 0));
		trap_remove(&s->trap);
	}
}

TEST_F_TIMEOUT(args, who_reads_a_selector_and_is_held_up_keeps_no_other_call_on_it_waiting, 120)
{
	struct stage *s = &self->s;
	int sel = self->selector, ep = watch(sel, EPOLLIN | EPOLLET);
	uint64_t v = 7, never = 0;
	struct chan_case k;
	struct result res;
	enum ending e;
	int fd = make_chan(8, 0, 0);

	set_nonblock(fd, true);
	k = recv_case(fd, &never);
	for (e = 0; e < NR_ENDINGS; e++) {
		EXPECT_EQ(-EINPROGRESS, arm_n(sel, &k, 1, 0));
		EXPECT_EQ(8, wr(fd, &v, 8));
		EXPECT_EQ(EPOLLIN, event_now(ep));
		trap_set(&s->keeper, &s->trap, MISSING);
		s->held.how = CALL;
		s->held.sending = false;
		s->held.fd = sel;
		s->held.at = s->trap.mem + PAGE;
		s->held.n = sizeof(struct chan_selected) + 8;
		held_start(&s->held);
		if (!is_held(_metadata, s))
			break;
		EXPECT_EQ(0, poll_now(sel));
		EXPECT_EQ(-EBUSY, arm_n(sel, &k, 1, 0));
		EXPECT_EQ(-EAGAIN, rd(sel, &res, sizeof(res)));
		EXPECT_EQ(-EALREADY, disarm(sel));
		EXPECT_EQ(-EAGAIN, wr(fd, &v, 8));
		release(s, e);
		EXPECT_EQ(expected(s, e, s->held.n), outcome(s, e));
		if (e == COMES) {
			memcpy(&res, s->held.at, s->held.n);
		} else {
			/* The result is there again, and who polls is told. */
			EXPECT_EQ(EPOLLIN, event_now(ep));
			EXPECT_EQ(IN, poll_now(sel));
			EXPECT_EQ(s->held.n, rd(sel, &res, sizeof(res)));
		}
		EXPECT_EQ(CHAN_OK, res.h.flags);
		EXPECT_EQ(0, memcmp(res.elem, &v, 8));
		trap_remove(&s->trap);
	}
	close(ep);
	close(fd);
}

/*
 * The length of a message, which goes where the call's arguments are
 */

static void length_begin(struct stage *s, bool select)
{
	struct held *h = &s->held;
	unsigned char *at = s->trap.mem + PAGE;
	struct chan_xfer x = {
		.size = sizeof(x), .buf = (uintptr_t)h->spare, .count = 1, .len = s->n,
	};
	struct chan_case k = recv_case(s->fd, h->spare);

	k.len = s->n;
	h->how = RAW;
	h->fd = s->fd;
	h->cmd = select ? CHAN_IOC_SELECT : CHAN_IOC_RECV;
	h->select = a_select((void *)at, 1, 0);
	h->at = select ? (void *)&h->select : at;
	if (select)
		trap_put(&s->trap, at, &k, sizeof(k));
	else
		trap_put(&s->trap, at, &x, sizeof(x));
	trap_protect(&s->keeper, &s->trap, true);
	held_start(h);
}

/* The whole message is there, and its length. */
static void expect_length(struct __test_metadata *_metadata, struct stage *s, bool select,
			  uint64_t v)
{
	const unsigned char *at = s->trap.mem + PAGE;

	EXPECT_EQ(s->n, select ? ((struct chan_case *)at)->len : ((struct chan_xfer *)at)->len);
	EXPECT_TRUE(elem_is(s->held.spare, s->n, v));
}

static void length(struct __test_metadata *_metadata, struct stage *s, bool select, bool waits,
		   enum ending e)
{
	uint64_t v = 0;

	trap_set(&s->keeper, &s->trap, READ_ONLY);
	stage_begin(s, 4);
	if (!waits)
		put(_metadata, s);
	length_begin(s, select);
	if (waits) {
		wait_parked(s->fd, 0, 1);
		v = push(_metadata, s);
	}
	if (!is_held(_metadata, s))
		return;
	put(_metadata, s);
	put(_metadata, s);
	others_go_on(_metadata, s);
	EXPECT_EQ(2, info(s->fd).len);
	release(s, e);
	EXPECT_EQ(expected(s, e, select ? CHAN_OK : 1), outcome(s, e));
	if (e == COMES) {
		expect_length(_metadata, s, select, v ?: unqueued(s));
	} else if (waits) {
		memmove(s->queue + 1, s->queue, s->len++ * sizeof(v));
		s->queue[0] = v;
	}
	stage_end(_metadata, s);
}

TEST_F_TIMEOUT(args, the_length_of_a_message_holds_up_its_receiver_alone, 120)
{
	struct stage *s = &self->s;
	enum ending e;
	int i;

	s->n = 300;
	s->flags = CHAN_MESSAGE;
	for (i = 0; i < 4; i++) {
		for (e = 0; e < NR_ENDINGS && __test_passed(_metadata); e++) {
			length(_metadata, s, i & 1, i & 2, e);
			if (!__test_passed(_metadata))
				TH_LOG("%s, the page %s", i & 1 ? "SELECT" : "RECV", endings[e]);
		}
	}
}

TEST_HARNESS_MAIN
