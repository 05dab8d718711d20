/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "funnel-ingressd"

#include "ingress-server/control/ingress-routes.h"

#include "lib/base/error.h"
#include "lib/base/link-message.h"

#include <arpa/inet.h>
#include <string.h>

/* What is known of one node, by its id. Survives its links. */
typedef struct
{
  gint64 id;
  guint16 offer_port; /* 0: never linked */
  gboolean linked;
  gboolean presumed; /* linked as far as the last table says */
  gboolean told;     /* the shares are the node's own word */
  GPtrArray *shares; /* FunnelLinkShare* */
  GPtrArray *built;  /* FunnelLinkShare*: those of them in the last table */
  GPtrArray *routed; /* FunnelLinkShare*: what the node was told to be routed, over this link */
} NodeState;

struct _IngressRoutes
{
  GObject parent_instance;

  IngressRegistry *registry;
  GHashTable *nodes; /* gint64* → NodeState* */
  GHashTable *slots; /* "id/name:port" → slot */
  guint32 next_slot;
  guint64 generation;
  gboolean started;
  guint idle;
  guint grace_timer;
};

G_DEFINE_FINAL_TYPE (IngressRoutes, ingress_routes, G_TYPE_OBJECT)

static guint changed_signal;

static GPtrArray *
new_shares (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify)funnel_link_share_free);
}

static void
node_state_free (NodeState *state)
{
  g_ptr_array_unref (state->shares);
  g_ptr_array_unref (state->built);
  g_ptr_array_unref (state->routed);
  g_free (state);
}

static NodeState *
ensure_state (IngressRoutes *self, gint64 id)
{
  NodeState *state = g_hash_table_lookup (self->nodes, &id);

  if (!state)
    {
      state = g_new0 (NodeState, 1);
      state->id = id;
      state->shares = new_shares ();
      state->built = new_shares ();
      state->routed = new_shares ();
      g_hash_table_insert (self->nodes, &state->id, state);
    }
  return state;
}

/* Telling. */

static gboolean
on_idle (gpointer data)
{
  IngressRoutes *self = data;

  self->idle = 0;
  g_signal_emit (self, changed_signal, 0);
  return G_SOURCE_REMOVE;
}

void
ingress_routes_changed (IngressRoutes *self)
{
  /* At ordinary priority: a busy loop may gather changes, but not put them off. */
  if (self->started && self->idle == 0)
    self->idle = g_idle_add_full (G_PRIORITY_DEFAULT, on_idle, self, NULL);
}

void
ingress_routes_start (IngressRoutes *self)
{
  self->started = TRUE;
  ingress_routes_changed (self);
}

static void
on_registry_grants_changed (IngressRegistry *registry, const IngressNode *node, IngressRoutes *self)
{
  ingress_routes_changed (self);
}

static void
on_registry_key_changed (IngressRegistry *registry,
                         const IngressNode *node,
                         const char *old_key,
                         IngressRoutes *self)
{
  /* Whoever has the key now has armed nothing yet. */
  g_hash_table_remove (self->nodes, &node->id);
  ingress_routes_changed (self);
}

static void
forget_slots (IngressRoutes *self, gint64 id)
{
  g_autofree char *prefix = g_strdup_printf ("%" G_GINT64_FORMAT "/", id);
  GHashTableIter iter;
  gpointer key;

  g_hash_table_iter_init (&iter, self->slots);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    if (g_str_has_prefix (key, prefix))
      g_hash_table_iter_remove (&iter);
}

static void
on_registry_node_removed (IngressRegistry *registry, const IngressNode *node, IngressRoutes *self)
{
  g_hash_table_remove (self->nodes, &node->id);
  forget_slots (self, node->id);
  ingress_routes_changed (self);
}

/* Life. */

