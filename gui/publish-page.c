/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/publish-page.h"

#include <glib/gi18n.h>

#include "gui/autostart.h"
#include "gui/labels.h"
#include "gui/places.h"
#include "gui/port-guess.h"
#include "gui/publish.h"
#include "gui/tell.h"

#define ROWS_MAX 60

struct _FunnelPublishPage
{
  AdwBin parent_instance;
  FunnelConnection *connection;
  GCancellable *looking; /* NULL: nobody looks */
  GPtrArray *places;     /* FunnelPlace, as in the combo */
  GPtrArray *rows;       /* of the ports */
  GHashTable *programs;  /* port to what waits there, in words; as far as known */
  AdwPreferencesGroup *ports;
  AdwEntryRow *target;
  AdwComboRow *kind;
  AdwComboRow *place;
  AdwEntryRow *other_place; /* shown when none of the list is meant */
  GtkWidget *publish;
};

/* Of shares, in the order of the combo. */
static const char *const kinds[] = {"https", "tls-terminated-tcp", "tcp"};

G_DEFINE_FINAL_TYPE (FunnelPublishPage, funnel_publish_page, ADW_TYPE_BIN)

/* --- Where to, and how --- */

static const char *
get_kind (FunnelPublishPage *self)
{
  return kinds[MIN (adw_combo_row_get_selected (self->kind), G_N_ELEMENTS (kinds) - 1)];
}

static gboolean
is_other_place (FunnelPublishPage *self)
{
  return self->places && adw_combo_row_get_selected (self->place) == self->places->len;
}

static char *
describe_place (const FunnelPlace *place, const char *kind)
{
  g_autofree char *url = funnel_place_dup_url (place, kind);
  g_autofree char *used_for = NULL;

  if (!place->used_for)
    return g_steal_pointer (&url);
  used_for = funnel_words_target (place->used_for);
  /* Translators: an address, and what is published there now. */
  return g_strdup_printf (_ ("%s (now: %s)"), url, used_for);
}

static void
show_places (FunnelPublishPage *self)
{
  g_autoptr (FunnelDBusIngress) ingress = funnel_connection_ref_ingress (self->connection);
  g_autoptr (GtkStringList) texts = gtk_string_list_new (NULL);

  g_clear_pointer (&self->places, g_ptr_array_unref);
  self->places = funnel_places_list (ingress, funnel_connection_get_shares (self->connection));
  for (guint i = 0; i < self->places->len; i++)
    gtk_string_list_take (texts,
                          describe_place (g_ptr_array_index (self->places, i), get_kind (self)));
  gtk_string_list_append (texts, _ ("Another name or port…"));
  adw_combo_row_set_model (self->place, G_LIST_MODEL (texts));
}

static const FunnelPlace *
find_free (FunnelPublishPage *self)
{
  const FunnelPlace *first
      = self->places && self->places->len > 0 ? g_ptr_array_index (self->places, 0) : NULL;

  return first && !first->used_for ? first : NULL;
}

/* --- Publishing --- */

/* What waits on the port that @target is; NULL if it is none, or one nothing is known of. */
static const char *
find_program (FunnelPublishPage *self, const char *target)
{
  guint64 port = 0;

  if (!g_ascii_string_to_unsigned (target, 10, 1, G_MAXUINT16, &port, NULL))
    return NULL;
  return g_hash_table_lookup (self->programs, GUINT_TO_POINTER ((guint)port));
}

static void
publish_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (FunnelPublishPage) self = data;
  g_autoptr (GError) error = NULL;
  g_autofree char *path = funnel_publish_finish (result, &error);

  if (path)
    {
      gtk_editable_set_text (GTK_EDITABLE (self->target), "");
      gtk_widget_activate_action (GTK_WIDGET (self), "win.share-details", "s", path);
    }
  else if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    funnel_tell (GTK_WIDGET (self), error->message);
  /* The switch stands where the share does. */
  if (!path && self->looking)
    funnel_publish_page_open (self);
}

static void
publish (FunnelPublishPage *self, const char *target, const char *kind, const FunnelPlace *place)
{
  FunnelWish wish = {.target = target,
                     .program = find_program (self, target),
                     .kind = kind,
                     .path = "/",
                     .place = place};

  funnel_publish_async (GTK_WIDGET (self), self->connection, &wish, NULL, publish_cb,
                        g_object_ref (self));
}

