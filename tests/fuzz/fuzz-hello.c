/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Input: the bytes a visitor sent. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/hello-check.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const size_t record_sizes[] = {1, 2, 3, 7, 100, 1000};
  size_t choice = size > 12 ? data[12] % (sizeof record_sizes / sizeof record_sizes[0]) : 0;

  hello_check (data, size, record_sizes[choice]);
  return 0;
}
