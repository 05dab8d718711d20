/* SPDX-License-Identifier: GPL-3.0-or-later */

/* funnel cert NAME: have a certificate, as files here, or kept current for web servers of this
 * machine. The daemon orders it; here is what is typed and what is written. */

#include "cli/cli-cert.h"

#include <glib/gi18n.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli-json.h"
#include "cli/cli-labels.h"
#include "cli/cli-session.h"
#include "lib/base/error.h"
#include "lib/base/host.h"

#define ORDER_MS (15 * 60 * 1000) /* the daemon gives up sooner */
#define MODES                                                                                      \
  (FUNNEL_CLI_INSTALL | FUNNEL_CLI_UNINSTALL | FUNNEL_CLI_ALLOW_USER | FUNNEL_CLI_DENY_USER        \
   | FUNNEL_CLI_FORGET | FUNNEL_CLI_LIST)
#define OUTPUTS (FUNNEL_CLI_CERTIFICATE | FUNNEL_CLI_MIN_VALIDITY)

typedef struct
{
  FunnelCli *cli;
  FunnelDBusCertificates *certificates;
  char *name; /* canonical; NULL for --list */
  gboolean to_stdout;
  char *said; /* the progress line as it stands */
} Run;

static void
run_clear (Run *run)
{
  g_clear_object (&run->certificates);
  g_free (run->name);
  g_free (run->said);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Run, run_clear)

static gboolean
refuse (GError **error, const char *message)
{
  g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT, message);
  return FALSE;
}

static gboolean
pass (GError *mapped, GError **error)
{
  g_propagate_error (error, funnel_client_map_error (mapped));
  return FALSE;
}

/* --- What was typed --- */

static gboolean
check_flags (const FunnelCliOptions *options, GError **error)
{
  FunnelCliFlags modes = options->given & MODES;

  if (modes & (modes - 1))
    return refuse (error,
                   _ ("only one of --install, --uninstall, --allow-user, --deny-user, --forget "
                      "and --list can be given"));
  if (modes && (options->given & OUTPUTS))
    return refuse (error,
                   _ ("--cert-file, --key-file and --min-validity are for `funnel cert NAME` "
                      "alone"));
  if ((options->group || options->hook) && !options->install_folder)
    return refuse (error, _ ("--group and --hook need --install"));
  if (options->json && modes != FUNNEL_CLI_LIST)
    return refuse (error, _ ("the json flag needs --list"));
  return TRUE;
}

static gboolean
read_words (Run *run, GError **error)
{
  char **words = run->cli->arguments;
  guint n = g_strv_length (words);

  if (run->cli->options->list)
    return n == 0 || refuse (error, _ ("--list shows all names; leave the name off"));
  if (n == 0)
    return refuse (error, _ ("a name is needed: funnel cert NAME"));
  run->to_stdout = n == 2 && strcmp (words[1], "-") == 0;
  if (n == 2 && (!run->to_stdout || (run->cli->options->given & MODES)))
    return refuse (error, _ ("after the name only \"-\" can follow, for standard output"));
  run->name = funnel_host_normalize (words[0], error);
  return run->name != NULL && funnel_cert_check_outputs (run->cli->options, run->to_stdout, error);
}

/* --- Having it --- */

static void
say_notice (Run *run)
{
  FunnelDBusManager *manager = funnel_client_get_manager (run->cli->client);
  g_autoptr (GAsyncResult) result = NULL;
  g_autofree char *name = NULL;

  funnel_dbus_manager_call_take_certificate_notice (manager, run->name, run->cli->cancellable,
                                                    funnel_cli_await_cb, &result);
  /* What is wrong here is wrong with the order too, which says so. */
  if (funnel_dbus_manager_call_take_certificate_notice_finish (manager, &name,
                                                               funnel_cli_await (&result), NULL)
      && *name)
    fprintf (
        stderr,
        _ ("Note: certificates are listed in public transparency logs: the name %s becomes known "
           "to everybody,\nand stays so.\n"),
        run->name);
}

