/* SPDX-License-Identifier: GPL-3.0-or-later */

/* funnel export, funnel import: the background shares as a file. */

#include <glib/gi18n.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli-json.h"
#include "cli/cli-labels.h"
#include "cli/cli-session.h"
#include "lib/base/error.h"

#define DOCUMENT_MAX (4 * 1024 * 1024)

typedef struct
{
  GVariant *shares; /* a(ss) */
  GVariant *left;   /* as */
} Imported;

static void
imported_clear (Imported *imported)
{
  g_clear_pointer (&imported->shares, g_variant_unref);
  g_clear_pointer (&imported->left, g_variant_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Imported, imported_clear)

static gboolean
fail (GError *local_error, GError **error)
{
  g_propagate_error (error, funnel_client_map_error (local_error));
  return FALSE;
}

static FunnelExit
run_export (FunnelCli *cli, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autofree char *document = NULL;
  FunnelDBusManager *manager = NULL;
  GError *local_error = NULL;

  if (!funnel_cli_connect (cli, error))
    return FUNNEL_EXIT_ERROR;
  manager = funnel_client_get_manager (cli->client);
  funnel_dbus_manager_call_export (manager, cli->cancellable, funnel_cli_await_cb, &result);
  if (!funnel_dbus_manager_call_export_finish (manager, &document, funnel_cli_await (&result),
                                               &local_error))
    {
      fail (local_error, error);
      return FUNNEL_EXIT_ERROR;
    }
  fputs (document, stdout);
  fflush (stdout);
  return FUNNEL_EXIT_OK;
}

/* @name: "-" for standard input. */
static char *
read_document (const char *name, GError **error)
{
  g_autoptr (GError) local_error = NULL;
  g_autofree char *text = g_malloc (DOCUMENT_MAX + 2);
  FILE *file = strcmp (name, "-") == 0 ? stdin : fopen (name, "re");
  gsize len = 0;

  if (file != NULL)
    {
      len = fread (text, 1, DOCUMENT_MAX + 1, file);
      text[len] = '\0';
    }
  if (file == NULL || ferror (file))
    g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT, _ ("%s cannot be read: %s"),
                 name, g_strerror (errno));
  else if (len > DOCUMENT_MAX || !g_utf8_validate (text, (gssize)len, NULL))
    g_set_error (
        error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
        _ ("%s is neither what \"funnel export\" nor what \"tailscale serve status --json\" "
           "prints"),
        name);
  else
    local_error = NULL;
  if (file != NULL && file != stdin)
    fclose (file);
  return *error == NULL ? g_steal_pointer (&text) : NULL;
}

static gboolean
call_import (FunnelCli *cli,
             const char *document,
             const char *etag,
             gboolean dry_run,
             Imported *out,
             GError **error)
{
  FunnelDBusManager *manager = funnel_client_get_manager (cli->client);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GVariant) reply = NULL;
  GError *local_error = NULL;
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  if (dry_run)
    g_variant_dict_insert (&dict, "dry-run", "b", TRUE);
  if (cli->options->share.lan)
    g_variant_dict_insert (&dict, "lan", "b", TRUE);
  if (cli->options->share.force)
    g_variant_dict_insert (&dict, "force", "b", TRUE);
  if (etag != NULL)
    g_variant_dict_insert (&dict, "if-match", "s", etag);
  g_dbus_proxy_call (G_DBUS_PROXY (manager), "Import",
                     g_variant_new ("(s@a{sv})", document, g_variant_dict_end (&dict)),
                     G_DBUS_CALL_FLAGS_NONE, -1, cli->cancellable, funnel_cli_await_cb, &result);
  reply
      = g_dbus_proxy_call_finish (G_DBUS_PROXY (manager), funnel_cli_await (&result), &local_error);
  if (reply == NULL)
    return fail (local_error, error);
  imported_clear (out);
  g_variant_get (reply, "(@a(ss)@as)", &out->shares, &out->left);
  return TRUE;
}

static char *
list_shares (GVariant *shares)
{
  GString *text = g_string_new (NULL);
  GVariantIter iter;
  const char *url = NULL, *target = NULL;

  g_variant_iter_init (&iter, shares);
  while (g_variant_iter_next (&iter, "(&s&s)", &url, &target))
    {
      g_autofree char *clean_url = funnel_label_clean (url);
      g_autofree char *clean_target = funnel_label_clean (target);

      g_string_append_printf (text, "  %s  %s\n", clean_url, clean_target);
    }
  return g_string_free (text, FALSE);
}

