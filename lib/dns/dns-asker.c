/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/dns/dns-asker.h"

#include "lib/base/error.h"
#include "lib/dns/dns-query.h"

#include <glib/gi18n.h>
#include <string.h>

#define CUTS_MAX 10     /* labels to go up in search of a zone */
#define SECONDS_EACH 3U /* for one question */

GStrv
funnel_dns_ask (const FunnelDnsAsker *asker,
                const char *name,
                const char *type,
                const char *server,
                GError **error)
{
  gint64 left = (asker->deadline - g_get_monotonic_time ()) / G_USEC_PER_SEC;

  if (g_cancellable_set_error_if_cancelled (asker->cancellable, error))
    return NULL;
  if (left < 1)
    {
      g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE, N_ ("no answer in time"));
      return NULL;
    }
  return funnel_dns_query (name, type, server ? server : asker->resolver, server == NULL,
                           MIN ((guint)left, SECONDS_EACH), error);
}

GStrv
funnel_dns_ask_addresses (const FunnelDnsAsker *asker,
                          const char *name,
                          const char *server,
                          char **problem)
{
  static const char *const types[] = {"A", "AAAA"};
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_autofree char *first = NULL;
  GStrv all;

  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    {
      g_autoptr (GError) error = NULL;
      g_auto (GStrv) records = funnel_dns_ask (asker, name, types[i], server, &error);

      if (records)
        g_strv_builder_addv (builder, (const char **)records);
      else if (!g_error_matches (error, FUNNEL_ERROR, FUNNEL_ERROR_NOT_FOUND) && !first)
        first = g_strdup (error->message);
    }
  all = g_strv_builder_end (builder);
  if (!all[0])
    *problem = g_steal_pointer (&first);
  return all;
}

GStrv
funnel_dns_ask_servers (const FunnelDnsAsker *asker, const char *name)
{
  const char *cut = name;

  /* The nearest NS records on the way up. */
  for (guint i = 0; i < CUTS_MAX && strchr (cut, '.'); i++)
    {
      g_autoptr (GError) error = NULL;
      GStrv servers = funnel_dns_ask (asker, cut, "NS", NULL, &error);

      if (servers)
        return servers;
      if (!g_error_matches (error, FUNNEL_ERROR, FUNNEL_ERROR_NOT_FOUND))
        return NULL;
      cut = strchr (cut, '.') + 1;
    }
  return NULL;
}
