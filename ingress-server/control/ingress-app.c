/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "funnel-ingressd"

#include "ingress-server/control/ingress-app.h"

#include "lib/base/error.h"
#include "lib/base/no-trust.h"
#include "lib/base/notify.h"
#include "ingress-server/control/admin-api.h"
#include "ingress-server/control/dns-wishes.h"
#include "ingress-server/control/join-api.h"
#include "ingress-server/control/metrics.h"
#include "ingress-server/store/ingress-setup.h"
#include "ingress-server/store/store-check.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/file.h>
#include <unistd.h>

#define LOCK_FILE "ingressd.lock"

struct _IngressApp
{
  IngressConfig *config;
  char *run_dir;
  char *relay_socket; /* NULL: the agent is the relay's parent */
  int lock;
  GTlsCertificate *certificate;
  guint8 key_hash[FUNNEL_KEY_HASH_LEN];
  IngressParts parts;
  JoinApi *join;
  AdminApi *admin;
  DnsWishes *wishes;      /* NULL when records are made by hand */
  MetricsServer *metrics; /* NULL when off */
  GMainLoop *loop;
  GError *failure; /* ends the run */
  gboolean was_ready;
  gboolean wants_reload;
  gboolean sending;   /* a table is on its way to the agent */
  gboolean wanted;    /* another one is wanted after it */
  guint64 generation; /* of the last table sent */
};

/* Routes: one table at a time on its way, and only the newest. */

static void send_routes (IngressApp *self);

static void
on_routes_sent (gpointer data)
{
  IngressApp *self = data;

  self->sending = FALSE;
  if (self->wanted)
    send_routes (self);
}

static void
send_routes (IngressApp *self)
{
  g_autoptr (GError) error = NULL;
  int fd;

  self->wanted = self->sending || !ingress_agent_host_is_ready (self->parts.agent);
  if (self->wanted)
    return;
  fd = ingress_routes_build (self->parts.routes, &self->generation, &error);
  if (fd < 0)
    {
      g_warning ("%s", error->message);
      return;
    }
  self->sending = TRUE;
  ingress_agent_host_set_routes (self->parts.agent, fd, on_routes_sent, self);
}

static void
on_routes_changed (IngressRoutes *routes, IngressApp *self)
{
  if (self->wishes)
    dns_wishes_update (self->wishes);
  send_routes (self);
}

static void
tell_routed (gint64 node, GPtrArray *shares, gpointer user_data)
{
  IngressApp *self = user_data;
  g_autoptr (FunnelLinkMessage) message = funnel_link_message_new (FUNNEL_LINK_ROUTED);

  g_ptr_array_unref (message->shares);
  message->shares = g_ptr_array_ref (shares);
  link_server_send (self->parts.links, node, message);
}

static void
on_agent_routes_applied (IngressAgentHost *agent, guint64 generation, IngressApp *self)
{
  if (generation < self->generation)
    return;
  ingress_routes_applied (self->parts.routes, tell_routed, self);
  prober_sync (self->parts.prober, self->parts.routes);
}

/* The agent. */

static void
on_agent_ready (IngressAgentHost *agent,
                GSocket *link_socket,
                struct route_table *last,
                IngressApp *self)
{
  g_autoptr (GError) error = NULL;

  if (!link_server_listen (self->parts.links, link_socket, &error))
    g_warning ("Cannot take links: %s", error->message);
  if (last && !self->was_ready)
    ingress_routes_presume (self->parts.routes, last, INGRESS_GRACE_MS);
  if (!self->was_ready)
    {
      ingress_routes_start (self->parts.routes);
      g_message ("Ready: %u nodes", ingress_registry_get_count (self->parts.registry));
      funnel_notify ("READY=1");
    }
  self->was_ready = TRUE;
  self->sending = FALSE;
  ingress_routes_changed (self->parts.routes);
}

static void
on_agent_failed (IngressAgentHost *agent, GError *error, IngressApp *self)
{
  g_warning ("Cannot set up the tunnel: %s", error->message);
  if (self->was_ready || self->failure)
    return;
  /* At the first start the reason is the admin's to remove; later it is worth trying again. */
  self->failure = g_error_copy (error);
  g_main_loop_quit (self->loop);
}

static void
on_agent_lost (IngressAgentHost *agent, const char *reason, IngressApp *self)
{
  /* Open links would keep the old namespace, and its UDP port, alive. */
  link_server_suspend (self->parts.links, reason);
}

static void
on_agent_relay_back (IngressAgentHost *agent, IngressApp *self)
{
  self->sending = FALSE;
  send_routes (self);
}

/* Nodes. */

static void
on_join_prepared (const IngressNode *node, gpointer ticket, gpointer user_data)
{
  IngressApp *self = user_data;

  ingress_agent_host_put_peer (self->parts.agent, node, join_api_answer, ticket);
}

