/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/tell.h"

#include "lib/client/client.h"

void
funnel_tell (GtkWidget *widget, const char *text)
{
  gtk_widget_activate_action (widget, "win.tell", "s", text);
}

void
funnel_tell_error (GtkWidget *widget, GError *error)
{
  if (!error)
    return;
  error = funnel_client_map_error (error);
  if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    funnel_tell (widget, error->message);
  g_error_free (error);
}
