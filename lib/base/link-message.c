/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/base/link-message.h"

#include "lib/base/error.h"
#include "lib/base/host.h"
#include "lib/base/json-read.h"

#include <string.h>

#define SOFTWARE_MAX 128
#define DETAIL_MAX 1024
#define NODE_MAX 63
#define ADDRESSES_MAX 16
#define ADDRESS_LEN_MAX 45
#define LEAF_LEN 64
#define RECORD_MAX 768 /* a name, a type and a name */
#define PING_INTERVAL_MAX 3600

static const char *const type_names[] = {
    "hello", "shares", "pong",   "welcome", "grants", "probe",
    "ping",  "routed", "claims", "claimed", "error",
};
G_STATIC_ASSERT (G_N_ELEMENTS (type_names) == FUNNEL_LINK_ERROR + 1);

static const char *const outcome_names[] = {"ok", "dns", "connect", "tls", "timeout"};
G_STATIC_ASSERT (G_N_ELEMENTS (outcome_names) == FUNNEL_PROBE_TIMEOUT + 1);

static const char *const claim_states[] = {"checking", "refused", "held", "lost"};
G_STATIC_ASSERT (G_N_ELEMENTS (claim_states) == FUNNEL_CLAIM_LOST + 1);

const char *
funnel_claim_state_text (FunnelClaimState state)
{
  g_return_val_if_fail ((guint)state < G_N_ELEMENTS (claim_states), "refused");
  return claim_states[state];
}

const char *
funnel_probe_outcome_text (FunnelProbeOutcome outcome)
{
  g_return_val_if_fail ((guint)outcome < G_N_ELEMENTS (outcome_names), "timeout");
  return outcome_names[outcome];
}

const char *
funnel_link_type_text (FunnelLinkType type)
{
  g_return_val_if_fail ((guint)type < G_N_ELEMENTS (type_names), "error");
  return type_names[type];
}

FunnelLinkShare *
funnel_link_share_new (const char *name, guint16 port, guint32 epoch)
{
  FunnelLinkShare *share = g_new0 (FunnelLinkShare, 1);

  share->name = g_strdup (name);
  share->port = port;
  share->epoch = epoch;
  return share;
}

void
funnel_link_share_free (FunnelLinkShare *share)
{
  if (!share)
    return;
  g_free (share->name);
  g_free (share);
}

FunnelLinkGrant *
funnel_link_grant_new (const char *name, const guint16 *ports, guint n_ports, gint64 expires)
{
  FunnelLinkGrant *grant = g_new0 (FunnelLinkGrant, 1);

  grant->name = g_strdup (name);
  grant->ports = g_memdup2 (ports, n_ports * sizeof *ports);
  grant->n_ports = n_ports;
  grant->expires = expires;
  return grant;
}

gboolean
funnel_link_grant_covers (const FunnelLinkGrant *grant, const char *name)
{
  return g_str_equal (grant->name, name)
         || (grant->below && funnel_host_is_child (name, grant->name));
}

void
funnel_link_grant_free (FunnelLinkGrant *grant)
{
  if (!grant)
    return;
  g_free (grant->name);
  g_free (grant->ports);
  g_free (grant);
}

FunnelLinkClaim *
funnel_link_claim_new (const char *name, FunnelClaimState state)
{
  FunnelLinkClaim *claim = g_new0 (FunnelLinkClaim, 1);

  claim->name = g_strdup (name);
  claim->state = state;
  claim->records = g_new0 (char *, 1);
  return claim;
}

FunnelLinkClaim *
funnel_link_claim_copy (const FunnelLinkClaim *claim)
{
  FunnelLinkClaim *copy = g_new0 (FunnelLinkClaim, 1);

  copy->name = g_strdup (claim->name);
  copy->state = claim->state;
  copy->reason = g_strdup (claim->reason);
  copy->records = g_strdupv (claim->records);
  return copy;
}

void
funnel_link_claim_free (FunnelLinkClaim *claim)
{
  if (!claim)
    return;
  g_free (claim->name);
  g_free (claim->reason);
  g_strfreev (claim->records);
  g_free (claim);
}

