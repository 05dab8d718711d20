/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/spoken.h"

#include <adwaita.h>
#include <glib/gi18n.h>

#define KEY "funnel-spoken"

/* A button that shows nothing but a picture says what its tooltip does, which may change. */
static void
show_tooltip (GtkWidget *button)
{
  const char *text = gtk_widget_get_tooltip_text (button);

  if (text)
    gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL, text,
                                    -1);
}

/* GTK's and libadwaita's own buttons of which nothing is told at all. */
static void
name_from_child (GtkButton *button)
{
  static const struct
  {
    const char *icon;
    const char *words; /* as GTK translates them */
  } rows[] = {
      {"edit-find-symbolic", "Search"},
      {"window-close-symbolic", "Close"},
  };
  GtkWidget *child = gtk_button_get_child (button);

  if (GTK_IS_LABEL (child))
    gtk_accessible_update_relation (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_RELATION_LABELLED_BY,
                                    child, NULL, -1);
  for (gsize i = 0; GTK_IS_IMAGE (child) && i < G_N_ELEMENTS (rows); i++)
    if (g_strcmp0 (gtk_image_get_icon_name (GTK_IMAGE (child)), rows[i].icon) == 0)
      gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                      g_dgettext ("gtk40", rows[i].words), -1);
}

static void
name_button (GtkButton *button)
{
  /* The label that is shown names it already. */
  if (gtk_button_get_use_underline (button))
    gtk_accessible_reset_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL);
  if (gtk_button_get_label (button) || g_object_get_data (G_OBJECT (button), KEY))
    return;
  g_object_set_data (G_OBJECT (button), KEY, button);
  name_from_child (button);
  show_tooltip (GTK_WIDGET (button));
  g_signal_connect (button, "notify::tooltip-text", G_CALLBACK (show_tooltip), NULL);
}

static void
show_title (AdwEntryRow *row)
{
  GtkEditable *field = gtk_editable_get_delegate (GTK_EDITABLE (row));

  gtk_accessible_update_property (GTK_ACCESSIBLE (field), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  adw_preferences_row_get_title (ADW_PREFERENCES_ROW (row)), -1);
}

static void
name_field (AdwEntryRow *row)
{
  GtkEditable *field = gtk_editable_get_delegate (GTK_EDITABLE (row));

  if (g_object_get_data (G_OBJECT (row), KEY))
    return;
  g_object_set_data (G_OBJECT (row), KEY, row);
  g_object_set (field, "accessible-role", GTK_ACCESSIBLE_ROLE_TEXT_BOX, NULL);
  show_title (row);
  g_signal_connect (row, "notify::title", G_CALLBACK (show_title), NULL);
}

void
funnel_spoken_name (GtkWidget *widget)
{
  if (GTK_IS_BUTTON (widget))
    name_button (GTK_BUTTON (widget));
  if (ADW_IS_ENTRY_ROW (widget))
    name_field (ADW_ENTRY_ROW (widget));
  for (GtkWidget *child = gtk_widget_get_first_child (widget); child;
       child = gtk_widget_get_next_sibling (child))
    funnel_spoken_name (child);
}
