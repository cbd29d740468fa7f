// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/chanctl: make channels, find them, ask for limits.
 */
#include <linux/cred.h>
#include <linux/ctype.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/user_namespace.h>

#include "chan.h"
#include "uaccess.h"

#define CHAN_LIST_MAX	4096

/* Is it all NULs? @s is aligned and @size a multiple of 8: make's common case. */
static __always_inline bool chan_is_zero(const char *s, size_t size)
{
	const u64 *word = (const u64 *)s;
	u64 any = 0;
	size_t i;

	for (i = 0; i < size / sizeof(u64); i++)
		any |= word[i];
	return !any;
}

/*
 * A string of @size bytes, padded with NULs, of printable characters none of which
 * is in @barred: what tools print and udev rules match must need no quoting.
 */
static __always_inline bool chan_string_ok(const char *s, size_t size, const char *barred)
{
	size_t len, i;

	if (!s[0] && chan_is_zero(s, size))
		return true;
	len = strnlen(s, size);
	if (len == size || memchr_inv(s + len, 0, size - len))
		return false;
	for (i = 0; i < len; i++)
		if (!isascii(s[i]) || !isprint(s[i]) || strchr(barred, s[i]))
			return false;
	return true;
}

static bool chan_type_ok(const char *s)
{
	return chan_string_ok(s, CHAN_TYPE_LEN, "`\"'\\=") && s[0] != ' ' &&
	       (!s[0] || s[strlen(s) - 1] != ' ');
}

static bool chan_name_ok(const char *s)
{
	return chan_string_ok(s, CHAN_NAME_LEN, "`\"'\\=:/ ");
}

static bool chan_node_args_ok(const struct chan_create *arg)
{
	if (!(arg->flags & CHAN_NAMED))
		return !arg->mode && !arg->name[0];
	return arg->mode && !(arg->mode & ~0666);
}

static bool chan_timer_args_ok(const struct chan_create *arg)
{
	return arg->elem_size == sizeof(u64) && arg->capacity == 1 &&
	       !(arg->flags & (CHAN_MESSAGE | CHAN_AUTOCLOSE | CHAN_HANGUP)) &&
	       !(OPEN_FMODE(arg->fd_flags) & FMODE_WRITE);
}

