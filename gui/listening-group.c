/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/listening-group.h"

#include <glib/gi18n.h>

#include "gui/autostart.h"
#include "gui/focus.h"
#include "gui/labels.h"
#include "gui/port-guess.h"
#include "gui/tell.h"

#define ROWS_MAX 60

struct _FunnelListeningGroup
{
  AdwPreferencesGroup parent_instance;
  FunnelConnection *connection;
  GCancellable *looking; /* NULL: nobody looks */
  GPtrArray *rows;
  GHashTable *programs; /* port to what waits there, in words; as far as known */
};

enum
{
  WANTED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (FunnelListeningGroup, funnel_listening_group, ADW_TYPE_PREFERENCES_GROUP)

/* --- Switching --- */

static FunnelDBusShare *
find_share (FunnelListeningGroup *self, guint16 port)
{
  GListModel *shares = funnel_connection_get_shares (self->connection);
  g_autofree char *wanted = g_strdup_printf (":%u", port);

  for (guint i = 0; i < g_list_model_get_n_items (shares); i++)
    {
      g_autoptr (FunnelDBusShare) share = g_list_model_get_item (shares, i);
      const char *target = funnel_dbus_share_get_target (share);

      if (target && (strstr (target, "//localhost:") || strstr (target, "//127.0.0.1:"))
          && g_str_has_suffix (target, wanted))
        return g_steal_pointer (&share);
    }
  return NULL;
}

static void
set_enabled_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (FunnelListeningGroup) self = data;
  GError *error = NULL;

  funnel_dbus_share_call_set_enabled_finish (FUNNEL_DBUS_SHARE (source), result, &error);
  if (error)
    funnel_listening_group_look_again (self);
  funnel_tell_error (GTK_WIDGET (self), error);
}

static gboolean
on_port_state_set (GtkSwitch *toggle, gboolean on, FunnelListeningGroup *self)
{
  guint port = GPOINTER_TO_UINT (g_object_get_data (G_OBJECT (toggle), "funnel-port"));
  g_autoptr (FunnelDBusShare) share = find_share (self, (guint16)port);

  if (share)
    funnel_dbus_share_call_set_enabled (share, on, NULL, set_enabled_cb, g_object_ref (self));
  else if (on)
    g_signal_emit (self, signals[WANTED], 0, port);
  return FALSE;
}

/* --- Showing --- */

static void
add_row (FunnelListeningGroup *self, GtkWidget *row)
{
  adw_preferences_group_add (ADW_PREFERENCES_GROUP (self), row);
  g_ptr_array_add (self->rows, row);
}

typedef struct
{
  FunnelListeningGroup *group;
  GtkWidget *row;
  guint16 port;
} Guess;

/* The row may be out of the page by now, which does no harm. */
static void
guess_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Guess *guess = data;
  g_autofree char *words = funnel_port_guess_finish (result, NULL);
  g_autofree char *markup = words ? g_markup_escape_text (words, -1) : NULL;

  if (markup)
    {
      adw_action_row_set_subtitle (ADW_ACTION_ROW (guess->row), markup);
      g_hash_table_insert (guess->group->programs, GUINT_TO_POINTER (guess->port),
                           g_steal_pointer (&words));
    }
  g_object_unref (guess->group);
  g_object_unref (guess->row);
  g_free (guess);
}

static void
guess_what_listens (FunnelListeningGroup *self, GtkWidget *row, guint16 port)
{
  Guess *guess = g_new (Guess, 1);

  *guess = (Guess) {.group = g_object_ref (self), .row = g_object_ref (row), .port = port};
  funnel_port_guess_async (port, self->looking, guess_cb, guess);
}

/* Whose program it is cannot be seen from a sandbox; there the port itself is asked. */
static void
tell_what_listens (FunnelListeningGroup *self,
                   GtkWidget *row,
                   guint16 port,
                   guint pid,
                   const char *program)
{
  g_autofree char *words = funnel_words_listening (program, pid);
  g_autofree char *markup = g_markup_escape_text (words, -1);

  if (pid == 0 && funnel_autostart_is_sandboxed ())
    {
      guess_what_listens (self, row, port);
      return;
    }
  adw_action_row_set_subtitle (ADW_ACTION_ROW (row), markup);
  if (*program)
    g_hash_table_insert (self->programs, GUINT_TO_POINTER (port), g_strdup (program));
}

static void
add_port (FunnelListeningGroup *self, guint16 port, guint pid, const char *program)
{
  g_autofree char *title = g_strdup_printf (_ ("Port %u"), port);
  g_autoptr (FunnelDBusShare) share = find_share (self, port);
  GtkWidget *row = adw_action_row_new (), *toggle = gtk_switch_new ();

  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), title);
  tell_what_listens (self, row, port, pid, program);
  gtk_switch_set_active (GTK_SWITCH (toggle), share && funnel_dbus_share_get_enabled (share));
  gtk_widget_set_valign (toggle, GTK_ALIGN_CENTER);
  g_object_set_data (G_OBJECT (toggle), "funnel-port", GUINT_TO_POINTER (port));
  g_object_set_data (G_OBJECT (row), "funnel-port", GUINT_TO_POINTER (port));
  g_signal_connect_object (toggle, "state-set", G_CALLBACK (on_port_state_set), self, 0);
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), toggle);
  adw_action_row_set_activatable_widget (ADW_ACTION_ROW (row), toggle);
  add_row (self, row);
}

