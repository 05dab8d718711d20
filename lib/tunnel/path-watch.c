/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/tunnel/path-watch.h"

#define TICK_S 5
#define USUAL_MIN 1280 /* bytes: what every IPv6 path carries (RFC 8200, section 5) */

struct _FunnelPathWatch
{
  FunnelEndpoint *endpoint;
  FunnelPathWatchFunc changed;
  gpointer user_data;
  guint told;       /* bytes; 0 nothing yet */
  gboolean suspect; /* it is to be probed, but nobody waits for that */
  guint tick;
  gulong network_handler;
  GCancellable *probing; /* NULL: not under way */
};

static void
tell (FunnelPathWatch *self)
{
  guint mtu = funnel_endpoint_get_path_mtu (self->endpoint);

  if (mtu == 0 || mtu == self->told)
    return;
  self->told = mtu;
  if (mtu < USUAL_MIN)
    g_message ("The path to the ingress carries packets of %u bytes only; at least %u are usual",
               mtu, USUAL_MIN);
  self->changed (self->user_data);
}

static void
probe_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  FunnelPathWatch *self = user_data;

  /* It fails only by being cancelled, and then there is no owner any more. */
  if (!funnel_endpoint_probe_path_finish (result, NULL))
    return;
  g_clear_object (&self->probing);
  tell (self);
}

static gboolean
on_tick (gpointer user_data)
{
  FunnelPathWatch *self = user_data;

  if (self->probing
      || (!self->suspect && funnel_endpoint_get_path_mtu (self->endpoint) == self->told))
    return G_SOURCE_CONTINUE;
  self->suspect = FALSE;
  self->probing = g_cancellable_new ();
  funnel_endpoint_probe_path_async (self->endpoint, self->probing, probe_cb, self);
  return G_SOURCE_CONTINUE;
}

static void
on_network_changed (GNetworkMonitor *monitor, gboolean available, FunnelPathWatch *self)
{
  self->suspect = TRUE;
}

FunnelPathWatch *
funnel_path_watch_new (FunnelEndpoint *endpoint, FunnelPathWatchFunc changed, gpointer user_data)
{
  FunnelPathWatch *self = g_new0 (FunnelPathWatch, 1);

  self->endpoint = funnel_endpoint_ref (endpoint);
  self->changed = changed;
  self->user_data = user_data;
  self->suspect = TRUE;
  self->tick = g_timeout_add_seconds (TICK_S, on_tick, self);
  self->network_handler = g_signal_connect (g_network_monitor_get_default (), "network-changed",
                                            G_CALLBACK (on_network_changed), self);
  return self;
}

void
funnel_path_watch_free (FunnelPathWatch *self)
{
  if (!self)
    return;
  g_clear_handle_id (&self->tick, g_source_remove);
  g_clear_signal_handler (&self->network_handler, g_network_monitor_get_default ());
  if (self->probing)
    g_cancellable_cancel (self->probing);
  g_clear_object (&self->probing);
  funnel_endpoint_unref (self->endpoint);
  g_free (self);
}

void
funnel_path_watch_start_over (FunnelPathWatch *self)
{
  self->told = 0;
  self->suspect = TRUE;
}
