/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Which engine works here, found out by trying. */

#include "lib/tunnel/agent/engine.h"

/** engine_choose: ENGINE_KERNEL or ENGINE_WIREGUARD_GO into @out, of what @wanted allows. To be
 * called inside the private namespace. False with a sentence in @error that says what would help.
 * When the kernel's would have been better, @error says why it is not used; otherwise it is "". */
bool engine_choose (enum engine_kind wanted, enum engine_kind *out, char *error, size_t error_size);
