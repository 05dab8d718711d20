/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/tray/status-notifier-item.h"

#define INTERFACE "org.kde.StatusNotifierItem"
#define WATCHER "org.kde.StatusNotifierWatcher"
#define WATCHER_PATH "/StatusNotifierWatcher"
#define WATCHER_DEADLINE 10000 /* milliseconds */
#define TOKEN_BYTES 1024       /* longer ones are not taken */

static const char INTROSPECTION[]
    = "<node><interface name='" INTERFACE "'>"
      "<property name='Category' type='s' access='read'/>"
      "<property name='Id' type='s' access='read'/>"
      "<property name='Title' type='s' access='read'/>"
      "<property name='Status' type='s' access='read'/>"
      "<property name='WindowId' type='i' access='read'/>"
      "<property name='IconThemePath' type='s' access='read'/>"
      "<property name='IconName' type='s' access='read'/>"
      "<property name='IconPixmap' type='a(iiay)' access='read'/>"
      "<property name='OverlayIconName' type='s' access='read'/>"
      "<property name='OverlayIconPixmap' type='a(iiay)' access='read'/>"
      "<property name='AttentionIconName' type='s' access='read'/>"
      "<property name='AttentionIconPixmap' type='a(iiay)' access='read'/>"
      "<property name='AttentionMovieName' type='s' access='read'/>"
      "<property name='ToolTip' type='(sa(iiay)ss)' access='read'/>"
      "<property name='ItemIsMenu' type='b' access='read'/>"
      "<property name='Menu' type='o' access='read'/>"
      "<method name='ContextMenu'><arg name='x' type='i' direction='in'/>"
      "<arg name='y' type='i' direction='in'/></method>"
      "<method name='Activate'><arg name='x' type='i' direction='in'/>"
      "<arg name='y' type='i' direction='in'/></method>"
      "<method name='SecondaryActivate'><arg name='x' type='i' direction='in'/>"
      "<arg name='y' type='i' direction='in'/></method>"
      "<method name='Scroll'><arg name='delta' type='i' direction='in'/>"
      "<arg name='orientation' type='s' direction='in'/></method>"
      "<method name='ProvideXdgActivationToken'><arg name='token' type='s' "
      "direction='in'/></method>"
      "<signal name='NewTitle'/><signal name='NewIcon'/><signal name='NewAttentionIcon'/>"
      "<signal name='NewOverlayIcon'/><signal name='NewToolTip'/>"
      "<signal name='NewStatus'><arg name='status' type='s'/></signal>"
      "</interface></node>";

struct _FunnelStatusNotifierItem
{
  GObject parent_instance;
  GDBusConnection *connection;
  GCancellable *cancellable; /* of the calls to the watcher there is now */
  char *id;
  char *title;
  char *menu_path;
  char *text;
  char *token;
  FunnelTrayState state;
  guint registration;
  guint watch;
  guint hosts_subscription;
  gboolean registered; /* the watcher there is has taken the item */
  gboolean host;       /* it has a panel */
};

enum
{
  SIGNAL_ACTIVATE,
  N_SIGNALS
};

enum
{
  PROP_HOSTED = 1,
  N_PROPS
};

static guint signals[N_SIGNALS];
static GParamSpec *properties[N_PROPS];

G_DEFINE_FINAL_TYPE (FunnelStatusNotifierItem, funnel_status_notifier_item, G_TYPE_OBJECT)

gboolean
funnel_status_notifier_item_get_hosted (FunnelStatusNotifierItem *self)
{
  g_return_val_if_fail (FUNNEL_IS_STATUS_NOTIFIER_ITEM (self), FALSE);
  return self->registered && self->host;
}

static void
set_hosted (FunnelStatusNotifierItem *self, gboolean registered, gboolean host)
{
  gboolean before = self->registered && self->host;

  self->registered = registered;
  self->host = host;
  if (before != (registered && host))
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_HOSTED]);
}

/* --- The watcher --- */

static void
register_item_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (FunnelStatusNotifierItem) self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer
      = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  if (!answer)
    g_info ("the panel does not take the icon: %s", error->message);
  set_hosted (self, answer != NULL, self->host);
}

/* A watcher that does not say whether it has a panel is taken for one. */
static void
get_host_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (FunnelStatusNotifierItem) self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GVariant) answer
      = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  gboolean host = TRUE;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  if (answer)
    g_variant_get (answer, "(v)", &value);
  if (value && g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN))
    host = g_variant_get_boolean (value);
  set_hosted (self, self->registered, host);
}

static void
ask_host (FunnelStatusNotifierItem *self)
{
  g_dbus_connection_call (self->connection, WATCHER, WATCHER_PATH,
                          "org.freedesktop.DBus.Properties", "Get",
                          g_variant_new ("(ss)", WATCHER, "IsStatusNotifierHostRegistered"),
                          G_VARIANT_TYPE ("(v)"), G_DBUS_CALL_FLAGS_NO_AUTO_START, WATCHER_DEADLINE,
                          self->cancellable, get_host_cb, g_object_ref (self));
}

