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
  GVariantDict *options; /* of Manager.Share */
  GtkWidget *widget;     /* in the window above which to ask */
  char *name;            /* that a certificate would make public; NULL: there is none for it */
  gboolean told;         /* the user knows that the name becomes public */
} Publish;

static void ask (GTask *task, const char *title, const char *body);

static void
publish_free (Publish *publish)
{
  g_object_unref (publish->connection);
  g_object_unref (publish->widget);
  g_variant_dict_unref (publish->options);
  g_free (publish->target);
  g_free (publish->url);
  g_free (publish->name);
  g_free (publish);
}

/* --- Sharing --- */

/* Whether @error names @flag, which was not given yet; gives it. */
static gboolean
permit (Publish *publish, const GError *error, const char *flag)
{
  g_autofree char *typed = g_strconcat ("--", flag, NULL);
  gboolean given = FALSE;

  g_variant_dict_lookup (publish->options, flag, "b", &given);
  if (given || !strstr (error->message, typed))
    return FALSE;
  g_variant_dict_insert (publish->options, flag, "b", TRUE);
  return TRUE;
}

/* What the user is to be asked when the daemon refuses only until somebody has said that it is
 * meant; it is taken as said. NULL: it refuses. */
static char *
dup_question (Publish *publish, const GError *error)
{
  gboolean lan = FALSE, force = FALSE;

  if (!g_error_matches (error, FUNNEL_ERROR, FUNNEL_ERROR_NOT_ALLOWED))
    return NULL;
  lan = permit (publish, error, "lan");
  force = permit (publish, error, "force");
  if (force)
    return funnel_words_refusal (error->message);
  if (lan)
    return g_strdup_printf (_ ("%s is not on this computer. Visitors will reach it as if they were "
                               "in your network."),
                            publish->target);
  return NULL;
}

static void
client_share_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  GError *error = NULL;
  char *path = funnel_client_share_finish (FUNNEL_CLIENT (source), result, &error);
  g_autofree char *question = NULL;

  if (path)
    {
      g_task_return_pointer (task, path, g_free);
      return;
    }
  question = dup_question (g_task_get_task_data (task), error);
  if (!question)
    {
      g_task_return_error (task, error);
      return;
    }
  g_error_free (error);
  ask (g_steal_pointer (&task), _ ("Publish this all the same?"), question);
}

/* The options stay, to be sent again with more. */
static GVariant *
dup_options (Publish *publish)
{
  GVariant *value = g_variant_ref_sink (g_variant_dict_end (publish->options));

  g_variant_dict_unref (publish->options);
  publish->options = g_variant_dict_new (value);
  return value;
}

/* Takes the task. */
static void
share (GTask *task)
{
  Publish *publish = g_task_get_task_data (task);
  g_autoptr (GVariant) options = dup_options (publish);

  g_debug ("asking for %s to be shared at %s", publish->target, publish->url);
  funnel_client_share_async (funnel_connection_get_client (publish->connection), publish->target,
                             options, g_task_get_cancellable (task), client_share_cb, task);
}

/* --- Asking --- */

static void
take_certificate_notice_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  Publish *publish = g_task_get_task_data (task);
  g_autofree char *name = NULL, *clean = NULL, *body = NULL;
  gboolean told = publish->told;

  /* If it fails, sharing fails too, and says why. */
  funnel_dbus_manager_call_take_certificate_notice_finish (FUNNEL_DBUS_MANAGER (source), &name,
                                                           result, NULL);
  g_clear_pointer (&publish->name, g_free);
  if (told || !name || !*name)
    {
      share (task);
      return;
    }
  clean = funnel_words_clean (name);
  body = g_strdup_printf (_ ("The name %s will stand in the public logs of certificates, which "
                             "strangers read, and stays there."),
                          clean);
  ask (task, _ ("Make this name known?"), body);
}

/* Takes the task. Shares when the user knows what becomes public, which the daemon remembers. */
static void
go_on (GTask *task)
{
  Publish *publish = g_task_get_task_data (task);
  FunnelClient *client = funnel_connection_get_client (publish->connection);

  if (publish->name)
    funnel_dbus_manager_call_take_certificate_notice (funnel_client_get_manager (client),
                                                      publish->name, g_task_get_cancellable (task),
                                                      take_certificate_notice_cb, task);
  else
    share (task);
}

static void
on_dialog_response (AdwMessageDialog *dialog, const char *response, GTask *task)
{
  if (g_str_equal (response, FUNNEL_QUESTION_YES))
    {
      go_on (task);
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
make_exposure_body (const char *url, const FunnelWish *wish)
{
  g_autofree char *exposed = funnel_words_exposed (wish->target, wish->program);

  /* Without TLS of its own it gets no certificate. */
  if (g_str_equal (wish->kind, "tcp"))
    return g_strdup_printf (_ ("Anyone on the internet who connects to\n%s\nwill reach:\n%s\n\n"
                               "You can limit who may come, and switch it off, at any time."),
                            url, exposed);
  return g_strdup_printf (_ ("Anyone on the internet who opens\n%s\nwill reach:\n%s\n\n"
                             "The name %s will also stand in the public logs of certificates, "
                             "which strangers read. You can limit who may come, and switch it "
                             "off, at any time."),
                          url, exposed, wish->place->name);
}

static Publish *
publish_new (GtkWidget *widget, FunnelConnection *connection, const FunnelWish *wish)
{
  Publish *publish = g_new0 (Publish, 1);
  g_autofree char *site = funnel_place_dup_url (wish->place, wish->kind);

  publish->connection = g_object_ref (connection);
  publish->widget = g_object_ref (widget);
  publish->target = g_strdup (wish->target);
  if (!g_str_equal (wish->kind, "tcp"))
    publish->name = g_strdup (wish->place->name);
  publish->url = g_strconcat (site, g_str_equal (wish->path, "/") ? "" : wish->path, NULL);
  publish->options = g_variant_dict_new (wish->how);
  g_variant_dict_insert (publish->options, "name", "s", wish->place->name);
  g_variant_dict_insert (publish->options, "port", "q", wish->place->port);
  g_variant_dict_insert (publish->options, "kind", "s", wish->kind);
  g_variant_dict_insert (publish->options, "path", "s", wish->path);
  return publish;
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
  Publish *publish = publish_new (widget, connection, wish);
  g_autofree char *body = NULL;

  g_task_set_source_tag (task, funnel_publish_async);
  g_task_set_task_data (task, publish, (GDestroyNotify)publish_free);
  if (!funnel_dbus_manager_get_exposed (funnel_client_get_manager (client)))
    {
      body = make_exposure_body (publish->url, wish);
      publish->told = TRUE;
      ask (task, _ ("Put this on the internet?"), body);
    }
  else if (wish->place->used_for)
    {
      g_autofree char *used_for = funnel_words_target (wish->place->used_for);

      body = g_strdup_printf (_ ("%s leads to: %s. That ends."), publish->url, used_for);
      ask (task, _ ("Replace what is there?"), body);
    }
  else
    go_on (task);
}

char *
funnel_publish_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, funnel_publish_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}
