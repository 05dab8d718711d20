/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What the audit reads from the web, bounded in size and time: documents, and the certificate a
 * server shows. */

#include <gio/gio.h>

G_BEGIN_DECLS

#define FUNNEL_WEB_BYTES_MAX (32 * 1024 * 1024)
#define FUNNEL_WEB_SECONDS 30

/** funnel_web_read_async: GET @url; anything but 200 is an error. */
void funnel_web_read_async (const char *url,
                            GCancellable *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer user_data);
GBytes *funnel_web_read_finish (GAsyncResult *result, GError **error);

/** funnel_web_leaf_async: shake hands with @name on @port as a visitor does. */
void funnel_web_leaf_async (const char *name,
                            guint16 port,
                            GCancellable *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer user_data);
/** funnel_web_leaf_finish: the leaf (DER). @trusted: (out): whether this machine would have
 * believed it. */
GBytes *funnel_web_leaf_finish (GAsyncResult *result, gboolean *trusted, GError **error);

G_END_DECLS
