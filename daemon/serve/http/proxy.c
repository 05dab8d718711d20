/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Answers with what a target says: a reverse proxy that speaks HTTP/1.1 to it.
 *
 * A request gets a connection of its own for as long as it lasts (upstream.h). Its head is written
 * at once (forward.c), its body as it comes, framed anew. The answer's head is parsed as strictly
 * as a visitor's; its body goes straight from the socket into the room that the visitor side lends,
 * but for chunks, which pass through `in`. Nothing is held back: an event stream arrives as it is
 * sent.
 *
 * Back-pressure. No room for the answer: the target is not read, and writable goes on. No room in
 * `out` for the body: the visitor keeps it, and resume goes on.
 *
 * Early answers. A target may answer before it has the whole request. Once the answer is complete
 * the connection is closed, unless the request was complete too.
 *
 * Again. A connection from the pool may have been closed by the target while the request was under
 * way. If it ends before the first byte of an answer, a request that changes nothing and has no
 * body is sent once more, over a new connection (RFC 9110 9.2.2). Other requests get a connection
 * that was used a moment ago, or a new one.
 *
 * Failures before the answer's head become pages of the node: 502 no connection, or no proper
 * answer; 503 too many connections; 504 too slow; each with Retry-After. After the head the answer
 * is cut short where the visitor can see it. Failed connections and timeouts are noted in the
 * share's counters, and a later success takes that back.
 *
 * Tunnels. 101 to a WebSocket request, then bytes both ways, each direction ending by itself.
 *
 * Deadlines: CONNECT for the connection, TRANSFER while the request goes out and from byte to byte
 * of the answer, RESPONSE from the whole request to the answer's head. None runs while the visitor
 * is the slow one: that side has its own. */

#include "daemon/serve/http/exchange.h"
#include "daemon/serve/http/forward.h"
#include "daemon/serve/http/http1-chunk.h"
#include "daemon/serve/http/http1-head.h"
#include "daemon/serve/http/target-answer.h"
#include "daemon/serve/http/upstream.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <string.h>

#define RETRY_AFTER_S 5u
#define INFORMS_MAX 16u
#define CHUNK_OVERHEAD 16u /* "3fff\r\n" "\r\n" before the last chunk's "0\r\n\r\n" */
#define LAST_CHUNK "0\r\n"
#define WEB_SOCKET_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

struct proxy
{
  struct http_exchange *x;
  struct upstream *up;
  struct http_text rest; /* of the request: trailers that did not fit */
  uint8_t informs;
  bool repeatable;
  bool repeated;
  bool chunked_up;    /* the request's body */
  bool request_done;  /* all of the request is written to out */
  bool visitor_waits; /* with more of its body */
  bool head_done;
  bool close;      /* the connection is not for another request */
  bool down_ended; /* the target's direction of a tunnel */
  enum http1_framing framing;
  uint64_t left; /* HTTP1_FRAMING_LENGTH */
  struct http1_chunks chunks;
  size_t scanned;
  uint32_t keep_alive_s;
  char key[FORWARD_KEY_LEN + 1]; /* made here for visitors that send none (HTTP/2) */
};

static const struct upstream_user upstream_user;

static void
note (struct proxy *p, int error)
{
  target_note (p->x->loop, p->x->share, error);
}

/* Lets go of the connection. */
static void
release (struct proxy *p, bool keep)
{
  struct upstream *up = p->up;

  p->up = NULL;
  if (up == NULL)
    return;
  up->idle_limit_s = p->keep_alive_s;
  if (keep)
    upstream_keep (up);
  else
    upstream_end (up);
}

static void
fail (struct proxy *p, uint16_t status, const char *detail)
{
  struct http_exchange *x = p->x;

  release (p, false);
  if (x->state == HTTP_STATE_WAITING)
    http_answer_error (x, status, RETRY_AFTER_S, detail);
  else
    http_exchange_abort (x);
}

