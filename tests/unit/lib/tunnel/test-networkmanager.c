/* SPDX-License-Identifier: GPL-3.0-or-later */

/* What needs no NetworkManager: the profiles, the choices, the judgements. */

#include "lib/base/error.h"
#include "lib/tunnel/networkmanager-probe.h"
#include "lib/tunnel/networkmanager-profiles.h"

#include <linux/rtnetlink.h>
#include <string.h>

static FunnelTunnelConfig config = {
    .private_key = (char *)"aDOsbS45EGVKmm11G0WSGGWF1FR2OL4mTLGDqWZRc0o=",
    .address = (char *)"100.64.0.2",
    .peer_address = (char *)"100.64.0.1",
    .peer_public_key = (char *)"xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=",
    .endpoint_host = (char *)"vps.example.test",
    .endpoint_port = 51820,
    .keepalive = 25,
};

static gboolean
is_first_taken (const char *name, gpointer user_data)
{
  return g_str_has_suffix (name, "0") || g_str_equal (name, "169.254.77.1");
}

static gboolean
is_everything_taken (const char *name, gpointer user_data)
{
  return TRUE;
}

static gboolean
is_table_taken (guint32 table)
{
  return table < 47002;
}

static gboolean
is_every_table_taken (guint32 table)
{
  return TRUE;
}

static FunnelNmPlan *
new_plan (void)
{
  FunnelNmPlan *plan = funnel_nm_plan_new (&config);
  g_autoptr (GError) error = NULL;

  g_assert_true (funnel_nm_plan_choose_guard (plan, FUNNEL_NM_GUARD_OTHER, is_first_taken,
                                              is_first_taken, NULL, &error));
  g_assert_true (funnel_nm_plan_choose_path (plan, is_first_taken, is_table_taken, NULL, &error));
  g_assert_no_error (error);
  return plan;
}

