/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli-cert.h"

#include <glib/gi18n.h>
#include <gnutls/pkcs12.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/error.h"
#include "lib/base/token.h"

#define CERT_MODE 0644
#define KEY_MODE 0600
#define CHAIN_MAX 16
/* What keytool and most servers assume; the file's mode is what protects it. */
#define PKCS12_PASSWORD "changeit"

static gboolean
is_stdout (const char *file)
{
  return g_strcmp0 (file, "-") == 0;
}

static gboolean
is_pkcs12 (const char *file)
{
  return file && (g_str_has_suffix (file, ".p12") || g_str_has_suffix (file, ".pfx"));
}

gboolean
funnel_cert_check_outputs (const FunnelCliOptions *options, gboolean to_stdout, GError **error)
{
  const char *problem = NULL;

  if (to_stdout && (options->certificate_file || options->key_file))
    problem = _ ("- already says where it goes; leave --cert-file and --key-file off");
  else if (is_pkcs12 (options->key_file))
    problem = _ ("a PKCS #12 file holds certificate and key; name it with --cert-file");
  else if (is_pkcs12 (options->certificate_file) && options->key_file)
    problem = _ ("a PKCS #12 file holds the key too; leave --key-file off");
  if (!problem)
    return TRUE;
  g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT, problem);
  return FALSE;
}

/* Returns whether the file is different now. Unchanged ones are left alone, so that who watches
 * them is not woken for nothing. */
static gboolean
write_file (const char *file, const char *data, gsize len, int mode, GError **error)
{
  char *before = NULL;
  gsize before_len = 0;
  gboolean same;

  if (is_stdout (file))
    return fwrite (data, 1, len, stdout) == len;
  same = g_file_get_contents (file, &before, &before_len, NULL) && before_len == len
         && memcmp (before, data, len) == 0;
  if (before)
    memset (before, 0, before_len);
  g_free (before);
  if (!same
      && !g_file_set_contents_full (file, data, (gssize)len,
                                    G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE,
                                    mode, error))
    return FALSE;
  fprintf (stderr, "%s %s\n", same ? "Unchanged:" : "Written:  ", file);
  return TRUE;
}

/* --- PKCS #12 --- */

typedef struct
{
  gnutls_pkcs12_t pkcs12;
  gnutls_pkcs12_bag_t key_bag, cert_bag;
  gnutls_x509_privkey_t key;
  gnutls_x509_crt_t *chain;
  guint chain_len;
  gnutls_datum_t key_der;
} Pack;

static void
pack_clear (Pack *pack)
{
  for (guint i = 0; i < pack->chain_len; i++)
    gnutls_x509_crt_deinit (pack->chain[i]);
  gnutls_free (pack->chain);
  if (pack->key)
    gnutls_x509_privkey_deinit (pack->key);
  if (pack->key_bag)
    gnutls_pkcs12_bag_deinit (pack->key_bag);
  if (pack->cert_bag)
    gnutls_pkcs12_bag_deinit (pack->cert_bag);
  if (pack->pkcs12)
    gnutls_pkcs12_deinit (pack->pkcs12);
  if (pack->key_der.data)
    gnutls_memset (pack->key_der.data, 0, pack->key_der.size);
  gnutls_free (pack->key_der.data);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Pack, pack_clear)

static int
read_pair (Pack *pack, const char *chain, const char *key)
{
  gnutls_datum_t chain_pem = {(unsigned char *)chain, (unsigned int)strlen (chain)};
  gnutls_datum_t key_pem = {(unsigned char *)key, (unsigned int)strlen (key)};
  int code = gnutls_x509_crt_list_import2 (&pack->chain, &pack->chain_len, &chain_pem,
                                           GNUTLS_X509_FMT_PEM, 0);

  if (code < 0)
    pack->chain_len = 0;
  if (code >= 0)
    code = gnutls_x509_privkey_init (&pack->key);
  if (code >= 0)
    code = gnutls_x509_privkey_import2 (pack->key, &key_pem, GNUTLS_X509_FMT_PEM, NULL, 0);
  return code;
}

