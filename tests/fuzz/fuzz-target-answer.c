/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Input: a byte that chooses the mount, then the value of a Location field. */
#include "tests/fuzz/fuzz.h"

#include "daemon/serve/http/target-answer.h"

#include <string.h>

#define VISITOR "laptop.example.org"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const char *const paths[] = {"/", "/api", "/a b", "/v1"};
  static const char *const bases[] = {"", "/v1", "/v1/x", "/api"};
  FunnelServeMount mount = {.authority = (char *)"localhost:3000"};
  struct http_text location;
  char *out;
  size_t len;

  if (size < 1)
    return 0;
  mount.path = (char *)paths[data[0] & 3];
  mount.base_path = (char *)bases[data[0] >> 2 & 3];
  mount.keep_prefix = (data[0] & 16) != 0;
  location = (struct http_text) {(const char *)data + 1, (uint32_t)(size - 1)};
  if (size > 1 && memchr (location.data, '\0', location.len) != NULL)
    return 0; /* no field has one */
  out = g_malloc (size + 16);
  len = target_answer_location (&mount, HTTP_TEXT (VISITOR), location, out, size + 16);
  /* Always a path, never somebody's host. */
  REQUIRE (len <= size + 16);
  REQUIRE (len == 0 || out[0] == '/');
  REQUIRE (len < 2 || out[1] != '/');
  /* What is translated was the target's own; that is right as it is. */
  if (len > 0 && mount.keep_prefix && mount.base_path[0] == '\0')
    {
      char again[64];

      REQUIRE (target_answer_location (&mount, HTTP_TEXT (VISITOR),
                                       (struct http_text) {out, (uint32_t)len}, again, sizeof again)
                   == 0
               || len > sizeof again);
    }
  g_free (out);
  return 0;
}
