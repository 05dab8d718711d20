/* SPDX-License-Identifier: GPL-3.0-or-later */

/* What the kernel says, in a network namespace of our own where it can be changed at will. */

#include "lib/tunnel/endpoint.h"
#include "lib/tunnel/kernel-view.h"
#include "lib/tunnel/kernel-watch.h"

#include <gio/gio.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PEER "100.64.0.1"
#define TABLE 47011

static void
ip (const char *words)
{
  g_autofree char *line = g_strconcat ("ip ", words, NULL);
  g_autoptr (GError) error = NULL;
  int status = 0;

  g_spawn_command_line_sync (line, NULL, NULL, &status, &error);
  g_assert_no_error (error);
  g_assert_cmpint (status, ==, 0);
}

static void
test_local (void)
{
  g_assert_cmpint (funnel_kernel_view_is_local (PEER), ==, 0);
  g_assert_cmpint (funnel_kernel_view_is_routed (PEER, "mine"), ==, 0);
  ip ("route add default dev lo");
  /* As some VPNs take everything. */
  ip ("route add 0.0.0.0/1 dev lo");
  g_assert_cmpint (funnel_kernel_view_is_local (PEER), ==, 0);
  g_assert_cmpint (funnel_kernel_view_is_routed (PEER, "mine"), ==, 0);
  ip ("route add 100.64.0.0/10 dev lo");
  g_assert_cmpint (funnel_kernel_view_is_local (PEER), ==, 0);
  g_assert_cmpint (funnel_kernel_view_is_routed (PEER, "mine"), ==, 1);
  g_assert_cmpint (funnel_kernel_view_is_routed (PEER, "lo"), ==, 1);
  ip ("route add local 100.64.0.1/32 dev lo table main");
  g_assert_cmpint (funnel_kernel_view_is_local (PEER), ==, 1);
  g_assert_cmpint (funnel_kernel_view_is_routed (PEER, "mine"), ==, 1);
  g_assert_cmpint (funnel_kernel_view_is_routed (PEER, "lo"), ==, 0);
  ip ("route del local 100.64.0.1/32 dev lo table main");
  /* Another table that is asked first takes the guard's effect away. */
  ip ("route add local 100.64.0.1/32 dev lo table main");
  ip ("route add 100.64.0.1/32 dev lo table 52");
  ip ("rule add priority 5270 lookup 52");
  g_assert_cmpint (funnel_kernel_view_is_local (PEER), ==, 0);
  ip ("rule del priority 5270");
  ip ("route flush table 52");
  ip ("route flush table main");
  g_assert_cmpint (funnel_kernel_view_is_local ("nonsense"), <, 0);
}

static void
test_table (void)
{
  FunnelKernelTable table;

  g_assert_false (funnel_kernel_view_table_is_used (TABLE));
  g_assert_cmpint (funnel_kernel_view_table (TABLE, PEER, "lo", &table), ==, 0);
  g_assert_cmpuint (table.entries, ==, 0);
  g_assert_false (table.unreachable_default);
  ip ("route add unreachable default table 47011 metric 4278198272");
  /* Nobody comes here: it may be left of an earlier tunnel. */
  g_assert_false (funnel_kernel_view_table_is_used (TABLE));
  ip ("route add 100.64.0.1/32 dev lo table 47011");
  g_assert_true (funnel_kernel_view_table_is_used (TABLE));
  g_assert_cmpint (funnel_kernel_view_table (TABLE, PEER, "lo", &table), ==, 0);
  g_assert_cmpuint (table.entries, ==, 2);
  g_assert_true (table.unreachable_default);
  g_assert_cmpstr (table.stray, ==, "");
  /* The same destination through another device, and another destination, are ways out. */
  g_assert_cmpint (funnel_kernel_view_table (TABLE, PEER, "nosuch", &table), ==, 0);
  g_assert_cmpstr (table.stray, ==, "100.64.0.1/32");
  ip ("route add 10.0.0.0/8 dev lo table 47011");
  g_assert_cmpint (funnel_kernel_view_table (TABLE, PEER, "lo", &table), ==, 0);
  g_assert_cmpstr (table.stray, ==, "10.0.0.0/8");
  ip ("route flush table 47011");
}

static void
test_rules (void)
{
  g_assert_cmpint (funnel_kernel_view_has_vrf_rule (), ==, 0);
  ip ("rule add priority 32767 l3mdev");
  g_assert_cmpint (funnel_kernel_view_has_vrf_rule (), ==, 0);
  ip ("rule del priority 32767 l3mdev");
  ip ("rule add priority 1000 l3mdev");
  g_assert_cmpint (funnel_kernel_view_has_vrf_rule (), ==, 1);
  ip ("rule del priority 1000 l3mdev");
  ip ("route add unreachable default table 47011 metric 4278198272");
  ip ("rule add priority 4000 lookup 47011");
  g_assert_true (funnel_kernel_view_table_is_used (TABLE));
  ip ("rule del priority 4000");
  g_assert_false (funnel_kernel_view_table_is_used (TABLE));
  ip ("route flush table 47011");
}

