/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Input: what a node answered to an offer. */
#include "tests/fuzz/fuzz.h"

#include "lib/wire/offer.h"

#include <string.h>

static void
check_answer (const struct offer_answer *answer, const char *text, size_t size)
{
  REQUIRE (answer->consumed > 0 && answer->consumed <= size);
  REQUIRE (answer->consumed <= OFFER_ANSWER_MAX);
  REQUIRE (memcmp (text + answer->consumed - 4, "\r\n\r\n", 4) == 0);
  REQUIRE (answer->status >= 100 && answer->status <= 599);
  REQUIRE ((answer->kind == OFFER_ANSWER_ACCEPTED) == (answer->status == 101));
  REQUIRE ((answer->kind == OFFER_ANSWER_REFUSED) == (answer->status == 403));
  REQUIRE ((answer->kind == OFFER_ANSWER_REFUSED) == (answer->reason != OFFER_REASON_NONE));
  REQUIRE (answer->reason <= OFFER_REASON_OTHER);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const char *text = (const char *)data;
  struct offer_answer answer;
  enum offer_result previous = OFFER_NEED_MORE;
  enum offer_result result = offer_answer_parse (text, size, &answer);

  REQUIRE (result == OFFER_OK || result == OFFER_NEED_MORE || result == OFFER_BAD_HEADER
           || result == OFFER_TOO_LARGE);
  REQUIRE (result != OFFER_NEED_MORE || size < OFFER_ANSWER_MAX);
  if (result == OFFER_OK)
    check_answer (&answer, text, size);
  for (size_t n = 0; n < size; n += prefix_step (size))
    {
      char *exact = malloc (n > 0 ? n : 1);
      enum offer_result now;

      REQUIRE (exact != NULL);
      memcpy (exact, text, n);
      now = offer_answer_parse (exact, n, &answer);
      free (exact);
      REQUIRE (previous == OFFER_NEED_MORE || now == previous);
      previous = now;
    }
  REQUIRE (previous == OFFER_NEED_MORE || previous == result);
  return 0;
}
