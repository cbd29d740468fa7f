// SPDX-License-Identifier: GPL-2.0
/*
 * The cases of a select, in the caller's memory: checked, tried in place, and if it has
 * to wait, given elements in hand.
 */
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "cases.h"
#include "compat.h"
#include "standby.h"
#include "xfer.h"

/*
 * Begin and end
 */

/**
 * chan_select_in() - copy the argument of SELECT or ARM, and check it
 * @arg: out
 * @uarg: the caller's
 * @flags: those that are allowed
 *
 * Return: 0 or an errno.
 */
int chan_select_in(struct chan_select *arg, const void __user *uarg, u32 flags)
{
	int r = chan_args_in(arg, sizeof(*arg), uarg);

	if (r)
		return r;
	if (arg->flags & ~flags || arg->count > CHAN_CASES_MAX ||
	    arg->case_size != sizeof(struct chan_case))
		return -EINVAL;
	if (arg->timeout_ns && !(arg->flags & CHAN_TIMEOUT))
		return -EINVAL;
	return 0;
}

/* Lay out the arrays; those that need the strictest alignment first. */
static int chan_cases_alloc(struct chan_cases *cs, u32 n)
{
	void *p = cs->room;

	cs->block = NULL;
	if (n > CHAN_CASES_INLINE) {
		p = kvmalloc(n * (sizeof(*cs->cases) + sizeof(*cs->fds) + sizeof(*cs->options) +
				  sizeof(*cs->order)), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
		if (!p)
			return -ENOMEM;
		cs->block = p;
	}
	cs->cases = p;
	cs->fds = (void *)(cs->cases + n);
	cs->options = (void *)(cs->fds + n);
	cs->order = (void *)(cs->options + n);
	return 0;
}

/* The caller's memory of a case: is it a place at all? */
static int chan_case_memory_ok(const struct chan *c, const struct chan_case *k)
{
	u64 bytes = c->message ? k->len : c->elem_size;

	if (!c->message && k->len)
		return -EINVAL;
	if (c->message && k->op == CHAN_CASE_SEND && k->len > c->elem_size)
		return -EMSGSIZE;
	if (bytes && (k->buf > ULONG_MAX || !access_ok(u64_to_user_ptr(k->buf), bytes)))
		return -EFAULT;
	return 0;
}

/* One case: its channel. */
static int chan_case_in(struct chan_cases *cs, u32 i)
{
	const struct chan_case *k = &cs->cases[i];
	struct chan_option *o = &cs->options[i];
	struct chan_handle *h;
	struct file *file;

	if (k->pad || k->op > CHAN_CASE_SEND)
		return -EINVAL;
	o->sending = k->op == CHAN_CASE_SEND;
	o->chan = NULL;
	cs->fds[i] = (struct fd) {};
	cs->nr_fds = i + 1;
	if (k->fd < 0)
		return 0;
	cs->fds[i] = fdget(k->fd);
	file = fd_file(cs->fds[i]);
	if (!file)
		return -EBADF;
	if (file->f_op != &chan_fops)
		return -EINVAL;
	h = file->private_data;
	if (!(o->sending ? h->may_send : h->may_recv))
		return -EBADF;
	o->handle = h;
	o->chan = h->chan;
	/* What has come to the handle is to be found in the channel. */
	if (h->standby && !o->sending)
		chan_standby_leave(h);
	return chan_case_memory_ok(o->chan, k);
}

/* How a case's element is moved in place, or delivered. */
static struct chan_io chan_case_io(struct chan_cases *cs, u32 i)
{
	const struct chan_case *k = &cs->cases[i];
	struct chan_handle *h = cs->options[i].handle;

	return (struct chan_io) {
		.handle = h,
		.mem.addr = u64_to_user_ptr(k->buf),
		.wire = h->chan->elem_size,
		.len = k->len,
		.len_addr = h->chan->message && !cs->options[i].sending ?
			    &cs->user[i].len : NULL,
		.faults = cs->faults,
		.nonblock = true,
	};
}

static int chan_case_attempt(struct chan_choice *s, u32 i)
{
	struct chan_cases *cs = container_of(s, struct chan_cases, choice);
	void __user *buf = u64_to_user_ptr(cs->cases[i].buf);
	struct chan *c = cs->options[i].chan;
	bool sending = cs->options[i].sending;
	struct chan_io io;
	int r;

	if (c->short_len != U32_MAX && (sending ? chan_short_write(c, buf, c->short_len) :
					chan_short_read(c, buf, c->short_len)))
		return 1;
	io = chan_case_io(cs, i);
	r = sending ? chan_try_send(&io) : chan_try_recv(&io);
	cs->faults = io.faults;
	if (!r && io.len_addr && put_user(0, io.len_addr))
		return -EFAULT;
	return r;
}

/**
 * chan_cases_begin() - copy a select's cases, and look up their channels
 * @cs: out; uninitialised
 * @arg: the select, checked
 *
 * In any case chan_cases_end() must follow.
 *
 * Return: 0 or an errno.
 */
int chan_cases_begin(struct chan_cases *cs, const struct chan_select *arg)
{
	u32 i;
	int r;

	cs->nr_fds = 0;
	cs->faults = 0;
	cs->parking = NULL;
	cs->user = u64_to_user_ptr(arg->cases);
	r = chan_cases_alloc(cs, arg->count);
	if (r)
		return r;
	if (arg->count && (arg->cases > ULONG_MAX ||
			   copy_from_user(cs->cases, cs->user, arg->count * sizeof(*cs->cases))))
		return -EFAULT;
	for (i = 0; i < arg->count; i++) {
		r = chan_case_in(cs, i);
		if (r)
			return r;
	}
	cs->choice.nr = arg->count;
	cs->choice.options = cs->options;
	cs->choice.order = cs->order;
	cs->choice.by_priority = arg->flags & CHAN_PRIORITY;
	cs->choice.attempt = chan_case_attempt;
	return 0;
}

/**
 * chan_cases_put_fds() - let go of the channels: the caller's call ends
 * @cs: the cases
 */
void chan_cases_put_fds(struct chan_cases *cs)
{
	u32 i;

	for (i = 0; i < cs->nr_fds; i++)
		fdput(cs->fds[i]);
	cs->nr_fds = 0;
}

/**
 * chan_cases_end() - let go of the channels, and of the memory
 * @cs: the cases
 */
void chan_cases_end(struct chan_cases *cs)
{
	chan_cases_put_fds(cs);
	kvfree(cs->block);
	cs->block = NULL;
}

/*
 * Park
 */

static size_t chan_elem_room(size_t bytes)
{
	return ALIGN(sizeof(struct chan_elem) + bytes, 8);
}

static size_t chan_case_room(const struct chan_cases *cs, u32 i)
{
	const struct chan *c = cs->options[i].chan;

	return chan_elem_room(c->message && cs->options[i].sending ? cs->cases[i].len :
			      c->elem_size);
}

/* Bytes of the waiters, of all elements to be sent, and of one that lands. */
static void chan_parking_size(struct chan_cases *cs)
{
	u32 i;

	cs->parked_bytes = cs->choice.nr * sizeof(struct chan_waiter);
	cs->landing_bytes = 0;
	for (i = 0; i < cs->choice.nr; i++) {
		const struct chan *c = cs->options[i].chan;

		if (!c || c->by_ref)
			continue;
		if (cs->options[i].sending)
			cs->parked_bytes += chan_case_room(cs, i);
		else
			cs->landing_bytes = max(cs->landing_bytes, chan_case_room(cs, i));
	}
	cs->parked_bytes += cs->landing_bytes;
}

static int chan_parking_alloc(struct chan_cases *cs)
{
	int r;

	chan_parking_size(cs);
	r = chan_charge(cs->account, CHAN_QUOTA_PARKED, cs->parked_bytes);
	if (r)
		return r;
	cs->parking = kvzalloc(cs->parked_bytes ?: 1, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!cs->parking) {
		chan_uncharge(cs->account, CHAN_QUOTA_PARKED, cs->parked_bytes);
		return -ENOMEM;
	}
	cs->choice.waiters = cs->parking;
	return 0;
}

/* Give a waiter its element. @landing: where all land; @room: for the next to be sent. */
static int chan_case_elem(struct chan_cases *cs, u32 i, void *landing, void **room)
{
	struct chan_waiter *w = &cs->choice.waiters[i];
	const struct chan_case *k = &cs->cases[i];
	struct chan *c = cs->options[i].chan;

	w->party = &cs->choice.party;
	w->sending = cs->options[i].sending;
	if (!c)
		return 0;
	if (c->by_ref) {
		struct chan_elem *e = chan_elem_new(c, cs->account);

		if (IS_ERR(e))
			return PTR_ERR(e);
		w->elem = e;
	} else if (w->sending) {
		w->elem = *room;
		*room += chan_case_room(cs, i);
	} else {
		w->elem = landing;
	}
	if (!w->sending)
		return 0;
	w->elem->len = c->message ? k->len : c->elem_size;
	if (w->elem->len &&
	    copy_from_user(w->elem->data, u64_to_user_ptr(k->buf), w->elem->len))
		return -EFAULT;
	return 0;
}

/**
 * chan_cases_park() - make ready to wait: waiters, with copies of what is to be sent
 * @cs: the cases; account is set
 *
 * In any case chan_cases_unpark() must follow.
 *
 * Return: 0; or -EDQUOT, -EFAULT, -ENOMEM, and nothing has changed.
 */
int chan_cases_park(struct chan_cases *cs)
{
	struct chan_party *p = &cs->choice.party;
	void *landing, *room;
	int r;
	u32 i;

	r = chan_parking_alloc(cs);
	if (r)
		return r;
	p->state = CHAN_PENDING;
	p->several = true;
	p->winner = NULL;
	spin_lock_init(&p->lock);
	landing = cs->choice.waiters + cs->choice.nr;
	room = landing + cs->landing_bytes;
	for (i = 0; i < cs->choice.nr; i++) {
		r = chan_case_elem(cs, i, landing, &room);
		if (r)
			return r;
	}
	return 0;
}

/**
 * chan_cases_unpark() - free what chan_cases_park() has made
 * @cs: the cases
 */
void chan_cases_unpark(struct chan_cases *cs)
{
	struct chan_waiter *w = cs->parking;
	u32 i;

	if (!w)
		return;
	for (i = 0; i < cs->choice.nr; i++)
		if (cs->options[i].chan && cs->options[i].chan->by_ref && w[i].elem)
			chan_elem_free(cs->options[i].chan, w[i].elem);
	kvfree(cs->parking);
	cs->parking = NULL;
	chan_uncharge(cs->account, CHAN_QUOTA_PARKED, cs->parked_bytes);
}

/**
 * chan_cases_give_back() - a received element isn't delivered: its channel has it again
 * @cs: the cases, which have left the queues
 * @i: the case
 */
void chan_cases_give_back(struct chan_cases *cs, u32 i)
{
	struct chan_elem **e = &cs->choice.waiters[i].elem;
	struct chan *c = cs->options[i].chan;

	if (!c->by_ref) {
		chan_return_elem(c, chan_elem_keep(c, cs->account, *e));
		return;
	}
	chan_return_elem(c, *e);
	*e = NULL;
}

/**
 * chan_cases_deliver() - what a select that has waited received, to the case's buffer
 * @cs: the cases, which have left the queues
 * @i: the case that was chosen
 *
 * Return: 0, or as chan_deliver(), and the channel has it back.
 */
int chan_cases_deliver(struct chan_cases *cs, u32 i)
{
	struct chan_io io;
	int r;

	if (cs->options[i].sending)
		return 0;
	io = chan_case_io(cs, i);
	if (cs->choice.result != 1)
		return io.len_addr && put_user(0, io.len_addr) ? -EFAULT : 0;
	r = chan_deliver(&io, cs->choice.waiters[i].elem);
	if (r > 0)
		return 0;
	chan_cases_give_back(cs, i);
	return r;
}

/**
 * chan_cases_result() - what SELECT and ARM return
 * @cs: the cases
 * @i: the case that was chosen
 *
 * Return: its number and %CHAN_OK, or its errno.
 */
long chan_cases_result(const struct chan_cases *cs, int i)
{
	switch (cs->choice.result) {
	case 1:
		return i | CHAN_OK;
	case 0:
	case -EPIPE:
		return i;
	default:
		return cs->choice.result;
	}
}

/*
 * SELECT
 */

/* The instant without a ready case, by looking. Return: as chan_choice_default(). */
static int chan_cases_default(struct chan_cases *cs)
{
	u64 *gens;
	int r;

	if (cs->choice.nr <= 1)
		return -EAGAIN;
	gens = kvmalloc_array(cs->choice.nr, sizeof(*gens), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!gens)
		return -ENOMEM;
	r = chan_choice_default(&cs->choice, gens);
	kvfree(gens);
	return r;
}

/* Wait until fired, or @deadline, or not at all. Return: which case, or an errno. */
static int chan_cases_sleep(struct chan_cases *cs, const ktime_t *deadline, bool tries)
{
	int r = chan_choice_enqueue(&cs->choice);
	int i;

	if (r && !tries) {
		atomic_long_inc(&chan_total_parties);
		r = chan_sleep(&cs->choice.party, deadline);
		atomic_long_dec(&chan_total_parties);
	}
	if (r)
		chan_choice_withdraw(&cs->choice);
	i = chan_choice_leave(&cs->choice);
	return i < 0 ? r : i;
}

static int chan_cases_wait(struct chan_cases *cs, const ktime_t *deadline, bool tries)
{
	int i, r;

	cs->account = chan_account_current();
	if (!cs->account)
		return -ENOMEM;
	cs->choice.party.task = current;
	cs->choice.party.tries = tries;
	i = chan_cases_park(cs);
	if (!i) {
		i = chan_cases_sleep(cs, deadline, tries);
		if (i >= 0) {
			r = chan_cases_deliver(cs, i);
			i = r ?: i;
		}
	}
	chan_cases_unpark(cs);
	chan_account_put(cs->account);
	return i;
}

static int chan_cases_run(struct chan_cases *cs, const struct chan_select *arg)
{
	bool tries = arg->flags & CHAN_NONBLOCK;
	bool timed = arg->flags & CHAN_TIMEOUT;
	ktime_t deadline;
	int r;

	if (timed)
		deadline = chan_deadline(arg->timeout_ns);
	r = chan_choice_try(&cs->choice);
	if (r != -EAGAIN)
		return r;
	if (tries) {
		r = chan_cases_default(cs);
		if (r != -EBUSY)
			return r;
	}
	r = chan_cases_wait(cs, timed ? &deadline : NULL, tries);
	return r == -ERESTARTSYS && timed ? -EINTR : r;
}

/**
 * chan_ioctl_select() - CHAN_IOC_SELECT
 * @uarg: the caller's &struct chan_select
 *
 * Return: as &struct chan_select says.
 */
long chan_ioctl_select(void __user *uarg)
{
	struct chan_cases cs CHAN_UNINIT;
	struct chan_select arg;
	int r;

	r = chan_select_in(&arg, uarg, CHAN_SELECT_FLAGS);
	if (r)
		return r;
	r = chan_cases_begin(&cs, &arg);
	if (!r)
		r = chan_cases_run(&cs, &arg);
	if (r >= 0)
		r = chan_cases_result(&cs, r);
	chan_cases_end(&cs);
	return r;
}
