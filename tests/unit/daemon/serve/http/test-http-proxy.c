/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Targets that misbehave, are away, are slow, or want a connection of another kind. */

#include "tests/unit/daemon/serve/http/scripted-target.h"
#include "tests/unit/daemon/serve/local-target.h"

#include <errno.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST "Host: " NAME "\r\n"
#define GET "GET / HTTP/1.1\r\n" HOST "\r\n"
#define LAST "GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"
#define MANY (20u * 1000 * 1000)
#define HUGE (100u * 1000 * 1000) /* more than all buffers of the kernel on the way */

typedef struct
{
  Fixture fixture;
  ScriptedTarget *target;
  const char *script; /* what an answering target says */
  guint first;        /* connections that it treats otherwise */
  gint go;            /* atomic */
} Case;

static void
set_up (Case *c, gconstpointer data)
{
  struct serve_limits limits = serve_limits_default;

  if (data != NULL)
    limits.response_ms = limits.transfer_ms = limits.request_ms = limits.keep_alive_ms
        = *(const guint *)data;
  fixture_set_up_with (&c->fixture, &limits);
}

static void
lead_to (Case *c, ScriptedConnection serve)
{
  c->target = scripted_target_new (serve, c, NULL);
  share_proxy (&c->fixture, scripted_target_get_port (c->target));
}

static void
tear_down (Case *c, gconstpointer data)
{
  fixture_tear_down (&c->fixture, NULL);
  g_clear_pointer (&c->target, scripted_target_free);
}

static guint
status_of (const char *answer)
{
  g_assert_true (g_str_has_prefix (answer, "HTTP/1.1 "));
  return (guint)g_ascii_strtoull (answer + 9, NULL, 10);
}

/* Says its script to the first request and closes. */
static void
say_script (ScriptedTarget *target, int fd, guint number)
{
  Case *c = scripted_target_get_data (target);
  g_autofree char *head = scripted_read_head (target, fd);

  if (head != NULL)
    scripted_write (fd, c->script);
}

static void
test_bad_answers (Case *c, gconstpointer data)
{
  static const char *const scripts[] = {
      "",
      "junk",
      "HTTP/1.1 200\n\n",
      "HTTP/2.0 200 OK\r\n\r\n",
      "HTTP/1.1 999 X\r\n\r\n",
      "HTTP/1.1 20 X\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
      "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
      "HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nabc",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc",
      "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 3\r\n\r\nabc",
      "HTTP/1.1 200 OK\r\nX : a\r\nContent-Length: 3\r\n\r\nabc",
      "HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 3\r\n\r\nabc",
      "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
      "HTTP/1.1 200 OK\r\nX: unfinished",
  };

  lead_to (c, say_script);
  for (guint i = 0; i < G_N_ELEMENTS (scripts); i++)
    {
      g_autofree char *answer = NULL;

      c->script = scripts[i];
      answer = talk (&c->fixture, LAST, NULL);
      g_test_message ("%s", scripts[i]);
      g_assert_cmpuint (status_of (answer), ==, 502);
      g_assert_nonnull (strstr (answer, "\r\nretry-after: "));
      g_assert_nonnull (strstr (answer, "<h1>Bad Gateway</h1>"));
    }
}

/* The visitor can tell that the answer is not whole. */
static void
test_cut_answers (Case *c, gconstpointer data)
{
  static const char *const scripts[] = {
      "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n",
  };

  lead_to (c, say_script);
  for (guint i = 0; i < G_N_ELEMENTS (scripts); i++)
    {
      gboolean cut = FALSE;
      g_autofree char *answer = NULL;

      c->script = scripts[i];
      answer = talk (&c->fixture, GET, &cut);
      g_test_message ("%s", scripts[i]);
      g_assert_cmpuint (status_of (answer), ==, 200);
      g_assert_nonnull (strstr (answer, "abc"));
      g_assert_null (strstr (answer, "\r\n0\r\n\r\n"));
      g_assert_true (cut);
    }
  WAIT_UNTIL (fixture_counters (&c->fixture).requests[0] == G_N_ELEMENTS (scripts));
}

