/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "funnel-notify"

#include "lib/base/notify.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void
funnel_notify (const char *state)
{
  const char *path = g_getenv ("NOTIFY_SOCKET");
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  socklen_t len;
  int fd;

  if (!path || (path[0] != '/' && path[0] != '@') || strlen (path) >= sizeof address.sun_path)
    return;
  memcpy (address.sun_path, path, strlen (path));
  if (path[0] == '@')
    address.sun_path[0] = '\0';
  len = (socklen_t)(G_STRUCT_OFFSET (struct sockaddr_un, sun_path) + strlen (path));
  fd = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return;
  if (sendto (fd, state, strlen (state), MSG_NOSIGNAL, (struct sockaddr *)&address, len) < 0)
    g_info ("Cannot tell the service manager “%s”: %s", state, g_strerror (errno));
  close (fd);
}

static gboolean
on_alive (gpointer data)
{
  funnel_notify ("WATCHDOG=1");
  return G_SOURCE_CONTINUE;
}

guint
funnel_notify_keep_alive (void)
{
  const char *interval = g_getenv ("WATCHDOG_USEC"), *whom = g_getenv ("WATCHDOG_PID");
  guint64 usec = 0, pid = 0;

  if (!interval || !g_ascii_string_to_unsigned (interval, 10, 2000, G_MAXINT64, &usec, NULL))
    return 0;
  if (whom
      && (!g_ascii_string_to_unsigned (whom, 10, 1, G_MAXINT32, &pid, NULL)
          || pid != (guint64)getpid ()))
    return 0;
  /* Half of it, as sd_watchdog_enabled(3) advises; at ordinary priority, so that a loop that is
   * never done with its work says nothing. */
  return g_timeout_add ((guint)MIN (usec / 2000, G_MAXINT), on_alive, NULL);
}