static void
ingress_routes_finalize (GObject *object)
{
  IngressRoutes *self = INGRESS_ROUTES (object);

  g_clear_handle_id (&self->idle, g_source_remove);
  g_clear_handle_id (&self->grace_timer, g_source_remove);
  g_signal_handlers_disconnect_by_data (self->registry, self);
  g_clear_object (&self->registry);
  g_hash_table_unref (self->nodes);
  g_hash_table_unref (self->slots);
  G_OBJECT_CLASS (ingress_routes_parent_class)->finalize (object);
}

static void
ingress_routes_class_init (IngressRoutesClass *class)
{
  G_OBJECT_CLASS (class)->finalize = ingress_routes_finalize;
  changed_signal = g_signal_newv ("changed", INGRESS_TYPE_ROUTES, G_SIGNAL_RUN_LAST, NULL, NULL,
                                  NULL, NULL, G_TYPE_NONE, 0, NULL);
}

static void
ingress_routes_init (IngressRoutes *self)
{
  self->nodes
      = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, (GDestroyNotify)node_state_free);
  self->slots = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  /* Starts from the clock, so that a later run's tables are later than what the relay has. */
  self->generation = (guint64)g_get_real_time ();
}

IngressRoutes *
ingress_routes_new (IngressRegistry *registry)
{
  IngressRoutes *self = g_object_new (INGRESS_TYPE_ROUTES, NULL);

  self->registry = g_object_ref (registry);
  g_signal_connect (registry, "grants-changed", G_CALLBACK (on_registry_grants_changed), self);
  g_signal_connect (registry, "key-changed", G_CALLBACK (on_registry_key_changed), self);
  g_signal_connect (registry, "node-removed", G_CALLBACK (on_registry_node_removed), self);
  return self;
}

/* Slots: an index into the relay's counters, kept while the node and its share live. */

static gboolean
slot_is_taken (IngressRoutes *self, guint32 slot)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->slots);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (GPOINTER_TO_UINT (value) == slot)
      return TRUE;
  return FALSE;
}

static char *
slot_key (gint64 node, const char *name, guint16 port)
{
  return g_strdup_printf ("%" G_GINT64_FORMAT "/%s:%u", node, name, port);
}

/* Fresh slots first, so that counters of different shares do not run together; only after all were
 * used once are those of removed nodes taken again. */
static gboolean
assign_slot (IngressRoutes *self, gint64 node, const char *name, guint16 port, guint32 *slot)
{
  g_autofree char *key = slot_key (node, name, port);
  gpointer value;

  if (g_hash_table_lookup_extended (self->slots, key, NULL, &value))
    {
      *slot = GPOINTER_TO_UINT (value);
      return TRUE;
    }
  if (g_hash_table_size (self->slots) >= ROUTE_SLOTS)
    return FALSE;
  *slot = self->next_slot;
  if (self->next_slot >= ROUTE_SLOTS)
    for (*slot = 0; slot_is_taken (self, *slot);)
      (*slot)++;
  else
    self->next_slot++;
  g_hash_table_insert (self->slots, g_steal_pointer (&key), GUINT_TO_POINTER (*slot));
  return TRUE;
}

/* After a restart. */

static gboolean
on_grace_over (gpointer data)
{
  IngressRoutes *self = data;
  GHashTableIter iter;
  gpointer value;

  self->grace_timer = 0;
  g_hash_table_iter_init (&iter, self->nodes);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      NodeState *state = value;

      if (state->presumed)
        state->presumed = state->linked = FALSE;
    }
  ingress_routes_changed (self);
  return G_SOURCE_REMOVE;
}

