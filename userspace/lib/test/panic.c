// SPDX-License-Identifier: GPL-2.0
/*
 * Panic and defer, in plain threads and in goroutines. What ends the process is tried in a
 * child. Prints TAP.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gochan.h>

static int failures, tests;

#define EXPECT(cond) do {							\
	if (!(cond)) {								\
		printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond);		\
		failures++;							\
	}									\
} while (0)

#define EXPECT_STR(a, b) do {							\
	const char *a_ = (a), *b_ = (b);					\
	if (strcmp(a_, b_)) {							\
		printf("# %s:%d: %s is \"%s\", not \"%s\"\n", __FILE__,		\
		       __LINE__, #a, a_, b_);					\
		failures++;							\
	}									\
} while (0)

/* What has happened, a letter each. */
static char trace[64];

static void happen(const char *what)
{
	size_t len = strlen(trace);

	trace[len] = *what;
	trace[len + 1] = 0;
}

static void note(void *what)
{
	happen(what);
}

static int note_and_return(const char *what)
{
	happen(what);
	return 42;
}

static void begin(void)
{
	trace[0] = 0;
}

/* What a child has said on a descriptor, and its exit status; 256 if it was killed. */
struct end {
	char out[4096], err[4096];
	int status;
};

static void drain(int fd, char *to, size_t size)
{
	size_t len = 0;
	ssize_t r;

	while (len < size - 1 && (r = read(fd, to + len, size - 1 - len)) > 0)
		len += r;
	to[len] = 0;
	close(fd);
}

static struct end in_child(void (*fn)(void))
{
	int out[2], err[2], status;
	struct end end;
	pid_t child;

	if (pipe(out) || pipe(err))
		abort();
	fflush(stdout);
	child = fork();
	if (!child) {
		alarm(60);
		dup2(out[1], STDOUT_FILENO);
		dup2(err[1], STDERR_FILENO);
		close(out[0]);
		close(out[1]);
		close(err[0]);
		close(err[1]);
		fn();
		fflush(stdout);
		_exit(0);
	}
	close(out[1]);
	close(err[1]);
	drain(err[0], end.err, sizeof(end.err));
	drain(out[0], end.out, sizeof(end.out));
	if (waitpid(child, &status, 0) != child)
		abort();
	end.status = WIFEXITED(status) ? WEXITSTATUS(status) : 256;
	return end;
}

static void say(void *what)
{
	printf("%s.", (const char *)what);
}

/*
 * Defer
 */

static void in_order(void)
{
	go_defer(note, "a");
	go_defer(note, "b");
	go_defer(note_and_return, "c");
	happen("0");
}

static void deferred_calls_come_last_first(void)
{
	begin();
	in_order();
	EXPECT_STR(trace, "0cba");
}

static int returns(int when)
{
	go_defer(note, "a");
	if (when == 1)
		return note_and_return("1");
	go_defer(note, "b");
	if (when == 2)
		return note_and_return("2");
	happen("3");
	return 0;
}

static void a_return_carries_out_what_was_deferred_so_far(void)
{
	begin();
	EXPECT(returns(1) == 42);
	EXPECT_STR(trace, "1a");
	begin();
	EXPECT(returns(2) == 42);
	EXPECT_STR(trace, "2ba");
	begin();
	returns(3);
	EXPECT_STR(trace, "3ba");
}

static void a_block_has_deferred_calls_of_its_own(void)
{
	int i;

	begin();
	{
		go_defer(note, "a");
		{
			go_defer(note, "b");
			happen("0");
		}
		happen("1");
	}
	EXPECT_STR(trace, "0b1a");

	begin();
	for (i = 0; i < 5; i++) {
		go_defer(note, "d");
		if (i == 1)
			continue;
		if (i == 3)
			break;
		happen("x");
	}
	EXPECT_STR(trace, "xddxdd");

	begin();
	i = 0;
again:
	{
		go_defer(note, "g");
		if (i++ < 2)
			goto again;
	}
	EXPECT_STR(trace, "ggg");
}