static void
fail_connection (struct proxy *p, int error)
{
  if (error == EMFILE || error == ENFILE || error == ENOMEM)
    {
      fail (p, 503, NULL);
      return;
    }
  note (p, error);
  if (error == ETIMEDOUT)
    fail (p, 504, NULL);
  else
    fail (p, 502, "The service behind this address does not run, or does not take connections.");
}

/* --- the request --- */

static bool
changes_nothing (struct http_text method)
{
  return http_text_is (method, HTTP_TEXT ("GET")) || http_text_is (method, HTTP_TEXT ("HEAD"))
         || http_text_is (method, HTTP_TEXT ("OPTIONS")) || http_text_is (method, HTTP_TEXT ("PUT"))
         || http_text_is (method, HTTP_TEXT ("DELETE"));
}

static void
write_head (struct proxy *p)
{
  size_t room, len;
  char *out = upstream_space (p->up, &room);

  len = out != NULL ? forward_head (p->x, p->key[0] != '\0' ? p->key : NULL, out, room) : 0;
  if (len == 0)
    {
      fail (p, 431, NULL);
      return;
    }
  upstream_wrote (p->up, len);
  p->request_done = p->x->body_ended;
}

static void
make_key (struct proxy *p)
{
  guint8 bytes[16];
  g_autofree char *text = NULL;

  gnutls_rnd (GNUTLS_RND_NONCE, bytes, sizeof bytes);
  text = g_base64_encode (bytes, sizeof bytes);
  memcpy (p->key, text, FORWARD_KEY_LEN);
}

static void
start (struct http_exchange *x)
{
  struct proxy *p = http_exchange_alloc (x, sizeof *p);
  int error;

  if (p == NULL)
    {
      http_answer_error (x, 431, 0, NULL);
      return;
    }
  *p = (struct proxy) {.x = x};
  x->answer = p;
  p->chunked_up = x->request.has_body && x->request.content_length < 0;
  p->repeatable
      = !x->request.has_body && !x->request.websocket && changes_nothing (x->request.method);
  if (x->request.websocket
      && http_fields_find (&x->request.fields, HTTP_NAME_SEC_WEBSOCKET_KEY) == NULL)
    make_key (p);
  p->up = upstream_open (x->loop, x->mount, !p->repeatable, &upstream_user, p, &error);
  if (p->up == NULL)
    fail_connection (p, error);
  else
    write_head (p);
}

/* Sends the request once more over a new connection. */
static void
repeat (struct proxy *p)
{
  int error;

  release (p, false);
  p->repeated = true;
  p->scanned = 0;
  p->up = upstream_open_new (p->x->loop, p->x->mount, &upstream_user, p, &error);
  if (p->up == NULL)
    fail_connection (p, error);
  else
    write_head (p);
}

static void
print_chunk_head (char *out, size_t len)
{
  static const char hex[] = "0123456789abcdef";

  out[0] = hex[len >> 12 & 15];
  out[1] = hex[len >> 8 & 15];
  out[2] = hex[len >> 4 & 15];
  out[3] = hex[len & 15];
  out[4] = '\r';
  out[5] = '\n';
}

static size_t
body (struct http_exchange *x, const uint8_t *data, size_t len)
{
  struct proxy *p = x->answer;
  size_t overhead = p->chunked_up ? CHUNK_OVERHEAD : 0;
  size_t room = 0;
  char *out = upstream_space (p->up, &room);
  size_t n = out == NULL || room <= overhead ? 0 : room - overhead;

  n = len < n ? len : n;
  p->visitor_waits = n < len;
  if (n == 0)
    return 0;
  if (p->chunked_up)
    {
      print_chunk_head (out, n);
      memcpy (out + 6, data, n);
      memcpy (out + 6 + n, "\r\n", 2);
      upstream_wrote (p->up, n + 8);
    }
  else
    {
      memcpy (out, data, n);
      upstream_wrote (p->up, n);
    }
  return n;
}

