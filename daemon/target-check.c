/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/target-check.h"

#include "lib/base/expiry.h"
#include "lib/base/error.h"
#include "lib/base/fingerprint.h"

#include <errno.h>
#include <glib/gi18n.h>
#include <gnutls/gnutls.h>
#include <string.h>

#define DEADLINE_MS 8000

typedef struct
{
  FunnelTarget target; /* addresses only */
  guint next;
  char *server_name;
  FunnelExpiry *expiry;
  GSocketConnection *connection;
  gnutls_session_t session;
  gnutls_certificate_credentials_t credentials;
  GError *first; /* of the first address */
} Check;

static void try_next (GTask *task);
static void shake_hands (GTask *task);

static void
check_free (Check *check)
{
  if (check->session != NULL)
    gnutls_deinit (check->session);
  if (check->credentials != NULL)
    gnutls_certificate_free_credentials (check->credentials);
  g_clear_object (&check->connection);
  g_clear_error (&check->first);
  funnel_expiry_free (check->expiry);
  g_free (check->server_name);
  g_free (check);
}

static void
return_check_error (GTask *task, const char *message)
{
  Check *check = g_task_get_task_data (task);

  if (g_task_return_error_if_cancelled (task))
    return;
  if (funnel_expiry_has_passed (check->expiry))
    message = N_ ("no answer in time");
  g_task_return_new_error (task, FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE, "%s", message);
}

static void
return_leaf (GTask *task)
{
  Check *check = g_task_get_task_data (task);
  guint n = 0;
  const gnutls_datum_t *chain = gnutls_certificate_get_peers (check->session, &n);

  if (chain == NULL || n == 0)
    return_check_error (task, N_ ("it shows no certificate"));
  else
    g_task_return_pointer (task, funnel_fingerprint_leaf (chain[0].data, chain[0].size), g_free);
}

static gboolean
on_socket_ready (GSocket *socket, GIOCondition condition, gpointer user_data)
{
  shake_hands (user_data);
  return G_SOURCE_REMOVE;
}

static void
shake_hands (GTask *task)
{
  Check *check = g_task_get_task_data (task);
  int code = gnutls_handshake (check->session);
  g_autoptr (GSource) ready = NULL;
  g_autofree char *message = NULL;

  if (code == GNUTLS_E_SUCCESS)
    {
      return_leaf (task);
      return;
    }
  if (!gnutls_error_is_fatal (code)
      && !g_cancellable_is_cancelled (funnel_expiry_get (check->expiry)))
    {
      GIOCondition wanted = gnutls_record_get_direction (check->session) ? G_IO_OUT : G_IO_IN;

      ready = g_socket_create_source (g_socket_connection_get_socket (check->connection), wanted,
                                      funnel_expiry_get (check->expiry));
      g_task_attach_source (task, ready, G_SOURCE_FUNC (on_socket_ready));
      return;
    }
  message = g_strdup_printf (N_ ("it does not speak TLS (%s); a server without TLS is shared with "
                                 "--tls-terminated-tcp"),
                             gnutls_strerror (code));
  return_check_error (task, message);
}

static void
begin_tls (GTask *task)
{
  Check *check = g_task_get_task_data (task);
  GSocket *socket = g_socket_connection_get_socket (check->connection);

  g_socket_set_blocking (socket, FALSE);
  if (gnutls_init (&check->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) < 0
      || gnutls_certificate_allocate_credentials (&check->credentials) < 0
      || gnutls_set_default_priority (check->session) < 0
      || gnutls_credentials_set (check->session, GNUTLS_CRD_CERTIFICATE, check->credentials) < 0
      || gnutls_server_name_set (check->session, GNUTLS_NAME_DNS, check->server_name,
                                 strlen (check->server_name))
             < 0)
    {
      return_check_error (task, N_ ("TLS cannot be set up"));
      return;
    }
  /* Nothing is verified: whatever the target shows is what visitors must see. */
  gnutls_transport_set_int (check->session, g_socket_get_fd (socket));
  shake_hands (task);
}

/* A connection to a free local port may be given that very port and reach itself. */
static gboolean
is_own_echo (GSocketConnection *connection)
{
  g_autoptr (GSocketAddress) here = g_socket_connection_get_local_address (connection, NULL);
  g_autoptr (GSocketAddress) there = g_socket_connection_get_remote_address (connection, NULL);

  return G_IS_INET_SOCKET_ADDRESS (here) && G_IS_INET_SOCKET_ADDRESS (there)
         && g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (here))
                == g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (there));
}

static void
connect_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Check *check = g_task_get_task_data (task);

  if (!g_socket_connection_connect_finish (G_SOCKET_CONNECTION (source), result,
                                           check->first == NULL ? &check->first : NULL))
    try_next (task);
  else if (is_own_echo (check->connection))
    {
      if (check->first == NULL)
        check->first = g_error_new_literal (FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE,
                                            g_strerror (ECONNREFUSED));
      try_next (task);
    }
  else if (check->server_name == NULL)
    g_task_return_pointer (task, NULL, NULL);
  else
    begin_tls (task);
}

static GSocketConnection *
make_connection (GSocketAddress *address, GError **error)
{
  GSocketFamily family = g_socket_address_get_family (address);
  g_autoptr (GSocket) socket
      = g_socket_new (family, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, error);

  return socket != NULL ? g_socket_connection_factory_create_connection (socket) : NULL;
}

static void
try_next (GTask *task)
{
  Check *check = g_task_get_task_data (task);
  g_autoptr (GSocketAddress) address = NULL;
  guint i = check->next++;

  g_clear_object (&check->connection);
  /* The first error is the one to tell: it is of the address the user meant. */
  if (i >= check->target.n_addresses
      || g_cancellable_is_cancelled (funnel_expiry_get (check->expiry)))
    {
      return_check_error (task,
                          check->first != NULL ? check->first->message : N_ ("it has no address"));
      return;
    }
  address = g_socket_address_new_from_native (&check->target.addresses[i], check->target.lens[i]);
  check->connection = make_connection (address, check->first == NULL ? &check->first : NULL);
  if (check->connection == NULL)
    try_next (task);
  else
    g_socket_connection_connect_async (check->connection, address,
                                       funnel_expiry_get (check->expiry), connect_cb,
                                       g_object_ref (task));
}

void
funnel_target_check_async (const FunnelTarget *target,
                           const char *server_name,
                           GCancellable *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  Check *check = g_new0 (Check, 1);

  g_task_set_source_tag (task, funnel_target_check_async);
  g_task_set_task_data (task, check, (GDestroyNotify)check_free);
  check->target = *target;
  check->target.text = NULL;
  check->server_name = g_strdup (server_name);
  check->expiry = funnel_expiry_new (cancellable, DEADLINE_MS);
  try_next (task);
}

gboolean
funnel_target_check_finish (GAsyncResult *result, char **leaf, GError **error)
{
  GError *local_error = NULL;

  g_return_val_if_fail (g_async_result_is_tagged (result, funnel_target_check_async), FALSE);
  *leaf = g_task_propagate_pointer (G_TASK (result), &local_error);
  if (local_error == NULL)
    return TRUE;
  g_propagate_error (error, local_error);
  return FALSE;
}
