/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/bus/bus-options.h"

#include "lib/base/error.h"
#include "lib/base/password.h"

#include <string.h>

static GVariant *
make (const char *text)
{
  return g_variant_ref_sink (g_variant_new_parsed (text));
}

static void
test_share (void)
{
  g_autoptr (GVariant) raw
      = make ("{'kind': <'tls-terminated-tcp'>, 'port': <uint16 8443>, 'name': <'A.Example.'>, "
              "'foreground': <true>, 'certificate-file': <'/a.pem'>, "
              "'key-file': <'/a.key'>, 'if-match': <'tag'>}");
  g_auto (FunnelOptions) options = {0};
  g_autoptr (FunnelShareSpec) spec = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (funnel_options_parse (raw, FUNNEL_OPTIONS_SHARE, &options, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (options.if_match, ==, "tag");
  spec = funnel_options_to_spec (&options, "3000", &error);
  g_assert_no_error (error);
  g_assert_cmpint (spec->kind, ==, FUNNEL_SHARE_TLS_TERMINATED_TCP);
  g_assert_cmpuint (spec->port, ==, 8443);
  g_assert_cmpstr (spec->name, ==, "a.example");
  g_assert_cmpstr (spec->certificate_file, ==, "/a.pem");
  g_assert_cmpstr (spec->key_file, ==, "/a.key");
  g_assert_cmpstr (funnel_share_spec_get_target (spec), ==, "tcp://localhost:3000");
  g_assert_true (spec->foreground);
}

static void
test_defaults (void)
{
  g_autoptr (GVariant) raw = make ("@a{sv} {}");
  g_auto (FunnelOptions) options = {0};
  g_auto (FunnelShareFilter) filter = {0};
  g_autoptr (FunnelShareSpec) spec = NULL;

  g_assert_true (funnel_options_parse (raw, FUNNEL_OPTIONS_SHARE, &options, NULL));
  spec = funnel_options_to_spec (&options, "3000", NULL);
  g_assert_cmpint (spec->kind, ==, FUNNEL_SHARE_HTTPS);
  g_assert_cmpuint (spec->port, ==, 443);
  g_assert_null (spec->name);
  g_assert_false (spec->foreground);
  g_assert_true (funnel_options_to_filter (&options, &filter, NULL));
  g_assert_cmpuint (filter.port, ==, 0);
  g_assert_false (filter.has_kind);
}

static void
test_refused (void)
{
  static const struct
  {
    const char *text;
    FunnelOptionsMethod method;
    const char *says;
  } cases[] = {
      {"{'x': <1>}", FUNNEL_OPTIONS_SHARE, "\"x\" is unknown"},
      {"{'Port': <uint16 1>}", FUNNEL_OPTIONS_SHARE, "\"Port\" is unknown"},
      {"{'port': <uint16 0>}", FUNNEL_OPTIONS_SHARE, "0 is not a port"},
      {"{'port': <int32 443>}", FUNNEL_OPTIONS_SHARE, "type q, not i"},
      {"{'foreground': <'yes'>}", FUNNEL_OPTIONS_SHARE, "type b, not s"},
      {"{'name': <''>}", FUNNEL_OPTIONS_SHARE, ""},
      {"{'name': <'1.2.3.4'>}", FUNNEL_OPTIONS_SHARE, "1.2.3.4"},
      {"{'key-file': <'relative'>}", FUNNEL_OPTIONS_SHARE, "absolute"},
      {"{'target': <'3000'>}", FUNNEL_OPTIONS_SHARE, "\"target\" is unknown"},
      {"{'foreground': <true>}", FUNNEL_OPTIONS_UNSHARE, "\"foreground\" is unknown"},
      {"{'port': <uint16 443>}", FUNNEL_OPTIONS_RESET, "\"port\" is unknown"},
      {"{'path': <'api'>}", FUNNEL_OPTIONS_UNSHARE, "invalid mount point"},
      {"{'allow': <'10.0.0.0/8'>}", FUNNEL_OPTIONS_SHARE, "type as, not s"},
      {"{'expires': <uint32 5>}", FUNNEL_OPTIONS_SHARE, "type t, not u"},
      {"{'port': <uint16 5>}", FUNNEL_OPTIONS_ACCESS, "\"port\" is unknown"},
      {"{'if-match': <'x'>}", FUNNEL_OPTIONS_JOIN, "\"if-match\" is unknown"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GVariant) raw = make (cases[i].text);
      g_auto (FunnelOptions) options = {0};
      g_autoptr (GError) error = NULL;

      g_assert_false (funnel_options_parse (raw, cases[i].method, &options, &error));
      g_test_message ("%s", error->message);
      g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT);
      g_assert_nonnull (strstr (error->message, cases[i].says));
    }
}

/* A map may hold a key twice: the last one counts, and nothing leaks. */
static void
test_twice (void)
{
  GVariantBuilder builder;
  g_autoptr (GVariant) raw = NULL;
  g_auto (FunnelOptions) options = {0};

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&builder, "{sv}", "name", g_variant_new_string ("a.example"));
  g_variant_builder_add (&builder, "{sv}", "name", g_variant_new_string ("b.example"));
  raw = g_variant_ref_sink (g_variant_builder_end (&builder));
  g_assert_true (funnel_options_parse (raw, FUNNEL_OPTIONS_SHARE, &options, NULL));
  g_assert_cmpstr (options.name, ==, "b.example");
}