/* Writes what fits of the last chunk and its trailers. */
static void
write_rest (struct proxy *p)
{
  size_t room;
  char *out = p->rest.len > 0 ? upstream_space (p->up, &room) : NULL;

  if (out != NULL)
    {
      size_t n = p->rest.len < room ? p->rest.len : room;

      memcpy (out, p->rest.data, n);
      upstream_wrote (p->up, n);
      p->rest.data += n;
      p->rest.len -= (uint32_t)n;
    }
  p->request_done = p->rest.len == 0;
}

/* "0\r\n", the fields, "\r\n" */
static void
keep_rest (struct proxy *p, const struct http_fields *trailers)
{
  size_t size = strlen (LAST_CHUNK) + 2;
  char *at;

  for (uint32_t i = 0; trailers != NULL && i < trailers->count; i++)
    size += trailers->items[i].name_len + trailers->items[i].value_len + 4u;
  at = http_exchange_alloc (p->x, size);
  p->rest = at != NULL ? (struct http_text) {at, (uint32_t)size} : HTTP_TEXT (LAST_CHUNK "\r\n");
  if (at == NULL)
    return;
  memcpy (at, LAST_CHUNK, strlen (LAST_CHUNK));
  at += strlen (LAST_CHUNK);
  for (uint32_t i = 0; trailers != NULL && i < trailers->count; i++)
    {
      const struct http_field *field = &trailers->items[i];

      memcpy (at, field->name, field->name_len);
      at += field->name_len;
      memcpy (at, ": ", 2);
      memcpy (at + 2, field->value, field->value_len);
      at += 2 + field->value_len;
      memcpy (at, "\r\n", 2);
      at += 2;
    }
  memcpy (at, "\r\n", 2);
}

static void
body_end (struct http_exchange *x, const struct http_fields *trailers)
{
  struct proxy *p = x->answer;

  if (x->tunnel)
    {
      if (p->down_ended)
        release (p, false);
      else
        upstream_shut (p->up);
      return;
    }
  p->request_done = true;
  if (!p->chunked_up)
    return;
  keep_rest (p, trailers);
  write_rest (p);
}

/* out has been emptied. */
static void
on_upstream_writable (void *data)
{
  struct proxy *p = data;

  write_rest (p);
  if (p->rest.len == 0)
    p->request_done = p->x->body_ended;
  if (p->visitor_waits)
    {
      p->visitor_waits = false;
      http_exchange_resume (p->x);
    }
  if (!p->head_done)
    upstream_arm (p->up, p->request_done ? WATCH_QUEUE_RESPONSE : WATCH_QUEUE_TRANSFER);
  else if (p->x->tunnel)
    upstream_arm (p->up, WATCH_QUEUE_TRANSFER);
}

/* --- the answer --- */

/* Returns whether the connection can serve another request. */
static bool
is_reusable (const struct proxy *p)
{
  return !p->close && p->request_done && !p->x->tunnel && serve_buffer_len (p->up->in) == 0;
}

static void
complete (struct proxy *p, const struct http_fields *trailers)
{
  struct http_exchange *x = p->x;

  if (x->tunnel && !x->body_ended)
    {
      p->down_ended = true;
      http_exchange_finish (x, NULL);
      return;
    }
  /* Trailers lie in the buffer that goes with the connection. */
  if (trailers != NULL && trailers->count > 0)
    {
      struct upstream *up = p->up;
      bool keep = is_reusable (p);

      http_exchange_finish (x, trailers);
      p->up = up;
      release (p, keep);
      return;
    }
  release (p, is_reusable (p));
  http_exchange_finish (x, NULL);
}

static void
use_in (struct proxy *p, size_t len)
{
  p->up->in->start += (uint32_t)len;
  p->scanned = 0;
  if (serve_buffer_len (p->up->in) == 0)
    serve_buffer_put (&p->x->loop->buffers, &p->up->in);
}

/* Returns bytes read, 0 at the end or when broken (*broken), -EAGAIN, or -ENOBUFS when in is full.
 */
