/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/serve/http/mount-table.h"

#include <string.h>

static GPtrArray *
make_mounts (const char *paths)
{
  GPtrArray *mounts = g_ptr_array_new_with_free_func ((GDestroyNotify)funnel_serve_mount_free);
  g_auto (GStrv) list = g_strsplit (paths, " ", -1);

  for (guint i = 0; list[i] != NULL; i++)
    {
      FunnelServeMount *mount = funnel_serve_mount_new ();

      mount->path = g_strdup (list[i]);
      g_ptr_array_add (mounts, mount);
    }
  return mounts;
}

static struct http_text
text (const char *string)
{
  return (struct http_text) {string, (uint32_t)strlen (string)};
}

static void
assert_text (struct http_text got, const char *wanted)
{
  g_assert_cmpmem (got.data, got.len, wanted, strlen (wanted));
}

/* In memory of exactly the size allowed. */
static enum mount_result
find (const GPtrArray *mounts, const char *target, char **room, struct mount_match *match)
{
  *room = g_malloc (strlen (target) + 1);
  return mount_table_find (mounts, text (target), *room, match);
}

static void
test_choice (void)
{
  static const struct
  {
    const char *mounts, *target, *mount, *rest;
  } rows[] = {
      {"/ /api /api/v2", "/", "/", "/"},
      {"/ /api /api/v2", "/api", "/api", ""},
      {"/ /api /api/v2", "/api/", "/api", "/"},
      {"/ /api /api/v2", "/api/v2/x?q=/../y", "/api/v2", "/x"},
      {"/api/v2 / /api", "/api/v20", "/api", "/v20"}, /* in any order; only whole segments */
      {"/ /api", "/apis", "/", "/apis"},
      {"/ /api", "/API", "/", "/API"},
      {"/ /api", "/%61p%69/x", "/api", "/x"},
      {"/ /api", "//api//x//y", "/api", "/x//y"},
      {"/ /a/b", "/a//b/c", "/a/b", "/c"},
      {"/ /a/b", "/a%2fb", "/", "/a%2fb"}, /* an encoded slash separates nothing */
      {"/ /a/b", "/a%2Fb/c", "/", "/a%2Fb/c"},
      {"/ /a+b", "/a%2bb", "/a+b", ""},
      {"/ /\xc3\xa9", "/%C3%A9/1", "/\xc3\xa9", "/1"},
      {"/ /\xc3\xa9", "/\xc3\xa9/1", "/\xc3\xa9", "/1"},
      {"/", "//evil.example/x", "/", "/evil.example/x"},
      {"/", "////", "/", "/"},
      {"/", "/https://other.example/x", "/", "/https://other.example/x"},
      {"/api", "/api//evil.example", "/api", "/evil.example"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GPtrArray) mounts = make_mounts (rows[i].mounts);
      g_autofree char *room = NULL;
      struct mount_match match;

      g_test_message ("%s in %s", rows[i].target, rows[i].mounts);
      g_assert_cmpint (find (mounts, rows[i].target, &room, &match), ==, MOUNT_FOUND);
      g_assert_cmpstr (match.mount->path, ==, rows[i].mount);
      assert_text (match.rest, rows[i].rest);
    }
}

static void
test_dots (void)
{
  static const struct
  {
    const char *target, *mount, *rest;
  } rows[] = {
      {"/.", "/", "/"},
      {"/..", "/", "/"},
      {"/../..//../etc/passwd", "/", "/etc/passwd"},
      {"/a/./b", "/", "/a/b"},
      {"/a/b/..", "/", "/a/"},
      {"/a/b/../", "/", "/a/"},
      {"/a/..", "/", "/"},
      {"/a//../b", "/", "/b"}, /* empty segments go with the one in front of them */
      {"/api/../admin", "/", "/admin"},
      {"/api/%2e%2e/admin", "/", "/admin"},
      {"/api/.%2E/admin", "/", "/admin"},
      {"/x/../api/y", "/api", "/y"},
      {"/api/x/../../api/y", "/api", "/y"},
      {"/api/...", "/api", "/..."},
      {"/api/..x", "/api", "/..x"},
      {"/api/x..", "/api", "/x.."},
      {"/api/%252e%252e/x", "/api", "/%252e%252e/x"}, /* decoded once, never twice */
      {"/api/a;b/..", "/api", "/"},
      {"/api/a;..", "/api", "/a;.."},
  };
  g_autoptr (GPtrArray) mounts = make_mounts ("/ /api");

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *room = NULL;
      struct mount_match match;

      g_test_message ("%s", rows[i].target);
      g_assert_cmpint (find (mounts, rows[i].target, &room, &match), ==, MOUNT_FOUND);
      g_assert_cmpstr (match.mount->path, ==, rows[i].mount);
      assert_text (match.rest, rows[i].rest);
    }
}

