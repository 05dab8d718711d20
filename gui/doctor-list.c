/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/doctor-list.h"

#include <glib/gi18n.h>

#include "gui/focus.h"
#include "gui/labels.h"
#include "gui/tell.h"

#define STEPS_MAX 200

struct _FunnelDoctorList
{
  AdwBin parent_instance;
  FunnelConnection *connection;
  char *name;            /* NULL: everything */
  GCancellable *looking; /* NULL: not under way */
  gboolean had_focus;    /* the button, when it was switched off */
  GPtrArray *rows;
  AdwPreferencesGroup *group;
  GtkWidget *examine;
};

G_DEFINE_FINAL_TYPE (FunnelDoctorList, funnel_doctor_list, ADW_TYPE_BIN)

static void
clear_rows (FunnelDoctorList *self)
{
  for (guint i = 0; i < self->rows->len; i++)
    adw_preferences_group_remove (self->group, g_ptr_array_index (self->rows, i));
  g_ptr_array_set_size (self->rows, 0);
}

/* Whether another look may be asked for. What is switched off loses the keyboard, and gets it back
 * unless it went elsewhere meanwhile. */
static void
allow (FunnelDoctorList *self, gboolean allowed)
{
  GtkRoot *root = gtk_widget_get_root (GTK_WIDGET (self));

  if (!allowed)
    self->had_focus = funnel_focus_is_in (self->examine);
  gtk_widget_set_sensitive (self->examine, allowed);
  if (allowed && self->had_focus && root && !gtk_root_get_focus (root))
    gtk_widget_grab_focus (self->examine);
}

static const char *
lookup (GVariant *step, const char *key)
{
  const char *text = "";

  g_variant_lookup (step, key, "&s", &text);
  return text;
}

static void
add_step (FunnelDoctorList *self, GVariant *step)
{
  FunnelLook look = funnel_look_doctor (lookup (step, "result"));
  g_autofree char *name = funnel_words_step (lookup (step, "step"));
  g_autofree char *subject = funnel_words_clean (lookup (step, "subject"));
  g_autofree char *text = funnel_words_say (lookup (step, "text"));
  g_autofree char *advice = funnel_words_say (lookup (step, "advice"));
  g_autofree char *title = g_strdup_printf ("%s%s%s", name, *subject ? " · " : "", subject);
  g_autofree char *found = g_strdup_printf ("%s%s%s", text, *advice ? "\n" : "", advice);
  g_autofree char *title_markup = g_markup_escape_text (title, -1);
  g_autofree char *found_markup = g_markup_escape_text (found, -1);
  GtkWidget *row = adw_action_row_new (), *icon = gtk_image_new_from_icon_name (look.icon);

  gtk_widget_add_css_class (icon, funnel_tone_class (look.tone));
  adw_action_row_add_prefix (ADW_ACTION_ROW (row), icon);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), title_markup);
  adw_action_row_set_subtitle (ADW_ACTION_ROW (row), found_markup);
  adw_preferences_group_add (self->group, row);
  g_ptr_array_add (self->rows, row);
}

static void
doctor_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (FunnelDoctorList) self = data;
  g_autoptr (GVariant) steps = NULL;
  GError *error = NULL;

  funnel_dbus_manager_call_doctor_finish (FUNNEL_DBUS_MANAGER (source), &steps, result, &error);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      g_error_free (error);
      return;
    }
  g_clear_object (&self->looking);
  allow (self, TRUE);
  funnel_tell_error (GTK_WIDGET (self), error);
  clear_rows (self);
  for (gsize i = 0; steps && i < MIN (g_variant_n_children (steps), STEPS_MAX); i++)
    {
      g_autoptr (GVariant) step = g_variant_get_child_value (steps, i);

      add_step (self, step);
    }
}

static void
on_examine (FunnelDoctorList *self)
{
  FunnelClient *client = funnel_connection_get_client (self->connection);
  GVariantDict options;

  if (!client || self->looking)
    return;
  g_variant_dict_init (&options, NULL);
  g_variant_dict_insert (&options, "client-version", "s", FUNNEL_VERSION);
  if (self->name)
    g_variant_dict_insert (&options, "name", "s", self->name);
  self->looking = g_cancellable_new ();
  allow (self, FALSE);
  funnel_dbus_manager_call_doctor (funnel_client_get_manager (client),
                                   g_variant_dict_end (&options), self->looking, doctor_cb,
                                   g_object_ref (self));
}

static void
forget (FunnelDoctorList *self)
{
  if (self->looking)
    g_cancellable_cancel (self->looking);
  g_clear_object (&self->looking);
  g_clear_pointer (&self->name, g_free);
}

void
funnel_doctor_list_set_name (FunnelDoctorList *self, const char *name)
{
  g_return_if_fail (FUNNEL_IS_DOCTOR_LIST (self));
  forget (self);
  self->name = g_strdup (name);
  clear_rows (self);
  gtk_widget_set_sensitive (self->examine, TRUE);
}

void
funnel_doctor_list_set_connection (FunnelDoctorList *self, FunnelConnection *connection)
{
  g_return_if_fail (FUNNEL_IS_DOCTOR_LIST (self));
  self->connection = g_object_ref (connection);
}

static void
funnel_doctor_list_dispose (GObject *object)
{
  FunnelDoctorList *self = FUNNEL_DOCTOR_LIST (object);

  forget (self);
  g_clear_object (&self->connection);
  g_clear_pointer (&self->rows, g_ptr_array_unref);
  G_OBJECT_CLASS (funnel_doctor_list_parent_class)->dispose (object);
}

static void
funnel_doctor_list_class_init (FunnelDoctorListClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = funnel_doctor_list_dispose;
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/org/openfunnel/Funnel/doctor-list.ui");
  gtk_widget_class_bind_template_child (widget_class, FunnelDoctorList, group);
  gtk_widget_class_bind_template_child (widget_class, FunnelDoctorList, examine);
  gtk_widget_class_bind_template_callback (widget_class, on_examine);
}

static void
funnel_doctor_list_init (FunnelDoctorList *self)
{
  self->rows = g_ptr_array_new ();
  gtk_widget_init_template (GTK_WIDGET (self));
}
