/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The node's tunnel: WireGuard to one ingress, isolated from the node's other networking. An
 * abstract class with interchangeable back ends (networkmanager, netns, direct). All methods are
 * called on, and answer on, the thread of the main context current at construction. */

#include <gio/gio.h>
#include <net/if.h>

G_BEGIN_DECLS

typedef struct
{
  char *private_key;     /* WireGuard, base64; a secret */
  char *address;         /* the node's tunnel address, IPv4 */
  char *peer_address;    /* the ingress's tunnel address, IPv4 */
  char *peer_public_key; /* base64 */
  char *endpoint_host;   /* name or IP literal */
  guint16 endpoint_port; /* UDP */
  guint keepalive;       /* seconds, 0 = off */
} FunnelTunnelConfig;

FunnelTunnelConfig *funnel_tunnel_config_copy (const FunnelTunnelConfig *config);
void funnel_tunnel_config_free (FunnelTunnelConfig *config); /* wipes the key */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelTunnelConfig, funnel_tunnel_config_free)

typedef struct
{
  const char *engine;    /* "kernel", "wireguard-go", "none" (direct) */
  const char *no_kernel; /* why the engine is not the kernel's; NULL when it is */
  gint64 handshake; /* Unix seconds of the last WireGuard handshake, or of the last bytes it let
                       through where handshakes are not told; 0 = never */
  guint64 rx_bytes, tx_bytes;
  guint mtu;
  char device[IFNAMSIZ]; /* as this machine's firewall calls it; "" when that is not asked */
} FunnelTunnelStatus;

#define FUNNEL_TYPE_TUNNEL (funnel_tunnel_get_type ())
G_DECLARE_DERIVABLE_TYPE (FunnelTunnel, funnel_tunnel, FUNNEL, TUNNEL, GObject)

/* What a back end implements. Each function answers through @task, made by the public function of
 * the same name, and takes a reference to it when it answers later: with TRUE, listen with a
 * GSocket, connect with a GSocketConnection, query with a FunnelTunnelStatus for g_free, and any of
 * them with an error. */
struct _FunnelTunnelClass
{
  GObjectClass parent_class;
  const char *name; /* "networkmanager", "netns", "direct" */
  void (*probe) (FunnelTunnel *self, const FunnelTunnelConfig *config, GTask *task);
  void (*up) (FunnelTunnel *self, const FunnelTunnelConfig *config, GTask *task);
  void (*down) (FunnelTunnel *self, GTask *task);
  void (*verify) (FunnelTunnel *self, GTask *task);
  void (*listen) (FunnelTunnel *self, guint16 port, GTask *task);
  void (*connect) (FunnelTunnel *self, guint16 port, GTask *task);
  void (*refresh) (FunnelTunnel *self, GTask *task);
  void (*query) (FunnelTunnel *self, GTask *task);
};

/* Signals:
 * "lost" (const char *reason): the tunnel went away by itself (agent killed, device gone).
 * Sockets made by it are dead; the owner may call up again. Not emitted for an orderly down. A
 * repaired engine (wireguard-go restarted by the agent) is not a loss.
 * "changed" (): query has something new to tell, other than counters.
 * "switched-off" (): the user ended it, with another program. It is to stay off until he wants it
 * back. May follow "lost", until down has finished. */

/** funnel_tunnel_new: the back end called @name (see funnel_tunnel_names), or NULL and UNSUPPORTED.
 */
FunnelTunnel *funnel_tunnel_new (const char *name, GError **error);
/** funnel_tunnel_names: back ends in the order they should be tried; static, NULL-terminated. */
const char *const *funnel_tunnel_names (void);
const char *funnel_tunnel_get_name (FunnelTunnel *self);

/** probe: can this back end work here with @config, without asking the user anything? The error
 * says why not and what would help. FUNNEL_ERROR_UNREACHABLE: that is not known, because somebody
 * does not answer. */
void funnel_tunnel_probe_async (FunnelTunnel *self,
                                const FunnelTunnelConfig *config,
                                GCancellable *,
                                GAsyncReadyCallback,
                                gpointer);
gboolean funnel_tunnel_probe_finish (FunnelTunnel *self, GAsyncResult *, GError **);
/** up: bring the tunnel up with @config (copied). Does not wait for a handshake.
 * FUNNEL_ERROR_UNSUPPORTED and NOT_ISOLATED: not by this back end, here; another one may. After a
 * failure down is to be called. */
void funnel_tunnel_up_async (FunnelTunnel *self,
                             const FunnelTunnelConfig *config,
                             GCancellable *,
                             GAsyncReadyCallback,
                             gpointer);
gboolean funnel_tunnel_up_finish (FunnelTunnel *self, GAsyncResult *, GError **);
/** down: take everything away; fine when already down. */
void funnel_tunnel_down_async (FunnelTunnel *self, GCancellable *, GAsyncReadyCallback, gpointer);
gboolean funnel_tunnel_down_finish (FunnelTunnel *self, GAsyncResult *, GError **);
/** funnel_tunnel_any_going_down: whether a down of any tunnel has not finished. A process should
 * not end meanwhile. */
gboolean funnel_tunnel_any_going_down (void);
/** verify: prove the isolation (no way out but the peer, no foreign listener);
 * FUNNEL_ERROR_NOT_ISOLATED says what is wrong. To be called before arming, after each up, and from
 * time to time. */
void funnel_tunnel_verify_async (FunnelTunnel *self, GCancellable *, GAsyncReadyCallback, gpointer);
gboolean funnel_tunnel_verify_finish (FunnelTunnel *self, GAsyncResult *, GError **);
/** listen: a listening non-blocking TCP socket on the node's tunnel address; @port 0 = ephemeral.
 */
void funnel_tunnel_listen_async (FunnelTunnel *self,
                                 guint16 port,
                                 GCancellable *,
                                 GAsyncReadyCallback,
                                 gpointer);
GSocket *funnel_tunnel_listen_finish (FunnelTunnel *self, GAsyncResult *, GError **);
/** connect: TCP to @port on the ingress's tunnel address. The caller sets the deadline by
 * cancelling. */
void funnel_tunnel_connect_async (FunnelTunnel *self,
                                  guint16 port,
                                  GCancellable *,
                                  GAsyncReadyCallback,
                                  gpointer);
GSocketConnection *funnel_tunnel_connect_finish (FunnelTunnel *self, GAsyncResult *, GError **);
/** refresh: resolve the endpoint again and make WireGuard try a handshake now. Called when the link
 * cannot be made or the network changed. */
void
funnel_tunnel_refresh_async (FunnelTunnel *self, GCancellable *, GAsyncReadyCallback, gpointer);
gboolean funnel_tunnel_refresh_finish (FunnelTunnel *self, GAsyncResult *, GError **);
/** query: numbers for status. */
void funnel_tunnel_query_async (FunnelTunnel *self, GCancellable *, GAsyncReadyCallback, gpointer);
gboolean
funnel_tunnel_query_finish (FunnelTunnel *self, GAsyncResult *, FunnelTunnelStatus *out, GError **);

G_END_DECLS
