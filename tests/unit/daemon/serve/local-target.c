/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tests/unit/daemon/serve/local-target.h"

#include "tests/unit/daemon/serve/ingress-player.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER_SIZE 65536
#define BYE "bye"

struct _LocalTarget
{
  TargetKind kind;
  int listener;
  guint16 port;
  gnutls_certificate_credentials_t credentials; /* NULL: plain */
  GThread *thread;
  GMutex lock;
  GCond changed;
  gboolean go;
  GPtrArray *open; /* of Connection */
  gint stop;
};

typedef struct
{
  LocalTarget *target;
  int fd;
  gnutls_session_t tls; /* NULL: plain */
} Connection;

void
fill_test_bytes (guint8 *out, gsize len, guint64 offset)
{
  for (gsize i = 0; i < len; i++)
    {
      guint64 n = (offset + i) / 8 * 0x9e3779b97f4a7c15u;

      out[i] = (guint8)((n ^ (n >> 29)) >> ((offset + i) % 8 * 8));
    }
}

static ssize_t
read_some (Connection *c, guint8 *buffer, gsize len)
{
  ssize_t n;

  if (c->tls == NULL)
    return recv (c->fd, buffer, len, 0);
  do
    n = gnutls_record_recv (c->tls, buffer, len);
  while (n == GNUTLS_E_INTERRUPTED || n == GNUTLS_E_AGAIN);
  return n;
}

static gboolean
write_all (Connection *c, const guint8 *data, gsize len)
{
  while (len > 0)
    {
      ssize_t n = c->tls == NULL ? send (c->fd, data, len, MSG_NOSIGNAL)
                                 : gnutls_record_send (c->tls, data, len);

      if (n <= 0)
        return FALSE;
      data += n;
      len -= (gsize)n;
    }
  return TRUE;
}

static void
end_writing (Connection *c)
{
  if (c->tls != NULL)
    gnutls_bye (c->tls, GNUTLS_SHUT_WR);
  shutdown (c->fd, SHUT_WR);
}

static void
echo (Connection *c, guint8 *buffer)
{
  ssize_t n;

  while ((n = read_some (c, buffer, BUFFER_SIZE)) > 0)
    if (!write_all (c, buffer, (gsize)n))
      return;
  if (n == 0 && write_all (c, (const guint8 *)BYE, strlen (BYE)))
    end_writing (c);
}

static void
flood (Connection *c, guint8 *buffer)
{
  for (guint64 sent = 0; sent < TARGET_FLOOD_BYTES;)
    {
      gsize len = MIN (BUFFER_SIZE, TARGET_FLOOD_BYTES - sent);

      fill_test_bytes (buffer, len, sent);
      if (!write_all (c, buffer, len))
        return;
      sent += len;
    }
  end_writing (c);
  while (read_some (c, buffer, BUFFER_SIZE) > 0)
    ;
}

static void
wait_for_go (LocalTarget *self)
{
  g_mutex_lock (&self->lock);
  while (!self->go && !g_atomic_int_get (&self->stop))
    g_cond_wait (&self->changed, &self->lock);
  g_mutex_unlock (&self->lock);
}

static void
converse (Connection *c, guint8 *buffer)
{
  switch (c->target->kind)
    {
    case TARGET_STALL:
      wait_for_go (c->target);
      echo (c, buffer);
      break;
    case TARGET_ECHO:
      echo (c, buffer);
      break;
    case TARGET_FLOOD:
      flood (c, buffer);
      break;
    case TARGET_REJECT:
      read_some (c, buffer, 1000);
      write_all (c, (const guint8 *)"no", 2);
      break;
    }
}

static gboolean
start_tls (Connection *c)
{
  int result;

  if (c->target->credentials == NULL)
    return TRUE;
  gnutls_init (&c->tls, GNUTLS_SERVER | GNUTLS_NO_SIGNAL);
  gnutls_set_default_priority (c->tls);
  gnutls_credentials_set (c->tls, GNUTLS_CRD_CERTIFICATE, c->target->credentials);
  gnutls_transport_set_int (c->tls, c->fd);
  do
    result = gnutls_handshake (c->tls);
  while (result < 0 && !gnutls_error_is_fatal (result));
  return result == 0;
}

static gpointer
run_connection (gpointer data)
{
  Connection *c = data;
  LocalTarget *self = c->target;
  g_autofree guint8 *buffer = g_malloc (BUFFER_SIZE);

  if (start_tls (c))
    converse (c, buffer);
  if (c->tls != NULL)
    gnutls_deinit (c->tls);
  g_mutex_lock (&self->lock);
  g_ptr_array_remove_fast (self->open, c);
  close (c->fd);
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
  g_free (c);
  return NULL;
}

static gpointer
run_target (gpointer data)
{
  LocalTarget *self = data;
  int fd;

  while ((fd = accept (self->listener, NULL, NULL)) >= 0 && !g_atomic_int_get (&self->stop))
    {
      Connection *c = g_new0 (Connection, 1);
      int one = 1;

      setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      c->target = self;
      c->fd = fd;
      g_mutex_lock (&self->lock);
      g_ptr_array_add (self->open, c);
      g_mutex_unlock (&self->lock);
      g_thread_unref (g_thread_new ("target", run_connection, c));
    }
  if (fd >= 0)
    close (fd);
  return NULL;
}

LocalTarget *
local_target_new (TargetKind kind, const char *chain_file, const char *key_file)
{
  LocalTarget *self = g_new0 (LocalTarget, 1);

  self->kind = kind;
  if (chain_file != NULL)
    {
      gnutls_certificate_allocate_credentials (&self->credentials);
      g_assert_cmpint (gnutls_certificate_set_x509_key_file (self->credentials, chain_file,
                                                             key_file, GNUTLS_X509_FMT_PEM),
                       >=, 0);
    }
  self->listener = loopback_listen (&self->port);
  self->open = g_ptr_array_new ();
  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
  self->thread = g_thread_new ("targets", run_target, self);
  return self;
}

void
local_target_free (LocalTarget *self)
{
  g_atomic_int_set (&self->stop, 1);
  shutdown (self->listener, SHUT_RDWR);
  g_thread_join (self->thread);
  close (self->listener);
  g_mutex_lock (&self->lock);
  g_cond_broadcast (&self->changed);
  for (guint i = 0; i < self->open->len; i++)
    shutdown (((Connection *)g_ptr_array_index (self->open, i))->fd, SHUT_RDWR);
  while (self->open->len > 0)
    g_cond_wait (&self->changed, &self->lock);
  g_mutex_unlock (&self->lock);
  g_ptr_array_unref (self->open);
  if (self->credentials != NULL)
    gnutls_certificate_free_credentials (self->credentials);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->changed);
  g_free (self);
}

guint16
local_target_get_port (LocalTarget *self)
{
  return self->port;
}

void
local_target_go (LocalTarget *self)
{
  g_mutex_lock (&self->lock);
  self->go = TRUE;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}

guint
local_target_get_open (LocalTarget *self)
{
  guint open;

  g_mutex_lock (&self->lock);
  open = self->open->len;
  g_mutex_unlock (&self->lock);
  return open;
}
