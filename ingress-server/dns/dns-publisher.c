/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "funnel-ingressd"

#include "ingress-server/dns/dns-publisher.h"

#include <glib/gi18n.h>

#include "lib/base/backoff.h"
#include "lib/base/error.h"
#include "lib/base/host.h"
#include "lib/dns/dns-update.h"
#include "ingress-server/store/dns-names.h"

#define UPDATE_SECONDS 10
#define RETRY_FIRST_MS 1000
#define RETRY_MAX_MS 60000

/* What is known of a name's record. */
typedef enum
{
  RECORD_UNKNOWN, /* it may be there, as an earlier process left it */
  RECORD_ABSENT,
  RECORD_PRESENT,
} RecordState;

typedef struct
{
  char *name;
  RecordState state;
  gboolean wanted;
} Record;

struct _DnsPublisher
{
  const IngressConfig *config;
  IngressStore *store;
  void (*changed) (gpointer user_data);
  gpointer user_data;
  FunnelDnsKey *key;
  GHashTable *records; /* name → Record*, owned */
  GCancellable *running;
  GPtrArray *sent;        /* char*: names in the running update */
  GPtrArray *sent_wanted; /* GINT_TO_POINTER: what was asked for, one for each */
  guint retry_timer;
  guint settle_timer; /* nodes may still be on their way */
  FunnelBackoff backoff;
  char *error;
};

static void send_next (DnsPublisher *self);

static void
record_free (Record *record)
{
  g_free (record->name);
  g_free (record);
}

static Record *
ensure_record (DnsPublisher *self, const char *name, RecordState state)
{
  Record *record = g_hash_table_lookup (self->records, name);

  if (record)
    return record;
  record = g_new0 (Record, 1);
  record->name = g_strdup (name);
  record->state = state;
  g_hash_table_insert (self->records, record->name, record);
  return record;
}

static gboolean
is_settled (const Record *record)
{
  return record->state == (record->wanted ? RECORD_PRESENT : RECORD_ABSENT);
}

static gboolean
is_ours (DnsPublisher *self, const char *name)
{
  return funnel_host_is_within (name, self->config->dns_zone);
}

/* Life. */

static gboolean
on_settled (gpointer data)
{
  DnsPublisher *self = data;

  self->settle_timer = 0;
  send_next (self);
  return G_SOURCE_REMOVE;
}

DnsPublisher *
dns_publisher_new (const IngressConfig *config,
                   IngressStore *store,
                   void (*changed) (gpointer user_data),
                   gpointer user_data,
                   GError **error)
{
  g_autoptr (DnsPublisher) self = g_new0 (DnsPublisher, 1);
  g_autoptr (GPtrArray) names = dns_names_load (store, error);

  self->config = config;
  self->store = store;
  self->changed = changed;
  self->user_data = user_data;
  self->records
      = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify)record_free);
  funnel_backoff_init (&self->backoff, RETRY_FIRST_MS, RETRY_MAX_MS);
  if (!names)
    return NULL;
  for (guint i = 0; i < names->len; i++)
    ensure_record (self, g_ptr_array_index (names, i), RECORD_UNKNOWN);
  if (config->dns_key_file)
    {
      self->key = funnel_dns_key_load (config->dns_key_file, error);
      if (!self->key)
        {
          g_prefix_error (error, "dns-key-file of " INGRESS_CONFIG_FILE ": ");
          return NULL;
        }
    }
  self->settle_timer = g_timeout_add_seconds (DNS_SETTLE_SECONDS, on_settled, self);
  return g_steal_pointer (&self);
}

void
dns_publisher_free (DnsPublisher *self)
{
  g_clear_handle_id (&self->retry_timer, g_source_remove);
  g_clear_handle_id (&self->settle_timer, g_source_remove);
  if (self->running)
    g_cancellable_cancel (self->running);
  g_clear_object (&self->running);
  g_clear_pointer (&self->sent, g_ptr_array_unref);
  g_clear_pointer (&self->sent_wanted, g_ptr_array_unref);
  funnel_dns_key_free (self->key);
  g_hash_table_unref (self->records);
  g_free (self->error);
  g_free (self);
}

/* Updates. */

static gboolean
on_retry (gpointer data)
{
  DnsPublisher *self = data;

  self->retry_timer = 0;
  send_next (self);
  return G_SOURCE_REMOVE;
}

static void
fail (DnsPublisher *self, const GError *error)
{
  if (g_strcmp0 (self->error, error->message) != 0)
    g_warning ("Cannot publish DNS records: %s", error->message);
  g_free (self->error);
  self->error = g_strdup (error->message);
  if (self->retry_timer == 0)
    self->retry_timer = g_timeout_add (funnel_backoff_next (&self->backoff), on_retry, self);
}

