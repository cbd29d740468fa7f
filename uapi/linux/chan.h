/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * chan - Go channels as Linux devices: what the kernel and userspace share.
 */
#ifndef _UAPI_LINUX_CHAN_H
#define _UAPI_LINUX_CHAN_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * DOC: The interface in one page
 *
 * A channel is a typed, bounded, closable queue with rendezvous, as in Go,
 * whose handle is a file descriptor. &CHAN_IOC_CREATE on /dev/chanctl makes one
 * and returns a handle to it. A named channel also has a device node,
 * /dev/chanN, that others open. read(2) receives, write(2) sends, poll(2) and
 * epoll(7) tell when either would not block; &CHAN_IOC_SEND and &CHAN_IOC_RECV
 * are their full form. &CHAN_IOC_SELECT is Go's select; a selector, a file of its
 * own, is a select that an event loop waits for. O_RDONLY is a receive-only handle,
 * O_WRONLY a send-only one; access mode 3 (O_RDWR | O_WRONLY) makes a handle that may only look.
 *
 * Every ioctl with an argument takes a pointer to a structure that begins with
 * its own size in bytes. A structure may grow at its end: the kernel takes a
 * shorter one as if zeros followed, and a longer one if what it doesn't know
 * is zero. Fields marked "out" are written on success only. Fields that are
 * reserved, and bits that have no name here, must be zero. The layout is the
 * same for 32-bit and 64-bit callers.
 */

/**
 * DOC: Errors
 *
 * Each errno has one meaning, here and in read(2) and write(2):
 *
 * - E2BIG: the structure is longer than the kernel knows, and not zero there.
 * - EACCES, EPERM: the caller may not do this (see each ioctl).
 * - EAGAIN: the call would block, and was asked not to: the default of a select.
 * - EALREADY: a case has committed, too late to take a selector back.
 * - EBADF: the handle has not the direction that the operation needs; in a select,
 *   also no open file.
 * - EBUSY: the selector is armed, or has a result that was not read, or another
 *   call is arming it.
 * - EDQUOT: a limit of the user, or of an owner of the user's namespace, is
 *   reached: channels, named channels or their rate, bytes, parked bytes,
 *   selectors, or timers.
 * - EEXIST: the user already has a channel of this name.
 * - EFAULT: bad address; nothing has changed.
 * - EINPROGRESS: the selector is armed; its file turns readable.
 * - EINTR: a signal came before anything moved, and the call had a timeout, or
 *   the signal's handler has no SA_RESTART.
 * - EINVAL: a field, flag, length or structure size is not valid.
 * - EMSGSIZE: the message is longer than the channel's element size (send) or
 *   than the buffer (receive; the message stays in the channel).
 * - ENODATA: read(2) met an empty message, which only &CHAN_IOC_RECV can
 *   receive; it stays in the channel.
 * - ENODEV: the channel has no node: it is anonymous, or already destroyed.
 * - ENOENT: no channel has this name or minor number.
 * - ENOMEM: out of memory; nothing has changed.
 * - ENOSPC: every minor number is in use.
 * - ENOTEMPTY: elements are queued in a channel to be destroyed.
 * - ENOTTY: unknown ioctl, or one for the other kind of file.
 * - EOVERFLOW: capacity times element size is over &CHAN_BYTES_MAX.
 * - EPIPE: where Go panics: send on a closed channel, close of a closed one;
 *   also send on a channel that was hung up. No SIGPIPE is raised.
 * - ETIMEDOUT: the timeout passed before anything moved.
 */

#define CHAN_IOC_MAGIC		0xC4

/* On /dev/chanctl. */
#define CHAN_IOC_CREATE		_IO(CHAN_IOC_MAGIC, 0x00)
#define CHAN_IOC_RESOLVE	_IO(CHAN_IOC_MAGIC, 0x01)
#define CHAN_IOC_LIST		_IO(CHAN_IOC_MAGIC, 0x02)
#define CHAN_IOC_LIMITS		_IO(CHAN_IOC_MAGIC, 0x03)

