/* SPDX-License-Identifier: GPL-3.0-or-later */

/* choose (probe the back ends) -> up -> verify -> listen -> ready; then verify again and again. Any
 * failure, and the tunnel's own "lost", lead to down, a pause, and up again; a back end that cannot
 * work here is passed over, and the next one tried. Nothing goes up before what was there is down.
 * Each try has a cancellable of its own, so an answer that comes after the try was given up finds
 * it cancelled.
 *
 * What was passed over is asked again when the machine says that the answer may be another: a rival
 * is probed beside the tunnel in use. It takes over when the owner says so, because the way there
 * is down and up again. */

#include "daemon/link/tunnel-keeper.h"

#include "lib/base/expiry.h"
#include "lib/base/backoff.h"
#include "lib/base/error.h"
#include "lib/base/names.h"

#include <glib/gi18n.h>
#include <string.h>

#define STEP_MS 15000 /* one step; the agent may have to start programs */
#define UP_MS 60000   /* going up; a back end that asks another service gives up by itself before */
#define RETRY_FIRST_MS 100
#define RETRY_MAX_MS 5000
#define VERIFY_AGAIN_S 60
#define RECONSIDER_MS 1000       /* one change comes as many events */
#define ASK_AGAIN_FIRST_MS 15000 /* who did not answer, and may have too much to do already */
#define ASK_AGAIN_MAX_MS 120000
#define REFRESH_MS 3000   /* for those who wait for the end of one */
#define FAILED_REST_S 600 /* after a back end passed its probe and did not go up */
#define SLOW_UPS_MAX 2    /* in a row, before another back end is used */
#define ASK_REST_S 10     /* whoever tells of changes does not make work */
#define MOVE_AGAIN_S 60   /* a better one that does not last is not run after */
#define WORKS_NOW                                                                                  \
  N_ ("works by now, and is used as soon as no visitor is served, or at once with: funnel tunnel " \
      "on")

#define NO_ANSWER N_ ("it did not answer in time")

enum
{
  SIGNAL_READY,
  SIGNAL_LOST,
  SIGNAL_CHANGED,
  SIGNAL_REFRESHED,
  N_SIGNALS
};

struct _FunnelTunnelKeeper
{
  GObject parent_instance;
  FunnelTunnelConfig *config;
  gboolean direct;
  guint candidate;      /* index of the next back end to probe */
  FunnelTunnel *tunnel; /* the chosen one, or the one being probed */
  gulong lost_handler;
  guint n_closing;  /* tunnels that are not down yet */
  gboolean waiting; /* to start when they are */
  gboolean started;
  gboolean held;          /* the user switched it off: not to be started by itself */
  GPtrArray *passed_over; /* char*: "NAME: why" of the back ends before this one */
  FunnelTunnel *rival;    /* one of them that is asked again; NULL none */
  guint rival_index;
  guint32 failed_up; /* bit per back end: passed its probe, and did not go up */
  gint64 failed_at;  /* monotonic microseconds: when */
  guint n_slow_ups;  /* in a row: it went on, and came to no end */
  gboolean has_better;
  gboolean hinted;     /* to be asked again once there is a tunnel */
  gboolean unanswered; /* one of them said nothing, which need not last */
  guint reconsider_source;
  gint64 moved_at;       /* monotonic microseconds; 0 never */
  gint64 asked_at;       /* the same, of a rival */
  char *preferred;       /* back end; "" any */
  GCancellable *attempt; /* of the try or the tunnel that is; NULL when stopped or waiting */
  FunnelExpiry *step;
  gboolean ready;
  gboolean refreshing;
  gboolean querying;
  FunnelBackoff backoff;
  FunnelBackoff ask_again;
  guint retry_source;
  guint refresh_source;
  guint verify_source;
  char *reason;
  char *trouble; /* why the last refresh failed; "" it did not */
  char *name;
  FunnelTunnelStatus status;
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (FunnelTunnelKeeper, funnel_tunnel_keeper, G_TYPE_OBJECT)

static void choose (FunnelTunnelKeeper *self);
static void plan_to_reconsider (FunnelTunnelKeeper *self, guint milliseconds);

static void
set_reason (FunnelTunnelKeeper *self, const char *reason)
{
  if (g_strcmp0 (self->reason, reason) == 0)
    return;
  g_free (self->reason);
  self->reason = g_strdup (reason);
  g_signal_emit (self, signals[SIGNAL_CHANGED], 0);
}

static void
set_trouble (FunnelTunnelKeeper *self, const char *trouble)
{
  g_free (self->trouble);
  self->trouble = g_strdup (trouble);
}

/* The deadline of the step that begins now. */
static GCancellable *
begin_long_step (FunnelTunnelKeeper *self, guint milliseconds)
{
  g_clear_pointer (&self->step, funnel_expiry_free);
  self->step = funnel_expiry_new (self->attempt, milliseconds);
  return funnel_expiry_get (self->step);
}

static GCancellable *
begin_step (FunnelTunnelKeeper *self)
{
  return begin_long_step (self, STEP_MS);
}

/* May be told after the loss, while the tunnel goes down. */
static void
on_tunnel_switched_off (FunnelTunnel *tunnel, FunnelTunnelKeeper *self)
{
  if (!self->started)
    return;
  g_message ("Tunnel: switched off in NetworkManager");
  self->held = TRUE;
  self->waiting = FALSE;
  g_clear_handle_id (&self->retry_source, g_source_remove);
  set_reason (self, FUNNEL_TUNNEL_SWITCHED_OFF);
}

static void
down_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (FunnelTunnelKeeper) self = user_data;
  g_autoptr (GError) error = NULL;

