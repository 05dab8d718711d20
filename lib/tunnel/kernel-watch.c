/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/tunnel/kernel-watch.h"

#include <errno.h>
#include <glib-unix.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER_BYTES 16384

struct _FunnelKernelWatch
{
  int fd; /* -1 none */
  guint source;
  FunnelKernelWatchFunc func;
  gpointer user_data;
};

static int
open_socket (void)
{
  struct sockaddr_nl address
      = {.nl_family = AF_NETLINK,
         .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_ROUTE | RTMGRP_IPV4_RULE | RTMGRP_IPV6_IFADDR};
  int fd = socket (AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

  if (fd >= 0 && bind (fd, (struct sockaddr *)&address, sizeof address) < 0)
    {
      close (fd);
      fd = -1;
    }
  return fd;
}

/* An overrun (ENOBUFS) is a change like any other. */
static gboolean
on_readable (int fd, GIOCondition condition, gpointer user_data)
{
  FunnelKernelWatch *self = user_data;
  char buffer[BUFFER_BYTES];

  while (recv (fd, buffer, sizeof buffer, 0) >= 0 || errno == EINTR)
    ;
  self->func (self->user_data);
  return G_SOURCE_CONTINUE;
}

static gboolean
on_tick (gpointer user_data)
{
  FunnelKernelWatch *self = user_data;

  self->func (self->user_data);
  return G_SOURCE_CONTINUE;
}

FunnelKernelWatch *
funnel_kernel_watch_new (FunnelKernelWatchFunc func, gpointer user_data)
{
  FunnelKernelWatch *self = g_new0 (FunnelKernelWatch, 1);

  self->func = func;
  self->user_data = user_data;
  self->fd = open_socket ();
  if (self->fd >= 0)
    self->source = g_unix_fd_add (self->fd, G_IO_IN, on_readable, self);
  else
    self->source = g_timeout_add_seconds (1, on_tick, self);
  return self;
}

void
funnel_kernel_watch_free (FunnelKernelWatch *self)
{
  g_clear_handle_id (&self->source, g_source_remove);
  if (self->fd >= 0)
    close (self->fd);
  g_free (self);
}
