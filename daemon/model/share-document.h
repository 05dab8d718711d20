/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The shares as JSON text: what stands on disk, and what the ETag is the SHA-256 of. */

#include "daemon/model/share-list.h"

G_BEGIN_DECLS

#define FUNNEL_SHARE_DOCUMENT_VERSION 1

/** funnel_share_document_print: the same shares always give the same text.
 * @foreground: include foreground shares (never for the disk) */
char *funnel_share_document_print (FunnelShareList *list, gboolean foreground);

/** funnel_share_document_parse: FunnelShareSpec* array, or NULL and FUNNEL_ERROR_STORE with what is
 * wrong: not JSON, of a newer version, or a share that could not have been written. */
GPtrArray *funnel_share_document_parse (const char *text, gsize len, GError **error);

G_END_DECLS