static void
on_registry_key_changed (IngressRegistry *registry,
                         const IngressNode *node,
                         const char *old_key,
                         IngressApp *self)
{
  ingress_agent_host_remove_peer (self->parts.agent, old_key);
}

static void
on_registry_node_removed (IngressRegistry *registry, const IngressNode *node, IngressApp *self)
{
  ingress_agent_host_remove_peer (self->parts.agent, node->public_key);
}

static void
on_link_ready (gint64 node, gpointer user_data)
{
  IngressApp *self = user_data;

  prober_renew (self->parts.prober, node);
}

static void
on_claims (gint64 node, GStrv names, gpointer user_data)
{
  IngressApp *self = user_data;

  domain_claims_set_wanted (self->parts.claims, node, names);
}

static void
on_probed (gint64 node, const FunnelLinkMessage *message, gpointer user_data)
{
  IngressApp *self = user_data;

  link_server_send (self->parts.links, node, message);
}

/* Making it. */

static gboolean
take_run_dir (IngressApp *self, GError **error)
{
  g_autofree char *path = g_build_filename (self->run_dir, LOCK_FILE, NULL);

  if (g_mkdir_with_parents (self->run_dir, 0750) < 0)
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_FAILED, "Cannot make %s: %s", self->run_dir,
                   g_strerror (errno));
      return FALSE;
    }
  self->lock = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (self->lock < 0 || flock (self->lock, LOCK_EX | LOCK_NB) < 0)
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_CONFLICT, "%s: %s", path,
                   errno == EWOULDBLOCK ? "funnel-ingressd is running already"
                                        : g_strerror (errno));
      return FALSE;
    }
  return TRUE;
}

static gboolean
make_agent (IngressApp *self, GError **error)
{
  char *private_key = NULL;
  g_autofree char *public_key = NULL;

  if (!ingress_setup_load_wireguard (self->config, &private_key, &public_key, error))
    return FALSE;
  self->parts.agent = ingress_agent_host_new (self->parts.registry, self->run_dir,
                                              self->relay_socket, private_key, public_key);
  funnel_secret_free (private_key);
  g_signal_connect (self->parts.agent, "ready", G_CALLBACK (on_agent_ready), self);
  g_signal_connect (self->parts.agent, "failed", G_CALLBACK (on_agent_failed), self);
  g_signal_connect (self->parts.agent, "lost", G_CALLBACK (on_agent_lost), self);
  g_signal_connect (self->parts.agent, "relay-back", G_CALLBACK (on_agent_relay_back), self);
  g_signal_connect (self->parts.agent, "routes-applied", G_CALLBACK (on_agent_routes_applied),
                    self);
  if (!ingress_agent_host_inherit (self->parts.agent, error))
    return FALSE;
  self->join = join_api_new (self->parts.registry, self->parts.agent, self->certificate, public_key,
                             on_join_prepared, self, error);
  return self->join != NULL;
}

/* DNS. */

static char *
why_not_published (const char *name, gpointer data)
{
  return dns_publisher_why_not (data, name);
}

static void
on_dns_changed (gpointer user_data)
{
  IngressApp *self = user_data;

  prober_try_again (self->parts.prober);
}

static gboolean
make_dns (IngressApp *self, IngressStore *store, GError **error)
{
  if (!self->config->dns_server)
    return TRUE;
  self->parts.dns = dns_publisher_new (self->config, store, on_dns_changed, self, error);
  if (!self->parts.dns)
    return FALSE;
  self->wishes = dns_wishes_new (self->parts.routes, self->parts.dns);
  prober_set_gate (self->parts.prober, why_not_published, self->parts.dns);
  return TRUE;
}

static void
on_store_checked (const char *problem, gpointer user_data)
{
  IngressApp *self = user_data;

  if (problem)
    g_warning (
        "The database is damaged: %s. Visitors are served as before, nothing can be changed; "
        "see: funnel-ingress doctor",
        problem);
  else
    g_message ("The database is sound again");
  ingress_registry_protect (self->parts.registry, problem != NULL);
}

static gboolean
make_parts (IngressApp *self, GError **error)
{
  g_autofree char *database = ingress_config_path (self->config, INGRESS_DATABASE_FILE);
  IngressStore *store;

  self->certificate = ingress_setup_load_certificate (self->config, self->key_hash, error);
  store = self->certificate ? ingress_store_open (database, error) : NULL;
  if (!store)
    return FALSE;
  self->parts.app = self;
  self->parts.config = self->config;
  self->parts.key_hash = self->key_hash;
  self->parts.registry = ingress_registry_new (self->config, store, error);
  if (!self->parts.registry)
    return FALSE;
  self->parts.watch = store_watch_new (database, on_store_checked, self);
  self->parts.routes = ingress_routes_new (self->parts.registry);
  self->parts.links
      = link_server_new (self->parts.registry, self->parts.routes, on_link_ready, self);
  self->parts.prober = prober_new (self->config, on_probed, self);
  self->parts.claims = domain_claims_new (self->parts.registry, self->parts.links, error);
  if (!self->parts.claims)
    return FALSE;
  link_server_set_claims_func (self->parts.links, on_claims, self);
  g_signal_connect (self->parts.routes, "changed", G_CALLBACK (on_routes_changed), self);
  g_signal_connect (self->parts.registry, "key-changed", G_CALLBACK (on_registry_key_changed),
                    self);
  g_signal_connect (self->parts.registry, "node-removed", G_CALLBACK (on_registry_node_removed),
                    self);
  if (!make_dns (self, store, error) || !make_agent (self, error))
    return FALSE;
  self->admin = admin_api_new (&self->parts, self->run_dir, error);
  if (self->admin && self->config->metrics_host)
    self->metrics = metrics_server_new (&self->parts, error);
  return self->admin != NULL && (self->metrics != NULL || self->config->metrics_host == NULL);
}

