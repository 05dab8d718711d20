/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/rules.h"

static GVariant *
make_access (const char *text)
{
  return g_variant_parse (G_VARIANT_TYPE_VARDICT, text, NULL, NULL, NULL);
}

static void
test_shown (void)
{
  g_autoptr (GVariant) access = make_access ("{'allow': <['192.0.2.0/24', '2001:db8::/32']>, "
                                             "'deny': <@as []>, 'rate': <uint32 20>, "
                                             "'max-conns': <uint32 0>, 'odd': <'text'>}");
  g_autofree char *allow = funnel_rules_dup_ranges (access, "allow");
  g_autofree char *deny = funnel_rules_dup_ranges (access, "deny");
  g_autofree char *absent = funnel_rules_dup_ranges (access, "odd");
  g_autofree char *nothing = funnel_rules_dup_ranges (NULL, "allow");
  g_autofree char *rate = funnel_rules_dup_limit (access, "rate");
  g_autofree char *none = funnel_rules_dup_limit (access, "max-conns");
  g_autofree char *no_number = funnel_rules_dup_limit (access, "odd");
  g_autofree char *no_access = funnel_rules_dup_limit (NULL, "rate");

  g_assert_cmpstr (allow, ==, "192.0.2.0/24, 2001:db8::/32");
  g_assert_cmpstr (deny, ==, "");
  g_assert_cmpstr (absent, ==, "");
  g_assert_cmpstr (nothing, ==, "");
  g_assert_cmpstr (rate, ==, "20");
  g_assert_cmpstr (none, ==, "");
  g_assert_cmpstr (no_number, ==, "");
  g_assert_cmpstr (no_access, ==, "");
}

/* What is shown is read as what it was. */
static void
test_ranges (void)
{
  static const struct
  {
    const char *text, *value;
  } rows[] = {
      {"", "@as []"},
      {" , ;", "@as []"},
      {"192.0.2.1", "['192.0.2.1']"},
      {"192.0.2.0/24, 2001:db8::/32", "['192.0.2.0/24', '2001:db8::/32']"},
      {"192.0.2.1 192.0.2.2;192.0.2.3", "['192.0.2.1', '192.0.2.2', '192.0.2.3']"},
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GVariant) value = g_variant_ref_sink (funnel_rules_read_ranges (rows[i].text));
      g_autofree char *text = g_variant_print (value, TRUE);

      g_assert_cmpstr (text, ==, rows[i].value);
    }
}

static void
test_limits (void)
{
  static const struct
  {
    const char *text;
    gint64 value; /* -1: none */
  } rows[] = {
      {"", 0},
      {"0", 0},
      {" 12 ", 12},
      {"4294967295", 4294967295},
      {"4294967296", -1},
      {"x", -1},
      {"12 a", -1},
      {"-1", -1},
      {"1.5", -1},
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GVariant) value = funnel_rules_read_limit (rows[i].text);

      if (value)
        g_variant_ref_sink (value);
      g_assert_cmpint (value ? (gint64)g_variant_get_uint32 (value) : -1, ==, rows[i].value);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/gui/rules/shown", test_shown);
  g_test_add_func ("/gui/rules/ranges", test_ranges);
  g_test_add_func ("/gui/rules/limits", test_limits);
  return g_test_run ();
}
