/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between the kernels that the module is for. Kbuild looks into the
 * kernel's headers and defines CHAN_HAVE_*; nothing is tested elsewhere.
 */
#ifndef _CHAN_COMPAT_H
#define _CHAN_COMPAT_H

/* device_type.devnode takes a const device since 6.3. */
#ifdef CHAN_HAVE_CONST_DEVNODE
#define CHAN_DEVNODE_CONST const
#else
#define CHAN_DEVNODE_CONST
#endif

/* class_create() isn't told the owner any more since 6.4. */
#ifdef CHAN_HAVE_CLASS_OF_NAME
#define chan_class_create(name) class_create(name)
#else
#define chan_class_create(name) class_create(THIS_MODULE, name)
#endif

#endif /* _CHAN_COMPAT_H */
