/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "funnel-ingressd"

#include "ingress-server/control/ingress-registry-private.h"

#include "lib/base/error.h"
#include "lib/base/host.h"

#include <gnutls/crypto.h>
#include <string.h>

#define FLUSH_SECONDS 60
#define TOKEN_KEEP_SECONDS                                                                         \
  (30 * 24 * 3600)            /* so that an old token is called expired, not unknown */
#define EXPIRY_SLEEP_MAX 3600 /* the clock may be set meanwhile */

G_DEFINE_FINAL_TYPE (IngressRegistry, ingress_registry, G_TYPE_OBJECT)

enum
{
  NODE_ADDED,
  KEY_CHANGED,
  GRANTS_CHANGED,
  NODE_REMOVED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

static void schedule_expiry (IngressRegistry *self);

gint64
ingress_now (void)
{
  return g_get_real_time () / G_USEC_PER_SEC;
}

/* Index. */

static void
index_node (IngressRegistry *self, IngressNode *node)
{
  g_hash_table_replace (self->by_id, &node->id, node);
  g_hash_table_replace (self->by_name, node->name, node);
  g_hash_table_replace (self->by_host, GUINT_TO_POINTER (node->host), node);
}

static void
unindex_node (IngressRegistry *self, IngressNode *node)
{
  g_hash_table_remove (self->by_name, node->name);
  g_hash_table_remove (self->by_host, GUINT_TO_POINTER (node->host));
  g_hash_table_steal (self->by_id, &node->id);
}

/* Puts @node, fresh from the store, in the place of what was known of it. */
static void
take_node (IngressRegistry *self, IngressNode *node)
{
  IngressNode *old = g_hash_table_lookup (self->by_id, &node->id);

  if (old)
    {
      node->last_seen = MAX (node->last_seen, old->last_seen);
      unindex_node (self, old);
      ingress_node_free (old);
    }
  index_node (self, node);
}

gboolean
registry_reload (IngressRegistry *self, gint64 id, GError **error)
{
  IngressNode *node = ingress_store_load_node (self->store, id, error);

  if (!node)
    return FALSE;
  take_node (self, node);
  return TRUE;
}

/* Expiry. */

static gboolean
on_expiry (gpointer data)
{
  IngressRegistry *self = data;
  g_autoptr (GPtrArray) nodes = ingress_registry_list (self);
  gint64 now = ingress_now ();
  g_autoptr (GError) error = NULL;

  self->expiry_timer = 0;
  for (guint i = 0; i < nodes->len; i++)
    {
      IngressNode *node = g_ptr_array_index (nodes, i);
      gboolean changed = FALSE;

      for (guint k = 0; k < node->grants->len; k++)
        {
          IngressGrant *grant = g_ptr_array_index (node->grants, k);

          if (grant->expires > self->expiry_checked && grant->expires <= now)
            {
              g_message ("Grant of %s to node %s has expired", grant->name, node->name);
              ingress_registry_audit (self, -1, 0, "expire", node->name, grant->name, NULL);
              changed = TRUE;
            }
        }
      if (changed)
        g_signal_emit (self, signals[GRANTS_CHANGED], 0, node);
    }
  self->expiry_checked = now;
  if (!ingress_store_purge_tokens (self->store, now - TOKEN_KEEP_SECONDS, &error))
    g_warning ("Cannot forget old join tokens: %s", error->message);
  schedule_expiry (self);
  return G_SOURCE_REMOVE;
}

static void
schedule_expiry (IngressRegistry *self)
{
  gint64 now = ingress_now ();
  gint64 next = now + EXPIRY_SLEEP_MAX;
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->by_id);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      IngressNode *node = value;

      for (guint k = 0; k < node->grants->len; k++)
        {
          IngressGrant *grant = g_ptr_array_index (node->grants, k);

          if (grant->expires > self->expiry_checked)
            next = MIN (next, grant->expires);
        }
    }
  g_clear_handle_id (&self->expiry_timer, g_source_remove);
  self->expiry_timer = g_timeout_add ((guint)(MAX (next - now, 0) * 1000 + 50), on_expiry, self);
}

/* Life. */

static void
ingress_registry_finalize (GObject *object)
{
  IngressRegistry *self = INGRESS_REGISTRY (object);

  ingress_registry_flush (self);
  g_clear_handle_id (&self->flush_timer, g_source_remove);
  g_clear_handle_id (&self->expiry_timer, g_source_remove);
  g_clear_pointer (&self->by_host, g_hash_table_unref);
  g_clear_pointer (&self->by_name, g_hash_table_unref);
  g_clear_pointer (&self->by_id, g_hash_table_unref);
  g_clear_pointer (&self->seen, g_hash_table_unref);
  g_clear_pointer (&self->store, ingress_store_close);
  G_OBJECT_CLASS (ingress_registry_parent_class)->finalize (object);
}

