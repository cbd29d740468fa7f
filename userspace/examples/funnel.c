// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What comes from many channels goes into one, by io_uring.
 *
 * It shows that a channel is a file to io_uring, too: a read waits in each channel, the
 * kernel completes those that got something, and one system call takes all of these,
 * and begins what follows them. A channel's next read begins when its last element is
 * written, so each has at most one element here.
 */
#include <argp.h>
#include <err.h>
#include <fcntl.h>
#include <liburing.h>
#include <libchan.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
	char **in;
	int n;
	const char *out;
	bool close, verbose;
} args;

/* A channel to receive from, and the element that is on its way. */
struct source {
	const char *name;
	struct chan *c;
	bool writing;
	size_t room, len;
	char *elem;
};

static struct source *open_sources(void)
{
	struct source *sources = calloc(args.n, sizeof(*sources)), *s;
	struct chan_info info;
	int i, r;

	if (!sources)
		err(1, "channels");
	for (i = 0; i < args.n; i++) {
		s = &sources[i];
		s->name = args.in[i];
		r = chan_open_name(&s->c, s->name, O_RDONLY, NULL) ?:
		    chan_info(s->c, &info, sizeof(info)) ?:
		    /* So that a sender that only polls, as we do, meets us. */
		    chan_standby(s->c, true);
		if (r < 0)
			errx(1, "%s: %s", s->name, chan_strerror(r));
		s->room = info.elem_size ?: 1;
		s->elem = malloc(s->room);
		if (!s->elem)
			err(1, "%s", s->name);
	}
	return sources;
}

static struct chan *open_out(void)
{
	struct chan *out;
	int r = chan_open_name(&out, args.out, O_WRONLY, NULL);

	if (r)
		errx(1, "%s: %s", args.out, chan_strerror(r));
	return out;
}

/* The next step of a source's: there is always room, since each has but one at a time. */
static void begin(struct io_uring *ring, struct source *s, struct chan *out)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	if (s->writing)
		io_uring_prep_write(sqe, chan_fd(out), s->elem, s->len, 0);
	else
		io_uring_prep_read(sqe, chan_fd(s->c), s->elem, s->room, 0);
	io_uring_sqe_set_data(sqe, s);
}

/* A step is done. Returns false if it was the last: the source is closed and drained. */
static bool advance(struct source *s, int result)
{
	if (result < 0)
		errx(1, "%s: %s", s->writing ? args.out : s->name, chan_strerror(result));
	if (!s->writing && !result)
		return false;
	s->len = result;
	s->writing = !s->writing;
	return true;
}

static void run(struct io_uring *ring, struct source *sources, struct chan *out)
{
	unsigned long elements = 0, calls = 0;
	struct io_uring_cqe *cqe;
	struct source *s;
	unsigned int head, n;
	int left = args.n, i, r;

	for (i = 0; i < args.n; i++)
		begin(ring, &sources[i], out);
	while (left) {
		r = io_uring_submit_and_wait(ring, 1);
		if (r < 0 && r != -EINTR)
			errx(1, "io_uring: %s", strerror(-r));
		calls++;
		n = 0;
		io_uring_for_each_cqe(ring, head, cqe) {
			s = io_uring_cqe_get_data(cqe);
			elements += s->writing;
			if (advance(s, cqe->res))
				begin(ring, s, out);
			else
				left--;
			n++;
		}
		io_uring_cq_advance(ring, n);
	}
	if (args.verbose)
		fprintf(stderr, "%lu elements in %lu calls\n", elements, calls);
}

static error_t option(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case 'c':
		args.close = true;
		return 0;
	case 'v':
		args.verbose = true;
		return 0;
	case ARGP_KEY_ARGS:
		args.out = state->argv[state->next];
		args.in = state->argv + state->next + 1;
		args.n = state->argc - state->next - 1;
		if (args.n < 1 || args.n > 4096)
			argp_error(state, "from 1 to 4096 channels, not %d", args.n);
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "into which channel, and from which?");
		return 0;
	}
	(void)arg;
	return ARGP_ERR_UNKNOWN;
}

int main(int argc, char *argv[])
{
	static const struct argp_option options[] = {
		{ "close", 'c', NULL, 0, "Close OUT when each IN is closed and drained", 0 },
		{ "verbose", 'v', NULL, 0, "Say how many elements went, in how many system calls", 0 },
		{ 0 }
	};
	static const struct argp argp = {
		.options = options, .parser = option, .args_doc = "OUT IN...",
		.doc = "Send to the channel OUT what comes from the channels IN, until each of "
			"these is closed and drained.",
	};
	struct source *sources;
	struct io_uring ring;
	struct chan *out;
	int i, r;

	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	sources = open_sources();
	out = open_out();
	r = io_uring_queue_init(args.n, &ring, 0);
	if (r < 0)
		errx(1, "io_uring: %s", strerror(-r));
	run(&ring, sources, out);
	io_uring_queue_exit(&ring);
	r = args.close ? chan_close(out) : 0;
	if (r)
		errx(1, "%s: %s", args.out, chan_strerror(r));
	for (i = 0; i < args.n; i++) {
		chan_unref(sources[i].c);
		free(sources[i].elem);
	}
	free(sources);
	chan_unref(out);
	return 0;
}
