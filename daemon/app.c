/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/app-private.h"
#include "daemon/share-counters.h"
#include "daemon/share-runtime.h"

FunnelIngress *
funnel_app_get_ingress (FunnelApp *self)
{
  return self->ingress != NULL ? funnel_ingress_runtime_get_ingress (self->ingress) : NULL;
}

static FunnelShareRuntime *
get_runtime (FunnelApp *self, guint32 id)
{
  return g_hash_table_lookup (self->runtimes, GUINT_TO_POINTER (id));
}

static gint64
get_now (void)
{
  return g_get_real_time () / G_USEC_PER_SEC;
}

/* --- From facts to states, data plane and link ------------------------------------------------ */

static void
fill_ingress_facts (FunnelIngress *ingress, FunnelShareFacts *facts)
{
  const FunnelIngressSpec *spec = funnel_ingress_get_spec (ingress);
  FunnelIngressState state = funnel_ingress_get_state (ingress);

  facts->joined = TRUE;
  facts->node = spec->node;
  facts->zone = spec->zone;
  facts->tunnel_up = state != FUNNEL_INGRESS_TUNNEL_DOWN;
  facts->tunnel_reason = funnel_ingress_get_reason (ingress);
  facts->tunnel_next_step = funnel_ingress_get_next_step (ingress);
  facts->linked = state == FUNNEL_INGRESS_LINKED;
  facts->link_reason = funnel_ingress_get_reason (ingress);
  facts->claim = funnel_ingress_find_claim (ingress, facts->name);
  facts->name_known = funnel_ingress_knows_name (ingress, facts->name);
  facts->grant = funnel_grant_check (funnel_ingress_get_grants (ingress), facts->name, facts->port,
                                     get_now ());
}

static void
hand_to_serve (FunnelApp *self, GPtrArray *shares)
{
  gboolean same = shares->len == self->served->len;

  for (guint i = 0; same && i < shares->len; i++)
    same = funnel_serve_share_equal (g_ptr_array_index (shares, i),
                                     g_ptr_array_index (self->served, i));
  g_ptr_array_unref (self->served);
  self->served = shares;
  if (!same)
    funnel_serve_set_shares (self->serve, shares);
}

static void
log_state (FunnelShare *share, const FunnelShareStatus *status)
{
  const FunnelShareSpec *spec = funnel_share_get_spec (share);

  if (funnel_share_get_state (share) != status->state)
    g_message ("%s:%u: %s", spec->name, spec->port, funnel_share_state_text (status->state));
}

/* A share is armed when it is asked for (it exists, and is on), the tunnel is proved to be
 * isolated, and the ingress grants it. While only the link is away, it stays armed: the relay goes
 * on by itself. */
static void
update_share (FunnelApp *self, FunnelShareRuntime *runtime, GPtrArray *served, GPtrArray *announced)
{
  FunnelIngress *ingress = funnel_app_get_ingress (self);
  FunnelShareFacts facts = {0};
  g_auto (FunnelShareStatus) status = {0};

  funnel_share_runtime_fill (runtime, &facts);
  if (ingress != NULL)
    {
      fill_ingress_facts (ingress, &facts);
      facts.unreached_device = funnel_ingress_runtime_get_unreached_device (self->ingress);
    }
  funnel_share_state_evaluate (&facts, &status);
  log_state (funnel_share_runtime_get_share (runtime), &status);
  funnel_share_set_status (funnel_share_runtime_get_share (runtime), &status);
  if (facts.expired || facts.switched_off || facts.paused || !facts.joined || !facts.tunnel_up
      || facts.grant != FUNNEL_GRANT_VALID || !funnel_share_runtime_is_servable (runtime))
    return;
  g_ptr_array_add (served, funnel_share_runtime_make_serve_share (runtime));
  g_ptr_array_add (announced, funnel_link_share_new (facts.name, facts.port, facts.epoch));
}

static void schedule_update (FunnelApp *self);

/* A foreground share that is over is gone; a background one is kept, off. */
static void
end_expired (FunnelApp *self)
{
  for (guint i = funnel_share_list_get_length (self->list); i > 0; i--)
    {
      FunnelShare *share = funnel_share_list_get (self->list, i - 1);
      const FunnelShareSpec *spec = funnel_share_get_spec (share);

      if (spec->foreground && funnel_share_spec_is_expired (spec, get_now ()))
        funnel_share_list_remove (self->list, share);
    }
}

