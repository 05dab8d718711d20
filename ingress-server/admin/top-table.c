/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/admin/top-table.h"

#include <string.h>

#define NAME_WIDTH 28 /* at 80 columns; the rest of a wider line is given to names */
#define LINE_WIDTH 80
#define NAME_WIDTH_MIN 8
#define DOCUMENT_VERSION 1

static gint64
get_int (JsonObject *object, const char *member)
{
  return object != NULL && json_object_has_member (object, member)
             ? json_object_get_int_member (object, member)
             : 0;
}

/* A counter that went back has begun anew: what it says was counted since. */
static double
get_rate (JsonObject *before, JsonObject *now, const char *member, double seconds)
{
  gint64 then = get_int (before, member), here = get_int (now, member);

  if (before == NULL || seconds <= 0)
    return 0;
  return (double)(here >= then ? here - then : here) / seconds;
}

static void
fill_rates (TopRow *row, JsonObject *before, JsonObject *now, double seconds)
{
  row->flows = get_int (now, "flows");
  row->started = get_rate (before, now, "flows_total", seconds);
  row->refused = get_rate (before, now, "refused", seconds);
  row->bytes_in = get_rate (before, now, "bytes_in", seconds);
  row->bytes_out = get_rate (before, now, "bytes_out", seconds);
}

static char *
make_key (JsonObject *element)
{
  return g_strdup_printf ("%s:%" G_GINT64_FORMAT " %s",
                          json_object_get_string_member (element, "name"),
                          json_object_get_int_member (element, "port"),
                          json_object_get_string_member (element, "node"));
}

/* "name:port node" → its object in @answer, borrowed. */
static GHashTable *
index_names (JsonObject *answer)
{
  GHashTable *index = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  JsonArray *names = answer != NULL ? json_object_get_array_member (answer, "names") : NULL;

  for (guint i = 0; names != NULL && i < json_array_get_length (names); i++)
    {
      JsonObject *element = json_array_get_object_element (names, i);

      g_hash_table_insert (index, make_key (element), element);
    }
  return index;
}

static int
compare_rows (gconstpointer a, gconstpointer b)
{
  const TopRow *x = a, *y = b;
  double left = x->bytes_in + x->bytes_out, right = y->bytes_in + y->bytes_out;
  int order;

  if (left != right)
    return left > right ? -1 : 1;
  if (x->flows != y->flows)
    return x->flows > y->flows ? -1 : 1;
  order = strcmp (x->name, y->name);
  return order != 0 ? order : (int)x->port - (int)y->port;
}

TopTable *
top_table_new (JsonObject *before, JsonObject *now)
{
  TopTable *table = g_new0 (TopTable, 1);
  g_autoptr (GHashTable) index = index_names (before);
  JsonArray *names = json_object_get_array_member (now, "names");
  double seconds = (double)(get_int (now, "time") - get_int (before, "time")) / 1e6;

  table->answer = json_object_ref (now);
  table->rows = g_array_new (FALSE, TRUE, sizeof (TopRow));
  fill_rates (&table->total, before, now, seconds);
  for (guint i = 0; i < json_array_get_length (names); i++)
    {
      JsonObject *element = json_array_get_object_element (names, i);
      g_autofree char *key = make_key (element);
      TopRow row = {.name = json_object_get_string_member (element, "name"),
                    .port = (guint16)json_object_get_int_member (element, "port"),
                    .node = json_object_get_string_member (element, "node"),
                    .linked = json_object_get_boolean_member (element, "linked"),
                    .handshake = get_int (element, "handshake")};

      fill_rates (&row, g_hash_table_lookup (index, key), element, seconds);
      g_array_append_val (table->rows, row);
    }
  g_array_sort (table->rows, compare_rows);
  return table;
}

void
top_table_free (TopTable *table)
{
  if (table == NULL)
    return;
  g_array_unref (table->rows);
  json_object_unref (table->answer);
  g_free (table);
}

char *
top_text_rate (double value)
{
  static const char units[] = " kMGT";
  guint unit = 0;

  while (value >= 999.5 && unit < sizeof units - 2)
    {
      value /= 1000;
      unit++;
    }
  if (unit == 0)
    return g_strdup_printf ("%.0f", value);
  return g_strdup_printf (value < 9.95 ? "%.1f%c" : "%.0f%c", value, units[unit]);
}

/* --- For people --- */

static char *
text_link (const TopTable *table, const TopRow *row)
{
  gint64 age = MAX (get_int (table->answer, "clock") - row->handshake, 0);

  if (!row->linked)
    return g_strdup ("away");
  if (row->handshake == 0)
    return g_strdup ("up");
  if (age > 9999)
    return g_strdup_printf ("up>%" G_GINT64_FORMAT "h", age / 3600);
  return g_strdup_printf ("up %" G_GINT64_FORMAT "s", age);
}

