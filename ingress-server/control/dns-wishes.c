/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/control/dns-wishes.h"

struct _DnsWishes
{
  IngressRoutes *routes;
  DnsPublisher *publisher;
  GHashTable *linked; /* name → gint64*: when its node was last linked, monotonic seconds */
  guint timer;        /* a name lingers */
};

typedef struct
{
  DnsWishes *wishes;
  GHashTable *linked; /* the table to come */
  GPtrArray *names;   /* keys of it */
  gint64 now;
  gint64 next; /* the soonest end of a name that lingers, or 0 */
} Collect;

DnsWishes *
dns_wishes_new (IngressRoutes *routes, DnsPublisher *publisher)
{
  DnsWishes *self = g_new0 (DnsWishes, 1);

  self->routes = routes;
  self->publisher = publisher;
  self->linked = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  return self;
}

void
dns_wishes_free (DnsWishes *self)
{
  g_clear_handle_id (&self->timer, g_source_remove);
  g_hash_table_unref (self->linked);
  g_free (self);
}

static void
take_route (const IngressRouteInfo *info, gpointer user_data)
{
  Collect *collect = user_data;
  const gint64 *before = g_hash_table_lookup (collect->wishes->linked, info->name);
  gint64 when = info->linked ? collect->now : before ? *before : 0;
  char *name;

  if (!info->granted || when == 0 || collect->now - when >= DNS_LINGER_SECONDS
      || g_hash_table_contains (collect->linked, info->name))
    return;
  if (!info->linked && (collect->next == 0 || when + DNS_LINGER_SECONDS < collect->next))
    collect->next = when + DNS_LINGER_SECONDS;
  name = g_strdup (info->name);
  g_hash_table_insert (collect->linked, name, g_memdup2 (&when, sizeof when));
  g_ptr_array_add (collect->names, name);
}

static gboolean
on_linger_over (gpointer data)
{
  DnsWishes *self = data;

  self->timer = 0;
  dns_wishes_update (self);
  return G_SOURCE_REMOVE;
}

void
dns_wishes_update (DnsWishes *self)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  Collect collect = {.wishes = self,
                     .linked = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free),
                     .names = names,
                     .now = g_get_monotonic_time () / G_USEC_PER_SEC};

  ingress_routes_foreach (self->routes, take_route, &collect);
  g_hash_table_unref (self->linked);
  self->linked = collect.linked;
  dns_publisher_set_wanted (self->publisher, names);
  g_clear_handle_id (&self->timer, g_source_remove);
  if (collect.next != 0)
    self->timer
        = g_timeout_add_seconds ((guint)(collect.next - collect.now) + 1, on_linger_over, self);
}
