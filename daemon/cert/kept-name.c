/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/cert/kept-name.h"

#include <glib/gi18n.h>

#include "daemon/cert/authority-choice.h"
#include "daemon/cert/certificate-order.h"
#include "daemon/cert/certificate-waiters.h"
#include "daemon/cert/kept-status.h"
#include "lib/base/error.h"
#include "lib/base/token.h"

#define ORDERS_MAX 4 /* at once, all names together */
#define STORE_RETRY_S 30
#define QUESTION_RETRY_S 3600 /* after the authority did not say when to renew */

struct _FunnelKeptName
{
  int refs; /* main thread only */
  FunnelKeeperShared *shared;
  char *name;
  guint wants;
  FunnelCertificateWaiters *waiters;

  FunnelCertificate *certificate; /* newest; perhaps not valid (any more) */
  FunnelOrderRecord *record;      /* set with it */
  gboolean serving;               /* it was valid at the last look */
  gboolean unsaved;               /* only in memory: the store could not take it */
  double dice;                    /* of this certificate */
  gint64 renew_at;
  gint64 question_at; /* when to ask the authority for its wish; 0 not to be asked */
  GCancellable *asking;

  FunnelCertificateOrder *order; /* NULL: none under way */
  FunnelAuthorityChoice choice;
  gint64 retry_at;
  gint64 retry_set_at;
  gboolean nudgeable; /* retry_at is no wish of an authority, and news may shorten it */
  gint64 save_at;
  gboolean unreadable; /* the store has something that cannot be used; not to be ordered over */

  FunnelKeptStatus status;
  gboolean dirty; /* status is to be told */
};

static gint64
get_now (void)
{
  return g_get_real_time () / G_USEC_PER_SEC;
}

/* --- Status --- */

static void
set_problem (FunnelKeptName *self, const char *problem, const char *next_step)
{
  self->dirty |= funnel_kept_status_set_problem (&self->status, problem, next_step);
}

static gboolean
is_wanted (FunnelKeptName *self)
{
  return self->wants > 0 || funnel_certificate_waiters_get_count (self->waiters) > 0;
}

static FunnelKeptState
derive_state (FunnelKeptName *self, gint64 now)
{
  if (self->serving)
    return FUNNEL_KEPT_READY;
  if (!is_wanted (self) && self->certificate == NULL)
    return FUNNEL_KEPT_NONE;
  return self->order == NULL && self->retry_at > now ? FUNNEL_KEPT_FAILED : FUNNEL_KEPT_PENDING;
}

static void
update_status (FunnelKeptName *self, gint64 now)
{
  gboolean ordering = self->order != NULL;

  self->dirty
      |= funnel_kept_status_set_state (&self->status, derive_state (self, now),
                                       !ordering && self->retry_at > now ? self->retry_at : 0);
  self->dirty |= funnel_kept_status_set_certificate (
      &self->status, self->serving ? self->certificate : NULL, self->record, self->renew_at);
}

static void
tell (FunnelKeptName *self, gint64 now)
{
  update_status (self, now);
  if (!self->dirty || self->shared->stopped)
    return;
  self->dirty = FALSE;
  self->shared->status (self->shared->keeper, self->name);
}

static gint64
get_left (FunnelKeptName *self, gint64 now)
{
  return self->serving ? funnel_certificate_get_expiry (self->certificate) - now : 0;
}

/* --- Those who wait --- */

static void
serve_waiters (FunnelKeptName *self, gint64 now, gboolean fresh)
{
  funnel_certificate_waiters_serve (self->waiters, self->serving ? self->certificate : NULL, now,
                                    fresh);
}

