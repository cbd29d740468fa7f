// SPDX-License-Identifier: GPL-2.0
/*
 * The cases of a select, in the caller's memory: checked, tried in place, and if it has
 * to wait, given elements in hand.
 */
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "cases.h"
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
int chan_select_in(struct chan_select *arg, const struct chan_select __user *uarg, u32 flags)
{
	int r;

	/* The straight path for a caller of today's size. */
	if (!user_read_access_begin(uarg, sizeof(*uarg)))
		return -EFAULT;
	unsafe_get_user(arg->size, &uarg->size, fault);
	unsafe_get_user(arg->flags, &uarg->flags, fault);
	unsafe_get_user(arg->cases, &uarg->cases, fault);
	unsafe_get_user(arg->count, &uarg->count, fault);
	unsafe_get_user(arg->case_size, &uarg->case_size, fault);
	unsafe_get_user(arg->timeout_ns, &uarg->timeout_ns, fault);
	user_read_access_end();
	if (unlikely(arg->size != sizeof(*arg))) {
		r = chan_args_in(arg, sizeof(*arg), uarg);
		if (r)
			return r;
	}
	if (arg->flags & ~flags || arg->count > CHAN_CASES_MAX ||
	    arg->case_size != sizeof(struct chan_case))
		return -EINVAL;
	if (arg->timeout_ns && !(arg->flags & CHAN_TIMEOUT))
		return -EINVAL;
	return 0;
fault:
	user_read_access_end();
	return -EFAULT;
}

static int chan_cases_alloc(struct chan_cases *cs, u32 n, gfp_t gfp)
{
	cs->block = NULL;
	cs->choice.options = cs->room;
	if (n <= CHAN_CASES_INLINE)
		return 0;
	cs->block = kvmalloc_array(n, sizeof(*cs->choice.options), gfp | __GFP_NOWARN);
	if (!cs->block)
		return -ENOMEM;
	cs->choice.options = cs->block;
	return 0;
}

/* Copy the array, once, word by word: the quickest for some. */
static int chan_cases_copy(struct chan_cases *cs, u32 n)
{
	struct chan_option *o = cs->choice.options, *end = o + n;
	const u64 __user *word = (const u64 __user *)cs->user;

	static_assert(sizeof(o->given) == sizeof(struct chan_case));
	static_assert(offsetof(struct chan_option, buf) ==
		      offsetof(struct chan_option, given) + offsetof(struct chan_case, buf));
	static_assert(offsetof(struct chan_option, len) ==
		      offsetof(struct chan_option, given) + offsetof(struct chan_case, len));
	if (!n)
		return 0;
	if (!user_read_access_begin(word, n * sizeof(o->given)))
		return -EFAULT;
	for (; o < end; o++, word += 3) {
		unsafe_get_user(o->given[0], word, fault);
		unsafe_get_user(o->given[1], word + 1, fault);
		unsafe_get_user(o->given[2], word + 2, fault);
	}
	user_read_access_end();
	return 0;
fault:
	user_read_access_end();
	return -EFAULT;
}

/* A length is for messages, and the padding for nothing. */
static int chan_case_check(const struct chan_case *k, const struct chan *c)
{
	if (k->pad || !c->message)
		return -EINVAL;
	return k->op == CHAN_CASE_SEND && k->len > c->elem_size ? -EMSGSIZE : 0;
}

/* A case's channel, if it suits. */
static __always_inline int chan_case_chan(struct chan_option *o, const struct file *f,
					  bool *standby)
{
	const struct chan_case *k = (const struct chan_case *)o->given;
	const struct chan_handle *h = f->private_data;

	if (unlikely(f->f_op != &chan_fops))
		return f->f_mode & FMODE_PATH ? -EBADF : -EINVAL;
	o->chan = h->chan;
	if (unlikely(h->standby))
		*standby = true;
	if (unlikely(!(k->op == CHAN_CASE_SEND ? h->may_send : h->may_recv)))
		return -EBADF;
	/* With neither a length nor padding it suits any. */
	return unlikely(o->given[2]) ? chan_case_check(k, o->chan) : 0;
}

