/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Real files, folders, links, sockets and FIFOs, and what of them a visitor may have. */

#include "daemon/serve/http/file-open.h"

#include "daemon/serve/http/file-listing.h"

#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

typedef struct
{
  char *dir;  /* holds all */
  char *site; /* the root */
} Tree;

static char *
in_tree (Tree *tree, const char *name)
{
  return g_build_filename (tree->dir, name, NULL);
}

static void
make_file (Tree *tree, const char *name, const char *content, gssize len)
{
  g_autofree char *path = in_tree (tree, name);
  g_autofree char *folder = g_path_get_dirname (path);

  g_assert_cmpint (g_mkdir_with_parents (folder, 0755), ==, 0);
  g_assert_true (g_file_set_contents (path, content, len, NULL));
}

static void
make_link (Tree *tree, const char *to, const char *name)
{
  g_autofree char *path = in_tree (tree, name);

  g_assert_cmpint (symlink (to, path), ==, 0);
}

static void
set_up (Tree *tree, gconstpointer data)
{
  g_autofree char *fifo = NULL;
  g_autofree char *secret = NULL;

  tree->dir = g_dir_make_tmp ("funnel-files-XXXXXX", NULL);
  tree->site = in_tree (tree, "site");
  make_file (tree, "secret.txt", "secret", -1);
  make_file (tree, "site/a.txt", "text", -1);
  make_file (tree, "site/page/index.html", "<p>", -1);
  make_file (tree, "site/bare/one.txt", "1", -1);
  make_file (tree, "site/.hidden/x", "x", -1);
  secret = in_tree (tree, "secret.txt");
  make_link (tree, "a.txt", "site/inside");
  make_link (tree, "../secret.txt", "site/outside");
  make_link (tree, secret, "site/absolute");
  make_link (tree, "..", "site/up");
  make_link (tree, "loop", "site/loop");
  make_link (tree, "/proc/self/root", "site/magic");
  make_link (tree, "nowhere", "site/dangling");
  fifo = in_tree (tree, "site/fifo");
  g_assert_cmpint (mkfifo (fifo, 0644), ==, 0);
}

static void
tear_down (Tree *tree, gconstpointer data)
{
  g_autofree char *remove = g_strdup_printf ("rm -r %s", tree->dir);

  g_spawn_command_line_sync (remove, NULL, NULL, NULL, NULL);
  g_free (tree->dir);
  g_free (tree->site);
}

static enum file_outcome
ask (const char *root, const char *name, gboolean is_folder, gboolean listing, char **content)
{
  struct file_question question = {.root = (char *)root,
                                   .name = (char *)name,
                                   .is_folder = is_folder,
                                   .is_exact = name[0] == '\0' && !is_folder,
                                   .listing = listing};
  struct file_found found;
  enum file_outcome outcome;

  file_open (&question, &found);
  outcome = found.outcome;
  if (content != NULL)
    *content = NULL;
  if (outcome == FILE_FOUND)
    {
      g_autofree char *text = g_malloc0 (found.size + 1);

      g_assert_cmpint (read (found.fd, text, found.size), ==, (gssize)found.size);
      if (content != NULL)
        *content = g_steal_pointer (&text);
    }
  else
    g_assert_cmpint (found.fd, ==, -1);
  file_found_clear (&found);
  return outcome;
}

