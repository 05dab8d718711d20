/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/cert/certificate-waiters.h"

#include <glib/gi18n.h>

#include "lib/base/error.h"

typedef struct
{
  FunnelCertificateWaiters *list;
  GTask *task;
  gint64 min_validity;
  gulong cancelled;
  guint leaving; /* source: it was cancelled */
} Waiter;

struct _FunnelCertificateWaiters
{
  GPtrArray *waiters; /* Waiter* */
  void (*left) (gpointer user_data);
  gpointer user_data;
};

static void
waiter_free (Waiter *waiter)
{
  g_clear_handle_id (&waiter->leaving, g_source_remove);
  g_clear_signal_handler (&waiter->cancelled, g_task_get_cancellable (waiter->task));
  g_object_unref (waiter->task);
  g_free (waiter);
}

FunnelCertificateWaiters *
funnel_certificate_waiters_new (void (*left) (gpointer user_data), gpointer user_data)
{
  FunnelCertificateWaiters *self = g_new0 (FunnelCertificateWaiters, 1);

  self->waiters = g_ptr_array_new_with_free_func ((GDestroyNotify)waiter_free);
  self->left = left;
  self->user_data = user_data;
  return self;
}

void
funnel_certificate_waiters_free (FunnelCertificateWaiters *self)
{
  g_ptr_array_unref (self->waiters);
  g_free (self);
}

/* The task outlives its place in the list: whoever gets the answer may change the list. */
static GTask *
take_out (FunnelCertificateWaiters *self, Waiter *waiter)
{
  GTask *task = g_object_ref (waiter->task);

  g_ptr_array_remove (self->waiters, waiter);
  return task;
}

static gboolean
on_leaving (gpointer user_data)
{
  Waiter *waiter = user_data;
  FunnelCertificateWaiters *self = waiter->list;
  g_autoptr (GTask) task = NULL;

  waiter->leaving = 0;
  task = take_out (self, waiter);
  g_task_return_error_if_cancelled (task);
  self->left (self->user_data);
  return G_SOURCE_REMOVE;
}

/* Not from within the call of who is cancelling. */
static void
on_cancelled (GCancellable *cancellable, Waiter *waiter)
{
  if (waiter->leaving == 0)
    waiter->leaving = g_idle_add_full (G_PRIORITY_DEFAULT, on_leaving, waiter, NULL);
}

void
funnel_certificate_waiters_add (FunnelCertificateWaiters *self, GTask *task, gint64 min_validity)
{
  GCancellable *cancellable = g_task_get_cancellable (task);
  Waiter *waiter = g_new0 (Waiter, 1);

  waiter->list = self;
  waiter->task = task;
  waiter->min_validity = min_validity;
  g_ptr_array_add (self->waiters, waiter);
  if (cancellable == NULL)
    return;
  waiter->cancelled
      = g_signal_connect (cancellable, "cancelled", G_CALLBACK (on_cancelled), waiter);
  if (g_cancellable_is_cancelled (cancellable))
    on_cancelled (cancellable, waiter);
}

guint
funnel_certificate_waiters_get_count (FunnelCertificateWaiters *self)
{
  return self->waiters->len;
}

gboolean
funnel_certificate_waiters_want_more (FunnelCertificateWaiters *self, gint64 left)
{
  for (guint i = 0; i < self->waiters->len; i++)
    if (((Waiter *)g_ptr_array_index (self->waiters, i))->min_validity > left)
      return TRUE;
  return FALSE;
}

void
funnel_certificate_waiters_serve (FunnelCertificateWaiters *self,
                                  FunnelCertificate *certificate,
                                  gint64 now,
                                  gboolean fresh)
{
  gint64 left = certificate != NULL ? funnel_certificate_get_expiry (certificate) - now : -1;

  for (guint i = self->waiters->len; i-- > 0;)
    {
      Waiter *waiter = g_ptr_array_index (self->waiters, i);
      gboolean enough = certificate != NULL && left >= waiter->min_validity;
      g_autoptr (GTask) task = NULL;

      if (!enough && !fresh)
        continue;
      task = take_out (self, waiter);
      if (enough)
        g_task_return_pointer (task, funnel_certificate_ref (certificate),
                               (GDestroyNotify)funnel_certificate_unref);
      else
        g_task_return_new_error (
            task, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
            N_ ("a new certificate of this authority is not valid for that long, "
                "but for %ld hours"),
            (long)(left / 3600));
    }
}

void
funnel_certificate_waiters_fail (FunnelCertificateWaiters *self, int code, const char *message)
{
  while (self->waiters->len > 0)
    {
      g_autoptr (GTask) task
          = take_out (self, g_ptr_array_index (self->waiters, self->waiters->len - 1));

      g_task_return_new_error (task, FUNNEL_ERROR, code, "%s", message);
    }
}
