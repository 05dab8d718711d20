/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Client of the funnel-netns agent (docs/protocol.md, "Agent"). Used by the netns back end on the
 * node and by the control process on the ingress. Requests are answered in order. */

#include <gio/gio.h>
#include <gio/gunixfdlist.h>

G_BEGIN_DECLS

#define FUNNEL_TYPE_AGENT_CLIENT (funnel_agent_client_get_type ())
G_DECLARE_FINAL_TYPE (FunnelAgentClient, funnel_agent_client, FUNNEL, AGENT_CLIENT, GObject)

/* Signals: "event" (const char *name, GHashTable *fields): see docs/protocol.md.
 *          "closed" (): the agent is gone; pending calls fail with FUNNEL_ERROR_UNREACHABLE. */

/** funnel_agent_client_new_for_fd: speak over a connected SOCK_SEQPACKET @fd, which is taken over.
 */
FunnelAgentClient *funnel_agent_client_new_for_fd (int fd);

/** funnel_agent_client_spawn: start a private agent that dies with this process (node).
 * @options: "key=value" strings for the agent's command line, NULL-terminated, or NULL. */
FunnelAgentClient *funnel_agent_client_spawn (const char *const *options, GError **error);

/** funnel_agent_client_connect: attach to the lasting agent at unix socket @path (ingress);
 * G_IO_ERROR_NOT_FOUND or CONNECTION_REFUSED when none is there. */
FunnelAgentClient *funnel_agent_client_connect (const char *path, GError **error);

/** funnel_agent_client_start_lasting: start an agent that outlives this process, listening at
 * @path, and attach to it. For hosts without a service manager. */
FunnelAgentClient *
funnel_agent_client_start_lasting (const char *path, const char *const *options, GError **error);

/**
 * funnel_agent_client_call_async: send one request.
 * @verb: "up", "listen", …
 * @fields: "key", "value" pairs, NULL-terminated, or NULL; copied, and wiped after sending
 * @fds: descriptors to pass, or NULL
 */
void funnel_agent_client_call_async (FunnelAgentClient *self,
                                     const char *verb,
                                     const char *const *fields,
                                     GUnixFDList *fds,
                                     GCancellable *cancellable,
                                     GAsyncReadyCallback callback,
                                     gpointer user_data);
/** funnel_agent_client_call_finish: the answer's fields (string to string), and its descriptors in
 * @fds_out if not NULL. */
GHashTable *funnel_agent_client_call_finish (FunnelAgentClient *self,
                                             GAsyncResult *result,
                                             GUnixFDList **fds_out,
                                             GError **error);

/** funnel_agent_client_call_sync: the same, blocking; for start-up code only. */
GHashTable *funnel_agent_client_call_sync (FunnelAgentClient *self,
                                           const char *verb,
                                           const char *const *fields,
                                           GUnixFDList *fds,
                                           GUnixFDList **fds_out,
                                           GError **error);

G_END_DECLS
