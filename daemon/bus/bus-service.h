/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The daemon on the bus: the manager, and one object per share and ingress, whose properties follow
 * the model's. Wishes go to the owner through a table of functions. */

#include "daemon/bus/bus-options.h"
#include "daemon/model/ingress.h"
#include "daemon/model/share-list.h"

G_BEGIN_DECLS

/* What the owner does. Synchronous ones answer at once; all on the main thread. */
typedef struct
{
  void (*join_async) (gpointer owner, const char *token, GAsyncReadyCallback, gpointer user_data);
  /* The ingress, owned by the owner. */
  FunnelIngress *(*join_finish) (gpointer owner, GAsyncResult *, GError **);
  /* @spec: name NULL if not given, one mount, target as typed, owner set when foreground.
   * @given: FunnelShareGives. The share is the list's. */
  FunnelShare *(*share) (gpointer owner,
                         const FunnelShareSpec *spec,
                         guint given,
                         const char *if_match,
                         GError **);
  gboolean (*unshare) (gpointer owner,
                       const FunnelShareFilter *filter,
                       const char *if_match,
                       gboolean dry_run,
                       guint *count,
                       GError **);
  gboolean (*reset) (gpointer owner, const char *if_match, guint *count, GError **);
  gboolean (*stop) (gpointer owner, FunnelShare *share, GError **);
  /* As on D-Bus. */
  gboolean (*set_authority) (gpointer owner, GVariant *directories, GVariant *options, GError **);
  /* The name to speak of, "" or NULL with an error; the caller frees. */
  char *(*take_notice) (gpointer owner, const char *name, GError **);
  void (*revoke_async) (gpointer owner, GAsyncReadyCallback, gpointer user_data);
  gboolean (*revoke_finish) (gpointer owner, GAsyncResult *, guint *count, GError **);
  gboolean (*set_access) (gpointer owner,
                          FunnelShare *share,
                          const FunnelShareAccess *access,
                          guint given,
                          GError **);
  /* @expires: Unix seconds; 0 never. */
  gboolean (*set_expires) (gpointer owner, FunnelShare *share, gint64 expires, GError **);
  gboolean (*set_enabled) (gpointer owner, FunnelShare *share, gboolean enabled, GError **);
  gboolean (*set_paused) (gpointer owner, gboolean paused, guint *count, GError **);
  /* As on D-Bus; floating. */
  GVariant *(*list_requests) (gpointer owner, FunnelShare *share, guint64 after);
  /* Caller frees. */
  char *(*export_shares) (gpointer owner, GError **);
  /* @shares: a(ss), @left: as; see Import in data/dbus; floating. */
  gboolean (*import_shares) (gpointer owner,
                             const char *document,
                             const FunnelOptions *options,
                             GVariant **shares,
                             GVariant **left,
                             GError **);
  /* @name, @client_version: as Doctor's options, or NULL. The steps: FunnelDoctorStep*. */
  void (*doctor_async) (gpointer owner,
                        const char *name,
                        const char *client_version,
                        GAsyncReadyCallback,
                        gpointer user_data);
  GPtrArray *(*doctor_finish) (gpointer owner, GAsyncResult *, GError **);
  gboolean (*leave) (gpointer owner, FunnelIngress *ingress, GError **);
  /* @choice: as SetTunnel's. */
  gboolean (*set_tunnel) (gpointer owner, FunnelIngress *ingress, const char *choice, GError **);
  /* The bus name @name, which owns foreground shares, is gone. */
  void (*vanished) (gpointer owner, const char *name);
} FunnelBusMethods;

typedef struct _FunnelBus FunnelBus;

/** funnel_bus_new: export everything on @connection, without taking the well-known name. @list is
 * followed by itself; @methods must stay. */
FunnelBus *funnel_bus_new (GDBusConnection *connection,
                           FunnelShareList *list,
                           const FunnelBusMethods *methods,
                           gpointer owner);
void funnel_bus_free (FunnelBus *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelBus, funnel_bus_free)

void funnel_bus_add_ingress (FunnelBus *self, FunnelIngress *ingress);
void funnel_bus_remove_ingress (FunnelBus *self, FunnelIngress *ingress);
/** funnel_bus_set_authority: what CertificateAuthority and CertificateContact tell; a floating
 * @directories is taken. */
void funnel_bus_set_authority (FunnelBus *self, GVariant *directories, const char *contact);
/** funnel_bus_add_to_manager: one more interface of the manager's object, until the bus goes. */
void funnel_bus_add_to_manager (FunnelBus *self, GDBusInterfaceSkeleton *skeleton);
/** funnel_bus_set_exposed: something was shared from this node before. */
void funnel_bus_set_exposed (FunnelBus *self);
/** funnel_bus_take_name: FUNNEL_ERROR_CONFLICT when another daemon has it. */
gboolean funnel_bus_take_name (FunnelBus *self, GError **error);

G_END_DECLS
