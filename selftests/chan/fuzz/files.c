// SPDX-License-Identifier: GPL-2.0
/*
 * All other system calls that a channel, or a selector, can be given to.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

/* What none of the module's files can do, whatever the errno. */
static long must_fail(struct runner *t, const struct target *g, const char *call, long r)
{
	if (r >= 0 && g->kind < KIND_OTHER && still(g))
		broken(t, "%s works", call);
	return r;
}

/*
 * read(2), write(2) and the like
 */

static long check_count(struct runner *t, int op, const struct target *g, size_t len, long r)
{
	/* Of flags, which not all files know. */
	if (r == -EOPNOTSUPP && (op == OP_readv || op == OP_writev || t->failing))
		return r;
	check_errno(t, op, g, r);
	if (r > 0 && (size_t)r > len)
		broken(t, "returned %ld, of %zu", r, len);
	return r;
}

long run_read(struct runner *t, const uint8_t *a)
{
	struct target g = target_of(a[0]);
	size_t len = len_of(&g, a[1]);
	struct iovec v = { buffer(t, a[2], len, false), len };

	if (t->failing)		/* it must not wait then, see run.c */
		return check_count(t, OP_read, &g, len,
				   result(preadv2(g.fd, &v, 1, -1, RWF_NOWAIT)));
	return check_count(t, OP_read, &g, len, result(read(g.fd, v.iov_base, len)));
}

long run_write(struct runner *t, const uint8_t *a)
{
	struct target g = target_of(a[0]);
	size_t len = len_of(&g, a[1]);
	struct iovec v = { buffer(t, a[2], len, true), len };

	if (t->failing)
		return check_count(t, OP_write, &g, len,
				   result(pwritev2(g.fd, &v, 1, -1, RWF_NOWAIT)));
	return check_count(t, OP_write, &g, len, result(write(g.fd, v.iov_base, len)));
}

/* One buffer in several parts. */
static unsigned int split(struct iovec *v, uint8_t *p, size_t len, uint8_t shape)
{
	size_t part = len;
	unsigned int n = 0;

	if (shape & 1)
		v[n++] = (struct iovec){ p, 0 };
	if (shape & 2 && len > 3) {
		v[n++] = (struct iovec){ p, 3 };
		p += 3;
		len -= 3;
	}
	if (shape & 4 && len > 16)
		part = len / 2 + 1;
	else
		part = len;
	v[n++] = (struct iovec){ p, part };
	if (part < len)
		v[n++] = (struct iovec){ p + part, len - part };
	return n;
}

static long vector(struct runner *t, int op, const uint8_t *a)
{
	struct target g = target_of(a[0]);
	bool sending = op == OP_writev;
	size_t len = len_of(&g, a[1]);
	struct iovec v[4];
	/* At times so that it doesn't wait; or what isn't known. */
	int flags = a[2] < 8 ? 0 : a[2] < 128 ? RWF_NOWAIT : a[2] < 160 ? wild(a[2]) : 0;
	unsigned int n = split(v, buffer(t, a[3], len, sending), len, a[2]);
	long r;

	if (t->failing)
		flags |= RWF_NOWAIT;
	if (a[2] >= 250)
		n = wild(a[2]);
	if (sending)
		r = result(pwritev2(g.fd, v, n, -1, flags));
	else
		r = result(preadv2(g.fd, v, n, -1, flags));
	return check_count(t, op, &g, len, r);
}

long run_readv(struct runner *t, const uint8_t *a)
{
	return vector(t, OP_readv, a);
}

long run_writev(struct runner *t, const uint8_t *a)
{
	return vector(t, OP_writev, a);
}

long run_pread(struct runner *t, const uint8_t *a)
{
	off_t at = a[2] < 2 ? 0 : a[2] < 4 ? 8 : wild(a[2]);
	struct target g = target_of(a[0]);
	size_t len = len_of(&g, a[1]);
	void *p = buffer(t, MEM_GOOD, len, !(a[2] & 1));
	long r = result(a[2] & 1 ? pread(g.fd, p, len, at) : pwrite(g.fd, p, len, at));

	if (at >= 0)		/* else nothing is asked about the file */
		check_errno(t, OP_pread, &g, r);
	return must_fail(t, &g, "pread or pwrite", r);
}

/*
 * Poll and epoll
 */

