/* SPDX-License-Identifier: GPL-3.0-or-later */

/* funnel TARGET: publish it, in the foreground until Ctrl+C, or in the background with --bg.
 *
 * A foreground share belongs to this process's bus name: the daemon ends it when the name goes,
 * however this process dies. If the daemon itself dies, the share dies with it; when it is back,
 * the share is made again. */

#include <stdio.h>

#include "cli/cli-json.h"
#include "cli/cli-labels.h"
#include "cli/cli-session.h"
#include "cli/cli-view.h"
#include "lib/base/error.h"

#define APPEAR_SECONDS 10 /* between the answer to Share and the object being there */
#define RETURN_SECONDS 30 /* for a daemon that went away */
#define STOP_MS 5000

typedef struct
{
  FunnelCli *cli;
  FunnelCliView *view;
  char *path;
  FunnelDBusShare *share;
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
build_request (const FunnelCliOptions *options)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  insert_string (&dict, "kind", options->kind);
  if (options->port)
    g_variant_dict_insert (&dict, "port", "q", options->port);
  insert_string (&dict, "name", options->name);
  insert_string (&dict, "certificate-file", options->certificate_file);
  insert_string (&dict, "key-file", options->key_file);
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
           "Note: a certificate is ordered for %s. Public authorities list every certificate in "
           "transparency logs:\nthe name becomes known to everybody, and stays so.\n",
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
  funnel_client_share_async (cli->client, cli->arguments[0], build_request (cli->options),
                             cli->cancellable, funnel_cli_await_cb, &result);
  run->path = funnel_client_share_finish (cli->client, funnel_cli_await (&result), error);
  if (!run->path)
    return FALSE;
  funnel_cli_deadline_init (&deadline, APPEAR_SECONDS);
  while (!(run->share = funnel_client_ref_share (cli->client, run->path)))
    {
      if (deadline.passed || !funnel_client_get_running (cli->client))
        {
          g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_FAILED,
                               "the share ended as soon as it began");
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
  funnel_cli_view_note (run->view, "Stopped sharing.");
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
               "the daemon (funneld) did not come back within %d seconds; the share has ended",
               RETURN_SECONDS);
  return FALSE;
}

/* The daemon went away and the share with it: have it back. */
static gboolean
resume (Run *run, GError **error)
{
  funnel_cli_view_note (run->view, "The daemon (funneld) went away; waiting for it to come back.");
  return wait_for_daemon (run->cli, error) && begin (run, error);
}

static FunnelExit
hold (Run *run, GError **error)
{
  FunnelCli *cli = run->cli;

  funnel_cli_view_update (run->view, run->share);
  while (funnel_cli_step (cli, error))
    {
      if (!is_there (run))
        {
          if (funnel_client_get_running (cli->client))
            {
              funnel_cli_view_note (run->view, "The share was ended by another command.");
              return FUNNEL_EXIT_OK;
            }
          if (!resume (run, error))
            break;
        }
      funnel_cli_view_update (run->view, run->share);
    }
  if (!g_error_matches (*error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
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
                                   ? "the share was ended by another command"
                                   : "the daemon (funneld) went away; `funnel status` shows "
                                     "whether the share is back");
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
                               same > 1 ? funnel_dbus_share_get_name (run->share) : NULL);
}

static void
print_background (Run *run, gboolean active)
{
  g_autofree char *disable = get_disable_command (run);
  JsonObject *object;

  if (!run->cli->options->json)
    {
      printf ("\n%s\nTo disable it: %s\n",
              active ? "Funnel started and running in the background."
                     : "Funnel is set up in the background, but not available yet; `funnel status` "
                       "shows when it is.",
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

static FunnelExit
run_share (FunnelCli *cli, GError **error)
{
  g_auto (FunnelCliView) view = {0};
  g_auto (Run) run = {.cli = cli, .view = &view};

  if (!*cli->arguments[0])
    {
      g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT, "empty target");
      return FUNNEL_EXIT_USAGE;
    }
  if ((cli->options->given & FUNNEL_CLI_WAIT) && !cli->options->background)
    {
      g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT, "--wait needs --bg");
      return FUNNEL_EXIT_USAGE;
    }
  if (!funnel_cli_connect (cli, error))
    return FUNNEL_EXIT_ERROR;
  tell_notice (cli);
  if (!begin (&run, error))
    return FUNNEL_EXIT_ERROR;
  funnel_cli_view_init (&view, cli->options->json,
                        cli->options->background ? NULL : "Press Ctrl+C to exit.");
  return cli->options->background ? run_background (&run, error) : hold (&run, error);
}

const FunnelCliCommand funnel_cli_share = {
    .name = NULL,
    .synopsis = "[FLAGS] TARGET",
    .summary = "put TARGET on the internet",
    .details = "TARGET is a port (3000), HOST:PORT, an http:// or https:// URL, or with --tcp and\n"
               "--tls-terminated-tcp also tcp://HOST:PORT. The share ends with this command, "
               "unless --bg is given.\n"
               "With --bg the command waits until the share was seen to work from outside: it "
               "exits with 0 then,\n"
               "with 3 when that has not happened within --wait seconds.\n",
    .flags = FUNNEL_CLI_BG | FUNNEL_CLI_KIND | FUNNEL_CLI_NAME | FUNNEL_CLI_CERTIFICATE
             | FUNNEL_CLI_YES | FUNNEL_CLI_JSON | FUNNEL_CLI_WAIT | FUNNEL_CLI_SYSTEM,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_share,
};
