/* SPDX-License-Identifier: GPL-3.0-or-later */

/* bound INTERFACE TABLE: a VRF that NetworkManager ends when this program ends, which is what a
 * tunnel without a guard would do about its own death. A profile of that interface name must be
 * there already. Prints a line when the VRF is asked for, and waits to be killed. */

#include <gio/gio.h>
#include <stdio.h>
#include <stdlib.h>

#define NM "org.freedesktop.NetworkManager"
#define NM_PATH "/org/freedesktop/NetworkManager"
#define CALL_MS 60000

static GVariant *
call (GDBusConnection *bus,
      const char *path,
      const char *interface,
      const char *method,
      GVariant *in)
{
  g_autoptr (GError) error = NULL;
  GVariant *out = g_dbus_connection_call_sync (bus, NM, path, interface, method, in, NULL,
                                               G_DBUS_CALL_FLAGS_NONE, CALL_MS, NULL, &error);

  if (out == NULL)
    {
      fprintf (stderr, "%s: %s\n", method, error->message);
      exit (1);
    }
  return out;
}

/* The device, real or not yet, of that name. */
static char *
find_device (GDBusConnection *bus, const char *name)
{
  g_autoptr (GVariant) answer = call (bus, NM_PATH, NM, "GetAllDevices", NULL);
  g_autoptr (GVariantIter) devices = NULL;
  const char *path = NULL;

  g_variant_get (answer, "(ao)", &devices);
  while (g_variant_iter_next (devices, "&o", &path))
    {
      g_autoptr (GVariant) got = call (bus, path, "org.freedesktop.DBus.Properties", "Get",
                                       g_variant_new ("(ss)", NM ".Device", "Interface"));
      g_autoptr (GVariant) value = NULL;

      g_variant_get (got, "(v)", &value);
      if (g_strcmp0 (g_variant_get_string (value, NULL), name) == 0)
        return g_strdup (path);
    }
  fprintf (stderr, "NetworkManager has no device %s\n", name);
  exit (1);
}

static GVariant *
make_profile (const char *name, guint table)
{
  g_autofree char *uuid = g_uuid_string_random ();
  g_autofree char *text
      = g_strdup_printf ("{'connection': {'id': <'bound'>, 'uuid': <'%s'>, 'type': <'vrf'>, "
                         "'interface-name': <'%s'>}, "
                         "'vrf': {'table': <uint32 %u>}, 'ipv4': {'method': <'disabled'>}, "
                         "'ipv6': {'method': <'disabled'>}}",
                         uuid, name, table);

  return g_variant_new_parsed (text);
}

int
main (int argc, char **argv)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (GDBusConnection) bus = g_bus_get_sync (G_BUS_TYPE_SYSTEM, NULL, NULL);
  g_autoptr (GVariant) answer = NULL;
  g_autofree char *device = NULL;

  if (argc != 3 || bus == NULL)
    return 2;
  device = find_device (bus, argv[1]);
  answer = call (bus, NM_PATH, NM, "AddAndActivateConnection2",
                 g_variant_new ("(@a{sa{sv}}oo@a{sv})",
                                make_profile (argv[1], (guint)strtoul (argv[2], NULL, 10)), device,
                                "/",
                                g_variant_new_parsed ("{'persist': <'volatile'>, "
                                                      "'bind-activation': <'dbus-client'>}")));
  puts ("asked for");
  fflush (stdout);
  g_main_loop_run (loop);
  return 0;
}
