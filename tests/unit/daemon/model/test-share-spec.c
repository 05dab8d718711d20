/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/model/share.h"

#include "lib/base/error.h"
#include "lib/base/password.h"

#include <string.h>

static FunnelShareSpec *
make_spec (FunnelShareKind kind, const char *target)
{
  FunnelShareSpec *spec = funnel_share_spec_new ();

  spec->name = g_strdup ("a.example");
  spec->port = 443;
  spec->kind = kind;
  funnel_mounts_put (spec->mounts, funnel_mount_spec_new ("/", target));
  return spec;
}

static void
test_paths (void)
{
  static const struct
  {
    const char *text, *path; /* NULL: refused */
  } cases[] = {
      {"/", "/"},          {"//", "/"},        {"/api", "/api"},
      {"/api/", "/api"},   {"/a/b//", "/a/b"}, {"/A-b_c.d~e", "/A-b_c.d~e"},
      {"", NULL},          {"api", NULL},      {"/a//b", NULL},
      {"/a/../b", NULL},   {"/./a", NULL},     {"/a b", NULL},
      {"/a?b", NULL},      {"/a#b", NULL},     {"/a%2fb", NULL},
      {"/\xc3\xa4", NULL}, {"/a\\b", NULL},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *path = funnel_mount_path_normalize (cases[i].text, &error);

      g_test_message ("%s", cases[i].text);
      g_assert_cmpstr (path, ==, cases[i].path);
      if (path == NULL)
        g_assert_nonnull (strstr (error->message, "invalid mount point"));
    }
}

static void
test_mounts (void)
{
  g_autoptr (GPtrArray) mounts = funnel_mounts_new ();

  funnel_mounts_put (mounts, funnel_mount_spec_new ("/b", "1"));
  funnel_mounts_put (mounts, funnel_mount_spec_new ("/", "2"));
  funnel_mounts_put (mounts, funnel_mount_spec_new ("/c", "3"));
  funnel_mounts_put (mounts, funnel_mount_spec_new ("/b", "4"));
  g_assert_cmpuint (mounts->len, ==, 3);
  g_assert_cmpstr (((FunnelMountSpec *)g_ptr_array_index (mounts, 0))->path, ==, "/");
  g_assert_cmpstr (((FunnelMountSpec *)g_ptr_array_index (mounts, 1))->target, ==, "4");
  g_assert_cmpstr (funnel_mounts_find (mounts, "/c")->target, ==, "3");
  g_assert_null (funnel_mounts_find (mounts, "/d"));
}

typedef void (*Change) (FunnelShareSpec *spec);

static FunnelMountSpec *
first (FunnelShareSpec *spec)
{
  return g_ptr_array_index (spec->mounts, 0);
}

static void
nothing (FunnelShareSpec *spec)
{
}
static void
set_path (FunnelShareSpec *spec)
{
  g_free (first (spec)->path);
  first (spec)->path = g_strdup ("/api");
}
static void
set_proxy (FunnelShareSpec *spec)
{
  spec->proxy_protocol = 1;
}
static void
set_proxy_3 (FunnelShareSpec *spec)
{
  spec->proxy_protocol = 3;
}
static void
set_alpn (FunnelShareSpec *spec)
{
  spec->alpn = g_strsplit ("postgresql", ",", -1);
}
static void
set_auth (FunnelShareSpec *spec)
{
  spec->access.auth_user = g_strdup ("me");
  spec->access.auth_hash = funnel_password_hash ("secret", NULL);
}
static void
set_bad_user (FunnelShareSpec *spec)
{
  spec->access.auth_user = g_strdup ("m:e");
  spec->access.auth_hash = funnel_password_hash ("secret", NULL);
}
static void
set_bad_range (FunnelShareSpec *spec)
{
  g_strfreev (spec->access.allow);
  spec->access.allow = g_strsplit ("10.0.0.1/8", ",", -1);
}
static void
set_host_name (FunnelShareSpec *spec)
{
  first (spec)->host_header = g_strdup ("App.Example.");
}
static void
set_bad_host (FunnelShareSpec *spec)
{
  first (spec)->host_header = g_strdup ("a b");
}
static void
set_listing (FunnelShareSpec *spec)
{
  first (spec)->listing = TRUE;
}
static void
set_keep_prefix (FunnelShareSpec *spec)
{
  first (spec)->keep_prefix = TRUE;
}
static void
set_lan (FunnelShareSpec *spec)
{
  first (spec)->lan = TRUE;
}
static void
set_one_file (FunnelShareSpec *spec)
{
  spec->certificate_file = g_strdup ("/a");
}
static void
set_files (FunnelShareSpec *spec)
{
  spec->certificate_file = g_strdup ("/a");
  spec->key_file = g_strdup ("/b");
}

