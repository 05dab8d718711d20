/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/cert/system-trust.h"

#include "lib/base/no-trust.h"
#include "tests/unit/daemon/cert/make-certificate.h"

static void
test_is_shared_and_ends (void)
{
  GTlsDatabase *first = funnel_system_trust_get (), *second = funnel_system_trust_get ();
  gpointer watched = first;

  g_assert_true (G_IS_TLS_DATABASE (first));
  g_assert_true (first == second);
  g_object_add_weak_pointer (G_OBJECT (first), &watched);
  g_object_unref (first);
  g_assert_nonnull (watched);
  g_object_unref (second);
  g_assert_null (watched);
  first = funnel_system_trust_get ();
  g_assert_true (G_IS_TLS_DATABASE (first));
  g_object_unref (first);
}

static void
test_is_not_the_default (void)
{
  GTlsBackend *backend = g_tls_backend_get_default ();
  g_autoptr (GTlsDatabase) pinned = g_tls_backend_get_default_database (backend);
  g_autoptr (GTlsDatabase) trust = NULL;

  g_tls_backend_set_default_database (backend, pinned);
  trust = funnel_system_trust_get ();
  g_assert_true (trust != pinned);
  g_assert_true (G_OBJECT_TYPE (trust) == G_OBJECT_TYPE (pinned));
  g_tls_backend_set_default_database (backend, NULL);
}

/* Even of what would be trusted otherwise. */
static void
test_default_trusts_nobody (void)
{
  GTlsBackend *backend = g_tls_backend_get_default ();
  g_autofree char *dir = g_dir_make_tmp ("funnel-test-XXXXXX", NULL);
  g_auto (MadeCertificate) made = make_certificate (dir, "a", "a.example.org", -3600, 3600);
  g_autoptr (GTlsCertificate) one = g_tls_certificate_new_from_file (made.chain_file, NULL);
  g_autoptr (GTlsDatabase) file = g_tls_file_database_new (made.chain_file, NULL);
  g_autoptr (GTlsDatabase) asked = NULL;

  g_tls_backend_set_default_database (backend, file);
  g_assert_cmpint (g_tls_database_verify_chain (file, one,
                                                G_TLS_DATABASE_PURPOSE_AUTHENTICATE_SERVER, NULL,
                                                NULL, G_TLS_DATABASE_VERIFY_NONE, NULL, NULL),
                   ==, G_TLS_CERTIFICATE_NO_FLAGS);
  funnel_trust_nobody ();
  asked = g_tls_backend_get_default_database (backend);
  g_assert_cmpint (g_tls_database_verify_chain (asked, one,
                                                G_TLS_DATABASE_PURPOSE_AUTHENTICATE_SERVER, NULL,
                                                NULL, G_TLS_DATABASE_VERIFY_NONE, NULL, NULL),
                   ==, G_TLS_CERTIFICATE_UNKNOWN_CA);
  g_tls_backend_set_default_database (backend, NULL);
  remove_dir (dir);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/system-trust/is-shared-and-ends", test_is_shared_and_ends);
  g_test_add_func ("/system-trust/is-not-the-default", test_is_not_the_default);
  g_test_add_func ("/system-trust/default-trusts-nobody", test_default_trusts_nobody);
  return g_test_run ();
}
