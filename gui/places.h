/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Where something new can be published: the names and ports of an ingress, those that are free
 * first. */

#include "lib/dbus/funnel-dbus.h"

G_BEGIN_DECLS

typedef struct
{
  char *name;
  guint16 port;
  gboolean granted;
  char *used_for; /* the target that is there; NULL: free */
} FunnelPlace;

void funnel_place_free (FunnelPlace *place);

/** funnel_places_list: FunnelPlace*; free with g_ptr_array_unref. What is granted, free ones first,
 * in the order of the ingress; without any grant, the assigned names on its public ports.
 * @ingress: NULL: an empty list
 * @shares: GListModel of FunnelDBusShare */
GPtrArray *funnel_places_list (FunnelDBusIngress *ingress, GListModel *shares);
/** funnel_place_dup_url: "https://name", "https://name:8443", or "tcp://name:443".
 * @kind: of the share, as in Manager.Share */
char *funnel_place_dup_url (const FunnelPlace *place, const char *kind);
/** funnel_place_read: a name and perhaps a port, "name" or "name:8443", as somebody types it; NULL
 * when it is neither. Free with funnel_place_free. */
FunnelPlace *funnel_place_read (const char *text, GListModel *shares);

G_END_DECLS
