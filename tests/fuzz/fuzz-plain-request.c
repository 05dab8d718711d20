/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Input: what somebody sends to a port that only redirects. */
#include "tests/fuzz/fuzz.h"

#include "lib/wire/plain-request.h"

#include <string.h>

/* One header line more or less in the answer would be somebody else's header. */
static void
check_redirect (const struct plain_request *request)
{
  char out[PLAIN_REDIRECT_MAX];
  size_t len = plain_request_redirect (request, 8443, out);
  unsigned lines = 0;

  REQUIRE (len <= sizeof out);
  for (size_t i = 0; i < len; i++)
    {
      REQUIRE (out[i] == '\r' || out[i] == '\n' || (out[i] >= 0x20 && out[i] < 0x7f));
      lines += out[i] == '\n';
      REQUIRE ((out[i] == '\n') == (i > 0 && out[i - 1] == '\r'));
    }
  REQUIRE (lines == 5);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const char *text = (const char *)data;
  struct plain_request request;
  enum plain_request_result result = plain_request_parse (text, size, &request);
  size_t half = size / 2;

  if (result == PLAIN_REQUEST_OK)
    {
      REQUIRE (request.target >= text && request.target + request.target_len <= text + size);
      REQUIRE (request.target_len == 0 || request.target[0] == '/');
      REQUIRE (strlen (request.host) > 0);
      check_redirect (&request);
    }
  /* More bytes never turn a refusal into anything else. */
  if (plain_request_parse (text, half, &request) == PLAIN_REQUEST_MALFORMED)
    REQUIRE (result == PLAIN_REQUEST_MALFORMED);
  return 0;
}
