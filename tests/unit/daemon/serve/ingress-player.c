/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tests/unit/daemon/serve/ingress-player.h"

#include "lib/wire/hello.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER_SIZE 65536
#define READ_TIMEOUT 30 /* seconds */

struct _IngressPlayer
{
  int listener;
  guint16 port;
  guint16 node_port;
  GThread *thread;
  gint refusals[OFFER_REASON_OTHER + 1];
  GMutex lock;
  GCond idle;
  guint running; /* visitors being served */
  gint stop;
};

typedef struct
{
  IngressPlayer *player;
  int visitor;
} Visit;

int
loopback_listen (guint16 *port)
{
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
  socklen_t len = sizeof address;
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (bind (fd, (struct sockaddr *)&address, len), ==, 0);
  g_assert_cmpint (listen (fd, 512), ==, 0);
  g_assert_cmpint (getsockname (fd, (struct sockaddr *)&address, &len), ==, 0);
  *port = ntohs (address.sin_port);
  return fd;
}

int
loopback_connect (guint16 port, guint from_last)
{
  struct sockaddr_in from
      = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (0x7f000000 + from_last)};
  struct sockaddr_in to = {
      .sin_family = AF_INET, .sin_port = htons (port), .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
  struct timeval timeout = {.tv_sec = READ_TIMEOUT};
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int one = 1;

  g_assert_cmpint (fd, >=, 0);
  setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  setsockopt (fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
  g_assert_cmpint (bind (fd, (struct sockaddr *)&from, sizeof from), ==, 0);
  if (connect (fd, (struct sockaddr *)&to, sizeof to) < 0)
    g_error ("connect: %s", g_strerror (errno));
  return fd;
}

void
send_all (int fd, const void *data, gsize len)
{
  const guint8 *p = data;

  while (len > 0)
    {
      ssize_t n = send (fd, p, len, MSG_NOSIGNAL);

      if (n < 0)
        g_error ("send: %s", g_strerror (errno));
      p += n;
      len -= (gsize)n;
    }
}

GByteArray *
read_to_end (int fd)
{
  GByteArray *all = g_byte_array_new ();
  guint8 buffer[4096];
  ssize_t n;

  while ((n = recv (fd, buffer, sizeof buffer, 0)) > 0)
    g_byte_array_append (all, buffer, (guint)n);
  if (n < 0 && errno != ECONNRESET)
    g_error ("recv: %s", g_strerror (errno));
  return all;
}

static ssize_t
keep_hello (gnutls_transport_ptr_t transport, const void *data, size_t len)
{
  g_byte_array_append (transport, data, (guint)len);
  return (ssize_t)len;
}

static ssize_t
pull_nothing (gnutls_transport_ptr_t transport, void *data, size_t len)
{
  errno = EAGAIN;
  return -1;
}

static int
wait_for_nothing (gnutls_transport_ptr_t transport, unsigned int ms)
{
  return 0;
}

GByteArray *
make_hello (const char *name, const char *alpn)
{
  GByteArray *hello = g_byte_array_new ();
  gnutls_certificate_credentials_t credentials;
  gnutls_session_t session;

  gnutls_certificate_allocate_credentials (&credentials);
  gnutls_init (&session, GNUTLS_CLIENT | GNUTLS_NONBLOCK);
  gnutls_set_default_priority (session);
  gnutls_credentials_set (session, GNUTLS_CRD_CERTIFICATE, credentials);
  if (name != NULL)
    gnutls_server_name_set (session, GNUTLS_NAME_DNS, name, strlen (name));
  if (alpn != NULL)
    {
      gnutls_datum_t protocol = {(unsigned char *)alpn, (unsigned int)strlen (alpn)};

      gnutls_alpn_set_protocols (session, &protocol, 1, 0);
    }
  gnutls_transport_set_ptr (session, hello);
  gnutls_transport_set_push_function (session, keep_hello);
  gnutls_transport_set_pull_function (session, pull_nothing);
  gnutls_transport_set_pull_timeout_function (session, wait_for_nothing);
  g_assert_cmpint (gnutls_handshake (session), ==, GNUTLS_E_AGAIN);
  gnutls_deinit (session);
  gnutls_certificate_free_credentials (credentials);
  g_assert_cmpuint (hello->len, >, 0);
  return hello;
}

GByteArray *
make_offer_from (const char *name, GByteArray *hello, const char *source, const char *destination)
{
  GByteArray *bytes = g_byte_array_new ();
  struct offer offer = {.port = 443, .flow = OFFER_FLOW};
  char head[OFFER_HEAD_MAX];
  gsize len;

  g_assert_true (address_parse (source, strlen (source), &offer.source));
  if (destination != NULL)
    g_assert_true (address_parse (destination, strlen (destination), &offer.destination));
  g_strlcpy (offer.name, name, sizeof offer.name);
  len = offer_write (&offer, head, sizeof head);
  g_assert_cmpuint (len, >, 0);
  g_byte_array_append (bytes, (guint8 *)head, (guint)len);
  if (hello != NULL)
    g_byte_array_append (bytes, hello->data, hello->len);
  return bytes;
}

GByteArray *
make_offer (const char *name, GByteArray *hello)
{
  return make_offer_from (name, hello, OFFER_SOURCE, OFFER_DESTINATION);
}

gboolean
read_answer (int fd, struct offer_answer *answer)
{
  char head[OFFER_ANSWER_MAX];
  gsize len = 0;
  enum offer_result result = OFFER_NEED_MORE;

  /* Byte by byte: visitor bytes may follow at once and are not ours. */
  while (result == OFFER_NEED_MORE && len < sizeof head && recv (fd, head + len, 1, 0) == 1)
    result = offer_answer_parse (head, ++len, answer);
  return result == OFFER_OK;
}

/* Reads some of @from and passes it on; the end becomes a shutdown. FALSE when this way is over. */
static gboolean
carry (int from, int to, guint8 *buffer)
{
  ssize_t n = recv (from, buffer, BUFFER_SIZE, 0);
  ssize_t sent = 0;

  while (n > 0 && sent < n)
    {
      ssize_t k = send (to, buffer + sent, (gsize)(n - sent), MSG_NOSIGNAL);

      if (k < 0)
        return FALSE;
      sent += k;
    }
  if (n <= 0)
    shutdown (to, SHUT_WR);
  return n > 0;
}

typedef struct
{
  int from, to;
} OneWay;

static gpointer
carry_one_way (gpointer data)
{
  OneWay *way = data;
  g_autofree guint8 *buffer = g_malloc (BUFFER_SIZE);

  while (carry (way->from, way->to, buffer))
    ;
  return NULL;
}

static void
carry_both_ways (int visitor, int node)
{
  OneWay up = {visitor, node}, down = {node, visitor};
  struct timeval none = {0};
  GThread *thread;

  setsockopt (visitor, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof none);
  setsockopt (node, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof none);
  thread = g_thread_new ("up", carry_one_way, &up);
  carry_one_way (&down);
  g_thread_join (thread);
}

static GByteArray *
read_hello (int visitor, struct hello *hello)
{
  GByteArray *bytes = g_byte_array_new ();
  guint8 buffer[4096];
  ssize_t n;

  while ((n = recv (visitor, buffer, sizeof buffer, 0)) > 0)
    {
      g_byte_array_append (bytes, buffer, (guint)n);
      if (hello_parse (bytes->data, bytes->len, hello) == HELLO_OK)
        return bytes;
    }
  g_byte_array_unref (bytes);
  return NULL;
}

static void
offer_visitor (IngressPlayer *self, int visitor)
{
  struct hello hello;
  struct offer_answer answer;
  g_autoptr (GByteArray) bytes = read_hello (visitor, &hello);
  g_autoptr (GByteArray) offer = NULL;
  int node;

  if (bytes == NULL)
    return;
  node = loopback_connect (self->node_port, 1);
  offer = make_offer (hello.name, bytes);
  send_all (node, offer->data, offer->len);
  if (read_answer (node, &answer))
    {
      if (answer.kind == OFFER_ANSWER_ACCEPTED)
        carry_both_ways (visitor, node);
      else
        g_atomic_int_inc (&self->refusals[answer.reason]);
    }
  close (node);
}

static gpointer
run_visit (gpointer data)
{
  Visit *visit = data;
  IngressPlayer *self = visit->player;

  offer_visitor (self, visit->visitor);
  close (visit->visitor);
  g_free (visit);
  g_mutex_lock (&self->lock);
  self->running--;
  g_cond_signal (&self->idle);
  g_mutex_unlock (&self->lock);
  return NULL;
}

static gpointer
run_player (gpointer data)
{
  IngressPlayer *self = data;
  int fd;

  while ((fd = accept (self->listener, NULL, NULL)) >= 0 && !g_atomic_int_get (&self->stop))
    {
      Visit *visit = g_new (Visit, 1);
      int one = 1;

      setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      *visit = (Visit) {self, fd};
      g_mutex_lock (&self->lock);
      self->running++;
      g_mutex_unlock (&self->lock);
      g_thread_unref (g_thread_new ("visit", run_visit, visit));
    }
  if (fd >= 0)
    close (fd);
  return NULL;
}

IngressPlayer *
ingress_player_new (guint16 node_port)
{
  IngressPlayer *self = g_new0 (IngressPlayer, 1);

  self->node_port = node_port;
  self->listener = loopback_listen (&self->port);
  g_mutex_init (&self->lock);
  g_cond_init (&self->idle);
  self->thread = g_thread_new ("ingress", run_player, self);
  return self;
}

void
ingress_player_free (IngressPlayer *self)
{
  g_atomic_int_set (&self->stop, 1);
  shutdown (self->listener, SHUT_RDWR);
  g_thread_join (self->thread);
  close (self->listener);
  g_mutex_lock (&self->lock);
  while (self->running > 0)
    g_cond_wait (&self->idle, &self->lock);
  g_mutex_unlock (&self->lock);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->idle);
  g_free (self);
}

guint16
ingress_player_get_port (IngressPlayer *self)
{
  return self->port;
}

guint
ingress_player_get_refusals (IngressPlayer *self, enum offer_reason reason)
{
  return (guint)g_atomic_int_get (&self->refusals[reason]);
}
