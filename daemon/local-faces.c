/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/local-faces.h"

#include "lib/base/error.h"
#include "lib/base/token.h"

#include <string.h>
#include <sys/random.h>

#define SOCKET_NAME "localapi.sock"
#define SECRET_FILE "local-api-secret"
#define SECRET_BYTES 32
#define SECRET_TEXT_MIN 32 /* characters: less was not made here */
#define SECRET_TEXT_MAX 200

struct _FunnelLocalFaces
{
  FunnelLocalListener *on_unix;
  FunnelLocalListener *on_tcp;
  char *socket;
  char *url;
};

static char *
make_secret (void)
{
  guint8 bytes[SECRET_BYTES];
  char *text;

  if (getrandom (bytes, sizeof bytes, 0) != (gssize)sizeof bytes)
    g_error ("the kernel gives no random numbers");
  text = g_base64_encode (bytes, sizeof bytes);
  explicit_bzero (bytes, sizeof bytes);
  /* It stands in URLs. */
  for (char *at = text; *at != '\0'; at++)
    *at = *at == '+' ? '-' : *at == '/' ? '_' : *at;
  text[strcspn (text, "=")] = '\0';
  return text;
}

/* The stored secret, made when there is none; free with funnel_secret_free. */
static char *
get_secret (FunnelStateDir *dir, GError **error)
{
  char *text = NULL;
  gsize len = 0;

  if (!funnel_state_dir_read (dir, SECRET_FILE, SECRET_TEXT_MAX, &text, &len, error))
    return NULL;
  if (text == NULL)
    {
      text = make_secret ();
      if (funnel_state_dir_write (dir, SECRET_FILE, text, error))
        return text;
      funnel_secret_free (text);
      return NULL;
    }
  g_strchomp (text);
  if (strlen (text) >= SECRET_TEXT_MIN)
    return text;
  funnel_secret_free (text);
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE,
               "%s/%s is no secret of ours; remove it, and another one is made",
               funnel_state_dir_get_path (dir), SECRET_FILE);
  return NULL;
}

static gboolean
open_http (FunnelLocalFaces *self,
           FunnelStateDir *dir,
           guint16 port,
           const FunnelLocalSource *source,
           gpointer owner,
           GError **error)
{
  char *secret = get_secret (dir, error);

  if (secret == NULL)
    return FALSE;
  self->on_tcp = funnel_local_listener_new_tcp (port, secret, source, owner, error);
  funnel_secret_free (secret);
  if (self->on_tcp == NULL)
    {
      g_prefix_error (error, "--local-api-http %u: ", port);
      return FALSE;
    }
  self->url
      = g_strdup_printf ("http://127.0.0.1:%u/cert", funnel_local_listener_get_port (self->on_tcp));
  return TRUE;
}

static gboolean
open_socket (FunnelLocalFaces *self,
             const FunnelLocalApiOptions *options,
             const FunnelLocalSource *source,
             gpointer owner,
             GError **error)
{
  const char *runtime = g_getenv ("XDG_RUNTIME_DIR");
  g_autoptr (GError) local_error = NULL;
  g_autofree char *path = NULL;

  if (options->socket != NULL)
    path = g_strdup (options->socket);
  else if (runtime != NULL && g_path_is_absolute (runtime))
    path = g_build_filename (runtime, "funnel", SOCKET_NAME, NULL);
  else
    return TRUE;
  self->on_unix = funnel_local_listener_new_unix (path, options->open, source, owner, &local_error);
  if (self->on_unix != NULL)
    self->socket = g_steal_pointer (&path);
  else if (options->socket != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local_error));
      return FALSE;
    }
  else
    g_warning ("Local web servers get no certificates through a socket: %s", local_error->message);
  return TRUE;
}

FunnelLocalFaces *
funnel_local_faces_new (FunnelStateDir *dir,
                        const FunnelLocalApiOptions *options,
                        const FunnelLocalSource *source,
                        gpointer owner,
                        GError **error)
{
  FunnelLocalFaces *self = g_new0 (FunnelLocalFaces, 1);

  if (open_socket (self, options, source, owner, error)
      && (!options->with_http || open_http (self, dir, options->http_port, source, owner, error)))
    return self;
  funnel_local_faces_free (self);
  return NULL;
}

void
funnel_local_faces_free (FunnelLocalFaces *self)
{
  if (self == NULL)
    return;
  funnel_local_listener_free (self->on_unix);
  funnel_local_listener_free (self->on_tcp);
  g_free (self->socket);
  g_free (self->url);
  g_free (self);
}

const char *
funnel_local_faces_get_socket (FunnelLocalFaces *self)
{
  return self->socket != NULL ? self->socket : "";
}

const char *
funnel_local_faces_get_url (FunnelLocalFaces *self)
{
  return self->url != NULL ? self->url : "";
}
