/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Where the local API listens: a unix socket, and loopback with a secret if asked for. */

#include "daemon/local-api/local-listener.h"
#include "daemon/local-certificates.h"

G_BEGIN_DECLS

typedef struct _FunnelLocalFaces FunnelLocalFaces;

/** funnel_local_faces_new: see funnel_local_certificates_new. @source, @owner: must stay. */
FunnelLocalFaces *funnel_local_faces_new (FunnelStateDir *dir,
                                          const FunnelLocalApiOptions *options,
                                          const FunnelLocalSource *source,
                                          gpointer owner,
                                          GError **error);
void funnel_local_faces_free (FunnelLocalFaces *self);

const char *funnel_local_faces_get_socket (FunnelLocalFaces *self); /* "" when off */
const char *funnel_local_faces_get_url (FunnelLocalFaces *self);    /* "" when off */

G_END_DECLS
