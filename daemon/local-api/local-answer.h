/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What the local API says to a request, and to whom: from memory, at once, without I/O. Nothing
 * here ever starts an order: a web server asks in the middle of a handshake.
 *
 * On the unix socket: GET /localapi/v0/status and /localapi/v0/cert/NAME?type=pair|key|crt|cert, as
 * tailscaled answers them; who asks is what the kernel says (SO_PEERCRED).
 * On loopback TCP: GET /cert?server_name=NAME; who asks is whoever knows the secret. */

#include "daemon/local-api/http-request.h"

#include <sys/types.h>

G_BEGIN_DECLS

/* RFC 6585; libsoup has no names for them. */
#define FUNNEL_HTTP_TOO_MANY_REQUESTS 429
#define FUNNEL_HTTP_HEAD_TOO_LARGE 431

/* Who asks. */
typedef struct
{
  gboolean on_tcp;
  uid_t uid;          /* unix socket only */
  const char *secret; /* TCP only: what Basic authentication must bring */
} FunnelLocalCaller;

/* Where certificates come from. All on the main thread, all at once. */
typedef struct
{
  /** get_pair: TRUE and both texts (PEM, borrowed, each ending with a newline, the key PKCS #8), or
   * FALSE. */
  gboolean (*get_pair) (gpointer owner, const char *name, const char **chain, const char **key);
  /** list_names: all names this node keeps or wants certificates for; g_strfreev. A web server
   * passes over names that are not listed, and orders certificates of them itself. */
  GStrv (*list_names) (gpointer owner);
  /** knows: whether @name is one of them. */
  gboolean (*knows) (gpointer owner, const char *name);
  /** may_read: whether user @uid may have the key of @name. */
  gboolean (*may_read) (gpointer owner, uid_t uid, const char *name);
} FunnelLocalSource;

typedef struct
{
  guint status;
  const char *content_type; /* static; NULL without body */
  const char *extra;        /* static: one more header line with CRLF; NULL none */
  GString *body;            /* may hold a key: freed with funnel_local_answer_clear */
  gboolean wrong_secret;
} FunnelLocalAnswer;

/** funnel_local_answer: @out is to be cleared. */
void funnel_local_answer (const FunnelLocalSource *source,
                          gpointer owner,
                          const FunnelLocalCaller *caller,
                          const FunnelHttpRequest *request,
                          FunnelLocalAnswer *out);
/** funnel_local_answer_refuse: @status with @problem as JSON {"error": …}. */
void funnel_local_answer_refuse (FunnelLocalAnswer *out, guint status, const char *problem);
/** funnel_local_answer_print: the whole response; free with funnel_local_wipe. */
GString *funnel_local_answer_print (const FunnelLocalAnswer *answer, gboolean keep_alive);
/** funnel_local_answer_clear: wipes the body. */
void funnel_local_answer_clear (FunnelLocalAnswer *answer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (FunnelLocalAnswer, funnel_local_answer_clear)
/** funnel_local_wipe: overwrite and free. */
void funnel_local_wipe (GString *text);

G_END_DECLS
