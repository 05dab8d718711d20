/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Answers on an HTTP/1 connection: what answerers call, and what sends it. Everything here only
 * fills `out` and marks; http1-visitor.c does the rest. */

#include "daemon/serve/http/http1-state.h"

#include "daemon/serve/http/http-engine.h"

#include <assert.h>
#include <string.h>

#define DISCARD_MAX (64u * 1024)
#define FILL_MAX TLS_RECORD_MAX /* of out with body bytes: one record */
#define INFORM_ROOM 1024u       /* of out for 1xx responses, so that the head always fits */
#define CHUNK_HEAD 6u           /* "3f00\r\n" */
#define CHUNK_TAIL 2u
#define LAST_CHUNK_MAX 7u /* CRLF apart: "0\r\n\r\n" */

static_assert (SERVE_BUFFER_SIZE >= HTTP_HEAD_MAX + INFORM_ROOM + 512, "a head must fit");
static_assert (SERVE_BUFFER_SIZE >= FILL_MAX + CHUNK_TAIL + LAST_CHUNK_MAX, "framing must fit");

static void
run_later (struct http1 *h)
{
  if (!h->running)
    flow_again (h->connection->loop, h->connection->flow);
}

static size_t
out_room (struct http1 *h)
{
  return h->out != NULL ? SERVE_BUFFER_SIZE - h->out->end : SERVE_BUFFER_SIZE;
}

/* Moves what waits to the beginning. GnuTLS minds the bytes, not where they are. */
static bool
have_out (struct http1 *h)
{
  if (h->out == NULL)
    h->out = serve_buffer_get (http1_buffers (h));
  if (h->out == NULL)
    {
      h->aborted = true;
      return false;
    }
  if (h->out->start > 0)
    {
      memmove (h->out->data, h->out->data + h->out->start, serve_buffer_len (h->out));
      h->out->end -= h->out->start;
      h->out->start = 0;
    }
  return true;
}

/* Puts text into out, which has the room. */
static void
put (struct http1 *h, const char *data, size_t len)
{
  assert (len <= out_room (h));
  memcpy (h->out->data + h->out->end, data, len);
  h->out->end += (uint32_t)len;
}

static void
put_text (struct http1 *h, struct http_text text)
{
  put (h, text.data, text.len);
}

static size_t
fields_size (const struct http_fields *fields)
{
  size_t size = 0;

  for (uint32_t i = 0; fields != NULL && i < fields->count; i++)
    size += fields->items[i].name_len + fields->items[i].value_len + 4u;
  return size;
}

static size_t
print_fields (char *to, const struct http_fields *fields)
{
  char *at = to;

  for (uint32_t i = 0; fields != NULL && i < fields->count; i++)
    {
      const struct http_field *field = &fields->items[i];

      memcpy (at, field->name, field->name_len);
      at += field->name_len;
      *at++ = ':';
      *at++ = ' ';
      memcpy (at, field->value, field->value_len);
      at += field->value_len;
      *at++ = '\r';
      *at++ = '\n';
    }
  return (size_t)(at - to);
}

static void
put_fields (struct http1 *h, const struct http_fields *fields)
{
  assert (fields_size (fields) <= out_room (h));
  h->out->end += (uint32_t)print_fields ((char *)h->out->data + h->out->end, fields);
}

static size_t
print_decimal (uint64_t number, char out[20])
{
  char digits[20];
  size_t n = 0;

  do
    digits[n++] = (char)('0' + number % 10);
  while ((number /= 10) > 0);
  for (size_t i = 0; i < n; i++)
    out[i] = digits[n - 1 - i];
  return n;
}

static void
put_status_line (struct http1 *h, uint16_t status)
{
  const char *phrase = http_status_phrase (status);
  char line[13] = "HTTP/1.1 ";

  line[9] = (char)('0' + status / 100);
  line[10] = (char)('0' + status / 10 % 10);
  line[11] = (char)('0' + status % 10);
  line[12] = ' ';
  put (h, line, sizeof line);
  put (h, phrase, strlen (phrase));
  put (h, "\r\n", 2);
}

static void
inform (struct http_exchange *x, const struct http_response *response)
{
  struct http1 *h = x->visitor;

  if (h->minor == 0 || !have_out (h)
      || h->out->end + fields_size (response->fields) + 64 > INFORM_ROOM)
    return;
  if (response->status == 100)
    h->continued = true;
  put_status_line (h, response->status);
  put_fields (h, response->fields);
  put (h, "\r\n", 2);
  run_later (h);
}

/* Whether the rest of the request's body is worth reading once the answer is complete. */
static bool
is_body_short (const struct http1 *h)
{
  if (h->x->body_ended)
    return true;
  if (h->x->request.expects_continue && !h->continued)
    return false; /* it may come, or not */
  return h->body == BODY_LENGTH && h->body_left <= DISCARD_MAX;
}

static void
put_framing (struct http1 *h, const struct http_response *response)
{
  const struct http_exchange *x = h->x;
  char number[20];

  if (x->tunnel)
    {
      put_text (h, HTTP_TEXT ("Connection: Upgrade\r\nUpgrade: websocket\r\n"));
      return;
    }
  if (response->content_length >= 0 && response->status != 204)
    {
      put_text (h, HTTP_TEXT ("Content-Length: "));
      put (h, number, print_decimal ((uint64_t)response->content_length, number));
      put_text (h, HTTP_TEXT ("\r\n"));
    }
  else if (!x->bodiless && h->minor == 1)
    {
      h->chunked = true;
      put_text (h, HTTP_TEXT ("Transfer-Encoding: chunked\r\n"));
    }
  else if (!x->bodiless)
    h->close = true; /* HTTP/1.0: the end of the connection is the end of the body */
  if (h->close)
    put_text (h, HTTP_TEXT ("Connection: close\r\n"));
  else if (h->keep_alive_said)
    put_text (h, HTTP_TEXT ("Connection: keep-alive\r\n"));
}

