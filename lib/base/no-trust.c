/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/base/no-trust.h"

#define FUNNEL_TYPE_NO_TRUST (funnel_no_trust_get_type ())
G_DECLARE_FINAL_TYPE (FunnelNoTrust, funnel_no_trust, FUNNEL, NO_TRUST, GTlsDatabase)

struct _FunnelNoTrust
{
  GTlsDatabase parent_instance;
};

G_DEFINE_FINAL_TYPE (FunnelNoTrust, funnel_no_trust, G_TYPE_TLS_DATABASE)

static GTlsCertificateFlags
funnel_no_trust_verify_chain (GTlsDatabase *database,
                              GTlsCertificate *chain,
                              const gchar *purpose,
                              GSocketConnectable *identity,
                              GTlsInteraction *interaction,
                              GTlsDatabaseVerifyFlags flags,
                              GCancellable *cancellable,
                              GError **error)
{
  return G_TLS_CERTIFICATE_UNKNOWN_CA;
}

static void
funnel_no_trust_class_init (FunnelNoTrustClass *class)
{
  G_TLS_DATABASE_CLASS (class)->verify_chain = funnel_no_trust_verify_chain;
}

static void
funnel_no_trust_init (FunnelNoTrust *self)
{
}

void
funnel_trust_nobody (void)
{
  g_autoptr (GTlsDatabase) database = g_object_new (FUNNEL_TYPE_NO_TRUST, NULL);

  g_tls_backend_set_default_database (g_tls_backend_get_default (), database);
}
