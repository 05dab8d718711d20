/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Names whose DNS records this ingress may have published: written down before it asks for one,
 * crossed out after it is gone. */

#include "ingress-server/store/ingress-store.h"

G_BEGIN_DECLS

/** dns_names_load: char*, owned by the array. */
GPtrArray *dns_names_load (IngressStore *store, GError **error);
gboolean dns_names_add (IngressStore *store, const char *name, GError **error);
gboolean dns_names_remove (IngressStore *store, const char *name, GError **error);

G_END_DECLS
