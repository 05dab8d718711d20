/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Shards: main contexts among which many connections are divided, all driven by the default one on
 * its thread.
 *
 * GLib looks at every socket of a context whenever one of them has something. With ten thousand
 * links that is some ten milliseconds for each message. A shard has its own few sockets; the
 * default context sees of it one epoll descriptor, and the time of its next timer.
 *
 *   default context ── epoll descriptor of each shard ── the sockets of that shard's connections
 *
 * Whatever is attached while a shard is entered, and by its own callbacks, belongs to the shard.
 * What our callbacks begin themselves should not: they leave it for as long
 * (context_shard_suspend). */

#include <glib.h>

G_BEGIN_DECLS

typedef struct _ContextShard ContextShard;

/** context_shard_enter: a shard with room for one more connection, which is counted; its context is
 * the thread's default until context_shard_leave. Shards are made as they are needed and last as
 * long as the process, because a connection may outlive who took it. To be called on the thread of
 * the default context only, as all others here. */
ContextShard *context_shard_enter (void);
void context_shard_leave (ContextShard *self);

/** context_shard_release: a connection of it has ended. */
void context_shard_release (ContextShard *self);

/** context_shard_suspend, _resume: what is begun between the two belongs to the default context,
 * whether a shard is being served or not. */
void context_shard_suspend (void);
void context_shard_resume (void);

G_END_DECLS
