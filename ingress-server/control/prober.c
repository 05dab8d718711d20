/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "funnel-ingressd"

#include "ingress-server/control/prober.h"

#include "lib/base/backoff.h"
#include "lib/base/host.h"
#include "ingress-server/control/dns-notes.h"

#include <glib/gi18n.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <string.h>

#define FAILURE_FIRST_MS 2000
#define FAILURE_MAX_MS 15000 /* how long a share may stay unseen after it was mended */
#define FAILURE_MIN_MS 1000
#define JITTER_SECONDS 6
/* How old a look at the DNS may be: of a share that changed, of which something is told, of others.
 */
#define LOOK_CHANGED_SECONDS 1
#define LOOK_FAILED_SECONDS 30
#define LOOK_STEADY_SECONDS 600

/* One routed share. Waiting (timer), queued, or running (cancellable). */
typedef struct
{
  Prober *prober;
  char *key; /* "name:port" */
  char *name;
  guint16 port;
  gint64 node;
  guint32 epoch;
  guint64 seen; /* round of prober_sync in which it was routed */
  guint timer;
  gboolean queued;
  gboolean again; /* wanted anew while running */
  gboolean renew; /* wanted anew at the next prober_sync */
  GCancellable *running;
  FunnelBackoff backoff;
  FunnelLinkMessage *last;
  char *said; /* its detail, without what is odd about the DNS */
  gint64 when;
} Target;

struct _Prober
{
  const IngressConfig *config;
  ProberFunc func;
  gpointer user_data;
  char *(*gate) (const char *name, gpointer data);
  gpointer gate_data;
  DnsNotes *notes;
  GHashTable *targets; /* key → Target*, owned */
  GQueue queue;        /* Target* */
  guint running;
  guint64 round;
};

static void start_queued (Prober *self);

static void
target_free (Target *target)
{
  g_clear_handle_id (&target->timer, g_source_remove);
  if (target->queued)
    g_queue_remove (&target->prober->queue, target);
  if (target->running)
    g_cancellable_cancel (target->running);
  g_clear_object (&target->running);
  g_clear_pointer (&target->last, funnel_link_message_free);
  g_free (target->said);
  g_free (target->key);
  g_free (target->name);
  g_free (target);
}

/* The detail that is told: what the probe has seen, and what is odd about the DNS. */
static void
put_detail (Target *target)
{
  const char *note = dns_notes_get (target->prober->notes, target->name);

  g_free (target->last->detail);
  if (target->said && note)
    target->last->detail = g_strdup_printf ("%s; %s", target->said, note);
  else
    target->last->detail = g_strdup (target->said ? target->said : note);
}

static void
on_note_changed (const char *name, gpointer user_data)
{
  Prober *self = user_data;
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->targets);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      Target *target = value;

      if (!target->last || !g_str_equal (target->name, name))
        continue;
      put_detail (target);
      self->func (target->node, target->last, self->user_data);
    }
}

Prober *
prober_new (const IngressConfig *config, ProberFunc func, gpointer user_data)
{
  Prober *self = g_new0 (Prober, 1);

  self->config = config;
  self->func = func;
  self->user_data = user_data;
  g_queue_init (&self->queue);
  self->notes = dns_notes_new (config, on_note_changed, self);
  self->targets
      = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify)target_free);
  return self;
}

void
prober_free (Prober *self)
{
  g_hash_table_unref (self->targets);
  dns_notes_free (self->notes);
  g_queue_clear (&self->queue);
  g_free (self);
}

/* What is told. */

static gboolean
is_own_address (const char *text)
{
  g_autoptr (GInetAddress) address = g_inet_address_new_from_string (text);
  struct ifaddrs *list = NULL;
  gboolean found = FALSE;

  if (getifaddrs (&list) < 0)
    return TRUE;
  for (struct ifaddrs *entry = list; entry && !found; entry = entry->ifa_next)
    {
      g_autoptr (GSocketAddress) own = NULL;

      if (!entry->ifa_addr
          || (entry->ifa_addr->sa_family != AF_INET && entry->ifa_addr->sa_family != AF_INET6))
        continue;
      own = g_socket_address_new_from_native (entry->ifa_addr, entry->ifa_addr->sa_family == AF_INET
                                                                   ? sizeof (struct sockaddr_in)
                                                                   : sizeof (struct sockaddr_in6));
      found = own
              && g_inet_address_equal (
                  g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (own)), address);
    }
  freeifaddrs (list);
  return found;
}

/* A failure whose addresses are not this host's has its likely cause in DNS. A host behind NAT does
 * not have its public address, so this is a hint only. */
