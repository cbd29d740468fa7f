// SPDX-License-Identifier: GPL-2.0
/*
 * chanctl load, chanctl unload: the module, by libkmod.
 */
#include <dirent.h>
#include <errno.h>
#include <libkmod.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "chanctl.h"

#define MODULE	"chan"
#define CTL	"/dev/chanctl"
#define VERSION	"/sys/module/" MODULE "/version"

static struct kmod_ctx *context(void)
{
	struct kmod_ctx *ctx = kmod_new(NULL, NULL);

	if (!ctx)
		die(STATUS_ERROR, "libkmod: %s", strerror(errno));
	/* Its own messages would come beside ours. */
	kmod_set_log_priority(ctx, 0);
	return ctx;
}

static const char *release(void)
{
	static struct utsname u;

	uname(&u);
	return u.release;
}

/**
 * module_is_other() - whether the module that is loaded isn't of this version
 * @version: which it is of
 * @size: room there
 *
 * Return: false also where none is loaded, or it doesn't say.
 */
bool module_is_other(char *version, size_t size)
{
	int v = chan_version();
	char ours[32];
	bool got;
	FILE *f;

	f = fopen(VERSION, "re");
	if (!f)
		return false;
	got = fgets(version, size, f);
	fclose(f);
	if (!got)
		return false;
	version[strcspn(version, "\n")] = 0;
	snprintf(ours, sizeof(ours), "%d.%d.%d", v >> 16, v >> 8 & 255, v & 255);
	return strcmp(version, ours);
}

/*
 * load
 */

struct load {
	const char *path;
	char *parameters;
};

static void add_parameter(struct argp_state *state, struct load *load, const char *word)
{
	char *all;

	if (!strchr(word, '=') || *word == '=')
		argp_error(state, "'%s' is no parameter: say NAME=VALUE", word);
	if (asprintf(&all, "%s%s%s", load->parameters ?: "", load->parameters ? " " : "",
		     word) < 0)
		die(STATUS_ERROR, "out of memory");
	free(load->parameters);
	load->parameters = all;
}

