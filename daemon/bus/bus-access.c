/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/bus/bus-access.h"

#include "lib/base/error.h"

#include <glib/gi18n.h>
#include <unistd.h>

#define ANNOTATION "org.openfunnel.Access"
#define LOOK_UP_MS 5000

FunnelAccess
funnel_access_look_up (const GDBusInterfaceInfo *info, const char *method)
{
  const GDBusMethodInfo *method_info
      = g_dbus_interface_info_lookup_method ((GDBusInterfaceInfo *)info, method);
  const char *value = method_info != NULL
                          ? g_dbus_annotation_info_lookup (method_info->annotations, ANNOTATION)
                          : NULL;

  if (g_strcmp0 (value, "read") == 0)
    return FUNNEL_ACCESS_READ;
  if (g_strcmp0 (value, "control") == 0)
    return FUNNEL_ACCESS_CONTROL;
  return FUNNEL_ACCESS_DENIED;
}

gboolean
funnel_access_check (FunnelAccess access, uid_t caller, uid_t owner)
{
  switch (access)
    {
    case FUNNEL_ACCESS_READ:
      return TRUE;
    case FUNNEL_ACCESS_CONTROL:
      return caller == 0 || caller == owner;
    case FUNNEL_ACCESS_DENIED:
    default:
      return FALSE;
    }
}

static gboolean
look_up_caller (GDBusMethodInvocation *invocation, uid_t *out)
{
  GDBusConnection *connection = g_dbus_method_invocation_get_connection (invocation);
  const char *sender = g_dbus_method_invocation_get_sender (invocation);
  g_autoptr (GVariant) reply = NULL;
  guint32 uid = 0;

  if (sender == NULL)
    return FALSE;
  reply = g_dbus_connection_call_sync (connection, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                       "org.freedesktop.DBus", "GetConnectionUnixUser",
                                       g_variant_new ("(s)", sender), G_VARIANT_TYPE ("(u)"),
                                       G_DBUS_CALL_FLAGS_NONE, LOOK_UP_MS, NULL, NULL);
  if (reply == NULL)
    return FALSE;
  g_variant_get (reply, "(u)", &uid);
  *out = (uid_t)uid;
  return TRUE;
}

/* Runs in a thread that GIO makes for this call, so it may wait for the bus; it reads nothing that
 * changes. */
static gboolean
on_skeleton_authorize_method (GDBusInterfaceSkeleton *skeleton,
                              GDBusMethodInvocation *invocation,
                              gpointer user_data)
{
  const char *method = g_dbus_method_invocation_get_method_name (invocation);
  FunnelAccess access
      = funnel_access_look_up (g_dbus_interface_skeleton_get_info (skeleton), method);
  uid_t caller = (uid_t)-1;

  if (access != FUNNEL_ACCESS_DENIED && look_up_caller (invocation, &caller)
      && funnel_access_check (access, caller, geteuid ()))
    return TRUE;
  g_dbus_method_invocation_return_error (invocation, FUNNEL_ERROR, FUNNEL_ERROR_NOT_ALLOWED,
                                         N_ ("%s is only for the user that runs funneld, and root"),
                                         method);
  return FALSE;
}

void
funnel_access_guard (GDBusInterfaceSkeleton *skeleton)
{
  g_signal_connect (skeleton, "g-authorize-method", G_CALLBACK (on_skeleton_authorize_method),
                    NULL);
}
