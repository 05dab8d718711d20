/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/share-runtime.h"

#include "daemon/certificate-source.h"
#include "daemon/model/target.h"
#include "daemon/target-check.h"

#include <string.h>

#define RETRY_FIRST_S 1
#define RETRY_MAX_S 30

struct _FunnelShareRuntime
{
  FunnelShare *share;
  FunnelCertificateKeeper *keeper;
  FunnelShareRuntimeChanged changed;
  gpointer user_data;

  FunnelTarget *target;
  GCancellable *checking; /* a target check is under way */
  guint retry_source;
  guint retry_s;
  gboolean target_failed;
  char *target_reason;
  char *target_leaf; /* what a pass-through target shows; NULL not known */
  guint64 attempts;  /* of the data plane, as far as taken note of */

  FunnelCertificateSource *source; /* NULL for pass-through */
  char *source_leaf;               /* of the certificate it had when it last changed */
  guint32 epoch;
  gboolean probed;
  guint32 probe_epoch;
  FunnelProbeOutcome probe_outcome;
  char *probe_detail;
  char *probe_leaf;
};

/* Epochs start anywhere, so that the answer to a probe of an earlier daemon does not fit by chance.
 */
static guint32
next_epoch (void)
{
  static guint32 last;

  if (last == 0)
    last = g_random_int ();
  last++;
  return last != 0 ? last : ++last;
}

static gboolean
is_pass_through (FunnelShareRuntime *self)
{
  return !funnel_share_kind_terminates (funnel_share_get_spec (self->share)->kind);
}

static void check_target (FunnelShareRuntime *self);

static gboolean
on_retry_timeout (gpointer user_data)
{
  FunnelShareRuntime *self = user_data;

  self->retry_source = 0;
  check_target (self);
  return G_SOURCE_REMOVE;
}

static void
fail_target (FunnelShareRuntime *self, const char *reason)
{
  self->target_failed = TRUE;
  g_free (self->target_reason);
  self->target_reason = g_strdup (reason);
  g_clear_pointer (&self->target_leaf, g_free);
  if (self->retry_source == 0)
    self->retry_source = g_timeout_add_seconds (self->retry_s, on_retry_timeout, self);
  self->retry_s = MIN (self->retry_s * 2, RETRY_MAX_S);
}

static void
pass_target (FunnelShareRuntime *self)
{
  gboolean was_failed = self->target_failed;

  g_clear_handle_id (&self->retry_source, g_source_remove);
  self->retry_s = RETRY_FIRST_S;
  self->target_failed = FALSE;
  g_clear_pointer (&self->target_reason, g_free);
  /* What was probed while it was down says nothing now. */
  if (was_failed)
    self->epoch = next_epoch ();
}

static void
target_check_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  FunnelShareRuntime *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autofree char *leaf = NULL;
  gboolean ok = funnel_target_check_finish (result, &leaf, &error);

  /* A cancelled check belongs to a share that may be gone. */
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  g_clear_object (&self->checking);
  if (ok)
    {
      g_free (self->target_leaf);
      self->target_leaf = g_steal_pointer (&leaf);
      pass_target (self);
    }
  else
    fail_target (self, error->message);
  self->changed (self->user_data);
}

static void
stop_checking (FunnelShareRuntime *self)
{
  if (self->checking != NULL)
    g_cancellable_cancel (self->checking);
  g_clear_object (&self->checking);
  g_clear_handle_id (&self->retry_source, g_source_remove);
}

static void
check_target (FunnelShareRuntime *self)
{
  const FunnelShareSpec *spec = funnel_share_get_spec (self->share);

  stop_checking (self);
  self->checking = g_cancellable_new ();
  funnel_target_check_async (self->target, is_pass_through (self) ? spec->name : NULL,
                             self->checking, target_check_cb, self);
}

static void
show_certificate (FunnelShareRuntime *self)
{
  if (self->source != NULL)
    funnel_share_set_certificate (self->share, funnel_certificate_source_get_step (self->source),
                                  funnel_certificate_source_describe (self->source));
}

