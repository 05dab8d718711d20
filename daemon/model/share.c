/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/model/share.h"

#include <string.h>

enum
{
  PROP_NAME = 1,
  PROP_PORT,
  PROP_KIND,
  PROP_TARGET,
  PROP_MOUNTS,
  PROP_URL,
  PROP_FOREGROUND,
  PROP_COMMAND,
  PROP_ENABLED,
  PROP_ACCESS,
  PROP_EXPIRES,
  PROP_PROXY_PROTOCOL,
  PROP_ALPN,
  PROP_WARNINGS,
  PROP_STATE,
  PROP_REASON,
  PROP_NEXT_STEP,
  PROP_FLOWS_ACTIVE,
  PROP_FLOWS_TOTAL,
  PROP_BYTES_IN,
  PROP_BYTES_OUT,
  PROP_CERTIFICATE,
  PROP_CERTIFICATE_STEP,
  PROP_REFUSALS,
  PROP_REQUESTS,
  N_PROPS
};

struct _FunnelShare
{
  GObject parent_instance;
  FunnelShareSpec *spec;
  FunnelShareStatus status;
  FunnelShareTraffic traffic;
  GVariant *certificate; /* a{sv} */
  char *certificate_step;
  GVariant *refusals;
  GVariant *requests;
  GHashTable *problems; /* path → why its mount does not work */
};

static GParamSpec *props[N_PROPS];

G_DEFINE_FINAL_TYPE (FunnelShare, funnel_share, G_TYPE_OBJECT)

static char *
make_url (const FunnelShareSpec *spec)
{
  if (spec->kind != FUNNEL_SHARE_HTTPS)
    return g_strdup_printf ("tcp://%s:%u", spec->name, spec->port);
  if (spec->port == 443)
    return g_strdup_printf ("https://%s", spec->name);
  return g_strdup_printf ("https://%s:%u", spec->name, spec->port);
}

static void
add_text (GVariantBuilder *builder, const char *key, const char *text)
{
  g_variant_builder_add (builder, "{sv}", key, g_variant_new_string (text != NULL ? text : ""));
}

static void
add_bool (GVariantBuilder *builder, const char *key, gboolean value)
{
  g_variant_builder_add (builder, "{sv}", key, g_variant_new_boolean (value));
}

static GVariant *
make_mount (FunnelShare *self, const FunnelMountSpec *mount)
{
  g_autoptr (FunnelTarget) target = funnel_target_parse (mount->target, self->spec->kind, NULL);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  add_text (&builder, "path", mount->path);
  add_text (&builder, "target", mount->target);
  add_text (&builder, "kind", target != NULL ? funnel_target_kind_text (target->kind) : "");
  add_text (&builder, "host-header", mount->host_header != NULL ? mount->host_header : "keep");
  add_bool (&builder, "keep-prefix", mount->keep_prefix);
  add_bool (&builder, "listing", mount->listing);
  add_bool (&builder, "lan", mount->lan);
  add_bool (&builder, "force", mount->force);
  add_text (&builder, "problem", g_hash_table_lookup (self->problems, mount->path));
  return g_variant_builder_end (&builder);
}

static GVariant *
make_mounts (FunnelShare *self)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < self->spec->mounts->len; i++)
    g_variant_builder_add_value (&builder,
                                 make_mount (self, g_ptr_array_index (self->spec->mounts, i)));
  return g_variant_builder_end (&builder);
}

static GVariant *
make_texts (GStrv texts)
{
  return g_variant_new_strv ((const char *const *)texts, texts != NULL ? -1 : 0);
}

static GVariant *
make_access (const FunnelShareAccess *access)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  add_bool (&builder, "public", funnel_share_access_is_public (access));
  g_variant_builder_add (&builder, "{sv}", "allow", make_texts (access->allow));
  g_variant_builder_add (&builder, "{sv}", "deny", make_texts (access->deny));
  add_text (&builder, "auth-user", access->auth_user);
  g_variant_builder_add (&builder, "{sv}", "max-conns", g_variant_new_uint32 (access->max_conns));
  g_variant_builder_add (&builder, "{sv}", "rate", g_variant_new_uint32 (access->rate));
  return g_variant_builder_end (&builder);
}

