/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/client/connection.h"

#include "lib/base/error.h"

struct _FunnelConnection
{
  GObject parent_instance;
  GBusType bus;
  FunnelClient *client; /* NULL until there is a bus */
  FunnelShareModel *shares;
  FunnelConnectionState state;
  char *message;
  GCancellable *starting; /* NULL: no start is under way */
};

enum
{
  PROP_0,
  PROP_STATE,
  N_PROPS
};

static GParamSpec *props[N_PROPS];
static guint changed_signal;

G_DEFINE_FINAL_TYPE (FunnelConnection, funnel_connection, G_TYPE_OBJECT)

int
funnel_connection_compare_versions (const char *a, const char *b)
{
  char *left = (char *)(a ? a : ""), *right = (char *)(b ? b : "");

  while (*left || *right)
    {
      guint64 x = g_ascii_strtoull (left, &left, 10), y = g_ascii_strtoull (right, &right, 10);

      if (x != y)
        return x < y ? -1 : 1;
      left += *left ? 1 : 0;
      right += *right ? 1 : 0;
    }
  return 0;
}

/* Takes @message. */
static void
set_state (FunnelConnection *self, FunnelConnectionState state, char *message)
{
  gboolean same = state == self->state;

  g_free (self->message);
  self->message = message ? message : g_strdup ("");
  self->state = state;
  if (!same)
    g_debug ("connection to the daemon: state %d %s", state, self->message);
  if (!same)
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_STATE]);
}

static FunnelConnectionState
judge_version (FunnelConnection *self)
{
  g_autofree char *version = funnel_client_dup_version (self->client);

  return funnel_connection_compare_versions (version, FUNNEL_VERSION) < 0
             ? FUNNEL_CONNECTION_OUTDATED
             : FUNNEL_CONNECTION_READY;
}

static void
on_client_changed (FunnelConnection *self)
{
  g_object_ref (self);
  if (self->state == FUNNEL_CONNECTION_NO_BUS)
    ;
  else if (funnel_client_get_running (self->client))
    set_state (self, judge_version (self), NULL);
  else if (funnel_connection_has_data (self))
    set_state (self, FUNNEL_CONNECTION_MISSING, NULL);
  g_signal_emit (self, changed_signal, 0);
  g_object_unref (self);
}

static void
on_client_closed (FunnelConnection *self, const char *message)
{
  g_object_ref (self);
  funnel_share_model_follow (self->shares, NULL);
  set_state (self, FUNNEL_CONNECTION_NO_BUS, g_strdup (message));
  g_signal_emit (self, changed_signal, 0);
  g_object_unref (self);
}

/* The end of a start, good or not; takes @error. */
static void
finish_start (FunnelConnection *self, FunnelConnectionState failed, GError *error)
{
  g_clear_object (&self->starting);
  if (error)
    set_state (self, failed, g_strdup (error->message));
  else
    set_state (self, judge_version (self), NULL);
  g_clear_error (&error);
  g_signal_emit (self, changed_signal, 0);
}

static void
client_start_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (FunnelConnection) self = data;
  GError *error = NULL;

  funnel_client_start_finish (FUNNEL_CLIENT (source), result, &error);
  if (self->starting && self->state != FUNNEL_CONNECTION_NO_BUS)
    finish_start (self, FUNNEL_CONNECTION_MISSING, error);
  else
    g_clear_error (&error);
}

static void
client_new_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (FunnelConnection) self = data;
  GError *error = NULL;
  g_autoptr (FunnelClient) client = funnel_client_new_finish (result, &error);

  if (!self->starting)
    {
      g_clear_error (&error);
      return;
    }
  if (!client)
    {
      finish_start (self, FUNNEL_CONNECTION_NO_BUS, error);
      return;
    }
  self->client = g_steal_pointer (&client);
  g_signal_connect_object (self->client, "changed", G_CALLBACK (on_client_changed), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->client, "closed", G_CALLBACK (on_client_closed), self,
                           G_CONNECT_SWAPPED);
  funnel_share_model_follow (self->shares, funnel_client_get_objects (self->client));
  funnel_client_start_async (self->client, self->starting, client_start_cb, g_object_ref (self));
}

