/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/mounts-group.h"

#include <glib/gi18n.h>

#include "gui/focus.h"
#include "gui/labels.h"
#include "gui/mount-window.h"
#include "gui/question.h"
#include "gui/tell.h"

#define MOUNTS_MAX 64

struct _FunnelMountsGroup
{
  AdwPreferencesGroup parent_instance;
  FunnelConnection *connection;
  FunnelDBusShare *share; /* NULL: nothing is shown */
  GPtrArray *rows;
  GVariant *shown; /* what rows were made of */
  GtkWidget *add;
};

G_DEFINE_FINAL_TYPE (FunnelMountsGroup, funnel_mounts_group, ADW_TYPE_PREFERENCES_GROUP)

/* --- Wishes --- */

static void
on_add_clicked (FunnelMountsGroup *self)
{
  if (self->share)
    funnel_mount_window_show (GTK_WIDGET (self), self->connection, self->share, NULL);
}

static void
on_change_clicked (GtkWidget *button, FunnelMountsGroup *self)
{
  if (self->share)
    funnel_mount_window_show (GTK_WIDGET (self), self->connection, self->share,
                              g_object_get_data (G_OBJECT (button), "funnel-mount"));
}

static void
client_unshare_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (FunnelMountsGroup) self = data;
  g_autoptr (GError) error = NULL;

  if (!funnel_client_unshare_finish (FUNNEL_CLIENT (source), result, NULL, &error))
    funnel_tell (GTK_WIDGET (self), error->message);
}

static void
on_remove_response (AdwMessageDialog *dialog, const char *response, FunnelMountsGroup *self)
{
  GVariantDict options;

  if (!self->share || !g_str_equal (response, FUNNEL_QUESTION_YES))
    return;
  g_variant_dict_init (&options, NULL);
  g_variant_dict_insert (&options, "name", "s", funnel_dbus_share_get_name (self->share));
  g_variant_dict_insert (&options, "port", "q", funnel_dbus_share_get_port (self->share));
  g_variant_dict_insert (&options, "path", "s",
                         g_object_get_data (G_OBJECT (dialog), "funnel-path"));
  funnel_client_unshare_async (funnel_connection_get_client (self->connection),
                               g_variant_dict_end (&options), NULL, client_unshare_cb,
                               g_object_ref (self));
}

static void
on_remove_clicked (GtkWidget *button, FunnelMountsGroup *self)
{
  GVariant *mount = g_object_get_data (G_OBJECT (button), "funnel-mount");
  const char *path = "";
  g_autofree char *body = NULL;
  AdwMessageDialog *dialog = NULL;

  g_variant_lookup (mount, "path", "&s", &path);
  /* Translators: a path of an address, such as /blog. */
  body = g_strdup_printf (_ ("Visitors will not find anything at %s any more."), path);
  dialog = funnel_question_new (GTK_WIDGET (self), _ ("Remove this path?"), body, _ ("_Remove"),
                                ADW_RESPONSE_DESTRUCTIVE);
  g_object_set_data_full (G_OBJECT (dialog), "funnel-path", g_strdup (path), g_free);
  g_signal_connect_object (dialog, "response", G_CALLBACK (on_remove_response), self, 0);
  gtk_window_present (GTK_WINDOW (dialog));
}

/* --- Showing --- */

static void
add_button (FunnelMountsGroup *self,
            GtkWidget *row,
            GVariant *mount,
            const char *icon,
            const char *words,
            GCallback on_clicked)
{
  GtkWidget *button = gtk_button_new_from_icon_name (icon);

  gtk_widget_set_tooltip_text (button, words);
  gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL, words,
                                  -1);
  gtk_widget_set_valign (button, GTK_ALIGN_CENTER);
  gtk_widget_add_css_class (button, "flat");
  g_object_set_data_full (G_OBJECT (button), "funnel-mount", g_variant_ref (mount),
                          (GDestroyNotify)g_variant_unref);
  g_signal_connect_object (button, "clicked", on_clicked, self, 0);
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), button);
}

static GtkWidget *
make_row (GVariant *mount)
{
  const char *path = "", *target = "", *problem = "";
  g_autofree char *words = NULL;
  g_autofree char *clean_path = NULL;
  g_autofree char *clean_problem = NULL;
  g_autofree char *subtitle = NULL;
  g_autofree char *markup = NULL;
  GtkWidget *row = adw_action_row_new ();

  g_variant_lookup (mount, "path", "&s", &path);
  g_variant_lookup (mount, "target", "&s", &target);
  g_variant_lookup (mount, "problem", "&s", &problem);
  words = funnel_words_target (target);
  clean_path = funnel_words_clean (path);
  clean_problem = funnel_words_say (problem);
  subtitle = g_strdup_printf ("%s%s%s", words, *clean_problem ? "\n" : "", clean_problem);
  markup = g_markup_escape_text (subtitle, -1);
  adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (row), FALSE);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), clean_path);
  adw_action_row_set_subtitle (ADW_ACTION_ROW (row), markup);
  return row;
}