static void
presume_route (IngressRoutes *self, const struct route_table *table, const struct route *route)
{
  const struct route_node *entry = route_table_node (table, route);
  g_autofree char *name = g_strndup (route_table_name (table, route), route->name_len);
  char address[INET_ADDRSTRLEN];
  const IngressNode *node;
  NodeState *state;

  inet_ntop (AF_INET, entry->address, address, sizeof address);
  node = ingress_registry_find (self->registry, entry->id);
  if (!node || ingress_registry_find_address (self->registry, address) != node)
    return;
  state = ensure_state (self, node->id);
  state->offer_port = entry->offer_port;
  state->linked = state->presumed = entry->linked && entry->offer_port;
  g_ptr_array_add (state->shares, funnel_link_share_new (name, route->port, 0));
  g_hash_table_insert (self->slots, slot_key (node->id, name, route->port),
                       GUINT_TO_POINTER (route->slot));
  self->next_slot = MAX (self->next_slot, route->slot + 1);
}

void
ingress_routes_presume (IngressRoutes *self, const struct route_table *table, guint grace_ms)
{
  for (gsize i = 0; i < route_table_count (table); i++)
    presume_route (self, table, route_table_at (table, i));
  self->generation = MAX (self->generation, route_table_generation (table));
  g_clear_handle_id (&self->grace_timer, g_source_remove);
  self->grace_timer = g_timeout_add (grace_ms, on_grace_over, self);
}

/* Links. */

void
ingress_routes_set_link (IngressRoutes *self, gint64 node, guint16 offer_port)
{
  NodeState *state = ensure_state (self, node);

  state->presumed = FALSE;
  state->linked = offer_port != 0;
  g_ptr_array_set_size (state->routed, 0);
  if (offer_port)
    state->offer_port = offer_port;
  ingress_routes_changed (self);
}

void
ingress_routes_set_shares (IngressRoutes *self, gint64 node, GPtrArray *shares)
{
  NodeState *state = ensure_state (self, node);

  state->told = TRUE;
  g_ptr_array_unref (state->shares);
  state->shares = new_shares ();
  for (guint i = 0; i < shares->len; i++)
    {
      const FunnelLinkShare *share = g_ptr_array_index (shares, i);

      g_ptr_array_add (state->shares,
                       funnel_link_share_new (share->name, share->port, share->epoch));
    }
  ingress_routes_changed (self);
}

/* Building. */

void
ingress_routes_foreach (IngressRoutes *self, IngressRouteFunc func, gpointer user_data)
{
  gint64 now = ingress_now ();
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->nodes);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      const NodeState *state = value;
      const IngressNode *node = ingress_registry_find (self->registry, state->id);

      for (guint i = 0; node && i < state->shares->len; i++)
        {
          const FunnelLinkShare *share = g_ptr_array_index (state->shares, i);
          const IngressGrant *grant = ingress_node_find_grant (node, share->name);
          IngressRouteInfo info = {node,        share->name, share->port,   share->epoch,
                                   G_MAXUINT32, FALSE,       state->linked, state->told};

          info.granted = grant && ingress_grant_covers (grant, share->port, now)
                         && assign_slot (self, node->id, share->name, share->port, &info.slot);
          func (&info, user_data);
        }
    }
}

/* Stands for all that must cut open flows when it changes: the node, its key, the grant. The same
 * after a restart. */
static guint64
route_id (const IngressNode *node, const IngressGrant *grant, guint16 port)
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  g_autofree char *text
      = g_strdup_printf ("%" G_GINT64_FORMAT " %s %" G_GINT64_FORMAT " %s %u", node->id,
                         node->public_key, grant->id, grant->name, port);
  guint8 digest[32];
  gsize len = sizeof digest;
  guint64 id;

  g_checksum_update (checksum, (const guchar *)text, -1);
  g_checksum_get_digest (checksum, digest, &len);
  memcpy (&id, digest, sizeof id);
  return id;
}

typedef struct
{
  IngressRoutes *routes;
  GArray *nodes;    /* struct route_node */
  GArray *specs;    /* struct route_spec */
  gint64 last_node; /* whose route_node is the last one */
} Build;

static struct route_limits
route_limits (const IngressLimits *limits)
{
  return (struct route_limits) {
      .max_flows = limits->max_flows, .rate = limits->rate, .bandwidth = limits->bandwidth};
}