static GSocket *
bind_to_lo (GSocketType type)
{
  g_autoptr (GSocketAddress) any = g_inet_socket_address_new_from_string ("0.0.0.0", 0);
  g_autoptr (GError) error = NULL;
  GSocket *socket = g_socket_new (G_SOCKET_FAMILY_IPV4, type, G_SOCKET_PROTOCOL_DEFAULT, &error);

  g_assert_no_error (error);
  g_assert_cmpint (
      setsockopt (g_socket_get_fd (socket), SOL_SOCKET, SO_BINDTODEVICE, "lo", strlen ("lo")), ==,
      0);
  g_assert_true (g_socket_bind (socket, any, TRUE, NULL));
  return socket;
}

static void
test_listeners (void)
{
  const char *const interfaces[] = {"lo", "nosuch", NULL};
  const char *const others[] = {"nosuch", NULL};
  g_autoptr (GSocket) tcp = bind_to_lo (G_SOCKET_TYPE_STREAM);
  g_autoptr (GSocket) udp = NULL;
  g_autoptr (GSocketAddress) address = g_socket_get_local_address (tcp, NULL);
  guint16 port = g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (address));
  g_autoptr (GArray) ports = g_array_new (FALSE, FALSE, sizeof port);
  g_autofree char *expected = g_strdup_printf ("TCP port %u", port);
  g_autofree char *found = NULL, *datagrams = NULL;

  g_assert_null (funnel_kernel_view_foreign_listener (interfaces, NULL));
  g_assert_true (g_socket_listen (tcp, NULL));
  found = funnel_kernel_view_foreign_listener (interfaces, NULL);
  g_assert_cmpstr (found, ==, expected);
  g_assert_null (funnel_kernel_view_foreign_listener (others, NULL));
  g_array_append_val (ports, port);
  g_assert_null (funnel_kernel_view_foreign_listener (interfaces, ports));
  udp = bind_to_lo (G_SOCKET_TYPE_DATAGRAM);
  datagrams = funnel_kernel_view_foreign_listener (interfaces, ports);
  if (datagrams == NULL)
    g_test_message ("this kernel cannot list its UDP sockets");
  else
    g_assert_true (g_str_has_prefix (datagrams, "UDP port "));
}

static void
on_change (gpointer user_data)
{
  *(gboolean *)user_data = TRUE;
}

static void
test_watch (void)
{
  gboolean changed = FALSE;
  FunnelKernelWatch *watch = funnel_kernel_watch_new (on_change, &changed);

  ip ("route add 198.51.100.0/24 dev lo");
  while (!changed)
    g_main_context_iteration (NULL, TRUE);
  funnel_kernel_watch_free (watch);
  ip ("route flush table main");
}

static void
test_files (void)
{
  g_autofree char *master = funnel_kernel_view_master ("lo");

  g_assert_null (master);
  g_assert_cmpint (funnel_kernel_view_number (-1, "/proc/sys/net/ipv4/%s", "ip_forward"), >=, 0);
  g_assert_cmpint (funnel_kernel_view_number (-1, "/proc/sys/net/ipv4/%s", "nosuch"), ==, -1);
  g_assert_cmpint (funnel_kernel_view_number (-1, "/proc/version"), ==, -1);
}

static void
test_endpoint (void)
{
  g_autoptr (FunnelEndpoint) v4 = funnel_endpoint_new ("127.0.0.1", 51820);
  g_autoptr (FunnelEndpoint) v6 = funnel_endpoint_new ("2001:db8::1", 7);
  g_autoptr (FunnelEndpoint) name = funnel_endpoint_new ("vps.example.test", 7);
  g_autofree char *first = funnel_endpoint_dup_text (v4);
  g_autofree char *second = funnel_endpoint_dup_text (v6);

  g_assert_cmpstr (first, ==, "127.0.0.1:51820");
  g_assert_cmpstr (second, ==, "[2001:db8::1]:7");
  g_assert_null (funnel_endpoint_dup_text (name));
  g_assert_cmpuint (funnel_endpoint_get_count (name), ==, 0);
  g_assert_cmpuint (funnel_endpoint_get_path_mtu (v4), ==, 65535);
  g_assert_cmpuint (funnel_endpoint_get_path_mtu (name), ==, 0);
  funnel_endpoint_next (v4);
  g_assert_nonnull (funnel_endpoint_get_address (v4));
}

static gboolean
enter_namespace (void)
{
  g_autofree char *map = g_strdup_printf ("0 %u 1", (guint)getuid ());

  if (unshare (CLONE_NEWUSER | CLONE_NEWNET) < 0
      || !g_file_set_contents_full ("/proc/self/uid_map", map, -1, G_FILE_SET_CONTENTS_NONE, 0600,
                                    NULL))
    return FALSE;
  ip ("link set lo up");
  return TRUE;
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  if (!enter_namespace ())
    {
      g_print ("1..0 # SKIP no network namespace of our own can be made here\n");
      return 77;
    }
  g_test_add_func ("/kernel-view/local", test_local);
  g_test_add_func ("/kernel-view/table", test_table);
  g_test_add_func ("/kernel-view/rules", test_rules);
  g_test_add_func ("/kernel-view/listeners", test_listeners);
  g_test_add_func ("/kernel-view/watch", test_watch);
  g_test_add_func ("/kernel-view/files", test_files);
  g_test_add_func ("/endpoint", test_endpoint);
  return g_test_run ();
}
