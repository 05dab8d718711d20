/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tests/unit/daemon/cert/acme-fixture.h"

#include "lib/base/json-read.h"
#include "lib/base/token.h"
#include "tests/unit/daemon/cert/make-certificate.h"

#include <glib/gstdio.h>
#include <gnutls/x509.h>
#include <libsoup/soup.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define ALPN "acme-tls/1"
#define HANDSHAKE_MS 10000
#define START_US (30 * G_USEC_PER_SEC) /* for a program to listen */

struct _Responder
{
  int fd;
  guint16 port;
  GThread *thread;
  GMutex lock;
  GHashTable *challenges; /* name → FunnelCertificate */
};

/* -1 if it is taken; 0 for any port. */
static int
open_port (guint16 port, guint16 *opened)
{
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons (port)};
  socklen_t len = sizeof address;
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  address.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
  if (bind (fd, (struct sockaddr *)&address, len) < 0)
    {
      close (fd);
      return -1;
    }
  g_assert_cmpint (getsockname (fd, (struct sockaddr *)&address, &len), ==, 0);
  *opened = ntohs (address.sin_port);
  return fd;
}

guint16
get_free_port (void)
{
  for (;;)
    {
      /* Below the range outgoing connections take theirs from. */
      int fd;
      guint16 port;

      fd = open_port ((guint16)g_random_int_range (10000, 32000), &port);
      if (fd < 0)
        continue;
      close (fd);
      return port;
    }
}

/* Go programs say that they listen shortly before they do. */
static void
await_port (guint16 port)
{
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons (port)};
  gint64 end = g_get_monotonic_time () + START_US;
  int result;

  address.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
  do
    {
      int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

      g_assert_cmpint (g_get_monotonic_time (), <, end);
      result = connect (fd, (struct sockaddr *)&address, sizeof address);
      close (fd);
      if (result < 0)
        g_usleep (1000);
    }
  while (result < 0);
}

/* Called by GnuTLS once the ClientHello is read: the certificate of the name asked for. */
static int
choose_certificate (gnutls_session_t session)
{
  Responder *self = gnutls_session_get_ptr (session);
  FunnelCertificate *challenge = NULL;
  char name[256];
  size_t len = sizeof name;
  unsigned int type;

  if (gnutls_server_name_get (session, name, &len, &type, 0) < 0)
    return GNUTLS_E_NO_CERTIFICATE_FOUND;
  g_mutex_lock (&self->lock);
  challenge = g_hash_table_lookup (self->challenges, name);
  if (challenge != NULL)
    funnel_certificate_ref (challenge);
  g_mutex_unlock (&self->lock);
  if (challenge == NULL)
    return GNUTLS_E_NO_CERTIFICATE_FOUND;
  gnutls_credentials_set (session, GNUTLS_CRD_CERTIFICATE,
                          funnel_certificate_get_credentials (challenge));
  g_object_set_data_full (gnutls_db_get_ptr (session), "challenge", challenge,
                          (GDestroyNotify)funnel_certificate_unref);
  return 0;
}

static void
answer (Responder *self, int fd)
{
  gnutls_datum_t alpn = {(unsigned char *)ALPN, strlen (ALPN)};
  g_autoptr (GObject) holder = g_object_new (G_TYPE_OBJECT, NULL);
  gnutls_session_t session;
  int result;

  gnutls_init (&session, GNUTLS_SERVER);
  gnutls_session_set_ptr (session, self);
  gnutls_db_set_ptr (session, holder);
  gnutls_set_default_priority (session);
  gnutls_alpn_set_protocols (session, &alpn, 1, GNUTLS_ALPN_MANDATORY);
  gnutls_handshake_set_post_client_hello_function (session, choose_certificate);
  gnutls_handshake_set_timeout (session, HANDSHAKE_MS);
  gnutls_transport_set_int (session, fd);
  do
    result = gnutls_handshake (session);
  while (result < 0 && !gnutls_error_is_fatal (result));
  if (result >= 0)
    gnutls_bye (session, GNUTLS_SHUT_WR);
  else
    gnutls_alert_send (session, GNUTLS_AL_FATAL, GNUTLS_A_UNRECOGNIZED_NAME);
  gnutls_deinit (session);
  close (fd);
}