static guint
add_signal (const char *name, guint n_parameters)
{
  GType types[] = {G_TYPE_POINTER, G_TYPE_STRING};

  return g_signal_newv (name, INGRESS_TYPE_REGISTRY, G_SIGNAL_RUN_LAST, NULL, NULL, NULL, NULL,
                        G_TYPE_NONE, n_parameters, types);
}

static void
ingress_registry_class_init (IngressRegistryClass *class)
{
  G_OBJECT_CLASS (class)->finalize = ingress_registry_finalize;
  signals[NODE_ADDED] = add_signal ("node-added", 1);
  signals[KEY_CHANGED] = add_signal ("key-changed", 2);
  signals[GRANTS_CHANGED] = add_signal ("grants-changed", 1);
  signals[NODE_REMOVED] = add_signal ("node-removed", 1);
}

static void
ingress_registry_init (IngressRegistry *self)
{
  self->by_id = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL,
                                       (GDestroyNotify)ingress_node_free);
  self->by_name = g_hash_table_new (g_str_hash, g_str_equal);
  self->by_host = g_hash_table_new (NULL, NULL);
  self->seen = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  self->expiry_checked = ingress_now ();
}

IngressRegistry *
ingress_registry_new (const IngressConfig *config, IngressStore *store, GError **error)
{
  g_autoptr (IngressRegistry) self = g_object_new (INGRESS_TYPE_REGISTRY, NULL);
  g_autoptr (GPtrArray) nodes = NULL;

  self->config = config;
  self->store = store;
  nodes = ingress_store_load_nodes (store, error);
  if (!nodes)
    return NULL;
  g_ptr_array_set_free_func (nodes, NULL);
  for (guint i = 0; i < nodes->len; i++)
    index_node (self, g_ptr_array_index (nodes, i));
  schedule_expiry (self);
  return g_steal_pointer (&self);
}

void
ingress_registry_protect (IngressRegistry *self, gboolean protect)
{
  ingress_store_protect (self->store, protect);
}

/* Look-ups. */

const IngressConfig *
ingress_registry_get_config (IngressRegistry *self)
{
  return self->config;
}

guint
ingress_registry_get_count (IngressRegistry *self)
{
  return g_hash_table_size (self->by_id);
}

const IngressNode *
ingress_registry_find (IngressRegistry *self, gint64 id)
{
  return g_hash_table_lookup (self->by_id, &id);
}

const IngressNode *
ingress_registry_find_name (IngressRegistry *self, const char *name)
{
  return g_hash_table_lookup (self->by_name, name);
}

const IngressNode *
ingress_registry_find_key (IngressRegistry *self, const char *public_key)
{
  GHashTableIter iter;
  gpointer value = NULL;

  g_hash_table_iter_init (&iter, self->by_id);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (g_strcmp0 (((IngressNode *)value)->public_key, public_key) == 0)
      return value;
  return NULL;
}

const IngressNode *
ingress_registry_find_address (IngressRegistry *self, const char *address)
{
  guint32 host = 0;

  if (!ingress_config_address_host (self->config, address, &host))
    return NULL;
  return g_hash_table_lookup (self->by_host, GUINT_TO_POINTER (host));
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp ((*(const IngressNode *const *)a)->name, (*(const IngressNode *const *)b)->name);
}

GPtrArray *
ingress_registry_list (IngressRegistry *self)
{
  GPtrArray *nodes = g_ptr_array_sized_new (g_hash_table_size (self->by_id));
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->by_id);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    g_ptr_array_add (nodes, value);
  g_ptr_array_sort (nodes, compare_names);
  return nodes;
}

GPtrArray *
ingress_registry_list_invites (IngressRegistry *self, GError **error)
{
  return ingress_store_load_invites (self->store, ingress_now (), error);
}

char *
ingress_registry_assigned_name (IngressRegistry *self, const char *node_name)
{
  return g_strconcat (node_name, ".", self->config->zone, NULL);
}

/* Changes. */

/* @ports, or all public ports; NULL and an error when one of them is not public. */
static char *
check_ports (IngressRegistry *self, GArray *ports, GError **error)
{
  g_autofree char *public
      = ingress_ports_print (self->config->public_ports, self->config->n_public_ports);

  if (!ports || ports->len == 0)
    return g_steal_pointer (&public);
  for (guint i = 0; i < ports->len; i++)
    if (!ingress_config_has_port (self->config, g_array_index (ports, guint16, i)))
      {
        g_set_error (
            error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
            "port %u is not open on this ingress; it has %s (public-ports in " INGRESS_CONFIG_FILE
            ")",
            g_array_index (ports, guint16, i), public);
        return NULL;
      }
  return ingress_ports_print ((const guint16 *)(void *)ports->data, ports->len);
}