#define ALL_EVENTS	(POLLIN | POLLPRI | POLLOUT | POLLRDHUP | POLLRDNORM | POLLWRNORM)

long run_poll(struct runner *t, const uint8_t *a)
{
	static const short events[] = { ALL_EVENTS, POLLIN, POLLOUT, 0 };
	unsigned int set = a[0] | a[1] << 8, n = 0, i;
	struct pollfd p[NR_SLOTS];
	long r;

	/* Selectors, too, where many channels are looked at. */
	if (a[1] & 0x80)
		set |= 0xf0000;
	for (i = 0; i < NR_SLOTS; i++)
		if (set & 1 << i)
			p[n++] = (struct pollfd){ FIRST_FD + i, PICK(events, a[2]), 0 };
	r = result(poll(p, n, a[3] % 3));
	/* EINVAL: of more files than one may have. */
	if (r < 0 && r != -EINTR && r != -EINVAL && !t->failing)
		broken(t, "poll fails with %s", strerrorname_np(-r));
	for (i = 0; r > 0 && i < n; i++) {
		if (p[i].revents & ~(p[i].events | POLLERR | POLLHUP | POLLNVAL))
			broken(t, "events %#x of %#x", p[i].revents, p[i].events);
		/* Go's runtime gives up on a file then. */
		if (p[i].revents & POLLERR && p[i].events & POLLOUT && !(p[i].revents & POLLOUT))
			broken(t, "ERR stands alone: %#x", p[i].revents);
	}
	return r;
}

long run_epctl(struct runner *t, const uint8_t *a)
{
	static const unsigned int events[] = {
		EPOLLIN, EPOLLOUT, EPOLLIN | EPOLLOUT | EPOLLRDHUP, EPOLLIN | EPOLLET,
		EPOLLIN | EPOLLOUT | EPOLLET, EPOLLIN | EPOLLONESHOT, EPOLLOUT | EPOLLEXCLUSIVE,
		EPOLLIN | EPOLLEXCLUSIVE | EPOLLET,
	};
	static const int ctls[] = { EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL };
	struct target g = target_of(a[1]);
	struct epoll_event e = { .events = PICK(events, a[2]), .data.u32 = a[1] };

	return result(epoll_ctl(EPOLL_FD, PICK(ctls, a[0]), g.fd, &e));
}

long run_epwait(struct runner *t, const uint8_t *a)
{
	struct epoll_event e[16];
	int max = a[0] < 3 ? 1 + a[0] * 6 : 16;
	long r = result(epoll_wait(EPOLL_FD, e, max, a[1] % 3));

	if (r > max || (r < 0 && r != -EINTR && !t->failing))
		broken(t, "epoll_wait returned %ld", r);
	return r;
}

/*
 * Results of selectors
 */

long run_result(struct runner *t, const uint8_t *a)
{
	struct target g = target_of(a[0] < NR_SLOTS - SEL ? SEL + a[0] : a[0]);
	size_t len = a[1] < 3 ? 4096 + sizeof(struct chan_selected) : len_of(&g, a[1]);
	uint8_t *p = buffer(t, a[2], len, false);
	long r = result(read(g.fd, p, len));
	struct chan_selected s;

	check_count(t, OP_result, &g, len, r);
	if (r < (long)sizeof(s) || g.kind != KIND_SEL || p == t->mem.fresh)
		return r;
	memcpy(&s, p, sizeof(s));
	if (s.index >= CHAN_CASES_MAX || s.flags & ~CHAN_OK || s.pad ||
	    r != (long)sizeof(s) + s.len)
		broken(t, "read %ld: index %u, flags %#x, %u bytes, pad %#x", r, s.index, s.flags,
		       s.len, s.pad);
	/* The element behind it, if it is where what is received is looked at. */
	if (t->received == p) {
		t->received += sizeof(s);
		t->received_max -= sizeof(s);
	} else {
		t->received_max = 0;
	}
	return r;
}

/*
 * Other ways to a file
 */