  g_signal_handlers_disconnect_by_data (source, self);
  if (!funnel_tunnel_down_finish (FUNNEL_TUNNEL (source), result, &error))
    g_message ("Tunnel: going down: %s", error->message);
  self->n_closing--;
  if (self->n_closing > 0 || !self->waiting)
    return;
  self->waiting = FALSE;
  if (self->attempt != NULL)
    choose (self);
}

static void
drop_tunnel (FunnelTunnelKeeper *self)
{
  if (self->tunnel == NULL)
    return;
  g_clear_signal_handler (&self->lost_handler, self->tunnel);
  self->n_closing++;
  funnel_tunnel_down_async (self->tunnel, NULL, down_cb, g_object_ref (self));
  g_clear_object (&self->tunnel);
}

/* Goes on once everything that was there is down. */
static void
choose_when_down (FunnelTunnelKeeper *self)
{
  if (self->n_closing > 0)
    self->waiting = TRUE;
  else
    choose (self);
}

static void
pass_over (FunnelTunnelKeeper *self, const char *why)
{
  g_autofree char *text = g_strdup_printf ("%s: %s", funnel_tunnel_get_name (self->tunnel), why);

  g_message ("Tunnel: passed over %s", text);
  g_ptr_array_insert (self->passed_over, (int)self->passed_over->len - 1, g_strdup (text));
  g_signal_emit (self, signals[SIGNAL_CHANGED], 0);
}

static void
end_attempt (FunnelTunnelKeeper *self)
{
  g_clear_handle_id (&self->retry_source, g_source_remove);
  g_clear_handle_id (&self->verify_source, g_source_remove);
  g_clear_handle_id (&self->reconsider_source, g_source_remove);
  g_clear_object (&self->rival);
  self->has_better = FALSE;
  self->waiting = FALSE;
  if (self->attempt != NULL)
    g_cancellable_cancel (self->attempt);
  g_clear_object (&self->attempt);
  g_clear_pointer (&self->step, funnel_expiry_free);
  g_clear_handle_id (&self->refresh_source, g_source_remove);
  self->refreshing = FALSE;
  self->querying = FALSE;
  set_trouble (self, "");
  self->status = (FunnelTunnelStatus) {.engine = ""};
  drop_tunnel (self);
}

static void
forget_passed_over (FunnelTunnelKeeper *self)
{
  self->unanswered = FALSE;
  self->failed_up = 0;
  g_clear_pointer (&self->passed_over, g_ptr_array_unref);
  self->passed_over = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (self->passed_over, NULL);
}

static void
begin_attempt (FunnelTunnelKeeper *self)
{
  end_attempt (self);
  self->ready = FALSE;
  self->attempt = g_cancellable_new ();
  self->candidate = 0;
  forget_passed_over (self);
  choose_when_down (self);
}