/* One line that moves on a terminal, a line per step elsewhere. */
static void
show_progress (Run *run)
{
  GVariant *all = funnel_dbus_certificates_get_certificates (run->certificates);
  g_autoptr (GVariant) dict
      = all ? g_variant_lookup_value (all, run->name, G_VARIANT_TYPE_VARDICT) : NULL;
  const char *step = "", *problem = "";
  g_autofree char *line = NULL;

  if (!dict)
    return;
  g_variant_lookup (dict, "step", "&s", &step);
  g_variant_lookup (dict, "problem", "&s", &problem);
  line = funnel_label_say (*step ? step : problem);
  if (!*line || g_strcmp0 (line, run->said) == 0)
    return;
  g_free (run->said);
  run->said = g_steal_pointer (&line);
  if (isatty (STDERR_FILENO))
    fprintf (stderr, "\r\033[K%s: %s", run->name, run->said);
  else
    fprintf (stderr, "%s: %s\n", run->name, run->said);
}

static void
end_progress (Run *run)
{
  if (run->said && isatty (STDERR_FILENO))
    fputs ("\r\033[K", stderr);
  g_clear_pointer (&run->said, g_free);
}

static gboolean
obtain (Run *run, char **chain, char **key, GError **error)
{
  gint64 min_validity = run->cli->options->min_validity;
  g_autoptr (GAsyncResult) result = NULL;
  GError *failure = NULL;

  say_notice (run);
  funnel_dbus_certificates_call_obtain (run->certificates, run->name, (guint64)min_validity,
                                        run->cli->cancellable, funnel_cli_await_cb, &result);
  while (!result)
    {
      g_main_context_iteration (NULL, TRUE);
      show_progress (run);
    }
  end_progress (run);
  if (funnel_dbus_certificates_call_obtain_finish (run->certificates, chain, key, result, &failure))
    return TRUE;
  return pass (failure, error);
}

static gboolean
do_write (Run *run, GError **error)
{
  g_autofree char *chain = NULL;
  char *key = NULL;
  gboolean ok
      = obtain (run, &chain, &key, error)
        && funnel_cert_write (run->cli->options, run->name, run->to_stdout, chain, key, error);

  if (key)
    explicit_bzero (key, strlen (key));
  g_free (key);
  return ok;
}

/* --- For web servers --- */

static gboolean
do_install (Run *run, GError **error)
{
  const FunnelCliOptions *options = run->cli->options;
  g_autofree char *chain = NULL, *problem = NULL, *clean = NULL;
  g_autoptr (GAsyncResult) result = NULL;
  GVariantDict dict;
  GError *failure = NULL;
  char *key = NULL;
  gboolean have = obtain (run, &chain, &key, error);

  if (key)
    explicit_bzero (key, strlen (key));
  g_free (key);
  if (!have)
    return FALSE;
  g_variant_dict_init (&dict, NULL);
  if (options->group)
    g_variant_dict_insert (&dict, "group", "s", options->group);
  if (options->hook)
    g_variant_dict_insert (&dict, "hook", "s", options->hook);
  funnel_dbus_certificates_call_install (run->certificates, run->name, options->install_folder,
                                         g_variant_dict_end (&dict), run->cli->cancellable,
                                         funnel_cli_await_cb, &result);
  if (!funnel_dbus_certificates_call_install_finish (run->certificates, &problem,
                                                     funnel_cli_await (&result), &failure))
    return pass (failure, error);
  fprintf (stderr,
           _ ("%s/%s holds fullchain.pem, privkey.pem and combined.pem, and is kept current.\n"),
           options->install_folder, run->name);
  if (!*problem)
    return TRUE;
  clean = funnel_label_say (problem);
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_FAILED,
               _ ("%s; the files are in place, and the hook is tried again"), clean);
  return FALSE;
}

static gboolean
do_uninstall (Run *run, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  GError *failure = NULL;

  funnel_dbus_certificates_call_uninstall (run->certificates, run->name,
                                           run->cli->options->uninstall_folder,
                                           run->cli->cancellable, funnel_cli_await_cb, &result);
  return funnel_dbus_certificates_call_uninstall_finish (run->certificates,
                                                         funnel_cli_await (&result), &failure)
         || pass (failure, error);
}

/* A name of this machine, or a number. */
static gboolean
find_user (const char *text, guint32 *uid, GError **error)
{
  const struct passwd *entry = getpwnam (text);
  guint64 number = 0;

  if (entry)
    {
      *uid = entry->pw_uid;
      return TRUE;
    }
  if (!g_ascii_string_to_unsigned (text, 10, 0, G_MAXUINT32 - 1, &number, NULL))
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                   _ ("there is no user \"%s\""), text);
      return FALSE;
    }
  *uid = (guint32)number;
  return TRUE;
}