long run_open(struct runner *t, const uint8_t *a)
{
	/* Those of /dev/chanctl too, and of what isn't there. */
	static const int flags[] = {
		O_RDWR | O_NONBLOCK, O_RDONLY | O_NONBLOCK, O_WRONLY | O_NONBLOCK, 3, O_RDWR,
		O_RDONLY, O_WRONLY, O_RDWR | O_CLOEXEC,
	};
	int how = PICK(flags, a[2]), fd;
	char path[40];

	if (a[1] < 4)
		snprintf(path, sizeof(path), "/dev/chan%u", minors[a[1]]);
	else if (a[1] < 128)
		snprintf(path, sizeof(path), "/dev/chan%u", a[1]);
	else
		snprintf(path, sizeof(path), "/dev/chanctl");
	/* Neither a new file, nor one that is but a path. */
	how &= ~(O_CREAT | O_PATH | O_TMPFILE | O_ASYNC);
	fd = result(open(path, how, 0600));
	if (fd < 0 && !documented(OP_open, KIND_CHAN, -fd) && !(fd == -EFAULT && t->failing))
		broken(t, "open fails with %s", strerrorname_np(-fd));
	if (fd < 0)
		return fd;
	if (a[1] < 128)
		install(dst_of(a[0]), fd, 8, false);
	else
		close(fd);
	return fd;
}

long run_dup(struct runner *t, const uint8_t *a)
{
	struct target g = target_of(a[0] % SEL);
	int fd;

	if (a[2] == 1)
		fd = fcntl(g.fd, F_DUPFD_CLOEXEC, 0);
	else if (a[2] == 2)
		fd = fcntl(g.fd, F_DUPFD, 0);
	else
		fd = dup(g.fd);
	if (fd >= 0)
		install_like(dst_of(a[1]), fd, &g);
	return result(fd);
}

/* Over a socket to oneself; or left there, where it ends with the socket. */
long run_pass(struct runner *t, const uint8_t *a)
{
	union { struct cmsghdr h; char room[CMSG_SPACE(sizeof(int))]; } c = {};
	struct target g = target_of(a[0] % SEL);
	struct iovec v = { "x", 1 };
	char byte;
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c),
	};
	int s[2], fd;
	long r;

	if (socketpair(AF_UNIX, a[2] & 1 ? SOCK_DGRAM : SOCK_STREAM, 0, s))
		return -errno;
	c.h = (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
	memcpy(CMSG_DATA(&c.h), &g.fd, sizeof(int));
	r = result(sendmsg(s[0], &m, MSG_DONTWAIT));
	v.iov_base = &byte;
	if (r == 1 && a[2] != 2) {
		r = result(recvmsg(s[1], &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC));
		if (r == 1 && m.msg_controllen == sizeof(c) && !(m.msg_flags & MSG_CTRUNC)) {
			memcpy(&fd, CMSG_DATA(&c.h), sizeof(int));
			install_like(dst_of(a[1]), fd, &g);
		}
	}
	close(s[0]);
	close(s[1]);
	return r;
}

/* Of a file without a node this fails. */
long run_reopen(struct runner *t, const uint8_t *a)
{
	static const int flags[] = { O_RDWR | O_NONBLOCK, O_RDONLY | O_NONBLOCK,
				     O_WRONLY | O_NONBLOCK, 3 };
	struct target g = target_of(a[0] % SEL);
	char path[40];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", g.fd);
	fd = open(path, a[2] < 4 ? flags[a[2]] : a[2] & (O_ACCMODE | O_NONBLOCK));
	if (fd >= 0)
		install_like(dst_of(a[1]), fd, &g);
	return result(fd);
}

long run_getfd(struct runner *t, const uint8_t *a)
{
	struct target g = target_of(a[0] % SEL);
	int pidfd = syscall(SYS_pidfd_open, getpid(), 0);
	int fd = syscall(SYS_pidfd_getfd, pidfd, g.fd, 0);
	long r = result(fd);

	if (fd >= 0)
		install_like(dst_of(a[1]), fd, &g);
	if (pidfd >= 0)
		close(pidfd);
	return r;
}

long run_close(struct runner *t, const uint8_t *a)
{
	empty(a[0] % NR_SLOTS);
	return 0;
}

/* At 1, no new file can be opened. */
long run_nofile(struct runner *t, const uint8_t *a)
{
	struct rlimit l;

	getrlimit(RLIMIT_NOFILE, &l);
	l.rlim_cur = a[0] == 1 ? 1 : l.rlim_max;
	return result(setrlimit(RLIMIT_NOFILE, &l));
}

/*
 * What a channel doesn't do
 */

