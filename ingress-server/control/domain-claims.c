/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "funnel-ingressd"

#include "ingress-server/control/domain-claims.h"

#include "lib/base/backoff.h"
#include "lib/base/error.h"
#include "lib/base/host.h"
#include "ingress-server/control/rate-limit.h"
#include "ingress-server/control/registry-claims.h"
#include "ingress-server/dns/domain-proof.h"

#include <glib/gi18n.h>
#include <string.h>

#define RETRY_FIRST_MS 2000
#define RETRY_MAX_MS 60000
#define RETRY_MIN_MS 1000
#define CHECKS_PER_SECOND 0.5 /* of one node, however often it changes its mind */
#define CHECKS_BURST FUNNEL_LINK_CLAIMS_MAX
#define PURGE_SECONDS 3600

/* One name of one node: waiting (timer), queued, running (cancellable), or dormant. */
typedef struct
{
  DomainClaims *owner;
  char *name;
  gint64 node;
  gboolean wanted;
  gboolean held;
  gint64 lost; /* Unix seconds; 0: the proof is there */
  FunnelLinkClaim *told;
  guint timer;
  gboolean queued;
  GCancellable *running;
  FunnelBackoff backoff;
} Claim;

/* What one node asks for or holds: at most as many as it may ask for and as many as it may hold. */
typedef struct
{
  gint64 id;
  RateBucket bucket;
  GPtrArray *claims; /* Claim*, owned */
} NodeClaims;

struct _DomainClaims
{
  IngressRegistry *registry;
  const IngressConfig *config;
  LinkServer *links;
  GHashTable *nodes;  /* gint64* → NodeClaims*, owned */
  GHashTable *untold; /* set of gint64*: nodes to be told */
  GQueue queue;       /* Claim* */
  guint running;
  guint tell_idle;
  guint purge_timer;
};

static void start_queued (DomainClaims *self);

static void
claim_free (Claim *claim)
{
  g_clear_handle_id (&claim->timer, g_source_remove);
  if (claim->queued)
    g_queue_remove (&claim->owner->queue, claim);
  if (claim->running)
    {
      g_cancellable_cancel (claim->running);
      claim->owner->running--;
    }
  g_clear_object (&claim->running);
  funnel_link_claim_free (claim->told);
  g_free (claim->name);
  g_free (claim);
}

static void
node_claims_free (NodeClaims *of)
{
  g_ptr_array_unref (of->claims);
  g_free (of);
}

static NodeClaims *
ensure_node (DomainClaims *self, gint64 node)
{
  NodeClaims *of = g_hash_table_lookup (self->nodes, &node);

  if (of)
    return of;
  of = g_new0 (NodeClaims, 1);
  of->id = node;
  of->claims = g_ptr_array_new_with_free_func ((GDestroyNotify)claim_free);
  g_hash_table_insert (self->nodes, &of->id, of);
  return of;
}

static Claim *
find_claim (DomainClaims *self, gint64 node, const char *name)
{
  NodeClaims *of = g_hash_table_lookup (self->nodes, &node);

  for (guint i = 0; of && i < of->claims->len; i++)
    {
      Claim *claim = g_ptr_array_index (of->claims, i);

      if (g_str_equal (claim->name, name))
        return claim;
    }
  return NULL;
}

static Claim *
ensure_claim (DomainClaims *self, gint64 node, const char *name)
{
  Claim *claim = find_claim (self, node, name);

  if (claim)
    return claim;
  claim = g_new0 (Claim, 1);
  claim->owner = self;
  claim->name = g_strdup (name);
  claim->node = node;
  claim->told = funnel_link_claim_new (name, FUNNEL_CLAIM_CHECKING);
  funnel_backoff_init (&claim->backoff, RETRY_FIRST_MS, RETRY_MAX_MS);
  g_ptr_array_add (ensure_node (self, node)->claims, claim);
  return claim;
}

/* --- telling --- */

/* What the admin has granted needs no proof. */
static gboolean
is_granted_by_hand (DomainClaims *self, const Claim *claim)
{
  const IngressNode *node = ingress_registry_find (self->registry, claim->node);
  const IngressGrant *grant = node ? ingress_node_find_grant (node, claim->name) : NULL;

  return grant && !grant->claimed;
}