static gpointer
respond (gpointer data)
{
  Responder *self = data;
  int fd;

  while ((fd = accept4 (self->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0)
    answer (self, fd);
  return NULL;
}

Responder *
responder_new (void)
{
  Responder *self = g_new0 (Responder, 1);

  g_mutex_init (&self->lock);
  self->challenges = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                            (GDestroyNotify)funnel_certificate_unref);
  self->fd = open_port (0, &self->port);
  g_assert_cmpint (listen (self->fd, 128), ==, 0);
  self->thread = g_thread_new ("responder", respond, self);
  return self;
}

void
responder_free (Responder *self)
{
  shutdown (self->fd, SHUT_RDWR);
  g_thread_join (self->thread);
  close (self->fd);
  g_assert_cmpuint (g_hash_table_size (self->challenges), ==, 0);
  g_hash_table_unref (self->challenges);
  g_mutex_clear (&self->lock);
  g_free (self);
}

guint16
responder_get_port (Responder *self)
{
  return self->port;
}

static void
responder_set (Responder *self, const char *name, FunnelCertificate *challenge)
{
  g_mutex_lock (&self->lock);
  if (challenge != NULL)
    g_hash_table_replace (self->challenges, g_strdup (name), funnel_certificate_ref (challenge));
  else
    g_hash_table_remove (self->challenges, name);
  g_mutex_unlock (&self->lock);
}

static void
on_publish_cancelled (GCancellable *cancellable, gpointer user_data)
{
  GTask *task = user_data;

  g_task_return_error_if_cancelled (task);
  g_object_unref (task);
}

static void
publish (const char *name,
         const guint8 digest[FUNNEL_ACME_DIGEST_LEN],
         GCancellable *cancellable,
         GAsyncReadyCallback callback,
         gpointer callback_data,
         gpointer user_data)
{
  Order *order = user_data;
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, callback_data);
  g_autoptr (FunnelCertificate) challenge = NULL;
  g_autoptr (GError) error = NULL;
  guint8 copy[FUNNEL_ACME_DIGEST_LEN];

  memcpy (copy, digest, sizeof copy);
  copy[0] ^= order->spoil ? 1 : 0;
  order->published++;
  challenge = funnel_acme_make_challenge_certificate (name, copy, &error);
  g_assert_no_error (error);
  if (order->responder != NULL)
    responder_set (order->responder, name, challenge);
  if (order->hang)
    {
      g_cancellable_connect (cancellable, G_CALLBACK (on_publish_cancelled), g_object_ref (task),
                             NULL);
      return;
    }
  if (order->refuse)
    g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED, "the link is down");
  else
    g_task_return_boolean (task, TRUE);
}

static gboolean
publish_finish (GAsyncResult *result, gpointer user_data, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
withdraw (const char *name, gpointer user_data)
{
  Order *order = user_data;

  g_assert_false (order->done);
  order->withdrawn++;
  g_assert_cmpuint (order->withdrawn, ==, order->published);
  if (order->responder != NULL)
    responder_set (order->responder, name, NULL);
}

static void
on_progress (FunnelAcmeStep step, const char *text, gpointer user_data)
{
  Order *order = user_data;

  g_assert_false (order->done);
  g_assert_nonnull (text);
  g_assert_cmpstr (text, !=, "");
  g_string_append_printf (order->steps, "%s%s", order->steps->len > 0 ? " " : "",
                          funnel_acme_step_text (step));
  if (step == order->cancel_at)
    g_cancellable_cancel (order->cancellable);
}

static void
order_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Order *order = user_data;

  order->done = TRUE;
  order->issued
      = funnel_acme_client_order_finish (FUNNEL_ACME_CLIENT (source), result, &order->error);
  g_main_context_wakeup (NULL);
}

