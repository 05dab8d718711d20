/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "funnel-ingressd"

/* The relay's part of setting up an agent. A relay that an earlier control process left is kept as
 * it is if it would be started the same way now; otherwise another one takes its listeners over and
 * it drains, so that an upgrade or other settings cost no visitor his connection. What it was
 * started as stands in a file beside the agent's socket. */

#include "ingress-server/control/agent-host-private.h"

#include "lib/base/names.h"
#include "lib/base/program.h"
#include "ingress-server/control/public-listeners.h"

#include <glib/gstdio.h>

#define NOTE_FILE "relay-setup"
#define INGRESS_HOST 1

static void
add_field (GPtrArray *fields, const char *key, char *value)
{
  g_ptr_array_add (fields, g_strdup (key));
  g_ptr_array_add (fields, value);
}

/* One option of the relay's command line; @value is taken over. */
static void
add_option (GPtrArray *fields, guint *count, const char *option, char *value)
{
  g_autofree char *first = g_strdup_printf ("arg.%u", (*count)++);
  g_autofree char *second = g_strdup_printf ("arg.%u", (*count)++);

  add_field (fields, first, g_strdup (option));
  add_field (fields, second, value);
}

static void
add_options (IngressAgentHost *self, GPtrArray *fields)
{
  const IngressConfig *config = self->config;
  guint count = 0;

  add_option (fields, &count, "--workers", g_strdup_printf ("%u", self->workers));
  add_option (fields, &count, "--max-per-source", g_strdup_printf ("%u", config->max_per_source));
  if (config->rate_per_source > 0)
    add_option (fields, &count, "--rate-per-source",
                g_strdup_printf ("%u", config->rate_per_source));
  if (config->bandwidth > 0)
    add_option (fields, &count, "--bandwidth",
                g_strdup_printf ("%" G_GUINT64_FORMAT, config->bandwidth));
  if (config->redirect_port > 0)
    add_option (fields, &count, "--redirect-port", g_strdup_printf ("%u", config->redirect_port));
  /* On loopback the kernel would choose 127.0.0.1, and nodes take offers from our address only. */
  if (config->tunnel == INGRESS_TUNNEL_DIRECT)
    add_option (fields, &count, "--source", ingress_config_address (config, INGRESS_HOST));
}

/* The words that start the relay, but for its listeners; "key", "value", … */
static GPtrArray *
describe_relay (IngressAgentHost *self)
{
  static const char *const folders[] = {"../relay", NULL};
  g_autofree char *program
      = funnel_find_program ("funnel-relay", FUNNEL_ENV_RELAY_PROGRAM, folders);
  GPtrArray *fields = g_ptr_array_new_with_free_func (g_free);

  add_field (fields, "program", g_canonicalize_filename (program, NULL));
  add_field (fields, "counters-size", g_strdup_printf ("%zu", RELAY_COUNTERS_SIZE));
  add_field (fields, "layout", g_strdup_printf ("%llx", RELAY_COUNTERS_MAGIC));
  add_options (self, fields);
  return fields;
}

/* Which file a program is: an upgrade puts another one in its place. That may have the old one's
 * inode and size, and whatever time of modification its packager liked; but not its time of change.
 */
static char *
identify (const char *program)
{
  GStatBuf info;

  if (g_stat (program, &info) < 0)
    return g_strdup ("none");
  return g_strdup_printf ("%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %" G_GINT64_FORMAT ".%09ld",
                          (guint64)info.st_dev, (guint64)info.st_ino, (gint64)info.st_ctim.tv_sec,
                          info.st_ctim.tv_nsec);
}

/* Everything that makes one relay another: its words, its version and file, its public ports. */
static char *
fingerprint (IngressAgentHost *self, const GPtrArray *fields)
{
  const IngressConfig *config = self->config;
  g_autofree char *ports = ingress_ports_print (config->public_ports, config->n_public_ports);
  g_autofree char *identity = identify (g_ptr_array_index (fields, 1)); /* of "program" */
  g_autoptr (GString) text = g_string_new (FUNNEL_VERSION " ");

  g_string_append_printf (text, "%s %u %s", ports, config->redirect_port, identity);
  for (guint i = 0; i < fields->len; i++)
    g_string_append_printf (text, "\n%s", (const char *)g_ptr_array_index (fields, i));
  return g_compute_checksum_for_string (G_CHECKSUM_SHA256, text->str, -1);
}

static char *
note_path (IngressAgentHost *self)
{
  return g_build_filename (self->run_dir, NOTE_FILE, NULL);
}

static gboolean
note_matches (IngressAgentHost *self, const char *print)
{
  g_autofree char *path = note_path (self);
  g_autofree char *text = NULL;

  return g_file_get_contents (path, &text, NULL, NULL) && g_str_equal (text, print);
}

/* Listeners. */

static gboolean
is_held (const GArray *held, guint16 port)
{
  for (guint i = 0; i < held->len; i++)
    if (g_array_index (held, guint16, i) == port)
      return TRUE;
  return FALSE;
}

/* Opens what neither the relay's parent nor we have. */
static gboolean
open_listeners (IngressAgentHost *self, GError **error)
{
  guint per_port = MIN (self->workers, PUBLIC_LISTENERS_MAX / (self->config->n_public_ports + 1));
  g_autoptr (GArray) open = g_array_copy (self->held_ports);

  for (guint i = 0; i < self->listeners->len; i++)
    g_array_append_val (open, g_array_index (self->listeners, PublicListener, i).port);
  return public_listeners_open (self->listeners, self->config, per_port, open, error);
}

