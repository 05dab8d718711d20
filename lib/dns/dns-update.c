/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/dns/dns-update.h"

#include "lib/base/error.h"
#include "lib/dns/dns-resolver.h"

#include <string.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ldns_rr_list, dns_ldns.rr_list_deep_free)

typedef struct
{
  char *server;
  char *zone;
  FunnelDnsKey *key;
  GPtrArray *changes;
  guint ttl;
  guint seconds;
} Update;

FunnelDnsChange *
funnel_dns_change_new (const char *name, const char *const *addresses)
{
  FunnelDnsChange *change = g_new0 (FunnelDnsChange, 1);

  change->name = g_strdup (name);
  change->addresses = g_strdupv ((char **)addresses);
  return change;
}

void
funnel_dns_change_free (FunnelDnsChange *change)
{
  if (!change)
    return;
  g_free (change->name);
  g_strfreev (change->addresses);
  g_free (change);
}

static void
update_free (Update *update)
{
  g_free (update->server);
  g_free (update->zone);
  funnel_dns_key_free (update->key);
  g_ptr_array_unref (update->changes);
  g_free (update);
}

/* --- the packet --- */

/* RFC 2136 2.5.2: class ANY, no data: the whole set goes. */
static void
add_removal (ldns_rr_list *updates, const ldns_rdf *name, ldns_rr_type type)
{
  ldns_rr *record = dns_ldns.rr_new ();

  dns_ldns.rr_set_owner (record, dns_ldns.rdf_clone (name));
  dns_ldns.rr_set_type (record, type);
  dns_ldns.rr_set_class (record, LDNS_RR_CLASS_ANY);
  dns_ldns.rr_set_ttl (record, 0);
  dns_ldns.rr_list_push_rr (updates, record);
}

static gboolean
add_address (ldns_rr_list *updates,
             const ldns_rdf *name,
             const char *address,
             guint ttl,
             GError **error)
{
  gboolean six = strchr (address, ':') != NULL;
  ldns_rdf *data = dns_ldns.rdf_new_frm_str (six ? LDNS_RDF_TYPE_AAAA : LDNS_RDF_TYPE_A, address);
  ldns_rr *record;

  if (!data)
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT, "“%s” is not an IP address",
                   address);
      return FALSE;
    }
  record = dns_ldns.rr_new ();
  dns_ldns.rr_set_owner (record, dns_ldns.rdf_clone (name));
  dns_ldns.rr_set_type (record, six ? LDNS_RR_TYPE_AAAA : LDNS_RR_TYPE_A);
  dns_ldns.rr_set_class (record, LDNS_RR_CLASS_IN);
  dns_ldns.rr_set_ttl (record, ttl);
  dns_ldns.rr_push_rdf (record, data);
  dns_ldns.rr_list_push_rr (updates, record);
  return TRUE;
}

static gboolean
add_change (ldns_rr_list *updates, const FunnelDnsChange *change, guint ttl, GError **error)
{
  g_autoptr (ldns_rdf) name = dns_name_parse (change->name, error);

  if (!name)
    return FALSE;
  add_removal (updates, name, LDNS_RR_TYPE_A);
  add_removal (updates, name, LDNS_RR_TYPE_AAAA);
  for (guint i = 0; change->addresses && change->addresses[i]; i++)
    if (!add_address (updates, name, change->addresses[i], ttl, error))
      return FALSE;
  return TRUE;
}

static ldns_pkt *
build (const Update *update, GError **error)
{
  g_autoptr (ldns_rdf) zone = dns_name_parse (update->zone, error);
  g_autoptr (ldns_rr_list) updates = dns_ldns.rr_list_new ();
  ldns_pkt *packet;

  if (!zone)
    return NULL;
  for (guint i = 0; i < update->changes->len; i++)
    if (!add_change (updates, g_ptr_array_index (update->changes, i), update->ttl, error))
      return NULL;
  packet = dns_ldns.update_pkt_new (g_steal_pointer (&zone), LDNS_RR_CLASS_IN, NULL, updates, NULL);
  if (!packet)
    {
      g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_FAILED, "Cannot build a DNS update");
      return NULL;
    }
  dns_ldns.pkt_set_random_id (packet);
  return packet;
}

/* --- the answer --- */

