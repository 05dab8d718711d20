/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Putting a target on the internet, with the question before the first time. */

#include <gtk/gtk.h>

#include "gui/places.h"
#include "lib/client/connection.h"

G_BEGIN_DECLS

typedef struct
{
  const char *target;
  const char *program; /* that waits there, or what it seems to speak; NULL: not known */
  const char *kind;    /* as in Manager.Share */
  const char *path;    /* where it is mounted */
  const FunnelPlace *place;
  GVariant *how; /* a{sv}: more options of Manager.Share; NULL: none */
} FunnelWish;

/**
 * funnel_publish_async: ask the user if nothing was published from here before, or if something
 * else is at the place already; then share. What the daemon shares only when somebody has said that
 * it is meant, the user is asked as well.
 * @widget: in the window above which to ask
 * @wish: copied
 */
void funnel_publish_async (GtkWidget *widget,
                           FunnelConnection *connection,
                           const FunnelWish *wish,
                           GCancellable *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer user_data);
/** funnel_publish_finish: the path of the share; caller frees. G_IO_ERROR_CANCELLED when the user
 * would rather not. */
char *funnel_publish_finish (GAsyncResult *result, GError **error);

G_END_DECLS
