/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/base/known-message.h"

#include "lib/base/error.h"
#include "lib/base/json-read.h"
#include "lib/base/wg-key.h"

#define KEY_TEXT_MAX 44
#define TIME_MAX ((guint64)1 << 40)

void
funnel_known_answer_free (FunnelKnownAnswer *answer)
{
  if (answer == NULL)
    return;
  g_free (answer->ingress_public_key);
  g_free (answer);
}

static JsonObject *
parse (const char *text, gsize len, GError **error)
{
  g_autoptr (JsonObject) object = funnel_json_parse_object (text, len, error);
  guint64 version = 0;

  if (object == NULL || !funnel_json_get_uint (object, "version", 1, G_MAXUINT32, &version, error))
    return NULL;
  if (version == FUNNEL_KNOWN_VERSION)
    return g_steal_pointer (&object);
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_UNSUPPORTED,
               "version: %u is not spoken here, only %d; update the older side", (guint)version,
               FUNNEL_KNOWN_VERSION);
  return NULL;
}

static char *
get_key (JsonObject *object, const char *member, GError **error)
{
  const char *key = funnel_json_get_string (object, member, KEY_TEXT_MAX, error);

  if (key == NULL || funnel_wg_key_is_valid (key))
    return g_strdup (key);
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_PROTOCOL, "%s: is not a WireGuard key", member);
  return NULL;
}

char *
funnel_known_request_print (const char *public_key)
{
  JsonObject *object = json_object_new ();

  json_object_set_int_member (object, "version", FUNNEL_KNOWN_VERSION);
  json_object_set_string_member (object, "public_key", public_key);
  return funnel_json_print_object (object);
}

char *
funnel_known_request_parse (const char *text, gsize len, GError **error)
{
  g_autoptr (JsonObject) object = parse (text, len, error);

  return object != NULL ? get_key (object, "public_key", error) : NULL;
}

char *
funnel_known_answer_print (const FunnelKnownAnswer *answer)
{
  JsonObject *object = json_object_new ();

  json_object_set_int_member (object, "version", FUNNEL_KNOWN_VERSION);
  json_object_set_boolean_member (object, "known", answer->known);
  json_object_set_int_member (object, "time", answer->time);
  if (answer->known)
    {
      json_object_set_int_member (object, "handshake", answer->handshake);
      json_object_set_string_member (object, "ingress_public_key", answer->ingress_public_key);
    }
  return funnel_json_print_object (object);
}

FunnelKnownAnswer *
funnel_known_answer_parse (const char *text, gsize len, GError **error)
{
  g_autoptr (JsonObject) object = parse (text, len, error);
  g_autoptr (FunnelKnownAnswer) answer = g_new0 (FunnelKnownAnswer, 1);
  guint64 time = 0, handshake = 0;

  if (object == NULL || !funnel_json_get_bool (object, "known", FALSE, &answer->known, error)
      || !funnel_json_get_uint (object, "time", 0, TIME_MAX, &time, error))
    return NULL;
  answer->time = (gint64)time;
  if (!answer->known)
    return g_steal_pointer (&answer);
  if (!funnel_json_get_uint (object, "handshake", 0, TIME_MAX, &handshake, error))
    return NULL;
  answer->handshake = (gint64)handshake;
  answer->ingress_public_key = get_key (object, "ingress_public_key", error);
  return answer->ingress_public_key != NULL ? g_steal_pointer (&answer) : NULL;
}
