/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/link/join-client.h"
#include "daemon/link/pinned-database.h"

#include "lib/base/error.h"
#include "lib/base/fingerprint.h"
#include "lib/base/names.h"
#include "tests/unit/daemon/cert/make-certificate.h"

#include <libsoup/soup.h>
#include <string.h>

#define NODE_KEY "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

typedef struct
{
  SoupServer *server;
  char *dir;
  FunnelToken token;
  guint requests;
  gboolean was_pinned; /* the process's default database, while the last request was served */
} Ingress;

static void
on_request (SoupServer *server,
            SoupServerMessage *message,
            const char *path,
            GHashTable *query,
            gpointer user_data)
{
  Ingress *ingress = user_data;
  g_autoptr (GError) refusal = g_error_new (FUNNEL_ERROR, FUNNEL_ERROR_TOKEN_USED, "because");
  g_autofree char *text = funnel_join_error_print (refusal);
  g_autoptr (GTlsDatabase) database
      = g_tls_backend_get_default_database (g_tls_backend_get_default ());

  ingress->requests++;
  ingress->was_pinned = FUNNEL_IS_PINNED_DATABASE (database);
  soup_server_message_set_status (message, SOUP_STATUS_FORBIDDEN, NULL);
  soup_server_message_set_response (message, "application/json", SOUP_MEMORY_COPY, text,
                                    strlen (text));
}

static void
ingress_start (Ingress *ingress, gint64 begin, gint64 end)
{
  g_auto (MadeCertificate) made = {NULL, NULL};
  g_autoptr (GTlsCertificate) certificate = NULL;
  g_autoptr (GByteArray) der = NULL;
  g_autoptr (GError) error = NULL;
  GSList *uris = NULL;

  *ingress = (Ingress) {.dir = g_dir_make_tmp ("funnel-join-XXXXXX", NULL)};
  made = make_certificate (ingress->dir, "ingress", "another.name.test", begin, end);
  certificate = g_tls_certificate_new_from_files (made.chain_file, made.key_file, &error);
  g_assert_no_error (error);
  g_object_get (certificate, "certificate", &der, NULL);
  g_assert_true (funnel_fingerprint_spki (der->data, der->len, ingress->token.key_hash, NULL));
  ingress->server = soup_server_new ("tls-certificate", certificate, NULL);
  soup_server_add_handler (ingress->server, FUNNEL_JOIN_PATH, on_request, ingress, NULL);
  g_assert_true (soup_server_listen_local (
      ingress->server, 0, SOUP_SERVER_LISTEN_HTTPS | SOUP_SERVER_LISTEN_IPV4_ONLY, &error));
  uris = soup_server_get_uris (ingress->server);
  ingress->token.host = g_strdup ("127.0.0.1");
  ingress->token.port = (guint16)g_uri_get_port (uris->data);
  g_slist_free_full (uris, (GDestroyNotify)g_uri_unref);
}

static void
ingress_clear (Ingress *ingress)
{
  g_object_unref (ingress->server);
  g_free (ingress->token.host);
  remove_dir (ingress->dir);
  g_free (ingress->dir);
}

static void
join_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  *(GAsyncResult **)user_data = g_object_ref (result);
}

/* The test's ingress refuses whom it hears: TOKEN_USED means that the secret was sent. */
static void
assert_join_ends_with (const FunnelToken *token, int code)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (FunnelJoinAnswer) answer = NULL;
  g_autoptr (GError) error = NULL;

  funnel_join_async (token, NODE_KEY, NULL, join_cb, &result);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);
  answer = funnel_join_finish (result, &error);
  g_assert_null (answer);
  g_assert_error (error, FUNNEL_ERROR, code);
}

/* Nothing but the key counts: not the name, not the issuer, not the dates. */
static void
test_pinned_key (void)
{
  Ingress ingress;

  ingress_start (&ingress, -3600, 3600);
  assert_join_ends_with (&ingress.token, FUNNEL_ERROR_TOKEN_USED);
  g_assert_cmpuint (ingress.requests, ==, 1);
  ingress_clear (&ingress);
  ingress_start (&ingress, -7200, -3600);
  assert_join_ends_with (&ingress.token, FUNNEL_ERROR_TOKEN_USED);
  g_assert_cmpuint (ingress.requests, ==, 1);
  ingress_clear (&ingress);
}

static void
test_other_key (void)
{
  Ingress ingress;

  ingress_start (&ingress, -3600, 3600);
  for (gsize at = 0; at < FUNNEL_KEY_HASH_LEN; at += FUNNEL_KEY_HASH_LEN - 1)
    {
      ingress.token.key_hash[at] ^= 1;
      assert_join_ends_with (&ingress.token, FUNNEL_ERROR_UNTRUSTED);
      ingress.token.key_hash[at] ^= 1;
    }
  g_assert_cmpuint (ingress.requests, ==, 0);
  ingress_clear (&ingress);
}

/* A resumed TLS session must not stand in for the look at the key. */
static void
test_other_key_after_pinned_one (void)
{
  Ingress ingress;

  ingress_start (&ingress, -3600, 3600);
  assert_join_ends_with (&ingress.token, FUNNEL_ERROR_TOKEN_USED);
  ingress.token.key_hash[0] ^= 1;
  assert_join_ends_with (&ingress.token, FUNNEL_ERROR_UNTRUSTED);
  g_assert_cmpuint (ingress.requests, ==, 1);
  ingress_clear (&ingress);
}

/* While a join runs, nobody who asks for the default makes GIO read the system's authorities; after
 * it the process is as it was. */
static void
test_default_database (void)
{
  GTlsBackend *backend = g_tls_backend_get_default ();
  g_autoptr (GTlsDatabase) database = NULL;
  Ingress ingress;

  ingress_start (&ingress, -3600, 3600);
  assert_join_ends_with (&ingress.token, FUNNEL_ERROR_TOKEN_USED);
  g_assert_true (ingress.was_pinned);
  database = g_tls_backend_get_default_database (backend);
  g_assert_false (database != NULL && FUNNEL_IS_PINNED_DATABASE (database));
  ingress_clear (&ingress);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  if (!g_tls_backend_supports_tls (g_tls_backend_get_default ()))
    {
      g_print ("1..0 # SKIP GIO has no TLS here\n");
      return 0;
    }
  g_test_add_func ("/join-client/pinned-key", test_pinned_key);
  g_test_add_func ("/join-client/other-key", test_other_key);
  g_test_add_func ("/join-client/other-key-after-pinned-one", test_other_key_after_pinned_one);
  g_test_add_func ("/join-client/default-database", test_default_database);
  return g_test_run ();
}
