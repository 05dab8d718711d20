/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/dns/dns-resolver.h"

#include "lib/base/error.h"

#include <glib/gi18n.h>
#include <string.h>

#define PORT_DEFAULT 53
#define RETRIES 2

static const char *
name_server (const char *server)
{
  return server ? server : N_ ("the system's resolver");
}

/* Splits "192.0.2.1", "192.0.2.1:53", "2001:db8::1" or "[2001:db8::1]:53". */
static GInetAddress *
parse_server (const char *server, guint16 *port)
{
  g_autoptr (GInetAddress) plain = g_inet_address_new_from_string (server);
  g_autoptr (GSocketConnectable) endpoint = NULL;

  *port = PORT_DEFAULT;
  if (plain)
    return g_steal_pointer (&plain);
  endpoint = g_network_address_parse (server, PORT_DEFAULT, NULL);
  if (!endpoint)
    return NULL;
  *port = g_network_address_get_port (G_NETWORK_ADDRESS (endpoint));
  return g_inet_address_new_from_string (
      g_network_address_get_hostname (G_NETWORK_ADDRESS (endpoint)));
}

static gboolean
set_server (ldns_resolver *resolver, const char *server, GError **error)
{
  guint16 port;
  g_autoptr (GInetAddress) address = parse_server (server, &port);
  g_autofree char *text = address ? g_inet_address_to_string (address) : NULL;
  gboolean six = address && g_inet_address_get_family (address) == G_SOCKET_FAMILY_IPV6;
  g_autoptr (ldns_rdf) rdf
      = text ? dns_ldns.rdf_new_frm_str (six ? LDNS_RDF_TYPE_AAAA : LDNS_RDF_TYPE_A, text) : NULL;

  if (!rdf || dns_ldns.resolver_push_nameserver (resolver, rdf) != LDNS_STATUS_OK)
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                   N_ ("“%s” is not the address of a DNS server; write for example 192.0.2.53, or "
                       "[2001:db8::53]:5353 with a port"),
                   server);
      return FALSE;
    }
  dns_ldns.resolver_set_port (resolver, port);
  return TRUE;
}

ldns_resolver *
dns_resolver_new (const char *server, guint seconds, GError **error)
{
  g_autoptr (ldns_resolver) resolver = NULL;
  struct timeval timeout = {.tv_sec = MAX (seconds / RETRIES, 1)};

  if (server)
    resolver = dns_ldns.resolver_new ();
  else if (dns_ldns.resolver_new_frm_file (&resolver, NULL) != LDNS_STATUS_OK)
    resolver = NULL;
  if (!resolver)
    {
      g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE,
                           N_ ("No DNS resolver: /etc/resolv.conf names none"));
      return NULL;
    }
  if (server && !set_server (resolver, server, error))
    return NULL;
  dns_ldns.resolver_set_timeout (resolver, timeout);
  dns_ldns.resolver_set_retry (resolver, RETRIES);
  dns_ldns.resolver_set_defnames (resolver, false);
  dns_ldns.resolver_set_dnsrch (resolver, false);
  dns_ldns.resolver_set_recursive (resolver, server == NULL);
  dns_ldns.resolver_set_fail (resolver, false);
  return g_steal_pointer (&resolver);
}

ldns_rdf *
dns_name_parse (const char *name, GError **error)
{
  ldns_rdf *rdf = strlen (name) <= 254 ? dns_ldns.dname_new_frm_str (name) : NULL;

  if (!rdf)
    g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                 N_ ("“%.80s” is not a DNS name"), name);
  return rdf;
}

/* The usual cases in words of our own, which clients can translate. */
static const char *
describe_status (ldns_status status)
{
  switch (status)
    {
    case LDNS_STATUS_RES_NO_NS:
      return N_ ("no name server is set");
    case LDNS_STATUS_ERR:
    case LDNS_STATUS_SOCKET_ERROR:
    case LDNS_STATUS_NETWORK_ERR:
    case LDNS_STATUS_ADDRESS_ERR:
      return N_ ("nothing comes back");
    default:
      return dns_ldns.get_errorstr_by_id (status);
    }
}

gboolean
dns_fail_status (ldns_status status, const char *server, GError **error)
{
  gboolean network = status == LDNS_STATUS_ERR || status == LDNS_STATUS_SOCKET_ERROR
                     || status == LDNS_STATUS_NETWORK_ERR || status == LDNS_STATUS_RES_NO_NS
                     || status == LDNS_STATUS_ADDRESS_ERR;

  g_set_error (error, FUNNEL_ERROR, network ? FUNNEL_ERROR_UNREACHABLE : FUNNEL_ERROR_FAILED,
               network ? N_ ("%s does not answer: %s")
                       : N_ ("%s gave an answer that cannot be used: %s"),
               name_server (server), describe_status (status));
  return FALSE;
}

gboolean
dns_fail_code (ldns_pkt_rcode code, const char *server, GError **error)
{
  g_autofree char *text = NULL;
  char *name = dns_ldns.pkt_rcode2str (code);

  text = g_strdup (name ? name : N_ ("an unknown code"));
  free (name);
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_FAILED, N_ ("%s answers %s"), name_server (server),
               text);
  return FALSE;
}
