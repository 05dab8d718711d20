/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/cert/acme-error.h"

#include "lib/base/json-read.h"

static const char *const code_texts[] = {
    "configuration", "unreachable",   "untrusted",   "timed-out", "clock",        "rate-limited",
    "server",        "protocol",      "account",     "profile",   "name-refused", "challenge",
    "validation",    "order-invalid", "certificate", "refused",
};

G_STATIC_ASSERT (G_N_ELEMENTS (code_texts) == FUNNEL_ACME_ERROR_REFUSED + 1);

typedef struct
{
  gint64 retry_at;
  char *problem;
} FunnelAcmeErrorPrivate;

static void
funnel_acme_error_private_init (FunnelAcmeErrorPrivate *priv)
{
}

static void
funnel_acme_error_private_copy (const FunnelAcmeErrorPrivate *from, FunnelAcmeErrorPrivate *to)
{
  to->retry_at = from->retry_at;
  to->problem = g_strdup (from->problem);
}

static void
funnel_acme_error_private_clear (FunnelAcmeErrorPrivate *priv)
{
  g_free (priv->problem);
}

G_DEFINE_EXTENDED_ERROR (FunnelAcmeError, funnel_acme_error)

const char *
funnel_acme_error_text (FunnelAcmeError code)
{
  return (guint)code < G_N_ELEMENTS (code_texts) ? code_texts[code]
                                                 : code_texts[FUNNEL_ACME_ERROR_REFUSED];
}

gint64
funnel_acme_error_get_retry_at (const GError *error)
{
  FunnelAcmeErrorPrivate *priv = NULL;

  if (error != NULL && error->domain == FUNNEL_ACME_ERROR)
    priv = funnel_acme_error_get_private (error);
  return priv != NULL ? priv->retry_at : 0;
}

const char *
funnel_acme_error_get_problem (const GError *error)
{
  FunnelAcmeErrorPrivate *priv = NULL;

  if (error != NULL && error->domain == FUNNEL_ACME_ERROR)
    priv = funnel_acme_error_get_private (error);
  return priv != NULL ? priv->problem : NULL;
}

GError *
funnel_acme_error_new_detailed (FunnelAcmeError code,
                                gint64 retry_at,
                                const char *problem,
                                const char *format,
                                ...)
{
  FunnelAcmeErrorPrivate *priv;
  GError *error;
  va_list args;

  va_start (args, format);
  error = g_error_new_valist (FUNNEL_ACME_ERROR, (int)code, format, args);
  va_end (args);
  priv = funnel_acme_error_get_private (error);
  priv->retry_at = retry_at;
  priv->problem = problem != NULL ? funnel_text_one_line (problem, 64) : NULL;
  return error;
}
