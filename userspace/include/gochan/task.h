/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libchan - goroutines
 */
#ifndef GOCHAN_TASK_H
#define GOCHAN_TASK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * DOC: Goroutines in one page
 *
 * A goroutine is a function that runs by itself, on a small stack of its own. Those that
 * are ready share a few threads, as many as there are CPUs; a goroutine that waits has
 * none: waiting in a channel, tens of thousands cost what their stacks touch (a page
 * each), and a file descriptor each.
 *
 * - What waits. All functions of libchan that wait let the goroutine wait, not its
 *   thread: send, receive, select, chan_sel_read(), the locks of gochan/sync.h, go_sleep().
 *   Called in a plain thread they block that. No signal ends the wait of a goroutine.
 *   While it waits it needs a file descriptor: besides the errors of each function, in a
 *   goroutine those that would wait also return -EMFILE, -ENFILE, -EDQUOT or -ENOMEM, and
 *   nothing was sent or received. Where the process has too many files open, its limit is
 *   raised first as far as it may (RLIMIT_NOFILE).
 * - What doesn't wait well. A goroutine isn't interrupted: one that computes keeps its
 *   thread until it waits, ends, or calls go_yield(). One that is in a system call keeps it,
 *   too, but in a go_block section.
 * - Threads. A goroutine goes on in any thread, another than before, after whatever may
 *   wait. So it must not hold a pthread_mutex_t over that, nor what is the thread's
 *   own: errno, thread-local variables, and their addresses; in C++ it must not wait in a
 *   catch block. It ends with go_exit(), not with pthread_exit(3).
 * - Files. chan_select() waits for any file (%CHAN_CASE_POLL). Who waits for one that
 *   somebody closes isn't woken. Of one file up to 500 goroutines may wait at once (-EINVAL).
 * - Stacks are of a fixed size (&struct go_options). Below each is a page that may not be
 *   touched, so that one that overflows ends with SIGSEGV. Guards stop when they take up
 *   half of vm.max_map_count: from then on an overflow is only noticed when the goroutine
 *   waits the next time, and the program ends with "fatal error: stack overflow".
 * - Signal handlers run in any thread that doesn't block the signal, on the stack of a
 *   goroutine too: one needs room on it.
 * - fork(2). In the child there are no goroutines; who has forked goes on as a plain
 *   thread, with all handles, and if it was a goroutine and its function returns, the
 *   child exits with status 0. go_start() there begins a new runtime.
 * - The end. When main() returns, the program ends, whatever goroutines do.
 * - Sanitizers and valgrind know where stacks are, if the library was built where
 *   valgrind's header is. ThreadSanitizer takes goroutines for threads, of which it allows
 *   some 8,000, and those that ran in one thread for ordered; and has a thread of its own, so
 *   that no deadlock is found out.
 */

/**
 * struct go_options - how goroutines are run
 * @size: sizeof(struct go_options)
 * @procs: how many run at once, 1..1024; 0: as the environment's GOMAXPROCS says, or as
 *	there are CPUs
 * @stack_size: bytes of each stack, from 16 KiB to 1 GiB, rounded up to pages; of these the
 *	guard takes a page, and the library about 1,000. Memory is only used where it is
 *	touched. 0: 64 KiB, or 256 KiB in a program with a sanitizer
 */
struct go_options {
	uint32_t size;
	uint32_t procs;
	size_t stack_size;
};

/**
 * go_init() - say how goroutines are to be run, before the first one
 * @options: or NULL
 *
 * Nobody has to call it. It starts the runtime's first thread.
 *
 * Return: 0, or -E2BIG, -EAGAIN (no more threads), -EBUSY (the runtime is there already:
 * a goroutine, go_procs() or a context with a time has started it, or go_init()), -EDQUOT
 * (no more files in epolls), -EINVAL, -EMFILE, -ENFILE, -ENOMEM.
 * Since: 1.0
 */
int go_init(const struct go_options *options);

/**
 * go_start() - start a goroutine, as Go's go
 * @fn: what it runs; it ends when that returns
 * @arg: for @fn
 *
 * Where the runtime isn't there yet, it starts.
 *
 * Return: 0, or -ENOMEM; of the first one also -EAGAIN (no more threads), -EDQUOT (no more
 * files in epolls), -EMFILE, -ENFILE.
 * Since: 1.0
 */
