/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/preferences-window.h"

#include <glib/gi18n.h>

#include "gui/application.h"
#include "gui/preferences.h"

static const struct
{
  const char *object; /* in the .ui file */
  const char *key;
} switches[] = {
    {"start_at_login", FUNNEL_PREFERENCE_START_AT_LOGIN},
    {"show_tray", FUNNEL_PREFERENCE_SHOW_TRAY},
    {"notifications", FUNNEL_PREFERENCE_NOTIFICATIONS},
    {"verbose_log", FUNNEL_PREFERENCE_VERBOSE_LOG},
};

void
funnel_preferences_window_show (GtkWindow *parent, GSettings *preferences)
{
  g_autoptr (GtkBuilder) builder
      = gtk_builder_new_from_resource ("/org/openfunnel/Funnel/preferences-window.ui");
  GtkWindow *window = GTK_WINDOW (gtk_builder_get_object (builder, "window"));

  for (gsize i = 0; i < G_N_ELEMENTS (switches); i++)
    g_settings_bind (preferences, switches[i].key,
                     gtk_builder_get_object (builder, switches[i].object), "active",
                     G_SETTINGS_BIND_DEFAULT);
  if (g_settings_get_boolean (preferences, FUNNEL_PREFERENCE_SHOW_TRAY)
      && !funnel_application_get_tray_there (
          FUNNEL_APPLICATION (gtk_window_get_application (parent))))
    adw_action_row_set_subtitle (ADW_ACTION_ROW (gtk_builder_get_object (builder, "tray_row")),
                                 _ ("This desktop has no panel that shows it; what is published "
                                    "stays so without the window"));
  gtk_window_set_transient_for (window, parent);
  gtk_window_present (window);
}
