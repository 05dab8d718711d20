/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/model/share-import.h"

#include "daemon/model/share-document.h"
#include "lib/base/error.h"
#include "lib/base/host.h"
#include "lib/base/json-read.h"

#include <glib/gi18n.h>
#include <string.h>

#define TS_SUFFIX ".ts.net"
#define SHOWN_MAX 200 /* bytes of a foreign text in a note */

typedef struct
{
  JsonObject *config;
  JsonObject *public; /* AllowFunnel; NULL none */
  GPtrArray *specs;
  GPtrArray *notes;
} Import;

static void note (Import *import, const char *format, ...) G_GNUC_PRINTF (2, 3);

static void
note (Import *import, const char *format, ...)
{
  va_list args;
  g_autofree char *text = NULL;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_ptr_array_add (import->notes, funnel_text_one_line (text, SHOWN_MAX * 2));
}

/* The object at @member, or NULL. */
static JsonObject *
get_object (JsonObject *object, const char *member)
{
  JsonNode *node = object != NULL ? json_object_get_member (object, member) : NULL;

  return node != NULL && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

static const char *
get_text (JsonObject *object, const char *member)
{
  JsonNode *node = object != NULL ? json_object_get_member (object, member) : NULL;
  const char *text = NULL;

  if (node != NULL && json_node_get_value_type (node) == G_TYPE_STRING)
    text = json_node_get_string (node);
  return text != NULL && text[0] != '\0' ? text : NULL;
}

static gboolean
get_flag (JsonObject *object, const char *member)
{
  JsonNode *node = object != NULL ? json_object_get_member (object, member) : NULL;

  return node != NULL && json_node_get_value_type (node) == G_TYPE_BOOLEAN
         && json_node_get_boolean (node);
}

static gint64
get_number (JsonObject *object, const char *member)
{
  JsonNode *node = json_object_get_member (object, member);

  return node != NULL && json_node_get_value_type (node) == G_TYPE_INT64 ? json_node_get_int (node)
                                                                         : 0;
}

/* "name:443" */
static FunnelShareSpec *
begin_share (Import *import, const char *key, FunnelShareKind kind)
{
  g_autoptr (FunnelShareSpec) spec = funnel_share_spec_new ();
  g_autofree char *host = NULL;

  if (!get_flag (import->public, key))
    {
      note (import, N_ ("%s was private (Serve, not Funnel), and so is not made public"), key);
      return NULL;
    }
  if (!funnel_endpoint_split (key, &host, &spec->port, NULL))
    {
      note (import, N_ ("\"%s\" is not a name and port"), key);
      return NULL;
    }
  spec->kind = kind;
  if (!g_str_has_suffix (host, TS_SUFFIX))
    spec->name = funnel_host_normalize (host, NULL);
  return g_steal_pointer (&spec);
}

static void
end_share (Import *import, const char *key, FunnelShareSpec *spec)
{
  g_autoptr (FunnelShareSpec) taken = spec;
  g_autoptr (GError) error = NULL;

  if (funnel_share_spec_check (taken, &error))
    g_ptr_array_add (import->specs, g_steal_pointer (&taken));
  else
    note (import, "%s: %s", key, error->message);
}

/* What one of Tailscale's handlers leads to, as a target of ours; NULL and a note. */
static char *
read_handler (Import *import, const char *where, JsonObject *handler)
{
  const char *proxy = get_text (handler, "Proxy"), *path = get_text (handler, "Path");
  const char *text = get_text (handler, "Text"), *redirect = get_text (handler, "Redirect");

  if (handler != NULL && json_object_has_member (handler, "AcceptAppCaps"))
    note (import, N_ ("%s: AcceptAppCaps has no counterpart, since visitors have no identity"),
          where);
  if (proxy != NULL)
    return g_strdup (proxy);
  if (path != NULL)
    {
      note (import, N_ ("%s: folders are no longer listed; --listing shares %s with lists"), where,
            path);
      return g_strdup (path);
    }
  if (text != NULL)
    return g_strconcat ("text:", text, NULL);
  if (redirect != NULL)
    return g_strconcat ("redirect:", redirect, NULL);
  note (import, N_ ("%s has no handler that is known"), where);
  return NULL;
}

static void
read_mounts (Import *import, const char *key, JsonObject *handlers, FunnelShareSpec *spec)
{
  g_autoptr (GList) paths = handlers != NULL ? json_object_get_members (handlers) : NULL;

  for (GList *l = paths; l != NULL; l = l->next)
    {
      g_autofree char *where = g_strconcat (key, l->data, NULL);
      g_autofree char *target = read_handler (import, where, get_object (handlers, l->data));
      g_autoptr (FunnelMountSpec) mount = NULL;
      g_autoptr (FunnelTarget) read = NULL;
      g_autoptr (GError) error = NULL;

      if (target == NULL)
        continue;
      mount = funnel_mount_spec_new (l->data, target);
      read = funnel_mount_spec_check (mount, FUNNEL_SHARE_HTTPS, &error);
      if (read != NULL)
        funnel_mounts_put (spec->mounts, g_steal_pointer (&mount));
      else
        note (import, "%s: %s", where, error->message);
    }
}

static void
read_web (Import *import)
{
  JsonObject *web = get_object (import->config, "Web");
  g_autoptr (GList) keys = web != NULL ? json_object_get_members (web) : NULL;

  for (GList *l = keys; l != NULL; l = l->next)
    {
      FunnelShareSpec *spec = begin_share (import, l->data, FUNNEL_SHARE_HTTPS);

      if (spec == NULL)
        continue;
      read_mounts (import, l->data, get_object (get_object (web, l->data), "Handlers"), spec);
      if (spec->mounts->len > 0)
        end_share (import, l->data, spec);
      else
        funnel_share_spec_free (spec);
    }
}

/* "name:PORT" of AllowFunnel; caller frees. */
static char *
find_public_key (Import *import, const char *port)
{
  g_autofree char *suffix = g_strconcat (":", port, NULL);
  g_autoptr (GList) keys = import->public != NULL ? json_object_get_members (import->public) : NULL;

  for (GList *l = keys; l != NULL; l = l->next)
    if (g_str_has_suffix (l->data, suffix) && get_flag (import->public, l->data))
      return g_strdup (l->data);
  return NULL;
}

static void
read_forward (Import *import, const char *port, JsonObject *handler)
{
  const char *forward = get_text (handler, "TCPForward");
  g_autofree char *key = find_public_key (import, port);
  g_autofree char *target = NULL;
  FunnelShareSpec *spec = NULL;

  if (key == NULL)
    {
      note (import, N_ ("TCP port %s was private (Serve, not Funnel), and so is not made public"),
            port);
      return;
    }
  spec = begin_share (import, key,
                      get_text (handler, "TerminateTLS") != NULL ? FUNNEL_SHARE_TLS_TERMINATED_TCP
                                                                 : FUNNEL_SHARE_TCP);
  if (spec == NULL)
    return;
  target = g_str_has_prefix (forward, "unix:") ? g_strdup (forward)
                                               : g_strconcat ("tcp://", forward, NULL);
  funnel_mounts_put (spec->mounts, funnel_mount_spec_new ("/", target));
  spec->proxy_protocol = (guint)CLAMP (get_number (handler, "ProxyProtocol"), 0, 3);
  end_share (import, key, spec);
}

static void
read_tcp (Import *import)
{
  JsonObject *tcp = get_object (import->config, "TCP");
  g_autoptr (GList) ports = tcp != NULL ? json_object_get_members (tcp) : NULL;

  for (GList *l = ports; l != NULL; l = l->next)
    {
      JsonObject *handler = get_object (tcp, l->data);

      if (get_text (handler, "TCPForward") != NULL)
        read_forward (import, l->data, handler);
      else if (get_flag (handler, "HTTP"))
        note (import, N_ ("port %s was plain HTTP inside the tailnet, which is not public"),
              (const char *)l->data);
    }
}

static GPtrArray *
import_foreign (JsonObject *config, GPtrArray *notes)
{
  Import import = {
      .config = config,
      .public = get_object (config, "AllowFunnel"),
      .specs = g_ptr_array_new_with_free_func ((GDestroyNotify)funnel_share_spec_free),
      .notes = notes,
  };

  read_web (&import);
  read_tcp (&import);
  if (get_object (config, "Services") != NULL)
    note (&import, N_ ("Services of a tailnet have no counterpart"));
  if (get_object (config, "Foreground") != NULL)
    note (&import, N_ ("foreground sessions are not taken over; they end with their command"));
  return import.specs;
}

static GPtrArray *
import_own (const char *text, gsize len, GPtrArray *notes, GError **error)
{
  GPtrArray *specs = funnel_share_document_parse (text, len, NULL, error);
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;

  for (guint i = specs != NULL ? specs->len : 0; i > 0; i--)
    {
      FunnelShareSpec *spec = g_ptr_array_index (specs, i - 1);

      spec->id = 0;
      if (!funnel_share_spec_is_expired (spec, now))
        continue;
      g_ptr_array_add (
          notes, g_strdup_printf (N_ ("%s port %u: its end has passed"), spec->name, spec->port));
      g_ptr_array_remove_index (specs, i - 1);
    }
  return specs;
}

static gboolean
is_foreign (JsonObject *document)
{
  static const char *const members[] = {"TCP", "Web", "AllowFunnel", "Services", "Foreground"};

  for (guint i = 0; i < G_N_ELEMENTS (members); i++)
    if (json_object_has_member (document, members[i]))
      return TRUE;
  return json_object_get_size (document) == 0;
}

GPtrArray *
funnel_share_import_parse (const char *text, GPtrArray *notes, GError **error)
{
  gsize len = strlen (text);
  g_autoptr (GError) local_error = NULL;
  g_autoptr (JsonObject) document = NULL;
  GPtrArray *specs = NULL;

  if (len <= FUNNEL_IMPORT_MAX)
    document = funnel_json_parse_object (text, len, &local_error);
  if (document != NULL && json_object_has_member (document, "shares"))
    specs = import_own (text, len, notes, &local_error);
  else if (document != NULL && is_foreign (document))
    specs = import_foreign (document, notes);
  if (specs == NULL)
    g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT, "%s%s%s",
                 N_ ("this is neither what \"funnel export\" nor what \"tailscale serve status "
                     "--json\" prints"),
                 local_error != NULL ? ": " : "", local_error != NULL ? local_error->message : "");
  return specs;
}

void
funnel_share_import_trim (FunnelShareSpec *spec)
{
  for (guint i = 0; i < spec->mounts->len; i++)
    {
      FunnelMountSpec *mount = g_ptr_array_index (spec->mounts, i);
      g_autoptr (FunnelTarget) target = funnel_target_parse (mount->target, spec->kind, NULL);

      if (target == NULL || !funnel_target_connects (target) || target->host == NULL)
        mount->lan = FALSE;
    }
}
