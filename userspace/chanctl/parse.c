// SPDX-License-Identifier: GPL-2.0
/*
 * Words of the command line.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "chanctl.h"

/**
 * parse_size() - a count, with a suffix K or M for 1,024 and 1,048,576
 * @state: of argp
 * @what: what it is the number of
 * @word: the word
 * @max: the largest that is allowed
 *
 * Return: the number; ends the program if it is none, or over @max.
 */
uint64_t parse_size(struct argp_state *state, const char *what, const char *word, uint64_t max)
{
	unsigned int shift = 0;
	uint64_t n;
	char *end;

	errno = 0;
	n = strtoull(word, &end, 0);
	if (*end == 'K' || *end == 'k')
		shift = 10;
	else if (*end == 'M')
		shift = 20;
	if (shift)
		end++;
	if (*word < '0' || *word > '9' || *end)
		argp_error(state, "%s: '%s' is no number", what, word);
	if (errno || n > UINT64_MAX >> shift || n << shift > max)
		argp_error(state, "%s: %s is over the limit of %llu", what, word,
			   (unsigned long long)max);
	return n << shift;
}

static const struct {
	const char *suffix;
	double seconds;
} units[] = {
	{ "", 1 }, { "s", 1 }, { "ms", 1e-3 }, { "us", 1e-6 }, { "ns", 1e-9 },
	{ "m", 60 }, { "h", 3600 },
};

/**
 * parse_duration() - seconds, or with one of the suffixes ns, us, ms, s, m, h
 * @state: of argp
 * @word: the word
 *
 * Return: nanoseconds; ends the program if @word is no duration.
 */
uint64_t parse_duration(struct argp_state *state, const char *word)
{
	char *end;
	double n = strtod(word, &end), ns;
	size_t i;

	for (i = 0; end != word && i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].suffix))
			continue;
		ns = n * units[i].seconds * 1e9;
		if (ns >= 0 && ns < 9e18)
			return llround(ns);
	}
	argp_error(state, "'%s' is no duration: say 0.5, 200ms, 10s, 5m or 1h", word);
	return 0;
}

/**
 * parse_mode() - permissions of a node
 * @state: of argp
 * @word: the word, octal
 *
 * Return: the mode; ends the program if the word is no mode within 0666.
 */
unsigned int parse_mode(struct argp_state *state, const char *word)
{
	char *end;
	unsigned long mode = strtoul(word, &end, 8);

	if (*word < '0' || *word > '7' || *end || !mode || mode & ~0666UL)
		argp_error(state, "'%s' is no mode: say 0600, 0660 or 0666, in octal", word);
	return mode;
}

/**
 * parse_all() - the arguments of a command
 * @argp: which
 * @argc: of them
 * @argv: of them
 * @input: where the parser puts what it finds
 */
void parse_all(const struct argp *argp, int argc, char *argv[], void *input)
{
	error_t r = argp_parse(argp, argc, argv, 0, NULL, input);

	if (r)
		die(STATUS_ERROR, "%s", strerror(r));
}
