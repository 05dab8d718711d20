/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "funnel-ingressd"

/* Setting up an agent, as a table of steps. Each step sends one request, or is skipped; its end
 * reads the answer. The next step begins when it has. */

#include "ingress-server/control/agent-host-private.h"

#include "lib/base/error.h"
#include "lib/base/names.h"
#include "lib/base/program.h"
#include "ingress-server/control/counters-page.h"
#include "ingress-server/control/public-listeners.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LINK_BACKLOG "1024"
#define INGRESS_HOST 1
#define TUNNEL_NETWORK "100.64.0.0/10"

static gboolean
flag (GHashTable *fields, const char *key)
{
  return g_strcmp0 (g_hash_table_lookup (fields, key), "1") == 0;
}

static gboolean
is_direct (IngressAgentHost *self)
{
  return self->config->tunnel == INGRESS_TUNNEL_DIRECT;
}

static void steps_call_cb (GObject *source, GAsyncResult *result, gpointer data);
static FunnelAgentClient *step_client (IngressAgentHost *self);

void
agent_steps_send (IngressAgentHost *self,
                  const char *verb,
                  const char *const *fields,
                  GUnixFDList *fds)
{
  funnel_agent_client_call_async (step_client (self), verb, fields, fds, self->cancellable,
                                  steps_call_cb, g_object_ref (self));
}

/* hello: what is this agent's state, and is it ours? */

static gboolean
begin_hello (IngressAgentHost *self, GError **error)
{
  agent_steps_send (self, "hello", NULL, NULL);
  return TRUE;
}

static gboolean
note_matches (IngressAgentHost *self)
{
  g_autofree char *path = agent_note_path (self);
  g_autofree char *text = NULL;

  return g_file_get_contents (path, &text, NULL, NULL)
         && g_str_has_prefix (text, self->fingerprint);
}

static gboolean
end_hello (IngressAgentHost *self, GHashTable *fields, GUnixFDList *fds, GError **error)
{
  const char *engine = g_hash_table_lookup (fields, "engine");

  self->agent_is_up = flag (fields, "up");
  if (!self->relay_socket && !agent_relay_read_hello (self, fields, error))
    return FALSE;
  g_free (self->engine);
  self->engine = g_strdup (engine ? engine : "");
  if ((self->agent_is_up || self->agent_has_relay) && !note_matches (self))
    {
      g_message ("The agent was set up for another configuration; starting it anew");
      self->replaced_at = g_get_monotonic_time ();
      funnel_agent_client_call_async (self->client, "quit", NULL, NULL, NULL, NULL, NULL);
      g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_CONFLICT,
                           "The agent had another configuration");
      return FALSE;
    }
  if (is_direct (self) != (g_strcmp0 (self->engine, "none") == 0))
    {
      g_set_error (
          error, FUNNEL_ERROR, FUNNEL_ERROR_UNSUPPORTED,
          "The agent runs engine “%s”, which does not fit tunnel=%s in " INGRESS_CONFIG_FILE,
          self->engine, ingress_tunnel_text (self->config->tunnel));
      return FALSE;
    }
  return TRUE;
}

/* up */

static gboolean
begin_up (IngressAgentHost *self, GError **error)
{
  g_autofree char *port = g_strdup_printf ("%u", self->config->endpoint_port);
  g_autofree char *address = ingress_config_address (self->config, INGRESS_HOST);
  g_autofree char *cidr = g_strconcat (address, "/32", NULL);
  const char *fields[]
      = {"address",     cidr, "private-key", self->private_key, "route", TUNNEL_NETWORK,
         "listen-port", port, NULL};

  if (is_direct (self) || self->agent_is_up)
    return FALSE;
  agent_steps_send (self, "up", fields, NULL);
  return TRUE;
}

static gboolean
end_up (IngressAgentHost *self, GHashTable *fields, GUnixFDList *fds, GError **error)
{
  const char *engine = g_hash_table_lookup (fields, "engine");

  if (engine)
    {
      g_free (self->engine);
      self->engine = g_strdup (engine);
    }
  return TRUE;
}

/* peers: exactly the nodes of the store, whatever the agent had. */