void
order_init (Order *order, Responder *responder)
{
  *order = (Order) {.responder = responder,
                    .cancel_at = FUNNEL_ACME_STEPS,
                    .cancellable = g_cancellable_new (),
                    .steps = g_string_new (NULL)};
}

void
order_clear (Order *order)
{
  g_clear_object (&order->cancellable);
  if (order->steps != NULL)
    g_string_free (order->steps, TRUE);
  order->steps = NULL;
  g_clear_pointer (&order->issued, funnel_acme_issued_free);
  g_clear_error (&order->error);
}

void
order_start (Order *order, FunnelAcmeClient *client, const char *name, const char *replaces)
{
  static const FunnelAcmeChallenges challenges = {publish, publish_finish, withdraw};

  order->done = FALSE;
  funnel_acme_client_order_async (client, name, replaces, &challenges, on_progress,
                                  order->cancellable, order_cb, order);
}

void
order_end (Order *order)
{
  while (!order->done)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (order->published, ==, order->withdrawn);
  g_assert_true ((order->issued == NULL) == (order->error != NULL));
  if (order->error != NULL)
    g_test_message ("%s: %s", g_quark_to_string (order->error->domain), order->error->message);
}

void
order_run (Order *order, FunnelAcmeClient *client, const char *name, const char *replaces)
{
  order_start (order, client, name, replaces);
  order_end (order);
}

void
check_issued (const FunnelAcmeIssued *issued, const char *name)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (FunnelCertificate) certificate
      = funnel_certificate_new (issued->chain, issued->key, name, "the test", &error);

  g_assert_no_error (error);
  g_assert_nonnull (certificate);
  g_assert_cmpint (funnel_certificate_get_expiry (certificate), ==, issued->expiry);
  g_assert_cmpint (funnel_certificate_get_begin (certificate), ==, issued->begin);
  g_assert_true (g_str_has_prefix (issued->order_url, "https://"));
  g_assert_true (g_str_has_prefix (issued->account_url, "https://"));
  g_assert_nonnull (issued->certificate_id);
}

/* ---- certificate authorities ---- */

static void
die_with_test (gpointer data)
{
  prctl (PR_SET_PDEATHSIG, SIGKILL);
}

static GSubprocess *
spawn (char **environment, const char *const *argv)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (
      G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_MERGE);
  g_autoptr (GError) error = NULL;
  GSubprocess *process;

  if (environment != NULL)
    g_subprocess_launcher_set_environ (launcher, environment);
  g_subprocess_launcher_set_child_setup (launcher, die_with_test, NULL, NULL);
  process = g_subprocess_launcher_spawnv (launcher, argv, &error);
  g_assert_no_error (error);
  return process;
}

/* Its output, up to a line with @word; that line. */
static char *
read_until (GDataInputStream *output, const char *word)
{
  g_autoptr (GString) all = g_string_new (NULL);

  for (;;)
    {
      char *line = g_data_input_stream_read_line (output, NULL, NULL, NULL);

      if (line == NULL)
        g_error ("ended before it said “%s”: %s", word, all->str);
      if (strstr (line, word) != NULL)
        return line;
      g_string_append_printf (all, "%s\n", line);
      g_free (line);
    }
}

/* A program whose output nobody reads stops one day. What it says is for whoever sets the variable.
 */
static gpointer
drain (gpointer data)
{
  GDataInputStream *output = data;
  char *line;

  while ((line = g_data_input_stream_read_line (output, NULL, NULL, NULL)) != NULL)
    {
      if (g_getenv ("ACME_TEST_VERBOSE") != NULL)
        g_printerr ("%s\n", line);
      g_free (line);
    }
  return NULL;
}

