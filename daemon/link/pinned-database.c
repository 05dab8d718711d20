/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/link/pinned-database.h"

#include "lib/base/fingerprint.h"

#include <string.h>

struct _FunnelPinnedDatabase
{
  GTlsDatabase parent_instance;
  guint8 key_hash[FUNNEL_KEY_HASH_LEN];
  gint refused; /* atomic: handshakes run in threads of GIO's */
};

G_DEFINE_FINAL_TYPE (FunnelPinnedDatabase, funnel_pinned_database, G_TYPE_TLS_DATABASE)

/* Asked for every handshake, also one with a certificate that a public authority would vouch for.
 */
static GTlsCertificateFlags
funnel_pinned_database_verify_chain (GTlsDatabase *database,
                                     GTlsCertificate *chain,
                                     const gchar *purpose,
                                     GSocketConnectable *identity,
                                     GTlsInteraction *interaction,
                                     GTlsDatabaseVerifyFlags flags,
                                     GCancellable *cancellable,
                                     GError **error)
{
  FunnelPinnedDatabase *self = FUNNEL_PINNED_DATABASE (database);
  g_autoptr (GByteArray) der = NULL;
  guint8 hash[FUNNEL_KEY_HASH_LEN];

  g_object_get (chain, "certificate", &der, NULL);
  if (der != NULL && funnel_fingerprint_spki (der->data, der->len, hash, NULL)
      && memcmp (hash, self->key_hash, sizeof hash) == 0)
    return G_TLS_CERTIFICATE_NO_FLAGS;
  g_atomic_int_set (&self->refused, TRUE);
  return G_TLS_CERTIFICATE_UNKNOWN_CA;
}

static void
funnel_pinned_database_class_init (FunnelPinnedDatabaseClass *class)
{
  G_TLS_DATABASE_CLASS (class)->verify_chain = funnel_pinned_database_verify_chain;
}

static void
funnel_pinned_database_init (FunnelPinnedDatabase *self)
{
}

FunnelPinnedDatabase *
funnel_pinned_database_new (const guint8 key_hash[FUNNEL_KEY_HASH_LEN])
{
  FunnelPinnedDatabase *self = g_object_new (FUNNEL_TYPE_PINNED_DATABASE, NULL);

  memcpy (self->key_hash, key_hash, sizeof self->key_hash);
  return self;
}

gboolean
funnel_pinned_database_has_refused (FunnelPinnedDatabase *self)
{
  return g_atomic_int_get (&self->refused);
}
