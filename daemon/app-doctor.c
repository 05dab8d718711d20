/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/app-doctor.h"

#include "daemon/doctor/node-doctor.h"
#include "daemon/link/ingress-question.h"
#include "lib/base/error.h"
#include "lib/base/expiry.h"
#include "lib/base/wg-key.h"
#include "lib/tunnel/endpoint.h"

#include <glib/gi18n.h>
#include <string.h>

#define DEADLINE_MS 9000
#define QUESTION_MS 7000
#define DNS_SECONDS 7
#define RUNS_MAX 4 /* any user of the bus may ask */

struct _FunnelAppDoctor
{
  const FunnelDoctorOwner *owner;
  gpointer user_data;
  GPtrArray *runs; /* GTask*: not answered yet, each with a reference */
};

typedef struct
{
  FunnelAppDoctor *doctor;
  FunnelExpiry *expiry;
  char *name;
  char *client_version;
  guint pending; /* calls */
  gboolean over; /* answered; @doctor may be gone */
  guint deadline_source;
  GPtrArray *views; /* FunnelDnsView* */
  FunnelEndpoint *endpoint;
  GStrv addresses; /* of the endpoint; NULL not known */
  FunnelDoctorAsked asked;
  char *asked_problem;
  FunnelKnownAnswer *answer;
  gint64 answered_at; /* Unix seconds, by this machine's clock */
} Run;

static void
run_free (gpointer data)
{
  Run *run = data;

  g_clear_handle_id (&run->deadline_source, g_source_remove);
  g_clear_pointer (&run->expiry, funnel_expiry_free);
  g_ptr_array_unref (run->views);
  g_clear_pointer (&run->endpoint, funnel_endpoint_unref);
  g_strfreev (run->addresses);
  g_free (run->asked_problem);
  funnel_known_answer_free (run->answer);
  g_free (run->name);
  g_free (run->client_version);
  g_free (run);
}

static gint64
get_now (void)
{
  return g_get_real_time () / G_USEC_PER_SEC;
}

static gboolean
is_wanted (const Run *run, FunnelShareRuntime *runtime)
{
  const FunnelShareSpec *spec = funnel_share_get_spec (funnel_share_runtime_get_share (runtime));

  return run->name == NULL || g_str_equal (run->name, spec->name);
}

/* The wanted shares, by name and port. */
static int
compare_runtimes (gconstpointer a, gconstpointer b)
{
  FunnelShareRuntime *const *x = a, *const *y = b;
  const FunnelShareSpec *left = funnel_share_get_spec (funnel_share_runtime_get_share (*x));
  const FunnelShareSpec *right = funnel_share_get_spec (funnel_share_runtime_get_share (*y));
  int order = strcmp (left->name, right->name);

  return order != 0 ? order : (int)left->port - (int)right->port;
}

static GPtrArray *
list_wanted (const Run *run, GHashTable *runtimes)
{
  GPtrArray *list = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer runtime = NULL;

  g_hash_table_iter_init (&iter, runtimes);
  while (g_hash_table_iter_next (&iter, NULL, &runtime))
    if (is_wanted (run, runtime))
      g_ptr_array_add (list, runtime);
  g_ptr_array_sort (list, compare_runtimes);
  return list;
}

/* --- Judging what was collected --- */

static void
fill_certificate (FunnelShareRuntime *runtime, FunnelDoctorShare *out, GVariant **keep)
{
  g_object_get (funnel_share_runtime_get_share (runtime), "certificate", keep, NULL);
  if (*keep == NULL)
    return;
  g_variant_lookup (*keep, "not-before", "x", &out->certificate_begin);
  g_variant_lookup (*keep, "not-after", "x", &out->certificate_end);
  g_variant_lookup (*keep, "problem", "&s", &out->certificate_problem);
}

