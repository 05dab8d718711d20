/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Shared by the files of the store. */

#include "ingress-server/store/ingress-store.h"

#include <sqlite3.h>

struct _IngressStore
{
  sqlite3 *db;
};

/** store_begin, store_end: one transaction; store_end commits when @ok, else rolls back, with
 * @error set already. */
gboolean store_begin (IngressStore *self, GError **error);
gboolean store_end (IngressStore *self, gboolean ok, GError **error);

/** store_find_holder: the name under which a node other than @node holds @name or, with @below, a
 * name that it would cover; NULL when nobody does. FALSE on a database error. */
gboolean store_find_holder (IngressStore *self,
                            const char *name,
                            gboolean below,
                            gint64 node,
                            char **held,
                            GError **error);

/** store_end_claims: the claims of @node end, inside a transaction: their grants go, and their
 * quarantine begins for whoever has @public_key. */
gboolean store_end_claims (IngressStore *self,
                           gint64 node,
                           const char *public_key,
                           gint64 now,
                           GError **error);
