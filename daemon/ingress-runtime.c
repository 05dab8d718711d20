/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/ingress-runtime.h"

#include "daemon/link/link.h"
#include "lib/base/error.h"
#include "lib/base/host.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <string.h>

struct _FunnelIngressRuntime
{
  FunnelIngress *ingress;
  FunnelLink *link;
  FunnelServe *serve;
  const FunnelIngressEvents *events;
  gpointer user_data;
  guint listener;     /* of the data plane; 0 none */
  GPtrArray *routed;  /* FunnelLinkShare*: what the ingress routes, over the link that is up now */
  GHashTable *before; /* refusals of listeners that are gone: reason → guint64* */
  guint move_source;  /* to a better tunnel */
};

static void
add_refusals (GHashTable *sum, GHashTable *more)
{
  GHashTableIter iter;
  gpointer reason = NULL, count = NULL;

  g_hash_table_iter_init (&iter, more);
  while (g_hash_table_iter_next (&iter, &reason, &count))
    {
      guint64 *old = g_hash_table_lookup (sum, reason);
      guint64 *fresh = g_new (guint64, 1);

      *fresh = *(guint64 *)count + (old != NULL ? *old : 0);
      g_hash_table_insert (sum, g_strdup (reason), fresh);
    }
}

static void
remove_listener (FunnelIngressRuntime *self)
{
  g_autoptr (GHashTable) last = NULL;

  if (self->listener == 0)
    return;
  last = funnel_serve_get_offer_refusals (self->serve, self->listener);
  if (last != NULL)
    add_refusals (self->before, last);
  funnel_serve_remove_listener (self->serve, self->listener);
  self->listener = 0;
}

static void
on_link_listener (FunnelLink *link, GSocket *listener, FunnelIngressRuntime *self)
{
  const char *peer = funnel_ingress_get_spec (self->ingress)->ingress_address;
  struct address address;
  int fd = -1;

  remove_listener (self);
  if (listener == NULL)
    return;
  if (!address_parse_ip (peer, strlen (peer), &address))
    {
      g_warning ("The ingress's tunnel address is unusable");
      return;
    }
  fd = fcntl (g_socket_get_fd (listener), F_DUPFD_CLOEXEC, 3);
  if (fd < 0)
    g_warning ("No offers can be taken: %s", g_strerror (errno));
  else
    self->listener = funnel_serve_add_listener (self->serve, fd, &address);
}

/* To move is to be away for some seconds, which nobody is to notice. */
static gboolean
may_move (FunnelIngressRuntime *self)
{
  return funnel_link_has_better_tunnel (self->link)
         && (self->listener == 0
             || funnel_serve_get_offer_flows (self->serve, self->listener) == 0);
}

static gboolean
on_move_idle (gpointer user_data)
{
  FunnelIngressRuntime *self = user_data;

  self->move_source = 0;
  if (may_move (self))
    funnel_link_move (self->link);
  return G_SOURCE_REMOVE;
}

/* Not at once: the link is telling something. */
static void
plan_move (FunnelIngressRuntime *self)
{
  if (self->move_source == 0 && may_move (self))
    self->move_source = g_idle_add (on_move_idle, self);
}

static FunnelIngressState
map_state (FunnelLinkState state)
{
  switch (state)
    {
    case FUNNEL_LINK_STATE_LINKED:
      return FUNNEL_INGRESS_LINKED;
    case FUNNEL_LINK_STATE_LINK_DOWN:
      return FUNNEL_INGRESS_LINK_DOWN;
    case FUNNEL_LINK_STATE_TUNNEL_DOWN:
    default:
      return FUNNEL_INGRESS_TUNNEL_DOWN;
    }
}

static void
on_link_changed (FunnelLink *link, FunnelIngressRuntime *self)
{
  const FunnelTunnelStatus *status = funnel_link_get_tunnel_status (link);
  FunnelIngressState before = funnel_ingress_get_state (self->ingress);
  FunnelIngressState now = map_state (funnel_link_get_state (link));

  funnel_ingress_set_tunnel (self->ingress, funnel_link_get_tunnel_name (link), status->engine,
                             status->handshake, status->mtu);
  funnel_ingress_set_round_trip (self->ingress, funnel_link_get_round_trip (link));
  funnel_ingress_set_passed_over (self->ingress, funnel_link_get_passed_over (link));
  funnel_ingress_set_next_step (self->ingress, funnel_link_get_next_step (link));
  funnel_ingress_set_state (self->ingress, now, funnel_link_get_reason (link));
  if (funnel_ingress_set_tunnel_off (self->ingress, funnel_link_is_switched_off (link)))
    self->events->spec_changed (self->user_data);
  if (before == FUNNEL_INGRESS_LINKED && now != before)
    {
      g_clear_pointer (&self->routed, g_ptr_array_unref);
      funnel_ingress_set_claims (self->ingress, NULL);
      self->events->unlinked (self->user_data);
    }
  plan_move (self);
  self->events->changed (self->user_data);
}

