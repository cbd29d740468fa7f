// SPDX-License-Identifier: GPL-2.0
/*
 * Who pays: what a user makes is counted against that user, and against the
 * owner of each user namespace above, since otherwise a user with a range of
 * subordinate uids had the quota of each of them.
 *
 * The kernel's own ucounts do the same, but modules can't add to them.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/hashtable.h>
#include <linux/jiffies.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>

#include "chan.h"

#define CHAN_RATE_PERIOD	(10 * HZ)

/**
 * struct chan_account - what one user of one user namespace has
 * @node: chan_accounts_lock; in the table
 * @ns: immutable, counted; the namespace
 * @uid: immutable; the user
 * @parent: immutable, counted; the namespace's owner, in the one above
 * @refs: whoever is charged; to 0 under chan_accounts_lock only
 * @used: what is in use, by quota
 * @rated: chan_accounts_lock; in chan_rated, and counted, while its period lasts
 * @rate_since: chan_accounts_lock; when the period of @rate_made began
 * @rate_made: chan_accounts_lock; named channels made in it
 */
struct chan_account {
	struct hlist_node node;
	struct user_namespace *ns;
	kuid_t uid;
	struct chan_account *parent;
	refcount_t refs;
	atomic64_t used[CHAN_NR_QUOTAS];
	struct list_head rated;
	unsigned long rate_since;
	unsigned int rate_made;
};

static DEFINE_HASHTABLE(chan_accounts, 8);
static LIST_HEAD(chan_rated);		/* by rate_since */
static DEFINE_SPINLOCK(chan_accounts_lock);

static unsigned long chan_account_key(const struct user_namespace *ns, kuid_t uid)
{
	return (unsigned long)ns + __kuid_val(uid);
}

/* The account, with a reference, or NULL. */
static struct chan_account *chan_account_find(struct user_namespace *ns, kuid_t uid)
{
	struct chan_account *a;

	lockdep_assert_held(&chan_accounts_lock);
	hash_for_each_possible(chan_accounts, a, node, chan_account_key(ns, uid)) {
		if (a->ns == ns && uid_eq(a->uid, uid)) {
			refcount_inc(&a->refs);
			return a;
		}
	}
	return NULL;
}

static void chan_account_free(struct chan_account *a)
{
	put_user_ns(a->ns);
	kfree(a);
}

/* An account that isn't in the table yet. */
static struct chan_account *chan_account_alloc(struct user_namespace *ns, kuid_t uid)
{
	struct chan_account *a = kzalloc(sizeof(*a), GFP_KERNEL_ACCOUNT);

	if (!a)
		return NULL;
	refcount_set(&a->refs, 1);
	a->ns = get_user_ns(ns);
	a->uid = uid;
	INIT_LIST_HEAD(&a->rated);
	return a;
}

/* The account, made if need be; with a reference, or NULL: no memory. */
static struct chan_account *chan_account_of(struct user_namespace *ns, kuid_t uid)
{
	struct chan_account *a, *made, *parent = NULL;

	spin_lock(&chan_accounts_lock);
	a = chan_account_find(ns, uid);
	spin_unlock(&chan_accounts_lock);
	if (a)
		return a;

	/* As deep as namespaces nest, at most 33. */
	if (ns->parent) {
		parent = chan_account_of(ns->parent, ns->owner);
		if (!parent)
			return NULL;
	}
	made = chan_account_alloc(ns, uid);
	if (!made) {
		if (parent)
			chan_account_put(parent);
		return NULL;
	}
	made->parent = parent;

	spin_lock(&chan_accounts_lock);
	a = chan_account_find(ns, uid);
	if (!a)
		hash_add(chan_accounts, &made->node, chan_account_key(ns, uid));
	spin_unlock(&chan_accounts_lock);
	if (!a)
		return made;
	chan_account_free(made);
	if (parent)
		chan_account_put(parent);
	return a;
}

/**
 * chan_account_current() - the calling user's account
 *
 * Return: the account, with a reference; or NULL if there is no memory.
 */
struct chan_account *chan_account_current(void)
{
	return chan_account_of(current_user_ns(), current_uid());
}

/**
 * chan_account_get() - one more reference
 * @a: the account
 *
 * Return: @a.
 */
struct chan_account *chan_account_get(struct chan_account *a)
{
	refcount_inc(&a->refs);
	return a;
}

/**
 * chan_account_put() - one reference less
 * @a: the account
 */
