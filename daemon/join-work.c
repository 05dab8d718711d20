/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/join-work.h"

#include "daemon/link/join-client.h"
#include "lib/base/error.h"
#include "lib/base/trim.h"
#include "lib/base/wg-key.h"
#include "lib/wire/address.h"

#include <glib/gi18n.h>
#include <string.h>

typedef struct
{
  FunnelJoinedStore *store;
  FunnelToken *token;
  char *private_key;
} JoinWork;

static void
join_work_free (JoinWork *work)
{
  funnel_token_free (work->token);
  funnel_secret_free (work->private_key);
  g_free (work);
}

/* Whether @text is in @first.64.0.0/10, the only addresses a tunnel may have: an ingress must not
 * be able to make itself, or us, an address of this machine's own networks. */
static gboolean
is_tunnel_address (const char *text, guint8 first)
{
  struct address address;

  return address_parse_ip (text, strlen (text), &address) && address.family == 4
         && address.ip[0] == first && (address.ip[1] & 0xc0) == 64;
}

static char *
print_hash (const guint8 hash[FUNNEL_KEY_HASH_LEN])
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < FUNNEL_KEY_HASH_LEN; i++)
    g_string_append_printf (text, "%02x", hash[i]);
  return g_string_free (text, FALSE);
}

static FunnelIngressSpec *
make_spec (const JoinWork *work, const FunnelJoinAnswer *answer, GError **error)
{
  g_autoptr (FunnelIngressSpec) spec = funnel_ingress_spec_new ();
  guint8 first = 0;

  spec->direct = g_strcmp0 (answer->tunnel, "direct") == 0;
  first = spec->direct ? 127 : 100;
  if (!is_tunnel_address (answer->address, first)
      || !is_tunnel_address (answer->ingress_address, first)
      || g_strcmp0 (answer->address, answer->ingress_address) == 0)
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_PROTOCOL,
                   N_ ("the ingress gave tunnel addresses outside %u.64.0.0/10: %s and %s"), first,
                   answer->address, answer->ingress_address);
      return NULL;
    }
  spec->id = 1;
  spec->host = g_strdup (work->token->host);
  spec->port = work->token->port;
  spec->node = g_strdup (answer->node);
  spec->zone = g_strdup (answer->zone);
  g_strfreev (spec->names);
  spec->names = g_strdupv (answer->names);
  g_array_unref (spec->public_ports);
  spec->public_ports = g_array_copy (answer->public_ports);
  spec->address = g_strdup (answer->address);
  spec->ingress_address = g_strdup (answer->ingress_address);
  spec->ingress_public_key = g_strdup (answer->ingress_public_key);
  spec->endpoint_host = g_strdup (answer->endpoint_host);
  spec->endpoint_port = answer->endpoint_port;
  spec->link_port = answer->link_port;
  spec->private_key = g_strdup (work->private_key);
  spec->key_hash = print_hash (work->token->key_hash);
  return g_steal_pointer (&spec);
}

static void
join_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  JoinWork *work = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (FunnelJoinAnswer) answer = funnel_join_finish (result, &error);
  g_autoptr (FunnelIngressSpec) spec = answer != NULL ? make_spec (work, answer, &error) : NULL;

  funnel_trim_later ();
  if (spec == NULL || !funnel_joined_store_set (work->store, spec, &error))
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

static char *
begin (JoinWork *work, const char *text, GError **error)
{
  g_autofree char *token_id = NULL;

  work->token = funnel_token_parse (text, error);
  if (work->token == NULL)
    return NULL;
  token_id = g_compute_checksum_for_data (G_CHECKSUM_SHA256, work->token->secret,
                                          sizeof work->token->secret);
  work->private_key = funnel_joined_store_begin_join (work->store, token_id, error);
  return work->private_key != NULL ? funnel_wg_key_public (work->private_key, error) : NULL;
}

void
funnel_join_work_async (FunnelJoinedStore *store,
                        const char *token,
                        GCancellable *cancellable,
                        GAsyncReadyCallback callback,
                        gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  JoinWork *work = g_new0 (JoinWork, 1);
  g_autofree char *public_key = NULL;
  GError *error = NULL;

  g_task_set_source_tag (task, funnel_join_work_async);
  g_task_set_task_data (task, work, (GDestroyNotify)join_work_free);
  work->store = store;
  public_key = begin (work, token, &error);
  if (public_key == NULL)
    g_task_return_error (task, error);
  else
    funnel_join_async (work->token, public_key, cancellable, join_cb, g_object_ref (task));
}

gboolean
funnel_join_work_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, funnel_join_work_async), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}
