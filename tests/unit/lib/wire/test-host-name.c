/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/wire/host-name.h"

#include <glib.h>
#include <string.h>

#define LABEL_63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define NAME_253                                                                                   \
  LABEL_63 "." LABEL_63 "." LABEL_63                                                               \
           ".bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static const struct
{
  const char *text;
  size_t len; /* 0: strlen */
  enum host_name_result result;
  const char *canonical;
} rows[] = {
    {"laptop.example.org", 0, HOST_NAME_OK, "laptop.example.org"},
    {"Laptop.EXAMPLE.Org", 0, HOST_NAME_OK, "laptop.example.org"},
    {"laptop.example.org.", 0, HOST_NAME_OK, "laptop.example.org"},
    {"localhost", 0, HOST_NAME_OK, "localhost"},
    {"a", 0, HOST_NAME_OK, "a"},
    {"0a", 0, HOST_NAME_OK, "0a"},
    {"1.2.3.4.example", 0, HOST_NAME_OK, "1.2.3.4.example"},
    {"3com.com", 0, HOST_NAME_OK, "3com.com"},
    {"1-2.3", 0, HOST_NAME_OK, "1-2.3"},
    {"XN--Mnchen-3YA.de", 0, HOST_NAME_OK, "xn--mnchen-3ya.de"},
    {"a--b.c-d", 0, HOST_NAME_OK, "a--b.c-d"},
    {"abcdefghijklmnopqrstuvwxyz-0123456789", 0, HOST_NAME_OK,
     "abcdefghijklmnopqrstuvwxyz-0123456789"},
    {"ABCDEFGHIJKLMNOPQRSTUVWXYZ", 0, HOST_NAME_OK, "abcdefghijklmnopqrstuvwxyz"},
    {LABEL_63 ".org", 0, HOST_NAME_OK, LABEL_63 ".org"},
    {NAME_253, 0, HOST_NAME_OK, NAME_253},
    {NAME_253 ".", 0, HOST_NAME_OK, NAME_253},

    {"", 0, HOST_NAME_EMPTY, NULL},
    {".", 0, HOST_NAME_EMPTY, NULL},
    {NAME_253 "b", 0, HOST_NAME_TOO_LONG, NULL},
    {NAME_253 "b.", 0, HOST_NAME_TOO_LONG, NULL},
    {NAME_253 "..", 0, HOST_NAME_TOO_LONG, NULL},
    {".a", 0, HOST_NAME_LABEL_EMPTY, NULL},
    {"a..b", 0, HOST_NAME_LABEL_EMPTY, NULL},
    {"a..", 0, HOST_NAME_LABEL_EMPTY, NULL},
    {"..", 0, HOST_NAME_LABEL_EMPTY, NULL},
    {"1..2", 0, HOST_NAME_LABEL_EMPTY, NULL},
    {LABEL_63 "a.org", 0, HOST_NAME_LABEL_TOO_LONG, NULL},
    {"org." LABEL_63 "a", 0, HOST_NAME_LABEL_TOO_LONG, NULL},
    {"a_b.example", 0, HOST_NAME_BAD_CHARACTER, NULL},
    {"*.example.org", 0, HOST_NAME_BAD_CHARACTER, NULL},
    {"a b", 0, HOST_NAME_BAD_CHARACTER, NULL},
    {" a", 0, HOST_NAME_BAD_CHARACTER, NULL},
    {"a\n", 0, HOST_NAME_BAD_CHARACTER, NULL},
    {"a/b", 0, HOST_NAME_BAD_CHARACTER, NULL},
    {"a:443", 0, HOST_NAME_BAD_CHARACTER, NULL},
    {"a@b", 0, HOST_NAME_BAD_CHARACTER, NULL},
    {"m\xc3\xbcnchen.de", 0, HOST_NAME_BAD_CHARACTER, NULL},
    {"a\0b.example", 11, HOST_NAME_BAD_CHARACTER, NULL},
    {"a.example\0", 10, HOST_NAME_BAD_CHARACTER, NULL},
    {"\0", 1, HOST_NAME_BAD_CHARACTER, NULL},
    {"-a.example", 0, HOST_NAME_BAD_HYPHEN, NULL},
    {"a-.example", 0, HOST_NAME_BAD_HYPHEN, NULL},
    {"a.-", 0, HOST_NAME_BAD_HYPHEN, NULL},
    {"-", 0, HOST_NAME_BAD_HYPHEN, NULL},
    {"127.0.0.1", 0, HOST_NAME_IP_LITERAL, NULL},
    {"127.0.0.1.", 0, HOST_NAME_IP_LITERAL, NULL},
    {"999.0.0.1", 0, HOST_NAME_IP_LITERAL, NULL},
    {"127.1", 0, HOST_NAME_IP_LITERAL, NULL},
    {"2130706433", 0, HOST_NAME_IP_LITERAL, NULL},
    {"::1", 0, HOST_NAME_IP_LITERAL, NULL},
    {"2001:DB8::1", 0, HOST_NAME_IP_LITERAL, NULL},
    {"[2001:db8::1]", 0, HOST_NAME_IP_LITERAL, NULL},
    {"::ffff:1.2.3.4", 0, HOST_NAME_IP_LITERAL, NULL},
    {"[127.0.0.1]", 0, HOST_NAME_BAD_CHARACTER, NULL},
    {"[]", 0, HOST_NAME_BAD_CHARACTER, NULL},
    {"::1%eth0", 0, HOST_NAME_BAD_CHARACTER, NULL},
};