static gboolean
on_retry_timeout (gpointer user_data)
{
  FunnelTunnelKeeper *self = user_data;

  self->retry_source = 0;
  begin_attempt (self);
  return G_SOURCE_REMOVE;
}

static void
give_up (FunnelTunnelKeeper *self, const char *reason)
{
  gboolean was_ready = self->ready;
  guint wait = funnel_backoff_next (&self->backoff);

  g_message ("Tunnel: %s", reason);
  self->ready = FALSE;
  end_attempt (self);
  self->retry_source = g_timeout_add (wait, on_retry_timeout, self);
  set_reason (self, reason);
  if (was_ready)
    g_signal_emit (self, signals[SIGNAL_LOST], 0);
}

/* TRUE when the answer is to a try that is over; takes care of the failure otherwise. */
static gboolean
step_failed (FunnelTunnelKeeper *self, gpointer tunnel, const GError *error, const char *what)
{
  g_autofree char *reason = NULL;

  if (self->tunnel != tunnel || self->step == NULL)
    return TRUE;
  if (error == NULL)
    return FALSE;
  if (funnel_expiry_has_passed (self->step))
    reason = g_strdup_printf (N_ ("%s took too long"), what);
  else
    reason = g_strdup (error->message);
  give_up (self, reason);
  return TRUE;
}

static void
on_tunnel_lost (FunnelTunnel *tunnel, const char *reason, FunnelTunnelKeeper *self)
{
  g_autofree char *text = g_strdup (reason != NULL ? reason : N_ ("the tunnel went away"));

  give_up (self, text);
}

/* The kernel's WireGuard comes before another in the same back end. */
static void
note_engine (FunnelTunnelKeeper *self)
{
  g_autofree char *text = NULL;

  if (self->status.no_kernel == NULL)
    return;
  text = g_strdup_printf (N_ ("%s with the kernel's WireGuard: %s"), self->name,
                          self->status.no_kernel);
  if (g_strv_contains ((const char *const *)self->passed_over->pdata, text))
    return;
  g_ptr_array_insert (self->passed_over, (int)self->passed_over->len - 1, g_strdup (text));
}

static void
query_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (FunnelTunnelKeeper) self = user_data;
  FunnelTunnelStatus status = {0};
  gboolean ok = funnel_tunnel_query_finish (FUNNEL_TUNNEL (source), result, &status, NULL);

  if (self->tunnel != FUNNEL_TUNNEL (source))
    return;
  self->querying = FALSE;
  if (ok)
    {
      self->status = status;
      note_engine (self);
    }
  g_signal_emit (self, signals[SIGNAL_CHANGED], 0);
}

static void
verify_again_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (FunnelTunnelKeeper) self = user_data;
  g_autoptr (GError) error = NULL;

  funnel_tunnel_verify_finish (FUNNEL_TUNNEL (source), result, &error);
  if (step_failed (self, source, error, N_ ("proving the tunnel's isolation")))
    return;
  g_clear_pointer (&self->step, funnel_expiry_free);
  funnel_tunnel_keeper_query (self);
}

static gboolean
on_verify_timeout (gpointer user_data)
{
  FunnelTunnelKeeper *self = user_data;

  funnel_tunnel_verify_async (self->tunnel, begin_step (self), verify_again_cb,
                              g_object_ref (self));
  return G_SOURCE_CONTINUE;
}

static void
listen_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (FunnelTunnelKeeper) self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocket) listener
      = funnel_tunnel_listen_finish (FUNNEL_TUNNEL (source), result, &error);

  if (step_failed (self, source, error, N_ ("opening the offer port")))
    return;
  g_clear_pointer (&self->step, funnel_expiry_free);
  self->ready = TRUE;
  self->verify_source = g_timeout_add_seconds (VERIFY_AGAIN_S, on_verify_timeout, self);
  self->n_slow_ups = 0;
  set_reason (self, "");
  g_signal_emit (self, signals[SIGNAL_READY], 0, listener);
  if (!self->ready)
    return;
  if (self->hinted || self->unanswered)
    plan_to_reconsider (self,
                        self->hinted ? RECONSIDER_MS : funnel_backoff_next (&self->ask_again));
  self->hinted = FALSE;
  funnel_tunnel_keeper_query (self);
}

