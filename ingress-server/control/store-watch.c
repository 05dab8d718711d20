/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/control/store-watch.h"

#include "ingress-server/store/store-check.h"
#include "lib/base/error.h"

#include <gio/gio.h>

#define INTERVAL_S 60 /* a check reads all of it: some ten milliseconds with ten thousand nodes */

struct _StoreWatch
{
  char *path;
  char *problem; /* what was last told */
  StoreWatchFunc func;
  gpointer user_data;
  GCancellable *cancellable;
  guint timer;
};

static void
check_thread (GTask *task, gpointer source, gpointer path, GCancellable *cancellable)
{
  GError *error = NULL;

  if (ingress_store_check (path, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
check_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  StoreWatch *self = data;
  g_autoptr (GError) error = NULL;

  if (!g_task_propagate_boolean (G_TASK (result), &error)
      && (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED)
          || g_error_matches (error, FUNNEL_ERROR, FUNNEL_ERROR_CONFLICT)))
    return;
  if (g_strcmp0 (error ? error->message : NULL, self->problem) == 0)
    return;
  g_free (self->problem);
  self->problem = g_strdup (error ? error->message : NULL);
  self->func (self->problem, self->user_data);
}

void
store_watch_look (StoreWatch *self)
{
  g_autoptr (GTask) task = g_task_new (NULL, self->cancellable, check_cb, self);

  g_task_set_source_tag (task, store_watch_look);
  g_task_set_task_data (task, g_strdup (self->path), g_free);
  g_task_run_in_thread (task, check_thread);
}

static gboolean
on_time (gpointer data)
{
  store_watch_look (data);
  return G_SOURCE_CONTINUE;
}

StoreWatch *
store_watch_new (const char *path, StoreWatchFunc func, gpointer user_data)
{
  StoreWatch *self = g_new0 (StoreWatch, 1);

  self->path = g_strdup (path);
  self->func = func;
  self->user_data = user_data;
  self->cancellable = g_cancellable_new ();
  self->timer = g_timeout_add_seconds (INTERVAL_S, on_time, self);
  store_watch_look (self);
  return self;
}

const char *
store_watch_get_problem (StoreWatch *self)
{
  return self->problem;
}

void
store_watch_free (StoreWatch *self)
{
  g_cancellable_cancel (self->cancellable);
  g_object_unref (self->cancellable);
  g_source_remove (self->timer);
  g_free (self->path);
  g_free (self->problem);
  g_free (self);
}
