/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/admin/doctor-collect.h"

#include "ingress-server/admin/admin-client.h"
#include "ingress-server/admin/doctor-firewall.h"
#include "ingress-server/store/ingress-setup.h"
#include "ingress-server/store/store-check.h"
#include "lib/base/expiry.h"
#include "lib/base/host.h"
#include "lib/base/listening.h"

#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/timex.h>

#define DEADLINE_MS 10000
#define CONNECT_SECONDS 3
#define DNS_SECONDS 8
#define ADDRESSES_MAX 4 /* public ones that are tried */
#define UDP_LOCAL_COLUMN 1

typedef struct
{
  IngressConfig *config;
  GError *config_error;
  char *state_dir;
  char *database_problem;
  char *certificate_problem;
  JsonObject *status, *nodes;
  GError *daemon_error;
  GStrv addresses;
  GPtrArray *listening; /* FunnelListening* */
  GPtrArray *ports;     /* IngressDoctorPort* */
  GPtrArray *views;     /* FunnelDnsView* */
  char *ufw, *nft;      /* what the programs printed */
  char *firewall, *firewall_advice;
  FunnelExpiry *expiry;
  guint pending;
} Collection;

static void
collection_clear (Collection *all)
{
  g_clear_pointer (&all->config, ingress_config_free);
  g_clear_error (&all->config_error);
  g_free (all->state_dir);
  g_free (all->database_problem);
  g_free (all->certificate_problem);
  g_clear_pointer (&all->status, json_object_unref);
  g_clear_pointer (&all->nodes, json_object_unref);
  g_clear_error (&all->daemon_error);
  g_strfreev (all->addresses);
  g_ptr_array_unref (all->listening);
  g_ptr_array_unref (all->ports);
  g_ptr_array_unref (all->views);
  g_free (all->ufw);
  g_free (all->nft);
  g_free (all->firewall);
  g_free (all->firewall_advice);
  funnel_expiry_free (all->expiry);
}

static void
wait_for_all (Collection *all)
{
  while (all->pending > 0)
    g_main_context_iteration (NULL, TRUE);
}

/* --- What lies here --- */

static void
look_at_state (Collection *all)
{
  g_autofree char *database = NULL;
  g_autoptr (GError) database_error = NULL, certificate_error = NULL, key_error = NULL;
  g_autoptr (GTlsCertificate) certificate = NULL;
  guint8 hash[FUNNEL_KEY_HASH_LEN];

  if (all->config == NULL)
    return;
  database = ingress_config_path (all->config, INGRESS_DATABASE_FILE);
  if (!ingress_store_check (database, &database_error))
    all->database_problem = g_strdup (database_error->message);
  certificate = ingress_setup_load_certificate (all->config, hash, &certificate_error);
  if (certificate == NULL)
    all->certificate_problem = g_strdup (certificate_error->message);
}

static guint64
measure_room (const char *folder)
{
  struct statvfs stats;

  return statvfs (folder, &stats) == 0 ? (guint64)stats.f_bavail * stats.f_frsize : G_MAXUINT64;
}

static gboolean
is_unsynchronized (void)
{
  struct timex state = {0};

  return adjtimex (&state) == TIME_ERROR || (state.status & STA_UNSYNC) != 0;
}

/* Lines: "  12: 00000000:CA6C 00000000:0000 07 …". */
static gboolean
has_udp_port (const char *path, guint16 port)
{
  g_autofree char *text = NULL, *wanted = g_strdup_printf (":%04X", port);
  g_auto (GStrv) lines = NULL;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return FALSE;
  lines = g_strsplit (text, "\n", -1);
  for (guint i = 1; lines[0] != NULL && lines[i] != NULL; i++)
    {
      g_auto (GStrv) words = g_strsplit (g_strchug (lines[i]), " ", UDP_LOCAL_COLUMN + 2);

      if (g_strv_length (words) > UDP_LOCAL_COLUMN
          && g_str_has_suffix (words[UDP_LOCAL_COLUMN], wanted))
        return TRUE;
    }
  return FALSE;
}

static void
ask_daemon (Collection *all, AdminCall *call)
{
  all->status = admin_client_send (call, "/v1/status", FALSE, &all->daemon_error);
  if (all->status != NULL)
    all->nodes = admin_client_send (call, "/v1/nodes", FALSE, NULL);
}

/* --- Addresses --- */

static void
resolve_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Collection *all = user_data;
  GList *found = g_resolver_lookup_by_name_finish (G_RESOLVER (source), result, NULL);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  guint n = 0;

  for (GList *item = found; item != NULL && n < ADDRESSES_MAX; item = item->next, n++)
    {
      g_autofree char *text = g_inet_address_to_string (item->data);

      g_strv_builder_add (builder, text);
    }
  all->addresses = g_strv_builder_end (builder);
  g_resolver_free_addresses (found);
  all->pending--;
}

