/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/base/expiry.h"

struct _FunnelExpiry
{
  GCancellable *cancellable;
  GCancellable *parent;
  gulong handler;
  GSource *timer;
  gboolean passed;
};

static gboolean
on_timer (gpointer user_data)
{
  FunnelExpiry *self = user_data;

  self->passed = TRUE;
  g_cancellable_cancel (self->cancellable);
  return G_SOURCE_REMOVE;
}

static void
on_parent_cancelled (GCancellable *parent, gpointer user_data)
{
  g_cancellable_cancel (user_data);
}

FunnelExpiry *
funnel_expiry_new (GCancellable *parent, guint milliseconds)
{
  FunnelExpiry *self = g_new0 (FunnelExpiry, 1);

  self->cancellable = g_cancellable_new ();
  if (parent != NULL)
    {
      self->parent = g_object_ref (parent);
      self->handler = g_cancellable_connect (parent, G_CALLBACK (on_parent_cancelled),
                                             g_object_ref (self->cancellable), g_object_unref);
    }
  self->timer = g_timeout_source_new (milliseconds);
  g_source_set_callback (self->timer, on_timer, self, NULL);
  g_source_attach (self->timer, g_main_context_get_thread_default ());
  return self;
}

void
funnel_expiry_free (FunnelExpiry *self)
{
  if (self == NULL)
    return;
  g_source_destroy (self->timer);
  g_source_unref (self->timer);
  /* g_signal_handler_disconnect, because g_cancellable_disconnect waits for a handler that runs,
   * and this may be called from within one. */
  if (self->handler != 0)
    g_signal_handler_disconnect (self->parent, self->handler);
  g_clear_object (&self->parent);
  g_object_unref (self->cancellable);
  g_free (self);
}

GCancellable *
funnel_expiry_get (FunnelExpiry *self)
{
  return self->cancellable;
}

gboolean
funnel_expiry_has_passed (FunnelExpiry *self)
{
  return self->passed;
}
