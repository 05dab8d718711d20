/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/base/join-message.h"

#include "lib/base/error.h"
#include "lib/base/host.h"
#include "lib/base/json-read.h"
#include "lib/base/link-message.h"
#include "lib/base/wg-key.h"

#include <string.h>

#define SOFTWARE_MAX 128
#define SECRET_TEXT ((FUNNEL_TOKEN_SECRET_LEN * 4 + 2) / 3) /* base64url without padding */
#define NODE_MAX 63
#define NAMES_MAX 64
#define ENDPOINT_MAX 262 /* "[" host "]:65535" */
#define MESSAGE_MAX 1024

void
funnel_join_request_free (FunnelJoinRequest *request)
{
  if (!request)
    return;
  explicit_bzero (request->secret, sizeof request->secret);
  g_free (request->public_key);
  g_free (request->software);
  g_free (request);
}

FunnelJoinAnswer *
funnel_join_answer_new (void)
{
  return g_new0 (FunnelJoinAnswer, 1);
}

void
funnel_join_answer_free (FunnelJoinAnswer *answer)
{
  if (!answer)
    return;
  g_free (answer->node);
  g_free (answer->zone);
  g_strfreev (answer->names);
  g_free (answer->address);
  g_free (answer->ingress_address);
  g_free (answer->ingress_public_key);
  g_free (answer->endpoint_host);
  g_clear_pointer (&answer->public_ports, g_array_unref);
  g_free (answer->tunnel);
  g_free (answer);
}

static gboolean
protocol_error (GError **error, const char *message)
{
  g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_PROTOCOL, message);
  return FALSE;
}

static gboolean
check_version (JsonObject *object, GError **error)
{
  guint64 version = 0;

  if (!funnel_json_get_uint (object, "version", 1, G_MAXUINT32, &version, error))
    return FALSE;
  if (version == FUNNEL_JOIN_VERSION)
    return TRUE;
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_UNSUPPORTED,
               "version: %u is not spoken here, only %d; update the older side", (guint)version,
               FUNNEL_JOIN_VERSION);
  return FALSE;
}

/* The secret. It is printed into a buffer of known size, without passing through json-glib, whose
 * copies could not be wiped; reading has to accept those copies. */

char *
funnel_join_request_print (const FunnelJoinRequest *request)
{
  g_autofree char *software = funnel_text_one_line (request->software, SOFTWARE_MAX);
  JsonObject *object = json_object_new ();
  g_autofree char *rest = NULL;
  char *secret = g_base64_encode (request->secret, sizeof request->secret);
  char *text;

  g_strdelimit (secret, "+", '-');
  g_strdelimit (secret, "/", '_');
  secret[strcspn (secret, "=")] = '\0';
  json_object_set_string_member (object, "public_key", request->public_key);
  if (*software)
    json_object_set_string_member (object, "software", software);
  rest = funnel_json_print_object (object);
  text = g_strdup_printf ("{\"version\":%d,\"secret\":\"%s\",%s", FUNNEL_JOIN_VERSION, secret,
                          rest + 1);
  funnel_secret_free (secret);
  return text;
}

static gboolean
parse_secret (JsonObject *object, guint8 out[FUNNEL_TOKEN_SECRET_LEN], GError **error)
{
  const char *text = funnel_json_get_string (object, "secret", SECRET_TEXT, error);
  char padded[SECRET_TEXT + 3];
  g_autofree guchar *bytes = NULL;
  gsize len = 0;

  if (!text)
    return FALSE;
  for (const char *p = text; *p; p++)
    if (!g_ascii_isalnum (*p) && *p != '-' && *p != '_')
      return protocol_error (error, "secret: must be base64url");
  g_snprintf (padded, sizeof padded, "%s==", text);
  g_strdelimit (padded, "-", '+');
  g_strdelimit (padded, "_", '/');
  bytes = g_base64_decode (padded, &len);
  explicit_bzero (padded, sizeof padded);
  if (len != FUNNEL_TOKEN_SECRET_LEN)
    return protocol_error (error, "secret: has the wrong length");
  memcpy (out, bytes, FUNNEL_TOKEN_SECRET_LEN);
  explicit_bzero (bytes, len);
  return TRUE;
}