static ssize_t
read_in (struct proxy *p, bool *broken)
{
  struct upstream *up = p->up;
  ssize_t n;

  *broken = false;
  if (up->in == NULL)
    up->in = serve_buffer_get (&p->x->loop->buffers);
  if (up->in == NULL)
    return -ENOBUFS;
  if (up->in->start > 0)
    {
      memmove (up->in->data, up->in->data + up->in->start, serve_buffer_len (up->in));
      up->in->end -= up->in->start;
      up->in->start = 0;
    }
  if (up->in->end == SERVE_BUFFER_SIZE)
    return -ENOBUFS;
  n = upstream_read (up, up->in->data + up->in->end, SERVE_BUFFER_SIZE - up->in->end);
  if (n > 0)
    up->in->end += (uint32_t)n;
  else if (serve_buffer_len (up->in) == 0)
    serve_buffer_put (&p->x->loop->buffers, &up->in);
  if (n >= 0 || n == -EAGAIN)
    return n;
  *broken = true;
  return 0;
}

static bool
is_accepted (const struct proxy *p, const struct http_fields *fields)
{
  const struct http_field *accept = http_fields_find (fields, HTTP_NAME_SEC_WEBSOCKET_ACCEPT);
  char text[FORWARD_KEY_LEN + sizeof WEB_SOCKET_GUID];
  guint8 digest[20];
  g_autofree char *wanted = NULL;

  if (p->key[0] == '\0')
    return true; /* the visitor will see for itself */
  if (accept == NULL)
    return false;
  memcpy (text, p->key, FORWARD_KEY_LEN);
  memcpy (text + FORWARD_KEY_LEN, WEB_SOCKET_GUID, sizeof WEB_SOCKET_GUID);
  if (gnutls_hash_fast (GNUTLS_DIG_SHA1, text, FORWARD_KEY_LEN + strlen (WEB_SOCKET_GUID), digest)
      < 0)
    return false;
  wanted = g_base64_encode (digest, sizeof digest);
  return accept->value_len == strlen (wanted)
         && memcmp (accept->value, wanted, accept->value_len) == 0;
}

static void
take_framing (struct proxy *p, const struct http1_response *response)
{
  p->framing = response->framing;
  p->left = 0;
  p->close = response->close || response->framing == HTTP1_FRAMING_CLOSE;
  p->keep_alive_s = response->keep_alive_s;
  if (p->x->request.websocket && response->status == 101)
    p->framing = HTTP1_FRAMING_CLOSE;
  else if (!http_response_has_body (p->x, response->status)
           || (p->framing == HTTP1_FRAMING_LENGTH && response->content_length == 0))
    {
      p->close = response->close; /* whatever the fields say about a body that is not there */
      p->framing = HTTP1_FRAMING_NONE;
    }
  else if (p->framing == HTTP1_FRAMING_LENGTH)
    p->left = (uint64_t)response->content_length;
  http1_chunks_init (&p->chunks);
}

/* A whole head of @len bytes stands in `in`. Returns false when it came to nothing. */
static bool
take_head (struct proxy *p, size_t len)
{
  struct http_exchange *x = p->x;
  struct http1_response from;
  struct http_fields fields;
  struct http_response response = {.fields = &fields};
  enum http1_result result
      = http1_response_parse ((char *)p->up->in->data + p->up->in->start, len, &from, &fields);
  bool is_switch = from.status == 101;

  if (result != HTTP1_OK || (is_switch && !(x->request.websocket && from.websocket))
      || (is_switch && !is_accepted (p, &fields)))
    {
      g_debug ("Bad answer of a target: %s", http1_result_name (result));
      fail (p, 502, NULL);
      return false;
    }
  target_answer_translate (x, &fields);
  response.status = from.status;
  response.content_length = from.content_length;
  if (from.status < 200 && !is_switch)
    {
      if (++p->informs <= INFORMS_MAX)
        http_exchange_inform (x, &response);
      use_in (p, len);
      return true;
    }
  if (!p->up->reused
      || atomic_load_explicit (&x->share->counters->target_error, memory_order_relaxed) != 0)
    note (p, 0);
  p->head_done = true;
  take_framing (p, &from);
  if (p->framing == HTTP1_FRAMING_CHUNKED || p->framing == HTTP1_FRAMING_CLOSE)
    response.content_length = -1;
  http_exchange_respond (x, &response);
  use_in (p, len);
  return true;
}

