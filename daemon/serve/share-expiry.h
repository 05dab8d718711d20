/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* When shares end by themselves. Theory of operation.
 *
 * The offer policy refuses newcomers of an expired share by the clock; what is left to do is to cut
 * those who are there already. One timer on the wall clock is set to the earliest end ahead. It is
 * absolute, so it fires in time after a suspend, and it is cancelled when somebody sets the clock,
 * which makes the caller look again too. No share with an end: no timer, no wake-up. */

#include "daemon/serve/share-table.h"

#include <stdbool.h>
#include <stdint.h>

/** share_expiry_open: a timer for epoll; -errno on failure. */
int share_expiry_open (void);

/** share_expiry_arm: set @timer to the earliest end of a share in @table that lies after @now_s
 * (Unix seconds); no end ahead stops it. */
void share_expiry_arm (int timer, const struct share_table *table, int64_t now_s);

/** share_expiry_acknowledge: after @timer became readable. */
void share_expiry_acknowledge (int timer);