static gboolean
on_expiry_timeout (gpointer user_data)
{
  FunnelApp *self = user_data;

  self->expiry_source = 0;
  end_expired (self);
  schedule_update (self);
  return G_SOURCE_REMOVE;
}

/* When the next grant or share runs out; G_MAXINT64: none does. */
static gint64
find_next_expiry (FunnelApp *self, gint64 now)
{
  FunnelIngress *ingress = funnel_app_get_ingress (self);
  const GPtrArray *grants = ingress != NULL ? funnel_ingress_get_grants (ingress) : NULL;
  gint64 first = G_MAXINT64;

  for (guint i = 0; grants != NULL && i < grants->len; i++)
    {
      const FunnelLinkGrant *grant = g_ptr_array_index (grants, i);

      if (grant->expires > now)
        first = MIN (first, grant->expires);
    }
  for (guint i = 0; i < funnel_share_list_get_length (self->list); i++)
    {
      const FunnelShareSpec *spec = funnel_share_get_spec (funnel_share_list_get (self->list, i));

      /* Its second may have begun between the look that ends shares and this one. */
      if (spec->expires > now || (spec->foreground && spec->expires > 0))
        first = MIN (first, spec->expires);
    }
  return first;
}

/* Grants and shares run out without anybody saying so. */
static void
watch_expiry (FunnelApp *self)
{
  gint64 now = get_now (), first = find_next_expiry (self, now);

  g_clear_handle_id (&self->expiry_source, g_source_remove);
  if (first != G_MAXINT64)
    self->expiry_source
        = g_timeout_add_seconds ((guint)CLAMP (first - now, 0, 3600), on_expiry_timeout, self);
}

static void
update_now (FunnelApp *self)
{
  GPtrArray *served = g_ptr_array_new_with_free_func ((GDestroyNotify)funnel_serve_share_unref);
  GPtrArray *announced = g_ptr_array_new_with_free_func ((GDestroyNotify)funnel_link_share_free);

  g_clear_handle_id (&self->update_source, g_source_remove);
  for (guint i = 0; i < funnel_share_list_get_length (self->list); i++)
    {
      guint32 id = funnel_share_get_spec (funnel_share_list_get (self->list, i))->id;

      update_share (self, get_runtime (self, id), served, announced);
    }
  funnel_challenge_routes_add (funnel_app_certificates_get_routes (self->certificates), served,
                               announced);
  hand_to_serve (self, served);
  if (self->ingress != NULL)
    {
      funnel_ingress_runtime_claim (self->ingress, self->list);
      funnel_ingress_runtime_announce (self->ingress, announced);
    }
  else
    g_ptr_array_unref (announced);
  funnel_app_certificates_follow (self->certificates, self->ingress);
  watch_expiry (self);
}

static gboolean
on_update_idle (gpointer user_data)
{
  FunnelApp *self = user_data;

  self->update_source = 0;
  update_now (self);
  return G_SOURCE_REMOVE;
}

/* Facts come in bunches; one update does for all of them. */
static void
schedule_update (FunnelApp *self)
{
  if (self->update_source == 0)
    self->update_source = g_idle_add_full (G_PRIORITY_HIGH_IDLE, on_update_idle, self, NULL);
}

static void
on_runtime_changed (gpointer user_data)
{
  FunnelApp *self = user_data;

  schedule_update (self);
  if (self->doctor != NULL)
    funnel_app_doctor_notice (self->doctor);
}

/* --- The list of shares ------------------------------------------------------------------------
 */

/* Before anybody else hears of the change: a share never appears with a state that is not its own,
 * and one that has ended is not served for another moment. */
static void
update_at_once (FunnelApp *self)
{
  if (self->serve != NULL)
    update_now (self);
}

static void
on_list_added (FunnelShareList *list, FunnelShare *share, FunnelApp *self)
{
  g_hash_table_insert (
      self->runtimes, GUINT_TO_POINTER (funnel_share_get_spec (share)->id),
      funnel_share_runtime_new (share, funnel_state_dir_get_path (self->dir),
                                funnel_app_certificates_get_keeper (self->certificates),
                                on_runtime_changed, self));
  update_at_once (self);
}

static void
on_list_removed (FunnelShareList *list, FunnelShare *share, FunnelApp *self)
{
  g_hash_table_remove (self->runtimes, GUINT_TO_POINTER (funnel_share_get_spec (share)->id));
  /* It may have stood in the way of an order. */
  funnel_certificate_keeper_nudge (funnel_app_certificates_get_keeper (self->certificates));
  update_at_once (self);
}

