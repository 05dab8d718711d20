/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/base/password.h"

#include "lib/base/error.h"

#include <crypt.h>
#include <glib/gi18n.h>
#include <gnutls/gnutls.h>
#include <string.h>

#define PREFIX "$6$"

/* crypt(3) with @setting, a salt or a whole hash; NULL if that is none. */
static char *
hash_with (const char *password, const char *setting)
{
  g_autofree struct crypt_data *data = g_new0 (struct crypt_data, 1);
  char *hash = g_strdup (crypt_rn (password, setting, data, sizeof *data));

  memset (data, 0, sizeof *data);
  /* Keeps the compiler from leaving the line above out. */
  __asm__ volatile("" : : "r"(data) : "memory");
  return hash;
}

char *
funnel_password_hash (const char *password, GError **error)
{
  char setting[CRYPT_GENSALT_OUTPUT_SIZE];
  gsize len = strlen (password);
  char *hash = NULL;

  if (len == 0)
    g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                         N_ ("the password is empty"));
  else if (len > FUNNEL_PASSWORD_MAX)
    g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                 N_ ("the password is longer than %d bytes"), FUNNEL_PASSWORD_MAX);
  else if (crypt_gensalt_rn (PREFIX, 0, NULL, 0, setting, sizeof setting) == NULL
           || (hash = hash_with (password, setting)) == NULL)
    g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_FAILED,
                         N_ ("the password cannot be hashed on this machine"));
  return hash;
}

gboolean
funnel_password_hash_is_valid (const char *hash)
{
  return hash[0] == '$' && strlen (hash) < CRYPT_OUTPUT_SIZE
         && crypt_checksalt (hash) == CRYPT_SALT_OK;
}

gboolean
funnel_password_matches (const char *password, const char *hash)
{
  g_autofree char *computed
      = strlen (password) <= FUNNEL_PASSWORD_MAX ? hash_with (password, hash) : NULL;

  return computed != NULL && strlen (computed) == strlen (hash)
         && gnutls_memcmp (computed, hash, strlen (hash)) == 0;
}
