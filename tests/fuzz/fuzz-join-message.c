/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Input: a request or an answer of the join API. */
#include "tests/fuzz/fuzz.h"

#include "lib/base/join-message.h"

#include <string.h>

static void
check_request (const char *text, gsize len)
{
  GError *error = NULL;
  FunnelJoinRequest *request = funnel_join_request_parse (text, len, &error);

  REQUIRE ((request == NULL) == (error != NULL));
  if (request != NULL)
    {
      char *printed = funnel_join_request_print (request);
      FunnelJoinRequest *again = funnel_join_request_parse (printed, strlen (printed), NULL);

      REQUIRE (again != NULL);
      REQUIRE (memcmp (again->secret, request->secret, sizeof request->secret) == 0);
      REQUIRE (strcmp (again->public_key, request->public_key) == 0);
      funnel_join_request_free (again);
      funnel_secret_free (printed);
      funnel_join_request_free (request);
    }
  g_clear_error (&error);
}

static void
check_answer (const char *text, gsize len)
{
  GError *error = NULL;
  FunnelJoinAnswer *answer = funnel_join_answer_parse (text, len, &error);

  REQUIRE ((answer == NULL) == (error != NULL));
  if (answer != NULL)
    {
      char *printed = funnel_join_answer_print (answer);
      FunnelJoinAnswer *again = funnel_join_answer_parse (printed, strlen (printed), NULL);
      char *twice;

      REQUIRE (again != NULL);
      twice = funnel_join_answer_print (again);
      REQUIRE (strcmp (printed, twice) == 0);
      g_free (twice);
      g_free (printed);
      funnel_join_answer_free (again);
      funnel_join_answer_free (answer);
    }
  g_clear_error (&error);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const char *text = (const char *)data;
  GError *error = funnel_join_error_parse (text, size);

  REQUIRE (error != NULL && error->message != NULL);
  g_error_free (error);
  check_request (text, size);
  check_answer (text, size);
  return 0;
}