/* What follows from the spec alone. */
static gboolean
get_spec_property (FunnelShare *self, guint id, GValue *value)
{
  const FunnelShareSpec *spec = self->spec;

  switch (id)
    {
    case PROP_MOUNTS:
      g_value_set_variant (value, make_mounts (self));
      return TRUE;
    case PROP_COMMAND:
      g_value_set_string (value, spec->command != NULL ? spec->command : "");
      return TRUE;
    case PROP_ENABLED:
      g_value_set_boolean (value, funnel_share_spec_is_enabled (spec));
      return TRUE;
    case PROP_ACCESS:
      g_value_set_variant (value, make_access (&spec->access));
      return TRUE;
    case PROP_EXPIRES:
      g_value_set_uint64 (value, (guint64)spec->expires);
      return TRUE;
    case PROP_PROXY_PROTOCOL:
      g_value_set_uint (value, spec->proxy_protocol);
      return TRUE;
    case PROP_ALPN:
      g_value_take_boxed (value, spec->alpn != NULL ? g_strdupv (spec->alpn) : g_new0 (char *, 1));
      return TRUE;
    case PROP_WARNINGS:
      g_value_take_boxed (value, funnel_share_spec_dup_warnings (spec));
      return TRUE;
    default:
      return FALSE;
    }
}

