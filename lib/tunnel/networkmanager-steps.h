/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Operations on a path, each a table of steps that run one after the other. Operations wait in a
 * queue, which all paths of a process share, because they have the same identities when one follows
 * another.
 */

#include "lib/tunnel/networkmanager-path.h"

G_BEGIN_DECLS

typedef struct
{
  /* Answers @step, which it owns, with TRUE or an error. It is not cancelled if it is to carry on.
   */
  void (*begin) (FunnelNmPath *path, GTask *step);
  gboolean carry_on; /* with the next step, even after a failure */
} FunnelNmStep;

/** funnel_nm_steps_run: @steps is static and ends with one without begin. The first failure ends
 * the operation, or is its answer when all are through. */
void funnel_nm_steps_run_async (FunnelNmPath *path,
                                const FunnelNmStep *steps,
                                GCancellable *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer user_data);
gboolean funnel_nm_steps_finish (FunnelNmPath *path, GAsyncResult *result, GError **error);

/** funnel_nm_step_call_cb: the end of a step that was one call, answered with a boolean; takes the
 * step. */
void funnel_nm_step_call_cb (GObject *source, GAsyncResult *result, gpointer step);
/** funnel_nm_step_try_cb: the same, for a call that may come too late to be of use. */
void funnel_nm_step_try_cb (GObject *source, GAsyncResult *result, gpointer step);
/** funnel_nm_step_end: the end of one that needed no waiting; takes @step and @error, NULL for
 * success. */
void funnel_nm_step_end (GTask *step, GError *error);

G_END_DECLS
