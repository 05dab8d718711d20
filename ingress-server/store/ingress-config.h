/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* ingress.conf: what the ingress is, written by `funnel-ingress init` and read once at start;
 * sealed from then on. */

#include <glib.h>

G_BEGIN_DECLS

#define INGRESS_STATE_DIR_DEFAULT "/var/lib/funnel-ingress"
#define INGRESS_RUN_DIR_DEFAULT "/run/funnel-ingress"
#define INGRESS_CONFIG_FILE "ingress.conf"
#define INGRESS_DATABASE_FILE "ingress.db"
#define INGRESS_WIREGUARD_KEY_FILE "wireguard.key"
#define INGRESS_JOIN_KEY_FILE "join-key.pem"
#define INGRESS_JOIN_CERTIFICATE_FILE "join-cert.pem"
#define INGRESS_ADMIN_SOCKET "admin.sock"
#define INGRESS_AGENT_SOCKET "agent.sock"
#define INGRESS_PUBLIC_PORTS_MAX 16

typedef enum
{
  INGRESS_TUNNEL_WIREGUARD,
  INGRESS_TUNNEL_DIRECT, /* loopback sockets; tests and demonstrations */
} IngressTunnel;

typedef enum
{
  INGRESS_DOMAINS_OFF,
  INGRESS_DOMAINS_PROVE,
} IngressDomains;

typedef struct
{
  char *state_dir;
  char *zone;            /* canonical */
  char *endpoint_host;   /* canonical name or IP literal, without brackets */
  guint16 endpoint_port; /* UDP for WireGuard, TCP for the join API */
  guint16 *public_ports;
  guint n_public_ports;
  guint16 redirect_port; /* plain HTTP, sent to https; 0 = none */
  char *listen;          /* IP to bind public and join ports to, NULL = all */
  IngressTunnel tunnel;
  guint16 link_port;
  GStrv reserved_names;    /* labels that are no node's name and in no grant of the zone */
  guint max_per_source;    /* visitors at a time from one address */
  guint rate_per_source;   /* new visitors per second from one address; 0 = no limit */
  guint64 bandwidth;       /* bytes per second, all visitors together; 0 = no limit */
  char *dns_server;        /* IP literal, with or without port; NULL: records are made by hand */
  char *dns_zone;          /* what is updated there; canonical */
  char *dns_key_file;      /* absolute; NULL: unsigned */
  guint dns_ttl;           /* seconds */
  GStrv public_addresses;  /* what names lead to */
  char *resolver;          /* IP literal, with or without port; NULL: the system's resolvers */
  IngressDomains domains;  /* whether nodes may prove names outside the zone */
  gint64 claim_check;      /* seconds between looks at a proof that was there */
  gint64 claim_grace;      /* seconds that a claim outlives its proof */
  gint64 claim_quarantine; /* seconds that a name is kept for its last owner */
  char *metrics_host;      /* loopback address for metrics, NULL = off */
  guint16 metrics_port;
} IngressConfig;

/** ingress_config_load: from @state_dir; errors name the file, the key and the remedy. */
IngressConfig *ingress_config_load (const char *state_dir, GError **error);
void ingress_config_free (IngressConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IngressConfig, ingress_config_free)

/** ingress_config_print: the commented file. */
char *ingress_config_print (const IngressConfig *config);

const char *ingress_tunnel_text (IngressTunnel tunnel);
gboolean ingress_tunnel_from_text (const char *text, IngressTunnel *out, GError **error);

/** ingress_config_new: everything that has a default at that. */
IngressConfig *ingress_config_new (void);

/** ingress_config_listens_at: whether visitors are listened for at @port, redirects included. */
gboolean ingress_config_listens_at (const IngressConfig *config, guint16 port);
gboolean ingress_config_has_port (const IngressConfig *config, guint16 port);
/** ingress_config_address: tunnel address of host part @host: 100.64.0.0/10, or 127.64.0.0/10 when
 * direct. */
char *ingress_config_address (const IngressConfig *config, guint32 host);
/** ingress_config_address_host: the reverse; FALSE when @text is no such address. */
gboolean ingress_config_address_host (const IngressConfig *config, const char *text, guint32 *host);
/** ingress_config_path: @file inside the state directory. */
char *ingress_config_path (const IngressConfig *config, const char *file);
/** ingress_config_dns_record: the record that must be published for @name to lead here, or for the
 * whole zone when @name is NULL; one line. */
char *ingress_config_dns_record (const IngressConfig *config, const char *name);

/** ingress_state_dir, ingress_run_dir: @chosen, else the environment, else the default. */
char *ingress_state_dir (const char *chosen);
char *ingress_run_dir (const char *chosen);

G_END_DECLS