static void
add_port (GPtrArray *words, guint16 port)
{
  g_ptr_array_add (words, g_strdup_printf ("%u", port));
}

/* The listeners the new relay gets: those its parent holds at ports that are still public, which
 * need no descriptor, and ours at the others, in @fds. */
static char *
collect_listeners (IngressAgentHost *self, GUnixFDList *fds, GError **error)
{
  g_autoptr (GPtrArray) words = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < self->held_ports->len; i++)
    {
      guint16 port = g_array_index (self->held_ports, guint16, i);

      if (ingress_config_listens_at (self->config, port))
        add_port (words, port);
    }
  for (guint i = 0; i < self->listeners->len; i++)
    {
      const PublicListener *listener = &g_array_index (self->listeners, PublicListener, i);

      if (is_held (self->held_ports, listener->port))
        continue;
      if (g_unix_fd_list_append (fds, listener->fd, error) < 0)
        return NULL;
      add_port (words, listener->port);
    }
  g_ptr_array_add (words, NULL);
  return g_strjoinv (",", (char **)words->pdata);
}

/* The step. */

gboolean
agent_relay_begin (IngressAgentHost *self, GError **error)
{
  g_autoptr (GPtrArray) fields = describe_relay (self);
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  char *ports;

  g_free (self->relay_fingerprint);
  self->relay_fingerprint = fingerprint (self, fields);
  if (self->agent_has_relay && note_matches (self, self->relay_fingerprint))
    return FALSE;
  if (!open_listeners (self, error) || !(ports = collect_listeners (self, fds, error)))
    return FALSE;
  add_field (fields, "listeners", ports);
  add_field (fields, "drain", g_strdup (self->agent_has_relay ? "1" : "0"));
  g_ptr_array_add (fields, NULL);
  if (self->agent_has_relay)
    g_message ("The relay is replaced; the visitors it has stay with it");
  agent_steps_send (self, "relay-start", (const char *const *)fields->pdata, fds);
  return TRUE;
}

gboolean
agent_relay_end (IngressAgentHost *self, GHashTable *fields, GUnixFDList *fds, GError **error)
{
  g_autofree char *path = note_path (self);

  /* The relay's unit keeps them, and a port may be the service manager's at its next start. */
  if (self->relay_socket)
    g_array_set_size (self->listeners, 0);
  return g_file_set_contents_full (path, self->relay_fingerprint, -1,
                                   G_FILE_SET_CONTENTS_CONSISTENT, 0600, error);
}

/* Adds the ports of a field of hello. */
static gboolean
read_ports (GArray *ports, const char *text, GError **error)
{
  g_auto (GStrv) words = g_strsplit (text ? text : "", ",", PUBLIC_LISTENERS_MAX + 1);

  for (guint i = 0; words[i] && *words[i]; i++)
    {
      guint64 number = 0;
      guint16 port;

      if (i == PUBLIC_LISTENERS_MAX
          || !g_ascii_string_to_unsigned (words[i], 10, 1, G_MAXUINT16, &number, error))
        return FALSE;
      port = (guint16)number;
      g_array_append_val (ports, port);
    }
  return TRUE;
}

/* Whether @place, "ADDRESS:PORT", is where the configuration wants visitors. */
static gboolean
is_wanted_place (const IngressConfig *config, const char *place)
{
  g_autoptr (GSocketConnectable) parsed = g_network_address_parse (place, 1, NULL);
  const char *host = parsed ? g_network_address_get_hostname (G_NETWORK_ADDRESS (parsed)) : "";
  g_autoptr (GInetAddress) there = g_inet_address_new_from_string (host);
  g_autoptr (GInetAddress) wanted
      = config->listen ? g_inet_address_new_from_string (config->listen) : NULL;

  if (!there)
    return TRUE; /* an older parent does not tell */
  if (!ingress_config_listens_at (config, g_network_address_get_port (G_NETWORK_ADDRESS (parsed))))
    return FALSE;
  return wanted ? g_inet_address_equal (there, wanted) : g_inet_address_get_is_any (there);
}

/* The service manager listens where the configuration does not say so any more. */
static void
warn_of_strange (IngressAgentHost *self, const char *text)
{
  g_auto (GStrv) places = g_strsplit (text ? text : "", ",", PUBLIC_LISTENERS_MAX + 1);

  for (guint i = 0; places[i] && *places[i]; i++)
    if (!is_wanted_place (self->config, places[i]))
      g_warning ("The service manager listens at %s, which is not what public-ports, redirect-port "
                 "and listen say in " INGRESS_CONFIG_FILE "; names are refused at other ports. To "
                 "begin anew, which cuts visitors off: "
                 "systemctl daemon-reload; systemctl restart funnel-relay.socket",
                 places[i]);
}

gboolean
agent_relay_read_hello (IngressAgentHost *self, GHashTable *fields, GError **error)
{
  g_autoptr (GArray) given = g_array_new (FALSE, FALSE, sizeof (guint16));

  self->agent_has_relay = g_strcmp0 (g_hash_table_lookup (fields, "relay"), "1") == 0;
  g_array_set_size (self->held_ports, 0);
  if (!read_ports (self->held_ports, g_hash_table_lookup (fields, "listeners"), error)
      || !read_ports (given, g_hash_table_lookup (fields, "given"), error))
    return FALSE;
  warn_of_strange (self, g_hash_table_lookup (fields, "given-at"));
  g_array_append_vals (self->held_ports, given->data, given->len);
  return TRUE;
}
