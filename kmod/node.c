// SPDX-License-Identifier: GPL-2.0
/*
 * Named channels: /dev/chanN, made through the driver core, and names.
 */
#include <linux/cdev.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/hashtable.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/stringhash.h>
#include <linux/user_namespace.h>
#include <linux/wait.h>
#include <linux/xarray.h>

#include "chan.h"
#include "compat.h"

#define CHAN_MINORS	65536

/**
 * struct chan_node - a channel's device
 * @dev: embedded, so that it lives until the last user of the device is gone
 * @cdev: embedded, holds @dev
 * @object: immutable, counted; until the device is released
 * @minor: immutable; free again when the device is released
 * @gid: immutable; group of the node
 * @gone: chan_nodes_mutex to write; destroyed: no more opens
 * @by_name: chan_nodes_mutex; in chan_names, if the channel has a name
 */
struct chan_node {
	struct device dev;
	struct cdev cdev;
	struct chan_object *object;
	u32 minor;
	kgid_t gid;
	bool gone;
	struct hlist_node by_name;
};

static DEFINE_MUTEX(chan_nodes_mutex);
static DEFINE_XARRAY_ALLOC(chan_nodes);		/* by minor; lock of its own */
static DEFINE_HASHTABLE(chan_names, 8);
static u32 chan_next_minor;
static dev_t chan_devt;

/* Devices that the driver core has not released yet: their code is here. */
static atomic_t chan_nodes_alive = ATOMIC_INIT(0);
static DECLARE_WAIT_QUEUE_HEAD(chan_nodes_wait);

/* The driver core's memory: it may release it after the module has gone. */
static struct class *chan_class;

static struct chan_node *chan_node_of(const struct device *dev)
{
	return container_of(dev, struct chan_node, dev);
}

/* devtmpfs asks when it makes the node, and with all NULL when it removes it. */
static char *chan_devnode(CHAN_DEVNODE_CONST struct device *dev, umode_t *mode,
			  kuid_t *uid, kgid_t *gid)
{
	const struct chan_node *n = chan_node_of(dev);

	if (mode)
		*mode = n->object->mode;
	if (uid)
		*uid = n->object->uid;
	if (gid)
		*gid = n->gid;
	return NULL;
}

static const struct device_type chan_device_type = {
	.name		= "chan",
	.devnode	= chan_devnode,
};

static void chan_node_release(struct device *dev)
{
	struct chan_node *n = chan_node_of(dev);

	xa_erase(&chan_nodes, n->minor);
	chan_uncharge(n->object->account, CHAN_QUOTA_NAMED, 1);
	chan_object_put(n->object);
	kfree(n);
	/* Unloading frees this code a grace period after it has seen the 0. */
	rcu_read_lock();
	if (atomic_dec_and_test(&chan_nodes_alive))
		wake_up(&chan_nodes_wait);
	rcu_read_unlock();
}

static u32 chan_name_key(kuid_t uid, const char *name)
{
	return full_name_hash(NULL, name, strlen(name)) + __kuid_val(uid);
}

static struct chan_node *chan_node_find(kuid_t uid, const char *name)
{
	struct chan_node *n;

	lockdep_assert_held(&chan_nodes_mutex);
	hash_for_each_possible(chan_names, n, by_name, chan_name_key(uid, name))
		if (uid_eq(n->object->uid, uid) && !strcmp(n->object->name, name))
			return n;
	return NULL;
}

/*
 * A node without a device: it has a minor number and the object. It is charged until
 * it is released, which who has a destroyed channel's node open can put off.
 */
static struct chan_node *chan_node_alloc(struct chan_object *o)
{
	struct chan_node *n;
	int r;

	r = chan_charge(o->account, CHAN_QUOTA_NAMED, 1);
	if (r)
		return ERR_PTR(r);
	r = chan_named_rate(o->account);
	if (r)
		goto err_charge;
	n = kzalloc(sizeof(*n), GFP_KERNEL_ACCOUNT);
	if (!n) {
		r = -ENOMEM;
		goto err_charge;
	}
	/* Reserved, not stored: nobody finds it before it is ready. */
	r = xa_alloc_cyclic(&chan_nodes, &n->minor, NULL,
			    XA_LIMIT(0, CHAN_MINORS - 1), &chan_next_minor, GFP_KERNEL_ACCOUNT);
	if (r < 0)
		goto err_node;
	kref_get(&o->refs);
	n->object = o;
	n->gid = current_fsgid();
	return n;

err_node:
	kfree(n);
err_charge:
	chan_uncharge(o->account, CHAN_QUOTA_NAMED, 1);
	return ERR_PTR(r == -EBUSY ? -ENOSPC : r);
}

/* From here on the device's release frees the node. */
static int chan_node_add(struct chan_node *n)
{
	int r;

	atomic_inc(&chan_nodes_alive);
	device_initialize(&n->dev);
	n->dev.class = chan_class;
	n->dev.type = &chan_device_type;
	n->dev.groups = chan_node_groups;
	n->dev.devt = chan_devt + n->minor;
	n->dev.release = chan_node_release;
	cdev_init(&n->cdev, &chan_fops);
	n->cdev.owner = THIS_MODULE;
	r = dev_set_name(&n->dev, "chan%u", n->minor);
	return r ?: cdev_device_add(&n->cdev, &n->dev);
}

