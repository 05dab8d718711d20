/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "funneld"

#include "daemon/install/install.h"

#include "daemon/install/hook.h"
#include "daemon/install/install-files.h"
#include "lib/base/error.h"
#include "lib/base/host.h"

#include <limits.h>
#include <string.h>

#define RETRY_FIRST_S 10
#define RETRY_MAX_S 3600
#define GROUP_MAX 256 /* bytes of a group's name */

struct _FunnelInstall
{
  FunnelInstallSpec *spec;
  void (*changed) (gpointer user_data);
  gpointer user_data;

  FunnelCertificate *certificate;
  GCancellable *working; /* an attempt is under way */
  gboolean stale;        /* the certificate changed during it */
  char *leaf;
  char *problem;
  gint64 retry_at;
  guint retry_s;
  guint retry_source;
  GPtrArray *settlers; /* GTask* */
};

/* What the thread works with, and what it found. */
typedef struct
{
  FunnelInstallSpec *spec;
  FunnelCertificate *certificate;
} Work;

FunnelInstallSpec *
funnel_install_spec_copy (const FunnelInstallSpec *spec)
{
  FunnelInstallSpec *copy = g_new0 (FunnelInstallSpec, 1);

  copy->name = g_strdup (spec->name);
  copy->folder = g_strdup (spec->folder);
  copy->group = g_strdup (spec->group);
  copy->hook = g_strdup (spec->hook);
  copy->told = g_strdup (spec->told);
  return copy;
}

void
funnel_install_spec_free (FunnelInstallSpec *spec)
{
  g_free (spec->name);
  g_free (spec->folder);
  g_free (spec->group);
  g_free (spec->hook);
  g_free (spec->told);
  g_free (spec);
}

static gboolean
check_text (const char *what, const char *text, gsize max, GError **error)
{
  if (text == NULL || (*text != '\0' && strlen (text) <= max && g_utf8_validate (text, -1, NULL)))
    return TRUE;
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
               "%s: a text of 1 to %zu bytes is needed", what, max);
  return FALSE;
}

gboolean
funnel_install_spec_check (const FunnelInstallSpec *spec, GError **error)
{
  if (!check_text ("folder", spec->folder, PATH_MAX - 512, error)
      || !check_text ("group", spec->group, GROUP_MAX, error)
      || !check_text ("hook", spec->hook, FUNNEL_HOOK_MAX, error))
    return FALSE;
  if (g_path_is_absolute (spec->folder))
    return TRUE;
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
               "folder: \"%s\" is not an absolute path", spec->folder);
  return FALSE;
}

static void attempt (FunnelInstall *self);

static void
settle (FunnelInstall *self)
{
  g_autoptr (GPtrArray) settlers = g_steal_pointer (&self->settlers);

  self->settlers = g_ptr_array_new_with_free_func (g_object_unref);
  for (guint i = 0; i < settlers->len; i++)
    g_task_return_boolean (g_ptr_array_index (settlers, i), TRUE);
}

static gboolean
on_retry (gpointer user_data)
{
  FunnelInstall *self = user_data;

  self->retry_source = 0;
  attempt (self);
  return G_SOURCE_REMOVE;
}

/* The attempt is over. A certificate that came meanwhile is next. */
static void
conclude (FunnelInstall *self, const GError *error)
{
  g_clear_object (&self->working);
  g_clear_pointer (&self->problem, g_free);
  self->retry_at = 0;
  if (error != NULL)
    {
      g_warning ("Certificate files of %s in %s: %s", self->spec->name, self->spec->folder,
                 error->message);
      self->problem = g_strdup (error->message);
      self->retry_at = g_get_real_time () / G_USEC_PER_SEC + self->retry_s;
      self->retry_source = g_timeout_add_seconds (self->retry_s, on_retry, self);
      self->retry_s = MIN (self->retry_s * 2, RETRY_MAX_S);
    }
  else
    self->retry_s = RETRY_FIRST_S;
  self->changed (self->user_data);
  /* Last: who waited may free us. */
  if (self->stale)
    attempt (self);
  else
    settle (self);
}

static void
hook_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  FunnelInstall *self = user_data;
  g_autoptr (GError) error = NULL;

  if (funnel_hook_run_finish (result, &error))
    {
      g_free (self->spec->told);
      self->spec->told = g_strdup (self->leaf);
    }
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return; /* self is gone */
  conclude (self, error);
}