static void *argument(const char *what)
{
	happen(what);
	return "z";
}

static void arguments_are_evaluated_at_once_and_once(void)
{
	const char *what = "a";

	begin();
	{
		go_defer(note, argument("1"));
		go_defer(note, (void *)what);
		what = "b";
		happen("2");
	}
	EXPECT_STR(trace, "12az");
}

static void defers_in_turn(void *what)
{
	go_defer(note, "y");
	happen(what);
}

static void a_deferred_call_may_defer(void)
{
	begin();
	{
		go_defer(note, "a");
		go_defer(defers_in_turn, "x");
	}
	EXPECT_STR(trace, "xya");
}

static void two_on_one_line_are_two(void)
{
	begin();
	{ go_defer(note, "a"); go_defer(note, "b"); }
	EXPECT_STR(trace, "ba");
}

static void take_int(int *i)
{
	++*i;
}

static void the_type_of_the_argument_is_the_functions(void)
{
	int i = 0;
	char *p = malloc(1);

	{
		go_defer(take_int, &i);
		go_defer(free, p);
	}
	EXPECT(i == 1);
}

/*
 * Panic
 */

static void panics(void)
{
	printf("written before. ");
	go_defer(say, "first");
	{
		go_defer(say, "second");
		go_panic("the %s is %d", "answer", 42);
	}
}

static void a_panic_runs_deferred_calls_tells_and_exits_with_2(void)
{
	struct end end = in_child(panics);

	EXPECT_STR(end.err, "panic: the answer is 42\n\ngoroutine 1 [running]:\n");
	EXPECT_STR(end.out, "written before. second.first.");
	EXPECT(end.status == 2);
}

static void again(void *what)
{
	go_panic("again %s", (const char *)what);
}

static void panics_twice(void)
{
	go_defer(say, "last");
	go_defer(again, "2");
	go_defer(say, "between");
	go_defer(again, "1");
	go_panic("once");
}

static void a_panic_while_one_is_under_way_is_told_after_it(void)
{
	struct end end = in_child(panics_twice);

	EXPECT_STR(end.err, "panic: once\n\tpanic: again 1\n\tpanic: again 2\n\n"
		   "goroutine 1 [running]:\n");
	EXPECT_STR(end.out, "between.last.");
	EXPECT(end.status == 2);
}

static void panics_at_the_end_of_a_block(void)
{
	go_defer(say, "outer");
	{
		go_defer(again, "alone");
	}
	printf("never");
}

static void a_deferred_call_may_be_what_panics(void)
{
	struct end end = in_child(panics_at_the_end_of_a_block);

	EXPECT_STR(end.err, "panic: again alone\n\ngoroutine 1 [running]:\n");
	EXPECT_STR(end.out, "outer.");
	EXPECT(end.status == 2);
}

static void panics_at_length(void)
{
	char text[3000];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = 0;
	go_panic("%s", text);
}

static void a_long_message_is_cut(void)
{
	struct end end = in_child(panics_at_length);

	EXPECT(strspn(end.err + strlen("panic: "), "x") == 1023);
	EXPECT(strstr(end.err, "x\n\ngoroutine 1"));
	EXPECT(end.status == 2);
}

static void say_at_exit(void)
{
	say("atexit");
}

static void panics_with_atexit(void)
{
	atexit(say_at_exit);
	go_panic("x");
}

static void a_panic_runs_nothing_of_atexit(void)
{
	struct end end = in_child(panics_with_atexit);

	EXPECT_STR(end.out, "");
	EXPECT(end.status == 2);
}

static void *panic_in_thread(void *arg)
{
	go_defer(say, "thread");
	go_panic("in a thread%s", (const char *)arg);
	return NULL;
}

static void panics_in_a_thread(void)
{
	pthread_t thread;

	go_defer(say, "main");
	pthread_create(&thread, NULL, panic_in_thread, "");
	pthread_join(thread, NULL);
}