/* On /dev/chanctl, and on any channel. */
#define CHAN_IOC_SELECT		_IO(CHAN_IOC_MAGIC, 0x08)
#define CHAN_IOC_SELECTOR	_IO(CHAN_IOC_MAGIC, 0x09)

/* On a channel. */
#define CHAN_IOC_SEND		_IO(CHAN_IOC_MAGIC, 0x10)
#define CHAN_IOC_RECV		_IO(CHAN_IOC_MAGIC, 0x11)
#define CHAN_IOC_CLOSE		_IO(CHAN_IOC_MAGIC, 0x12)
#define CHAN_IOC_INFO		_IO(CHAN_IOC_MAGIC, 0x13)
#define CHAN_IOC_NARROW		_IO(CHAN_IOC_MAGIC, 0x14)
#define CHAN_IOC_DESTROY	_IO(CHAN_IOC_MAGIC, 0x15)
#define CHAN_IOC_STANDBY	_IO(CHAN_IOC_MAGIC, 0x16)
#define CHAN_IOC_TIMER		_IO(CHAN_IOC_MAGIC, 0x17)

/* On a selector. */
#define CHAN_IOC_ARM		_IO(CHAN_IOC_MAGIC, 0x20)
#define CHAN_IOC_DISARM		_IO(CHAN_IOC_MAGIC, 0x21)

/* Hard limits; a user's own are lower (see &struct chan_limits). */
#define CHAN_ELEM_SIZE_MAX	0x00100000	/* bytes of an element */
#define CHAN_CAPACITY_MAX	0x40000000	/* elements */
#define CHAN_BYTES_MAX		0x40000000	/* bytes of all elements of a channel */
#define CHAN_CASES_MAX		1024		/* cases of a select */

#define CHAN_TYPE_LEN		32	/* with the closing NUL */
#define CHAN_NAME_LEN		64	/* with the closing NUL */

#define CHAN_MINOR_NONE		0xffffffffU	/* the channel has no node */
#define CHAN_UID_ANY		0xffffffffU	/* one's own, then root's */

/*
 * What a channel is, in the flags of &struct chan_create and &struct chan_info.
 */
#define CHAN_MESSAGE		0x00000001	/* elements of 0..elem_size bytes */
#define CHAN_NAMED		0x00000002	/* has a node and lives until destroyed */
#define CHAN_AUTOCLOSE		0x00000004	/* closes with the last sending handle */
#define CHAN_HANGUP		0x00000008	/* hangs up with the last receiving handle */
#define CHAN_STANDBY		0x00000010	/* its handles stand by from the start */
#define CHAN_TIMER		0x00000020	/* the kernel sends, when it is time */
#define CHAN_CREATE_FLAGS	(CHAN_MESSAGE | CHAN_NAMED | CHAN_AUTOCLOSE | \
				 CHAN_HANGUP | CHAN_STANDBY | CHAN_TIMER)

/*
 * What has become of it, in the flags of &struct chan_info.
 */
#define CHAN_CLOSED		0x00010000	/* no more sends; receives drain it */
#define CHAN_HUNGUP		0x00020000	/* no more sends: the receivers went */
#define CHAN_DESTROYED		0x00040000	/* was named; its node is gone */

