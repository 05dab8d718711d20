/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "funnel-ingressd"

#include "ingress-server/control/probe.h"

#include "lib/base/error.h"
#include "lib/base/fingerprint.h"
#include "lib/dns/dns-addresses.h"

#include <gio/gnetworking.h>
#include <glib-unix.h>
#include <glib/gi18n.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <string.h>

#define ADDRESSES_MAX 4 /* tried one after the other */
#define LINGER_MS 2000

/* States: resolving → connecting (each address in turn) → handshaking → done. */
typedef struct
{
  char *name;
  guint16 port;
  GList *addresses; /* GInetAddress, as resolved */
  GList *next;      /* to be tried */
  guint tried;
  GCancellable *cancellable; /* ours: fired by the deadline and the caller */
  gulong caller_handler;
  GCancellable *caller;
  GSource *deadline;
  gboolean timed_out;
  char *last_failure; /* of connecting */
  GSocketConnection *connection;
  gnutls_session_t session;
  gnutls_certificate_credentials_t credentials;
  GSource *socket_source;
  ProbeResult *result;
} Probe;

static const struct
{
  gnutls_alert_description_t alert;
  const char *text;
} alerts[] = {
    {GNUTLS_A_UNRECOGNIZED_NAME,
     N_ ("unrecognized_name: no route for this name here, or the node shares nothing under it")},
    {GNUTLS_A_ACCESS_DENIED, N_ ("access_denied: the node refused this visitor")},
    {GNUTLS_A_INTERNAL_ERROR,
     N_ ("internal_error: the node is away, busy, or has no certificate or target for it")},
    {GNUTLS_A_HANDSHAKE_FAILURE,
     N_ ("handshake_failure: no common version or cipher with the server")},
    {GNUTLS_A_PROTOCOL_VERSION, N_ ("protocol_version: the server speaks no common TLS version")},
    {GNUTLS_A_NO_APPLICATION_PROTOCOL,
     N_ ("no_application_protocol: the server insists on an application protocol")},
};

const char *
probe_alert_text (int alert)
{
  for (guint i = 0; i < G_N_ELEMENTS (alerts); i++)
    if ((int)alerts[i].alert == alert)
      return alerts[i].text;
  return NULL;
}

void
probe_result_free (ProbeResult *result)
{
  if (!result)
    return;
  g_free (result->detail);
  g_free (result->leaf);
  g_strfreev (result->addresses);
  g_free (result);
}

static void
drop_source (GSource **source)
{
  if (*source)
    {
      g_source_destroy (*source);
      g_source_unref (*source);
      *source = NULL;
    }
}

static void
drop_connection (Probe *probe)
{
  drop_source (&probe->socket_source);
  g_clear_pointer (&probe->session, gnutls_deinit);
  g_clear_pointer (&probe->credentials, gnutls_certificate_free_credentials);
  g_clear_object (&probe->connection);
}

static void
probe_free (Probe *probe)
{
  drop_connection (probe);
  drop_source (&probe->deadline);
  if (probe->caller)
    g_cancellable_disconnect (probe->caller, probe->caller_handler);
  g_clear_object (&probe->caller);
  g_clear_object (&probe->cancellable);
  g_resolver_free_addresses (probe->addresses);
  g_clear_pointer (&probe->result, probe_result_free);
  g_free (probe->last_failure);
  g_free (probe->name);
  g_free (probe);
}

static GStrv
print_addresses (GList *addresses)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  guint count = 0;

  for (GList *l = addresses; l && count < 16; l = l->next, count++)
    {
      g_autofree char *text = g_inet_address_to_string (l->data);

      g_strv_builder_add (builder, text);
    }
  return g_strv_builder_end (builder);
}

