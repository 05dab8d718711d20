/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The back ends through their abstract class, and the agent's client, against real agents: the
 * node's tunnel is a FunnelTunnel, the ingress an agent of its own on the same host. */

#include "lib/base/error.h"
#include "lib/base/wg-key.h"
#include "lib/tunnel/agent-client.h"
#include "lib/tunnel/tunnel.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NODE "100.64.0.2"
#define INGRESS "100.64.0.1"
#define SKIPPED 77

static gboolean
set_result_cb (gpointer user_data)
{
  *(gboolean *)user_data = TRUE;
  return G_SOURCE_REMOVE;
}

static void
result_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  *(GAsyncResult **)user_data = g_object_ref (result);
}

/* Runs the main context until *@flag is set; the test fails after a generous while. */
static void
spin_until (gconstpointer flag)
{
  gboolean late = FALSE;
  guint timer = g_timeout_add_seconds (60, set_result_cb, &late);

  while (!*(const gpointer *)flag && !late)
    g_main_context_iteration (NULL, TRUE);
  g_assert_false (late);
  g_source_remove (timer);
}

static GAsyncResult *
await (GAsyncResult **slot)
{
  spin_until (slot);
  return g_steal_pointer (slot);
}

#define AWAIT_BOOLEAN(tunnel, what, error)                                                         \
  ({                                                                                               \
    GAsyncResult *slot_ = NULL;                                                                    \
    g_autoptr (GAsyncResult) result_ = NULL;                                                       \
    funnel_tunnel_##what##_async (tunnel, NULL, result_cb, &slot_);                                \
    result_ = await (&slot_);                                                                      \
    funnel_tunnel_##what##_finish (tunnel, result_, error);                                        \
  })

static gboolean
probe (FunnelTunnel *tunnel, const FunnelTunnelConfig *config, GError **error)
{
  GAsyncResult *slot = NULL;
  g_autoptr (GAsyncResult) result = NULL;

  funnel_tunnel_probe_async (tunnel, config, NULL, result_cb, &slot);
  result = await (&slot);
  return funnel_tunnel_probe_finish (tunnel, result, error);
}

static gboolean
bring_up (FunnelTunnel *tunnel, const FunnelTunnelConfig *config, GError **error)
{
  GAsyncResult *slot = NULL;
  g_autoptr (GAsyncResult) result = NULL;

  funnel_tunnel_up_async (tunnel, config, NULL, result_cb, &slot);
  result = await (&slot);
  return funnel_tunnel_up_finish (tunnel, result, error);
}

static GSocket *
make_listener (FunnelTunnel *tunnel, guint16 *port)
{
  GAsyncResult *slot = NULL;
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocketAddress) address = NULL;
  GSocket *socket;

  funnel_tunnel_listen_async (tunnel, 0, NULL, result_cb, &slot);
  result = await (&slot);
  socket = funnel_tunnel_listen_finish (tunnel, result, &error);
  g_assert_no_error (error);
  g_assert_false (g_socket_get_blocking (socket));
  address = g_socket_get_local_address (socket, NULL);
  *port = g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (address));
  return socket;
}

static GSocketConnection *
make_connection (FunnelTunnel *tunnel, guint16 port, GError **error)
{
  GAsyncResult *slot = NULL;
  g_autoptr (GAsyncResult) result = NULL;

  funnel_tunnel_connect_async (tunnel, port, NULL, result_cb, &slot);
  result = await (&slot);
  return funnel_tunnel_connect_finish (tunnel, result, error);
}

/* One line each way, so that both ends are seen to work. */
static void
talk (GSocket *a, GSocket *b)
{
  GSocket *ends[] = {a, b};

  for (int i = 0; i < 2; i++)
    {
      char buffer[16] = "";

      g_socket_set_blocking (ends[i], TRUE);
      g_socket_set_timeout (ends[1 - i], 30);
      g_socket_set_blocking (ends[1 - i], TRUE);
      g_assert_cmpint (g_socket_send (ends[i], "hello", 5, NULL, NULL), ==, 5);
      g_assert_cmpint (g_socket_receive (ends[1 - i], buffer, sizeof buffer, NULL, NULL), ==, 5);
      g_assert_cmpstr (buffer, ==, "hello");
    }
}

static GSocket *
accept_one (GSocket *listener)
{
  g_autoptr (GError) error = NULL;
  GSocket *socket;

  g_socket_set_blocking (listener, TRUE);
  g_socket_set_timeout (listener, 30);
  socket = g_socket_accept (listener, NULL, &error);
  g_assert_no_error (error);
  return socket;
}

/* ---- netns ---- */

