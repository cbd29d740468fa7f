// SPDX-License-Identifier: GPL-2.0
/*
 * A channel's memory: the object, its ring, its elements.
 */
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "chan.h"
#include "timer.h"

static struct kmem_cache *chan_object_cache;
static atomic64_t chan_last_id = ATOMIC64_INIT(0);
static atomic_long_t chan_total_objects = ATOMIC_LONG_INIT(0);

/**
 * chan_objects_init() - before the first channel
 *
 * Return: 0 or -ENOMEM.
 */
int chan_objects_init(void)
{
	chan_object_cache = KMEM_CACHE(chan_object, SLAB_HWCACHE_ALIGN | SLAB_ACCOUNT);
	return chan_object_cache ? 0 : -ENOMEM;
}

/**
 * chan_objects_exit() - after the last channel
 */
void chan_objects_exit(void)
{
	kmem_cache_destroy(chan_object_cache);
}

/**
 * chan_objects_total() - channels of everybody
 *
 * Return: how many there are.
 */
long chan_objects_total(void)
{
	return atomic_long_read(&chan_total_objects);
}

static size_t chan_elem_bytes(const struct chan *c)
{
	return sizeof(struct chan_elem) + c->elem_size;
}

static struct chan_elem *chan_elem_alloc(const struct chan *c)
{
	struct chan_elem *e = kvmalloc(chan_elem_bytes(c), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);

	if (!e)
		return NULL;
	INIT_LIST_HEAD(&e->node);
	e->len = 0;
	e->account = NULL;
	return e;
}

/**
 * chan_elem_new() - room for an element outside the ring
 * @c: the channel
 * @a: who is charged for it
 *
 * Return: the element; or an ERR_PTR: -EDQUOT, -ENOMEM.
 */
struct chan_elem *chan_elem_new(struct chan *c, struct chan_account *a)
{
	struct chan_elem *e;
	int r = chan_charge(a, CHAN_QUOTA_PARKED, chan_elem_bytes(c));

	if (r)
		return ERR_PTR(r);
	e = chan_elem_alloc(c);
	if (!e) {
		chan_uncharge(a, CHAN_QUOTA_PARKED, chan_elem_bytes(c));
		return ERR_PTR(-ENOMEM);
	}
	e->account = chan_account_get(a);
	return e;
}

/**
 * chan_elem_keep() - a copy of an element that lies in memory of a call's own
 * @c: the channel, of elements of at most CHAN_INPLACE_MAX bytes
 * @a: who is charged for it, over the limit too
 * @e: the element
 *
 * It is on its way back into the channel and can't be refused.
 *
 * Return: the copy.
 */
struct chan_elem *chan_elem_keep(struct chan *c, struct chan_account *a,
				 const struct chan_elem *e)
{
	struct chan_elem *copy = kmalloc(chan_elem_bytes(c),
					 GFP_KERNEL_ACCOUNT | __GFP_NOFAIL);

	memcpy(copy, e, sizeof(*e) + e->len);
	INIT_LIST_HEAD(&copy->node);
	chan_charge_always(a, CHAN_QUOTA_PARKED, chan_elem_bytes(c));
	copy->account = chan_account_get(a);
	return copy;
}

/**
 * chan_elem_free() - and take it off the account
 * @c: the channel
 * @e: the element
 */
void chan_elem_free(struct chan *c, struct chan_elem *e)
{
	if (e->account) {
		chan_uncharge(e->account, CHAN_QUOTA_PARKED, chan_elem_bytes(c));
		chan_account_put(e->account);
	}
	kvfree(e);
}