static void
funnel_share_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  FunnelShare *self = FUNNEL_SHARE (object);

  switch (id)
    {
    case PROP_NAME:
      g_value_set_string (value, self->spec->name);
      break;
    case PROP_PORT:
      g_value_set_uint (value, self->spec->port);
      break;
    case PROP_KIND:
      g_value_set_static_string (value, funnel_share_kind_text (self->spec->kind));
      break;
    case PROP_TARGET:
      g_value_set_string (value, funnel_share_spec_get_target (self->spec));
      break;
    case PROP_URL:
      g_value_take_string (value, make_url (self->spec));
      break;
    case PROP_FOREGROUND:
      g_value_set_boolean (value, self->spec->foreground);
      break;
    case PROP_STATE:
      g_value_set_static_string (value, funnel_share_state_text (self->status.state));
      break;
    case PROP_REASON:
      g_value_set_string (value, self->status.reason);
      break;
    case PROP_NEXT_STEP:
      g_value_set_string (value, self->status.next_step);
      break;
    case PROP_FLOWS_ACTIVE:
      g_value_set_uint (value, self->traffic.flows_active);
      break;
    case PROP_FLOWS_TOTAL:
      g_value_set_uint64 (value, self->traffic.flows_total);
      break;
    case PROP_BYTES_IN:
      g_value_set_uint64 (value, self->traffic.bytes_in);
      break;
    case PROP_BYTES_OUT:
      g_value_set_uint64 (value, self->traffic.bytes_out);
      break;
    case PROP_CERTIFICATE:
      g_value_set_variant (value, self->certificate);
      break;
    case PROP_CERTIFICATE_STEP:
      g_value_set_string (value, self->certificate_step);
      break;
    case PROP_REFUSALS:
      g_value_set_variant (value, self->refusals);
      break;
    case PROP_REQUESTS:
      g_value_set_variant (value, self->requests);
      break;
    default:
      if (!get_spec_property (self, id, value))
        G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
funnel_share_finalize (GObject *object)
{
  FunnelShare *self = FUNNEL_SHARE (object);

  funnel_share_spec_free (self->spec);
  funnel_share_status_clear (&self->status);
  g_variant_unref (self->refusals);
  g_variant_unref (self->certificate);
  g_free (self->certificate_step);
  g_variant_unref (self->requests);
  g_hash_table_unref (self->problems);
  G_OBJECT_CLASS (funnel_share_parent_class)->finalize (object);
}

static void
funnel_share_class_init (FunnelShareClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS (class);
  const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

  object_class->get_property = funnel_share_get_property;
  object_class->finalize = funnel_share_finalize;
  props[PROP_NAME] = g_param_spec_string ("name", NULL, NULL, NULL, flags);
  props[PROP_PORT] = g_param_spec_uint ("port", NULL, NULL, 0, G_MAXUINT16, 0, flags);
  props[PROP_KIND] = g_param_spec_string ("kind", NULL, NULL, NULL, flags);
  props[PROP_TARGET] = g_param_spec_string ("target", NULL, NULL, NULL, flags);
  props[PROP_URL] = g_param_spec_string ("url", NULL, NULL, NULL, flags);
  props[PROP_FOREGROUND] = g_param_spec_boolean ("foreground", NULL, NULL, FALSE, flags);
  props[PROP_STATE] = g_param_spec_string ("state", NULL, NULL, NULL, flags);
  props[PROP_REASON] = g_param_spec_string ("reason", NULL, NULL, NULL, flags);
  props[PROP_NEXT_STEP] = g_param_spec_string ("next-step", NULL, NULL, NULL, flags);
  props[PROP_FLOWS_ACTIVE]
      = g_param_spec_uint ("flows-active", NULL, NULL, 0, G_MAXUINT32, 0, flags);
  props[PROP_FLOWS_TOTAL]
      = g_param_spec_uint64 ("flows-total", NULL, NULL, 0, G_MAXUINT64, 0, flags);
  props[PROP_BYTES_IN] = g_param_spec_uint64 ("bytes-in", NULL, NULL, 0, G_MAXUINT64, 0, flags);
  props[PROP_BYTES_OUT] = g_param_spec_uint64 ("bytes-out", NULL, NULL, 0, G_MAXUINT64, 0, flags);
  props[PROP_CERTIFICATE]
      = g_param_spec_variant ("certificate", NULL, NULL, G_VARIANT_TYPE ("a{sv}"), NULL, flags);
  props[PROP_CERTIFICATE_STEP] = g_param_spec_string ("certificate-step", NULL, NULL, NULL, flags);
  props[PROP_REFUSALS]
      = g_param_spec_variant ("refusals", NULL, NULL, G_VARIANT_TYPE ("a{st}"), NULL, flags);
  props[PROP_REQUESTS]
      = g_param_spec_variant ("requests", NULL, NULL, G_VARIANT_TYPE ("a{st}"), NULL, flags);
  props[PROP_MOUNTS]
      = g_param_spec_variant ("mounts", NULL, NULL, G_VARIANT_TYPE ("aa{sv}"), NULL, flags);
  props[PROP_COMMAND] = g_param_spec_string ("command", NULL, NULL, NULL, flags);
  props[PROP_ENABLED] = g_param_spec_boolean ("enabled", NULL, NULL, TRUE, flags);
  props[PROP_ACCESS]
      = g_param_spec_variant ("access", NULL, NULL, G_VARIANT_TYPE_VARDICT, NULL, flags);
  props[PROP_EXPIRES] = g_param_spec_uint64 ("expires", NULL, NULL, 0, G_MAXUINT64, 0, flags);
  props[PROP_PROXY_PROTOCOL] = g_param_spec_uint ("proxy-protocol", NULL, NULL, 0, 2, 0, flags);
  props[PROP_ALPN] = g_param_spec_boxed ("alpn", NULL, NULL, G_TYPE_STRV, flags);
  props[PROP_WARNINGS] = g_param_spec_boxed ("warnings", NULL, NULL, G_TYPE_STRV, flags);
  g_object_class_install_properties (object_class, N_PROPS, props);
}

static void
funnel_share_init (FunnelShare *self)
{
  self->status.reason = g_strdup ("");
  self->status.next_step = g_strdup ("");
  self->refusals = g_variant_ref_sink (g_variant_new_array (G_VARIANT_TYPE ("{st}"), NULL, 0));
  self->certificate = g_variant_ref_sink (g_variant_new_array (G_VARIANT_TYPE ("{sv}"), NULL, 0));
  self->certificate_step = g_strdup ("");
  self->requests = g_variant_ref_sink (g_variant_new_array (G_VARIANT_TYPE ("{st}"), NULL, 0));
  self->problems = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
}

FunnelShare *
funnel_share_new (const FunnelShareSpec *spec)
{
  FunnelShare *self = g_object_new (FUNNEL_TYPE_SHARE, NULL);

  self->spec = funnel_share_spec_copy (spec);
  return self;
}

const FunnelShareSpec *
funnel_share_get_spec (FunnelShare *self)
{
  return self->spec;
}

void
funnel_share_filter_clear (FunnelShareFilter *filter)
{
  g_clear_pointer (&filter->name, g_free);
  g_clear_pointer (&filter->target, g_free);
  g_clear_pointer (&filter->path, g_free);
}

static const guint spec_props[]
    = {PROP_TARGET, PROP_MOUNTS,  PROP_FOREGROUND,     PROP_COMMAND, PROP_ENABLED,
       PROP_ACCESS, PROP_EXPIRES, PROP_PROXY_PROTOCOL, PROP_ALPN,    PROP_WARNINGS};

/* Whether two values of one property say the same. */
static gboolean
same_value (GParamSpec *pspec, const GValue *a, const GValue *b)
{
  if (G_VALUE_HOLDS_VARIANT (a))
    return g_variant_equal (g_value_get_variant (a), g_value_get_variant (b));
  if (G_VALUE_HOLDS (a, G_TYPE_STRV))
    return g_strv_equal (g_value_get_boxed (a), g_value_get_boxed (b));
  return g_param_values_cmp (pspec, a, b) == 0;
}

void
funnel_share_replace (FunnelShare *self, const FunnelShareSpec *spec)
{
  GValue before[G_N_ELEMENTS (spec_props)] = {0};
  FunnelShareSpec *fresh = funnel_share_spec_copy (spec);

  g_return_if_fail (spec->kind == self->spec->kind && spec->port == self->spec->port);
  g_return_if_fail (g_strcmp0 (spec->name, self->spec->name) == 0);
  for (guint i = 0; i < G_N_ELEMENTS (spec_props); i++)
    g_object_get_property (G_OBJECT (self), props[spec_props[i]]->name, &before[i]);
  fresh->id = self->spec->id;
  funnel_share_spec_free (self->spec);
  self->spec = fresh;
  g_hash_table_remove_all (self->problems);
  g_object_freeze_notify (G_OBJECT (self));
  for (guint i = 0; i < G_N_ELEMENTS (spec_props); i++)
    {
      GParamSpec *pspec = props[spec_props[i]];
      GValue now = G_VALUE_INIT;

      g_object_get_property (G_OBJECT (self), pspec->name, &now);
      if (!same_value (pspec, &before[i], &now))
        g_object_notify_by_pspec (G_OBJECT (self), pspec);
      g_value_unset (&now);
      g_value_unset (&before[i]);
    }
  g_object_thaw_notify (G_OBJECT (self));
}

FunnelShareState
funnel_share_get_state (FunnelShare *self)
{
  return self->status.state;
}

static void
set_text (FunnelShare *self, char **member, const char *text, guint prop)
{
  if (g_strcmp0 (*member, text) == 0)
    return;
  g_free (*member);
  *member = g_strdup (text);
  g_object_notify_by_pspec (G_OBJECT (self), props[prop]);
}

void
funnel_share_set_status (FunnelShare *self, const FunnelShareStatus *status)
{
  /* Frozen, so that no listener sees a new state with the old reason. */
  g_object_freeze_notify (G_OBJECT (self));
  if (self->status.state != status->state)
    {
      self->status.state = status->state;
      g_object_notify_by_pspec (G_OBJECT (self), props[PROP_STATE]);
    }
  set_text (self, &self->status.reason, status->reason, PROP_REASON);
  set_text (self, &self->status.next_step, status->next_step, PROP_NEXT_STEP);
  g_object_thaw_notify (G_OBJECT (self));
}

static void
set_number (FunnelShare *self, guint64 *member, guint64 value, guint prop)
{
  if (*member == value)
    return;
  *member = value;
  g_object_notify_by_pspec (G_OBJECT (self), props[prop]);
}

void
funnel_share_set_traffic (FunnelShare *self, const FunnelShareTraffic *traffic)
{
  g_object_freeze_notify (G_OBJECT (self));
  if (self->traffic.flows_active != traffic->flows_active)
    {
      self->traffic.flows_active = traffic->flows_active;
      g_object_notify_by_pspec (G_OBJECT (self), props[PROP_FLOWS_ACTIVE]);
    }
  set_number (self, &self->traffic.flows_total, traffic->flows_total, PROP_FLOWS_TOTAL);
  set_number (self, &self->traffic.bytes_in, traffic->bytes_in, PROP_BYTES_IN);
  set_number (self, &self->traffic.bytes_out, traffic->bytes_out, PROP_BYTES_OUT);
  g_object_thaw_notify (G_OBJECT (self));
}

static void
take_counts (FunnelShare *self, GVariant **member, GVariant *counts, guint prop)
{
  g_autoptr (GVariant) taken = g_variant_ref_sink (counts);

  if (g_variant_equal (*member, taken))
    return;
  g_variant_unref (*member);
  *member = g_steal_pointer (&taken);
  g_object_notify_by_pspec (G_OBJECT (self), props[prop]);
}

void
funnel_share_set_certificate (FunnelShare *self, const char *step, GVariant *certificate)
{
  g_autoptr (GVariant) taken = g_variant_ref_sink (certificate);

  set_text (self, &self->certificate_step, step, PROP_CERTIFICATE_STEP);
  if (g_variant_equal (self->certificate, taken))
    return;
  g_variant_unref (self->certificate);
  self->certificate = g_steal_pointer (&taken);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_CERTIFICATE]);
}

