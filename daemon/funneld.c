/* SPDX-License-Identifier: GPL-3.0-or-later */

/* funneld: the node's daemon. Here is only the command line and the main loop; see app.c. */

#include "daemon/app.h"

#include "lib/base/error.h"
#include "lib/base/names.h"
#include "lib/base/notify.h"
#include "lib/tunnel/tunnel.h"

#include <glib-unix.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#define FAREWELL_S 30 /* for the tunnels to go down, at the end */

/* GIO modules this daemon has no use for would cost it time at start and memory for ever. Set
 * before anything of GIO runs, and not over the user's own choice. */
static void
keep_small (void)
{
  g_setenv ("GIO_USE_VFS", "local", FALSE);
  g_setenv ("GSETTINGS_BACKEND", "memory", FALSE);
  g_setenv ("GIO_USE_PROXY_RESOLVER", "dummy", FALSE);
  g_setenv ("GIO_USE_NETWORK_MONITOR", "netlink", FALSE);
}

static gboolean
on_signal (gpointer user_data)
{
  g_main_loop_quit (user_data);
  return G_SOURCE_CONTINUE;
}

static gboolean
on_farewell_timeout (gpointer user_data)
{
  *(gboolean *)user_data = TRUE;
  return G_SOURCE_REMOVE;
}

/* What other services made for us must be taken back while we can still tell them. */
static void
let_tunnels_go (void)
{
  gboolean late = FALSE;
  guint timeout = g_timeout_add_seconds (FAREWELL_S, on_farewell_timeout, &late);

  while (funnel_tunnel_any_going_down () && !late)
    g_main_context_iteration (NULL, TRUE);
  if (!late)
    g_source_remove (timeout);
}

/* --ca and its kin. */
typedef struct
{
  char **urls;
  char *ca_file;
  char *eab_kid;
  char *eab_key_file;
  char *profile;
  char *contact;
} AuthorityOptions;

static void
authority_options_clear (AuthorityOptions *options)
{
  g_strfreev (options->urls);
  g_free (options->ca_file);
  g_free (options->eab_kid);
  g_free (options->eab_key_file);
  g_free (options->profile);
  g_free (options->contact);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (AuthorityOptions, authority_options_clear)

/* What is said beside --ca is for the first one. */
static gboolean
fill_directory (FunnelDirectory *directory, const AuthorityOptions *options, GError **error)
{
  directory->ca_file
      = options->ca_file != NULL ? g_canonicalize_filename (options->ca_file, NULL) : NULL;
  directory->eab_kid = g_strdup (options->eab_kid);
  directory->profile = g_strdup (options->profile);
  if (options->eab_key_file == NULL)
    return TRUE;
  if (!g_file_get_contents (options->eab_key_file, &directory->eab_key, NULL, error))
    return FALSE;
  g_strstrip (directory->eab_key);
  return TRUE;
}

/* *@authority stays NULL when nothing is asked for. */
static gboolean
make_authority (const AuthorityOptions *options, FunnelAuthority **authority, GError **error)
{
  g_autoptr (FunnelAuthority) made = NULL;

  if (options->urls == NULL && options->ca_file == NULL && options->eab_kid == NULL
      && options->eab_key_file == NULL && options->profile == NULL && options->contact == NULL)
    return TRUE;
  made = funnel_authority_new ();
  if (options->urls != NULL)
    g_ptr_array_set_size (made->directories, 0);
  for (guint i = 0; options->urls != NULL && options->urls[i] != NULL; i++)
    {
      FunnelDirectory *directory = g_new0 (FunnelDirectory, 1);

      directory->url = g_strdup (options->urls[i]);
      g_ptr_array_add (made->directories, directory);
    }
  made->contact = g_strdup (options->contact);
  if (!fill_directory (g_ptr_array_index (made->directories, 0), options, error)
      || !funnel_authority_check (made, error))
    return FALSE;
  *authority = g_steal_pointer (&made);
  return TRUE;
}

static gboolean
make_local_api (char *socket, int http_port, FunnelLocalApiOptions *out, GError **error)
{
  out->socket = socket;
  out->open = socket != NULL;
  out->with_http = http_port != -1;
  out->http_port = (guint16)http_port;
  if (socket != NULL && !g_path_is_absolute (socket))
    g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                 "--local-api: \"%s\" is not an absolute path", socket);
  else if (out->with_http && (http_port < 0 || http_port > G_MAXUINT16))
    g_set_error (
        error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
        "--local-api-http: %d is no port; a number from 1 to 65535 is needed, or 0 for any",
        http_port);
  else
    return TRUE;
  return FALSE;
}