static void
add_node (Build *build, const IngressRouteInfo *info)
{
  const IngressConfig *config = ingress_registry_get_config (build->routes->registry);
  g_autofree char *address = ingress_config_address (config, info->node->host);
  const NodeState *state = g_hash_table_lookup (build->routes->nodes, &info->node->id);
  struct route_node entry
      = {.id = (guint32)info->node->id, .offer_port = state->offer_port, .linked = state->linked};

  entry.limits = route_limits (&info->node->limits);

  inet_pton (AF_INET, address, entry.address);
  g_array_append_val (build->nodes, entry);
  build->last_node = info->node->id;
}

static void
note_built (IngressRoutes *self, const IngressRouteInfo *info)
{
  NodeState *state = g_hash_table_lookup (self->nodes, &info->node->id);

  g_ptr_array_add (state->built, funnel_link_share_new (info->name, info->port, info->epoch));
}

static void
forget_built (IngressRoutes *self)
{
  GHashTableIter iter;
  gpointer state;

  g_hash_table_iter_init (&iter, self->nodes);
  while (g_hash_table_iter_next (&iter, NULL, &state))
    g_ptr_array_set_size (((NodeState *)state)->built, 0);
}

static void
add_route (const IngressRouteInfo *info, gpointer user_data)
{
  Build *build = user_data;
  struct route_spec spec = {.name = info->name, .port = info->port, .slot = info->slot};
  const IngressGrant *grant;

  if (!info->granted)
    return;
  note_built (build->routes, info);
  /* Shares of one node come one after the other. */
  if (build->last_node != info->node->id)
    add_node (build, info);
  grant = ingress_node_find_grant (info->node, info->name);
  spec.id = route_id (info->node, grant, info->port);
  spec.limits = route_limits (&grant->limits);
  spec.node = build->nodes->len - 1;
  g_array_append_val (build->specs, spec);
}

int
ingress_routes_build (IngressRoutes *self, guint64 *generation, GError **error)
{
  g_autoptr (GArray) nodes = g_array_new (FALSE, FALSE, sizeof (struct route_node));
  g_autoptr (GArray) specs = g_array_new (FALSE, FALSE, sizeof (struct route_spec));
  Build build = {self, nodes, specs, 0};
  int fd;

  forget_built (self);
  ingress_routes_foreach (self, add_route, &build);
  *generation = ++self->generation;
  fd = route_table_build ((const struct route_node *)(void *)nodes->data, nodes->len,
                          (const struct route_spec *)(void *)specs->data, specs->len, *generation);
  if (fd < 0)
    g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_FAILED, "Cannot build a route table: %s",
                 g_strerror (-fd));
  return fd < 0 ? -1 : fd;
}

/* Telling the nodes. */

static gboolean
same_shares (const GPtrArray *a, const GPtrArray *b)
{
  if (a->len != b->len)
    return FALSE;
  for (guint i = 0; i < a->len; i++)
    {
      const FunnelLinkShare *x = g_ptr_array_index (a, i), *y = g_ptr_array_index (b, i);

      if (x->port != y->port || x->epoch != y->epoch || !g_str_equal (x->name, y->name))
        return FALSE;
    }
  return TRUE;
}

void
ingress_routes_applied (IngressRoutes *self, IngressRoutedFunc func, gpointer user_data)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->nodes);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      NodeState *state = value;

      if (!state->linked || !state->told || same_shares (state->built, state->routed))
        continue;
      g_ptr_array_set_size (state->routed, 0);
      for (guint i = 0; i < state->built->len; i++)
        {
          const FunnelLinkShare *share = g_ptr_array_index (state->built, i);

          g_ptr_array_add (state->routed,
                           funnel_link_share_new (share->name, share->port, share->epoch));
        }
      func (state->id, state->routed, user_data);
    }
}
