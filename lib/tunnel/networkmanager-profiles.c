/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/tunnel/networkmanager-profiles.h"

#include "lib/base/error.h"

#include <glib/gi18n.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#define HOST_BITS 32
#define LAST_METRIC 4278198272u /* a default route that every other route goes before */

static NMConnection *
new_profile (const FunnelNmPlan *plan,
             FunnelNmRole role,
             const char *type,
             const char *interface,
             const char *what)
{
  NMConnection *profile = nm_simple_connection_new ();
  NMSetting *setting = nm_setting_connection_new ();
  g_autofree char *id = g_strconcat (plan->title, what, NULL);

  g_object_set (setting, NM_SETTING_CONNECTION_ID, id, NM_SETTING_CONNECTION_UUID, plan->uuid[role],
                NM_SETTING_CONNECTION_TYPE, type, NM_SETTING_CONNECTION_INTERFACE_NAME, interface,
                NM_SETTING_CONNECTION_AUTOCONNECT, FALSE, NULL);
  if (plan->user)
    nm_setting_connection_add_permission (NM_SETTING_CONNECTION (setting), "user", plan->user,
                                          NULL);
  nm_connection_add_setting (profile, setting);
  return profile;
}

/* With one attribute; what is not valid, verifying the profile or the tunnel will say. */
static void
add_route (NMSettingIPConfig *setting,
           const char *to,
           guint bits,
           gint64 metric,
           const char *type,
           const char *attribute,
           guint32 value)
{
  NMIPRoute *route = nm_ip_route_new (AF_INET, to, bits, NULL, metric, NULL);

  if (!route)
    return;
  if (type)
    nm_ip_route_set_attribute (route, NM_IP_ROUTE_ATTRIBUTE_TYPE, g_variant_new_string (type));
  if (value)
    nm_ip_route_set_attribute (route, attribute, g_variant_new_uint32 (value));
  nm_setting_ip_config_add_route (setting, route);
  nm_ip_route_unref (route);
}

/* @address: NULL for none. IPv6 has no check of a packet's source that the guard could use, so
 * there is none of it inside. */
static NMSettingIPConfig *
add_ip (NMConnection *profile, const char *address)
{
  NMSetting *v4 = nm_setting_ip4_config_new ();
  NMSetting *v6 = nm_setting_ip6_config_new ();
  NMIPAddress *ip = address ? nm_ip_address_new (AF_INET, address, HOST_BITS, NULL) : NULL;

  g_object_set (v4, NM_SETTING_IP_CONFIG_METHOD, ip ? "manual" : "disabled",
                NM_SETTING_IP_CONFIG_NEVER_DEFAULT, TRUE, NULL);
  g_object_set (v6, NM_SETTING_IP_CONFIG_METHOD, "disabled", NULL);
  if (ip)
    {
      nm_setting_ip_config_add_address (NM_SETTING_IP_CONFIG (v4), ip);
      nm_ip_address_unref (ip);
    }
  nm_connection_add_setting (profile, v4);
  nm_connection_add_setting (profile, v6);
  return NM_SETTING_IP_CONFIG (v4);
}

NMConnection *
funnel_nm_guard_profile (const FunnelNmPlan *plan, const FunnelTunnelConfig *config)
{
  NMConnection *profile = new_profile (plan, plan->guard, NM_SETTING_DUMMY_SETTING_NAME,
                                       plan->guard_interface, " (guard)");
  NMSettingIPConfig *ip = NULL;

  nm_connection_add_setting (profile, nm_setting_dummy_new ());
  ip = add_ip (profile, plan->guard_address);
  add_route (ip, config->peer_address, HOST_BITS, plan->guard_metric, "local",
             NM_IP_ROUTE_ATTRIBUTE_TABLE, RT_TABLE_MAIN);
  return profile;
}

NMConnection *
funnel_nm_vrf_profile (const FunnelNmPlan *plan)
{
  NMConnection *profile = new_profile (plan, FUNNEL_NM_VRF, NM_SETTING_VRF_SETTING_NAME,
                                       plan->vrf_interface, " (routing)");
  NMSetting *vrf = nm_setting_vrf_new ();

  g_object_set (vrf, NM_SETTING_VRF_TABLE, plan->table, NULL);
  nm_connection_add_setting (profile, vrf);
  add_ip (profile, NULL);
  return profile;
}

gboolean
funnel_nm_add_peer (NMConnection *profile,
                    const FunnelTunnelConfig *config,
                    const char *endpoint,
                    GError **error)
{
  NMSettingWireGuard *setting
      = NM_SETTING_WIREGUARD (nm_connection_get_setting (profile, NM_TYPE_SETTING_WIREGUARD));
  NMWireGuardPeer *peer = nm_wireguard_peer_new ();
  g_autofree char *allowed = g_strdup_printf ("%s/%d", config->peer_address, HOST_BITS);
  gboolean ok = nm_wireguard_peer_set_public_key (peer, config->peer_public_key, FALSE)
                && nm_wireguard_peer_set_endpoint (peer, endpoint, FALSE)
                && nm_wireguard_peer_append_allowed_ip (peer, allowed, FALSE);

  nm_wireguard_peer_set_persistent_keepalive (peer, (guint16)config->keepalive);
  if (ok)
    nm_setting_wireguard_append_peer (setting, peer);
  else
    g_set_error (
        error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
        N_ ("the ingress's key, endpoint or address is not what WireGuard takes: %s, %s: join "
            "it again"),
        endpoint ? endpoint : "", allowed);
  nm_wireguard_peer_unref (peer);
  return ok;
}

NMConnection *
funnel_nm_wireguard_profile (const FunnelNmPlan *plan,
                             const FunnelTunnelConfig *config,
                             const char *endpoint,
                             GError **error)
{
  g_autoptr (NMConnection) profile = new_profile (
      plan, FUNNEL_NM_WIREGUARD, NM_SETTING_WIREGUARD_SETTING_NAME, plan->wireguard_interface, "");
  NMSetting *wireguard = nm_setting_wireguard_new ();
  NMSettingIPConfig *ip = NULL;

  g_object_set (nm_connection_get_setting_connection (profile), NM_SETTING_CONNECTION_MASTER,
                plan->vrf_interface, NM_SETTING_CONNECTION_SLAVE_TYPE, NM_SETTING_VRF_SETTING_NAME,
                NULL);
  g_object_set (wireguard, NM_SETTING_WIREGUARD_PRIVATE_KEY, config->private_key,
                NM_SETTING_WIREGUARD_LISTEN_PORT, (guint)plan->listen_port,
                NM_SETTING_WIREGUARD_MTU, plan->device_mtu, NM_SETTING_WIREGUARD_PEER_ROUTES, FALSE,
                NULL);
  nm_connection_add_setting (profile, wireguard);
  if (endpoint && !funnel_nm_add_peer (profile, config, endpoint, error))
    return NULL;
  ip = add_ip (profile, config->address);
  add_route (ip, "0.0.0.0", 0, LAST_METRIC, "unreachable", NULL, 0);
  add_route (ip, config->peer_address, HOST_BITS, plan->peer_metric, NULL,
             NM_IP_ROUTE_ATTRIBUTE_MTU, plan->mtu);
  if (!nm_connection_verify (profile, error))
    return NULL;
  return g_steal_pointer (&profile);
}