static int
run (gboolean on_system_bus,
     const char *state_dir,
     const FunnelAuthority *authority,
     const FunnelLocalApiOptions *local_api)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (GError) error = NULL;
  g_autoptr (GDBusConnection) connection = NULL;
  g_autoptr (FunnelApp) app = NULL;

  g_unix_signal_add (SIGTERM, on_signal, loop);
  g_unix_signal_add (SIGINT, on_signal, loop);
  connection
      = g_bus_get_sync (on_system_bus ? G_BUS_TYPE_SYSTEM : G_BUS_TYPE_SESSION, NULL, &error);
  if (connection != NULL)
    app = funnel_app_new (connection, state_dir, authority, local_api, &error);
  if (app == NULL)
    {
      g_printerr ("funneld: %s\n", error->message);
      return EXIT_FAILURE;
    }
  funnel_notify ("READY=1");
  g_main_loop_run (loop);
  funnel_notify ("STOPPING=1");
  g_clear_pointer (&app, funnel_app_free);
  let_tunnels_go ();
  g_dbus_connection_flush_sync (connection, NULL, NULL);
  return EXIT_SUCCESS;
}

int
main (int argc, char **argv)
{
  gboolean on_system_bus = FALSE, version = FALSE;
  int http_port = -1;
  g_autofree char *state_dir = NULL, *tunnel = NULL, *local_socket = NULL;
  FunnelLocalApiOptions local_api = {0};
  g_auto (AuthorityOptions) options = {0};
  g_autoptr (FunnelAuthority) authority = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  const GOptionEntry entries[] = {
      {"system", 0, 0, G_OPTION_ARG_NONE, &on_system_bus, "Use the system bus (servers)", NULL},
      {"state-dir", 0, 0, G_OPTION_ARG_FILENAME, &state_dir, "Keep shares and keys in DIR", "DIR"},
      {"ca", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.urls,
       "Order certificates from the ACME directory URL (several: tried in this order)", "URL"},
      {"ca-file", 0, 0, G_OPTION_ARG_FILENAME, &options.ca_file,
       "Trust the authorities in FILE for the first directory", "FILE"},
      {"eab-kid", 0, 0, G_OPTION_ARG_STRING, &options.eab_kid,
       "External account binding for the first directory: identifier of the key", "KID"},
      {"eab-key-file", 0, 0, G_OPTION_ARG_FILENAME, &options.eab_key_file,
       "File with that key, base64url", "FILE"},
      {"profile", 0, 0, G_OPTION_ARG_STRING, &options.profile,
       "Certificate profile to ask the first directory for", "NAME"},
      {"contact", 0, 0, G_OPTION_ARG_STRING, &options.contact,
       "Mail address authorities may write to", "MAIL"},
      {"tunnel", 0, 0, G_OPTION_ARG_STRING, &tunnel,
       "Use this kind of tunnel only: networkmanager or netns", "KIND"},
      {"local-api", 0, 0, G_OPTION_ARG_FILENAME, &local_socket,
       "Give local web servers certificates at the socket PATH, open to all users", "PATH"},
      {"local-api-http", 0, 0, G_OPTION_ARG_INT, &http_port,
       "Also on 127.0.0.1:PORT, with a secret", "PORT"},
      {"version", 0, 0, G_OPTION_ARG_NONE, &version, "Print the version and exit", NULL},
      {NULL},
  };

  /* For the character set of the messages alone: they are English in every language. */
  setlocale (LC_CTYPE, "");
  keep_small ();
  /* It holds private keys, which a core dump would leave on disk. */
  setrlimit (RLIMIT_CORE, &(struct rlimit) {0, 0});
  g_option_context_set_summary (context,
                                "Puts local ports on the public internet through an ingress.");
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error) || argc > 1)
    {
      g_printerr ("funneld: %s; try --help\n",
                  error != NULL ? error->message : "no arguments are expected");
      return EXIT_FAILURE;
    }
  if (tunnel != NULL)
    g_setenv (FUNNEL_ENV_TUNNEL, tunnel, TRUE);
  if (version)
    {
      g_print ("funneld %s\n", FUNNEL_VERSION);
      return EXIT_SUCCESS;
    }
  if (!make_authority (&options, &authority, &error)
      || !make_local_api (local_socket, http_port, &local_api, &error))
    {
      g_printerr ("funneld: %s\n", error->message);
      return EXIT_FAILURE;
    }
  return run (on_system_bus, state_dir, authority, &local_api);
}
