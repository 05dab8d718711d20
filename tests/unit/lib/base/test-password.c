/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/base/password.h"

#include "lib/base/error.h"

static void
test_hash (void)
{
  g_autofree char *first = funnel_password_hash ("correct horse", NULL);
  g_autofree char *second = funnel_password_hash ("correct horse", NULL);

  g_assert_nonnull (first);
  g_assert_cmpstr (first, !=, second); /* salted */
  g_assert_true (funnel_password_hash_is_valid (first));
  g_assert_true (funnel_password_matches ("correct horse", first));
  g_assert_true (funnel_password_matches ("correct horse", second));
  g_assert_false (funnel_password_matches ("correct Horse", first));
  g_assert_false (funnel_password_matches ("", first));
}

static void
test_bad (void)
{
  static const char *const hashes[] = {"", "x", "*", "password", "$6", "$0$abc$def"};
  g_autofree char *long_password = g_strnfill (FUNNEL_PASSWORD_MAX + 1, 'a');
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (hashes); i++)
    {
      g_test_message ("%s", hashes[i]);
      g_assert_false (funnel_password_hash_is_valid (hashes[i]));
      g_assert_false (funnel_password_matches ("password", hashes[i]));
      g_assert_false (funnel_password_matches ("", hashes[i]));
    }
  g_assert_null (funnel_password_hash ("", &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_null (funnel_password_hash (long_password, &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/password/hash", test_hash);
  g_test_add_func ("/password/bad", test_bad);
  return g_test_run ();
}
