/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Input: what an ingress sent to the offer port. */
#include "tests/fuzz/fuzz.h"

#include "lib/wire/offer.h"

#include <string.h>

static void
check_round_trip (const struct offer *offer)
{
  char head[OFFER_HEAD_MAX];
  size_t len = offer_write (offer, head, sizeof head);
  struct offer again;
  size_t consumed;

  REQUIRE (len > 0);
  REQUIRE (offer_parse (head, len, &again, &consumed, NULL) == OFFER_OK);
  REQUIRE (consumed == len);
  REQUIRE (memcmp (&again, offer, sizeof again) == 0);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const char *text = (const char *)data;
  struct offer offer;
  size_t consumed = 0;
  const char *field = NULL;
  enum offer_result previous = OFFER_NEED_MORE;
  enum offer_result result = offer_parse (text, size, &offer, &consumed, &field);

  REQUIRE (result <= OFFER_TOO_LARGE);
  REQUIRE ((result == OFFER_BAD_HEADER) == (field != NULL));
  REQUIRE (result != OFFER_NEED_MORE || size < OFFER_HEAD_MAX);
  if (result == OFFER_OK)
    {
      REQUIRE (consumed > 0 && consumed <= size && consumed <= OFFER_HEAD_MAX);
      REQUIRE (memcmp (text + consumed - 4, "\r\n\r\n", 4) == 0);
      check_round_trip (&offer);
    }
  for (size_t n = 0; n < size; n += prefix_step (size))
    {
      char *exact = malloc (n > 0 ? n : 1);
      enum offer_result now;

      REQUIRE (exact != NULL);
      memcpy (exact, text, n);
      now = offer_parse (exact, n, &offer, &consumed, NULL);
      free (exact);
      REQUIRE (previous == OFFER_NEED_MORE || now == previous);
      previous = now;
    }
  REQUIRE (previous == OFFER_NEED_MORE || previous == result);
  if (result != OFFER_OK)
    {
      char answer[OFFER_ANSWER_MAX];
      struct offer_answer parsed;
      size_t len = offer_answer_write_error (result, field, answer);

      REQUIRE (len > 0);
      REQUIRE (offer_answer_parse (answer, len, &parsed) == OFFER_OK);
      REQUIRE (parsed.kind == OFFER_ANSWER_ERROR && parsed.consumed == len);
    }
  return 0;
}