void chan_account_put(struct chan_account *a)
{
	struct chan_account *parent;
	bool last;

	while (a && !refcount_dec_not_one(&a->refs)) {
		spin_lock(&chan_accounts_lock);
		last = refcount_dec_and_test(&a->refs);
		if (last)
			hash_del(&a->node);
		spin_unlock(&chan_accounts_lock);
		if (!last)
			return;
		parent = a->parent;
		chan_account_free(a);
		a = parent;
	}
}

static bool chan_over_limit(enum chan_quota q, u64 used)
{
	return used > chan_quota_limit(q) && !capable(CAP_SYS_RESOURCE);
}

static void chan_uncharge_upto(struct chan_account *a, const struct chan_account *end,
			       enum chan_quota q, u64 n)
{
	for (; a != end; a = a->parent)
		atomic64_sub(n, &a->used[q]);
}

/**
 * chan_charge() - count something against an account and those above
 * @a: the account
 * @q: what it is
 * @n: how much
 *
 * Return: 0, or -EDQUOT and nothing is counted. CAP_SYS_RESOURCE passes limits.
 */
int chan_charge(struct chan_account *a, enum chan_quota q, u64 n)
{
	struct chan_account *i;

	for (i = a; i; i = i->parent) {
		if (chan_over_limit(q, atomic64_add_return(n, &i->used[q]))) {
			chan_uncharge_upto(a, i->parent, q, n);
			return -EDQUOT;
		}
	}
	return 0;
}

/**
 * chan_charge_always() - count something, limit or not
 * @a: the account
 * @q: what it is
 * @n: how much
 */
void chan_charge_always(struct chan_account *a, enum chan_quota q, u64 n)
{
	for (; a; a = a->parent)
		atomic64_add(n, &a->used[q]);
}

/**
 * chan_uncharge() - it is gone
 * @a: the account
 * @q: what it was
 * @n: how much
 */
void chan_uncharge(struct chan_account *a, enum chan_quota q, u64 n)
{
	chan_uncharge_upto(a, NULL, q, n);
}

/**
 * chan_charged() - how much an account has in use
 * @a: the account
 * @q: of what
 *
 * Return: the amount.
 */
u64 chan_charged(struct chan_account *a, enum chan_quota q)
{
	return atomic64_read(&a->used[q]);
}

/**
 * chan_quota_is_ample() - may something be kept only because it may be of use?
 * @a: the account
 * @q: what it is
 *
 * Return: whether the account and those above have less than half of their limits in use.
 */
bool chan_quota_is_ample(const struct chan_account *a, enum chan_quota q)
{
	u64 half = chan_quota_limit(q) / 2;

	while (a && atomic64_read(&a->used[q]) < half)
		a = a->parent;
	return !a;
}

/* Let go of the accounts whose period is over, or of all. */
static void chan_rates_reap(bool all)
{
	struct chan_account *a;

	for (;;) {
		spin_lock(&chan_accounts_lock);
		a = list_first_entry_or_null(&chan_rated, struct chan_account, rated);
		if (a && !all && time_before(jiffies, a->rate_since + CHAN_RATE_PERIOD))
			a = NULL;
		if (a)
			list_del_init(&a->rated);
		spin_unlock(&chan_accounts_lock);
		if (!a)
			return;
		chan_account_put(a);
	}
}

/**
 * chan_named_rate() - may this user make a named channel now?
 * @a: the user's account
 *
 * Each one costs a device, a uevent and kernel memory that no cgroup is charged
 * for: a loop that makes and destroys them is slowed to the module's named_rate
 * in 10 seconds. So long an account stays, though its user has nothing else.
 *
 * Return: 0, or -EDQUOT.
 */
int chan_named_rate(struct chan_account *a)
{
	bool over;

	chan_rates_reap(false);
	spin_lock(&chan_accounts_lock);
	if (list_empty(&a->rated)) {
		refcount_inc(&a->refs);
		list_add_tail(&a->rated, &chan_rated);
		a->rate_since = jiffies;
		a->rate_made = 0;
	}
	over = a->rate_made >= chan_named_rate_limit();
	if (!over)
		a->rate_made++;
	spin_unlock(&chan_accounts_lock);
	return over && !capable(CAP_SYS_RESOURCE) ? -EDQUOT : 0;
}

/**
 * chan_accounts_exit() - after the last channel
 */
void chan_accounts_exit(void)
{
	chan_rates_reap(true);
}
