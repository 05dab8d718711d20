/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What this host's own firewall says, as far as it can be read without guessing. Pure. */

#include "ingress-server/store/ingress-config.h"

G_BEGIN_DECLS

/**
 * ingress_doctor_read_ufw: @output of "ufw status".
 * @advice: (out): what to type to let in what is missing; NULL when nothing is; caller frees
 * Returns one sentence; NULL when ufw is not active, or the output is none of its.
 */
char *ingress_doctor_read_ufw (const char *output, const IngressConfig *config, char **advice);

/** ingress_doctor_read_nft: @output of "nft list ruleset": a sentence when it drops by default;
 * whether it accepts what is needed is not judged. NULL otherwise. */
char *ingress_doctor_read_nft (const char *output, const IngressConfig *config);

G_END_DECLS
