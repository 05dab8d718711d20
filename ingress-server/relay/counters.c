/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/relay/counters.h"

static const char *const refusal_names[] = {
#define RELAY_REFUSAL_NAME(id, name) [RELAY_REFUSAL_##id] = name,
    RELAY_REFUSALS (RELAY_REFUSAL_NAME)
#undef RELAY_REFUSAL_NAME
};

_Static_assert(sizeof refusal_names / sizeof *refusal_names == RELAY_REFUSAL_COUNT,
               "every refusal has a name");

const uint32_t relay_latency_bounds[] = {
#define RELAY_LATENCY_BOUND(bound) bound,
    RELAY_LATENCY_BOUNDS (RELAY_LATENCY_BOUND)
#undef RELAY_LATENCY_BOUND
};

const char *
relay_refusal_name (enum relay_refusal refusal)
{
  return (unsigned)refusal < RELAY_REFUSAL_COUNT ? refusal_names[refusal] : "unknown";
}