static char *
hint_at_foreign_addresses (const IngressConfig *config, GStrv addresses)
{
  g_autofree char *joined = NULL;
  g_autofree char *record = NULL;

  for (guint i = 0; addresses[i]; i++)
    if (is_own_address (addresses[i]) || g_str_equal (addresses[i], config->endpoint_host))
      return NULL;
  joined = g_strjoinv (", ", addresses);
  record = ingress_config_dns_record (config, NULL);
  return g_strdup_printf (N_ ("the name leads to %s, which is no address of the ingress itself: "
                              "check the DNS record (%s)"),
                          joined, record);
}

static char *
describe (Prober *self, const Target *target, const ProbeResult *result)
{
  g_autofree char *record = NULL;
  g_autofree char *hint = NULL;

  switch (result->outcome)
    {
    case FUNNEL_PROBE_OK:
      return NULL;
    case FUNNEL_PROBE_DNS:
      record = ingress_config_dns_record (self->config, target->name);
      return g_strdup_printf (N_ ("%s does not resolve (%s); publish the DNS record %s"),
                              target->name, result->detail ? result->detail : N_ ("no answer"),
                              record);
    case FUNNEL_PROBE_CONNECT:
    case FUNNEL_PROBE_TLS:
    case FUNNEL_PROBE_TIMEOUT:
      hint = result->addresses[0] ? hint_at_foreign_addresses (self->config, result->addresses)
                                  : NULL;
      return g_strconcat (result->detail ? result->detail : N_ ("There is no connection"),
                          hint ? "; " : "", hint, NULL);
    }
  return NULL;
}

static FunnelLinkMessage *
make_message (Prober *self, const Target *target, guint32 epoch, const ProbeResult *result)
{
  FunnelLinkMessage *message = funnel_link_message_new (FUNNEL_LINK_PROBE);

  message->name = g_strdup (target->name);
  message->port = target->port;
  message->epoch = epoch;
  message->outcome = result->outcome;
  message->leaf = g_strdup (result->leaf);
  message->addresses = g_strdupv (result->addresses);
  return message;
}

/* When. */

static void
enqueue (Target *target)
{
  g_clear_handle_id (&target->timer, g_source_remove);
  if (target->running)
    target->again = TRUE;
  else if (!target->queued)
    {
      target->queued = TRUE;
      g_queue_push_tail (&target->prober->queue, target);
    }
}

static gboolean
on_due (gpointer data)
{
  Target *target = data;

  target->timer = 0;
  enqueue (target);
  start_queued (target->prober);
  return G_SOURCE_REMOVE;
}

static void
schedule_next (Target *target)
{
  guint delay;

  if (target->again)
    {
      target->again = FALSE;
      enqueue (target);
      return;
    }
  if (target->last->outcome == FUNNEL_PROBE_OK)
    {
      funnel_backoff_reset (&target->backoff);
      delay = (guint)g_random_int_range ((PROBER_STEADY_SECONDS - JITTER_SECONDS) * 1000,
                                         (PROBER_STEADY_SECONDS + JITTER_SECONDS) * 1000);
    }
  else
    delay = MAX (funnel_backoff_next (&target->backoff), FAILURE_MIN_MS);
  target->timer = g_timeout_add (delay, on_due, target);
}

/* Running. */

typedef struct
{
  Prober *prober;
  char *key;
  GCancellable *cancellable; /* tells this run's target from a later one of the same key */
  guint32 epoch;
} Run;

static void
run_free (Run *run)
{
  g_free (run->key);
  g_object_unref (run->cancellable);
  g_free (run);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Run, run_free)

static void
probe_cb (GObject *source, GAsyncResult *async_result, gpointer user_data)
{
  g_autoptr (Run) run = user_data;
  g_autoptr (ProbeResult) result = probe_finish (async_result, NULL);
  Prober *self = run->prober;
  Target *target;

  /* The prober may be gone if it was cancelled. */
  if (g_cancellable_is_cancelled (run->cancellable) || !result)
    return;
  self->running--;
  target = g_hash_table_lookup (self->targets, run->key);
  if (target && target->running == run->cancellable)
    {
      g_clear_object (&target->running);
      g_clear_pointer (&target->last, funnel_link_message_free);
      target->last = make_message (self, target, run->epoch, result);
      g_free (target->said);
      target->said = describe (self, target, result);
      put_detail (target);
      dns_notes_look (self->notes, target->name,
                      target->last->detail ? LOOK_FAILED_SECONDS : LOOK_STEADY_SECONDS);
      target->when = ingress_now ();
      g_debug ("Probe of %s: %s", target->key, funnel_probe_outcome_text (result->outcome));
      schedule_next (target);
      self->func (target->node, target->last, self->user_data);
    }
  start_queued (self);
}

