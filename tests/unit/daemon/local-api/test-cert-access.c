/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/local-api/cert-access.h"

#include "lib/base/error.h"

#include <string.h>

#define OWNER 1000
#define CADDY 998
#define NAME "laptop.example.org"

static void
test_who_may (void)
{
  g_autoptr (FunnelCertAccess) access = funnel_cert_access_new ();
  g_autoptr (GError) error = NULL;

  g_assert_true (funnel_cert_access_may_read (access, 0, OWNER, NAME));
  g_assert_true (funnel_cert_access_may_read (access, OWNER, OWNER, NAME));
  g_assert_false (funnel_cert_access_may_read (access, CADDY, OWNER, NAME));
  g_assert_false (funnel_cert_access_may_read (access, (uid_t)-1, (uid_t)-1, NAME));
  g_assert_true (funnel_cert_access_allow (access, NAME, CADDY, "caddy", &error));
  g_assert_true (funnel_cert_access_may_read (access, CADDY, OWNER, NAME));
  g_assert_false (funnel_cert_access_may_read (access, CADDY, OWNER, "other.example.org"));
  g_assert_false (funnel_cert_access_may_read (access, CADDY + 1, OWNER, NAME));
  g_assert_true (funnel_cert_access_deny (access, NAME, CADDY, &error));
  g_assert_false (funnel_cert_access_may_read (access, CADDY, OWNER, NAME));
  g_assert_false (funnel_cert_access_deny (access, NAME, CADDY, &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_NOT_FOUND);
}

static void
test_list_is_bounded (void)
{
  g_autoptr (FunnelCertAccess) access = funnel_cert_access_new ();
  g_autoptr (GError) error = NULL;

  for (uid_t uid = 1; uid <= FUNNEL_CERT_ACCESS_MAX; uid++)
    g_assert_true (funnel_cert_access_allow (access, NAME, uid, "someone", &error));
  g_assert_true (funnel_cert_access_allow (access, NAME, 1, "someone", &error));
  g_assert_false (funnel_cert_access_allow (access, NAME, 5000, "someone", &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_CONFLICT);
}

static void
test_print_and_parse (void)
{
  g_autoptr (FunnelCertAccess) access = funnel_cert_access_new ();
  g_autoptr (FunnelCertAccess) again = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  g_auto (GStrv) users = NULL;

  funnel_cert_access_allow (access, NAME, CADDY, "caddy", &error);
  funnel_cert_access_allow (access, NAME, 33, "www-data", &error);
  text = funnel_cert_access_print (access);
  again = funnel_cert_access_parse (text, strlen (text), &error);
  g_assert_no_error (error);
  users = funnel_cert_access_list (again, NAME);
  g_assert_cmpstrv (users, ((const char *const[]) {"caddy", "www-data", NULL}));
  g_assert_true (funnel_cert_access_may_read (again, 33, OWNER, NAME));
}

static void
test_bad_documents (void)
{
  static const char *const texts[] = {
      "",
      "[]",
      "{}",
      "{\"version\":2,\"users\":[]}",
      "{\"version\":1}",
      "{\"version\":1,\"users\":[1]}",
      "{\"version\":1,\"users\":[{\"name\":\"UPPER.example.org\",\"uid\":1,\"user\":\"a\"}]}",
      "{\"version\":1,\"users\":[{\"name\":\"a.example.org\",\"uid\":-1,\"user\":\"a\"}]}",
      "{\"version\":1,\"users\":[{\"name\":\"a.example.org\",\"uid\":4294967295,\"user\":\"a\"}]}",
      "{\"version\":1,\"users\":[{\"name\":\"a.example.org\",\"uid\":1}]}",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (funnel_cert_access_parse (texts[i], strlen (texts[i]), &error));
      g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_PROTOCOL);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/cert-access/who-may", test_who_may);
  g_test_add_func ("/cert-access/list-is-bounded", test_list_is_bounded);
  g_test_add_func ("/cert-access/print-and-parse", test_print_and_parse);
  g_test_add_func ("/cert-access/bad-documents", test_bad_documents);
  return g_test_run ();
}
