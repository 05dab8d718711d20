/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/client/client.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#include "lib/base/error.h"
#include "lib/base/names.h"

/* A guard against hanging for ever, not an expectation. */
#define PATIENCE_SECONDS 30

/* --- Waiting --- */

static gboolean
give_up_cb (gpointer data)
{
  g_error ("waited %d s for: %s", PATIENCE_SECONDS, (const char *)data);
  return G_SOURCE_REMOVE;
}

static gboolean
look_again_cb (gpointer data)
{
  return G_SOURCE_CONTINUE;
}

/* Looks again at short intervals, since the last reference to a connection may go in GIO's own
 * thread. */
static void
iterate_until (gboolean (*condition) (gpointer), gpointer data, const char *what)
{
  guint patience = g_timeout_add_seconds (PATIENCE_SECONDS, give_up_cb, (gpointer)what);
  guint interval = g_timeout_add (10, look_again_cb, NULL);

  while (!condition (data))
    g_main_context_iteration (NULL, TRUE);
  g_source_remove (interval);
  g_source_remove (patience);
}

static void
store_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  *(GAsyncResult **)data = g_object_ref (result);
}

static gboolean
is_stored (gpointer data)
{
  return *(GAsyncResult **)data != NULL;
}

static GAsyncResult *
await_result (GAsyncResult **result)
{
  iterate_until (is_stored, result, "the answer to a call");
  return *result;
}

static gboolean
is_set (gpointer data)
{
  return *(guint *)data > 0;
}

static gboolean
is_running (gpointer data)
{
  return funnel_client_get_running (data);
}

static gboolean
is_away (gpointer data)
{
  return !funnel_client_get_running (data);
}

/* --- The other side: a bus of our own and a peer on it --- */

typedef struct
{
  GSubprocess *bus;
  GSubprocess *peer;
  GDataInputStream *peer_output;
  FunnelClient *client;
} Fixture;

static void
die_with_parent (gpointer data)
{
  prctl (PR_SET_PDEATHSIG, SIGKILL);
}

static GSubprocess *
spawn (const char *const *argv)
{
  g_autoptr (GSubprocessLauncher) launcher
      = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE);
  g_autoptr (GError) error = NULL;
  GSubprocess *process;

  g_subprocess_launcher_set_child_setup (launcher, die_with_parent, NULL, NULL);
  process = g_subprocess_launcher_spawnv (launcher, argv, &error);
  g_assert_no_error (error);
  return process;
}

static void
start_bus (Fixture *fixture)
{
  const char *const argv[] = {"dbus-daemon", "--session", "--nofork", "--print-address=1", NULL};
  g_autoptr (GDataInputStream) output = NULL;
  g_autofree char *address = NULL;

  fixture->bus = spawn (argv);
  output = g_data_input_stream_new (g_subprocess_get_stdout_pipe (fixture->bus));
  address = g_data_input_stream_read_line (output, NULL, NULL, NULL);
  g_assert_nonnull (address);
  g_setenv ("DBUS_SESSION_BUS_ADDRESS", address, TRUE);
}

static void
expect_line (Fixture *fixture, const char *wanted)
{
  g_autoptr (GError) error = NULL;

  while (TRUE)
    {
      g_autofree char *line
          = g_data_input_stream_read_line (fixture->peer_output, NULL, NULL, &error);

      g_assert_no_error (error);
      g_assert_nonnull (line);
      if (g_str_equal (line, wanted))
        return;
    }
}

static void
start_peer (Fixture *fixture)
{
  const char *const argv[] = {g_getenv ("PEER_DAEMON"), NULL};

  fixture->peer = spawn (argv);
  fixture->peer_output = g_data_input_stream_new (g_subprocess_get_stdout_pipe (fixture->peer));
  expect_line (fixture, "ready");
}