int go_start(void (*fn)(void *arg), void *arg);

/**
 * go_start_copy() - start a goroutine with a copy of its argument
 * @fn: what it runs; it ends when that returns
 * @arg: copied; @fn gets the address of the copy, which is aligned as malloc(3) does it
 *	and goes with the goroutine
 * @size: bytes of @arg, up to a quarter of the stack
 *
 * Return: as go_start(); -EINVAL if @size is too large.
 * Since: 1.0
 */
int go_start_copy(void (*fn)(void *arg), const void *arg, size_t size);

/**
 * go_begin() - start a goroutine, or panic: what go() calls
 * @fn: what it runs; it ends when that returns
 * @args: as for go_start_copy()
 * @size: bytes of @args; 0: @fn gets @args itself
 *
 * Panics with "go: the arguments are over a quarter of a stack", "go: the system has no
 * thread left", or "go: " and the text of chan_strerror().
 *
 * Since: 1.0
 */
void go_begin(void (*fn)(void *arg), const void *args, size_t size);

/**
 * go_run() - run the main goroutine
 * @fn: what it runs
 * @arg: for @fn
 *
 * It returns when @fn has; other goroutines go on. While it waits, it is found out when
 * all goroutines are asleep and nobody can wake them, and the program ends with status 2
 * and Go's message: "fatal error: all goroutines are asleep - deadlock!". That can be known
 * if all wait for channels and locks, none for time, files, or in go_block; the channels are
 * anonymous, no timers, and of no fd did chan_fd() tell; no process was forked since they
 * were made; the program has no other threads; and it handles no signals. In a goroutine
 * it only calls @fn. If the goroutine can't be started the program ends.
 *
 * Since: 1.0
 */
void go_run(void (*fn)(void *arg), void *arg);

/**
 * go_yield() - let others run, as Go's runtime.Gosched()
 *
 * In a plain thread as sched_yield(2).
 *
 * Since: 1.0
 */
void go_yield(void);

/**
 * go_exit() - end the goroutine, as Go's runtime.Goexit()
 *
 * What it has deferred is run first. In a plain thread the same, and then
 * pthread_exit(3). If it is the goroutine of go_run(), that doesn't return.
 *
 * Since: 1.0
 */
void go_exit(void) __attribute__((noreturn));

/**
 * go_sleep() - wait for a time, as Go's time.Sleep()
 * @ns: nanoseconds, on CLOCK_MONOTONIC; over 292 years is for ever
 *
 * Since: 1.0
 */
void go_sleep(uint64_t ns);

/**
 * go_id() - which goroutine is this?
 *
 * Return: a number that no other has or had, from 1; 0 in a plain thread.
 * Since: 1.0
 */
uint64_t go_id(void);

/**
 * go_num() - how many goroutines are there? As Go's runtime.NumGoroutine()
 *
 * Return: how many, at some time of the call.
 * Since: 1.0
 */
unsigned int go_num(void);

/**
 * go_procs() - how many goroutines run at once, as Go's runtime.GOMAXPROCS()
 * @n: so many from now on, up to 1024; 0 only asks
 *
 * If it is fewer than before, those that run go on until they wait or call go_yield().
 *
 * Return: how many it were before; 0 if the runtime could not be started.
 * Since: 1.0
 */
unsigned int go_procs(unsigned int n);

/**
 * go_block_begin() - the goroutine's thread is going to block
 *
 * In a system call, for example, or in the code of a library that waits. Another thread
 * runs goroutines meanwhile. Until go_block_end() the goroutine stays in its thread, and
 * functions that wait block that. Sections may be nested; in a plain thread they do nothing.
 *
 * Since: 1.0
 */
void go_block_begin(void);

/**
 * go_block_end() - the goroutine's thread blocks no longer
 *
 * If as many goroutines run as may, this one waits for its turn.
 *
 * Since: 1.0
 */
void go_block_end(void);

#ifdef __cplusplus
}
#else