/**
 * struct chan_create - CHAN_IOC_CREATE: make a channel and a handle to it
 * @size: sizeof(struct chan_create), in bytes
 * @flags: any of %CHAN_MESSAGE, %CHAN_NAMED, %CHAN_AUTOCLOSE, %CHAN_HANGUP,
 *	%CHAN_STANDBY (see &CHAN_IOC_STANDBY), %CHAN_TIMER
 * @elem_size: bytes of an element (fixed), or at most of one (message);
 *	0..%CHAN_ELEM_SIZE_MAX, for messages from 1
 * @capacity: elements that the channel buffers, 0..%CHAN_CAPACITY_MAX; 0 makes
 *	it unbuffered: each send meets a receive
 * @fd_flags: the handle's access mode (O_RDONLY, O_WRONLY, O_RDWR, or 3 to only
 *	look), with O_CLOEXEC and O_NONBLOCK
 * @mode: permissions of the node, not zero, within 0666; 0 if not named
 * @fd: out: the handle
 * @minor: out: N of /dev/chanN, or %CHAN_MINOR_NONE
 * @id: out: the channel's id, unique until the module is unloaded
 * @type: name of the element type: printable ASCII, none of `"'\=`, no space at
 *	either end; padded with NULs; may be empty
 * @name: name of the channel among those of the calling user: printable ASCII
 *	without space, none of `"'\=:/`, padded with NULs; empty if not named, and
 *	allowed to be if named
 *
 * Named channels can be made only in the initial user namespace (EPERM).
 *
 * A timer (%CHAN_TIMER) is a channel of 8-byte elements and capacity 1, without
 * %CHAN_MESSAGE, %CHAN_AUTOCLOSE and %CHAN_HANGUP, to which only the kernel sends:
 * its handles are O_RDONLY, or only look (to open its node for sending is EACCES). It
 * is made stopped; see &struct chan_timer.
 *
 * Errors: E2BIG, EDQUOT, EEXIST, EFAULT, EINVAL, EMFILE, ENFILE, ENOMEM, ENOSPC,
 * EOVERFLOW, EPERM.
 */
struct chan_create {
	__u32 size;
	__u32 flags;
	__u32 elem_size;
	__u32 capacity;
	__u32 fd_flags;
	__u32 mode;
	__s32 fd;
	__u32 minor;
	__aligned_u64 id;
	char type[CHAN_TYPE_LEN];
	char name[CHAN_NAME_LEN];
};

/**
 * struct chan_resolve - CHAN_IOC_RESOLVE: what a name stands for
 * @size: sizeof(struct chan_resolve), in bytes
 * @flags: must be zero
 * @uid: whose name it is, or %CHAN_UID_ANY: the caller's, else root's
 * @minor: out: N of /dev/chanN
 * @id: out: the channel's id; after opening the node, compare it with
 *	&struct chan_info.id, since the channel may have been destroyed between
 * @name: the name, padded with NULs
 *
 * A name gives no right: the node's permissions decide who may open it.
 *
 * Errors: E2BIG, EFAULT, EINVAL, ENOENT.
 */
struct chan_resolve {
	__u32 size;
	__u32 flags;
	__u32 uid;
	__u32 minor;
	__aligned_u64 id;
	char name[CHAN_NAME_LEN];
};

/**
 * struct chan_info - CHAN_IOC_INFO: a channel, at one instant
 * @size: sizeof(struct chan_info), in bytes
 * @flags: out: how it was created, and %CHAN_CLOSED, %CHAN_HUNGUP,
 *	%CHAN_DESTROYED
 * @id: out: unique until the module is unloaded
 * @elem_size: out: bytes of an element, or at most of a message
 * @capacity: out: elements that it can buffer
 * @len: out: elements queued; over @capacity only by elements that failed
 *	receivers have returned
 * @minor: out: N of /dev/chanN, or %CHAN_MINOR_NONE
 * @parked_senders: out: blocked senders, send cases of blocked selects and of
 *	armed selectors among them; a case of a select that another case has ended
 *	is counted until it has left the queue, of a selector at the latest when its
 *	result is read
 * @parked_receivers: out: blocked receivers, likewise, and handles that stand by
 * @senders: out: open handles that may send
 * @receivers: out: open handles that may receive
 * @uid: out: who made it, as seen from the caller's user namespace
 * @mode: out: the permissions that the node was made with; 0 if anonymous
 * @sent: out: elements that senders were told are sent
 * @received: out: elements received and not returned; @sent - @received are
 *	queued or on their way into a receiver
 * @type: out: name of the element type, padded with NULs
 * @name: out: name of the channel, padded with NULs
 *
 * Any handle may ask, also one that may only look.
 *
 * Errors: E2BIG, EFAULT, EINVAL.
 */
