/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/store/ingress-config.h"

#include "lib/base/byte-rate.h"
#include "lib/base/duration.h"
#include "lib/base/error.h"
#include "lib/base/host.h"
#include "lib/base/names.h"
#include "ingress-server/store/ingress-store.h"

#include <gio/gio.h>
#include <string.h>

#define GROUP "ingress"
#define NETWORK_WIREGUARD 0x64400000u /* 100.64.0.0/10, RFC 6598 */
#define NETWORK_DIRECT 0x7f400000u    /* 127.64.0.0/10 */
#define HOST_MASK 0x003fffffu
#define MAX_PER_SOURCE 1024
#define DNS_TTL 60 /* seconds */
#define CLAIM_CHECK "1h"
#define CLAIM_GRACE "1d"
#define CLAIM_QUARANTINE "7d"
/* Names that browsers and mail programs trust without being asked. */
#define RESERVED_NAMES "autoconfig,autodiscover,isatap,localhost,mail,ns1,ns2,wpad"

static const char *const tunnel_names[] = {"wireguard", "direct"};
G_STATIC_ASSERT (G_N_ELEMENTS (tunnel_names) == INGRESS_TUNNEL_DIRECT + 1);

static const char *const domain_names[] = {"off", "prove"};
G_STATIC_ASSERT (G_N_ELEMENTS (domain_names) == INGRESS_DOMAINS_PROVE + 1);

const char *
ingress_tunnel_text (IngressTunnel tunnel)
{
  return tunnel_names[tunnel];
}

gboolean
ingress_tunnel_from_text (const char *text, IngressTunnel *out, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (tunnel_names); i++)
    if (g_str_equal (text, tunnel_names[i]))
      {
        *out = (IngressTunnel)i;
        return TRUE;
      }
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
               "tunnel: “%s” is neither wireguard nor direct", text);
  return FALSE;
}

void
ingress_config_free (IngressConfig *config)
{
  if (!config)
    return;
  g_free (config->state_dir);
  g_free (config->zone);
  g_free (config->endpoint_host);
  g_free (config->public_ports);
  g_free (config->listen);
  g_free (config->metrics_host);
  g_strfreev (config->reserved_names);
  g_free (config->resolver);
  g_free (config->dns_server);
  g_free (config->dns_zone);
  g_free (config->dns_key_file);
  g_strfreev (config->public_addresses);
  g_free (config);
}

/* One reader per key; @text is never NULL. */

static gboolean
read_zone (IngressConfig *config, const char *text, GError **error)
{
  config->zone = funnel_host_normalize (text, error);
  return config->zone != NULL;
}

static gboolean
read_endpoint (IngressConfig *config, const char *text, GError **error)
{
  return funnel_endpoint_split (text, &config->endpoint_host, &config->endpoint_port, error);
}

static gboolean
read_public_ports (IngressConfig *config, const char *text, GError **error)
{
  g_autoptr (GArray) ports = ingress_ports_parse (text);
  gsize count = 0;

  if (!ports || ports->len > INGRESS_PUBLIC_PORTS_MAX)
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                   "“%s” is not a list of 1 to %d ports; write for example 443,8443", text,
                   INGRESS_PUBLIC_PORTS_MAX);
      return FALSE;
    }
  config->public_ports = g_array_steal (ports, &count);
  config->n_public_ports = (guint)count;
  return TRUE;
}

static gboolean
read_listen (IngressConfig *config, const char *text, GError **error)
{
  if (*text && !g_hostname_is_ip_address (text))
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT, "“%s” is not an IP address",
                   text);
      return FALSE;
    }
  config->listen = *text ? g_strdup (text) : NULL;
  return TRUE;
}

static gboolean
read_tunnel (IngressConfig *config, const char *text, GError **error)
{
  return ingress_tunnel_from_text (text, &config->tunnel, error);
}

static gboolean
read_link_port (IngressConfig *config, const char *text, GError **error)
{
  guint64 port = 0;

  if (!g_ascii_string_to_unsigned (text, 10, 1, G_MAXUINT16, &port, error))
    return FALSE;
  config->link_port = (guint16)port;
  return TRUE;
}

static gboolean
read_number (const char *text, guint64 min, guint64 max, guint *out, GError **error)
{
  guint64 number = 0;

  if (!g_ascii_string_to_unsigned (text, 10, min, max, &number, error))
    return FALSE;
  *out = (guint)number;
  return TRUE;
}

