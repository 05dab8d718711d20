/* SPDX-License-Identifier: GPL-3.0-or-later */

/* HTTP/2 visitors: http2-session.c over TLS.
 *
 * One turn: read what there is → the answerers that were waiting → frames out, until neither side
 * moves or PUMP_TURN_BYTES have. Reading comes first and in batches, so that the answers to many
 * requests share TLS records. Frames are gathered in one buffer of a record's size, held only while
 * the socket does not take them.
 *
 * Deadlines, one at a time:
 *   REQUEST      the visitor's preface, and each field section, from first to last frame
 *   KEEP_ALIVE   no stream: since the last one ended; pings do not prolong it. Then GOAWAY
 *   TRANSFER     streams: looks every period for those that have stalled, and whether the socket
 * has taken anything
 *
 * Ends. The visitor's close_notify or a broken socket cancels everything. A session that is over
 * (GOAWAY sent, no streams) ends with close_notify. When the share or the daemon goes, GOAWAY is
 * sent if the socket takes it. */

#include "daemon/serve/http/http-connection.h"
#include "daemon/serve/http/http-engine.h"
#include "daemon/serve/http/http2-session.h"

#include <errno.h>
#include <stdlib.h>

#define READ_BATCH (64u << 10)
#define EMPTY_RECORD_COST 1024u

struct http2_visitor
{
  struct http_connection *connection;
  struct http2_session session;
  struct serve_buffer *out; /* frames the socket has not taken */
  uint64_t out_moved_at;    /* milliseconds; when it took some */
  enum serve_queue armed;   /* SERVE_QUEUES: none */
  uint64_t armed_for;       /* stream whose head, or number of requests */
  bool blocked;             /* the socket is full */
  bool gone;                /* the visitor ended or broke the connection */
  bool broken;              /* nothing can be sent any more */
};

/* Returns how many bytes were read, 0 when there are none now. */
static size_t
read_batch (struct http2_visitor *visitor)
{
  struct tls_stream *tls = &visitor->connection->tls;
  struct serve_buffer *buffer = serve_buffer_get (&visitor->session.loop->buffers);
  size_t moved = 0;

  while (buffer != NULL && moved < READ_BATCH && http2_session_may_read (&visitor->session))
    {
      ssize_t n = tls_stream_read (tls, buffer->data, SERVE_BUFFER_SIZE);

      if (n == GNUTLS_E_AGAIN)
        break;
      if (n == GNUTLS_E_INTERRUPTED)
        {
          moved += EMPTY_RECORD_COST;
          continue;
        }
      if (n <= 0)
        {
          if (n < 0 && serve_buffer_len (visitor->out) == 0)
            tls_stream_alert (tls, (int)n);
          visitor->gone = true;
          break;
        }
      moved += (size_t)n;
      http_connection_note_in (visitor->connection, (size_t)n);
      if (!http2_session_receive (&visitor->session, buffer->data, (size_t)n))
        break;
    }
  visitor->gone = visitor->gone || buffer == NULL;
  serve_buffer_put (&visitor->session.loop->buffers, &buffer);
  return moved;
}

/* Returns how many bytes went out. */
static size_t
write_out (struct http2_visitor *visitor)
{
  struct serve_buffers *buffers = &visitor->session.loop->buffers;
  size_t moved = 0;

  visitor->blocked = false;
  while (moved < PUMP_TURN_BYTES)
    {
      ssize_t n;

      if (visitor->out == NULL && (visitor->out = serve_buffer_get (buffers)) == NULL)
        break;
      if (serve_buffer_len (visitor->out) == 0)
        {
          visitor->out->start = visitor->out->end = 0;
          if (http2_session_send (&visitor->session, visitor->out) == 0)
            break;
        }
      n = tls_stream_write (&visitor->connection->tls, visitor->out->data + visitor->out->start,
                            serve_buffer_len (visitor->out));
      visitor->blocked = n == 0;
      visitor->broken = n < 0;
      if (n <= 0)
        return moved;
      visitor->out->start += (uint32_t)n;
      moved += (size_t)n;
      visitor->out_moved_at = visitor->session.loop->now;
      http_connection_note_out (visitor->connection, (size_t)n);
    }
  if (serve_buffer_len (visitor->out) == 0)
    serve_buffer_put (buffers, &visitor->out);
  return moved;
}