static void
note_done (DnsPublisher *self)
{
  for (guint i = 0; i < self->sent->len; i++)
    {
      const char *name = g_ptr_array_index (self->sent, i);
      Record *record = g_hash_table_lookup (self->records, name);
      gboolean present = GPOINTER_TO_INT (g_ptr_array_index (self->sent_wanted, i));

      record->state = present ? RECORD_PRESENT : RECORD_ABSENT;
      g_debug ("DNS record of %s: %s", name, present ? "published" : "removed");
      if (present || record->wanted)
        continue;
      /* If the crossing out fails it is removed once more after the next start. */
      dns_names_remove (self->store, name, NULL);
      g_hash_table_remove (self->records, name);
    }
}

static void
update_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  DnsPublisher *self = user_data;
  g_autoptr (GError) error = NULL;
  gboolean ok = funnel_dns_update_finish (result, &error);

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  g_clear_object (&self->running);
  if (ok)
    {
      funnel_backoff_reset (&self->backoff);
      g_clear_pointer (&self->error, g_free);
      note_done (self);
    }
  else
    fail (self, error);
  self->changed (self->user_data);
  if (ok)
    send_next (self);
}

/* Takes what is to change next; writes down first what may be published from now on. */
static GPtrArray *
collect (DnsPublisher *self, GError **error)
{
  g_autoptr (GPtrArray) changes
      = g_ptr_array_new_with_free_func ((GDestroyNotify)funnel_dns_change_free);
  const char *const *addresses = (const char *const *)self->config->public_addresses;
  GHashTableIter iter;
  gpointer value;

  g_clear_pointer (&self->sent, g_ptr_array_unref);
  g_clear_pointer (&self->sent_wanted, g_ptr_array_unref);
  self->sent = g_ptr_array_new_with_free_func (g_free);
  self->sent_wanted = g_ptr_array_new ();
  g_hash_table_iter_init (&iter, self->records);
  while (g_hash_table_iter_next (&iter, NULL, &value) && changes->len < DNS_CHANGES_MAX)
    {
      Record *record = value;

      if (is_settled (record)
          || (self->settle_timer != 0 && !record->wanted && record->state == RECORD_UNKNOWN))
        continue;
      if (record->wanted && !dns_names_add (self->store, record->name, error))
        return NULL;
      g_ptr_array_add (changes,
                       funnel_dns_change_new (record->name, record->wanted ? addresses : NULL));
      g_ptr_array_add (self->sent, g_strdup (record->name));
      g_ptr_array_add (self->sent_wanted, GINT_TO_POINTER (record->wanted));
    }
  return g_steal_pointer (&changes);
}

static void
send_next (DnsPublisher *self)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) changes = NULL;

  if (self->running || self->retry_timer != 0)
    return;
  changes = collect (self, &error);
  if (!changes)
    {
      fail (self, error);
      return;
    }
  if (changes->len == 0)
    return;
  self->running = g_cancellable_new ();
  funnel_dns_update_async (self->config->dns_server, self->config->dns_zone, self->key, changes,
                           self->config->dns_ttl, UPDATE_SECONDS, self->running, update_cb, self);
}

void
dns_publisher_set_wanted (DnsPublisher *self, GPtrArray *names)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->records);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    ((Record *)value)->wanted = FALSE;
  for (guint i = 0; i < names->len; i++)
    if (is_ours (self, g_ptr_array_index (names, i)))
      ensure_record (self, g_ptr_array_index (names, i), RECORD_ABSENT)->wanted = TRUE;
  /* One that was never published needs no removal. */
  g_hash_table_iter_init (&iter, self->records);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (!((Record *)value)->wanted && ((Record *)value)->state == RECORD_ABSENT && !self->running)
      g_hash_table_iter_remove (&iter);
  send_next (self);
}

/* Looking. */

char *
dns_publisher_why_not (DnsPublisher *self, const char *name)
{
  const Record *record = g_hash_table_lookup (self->records, name);

  if (!is_ours (self, name) || (record && record->state == RECORD_PRESENT))
    return NULL;
  if (self->error)
    return g_strdup_printf (N_ ("The ingress cannot publish the DNS record of %s: %s"), name,
                            self->error);
  return g_strdup_printf (N_ ("The DNS record of %s is being published"), name);
}

const char *
dns_publisher_get_error (DnsPublisher *self)
{
  return self->error;
}

guint
dns_publisher_count (DnsPublisher *self)
{
  GHashTableIter iter;
  gpointer value;
  guint count = 0;

  g_hash_table_iter_init (&iter, self->records);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    count += ((Record *)value)->state == RECORD_PRESENT;
  return count;
}