static void a_thread_runs_what_it_has_deferred_itself(void)
{
	struct end end = in_child(panics_in_a_thread);

	EXPECT(!strncmp(end.err, "panic: in a thread\n\nthread ", 27));
	EXPECT(strstr(end.err, " [running]:\n"));
	EXPECT_STR(end.out, "thread.");
	EXPECT(end.status == 2);
}

static void panics_in_threads(void)
{
	pthread_t threads[8];
	int i;

	for (i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, panic_in_thread, " of many");
	for (i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
}

static int occurrences(const char *text, const char *of)
{
	int n = 0;

	while ((text = strstr(text, of))) {
		text += strlen(of);
		n++;
	}
	return n;
}

static void of_many_who_panic_one_is_heard(void)
{
	struct end end;
	int i;

	for (i = 0; i < 20; i++) {
		end = in_child(panics_in_threads);
		EXPECT(occurrences(end.err, "panic: ") == 1);
		EXPECT(occurrences(end.err, "[running]:\n") == 1);
		EXPECT(end.status == 2);
	}
}

static void fails(void)
{
	printf("written before. ");
	go_defer(say, "never");
	go_fatal("sync: %s of unlocked mutex", "unlock");
}

static void never_called(const char *message)
{
	(void)message;
	_exit(77);
}

static void fails_with_a_handler(void)
{
	go_set_panic_handler(never_called);
	fails();
}

static void a_fatal_error_runs_nothing(void)
{
	struct end end = in_child(fails_with_a_handler);

	EXPECT_STR(end.err, "fatal error: sync: unlock of unlocked mutex\n\n"
		   "goroutine 1 [running]:\n");
	EXPECT_STR(end.out, "written before. ");
	EXPECT(end.status == 2);
}

/* There under ThreadSanitizer, whose own _exit() waits for stdout. */
void __tsan_acquire(void *address) __attribute__((weak));

/* stdout is locked by a thread that never comes back. */
static void *hold_stdout(void *arg)
{
	flockfile(stdout);
	__atomic_store_n((bool *)arg, true, __ATOMIC_RELEASE);
	while (pause())
		;
	return NULL;
}

static void panics_while_stdout_is_held(void)
{
	static bool held;
	pthread_t thread;

	pthread_create(&thread, NULL, hold_stdout, &held);
	while (!__atomic_load_n(&held, __ATOMIC_ACQUIRE))
		sched_yield();
	go_panic("still heard");
}

static void a_thread_stuck_in_stdout_keeps_nobody(void)
{
	struct end end;

	if (__tsan_acquire)
		return;
	end = in_child(panics_while_stdout_is_held);
	EXPECT(strstr(end.err, "panic: still heard\n"));
	EXPECT(end.status == 2);
}

/*
 * go()
 */

struct too_much {
	char bytes[256 << 10];
};

go_func(takes_too_much, (const struct too_much, much))
{
	printf("started with %d", much.bytes[0]);
}

static void starts_with_too_much(void)
{
	static const struct too_much much;

	go(takes_too_much, much);
	printf("went on");
}

go_func(takes_nothing)
{
	printf("started");
}

static void starts_without_files(void)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_NOFILE, &none);
	go(takes_nothing);
	printf("went on");
}

static void go_panics_where_no_goroutine_can_be_started(void)
{
	struct end end = in_child(starts_with_too_much);

	EXPECT_STR(end.err, "panic: go: the arguments are over a quarter of a stack\n\n"
		   "goroutine 1 [running]:\n");
	EXPECT_STR(end.out, "");
	EXPECT(end.status == 2);
	end = in_child(starts_without_files);
	EXPECT(!strncmp(end.err, "panic: go: this process has too many open files", 47));
	EXPECT_STR(end.out, "");
	EXPECT(end.status == 2);
}

/*
 * Handlers
 */

static jmp_buf back;
static char caught[64];