static void
verify_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (FunnelTunnelKeeper) self = user_data;
  g_autoptr (GError) error = NULL;

  funnel_tunnel_verify_finish (FUNNEL_TUNNEL (source), result, &error);
  if (step_failed (self, source, error, N_ ("proving the tunnel's isolation")))
    return;
  funnel_tunnel_listen_async (self->tunnel, 0, begin_step (self), listen_cb, g_object_ref (self));
}

/* The name of back end number @index that may be tried, or NULL. "direct" is no fall-back for an
 * ingress with WireGuard: its address means nothing on this machine's own network. */
static const char *
get_candidate (FunnelTunnelKeeper *self, guint index)
{
  const char *environment = g_getenv (FUNNEL_ENV_TUNNEL);
  const char *forced
      = environment != NULL && environment[0] != '\0' ? environment : self->preferred;
  const char *const *names = funnel_tunnel_names ();

  if (self->direct)
    return index == 0 ? "direct" : NULL;
  if (forced[0] != '\0')
    return index == 0 && strcmp (forced, "direct") != 0 ? forced : NULL;
  for (guint i = 0; names[i] != NULL; i++)
    if (strcmp (names[i], "direct") != 0 && index-- == 0)
      return names[i];
  return NULL;
}

/* Whether another back end may do better. */
static gboolean
is_of_back_end (const GError *error)
{
  return g_error_matches (error, FUNNEL_ERROR, FUNNEL_ERROR_UNSUPPORTED)
         || g_error_matches (error, FUNNEL_ERROR, FUNNEL_ERROR_NOT_ISOLATED);
}

/* Another back end may not be better, but one that never comes to an end is worse than any. */
static gboolean
is_too_slow (FunnelTunnelKeeper *self, const GError *error)
{
  if (!g_error_matches (error, FUNNEL_ERROR, FUNNEL_ERROR_FAILED)
      && (error == NULL || !funnel_expiry_has_passed (self->step)))
    return FALSE;
  self->n_slow_ups++;
  return self->n_slow_ups >= SLOW_UPS_MAX && get_candidate (self, self->candidate) != NULL;
}

static void
up_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (FunnelTunnelKeeper) self = user_data;
  g_autoptr (GError) error = NULL;

  funnel_tunnel_up_finish (FUNNEL_TUNNEL (source), result, &error);
  if (self->tunnel == FUNNEL_TUNNEL (source) && self->step != NULL
      && (is_of_back_end (error) || is_too_slow (self, error)))
    {
      pass_over (self, funnel_expiry_has_passed (self->step) ? NO_ANSWER : error->message);
      self->failed_up |= 1u << (self->candidate - 1);
      self->failed_at = g_get_monotonic_time ();
      drop_tunnel (self);
      choose_when_down (self);
      return;
    }
  if (step_failed (self, source, error, N_ ("bringing the tunnel up")))
    return;
  funnel_tunnel_verify_async (self->tunnel, begin_step (self), verify_cb, g_object_ref (self));
}

static gboolean
is_unanswered (const GError *error)
{
  return g_error_matches (error, FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE)
         || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static void
probe_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (FunnelTunnelKeeper) self = user_data;
  g_autoptr (GError) error = NULL;
  gboolean ok = funnel_tunnel_probe_finish (FUNNEL_TUNNEL (source), result, &error);

  if (self->tunnel != FUNNEL_TUNNEL (source) || self->step == NULL)
    return;
  if (!ok)
    {
      self->unanswered |= is_unanswered (error);
      pass_over (self, funnel_expiry_has_passed (self->step) ? NO_ANSWER : error->message);
      g_clear_object (&self->tunnel);
      choose (self);
      return;
    }
  g_free (self->name);
  self->name = g_strdup (funnel_tunnel_get_name (self->tunnel));
  self->lost_handler = g_signal_connect (self->tunnel, "lost", G_CALLBACK (on_tunnel_lost), self);
  g_signal_connect_swapped (self->tunnel, "changed", G_CALLBACK (funnel_tunnel_keeper_query), self);
  g_signal_connect (self->tunnel, "switched-off", G_CALLBACK (on_tunnel_switched_off), self);
  funnel_tunnel_up_async (self->tunnel, self->config, begin_long_step (self, UP_MS), up_cb,
                          g_object_ref (self));
}