static GPtrArray *
fill_shares (const Run *run, const FunnelDoctorView *view, GPtrArray *keep)
{
  GPtrArray *shares = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) wanted = list_wanted (run, view->runtimes);

  for (guint i = 0; i < wanted->len; i++)
    {
      FunnelShareRuntime *runtime = g_ptr_array_index (wanted, i);
      FunnelDoctorShare *share = g_new0 (FunnelDoctorShare, 1);
      GVariant *certificate = NULL;

      funnel_share_runtime_fill (runtime, &share->facts);
      run->doctor->owner->judge_grant (run->doctor->user_data, &share->facts);
      share->target_checked = !funnel_share_runtime_is_checking (runtime);
      share->probed_at = funnel_share_runtime_get_probed_at (runtime);
      fill_certificate (runtime, share, &certificate);
      if (certificate != NULL)
        g_ptr_array_add (keep, certificate);
      g_ptr_array_add (shares, share);
    }
  return shares;
}

/* The property values, kept alive while they are judged. */
typedef struct
{
  char *tunnel;
  char *engine;
  GStrv passed_over;
  guint64 handshake;
  guint mtu;
} TunnelText;

static void
tunnel_text_clear (TunnelText *text)
{
  g_free (text->tunnel);
  g_free (text->engine);
  g_strfreev (text->passed_over);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (TunnelText, tunnel_text_clear)

static void
fill_way (const Run *run, FunnelIngress *ingress, TunnelText *text, FunnelDoctorFacts *facts)
{
  const FunnelIngressSpec *spec = funnel_ingress_get_spec (ingress);
  FunnelIngressState state = funnel_ingress_get_state (ingress);

  g_object_get (ingress, "tunnel", &text->tunnel, "engine", &text->engine, "tunnel-passed-over",
                &text->passed_over, "handshake", &text->handshake, "mtu", &text->mtu, NULL);
  facts->joined = TRUE;
  facts->node = spec->node;
  facts->zone = spec->zone;
  facts->endpoint_host = spec->endpoint_host;
  facts->endpoint_port = spec->endpoint_port;
  facts->endpoint_addresses = (const char *const *)run->addresses;
  facts->ingress_public_key = spec->ingress_public_key;
  facts->tunnel = text->tunnel;
  facts->engine = text->engine;
  facts->passed_over = (const char *const *)text->passed_over;
  facts->handshake = (gint64)text->handshake;
  facts->mtu = text->mtu;
  facts->path_mtu = run->endpoint != NULL ? funnel_endpoint_get_path_mtu (run->endpoint) : 0;
  facts->tunnel_up = state != FUNNEL_INGRESS_TUNNEL_DOWN;
  facts->tunnel_age = funnel_ingress_get_tunnel_age (ingress);
  facts->linked = state == FUNNEL_INGRESS_LINKED;
  facts->tunnel_reason = facts->link_reason = funnel_ingress_get_reason (ingress);
  facts->tunnel_next_step = funnel_ingress_get_next_step (ingress);
  facts->asked = run->asked;
  facts->asked_problem = run->asked_problem;
  if (run->answer == NULL)
    return;
  /* What time it would be there now. */
  facts->ingress_clock = run->answer->time + facts->now - run->answered_at;
  facts->ingress_handshake = run->answer->handshake;
  facts->ingress_told_key = run->answer->ingress_public_key;
}

static GPtrArray *
judge (Run *run)
{
  FunnelDoctorView view = {0};
  g_auto (TunnelText) text = {0};
  g_autoptr (GPtrArray) keep = g_ptr_array_new_with_free_func ((GDestroyNotify)g_variant_unref);
  g_autoptr (GPtrArray) shares = NULL;
  FunnelDoctorFacts facts = {.now = get_now (),
                             .daemon_version = FUNNEL_VERSION,
                             .client_version = run->client_version,
                             .wanted_name = run->name,
                             .names = run->views};

  run->doctor->owner->look (run->doctor->user_data, &view);
  facts.state_dir = view.state_dir;
  facts.store_problems = view.store_problems;
  if (view.ingress != NULL)
    fill_way (run, funnel_ingress_runtime_get_ingress (view.ingress), &text, &facts);
  shares = fill_shares (run, &view, keep);
  facts.shares = shares;
  return funnel_node_doctor_evaluate (&facts);
}

/* --- Collecting --- */

/* The run's own reference to the task ends here; calls still under way have theirs. */
static void
finish (GTask *task)
{
  Run *run = g_task_get_task_data (task);

  run->over = TRUE;
  g_ptr_array_remove_fast (run->doctor->runs, task);
  g_clear_handle_id (&run->deadline_source, g_source_remove);
  g_task_return_pointer (task, judge (run), (GDestroyNotify)g_ptr_array_unref);
  g_object_unref (task);
}

static gboolean
is_busy (const Run *run)
{
  FunnelDoctorView view = {0};
  g_autoptr (GPtrArray) wanted = NULL;
  gboolean busy = run->pending > 0;

  run->doctor->owner->look (run->doctor->user_data, &view);
  wanted = list_wanted (run, view.runtimes);
  for (guint i = 0; i < wanted->len; i++)
    busy = busy || funnel_share_runtime_is_checking (g_ptr_array_index (wanted, i));
  return busy || (view.ingress != NULL && funnel_ingress_runtime_is_querying (view.ingress));
}

static void
go_on (GTask *task)
{
  if (!is_busy (g_task_get_task_data (task)))
    finish (task);
}

static gboolean
on_deadline (gpointer user_data)
{
  GTask *task = user_data;
  Run *run = g_task_get_task_data (task);

  run->deadline_source = 0;
  finish (task);
  return G_SOURCE_REMOVE;
}

static void
view_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Run *run = g_task_get_task_data (task);
  FunnelDnsView *view = funnel_dns_view_finish (result, NULL);

  if (run->over)
    {
      funnel_dns_view_free (view);
      return;
    }
  run->pending--;
  if (view != NULL)
    g_ptr_array_add (run->views, view);
  go_on (task);
}

