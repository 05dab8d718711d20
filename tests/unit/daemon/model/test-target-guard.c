/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/model/target-guard.h"

#include "lib/base/error.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define NONE 0
#define LAN 1
#define FORCE 2
#define NEVER 4 /* nothing permits it */

/* What each target needs at least. */
static const struct
{
  const char *target;
  guint needs;
} addresses[] = {
    {"3000", NONE},
    {"127.8.9.1:3000", NONE},
    {"[::1]:3000", NONE},
    {"app.localhost:3000", NONE},
    {"text:hello", NONE},
    {"redirect:https://a.example/", NONE},
    {"192.168.1.5:80", LAN},
    {"10.0.0.1:80", LAN},
    {"172.31.255.255:80", LAN},
    {"100.64.0.1:80", LAN},
    {"[fd12::1]:80", LAN},
    {"[::ffff:192.168.1.5]:80", LAN},
    {"http://nas.local", LAN},
    {"http://metadata.google.internal", LAN}, /* what it resolves to is judged later */
    {"172.32.0.1:80", LAN | FORCE},
    {"8.8.8.8:53", LAN | FORCE},
    {"[2001:db8::1]:80", LAN | FORCE},
    {"169.254.169.254:80", FORCE},
    {"[::ffff:169.254.169.254]:80", FORCE},
    {"[fe80::1]:80", FORCE},
    {"[fd00:ec2::254]:80", FORCE},
    {"100.100.100.200:80", FORCE},
    {"0.0.0.0:80", NEVER},
    {"[::]:80", NEVER},
    {"224.0.0.1:80", NEVER},
    {"255.255.255.255:80", NEVER},
    {"[ff02::1]:80", NEVER},
};

static gboolean
is_permitted (const char *text, guint given, const char *state_dir, GError **error)
{
  const FunnelTargetPermission permission
      = {.lan = (given & LAN) != 0, .force = (given & FORCE) != 0, .state_dir = state_dir};
  g_autoptr (FunnelTarget) target = funnel_target_parse (text, FUNNEL_SHARE_HTTPS, error);

  g_assert_nonnull (target);
  return funnel_target_guard (target, &permission, error);
}

static void
test_addresses (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (addresses); i++)
    for (guint given = NONE; given <= (LAN | FORCE); given++)
      {
        g_autoptr (GError) error = NULL;
        gboolean expected = (addresses[i].needs & ~given) == 0;

        g_test_message ("%s with %u", addresses[i].target, given);
        g_assert_cmpint (is_permitted (addresses[i].target, given, NULL, &error), ==, expected);
        if (expected)
          g_assert_no_error (error);
        else if (addresses[i].needs == NEVER)
          g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT);
        else
          {
            g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_NOT_ALLOWED);
            g_assert_nonnull (
                strstr (error->message, addresses[i].needs & FORCE ? "--force" : "--lan"));
          }
      }
}