static char *
describe_none (FunnelTunnelKeeper *self)
{
  g_autofree char *all = g_strjoinv ("; ", (char **)self->passed_over->pdata);

  return g_strdup_printf (N_ ("no kind of tunnel works here: %s"), all);
}

static void
choose (FunnelTunnelKeeper *self)
{
  const char *name = get_candidate (self, self->candidate);
  g_autoptr (GError) error = NULL;

  if (name == NULL)
    {
      g_autofree char *reason = NULL;

      if (self->candidate == 0)
        reason = g_strdup_printf (N_ ("this ingress has a WireGuard tunnel, and %s forbids it"),
                                  FUNNEL_ENV_TUNNEL);
      else
        reason = describe_none (self);
      give_up (self, reason);
      return;
    }
  self->candidate++;
  self->tunnel = funnel_tunnel_new (name, &error);
  if (self->tunnel == NULL)
    {
      give_up (self, error->message);
      return;
    }
  funnel_tunnel_probe_async (self->tunnel, self->config, begin_step (self), probe_cb,
                             g_object_ref (self));
}

/* ---- a better one ---- */

static void ask_rival (FunnelTunnelKeeper *self, guint index);

/* What is said of the rival from now on. */
static void
note_rival (FunnelTunnelKeeper *self, const char *why)
{
  const char *name = funnel_tunnel_get_name (self->rival);
  g_autofree char *text = g_strdup_printf ("%s: %s", name, why);
  gsize length = strlen (name) + strlen (": ");

  for (guint i = 0; i + 1 < self->passed_over->len; i++)
    {
      char *old = g_ptr_array_index (self->passed_over, i);

      if (strncmp (old, text, length) != 0 || strcmp (old, text) == 0)
        continue;
      g_message ("Tunnel: %s", text);
      g_free (old);
      g_ptr_array_index (self->passed_over, i) = g_steal_pointer (&text);
      return;
    }
}

static void
rival_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (FunnelTunnelKeeper) self = user_data;
  g_autoptr (GError) error = NULL;
  gboolean ok = funnel_tunnel_probe_finish (FUNNEL_TUNNEL (source), result, &error);

  if (self->rival != FUNNEL_TUNNEL (source) || !self->ready)
    return;
  note_rival (self, ok ? WORKS_NOW : error->message);
  g_clear_object (&self->rival);
  if (!ok)
    {
      if (is_unanswered (error))
        plan_to_reconsider (self, funnel_backoff_next (&self->ask_again));
      else
        funnel_backoff_reset (&self->ask_again);
      ask_rival (self, self->rival_index + 1);
      return;
    }
  self->has_better = TRUE;
  g_signal_emit (self, signals[SIGNAL_CHANGED], 0);
}

/* Those from back end number @index on; the one in use is number candidate - 1. A probe's yes is
 * not worth much after a failure that it had not foreseen, and each try costs all visitors theirs.
 */
static void
ask_rival (FunnelTunnelKeeper *self, guint index)
{
  const char *name = NULL;

  if (g_get_monotonic_time () - self->failed_at > FAILED_REST_S * G_USEC_PER_SEC)
    self->failed_up = 0;
  while ((self->failed_up & 1u << index) != 0)
    index++;
  if (index + 1 < self->candidate)
    name = get_candidate (self, index);
  self->rival = name != NULL ? funnel_tunnel_new (name, NULL) : NULL;
  if (self->rival == NULL)
    {
      g_signal_emit (self, signals[SIGNAL_CHANGED], 0);
      return;
    }
  self->rival_index = index;
  funnel_tunnel_probe_async (self->rival, self->config, self->attempt, rival_cb,
                             g_object_ref (self));
}

static gboolean
on_reconsider_timeout (gpointer user_data)
{
  FunnelTunnelKeeper *self = user_data;

  self->reconsider_source = 0;
  self->asked_at = g_get_monotonic_time ();
  self->has_better = FALSE;
  g_clear_object (&self->rival);
  ask_rival (self, 0);
  return G_SOURCE_REMOVE;
}