static void
print_left (GVariant *left)
{
  GVariantIter iter;
  const char *line = NULL;

  if (g_variant_n_children (left) > 0)
    puts (_ ("Not taken over:"));
  g_variant_iter_init (&iter, left);
  while (g_variant_iter_next (&iter, "&s", &line))
    {
      g_autofree char *clean = funnel_label_say (line);

      printf ("  %s\n", clean);
    }
}

static void
print_json (const Imported *imported)
{
  JsonObject *object = funnel_cli_json_new ();
  JsonArray *shares = json_array_new (), *left = json_array_new ();
  GVariantIter iter;
  const char *url = NULL, *target = NULL;

  g_variant_iter_init (&iter, imported->shares);
  while (g_variant_iter_next (&iter, "(&s&s)", &url, &target))
    {
      JsonObject *share = json_object_new ();

      json_object_set_string_member (share, "url", url);
      json_object_set_string_member (share, "target", target);
      json_array_add_object_element (shares, share);
    }
  g_variant_iter_init (&iter, imported->left);
  while (g_variant_iter_next (&iter, "&s", &url))
    json_array_add_string_element (left, url);
  json_object_set_array_member (object, "shares", shares);
  json_object_set_array_member (object, "left", left);
  funnel_cli_json_print (object, TRUE);
}

/* Shown first, so that nothing becomes public that nobody has looked at. */
static gboolean
confirm_import (FunnelCli *cli, const char *document, char **etag, GError **error)
{
  g_auto (Imported) planned = {0};
  g_autofree char *list = NULL;
  g_autofree char *question = NULL;

  if (cli->options->yes)
    return TRUE;
  *etag = funnel_client_dup_etag (cli->client);
  if (!call_import (cli, document, *etag, TRUE, &planned, error))
    return FALSE;
  if (g_variant_n_children (planned.shares) == 0)
    return TRUE;
  list = list_shares (planned.shares);
  question = g_strdup_printf (_ ("This would be public, in the background:\n%sGo ahead?"), list);
  return funnel_cli_confirm (cli, question, error);
}

static FunnelExit
run_import (FunnelCli *cli, GError **error)
{
  g_autofree char *document = NULL;
  g_autofree char *etag = NULL;
  g_autofree char *list = NULL;
  g_auto (Imported) imported = {0};

  document = read_document (cli->arguments[0], error);
  if (document == NULL)
    return FUNNEL_EXIT_USAGE;
  if (!funnel_cli_connect (cli, error) || !confirm_import (cli, document, &etag, error)
      || !call_import (cli, document, etag, FALSE, &imported, error))
    return FUNNEL_EXIT_ERROR;
  if (cli->options->json)
    print_json (&imported);
  else
    {
      list = list_shares (imported.shares);
      printf ("%s%s", *list ? _ ("Shared in the background:\n") : _ ("Nothing was taken over.\n"),
              list);
      print_left (imported.left);
    }
  return g_variant_n_children (imported.left) > 0 ? FUNNEL_EXIT_PENDING : FUNNEL_EXIT_OK;
}

const FunnelCliCommand funnel_cli_export = {
    .name = "export",
    .synopsis = "export",
    .summary = N_ ("print the background shares as JSON"),
    .details
    = N_ ("Prints the background shares for `funnel import`. Hashes of passwords are in it: "
          "keep the file to yourself.\n"),
    .flags = FUNNEL_CLI_SYSTEM,
    .run = run_export,
};

const FunnelCliCommand funnel_cli_import = {
    .name = "import",
    .synopsis = "import FILE",
    .summary = N_ ("share what a file from export, or from Tailscale, says"),
    .details = N_ ("FILE is what `funnel export` or `tailscale serve status --json` printed; - is "
                   "standard input. Of the latter only what was public is shared. It asks first, "
                   "says what it could not take over, and exits with 3 then.\n"),
    .flags = FUNNEL_CLI_PERMIT | FUNNEL_CLI_YES | FUNNEL_CLI_JSON | FUNNEL_CLI_SYSTEM,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_import,
};
