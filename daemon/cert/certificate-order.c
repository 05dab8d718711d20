/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/cert/certificate-order.h"

#include "lib/base/error.h"

struct _FunnelCertificateOrder
{
  FunnelAcmeClient *client;
  const FunnelChallengeWay *way;
  gpointer owner;
  const FunnelCertificateOrderEvents *events;
  gpointer user_data;
  GCancellable *cancellable;
  FunnelAcmeStep step;
  GError *way_error;
};

static void
publish_async (const char *name,
               const guint8 digest[FUNNEL_ACME_DIGEST_LEN],
               GCancellable *cancellable,
               GAsyncReadyCallback callback,
               gpointer callback_data,
               gpointer user_data)
{
  FunnelCertificateOrder *self = user_data;
  GError *error = NULL;
  g_autoptr (FunnelCertificate) challenge
      = funnel_acme_make_challenge_certificate (name, digest, &error);

  g_clear_error (&self->way_error);
  if (challenge == NULL)
    g_task_report_error (NULL, callback, callback_data, publish_async, error);
  else
    self->way->publish_async (self->owner, name, challenge, cancellable, callback, callback_data);
}

static gboolean
publish_finish (GAsyncResult *result, gpointer user_data, GError **error)
{
  FunnelCertificateOrder *self = user_data;
  g_autoptr (GError) local = NULL;

  if (g_async_result_is_tagged (result, publish_async))
    return g_task_propagate_boolean (G_TASK (result), error);
  if (self->way->publish_finish (self->owner, result, &local))
    return TRUE;
  if (local->domain == FUNNEL_ERROR)
    self->way_error = g_error_copy (local);
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

static void
withdraw (const char *name, gpointer user_data)
{
  FunnelCertificateOrder *self = user_data;

  self->way->withdraw (self->owner, name);
}

static const FunnelAcmeChallenges challenges = {
    .publish_async = publish_async,
    .publish_finish = publish_finish,
    .withdraw = withdraw,
};

static void
on_progress (FunnelAcmeStep step, const char *text, gpointer user_data)
{
  FunnelCertificateOrder *self = user_data;

  self->step = step;
  if (!g_cancellable_is_cancelled (self->cancellable))
    self->events->progress (self->user_data, text);
}

static void
order_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  FunnelCertificateOrder *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (FunnelAcmeIssued) issued
      = funnel_acme_client_order_finish (FUNNEL_ACME_CLIENT (source), result, &error);

  self->events->done (self->user_data, issued, error, self->way_error);
  g_clear_error (&self->way_error);
  g_object_unref (self->cancellable);
  g_object_unref (self->client);
  g_free (self);
}

FunnelCertificateOrder *
funnel_certificate_order_start (FunnelAcmeClient *client,
                                const char *name,
                                const char *replaces,
                                const FunnelChallengeWay *way,
                                gpointer owner,
                                const FunnelCertificateOrderEvents *events,
                                gpointer user_data)
{
  FunnelCertificateOrder *self = g_new0 (FunnelCertificateOrder, 1);

  self->client = g_object_ref (client);
  self->way = way;
  self->owner = owner;
  self->events = events;
  self->user_data = user_data;
  self->cancellable = g_cancellable_new ();
  self->step = FUNNEL_ACME_STEP_DIRECTORY;
  funnel_acme_client_order_async (client, name, replaces, &challenges, on_progress,
                                  self->cancellable, order_cb, self);
  return self;
}

void
funnel_certificate_order_cancel (FunnelCertificateOrder *self)
{
  g_cancellable_cancel (self->cancellable);
}

gboolean
funnel_certificate_order_is_cancelled (FunnelCertificateOrder *self)
{
  return g_cancellable_is_cancelled (self->cancellable);
}

gboolean
funnel_certificate_order_needs_way (FunnelCertificateOrder *self)
{
  return self->step <= FUNNEL_ACME_STEP_VALIDATE;
}

const char *
funnel_certificate_order_get_ca (FunnelCertificateOrder *self)
{
  return funnel_acme_client_get_directory (self->client);
}