static void
test_bad (void)
{
  static const char *const targets[] = {
      "",
      "x",
      "api/",
      "**",
      "http://laptop.example.org/",
      "?q",
      "/%",
      "/%4",
      "/%zz",
      "/%4g",
      "/%00",
      "/a%00.txt",
      "/a b",
      "/a\tb",
      "/a\nb",
      "/a\x7f",
      "/a#b",
      "/a/..%2fb",
      "/a/..%2F..%2Fb",
      "/a%2f..",
      "/a/%2e%2e%2f",
      "/a/.%2f",
      "/a/..\\b",
      "/a/..%5cb",
      "/a/b%5c..",
      "/a/..;/b",
      "/a/..;x=y/b",
      "/a/.;/b",
      "/a/%2e%2e%3b/b",
  };
  g_autoptr (GPtrArray) mounts = make_mounts ("/ /a");

  for (guint i = 0; i < G_N_ELEMENTS (targets); i++)
    {
      g_autofree char *room = NULL;
      struct mount_match match;

      g_test_message ("%s", targets[i]);
      g_assert_cmpint (find (mounts, targets[i], &room, &match), ==, MOUNT_BAD_PATH);
      g_assert_null (match.mount);
    }
}

/* Publishing one mount publishes that mount only. */
static void
test_none (void)
{
  static const char *const targets[]
      = {"/", "/apix", "/API", "/api/..", "/api/../other", "/%2fapi", "/ap", "/api%2fx"};
  g_autoptr (GPtrArray) one = make_mounts ("/api");
  g_autoptr (GPtrArray) none = g_ptr_array_new ();

  for (guint i = 0; i < G_N_ELEMENTS (targets); i++)
    {
      g_autofree char *room = NULL, *again = NULL;
      struct mount_match match;

      g_test_message ("%s", targets[i]);
      g_assert_cmpint (find (one, targets[i], &room, &match), ==, MOUNT_NONE);
      g_assert_cmpint (find (none, targets[i], &again, &match), ==, MOUNT_NONE);
    }
}

static void
test_asterisk (void)
{
  g_autoptr (GPtrArray) mounts = make_mounts ("/");
  g_autofree char *room = NULL;
  struct mount_match match;

  g_assert_cmpint (find (mounts, "*", &room, &match), ==, MOUNT_ASTERISK);
}