static gboolean
parse_key (JsonObject *object, const char *member, char **out, GError **error)
{
  const char *text = funnel_json_get_string (object, member, FUNNEL_WG_KEY_TEXT, error);

  if (!text)
    return FALSE;
  if (!funnel_wg_key_is_valid (text))
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_PROTOCOL, "%s: is not a WireGuard key",
                   member);
      return FALSE;
    }
  *out = g_strdup (text);
  return TRUE;
}

FunnelJoinRequest *
funnel_join_request_parse (const char *text, gsize len, GError **error)
{
  g_autoptr (FunnelJoinRequest) request = g_new0 (FunnelJoinRequest, 1);
  g_autoptr (JsonObject) object = NULL;
  const char *software;

  if (len > FUNNEL_JOIN_REQUEST_MAX)
    {
      protocol_error (error, "message: is too long");
      return NULL;
    }
  object = funnel_json_parse_object (text, len, error);
  if (!object || !check_version (object, error) || !parse_secret (object, request->secret, error)
      || !parse_key (object, "public_key", &request->public_key, error))
    return NULL;
  if (funnel_json_has (object, "software"))
    {
      software = funnel_json_get_string (object, "software", SOFTWARE_MAX, error);
      if (!software)
        return NULL;
      request->software = g_strdup (software);
    }
  return g_steal_pointer (&request);
}

char *
funnel_join_answer_print (const FunnelJoinAnswer *answer)
{
  JsonObject *object = json_object_new ();
  JsonArray *names = json_array_new ();
  g_autofree char *endpoint = funnel_endpoint_join (answer->endpoint_host, answer->endpoint_port);

  for (guint i = 0; answer->names[i]; i++)
    json_array_add_string_element (names, answer->names[i]);
  json_object_set_int_member (object, "version", FUNNEL_JOIN_VERSION);
  json_object_set_string_member (object, "node", answer->node);
  json_object_set_string_member (object, "zone", answer->zone);
  json_object_set_array_member (object, "names", names);
  json_object_set_string_member (object, "address", answer->address);
  json_object_set_string_member (object, "ingress_address", answer->ingress_address);
  json_object_set_string_member (object, "ingress_public_key", answer->ingress_public_key);
  json_object_set_string_member (object, "endpoint", endpoint);
  json_object_set_int_member (object, "link_port", answer->link_port);
  funnel_json_set_ports (object, "public_ports",
                         (const guint16 *)(void *)answer->public_ports->data,
                         answer->public_ports->len);
  json_object_set_string_member (object, "tunnel", answer->tunnel);
  return funnel_json_print_object (object);
}

static gboolean
parse_ipv4 (JsonObject *object, const char *member, char **out, GError **error)
{
  const char *text = funnel_json_get_string (object, member, 15, error);
  g_autoptr (GInetAddress) address = NULL;

  if (!text)
    return FALSE;
  address = g_inet_address_new_from_string (text);
  if (!address || g_inet_address_get_family (address) != G_SOCKET_FAMILY_IPV4)
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_PROTOCOL, "%s: must be an IPv4 address",
                   member);
      return FALSE;
    }
  *out = g_strdup (text);
  return TRUE;
}

static gboolean
parse_names (JsonObject *object, GStrv *out, GError **error)
{
  JsonArray *array = funnel_json_get_array (object, "names", NAMES_MAX, error);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  if (!array)
    return FALSE;
  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      JsonNode *node = json_array_get_element (array, i);
      const char *text = JSON_NODE_HOLDS_VALUE (node) ? json_node_get_string (node) : NULL;
      g_autofree char *canonical = text ? funnel_host_normalize (text, NULL) : NULL;

      if (!canonical)
        {
          g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_PROTOCOL, "names[%u]: must be a host name",
                       i);
          return FALSE;
        }
      g_strv_builder_add (builder, canonical);
    }
  *out = g_strv_builder_end (builder);
  return TRUE;
}