static void
tell_node (DomainClaims *self, gint64 node)
{
  g_autoptr (FunnelLinkMessage) message = funnel_link_message_new (FUNNEL_LINK_CLAIMED);
  NodeClaims *of = g_hash_table_lookup (self->nodes, &node);

  for (guint i = 0; of && i < of->claims->len; i++)
    {
      Claim *claim = g_ptr_array_index (of->claims, i);

      if (claim->wanted && !is_granted_by_hand (self, claim))
        g_ptr_array_add (message->claims, funnel_link_claim_copy (claim->told));
    }
  link_server_send (self->links, node, message);
}

static gboolean
on_tell (gpointer data)
{
  DomainClaims *self = data;
  g_autoptr (GHashTable) nodes = g_steal_pointer (&self->untold);
  GHashTableIter iter;
  gpointer key;

  self->tell_idle = 0;
  self->untold = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  g_hash_table_iter_init (&iter, nodes);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    tell_node (self, *(gint64 *)key);
  return G_SOURCE_REMOVE;
}

static void
tell_soon (DomainClaims *self, gint64 node)
{
  g_hash_table_add (self->untold, g_memdup2 (&node, sizeof node));
  if (self->tell_idle == 0)
    self->tell_idle = g_idle_add (on_tell, self);
}

static void
set_state (Claim *claim, FunnelClaimState state, const char *reason, GStrv records)
{
  claim->told->state = state;
  g_free (claim->told->reason);
  claim->told->reason = g_strdup (reason);
  g_strfreev (claim->told->records);
  claim->told->records = records ? g_strdupv (records) : g_new0 (char *, 1);
  tell_soon (claim->owner, claim->node);
}

/* --- when --- */

static void
enqueue (Claim *claim)
{
  g_clear_handle_id (&claim->timer, g_source_remove);
  if (claim->running || claim->queued)
    return;
  claim->queued = TRUE;
  g_queue_push_tail (&claim->owner->queue, claim);
  start_queued (claim->owner);
}

static gboolean
on_due (gpointer data)
{
  Claim *claim = data;

  claim->timer = 0;
  /* Whom nobody hears need not be told; the next link asks anew. */
  if (claim->held || link_server_get_since (claim->owner->links, claim->node) != 0)
    enqueue (claim);
  return G_SOURCE_REMOVE;
}

static void
schedule (Claim *claim, guint delay_ms)
{
  g_clear_handle_id (&claim->timer, g_source_remove);
  claim->timer = g_timeout_add (MAX (delay_ms, RETRY_MIN_MS), on_due, claim);
}

static void
schedule_next_check (Claim *claim)
{
  gint64 seconds = MIN (claim->owner->config->claim_check, 7 * 86400);

  schedule (claim, (guint)((double)seconds * g_random_double_range (900, 1100)));
}

static void
schedule_retry (Claim *claim)
{
  gint64 longest = claim->held ? claim->owner->config->claim_check * 1000 : RETRY_MAX_MS;

  schedule (claim, (guint)MIN (funnel_backoff_next (&claim->backoff), longest));
}

/* --- what a look at DNS has shown --- */

static void
take_proof (Claim *claim, const DomainAnswer *answer)
{
  DomainClaims *self = claim->owner;
  g_autoptr (GError) error = NULL;

  if (ingress_registry_take_claim (self->registry, claim->node, claim->name,
                                   domain_proof_text (answer->proof), &error))
    {
      claim->held = TRUE;
      claim->lost = 0;
      funnel_backoff_reset (&claim->backoff);
      set_state (claim, FUNNEL_CLAIM_HELD, NULL, NULL);
      schedule_next_check (claim);
      return;
    }
  if (!g_error_matches (error, FUNNEL_ERROR, FUNNEL_ERROR_CONFLICT))
    g_warning ("Cannot give %s: %s", claim->name, error->message);
  if (!claim->held)
    set_state (claim, FUNNEL_CLAIM_REFUSED, error->message, NULL);
  schedule_retry (claim);
}

/* A proof that was there is gone. */
static void
lose (Claim *claim, const DomainAnswer *answer)
{
  DomainClaims *self = claim->owner;
  gint64 now = ingress_now ();
  g_autoptr (GError) error = NULL;
  gboolean done;

  if (claim->lost != 0 && now - claim->lost >= self->config->claim_grace)
    {
      claim->held = FALSE; /* before others are told */
      done = ingress_registry_release_claim (self->registry, claim->node, claim->name, &error);
      claim->held = !done;
    }
  else
    done = claim->lost != 0
           || ingress_registry_lose_claim (self->registry, claim->node, claim->name, &error);
  if (!done)
    g_warning ("Cannot note that the proof of %s is gone: %s", claim->name, error->message);
  if (claim->lost == 0)
    claim->lost = now;
  set_state (claim, claim->held ? FUNNEL_CLAIM_LOST : FUNNEL_CLAIM_REFUSED, answer->why,
             answer->records);
}