static void
stop_peer (Fixture *fixture)
{
  if (!fixture->peer)
    return;
  g_subprocess_force_exit (fixture->peer);
  g_subprocess_wait (fixture->peer, NULL, NULL);
  g_clear_object (&fixture->peer_output);
  g_clear_object (&fixture->peer);
}

static void
tell_peer (Fixture *fixture, const char *line)
{
  g_autoptr (GError) error = NULL;

  g_output_stream_write_all (g_subprocess_get_stdin_pipe (fixture->peer), line, strlen (line), NULL,
                             NULL, &error);
  g_assert_no_error (error);
  expect_line (fixture, "done");
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  start_bus (fixture);
  if (data)
    start_peer (fixture);
  funnel_client_new_async (G_BUS_TYPE_SESSION, NULL, store_cb, &result);
  fixture->client = funnel_client_new_finish (await_result (&result), &error);
  g_assert_no_error (error);
}

static gboolean
is_null (gpointer data)
{
  return *(gpointer *)data == NULL;
}

/* Nothing may hold on to the client, and the next test needs a new connection. A cancelled call is
 * still on its way for a moment. */
static void
tear_down (Fixture *fixture, gconstpointer data)
{
  GDBusConnection *connection = g_bus_get_sync (G_BUS_TYPE_SESSION, NULL, NULL);
  gpointer client_left = fixture->client;
  gpointer connection_left = connection;

  stop_peer (fixture);
  g_object_add_weak_pointer (G_OBJECT (fixture->client), &client_left);
  g_object_unref (fixture->client);
  iterate_until (is_null, &client_left, "the client to be freed");
  g_object_add_weak_pointer (G_OBJECT (connection), &connection_left);
  g_object_unref (connection);
  iterate_until (is_null, &connection_left, "the connection to be freed");
  g_subprocess_force_exit (fixture->bus);
  g_subprocess_wait (fixture->bus, NULL, NULL);
  g_object_unref (fixture->bus);
}

static char *
share (Fixture *fixture, const char *target, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  funnel_client_share_async (fixture->client, target, NULL, NULL, store_cb, &result);
  return funnel_client_share_finish (fixture->client, await_result (&result), error);
}

/* --- Tests --- */

static void
test_map_error (void)
{
  static const struct
  {
    GDBusError from;
    FunnelError to;
  } rows[] = {
      {G_DBUS_ERROR_SERVICE_UNKNOWN, FUNNEL_ERROR_UNREACHABLE},
      {G_DBUS_ERROR_NO_REPLY, FUNNEL_ERROR_UNREACHABLE},
      {G_DBUS_ERROR_ACCESS_DENIED, FUNNEL_ERROR_NOT_ALLOWED},
      {G_DBUS_ERROR_UNKNOWN_METHOD, FUNNEL_ERROR_UNSUPPORTED},
      {G_DBUS_ERROR_UNKNOWN_OBJECT, FUNNEL_ERROR_NOT_FOUND},
      {G_DBUS_ERROR_SPAWN_FAILED, FUNNEL_ERROR_FAILED},
  };
  g_autoptr (GError) cancelled = NULL;
  g_autoptr (GError) remote = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) mapped
          = funnel_client_map_error (g_error_new_literal (G_DBUS_ERROR, rows[i].from, "why"));
      g_assert_error (mapped, FUNNEL_ERROR, (int)rows[i].to);
    }
  cancelled
      = funnel_client_map_error (g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, "stop"));
  g_assert_error (cancelled, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  (void)FUNNEL_ERROR;
  remote = funnel_client_map_error (g_dbus_error_new_for_dbus_error (
      "org.openfunnel.Funnel.Error.TokenUsed", "the token was used"));
  g_assert_error (remote, FUNNEL_ERROR, FUNNEL_ERROR_TOKEN_USED);
  g_assert_cmpstr (remote->message, ==, "the token was used");
}

