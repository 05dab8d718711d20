/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The tray on a private bus, and a panel played by the test: a watcher that comes and goes, and
 * somebody who asks for the menu, well and badly. */

#include "gui/tray/tray.h"
#include "gui/tray/dbus-menu.h"

#define WATCHER "org.kde.StatusNotifierWatcher"
#define MENU "com.canonical.dbusmenu"
#define MENU_PATH "/StatusNotifierItem/menu"
#define DEADLINE 20 /* seconds a wait may take before the test has failed */

static const char WATCHER_XML[]
    = "<node><interface name='" WATCHER "'>"
      "<property name='IsStatusNotifierHostRegistered' type='b' access='read'/>"
      "<method name='RegisterStatusNotifierItem'><arg type='s' direction='in'/></method>"
      "<signal name='StatusNotifierHostRegistered'/><signal name='StatusNotifierHostUnregistered'/>"
      "</interface></node>";

typedef struct
{
  GTestDBus *bus;
  GDBusConnection *panel;
  FunnelTray *tray;
  char *item; /* unique name the tray was registered by last */
  guint registrations;
  gboolean host;
  guint watcher_object;
  char *action; /* of the last wish */
  char *target;
  guint wishes;
  char *token; /* of the last click on the icon */
  GString *heard;
  guint subscription;
} Stage;

static gboolean
on_deadline (gpointer data)
{
  g_error ("waited for too long");
  return G_SOURCE_REMOVE;
}

/* Turns the main loop until it holds. */
#define WAIT(condition)                                                                            \
  G_STMT_START                                                                                     \
  {                                                                                                \
    guint deadline_ = g_timeout_add_seconds (DEADLINE, on_deadline, NULL);                         \
    while (!(condition))                                                                           \
      g_main_context_iteration (NULL, TRUE);                                                       \
    g_source_remove (deadline_);                                                                   \
  }                                                                                                \
  G_STMT_END

static void
on_watcher_call (GDBusConnection *connection,
                 const char *sender,
                 const char *path,
                 const char *interface,
                 const char *method,
                 GVariant *parameters,
                 GDBusMethodInvocation *invocation,
                 gpointer data)
{
  Stage *stage = data;

  g_free (stage->item);
  g_variant_get (parameters, "(s)", &stage->item);
  stage->registrations++;
  g_dbus_method_invocation_return_value (invocation, NULL);
}

static GVariant *
on_watcher_get (GDBusConnection *connection,
                const char *sender,
                const char *path,
                const char *interface,
                const char *name,
                GError **error,
                gpointer data)
{
  return g_variant_new_boolean (((Stage *)data)->host);
}

static const GDBusInterfaceVTable watcher_vtable = {on_watcher_call, on_watcher_get, NULL, {NULL}};

static void
answer_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  *(GAsyncResult **)data = g_object_ref (result);
}

/* A call over the panel's connection, while the main loop serves the tray. */
static GVariant *
call (Stage *stage,
      const char *destination,
      const char *path,
      const char *interface,
      const char *method,
      GVariant *parameters,
      GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  g_dbus_connection_call (stage->panel, destination, path, interface, method, parameters, NULL,
                          G_DBUS_CALL_FLAGS_NONE, DEADLINE * 1000, NULL, answer_cb, &result);
  WAIT (result != NULL);
  return g_dbus_connection_call_finish (stage->panel, result, error);
}

static GVariant *
ask (Stage *stage, const char *method, GVariant *parameters)
{
  g_autoptr (GError) error = NULL;
  GVariant *answer = call (stage, stage->item, MENU_PATH, MENU, method, parameters, &error);

  g_assert_no_error (error);
  return answer;
}

static void
ask_badly (Stage *stage, const char *method, GVariant *parameters, int code)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer
      = call (stage, stage->item, MENU_PATH, MENU, method, parameters, &error);

  g_assert_null (answer);
  g_assert_error (error, G_DBUS_ERROR, code);
}

static GVariant *
get (Stage *stage, const char *name)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer
      = call (stage, stage->item, "/StatusNotifierItem", "org.freedesktop.DBus.Properties", "Get",
              g_variant_new ("(ss)", "org.kde.StatusNotifierItem", name), &error);
  GVariant *value;

  g_assert_no_error (error);
  g_variant_get (answer, "(v)", &value);
  return value;
}

