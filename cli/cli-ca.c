/* SPDX-License-Identifier: GPL-3.0-or-later */

/* funnel ca: the certificate authorities this node orders from. */

#include <glib/gi18n.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli-json.h"
#include "cli/cli-labels.h"
#include "cli/cli-session.h"
#include "lib/base/error.h"
#include "lib/base/token.h"

#define KEY_FILE_MAX 4096

/* --- What is set --- */

static void
print_member (GVariant *directory, const char *key, const char *label)
{
  const char *text = NULL;
  g_autofree char *clean = NULL;

  if (!g_variant_lookup (directory, key, "&s", &text))
    return;
  clean = funnel_label_clean (text);
  printf ("|-- %-9s %s\n", label, clean);
}

static void
print_directory (GVariant *directory)
{
  const char *url = "";
  g_autofree char *clean = NULL;

  g_variant_lookup (directory, "url", "&s", &url);
  clean = funnel_label_clean (url);
  puts (clean);
  print_member (directory, "ca-file", "trusted");
  print_member (directory, "eab-kid", "account");
  print_member (directory, "profile", "profile");
}

static JsonObject *
directory_to_json (GVariant *directory)
{
  JsonObject *object = json_object_new ();
  GVariantIter iter;
  const char *key = NULL;
  GVariant *value = NULL;

  g_variant_iter_init (&iter, directory);
  while (g_variant_iter_loop (&iter, "{&sv}", &key, &value))
    if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
      {
        g_autofree char *member = g_strdelimit (g_strdup (key), "-", '_');

        json_object_set_string_member (object, member, g_variant_get_string (value, NULL));
      }
  return object;
}

static void
show_json (GVariant *directories, const char *contact)
{
  JsonObject *object = funnel_cli_json_new ();
  JsonArray *list = json_array_new ();

  for (gsize i = 0; i < g_variant_n_children (directories); i++)
    {
      g_autoptr (GVariant) directory = g_variant_get_child_value (directories, i);

      json_array_add_object_element (list, directory_to_json (directory));
    }
  json_object_set_array_member (object, "authorities", list);
  json_object_set_string_member (object, "contact", contact);
  funnel_cli_json_print (object, TRUE);
}

static void
show (FunnelCli *cli)
{
  FunnelDBusManager *manager = funnel_client_get_manager (cli->client);
  g_autoptr (GVariant) directories = funnel_dbus_manager_dup_certificate_authority (manager);
  g_autofree char *contact = funnel_dbus_manager_dup_certificate_contact (manager);
  g_autofree char *clean = funnel_label_clean (contact);

  if (cli->options->json)
    {
      show_json (directories, contact);
      return;
    }
  for (gsize i = 0; i < g_variant_n_children (directories); i++)
    {
      g_autoptr (GVariant) directory = g_variant_get_child_value (directories, i);

      print_directory (directory);
    }
  if (*clean)
    printf (_ ("contact %s\n"), clean);
}

/* --- What is to be set --- */

static gboolean
read_key (const char *file, char **key, GError **error)
{
  gsize len = 0;

  if (!g_file_get_contents (file, key, &len, error))
    {
      g_prefix_error (error, "--eab-key-file: ");
      return FALSE;
    }
  if (len > 0 && len <= KEY_FILE_MAX)
    {
      g_strstrip (*key);
      return TRUE;
    }
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
               _ ("--eab-key-file: %s does not hold the key an authority shows"), file);
  return FALSE;
}

static void
insert (GVariantDict *dict, const char *key, const char *text)
{
  if (text)
    g_variant_dict_insert (dict, key, "s", text);
}

/* The directory that was typed; NULL with an error. */
static GVariant *
make_directory (FunnelCli *cli, GError **error)
{
  const FunnelCliOptions *options = cli->options;
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);
  char *key = NULL;

  if (options->eab_key_file && !read_key (options->eab_key_file, &key, error))
    {
      funnel_secret_free (key);
      return NULL;
    }
  insert (&dict, "url", cli->arguments[0]);
  insert (&dict, "ca-file", options->ca_file);
  insert (&dict, "eab-kid", options->eab_kid);
  insert (&dict, "eab-key", key);
  insert (&dict, "profile", options->profile);
  funnel_secret_free (key);
  return g_variant_dict_end (&dict);
}