static void
on_list_replaced (FunnelShareList *list, FunnelShare *share, FunnelApp *self)
{
  funnel_share_runtime_restart (get_runtime (self, funnel_share_get_spec (share)->id));
  update_at_once (self);
}

/* --- Counters from the data plane ---------------------------------------------------------------
 */

static void
on_serve_changed (gpointer user_data)
{
  FunnelApp *self = user_data;

  for (guint i = 0; i < funnel_share_list_get_length (self->list); i++)
    {
      FunnelShare *share = funnel_share_list_get (self->list, i);
      guint32 id = funnel_share_get_spec (share)->id;
      FunnelServeCounters counters;
      FunnelShareTraffic traffic;

      if (!funnel_serve_get_counters (self->serve, id, &counters))
        continue;
      traffic.flows_active = counters.flows_active;
      traffic.flows_total = counters.flows_total;
      traffic.bytes_in = counters.bytes_in;
      traffic.bytes_out = counters.bytes_out;
      funnel_share_set_traffic (share, &traffic);
      funnel_share_set_refusals (share, funnel_share_counters_describe_refusals (&counters));
      funnel_share_set_requests (share, funnel_share_counters_describe_requests (&counters));
      funnel_share_runtime_take_counters (get_runtime (self, id), &counters);
    }
  if (self->ingress != NULL)
    funnel_ingress_runtime_note_serve (self->ingress);
}

/* --- The ingress ---------------------------------------------------------------------------------
 */

static void
on_ingress_unlinked (gpointer user_data)
{
  FunnelApp *self = user_data;
  GHashTableIter iter;
  gpointer runtime = NULL;

  g_hash_table_iter_init (&iter, self->runtimes);
  while (g_hash_table_iter_next (&iter, NULL, &runtime))
    funnel_share_runtime_forget_probe (runtime);
}

static void
on_ingress_probe (gpointer user_data, const FunnelLinkMessage *probe)
{
  FunnelApp *self = user_data;
  FunnelShare *share = funnel_share_list_find (self->list, probe->name, probe->port);

  if (share != NULL)
    funnel_share_runtime_take_probe (get_runtime (self, funnel_share_get_spec (share)->id), probe);
}

static void
on_ingress_spec_changed (gpointer user_data)
{
  FunnelApp *self = user_data;
  g_autoptr (GError) error = NULL;

  if (!funnel_joined_store_set (self->joined_store,
                                funnel_ingress_get_spec (funnel_app_get_ingress (self)), &error))
    g_warning ("%s", error->message);
}

static const FunnelIngressEvents ingress_events = {
    .changed = on_runtime_changed,
    .unlinked = on_ingress_unlinked,
    .probe = on_ingress_probe,
    .routed = on_runtime_changed,
    .spec_changed = on_ingress_spec_changed,
};

void
funnel_app_start_ingress (FunnelApp *self)
{
  const FunnelIngressSpec *spec = funnel_joined_store_get (self->joined_store);

  if (spec == NULL)
    return;
  self->ingress = funnel_ingress_runtime_new (spec, self->serve, &ingress_events, self);
  funnel_bus_add_ingress (self->bus, funnel_app_get_ingress (self));
  funnel_ingress_runtime_start (self->ingress);
  schedule_update (self);
}

void
funnel_app_stop_ingress (FunnelApp *self)
{
  if (self->ingress == NULL)
    return;
  funnel_bus_remove_ingress (self->bus, funnel_app_get_ingress (self));
  funnel_app_certificates_follow (self->certificates, NULL);
  g_clear_pointer (&self->ingress, funnel_ingress_runtime_free);
  on_ingress_unlinked (self);
  schedule_update (self);
}

void
funnel_app_show_authority (FunnelApp *self)
{
  funnel_bus_set_authority (self->bus, funnel_app_certificates_describe (self->certificates),
                            funnel_app_certificates_get_contact (self->certificates));
}

/* --- The doctor --- */

static void
add_problem (FunnelDoctorView *view, const char *problem)
{
  guint n = 0;

  while (view->store_problems[n] != NULL)
    n++;
  if (problem != NULL && n + 1 < G_N_ELEMENTS (view->store_problems))
    view->store_problems[n] = problem;
}

static void
app_look (gpointer owner, FunnelDoctorView *view)
{
  FunnelApp *self = owner;

  view->state_dir = funnel_state_dir_get_path (self->dir);
  add_problem (view, funnel_share_store_get_problem (self->share_store));
  add_problem (view, funnel_joined_store_get_problem (self->joined_store));
  add_problem (view, funnel_app_certificates_get_problem (self->certificates));
  view->ingress = self->ingress;
  view->runtimes = self->runtimes;
}

