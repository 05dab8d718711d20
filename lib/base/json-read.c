/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/base/json-read.h"

#include "lib/base/error.h"
#include "lib/base/host.h"

#include <string.h>

#define EXACT_MAX ((guint64)1 << 53)

static gboolean
refuse (GError **error, const char *member, const char *what)
{
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_PROTOCOL, "%s: %s", member, what);
  return FALSE;
}

/* Whether @text can only be one object of bounded depth: json-glib recurses, takes several values
 * in a row, and knows comments and assignments. Brackets are counted outside strings; what would
 * make this count and the parser's disagree (comments, single quotes) is refused. */
static gboolean
shape_is_sound (const char *text, gsize len)
{
  guint depth = 0;
  gboolean in_string = FALSE, ended = FALSE;

  for (gsize i = 0; i < len; i++)
    {
      char c = text[i];

      if (in_string)
        {
          if (c == '\\')
            i++;
          else if (c == '"')
            in_string = FALSE;
          continue;
        }
      if (g_ascii_isspace (c))
        continue;
      if (ended || (depth == 0 && c != '{') || strchr ("/'", c))
        return FALSE;
      if (c == '"')
        in_string = TRUE;
      else if ((c == '{' || c == '[') && ++depth > FUNNEL_JSON_DEPTH_MAX)
        return FALSE;
      else if (c == '}' || c == ']')
        ended = --depth == 0;
    }
  return ended;
}

JsonObject *
funnel_json_parse_object (const char *text, gsize len, GError **error)
{
  g_autoptr (JsonParser) parser = json_parser_new_immutable ();
  g_autoptr (GError) why = NULL;
  JsonNode *root;

  if (!g_utf8_validate_len (text, len, NULL) || !shape_is_sound (text, len))
    {
      refuse (error, "message", "not JSON as this protocol uses it");
      return NULL;
    }
  if (!json_parser_load_from_data (parser, text, (gssize)len, &why))
    {
      refuse (error, "message", "not valid JSON");
      return NULL;
    }
  root = json_parser_get_root (parser);
  if (!root || !JSON_NODE_HOLDS_OBJECT (root))
    {
      refuse (error, "message", "must be a JSON object");
      return NULL;
    }
  return json_node_dup_object (root);
}

static JsonNode *
find (JsonObject *object, const char *member, GError **error)
{
  JsonNode *node = json_object_get_member (object, member);

  if (!node || JSON_NODE_HOLDS_NULL (node))
    {
      refuse (error, member, "is missing");
      return NULL;
    }
  return node;
}

gboolean
funnel_json_has (JsonObject *object, const char *member)
{
  JsonNode *node = json_object_get_member (object, member);

  return node && !JSON_NODE_HOLDS_NULL (node);
}

static gboolean
has_control_character (const char *text)
{
  for (const char *p = text; *p; p = g_utf8_next_char (p))
    {
      gunichar c = g_utf8_get_char (p);

      if (g_unichar_iscntrl (c) || c == 0x2028 || c == 0x2029)
        return TRUE;
    }
  return FALSE;
}

const char *
funnel_json_get_string (JsonObject *object, const char *member, gsize max, GError **error)
{
  JsonNode *node = find (object, member, error);
  const char *text;

  if (!node)
    return NULL;
  if (!JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_STRING)
    {
      refuse (error, member, "must be a string");
      return NULL;
    }
  text = json_node_get_string (node);
  if (*text == '\0')
    refuse (error, member, "must not be empty");
  else if (strlen (text) > max)
    refuse (error, member, "is too long");
  else if (has_control_character (text))
    refuse (error, member, "contains control characters");
  else
    return text;
  return NULL;
}

static gboolean
node_to_uint (JsonNode *node, guint64 min, guint64 max, guint64 *out)
{
  gint64 value;

  if (!JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_INT64)
    return FALSE;
  value = json_node_get_int (node);
  if (value < 0 || (guint64)value < min || (guint64)value > MIN (max, EXACT_MAX))
    return FALSE;
  *out = (guint64)value;
  return TRUE;
}

gboolean
funnel_json_get_uint (JsonObject *object,
                      const char *member,
                      guint64 min,
                      guint64 max,
                      guint64 *out,
                      GError **error)
{
  JsonNode *node = find (object, member, error);
  g_autofree char *what = NULL;

  if (!node)
    return FALSE;
  if (node_to_uint (node, min, max, out))
    return TRUE;
  what = g_strdup_printf ("must be a whole number from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT,
                          min, max);
  return refuse (error, member, what);
}

