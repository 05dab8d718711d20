/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The PROXY header a share may want in front of all a visitor sends: who comes, where to, by which
 * name, and what TLS was ended on the way. */

#include "daemon/serve/serve-flow.h"

#include <gnutls/gnutls.h>

/**
 * target_header_send: write the header to the target of @flow, which was just connected and has had
 * no byte yet; nothing if the share wants none.
 * @tls: the session that ended here, after its handshake; NULL where TLS goes through
 * @more: visitor bytes follow at once
 * Returns 0 or -errno. The serve thread.
 *
 * Source is the visitor, destination the address the visitor connected to; from a relay that does
 * not tell it, the unspecified address of the same family with the public port. Version 2 also
 * carries authority (the name), unique id (the flow's), CRC32C and, where TLS ended here, the
 * protocol chosen (ALPN), TLS version and cipher suite.
 */
int target_header_send (const struct flow *flow, gnutls_session_t tls, bool more);