/* Names the admin keeps for other things. */
static gboolean
check_label_is_free (IngressRegistry *self, const char *label, GError **error)
{
  if (!g_strv_contains ((const char *const *)self->config->reserved_names, label))
    return TRUE;
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_CONFLICT,
               "“%s” is one of the reserved-names in " INGRESS_CONFIG_FILE "; choose another name",
               label);
  return FALSE;
}

/* A node's own name and what is below it are never granted to another. */
static gboolean
check_name_is_free (IngressRegistry *self, const char *node_name, const char *name, GError **error)
{
  gsize zone_len = strlen (self->config->zone), len = strlen (name);
  g_autofree char *inside = NULL;
  const char *label;

  if (!funnel_host_is_within (name, self->config->zone) || len <= zone_len)
    return TRUE;
  /* The label right below the zone. */
  inside = g_strndup (name, len - zone_len - 1);
  label = strrchr (inside, '.') ? strrchr (inside, '.') + 1 : inside;
  if (g_str_equal (label, node_name) || !ingress_registry_find_name (self, label))
    return check_label_is_free (self, label, error);
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_CONFLICT,
               g_str_equal (label, inside) ? "%s is the assigned name of node %s"
                                           : "%s is below the assigned name of node %s",
               name, label);
  return FALSE;
}

gboolean
ingress_registry_invite (IngressRegistry *self,
                         const char *node_name,
                         gboolean grant,
                         GArray *ports,
                         gboolean replace,
                         gint64 lifetime,
                         guint8 secret[FUNNEL_TOKEN_SECRET_LEN],
                         GError **error)
{
  g_autofree char *label = funnel_label_normalize (node_name, error);
  g_autofree char *name = label ? ingress_registry_assigned_name (self, label) : NULL;
  g_autofree char *canonical = name ? funnel_host_normalize (name, error) : NULL;
  g_autofree char *port_text = canonical ? check_ports (self, ports, error) : NULL;
  gint64 now = ingress_now ();
  int rc;

  if (!port_text || !check_label_is_free (self, label, error))
    return FALSE;
  rc = gnutls_rnd (GNUTLS_RND_KEY, secret, FUNNEL_TOKEN_SECRET_LEN);
  if (rc < 0)
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_FAILED, "Cannot get random bytes: %s",
                   gnutls_strerror (rc));
      return FALSE;
    }
  return ingress_store_add_token (self->store, secret, label, grant ? canonical : NULL,
                                  grant ? port_text : NULL, replace, now, now + lifetime, error);
}

static void
announce_join (IngressRegistry *self,
               IngressJoinKind kind,
               const char *old_key,
               const IngressNode *node)
{
  if (kind == INGRESS_JOIN_NEW)
    {
      g_message ("Node %s has joined", node->name);
      ingress_registry_audit (self, -1, 0, "join", node->name, "", NULL);
      g_signal_emit (self, signals[NODE_ADDED], 0, node);
    }
  else if (kind == INGRESS_JOIN_REPLACED)
    {
      g_message ("Node %s has joined again with a new key", node->name);
      ingress_registry_audit (self, -1, 0, "join", node->name, "with a new key", NULL);
      g_signal_emit (self, signals[KEY_CHANGED], 0, node, old_key);
    }
}

const IngressNode *
ingress_registry_join (IngressRegistry *self,
                       const guint8 secret[FUNNEL_TOKEN_SECRET_LEN],
                       const char *public_key,
                       const char *software,
                       GError **error)
{
  IngressJoinKind kind = INGRESS_JOIN_AGAIN;
  IngressNode *node = ingress_store_join (self->store, secret, public_key, software, ingress_now (),
                                          &kind, error);
  const IngressNode *old;
  g_autofree char *old_key = NULL;

  if (!node)
    return NULL;
  old = ingress_registry_find (self, node->id);
  old_key = old ? g_strdup (old->public_key) : NULL;
  take_node (self, node);
  schedule_expiry (self);
  announce_join (self, kind, old_key, node);
  return node;
}

const IngressNode *
registry_require (IngressRegistry *self, const char *node_name, GError **error)
{
  const IngressNode *node = ingress_registry_find_name (self, node_name);

  if (!node)
    g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_NOT_FOUND,
                 "There is no node called “%s”; “funnel-ingress nodes” lists them", node_name);
  return node;
}

