/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/control/patient-poll.h"

#define FEW 256
#define NAP_PER_DESCRIPTOR_US 2
#define NAP_MAX_US 20000 /* what somebody who waits for an answer does not notice */
#define LOOK_US 200      /* what a look takes, generously: so much, and a microsecond for eight */
#define LOOKS_PER_US 8

guint
patient_poll_nap (guint n)
{
  return n > FEW ? MIN (n * NAP_PER_DESCRIPTOR_US, NAP_MAX_US) : 0;
}

/* Whoever has been waiting may wait a little more. A loop that finds something at once is busy, and
 * would only become slower: a descriptor's turn comes again with each look. */
static int
poll_patiently (GPollFD *descriptors, guint n, int timeout_ms)
{
  guint nap = patient_poll_nap (n);
  gint64 began = nap > 0 ? g_get_monotonic_time () : 0;
  int ready = g_poll (descriptors, n, timeout_ms);

  if (ready <= 0 || nap == 0 || g_get_monotonic_time () - began < LOOK_US + n / LOOKS_PER_US)
    return ready;
  g_usleep (nap);
  return g_poll (descriptors, n, 0);
}

void
patient_poll_install (GMainContext *context)
{
  g_main_context_set_poll_func (context, poll_patiently);
}
