/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Certificates from files, as a web server's or certbot's. Files change one after the other, so a
 * pair that does not fit is a passing state: the old certificate stays in use as long as it is
 * valid. */

#include "daemon/certificate-source.h"

#include <glib/gi18n.h>
#include <glib/gstdio.h>

#define SETTLE_MS 300
#define LOOK_AGAIN_S 3600 /* for file systems that tell nothing, and for expiry */

struct _FunnelFileCertificate
{
  FunnelCertificateSource parent_instance;
  char *name;
  char *files[2]; /* chain, key */
  gint64 times[2];
  GFileMonitor *monitors[2];
  guint settle_source;
  guint look_source;
};

#define FUNNEL_TYPE_FILE_CERTIFICATE (funnel_file_certificate_get_type ())
G_DECLARE_FINAL_TYPE (FunnelFileCertificate,
                      funnel_file_certificate,
                      FUNNEL,
                      FILE_CERTIFICATE,
                      FunnelCertificateSource)
G_DEFINE_FINAL_TYPE (FunnelFileCertificate, funnel_file_certificate, FUNNEL_TYPE_CERTIFICATE_SOURCE)

static gint64
get_time (const char *path)
{
  GStatBuf st;

  return g_stat (path, &st) == 0 ? (gint64)st.st_mtim.tv_sec * G_USEC_PER_SEC
                                       + st.st_mtim.tv_nsec / 1000 + (gint64)st.st_ino
                                 : 0;
}

static void
load (FunnelFileCertificate *self)
{
  FunnelCertificateSource *source = FUNNEL_CERTIFICATE_SOURCE (self);
  FunnelCertificate *old = funnel_certificate_source_get (source);
  g_autoptr (FunnelCertificate) fresh = NULL;
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (self->files); i++)
    self->times[i] = get_time (self->files[i]);
  fresh = funnel_certificate_load (self->files[0], self->files[1], self->name, &error);
  if (fresh != NULL)
    {
      if (old == NULL
          || g_strcmp0 (funnel_certificate_get_leaf (old), funnel_certificate_get_leaf (fresh))
                 != 0)
        funnel_certificate_source_set (source, FUNNEL_CERTIFICATE_READY, fresh, NULL, NULL);
      return;
    }
  if (old != NULL && funnel_certificate_get_expiry (old) > g_get_real_time () / G_USEC_PER_SEC)
    {
      g_message ("The certificate of %s stays in use: %s", self->name, error->message);
      return;
    }
  funnel_certificate_source_set (source, FUNNEL_CERTIFICATE_FAILED, NULL, error->message,
                                 N_ ("Put a valid certificate there; it is noticed by itself."));
}

static gboolean
on_settle_timeout (gpointer user_data)
{
  FunnelFileCertificate *self = user_data;

  self->settle_source = 0;
  load (self);
  return G_SOURCE_REMOVE;
}

static void
on_monitor_changed (GFileMonitor *monitor,
                    GFile *file,
                    GFile *other,
                    GFileMonitorEvent event,
                    FunnelFileCertificate *self)
{
  g_clear_handle_id (&self->settle_source, g_source_remove);
  self->settle_source = g_timeout_add (SETTLE_MS, on_settle_timeout, self);
}

static gboolean
on_look_timeout (gpointer user_data)
{
  FunnelFileCertificate *self = user_data;
  FunnelCertificate *old = funnel_certificate_source_get (FUNNEL_CERTIFICATE_SOURCE (self));
  gboolean expired
      = old == NULL || funnel_certificate_get_expiry (old) <= g_get_real_time () / G_USEC_PER_SEC;

  if (expired || get_time (self->files[0]) != self->times[0]
      || get_time (self->files[1]) != self->times[1])
    load (self);
  return G_SOURCE_CONTINUE;
}

static void
funnel_file_certificate_finalize (GObject *object)
{
  FunnelFileCertificate *self = FUNNEL_FILE_CERTIFICATE (object);

  g_clear_handle_id (&self->settle_source, g_source_remove);
  g_clear_handle_id (&self->look_source, g_source_remove);
  for (guint i = 0; i < G_N_ELEMENTS (self->files); i++)
    {
      if (self->monitors[i] != NULL)
        {
          g_signal_handlers_disconnect_by_data (self->monitors[i], self);
          g_file_monitor_cancel (self->monitors[i]);
        }
      g_clear_object (&self->monitors[i]);
      g_free (self->files[i]);
    }
  g_free (self->name);
  G_OBJECT_CLASS (funnel_file_certificate_parent_class)->finalize (object);
}

static void
funnel_file_certificate_class_init (FunnelFileCertificateClass *class)
{
  G_OBJECT_CLASS (class)->finalize = funnel_file_certificate_finalize;
}

static void
funnel_file_certificate_init (FunnelFileCertificate *self)
{
}

FunnelCertificateSource *
funnel_file_certificate_new (const char *name, const char *chain_file, const char *key_file)
{
  FunnelFileCertificate *self = g_object_new (FUNNEL_TYPE_FILE_CERTIFICATE, NULL);

  self->name = g_strdup (name);
  self->files[0] = g_strdup (chain_file);
  self->files[1] = g_strdup (key_file);
  load (self);
  for (guint i = 0; i < G_N_ELEMENTS (self->files); i++)
    {
      g_autoptr (GFile) file = g_file_new_for_path (self->files[i]);

      self->monitors[i] = g_file_monitor_file (file, G_FILE_MONITOR_WATCH_MOVES, NULL, NULL);
      if (self->monitors[i] != NULL)
        g_signal_connect (self->monitors[i], "changed", G_CALLBACK (on_monitor_changed), self);
    }
  self->look_source = g_timeout_add_seconds (LOOK_AGAIN_S, on_look_timeout, self);
  return FUNNEL_CERTIFICATE_SOURCE (self);
}
