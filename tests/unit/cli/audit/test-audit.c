/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "cli/audit/audit.h"
#include "cli/audit/ct-entry.h"

#define NOW 1800000000

static const char *const serials[] = {"0A1", "b2", NULL};

static void
test_leaves (void)
{
  static const struct
  {
    const char *seen, *serial, *own;
    FunnelAuditGrade grade;
  } rows[] = {
      {"aa", "a1", "AA", FUNNEL_AUDIT_OK},
      {"bb", "00b2", "aa", FUNNEL_AUDIT_NOTE}, /* an earlier one of ours */
      {"cc", "c3", "aa", FUNNEL_AUDIT_WRONG},
      {"cc", "c3", NULL, FUNNEL_AUDIT_NOTE}, /* a local server's own */
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_auto (FunnelAudit) audit = {0};

      funnel_audit_init (&audit);
      funnel_audit_add_leaf (&audit, rows[i].seen, rows[i].serial, rows[i].own, serials);
      g_assert_cmpint (audit.worst, ==, rows[i].grade);
    }
}

static void
add_entry (GPtrArray *entries, const char *serial, gint64 end)
{
  FunnelCtEntry *entry = g_new0 (FunnelCtEntry, 1);

  entry->serial = g_strdup (serial);
  entry->issuer = g_strdup ("CN=X");
  entry->end = end;
  entry->reference = g_strdup ("entry 1");
  g_ptr_array_add (entries, entry);
}

static FunnelAuditGrade
judge (const char *serial, gint64 end, guint *findings)
{
  g_autoptr (GPtrArray) entries
      = g_ptr_array_new_with_free_func ((GDestroyNotify)funnel_ct_entry_free);
  g_auto (FunnelAudit) audit = {0};

  funnel_audit_init (&audit);
  add_entry (entries, "a1", NOW + 1);
  add_entry (entries, serial, end);
  add_entry (entries, serial, end); /* its precertificate */
  funnel_audit_add_entries (&audit, entries, serials, NOW);
  *findings = audit.findings->len;
  return audit.worst;
}

static void
test_entries (void)
{
  guint findings = 0;

  g_assert_cmpint (judge ("b2", NOW + 1, &findings), ==, FUNNEL_AUDIT_OK);
  g_assert_cmpint (judge ("c3", NOW + 1, &findings), ==, FUNNEL_AUDIT_WRONG);
  g_assert_cmpuint (findings, ==, 1);
  g_assert_cmpint (judge ("c3", NOW - 1, &findings), ==, FUNNEL_AUDIT_NOTE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/audit/leaves", test_leaves);
  g_test_add_func ("/audit/entries", test_entries);
  return g_test_run ();
}
