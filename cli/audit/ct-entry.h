/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Certificates as certificate transparency logs (RFC 6962) and monitors (the JSON of crt.sh) tell
 * of them. What they send is hostile: bounded, and what cannot be read is counted. No I/O. */

#include <glib.h>

G_BEGIN_DECLS

#define FUNNEL_CT_NAMES_MAX 100 /* names of one certificate that are looked at */

typedef struct
{
  char *serial; /* lower-case hex without leading zeros */
  char *issuer; /* one clean line */
  gint64 begin; /* Unix seconds */
  gint64 end;
  char *reference; /* where it was found: "entry 17", "crt.sh id 4711" */
} FunnelCtEntry;

void funnel_ct_entry_free (FunnelCtEntry *entry);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelCtEntry, funnel_ct_entry_free)

/** funnel_ct_serial_normalize: so that two ways of writing one number are equal. g_free. */
char *funnel_ct_serial_normalize (const char *serial);

/**
 * funnel_ct_parse_entries: one answer to get-entries.
 * @first: index of the first entry
 * @name: canonical; certificates of other names are passed over
 * @found: FunnelCtEntry* are added
 * @count: (out): entries in the answer, readable or not
 * @unreadable: increased for each that is not
 */
gboolean funnel_ct_parse_entries (const char *text,
                                  gsize len,
                                  guint64 first,
                                  const char *name,
                                  GPtrArray *found,
                                  guint *count,
                                  guint *unreadable,
                                  GError **error);
/** funnel_ct_parse_tree_size: of an answer to get-sth. */
gboolean funnel_ct_parse_tree_size (const char *text, gsize len, guint64 *size, GError **error);
/** funnel_ct_parse_monitor: the answer of a monitor: a list of objects with serial_number,
 * name_value, issuer_name, not_before and not_after. */
gboolean funnel_ct_parse_monitor (const char *text,
                                  gsize len,
                                  const char *name,
                                  GPtrArray *found,
                                  guint *count,
                                  guint *unreadable,
                                  GError **error);

G_END_DECLS
