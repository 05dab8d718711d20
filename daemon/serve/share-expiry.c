/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/serve/share-expiry.h"

#include <assert.h>
#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

int
share_expiry_open (void)
{
  int timer = timerfd_create (CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);

  return timer < 0 ? -errno : timer;
}

void
share_expiry_arm (int timer, const struct share_table *table, int64_t now_s)
{
  struct itimerspec when = {0};
  int result;

  when.it_value.tv_sec = share_table_next_expiry (table, now_s);
  result = timerfd_settime (timer, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &when, NULL);
  assert (result == 0);
  (void)result;
}

void
share_expiry_acknowledge (int timer)
{
  uint64_t count;

  /* ECANCELED says that the clock was set: the caller looks at it anyway. */
  if (read (timer, &count, sizeof count) < 0)
    assert (errno == EAGAIN || errno == ECANCELED || errno == EINTR);
}