static void jump_back(const char *message)
{
	snprintf(caught, sizeof(caught), "%s", message);
	longjmp(back, 1);
}

static void panics_deep_down(void)
{
	go_defer(note, "c");
	go_panic("deep");
}

static void catches(void)
{
	go_defer(note, "b");
	happen("0");
	panics_deep_down();
}

static void a_handler_may_jump_back(void)
{
	volatile int i;

	begin();
	EXPECT(!go_set_panic_handler(jump_back));
	for (i = 0; i < 3; i++) {
		go_defer(note, "a");
		if (!setjmp(back))
			catches();
		EXPECT_STR(caught, "deep");
		caught[0] = 0;
		happen(".");
	}
	/* What goes on had its call carried out by the panic, and not once more. */
	EXPECT_STR(trace, "0cba.0cba.0cba.");
	begin();
	in_order();
	EXPECT_STR(trace, "0cba");
	EXPECT(go_set_panic_handler(NULL) == jump_back);
}

static void panics_again_deep_down(void)
{
	go_defer(again, "2");
	go_panic("once");
}

static void the_handler_gets_the_last_of_nested_panics(void)
{
	volatile int i;

	go_set_panic_handler(jump_back);
	for (i = 0; i < 3; i++) {
		if (!setjmp(back))
			panics_again_deep_down();
		EXPECT_STR(caught, "again 2");
	}
	go_set_panic_handler(NULL);
}

static void tell(const char *message)
{
	printf("handled: %s.", message);
}

static void panics_with_a_handler_that_returns(void)
{
	go_set_panic_handler(tell);
	panics();
}

static void a_handler_that_returns_changes_nothing(void)
{
	struct end end = in_child(panics_with_a_handler_that_returns);

	EXPECT_STR(end.err, "panic: the answer is 42\n\ngoroutine 1 [running]:\n");
	EXPECT_STR(end.out, "written before. second.first.handled: the answer is 42.");
	EXPECT(end.status == 2);
}

static void leave(const char *message)
{
	(void)message;
	exit(5);
}

static void panics_with_a_handler_that_exits(void)
{
	go_set_panic_handler(leave);
	panics();
}

static void a_handler_may_exit(void)
{
	struct end end = in_child(panics_with_a_handler_that_exits);

	EXPECT_STR(end.err, "");
	EXPECT_STR(end.out, "written before. second.first.");
	EXPECT(end.status == 5);
}

static void jumps(void)
{
	go_defer(say, "lost");
	longjmp(back, 1);
}

/* The jumps leave nodes behind in frames that are gone. */
static void jumps_and_panics(void)
{
	volatile int i;

	{
		go_defer(say, "kept");
		for (i = 0; i < 3; i++) {
			if (!setjmp(back))
				jumps();
			in_order();
		}
		if (!setjmp(back))
			jumps();
	}
	go_defer(say, "later");
	go_panic("after jumps");
}

static void who_jumps_away_leaves_deferred_calls_out(void)
{
	struct end end = in_child(jumps_and_panics);

	EXPECT_STR(end.out, "kept.later.");
	EXPECT(end.status == 2);
}

/*
 * Goroutines
 */

static int alive, deferred;	/* atomic */

static void count(void *number)
{
	__atomic_add_fetch((int *)number, 1, __ATOMIC_SEQ_CST);
}

static void uncount(void *number)
{
	__atomic_sub_fetch((int *)number, 1, __ATOMIC_SEQ_CST);
}

static void wait_for_all(void)
{
	while (__atomic_load_n(&alive, __ATOMIC_SEQ_CST))
		go_yield();
}

/* Each looks at what it has deferred itself, whichever thread it is in meanwhile. */
static void defers_and_yields(void *how)
{
	int mine = 0, i;

	go_defer(uncount, &alive);
	for (i = 0; i < 20; i++) {
		go_defer(count, &mine);
		go_yield();
		{
			go_defer(count, &deferred);
			go_yield();
		}
		EXPECT(mine == i);
	}
	if (how) {
		go_defer(count, &deferred);
		go_yield();
		go_exit();
	}
}

