// SPDX-License-Identifier: GPL-2.0
/*
 * Elements as text: numbers where the channel's type is one of Go's integers, else
 * the bytes themselves.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chanctl.h"

static const struct {
	const char *type;
	size_t size;
	bool is_signed;
} integers[] = {
	{ "int8", 1, true }, { "int16", 2, true }, { "int32", 4, true }, { "int64", 8, true },
	{ "uint8", 1, false }, { "uint16", 2, false }, { "uint32", 4, false },
	{ "uint64", 8, false }, { "byte", 1, false }, { "rune", 4, true },
};

#define NR_INTEGERS (sizeof(integers) / sizeof(integers[0]))

/**
 * integer_size() - bytes of a type that is read and written as numbers
 * @type: its name
 *
 * Return: bytes; -1 for other types.
 */
int integer_size(const char *type)
{
	size_t i;

	for (i = 0; i < NR_INTEGERS; i++)
		if (!strcmp(integers[i].type, type))
			return integers[i].size;
	return -1;
}

/**
 * format_of() - how a channel's elements are written
 * @c: the channel
 *
 * Return: the format.
 */
struct format format_of(const struct chan *c)
{
	struct format f = {
		.message = chan_flags(c) & CHAN_MESSAGE,
		.size = chan_elem_size(c),
	};
	size_t i;

	for (i = 0; !f.message && i < NR_INTEGERS; i++) {
		if (!strcmp(integers[i].type, chan_type(c)) && integers[i].size == f.size) {
			f.integer = true;
			f.is_signed = integers[i].is_signed;
		}
	}
	return f;
}

/* Does the value survive being cut to @size bytes? */
static bool fits(const struct format *f, int64_t v)
{
	unsigned int shift = 64 - 8 * f->size;
	uint64_t left = (uint64_t)v << shift;

	return f->is_signed ? (int64_t)left >> shift == v : left >> shift == (uint64_t)v;
}

static void integer_put(void *elem, size_t size, uint64_t v)
{
	union {
		uint8_t b1;
		uint16_t b2;
		uint32_t b4;
		uint64_t b8;
	} u;

	switch (size) {
	case 1:
		u.b1 = v;
		break;
	case 2:
		u.b2 = v;
		break;
	case 4:
		u.b4 = v;
		break;
	default:
		u.b8 = v;
	}
	memcpy(elem, &u, size);
}

static uint64_t integer_get(const void *elem, size_t size)
{
	union {
		uint8_t b1;
		uint16_t b2;
		uint32_t b4;
		uint64_t b8;
	} u;

	memcpy(&u, elem, size);
	return size == 1 ? u.b1 : size == 2 ? u.b2 : size == 4 ? u.b4 : u.b8;
}

static const char *integer_from_text(const struct format *f, const char *text, void *elem)
{
	int64_t v;
	char *end;

	errno = 0;
	v = f->is_signed ? strtoll(text, &end, 0) : (int64_t)strtoull(text, &end, 0);
	if (end == text || *end)
		return "is no number";
	if (errno || !fits(f, v) || (!f->is_signed && strchr(text, '-')))
		return "is outside the range of the channel's type";
	integer_put(elem, f->size, v);
	return NULL;
}

/**
 * elem_from_text() - an element from a line, without its end, or an argument
 * @f: the channel's format
 * @text: the text, a NUL behind it
 * @len: its bytes
 * @elem: room for an element
 * @elem_len: out: bytes of the element
 *
 * Return: NULL, or what is wrong with the text.
 */
const char *elem_from_text(const struct format *f, const char *text, size_t len, void *elem,
			   size_t *elem_len)
{
	*elem_len = f->size;
	if (f->integer)
		return integer_from_text(f, text, elem);
	if (len > f->size)
		return "is longer than an element of the channel";
	memcpy(elem, text, len);
	if (f->message)
		*elem_len = len;
	else
		memset((char *)elem + len, 0, f->size - len);
	return NULL;
}

static void integer_print(const struct format *f, const void *elem)
{
	unsigned int shift = 64 - 8 * f->size;
	uint64_t v = integer_get(elem, f->size);

	if (f->is_signed)
		printf("%" PRId64, (int64_t)(v << shift) >> shift);
	else
		printf("%" PRIu64, v);
}

/**
 * elem_print() - an element as text
 * @f: the channel's format
 * @elem: the element
 * @len: its bytes
 * @separator: what to print after it
 */
void elem_print(const struct format *f, const void *elem, size_t len, int separator)
{
	const char *bytes = elem;

	if (f->integer) {
		integer_print(f, elem);
	} else {
		while (!f->message && len && !bytes[len - 1])
			len--;
		fwrite(bytes, 1, len, stdout);
	}
	putchar(separator);
}