/* With what stands in the status. */
static void
fail_waiters (FunnelKeptName *self, int code)
{
  const FunnelKeptStatus *status = &self->status;
  g_autoptr (GString) message
      = g_string_new (status->problem != NULL ? status->problem : N_ ("there is no certificate"));

  if (self->retry_at > get_now ())
    {
      g_autofree char *when = funnel_kept_time (self->retry_at);

      g_string_append_c (message, '\n');
      g_string_append_printf (message, N_ ("Not tried again before %s"), when);
    }
  if (status->next_step != NULL)
    g_string_append_printf (message, "\n%s", status->next_step);
  funnel_certificate_waiters_fail (self->waiters, code, message->str);
}

static void
on_waiter_left (gpointer user_data)
{
  FunnelKeptName *self = user_data;

  self->shared->look (self->shared->keeper);
}

void
funnel_kept_name_wait (FunnelKeptName *self, GTask *task, gint64 min_validity)
{
  funnel_certificate_waiters_add (self->waiters, task, min_validity);
}

/* --- What is kept --- */

static void
set_certificate (FunnelKeptName *self, FunnelCertificate *certificate, FunnelOrderRecord *record)
{
  g_clear_pointer (&self->certificate, funnel_certificate_unref);
  g_clear_pointer (&self->record, funnel_order_record_free);
  self->certificate = certificate;
  self->record = record;
  self->dice = g_random_double ();
  self->renew_at = 0;
  self->question_at = 0;
  if (self->asking != NULL)
    g_cancellable_cancel (self->asking);
  g_clear_object (&self->asking);
  if (certificate == NULL)
    return;
  self->renew_at = funnel_renewal_at (funnel_certificate_get_begin (certificate),
                                      funnel_certificate_get_expiry (certificate), self->dice);
  if (record->certificate_id != NULL)
    self->question_at = get_now ();
}

/* Whether visitors get the certificate can change by the clock alone. */
static void
check_validity (FunnelKeptName *self, gint64 now, gboolean replaced)
{
  gboolean valid
      = self->certificate != NULL && funnel_certificate_is_valid (self->certificate, now);

  if (valid == self->serving && !replaced)
    return;
  self->serving = valid;
  if (!self->shared->stopped)
    self->shared->changed (self->shared->keeper, self->name);
}

static void
set_retry (FunnelKeptName *self, gint64 when, gint64 now, gboolean nudgeable)
{
  self->retry_at = when;
  self->retry_set_at = now;
  self->nudgeable = nudgeable;
}

/* What cannot be read is a problem to be told, not a reason to order anew and replace it. */
static gboolean
load (FunnelKeptName *self)
{
  g_autoptr (GError) error = NULL;
  FunnelCertificate *certificate = NULL;
  FunnelOrderRecord *record = NULL;

  self->unreadable = !funnel_certificate_store_load (self->shared->store, self->name, &certificate,
                                                     &record, &error);
  if (self->unreadable)
    {
      set_problem (self, error->message, NULL);
      fail_waiters (self, FUNNEL_ERROR_STORE);
      return FALSE;
    }
  if (certificate != NULL)
    set_certificate (self, certificate, record);
  return TRUE;
}

static void
read_again (FunnelKeptName *self, gint64 now)
{
  if (load (self))
    self->shared->look (self->shared->keeper);
  else
    set_retry (self, now + STORE_RETRY_S, now, TRUE);
}

static void
save (FunnelKeptName *self, gint64 now)
{
  g_autoptr (GError) error = NULL;

  if (funnel_certificate_store_install (self->shared->store, self->name, self->certificate,
                                        self->record, &error))
    {
      self->unsaved = FALSE;
      funnel_certificate_store_add_history (self->shared->store, self->name,
                                            funnel_certificate_get_serial (self->certificate));
      set_problem (self, NULL, NULL);
      return;
    }
  if (!self->unsaved)
    g_warning ("The new certificate of %s is in memory only: %s", self->name, error->message);
  self->unsaved = TRUE;
  self->save_at = now + STORE_RETRY_S;
  set_problem (self, error->message,
               N_ ("It is served from memory, and stored as soon as that is possible."));
}