gboolean
funnel_json_get_bool (JsonObject *object,
                      const char *member,
                      gboolean fallback,
                      gboolean *out,
                      GError **error)
{
  JsonNode *node = json_object_get_member (object, member);

  *out = fallback;
  if (!node || JSON_NODE_HOLDS_NULL (node))
    return TRUE;
  if (!JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_BOOLEAN)
    return refuse (error, member, "must be true or false");
  *out = json_node_get_boolean (node);
  return TRUE;
}

JsonArray *
funnel_json_get_array (JsonObject *object, const char *member, guint max, GError **error)
{
  JsonNode *node = find (object, member, error);
  JsonArray *array;

  if (!node)
    return NULL;
  if (!JSON_NODE_HOLDS_ARRAY (node))
    {
      refuse (error, member, "must be a list");
      return NULL;
    }
  array = json_node_get_array (node);
  if (json_array_get_length (array) > max)
    {
      refuse (error, member, "has too many elements");
      return NULL;
    }
  return array;
}

JsonObject *
funnel_json_get_object_at (JsonArray *array, const char *member, guint index, GError **error)
{
  JsonNode *node = json_array_get_element (array, index);
  g_autofree char *where = NULL;

  if (JSON_NODE_HOLDS_OBJECT (node))
    return json_node_get_object (node);
  where = g_strdup_printf ("%s[%u]", member, index);
  refuse (error, where, "must be an object");
  return NULL;
}

const char *
funnel_json_get_name (JsonObject *object, const char *member, GError **error)
{
  const char *text = funnel_json_get_string (object, member, FUNNEL_HOST_MAX, error);
  g_autofree char *canonical = NULL;

  if (!text)
    return NULL;
  canonical = funnel_host_normalize (text, NULL);
  if (!canonical)
    refuse (error, member, "is not a host name");
  else if (strcmp (text, canonical) != 0)
    refuse (error, member, "must be in lower case and without a trailing dot");
  else
    return text;
  return NULL;
}

GArray *
funnel_json_get_ports (JsonObject *object, const char *member, guint max, GError **error)
{
  JsonArray *array = funnel_json_get_array (object, member, max, error);
  g_autoptr (GArray) ports = g_array_new (FALSE, FALSE, sizeof (guint16));

  if (!array)
    return NULL;
  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      guint64 value = 0;
      guint16 port;

      if (!node_to_uint (json_array_get_element (array, i), 1, G_MAXUINT16, &value))
        {
          refuse (error, member, "must be port numbers from 1 to 65535");
          return NULL;
        }
      port = (guint16)value;
      for (guint k = 0; k < ports->len; k++)
        if (g_array_index (ports, guint16, k) == port)
          {
            refuse (error, member, "has a port twice");
            return NULL;
          }
      g_array_append_val (ports, port);
    }
  if (ports->len == 0)
    {
      refuse (error, member, "must not be empty");
      return NULL;
    }
  return g_steal_pointer (&ports);
}

char *
funnel_json_print_object (JsonObject *object)
{
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);

  json_node_take_object (node, object);
  return json_to_string (node, FALSE);
}

void
funnel_json_set_ports (JsonObject *object, const char *member, const guint16 *ports, guint n)
{
  JsonArray *array = json_array_sized_new (n);

  for (guint i = 0; i < n; i++)
    json_array_add_int_element (array, ports[i]);
  json_object_set_array_member (object, member, array);
}

char *
funnel_text_one_line (const char *text, gsize max)
{
  g_autofree char *valid = g_utf8_make_valid (text ? text : "", -1);
  GString *out = g_string_new (NULL);

  for (const char *p = valid; *p; p = g_utf8_next_char (p))
    {
      gunichar c = g_utf8_get_char (p);
      gsize width = (gsize)(g_utf8_next_char (p) - p);

      if (out->len + width > max)
        break;
      if (g_unichar_iscntrl (c) || c == 0x2028 || c == 0x2029)
        g_string_append_c (out, ' ');
      else
        g_string_append_unichar (out, c);
    }
  return g_string_free (out, FALSE);
}
