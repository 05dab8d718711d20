/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tests/unit/daemon/serve/http/http-stage.h"

#include <string.h>

HttpPlayer http_player;

static void
ignore_changed (void *data, bool urgent)
{
}

static void
ignore_woken (void *data)
{
}

void
http_stage_set_up (HttpStage *stage)
{
  const struct serve_owner owner = {.changed = ignore_changed, .woken = ignore_woken};
  const struct address peer = {.family = 4};
  FunnelServeShare *share = funnel_serve_share_new ();
  struct share_counters *counters = share_counters_new ();

  memset (stage, 0, sizeof *stage);
  http_player_reset ();
  g_assert_cmpint (serve_loop_init (&stage->loop, &serve_limits_default, &owner), ==, 0);
  stage->loop.now = 1000000;
  share->id = 1;
  share->name = g_strdup ("laptop.example.org");
  share->port = 443;
  share->kind = FUNNEL_SERVE_HTTP;
  stage->table = share_table_new (1);
  share_table_add (stage->table, share, counters);
  funnel_serve_share_unref (share);
  share_counters_unref (counters);
  stage->listener = serve_listener_new (1, -1, &peer);
  stage->flow = flow_table_alloc (&stage->loop.table);
  stage->flow->listener = serve_listener_ref (stage->listener);
  stage->flow->share = share_entry_ref (share_table_find (stage->table, "laptop.example.org", 443));
}

void
http_stage_tear_down (HttpStage *stage)
{
  g_assert_cmpuint (stage->loop.buffers.in_use, ==, 0);
  share_entry_unref (stage->flow->share);
  serve_listener_unref (stage->flow->listener);
  flow_table_free (&stage->loop.table, stage->flow);
  stage->loop.again_head = stage->loop.again_tail = FLOW_NONE;
  serve_loop_clear (&stage->loop);
  share_table_free (stage->table);
  serve_listener_unref (stage->listener);
  http_player_reset ();
}

guint64
http_stage_refusals (HttpStage *stage, enum serve_refusal refusal)
{
  return atomic_load (&stage->listener->refusals[refusal]);
}

/* --- the answerer --- */

typedef struct
{
  gsize left; /* bytes to produce */
  gboolean echo;
  gboolean ended; /* the request's body */
  gsize kept;     /* bytes of `keep` not echoed yet */
  char keep[512];
  char trailers[256];
  gsize trailers_len;
} Answer;

void
http_player_reset (void)
{
  g_free (http_player.head);
  g_free (http_player.trailers);
  http_player = (HttpPlayer) {0};
}

static char *
print_fields (GString *text, const struct http_fields *fields)
{
  for (guint i = 0; i < fields->count; i++)
    g_string_append_printf (text, "%.*s: %.*s\n", fields->items[i].name_len, fields->items[i].name,
                            fields->items[i].value_len, fields->items[i].value);
  return g_string_free (text, FALSE);
}

static void
note_request (struct http_exchange *x)
{
  GString *text = g_string_new (NULL);

  g_string_append_printf (text, "%.*s %.*s %.*s\n", (int)x->request.method.len,
                          x->request.method.data, (int)x->request.authority.len,
                          x->request.authority.data, (int)x->request.target.len,
                          x->request.target.data);
  g_free (http_player.head);
  http_player.head = print_fields (text, &x->request.fields);
  http_player.starts++;
  http_player.last = x;
}

static gboolean
is_target (struct http_exchange *x, const char *text)
{
  return x->request.target.len == strlen (text)
         && memcmp (x->request.target.data, text, x->request.target.len) == 0;
}

/* The number behind @prefix in the target; -1 where the target begins otherwise. A target has a
 * length, and no NUL at its end. */
static gint64
number_behind (struct http_exchange *x, const char *prefix)
{
  g_autofree char *target = g_strndup (x->request.target.data, x->request.target.len);

  return g_str_has_prefix (target, prefix) ? g_ascii_strtoll (target + strlen (prefix), NULL, 10)
                                           : -1;
}

static void
respond (struct http_exchange *x, guint status, gint64 length, const char *name, const char *value)
{
  struct http_fields fields = {0};
  struct http_response response
      = {.status = (uint16_t)status, .content_length = length, .fields = &fields};

  if (name != NULL)
    http_fields_add (&fields, (struct http_text) {name, (uint32_t)strlen (name)},
                     (struct http_text) {value, (uint32_t)strlen (value)});
  http_exchange_respond (x, &response);
}

static void
detach (struct http_exchange *x)
{
  g_free (x->answer);
  x->answer = NULL;
  http_player.last = NULL;
}

static void
finish (struct http_exchange *x, const char *name, const char *value)
{
  struct http_fields trailers = {0};

  if (name != NULL)
    http_fields_add (&trailers, (struct http_text) {name, (uint32_t)strlen (name)},
                     (struct http_text) {value, (uint32_t)strlen (value)});
  if (!x->tunnel)
    detach (x);
  http_exchange_finish (x, name != NULL ? &trailers : NULL);
}

