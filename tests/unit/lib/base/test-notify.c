/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/base/notify.h"

#include <glib/gstdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void
test_reaches_the_socket (void)
{
  g_autofree char *folder = g_dir_make_tmp ("funnel-notify-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "notify", NULL);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char buffer[64] = "";
  int fd = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  g_assert_cmpint (bind (fd, (struct sockaddr *)&address, sizeof address), ==, 0);
  g_setenv ("NOTIFY_SOCKET", path, TRUE);
  funnel_notify ("READY=1");
  g_assert_cmpint (recv (fd, buffer, sizeof buffer - 1, MSG_DONTWAIT), ==, 7);
  g_assert_cmpstr (buffer, ==, "READY=1");
  close (fd);
  g_unlink (path);
  g_rmdir (folder);
}

static void
test_without_socket (void)
{
  g_unsetenv ("NOTIFY_SOCKET");
  funnel_notify ("READY=1");
  g_setenv ("NOTIFY_SOCKET", "relative", TRUE);
  funnel_notify ("READY=1");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/notify/reaches", test_reaches_the_socket);
  g_test_add_func ("/base/notify/without", test_without_socket);
  return g_test_run ();
}