static gboolean
read_reserved_names (IngressConfig *config, const char *text, GError **error)
{
  g_autoptr (GPtrArray) labels = g_ptr_array_new_with_free_func (g_free);
  g_auto (GStrv) words = g_strsplit (text, ",", -1);
  gsize count = 0;

  for (guint i = 0; words[i]; i++)
    {
      char *label = *g_strstrip (words[i]) ? funnel_label_normalize (words[i], error) : NULL;

      if (!label && *words[i])
        return FALSE;
      if (label)
        g_ptr_array_add (labels, label);
    }
  g_ptr_array_add (labels, NULL);
  g_strfreev (config->reserved_names);
  config->reserved_names = (GStrv)g_ptr_array_steal (labels, &count);
  return TRUE;
}

static gboolean
read_redirect_port (IngressConfig *config, const char *text, GError **error)
{
  guint port = 0;

  if (!read_number (text, 0, G_MAXUINT16, &port, error))
    return FALSE;
  config->redirect_port = (guint16)port;
  return TRUE;
}

static gboolean
read_max_per_source (IngressConfig *config, const char *text, GError **error)
{
  return read_number (text, 1, 60000, &config->max_per_source, error);
}

static gboolean
read_rate_per_source (IngressConfig *config, const char *text, GError **error)
{
  return read_number (text, 0, 1000000, &config->rate_per_source, error);
}

static gboolean
read_bandwidth (IngressConfig *config, const char *text, GError **error)
{
  config->bandwidth = g_str_equal (text, "0") ? 0 : funnel_byte_rate_parse (text, error);
  return g_str_equal (text, "0") || config->bandwidth != 0;
}

/* Metrics name nodes and tell who is busy when: they do not leave this machine by themselves. */
static gboolean
read_metrics (IngressConfig *config, const char *text, GError **error)
{
  g_autoptr (GInetAddress) address = NULL;

  if (!*text)
    return TRUE;
  if (!funnel_endpoint_split (text, &config->metrics_host, &config->metrics_port, error))
    return FALSE;
  address = g_inet_address_new_from_string (config->metrics_host);
  if (address && g_inet_address_get_is_loopback (address))
    return TRUE;
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
               "“%s” is not a loopback address with a port; write for example 127.0.0.1:9469",
               text);
  return FALSE;
}

/* "" is none. */
static gboolean
read_name_server (const char *text, char **out, GError **error)
{
  g_autofree char *host = NULL;
  guint16 port = 0;

  if (*text && !g_hostname_is_ip_address (text)
      && (!funnel_endpoint_split (text, &host, &port, NULL) || !g_hostname_is_ip_address (host)))
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                   "“%s” is not the address of a DNS server; write for example 127.0.0.1, or "
                   "[2001:db8::53]:5353 with a port",
                   text);
      return FALSE;
    }
  *out = *text ? g_strdup (text) : NULL;
  return TRUE;
}

static gboolean
read_dns_server (IngressConfig *config, const char *text, GError **error)
{
  return read_name_server (text, &config->dns_server, error);
}

static gboolean
read_resolver (IngressConfig *config, const char *text, GError **error)
{
  return read_name_server (text, &config->resolver, error);
}

static gboolean
read_domains (IngressConfig *config, const char *text, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (domain_names); i++)
    if (g_str_equal (text, domain_names[i]))
      {
        config->domains = (IngressDomains)i;
        return TRUE;
      }
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT, "“%s” is neither off nor prove",
               text);
  return FALSE;
}

static gboolean
read_claim_check (IngressConfig *config, const char *text, GError **error)
{
  return (config->claim_check = funnel_duration_parse (text, error)) != 0;
}

static gboolean
read_claim_grace (IngressConfig *config, const char *text, GError **error)
{
  return (config->claim_grace = funnel_duration_parse (text, error)) != 0;
}

static gboolean
read_claim_quarantine (IngressConfig *config, const char *text, GError **error)
{
  return (config->claim_quarantine = funnel_duration_parse (text, error)) != 0;
}

static gboolean
read_dns_zone (IngressConfig *config, const char *text, GError **error)
{
  config->dns_zone = *text ? funnel_host_normalize (text, error) : g_strdup (config->zone);
  return config->dns_zone != NULL;
}

static gboolean
read_dns_key_file (IngressConfig *config, const char *text, GError **error)
{
  if (*text && !g_path_is_absolute (text))
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                   "“%s” is not an absolute path", text);
      return FALSE;
    }
  config->dns_key_file = *text ? g_strdup (text) : NULL;
  return TRUE;
}

static gboolean
read_dns_ttl (IngressConfig *config, const char *text, GError **error)
{
  return read_number (text, 1, 86400, &config->dns_ttl, error);
}