/* @text cut to @width columns; names are ASCII. */
static void
put_cut (GString *out, const char *text, guint width)
{
  if (strlen (text) > width)
    g_string_append_printf (out, "%.*s~", (int)width - 1, text);
  else
    g_string_append_printf (out, "%-*s", (int)width, text);
}

static void
put_numbers (GString *out, const TopRow *row)
{
  g_autofree char *started = top_text_rate (row->started), *in = top_text_rate (row->bytes_in);
  g_autofree char *sent = top_text_rate (row->bytes_out), *refused = top_text_rate (row->refused);

  g_string_append_printf (out, " %6" G_GINT64_FORMAT " %5s %5s %5s %5s", row->flows, started, in,
                          sent, refused);
}

static void
put_row (GString *out, const TopTable *table, const TopRow *row, guint name_width)
{
  g_autofree char *name = g_strdup_printf ("%s:%u", row->name, row->port);
  g_autofree char *link = text_link (table, row);

  put_cut (out, name, name_width);
  g_string_append_c (out, ' ');
  put_cut (out, row->node, 10);
  put_numbers (out, row);
  g_string_append_printf (out, " %-8s\n", link);
}

static void
put_head (GString *out, const TopTable *table, guint name_width)
{
  JsonObject *answer = table->answer;

  g_string_append_printf (
      out, "%s  nodes %" G_GINT64_FORMAT ", linked %" G_GINT64_FORMAT "  tunnel %s  relay %s\n",
      json_object_get_string_member (answer, "zone"), get_int (answer, "nodes"),
      get_int (answer, "links"),
      json_object_get_boolean_member (answer, "tunnel_up") ? "up" : "DOWN",
      json_object_get_boolean_member (answer, "relay_up") ? "up" : "DOWN");
  put_cut (out, "NAME", name_width);
  g_string_append (out, " NODE       VISITS NEW/s  IN/s OUT/s REF/s LINK\n");
  put_cut (out, "all", name_width);
  g_string_append_printf (out, " %10s", "");
  put_numbers (out, &table->total);
  g_string_append_c (out, '\n');
}

/* Every line of @text at most @width columns, and not more than @height lines. */
static char *
crop (const char *text, guint width, guint height)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  GString *out = g_string_new (NULL);

  for (guint i = 0; lines[i] != NULL && lines[i + 1] != NULL && (height == 0 || i < height); i++)
    {
      g_strchomp (lines[i]);
      g_string_append_printf (out, "%.*s\n", width != 0 ? (int)width : (int)strlen (lines[i]),
                              lines[i]);
    }
  return g_string_free (out, FALSE);
}

char *
top_table_print (const TopTable *table, guint width, guint height)
{
  g_autoptr (GString) out = g_string_new (NULL);
  guint columns = width != 0 ? width : LINE_WIDTH;
  guint name_width = columns > LINE_WIDTH - NAME_WIDTH + NAME_WIDTH_MIN
                         ? columns - (LINE_WIDTH - NAME_WIDTH)
                         : NAME_WIDTH_MIN;

  put_head (out, table, name_width);
  for (guint i = 0; i < table->rows->len && (height == 0 || i < height); i++)
    put_row (out, table, &g_array_index (table->rows, TopRow, i), name_width);
  return crop (out->str, width, height);
}

/* --- For programs --- */

static void
add_rates (JsonObject *object, const TopRow *row)
{
  json_object_set_int_member (object, "visitors", row->flows);
  json_object_set_double_member (object, "new_per_second", row->started);
  json_object_set_double_member (object, "refused_per_second", row->refused);
  json_object_set_double_member (object, "bytes_in_per_second", row->bytes_in);
  json_object_set_double_member (object, "bytes_out_per_second", row->bytes_out);
}

JsonObject *
top_table_to_json (const TopTable *table)
{
  JsonObject *object = json_object_new (), *total = json_object_new ();
  JsonArray *names = json_array_new ();
  gint64 clock = get_int (table->answer, "clock");

  for (guint i = 0; i < table->rows->len; i++)
    {
      const TopRow *row = &g_array_index (table->rows, TopRow, i);
      JsonObject *element = json_object_new ();

      json_object_set_string_member (element, "name", row->name);
      json_object_set_int_member (element, "port", row->port);
      json_object_set_string_member (element, "node", row->node);
      json_object_set_boolean_member (element, "linked", row->linked);
      /* -1: there was none, or there is no WireGuard. */
      json_object_set_int_member (element, "handshake_age",
                                  row->handshake != 0 ? MAX (clock - row->handshake, 0) : -1);
      add_rates (element, row);
      json_array_add_object_element (names, element);
    }
  add_rates (total, &table->total);
  json_object_set_int_member (object, "version", DOCUMENT_VERSION);
  json_object_set_int_member (object, "nodes", get_int (table->answer, "nodes"));
  json_object_set_int_member (object, "links", get_int (table->answer, "links"));
  json_object_set_object_member (object, "total", total);
  json_object_set_array_member (object, "names", names);
  return object;
}
