/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Input: one message of the link. */
#include "tests/fuzz/fuzz.h"

#include "lib/base/link-message.h"

#include <string.h>

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  GError *error = NULL;
  FunnelLinkMessage *message = funnel_link_message_parse ((const char *)data, size, &error);

  REQUIRE ((message == NULL) == (error != NULL));
  if (message != NULL)
    {
      char *printed = funnel_link_message_print (message);
      FunnelLinkMessage *again = funnel_link_message_parse (printed, strlen (printed), &error);
      char *twice;

      if (again == NULL)
        fprintf (stderr, "%s\n%s\n", printed, error->message);
      REQUIRE (again != NULL);
      twice = funnel_link_message_print (again);
      REQUIRE (strcmp (printed, twice) == 0);
      g_free (twice);
      g_free (printed);
      funnel_link_message_free (again);
      funnel_link_message_free (message);
    }
  g_clear_error (&error);
  return 0;
}
