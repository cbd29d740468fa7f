// SPDX-License-Identifier: GPL-2.0
/*
 * What /sys says: of each named channel in /sys/class/chan/chanN, of all channels in
 * /sys/class/misc/chanctl. One value a file, for everybody to read, as LIST is.
 */
#include <linux/device.h>
#include <linux/sysfs.h>

#include "chan.h"

/* An attribute of a channel: @name, and of a &struct chan_info @i how it is shown. */
#define CHAN_ATTR(name, format, value)						\
static ssize_t name##_show(struct device *dev, struct device_attribute *attr,	\
			   char *buf)						\
{										\
	struct chan_info i;							\
										\
	chan_object_info(chan_node_object_of(dev), &i);				\
	return sysfs_emit(buf, format "\n", value);				\
}										\
static DEVICE_ATTR_RO(name)

static const char *chan_state(u32 flags)
{
	if (flags & CHAN_CLOSED)
		return "closed";
	return flags & CHAN_HUNGUP ? "hungup" : "open";
}

CHAN_ATTR(id, "%llu", i.id);
CHAN_ATTR(name, "%s", i.name);
CHAN_ATTR(type, "%s", i.type);
CHAN_ATTR(elem_size, "%u", i.elem_size);
CHAN_ATTR(capacity, "%u", i.capacity);
CHAN_ATTR(flags, "%#x", i.flags & CHAN_CREATE_FLAGS);
CHAN_ATTR(state, "%s", chan_state(i.flags));
CHAN_ATTR(len, "%u", i.len);
CHAN_ATTR(senders, "%u", i.senders);
CHAN_ATTR(receivers, "%u", i.receivers);
CHAN_ATTR(parked_senders, "%u", i.parked_senders);
CHAN_ATTR(parked_receivers, "%u", i.parked_receivers);
CHAN_ATTR(sent, "%llu", i.sent);
CHAN_ATTR(received, "%llu", i.received);

static struct attribute *chan_attrs[] = {
	&dev_attr_id.attr,
	&dev_attr_name.attr,
	&dev_attr_type.attr,
	&dev_attr_elem_size.attr,
	&dev_attr_capacity.attr,
	&dev_attr_flags.attr,
	&dev_attr_state.attr,
	&dev_attr_len.attr,
	&dev_attr_senders.attr,
	&dev_attr_receivers.attr,
	&dev_attr_parked_senders.attr,
	&dev_attr_parked_receivers.attr,
	&dev_attr_sent.attr,
	&dev_attr_received.attr,
	NULL
};

static const struct attribute_group chan_group = {
	.attrs = chan_attrs,
};

const struct attribute_group *chan_node_groups[] = {
	&chan_group,
	NULL
};

static ssize_t channels_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%ld\n", chan_objects_total());
}
static DEVICE_ATTR_RO(channels);

static ssize_t parties_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%ld\n", atomic_long_read(&chan_total_parties));
}
static DEVICE_ATTR_RO(parties);

static struct attribute *chan_ctl_attrs[] = {
	&dev_attr_channels.attr,
	&dev_attr_parties.attr,
	NULL
};

static const struct attribute_group chan_ctl_group = {
	.attrs = chan_ctl_attrs,
};

const struct attribute_group *chan_ctl_groups[] = {
	&chan_ctl_group,
	NULL
};