static void
respond (struct http_exchange *x, const struct http_response *response)
{
  struct http1 *h = x->visitor;

  run_later (h);
  if (!have_out (h))
    return;
  h->chunked = false;
  if (x->tunnel)
    h->close = true;
  else if (!is_body_short (h))
    h->close = true;
  put_status_line (h, response->status);
  put_fields (h, response->fields);
  if (response->fields == NULL || http_fields_find (response->fields, HTTP_NAME_DATE) == NULL)
    {
      put_text (h, HTTP_TEXT ("Date: "));
      put_text (h, http_engine_date (h->connection->loop));
      put_text (h, HTTP_TEXT ("\r\n"));
    }
  put_framing (h, response);
  put (h, "\r\n", 2);
  if (x->tunnel)
    {
      h->body = BODY_TUNNEL;
      x->body_ended = false;
    }
}

static uint8_t *
reserve (struct http_exchange *x, size_t *room)
{
  struct http1 *h = x->visitor;
  size_t head = h->chunked ? CHUNK_HEAD : 0;
  size_t fill = h->out != NULL ? serve_buffer_len (h->out) : 0;

  if (h->aborted || h->broken || fill + head + 256 > FILL_MAX || !have_out (h))
    {
      h->wants_room = true;
      return NULL;
    }
  *room = FILL_MAX - fill - head - (h->chunked ? CHUNK_TAIL : 0);
  return h->out->data + h->out->end + head;
}

static void
commit (struct http_exchange *x, size_t len)
{
  static const char hex[] = "0123456789abcdef";
  struct http1 *h = x->visitor;
  uint8_t *at = h->out->data + h->out->end;

  if (len == 0)
    return;
  run_later (h);
  if (!h->chunked)
    {
      h->out->end += (uint32_t)len;
      return;
    }
  at[0] = (uint8_t)hex[len >> 12 & 15];
  at[1] = (uint8_t)hex[len >> 8 & 15];
  at[2] = (uint8_t)hex[len >> 4 & 15];
  at[3] = (uint8_t)hex[len & 15];
  at[4] = '\r';
  at[5] = '\n';
  at[CHUNK_HEAD + len] = '\r';
  at[CHUNK_HEAD + len + 1] = '\n';
  h->out->end += (uint32_t)(CHUNK_HEAD + len + CHUNK_TAIL);
}

/* Trailers lie in the arena until out has gone. */
static void
keep_tail (struct http1 *h, const struct http_fields *trailers)
{
  size_t size = fields_size (trailers) + 5;
  char *tail = http_exchange_alloc (h->x, size);

  if (tail == NULL)
    {
      h->aborted = true;
      return;
    }
  memcpy (tail, "0\r\n", 3);
  memcpy (tail + 3 + print_fields (tail + 3, trailers), "\r\n", 2);
  h->tail = (struct http_text) {tail, (uint32_t)size};
}

static void
finish (struct http_exchange *x, const struct http_fields *trailers)
{
  struct http1 *h = x->visitor;

  run_later (h);
  h->finished = true;
  h->body_blocked = false; /* what is left of it is thrown away */
  if (!h->chunked || h->aborted)
    return;
  if (fields_size (trailers) > 0)
    keep_tail (h, trailers);
  else if (have_out (h))
    put (h, "0\r\n\r\n", 5);
}

static void
abort_answer (struct http_exchange *x)
{
  struct http1 *h = x->visitor;

  h->aborted = true;
  run_later (h);
}

static void
resume (struct http_exchange *x)
{
  struct http1 *h = x->visitor;

  if (!h->body_blocked)
    return;
  h->body_blocked = false;
  run_later (h);
}

const struct http_visitor_ops http1_visitor_ops = {
    .inform = inform,
    .respond = respond,
    .reserve = reserve,
    .commit = commit,
    .finish = finish,
    .abort = abort_answer,
    .resume = resume,
};

/* Refills out from the tail. */
static void
move_tail (struct http1 *h)
{
  size_t len;

  if (h->tail.len == 0 || serve_buffer_len (h->out) > 0 || !have_out (h))
    return;
  len = h->tail.len < FILL_MAX ? h->tail.len : FILL_MAX;
  put (h, h->tail.data, len);
  h->tail.data += len;
  h->tail.len -= (uint32_t)len;
}

bool
http1_flush (struct http1 *h)
{
  struct http_connection *connection = h->connection;
  bool moved = false;

  move_tail (h);
  while (serve_buffer_len (h->out) > 0 && !h->broken)
    {
      ssize_t n;

      connection->tls.more = serve_buffer_len (h->out) >= FILL_MAX && !h->finished;
      n = tls_stream_write (&connection->tls, h->out->data + h->out->start,
                            serve_buffer_len (h->out));
      if (n < 0)
        h->broken = true;
      if (n <= 0)
        break;
      h->out->start += (uint32_t)n;
      http_connection_note_out (connection, (size_t)n);
      moved = true;
    }
  if (serve_buffer_len (h->out) == 0)
    serve_buffer_put (http1_buffers (h), &h->out);
  return moved;
}