static void
clear_rows (FunnelListeningGroup *self)
{
  for (guint i = 0; i < self->rows->len; i++)
    adw_preferences_group_remove (ADW_PREFERENCES_GROUP (self), g_ptr_array_index (self->rows, i));
  g_ptr_array_set_size (self->rows, 0);
  g_hash_table_remove_all (self->programs);
}

static void
add_note (FunnelListeningGroup *self, const char *text)
{
  GtkWidget *row = adw_action_row_new ();

  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), text);
  gtk_widget_add_css_class (row, "dim-label");
  add_row (self, row);
}

/* The port of a row; 0: it is none's. */
static guint
get_port (FunnelListeningGroup *self, int row)
{
  return GPOINTER_TO_UINT (
      g_object_get_data (g_ptr_array_index (self->rows, (guint)row), "funnel-port"));
}

/* Ports come and go, and a switch that gets the keyboard must be the one that had it. */
static void
restore_focus (FunnelListeningGroup *self, FunnelFocusPlace place, guint port)
{
  if (place.row < 0)
    return;
  for (guint i = 0; i < self->rows->len; i++)
    if (get_port (self, (int)i) == port)
      place.row = (int)i;
  funnel_focus_restore (self->rows, place);
}

static void
show_ports (FunnelListeningGroup *self, GVariant *ports)
{
  GVariantIter iter;
  guint16 port = 0, last = 0;
  guint32 pid = 0;
  const char *program = NULL;
  FunnelFocusPlace place = funnel_focus_find (self->rows);
  guint kept = place.row < 0 ? 0 : get_port (self, place.row);

  clear_rows (self);
  g_variant_iter_init (&iter, ports);
  while (self->rows->len < ROWS_MAX
         && g_variant_iter_next (&iter, "(q&su&s)", &port, NULL, &pid, &program))
    {
      /* One row for a port, whatever its addresses; they come in the order of the ports. */
      if (port != last)
        add_port (self, port, pid, program);
      last = port;
    }
  if (self->rows->len == 0)
    add_note (self, _ ("No program waits for connections. Start one, then look again."));
  restore_focus (self, place, kept);
}

static void
list_listening_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (FunnelListeningGroup) self = data;
  g_autoptr (GVariant) ports = NULL;
  GError *error = NULL;

  funnel_dbus_manager_call_list_listening_finish (FUNNEL_DBUS_MANAGER (source), &ports, result,
                                                  &error);
  /* Nobody looks any more, and the rows may be gone. */
  if (!self->looking)
    {
      g_clear_error (&error);
      return;
    }
  if (ports)
    {
      show_ports (self, ports);
      return;
    }
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      g_error_free (error);
      return;
    }
  clear_rows (self);
  add_note (self, _ ("What listens could not be found out."));
  funnel_tell_error (GTK_WIDGET (self), error);
}

/* --- Looking --- */

void
funnel_listening_group_look (FunnelListeningGroup *self)
{
  FunnelClient *client = NULL;

  g_return_if_fail (FUNNEL_IS_LISTENING_GROUP (self));
  funnel_listening_group_close (self);
  client = funnel_connection_get_client (self->connection);
  if (!client)
    return;
  self->looking = g_cancellable_new ();
  funnel_dbus_manager_call_list_listening (funnel_client_get_manager (client), self->looking,
                                           list_listening_cb, g_object_ref (self));
}

void
funnel_listening_group_look_again (FunnelListeningGroup *self)
{
  g_return_if_fail (FUNNEL_IS_LISTENING_GROUP (self));
  if (self->looking)
    funnel_listening_group_look (self);
}

void
funnel_listening_group_close (FunnelListeningGroup *self)
{
  g_return_if_fail (FUNNEL_IS_LISTENING_GROUP (self));
  if (self->looking)
    g_cancellable_cancel (self->looking);
  g_clear_object (&self->looking);
}

const char *
funnel_listening_group_find_program (FunnelListeningGroup *self, const char *target)
{
  guint64 port = 0;

  g_return_val_if_fail (FUNNEL_IS_LISTENING_GROUP (self), NULL);
  if (!g_ascii_string_to_unsigned (target, 10, 1, G_MAXUINT16, &port, NULL))
    return NULL;
  return g_hash_table_lookup (self->programs, GUINT_TO_POINTER ((guint)port));
}

void
funnel_listening_group_set_connection (FunnelListeningGroup *self, FunnelConnection *connection)
{
  g_return_if_fail (FUNNEL_IS_LISTENING_GROUP (self));
  self->connection = g_object_ref (connection);
}

static void
funnel_listening_group_dispose (GObject *object)
{
  FunnelListeningGroup *self = FUNNEL_LISTENING_GROUP (object);

  funnel_listening_group_close (self);
  g_clear_object (&self->connection);
  g_clear_pointer (&self->rows, g_ptr_array_unref);
  G_OBJECT_CLASS (funnel_listening_group_parent_class)->dispose (object);
}

static void
funnel_listening_group_finalize (GObject *object)
{
  g_hash_table_unref (FUNNEL_LISTENING_GROUP (object)->programs);
  G_OBJECT_CLASS (funnel_listening_group_parent_class)->finalize (object);
}

static void
funnel_listening_group_class_init (FunnelListeningGroupClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = funnel_listening_group_dispose;
  G_OBJECT_CLASS (klass)->finalize = funnel_listening_group_finalize;
  signals[WANTED] = g_signal_new ("wanted", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                  NULL, NULL, G_TYPE_NONE, 1, G_TYPE_UINT);
}

static void
funnel_listening_group_init (FunnelListeningGroup *self)
{
  self->rows = g_ptr_array_new ();
  self->programs = g_hash_table_new_full (NULL, NULL, NULL, g_free);
}
