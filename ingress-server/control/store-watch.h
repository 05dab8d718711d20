/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Looks at the database on the disk, again and again: control itself reads it once and then writes,
 * and SQLite goes on writing for long into a file that nobody could read again. */

#include <glib.h>

G_BEGIN_DECLS

typedef struct _StoreWatch StoreWatch;

/** StoreWatchFunc: @problem: what is wrong with the database, or NULL again; on the main loop, only
 * when it changed. */
typedef void (*StoreWatchFunc) (const char *problem, gpointer user_data);

/** store_watch_new: checks the database at @path at once and every minute, on a thread of its own.
 * That it is locked is no problem of the database. */
StoreWatch *store_watch_new (const char *path, StoreWatchFunc func, gpointer user_data);
/** store_watch_look: do not wait for the minute. */
void store_watch_look (StoreWatch *self);
/** store_watch_get_problem: what was found last, or NULL. */
const char *store_watch_get_problem (StoreWatch *self);
/** store_watch_free: @func is not called any more. */
void store_watch_free (StoreWatch *self);

G_END_DECLS
