/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "funnel-ingressd"

#include "ingress-server/control/link-server.h"

#include "lib/base/names.h"
#include "ingress-server/control/guarded-listener.h"
#include "ingress-server/control/node-link.h"

#include <glib/gi18n.h>
#include <libsoup/soup.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

/* Only nodes can connect at all; a node needs one link, and one more while it replaces a dead one.
 */
#define PER_SOURCE_MAX 4
#define HANDSHAKE_SECONDS 10
#define PING_MIN 3
#define PING_MAX 60
#define PINGS_PER_SECOND 40
#define RECEIVE_BUFFER (64 * 1024)

struct _LinkServer
{
  IngressRegistry *registry;
  IngressRoutes *routes;
  SoupServer *server;
  void (*ready) (gint64 node, gpointer user_data);
  gpointer user_data;
  void (*claims) (gint64 node, GStrv names, gpointer user_data);
  gpointer claims_data;
  GuardedListener *listener; /* NULL while there is no tunnel */
  GHashTable *links;         /* gint64* → IngressNodeLink*, owned */
  guint tick;                /* 0: there is no link */
};

guint
link_ping_interval (guint links)
{
  return CLAMP (links / PINGS_PER_SECOND, PING_MIN, PING_MAX);
}

/* What is sent. */

static void
add_grant (GPtrArray *grants, const IngressGrant *grant)
{
  FunnelLinkGrant *told
      = funnel_link_grant_new (grant->name, grant->ports, grant->n_ports, grant->expires);

  told->below = grant->below;
  g_ptr_array_add (grants, told);
}

static void
send_grants (LinkServer *self, IngressNodeLink *link, const IngressNode *node)
{
  g_autoptr (FunnelLinkMessage) message = funnel_link_message_new (FUNNEL_LINK_GRANTS);
  gint64 now = ingress_now ();

  for (guint i = 0; i < node->grants->len && message->grants->len < FUNNEL_LINK_GRANTS_MAX; i++)
    {
      const IngressGrant *grant = g_ptr_array_index (node->grants, i);

      if (!grant->closed && ingress_grant_is_live (grant, now))
        add_grant (message->grants, grant);
    }
  ingress_node_link_send (link, message);
}

static void
send_welcome (LinkServer *self, IngressNodeLink *link, const IngressNode *node)
{
  const IngressConfig *config = ingress_registry_get_config (self->registry);
  g_autoptr (FunnelLinkMessage) message = funnel_link_message_new (FUNNEL_LINK_WELCOME);

  message->node = g_strdup (node->name);
  message->zone = g_strdup (config->zone);
  g_array_append_vals (message->public_ports, config->public_ports, config->n_public_ports);
  message->ping_interval = ingress_node_link_get_ping_interval (link);
  message->takes_claims = self->claims && config->domains == INGRESS_DOMAINS_PROVE;
  ingress_node_link_send (link, message);
}

/* What happens on a link. */

static void
on_link_hello (IngressNodeLink *link, LinkServer *self)
{
  gint64 id = ingress_node_link_get_id (link);
  const IngressNode *node = ingress_registry_find (self->registry, id);

  if (!node)
    return;
  g_message ("Node %s is linked (%s)", node->name, ingress_node_link_get_software (link));
  send_welcome (self, link, node);
  send_grants (self, link, node);
  ingress_registry_seen (self->registry, id, ingress_node_link_get_software (link));
  ingress_routes_set_link (self->routes, id, ingress_node_link_get_offer_port (link));
  self->ready (id, self->user_data);
}

static void
on_link_shares (IngressNodeLink *link, GPtrArray *shares, LinkServer *self)
{
  ingress_routes_set_shares (self->routes, ingress_node_link_get_id (link), shares);
}

static void
on_link_claims (IngressNodeLink *link, GStrv names, LinkServer *self)
{
  if (self->claims)
    self->claims (ingress_node_link_get_id (link), names, self->claims_data);
}

static void
on_link_closed (IngressNodeLink *link, const char *reason, LinkServer *self)
{
  gint64 id = ingress_node_link_get_id (link);
  const IngressNode *node = ingress_registry_find (self->registry, id);

  g_signal_handlers_disconnect_by_data (link, self);
  if (node)
    {
      g_message ("Link of node %s is away: %s", node->name, reason);
      ingress_registry_seen (self->registry, id, NULL);
      ingress_routes_set_link (self->routes, id, 0);
    }
  if (g_hash_table_lookup (self->links, &id) == link)
    g_hash_table_remove (self->links, &id);
}