struct chan_info {
	__u32 size;
	__u32 flags;
	__aligned_u64 id;
	__u32 elem_size;
	__u32 capacity;
	__u32 len;
	__u32 minor;
	__u32 parked_senders;
	__u32 parked_receivers;
	__u32 senders;
	__u32 receivers;
	__u32 uid;
	__u32 mode;
	__aligned_u64 sent;
	__aligned_u64 received;
	char type[CHAN_TYPE_LEN];
	char name[CHAN_NAME_LEN];
};

/**
 * struct chan_list - CHAN_IOC_LIST: the named channels, some at a time
 * @size: sizeof(struct chan_list), in bytes
 * @flags: must be zero
 * @entries: address of @count structures of type &struct chan_info, whose @size
 *	fields are set by the kernel
 * @entry_size: bytes from one entry to the next; at least the 168 bytes of the
 *	first version of &struct chan_info, and a multiple of 8; what an entry has
 *	over the kernel's is zeroed
 * @count: entries that fit, 1..4,096; out: entries written, 0 when there are no
 *	more
 * @next: first minor number to look at, 0 at first; out: where to go on
 * @pad: must be zero
 *
 * Entries come by rising minor number. A channel that lives through the whole
 * walk is listed once; one made or destroyed meanwhile may be. Everybody may
 * list.
 *
 * Errors: E2BIG, EFAULT, EINVAL, ENOMEM.
 */
struct chan_list {
	__u32 size;
	__u32 flags;
	__aligned_u64 entries;
	__u32 entry_size;
	__u32 count;
	__u32 next;
	__u32 pad;
};

/*
 * What this module can do, in &struct chan_limits.features.
 */
#define CHAN_FEATURE_CORE	0x1ULL	/* channels, all but what follows */
#define CHAN_FEATURE_SELECT	0x2ULL	/* SELECT, selectors, handles that stand by */
#define CHAN_FEATURE_TIMER	0x4ULL	/* timers */

/**
 * struct chan_limits - CHAN_IOC_LIMITS: features, limits, and what is in use
 * @size: sizeof(struct chan_limits), in bytes
 * @flags: must be zero
 * @features: out: %CHAN_FEATURE_CORE, %CHAN_FEATURE_SELECT, %CHAN_FEATURE_TIMER
 * @elem_size_max: out: %CHAN_ELEM_SIZE_MAX of this module
 * @capacity_max: out: %CHAN_CAPACITY_MAX of this module
 * @bytes_max: out: %CHAN_BYTES_MAX of this module
 * @user_channels: out: channels that a user may have
 * @user_named: out: named channels that a user may have
 * @user_bytes: out: bytes that a user's channels may hold, in all
 * @user_parked: out: bytes that a user's handles may keep for calls that wait
 * @channels: out: channels that the caller's user has
 * @named: out: named channels that the caller's user has, with those that were
 *	destroyed while somebody had their node open, until that is closed
 * @bytes: out: bytes that they may hold
 * @parked: out: bytes that the user's handles keep
 * @total_channels: out: channels on this machine, of everybody
 * @total_parties: out: blocked calls, armed selectors and handles that stand by
 *	for an element, of everybody
 * @user_selectors: out: selectors that a user may have
 * @user_timers: out: timers that a user may have
 * @selectors: out: selectors that the caller's user has
 * @timers: out: timers that the caller's user has
 *
 * Errors: E2BIG, EFAULT, EINVAL, ENOMEM.
 */
