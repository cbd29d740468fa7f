/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The sanitizers' hooks: there if the program was built with one, whatever the library
 * was built with. And valgrind's, if the library was built where its header is.
 */
#ifndef LIBCHAN_SANITIZE_H
#define LIBCHAN_SANITIZE_H

#include <stddef.h>
#include <stdint.h>
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND			0
#define VALGRIND_STACK_REGISTER(start, end)	((void)(start), (void)(end))
#endif

#define LIBCHAN_WEAK	__attribute__((weak))

/* AddressSanitizer */
void __sanitizer_start_switch_fiber(void **fake_stack, const void *bottom,
				    size_t size) LIBCHAN_WEAK;
void __sanitizer_finish_switch_fiber(void *fake_stack, const void **bottom,
				     size_t *size) LIBCHAN_WEAK;
void __asan_unpoison_memory_region(const volatile void *begin, size_t size) LIBCHAN_WEAK;
void __lsan_register_root_region(const void *begin, size_t size) LIBCHAN_WEAK;

/* ThreadSanitizer */
void *__tsan_get_current_fiber(void) LIBCHAN_WEAK;
void *__tsan_create_fiber(unsigned int flags) LIBCHAN_WEAK;
void __tsan_destroy_fiber(void *fiber) LIBCHAN_WEAK;
void __tsan_switch_to_fiber(void *fiber, unsigned int flags) LIBCHAN_WEAK;
void __tsan_acquire(void *address) LIBCHAN_WEAK;
void __tsan_release(void *address) LIBCHAN_WEAK;

/* What was done before a release is done after an acquire of the same address. */
static inline void libchan_acquire(void *address)
{
	if (__tsan_acquire)
		__tsan_acquire(address);
}

static inline void libchan_release(void *address)
{
	if (__tsan_release)
		__tsan_release(address);
}

/*
 * ThreadSanitizer doesn't see the kernel hand an element over. What is done before a call
 * on a channel is taken for done before what is done after another call on it: so much
 * holds of a send and its receive, of a receive and the send that it made room for, and
 * of a close.
 */
extern char libchan_orders[64];

static inline void libchan_order_before(uint64_t id)
{
	libchan_release(&libchan_orders[id % sizeof(libchan_orders)]);
}

static inline void libchan_order_after(uint64_t id)
{
	libchan_acquire(&libchan_orders[id % sizeof(libchan_orders)]);
}

#endif /* LIBCHAN_SANITIZE_H */