static void
test_forward (void)
{
  static const struct
  {
    const char *mount, *base;
    gboolean keep;
    const char *target, *forward;
  } rows[] = {
      {"/", "", FALSE, "/", "/"},
      {"/", "", TRUE, "/x?y", "/x?y"},
      {"/", NULL, FALSE, "/?y", "/?y"},
      {"/", "/v1", FALSE, "/", "/v1/"},
      {"/", "/v1/", FALSE, "/x", "/v1/x"},
      {"/", "/", FALSE, "/x", "/x"},
      {"/api", "", FALSE, "/api", "/"},
      {"/api", "", FALSE, "/api/", "/"},
      {"/api", "", FALSE, "/api?a=b?c", "/?a=b?c"},
      {"/api", "/v1", FALSE, "/api", "/v1"},
      {"/api", "/v1/", FALSE, "/api", "/v1/"},
      {"/api", "/v1", FALSE, "/api/", "/v1/"},
      {"/api", "/v1", FALSE, "/api/x/../y%2fz?q", "/v1/y%2fz?q"},
      {"/api", "", TRUE, "/api", "/api"},
      {"/api", "", TRUE, "//api//x", "/api/x"},
      {"/api", "/v1", TRUE, "/api/x", "/v1/api/x"},
      {"/api", "/v1/", TRUE, "/api", "/v1/api"},
      {"/", "", FALSE, "//evil.example", "/evil.example"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GPtrArray) mounts = make_mounts (rows[i].mount);
      FunnelServeMount *mount = g_ptr_array_index (mounts, 0);
      g_autofree char *room = NULL, *forward = NULL;
      struct mount_match match;
      size_t wanted = strlen (rows[i].forward);

      mount->base_path = g_strdup (rows[i].base);
      mount->keep_prefix = rows[i].keep;
      g_test_message ("%s %s %s", rows[i].mount, rows[i].base, rows[i].target);
      g_assert_cmpint (find (mounts, rows[i].target, &room, &match), ==, MOUNT_FOUND);
      forward = g_malloc (wanted);
      g_assert_cmpuint (mount_match_forward (&match, forward, wanted), ==, wanted);
      g_assert_cmpmem (forward, wanted, rows[i].forward, wanted);
      g_assert_cmpuint (MOUNT_FORWARD_MAX (&match), >=, wanted);
      for (size_t cap = 0; cap < wanted; cap++)
        g_assert_cmpuint (mount_match_forward (&match, forward, cap), ==, 0);
    }
}

static void
test_decode (void)
{
  static const struct
  {
    const char *target, *name; /* NULL: no such file */
    bool is_folder;
  } rows[] = {
      {"/site", "", false},
      {"/site/", "", true},
      {"/site/a%20b/%C3%A9.txt", "a b/\xc3\xa9.txt", false},
      {"/site//a///b//", "a/b", true},
      {"/site/a/../b", "b", false},
      {"/site/a%0ab", "a\nb", false},
      {"/site/100%25", "100%", false},
      {"/site/%252e%252e", "%2e%2e", false},
      {"/site/a%2fb", NULL, false},
      {"/site/%2fetc%2fpasswd", NULL, false},
      {"/site/%2f", NULL, false},
  };
  g_autoptr (GPtrArray) mounts = make_mounts ("/site");

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *room = NULL, *name = NULL;
      struct mount_match match;
      bool is_folder = false;

      g_test_message ("%s", rows[i].target);
      g_assert_cmpint (find (mounts, rows[i].target, &room, &match), ==, MOUNT_FOUND);
      name = g_malloc (match.rest.len + 1);
      g_assert_cmpint (mount_match_decode (&match, name, &is_folder), ==, rows[i].name != NULL);
      if (rows[i].name == NULL)
        continue;
      g_assert_cmpstr (name, ==, rows[i].name);
      g_assert_cmpint (is_folder, ==, rows[i].is_folder);
    }
}

/* The longest paths there can be, of the shapes that make careless code slow: ends in no time. */
static void
test_long (void)
{
  static const char *const units[] = {"/", "/..", "/a/..", "/.", "/a", "%2e", "/%2e%2e", "//", ";"};
  g_autoptr (GPtrArray) mounts = make_mounts ("/ /a /a/a /a/a/a");

  for (guint i = 0; i < G_N_ELEMENTS (units); i++)
    {
      GString *target = g_string_new ("/");
      g_autofree char *room = NULL;
      struct mount_match match;

      while (target->len < 15000)
        g_string_append (target, units[i]);
      g_assert_cmpint (find (mounts, target->str, &room, &match), ==, MOUNT_FOUND);
      g_string_free (target, TRUE);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/serve/http/mount-table/choice", test_choice);
  g_test_add_func ("/serve/http/mount-table/dots", test_dots);
  g_test_add_func ("/serve/http/mount-table/bad", test_bad);
  g_test_add_func ("/serve/http/mount-table/none", test_none);
  g_test_add_func ("/serve/http/mount-table/asterisk", test_asterisk);
  g_test_add_func ("/serve/http/mount-table/forward", test_forward);
  g_test_add_func ("/serve/http/mount-table/decode", test_decode);
  g_test_add_func ("/serve/http/mount-table/long", test_long);
  return g_test_run ();
}