static int
print_peers (IngressAgentHost *self)
{
  g_autoptr (GPtrArray) nodes = ingress_registry_list (self->registry);
  g_autoptr (GString) text = g_string_new (NULL);
  int fd = memfd_create ("funnel-peers", MFD_CLOEXEC);

  for (guint i = 0; i < nodes->len; i++)
    {
      const IngressNode *node = g_ptr_array_index (nodes, i);
      g_autofree char *address = ingress_config_address (self->config, node->host);

      g_string_append_printf (text, "[Peer]\nPublicKey = %s\nAllowedIPs = %s/32\n",
                              node->public_key, address);
    }
  for (gsize done = 0; fd >= 0 && done < text->len;)
    {
      gssize n = write (fd, text->str + done, text->len - done);

      if (n <= 0)
        {
          close (fd);
          return -1;
        }
      done += (gsize)n;
    }
  return fd;
}

static gboolean
begin_peers (IngressAgentHost *self, GError **error)
{
  const char *fields[] = {"replace", "1", NULL};
  g_autoptr (GUnixFDList) fds = NULL;
  int fd;

  self->peers_sent = TRUE;
  if (is_direct (self))
    return FALSE;
  fd = print_peers (self);
  if (fd < 0)
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_FAILED, "Cannot list the peers: %s",
                   g_strerror (errno));
      return FALSE;
    }
  fds = g_unix_fd_list_new_from_array (&fd, 1);
  agent_steps_send (self, "peers", fields, fds);
  return TRUE;
}

static gboolean
end_nothing (IngressAgentHost *self, GHashTable *fields, GUnixFDList *fds, GError **error)
{
  return TRUE;
}

/* listen: for links, inside. */

static gboolean
begin_listen (IngressAgentHost *self, GError **error)
{
  g_autofree char *address = ingress_config_address (self->config, INGRESS_HOST);
  g_autofree char *port = g_strdup_printf ("%u", self->config->link_port);
  const char *fields[] = {"address", address, "port", port, "backlog", LINK_BACKLOG, NULL};

  agent_steps_send (self, "listen", fields, NULL);
  return TRUE;
}

/* The first descriptor of an answer; -1 and an error. */
static int
take_fd (GUnixFDList *fds, GError **error)
{
  if (fds && g_unix_fd_list_get_length (fds) > 0)
    return g_unix_fd_list_get (fds, 0, error);
  g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_PROTOCOL, "The agent sent no descriptor");
  return -1;
}

static gboolean
end_listen (IngressAgentHost *self, GHashTable *fields, GUnixFDList *fds, GError **error)
{
  int fd = take_fd (fds, error);

  if (fd < 0)
    return FALSE;
  g_clear_object (&self->link_socket);
  self->link_socket = g_socket_new_from_fd (fd, error);
  if (!self->link_socket)
    close (fd);
  else
    g_socket_set_blocking (self->link_socket, FALSE);
  return self->link_socket != NULL;
}

/* hello to the relay's parent, where that is another one. */

static gboolean
begin_relay_hello (IngressAgentHost *self, GError **error)
{
  if (!self->relay_socket)
    return FALSE;
  agent_steps_send (self, "hello", NULL, NULL);
  return TRUE;
}

static gboolean
end_relay_hello (IngressAgentHost *self, GHashTable *fields, GUnixFDList *fds, GError **error)
{
  return agent_relay_read_hello (self, fields, error);
}

/* old routes: what an earlier control process left. */

static gboolean
begin_routes (IngressAgentHost *self, GError **error)
{
  if (!self->agent_has_relay)
    return FALSE;
  agent_steps_send (self, "relay-routes-get", NULL, NULL);
  return TRUE;
}

static gboolean
end_routes (IngressAgentHost *self, GHashTable *fields, GUnixFDList *fds, GError **error)
{
  int fd = take_fd (fds, error);

  if (fd < 0)
    return FALSE;
  self->last_routes = route_table_map (fd);
  close (fd);
  if (!self->last_routes)
    g_warning ("The agent's route table cannot be used: %s", g_strerror (errno));
  return TRUE;
}

/* new routes: a relay whose parent has none would refuse whoever waits at its listeners. */

static gboolean
begin_new_routes (IngressAgentHost *self, GError **error)
{
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();

  if (self->agent_has_relay || self->routes < 0
      || g_unix_fd_list_append (fds, self->routes, error) < 0)
    return FALSE;
  agent_steps_send (self, "relay-routes", NULL, fds);
  return TRUE;
}

/* counters */