static void
finish_echo (struct http_exchange *x)
{
  Answer *answer = x->answer;
  struct http_fields trailers = {0};

  if (x->tunnel)
    {
      g_free (answer);
      x->answer = NULL;
      http_exchange_finish (x, NULL);
      return;
    }
  if (answer->trailers_len == 0)
    finish (x, NULL, NULL);
  else
    {
      char *value = g_strndup (answer->trailers, answer->trailers_len);

      http_fields_add (&trailers, HTTP_TEXT ("x-echo"),
                       (struct http_text) {value, (uint32_t)strlen (value)});
      detach (x);
      http_exchange_finish (x, &trailers);
      g_free (value);
    }
}

static void
on_writable (struct http_exchange *x)
{
  Answer *answer = x->answer;

  if (answer == NULL || x->finished)
    return;
  if (answer->echo)
    {
      gsize n = http_exchange_write (x, answer->keep, answer->kept);

      memmove (answer->keep, answer->keep + n, answer->kept - n);
      answer->kept -= n;
      if (answer->kept > 0)
        return;
      if (answer->ended)
        finish_echo (x);
      else
        http_exchange_resume (x);
      return;
    }
  while (answer->left > 0)
    {
      size_t room;
      uint8_t *to = http_exchange_reserve (x, &room);

      if (to == NULL)
        return;
      room = MIN (room, answer->left);
      for (size_t i = 0; i < room; i++)
        to[i] = (uint8_t)('a' + (answer->left - i) % 26);
      answer->left -= room;
      http_exchange_commit (x, room);
    }
  finish (x, NULL, NULL);
}

static size_t
on_body (struct http_exchange *x, const uint8_t *data, size_t len)
{
  Answer *answer = x->answer;

  if (http_player.hold)
    return 0;
  if (answer->echo)
    {
      len = MIN (len, sizeof answer->keep - answer->kept);
      memcpy (answer->keep + answer->kept, data, len);
      answer->kept += len;
    }
  for (size_t i = 0; i < len; i++)
    http_player.body_sum += (guint32)((http_player.body + i) * data[i]);
  http_player.body += len;
  if (answer->echo && x->state == HTTP_STATE_BODY)
    on_writable (x);
  return len;
}

static void
on_body_end (struct http_exchange *x, const struct http_fields *trailers)
{
  Answer *answer = x->answer;

  http_player.ends++;
  g_clear_pointer (&http_player.trailers, g_free);
  if (trailers != NULL)
    http_player.trailers = print_fields (g_string_new (NULL), trailers);
  if (answer == NULL)
    return;
  answer->ended = TRUE;
  if (http_player.trailers != NULL)
    answer->trailers_len = MIN (strcspn (http_player.trailers, "\n"), sizeof answer->trailers);
  if (answer->trailers_len > 0)
    memcpy (answer->trailers, http_player.trailers, answer->trailers_len);
  if (answer->echo && x->state == HTTP_STATE_BODY)
    on_writable (x);
}

static void
on_cancel (struct http_exchange *x)
{
  http_player.cancels++;
  detach (x);
}

static void
start (struct http_exchange *x)
{
  Answer *answer = x->answer;

  if (is_target (x, "/hints"))
    {
      const struct http_response hints = {.status = 103, .content_length = -1};

      http_exchange_inform (x, &hints);
    }
  if (is_target (x, "/text") || is_target (x, "/hints"))
    {
      respond (x, 200, 6, "Content-Type", "text/plain");
      if (!x->request.is_head)
        g_assert_cmpuint (http_exchange_write (x, "hello\n", 6), ==, 6);
      finish (x, NULL, NULL);
    }
  else if (is_target (x, "/head-only"))
    {
      respond (x, 200, -1, "grpc-status", "0");
      finish (x, NULL, NULL);
    }
  else if (is_target (x, "/empty"))
    {
      respond (x, 204, -1, NULL, NULL);
      finish (x, NULL, NULL);
    }
  else if (is_target (x, "/trailers"))
    {
      respond (x, 200, -1, "trailer", "grpc-status");
      http_exchange_write (x, "body", 4);
      finish (x, "grpc-status", "0");
    }
  else if (number_behind (x, "/big/") >= 0)
    {
      answer->left = (gsize)number_behind (x, "/big/");
      respond (x, 200, (gint64)answer->left, NULL, NULL);
      on_writable (x);
    }
  else if (is_target (x, "/echo") || (is_target (x, "/tunnel") && x->request.websocket))
    {
      answer->echo = TRUE;
      respond (x, x->request.websocket ? 101 : 200, -1, "sec-websocket-accept", "x");
      if (!x->request.has_body && !x->tunnel)
        finish (x, NULL, NULL);
    }
  else if (is_target (x, "/abort") || is_target (x, "/abort-at-once"))
    {
      if (is_target (x, "/abort"))
        {
          respond (x, 200, -1, NULL, NULL);
          http_exchange_write (x, "some", 4);
        }
      detach (x);
      http_exchange_abort (x);
    }
  else if (!is_target (x, "/hang"))
    {
      gboolean refuse = is_target (x, "/refuse") || is_target (x, "/tunnel");

      detach (x);
      http_answer_error (x, refuse ? 403 : 404, 0, NULL);
    }
}

static const struct http_answerer player = {
    .name = "player",
    .start = start,
    .body = on_body,
    .body_end = on_body_end,
    .writable = on_writable,
    .cancel = on_cancel,
};

void
http_player_dispatch (struct http_exchange *x)
{
  note_request (x);
  x->answerer = &player;
  x->answer = g_new0 (Answer, 1);
  start (x);
}