static void
plan_to_reconsider (FunnelTunnelKeeper *self, guint milliseconds)
{
  gint64 now = g_get_monotonic_time (), rest = 0;

  if (self->candidate <= 1)
    return;
  if (self->moved_at != 0)
    rest = self->moved_at + MOVE_AGAIN_S * G_USEC_PER_SEC - now;
  if (self->asked_at != 0)
    rest = MAX (rest, self->asked_at + ASK_REST_S * G_USEC_PER_SEC - now);
  g_clear_handle_id (&self->reconsider_source, g_source_remove);
  self->reconsider_source = g_timeout_add (MAX (milliseconds, (guint)(MAX (rest, 0) / 1000)),
                                           on_reconsider_timeout, self);
}

void
funnel_tunnel_keeper_reconsider (FunnelTunnelKeeper *self)
{
  if (self->ready)
    plan_to_reconsider (self, RECONSIDER_MS);
  else
    self->hinted = TRUE;
}

gboolean
funnel_tunnel_keeper_has_better (FunnelTunnelKeeper *self)
{
  return self->has_better;
}

void
funnel_tunnel_keeper_move (FunnelTunnelKeeper *self)
{
  if (!self->has_better)
    return;
  g_message ("Tunnel: moving from %s to a better kind", self->name);
  self->moved_at = g_get_monotonic_time ();
  funnel_tunnel_keeper_start (self);
}

static void
funnel_tunnel_keeper_dispose (GObject *object)
{
  FunnelTunnelKeeper *self = FUNNEL_TUNNEL_KEEPER (object);

  funnel_tunnel_keeper_stop (self);
  G_OBJECT_CLASS (funnel_tunnel_keeper_parent_class)->dispose (object);
}

static void
funnel_tunnel_keeper_finalize (GObject *object)
{
  FunnelTunnelKeeper *self = FUNNEL_TUNNEL_KEEPER (object);

  funnel_tunnel_config_free (self->config);
  g_free (self->reason);
  g_free (self->trouble);
  g_free (self->name);
  g_free (self->preferred);
  g_ptr_array_unref (self->passed_over);
  G_OBJECT_CLASS (funnel_tunnel_keeper_parent_class)->finalize (object);
}

