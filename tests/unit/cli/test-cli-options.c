/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli-options.h"

#include <string.h>

#include "lib/base/error.h"

static FunnelCliOptions *
parse (const char *line, GError **error)
{
  g_auto (GStrv) words = g_strsplit (line, " ", -1);

  return funnel_cli_options_parse (words, error);
}

static void
test_defaults (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (FunnelCliOptions) options = parse ("3000", &error);

  g_assert_no_error (error);
  g_assert_cmpuint (options->given, ==, 0);
  g_assert_false (options->background);
  g_assert_null (options->kind);
  g_assert_cmpuint (options->port, ==, 0);
  g_assert_cmpuint (options->wait_seconds, ==, FUNNEL_CLI_WAIT_DEFAULT);
  g_assert_cmpuint (g_strv_length (options->arguments), ==, 1);
}

static void
test_mixed_order (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (FunnelCliOptions) options
      = parse ("--bg 3000 --https 8443 off --name=a.example.org -y --wait=0", &error);

  g_assert_no_error (error);
  g_assert_true (options->background);
  g_assert_cmpstr (options->kind, ==, "https");
  g_assert_cmpuint (options->port, ==, 8443);
  g_assert_cmpstr (options->name, ==, "a.example.org");
  g_assert_true (options->yes);
  g_assert_cmpuint (options->wait_seconds, ==, 0);
  g_assert_cmpuint (options->given, ==,
                    FUNNEL_CLI_BG | FUNNEL_CLI_KIND | FUNNEL_CLI_NAME | FUNNEL_CLI_YES
                        | FUNNEL_CLI_WAIT);
  g_assert_cmpuint (g_strv_length (options->arguments), ==, 2);
  g_assert_cmpstr (options->arguments[1], ==, "off");
}

static void
test_dash_is_an_argument (void)
{
  g_autoptr (FunnelCliOptions) options = parse ("join -", NULL);

  g_assert_nonnull (options);
  g_assert_cmpstr (options->arguments[1], ==, "-");
}

static void
test_no_arguments (void)
{
  char *none[] = {NULL};
  g_autoptr (FunnelCliOptions) options = funnel_cli_options_parse (none, NULL);

  g_assert_nonnull (options);
  g_assert_cmpuint (g_strv_length (options->arguments), ==, 0);
}

static void
test_files_become_absolute (void)
{
  g_autofree char *cwd = g_get_current_dir ();
  g_autofree char *wanted = g_build_filename (cwd, "c.pem", NULL);
  g_autoptr (FunnelCliOptions) options = parse ("3000 --cert-file=./c.pem --key-file=/k.pem", NULL);

  g_assert_nonnull (options);
  g_assert_cmpstr (options->certificate_file, ==, wanted);
  g_assert_cmpstr (options->key_file, ==, "/k.pem");
}

static void
test_refused (void)
{
  static const struct
  {
    const char *line;
    const char *message;
  } rows[] = {
      {"3000 --https=abc", "invalid port \"abc\" for https flag"},
      {"3000 --https=", "invalid port \"\" for https flag"},
      {"3000 --tcp=0", "invalid port \"0\" for tcp flag"},
      {"3000 --tcp=-1", "invalid port \"-1\" for tcp flag"},
      {"3000 --tcp=+1", "invalid port \"+1\" for tcp flag"},
      {"3000 --tcp=0x50", "invalid port \"0x50\" for tcp flag"},
      {"3000 --https=65536", "port number 65536 is too high for https flag"},
      {"3000 --tls-terminated-tcp=70000",
       "port number 70000 is too high for tls-terminated-tcp flag"},
      {"3000 --https=99999999999999999999999", "invalid port \"99999999999999999999999\""},
      {"3000 --https=443 --tcp=22", "only one of --https, --tcp and --tls-terminated-tcp"},
      {"3000 --cert-file=c", "--key-file is missing"},
      {"3000 --key-file=k", "--cert-file is missing"},
      {"3000 --cert-file= --key-file=k", "the cert-file flag needs a file"},
      {"3000 --name=", "the name flag needs"},
      {"3000 --wait=soon", "invalid time \"soon\" for wait flag"},
      {"3000 --wait=86401", "invalid time \"86401\""},
      {"3000 --https", "https"},
      {"3000 --nonsense", "--nonsense"},
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (FunnelCliOptions) options = parse (rows[i].line, &error);

      g_assert_null (options);
      g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT);
      if (!strstr (error->message, rows[i].message))
        g_error ("%s: \"%s\" does not contain \"%s\"", rows[i].line, error->message,
                 rows[i].message);
    }
}

static void
test_ports (void)
{
  g_assert_cmpuint (funnel_cli_parse_port ("https", "1", NULL), ==, 1);
  g_assert_cmpuint (funnel_cli_parse_port ("https", "65535", NULL), ==, 65535);
  g_assert_cmpuint (funnel_cli_parse_port ("https", " 443", NULL), ==, 0);
  g_assert_cmpuint (funnel_cli_parse_port ("https", "443 ", NULL), ==, 0);
}

static void
test_stray_flags (void)
{
  g_autoptr (FunnelCliOptions) options = parse ("--tls-terminated-tcp=443 status", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_true (funnel_cli_options_check (options, FUNNEL_CLI_KIND, "x", NULL));
  g_assert_false (funnel_cli_options_check (options, FUNNEL_CLI_JSON, "status", &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT);
  g_assert_cmpstr (error->message, ==, "the tls-terminated-tcp flag means nothing to `status`");
}

static void
test_help_lists_allowed_only (void)
{
  g_autofree char *help = funnel_cli_options_help (FUNNEL_CLI_JSON);

  g_assert_nonnull (strstr (help, "--json"));
  g_assert_nonnull (strstr (help, "--help"));
  g_assert_null (strstr (help, "--bg"));
}

static void
test_scrub (void)
{
  char plain[] = "funnel", whole[] = "funnel join funnel1-c2VjcmV0", bare[] = "funnel1-abc",
       other[] = "funnel2-abc";
  char *argv[] = {plain, whole, bare, other, NULL};

  funnel_cli_scrub_tokens (argv);
  g_assert_cmpstr (plain, ==, "funnel");
  g_assert_cmpstr (whole, ==, "funnel join funnel1-xxxxxxxx");
  g_assert_cmpstr (bare, ==, "funnel1-xxx");
  g_assert_cmpstr (other, ==, "funnel2-abc");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/cli/options/defaults", test_defaults);
  g_test_add_func ("/cli/options/mixed-order", test_mixed_order);
  g_test_add_func ("/cli/options/dash", test_dash_is_an_argument);
  g_test_add_func ("/cli/options/none", test_no_arguments);
  g_test_add_func ("/cli/options/files", test_files_become_absolute);
  g_test_add_func ("/cli/options/refused", test_refused);
  g_test_add_func ("/cli/options/ports", test_ports);
  g_test_add_func ("/cli/options/stray", test_stray_flags);
  g_test_add_func ("/cli/options/help", test_help_lists_allowed_only);
  g_test_add_func ("/cli/options/scrub", test_scrub);
  return g_test_run ();
}