/* By reference each slot has an element from the start, so that sends need no memory. */
static int chan_ring_fill(struct chan *c)
{
	struct chan_elem **slot = c->ring;
	u32 i;

	for (i = 0; i < c->capacity; i++) {
		slot[i] = chan_elem_alloc(c);
		if (!slot[i])
			return -ENOMEM;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

static void chan_ring_free(struct chan *c)
{
	struct chan_elem **slot = c->ring;
	u32 i;

	for (i = 0; c->by_ref && slot && i < c->capacity && slot[i]; i++) {
		chan_elem_free(c, slot[i]);
		cond_resched();
	}
	kvfree(c->ring);
}

static int chan_ring_new(struct chan *c)
{
	size_t size = array_size(c->capacity, c->stride);
	gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_NOWARN;

	if (!size)
		return 0;
	c->ring = kvmalloc(size, c->by_ref ? gfp | __GFP_ZERO : gfp);
	if (!c->ring)
		return -ENOMEM;
	return c->by_ref ? chan_ring_fill(c) : 0;
}

/* What the ring takes at worst, which it takes from the start. */
static u64 chan_ring_bytes(const struct chan *c)
{
	u64 slot = c->stride;

	if (c->by_ref)
		slot += chan_elem_bytes(c);
	return slot * c->capacity;
}

static void chan_object_free(struct chan_object *o)
{
	struct chan_elem *e, *next;

	if (o->clock)
		chan_clock_free(o->clock);
	list_for_each_entry_safe(e, next, &o->chan.returned, node) {
		chan_elem_free(&o->chan, e);
		cond_resched();
	}
	chan_ring_free(&o->chan);
	kfree(o->name);
	if (o->flags & CHAN_TIMER)
		chan_uncharge(o->account, CHAN_QUOTA_TIMERS, 1);
	chan_uncharge(o->account, CHAN_QUOTA_BYTES, o->bytes);
	chan_uncharge(o->account, CHAN_QUOTA_CHANNELS, 1);
	chan_account_put(o->account);
	atomic_long_dec(&chan_total_objects);
	kmem_cache_free(chan_object_cache, o);
}

static void chan_object_last(struct kref *refs)
{
	struct chan_object *o = container_of(refs, struct chan_object, refs);

	trace_chan_free(o, READ_ONCE(o->minor));
	chan_object_free(o);
}

/**
 * chan_object_put() - one reference less
 * @o: the channel
 */
void chan_object_put(struct chan_object *o)
{
	kref_put(&o->refs, chan_object_last);
}

/* Who pays, and is there enough? */
static int chan_object_charge(struct chan_object *o)
{
	int r;

	o->account = chan_account_current();
	if (!o->account)
		return -ENOMEM;
	r = chan_charge(o->account, CHAN_QUOTA_CHANNELS, 1);
	if (r)
		goto err_account;
	r = chan_charge(o->account, CHAN_QUOTA_BYTES, o->bytes);
	if (r)
		goto err_channel;
	if (o->flags & CHAN_TIMER) {
		r = chan_charge(o->account, CHAN_QUOTA_TIMERS, 1);
		if (r)
			goto err_bytes;
	}
	return 0;

err_bytes:
	chan_uncharge(o->account, CHAN_QUOTA_BYTES, o->bytes);
err_channel:
	chan_uncharge(o->account, CHAN_QUOTA_CHANNELS, 1);
err_account:
	chan_account_put(o->account);
	return r;
}

static void chan_object_init(struct chan_object *o, const struct chan_create *arg)
{
	struct chan *c = &o->chan;

	chan_init(c, arg->elem_size, arg->capacity, arg->flags & CHAN_MESSAGE,
		  arg->flags & CHAN_TIMER);
	c->autoclose = arg->flags & CHAN_AUTOCLOSE;
	c->hangup = arg->flags & CHAN_HANGUP;
	kref_init(&o->refs);
	o->bytes = chan_ring_bytes(c);
	o->id = atomic64_inc_return(&chan_last_id);
	o->flags = arg->flags;
	o->minor = CHAN_MINOR_NONE;
	o->uid = current_fsuid();
	o->mode = arg->mode;
	memcpy(o->type, arg->type, sizeof(o->type));
}

/**
 * chan_object_new() - make a channel
 * @arg: what it shall be, checked
 *
 * Return: the channel with one reference, no handle and no node; or an ERR_PTR:
 * -EDQUOT, -EINTR, -ENOMEM.
 */
struct chan_object *chan_object_new(const struct chan_create *arg)
{
	struct chan_object *o = kmem_cache_zalloc(chan_object_cache, GFP_KERNEL);
	int r;

	if (!o)
		return ERR_PTR(-ENOMEM);
	chan_object_init(o, arg);
	r = chan_object_charge(o);
	if (r) {
		kmem_cache_free(chan_object_cache, o);
		return ERR_PTR(r);
	}
	atomic_long_inc(&chan_total_objects);
	r = chan_ring_new(&o->chan);
	if (!r && arg->name[0]) {
		o->name = kstrdup(arg->name, GFP_KERNEL_ACCOUNT);
		r = o->name ? 0 : -ENOMEM;
	}
	if (!r && arg->flags & CHAN_TIMER) {
		o->clock = chan_clock_new(&o->chan);
		r = o->clock ? 0 : -ENOMEM;
	}
	if (r) {
		chan_object_free(o);
		return ERR_PTR(r);
	}
	return o;
}

/**
 * chan_object_info() - what INFO and LIST say
 * @o: the channel
 * @info: out: all but its size
 */
void chan_object_info(struct chan_object *o, struct chan_info *info)
{
	struct chan *c = &o->chan;

	info->flags = o->flags;
	info->id = o->id;
	info->elem_size = c->elem_size;
	info->capacity = c->capacity;
	info->minor = READ_ONCE(o->minor);
	info->uid = from_kuid_munged(current_user_ns(), o->uid);
	info->mode = o->mode;
	memcpy(info->type, o->type, sizeof(info->type));
	strscpy_pad(info->name, o->name ?: "", sizeof(info->name));
	if (o->flags & CHAN_NAMED && info->minor == CHAN_MINOR_NONE)
		info->flags |= CHAN_DESTROYED;

	spin_lock(&c->lock);
	if (c->slow & CHAN_SLOW_CLOSED)
		info->flags |= CHAN_CLOSED;
	if (c->slow & CHAN_SLOW_HUNGUP)
		info->flags |= CHAN_HUNGUP;
	info->len = chan_len(c);
	info->parked_senders = c->nr_sendq;
	info->parked_receivers = c->nr_recvq;
	info->senders = c->nr_senders;
	info->receivers = c->nr_receivers;
	info->sent = c->sent;
	info->received = c->sent - chan_len(c);
	spin_unlock(&c->lock);
}
