/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/publish.h"

#include <glib/gi18n.h>

#include "gui/labels.h"
#include "gui/question.h"
#include "lib/base/error.h"

typedef struct
{
  FunnelConnection *connection;
  char *target;
  char *url;
  char *name;
  guint16 port;
  GtkWidget *widget; /* in the window above which to ask */
  gboolean lan;      /* the user has accepted that */
  gboolean force;
} Publish;

static void ask (GTask *task, const char *title, const char *body);

static void
publish_free (Publish *publish)
{
  g_object_unref (publish->connection);
  g_object_unref (publish->widget);
  g_free (publish->target);
  g_free (publish->url);
  g_free (publish->name);
  g_free (publish);
}

/* Whether the daemon refuses @publish only until somebody has said that it is meant; asks for that.
 */
static gboolean
is_for_user_to_say (Publish *publish, const GError *error)
{
  gboolean lan = strstr (error->message, "--lan") != NULL;
  gboolean force = strstr (error->message, "--force") != NULL;

  if (!g_error_matches (error, FUNNEL_ERROR, FUNNEL_ERROR_NOT_ALLOWED))
    return FALSE;
  if ((lan && !publish->lan) || (force && !publish->force))
    {
      publish->lan |= lan;
      publish->force |= force;
      return TRUE;
    }
  return FALSE;
}

static void
client_share_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  GError *error = NULL;
  char *path = funnel_client_share_finish (FUNNEL_CLIENT (source), result, &error);

  if (path)
    g_task_return_pointer (task, path, g_free);
  else if (is_for_user_to_say (g_task_get_task_data (task), error))
    {
      g_autofree char *body = funnel_words_sentence (error->message);

      ask (g_object_ref (task), _ ("Publish this all the same?"), body);
      g_error_free (error);
    }
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
  g_variant_dict_insert (&options, "lan", "b", publish->lan);
  g_variant_dict_insert (&options, "force", "b", publish->force);
  funnel_client_share_async (funnel_connection_get_client (publish->connection), publish->target,
                             g_variant_dict_end (&options), g_task_get_cancellable (task),
                             client_share_cb, task);
}

static void
on_dialog_response (AdwMessageDialog *dialog, const char *response, GTask *task)
{
  if (g_str_equal (response, FUNNEL_QUESTION_YES))
    {
      share (task);
      return;
    }
  g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_CANCELLED, "not wanted");
  g_object_unref (task);
}

/* Takes the task. */
static void
ask (GTask *task, const char *title, const char *body)
{
  Publish *publish = g_task_get_task_data (task);
  AdwMessageDialog *dialog
      = funnel_question_new (publish->widget, title, body, _ ("_Publish"), ADW_RESPONSE_SUGGESTED);

  g_signal_connect (dialog, "response", G_CALLBACK (on_dialog_response), task);
  gtk_window_present (GTK_WINDOW (dialog));
}

static char *
make_exposure_body (const Publish *publish, const char *program)
{
  g_autofree char *exposed = funnel_words_exposed (publish->target, program);

  return g_strdup_printf (_ ("Anyone on the internet who opens\n%s\nwill reach:\n%s\n\n"
                             "The name %s will also stand in the public logs of certificates, "
                             "which strangers read. You can limit who may come, and switch it "
                             "off, at any time."),
                          publish->url, exposed, publish->name);
}

void
funnel_publish_async (GtkWidget *widget,
                      FunnelConnection *connection,
                      const FunnelWish *wish,
                      GCancellable *cancellable,
                      GAsyncReadyCallback callback,
                      gpointer user_data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);
  FunnelClient *client = funnel_connection_get_client (connection);
  const FunnelPlace *place = wish->place;
  Publish *publish = g_new0 (Publish, 1);
  g_autofree char *body = NULL;

  publish->connection = g_object_ref (connection);
  publish->widget = g_object_ref (widget);
  publish->target = g_strdup (wish->target);
  publish->url = funnel_place_dup_url (place);
  publish->name = g_strdup (place->name);
  publish->port = place->port;
  g_task_set_source_tag (task, funnel_publish_async);
  g_task_set_task_data (task, publish, (GDestroyNotify)publish_free);
  if (!funnel_dbus_manager_get_exposed (funnel_client_get_manager (client)))
    {
      body = make_exposure_body (publish, wish->program);
      ask (task, _ ("Put this on the internet?"), body);
    }
  else if (place->used_for)
    {
      g_autofree char *used_for = funnel_words_target (place->used_for);

      body = g_strdup_printf (_ ("%s leads to: %s. That ends."), publish->url, used_for);
      ask (task, _ ("Replace what is there?"), body);
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
