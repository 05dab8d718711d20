/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "funnel-ingressd"

/* funnel-ingressd: the control process of an ingress. */

#include "ingress-server/control/ingress-app.h"
#include "lib/base/notify.h"

#include <glib-unix.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

static char *option_state_dir, *option_run_dir, *option_relay_socket;
static gboolean option_keep_agent, option_version;

static const GOptionEntry options[] = {
    {"state-dir", 0, 0, G_OPTION_ARG_FILENAME, &option_state_dir,
     "Where ingress.conf is (default " INGRESS_STATE_DIR_DEFAULT ", or FUNNEL_INGRESS_STATE)",
     "DIR"},
    {"run-dir", 0, 0, G_OPTION_ARG_FILENAME, &option_run_dir,
     "Where sockets are (default " INGRESS_RUN_DIR_DEFAULT ", or FUNNEL_INGRESS_RUN)", "DIR"},
    {"relay-socket", 0, 0, G_OPTION_ARG_FILENAME, &option_relay_socket,
     "Where the relay's own unit listens; without it the relay is the agent's child", "PATH"},
    {"keep-agent", 0, 0, G_OPTION_ARG_NONE, &option_keep_agent,
     "Leave tunnel and relay running when this process is told to end", NULL},
    {"version", 0, 0, G_OPTION_ARG_NONE, &option_version, "Print the version", NULL},
    {NULL},
};

static gboolean
on_signal (gpointer data)
{
  ingress_app_quit (data);
  return G_SOURCE_CONTINUE;
}

/* A link is a descriptor. */
static void
raise_limits (void)
{
  struct rlimit files;

  if (getrlimit (RLIMIT_NOFILE, &files) == 0)
    {
      files.rlim_cur = files.rlim_max;
      setrlimit (RLIMIT_NOFILE, &files);
    }
}

/* -1: go on; else the exit status. */
static int
parse_options (int *argc, char ***argv)
{
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;

  g_option_context_set_summary (context, "Runs the ingress that “funnel-ingress init” prepared.");
  g_option_context_add_main_entries (context, options, NULL);
  if (!g_option_context_parse (context, argc, argv, &error) || *argc > 1)
    {
      fprintf (stderr, "funnel-ingressd: %s; try --help\n",
               error ? error->message : "no arguments are expected");
      return 2;
    }
  if (option_version)
    {
      puts ("funnel-ingressd " FUNNEL_VERSION);
      return 0;
    }
  return -1;
}

static gboolean
on_hangup (gpointer data)
{
  g_autoptr (GError) error = NULL;

  if (!ingress_app_reload (data, &error))
    g_warning ("The configuration is not used: %s", error->message);
  return G_SOURCE_CONTINUE;
}

/* One life of the ingress: until it is told to end, or to begin again with another configuration.
 */
static gboolean
run (const char *state_dir, const char *run_dir, gboolean *again, GError **error)
{
  IngressApp *app = ingress_app_new (state_dir, run_dir, option_relay_socket, error);
  guint term, interrupt, hangup;
  gboolean ok;

  *again = FALSE;
  if (!app)
    return FALSE;
  term = g_unix_signal_add (SIGTERM, on_signal, app);
  interrupt = g_unix_signal_add (SIGINT, on_signal, app);
  hangup = g_unix_signal_add (SIGHUP, on_hangup, app);
  ok = ingress_app_run (app, error);
  g_source_remove (term);
  g_source_remove (interrupt);
  g_source_remove (hangup);
  *again = ok && ingress_app_wants_reload (app);
  ingress_app_free (app, option_keep_agent || *again);
  return ok;
}

/* What systemd's Type=notify-reload waits for; READY follows when all is up again. */
static void
announce_reload (void)
{
  g_autofree char *text
      = g_strdup_printf ("RELOADING=1\nMONOTONIC_USEC=%" G_GINT64_FORMAT, g_get_monotonic_time ());

  g_message ("Reading the configuration again");
  funnel_notify (text);
}

int
main (int argc, char **argv)
{
  int status;
  g_autofree char *state_dir = NULL, *run_dir = NULL;
  g_autoptr (GError) error = NULL;
  gboolean again = TRUE;

  setlocale (LC_CTYPE, "");
  status = parse_options (&argc, &argv);
  if (status >= 0)
    return status;
    /* Keys are in memory: no core dumps, and nothing written is for others. */
#ifndef __SANITIZE_ADDRESS__ /* its leak check has to look inside */
  prctl (PR_SET_DUMPABLE, 0);
#endif
  umask (0077);
  raise_limits ();
  state_dir = ingress_state_dir (option_state_dir);
  run_dir = ingress_run_dir (option_run_dir);
  funnel_notify_keep_alive ();
  while (again && !error)
    {
      run (state_dir, run_dir, &again, &error);
      if (again)
        announce_reload ();
    }
  if (!error)
    return EXIT_SUCCESS;
  fprintf (stderr, "funnel-ingressd: %s\n", error->message);
  return EXIT_FAILURE;
}
