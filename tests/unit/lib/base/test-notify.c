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

/* As often as asked for, from the main loop and from nowhere else. */
static void
test_keep_alive (void)
{
  g_autofree char *folder = g_dir_make_tmp ("funnel-notify-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "notify", NULL);
  g_autofree char *own = g_strdup_printf ("%d", (int)getpid ());
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char buffer[64] = "";
  int fd = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  guint source;

  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  g_assert_cmpint (bind (fd, (struct sockaddr *)&address, sizeof address), ==, 0);
  g_setenv ("NOTIFY_SOCKET", path, TRUE);
  g_assert_cmpuint (funnel_notify_keep_alive (), ==, 0);
  g_setenv ("WATCHDOG_USEC", "many", TRUE);
  g_assert_cmpuint (funnel_notify_keep_alive (), ==, 0);
  g_setenv ("WATCHDOG_USEC", "20000", TRUE);
  g_setenv ("WATCHDOG_PID", "1", TRUE);
  g_assert_cmpuint (funnel_notify_keep_alive (), ==, 0);
  g_setenv ("WATCHDOG_PID", own, TRUE);
  source = funnel_notify_keep_alive ();
  g_assert_cmpuint (source, !=, 0);
  for (guint i = 0; i < 3; i++)
    {
      gssize len;

      g_assert_cmpint (recv (fd, buffer, sizeof buffer, MSG_DONTWAIT), <, 0);
      while ((len = recv (fd, buffer, sizeof buffer - 1, MSG_DONTWAIT)) < 0)
        g_main_context_iteration (NULL, TRUE);
      buffer[len] = '\0';
      g_assert_cmpstr (buffer, ==, "WATCHDOG=1");
    }
  g_source_remove (source);
  close (fd);
  g_unlink (path);
  g_rmdir (folder);
  g_unsetenv ("WATCHDOG_USEC");
  g_unsetenv ("WATCHDOG_PID");
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
  g_test_add_func ("/base/notify/keep-alive", test_keep_alive);
  g_test_add_func ("/base/notify/without", test_without_socket);
  return g_test_run ();
}
