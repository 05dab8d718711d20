/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* This process believes nobody's certificate: it is asked, and does not ask. GIO's TLS would all
 * the same read the authorities of the system for every connection it accepts, which takes ten
 * times as long as the handshake. */

#include <gio/gio.h>

G_BEGIN_DECLS

/** ingress_trust_nobody: from now on, in this process. */
void ingress_trust_nobody (void);

G_END_DECLS
