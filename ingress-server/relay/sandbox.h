/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/** sandbox_drop_privileges: stages 1-3 of sandbox.c, before threads exist. Returns 0, or -1 after
 * having said on stderr what failed. */
int sandbox_drop_privileges (void);

/** sandbox_filter_calls: stage 4, on all threads. Returns 0, or -1 after having said what failed.
 */
int sandbox_filter_calls (void);
