/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tests/unit/daemon/serve/http/scripted-target.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define HEAD_MAX (64 * 1024)

struct _ScriptedTarget
{
  ScriptedConnection serve;
  gpointer data;
  guint16 port;
  int listener;
  GThread *acceptor;
  GMutex lock; /* guards all below */
  GPtrArray *threads;
  GArray *sockets; /* of int; -1: closed */
  guint connections, requests;
  char *head;
  gboolean ending;
};

typedef struct
{
  ScriptedTarget *target;
  int fd;
  guint number;
} Connection;

static gpointer
run_connection (gpointer data)
{
  Connection *connection = data;
  ScriptedTarget *self = connection->target;

  self->serve (self, connection->fd, connection->number);
  g_mutex_lock (&self->lock);
  g_array_index (self->sockets, int, connection->number) = -1;
  close (connection->fd);
  g_mutex_unlock (&self->lock);
  g_free (connection);
  return NULL;
}

static gpointer
run_acceptor (gpointer data)
{
  ScriptedTarget *self = data;

  while (TRUE)
    {
      int fd = accept (self->listener, NULL, NULL);
      Connection *connection;

      if (fd < 0)
        return NULL;
      connection = g_new0 (Connection, 1);
      connection->target = self;
      connection->fd = fd;
      g_mutex_lock (&self->lock);
      connection->number = self->connections++;
      g_array_append_val (self->sockets, fd);
      g_ptr_array_add (self->threads, g_thread_new ("target", run_connection, connection));
      g_mutex_unlock (&self->lock);
    }
}

static int
listen_at (const char *path)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  g_assert_cmpint (bind (fd, (struct sockaddr *)&address, sizeof address), ==, 0);
  g_assert_cmpint (listen (fd, 16), ==, 0);
  return fd;
}

ScriptedTarget *
scripted_target_new (ScriptedConnection serve, gpointer data, const char *path)
{
  ScriptedTarget *self = g_new0 (ScriptedTarget, 1);

  self->serve = serve;
  self->data = data;
  self->listener = path != NULL ? listen_at (path) : loopback_listen (&self->port);
  g_mutex_init (&self->lock);
  self->threads = g_ptr_array_new ();
  self->sockets = g_array_new (FALSE, FALSE, sizeof (int));
  self->acceptor = g_thread_new ("target accept", run_acceptor, self);
  return self;
}

void
scripted_target_free (ScriptedTarget *self)
{
  shutdown (self->listener, SHUT_RDWR);
  g_thread_join (self->acceptor);
  g_mutex_lock (&self->lock);
  for (guint i = 0; i < self->sockets->len; i++)
    if (g_array_index (self->sockets, int, i) >= 0)
      shutdown (g_array_index (self->sockets, int, i), SHUT_RDWR);
  g_mutex_unlock (&self->lock);
  for (guint i = 0; i < self->threads->len; i++)
    g_thread_join (g_ptr_array_index (self->threads, i));
  close (self->listener);
  g_ptr_array_unref (self->threads);
  g_array_unref (self->sockets);
  g_mutex_clear (&self->lock);
  g_free (self->head);
  g_free (self);
}

guint16
scripted_target_get_port (ScriptedTarget *self)
{
  return self->port;
}

gpointer
scripted_target_get_data (ScriptedTarget *self)
{
  return self->data;
}

guint
scripted_target_get_connections (ScriptedTarget *self)
{
  guint n;

  g_mutex_lock (&self->lock);
  n = self->connections;
  g_mutex_unlock (&self->lock);
  return n;
}

guint
scripted_target_get_requests (ScriptedTarget *self)
{
  guint n;

  g_mutex_lock (&self->lock);
  n = self->requests;
  g_mutex_unlock (&self->lock);
  return n;
}

char *
scripted_target_dup_head (ScriptedTarget *self)
{
  char *head;

  g_mutex_lock (&self->lock);
  head = g_strdup (self->head);
  g_mutex_unlock (&self->lock);
  return head;
}

char *
scripted_read_head (ScriptedTarget *self, int fd)
{
  GString *head = g_string_new (NULL);
  char byte;

  while (!g_str_has_suffix (head->str, "\r\n\r\n"))
    {
      if (head->len > HEAD_MAX || recv (fd, &byte, 1, 0) <= 0)
        {
          g_string_free (head, TRUE);
          return NULL;
        }
      g_string_append_c (head, byte);
    }
  g_mutex_lock (&self->lock);
  self->requests++;
  g_free (self->head);
  self->head = g_strdup (head->str);
  g_mutex_unlock (&self->lock);
  return g_string_free (head, FALSE);
}

gboolean
scripted_read (int fd, void *data, gsize len)
{
  return len == 0 || recv (fd, data, len, MSG_WAITALL) == (gssize)len;
}

gboolean
scripted_write (int fd, const char *text)
{
  gsize len = strlen (text);

  while (len > 0)
    {
      gssize n = send (fd, text, len, MSG_NOSIGNAL);

      if (n <= 0)
        return FALSE;
      text += n;
      len -= (gsize)n;
    }
  return TRUE;
}

void
scripted_answer (ScriptedTarget *target, int fd, guint number)
{
  while (TRUE)
    {
      g_autofree char *head = scripted_read_head (target, fd);

      if (head == NULL
          || !scripted_write (fd, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX-App: yes\r\n\r\nok\n"))
        return;
    }
}

FunnelServeMount *
add_mount (FunnelServeShare *share, const char *path, guint16 port)
{
  FunnelServeMount *mount = funnel_serve_mount_new ();
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons (port), .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};

  mount->path = g_strdup (path);
  mount->kind = FUNNEL_SERVE_MOUNT_PROXY;
  mount->authority = g_strdup_printf ("localhost:%u", port);
  mount->base_path = g_strdup ("");
  mount->target.n = 1;
  memcpy (&mount->target.addresses[0], &address, sizeof address);
  mount->target.lens[0] = sizeof address;
  g_ptr_array_add (share->mounts, mount);
  return mount;
}

void
unix_target (FunnelServeMount *mount, const char *path)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};

  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  memset (&mount->target, 0, sizeof mount->target);
  mount->target.n = 1;
  memcpy (&mount->target.addresses[0], &address, sizeof address);
  mount->target.lens[0] = sizeof address;
}

void
share_proxy (Fixture *f, guint16 port)
{
  FunnelServeShare *share = fixture_make_share (f, FUNNEL_SERVE_HTTP, port);

  add_mount (share, "/", port);
  fixture_set_share (f, share);
}

char *
talk (Fixture *f, const char *request, gboolean *cut)
{
  g_autoptr (Visitor) visitor = VISIT (f);
  GString *answer = g_string_new (NULL);
  char data[4096];
  gssize n;

  g_assert_cmpint (visitor->error, ==, 0);
  visitor_send (visitor, request, strlen (request));
  while ((n = visitor_recv (visitor, data, sizeof data)) > 0)
    g_string_append_len (answer, data, n);
  if (cut != NULL)
    *cut = n < 0;
  return g_string_free (answer, FALSE);
}

char *
read_until (Visitor *visitor, const char *end)
{
  GString *answer = g_string_new (NULL);
  char data[4096];

  while (!g_str_has_suffix (answer->str, end))
    {
      gssize n = visitor_recv (visitor, data, sizeof data);

      if (n <= 0)
        {
          g_test_message ("ended (%zd) after: %s", n, answer->str);
          g_string_free (answer, TRUE);
          return NULL;
        }
      g_string_append_len (answer, data, n);
    }
  return g_string_free (answer, FALSE);
}