static void
publish_at_other_place (FunnelPublishPage *self, const char *target)
{
  const char *text = gtk_editable_get_text (GTK_EDITABLE (self->other_place));
  FunnelPlace *place = funnel_place_read (text, funnel_connection_get_shares (self->connection));

  if (place)
    publish (self, target, get_kind (self), place);
  else
    funnel_tell (GTK_WIDGET (self), _ ("Type a name, or name:port, such as blog.example.org:8443"));
  g_clear_pointer (&place, funnel_place_free);
}

static void
on_publish (FunnelPublishPage *self)
{
  const char *target = gtk_editable_get_text (GTK_EDITABLE (self->target));
  guint chosen = adw_combo_row_get_selected (self->place);

  if (!*target || !self->places)
    return;
  if (is_other_place (self))
    publish_at_other_place (self, target);
  else if (chosen < self->places->len)
    publish (self, target, get_kind (self), g_ptr_array_index (self->places, chosen));
}

static void
on_choice_changed (FunnelPublishPage *self)
{
  const char *target = gtk_editable_get_text (GTK_EDITABLE (self->target));
  const char *other = gtk_editable_get_text (GTK_EDITABLE (self->other_place));

  gtk_widget_set_visible (GTK_WIDGET (self->other_place), is_other_place (self));
  gtk_widget_set_sensitive (self->publish,
                            *target && self->places && (!is_other_place (self) || *other));
}

/* Addresses look different; the chosen one stays. */
static void
on_kind_changed (FunnelPublishPage *self)
{
  guint chosen = adw_combo_row_get_selected (self->place);

  if (!self->places)
    return;
  show_places (self);
  adw_combo_row_set_selected (self->place, MIN (chosen, self->places->len));
}

/* --- What listens --- */

static FunnelDBusShare *
find_share (FunnelPublishPage *self, guint16 port)
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
  g_autoptr (FunnelPublishPage) self = data;
  GError *error = NULL;

  funnel_dbus_share_call_set_enabled_finish (FUNNEL_DBUS_SHARE (source), result, &error);
  if (error && self->looking)
    funnel_publish_page_open (self);
  funnel_tell_error (GTK_WIDGET (self), error);
}

static gboolean
on_port_state_set (GtkSwitch *toggle, gboolean on, FunnelPublishPage *self)
{
  guint port = GPOINTER_TO_UINT (g_object_get_data (G_OBJECT (toggle), "funnel-port"));
  g_autoptr (FunnelDBusShare) share = find_share (self, (guint16)port);
  g_autofree char *target = g_strdup_printf ("%u", port);
  const FunnelPlace *place = NULL;

  if (share)
    {
      funnel_dbus_share_call_set_enabled (share, on, NULL, set_enabled_cb, g_object_ref (self));
      return FALSE;
    }
  if (!on)
    return FALSE;
  show_places (self);
  place = find_free (self);
  if (place)
    {
      publish (self, target, kinds[0], place);
      return FALSE;
    }
  funnel_tell (GTK_WIDGET (self),
               _ ("Every address the ingress grants is in use; choose one below to replace"));
  gtk_editable_set_text (GTK_EDITABLE (self->target), target);
  return TRUE;
}

static void
add_row (FunnelPublishPage *self, GtkWidget *row)
{
  adw_preferences_group_add (self->ports, row);
  g_ptr_array_add (self->rows, row);
}

typedef struct
{
  FunnelPublishPage *page;
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
      g_hash_table_insert (guess->page->programs, GUINT_TO_POINTER (guess->port),
                           g_steal_pointer (&words));
    }
  g_object_unref (guess->page);
  g_object_unref (guess->row);
  g_free (guess);
}

static void
guess_what_listens (FunnelPublishPage *self, GtkWidget *row, guint16 port)
{
  Guess *guess = g_new (Guess, 1);

  *guess = (Guess) {.page = g_object_ref (self), .row = g_object_ref (row), .port = port};
  funnel_port_guess_async (port, self->looking, guess_cb, guess);
}

/* Whose program it is cannot be seen from a sandbox; there the port itself is asked. */
static void
tell_what_listens (FunnelPublishPage *self,
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
add_port (FunnelPublishPage *self, guint16 port, guint pid, const char *program)
{
  g_autofree char *title = g_strdup_printf (_ ("Port %u"), port);
  g_autoptr (FunnelDBusShare) share = find_share (self, port);
  GtkWidget *row = adw_action_row_new (), *toggle = gtk_switch_new ();

  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), title);
  tell_what_listens (self, row, port, pid, program);
  gtk_switch_set_active (GTK_SWITCH (toggle), share && funnel_dbus_share_get_enabled (share));
  gtk_widget_set_valign (toggle, GTK_ALIGN_CENTER);
  g_object_set_data (G_OBJECT (toggle), "funnel-port", GUINT_TO_POINTER (port));
  g_signal_connect_object (toggle, "state-set", G_CALLBACK (on_port_state_set), self, 0);
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), toggle);
  adw_action_row_set_activatable_widget (ADW_ACTION_ROW (row), toggle);
  add_row (self, row);
}

