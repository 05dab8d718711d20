/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The head of one HTTP/1.1 request (RFC 9112), strictly: what two readers could understand in two
 * ways is refused, and so is anything with a body. No I/O. */

#include <glib.h>
#include <libsoup/soup.h>

G_BEGIN_DECLS

#define FUNNEL_HTTP_HEAD_MAX 8192 /* bytes, the empty line included */
#define FUNNEL_HTTP_FIELDS_MAX 64

typedef struct
{
  char *method;
  char *path;  /* as sent, without the query; begins with "/" */
  char *query; /* as sent, without "?"; NULL none */
  SoupMessageHeaders *headers;
  gboolean keep_alive;
} FunnelHttpRequest;

/** funnel_http_head_length: bytes of the head at the begin of @data, its empty line included; 0
 * when there is more to come. */
gsize funnel_http_head_length (const char *data, gsize len);

/**
 * funnel_http_request_parse: read a whole head.
 * @out: to be cleared either way
 * Returns: 0, or the HTTP status to refuse it with; @problem then says why (static)
 */
guint funnel_http_request_parse (const char *head,
                                 gsize len,
                                 FunnelHttpRequest *out,
                                 const char **problem);
void funnel_http_request_clear (FunnelHttpRequest *request);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (FunnelHttpRequest, funnel_http_request_clear)

/** funnel_http_request_get_field: the one value of @name; NULL when absent or not just once. */
const char *funnel_http_request_get_field (const FunnelHttpRequest *request, const char *name);
/** funnel_http_request_count_fields: how often @name was sent. */
guint funnel_http_request_count_fields (const FunnelHttpRequest *request, const char *name);

G_END_DECLS
