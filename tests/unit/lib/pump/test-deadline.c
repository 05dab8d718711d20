/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/pump/deadline.h"

#include <glib.h>

static struct deadline_link links[8];
static struct deadline_queue queues[2];
static struct deadlines deadlines;

static struct deadline_link *
lookup (void *owner, uint32_t index)
{
  return &((struct deadline_link *)owner)[index];
}

static void
set_up (void)
{
  queues[0].length_ms = 100;
  queues[1].length_ms = 10;
  deadlines_init (&deadlines, queues, 2, lookup, links);
  for (guint i = 0; i < G_N_ELEMENTS (links); i++)
    deadline_link_init (&links[i]);
}

static void
test_order (void)
{
  set_up ();
  g_assert_cmpint (deadline_next (&deadlines, 0), ==, -1);
  deadline_arm (&deadlines, 0, 0, 1000);
  deadline_arm (&deadlines, 1, 0, 1001);
  deadline_arm (&deadlines, 2, 1, 1050);
  g_assert_cmpint (deadline_next (&deadlines, 1050), ==, 10);
  g_assert_cmpuint (deadline_pop_expired (&deadlines, 1059), ==, DEADLINE_NONE);
  g_assert_cmpuint (deadline_pop_expired (&deadlines, 1060), ==, 2);
  g_assert_cmpint (deadline_next (&deadlines, 1060), ==, 40);
  g_assert_cmpuint (deadline_pop_expired (&deadlines, 1200), ==, 0);
  g_assert_cmpint (deadline_next (&deadlines, 1200), ==, 0);
  g_assert_cmpuint (deadline_pop_expired (&deadlines, 1200), ==, 1);
  g_assert_cmpuint (deadline_pop_expired (&deadlines, 1200), ==, DEADLINE_NONE);
}

static void
test_rearm_and_disarm (void)
{
  set_up ();
  for (uint32_t i = 0; i < 4; i++)
    deadline_arm (&deadlines, i, 0, i);
  deadline_arm (&deadlines, 0, 0, 50); /* from the head to the tail */
  deadline_disarm (&deadlines, 2);     /* from the middle */
  deadline_disarm (&deadlines, 2);     /* twice is fine */
  deadline_arm (&deadlines, 3, 1, 60); /* to the other queue */
  g_assert_cmpuint (deadline_pop_expired (&deadlines, 70), ==, 3);
  g_assert_cmpuint (deadline_pop_expired (&deadlines, 101), ==, 1);
  g_assert_cmpuint (deadline_pop_expired (&deadlines, 149), ==, DEADLINE_NONE);
  g_assert_cmpuint (deadline_pop_expired (&deadlines, 150), ==, 0);
  g_assert_cmpint (deadline_next (&deadlines, 150), ==, -1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/deadline/order", test_order);
  g_test_add_func ("/deadline/rearm-and-disarm", test_rearm_and_disarm);
  return g_test_run ();
}