struct chan_limits {
	__u32 size;
	__u32 flags;
	__aligned_u64 features;
	__aligned_u64 elem_size_max;
	__aligned_u64 capacity_max;
	__aligned_u64 bytes_max;
	__aligned_u64 user_channels;
	__aligned_u64 user_named;
	__aligned_u64 user_bytes;
	__aligned_u64 user_parked;
	__aligned_u64 channels;
	__aligned_u64 named;
	__aligned_u64 bytes;
	__aligned_u64 parked;
	__aligned_u64 total_channels;
	__aligned_u64 total_parties;
	__aligned_u64 user_selectors;
	__aligned_u64 user_timers;
	__aligned_u64 selectors;
	__aligned_u64 timers;
};

/*
 * How to wait, in the flags of &struct chan_xfer and &struct chan_select.
 */
#define CHAN_NONBLOCK		0x00000001	/* EAGAIN rather than wait */
#define CHAN_TIMEOUT		0x00000002	/* wait for @timeout_ns at most */
#define CHAN_XFER_FLAGS		(CHAN_NONBLOCK | CHAN_TIMEOUT)
/* Of select only. */
#define CHAN_PRIORITY		0x00000004	/* of ready cases the first, not any */
#define CHAN_SELECT_FLAGS	(CHAN_XFER_FLAGS | CHAN_PRIORITY)

/**
 * struct chan_xfer - CHAN_IOC_SEND, CHAN_IOC_RECV: send or receive elements
 * @size: sizeof(struct chan_xfer), in bytes
 * @flags: %CHAN_NONBLOCK or %CHAN_TIMEOUT; without either the handle's
 *	O_NONBLOCK decides; %CHAN_TIMEOUT waits though the handle has O_NONBLOCK;
 *	%CHAN_NONBLOCK beats both
 * @buf: address of the elements, one after the other; ignored where there is
 *	nothing to copy
 * @count: elements to send, or to receive at most: 1..2^31-1; with messages 1
 * @len: messages: bytes of the message (send) or of the buffer (receive; out:
 *	of the message, also 0 if the channel is closed and drained); else 0
 * @timeout_ns: nanoseconds from now on CLOCK_MONOTONIC; with %CHAN_TIMEOUT only,
 *	else 0; 0 with it is as %CHAN_NONBLOCK but for ETIMEDOUT; over 292 years
 *	is for ever
 *
 * SEND waits until all of @count are sent; RECV waits for one element and then
 * takes as many more as are there. Nothing sent or received twice: a call
 * that was interrupted, timed out or met a close or a bad address after it
 * moved some elements returns how many.
 *
 * Return: the number of elements sent or received, 1 or more. 0 from RECV says
 * that the channel is closed and drained: the "ok" of Go's "v, ok := <-c" is
 * the result of RECV with @count 1. An element that another receiver has claimed,
 * and then returns since it fails, may come after such a 0. On error -1 with errno: E2BIG, EAGAIN,
 * EBADF, EDQUOT, EFAULT, EINTR, EINVAL, EMSGSIZE, ENOMEM, EPIPE, ETIMEDOUT.
 */
struct chan_xfer {
	__u32 size;
	__u32 flags;
	__aligned_u64 buf;
	__u32 count;
	__u32 len;
	__aligned_u64 timeout_ns;
};

/*
 * CHAN_IOC_CLOSE takes no argument (0): no more sends, receivers drain what is
 * queued and then see the end, all that wait wake. For handles that may send.
 * Errors: EBADF, EINVAL, EPIPE (already closed).
 */

/**
 * struct chan_narrow - CHAN_IOC_NARROW: a handle that may do less
 * @size: sizeof(struct chan_narrow), in bytes
 * @fd_flags: as in &struct chan_create; the access mode must be within that of
 *	the handle asked (EBADF); 3 always is
 * @fd: out: the new handle, a new open file of the same channel
 * @pad: must be zero
 *
 * A holder of the new handle can't widen it; but a named channel can also be
 * opened by whoever its node lets in.
 *
 * Errors: E2BIG, EBADF, EDQUOT, EFAULT, EINVAL, EMFILE, ENFILE, ENOMEM.
 */
struct chan_narrow {
	__u32 size;
	__u32 fd_flags;
	__s32 fd;
	__u32 pad;
};

