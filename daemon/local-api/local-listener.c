/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "funneld"

#include "daemon/local-api/local-listener.h"

#include "daemon/local-api/local-client.h"
#include "lib/base/error.h"
#include "lib/base/token.h"

#include <errno.h>
#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 1024     /* where a unix socket's is full, connecting fails at once */
#define ACCEPT_PAUSE_S 1 /* after accepting failed: out of file descriptors, mostly */
#define WRONG_FREE 10    /* wrong secrets within WRONG_WINDOW_S before they are told to wait */
#define WRONG_WINDOW_S 60
#define LOG_WINDOW_S 60 /* at most one line about refusals in this time */

struct _FunnelLocalListener
{
  GSocket *socket;
  GSource *accepting;
  guint pause_source;
  const FunnelLocalSource *source;
  gpointer owner;
  char *secret; /* TCP only */

  char *path; /* unix only: to be removed, if it still is this file */
  dev_t device;
  ino_t inode;

  GQueue clients; /* FunnelLocalClient*, oldest first */
  gint64 wrong_since;
  guint wrong;
  gint64 logged_at;
  guint unlogged;
};

/* --- Clients --- */

static void
note_refusal (FunnelLocalListener *self, const FunnelLocalAnswer *answer)
{
  gint64 now = g_get_monotonic_time () / G_USEC_PER_SEC;

  self->unlogged++;
  if (self->logged_at != 0 && now < self->logged_at + LOG_WINDOW_S)
    return;
  g_message ("Local API: refused %u request(s); the last: %s", self->unlogged,
             g_strchomp (answer->body->str));
  self->logged_at = now;
  self->unlogged = 0;
}

/* Guesses are counted together, since they cannot be told apart; the right secret always works. */
static void
slow_down_guessing (FunnelLocalListener *self, FunnelLocalAnswer *out)
{
  gint64 now = g_get_monotonic_time () / G_USEC_PER_SEC;

  if (now >= self->wrong_since + WRONG_WINDOW_S)
    {
      self->wrong_since = now;
      self->wrong = 0;
    }
  if (++self->wrong <= WRONG_FREE)
    return;
  funnel_local_answer_clear (out);
  funnel_local_answer_refuse (out, FUNNEL_HTTP_TOO_MANY_REQUESTS,
                              "too many wrong secrets; wait a minute");
  out->extra = "Retry-After: 60\r\n";
}

static void
on_client_answer (gpointer owner,
                  FunnelLocalClient *client,
                  const FunnelHttpRequest *request,
                  FunnelLocalAnswer *out)
{
  FunnelLocalListener *self = owner;
  FunnelLocalCaller caller = {.on_tcp = self->secret != NULL,
                              .uid = funnel_local_client_get_uid (client),
                              .secret = self->secret};

  funnel_local_answer (self->source, self->owner, &caller, request, out);
  if (out->wrong_secret)
    slow_down_guessing (self, out);
  if (out->wrong_secret || out->status == SOUP_STATUS_FORBIDDEN)
    note_refusal (self, out);
}

static void
on_client_closed (gpointer owner, FunnelLocalClient *client)
{
  FunnelLocalListener *self = owner;

  g_queue_remove (&self->clients, client);
  funnel_local_client_free (client);
}

static const FunnelLocalClientEvents client_events = {
    .answer = on_client_answer,
    .closed = on_client_closed,
};

/* How many are there to stay: of @uid, if @of_user. */
static guint
count_clients (FunnelLocalListener *self, gboolean of_user, uid_t uid)
{
  guint count = 0;

  for (GList *at = self->clients.head; at != NULL; at = at->next)
    if (!funnel_local_client_is_leaving (at->data)
        && (!of_user || funnel_local_client_get_uid (at->data) == uid))
      count++;
  return count;
}

