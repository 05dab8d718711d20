/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "funnel-ingressd"

/* What an admin does to nodes that have their grants: limits, the switch per name, and the log of
 * all of it. */

#include "ingress-server/control/ingress-registry-private.h"

#include "lib/base/error.h"
#include "lib/base/host.h"

#include <string.h>

#define AUDIT_TEXT_MAX 512 /* bytes kept of a detail or an error */

gboolean
ingress_registry_limit (IngressRegistry *self,
                        const char *node_name,
                        const IngressLimits *limits,
                        GError **error)
{
  const IngressNode *node = registry_require (self, node_name, error);
  gint64 id;

  if (!node)
    return FALSE;
  id = node->id;
  if (!ingress_store_limit_node (self->store, id, limits, error)
      || !registry_reload (self, id, error))
    return FALSE;
  registry_emit_grants_changed (self, id);
  return TRUE;
}

/* The node that has a grant of @name, and the grant. */
static const IngressNode *
find_holder (IngressRegistry *self, const char *name, const IngressGrant **grant, GError **error)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->by_id);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      *grant = ingress_node_find_grant (value, name);
      if (*grant && g_str_equal ((*grant)->name, name))
        return value;
    }
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_NOT_FOUND,
               "%s is granted to no node; “funnel-ingress nodes” lists the grants", name);
  return NULL;
}

const IngressNode *
ingress_registry_close (IngressRegistry *self, const char *name, gboolean closed, GError **error)
{
  g_autofree char *canonical = funnel_host_normalize (name, error);
  const IngressGrant *grant = NULL;
  const IngressNode *node = canonical ? find_holder (self, canonical, &grant, error) : NULL;
  gint64 id;

  if (!node)
    return NULL;
  id = node->id;
  if (!ingress_store_close_grant (self->store, grant->id, closed, error)
      || !registry_reload (self, id, error))
    return NULL;
  node = ingress_registry_find (self, id);
  g_message ("%s %s of node %s", closed ? "Closed" : "Opened", canonical, node->name);
  registry_emit_grants_changed (self, id);
  return node;
}

static char *
shorten (const char *text)
{
  gsize len = strlen (text);

  return g_utf8_make_valid (text, (gssize)MIN (len, AUDIT_TEXT_MAX));
}

void
ingress_registry_audit (IngressRegistry *self,
                        gint64 uid,
                        gint64 pid,
                        const char *action,
                        const char *node_name,
                        const char *detail,
                        const GError *failure)
{
  g_autofree char *kept = shorten (detail);
  g_autofree char *why = shorten (failure ? failure->message : "");
  AuditEntry entry = {.time = ingress_now (),
                      .uid = uid,
                      .pid = pid,
                      .action = (char *)action,
                      .node = (char *)node_name,
                      .detail = kept,
                      .error = why};
  g_autoptr (GError) error = NULL;

  if (!audit_log_append (self->store, &entry, &error))
    g_warning ("Cannot write the audit log: %s", error->message);
}

GPtrArray *
ingress_registry_load_audit (IngressRegistry *self,
                             const char *node_name,
                             guint count,
                             GError **error)
{
  return audit_log_load (self->store, node_name, count, error);
}
