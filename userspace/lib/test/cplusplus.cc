// SPDX-License-Identifier: GPL-2.0
/*
 * The library from C++: goroutines whose objects have destructors, which throw, and which
 * share the locks. Exceptions pass through no function of the library.
 */
#include <cstdio>
#include <gochan.h>
#include <libchan.h>
#include <stdexcept>
#include <string>
#include <vector>

static int failures, tests;

#define EXPECT(cond) do {							\
	if (!(cond)) {								\
		std::printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond);	\
		failures++;							\
	}									\
} while (0)

static go_mutex mutex;
static go_wait_group group;

/* Unlocks however its block is left. */
class locked {
public:
	locked() { go_mutex_lock(&mutex); }
	~locked() { go_mutex_unlock(&mutex); }
};

struct done {
	~done() { go_wait_group_done(&group); }
};

static int caught, lucky;

/* Every third throws, with other goroutines running between the throw and the catch. */
static void maybe_throw(int i)
{
	std::string why = "number " + std::to_string(i);

	go_yield();
	if (i % 3 == 0)
		throw std::runtime_error(why);
	locked here;
	go_yield();
	lucky++;
}

static void throw_or_not(void *arg)
{
	done at_the_end;
	std::string said;

	try {
		maybe_throw(*static_cast<int *>(arg));
	} catch (const std::runtime_error &e) {
		said = e.what();
	}
	if (said.empty())
		return;
	locked here;
	caught += said == "number " + std::to_string(*static_cast<int *>(arg));
}

static void goroutines_throw_and_catch()
{
	caught = lucky = 0;
	go_wait_group_add(&group, 300);
	for (int i = 0; i < 300; i++)
		EXPECT(go_start_copy(throw_or_not, &i, sizeof(i)) == 0);
	go_wait_group_wait(&group);
	EXPECT(caught == 100);
	EXPECT(lucky == 200);
}

static void count(void *arg)
{
	++*static_cast<int *>(arg);
}

static void once_and_contexts_work()
{
	static go_once once;
	int n = 0;
	go_context *ctx = go_with_cancel(go_background());

	go_once_do(&once, count, &n);
	go_once_do(&once, count, &n);
	EXPECT(n == 1);
	EXPECT(go_context_err(ctx) == 0);
	go_cancel(ctx);
	EXPECT(go_context_err(ctx) == -ECANCELED);
	go_context_unref(ctx);
}

static void structures_are_initialised_as_in_c()
{
	chan_options options = {};
	go_options how = {};

	EXPECT(options.flags == 0 && options.type == nullptr);
	EXPECT(go_init(&how) == -EINVAL);
	how.size = sizeof(how);
	EXPECT(go_init(&how) == -EBUSY);
}

static void run(const char *name, void (*test)())
{
	int before = failures;

	test();
	std::printf("%sok %d - %s\n", failures != before ? "not " : "", ++tests, name);
}

int main()
{
	std::printf("TAP version 13\n");
	run("goroutines throw and catch", goroutines_throw_and_catch);
	run("once and contexts work", once_and_contexts_work);
	run("structures are initialised as in C", structures_are_initialised_as_in_c);
	std::printf("1..%d\n", tests);
	return failures != 0;
}
