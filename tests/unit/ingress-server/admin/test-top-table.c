/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/admin/top-table.h"

#include <string.h>

#define HEAD                                                                                       \
  "\"clock\":1000,\"zone\":\"example.org\",\"nodes\":3,\"links\":2,\"relay_up\":true,"             \
  "\"tunnel_up\":true"

static JsonObject *
parse (const char *text)
{
  g_autoptr (JsonNode) node = json_from_string (text, NULL);

  g_assert_nonnull (node);
  return json_node_dup_object (node);
}

static char *
name (const char *host, gboolean linked, int handshake, int flows, int total, int in, int out)
{
  return g_strdup_printf ("{\"name\":\"%s\",\"port\":443,\"node\":\"laptop\",\"linked\":%s,"
                          "\"handshake\":%d,\"flows\":%d,\"flows_total\":%d,\"refused\":%d,"
                          "\"bytes_in\":%d,\"bytes_out\":%d}",
                          host, linked ? "true" : "false", handshake, flows, total, total, in, out);
}

static JsonObject *
answer (gint64 time, int total, const char *const *names)
{
  g_autofree char *list = g_strjoinv (",", (char **)names);
  g_autofree char *text = g_strdup_printf ("{\"time\":%" G_GINT64_FORMAT "," HEAD
                                           ",\"flows\":7,\"flows_total\":%d,\"refused\":%d,"
                                           "\"bytes_in\":%d,\"bytes_out\":%d,\"names\":[%s]}",
                                           time, total, total / 10, total, total, list);

  return parse (text);
}

/* Two seconds between them: a.example is busier afterwards, c.example is new, b.example away. */
static TopTable *
make_table (void)
{
  g_autofree char *a0 = name ("a.example", TRUE, 0, 1, 10, 100, 100);
  g_autofree char *b0 = name ("b.example", TRUE, 900, 1, 10, 100, 100);
  g_autofree char *a1 = name ("a.example", TRUE, 988, 2, 14, 5100, 3100);
  g_autofree char *b1 = name ("b.example", FALSE, 900, 5, 4, 40, 0);
  g_autofree char *c1 = name ("c.example", TRUE, 0, 0, 5, 100, 100);
  const char *first[] = {a0, b0, NULL}, *second[] = {c1, b1, a1, NULL};
  g_autoptr (JsonObject) before = answer (1000000, 100, first);
  g_autoptr (JsonObject) now = answer (3000000, 500, second);

  return top_table_new (before, now);
}

static void
test_rates (void)
{
  g_autoptr (TopTable) table = make_table ();
  const TopRow *rows = (const TopRow *)(gconstpointer)table->rows->data;

  g_assert_cmpuint (table->rows->len, ==, 3);
  g_assert_cmpstr (rows[0].name, ==, "a.example");
  g_assert_cmpfloat (rows[0].started, ==, 2);
  g_assert_cmpfloat (rows[0].bytes_in, ==, 2500);
  g_assert_cmpfloat (rows[0].bytes_out, ==, 1500);
  /* Its counters went back: they began anew. */
  g_assert_cmpstr (rows[1].name, ==, "b.example");
  g_assert_cmpfloat (rows[1].started, ==, 2);
  g_assert_cmpfloat (rows[1].bytes_in, ==, 20);
  /* It was not there before: what it has counted is of no known time. */
  g_assert_cmpstr (rows[2].name, ==, "c.example");
  g_assert_cmpfloat (rows[2].started, ==, 0);
  g_assert_cmpint (table->total.flows, ==, 7);
  g_assert_cmpfloat (table->total.started, ==, 200);
  g_assert_cmpfloat (table->total.refused, ==, 20);
}

static void
test_first (void)
{
  const char *none[] = {NULL};
  g_autoptr (JsonObject) now = answer (3000000, 500, none);
  g_autoptr (TopTable) table = top_table_new (NULL, now);
  g_autofree char *text = top_table_print (table, 80, 24);

  g_assert_cmpfloat (table->total.started, ==, 0);
  g_assert_nonnull (strstr (text, "nodes 3, linked 2"));
}

static void
test_print (void)
{
  g_autoptr (TopTable) table = make_table ();
  g_autofree char *text = top_table_print (table, 80, 24);

  g_assert_cmpstr (text, ==,
                   "example.org  nodes 3, linked 2  tunnel up  relay up\n"
                   "NAME                         NODE       VISITS NEW/s  IN/s OUT/s REF/s LINK\n"
                   "all                                          7   200   200   200    20\n"
                   "a.example:443                laptop          2     2  2.5k  1.5k     2 up 12s\n"
                   "b.example:443                laptop          5     2    20     0     2 away\n"
                   "c.example:443                laptop          0     0     0     0     0 up\n");
}

static void
test_sizes (void)
{
  g_autoptr (TopTable) table = make_table ();

  for (guint width = 1; width < 200; width++)
    for (guint height = 1; height < 8; height++)
      {
        g_autofree char *text = top_table_print (table, width, height);
        g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
        guint n = g_strv_length (lines) - 1;

        g_assert_cmpuint (n, ==, MIN (height, 6));
        for (guint i = 0; i < n; i++)
          g_assert_cmpuint (strlen (lines[i]), <=, width);
      }
}

static void
test_rate_text (void)
{
  static const struct
  {
    double value;
    const char *text;
  } rows[] = {{0, "0"},          {0.4, "0"},     {1, "1"},       {999, "999"},
              {999.6, "1.0k"},   {1500, "1.5k"}, {9960, "10k"},  {34e6, "34M"},
              {999.6e6, "1.0G"}, {5e12, "5.0T"}, {5e15, "5000T"}};

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *text = top_text_rate (rows[i].value);

      g_assert_cmpstr (text, ==, rows[i].text);
    }
}

static void
test_json (void)
{
  g_autoptr (TopTable) table = make_table ();
  g_autoptr (JsonObject) object = top_table_to_json (table);
  JsonObject *first
      = json_array_get_object_element (json_object_get_array_member (object, "names"), 0);
  JsonObject *last
      = json_array_get_object_element (json_object_get_array_member (object, "names"), 2);

  g_assert_cmpint (json_object_get_int_member (object, "version"), ==, 1);
  g_assert_cmpint (json_object_get_int_member (first, "handshake_age"), ==, 12);
  g_assert_cmpint (json_object_get_int_member (last, "handshake_age"), ==, -1);
  g_assert_cmpfloat (json_object_get_double_member (first, "bytes_in_per_second"), ==, 2500);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/top-table/rates", test_rates);
  g_test_add_func ("/top-table/first", test_first);
  g_test_add_func ("/top-table/print", test_print);
  g_test_add_func ("/top-table/sizes", test_sizes);
  g_test_add_func ("/top-table/rate-text", test_rate_text);
  g_test_add_func ("/top-table/json", test_json);
  return g_test_run ();
}
