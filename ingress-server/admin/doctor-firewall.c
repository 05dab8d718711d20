/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/admin/doctor-firewall.h"

#include <stdlib.h>
#include <string.h>

/* "443/tcp", "8000:8100/udp", "51820": whether it is about @port of @protocol. */
static gboolean
covers (const char *what, guint16 port, const char *protocol)
{
  g_auto (GStrv) parts = g_strsplit (what, "/", 2);
  g_auto (GStrv) range = g_strsplit (parts[0] != NULL ? parts[0] : "", ":", 2);
  guint64 first = 0, last = 0;

  if (range[0] == NULL || !g_ascii_string_to_unsigned (range[0], 10, 1, G_MAXUINT16, &first, NULL))
    return FALSE;
  last = first;
  if (range[1] != NULL && !g_ascii_string_to_unsigned (range[1], 10, 1, G_MAXUINT16, &last, NULL))
    return FALSE;
  return port >= first && port <= last && (parts[1] == NULL || g_str_equal (parts[1], protocol));
}

static gboolean
is_allowed (GStrv lines, guint16 port, const char *protocol)
{
  for (guint i = 0; lines[i] != NULL; i++)
    {
      g_auto (GStrv) words = g_strsplit_set (lines[i], " \t", 2);

      if (words[0] != NULL && words[1] != NULL
          && (strstr (words[1], "ALLOW") != NULL || strstr (words[1], "LIMIT") != NULL)
          && covers (words[0], port, protocol))
        return TRUE;
    }
  return FALSE;
}

static void
note_missing (GString *advice, GStrv lines, guint16 port, const char *protocol)
{
  if (port != 0 && !is_allowed (lines, port, protocol))
    g_string_append_printf (advice, "%sufw allow %u/%s", advice->len != 0 ? "\n" : "", port,
                            protocol);
}

char *
ingress_doctor_read_ufw (const char *output, const IngressConfig *config, char **advice)
{
  g_auto (GStrv) lines = g_strsplit (output, "\n", -1);
  GString *missing = g_string_new (NULL);

  *advice = NULL;
  if (strstr (output, "Status: active") == NULL)
    {
      g_string_free (missing, TRUE);
      return NULL;
    }
  for (guint i = 0; i < config->n_public_ports; i++)
    note_missing (missing, lines, config->public_ports[i], "tcp");
  note_missing (missing, lines, config->redirect_port, "tcp");
  note_missing (missing, lines, config->endpoint_port, "tcp");
  if (config->tunnel != INGRESS_TUNNEL_DIRECT)
    note_missing (missing, lines, config->endpoint_port, "udp");
  if (missing->len == 0)
    {
      g_string_free (missing, TRUE);
      return g_strdup ("ufw is active and lets in what the ingress needs");
    }
  *advice = g_string_free (missing, FALSE);
  return g_strdup ("ufw is active, and no rule by port lets all of it in that the ingress needs");
}

char *
ingress_doctor_read_nft (const char *output, const IngressConfig *config)
{
  const char *hook = output;

  while ((hook = strstr (hook, "hook input")) != NULL)
    {
      g_autofree char *line = g_strndup (hook, strcspn (hook, "\n"));

      if (strstr (line, "policy drop") != NULL)
        return g_strdup_printf ("nftables drops what it does not accept; see in “nft list ruleset” "
                                "that it accepts UDP and TCP %u and the public ports",
                                config->endpoint_port);
      hook += strlen ("hook input");
    }
  return NULL;
}