/* --- When the authority wants it renewed (RFC 9773) --- */

typedef struct
{
  FunnelKeptName *kept;
  GObject *keeper;
  GCancellable *cancellable;
} Call;

static Call *
call_new (FunnelKeptName *kept, GCancellable *cancellable)
{
  Call *call = g_new0 (Call, 1);

  kept->refs++;
  call->kept = kept;
  call->keeper = g_object_ref (kept->shared->keeper);
  call->cancellable = g_object_ref (cancellable);
  return call;
}

static void
call_free (Call *call)
{
  g_object_unref (call->cancellable);
  funnel_kept_name_unref (call->kept);
  g_object_unref (call->keeper);
  g_free (call);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Call, call_free)

static void
renewal_info_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (Call) call = user_data;
  g_autoptr (GError) error = NULL;
  FunnelKeptName *self = call->kept;
  FunnelAcmeRenewal wish = {0};
  gint64 begin, expiry;
  gboolean ok
      = funnel_acme_client_renewal_info_finish (FUNNEL_ACME_CLIENT (source), result, &wish, &error);

  if (self->asking != call->cancellable)
    return;
  g_clear_object (&self->asking);
  begin = funnel_certificate_get_begin (self->certificate);
  expiry = funnel_certificate_get_expiry (self->certificate);
  if (!ok)
    {
      g_debug ("When to renew %s: %s", self->name, error->message);
      self->question_at = get_now () + MIN (QUESTION_RETRY_S, MAX ((expiry - begin) / 20, 1));
    }
  else
    {
      self->question_at = wish.retry_at;
      self->renew_at = wish.offered ? funnel_renewal_in_window (wish.begin, wish.end, begin, expiry,
                                                                self->dice)
                                    : funnel_renewal_at (begin, expiry, self->dice);
    }
  self->shared->look (self->shared->keeper);
}

static void
ask_authority (FunnelKeptName *self)
{
  const FunnelDirectory *directory
      = funnel_authority_find (self->shared->authority, self->record->ca);
  g_autoptr (FunnelAcmeClient) client
      = directory != NULL ? funnel_keeper_make_client (self->shared, directory, NULL) : NULL;

  self->question_at = client != NULL ? G_MAXINT64 : 0;
  if (client == NULL)
    return;
  self->asking = g_cancellable_new ();
  funnel_acme_client_renewal_info_async (client, self->record->certificate_id, self->asking,
                                         renewal_info_cb, call_new (self, self->asking));
}

/* --- Orders --- */

static gboolean
is_of_network (const GError *error)
{
  return funnel_acme_error_get_retry_at (error) == 0
         && (g_error_matches (error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_UNREACHABLE)
             || g_error_matches (error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_TIMED_OUT));
}

/* @way_error: the reason, if it was the way of challenges. */
static void
take_failure (FunnelKeptName *self, const GError *error, const GError *way_error, gint64 now)
{
  const GError *cause = way_error != NULL ? way_error : error;
  FunnelBlame blame = way_error != NULL ? FUNNEL_BLAME_WAIT : funnel_blame_of (error);
  gint64 when = funnel_authority_choice_fail (&self->choice, error, blame,
                                              self->shared->authority->directories->len, now,
                                              get_left (self, now), g_random_double ());

  set_retry (self, when, now, blame == FUNNEL_BLAME_WAIT || is_of_network (error));
  set_problem (self, cause->message, funnel_next_step_of (error));
  g_message ("No certificate for %s: %s", self->name, cause->message);
  fail_waiters (self, cause->domain == FUNNEL_ERROR ? cause->code : FUNNEL_ERROR_FAILED);
}