/* Ends the probe; takes @task. */
static void
finish (GTask *task, FunnelProbeOutcome outcome, const char *detail)
{
  g_autoptr (GTask) owned = task;
  Probe *probe = g_task_get_task_data (task);
  ProbeResult *result = g_steal_pointer (&probe->result);

  if (g_task_return_error_if_cancelled (task))
    {
      probe_result_free (result);
      drop_connection (probe);
      return;
    }
  if (probe->timed_out)
    {
      outcome = FUNNEL_PROBE_TIMEOUT;
      detail = probe->session     ? N_ ("The TLS handshake did not end in time")
               : probe->addresses ? N_ (
                     "The public address did not answer in time: is the port open in the firewall?")
                                  : N_ ("The name did not resolve in time");
    }
  result->outcome = outcome;
  result->detail = g_strdup (detail);
  result->addresses = print_addresses (probe->addresses);
  drop_source (&probe->deadline);
  drop_connection (probe);
  g_task_return_pointer (task, result, (GDestroyNotify)probe_result_free);
}

/* The end of a connection that went well. */

typedef struct
{
  GSocketConnection *connection;
  GSource *readable;
  GSource *timeout;
} Linger;

static gboolean
end_linger (Linger *linger)
{
  drop_source (&linger->readable);
  drop_source (&linger->timeout);
  g_object_unref (linger->connection);
  g_free (linger);
  return G_SOURCE_REMOVE;
}

static gboolean
on_linger_timeout (gpointer user_data)
{
  return end_linger (user_data);
}

static gboolean
on_linger_readable (GSocket *socket, GIOCondition condition, gpointer user_data)
{
  char unread[4096];

  if (g_socket_receive (socket, unread, sizeof unread, NULL, NULL) > 0)
    return G_SOURCE_CONTINUE;
  return end_linger (user_data);
}

/* What is closed with something unread, and TLS sends tickets unasked, is reset; and a reset may
 * overtake the last word of the handshake, which the node would then count as one that failed. */
static void
close_gently (Probe *probe)
{
  Linger *linger = g_new0 (Linger, 1);
  GSocket *socket = g_socket_connection_get_socket (probe->connection);
  GMainContext *context = g_main_context_get_thread_default ();

  linger->connection = g_steal_pointer (&probe->connection);
  linger->readable = g_socket_create_source (socket, G_IO_IN, NULL);
  linger->timeout = g_timeout_source_new (LINGER_MS);
  g_socket_shutdown (socket, FALSE, TRUE, NULL);
  g_source_set_callback (linger->readable, G_SOURCE_FUNC (on_linger_readable), linger, NULL);
  g_source_set_callback (linger->timeout, on_linger_timeout, linger, NULL);
  g_source_attach (linger->readable, context);
  g_source_attach (linger->timeout, context);
}

/* Handshake. */

static void
take_leaf (Probe *probe)
{
  unsigned int count = 0;
  const gnutls_datum_t *certificates = gnutls_certificate_get_peers (probe->session, &count);

  if (certificates && count > 0)
    probe->result->leaf = funnel_fingerprint_leaf (certificates[0].data, certificates[0].size);
}

static char *
describe_tls_failure (Probe *probe, int rc)
{
  gnutls_alert_description_t alert;
  const char *meaning;

  if (rc == GNUTLS_E_FATAL_ALERT_RECEIVED || rc == GNUTLS_E_WARNING_ALERT_RECEIVED)
    {
      alert = gnutls_alert_get (probe->session);
      meaning = probe_alert_text ((int)alert);
      return g_strdup_printf (N_ ("TLS alert %s"),
                              meaning ? meaning : gnutls_alert_get_name (alert));
    }
  if (rc == GNUTLS_E_PREMATURE_TERMINATION || rc == GNUTLS_E_PULL_ERROR
      || rc == GNUTLS_E_PUSH_ERROR)
    return g_strdup (N_ ("The connection was closed during the TLS handshake"));
  return g_strdup_printf ("TLS: %s", gnutls_strerror (rc));
}

static gboolean on_socket (int fd, GIOCondition condition, gpointer data);

