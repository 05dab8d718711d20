/* SPDX-License-Identifier: GPL-3.0-or-later */

/* mock-funneld: the daemon's D-Bus interface, in states the real one takes only when a whole
 * ingress and its visitors say so; for looking at the window and for trying it. It prints "ready"
 * when it owns the name. Options:
 *   --demo          an ingress and shares in every state
 *   --shares N      an ingress and N shares (at most 500)
 *   --fresh         nothing is joined; joining works
 *   --away          the ingress cannot be reached
 *   --daemon-version V   what it says it is
 *   --deny          whatever changes something is not allowed
 *   --crash         the first call that changes something ends the process, unanswered
 *   --working       one share, whose certificate is being ordered for ever
 *   --traffic       visitors come and go all the time */

#include <gio/gio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/error.h"
#include "lib/base/names.h"
#include "lib/base/token.h"
#include "lib/dbus/funnel-dbus.h"

#define SHARES_MAX 500
#define STEP_MS 700 /* between two states of what is under way */
#define TRAFFIC_MS 500
#define ZONE "funnel.example.org"
#define NODE "laptop"

typedef struct
{
  GMainLoop *loop;
  GDBusObjectManagerServer *objects;
  FunnelDBusManager *manager;
  FunnelDBusIngress *ingress;
  GPtrArray *shares; /* FunnelDBusShare */
  guint next_id;
  gint64 now; /* Unix seconds at start: pictures do not depend on how long it took */
} Mock;

static gboolean demo, fresh, away, deny, crash, working, traffic;
static int n_shares;
static char *daemon_version;

static const GOptionEntry entries[] = {
    {"demo", 0, 0, G_OPTION_ARG_NONE, &demo, "An ingress and shares in every state", NULL},
    {"shares", 0, 0, G_OPTION_ARG_INT, &n_shares, "An ingress and N shares", "N"},
    {"fresh", 0, 0, G_OPTION_ARG_NONE, &fresh, "Nothing is joined", NULL},
    {"away", 0, 0, G_OPTION_ARG_NONE, &away, "The ingress cannot be reached", NULL},
    {"daemon-version", 0, 0, G_OPTION_ARG_STRING, &daemon_version, "Pretend to be this", "V"},
    {"deny", 0, 0, G_OPTION_ARG_NONE, &deny, "Allow no changes", NULL},
    {"crash", 0, 0, G_OPTION_ARG_NONE, &crash, "End at the first change", NULL},
    {"working", 0, 0, G_OPTION_ARG_NONE, &working, "A certificate is being ordered", NULL},
    {"traffic", 0, 0, G_OPTION_ARG_NONE, &traffic, "Visitors all the time", NULL},
    G_OPTION_ENTRY_NULL,
};

/* TRUE: the call may go on. */
static gboolean
guard (GDBusMethodInvocation *invocation)
{
  if (crash)
    _Exit (1);
  if (!deny)
    return TRUE;
  g_dbus_method_invocation_return_error (invocation, FUNNEL_ERROR, FUNNEL_ERROR_NOT_ALLOWED,
                                         "this is only for the user that runs funneld, and root");
  return FALSE;
}

/* --- Shares --- */

typedef struct
{
  const char *name; /* below the zone; "" the node itself */
  guint16 port;
  const char *target;
  const char *state;
  const char *reason;
  const char *next_step;
  guint visitors;
  guint64 in, out;
} Sample;