FunnelLinkMessage *
funnel_link_message_new (FunnelLinkType type)
{
  FunnelLinkMessage *message = g_new0 (FunnelLinkMessage, 1);

  message->type = type;
  message->version = FUNNEL_LINK_VERSION;
  if (type == FUNNEL_LINK_SHARES || type == FUNNEL_LINK_ROUTED)
    message->shares = g_ptr_array_new_with_free_func ((GDestroyNotify)funnel_link_share_free);
  if (type == FUNNEL_LINK_GRANTS)
    message->grants = g_ptr_array_new_with_free_func ((GDestroyNotify)funnel_link_grant_free);
  if (type == FUNNEL_LINK_CLAIMED)
    message->claims = g_ptr_array_new_with_free_func ((GDestroyNotify)funnel_link_claim_free);
  if (type == FUNNEL_LINK_WELCOME)
    message->public_ports = g_array_new (FALSE, FALSE, sizeof (guint16));
  return message;
}

void
funnel_link_message_free (FunnelLinkMessage *message)
{
  if (!message)
    return;
  g_free (message->software);
  g_clear_pointer (&message->shares, g_ptr_array_unref);
  g_free (message->node);
  g_free (message->zone);
  g_clear_pointer (&message->public_ports, g_array_unref);
  g_clear_pointer (&message->grants, g_ptr_array_unref);
  g_clear_pointer (&message->claims, g_ptr_array_unref);
  g_strfreev (message->names);
  g_free (message->name);
  g_free (message->detail);
  g_free (message->leaf);
  g_strfreev (message->addresses);
  g_free (message);
}

/* Writing. */

static void
set_text (JsonObject *object, const char *member, const char *text, gsize max)
{
  g_autofree char *line = funnel_text_one_line (text, max);

  if (*line)
    json_object_set_string_member (object, member, line);
}

static void
print_shares (JsonObject *object, GPtrArray *shares)
{
  JsonArray *array = json_array_sized_new (shares->len);

  for (guint i = 0; i < shares->len; i++)
    {
      const FunnelLinkShare *share = g_ptr_array_index (shares, i);
      JsonObject *element = json_object_new ();

      json_object_set_string_member (element, "name", share->name);
      json_object_set_int_member (element, "port", share->port);
      json_object_set_int_member (element, "epoch", share->epoch);
      json_array_add_object_element (array, element);
    }
  json_object_set_array_member (object, "shares", array);
}

static void
print_grants (JsonObject *object, GPtrArray *grants)
{
  JsonArray *array = json_array_sized_new (grants->len);

  for (guint i = 0; i < grants->len; i++)
    {
      const FunnelLinkGrant *grant = g_ptr_array_index (grants, i);
      JsonObject *element = json_object_new ();

      json_object_set_string_member (element, "name", grant->name);
      funnel_json_set_ports (element, "ports", grant->ports, grant->n_ports);
      json_object_set_int_member (element, "expires", grant->expires);
      if (grant->below)
        json_object_set_boolean_member (element, "below", TRUE);
      json_array_add_object_element (array, element);
    }
  json_object_set_array_member (object, "grants", array);
}

static void
print_probe (JsonObject *object, const FunnelLinkMessage *message)
{
  JsonArray *array = json_array_new ();

  json_object_set_string_member (object, "name", message->name);
  json_object_set_int_member (object, "port", message->port);
  json_object_set_int_member (object, "epoch", message->epoch);
  json_object_set_string_member (object, "outcome", funnel_probe_outcome_text (message->outcome));
  set_text (object, "detail", message->detail, DETAIL_MAX);
  if (message->leaf)
    json_object_set_string_member (object, "leaf", message->leaf);
  for (guint i = 0; message->addresses && message->addresses[i] && i < ADDRESSES_MAX; i++)
    json_array_add_string_element (array, message->addresses[i]);
  json_object_set_array_member (object, "addresses", array);
}

static JsonArray *
print_texts (GStrv texts, gsize max)
{
  JsonArray *array = json_array_new ();

  for (guint i = 0; texts && texts[i]; i++)
    {
      g_autofree char *line = funnel_text_one_line (texts[i], max);

      json_array_add_string_element (array, line);
    }
  return array;
}

