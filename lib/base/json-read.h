/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Strict reading of JSON that strangers sent: types and bounds are checked, members we do not know
 * are ignored. Errors are FUNNEL_ERROR_PROTOCOL and begin with the member at fault ("port: …"), so
 * that a caller inside a list can put "shares[3]." in front with g_prefix_error. */

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

#define FUNNEL_JSON_DEPTH_MAX 8

/** funnel_json_parse_object: the one object @text holds; free with json_object_unref. Refuses more
 * than FUNNEL_JSON_DEPTH_MAX levels before the parser, which recurses, sees them. */
JsonObject *funnel_json_parse_object (const char *text, gsize len, GError **error);

/** funnel_json_has: whether @member is there and not null. */
gboolean funnel_json_has (JsonObject *object, const char *member);

/** funnel_json_get_string: a required string of 1 … @max bytes without control characters; owned by
 * @object. */
const char *
funnel_json_get_string (JsonObject *object, const char *member, gsize max, GError **error);
/** funnel_json_get_uint: a required whole number within @min … @max (at most 2^53). */
gboolean funnel_json_get_uint (JsonObject *object,
                               const char *member,
                               guint64 min,
                               guint64 max,
                               guint64 *out,
                               GError **error);
/** funnel_json_get_bool: an optional boolean, @fallback when absent. */
gboolean funnel_json_get_bool (JsonObject *object,
                               const char *member,
                               gboolean fallback,
                               gboolean *out,
                               GError **error);
/** funnel_json_get_array: a required list of at most @max elements; owned by @object. */
JsonArray *
funnel_json_get_array (JsonObject *object, const char *member, guint max, GError **error);
/** funnel_json_get_object_at: element @index of @array, which must be an object. */
JsonObject *
funnel_json_get_object_at (JsonArray *array, const char *member, guint index, GError **error);
/** funnel_json_get_name: a required canonical host name; owned by @object. */
const char *funnel_json_get_name (JsonObject *object, const char *member, GError **error);
/** funnel_json_get_ports: a required list of 1 … @max different ports; new array of guint16. */
GArray *funnel_json_get_ports (JsonObject *object, const char *member, guint max, GError **error);

/** funnel_json_print_object: compact text; takes @object. */
char *funnel_json_print_object (JsonObject *object);
/** funnel_json_set_ports: a list of numbers. */
void funnel_json_set_ports (JsonObject *object, const char *member, const guint16 *ports, guint n);

/** funnel_text_one_line: a copy of at most @max bytes, valid UTF-8, control characters made spaces:
 * fit for a log line or a status field. */
char *funnel_text_one_line (const char *text, gsize max);

G_END_DECLS
