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

SIZE(chan_limits, 152);
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
AT(chan_limits, user_selectors, 120);
AT(chan_limits, user_timers, 128);
AT(chan_limits, selectors, 136);
AT(chan_limits, timers, 144);

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

SIZE(chan_case, 24);
AT(chan_case, fd, 0);
AT(chan_case, op, 4);
AT(chan_case, buf, 8);
AT(chan_case, len, 16);
AT(chan_case, pad, 20);

SIZE(chan_select, 32);
AT(chan_select, size, 0);
AT(chan_select, flags, 4);
AT(chan_select, cases, 8);
AT(chan_select, count, 16);
AT(chan_select, case_size, 20);
AT(chan_select, timeout_ns, 24);

SIZE(chan_selector, 16);
AT(chan_selector, size, 0);
AT(chan_selector, fd_flags, 4);
AT(chan_selector, fd, 8);
AT(chan_selector, pad, 12);

SIZE(chan_selected, 16);
AT(chan_selected, index, 0);
AT(chan_selected, flags, 4);
AT(chan_selected, len, 8);
AT(chan_selected, pad, 12);

SIZE(chan_timer, 24);
AT(chan_timer, size, 0);
AT(chan_timer, flags, 4);
AT(chan_timer, first_ns, 8);
AT(chan_timer, period_ns, 16);

/* The numbers are forever. */
assert_that(CHAN_IOC_CREATE == 0xC400);
assert_that(CHAN_IOC_RESOLVE == 0xC401);
assert_that(CHAN_IOC_LIST == 0xC402);
assert_that(CHAN_IOC_LIMITS == 0xC403);
assert_that(CHAN_IOC_SELECT == 0xC408);
assert_that(CHAN_IOC_SELECTOR == 0xC409);
assert_that(CHAN_IOC_SEND == 0xC410);
assert_that(CHAN_IOC_RECV == 0xC411);
assert_that(CHAN_IOC_CLOSE == 0xC412);
assert_that(CHAN_IOC_INFO == 0xC413);
assert_that(CHAN_IOC_NARROW == 0xC414);
assert_that(CHAN_IOC_DESTROY == 0xC415);
assert_that(CHAN_IOC_STANDBY == 0xC416);
assert_that(CHAN_IOC_TIMER == 0xC417);
assert_that(CHAN_IOC_ARM == 0xC420);
assert_that(CHAN_IOC_DISARM == 0xC421);