static void
fail_head (struct proxy *p)
{
  if (p->up->reused && p->repeatable && !p->repeated && p->informs == 0
      && serve_buffer_len (p->up->in) == 0)
    repeat (p);
  else
    fail (p, 502, NULL);
}

/* Returns whether there is more to do. */
static bool
read_head (struct proxy *p)
{
  size_t waiting = serve_buffer_len (p->up->in);
  enum http1_result result = HTTP1_NEED_MORE;
  size_t len = 0;
  bool broken;
  ssize_t n;

  if (waiting > 0)
    len = http1_head_find ((char *)p->up->in->data + p->up->in->start, waiting, &p->scanned,
                           &result);
  if (result != HTTP1_NEED_MORE || len > HTTP_HEAD_MAX || (len == 0 && waiting > HTTP_HEAD_MAX))
    {
      fail (p, 502, NULL);
      return false;
    }
  if (len > 0)
    return take_head (p, len);
  n = read_in (p, &broken);
  if (n == 0)
    fail_head (p);
  else if (n == -ENOBUFS)
    fail (p, 503, NULL);
  return n > 0;
}

/* Moves bytes from `in` to the visitor, at most @max. Returns how many. */
static size_t
pass_in (struct proxy *p, size_t max)
{
  size_t len = serve_buffer_len (p->up->in);
  size_t n = 0;

  if (len > max)
    len = max;
  if (len > 0)
    n = http_exchange_write (p->x, p->up->in->data + p->up->in->start, len);
  if (n > 0)
    use_in (p, n);
  return n;
}

/* Straight from the socket into the visitor's room. Returns bytes, 0 at the end or when broken,
 * -EAGAIN, or -ENOBUFS without room. */
static ssize_t
pass_through (struct proxy *p, size_t max, bool *broken)
{
  size_t room;
  uint8_t *to = http_exchange_reserve (p->x, &room);
  ssize_t n;

  *broken = false;
  if (to == NULL)
    return -ENOBUFS;
  n = upstream_read (p->up, to, room < max ? room : max);
  http_exchange_commit (p->x, n > 0 ? (size_t)n : 0);
  if (n >= 0 || n == -EAGAIN)
    return n;
  *broken = true;
  return 0;
}

static void
end_of_stream (struct proxy *p, bool broken)
{
  if (broken || p->framing != HTTP1_FRAMING_CLOSE)
    fail (p, 502, NULL);
  else
    complete (p, NULL);
}

/* What waits for whom: no deadline runs while the visitor is the slow one. */
static void
wait_for (struct proxy *p, ssize_t result)
{
  if (result == -ENOBUFS && !p->x->tunnel)
    upstream_disarm (p->up);
  else
    upstream_arm (p->up, WATCH_QUEUE_TRANSFER);
}

/* LENGTH and CLOSE. Returns whether there is more to do. */
static bool
read_plain (struct proxy *p)
{
  size_t max = p->framing == HTTP1_FRAMING_LENGTH ? (size_t)p->left : SIZE_MAX;
  bool broken = false;
  ssize_t n;

  if (serve_buffer_len (p->up->in) > 0)
    {
      n = (ssize_t)pass_in (p, max);
      n = n > 0 ? n : -ENOBUFS;
    }
  else
    n = pass_through (p, max, &broken);
  if (n == 0)
    {
      end_of_stream (p, broken);
      return false;
    }
  if (n < 0)
    {
      wait_for (p, n);
      return false;
    }
  if (p->framing != HTTP1_FRAMING_LENGTH)
    return true;
  p->left -= (uint64_t)n;
  if (p->left > 0)
    return true;
  complete (p, NULL);
  return false;
}

