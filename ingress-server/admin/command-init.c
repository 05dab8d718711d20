/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/admin/admin-call.h"
#include "ingress-server/admin/admin-print.h"
#include "lib/base/error.h"
#include "lib/base/host.h"
#include "lib/base/json-read.h"
#include "lib/base/names.h"
#include "ingress-server/store/ingress-setup.h"

#include <stdio.h>
#include <string.h>

#define DEFAULT_ENDPOINT_PORT "51820"
#define DEFAULT_PUBLIC_PORT 443

static gboolean
set_zone (JsonObject *request, const char *zone, GError **error)
{
  g_autofree char *canonical = zone ? funnel_host_normalize (zone, error) : NULL;

  if (!zone)
    g_set_error_literal (
        error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
        "--zone is missing: the DNS zone whose names are handed out, for example --zone "
        "funnel.example.org");
  if (!canonical)
    return FALSE;
  json_object_set_string_member (request, "zone", canonical);
  return TRUE;
}

static gboolean
set_endpoint (JsonObject *request, const char *endpoint, GError **error)
{
  g_autofree char *full = NULL, *host = NULL, *text = NULL;
  guint16 port = 0;

  if (!endpoint)
    {
      g_set_error_literal (
          error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
          "--endpoint is missing: where nodes reach this host, for example --endpoint "
          "vps.example.org:" DEFAULT_ENDPOINT_PORT);
      return FALSE;
    }
  full = g_strconcat (endpoint, strchr (endpoint, ':') ? "" : ":" DEFAULT_ENDPOINT_PORT, NULL);
  if (!funnel_endpoint_split (full, &host, &port, error))
    {
      g_prefix_error (error, "--endpoint: ");
      return FALSE;
    }
  text = funnel_endpoint_join (host, port);
  json_object_set_string_member (request, "endpoint", text);
  return TRUE;
}

static gboolean
set_rest (JsonObject *request,
          const char *listen,
          const char *tunnel,
          int link_port,
          GError **error)
{
  IngressTunnel parsed;

  if (listen && !g_hostname_is_ip_address (listen))
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                   "--listen: “%s” is not an IP address", listen);
      return FALSE;
    }
  if (!ingress_tunnel_from_text (tunnel ? tunnel : "wireguard", &parsed, error))
    return FALSE;
  if (link_port < 1 || link_port > G_MAXUINT16)
    {
      g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                           "--link-port: write a number from 1 to 65535");
      return FALSE;
    }
  if (listen)
    json_object_set_string_member (request, "listen", listen);
  json_object_set_string_member (request, "tunnel", ingress_tunnel_text (parsed));
  json_object_set_int_member (request, "link_port", link_port);
  return TRUE;
}

/* The endpoint's TCP port takes joins; visitors need another one. */
static gboolean
check_ports_differ (JsonObject *request, GError **error)
{
  g_autoptr (GArray) ports
      = funnel_json_get_ports (request, "public_ports", INGRESS_PUBLIC_PORTS_MAX, error);
  g_autofree char *host = NULL;
  guint16 port = 0;

  if (!ports
      || !funnel_endpoint_split (json_object_get_string_member (request, "endpoint"), &host, &port,
                                 error))
    return FALSE;
  for (guint i = 0; i < ports->len; i++)
    if (g_array_index (ports, guint16, i) == port)
      {
        g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                     "--public-port %u is the endpoint's port too, where nodes join; choose "
                     "another for one of them",
                     port);
        return FALSE;
      }
  return TRUE;
}