/**
 * go_block - a section that blocks the goroutine's thread
 *
 *	go_block { n = read(fd, buf, size); }
 *
 * From go_block_begin() to go_block_end(), however it is left: break leaves it, too.
 *
 * Since: 1.0
 */
#define go_block	GO_BLOCK_(GO_CAT_(go_block_, __COUNTER__))

#define GO_BLOCK_(section)						\
	for (struct go_block_ section					\
	     __attribute__((cleanup(go_block_leave_))) = go_block_enter_();	\
	     !section.done; section.done = 1)

struct go_block_ {
	int done;
};

static inline struct go_block_ go_block_enter_(void)
{
	struct go_block_ section = { 0 };

	go_block_begin();
	return section;
}

static inline void go_block_leave_(struct go_block_ *section)
{
	(void)section;
	go_block_end();
}

/**
 * go_func() - define a function that can be started as a goroutine
 * @...: its name, and up to 8 parameters, each a type and a name in parentheses
 *
 *	go_func(serve, (int, fd), (const char *, name))
 *	{
 *		...
 *	}
 *
 * The function is static, and may also be called, serve(fd, name). A type that can't be
 * written in front of a name, as that of an array or of a pointer to a function, needs a
 * typedef.
 *
 * Since: 1.0
 */
#define go_func(...) \
	GO_CAT_(GO_FUNC_, GO_COUNT_(__VA_ARGS__, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0))(__VA_ARGS__)

/**
 * go() - start a goroutine, as Go's go
 * @...: the name of a function that go_func() has defined, and its arguments
 *
 *	go(serve, fd, "echo");
 *
 * Arguments are evaluated at once, converted as those of a call are, and copied. As Go's,
 * it has no result: where no goroutine can be started it panics, "go: ..." and why.
 * go_start() is for who wants to go on then.
 *
 * Since: 1.0
 */
#define go(...)	\
	GO_CAT_(GO_GO_, GO_COUNT_(__VA_ARGS__, N, N, N, N, N, N, N, N, 0, 0))(__VA_ARGS__)

#define GO_CAT_(a, b)		GO_CAT2_(a, b)
#define GO_CAT2_(a, b)		a##b
#define GO_COUNT_(name, a, b, c, d, e, f, g, h, n, ...)	n

#define GO_GO_0(name)		name##_go_()
#define GO_GO_N(name, ...)	name##_go_(__VA_ARGS__)

#define GO_PARAM_(type, var)	type var
#define GO_FIELD_(type, var)	type var;
#define GO_FILL_(type, var)	.var = var,
#define GO_PASS_(type, var)	go_args_->var

