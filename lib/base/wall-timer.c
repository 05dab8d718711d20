/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/base/wall-timer.h"

#include <glib-unix.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define FALLBACK_SECONDS 60
#define NEVER ((gint64)1 << 32) /* in 2106: the clock being set is told all the same */

struct _FunnelWallTimer
{
  FunnelWallTimerFunc func;
  gpointer user_data;
  int fd;
  GSource *source;
  gint64 when; /* 0 none */
};

static void
arm (FunnelWallTimer *self)
{
  struct itimerspec spec
      = {.it_value.tv_sec = (time_t)(self->when != 0 ? CLAMP (self->when, 1, NEVER) : NEVER)};

  if (self->fd >= 0)
    timerfd_settime (self->fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &spec, NULL);
}

static gboolean
on_timer (int fd, GIOCondition condition, gpointer user_data)
{
  FunnelWallTimer *self = user_data;
  guint64 times = 0;

  /* ECANCELED when the clock was set; then it must be armed again. */
  if (read (fd, &times, sizeof times) == (gssize)sizeof times)
    self->when = 0;
  arm (self);
  self->func (self->user_data);
  return G_SOURCE_CONTINUE;
}

static gboolean
on_fallback (gpointer user_data)
{
  FunnelWallTimer *self = user_data;

  self->func (self->user_data);
  return G_SOURCE_CONTINUE;
}

FunnelWallTimer *
funnel_wall_timer_new (FunnelWallTimerFunc func, gpointer user_data)
{
  FunnelWallTimer *self = g_new0 (FunnelWallTimer, 1);

  self->func = func;
  self->user_data = user_data;
  self->fd = timerfd_create (CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
  if (self->fd >= 0)
    {
      self->source = g_unix_fd_source_new (self->fd, G_IO_IN);
      g_source_set_callback (self->source, G_SOURCE_FUNC (on_timer), self, NULL);
    }
  else
    {
      self->source = g_timeout_source_new_seconds (FALLBACK_SECONDS);
      g_source_set_callback (self->source, on_fallback, self, NULL);
    }
  g_source_attach (self->source, g_main_context_get_thread_default ());
  arm (self);
  return self;
}

void
funnel_wall_timer_free (FunnelWallTimer *self)
{
  if (self == NULL)
    return;
  g_source_destroy (self->source);
  g_source_unref (self->source);
  if (self->fd >= 0)
    close (self->fd);
  g_free (self);
}

void
funnel_wall_timer_set (FunnelWallTimer *self, gint64 when)
{
  self->when = when;
  arm (self);
}