static void
take_answer (Claim *claim, const DomainAnswer *answer)
{
  switch (answer->proof)
    {
    case DOMAIN_BY_CNAME:
    case DOMAIN_BY_TXT:
      take_proof (claim, answer);
      return;
    case DOMAIN_UNPROVED:
      if (claim->held)
        lose (claim, answer);
      else
        set_state (claim, FUNNEL_CLAIM_REFUSED, answer->why, answer->records);
      break;
    case DOMAIN_UNKNOWN:
    default:
      if (!claim->held)
        set_state (claim, FUNNEL_CLAIM_REFUSED, answer->why, answer->records);
      else
        g_message ("Claim of %s cannot be looked at: %s", claim->name, answer->why);
    }
  schedule_retry (claim);
}

/* --- looking --- */

typedef struct
{
  DomainClaims *owner;
  gint64 node;
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
domain_proof_check_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (Run) run = user_data;
  g_autoptr (DomainAnswer) answer = domain_proof_check_finish (result, NULL);
  Claim *claim;

  /* Cancelled with its claim, perhaps with all of them; it is counted out already. */
  if (g_cancellable_is_cancelled (run->cancellable) || !answer)
    return;
  claim = find_claim (run->owner, run->node, run->name);
  g_return_if_fail (claim && claim->running == run->cancellable);
  g_clear_object (&claim->running);
  run->owner->running--;
  if (claim->wanted || claim->held)
    take_answer (claim, answer);
  start_queued (run->owner);
}

/* What needs no look at DNS, or may have none. */
static gboolean
settle (DomainClaims *self, Claim *claim)
{
  g_autofree char *why = NULL;

  if (is_granted_by_hand (self, claim))
    return TRUE;
  if (claim->held)
    return FALSE;
  if (self->config->domains == INGRESS_DOMAINS_OFF)
    why = g_strdup (N_ ("this ingress takes no proofs (custom-domains=off)"));
  else if (funnel_host_is_within (claim->name, self->config->zone)
           || g_str_equal (claim->name, self->config->endpoint_host))
    why = g_strdup_printf (N_ ("%s is the ingress's own; its admin grants it"), claim->name);
  else if (!strchr (claim->name, '.'))
    why = g_strdup_printf (N_ ("%s is no domain"), claim->name);
  if (why)
    set_state (claim, FUNNEL_CLAIM_REFUSED, why, NULL);
  return why != NULL;
}

static void
look (DomainClaims *self, Claim *claim, const IngressNode *node)
{
  g_autofree char *assigned = ingress_registry_assigned_name (self->registry, node->name);
  Run *run = g_new0 (Run, 1);

  claim->running = g_cancellable_new ();
  run->owner = self;
  run->node = claim->node;
  run->name = g_strdup (claim->name);
  run->cancellable = g_object_ref (claim->running);
  self->running++;
  domain_proof_check_async (self->config, claim->name, assigned, node->public_key, claim->running,
                            domain_proof_check_cb, run);
}

static void
start_queued (DomainClaims *self)
{
  while (self->running < CLAIMS_AT_ONCE && !g_queue_is_empty (&self->queue))
    {
      Claim *claim = g_queue_pop_head (&self->queue);
      const IngressNode *node = ingress_registry_find (self->registry, claim->node);

      claim->queued = FALSE;
      if (!node || settle (self, claim))
        continue;
      if (rate_bucket_take (&ensure_node (self, claim->node)->bucket, CHECKS_PER_SECOND,
                            CHECKS_BURST, g_get_monotonic_time ()))
        look (self, claim, node);
      else
        schedule_retry (claim);
    }
}

/* --- what the registry tells --- */

/* By hand granted, revoked or released meanwhile. */
static void
on_registry_grants_changed (IngressRegistry *registry, const IngressNode *node, DomainClaims *self)
{
  NodeClaims *of = g_hash_table_lookup (self->nodes, &node->id);

  for (guint i = 0; of && i < of->claims->len; i++)
    {
      Claim *claim = g_ptr_array_index (of->claims, i);
      const IngressGrant *grant = ingress_node_find_grant (node, claim->name);
      gboolean held = grant && grant->claimed;

      if (claim->held == held)
        continue;
      claim->held = held;
      claim->lost = 0;
      if (held || !claim->wanted)
        continue;
      set_state (claim, FUNNEL_CLAIM_CHECKING, NULL, NULL);
      schedule_retry (claim);
    }
}

