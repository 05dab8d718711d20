/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What every target has. With libFuzzer (meson option "fuzz") it drives LLVMFuzzerTestOneInput;
 * otherwise replay.c feeds it the seed corpus, so that a plain build runs the same checks on the
 * same inputs. To add a target: fuzz-NAME.c, a row in meson.build, seeds in corpus/NAME/. */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/** prefix_step: how far apart the prefixes of an input are that a target tries. All of them for one
 * small size in sixteen, else a few, or the fuzzer would do little else. */
static inline size_t
prefix_step (size_t size)
{
  return size % 16 == 0 && size <= 1024 ? 1 : size / 16 + 1;
}

/* Like assert(), whatever NDEBUG says. */
#define REQUIRE(condition)                                                                         \
  do                                                                                               \
    if (!(condition))                                                                              \
      {                                                                                            \
        fprintf (stderr, "%s:%d: %s: does not hold: %s\n", __FILE__, __LINE__, __func__,           \
                 #condition);                                                                      \
        abort ();                                                                                  \
      }                                                                                            \
  while (0)