static void
print_claimed (JsonObject *object, GPtrArray *claims)
{
  JsonArray *array = json_array_sized_new (claims->len);

  for (guint i = 0; i < claims->len; i++)
    {
      const FunnelLinkClaim *claim = g_ptr_array_index (claims, i);
      JsonObject *element = json_object_new ();

      json_object_set_string_member (element, "name", claim->name);
      json_object_set_string_member (element, "state", funnel_claim_state_text (claim->state));
      if (claim->reason)
        set_text (element, "reason", claim->reason, DETAIL_MAX);
      json_object_set_array_member (element, "records", print_texts (claim->records, RECORD_MAX));
      json_array_add_object_element (array, element);
    }
  json_object_set_array_member (object, "claims", array);
}

static void
print_welcome (JsonObject *object, const FunnelLinkMessage *message)
{
  json_object_set_int_member (object, "version", message->version);
  json_object_set_string_member (object, "node", message->node);
  json_object_set_string_member (object, "zone", message->zone);
  funnel_json_set_ports (object, "public_ports",
                         (const guint16 *)(void *)message->public_ports->data,
                         message->public_ports->len);
  json_object_set_int_member (object, "ping_interval", message->ping_interval);
  if (message->takes_claims)
    json_object_set_boolean_member (object, "claims", TRUE);
}

char *
funnel_link_message_print (const FunnelLinkMessage *message)
{
  JsonObject *object = json_object_new ();

  json_object_set_string_member (object, "type", funnel_link_type_text (message->type));
  switch (message->type)
    {
    case FUNNEL_LINK_HELLO:
      json_object_set_int_member (object, "version", message->version);
      set_text (object, "software", message->software, SOFTWARE_MAX);
      json_object_set_int_member (object, "offer_port", message->offer_port);
      break;
    case FUNNEL_LINK_SHARES:
    case FUNNEL_LINK_ROUTED:
      print_shares (object, message->shares);
      break;
    case FUNNEL_LINK_PONG:
    case FUNNEL_LINK_PING:
      json_object_set_int_member (object, "id", message->id);
      break;
    case FUNNEL_LINK_WELCOME:
      print_welcome (object, message);
      break;
    case FUNNEL_LINK_GRANTS:
      print_grants (object, message->grants);
      break;
    case FUNNEL_LINK_PROBE:
      print_probe (object, message);
      break;
    case FUNNEL_LINK_CLAIMS:
      json_object_set_array_member (object, "names", print_texts (message->names, FUNNEL_HOST_MAX));
      break;
    case FUNNEL_LINK_CLAIMED:
      print_claimed (object, message->claims);
      break;
    case FUNNEL_LINK_ERROR:
      set_text (object, "message", message->detail, DETAIL_MAX);
      break;
    }
  return funnel_json_print_object (object);
}

/* Reading: one function per type; FALSE with the error set. */

static gboolean
get_u32 (JsonObject *object,
         const char *member,
         guint64 min,
         guint64 max,
         guint32 *out,
         GError **error)
{
  guint64 value = 0;

  if (!funnel_json_get_uint (object, member, min, max, &value, error))
    return FALSE;
  *out = (guint32)value;
  return TRUE;
}

static gboolean
get_u16 (JsonObject *object, const char *member, guint64 min, guint16 *out, GError **error)
{
  guint32 value = 0;

  if (!get_u32 (object, member, min, G_MAXUINT16, &value, error))
    return FALSE;
  *out = (guint16)value;
  return TRUE;
}

/* Duplicates @member into @out; when it is optional its absence is fine. */
static gboolean
dup_string (JsonObject *object,
            const char *member,
            gsize max,
            gboolean optional,
            char **out,
            GError **error)
{
  const char *text;

  if (optional && !funnel_json_has (object, member))
    return TRUE;
  text = funnel_json_get_string (object, member, max, error);
  *out = g_strdup (text);
  return text != NULL;
}

static gboolean
dup_name (JsonObject *object, const char *member, char **out, GError **error)
{
  const char *name = funnel_json_get_name (object, member, error);

  *out = g_strdup (name);
  return name != NULL;
}

