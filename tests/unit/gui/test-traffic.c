/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/traffic.h"

#define SLOT FUNNEL_TRAFFIC_SLOT_US
#define LAST (FUNNEL_TRAFFIC_SLOTS - 1)

static void
test_slots (void)
{
  FunnelTraffic traffic = {0};
  double parts[FUNNEL_TRAFFIC_SLOTS];
  gint64 now = 1000 * SLOT;

  /* What went through before anybody looked is not traffic now. */
  funnel_traffic_take (&traffic, 5000, now);
  g_assert_false (funnel_traffic_read (&traffic, now, parts));
  funnel_traffic_take (&traffic, 5100, now);
  funnel_traffic_take (&traffic, 5200, now + SLOT / 2);
  funnel_traffic_take (&traffic, 5300, now + SLOT);
  g_assert_true (funnel_traffic_read (&traffic, now + SLOT, parts));
  g_assert_cmpfloat (parts[LAST], ==, 0.5);
  g_assert_cmpfloat (parts[LAST - 1], ==, 1);
  g_assert_cmpfloat (parts[LAST - 2], ==, 0);
  /* It moves out of the picture. */
  g_assert_true (funnel_traffic_read (&traffic, now + LAST * SLOT, parts));
  g_assert_cmpfloat (parts[0], ==, 1);
  g_assert_cmpfloat (parts[1], ==, 0.5);
  g_assert_false (funnel_traffic_read (&traffic, now + (LAST + 2) * SLOT, parts));
}

/* A daemon that begins again counts from nothing. */
static void
test_begins_again (void)
{
  FunnelTraffic traffic = {0};
  double parts[FUNNEL_TRAFFIC_SLOTS];

  funnel_traffic_take (&traffic, 5000, SLOT);
  funnel_traffic_take (&traffic, 10, SLOT);
  g_assert_false (funnel_traffic_read (&traffic, SLOT, parts));
  funnel_traffic_take (&traffic, 20, SLOT);
  g_assert_true (funnel_traffic_read (&traffic, SLOT, parts));
}

/* A machine that slept for days. */
static void
test_long_pause (void)
{
  FunnelTraffic traffic = {0};
  double parts[FUNNEL_TRAFFIC_SLOTS];

  funnel_traffic_take (&traffic, 0, SLOT);
  funnel_traffic_take (&traffic, 10, SLOT);
  g_assert_false (funnel_traffic_read (&traffic, G_MAXINT64 / 2, parts));
  funnel_traffic_take (&traffic, 30, G_MAXINT64 / 2);
  g_assert_true (funnel_traffic_read (&traffic, G_MAXINT64 / 2, parts));
  g_assert_cmpfloat (parts[LAST], ==, 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/gui/traffic/slots", test_slots);
  g_test_add_func ("/gui/traffic/begins-again", test_begins_again);
  g_test_add_func ("/gui/traffic/long-pause", test_long_pause);
  return g_test_run ();
}
