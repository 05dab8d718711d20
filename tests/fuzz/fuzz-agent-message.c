/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Input: a datagram on the agent's socket. */
#include "tests/fuzz/fuzz.h"

#include "lib/tunnel/agent/agent-message.h"

#include <string.h>

static void
check_fields (const struct message *message)
{
  const char *end = message->text + message->len;

  REQUIRE (message->n_fields <= MESSAGE_FIELDS_MAX);
  REQUIRE (message->verb >= message->text && message->verb <= end);
  for (size_t i = 0; i < message->n_fields; i++)
    {
      const struct message_field *field = &message->fields[i];
      unsigned long number = 0;

      REQUIRE (field->key >= message->text && field->value >= field->key && field->value <= end);
      REQUIRE (strchr (field->value, '\n') == NULL);
      REQUIRE (message_get (message, field->key) != NULL);
      if (parse_number (field->value, 5, 500, &number))
        REQUIRE (number >= 5 && number <= 500);
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static struct message message;
  char error[256] = "";

  if (size > MESSAGE_MAX)
    return 0;
  memcpy (message.text, data, size);
  message.len = size;
  message.n_fds = 0;
  if (message_parse (&message, error, sizeof error))
    check_fields (&message);
  else
    REQUIRE (error[0] != '\0');
  message_clear (&message);
  return 0;
}