static gboolean
parse_hello (JsonObject *object, FunnelLinkMessage *message, GError **error)
{
  return get_u32 (object, "version", 1, G_MAXUINT32, &message->version, error)
         && dup_string (object, "software", SOFTWARE_MAX, TRUE, &message->software, error)
         && get_u16 (object, "offer_port", 1, &message->offer_port, error);
}

static gboolean
parse_id (JsonObject *object, FunnelLinkMessage *message, GError **error)
{
  return get_u32 (object, "id", 0, G_MAXUINT32, &message->id, error);
}

static gboolean
parse_share (JsonObject *element, FunnelLinkMessage *message, GHashTable *seen, GError **error)
{
  const char *name = funnel_json_get_name (element, "name", error);
  guint16 port = 0;
  guint32 epoch = 0;
  char *key;

  if (!name || !get_u16 (element, "port", 1, &port, error)
      || !get_u32 (element, "epoch", 0, G_MAXUINT32, &epoch, error))
    return FALSE;
  key = g_strdup_printf ("%s:%u", name, port);
  if (!g_hash_table_add (seen, key))
    {
      g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_PROTOCOL,
                           "name: stands twice with the same port");
      return FALSE;
    }
  g_ptr_array_add (message->shares, funnel_link_share_new (name, port, epoch));
  return TRUE;
}

static gboolean
parse_shares (JsonObject *object, FunnelLinkMessage *message, GError **error)
{
  JsonArray *array = funnel_json_get_array (object, "shares", FUNNEL_LINK_SHARES_MAX, error);
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  if (!array)
    return FALSE;
  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      JsonObject *element = funnel_json_get_object_at (array, "shares", i, error);

      if (!element)
        return FALSE;
      if (!parse_share (element, message, seen, error))
        {
          g_prefix_error (error, "shares[%u].", i);
          return FALSE;
        }
    }
  return TRUE;
}

static gboolean
parse_grant (JsonObject *element, FunnelLinkMessage *message, GError **error)
{
  const char *name = funnel_json_get_name (element, "name", error);
  g_autoptr (GArray) ports = NULL;
  FunnelLinkGrant *grant;
  guint64 expires = 0;
  gboolean below;

  if (!name || !(ports = funnel_json_get_ports (element, "ports", FUNNEL_LINK_PORTS_MAX, error))
      || !funnel_json_get_uint (element, "expires", 0, G_MAXUINT64, &expires, error)
      || !funnel_json_get_bool (element, "below", FALSE, &below, error))
    return FALSE;
  grant = funnel_link_grant_new (name, (const guint16 *)(void *)ports->data, ports->len,
                                 (gint64)expires);
  grant->below = below;
  g_ptr_array_add (message->grants, grant);
  return TRUE;
}

static gboolean
parse_grants (JsonObject *object, FunnelLinkMessage *message, GError **error)
{
  JsonArray *array = funnel_json_get_array (object, "grants", FUNNEL_LINK_GRANTS_MAX, error);

  if (!array)
    return FALSE;
  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      JsonObject *element = funnel_json_get_object_at (array, "grants", i, error);

      if (!element)
        return FALSE;
      if (!parse_grant (element, message, error))
        {
          g_prefix_error (error, "grants[%u].", i);
          return FALSE;
        }
    }
  return TRUE;
}

static gboolean
parse_welcome (JsonObject *object, FunnelLinkMessage *message, GError **error)
{
  GArray *ports;

  if (!get_u32 (object, "version", 1, G_MAXUINT32, &message->version, error)
      || !dup_string (object, "node", NODE_MAX, FALSE, &message->node, error)
      || !dup_name (object, "zone", &message->zone, error)
      || !get_u32 (object, "ping_interval", 1, PING_INTERVAL_MAX, &message->ping_interval, error)
      || !funnel_json_get_bool (object, "claims", FALSE, &message->takes_claims, error))
    return FALSE;
  ports = funnel_json_get_ports (object, "public_ports", FUNNEL_LINK_PORTS_MAX, error);
  if (!ports)
    return FALSE;
  g_array_unref (message->public_ports);
  message->public_ports = ports;
  return TRUE;
}