#define CHAN_DESTROY_FORCE	0x00000001	/* even if elements are queued */

/**
 * struct chan_destroy - CHAN_IOC_DESTROY: unlink a named channel
 * @size: sizeof(struct chan_destroy), in bytes
 * @flags: %CHAN_DESTROY_FORCE, or 0
 *
 * Node and name go; open handles go on, and the channel with its elements goes
 * with the last of them. For the owner of the node through which the handle was
 * opened, or, with a handle from CREATE or NARROW, for who made the channel; and for
 * holders of CAP_SYS_ADMIN (else EPERM).
 *
 * Errors: E2BIG, EFAULT, EINVAL, ENODEV, ENOTEMPTY, EPERM.
 */
struct chan_destroy {
	__u32 size;
	__u32 flags;
};

/*
 * CHAN_IOC_STANDBY takes 1 or 0 as its argument: a handle that may receive stands
 * by, or no longer. A receive on a handle that stands by which would fail with
 * EAGAIN stays parked in the channel in the handle's stead, with room for one
 * element; when a sender has given it one, poll(2) says that the handle is readable,
 * and the next receive takes the element. So two programs that never block meet on
 * an unbuffered channel, through epoll(7) alone. An element not taken when the handle
 * is closed, or told 0, or made to wait, or is in a case of a select, goes back into
 * the channel, in its place.
 * With %CHAN_STANDBY every handle of the channel stands by from the start.
 * Return: 1 if it stood by before, else 0. Errors: EBADF, EDQUOT, EINVAL, ENOMEM.
 */

/* What a case does, in &struct chan_case.op. */
#define CHAN_CASE_RECV		0
#define CHAN_CASE_SEND		1

/**
 * struct chan_case - one case of a select
 * @fd: a channel; negative is Go's nil channel, never ready
 * @op: %CHAN_CASE_RECV or %CHAN_CASE_SEND
 * @buf: address of the element to send, or where one goes; ignored where there is
 *	nothing to copy
 * @len: messages: bytes of the message (send) or of the buffer (receive; out, if
 *	this case is chosen: of the message); else 0
 * @pad: must be zero
 */
struct chan_case {
	__s32 fd;
	__u32 op;
	__aligned_u64 buf;
	__u32 len;
	__u32 pad;
};

/**
 * struct chan_select - CHAN_IOC_SELECT, CHAN_IOC_ARM: one of several sends and receives
 * @size: sizeof(struct chan_select), in bytes
 * @flags: any of %CHAN_NONBLOCK (there is a default), %CHAN_TIMEOUT, %CHAN_PRIORITY; of
 *	a selector only %CHAN_PRIORITY
 * @cases: address of @count structures of type &struct chan_case
 * @count: 0..%CHAN_CASES_MAX; none at all wait for ever
 * @case_size: sizeof(struct chan_case), in bytes
 * @timeout_ns: as in &struct chan_xfer
 *
 * Exactly one case commits, or none. Of those ready when the call comes one is
 * chosen at random, each with the same chance, or with %CHAN_PRIORITY the first; if
 * none is ready, the first that becomes it. With %CHAN_NONBLOCK the call fails with
 * EAGAIN, which is Go's default, if there is a moment at which no case is ready. The
 * same channel may stand in several cases, and in both directions: a select never
 * meets itself. O_NONBLOCK of the handles doesn't matter. Buffers are looked at when
 * their case is chosen, and when the call is to wait. %CHAN_CASES_MAX bounds the
 * memory that a waiting call takes, and how long it is at work between two looks
 * at its signals.
 *
 * Return: the index of the case, plus %CHAN_OK if its element was sent or received.
 * Without that its channel is closed: a receive found it drained (the ok of
 * Go's "v, ok := <-c" is false), a send is where Go panics (EPIPE of a plain one).
 * On error -1 with errno, and nothing has changed: E2BIG, EAGAIN, EBADF, EDQUOT,
 * EFAULT, EINTR, EINVAL (also: an open file that is not a channel), EMSGSIZE (a
 * message too long for the channel, or for the buffer of the case that was chosen;
 * it stays), ENOMEM, ETIMEDOUT.
 */