/* Make the @i-th option of its case. */
static __always_inline int chan_case_in(struct chan_option *o, u32 i, struct files_struct *files,
					bool counted, bool *standby)
{
	const struct chan_case *k = (const struct chan_case *)o->given;
	const u32 op = k->op;
	struct file *f = NULL;
	int r;

	if (unlikely(op > CHAN_CASE_SEND)) {
		r = -EINVAL;
	} else if (unlikely(k->fd < 0)) {
		o->chan = NULL;
		r = k->pad ? -EINVAL : 0;
	} else {
		f = counted ? fget(k->fd) : files_lookup_fd_raw(files, k->fd);
		r = likely(f) ? chan_case_chan(o, f, standby) : -EBADF;
	}
	o->file = f;
	o->order = i;
	o->sending = op;
	return r;
}

/* What has come to handles that stand by is to be found in their channels. */
static void chan_cases_leave_standby(struct chan_cases *cs)
{
	struct chan_handle *h;
	u32 i;

	for (i = 0; i < cs->nr_files; i++) {
		const struct chan_option *o = &cs->choice.options[i];

		if (!o->chan || o->sending)
			continue;
		h = o->file->private_data;
		/* pairs with chan_standby_new() */
		if (smp_load_acquire(&h->standby))
			chan_standby_leave(h);
	}
}

static __always_inline int chan_cases_of(struct chan_cases *cs, u32 n, bool counted)
{
	struct files_struct *files = current->files;
	struct chan_option *o = cs->choice.options;
	bool standby = false;
	u32 i;
	int r = 0;

	for (i = 0; i < n && !r; i++)
		r = chan_case_in(o++, i, files, counted, &standby);
	cs->nr_files = i;
	if (unlikely(standby) && !r)
		chan_cases_leave_standby(cs);
	return r;
}

/* Who has its table of files for itself needs no references: as fdget() does for one. */
static int chan_cases_in(struct chan_cases *cs, u32 n)
{
	cs->counted = atomic_read_acquire(&current->files->count) != 1;
	return cs->counted ? chan_cases_of(cs, n, true) : chan_cases_of(cs, n, false);
}

/* The caller's memory of a case: may it be used at all? */
static __always_inline bool chan_case_access_ok(const struct chan_option *o)
{
	u32 bytes = o->chan->message ? o->len : o->chan->elem_size;

	return !bytes || (o->buf <= ULONG_MAX && access_ok(u64_to_user_ptr(o->buf), bytes));
}

/* How a case's element is moved in place, or delivered. */
static struct chan_io chan_case_io(struct chan_cases *cs, u32 i)
{
	const struct chan_option *o = &cs->choice.options[i];

	return (struct chan_io) {
		.handle = o->file->private_data,
		.mem.addr = u64_to_user_ptr(o->buf),
		.wire = o->chan->elem_size,
		.len = o->len,
		.len_addr = o->chan->message && !o->sending ? &cs->user[i].len : NULL,
		.faults = cs->faults,
		.nonblock = true,
	};
}

