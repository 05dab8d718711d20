/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/model/ingress.h"

#include "lib/base/error.h"

#include <string.h>

static FunnelIngressSpec *
make_spec (void)
{
  FunnelIngressSpec *spec = funnel_ingress_spec_new ();
  const guint16 ports[] = {443, 8443};

  spec->id = 1;
  spec->host = g_strdup ("2001:db8::1");
  spec->port = 51820;
  spec->node = g_strdup ("laptop");
  spec->zone = g_strdup ("example.org");
  g_array_append_vals (spec->public_ports, ports, 2);
  return spec;
}

static void
test_default_name (void)
{
  g_autoptr (FunnelIngressSpec) spec = make_spec ();
  g_autoptr (FunnelIngress) bare = funnel_ingress_new (spec);
  g_autoptr (FunnelIngress) assigned = NULL;
  g_autoptr (GPtrArray) grants
      = g_ptr_array_new_with_free_func ((GDestroyNotify)funnel_link_grant_free);
  g_autofree char *from_node = NULL, *from_names = NULL, *from_grants = NULL;
  const guint16 port = 443;

  from_node = funnel_ingress_dup_default_name (bare);
  g_assert_cmpstr (from_node, ==, "laptop.example.org");
  g_strfreev (spec->names);
  spec->names = g_strsplit ("blog.example.org", " ", 0);
  assigned = funnel_ingress_new (spec);
  from_names = funnel_ingress_dup_default_name (assigned);
  g_assert_cmpstr (from_names, ==, "blog.example.org");
  g_ptr_array_add (grants, funnel_link_grant_new ("shop.example.net", &port, 1, 0));
  funnel_ingress_set_grants (assigned, grants);
  from_grants = funnel_ingress_dup_default_name (assigned);
  g_assert_cmpstr (from_grants, ==, "shop.example.net");
}

static void
test_knows_name (void)
{
  g_autoptr (FunnelIngressSpec) spec = make_spec ();
  g_autoptr (FunnelIngress) ingress = funnel_ingress_new (spec);
  g_autoptr (GPtrArray) grants
      = g_ptr_array_new_with_free_func ((GDestroyNotify)funnel_link_grant_free);
  const guint16 port = 443;

  g_assert_true (funnel_ingress_knows_name (ingress, "anything.example.org"));
  g_assert_false (funnel_ingress_knows_name (ingress, "badexample.org"));
  g_assert_false (funnel_ingress_knows_name (ingress, "shop.example.net"));
  g_ptr_array_add (grants, funnel_link_grant_new ("shop.example.net", &port, 1, 0));
  funnel_ingress_set_grants (ingress, grants);
  g_assert_true (funnel_ingress_knows_name (ingress, "shop.example.net"));
}

static void
test_ports (void)
{
  g_autoptr (FunnelIngressSpec) spec = make_spec ();
  g_autoptr (FunnelIngress) ingress = funnel_ingress_new (spec);
  g_autoptr (GError) error = NULL;

  g_assert_true (funnel_ingress_check_port (ingress, 8443, NULL));
  g_assert_false (funnel_ingress_check_port (ingress, 9443, &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT);
  g_assert_cmpstr (error->message, ==,
                   "port 9443 is not allowed for funnel; allowed ports are: 443, 8443");
}

static void
test_welcome (void)
{
  g_autoptr (FunnelIngressSpec) spec = make_spec ();
  g_autoptr (FunnelIngress) ingress = funnel_ingress_new (spec);
  g_autoptr (GArray) ports = g_array_copy (spec->public_ports);
  const guint16 more = 10000;

  g_assert_false (funnel_ingress_welcome (ingress, "laptop", "example.org", ports));
  g_array_append_val (ports, more);
  g_assert_true (funnel_ingress_welcome (ingress, "laptop", "example.org", ports));
  g_assert_true (funnel_ingress_check_port (ingress, 10000, NULL));
  g_assert_true (funnel_ingress_welcome (ingress, "renamed", "example.org", ports));
}

static void
test_properties (void)
{
  g_autoptr (FunnelIngressSpec) spec = make_spec ();
  g_autoptr (FunnelIngress) ingress = funnel_ingress_new (spec);
  g_autofree char *endpoint = NULL, *state = NULL, *reason = NULL;
  g_autoptr (GVariant) ports = NULL, grants = NULL;

  funnel_ingress_set_state (ingress, FUNNEL_INGRESS_LINK_DOWN, "silent");
  g_object_get (ingress, "endpoint", &endpoint, "state", &state, "reason", &reason, "public-ports",
                &ports, "grants", &grants, NULL);
  g_assert_cmpstr (endpoint, ==, "[2001:db8::1]:51820");
  g_assert_cmpstr (state, ==, "link-down");
  g_assert_cmpstr (reason, ==, "silent");
  g_assert_cmpstr (g_variant_get_type_string (ports), ==, "aq");
  g_assert_cmpstr (g_variant_get_type_string (grants), ==, "a{saq}");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ingress/default-name", test_default_name);
  g_test_add_func ("/ingress/knows-name", test_knows_name);
  g_test_add_func ("/ingress/ports", test_ports);
  g_test_add_func ("/ingress/welcome", test_welcome);
  g_test_add_func ("/ingress/properties", test_properties);
  return g_test_run ();
}