static void
start_watcher (Stage *stage)
{
  g_autoptr (GDBusNodeInfo) node = g_dbus_node_info_new_for_xml (WATCHER_XML, NULL);
  g_autoptr (GVariant) answer = NULL;

  stage->watcher_object
      = g_dbus_connection_register_object (stage->panel, "/StatusNotifierWatcher",
                                           node->interfaces[0], &watcher_vtable, stage, NULL, NULL);
  answer = call (stage, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                 "RequestName", g_variant_new ("(su)", WATCHER, 0), NULL);
  g_assert_nonnull (answer);
}

static void
stop_watcher (Stage *stage)
{
  g_autoptr (GVariant) answer
      = call (stage, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
              "ReleaseName", g_variant_new ("(s)", WATCHER), NULL);

  g_assert_nonnull (answer);
  g_dbus_connection_unregister_object (stage->panel, stage->watcher_object);
  stage->watcher_object = 0;
}

static void
on_wish (FunnelTray *tray, const char *action, const char *target, gpointer data)
{
  Stage *stage = data;

  g_free (stage->action);
  g_free (stage->target);
  stage->action = g_strdup (action);
  stage->target = g_strdup (target);
  stage->wishes++;
}

static void
on_open (FunnelTray *tray, const char *token, gpointer data)
{
  Stage *stage = data;

  g_free (stage->token);
  stage->token = g_strdup (token);
}

static void
on_signal (GDBusConnection *connection,
           const char *sender,
           const char *path,
           const char *interface,
           const char *name,
           GVariant *parameters,
           gpointer data)
{
  g_autofree char *text = g_variant_print (parameters, FALSE);

  g_string_append_printf (((Stage *)data)->heard, "%s%s\n", name, text);
}

static GDBusConnection *
connect_to (const char *address)
{
  g_autoptr (GError) error = NULL;
  GDBusConnection *connection = g_dbus_connection_new_for_address_sync (
      address,
      G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT
          | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
      NULL, NULL, &error);

  g_assert_no_error (error);
  return connection;
}

static void
show (Stage *stage, FunnelTrayShareState state, gsize n_shares)
{
  FunnelTrayShare shares[2]
      = {{"/share/1", "a.example.org", 443, "3000", "https://a.example.org", NULL, state},
         {"/share/2", "b.example.org", 443, "4000", "https://b.example.org", NULL, state}};
  FunnelTrayFacts facts = {.daemon = FUNNEL_TRAY_DAEMON_THERE,
                           .joined = TRUE,
                           .linked = TRUE,
                           .shares = shares,
                           .n_shares = n_shares};

  funnel_tray_set_facts (stage->tray, &facts);
}

static void
set_up (Stage *stage, gconstpointer data)
{
  stage->bus = g_test_dbus_new (G_TEST_DBUS_NONE);
  g_test_dbus_up (stage->bus);
  stage->panel = connect_to (g_test_dbus_get_bus_address (stage->bus));
  stage->host = TRUE;
  stage->heard = g_string_new (NULL);
  stage->tray
      = funnel_tray_new (g_test_dbus_get_bus_address (stage->bus), "test.Funnel", "Funnel", FALSE);
  g_signal_connect (stage->tray, "wish", G_CALLBACK (on_wish), stage);
  g_signal_connect (stage->tray, "open", G_CALLBACK (on_open), stage);
}

/* With a watcher and one active share. */
static void
set_up_shown (Stage *stage, gconstpointer data)
{
  g_autoptr (GVariant) answer = NULL;

  set_up (stage, data);
  start_watcher (stage);
  show (stage, FUNNEL_TRAY_SHARE_ACTIVE, 1);
  WAIT (funnel_tray_get_hosted (stage->tray));
  stage->subscription = g_dbus_connection_signal_subscribe (stage->panel, stage->item, NULL, NULL,
                                                            NULL, NULL, 0, on_signal, stage, NULL);
  answer = get (stage, "Id"); /* the bus knows of it when this is answered */
  g_assert_cmpstr (g_variant_get_string (answer, NULL), ==, "test.Funnel");
}

static void
tear_down (Stage *stage, gconstpointer data)
{
  g_clear_object (&stage->tray);
  if (stage->subscription)
    g_dbus_connection_signal_unsubscribe (stage->panel, stage->subscription);
  if (stage->watcher_object)
    g_dbus_connection_unregister_object (stage->panel, stage->watcher_object);
  g_dbus_connection_close_sync (stage->panel, NULL, NULL);
  g_clear_object (&stage->panel);
  g_test_dbus_down (stage->bus);
  g_clear_object (&stage->bus);
  g_free (stage->item);
  g_free (stage->action);
  g_free (stage->target);
  g_free (stage->token);
  g_string_free (stage->heard, TRUE);
}