static void
take_certificate (FunnelKeptName *self, const char *ca, const FunnelAcmeIssued *issued, gint64 now)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (FunnelCertificate) certificate = funnel_certificate_new (
      issued->chain, issued->key, self->name, N_ ("the certificate authority's answer"), &error);
  FunnelOrderRecord record = {.ca = (char *)ca,
                              .order_url = issued->order_url,
                              .account_url = issued->account_url,
                              .certificate_id = issued->certificate_id,
                              .issued = now};

  if (certificate == NULL)
    {
      take_failure (self, error, NULL, now);
      return;
    }
  set_certificate (self, g_steal_pointer (&certificate), funnel_order_record_copy (&record));
  funnel_authority_choice_reset (&self->choice);
  self->retry_at = 0;
  g_message ("New certificate for %s from %s", self->name,
             funnel_certificate_get_issuer (self->certificate));
  save (self, now);
  check_validity (self, now, TRUE);
  serve_waiters (self, now, TRUE);
}

static void
on_progress (gpointer user_data, const char *text)
{
  FunnelKeptName *self = user_data;

  self->dirty |= funnel_kept_status_set_order (&self->status, TRUE, text);
  tell (self, get_now ());
}

static void
on_done (gpointer user_data,
         const FunnelAcmeIssued *issued,
         const GError *error,
         const GError *way_error)
{
  FunnelKeptName *self = user_data;
  g_autoptr (GObject) keeper = self->shared->keeper; /* held by the order */
  FunnelCertificateOrder *order = g_steal_pointer (&self->order);
  gint64 now = get_now ();

  self->shared->orders--;
  self->dirty |= funnel_kept_status_set_order (&self->status, FALSE, NULL);
  if (!self->shared->stopped)
    {
      if (issued != NULL)
        take_certificate (self, funnel_certificate_order_get_ca (order), issued, now);
      else if (!funnel_certificate_order_is_cancelled (order))
        take_failure (self, error, way_error, now);
      tell (self, now);
      self->shared->look (self->shared->keeper);
    }
  funnel_kept_name_unref (self);
}

static const FunnelCertificateOrderEvents order_events = {on_progress, on_done};

static void
start_order (FunnelKeptName *self, gint64 now)
{
  const FunnelDirectory *directory
      = funnel_authority_get_directory (self->shared->authority, self->choice.directory);
  gboolean same = self->serving && g_strcmp0 (self->record->ca, directory->url) == 0;
  g_autoptr (GError) error = NULL;
  g_autoptr (FunnelAcmeClient) client = funnel_keeper_make_client (self->shared, directory, &error);

  if (client == NULL)
    {
      take_failure (self, error, NULL, now);
      return;
    }
  self->refs++;
  g_object_ref (self->shared->keeper);
  self->shared->orders++;
  self->dirty |= funnel_kept_status_set_order (&self->status, TRUE, N_ ("Ordering a certificate"));
  self->order = funnel_certificate_order_start (
      client, self->name, same ? self->record->certificate_id : NULL, self->shared->way,
      self->shared->owner, &order_events, self);
}

/* --- What is due --- */

static void
give_up_order (FunnelKeptName *self)
{
  if (self->order != NULL)
    funnel_certificate_order_cancel (self->order);
}

/* The certificate in use is of an authority that is no longer wanted. */
static gboolean
is_foreign (FunnelKeptName *self)
{
  return self->record->ca != NULL
         && funnel_authority_find (self->shared->authority, self->record->ca) == NULL;
}

static gboolean
is_due (FunnelKeptName *self, gint64 now)
{
  if (!is_wanted (self))
    return FALSE;
  if (!self->serving || now >= self->renew_at || is_foreign (self))
    return TRUE;
  return funnel_certificate_waiters_want_more (self->waiters, get_left (self, now));
}

/* A certificate from the future can only mean that the clock is wrong, and then nothing an
 * authority says can be judged. */
