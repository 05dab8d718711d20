/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Files as visitors get them, through TLS and HTTP/1: whole, in parts, conditionally, and files
 * that change under way. */

#include "tests/unit/daemon/serve/http/scripted-target.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOST "Host: " NAME "\r\n"
#define BIG (20u * 1000 * 1000)
#define OLD 784111777
#define OLD_DATE "Sun, 06 Nov 1994 08:49:37 GMT"

typedef struct
{
  Fixture fixture;
  char *site;
} Case;

static char *
in_site (Case *c, const char *name)
{
  return g_build_filename (c->site, name, NULL);
}

static void
make_file (Case *c, const char *name, const char *content, gssize len)
{
  g_autofree char *path = in_site (c, name);
  g_autofree char *folder = g_path_get_dirname (path);
  struct timespec times[2] = {{.tv_sec = OLD}, {.tv_sec = OLD}};

  g_assert_cmpint (g_mkdir_with_parents (folder, 0755), ==, 0);
  g_assert_true (g_file_set_contents (path, content, len, NULL));
  g_assert_cmpint (utimensat (AT_FDCWD, path, times, 0), ==, 0);
}

static void
add_files (FunnelServeShare *share, const char *path, const char *root, gboolean listing)
{
  FunnelServeMount *mount = add_mount (share, path, 1);

  mount->kind = FUNNEL_SERVE_MOUNT_FILES;
  mount->root = g_strdup (root);
  mount->listing = listing;
}

static void
set_up (Case *c, gconstpointer data)
{
  FunnelServeShare *share;
  g_autofree char *one = NULL;

  fixture_set_up (&c->fixture, NULL);
  c->site = g_dir_make_tmp ("funnel-site-XXXXXX", NULL);
  make_file (c, "digits.txt", "0123456789", -1);
  make_file (c, "empty.txt", "", 0);
  make_file (c, "index.html", "<h1>home</h1>", -1);
  make_file (c, "sub/page.html", "<p>", -1);
  make_file (c, ".secret", "x", -1);
  make_file (c, ".well-known/security.txt", "mailto:", -1);
  one = in_site (c, "digits.txt");
  share = fixture_make_share (&c->fixture, FUNNEL_SERVE_HTTP, 1);
  add_files (share, "/", c->site, FALSE);
  add_files (share, "/list", c->site, TRUE);
  add_files (share, "/one", one, FALSE);
  fixture_set_share (&c->fixture, share);
}

static void
tear_down (Case *c, gconstpointer data)
{
  g_autofree char *remove = g_strdup_printf ("rm -r %s", c->site);

  fixture_tear_down (&c->fixture, NULL);
  g_spawn_command_line_sync (remove, NULL, NULL, NULL, NULL);
  g_free (c->site);
}

static char *
ask (Case *c, const char *method, const char *target, const char *fields)
{
  g_autofree char *request = g_strdup_printf (
      "%s %s HTTP/1.1\r\n" HOST "Connection: close\r\n%s\r\n", method, target, fields);

  return talk (&c->fixture, request, NULL);
}

static guint
status_of (const char *answer)
{
  g_assert_true (g_str_has_prefix (answer, "HTTP/1.1 "));
  return (guint)g_ascii_strtoull (answer + 9, NULL, 10);
}

static const char *
body_of (const char *answer)
{
  const char *end = strstr (answer, "\r\n\r\n");

  g_assert_nonnull (end);
  return end + 4;
}

/* The value of the field "\r\nName: ". */
static char *
value_of (const char *answer, const char *field)
{
  const char *start = strcasestr (answer, field);
  const char *end;

  if (start == NULL)
    g_error ("“%s” is missing in:\n%s", field, answer);
  start += strlen (field);
  end = strstr (start, "\r\n");
  return g_strndup (start, (gsize)(end - start));
}

static void
assert_value (const char *answer, const char *field, const char *value)
{
  g_autofree char *got = value_of (answer, field);

  g_assert_cmpstr (got, ==, value);
}

static void
test_whole (Case *c, gconstpointer data)
{
  g_autofree char *get = ask (c, "GET", "/digits.txt?q", "");
  g_autofree char *head = ask (c, "HEAD", "/digits.txt", "");
  g_autofree char *empty = ask (c, "GET", "/empty.txt", "");

  g_assert_cmpuint (status_of (get), ==, 200);
  g_assert_cmpstr (body_of (get), ==, "0123456789");
  assert_value (get, "\r\nContent-Length: ", "10");
  assert_value (get, "\r\nContent-Type: ", "text/plain; charset=utf-8");
  assert_value (get, "\r\nLast-Modified: ", OLD_DATE);
  assert_value (get, "\r\nAccept-Ranges: ", "bytes");
  assert_value (get, "\r\nX-Content-Type-Options: ", "nosniff");
  g_assert_cmpuint (status_of (head), ==, 200);
  assert_value (head, "\r\nContent-Length: ", "10");
  g_assert_cmpstr (body_of (head), ==, "");
  g_assert_cmpuint (status_of (empty), ==, 200);
  assert_value (empty, "\r\nContent-Length: ", "0");
}