void
funnel_connection_start (FunnelConnection *self)
{
  g_return_if_fail (FUNNEL_IS_CONNECTION (self));
  if (self->starting || funnel_connection_has_data (self))
    return;
  /* A bus that is gone does not come back to a process. */
  if (self->client && self->state == FUNNEL_CONNECTION_NO_BUS)
    return;
  self->starting = g_cancellable_new ();
  set_state (self, FUNNEL_CONNECTION_CONNECTING, NULL);
  if (self->client)
    funnel_client_start_async (self->client, self->starting, client_start_cb, g_object_ref (self));
  else
    funnel_client_new_async (self->bus, self->starting, client_new_cb, g_object_ref (self));
  g_signal_emit (self, changed_signal, 0);
}

FunnelConnectionState
funnel_connection_get_state (FunnelConnection *self)
{
  g_return_val_if_fail (FUNNEL_IS_CONNECTION (self), FUNNEL_CONNECTION_NO_BUS);
  return self->state;
}

gboolean
funnel_connection_has_data (FunnelConnection *self)
{
  g_return_val_if_fail (FUNNEL_IS_CONNECTION (self), FALSE);
  return self->state == FUNNEL_CONNECTION_READY || self->state == FUNNEL_CONNECTION_OUTDATED;
}

const char *
funnel_connection_get_message (FunnelConnection *self)
{
  g_return_val_if_fail (FUNNEL_IS_CONNECTION (self), "");
  return self->message;
}

FunnelClient *
funnel_connection_get_client (FunnelConnection *self)
{
  g_return_val_if_fail (FUNNEL_IS_CONNECTION (self), NULL);
  return self->client;
}

GListModel *
funnel_connection_get_shares (FunnelConnection *self)
{
  g_return_val_if_fail (FUNNEL_IS_CONNECTION (self), NULL);
  return G_LIST_MODEL (self->shares);
}

FunnelDBusIngress *
funnel_connection_ref_ingress (FunnelConnection *self)
{
  g_autoptr (GPtrArray) ingresses = NULL;

  g_return_val_if_fail (FUNNEL_IS_CONNECTION (self), NULL);
  if (!self->client || !funnel_connection_has_data (self))
    return NULL;
  ingresses = funnel_client_list_ingresses (self->client);
  return ingresses->len > 0 ? g_object_ref (g_ptr_array_index (ingresses, 0)) : NULL;
}

static void
funnel_connection_get_property (GObject *object, guint prop_id, GValue *value, GParamSpec *pspec)
{
  FunnelConnection *self = FUNNEL_CONNECTION (object);

  switch (prop_id)
    {
    case PROP_STATE:
      g_value_set_int (value, self->state);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
funnel_connection_dispose (GObject *object)
{
  FunnelConnection *self = FUNNEL_CONNECTION (object);

  if (self->starting)
    g_cancellable_cancel (self->starting);
  g_clear_object (&self->starting);
  g_clear_object (&self->client);
  if (self->shares)
    funnel_share_model_follow (self->shares, NULL);
  g_clear_object (&self->shares);
  g_clear_pointer (&self->message, g_free);
  G_OBJECT_CLASS (funnel_connection_parent_class)->dispose (object);
}

static void
funnel_connection_class_init (FunnelConnectionClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = funnel_connection_get_property;
  object_class->dispose = funnel_connection_dispose;
  props[PROP_STATE] = g_param_spec_int ("state", NULL, NULL, FUNNEL_CONNECTION_CONNECTING,
                                        FUNNEL_CONNECTION_READY, FUNNEL_CONNECTION_CONNECTING,
                                        G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, props);
  changed_signal = g_signal_new ("changed", FUNNEL_TYPE_CONNECTION, G_SIGNAL_RUN_LAST, 0, NULL,
                                 NULL, NULL, G_TYPE_NONE, 0);
}

static void
funnel_connection_init (FunnelConnection *self)
{
  self->shares = funnel_share_model_new ();
  self->message = g_strdup ("");
  self->state = FUNNEL_CONNECTION_CONNECTING;
}

FunnelConnection *
funnel_connection_new (GBusType bus)
{
  FunnelConnection *self = g_object_new (FUNNEL_TYPE_CONNECTION, NULL);

  self->bus = bus;
  return self;
}
