/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/model/target.h"

#include "lib/base/error.h"
#include "lib/wire/address.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define HTTPS FUNNEL_SHARE_HTTPS
#define TCP FUNNEL_SHARE_TCP
#define TERMINATED FUNNEL_SHARE_TLS_TERMINATED_TCP

static const struct
{
  const char *text;
  FunnelShareKind kind;
  const char *canonical;
  const char *addresses; /* in order, separated by a space */
} good[] = {
    {"3000", HTTPS, "http://localhost:3000", "127.0.0.1:3000 [::1]:3000"},
    {" 3000\n", HTTPS, "http://localhost:3000", "127.0.0.1:3000 [::1]:3000"},
    {"1", HTTPS, "http://localhost:1", "127.0.0.1:1 [::1]:1"},
    {"65535", HTTPS, "http://localhost:65535", "127.0.0.1:65535 [::1]:65535"},
    {"localhost:3000", HTTPS, "http://localhost:3000", "127.0.0.1:3000 [::1]:3000"},
    {"LocalHost:3000", HTTPS, "http://localhost:3000", "127.0.0.1:3000 [::1]:3000"},
    {"127.0.0.1:3000", HTTPS, "http://127.0.0.1:3000", "127.0.0.1:3000"},
    {"127.8.9.1:3000", HTTPS, "http://127.8.9.1:3000", "127.8.9.1:3000"},
    {"[::1]:3000", HTTPS, "http://[::1]:3000", "[::1]:3000"},
    {"http://localhost:3000", HTTPS, "http://localhost:3000", "127.0.0.1:3000 [::1]:3000"},
    {"HTTP://localhost:3000/", HTTPS, "http://localhost:3000", "127.0.0.1:3000 [::1]:3000"},
    {"http://localhost", HTTPS, "http://localhost:80", "127.0.0.1:80 [::1]:80"},
    {"http://[::1]", HTTPS, "http://[::1]:80", "[::1]:80"},
    {"3000/v1", HTTPS, "http://localhost:3000/v1", "127.0.0.1:3000 [::1]:3000"},
    {"localhost:8080/v1/", HTTPS, "http://localhost:8080/v1", "127.0.0.1:8080 [::1]:8080"},
    {"http://app.localhost:80", HTTPS, "http://app.localhost:80", "127.0.0.1:80 [::1]:80"},
    {"https://localhost", HTTPS, "https://localhost:443", "127.0.0.1:443 [::1]:443"},
    {"https+insecure://localhost:8443/a", HTTPS, "https+insecure://localhost:8443/a",
     "127.0.0.1:8443 [::1]:8443"},
    {"h2c://localhost:50051", HTTPS, "h2c://localhost:50051", "127.0.0.1:50051 [::1]:50051"},
    {"192.168.1.5:80", HTTPS, "http://192.168.1.5:80", "192.168.1.5:80"},
    {"http://[fe80::1]", HTTPS, "http://[fe80::1]:80", "[fe80::1]:80"},
    {"http://NAS.local", HTTPS, "http://nas.local:80", ""},
    {"http://localhost.evil.example:80", HTTPS, "http://localhost.evil.example:80", ""},
    {"/srv/site", HTTPS, "/srv/site", ""},
    {"/srv/../srv//site/", HTTPS, "/srv/site", ""},
    {"text: hello\n", HTTPS, "text: hello\n", ""},
    {"redirect:https://a.example/", HTTPS, "redirect:https://a.example/", ""},
    {"redirect:302:/here", HTTPS, "redirect:/here", ""},
    {"redirect:308:https://${HOST}${REQUEST_URI}", HTTPS,
     "redirect:308:https://${HOST}${REQUEST_URI}", ""},
    {"22", TCP, "tcp://localhost:22", "127.0.0.1:22 [::1]:22"},
    {"tcp://localhost:22", TCP, "tcp://localhost:22", "127.0.0.1:22 [::1]:22"},
    {"tcp://db.lan:5432", TCP, "tcp://db.lan:5432", ""},
    {"tcp://127.0.0.1:22", TERMINATED, "tcp://127.0.0.1:22", "127.0.0.1:22"},
    {"localhost:5432", TERMINATED, "tcp://localhost:5432", "127.0.0.1:5432 [::1]:5432"},
};