/* Connections. */

/* What a node may make us hold. Sending: the kernel gives a connection up whose peer takes nothing
 * in for this long. Receiving: libsoup gathers the fragments of a message without a bound of its
 * own; a small window makes that slow, and as no message completes, silence soon ends the link. */
static void
bound_memory (GSocket *socket)
{
  g_socket_set_option (socket, IPPROTO_TCP, TCP_USER_TIMEOUT, 2 * PING_MAX * 1000, NULL);
  g_socket_set_option (socket, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER, NULL);
}

static const IngressNode *
node_of (LinkServer *self, SoupServerMessage *message)
{
  GSocketAddress *remote = soup_server_message_get_remote_address (message);
  g_autofree char *address = NULL;

  if (!G_IS_INET_SOCKET_ADDRESS (remote))
    return NULL;
  address = g_inet_address_to_string (
      g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (remote)));
  return ingress_registry_find_address (self->registry, address);
}

static gboolean
on_tick (gpointer user_data)
{
  LinkServer *self = user_data;
  gint64 now = g_get_monotonic_time ();
  GList *links = g_hash_table_get_values (self->links); /* some may close */

  g_list_foreach (links, (GFunc)(void (*) (void))g_object_ref, NULL);
  for (GList *l = links; l; l = l->next)
    ingress_node_link_tick (l->data, now);
  g_list_free_full (links, g_object_unref);
  if (g_hash_table_size (self->links) > 0)
    return G_SOURCE_CONTINUE;
  self->tick = 0;
  return G_SOURCE_REMOVE;
}

static void
on_websocket (SoupServer *server,
              SoupServerMessage *message,
              const char *path,
              SoupWebsocketConnection *connection,
              gpointer user_data)
{
  LinkServer *self = user_data;
  const IngressNode *node = node_of (self, message);
  GSocket *socket = guarded_listener_find_socket (self->listener, message);
  IngressNodeLink *link, *old;
  gint64 id;

  if (!node
      || g_strcmp0 (soup_websocket_connection_get_protocol (connection), FUNNEL_LINK_SUBPROTOCOL)
             != 0)
    {
      soup_websocket_connection_close (connection, SOUP_WEBSOCKET_CLOSE_POLICY_VIOLATION, NULL);
      return;
    }
  if (socket)
    bound_memory (socket);
  guarded_listener_release (self->listener, message);
  id = node->id;
  old = g_hash_table_lookup (self->links, &id);
  if (old)
    {
      g_autoptr (IngressNodeLink) keep = g_object_ref (old);

      /* Not told as an end: the node is about to be linked again. */
      g_signal_handlers_disconnect_by_data (old, self);
      ingress_node_link_close (old, N_ ("Replaced by a newer link of this node"));
    }
  link = ingress_node_link_new (connection, id, node->name,
                                link_ping_interval (g_hash_table_size (self->links) + 1));
  g_signal_connect (link, "hello", G_CALLBACK (on_link_hello), self);
  g_signal_connect (link, "shares", G_CALLBACK (on_link_shares), self);
  g_signal_connect (link, "claims", G_CALLBACK (on_link_claims), self);
  g_signal_connect (link, "closed", G_CALLBACK (on_link_closed), self);
  g_hash_table_replace (self->links, g_memdup2 (&id, sizeof id), link);
  if (self->tick == 0)
    self->tick = g_timeout_add_seconds (1, on_tick, self);
}

/* Strangers have no address here; but in direct mode any local program may knock. */
static void
on_head (SoupServer *server,
         SoupServerMessage *message,
         const char *path,
         GHashTable *query,
         gpointer user_data)
{
  LinkServer *self = user_data;
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (message);

  soup_message_body_set_accumulate (soup_server_message_get_request_body (message), FALSE);
  if (!g_str_equal (path, FUNNEL_LINK_PATH))
    soup_server_message_set_status (message, SOUP_STATUS_NOT_FOUND, NULL);
  else if (!node_of (self, message))
    soup_server_message_set_status (message, SOUP_STATUS_FORBIDDEN, NULL);
  else if (!soup_message_headers_header_contains (headers, "Sec-WebSocket-Protocol",
                                                  FUNNEL_LINK_SUBPROTOCOL))
    soup_server_message_set_status (message, SOUP_STATUS_BAD_REQUEST, NULL);
}

/* What the registry tells. */

static IngressNodeLink *
find_link (LinkServer *self, gint64 id)
{
  return g_hash_table_lookup (self->links, &id);
}