IngressApp *
ingress_app_new (const char *state_dir,
                 const char *run_dir,
                 const char *relay_socket,
                 GError **error)
{
  IngressApp *self = g_new0 (IngressApp, 1);

  /* This process is asked, and does not ask; reading the authorities takes ten times a handshake.
   */
  funnel_trust_nobody ();
  self->lock = -1;
  self->run_dir = g_strdup (run_dir);
  self->relay_socket = g_strdup (relay_socket);
  self->loop = g_main_loop_new (NULL, FALSE);
  self->config = ingress_config_load (state_dir, error);
  if (self->config && take_run_dir (self, error) && make_parts (self, error))
    return self;
  ingress_app_free (self, TRUE);
  return NULL;
}

gboolean
ingress_app_run (IngressApp *self, GError **error)
{
  if (self->config->tunnel == INGRESS_TUNNEL_DIRECT)
    g_warning ("tunnel=direct: nodes are reached over loopback, without WireGuard. For tests on "
               "one machine only");
  ingress_agent_host_start (self->parts.agent);
  if (!self->failure)
    g_main_loop_run (self->loop);
  if (self->failure)
    g_propagate_error (error, g_steal_pointer (&self->failure));
  return error == NULL || *error == NULL;
}

void
ingress_app_quit (IngressApp *self)
{
  g_main_loop_quit (self->loop);
}

gboolean
ingress_app_can_reload (IngressApp *self, GError **error)
{
  g_autoptr (IngressConfig) config = ingress_config_load (self->config->state_dir, error);
  g_autofree char *database = ingress_config_path (self->config, INGRESS_DATABASE_FILE);

  if (!config)
    return FALSE;
  if (ingress_store_check (database, error))
    return TRUE;
  g_prefix_error (error, "%s: ", database);
  store_watch_look (self->parts.watch);
  return FALSE;
}

gboolean
ingress_app_reload (IngressApp *self, GError **error)
{
  if (!ingress_app_can_reload (self, error))
    return FALSE;
  self->wants_reload = TRUE;
  ingress_app_quit (self);
  return TRUE;
}

gboolean
ingress_app_wants_reload (IngressApp *self)
{
  return self->wants_reload;
}

static void
drop_parts (IngressApp *self, gboolean keep_agent)
{
  IngressParts *parts = &self->parts;

  if (parts->agent)
    ingress_agent_host_answer_waiters (parts->agent);
  g_clear_pointer (&self->metrics, metrics_server_free);
  g_clear_pointer (&self->admin, admin_api_free);
  g_clear_pointer (&parts->watch, store_watch_free);
  g_clear_pointer (&self->join, join_api_free);
  if (parts->routes)
    g_signal_handlers_disconnect_by_data (parts->routes, self);
  if (parts->registry)
    g_signal_handlers_disconnect_by_data (parts->registry, self);
  if (parts->links)
    link_server_set_claims_func (parts->links, NULL, NULL);
  g_clear_pointer (&parts->claims, domain_claims_free);
  g_clear_pointer (&parts->links, link_server_free);
  g_clear_pointer (&parts->prober, prober_free);
  g_clear_pointer (&self->wishes, dns_wishes_free);
  g_clear_pointer (&parts->dns, dns_publisher_free);
  if (parts->agent)
    {
      g_signal_handlers_disconnect_by_data (parts->agent, self);
      ingress_agent_host_stop (parts->agent, !keep_agent);
    }
  g_clear_object (&parts->agent);
  g_clear_object (&parts->routes);
  g_clear_object (&parts->registry);
}

void
ingress_app_free (IngressApp *self, gboolean keep_agent)
{
  drop_parts (self, keep_agent);
  g_clear_error (&self->failure);
  g_clear_object (&self->certificate);
  g_clear_pointer (&self->config, ingress_config_free);
  g_main_loop_unref (self->loop);
  if (self->lock >= 0)
    close (self->lock);
  g_free (self->run_dir);
  g_free (self->relay_socket);
  g_free (self);
}
