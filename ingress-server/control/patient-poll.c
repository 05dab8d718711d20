/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/control/patient-poll.h"

#define FEW 256
#define NAP_PER_DESCRIPTOR_US 2
#define NAP_MAX_US 20000 /* what somebody who waits for an answer does not notice */

guint
patient_poll_nap (guint n)
{
  return n > FEW ? MIN (n * NAP_PER_DESCRIPTOR_US, NAP_MAX_US) : 0;
}

/* A timer that is due does not wait: the first look has ended without a descriptor then. */
static int
poll_patiently (GPollFD *descriptors, guint n, int timeout_ms)
{
  guint nap = patient_poll_nap (n);
  int ready = g_poll (descriptors, n, timeout_ms);

  if (ready <= 0 || nap == 0)
    return ready;
  g_usleep (nap);
  return g_poll (descriptors, n, 0);
}

void
patient_poll_install (GMainContext *context)
{
  g_main_context_set_poll_func (context, poll_patiently);
}