static void
wait_for_socket (GTask *task, Probe *probe)
{
  GSocket *socket = g_socket_connection_get_socket (probe->connection);
  GIOCondition condition = gnutls_record_get_direction (probe->session) ? G_IO_OUT : G_IO_IN;

  drop_source (&probe->socket_source);
  probe->socket_source = g_unix_fd_source_new (g_socket_get_fd (socket), condition);
  g_source_set_callback (probe->socket_source, (GSourceFunc)(void (*) (void))on_socket, task, NULL);
  g_source_attach (probe->socket_source, g_main_context_get_thread_default ());
}

static void
handshake (GTask *task)
{
  Probe *probe = g_task_get_task_data (task);
  int rc;

  do
    rc = gnutls_handshake (probe->session);
  while (rc == GNUTLS_E_INTERRUPTED || rc == GNUTLS_E_WARNING_ALERT_RECEIVED);
  if (rc == GNUTLS_E_AGAIN)
    {
      wait_for_socket (task, probe);
      return;
    }
  if (rc < 0)
    {
      g_autofree char *detail = describe_tls_failure (probe, rc);

      finish (task, FUNNEL_PROBE_TLS, detail);
      return;
    }
  take_leaf (probe);
  /* A clean end: best effort, the answer is known. */
  gnutls_bye (probe->session, GNUTLS_SHUT_WR);
  drop_source (&probe->socket_source);
  close_gently (probe);
  finish (task, FUNNEL_PROBE_OK, NULL);
}

static gboolean
on_socket (int fd, GIOCondition condition, gpointer data)
{
  GTask *task = data;
  Probe *probe = g_task_get_task_data (task);

  g_clear_pointer (&probe->socket_source, g_source_unref);
  handshake (task);
  return G_SOURCE_REMOVE;
}

static int
make_session (Probe *probe)
{
  GSocket *socket = g_socket_connection_get_socket (probe->connection);
  int rc;

  g_socket_set_blocking (socket, FALSE);
  if ((rc = gnutls_init (&probe->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL)) < 0
      || (rc = gnutls_certificate_allocate_credentials (&probe->credentials)) < 0
      || (rc = gnutls_credentials_set (probe->session, GNUTLS_CRD_CERTIFICATE, probe->credentials))
             < 0
      || (rc = gnutls_set_default_priority (probe->session)) < 0
      || (rc = gnutls_server_name_set (probe->session, GNUTLS_NAME_DNS, probe->name,
                                       strlen (probe->name)))
             < 0)
    return rc;
  gnutls_transport_set_int (probe->session, g_socket_get_fd (socket));
  gnutls_handshake_set_timeout (probe->session,
                                GNUTLS_INDEFINITE_TIMEOUT); /* the deadline is ours */
  return 0;
}

/* Connecting. */

static void connect_next (GTask *task);

static void
client_connect_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  Probe *probe = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  int rc;

  probe->connection = g_socket_client_connect_finish (G_SOCKET_CLIENT (source), result, &error);
  if (!probe->connection)
    {
      g_free (probe->last_failure);
      probe->last_failure = g_strdup (error->message);
      connect_next (task);
      return;
    }
  if (g_cancellable_is_cancelled (probe->cancellable))
    {
      /* The deadline came between the connection and its telling. */
      finish (task, FUNNEL_PROBE_CONNECT, NULL);
      return;
    }
  rc = make_session (probe);
  if (rc < 0)
    finish (task, FUNNEL_PROBE_TLS, gnutls_strerror (rc));
  else
    handshake (task);
}

