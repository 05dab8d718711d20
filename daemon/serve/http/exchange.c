/* SPDX-License-Identifier: GPL-3.0-or-later */

/* What stands between the two sides of an exchange: states, lengths, counting, and the pool. */

#include "daemon/serve/http/exchange.h"

#include "daemon/serve/http/http-engine.h"
#include "daemon/serve/request-log.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct http_exchange *
http_exchange_new (struct serve_loop *loop,
                   struct flow *flow,
                   const struct http_visitor_ops *ops,
                   void *visitor)
{
  struct http_engine *engine = loop->http;
  struct http_exchange *x = engine->idle;

  if (engine->in_use >= HTTP_EXCHANGES_MAX)
    return NULL;
  if (x != NULL)
    {
      engine->idle = x->next;
      engine->idle_count--;
    }
  else if ((x = malloc (sizeof *x)) == NULL)
    return NULL;
  engine->in_use++;
  memset (x, 0, offsetof (struct http_exchange, request.fields.items));
  x->loop = loop;
  x->flow = flow;
  x->share = share_entry_ref (flow->share);
  x->visitor_ops = ops;
  x->visitor = visitor;
  x->left = -1;
  x->began_at = loop->now;
  return x;
}

static void
copy_text (char *to, size_t size, struct http_text text)
{
  size_t len = text.len < size - 1 ? text.len : size - 1;

  if (len > 0)
    memcpy (to, text.data, len);
  to[len] = '\0';
}

static void
log_request (struct http_exchange *x, bool complete)
{
  struct share_counters *counters = x->share->counters;
  struct request_log *log = atomic_load_explicit (&counters->log, memory_order_relaxed);
  struct http_text path = x->request.target;
  const char *query = path.len > 0 ? memchr (path.data, '?', path.len) : NULL;
  FunnelServeRequest entry = {
      .time = g_get_real_time (),
      .status = x->status,
      .complete = complete,
      .bytes = x->bytes_out,
      .ms = (guint32)(x->loop->now - x->began_at),
  };

  if (log == NULL)
    {
      log = request_log_new ();
      atomic_store_explicit (&counters->log, log, memory_order_release);
    }
  if (log == NULL)
    return;
  if (query != NULL)
    path.len = (uint32_t)(query - path.data);
  address_print (&x->flow->source, entry.source);
  copy_text (entry.method, sizeof entry.method, x->request.method);
  copy_text (entry.path, sizeof entry.path, path);
  request_log_add (log, &entry);
}

/* The exchange is over, one way or the other; @status 0: not answered to the end. */
static void
note_end (struct http_exchange *x, bool complete)
{
  uint32_t class = complete ? x->status / 100u : 0;

  counter_add (&x->share->counters->requests[class], 1);
  x->loop->changed = true;
  log_request (x, complete);
}

void
http_exchange_free (struct http_exchange *x)
{
  struct http_engine *engine = x->loop->http;

  http_exchange_cancel (x);
  share_entry_unref (x->share);
  engine->in_use--;
  if (engine->idle_count >= HTTP_EXCHANGES_IDLE_MAX)
    {
      free (x);
      return;
    }
  x->next = engine->idle;
  engine->idle = x;
  engine->idle_count++;
}

static bool
is_over (const struct http_exchange *x)
{
  return x->state == HTTP_STATE_FINISHED || x->state == HTTP_STATE_ABORTED;
}

static void
detach (struct http_exchange *x)
{
  x->answerer = NULL;
  x->answer = NULL;
}

/* A tunnel is over when both directions are. */
static void
settle_tunnel (struct http_exchange *x)
{
  if (!x->finished || !x->body_ended)
    return;
  x->state = HTTP_STATE_FINISHED;
  detach (x);
  note_end (x, true);
}

/* --- from the visitor side --- */

size_t
http_exchange_body (struct http_exchange *x, const uint8_t *data, size_t len)
{
  if (x->answerer == NULL || x->answerer->body == NULL)
    return len;
  return x->answerer->body (x, data, len);
}

void
http_exchange_body_end (struct http_exchange *x, const struct http_fields *trailers)
{
  const struct http_answerer *answerer = x->answerer;

  x->body_ended = true;
  if (answerer != NULL && answerer->body_end != NULL)
    answerer->body_end (x, trailers);
  if (x->tunnel && x->state == HTTP_STATE_BODY)
    settle_tunnel (x);
}

void
http_exchange_writable (struct http_exchange *x)
{
  if (x->answerer != NULL && x->answerer->writable != NULL)
    x->answerer->writable (x);
}

void
http_exchange_cancel (struct http_exchange *x)
{
  http_exchange_recall (x);
  if (is_over (x))
    return;
  x->state = HTTP_STATE_ABORTED;
  note_end (x, x->tunnel);
}