static const Sample samples[] = {
    {"", 443, "http://localhost:3000", "active", "", "", 3, 1204000, 48200000},
    {"blog", 443, "/srv/site", "active", "", "", 0, 82000, 9100000},
    {"chat", 443, "http://localhost:8065", "probing",
     "Waiting for the ingress to try chat." ZONE " port 443 from outside.", "", 0, 0, 0},
    {"files", 443, "/srv/files", "off", "It is switched off.",
     "Switch it on in the window, or share it again.", 0, 4000, 130000},
    {"git", 443, "http://localhost:3001", "target-down",
     "The target http://localhost:3001 does not work: connection refused.",
     "Start the server behind the target; it is noticed by itself.", 0, 0, 0},
    {"mail", 443, "http://localhost:8025", "certificate-pending",
     "A certificate for mail." ZONE " is being ordered.", "", 0, 0, 0},
    {"shop", 443, "http://localhost:5000", "certificate-failed",
     "The certificate authority refuses shop." ZONE ": too many certificates this week.",
     "It is tried again in 3 hours.", 0, 0, 0},
    {"ssh", 8443, "tcp://localhost:22", "name-refused",
     "Nothing answers at ssh." ZONE " port 8443 from outside: connection refused.",
     "Let TCP port 8443 through the ingress's firewall.", 0, 0, 0},
    {"wiki", 443, "http://localhost:8080", "waiting-grant",
     "The ingress has not granted wiki." ZONE " to this node yet.",
     "On the ingress: funnel-ingress grant laptop --name wiki." ZONE " --port 443", 0, 0, 0},
};

static GVariant *
make_access (const char *const *allow, const char *user)
{
  GVariantDict dict;
  const char *const none[] = {NULL};

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "public", "b", !allow[0] && !*user);
  g_variant_dict_insert_value (&dict, "allow", g_variant_new_strv (allow, -1));
  g_variant_dict_insert_value (&dict, "deny", g_variant_new_strv (none, -1));
  g_variant_dict_insert (&dict, "auth-user", "s", user);
  g_variant_dict_insert (&dict, "max-conns", "u", 0);
  g_variant_dict_insert (&dict, "rate", "u", 0);
  return g_variant_dict_end (&dict);
}

/* @access with what @rules change in it. */
static GVariant *
change_access (GVariant *access, GVariant *rules)
{
  GVariantDict dict;
  GVariantIter iter;
  const char *key = NULL;
  GVariant *value = NULL;

  g_variant_dict_init (&dict, access);
  g_variant_iter_init (&iter, rules);
  while (g_variant_iter_loop (&iter, "{&sv}", &key, &value))
    if (strcmp (key, "auth-password") != 0)
      g_variant_dict_insert_value (&dict, key, value);
  return g_variant_dict_end (&dict);
}

static void
add_mount (GVariantBuilder *builder, const char *path, const char *target, const char *problem)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "path", "s", path);
  g_variant_dict_insert (&dict, "target", "s", target);
  g_variant_dict_insert (&dict, "problem", "s", problem);
  g_variant_builder_add_value (builder, g_variant_dict_end (&dict));
}

static GVariant *
make_mounts (const char *target, const char *problem)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  add_mount (&builder, "/", target, problem);
  if (*target == '/')
    add_mount (&builder, "/comments", "http://localhost:5000", "");
  return g_variant_builder_end (&builder);
}

static GVariant *
make_certificate (Mock *mock)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "issuer", "s", "Let's Encrypt, E7");
  g_variant_dict_insert (&dict, "not-before", "x", mock->now - 10 * 86400);
  g_variant_dict_insert (&dict, "not-after", "x", mock->now + 80 * 86400);
  g_variant_dict_insert (&dict, "renew-at", "x", mock->now + 50 * 86400);
  return g_variant_dict_end (&dict);
}

static void
set_state (FunnelDBusShare *share, const char *state, const char *reason, const char *next_step)
{
  funnel_dbus_share_set_state (share, state);
  funnel_dbus_share_set_reason (share, reason);
  funnel_dbus_share_set_next_step (share, next_step);
}

static gboolean
become_active_cb (gpointer data)
{
  FunnelDBusShare *share = data;

  if (!funnel_dbus_share_get_enabled (share))
    return G_SOURCE_REMOVE;
  if (g_strcmp0 (funnel_dbus_share_get_state (share), "certificate-pending") == 0)
    {
      set_state (share, "probing", "Waiting for the ingress to try it from outside.", "");
      return G_SOURCE_CONTINUE;
    }
  set_state (share, "active", "", "");
  return G_SOURCE_REMOVE;
}

