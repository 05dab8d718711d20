/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Making the state directory of a new ingress, and reading its keys back. */

#include "ingress-server/store/ingress-config.h"
#include "lib/base/token.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/** ingress_setup_create: directory (0700), keys (0600), certificate, database, and ingress.conf
 * last. CONFLICT when there is an ingress.conf or a key already: nothing is ever overwritten. */
gboolean ingress_setup_create (const IngressConfig *config, GError **error);

/** ingress_setup_load_wireguard: the private key (funnel_secret_free) and the public one. */
gboolean ingress_setup_load_wireguard (const IngressConfig *config,
                                       char **private_key,
                                       char **public_key,
                                       GError **error);

/** ingress_setup_load_certificate: certificate and key of the join API, and the hash nodes pin. */
GTlsCertificate *ingress_setup_load_certificate (const IngressConfig *config,
                                                 guint8 key_hash[FUNNEL_KEY_HASH_LEN],
                                                 GError **error);

G_END_DECLS