static void
resolve_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Run *run = g_task_get_task_data (task);
  GList *found = g_resolver_lookup_by_name_finish (G_RESOLVER (source), result, NULL);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  if (!run->over)
    {
      for (GList *item = found; item != NULL; item = item->next)
        {
          g_autofree char *text = g_inet_address_to_string (item->data);

          g_strv_builder_add (builder, text);
        }
      run->addresses = found != NULL ? g_strv_builder_end (builder) : NULL;
      run->pending--;
      go_on (task);
    }
  g_resolver_free_addresses (found);
}

static void
endpoint_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Run *run = g_task_get_task_data (task);

  funnel_endpoint_resolve_finish (result, NULL);
  if (run->over)
    return;
  run->pending--;
  go_on (task);
}

static FunnelDoctorAsked
map_failure (const GError *error)
{
  if (g_error_matches (error, FUNNEL_ERROR, FUNNEL_ERROR_UNTRUSTED))
    return FUNNEL_DOCTOR_ASKED_UNTRUSTED;
  if (g_error_matches (error, FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE))
    return FUNNEL_DOCTOR_ASKED_SILENT;
  return FUNNEL_DOCTOR_ASKED_CONNECTED;
}

static void
question_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Run *run = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  g_autoptr (FunnelKnownAnswer) answer = funnel_ingress_question_finish (result, &error);

  if (run->over)
    return;
  run->pending--;
  if (answer == NULL)
    {
      run->asked = map_failure (error);
      run->asked_problem = g_strdup (error->message);
    }
  else
    {
      run->asked = answer->known ? FUNNEL_DOCTOR_ASKED_KNOWN : FUNNEL_DOCTOR_ASKED_UNKNOWN;
      run->answer = g_steal_pointer (&answer);
      run->answered_at = get_now ();
    }
  go_on (task);
}

static void
ask_ingress (GTask *task, FunnelIngressRuntime *ingress)
{
  Run *run = g_task_get_task_data (task);
  GCancellable *cancellable = funnel_expiry_get (run->expiry);
  const FunnelIngressSpec *spec
      = funnel_ingress_get_spec (funnel_ingress_runtime_get_ingress (ingress));
  g_autoptr (GResolver) resolver = g_resolver_get_default ();
  g_autofree char *public_key = funnel_wg_key_public (spec->private_key, NULL);

  run->pending += 2;
  g_resolver_lookup_by_name_async (resolver, spec->endpoint_host, cancellable, resolve_cb,
                                   g_object_ref (task));
  run->endpoint = funnel_endpoint_new (spec->endpoint_host, spec->endpoint_port);
  funnel_endpoint_resolve_async (run->endpoint, cancellable, endpoint_cb, g_object_ref (task));
  if (public_key != NULL)
    {
      run->pending++;
      funnel_ingress_question_async (spec->host, spec->port, spec->key_hash, public_key,
                                     QUESTION_MS, cancellable, question_cb, g_object_ref (task));
    }
  funnel_ingress_runtime_query (ingress);
}

