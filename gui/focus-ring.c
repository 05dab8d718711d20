/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/focus-ring.h"

static gboolean by_keys; /* what was used last, in whichever window */

/* A window that is not in front is left alone: GTK hides the ring by a clock that would go on. */
static void
show_ring (GtkWindow *window)
{
  if (by_keys && gtk_window_is_active (window) && !gtk_window_get_focus_visible (window))
    gtk_window_set_focus_visible (window, TRUE);
}

static gboolean
on_keys_key_pressed (GtkEventController *keys,
                     guint keyval,
                     guint keycode,
                     GdkModifierType state,
                     GtkWindow *window)
{
  if (gdk_key_event_is_modifier (gtk_event_controller_get_current_event (keys)))
    return GDK_EVENT_PROPAGATE;
  by_keys = TRUE;
  show_ring (window);
  return GDK_EVENT_PROPAGATE;
}

static void
on_clicks_pressed (GtkGestureClick *clicks, int n, double x, double y, GtkWindow *window)
{
  by_keys = FALSE;
  gtk_window_set_focus_visible (window, FALSE);
}

static void
on_application_window_added (GtkApplication *application, GtkWindow *window)
{
  GtkEventController *keys = gtk_event_controller_key_new ();
  GtkGesture *clicks = gtk_gesture_click_new ();

  gtk_gesture_single_set_button (GTK_GESTURE_SINGLE (clicks), 0);
  gtk_event_controller_set_propagation_phase (keys, GTK_PHASE_CAPTURE);
  gtk_event_controller_set_propagation_phase (GTK_EVENT_CONTROLLER (clicks), GTK_PHASE_CAPTURE);
  g_signal_connect (keys, "key-pressed", G_CALLBACK (on_keys_key_pressed), window);
  g_signal_connect (clicks, "pressed", G_CALLBACK (on_clicks_pressed), window);
  gtk_widget_add_controller (GTK_WIDGET (window), keys);
  gtk_widget_add_controller (GTK_WIDGET (window), GTK_EVENT_CONTROLLER (clicks));
  g_signal_connect (window, "notify::focus-visible", G_CALLBACK (show_ring), NULL);
  g_signal_connect (window, "notify::is-active", G_CALLBACK (show_ring), NULL);
}

void
funnel_focus_ring_keep (GtkApplication *application)
{
  g_return_if_fail (GTK_IS_APPLICATION (application));
  g_signal_connect (application, "window-added", G_CALLBACK (on_application_window_added), NULL);
}
