/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The other side of the bus for tests of the command line: the daemon's D-Bus interface with states
 * a test can set at will, which the real daemon only takes when a whole ingress says so. It prints
 * "ready" when it owns the name. Lines on standard input, NAME being a share's state or "gone":
 *   state NAME [REASON [NEXT-STEP]]     (tab-separated)
 *   join                                 an ingress, linked, without grants
 *   linked-down                          that ingress loses its link
 * It answers each with "done". End of input ends it. */

#include <gio/gio.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/error.h"
#include "lib/base/names.h"
#include "lib/dbus/funnel-dbus.h"

typedef struct
{
  GMainLoop *loop;
  GDBusObjectManagerServer *objects;
  FunnelDBusManager *manager;
  FunnelDBusIngress *ingress;
  GPtrArray *shares; /* FunnelDBusShare */
  guint next_id;
} Peer;

static void
set_state (FunnelDBusShare *share, const char *state, const char *reason, const char *next)
{
  funnel_dbus_share_set_state (share, state);
  funnel_dbus_share_set_reason (share, reason ? reason : "");
  funnel_dbus_share_set_next_step (share, next ? next : "");
}

static void
remove_share (Peer *peer, FunnelDBusShare *share)
{
  g_dbus_object_manager_server_unexport (peer->objects,
                                         g_object_get_data (G_OBJECT (share), "path"));
  g_ptr_array_remove (peer->shares, share);
}

static gboolean
on_share_stop (FunnelDBusShare *share, GDBusMethodInvocation *invocation, Peer *peer)
{
  printf ("stop\n");
  funnel_dbus_share_complete_stop (share, invocation);
  remove_share (peer, share);
  return TRUE;
}

static const char *
lookup_string (GVariant *options, const char *key, const char *fallback)
{
  const char *value = fallback;

  g_variant_lookup (options, key, "&s", &value);
  return value;
}

static gboolean
on_manager_share (FunnelDBusManager *manager,
                  GDBusMethodInvocation *invocation,
                  const char *target,
                  GVariant *options,
                  Peer *peer)
{
  g_autofree char *path = g_strdup_printf ("%s/%u", FUNNEL_OBJECT_SHARES, peer->next_id++);
  g_autofree char *printed = g_variant_print (options, FALSE);
  g_autofree char *url = NULL;
  g_autoptr (FunnelDBusObjectSkeleton) object = funnel_dbus_object_skeleton_new (path);
  FunnelDBusShare *share = funnel_dbus_share_skeleton_new ();
  gboolean foreground = FALSE;
  guint16 port = 443;

  printf ("share %s %s\n", target, printed);
  if (strcmp (target, "refuse://it") == 0)
    {
      g_dbus_method_invocation_return_error (
          invocation, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
          "must be a URL starting with one of the supported schemes");
      g_object_unref (share);
      return TRUE;
    }
  g_variant_lookup (options, "port", "q", &port);
  g_variant_lookup (options, "foreground", "b", &foreground);
  url = g_strdup_printf ("https://%s:%u", lookup_string (options, "name", "laptop.example.org"),
                         port);
  funnel_dbus_share_set_name (share, lookup_string (options, "name", "laptop.example.org"));
  funnel_dbus_share_set_port (share, port);
  funnel_dbus_share_set_kind (share, lookup_string (options, "kind", "https"));
  funnel_dbus_share_set_target (share, target);
  funnel_dbus_share_set_url (share, url);
  funnel_dbus_share_set_foreground (share, foreground);
  funnel_dbus_share_set_refusals (share, g_variant_new_parsed ("{'busy': uint64 3}"));
  set_state (share, "probing", "the ingress is trying it from outside", NULL);
  g_object_set_data_full (G_OBJECT (share), "path", g_strdup (path), g_free);
  g_signal_connect (share, "handle-stop", G_CALLBACK (on_share_stop), peer);
  funnel_dbus_object_skeleton_set_share (object, share);
  g_ptr_array_add (peer->shares, share);
  g_dbus_object_manager_server_export (peer->objects, G_DBUS_OBJECT_SKELETON (object));
  funnel_dbus_manager_complete_share (manager, invocation, path);
  return TRUE;
}

static gboolean
on_manager_unshare (FunnelDBusManager *manager,
                    GDBusMethodInvocation *invocation,
                    GVariant *options,
                    Peer *peer)
{
  g_autofree char *printed = g_variant_print (options, FALSE);
  const char *name = lookup_string (options, "name", NULL);
  gboolean dry_run = FALSE;
  guint count = 0;

  g_variant_lookup (options, "dry-run", "b", &dry_run);
  if (!dry_run)
    printf ("unshare %s\n", printed);
  for (guint i = peer->shares->len; i > 0; i--)
    {
      FunnelDBusShare *share = g_ptr_array_index (peer->shares, i - 1);

      if (name && g_ascii_strcasecmp (name, funnel_dbus_share_get_name (share)) != 0)
        continue;
      count++;
      if (!dry_run)
        remove_share (peer, share);
    }
  if (count == 0)
    {
      g_dbus_method_invocation_return_error (invocation, FUNNEL_ERROR, FUNNEL_ERROR_NOT_FOUND,
                                             "no share matches");
      return TRUE;
    }
  funnel_dbus_manager_complete_unshare (manager, invocation, count);
  return TRUE;
}

