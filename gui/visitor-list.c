/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/visitor-list.h"

#include <glib/gi18n.h>

#include "gui/focus.h"
#include "gui/labels.h"

#define ROWS_MAX 25
#define PAUSE_MS 1000 /* between two questions, however many visitors come */

struct _FunnelVisitorList
{
  AdwBin parent_instance;
  FunnelDBusShare *share;
  gulong notify_handler;
  GCancellable *asking; /* NULL: no question is under way */
  guint pause_source;   /* 0: may ask */
  gboolean again;       /* something has changed since the last question */
  GPtrArray *rows;      /* newest first */
  AdwPreferencesGroup *group;
};

G_DEFINE_FINAL_TYPE (FunnelVisitorList, funnel_visitor_list, ADW_TYPE_BIN)

static void ask (FunnelVisitorList *self);

static void
clear_rows (FunnelVisitorList *self)
{
  for (guint i = 0; i < self->rows->len; i++)
    adw_preferences_group_remove (self->group, g_ptr_array_index (self->rows, i));
  g_ptr_array_set_size (self->rows, 0);
}

static char *
make_subtitle (gint64 time, const char *source, const char *detail)
{
  g_autoptr (GDateTime) when = g_date_time_new_from_unix_local (time / G_USEC_PER_SEC);
  g_autofree char *clock = when ? g_date_time_format (when, "%X") : g_strdup ("");
  g_autofree char *visitor = funnel_words_clean (source);
  char *port = strrchr (visitor, ':');

  if (port)
    *port = '\0';
  return g_strdup_printf ("%s · %s · %s", clock, visitor, detail);
}

static GtkWidget *
make_row (GVariant *request)
{
  const char *source = NULL, *method = NULL, *path = NULL;
  guint64 bytes = 0;
  gint64 time = 0;
  guint32 milliseconds = 0;
  guint16 status = 0;
  gboolean complete = FALSE;
  g_autofree char *title = NULL;
  g_autofree char *detail = NULL;
  g_autofree char *subtitle = NULL;
  g_autofree char *title_markup = NULL;
  g_autofree char *subtitle_markup = NULL;
  GtkWidget *row = adw_action_row_new ();

  g_variant_get (request, "(tx&s&s&sqbtu)", NULL, &time, &source, &method, &path, &status,
                 &complete, &bytes, &milliseconds);
  title = funnel_words_request_title (method, path);
  detail = funnel_words_request_detail (status, complete, bytes, milliseconds);
  subtitle = make_subtitle (time, source, detail);
  title_markup = g_markup_escape_text (title, -1);
  subtitle_markup = g_markup_escape_text (subtitle, -1);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), title_markup);
  adw_action_row_set_title_lines (ADW_ACTION_ROW (row), 1);
  adw_action_row_set_subtitle (ADW_ACTION_ROW (row), subtitle_markup);
  return row;
}

/* The group can only append, so the rows are made anew; there are few. */
static void
show (FunnelVisitorList *self, GVariant *requests)
{
  gsize n = g_variant_n_children (requests);
  FunnelFocusPlace place = funnel_focus_find (self->rows);

  clear_rows (self);
  for (gsize i = n; i > 0 && self->rows->len < ROWS_MAX; i--)
    {
      g_autoptr (GVariant) request = g_variant_get_child_value (requests, i - 1);
      GtkWidget *row = make_row (request);

      adw_preferences_group_add (self->group, row);
      g_ptr_array_add (self->rows, row);
    }
  funnel_focus_restore (self->rows, place);
  adw_preferences_group_set_description (
      self->group, n ? _ ("Since the Funnel service started")
                     : _ ("Nobody has come since the Funnel service started"));
}

static gboolean
pause_cb (gpointer data)
{
  FunnelVisitorList *self = data;

  self->pause_source = 0;
  if (self->again)
    ask (self);
  return G_SOURCE_REMOVE;
}

static void
list_requests_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (FunnelVisitorList) self = data;
  g_autoptr (GVariant) requests = NULL;
  g_autoptr (GError) error = NULL;

  funnel_dbus_share_call_list_requests_finish (FUNNEL_DBUS_SHARE (source), &requests, result,
                                               &error);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  g_clear_object (&self->asking);
  if (requests)
    show (self, requests);
  else
    adw_preferences_group_set_description (self->group, _ ("They could not be found out"));
  self->pause_source = g_timeout_add (PAUSE_MS, pause_cb, self);
}

static void
ask (FunnelVisitorList *self)
{
  self->again = TRUE;
  if (!self->share || self->asking || self->pause_source
      || !gtk_widget_get_mapped (GTK_WIDGET (self)))
    return;
  self->again = FALSE;
  self->asking = g_cancellable_new ();
  funnel_dbus_share_call_list_requests (self->share, 0, self->asking, list_requests_cb,
                                        g_object_ref (self));
}

static void
drop_share (FunnelVisitorList *self)
{
  if (self->asking)
    g_cancellable_cancel (self->asking);
  g_clear_object (&self->asking);
  g_clear_handle_id (&self->pause_source, g_source_remove);
  if (self->share)
    g_clear_signal_handler (&self->notify_handler, self->share);
  g_clear_object (&self->share);
}

void
funnel_visitor_list_set_share (FunnelVisitorList *self, FunnelDBusShare *share)
{
  g_return_if_fail (FUNNEL_IS_VISITOR_LIST (self));
  drop_share (self);
  clear_rows (self);
  adw_preferences_group_set_description (self->group, NULL);
  if (!share)
    return;
  self->share = g_object_ref (share);
  self->notify_handler
      = g_signal_connect_swapped (share, "notify::requests", G_CALLBACK (ask), self);
  ask (self);
}

static void
funnel_visitor_list_map (GtkWidget *widget)
{
  GTK_WIDGET_CLASS (funnel_visitor_list_parent_class)->map (widget);
  ask (FUNNEL_VISITOR_LIST (widget));
}

static void
funnel_visitor_list_dispose (GObject *object)
{
  FunnelVisitorList *self = FUNNEL_VISITOR_LIST (object);

  drop_share (self);
  g_clear_pointer (&self->rows, g_ptr_array_unref);
  G_OBJECT_CLASS (funnel_visitor_list_parent_class)->dispose (object);
}

static void
funnel_visitor_list_class_init (FunnelVisitorListClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = funnel_visitor_list_dispose;
  GTK_WIDGET_CLASS (klass)->map = funnel_visitor_list_map;
}

static void
funnel_visitor_list_init (FunnelVisitorList *self)
{
  self->rows = g_ptr_array_new ();
  self->group = ADW_PREFERENCES_GROUP (adw_preferences_group_new ());
  adw_preferences_group_set_title (self->group, _ ("Recent visitors"));
  adw_bin_set_child (ADW_BIN (self), GTK_WIDGET (self->group));
}
