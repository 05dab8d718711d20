/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/certificate-source.h"

typedef struct
{
  FunnelCertificateFact fact;
  FunnelCertificate *certificate;
  char *reason;
  char *next_step;
  char *step;
  char *ca;
  char *problem;
  gint64 renew_at;
  gint64 retry_at;
} FunnelCertificateSourcePrivate;

static guint changed_signal;

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (FunnelCertificateSource,
                                     funnel_certificate_source,
                                     G_TYPE_OBJECT)

static FunnelCertificateSourcePrivate *
get_private (FunnelCertificateSource *self)
{
  return funnel_certificate_source_get_instance_private (self);
}

static void
funnel_certificate_source_finalize (GObject *object)
{
  FunnelCertificateSourcePrivate *priv = get_private (FUNNEL_CERTIFICATE_SOURCE (object));

  g_clear_pointer (&priv->certificate, funnel_certificate_unref);
  g_free (priv->reason);
  g_free (priv->next_step);
  g_free (priv->step);
  g_free (priv->ca);
  g_free (priv->problem);
  G_OBJECT_CLASS (funnel_certificate_source_parent_class)->finalize (object);
}

static void
funnel_certificate_source_class_init (FunnelCertificateSourceClass *class)
{
  G_OBJECT_CLASS (class)->finalize = funnel_certificate_source_finalize;
  changed_signal = g_signal_new ("changed", G_TYPE_FROM_CLASS (class), G_SIGNAL_RUN_LAST, 0, NULL,
                                 NULL, NULL, G_TYPE_NONE, 0);
}

static void
funnel_certificate_source_init (FunnelCertificateSource *self)
{
  get_private (self)->fact = FUNNEL_CERTIFICATE_PENDING;
}

FunnelCertificate *
funnel_certificate_source_get (FunnelCertificateSource *self)
{
  return get_private (self)->certificate;
}

void
funnel_certificate_source_fill (FunnelCertificateSource *self, FunnelShareFacts *facts)
{
  FunnelCertificateSourcePrivate *priv = get_private (self);

  facts->certificate = priv->fact;
  facts->certificate_reason = priv->reason;
  facts->certificate_next_step = priv->next_step;
  facts->leaf = priv->certificate != NULL ? funnel_certificate_get_leaf (priv->certificate) : NULL;
}

void
funnel_certificate_source_set (FunnelCertificateSource *self,
                               FunnelCertificateFact fact,
                               FunnelCertificate *certificate,
                               const char *reason,
                               const char *next_step)
{
  FunnelCertificateSourcePrivate *priv = get_private (self);
  FunnelCertificate *fresh = certificate != NULL ? funnel_certificate_ref (certificate) : NULL;

  g_return_if_fail (fact != FUNNEL_CERTIFICATE_READY || certificate != NULL);
  g_clear_pointer (&priv->certificate, funnel_certificate_unref);
  g_free (priv->reason);
  g_free (priv->next_step);
  priv->fact = fact;
  priv->certificate = fresh;
  priv->reason = g_strdup (reason);
  priv->next_step = g_strdup (next_step);
  g_signal_emit (self, changed_signal, 0);
}

static void
replace_text (char **member, const char *text)
{
  char *fresh = g_strdup (text);

  g_free (*member);
  *member = fresh;
}

void
funnel_certificate_source_set_details (FunnelCertificateSource *self,
                                       const FunnelCertificateDetails *details)
{
  FunnelCertificateSourcePrivate *priv = get_private (self);

  replace_text (&priv->step, details->step);
  replace_text (&priv->ca, details->ca);
  replace_text (&priv->problem, details->problem);
  priv->renew_at = details->renew_at;
  priv->retry_at = details->retry_at;
}

const char *
funnel_certificate_source_get_step (FunnelCertificateSource *self)
{
  const char *step = get_private (self)->step;

  return step != NULL ? step : "";
}

static void
add_text (GVariantDict *dict, const char *key, const char *text)
{
  if (text != NULL)
    g_variant_dict_insert (dict, key, "s", text);
}

static void
add_time (GVariantDict *dict, const char *key, gint64 seconds)
{
  if (seconds != 0)
    g_variant_dict_insert (dict, key, "x", seconds);
}

GVariant *
funnel_certificate_source_describe (FunnelCertificateSource *self)
{
  FunnelCertificateSourcePrivate *priv = get_private (self);
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);

  if (priv->certificate != NULL)
    {
      add_text (&dict, "issuer", funnel_certificate_get_issuer (priv->certificate));
      add_text (&dict, "serial", funnel_certificate_get_serial (priv->certificate));
      add_text (&dict, "sha256", funnel_certificate_get_leaf (priv->certificate));
      add_time (&dict, "not-before", funnel_certificate_get_begin (priv->certificate));
      add_time (&dict, "not-after", funnel_certificate_get_expiry (priv->certificate));
    }
  add_text (&dict, "ca", priv->ca);
  add_text (&dict, "problem", priv->problem);
  add_time (&dict, "renew-at", priv->renew_at);
  add_time (&dict, "retry-at", priv->retry_at);
  return g_variant_dict_end (&dict);
}