static void
forget_watcher (FunnelStatusNotifierItem *self)
{
  g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
}

static void
on_watcher_appeared (GDBusConnection *connection,
                     const char *name,
                     const char *owner,
                     gpointer data)
{
  FunnelStatusNotifierItem *self = data;

  forget_watcher (self);
  self->cancellable = g_cancellable_new ();
  set_hosted (self, FALSE, FALSE);
  g_dbus_connection_call (connection, WATCHER, WATCHER_PATH, WATCHER, "RegisterStatusNotifierItem",
                          g_variant_new ("(s)", g_dbus_connection_get_unique_name (connection)),
                          NULL, G_DBUS_CALL_FLAGS_NO_AUTO_START, WATCHER_DEADLINE,
                          self->cancellable, register_item_cb, g_object_ref (self));
  ask_host (self);
}

static void
on_watcher_vanished (GDBusConnection *connection, const char *name, gpointer data)
{
  FunnelStatusNotifierItem *self = data;

  forget_watcher (self);
  set_hosted (self, FALSE, FALSE);
}

/* Some say how many there are left by the property only, so it is asked for whenever one comes or
 * goes. */
static void
on_hosts_changed (GDBusConnection *connection,
                  const char *sender,
                  const char *path,
                  const char *interface,
                  const char *name,
                  GVariant *parameters,
                  gpointer data)
{
  FunnelStatusNotifierItem *self = data;

  if (self->cancellable && g_str_has_prefix (name, "StatusNotifierHost"))
    ask_host (self);
}

/* --- What panels ask --- */

static const char *
status_of (FunnelStatusNotifierItem *self)
{
  return self->state == FUNNEL_TRAY_ATTENTION ? "NeedsAttention" : "Active";
}

static GVariant *
make_tool_tip (FunnelStatusNotifierItem *self)
{
  return g_variant_new ("(s@a(iiay)ss)", "",
                        g_variant_new_array (G_VARIANT_TYPE ("(iiay)"), NULL, 0), self->title,
                        self->text ? self->text : "");
}

static GVariant *
on_get_property (GDBusConnection *connection,
                 const char *sender,
                 const char *path,
                 const char *interface,
                 const char *name,
                 GError **error,
                 gpointer data)
{
  FunnelStatusNotifierItem *self = data;

  if (g_str_equal (name, "Category"))
    return g_variant_new_string ("Communications");
  if (g_str_equal (name, "Id"))
    return g_variant_new_string (self->id);
  if (g_str_equal (name, "Title"))
    return g_variant_new_string (self->title);
  if (g_str_equal (name, "Status"))
    return g_variant_new_string (status_of (self));
  if (g_str_equal (name, "WindowId"))
    return g_variant_new_int32 (0);
  if (g_str_equal (name, "IconName"))
    return g_variant_new_string (funnel_tray_icon_name (self->state));
  if (g_str_equal (name, "IconPixmap"))
    return funnel_tray_icon_pixmaps (self->state);
  if (g_str_equal (name, "AttentionIconName"))
    return g_variant_new_string (funnel_tray_icon_name (FUNNEL_TRAY_ATTENTION));
  if (g_str_equal (name, "AttentionIconPixmap"))
    return funnel_tray_icon_pixmaps (FUNNEL_TRAY_ATTENTION);
  if (g_str_equal (name, "OverlayIconPixmap"))
    return g_variant_new_array (G_VARIANT_TYPE ("(iiay)"), NULL, 0);
  if (g_str_equal (name, "ToolTip"))
    return make_tool_tip (self);
  if (g_str_equal (name, "ItemIsMenu"))
    return g_variant_new_boolean (FALSE);
  if (g_str_equal (name, "Menu"))
    return g_variant_new_object_path (self->menu_path);
  return g_variant_new_string (""); /* OverlayIconName, AttentionMovieName, IconThemePath */
}

static void
on_method_call (GDBusConnection *connection,
                const char *sender,
                const char *path,
                const char *interface,
                const char *method,
                GVariant *parameters,
                GDBusMethodInvocation *invocation,
                gpointer data)
{
  g_autoptr (FunnelStatusNotifierItem) self = g_object_ref (data);
  const char *token;

  if (g_str_equal (method, "ProvideXdgActivationToken"))
    {
      g_variant_get (parameters, "(&s)", &token);
      g_free (self->token);
      self->token = strlen (token) <= TOKEN_BYTES ? g_strdup (token) : NULL;
    }
  /* A panel that shows the menu itself does not call ContextMenu; scrolling means nothing here. */
  g_dbus_method_invocation_return_value (invocation, NULL);
  if (g_str_equal (method, "Activate") || g_str_equal (method, "SecondaryActivate"))
    {
      g_autofree char *once = g_steal_pointer (&self->token);

      g_signal_emit (self, signals[SIGNAL_ACTIVATE], 0, once ? once : "");
    }
}

static const GDBusInterfaceVTable vtable = {on_method_call, on_get_property, NULL, {NULL}};