static gboolean
parse_outcome (JsonObject *object, FunnelProbeOutcome *out, GError **error)
{
  const char *text = funnel_json_get_string (object, "outcome", 16, error);

  if (!text)
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (outcome_names); i++)
    if (g_str_equal (text, outcome_names[i]))
      {
        *out = (FunnelProbeOutcome)i;
        return TRUE;
      }
  g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_PROTOCOL,
                       "outcome: is not one of ok, dns, connect, tls, timeout");
  return FALSE;
}

static gboolean
parse_leaf (JsonObject *object, char **out, GError **error)
{
  if (!dup_string (object, "leaf", LEAF_LEN, TRUE, out, error))
    return FALSE;
  if (!*out || (strlen (*out) == LEAF_LEN && strspn (*out, "0123456789abcdef") == LEAF_LEN))
    return TRUE;
  g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_PROTOCOL,
                       "leaf: must be 64 lower-case hexadecimal digits");
  return FALSE;
}

static gboolean
parse_addresses (JsonObject *object, GStrv *out, GError **error)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  JsonArray *array;

  if (funnel_json_has (object, "addresses"))
    {
      array = funnel_json_get_array (object, "addresses", ADDRESSES_MAX, error);
      if (!array)
        return FALSE;
      for (guint i = 0; i < json_array_get_length (array); i++)
        {
          JsonNode *node = json_array_get_element (array, i);
          const char *text = JSON_NODE_HOLDS_VALUE (node) ? json_node_get_string (node) : NULL;

          if (!text || strlen (text) > ADDRESS_LEN_MAX || !g_hostname_is_ip_address (text))
            {
              g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_PROTOCOL,
                           "addresses[%u]: must be an IP address", i);
              return FALSE;
            }
          g_strv_builder_add (builder, text);
        }
    }
  *out = g_strv_builder_end (builder);
  return TRUE;
}

static gboolean
parse_probe (JsonObject *object, FunnelLinkMessage *message, GError **error)
{
  return dup_name (object, "name", &message->name, error)
         && get_u16 (object, "port", 1, &message->port, error)
         && get_u32 (object, "epoch", 0, G_MAXUINT32, &message->epoch, error)
         && parse_outcome (object, &message->outcome, error)
         && dup_string (object, "detail", DETAIL_MAX, TRUE, &message->detail, error)
         && parse_leaf (object, &message->leaf, error)
         && parse_addresses (object, &message->addresses, error);
}

static gboolean
parse_claims (JsonObject *object, FunnelLinkMessage *message, GError **error)
{
  JsonArray *array = funnel_json_get_array (object, "names", FUNNEL_LINK_CLAIMS_MAX, error);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);

  if (!array)
    return FALSE;
  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      JsonNode *node = json_array_get_element (array, i);
      const char *text = JSON_NODE_HOLDS_VALUE (node) ? json_node_get_string (node) : NULL;
      g_autofree char *canonical = text ? funnel_host_normalize (text, NULL) : NULL;

      if (g_strcmp0 (text, canonical) != 0 || !text || !g_hash_table_add (seen, (char *)text))
        {
          g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_PROTOCOL,
                       "names[%u]: must be a canonical host name that stands once", i);
          return FALSE;
        }
      g_strv_builder_add (builder, text);
    }
  message->names = g_strv_builder_end (builder);
  return TRUE;
}

static gboolean
parse_claim_state (JsonObject *object, FunnelClaimState *out, GError **error)
{
  const char *text = funnel_json_get_string (object, "state", 16, error);

  if (!text)
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (claim_states); i++)
    if (g_str_equal (text, claim_states[i]))
      {
        *out = (FunnelClaimState)i;
        return TRUE;
      }
  g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_PROTOCOL,
                       "state: is not one of checking, refused, held, lost");
  return FALSE;
}

