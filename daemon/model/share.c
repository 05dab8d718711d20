/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/model/share.h"

#include "daemon/model/target.h"

enum
{
  PROP_NAME = 1,
  PROP_PORT,
  PROP_KIND,
  PROP_TARGET,
  PROP_URL,
  PROP_FOREGROUND,
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
      g_value_set_string (value, self->spec->target);
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
    default:
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
}

FunnelShareSpec *
funnel_share_spec_copy (const FunnelShareSpec *spec)
{
  FunnelShareSpec *copy = g_new (FunnelShareSpec, 1);

  *copy = *spec;
  copy->name = g_strdup (spec->name);
  copy->target = g_strdup (spec->target);
  copy->certificate_file = g_strdup (spec->certificate_file);
  copy->key_file = g_strdup (spec->key_file);
  copy->owner = g_strdup (spec->owner);
  return copy;
}

void
funnel_share_spec_free (FunnelShareSpec *spec)
{
  if (spec == NULL)
    return;
  g_free (spec->name);
  g_free (spec->target);
  g_free (spec->certificate_file);
  g_free (spec->key_file);
  g_free (spec->owner);
  g_free (spec);
}

void
funnel_share_filter_clear (FunnelShareFilter *filter)
{
  g_clear_pointer (&filter->name, g_free);
  g_clear_pointer (&filter->target, g_free);
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
funnel_share_replace (FunnelShare *self, const FunnelShareSpec *spec)
{
  FunnelShareSpec *fresh = funnel_share_spec_copy (spec);
  gboolean target_changed = g_strcmp0 (fresh->target, self->spec->target) != 0;

  g_return_if_fail (spec->kind == self->spec->kind && spec->port == self->spec->port);
  g_return_if_fail (g_strcmp0 (spec->name, self->spec->name) == 0);
  fresh->id = self->spec->id;
  funnel_share_spec_free (self->spec);
  self->spec = fresh;
  if (target_changed)
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_TARGET]);
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
  g_autoptr (GVariant) taken = g_variant_ref_sink (refusals);

  if (g_variant_equal (self->refusals, taken))
    return;
  g_variant_unref (self->refusals);
  self->refusals = g_steal_pointer (&taken);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_REFUSALS]);
}

gboolean
funnel_share_matches (FunnelShare *self, const FunnelShareFilter *filter)
{
  const FunnelShareSpec *spec = self->spec;
  g_autoptr (FunnelTarget) target = NULL;

  if ((filter->name != NULL && g_strcmp0 (filter->name, spec->name) != 0)
      || (filter->port != 0 && filter->port != spec->port)
      || (filter->has_kind && filter->kind != spec->kind))
    return FALSE;
  if (filter->target == NULL || g_strcmp0 (filter->target, spec->target) == 0)
    return TRUE;
  target = funnel_target_parse (filter->target, spec->kind, NULL);
  return target != NULL && g_strcmp0 (target->text, spec->target) == 0;
}