static gboolean
begin_counters (IngressAgentHost *self, GError **error)
{
  agent_steps_send (self, "relay-counters", NULL, NULL);
  return TRUE;
}

static gboolean
end_counters (IngressAgentHost *self, GHashTable *fields, GUnixFDList *fds, GError **error)
{
  int fd = take_fd (fds, error);

  if (fd < 0)
    return FALSE;
  counters_page_unmap (g_steal_pointer (&self->counters));
  self->counters = counters_page_map (fd);
  close (fd);
  if (!self->counters)
    g_warning ("The relay's counters cannot be read");
  return TRUE;
}

/* The table. */

static const struct step
{
  const char *name;
  /* Sends a request (TRUE), or skips the step (FALSE), or fails (FALSE with an error). */
  gboolean (*begin) (IngressAgentHost *self, GError **error);
  gboolean (*end) (IngressAgentHost *self, GHashTable *fields, GUnixFDList *fds, GError **error);
  gboolean to_relay; /* a request to the relay's parent */
  gboolean optional; /* "not-found" is an answer too */
} steps[] = {
    {"hello", begin_hello, end_hello, FALSE, FALSE},
    {"up", begin_up, end_up, FALSE, FALSE},
    {"peers", begin_peers, end_nothing, FALSE, FALSE},
    {"listen", begin_listen, end_listen, FALSE, FALSE},
    {"relay hello", begin_relay_hello, end_relay_hello, TRUE, FALSE},
    {"relay-routes-get", begin_routes, end_routes, TRUE, TRUE},
    {"relay-routes", begin_new_routes, end_nothing, TRUE, FALSE},
    {"relay-start", agent_relay_begin, agent_relay_end, TRUE, FALSE},
    {"relay-counters", begin_counters, end_counters, TRUE, TRUE},
};

static FunnelAgentClient *
step_client (IngressAgentHost *self)
{
  return steps[self->step].to_relay ? self->relay : self->client;
}

static gboolean
write_note (IngressAgentHost *self, GError **error)
{
  g_autofree char *path = agent_note_path (self);
  g_autofree char *text = NULL;
  const char *starter = "started\n";

  /* Who started it is written when it is started; see agent-host.c. */
  if (g_file_get_contents (path, &text, NULL, NULL) && !strstr (text, starter))
    starter = "";
  g_free (text);
  text = g_strconcat (self->fingerprint, "\n", starter, NULL);
  return g_file_set_contents_full (path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, error);
}

static void
go_on (IngressAgentHost *self)
{
  for (; self->step < G_N_ELEMENTS (steps); self->step++)
    {
      const struct step *step = &steps[self->step];
      GError *error = NULL;

      /* From here on the agent is set up: the note must be there before that. */
      if (step->begin == begin_up && !write_note (self, &error))
        {
          agent_host_steps_failed (self, error);
          return;
        }
      if (step->begin (self, &error))
        return;
      if (error)
        {
          agent_host_steps_failed (self, error);
          return;
        }
    }
  agent_host_steps_done (self);
}

static void
steps_call_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (IngressAgentHost) self = data;
  const struct step *step;
  g_autoptr (GUnixFDList) fds = NULL;
  g_autoptr (GHashTable) fields = NULL;
  GError *error = NULL;

  fields = funnel_agent_client_call_finish (FUNNEL_AGENT_CLIENT (source), result, &fds, &error);
  if (self->step == G_N_ELEMENTS (steps) || FUNNEL_AGENT_CLIENT (source) != step_client (self))
    {
      /* The answer of an agent we have given up. */
      g_clear_error (&error);
      return;
    }
  step = &steps[self->step];
  if (!fields && step->optional && g_error_matches (error, FUNNEL_ERROR, FUNNEL_ERROR_NOT_FOUND))
    g_clear_error (&error);
  else if (!fields || !step->end (self, fields, fds, &error))
    {
      g_prefix_error (&error, "%s: ", step->name);
      agent_host_steps_failed (self, error);
      return;
    }
  self->step++;
  go_on (self);
}

void
agent_steps_begin (IngressAgentHost *self)
{
  self->step = 0;
  self->agent_is_up = self->agent_has_relay = self->peers_sent = FALSE;
  go_on (self);
}

void
agent_steps_begin_relay (IngressAgentHost *self)
{
  for (self->step = 0; !steps[self->step].to_relay;)
    self->step++;
  self->agent_has_relay = FALSE;
  go_on (self);
}