static void
test_statuses (Case *c, gconstpointer data)
{
  static const struct
  {
    const char *method, *target;
    guint status;
  } rows[] = {
      {"GET", "/", 200},
      {"GET", "/index.html", 200},
      {"GET", "/missing", 404},
      {"GET", "/sub/", 404}, /* no index page, no listing */
      {"GET", "/.secret", 404},
      {"GET", "/.well-known/security.txt", 200},
      {"GET", "/sub/..%2f.secret", 400},
      {"GET", "/sub%2fpage.html", 404},
      {"GET", "/digits.txt/", 404},
      {"GET", "/%00", 400},
      {"GET", "/one", 200},
      {"GET", "/one/", 404},
      {"GET", "/one/digits.txt", 404},
      {"GET", "/list/sub/", 200},
      {"POST", "/digits.txt", 405},
      {"PUT", "/new", 405},
      {"OPTIONS", "/digits.txt", 204},
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *answer = ask (c, rows[i].method, rows[i].target, "");

      g_test_message ("%s %s", rows[i].method, rows[i].target);
      g_assert_cmpuint (status_of (answer), ==, rows[i].status);
    }
}

static void
test_slash (Case *c, gconstpointer data)
{
  g_autofree char *sub = ask (c, "GET", "/sub?a=b", "");
  g_autofree char *mount = ask (c, "GET", "//list", "");
  g_autofree char *page = ask (c, "GET", "/list/sub/", "");

  g_assert_cmpuint (status_of (sub), ==, 301);
  assert_value (sub, "\r\nLocation: ", "/sub/?a=b");
  assert_value (mount, "\r\nLocation: ", "/list/"); /* not a host */
  g_assert_nonnull (strstr (page, "page.html"));
  assert_value (page, "\r\nContent-Security-Policy: ", "default-src 'none'");
}

static void
test_conditions (Case *c, gconstpointer data)
{
  g_autofree char *first = ask (c, "GET", "/digits.txt", "");
  g_autofree char *tag = value_of (first, "\r\nETag: ");
  g_autofree char *same = g_strdup_printf ("If-None-Match: %s\r\n", tag);
  g_autofree char *other = g_strdup_printf ("If-Match: \"other\"\r\nIf-None-Match: %s\r\n", tag);
  g_autofree char *unchanged = ask (c, "GET", "/digits.txt", same);
  g_autofree char *since = ask (c, "HEAD", "/digits.txt", "If-Modified-Since: " OLD_DATE "\r\n");
  g_autofree char *failed = ask (c, "GET", "/digits.txt", other);
  g_autofree char *changed = NULL;

  g_assert_cmpint (tag[0], ==, '"'); /* strong: it has not changed for long */
  g_assert_cmpuint (status_of (unchanged), ==, 304);
  g_assert_cmpstr (body_of (unchanged), ==, "");
  assert_value (unchanged, "\r\nETag: ", tag);
  g_assert_cmpuint (status_of (since), ==, 304);
  g_assert_cmpuint (status_of (failed), ==, 412);
  make_file (c, "digits.txt", "9876543210", -1);
  changed = ask (c, "GET", "/digits.txt", same); /* another inode */
  g_assert_cmpuint (status_of (changed), ==, 200);
  g_assert_cmpstr (body_of (changed), ==, "9876543210");
}

static void
test_fresh_is_weak (Case *c, gconstpointer data)
{
  g_autofree char *path = in_site (c, "fresh.txt");
  struct timespec times[2] = {{0}, {0}};
  g_autofree char *answer = NULL;
  g_autofree char *tag = NULL;
  g_autofree char *ranged = NULL;
  g_autofree char *fields = NULL;

  make_file (c, "fresh.txt", "0123456789", -1);
  /* In the future, so that it stays fresh however slow this is. */
  times[0].tv_sec = times[1].tv_sec = g_get_real_time () / G_USEC_PER_SEC + 3600;
  g_assert_cmpint (utimensat (AT_FDCWD, path, times, 0), ==, 0);
  answer = ask (c, "GET", "/fresh.txt", "");
  tag = value_of (answer, "\r\nETag: ");
  g_assert_true (g_str_has_prefix (tag, "W/"));
  fields = g_strdup_printf ("Range: bytes=0-1\r\nIf-Range: %s\r\n", tag);
  ranged = ask (c, "GET", "/fresh.txt", fields);
  g_assert_cmpuint (status_of (ranged), ==, 200);
}

