/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "cli/audit/caa-lookup.h"

#include "lib/base/error.h"
#include "lib/dns/dns-query.h"

#include <string.h>

#define QUERY_SECONDS 10

typedef struct
{
  char *name;
  const char *at; /* within name */
  char *server;
} Lookup;

static void
lookup_free (gpointer data)
{
  Lookup *lookup = data;

  g_free (lookup->name);
  g_free (lookup->server);
  g_free (lookup);
}

static void ask (GTask *task);

static void
query_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Lookup *lookup = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  GStrv records = funnel_dns_query_finish (result, &error);
  const char *dot = NULL;

  if (records != NULL && records[0] != NULL)
    {
      g_task_return_pointer (task, records, (GDestroyNotify)g_strfreev);
      return;
    }
  g_strfreev (records);
  if (error != NULL && !g_error_matches (error, FUNNEL_ERROR, FUNNEL_ERROR_NOT_FOUND))
    {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }
  dot = strchr (lookup->at, '.');
  lookup->at = dot != NULL ? dot + 1 : NULL;
  if (lookup->at == NULL)
    g_task_return_pointer (task, g_new0 (char *, 1), (GDestroyNotify)g_strfreev);
  else
    ask (g_steal_pointer (&task));
}

static void
ask (GTask *task)
{
  Lookup *lookup = g_task_get_task_data (task);

  funnel_dns_query_async (lookup->at, "CAA", lookup->server, QUERY_SECONDS,
                          g_task_get_cancellable (task), query_cb, task);
}

void
funnel_caa_lookup_async (const char *name,
                         const char *server,
                         GCancellable *cancellable,
                         GAsyncReadyCallback callback,
                         gpointer user_data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);
  Lookup *lookup = g_new0 (Lookup, 1);

  g_task_set_source_tag (task, funnel_caa_lookup_async);
  lookup->name = g_strdup (name);
  lookup->at = lookup->name;
  lookup->server = g_strdup (server);
  g_task_set_task_data (task, lookup, lookup_free);
  ask (task);
}

GStrv
funnel_caa_lookup_finish (GAsyncResult *result, char **where, GError **error)
{
  Lookup *lookup = g_task_get_task_data (G_TASK (result));

  *where = g_strdup (lookup->at);
  return g_task_propagate_pointer (G_TASK (result), error);
}
