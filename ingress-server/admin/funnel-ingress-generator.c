/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "funnel-ingress-generator"

/* funnel-ingress-generator: run by systemd at boot and at every daemon-reload
 * (systemd.generator(7)), it makes the socket unit of the public ports from ingress.conf, so that
 * they are written down once.
 *
 * Without a configuration that can be used it makes none: funnel-ingressd then says what is wrong
 * with it, and opens ports itself. It runs as root and reads a file of another user, who gains
 * nothing by it: only ports and an address come out, and whatever keeps it waiting ends it. */

#include "ingress-server/store/ingress-config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UNIT "funnel-relay-public.socket"
#define DEADLINE_S 10

static void
add_port (GString *text, const IngressConfig *config, guint16 port)
{
  if (config->listen == NULL)
    g_string_append_printf (text, "ListenStream=%u\n", port);
  else if (strchr (config->listen, ':') != NULL)
    g_string_append_printf (text, "ListenStream=[%s]:%u\n", config->listen, port);
  else
    g_string_append_printf (text, "ListenStream=%s:%u\n", config->listen, port);
}

static char *
print_unit (const IngressConfig *config)
{
  GString *text = g_string_new ("# Made from " INGRESS_CONFIG_FILE " by funnel-ingress-generator, "
                                "at boot and at every daemon-reload.\n"
                                "[Unit]\n"
                                "Description=Funnel ingress: public ports\n"
                                "Documentation=man:funnel-relay(8) man:funnel-ingress.conf(5)\n");

  /* Stopped and started anew with the other socket, so that there is one name to type. */
  g_string_append_printf (text,
                          "SourcePath=%s/" INGRESS_CONFIG_FILE "\n"
                          "PartOf=funnel-relay.socket\n\n[Socket]\n",
                          config->state_dir);
  g_string_append (text, "Service=funnel-relay.service\nBindIPv6Only=both\nBacklog=4096\n");
  /* An address may be there only later. */
  if (config->listen != NULL)
    g_string_append (text, "FreeBind=yes\n");
  for (guint i = 0; i < config->n_public_ports; i++)
    add_port (text, config, config->public_ports[i]);
  if (config->redirect_port != 0)
    add_port (text, config, config->redirect_port);
  return g_string_free (text, FALSE);
}

int
main (int argc, char **argv)
{
  g_autofree char *state_dir = ingress_state_dir (NULL);
  g_autofree char *source = g_build_filename (state_dir, INGRESS_CONFIG_FILE, NULL);
  g_autoptr (IngressConfig) config = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *unit = NULL, *path = NULL;

  if (argc != 2 && argc != 4)
    {
      fputs ("Usage: funnel-ingress-generator DIRECTORY [EARLY LATE]\n"
             "Run by systemd; see systemd.generator(7).\n",
             stderr);
      return 2;
    }
  alarm (DEADLINE_S);
  if (!g_file_test (source, G_FILE_TEST_IS_REGULAR))
    return EXIT_SUCCESS;
  config = ingress_config_load (state_dir, NULL);
  if (config == NULL)
    {
      fprintf (stderr, "funnel-ingress-generator: %s cannot be used: funnel-ingress check-config\n",
               source);
      return EXIT_FAILURE;
    }
  if (config->tunnel == INGRESS_TUNNEL_DIRECT)
    return EXIT_SUCCESS; /* no units are for that */
  unit = print_unit (config);
  path = g_build_filename (argv[1], UNIT, NULL);
  if (g_file_set_contents (path, unit, -1, &error))
    return EXIT_SUCCESS;
  fprintf (stderr, "funnel-ingress-generator: %s\n", error->message);
  return EXIT_FAILURE;
}
