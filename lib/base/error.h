/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* What went wrong, as callers tell cases apart. On D-Bus each is org.openfunnel.Funnel.Error.NICK.
 */
typedef enum
{
  FUNNEL_ERROR_FAILED,
  FUNNEL_ERROR_INVALID_ARGUMENT, /* bad input; the message names the field and the remedy */
  FUNNEL_ERROR_NOT_JOINED,
  FUNNEL_ERROR_ALREADY_JOINED,
  FUNNEL_ERROR_TOKEN_INVALID, /* not a join token, or cut short */
  FUNNEL_ERROR_TOKEN_UNKNOWN,
  FUNNEL_ERROR_TOKEN_USED,
  FUNNEL_ERROR_TOKEN_EXPIRED,
  FUNNEL_ERROR_UNTRUSTED, /* the ingress showed another key than the token's */
  FUNNEL_ERROR_UNREACHABLE,
  FUNNEL_ERROR_CONFLICT, /* ETag mismatch, or something already serves this name and port */
  FUNNEL_ERROR_NOT_FOUND,
  FUNNEL_ERROR_NOT_ALLOWED,
  FUNNEL_ERROR_UNSUPPORTED,
  FUNNEL_ERROR_NOT_ISOLATED, /* the tunnel's isolation could not be verified */
  FUNNEL_ERROR_STORE,        /* state on disk unreadable or unwritable */
  FUNNEL_ERROR_PROTOCOL,     /* the other side broke the protocol */
} FunnelError;

#define FUNNEL_ERROR (funnel_error_quark ())
GQuark funnel_error_quark (void); /* also registers the D-Bus names */

/** funnel_error_code_text: stable identifier for JSON and D-Bus ("token-used"). */
const char *funnel_error_code_text (FunnelError code);
/** funnel_error_code_from_text: FUNNEL_ERROR_FAILED when unknown. */
FunnelError funnel_error_code_from_text (const char *text);

G_END_DECLS
