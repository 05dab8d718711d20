/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Input: the extensions of a hello. The rest, with every length around them, is put here, so that
 * the fuzzer need not find it. The first byte chooses how records are cut. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/hello-check.h"

#include "lib/wire/hello.h"

#include <string.h>

#define EXTENSIONS_MAX (HELLO_MAX - 200)

static size_t
put_u16 (uint8_t *out, size_t value)
{
  out[0] = (uint8_t)(value >> 8);
  out[1] = (uint8_t)value;
  return 2;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const uint8_t body[] = {3, 3, [34] = 0, 0, 2, 0x13, 1, 1, 0};
  static uint8_t hello[HELLO_MAX];
  size_t n = 0, message_len;

  if (size < 1 || size > EXTENSIONS_MAX)
    return -1;
  message_len = sizeof body + 2 + size - 1;
  hello[n++] = 22;
  n += put_u16 (hello + n, 0x0301);
  n += put_u16 (hello + n, message_len + 4);
  hello[n++] = 1;
  hello[n++] = 0;
  n += put_u16 (hello + n, message_len);
  memcpy (hello + n, body, sizeof body);
  n += sizeof body;
  n += put_u16 (hello + n, size - 1);
  memcpy (hello + n, data + 1, size - 1);
  n += size - 1;
  hello_check (hello, n, (size_t)data[0] + 1);
  return 0;
}