static const struct
{
  const char *text;
  FunnelShareKind kind;
  FunnelError code;
  const char *says;
} bad[] = {
    {"", HTTPS, FUNNEL_ERROR_INVALID_ARGUMENT, "empty target"},
    {"  ", HTTPS, FUNNEL_ERROR_INVALID_ARGUMENT, "empty target"},
    {NULL, HTTPS, FUNNEL_ERROR_INVALID_ARGUMENT, "empty target"},
    {"0", HTTPS, FUNNEL_ERROR_INVALID_ARGUMENT, "invalid port \"0\""},
    {"65536", HTTPS, FUNNEL_ERROR_INVALID_ARGUMENT, "invalid port \"65536\""},
    {"99999999999999999999", HTTPS, FUNNEL_ERROR_INVALID_ARGUMENT, "invalid port"},
    {"localhost", HTTPS, FUNNEL_ERROR_INVALID_ARGUMENT, "port required for localhost target"},
    {"localhost:", HTTPS, FUNNEL_ERROR_INVALID_ARGUMENT, "invalid port \"\""},
    {"localhost:-1", HTTPS, FUNNEL_ERROR_INVALID_ARGUMENT, "invalid port \"-1\""},
    {"localhost: 80", HTTPS, FUNNEL_ERROR_INVALID_ARGUMENT, "invalid port \" 80\""},
    {"localhost:http", HTTPS, FUNNEL_ERROR_INVALID_ARGUMENT, "invalid port \"http\""},
    {"tcp://localhost", TCP, FUNNEL_ERROR_INVALID_ARGUMENT, "port required"},
    {"[::1:80", HTTPS, FUNNEL_ERROR_INVALID_ARGUMENT, "invalid hostname or IP address"},
    {"::1:80", HTTPS, FUNNEL_ERROR_INVALID_ARGUMENT, "brackets"},
    {"user@localhost:80", HTTPS, FUNNEL_ERROR_INVALID_ARGUMENT, "invalid hostname"},
    {"http://localhost:80?q", HTTPS, FUNNEL_ERROR_INVALID_ARGUMENT, "invalid port"},
    {"ftp://localhost:21", HTTPS, FUNNEL_ERROR_INVALID_ARGUMENT,
     "[http https https+insecure h2c unix text redirect]"},
    {"tcp://localhost:22", HTTPS, FUNNEL_ERROR_INVALID_ARGUMENT,
     "[http https https+insecure h2c unix text redirect]"},
    {"http://localhost:22", TCP, FUNNEL_ERROR_INVALID_ARGUMENT, "[tcp unix]"},
    {"http://localhost:22", TERMINATED, FUNNEL_ERROR_INVALID_ARGUMENT, "[tcp unix]"},
    {"0x7f.1:80", HTTPS, FUNNEL_ERROR_INVALID_ARGUMENT, "invalid hostname"},
    {"127.1:80", HTTPS, FUNNEL_ERROR_INVALID_ARGUMENT, "invalid hostname"},
    {"http://2130706433:80", HTTPS, FUNNEL_ERROR_INVALID_ARGUMENT, "invalid hostname"},
    {"http://a..b:80", HTTPS, FUNNEL_ERROR_INVALID_ARGUMENT, "invalid hostname"},
    {"http://-a:80", HTTPS, FUNNEL_ERROR_INVALID_ARGUMENT, "invalid hostname"},
    {"http://localhost:80/a?b", HTTPS, FUNNEL_ERROR_INVALID_ARGUMENT, "invalid path"},
    {"http://localhost:80/a b", HTTPS, FUNNEL_ERROR_INVALID_ARGUMENT, "invalid path"},
    {"http://localhost:80/a#b", HTTPS, FUNNEL_ERROR_INVALID_ARGUMENT, "invalid path"},
    {"tcp://localhost:22/x", TCP, FUNNEL_ERROR_INVALID_ARGUMENT, "no path"},
    {"srv/www", HTTPS, FUNNEL_ERROR_INVALID_ARGUMENT, "absolute path"},
    {"/srv/www", TCP, FUNNEL_ERROR_INVALID_ARGUMENT, "over HTTP"},
    {"text:hello", TERMINATED, FUNNEL_ERROR_INVALID_ARGUMENT, "over HTTP"},
    {"text:", HTTPS, FUNNEL_ERROR_INVALID_ARGUMENT, "text cannot be an empty string"},
    {"redirect:example.org", HTTPS, FUNNEL_ERROR_INVALID_ARGUMENT, "invalid redirect"},
    {"redirect:javascript:alert(1)", HTTPS, FUNNEL_ERROR_INVALID_ARGUMENT, "invalid redirect"},
    {"redirect:304:https://a.example/", HTTPS, FUNNEL_ERROR_INVALID_ARGUMENT, "status 304"},
    {"redirect:200:https://a.example/", HTTPS, FUNNEL_ERROR_INVALID_ARGUMENT, "status 200"},
    {"redirect:https://a.example/ x", HTTPS, FUNNEL_ERROR_INVALID_ARGUMENT, "invalid redirect"},
    {"redirect:https://a.example/\r\nSet-Cookie:a", HTTPS, FUNNEL_ERROR_INVALID_ARGUMENT,
     "invalid redirect"},
    {"unix:relative", HTTPS, FUNNEL_ERROR_INVALID_ARGUMENT, "unix:/absolute/path"},
    {"unix:", HTTPS, FUNNEL_ERROR_INVALID_ARGUMENT, "unix:/absolute/path"},
};