static void
test_good_answers (Case *c, gconstpointer data)
{
  static const struct
  {
    const char *script, *end;
  } cases[] = {
      {"HTTP/1.0 200 OK\r\n\r\nuntil the end", "\r\n000d\r\nuntil the end\r\n0\r\n\r\n"},
      {"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nhi", "\r\n\r\nhi"},
      {"HTTP/1.1 204 No Content\r\n\r\n", "\r\n\r\n"},
      {"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n", "\r\n\r\n"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
       "3;ext=\"q\"\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n",
       "0003\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n"},
      {"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
       "2\r\n\r\nhi",
       "\r\n\r\nhi"},
      {"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nAlt-Svc: h3=\":443\"\r\n\r\n", "\r\n\r\n"},
  };

  lead_to (c, say_script);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *answer = NULL;

      c->script = cases[i].script;
      answer = talk (&c->fixture, LAST, NULL);
      g_test_message ("%s → %s", cases[i].script, answer);
      g_assert_true (g_str_has_suffix (answer, cases[i].end));
      g_assert_null (strstr (answer, "Alt-Svc"));
    }
}

/* A target that is not there, and then is. */
static void
test_down_and_up (Case *c, gconstpointer data)
{
  guint16 port;
  int fd = loopback_listen (&port);
  g_autofree char *down = NULL;
  g_autofree char *up = NULL;

  close (fd);
  share_proxy (&c->fixture, port);
  down = talk (&c->fixture, GET LAST, NULL);
  g_assert_cmpuint (status_of (down), ==, 502);
  g_assert_nonnull (strstr (down + 1, "HTTP/1.1 502 ")); /* the connection goes on */
  WAIT_UNTIL (fixture_counters (&c->fixture).target_error == ECONNREFUSED);
  lead_to (c, scripted_answer);
  up = talk (&c->fixture, LAST, NULL);
  g_assert_cmpuint (status_of (up), ==, 200);
  WAIT_UNTIL (fixture_counters (&c->fixture).target_error == 0);
}

static void
stay_silent (ScriptedTarget *target, int fd, guint number)
{
  g_autofree char *head = scripted_read_head (target, fd);
  char byte;

  (void)!recv (fd, &byte, 1, 0);
}

static void
test_too_slow (Case *c, gconstpointer data)
{
  g_autofree char *answer = NULL;

  lead_to (c, stay_silent);
  answer = talk (&c->fixture, LAST, NULL);
  g_assert_cmpuint (status_of (answer), ==, 504);
  WAIT_UNTIL (fixture_counters (&c->fixture).target_error == ETIMEDOUT);
}

/* Visitors that are too slow. */
static void
test_slow_visitors (Case *c, gconstpointer data)
{
  g_autofree char *head = NULL, *body = NULL, *idle = NULL, *next = NULL;
  gboolean cut = TRUE;

  lead_to (c, scripted_answer);
  head = talk (&c->fixture, "GET / HTTP/1.1\r\nHost", NULL);
  g_assert_cmpuint (status_of (head), ==, 408);
  body = talk (&c->fixture, "POST / HTTP/1.1\r\n" HOST "Content-Length: 100000\r\n\r\nabc", NULL);
  g_assert_true (status_of (body) == 408 || status_of (body) == 200);
  idle = talk (&c->fixture, "", &cut);
  g_assert_cmpstr (idle, ==, "");
  g_assert_false (cut);
  next = talk (&c->fixture, GET, &cut);
  g_assert_true (g_str_has_suffix (next, "ok\n"));
  g_assert_false (cut);
}