static int chan_create_check(const struct chan_create *arg)
{
	if (arg->flags & ~CHAN_CREATE_FLAGS)
		return -EINVAL;
	if (arg->fd_flags & ~(O_ACCMODE | O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	if (arg->elem_size > CHAN_ELEM_SIZE_MAX || arg->capacity > CHAN_CAPACITY_MAX)
		return -EINVAL;
	if (arg->flags & CHAN_MESSAGE && !arg->elem_size)
		return -EINVAL;
	if (arg->flags & CHAN_TIMER && !chan_timer_args_ok(arg))
		return -EINVAL;
	if (!chan_type_ok(arg->type) || !chan_name_ok(arg->name) || !chan_node_args_ok(arg))
		return -EINVAL;
	if ((u64)arg->elem_size * arg->capacity > CHAN_BYTES_MAX)
		return -EOVERFLOW;
	return 0;
}

/* All but the file descriptor; what goes wrong later undoes it by fput() and destroy. */
static struct file *chan_create_file(struct chan_object *o, const struct chan_create *arg)
{
	struct file *file = chan_file_new(o, arg->fd_flags, true);
	int r;

	if (IS_ERR(file) || !(arg->flags & CHAN_NAMED))
		return file;
	r = chan_node_new(o);
	if (r) {
		fput(file);
		return ERR_PTR(r);
	}
	return file;
}

static int chan_create(struct chan_object *o, struct chan_create *arg, void __user *uarg)
{
	struct file *file;
	int r;

	arg->fd = get_unused_fd_flags(arg->fd_flags & O_CLOEXEC);
	if (arg->fd < 0)
		return arg->fd;
	file = chan_create_file(o, arg);
	if (IS_ERR(file)) {
		put_unused_fd(arg->fd);
		return PTR_ERR(file);
	}
	arg->minor = o->minor;
	arg->id = o->id;
	trace_chan_create(o, o->minor);
	/* From fd to id: the rest is as the caller wrote it. */
	r = chan_args_out(uarg + offsetof(struct chan_create, fd), &arg->fd,
			  offsetof(struct chan_create, type) - offsetof(struct chan_create, fd));
	if (r) {
		if (arg->flags & CHAN_NAMED)
			chan_node_destroy(o, true);
		put_unused_fd(arg->fd);
		fput(file);
		return r;
	}
	fd_install(arg->fd, file);
	return 0;
}

static long chan_ctl_create(void __user *uarg)
{
	struct chan_create arg CHAN_UNINIT;
	struct chan_object *o;
	int r;

	r = chan_args_in(&arg, sizeof(arg), uarg) ?: chan_create_check(&arg);
	if (r)
		return r;
	o = chan_object_new(&arg);
	if (IS_ERR(o))
		return PTR_ERR(o);
	r = chan_create(o, &arg, uarg);
	chan_object_put(o);
	return r;
}

static int chan_resolve(struct chan_resolve *arg)
{
	kuid_t uid;
	int r;

	if (arg->uid != CHAN_UID_ANY) {
		uid = make_kuid(current_user_ns(), arg->uid);
		if (!uid_valid(uid))
			return -EINVAL;
		return chan_node_resolve(uid, arg->name, &arg->minor, &arg->id);
	}
	r = chan_node_resolve(current_fsuid(), arg->name, &arg->minor, &arg->id);
	if (r == -ENOENT)
		r = chan_node_resolve(GLOBAL_ROOT_UID, arg->name, &arg->minor, &arg->id);
	return r;
}

static long chan_ctl_resolve(void __user *uarg)
{
	struct chan_resolve arg;
	int r;

	r = chan_args_in(&arg, sizeof(arg), uarg);
	if (r)
		return r;
	if (arg.flags || !arg.name[0] || !chan_name_ok(arg.name))
		return -EINVAL;
	return chan_resolve(&arg) ?: chan_args_out(uarg, &arg, sizeof(arg));
}

/* One entry, of the caller's size. */
static int chan_list_entry(const struct chan_list *arg, u32 i, struct chan_object *o)
{
	void __user *to = u64_to_user_ptr(arg->entries + (u64)i * arg->entry_size);
	struct chan_info info = { .size = sizeof(info) };

	chan_object_info(o, &info);
	if (chan_args_out(to, &info, sizeof(info)) ||
	    clear_user(to + sizeof(info), arg->entry_size - sizeof(info)))
		return -EFAULT;
	return 0;
}

static int chan_list(struct chan_list *arg)
{
	struct chan_object *o;
	u32 i, minor;
	int r;

	for (i = 0; i < arg->count; i++) {
		minor = arg->next;
		o = chan_node_next(&minor);
		if (!o)
			break;
		r = chan_list_entry(arg, i, o);
		chan_object_put(o);
		if (r)
			return r;
		arg->next = minor + 1;
		cond_resched();
	}
	arg->count = i;
	return 0;
}

static long chan_ctl_list(void __user *uarg)
{
	struct chan_list arg;
	int r;

	r = chan_args_in(&arg, sizeof(arg), uarg);
	if (r)
		return r;
	if (arg.flags || arg.pad || !arg.count || arg.count > CHAN_LIST_MAX ||
	    arg.entry_size < sizeof(struct chan_info) || arg.entry_size > PAGE_SIZE ||
	    arg.entry_size % 8)
		return -EINVAL;
	return chan_list(&arg) ?: chan_args_out(uarg, &arg, sizeof(arg));
}

static long chan_ctl_limits(void __user *uarg)
{
	struct chan_account *a;
	struct chan_limits arg;
	int r;

	r = chan_args_in(&arg, sizeof(arg), uarg);
	if (r)
		return r;
	if (arg.flags)
		return -EINVAL;
	a = chan_account_current();
	if (!a)
		return -ENOMEM;
	arg.features = CHAN_FEATURE_CORE | CHAN_FEATURE_SELECT | CHAN_FEATURE_TIMER;
	arg.elem_size_max = CHAN_ELEM_SIZE_MAX;
	arg.capacity_max = CHAN_CAPACITY_MAX;
	arg.bytes_max = CHAN_BYTES_MAX;
	arg.user_channels = chan_quota_limit(CHAN_QUOTA_CHANNELS);
	arg.user_named = chan_quota_limit(CHAN_QUOTA_NAMED);
	arg.user_bytes = chan_quota_limit(CHAN_QUOTA_BYTES);
	arg.user_parked = chan_quota_limit(CHAN_QUOTA_PARKED);
	arg.channels = chan_charged(a, CHAN_QUOTA_CHANNELS);
	arg.named = chan_charged(a, CHAN_QUOTA_NAMED);
	arg.bytes = chan_charged(a, CHAN_QUOTA_BYTES);
	arg.parked = chan_charged(a, CHAN_QUOTA_PARKED);
	arg.total_channels = chan_objects_total();
	arg.total_parties = atomic_long_read(&chan_total_parties);
	arg.user_selectors = chan_quota_limit(CHAN_QUOTA_SELECTORS);
	arg.user_timers = chan_quota_limit(CHAN_QUOTA_TIMERS);
	arg.selectors = chan_charged(a, CHAN_QUOTA_SELECTORS);
	arg.timers = chan_charged(a, CHAN_QUOTA_TIMERS);
	chan_account_put(a);
	return chan_args_out(uarg, &arg, sizeof(arg));
}

static long chan_ctl_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *uarg = (void __user *)arg;

	switch (cmd) {
	case CHAN_IOC_CREATE:
		return chan_ctl_create(uarg);
	case CHAN_IOC_RESOLVE:
		return chan_ctl_resolve(uarg);
	case CHAN_IOC_LIST:
		return chan_ctl_list(uarg);
	case CHAN_IOC_LIMITS:
		return chan_ctl_limits(uarg);
	case CHAN_IOC_SELECT:
		return chan_ioctl_select(uarg);
	case CHAN_IOC_SELECTOR:
		return chan_ioctl_selector(uarg);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations chan_ctl_fops = {
	.owner		= THIS_MODULE,
	.open		= nonseekable_open,
	.unlocked_ioctl	= chan_ctl_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
};

/* Root's, until an installed udev rule opens it to all. */
static struct miscdevice chan_ctl = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "chanctl",
	.fops	= &chan_ctl_fops,
	.mode	= 0600,
	.groups	= chan_ctl_groups,
};

/**
 * chan_ctl_init() - make /dev/chanctl; last, all else must be ready
 *
 * Return: 0 or an errno.
 */
int chan_ctl_init(void)
{
	return misc_register(&chan_ctl);
}

/**
 * chan_ctl_exit() - no more channels
 */
void chan_ctl_exit(void)
{
	misc_deregister(&chan_ctl);
}