/* As the real one: certificate, probe, active. */
static void
begin (FunnelDBusShare *share)
{
  set_state (share, "certificate-pending", "A certificate is being ordered.", "");
  g_timeout_add_full (G_PRIORITY_DEFAULT, STEP_MS, become_active_cb, g_object_ref (share),
                      g_object_unref);
}

static void
follow_paused (Mock *mock)
{
  gboolean paused = FALSE;

  for (guint i = 0; i < mock->shares->len; i++)
    paused |= g_object_get_data (g_ptr_array_index (mock->shares, i), "paused") != NULL;
  funnel_dbus_manager_set_paused (mock->manager, paused);
}

static gboolean
on_share_set_enabled (FunnelDBusShare *share,
                      GDBusMethodInvocation *invocation,
                      gboolean enabled,
                      Mock *mock)
{
  if (!guard (invocation))
    return TRUE;
  g_object_set_data (G_OBJECT (share), "paused", NULL);
  funnel_dbus_share_set_enabled (share, enabled);
  if (enabled)
    begin (share);
  else
    set_state (share, "off", "It is switched off.",
               "Switch it on in the window, or share it again.");
  follow_paused (mock);
  funnel_dbus_share_complete_set_enabled (share, invocation);
  return TRUE;
}

static gboolean
on_share_stop (FunnelDBusShare *share, GDBusMethodInvocation *invocation, Mock *mock)
{
  if (!guard (invocation))
    return TRUE;
  funnel_dbus_share_complete_stop (share, invocation);
  g_dbus_object_manager_server_unexport (mock->objects,
                                         g_object_get_data (G_OBJECT (share), "path"));
  g_ptr_array_remove (mock->shares, share);
  follow_paused (mock);
  return TRUE;
}

static gboolean
on_share_set_access (FunnelDBusShare *share,
                     GDBusMethodInvocation *invocation,
                     GVariant *rules,
                     Mock *mock)
{
  g_autofree const char **allow = NULL;

  if (!guard (invocation))
    return TRUE;
  g_variant_lookup (rules, "allow", "^a&s", &allow);
  for (const char **at = allow; at && *at; at++)
    if (!g_hostname_is_ip_address (*at) && !strchr (*at, '/'))
      {
        g_dbus_method_invocation_return_error (invocation, FUNNEL_ERROR,
                                               FUNNEL_ERROR_INVALID_ARGUMENT,
                                               "allow: \"%s\" is not an address or a range", *at);
        return TRUE;
      }
  funnel_dbus_share_set_access (share, change_access (funnel_dbus_share_get_access (share), rules));
  funnel_dbus_share_complete_set_access (share, invocation);
  return TRUE;
}

static gboolean
on_share_extend (FunnelDBusShare *share,
                 GDBusMethodInvocation *invocation,
                 guint64 seconds,
                 Mock *mock)
{
  if (!guard (invocation))
    return TRUE;
  funnel_dbus_share_set_expires (
      share, seconds ? (guint64)(g_get_real_time () / G_USEC_PER_SEC) + seconds : 0);
  funnel_dbus_share_complete_extend (share, invocation);
  return TRUE;
}

static gboolean
on_share_list_requests (FunnelDBusShare *share,
                        GDBusMethodInvocation *invocation,
                        guint64 after,
                        Mock *mock)
{
  static const struct
  {
    const char *source, *method, *path;
    guint16 status;
    guint64 bytes;
    guint32 milliseconds;
  } rows[] = {
      {"203.0.113.9:40112", "GET", "/", 200, 14200, 12},
      {"203.0.113.9:40112", "GET", "/style.css", 200, 3100, 3},
      {"[2001:db8::7]:52114", "POST", "/api/login", 401, 48, 31},
      {"198.51.100.23:33001", "GET", "/photos/2026/november.jpg", 200, 2400000, 480},
      {"198.51.100.23:33001", "GET", "/favicon.ico", 404, 0, 2},
  };
  GVariantBuilder builder;
  gboolean any = funnel_dbus_share_get_flows_total (share) > 0;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(txsssqbtu)"));
  for (guint i = 0; any && i < G_N_ELEMENTS (rows); i++)
    g_variant_builder_add (&builder, "(txsssqbtu)", (guint64)i + 1,
                           (mock->now - 300 + 40 * (gint64)i) * G_USEC_PER_SEC, rows[i].source,
                           rows[i].method, rows[i].path, rows[i].status, TRUE, rows[i].bytes,
                           rows[i].milliseconds);
  funnel_dbus_share_complete_list_requests (share, invocation, g_variant_builder_end (&builder));
  return TRUE;
}

