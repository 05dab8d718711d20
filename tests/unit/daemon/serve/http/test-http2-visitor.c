/* SPDX-License-Identifier: GPL-3.0-or-later */

/* HTTP/2 over TLS as visitors see it: real clients in front, an HTTP/1 target behind, and what ends
 * a connection. */

#include "tests/unit/daemon/serve/http/scripted-target.h"

#include <gio/gio.h>
#include <string.h>

#define BIG 20000000u
#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define SETTINGS "\0\0\0\4\0\0\0\0\0"
#define PREFACE_LEN (sizeof PREFACE + sizeof SETTINGS - 2)
enum
{
  FRAME_RST_STREAM = 3,
  FRAME_GOAWAY = 7,
};

typedef struct
{
  Fixture fixture;
  ScriptedTarget *target;
  gint cut; /* connections whose request was never finished; atomic */
} Case;

static gsize
length_of (const char *head)
{
  const char *length = strstr (head, "\r\nContent-Length: ");

  return length != NULL ? g_ascii_strtoull (length + 18, NULL, 10) : 0;
}

/* /big: BIG bytes; /hang: nothing; else how long the body was. */
static void
serve (ScriptedTarget *target, int fd, guint number)
{
  Case *c = scripted_target_get_data (target);
  char *head;

  while ((head = scripted_read_head (target, fd)) != NULL)
    {
      gsize len = length_of (head);
      gboolean is_big = g_str_has_prefix (head, "GET /big ");
      g_autofree char *body = g_malloc0 (len + 1);
      g_autofree char *text
          = is_big ? g_strnfill (BIG, 'b') : g_strdup_printf ("%" G_GSIZE_FORMAT, len);
      g_autofree char *answer = g_strdup_printf (
          "HTTP/1.1 200 OK\r\nContent-Length: %" G_GSIZE_FORMAT "\r\n\r\n%s", strlen (text), text);

      if (g_str_has_prefix (head, "GET /hang ") || !scripted_read (fd, body, len)
          || !scripted_write (fd, answer))
        {
          char byte;

          g_free (head);
          scripted_read (fd, &byte, 1); /* until we are hung up on */
          g_atomic_int_inc (&c->cut);
          return;
        }
      g_free (head);
    }
}

static void
set_up (Case *c, gconstpointer data)
{
  struct serve_limits limits = serve_limits_default;

  if (data != NULL)
    limits.keep_alive_ms = limits.request_ms = limits.transfer_ms = 200;
  fixture_set_up_with (&c->fixture, &limits);
  c->target = scripted_target_new (serve, c, NULL);
  share_proxy (&c->fixture, scripted_target_get_port (c->target));
}

static void
tear_down (Case *c, gconstpointer data)
{
  fixture_tear_down (&c->fixture, NULL);
  scripted_target_free (c->target);
}

/* --- real clients --- */

static char *
run (const char *const *argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSubprocess) process = NULL;
  g_autofree char *path = g_find_program_in_path (argv[0]);
  char *output = NULL;

  if (path == NULL)
    {
      g_test_skip (argv[0]);
      return NULL;
    }
  process = g_subprocess_newv (
      argv, G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_MERGE, &error);
  g_assert_no_error (error);
  g_subprocess_communicate_utf8 (process, NULL, NULL, &output, NULL, &error);
  g_assert_no_error (error);
  return output;
}

static char *
curl (Case *c, const char *path, const char *option, const char *value)
{
  guint port = ingress_player_get_port (c->fixture.ingress);
  g_autofree char *resolve = g_strdup_printf (NAME ":%u:127.0.0.1", port);
  g_autofree char *url = g_strdup_printf ("https://" NAME ":%u%s", port, path);
  const char *argv[] = {"curl",
                        "-sS",
                        "--max-time",
                        "60",
                        "--cacert",
                        c->fixture.made.chain_file,
                        "--resolve",
                        resolve,
                        "--noproxy",
                        "*",
                        "--http2",
                        "-w",
                        " %{http_version} %{size_download}",
                        url,
                        option,
                        value,
                        NULL};

  return run (argv);
}