static gboolean
check_clock (FunnelKeptName *self, gint64 now)
{
  g_autofree char *begin = NULL;
  g_autofree char *clock = NULL;
  g_autofree char *problem = NULL;

  if (self->certificate == NULL || now >= funnel_certificate_get_begin (self->certificate))
    return TRUE;
  begin = funnel_kept_time (funnel_certificate_get_begin (self->certificate));
  clock = funnel_kept_time (now);
  problem
      = g_strdup_printf (N_ ("This machine's clock is wrong: it says %s, but the certificate of %s "
                             "was issued for the time from %s on"),
                         clock, self->name, begin);
  set_problem (self, problem, N_ ("Set this machine's clock: timedatectl set-ntp true"));
  return FALSE;
}

/* What must be there before an order makes sense; what is missing is put into the status. */
static gboolean
check_ready (FunnelKeptName *self, gint64 now)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *next_step = NULL;

  if (!check_clock (self, now))
    {
      fail_waiters (self, FUNNEL_ERROR_FAILED);
      return FALSE;
    }
  if (!self->shared->way->check (self->shared->owner, self->name, &next_step, &error))
    {
      set_problem (self, error->message, next_step);
      fail_waiters (self, error->code);
      return FALSE;
    }
  if (funnel_certificate_store_check (self->shared->store, &error))
    return TRUE;
  set_problem (self, error->message, N_ ("Nothing is ordered that could not be kept."));
  set_retry (self, now + STORE_RETRY_S, now, TRUE);
  fail_waiters (self, FUNNEL_ERROR_STORE);
  return FALSE;
}

/* Until the authority has seen the challenge, an order needs the way to it. */
static void
watch_order (FunnelKeptName *self)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *next_step = NULL;

  if (!is_wanted (self))
    give_up_order (self);
  else if (!funnel_certificate_order_is_cancelled (self->order)
           && funnel_certificate_order_needs_way (self->order)
           && !self->shared->way->check (self->shared->owner, self->name, &next_step, &error))
    {
      set_problem (self, error->message, next_step);
      give_up_order (self);
    }
}

/* What is the matter with the certificate that is there; NULL nothing. */
static char *
explain_expiry (FunnelKeptName *self, gint64 now)
{
  g_autofree char *end = NULL;

  if (self->certificate == NULL || now < funnel_certificate_get_expiry (self->certificate))
    return NULL;
  end = funnel_kept_time (funnel_certificate_get_expiry (self->certificate));
  return g_strdup_printf (N_ ("The certificate of %s expired on %s and is no longer served"),
                          self->name, end);
}

static void
begin_order (FunnelKeptName *self, gint64 now)
{
  g_autofree char *expiry = NULL;

  if (self->shared->orders >= ORDERS_MAX)
    {
      self->dirty |= funnel_kept_status_set_order (&self->status, FALSE,
                                                   N_ ("Waiting for other orders to end"));
      return;
    }
  if (!check_ready (self, now))
    return;
  expiry = explain_expiry (self, now);
  set_problem (self, expiry, NULL);
  start_order (self, now);
}

static void
begin_if_due (FunnelKeptName *self, gint64 now)
{
  g_autofree char *expiry = NULL;

  /* The clock went back: what was computed from the wrong time means nothing. */
  if (now < self->retry_set_at)
    self->retry_at = 0;
  if (is_due (self, now) && self->retry_at > now)
    fail_waiters (self, FUNNEL_ERROR_FAILED);
  else if (is_due (self, now) && self->unreadable)
    read_again (self, now);
  else if (is_due (self, now))
    begin_order (self, now);
  else if (!self->unreadable && !self->unsaved)
    {
      expiry = explain_expiry (self, now);
      set_problem (self, expiry, NULL);
    }
}

static gint64
next_moment (FunnelKeptName *self, gint64 now)
{
  gint64 next = G_MAXINT64;

  if (self->certificate != NULL && self->serving)
    next = MIN (next, funnel_certificate_get_expiry (self->certificate));
  else if (self->certificate != NULL && now < funnel_certificate_get_begin (self->certificate))
    next = MIN (next, funnel_certificate_get_begin (self->certificate));
  if (self->unsaved)
    next = MIN (next, self->save_at);
  if (!is_wanted (self) || self->order != NULL)
    return next;
  if (self->retry_at > now)
    next = MIN (next, self->retry_at);
  else if (self->serving && self->renew_at > now)
    next = MIN (next, self->renew_at);
  if (self->serving && self->question_at > 0)
    next = MIN (next, self->question_at);
  return next;
}

