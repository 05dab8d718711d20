/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Collects what the ingress's doctor judges: from the state directory, the daemon, the kernel, DNS
 * and the host's own ports. Blocks for at most ten seconds or so. */

#include "ingress-server/admin/admin-call.h"
#include "ingress-server/admin/ingress-doctor.h"

G_BEGIN_DECLS

/** ingress_doctor_examine: FunnelDoctorStep*. */
GPtrArray *ingress_doctor_examine (AdminCall *call);

G_END_DECLS