static gboolean
do_allow (Run *run, GError **error)
{
  const FunnelCliOptions *options = run->cli->options;
  gboolean allowed = options->allow_user != NULL;
  const char *user = allowed ? options->allow_user : options->deny_user;
  g_autoptr (GAsyncResult) result = NULL;
  GError *failure = NULL;
  guint32 uid = 0;

  if (!find_user (user, &uid, error))
    return FALSE;
  if (allowed)
    say_notice (run);
  funnel_dbus_certificates_call_allow (run->certificates, run->name, uid, user, allowed,
                                       run->cli->cancellable, funnel_cli_await_cb, &result);
  return funnel_dbus_certificates_call_allow_finish (run->certificates, funnel_cli_await (&result),
                                                     &failure)
         || pass (failure, error);
}

static gboolean
do_forget (Run *run, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  GError *failure = NULL;

  funnel_dbus_certificates_call_forget (run->certificates, run->name, run->cli->cancellable,
                                        funnel_cli_await_cb, &result);
  return funnel_dbus_certificates_call_forget_finish (run->certificates, funnel_cli_await (&result),
                                                      &failure)
         || pass (failure, error);
}

static gboolean
do_list (Run *run, GError **error)
{
  funnel_cert_print_list (run->certificates, run->cli->options->json);
  return TRUE;
}

/* --- The command --- */

static gboolean
dispatch (Run *run, GError **error)
{
  static const struct
  {
    FunnelCliFlags flag;
    gboolean (*function) (Run *run, GError **error);
  } rows[] = {
      {FUNNEL_CLI_INSTALL, do_install},  {FUNNEL_CLI_UNINSTALL, do_uninstall},
      {FUNNEL_CLI_ALLOW_USER, do_allow}, {FUNNEL_CLI_DENY_USER, do_allow},
      {FUNNEL_CLI_FORGET, do_forget},    {FUNNEL_CLI_LIST, do_list},
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    if (run->cli->options->given & rows[i].flag)
      return rows[i].function (run, error);
  return do_write (run, error);
}

static FunnelExit
run (FunnelCli *cli, GError **error)
{
  g_auto (Run) state = {.cli = cli};

  if (!check_flags (cli->options, error) || !read_words (&state, error)
      || !funnel_cli_connect (cli, error))
    return FUNNEL_EXIT_ERROR;
  state.certificates = funnel_client_ref_certificates (cli->client);
  if (!state.certificates)
    {
      g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_UNSUPPORTED,
                           _ ("the running funneld is of another version; restart it"));
      return FUNNEL_EXIT_ERROR;
    }
  g_dbus_proxy_set_default_timeout (G_DBUS_PROXY (state.certificates), ORDER_MS);
  return dispatch (&state, error) ? FUNNEL_EXIT_OK : FUNNEL_EXIT_ERROR;
}

const FunnelCliCommand funnel_cli_cert = {
    .name = "cert",
    .synopsis = "cert NAME [-] | --list",
    .summary = N_ ("get a certificate for a web server of this machine"),
    .details
    = N_ ("Gets a certificate for NAME through the funnel, writes it to NAME.crt and NAME.key (or "
          "to the files given, or with - to standard output), and keeps it current from then on; a "
          "--cert-file that ends in .p12 or .pfx is PKCS #12. With --install the files are kept "
          "current too; with --allow-user a web server that runs as USER finds it at the local "
          "API. web-servers.md in /usr/share/doc/funnel shows Caddy, Apache, nginx and HAProxy.\n"),
    .flags = FUNNEL_CLI_CERTIFICATE | FUNNEL_CLI_MIN_VALIDITY | FUNNEL_CLI_INSTALL
             | FUNNEL_CLI_UNINSTALL | FUNNEL_CLI_GROUP | FUNNEL_CLI_HOOK | FUNNEL_CLI_ALLOW_USER
             | FUNNEL_CLI_DENY_USER | FUNNEL_CLI_LIST | FUNNEL_CLI_FORGET | FUNNEL_CLI_JSON
             | FUNNEL_CLI_SYSTEM,
    .max_arguments = 2,
    .run = run,
};