/* Ends the oldest idle client, of @uid if @of_user. Returns whether there was one. */
static gboolean
make_room (FunnelLocalListener *self, gboolean of_user, uid_t uid)
{
  for (GList *at = self->clients.head; at != NULL; at = at->next)
    {
      if (!funnel_local_client_is_idle (at->data)
          || (of_user && funnel_local_client_get_uid (at->data) != uid))
        continue;
      on_client_closed (self, at->data);
      return TRUE;
    }
  return FALSE;
}

static gboolean
has_room (FunnelLocalListener *self, uid_t uid)
{
  if (self->secret == NULL && count_clients (self, TRUE, uid) >= FUNNEL_LOCAL_CLIENTS_PER_USER
      && !make_room (self, TRUE, uid))
    return FALSE;
  return count_clients (self, FALSE, 0) < FUNNEL_LOCAL_CLIENTS_MAX || make_room (self, FALSE, 0);
}

static uid_t
read_uid (GSocket *socket)
{
  g_autoptr (GCredentials) credentials = g_socket_get_credentials (socket, NULL);

  return credentials != NULL ? g_credentials_get_unix_user (credentials, NULL) : (uid_t)-1;
}

static void
take_client (FunnelLocalListener *self, GSocket *socket)
{
  uid_t uid = self->secret == NULL ? read_uid (socket) : 0;
  gboolean room = has_room (self, uid);
  FunnelLocalClient *client = NULL;

  /* One that is told to go lives for seconds; of those, too, there is an end. */
  if (!room && self->clients.length >= 2 * FUNNEL_LOCAL_CLIENTS_MAX)
    return;
  client = funnel_local_client_new (socket, &client_events, self);
  funnel_local_client_set_uid (client, uid);
  g_queue_push_tail (&self->clients, client);
  if (!room)
    funnel_local_client_refuse (client, SOUP_STATUS_SERVICE_UNAVAILABLE, "too many connections");
}

/* --- The listening socket --- */

static void start_accepting (FunnelLocalListener *self);

static gboolean
on_pause_over (gpointer user_data)
{
  FunnelLocalListener *self = user_data;

  self->pause_source = 0;
  start_accepting (self);
  return G_SOURCE_REMOVE;
}

static gboolean
on_socket_ready (GSocket *socket, GIOCondition condition, gpointer user_data)
{
  FunnelLocalListener *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocket) accepted = g_socket_accept (self->socket, NULL, &error);

  if (accepted != NULL)
    {
      take_client (self, accepted);
      return G_SOURCE_CONTINUE;
    }
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    return G_SOURCE_CONTINUE;
  g_warning ("Local API: %s", error->message);
  g_clear_pointer (&self->accepting, g_source_unref);
  self->pause_source = g_timeout_add_seconds (ACCEPT_PAUSE_S, on_pause_over, self);
  return G_SOURCE_REMOVE;
}

static void
start_accepting (FunnelLocalListener *self)
{
  self->accepting = g_socket_create_source (self->socket, G_IO_IN, NULL);
  g_source_set_callback (self->accepting, G_SOURCE_FUNC (on_socket_ready), self, NULL);
  g_source_attach (self->accepting, g_main_context_get_thread_default ());
}

static gboolean
listen_at (FunnelLocalListener *self, GSocketAddress *address, mode_t mode, GError **error)
{
  self->socket = g_socket_new (g_socket_address_get_family (address), G_SOCKET_TYPE_STREAM,
                               G_SOCKET_PROTOCOL_DEFAULT, error);
  if (self->socket == NULL)
    return FALSE;
  g_socket_set_blocking (self->socket, FALSE);
  g_socket_set_listen_backlog (self->socket, BACKLOG);
  if (!g_socket_bind (self->socket, address, TRUE, error))
    return FALSE;
  /* Nobody can connect before it listens. */
  if (self->path != NULL && g_chmod (self->path, mode) != 0)
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT, "%s: %s", self->path,
                   g_strerror (errno));
      return FALSE;
    }
  if (!g_socket_listen (self->socket, error))
    return FALSE;
  start_accepting (self);
  return TRUE;
}