static void
test_no_daemon (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GPtrArray) shares = funnel_client_list_shares (fixture->client);
  g_autoptr (GError) start_error = NULL;
  g_autoptr (GError) call_error = NULL;
  g_autofree char *path = NULL;

  g_assert_false (funnel_client_get_running (fixture->client));
  g_assert_null (funnel_client_dup_version (fixture->client));
  g_assert_cmpuint (shares->len, ==, 0);

  funnel_client_start_async (fixture->client, NULL, store_cb, &result);
  g_assert_false (
      funnel_client_start_finish (fixture->client, await_result (&result), &start_error));
  g_assert_error (start_error, FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE);

  path = share (fixture, "3000", &call_error);
  g_assert_null (path);
  g_assert_error (call_error, FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE);
}

static void
test_start_cancelled (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  funnel_client_start_async (fixture->client, cancellable, store_cb, &result);
  g_cancellable_cancel (cancellable);
  g_assert_false (funnel_client_start_finish (fixture->client, await_result (&result), &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static void
test_start_running (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *version = NULL;

  funnel_client_start_async (fixture->client, NULL, store_cb, &result);
  g_assert_true (funnel_client_start_finish (fixture->client, await_result (&result), &error));
  g_assert_no_error (error);
  version = funnel_client_dup_version (fixture->client);
  g_assert_cmpstr (version, ==, "9.9");
}

static gboolean
is_active (gpointer data)
{
  return g_strcmp0 (funnel_dbus_share_get_state (data), "active") == 0;
}

static void
count_cb (FunnelClient *client, guint *count)
{
  ++*count;
}

static void
test_share (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = share (fixture, "3000", &error);
  g_autoptr (FunnelDBusShare) proxy = NULL;
  g_autoptr (GPtrArray) shares = NULL;
  guint changes = 0;

  g_assert_no_error (error);
  proxy = funnel_client_ref_share (fixture->client, path);
  g_assert_nonnull (proxy);
  g_assert_cmpstr (funnel_dbus_share_get_target (proxy), ==, "3000");
  g_assert_cmpstr (funnel_dbus_share_get_state (proxy), ==, "probing");
  shares = funnel_client_list_shares (fixture->client);
  g_assert_cmpuint (shares->len, ==, 1);

  g_signal_connect (fixture->client, "changed", G_CALLBACK (count_cb), &changes);
  tell_peer (fixture, "state\tactive\n");
  iterate_until (is_active, proxy, "state active");
  iterate_until (is_set, &changes, "the changed signal");
  g_assert_cmpstr (funnel_dbus_share_get_reason (proxy), ==, "");
}

static void
test_order (Fixture *fixture, gconstpointer data)
{
  static const char *const wanted[] = {"a", "b:443", "b:8443"};
  static const struct
  {
    const char *name;
    guint16 port;
  } asked[] = {{"b", 8443}, {"a", 443}, {"b", 443}};
  g_autoptr (GPtrArray) shares = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (asked); i++)
    {
      GVariantDict options;
      g_autoptr (GAsyncResult) result = NULL;
      g_autofree char *path = NULL;

      g_variant_dict_init (&options, NULL);
      g_variant_dict_insert (&options, "name", "s", asked[i].name);
      g_variant_dict_insert (&options, "port", "q", asked[i].port);
      funnel_client_share_async (fixture->client, "1", g_variant_dict_end (&options), NULL,
                                 store_cb, &result);
      path = funnel_client_share_finish (fixture->client, await_result (&result), NULL);
      g_assert_nonnull (path);
    }
  shares = funnel_client_list_shares (fixture->client);
  g_assert_cmpuint (shares->len, ==, G_N_ELEMENTS (wanted));
  for (guint i = 0; i < shares->len; i++)
    {
      g_autofree char *url = g_strdup_printf ("https://%s", wanted[i]);
      g_assert_true (
          g_str_has_prefix (funnel_dbus_share_get_url (g_ptr_array_index (shares, i)), url));
    }
}

static void
test_remote_error (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = share (fixture, "refuse://it", &error);

  g_assert_null (path);
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT);
  g_assert_true (g_str_has_prefix (error->message, "must be a URL"));
}

static void
notify_cb (FunnelClient *client, GParamSpec *pspec, guint *count)
{
  ++*count;
}

static void
test_daemon_comes_and_goes (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = NULL;
  guint notified = 0;

  g_signal_connect (fixture->client, "notify::running", G_CALLBACK (notify_cb), &notified);
  start_peer (fixture);
  iterate_until (is_running, fixture->client, "the daemon to appear");
  iterate_until (is_set, &notified, "notify::running");
  path = share (fixture, "3000", NULL);
  g_assert_nonnull (path);

  stop_peer (fixture);
  iterate_until (is_away, fixture->client, "the daemon to vanish");
  g_assert_null (funnel_client_ref_share (fixture->client, path));

  start_peer (fixture);
  iterate_until (is_running, fixture->client, "the daemon to come back");
  g_assert_null (funnel_client_ref_share (fixture->client, path));
}

static void
test_stop_unshare (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = share (fixture, "3000", NULL);
  g_autoptr (FunnelDBusShare) proxy = funnel_client_ref_share (fixture->client, path);
  g_autoptr (GAsyncResult) stopped = NULL;
  g_autoptr (GAsyncResult) unshared = NULL;
  g_autoptr (GError) error = NULL;
  guint count = 7;

  funnel_client_stop_async (fixture->client, proxy, NULL, store_cb, &stopped);
  g_assert_true (funnel_client_stop_finish (fixture->client, await_result (&stopped), &error));
  g_assert_no_error (error);
  funnel_client_unshare_async (fixture->client, g_variant_new ("a{sv}", NULL), NULL, store_cb,
                               &unshared);
  g_assert_false (
      funnel_client_unshare_finish (fixture->client, await_result (&unshared), &count, &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_NOT_FOUND);
  g_assert_cmpuint (count, ==, 7);
}

static void
test_join (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GAsyncResult) joined = NULL;
  g_autoptr (FunnelDBusIngress) ingress = NULL;
  g_autoptr (GPtrArray) ingresses = NULL;
  g_autofree char *path = NULL;

  funnel_client_join_async (fixture->client, "funnel1-x", NULL, store_cb, &joined);
  path = funnel_client_join_finish (fixture->client, await_result (&joined), NULL);
  g_assert_cmpstr (path, ==, FUNNEL_OBJECT_INGRESSES "/1");
  ingress = funnel_client_ref_ingress (fixture->client, path);
  g_assert_nonnull (ingress);
  g_assert_cmpstr (funnel_dbus_ingress_get_engine (ingress), ==, "wireguard-go");
  ingresses = funnel_client_list_ingresses (fixture->client);
  g_assert_cmpuint (ingresses->len, ==, 1);
}

int
main (int argc, char **argv)
{
  static const gboolean with_peer = TRUE;

  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/client/map-error", test_map_error);
  g_test_add ("/client/no-daemon", Fixture, NULL, set_up, test_no_daemon, tear_down);
  g_test_add ("/client/start-cancelled", Fixture, NULL, set_up, test_start_cancelled, tear_down);
  g_test_add ("/client/daemon-comes-and-goes", Fixture, NULL, set_up, test_daemon_comes_and_goes,
              tear_down);
  g_test_add ("/client/start-running", Fixture, &with_peer, set_up, test_start_running, tear_down);
  g_test_add ("/client/share", Fixture, &with_peer, set_up, test_share, tear_down);
  g_test_add ("/client/order", Fixture, &with_peer, set_up, test_order, tear_down);
  g_test_add ("/client/remote-error", Fixture, &with_peer, set_up, test_remote_error, tear_down);
  g_test_add ("/client/stop-unshare", Fixture, &with_peer, set_up, test_stop_unshare, tear_down);
  g_test_add ("/client/join", Fixture, &with_peer, set_up, test_join, tear_down);
  return g_test_run ();
}
