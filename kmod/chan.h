/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Private to the module: what stands around the core.
 *
 * LOCKS, outer to inner
 *
 *  chan_nodes_mutex (node.c): which named channels there are, by minor and by
 *	name; held while a node is made, so that a name is found only when its
 *	node can be opened.
 *  chan_accounts_lock (account.c): the table of accounts.
 *  chan.lock (core.h): all of a channel that moves.
 *
 * LIFETIMES
 *
 *   file --> chan_handle --> chan_object <-- chan_node <-- cdev <-- file, inode
 *                              |    |          (named)
 *                              v    v
 *                            ring  chan_account --> of the namespace's owner
 *
 * An arrow is a counted reference. The first handle lies in the object, others
 * are allocated. A named channel's node holds the object, and the module: its
 * elements outlive their senders and must not be unloaded. Destroying the node
 * gives up both: the module at once, the object when the driver core lets the
 * device go, for which unloading waits.
 */
#ifndef _CHAN_CHAN_H
#define _CHAN_CHAN_H

#include <linux/atomic.h>
#include <linux/fs.h>
#include <linux/kref.h>
#include <linux/uidgid.h>
#include <uapi/linux/chan.h>

#include "core.h"

#define CHAN_INLINE_MAX	128	/* bytes of an element that waits on its owner's stack */

enum chan_quota {
	CHAN_QUOTA_CHANNELS,
	CHAN_QUOTA_NAMED,
	CHAN_QUOTA_BYTES,
	CHAN_QUOTA_PARKED,
	CHAN_QUOTA_SELECTORS,
	CHAN_QUOTA_TIMERS,
	CHAN_NR_QUOTAS,
};

/**
 * struct chan_handle - an open file of a channel
 * @chan: immutable; what it is a handle of
 * @object: immutable; counted
 * @account: immutable; of who opened it: pays for @spare and for parked elements
 * @spare: xchg(); an empty element for a call to take in hand, or NULL
 * @standby: set once; NULL if it has never stood by
 * @short_len: &struct chan.short_len, or U32_MAX if it has stood by
 * @may_send: immutable
 * @may_recv: immutable
 */
struct chan_handle {
	struct chan *chan;
	struct chan_object *object;
	struct chan_account *account;
	struct chan_elem *spare;
	struct chan_standby *standby;
	u32 short_len;
	bool may_send;
	bool may_recv;
};

struct attribute_group;
struct chan_node;
struct device;
struct seq_file;

/**
 * struct chan_object - a channel with all that the core doesn't know
 * @chan: the core
 * @refs: handles and the node
 * @first: the handle that create returned
 * @account: immutable; of who made it
 * @bytes: immutable; charged to @account
 * @id: immutable; never reused
 * @flags: immutable; CHAN_CREATE_FLAGS
 * @node: chan_nodes_mutex; NULL if anonymous or destroyed
 * @minor: chan_nodes_mutex to write; CHAN_MINOR_NONE without a node
 * @uid: immutable; who made it
 * @mode: immutable; of the node
 * @name: immutable; NULL if it has none
 * @type: immutable; padded with NULs
 * @clock: immutable; NULL if it isn't a timer
 */
struct chan_object {
	struct chan chan;
	struct kref refs;
	struct chan_handle first;
	struct chan_account *account;
	u64 bytes;
	u64 id;
	u32 flags;
	u32 minor;
	kuid_t uid;
	umode_t mode;
	struct chan_node *node;
	const char *name;
	char type[CHAN_TYPE_LEN];
	struct chan_clock *clock;
};

static inline u64 chan_id(const struct chan *c)
{
	return container_of(c, struct chan_object, chan)->id;
}

/* main.c: parameters and totals */
extern atomic_long_t chan_total_parties;
u64 chan_quota_limit(enum chan_quota q);
unsigned int chan_named_rate_limit(void);

/* account.c */
struct chan_account *chan_account_current(void);
struct chan_account *chan_account_get(struct chan_account *a);
void chan_account_put(struct chan_account *a);
int chan_charge(struct chan_account *a, enum chan_quota q, u64 n);
void chan_charge_always(struct chan_account *a, enum chan_quota q, u64 n);
void chan_uncharge(struct chan_account *a, enum chan_quota q, u64 n);
u64 chan_charged(struct chan_account *a, enum chan_quota q);
bool chan_quota_is_ample(const struct chan_account *a, enum chan_quota q);
int chan_named_rate(struct chan_account *a);
void chan_accounts_exit(void);

/* object.c */
int chan_objects_init(void);
void chan_objects_exit(void);
long chan_objects_total(void);
struct chan_object *chan_object_new(const struct chan_create *arg);
void chan_object_put(struct chan_object *o);
void chan_object_info(struct chan_object *o, struct chan_info *info);
struct chan_elem *chan_elem_new(struct chan *c, struct chan_account *a);
struct chan_elem *chan_elem_keep(struct chan *c, struct chan_account *a,
				 const struct chan_elem *e);

/* cases.c */
long chan_ioctl_select(void __user *uarg);

/* file.c */
extern const struct file_operations chan_fops;
struct file *chan_file_new(struct chan_object *o, u32 fd_flags, bool first);

/* sysfs.c */
extern const struct attribute_group *chan_node_groups[];
extern const struct attribute_group *chan_ctl_groups[];

/* fdinfo.c */
void chan_show_fdinfo(struct seq_file *m, struct file *file);

/* selector.c */
long chan_ioctl_selector(void __user *uarg);

/* ioctl.c */
int chan_fd_out(struct file *file, u32 fd_flags, s32 *fd, const void *arg, size_t size,
		void __user *uarg);
int chan_args_out(void __user *uarg, const void *arg, size_t size);
long chan_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

/* ctl.c */
int chan_ctl_init(void);
void chan_ctl_exit(void);

/* node.c */
int chan_nodes_init(void);
void chan_nodes_exit(void);
int chan_node_new(struct chan_object *o);
int chan_node_destroy(struct chan_object *o, bool force);
struct chan_object *chan_node_object(struct inode *inode);
struct chan_object *chan_node_object_of(struct device *dev);
int chan_node_resolve(kuid_t uid, const char *name, u32 *minor, u64 *id);
struct chan_object *chan_node_next(u32 *minor);

#endif /* _CHAN_CHAN_H */
