/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/mount-window.h"

#include <glib/gi18n.h>

#include "gui/labels.h"
#include "gui/publish.h"
#include "gui/spoken.h"

/* Of the combo of host names; what was set elsewhere to another name is the third. */
enum
{
  HOST_KEEP,
  HOST_TARGET,
  HOST_OTHER,
};

struct _FunnelMountWindow
{
  AdwWindow parent_instance;
  FunnelConnection *connection;
  FunnelDBusShare *share;
  GVariant *mount; /* NULL: a new path */
  GCancellable *closed;
  AdwEntryRow *path;
  AdwEntryRow *target;
  AdwExpanderRow *more;
  AdwComboRow *host_header;
  GtkWidget *keep_prefix_row;
  GtkSwitch *keep_prefix;
  GtkWidget *listing_row;
  GtkSwitch *listing;
  AdwComboRow *proxy_protocol;
  GtkLabel *problem;
  GtkWidget *save;
};

G_DEFINE_FINAL_TYPE (FunnelMountWindow, funnel_mount_window, ADW_TYPE_WINDOW)

static const char *
get_text (AdwEntryRow *row)
{
  return gtk_editable_get_text (GTK_EDITABLE (row));
}

/* A text of the mount that is changed; "" when there is none. */
static const char *
get_old (FunnelMountWindow *self, const char *key)
{
  const char *text = "";

  if (self->mount)
    g_variant_lookup (self->mount, key, "&s", &text);
  return text;
}

static gboolean
was_set (FunnelMountWindow *self, const char *key)
{
  gboolean set = FALSE;

  if (self->mount)
    g_variant_lookup (self->mount, key, "b", &set);
  return set;
}

static gboolean
is_http (FunnelMountWindow *self)
{
  return g_strcmp0 (funnel_dbus_share_get_kind (self->share), "https") == 0;
}

/* --- Saving --- */

static void
publish_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (FunnelMountWindow) self = data;
  g_autoptr (GError) error = NULL;
  g_autofree char *path = funnel_publish_finish (result, &error);
  g_autofree char *words = NULL;

  if (g_cancellable_is_cancelled (self->closed))
    return;
  if (path)
    {
      gtk_window_close (GTK_WINDOW (self));
      return;
    }
  gtk_widget_set_sensitive (self->save, TRUE);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  words = funnel_words_sentence (error->message);
  gtk_label_set_text (self->problem, words);
  gtk_widget_set_visible (GTK_WIDGET (self->problem), TRUE);
}

static void
add_http (FunnelMountWindow *self, GVariantDict *how)
{
  guint host = adw_combo_row_get_selected (self->host_header);

  if (gtk_switch_get_active (self->keep_prefix))
    g_variant_dict_insert (how, "keep-prefix", "b", TRUE);
  if (gtk_switch_get_active (self->listing))
    g_variant_dict_insert (how, "listing", "b", TRUE);
  if (host == HOST_TARGET)
    g_variant_dict_insert (how, "host-header", "s", "target");
  if (host == HOST_OTHER)
    g_variant_dict_insert (how, "host-header", "s", get_old (self, "host-header"));
}

/* What was permitted for a target is for that target. */
static void
add_permission (FunnelMountWindow *self, GVariantDict *how)
{
  static const char *const keys[] = {"lan", "force"};

  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    if (was_set (self, keys[i]) && g_str_equal (get_text (self->target), get_old (self, "target")))
      g_variant_dict_insert (how, keys[i], "b", TRUE);
}

/* The target that is at @path; NULL: none. */
static char *
dup_target_at (FunnelMountWindow *self, const char *path)
{
  GVariant *mounts = funnel_dbus_share_get_mounts (self->share);

  for (gsize i = 0; mounts && i < g_variant_n_children (mounts); i++)
    {
      g_autoptr (GVariant) mount = g_variant_get_child_value (mounts, i);
      const char *there = "", *target = "";

      g_variant_lookup (mount, "path", "&s", &there);
      if (g_str_equal (there, path) && g_variant_lookup (mount, "target", "&s", &target))
        return g_strdup (target);
    }
  return NULL;
}

static void
on_save (FunnelMountWindow *self)
{
  g_autoptr (GVariant) options = NULL;
  g_autofree char *used_for = self->mount ? NULL : dup_target_at (self, get_text (self->path));
  FunnelPlace place = {.name = (char *)funnel_dbus_share_get_name (self->share),
                       .port = funnel_dbus_share_get_port (self->share),
                       .used_for = used_for};
  FunnelWish wish = {.target = get_text (self->target),
                     .kind = funnel_dbus_share_get_kind (self->share),
                     .path = self->mount ? get_old (self, "path") : get_text (self->path),
                     .place = &place};
  GVariantDict how;

  if (!gtk_widget_get_sensitive (self->save))
    return;
  g_variant_dict_init (&how, NULL);
  add_permission (self, &how);
  if (is_http (self))
    add_http (self, &how);
  else
    g_variant_dict_insert (&how, "proxy-protocol", "u",
                           adw_combo_row_get_selected (self->proxy_protocol));
  options = g_variant_ref_sink (g_variant_dict_end (&how));
  wish.how = options;
  gtk_widget_set_sensitive (self->save, FALSE);
  gtk_widget_set_visible (GTK_WIDGET (self->problem), FALSE);
  funnel_publish_async (GTK_WIDGET (self), self->connection, &wish, self->closed, publish_cb,
                        g_object_ref (self));
}

