/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/join-page.h"

#include <glib/gi18n.h>

#include "gui/join-link.h"
#include "gui/labels.h"

/* The steps of a join, in their order. */
typedef enum
{
  STEP_READ,
  STEP_ASK,
  STEP_TUNNEL,
  STEP_LINK,
  STEP_DONE,
} Step;

struct _FunnelJoinPage
{
  AdwBin parent_instance;
  FunnelConnection *connection;
  GCancellable *joining; /* NULL: the daemon is not being asked */
  gboolean busy;
  Step step; /* that is under way */
  char *host;
  GtkWidget *form;
  GtkEntry *entry;
  GtkLabel *error;
  GtkWidget *join;
  GtkListBox *steps;
  GtkWidget *go_on;
  AdwActionRow *rows[STEP_DONE];
  GtkImage *icons[STEP_DONE];
};

static guint changed_signal;

G_DEFINE_FINAL_TYPE (FunnelJoinPage, funnel_join_page, ADW_TYPE_BIN)

static char *
make_title (FunnelJoinPage *self, Step step)
{
  switch (step)
    {
    case STEP_READ:
      return g_strdup (_ ("Read the join line"));
    case STEP_ASK:
      return g_strdup_printf (_ ("Register at %s"), self->host);
    case STEP_TUNNEL:
      return g_strdup (_ ("Build the tunnel"));
    case STEP_LINK:
    case STEP_DONE:
    default:
      return g_strdup (_ ("Connect to the ingress"));
    }
}

/* @detail: of the step under way; NULL nothing. */
static void
show_steps (FunnelJoinPage *self, const char *detail)
{
  for (Step i = STEP_READ; i < STEP_DONE; i++)
    {
      g_autofree char *title = make_title (self, i);
      g_autofree char *clean = funnel_words_sentence (i == self->step ? detail : NULL);
      const char *words = i < self->step    ? _ ("Done")
                          : i == self->step ? (*clean ? clean : _ ("Under way…"))
                                            : "";

      adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self->rows[i]), title);
      adw_action_row_set_subtitle (self->rows[i], words);
      gtk_image_set_from_icon_name (self->icons[i], i < self->step    ? "emblem-ok-symbolic"
                                                    : i == self->step ? "content-loading-symbolic"
                                                                      : NULL);
    }
}

static void
set_busy (FunnelJoinPage *self, gboolean busy)
{
  self->busy = busy;
  gtk_widget_set_visible (self->form, !busy);
  gtk_widget_set_visible (GTK_WIDGET (self->steps), busy);
  gtk_widget_set_visible (self->go_on, FALSE);
  g_signal_emit (self, changed_signal, 0);
}

static void
show_error (FunnelJoinPage *self, const char *text)
{
  g_autofree char *clean = funnel_words_sentence (text);

  gtk_label_set_text (self->error, clean);
  gtk_widget_set_visible (GTK_WIDGET (self->error), *clean != '\0');
}

static void
finish (FunnelJoinPage *self)
{
  gtk_editable_set_text (GTK_EDITABLE (self->entry), "");
  set_busy (self, FALSE);
  gtk_widget_activate_action (GTK_WIDGET (self), "app.new-share", NULL);
}

/* After the daemon has joined: what the ingress object says. */
static void
follow (FunnelJoinPage *self)
{
  g_autoptr (FunnelDBusIngress) ingress = NULL;
  const char *state = NULL;

  if (!self->busy || self->joining)
    return;
  if (!funnel_connection_has_data (self->connection))
    {
      set_busy (self, FALSE);
      return;
    }
  ingress = funnel_connection_ref_ingress (self->connection);
  state = ingress ? funnel_dbus_ingress_get_state (ingress) : NULL;
  self->step = g_strcmp0 (state, "linked") == 0      ? STEP_DONE
               : g_strcmp0 (state, "link-down") == 0 ? STEP_LINK
                                                     : STEP_TUNNEL;
  show_steps (self, ingress ? funnel_dbus_ingress_get_reason (ingress) : NULL);
  gtk_widget_set_visible (self->go_on, TRUE);
  if (self->step == STEP_DONE)
    finish (self);
}

static void
client_join_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (FunnelJoinPage) self = data;
  g_autoptr (GError) error = NULL;
  g_autofree char *path = funnel_client_join_finish (FUNNEL_CLIENT (source), result, &error);

  g_clear_object (&self->joining);
  if (!path)
    {
      set_busy (self, FALSE);
      show_error (self, error->message);
      gtk_widget_grab_focus (GTK_WIDGET (self->entry));
      return;
    }
  follow (self);
}

