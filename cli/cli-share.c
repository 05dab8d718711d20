/* SPDX-License-Identifier: GPL-3.0-or-later */

/* funnel TARGET: publish it, in the foreground until Ctrl+C, or in the background with --bg.
 *
 * A foreground share belongs to this process's bus name: the daemon ends it when the name goes,
 * however this process dies. If the daemon itself dies, the share dies with it; when it is back,
 * the share is made again. */

#include <glib/gi18n.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli-child.h"
#include "cli/cli-exposure.h"
#include "cli/cli-json.h"
#include "cli/cli-labels.h"
#include "cli/cli-session.h"
#include "cli/cli-view.h"
#include "lib/base/error.h"

#define APPEAR_SECONDS 10 /* between the answer to Share and the object being there */
#define RETURN_SECONDS 30 /* for a daemon that went away */
#define STOP_MS 5000
#define LOOK_MS 200 /* between looks at what the command listens on */

typedef struct
{
  FunnelCli *cli;
  FunnelCliView *view;
  const char *target;    /* what to share; borrowed */
  FunnelCliChild *child; /* NULL none */
  char *path;
  FunnelDBusShare *share;
  guint64 logged;  /* number of the last request shown */
  guint64 counted; /* requests, when they were last asked for */
  guint64 ends;    /* Unix seconds; 0 never */
} Run;

static void
run_clear (Run *run)
{
  g_clear_pointer (&run->path, g_free);
  g_clear_object (&run->share);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Run, run_clear)

static void
insert_string (GVariantDict *dict, const char *key, const char *value)
{
  if (value)
    g_variant_dict_insert (dict, key, "s", value);
}

static GVariant *
build_request (Run *run)
{
  const FunnelCliOptions *options = run->cli->options;
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  insert_string (&dict, "kind", options->kind);
  if (options->port)
    g_variant_dict_insert (&dict, "port", "q", options->port);
  insert_string (&dict, "name", options->name);
  insert_string (&dict, "certificate-file", options->certificate_file);
  insert_string (&dict, "key-file", options->key_file);
  funnel_cli_share_options_fill (&options->share, &dict);
  if (run->child)
    insert_string (&dict, "command", funnel_cli_child_get_name (run->child));
  if (!options->background)
    g_variant_dict_insert (&dict, "foreground", "b", TRUE);
  return g_variant_dict_end (&dict);
}

/* Told before anything is ordered, once for each name. */
static void
tell_notice (FunnelCli *cli)
{
  FunnelDBusManager *manager = funnel_client_get_manager (cli->client);
  const FunnelCliOptions *options = cli->options;
  g_autoptr (GAsyncResult) result = NULL;
  g_autofree char *name = NULL;
  g_autofree char *clean = NULL;

  if (options->certificate_file || g_strcmp0 (options->kind, "tcp") == 0)
    return;
  funnel_dbus_manager_call_take_certificate_notice (manager, options->name ? options->name : "",
                                                    cli->cancellable, funnel_cli_await_cb, &result);
  /* If it fails, sharing fails too, and says why. */
  if (!funnel_dbus_manager_call_take_certificate_notice_finish (manager, &name,
                                                                funnel_cli_await (&result), NULL)
      || !*name)
    return;
  clean = funnel_label_clean (name);
  fprintf (stderr,
           _ ("Note: a certificate is ordered for %s. Public authorities list every certificate in "
              "transparency logs:\nthe name becomes known to everybody, and stays so.\n"),
           clean);
}

/* Ask for the share and wait until its object is here. */
static gboolean
begin (Run *run, GError **error)
{
  FunnelCli *cli = run->cli;
  g_autoptr (GAsyncResult) result = NULL;
  g_auto (FunnelCliDeadline) deadline = {0};

  run_clear (run);
  run->logged = 0;
  funnel_client_share_async (cli->client, run->target, build_request (run), cli->cancellable,
                             funnel_cli_await_cb, &result);
  run->path = funnel_client_share_finish (cli->client, funnel_cli_await (&result), error);
  if (!run->path)
    return FALSE;
  funnel_cli_deadline_init (&deadline, APPEAR_SECONDS);
  while (!(run->share = funnel_client_ref_share (cli->client, run->path)))
    {
      if (deadline.passed || !funnel_client_get_running (cli->client))
        {
          g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_FAILED,
                               _ ("the share ended as soon as it began"));
          return FALSE;
        }
      if (!funnel_cli_step (cli, error))
        return FALSE;
    }
  return TRUE;
}