typedef struct
{
  FunnelAgentClient *ingress;
  FunnelTunnel *tunnel;
  FunnelTunnelConfig config;
  char *node_public;
  char *lost;
} Fixture;

static guint16
free_udp_port (void)
{
  g_autoptr (GSocket) socket
      = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_UDP, NULL);
  g_autoptr (GInetAddress) any = g_inet_address_new_any (G_SOCKET_FAMILY_IPV4);
  g_autoptr (GSocketAddress) wanted = g_inet_socket_address_new (any, 0);
  g_autoptr (GSocketAddress) address = NULL;

  g_assert_true (g_socket_bind (socket, wanted, FALSE, NULL));
  address = g_socket_get_local_address (socket, NULL);
  return g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (address));
}

static GHashTable *
call (FunnelAgentClient *agent, const char *verb, const char *const *fields, GUnixFDList **fds)
{
  g_autoptr (GError) error = NULL;
  GHashTable *answer = funnel_agent_client_call_sync (agent, verb, fields, NULL, fds, &error);

  g_assert_no_error (error);
  return answer;
}

static void
on_tunnel_lost (FunnelTunnel *tunnel, const char *reason, gpointer user_data)
{
  Fixture *fixture = user_data;

  fixture->lost = g_strdup (reason);
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autofree char *ingress_private = NULL;
  g_autofree char *port = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (
      funnel_wg_key_generate (&fixture->config.private_key, &fixture->node_public, NULL));
  g_assert_true (funnel_wg_key_generate (&ingress_private, &fixture->config.peer_public_key, NULL));
  fixture->config.address = g_strdup (NODE);
  fixture->config.peer_address = g_strdup (INGRESS);
  fixture->config.endpoint_host = g_strdup ("localhost");
  fixture->config.endpoint_port = free_udp_port ();
  fixture->config.keepalive = 5;
  port = g_strdup_printf ("%u", fixture->config.endpoint_port);
  fixture->ingress = funnel_agent_client_spawn (NULL, &error);
  g_assert_no_error (error);
  g_hash_table_unref (
      call (fixture->ingress, "up",
            (const char *[]) {"address", INGRESS "/32", "private-key", ingress_private,
                              "listen-port", port, "route", "100.64.0.0/10", NULL},
            NULL));
  g_hash_table_unref (
      call (fixture->ingress, "peer",
            (const char *[]) {"peer", fixture->node_public, "allowed", NODE "/32", NULL}, NULL));
  fixture->tunnel = funnel_tunnel_new ("netns", NULL);
  g_signal_connect (fixture->tunnel, "lost", G_CALLBACK (on_tunnel_lost), fixture);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_object_unref (fixture->tunnel);
  g_object_unref (fixture->ingress);
  g_free (fixture->config.private_key);
  g_free (fixture->config.address);
  g_free (fixture->config.peer_address);
  g_free (fixture->config.peer_public_key);
  g_free (fixture->config.endpoint_host);
  g_free (fixture->node_public);
  g_free (fixture->lost);
}

static GSocket *
ingress_socket (Fixture *fixture, const char *verb, const char *const *fields)
{
  g_autoptr (GUnixFDList) fds = NULL;
  g_autoptr (GHashTable) answer = call (fixture->ingress, verb, fields, &fds);
  GSocket *socket = g_socket_new_from_fd (g_unix_fd_list_get (fds, 0, NULL), NULL);

  g_socket_set_timeout (socket, 30);
  g_socket_set_blocking (socket, TRUE);
  return socket;
}

static void
check_both_ways (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocket) inner = ingress_socket (
      fixture, "listen", (const char *[]) {"address", INGRESS, "port", "0", NULL});
  g_autoptr (GSocketAddress) inner_address = g_socket_get_local_address (inner, NULL);
  guint16 inner_port = g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (inner_address)), port;
  g_autoptr (GSocketConnection) link = make_connection (fixture->tunnel, inner_port, &error);
  g_autoptr (GSocket) link_end = NULL, listener = NULL, offer = NULL, offer_end = NULL;
  g_autoptr (GSocketAddress) target = NULL;

  g_assert_no_error (error);
  link_end = accept_one (inner);
  talk (g_socket_connection_get_socket (link), link_end);
  listener = make_listener (fixture->tunnel, &port);
  target = g_inet_socket_address_new_from_string (NODE, port);
  offer = ingress_socket (fixture, "socket", NULL);
  g_assert_true (g_socket_connect (offer, target, NULL, &error));
  g_assert_no_error (error);
  offer_end = accept_one (listener);
  talk (offer, offer_end);
}

