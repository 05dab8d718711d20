/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The doctor: a button, and below it what was found, step by step. */

#include <adwaita.h>

#include "lib/client/connection.h"

G_BEGIN_DECLS

#define FUNNEL_TYPE_DOCTOR_LIST (funnel_doctor_list_get_type ())
G_DECLARE_FINAL_TYPE (FunnelDoctorList, funnel_doctor_list, FUNNEL, DOCTOR_LIST, AdwBin)

void funnel_doctor_list_set_connection (FunnelDoctorList *self, FunnelConnection *connection);
/** funnel_doctor_list_set_name: look at shares of this public name only; NULL: at everything. What
 * was found before is forgotten. */
void funnel_doctor_list_set_name (FunnelDoctorList *self, const char *name);

G_END_DECLS