/* The same proxy, not only the same path: a daemon that came back counts its paths from the start.
 */
static gboolean
is_there (Run *run)
{
  g_autoptr (FunnelDBusShare) current = funnel_client_ref_share (run->cli->client, run->path);

  return current == run->share;
}

static guint64
now_seconds (void)
{
  return (guint64)(g_get_real_time () / G_USEC_PER_SEC);
}

static FunnelExit
stop (Run *run)
{
  g_autoptr (GAsyncResult) result = NULL;

  if (funnel_client_get_running (run->cli->client) && is_there (run))
    {
      /* An error changes nothing: the daemon also ends the share when this process is gone from the
       * bus. */
      g_dbus_proxy_set_default_timeout (G_DBUS_PROXY (run->share), STOP_MS);
      funnel_client_stop_async (run->cli->client, run->share, NULL, funnel_cli_await_cb, &result);
      funnel_client_stop_finish (run->cli->client, funnel_cli_await (&result), NULL);
    }
  funnel_cli_view_note (run->view, _ ("Stopped sharing."));
  return FUNNEL_EXIT_OK;
}

/* Returns whether the daemon is back in time. */
static gboolean
wait_for_daemon (FunnelCli *cli, GError **error)
{
  g_autoptr (GCancellable) starting = g_cancellable_new ();
  g_autoptr (GAsyncResult) started = NULL;
  g_auto (FunnelCliDeadline) deadline = {0};
  gboolean ok = TRUE;

  funnel_cli_deadline_init (&deadline, RETURN_SECONDS);
  funnel_client_start_async (cli->client, starting, funnel_cli_await_cb, &started);
  while (ok && !deadline.passed && !funnel_client_get_running (cli->client))
    ok = funnel_cli_step (cli, error);
  /* Whether the bus could start it does not matter: a service manager or the user may have. */
  g_cancellable_cancel (starting);
  funnel_cli_await (&started);
  if (!ok || funnel_client_get_running (cli->client))
    return ok;
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE,
               _ ("the daemon (funneld) did not come back within %d seconds; the share has ended"),
               RETURN_SECONDS);
  return FALSE;
}

/* The daemon went away and the share with it: have it back. */
static gboolean
resume (Run *run, GError **error)
{
  funnel_cli_view_note (run->view,
                        _ ("The daemon (funneld) went away; waiting for it to come back."));
  return wait_for_daemon (run->cli, error) && begin (run, error);
}

static void
print_requests (Run *run, GVariant *requests)
{
  FunnelCliRequest request;
  GVariantIter iter;

  g_variant_iter_init (&iter, requests);
  while (g_variant_iter_next (&iter, "(tx&s&s&sqbtu)", &run->logged, &request.time, &request.source,
                              &request.method, &request.path, &request.status, &request.complete,
                              &request.bytes, &request.ms))
    {
      g_autofree char *line = run->cli->options->json ? funnel_cli_json_request (&request)
                                                      : funnel_label_request (&request);

      funnel_cli_view_log (run->view, line);
    }
}

/* Asked for whenever the counters say that there are more; while the answer is on its way, the next
 * turn of the loop comes with it. */
static gboolean
log_requests (Run *run, GError **error)
{
  FunnelDBusShare *share = run->share;
  GVariant *counts = funnel_dbus_share_get_requests (share);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GVariant) requests = NULL;
  guint64 all = 0, count = 0;
  GVariantIter iter;

  if (!counts)
    return TRUE;
  g_variant_iter_init (&iter, counts);
  while (g_variant_iter_next (&iter, "{&st}", NULL, &count))
    all += count;
  if (all == run->counted)
    return TRUE;
  run->counted = all;
  funnel_dbus_share_call_list_requests (share, run->logged, run->cli->cancellable,
                                        funnel_cli_await_cb, &result);
  /* A daemon that has just gone is noticed by the caller. */
  if (funnel_dbus_share_call_list_requests_finish (share, &requests, funnel_cli_await (&result),
                                                   NULL))
    print_requests (run, requests);
  return !g_cancellable_set_error_if_cancelled (run->cli->cancellable, error);
}

