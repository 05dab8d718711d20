/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The certificate the keeper has for a name, for a share that names no files. */

#include "daemon/certificate-source.h"

#include <glib/gi18n.h>

#define FUNNEL_TYPE_KEEPER_CERTIFICATE (funnel_keeper_certificate_get_type ())
G_DECLARE_FINAL_TYPE (FunnelKeeperCertificate,
                      funnel_keeper_certificate,
                      FUNNEL,
                      KEEPER_CERTIFICATE,
                      FunnelCertificateSource)

struct _FunnelKeeperCertificate
{
  FunnelCertificateSource parent_instance;
  FunnelCertificateKeeper *keeper;
  char *name;
};

G_DEFINE_FINAL_TYPE (FunnelKeeperCertificate,
                     funnel_keeper_certificate,
                     FUNNEL_TYPE_CERTIFICATE_SOURCE)

static char *
format_time (gint64 seconds)
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_local (seconds);
  g_autoptr (GDateTime) now = g_date_time_new_now_local ();
  gboolean today = time != NULL
                   && g_date_time_get_day_of_year (time) == g_date_time_get_day_of_year (now)
                   && g_date_time_get_year (time) == g_date_time_get_year (now);

  return time != NULL ? g_date_time_format (time, today ? "%H:%M:%S" : "%Y-%m-%d %H:%M")
                      : g_strdup ("?");
}

/* Without a full stop, which the state adds. */
static char *
make_reason (FunnelKeeperCertificate *self, const FunnelKeptStatus *status)
{
  g_autofree char *when = status->retry_at != 0 ? format_time (status->retry_at) : NULL;

  if (status->ordering)
    return g_strdup_printf (N_ ("Getting a certificate for %s: %s."), self->name, status->step);
  if (status->problem != NULL && when != NULL)
    return g_strdup_printf (N_ ("There is no certificate for %s: %s. It is tried again at %s."),
                            self->name, status->problem, when);
  if (status->problem != NULL)
    return g_strdup_printf ("%s.", status->problem);
  return g_strdup_printf (N_ ("A certificate for %s is being ordered."), self->name);
}

static FunnelCertificateFact
map_state (FunnelKeptState state)
{
  switch (state)
    {
    case FUNNEL_KEPT_READY:
      return FUNNEL_CERTIFICATE_READY;
    case FUNNEL_KEPT_FAILED:
      return FUNNEL_CERTIFICATE_FAILED;
    case FUNNEL_KEPT_NONE:
    case FUNNEL_KEPT_PENDING:
    default:
      return FUNNEL_CERTIFICATE_PENDING;
    }
}

static void
update (FunnelKeeperCertificate *self)
{
  const FunnelKeptStatus *status = funnel_certificate_keeper_get_status (self->keeper, self->name);
  FunnelCertificate *certificate = funnel_certificate_keeper_get (self->keeper, self->name);
  FunnelCertificateFact fact = map_state (status->state);
  g_autofree char *reason = NULL;
  FunnelCertificateDetails details = {
      .step = status->ordering ? status->step : NULL,
      .ca = status->ca,
      .problem = status->problem,
      .renew_at = status->renew_at,
      .retry_at = status->retry_at,
  };

  /* The certificate and what is said of it are told apart, one right after the other. */
  if (fact == FUNNEL_CERTIFICATE_READY && certificate == NULL)
    fact = FUNNEL_CERTIFICATE_PENDING;
  if (fact != FUNNEL_CERTIFICATE_READY)
    reason = make_reason (self, status);
  funnel_certificate_source_set_details (FUNNEL_CERTIFICATE_SOURCE (self), &details);
  funnel_certificate_source_set (FUNNEL_CERTIFICATE_SOURCE (self), fact, certificate, reason,
                                 fact != FUNNEL_CERTIFICATE_READY ? status->next_step : NULL);
}

static void
on_keeper_news (FunnelCertificateKeeper *keeper, const char *name, FunnelKeeperCertificate *self)
{
  if (g_str_equal (name, self->name))
    update (self);
}

static void
funnel_keeper_certificate_dispose (GObject *object)
{
  FunnelKeeperCertificate *self = FUNNEL_KEEPER_CERTIFICATE (object);

  if (self->keeper != NULL)
    {
      g_signal_handlers_disconnect_by_data (self->keeper, self);
      funnel_certificate_keeper_unwant (self->keeper, self->name);
    }
  g_clear_object (&self->keeper);
  G_OBJECT_CLASS (funnel_keeper_certificate_parent_class)->dispose (object);
}

static void
funnel_keeper_certificate_finalize (GObject *object)
{
  g_free (FUNNEL_KEEPER_CERTIFICATE (object)->name);
  G_OBJECT_CLASS (funnel_keeper_certificate_parent_class)->finalize (object);
}

static void
funnel_keeper_certificate_class_init (FunnelKeeperCertificateClass *class)
{
  G_OBJECT_CLASS (class)->dispose = funnel_keeper_certificate_dispose;
  G_OBJECT_CLASS (class)->finalize = funnel_keeper_certificate_finalize;
}

static void
funnel_keeper_certificate_init (FunnelKeeperCertificate *self)
{
}

FunnelCertificateSource *
funnel_keeper_certificate_new (FunnelCertificateKeeper *keeper, const char *name)
{
  FunnelKeeperCertificate *self = g_object_new (FUNNEL_TYPE_KEEPER_CERTIFICATE, NULL);

  self->keeper = g_object_ref (keeper);
  self->name = g_strdup (name);
  funnel_certificate_keeper_want (keeper, name);
  g_signal_connect (keeper, "changed", G_CALLBACK (on_keeper_news), self);
  g_signal_connect (keeper, "status", G_CALLBACK (on_keeper_news), self);
  update (self);
  return FUNNEL_CERTIFICATE_SOURCE (self);
}
