/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What can go wrong between this node and a certificate authority (CA), so that the caller can tell
 * waiting from asking the user. A message is one line, at most FUNNEL_ACME_TEXT_MAX bytes of which
 * are the CA's own words, cleaned of control characters. */

#include <gio/gio.h>

G_BEGIN_DECLS

#define FUNNEL_ACME_TEXT_MAX 400 /* bytes of the CA's words in a message */

typedef enum
{
  FUNNEL_ACME_ERROR_CONFIGURATION, /* a setting is unusable; the message names it */
  FUNNEL_ACME_ERROR_UNREACHABLE,   /* no connection: DNS, refused, cut off */
  FUNNEL_ACME_ERROR_UNTRUSTED,     /* the CA's API shows a certificate we have no reason to trust */
  FUNNEL_ACME_ERROR_TIMED_OUT,     /* connected, but no (complete) answer in time */
  FUNNEL_ACME_ERROR_CLOCK,         /* this machine's clock and the CA's differ by over an hour */
  FUNNEL_ACME_ERROR_RATE_LIMITED,  /* try again at retry-at */
  FUNNEL_ACME_ERROR_SERVER,        /* 5xx: the CA's own trouble; retry-at if it said so */
  FUNNEL_ACME_ERROR_PROTOCOL,      /* what answers there does not speak ACME (a portal, a proxy) */
  FUNNEL_ACME_ERROR_ACCOUNT,       /* account refused, deactivated, or EAB missing or wrong */
  FUNNEL_ACME_ERROR_PROFILE,       /* the CA does not offer the profile asked for */
  FUNNEL_ACME_ERROR_NAME_REFUSED,  /* policy or CAA: this CA will not certify this name */
  FUNNEL_ACME_ERROR_CHALLENGE,     /* our own side: publish failed, or took too long */
  FUNNEL_ACME_ERROR_VALIDATION,    /* the CA looked at the name and did not find our answer */
  FUNNEL_ACME_ERROR_ORDER_INVALID, /* the order failed for another reason */
  FUNNEL_ACME_ERROR_CERTIFICATE,   /* what was issued does not fit the order, or is not valid now */
  FUNNEL_ACME_ERROR_REFUSED,       /* any other refusal, in the CA's words */
} FunnelAcmeError;

#define FUNNEL_ACME_ERROR (funnel_acme_error_quark ())
GQuark funnel_acme_error_quark (void);

/** funnel_acme_error_text: stable identifier for logs, D-Bus and JSON ("rate-limited"). */
const char *funnel_acme_error_text (FunnelAcmeError code);

/** funnel_acme_error_get_retry_at: Unix seconds before which it is pointless (or forbidden) to try
 * again, as the CA said (Retry-After); 0 if it did not say, or @error is of another domain. */
gint64 funnel_acme_error_get_retry_at (const GError *error);

/** funnel_acme_error_get_problem: the CA's problem type behind the common prefix ("rateLimited",
 * "caa"); NULL if there was none. Owned by @error. */
const char *funnel_acme_error_get_problem (const GError *error);

/** funnel_acme_error_new_detailed: for the sources of this room. */
GError *funnel_acme_error_new_detailed (FunnelAcmeError code,
                                        gint64 retry_at,
                                        const char *problem,
                                        const char *format,
                                        ...) G_GNUC_PRINTF (4, 5);

G_END_DECLS