/* What was probed speaks of one certificate; progress on the way to the next changes nothing. */
static void
on_source_changed (FunnelCertificateSource *source, FunnelShareRuntime *self)
{
  FunnelCertificate *certificate = funnel_certificate_source_get (source);
  const char *leaf = certificate != NULL ? funnel_certificate_get_leaf (certificate) : NULL;

  if (g_strcmp0 (leaf, self->source_leaf) != 0)
    self->epoch = next_epoch ();
  g_free (self->source_leaf);
  self->source_leaf = g_strdup (leaf);
  show_certificate (self);
  self->changed (self->user_data);
}

static void
drop_source (FunnelShareRuntime *self)
{
  if (self->source != NULL)
    g_signal_handlers_disconnect_by_data (self->source, self);
  g_clear_object (&self->source);
}

static FunnelCertificateSource *
choose_source (FunnelShareRuntime *self)
{
  const FunnelShareSpec *spec = funnel_share_get_spec (self->share);

  if (!funnel_share_kind_terminates (spec->kind))
    return NULL;
  if (spec->certificate_file != NULL)
    return funnel_file_certificate_new (spec->name, spec->certificate_file, spec->key_file);
  return funnel_keeper_certificate_new (self->keeper, spec->name);
}

FunnelShareRuntime *
funnel_share_runtime_new (FunnelShare *share,
                          FunnelCertificateKeeper *keeper,
                          FunnelShareRuntimeChanged changed,
                          gpointer user_data)
{
  FunnelShareRuntime *self = g_new0 (FunnelShareRuntime, 1);

  self->share = g_object_ref (share);
  self->keeper = g_object_ref (keeper);
  self->changed = changed;
  self->user_data = user_data;
  funnel_share_runtime_restart (self);
  return self;
}

void
funnel_share_runtime_free (FunnelShareRuntime *self)
{
  stop_checking (self);
  drop_source (self);
  funnel_target_free (self->target);
  g_free (self->target_reason);
  g_free (self->target_leaf);
  g_free (self->source_leaf);
  g_free (self->probe_detail);
  g_free (self->probe_leaf);
  g_object_unref (self->share);
  g_object_unref (self->keeper);
  g_free (self);
}

FunnelShare *
funnel_share_runtime_get_share (FunnelShareRuntime *self)
{
  return self->share;
}

void
funnel_share_runtime_restart (FunnelShareRuntime *self)
{
  const FunnelShareSpec *spec = funnel_share_get_spec (self->share);

  funnel_target_free (self->target);
  /* It is canonical text, which was read before. */
  self->target = funnel_target_parse (spec->target, spec->kind, NULL);
  g_assert (self->target != NULL);
  g_clear_pointer (&self->target_leaf, g_free);
  g_clear_pointer (&self->target_reason, g_free);
  self->target_failed = FALSE;
  self->retry_s = RETRY_FIRST_S;
  drop_source (self);
  self->source = choose_source (self);
  if (self->source != NULL)
    g_signal_connect (self->source, "changed", G_CALLBACK (on_source_changed), self);
  show_certificate (self);
  self->epoch = next_epoch ();
  check_target (self);
}

void
funnel_share_runtime_forget_probe (FunnelShareRuntime *self)
{
  self->probed = FALSE;
  self->epoch = next_epoch ();
}

void
funnel_share_runtime_take_probe (FunnelShareRuntime *self, const FunnelLinkMessage *probe)
{
  self->probed = TRUE;
  self->probe_epoch = probe->epoch;
  self->probe_outcome = probe->outcome;
  g_free (self->probe_detail);
  self->probe_detail = g_strdup (probe->detail);
  g_free (self->probe_leaf);
  self->probe_leaf = g_strdup (probe->leaf);
  /* The probe came no further than TLS: whether the target is there is still to be seen. */
  if (funnel_share_get_spec (self->share)->kind == FUNNEL_SHARE_HTTPS && !self->target_failed)
    check_target (self);
  /* The target may have renewed its certificate; only if it has not is the one seen a foreign one.
   */
  if (is_pass_through (self) && probe->outcome == FUNNEL_PROBE_OK && !self->target_failed
      && g_strcmp0 (self->target_leaf, probe->leaf) != 0)
    {
      g_clear_pointer (&self->target_leaf, g_free);
      check_target (self);
    }
  self->changed (self->user_data);
}