long run_mmap(struct runner *t, const uint8_t *a)
{
	struct target g = target_of(a[0]);
	int prot = a[1] & 1 ? PROT_READ : PROT_READ | PROT_WRITE;
	void *p = mmap(NULL, a[1] & 4 ? 1 << 20 : 4096, prot,
		       a[1] & 2 ? MAP_PRIVATE : MAP_SHARED, g.fd, a[1] & 8 ? 4096 : 0);

	return must_fail(t, &g, "mmap", p == MAP_FAILED ? -errno : 0);
}

long run_misc(struct runner *t, const uint8_t *a)
{
	struct target g = target_of(a[0]);
	char buf[256];

	switch (a[1] % 16) {
	case 0:
		return must_fail(t, &g, "lseek", result(lseek(g.fd, wild(a[1]), SEEK_CUR)));
	case 1:
		return must_fail(t, &g, "fsync", result(fsync(g.fd)));
	case 2:
		return must_fail(t, &g, "fdatasync", result(fdatasync(g.fd)));
	case 3:
		return must_fail(t, &g, "ftruncate", result(ftruncate(g.fd, 8)));
	case 4:
		return must_fail(t, &g, "fallocate", result(fallocate(g.fd, 0, 0, 8)));
	case 5:
		return must_fail(t, &g, "sync_file_range", result(sync_file_range(g.fd, 0, 8, 7)));
	case 6:
		return must_fail(t, &g, "getdents64",
				 result(syscall(SYS_getdents64, g.fd, buf, sizeof(buf))));
	case 7:
		return must_fail(t, &g, "readahead", result(readahead(g.fd, 0, 8)));
	case 8:
		return must_fail(t, &g, "fchdir", result(fchdir(g.fd)));
	case 9:
		return result(flock(g.fd, LOCK_EX | LOCK_NB));
	case 10:
		return result(fstat(g.fd, (struct stat *)buf));
	case 11:
		return result(posix_fadvise(g.fd, 0, 0, POSIX_FADV_DONTNEED));
	case 12:
		return result(syscall(SYS_ioctl, g.fd, a[1] & 16 ? 0x5421 /* FIONBIO */ : 0x541b,
				      (void *)buf));
	case 13:
		return must_fail(t, &g, "fgetxattr",
				 result(syscall(SYS_fgetxattr, g.fd, "user.x", buf, sizeof(buf))));
	case 14:
		return must_fail(t, &g, "connect", result(connect(g.fd, (void *)buf, 16)));
	default:
		return must_fail(t, &g, "execveat",
				 result(syscall(SYS_execveat, g.fd, "", NULL, NULL,
						AT_EMPTY_PATH)));
	}
}

long run_fcntl(struct runner *t, const uint8_t *a)
{
	static const int cmds[] = {
		F_GETFL, F_SETFL, F_GETFD, F_SETFD, F_SETSIG, F_GETOWN, F_SETPIPE_SZ, F_GETPIPE_SZ,
		F_GETLK, F_SETLEASE, F_NOTIFY, F_ADD_SEALS,
	};
	static const long args[] = { 0, O_NONBLOCK, O_APPEND, O_NONBLOCK, 1, 4096, O_DIRECT, 0 };
	struct target g = target_of(a[0]);
	long r;

	r = result(fcntl(g.fd, PICK(cmds, a[1] % ARRAY_LEN(cmds)), PICK(args, a[2])));
	if (r < -511)
		broken(t, "fcntl returned %ld", r);
	return r;
}

long run_splice(struct runner *t, const uint8_t *a)
{
	struct target g = target_of(a[0]);
	struct iovec v = { send_mem, 8 };
	int p[2];
	long r;

	if (pipe2(p, O_NONBLOCK))
		return -errno;
	r = write(p[1], "12345678", 8);
	switch (a[1] % 8) {
	case 0:
		r = result(splice(g.fd, NULL, p[1], NULL, 8, SPLICE_F_NONBLOCK));
		break;
	case 1:
		r = result(splice(p[0], NULL, g.fd, NULL, 8, SPLICE_F_NONBLOCK));
		break;
	case 2:
		r = result(sendfile(p[1], g.fd, NULL, 8));
		break;
	case 3:
		r = result(sendfile(g.fd, p[0], NULL, 8));
		break;
	case 4:
		r = result(tee(g.fd, p[1], 8, SPLICE_F_NONBLOCK));
		break;
	case 5:
		r = result(vmsplice(g.fd, &v, 1, SPLICE_F_NONBLOCK));
		break;
	case 6:
		r = result(copy_file_range(g.fd, NULL, p[1], NULL, 8, 0));
		break;
	default:
		r = result(splice(g.fd, NULL, g.fd, NULL, 8, SPLICE_F_NONBLOCK));
	}
	must_fail(t, &g, "splice or the like", r);
	close(p[0]);
	close(p[1]);
	return r;
}

