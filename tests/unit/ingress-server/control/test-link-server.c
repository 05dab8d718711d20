/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/control/link-server.h"
#include "ingress-server/control/probe.h"

#include <gnutls/gnutls.h>

static void
test_ping_interval (void)
{
  g_assert_cmpuint (link_ping_interval (0), ==, 3);
  g_assert_cmpuint (link_ping_interval (200), ==, 5);
  g_assert_cmpuint (link_ping_interval (400), ==, 10);
  g_assert_cmpuint (link_ping_interval (2400), ==, 60);
  g_assert_cmpuint (link_ping_interval (60000), ==, 60);
}

static void
test_alert_text (void)
{
  g_assert_true (
      g_str_has_prefix (probe_alert_text (GNUTLS_A_UNRECOGNIZED_NAME), "unrecognized_name"));
  g_assert_true (g_str_has_prefix (probe_alert_text (GNUTLS_A_ACCESS_DENIED), "access_denied"));
  g_assert_null (probe_alert_text (255));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/link-server/ping-interval", test_ping_interval);
  g_test_add_func ("/probe/alert-text", test_alert_text);
  return g_test_run ();
}
