/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "funnel-ingressd"

/* When each node's WireGuard last shook hands: asked of the agent when somebody wants to know, and
 * not again for FRESH_SECONDS, however many ask. */

#include "ingress-server/control/agent-host-private.h"

#include <stdio.h>
#include <unistd.h>

#define FRESH_SECONDS 2
#define LINE_MAX_BYTES 256

typedef struct
{
  void (*done) (gpointer data);
  gpointer data;
} Waiter;

static void
tell_waiters (IngressAgentHost *self)
{
  g_autoptr (GArray) waiters = g_steal_pointer (&self->handshake_waiters);

  for (guint i = 0; waiters && i < waiters->len; i++)
    {
      Waiter *waiter = &g_array_index (waiters, Waiter, i);

      waiter->done (waiter->data);
    }
}

/* Lines: key, endpoint, handshake, received, sent. */
static void
read_lines (GHashTable *handshakes, int fd)
{
  FILE *file = fdopen (fd, "r");
  char line[LINE_MAX_BYTES];

  if (file == NULL)
    {
      close (fd);
      return;
    }
  while (fgets (line, sizeof line, file))
    {
      g_auto (GStrv) words = g_strsplit (g_strchomp (line), " ", 6);
      guint64 when = 0;

      if (g_strv_length (words) == 5
          && g_ascii_string_to_unsigned (words[2], 10, 1, G_MAXINT64, &when, NULL))
        g_hash_table_insert (handshakes, g_strdup (words[0]), g_memdup2 (&when, sizeof when));
    }
  fclose (file);
}

static void
status_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (IngressAgentHost) self = user_data;
  g_autoptr (GUnixFDList) fds = NULL;
  g_autoptr (GHashTable) fields
      = funnel_agent_client_call_finish (FUNNEL_AGENT_CLIENT (source), result, &fds, NULL);
  int fd = fields && fds && g_unix_fd_list_get_length (fds) > 0 ? g_unix_fd_list_get (fds, 0, NULL)
                                                                : -1;

  /* Without an answer the last one is too old to be told. */
  g_hash_table_remove_all (self->handshakes);
  if (fd >= 0)
    read_lines (self->handshakes, fd);
  self->handshakes_at = g_get_monotonic_time ();
  tell_waiters (self);
}

void
ingress_agent_host_refresh_handshakes (IngressAgentHost *self,
                                       void (*done) (gpointer data),
                                       gpointer data)
{
  Waiter waiter = {done, data};
  gint64 age = g_get_monotonic_time () - self->handshakes_at;

  if (!self->ready || self->config->tunnel == INGRESS_TUNNEL_DIRECT
      || (self->handshakes_at != 0 && age < FRESH_SECONDS * G_USEC_PER_SEC))
    {
      done (data);
      return;
    }
  if (self->handshake_waiters)
    {
      g_array_append_val (self->handshake_waiters, waiter);
      return;
    }
  self->handshake_waiters = g_array_new (FALSE, FALSE, sizeof waiter);
  g_array_append_val (self->handshake_waiters, waiter);
  funnel_agent_client_call_async (self->client, "status", NULL, NULL, self->cancellable, status_cb,
                                  g_object_ref (self));
}

void
ingress_agent_host_answer_waiters (IngressAgentHost *self)
{
  tell_waiters (self);
}

gint64
ingress_agent_host_get_handshake (IngressAgentHost *self, const char *public_key)
{
  const gint64 *when = g_hash_table_lookup (self->handshakes, public_key);

  return when ? *when : 0;
}