static void
work_free (gpointer data)
{
  Work *work = data;

  funnel_install_spec_free (work->spec);
  funnel_certificate_unref (work->certificate);
  g_free (work);
}

static void
write_in_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Work *work = data;
  GError *error = NULL;
  gboolean changed = FALSE;

  if (funnel_install_files_write (work->spec->folder, work->spec->name, work->spec->group,
                                  work->certificate, &changed, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
write_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  FunnelInstall *self = user_data;
  g_autoptr (GError) error = NULL;
  Work *work = g_task_get_task_data (G_TASK (result));

  if (!g_task_propagate_boolean (G_TASK (result), &error))
    {
      if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        conclude (self, error);
      return;
    }
  g_free (self->leaf);
  self->leaf = g_strdup (funnel_certificate_get_leaf (work->certificate));
  if (self->spec->hook != NULL && g_strcmp0 (self->spec->told, self->leaf) != 0)
    funnel_hook_run_async (self->spec->hook, self->spec->name, self->spec->folder, self->working,
                           hook_cb, self);
  else
    conclude (self, NULL);
}

static void
attempt (FunnelInstall *self)
{
  g_autoptr (GTask) task = NULL;
  Work *work = NULL;

  self->stale = TRUE;
  if (self->working != NULL)
    return;
  self->stale = FALSE;
  g_clear_handle_id (&self->retry_source, g_source_remove);
  self->working = g_cancellable_new ();
  task = g_task_new (NULL, self->working, write_cb, self);
  g_task_set_source_tag (task, attempt);
  work = g_new0 (Work, 1);
  work->spec = funnel_install_spec_copy (self->spec);
  work->certificate = funnel_certificate_ref (self->certificate);
  g_task_set_task_data (task, work, work_free);
  g_task_run_in_thread (task, write_in_thread);
}

FunnelInstall *
funnel_install_new (const FunnelInstallSpec *spec,
                    void (*changed) (gpointer user_data),
                    gpointer user_data)
{
  FunnelInstall *self = g_new0 (FunnelInstall, 1);

  self->spec = funnel_install_spec_copy (spec);
  self->changed = changed;
  self->user_data = user_data;
  self->retry_s = RETRY_FIRST_S;
  self->settlers = g_ptr_array_new_with_free_func (g_object_unref);
  return self;
}

void
funnel_install_free (FunnelInstall *self)
{
  if (self->working != NULL)
    g_cancellable_cancel (self->working);
  g_clear_object (&self->working);
  g_clear_handle_id (&self->retry_source, g_source_remove);
  settle (self);
  g_ptr_array_unref (self->settlers);
  g_clear_pointer (&self->certificate, funnel_certificate_unref);
  funnel_install_spec_free (self->spec);
  g_free (self->leaf);
  g_free (self->problem);
  g_free (self);
}

void
funnel_install_follow (FunnelInstall *self,
                       void (*changed) (gpointer user_data),
                       gpointer user_data)
{
  self->changed = changed;
  self->user_data = user_data;
}

const FunnelInstallSpec *
funnel_install_get_spec (FunnelInstall *self)
{
  return self->spec;
}

const char *
funnel_install_get_leaf (FunnelInstall *self)
{
  return self->leaf;
}

const char *
funnel_install_get_problem (FunnelInstall *self)
{
  return self->problem;
}

gint64
funnel_install_get_retry_at (FunnelInstall *self)
{
  return self->retry_at;
}

void
funnel_install_set_certificate (FunnelInstall *self, FunnelCertificate *certificate)
{
  if (certificate == NULL || certificate == self->certificate)
    return;
  g_clear_pointer (&self->certificate, funnel_certificate_unref);
  self->certificate = funnel_certificate_ref (certificate);
  self->retry_s = RETRY_FIRST_S;
  attempt (self);
}

void
funnel_install_settle_async (FunnelInstall *self,
                             GCancellable *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer user_data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);

  g_task_set_source_tag (task, funnel_install_settle_async);
  g_ptr_array_add (self->settlers, task);
  if (self->working == NULL)
    settle (self);
}

void
funnel_install_settle_finish (FunnelInstall *self, GAsyncResult *result)
{
  g_task_propagate_boolean (G_TASK (result), NULL);
}