static gboolean
read_public_addresses (IngressConfig *config, const char *text, GError **error)
{
  g_auto (GStrv) words = g_strsplit (text, ",", -1);

  for (guint i = 0; words[i]; i++)
    if (!g_hostname_is_ip_address (g_strstrip (words[i])))
      {
        g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                     "“%s” is not an IP address; write for example 203.0.113.5,2001:db8::5",
                     words[i]);
        return FALSE;
      }
  config->public_addresses = g_steal_pointer (&words);
  return TRUE;
}

#define TEXT_OF(number) G_STRINGIFY (number)

static const struct
{
  const char *key;
  const char *fallback; /* NULL: required */
  gboolean (*read) (IngressConfig *, const char *, GError **);
} keys[] = {
    {"zone", NULL, read_zone},
    {"endpoint", NULL, read_endpoint},
    {"public-ports", "443", read_public_ports},
    {"listen", "", read_listen},
    {"tunnel", "wireguard", read_tunnel},
    {"link-port", TEXT_OF (FUNNEL_LINK_PORT), read_link_port},
    {"reserved-names", RESERVED_NAMES, read_reserved_names},
    {"redirect-port", "0", read_redirect_port},
    {"max-per-source", TEXT_OF (MAX_PER_SOURCE), read_max_per_source},
    {"rate-per-source", "0", read_rate_per_source},
    {"bandwidth", "0", read_bandwidth},
    {"metrics", "", read_metrics},
    {"dns-server", "", read_dns_server},
    {"dns-zone", "", read_dns_zone},
    {"dns-key-file", "", read_dns_key_file},
    {"dns-ttl", TEXT_OF (DNS_TTL), read_dns_ttl},
    {"public-addresses", "", read_public_addresses},
    {"resolver", "", read_resolver},
    {"custom-domains", "off", read_domains},
    {"claim-check", CLAIM_CHECK, read_claim_check},
    {"claim-grace", CLAIM_GRACE, read_claim_grace},
    {"claim-quarantine", CLAIM_QUARANTINE, read_claim_quarantine},
};

static gboolean
check_dns (const IngressConfig *config, GError **error)
{
  if (!config->dns_server)
    return TRUE;
  if (!config->public_addresses || !config->public_addresses[0])
    g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                         "public-addresses: with dns-server, the addresses that names are to lead "
                         "to must stand here, for example 203.0.113.5,2001:db8::5");
  else if (!funnel_host_is_within (config->zone, config->dns_zone))
    g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                 "dns-zone: %s does not contain the zone %s", config->dns_zone, config->zone);
  else
    return TRUE;
  return FALSE;
}

/* What depends on more than one key. */
static gboolean
check_together (const IngressConfig *config, GError **error)
{
  if (!check_dns (config, error))
    return FALSE;
  if (config->redirect_port == 0 || !ingress_config_has_port (config, config->redirect_port))
    return TRUE;
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
               "redirect-port: %u is one of the public-ports; a port either takes TLS or redirects",
               config->redirect_port);
  return FALSE;
}

IngressConfig *
ingress_config_new (void)
{
  IngressConfig *config = g_new0 (IngressConfig, 1);

  config->link_port = FUNNEL_LINK_PORT;
  config->max_per_source = MAX_PER_SOURCE;
  config->dns_ttl = DNS_TTL;
  read_reserved_names (config, RESERVED_NAMES, NULL);
  read_claim_check (config, CLAIM_CHECK, NULL);
  read_claim_grace (config, CLAIM_GRACE, NULL);
  read_claim_quarantine (config, CLAIM_QUARANTINE, NULL);
  return config;
}

static gboolean
read_keys (IngressConfig *config, GKeyFile *file, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_autofree char *text = g_key_file_get_string (file, GROUP, keys[i].key, NULL);

      if (!text && !keys[i].fallback)
        {
          g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT, "%s is missing",
                       keys[i].key);
          return FALSE;
        }
      if (!keys[i].read (config, text ? text : keys[i].fallback, error))
        {
          g_prefix_error (error, "%s: ", keys[i].key);
          return FALSE;
        }
    }
  return TRUE;
}

static gboolean
check_keys_are_known (GKeyFile *file, GError **error)
{
  g_auto (GStrv) found = g_key_file_get_keys (file, GROUP, NULL, NULL);

  for (guint i = 0; found && found[i]; i++)
    {
      gboolean known = FALSE;

      for (guint k = 0; k < G_N_ELEMENTS (keys); k++)
        known |= g_str_equal (found[i], keys[k].key);
      if (!known)
        {
          g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                       "“%s” is not a key of this file", found[i]);
          return FALSE;
        }
    }
  return TRUE;
}