static void
funnel_tunnel_keeper_class_init (FunnelTunnelKeeperClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS (class);
  GType type = G_TYPE_FROM_CLASS (class);

  object_class->dispose = funnel_tunnel_keeper_dispose;
  object_class->finalize = funnel_tunnel_keeper_finalize;
  signals[SIGNAL_READY] = g_signal_new ("ready", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                        G_TYPE_NONE, 1, G_TYPE_SOCKET);
  signals[SIGNAL_LOST]
      = g_signal_new ("lost", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[SIGNAL_CHANGED]
      = g_signal_new ("changed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[SIGNAL_REFRESHED]
      = g_signal_new ("refreshed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
funnel_tunnel_keeper_init (FunnelTunnelKeeper *self)
{
  self->reason = g_strdup (N_ ("it is being set up"));
  self->name = g_strdup ("");
  self->preferred = g_strdup ("");
  forget_passed_over (self);
  self->status.engine = "";
  self->trouble = g_strdup ("");
  funnel_backoff_init (&self->backoff, RETRY_FIRST_MS, RETRY_MAX_MS);
  funnel_backoff_init (&self->ask_again, ASK_AGAIN_FIRST_MS, ASK_AGAIN_MAX_MS);
}

FunnelTunnelKeeper *
funnel_tunnel_keeper_new (const FunnelTunnelConfig *config, gboolean direct)
{
  FunnelTunnelKeeper *self = g_object_new (FUNNEL_TYPE_TUNNEL_KEEPER, NULL);

  self->config = funnel_tunnel_config_copy (config);
  self->direct = direct;
  return self;
}

void
funnel_tunnel_keeper_start (FunnelTunnelKeeper *self)
{
  gboolean was_ready = self->ready;

  self->started = TRUE;
  self->held = FALSE;
  begin_attempt (self);
  if (was_ready)
    g_signal_emit (self, signals[SIGNAL_LOST], 0);
}

void
funnel_tunnel_keeper_start_switched_off (FunnelTunnelKeeper *self)
{
  self->started = TRUE;
  self->held = TRUE;
  set_reason (self, FUNNEL_TUNNEL_SWITCHED_OFF);
}

void
funnel_tunnel_keeper_stop (FunnelTunnelKeeper *self)
{
  self->started = FALSE;
  self->ready = FALSE;
  end_attempt (self);
}

void
funnel_tunnel_keeper_prefer (FunnelTunnelKeeper *self, const char *name)
{
  g_free (self->preferred);
  self->preferred = g_strdup (name);
}

gboolean
funnel_tunnel_keeper_is_switched_off (FunnelTunnelKeeper *self)
{
  return self->held;
}

const char *const *
funnel_tunnel_keeper_get_passed_over (FunnelTunnelKeeper *self)
{
  return (const char *const *)self->passed_over->pdata;
}

FunnelTunnel *
funnel_tunnel_keeper_get_tunnel (FunnelTunnelKeeper *self)
{
  return self->ready ? self->tunnel : NULL;
}

const char *
funnel_tunnel_keeper_get_reason (FunnelTunnelKeeper *self)
{
  return self->reason;
}

const char *
funnel_tunnel_keeper_get_name (FunnelTunnelKeeper *self)
{
  return self->name;
}

const char *
funnel_tunnel_keeper_get_trouble (FunnelTunnelKeeper *self)
{
  return self->trouble;
}

const FunnelTunnelStatus *
funnel_tunnel_keeper_get_status (FunnelTunnelKeeper *self)
{
  return &self->status;
}

void
funnel_tunnel_keeper_confirm (FunnelTunnelKeeper *self)
{
  funnel_backoff_reset (&self->backoff);
}

void
funnel_tunnel_keeper_query (FunnelTunnelKeeper *self)
{
  if (!self->ready || self->querying)
    return;
  self->querying = TRUE;
  funnel_tunnel_query_async (self->tunnel, self->attempt, query_cb, g_object_ref (self));
}

gboolean
funnel_tunnel_keeper_is_querying (FunnelTunnelKeeper *self)
{
  return self->querying;
}

static void
end_refresh (FunnelTunnelKeeper *self)
{
  g_clear_handle_id (&self->refresh_source, g_source_remove);
  self->refreshing = FALSE;
  g_signal_emit (self, signals[SIGNAL_REFRESHED], 0);
}

static void
refresh_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (FunnelTunnelKeeper) self = user_data;
  g_autoptr (GError) error = NULL;

  if (!funnel_tunnel_refresh_finish (FUNNEL_TUNNEL (source), result, &error))
    g_debug ("Tunnel refresh: %s", error->message);
  if (self->tunnel != FUNNEL_TUNNEL (source))
    return;
  set_trouble (self, error != NULL ? error->message : "");
  if (self->refresh_source != 0)
    end_refresh (self);
  else
    self->refreshing = FALSE;
}

/* It goes on; but who waits may try what can be tried. */
static gboolean
on_refresh_timeout (gpointer user_data)
{
  FunnelTunnelKeeper *self = user_data;

  self->refresh_source = 0;
  end_refresh (self);
  return G_SOURCE_REMOVE;
}

gboolean
funnel_tunnel_keeper_is_refreshing (FunnelTunnelKeeper *self)
{
  return self->refreshing;
}

void
funnel_tunnel_keeper_refresh (FunnelTunnelKeeper *self)
{
  if (!self->ready || self->refreshing)
    return;
  self->refreshing = TRUE;
  g_clear_handle_id (&self->refresh_source, g_source_remove);
  self->refresh_source = g_timeout_add (REFRESH_MS, on_refresh_timeout, self);
  funnel_tunnel_refresh_async (self->tunnel, self->attempt, refresh_cb, g_object_ref (self));
}

void
funnel_tunnel_keeper_retry (FunnelTunnelKeeper *self)
{
  /* A try under way may still be of the time before. */
  funnel_backoff_reset (&self->backoff);
  if (self->retry_source != 0)
    begin_attempt (self);
}