static void
test_ranges (Case *c, gconstpointer data)
{
  static const struct
  {
    const char *fields;
    guint status;
    const char *content_range, *body;
  } rows[] = {
      {"Range: bytes=2-4\r\n", 206, "bytes 2-4/10", "234"},
      {"Range: bytes=-1\r\n", 206, "bytes 9-9/10", "9"},
      {"Range: bytes=0-\r\n", 206, "bytes 0-9/10", "0123456789"},
      {"Range: bytes=5-4\r\n", 200, NULL, "0123456789"},
      {"Range: lines=1-2\r\n", 200, NULL, "0123456789"},
      {"Range: bytes=1-2\r\nRange: bytes=3-4\r\n", 200, NULL, "0123456789"},
      {"Range: bytes=0-,0-,0-\r\n", 200, NULL, "0123456789"},
      {"Range: bytes=1-2\r\nIf-Range: " OLD_DATE "\r\n", 206, "bytes 1-2/10", "12"},
      {"Range: bytes=1-2\r\nIf-Range: \"other\"\r\n", 200, NULL, "0123456789"},
      {"Range: bytes=1-2\r\nIf-None-Match: *\r\n", 304, NULL, ""},
  };
  g_autofree char *beyond = ask (c, "GET", "/digits.txt", "Range: bytes=10-\r\n");
  g_autofree char *head = ask (c, "HEAD", "/digits.txt", "Range: bytes=1-2\r\n");

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *answer = ask (c, "GET", "/digits.txt", rows[i].fields);

      g_test_message ("%s", rows[i].fields);
      g_assert_cmpuint (status_of (answer), ==, rows[i].status);
      g_assert_cmpstr (body_of (answer), ==, rows[i].body);
      if (rows[i].content_range != NULL)
        assert_value (answer, "\r\nContent-Range: ", rows[i].content_range);
      else
        g_assert_null (strcasestr (answer, "\r\nContent-Range"));
    }
  g_assert_cmpuint (status_of (beyond), ==, 416);
  assert_value (beyond, "\r\nContent-Range: ", "bytes */10");
  g_assert_cmpuint (status_of (head), ==, 200);
}

static void
test_multipart (Case *c, gconstpointer data)
{
  g_autofree char *answer = ask (c, "GET", "/digits.txt", "Range: bytes=0-1,-2,20-30,4-4\r\n");
  g_autofree char *type = value_of (answer, "\r\nContent-Type: ");
  g_autofree char *length = value_of (answer, "\r\nContent-Length: ");
  const char *prefix = "multipart/byteranges; boundary=";
  const char *boundary = type + strlen (prefix);
  g_autofree char *wanted = NULL;

  g_assert_cmpuint (status_of (answer), ==, 206);
  g_assert_true (g_str_has_prefix (type, prefix));
#define PART(range, text)                                                                          \
  "\r\n--%1$s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes " range           \
  "/10\r\n\r\n" text
  wanted = g_strdup_printf (
      PART ("0-1", "01") PART ("8-9", "89") PART ("4-4", "4") "\r\n--%1$s--\r\n", boundary);
  g_assert_cmpstr (body_of (answer), ==, wanted);
  g_assert_cmpuint (g_ascii_strtoull (length, NULL, 10), ==, strlen (wanted));
}

static void
make_big (Case *c, gsize len)
{
  g_autofree char *content = g_malloc (len);

  for (gsize i = 0; i < len; i++)
    content[i] = (char)('a' + (i ^ (i >> 9) ^ (i >> 17)) % 26);
  make_file (c, "big.bin", content, (gssize)len);
}

/* The head, byte by byte, so that the body is still there. */
static char *
read_head (Visitor *visitor)
{
  GString *head = g_string_new (NULL);
  char byte;

  while (!g_str_has_suffix (head->str, "\r\n\r\n"))
    {
      g_assert_cmpint (visitor_recv (visitor, &byte, 1), ==, 1);
      g_string_append_c (head, byte);
    }
  return g_string_free (head, FALSE);
}

