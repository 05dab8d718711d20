/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/tray/dbus-menu.h"

#include "gui/tray/menu-lines.h"

#define INTERFACE "com.canonical.dbusmenu"
#define VERSION 3

static const char INTROSPECTION[]
    = "<node><interface name='" INTERFACE "'>"
      "<property name='Version' type='u' access='read'/>"
      "<property name='TextDirection' type='s' access='read'/>"
      "<property name='Status' type='s' access='read'/>"
      "<property name='IconThemePath' type='as' access='read'/>"
      "<method name='GetLayout'><arg name='parentId' type='i' direction='in'/>"
      "<arg name='recursionDepth' type='i' direction='in'/>"
      "<arg name='propertyNames' type='as' direction='in'/>"
      "<arg name='revision' type='u' direction='out'/>"
      "<arg name='layout' type='(ia{sv}av)' direction='out'/></method>"
      "<method name='GetGroupProperties'><arg name='ids' type='ai' direction='in'/>"
      "<arg name='propertyNames' type='as' direction='in'/>"
      "<arg name='properties' type='a(ia{sv})' direction='out'/></method>"
      "<method name='GetProperty'><arg name='id' type='i' direction='in'/>"
      "<arg name='name' type='s' direction='in'/><arg name='value' type='v' "
      "direction='out'/></method>"
      "<method name='Event'><arg name='id' type='i' direction='in'/>"
      "<arg name='eventId' type='s' direction='in'/><arg name='data' type='v' direction='in'/>"
      "<arg name='timestamp' type='u' direction='in'/></method>"
      "<method name='EventGroup'><arg name='events' type='a(isvu)' direction='in'/>"
      "<arg name='idErrors' type='ai' direction='out'/></method>"
      "<method name='AboutToShow'><arg name='id' type='i' direction='in'/>"
      "<arg name='needUpdate' type='b' direction='out'/></method>"
      "<method name='AboutToShowGroup'><arg name='ids' type='ai' direction='in'/>"
      "<arg name='updatesNeeded' type='ai' direction='out'/>"
      "<arg name='idErrors' type='ai' direction='out'/></method>"
      "<signal name='ItemsPropertiesUpdated'><arg name='updatedProps' type='a(ia{sv})'/>"
      "<arg name='removedProps' type='a(ias)'/></signal>"
      "<signal name='LayoutUpdated'><arg name='revision' type='u'/><arg name='parent' "
      "type='i'/></signal>"
      "<signal name='ItemActivationRequested'><arg name='id' type='i'/>"
      "<arg name='timestamp' type='u'/></signal>"
      "</interface></node>";

struct _FunnelDBusMenu
{
  GObject parent_instance;
  GDBusConnection *connection;
  char *path;
  guint registration;
  gboolean right_to_left;
  gboolean notice;
  guint32 revision;
  FunnelMenuLines *lines;
};

