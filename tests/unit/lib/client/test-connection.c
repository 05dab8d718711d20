/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/client/connection.h"

#include <signal.h>
#include <string.h>

/* A guard against hanging for ever, not an expectation. */
#define PATIENCE_SECONDS 30

static gboolean
give_up_cb (gpointer data)
{
  g_error ("waited %d s for: %s", PATIENCE_SECONDS, (const char *)data);
  return G_SOURCE_REMOVE;
}

static void
await_state (FunnelConnection *connection, FunnelConnectionState state, const char *what)
{
  guint patience = g_timeout_add_seconds (PATIENCE_SECONDS, give_up_cb, (gpointer)what);

  while (funnel_connection_get_state (connection) != state)
    g_main_context_iteration (NULL, TRUE);
  g_source_remove (patience);
}

static void
await_shares (FunnelConnection *connection, guint n)
{
  guint patience = g_timeout_add_seconds (PATIENCE_SECONDS, give_up_cb, (gpointer) "shares");

  while (g_list_model_get_n_items (funnel_connection_get_shares (connection)) != n)
    g_main_context_iteration (NULL, TRUE);
  g_source_remove (patience);
}

static void
test_versions (void)
{
  static const struct
  {
    const char *a, *b;
    int sign;
  } rows[] = {{"0.1.0", "0.1.0", 0},  {"0.1.0", "0.1.1", -1}, {"0.10.0", "0.9.9", 1},
              {"1", "1.0.0", 0},      {NULL, "0.1.0", -1},    {"", "", 0},
              {"0.1.0-rc", "0.1", 0}, {"2", "10", -1}};

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      int sign = funnel_connection_compare_versions (rows[i].a, rows[i].b);

      g_test_message ("%s %s", rows[i].a, rows[i].b);
      g_assert_cmpint (sign, ==, rows[i].sign);
    }
}

/* --- The list --- */

typedef struct
{
  guint calls;
  guint position, removed, added;
} Changes;

static void
on_items_changed (GListModel *model, guint position, guint removed, guint added, Changes *changes)
{
  changes->calls++;
  changes->position = position;
  changes->removed = removed;
  changes->added = added;
}

static void
export_share (GDBusObjectManagerServer *server, guint id, const char *name, guint16 port)
{
  g_autofree char *path = g_strdup_printf ("/share/%u", id);
  g_autoptr (FunnelDBusObjectSkeleton) object = funnel_dbus_object_skeleton_new (path);
  g_autoptr (FunnelDBusShare) share = funnel_dbus_share_skeleton_new ();

  funnel_dbus_share_set_name (share, name);
  funnel_dbus_share_set_port (share, port);
  funnel_dbus_object_skeleton_set_share (object, share);
  g_dbus_object_manager_server_export (server, G_DBUS_OBJECT_SKELETON (object));
  /* The server's own signals are for the bus; a client's are for its process. */
  g_signal_emit_by_name (server, "object-added", object);
}

static void
unexport_share (GDBusObjectManagerServer *server, const char *path)
{
  g_autoptr (GDBusObject) object
      = g_dbus_object_manager_get_object (G_DBUS_OBJECT_MANAGER (server), path);

  g_assert_true (g_dbus_object_manager_server_unexport (server, path));
  g_signal_emit_by_name (server, "object-removed", object);
}

static const char *
get_name (GListModel *model, guint position)
{
  g_autoptr (FunnelDBusShare) share = g_list_model_get_item (model, position);

  return funnel_dbus_share_get_name (share);
}