static void
test_curl (Case *c, gconstpointer data)
{
  g_autofree char *big = g_build_filename (c->fixture.dir, "big", NULL);
  g_autofree char *at_big = g_strdup_printf ("@%s", big);
  g_autofree char *bytes = g_strnfill (BIG, 'u');
  g_autofree char *get = curl (c, "/", NULL, NULL);
  g_autofree char *head = curl (c, "/", "--head", NULL);
  g_autofree char *down = curl (c, "/big", "-o", "/dev/null");
  g_autofree char *up = NULL;

  if (get == NULL)
    return;
  g_assert_true (g_file_set_contents (big, bytes, BIG, NULL));
  up = curl (c, "/", "--data-binary", at_big);
  g_assert_cmpstr (get, ==, "0 2 1");
  g_assert_true (g_str_has_prefix (head, "HTTP/2 200"));
  g_assert_cmpstr (down, ==, " 2 20000000");
  g_assert_cmpstr (up, ==, "20000000 2 8");
}

static void
test_h2load (Case *c, gconstpointer data)
{
  guint port = ingress_player_get_port (c->fixture.ingress);
  g_autofree char *connect = g_strdup_printf ("--connect-to=127.0.0.1:%u", port);
  g_autofree char *url = g_strdup_printf ("https://" NAME ":%u/", port);
  const char *argv[] = {"h2load", "-n", "3000", "-c", "5", "-m", "40", connect, url, NULL};
  g_autofree char *output = run (argv);

  if (output == NULL)
    return;
  if (strstr (output, "3000 succeeded, 0 failed") == NULL || strstr (output, "3000 2xx") == NULL)
    g_error ("%s", output);
}

/* --- frames by hand --- */

static Visitor *
greet (Case *c)
{
  Visitor *visitor
      = visitor_connect_alpn (ingress_player_get_port (c->fixture.ingress), NAME, NULL, "h2");

  g_assert_true (visitor_send (visitor, PREFACE SETTINGS, PREFACE_LEN));
  return visitor;
}

static gboolean
receive (Visitor *visitor, guint8 *data, gsize len)
{
  gsize at = 0;

  while (at < len)
    {
      gssize n = visitor_recv (visitor, data + at, len - at);

      if (n <= 0)
        return FALSE;
      at += (gsize)n;
    }
  return TRUE;
}

/* Reads until a frame of @type; its last four bytes. 0xffffffff at the end of the connection. */
static guint32
wait_for (Visitor *visitor, guint8 type)
{
  guint8 head[9];

  while (receive (visitor, head, sizeof head))
    {
      gsize len = (gsize)head[0] << 16 | (gsize)head[1] << 8 | head[2];
      g_autofree guint8 *payload = g_malloc0 (len + 1);

      if (!receive (visitor, payload, len))
        break;
      if (head[3] == type && len >= 4)
        return (guint32)payload[len - 4] << 24 | (guint32)payload[len - 3] << 16
               | (guint32)payload[len - 2] << 8 | payload[len - 1];
    }
  return G_MAXUINT32;
}

static void
assert_ended (Visitor *visitor)
{
  guint8 byte;

  while (visitor_recv (visitor, &byte, 1) > 0)
    ;
}

static void
test_idle_ends (Case *c, gconstpointer data)
{
  g_autoptr (Visitor) visitor = greet (c);

  g_assert_cmpuint (wait_for (visitor, FRAME_GOAWAY), ==, 0);
  assert_ended (visitor);
}

static void
test_silence_ends (Case *c, gconstpointer data)
{
  g_autoptr (Visitor) visitor
      = visitor_connect_alpn (ingress_player_get_port (c->fixture.ingress), NAME, NULL, "h2");

  g_assert_cmpuint (wait_for (visitor, FRAME_GOAWAY), ==, 11);
  assert_ended (visitor);
  g_assert_cmpuint (fixture_refusals (&c->fixture, "http2-head"), ==, 1);
}

/* A head that never ends, beside a request that is being answered. */
static void
test_unfinished_head_ends (Case *c, gconstpointer data)
{
  g_autoptr (Visitor) visitor = greet (c);

  g_assert_true (visitor_send (visitor, "\0\0\3\1\1\0\0\0\1\x82\x87\x84", 12));
  g_assert_cmpuint (wait_for (visitor, FRAME_GOAWAY), ==, 11);
  g_assert_cmpuint (fixture_refusals (&c->fixture, "http2-head"), ==, 1);
}

