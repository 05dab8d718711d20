/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/dns/dns-view.h"

#include "lib/dns/dns-asker.h"

#include <glib/gi18n.h>
#include <string.h>

#define SERVERS_MAX 2 /* of a zone, tried one after the other */

typedef struct
{
  char *name;
  char *resolver;
  guint seconds;
} Wish;

void
funnel_dns_view_free (FunnelDnsView *view)
{
  if (view == NULL)
    return;
  g_free (view->name);
  g_strfreev (view->system);
  g_free (view->system_problem);
  g_free (view->server);
  g_strfreev (view->own);
  g_free (view->own_problem);
  g_free (view);
}

static void
wish_free (gpointer data)
{
  Wish *wish = data;

  g_free (wish->name);
  g_free (wish->resolver);
  g_free (wish);
}

/* A server that has an alias only says who knows more. */
static void
follow_alias (const FunnelDnsAsker *asker, FunnelDnsView *view, const char *address)
{
  g_auto (GStrv) aliases = NULL;

  if (view->own[0] != NULL || view->own_problem != NULL)
    return;
  aliases = funnel_dns_ask (asker, view->name, "CNAME", address, NULL);
  if (aliases == NULL)
    return;
  g_strfreev (view->own);
  view->own = funnel_dns_ask_addresses (asker, aliases[0], NULL, &view->own_problem);
}

static gboolean
ask_server (const FunnelDnsAsker *asker, FunnelDnsView *view, const char *server)
{
  g_autofree char *problem = NULL;
  g_auto (GStrv) addresses = funnel_dns_ask_addresses (asker, server, NULL, &problem);
  gsize len = strlen (server);

  if (addresses[0] == NULL)
    return FALSE;
  g_free (view->server);
  view->server = g_strndup (server, len > 0 && server[len - 1] == '.' ? len - 1 : len);
  g_clear_pointer (&view->own_problem, g_free);
  g_clear_pointer (&view->own, g_strfreev);
  view->own = funnel_dns_ask_addresses (asker, view->name, addresses[0], &view->own_problem);
  follow_alias (asker, view, addresses[0]);
  return view->own_problem == NULL;
}

static void
look (const FunnelDnsAsker *asker, FunnelDnsView *view)
{
  g_auto (GStrv) servers = NULL;

  view->system = funnel_dns_ask_addresses (asker, view->name, NULL, &view->system_problem);
  if (view->system_problem == NULL)
    servers = funnel_dns_ask_servers (asker, view->name);
  for (guint i = 0; servers != NULL && servers[i] != NULL && i < SERVERS_MAX; i++)
    if (ask_server (asker, view, servers[i]))
      return;
}

static void
run (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  const Wish *wish = data;
  g_autoptr (FunnelDnsView) view = g_new0 (FunnelDnsView, 1);
  FunnelDnsAsker asker
      = {.resolver = wish->resolver,
         .deadline = g_get_monotonic_time () + (gint64)wish->seconds * G_USEC_PER_SEC,
         .cancellable = cancellable};

  view->name = g_strdup (wish->name);
  look (&asker, view);
  if (view->own == NULL)
    view->own = g_new0 (char *, 1);
  g_task_return_pointer (task, g_steal_pointer (&view), (GDestroyNotify)funnel_dns_view_free);
}

void
funnel_dns_view_async (const char *name,
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
  g_task_set_source_tag (task, funnel_dns_view_async);
  g_task_set_task_data (task, wish, wish_free);
  g_task_set_return_on_cancel (task, TRUE);
  g_task_run_in_thread (task, run);
}

FunnelDnsView *
funnel_dns_view_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, funnel_dns_view_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

gboolean
funnel_dns_view_has (const char *const *list, const char *text)
{
  g_autoptr (GInetAddress) wanted = g_inet_address_new_from_string (text);

  for (; list != NULL && *list != NULL; list++)
    {
      g_autoptr (GInetAddress) one = g_inet_address_new_from_string (*list);

      if (wanted != NULL && one != NULL ? g_inet_address_equal (wanted, one)
                                        : g_str_equal (text, *list))
        return TRUE;
    }
  return FALSE;
}

char *
funnel_dns_view_list (GStrv addresses)
{
  return addresses[0] != NULL ? g_strjoinv (", ", addresses) : g_strdup (N_ ("no address"));
}

char *
funnel_dns_view_record (const char *name, const char *address)
{
  return g_strdup_printf ("%s. 300 IN %s %s", name, strchr (address, ':') != NULL ? "AAAA" : "A",
                          address);
}

gboolean
funnel_dns_view_agrees (const FunnelDnsView *view)
{
  gboolean same = g_strv_length (view->own) == g_strv_length (view->system);

  for (guint i = 0; view->own[i] != NULL; i++)
    same = same && funnel_dns_view_has ((const char *const *)view->system, view->own[i]);
  return same;
}

/* To be put behind what the system's resolvers say. Takes @text. */
static char *
add (char *text)
{
  g_autofree char *owned = text;

  return g_strconcat ("; ", owned, NULL);
}

char *
funnel_dns_view_describe_own (const FunnelDnsView *view)
{
  g_autofree char *own = NULL;

  if (view->server == NULL)
    return g_strdup ("");
  if (view->own_problem != NULL)
    return add (g_strdup_printf (N_ ("%s, a server of the zone, does not answer: %s"), view->server,
                                 view->own_problem));
  if (funnel_dns_view_agrees (view))
    return add (g_strdup_printf (N_ ("%s, a server of the zone, says so too"), view->server));
  own = funnel_dns_view_list (view->own);
  return add (g_strdup_printf (N_ ("%s, a server of the zone, says: %s"), view->server, own));
}
