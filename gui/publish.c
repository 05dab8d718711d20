/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/publish.h"

#include <adwaita.h>
#include <glib/gi18n.h>

#include "gui/labels.h"

typedef struct
{
  FunnelConnection *connection;
  char *target;
  char *url;
  char *name;
  guint16 port;
} Publish;

static void
publish_free (Publish *publish)
{
  g_object_unref (publish->connection);
  g_free (publish->target);
  g_free (publish->url);
  g_free (publish->name);
  g_free (publish);
}

static void
client_share_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  GError *error = NULL;
  char *path = funnel_client_share_finish (FUNNEL_CLIENT (source), result, &error);

  if (path)
    g_task_return_pointer (task, path, g_free);
  else
    g_task_return_error (task, error);
}

/* Takes the task. */
static void
share (GTask *task)
{
  Publish *publish = g_task_get_task_data (task);
  GVariantDict options;

  g_debug ("asking for %s to be shared at %s", publish->target, publish->url);
  g_variant_dict_init (&options, NULL);
  g_variant_dict_insert (&options, "name", "s", publish->name);
  g_variant_dict_insert (&options, "port", "q", publish->port);
  funnel_client_share_async (funnel_connection_get_client (publish->connection), publish->target,
                             g_variant_dict_end (&options), g_task_get_cancellable (task),
                             client_share_cb, task);
}

static void
on_dialog_response (AdwMessageDialog *dialog, const char *response, GTask *task)
{
  if (g_str_equal (response, "publish"))
    {
      share (task);
      return;
    }
  g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_CANCELLED, "not wanted");
  g_object_unref (task);
}

static void
ask (GtkWidget *widget, GTask *task, const char *title, const char *body)
{
  GtkWindow *window = GTK_WINDOW (gtk_widget_get_root (widget));
  AdwMessageDialog *dialog = ADW_MESSAGE_DIALOG (adw_message_dialog_new (window, title, body));

  adw_message_dialog_add_responses (dialog, "cancel", _ ("_Cancel"), "publish", _ ("_Publish"),
                                    NULL);
  adw_message_dialog_set_response_appearance (dialog, "publish", ADW_RESPONSE_SUGGESTED);
  adw_message_dialog_set_default_response (dialog, "cancel");
  adw_message_dialog_set_close_response (dialog, "cancel");
  g_signal_connect (dialog, "response", G_CALLBACK (on_dialog_response), task);
  gtk_window_present (GTK_WINDOW (dialog));
}

static char *
make_exposure_body (const Publish *publish)
{
  g_autofree char *target = funnel_words_target (publish->target);

  return g_strdup_printf (_ ("Anyone on the internet who opens\n%s\nwill reach: %s.\n\n"
                             "The name %s will also stand in the public logs of certificates, "
                             "which strangers read. You can limit who may come, and switch it "
                             "off, at any time."),
                          publish->url, target, publish->name);
}

void
funnel_publish_async (GtkWidget *widget,
                      FunnelConnection *connection,
                      const char *target,
                      const FunnelPlace *place,
                      GCancellable *cancellable,
                      GAsyncReadyCallback callback,
                      gpointer user_data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);
  FunnelClient *client = funnel_connection_get_client (connection);
  Publish *publish = g_new0 (Publish, 1);
  g_autofree char *body = NULL;

  publish->connection = g_object_ref (connection);
  publish->target = g_strdup (target);
  publish->url = funnel_place_dup_url (place);
  publish->name = g_strdup (place->name);
  publish->port = place->port;
  g_task_set_source_tag (task, funnel_publish_async);
  g_task_set_task_data (task, publish, (GDestroyNotify)publish_free);
  if (!funnel_dbus_manager_get_exposed (funnel_client_get_manager (client)))
    {
      body = make_exposure_body (publish);
      ask (widget, task, _ ("Put this on the internet?"), body);
    }
  else if (place->used_for)
    {
      g_autofree char *used_for = funnel_words_target (place->used_for);

      body = g_strdup_printf (_ ("%s leads to: %s. That ends."), publish->url, used_for);
      ask (widget, task, _ ("Replace what is there?"), body);
    }
  else
    share (task);
}

char *
funnel_publish_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, funnel_publish_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}
