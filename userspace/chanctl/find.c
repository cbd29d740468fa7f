// SPDX-License-Identifier: GPL-2.0
/*
 * Channels by NAME, USER:NAME or path.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "chanctl.h"

static bool is_path(const char *word)
{
	return strchr(word, '/');
}

/* USER:NAME as the UID:NAME that the library takes; other words as they are. */
static const char *with_uid(const char *word)
{
	const char *colon = strchr(word, ':');
	struct passwd *user;
	char *login, *name;

	if (!colon || strspn(word, "0123456789") == (size_t)(colon - word))
		return word;
	login = strndup(word, colon - word);
	user = login ? getpwnam(login) : NULL;
	if (!user)
		die(STATUS_NONE, "%s: there is no user %.*s", word, (int)(colon - word), word);
	free(login);
	if (asprintf(&name, "%u:%s", user->pw_uid, colon + 1) < 0)
		die(STATUS_ERROR, "out of memory");
	return name;
}

static int try_open(struct chan **c, const char *word, int oflags)
{
	if (is_path(word))
		return chan_open_path(c, word, oflags, NULL);
	return chan_open_name(c, with_uid(word), oflags, NULL);
}

/**
 * open_channel() - a handle
 * @word: the channel
 * @oflags: as for chan_new()
 *
 * Return: the handle; ends the program if it can't be had.
 */
struct chan *open_channel(const char *word, int oflags)
{
	struct chan *c;
	int r = try_open(&c, word, oflags);

	if (r)
		die_of(r, word);
	return c;
}

/**
 * open_any() - a handle of whatever access the node's mode gives, to destroy with
 * @word: the channel
 *
 * Return: the handle; ends the program if it can't be had.
 */
struct chan *open_any(const char *word)
{
	struct chan *c;

	/* To look needs both permissions of the node, but counts as no party. */
	if (!try_open(&c, word, CHAN_O_LOOK) || !try_open(&c, word, O_RDONLY))
		return c;
	return open_channel(word, O_WRONLY);
}

/* The list tells all about a named channel, though one may not open it. */
static bool info_of_minor(unsigned int minor, struct chan_info *info)
{
	unsigned int next = minor;
	int n = chan_list(&next, info, 1, sizeof(*info));

	if (n < 0)
		die_of(n, "the list of channels");
	return n == 1 && info->minor == minor;
}

static bool info_of_path(const char *path, struct chan_info *info)
{
	unsigned int minor;
	struct chan *c;
	int end = 0, r;

	if (sscanf(path, "/dev/chan%u%n", &minor, &end) == 1 && !path[end])
		return info_of_minor(minor, info);
	c = open_channel(path, CHAN_O_LOOK);
	r = chan_info(c, info, sizeof(*info));
	chan_unref(c);
	if (r)
		die_of(r, path);
	return true;
}

/**
 * find_channel() - all that is to know about a channel
 * @word: the channel
 * @info: filled in; ends the program if there is no such channel
 */
void find_channel(const char *word, struct chan_info *info)
{
	unsigned int minor;
	uint64_t id;
	int r;

	if (is_path(word)) {
		if (!info_of_path(word, info))
			die_of(-ENOENT, word);
		return;
	}
	r = chan_resolve(with_uid(word), &minor, &id);
	if (r)
		die_of(r, word);
	if (!info_of_minor(minor, info) || info->id != id)
		die_of(-ENOENT, word);
}

/**
 * all_channels() - the named channels of all users, by number
 * @n: out: how many
 *
 * Return: an array to be freed; ends the program if they can't be had.
 */
struct chan_info *all_channels(size_t *n)
{
	struct chan_info *all = NULL;
	unsigned int next = 0;
	int got;

	for (*n = 0;; *n += got) {
		all = reallocarray(all, *n + 64, sizeof(*all));
		if (!all)
			die(STATUS_ERROR, "out of memory");
		got = chan_list(&next, all + *n, 64, sizeof(*all));
		if (got < 0)
			die_of(got, "the list of channels");
		if (!got)
			return all;
	}
}