static void
find_addresses (Collection *all)
{
  g_autoptr (GResolver) resolver = g_resolver_get_default ();

  if (all->config == NULL)
    return;
  if (all->config->public_addresses != NULL && all->config->public_addresses[0] != NULL)
    {
      all->addresses = g_strdupv (all->config->public_addresses);
      return;
    }
  all->pending++;
  g_resolver_lookup_by_name_async (resolver, all->config->endpoint_host,
                                   funnel_expiry_get (all->expiry), resolve_cb, all);
  wait_for_all (all);
}

/* --- Ports --- */

typedef struct
{
  Collection *all;
  IngressDoctorPort *port;
} Trial;

static void
connect_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autofree Trial *trial = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocketConnection) connection
      = g_socket_client_connect_finish (G_SOCKET_CLIENT (source), result, &error);

  if (connection == NULL)
    trial->port->problem = g_strdup (error->message);
  trial->all->pending--;
}

static void
find_holder (Collection *all, IngressDoctorPort *port)
{
  for (guint i = 0; i < all->listening->len; i++)
    {
      const FunnelListening *one = g_ptr_array_index (all->listening, i);

      if (one->port != port->port)
        continue;
      port->taken = TRUE;
      if (port->holder == NULL && one->program != NULL)
        port->holder = g_strdup_printf ("%s, process %d", one->program, (int)one->pid);
    }
}

static void
try_port (Collection *all, guint16 number, const char *what, const char *address)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketConnectable) target
      = G_SOCKET_CONNECTABLE (g_inet_socket_address_new_from_string (address, number));
  IngressDoctorPort *port = g_new0 (IngressDoctorPort, 1);
  Trial *trial = NULL;

  port->port = number;
  port->what = g_strdup (what);
  port->address = g_strdup (address);
  find_holder (all, port);
  g_ptr_array_add (all->ports, port);
  if (target == NULL)
    {
      port->problem = g_strdup ("not an IP address");
      return;
    }
  trial = g_new (Trial, 1);
  *trial = (Trial) {all, port};
  g_socket_client_set_timeout (client, CONNECT_SECONDS);
  g_socket_client_set_enable_proxy (client, FALSE);
  all->pending++;
  g_socket_client_connect_async (client, target, funnel_expiry_get (all->expiry), connect_cb,
                                 trial);
}

static void
try_ports (Collection *all)
{
  const IngressConfig *config = all->config;

  for (guint i = 0; all->addresses != NULL && all->addresses[i] != NULL && i < ADDRESSES_MAX; i++)
    {
      for (guint k = 0; k < config->n_public_ports; k++)
        try_port (all, config->public_ports[k], "visitors", all->addresses[i]);
      if (config->redirect_port != 0)
        try_port (all, config->redirect_port, "redirects", all->addresses[i]);
      try_port (all, config->endpoint_port, "joining", all->addresses[i]);
    }
}

/* --- Firewall --- */

typedef struct
{
  Collection *all;
  char **out;
} Tool;

static void
communicate_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autofree Tool *tool = user_data;

  if (!g_subprocess_communicate_utf8_finish (G_SUBPROCESS (source), result, tool->out, NULL, NULL))
    g_subprocess_force_exit (G_SUBPROCESS (source));
  tool->all->pending--;
}

/* What @program prints; nothing where it is not installed or not allowed to look. */
static void
run_tool (Collection *all, const char *const *words, char **out)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (
      G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_SILENCE);
  g_autoptr (GSubprocess) process = NULL;
  Tool *tool = NULL;

  g_subprocess_launcher_setenv (launcher, "LC_ALL", "C", TRUE);
  g_subprocess_launcher_setenv (launcher, "PATH", "/usr/sbin:/usr/bin:/sbin:/bin", TRUE);
  process = g_subprocess_launcher_spawnv (launcher, words, NULL);
  if (process == NULL)
    return;
  tool = g_new (Tool, 1);
  *tool = (Tool) {all, out};
  all->pending++;
  g_subprocess_communicate_utf8_async (process, NULL, funnel_expiry_get (all->expiry),
                                       communicate_cb, tool);
}

static void
ask_firewall (Collection *all)
{
  static const char *const ufw[] = {"ufw", "status", NULL};
  static const char *const nft[] = {"nft", "list", "ruleset", NULL};

  run_tool (all, ufw, &all->ufw);
  run_tool (all, nft, &all->nft);
}