/* Everything a share can be asked for with, and what of it was said at all. */
static void
test_all_settings (void)
{
  g_autoptr (GVariant) raw = make (
      "{'path': <'/api/'>, 'lan': <true>, 'host-header': <'target'>, 'keep-prefix': <true>, "
      "'allow': <['10.0.0.0/8']>, 'auth-user': <'me'>, 'auth-password': <'secret'>, "
      "'max-conns': <uint32 5>, 'expires': <uint64 1790000000>, 'command': <'npm run dev'>, "
      "'foreground': <true>}");
  g_auto (FunnelOptions) options = {0};
  g_autoptr (FunnelShareSpec) spec = NULL;
  g_autoptr (GError) error = NULL;
  const FunnelMountSpec *mount = NULL;

  g_assert_true (funnel_options_parse (raw, FUNNEL_OPTIONS_SHARE, &options, &error));
  g_assert_cmpuint (options.gives, ==,
                    FUNNEL_SHARE_GIVES_ALLOW | FUNNEL_SHARE_GIVES_AUTH
                        | FUNNEL_SHARE_GIVES_MAX_CONNS | FUNNEL_SHARE_GIVES_EXPIRES);
  spec = funnel_options_to_spec (&options, "10.1.2.3:80", &error);
  g_assert_no_error (error);
  mount = funnel_mounts_find (spec->mounts, "/api");
  g_assert_cmpstr (mount->target, ==, "http://10.1.2.3:80");
  g_assert_true (mount->lan && mount->keep_prefix && !mount->force && !mount->listing);
  g_assert_cmpstr (mount->host_header, ==, "target");
  g_assert_cmpstr (spec->access.allow[0], ==, "10.0.0.0/8");
  g_assert_true (funnel_password_matches ("secret", spec->access.auth_hash));
  g_assert_cmpint (spec->expires, ==, 1790000000);
  g_assert_cmpstr (spec->command, ==, "npm run dev");
}

static void
test_access (void)
{
  static const struct
  {
    const char *text;
    gboolean ok;
    const char *user;
  } cases[] = {
      {"{'auth-user': <'me'>, 'auth-password': <'x'>}", TRUE, "me"},
      {"{'auth-user': <''>}", TRUE, NULL},
      {"{'rate': <uint32 5>}", TRUE, NULL},
      {"{'auth-user': <'me'>}", FALSE, NULL},
      {"{'auth-password': <'x'>}", FALSE, NULL},
      {"{'auth-user': <'me'>, 'auth-password': <''>}", FALSE, NULL},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GVariant) raw = make (cases[i].text);
      g_auto (FunnelOptions) options = {0};
      FunnelShareAccess access = {0};

      g_test_message ("%s", cases[i].text);
      g_assert_true (funnel_options_parse (raw, FUNNEL_OPTIONS_ACCESS, &options, NULL));
      g_assert_cmpint (funnel_options_to_access (&options, &access, NULL), ==, cases[i].ok);
      if (cases[i].ok)
        g_assert_cmpstr (access.auth_user, ==, cases[i].user);
      funnel_share_access_clear (&access);
    }
}

static void
test_files_belong_together (void)
{
  FunnelOptions one = {.certificate_file = (char *)"/a"};
  FunnelOptions tcp
      = {.certificate_file = (char *)"/a", .key_file = (char *)"/b", .kind = (char *)"tcp"};
  FunnelOptions kind = {.kind = (char *)"udp"};

  g_assert_null (funnel_options_to_spec (&one, "3000", NULL));
  g_assert_null (funnel_options_to_spec (&tcp, "3000", NULL));
  g_assert_null (funnel_options_to_spec (&kind, "3000", NULL));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/bus-options/share", test_share);
  g_test_add_func ("/bus-options/defaults", test_defaults);
  g_test_add_func ("/bus-options/all-settings", test_all_settings);
  g_test_add_func ("/bus-options/access", test_access);
  g_test_add_func ("/bus-options/refused", test_refused);
  g_test_add_func ("/bus-options/twice", test_twice);
  g_test_add_func ("/bus-options/files-belong-together", test_files_belong_together);
  return g_test_run ();
}