static void
clear_rows (FunnelPublishPage *self)
{
  for (guint i = 0; i < self->rows->len; i++)
    adw_preferences_group_remove (self->ports, g_ptr_array_index (self->rows, i));
  g_ptr_array_set_size (self->rows, 0);
  g_hash_table_remove_all (self->programs);
}

static void
add_note (FunnelPublishPage *self, const char *text)
{
  GtkWidget *row = adw_action_row_new ();

  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), text);
  gtk_widget_add_css_class (row, "dim-label");
  add_row (self, row);
}

static void
show_ports (FunnelPublishPage *self, GVariant *ports)
{
  GVariantIter iter;
  guint16 port = 0, last = 0;
  guint32 pid = 0;
  const char *program = NULL;

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
}

static void
list_listening_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (FunnelPublishPage) self = data;
  g_autoptr (GVariant) ports = NULL;
  GError *error = NULL;

  funnel_dbus_manager_call_list_listening_finish (FUNNEL_DBUS_MANAGER (source), &ports, result,
                                                  &error);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      g_error_free (error);
      return;
    }
  if (ports)
    {
      show_ports (self, ports);
      return;
    }
  clear_rows (self);
  add_note (self, _ ("What listens could not be found out."));
  funnel_tell_error (GTK_WIDGET (self), error);
}

void
funnel_publish_page_open (FunnelPublishPage *self)
{
  FunnelClient *client = NULL;

  g_return_if_fail (FUNNEL_IS_PUBLISH_PAGE (self));
  funnel_publish_page_close (self);
  client = funnel_connection_get_client (self->connection);
  if (!client)
    return;
  show_places (self);
  self->looking = g_cancellable_new ();
  funnel_dbus_manager_call_list_listening (funnel_client_get_manager (client), self->looking,
                                           list_listening_cb, g_object_ref (self));
}

void
funnel_publish_page_close (FunnelPublishPage *self)
{
  g_return_if_fail (FUNNEL_IS_PUBLISH_PAGE (self));
  if (self->looking)
    g_cancellable_cancel (self->looking);
  g_clear_object (&self->looking);
}

static void
on_refresh (FunnelPublishPage *self)
{
  funnel_publish_page_open (self);
}

void
funnel_publish_page_set_connection (FunnelPublishPage *self, FunnelConnection *connection)
{
  g_return_if_fail (FUNNEL_IS_PUBLISH_PAGE (self));
  self->connection = g_object_ref (connection);
}

static void
funnel_publish_page_dispose (GObject *object)
{
  FunnelPublishPage *self = FUNNEL_PUBLISH_PAGE (object);

  funnel_publish_page_close (self);
  g_clear_object (&self->connection);
  g_clear_pointer (&self->places, g_ptr_array_unref);
  g_clear_pointer (&self->rows, g_ptr_array_unref);
  g_clear_pointer (&self->programs, g_hash_table_unref);
  G_OBJECT_CLASS (funnel_publish_page_parent_class)->dispose (object);
}

static void
funnel_publish_page_class_init (FunnelPublishPageClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = funnel_publish_page_dispose;
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/org/openfunnel/Funnel/publish-page.ui");
  gtk_widget_class_bind_template_child (widget_class, FunnelPublishPage, ports);
  gtk_widget_class_bind_template_child (widget_class, FunnelPublishPage, target);
  gtk_widget_class_bind_template_child (widget_class, FunnelPublishPage, kind);
  gtk_widget_class_bind_template_child (widget_class, FunnelPublishPage, place);
  gtk_widget_class_bind_template_child (widget_class, FunnelPublishPage, other_place);
  gtk_widget_class_bind_template_child (widget_class, FunnelPublishPage, publish);
  gtk_widget_class_bind_template_callback (widget_class, on_publish);
  gtk_widget_class_bind_template_callback (widget_class, on_refresh);
  gtk_widget_class_bind_template_callback (widget_class, on_choice_changed);
  gtk_widget_class_bind_template_callback (widget_class, on_kind_changed);
}

static void
funnel_publish_page_init (FunnelPublishPage *self)
{
  self->rows = g_ptr_array_new ();
  self->programs = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  gtk_widget_init_template (GTK_WIDGET (self));
}