static void
read_firewall (Collection *all)
{
  if (all->ufw != NULL)
    all->firewall = ingress_doctor_read_ufw (all->ufw, all->config, &all->firewall_advice);
  if (all->firewall == NULL && all->nft != NULL)
    all->firewall = ingress_doctor_read_nft (all->nft, all->config);
}

/* --- DNS --- */

static void
view_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Collection *all = user_data;
  FunnelDnsView *view = funnel_dns_view_finish (result, NULL);

  if (view != NULL)
    g_ptr_array_add (all->views, view);
  all->pending--;
}

static void
look_up (Collection *all, GHashTable *names, const char *name)
{
  if (g_hash_table_size (names) >= INGRESS_DOCTOR_NAMES_MAX || g_str_equal (name, "localhost")
      || g_str_has_suffix (name, ".localhost") || !g_hash_table_add (names, g_strdup (name)))
    return;
  all->pending++;
  funnel_dns_view_async (name, NULL, DNS_SECONDS, funnel_expiry_get (all->expiry), view_cb, all);
}

/* Names that the record of the whole zone does not make lead here. */
static void
look_up_shares (Collection *all, GHashTable *names, JsonObject *node)
{
  JsonArray *shares = json_object_get_array_member (node, "shares");

  for (guint i = 0; i < json_array_get_length (shares); i++)
    {
      JsonObject *share = json_array_get_object_element (shares, i);
      const char *name = json_object_get_string_member (share, "name");
      gboolean by_hand = all->config->dns_server == NULL;

      if (json_object_get_boolean_member (share, "routed")
          && !(by_hand && funnel_host_is_child (name, all->config->zone)))
        look_up (all, names, name);
    }
}

static void
look_up_names (Collection *all)
{
  g_autoptr (GHashTable) names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autofree char *check = ingress_doctor_check_name (all->config->zone);
  JsonArray *nodes = all->nodes != NULL ? json_object_get_array_member (all->nodes, "nodes") : NULL;

  if (!g_hostname_is_ip_address (all->config->endpoint_host))
    look_up (all, names, all->config->endpoint_host);
  if (all->config->dns_server == NULL)
    look_up (all, names, check);
  for (guint i = 0; nodes != NULL && i < json_array_get_length (nodes); i++)
    look_up_shares (all, names, json_array_get_object_element (nodes, i));
}

/* --- All of it --- */

static int
compare_views (gconstpointer a, gconstpointer b)
{
  FunnelDnsView *const *x = a, *const *y = b;

  return strcmp ((*x)->name, (*y)->name);
}

static void
collect (Collection *all, AdminCall *call)
{
  all->state_dir = ingress_state_dir (call->state_dir);
  all->config = ingress_config_load (all->state_dir, &all->config_error);
  all->listening = funnel_listening_list (0);
  all->ports = g_ptr_array_new_with_free_func ((GDestroyNotify)ingress_doctor_port_free);
  all->views = g_ptr_array_new_with_free_func ((GDestroyNotify)funnel_dns_view_free);
  all->expiry = funnel_expiry_new (NULL, DEADLINE_MS);
  look_at_state (all);
  ask_daemon (all, call);
  if (all->config == NULL)
    return;
  find_addresses (all);
  try_ports (all);
  ask_firewall (all);
  look_up_names (all);
  wait_for_all (all);
  read_firewall (all);
  g_ptr_array_sort (all->views, compare_views);
}

GPtrArray *
ingress_doctor_examine (AdminCall *call)
{
  Collection all = {0};
  IngressDoctorFacts facts = {0};
  GPtrArray *steps = NULL;

  collect (&all, call);
  facts.now = g_get_real_time () / G_USEC_PER_SEC;
  facts.clock_unsynchronized = is_unsynchronized ();
  facts.state_dir = all.state_dir;
  facts.config = all.config;
  facts.config_problem = all.config_error != NULL ? all.config_error->message : NULL;
  facts.disk_free = measure_room (all.state_dir);
  facts.database_problem = all.database_problem;
  facts.certificate_problem = all.certificate_problem;
  facts.status = all.status;
  facts.nodes = all.nodes;
  facts.daemon_problem = all.daemon_error != NULL ? all.daemon_error->message : NULL;
  facts.ports = all.ports;
  facts.udp_bound = all.config != NULL
                    && (has_udp_port ("/proc/net/udp", all.config->endpoint_port)
                        || has_udp_port ("/proc/net/udp6", all.config->endpoint_port));
  facts.firewall = all.firewall;
  facts.firewall_advice = all.firewall_advice;
  facts.addresses = (const char *const *)all.addresses;
  facts.views = all.views;
  steps = ingress_doctor_evaluate (&facts);
  collection_clear (&all);
  return steps;
}
