/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Certificates for the users and web servers of this machine, put together: what was asked for
 * (certificate-wishes), the folders kept filled (install/), the local API (local-api/), all fed by
 * the keeper. On the main thread. */

#include "daemon/cert/certificate-keeper.h"
#include "daemon/install/install.h"
#include "daemon/store/state-dir.h"

#include <sys/types.h>

G_BEGIN_DECLS

/* Where the local API listens. */
typedef struct
{
  char *socket;       /* path; NULL: the usual one, if there is a runtime folder */
  gboolean open;      /* every local user may connect to it */
  gboolean with_http; /* on loopback too */
  guint16 http_port;
} FunnelLocalApiOptions;

typedef struct _FunnelLocalCertificates FunnelLocalCertificates;

/**
 * funnel_local_certificates_new: reads what was asked for, and listens.
 * @keeper: must stay
 * @changed: what funnel_local_certificates_describe tells may be different
 *
 * Where the user said to listen and it is not possible, that is an error; elsewhere a warning.
 */
FunnelLocalCertificates *funnel_local_certificates_new (FunnelStateDir *dir,
                                                        FunnelCertificateKeeper *keeper,
                                                        const FunnelLocalApiOptions *options,
                                                        void (*changed) (gpointer user_data),
                                                        gpointer user_data,
                                                        GError **error);
void funnel_local_certificates_free (FunnelLocalCertificates *self);

/** funnel_local_certificates_describe: the property Certificates on D-Bus; floating. */
GVariant *funnel_local_certificates_describe (FunnelLocalCertificates *self);
/** funnel_local_certificates_get_socket: path; "" when it does not listen. */
const char *funnel_local_certificates_get_socket (FunnelLocalCertificates *self);
/** funnel_local_certificates_get_url: of the loopback face, without the secret; "" when off. */
const char *funnel_local_certificates_get_url (FunnelLocalCertificates *self);

/** All following names are as the user typed them. */

/** funnel_local_certificates_obtain_async: have a certificate for @name, from now on, that is valid
 * for @min_validity seconds more. */
void funnel_local_certificates_obtain_async (FunnelLocalCertificates *self,
                                             const char *name,
                                             gint64 min_validity,
                                             GAsyncReadyCallback callback,
                                             gpointer user_data);
/** funnel_local_certificates_obtain_finish: a reference. */
FunnelCertificate *funnel_local_certificates_obtain_finish (GAsyncResult *result, GError **error);
/** funnel_local_certificates_forget: stop renewing for "funnel cert"; folders and users that were
 * asked for with it go too, files stay. */
gboolean
funnel_local_certificates_forget (FunnelLocalCertificates *self, const char *name, GError **error);
/** funnel_local_certificates_allow: whether user @uid, called @user, may have the key. */
gboolean funnel_local_certificates_allow (FunnelLocalCertificates *self,
                                          const char *name,
                                          uid_t uid,
                                          const char *user,
                                          gboolean allowed,
                                          GError **error);
/**
 * funnel_local_certificates_install_async: keep a folder filled. @spec->name as typed. Finishes
 * when the files are there and the hook has run; files that cannot be written are an error, and
 * nothing is remembered.
 */
void funnel_local_certificates_install_async (FunnelLocalCertificates *self,
                                              const FunnelInstallSpec *spec,
                                              GAsyncReadyCallback callback,
                                              gpointer user_data);
/** funnel_local_certificates_install_finish: what the hook had to complain about, "" nothing;
 * g_free. */
char *funnel_local_certificates_install_finish (GAsyncResult *result, GError **error);
/** funnel_local_certificates_uninstall: the files are taken away. */
gboolean funnel_local_certificates_uninstall (FunnelLocalCertificates *self,
                                              const char *name,
                                              const char *folder,
                                              GError **error);
/** funnel_local_certificates_list_serials: of all this node ever ordered for @name; NULL and an
 * error if it is no name. */
GStrv funnel_local_certificates_list_serials (FunnelLocalCertificates *self,
                                              const char *name,
                                              GError **error);

G_END_DECLS
