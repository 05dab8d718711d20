/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/base/guarded-target.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static void
test_addresses (void)
{
  static const struct
  {
    const char *ip;
    gboolean guarded;
  } rows[] = {
      {"169.254.169.254", TRUE},
      {"169.254.0.0", TRUE},
      {"169.253.255.255", FALSE},
      {"169.255.0.0", FALSE},
      {"100.100.100.200", TRUE},
      {"100.100.100.201", FALSE},
      {"168.63.129.16", TRUE},
      {"127.0.0.1", FALSE},
      {"192.168.1.1", FALSE},
      {"0.0.0.0", FALSE},
      {"fe80::1", TRUE},
      {"febf:ffff::", TRUE},
      {"fec0::", FALSE},
      {"fe7f:ffff::", FALSE},
      {"fd00:ec2::254", TRUE},
      {"fd00:ec2::255", FALSE},
      {"fd20:ce::254", TRUE},
      {"::1", FALSE},
      {"::ffff:169.254.169.254", TRUE}, /* folded to IPv4 when it is read */
      {"64:ff9b::a9fe:a9fe", TRUE},     /* behind NAT64 */
      {"64:ff9b::7f00:1", FALSE},
      {"2001:db8::1", FALSE},
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      struct address address;

      g_test_message ("%s", rows[i].ip);
      g_assert_true (address_parse_ip (rows[i].ip, strlen (rows[i].ip), &address));
      g_assert_cmpint (funnel_guarded_address (&address), ==, rows[i].guarded);
    }
}

static void
make_socket (const char *path)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  g_assert_cmpint (bind (fd, (struct sockaddr *)&address, sizeof address), ==, 0);
  close (fd);
}

static gboolean
is_guarded (const char *path)
{
  int fd = open (path, O_PATH | O_CLOEXEC);
  gboolean guarded;

  g_assert_cmpint (fd, >=, 0);
  guarded = funnel_guarded_socket (fd);
  close (fd);
  return guarded;
}

static void
test_sockets (gconstpointer data)
{
  const char *run = data;
  g_autofree char *bus = g_build_filename (run, "bus", NULL);
  g_autofree char *link = g_build_filename (run, "link", NULL);
  g_autofree char *hard = g_build_filename (run, "hard", NULL);
  g_autofree char *odd = g_strconcat (run, "/./funnel/../bus", NULL);
  g_autofree char *app = g_build_filename (run, "app.sock", NULL);
  g_autofree char *folder = g_build_filename (run, "funnel", NULL);
  g_autofree char *own = g_build_filename (run, "funnel", "api.sock", NULL);
  g_autofree char *beside = g_build_filename (run, "funnel-app", NULL);

  g_assert_cmpint (g_mkdir (folder, 0700), ==, 0);
  make_socket (bus);
  make_socket (app);
  make_socket (own);
  make_socket (beside);
  g_assert_cmpint (symlink (bus, link), ==, 0);
  g_assert_cmpint (linkat (AT_FDCWD, bus, AT_FDCWD, hard, 0), ==, 0);
  g_assert_true (is_guarded (bus));
  g_assert_true (is_guarded (link));
  g_assert_true (is_guarded (hard));
  g_assert_true (is_guarded (odd));
  g_assert_true (is_guarded (own));
  g_assert_false (is_guarded (app));
  g_assert_false (is_guarded (beside));
}

static void
test_session_bus (gconstpointer data)
{
  g_autofree char *elsewhere = g_build_filename (data, "elsewhere", NULL);
  g_autofree char *value = g_strdup_printf ("unix:path=%s,guid=0123", elsewhere);

  make_socket (elsewhere);
  g_assert_false (is_guarded (elsewhere));
  g_setenv ("DBUS_SESSION_BUS_ADDRESS", value, TRUE);
  g_assert_true (is_guarded (elsewhere));
}

int
main (int argc, char **argv)
{
  g_autofree char *run = g_dir_make_tmp ("funnel-run-XXXXXX", NULL);
  g_autofree char *remove = g_strdup_printf ("rm -r %s", run);
  int result;

  g_setenv ("XDG_RUNTIME_DIR", run, TRUE); /* before GLib looks at it */
  g_unsetenv ("DBUS_SESSION_BUS_ADDRESS");
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/guarded-target/addresses", test_addresses);
  g_test_add_data_func ("/base/guarded-target/sockets", run, test_sockets);
  g_test_add_data_func ("/base/guarded-target/session-bus", run, test_session_bus);
  result = g_test_run ();
  g_spawn_command_line_sync (remove, NULL, NULL, NULL, NULL);
  return result;
}