enum
{
  SIGNAL_ACTIVATED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (FunnelDBusMenu, funnel_dbus_menu, G_TYPE_OBJECT)

static void
send_signal (FunnelDBusMenu *self, const char *name, GVariant *parameters)
{
  /* Fails only when the connection is closed: nobody is there to be told. */
  g_dbus_connection_emit_signal (self->connection, NULL, self->path, INTERFACE, name, parameters,
                                 NULL);
}

void
funnel_dbus_menu_set_items (FunnelDBusMenu *self, GPtrArray *items)
{
  g_autoptr (FunnelMenuLines) before = NULL;
  GVariant *changed;
  int parent;

  g_return_if_fail (FUNNEL_IS_DBUS_MENU (self));
  before = self->lines;
  self->lines = funnel_menu_lines_new (before, items);
  changed = funnel_menu_lines_changed_properties (before, self->lines);
  if (changed)
    send_signal (self, "ItemsPropertiesUpdated", changed);
  parent = funnel_menu_lines_changed_parent (before, self->lines);
  if (parent >= 0)
    send_signal (self, "LayoutUpdated", g_variant_new ("(ui)", ++self->revision, parent));
}

void
funnel_dbus_menu_set_notice (FunnelDBusMenu *self, gboolean notice)
{
  GVariantDict changed;

  g_return_if_fail (FUNNEL_IS_DBUS_MENU (self));
  if (self->notice == notice)
    return;
  self->notice = notice;
  g_variant_dict_init (&changed, NULL);
  g_variant_dict_insert_value (&changed, "Status",
                               g_variant_new_string (notice ? "notice" : "normal"));
  g_dbus_connection_emit_signal (
      self->connection, NULL, self->path, "org.freedesktop.DBus.Properties", "PropertiesChanged",
      g_variant_new ("(s@a{sv}as)", INTERFACE, g_variant_dict_end (&changed), NULL), NULL);
}

/* --- What panels ask --- */

/* Of @properties only those named; all when none are. */
static GVariant *
pick (GVariant *properties, const char *const *names)
{
  GVariantDict picked;

  if (!names[0])
    return g_variant_ref (properties);
  g_variant_dict_init (&picked, NULL);
  for (gsize i = 0; names[i]; i++)
    {
      g_autoptr (GVariant) value = g_variant_lookup_value (properties, names[i], NULL);

      if (value)
        g_variant_dict_insert_value (&picked, names[i], value);
    }
  return g_variant_ref_sink (g_variant_dict_end (&picked));
}

/* @depth: levels below the line; negative: all. The tree bounds the recursion, whatever is asked.
 */
static GVariant *
make_layout (FunnelDBusMenu *self, const FunnelMenuLine *line, int depth, const char *const *names)
{
  g_autoptr (GVariant) properties = pick (line->properties, names);
  GVariantBuilder children;

  g_variant_builder_init (&children, G_VARIANT_TYPE ("av"));
  for (guint i = 0; depth != 0 && i < line->children->len; i++)
    {
      const FunnelMenuLine *child
          = funnel_menu_lines_find (self->lines, g_array_index (line->children, int, i));

      g_variant_builder_add (&children, "v",
                             make_layout (self, child, depth < 0 ? depth : depth - 1, names));
    }
  return g_variant_new ("(i@a{sv}av)", line->id, properties, &children);
}

static void
refuse_number (GDBusMethodInvocation *invocation, int id)
{
  g_dbus_method_invocation_return_error (invocation, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS,
                                         "the menu has no item %d", id);
}

/* Returns: false, after having answered, when a list in the call is too long. */
static gboolean
check_group (GVariant *parameters, GDBusMethodInvocation *invocation)
{
  for (gsize i = 0; i < g_variant_n_children (parameters); i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (parameters, i);

      if (!g_variant_is_of_type (child, G_VARIANT_TYPE_ARRAY)
          || g_variant_n_children (child) <= FUNNEL_DBUS_MENU_GROUP)
        continue;
      g_dbus_method_invocation_return_error (invocation, G_DBUS_ERROR, G_DBUS_ERROR_LIMITS_EXCEEDED,
                                             "more than %d in one call", FUNNEL_DBUS_MENU_GROUP);
      return FALSE;
    }
  return TRUE;
}

static void
handle_get_layout (FunnelDBusMenu *self, GVariant *parameters, GDBusMethodInvocation *invocation)
{
  g_autofree const char **names = NULL;
  const FunnelMenuLine *line;
  int id;
  int depth;

  g_variant_get (parameters, "(ii^a&s)", &id, &depth, &names);
  line = funnel_menu_lines_find (self->lines, id);
  if (!line)
    {
      refuse_number (invocation, id);
      return;
    }
  g_dbus_method_invocation_return_value (
      invocation, g_variant_new ("(u@(ia{sv}av))", self->revision,
                                 make_layout (self, line, depth, (const char *const *)names)));
}

static void
add_group_entry (GVariantBuilder *out, const FunnelMenuLine *line, const char *const *names)
{
  g_autoptr (GVariant) properties = pick (line->properties, names);

  g_variant_builder_add (out, "(i@a{sv})", line->id, properties);
}

/* Each number is answered once, however often it is asked for; none: all lines. */
static void
handle_get_group_properties (FunnelDBusMenu *self,
                             GVariant *parameters,
                             GDBusMethodInvocation *invocation)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);
  g_autoptr (GVariantIter) ids = NULL;
  g_autofree const char **names = NULL;
  GVariantBuilder out;
  GHashTableIter lines;
  gpointer line;
  int id;

  g_variant_builder_init (&out, G_VARIANT_TYPE ("a(ia{sv})"));
  g_variant_get (parameters, "(ai^a&s)", &ids, &names);
  if (g_variant_iter_n_children (ids) == 0)
    {
      g_hash_table_iter_init (&lines, self->lines->by_id);
      while (g_hash_table_iter_next (&lines, NULL, &line))
        add_group_entry (&out, line, (const char *const *)names);
    }
  while (g_variant_iter_next (ids, "i", &id))
    if (funnel_menu_lines_find (self->lines, id) && g_hash_table_add (seen, GINT_TO_POINTER (id)))
      add_group_entry (&out, funnel_menu_lines_find (self->lines, id), (const char *const *)names);
  g_dbus_method_invocation_return_value (invocation, g_variant_new ("(a(ia{sv}))", &out));
}

