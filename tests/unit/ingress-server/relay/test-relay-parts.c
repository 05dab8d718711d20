/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/relay/bandwidth.h"
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
      "funnel-relay --control-fd 3 --counters-fd 4 --listener 5:443 --bandwidth 1000",
      "funnel-relay --control-fd 3 --counters-fd 4 --listener 5:443 --bandwidth -1",
      "funnel-relay --control-fd 3 --counters-fd 4 --listener 5:443 --redirect-port 0",
      "funnel-relay --control-fd 3 --counters-fd 4 --listener 5:443 --source ::1",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_cmpint (parse (&options, bad[i]), ==, 2);
  g_assert_cmpint (parse (&options, "funnel-relay --version"), ==, 0);
}

static void
test_source_cap (void)
{
  struct source_cap *cap = source_cap_new (2, 0);
  struct address a = {0}, same_net = {0}, other = {0};
  uint32_t first, second, third;

  g_assert_true (address_parse_ip ("2001:db8:0:1::1", 15, &a));
  g_assert_true (address_parse_ip ("2001:db8:0:1::2", 15, &same_net));
  g_assert_true (address_parse_ip ("192.0.2.1", 9, &other));
  g_assert_cmpint (source_cap_take (cap, &a, 0, &first), ==, SOURCE_CAP_OK);
  g_assert_cmpint (source_cap_take (cap, &same_net, 0, &second), ==, SOURCE_CAP_OK);
  g_assert_cmpuint (first, ==, second);
  g_assert_cmpint (source_cap_take (cap, &a, 0, &third), ==, SOURCE_CAP_FULL);
  source_cap_give (cap, first);
  g_assert_cmpint (source_cap_take (cap, &a, 0, &third), ==, SOURCE_CAP_OK);
  g_assert_true (source_cap_take (cap, &other, 0, &third) == SOURCE_CAP_OK || third == first);
  source_cap_free (cap);
}

static void
test_source_rate (void)
{
  struct source_cap *cap = source_cap_new (1000, 10);
  struct address a = {0};
  const guint burst = 10 * ARRIVAL_BURST_SECONDS;
  uint32_t cell;

  g_assert_true (address_parse_ip ("192.0.2.1", 9, &a));
  for (guint i = 0; i < burst; i++)
    g_assert_cmpint (source_cap_take (cap, &a, 5000, &cell), ==, SOURCE_CAP_OK);
  g_assert_cmpint (source_cap_take (cap, &a, 5000, &cell), ==, SOURCE_CAP_TOO_FAST);
  g_assert_cmpint (source_cap_take (cap, &a, 5099, &cell), ==, SOURCE_CAP_TOO_FAST);
  g_assert_cmpint (source_cap_take (cap, &a, 5100, &cell), ==, SOURCE_CAP_OK);
  g_assert_cmpint (source_cap_take (cap, &a, 5100, &cell), ==, SOURCE_CAP_TOO_FAST);
  source_cap_free (cap);
}

static uint64_t
take_all (struct bandwidth *bandwidth, const struct bandwidth_claim *claim, uint64_t now)
{
  uint64_t taken = 0;
  uint32_t n;

  while ((n = bandwidth_take (bandwidth, claim, now, 1000)) > 0)
    taken += n;
  return taken;
}

static void
test_bandwidth_limits (void)
{
  struct bandwidth *bandwidth = g_new0 (struct bandwidth, 1);
  struct bandwidth_claim both = {.name = 1, .node = 2, .name_limit = 50000, .node_limit = 100000};
  struct bandwidth_claim other = {.name = 3, .node = 2, .name_limit = 500000, .node_limit = 100000};

  bandwidth_init (bandwidth, 0);
  g_assert_true (bandwidth_applies (bandwidth, &both));
  g_assert_cmpuint (take_all (bandwidth, &both, 1000), ==, 1000);
  g_assert_cmpuint (take_all (bandwidth, &other, 1019), ==, 1000);
  g_assert_cmpuint (take_all (bandwidth, &both, 1020), ==, 1000);
  /* What is given back is there again, for the name and for the node. */
  bandwidth_give (bandwidth, &both, 1020, 400);
  g_assert_cmpuint (take_all (bandwidth, &both, 1020), ==, 400);
  g_assert_cmpuint (take_all (bandwidth, &other, 1020), ==, 1000);
  g_assert_cmpuint (take_all (bandwidth, &other, 1020), ==, 0);
  g_free (bandwidth);
}

/* Two greedy nodes and a modest one: the modest one has what it wants, the greedy ones have equal
 * parts of the rest, and next to nothing of the total is wasted. */
static void
test_bandwidth_is_fair (void)
{
  struct bandwidth *bandwidth = g_new0 (struct bandwidth, 1);
  const struct bandwidth_claim nodes[] = {{.node = 1}, {.node = 2}, {.node = 3}};
  const uint64_t total = 10000000, settling = 100, ticks = 400;
  const uint32_t modest = 20000; /* a tick, of 200000 */
  uint64_t got[3] = {0};

  bandwidth_init (bandwidth, total);
  for (uint64_t tick = 1; tick <= settling + ticks; tick++)
    {
      uint64_t now = tick * BANDWIDTH_TICK_MS;

      if (tick == settling)
        memset (got, 0, sizeof got);
      /* The greedy ones come first, in an order that favours the first of them. */
      for (guint round = 0; round < 200; round++)
        for (guint i = 0; i < 2; i++)
          got[i] += bandwidth_take (bandwidth, &nodes[i], now, 64 * 1024);
      got[2] += bandwidth_take (bandwidth, &nodes[2], now, modest);
    }
  g_assert_cmpuint (got[2], >, (uint64_t)modest * ticks * 8 / 10);
  g_assert_cmpuint (got[0] * 10, >, got[1] * 9);
  g_assert_cmpuint (got[1] * 10, >, got[0] * 8);
  g_assert_cmpuint (got[0] + got[1] + got[2], >, total / 50 * ticks * 85 / 100);
  g_assert_cmpuint (got[0] + got[1] + got[2], <=, total / 50 * (ticks + 1));
  g_free (bandwidth);
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
  g_test_add_func ("/relay/source-rate", test_source_rate);
  g_test_add_func ("/relay/bandwidth-limits", test_bandwidth_limits);
  g_test_add_func ("/relay/bandwidth-is-fair", test_bandwidth_is_fair);
  g_test_add_func ("/relay/refusal-names", test_refusal_names);
  return g_test_run ();
}