/* A function, and its two parts: one that starts it, and one that the goroutine runs. */
#define GO_FUNC_0(name)							\
	static void name(void);						\
	static inline void name##_run_(void *go_args_)			\
	{								\
		(void)go_args_;						\
		name();							\
	}								\
	__attribute__((unused)) static inline void name##_go_(void)	\
	{								\
		go_begin(name##_run_, NULL, 0);				\
	}								\
	static void name(void)

#define GO_FUNC_N_(name, params, fields, fill, pass)			\
	static void name params;					\
	struct name##_args_ { fields };					\
	static inline void name##_run_(void *go_ptr_)			\
	{								\
		struct name##_args_ *go_args_ = (struct name##_args_ *)go_ptr_;	\
		name pass;						\
	}								\
	__attribute__((unused)) static inline void name##_go_ params	\
	{								\
		struct name##_args_ go_copy_ = { fill };		\
		go_begin(name##_run_, &go_copy_, sizeof(go_copy_));	\
	}								\
	static void name params

#define GO_FUNC_1(name, a) \
	GO_FUNC_N_(name, (GO_PARAM_ a), GO_FIELD_ a, GO_FILL_ a, (GO_PASS_ a))
#define GO_FUNC_2(name, a, b) \
	GO_FUNC_N_(name, (GO_PARAM_ a, GO_PARAM_ b), GO_FIELD_ a GO_FIELD_ b, \
		   GO_FILL_ a GO_FILL_ b, (GO_PASS_ a, GO_PASS_ b))
#define GO_FUNC_3(name, a, b, c) \
	GO_FUNC_N_(name, (GO_PARAM_ a, GO_PARAM_ b, GO_PARAM_ c), \
		   GO_FIELD_ a GO_FIELD_ b GO_FIELD_ c, \
		   GO_FILL_ a GO_FILL_ b GO_FILL_ c, \
		   (GO_PASS_ a, GO_PASS_ b, GO_PASS_ c))
#define GO_FUNC_4(name, a, b, c, d) \
	GO_FUNC_N_(name, (GO_PARAM_ a, GO_PARAM_ b, GO_PARAM_ c, GO_PARAM_ d), \
		   GO_FIELD_ a GO_FIELD_ b GO_FIELD_ c GO_FIELD_ d, \
		   GO_FILL_ a GO_FILL_ b GO_FILL_ c GO_FILL_ d, \
		   (GO_PASS_ a, GO_PASS_ b, GO_PASS_ c, GO_PASS_ d))
#define GO_FUNC_5(name, a, b, c, d, e) \
	GO_FUNC_N_(name, (GO_PARAM_ a, GO_PARAM_ b, GO_PARAM_ c, GO_PARAM_ d, GO_PARAM_ e), \
		   GO_FIELD_ a GO_FIELD_ b GO_FIELD_ c GO_FIELD_ d GO_FIELD_ e, \
		   GO_FILL_ a GO_FILL_ b GO_FILL_ c GO_FILL_ d GO_FILL_ e, \
		   (GO_PASS_ a, GO_PASS_ b, GO_PASS_ c, GO_PASS_ d, GO_PASS_ e))
#define GO_FUNC_6(name, a, b, c, d, e, f) \
	GO_FUNC_N_(name, (GO_PARAM_ a, GO_PARAM_ b, GO_PARAM_ c, GO_PARAM_ d, GO_PARAM_ e, \
			  GO_PARAM_ f), \
		   GO_FIELD_ a GO_FIELD_ b GO_FIELD_ c GO_FIELD_ d GO_FIELD_ e GO_FIELD_ f, \
		   GO_FILL_ a GO_FILL_ b GO_FILL_ c GO_FILL_ d GO_FILL_ e GO_FILL_ f, \
		   (GO_PASS_ a, GO_PASS_ b, GO_PASS_ c, GO_PASS_ d, GO_PASS_ e, GO_PASS_ f))
#define GO_FUNC_7(name, a, b, c, d, e, f, g) \
	GO_FUNC_N_(name, (GO_PARAM_ a, GO_PARAM_ b, GO_PARAM_ c, GO_PARAM_ d, GO_PARAM_ e, \
			  GO_PARAM_ f, GO_PARAM_ g), \
		   GO_FIELD_ a GO_FIELD_ b GO_FIELD_ c GO_FIELD_ d GO_FIELD_ e GO_FIELD_ f \
		   GO_FIELD_ g, \
		   GO_FILL_ a GO_FILL_ b GO_FILL_ c GO_FILL_ d GO_FILL_ e GO_FILL_ f GO_FILL_ g, \
		   (GO_PASS_ a, GO_PASS_ b, GO_PASS_ c, GO_PASS_ d, GO_PASS_ e, GO_PASS_ f, \
		    GO_PASS_ g))
#define GO_FUNC_8(name, a, b, c, d, e, f, g, h) \
	GO_FUNC_N_(name, (GO_PARAM_ a, GO_PARAM_ b, GO_PARAM_ c, GO_PARAM_ d, GO_PARAM_ e, \
			  GO_PARAM_ f, GO_PARAM_ g, GO_PARAM_ h), \
		   GO_FIELD_ a GO_FIELD_ b GO_FIELD_ c GO_FIELD_ d GO_FIELD_ e GO_FIELD_ f \
		   GO_FIELD_ g GO_FIELD_ h, \
		   GO_FILL_ a GO_FILL_ b GO_FILL_ c GO_FILL_ d GO_FILL_ e GO_FILL_ f GO_FILL_ g \
		   GO_FILL_ h, \
		   (GO_PASS_ a, GO_PASS_ b, GO_PASS_ c, GO_PASS_ d, GO_PASS_ e, GO_PASS_ f, \
		    GO_PASS_ g, GO_PASS_ h))

#endif /* __cplusplus */

#endif /* GOCHAN_TASK_H */
