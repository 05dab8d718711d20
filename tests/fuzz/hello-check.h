/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

/** hello_check: parse the bytes whole, at many prefixes and cut anew into records of @record_size
 * bytes, and abort where the answers contradict each other. */
void hello_check (const uint8_t *data, size_t len, size_t record_size);
