/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/publish-page.h"

#include <glib/gi18n.h>

#include "gui/labels.h"
#include "gui/listening-group.h"
#include "gui/places.h"
#include "gui/publish.h"
#include "gui/tell.h"

struct _FunnelPublishPage
{
  AdwBin parent_instance;
  FunnelConnection *connection;
  GPtrArray *places; /* FunnelPlace, as in the combo */
  FunnelListeningGroup *listening;
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
  if (!path)
    funnel_listening_group_look_again (self->listening);
}

static void
publish (FunnelPublishPage *self, const char *target, const char *kind, const FunnelPlace *place)
{
  FunnelWish wish = {.target = target,
                     .program = funnel_listening_group_find_program (self->listening, target),
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

static void
on_listening_wanted (FunnelPublishPage *self, guint port)
{
  g_autofree char *target = g_strdup_printf ("%u", port);
  const FunnelPlace *place = NULL;

  show_places (self);
  place = find_free (self);
  if (place)
    {
      publish (self, target, kinds[0], place);
      return;
    }
  funnel_tell (GTK_WIDGET (self),
               _ ("Every address the ingress grants is in use; choose one below to replace"));
  gtk_editable_set_text (GTK_EDITABLE (self->target), target);
  funnel_listening_group_look_again (self->listening);
}

/* --- The page --- */

void
funnel_publish_page_open (FunnelPublishPage *self)
{
  g_return_if_fail (FUNNEL_IS_PUBLISH_PAGE (self));
  show_places (self);
  funnel_listening_group_look (self->listening);
}

void
funnel_publish_page_close (FunnelPublishPage *self)
{
  g_return_if_fail (FUNNEL_IS_PUBLISH_PAGE (self));
  funnel_listening_group_close (self->listening);
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
  funnel_listening_group_set_connection (self->listening, connection);
}

static void
funnel_publish_page_dispose (GObject *object)
{
  FunnelPublishPage *self = FUNNEL_PUBLISH_PAGE (object);

  g_clear_object (&self->connection);
  g_clear_pointer (&self->places, g_ptr_array_unref);
  G_OBJECT_CLASS (funnel_publish_page_parent_class)->dispose (object);
}

static void
funnel_publish_page_class_init (FunnelPublishPageClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = funnel_publish_page_dispose;
  g_type_ensure (FUNNEL_TYPE_LISTENING_GROUP);
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/org/openfunnel/Funnel/publish-page.ui");
  gtk_widget_class_bind_template_child (widget_class, FunnelPublishPage, listening);
  gtk_widget_class_bind_template_child (widget_class, FunnelPublishPage, target);
  gtk_widget_class_bind_template_child (widget_class, FunnelPublishPage, kind);
  gtk_widget_class_bind_template_child (widget_class, FunnelPublishPage, place);
  gtk_widget_class_bind_template_child (widget_class, FunnelPublishPage, other_place);
  gtk_widget_class_bind_template_child (widget_class, FunnelPublishPage, publish);
  gtk_widget_class_bind_template_callback (widget_class, on_publish);
  gtk_widget_class_bind_template_callback (widget_class, on_listening_wanted);
  gtk_widget_class_bind_template_callback (widget_class, on_refresh);
  gtk_widget_class_bind_template_callback (widget_class, on_choice_changed);
  gtk_widget_class_bind_template_callback (widget_class, on_kind_changed);
}

static void
funnel_publish_page_init (FunnelPublishPage *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}
