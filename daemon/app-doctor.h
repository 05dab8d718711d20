/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Collects what the doctor judges: everything is asked at the same time, and what has not answered
 * when the time is over counts as silent. */

#include "daemon/ingress-runtime.h"
#include "daemon/share-runtime.h"

G_BEGIN_DECLS

/* What there is now; the owner fills it in whenever it is asked. */
typedef struct
{
  const char *state_dir;
  const char *store_problems[4]; /* NULL-terminated; owned by the caller of fill */
  FunnelIngressRuntime *ingress; /* NULL: not joined */
  GHashTable *runtimes;          /* share id → FunnelShareRuntime* */
} FunnelDoctorView;

typedef struct
{
  /* Borrowed, until the main loop goes on. */
  void (*look) (gpointer owner, FunnelDoctorView *view);
  /* What the ingress says about the name and port in @facts, put there. */
  void (*judge_grant) (gpointer owner, FunnelShareFacts *facts);
} FunnelDoctorOwner;

typedef struct _FunnelAppDoctor FunnelAppDoctor;

/** funnel_app_doctor_new: @owner must stay; asks nothing yet. */
FunnelAppDoctor *funnel_app_doctor_new (const FunnelDoctorOwner *owner, gpointer user_data);
/** funnel_app_doctor_free: calls under way are cancelled. */
void funnel_app_doctor_free (FunnelAppDoctor *self);

/** funnel_app_doctor_run_async: @name (canonical): only shares of it; NULL all. @client_version: of
 * who asks, or NULL. Takes at most ten seconds or so. */
void funnel_app_doctor_run_async (FunnelAppDoctor *self,
                                  const char *name,
                                  const char *client_version,
                                  GAsyncReadyCallback callback,
                                  gpointer user_data);
/** funnel_app_doctor_run_finish: FunnelDoctorStep*. */
GPtrArray *funnel_app_doctor_run_finish (GAsyncResult *result, GError **error);
/** funnel_app_doctor_notice: a share or the tunnel is different. */
void funnel_app_doctor_notice (FunnelAppDoctor *self);

G_END_DECLS
