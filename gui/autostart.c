/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/autostart.h"

#include <errno.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <libportal/portal.h>

#define ENTRY_NAME "org.openfunnel.Funnel.desktop"
#define PORTAL_SECONDS 120 /* the user may be asked */

static const char ENTRY[] = "[Desktop Entry]\n"
                            "Type=Application\n"
                            "Name=Funnel\n"
                            "Icon=org.openfunnel.Funnel\n"
                            "Exec=funnel-gtk --gapplication-service\n"
                            "X-GNOME-Autostart-enabled=true\n"
                            "NoDisplay=true\n";

gboolean
funnel_autostart_is_sandboxed (void)
{
  return g_file_test ("/.flatpak-info", G_FILE_TEST_EXISTS);
}

char *
funnel_autostart_get_file (void)
{
  if (funnel_autostart_is_sandboxed ())
    return NULL;
  return g_build_filename (g_get_user_config_dir (), "autostart", ENTRY_NAME, NULL);
}

gboolean
funnel_autostart_is_on (void)
{
  g_autofree char *file = funnel_autostart_get_file ();
  g_autoptr (GKeyFile) entry = g_key_file_new ();
  g_autofree char *enabled = NULL;

  if (!file || !g_key_file_load_from_file (entry, file, G_KEY_FILE_NONE, NULL))
    return FALSE;
  enabled = g_key_file_get_string (entry, "Desktop Entry", "X-GNOME-Autostart-enabled", NULL);
  return !g_key_file_get_boolean (entry, "Desktop Entry", "Hidden", NULL)
         && g_strcmp0 (enabled, "false") != 0;
}

static gboolean
write_file (gboolean on, GError **error)
{
  g_autofree char *file = funnel_autostart_get_file ();
  g_autofree char *folder = g_path_get_dirname (file);

  if (on && g_mkdir_with_parents (folder, 0700) < 0)
    {
      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno), _ ("Cannot create %s: %s"),
                   folder, g_strerror (errno));
      return FALSE;
    }
  if (on)
    return g_file_set_contents (file, ENTRY, -1, error);
  if (g_unlink (file) == 0 || errno == ENOENT)
    return TRUE;
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno), _ ("Cannot remove %s: %s"), file,
               g_strerror (errno));
  return FALSE;
}

/* --- In a sandbox --- */

typedef struct
{
  GCancellable *inner; /* of the request; ends with the task's and with the deadline */
  GCancellable *outer;
  gulong handler;
  guint deadline;
  gboolean late;
} Request;

static void
request_free (gpointer data)
{
  Request *request = data;

  g_cancellable_disconnect (request->outer, request->handler);
  g_clear_object (&request->outer);
  g_clear_handle_id (&request->deadline, g_source_remove);
  g_clear_object (&request->inner);
  g_free (request);
}

static gboolean
on_deadline (gpointer data)
{
  Request *request = data;

  request->deadline = 0;
  request->late = TRUE;
  g_cancellable_cancel (request->inner);
  return G_SOURCE_REMOVE;
}

static void
request_background_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Request *request = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;

  if (xdp_portal_request_background_finish (XDP_PORTAL (source), result, &error))
    g_task_return_boolean (task, TRUE);
  else if (request->late)
    g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                             _ ("This desktop does not answer"));
  else if (g_task_return_error_if_cancelled (task))
    return;
  else if (!error || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
                             _ ("The desktop did not allow it"));
  else
    g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                             _ ("This desktop does not offer it to sandboxed programs"));
}

static void
on_cancelled (GCancellable *outer, gpointer inner)
{
  g_cancellable_cancel (inner);
}

static void
ask_portal (GTask *task, gboolean on, const char *reason)
{
  g_autoptr (XdpPortal) portal = xdp_portal_new ();
  g_autoptr (GPtrArray) command = g_ptr_array_new ();
  Request *request = g_new0 (Request, 1);

  request->inner = g_cancellable_new ();
  if (g_task_get_cancellable (task))
    {
      request->outer = g_object_ref (g_task_get_cancellable (task));
      request->handler = g_cancellable_connect (request->outer, G_CALLBACK (on_cancelled),
                                                g_object_ref (request->inner), g_object_unref);
    }
  request->deadline = g_timeout_add_seconds (PORTAL_SECONDS, on_deadline, request);
  g_task_set_task_data (task, request, request_free);
  g_ptr_array_add (command, (gpointer) "funnel-gtk");
  g_ptr_array_add (command, (gpointer) "--gapplication-service");
  xdp_portal_request_background (portal, NULL, (char *)reason, command,
                                 on ? XDP_BACKGROUND_FLAG_AUTOSTART : XDP_BACKGROUND_FLAG_NONE,
                                 request->inner, request_background_cb, g_object_ref (task));
}

void
funnel_autostart_set_async (gboolean on,
                            const char *reason,
                            GCancellable *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  GError *error = NULL;

  g_task_set_source_tag (task, funnel_autostart_set_async);
  if (funnel_autostart_is_sandboxed ())
    ask_portal (task, on, reason);
  else if (write_file (on, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

gboolean
funnel_autostart_set_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, NULL), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}
