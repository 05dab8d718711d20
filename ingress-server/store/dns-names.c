/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/store/dns-names.h"

#include "ingress-server/store/ingress-store-private.h"
#include "ingress-server/store/store-statement.h"

GPtrArray *
dns_names_load (IngressStore *store, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (sqlite3_stmt) row
      = store_statement (store->db, error, "SELECT name FROM dns_names", "");
  int rc;

  if (!row)
    return NULL;
  while ((rc = store_step (store->db, row, error)) > 0)
    g_ptr_array_add (names, g_strdup ((const char *)sqlite3_column_text (row, 0)));
  return rc == 0 ? g_steal_pointer (&names) : NULL;
}

gboolean
dns_names_add (IngressStore *store, const char *name, GError **error)
{
  return store_run (store->db, error, "INSERT OR IGNORE INTO dns_names (name) VALUES (?)", "s",
                    name);
}

gboolean
dns_names_remove (IngressStore *store, const char *name, GError **error)
{
  return store_run (store->db, error, "DELETE FROM dns_names WHERE name = ?", "s", name);
}
