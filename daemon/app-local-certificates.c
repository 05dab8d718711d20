/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/app-local-certificates.h"

#include "daemon/bus/bus-certificates.h"

struct _FunnelAppLocalCertificates
{
  FunnelLocalCertificates *local;
  FunnelBusCertificates *bus;
  FunnelCertificate *obtained; /* that was answered with last: its texts are borrowed */
  guint show_source;
};

/* --- Wishes from the bus --- */

static void
bus_obtain_async (gpointer owner,
                  const char *name,
                  guint64 min_validity,
                  GAsyncReadyCallback callback,
                  gpointer user_data)
{
  FunnelAppLocalCertificates *self = owner;

  funnel_local_certificates_obtain_async (
      self->local, name, (gint64)MIN (min_validity, (guint64)G_MAXINT32), callback, user_data);
}

static gboolean
bus_obtain_finish (gpointer owner,
                   GAsyncResult *result,
                   const char **chain,
                   const char **key,
                   GError **error)
{
  FunnelAppLocalCertificates *self = owner;
  FunnelCertificate *certificate = funnel_local_certificates_obtain_finish (result, error);

  if (certificate == NULL)
    return FALSE;
  g_clear_pointer (&self->obtained, funnel_certificate_unref);
  self->obtained = certificate;
  *chain = funnel_certificate_get_chain_pem (certificate);
  *key = funnel_certificate_get_key_pem (certificate);
  return TRUE;
}

static gboolean
bus_forget (gpointer owner, const char *name, GError **error)
{
  return funnel_local_certificates_forget (((FunnelAppLocalCertificates *)owner)->local, name,
                                           error);
}

static gboolean
bus_allow (gpointer owner,
           const char *name,
           guint32 uid,
           const char *user,
           gboolean allowed,
           GError **error)
{
  return funnel_local_certificates_allow (((FunnelAppLocalCertificates *)owner)->local, name, uid,
                                          user, allowed, error);
}

static void
bus_install_async (gpointer owner,
                   const char *name,
                   const char *folder,
                   const char *group,
                   const char *hook,
                   GAsyncReadyCallback callback,
                   gpointer user_data)
{
  FunnelAppLocalCertificates *self = owner;
  FunnelInstallSpec spec = {
      .name = (char *)name, .folder = (char *)folder, .group = (char *)group, .hook = (char *)hook};

  funnel_local_certificates_install_async (self->local, &spec, callback, user_data);
}

static char *
bus_install_finish (gpointer owner, GAsyncResult *result, GError **error)
{
  return funnel_local_certificates_install_finish (result, error);
}

static gboolean
bus_uninstall (gpointer owner, const char *name, const char *folder, GError **error)
{
  return funnel_local_certificates_uninstall (((FunnelAppLocalCertificates *)owner)->local, name,
                                              folder, error);
}

static GStrv
bus_list_serials (gpointer owner, const char *name, GError **error)
{
  return funnel_local_certificates_list_serials (((FunnelAppLocalCertificates *)owner)->local, name,
                                                 error);
}

static const FunnelBusCertificatesMethods bus_methods = {
    .obtain_async = bus_obtain_async,
    .obtain_finish = bus_obtain_finish,
    .forget = bus_forget,
    .allow = bus_allow,
    .install_async = bus_install_async,
    .install_finish = bus_install_finish,
    .uninstall = bus_uninstall,
    .list_serials = bus_list_serials,
};

/* --- Showing --- */

static gboolean
on_show_idle (gpointer user_data)
{
  FunnelAppLocalCertificates *self = user_data;

  self->show_source = 0;
  funnel_bus_certificates_set (self->bus, funnel_local_certificates_describe (self->local));
  return G_SOURCE_REMOVE;
}

/* Changes come in bunches. */
static void
on_local_changed (gpointer user_data)
{
  FunnelAppLocalCertificates *self = user_data;

  if (self->show_source == 0)
    self->show_source = g_idle_add (on_show_idle, self);
}

FunnelAppLocalCertificates *
funnel_app_local_certificates_new (FunnelStateDir *dir,
                                   FunnelCertificateKeeper *keeper,
                                   const FunnelLocalApiOptions *options,
                                   FunnelBus *bus,
                                   GError **error)
{
  FunnelAppLocalCertificates *self = g_new0 (FunnelAppLocalCertificates, 1);

  self->local = funnel_local_certificates_new (dir, keeper, options, on_local_changed, self, error);
  if (self->local == NULL)
    {
      funnel_app_local_certificates_free (self);
      return NULL;
    }
  self->bus = funnel_bus_certificates_new (&bus_methods, self);
  funnel_bus_certificates_set (self->bus, funnel_local_certificates_describe (self->local));
  funnel_bus_certificates_set_places (self->bus, funnel_local_certificates_get_socket (self->local),
                                      funnel_local_certificates_get_url (self->local));
  funnel_bus_add_to_manager (bus, funnel_bus_certificates_get_skeleton (self->bus));
  return self;
}

void
funnel_app_local_certificates_free (FunnelAppLocalCertificates *self)
{
  if (self == NULL)
    return;
  funnel_bus_certificates_free (self->bus);
  funnel_local_certificates_free (self->local);
  g_clear_handle_id (&self->show_source, g_source_remove);
  g_clear_pointer (&self->obtained, funnel_certificate_unref);
  g_free (self);
}