static void
connect_share (Mock *mock, FunnelDBusShare *share)
{
  g_signal_connect (share, "handle-set-enabled", G_CALLBACK (on_share_set_enabled), mock);
  g_signal_connect (share, "handle-stop", G_CALLBACK (on_share_stop), mock);
  g_signal_connect (share, "handle-set-access", G_CALLBACK (on_share_set_access), mock);
  g_signal_connect (share, "handle-extend", G_CALLBACK (on_share_extend), mock);
  g_signal_connect (share, "handle-list-requests", G_CALLBACK (on_share_list_requests), mock);
}

static void
fill_share (Mock *mock, FunnelDBusShare *share, const char *name, guint16 port, const char *target)
{
  const char *const none[] = {NULL};
  gboolean tcp = g_str_has_prefix (target, "tcp:");
  g_autofree char *url = tcp           ? g_strdup_printf ("tcp://%s:%u", name, port)
                         : port == 443 ? g_strdup_printf ("https://%s", name)
                                       : g_strdup_printf ("https://%s:%u", name, port);

  funnel_dbus_share_set_name (share, name);
  funnel_dbus_share_set_port (share, port);
  funnel_dbus_share_set_kind (share, tcp ? "tcp" : "https");
  funnel_dbus_share_set_target (share, target);
  funnel_dbus_share_set_url (share, url);
  funnel_dbus_share_set_enabled (share, TRUE);
  funnel_dbus_share_set_command (share, "");
  funnel_dbus_share_set_certificate_step (share, "");
  funnel_dbus_share_set_alpn (share, none);
  funnel_dbus_share_set_warnings (share, none);
  funnel_dbus_share_set_access (share, make_access (none, ""));
  funnel_dbus_share_set_mounts (share, make_mounts (target, ""));
  funnel_dbus_share_set_certificate (share, make_certificate (mock));
  funnel_dbus_share_set_refusals (share, g_variant_new_array (G_VARIANT_TYPE ("{st}"), NULL, 0));
  funnel_dbus_share_set_requests (share, g_variant_new_array (G_VARIANT_TYPE ("{st}"), NULL, 0));
  set_state (share, "active", "", "");
}

static void
export_share (Mock *mock, FunnelDBusShare *share)
{
  char *path = g_strdup_printf ("%s/%u", FUNNEL_OBJECT_SHARES, mock->next_id++);
  g_autoptr (FunnelDBusObjectSkeleton) object = funnel_dbus_object_skeleton_new (path);

  g_object_set_data_full (G_OBJECT (share), "path", path, g_free);
  funnel_dbus_object_skeleton_set_share (object, share);
  connect_share (mock, share);
  g_ptr_array_add (mock->shares, share);
  g_dbus_object_manager_server_export (mock->objects, G_DBUS_OBJECT_SKELETON (object));
}

