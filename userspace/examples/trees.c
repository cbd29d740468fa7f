// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Equivalent binary trees, of the Tour of Go: do two trees of different shapes hold the same
 * numbers?
 *
 *   trees K L     compare random trees of K, 2K, ... 10K and of L, 2L, ... 10L
 *
 * It shows walkers that send what they meet, one value at a time, to somebody who compares
 * two of them in step: what is a loop over a slice is a recursion over a tree all the same.
 * Who knows the answer early cancels a context, so that no walker waits for ever to send.
 */
#include <err.h>
#include <gochan.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NODES	10

struct tree {
	struct tree *left, *right;
	int value;
};

static struct tree *insert(struct tree *t, int value)
{
	if (!t) {
		t = calloc(1, sizeof(*t));
		if (!t)
			errx(1, "no memory");
		t->value = value;
	} else if (value < t->value) {
		t->left = insert(t->left, value);
	} else {
		t->right = insert(t->right, value);
	}
	return t;
}

/* k, 2k, ... in a random order, which decides about the shape. */
static struct tree *new_tree(int k)
{
	int order[NODES], i, j, swap;
	struct tree *t = NULL;

	for (i = 0; i < NODES; i++)
		order[i] = k * (i + 1);
	for (i = NODES - 1; i > 0; i--) {
		j = rand() % (i + 1);
		swap = order[i];
		order[i] = order[j];
		order[j] = swap;
	}
	for (i = 0; i < NODES; i++)
		t = insert(t, order[i]);
	return t;
}

static void free_tree(struct tree *t)
{
	if (!t)
		return;
	free_tree(t->left);
	free_tree(t->right);
	free(t);
}

/* Whether to go on: not if nobody compares any more. */
static bool walk_on(const struct tree *t, send_chan(int) out, struct go_context *ctx)
{
	bool sent = false;

	if (!t)
		return true;
	if (!walk_on(t->left, out, ctx))
		return false;
	go_select {
		go_case_send(out, t->value)
			sent = true;
		go_case_recv(go_context_done(ctx), NULL) { }
	}
	return sent && walk_on(t->right, out, ctx);
}

go_func(walk, (const struct tree *, t), (send_chan(int), out), (struct go_context *, ctx),
	(struct go_wait_group *, walkers))
{
	walk_on(t, out, ctx);
	go_close(out);
	go_wait_group_done(walkers);
}

/* In step, until one differs or both end. */
static bool same_values(recv_chan(int) a, recv_chan(int) b)
{
	bool more_a, more_b;
	int v, w;

	do {
		more_a = go_recv_ok(a, &v);
		more_b = go_recv_ok(b, &w);
	} while (more_a && more_b && v == w);
	return !more_a && !more_b;
}

static bool same(const struct tree *t, const struct tree *u)
{
	struct go_context *ctx = go_with_cancel(go_background());
	struct go_wait_group walkers = { 0 };
	chan(int) a = go_make(int), b = go_make(int);
	bool equal;

	if (!ctx)
		errx(1, "no memory");
	go_wait_group_add(&walkers, 2);
	go(walk, t, send_only(a), ctx, &walkers);
	go(walk, u, send_only(b), ctx, &walkers);
	equal = same_values(recv_only(a), recv_only(b));
	go_cancel(ctx);
	go_wait_group_wait(&walkers);
	go_context_unref(ctx);
	chan_unref(a);
	chan_unref(b);
	return equal;
}

static void program(void *arg)
{
	const int *k = arg;
	struct tree *t = new_tree(k[0]), *u = new_tree(k[1]);

	puts(same(t, u) ? "the same" : "different");
	free_tree(t);
	free_tree(u);
}

int main(int argc, char *argv[])
{
	char *end;
	int k[2], i;

	for (i = 0; i < 2; i++) {
		k[i] = argc == 3 ? strtol(argv[i + 1], &end, 10) : 0;
		if (k[i] < 1 || k[i] > 1000000 || *end) {
			fprintf(stderr, "usage: trees K L, both from 1 to 1000000\n");
			return 2;
		}
	}
	srand(time(NULL));
	go_run(program, k);
	return 0;
}