static void
test_outcomes (Tree *tree, gconstpointer data)
{
  static const struct
  {
    const char *name;
    gboolean is_folder;
    enum file_outcome outcome;
    const char *content;
  } rows[] = {
      {"a.txt", FALSE, FILE_FOUND, "text"},
      {"a.txt", TRUE, FILE_NOT_FOUND, NULL},
      {"a.txt/x", FALSE, FILE_NOT_FOUND, NULL},
      {"missing", FALSE, FILE_NOT_FOUND, NULL},
      {"page", FALSE, FILE_SLASH, NULL},
      {"page", TRUE, FILE_FOUND, "<p>"},
      {"page/index.html", FALSE, FILE_FOUND, "<p>"},
      {"bare", TRUE, FILE_NOT_FOUND, NULL},
      {"bare", FALSE, FILE_SLASH, NULL},
      {"", FALSE, FILE_SLASH, NULL},
      {"", TRUE, FILE_NOT_FOUND, NULL},
      {"inside", FALSE, FILE_FOUND, "text"},
      /* Nothing that lies outside, by whichever way. */
      {"outside", FALSE, FILE_NOT_FOUND, NULL},
      {"absolute", FALSE, FILE_NOT_FOUND, NULL},
      {"up", TRUE, FILE_NOT_FOUND, NULL},
      {"up/secret.txt", FALSE, FILE_NOT_FOUND, NULL},
      {"../secret.txt", FALSE, FILE_NOT_FOUND, NULL},
      {"page/../../secret.txt", FALSE, FILE_NOT_FOUND, NULL},
      {"magic", TRUE, FILE_NOT_FOUND, NULL},
      {"magic/etc/passwd", FALSE, FILE_NOT_FOUND, NULL},
      {"loop", FALSE, FILE_NOT_FOUND, NULL},
      {"dangling", FALSE, FILE_NOT_FOUND, NULL},
      /* Nor what is no file; and nothing waits for a writer. */
      {"fifo", FALSE, FILE_NOT_FOUND, NULL},
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *content = NULL;

      g_test_message ("%s", rows[i].name);
      g_assert_cmpint (ask (tree->site, rows[i].name, rows[i].is_folder, FALSE, &content), ==,
                       rows[i].outcome);
      g_assert_cmpstr (content, ==, rows[i].content);
    }
}

static void
test_long_name (Tree *tree, gconstpointer data)
{
  g_autofree char *name = g_strnfill (300, 'x');
  g_autofree char *path = g_strnfill (14000, 'x');

  for (gsize i = 0; i < 14000; i += 100)
    path[i] = '/';
  g_assert_cmpint (ask (tree->site, name, FALSE, FALSE, NULL), ==, FILE_NOT_FOUND);
  g_assert_cmpint (ask (tree->site, path + 1, FALSE, FALSE, NULL), ==, FILE_NOT_FOUND);
}

static void
test_root_file (Tree *tree, gconstpointer data)
{
  g_autofree char *file = in_tree (tree, "site/a.txt");
  g_autofree char *fifo = in_tree (tree, "site/fifo");
  g_autofree char *missing = in_tree (tree, "site/missing");
  g_autofree char *content = NULL;

  g_assert_cmpint (ask (file, "", FALSE, FALSE, &content), ==, FILE_FOUND);
  g_assert_cmpstr (content, ==, "text");
  g_assert_cmpint (ask (file, "", TRUE, FALSE, NULL), ==, FILE_NOT_FOUND);
  g_assert_cmpint (ask (file, "x", FALSE, FALSE, NULL), ==, FILE_NOT_FOUND);
  g_assert_cmpint (ask (fifo, "", FALSE, FALSE, NULL), ==, FILE_NOT_FOUND);
  g_assert_cmpint (ask (missing, "", FALSE, FALSE, NULL), ==, FILE_NOT_FOUND);
}