static const struct
{
  int code;
  const char *remedy;
} refusals[] = {
    {LDNS_RCODE_REFUSED, "it does not allow this update: allow the key to change the zone "
                         "(update-policy, allow-update or an acl with action update)"},
    {LDNS_RCODE_NOTAUTH, "it does not serve this zone, or does not know the key or accept its "
                         "signature: check zone, dns-key and the clocks of both hosts"},
    {LDNS_RCODE_NOTZONE, "a name is not in its zone"},
    {LDNS_RCODE_NOTIMPL, "it takes no updates"},
};

static gboolean
judge (const Update *update, ldns_pkt_rcode code, GError **error)
{
  g_autofree char *said = NULL;

  if (code == LDNS_RCODE_NOERROR)
    return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (refusals); i++)
    if (refusals[i].code == (int)code)
      {
        char *name = dns_ldns.pkt_rcode2str (code);

        g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_NOT_ALLOWED,
                     "DNS server %s answers %s for zone %s: %s", update->server, name, update->zone,
                     refusals[i].remedy);
        free (name);
        return FALSE;
      }
  return dns_fail_code (code, update->server, error);
}

static void
set_key (ldns_resolver *resolver, const FunnelDnsKey *key)
{
  g_autofree char *name = g_strconcat (key->name, ".", NULL);
  g_autofree char *algorithm = g_strconcat (
      g_str_equal (key->algorithm, "hmac-md5") ? "hmac-md5.sig-alg.reg.int" : key->algorithm, ".",
      NULL);

  dns_ldns.resolver_set_tsig_keyname (resolver, name);
  dns_ldns.resolver_set_tsig_algorithm (resolver, algorithm);
  dns_ldns.resolver_set_tsig_keydata (resolver, key->secret);
}

static gboolean
send_update (const Update *update, ldns_resolver *resolver, ldns_pkt *packet, GError **error)
{
  g_autoptr (ldns_pkt) answer = NULL;
  ldns_status status;

  if (update->key)
    {
      set_key (resolver, update->key);
      status = dns_ldns.update_pkt_tsig_add (packet, resolver);
      if (status != LDNS_STATUS_OK)
        return dns_fail_status (status, update->server, error);
    }
  status = dns_ldns.resolver_send_pkt (&answer, resolver, packet);
  if (status == LDNS_STATUS_CRYPTO_TSIG_BOGUS || status == LDNS_STATUS_CRYPTO_TSIG_ERR)
    return judge (update, LDNS_RCODE_NOTAUTH, error);
  if (status != LDNS_STATUS_OK || !answer)
    return dns_fail_status (status != LDNS_STATUS_OK ? status : LDNS_STATUS_NETWORK_ERR,
                            update->server, error);
  return judge (update, dns_ldns.pkt_get_rcode (answer), error);
}

static void
run (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  const Update *update = data;
  GError *error = NULL;
  g_autoptr (ldns_pkt) packet = dns_ldns_load (&error) ? build (update, &error) : NULL;
  g_autoptr (ldns_resolver) resolver
      = packet ? dns_resolver_new (update->server, update->seconds, &error) : NULL;

  if (resolver && send_update (update, resolver, packet, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static gpointer
copy_change (gconstpointer change, gpointer user_data)
{
  const FunnelDnsChange *from = change;

  return funnel_dns_change_new (from->name, (const char *const *)from->addresses);
}

void
funnel_dns_update_async (const char *server,
                         const char *zone,
                         const FunnelDnsKey *key,
                         GPtrArray *changes,
                         guint ttl,
                         guint seconds,
                         GCancellable *cancellable,
                         GAsyncReadyCallback callback,
                         gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  Update *update = g_new0 (Update, 1);

  update->server = g_strdup (server);
  update->zone = g_strdup (zone);
  if (key)
    {
      update->key = g_new0 (FunnelDnsKey, 1);
      update->key->name = g_strdup (key->name);
      update->key->algorithm = g_strdup (key->algorithm);
      update->key->secret = g_strdup (key->secret);
    }
  update->changes = g_ptr_array_copy (changes, (GCopyFunc)copy_change, NULL);
  g_ptr_array_set_free_func (update->changes, (GDestroyNotify)funnel_dns_change_free);
  update->ttl = ttl;
  update->seconds = seconds;
  g_task_set_source_tag (task, funnel_dns_update_async);
  g_task_set_task_data (task, update, (GDestroyNotify)update_free);
  g_task_set_return_on_cancel (task, TRUE);
  g_task_run_in_thread (task, run);
}

gboolean
funnel_dns_update_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