static void
test_netns (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  FunnelTunnelStatus status;
  GAsyncResult *slot = NULL;
  g_autoptr (GAsyncResult) result = NULL;

  g_assert_true (probe (fixture->tunnel, &fixture->config, &error));
  g_assert_false (AWAIT_BOOLEAN (fixture->tunnel, verify, &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE);
  g_clear_error (&error);
  g_assert_true (bring_up (fixture->tunnel, &fixture->config, &error));
  g_assert_no_error (error);
  check_both_ways (fixture);
  g_assert_true (AWAIT_BOOLEAN (fixture->tunnel, verify, &error));
  g_assert_true (AWAIT_BOOLEAN (fixture->tunnel, refresh, &error));
  check_both_ways (fixture);
  funnel_tunnel_query_async (fixture->tunnel, NULL, result_cb, &slot);
  result = await (&slot);
  g_assert_true (funnel_tunnel_query_finish (fixture->tunnel, result, &status, &error));
  g_assert_cmpint (status.handshake, >, 0);
  g_assert_cmpuint (status.rx_bytes, >, 0);
  g_assert_cmpuint (status.mtu, ==, 1420);
  g_assert_true (AWAIT_BOOLEAN (fixture->tunnel, down, &error));
  g_assert_true (AWAIT_BOOLEAN (fixture->tunnel, down, &error));
  g_assert_null (make_connection (fixture->tunnel, 1, &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE);
  g_assert_null (fixture->lost);
  g_clear_error (&error);
  g_assert_true (bring_up (fixture->tunnel, &fixture->config, &error));
  check_both_ways (fixture);
}

/* Kills every agent among this process's children but @except. */
static void
kill_agents (pid_t except)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/task/%d/children", getpid ());
  g_autofree char *list = NULL;
  g_auto (GStrv) pids = NULL;

  g_assert_true (g_file_get_contents (path, &list, NULL, NULL));
  pids = g_strsplit (list, " ", -1);
  for (char **pid = pids; *pid; pid++)
    {
      g_autofree char *comm_path = g_strdup_printf ("/proc/%s/comm", *pid);
      g_autofree char *comm = NULL;

      if (**pid && atoi (*pid) != except && g_file_get_contents (comm_path, &comm, NULL, NULL)
          && g_str_has_prefix (comm, "funnel-netns"))
        kill (atoi (*pid), SIGKILL);
    }
}

static void
test_lost (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GHashTable) hello = call (fixture->ingress, "hello", NULL, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_true (bring_up (fixture->tunnel, &fixture->config, &error));
  g_assert_no_error (error);
  kill_agents (atoi (g_hash_table_lookup (hello, "pid")));
  spin_until (&fixture->lost);
  g_assert_nonnull (strstr (fixture->lost, "agent"));
  g_assert_false (AWAIT_BOOLEAN (fixture->tunnel, verify, &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE);
  g_clear_error (&error);
  g_assert_true (bring_up (fixture->tunnel, &fixture->config, &error));
  check_both_ways (fixture);
}

static void
test_cancel (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  GAsyncResult *first = NULL, *second = NULL;
  g_autoptr (GAsyncResult) cancelled = NULL, answered = NULL;
  g_autoptr (GHashTable) fields = NULL;

  funnel_agent_client_call_async (fixture->ingress, "status", NULL, NULL, cancellable, result_cb,
                                  &first);
  funnel_agent_client_call_async (fixture->ingress, "hello", NULL, NULL, NULL, result_cb, &second);
  g_cancellable_cancel (cancellable);
  cancelled = await (&first);
  g_assert_null (funnel_agent_client_call_finish (fixture->ingress, cancelled, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  answered = await (&second);
  fields = funnel_agent_client_call_finish (fixture->ingress, answered, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (g_hash_table_lookup (fields, "up"), ==, "1");
}

static void
test_bad_config (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  FunnelTunnelConfig config = fixture->config;

  config.endpoint_host = (char *)"no-such-host.invalid";
  g_assert_false (bring_up (fixture->tunnel, &config, &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE);
  g_clear_error (&error);
  config = fixture->config;
  config.private_key = (char *)"not a key";
  g_assert_false (bring_up (fixture->tunnel, &config, &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_true (bring_up (fixture->tunnel, &fixture->config, &error));
  g_assert_no_error (error);
}

/* ---- lasting ---- */

static void
on_closed (FunnelAgentClient *agent, gpointer user_data)
{
  *(gpointer *)user_data = agent;
}

static void
test_lasting (void)
{
  g_autofree char *folder = g_dir_make_tmp ("funnel-agent-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "agent.sock", NULL);
  g_autofree char *lock = g_strconcat (path, ".lock", NULL);
  const char *const options[] = {"engine=none", NULL};
  g_autoptr (GError) error = NULL;
  g_autoptr (FunnelAgentClient) first = NULL, second = NULL;
  g_autoptr (GHashTable) answer = NULL;
  gpointer closed = NULL;

  g_assert_null (funnel_agent_client_connect (path, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_clear_error (&error);
  first = funnel_agent_client_start_lasting (path, options, &error);
  g_assert_no_error (error);
  g_assert_null (funnel_agent_client_start_lasting (path, options, &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_UNSUPPORTED);
  g_clear_error (&error);
  g_clear_object (&first);
  second = funnel_agent_client_connect (path, &error);
  g_assert_no_error (error);
  g_signal_connect (second, "closed", G_CALLBACK (on_closed), &closed);
  answer = call (second, "hello", NULL, NULL);
  g_assert_cmpstr (g_hash_table_lookup (answer, "engine"), ==, "none");
  g_hash_table_unref (call (second, "quit", NULL, NULL));
  spin_until (&closed);
  g_unlink (lock);
  g_rmdir (folder);
}

/* ---- direct ---- */

static void
test_direct (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (FunnelTunnel) node = funnel_tunnel_new ("direct", NULL),
                           ingress = funnel_tunnel_new ("direct", NULL);
  FunnelTunnelConfig config
      = {.address = (char *)"127.64.9.2", .peer_address = (char *)"127.64.9.1"};
  FunnelTunnelConfig other
      = {.address = (char *)"127.64.9.1", .peer_address = (char *)"127.64.9.2"};
  FunnelTunnelConfig wrong
      = {.address = (char *)"100.64.0.2", .peer_address = (char *)"100.64.0.1"};
  g_autoptr (GSocket) listener = NULL, end = NULL;
  g_autoptr (GSocketConnection) connection = NULL;
  g_autoptr (GSocketAddress) peer = NULL;
  g_autofree char *ip = NULL;
  guint16 port;

  g_assert_cmpstr (funnel_tunnel_get_name (node), ==, "direct");
  g_assert_true (probe (node, &config, &error));
  g_assert_false (bring_up (node, &wrong, &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_true (bring_up (node, &config, &error));
  g_assert_true (bring_up (ingress, &other, &error));
  listener = make_listener (ingress, &port);
  connection = make_connection (node, port, &error);
  g_assert_no_error (error);
  end = accept_one (listener);
  peer = g_socket_get_remote_address (end, NULL);
  ip = g_inet_address_to_string (g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (peer)));
  g_assert_cmpstr (ip, ==, "127.64.9.2");
  talk (g_socket_connection_get_socket (connection), end);
  g_assert_true (AWAIT_BOOLEAN (node, verify, &error));
  g_assert_true (AWAIT_BOOLEAN (node, down, &error));
  g_assert_null (make_connection (node, port, &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE);
}

static void
test_registry (void)
{
  g_autoptr (GError) error = NULL;

  for (const char *const *name = funnel_tunnel_names (); *name; name++)
    {
      g_autoptr (FunnelTunnel) tunnel = funnel_tunnel_new (*name, &error);

      g_assert_no_error (error);
      g_assert_cmpstr (funnel_tunnel_get_name (tunnel), ==, *name);
    }
  g_assert_null (funnel_tunnel_new ("carrier-pigeon", &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_UNSUPPORTED);
}

/* NULL when the netns back end works here, else why not. */
static char *
why_not (void)
{
  g_autoptr (FunnelTunnel) tunnel = funnel_tunnel_new ("netns", NULL);
  FunnelTunnelConfig config = {.address = (char *)NODE, .peer_address = (char *)INGRESS};
  g_autoptr (GError) error = NULL;

  return probe (tunnel, &config, &error) ? NULL : g_strdup (error->message);
}

int
main (int argc, char **argv)
{
  g_autofree char *reason = NULL;
  gboolean part = argc > 1 && g_str_equal (argv[1], "netns");
  int status;

  g_test_init (&argc, &argv, NULL);
  if (part && (reason = why_not ()))
    {
      g_printerr ("skipped: %s\n", reason);
      return SKIPPED;
    }
  if (part)
    {
      g_test_add ("/tunnel/netns", Fixture, NULL, set_up, test_netns, tear_down);
      g_test_add ("/tunnel/lost", Fixture, NULL, set_up, test_lost, tear_down);
      g_test_add ("/tunnel/cancel", Fixture, NULL, set_up, test_cancel, tear_down);
      g_test_add ("/tunnel/bad-config", Fixture, NULL, set_up, test_bad_config, tear_down);
    }
  else
    {
      g_test_add_func ("/tunnel/lasting", test_lasting);
      g_test_add_func ("/tunnel/direct", test_direct);
      g_test_add_func ("/tunnel/registry", test_registry);
    }
  status = g_test_run ();
  return status;
}
