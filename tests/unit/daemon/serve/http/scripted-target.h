/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* A local HTTP server that does exactly what a test says, byte by byte, on a thread per connection;
 * and HTTP shares that lead to it. */

#include "tests/unit/daemon/serve/serve-fixture.h"
#include "tests/unit/daemon/serve/tls-visitor.h"

typedef struct _ScriptedTarget ScriptedTarget;

/* One connection: reads and writes as it likes; the socket is closed after it. */
typedef void (*ScriptedConnection) (ScriptedTarget *target, int fd, guint number);

/** scripted_target_new: on 127.0.0.1, or at @path if not NULL (unix). */
ScriptedTarget *scripted_target_new (ScriptedConnection serve, gpointer data, const char *path);
void scripted_target_free (ScriptedTarget *self);
guint16 scripted_target_get_port (ScriptedTarget *self);
gpointer scripted_target_get_data (ScriptedTarget *self);
/** scripted_target_get_connections: taken so far. */
guint scripted_target_get_connections (ScriptedTarget *self);
/** scripted_target_get_requests: heads read so far by scripted_read_head. */
guint scripted_target_get_requests (ScriptedTarget *self);
/** scripted_target_dup_head: the last head that was read. */
char *scripted_target_dup_head (ScriptedTarget *self);

/** scripted_read_head: one head; NULL when the connection ends first. Byte by byte, so that what
 * follows is still there. */
char *scripted_read_head (ScriptedTarget *self, int fd);
/** scripted_read: exactly @len bytes; FALSE when the connection ends first. */
gboolean scripted_read (int fd, void *data, gsize len);
/** scripted_write: all of @text; FALSE when the connection is gone. */
gboolean scripted_write (int fd, const char *text);

/** scripted_answer: serves "200", length 3, "ok\n" to every request without body, for ever. */
void scripted_answer (ScriptedTarget *target, int fd, guint number);

/** share_proxy: an HTTP share whose root leads to @port on 127.0.0.1. */
void share_proxy (Fixture *f, guint16 port);
/** add_mount: one more mount for a share made with fixture_make_share. */
FunnelServeMount *add_mount (FunnelServeShare *share, const char *path, guint16 port);

/** unix_target: make @mount lead to the socket at @path. */
void unix_target (FunnelServeMount *mount, const char *path);

/** talk: a visitor who sends @request and reads to the end; *@cut, if not NULL: whether that came
 * without close_notify. */
char *talk (Fixture *f, const char *request, gboolean *cut);
/** read_until: from @visitor until what came ends in @end; NULL when the connection ends first. */
char *read_until (Visitor *visitor, const char *end);
#define VISIT(f) visitor_connect (ingress_player_get_port ((f)->ingress), NAME, NULL, NULL, NULL)
#define SAY(visitor, text) g_assert_true (visitor_send ((visitor), (text), strlen (text)))