static void
test_registers (Stage *stage, gconstpointer data)
{
  g_autoptr (GVariant) icon = NULL;
  g_autoptr (GVariant) menu = NULL;

  g_assert_cmpint (stage->item[0], ==, ':'); /* a sandbox owns no other name */
  g_assert_cmpuint (stage->registrations, ==, 1);
  icon = get (stage, "IconName");
  g_assert_cmpstr (g_variant_get_string (icon, NULL), ==, "org.openfunnel.Funnel-tray-active");
  menu = get (stage, "Menu");
  g_assert_cmpstr (g_variant_get_string (menu, NULL), ==, MENU_PATH);
}

static void
test_watcher_comes_and_goes (Stage *stage, gconstpointer data)
{
  show (stage, FUNNEL_TRAY_SHARE_ACTIVE, 1);
  g_assert_false (funnel_tray_get_hosted (stage->tray));
  start_watcher (stage);
  WAIT (funnel_tray_get_hosted (stage->tray));
  stop_watcher (stage);
  WAIT (!funnel_tray_get_hosted (stage->tray));
  start_watcher (stage);
  WAIT (funnel_tray_get_hosted (stage->tray));
  g_assert_cmpuint (stage->registrations, ==, 2);
}

/* A watcher without a panel, as a session may have, shows nothing. */
static void
test_panel_comes_and_goes (Stage *stage, gconstpointer data)
{
  stage->host = FALSE;
  start_watcher (stage);
  show (stage, FUNNEL_TRAY_SHARE_ACTIVE, 1);
  WAIT (stage->registrations == 1);
  g_assert_false (funnel_tray_get_hosted (stage->tray));
  stage->host = TRUE;
  g_dbus_connection_emit_signal (stage->panel, NULL, "/StatusNotifierWatcher", WATCHER,
                                 "StatusNotifierHostRegistered", NULL, NULL);
  WAIT (funnel_tray_get_hosted (stage->tray));
  stage->host = FALSE;
  g_dbus_connection_emit_signal (stage->panel, NULL, "/StatusNotifierWatcher", WATCHER,
                                 "StatusNotifierHostUnregistered", NULL, NULL);
  WAIT (!funnel_tray_get_hosted (stage->tray));
}

/* Numbers by label, from GetLayout. */
static int
find_line (GVariant *layout, const char *label)
{
  g_autoptr (GVariant) properties = NULL;
  g_autoptr (GVariantIter) children = NULL;
  const char *here;
  GVariant *child;
  int found = -1;
  int id;

  g_variant_get (layout, "(i@a{sv}av)", &id, &properties, &children);
  if (g_variant_lookup (properties, "label", "&s", &here) && g_str_equal (here, label))
    return id;
  while (found < 0 && g_variant_iter_next (children, "v", &child))
    {
      found = find_line (child, label);
      g_variant_unref (child);
    }
  return found;
}

static GVariant *
get_layout (Stage *stage, int id, int depth)
{
  g_autoptr (GVariant) answer = ask (stage, "GetLayout", g_variant_new ("(iias)", id, depth, NULL));

  return g_variant_get_child_value (answer, 1);
}

static void
click (Stage *stage, int id)
{
  g_autoptr (GVariant) answer
      = ask (stage, "Event", g_variant_new ("(isvu)", id, "clicked", g_variant_new_int32 (0), 0));

  g_assert_nonnull (answer);
}

static void
test_click (Stage *stage, gconstpointer data)
{
  g_autoptr (GVariant) layout = get_layout (stage, 0, -1);

  click (stage, find_line (layout, "Copy Address"));
  g_assert_cmpstr (stage->action, ==, "share-copy");
  g_assert_cmpstr (stage->target, ==, "/share/1");
  click (stage, find_line (layout, "Quit"));
  g_assert_cmpstr (stage->action, ==, "quit");
  g_assert_null (stage->target);
  g_assert_cmpuint (stage->wishes, ==, 2);
  /* The line with the state does nothing. */
  click (stage, find_line (layout, "1 share is public"));
  g_assert_cmpuint (stage->wishes, ==, 2);
}