static gboolean
is_over (Run *run)
{
  return run->child && funnel_cli_child_has_ended (run->child);
}

/* One turn. Returns FALSE when holding is over: with an error, or in good order. */
static gboolean
hold_on (Run *run, GError **error)
{
  FunnelCli *cli = run->cli;

  if (!funnel_cli_step (cli, error))
    return FALSE;
  if (is_over (run))
    return FALSE;
  if (!is_there (run))
    {
      if (funnel_client_get_running (cli->client))
        {
          funnel_cli_view_note (run->view, run->ends && run->ends <= now_seconds ()
                                               ? _ ("The share has ended: its time is over.")
                                               : _ ("The share was ended by another command."));
          return FALSE;
        }
      if (!resume (run, error))
        return FALSE;
    }
  funnel_cli_view_update (run->view, run->share);
  return log_requests (run, error);
}

static FunnelExit
hold (Run *run, GError **error)
{
  funnel_cli_view_update (run->view, run->share);
  run->ends = funnel_dbus_share_get_expires (run->share);
  while (hold_on (run, error))
    ;
  if (!*error && !is_over (run))
    return FUNNEL_EXIT_OK;
  if (*error && !g_error_matches (*error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return FUNNEL_EXIT_ERROR;
  g_clear_error (error);
  return stop (run);
}

/* --bg: wait until it is active, for a bounded time. Returns whether it is. */
static gboolean
wait_until_active (Run *run, GError **error)
{
  g_auto (FunnelCliDeadline) deadline = {0};

  funnel_cli_deadline_init (&deadline, run->cli->options->wait_seconds);
  while (TRUE)
    {
      funnel_cli_view_update (run->view, run->share);
      if (funnel_label_is_active (funnel_dbus_share_get_state (run->share)))
        return TRUE;
      if (deadline.passed)
        return FALSE;
      if (!funnel_cli_step (run->cli, error))
        return FALSE;
      if (!is_there (run))
        {
          g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_FAILED,
                               funnel_client_get_running (run->cli->client)
                                   ? _ ("the share was ended by another command")
                                   : _ ("the daemon (funneld) went away; `funnel status` shows "
                                        "whether the share is back"));
          return FALSE;
        }
    }
}

/* The flags alone name the share, unless another one has the same kind and port. */
static char *
get_disable_command (Run *run)
{
  g_autoptr (GPtrArray) shares = funnel_client_list_shares (run->cli->client);
  const char *kind = funnel_dbus_share_get_kind (run->share);
  guint16 port = funnel_dbus_share_get_port (run->share);
  guint same = 0;

  for (guint i = 0; i < shares->len; i++)
    {
      FunnelDBusShare *other = g_ptr_array_index (shares, i);
      if (funnel_dbus_share_get_port (other) == port
          && g_strcmp0 (funnel_dbus_share_get_kind (other), kind) == 0)
        same++;
    }
  return funnel_label_disable (kind, port,
                               same > 1 ? funnel_dbus_share_get_name (run->share) : NULL,
                               run->cli->options->share.path);
}

static void
print_background (Run *run, gboolean active)
{
  g_autofree char *disable = get_disable_command (run);
  JsonObject *object;

  if (!run->cli->options->json)
    {
      printf (_ ("\n%s\nTo disable it: %s\n"),
              active
                  ? _ ("Funnel started and running in the background.")
                  : _ ("Funnel is set up in the background, but not available yet; `funnel status` "
                       "shows when it is."),
              disable);
      fflush (stdout);
      return;
    }
  object = funnel_cli_json_new ();
  json_object_set_object_member (object, "share", funnel_cli_json_share (run->share));
  json_object_set_string_member (object, "disable", disable);
  funnel_cli_json_print (object, TRUE);
}

static FunnelExit
run_background (Run *run, GError **error)
{
  gboolean active = wait_until_active (run, error);

  /* Interrupting ends the waiting, not the share. */
  if (g_error_matches (*error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    g_clear_error (error);
  if (*error)
    return FUNNEL_EXIT_ERROR;
  print_background (run, active);
  return active ? FUNNEL_EXIT_OK : FUNNEL_EXIT_PENDING;
}

/* --- A command to share for --- */

static gboolean
tick_cb (gpointer data)
{
  return G_SOURCE_CONTINUE; /* the loop turns, and looks */
}

/* Wait for the child to listen; what it listens on, or NULL with an error, or when it has ended. */
static char *
await_target (Run *run, GError **error)
{
  guint ticks = g_timeout_add (LOOK_MS, tick_cb, NULL);
  char *target = NULL;

  while (!target && !funnel_cli_child_has_ended (run->child))
    {
      g_autofree char *others = NULL;

      target = funnel_cli_child_find_target (run->child, &others);
      if (others)
        fprintf (
            stderr,
            _ ("Note: it listens on more than one port; sharing %s, not %s. To choose, type the "
               "port before --.\n"),
            target, others);
      if (!target && !funnel_cli_step (run->cli, error))
        break;
    }
  g_source_remove (ticks);
  return target;
}

static guint16
get_port_env (const FunnelCliOptions *options, const char *target, GError **error)
{
  const char *digits = target ? strrchr (target, ':') : NULL;

  if (!options->share.port_env)
    return 0;
  digits = digits ? digits + 1 : target;
  if (digits)
    return funnel_cli_parse_port ("port-env", digits, error);
  g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                       _ ("--port-env needs a port before --, as in: funnel --port-env 3000 -- npm "
                          "start"));
  return 0;
}

/* It ends with this command, in whatever way this command ends. */
static FunnelExit
end_child (Run *run, FunnelExit code)
{
  if (!funnel_cli_child_has_ended (run->child))
    funnel_cli_child_forward (run->child,
                              run->cli->signal_number ? run->cli->signal_number : SIGTERM);
  while (!funnel_cli_child_has_ended (run->child))
    g_main_context_iteration (NULL, TRUE);
  if (code == FUNNEL_EXIT_OK || run->cli->signal_number)
    return (FunnelExit)funnel_cli_child_get_status (run->child);
  return code;
}

static FunnelExit
share_child (Run *run, GError **error)
{
  g_autofree char *target = NULL;

  if (!run->target)
    run->target = target = await_target (run, error);
  if (!run->target)
    {
      if (g_error_matches (*error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        g_clear_error (error);
      return *error ? FUNNEL_EXIT_ERROR : FUNNEL_EXIT_OK;
    }
  if (!begin (run, error))
    return FUNNEL_EXIT_ERROR;
  funnel_cli_exposure_warn (run->share);
  return hold (run, error);
}

static FunnelExit
run_child (Run *run, GError **error)
{
  const FunnelCliOptions *options = run->cli->options;
  g_autoptr (FunnelCliChild) child = NULL;
  guint16 port = get_port_env (options, run->target, error);
  FunnelExit code;

  if (*error)
    return FUNNEL_EXIT_USAGE;
  child = funnel_cli_child_new (options->command, port, error);
  if (!child)
    return FUNNEL_EXIT_USAGE;
  run->child = child;
  funnel_cli_view_init (run->view, options->json, "");
  /* The screen is the program's. */
  if (run->view->mode == FUNNEL_CLI_VIEW_TERMINAL)
    run->view->mode = FUNNEL_CLI_VIEW_LINES;
  run->view->footer = NULL;
  run->view->path = options->share.path;
  code = end_child (run, share_child (run, error));
  run->child = NULL;
  return code;
}

/* --- The command --- */

static gboolean
check_usage (FunnelCli *cli, GError **error)
{
  const FunnelCliOptions *options = cli->options;
  const char *message = NULL;

  if (cli->arguments[0] && !*cli->arguments[0])
    message = _ ("empty target");
  else if ((options->given & FUNNEL_CLI_WAIT) && !options->background)
    message = _ ("--wait needs --bg");
  else if (options->command && options->background)
    message = _ ("a share made for a command ends with it; leave --bg off");
  else if (options->share.port_env && !options->command)
    message = _ ("--port-env needs a command, as in: funnel --port-env 3000 -- npm start");
  if (!message)
    return TRUE;
  g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT, message);
  return FALSE;
}

/* "./site" and "~/site": the daemon has a working directory of its own. */
static char *
make_absolute (const char *target)
{
  if (target
      && (g_str_has_prefix (target, "./") || g_str_has_prefix (target, "../")
          || strcmp (target, ".") == 0 || strcmp (target, "..") == 0))
    return g_canonicalize_filename (target, NULL);
  return g_strdup (target);
}

static gboolean
read_password (FunnelCli *cli, GError **error)
{
  /* The options are the program's own; nobody else looks at them. */
  FunnelCliShareOptions *share = &((FunnelCliOptions *)cli->options)->share;
  g_autofree char *text = NULL, *question = NULL;
  gboolean ok;

  if (share->auth_file)
    {
      if (!g_file_get_contents (share->auth_file, &text, NULL, error))
        {
          (*error)->domain = FUNNEL_ERROR;
          (*error)->code = FUNNEL_ERROR_INVALID_ARGUMENT;
          return FALSE;
        }
      text[strcspn (text, "\r\n")] = '\0';
      ok = funnel_cli_split_auth (text, &share->auth_user, &share->auth_password, error);
      explicit_bzero (text, strlen (text));
      return ok;
    }
  if (!share->auth_user || !*share->auth_user || share->auth_password)
    return TRUE;
  question = g_strdup_printf (_ ("Password for visitors to give as %s: "), share->auth_user);
  share->auth_password = funnel_cli_ask (cli, question, TRUE, error);
  return share->auth_password != NULL;
}

static FunnelExit
run_target (Run *run, GError **error)
{
  FunnelCli *cli = run->cli;
  gboolean background = cli->options->background;

  if (!begin (run, error))
    return FUNNEL_EXIT_ERROR;
  funnel_cli_exposure_warn (run->share);
  funnel_cli_view_init (run->view, cli->options->json,
                        background ? NULL : _ ("Press Ctrl+C to exit."));
  run->view->path = cli->options->share.path;
  return background ? run_background (run, error) : hold (run, error);
}

static FunnelExit
run_share (FunnelCli *cli, GError **error)
{
  g_autofree char *target = make_absolute (cli->arguments[0]);
  g_auto (FunnelCliView) view = {0};
  g_auto (Run) run = {.cli = cli, .view = &view, .target = target};

  if (!check_usage (cli, error) || !read_password (cli, error))
    return FUNNEL_EXIT_USAGE;
  if (!funnel_cli_connect (cli, error) || !funnel_cli_exposure_confirm (cli, target, error))
    return FUNNEL_EXIT_ERROR;
  tell_notice (cli);
  return cli->options->command ? run_child (&run, error) : run_target (&run, error);
}

const FunnelCliCommand funnel_cli_share = {
    .name = NULL,
    .synopsis = "[FLAGS] TARGET | -- COMMAND",
    .summary = N_ ("put TARGET on the internet"),
    .details = N_ ("TARGET is a port (3000), HOST:PORT, an http://, https://, https+insecure:// or "
                   "h2c:// URL, unix:/PATH, a file or folder (/srv/site, ./site), text:WORDS or "
                   "redirect:URL; with --tcp and --tls-terminated-tcp a port, tcp://HOST:PORT or "
                   "unix:/PATH. The share ends with this command, unless --bg is given.\nWith --bg "
                   "the command waits until the share was seen to work from outside: it exits with "
                   "0 then, with 3 when that has not happened within --wait seconds.\n-- COMMAND "
                   "runs a program, shares the port it listens on, and ends with it.\n"),
    .flags = FUNNEL_CLI_BG | FUNNEL_CLI_KIND | FUNNEL_CLI_NAME | FUNNEL_CLI_CERTIFICATE
             | FUNNEL_CLI_YES | FUNNEL_CLI_JSON | FUNNEL_CLI_WAIT | FUNNEL_CLI_SYSTEM
             | FUNNEL_CLI_PATH | FUNNEL_CLI_TARGET | FUNNEL_CLI_PERMIT | FUNNEL_CLI_ACCESS
             | FUNNEL_CLI_END | FUNNEL_CLI_WIRE | FUNNEL_CLI_COMMAND_LINE,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_share,
};