/* Ends each connection after one answer without saying so: as if it had been idle for too long. */
static void
answer_once (ScriptedTarget *target, int fd, guint number)
{
  Case *c = scripted_target_get_data (target);
  g_autofree char *first = scripted_read_head (target, fd);
  g_autofree char *second = NULL;

  if (first == NULL || !scripted_write (fd, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n"))
    return;
  second = scripted_read_head (target, fd);
  if (second != NULL && number >= c->first)
    scripted_write (fd, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nagain\n");
}

static void
test_repeat (Case *c, gconstpointer data)
{
  g_autoptr (Visitor) visitor = NULL;
  g_autofree char *first = NULL, *second = NULL, *third = NULL;

  c->first = 1;
  lead_to (c, answer_once);
  visitor = VISIT (&c->fixture);
  SAY (visitor, GET);
  first = read_until (visitor, "ok\n");
  /* The pooled connection ends instead of answering; a new one answers. */
  SAY (visitor, GET);
  second = read_until (visitor, "ok\n");
  g_assert_cmpuint (scripted_target_get_connections (c->target), ==, 2);
  /* What changes something is not repeated. */
  c->first = 99;
  SAY (visitor, "POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx");
  third = read_until (visitor, "</html>\n");
  g_assert_cmpuint (status_of (third), ==, 502);
  g_assert_cmpuint (scripted_target_get_connections (c->target), ==, 2);
}

/* Answers before it has the request's body, which it never reads. */
static void
answer_early (ScriptedTarget *target, int fd, guint number)
{
  g_autofree char *head = scripted_read_head (target, fd);

  scripted_write (fd, "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno\n");
}

static void
test_early_answer (Case *c, gconstpointer data)
{
  g_autoptr (Visitor) visitor = NULL;
  g_autofree char *answer = NULL;
  g_autofree char *body = g_strnfill (300000, 'x');

  lead_to (c, answer_early);
  visitor = VISIT (&c->fixture);
  SAY (visitor, "POST / HTTP/1.1\r\n" HOST "Content-Length: 900000000\r\n\r\n");
  visitor_send (visitor, body, strlen (body));
  answer = read_until (visitor, "no\n");
  g_assert_cmpuint (status_of (answer), ==, 413);
  g_assert_nonnull (strstr (answer, "Connection: close\r\n"));
}

static void
answer_continue (ScriptedTarget *target, int fd, guint number)
{
  g_autofree char *head = scripted_read_head (target, fd);
  char body[6] = "";

  if (head == NULL || strstr (head, "\r\nExpect: 100-continue\r\n") == NULL)
    return;
  scripted_write (fd, "HTTP/1.1 100 Continue\r\n\r\n");
  if (scripted_read (fd, body, 5) && strcmp (body, "hello") == 0)
    scripted_write (fd, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngot\n");
}

static void
test_continue (Case *c, gconstpointer data)
{
  g_autoptr (Visitor) visitor = NULL;
  g_autofree char *informed = NULL, *answer = NULL;

  lead_to (c, answer_continue);
  visitor = VISIT (&c->fixture);
  SAY (visitor, "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  informed = read_until (visitor, "\r\n\r\n");
  g_assert_cmpstr (informed, ==, "HTTP/1.1 100 Continue\r\n\r\n");
  SAY (visitor, "hello");
  answer = read_until (visitor, "got\n");
  g_assert_cmpuint (status_of (answer), ==, 200);
}

/* Reads a chunked body with its trailers and says how many bytes and what trailers there were. */
static void
count_chunks (ScriptedTarget *target, int fd, guint number)
{
  g_autofree char *head = scripted_read_head (target, fd);
  g_autofree char *data = g_malloc (65536 + 2);
  g_autofree char *answer = NULL, *text = NULL;
  GString *trailers = g_string_new (NULL);
  guint64 total = 0, len = 1;
  char byte = 0;

  g_assert_nonnull (strstr (head, "\r\nTransfer-Encoding: chunked\r\n"));
  g_assert_null (strstr (head, "Content-Length"));
  while (len > 0)
    {
      char line[16] = "";

      for (int i = 0; i < 15 && byte != '\n' && recv (fd, &byte, 1, 0) == 1; i++)
        line[i] = byte;
      byte = 0;
      len = g_ascii_strtoull (line, NULL, 16);
      total += len;
      if (len > 0 && !scripted_read (fd, data, len + 2))
        break;
    }
  while (!g_str_has_suffix (trailers->str, "\r\n\r\n") && strcmp (trailers->str, "\r\n") != 0
         && recv (fd, &byte, 1, 0) == 1)
    g_string_append_c (trailers, byte);
  text = g_strdup_printf ("%" G_GUINT64_FORMAT " [%s]\n", total, trailers->str);
  answer
      = g_strdup_printf ("HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen (text), text);
  scripted_write (fd, answer);
  g_string_free (trailers, TRUE);
}

static void
test_chunked_request (Case *c, gconstpointer data)
{
  g_autoptr (Visitor) visitor = NULL;
  g_autofree char *answer = NULL;
  g_autofree char *chunk = g_strnfill (16000, 'y');

  lead_to (c, count_chunks);
  visitor = VISIT (&c->fixture);
  SAY (visitor, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 500; i++)
    {
      SAY (visitor, "3e80; a=b\r\n");
      SAY (visitor, chunk);
      SAY (visitor, "\r\n1\r\n.\r\n");
    }
  SAY (visitor, "0\r\nX-Sum: 9\r\nContent-Length: 3\r\n\r\n");
  answer = read_until (visitor, "]\n");
  g_assert_true (g_str_has_suffix (answer, "\r\n\r\n8000500 [X-Sum: 9\r\n\r\n]\n"));
}

/* Sends MANY test bytes, chunked or not, or HUGE ones. */
static void
flood (ScriptedTarget *target, int fd, guint number)
{
  g_autofree char *head = scripted_read_head (target, fd);
  gboolean chunked = head != NULL && strstr (head, "GET /chunked") != NULL;
  guint64 size = head != NULL && strstr (head, "GET /huge") != NULL ? HUGE : MANY;
  g_autofree guint8 *data = g_malloc (50000);
  g_autofree char *length = g_strdup_printf ("Content-Length: %" G_GUINT64_FORMAT, size);
  g_autofree char *start = g_strdup_printf ("HTTP/1.1 200 OK\r\n%s\r\n\r\n",
                                            chunked ? "Transfer-Encoding: chunked" : length);

  scripted_write (fd, start);
  for (guint64 at = 0; at < size; at += 50000)
    {
      fill_test_bytes (data, 50000, at);
      if (chunked && !scripted_write (fd, "c350\r\n"))
        return;
      if (send (fd, data, 50000, MSG_NOSIGNAL) != 50000)
        return;
      if (chunked)
        scripted_write (fd, "\r\n");
    }
  if (chunked)
    scripted_write (fd, "0\r\n\r\n");
}

/* Through curl, which knows the framing. */
static void
download (Case *c, const char *path)
{
  g_autofree char *url = g_strdup_printf ("https://" NAME ":%u%s",
                                          ingress_player_get_port (c->fixture.ingress), path);
  g_autofree char *place
      = g_strdup_printf (NAME ":%u:127.0.0.1", ingress_player_get_port (c->fixture.ingress));
  g_autofree char *file = g_build_filename (c->fixture.dir, "got", NULL);
  const char *argv[] = {"curl",
                        "--silent",
                        "--http1.1",
                        "--max-time",
                        "60",
                        "--cacert",
                        c->fixture.made.chain_file,
                        "--resolve",
                        place,
                        "--output",
                        file,
                        url,
                        NULL};
  g_autoptr (GError) error = NULL;
  g_autoptr (GSubprocess) process = g_subprocess_newv (argv, G_SUBPROCESS_FLAGS_NONE, &error);
  g_autofree char *got = NULL;
  g_autofree guint8 *wanted = g_malloc (MANY);
  gsize len = 0;

  g_assert_no_error (error);
  g_assert_true (g_subprocess_wait_check (process, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (g_file_get_contents (file, &got, &len, NULL));
  fill_test_bytes (wanted, MANY, 0);
  g_assert_cmpmem (got, len, wanted, MANY);
}

static void
test_download (Case *c, gconstpointer data)
{
  lead_to (c, flood);
  download (c, "/plain");
  download (c, "/chunked");
}

/* A visitor who does not read holds the target back, at a bounded price. */
static void
test_back_pressure (Case *c, gconstpointer data)
{
  g_autoptr (Visitor) visitor = NULL;
  guint64 sent = 0, before = 1;
  g_autofree guint8 *got = g_malloc (100000);
  guint64 total = 0;
  gssize n;

  lead_to (c, flood);
  visitor = VISIT (&c->fixture);
  SAY (visitor, "GET /huge HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
  while (sent != before || sent == 0)
    {
      before = sent;
      for (int i = 0; i < 50; i++)
        fixture_turn ();
      sent = fixture_counters (&c->fixture).bytes_out;
    }
  g_assert_cmpuint (sent, <, HUGE);
  while ((n = visitor_recv (visitor, got, 100000)) > 0)
    total += (guint64)n;
  g_assert_cmpuint (total, >, HUGE);
}

/* One event at a time, each only after the last has been seen. */
static void
send_events (ScriptedTarget *target, int fd, guint number)
{
  Case *c = scripted_target_get_data (target);
  g_autofree char *head = scripted_read_head (target, fd);

  scripted_write (fd, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                      "Transfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 5; i++)
    {
      while (g_atomic_int_get (&c->go) < i)
        g_usleep (1000);
      if (!scripted_write (fd, "9\r\ndata: x\n\n\r\n"))
        return;
    }
  while (g_atomic_int_get (&c->go) < 5)
    g_usleep (1000);
  scripted_write (fd, "0\r\n\r\n");
}

static void
test_events (Case *c, gconstpointer data)
{
  g_autoptr (Visitor) visitor = NULL;

  lead_to (c, send_events);
  visitor = VISIT (&c->fixture);
  SAY (visitor, GET);
  for (int i = 0; i < 5; i++)
    {
      g_autofree char *event = read_until (visitor, "data: x\n\n\r\n");

      g_assert_nonnull (event);
      g_atomic_int_inc (&c->go);
    }
}

/* Switches, echoes, and at the visitor's end says bye. */
static void
tunnel (ScriptedTarget *target, int fd, guint number)
{
  g_autofree char *head = scripted_read_head (target, fd);
  char data[1000];
  gssize n;

  g_assert_nonnull (strstr (head, "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"));
  g_assert_nonnull (strstr (head, "\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"));
  scripted_write (fd, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
                      "Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nearly");
  while ((n = recv (fd, data, sizeof data, 0)) > 0)
    if (send (fd, data, (gsize)n, MSG_NOSIGNAL) != n)
      return;
  scripted_write (fd, "bye");
}

static void
test_web_socket (Case *c, gconstpointer data)
{
  g_autoptr (Visitor) visitor = NULL;
  g_autofree char *switched = NULL, *echo = NULL, *bye = NULL;

  lead_to (c, tunnel);
  visitor = VISIT (&c->fixture);
  SAY (visitor, "GET /chat HTTP/1.1\r\n" HOST "Connection: keep-alive, Upgrade\r\n"
                "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  switched = read_until (visitor, "early");
  g_assert_cmpuint (status_of (switched), ==, 101);
  g_assert_nonnull (
      strstr (switched, "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
  SAY (visitor, "GET / HTTP/1.1\r\n\r\nanything");
  echo = read_until (visitor, "anything");
  g_assert_cmpstr (echo, ==, "GET / HTTP/1.1\r\n\r\nanything");
  visitor_end (visitor);
  bye = read_until (visitor, "bye");
  g_assert_nonnull (bye);
  WAIT_UNTIL (fixture_counters (&c->fixture).requests[1] == 1);
}

static void
test_unix_socket (Case *c, gconstpointer data)
{
  g_autofree char *path = g_build_filename (c->fixture.dir, "socket", NULL);
  FunnelServeShare *share = fixture_make_share (&c->fixture, FUNNEL_SERVE_HTTP, 1);
  FunnelServeMount *mount = add_mount (share, "/", 1);
  g_autofree char *answer = NULL;
  g_autofree char *head = NULL;

  c->target = scripted_target_new (scripted_answer, c, path);
  unix_target (mount, path);
  mount->host = FUNNEL_SERVE_HOST_NAME;
  mount->host_name = g_strdup ("inside.example");
  fixture_set_share (&c->fixture, share);
  answer = talk (&c->fixture, GET LAST, NULL);
  g_assert_true (g_str_has_suffix (answer, "ok\n"));
  g_assert_cmpuint (scripted_target_get_connections (c->target), ==, 1);
  head = scripted_target_dup_head (c->target);
  g_assert_nonnull (strstr (head, "\r\nHost: inside.example\r\n"));
}

/* Plain HTTP behind TLS: what local_target does not do. */
static void
test_tls (Case *c, gconstpointer data)
{
  static const struct
  {
    FunnelServeTls tls;
    const char *name;
    int error;
  } cases[] = {
      {FUNNEL_SERVE_TLS_INSECURE, "whatever.example", 0}, /* the echo is no HTTP, but reached */
      {FUNNEL_SERVE_TLS_VERIFY, NAME, 0},
      {FUNNEL_SERVE_TLS_VERIFY, "other.example.org", EPROTO},
  };
  LocalTarget *target
      = local_target_new (TARGET_ECHO, c->fixture.made.chain_file, c->fixture.made.key_file);

  g_setenv ("SSL_CERT_FILE", c->fixture.made.chain_file, TRUE);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      FunnelServeShare *share = fixture_make_share (&c->fixture, FUNNEL_SERVE_HTTP, 1);
      FunnelServeMount *mount = add_mount (share, "/", local_target_get_port (target));
      g_autofree char *answer = NULL;

      mount->tls = cases[i].tls;
      mount->tls_name = g_strdup (cases[i].name);
      fixture_set_share (&c->fixture, share);
      answer = talk (&c->fixture, LAST, NULL);
      g_assert_cmpuint (status_of (answer), ==, 502);
      WAIT_UNTIL (fixture_counters (&c->fixture).target_error == cases[i].error);
    }
  g_unsetenv ("SSL_CERT_FILE");
  local_target_free (target);
}

static void
test_mounts (Case *c, gconstpointer data)
{
  FunnelServeShare *share = fixture_make_share (&c->fixture, FUNNEL_SERVE_HTTP, 1);
  g_autofree char *answer = NULL, *none = NULL;
  g_autofree char *head = NULL;
  FunnelServeMount *mount;

  c->target = scripted_target_new (scripted_answer, c, NULL);
  mount = add_mount (share, "/api", scripted_target_get_port (c->target));
  g_free (mount->base_path);
  mount->base_path = g_strdup ("/v1");
  mount->host = FUNNEL_SERVE_HOST_TARGET;
  fixture_set_share (&c->fixture, share);
  answer = talk (&c->fixture,
                 "GET /x/../api/users?id=1 HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", NULL);
  g_assert_cmpuint (status_of (answer), ==, 200);
  head = scripted_target_dup_head (c->target);
  g_assert_true (g_str_has_prefix (head, "GET /v1/users?id=1 HTTP/1.1\r\nHost: localhost:"));
  none = talk (&c->fixture, LAST, NULL);
  g_assert_cmpuint (status_of (none), ==, 404);
}

/* Everything under way is let go of: the sanitizer sees to that. */
static void
test_leaving (Case *c, gconstpointer data)
{
  lead_to (c, stay_silent);
  for (int i = 0; i < 20; i++)
    {
      g_autoptr (Visitor) visitor = VISIT (&c->fixture);

      SAY (visitor, GET);
      WAIT_UNTIL (scripted_target_get_requests (c->target) == (guint)i + 1);
      if (i % 2 == 0)
        shutdown (visitor->fd, SHUT_RDWR);
    }
  WAIT_UNTIL (fixture_counters (&c->fixture).flows_active <= 10);
  fixture_unshare (&c->fixture);
}

int
main (int argc, char *argv[])
{
  static const guint short_ms = 200;

  g_test_init (&argc, &argv, NULL);
#define ADD(name, function)                                                                        \
  g_test_add ("/serve/http-proxy/" name, Case, NULL, set_up, function, tear_down)
#define ADD_SHORT(name, function)                                                                  \
  g_test_add ("/serve/http-proxy/" name, Case, &short_ms, set_up, function, tear_down)
  ADD ("bad-answers", test_bad_answers);
  ADD ("cut-answers", test_cut_answers);
  ADD ("good-answers", test_good_answers);
  ADD ("down-and-up", test_down_and_up);
  ADD_SHORT ("too-slow", test_too_slow);
  ADD_SHORT ("slow-visitors", test_slow_visitors);
  ADD ("repeat", test_repeat);
  ADD ("early-answer", test_early_answer);
  ADD ("continue", test_continue);
  ADD ("chunked-request", test_chunked_request);
  ADD ("download", test_download);
  ADD ("back-pressure", test_back_pressure);
  ADD ("events", test_events);
  ADD ("web-socket", test_web_socket);
  ADD ("unix-socket", test_unix_socket);
  ADD ("tls", test_tls);
  ADD ("mounts", test_mounts);
  ADD ("leaving", test_leaving);
  return g_test_run ();
}
