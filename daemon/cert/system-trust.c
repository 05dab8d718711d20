/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/cert/system-trust.h"

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