IngressConfig *
ingress_config_load (const char *state_dir, GError **error)
{
  g_autoptr (IngressConfig) config = g_new0 (IngressConfig, 1);
  g_autofree char *path = g_build_filename (state_dir, INGRESS_CONFIG_FILE, NULL);
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autoptr (GError) why = NULL;

  config->state_dir = g_strdup (state_dir);
  if (!g_key_file_load_from_file (file, path, G_KEY_FILE_NONE, &why))
    {
      if (g_error_matches (why, G_FILE_ERROR, G_FILE_ERROR_NOENT))
        g_set_error (
            error, FUNNEL_ERROR, FUNNEL_ERROR_STORE,
            "There is no %s; run “funnel-ingress init --zone ZONE --endpoint HOST:PORT” first",
            path);
      else
        g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE, "Cannot read %s: %s", path,
                     why->message);
      return NULL;
    }
  if (!check_keys_are_known (file, error) || !read_keys (config, file, error)
      || !check_together (config, error))
    {
      g_prefix_error (error, "%s: ", path);
      return NULL;
    }
  return g_steal_pointer (&config);
}

/* "7d", as it is read back. */
static char *
print_seconds (gint64 seconds)
{
  g_autofree char *words = funnel_duration_print (seconds);
  g_auto (GStrv) parts = g_strsplit (words, " ", -1);

  return g_strjoinv ("", parts);
}

static char *
print_domains (const IngressConfig *config)
{
  g_autofree char *check = print_seconds (config->claim_check);
  g_autofree char *grace = print_seconds (config->claim_grace);
  g_autofree char *quarantine = print_seconds (config->claim_quarantine);

  return g_strdup_printf (
      "# IP address of a resolver, with or without port, that probes and proofs of domains ask;\n"
      "# empty: those of this host (/etc/resolv.conf).\n"
      "resolver=%s\n"
      "# prove: a node gets a name outside the zone on all public ports when DNS says that it is\n"
      "# the node's (“funnel status” there shows the records). off: only “funnel-ingress grant”.\n"
      "custom-domains=%s\n"
      "# How often a proof is looked at again, how long a name outlives its proof, and how long "
      "it\n"
      "# is kept from others after its node left or its proof went.\n"
      "claim-check=%s\n"
      "claim-grace=%s\n"
      "claim-quarantine=%s\n",
      config->resolver ? config->resolver : "", domain_names[config->domains], check, grace,
      quarantine);
}

char *
ingress_config_print (const IngressConfig *config)
{
  g_autofree char *endpoint = funnel_endpoint_join (config->endpoint_host, config->endpoint_port);
  g_autofree char *ports = ingress_ports_print (config->public_ports, config->n_public_ports);
  g_autofree char *addresses
      = config->public_addresses ? g_strjoinv (",", config->public_addresses) : g_strdup ("");
  g_autofree char *reserved
      = config->reserved_names ? g_strjoinv (",", config->reserved_names) : g_strdup ("");
  g_autofree char *bandwidth
      = config->bandwidth ? funnel_byte_rate_print (config->bandwidth) : g_strdup ("0");
  g_autofree char *domains = print_domains (config);
  g_autofree char *metrics = config->metrics_host
                                 ? funnel_endpoint_join (config->metrics_host, config->metrics_port)
                                 : g_strdup ("");

  return g_strdup_printf (
      "# The ingress, as funnel-ingressd reads it when it starts.\n"
      "[" GROUP "]\n"
      "# DNS zone whose names this ingress hands out: node “laptop” becomes laptop.ZONE.\n"
      "zone=%s\n"
      "# Where nodes reach this host: UDP (WireGuard) and TCP (joining), the same port.\n"
      "# It stands in join tokens and on joined nodes; changing it means joining again.\n"
      "endpoint=%s\n"
      "# TCP ports visitors may use.\n"
      "public-ports=%s\n"
      "# IP address to listen on for visitors and for joining; empty: all.\n"
      "listen=%s\n"
      "# wireguard, or direct: loopback only, for tests and demonstrations on one machine.\n"
      "tunnel=%s\n"
      "# TCP port for links, inside the tunnel.\n"
      "link-port=%u\n"
      "# Labels that no node is called and no grant in the zone contains, separated by commas.\n"
      "reserved-names=%s\n"
      "# TCP port, usually 80, on which plain HTTP for names that are shared is sent to https;\n"
      "# 0: none.\n"
      "redirect-port=%u\n"
      "# Visitors at a time from one address (IPv6: from one /64).\n"
      "max-per-source=%u\n"
      "# New visitors per second from one address, four seconds' worth at once; 0: no limit.\n"
      "rate-per-source=%u\n"
      "# Bytes per second, all visitors together, shared fairly among nodes: 500k, 10M, 1G;\n"
      "# 0: no limit.\n"
      "bandwidth=%s\n"
      "# Loopback address and port for Prometheus metrics, such as 127.0.0.1:9469; empty: none.\n"
      "metrics=%s\n"
      "# DNS server that takes updates (RFC 2136) and serves the zone: an IP address, with or\n"
      "# without port. Records then come and go with shares; empty: they are made by hand.\n"
      "dns-server=%s\n"
      "# The zone as the server knows it, if it is not the zone above but one that contains it.\n"
      "dns-zone=%s\n"
      "# File with the TSIG key for updates, as tsig-keygen prints it; readable for nobody else.\n"
      "dns-key-file=%s\n"
      "# Seconds that others may remember a record.\n"
      "dns-ttl=%u\n"
      "# IP addresses of this host that names are to lead to, IPv4 and IPv6, with commas.\n"
      "public-addresses=%s\n%s",
      config->zone, endpoint, ports, config->listen ? config->listen : "",
      ingress_tunnel_text (config->tunnel), config->link_port, reserved, config->redirect_port,
      config->max_per_source, config->rate_per_source, bandwidth, metrics,
      config->dns_server ? config->dns_server : "",
      config->dns_zone && !g_str_equal (config->dns_zone, config->zone) ? config->dns_zone : "",
      config->dns_key_file ? config->dns_key_file : "", config->dns_ttl, addresses, domains);
}