static void
make_home (Ca *ca, gint64 begin, gint64 end)
{
  g_auto (MadeCertificate) made = {NULL, NULL};

  memset (ca, 0, sizeof *ca);
  ca->dir = g_dir_make_tmp ("funnel-acme-XXXXXX", NULL);
  g_assert_nonnull (ca->dir);
  made = make_certificate (ca->dir, "api", "localhost", begin, end);
  ca->ca_file = g_strdup (made.chain_file);
}

static char *
write_pebble_config (Ca *ca, guint16 tls_port, gboolean binding)
{
  g_autofree char *text = g_strdup_printf (
      "{\"pebble\":{\"listenAddress\":\"127.0.0.1:%u\",\"managementListenAddress\":\"127.0.0.1:%"
      "u\","
      "\"certificate\":\"%s/api.pem\",\"privateKey\":\"%s/api.key\",\"httpPort\":%u,\"tlsPort\":%u,"
      "\"ocspResponderURL\":\"\",\"domainBlocklist\":[\"%s\"],"
      "\"certificateValidityPeriod\":7776000,\"externalAccountBindingRequired\":%s,"
      "\"externalAccountMACKeys\":{\"%s\":\"%s\"}}}",
      ca->port, get_free_port (), ca->dir, ca->dir, get_free_port (), tls_port, PEBBLE_BLOCKED,
      binding ? "true" : "false", PEBBLE_EAB_KID, PEBBLE_EAB_KEY);
  char *path = g_build_filename (ca->dir, "pebble.json", NULL);

  g_assert_true (g_file_set_contents (path, text, -1, NULL));
  return path;
}

void
ca_start_pebble (Ca *ca, guint16 tls_port, guint nonce_reject, gboolean binding)
{
  guint16 dns_port = get_free_port ();
  g_autofree char *dns = g_strdup_printf ("127.0.0.1:%u", dns_port);
  g_autofree char *management = g_strdup_printf ("127.0.0.1:%u", get_free_port ());
  g_autofree char *reject = g_strdup_printf ("%u", nonce_reject);
  g_autofree char *config = NULL, *line = NULL, *dns_line = NULL;
  g_auto (GStrv) environment = g_get_environ ();
  g_autoptr (GDataInputStream) dns_output = NULL;

  make_home (ca, -3600, 86400);
  ca->port = get_free_port ();
  config = write_pebble_config (ca, tls_port, binding);
  environment = g_environ_setenv (environment, "PEBBLE_VA_NOSLEEP", "1", TRUE);
  environment = g_environ_setenv (environment, "PEBBLE_WFE_NONCEREJECT", reject, TRUE);
  ca->dns = spawn (NULL, (const char *const[]) {"pebble-challtestsrv", "-defaultIPv4", "127.0.0.1",
                                                "-defaultIPv6", "", "-dns01", dns, "-management",
                                                management, "-http01", "", "-https01", "",
                                                "-tlsalpn01", "", NULL});
  dns_output = g_data_input_stream_new (g_subprocess_get_stdout_pipe (ca->dns));
  dns_line = read_until (dns_output, "Starting management server");
  ca->process = spawn (environment, (const char *const[]) {"pebble", "-strict", "-config", config,
                                                           "-dnsserver", dns, NULL});
  ca->output = g_data_input_stream_new (g_subprocess_get_stdout_pipe (ca->process));
  line = read_until (ca->output, "ACME directory available");
  await_port (ca->port);
  ca->drain = g_thread_new ("drain", drain, ca->output);
}

