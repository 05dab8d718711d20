/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/relay/counters.h"
#include "ingress-server/relay/relay-options.h"
#include "ingress-server/relay/source-cap.h"

#include <glib.h>
#include <string.h>

static int
parse (struct relay_options *options, const char *line)
{
  g_auto (GStrv) argv = g_strsplit (line, " ", -1);
  FILE *null = fopen ("/dev/null", "w");
  int status = relay_options_parse (options, (int)g_strv_length (argv), argv, null);

  fclose (null);
  return status;
}

static void
test_options (void)
{
  static struct relay_options options;

  g_assert_cmpint (
      parse (&options,
             "funnel-relay --control-fd 3 --counters-fd 4 --listener 5:443 --listener 6:8443 "
             "--workers 3 --idle-timeout 500 --sandbox off --source 127.64.0.1"),
      ==, -1);
  g_assert_cmpint (options.control_fd, ==, 3);
  g_assert_cmpint (options.counters_fd, ==, 4);
  g_assert_cmpuint (options.listener_count, ==, 2);
  g_assert_cmpint (options.listeners[1].fd, ==, 6);
  g_assert_cmpuint (options.listeners[1].port, ==, 8443);
  g_assert_cmpuint (options.workers, ==, 3);
  g_assert_cmpuint (options.idle_ms, ==, 500);
  g_assert_false (options.sandbox);
  g_assert_true (options.has_source);
  g_assert_cmpuint (options.source[1], ==, 64);
}

static void
test_bad_options (void)
{
  static struct relay_options options;
  const char *bad[] = {
      "funnel-relay",
      "funnel-relay --control-fd 3 --counters-fd 4",
      "funnel-relay --control-fd 0 --counters-fd 4 --listener 5:443",
      "funnel-relay --control-fd 3 --counters-fd 4 --listener 5",
      "funnel-relay --control-fd 3 --counters-fd 4 --listener 5:0",
      "funnel-relay --control-fd 3 --counters-fd 4 --listener 5:65536",
      "funnel-relay --control-fd 3 --counters-fd 4 --listener 99999999999:443",
      "funnel-relay --control-fd 3 --counters-fd 4 --listener 5:443 --workers 0",
      "funnel-relay --control-fd 3 --counters-fd 4 --listener 5:443 --workers 2x",
      "funnel-relay --control-fd 3 --counters-fd 4 --listener 5:443 --sandbox maybe",
      "funnel-relay --control-fd 3 --counters-fd 4 --listener 5:443 stray",
      "funnel-relay --control-fd 3 --counters-fd 4 --listener 5:443 --source ::1",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_cmpint (parse (&options, bad[i]), ==, 2);
  g_assert_cmpint (parse (&options, "funnel-relay --version"), ==, 0);
}

static void
test_source_cap (void)
{
  struct source_cap *cap = source_cap_new (2);
  struct address a = {0}, same_net = {0}, other = {0};
  uint32_t first, second, third;

  g_assert_true (address_parse_ip ("2001:db8:0:1::1", 15, &a));
  g_assert_true (address_parse_ip ("2001:db8:0:1::2", 15, &same_net));
  g_assert_true (address_parse_ip ("192.0.2.1", 9, &other));
  g_assert_true (source_cap_take (cap, &a, &first));
  g_assert_true (source_cap_take (cap, &same_net, &second));
  g_assert_cmpuint (first, ==, second);
  g_assert_false (source_cap_take (cap, &a, &third));
  source_cap_give (cap, first);
  g_assert_true (source_cap_take (cap, &a, &third));
  g_assert_true (source_cap_take (cap, &other, &third) || third == first);
  source_cap_free (cap);
}

static void
test_refusal_names (void)
{
  for (guint i = 0; i < RELAY_REFUSAL_COUNT; i++)
    for (guint j = 0; j < i; j++)
      g_assert_cmpstr (relay_refusal_name (i), !=, relay_refusal_name (j));
  g_assert_cmpstr (relay_refusal_name (RELAY_REFUSAL_NODE_AWAY), ==, "node-away");
  g_assert_cmpstr (relay_refusal_name (RELAY_REFUSAL_COUNT), ==, "unknown");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/relay/options", test_options);
  g_test_add_func ("/relay/bad-options", test_bad_options);
  g_test_add_func ("/relay/source-cap", test_source_cap);
  g_test_add_func ("/relay/refusal-names", test_refusal_names);
  return g_test_run ();
}
