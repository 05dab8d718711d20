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