void
ca_start_broken (Ca *ca, guint16 tls_port, gint64 begin, gint64 end)
{
  g_autofree char *program = g_test_build_filename (G_TEST_DIST, "broken_acme.py", NULL);
  g_autofree char *key = NULL, *scratch = NULL, *line = NULL;
  g_autofree char *port = g_strdup_printf ("%u", tls_port);

  make_home (ca, begin, end);
  key = g_build_filename (ca->dir, "api.key", NULL);
  scratch = g_build_filename (ca->dir, "ca", NULL);
  ca->process = spawn (NULL, (const char *const[]) {"/usr/bin/python3", program, "--cert",
                                                    ca->ca_file, "--key", key, "--dir", scratch,
                                                    "--tls-port", port, NULL});
  ca->output = g_data_input_stream_new (g_subprocess_get_stdout_pipe (ca->process));
  line = read_until (ca->output, "listening ");
  ca->port = (guint16)g_ascii_strtoull (line + strlen ("listening "), NULL, 10);
  ca->drain = g_thread_new ("drain", drain, ca->output);
}

static void
end_process (GSubprocess **process)
{
  if (*process == NULL)
    return;
  g_subprocess_force_exit (*process);
  g_subprocess_wait (*process, NULL, NULL);
  g_clear_object (process);
}

void
ca_stop (Ca *ca)
{
  g_autofree char *scratch = NULL;

  if (ca->dir == NULL)
    return;
  end_process (&ca->process);
  end_process (&ca->dns);
  g_clear_pointer (&ca->drain, g_thread_join);
  g_clear_object (&ca->output);
  scratch = g_build_filename (ca->dir, "ca", NULL);
  remove_dir (scratch);
  remove_dir (ca->dir);
  g_clear_pointer (&ca->dir, g_free);
  g_clear_pointer (&ca->ca_file, g_free);
}

char *
ca_get_url (Ca *ca, const char *path)
{
  return g_strdup_printf ("https://localhost:%u/%s", ca->port, path);
}

FunnelAcmeClient *
ca_make_client_with (Ca *ca, const char *path, FunnelAcmeSettings settings)
{
  g_autofree char *url = ca_get_url (ca, path);
  g_autoptr (GError) error = NULL;
  char *key = NULL;
  FunnelAcmeClient *client;

  settings.directory = url;
  if (settings.ca_file == NULL)
    settings.ca_file = ca->ca_file;
  if (settings.account_key == NULL)
    settings.account_key = key = funnel_acme_account_key_new (&error);
  g_assert_no_error (error);
  client = funnel_acme_client_new (&settings, &error);
  g_assert_no_error (error);
  funnel_secret_free (key);
  return client;
}

FunnelAcmeClient *
ca_make_client (Ca *ca, const char *path)
{
  return ca_make_client_with (ca, path, (FunnelAcmeSettings) {NULL});
}

JsonObject *
ca_get_seen (Ca *ca, const char *fault)
{
  g_autofree char *path = g_strconcat (fault, "/seen", NULL);
  g_autofree char *url = ca_get_url (ca, path);
  g_autoptr (GTlsDatabase) trust = g_tls_file_database_new (ca->ca_file, NULL);
  g_autoptr (SoupSession) session = soup_session_new_with_options ("tls-database", trust, NULL);
  g_autoptr (SoupMessage) message = soup_message_new ("GET", url);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) body = soup_session_send_and_read (session, message, NULL, &error);
  JsonObject *object;

  g_assert_no_error (error);
  object
      = funnel_json_parse_object (g_bytes_get_data (body, NULL), g_bytes_get_size (body), &error);
  g_assert_no_error (error);
  return object;
}

gint64
ca_count_seen (Ca *ca, const char *fault, const char *step)
{
  g_autoptr (JsonObject) all = ca_get_seen (ca, fault);

  return json_object_get_int_member_with_default (json_object_get_object_member (all, "seen"), step,
                                                  0);
}

void
keep_result (GObject *source, GAsyncResult *result, gpointer user_data)
{
  *(GAsyncResult **)user_data = g_object_ref (result);
}

void
wait_for (GAsyncResult **result)
{
  while (*result == NULL)
    g_main_context_iteration (NULL, TRUE);
}