/* Reads the answer's body and compares it; returns how much came. */
static gsize
read_big (Visitor *visitor)
{
  g_autofree char *head = read_head (visitor);
  gsize at = 0;
  guint8 buffer[20000];
  gssize n;

  g_assert_cmpuint (status_of (head), ==, 200);
  while ((n = visitor_recv (visitor, buffer, sizeof buffer)) > 0)
    for (gssize k = 0; k < n; k++, at++)
      if (buffer[k] != 'a' + (at ^ (at >> 9) ^ (at >> 17)) % 26)
        g_error ("wrong at %zu", at);
  return at;
}

static void
test_big (Case *c, gconstpointer data)
{
  g_autofree char *path = in_site (c, "big.bin");
  g_autoptr (Visitor) visitor = NULL;
  int fd;

  make_big (c, BIG);
  /* As far as the file system allows, nothing of it is in memory: workers have to read. */
  fd = open (path, O_RDONLY | O_CLOEXEC);
  g_assert_cmpint (fsync (fd), ==, 0);
  posix_fadvise (fd, 0, 0, POSIX_FADV_DONTNEED);
  close (fd);
  visitor = VISIT (&c->fixture);
  SAY (visitor, "GET /big.bin HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
  g_assert_cmpuint (read_big (visitor), ==, BIG);
}

/* A file that is cut while it is sent: the visitor must see that. */
static void
test_shrinks (Case *c, gconstpointer data)
{
  g_autofree char *path = in_site (c, "big.bin");
  g_autoptr (Visitor) visitor = NULL;
  g_autofree char *head = NULL;
  guint8 buffer[20000];
  gsize got = 0;
  gssize n;

  make_big (c, BIG);
  visitor = VISIT (&c->fixture);
  SAY (visitor, "GET /big.bin HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
  head = read_head (visitor);
  assert_value (head, "\r\nContent-Length: ", "20000000");
  g_assert_cmpint (truncate (path, 1000), ==, 0);
  while ((n = visitor_recv (visitor, buffer, sizeof buffer)) > 0)
    got += (gsize)n;
  g_assert_cmpuint (got, <, BIG);
  g_assert_cmpint (n, <, 0); /* and no proper end */
}

/* Visitors who leave in the middle, at any point of it, leave nothing behind. */
static void
test_gone (Case *c, gconstpointer data)
{
  make_big (c, BIG);
  for (int i = 0; i < 30; i++)
    {
      g_autoptr (Visitor) visitor = VISIT (&c->fixture);
      guint8 buffer[1000];

      SAY (visitor, "GET /big.bin HTTP/1.1\r\n" HOST "\r\n");
      if (i % 3 > 0)
        g_assert_cmpint (visitor_recv (visitor, buffer, sizeof buffer), >, 0);
    }
  WAIT_UNTIL (fixture_counters (&c->fixture).flows_active == 0);
}

/* The share goes while files are sent. */
static void
test_unshared (Case *c, gconstpointer data)
{
  g_autoptr (Visitor) visitor = NULL;
  g_autofree char *head = NULL;
  guint8 buffer[20000];

  make_big (c, BIG);
  visitor = VISIT (&c->fixture);
  SAY (visitor, "GET /big.bin HTTP/1.1\r\n" HOST "\r\n");
  head = read_head (visitor);
  fixture_unshare (&c->fixture);
  while (visitor_recv (visitor, buffer, sizeof buffer) > 0)
    ;
}

/* Files on file systems that cannot say what is in memory. */
static void
test_odd_file_system (Case *c, gconstpointer data)
{
  FunnelServeShare *share = fixture_make_share (&c->fixture, FUNNEL_SERVE_HTTP, 1);
  g_autofree char *answer = NULL;
  gboolean cut = FALSE;

  add_files (share, "/", "/sys/kernel", FALSE);
  fixture_set_share (&c->fixture, share);
  answer = talk (&c->fixture, "GET /uevent_seqnum HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n",
                 &cut);
  /* It says that it is 4096 bytes long and has fewer: cut so that the visitor sees it. */
  g_assert_cmpuint (status_of (answer), ==, 200);
  assert_value (answer, "\r\nContent-Length: ", "4096");
  g_assert_true (cut);
}

#define ADD(path, function)                                                                        \
  g_test_add ("/serve/http/file-answerer/" path, Case, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("whole", test_whole);
  ADD ("statuses", test_statuses);
  ADD ("slash", test_slash);
  ADD ("conditions", test_conditions);
  ADD ("fresh-is-weak", test_fresh_is_weak);
  ADD ("ranges", test_ranges);
  ADD ("multipart", test_multipart);
  ADD ("big", test_big);
  ADD ("shrinks", test_shrinks);
  ADD ("gone", test_gone);
  ADD ("unshared", test_unshared);
  ADD ("odd-file-system", test_odd_file_system);
  return g_test_run ();
}