static void
test_depth (Stage *stage, gconstpointer data)
{
  g_autoptr (GVariant) none = get_layout (stage, 0, 0);
  g_autoptr (GVariant) one = get_layout (stage, 0, 1);
  g_autoptr (GVariant) most = get_layout (stage, 0, G_MAXINT32);
  g_autoptr (GVariant) least = get_layout (stage, 0, G_MININT32);

  g_assert_cmpint (find_line (none, "Quit"), ==, -1);
  g_assert_cmpint (find_line (one, "Quit"), >, 0);
  g_assert_cmpint (find_line (one, "Copy Address"), ==, -1);
  g_assert_cmpint (find_line (most, "Copy Address"), >, 0);
  g_assert_true (g_variant_equal (most, least));
}

static void
test_events (Stage *stage, gconstpointer data)
{
  g_autoptr (GVariant) layout = get_layout (stage, 0, -1);
  int copy = find_line (layout, "Copy Address");
  g_autoptr (GVariant) hovered
      = ask (stage, "Event", g_variant_new ("(isvu)", copy, "hovered", g_variant_new_int32 (0), 0));
  g_autoptr (GVariant) group = NULL;
  g_autofree char *text = NULL;
  GVariantBuilder events;

  g_assert_cmpuint (stage->wishes, ==, 0);
  g_variant_builder_init (&events, G_VARIANT_TYPE ("a(isvu)"));
  g_variant_builder_add (&events, "(isvu)", copy, "clicked", g_variant_new_int32 (0), 0);
  g_variant_builder_add (&events, "(isvu)", 31337, "clicked", g_variant_new_int32 (0), 0);
  group = ask (stage, "EventGroup", g_variant_new ("(a(isvu))", &events));
  text = g_variant_print (group, FALSE);
  g_assert_cmpstr (text, ==, "([31337],)");
  g_assert_cmpuint (stage->wishes, ==, 1);
}

static void
test_hostile (Stage *stage, gconstpointer data)
{
  static const int numbers[] = {-1, G_MININT32, G_MAXINT32, 4711};
  GVariantBuilder many;

  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      ask_badly (stage, "GetLayout", g_variant_new ("(iias)", numbers[i], -1, NULL),
                 G_DBUS_ERROR_INVALID_ARGS);
      ask_badly (stage, "GetProperty", g_variant_new ("(is)", numbers[i], "label"),
                 G_DBUS_ERROR_INVALID_ARGS);
      ask_badly (stage, "AboutToShow", g_variant_new ("(i)", numbers[i]),
                 G_DBUS_ERROR_INVALID_ARGS);
      ask_badly (stage, "Event",
                 g_variant_new ("(isvu)", numbers[i], "clicked", g_variant_new_int32 (0), 0),
                 G_DBUS_ERROR_INVALID_ARGS);
    }
  ask_badly (stage, "GetProperty", g_variant_new ("(is)", 0, "nonsense"),
             G_DBUS_ERROR_INVALID_ARGS);
  g_variant_builder_init (&many, G_VARIANT_TYPE ("ai"));
  for (int i = 0; i <= FUNNEL_DBUS_MENU_GROUP; i++)
    g_variant_builder_add (&many, "i", 1);
  ask_badly (stage, "AboutToShowGroup", g_variant_new ("(ai)", &many),
             G_DBUS_ERROR_LIMITS_EXCEEDED);
  g_assert_cmpuint (stage->wishes, ==, 0);
}

/* The same number a thousand times is one answer. */
static void
test_group_properties (Stage *stage, gconstpointer data)
{
  g_autoptr (GVariant) answer = NULL;
  g_autoptr (GVariant) all = NULL;
  g_autoptr (GVariant) entries = NULL;
  g_autoptr (GVariant) all_entries = NULL;
  GVariantBuilder ids;

  g_variant_builder_init (&ids, G_VARIANT_TYPE ("ai"));
  for (int i = 0; i < FUNNEL_DBUS_MENU_GROUP; i++)
    g_variant_builder_add (&ids, "i", i % 2 ? 1 : -5);
  answer = ask (stage, "GetGroupProperties", g_variant_new ("(aias)", &ids, NULL));
  entries = g_variant_get_child_value (answer, 0);
  g_assert_cmpuint (g_variant_n_children (entries), ==, 1);
  all = ask (stage, "GetGroupProperties", g_variant_new ("(aias)", NULL, NULL));
  all_entries = g_variant_get_child_value (all, 0);
  g_assert_cmpuint (g_variant_n_children (all_entries), >, 8);
}