/* Printable ASCII: they are shown to be copied. */
static gboolean
parse_records (JsonObject *object, GStrv *out, GError **error)
{
  JsonArray *array = funnel_json_get_array (object, "records", FUNNEL_LINK_RECORDS_MAX, error);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  if (!array)
    return FALSE;
  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      JsonNode *node = json_array_get_element (array, i);
      const char *text = JSON_NODE_HOLDS_VALUE (node) ? json_node_get_string (node) : NULL;
      gboolean good = text && strlen (text) <= RECORD_MAX;

      for (const char *at = text; good && *at; at++)
        good = *at >= 0x20 && *at <= 0x7e;
      if (!good)
        {
          g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_PROTOCOL,
                       "records[%u]: must be at most %d printable ASCII characters", i, RECORD_MAX);
          return FALSE;
        }
      g_strv_builder_add (builder, text);
    }
  g_strfreev (*out);
  *out = g_strv_builder_end (builder);
  return TRUE;
}

static FunnelLinkClaim *
parse_claim (JsonObject *element, GError **error)
{
  const char *name = funnel_json_get_name (element, "name", error);
  g_autoptr (FunnelLinkClaim) claim
      = name ? funnel_link_claim_new (name, FUNNEL_CLAIM_CHECKING) : NULL;

  if (!claim || !parse_claim_state (element, &claim->state, error)
      || !dup_string (element, "reason", DETAIL_MAX, TRUE, &claim->reason, error)
      || !parse_records (element, &claim->records, error))
    return NULL;
  return g_steal_pointer (&claim);
}

static gboolean
parse_claimed (JsonObject *object, FunnelLinkMessage *message, GError **error)
{
  JsonArray *array = funnel_json_get_array (object, "claims", FUNNEL_LINK_CLAIMS_MAX, error);

  if (!array)
    return FALSE;
  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      JsonObject *element = funnel_json_get_object_at (array, "claims", i, error);
      FunnelLinkClaim *claim;

      if (!element)
        return FALSE;
      claim = parse_claim (element, error);
      if (!claim)
        {
          g_prefix_error (error, "claims[%u].", i);
          return FALSE;
        }
      g_ptr_array_add (message->claims, claim);
    }
  return TRUE;
}

static gboolean
parse_error (JsonObject *object, FunnelLinkMessage *message, GError **error)
{
  return dup_string (object, "message", DETAIL_MAX, TRUE, &message->detail, error);
}

static gboolean (*const parsers[]) (JsonObject *, FunnelLinkMessage *, GError **) = {
    [FUNNEL_LINK_HELLO] = parse_hello,   [FUNNEL_LINK_SHARES] = parse_shares,
    [FUNNEL_LINK_PONG] = parse_id,       [FUNNEL_LINK_WELCOME] = parse_welcome,
    [FUNNEL_LINK_GRANTS] = parse_grants, [FUNNEL_LINK_PROBE] = parse_probe,
    [FUNNEL_LINK_PING] = parse_id,       [FUNNEL_LINK_ROUTED] = parse_shares,
    [FUNNEL_LINK_CLAIMS] = parse_claims, [FUNNEL_LINK_CLAIMED] = parse_claimed,
    [FUNNEL_LINK_ERROR] = parse_error,
};
G_STATIC_ASSERT (G_N_ELEMENTS (parsers) == G_N_ELEMENTS (type_names));

FunnelLinkMessage *
funnel_link_message_parse (const char *text, gsize len, GError **error)
{
  g_autoptr (JsonObject) object = NULL;
  const char *type;

  if (len > FUNNEL_LINK_MESSAGE_MAX)
    {
      g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_PROTOCOL, "message: is too long");
      return NULL;
    }
  object = funnel_json_parse_object (text, len, error);
  type = object ? funnel_json_get_string (object, "type", 32, error) : NULL;
  if (!type)
    return NULL;
  for (guint i = 0; i < G_N_ELEMENTS (type_names); i++)
    if (g_str_equal (type, type_names[i]))
      {
        g_autoptr (FunnelLinkMessage) message = funnel_link_message_new ((FunnelLinkType)i);

        if (!parsers[i](object, message, error))
          return NULL;
        return g_steal_pointer (&message);
      }
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_UNSUPPORTED, "type: “%s” is not known", type);
  return NULL;
}
