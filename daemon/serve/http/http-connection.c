/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Shares that speak HTTP: the handler of their flows.
 *
 * TLS ends here, as for other shares whose target speaks plain bytes, but the flow has no target:
 * each request gets one (exchange.h). ALPN chooses the version; visitors that offer none get
 * HTTP/1.1, and those that offer only others are refused by GnuTLS with no_application_protocol. */

#include "daemon/serve/http/http-connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Best first; the last one is for visitors without ALPN. */
static const struct http_protocol *const protocols[] = {
    &http2_protocol,
    &http1_protocol,
};

void
http_connection_note_in (struct http_connection *connection, size_t len)
{
  counter_add (&connection->flow->share->counters->bytes_in, len);
  connection->loop->changed = true;
}

void
http_connection_note_out (struct http_connection *connection, size_t len)
{
  counter_add (&connection->flow->share->counters->bytes_out, len);
  connection->loop->changed = true;
}

static const struct http_protocol *
choose_protocol (gnutls_session_t session)
{
  gnutls_datum_t chosen;

  if (gnutls_alpn_get_selected_protocol (session, &chosen) >= 0)
    for (size_t i = 0; i < G_N_ELEMENTS (protocols); i++)
      if (strlen (protocols[i]->alpn) == chosen.size
          && memcmp (protocols[i]->alpn, chosen.data, chosen.size) == 0)
        return protocols[i];
  return protocols[G_N_ELEMENTS (protocols) - 1];
}

/* Returns whether TLS stands and the protocol has begun. */
static bool
shake_hands (struct http_connection *connection)
{
  struct flow *flow = connection->flow;
  int error;
  enum tls_result result = tls_stream_shake_hands (&connection->tls, &error);

  if (result == TLS_DONE)
    {
      connection->protocol = choose_protocol (connection->tls.session);
      if (connection->protocol->start (connection) >= 0)
        return true;
      flow_end (connection->loop, flow);
      return false;
    }
  if (result != TLS_FAILED)
    {
      tls_stream_push_rest (&connection->tls); /* the 101, should nothing have followed it */
      return false;
    }
  serve_refuse_count (connection->loop, flow->listener, SERVE_REFUSAL_HANDSHAKE_FAILED, NULL);
  gnutls_alert_send_appropriate (connection->tls.session, error);
  flow_linger (connection->loop, flow); /* frees the connection */
  return false;
}

static void
on_event (struct serve_loop *loop, struct flow *flow, enum serve_side side, uint32_t events)
{
  struct http_connection *connection = flow->http;

  tls_stream_note (&connection->tls, events);
  if (connection->protocol == NULL && !shake_hands (connection))
    return;
  connection->protocol->on_event (connection, events);
}

static void
on_deadline (struct serve_loop *loop, struct flow *flow, enum serve_queue queue)
{
  flow->http->protocol->on_deadline (flow->http, queue);
}

static int
start (struct serve_loop *loop, struct flow *flow)
{
  struct http_connection *connection = calloc (1, sizeof *connection);
  char *names[G_N_ELEMENTS (protocols) + 1] = {NULL};
  gnutls_session_t session;

  flow->http = connection;
  if (connection == NULL)
    return -ENOMEM;
  connection->loop = loop;
  connection->flow = flow;
  for (size_t i = 0; i < G_N_ELEMENTS (protocols); i++)
    names[i] = (char *)(uintptr_t)protocols[i]->alpn;
  session = tls_context_session (&loop->tls, flow->share->share->certificate, names, loop->now);
  tls_stream_init (&connection->tls, &loop->buffers, flow->visitor, session, &flow->early);
  if (session == NULL)
    return -ENOMEM;
  connection->tls.unpushed = true; /* the 101 */
  flow_arm (loop, flow, SERVE_QUEUE_HANDSHAKE);
  on_event (loop, flow, SERVE_SIDE_BOTH, 0);
  return 0;
}

static void
finish (struct serve_loop *loop, struct flow *flow)
{
  struct http_connection *connection = flow->http;

  if (connection == NULL)
    return;
  if (connection->protocol != NULL)
    connection->protocol->close (connection);
  tls_stream_clear (&connection->tls);
  free (connection);
  flow->http = NULL;
}

const struct serve_handler serve_http = {
    .name = "http",
    .speaks_first = true,
    .start = start,
    .on_event = on_event,
    .on_deadline = on_deadline,
    .close = finish,
};
