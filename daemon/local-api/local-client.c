/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/local-api/local-client.h"

#include <string.h>

#define DISCARD_MAX (64 * 1024) /* bytes thrown away while draining */

typedef enum
{
  STATE_READING,
  STATE_WRITING,
  STATE_DRAINING,
} State;

struct _FunnelLocalClient
{
  GSocket *socket;
  const FunnelLocalClientEvents *events;
  gpointer owner;
  uid_t uid;

  State state;
  GSource *source; /* of the socket */
  guint deadline;
  gboolean over;    /* closed() is due */
  gboolean leaving; /* no further request is answered */

  char head[FUNNEL_HTTP_HEAD_MAX];
  gsize head_len;
  GString *out; /* NULL none */
  gsize sent;
  gboolean keep_alive;
  gsize discarded;
};

static gboolean on_socket_ready (GSocket *socket, GIOCondition condition, gpointer user_data);

static void
watch (FunnelLocalClient *self, GIOCondition condition)
{
  if (self->source != NULL)
    g_source_destroy (self->source);
  g_clear_pointer (&self->source, g_source_unref);
  self->source = g_socket_create_source (self->socket, condition, NULL);
  g_source_set_callback (self->source, G_SOURCE_FUNC (on_socket_ready), self, NULL);
  g_source_attach (self->source, g_main_context_get_thread_default ());
}

static gboolean
on_deadline (gpointer user_data)
{
  FunnelLocalClient *self = user_data;

  self->deadline = 0;
  self->events->closed (self->owner, self);
  return G_SOURCE_REMOVE;
}

static void
set_deadline (FunnelLocalClient *self, guint seconds)
{
  g_clear_handle_id (&self->deadline, g_source_remove);
  self->deadline = g_timeout_add_seconds (seconds, on_deadline, self);
}

static void
begin_response (FunnelLocalClient *self, const FunnelLocalAnswer *answer, gboolean keep_alive)
{
  self->keep_alive = keep_alive;
  self->leaving = !keep_alive;
  self->out = funnel_local_answer_print (answer, keep_alive);
  self->sent = 0;
  self->state = STATE_WRITING;
}

static void
begin_refusal (FunnelLocalClient *self, guint status, const char *problem)
{
  g_auto (FunnelLocalAnswer) answer = {0};

  funnel_local_answer_refuse (&answer, status, problem);
  self->head_len = 0;
  begin_response (self, &answer, FALSE);
}

static void
begin_draining (FunnelLocalClient *self)
{
  self->state = STATE_DRAINING;
  self->over = !g_socket_shutdown (self->socket, FALSE, TRUE, NULL);
  set_deadline (self, FUNNEL_LOCAL_DRAIN_S);
}

/* --- Requests --- */

static void
take_request (FunnelLocalClient *self, gsize len)
{
  g_auto (FunnelHttpRequest) request = {0};
  g_auto (FunnelLocalAnswer) answer = {0};
  const char *problem = NULL;
  guint status = funnel_http_request_parse (self->head, len, &request, &problem);

  if (status != 0)
    {
      begin_refusal (self, status, problem);
      return;
    }
  self->events->answer (self->owner, self, &request, &answer);
  self->head_len -= len;
  memmove (self->head, self->head + len, self->head_len);
  begin_response (self, &answer, request.keep_alive);
}

/* What is in the buffer: a whole request is answered. */
static void
look_at_head (FunnelLocalClient *self)
{
  gsize len = funnel_http_head_length (self->head, self->head_len);

  if (len > 0)
    take_request (self, len);
  else if (self->head_len == sizeof self->head)
    begin_refusal (self, FUNNEL_HTTP_HEAD_TOO_LARGE, "the request is too large");
}

/* Returns whether there may be more to do at once. */
static gboolean
do_read (FunnelLocalClient *self)
{
  g_autoptr (GError) error = NULL;
  gssize got = g_socket_receive (self->socket, self->head + self->head_len,
                                 sizeof self->head - self->head_len, NULL, &error);

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    return FALSE;
  if (got <= 0)
    {
      self->over = TRUE;
      return FALSE;
    }
  if (self->head_len == 0)
    set_deadline (self, FUNNEL_LOCAL_REQUEST_S);
  self->head_len += (gsize)got;
  look_at_head (self);
  return TRUE;
}