/* The key and its certificate carry one identifier, by which readers bring them together. */
static int
fill_bags (Pack *pack, const char *name)
{
  guint8 id[20];
  size_t id_len = sizeof id;
  gnutls_datum_t id_datum = {id, sizeof id};
  int code = gnutls_x509_privkey_get_key_id (pack->key, 0, id, &id_len);
  int at;

  id_datum.size = (unsigned int)id_len;
  if (code >= 0)
    code = gnutls_x509_privkey_export2_pkcs8 (pack->key, GNUTLS_X509_FMT_DER, NULL,
                                              GNUTLS_PKCS_PLAIN, &pack->key_der);
  if (code >= 0)
    code = gnutls_pkcs12_bag_set_data (pack->key_bag, GNUTLS_BAG_PKCS8_KEY, &pack->key_der);
  if (code < 0)
    return code;
  gnutls_pkcs12_bag_set_key_id (pack->key_bag, code, &id_datum);
  gnutls_pkcs12_bag_set_friendly_name (pack->key_bag, code, name);
  for (guint i = 0; i < pack->chain_len && i < CHAIN_MAX; i++)
    {
      at = gnutls_pkcs12_bag_set_crt (pack->cert_bag, pack->chain[i]);
      if (at < 0)
        return at;
      if (i == 0)
        {
          gnutls_pkcs12_bag_set_key_id (pack->cert_bag, at, &id_datum);
          gnutls_pkcs12_bag_set_friendly_name (pack->cert_bag, at, name);
        }
    }
  return 0;
}

static int
seal (Pack *pack)
{
  int code = gnutls_pkcs12_bag_encrypt (pack->key_bag, PKCS12_PASSWORD, GNUTLS_PKCS_PBES2_AES_256);

  if (code >= 0)
    code = gnutls_pkcs12_bag_encrypt (pack->cert_bag, PKCS12_PASSWORD, GNUTLS_PKCS_PBES2_AES_256);
  if (code >= 0)
    code = gnutls_pkcs12_set_bag (pack->pkcs12, pack->cert_bag);
  if (code >= 0)
    code = gnutls_pkcs12_set_bag (pack->pkcs12, pack->key_bag);
  if (code >= 0)
    code = gnutls_pkcs12_generate_mac (pack->pkcs12, PKCS12_PASSWORD);
  return code;
}

static gboolean
write_pkcs12 (const char *file,
              const char *name,
              const char *chain,
              const char *key,
              GError **error)
{
  g_auto (Pack) pack = {0};
  gnutls_datum_t der = {NULL, 0};
  gboolean ok = FALSE;
  int code = gnutls_pkcs12_init (&pack.pkcs12);

  if (code >= 0)
    code = gnutls_pkcs12_bag_init (&pack.key_bag);
  if (code >= 0)
    code = gnutls_pkcs12_bag_init (&pack.cert_bag);
  if (code >= 0)
    code = read_pair (&pack, chain, key);
  if (code >= 0)
    code = fill_bags (&pack, name);
  if (code >= 0)
    code = seal (&pack);
  if (code >= 0)
    code = gnutls_pkcs12_export2 (pack.pkcs12, GNUTLS_X509_FMT_DER, &der);
  if (code < 0)
    g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_FAILED, "%s: %s", file, gnutls_strerror (code));
  else
    ok = write_file (file, (const char *)der.data, der.size, KEY_MODE, error);
  gnutls_free (der.data);
  if (ok)
    fprintf (stderr, _ ("Its password is: %s\n"), PKCS12_PASSWORD);
  return ok;
}

/* --- All ways --- */

gboolean
funnel_cert_write (const FunnelCliOptions *options,
                   const char *name,
                   gboolean to_stdout,
                   const char *chain,
                   const char *key,
                   GError **error)
{
  const char *chain_file = to_stdout ? "-" : options->certificate_file;
  const char *key_file = to_stdout ? "-" : options->key_file;
  gboolean by_default = !chain_file && !key_file;
  g_autofree char *default_chain = g_strconcat (name, ".crt", NULL);
  g_autofree char *default_key = g_strconcat (name, ".key", NULL);

  if (is_pkcs12 (chain_file))
    return write_pkcs12 (chain_file, name, chain, key, error);
  if (by_default)
    {
      chain_file = default_chain;
      key_file = default_key;
    }
  /* The key first: whoever waits for the certificate finds its key there. */
  if ((key_file && !write_file (key_file, key, strlen (key), KEY_MODE, error))
      || (chain_file && !write_file (chain_file, chain, strlen (chain), CERT_MODE, error)))
    return FALSE;
  if (fflush (stdout) == 0)
    return TRUE;
  g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_FAILED, _ ("standard output is gone"));
  return FALSE;
}