long run_fdinfo(struct runner *t, const uint8_t *a)
{
	char path[40], text[1024];
	long r = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", FIRST_FD + a[0] % NR_SLOTS);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		r = result(read(fd, text, sizeof(text) - 1));
		close(fd);
	}
	return r;
}

/*
 * Other tasks, and time
 */

long run_nap(struct runner *t, const uint8_t *a)
{
	static const long times[] = { 0, 100000, 1000000 };
	struct timespec ts = { .tv_nsec = times[a[0] % 3] };

	return ts.tv_nsec ? result(nanosleep(&ts, NULL)) : sched_yield();
}

/* Its handler lets calls go on, or not. */
long run_signal(struct runner *t, const uint8_t *a)
{
	const struct runner *to = &runners[(t->nr + a[0]) % shared->threads];

	return result(syscall(SYS_tgkill, getpid(), to->tid, a[0] & 1 ? SIGUSR1 : SIGUSR2));
}

/*
 * A process that has the same memory, so that it is cheap, and files of its own. It
 * is killed as it waits.
 */

struct child {
	struct runner *t;
	unsigned int what;
	struct target g;
};

#define CHILD_STACK	32768

static int child_main(void *arg)
{
	const struct child *c = arg;
	struct chan_case k[2];
	uint8_t room[4096];
	struct chan_xfer x = {
		.size = sizeof(x), .buf = (uintptr_t)room, .count = 1,
		.len = c->g.slot && c->g.slot->message ? c->g.slot->unit : 0,
	};
	struct chan_select s = {
		.size = sizeof(s), .cases = (uintptr_t)k, .count = 2, .case_size = sizeof(*k),
	};

	switch (c->what) {
	case 0:
		close_range(FIRST_FD, FIRST_FD + NR_SLOTS, 0);
		return 0;
	case 1:
		x.buf = (uintptr_t)send_mem;
		return ioctl(c->g.fd, CHAN_IOC_SEND, &x);
	case 2:
		return ioctl(c->g.fd, CHAN_IOC_RECV, &x);
	case 3:
		return read(c->g.fd, room, c->g.slot && c->g.slot->unit ? c->g.slot->unit : 1);
	case 4:
		k[0] = (struct chan_case){ .fd = c->g.fd, .buf = x.buf, .len = x.len };
		k[1] = (struct chan_case){ .fd = FIRST_FD + UNBUF, .buf = x.buf };
		return ioctl(CTL_FD, CHAN_IOC_SELECT, &s);
	default:
		return read(FIRST_FD + SEL, room, sizeof(room));
	}
}

long run_fork(struct runner *t, const uint8_t *a)
{
	static _Thread_local uint8_t stack[CHILD_STACK] __attribute__((aligned(64)));
	struct child c = { t, a[0] % 6, target_of(a[1]) };
	struct timespec ts = { .tv_nsec = (a[2] % 8) * 200000 };
	pid_t pid;
	int status;

	/* At times one with memory of its own, which ends at once. */
	if (a[0] >= 128) {
		pid = fork();
		if (!pid)
			_exit(0);
	} else {
		pid = clone(child_main, stack + sizeof(stack), CLONE_VM | SIGCHLD, &c);
	}
	if (pid < 0)
		return -errno;
	nanosleep(&ts, NULL);
	kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return 0;
}

/* Who is charged for what this thread makes: another user, where root may be one. */
long run_uid(struct runner *t, const uint8_t *a)
{
	static const uid_t uids[] = { 0, 1001, 1002 };
	uid_t uid = PICK(uids, a[0]);

	if (shared->as != AS_ROOT)
		return -EPERM;
	/* glibc's own would do it for all threads. */
	if (syscall(SYS_setresuid, uid, -1, -1))
		return -errno;
	t->other_uid = uid;
	return 0;
}

long run_fail(struct runner *t, const uint8_t *a)
{
	t->fail = 1 + a[0] % 32;
	return 0;
}