void
funnel_share_set_refusals (FunnelShare *self, GVariant *refusals)
{
  take_counts (self, &self->refusals, refusals, PROP_REFUSALS);
}

void
funnel_share_set_requests (FunnelShare *self, GVariant *requests)
{
  take_counts (self, &self->requests, requests, PROP_REQUESTS);
}

void
funnel_share_set_problem (FunnelShare *self, const char *path, const char *problem)
{
  if (g_strcmp0 (g_hash_table_lookup (self->problems, path), problem) == 0)
    return;
  if (problem != NULL)
    g_hash_table_insert (self->problems, g_strdup (path), g_strdup (problem));
  else
    g_hash_table_remove (self->problems, path);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_MOUNTS]);
}

static gboolean
matches_share (const FunnelShareSpec *spec, const FunnelShareFilter *filter)
{
  return (filter->name == NULL || g_strcmp0 (filter->name, spec->name) == 0)
         && (filter->port == 0 || filter->port == spec->port)
         && (!filter->has_kind || filter->kind == spec->kind);
}

static gboolean
matches_mount (const FunnelMountSpec *mount, FunnelShareKind kind, const FunnelShareFilter *filter)
{
  g_autoptr (FunnelTarget) target = NULL;

  if (filter->path != NULL && strcmp (filter->path, mount->path) != 0)
    return FALSE;
  if (filter->target == NULL || strcmp (filter->target, mount->target) == 0)
    return TRUE;
  target = funnel_target_parse (filter->target, kind, NULL);
  return target != NULL && strcmp (target->text, mount->target) == 0;
}

gboolean
funnel_share_matches (FunnelShare *self, const FunnelShareFilter *filter)
{
  if (!matches_share (self->spec, filter))
    return FALSE;
  for (guint i = 0; i < self->spec->mounts->len; i++)
    if (matches_mount (g_ptr_array_index (self->spec->mounts, i), self->spec->kind, filter))
      return TRUE;
  return FALSE;
}

FunnelShareSpec *
funnel_share_without (FunnelShare *self, const FunnelShareFilter *filter)
{
  g_autoptr (FunnelShareSpec) spec = funnel_share_spec_copy (self->spec);

  if (!matches_share (spec, filter))
    return g_steal_pointer (&spec);
  for (guint i = spec->mounts->len; i > 0; i--)
    if (matches_mount (g_ptr_array_index (spec->mounts, i - 1), spec->kind, filter))
      g_ptr_array_remove_index (spec->mounts, i - 1);
  return spec->mounts->len > 0 ? g_steal_pointer (&spec) : NULL;
}
