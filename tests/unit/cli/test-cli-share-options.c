/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli-options.h"

#include <string.h>

#include "lib/base/error.h"

/* @line: words separated by one space; "~" inside a word stands for a space. */
static FunnelCliOptions *
parse (const char *line, GError **error)
{
  g_auto (GStrv) words = g_strsplit (line, " ", -1);

  for (char **word = words; *word; word++)
    g_strdelimit (*word, "~", ' ');
  return funnel_cli_options_parse (words, error);
}

static void
test_all (void)
{
  g_autoptr (FunnelCliOptions) options
      = parse ("--set-path=/api --host-header=target --keep-prefix --lan --allow=10.0.0.0/8,::1 "
               "--allow 192.0.2.1 --deny=none --auth=me:se:cret --max-conns=5 --rate=0 --for=ever "
               "--proxy-protocol=2 --alpn=h2,x 3000",
               NULL);
  GVariantDict dict;
  g_autoptr (GVariant) filled = NULL;
  g_autofree char *text = NULL;

  g_assert_nonnull (options);
  g_assert_cmpstr (options->share.auth_user, ==, "me");
  g_assert_cmpstr (options->share.auth_password, ==, "se:cret");
  g_assert_true (options->share.deny && !options->share.deny[0]);
  g_assert_true (options->share.has_expires && options->share.expires == 0);
  g_variant_dict_init (&dict, NULL);
  funnel_cli_share_options_fill (&options->share, &dict);
  filled = g_variant_ref_sink (g_variant_dict_end (&dict));
  text = g_variant_print (filled, FALSE);
  for (const char *const *expected
       = (const char *const[]) {"'path': <'/api'>", "'host-header': <'target'>",
                                "'keep-prefix': <true>", "'lan': <true>",
                                "'allow': <['10.0.0.0/8', '::1', '192.0.2.1']>", "'deny': <@as []>",
                                "'auth-user': <'me'>", "'max-conns': <uint32 5>",
                                "'rate': <uint32 0>", "'expires': <uint64 0>",
                                "'proxy-protocol': <uint32 2>", "'alpn': <['h2', 'x']>", NULL};
       *expected; expected++)
    g_assert_nonnull (strstr (text, *expected));
  g_assert_null (strstr (text, "force"));
}

static void
test_refused (void)
{
  static const char *const cases[][2] = {
      {"--max-conns=x 1", "invalid number \"x\" for max-conns flag"},
      {"--rate=-1 1", "invalid number \"-1\" for rate flag"},
      {"--rate=1000001 1", "invalid number"},
      {"--proxy-protocol=3 1", "invalid PROXY protocol version \"3\"; must be 1 or 2"},
      {"--for=2 1", "for: "},
      {"--for=2h --until=18:00 1", "only one of --for and --until"},
      {"--until=25:00 1", "invalid time \"25:00\""},
      {"--until=2001-01-01 1", "has passed"},
      {"--auth= 1", "the auth flag needs a user"},
      {"--auth=:x 1", "a user and a password are needed"},
      {"--auth=a:b --auth-file=x 1", "only one of --auth and --auth-file"},
      {"--allow= 1", "the allow flag needs addresses"},
      {"1 --", "-- is followed by a command"},
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;

      g_test_message ("%s", cases[i][0]);
      g_assert_null (parse (cases[i][0], &error));
      g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT);
      g_assert_nonnull (strstr (error->message, cases[i][1]));
    }
}

/* A flag that a command does not take is named, and not one of its kin. */
static void
test_stray (void)
{
  static const struct
  {
    const char *line;
    const char *flag;
  } cases[] = {
      {"--set-path=/a --rate=5 off", "the rate flag"},
      {"--deny=10.0.0.0/8 off", "the deny flag"},
      {"--for=2h off", "the for flag"},
      {"--alpn=x off", "the alpn flag"},
      {"off -- npm", "a command after --"},
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (FunnelCliOptions) options = parse (cases[i].line, NULL);
      g_autoptr (GError) error = NULL;

      g_assert_nonnull (options);
      g_assert_false (funnel_cli_options_check (options, FUNNEL_CLI_PATH, "off", &error));
      g_test_message ("%s", error->message);
      g_assert_true (g_str_has_prefix (error->message, cases[i].flag));
    }
}

static void
test_command (void)
{
  g_autoptr (FunnelCliOptions) options = parse ("--for=1h -- npm run --port=5", NULL);

  g_assert_cmpstr (options->command[0], ==, "npm");
  g_assert_cmpstr (options->command[2], ==, "--port=5");
  g_assert_null (options->arguments[0]);
}

static void
test_until (void)
{
  g_autoptr (GTimeZone) zone = g_time_zone_new_offset (3600);
  g_autoptr (GDateTime) now = g_date_time_new (zone, 2026, 11, 23, 17, 30, 0);
  static const struct
  {
    const char *text, *end; /* in UTC; NULL: refused */
  } cases[] = {
      {"18:00", "2026-11-23T17:00:00Z"},
      {"17:30", "2026-11-24T16:30:00Z"},
      {"7:05", "2026-11-24T06:05:00Z"},
      {"2026-11-24", "2026-11-23T23:00:00Z"},
      {"2026-11-24 18:00", "2026-11-24T17:00:00Z"},
      {"2026-11-24T18:00:30Z", "2026-11-24T18:00:30Z"},
      {"2026-11-23", NULL},
      {"tomorrow", NULL},
      {"18", NULL},
      {"18:00x", NULL},
      {"", NULL},
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      gint64 end = funnel_cli_parse_until (cases[i].text, now, &error);

      g_test_message ("%s", cases[i].text);
      if (cases[i].end)
        {
          g_autoptr (GDateTime) expected = g_date_time_new_from_iso8601 (cases[i].end, NULL);

          g_assert_cmpint (end, ==, g_date_time_to_unix (expected));
        }
      else
        g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT);
    }
}

/* Nobody who lists processes sees a password for longer than it takes to read it. */
static void
test_scrub (void)
{
  char joined[] = "--auth=me:secret", flag[] = "--auth", apart[] = "me:secret",
       user[] = "--auth=me";
  char end[] = "--", other[] = "--auth=me:secret";
  char *argv[] = {joined, flag, apart, user, end, other, NULL};

  funnel_cli_scrub_passwords (argv);
  g_assert_cmpstr (joined, ==, "--auth=me:xxxxxx");
  g_assert_cmpstr (apart, ==, "me:xxxxxx");
  g_assert_cmpstr (user, ==, "--auth=me");
  /* What follows -- belongs to the command. */
  g_assert_cmpstr (other, ==, "--auth=me:secret");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/cli/share-options/all", test_all);
  g_test_add_func ("/cli/share-options/refused", test_refused);
  g_test_add_func ("/cli/share-options/stray", test_stray);
  g_test_add_func ("/cli/share-options/command", test_command);
  g_test_add_func ("/cli/share-options/until", test_until);
  g_test_add_func ("/cli/share-options/scrub", test_scrub);
  return g_test_run ();
}
