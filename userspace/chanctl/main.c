// SPDX-License-Identifier: GPL-2.0
/*
 * chanctl - load the module, and work with channels from the shell
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chanctl.h"

static const struct command commands[] = {
	{ "load", "load the kernel module", cmd_load },
	{ "unload", "unload it, or say who still uses it", cmd_unload },
	{ "create", "make a named channel", cmd_create },
	{ "ls", "list the named channels", cmd_ls },
	{ "info", "show one channel", cmd_info },
	{ "ps", "list who holds which channels, and who waits for whom", cmd_ps },
	{ "top", "watch the named channels at work", cmd_top },
	{ "trace", "print what happens in channels as it happens", cmd_trace },
	{ "send", "send lines, numbers or raw elements", cmd_send },
	{ "recv", "receive and print them", cmd_recv },
	{ "select", "receive from whichever of several channels is ready", cmd_select },
	{ "timer", "start or stop a timer", cmd_timer },
	{ "close", "close a channel, as in Go: receivers drain it", cmd_close },
	{ "rm", "remove a named channel", cmd_rm },
};

#define NR_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_version(FILE *stream, struct argp_state *state)
{
	int v = chan_version();
	char module[32];

	(void)state;
	fprintf(stream, "chanctl %d.%d.%d\n", v >> 16, v >> 8 & 255, v & 255);
	/* Who parses the version isn't bothered. */
	fflush(stream);
	if (module_is_other(module, sizeof(module)))
		fprintf(stderr, "chanctl: the module that is loaded is of version %s\n", module);
}

void (*argp_program_version_hook)(FILE *stream, struct argp_state *state) = print_version;

static const struct command *command_of(const char *name)
{
	size_t i;

	for (i = 0; i < NR_COMMANDS; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

/* The commands, in --help. */
static char *help_filter(int key, const char *text, void *input)
{
	char *list = NULL;
	size_t size, i;
	FILE *f;

	(void)input;
	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)text;
	f = open_memstream(&list, &size);
	if (!f)
		return (char *)text;
	fprintf(f, "Commands:\n");
	for (i = 0; i < NR_COMMANDS; i++)
		fprintf(f, "  %-8s %s\n", commands[i].name, commands[i].summary);
	fprintf(f, "\nchanctl COMMAND --help tells more, and chanctl(1) all.\n");
	fclose(f);
	return list;
}

/* The command, and where in argv it stands. */
struct choice {
	const struct command *command;
	int index;
};

/* What follows the command is the command's. */
static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct choice *choice = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		choice->command = command_of(arg);
		choice->index = state->next - 1;
		if (!choice->command)
			argp_error(state, "there is no command '%s'", arg);
		state->next = state->argc;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which command?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.parser = parse,
	.args_doc = "COMMAND [ARGUMENT]...",
	.doc = "Load the module of channels, and work with channels from the shell.",
	.help_filter = help_filter,
};

int main(int argc, char *argv[])
{
	struct choice choice = {};
	char name[32];

	argp_err_exit_status = STATUS_USAGE;
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &choice);
	chanctl_command = choice.command->name;
	snprintf(name, sizeof(name), "chanctl %s", chanctl_command);
	argv[choice.index] = name;
	return choice.command->run(argc - choice.index, argv + choice.index);
}