static void
on_registry_grants_changed (IngressRegistry *registry, const IngressNode *node, LinkServer *self)
{
  IngressNodeLink *link = find_link (self, node->id);

  if (link && ingress_node_link_is_ready (link))
    send_grants (self, link, node);
}

static void
on_registry_key_changed (IngressRegistry *registry,
                         const IngressNode *node,
                         const char *old_key,
                         LinkServer *self)
{
  IngressNodeLink *link = find_link (self, node->id);

  if (link)
    ingress_node_link_close (link, N_ ("This node joined again with a new key"));
}

static void
on_registry_node_removed (IngressRegistry *registry, const IngressNode *node, LinkServer *self)
{
  IngressNodeLink *link = find_link (self, node->id);

  if (link)
    ingress_node_link_close (link, N_ ("This node was removed from the ingress"));
}

/* Life. */

LinkServer *
link_server_new (IngressRegistry *registry,
                 IngressRoutes *routes,
                 void (*ready) (gint64 node, gpointer user_data),
                 gpointer user_data)
{
  LinkServer *self = g_new0 (LinkServer, 1);
  char *protocols[] = {(char *)FUNNEL_LINK_SUBPROTOCOL, NULL};

  self->registry = g_object_ref (registry);
  self->routes = g_object_ref (routes);
  self->ready = ready;
  self->user_data = user_data;
  self->links = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, g_object_unref);
  self->server = soup_server_new ("server-header", "funnel-ingress", NULL);
  /* A few compressed bytes could become any number of plain ones. */
  soup_server_remove_websocket_extension (self->server, SOUP_TYPE_WEBSOCKET_EXTENSION_DEFLATE);
  soup_server_add_early_handler (self->server, NULL, on_head, self, NULL);
  soup_server_add_early_handler (self->server, FUNNEL_LINK_PATH, on_head, self, NULL);
  soup_server_add_websocket_handler (self->server, FUNNEL_LINK_PATH, NULL, protocols, on_websocket,
                                     self, NULL);
  g_signal_connect (registry, "grants-changed", G_CALLBACK (on_registry_grants_changed), self);
  g_signal_connect (registry, "key-changed", G_CALLBACK (on_registry_key_changed), self);
  g_signal_connect (registry, "node-removed", G_CALLBACK (on_registry_node_removed), self);
  return self;
}

gboolean
link_server_listen (LinkServer *self, GSocket *socket, GError **error)
{
  GuardedLimits limits = {2 * INGRESS_NODES_MAX, PER_SOURCE_MAX, HANDSHAKE_SECONDS, TRUE};

  g_clear_pointer (&self->listener, guarded_listener_free);
  self->listener = guarded_listener_new (self->server, &limits, NULL);
  return guarded_listener_add (self->listener, socket, error);
}

void
link_server_suspend (LinkServer *self, const char *reason)
{
  g_autoptr (GList) links = g_hash_table_get_values (self->links);

  for (GList *l = links; l; l = l->next)
    {
      g_autoptr (IngressNodeLink) link = g_object_ref (l->data);

      ingress_node_link_close (link, reason);
    }
  g_clear_pointer (&self->listener, guarded_listener_free);
}

void
link_server_free (LinkServer *self)
{
  g_signal_handlers_disconnect_by_data (self->registry, self);
  link_server_suspend (self, N_ ("The ingress is going away"));
  g_clear_handle_id (&self->tick, g_source_remove);
  soup_server_disconnect (self->server);
  g_object_unref (self->server);
  g_hash_table_unref (self->links);
  g_object_unref (self->routes);
  g_object_unref (self->registry);
  g_free (self);
}

void
link_server_set_claims_func (LinkServer *self,
                             void (*claims) (gint64 node, GStrv names, gpointer user_data),
                             gpointer user_data)
{
  self->claims = claims;
  self->claims_data = user_data;
}

void
link_server_send (LinkServer *self, gint64 node, const FunnelLinkMessage *message)
{
  IngressNodeLink *link = find_link (self, node);

  if (link && ingress_node_link_is_ready (link))
    ingress_node_link_send (link, message);
}

guint
link_server_get_count (LinkServer *self)
{
  GHashTableIter iter;
  gpointer value;
  guint count = 0;

  g_hash_table_iter_init (&iter, self->links);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    count += ingress_node_link_is_ready (value);
  return count;
}

gint64
link_server_get_since (LinkServer *self, gint64 node)
{
  IngressNodeLink *link = find_link (self, node);

  return link && ingress_node_link_is_ready (link) ? ingress_node_link_get_since (link) : 0;
}