static const struct
{
  Change change;
  FunnelShareKind kind;
  const char *target;
  const char *says; /* NULL: fine */
} checks[] = {
    {nothing, FUNNEL_SHARE_HTTPS, "3000", NULL},
    {set_path, FUNNEL_SHARE_HTTPS, "3000", NULL},
    {set_path, FUNNEL_SHARE_TCP, "3000", "cannot mount a path for TCP serve"},
    {set_proxy, FUNNEL_SHARE_TCP, "3000", NULL},
    {set_proxy, FUNNEL_SHARE_TLS_TERMINATED_TCP, "unix:/run/x", NULL},
    {set_proxy, FUNNEL_SHARE_HTTPS, "3000", "PROXY protocol is only supported for TCP forwarding"},
    {set_proxy_3, FUNNEL_SHARE_TCP, "3000", "invalid PROXY protocol version 3; must be 1 or 2"},
    {set_alpn, FUNNEL_SHARE_TLS_TERMINATED_TCP, "3000", NULL},
    {set_alpn, FUNNEL_SHARE_TCP, "3000", "--alpn is for --tls-terminated-tcp"},
    {set_alpn, FUNNEL_SHARE_HTTPS, "3000", "--alpn is for --tls-terminated-tcp"},
    {set_auth, FUNNEL_SHARE_HTTPS, "3000", NULL},
    {set_auth, FUNNEL_SHARE_TCP, "3000", "--auth is for HTTP"},
    {set_bad_user, FUNNEL_SHARE_HTTPS, "3000", "no colon"},
    {set_bad_range, FUNNEL_SHARE_HTTPS, "3000", "allow: \"10.0.0.1/8\""},
    {set_host_name, FUNNEL_SHARE_HTTPS, "3000", NULL},
    {set_host_name, FUNNEL_SHARE_HTTPS, "/srv", "--host-header is for targets that speak HTTP"},
    {set_bad_host, FUNNEL_SHARE_HTTPS, "3000", "invalid host header \"a b\""},
    {set_listing, FUNNEL_SHARE_HTTPS, "/srv", NULL},
    {set_listing, FUNNEL_SHARE_HTTPS, "3000", "--listing is for folders"},
    {set_keep_prefix, FUNNEL_SHARE_HTTPS, "3000", NULL},
    {set_keep_prefix, FUNNEL_SHARE_HTTPS, "text:a", "--keep-prefix is for targets"},
    {set_lan, FUNNEL_SHARE_HTTPS, "10.0.0.1:80", NULL},
    {set_lan, FUNNEL_SHARE_HTTPS, "unix:/run/x", "--lan is for targets on other machines"},
    {set_files, FUNNEL_SHARE_HTTPS, "3000", NULL},
    {set_files, FUNNEL_SHARE_TCP, "3000", "with --tcp the local server has the certificate"},
    {set_one_file, FUNNEL_SHARE_HTTPS, "3000", "--cert-file and --key-file go together"},
};

static void
test_check (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (checks); i++)
    {
      g_autoptr (FunnelShareSpec) spec = make_spec (checks[i].kind, checks[i].target);
      g_autoptr (GError) error = NULL;

      checks[i].change (spec);
      g_test_message ("%u: %s", i, checks[i].says);
      g_assert_cmpint (funnel_share_spec_check (spec, &error), ==, checks[i].says == NULL);
      if (checks[i].says == NULL)
        continue;
      g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT);
      g_assert_nonnull (strstr (error->message, checks[i].says));
    }
}

static void
test_canonical (void)
{
  g_autoptr (FunnelShareSpec) spec = make_spec (FUNNEL_SHARE_HTTPS, "localhost:3000/v1/");

  set_host_name (spec);
  g_strfreev (spec->access.allow);
  spec->access.allow = g_strsplit ("2001:DB8:0::/32,::ffff:10.0.0.1", ",", -1);
  g_assert_true (funnel_share_spec_check (spec, NULL));
  g_assert_cmpstr (first (spec)->target, ==, "http://localhost:3000/v1");
  g_assert_cmpstr (first (spec)->host_header, ==, "app.example");
  g_assert_cmpstr (spec->access.allow[0], ==, "2001:db8::/32");
  g_assert_cmpstr (spec->access.allow[1], ==, "10.0.0.1");
}