static void
on_link_message (FunnelLink *link, FunnelLinkMessage *message, FunnelIngressRuntime *self)
{
  switch (message->type)
    {
    case FUNNEL_LINK_WELCOME:
      if (funnel_ingress_welcome (self->ingress, message->node, message->zone,
                                  message->public_ports))
        self->events->spec_changed (self->user_data);
      break;
    case FUNNEL_LINK_GRANTS:
      funnel_ingress_set_grants (self->ingress, message->grants);
      self->events->changed (self->user_data);
      break;
    case FUNNEL_LINK_PROBE:
      self->events->probe (self->user_data, message);
      break;
    case FUNNEL_LINK_ROUTED:
      g_clear_pointer (&self->routed, g_ptr_array_unref);
      self->routed = g_ptr_array_ref (message->shares);
      self->events->routed (self->user_data);
      break;
    case FUNNEL_LINK_PING:
      funnel_ingress_set_round_trip (self->ingress, funnel_link_get_round_trip (link));
      break;
    case FUNNEL_LINK_CLAIMED:
      funnel_ingress_set_claims (self->ingress, message->claims);
      self->events->changed (self->user_data);
      break;
    case FUNNEL_LINK_HELLO:
    case FUNNEL_LINK_SHARES:
    case FUNNEL_LINK_PONG:
    case FUNNEL_LINK_CLAIMS:
    case FUNNEL_LINK_ERROR:
    default:
      break;
    }
}

static void
prefer (FunnelIngressRuntime *self, const char *choice)
{
  funnel_link_set_tunnel (self->link, g_str_equal (choice, "auto") ? "" : choice);
}

FunnelIngressRuntime *
funnel_ingress_runtime_new (const FunnelIngressSpec *spec,
                            FunnelServe *serve,
                            const FunnelIngressEvents *events,
                            gpointer user_data)
{
  FunnelIngressRuntime *self = g_new0 (FunnelIngressRuntime, 1);
  FunnelTunnelConfig config = {
      .private_key = spec->private_key,
      .address = spec->address,
      .peer_address = spec->ingress_address,
      .peer_public_key = spec->ingress_public_key,
      .endpoint_host = spec->endpoint_host,
      .endpoint_port = spec->endpoint_port,
      .keepalive = 25, /* seconds; NAT tables forget UDP after 30 */
  };

  self->ingress = funnel_ingress_new (spec);
  self->serve = serve;
  self->events = events;
  self->user_data = user_data;
  self->before = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->link = funnel_link_new (&config, spec->direct, spec->link_port);
  prefer (self, spec->tunnel);
  g_signal_connect (self->link, "listener", G_CALLBACK (on_link_listener), self);
  g_signal_connect (self->link, "changed", G_CALLBACK (on_link_changed), self);
  g_signal_connect (self->link, "message", G_CALLBACK (on_link_message), self);
  return self;
}

void
funnel_ingress_runtime_free (FunnelIngressRuntime *self)
{
  g_signal_handlers_disconnect_by_data (self->link, self);
  g_clear_handle_id (&self->move_source, g_source_remove);
  remove_listener (self);
  funnel_link_stop (self->link);
  g_object_unref (self->link);
  g_object_unref (self->ingress);
  g_hash_table_unref (self->before);
  g_clear_pointer (&self->routed, g_ptr_array_unref);
  g_free (self);
}

void
funnel_ingress_runtime_start (FunnelIngressRuntime *self)
{
  if (funnel_ingress_get_spec (self->ingress)->tunnel_off)
    funnel_link_start_switched_off (self->link);
  else
    funnel_link_start (self->link);
}