static void goroutines_defer_each_for_itself(void)
{
	int i;

	deferred = 0;
	for (i = 0; i < 100; i++) {
		count(&alive);
		if (go_start(defers_and_yields, i % 2 ? &alive : NULL))
			abort();
	}
	wait_for_all();
	EXPECT(deferred == 100 * 20 + 50);
}

static void end_alone(const char *message)
{
	EXPECT(!strcmp(message, "alone"));
	go_exit();
}

static void panics_alone(void *arg)
{
	go_defer(uncount, arg);
	go_defer(count, &deferred);
	go_yield();
	go_panic("alone");
}

static void a_handler_may_end_the_goroutine_alone(void)
{
	int i;

	deferred = 0;
	go_set_panic_handler(end_alone);
	for (i = 0; i < 50; i++) {
		count(&alive);
		if (go_start(panics_alone, &alive))
			abort();
	}
	wait_for_all();
	EXPECT(deferred == 50);
	/* They are counted before the handler is called. */
	while (go_num())
		go_yield();
	go_set_panic_handler(NULL);
}

static void panics_as_second(void *arg)
{
	go_defer(say, arg);
	go_panic("second");
}

static void starts_second(void *arg)
{
	go_defer(say, "never");
	if (go_start(panics_as_second, arg))
		abort();
	for (;;)
		go_yield();
}

static void a_goroutine_panics(void)
{
	go_run(starts_second, "second's");
}

static void a_goroutine_tells_its_number(void)
{
	struct end end = in_child(a_goroutine_panics);

	EXPECT_STR(end.err, "panic: second\n\ngoroutine 2 [running]:\n");
	EXPECT_STR(end.out, "second's.");
	EXPECT(end.status == 2);
}

static void run(const char *name, void (*test)(void))
{
	char words[128];
	size_t i;

	failures = 0;
	test();
	for (i = 0; i < sizeof(words) - 1 && name[i]; i++)
		words[i] = name[i] == '_' ? ' ' : name[i];
	words[i] = 0;
	printf("%sok %d - %s\n", failures ? "not " : "", ++tests, words);
}

#define RUN(test)	(run(#test, test), bad += !!failures)

int main(void)
{
	int bad = 0;

	printf("TAP version 13\n");
	RUN(deferred_calls_come_last_first);
	RUN(a_return_carries_out_what_was_deferred_so_far);
	RUN(a_block_has_deferred_calls_of_its_own);
	RUN(arguments_are_evaluated_at_once_and_once);
	RUN(a_deferred_call_may_defer);
	RUN(two_on_one_line_are_two);
	RUN(the_type_of_the_argument_is_the_functions);
	RUN(a_panic_runs_deferred_calls_tells_and_exits_with_2);
	RUN(a_panic_while_one_is_under_way_is_told_after_it);
	RUN(a_deferred_call_may_be_what_panics);
	RUN(a_long_message_is_cut);
	RUN(a_panic_runs_nothing_of_atexit);
	RUN(a_thread_runs_what_it_has_deferred_itself);
	RUN(of_many_who_panic_one_is_heard);
	RUN(a_fatal_error_runs_nothing);
	RUN(a_thread_stuck_in_stdout_keeps_nobody);
	RUN(go_panics_where_no_goroutine_can_be_started);
	RUN(a_handler_may_jump_back);
	RUN(the_handler_gets_the_last_of_nested_panics);
	RUN(a_handler_that_returns_changes_nothing);
	RUN(a_handler_may_exit);
	RUN(who_jumps_away_leaves_deferred_calls_out);
	/* Before this process has goroutines: their numbers go on in a child. */
	RUN(a_goroutine_tells_its_number);
	RUN(goroutines_defer_each_for_itself);
	RUN(a_handler_may_end_the_goroutine_alone);
	printf("1..%d\n", tests);
	return bad;
}