/* Whether the gate is shut for @target; it is told why, and tried again as after any failure. */
static gboolean
is_shut (Prober *self, Target *target)
{
  char *why = self->gate ? self->gate (target->name, self->gate_data) : NULL;

  if (!why)
    return FALSE;
  g_clear_pointer (&target->last, funnel_link_message_free);
  target->last = funnel_link_message_new (FUNNEL_LINK_PROBE);
  target->last->name = g_strdup (target->name);
  target->last->port = target->port;
  target->last->epoch = target->epoch;
  target->last->outcome = FUNNEL_PROBE_DNS;
  g_free (target->said);
  target->said = why;
  target->last->detail = g_strdup (why);
  target->last->addresses = g_new0 (char *, 1);
  target->when = ingress_now ();
  schedule_next (target);
  self->func (target->node, target->last, self->user_data);
  return TRUE;
}

/* This host's own names no resolver knows (RFC 6761 6.3). */
static const char *
resolver_for (Prober *self, const Target *target)
{
  return funnel_host_is_within (target->name, "localhost") ? NULL : self->config->resolver;
}

static void
start_queued (Prober *self)
{
  while (self->running < PROBER_AT_ONCE && !g_queue_is_empty (&self->queue))
    {
      Target *target = g_queue_pop_head (&self->queue);
      Run *run;

      target->queued = FALSE;
      if (is_shut (self, target))
        continue;
      run = g_new0 (Run, 1);
      target->running = g_cancellable_new ();
      run->prober = self;
      run->key = g_strdup (target->key);
      run->cancellable = g_object_ref (target->running);
      run->epoch = target->epoch;
      self->running++;
      probe_async (target->name, target->port, resolver_for (self, target), target->running,
                   probe_cb, run);
    }
}

/* Following the routes. */

static Target *
add_target (Prober *self, const char *key, const IngressRouteInfo *info)
{
  Target *target = g_new0 (Target, 1);

  target->prober = self;
  target->key = g_strdup (key);
  target->name = g_strdup (info->name);
  target->port = info->port;
  target->node = info->node->id;
  target->epoch = info->epoch;
  funnel_backoff_init (&target->backoff, FAILURE_FIRST_MS, FAILURE_MAX_MS);
  g_hash_table_replace (self->targets, target->key, target);
  return target;
}

/* A probe that is cancelled does not come back to count itself out. */
static void
end_run (Target *target)
{
  if (!target->running)
    return;
  target->prober->running--;
  g_cancellable_cancel (target->running);
  g_clear_object (&target->running);
  target->again = FALSE;
}

static void
drop_target (Prober *self, Target *target)
{
  end_run (target);
  dns_notes_forget (self->notes, target->name);
  g_hash_table_remove (self->targets, target->key);
}

static void
take_route (const IngressRouteInfo *info, gpointer user_data)
{
  Prober *self = user_data;
  g_autofree char *key = g_strdup_printf ("%s:%u", info->name, info->port);
  Target *target = g_hash_table_lookup (self->targets, key);

  if (!info->granted || !info->linked || !info->told)
    return;
  if (target && target->node != info->node->id)
    {
      drop_target (self, target);
      target = NULL;
    }
  if (!target)
    {
      enqueue (target = add_target (self, key, info));
      dns_notes_look (self->notes, info->name, LOOK_CHANGED_SECONDS);
    }
  else if (target->epoch != info->epoch || target->renew)
    {
      target->epoch = info->epoch;
      target->renew = FALSE;
      dns_notes_look (self->notes, info->name, LOOK_CHANGED_SECONDS);
      funnel_backoff_reset (&target->backoff);
      /* One under way is of the time before, and may wait long for a node that was away. */
      end_run (target);
      enqueue (target);
    }
  target->seen = self->round;
}

void
prober_sync (Prober *self, IngressRoutes *routes)
{
  g_autoptr (GList) targets = NULL;

  self->round++;
  ingress_routes_foreach (routes, take_route, self);
  targets = g_hash_table_get_values (self->targets);
  for (GList *l = targets; l; l = l->next)
    if (((Target *)l->data)->seen != self->round)
      drop_target (self, l->data);
  start_queued (self);
}

void
prober_set_gate (Prober *self, char *(*gate) (const char *name, gpointer data), gpointer data)
{
  self->gate = gate;
  self->gate_data = data;
}

void
prober_try_again (Prober *self)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->targets);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      Target *target = value;

      if (target->last && target->last->outcome == FUNNEL_PROBE_DNS)
        {
          funnel_backoff_reset (&target->backoff);
          enqueue (target);
        }
    }
  start_queued (self);
}

void
prober_renew (Prober *self, gint64 node)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->targets);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      Target *target = value;

      target->renew |= target->node == node;
    }
}

const FunnelLinkMessage *
prober_find (Prober *self, const char *name, guint16 port, gint64 *when)
{
  g_autofree char *key = g_strdup_printf ("%s:%u", name, port);
  const Target *target = g_hash_table_lookup (self->targets, key);

  if (!target || !target->last)
    return NULL;
  *when = target->when;
  return target->last;
}
