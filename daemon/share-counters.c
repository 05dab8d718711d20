/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/share-counters.h"

#define REQUESTS_MAX 500 /* told at once */

GVariant *
funnel_share_counters_describe_refusals (const FunnelServeCounters *counters)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{st}"));
  for (guint i = OFFER_REASON_NONE + 1; i < FUNNEL_SERVE_REASONS; i++)
    if (counters->refusals[i] > 0)
      g_variant_builder_add (&builder, "{st}", offer_reason_text ((enum offer_reason)i),
                             counters->refusals[i]);
  if (counters->wrong_passwords > 0)
    g_variant_builder_add (&builder, "{st}", "wrong-password", counters->wrong_passwords);
  if (counters->guesses_slowed > 0)
    g_variant_builder_add (&builder, "{st}", "guesses-slowed", counters->guesses_slowed);
  return g_variant_builder_end (&builder);
}

GVariant *
funnel_share_counters_describe_requests (const FunnelServeCounters *counters)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{st}"));
  for (guint i = 0; i < FUNNEL_SERVE_STATUS_CLASSES; i++)
    {
      g_autofree char *key = i > 0 ? g_strdup_printf ("%uxx", i) : g_strdup ("unanswered");

      if (counters->requests[i] > 0)
        g_variant_builder_add (&builder, "{st}", key, counters->requests[i]);
    }
  return g_variant_builder_end (&builder);
}

GVariant *
funnel_share_counters_list_requests (FunnelServe *serve, guint32 id, guint64 after)
{
  g_autofree FunnelServeRequest *requests = g_new (FunnelServeRequest, REQUESTS_MAX);
  guint n = funnel_serve_take_log (serve, id, after, requests, REQUESTS_MAX);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(txsssqbtu)"));
  for (guint i = 0; i < n; i++)
    {
      const FunnelServeRequest *r = &requests[i];

      g_variant_builder_add (&builder, "(txsssqbtu)", r->number, r->time, r->source, r->method,
                             r->path, r->status, r->complete, r->bytes, r->ms);
    }
  return g_variant_builder_end (&builder);
}