static void
on_join (FunnelJoinPage *self)
{
  FunnelClient *client = funnel_connection_get_client (self->connection);
  g_autoptr (GError) error = NULL;
  g_autoptr (FunnelToken) token = NULL;
  char *text = NULL;

  if (self->busy || !client)
    return;
  token = funnel_join_link_read (gtk_editable_get_text (GTK_EDITABLE (self->entry)), &text, &error);
  if (!token)
    {
      show_error (self, error->message);
      return;
    }
  show_error (self, NULL);
  g_debug ("asking to join %s", token->host);
  g_free (self->host);
  self->host = funnel_words_clean (token->host);
  self->joining = g_cancellable_new ();
  self->step = STEP_ASK;
  set_busy (self, TRUE);
  show_steps (self, NULL);
  funnel_client_join_async (client, text, self->joining, client_join_cb, g_object_ref (self));
  funnel_secret_free (text);
}

static void
on_go_on (FunnelJoinPage *self)
{
  finish (self);
}

static void
on_entry_changed (FunnelJoinPage *self)
{
  gtk_widget_set_sensitive (self->join,
                            *gtk_editable_get_text (GTK_EDITABLE (self->entry)) != '\0');
  show_error (self, NULL);
}

static void
read_text_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (FunnelJoinPage) self = data;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = gdk_clipboard_read_text_finish (GDK_CLIPBOARD (source), result, &error);

  if (text)
    funnel_join_page_set_link (self, text);
  else
    show_error (self, _ ("The clipboard could not be read; type Ctrl+V in the field instead"));
}

static void
on_entry_icon_release (FunnelJoinPage *self)
{
  gdk_clipboard_read_text_async (gtk_widget_get_clipboard (GTK_WIDGET (self)), NULL, read_text_cb,
                                 g_object_ref (self));
}

void
funnel_join_page_set_link (FunnelJoinPage *self, const char *link)
{
  g_autofree char *clean = funnel_words_clean (link);

  g_return_if_fail (FUNNEL_IS_JOIN_PAGE (self));
  gtk_editable_set_text (GTK_EDITABLE (self->entry), g_strstrip (clean));
  gtk_widget_grab_focus (GTK_WIDGET (self->entry));
}

gboolean
funnel_join_page_is_busy (FunnelJoinPage *self)
{
  return self->busy;
}

void
funnel_join_page_set_connection (FunnelJoinPage *self, FunnelConnection *connection)
{
  g_return_if_fail (FUNNEL_IS_JOIN_PAGE (self));
  self->connection = g_object_ref (connection);
  g_signal_connect_object (connection, "changed", G_CALLBACK (follow), self, G_CONNECT_SWAPPED);
}

static void
add_step (FunnelJoinPage *self, Step step)
{
  AdwActionRow *row = ADW_ACTION_ROW (adw_action_row_new ());

  self->icons[step] = GTK_IMAGE (gtk_image_new ());
  adw_action_row_add_prefix (row, GTK_WIDGET (self->icons[step]));
  adw_action_row_set_subtitle_lines (row, 3);
  self->rows[step] = row;
  gtk_list_box_append (self->steps, GTK_WIDGET (row));
}

/* What there is to do here is typing. */
static void
funnel_join_page_map (GtkWidget *widget)
{
  GTK_WIDGET_CLASS (funnel_join_page_parent_class)->map (widget);
  gtk_widget_grab_focus (GTK_WIDGET (FUNNEL_JOIN_PAGE (widget)->entry));
}

static void
funnel_join_page_dispose (GObject *object)
{
  FunnelJoinPage *self = FUNNEL_JOIN_PAGE (object);

  if (self->joining)
    g_cancellable_cancel (self->joining);
  g_clear_object (&self->joining);
  g_clear_object (&self->connection);
  g_clear_pointer (&self->host, g_free);
  G_OBJECT_CLASS (funnel_join_page_parent_class)->dispose (object);
}

static void
funnel_join_page_class_init (FunnelJoinPageClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = funnel_join_page_dispose;
  widget_class->map = funnel_join_page_map;
  changed_signal = g_signal_new ("changed", FUNNEL_TYPE_JOIN_PAGE, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                 NULL, G_TYPE_NONE, 0);
  gtk_widget_class_set_template_from_resource (widget_class, "/org/openfunnel/Funnel/join-page.ui");
  gtk_widget_class_bind_template_child (widget_class, FunnelJoinPage, form);
  gtk_widget_class_bind_template_child (widget_class, FunnelJoinPage, entry);
  gtk_widget_class_bind_template_child (widget_class, FunnelJoinPage, error);
  gtk_widget_class_bind_template_child (widget_class, FunnelJoinPage, join);
  gtk_widget_class_bind_template_child (widget_class, FunnelJoinPage, steps);
  gtk_widget_class_bind_template_child (widget_class, FunnelJoinPage, go_on);
  gtk_widget_class_bind_template_callback (widget_class, on_join);
  gtk_widget_class_bind_template_callback (widget_class, on_go_on);
  gtk_widget_class_bind_template_callback (widget_class, on_entry_changed);
  gtk_widget_class_bind_template_callback (widget_class, on_entry_icon_release);
}

static void
funnel_join_page_init (FunnelJoinPage *self)
{
  self->host = g_strdup ("");
  gtk_widget_init_template (GTK_WIDGET (self));
  for (Step i = STEP_READ; i < STEP_DONE; i++)
    add_step (self, i);
}
