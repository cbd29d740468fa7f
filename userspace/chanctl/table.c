// SPDX-License-Identifier: GPL-2.0
/*
 * A table for people: columns as wide as their widest cell.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chanctl.h"

struct table {
	size_t columns, cells, room;
	char **cell;		/* row by row, the head first */
};

static void add(struct table *t, char *text)
{
	if (t->cells == t->room) {
		t->room = t->room ? 2 * t->room : 64;
		t->cell = reallocarray(t->cell, t->room, sizeof(*t->cell));
	}
	if (!t->cell || !text)
		die(STATUS_ERROR, "out of memory");
	t->cell[t->cells++] = text;
}

/**
 * table_new() - an empty table
 * @head: what stands over the columns, then NULL
 *
 * Return: the table.
 */
struct table *table_new(const char * const head[])
{
	struct table *t = calloc(1, sizeof(*t));

	if (!t)
		die(STATUS_ERROR, "out of memory");
	for (; head[t->columns]; t->columns++)
		add(t, strdup(head[t->columns]));
	return t;
}

/**
 * table_cell() - the next cell, row by row
 * @t: the table
 * @format: as printf(3)'s
 */
void table_cell(struct table *t, const char *format, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		text = NULL;
	va_end(ap);
	add(t, text);
}

static size_t *widths_of(const struct table *t)
{
	size_t *width = calloc(t->columns, sizeof(*width)), i;

	if (!width)
		die(STATUS_ERROR, "out of memory");
	for (i = 0; i < t->cells; i++)
		if (strlen(t->cell[i]) > width[i % t->columns])
			width[i % t->columns] = strlen(t->cell[i]);
	return width;
}

/**
 * table_print() - print it, and let go of it
 * @t: the table
 */
void table_print(struct table *t)
{
	size_t *width = widths_of(t), i, column;

	for (i = 0; i < t->cells; i++) {
		column = i % t->columns;
		if (column + 1 < t->columns)
			printf("%-*s  ", (int)width[column], t->cell[i]);
		else
			printf("%s\n", t->cell[i]);
		free(t->cell[i]);
	}
	free(width);
	free(t->cell);
	free(t);
}