static void
add_sample (Mock *mock, const Sample *sample)
{
  FunnelDBusShare *share = funnel_dbus_share_skeleton_new ();
  g_autofree char *name
      = *sample->name ? g_strdup_printf ("%s." ZONE, sample->name) : g_strdup (NODE "." ZONE);
  const char *const office[] = {"203.0.113.0/24", NULL};

  fill_share (mock, share, name, sample->port, sample->target);
  set_state (share, sample->state, sample->reason, sample->next_step);
  funnel_dbus_share_set_enabled (share, g_strcmp0 (sample->state, "off") != 0);
  funnel_dbus_share_set_flows_active (share, sample->visitors);
  funnel_dbus_share_set_flows_total (share, sample->out / 10000);
  funnel_dbus_share_set_bytes_in (share, sample->in);
  funnel_dbus_share_set_bytes_out (share, sample->out);
  if (g_strcmp0 (sample->state, "target-down") == 0)
    funnel_dbus_share_set_mounts (share, make_mounts (sample->target, "connection refused"));
  if (away && funnel_dbus_share_get_enabled (share))
    set_state (share, "tunnel-down",
               "The tunnel to the ingress is down: no handshake with " ZONE ":51820 for 2 minutes.",
               "");
  if (g_strcmp0 (sample->name, "blog") == 0)
    {
      funnel_dbus_share_set_access (share, make_access (office, "me"));
      funnel_dbus_share_set_expires (share, (guint64)mock->now + 2 * 3600 + 60);
    }
  export_share (mock, share);
}

static void
add_working (Mock *mock)
{
  static const Sample sample = {"",
                                443,
                                "http://localhost:3000",
                                "certificate-pending",
                                "A certificate for " NODE "." ZONE " is being ordered.",
                                "",
                                0,
                                0,
                                0};

  add_sample (mock, &sample);
}

static void
add_numbered (Mock *mock, guint number)
{
  FunnelDBusShare *share = funnel_dbus_share_skeleton_new ();
  g_autofree char *name = g_strdup_printf ("app%03u." ZONE, number);
  g_autofree char *target = g_strdup_printf ("http://localhost:%u", 3000 + number);

  fill_share (mock, share, name, 443, target);
  export_share (mock, share);
}

/* --- The manager --- */

static void
add_ingress (Mock *mock)
{
  g_autoptr (FunnelDBusObjectSkeleton) object
      = funnel_dbus_object_skeleton_new (FUNNEL_OBJECT_INGRESSES "/1");
  const char *const names[] = {NODE "." ZONE, NULL};
  const char *const passed_over[]
      = {"networkmanager: NetworkManager is not running on this computer", NULL};
  const guint16 ports[] = {443, 8443, 10000};
  GVariantBuilder grants;

  g_variant_builder_init (&grants, G_VARIANT_TYPE ("a{saq}"));
  g_variant_builder_add (&grants, "{s@aq}", NODE "." ZONE,
                         g_variant_new_fixed_array (G_VARIANT_TYPE_UINT16, ports, 3, 2));
  g_variant_builder_add (&grants, "{s@aq}", "blog." ZONE,
                         g_variant_new_fixed_array (G_VARIANT_TYPE_UINT16, ports, 1, 2));
  funnel_dbus_ingress_set_endpoint (mock->ingress, ZONE ":443");
  funnel_dbus_ingress_set_node (mock->ingress, NODE);
  funnel_dbus_ingress_set_zone (mock->ingress, ZONE);
  funnel_dbus_ingress_set_names (mock->ingress, names);
  funnel_dbus_ingress_set_public_ports (
      mock->ingress, g_variant_new_fixed_array (G_VARIANT_TYPE_UINT16, ports, 3, 2));
  funnel_dbus_ingress_set_grants (mock->ingress, g_variant_builder_end (&grants));
  funnel_dbus_ingress_set_refusals (mock->ingress,
                                    g_variant_new_array (G_VARIANT_TYPE ("{st}"), NULL, 0));
  funnel_dbus_ingress_set_state (mock->ingress, away ? "tunnel-down" : "linked");
  funnel_dbus_ingress_set_reason (mock->ingress,
                                  away ? "no handshake with " ZONE ":51820 for 2 minutes" : "");
  funnel_dbus_ingress_set_next_step (
      mock->ingress, away ? "Check this machine's network, and that UDP gets out of it." : "");
  funnel_dbus_ingress_set_tunnel (mock->ingress, "netns");
  funnel_dbus_ingress_set_engine (mock->ingress, "kernel");
  funnel_dbus_ingress_set_tunnel_choice (mock->ingress, "auto");
  funnel_dbus_ingress_set_tunnel_passed_over (mock->ingress, passed_over);
  funnel_dbus_ingress_set_handshake (mock->ingress, (guint64)mock->now - 42);
  funnel_dbus_ingress_set_mtu (mock->ingress, 1420);
  funnel_dbus_ingress_set_round_trip (mock->ingress, away ? 0 : 21300);
  funnel_dbus_object_skeleton_set_ingress (object, mock->ingress);
  g_dbus_object_manager_server_export (mock->objects, G_DBUS_OBJECT_SKELETON (object));
}

