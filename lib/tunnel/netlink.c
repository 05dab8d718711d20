/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/tunnel/netlink.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define ANSWER_S 2
#define BUFFER_BYTES 32768
#define RECEIVE_BUFFER_BYTES (1024 * 1024)

#ifndef NETLINK_GET_STRICT_CHK
#define NETLINK_GET_STRICT_CHK 12
#endif

static int
open_socket (int protocol)
{
  int fd = socket (AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
  struct timeval limit = {.tv_sec = ANSWER_S};
  int one = 1, size = RECEIVE_BUFFER_BYTES;

  if (fd < 0)
    return -errno;
  setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt (fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  /* So that a list may be asked for by table. */
  setsockopt (fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one, sizeof one);
  return fd;
}

/* 1: more is to come; 0: that was all; negative: the kernel's error. */
static int
read_batch (char *buffer, gssize length, gboolean dump, FunnelNetlinkFunc func, gpointer user_data)
{
  struct nlmsghdr *message = (struct nlmsghdr *)buffer;

  for (guint left = (guint)length; NLMSG_OK (message, left); message = NLMSG_NEXT (message, left))
    {
      if (message->nlmsg_type == NLMSG_DONE)
        return 0;
      if (message->nlmsg_type == NLMSG_ERROR)
        return message->nlmsg_len >= NLMSG_LENGTH (sizeof (struct nlmsgerr))
                   ? ((struct nlmsgerr *)NLMSG_DATA (message))->error
                   : -EPROTO;
      func (message, user_data);
      if (!dump)
        return 0;
    }
  return 1;
}

static int
converse (int fd,
          struct nlmsghdr *request,
          gboolean dump,
          FunnelNetlinkFunc func,
          gpointer user_data)
{
  g_autofree char *buffer = g_malloc (BUFFER_BYTES);
  int result = 1;

  if (send (fd, request, request->nlmsg_len, 0) < 0)
    return -errno;
  while (result == 1)
    {
      gssize length = recv (fd, buffer, BUFFER_BYTES, 0);

      if (length < 0 && errno == EINTR)
        continue;
      if (length <= 0)
        return length == 0 || errno == EAGAIN ? -ETIMEDOUT : -errno;
      result = read_batch (buffer, length, dump, func, user_data);
    }
  return result;
}

int
funnel_netlink_ask (int protocol,
                    struct nlmsghdr *request,
                    gboolean dump,
                    FunnelNetlinkFunc func,
                    gpointer user_data)
{
  int fd = open_socket (protocol);
  int result = fd;

  if (fd < 0)
    return fd;
  request->nlmsg_flags = NLM_F_REQUEST | (dump ? NLM_F_DUMP : 0);
  request->nlmsg_seq = 1;
  result = converse (fd, request, dump, func, user_data);
  close (fd);
  return result;
}

const void *
funnel_netlink_attribute (const struct nlmsghdr *message, gsize fixed, guint16 type, gsize size)
{
  const char *start = (const char *)message;
  gsize offset = NLMSG_SPACE (fixed);

  while (offset + sizeof (struct rtattr) <= message->nlmsg_len)
    {
      const struct rtattr *attribute = (const struct rtattr *)(start + offset);

      if (attribute->rta_len < sizeof *attribute
          || offset + attribute->rta_len > message->nlmsg_len)
        break;
      if ((attribute->rta_type & NLA_TYPE_MASK) == type && RTA_PAYLOAD (attribute) >= size)
        return RTA_DATA (attribute);
      offset += RTA_ALIGN (attribute->rta_len);
    }
  return NULL;
}