gboolean
command_init_parse (AdminCall *call, char **words, GError **error)
{
  g_autofree char *zone = NULL, *endpoint = NULL, *listen = NULL, *tunnel = NULL;
  g_auto (GStrv) ports = NULL;
  int link_port = FUNNEL_LINK_PORT;
  const guint16 default_port = DEFAULT_PUBLIC_PORT;
  const GOptionEntry entries[] = {
      {"zone", 0, 0, G_OPTION_ARG_STRING, &zone, "DNS zone whose names are handed out", "ZONE"},
      {"endpoint", 0, 0, G_OPTION_ARG_STRING, &endpoint,
       "Where nodes reach this host: UDP and TCP (default port " DEFAULT_ENDPOINT_PORT ")",
       "HOST:PORT"},
      {"public-port", 0, 0, G_OPTION_ARG_STRING_ARRAY, &ports,
       "TCP port for visitors; repeatable (default 443)", "N"},
      {"listen", 0, 0, G_OPTION_ARG_STRING, &listen, "IP address to listen on (default all)",
       "ADDRESS"},
      {"tunnel", 0, 0, G_OPTION_ARG_STRING, &tunnel,
       "wireguard (default), or direct: loopback only, for tests on one machine", "KIND"},
      {"link-port", 0, 0, G_OPTION_ARG_INT, &link_port,
       "TCP port for links inside the tunnel (default 7780)", "N"},
      {NULL},
  };

  if (!admin_call_parse (call, "init", entries, words, error)
      || !set_zone (call->request, zone, error) || !set_endpoint (call->request, endpoint, error)
      || !admin_call_set_ports (call, "public_ports", ports, error)
      || !set_rest (call->request, listen, tunnel, link_port, error))
    return FALSE;
  if (!json_object_has_member (call->request, "public_ports"))
    funnel_json_set_ports (call->request, "public_ports", &default_port, 1);
  return check_ports_differ (call->request, error);
}

static IngressConfig *
make_config (AdminCall *call, GError **error)
{
  g_autoptr (IngressConfig) config = ingress_config_new ();
  JsonObject *request = call->request;
  g_autoptr (GArray) ports
      = funnel_json_get_ports (request, "public_ports", INGRESS_PUBLIC_PORTS_MAX, error);
  gsize count = 0;

  if (!ports
      || !funnel_endpoint_split (json_object_get_string_member (request, "endpoint"),
                                 &config->endpoint_host, &config->endpoint_port, error)
      || !ingress_tunnel_from_text (json_object_get_string_member (request, "tunnel"),
                                    &config->tunnel, error))
    return NULL;
  config->state_dir = ingress_state_dir (call->state_dir);
  config->zone = g_strdup (json_object_get_string_member (request, "zone"));
  config->listen = g_strdup (json_object_get_string_member_with_default (request, "listen", NULL));
  config->link_port = (guint16)json_object_get_int_member (request, "link_port");
  config->public_ports = g_array_steal (ports, &count);
  config->n_public_ports = (guint)count;
  return g_steal_pointer (&config);
}

static void
print_next_steps (AdminCall *call, const IngressConfig *config)
{
  g_autofree char *record = ingress_config_dns_record (config, NULL);
  g_autofree char *ports
      = admin_text_ports (json_object_get_array_member (call->request, "public_ports"));
  g_autofree char *where
      = call->state_dir ? g_strconcat (" --state-dir ", config->state_dir, NULL) : g_strdup ("");

  printf ("The ingress for *.%s is prepared in %s.\n\nNext:\n", config->zone, config->state_dir);
  printf ("  1. Publish this DNS record:\n       %s\n", record);
  if (!g_hostname_is_ip_address (config->endpoint_host))
    printf ("     and make sure that %s leads to this host:\n       %s. A <public IPv4 address of "
            "this host>\n",
            config->endpoint_host, config->endpoint_host);
  printf ("  2. Open in the firewall:\n       TCP %s (visitors)\n       UDP and TCP %u (nodes)\n",
          ports, config->endpoint_port);
  printf ("  3. Start the ingress:\n       systemctl enable --now funnel-ingressd\n     or, "
          "without systemd:\n       "
          "funnel-ingressd%s\n",
          where);
  printf ("  4. Invite a machine:\n       funnel-ingress invite laptop --grant\n");
}

static void
print_next_steps_json (AdminCall *call, const IngressConfig *config)
{
  g_autofree char *record = ingress_config_dns_record (config, NULL);
  JsonArray *records = json_array_new ();

  json_array_add_string_element (records, record);
  json_object_set_string_member (call->request, "state_dir", config->state_dir);
  json_object_set_array_member (call->request, "dns_records", records);
  admin_print_json (call->request);
}

int
command_init_run (AdminCall *call)
{
  GError *error = NULL;
  g_autoptr (IngressConfig) config = make_config (call, &error);

  if (!config || !ingress_setup_create (config, &error))
    return admin_fail (call, error);
  if (call->json)
    print_next_steps_json (call, config);
  else
    print_next_steps (call, config);
  return ADMIN_EXIT_OK;
}
