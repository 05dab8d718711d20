/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The interface org.openfunnel.Funnel.Certificates: calls go to the owner through a table of
 * functions, what it tells is set from outside. */

#include <gio/gio.h>

G_BEGIN_DECLS

/* What the owner does; texts are as the caller sent them. All on the main thread. */
typedef struct
{
  void (*obtain_async) (gpointer owner,
                        const char *name,
                        guint64 min_validity,
                        GAsyncReadyCallback callback,
                        gpointer user_data);
  /* @chain, @key: borrowed until the function returns to the main loop. */
  gboolean (*obtain_finish) (gpointer owner,
                             GAsyncResult *result,
                             const char **chain,
                             const char **key,
                             GError **error);
  gboolean (*forget) (gpointer owner, const char *name, GError **error);
  gboolean (*allow) (gpointer owner,
                     const char *name,
                     guint32 uid,
                     const char *user,
                     gboolean allowed,
                     GError **error);
  /* @group, @hook: NULL none */
  void (*install_async) (gpointer owner,
                         const char *name,
                         const char *folder,
                         const char *group,
                         const char *hook,
                         GAsyncReadyCallback callback,
                         gpointer user_data);
  char *(*install_finish) (gpointer owner, GAsyncResult *result, GError **error);
  gboolean (*uninstall) (gpointer owner, const char *name, const char *folder, GError **error);
  GStrv (*list_serials) (gpointer owner, const char *name, GError **error);
} FunnelBusCertificatesMethods;

typedef struct _FunnelBusCertificates FunnelBusCertificates;

/** funnel_bus_certificates_new: @methods and @owner must stay. */
FunnelBusCertificates *
funnel_bus_certificates_new (const FunnelBusCertificatesMethods *methods, gpointer owner);
/** funnel_bus_certificates_free: calls that still wait are not answered any more. */
void funnel_bus_certificates_free (FunnelBusCertificates *self);

/** funnel_bus_certificates_get_skeleton: to be put on an object; borrowed. */
GDBusInterfaceSkeleton *funnel_bus_certificates_get_skeleton (FunnelBusCertificates *self);
/** funnel_bus_certificates_set: @certificates: the property; a floating reference is taken. */
void funnel_bus_certificates_set (FunnelBusCertificates *self, GVariant *certificates);
void funnel_bus_certificates_set_places (FunnelBusCertificates *self,
                                         const char *socket,
                                         const char *url);

G_END_DECLS