/* A name that leads to a dangerous address is judged by the address, and the message tells both. */
static void
test_resolved (void)
{
  const FunnelTargetPermission lan = {.lan = TRUE};
  g_autoptr (FunnelTarget) bad
      = funnel_target_parse ("169.254.169.254:80", FUNNEL_SHARE_HTTPS, NULL);
  g_autoptr (FunnelTarget) good = funnel_target_parse ("10.0.0.7:80", FUNNEL_SHARE_HTTPS, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_true (funnel_target_guard_address ((struct sockaddr *)&good->addresses[0], good->lens[0],
                                              "nas.lan", &lan, &error));
  g_assert_false (funnel_target_guard_address ((struct sockaddr *)&bad->addresses[0], bad->lens[0],
                                               "rebound.example", &lan, &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_NOT_ALLOWED);
  g_assert_nonnull (strstr (error->message, "rebound.example (169.254.169.254)"));
}

typedef struct
{
  char *folder, *state, *site, *bus, *alias;
} Files;

static void
set_up (Files *files, gconstpointer data)
{
  g_autofree char *address = NULL, *key = NULL;

  files->folder = g_dir_make_tmp ("funnel-guard-XXXXXX", NULL);
  files->state = g_build_filename (files->folder, "state", NULL);
  files->site = g_build_filename (files->folder, "site", NULL);
  files->bus = g_build_filename (files->folder, "bus", NULL);
  files->alias = g_build_filename (files->folder, "alias", NULL);
  key = g_build_filename (files->state, "key", NULL);
  g_assert_cmpint (g_mkdir (files->state, 0700), ==, 0);
  g_assert_cmpint (g_mkdir (files->site, 0755), ==, 0);
  g_assert_true (g_file_set_contents (key, "", 0, NULL));
  g_assert_true (g_file_set_contents (files->bus, "", 0, NULL));
  address = g_strdup_printf ("unix:path=%s,guid=0123", files->bus);
  g_setenv ("DBUS_SESSION_BUS_ADDRESS", address, TRUE);
}

static void
tear_down (Files *files, gconstpointer data)
{
  g_autofree char *key = g_build_filename (files->state, "key", NULL);

  g_unlink (key);
  g_unlink (files->alias);
  g_unlink (files->bus);
  g_rmdir (files->state);
  g_rmdir (files->site);
  g_rmdir (files->folder);
  g_free (files->folder);
  g_free (files->state);
  g_free (files->site);
  g_free (files->bus);
  g_free (files->alias);
}

static void
assert_guarded (const char *target, const char *state_dir)
{
  g_autoptr (GError) error = NULL;

  g_test_message ("%s", target);
  g_assert_false (is_permitted (target, LAN, state_dir, &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_NOT_ALLOWED);
  g_assert_nonnull (strstr (error->message, "--force"));
  g_assert_true (is_permitted (target, FORCE, state_dir, NULL));
}

/* The session bus can start programs: under no spelling is it a target, unless forced. */
static void
test_control_socket (Files *files, gconstpointer data)
{
  g_autofree char *direct = g_strconcat ("unix:", files->bus, NULL);
  g_autofree char *link = g_strconcat ("unix:", files->alias, NULL);
  g_autofree char *spelling = g_strdup_printf ("unix:%s/./site/../bus", files->folder);

  g_assert_cmpint (symlink (files->bus, files->alias), ==, 0);
  assert_guarded (direct, NULL);
  assert_guarded (link, NULL);
  assert_guarded (spelling, NULL);
  g_assert_true (is_permitted ("unix:/nonexistent/app.sock", NONE, NULL, NULL));
}

static void
test_folders (Files *files, gconstpointer data)
{
  g_autofree char *key = g_build_filename (files->state, "key", NULL);
  g_autofree char *missing = g_build_filename (files->folder, "missing", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_true (is_permitted (files->site, NONE, files->state, &error));
  assert_guarded (files->state, files->state);
  assert_guarded (key, files->state);
  assert_guarded (files->folder, files->state); /* around it */
  assert_guarded ("/", NULL);
  assert_guarded ("/etc", NULL);
  assert_guarded ("/etc/passwd", NULL);
  assert_guarded ("/proc/self", NULL);
  assert_guarded (g_get_home_dir (), NULL);
  g_assert_cmpint (symlink (files->state, files->alias), ==, 0);
  assert_guarded (files->alias, files->state);
  g_assert_false (is_permitted (missing, FORCE, files->state, &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT);
  g_assert_nonnull (strstr (error->message, missing));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/target-guard/addresses", test_addresses);
  g_test_add_func ("/target-guard/resolved", test_resolved);
  g_test_add ("/target-guard/control-socket", Files, NULL, set_up, test_control_socket, tear_down);
  g_test_add ("/target-guard/folders", Files, NULL, set_up, test_folders, tear_down);
  return g_test_run ();
}
