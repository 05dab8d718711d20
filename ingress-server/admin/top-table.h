/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What `funnel-ingress top` shows: rates from two answers of GET /v1/traffic, sorted, as text of a
 * given size. Pure. */

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* One name, or all together. */
typedef struct
{
  const char *name; /* owned by the later answer */
  guint16 port;
  const char *node;
  gboolean linked;
  gint64 handshake; /* Unix seconds; 0 never or not known */
  gint64 flows;     /* now */
  double started;   /* per second */
  double refused;
  double bytes_in;
  double bytes_out;
} TopRow;

typedef struct
{
  JsonObject *answer; /* the later one */
  TopRow total;
  GArray *rows; /* TopRow, by traffic, then visitors, then name */
} TopTable;

/** top_table_new: @before may be NULL: all rates are 0 then. @now is referenced. */
TopTable *top_table_new (JsonObject *before, JsonObject *now);
void top_table_free (TopTable *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TopTable, top_table_free)

/** top_table_print: lines of at most @width columns, at most @height of them, each ended by a line
 * feed; 0: no limit. */
char *top_table_print (const TopTable *table, guint width, guint height);
/** top_table_to_json: {"version":1, "total":{…}, "names":[…]}. */
JsonObject *top_table_to_json (const TopTable *table);

/** top_text_rate: at most six characters: "0", "812", "1.2k", "34M". */
char *top_text_rate (double value);

G_END_DECLS
