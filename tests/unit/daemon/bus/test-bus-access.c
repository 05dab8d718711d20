/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/bus/bus-access.h"

#include "lib/dbus/funnel-dbus.h"

static const char xml[] = "<node><interface name='org.example.I'>"
                          "<method name='Open'>"
                          "<annotation name='org.openfunnel.Access' value='read'/></method>"
                          "<method name='Closed'>"
                          "<annotation name='org.openfunnel.Access' value='control'/></method>"
                          "<method name='Forgotten'/>"
                          "<method name='Odd'>"
                          "<annotation name='org.openfunnel.Access' value='everybody'/></method>"
                          "<method name='Other'>"
                          "<annotation name='org.example.Access' value='read'/></method>"
                          "</interface></node>";

static void
test_table (void)
{
  g_autoptr (GDBusNodeInfo) node = g_dbus_node_info_new_for_xml (xml, NULL);
  const GDBusInterfaceInfo *info = node->interfaces[0];

  g_assert_cmpint (funnel_access_look_up (info, "Open"), ==, FUNNEL_ACCESS_READ);
  g_assert_cmpint (funnel_access_look_up (info, "Closed"), ==, FUNNEL_ACCESS_CONTROL);
  g_assert_cmpint (funnel_access_look_up (info, "Forgotten"), ==, FUNNEL_ACCESS_DENIED);
  g_assert_cmpint (funnel_access_look_up (info, "Odd"), ==, FUNNEL_ACCESS_DENIED);
  g_assert_cmpint (funnel_access_look_up (info, "Other"), ==, FUNNEL_ACCESS_DENIED);
  g_assert_cmpint (funnel_access_look_up (info, "Missing"), ==, FUNNEL_ACCESS_DENIED);
}

/* A method of ours without an entry would be denied to everybody: nobody should find out by trying.
 */
static void
test_every_method_is_listed (void)
{
  g_autoptr (FunnelDBusManager) manager = funnel_dbus_manager_skeleton_new ();
  g_autoptr (FunnelDBusShare) share = funnel_dbus_share_skeleton_new ();
  g_autoptr (FunnelDBusIngress) ingress = funnel_dbus_ingress_skeleton_new ();
  gpointer skeletons[] = {manager, share, ingress};
  guint methods = 0;

  for (guint i = 0; i < G_N_ELEMENTS (skeletons); i++)
    {
      GDBusInterfaceInfo *info = g_dbus_interface_skeleton_get_info (skeletons[i]);

      for (guint j = 0; info->methods != NULL && info->methods[j] != NULL; j++, methods++)
        g_assert_cmpint (funnel_access_look_up (info, info->methods[j]->name), !=,
                         FUNNEL_ACCESS_DENIED);
    }
  g_assert_cmpuint (methods, >=, 6);
}

static void
test_users (void)
{
  g_assert_true (funnel_access_check (FUNNEL_ACCESS_READ, 1001, 1000));
  g_assert_true (funnel_access_check (FUNNEL_ACCESS_CONTROL, 1000, 1000));
  g_assert_true (funnel_access_check (FUNNEL_ACCESS_CONTROL, 0, 1000));
  g_assert_false (funnel_access_check (FUNNEL_ACCESS_CONTROL, 1001, 1000));
  g_assert_false (funnel_access_check (FUNNEL_ACCESS_CONTROL, 1001, 0));
  g_assert_false (funnel_access_check (FUNNEL_ACCESS_DENIED, 0, 0));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/bus-access/table", test_table);
  g_test_add_func ("/bus-access/every-method-is-listed", test_every_method_is_listed);
  g_test_add_func ("/bus-access/users", test_users);
  return g_test_run ();
}
