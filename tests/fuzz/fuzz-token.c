/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Input: a join token as somebody pasted it. */
#include "tests/fuzz/fuzz.h"

#include "lib/base/token.h"

#include <string.h>

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  char *text = g_strndup ((const char *)data, size);
  GError *error = NULL;
  FunnelToken *token = funnel_token_parse (text, &error);

  REQUIRE ((token == NULL) == (error != NULL));
  if (token != NULL)
    {
      char *printed = funnel_token_print (token);
      FunnelToken *again = funnel_token_parse (printed, NULL);

      REQUIRE (again != NULL);
      REQUIRE (strcmp (again->host, token->host) == 0 && again->port == token->port);
      REQUIRE (memcmp (again->key_hash, token->key_hash, sizeof token->key_hash) == 0);
      REQUIRE (memcmp (again->secret, token->secret, sizeof token->secret) == 0);
      funnel_token_free (again);
      funnel_secret_free (printed);
      funnel_token_free (token);
    }
  g_clear_error (&error);
  g_free (text);
  return 0;
}
