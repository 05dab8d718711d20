/* SPDX-License-Identifier: GPL-3.0-or-later */

/* funnel status: the ingresses, the shares, and what to do next. */

#include <glib/gi18n.h>
#include <stdio.h>

#include "cli/cli-cert.h"
#include "cli/cli-json.h"
#include "cli/cli-labels.h"
#include "cli/cli-session.h"

static void
print_field (const char *name, const char *value)
{
  g_autofree char *line = funnel_label_field (name, value);

  fputs (line, stdout);
}

static void
print_tunnel (FunnelDBusIngress *ingress)
{
  const char *const *passed_over = funnel_dbus_ingress_get_tunnel_passed_over (ingress);
  g_autofree char *kind = funnel_label_clean (funnel_dbus_ingress_get_tunnel (ingress));
  g_autofree char *engine = funnel_label_clean (funnel_dbus_ingress_get_engine (ingress));
  g_autofree char *age = funnel_label_age (funnel_dbus_ingress_get_handshake (ingress),
                                           g_get_real_time () / G_USEC_PER_SEC);
  g_autofree char *text = NULL;

  if (g_strcmp0 (kind, "direct") == 0)
    text = g_strdup (_ ("direct: NOT a tunnel, for tests and demonstrations on one machine only"));
  else if (*kind)
    text = g_strdup_printf (_ ("%s, engine %s, mtu %u, last handshake %s"), kind,
                            *engine ? engine : _ ("none"), funnel_dbus_ingress_get_mtu (ingress),
                            age);
  print_field (C_ ("field", "tunnel"), text);
  for (guint i = 0; passed_over && passed_over[i]; i++)
    {
      g_autofree char *clean = funnel_label_say (passed_over[i]);

      print_field (C_ ("field", "passed"), clean);
    }
}

static void
print_ingress (FunnelDBusIngress *ingress)
{
  g_autofree char *endpoint = funnel_label_clean (funnel_dbus_ingress_get_endpoint (ingress));
  g_autofree char *node = funnel_label_clean (funnel_dbus_ingress_get_node (ingress));
  g_autofree char *state = funnel_label_clean (funnel_dbus_ingress_get_state (ingress));
  g_autofree char *reason = funnel_label_say (funnel_dbus_ingress_get_reason (ingress));
  g_autofree char *next = funnel_label_say (funnel_dbus_ingress_get_next_step (ingress));
  g_autofree char *link
      = *reason ? g_strdup_printf (_ ("%s: %s"), state, reason) : g_strdup (state);
  g_autofree char *grants = funnel_label_grants (funnel_dbus_ingress_get_grants (ingress));
  g_autofree char *refusals = funnel_label_counts (funnel_dbus_ingress_get_refusals (ingress));
  g_autofree char *none = g_strdup_printf (
      _ ("none; the ingress's admin grants with: funnel-ingress grant %s"), node);

  printf (_ ("ingress %s, this node is %s\n"), endpoint, *node ? node : _ ("unnamed"));
  print_field (C_ ("field", "link"), link);
  print_field (C_ ("field", "next"), next);
  print_tunnel (ingress);
  /* Without a link it is not known what is granted. */
  if (grants || g_strcmp0 (state, "linked") == 0)
    print_field (C_ ("field", "granted"), grants ? grants : none);
  print_field (C_ ("field", "refused"), refusals);
}

static void
print_visitors (FunnelDBusShare *share)
{
  g_autofree char *in = g_format_size (funnel_dbus_share_get_bytes_in (share));
  g_autofree char *out = g_format_size (funnel_dbus_share_get_bytes_out (share));
  g_autofree char *text = g_strdup_printf (
      _ ("%u now, %lu in all, %s received, %s sent"), funnel_dbus_share_get_flows_active (share),
      (unsigned long)funnel_dbus_share_get_flows_total (share), in, out);

  print_field (C_ ("field", "visitors"), text);
}

/* A tree: one line for each path. */
static void
print_mounts (FunnelDBusShare *share, const char *target)
{
  GVariant *mounts = funnel_dbus_share_get_mounts (share);
  gsize n = mounts ? g_variant_n_children (mounts) : 0;

  if (n == 0)
    printf ("|-- %s\n", target);
  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GVariant) mount = g_variant_get_child_value (mounts, i);
      g_autofree char *path = NULL;
      g_autofree char *label = NULL;

      g_variant_lookup (mount, "path", "s", &path);
      label = funnel_label_mount (mount, n > 1 || g_strcmp0 (path, "/") != 0);
      printf ("|-- %s\n", label);
    }
}