static GDBusInterfaceInfo *
interface_info (void)
{
  static GDBusNodeInfo *node;

  if (g_once_init_enter (&node))
    g_once_init_leave (&node, g_dbus_node_info_new_for_xml (INTROSPECTION, NULL));
  return node->interfaces[0];
}

static void
send_signal (FunnelStatusNotifierItem *self, const char *name, GVariant *parameters)
{
  /* Fails only when the connection is closed: nobody is there to be told. */
  g_dbus_connection_emit_signal (self->connection, NULL, FUNNEL_STATUS_NOTIFIER_ITEM_PATH,
                                 INTERFACE, name, parameters, NULL);
}

void
funnel_status_notifier_item_set (FunnelStatusNotifierItem *self,
                                 FunnelTrayState state,
                                 const char *text)
{
  FunnelTrayState before;

  g_return_if_fail (FUNNEL_IS_STATUS_NOTIFIER_ITEM (self));
  if (g_strcmp0 (self->text, text) != 0)
    {
      g_free (self->text);
      self->text = g_strdup (text);
      send_signal (self, "NewToolTip", NULL);
    }
  if (self->state == state)
    return;
  before = self->state;
  self->state = state;
  send_signal (self, "NewIcon", NULL);
  if (before == FUNNEL_TRAY_ATTENTION || state == FUNNEL_TRAY_ATTENTION)
    send_signal (self, "NewStatus", g_variant_new ("(s)", status_of (self)));
}

FunnelStatusNotifierItem *
funnel_status_notifier_item_new (GDBusConnection *connection,
                                 const char *id,
                                 const char *title,
                                 const char *menu_path,
                                 GError **error)
{
  g_autoptr (FunnelStatusNotifierItem) self = NULL;

  g_return_val_if_fail (G_IS_DBUS_CONNECTION (connection), NULL);
  self = g_object_new (FUNNEL_TYPE_STATUS_NOTIFIER_ITEM, NULL);
  self->connection = g_object_ref (connection);
  self->id = g_strdup (id);
  self->title = g_strdup (title);
  self->menu_path = g_strdup (menu_path);
  self->registration = g_dbus_connection_register_object (
      connection, FUNNEL_STATUS_NOTIFIER_ITEM_PATH, interface_info (), &vtable, self, NULL, error);
  if (!self->registration)
    return NULL;
  self->hosts_subscription
      = g_dbus_connection_signal_subscribe (connection, WATCHER, WATCHER, NULL, WATCHER_PATH, NULL,
                                            G_DBUS_SIGNAL_FLAGS_NONE, on_hosts_changed, self, NULL);
  self->watch
      = g_bus_watch_name_on_connection (connection, WATCHER, G_BUS_NAME_WATCHER_FLAGS_NONE,
                                        on_watcher_appeared, on_watcher_vanished, self, NULL);
  return g_steal_pointer (&self);
}

static void
funnel_status_notifier_item_get_property (GObject *object,
                                          guint id,
                                          GValue *value,
                                          GParamSpec *spec)
{
  g_value_set_boolean (
      value, funnel_status_notifier_item_get_hosted (FUNNEL_STATUS_NOTIFIER_ITEM (object)));
}

static void
funnel_status_notifier_item_dispose (GObject *object)
{
  FunnelStatusNotifierItem *self = FUNNEL_STATUS_NOTIFIER_ITEM (object);

  forget_watcher (self);
  g_clear_handle_id (&self->watch, g_bus_unwatch_name);
  if (self->hosts_subscription)
    g_dbus_connection_signal_unsubscribe (self->connection, self->hosts_subscription);
  self->hosts_subscription = 0;
  if (self->registration)
    g_dbus_connection_unregister_object (self->connection, self->registration);
  self->registration = 0;
  G_OBJECT_CLASS (funnel_status_notifier_item_parent_class)->dispose (object);
}

static void
funnel_status_notifier_item_finalize (GObject *object)
{
  FunnelStatusNotifierItem *self = FUNNEL_STATUS_NOTIFIER_ITEM (object);

  g_clear_object (&self->connection);
  g_free (self->id);
  g_free (self->title);
  g_free (self->menu_path);
  g_free (self->text);
  g_free (self->token);
  G_OBJECT_CLASS (funnel_status_notifier_item_parent_class)->finalize (object);
}

static void
funnel_status_notifier_item_class_init (FunnelStatusNotifierItemClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = funnel_status_notifier_item_get_property;
  object_class->dispose = funnel_status_notifier_item_dispose;
  object_class->finalize = funnel_status_notifier_item_finalize;
  properties[PROP_HOSTED] = g_param_spec_boolean ("hosted", NULL, NULL, FALSE,
                                                  G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);
  signals[SIGNAL_ACTIVATE] = g_signal_new ("activate", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST,
                                           0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
}

static void
funnel_status_notifier_item_init (FunnelStatusNotifierItem *self)
{
  self->state = FUNNEL_TRAY_OFF;
}