static void
on_changed (FunnelMountWindow *self)
{
  gtk_widget_set_sensitive (self->save, *get_text (self->target) && *get_text (self->path) == '/');
}

/* --- The window --- */

static void
show_host_header (FunnelMountWindow *self)
{
  const char *host = get_old (self, "host-header");
  GtkStringList *choices = GTK_STRING_LIST (adw_combo_row_get_model (self->host_header));
  guint chosen = HOST_OTHER;

  if (!*host || g_str_equal (host, "keep"))
    chosen = HOST_KEEP;
  else if (g_str_equal (host, "target"))
    chosen = HOST_TARGET;
  else
    gtk_string_list_append (choices, host);
  adw_combo_row_set_selected (self->host_header, chosen);
}

static void
fill (FunnelMountWindow *self)
{
  gboolean http = is_http (self);

  gtk_editable_set_text (GTK_EDITABLE (self->path), self->mount ? get_old (self, "path") : "/");
  gtk_editable_set_text (GTK_EDITABLE (self->target), get_old (self, "target"));
  gtk_widget_set_visible (GTK_WIDGET (self->path), !self->mount);
  gtk_widget_set_visible (GTK_WIDGET (self->host_header), http);
  gtk_widget_set_visible (self->keep_prefix_row, http);
  gtk_widget_set_visible (self->listing_row, http);
  gtk_widget_set_visible (GTK_WIDGET (self->proxy_protocol), !http);
  show_host_header (self);
  gtk_switch_set_active (self->keep_prefix, was_set (self, "keep-prefix"));
  gtk_switch_set_active (self->listing, was_set (self, "listing"));
  adw_combo_row_set_selected (self->proxy_protocol,
                              MIN (funnel_dbus_share_get_proxy_protocol (self->share), 2));
}

void
funnel_mount_window_show (GtkWidget *widget,
                          FunnelConnection *connection,
                          FunnelDBusShare *share,
                          GVariant *mount)
{
  FunnelMountWindow *self = g_object_new (FUNNEL_TYPE_MOUNT_WINDOW, "transient-for",
                                          gtk_widget_get_root (widget), NULL);

  self->connection = g_object_ref (connection);
  self->share = g_object_ref (share);
  self->mount = mount ? g_variant_ref (mount) : NULL;
  fill (self);
  gtk_widget_grab_focus (GTK_WIDGET (mount ? self->target : self->path));
  gtk_window_present (GTK_WINDOW (self));
}

static void
funnel_mount_window_dispose (GObject *object)
{
  FunnelMountWindow *self = FUNNEL_MOUNT_WINDOW (object);

  g_cancellable_cancel (self->closed);
  g_clear_object (&self->connection);
  g_clear_object (&self->share);
  g_clear_pointer (&self->mount, g_variant_unref);
  G_OBJECT_CLASS (funnel_mount_window_parent_class)->dispose (object);
}

static void
funnel_mount_window_finalize (GObject *object)
{
  g_object_unref (FUNNEL_MOUNT_WINDOW (object)->closed);
  G_OBJECT_CLASS (funnel_mount_window_parent_class)->finalize (object);
}

static void
funnel_mount_window_class_init (FunnelMountWindowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = funnel_mount_window_dispose;
  G_OBJECT_CLASS (klass)->finalize = funnel_mount_window_finalize;
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/org/openfunnel/Funnel/mount-window.ui");
  gtk_widget_class_bind_template_child (widget_class, FunnelMountWindow, path);
  gtk_widget_class_bind_template_child (widget_class, FunnelMountWindow, target);
  gtk_widget_class_bind_template_child (widget_class, FunnelMountWindow, more);
  gtk_widget_class_bind_template_child (widget_class, FunnelMountWindow, host_header);
  gtk_widget_class_bind_template_child (widget_class, FunnelMountWindow, keep_prefix_row);
  gtk_widget_class_bind_template_child (widget_class, FunnelMountWindow, keep_prefix);
  gtk_widget_class_bind_template_child (widget_class, FunnelMountWindow, listing_row);
  gtk_widget_class_bind_template_child (widget_class, FunnelMountWindow, listing);
  gtk_widget_class_bind_template_child (widget_class, FunnelMountWindow, proxy_protocol);
  gtk_widget_class_bind_template_child (widget_class, FunnelMountWindow, problem);
  gtk_widget_class_bind_template_child (widget_class, FunnelMountWindow, save);
  gtk_widget_class_bind_template_callback (widget_class, on_save);
  gtk_widget_class_bind_template_callback (widget_class, on_changed);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_Escape, 0, "window.close", NULL);
}

static void
funnel_mount_window_init (FunnelMountWindow *self)
{
  self->closed = g_cancellable_new ();
  gtk_widget_init_template (GTK_WIDGET (self));
  funnel_spoken_name (GTK_WIDGET (self));
}
