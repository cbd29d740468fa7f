// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The web crawler of the Tour of Go: pages are fetched in parallel, none of them twice.
 *
 *   crawler [DEPTH [URL]]     crawl the little web that is built in here
 *
 * It shows goroutines that start others of their kind, a WaitGroup that counts them, a set
 * behind a Mutex that says which pages were seen, and a channel that is closed when the
 * last of them is done. The order in which pages are found is nobody's.
 */
#include <err.h>
#include <gochan.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINKS	4

struct page {
	const char *url, *title;
	const char *links[LINKS];
};

static const struct page web[] = {
	{ "http://zoo/", "The zoo", { "http://zoo/birds/", "http://zoo/fish/" } },
	{ "http://zoo/birds/", "Birds",
	  { "http://zoo/", "http://zoo/birds/owl", "http://zoo/birds/gull", "http://zoo/dodo" } },
	{ "http://zoo/birds/owl", "Owls", { "http://zoo/birds/", "http://zoo/birds/owl" } },
	{ "http://zoo/birds/gull", "Gulls", { "http://zoo/birds/", "http://zoo/fish/" } },
	{ "http://zoo/fish/", "Fish", { "http://zoo/", "http://zoo/fish/carp" } },
	{ "http://zoo/fish/carp", "Carps", { "http://zoo/fish/" } },
};

#define PAGES	(sizeof(web) / sizeof(web[0]))

/* The pages that somebody fetches or has fetched; of those that aren't there one a link. */
static struct {
	struct go_mutex lock;
	const char *urls[PAGES * LINKS + 1];
	int n;
} seen;

struct result {
	const char *url;
	const struct page *page;	/* NULL: there is none */
};

/* Whether nobody has asked for this one before. */
static bool first_time(const char *url)
{
	int i;

	go_mutex_lock(&seen.lock);
	go_defer(go_mutex_unlock, &seen.lock);
	for (i = 0; i < seen.n; i++)
		if (!strcmp(seen.urls[i], url))
			return false;
	seen.urls[seen.n++] = url;
	return true;
}

/* As slow as a real one would be, in small. */
static const struct page *fetch(const char *url)
{
	size_t i;

	go_sleep(1000000);
	for (i = 0; i < PAGES; i++)
		if (!strcmp(web[i].url, url))
			return &web[i];
	return NULL;
}

static void crawl(const char *url, int depth, send_chan(struct result) results,
		  struct go_wait_group *all);

go_func(visit, (const char *, url), (int, depth), (send_chan(struct result), results),
	(struct go_wait_group *, all))
{
	struct result r = { url, fetch(url) };
	int i;

	go_send(results, r);
	for (i = 0; r.page && i < LINKS && r.page->links[i]; i++)
		crawl(r.page->links[i], depth - 1, results, all);
	go_wait_group_done(all);
}

/* Counted before it is started: the count can't be zero while somebody has links left. */
static void crawl(const char *url, int depth, send_chan(struct result) results,
		  struct go_wait_group *all)
{
	if (depth <= 0 || !first_time(url))
		return;
	go_wait_group_add(all, 1);
	go(visit, url, depth, results, all);
}

go_func(print, (recv_chan(struct result), results), (struct go_wait_group *, printed))
{
	go_range(r, results) {
		if (r.page)
			printf("found: %s \"%s\"\n", r.url, r.page->title);
		else
			printf("not found: %s\n", r.url);
	}
	go_wait_group_done(printed);
}

struct start {
	const char *url;
	int depth;
};

static void program(void *arg)
{
	chan(struct result) results = go_make(struct result);
	struct go_wait_group all = { 0 }, printed = { 0 };
	const struct start *s = arg;

	go_wait_group_add(&printed, 1);
	go(print, recv_only(results), &printed);
	crawl(s->url, s->depth, send_only(results), &all);
	go_wait_group_wait(&all);
	go_close(results);
	go_wait_group_wait(&printed);
	chan_unref(results);
}

int main(int argc, char *argv[])
{
	struct start s = { argc > 2 ? argv[2] : web[0].url, 4 };
	char *end;

	if (argc > 1) {
		s.depth = strtol(argv[1], &end, 10);
		if (*end || end == argv[1] || s.depth < 1 || argc > 3) {
			fprintf(stderr, "usage: crawler [DEPTH [URL]], with a DEPTH from 1\n");
			return 2;
		}
	}
	go_run(program, &s);
	return 0;
}
