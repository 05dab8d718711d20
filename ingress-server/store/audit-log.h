/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Who changed what: a table that is only ever appended to (the database refuses anything else). */

#include "ingress-server/store/ingress-store.h"

G_BEGIN_DECLS

typedef struct
{
  gint64 id;
  gint64 time;  /* Unix seconds */
  gint64 uid;   /* of whoever asked over the admin socket; -1: nobody did */
  gint64 pid;   /* likewise; 0 */
  char *action; /* "grant" */
  char *node;   /* "" when it is about none */
  char *detail; /* what was asked for, as text; no secrets */
  char *error;  /* "" when it was done, else why not */
} AuditEntry;

void audit_entry_free (AuditEntry *entry);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (AuditEntry, audit_entry_free)

/** audit_log_append: @entry, but for its id. */
gboolean audit_log_append (IngressStore *store, const AuditEntry *entry, GError **error);

/** audit_log_load: the last @count entries (AuditEntry*), oldest first; of @node only, unless it is
 * NULL. */
GPtrArray *audit_log_load (IngressStore *store, const char *node, guint count, GError **error);

G_END_DECLS
