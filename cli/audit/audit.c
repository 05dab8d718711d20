/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "cli/audit/audit.h"

#include "cli/audit/ct-entry.h"
#include "lib/base/json-read.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX 1000

typedef struct
{
  FunnelAuditGrade grade;
  const char *check;
  char *text;
} Finding;

static const char *const grade_texts[] = {
    [FUNNEL_AUDIT_OK] = "ok",
    [FUNNEL_AUDIT_NOTE] = "note",
    [FUNNEL_AUDIT_WRONG] = "wrong",
};
G_STATIC_ASSERT (G_N_ELEMENTS (grade_texts) == FUNNEL_AUDIT_WRONG + 1);

const char *
funnel_audit_grade_text (FunnelAuditGrade grade)
{
  g_return_val_if_fail ((guint)grade < G_N_ELEMENTS (grade_texts), "wrong");
  return grade_texts[grade];
}

static void
finding_free (gpointer data)
{
  Finding *finding = data;

  g_free (finding->text);
  g_free (finding);
}

void
funnel_audit_init (FunnelAudit *audit)
{
  audit->findings = g_ptr_array_new_with_free_func (finding_free);
  audit->worst = FUNNEL_AUDIT_OK;
}

void
funnel_audit_clear (FunnelAudit *audit)
{
  g_clear_pointer (&audit->findings, g_ptr_array_unref);
}

void
funnel_audit_add (FunnelAudit *audit,
                  FunnelAuditGrade grade,
                  const char *check,
                  const char *format,
                  ...)
{
  Finding *finding = g_new0 (Finding, 1);
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  finding->grade = grade;
  finding->check = check;
  finding->text = funnel_text_one_line (text, TEXT_MAX);
  g_ptr_array_add (audit->findings, finding);
  audit->worst = MAX (audit->worst, grade);
}

static gboolean
is_ordered (const char *serial, const char *const *serials)
{
  for (; serials != NULL && *serials != NULL; serials++)
    {
      g_autofree char *own = funnel_ct_serial_normalize (*serials);

      if (strcmp (own, serial) == 0)
        return TRUE;
    }
  return FALSE;
}

void
funnel_audit_add_leaf (FunnelAudit *audit,
                       const char *seen,
                       const char *serial,
                       const char *own,
                       const char *const *serials)
{
  g_autofree char *normal = funnel_ct_serial_normalize (serial);

  if (own != NULL && g_ascii_strcasecmp (own, seen) == 0)
    funnel_audit_add (audit, FUNNEL_AUDIT_OK, "direct",
                      N_ ("visitors see this node's certificate"));
  else if (is_ordered (normal, serials))
    funnel_audit_add (audit, FUNNEL_AUDIT_NOTE, "direct",
                      N_ ("visitors see an earlier certificate of this node (serial %s)"), normal);
  else if (own != NULL)
    funnel_audit_add (
        audit, FUNNEL_AUDIT_WRONG, "direct",
        N_ ("visitors see a certificate that is not this node's: serial %s, SHA-256 %s"), normal,
        seen);
  else
    funnel_audit_add (
        audit, FUNNEL_AUDIT_NOTE, "direct",
        N_ ("visitors see a certificate the daemon has not ordered: serial %s; this is "
            "as it should be if a local server has its own"),
        normal);
}

static char *
format_day (gint64 seconds)
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (seconds);

  return time != NULL ? g_date_time_format (time, "%Y-%m-%d") : g_strdup ("?");
}

void
funnel_audit_add_entries (FunnelAudit *audit,
                          const GPtrArray *entries,
                          const char *const *serials,
                          gint64 now)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  guint foreign = 0;

  for (guint i = 0; i < entries->len; i++)
    {
      const FunnelCtEntry *entry = g_ptr_array_index (entries, i);
      g_autofree char *begin = format_day (entry->begin);
      g_autofree char *end = format_day (entry->end);

      if (!g_hash_table_add (seen, entry->serial) || is_ordered (entry->serial, serials))
        continue;
      foreign++;
      funnel_audit_add (
          audit, entry->end > now ? FUNNEL_AUDIT_WRONG : FUNNEL_AUDIT_NOTE, "log",
          entry->end > now
              ? N_ ("not ordered by this node: serial %s of %s, valid %s to %s (%s)")
              : N_ ("not ordered by this node, expired: serial %s of %s, valid %s to %s (%s)"),
          entry->serial, entry->issuer, begin, end, entry->reference);
    }
  if (foreign == 0)
    funnel_audit_add (audit, FUNNEL_AUDIT_OK, "log",
                      N_ ("%u certificate(s) of this name are listed, all ordered by this node"),
                      g_hash_table_size (seen));
}

void
funnel_audit_print (const FunnelAudit *audit, FunnelAuditTranslate translate)
{
  for (guint i = 0; i < audit->findings->len; i++)
    {
      const Finding *finding = g_ptr_array_index (audit->findings, i);

      g_autofree char *text = translate (finding->text);

      printf ("%-5s  %-7s  %s\n", funnel_audit_grade_text (finding->grade), finding->check, text);
    }
}

JsonArray *
funnel_audit_to_json (const FunnelAudit *audit)
{
  JsonArray *array = json_array_new ();

  for (guint i = 0; i < audit->findings->len; i++)
    {
      const Finding *finding = g_ptr_array_index (audit->findings, i);
      JsonObject *object = json_object_new ();

      json_object_set_string_member (object, "check", finding->check);
      json_object_set_string_member (object, "grade", funnel_audit_grade_text (finding->grade));
      json_object_set_string_member (object, "text", finding->text);
      json_array_add_object_element (array, object);
    }
  return array;
}