static void
test_table (void)
{
  g_assert_cmpuint (strlen (NAME_253), ==, HOST_NAME_MAX);
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      size_t len = rows[i].len > 0 ? rows[i].len : strlen (rows[i].text);
      char *exact
          = g_memdup2 (rows[i].text, len > 0 ? len : 1); /* lets a sanitizer see reads beyond */
      char out[HOST_NAME_MAX + 1] = "untouched";
      enum host_name_result result = host_name_normalize (exact, len, out);

      if (result != rows[i].result)
        g_error ("row %zu \"%s\": %s", i, rows[i].text, host_name_result_text (result));
      g_assert_cmpstr (out, ==, rows[i].canonical != NULL ? rows[i].canonical : "untouched");
      g_free (exact);
    }
}

/* Every single byte as a name of its own, and in the middle of one. */
static void
test_alphabet (void)
{
  for (int c = 0; c < 256; c++)
    {
      char text[3] = {'a', (char)c, 'a'};
      char out[HOST_NAME_MAX + 1];
      gboolean is_good = g_ascii_isalnum ((char)c) || c == '-' || c == '.';

      g_assert_cmpint (host_name_normalize (text, 3, out), ==,
                       is_good ? HOST_NAME_OK : HOST_NAME_BAD_CHARACTER);
      if (is_good)
        g_assert_cmpint (out[1], ==, g_ascii_tolower ((char)c));
    }
}

static void
test_in_place (void)
{
  char name[HOST_NAME_MAX + 1] = "LAPTOP.example.";

  g_assert_cmpint (host_name_normalize (name, strlen (name), name), ==, HOST_NAME_OK);
  g_assert_cmpstr (name, ==, "laptop.example");
}

static void
test_within (void)
{
  g_assert_true (host_name_is_within ("example.org", "example.org"));
  g_assert_true (host_name_is_within ("a.example.org", "example.org"));
  g_assert_true (host_name_is_within ("b.a.example.org", "example.org"));
  g_assert_false (host_name_is_within ("badexample.org", "example.org"));
  g_assert_false (host_name_is_within ("example.org", "a.example.org"));
  g_assert_false (host_name_is_within ("example.org.net", "example.org"));
  g_assert_false (host_name_is_within ("org", "example.org"));
  g_assert_false (host_name_is_within ("", "example.org"));
  g_assert_false (host_name_is_within ("example.org", ""));
  g_assert_false (host_name_is_within ("", ""));
}

static void
test_texts (void)
{
  for (int i = HOST_NAME_OK; i <= HOST_NAME_IP_LITERAL; i++)
    {
      g_assert_nonnull (host_name_result_text ((enum host_name_result)i));
      for (int j = HOST_NAME_OK; j < i; j++)
        g_assert_cmpstr (host_name_result_text ((enum host_name_result)i), !=,
                         host_name_result_text ((enum host_name_result)j));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/wire/host-name/table", test_table);
  g_test_add_func ("/wire/host-name/alphabet", test_alphabet);
  g_test_add_func ("/wire/host-name/in-place", test_in_place);
  g_test_add_func ("/wire/host-name/within", test_within);
  g_test_add_func ("/wire/host-name/texts", test_texts);
  return g_test_run ();
}