gboolean
funnel_ingress_runtime_set_tunnel (FunnelIngressRuntime *self, const char *choice, GError **error)
{
  g_autofree char *known = g_strjoinv (", ", (char **)funnel_tunnel_names ());
  gboolean is_new = !g_str_equal (choice, "on");

  if (is_new && !g_str_equal (choice, "auto")
      && (g_str_equal (choice, "direct") || !g_strv_contains (funnel_tunnel_names (), choice)))
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                   N_ ("“%s” is no kind of tunnel: say on, auto, or one of %s"), choice, known);
      return FALSE;
    }
  if (is_new)
    {
      funnel_ingress_set_tunnel_choice (self->ingress, choice);
      prefer (self, choice);
      self->events->spec_changed (self->user_data);
    }
  funnel_link_start (self->link);
  return TRUE;
}

const char *
funnel_ingress_runtime_get_unreached_device (FunnelIngressRuntime *self)
{
  const FunnelTunnelStatus *status = funnel_link_get_tunnel_status (self->link);

  if (self->listener == 0 || funnel_link_get_state (self->link) != FUNNEL_LINK_STATE_LINKED
      || status->device[0] == '\0'
      || funnel_serve_get_offer_connections (self->serve, self->listener) > 0)
    return NULL;
  return status->device;
}

FunnelIngress *
funnel_ingress_runtime_get_ingress (FunnelIngressRuntime *self)
{
  return self->ingress;
}

void
funnel_ingress_runtime_announce (FunnelIngressRuntime *self, GPtrArray *shares)
{
  funnel_link_set_shares (self->link, shares);
}

/* Names that are not the ingress's to give, each once, and no more than may be asked for. */
void
funnel_ingress_runtime_claim (FunnelIngressRuntime *self, FunnelShareList *list)
{
  const char *zone = funnel_ingress_get_spec (self->ingress)->zone;
  g_autoptr (GPtrArray) names = g_ptr_array_new ();

  for (guint i = 0; i < funnel_share_list_get_length (list); i++)
    {
      const FunnelShareSpec *spec = funnel_share_get_spec (funnel_share_list_get (list, i));

      if (!funnel_host_is_within (spec->name, zone) && names->len < FUNNEL_LINK_CLAIMS_MAX
          && !funnel_share_spec_is_expired (spec, g_get_real_time () / G_USEC_PER_SEC)
          && !g_ptr_array_find_with_equal_func (names, spec->name, g_str_equal, NULL))
        g_ptr_array_add (names, spec->name);
    }
  g_ptr_array_add (names, NULL);
  funnel_link_set_claims (self->link, g_strdupv ((char **)names->pdata));
}

gboolean
funnel_ingress_runtime_is_routed (FunnelIngressRuntime *self,
                                  const char *name,
                                  guint16 port,
                                  guint32 epoch)
{
  for (guint i = 0; self->routed != NULL && i < self->routed->len; i++)
    {
      const FunnelLinkShare *share = g_ptr_array_index (self->routed, i);

      if (share->port == port && share->epoch == epoch && g_str_equal (share->name, name))
        return TRUE;
    }
  return FALSE;
}

static void
update_refusals (FunnelIngressRuntime *self)
{
  g_autoptr (GHashTable) sum = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr (GHashTable) now
      = self->listener != 0 ? funnel_serve_get_offer_refusals (self->serve, self->listener) : NULL;
  g_autoptr (GList) reasons = NULL;
  GVariantBuilder builder;

  add_refusals (sum, self->before);
  if (now != NULL)
    add_refusals (sum, now);
  /* Sorted, so that equal counts give equal values. */
  reasons = g_list_sort (g_hash_table_get_keys (sum), (GCompareFunc)strcmp);
  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{st}"));
  for (GList *item = reasons; item != NULL; item = item->next)
    g_variant_builder_add (&builder, "{st}", item->data,
                           *(guint64 *)g_hash_table_lookup (sum, item->data));
  funnel_ingress_set_refusals (self->ingress, g_variant_builder_end (&builder));
}

void
funnel_ingress_runtime_note_serve (FunnelIngressRuntime *self)
{
  update_refusals (self);
  plan_move (self);
}

void
funnel_ingress_runtime_query (FunnelIngressRuntime *self)
{
  funnel_link_query (self->link);
}

gboolean
funnel_ingress_runtime_is_querying (FunnelIngressRuntime *self)
{
  return funnel_link_is_querying (self->link);
}
