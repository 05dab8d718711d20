/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/control/no-trust.h"

#define INGRESS_TYPE_NO_TRUST (ingress_no_trust_get_type ())
G_DECLARE_FINAL_TYPE (IngressNoTrust, ingress_no_trust, INGRESS, NO_TRUST, GTlsDatabase)

struct _IngressNoTrust
{
  GTlsDatabase parent_instance;
};

G_DEFINE_FINAL_TYPE (IngressNoTrust, ingress_no_trust, G_TYPE_TLS_DATABASE)

static GTlsCertificateFlags
ingress_no_trust_verify_chain (GTlsDatabase *database,
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
ingress_no_trust_class_init (IngressNoTrustClass *class)
{
  G_TLS_DATABASE_CLASS (class)->verify_chain = ingress_no_trust_verify_chain;
}

static void
ingress_no_trust_init (IngressNoTrust *self)
{
}

void
ingress_trust_nobody (void)
{
  g_autoptr (GTlsDatabase) database = g_object_new (INGRESS_TYPE_NO_TRUST, NULL);

  g_tls_backend_set_default_database (g_tls_backend_get_default (), database);
}
