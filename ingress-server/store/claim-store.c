/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/store/claim-store.h"

#include <glib/gi18n.h>

#include "lib/base/duration.h"
#include "lib/base/error.h"
#include "ingress-server/store/ingress-store-private.h"
#include "ingress-server/store/store-statement.h"

void
ingress_claim_free (IngressClaim *claim)
{
  if (!claim)
    return;
  g_free (claim->name);
  g_free (claim->node_name);
  g_free (claim->public_key);
  g_free (claim->proof);
  g_free (claim);
}

#define COLUMNS                                                                                    \
  "name, ifnull (node, 0), node_name, public_key, proof, since, checked, lost, released "

static IngressClaim *
read_row (sqlite3_stmt *row)
{
  IngressClaim *claim = g_new0 (IngressClaim, 1);

  claim->name = g_strdup ((const char *)sqlite3_column_text (row, 0));
  claim->node = sqlite3_column_int64 (row, 1);
  claim->node_name = g_strdup ((const char *)sqlite3_column_text (row, 2));
  claim->public_key = g_strdup ((const char *)sqlite3_column_text (row, 3));
  claim->proof = g_strdup ((const char *)sqlite3_column_text (row, 4));
  claim->since = sqlite3_column_int64 (row, 5);
  claim->checked = sqlite3_column_int64 (row, 6);
  claim->lost = sqlite3_column_int64 (row, 7);
  claim->released = sqlite3_column_int64 (row, 8);
  return claim;
}

GPtrArray *
claim_store_load (IngressStore *store, GError **error)
{
  g_autoptr (GPtrArray) claims
      = g_ptr_array_new_with_free_func ((GDestroyNotify)ingress_claim_free);
  g_autoptr (sqlite3_stmt) row
      = store_statement (store->db, error, "SELECT " COLUMNS "FROM claims ORDER BY name", "");
  int rc;

  if (!row)
    return NULL;
  while ((rc = store_step (store->db, row, error)) > 0)
    g_ptr_array_add (claims, read_row (row));
  return rc == 0 ? g_steal_pointer (&claims) : NULL;
}

/* The claim of @name in @claim, or NULL there. */
static gboolean
find_claim (IngressStore *store, const char *name, IngressClaim **claim, GError **error)
{
  g_autoptr (sqlite3_stmt) row = store_statement (
      store->db, error, "SELECT " COLUMNS "FROM claims WHERE name = ?", "s", name);
  int rc = row ? store_step (store->db, row, error) : -1;

  *claim = rc > 0 ? read_row (row) : NULL;
  return rc >= 0;
}

static gboolean refuse (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

static gboolean
refuse (GError **error, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list arguments;

  va_start (arguments, format);
  text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_CONFLICT, text);
  return FALSE;
}

/* Whether what is known of @name leaves it to @node. */
static gboolean
check_claim (const IngressClaim *claim,
             const IngressNode *node,
             gint64 now,
             gint64 quarantine,
             GError **error)
{
  g_autofree char *left = NULL;

  if (!claim || claim->node == node->id)
    return TRUE;
  if (claim->node != 0)
    return refuse (error, N_ ("another node of this ingress holds %s"), claim->name);
  if (claim->released + quarantine <= now || g_str_equal (claim->public_key, node->public_key))
    return TRUE;
  left = funnel_duration_print (claim->released + quarantine - now);
  return refuse (
      error,
      N_ ("%s was another node's, or was taken back, and is kept from others for %s more; the "
          "ingress's admin can free it: funnel-ingress release %s"),
      claim->name, left, claim->name);
}

/* Whether one more is not too many. */
static gboolean
check_count (IngressStore *store, const IngressNode *node, guint claims_max, GError **error)
{
  g_autoptr (sqlite3_stmt) row = store_statement (
      store->db, error, "SELECT count (*) FROM claims WHERE node = ?", "i", node->id);
  int rc = row ? store_step (store->db, row, error) : -1;

  if (rc < 0)
    return FALSE;
  return sqlite3_column_int64 (row, 0) < claims_max
         || refuse (error, N_ ("this node holds %u domains already, as many as it may"),
                    claims_max);
}

