/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hellos captured from real clients (tests/fixtures/hello): whole, cut everywhere and cut anew into
 * records. */
#include "tests/unit/lib/wire/hello-maker.h"

#include <glib.h>
#include <string.h>

struct fixture
{
  char *file, *result, *name, *alpn, *flags;
  uint8_t *data;
  size_t len;
};

static void
fixture_free (gpointer data)
{
  struct fixture *fixture = data;

  g_free (fixture->file);
  g_free (fixture->result);
  g_free (fixture->name);
  g_free (fixture->alpn);
  g_free (fixture->flags);
  g_free (fixture->data);
  g_free (fixture);
}

static GPtrArray *
load_fixtures (void)
{
  GPtrArray *fixtures = g_ptr_array_new_with_free_func (fixture_free);
  char *text = NULL;
  char **lines;

  g_assert_true (g_file_get_contents (HELLO_FIXTURES "/index.txt", &text, NULL, NULL));
  lines = g_strsplit (text, "\n", -1);
  for (int i = 0; lines[i] != NULL; i++)
    {
      struct fixture *fixture;
      char **words, *path;

      if (lines[i][0] == '#' || lines[i][0] == '\0')
        continue;
      words = g_strsplit (lines[i], " ", 6);
      g_assert_cmpuint (g_strv_length (words), ==, 6);
      fixture = g_new0 (struct fixture, 1);
      fixture->file = g_strdup (words[0]);
      fixture->result = g_strdup (words[1]);
      fixture->name = g_strdup (strcmp (words[2], "-") == 0 ? "" : words[2]);
      fixture->alpn = g_strdup (strcmp (words[3], "-") == 0 ? "" : words[3]);
      fixture->flags = g_strdup_printf (",%s,", words[4]);
      path = g_build_filename (HELLO_FIXTURES, words[0], NULL);
      g_assert_true (g_file_get_contents (path, (char **)&fixture->data, &fixture->len, NULL));
      g_ptr_array_add (fixtures, fixture);
      g_free (path);
      g_strfreev (words);
    }
  g_strfreev (lines);
  g_free (text);
  g_assert_cmpuint (fixtures->len, >=, 15);
  return fixtures;
}

static void
assert_fixture (const struct fixture *fixture, enum hello_result result, const struct hello *hello)
{
  g_assert_cmpstr (hello_result_name (result), ==, fixture->result);
  g_assert_cmpstr (hello->name, ==, fixture->name);
  if (result == HELLO_OK || result == HELLO_NO_SNI)
    {
      char *alpn = join_alpn (hello);

      g_assert_cmpstr (alpn, ==, fixture->alpn);
      g_assert_cmpint (hello->has_tls13, ==, strstr (fixture->flags, ",tls13,") != NULL);
      g_assert_cmpint (hello->has_ech, ==, strstr (fixture->flags, ",ech,") != NULL);
      g_assert_cmpint (hello->has_acme_alpn, ==, strstr (fixture->flags, ",acme,") != NULL);
      g_assert_cmpint (hello->legacy_version, ==, 0x0303);
      g_free (alpn);
    }
}

static void
test_clients (void)
{
  GPtrArray *fixtures = load_fixtures ();

  for (guint i = 0; i < fixtures->len; i++)
    {
      struct fixture *fixture = g_ptr_array_index (fixtures, i);
      gboolean is_complete
          = strcmp (fixture->result, "ok") == 0 || strcmp (fixture->result, "no-sni") == 0;
      struct hello hello;
      size_t decided;
      enum hello_result result;

      g_test_message ("%s", fixture->file);
      result = parse_every_prefix (fixture->data, fixture->len, &hello, &decided);
      assert_fixture (fixture, result, &hello);
      if (is_complete)
        {
          g_assert_cmpuint (decided, ==, fixture->len);
          g_assert_cmpuint (hello.consumed, ==, fixture->len);
        }
    }
  g_ptr_array_unref (fixtures);
}

/* Early data, or whatever else follows, changes nothing. */
static void
test_clients_followed (void)
{
  GPtrArray *fixtures = load_fixtures ();

  for (guint i = 0; i < fixtures->len; i++)
    {
      struct fixture *fixture = g_ptr_array_index (fixtures, i);
      uint8_t *longer = g_malloc0 (fixture->len + 20000);
      struct hello hello;

      memcpy (longer, fixture->data, fixture->len);
      for (size_t extra = 1; extra <= 20000; extra = extra * 3 + 1)
        {
          assert_fixture (fixture, parse (longer, fixture->len + extra, &hello), &hello);
          g_assert_cmpuint (
              hello.consumed, ==,
              hello.name[0] != '\0' || strcmp (fixture->result, "no-sni") == 0 ? fixture->len : 0);
        }
      g_free (longer);
    }
  g_ptr_array_unref (fixtures);
}

static void
test_clients_refragmented (void)
{
  static const size_t sizes[] = {1, 2, 3, 7, 100, 511};
  GPtrArray *fixtures = load_fixtures ();

  for (guint i = 0; i < fixtures->len; i++)
    {
      struct fixture *fixture = g_ptr_array_index (fixtures, i);
      GByteArray *message;

      if (fixture->data[0] != 22)
        continue;
      message = strip_records (fixture->data, fixture->len);
      for (size_t j = 0; j < G_N_ELEMENTS (sizes); j++)
        {
          GByteArray *records = make_records (message->data, message->len, sizes[j]);
          struct hello hello;
          size_t decided;

          g_test_message ("%s in records of %zu", fixture->file, sizes[j]);
          assert_fixture (
              fixture, parse_every_prefix (records->data, records->len, &hello, &decided), &hello);
          if (hello.name[0] != '\0')
            g_assert_cmpuint (decided, ==, records->len);
          g_byte_array_unref (records);
        }
      g_byte_array_unref (message);
    }
  g_ptr_array_unref (fixtures);
}

/* The message in two records, cut at each place. */
static void
test_clients_two_records (void)
{
  GPtrArray *fixtures = load_fixtures ();

  for (guint i = 0; i < fixtures->len; i++)
    {
      struct fixture *fixture = g_ptr_array_index (fixtures, i);
      GByteArray *message;

      if (fixture->data[0] != 22)
        continue;
      message = strip_records (fixture->data, fixture->len);
      for (size_t cut = 1; cut < message->len; cut++)
        {
          GByteArray *records = make_records (message->data, cut, cut);
          GByteArray *second = make_records (message->data + cut, message->len - cut, 16384);
          struct hello hello;

          g_byte_array_append (records, second->data, second->len);
          assert_fixture (fixture, parse (records->data, records->len, &hello), &hello);
          if (hello.name[0] != '\0')
            g_assert_cmpint (parse (records->data, cut + 5, &hello), ==, HELLO_NEED_MORE);
          g_byte_array_unref (second);
          g_byte_array_unref (records);
        }
      g_byte_array_unref (message);
    }
  g_ptr_array_unref (fixtures);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/wire/hello/clients", test_clients);
  g_test_add_func ("/wire/hello/clients-followed", test_clients_followed);
  g_test_add_func ("/wire/hello/clients-refragmented", test_clients_refragmented);
  g_test_add_func ("/wire/hello/clients-two-records", test_clients_two_records);
  return g_test_run ();
}