void
registry_emit_grants_changed (IngressRegistry *self, gint64 id)
{
  schedule_expiry (self);
  g_signal_emit (self, signals[GRANTS_CHANGED], 0, ingress_registry_find (self, id));
}

gboolean
ingress_registry_grant (IngressRegistry *self,
                        const char *node_name,
                        const char *name,
                        gboolean below,
                        GArray *ports,
                        gint64 lifetime,
                        const IngressLimits *limits,
                        GError **error)
{
  const IngressNode *node = registry_require (self, node_name, error);
  g_autofree char *assigned = ingress_registry_assigned_name (self, node_name);
  g_autofree char *canonical = node ? funnel_host_normalize (name ? name : assigned, error) : NULL;
  g_autofree char *port_text = canonical ? check_ports (self, ports, error) : NULL;
  gint64 now = ingress_now (), id;

  if (!port_text || !check_name_is_free (self, node_name, canonical, error))
    return FALSE;
  id = node->id;
  if (!ingress_store_put_grant (self->store, id, canonical,
                                below || g_str_equal (canonical, assigned), port_text, now,
                                lifetime ? now + lifetime : 0, limits, error)
      || !registry_reload (self, id, error))
    return FALSE;
  g_message ("Granted %s to node %s", canonical, node_name);
  registry_emit_grants_changed (self, id);
  return TRUE;
}

guint
ingress_registry_revoke (IngressRegistry *self,
                         const char *node_name,
                         const char *name,
                         GError **error)
{
  const IngressNode *node = registry_require (self, node_name, error);
  g_autofree char *canonical = node && name ? funnel_host_normalize (name, error) : NULL;
  guint removed = 0;
  gint64 id;

  if (!node || (name && !canonical))
    return 0;
  id = node->id;
  for (guint i = 0; i < node->grants->len; i++)
    {
      const IngressGrant *grant = g_ptr_array_index (node->grants, i);

      if (canonical && !g_str_equal (grant->name, canonical))
        continue;
      if (!ingress_store_remove_grant (self->store, grant->id, ingress_now (), error))
        break;
      g_message ("Revoked %s from node %s", grant->name, node_name);
      removed++;
    }
  if (removed == 0)
    {
      if (error && !*error)
        g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_NOT_FOUND, "Node %s has no grant%s%s",
                     node_name, canonical ? " of " : "", canonical ? canonical : "");
      return 0;
    }
  if (!registry_reload (self, id, error))
    return 0;
  registry_emit_grants_changed (self, id);
  return removed;
}

gboolean
ingress_registry_remove (IngressRegistry *self, const char *node_name, GError **error)
{
  const IngressNode *found = registry_require (self, node_name, error);
  g_autoptr (IngressNode) node = NULL;

  if (!found || !ingress_store_remove_node (self->store, found->id, ingress_now (), error))
    return FALSE;
  node = g_hash_table_lookup (self->by_id, &found->id);
  unindex_node (self, node);
  g_hash_table_remove (self->seen, &node->id);
  g_message ("Removed node %s", node->name);
  g_signal_emit (self, signals[NODE_REMOVED], 0, node);
  return TRUE;
}

/* Last seen. */

void
ingress_registry_flush (IngressRegistry *self)
{
  g_autoptr (GPtrArray) nodes = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;
  GHashTableIter iter;
  gpointer key;

  if (!self->seen || g_hash_table_size (self->seen) == 0)
    return;
  g_hash_table_iter_init (&iter, self->seen);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    {
      IngressNode *node = g_hash_table_lookup (self->by_id, key);

      if (node)
        g_ptr_array_add (nodes, node);
    }
  if (!ingress_store_touch (self->store, nodes, &error))
    g_warning ("Cannot note when nodes were last seen: %s", error->message);
  g_hash_table_remove_all (self->seen);
}

static gboolean
on_flush (gpointer data)
{
  IngressRegistry *self = data;

  self->flush_timer = 0;
  ingress_registry_flush (self);
  return G_SOURCE_REMOVE;
}

void
ingress_registry_seen (IngressRegistry *self, gint64 id, const char *software)
{
  IngressNode *node = g_hash_table_lookup (self->by_id, &id);

  if (!node)
    return;
  node->last_seen = ingress_now ();
  if (software && !g_str_equal (software, node->software))
    {
      g_free (node->software);
      node->software = g_strdup (software);
    }
  g_hash_table_add (self->seen, g_memdup2 (&id, sizeof id));
  if (self->flush_timer == 0)
    self->flush_timer = g_timeout_add_seconds (FLUSH_SECONDS, on_flush, self);
}
