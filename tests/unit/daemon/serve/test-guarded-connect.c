/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/serve/guarded-connect.h"

#include "tests/unit/daemon/serve/local-target.h"
#include "tests/unit/daemon/serve/serve-fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

static int
listen_at (const char *path, struct sockaddr_un *address)
{
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  *address = (struct sockaddr_un) {.sun_family = AF_UNIX};
  g_strlcpy (address->sun_path, path, sizeof address->sun_path);
  g_assert_cmpint (bind (fd, (struct sockaddr *)address, sizeof *address), ==, 0);
  g_assert_cmpint (listen (fd, 8), ==, 0);
  return fd;
}

static int
try (const void *address, socklen_t len, bool force)
{
  const struct sockaddr *sa = address;
  int fd = socket (sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int result = guarded_connect (fd, sa, len, force);

  close (fd);
  return result;
}

static void
test_unix (gconstpointer data)
{
  const char *run = data;
  g_autofree char *app = g_build_filename (run, "app.sock", NULL);
  g_autofree char *bus = g_build_filename (run, "bus", NULL);
  g_autofree char *missing = g_build_filename (run, "missing", NULL);
  struct sockaddr_un app_address, bus_address, missing_address;
  int app_fd = listen_at (app, &app_address);
  int bus_fd = listen_at (bus, &bus_address);

  missing_address = app_address;
  g_strlcpy (missing_address.sun_path, missing, sizeof missing_address.sun_path);
  g_assert_cmpint (try (&app_address, sizeof app_address, false), ==, 0);
  g_assert_cmpint (try (&bus_address, sizeof bus_address, false), ==, -EACCES);
  g_assert_cmpint (try (&bus_address, sizeof bus_address, true), ==, 0);
  g_assert_cmpint (try (&missing_address, sizeof missing_address, false), ==, -ENOENT);
  /* The path leads elsewhere since it was looked at first. */
  g_assert_cmpint (g_unlink (app), ==, 0);
  g_assert_cmpint (symlink (bus, app), ==, 0);
  g_assert_cmpint (try (&app_address, sizeof app_address, false), ==, -EACCES);
  close (app_fd);
  close (bus_fd);
  g_assert_cmpint (try (&bus_address, sizeof bus_address, true), ==, -ECONNREFUSED);
}

static void
test_abstract (void)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  socklen_t len = sizeof address;
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_cmpint (bind (fd, (struct sockaddr *)&address, sizeof (sa_family_t)), ==, 0);
  g_assert_cmpint (listen (fd, 1), ==, 0);
  g_assert_cmpint (getsockname (fd, (struct sockaddr *)&address, &len), ==, 0);
  g_assert_cmpint (try (&address, len, false), ==, 0);
  close (fd);
}

static void
test_ip (void)
{
  struct sockaddr_in metadata = {.sin_family = AF_INET, .sin_port = htons (80)};
  struct sockaddr_in6 local
      = {.sin6_family = AF_INET6, .sin6_port = htons (80), .sin6_scope_id = 1};

  inet_pton (AF_INET, "169.254.169.254", &metadata.sin_addr);
  inet_pton (AF_INET6, "fe80::1", &local.sin6_addr);
  g_assert_cmpint (try (&metadata, sizeof metadata, false), ==, -EACCES);
  g_assert_cmpint (try (&local, sizeof local, false), ==, -EACCES);
}

/* In the data plane: the offer is refused, and the share's state says why. */
static void
test_share (Fixture *f, gconstpointer data)
{
  FunnelServeShare *share = fixture_make_share (f, FUNNEL_SERVE_PASS_THROUGH, 80);
  struct sockaddr_in *address = (struct sockaddr_in *)&share->target.addresses[0];
  struct offer_answer answer;
  int fd;

  inet_pton (AF_INET, "169.254.169.254", &address->sin_addr);
  fixture_set_share (f, share);
  fd = fixture_offer (f);
  g_assert_true (read_answer (fd, &answer));
  g_assert_cmpint (answer.reason, ==, OFFER_REASON_TARGET_DOWN);
  g_assert_cmpint (fixture_counters (f).target_error, ==, EACCES);
  close (fd);
}

int
main (int argc, char **argv)
{
  g_autofree char *run = g_dir_make_tmp ("funnel-run-XXXXXX", NULL);
  g_autofree char *remove = g_strdup_printf ("rm -r %s", run);
  int result;

  g_setenv ("XDG_RUNTIME_DIR", run, TRUE); /* before GLib looks at it */
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/serve/guarded-connect/unix", run, test_unix);
  g_test_add_func ("/serve/guarded-connect/abstract", test_abstract);
  g_test_add_func ("/serve/guarded-connect/ip", test_ip);
  g_test_add ("/serve/guarded-connect/share", Fixture, NULL, fixture_set_up, test_share,
              fixture_tear_down);
  result = g_test_run ();
  g_spawn_command_line_sync (remove, NULL, NULL, NULL, NULL);
  return result;
}
