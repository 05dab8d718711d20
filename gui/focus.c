/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/focus.h"

static GtkWidget *
get_focus (GtkWidget *widget)
{
  GtkRoot *root = gtk_widget_get_root (widget);

  return root ? gtk_root_get_focus (root) : NULL;
}

gboolean
funnel_focus_is_in (GtkWidget *widget)
{
  GtkWidget *focus = get_focus (widget);

  return focus && (focus == widget || gtk_widget_is_ancestor (focus, widget));
}

gboolean
funnel_focus_enter (GtkWidget *widget)
{
  GtkRoot *root = gtk_widget_get_root (widget);

  if (!root)
    return FALSE;
  /* From where it is, it would go on to what comes after. */
  gtk_root_set_focus (root, NULL);
  return gtk_widget_child_focus (widget, GTK_DIR_TAB_FORWARD);
}

FunnelFocusPlace
funnel_focus_find (GPtrArray *rows)
{
  for (guint i = 0; i < rows->len; i++)
    if (funnel_focus_is_in (g_ptr_array_index (rows, i)))
      return (FunnelFocusPlace) {(int)i, !gtk_widget_is_focus (g_ptr_array_index (rows, i))};
  return (FunnelFocusPlace) {.row = -1};
}

gboolean
funnel_focus_restore (GPtrArray *rows, FunnelFocusPlace place)
{
  GtkWidget *row = NULL;

  if (place.row < 0 || rows->len == 0)
    return FALSE;
  row = g_ptr_array_index (rows, MIN ((guint)place.row, rows->len - 1));
  if (!gtk_widget_grab_focus (row))
    return FALSE;
  if (place.inside)
    gtk_widget_child_focus (row, GTK_DIR_TAB_FORWARD);
  return TRUE;
}