static gboolean
do_write (FunnelLocalClient *self)
{
  g_autoptr (GError) error = NULL;
  gssize put = g_socket_send (self->socket, self->out->str + self->sent,
                              self->out->len - self->sent, NULL, &error);

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    return FALSE;
  if (put < 0)
    {
      self->over = TRUE;
      return FALSE;
    }
  self->sent += (gsize)put;
  if (self->sent < self->out->len)
    return TRUE;
  g_clear_pointer (&self->out, funnel_local_wipe);
  if (!self->keep_alive)
    {
      begin_draining (self);
      return !self->over;
    }
  self->state = STATE_READING;
  set_deadline (self, self->head_len > 0 ? FUNNEL_LOCAL_REQUEST_S : FUNNEL_LOCAL_IDLE_S);
  look_at_head (self);
  return self->state == STATE_WRITING;
}

static gboolean
do_drain (FunnelLocalClient *self)
{
  char waste[4096];
  g_autoptr (GError) error = NULL;
  gssize got = g_socket_receive (self->socket, waste, sizeof waste, NULL, &error);

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    return FALSE;
  self->discarded += got > 0 ? (gsize)got : 0;
  self->over = got <= 0 || self->discarded > DISCARD_MAX;
  return !self->over;
}

/* One step per state until the socket has no more; a client that sends many requests ahead is
 * interrupted after each, so that the others have their turn. */
static gboolean
on_socket_ready (GSocket *socket, GIOCondition condition, gpointer user_data)
{
  static gboolean (*const steps[]) (FunnelLocalClient *) = {
      [STATE_READING] = do_read,
      [STATE_WRITING] = do_write,
      [STATE_DRAINING] = do_drain,
  };
  FunnelLocalClient *self = user_data;
  State before = self->state;

  if (steps[self->state](self) && self->state == STATE_WRITING && before != STATE_WRITING)
    do_write (self);
  if (self->over)
    {
      self->events->closed (self->owner, self);
      return G_SOURCE_REMOVE;
    }
  if (self->state == before)
    return G_SOURCE_CONTINUE;
  watch (self, self->state == STATE_WRITING ? G_IO_OUT : G_IO_IN);
  return G_SOURCE_REMOVE;
}

/* --- Begin and end --- */

FunnelLocalClient *
funnel_local_client_new (GSocket *socket, const FunnelLocalClientEvents *events, gpointer owner)
{
  FunnelLocalClient *self = g_new0 (FunnelLocalClient, 1);

  self->socket = g_object_ref (socket);
  self->events = events;
  self->owner = owner;
  self->uid = (uid_t)-1;
  g_socket_set_blocking (socket, FALSE);
  self->state = STATE_READING;
  set_deadline (self, FUNNEL_LOCAL_IDLE_S);
  watch (self, G_IO_IN);
  return self;
}

void
funnel_local_client_free (FunnelLocalClient *self)
{
  g_clear_handle_id (&self->deadline, g_source_remove);
  if (self->source != NULL)
    g_source_destroy (self->source);
  g_clear_pointer (&self->source, g_source_unref);
  g_clear_pointer (&self->out, funnel_local_wipe);
  g_socket_close (self->socket, NULL);
  g_object_unref (self->socket);
  explicit_bzero (self->head, sizeof self->head); /* it may hold the secret */
  g_free (self);
}

void
funnel_local_client_refuse (FunnelLocalClient *self, guint status, const char *problem)
{
  begin_refusal (self, status, problem);
  set_deadline (self, FUNNEL_LOCAL_DRAIN_S);
  watch (self, G_IO_OUT);
}

gboolean
funnel_local_client_is_idle (FunnelLocalClient *self)
{
  /* A request may have come that the loop has not shown us yet. */
  return self->state == STATE_READING && self->head_len == 0
         && g_socket_condition_check (self->socket, G_IO_IN) == 0;
}

gboolean
funnel_local_client_is_leaving (FunnelLocalClient *self)
{
  return self->leaving;
}

void
funnel_local_client_set_uid (FunnelLocalClient *self, uid_t uid)
{
  self->uid = uid;
}

uid_t
funnel_local_client_get_uid (FunnelLocalClient *self)
{
  return self->uid;
}