static gboolean
check_grants (IngressStore *store, const char *name, gint64 node, gint64 now, GError **error)
{
  g_autofree char *held = NULL;

  return store_run (store->db, error,
                    "DELETE FROM grants WHERE name = ? AND node <> ? AND expires <> 0 "
                    "AND expires <= ?",
                    "sii", name, node, now)
         && store_find_holder (store, name, FALSE, node, &held, error)
         && (held == NULL || refuse (error, N_ ("another node of this ingress has %s"), held));
}

static gboolean
take (IngressStore *store,
      const char *name,
      const IngressNode *node,
      const char *ports,
      const char *proof,
      gint64 now,
      gint64 quarantine,
      guint claims_max,
      GError **error)
{
  IngressClaim *claim = NULL;
  gboolean found = find_claim (store, name, &claim, error);
  g_autoptr (IngressClaim) owned = claim;
  gboolean held = claim && claim->node == node->id;

  if (!found || !check_claim (claim, node, now, quarantine, error)
      || !check_grants (store, name, node->id, now, error)
      || (!held && !check_count (store, node, claims_max, error)))
    return FALSE;
  /* Its grant stays as it is: the admin may have closed it. */
  return store_run (store->db, error,
                    "INSERT INTO grants (node, name, ports, claimed) VALUES (?, ?, ?, 1) "
                    "ON CONFLICT (name) DO NOTHING",
                    "iss", node->id, name, ports)
         && store_run (store->db, error,
                       "INSERT INTO claims (name, node, node_name, public_key, proof, since, "
                       "checked) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET "
                       "node = excluded.node, node_name = excluded.node_name, "
                       "public_key = excluded.public_key, proof = excluded.proof, "
                       "since = CASE released WHEN 0 THEN since ELSE excluded.since END, "
                       "checked = excluded.checked, lost = 0, released = 0",
                       "sisssii", name, node->id, node->name, node->public_key, proof, now, now);
}

gboolean
claim_store_take (IngressStore *store,
                  const char *name,
                  const IngressNode *node,
                  const char *ports,
                  const char *proof,
                  gint64 now,
                  gint64 quarantine,
                  guint claims_max,
                  GError **error)
{
  return store_begin (store, error)
         && store_end (store,
                       take (store, name, node, ports, proof, now, quarantine, claims_max, error),
                       error);
}

gboolean
claim_store_lose (IngressStore *store, const char *name, gint64 now, GError **error)
{
  return store_run (store->db, error, "UPDATE claims SET lost = ? WHERE name = ? AND lost = 0",
                    "is", now, name);
}

static gboolean
remove_claimed_grant (IngressStore *store, const char *name, GError **error)
{
  return store_run (store->db, error, "DELETE FROM grants WHERE name = ? AND claimed", "s", name);
}

gboolean
claim_store_release (IngressStore *store, const char *name, gint64 now, GError **error)
{
  return store_begin (store, error)
         && store_end (store,
                       remove_claimed_grant (store, name, error)
                           && store_run (store->db, error,
                                         "UPDATE claims SET node = NULL, released = ? "
                                         "WHERE name = ? AND node IS NOT NULL",
                                         "is", now, name),
                       error);
}

static gboolean
forget (IngressStore *store, const char *name, GError **error)
{
  IngressClaim *claim = NULL;
  gboolean found = find_claim (store, name, &claim, error);
  g_autoptr (IngressClaim) owned = claim;

  if (!found)
    return FALSE;
  if (claim)
    return remove_claimed_grant (store, name, error)
           && store_run (store->db, error, "DELETE FROM claims WHERE name = ?", "s", name);
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_NOT_FOUND,
               "%s is nobody's claim; “funnel-ingress claims” lists them", name);
  return FALSE;
}

gboolean
claim_store_forget (IngressStore *store, const char *name, GError **error)
{
  return store_begin (store, error) && store_end (store, forget (store, name, error), error);
}

gboolean
claim_store_purge (IngressStore *store, gint64 before, GError **error)
{
  return store_run (store->db, error, "DELETE FROM claims WHERE node IS NULL AND released < ?", "i",
                    before);
}