static void
app_judge_grant (gpointer owner, FunnelShareFacts *facts)
{
  FunnelIngress *ingress = funnel_app_get_ingress (owner);

  if (ingress != NULL)
    fill_ingress_facts (ingress, facts);
}

static const FunnelDoctorOwner doctor_owner = {.look = app_look, .judge_grant = app_judge_grant};

/* --- Begin and end
 * ------------------------------------------------------------------------------------ */

/* A store that cannot be read is no reason to be away: the error belongs where the user asks. */
static void
load_stores (FunnelApp *self)
{
  g_autoptr (GError) share_error = NULL, ingress_error = NULL;

  self->share_store = funnel_share_store_new (self->dir);
  if (!funnel_share_store_load (self->share_store, self->list, &share_error))
    g_warning ("%s", share_error->message);
  self->joined_store = funnel_joined_store_new (self->dir);
  if (!funnel_joined_store_load (self->joined_store, &ingress_error))
    g_warning ("%s", ingress_error->message);
}

static gboolean
was_exposed (FunnelApp *self)
{
  g_autofree char *text = NULL;
  gsize len = 0;

  return funnel_state_dir_read (self->dir, FUNNEL_APP_EXPOSED_FILE, 16, &text, &len, NULL)
         && text != NULL;
}

FunnelApp *
funnel_app_new (GDBusConnection *connection,
                const char *state_dir,
                const FunnelAuthority *authority,
                const FunnelLocalApiOptions *local_api,
                GError **error)
{
  g_autoptr (FunnelApp) self = g_new0 (FunnelApp, 1);

  self->list = funnel_share_list_new ();
  self->served = g_ptr_array_new_with_free_func ((GDestroyNotify)funnel_serve_share_unref);
  self->runtimes
      = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify)funnel_share_runtime_free);
  g_signal_connect (self->list, "added", G_CALLBACK (on_list_added), self);
  g_signal_connect (self->list, "removed", G_CALLBACK (on_list_removed), self);
  g_signal_connect (self->list, "replaced", G_CALLBACK (on_list_replaced), self);
  self->dir = funnel_state_dir_open (state_dir, error);
  if (self->dir == NULL)
    return NULL;
  self->certificates
      = funnel_app_certificates_new (self->dir, self->list, authority, on_runtime_changed, self);
  load_stores (self);
  self->serve = funnel_serve_new (on_serve_changed, self, error);
  if (self->serve == NULL)
    return NULL;
  update_now (self);
  self->doctor = funnel_app_doctor_new (&doctor_owner, self);
  self->bus = funnel_bus_new (connection, self->list, &funnel_app_methods, self);
  funnel_app_show_authority (self);
  self->local = funnel_app_local_certificates_new (
      self->dir, funnel_app_certificates_get_keeper (self->certificates), local_api, self->bus,
      error);
  if (self->local == NULL)
    return NULL;
  if (was_exposed (self))
    funnel_bus_set_exposed (self->bus);
  if (!funnel_bus_take_name (self->bus, error))
    return NULL;
  funnel_app_start_ingress (self);
  return g_steal_pointer (&self);
}

void
funnel_app_free (FunnelApp *self)
{
  if (self == NULL)
    return;
  if (self->joining != NULL)
    g_cancellable_cancel (self->joining);
  g_clear_object (&self->joining);
  g_clear_pointer (&self->doctor, funnel_app_doctor_free);
  if (self->certificates != NULL)
    funnel_app_certificates_stop (self->certificates);
  if (self->ingress != NULL)
    funnel_app_stop_ingress (self);
  g_clear_handle_id (&self->update_source, g_source_remove);
  g_clear_handle_id (&self->expiry_source, g_source_remove);
  funnel_app_local_certificates_free (self->local);
  funnel_bus_free (self->bus);
  g_signal_handlers_disconnect_by_data (self->list, self);
  g_hash_table_unref (self->runtimes);
  g_clear_pointer (&self->certificates, funnel_app_certificates_free);
  g_clear_pointer (&self->serve, funnel_serve_free);
  g_ptr_array_unref (self->served);
  g_object_unref (self->list);
  funnel_share_store_free (self->share_store);
  funnel_joined_store_free (self->joined_store);
  funnel_state_dir_free (self->dir);
  g_free (self);
}
