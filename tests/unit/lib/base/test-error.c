/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/base/error.h"

static void
test_texts_round_trip (void)
{
  for (guint code = FUNNEL_ERROR_FAILED; code <= FUNNEL_ERROR_PROTOCOL; code++)
    {
      const char *text = funnel_error_code_text ((FunnelError)code);

      g_assert_cmpuint (funnel_error_code_from_text (text), ==, code);
    }
  g_assert_cmpstr (funnel_error_code_text (FUNNEL_ERROR_TOKEN_USED), ==, "token-used");
  g_assert_cmpuint (funnel_error_code_from_text ("no-such-code"), ==, FUNNEL_ERROR_FAILED);
  g_assert_cmpuint (funnel_error_code_from_text (NULL), ==, FUNNEL_ERROR_FAILED);
  g_assert_cmpstr (funnel_error_code_text ((FunnelError)9999), ==, "failed");
}

/* The D-Bus nick is the code text in camel case, so that neither table can drift. */
static void
test_bus_names (void)
{
  for (guint code = FUNNEL_ERROR_FAILED; code <= FUNNEL_ERROR_PROTOCOL; code++)
    {
      g_autoptr (GError) error = g_error_new_literal (FUNNEL_ERROR, (int)code, "x");
      g_autofree char *bus_name = g_dbus_error_encode_gerror (error);
      g_auto (GStrv) words = g_strsplit (funnel_error_code_text ((FunnelError)code), "-", -1);
      g_autoptr (GString) expected = g_string_new ("org.openfunnel.Funnel.Error.");

      for (guint i = 0; words[i]; i++)
        {
          words[i][0] = g_ascii_toupper (words[i][0]);
          g_string_append (expected, words[i]);
        }
      g_assert_cmpstr (bus_name, ==, expected->str);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/error/texts", test_texts_round_trip);
  g_test_add_func ("/base/error/bus-names", test_bus_names);
  return g_test_run ();
}