void
http_exchange_recall (struct http_exchange *x)
{
  if (x->answerer != NULL && x->answerer->cancel != NULL)
    x->answerer->cancel (x);
  detach (x);
}

bool
http_response_has_body (const struct http_exchange *x, uint16_t status)
{
  return !x->request.is_head && status >= 200 && status != 204 && status != 304;
}

/* --- from the answerer --- */

void
http_exchange_inform (struct http_exchange *x, const struct http_response *response)
{
  assert (x->state == HTTP_STATE_WAITING);
  x->visitor_ops->inform (x, response);
}

void
http_exchange_respond (struct http_exchange *x, const struct http_response *response)
{
  assert (x->state == HTTP_STATE_WAITING);
  x->state = HTTP_STATE_BODY;
  x->status = response->status;
  x->tunnel = response->status == 101;
  x->bodiless = !x->tunnel && !http_response_has_body (x, response->status);
  x->left = x->tunnel || x->bodiless ? -1 : response->content_length;
  x->visitor_ops->respond (x, response);
}

uint8_t *
http_exchange_reserve (struct http_exchange *x, size_t *room)
{
  uint8_t *data;

  assert (x->state == HTTP_STATE_BODY);
  if (x->bodiless)
    {
      *room = x->loop->scratch.size;
      return x->loop->scratch.data;
    }
  data = x->visitor_ops->reserve (x, room);
  if (data != NULL && x->left >= 0 && (int64_t)*room > x->left)
    *room = (size_t)x->left;
  return data;
}

void
http_exchange_commit (struct http_exchange *x, size_t len)
{
  if (x->bodiless)
    return;
  assert (x->left < 0 || (int64_t)len <= x->left);
  if (x->left >= 0)
    x->left -= (int64_t)len;
  x->bytes_out += len;
  x->visitor_ops->commit (x, len);
}

size_t
http_exchange_write (struct http_exchange *x, const void *data, size_t len)
{
  size_t done = 0;

  while (done < len)
    {
      size_t room;
      uint8_t *to = http_exchange_reserve (x, &room);

      if (to == NULL)
        break;
      if (room == 0)
        {
          http_exchange_commit (x, 0);
          break;
        }
      room = len - done < room ? len - done : room;
      memcpy (to, (const uint8_t *)data + done, room);
      http_exchange_commit (x, room);
      done += room;
    }
  return done;
}

void
http_exchange_finish (struct http_exchange *x, const struct http_fields *trailers)
{
  assert (x->state == HTTP_STATE_BODY && !x->finished);
  if (x->left > 0)
    {
      http_exchange_abort (x); /* less than announced */
      return;
    }
  x->finished = true;
  if (x->tunnel)
    settle_tunnel (x);
  else
    {
      x->state = HTTP_STATE_FINISHED;
      detach (x);
      note_end (x, true);
    }
  x->visitor_ops->finish (x, trailers);
}

void
http_exchange_abort (struct http_exchange *x)
{
  assert (!is_over (x));
  x->state = HTTP_STATE_ABORTED;
  detach (x);
  note_end (x, false);
  x->visitor_ops->abort (x);
}

void
http_exchange_resume (struct http_exchange *x)
{
  x->visitor_ops->resume (x);
}

const struct address *
http_exchange_ip (const struct http_exchange *x)
{
  return &x->flow->source;
}

void *
http_exchange_alloc (struct http_exchange *x, size_t size)
{
  uint32_t start = (x->arena_used + 7u) & ~7u;

  if (start > HTTP_ARENA_SIZE || size > HTTP_ARENA_SIZE - start)
    return NULL;
  x->arena_used = start + (uint32_t)size;
  return x->arena + start;
}

struct http_text
http_exchange_printf (struct http_exchange *x, const char *format, ...)
{
  size_t room = HTTP_ARENA_SIZE - x->arena_used;
  char *to = x->arena + x->arena_used;
  va_list arguments;
  int n;

  va_start (arguments, format);
  n = vsnprintf (to, room, format, arguments);
  va_end (arguments);
  if (n < 0 || (size_t)n >= room)
    return (struct http_text) {NULL, 0};
  x->arena_used += (uint32_t)n + 1;
  return (struct http_text) {to, (uint32_t)n};
}

bool
http_exchange_is_grpc (const struct http_exchange *x)
{
  const struct http_field *type = http_fields_find (&x->request.fields, HTTP_NAME_CONTENT_TYPE);

  return type != NULL && type->value_len >= 16 && memcmp (type->value, "application/grpc", 16) == 0
         && (type->value_len == 16 || type->value[16] == '+' || type->value[16] == ';');
}