/* The trailer section in `in`. Returns false if more is needed. */
static bool
read_trailers (struct proxy *p)
{
  const char *text = (char *)p->up->in->data + p->up->in->start;
  size_t waiting = serve_buffer_len (p->up->in);
  struct http_fields trailers;
  enum http1_result result;
  size_t len;

  if (waiting >= 2 && text[0] == '\r' && text[1] == '\n')
    {
      use_in (p, 2);
      complete (p, NULL);
      return true;
    }
  len = http1_head_find (text, waiting, &p->scanned, &result);
  if (result != HTTP1_NEED_MORE || len > 4096 || (len == 0 && waiting > 4096))
    {
      fail (p, 502, NULL);
      return true;
    }
  if (len == 0)
    return false;
  result = http1_trailers_parse (text, len, &trailers);
  if (result != HTTP1_OK)
    {
      fail (p, 502, NULL);
      return true;
    }
  p->up->in->start += (uint32_t)len; /* which leaves the bytes where they are */
  complete (p, &trailers);
  return true;
}

/* Returns whether there is more to do. */
static bool
read_chunks (struct proxy *p)
{
  struct upstream *up = p->up;
  bool broken;
  ssize_t n;

  if (serve_buffer_len (up->in) > 0 && p->chunks.state != HTTP1_CHUNK_TRAILERS)
    {
      size_t len, framing, passed;

      framing = http1_chunks_next (&p->chunks, up->in->data + up->in->start,
                                   serve_buffer_len (up->in), &len);
      if (framing > 0)
        use_in (p, framing);
      if (p->chunks.state == HTTP1_CHUNK_BROKEN)
        {
          fail (p, 502, NULL);
          return false;
        }
      passed = len > 0 ? pass_in (p, len) : 0;
      if (passed > 0)
        http1_chunks_take (&p->chunks, passed);
      if (len > 0 && passed == 0)
        wait_for (p, -ENOBUFS);
      return len == 0 || passed > 0;
    }
  if (serve_buffer_len (up->in) > 0 && read_trailers (p))
    return false;
  n = read_in (p, &broken);
  if (n == 0)
    end_of_stream (p, broken);
  else if (n == -ENOBUFS)
    fail (p, 502, NULL);
  else if (n < 0)
    wait_for (p, n);
  return n > 0;
}

static void
run (struct proxy *p)
{
  bool more = true;

  while (more && p->up != NULL)
    if (!p->head_done)
      more = read_head (p);
    else if (p->framing == HTTP1_FRAMING_NONE)
      {
        complete (p, NULL);
        return;
      }
    else if (p->framing == HTTP1_FRAMING_CHUNKED)
      more = read_chunks (p);
    else
      more = !p->down_ended && read_plain (p);
}

static void
on_upstream_readable (void *data)
{
  run (data);
}

static void
on_upstream_failed (void *data, int error)
{
  struct proxy *p = data;

  if (p->up->state == UPSTREAM_READY && !p->head_done)
    fail_head (p); /* while writing */
  else if (p->head_done)
    fail (p, 502, NULL);
  else
    fail_connection (p, error);
}

static void
on_upstream_expired (void *data, enum watch_queue queue)
{
  struct proxy *p = data;

  if (!p->head_done)
    note (p, ETIMEDOUT);
  fail (p, 504, NULL);
}

static const struct upstream_user upstream_user = {
    .readable = on_upstream_readable,
    .writable = on_upstream_writable,
    .failed = on_upstream_failed,
    .expired = on_upstream_expired,
};

static void
writable (struct http_exchange *x)
{
  struct proxy *p = x->answer;

  if (p->head_done)
    run (p);
}

static void
cancel (struct http_exchange *x)
{
  release (x->answer, false);
}

const struct http_answerer http_proxy = {
    .name = "proxy",
    .start = start,
    .body = body,
    .body_end = body_end,
    .writable = writable,
    .cancel = cancel,
};
