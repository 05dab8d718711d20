/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/notifications.h"

#include <glib/gi18n.h>

#include "gui/notices.h"

struct _FunnelNotifications
{
  GObject parent_instance;
  GApplication *application;
  FunnelConnection *connection;
  FunnelNotices *notices;
  gboolean enabled;
  gboolean lost;
  guint timer;
};

enum
{
  SIGNAL_CHANGED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (FunnelNotifications, funnel_notifications, G_TYPE_OBJECT)

gboolean
funnel_notifications_get_lost (FunnelNotifications *self)
{
  g_return_val_if_fail (FUNNEL_IS_NOTIFICATIONS (self), FALSE);
  return self->lost;
}

void
funnel_notifications_set_enabled (FunnelNotifications *self, gboolean enabled)
{
  g_return_if_fail (FUNNEL_IS_NOTIFICATIONS (self));
  self->enabled = enabled;
}

static void
add_buttons (GNotification *notification, const FunnelNotice *notice)
{
  switch (notice->kind)
    {
    case FUNNEL_NOTICE_VISITOR:
      g_notification_add_button_with_target (notification, _ ("Switch Off"), "app.share-toggle",
                                             "s", notice->path);
      break;
    case FUNNEL_NOTICE_EXPIRED:
      g_notification_add_button_with_target (notification, _ ("Share Again"), "app.share-toggle",
                                             "s", notice->path);
      break;
    case FUNNEL_NOTICE_CERTIFICATE:
    case FUNNEL_NOTICE_TUNNEL:
      g_notification_add_button (notification, _ ("Show"), "app.show");
      break;
    }
}

static void
show (FunnelNotifications *self, const FunnelNotice *notice)
{
  g_autoptr (GNotification) notification = g_notification_new (notice->title);

  g_notification_set_body (notification, notice->body);
  g_notification_set_default_action (notification, "app.show");
  g_notification_set_priority (notification, notice->kind == FUNNEL_NOTICE_VISITOR
                                                 ? G_NOTIFICATION_PRIORITY_NORMAL
                                                 : G_NOTIFICATION_PRIORITY_HIGH);
  add_buttons (notification, notice);
  g_application_send_notification (self->application, notice->id, notification);
}

static void
read_shares (FunnelNotifications *self, GArray *shares, GPtrArray *held)
{
  GListModel *list = funnel_connection_get_shares (self->connection);
  guint n = g_list_model_get_n_items (list);

  for (guint i = 0; i < n; i++)
    {
      FunnelDBusShare *share = g_list_model_get_item (list, i);
      FunnelNoticeShare entry = {.path = g_dbus_proxy_get_object_path (G_DBUS_PROXY (share)),
                                 .name = funnel_dbus_share_get_name (share),
                                 .port = funnel_dbus_share_get_port (share),
                                 .state = funnel_dbus_share_get_state (share),
                                 .reason = funnel_dbus_share_get_reason (share),
                                 .visitors = funnel_dbus_share_get_flows_total (share),
                                 .expires = funnel_dbus_share_get_expires (share)};

      g_ptr_array_add (held, share);
      if (entry.name && entry.state)
        g_array_append_val (shares, entry);
    }
}

static void update (FunnelNotifications *self);

static gboolean
on_timer (gpointer data)
{
  FunnelNotifications *self = data;

  self->timer = 0;
  update (self);
  return G_SOURCE_REMOVE;
}

static void
set_timer (FunnelNotifications *self)
{
  gint64 next = funnel_notices_next (self->notices);
  gint64 wait = next - g_get_monotonic_time ();

  if (next < 0)
    g_clear_handle_id (&self->timer, g_source_remove);
  else if (self->timer == 0)
    self->timer
        = g_timeout_add_seconds ((guint)(MAX (wait, 0) / G_USEC_PER_SEC + 1), on_timer, self);
}

static void
update (FunnelNotifications *self)
{
  g_autoptr (FunnelDBusIngress) ingress = funnel_connection_ref_ingress (self->connection);
  g_autoptr (GPtrArray) held = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (GArray) shares = g_array_new (FALSE, FALSE, sizeof (FunnelNoticeShare));
  g_autoptr (GPtrArray) out = NULL;
  FunnelNoticeFacts facts = {.known = funnel_connection_has_data (self->connection)};
  gboolean lost;

  read_shares (self, shares, held);
  facts.shares = (const FunnelNoticeShare *)(gpointer)shares->data;
  facts.n_shares = shares->len;
  if (ingress)
    {
      facts.joined = TRUE;
      facts.linked = g_strcmp0 (funnel_dbus_ingress_get_state (ingress), "linked") == 0;
      facts.ingress = funnel_dbus_ingress_get_zone (ingress);
      facts.reason = funnel_dbus_ingress_get_reason (ingress);
    }
  out = funnel_notices_take (self->notices, &facts, g_get_monotonic_time (),
                             g_get_real_time () / G_USEC_PER_SEC);
  for (guint i = 0; self->enabled && i < out->len; i++)
    {
      const FunnelNotice *notice = g_ptr_array_index (out, i);

      if (notice->over)
        g_application_withdraw_notification (self->application, notice->id);
      else
        show (self, notice);
    }
  set_timer (self);
  lost = funnel_notices_lost (self->notices);
  if (lost == self->lost)
    return;
  self->lost = lost;
  g_signal_emit (self, signals[SIGNAL_CHANGED], 0);
}

static void
on_connection_changed (FunnelConnection *connection, gpointer data)
{
  update (data);
}

FunnelNotifications *
funnel_notifications_new (GApplication *application, FunnelConnection *connection)
{
  FunnelNotifications *self = g_object_new (FUNNEL_TYPE_NOTIFICATIONS, NULL);

  self->application = application;
  self->connection = g_object_ref (connection);
  g_signal_connect_object (connection, "changed", G_CALLBACK (on_connection_changed), self, 0);
  update (self);
  return self;
}

static void
funnel_notifications_dispose (GObject *object)
{
  FunnelNotifications *self = FUNNEL_NOTIFICATIONS (object);

  g_clear_handle_id (&self->timer, g_source_remove);
  g_clear_object (&self->connection);
  g_clear_pointer (&self->notices, funnel_notices_free);
  G_OBJECT_CLASS (funnel_notifications_parent_class)->dispose (object);
}

static void
funnel_notifications_class_init (FunnelNotificationsClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = funnel_notifications_dispose;
  signals[SIGNAL_CHANGED] = g_signal_new ("changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST,
                                          0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
funnel_notifications_init (FunnelNotifications *self)
{
  self->notices = funnel_notices_new ();
}
