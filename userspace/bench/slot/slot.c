// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/slot: the least that a character device can do to pass elements, to compare with
 *
 * write(2) copies 64 bytes into the file's one slot, read(2) out of it, each under a
 * spinlock. Nobody waits, wakes, polls or is counted, and an address whose page isn't
 * there is EFAULT. For the benchmark only.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>

#define SLOT_SIZE	64

/**
 * struct slot - an open file
 * @lock: of all that follows
 * @full: there is an element
 * @data: the element
 */
struct slot {
	spinlock_t lock;
	bool full;
	char data[SLOT_SIZE];
};

static int slot_open(struct inode *inode, struct file *file)
{
	struct slot *s = kzalloc(sizeof(*s), GFP_KERNEL);

	if (!s)
		return -ENOMEM;
	spin_lock_init(&s->lock);
	file->private_data = s;
	return stream_open(inode, file);
}

static int slot_release(struct inode *inode, struct file *file)
{
	kfree(file->private_data);
	return 0;
}

static ssize_t slot_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	struct slot *s = file->private_data;
	ssize_t r = SLOT_SIZE;

	if (len != SLOT_SIZE)
		return -EINVAL;
	spin_lock(&s->lock);
	pagefault_disable();
	if (s->full)
		r = -EAGAIN;
	else if (copy_from_user(s->data, buf, SLOT_SIZE))
		r = -EFAULT;
	else
		s->full = true;
	pagefault_enable();
	spin_unlock(&s->lock);
	return r;
}

static ssize_t slot_read(struct file *file, char __user *buf, size_t len, loff_t *pos)
{
	struct slot *s = file->private_data;
	ssize_t r = SLOT_SIZE;

	if (len != SLOT_SIZE)
		return -EINVAL;
	spin_lock(&s->lock);
	pagefault_disable();
	if (!s->full)
		r = -EAGAIN;
	else if (copy_to_user(buf, s->data, SLOT_SIZE))
		r = -EFAULT;
	else
		s->full = false;
	pagefault_enable();
	spin_unlock(&s->lock);
	return r;
}

static const struct file_operations slot_fops = {
	.owner = THIS_MODULE,
	.open = slot_open,
	.release = slot_release,
	.read = slot_read,
	.write = slot_write,
};

static struct miscdevice slot_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "slot",
	.fops = &slot_fops,
	.mode = 0600,
};
module_misc_device(slot_device);

MODULE_DESCRIPTION("The least that a character device can do, for chan's benchmark");
MODULE_LICENSE("GPL");