gint64
funnel_kept_name_look (FunnelKeptName *self, gint64 now)
{
  check_validity (self, now, FALSE);
  if (self->unsaved && now >= self->save_at)
    save (self, now);
  serve_waiters (self, now, FALSE);
  if (self->order != NULL)
    watch_order (self);
  else
    begin_if_due (self, now);
  if (self->wants > 0 && self->serving && self->asking == NULL && self->question_at > 0
      && now >= self->question_at)
    ask_authority (self);
  tell (self, now);
  return next_moment (self, now);
}

/* --- Life --- */

FunnelKeptName *
funnel_kept_name_new (FunnelKeeperShared *shared, const char *name)
{
  FunnelKeptName *self = g_new0 (FunnelKeptName, 1);
  gint64 now = get_now ();

  self->refs = 1;
  self->shared = shared;
  self->name = g_strdup (name);
  self->waiters = funnel_certificate_waiters_new (on_waiter_left, self);
  if (!load (self))
    g_warning ("%s", self->status.problem);
  self->serving = self->certificate != NULL && funnel_certificate_is_valid (self->certificate, now);
  update_status (self, now);
  self->dirty = FALSE;
  return self;
}

void
funnel_kept_name_unref (FunnelKeptName *self)
{
  if (--self->refs > 0)
    return;
  g_clear_pointer (&self->certificate, funnel_certificate_unref);
  g_clear_pointer (&self->record, funnel_order_record_free);
  g_clear_object (&self->asking);
  funnel_certificate_waiters_free (self->waiters);
  funnel_kept_status_clear (&self->status);
  g_free (self->name);
  g_free (self);
}

void
funnel_kept_name_stop (FunnelKeptName *self)
{
  give_up_order (self);
  if (self->asking != NULL)
    g_cancellable_cancel (self->asking);
  g_clear_object (&self->asking);
  set_problem (self, N_ ("the daemon is ending"), NULL);
  fail_waiters (self, FUNNEL_ERROR_FAILED);
}

const char *
funnel_kept_name_get_name (FunnelKeptName *self)
{
  return self->name;
}

FunnelCertificate *
funnel_kept_name_get (FunnelKeptName *self)
{
  return self->serving ? self->certificate : NULL;
}

FunnelCertificate *
funnel_kept_name_get_stored (FunnelKeptName *self)
{
  return self->certificate;
}

const FunnelOrderRecord *
funnel_kept_name_get_record (FunnelKeptName *self)
{
  return self->record;
}

const FunnelKeptStatus *
funnel_kept_name_get_status (FunnelKeptName *self)
{
  return &self->status;
}

void
funnel_kept_name_want (FunnelKeptName *self, int by)
{
  g_return_if_fail (by > 0 || self->wants > 0);
  self->wants = (guint)((int)self->wants + by);
}

gboolean
funnel_kept_name_is_idle (FunnelKeptName *self)
{
  return !is_wanted (self) && self->certificate == NULL && self->order == NULL && !self->unreadable;
}

void
funnel_kept_name_forget (FunnelKeptName *self)
{
  set_certificate (self, NULL, NULL);
  self->unsaved = FALSE;
  check_validity (self, get_now (), TRUE);
}

void
funnel_kept_name_nudge (FunnelKeptName *self)
{
  if (self->nudgeable)
    self->retry_at = 0;
  self->save_at = 0;
}

void
funnel_kept_name_retry (FunnelKeptName *self)
{
  give_up_order (self);
  funnel_authority_choice_reset (&self->choice);
  self->retry_at = 0;
}