static void
add_ingress (Peer *peer)
{
  const char *names[] = {"laptop.example.org", NULL};
  g_autoptr (FunnelDBusObjectSkeleton) object
      = funnel_dbus_object_skeleton_new (FUNNEL_OBJECT_INGRESSES "/1");

  peer->ingress = funnel_dbus_ingress_skeleton_new ();
  funnel_dbus_ingress_set_endpoint (peer->ingress, "vps.example.org:51820");
  funnel_dbus_ingress_set_node (peer->ingress, "laptop");
  funnel_dbus_ingress_set_zone (peer->ingress, "example.org");
  funnel_dbus_ingress_set_names (peer->ingress, names);
  funnel_dbus_ingress_set_public_ports (peer->ingress, g_variant_new_parsed ("[uint16 443]"));
  funnel_dbus_ingress_set_grants (peer->ingress, g_variant_new_parsed ("@a{saq} {}"));
  funnel_dbus_ingress_set_refusals (peer->ingress,
                                    g_variant_new_parsed ("{'malformed': uint64 2}"));
  funnel_dbus_ingress_set_state (peer->ingress, "linked");
  funnel_dbus_ingress_set_tunnel (peer->ingress, "netns");
  funnel_dbus_ingress_set_engine (peer->ingress, "wireguard-go");
  funnel_dbus_ingress_set_tunnel_choice (peer->ingress, "auto");
  funnel_dbus_ingress_set_tunnel_passed_over (
      peer->ingress, (const char *const[]) {"networkmanager: no session", NULL});
  funnel_dbus_ingress_set_mtu (peer->ingress, 1420);
  funnel_dbus_object_skeleton_set_ingress (object, peer->ingress);
  g_dbus_object_manager_server_export (peer->objects, G_DBUS_OBJECT_SKELETON (object));
}

static gboolean
on_manager_join (FunnelDBusManager *manager,
                 GDBusMethodInvocation *invocation,
                 const char *token,
                 GVariant *options,
                 Peer *peer)
{
  printf ("join %s\n", token);
  add_ingress (peer);
  funnel_dbus_manager_complete_join (manager, invocation, FUNNEL_OBJECT_INGRESSES "/1");
  return TRUE;
}

static void
obey (Peer *peer, const char *line)
{
  g_auto (GStrv) words = g_strsplit (line, "\t", 4);

  if (g_strcmp0 (words[0], "join") == 0)
    add_ingress (peer);
  else if (g_strcmp0 (words[0], "linked-down") == 0)
    {
      funnel_dbus_ingress_set_state (peer->ingress, "link-down");
      funnel_dbus_ingress_set_reason (peer->ingress, "no answer");
    }
  else if (g_strcmp0 (words[0], "state") == 0 && g_strcmp0 (words[1], "gone") == 0)
    while (peer->shares->len)
      remove_share (peer, g_ptr_array_index (peer->shares, 0));
  else if (g_strcmp0 (words[0], "state") == 0)
    for (guint i = 0; i < peer->shares->len; i++)
      set_state (g_ptr_array_index (peer->shares, i), words[1], words[2],
                 words[2] ? words[3] : NULL);
  printf ("done\n");
}

static gboolean
input_cb (GIOChannel *channel, GIOCondition condition, gpointer data)
{
  Peer *peer = data;
  g_autofree char *line = NULL;

  if (g_io_channel_read_line (channel, &line, NULL, NULL, NULL) != G_IO_STATUS_NORMAL)
    {
      g_main_loop_quit (peer->loop);
      return G_SOURCE_REMOVE;
    }
  obey (peer, g_strchomp (line));
  return G_SOURCE_CONTINUE;
}

static void
bus_acquired_cb (GDBusConnection *connection, const char *name, gpointer data)
{
  Peer *peer = data;
  g_autoptr (FunnelDBusObjectSkeleton) object
      = funnel_dbus_object_skeleton_new (FUNNEL_OBJECT_MANAGER);

  funnel_dbus_object_skeleton_set_manager (object, peer->manager);
  g_dbus_object_manager_server_export (peer->objects, G_DBUS_OBJECT_SKELETON (object));
  g_dbus_object_manager_server_set_connection (peer->objects, connection);
}

static void
name_acquired_cb (GDBusConnection *connection, const char *name, gpointer data)
{
  printf ("ready\n");
}

int
main (void)
{
  Peer peer = {.shares = g_ptr_array_new_with_free_func (g_object_unref), .next_id = 1};
  GIOChannel *input = g_io_channel_unix_new (0);
  const char *version = g_getenv ("PEER_VERSION"); /* what it says it is */
  guint owner;

  setvbuf (stdout, NULL, _IOLBF, 0);
  peer.loop = g_main_loop_new (NULL, FALSE);
  peer.objects = g_dbus_object_manager_server_new (FUNNEL_OBJECT_ROOT);
  peer.manager = funnel_dbus_manager_skeleton_new ();
  funnel_dbus_manager_set_version (peer.manager, version ? version : "9.9");
  funnel_dbus_manager_set_etag (peer.manager, "etag-1");
  g_signal_connect (peer.manager, "handle-share", G_CALLBACK (on_manager_share), &peer);
  g_signal_connect (peer.manager, "handle-unshare", G_CALLBACK (on_manager_unshare), &peer);
  g_signal_connect (peer.manager, "handle-join", G_CALLBACK (on_manager_join), &peer);
  g_io_add_watch (input, G_IO_IN | G_IO_HUP, input_cb, &peer);
  owner = g_bus_own_name (G_BUS_TYPE_SESSION, FUNNEL_BUS_NAME, G_BUS_NAME_OWNER_FLAGS_NONE,
                          bus_acquired_cb, name_acquired_cb, NULL, &peer, NULL);
  g_main_loop_run (peer.loop);
  g_bus_unown_name (owner);
  return 0;
}