static void
handle_get_property (FunnelDBusMenu *self, GVariant *parameters, GDBusMethodInvocation *invocation)
{
  g_autoptr (GVariant) value = NULL;
  const FunnelMenuLine *line;
  const char *name;
  int id;

  g_variant_get (parameters, "(i&s)", &id, &name);
  line = funnel_menu_lines_find (self->lines, id);
  if (!line)
    {
      refuse_number (invocation, id);
      return;
    }
  value = g_variant_lookup_value (line->properties, name, NULL);
  if (value)
    g_dbus_method_invocation_return_value (invocation, g_variant_new ("(v)", value));
  else
    g_dbus_method_invocation_return_error (invocation, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS,
                                           "item %d has no such property", id);
}

/* Whoever listens may change the menu, so the line is not touched afterwards. */
static void
handle_one_event (FunnelDBusMenu *self, int id, const char *event)
{
  const FunnelMenuLine *line = funnel_menu_lines_find (self->lines, id);

  if (line && line->action && g_str_equal (event, "clicked"))
    {
      g_autofree char *action = g_strdup (line->action);
      g_autofree char *target = g_strdup (line->target);

      g_signal_emit (self, signals[SIGNAL_ACTIVATED], 0, action, target);
    }
}

static void
handle_event (FunnelDBusMenu *self, GVariant *parameters, GDBusMethodInvocation *invocation)
{
  const char *event;
  int id;

  g_variant_get (parameters, "(i&svu)", &id, &event, NULL, NULL);
  if (!funnel_menu_lines_find (self->lines, id))
    {
      refuse_number (invocation, id);
      return;
    }
  g_dbus_method_invocation_return_value (invocation, NULL);
  handle_one_event (self, id, event);
}

static void
handle_event_group (FunnelDBusMenu *self, GVariant *parameters, GDBusMethodInvocation *invocation)
{
  g_autoptr (GVariant) list = g_variant_get_child_value (parameters, 0);
  GVariantIter events;
  GVariantBuilder unknown;
  const char *event;
  int id;

  g_variant_builder_init (&unknown, G_VARIANT_TYPE ("ai"));
  g_variant_iter_init (&events, list);
  while (g_variant_iter_next (&events, "(i&svu)", &id, &event, NULL, NULL))
    if (!funnel_menu_lines_find (self->lines, id))
      g_variant_builder_add (&unknown, "i", id);
  g_dbus_method_invocation_return_value (invocation, g_variant_new ("(ai)", &unknown));
  g_variant_iter_init (&events, list);
  while (g_variant_iter_next (&events, "(i&svu)", &id, &event, NULL, NULL))
    handle_one_event (self, id, event);
}