static gboolean
check_usage (FunnelCli *cli, GError **error)
{
  const FunnelCliOptions *options = cli->options;
  gboolean of_directory = options->ca_file || options->eab_kid || options->eab_key_file
                          || options->profile || options->add;

  if (!of_directory || (cli->arguments[0] && strcmp (cli->arguments[0], "default") != 0))
    return TRUE;
  g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                       _ ("say which authority: funnel ca URL --ca-file=… --eab=… --profile=…"));
  return FALSE;
}

/* The complete list: the old one stays when none was typed, or in front with --add. */
static GVariant *
make_directories (FunnelCli *cli, GError **error)
{
  FunnelDBusManager *manager = funnel_client_get_manager (cli->client);
  g_autoptr (GVariant) old = funnel_dbus_manager_dup_certificate_authority (manager);
  const char *url = cli->arguments[0];
  GVariant *directory = NULL;
  GVariantBuilder builder;

  if (!url)
    return g_steal_pointer (&old);
  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  for (gsize i = 0; cli->options->add && i < g_variant_n_children (old); i++)
    {
      g_autoptr (GVariant) kept = g_variant_get_child_value (old, i);

      g_variant_builder_add_value (&builder, kept);
    }
  if (strcmp (url, "default") != 0)
    {
      directory = make_directory (cli, error);
      if (!directory)
        {
          g_variant_builder_clear (&builder);
          return NULL;
        }
      g_variant_builder_add_value (&builder, directory);
    }
  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

static GVariant *
make_options (FunnelCli *cli)
{
  FunnelDBusManager *manager = funnel_client_get_manager (cli->client);
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);
  const char *contact = cli->options->contact;

  if (!contact)
    contact = funnel_dbus_manager_get_certificate_contact (manager);
  insert (&dict, "contact", contact && *contact ? contact : NULL);
  return g_variant_dict_end (&dict);
}

static gboolean
set (FunnelCli *cli, GError **error)
{
  FunnelDBusManager *manager = funnel_client_get_manager (cli->client);
  g_autoptr (GVariant) directories = make_directories (cli, error);
  g_autoptr (GAsyncResult) result = NULL;
  GError *local_error = NULL;

  if (!directories)
    return FALSE;
  funnel_dbus_manager_call_set_certificate_authority (
      manager, directories, make_options (cli), cli->cancellable, funnel_cli_await_cb, &result);
  if (funnel_dbus_manager_call_set_certificate_authority_finish (
          manager, funnel_cli_await (&result), &local_error))
    return TRUE;
  g_propagate_error (error, funnel_client_map_error (local_error));
  return FALSE;
}

static FunnelExit
run (FunnelCli *cli, GError **error)
{
  gboolean changes = cli->arguments[0] || cli->options->contact;

  if (!check_usage (cli, error))
    return FUNNEL_EXIT_USAGE;
  if (!funnel_cli_connect (cli, error))
    return FUNNEL_EXIT_ERROR;
  if (!changes)
    {
      show (cli);
      return FUNNEL_EXIT_OK;
    }
  if (!set (cli, error))
    return FUNNEL_EXIT_ERROR;
  if (!cli->options->json)
    puts (
        _ ("Set. Certificates of other authorities are replaced now; `funnel status` shows them."));
  return FUNNEL_EXIT_OK;
}

const FunnelCliCommand funnel_cli_ca = {
    .name = "ca",
    .synopsis = "ca [FLAGS] [URL | default]",
    .summary = N_ ("show or set the certificate authorities"),
    .details
    = N_ ("Without URL shows where certificates are ordered. URL is an ACME directory; it replaces "
          "the present ones, or with --add is tried after them. `default` is Let's Encrypt. An "
          "authority that wants an account of its own (ZeroSSL, Google Trust Services) shows the "
          "identifier and the key for --eab and --eab-key-file.\n"),
    .flags = FUNNEL_CLI_AUTHORITY | FUNNEL_CLI_JSON | FUNNEL_CLI_SYSTEM,
    .max_arguments = 1,
    .run = run,
};