/* Who may come, until when, and what else was said about the share. */
static void
print_rules (FunnelDBusShare *share)
{
  g_autofree char *access = funnel_label_access (funnel_dbus_share_get_access (share));
  g_autofree char *end = funnel_label_end (funnel_dbus_share_get_expires (share),
                                           g_get_real_time () / G_USEC_PER_SEC);
  g_autofree char *command = funnel_label_clean (funnel_dbus_share_get_command (share));
  g_autofree char *requests = funnel_label_counts (funnel_dbus_share_get_requests (share));
  const char *const *alpn = funnel_dbus_share_get_alpn (share);
  guint proxy_protocol = funnel_dbus_share_get_proxy_protocol (share);

  print_field (C_ ("field", "access"), access);
  print_field (C_ ("field", "ends"), end);
  print_field (C_ ("field", "command"), command);
  if (proxy_protocol)
    {
      g_autofree char *version = g_strdup_printf (_ ("version %u"), proxy_protocol);

      print_field (C_ ("field", "PROXY"), version);
    }
  if (alpn && alpn[0])
    {
      g_autofree char *joined = g_strjoinv (", ", (GStrv)alpn);
      g_autofree char *clean = funnel_label_clean (joined);

      print_field (C_ ("field", "ALPN"), clean);
    }
  print_field (C_ ("field", "requests"), requests);
}

static void
print_share (FunnelDBusShare *share)
{
  const char *const *warnings = funnel_dbus_share_get_warnings (share);
  const FunnelCliShareText text = {
      .state = funnel_dbus_share_get_state (share),
      .reason = funnel_dbus_share_get_reason (share),
  };
  g_autofree char *url = funnel_label_clean (funnel_dbus_share_get_url (share));
  g_autofree char *target = funnel_label_target (funnel_dbus_share_get_kind (share),
                                                 funnel_dbus_share_get_target (share));
  g_autofree char *state = funnel_label_state (&text);
  g_autofree char *next = funnel_label_say (funnel_dbus_share_get_next_step (share));
  g_autofree char *certificate
      = funnel_label_certificate (funnel_dbus_share_get_certificate (share));
  g_autofree char *refusals = funnel_label_counts (funnel_dbus_share_get_refusals (share));

  printf ("%s%s\n", url, funnel_dbus_share_get_foreground (share) ? _ (" (foreground)") : "");
  print_mounts (share, target);
  print_field (C_ ("field", "state"), state);
  print_field (C_ ("field", "next"), next);
  print_field (C_ ("field", "cert"), certificate);
  print_rules (share);
  print_visitors (share);
  print_field (C_ ("field", "refused"), refusals);
  for (; warnings && *warnings; warnings++)
    {
      g_autofree char *clean = funnel_label_say (*warnings);

      print_field (C_ ("field", "warning"), clean);
    }
}

static void
print_status (FunnelClient *client)
{
  g_autoptr (GPtrArray) ingresses = funnel_client_list_ingresses (client);
  g_autoptr (GPtrArray) shares = funnel_client_list_shares (client);
  g_autoptr (FunnelDBusCertificates) certificates = funnel_client_ref_certificates (client);

  for (guint i = 0; i < ingresses->len; i++)
    {
      print_ingress (g_ptr_array_index (ingresses, i));
      putchar ('\n');
    }
  for (guint i = 0; i < shares->len; i++)
    {
      print_share (g_ptr_array_index (shares, i));
      putchar ('\n');
    }
  if (certificates)
    funnel_cert_print_problems (certificates);
  if (ingresses->len == 0)
    puts (
        _ ("Not joined to any ingress.\n"
           "Next: ask the admin of an ingress for a join line (funnel-ingress invite NAME --grant) "
           "and paste it here:\n"
           "      funnel join TOKEN"));
  else if (shares->len == 0)
    puts (_ ("Nothing is shared.\n"
             "Next: `funnel 3000` puts http://127.0.0.1:3000 on the internet."));
}

static FunnelExit
run (FunnelCli *cli, GError **error)
{
  if (!funnel_cli_connect (cli, error))
    return FUNNEL_EXIT_ERROR;
  if (cli->options->json)
    funnel_cli_json_print (funnel_cli_json_status (cli->client), TRUE);
  else
    print_status (cli->client);
  return FUNNEL_EXIT_OK;
}

const FunnelCliCommand funnel_cli_status = {
    .name = "status",
    .synopsis = "status [--json]",
    .summary = N_ ("show ingresses, shares and what is missing"),
    .details = N_ ("Shows every ingress this node has joined and every share, in the foreground or "
                   "not, with its state, the reason and what to do next.\n"),
    .flags = FUNNEL_CLI_JSON | FUNNEL_CLI_SYSTEM,
    .run = run,
};