static void
connect_next (GTask *task)
{
  Probe *probe = g_task_get_task_data (task);
  g_autoptr (GSocketClient) client = NULL;
  g_autoptr (GSocketAddress) address = NULL;

  if (!probe->next || probe->tried++ == ADDRESSES_MAX
      || g_cancellable_is_cancelled (probe->cancellable))
    {
      finish (task, FUNNEL_PROBE_CONNECT, probe->last_failure);
      return;
    }
  address = g_inet_socket_address_new (probe->next->data, probe->port);
  probe->next = probe->next->next;
  client = g_socket_client_new ();
  g_socket_client_set_enable_proxy (client, FALSE);
  g_socket_client_connect_async (client, G_SOCKET_CONNECTABLE (address), probe->cancellable,
                                 client_connect_cb, task);
}

/* Resolving. */

static void
resolver_lookup_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  Probe *probe = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;

  probe->addresses = g_resolver_lookup_by_name_finish (G_RESOLVER (source), result, &error);
  if (!probe->addresses)
    {
      finish (task, FUNNEL_PROBE_DNS, error->message);
      return;
    }
  probe->next = probe->addresses;
  connect_next (task);
}

static void
dns_addresses_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  Probe *probe = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) addresses = funnel_dns_addresses_finish (result, &error);

  for (guint i = 0; addresses && addresses[i]; i++)
    {
      GInetAddress *address = g_inet_address_new_from_string (addresses[i]);

      if (address)
        probe->addresses = g_list_append (probe->addresses, address);
    }
  if (!probe->addresses)
    {
      finish (task, FUNNEL_PROBE_DNS, error ? error->message : N_ ("no usable address"));
      return;
    }
  probe->next = probe->addresses;
  connect_next (task);
}

/* Deadline and cancellation: both make the pending operation end. */

static void
stop (GTask *task)
{
  Probe *probe = g_task_get_task_data (task);

  if (probe->socket_source)
    finish (task, FUNNEL_PROBE_TLS, NULL);
  else
    g_cancellable_cancel (probe->cancellable);
}

static gboolean
on_deadline (gpointer data)
{
  GTask *task = data;
  Probe *probe = g_task_get_task_data (task);

  probe->timed_out = TRUE;
  g_clear_pointer (&probe->deadline, g_source_unref);
  stop (task);
  return G_SOURCE_REMOVE;
}

static gboolean
on_cancel_idle (gpointer data)
{
  Probe *probe = g_task_get_task_data (data);

  if (probe->result) /* not finished meanwhile */
    stop (data);
  return G_SOURCE_REMOVE;
}

/* Only notes it: finishing here would free what is being cancelled. */
static void
on_caller_cancelled (GCancellable *cancellable, gpointer data)
{
  g_idle_add_full (G_PRIORITY_DEFAULT, on_cancel_idle, g_object_ref (data), g_object_unref);
}

void
probe_async (const char *name,
             guint16 port,
             const char *resolver,
             GCancellable *cancellable,
             GAsyncReadyCallback callback,
             gpointer user_data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);
  g_autoptr (GResolver) system = g_resolver_get_default ();
  Probe *probe = g_new0 (Probe, 1);

  g_task_set_source_tag (task, probe_async);
  g_task_set_task_data (task, probe, (GDestroyNotify)probe_free);
  g_task_set_check_cancellable (task, FALSE);
  probe->name = g_strdup (name);
  probe->port = port;
  probe->result = g_new0 (ProbeResult, 1);
  probe->cancellable = g_cancellable_new ();
  probe->deadline = g_timeout_source_new_seconds (PROBE_SECONDS);
  g_source_set_callback (probe->deadline, on_deadline, task, NULL);
  g_source_attach (probe->deadline, g_main_context_get_thread_default ());
  if (cancellable)
    {
      probe->caller = g_object_ref (cancellable);
      probe->caller_handler
          = g_cancellable_connect (cancellable, G_CALLBACK (on_caller_cancelled), task, NULL);
    }
  if (resolver)
    funnel_dns_addresses_async (name, resolver, PROBE_SECONDS, probe->cancellable, dns_addresses_cb,
                                task);
  else
    g_resolver_lookup_by_name_async (system, name, probe->cancellable, resolver_lookup_cb, task);
}

ProbeResult *
probe_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