static gboolean
parse_endpoint (JsonObject *object, FunnelJoinAnswer *answer, GError **error)
{
  const char *text = funnel_json_get_string (object, "endpoint", ENDPOINT_MAX, error);

  if (!text)
    return FALSE;
  if (!funnel_endpoint_split (text, &answer->endpoint_host, &answer->endpoint_port, NULL))
    return protocol_error (error, "endpoint: must be HOST:PORT");
  return TRUE;
}

static gboolean
parse_places (JsonObject *object, FunnelJoinAnswer *answer, GError **error)
{
  guint64 link_port = 0;
  const char *tunnel;

  if (!parse_endpoint (object, answer, error)
      || !funnel_json_get_uint (object, "link_port", 1, G_MAXUINT16, &link_port, error))
    return FALSE;
  answer->link_port = (guint16)link_port;
  answer->public_ports
      = funnel_json_get_ports (object, "public_ports", FUNNEL_LINK_PORTS_MAX, error);
  if (!answer->public_ports)
    return FALSE;
  tunnel = funnel_json_get_string (object, "tunnel", 32, error);
  if (!tunnel)
    return FALSE;
  if (!g_str_equal (tunnel, "wireguard") && !g_str_equal (tunnel, "direct"))
    return protocol_error (error, "tunnel: must be “wireguard” or “direct”");
  answer->tunnel = g_strdup (tunnel);
  return TRUE;
}

FunnelJoinAnswer *
funnel_join_answer_parse (const char *text, gsize len, GError **error)
{
  g_autoptr (FunnelJoinAnswer) answer = funnel_join_answer_new ();
  g_autoptr (JsonObject) object = NULL;
  const char *name;

  if (len > FUNNEL_JOIN_ANSWER_MAX)
    {
      protocol_error (error, "message: is too long");
      return NULL;
    }
  object = funnel_json_parse_object (text, len, error);
  if (!object || !check_version (object, error))
    return NULL;
  name = funnel_json_get_name (object, "node", error);
  if (!name)
    return NULL;
  if (strlen (name) > NODE_MAX || strchr (name, '.'))
    {
      protocol_error (error, "node: must be one label");
      return NULL;
    }
  answer->node = g_strdup (name);
  name = funnel_json_get_name (object, "zone", error);
  answer->zone = g_strdup (name);
  if (!name || !parse_names (object, &answer->names, error)
      || !parse_ipv4 (object, "address", &answer->address, error)
      || !parse_ipv4 (object, "ingress_address", &answer->ingress_address, error)
      || !parse_key (object, "ingress_public_key", &answer->ingress_public_key, error)
      || !parse_places (object, answer, error))
    return NULL;
  return g_steal_pointer (&answer);
}

char *
funnel_join_error_print (const GError *error)
{
  JsonObject *object = json_object_new ();
  JsonObject *inner = json_object_new ();
  g_autofree char *message = funnel_text_one_line (error->message, MESSAGE_MAX);
  FunnelError code = error->domain == FUNNEL_ERROR ? (FunnelError)error->code : FUNNEL_ERROR_FAILED;

  json_object_set_string_member (inner, "code", funnel_error_code_text (code));
  json_object_set_string_member (inner, "message", message);
  json_object_set_object_member (object, "error", inner);
  return funnel_json_print_object (object);
}

GError *
funnel_join_error_parse (const char *text, gsize len)
{
  g_autoptr (JsonObject) object = NULL;
  JsonNode *node;
  const char *code = NULL, *message = NULL;

  if (len <= FUNNEL_JOIN_ANSWER_MAX)
    object = funnel_json_parse_object (text, len, NULL);
  node = object ? json_object_get_member (object, "error") : NULL;
  if (node && JSON_NODE_HOLDS_OBJECT (node))
    {
      code = funnel_json_get_string (json_node_get_object (node), "code", 64, NULL);
      message = funnel_json_get_string (json_node_get_object (node), "message", MESSAGE_MAX, NULL);
    }
  if (!code || !message)
    return g_error_new_literal (FUNNEL_ERROR, FUNNEL_ERROR_PROTOCOL,
                                "The answer is not one of a Funnel ingress");
  return g_error_new_literal (FUNNEL_ERROR, (int)funnel_error_code_from_text (code), message);
}
