/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/serve/guarded-connect.h"

#include "lib/base/guarded-target.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

static int
plain_connect (int fd, const struct sockaddr *address, socklen_t len)
{
  int result;

  do
    result = connect (fd, address, len);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : 0;
}

/* The path in @address, NUL-terminated; false for one without (abstract, or unnamed). */
static bool
copy_path (const struct sockaddr *address, socklen_t len, char out[sizeof (struct sockaddr_un)])
{
  const char *path = ((const struct sockaddr_un *)address)->sun_path;
  size_t path_len = len > offsetof (struct sockaddr_un, sun_path)
                        ? len - offsetof (struct sockaddr_un, sun_path)
                        : 0;

  if (path_len == 0 || path[0] == '\0')
    return false;
  memcpy (out, path, path_len);
  out[path_len] = '\0';
  return true;
}

static int
connect_unix (int fd, const struct sockaddr *address, socklen_t len)
{
  struct sockaddr_un by_inode = {.sun_family = AF_UNIX};
  char path[sizeof (struct sockaddr_un)];
  int file, result = -EACCES;

  if (!copy_path (address, len, path))
    return plain_connect (fd, address, len);
  file = open (path, O_PATH | O_CLOEXEC);
  if (file < 0)
    return -errno;
  snprintf (by_inode.sun_path, sizeof by_inode.sun_path, "/proc/self/fd/%d", file);
  if (!funnel_guarded_socket (file))
    result = plain_connect (fd, (const struct sockaddr *)&by_inode, sizeof by_inode);
  close (file);
  return result;
}

int
guarded_connect (int fd, const struct sockaddr *address, socklen_t len, bool force)
{
  struct address ip;

  if (force)
    return plain_connect (fd, address, len);
  if (address->sa_family == AF_UNIX)
    return connect_unix (fd, address, len);
  if (address_from_sockaddr (address, len, &ip) && funnel_guarded_address (&ip))
    return -EACCES;
  return plain_connect (fd, address, len);
}