static void
on_registry_key_changed (IngressRegistry *registry,
                         const IngressNode *node,
                         const char *old_key,
                         DomainClaims *self)
{
  g_hash_table_remove (self->nodes, &node->id);
}

static void
on_registry_node_removed (IngressRegistry *registry, const IngressNode *node, DomainClaims *self)
{
  g_hash_table_remove (self->nodes, &node->id);
}

static gboolean
on_purge (gpointer data)
{
  DomainClaims *self = data;

  ingress_registry_purge_claims (self->registry);
  return G_SOURCE_CONTINUE;
}

/* --- public --- */

static gboolean
load (DomainClaims *self, GError **error)
{
  g_autoptr (GPtrArray) stored = ingress_registry_load_claims (self->registry, error);
  gint64 now = ingress_now ();

  for (guint i = 0; stored && i < stored->len; i++)
    {
      const IngressClaim *one = g_ptr_array_index (stored, i);
      gint64 due = one->checked + self->config->claim_check - now;
      Claim *claim;

      if (one->node == 0)
        continue;
      claim = ensure_claim (self, one->node, one->name);
      claim->held = TRUE;
      claim->lost = one->lost;
      claim->told->state = one->lost ? FUNNEL_CLAIM_LOST : FUNNEL_CLAIM_HELD;
      if (one->lost || due <= 0)
        schedule (claim, (guint)g_random_int_range (RETRY_MIN_MS, RETRY_MAX_MS));
      else
        schedule (claim, (guint)MIN (due * 1000, G_MAXINT));
    }
  return stored != NULL;
}

DomainClaims *
domain_claims_new (IngressRegistry *registry, LinkServer *links, GError **error)
{
  g_autoptr (DomainClaims) self = g_new0 (DomainClaims, 1);

  self->registry = g_object_ref (registry);
  self->config = ingress_registry_get_config (registry);
  self->links = links;
  self->nodes
      = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, (GDestroyNotify)node_claims_free);
  self->untold = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  g_queue_init (&self->queue);
  g_signal_connect (registry, "grants-changed", G_CALLBACK (on_registry_grants_changed), self);
  g_signal_connect (registry, "key-changed", G_CALLBACK (on_registry_key_changed), self);
  g_signal_connect (registry, "node-removed", G_CALLBACK (on_registry_node_removed), self);
  ingress_registry_purge_claims (registry);
  self->purge_timer = g_timeout_add_seconds (PURGE_SECONDS, on_purge, self);
  return load (self, error) ? g_steal_pointer (&self) : NULL;
}

void
domain_claims_free (DomainClaims *self)
{
  g_signal_handlers_disconnect_by_data (self->registry, self);
  g_clear_handle_id (&self->tell_idle, g_source_remove);
  g_clear_handle_id (&self->purge_timer, g_source_remove);
  g_hash_table_unref (self->nodes);
  g_hash_table_unref (self->untold);
  g_queue_clear (&self->queue);
  g_object_unref (self->registry);
  g_free (self);
}

void
domain_claims_set_wanted (DomainClaims *self, gint64 id, GStrv names)
{
  NodeClaims *of = ensure_node (self, id);

  for (guint i = of->claims->len; i > 0; i--)
    {
      Claim *claim = g_ptr_array_index (of->claims, i - 1);

      if (g_strv_contains ((const char *const *)names, claim->name))
        continue;
      claim->wanted = FALSE;
      /* What is held stays held: a share may only be off for a while. */
      if (!claim->held)
        g_ptr_array_remove_index (of->claims, i - 1);
    }
  for (guint i = 0; names[i]; i++)
    {
      Claim *claim = ensure_claim (self, id, names[i]);

      claim->wanted = TRUE;
      if (claim->held)
        continue;
      funnel_backoff_reset (&claim->backoff);
      enqueue (claim);
    }
  tell_soon (self, id);
}

void
domain_claims_foreach (DomainClaims *self, DomainClaimFunc func, gpointer user_data)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->nodes);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      NodeClaims *of = value;

      for (guint i = 0; i < of->claims->len; i++)
        func (of->id, ((Claim *)g_ptr_array_index (of->claims, i))->told, user_data);
    }
}
