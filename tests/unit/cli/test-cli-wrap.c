/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli-wrap.h"

#define TEN "ten chars "
#define SEVENTY TEN TEN TEN TEN TEN TEN TEN

static void
test_wrap (void)
{
  static const struct
  {
    const char *text;
    const char *wrapped;
  } rows[] = {
      {"", ""},
      {"one\n\ntwo\n", "one\n\ntwo\n"},
      {SEVENTY "0123456789\n", SEVENTY "0123456789\n"},      /* 80: fits */
      {SEVENTY "0123456789 x\n", SEVENTY "0123456789\nx\n"}, /* the next word does not */
      {SEVENTY "\u00e4\u00f6\u00fc\u00df\u00e9\u00e8\u00ea\u00eb\u00ee\u00ef", SEVENTY
       "\u00e4\u00f6\u00fc\u00df\u00e9\u00e8\u00ea\u00eb\u00ee\u00ef"}, /* characters, not bytes */
      {"  " SEVENTY "abcdefghijk end", "  " TEN TEN TEN TEN TEN TEN "ten chars\n  abcdefghijk end"},
      {"  --flag=A B  " SEVENTY "end", /* below the second column */
       "  --flag=A B  " TEN TEN TEN TEN TEN "ten chars ten\n              chars end"},
      {"  --flag\n" SEVENTY "abcdefghijk",
       "  --flag\n" TEN TEN TEN TEN TEN TEN "ten chars\nabcdefghijk"},
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *wrapped = funnel_cli_wrap (rows[i].text);

      g_assert_cmpstr (wrapped, ==, rows[i].wrapped);
    }
}

static void
test_long_word (void)
{
  g_autofree char *word = g_strnfill (FUNNEL_CLI_COLUMNS + 1, 'w');
  g_autofree char *text = g_strdup_printf ("a %s b", word);
  g_autofree char *expected = g_strdup_printf ("a\n%s\nb", word);
  g_autofree char *wrapped = funnel_cli_wrap (text);

  g_assert_cmpstr (wrapped, ==, expected);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/cli/wrap/lines", test_wrap);
  g_test_add_func ("/cli/wrap/long-word", test_long_word);
  return g_test_run ();
}
