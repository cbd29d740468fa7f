// SPDX-License-Identifier: GPL-2.0
/*
 * A channel for people and for programs.
 */
#include <json-c/json.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>

#include "chanctl.h"

/**
 * state_of() - what has become of a channel
 * @info: the channel
 *
 * Return: a word or two.
 */
const char *state_of(const struct chan_info *info)
{
	if (info->flags & CHAN_CLOSED)
		return "closed";
	return info->flags & CHAN_HUNGUP ? "hung up" : "open";
}

/**
 * owner_of() - who made a channel
 * @info: the channel
 *
 * Return: the login name, or the number of a user who has none; good until the next
 * call.
 */
const char *owner_of(const struct chan_info *info)
{
	const struct passwd *user = getpwuid(info->uid);
	static char number[16];

	if (user)
		return user->pw_name;
	snprintf(number, sizeof(number), "%u", info->uid);
	return number;
}

/**
 * kind_of() - what its elements are
 * @info: the channel
 *
 * Return: "8 bytes", "<= 256 bytes" for messages; good until the next call.
 */
const char *kind_of(const struct chan_info *info)
{
	static char text[32];

	snprintf(text, sizeof(text), "%s%u", info->flags & CHAN_MESSAGE ? "<=" : "",
		 info->elem_size);
	return text;
}

static void add_string(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, json_object_new_string(value));
}

static void add_number(struct json_object *o, const char *key, uint64_t value)
{
	json_object_object_add(o, key, json_object_new_uint64(value));
}

static void add_bool(struct json_object *o, const char *key, bool value)
{
	json_object_object_add(o, key, json_object_new_boolean(value));
}

/**
 * json_of() - a channel as a JSON object; chanctl-info(1) names its members
 * @info: the channel
 *
 * Return: the object.
 */
struct json_object *json_of(const struct chan_info *info)
{
	struct json_object *o = json_object_new_object();
	char text[64];

	add_number(o, "id", info->id);
	snprintf(text, sizeof(text), "/dev/chan%u", info->minor);
	add_string(o, "node", text);
	add_string(o, "name", info->name);
	add_number(o, "uid", info->uid);
	snprintf(text, sizeof(text), "%04o", info->mode);
	add_string(o, "mode", text);
	add_string(o, "type", info->type);
	add_bool(o, "message", info->flags & CHAN_MESSAGE);
	add_number(o, "elem_size", info->elem_size);
	add_number(o, "capacity", info->capacity);
	add_number(o, "len", info->len);
	add_bool(o, "closed", info->flags & CHAN_CLOSED);
	add_bool(o, "hung_up", info->flags & CHAN_HUNGUP);
	add_bool(o, "autoclose", info->flags & CHAN_AUTOCLOSE);
	add_bool(o, "hangup", info->flags & CHAN_HANGUP);
	add_bool(o, "standby", info->flags & CHAN_STANDBY);
	add_bool(o, "timer", info->flags & CHAN_TIMER);
	add_number(o, "senders", info->senders);
	add_number(o, "receivers", info->receivers);
	add_number(o, "parked_senders", info->parked_senders);
	add_number(o, "parked_receivers", info->parked_receivers);
	add_number(o, "sent", info->sent);
	add_number(o, "received", info->received);
	return o;
}

/**
 * print_json() - print it, and let go of it
 * @o: the object
 */
void print_json(struct json_object *o)
{
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY |
					    JSON_C_TO_STRING_NOSLASHESCAPE |
					    JSON_C_TO_STRING_SPACED));
	json_object_put(o);
	flush_or_die();
}