static void
test_good (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (FunnelTarget) target = funnel_target_parse (good[i].text, good[i].kind, &error);
      g_autoptr (GString) addresses = g_string_new (NULL);

      g_test_message ("%s", good[i].text);
      g_assert_no_error (error);
      g_assert_cmpstr (target->text, ==, good[i].canonical);
      for (guint j = 0; j < target->n_addresses; j++)
        {
          struct address address;
          char text[ADDRESS_TEXT_MAX];

          g_assert_true (address_from_sockaddr ((struct sockaddr *)&target->addresses[j],
                                                target->lens[j], &address));
          address_print (&address, text);
          g_string_append_printf (addresses, "%s%s", j > 0 ? " " : "", text);
        }
      g_assert_cmpstr (addresses->str, ==, good[i].addresses);
    }
}

/* What is stored and compared is canonical text: reading it again must change nothing. */
static void
test_canonical_is_stable (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (FunnelTarget) once = funnel_target_parse (good[i].text, good[i].kind, NULL);
      g_autoptr (FunnelTarget) twice = funnel_target_parse (once->text, good[i].kind, NULL);

      g_assert_nonnull (twice);
      g_assert_cmpstr (once->text, ==, twice->text);
    }
}

static void
test_bad (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (FunnelTarget) target = funnel_target_parse (bad[i].text, bad[i].kind, &error);

      g_test_message ("%s: %s", bad[i].text, error != NULL ? error->message : "(accepted)");
      g_assert_null (target);
      g_assert_error (error, FUNNEL_ERROR, (gint)bad[i].code);
      g_assert_nonnull (strstr (error->message, bad[i].says));
    }
}

static void
test_unix (void)
{
  g_autofree char *long_path = g_strnfill (200, 'a');
  g_autofree char *too_long = g_strconcat ("unix:/", long_path, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (FunnelTarget) target = funnel_target_parse ("unix:/tmp/app.sock", HTTPS, &error);
  const struct sockaddr_un *sun = NULL;

  g_assert_no_error (error);
  sun = (const struct sockaddr_un *)&target->addresses[0];
  g_assert_cmpstr (target->text, ==, "unix:/tmp/app.sock");
  g_assert_cmpuint (target->n_addresses, ==, 1);
  g_assert_cmpint (sun->sun_family, ==, AF_UNIX);
  g_assert_cmpstr (sun->sun_path, ==, "/tmp/app.sock");
  g_assert_null (funnel_target_parse (too_long, TCP, &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/target/good", test_good);
  g_test_add_func ("/target/canonical-is-stable", test_canonical_is_stable);
  g_test_add_func ("/target/bad", test_bad);
  g_test_add_func ("/target/unix", test_unix);
  return g_test_run ();
}