static error_t load_parse(int key, char *arg, struct argp_state *state)
{
	struct load *load = state->input;

	switch (key) {
	case 'p':
		load->path = arg;
		return 0;
	case ARGP_KEY_ARG:
		add_parameter(state, load, arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option load_options[] = {
	{ "path", 'p', "FILE", 0, "load this file, not the installed module", 0 },
	{}
};

static const struct argp load_argp = {
	.options = load_options,
	.parser = load_parse,
	.args_doc = "[PARAMETER=VALUE]...",
	.doc = "Load the kernel module of channels, and the modules that it needs.",
};

static struct kmod_module *installed(struct kmod_ctx *ctx)
{
	struct kmod_list *list = NULL;
	struct kmod_module *module;
	int r;

	r = kmod_module_new_from_lookup(ctx, MODULE, &list);
	if (r < 0 || !list)
		die(STATUS_ERROR, "no module '" MODULE "' is installed for this kernel, %s: "
		    "build and install it, or name a file with --path", release());
	module = kmod_module_get_module(list);
	kmod_module_unref_list(list);
	return module;
}

static struct kmod_module *from_file(struct kmod_ctx *ctx, const char *path)
{
	struct kmod_module *module;
	int r;

	r = kmod_module_new_from_path(ctx, path, &module);
	if (r < 0)
		die(STATUS_ERROR, "%s: %s", path, strerror(-r));
	if (strcmp(kmod_module_get_name(module), MODULE))
		die(STATUS_ERROR, "%s: this is not the module '" MODULE "'", path);
	return module;
}

/* What the kernel, or libkmod before it, means. */
static const char *load_failure(int r)
{
	switch (r) {
	case -EPERM:
		return geteuid() ? "only root can load modules" :
			"the kernel refuses it: no more modules may be loaded (modules_disabled, "
			"a container), or its lockdown wants a signed one";
	case -EACCES:
		return "not allowed to read or load it";
	case -EKEYREJECTED:
	case -ENOKEY:
	case -EBADMSG:
		return "its signature is refused, or it has none, and Secure Boot or the kernel's "
			"configuration wants one: sign it with a key that is enrolled (mokutil)";
	case -ENOEXEC:
		return "it is not built for this kernel: build it with this kernel's headers "
			"(dmesg(1) says more)";
	case -ENOENT:
		return "there is no such file, or it needs a symbol or a parameter that this "
			"kernel doesn't know (dmesg(1) says more)";
	case -EINVAL:
		return "it is no module, or a parameter has a wrong value (dmesg(1) says more)";
	default:
		return r < 0 ? strerror(-r) : "an install rule or a blacklist in modprobe.d(5) "
			"keeps it from being loaded";
	}
}

static bool is_loaded(struct kmod_ctx *ctx)
{
	struct kmod_module *module;
	int state = -1;

	if (!kmod_module_new_from_name(ctx, MODULE, &module)) {
		state = kmod_module_get_initstate(module);
		kmod_module_unref(module);
	}
	return state >= 0;
}

/* It works, as far as the two know the same: no error, but after an upgrade worth a word. */
static void warn_of_other_version(void)
{
	char version[32];
	int v = chan_version();

	if (module_is_other(version, sizeof(version)))
		say("the module is of version %s, and this of version %d.%d.%d: if another is "
		    "installed, it is loaded after chanctl unload", version,
		    v >> 16, v >> 8 & 255, v & 255);
}

int cmd_load(int argc, char *argv[])
{
	struct load load = {};
	struct kmod_module *module;
	struct kmod_ctx *ctx;
	int r;

	parse_all(&load_argp, argc, argv, &load);
	ctx = context();
	if (is_loaded(ctx)) {
		printf(MODULE " is loaded already\n");
		warn_of_other_version();
		return STATUS_DONE;
	}
	module = load.path ? from_file(ctx, load.path) : installed(ctx);
	r = kmod_module_probe_insert_module(module, KMOD_PROBE_APPLY_BLACKLIST |
					    KMOD_PROBE_FAIL_ON_LOADED, load.parameters,
					    NULL, NULL, NULL);
	if (r && r != -EEXIST)
		die(STATUS_ERROR, "%s for kernel %s: %s",
		    kmod_module_get_path(module) ?: MODULE, release(), load_failure(r));
	if (access(CTL, F_OK))
		die(STATUS_ERROR, "the module is loaded, but there is no " CTL
		    ": is devtmpfs mounted on /dev?");
	printf(MODULE " is loaded\n");
	warn_of_other_version();
	kmod_module_unref(module);
	kmod_unref(ctx);
	return STATUS_DONE;
}

/*
 * unload
 */

static const struct argp unload_argp = {
	.doc = "Unload the kernel module of channels. While a named channel exists, or a process "
		"has a channel open, this is refused, and says who that is.",
};

/* Each of these returns whether there is one. */
static bool name_channels(void)
{
	struct chan_info info[64];
	unsigned int next = 0;
	bool some = false;
	int i, n;

	while ((n = chan_list(&next, info, 64, sizeof(info[0]))) > 0) {
		for (i = 0; i < n; i++)
			say("/dev/chan%u%s%s exists, with %u element%s (chanctl rm)",
			    info[i].minor, info[i].name[0] ? ", " : "", info[i].name,
			    info[i].len, info[i].len == 1 ? "" : "s");
		some = true;
	}
	return some;
}

static bool is_ours(const char *target)
{
	return !strncmp(target, "/dev/chan", 9) || !strcmp(target, "anon_inode:[chan]") ||
		!strcmp(target, "anon_inode:[chan-selector]");
}

static void name_of_process(const char *pid, char *name, size_t size)
{
	char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	f = fopen(path, "re");
	if (!f || !fgets(name, size, f))
		snprintf(name, size, "?");
	if (f)
		fclose(f);
	name[strcspn(name, "\n")] = 0;
}

static bool name_files_of(const char *pid)
{
	char path[PATH_MAX], target[PATH_MAX], name[64];
	struct dirent *e;
	bool some = false;
	DIR *dir;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		n = readlinkat(dirfd(dir), e->d_name, target, sizeof(target) - 1);
		if (n <= 0)
			continue;
		target[n] = 0;
		if (!is_ours(target))
			continue;
		name_of_process(pid, name, sizeof(name));
		say("process %s (%s) has %s open as %s", pid, name, target, e->d_name);
		some = true;
	}
	if (dir)
		closedir(dir);
	return some;
}

static bool name_processes(void)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;
	bool some = false;

	while (dir && (e = readdir(dir)))
		if (e->d_name[0] >= '0' && e->d_name[0] <= '9')
			some |= name_files_of(e->d_name);
	if (dir)
		closedir(dir);
	return some;
}

static void name_users(void)
{
	bool some;

	say("the module is in use:");
	some = name_channels();
	some |= name_processes();
	if (!some)
		say("by a file that no process has open: one in a socket on its way to another "
		    "process, or kept by io_uring, or by a call that waits; or by processes "
		    "that can't be seen from here");
}

int cmd_unload(int argc, char *argv[])
{
	struct kmod_module *module;
	struct kmod_ctx *ctx;
	int r;

	parse_all(&unload_argp, argc, argv, NULL);
	ctx = context();
	if (!is_loaded(ctx)) {
		printf(MODULE " isn't loaded\n");
		return STATUS_DONE;
	}
	r = kmod_module_new_from_name(ctx, MODULE, &module);
	if (!r)
		r = kmod_module_remove_module(module, KMOD_REMOVE_NOWAIT);
	if (r == -EAGAIN || r == -EBUSY) {
		name_users();
		return STATUS_ERROR;
	}
	if (r)
		die(STATUS_ERROR, MODULE ": %s", r == -EPERM ? "only root can unload modules" :
		    r == -ENOSYS ? "this kernel never unloads a module" : strerror(-r));
	printf(MODULE " is unloaded\n");
	kmod_module_unref(module);
	kmod_unref(ctx);
	return STATUS_DONE;
}
