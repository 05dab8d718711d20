/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/cert/system-trust.h"

/* Trusts nobody. */
struct _FunnelNoTrust
{
  GTlsDatabase parent_instance;
};

#define FUNNEL_TYPE_NO_TRUST (funnel_no_trust_get_type ())
G_DECLARE_FINAL_TYPE (FunnelNoTrust, funnel_no_trust, FUNNEL, NO_TRUST, GTlsDatabase)
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
funnel_system_trust_keep_out (void)
{
  g_autoptr (GTlsDatabase) none = g_object_new (FUNNEL_TYPE_NO_TRUST, NULL);

  g_tls_backend_set_default_database (g_tls_backend_get_default (), none);
}

/* A TLS back end keeps the list for as long as it lives itself, more than four megabytes with what
 * distributions trust. The process's back end lives for ever, so it is another one that is asked,
 * which ends here; and not with g_tls_backend_get_default_database, since that of the process is
 * another one. */
static GTlsDatabase *
load (void)
{
  g_autoptr (GTlsBackend) backend
      = g_object_new (G_OBJECT_TYPE (g_tls_backend_get_default ()), NULL);

  return G_TLS_BACKEND_GET_INTERFACE (backend)->get_default_database (backend);
}

GTlsDatabase *
funnel_system_trust_get (void)
{
  static GMutex mutex;
  static GWeakRef known;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&mutex);
  GTlsDatabase *trust = g_weak_ref_get (&known);

  if (trust == NULL)
    {
      trust = load ();
      g_weak_ref_set (&known, trust);
    }
  return trust;
}