gboolean
ingress_config_has_port (const IngressConfig *config, guint16 port)
{
  for (guint i = 0; i < config->n_public_ports; i++)
    if (config->public_ports[i] == port)
      return TRUE;
  return FALSE;
}

gboolean
ingress_config_listens_at (const IngressConfig *config, guint16 port)
{
  return ingress_config_has_port (config, port)
         || (config->redirect_port != 0 && config->redirect_port == port);
}

static guint32
network (const IngressConfig *config)
{
  return config->tunnel == INGRESS_TUNNEL_DIRECT ? NETWORK_DIRECT : NETWORK_WIREGUARD;
}

char *
ingress_config_address (const IngressConfig *config, guint32 host)
{
  guint32 ip = network (config) | (host & HOST_MASK);

  return g_strdup_printf ("%u.%u.%u.%u", ip >> 24, (ip >> 16) & 0xff, (ip >> 8) & 0xff, ip & 0xff);
}

gboolean
ingress_config_address_host (const IngressConfig *config, const char *text, guint32 *host)
{
  g_autoptr (GInetAddress) address = g_inet_address_new_from_string (text);
  guint32 ip;

  if (!address || g_inet_address_get_family (address) != G_SOCKET_FAMILY_IPV4)
    return FALSE;
  memcpy (&ip, g_inet_address_to_bytes (address), sizeof ip);
  ip = GUINT32_FROM_BE (ip);
  if ((ip & ~HOST_MASK) != network (config))
    return FALSE;
  *host = ip & HOST_MASK;
  return TRUE;
}

char *
ingress_config_path (const IngressConfig *config, const char *file)
{
  return g_build_filename (config->state_dir, file, NULL);
}

char *
ingress_config_dns_record (const IngressConfig *config, const char *name)
{
  gboolean whole_zone
      = !name || (funnel_host_is_within (name, config->zone) && !g_str_equal (name, config->zone));
  const char *type = "CNAME", *dot = ".";
  const char *owner = whole_zone ? config->zone : name;

  if (g_hostname_is_ip_address (config->endpoint_host))
    {
      type = strchr (config->endpoint_host, ':') ? "AAAA" : "A";
      dot = "";
    }
  return g_strdup_printf ("%s%s. %s %s%s", whole_zone ? "*." : "", owner, type,
                          config->endpoint_host, dot);
}

static char *
choose (const char *chosen, const char *variable, const char *fallback)
{
  const char *value = chosen ? chosen : g_getenv (variable);

  return g_canonicalize_filename (value && *value ? value : fallback, NULL);
}

char *
ingress_state_dir (const char *chosen)
{
  return choose (chosen, FUNNEL_ENV_INGRESS_STATE, INGRESS_STATE_DIR_DEFAULT);
}

char *
ingress_run_dir (const char *chosen)
{
  return choose (chosen, FUNNEL_ENV_INGRESS_RUN, INGRESS_RUN_DIR_DEFAULT);
}
