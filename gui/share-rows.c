/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/share-rows.h"

#include "gui/share-row.h"

static GtkWidget *
make_row (gpointer item, gpointer data)
{
  return funnel_share_row_new (FUNNEL_DBUS_SHARE (item));
}

void
funnel_share_rows_fill (GtkListBox *list, GListModel *shares)
{
  gtk_list_box_bind_model (list, shares, make_row, NULL, NULL);
}

gboolean
funnel_share_rows_focus (GtkListBox *list, FunnelDBusShare *share, guint position)
{
  GtkListBoxRow *chosen = NULL;

  for (int i = 0;; i++)
    {
      GtkListBoxRow *row = gtk_list_box_get_row_at_index (list, i);

      if (!row)
        break;
      if ((guint)i <= position)
        chosen = row;
      if (share && funnel_share_row_get_share (FUNNEL_SHARE_ROW (row)) == share)
        {
          chosen = row;
          break;
        }
    }
  return chosen && gtk_widget_grab_focus (GTK_WIDGET (chosen));
}