static void
test_plan (void)
{
  g_autoptr (FunnelNmPlan) plan = new_plan ();
  g_autoptr (FunnelNmPlan) again = funnel_nm_plan_new (&config);
  g_autoptr (GError) error = NULL;
  FunnelTunnelConfig other = config;

  g_assert_cmpstr (plan->guard_interface, ==, "funnel-guard1");
  g_assert_cmpstr (plan->guard_address, ==, "169.254.77.2");
  g_assert_cmpstr (plan->vrf_interface, ==, "funnel-vrf1");
  g_assert_cmpstr (plan->wireguard_interface, ==, "funnel1");
  g_assert_cmpuint (plan->table, ==, 47002);
  g_assert_cmpuint (plan->listen_port, >, 0);
  /* A later run finds what this one leaves; another ingress's tunnel is another. */
  other.peer_public_key = (char *)"yTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";
  for (guint i = 0; i < FUNNEL_NM_N_ROLES; i++)
    {
      g_autoptr (FunnelNmPlan) foreign = funnel_nm_plan_new (&other);

      g_assert_true (g_uuid_string_is_valid (plan->uuid[i]));
      g_assert_cmpstr (plan->uuid[i], ==, again->uuid[i]);
      g_assert_cmpstr (plan->uuid[i], !=, foreign->uuid[i]);
      for (guint j = 0; j < i; j++)
        g_assert_cmpstr (plan->uuid[i], !=, plan->uuid[j]);
    }
  g_assert_false (
      funnel_nm_plan_choose_path (plan, is_everything_taken, is_table_taken, NULL, &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_UNSUPPORTED);
  g_clear_error (&error);
  g_assert_false (
      funnel_nm_plan_choose_path (plan, is_first_taken, is_every_table_taken, NULL, &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_UNSUPPORTED);
}

static void
test_mtu (void)
{
  g_autoptr (FunnelNmPlan) plan = new_plan ();
  guint32 metric = 0;

  funnel_nm_plan_set_device_mtu (plan, 65535, FALSE);
  funnel_nm_plan_set_path_mtu (plan, 1500, FALSE);
  g_assert_cmpuint (plan->mtu, ==, 1440);
  funnel_nm_plan_set_path_mtu (plan, 1500, TRUE);
  g_assert_cmpuint (plan->mtu, ==, 1420);
  funnel_nm_plan_set_path_mtu (plan, 0, FALSE);
  g_assert_cmpuint (plan->mtu, ==, 1420);
  funnel_nm_plan_set_path_mtu (plan, 100, FALSE);
  g_assert_cmpuint (plan->mtu, ==, 576);
  funnel_nm_plan_set_path_mtu (plan, 65535, FALSE);
  g_assert_cmpuint (plan->mtu, ==, 8920);
  g_assert_cmpuint (plan->device_mtu, ==, 8920);
  /* A change goes before what was; without one nothing is new. */
  metric = plan->peer_metric;
  funnel_nm_plan_set_path_mtu (plan, 65535, FALSE);
  g_assert_cmpuint (plan->peer_metric, ==, metric);
  funnel_nm_plan_set_path_mtu (plan, 1500, FALSE);
  g_assert_cmpuint (plan->peer_metric, <, metric);
  /* A device made on a narrow path serves on a usual one. */
  funnel_nm_plan_set_device_mtu (plan, 1300, TRUE);
  g_assert_cmpuint (plan->device_mtu, ==, 1440);
  funnel_nm_plan_set_path_mtu (plan, 1300, TRUE);
  g_assert_cmpuint (plan->mtu, ==, 1220);
  funnel_nm_plan_set_path_mtu (plan, 9000, FALSE);
  g_assert_cmpuint (plan->mtu, ==, 1440);
}

/* For the user alone, never by itself, IPv4 only, never a default route. */
static NMSettingIPConfig *
check_common (NMConnection *profile)
{
  NMSettingConnection *setting = nm_connection_get_setting_connection (profile);
  NMSettingIPConfig *v4 = nm_connection_get_setting_ip4_config (profile);
  NMSettingIPConfig *v6 = nm_connection_get_setting_ip6_config (profile);

  g_assert_false (nm_setting_connection_get_autoconnect (setting));
  g_assert_cmpuint (nm_setting_connection_get_num_permissions (setting), ==, 1);
  g_assert_true (nm_setting_connection_permissions_user_allowed (setting, "ann"));
  g_assert_false (nm_setting_connection_permissions_user_allowed (setting, "bob"));
  g_assert_true (nm_setting_ip_config_get_never_default (v4));
  g_assert_cmpstr (nm_setting_ip_config_get_method (v6), ==, "disabled");
  g_assert_cmpuint (nm_setting_ip_config_get_num_addresses (v6), ==, 0);
  return v4;
}

static const char *
get_text (NMIPRoute *route, const char *attribute)
{
  GVariant *value = nm_ip_route_get_attribute (route, attribute);

  return value ? g_variant_get_string (value, NULL) : NULL;
}

static void
test_guard (void)
{
  g_autoptr (FunnelNmPlan) plan = new_plan ();
  g_autoptr (NMConnection) profile = NULL;
  NMSettingIPConfig *ip = NULL;
  NMIPRoute *route = NULL;
  GVariant *table = NULL;

  g_free (plan->user);
  plan->user = g_strdup ("ann");
  profile = funnel_nm_guard_profile (plan, &config);
  ip = check_common (profile);
  g_assert_cmpuint (nm_setting_ip_config_get_num_routes (ip), ==, 1);
  route = nm_setting_ip_config_get_route (ip, 0);
  g_assert_cmpstr (nm_ip_route_get_dest (route), ==, "100.64.0.1");
  g_assert_cmpuint (nm_ip_route_get_prefix (route), ==, 32);
  g_assert_cmpstr (get_text (route, NM_IP_ROUTE_ATTRIBUTE_TYPE), ==, "local");
  table = nm_ip_route_get_attribute (route, NM_IP_ROUTE_ATTRIBUTE_TABLE);
  g_assert_cmpuint (g_variant_get_uint32 (table), ==, RT_TABLE_MAIN);
  g_assert_cmpstr (nm_connection_get_uuid (profile), ==, plan->uuid[FUNNEL_NM_GUARD_OTHER]);
}

static void
test_wireguard (void)
{
  g_autoptr (FunnelNmPlan) plan = new_plan ();
  g_autoptr (NMConnection) bare = NULL, full = NULL;
  g_autoptr (GError) error = NULL;
  NMSettingConnection *setting = NULL;
  NMSettingWireGuard *wireguard = NULL;
  NMWireGuardPeer *peer = NULL;
  NMIPRoute *route = NULL;

  g_free (plan->user);
  plan->user = g_strdup ("ann");
  funnel_nm_plan_set_device_mtu (plan, 1300, FALSE);
  funnel_nm_plan_set_path_mtu (plan, 1300, FALSE);
  bare = funnel_nm_wireguard_profile (plan, &config, NULL, &error);
  g_assert_no_error (error);
  route = nm_setting_ip_config_get_route (check_common (bare), 0);
  g_assert_cmpuint (nm_ip_route_get_prefix (route), ==, 0);
  g_assert_cmpstr (get_text (route, NM_IP_ROUTE_ATTRIBUTE_TYPE), ==, "unreachable");
  route = nm_setting_ip_config_get_route (check_common (bare), 1);
  g_assert_cmpstr (nm_ip_route_get_dest (route), ==, "100.64.0.1");
  g_assert_cmpuint (nm_ip_route_get_metric (route), ==, plan->peer_metric);
  g_assert_cmpuint (
      g_variant_get_uint32 (nm_ip_route_get_attribute (route, NM_IP_ROUTE_ATTRIBUTE_MTU)), ==,
      1240);
  setting = nm_connection_get_setting_connection (bare);
  g_assert_cmpstr (nm_setting_connection_get_master (setting), ==, plan->vrf_interface);
  g_assert_cmpstr (nm_setting_connection_get_slave_type (setting), ==, "vrf");
  wireguard = NM_SETTING_WIREGUARD (nm_connection_get_setting (bare, NM_TYPE_SETTING_WIREGUARD));
  g_assert_cmpuint (nm_setting_wireguard_get_peers_len (wireguard), ==, 0);
  g_assert_cmpuint (nm_setting_wireguard_get_mtu (wireguard), ==, 1440);
  g_assert_false (nm_setting_wireguard_get_peer_routes (wireguard));

  full = funnel_nm_wireguard_profile (plan, &config, "[2001:db8::1]:51820", &error);
  g_assert_no_error (error);
  wireguard = NM_SETTING_WIREGUARD (nm_connection_get_setting (full, NM_TYPE_SETTING_WIREGUARD));
  g_assert_cmpuint (nm_setting_wireguard_get_peers_len (wireguard), ==, 1);
  g_assert_cmpuint (nm_setting_wireguard_get_listen_port (wireguard), ==, plan->listen_port);
  peer = nm_setting_wireguard_get_peer (wireguard, 0);
  g_assert_cmpuint (nm_wireguard_peer_get_allowed_ips_len (peer), ==, 1);
  g_assert_cmpstr (nm_wireguard_peer_get_allowed_ip (peer, 0, NULL), ==, "100.64.0.1/32");
  g_assert_cmpstr (nm_wireguard_peer_get_endpoint (peer), ==, "[2001:db8::1]:51820");

  g_assert_null (funnel_nm_wireguard_profile (plan, &config, "no endpoint", &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT);
}

static GVariant *
make_permissions (const char *control, const char *own)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{ss}"));
  if (control)
    g_variant_builder_add (&builder, "{ss}", "org.freedesktop.NetworkManager.network-control",
                           control);
  g_variant_builder_add (&builder, "{ss}", "org.freedesktop.NetworkManager.settings.modify.own",
                         own);
  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

static void
test_permissions (void)
{
  static const struct
  {
    const char *control, *own, *says;
  } cases[] = {
      {"yes", "yes", NULL},
      {"auth", "auth", "usermod -aG funnel"},
      {"yes", "auth", "settings.modify.own"},
      {"no", "yes", "does not allow"},
      {NULL, "yes", "does not allow"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GVariant) permissions = make_permissions (cases[i].control, cases[i].own);
      g_autoptr (GError) error = NULL;

      g_assert_true (funnel_nm_judge_permissions (permissions, &error) == (cases[i].says == NULL));
      if (cases[i].says)
        {
          g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_UNSUPPORTED);
          g_assert_nonnull (strstr (error->message, cases[i].says));
        }
    }
}

static void
test_versions (void)
{
  static const char *const good[] = {"1.42.0", "1.42.4", "1.52.1", "2.0"};
  static const char *const bad[] = {"1.41.90", "1.30.6", "0.9.10", "", NULL};

  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    g_assert_true (funnel_nm_judge_version (good[i], NULL));
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (funnel_nm_judge_version (bad[i], &error));
      g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_UNSUPPORTED);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/networkmanager/plan", test_plan);
  g_test_add_func ("/networkmanager/mtu", test_mtu);
  g_test_add_func ("/networkmanager/guard", test_guard);
  g_test_add_func ("/networkmanager/wireguard", test_wireguard);
  g_test_add_func ("/networkmanager/permissions", test_permissions);
  g_test_add_func ("/networkmanager/versions", test_versions);
  return g_test_run ();
}
