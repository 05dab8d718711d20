/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/tunnel/networkmanager-verify.h"

#include <glib/gi18n.h>

#include "lib/base/error.h"
#include "lib/tunnel/kernel-view.h"

static gboolean G_GNUC_PRINTF (2, 3) find (GError **error, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  g_propagate_error (
      error, g_error_new_valist (FUNNEL_ERROR, FUNNEL_ERROR_NOT_ISOLATED, format, arguments));
  va_end (arguments);
  return FALSE;
}

static gboolean
cannot_tell (int result, GError **error)
{
  return find (error, N_ ("the kernel does not tell its routes and rules: %s"),
               g_strerror (-result));
}

gboolean
funnel_nm_verify_guard (const char *peer, GError **error)
{
  int local = funnel_kernel_view_is_local (peer);

  if (local < 0)
    return cannot_tell (local, error);
  return local == 1
         || find (
             error,
             N_ ("the guard is missing: %s is not a local address, so packets from there would be "
                 "let in if WireGuard left its VRF"),
             peer);
}

gboolean
funnel_nm_verify_settings (GError **error)
{
  static const char *const names[] = {"tcp_l3mdev_accept", "udp_l3mdev_accept"};

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (funnel_kernel_view_number (0, "/proc/sys/net/ipv4/%s", names[i]) != 0)
      {
        g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_UNSUPPORTED,
                     N_ ("net.ipv4.%s is on, so every listener of this machine would be reachable "
                         "through the tunnel: sudo sysctl net.ipv4.%s=0"),
                     names[i], names[i]);
        return FALSE;
      }
  return TRUE;
}

static gboolean
verify_master (const FunnelNmPlan *plan, GError **error)
{
  g_autofree char *master = funnel_kernel_view_master (plan->wireguard_interface);

  if (master && g_str_equal (master, plan->vrf_interface))
    return TRUE;
  if (if_nametoindex (plan->wireguard_interface) == 0)
    return find (error, N_ ("the WireGuard device %s is gone"), plan->wireguard_interface);
  return find (error, N_ ("the WireGuard device %s is not in its VRF %s"),
               plan->wireguard_interface, plan->vrf_interface);
}

static gboolean
verify_table (const FunnelNmPlan *plan, const char *peer, GError **error)
{
  FunnelKernelTable table;
  int result = funnel_kernel_view_table (plan->table, peer, plan->wireguard_interface, &table);
  int rule = result < 0 ? result : funnel_kernel_view_has_vrf_rule ();

  if (rule < 0)
    return cannot_tell (rule, error);
  if (rule == 0)
    return find (error,
                 N_ ("the routing rule for VRFs (l3mdev) is missing, or comes after the main "
                     "table"));
  if (!table.unreachable_default)
    return find (error, N_ ("the unreachable default route is missing in the VRF's table %u"),
                 plan->table);
  return table.stray[0] == '\0'
         || find (error, N_ ("the VRF's table %u leads to %s"), plan->table, table.stray);
}

static gboolean
verify_devices (const FunnelNmPlan *plan, const GArray *ports, GError **error)
{
  const char *const interfaces[] = {plan->wireguard_interface, plan->vrf_interface, NULL};
  g_autofree char *listener = NULL;

  if (funnel_kernel_view_number (1, "/proc/sys/net/ipv6/conf/%s/disable_ipv6",
                                 plan->wireguard_interface)
      == 0)
    return find (error, N_ ("IPv6 is on on the WireGuard device %s"), plan->wireguard_interface);
  listener = funnel_kernel_view_foreign_listener (interfaces, ports);
  return !listener
         || find (error, N_ ("another program listens inside the tunnel: %s (ss -lnp)"), listener);
}

gboolean
funnel_nm_verify (const FunnelNmPlan *plan, const char *peer, const GArray *ports, GError **error)
{
  return funnel_nm_verify_settings (error) && funnel_nm_verify_guard (peer, error)
         && verify_master (plan, error) && verify_table (plan, peer, error)
         && verify_devices (plan, ports, error);
}