static int chan_case_attempt(struct chan_choice *s, u32 i)
{
	struct chan_cases *cs = container_of(s, struct chan_cases, choice);
	const struct chan_option *o = &s->options[i];
	void __user *buf = u64_to_user_ptr(o->buf);
	struct chan *c = o->chan;
	bool sending = o->sending;
	struct chan_io io;
	int r;

	if (!chan_case_access_ok(o))
		return -EFAULT;

	if (c->short_len != U32_MAX) {
		r = sending ? chan_short_write(c, buf, c->short_len, 1) :
			      chan_short_read(c, buf, c->short_len, 1);
		if (r)
			return r;
	}
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
 * @gfp: for the arrays
 *
 * In any case chan_cases_end() must follow.
 *
 * Return: 0 or an errno.
 */
int chan_cases_begin(struct chan_cases *cs, const struct chan_select *arg, gfp_t gfp)
{
	int r;

	cs->nr_files = 0;
	cs->counted = false;
	cs->faults = 0;
	cs->parking = NULL;
	cs->choice.nr = 0;
	cs->user = u64_to_user_ptr(arg->cases);
	r = chan_cases_alloc(cs, arg->count, gfp);
	if (r)
		return r;
	if (arg->count && arg->cases > ULONG_MAX)
		return -EFAULT;
	cs->choice.nr = arg->count;
	cs->choice.by_priority = arg->flags & CHAN_PRIORITY;
	cs->choice.attempt = chan_case_attempt;
	return chan_cases_copy(cs, arg->count) ?: chan_cases_in(cs, arg->count);
}

/**
 * chan_cases_keep() - keep the channels when the call ends
 * @cs: the cases
 */
void chan_cases_keep(struct chan_cases *cs)
{
	u32 i;

	for (i = 0; !cs->counted && i < cs->nr_files; i++)
		if (cs->choice.options[i].file)
			get_file(cs->choice.options[i].file);
	cs->counted = true;
}

/**
 * chan_cases_end() - let go of the channels, and of the memory
 * @cs: the cases
 */
void chan_cases_end(struct chan_cases *cs)
{
	u32 i;

	for (i = 0; cs->counted && i < cs->nr_files; i++)
		if (cs->choice.options[i].file)
			fput(cs->choice.options[i].file);
	if (cs->block)
		kvfree(cs->block);
}

/*
 * Park
 */

static size_t chan_elem_room(size_t bytes)
{
	return ALIGN(sizeof(struct chan_elem) + bytes, 8);
}

static size_t chan_case_room(const struct chan_option *o)
{
	if (o->chan->message && o->sending)
		return chan_elem_room(o->len);
	return chan_elem_room(o->chan->elem_size);
}

/* Bytes of the waiters, of all elements to be sent, and of one that lands. */
static void chan_parking_size(struct chan_cases *cs)
{
	u32 i;

	cs->parked_bytes = ALIGN(cs->choice.nr * sizeof(struct chan_waiter), 8);
	cs->landing_bytes = 0;
	for (i = 0; i < cs->choice.nr; i++) {
		const struct chan_option *o = &cs->choice.options[i];

		if (!o->chan || o->chan->by_ref)
			continue;
		if (o->sending)
			cs->parked_bytes += chan_case_room(o);
		else
			cs->landing_bytes = max(cs->landing_bytes, chan_case_room(o));
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
	const struct chan_option *o = &cs->choice.options[i];
	struct chan_waiter *w = &cs->choice.waiters[i];
	struct chan *c = o->chan;

	w->party = &cs->choice.party;
	w->sending = o->sending;
	if (!c)
		return 0;
	if (!chan_case_access_ok(o))
		return -EFAULT;
	if (c->by_ref) {
		struct chan_elem *e = chan_elem_new(c, cs->account);

		if (IS_ERR(e))
			return PTR_ERR(e);
		w->elem = e;
	} else if (w->sending) {
		w->elem = *room;
		*room += chan_case_room(o);
	} else {
		w->elem = landing;
	}
	if (!w->sending)
		return 0;
	w->elem->len = c->message ? o->len : c->elem_size;
	if (w->elem->len &&
	    copy_from_user(w->elem->data, u64_to_user_ptr(o->buf), w->elem->len))
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
	landing = cs->parking + ALIGN(cs->choice.nr * sizeof(struct chan_waiter), 8);
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
		if (cs->choice.options[i].chan && cs->choice.options[i].chan->by_ref && w[i].elem)
			chan_elem_free(cs->choice.options[i].chan, w[i].elem);
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
	struct chan *c = cs->choice.options[i].chan;

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

	if (cs->choice.options[i].sending)
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
	/* As with poll(2), what only this call needs isn't accounted for, up to a page. */
	r = chan_cases_begin(&cs, &arg, arg.count * sizeof(struct chan_option) <= PAGE_SIZE ?
			     GFP_KERNEL : GFP_KERNEL_ACCOUNT);
	if (!r)
		r = chan_cases_run(&cs, &arg);
	if (r >= 0)
		r = chan_cases_result(&cs, r);
	chan_cases_end(&cs);
	return r;
}