static void
add_row (FunnelMountsGroup *self, GVariant *mount, gboolean mine, gboolean only)
{
  GtkWidget *row = make_row (mount);
  const char *path = adw_preferences_row_get_title (ADW_PREFERENCES_ROW (row));
  /* Translators: a path of an address, such as /blog. */
  g_autofree char *change = g_strdup_printf (_ ("Change %s"), path);
  g_autofree char *remove = g_strdup_printf (_ ("Remove %s"), path);

  if (mine)
    add_button (self, row, mount, "document-edit-symbolic", change, G_CALLBACK (on_change_clicked));
  if (mine && !only)
    add_button (self, row, mount, "user-trash-symbolic", remove, G_CALLBACK (on_remove_clicked));
  adw_preferences_group_add (ADW_PREFERENCES_GROUP (self), row);
  g_ptr_array_add (self->rows, row);
}

void
funnel_mounts_group_update (FunnelMountsGroup *self)
{
  GVariant *mounts = NULL;
  FunnelFocusPlace place = {0};
  gsize n = 0;
  gboolean mine = FALSE;

  g_return_if_fail (FUNNEL_IS_MOUNTS_GROUP (self));
  mounts = self->share ? funnel_dbus_share_get_mounts (self->share) : NULL;
  if (!mounts || (self->shown && g_variant_equal (mounts, self->shown)))
    return;
  g_clear_pointer (&self->shown, g_variant_unref);
  self->shown = g_variant_ref (mounts);
  place = funnel_focus_find (self->rows);
  for (guint i = 0; i < self->rows->len; i++)
    adw_preferences_group_remove (ADW_PREFERENCES_GROUP (self), g_ptr_array_index (self->rows, i));
  g_ptr_array_set_size (self->rows, 0);
  n = g_variant_n_children (mounts);
  /* One in the foreground belongs to its command. */
  mine = !funnel_dbus_share_get_foreground (self->share);
  gtk_widget_set_visible (
      self->add, mine && g_strcmp0 (funnel_dbus_share_get_kind (self->share), "https") == 0);
  for (gsize i = 0; i < MIN (n, MOUNTS_MAX); i++)
    {
      g_autoptr (GVariant) mount = g_variant_get_child_value (mounts, i);

      add_row (self, mount, mine, n == 1);
    }
  funnel_focus_restore (self->rows, place);
}

void
funnel_mounts_group_set_share (FunnelMountsGroup *self, FunnelDBusShare *share)
{
  g_return_if_fail (FUNNEL_IS_MOUNTS_GROUP (self));
  if (!g_set_object (&self->share, share))
    return;
  g_clear_pointer (&self->shown, g_variant_unref);
  funnel_mounts_group_update (self);
}

void
funnel_mounts_group_set_connection (FunnelMountsGroup *self, FunnelConnection *connection)
{
  g_return_if_fail (FUNNEL_IS_MOUNTS_GROUP (self));
  self->connection = g_object_ref (connection);
}

static void
funnel_mounts_group_dispose (GObject *object)
{
  FunnelMountsGroup *self = FUNNEL_MOUNTS_GROUP (object);

  g_clear_object (&self->share);
  g_clear_object (&self->connection);
  g_clear_pointer (&self->rows, g_ptr_array_unref);
  g_clear_pointer (&self->shown, g_variant_unref);
  G_OBJECT_CLASS (funnel_mounts_group_parent_class)->dispose (object);
}

static void
funnel_mounts_group_class_init (FunnelMountsGroupClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = funnel_mounts_group_dispose;
}

static void
funnel_mounts_group_init (FunnelMountsGroup *self)
{
  self->rows = g_ptr_array_new ();
  self->add = gtk_button_new_from_icon_name ("list-add-symbolic");
  gtk_widget_set_tooltip_text (self->add, _ ("Add a path"));
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->add), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Add a path"), -1);
  gtk_widget_set_valign (self->add, GTK_ALIGN_CENTER);
  gtk_widget_add_css_class (self->add, "flat");
  g_signal_connect_object (self->add, "clicked", G_CALLBACK (on_add_clicked), self,
                           G_CONNECT_SWAPPED);
  adw_preferences_group_set_title (ADW_PREFERENCES_GROUP (self), _ ("What visitors reach"));
  adw_preferences_group_set_header_suffix (ADW_PREFERENCES_GROUP (self), self->add);
}