/* What nobody mentions stays: above all, who may come. */
static void
test_merge (void)
{
  g_autoptr (FunnelShareSpec) old = make_spec (FUNNEL_SHARE_HTTPS, "3000");
  g_autoptr (FunnelShareSpec) wish = make_spec (FUNNEL_SHARE_HTTPS, "4000");
  g_autoptr (FunnelShareSpec) quiet = NULL, loud = NULL, late = NULL, on = NULL;

  set_auth (old);
  set_files (old);
  old->access.max_conns = 5;
  old->expires = 1000;
  set_path (wish);
  quiet = funnel_share_spec_merge (old, wish, 0, 999);
  g_assert_cmpuint (quiet->mounts->len, ==, 2);
  g_assert_cmpstr (quiet->access.auth_user, ==, "me");
  g_assert_cmpstr (quiet->access.auth_hash, ==, old->access.auth_hash);
  g_assert_cmpuint (quiet->access.max_conns, ==, 5);
  g_assert_cmpstr (quiet->certificate_file, ==, "/a");
  g_assert_cmpint (quiet->expires, ==, 1000);
  loud = funnel_share_spec_merge (old, wish, FUNNEL_SHARE_GIVES_ALL, 999);
  g_assert_null (loud->access.auth_user);
  g_assert_cmpuint (loud->access.max_conns, ==, 0);
  g_assert_null (loud->certificate_file);
  g_assert_cmpint (loud->expires, ==, 0);
  late = funnel_share_spec_merge (old, wish, 0, 1000);
  g_assert_cmpint (late->expires, ==, 0);
  g_assert_cmpstr (late->access.auth_user, ==, "me");
  old->switched_off = old->paused = TRUE;
  g_assert_false (funnel_share_spec_is_enabled (old));
  on = funnel_share_spec_merge (old, wish, 0, 999);
  g_assert_true (funnel_share_spec_is_enabled (on));
}

static void
test_warnings (void)
{
  static const struct
  {
    Change change;
    const char *target;
    const char *says;
  } cases[] = {
      {nothing, "3000", "Anyone on the internet"},
      {set_listing, "/srv", "Every file below /srv"},
  };
  g_autoptr (FunnelShareSpec) calm = make_spec (FUNNEL_SHARE_HTTPS, "3000");
  g_auto (GStrv) none = NULL, everybody = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (FunnelShareSpec) spec = make_spec (FUNNEL_SHARE_HTTPS, cases[i].target);
      g_auto (GStrv) warnings = NULL;
      g_autofree char *all = NULL;

      cases[i].change (spec);
      warnings = funnel_share_spec_dup_warnings (spec);
      all = g_strjoinv ("\n", warnings);
      g_assert_nonnull (strstr (all, cases[i].says));
    }
  g_strfreev (calm->access.allow);
  calm->access.allow = g_strsplit ("10.0.0.0/8", ",", -1);
  none = funnel_share_spec_dup_warnings (calm);
  g_assert_cmpuint (g_strv_length (none), ==, 0);
  g_strfreev (calm->access.allow);
  calm->access.allow = g_strsplit ("10.0.0.0/8,0.0.0.0/0", ",", -1);
  everybody = funnel_share_spec_dup_warnings (calm);
  g_assert_cmpuint (g_strv_length (everybody), ==, 1);
}

static void
count_notify (GObject *object, GParamSpec *pspec, GString *heard)
{
  g_string_append_printf (heard, "%s ", pspec->name);
}

/* Mounts that end: the others stay, and listeners hear of what changed and of nothing else. */
static void
test_without (void)
{
  g_autoptr (FunnelShareSpec) spec = make_spec (FUNNEL_SHARE_HTTPS, "http://localhost:3000");
  g_autoptr (FunnelShareSpec) left = NULL, same = NULL, none = NULL;
  g_autoptr (FunnelShare) share = NULL;
  g_autoptr (GString) heard = g_string_new (NULL);
  const FunnelShareFilter api = {.path = (char *)"/api"}, by_target = {.target = (char *)"3000"};
  const FunnelShareFilter other = {.port = 80}, all = {0};

  funnel_mounts_put (spec->mounts, funnel_mount_spec_new ("/api", "http://localhost:4000"));
  share = funnel_share_new (spec);
  g_assert_true (funnel_share_matches (share, &api));
  g_assert_false (funnel_share_matches (share, &other));
  left = funnel_share_without (share, &api);
  g_assert_cmpuint (left->mounts->len, ==, 1);
  g_assert_cmpstr (first (left)->path, ==, "/");
  same = funnel_share_without (share, &other);
  g_assert_cmpuint (same->mounts->len, ==, 2);
  none = funnel_share_without (share, &all);
  g_assert_null (none);
  g_signal_connect (share, "notify", G_CALLBACK (count_notify), heard);
  funnel_share_replace (share, left);
  g_assert_cmpstr (heard->str, ==, "mounts ");
  g_assert_null (funnel_share_without (share, &by_target));
  funnel_share_set_problem (share, "/", "refused");
  funnel_share_set_problem (share, "/", "refused");
  g_assert_cmpstr (heard->str, ==, "mounts mounts ");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/mount/paths", test_paths);
  g_test_add_func ("/mount/list", test_mounts);
  g_test_add_func ("/share-spec/check", test_check);
  g_test_add_func ("/share-spec/canonical", test_canonical);
  g_test_add_func ("/share-spec/merge", test_merge);
  g_test_add_func ("/share-spec/warnings", test_warnings);
  g_test_add_func ("/share-spec/without", test_without);
  return g_test_run ();
}
