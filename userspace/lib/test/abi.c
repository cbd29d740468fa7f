/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What programs that are built already rely on: each function as they call it, each
 * structure as they lay it out, each constant as they pass it. Only compiled, where
 * pointers have 64 bits; what is no longer so doesn't compile.
 *
 * Nothing here is ever changed, only added to, but for the size of a structure that has a
 * field "size" and grows at its end. lib/check sees that nothing is missing.
 * chan.h's part of it is in selftests/uapi.c.
 */
#include <gochan.h>
#include <libchan.h>

#define SIZE(type, size) \
	_Static_assert(sizeof(struct type) == (size), #type)
#define FIELD(in, field, type, offset)						\
	_Static_assert(__builtin_offsetof(struct in, field) == (offset), #in);	\
	_Static_assert(__builtin_types_compatible_p(__typeof__(((struct in *)0)->field), type), \
		       #in "." #field)
#define VALUE(constant, value) \
	_Static_assert((constant) == (value), #constant)

/* libchan.h */

VALUE(CHAN_O_LOOK, 3);
VALUE(CHAN_CASE_POLL, 0x100);

SIZE(chan_options, 32);
FIELD(chan_options, size, uint32_t, 0);
FIELD(chan_options, flags, uint32_t, 4);
FIELD(chan_options, mode, uint32_t, 8);
FIELD(chan_options, pad, uint32_t, 12);
FIELD(chan_options, type, const char *, 16);
FIELD(chan_options, name, const char *, 24);

SIZE(chan_expect, 24);
FIELD(chan_expect, size, uint32_t, 0);
FIELD(chan_expect, flags, uint32_t, 4);
FIELD(chan_expect, elem_size, uint32_t, 8);
FIELD(chan_expect, pad, uint32_t, 12);
FIELD(chan_expect, type, const char *, 16);

SIZE(chan_choice, 48);
FIELD(chan_choice, c, struct chan *, 0);
FIELD(chan_choice, buf, void *, 8);
FIELD(chan_choice, size, size_t, 16);
FIELD(chan_choice, len, size_t, 24);
FIELD(chan_choice, op, unsigned int, 32);
FIELD(chan_choice, result, int, 36);
FIELD(chan_choice, fd, int, 40);
FIELD(chan_choice, events, unsigned int, 44);

int chan_version(void);
const char *chan_strerror(int);
int chan_new(struct chan **, size_t, size_t, int, const struct chan_options *);
int chan_ctl_open(void);
int chan_new_at(struct chan **, int, size_t, size_t, int, const struct chan_options *);
int chan_open_name(struct chan **, const char *, int, const struct chan_expect *);
int chan_open_minor(struct chan **, unsigned int, int, const struct chan_expect *);
int chan_open_path(struct chan **, const char *, int, const struct chan_expect *);
int chan_from_fd(struct chan **, int, const struct chan_expect *);
int (chan_narrow)(struct chan **, const struct chan *, int);
struct chan *(chan_ref)(struct chan *);
struct chan *(chan_unref)(struct chan *);
int (chan_fd)(const struct chan *);
int chan_send_elem(struct chan *, const void *);
int chan_send_elem_try(struct chan *, const void *);
int chan_send_elem_timeout(struct chan *, const void *, uint64_t);
int chan_send_elems(struct chan *, const void *, size_t);
int chan_send_elems_try(struct chan *, const void *, size_t);
int chan_send_elems_timeout(struct chan *, const void *, size_t, uint64_t);
int chan_send_msg(struct chan *, const void *, size_t);
int chan_send_msg_try(struct chan *, const void *, size_t);
int chan_send_msg_timeout(struct chan *, const void *, size_t, uint64_t);
int chan_recv_elem(struct chan *, void *);
int chan_recv_elem_try(struct chan *, void *);
int chan_recv_elem_timeout(struct chan *, void *, uint64_t);
int chan_recv_elems(struct chan *, void *, size_t);
int chan_recv_elems_try(struct chan *, void *, size_t);
int chan_recv_elems_timeout(struct chan *, void *, size_t, uint64_t);
int chan_recv_msg(struct chan *, void *, size_t, size_t *);
int chan_recv_msg_try(struct chan *, void *, size_t, size_t *);
int chan_recv_msg_timeout(struct chan *, void *, size_t, size_t *, uint64_t);
int chan_select(struct chan_choice *, size_t, unsigned int);
int chan_select_try(struct chan_choice *, size_t, unsigned int);
int chan_select_timeout(struct chan_choice *, size_t, unsigned int, uint64_t);
int chan_sel_new(struct chan_sel **, const struct chan *, int);
int chan_sel_arm(struct chan_sel *, struct chan_choice *, size_t, unsigned int);
int chan_sel_read(struct chan_sel *, struct chan_choice *, size_t);
int chan_sel_disarm(struct chan_sel *);
int chan_sel_fd(const struct chan_sel *);
struct chan_sel *chan_sel_ref(struct chan_sel *);
struct chan_sel *chan_sel_unref(struct chan_sel *);
int (chan_standby)(struct chan *, int);
int (chan_after)(struct chan **, uint64_t);
int (chan_tick)(struct chan **, uint64_t);
int (chan_timer_reset)(struct chan *, uint64_t, uint64_t);
int (chan_timer_stop)(struct chan *);
int (chan_close)(struct chan *);
int (chan_destroy)(struct chan *, unsigned int);
int (chan_len)(const struct chan *);
int (chan_cap)(const struct chan *);
size_t (chan_elem_size)(const struct chan *);
unsigned int (chan_flags)(const struct chan *);
uint64_t (chan_id)(const struct chan *);
const char *(chan_type)(const struct chan *);
const char *(chan_name)(const struct chan *);
int (chan_info)(const struct chan *, struct chan_info *, size_t);
int chan_resolve(const char *, unsigned int *, uint64_t *);
int chan_list(unsigned int *, struct chan_info *, size_t, size_t);
int chan_limits(struct chan_limits *, size_t);

/* gochan/chan.h */

SIZE(chan_make, 40);
FIELD(chan_make, size, uint32_t, 0);
FIELD(chan_make, flags, uint32_t, 4);
FIELD(chan_make, cap, size_t, 8);
FIELD(chan_make, mode, uint32_t, 16);
FIELD(chan_make, pad, uint32_t, 20);
FIELD(chan_make, type, const char *, 24);
FIELD(chan_make, name, const char *, 32);

SIZE(libchan_any, 1);
FIELD(libchan_any, byte, char, 0);

SIZE(libchan_named, 8);
FIELD(libchan_named, type, const char *, 0);

SIZE(libchan_range, 16);
FIELD(libchan_range, from, struct chan *, 0);
FIELD(libchan_range, more, bool, 8);

int chan_new_typed(struct chan **, size_t, const char *, const struct chan_make *);
int chan_open_typed(struct chan **, const char *, int, size_t, const char *);
int chan_check_typed(const struct chan *, size_t, const char *);
uint64_t chan_now(void);
uint64_t chan_until(uint64_t);
struct chan *go_new(size_t, int64_t, const char *);
struct chan *go_open_name(const char *, int, size_t, const char *);
void go_send_elem(struct chan *, const void *);
bool go_recv_elem(struct chan *, void *);
void (go_close)(struct chan *);
struct chan *(go_after)(uint64_t);
struct chan *(go_tick)(uint64_t);

/* gochan/select.h */

VALUE(GO_SELECT_ORDERED, 0x1);

SIZE(go_selection, 1016);
FIELD(go_selection, registering, uint32_t, 0);
FIELD(go_selection, reserved, uint32_t, 4);
FIELD(go_selection, room, uint64_t[126], 8);

struct go_selection *go_select_begin(struct go_selection *, size_t, unsigned int);
bool go_select_step(struct go_selection *);
void go_select_recv(struct go_selection *, unsigned int, struct chan *, void *, size_t, bool *);
void *go_select_send(struct go_selection *, unsigned int, struct chan *, size_t);
void go_select_fd(struct go_selection *, unsigned int, int, unsigned int, unsigned int *);
void go_select_timeout(struct go_selection *, unsigned int, uint64_t);
void go_select_default(struct go_selection *, unsigned int);
bool go_select_taken(struct go_selection *, unsigned int);
void go_select_end(struct go_selection *);

/* gochan/task.h */

SIZE(go_options, 16);
FIELD(go_options, size, uint32_t, 0);
FIELD(go_options, procs, uint32_t, 4);
FIELD(go_options, stack_size, size_t, 8);

SIZE(go_block_, 4);
FIELD(go_block_, done, int, 0);

int go_init(const struct go_options *);
int go_start(void (*)(void *), void *);
int go_start_copy(void (*)(void *), const void *, size_t);
void go_begin(void (*)(void *), const void *, size_t);
void go_run(void (*)(void *), void *);
void go_yield(void);
void go_exit(void);
void go_sleep(uint64_t);
uint64_t go_id(void);
unsigned int go_num(void);
unsigned int go_procs(unsigned int);
void go_block_begin(void);
void go_block_end(void);

/* gochan/sync.h */

SIZE(go_mutex, 24);
FIELD(go_mutex, private_state, uint32_t, 0);
FIELD(go_mutex, private_pad, uint32_t, 4);
FIELD(go_mutex, private_queue, void *, 8);
FIELD(go_mutex, private_reserved, uint64_t, 16);

SIZE(go_rwmutex, 56);
FIELD(go_rwmutex, private_writers, struct go_mutex, 0);
FIELD(go_rwmutex, private_state, uint32_t, 24);
FIELD(go_rwmutex, private_readers, uint32_t, 28);
FIELD(go_rwmutex, private_queue, void *, 32);
FIELD(go_rwmutex, private_writer, void *, 40);
FIELD(go_rwmutex, private_reserved, uint64_t, 48);

SIZE(go_wait_group, 24);
FIELD(go_wait_group, private_state, uint64_t, 0);
FIELD(go_wait_group, private_queue, void *, 8);
FIELD(go_wait_group, private_reserved, uint64_t, 16);

SIZE(go_once, 24);
FIELD(go_once, private_state, uint32_t, 0);
FIELD(go_once, private_pad, uint32_t, 4);
FIELD(go_once, private_queue, void *, 8);
FIELD(go_once, private_reserved, uint64_t, 16);

SIZE(go_cond, 24);
FIELD(go_cond, private_state, uint32_t, 0);
FIELD(go_cond, private_pad, uint32_t, 4);
FIELD(go_cond, private_queue, void *, 8);
FIELD(go_cond, private_reserved, uint64_t, 16);

void go_mutex_lock(struct go_mutex *);
bool go_mutex_trylock(struct go_mutex *);
int go_mutex_lock_timeout(struct go_mutex *, uint64_t);
void go_mutex_unlock(struct go_mutex *);
void go_rwmutex_rlock(struct go_rwmutex *);
bool go_rwmutex_tryrlock(struct go_rwmutex *);
int go_rwmutex_rlock_timeout(struct go_rwmutex *, uint64_t);
void go_rwmutex_runlock(struct go_rwmutex *);
void go_rwmutex_lock(struct go_rwmutex *);
bool go_rwmutex_trylock(struct go_rwmutex *);
int go_rwmutex_lock_timeout(struct go_rwmutex *, uint64_t);
void go_rwmutex_unlock(struct go_rwmutex *);
void go_wait_group_add(struct go_wait_group *, int);
void go_wait_group_done(struct go_wait_group *);
void go_wait_group_wait(struct go_wait_group *);
int go_wait_group_wait_timeout(struct go_wait_group *, uint64_t);
void go_once_do(struct go_once *, void (*)(void *), void *);
void go_cond_wait(struct go_cond *, struct go_mutex *);
int go_cond_wait_timeout(struct go_cond *, struct go_mutex *, uint64_t);
void go_cond_signal(struct go_cond *);
void go_cond_broadcast(struct go_cond *);

/* gochan/panic.h */

_Static_assert(__builtin_types_compatible_p(go_panic_handler, void (*)(const char *)), "");

SIZE(go_deferred, 32);
FIELD(go_deferred, next, struct go_deferred *, 0);
FIELD(go_deferred, fn, void (*)(void *), 8);
FIELD(go_deferred, arg, void *, 16);
FIELD(go_deferred, reserved, uint64_t, 24);

void go_panic(const char *, ...);
void go_fatal(const char *, ...);
go_panic_handler go_set_panic_handler(go_panic_handler);
struct go_deferred *go_defer_begin(struct go_deferred *, void (*)(void *), void *);
void go_defer_end(struct go_deferred *);

/* gochan/context.h */

_Static_assert(__builtin_types_compatible_p(go_done_chan, struct go_unit (*)[1]), "");

struct go_context *go_background(void);
struct go_context *go_with_cancel(struct go_context *);
struct go_context *go_with_deadline(struct go_context *, uint64_t);
struct go_context *go_with_timeout(struct go_context *, uint64_t);
void go_cancel(struct go_context *);
int go_context_err(const struct go_context *);
int go_context_wait(struct go_context *, uint64_t);
go_done_chan go_context_done(struct go_context *);
bool go_context_deadline(const struct go_context *, uint64_t *);
struct go_context *go_context_ref(struct go_context *);
struct go_context *go_context_unref(struct go_context *);