/* What has arrived gets into the list before the loop sleeps. */
static void
settle (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static void
test_list (void)
{
  g_autoptr (GDBusObjectManagerServer) server = g_dbus_object_manager_server_new ("/");
  g_autoptr (FunnelShareModel) model = funnel_share_model_new ();
  GListModel *list = G_LIST_MODEL (model);
  Changes changes = {0};

  export_share (server, 1, "b", 443);
  export_share (server, 2, "d", 443);
  funnel_share_model_follow (model, G_DBUS_OBJECT_MANAGER (server));
  g_assert_cmpuint (g_list_model_get_n_items (list), ==, 2);
  g_signal_connect (list, "items-changed", G_CALLBACK (on_items_changed), &changes);
  /* One that comes changes one place, in order. */
  export_share (server, 3, "c", 443);
  settle ();
  g_assert_cmpuint (changes.calls, ==, 1);
  g_assert_cmpuint (changes.position, ==, 1);
  g_assert_cmpuint (changes.added, ==, 1);
  g_assert_cmpuint (changes.removed, ==, 0);
  export_share (server, 4, "b", 80);
  settle ();
  g_assert_cmpuint (changes.position, ==, 0);
  g_assert_cmpstr (get_name (list, 2), ==, "c");
  unexport_share (server, "/share/1");
  g_assert_cmpuint (changes.position, ==, 1);
  g_assert_cmpuint (changes.removed, ==, 1);
  g_assert_cmpuint (g_list_model_get_n_items (list), ==, 3);
  /* Several that come together are one change; one that goes before it was seen is none. */
  changes.calls = 0;
  export_share (server, 6, "z", 443);
  export_share (server, 7, "a", 443);
  export_share (server, 8, "m", 443);
  unexport_share (server, "/share/8");
  settle ();
  g_assert_cmpuint (changes.calls, ==, 1);
  g_assert_cmpuint (g_list_model_get_n_items (list), ==, 5);
  g_assert_cmpstr (get_name (list, 0), ==, "a");
  g_assert_cmpstr (get_name (list, 4), ==, "z");
  funnel_share_model_follow (model, NULL);
  g_assert_cmpuint (g_list_model_get_n_items (list), ==, 0);
  g_assert_null (g_list_model_get_item (list, 0));
  /* Nobody is followed any more. */
  changes.calls = 0;
  export_share (server, 5, "a", 443);
  settle ();
  g_assert_cmpuint (changes.calls, ==, 0);
}

/* --- Coming and going --- */

static GSubprocess *
start_peer (const char *version)
{
  g_autoptr (GSubprocessLauncher) launcher
      = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDIN_PIPE);
  GSubprocess *peer = NULL;
  g_autoptr (GError) error = NULL;

  if (version)
    g_subprocess_launcher_setenv (launcher, "PEER_VERSION", version, TRUE);
  peer = g_subprocess_launcher_spawn (launcher, &error, g_getenv ("PEER_DAEMON"), NULL);
  g_assert_no_error (error);
  return peer;
}

static void
end_peer (GSubprocess *peer)
{
  g_subprocess_force_exit (peer);
  g_assert_true (g_subprocess_wait (peer, NULL, NULL));
  g_object_unref (peer);
}

static void
store_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  *(GAsyncResult **)data = g_object_ref (result);
}

static void
share_something (FunnelConnection *connection)
{
  FunnelClient *client = funnel_connection_get_client (connection);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;

  funnel_client_share_async (client, "3000", NULL, NULL, store_cb, &result);
  while (!result)
    g_main_context_iteration (NULL, TRUE);
  path = funnel_client_share_finish (client, result, &error);
  g_assert_no_error (error);
}

/* The daemon cannot be started, comes by itself, dies, comes back: what is shown is never older
 * than what is there. */
static void
test_life (void)
{
  g_autoptr (FunnelConnection) connection = funnel_connection_new (G_BUS_TYPE_SESSION);
  GSubprocess *peer = NULL;

  g_assert_false (funnel_connection_has_data (connection));
  funnel_connection_start (connection);
  await_state (connection, FUNNEL_CONNECTION_MISSING, "the daemon to be missing");
  g_assert_cmpstr (funnel_connection_get_message (connection), !=, "");
  g_assert_null (funnel_connection_ref_ingress (connection));
  peer = start_peer (NULL);
  await_state (connection, FUNNEL_CONNECTION_READY, "the daemon to be found");
  g_assert_cmpstr (funnel_connection_get_message (connection), ==, "");
  share_something (connection);
  await_shares (connection, 1);
  end_peer (peer);
  await_state (connection, FUNNEL_CONNECTION_MISSING, "the daemon to be missed");
  await_shares (connection, 0);
  peer = start_peer (NULL);
  await_state (connection, FUNNEL_CONNECTION_READY, "the daemon to come back");
  await_shares (connection, 0);
  end_peer (peer);
  await_state (connection, FUNNEL_CONNECTION_MISSING, "the daemon to be missed again");
  peer = start_peer ("0.0.9");
  await_state (connection, FUNNEL_CONNECTION_OUTDATED, "an old daemon to be found");
  g_assert_true (funnel_connection_has_data (connection));
  end_peer (peer);
}

static void
test_no_bus (void)
{
  g_autoptr (FunnelConnection) connection = funnel_connection_new (G_BUS_TYPE_SYSTEM);

  g_setenv ("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus", TRUE);
  funnel_connection_start (connection);
  await_state (connection, FUNNEL_CONNECTION_NO_BUS, "the bus to be missing");
  g_assert_cmpstr (funnel_connection_get_message (connection), !=, "");
  g_assert_null (funnel_connection_get_client (connection));
}

int
main (int argc, char **argv)
{
  g_autoptr (GTestDBus) bus = g_test_dbus_new (G_TEST_DBUS_NONE);
  int status = 0;

  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/client/connection/versions", test_versions);
  g_test_add_func ("/client/connection/list", test_list);
  g_test_add_func ("/client/connection/life", test_life);
  g_test_add_func ("/client/connection/no-bus", test_no_bus);
  g_test_dbus_up (bus);
  status = g_test_run ();
  g_test_dbus_stop (bus);
  return status;
}