void
funnel_share_runtime_take_counters (FunnelShareRuntime *self, const FunnelServeCounters *counters)
{
  /* The error stands until the next attempt: only one of a new attempt is news. */
  if (counters->target_attempts == self->attempts)
    return;
  self->attempts = counters->target_attempts;
  if (counters->target_error == 0 && self->target_failed)
    check_target (self);
  else if (counters->target_error != 0 && !self->target_failed)
    {
      fail_target (self, g_strerror (counters->target_error));
      self->changed (self->user_data);
    }
}

void
funnel_share_runtime_fill (FunnelShareRuntime *self, FunnelShareFacts *facts)
{
  const FunnelShareSpec *spec = funnel_share_get_spec (self->share);

  facts->name = spec->name;
  facts->port = spec->port;
  facts->kind = spec->kind;
  facts->target = spec->target;
  facts->certificate = FUNNEL_CERTIFICATE_NOT_NEEDED;
  facts->leaf = self->target_leaf;
  if (self->source != NULL)
    funnel_certificate_source_fill (self->source, facts);
  facts->target_failed = self->target_failed;
  facts->target_reason = self->target_reason;
  facts->epoch = self->epoch;
  facts->probed = self->probed;
  facts->probe_epoch = self->probe_epoch;
  facts->probe_outcome = self->probe_outcome;
  facts->probe_detail = self->probe_detail;
  facts->probe_leaf = self->probe_leaf;
}

gboolean
funnel_share_runtime_is_servable (FunnelShareRuntime *self)
{
  return self->source == NULL || funnel_certificate_source_get (self->source) != NULL;
}

guint32
funnel_share_runtime_get_epoch (FunnelShareRuntime *self)
{
  return self->epoch;
}

static void
fill_target (FunnelServeTarget *to, const FunnelTarget *from)
{
  to->n = MIN (from->n_addresses, FUNNEL_SERVE_TARGETS_MAX);
  for (guint i = 0; i < to->n; i++)
    {
      to->addresses[i] = from->addresses[i];
      to->lens[i] = from->lens[i];
    }
}

/* "http://localhost:3000" → "localhost:3000"; a socket has no authority but this machine's. */
static char *
make_authority (const FunnelTarget *target)
{
  const char *at = strstr (target->text, "://");

  return at != NULL ? g_strndup (at + 3, strcspn (at + 3, "/")) : g_strdup ("localhost");
}

static FunnelServeMount *
make_root_mount (FunnelShareRuntime *self)
{
  FunnelServeMount *mount = funnel_serve_mount_new ();

  mount->path = g_strdup ("/");
  mount->kind = FUNNEL_SERVE_MOUNT_PROXY;
  mount->authority = make_authority (self->target);
  mount->base_path = g_strdup ("");
  fill_target (&mount->target, self->target);
  return mount;
}

FunnelServeShare *
funnel_share_runtime_make_serve_share (FunnelShareRuntime *self)
{
  static const FunnelServeKind kinds[] = {
      [FUNNEL_SHARE_HTTPS] = FUNNEL_SERVE_HTTP,
      [FUNNEL_SHARE_TCP] = FUNNEL_SERVE_PASS_THROUGH,
      [FUNNEL_SHARE_TLS_TERMINATED_TCP] = FUNNEL_SERVE_TERMINATE,
  };
  const FunnelShareSpec *spec = funnel_share_get_spec (self->share);
  FunnelServeShare *share = funnel_serve_share_new ();

  share->id = spec->id;
  share->name = g_strdup (spec->name);
  share->port = spec->port;
  share->kind = kinds[spec->kind];
  if (share->kind == FUNNEL_SERVE_HTTP)
    g_ptr_array_add (share->mounts, make_root_mount (self));
  else
    fill_target (&share->target, self->target);
  if (self->source != NULL && funnel_certificate_source_get (self->source) != NULL)
    share->certificate = funnel_certificate_ref (funnel_certificate_source_get (self->source));
  return share;
}
