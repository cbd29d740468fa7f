/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The header alone, as C and as C++, for 64-bit and 32-bit callers: the layout is the
 * same, and stays. Only compiled.
 */
#include <linux/chan.h>

#ifdef __cplusplus
#define assert_that(what) static_assert(what, #what)
#else
#define assert_that(what) _Static_assert(what, #what)
#endif

#define SIZE(type, size) assert_that(sizeof(struct type) == (size))
#define AT(type, field, offset) assert_that(__builtin_offsetof(struct type, field) == (offset))

SIZE(chan_create, 136);
AT(chan_create, size, 0);
AT(chan_create, flags, 4);
AT(chan_create, elem_size, 8);
AT(chan_create, capacity, 12);
AT(chan_create, fd_flags, 16);
AT(chan_create, mode, 20);
AT(chan_create, fd, 24);
AT(chan_create, minor, 28);
AT(chan_create, id, 32);
AT(chan_create, type, 40);
AT(chan_create, name, 72);

SIZE(chan_resolve, 88);
AT(chan_resolve, size, 0);
AT(chan_resolve, flags, 4);
AT(chan_resolve, uid, 8);
AT(chan_resolve, minor, 12);
AT(chan_resolve, id, 16);
AT(chan_resolve, name, 24);

SIZE(chan_info, 168);
AT(chan_info, size, 0);
AT(chan_info, flags, 4);
AT(chan_info, id, 8);
AT(chan_info, elem_size, 16);
AT(chan_info, capacity, 20);
AT(chan_info, len, 24);
AT(chan_info, minor, 28);
AT(chan_info, parked_senders, 32);
AT(chan_info, parked_receivers, 36);
AT(chan_info, senders, 40);
AT(chan_info, receivers, 44);
AT(chan_info, uid, 48);
AT(chan_info, mode, 52);
AT(chan_info, sent, 56);
AT(chan_info, received, 64);
AT(chan_info, type, 72);
AT(chan_info, name, 104);

SIZE(chan_list, 32);
AT(chan_list, size, 0);
AT(chan_list, flags, 4);
AT(chan_list, entries, 8);
AT(chan_list, entry_size, 16);
AT(chan_list, count, 20);
AT(chan_list, next, 24);
AT(chan_list, pad, 28);

SIZE(chan_limits, 120);
AT(chan_limits, size, 0);
AT(chan_limits, flags, 4);
AT(chan_limits, features, 8);
AT(chan_limits, elem_size_max, 16);
AT(chan_limits, capacity_max, 24);
AT(chan_limits, bytes_max, 32);
AT(chan_limits, user_channels, 40);
AT(chan_limits, user_named, 48);
AT(chan_limits, user_bytes, 56);
AT(chan_limits, user_parked, 64);
AT(chan_limits, channels, 72);
AT(chan_limits, named, 80);
AT(chan_limits, bytes, 88);
AT(chan_limits, parked, 96);
AT(chan_limits, total_channels, 104);
AT(chan_limits, total_parties, 112);

SIZE(chan_xfer, 32);
AT(chan_xfer, size, 0);
AT(chan_xfer, flags, 4);
AT(chan_xfer, buf, 8);
AT(chan_xfer, count, 16);
AT(chan_xfer, len, 20);
AT(chan_xfer, timeout_ns, 24);

SIZE(chan_narrow, 16);
AT(chan_narrow, size, 0);
AT(chan_narrow, fd_flags, 4);
AT(chan_narrow, fd, 8);
AT(chan_narrow, pad, 12);

SIZE(chan_destroy, 8);
AT(chan_destroy, size, 0);
AT(chan_destroy, flags, 4);

/* The numbers are forever. */
assert_that(CHAN_IOC_CREATE == 0xC400);
assert_that(CHAN_IOC_RESOLVE == 0xC401);
assert_that(CHAN_IOC_LIST == 0xC402);
assert_that(CHAN_IOC_LIMITS == 0xC403);
assert_that(CHAN_IOC_SEND == 0xC410);
assert_that(CHAN_IOC_RECV == 0xC411);
assert_that(CHAN_IOC_CLOSE == 0xC412);
assert_that(CHAN_IOC_INFO == 0xC413);
assert_that(CHAN_IOC_NARROW == 0xC414);
assert_that(CHAN_IOC_DESTROY == 0xC415);
