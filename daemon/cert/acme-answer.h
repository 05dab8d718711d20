/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What a certificate authority (CA) answers: bytes in, checked structures out (RFC 8555 section
 * 7.1, RFC 7807, RFC 9773). No I/O. Everything is bounded; a URL is https, or the answer is
 * refused. Errors are FUNNEL_ACME_ERROR_PROTOCOL and name the member at fault. */

#include "daemon/cert/acme-error.h"

#include <gio/gio.h>

G_BEGIN_DECLS

#define FUNNEL_ACME_URL_MAX 2048
#define FUNNEL_ACME_TOKEN_MAX 256
#define FUNNEL_ACME_AUTHORIZATIONS_MAX 4 /* one name is ordered at a time */
#define FUNNEL_ACME_LISTED_MAX 64        /* elements of a list we look through */

/** funnel_acme_url_is_sound: https, with a host, without user and fragment, of bounded length. */
gboolean funnel_acme_url_is_sound (const char *url);

typedef struct
{
  char *new_nonce;
  char *new_account;
  char *new_order;
  char *revoke_cert;  /* NULL: not offered */
  char *renewal_info; /* NULL: not offered */
  GStrv profiles;     /* NULL: none offered */
  gboolean binding_required;
} FunnelAcmeDirectory;

FunnelAcmeDirectory *funnel_acme_directory_parse (const char *text, gsize len, GError **error);
void funnel_acme_directory_free (FunnelAcmeDirectory *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelAcmeDirectory, funnel_acme_directory_free)

/* Of accounts, orders, authorizations and challenges alike. */
typedef enum
{
  FUNNEL_ACME_STATUS_PENDING,
  FUNNEL_ACME_STATUS_READY,
  FUNNEL_ACME_STATUS_PROCESSING,
  FUNNEL_ACME_STATUS_VALID,
  FUNNEL_ACME_STATUS_INVALID,
  FUNNEL_ACME_STATUS_DEACTIVATED,
  FUNNEL_ACME_STATUS_EXPIRED,
  FUNNEL_ACME_STATUS_REVOKED,
} FunnelAcmeStatus;

const char *funnel_acme_status_text (FunnelAcmeStatus status);

/* A problem document (RFC 7807). Texts are one line, at most FUNNEL_ACME_TEXT_MAX bytes. */
typedef struct
{
  char *type;   /* behind urn:ietf:params:acme:error:; else whole; "" when absent */
  char *detail; /* never empty */
} FunnelAcmeProblem;

/** funnel_acme_problem_parse: NULL if it is none. */
FunnelAcmeProblem *funnel_acme_problem_parse (const char *text, gsize len);
void funnel_acme_problem_free (FunnelAcmeProblem *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelAcmeProblem, funnel_acme_problem_free)

/** funnel_acme_problem_to_error: @fallback is for types that we do not know. */
GError *funnel_acme_problem_to_error (const FunnelAcmeProblem *problem,
                                      FunnelAcmeError fallback,
                                      gint64 retry_at,
                                      const char *who);

typedef struct
{
  FunnelAcmeStatus status;
  GStrv authorizations; /* URLs, 1 … FUNNEL_ACME_AUTHORIZATIONS_MAX */
  char *finalize;
  char *certificate;          /* NULL until valid */
  FunnelAcmeProblem *problem; /* NULL without */
} FunnelAcmeOrder;

FunnelAcmeOrder *funnel_acme_order_parse (const char *text, gsize len, GError **error);
void funnel_acme_order_free (FunnelAcmeOrder *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelAcmeOrder, funnel_acme_order_free)

typedef struct
{
  FunnelAcmeStatus status;
  char *name;                 /* of the identifier */
  char *url, *token;          /* of its tls-alpn-01 challenge; NULL if it has none */
  char *offered;              /* the types of its challenges, for people */
  FunnelAcmeProblem *problem; /* of the challenge that failed; NULL without */
} FunnelAcmeAuthorization;

FunnelAcmeAuthorization *
funnel_acme_authorization_parse (const char *text, gsize len, GError **error);
void funnel_acme_authorization_free (FunnelAcmeAuthorization *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelAcmeAuthorization, funnel_acme_authorization_free)

/** funnel_acme_account_parse: its status. */
gboolean
funnel_acme_account_parse (const char *text, gsize len, FunnelAcmeStatus *status, GError **error);

/** funnel_acme_window_parse: renewal information; Unix seconds, @begin < @end. */
gboolean
funnel_acme_window_parse (const char *text, gsize len, gint64 *begin, gint64 *end, GError **error);

/** funnel_acme_retry_parse: a Retry-After header, seconds or an HTTP date, as Unix microseconds:
 * @now (Unix microseconds) … a year later; 0 if it is neither. */
gint64 funnel_acme_retry_parse (const char *header, gint64 now);

G_END_DECLS