static gboolean
link_cb (gpointer data)
{
  FunnelDBusIngress *ingress = data;

  if (g_strcmp0 (funnel_dbus_ingress_get_state (ingress), "tunnel-down") == 0)
    {
      funnel_dbus_ingress_set_state (ingress, "link-down");
      funnel_dbus_ingress_set_reason (ingress, "");
      return G_SOURCE_CONTINUE;
    }
  funnel_dbus_ingress_set_state (ingress, "linked");
  return G_SOURCE_REMOVE;
}

static gboolean
on_manager_join (FunnelDBusManager *manager,
                 GDBusMethodInvocation *invocation,
                 const char *token,
                 GVariant *options,
                 Mock *mock)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (FunnelToken) parsed = funnel_token_parse (token, &error);

  if (!guard (invocation))
    return TRUE;
  if (!parsed)
    {
      g_dbus_method_invocation_return_gerror (invocation, error);
      return TRUE;
    }
  add_ingress (mock);
  funnel_dbus_ingress_set_state (mock->ingress, "tunnel-down");
  funnel_dbus_ingress_set_reason (mock->ingress, "the tunnel is being built");
  if (!away)
    g_timeout_add (STEP_MS, link_cb, mock->ingress);
  funnel_dbus_manager_complete_join (manager, invocation, FUNNEL_OBJECT_INGRESSES "/1");
  return TRUE;
}

static gboolean
on_ingress_leave (FunnelDBusIngress *ingress, GDBusMethodInvocation *invocation, Mock *mock)
{
  if (!guard (invocation))
    return TRUE;
  funnel_dbus_ingress_complete_leave (ingress, invocation);
  g_dbus_object_manager_server_unexport (mock->objects, FUNNEL_OBJECT_INGRESSES "/1");
  for (guint i = 0; i < mock->shares->len; i++)
    set_state (g_ptr_array_index (mock->shares, i), "off", "This node has not joined an ingress.",
               "funnel join TOKEN");
  return TRUE;
}

static gboolean
on_manager_share (FunnelDBusManager *manager,
                  GDBusMethodInvocation *invocation,
                  const char *target,
                  GVariant *options,
                  Mock *mock)
{
  FunnelDBusShare *share = NULL;
  const char *name = NODE "." ZONE;
  g_autofree char *full = NULL;
  guint16 port = 443;

  if (!guard (invocation))
    return TRUE;
  g_variant_lookup (options, "name", "&s", &name);
  g_variant_lookup (options, "port", "q", &port);
  full = strspn (target, "0123456789") == strlen (target)
             ? g_strdup_printf ("http://localhost:%s", target)
             : g_strdup (target);
  share = funnel_dbus_share_skeleton_new ();
  fill_share (mock, share, name, port, full);
  export_share (mock, share);
  begin (share);
  funnel_dbus_manager_set_exposed (manager, TRUE);
  funnel_dbus_manager_complete_share (manager, invocation,
                                      g_object_get_data (G_OBJECT (share), "path"));
  return TRUE;
}