static int chan_node_new__locked(struct chan_object *o)
{
	struct chan_node *n;
	int r;

	lockdep_assert_held(&chan_nodes_mutex);
	if (o->name && chan_node_find(o->uid, o->name))
		return -EEXIST;
	n = chan_node_alloc(o);
	if (IS_ERR(n))
		return PTR_ERR(n);
	r = chan_node_add(n);
	if (r) {
		put_device(&n->dev);
		return r;
	}
	xa_store(&chan_nodes, n->minor, n, GFP_KERNEL);
	if (o->name)
		hash_add(chan_names, &n->by_name, chan_name_key(o->uid, o->name));
	o->node = n;
	WRITE_ONCE(o->minor, n->minor);
	__module_get(THIS_MODULE);
	return 0;
}

/**
 * chan_node_new() - give a channel its node, and its name if it has one
 * @o: the channel, nobody else's yet
 *
 * Return: 0, -EDQUOT, -EEXIST, -ENOMEM, -ENOSPC, -EPERM, or what the driver core
 * says.
 */
int chan_node_new(struct chan_object *o)
{
	int r;

	/* The node appears in the host's /dev, whatever container this is. */
	if (current_user_ns() != &init_user_ns)
		return -EPERM;
	mutex_lock(&chan_nodes_mutex);
	r = chan_node_new__locked(o);
	mutex_unlock(&chan_nodes_mutex);
	return r;
}

static bool chan_object_empty(struct chan_object *o)
{
	bool empty;

	spin_lock(&o->chan.lock);
	empty = !chan_len(&o->chan);
	spin_unlock(&o->chan.lock);
	return empty;
}

static struct chan_node *chan_node_unlink(struct chan_object *o, bool force)
{
	struct chan_node *n = o->node;

	lockdep_assert_held(&chan_nodes_mutex);
	if (!n)
		return ERR_PTR(-ENODEV);
	if (!force && !chan_object_empty(o))
		return ERR_PTR(-ENOTEMPTY);
	WRITE_ONCE(n->gone, true);
	/* The minor number stays reserved; who walks the nodes finds it no more. */
	xa_store(&chan_nodes, n->minor, NULL, GFP_KERNEL);
	if (o->name)
		hash_del(&n->by_name);
	o->node = NULL;
	WRITE_ONCE(o->minor, CHAN_MINOR_NONE);
	return n;
}

/**
 * chan_node_destroy() - node and name go, the channel stays for who has it open
 * @o: the channel
 * @force: though elements are queued
 *
 * Return: 0; -ENODEV if it has no node; -ENOTEMPTY.
 */
int chan_node_destroy(struct chan_object *o, bool force)
{
	struct chan_node *n;

	mutex_lock(&chan_nodes_mutex);
	n = chan_node_unlink(o, force);
	mutex_unlock(&chan_nodes_mutex);
	if (IS_ERR(n))
		return PTR_ERR(n);
	trace_chan_destroy(o, n->minor);
	cdev_device_del(&n->cdev, &n->dev);
	put_device(&n->dev);
	module_put(THIS_MODULE);
	return 0;
}

/**
 * chan_node_object() - the channel of a node that is being opened
 * @inode: the node's
 *
 * Return: the channel, with a reference; NULL if it has just been destroyed.
 */
struct chan_object *chan_node_object(struct inode *inode)
{
	struct chan_node *n = container_of(inode->i_cdev, struct chan_node, cdev);

	/* The open holds the cdev, so the node and its reference are there. */
	if (READ_ONCE(n->gone))
		return NULL;
	kref_get(&n->object->refs);
	return n->object;
}

/**
 * chan_node_object_of() - the channel of a device
 * @dev: the node's; while it is there the channel is
 *
 * Return: the channel, without a reference.
 */
struct chan_object *chan_node_object_of(struct device *dev)
{
	return chan_node_of(dev)->object;
}

/**
 * chan_node_resolve() - what a name stands for
 * @uid: whose name
 * @name: the name
 * @minor: out: of its node
 * @id: out: of the channel
 *
 * Return: 0 or -ENOENT.
 */
int chan_node_resolve(kuid_t uid, const char *name, u32 *minor, u64 *id)
{
	struct chan_node *n;

	mutex_lock(&chan_nodes_mutex);
	n = chan_node_find(uid, name);
	if (n) {
		*minor = n->minor;
		*id = n->object->id;
	}
	mutex_unlock(&chan_nodes_mutex);
	return n ? 0 : -ENOENT;
}

/**
 * chan_node_next() - walk the named channels
 * @minor: first minor number to look at; out: that of the channel found
 *
 * Return: the channel, with a reference; NULL if there is none any more.
 */
struct chan_object *chan_node_next(u32 *minor)
{
	struct chan_object *o = NULL;
	unsigned long index = *minor;
	struct chan_node *n;

	mutex_lock(&chan_nodes_mutex);
	n = xa_find(&chan_nodes, &index, ULONG_MAX, XA_PRESENT);
	if (n) {
		o = n->object;
		kref_get(&o->refs);
		*minor = index;
	}
	mutex_unlock(&chan_nodes_mutex);
	return o;
}

/**
 * chan_nodes_init() - before the first named channel
 *
 * Return: 0 or an errno.
 */
int chan_nodes_init(void)
{
	int r = alloc_chrdev_region(&chan_devt, 0, CHAN_MINORS, "chan");

	if (r)
		return r;
	chan_class = chan_class_create("chan");
	if (!IS_ERR(chan_class))
		return 0;
	unregister_chrdev_region(chan_devt, CHAN_MINORS);
	return PTR_ERR(chan_class);
}

/**
 * chan_nodes_exit() - after the last named channel; waits for its device
 */
void chan_nodes_exit(void)
{
	wait_event(chan_nodes_wait, !atomic_read(&chan_nodes_alive));
	class_destroy(chan_class);
	unregister_chrdev_region(chan_devt, CHAN_MINORS);
	xa_destroy(&chan_nodes);
}