static FunnelLocalListener *
listener_new (const FunnelLocalSource *source, gpointer owner)
{
  FunnelLocalListener *self = g_new0 (FunnelLocalListener, 1);

  self->source = source;
  self->owner = owner;
  g_queue_init (&self->clients);
  return self;
}

static gboolean
prepare_folder (const char *path, gboolean open, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (path);

  if (g_file_test (folder, G_FILE_TEST_IS_DIR))
    return TRUE;
  if (g_mkdir_with_parents (folder, open ? 0755 : 0700) == 0
      && (!open || g_chmod (folder, 0755) == 0))
    return TRUE;
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT, "%s: %s", folder,
               g_strerror (errno));
  return FALSE;
}

/* A socket left behind by a daemon that was killed is in the way; one that somebody answers at, or
 * anything else, is not ours to remove. */
static gboolean
clear_path (const char *path, GSocketAddress *address, GError **error)
{
  g_autoptr (GSocket) trial = NULL;
  struct stat st;

  if (lstat (path, &st) != 0)
    return TRUE;
  if (!S_ISSOCK (st.st_mode))
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                   "%s exists and is no socket; choose another path with --local-api", path);
      return FALSE;
    }
  trial
      = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, error);
  if (trial == NULL)
    return FALSE;
  if (!g_socket_connect (trial, address, NULL, NULL))
    {
      g_unlink (path);
      return TRUE;
    }
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_CONFLICT,
               "another program answers at %s; choose another path with --local-api", path);
  return FALSE;
}

FunnelLocalListener *
funnel_local_listener_new_unix (const char *path,
                                gboolean open,
                                const FunnelLocalSource *source,
                                gpointer owner,
                                GError **error)
{
  g_autoptr (FunnelLocalListener) self = listener_new (source, owner);
  g_autoptr (GSocketAddress) address = NULL;
  struct stat st;

  if (strlen (path) >= sizeof ((struct sockaddr_un *)0)->sun_path)
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                   "%s is too long for a socket; choose another path with --local-api", path);
      return NULL;
    }
  address = g_unix_socket_address_new (path);
  if (!prepare_folder (path, open, error) || !clear_path (path, address, error))
    return NULL;
  self->path = g_strdup (path);
  if (!listen_at (self, address, open ? 0666 : 0600, error))
    return NULL;
  if (lstat (path, &st) == 0)
    {
      self->device = st.st_dev;
      self->inode = st.st_ino;
    }
  return g_steal_pointer (&self);
}

FunnelLocalListener *
funnel_local_listener_new_tcp (guint16 port,
                               const char *secret,
                               const FunnelLocalSource *source,
                               gpointer owner,
                               GError **error)
{
  g_autoptr (FunnelLocalListener) self = listener_new (source, owner);
  g_autoptr (GInetAddress) loopback = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  g_autoptr (GSocketAddress) address = g_inet_socket_address_new (loopback, port);

  self->secret = g_strdup (secret);
  if (!listen_at (self, address, 0, error))
    return NULL;
  return g_steal_pointer (&self);
}

void
funnel_local_listener_free (FunnelLocalListener *self)
{
  struct stat st;

  if (self == NULL)
    return;
  if (self->accepting != NULL)
    g_source_destroy (self->accepting);
  g_clear_pointer (&self->accepting, g_source_unref);
  g_clear_handle_id (&self->pause_source, g_source_remove);
  g_queue_clear_full (&self->clients, (GDestroyNotify)funnel_local_client_free);
  if (self->inode != 0 && lstat (self->path, &st) == 0 && st.st_dev == self->device
      && st.st_ino == self->inode)
    g_unlink (self->path);
  g_clear_object (&self->socket);
  g_free (self->path);
  funnel_secret_free (self->secret);
  g_free (self);
}

guint16
funnel_local_listener_get_port (FunnelLocalListener *self)
{
  g_autoptr (GSocketAddress) address = g_socket_get_local_address (self->socket, NULL);

  return address != NULL && G_IS_INET_SOCKET_ADDRESS (address)
             ? g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (address))
             : 0;
}
