/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/base/wg-key.h"

#include "lib/base/error.h"
#include "lib/base/token.h"

#include <string.h>

/* The first pair is Bob's of RFC 7748, 6.1; the second was computed by OpenSSL. */
static const struct
{
  const char *private_hex, *public_hex;
} vectors[] = {
    {"5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
     "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"},
    {"77076d0a7318a57d3c16c17251b26645df4c2f92ebc0992ac177fba51db92c2a",
     "f8a9535a2d2ff605e8e144d54f4ef5c62313a2055dbb21fddd3fd9c299eb015d"},
};

static char *
hex_to_text (const char *hex)
{
  guint8 bytes[32];

  for (guint i = 0; i < sizeof bytes; i++)
    bytes[i]
        = (guint8)(g_ascii_xdigit_value (hex[2 * i]) << 4 | g_ascii_xdigit_value (hex[2 * i + 1]));
  return g_base64_encode (bytes, sizeof bytes);
}

static void
test_vectors (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (vectors); i++)
    {
      g_autofree char *private_key = hex_to_text (vectors[i].private_hex);
      g_autofree char *expected = hex_to_text (vectors[i].public_hex);
      g_autoptr (GError) error = NULL;
      g_autofree char *public_key = funnel_wg_key_public (private_key, &error);

      g_assert_no_error (error);
      g_assert_cmpstr (public_key, ==, expected);
    }
}

static void
test_generate (void)
{
  g_autofree char *first_private = NULL, *first_public = NULL, *private_key = NULL,
                  *public_key = NULL, *derived = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (funnel_wg_key_generate (&first_private, &first_public, &error));
  g_assert_no_error (error);
  g_assert_true (funnel_wg_key_generate (&private_key, &public_key, &error));
  g_assert_cmpstr (private_key, !=, first_private);
  g_assert_true (funnel_wg_key_is_valid (private_key));
  g_assert_true (funnel_wg_key_is_valid (public_key));
  derived = funnel_wg_key_public (private_key, &error);
  g_assert_cmpstr (derived, ==, public_key);
}

static void
test_invalid (void)
{
  static const char *const bad[] = {
      "",
      "short",
      "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",    /* no padding */
      "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=",   /* stray bits */
      "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",   /* 31 bytes */
      "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", /* one more */
      "AAAA AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
  };
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_false (funnel_wg_key_is_valid (bad[i]));
  g_assert_false (funnel_wg_key_is_valid (NULL));
  g_assert_true (funnel_wg_key_is_valid ("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="));
  g_assert_null (funnel_wg_key_public ("nonsense", &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/wg-key/vectors", test_vectors);
  g_test_add_func ("/base/wg-key/generate", test_generate);
  g_test_add_func ("/base/wg-key/invalid", test_invalid);
  return g_test_run ();
}
