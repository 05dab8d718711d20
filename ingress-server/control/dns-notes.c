/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "funnel-ingressd"

#include "ingress-server/control/dns-notes.h"

#include "lib/base/host.h"
#include "lib/dns/dns-view.h"

/* One name: known, queued, or being looked at (cancellable). */
typedef struct
{
  DnsNotes *owner;
  char *name;
  char *note;
  gint64 looked; /* monotonic seconds; 0 never */
  gboolean queued;
  GCancellable *running;
} Entry;

struct _DnsNotes
{
  const IngressConfig *config;
  void (*changed) (const char *name, gpointer user_data);
  gpointer user_data;
  GHashTable *entries; /* name → Entry*, owned */
  GQueue queue;        /* Entry* */
  guint running;
};

static void start_queued (DnsNotes *self);

static void
entry_free (Entry *entry)
{
  if (entry->queued)
    g_queue_remove (&entry->owner->queue, entry);
  if (entry->running)
    {
      g_cancellable_cancel (entry->running);
      entry->owner->running--;
    }
  g_clear_object (&entry->running);
  g_free (entry->name);
  g_free (entry->note);
  g_free (entry);
}

static char *
describe (const FunnelDnsView *view)
{
  g_autofree char *system = NULL, *own = NULL;

  if (!view->server || view->system_problem || view->own_problem || funnel_dns_view_agrees (view))
    return NULL;
  system = funnel_dns_view_list (view->system);
  own = funnel_dns_view_describe_own (view);
  return g_strdup_printf ("DNS says two things of %s: the resolver says %s%s", view->name, system,
                          own);
}

typedef struct
{
  DnsNotes *owner;
  char *name;
  GCancellable *cancellable;
} Run;

static void
run_free (Run *run)
{
  g_free (run->name);
  g_object_unref (run->cancellable);
  g_free (run);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Run, run_free)

static void
dns_view_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (Run) run = user_data;
  g_autoptr (FunnelDnsView) view = funnel_dns_view_finish (result, NULL);
  g_autofree char *note = NULL;
  Entry *entry;

  /* Cancelled with its entry, which has counted itself out. */
  if (g_cancellable_is_cancelled (run->cancellable) || !view)
    return;
  entry = g_hash_table_lookup (run->owner->entries, run->name);
  g_return_if_fail (entry && entry->running == run->cancellable);
  g_clear_object (&entry->running);
  run->owner->running--;
  note = describe (view);
  if (g_strcmp0 (note, entry->note) != 0)
    {
      g_free (entry->note);
      entry->note = g_steal_pointer (&note);
      run->owner->changed (run->name, run->owner->user_data);
    }
  start_queued (run->owner);
}

static void
start_queued (DnsNotes *self)
{
  while (self->running < DNS_NOTES_AT_ONCE && !g_queue_is_empty (&self->queue))
    {
      Entry *entry = g_queue_pop_head (&self->queue);
      Run *run = g_new0 (Run, 1);

      entry->queued = FALSE;
      entry->looked = g_get_monotonic_time () / G_USEC_PER_SEC;
      entry->running = g_cancellable_new ();
      run->owner = self;
      run->name = g_strdup (entry->name);
      run->cancellable = g_object_ref (entry->running);
      self->running++;
      funnel_dns_view_async (entry->name, self->config->resolver, DNS_NOTES_SECONDS, entry->running,
                             dns_view_cb, run);
    }
}

DnsNotes *
dns_notes_new (const IngressConfig *config,
               void (*changed) (const char *name, gpointer user_data),
               gpointer user_data)
{
  DnsNotes *self = g_new0 (DnsNotes, 1);

  self->config = config;
  self->changed = changed;
  self->user_data = user_data;
  self->entries = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify)entry_free);
  g_queue_init (&self->queue);
  return self;
}

void
dns_notes_free (DnsNotes *self)
{
  g_hash_table_unref (self->entries);
  g_queue_clear (&self->queue);
  g_free (self);
}

void
dns_notes_look (DnsNotes *self, const char *name, guint age)
{
  Entry *entry = g_hash_table_lookup (self->entries, name);
  gint64 now = g_get_monotonic_time () / G_USEC_PER_SEC;

  /* No DNS server knows of this host's own names (RFC 6761 6.3). */
  if (funnel_host_is_within (name, "localhost"))
    return;
  if (!entry)
    {
      entry = g_new0 (Entry, 1);
      entry->owner = self;
      entry->name = g_strdup (name);
      g_hash_table_insert (self->entries, entry->name, entry);
    }
  if (entry->queued || entry->running || (entry->looked != 0 && now - entry->looked < age))
    return;
  entry->queued = TRUE;
  g_queue_push_tail (&self->queue, entry);
  start_queued (self);
}

const char *
dns_notes_get (DnsNotes *self, const char *name)
{
  const Entry *entry = g_hash_table_lookup (self->entries, name);

  return entry ? entry->note : NULL;
}

void
dns_notes_forget (DnsNotes *self, const char *name)
{
  g_hash_table_remove (self->entries, name);
}
