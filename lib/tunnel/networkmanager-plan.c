/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/tunnel/networkmanager-plan.h"

#include "lib/base/error.h"
#include "lib/tunnel/endpoint.h"

#include <glib/gi18n.h>
#include <string.h>
#include <unistd.h>

#define TRIES 100
#define FIRST_TABLE 47000 /* nobody's; those of distributions and other tunnels are small */
#define GUARD_NET "169.254.77."
#define FIRST_METRIC 7000
#define FIRST_PEER_METRIC 31000
#define LAST_PEER_METRIC 30000
#define USUAL_MTU 1500

static const char *const role_names[] = {
    [FUNNEL_NM_GUARD] = "guard",
    [FUNNEL_NM_GUARD_OTHER] = "other guard",
    [FUNNEL_NM_VRF] = "vrf",
    [FUNNEL_NM_WIREGUARD] = "wireguard",
    [FUNNEL_NM_PLACEHOLDER] = "placeholder",
};
G_STATIC_ASSERT (G_N_ELEMENTS (role_names) == FUNNEL_NM_N_ROLES);

/* A UUID of version 8 (RFC 9562, section 5.8): made from a hash of what it stands for. */
static char *
make_uuid (const FunnelTunnelConfig *config, FunnelNmRole role)
{
  g_autofree char *text
      = g_strdup_printf ("funnel %s %u %s %s %s", role_names[role], (guint)getuid (),
                         config->address, config->peer_address, config->peer_public_key);
  g_autofree char *hex = g_compute_checksum_for_string (G_CHECKSUM_SHA256, text, -1);

  return g_strdup_printf ("%.8s-%.4s-8%.3s-b%.3s-%.12s", hex, hex + 8, hex + 12, hex + 15,
                          hex + 18);
}

FunnelNmPlan *
funnel_nm_plan_new (const FunnelTunnelConfig *config)
{
  FunnelNmPlan *plan = g_new0 (FunnelNmPlan, 1);

  for (guint i = 0; i < FUNNEL_NM_N_ROLES; i++)
    plan->uuid[i] = make_uuid (config, i);
  plan->title = g_strdup_printf ("Funnel to %s", config->endpoint_host);
  plan->user = getuid () == 0 ? NULL : g_strdup (g_get_user_name ());
  plan->guard = FUNNEL_NM_GUARD;
  plan->peer_metric = FIRST_PEER_METRIC;
  return plan;
}

void
funnel_nm_plan_free (FunnelNmPlan *plan)
{
  if (!plan)
    return;
  for (guint i = 0; i < FUNNEL_NM_N_ROLES; i++)
    g_free (plan->uuid[i]);
  g_free (plan->title);
  g_free (plan->user);
  g_free (plan);
}

static gboolean
none_free (GError **error, const char *what)
{
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_UNSUPPORTED,
               N_ ("no free %s was found in %d tries: look at “ip link”, “ip addr” and “ip rule”"),
               what, TRIES);
  return FALSE;
}

static gboolean
choose_name (char *out,
             const char *format_prefix,
             FunnelNmIsTakenFunc is_taken,
             gpointer user_data,
             GError **error)
{
  for (guint i = 0; i < TRIES; i++)
    {
      g_snprintf (out, IFNAMSIZ, "%s%u", format_prefix, i);
      if (!is_taken (out, user_data))
        return TRUE;
    }
  return none_free (error, N_ ("interface name"));
}

gboolean
funnel_nm_plan_choose_guard (FunnelNmPlan *plan,
                             FunnelNmRole role,
                             FunnelNmIsTakenFunc name_is_taken,
                             FunnelNmIsTakenFunc address_is_taken,
                             gpointer user_data,
                             GError **error)
{
  plan->guard = role;
  if (!choose_name (plan->guard_interface, FUNNEL_NM_GUARD_PREFIX, name_is_taken, user_data, error))
    return FALSE;
  for (guint i = 1; i <= TRIES; i++)
    {
      g_snprintf (plan->guard_address, sizeof plan->guard_address, GUARD_NET "%u", i);
      /* Two guards at a time have two metrics, or the second would replace the first's route. */
      plan->guard_metric = FIRST_METRIC + i;
      if (!address_is_taken (plan->guard_address, user_data))
        return TRUE;
    }
  return none_free (error, N_ ("link-local address"));
}

gboolean
funnel_nm_plan_choose_path (FunnelNmPlan *plan,
                            FunnelNmIsTakenFunc name_is_taken,
                            FunnelNmTableIsTakenFunc table_is_taken,
                            gpointer user_data,
                            GError **error)
{
  guint32 table = FIRST_TABLE;

  if (!choose_name (plan->vrf_interface, "funnel-vrf", name_is_taken, user_data, error)
      || !choose_name (plan->wireguard_interface, "funnel", name_is_taken, user_data, error))
    return FALSE;
  while (table < FIRST_TABLE + TRIES && table_is_taken (table))
    table++;
  if (table == FIRST_TABLE + TRIES)
    return none_free (error, N_ ("routing table"));
  plan->table = table;
  plan->listen_port = funnel_nm_find_udp_port ();
  return plan->listen_port != 0 || none_free (error, N_ ("UDP port"));
}

void
funnel_nm_plan_set_device_mtu (FunnelNmPlan *plan, guint path_mtu, gboolean v6)
{
  plan->device_mtu = MAX (funnel_endpoint_inner_mtu (path_mtu, v6),
                          funnel_endpoint_inner_mtu (USUAL_MTU, FALSE));
}

static guint
get_route_mtu (const FunnelNmPlan *plan, guint path_mtu, gboolean v6)
{
  return MIN (funnel_endpoint_inner_mtu (path_mtu, v6), plan->device_mtu);
}

gboolean
funnel_nm_plan_has_path_mtu (const FunnelNmPlan *plan, guint path_mtu, gboolean v6)
{
  return path_mtu == 0 || plan->mtu == get_route_mtu (plan, path_mtu, v6)
         || plan->peer_metric == LAST_PEER_METRIC;
}

void
funnel_nm_plan_set_path_mtu (FunnelNmPlan *plan, guint path_mtu, gboolean v6)
{
  if (funnel_nm_plan_has_path_mtu (plan, path_mtu, v6))
    return;
  plan->mtu = get_route_mtu (plan, path_mtu, v6);
  plan->peer_metric--;
}

guint16
funnel_nm_find_udp_port (void)
{
  g_autoptr (GInetAddress) any = g_inet_address_new_any (G_SOCKET_FAMILY_IPV6);
  g_autoptr (GSocketAddress) address = NULL;
  g_autoptr (GSocketAddress) got = NULL;
  g_autoptr (GSocket) socket
      = g_socket_new (G_SOCKET_FAMILY_IPV6, G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_UDP, NULL);

  if (!socket)
    {
      g_object_unref (any);
      any = g_inet_address_new_any (G_SOCKET_FAMILY_IPV4);
      socket = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_UDP,
                             NULL);
    }
  address = g_inet_socket_address_new (any, 0);
  if (!socket || !g_socket_bind (socket, address, FALSE, NULL))
    return 0;
  got = g_socket_get_local_address (socket, NULL);
  return got ? g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (got)) : 0;
}