/* The window of the protocol is used up and never opened again. */
static void
test_stalled_reader_is_cut (Case *c, gconstpointer data)
{
  g_autoptr (Visitor) visitor = greet (c);
  static const char request[] = "\0\0\x1c\1\5\0\0\0\1\x82\x87\4\4/big\1\x12" NAME;

  g_assert_true (visitor_send (visitor, request, sizeof request - 1));
  g_assert_cmpuint (wait_for (visitor, FRAME_RST_STREAM), ==, 8);
  g_assert_cmpuint (fixture_refusals (&c->fixture, "http2-stalled"), ==, 1);
  g_assert_cmpuint (wait_for (visitor, FRAME_GOAWAY), ==, 0); /* nothing left: idle */
  WAIT_UNTIL (g_atomic_int_get (&c->cut) == 1);
}

/* One who takes nothing from the socket either; sockets hold some of the 100 MB. */
static void
test_deaf_reader_is_cut (Case *c, gconstpointer data)
{
  g_autoptr (Visitor) visitor = greet (c);
  static const char open_window[] = "\0\0\6\4\0\0\0\0\0\0\4\x7f\xff\xff\xff"
                                    "\0\0\4\x8\0\0\0\0\0\x7f\xff\0\0";
  char request[] = "\0\0\x1c\1\5\0\0\0\1\x82\x87\4\4/big\1\x12" NAME;

  g_assert_true (visitor_send (visitor, open_window, sizeof open_window - 1));
  for (char stream = 1; stream < 11; stream += 2)
    {
      request[8] = stream;
      g_assert_true (visitor_send (visitor, request, sizeof request - 1));
    }
  WAIT_UNTIL (fixture_refusals (&c->fixture, "http2-stalled") >= 1);
  WAIT_UNTIL (fixture_counters (&c->fixture).flows_active == 0);
  WAIT_UNTIL (g_atomic_int_get (&c->cut) >= 1);
}

static void
test_share_that_goes_says_so (Case *c, gconstpointer data)
{
  g_autoptr (Visitor) visitor = greet (c);

  g_assert_true (
      visitor_send (visitor, "\0\0\x1d\1\5\0\0\0\1\x82\x87\4\5/hang\1\x12" NAME, 9 + 0x1d));
  WAIT_UNTIL (scripted_target_get_requests (c->target) == 1);
  fixture_unshare (&c->fixture);
  g_assert_cmpuint (wait_for (visitor, FRAME_GOAWAY), ==, 0);
  assert_ended (visitor);
  WAIT_UNTIL (g_atomic_int_get (&c->cut) == 1);
}

/* A visitor that hangs up takes his requests with him. */
static void
test_visitor_that_goes_cancels (Case *c, gconstpointer data)
{
  Visitor *visitor = greet (c);

  g_assert_true (
      visitor_send (visitor, "\0\0\x1d\1\5\0\0\0\1\x82\x87\4\5/hang\1\x12" NAME, 9 + 0x1d));
  WAIT_UNTIL (scripted_target_get_requests (c->target) == 1);
  visitor_free (visitor);
  WAIT_UNTIL (g_atomic_int_get (&c->cut) == 1);
  WAIT_UNTIL (fixture_counters (&c->fixture).flows_active == 0);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, impatient, function)                                                             \
  g_test_add ("/serve/http2/" name, Case, impatient ? "" : NULL, set_up, function, tear_down)
  ADD ("curl", FALSE, test_curl);
  ADD ("h2load", FALSE, test_h2load);
  ADD ("idle", TRUE, test_idle_ends);
  ADD ("silence", TRUE, test_silence_ends);
  ADD ("unfinished-head", TRUE, test_unfinished_head_ends);
  ADD ("stalled-reader", TRUE, test_stalled_reader_is_cut);
  ADD ("deaf-reader", TRUE, test_deaf_reader_is_cut);
  ADD ("share-goes", FALSE, test_share_that_goes_says_so);
  ADD ("visitor-goes", FALSE, test_visitor_that_goes_cancels);
  return g_test_run ();
}
