/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/store/audit-log.h"

#include "ingress-server/store/ingress-store-private.h"
#include "ingress-server/store/store-statement.h"

void
audit_entry_free (AuditEntry *entry)
{
  if (!entry)
    return;
  g_free (entry->action);
  g_free (entry->node);
  g_free (entry->detail);
  g_free (entry->error);
  g_free (entry);
}

static const char *
text_or_empty (const char *text)
{
  return text ? text : "";
}

gboolean
audit_log_append (IngressStore *store, const AuditEntry *entry, GError **error)
{
  return store_run (store->db, error,
                    "INSERT INTO audit (time, uid, pid, action, node, detail, error) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?)",
                    "iiissss", entry->time, entry->uid, entry->pid, entry->action,
                    text_or_empty (entry->node), text_or_empty (entry->detail),
                    text_or_empty (entry->error));
}

static AuditEntry *
entry_from_row (sqlite3_stmt *row)
{
  AuditEntry *entry = g_new0 (AuditEntry, 1);

  entry->id = sqlite3_column_int64 (row, 0);
  entry->time = sqlite3_column_int64 (row, 1);
  entry->uid = sqlite3_column_int64 (row, 2);
  entry->pid = sqlite3_column_int64 (row, 3);
  entry->action = g_strdup ((const char *)sqlite3_column_text (row, 4));
  entry->node = g_strdup ((const char *)sqlite3_column_text (row, 5));
  entry->detail = g_strdup ((const char *)sqlite3_column_text (row, 6));
  entry->error = g_strdup ((const char *)sqlite3_column_text (row, 7));
  return entry;
}

GPtrArray *
audit_log_load (IngressStore *store, const char *node, guint count, GError **error)
{
  g_autoptr (GPtrArray) entries = g_ptr_array_new_with_free_func ((GDestroyNotify)audit_entry_free);
  g_autoptr (sqlite3_stmt) row = store_statement (
      store->db, error,
      "SELECT * FROM (SELECT id, time, uid, pid, action, node, detail, error FROM audit "
      "WHERE ?1 IS NULL OR node = ?1 ORDER BY id DESC LIMIT ?2) ORDER BY id",
      "si", node, (gint64)count);
  int rc;

  if (!row)
    return NULL;
  while ((rc = store_step (store->db, row, error)) > 0)
    g_ptr_array_add (entries, entry_from_row (row));
  return rc == 0 ? g_steal_pointer (&entries) : NULL;
}