static void
test_types (Tree *tree, gconstpointer data)
{
  static const struct
  {
    const char *name, *content;
    gssize len;
    const char *type;
  } rows[] = {
      {"x.html", "<p>", -1, "text/html; charset=utf-8"},
      {"x.css", "a{}", -1, "text/css; charset=utf-8"},
      {"x.js", "1", -1, "javascript; charset=utf-8"},
      {"x.svg", "<svg/>", -1, "image/svg+xml"},
      {"x.PNG", "text", -1, "image/png"}, /* by name, whatever is in it */
      {"x.json", "{}", -1, "application/json"},
      {"x.txt", "\xff\xfe\0\1", 4, "text/plain; charset=utf-8"},
      {"x.wasm", "x", -1, "application/wasm"},
      {"README", "words\n", -1, "text/plain"},
      {"binary", "\0\1\2", 3, "application/octet-stream"},
      {"page", "<html><script>alert(1)</script>", -1, "text/plain; charset=utf-8"},
      {"empty", "", 0, "text/plain; charset=utf-8"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *folder = in_tree (tree, "types");
      g_autofree char *name = g_build_filename ("types", rows[i].name, NULL);
      struct file_question question = {.root = folder, .name = (char *)rows[i].name};
      struct file_found found;

      make_file (tree, name, rows[i].content, rows[i].len);
      file_open (&question, &found);
      g_test_message ("%s: %s", rows[i].name, found.type);
      g_assert_cmpint (found.outcome, ==, FILE_FOUND);
      g_assert_nonnull (strstr (found.type, rows[i].type));
      file_found_clear (&found);
    }
}

static void
test_hidden (void)
{
  static const char *const hidden[]
      = {".git", ".git/config",    "a/.env",       "a/.git/b",       ".",
         "..",   ".well-known/.x", ".well-knownx", "a/.well-known/x"};
  static const char *const shown[]
      = {"", "a", "a.b", "a/b.c/d.", ".well-known", ".well-known/security.txt"};

  for (guint i = 0; i < G_N_ELEMENTS (hidden); i++)
    g_assert_true (file_name_is_hidden (hidden[i]));
  for (guint i = 0; i < G_N_ELEMENTS (shown); i++)
    g_assert_false (file_name_is_hidden (shown[i]));
}

static char *
list (const char *root, const char *name)
{
  struct file_question question
      = {.root = (char *)root, .name = (char *)name, .is_folder = true, .listing = true};
  struct file_found found;
  char *page;

  file_open (&question, &found);
  g_assert_cmpint (found.outcome, ==, FILE_LISTED);
  page = g_strndup (found.page, found.page_len);
  g_assert_cmpuint (strlen (page), ==, found.page_len);
  g_assert_true (g_utf8_validate (page, -1, NULL));
  file_found_clear (&found);
  return page;
}

static void
test_listing (Tree *tree, gconstpointer data)
{
  static const char *const present[] = {
      "<a href=\"./a.txt\">a.txt</a>",
      "<a href=\"./page/\">page/</a>",
      "<a href=\"./%3Cscript%3E%26%22\">&lt;script&gt;&amp;&quot;</a>",
      "<a href=\"./javascript%3Aalert%281%29\">javascript:alert(1)</a>",
      "<a href=\"./%FF\">\xef\xbf\xbd</a>",
  };
  static const char *const absent[] = {".hidden", "fifo", "<script>", "secret"};
  g_autofree char *page = NULL;
  g_autofree char *below = NULL;

  make_file (tree, "site/<script>&\"", "x", -1);
  make_file (tree, "site/javascript:alert(1)", "x", -1);
  make_file (tree, "site/\xff", "x", -1);
  page = list (tree->site, "");
  for (guint i = 0; i < G_N_ELEMENTS (present); i++)
    if (strstr (page, present[i]) == NULL)
      g_error ("%s is missing in %s", present[i], page);
  for (guint i = 0; i < G_N_ELEMENTS (absent); i++)
    g_assert_null (strstr (page, absent[i]));
  g_assert_true (strstr (page, "./page/") < strstr (page, "./a.txt")); /* folders first */
  g_assert_null (strstr (page, "../"));
  below = list (tree->site, "bare");
  g_assert_nonnull (strstr (below, "<h1>/bare</h1>"));
  g_assert_nonnull (strstr (below, "\"../\""));
  g_assert_null (strstr (below, "more in this folder"));
  g_assert_cmpint (ask (tree->site, "page", TRUE, TRUE, NULL), ==,
                   FILE_FOUND); /* it has an index */
}

static void
test_listing_is_bounded (Tree *tree, gconstpointer data)
{
  g_autofree char *many = in_tree (tree, "many");
  g_autofree char *page = NULL;
  g_autofree char *cut = NULL;
  gsize len;

  g_assert_cmpint (g_mkdir (many, 0755), ==, 0);
  for (guint i = 0; i <= FILE_LISTING_ENTRIES_MAX; i++)
    {
      g_autofree char *name = g_strdup_printf ("%s/%05u", many, i);
      int fd = open (name, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);

      g_assert_cmpint (fd, >=, 0);
      close (fd);
    }
  page = list (many, "");
  g_assert_nonnull (strstr (page, "more in this folder"));
  cut = file_listing_make (open (many, O_RDONLY | O_DIRECTORY | O_CLOEXEC), "", 4096, &len);
  g_assert_cmpuint (len, <=, 4096);
  g_assert_nonnull (strstr (cut, "more in this folder"));
  g_assert_true (g_str_has_suffix (cut, "</html>\n"));
}

#define ADD(path, function)                                                                        \
  g_test_add ("/serve/http/file-open/" path, Tree, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("outcomes", test_outcomes);
  ADD ("long-name", test_long_name);
  ADD ("root-file", test_root_file);
  ADD ("types", test_types);
  g_test_add_func ("/serve/http/file-open/hidden", test_hidden);
  ADD ("listing", test_listing);
  ADD ("listing-is-bounded", test_listing_is_bounded);
  return g_test_run ();
}
