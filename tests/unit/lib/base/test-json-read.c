/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/base/json-read.h"

#include "lib/base/error.h"

#include <string.h>

static void
assert_refused (const char *text, gsize len)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (funnel_json_parse_object (text, len, &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_PROTOCOL);
}

static void
test_not_an_object (void)
{
  static const char *const bad[]
      = {"",      "[]",       "1",           "null",       "\"x\"",       "{",
         "{]",    "{\"a\":1", "{\"a\":1} x", "/* c */ {}", "{\"a\":'b'}", "var a = {}",
         "{} {}", "{}{",      "}",           "]{}"};

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    assert_refused (bad[i], strlen (bad[i]));
  assert_refused ("{\"a\":\"\xff\xfe\"}", 9);
  assert_refused ("{}\0", 3);
}

/* The parser recurses; a deep text must be refused before it gets there. */
static void
test_deep (void)
{
  g_autofree char *deep = g_strnfill (200000, '[');
  g_autofree char *text = g_strconcat ("{\"a\":", deep, NULL);
  static const char quoted[] = "{\"a\":\"[[[[[[[[[[[[\\\"[[[[\"}";
  g_autoptr (JsonObject) brackets_in_string
      = funnel_json_parse_object (quoted, strlen (quoted), NULL);

  assert_refused (text, strlen (text));
  g_assert_nonnull (brackets_in_string);
}

static void
test_members (void)
{
  static const char text[]
      = "{\"s\":\"ok\",\"empty\":\"\",\"ctl\":\"a\\nb\",\"n\":7,\"neg\":-1,\"f\":1.5,\"big\":"
        "18446744073709551620,"
        "\"null\":null,\"name\":\"A.Example\",\"ports\":[443,443],\"good\":[443,8443],\"b\":true}";
  g_autoptr (JsonObject) object = funnel_json_parse_object (text, strlen (text), NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GArray) ports = NULL;
  guint64 value = 0;
  gboolean flag = FALSE;

  g_assert_nonnull (object);
  g_assert_cmpstr (funnel_json_get_string (object, "s", 2, NULL), ==, "ok");
  g_assert_null (funnel_json_get_string (object, "s", 1, NULL));
  g_assert_null (funnel_json_get_string (object, "empty", 9, NULL));
  g_assert_null (funnel_json_get_string (object, "ctl", 9, NULL));
  g_assert_null (funnel_json_get_string (object, "n", 9, NULL));
  g_assert_false (funnel_json_has (object, "null"));
  g_assert_true (funnel_json_get_uint (object, "n", 7, 7, &value, NULL));
  g_assert_cmpuint (value, ==, 7);
  g_assert_false (funnel_json_get_uint (object, "n", 8, 9, &value, NULL));
  g_assert_false (funnel_json_get_uint (object, "neg", 0, 9, &value, NULL));
  g_assert_false (funnel_json_get_uint (object, "f", 0, 9, &value, NULL));
  g_assert_false (funnel_json_get_uint (object, "big", 0, G_MAXUINT64, &value, NULL));
  g_assert_null (funnel_json_get_name (object, "name", NULL));
  g_assert_null (funnel_json_get_ports (object, "ports", 9, NULL));
  g_assert_null (funnel_json_get_ports (object, "good", 1, NULL));
  ports = funnel_json_get_ports (object, "good", 2, NULL);
  g_assert_cmpuint (ports->len, ==, 2);
  g_assert_true (funnel_json_get_bool (object, "b", FALSE, &flag, NULL));
  g_assert_true (flag);
  g_assert_true (funnel_json_get_bool (object, "absent", FALSE, &flag, NULL));
  g_assert_false (flag);
  g_assert_false (funnel_json_get_bool (object, "n", FALSE, &flag, &error));
  g_assert_true (g_str_has_prefix (error->message, "n: "));
}

static void
test_one_line (void)
{
  g_autofree char *clean = funnel_text_one_line ("a\nb\x1b[31m\xff", 100);
  g_autofree char *cut = funnel_text_one_line ("ää", 3);

  g_assert_cmpstr (clean, ==, "a b [31m\xef\xbf\xbd");
  g_assert_cmpstr (cut, ==, "ä");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/json/not-an-object", test_not_an_object);
  g_test_add_func ("/base/json/deep", test_deep);
  g_test_add_func ("/base/json/members", test_members);
  g_test_add_func ("/base/json/one-line", test_one_line);
  return g_test_run ();
}