static gboolean
on_manager_set_paused (FunnelDBusManager *manager,
                       GDBusMethodInvocation *invocation,
                       gboolean paused,
                       Mock *mock)
{
  guint count = 0;

  if (!guard (invocation))
    return TRUE;
  for (guint i = 0; i < mock->shares->len; i++)
    {
      FunnelDBusShare *share = g_ptr_array_index (mock->shares, i);
      gboolean was = g_object_get_data (G_OBJECT (share), "paused") != NULL;

      if (was == paused || (paused && !funnel_dbus_share_get_enabled (share)))
        continue;
      g_object_set_data (G_OBJECT (share), "paused", paused ? mock : NULL);
      funnel_dbus_share_set_enabled (share, !paused);
      if (paused)
        {
          set_state (share, "off", "It is paused, with all other shares.", "");
          funnel_dbus_share_set_flows_active (share, 0);
        }
      else
        begin (share);
      count++;
    }
  follow_paused (mock);
  funnel_dbus_manager_complete_set_paused (manager, invocation, count);
  return TRUE;
}

static gboolean
on_manager_list_listening (FunnelDBusManager *manager,
                           GDBusMethodInvocation *invocation,
                           Mock *mock)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(qsus)"));
  g_variant_builder_add (&builder, "(qsus)", 22, "0.0.0.0", 0, "");
  g_variant_builder_add (&builder, "(qsus)", 3000, "127.0.0.1", 4211, "node");
  g_variant_builder_add (&builder, "(qsus)", 5432, "127.0.0.1", 0, "");
  g_variant_builder_add (&builder, "(qsus)", 8000, "127.0.0.1", 5120, "python3");
  g_variant_builder_add (&builder, "(qsus)", 8000, "::1", 5120, "python3");
  g_variant_builder_add (&builder, "(qsus)", 8080, "::", 991, "gitea");
  funnel_dbus_manager_complete_list_listening (manager, invocation,
                                               g_variant_builder_end (&builder));
  return TRUE;
}

static gboolean
on_manager_doctor (FunnelDBusManager *manager,
                   GDBusMethodInvocation *invocation,
                   GVariant *options,
                   Mock *mock)
{
  static const char *const rows[][5] = {
      {"clock", "", "ok", "This machine's clock agrees with the ingress's.", ""},
      {"tunnel", "", "ok", "netns, isolated: nothing else on this machine can be reached.", ""},
      {"handshake", "", "ok", "The last one was 42 seconds ago.", ""},
      {"link", "", "ok", "The ingress answers in 21 ms.", ""},
      {"grant", NODE "." ZONE ":443", "ok", "Granted without an end.", ""},
      {"dns", NODE "." ZONE, "warning", "It has no IPv6 address.",
       "Add an AAAA record if the ingress has one."},
      {"target", "git." ZONE ":443", "failed", "http://localhost:3001 refuses connections.",
       "Start the server behind it."},
      {"round-trip", "git." ZONE ":443", "skipped", "There is nothing to try yet.", ""},
  };
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      GVariantDict dict;

      g_variant_dict_init (&dict, NULL);
      g_variant_dict_insert (&dict, "step", "s", rows[i][0]);
      g_variant_dict_insert (&dict, "subject", "s", rows[i][1]);
      g_variant_dict_insert (&dict, "result", "s", rows[i][2]);
      g_variant_dict_insert (&dict, "text", "s", rows[i][3]);
      g_variant_dict_insert (&dict, "advice", "s", rows[i][4]);
      g_variant_builder_add_value (&builder, g_variant_dict_end (&dict));
    }
  funnel_dbus_manager_complete_doctor (manager, invocation, g_variant_builder_end (&builder));
  return TRUE;
}

/* --- Life --- */

static gboolean
traffic_cb (gpointer data)
{
  Mock *mock = data;

  for (guint i = 0; i < mock->shares->len; i++)
    {
      FunnelDBusShare *share = g_ptr_array_index (mock->shares, i);
      guint64 bytes = (guint64)g_random_int_range (0, 200000);

      if (g_strcmp0 (funnel_dbus_share_get_state (share), "active") != 0)
        continue;
      funnel_dbus_share_set_bytes_in (share, funnel_dbus_share_get_bytes_in (share) + bytes / 20);
      funnel_dbus_share_set_bytes_out (share, funnel_dbus_share_get_bytes_out (share) + bytes);
      funnel_dbus_share_set_flows_active (share, (guint)g_random_int_range (0, 4));
      funnel_dbus_share_set_flows_total (share, funnel_dbus_share_get_flows_total (share) + 1);
    }
  return G_SOURCE_CONTINUE;
}

