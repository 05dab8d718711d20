/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/dns/dns-addresses.h"

#include <glib/gi18n.h>

#include "lib/base/error.h"
#include "lib/dns/dns-asker.h"

typedef struct
{
  char *name;
  char *resolver;
  guint seconds;
} Wish;

static void
wish_free (gpointer data)
{
  Wish *wish = data;

  g_free (wish->name);
  g_free (wish->resolver);
  g_free (wish);
}

static void
run (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  const Wish *wish = data;
  FunnelDnsAsker asker
      = {.resolver = wish->resolver,
         .deadline = g_get_monotonic_time () + (gint64)wish->seconds * G_USEC_PER_SEC,
         .cancellable = cancellable};
  g_autofree char *problem = NULL;
  g_auto (GStrv) addresses = funnel_dns_ask_addresses (&asker, wish->name, NULL, &problem);

  if (addresses[0])
    g_task_return_pointer (task, g_steal_pointer (&addresses), (GDestroyNotify)g_strfreev);
  else if (problem)
    g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE, "%s", problem);
  else
    g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_NOT_FOUND, N_ ("%s has no address"),
                             wish->name);
}

void
funnel_dns_addresses_async (const char *name,
                            const char *resolver,
                            guint seconds,
                            GCancellable *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  Wish *wish = g_new0 (Wish, 1);

  wish->name = g_strdup (name);
  wish->resolver = g_strdup (resolver);
  wish->seconds = seconds;
  g_task_set_source_tag (task, funnel_dns_addresses_async);
  g_task_set_task_data (task, wish, wish_free);
  g_task_set_return_on_cancel (task, TRUE);
  g_task_run_in_thread (task, run);
}

GStrv
funnel_dns_addresses_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
