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

/* One more member of an object. */
void json_add_string(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, json_object_new_string(value));
}

void json_add_number(struct json_object *o, const char *key, uint64_t value)
{
	json_object_object_add(o, key, json_object_new_uint64(value));
}

void json_add_bool(struct json_object *o, const char *key, bool value)
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

	json_add_number(o, "id", info->id);
	snprintf(text, sizeof(text), "/dev/chan%u", info->minor);
	json_add_string(o, "node", text);
	json_add_string(o, "name", info->name);
	json_add_number(o, "uid", info->uid);
	snprintf(text, sizeof(text), "%04o", info->mode);
	json_add_string(o, "mode", text);
	json_add_string(o, "type", info->type);
	json_add_bool(o, "message", info->flags & CHAN_MESSAGE);
	json_add_number(o, "elem_size", info->elem_size);
	json_add_number(o, "capacity", info->capacity);
	json_add_number(o, "len", info->len);
	json_add_bool(o, "closed", info->flags & CHAN_CLOSED);
	json_add_bool(o, "hung_up", info->flags & CHAN_HUNGUP);
	json_add_bool(o, "autoclose", info->flags & CHAN_AUTOCLOSE);
	json_add_bool(o, "hangup", info->flags & CHAN_HANGUP);
	json_add_bool(o, "standby", info->flags & CHAN_STANDBY);
	json_add_bool(o, "timer", info->flags & CHAN_TIMER);
	json_add_number(o, "senders", info->senders);
	json_add_number(o, "receivers", info->receivers);
	json_add_number(o, "parked_senders", info->parked_senders);
	json_add_number(o, "parked_receivers", info->parked_receivers);
	json_add_number(o, "sent", info->sent);
	json_add_number(o, "received", info->received);
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
