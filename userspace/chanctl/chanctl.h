/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Private to chanctl: what its commands share.
 */
#ifndef CHANCTL_H
#define CHANCTL_H

#include <argp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libchan.h>

/* Exit statuses; chanctl(1) documents them. */
enum {
	STATUS_DONE,
	STATUS_ERROR,		/* the message says what */
	STATUS_USAGE,		/* the command line is wrong */
	STATUS_CLOSED,		/* the channel is closed, or hung up */
	STATUS_TIMEOUT,		/* --timeout passed */
	STATUS_NONE,		/* no such channel */
};

/**
 * struct command - one of chanctl's commands
 * @name: as typed
 * @summary: one line of chanctl --help
 * @run: parses its own arguments; argv[0] is "chanctl NAME"
 */
struct command {
	const char *name;
	const char *summary;
	int (*run)(int argc, char *argv[]);
};

int cmd_load(int argc, char *argv[]);
int cmd_unload(int argc, char *argv[]);
int cmd_create(int argc, char *argv[]);
int cmd_ls(int argc, char *argv[]);
int cmd_info(int argc, char *argv[]);
int cmd_ps(int argc, char *argv[]);
int cmd_top(int argc, char *argv[]);
int cmd_trace(int argc, char *argv[]);
int cmd_send(int argc, char *argv[]);
int cmd_recv(int argc, char *argv[]);
int cmd_select(int argc, char *argv[]);
int cmd_timer(int argc, char *argv[]);
int cmd_close(int argc, char *argv[]);
int cmd_rm(int argc, char *argv[]);

/* say.c: messages, and what they make of the exit status */
extern const char *chanctl_command;	/* the name of the one that runs */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void die(int status, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));
void die_of(int error, const char *what) __attribute__((noreturn));
void flush_or_die(void);

/* module.c: the module that is loaded */
bool module_is_other(char *version, size_t size);

/* parse.c: words of the command line; they end the program if they are wrong */
uint64_t parse_size(struct argp_state *state, const char *what, const char *word, uint64_t max);
uint64_t parse_duration(struct argp_state *state, const char *word);
unsigned int parse_mode(struct argp_state *state, const char *word);
void parse_all(const struct argp *argp, int argc, char *argv[], void *input);

/* find.c: channels by NAME, USER:NAME or path */
struct chan *open_channel(const char *word, int oflags);
struct chan *open_any(const char *word);
void find_channel(const char *word, struct chan_info *info);
struct chan_info *all_channels(size_t *n);

/* show.c: a channel for people and for programs */
struct json_object;
const char *state_of(const struct chan_info *info);
const char *owner_of(const struct chan_info *info);
const char *kind_of(const struct chan_info *info);
struct json_object *json_of(const struct chan_info *info);
void json_add_string(struct json_object *o, const char *key, const char *value);
void json_add_number(struct json_object *o, const char *key, uint64_t value);
void json_add_bool(struct json_object *o, const char *key, bool value);
void print_json(struct json_object *o);

/* table.c: columns for people */
struct table;
struct table *table_new(const char * const head[]);
void table_cell(struct table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void table_print(struct table *t);

/* elem.c: elements as text */
struct format {
	bool integer;	/* as a number, for types int8 to uint64 */
	bool is_signed;
	bool message;
	size_t size;	/* bytes of an element, or at most of a message */
};

int integer_size(const char *type);
struct format format_of(const struct chan *c);
const char *elem_from_text(const struct format *f, const char *text, size_t len, void *elem,
			   size_t *elem_len);
void elem_print(const struct format *f, const void *elem, size_t len, int separator);

/* wait.c: how long a send or a receive waits */
#define WAIT_FOR_EVER UINT64_MAX

uint64_t wait_until(uint64_t timeout_ns);
uint64_t wait_left(uint64_t deadline);

/* stop.c: signals that end a command which receives */
extern volatile sig_atomic_t stopped_by;	/* the signal, or 0 */
void catch_signals(void);
void die_of_signal(void);

#endif /* CHANCTL_H */
