/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/tunnel/networkmanager-steps.h"

/* GTask*, of all paths, because they share identities when one follows another: the first one is
 * under way. */
static GQueue operations = G_QUEUE_INIT;

typedef struct
{
  const FunnelNmStep *steps; /* ends with one without begin */
  guint next;
  GError *error; /* the first of those carried on after */
} Operation;

static void
operation_free (Operation *operation)
{
  g_clear_error (&operation->error);
  g_free (operation);
}

/* ---- running steps ---- */

static void run_step (GTask *task);

/* Takes @error. */
static void
end_operation (GError *error)
{
  g_autoptr (GTask) task = g_queue_pop_head (&operations);
  Operation *operation = g_task_get_task_data (task);
  GTask *next = g_queue_peek_head (&operations);

  if (!error)
    error = g_steal_pointer (&operation->error);
  if (error)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
  if (next)
    run_step (next);
}

static void
step_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  Operation *operation = g_task_get_task_data (task);
  const FunnelNmStep *step = &operation->steps[operation->next++];
  GError *error = NULL;

  if (g_task_propagate_boolean (G_TASK (result), &error))
    run_step (task);
  else if (!step->carry_on)
    end_operation (error);
  else
    {
      g_debug ("NetworkManager: %s", error->message);
      if (operation->error)
        g_error_free (error);
      else
        operation->error = error;
      run_step (task);
    }
}

static void
run_step (GTask *task)
{
  FunnelNmPath *path = g_task_get_source_object (task);
  Operation *operation = g_task_get_task_data (task);
  const FunnelNmStep *step = &operation->steps[operation->next];
  GCancellable *cancellable = g_task_get_cancellable (task);
  GError *error = NULL;

  if (!step->begin)
    end_operation (NULL);
  else if (!step->carry_on && g_cancellable_set_error_if_cancelled (cancellable, &error))
    end_operation (error);
  else
    step->begin (path, g_task_new (path, step->carry_on ? NULL : cancellable, step_cb, task));
}

void
funnel_nm_steps_run_async (FunnelNmPath *path,
                           const FunnelNmStep *steps,
                           GCancellable *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer user_data)
{
  GTask *task = g_task_new (path, cancellable, callback, user_data);
  Operation *operation = g_new0 (Operation, 1);

  operation->steps = steps;
  g_task_set_source_tag (task, funnel_nm_steps_run_async);
  g_task_set_task_data (task, operation, (GDestroyNotify)operation_free);
  g_task_set_check_cancellable (task, FALSE);
  g_queue_push_tail (&operations, task);
  if (g_queue_get_length (&operations) == 1)
    run_step (task);
}

gboolean
funnel_nm_steps_finish (FunnelNmPath *path, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, path), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* ---- the end of a step ---- */

void
funnel_nm_step_call_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) step = user_data;
  GError *error = NULL;

  if (g_task_propagate_boolean (G_TASK (result), &error))
    g_task_return_boolean (step, TRUE);
  else
    g_task_return_error (step, error);
}

void
funnel_nm_step_try_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) step = user_data;
  g_autoptr (GError) error = NULL;

  if (!g_task_propagate_boolean (G_TASK (result), &error))
    g_debug ("NetworkManager: %s", error->message);
  g_task_return_boolean (step, TRUE);
}

void
funnel_nm_step_end (GTask *owned, GError *error)
{
  g_autoptr (GTask) step = owned;

  if (error)
    g_task_return_error (step, error);
  else
    g_task_return_boolean (step, TRUE);
}