static void
look_up (GTask *task, const char *name)
{
  Run *run = g_task_get_task_data (task);

  run->pending++;
  funnel_dns_view_async (name, NULL, DNS_SECONDS, funnel_expiry_get (run->expiry), view_cb,
                         g_object_ref (task));
}

static void
look_up_names (GTask *task, const FunnelDoctorView *view, const GPtrArray *wanted)
{
  Run *run = g_task_get_task_data (task);
  const char *before = NULL;
  guint n = 0;

  for (guint i = 0; i < wanted->len && n < FUNNEL_DOCTOR_NAMES_MAX; i++)
    {
      FunnelShare *share = funnel_share_runtime_get_share (g_ptr_array_index (wanted, i));
      const char *name = funnel_share_get_spec (share)->name;

      if (g_strcmp0 (name, before) == 0)
        continue;
      look_up (task, name);
      before = name;
      n++;
    }
  if (n == 0 && view->ingress != NULL)
    {
      g_autofree char *name
          = funnel_ingress_dup_default_name (funnel_ingress_runtime_get_ingress (view->ingress));

      look_up (task, run->name != NULL ? run->name : name);
    }
}

FunnelAppDoctor *
funnel_app_doctor_new (const FunnelDoctorOwner *owner, gpointer user_data)
{
  FunnelAppDoctor *self = g_new0 (FunnelAppDoctor, 1);

  self->owner = owner;
  self->user_data = user_data;
  self->runs = g_ptr_array_new ();
  return self;
}

void
funnel_app_doctor_free (FunnelAppDoctor *self)
{
  if (self == NULL)
    return;
  for (guint i = 0; i < self->runs->len; i++)
    {
      GTask *task = g_ptr_array_index (self->runs, i);
      Run *run = g_task_get_task_data (task);

      run->over = TRUE;
      g_clear_handle_id (&run->deadline_source, g_source_remove);
      g_cancellable_cancel (funnel_expiry_get (run->expiry));
      g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_CANCELLED, "funneld ends");
      g_object_unref (task);
    }
  g_ptr_array_unref (self->runs);
  g_free (self);
}

void
funnel_app_doctor_run_async (FunnelAppDoctor *self,
                             const char *name,
                             const char *client_version,
                             GAsyncReadyCallback callback,
                             gpointer user_data)
{
  GTask *task = g_task_new (NULL, NULL, callback, user_data);
  Run *run = g_new0 (Run, 1);
  FunnelDoctorView view = {0};
  g_autoptr (GPtrArray) wanted = NULL;

  g_task_set_source_tag (task, funnel_app_doctor_run_async);
  g_task_set_task_data (task, run, run_free);
  if (self->runs->len >= RUNS_MAX)
    {
      run->views = g_ptr_array_new ();
      g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_CONFLICT,
                               N_ ("%u doctors are at work already; wait for them"),
                               self->runs->len);
      g_object_unref (task);
      return;
    }
  run->doctor = self;
  run->name = g_strdup (name);
  run->client_version = g_strdup (client_version);
  run->views = g_ptr_array_new_with_free_func ((GDestroyNotify)funnel_dns_view_free);
  run->expiry = funnel_expiry_new (NULL, DEADLINE_MS);
  run->deadline_source = g_timeout_add (DEADLINE_MS, on_deadline, task);
  g_ptr_array_add (self->runs, task);
  self->owner->look (self->user_data, &view);
  wanted = list_wanted (run, view.runtimes);
  run->pending++; /* until everything is under way */
  for (guint i = 0; i < wanted->len; i++)
    funnel_share_runtime_recheck (g_ptr_array_index (wanted, i));
  look_up_names (task, &view, wanted);
  if (view.ingress != NULL)
    ask_ingress (task, view.ingress);
  run->pending--;
  go_on (task);
}

GPtrArray *
funnel_app_doctor_run_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, funnel_app_doctor_run_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

void
funnel_app_doctor_notice (FunnelAppDoctor *self)
{
  for (guint i = self->runs->len; i-- > 0;)
    go_on (g_ptr_array_index (self->runs, i));
}
