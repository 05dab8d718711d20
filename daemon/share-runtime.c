/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/share-runtime.h"

#include "daemon/certificate-source.h"
#include "daemon/mount-runtime.h"

#include <string.h>

struct _FunnelShareRuntime
{
  FunnelShare *share;
  FunnelCertificateKeeper *keeper;
  char *state_dir;
  FunnelShareRuntimeChanged changed;
  gpointer user_data;

  GPtrArray *mounts; /* FunnelMountRuntime*, in the order of the spec */
  guint64 attempts;  /* of the data plane, as far as taken note of */

  char *certificate_file; /* that source is made of; NULL none */
  char *key_file;
  FunnelCertificateSource *source; /* NULL for pass-through */
  char *source_leaf;               /* of the certificate it had when it last changed */
  guint32 epoch;
  gboolean probed;
  gint64 probed_at; /* Unix seconds */
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

static FunnelMountRuntime *
get_mount (FunnelShareRuntime *self, guint index)
{
  return g_ptr_array_index (self->mounts, index);
}

/* The first mount that does not work; NULL: all do, as far as known. */
static FunnelMountRuntime *
find_failed (FunnelShareRuntime *self)
{
  for (guint i = 0; i < self->mounts->len; i++)
    if (funnel_mount_runtime_get_problem (get_mount (self, i)) != NULL)
      return get_mount (self, i);
  return NULL;
}

static void
on_mount_changed (gpointer user_data, gboolean recovered)
{
  FunnelShareRuntime *self = user_data;

  for (guint i = 0; i < self->mounts->len; i++)
    funnel_share_set_problem (self->share,
                              funnel_mount_runtime_get_spec (get_mount (self, i))->path,
                              funnel_mount_runtime_get_problem (get_mount (self, i)));
  /* What was probed while it was down says nothing now. */
  if (recovered)
    self->epoch = next_epoch ();
  self->changed (self->user_data);
}

static void
start_mounts (FunnelShareRuntime *self)
{
  const FunnelShareSpec *spec = funnel_share_get_spec (self->share);
  const char *server_name = is_pass_through (self) ? spec->name : NULL;

  for (guint i = 0; i < spec->mounts->len; i++)
    g_ptr_array_add (self->mounts, funnel_mount_runtime_new (g_ptr_array_index (spec->mounts, i),
                                                             spec->kind, self->state_dir,
                                                             server_name, on_mount_changed, self));
  for (guint i = 0; i < self->mounts->len; i++)
    funnel_mount_runtime_check (get_mount (self, i));
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
                          const char *state_dir,
                          FunnelCertificateKeeper *keeper,
                          FunnelShareRuntimeChanged changed,
                          gpointer user_data)
{
  FunnelShareRuntime *self = g_new0 (FunnelShareRuntime, 1);

  self->share = g_object_ref (share);
  self->keeper = g_object_ref (keeper);
  self->state_dir = g_strdup (state_dir);
  self->mounts = g_ptr_array_new_with_free_func ((GDestroyNotify)funnel_mount_runtime_free);
  self->changed = changed;
  self->user_data = user_data;
  funnel_share_runtime_restart (self);
  return self;
}

void
funnel_share_runtime_free (FunnelShareRuntime *self)
{
  drop_source (self);
  g_free (self->source_leaf);
  g_ptr_array_unref (self->mounts);
  g_free (self->certificate_file);
  g_free (self->key_file);
  g_free (self->state_dir);
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

/* Look again at what worked when it was last looked at. */
static void
check_working (FunnelShareRuntime *self)
{
  for (guint i = 0; i < self->mounts->len; i++)
    if (funnel_mount_runtime_get_problem (get_mount (self, i)) == NULL)
      funnel_mount_runtime_check (get_mount (self, i));
}

/* Whether the mounts that run are those that are asked for now. */
static gboolean
has_same_mounts (FunnelShareRuntime *self)
{
  const GPtrArray *wanted = funnel_share_get_spec (self->share)->mounts;
  gboolean same = self->mounts->len == wanted->len;

  for (guint i = 0; same && i < wanted->len; i++)
    same = funnel_mount_spec_equal (funnel_mount_runtime_get_spec (get_mount (self, i)),
                                    g_ptr_array_index (wanted, i));
  return same;
}

void
funnel_share_runtime_restart (FunnelShareRuntime *self)
{
  const FunnelShareSpec *spec = funnel_share_get_spec (self->share);

  /* A rule or an end that changes is no reason to begin again: what works goes on. */
  if (has_same_mounts (self) && g_strcmp0 (self->certificate_file, spec->certificate_file) == 0
      && g_strcmp0 (self->key_file, spec->key_file) == 0)
    {
      check_working (self);
      return;
    }
  g_free (self->certificate_file);
  self->certificate_file = g_strdup (spec->certificate_file);
  g_free (self->key_file);
  self->key_file = g_strdup (spec->key_file);
  g_ptr_array_set_size (self->mounts, 0);
  drop_source (self);
  self->source = choose_source (self);
  if (self->source != NULL)
    g_signal_connect (self->source, "changed", G_CALLBACK (on_source_changed), self);
  show_certificate (self);
  self->epoch = next_epoch ();
  start_mounts (self);
}

void
funnel_share_runtime_forget_probe (FunnelShareRuntime *self)
{
  self->probed = FALSE;
  self->epoch = next_epoch ();
}

/* The data plane says that a target failed, or works again; where there are several, not which. */
static void
check_mounts (FunnelShareRuntime *self, int target_error)
{
  for (guint i = 0; i < self->mounts->len; i++)
    {
      FunnelMountRuntime *mount = get_mount (self, i);
      gboolean failed = funnel_mount_runtime_get_problem (mount) != NULL;

      if (self->mounts->len == 1 && target_error != 0 && !failed)
        funnel_mount_runtime_fail (mount, g_strerror (target_error));
      else if (failed == (target_error == 0))
        funnel_mount_runtime_check (mount);
    }
}

void
funnel_share_runtime_take_probe (FunnelShareRuntime *self, const FunnelLinkMessage *probe)
{
  self->probed = TRUE;
  self->probed_at = g_get_real_time () / G_USEC_PER_SEC;
  self->probe_epoch = probe->epoch;
  self->probe_outcome = probe->outcome;
  g_free (self->probe_detail);
  self->probe_detail = g_strdup (probe->detail);
  g_free (self->probe_leaf);
  self->probe_leaf = g_strdup (probe->leaf);
  /* The probe came no further than TLS: whether the target is there is still to be seen. */
  if (funnel_share_get_spec (self->share)->kind == FUNNEL_SHARE_HTTPS)
    check_working (self);
  /* The target may have renewed its certificate; only if it has not is the one seen a foreign one.
   */
  if (is_pass_through (self) && probe->outcome == FUNNEL_PROBE_OK && find_failed (self) == NULL
      && g_strcmp0 (funnel_mount_runtime_get_leaf (get_mount (self, 0)), probe->leaf) != 0)
    funnel_mount_runtime_forget_leaf (get_mount (self, 0));
  self->changed (self->user_data);
}

void
funnel_share_runtime_take_counters (FunnelShareRuntime *self, const FunnelServeCounters *counters)
{
  /* The error stands until the next attempt: only one of a new attempt is news. */
  if (counters->target_attempts == self->attempts)
    return;
  self->attempts = counters->target_attempts;
  check_mounts (self, counters->target_error);
}

static void
fill_failure (FunnelShareRuntime *self, FunnelShareFacts *facts)
{
  FunnelMountRuntime *failed = find_failed (self);
  const FunnelMountSpec *spec = NULL;

  if (failed == NULL)
    return;
  spec = funnel_mount_runtime_get_spec (failed);
  facts->target_failed = TRUE;
  facts->target_reason = funnel_mount_runtime_get_problem (failed);
  facts->target = spec->target;
  facts->mount = self->mounts->len > 1 ? spec->path : NULL;
}

void
funnel_share_runtime_fill (FunnelShareRuntime *self, FunnelShareFacts *facts)
{
  const FunnelShareSpec *spec = funnel_share_get_spec (self->share);

  facts->name = spec->name;
  facts->port = spec->port;
  facts->kind = spec->kind;
  facts->target = funnel_share_spec_get_target (spec);
  facts->expires = spec->expires;
  facts->restricted = spec->access.allow[0] != NULL || spec->access.deny[0] != NULL;
  facts->expired = funnel_share_spec_is_expired (spec, g_get_real_time () / G_USEC_PER_SEC);
  facts->switched_off = spec->switched_off;
  facts->paused = spec->paused;
  facts->certificate = FUNNEL_CERTIFICATE_NOT_NEEDED;
  if (is_pass_through (self))
    facts->leaf = funnel_mount_runtime_get_leaf (get_mount (self, 0));
  if (self->source != NULL)
    funnel_certificate_source_fill (self->source, facts);
  fill_failure (self, facts);
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

void
funnel_share_runtime_recheck (FunnelShareRuntime *self)
{
  for (guint i = 0; i < self->mounts->len; i++)
    if (!funnel_mount_runtime_is_checking (get_mount (self, i)))
      funnel_mount_runtime_check (get_mount (self, i));
}

gboolean
funnel_share_runtime_is_checking (FunnelShareRuntime *self)
{
  for (guint i = 0; i < self->mounts->len; i++)
    if (funnel_mount_runtime_is_checking (get_mount (self, i)))
      return TRUE;
  return FALSE;
}

gint64
funnel_share_runtime_get_probed_at (FunnelShareRuntime *self)
{
  return self->probed_at;
}

guint32
funnel_share_runtime_get_epoch (FunnelShareRuntime *self)
{
  return self->epoch;
}

static GArray *
make_ranges (GStrv texts)
{
  GArray *ranges = g_array_new (FALSE, TRUE, sizeof (FunnelServeRange));

  for (char **at = texts; *at != NULL; at++)
    {
      FunnelServeRange range = {0};

      /* Canonical text; should it not be read, the share must not open up: nobody fits family 0. */
      funnel_address_range_parse (*at, &range, NULL);
      g_array_append_val (ranges, range);
    }
  return ranges;
}

static void
fill_policy (const FunnelShareSpec *spec, FunnelServePolicy *policy)
{
  policy->allow = make_ranges (spec->access.allow);
  policy->deny = make_ranges (spec->access.deny);
  policy->max_flows = spec->access.max_conns;
  policy->rate = spec->access.rate;
  policy->expires = spec->expires;
  policy->user = g_strdup (spec->access.auth_user);
  policy->password_hash = g_strdup (spec->access.auth_hash);
}

static int
compare_mounts (gconstpointer a, gconstpointer b)
{
  gsize left = strlen ((*(FunnelServeMount *const *)a)->path);
  gsize right = strlen ((*(FunnelServeMount *const *)b)->path);

  return left > right ? -1 : left < right;
}

static void
fill_mounts (FunnelShareRuntime *self, FunnelServeShare *share)
{
  for (guint i = 0; i < self->mounts->len; i++)
    g_ptr_array_add (share->mounts, funnel_mount_runtime_make_serve_mount (get_mount (self, i)));
  g_ptr_array_sort (share->mounts, compare_mounts);
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
  fill_policy (spec, &share->policy);
  share->proxy_protocol = spec->proxy_protocol;
  share->alpn = g_strdupv (spec->alpn);
  if (share->kind == FUNNEL_SERVE_HTTP)
    fill_mounts (self, share);
  else
    funnel_mount_runtime_fill_target (get_mount (self, 0), &share->target);
  if (self->source != NULL && funnel_certificate_source_get (self->source) != NULL)
    share->certificate = funnel_certificate_ref (funnel_certificate_source_get (self->source));
  return share;
}