/* Returns whether there is more to do at once. */
static bool
run (struct http2_visitor *visitor)
{
  struct http2_session *session = &visitor->session;
  size_t moved = 0, step;

  session->running = true;
  do
    {
      step = session->fault == 0 ? read_batch (visitor) : 0;
      http2_session_run_ready (session);
      step += write_out (visitor);
      moved += step;
    }
  while ((step > 0 || (!visitor->blocked && !TAILQ_EMPTY (&session->ready)))
         && moved < PUMP_TURN_BYTES && !visitor->gone && !visitor->broken);
  session->running = false;
  tls_stream_rest (&visitor->connection->tls);
  return step > 0 || !TAILQ_EMPTY (&session->ready);
}

static void
arm (struct http2_visitor *visitor)
{
  struct http2_session *session = &visitor->session;
  enum serve_queue queue = SERVE_QUEUE_TRANSFER;
  uint64_t armed_for = 0;

  if (!session->greeted || session->head_stream != 0)
    {
      queue = SERVE_QUEUE_REQUEST;
      armed_for = (uint64_t)session->head_stream;
    }
  else if (session->stream_count == 0 && serve_buffer_len (visitor->out) == 0)
    {
      queue = SERVE_QUEUE_KEEP_ALIVE;
      armed_for = session->requests;
    }
  if (queue == visitor->armed && armed_for == visitor->armed_for)
    return;
  visitor->armed = queue;
  visitor->armed_for = armed_for;
  flow_arm (session->loop, session->flow, queue);
}

/* Frees the visitor when the connection is over. */
static void
turn (struct http2_visitor *visitor)
{
  struct serve_loop *loop = visitor->session.loop;
  struct flow *flow = visitor->session.flow;
  bool more = run (visitor);

  if (visitor->broken)
    flow_end (loop, flow);
  else if (visitor->gone)
    flow_linger (loop, flow);
  else if (serve_buffer_len (visitor->out) == 0 && http2_session_is_over (&visitor->session))
    {
      tls_stream_end (&visitor->connection->tls);
      flow_linger (loop, flow);
    }
  else
    {
      arm (visitor);
      if (more)
        flow_again (loop, flow);
    }
}

static int
start (struct http_connection *connection)
{
  struct http2_visitor *visitor = calloc (1, sizeof *visitor);

  connection->state = visitor;
  if (visitor == NULL)
    return -ENOMEM;
  visitor->connection = connection;
  visitor->armed = SERVE_QUEUES;
  visitor->out_moved_at = connection->loop->now;
  return http2_session_init (&visitor->session, connection->loop, &connection->loop->http->http2,
                             connection->flow);
}

static void
on_event (struct http_connection *connection, uint32_t events)
{
  turn (connection->state);
}

static void
on_deadline (struct http_connection *connection, enum serve_queue queue)
{
  struct http2_visitor *visitor = connection->state;
  struct http2_session *session = &visitor->session;
  const struct serve_limits *limits = &session->loop->limits;
  uint64_t now = session->loop->now;

  visitor->armed = SERVE_QUEUES;
  if (queue == SERVE_QUEUE_KEEP_ALIVE)
    http2_session_end (session, 0);
  else if (queue == SERVE_QUEUE_REQUEST)
    http2_session_end (session, SERVE_REFUSAL_HTTP2_HEAD);
  else
    http2_session_check_stalled (session, now - limits->transfer_ms, now - limits->idle_ms);
  if (visitor->blocked && now - visitor->out_moved_at >= limits->transfer_ms)
    {
      serve_refuse_count (session->loop, session->flow->listener, SERVE_REFUSAL_HTTP2_STALLED,
                          NULL);
      flow_end (session->loop, session->flow);
      return;
    }
  turn (visitor);
}

/* Says GOAWAY if nothing stands in the way; whether it arrives is not waited for. */
static void
say_goodbye (struct http2_visitor *visitor)
{
  if (visitor->broken || visitor->gone || visitor->blocked || visitor->session.closing)
    return;
  http2_session_end (&visitor->session, 0);
  write_out (visitor);
}

static void
finish (struct http_connection *connection)
{
  struct http2_visitor *visitor = connection->state;

  if (visitor == NULL)
    return;
  visitor->session.running = true; /* the flow has no turn left to ask for */
  if (visitor->session.ng != NULL)
    say_goodbye (visitor);
  http2_session_clear (&visitor->session);
  serve_buffer_put (&connection->loop->buffers, &visitor->out);
  free (visitor);
  connection->state = NULL;
}

const struct http_protocol http2_protocol = {
    .alpn = "h2",
    .start = start,
    .on_event = on_event,
    .on_deadline = on_deadline,
    .close = finish,
};
