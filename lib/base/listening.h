/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Who listens on TCP ports of this machine, as /proc tells: of one's own processes with the
 * program, of others only the port. Reads /proc at once, which takes some milliseconds. */

#include <glib.h>
#include <sys/types.h>

G_BEGIN_DECLS

typedef struct
{
  guint16 port;
  char *address; /* "127.0.0.1", "0.0.0.0", "::1", … */
  pid_t pid;     /* 0: another user's */
  char *program; /* NULL with pid 0 */
} FunnelListening;

void funnel_listening_free (FunnelListening *listening);

/** funnel_listening_list: FunnelListening*, by port, then address; free with g_ptr_array_unref.
 * @root: only sockets of this process and its descendants; 0: all */
GPtrArray *funnel_listening_list (pid_t root);

G_END_DECLS
