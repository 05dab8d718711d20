/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/bus/bus-certificates.h"

#include "daemon/bus/bus-access.h"
#include "daemon/bus/bus-options.h"
#include "lib/base/error.h"
#include "lib/dbus/funnel-dbus.h"

struct _FunnelBusCertificates
{
  FunnelDBusCertificates *skeleton;
  const FunnelBusCertificatesMethods *methods;
  gpointer owner;
  GPtrArray *calls; /* Call* that wait for the owner */
};

typedef struct
{
  FunnelBusCertificates *bus; /* NULL: it is gone */
  GDBusMethodInvocation *invocation;
} Call;

static gboolean
handle_failure (GDBusMethodInvocation *invocation, GError *error)
{
  g_dbus_method_invocation_take_error (invocation, error);
  return TRUE;
}

static Call *
call_new (FunnelBusCertificates *self, GDBusMethodInvocation *invocation)
{
  Call *call = g_new0 (Call, 1);

  call->bus = self;
  call->invocation = invocation;
  g_ptr_array_add (self->calls, call);
  return call;
}

/* Returns whether there still is somebody to answer; if not, @call is all there is. */
static gboolean
call_ends (Call *call)
{
  if (call->bus == NULL)
    {
      g_object_unref (call->invocation);
      return FALSE;
    }
  g_ptr_array_remove_fast (call->bus->calls, call);
  return TRUE;
}

static void
obtain_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autofree Call *call = user_data;
  const char *chain = NULL, *key = NULL;
  GError *error = NULL;

  if (!call_ends (call))
    return;
  if (call->bus->methods->obtain_finish (call->bus->owner, result, &chain, &key, &error))
    funnel_dbus_certificates_complete_obtain (call->bus->skeleton, call->invocation, chain, key);
  else
    handle_failure (call->invocation, error);
}

static gboolean
on_obtain (FunnelDBusCertificates *skeleton,
           GDBusMethodInvocation *invocation,
           const char *name,
           guint64 min_validity,
           FunnelBusCertificates *self)
{
  self->methods->obtain_async (self->owner, name, min_validity, obtain_cb,
                               call_new (self, invocation));
  return TRUE;
}

static gboolean
on_forget (FunnelDBusCertificates *skeleton,
           GDBusMethodInvocation *invocation,
           const char *name,
           FunnelBusCertificates *self)
{
  GError *error = NULL;

  if (!self->methods->forget (self->owner, name, &error))
    return handle_failure (invocation, error);
  funnel_dbus_certificates_complete_forget (skeleton, invocation);
  return TRUE;
}

static gboolean
on_allow (FunnelDBusCertificates *skeleton,
          GDBusMethodInvocation *invocation,
          const char *name,
          guint32 uid,
          const char *user,
          gboolean allowed,
          FunnelBusCertificates *self)
{
  GError *error = NULL;

  if (!self->methods->allow (self->owner, name, uid, user, allowed, &error))
    return handle_failure (invocation, error);
  funnel_dbus_certificates_complete_allow (skeleton, invocation);
  return TRUE;
}

static void
install_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autofree Call *call = user_data;
  g_autofree char *problem = NULL;
  GError *error = NULL;

  if (!call_ends (call))
    return;
  problem = call->bus->methods->install_finish (call->bus->owner, result, &error);
  if (problem != NULL)
    funnel_dbus_certificates_complete_install (call->bus->skeleton, call->invocation, problem);
  else
    handle_failure (call->invocation, error);
}

static gboolean
on_install (FunnelDBusCertificates *skeleton,
            GDBusMethodInvocation *invocation,
            const char *name,
            const char *folder,
            GVariant *raw_options,
            FunnelBusCertificates *self)
{
  g_auto (FunnelOptions) options = {0};
  GError *error = NULL;

  if (!funnel_options_parse (raw_options, FUNNEL_OPTIONS_INSTALL, &options, &error))
    return handle_failure (invocation, error);
  self->methods->install_async (self->owner, name, folder, options.group, options.hook, install_cb,
                                call_new (self, invocation));
  return TRUE;
}

static gboolean
on_uninstall (FunnelDBusCertificates *skeleton,
              GDBusMethodInvocation *invocation,
              const char *name,
              const char *folder,
              FunnelBusCertificates *self)
{
  GError *error = NULL;

  if (!self->methods->uninstall (self->owner, name, folder, &error))
    return handle_failure (invocation, error);
  funnel_dbus_certificates_complete_uninstall (skeleton, invocation);
  return TRUE;
}

static gboolean
on_list_serials (FunnelDBusCertificates *skeleton,
                 GDBusMethodInvocation *invocation,
                 const char *name,
                 FunnelBusCertificates *self)
{
  GError *error = NULL;
  g_auto (GStrv) serials = self->methods->list_serials (self->owner, name, &error);

  if (serials == NULL)
    return handle_failure (invocation, error);
  funnel_dbus_certificates_complete_list_serials (skeleton, invocation,
                                                  (const char *const *)serials);
  return TRUE;
}

FunnelBusCertificates *
funnel_bus_certificates_new (const FunnelBusCertificatesMethods *methods, gpointer owner)
{
  static const struct
  {
    const char *signal;
    GCallback handler;
  } handlers[] = {
      {"handle-obtain", G_CALLBACK (on_obtain)},
      {"handle-forget", G_CALLBACK (on_forget)},
      {"handle-allow", G_CALLBACK (on_allow)},
      {"handle-install", G_CALLBACK (on_install)},
      {"handle-uninstall", G_CALLBACK (on_uninstall)},
      {"handle-list-serials", G_CALLBACK (on_list_serials)},
  };
  FunnelBusCertificates *self = g_new0 (FunnelBusCertificates, 1);

  self->methods = methods;
  self->owner = owner;
  self->calls = g_ptr_array_new ();
  self->skeleton = funnel_dbus_certificates_skeleton_new ();
  for (gsize i = 0; i < G_N_ELEMENTS (handlers); i++)
    g_signal_connect (self->skeleton, handlers[i].signal, handlers[i].handler, self);
  funnel_access_guard (G_DBUS_INTERFACE_SKELETON (self->skeleton));
  return self;
}

void
funnel_bus_certificates_free (FunnelBusCertificates *self)
{
  if (self == NULL)
    return;
  for (guint i = 0; i < self->calls->len; i++)
    ((Call *)g_ptr_array_index (self->calls, i))->bus = NULL;
  g_ptr_array_unref (self->calls);
  g_signal_handlers_disconnect_by_data (self->skeleton, self);
  g_object_unref (self->skeleton);
  g_free (self);
}

GDBusInterfaceSkeleton *
funnel_bus_certificates_get_skeleton (FunnelBusCertificates *self)
{
  return G_DBUS_INTERFACE_SKELETON (self->skeleton);
}

void
funnel_bus_certificates_set (FunnelBusCertificates *self, GVariant *certificates)
{
  funnel_dbus_certificates_set_certificates (self->skeleton, certificates);
}

void
funnel_bus_certificates_set_places (FunnelBusCertificates *self,
                                    const char *socket,
                                    const char *url)
{
  funnel_dbus_certificates_set_local_api_socket (self->skeleton, socket);
  funnel_dbus_certificates_set_local_api_url (self->skeleton, url);
}
