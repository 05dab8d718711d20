/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The relay's counters, mapped for reading. */

#include "ingress-server/relay/counters.h"

#include <glib.h>

G_BEGIN_DECLS

/** counters_page_map: map the memfd @fd (not taken over); NULL when it is no counters page. */
const struct relay_counters *counters_page_map (int fd);
void counters_page_unmap (const struct relay_counters *counters);

/* Reads of what other processes write meanwhile. */
guint64 counters_page_read (const guint64 *counter);
guint32 counters_page_read32 (const guint32 *counter);

G_END_DECLS