struct chan_select {
	__u32 size;
	__u32 flags;
	__aligned_u64 cases;
	__u32 count;
	__u32 case_size;
	__aligned_u64 timeout_ns;
};

#define CHAN_INDEX_MASK		0x0000ffff	/* in what SELECT and ARM return */
#define CHAN_OK			0x00010000	/* and in &struct chan_selected.flags */

/**
 * struct chan_selector - CHAN_IOC_SELECTOR: make a selector
 * @size: sizeof(struct chan_selector), in bytes
 * @fd_flags: O_CLOEXEC, O_NONBLOCK
 * @fd: out: the selector
 * @pad: must be zero
 *
 * A selector is a select as a file. &CHAN_IOC_ARM takes a &struct chan_select: if a
 * case is ready it commits at once and ARM returns as SELECT does; else ARM fails
 * with EINPROGRESS, and the selector waits in the channels. When a case
 * has committed, poll(2) says that the selector is readable, and read(2) gives a
 * &struct chan_selected with the element behind it, and only then may it be armed
 * anew (EBUSY). Elements to send are copied when it is armed. read(2) of a buffer too
 * small for the result is EMSGSIZE and the result stays; one that waits for a
 * result blocks, or with O_NONBLOCK fails with EAGAIN.
 *
 * &CHAN_IOC_DISARM, without an argument (0), takes it back: no case has committed nor
 * will; or it fails with EALREADY, and the result is there to be read; with
 * EINVAL, if it wasn't armed; or with EINTR.
 *
 * An armed selector keeps its channels open, as their handles do. Closing it
 * takes it back; an element that it has received and nobody has read goes back into
 * the channel, in its place.
 *
 * Errors: E2BIG, EDQUOT, EFAULT, EINVAL, EMFILE, ENFILE, ENOMEM.
 */
struct chan_selector {
	__u32 size;
	__u32 fd_flags;
	__s32 fd;
	__u32 pad;
};

/**
 * struct chan_selected - what read(2) of a selector gives, before the element
 * @index: of the case that has committed
 * @flags: %CHAN_OK, or 0: the channel is closed
 * @len: bytes of the element that follow; 0 of a send
 * @pad: zero
 */
struct chan_selected {
	__u32 index;
	__u32 flags;
	__u32 len;
	__u32 pad;
};

/* What to do, in &struct chan_timer.flags. */
#define CHAN_TIMER_START	0x00000001	/* or start anew */
#define CHAN_TIMER_STOP		0x00000002

/**
 * struct chan_timer - CHAN_IOC_TIMER: start or stop a timer
 * @size: sizeof(struct chan_timer), in bytes
 * @flags: %CHAN_TIMER_START or %CHAN_TIMER_STOP
 * @first_ns: nanoseconds from now to the first element, on CLOCK_MONOTONIC, which
 *	stands still while the machine is suspended; over 292 years is never
 * @period_ns: nanoseconds from one element to the next, or 0: there is only one
 *
 * For handles that may receive of a channel made with %CHAN_TIMER. When it is time the
 * kernel sends the time, a __u64 of nanoseconds on CLOCK_REALTIME since the Epoch. As
 * Go's Ticker it doesn't wait for slow receivers: while an element is queued it
 * sends no other, and goes on at the next whole period after that was received.
 * What is queued is dropped when the timer is started or stopped: no element of
 * the time before can be received after it.
 *
 * Return: 1 if the timer was running or an element of it was queued, else 0. Errors:
 * E2BIG, EBADF, EFAULT, EINVAL, ENODEV (not a timer).
 */
struct chan_timer {
	__u32 size;
	__u32 flags;
	__aligned_u64 first_ns;
	__aligned_u64 period_ns;
};

#endif /* _UAPI_LINUX_CHAN_H */