static void
test_announces_changes (Stage *stage, gconstpointer data)
{
  show (stage, FUNNEL_TRAY_SHARE_ATTENTION, 1);
  WAIT (strstr (stage->heard->str, "NewStatus('NeedsAttention',)"));
  g_assert_nonnull (strstr (stage->heard->str, "ItemsPropertiesUpdated"));
  g_assert_nonnull (strstr (stage->heard->str, "NewIcon"));
  g_assert_nonnull (strstr (stage->heard->str, "NewToolTip"));
  g_assert_null (strstr (stage->heard->str, "LayoutUpdated")); /* no line came or went */
  g_string_truncate (stage->heard, 0);
  show (stage, FUNNEL_TRAY_SHARE_ATTENTION, 1);
  show (stage, FUNNEL_TRAY_SHARE_ATTENTION, 2);
  WAIT (strstr (stage->heard->str, "LayoutUpdated(3, 0)"));
  g_assert_null (strstr (stage->heard->str, "NewIcon"));
}

/* A click that was under way while its share ended must not hit another one. */
static void
test_stale_click (Stage *stage, gconstpointer data)
{
  g_autoptr (GVariant) layout = get_layout (stage, 0, -1);
  int copy = find_line (layout, "Copy Address");

  show (stage, FUNNEL_TRAY_SHARE_ACTIVE, 0);
  show (stage, FUNNEL_TRAY_SHARE_ACTIVE, 2);
  ask_badly (stage, "Event", g_variant_new ("(isvu)", copy, "clicked", g_variant_new_int32 (0), 0),
             G_DBUS_ERROR_INVALID_ARGS);
  g_assert_cmpuint (stage->wishes, ==, 0);
}

static void
test_activate (Stage *stage, gconstpointer data)
{
  g_autoptr (GVariant) token
      = call (stage, stage->item, "/StatusNotifierItem", "org.kde.StatusNotifierItem",
              "ProvideXdgActivationToken", g_variant_new ("(s)", "a-token"), NULL);
  g_autoptr (GVariant) first
      = call (stage, stage->item, "/StatusNotifierItem", "org.kde.StatusNotifierItem", "Activate",
              g_variant_new ("(ii)", 18, 16), NULL);
  g_autoptr (GVariant) second = NULL;

  g_assert_cmpstr (stage->token, ==, "a-token");
  second = call (stage, stage->item, "/StatusNotifierItem", "org.kde.StatusNotifierItem",
                 "Activate", g_variant_new ("(ii)", 18, 16), NULL);
  g_assert_cmpstr (stage->token, ==, ""); /* a token is good for once */
}

/* The icon goes with the connection it was announced by. */
static void
test_leaves (Stage *stage, gconstpointer data)
{
  g_autoptr (GVariant) answer = NULL;
  gboolean there = TRUE;

  g_clear_object (&stage->tray);
  while (there)
    {
      g_clear_pointer (&answer, g_variant_unref);
      answer = call (stage, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                     "NameHasOwner", g_variant_new ("(s)", stage->item), NULL);
      g_variant_get (answer, "(b)", &there);
    }
}

static void
test_no_bus (void)
{
  g_autoptr (FunnelTray) tray
      = funnel_tray_new ("unix:path=/nonexistent/bus", "test.Funnel", "Funnel", TRUE);
  FunnelTrayFacts facts = {.daemon = FUNNEL_TRAY_DAEMON_AWAY};

  funnel_tray_set_facts (tray, &facts);
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  g_assert_false (funnel_tray_get_hosted (tray));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, set_up_function, function)                                                       \
  g_test_add ("/gui/tray/" name, Stage, NULL, set_up_function, function, tear_down)
  ADD ("registers", set_up_shown, test_registers);
  ADD ("watcher", set_up, test_watcher_comes_and_goes);
  ADD ("panel", set_up, test_panel_comes_and_goes);
  ADD ("click", set_up_shown, test_click);
  ADD ("depth", set_up_shown, test_depth);
  ADD ("events", set_up_shown, test_events);
  ADD ("hostile", set_up_shown, test_hostile);
  ADD ("group-properties", set_up_shown, test_group_properties);
  ADD ("announces-changes", set_up_shown, test_announces_changes);
  ADD ("stale-click", set_up_shown, test_stale_click);
  ADD ("activate", set_up_shown, test_activate);
  ADD ("leaves", set_up_shown, test_leaves);
  g_test_add_func ("/gui/tray/no-bus", test_no_bus);
  return g_test_run ();
}