/* The menu is never behind what is announced, so nothing has to be read again. */
static void
handle_about_to_show (FunnelDBusMenu *self, GVariant *parameters, GDBusMethodInvocation *invocation)
{
  int id;

  g_variant_get (parameters, "(i)", &id);
  if (funnel_menu_lines_find (self->lines, id))
    g_dbus_method_invocation_return_value (invocation, g_variant_new ("(b)", FALSE));
  else
    refuse_number (invocation, id);
}

static void
handle_about_to_show_group (FunnelDBusMenu *self,
                            GVariant *parameters,
                            GDBusMethodInvocation *invocation)
{
  g_autoptr (GVariantIter) ids = NULL;
  GVariantBuilder unknown;
  int id;

  g_variant_builder_init (&unknown, G_VARIANT_TYPE ("ai"));
  g_variant_get (parameters, "(ai)", &ids);
  while (g_variant_iter_next (ids, "i", &id))
    if (!funnel_menu_lines_find (self->lines, id))
      g_variant_builder_add (&unknown, "i", id);
  g_dbus_method_invocation_return_value (invocation, g_variant_new ("(aiai)", NULL, &unknown));
}

static const struct
{
  const char *name;
  void (*handle) (FunnelDBusMenu *self, GVariant *parameters, GDBusMethodInvocation *invocation);
} methods[] = {
    {"GetLayout", handle_get_layout},
    {"GetGroupProperties", handle_get_group_properties},
    {"GetProperty", handle_get_property},
    {"Event", handle_event},
    {"EventGroup", handle_event_group},
    {"AboutToShow", handle_about_to_show},
    {"AboutToShowGroup", handle_about_to_show_group},
};

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
  g_autoptr (FunnelDBusMenu) self = g_object_ref (data);

  if (!check_group (parameters, invocation))
    return;
  for (gsize i = 0; i < G_N_ELEMENTS (methods); i++)
    if (g_str_equal (method, methods[i].name))
      {
        methods[i].handle (self, parameters, invocation);
        return;
      }
  g_dbus_method_invocation_return_error (invocation, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_METHOD,
                                         "no method %s", method);
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
  FunnelDBusMenu *self = data;

  if (g_str_equal (name, "Version"))
    return g_variant_new_uint32 (VERSION);
  if (g_str_equal (name, "TextDirection"))
    return g_variant_new_string (self->right_to_left ? "rtl" : "ltr");
  if (g_str_equal (name, "Status"))
    return g_variant_new_string (self->notice ? "notice" : "normal");
  return g_variant_new_strv (NULL, 0);
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

FunnelDBusMenu *
funnel_dbus_menu_new (GDBusConnection *connection,
                      const char *path,
                      gboolean right_to_left,
                      GError **error)
{
  g_autoptr (FunnelDBusMenu) self = NULL;

  g_return_val_if_fail (G_IS_DBUS_CONNECTION (connection), NULL);
  self = g_object_new (FUNNEL_TYPE_DBUS_MENU, NULL);
  self->connection = g_object_ref (connection);
  self->path = g_strdup (path);
  self->right_to_left = right_to_left;
  self->registration = g_dbus_connection_register_object (connection, path, interface_info (),
                                                          &vtable, self, NULL, error);
  return self->registration ? g_steal_pointer (&self) : NULL;
}

static void
funnel_dbus_menu_finalize (GObject *object)
{
  FunnelDBusMenu *self = FUNNEL_DBUS_MENU (object);

  if (self->registration)
    g_dbus_connection_unregister_object (self->connection, self->registration);
  g_clear_object (&self->connection);
  g_free (self->path);
  g_clear_pointer (&self->lines, funnel_menu_lines_free);
  G_OBJECT_CLASS (funnel_dbus_menu_parent_class)->finalize (object);
}

static void
funnel_dbus_menu_class_init (FunnelDBusMenuClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = funnel_dbus_menu_finalize;
  signals[SIGNAL_ACTIVATED]
      = g_signal_new ("activated", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                      NULL, G_TYPE_NONE, 2, G_TYPE_STRING, G_TYPE_STRING);
}

static void
funnel_dbus_menu_init (FunnelDBusMenu *self)
{
  self->revision = 1;
  self->lines = funnel_menu_lines_new (NULL, NULL);
}