static void
export_manager (Mock *mock)
{
  g_autoptr (FunnelDBusObjectSkeleton) object
      = funnel_dbus_object_skeleton_new (FUNNEL_OBJECT_MANAGER);

  mock->manager = funnel_dbus_manager_skeleton_new ();
  funnel_dbus_manager_set_version (mock->manager, daemon_version ? daemon_version : FUNNEL_VERSION);
  funnel_dbus_manager_set_etag (mock->manager, "1");
  funnel_dbus_manager_set_exposed (mock->manager, demo || working || n_shares > 0);
  g_signal_connect (mock->manager, "handle-join", G_CALLBACK (on_manager_join), mock);
  g_signal_connect (mock->manager, "handle-share", G_CALLBACK (on_manager_share), mock);
  g_signal_connect (mock->manager, "handle-set-paused", G_CALLBACK (on_manager_set_paused), mock);
  g_signal_connect (mock->manager, "handle-doctor", G_CALLBACK (on_manager_doctor), mock);
  g_signal_connect (mock->manager, "handle-list-listening", G_CALLBACK (on_manager_list_listening),
                    mock);
  funnel_dbus_object_skeleton_set_manager (object, mock->manager);
  g_dbus_object_manager_server_export (mock->objects, G_DBUS_OBJECT_SKELETON (object));
}

static void
fill (Mock *mock)
{
  export_manager (mock);
  mock->ingress = funnel_dbus_ingress_skeleton_new ();
  g_signal_connect (mock->ingress, "handle-leave", G_CALLBACK (on_ingress_leave), mock);
  if (!fresh)
    add_ingress (mock);
  for (guint i = 0; demo && i < G_N_ELEMENTS (samples); i++)
    add_sample (mock, &samples[i]);
  if (working)
    add_working (mock);
  for (int i = 0; i < MIN (n_shares, SHARES_MAX); i++)
    add_numbered (mock, (guint)i);
  if (traffic)
    g_timeout_add (TRAFFIC_MS, traffic_cb, mock);
}

static void
on_name_acquired (GDBusConnection *connection, const char *name, gpointer data)
{
  puts ("ready");
  fflush (stdout);
}

static void
on_name_lost (GDBusConnection *connection, const char *name, gpointer data)
{
  g_main_loop_quit (((Mock *)data)->loop);
}

int
main (int argc, char **argv)
{
  Mock mock = {0};
  g_autoptr (GError) error = NULL;
  g_autoptr (GDBusConnection) connection = g_bus_get_sync (G_BUS_TYPE_SESSION, NULL, &error);
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);

  g_option_context_add_main_entries (context, entries, NULL);
  if (!connection || !g_option_context_parse (context, &argc, &argv, &error))
    {
      fprintf (stderr, "mock-funneld: %s\n", error->message);
      return 1;
    }
  mock.loop = g_main_loop_new (NULL, FALSE);
  mock.shares = g_ptr_array_new_with_free_func (g_object_unref);
  mock.next_id = 1;
  mock.now = g_get_real_time () / G_USEC_PER_SEC;
  mock.objects = g_dbus_object_manager_server_new (FUNNEL_OBJECT_ROOT);
  fill (&mock);
  g_dbus_object_manager_server_set_connection (mock.objects, connection);
  g_bus_own_name_on_connection (connection, FUNNEL_BUS_NAME, G_BUS_NAME_OWNER_FLAGS_NONE,
                                on_name_acquired, on_name_lost, &mock, NULL);
  g_main_loop_run (mock.loop);
  return 0;
}
