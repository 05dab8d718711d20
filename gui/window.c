/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/window.h"

#include <glib/gi18n.h>

#include "gui/banner.h"
#include "gui/connection-page.h"
#include "gui/details-page.h"
#include "gui/focus.h"
#include "gui/join-page.h"
#include "gui/labels.h"
#include "gui/preferences.h"
#include "gui/preferences-window.h"
#include "gui/publish-page.h"
#include "gui/qr.h"
#include "gui/question.h"
#include "gui/share-row.h"
#include "gui/share-rows.h"
#include "gui/spoken.h"
#include "gui/tell.h"
#include "gui/without-gl.h"

struct _FunnelWindow
{
  AdwApplicationWindow parent_instance;
  FunnelConnection *connection;
  GSettings *preferences;
  gboolean wants_join;        /* the user asked for the join page, though there are shares */
  FunnelDBusShare *looked_at; /* whose page was the last one; NULL: none */
  guint row;                  /* that went, or came, last */
  guint focus_source;
  AdwToast *toast; /* the last one, as long as there is one */
  AdwToastOverlay *toasts;
  AdwLeaflet *pages;
  AdwWindowTitle *title;
  GtkWidget *add;
  GtkRevealer *banner;
  GtkLabel *banner_text;
  GtkButton *banner_button;
  GtkStack *stack;
  AdwStatusPage *problem;
  GtkWidget *start;
  GtkListBox *list;
  FunnelJoinPage *join_page;
  FunnelPublishPage *publish_page;
  FunnelDetailsPage *details_page;
  FunnelConnectionPage *connection_page;
};

G_DEFINE_FINAL_TYPE (FunnelWindow, funnel_window, ADW_TYPE_APPLICATION_WINDOW)

/* --- What is shown --- */

/* A page is begun at its beginning, not where the last share, or the last wish, was left. */
static void
show_page (FunnelWindow *self, const char *name)
{
  gboolean other = g_strcmp0 (adw_leaflet_get_visible_child_name (self->pages), name) != 0;

  adw_leaflet_set_visible_child_name (self->pages, name);
  if (other && g_strcmp0 (name, "main") != 0)
    funnel_focus_enter (adw_leaflet_get_visible_child (self->pages));
}

static void
show_banner (FunnelWindow *self, FunnelDBusIngress *ingress)
{
  FunnelClient *client = funnel_connection_get_client (self->connection);
  gboolean has_data = funnel_connection_has_data (self->connection);
  GVariant *grants = ingress ? funnel_dbus_ingress_get_grants (ingress) : NULL;
  g_autofree char *version = has_data ? funnel_client_dup_version (client) : NULL;
  FunnelBannerFacts facts = {
      .state = funnel_connection_get_state (self->connection),
      .version = version,
      /* The join page tells by itself what is under way. */
      .joined = ingress != NULL && !funnel_join_page_is_busy (self->join_page),
      .stranded = has_data && !ingress && !self->wants_join
                  && g_list_model_get_n_items (funnel_connection_get_shares (self->connection)) > 0,
      .paused = has_data && funnel_dbus_manager_get_paused (funnel_client_get_manager (client)),
      .granted = grants && g_variant_n_children (grants) > 0,
      .ingress_state = ingress ? funnel_dbus_ingress_get_state (ingress) : NULL,
      .reason = ingress ? funnel_dbus_ingress_get_reason (ingress) : NULL,
      .next_step = ingress ? funnel_dbus_ingress_get_next_step (ingress) : NULL,
  };
  FunnelBanner banner = funnel_banner_make (&facts);

  if (banner.text)
    gtk_label_set_text (self->banner_text, banner.text);
  gtk_widget_set_visible (GTK_WIDGET (self->banner_button), banner.button != NULL);
  if (banner.button)
    {
      gtk_button_set_label (self->banner_button, banner.button);
      gtk_button_set_use_underline (self->banner_button, TRUE);
      funnel_spoken_name (GTK_WIDGET (self->banner_button));
      gtk_actionable_set_action_name (GTK_ACTIONABLE (self->banner_button), banner.action);
    }
  gtk_revealer_set_reveal_child (self->banner, banner.text != NULL);
  g_free (banner.text);
}

static void
show_problem (FunnelWindow *self)
{
  gboolean bus = funnel_connection_get_state (self->connection) != FUNNEL_CONNECTION_NO_BUS;
  const char *message = funnel_connection_get_message (self->connection);
  g_autofree char *clean = funnel_words_sentence (message);
  g_autofree char *markup = g_markup_escape_text (clean, -1);
  g_autofree char *text = NULL;

  adw_status_page_set_title (self->problem, bus ? _ ("The Funnel service is not running")
                                                : _ ("There is no session bus"));
  text = g_strdup_printf ("%s%s%s", _ ("What is published cannot be reached until it runs."),
                          *markup ? "\n" : "", markup);
  adw_status_page_set_description (self->problem, bus ? text : markup);
  gtk_widget_set_visible (self->start, bus);
}

static const char *
choose_view (FunnelWindow *self, FunnelDBusIngress *ingress)
{
  GListModel *shares = funnel_connection_get_shares (self->connection);

  if (funnel_connection_get_state (self->connection) == FUNNEL_CONNECTION_CONNECTING)
    return "connecting";
  if (!funnel_connection_has_data (self->connection))
    return "problem";
  /* A join that has just come to its end is still looked at. */
  if ((!ingress && (self->wants_join || g_list_model_get_n_items (shares) == 0))
      || funnel_join_page_is_busy (self->join_page))
    return "join";
  return g_list_model_get_n_items (shares) == 0 ? "empty" : "list";
}

static void
show_title (FunnelWindow *self, FunnelDBusIngress *ingress)
{
  g_autofree char *node = NULL;
  g_autofree char *zone = NULL;
  g_autofree char *text = NULL;

  if (ingress)
    {
      node = funnel_words_clean (funnel_dbus_ingress_get_node (ingress));
      zone = funnel_words_clean (funnel_dbus_ingress_get_zone (ingress));
      /* Translators: the name of this computer, and of the domain it is published in. */
      text = g_strdup_printf (_ ("%s in %s"), node, zone);
    }
  adw_window_title_set_subtitle (self->title, text ? text : "");
}

/* --- Where the keyboard is --- */

/* What had the keyboard may have gone, or be on a page or a view that is not shown any more. */
static gboolean
has_lost_focus (FunnelWindow *self)
{
  GtkWidget *focus = gtk_window_get_focus (GTK_WINDOW (self));

  return !focus || !gtk_widget_get_mapped (focus)
         || !gtk_widget_is_ancestor (focus, adw_leaflet_get_visible_child (self->pages))
         || (gtk_widget_is_ancestor (focus, GTK_WIDGET (self->stack))
             && !gtk_widget_is_ancestor (focus, gtk_stack_get_visible_child (self->stack)));
}

static gboolean
keep_focus_cb (gpointer data)
{
  FunnelWindow *self = data;
  const char *page = adw_leaflet_get_visible_child_name (self->pages);
  gboolean main = g_strcmp0 (page, "main") == 0;

  self->focus_source = 0;
  if (!gtk_widget_get_mapped (GTK_WIDGET (self)) || !has_lost_focus (self))
    return G_SOURCE_REMOVE;
  if (main && gtk_widget_get_mapped (GTK_WIDGET (self->list))
      && funnel_share_rows_focus (self->list, self->looked_at, self->row))
    return G_SOURCE_REMOVE;
  if (!main || !funnel_focus_enter (gtk_stack_get_visible_child (self->stack)))
    funnel_focus_enter (adw_leaflet_get_visible_child (self->pages));
  return G_SOURCE_REMOVE;
}

/* When everything is where it belongs. */
static void
keep_focus (FunnelWindow *self)
{
  if (!self->focus_source)
    self->focus_source = g_idle_add (keep_focus_cb, self);
}

static void
on_shares_items_changed (FunnelWindow *self, guint position)
{
  self->row = position;
  keep_focus (self);
}

/* --- What is shown, altogether --- */

static void
update (FunnelWindow *self)
{
  g_autoptr (FunnelDBusIngress) ingress = funnel_connection_ref_ingress (self->connection);
  gboolean has_data = funnel_connection_has_data (self->connection);

  if (!has_data)
    show_problem (self);
  if (ingress)
    self->wants_join = FALSE;
  show_title (self, ingress);
  show_banner (self, ingress);
  gtk_stack_set_visible_child_name (self->stack, choose_view (self, ingress));
  gtk_widget_set_visible (self->add, ingress != NULL);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "win.publish", ingress != NULL);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "win.connection", ingress != NULL);
  /* What stood on another page is not known any more. */
  if (!has_data || (!ingress && !funnel_details_page_get_share (self->details_page)))
    show_page (self, "main");
  keep_focus (self);
}

static void
on_pages_notify_visible_child (FunnelWindow *self)
{
  const char *name = adw_leaflet_get_visible_child_name (self->pages);

  if (!self->connection)
    return;
  if (g_strcmp0 (name, "details") != 0)
    funnel_details_page_set_share (self->details_page, NULL);
  if (g_strcmp0 (name, "publish") != 0)
    funnel_publish_page_close (self->publish_page);
  keep_focus (self);
}

/* --- The list --- */

static void
fill_list (FunnelWindow *self)
{
  GListModel *shares = funnel_connection_get_shares (self->connection);

  funnel_share_rows_fill (self->list, shares);
  g_signal_connect_object (shares, "items-changed", G_CALLBACK (on_shares_items_changed), self,
                           G_CONNECT_SWAPPED);
}

static void
open_details (FunnelWindow *self, FunnelDBusShare *share)
{
  g_set_object (&self->looked_at, share);
  funnel_details_page_set_share (self->details_page, share);
  show_page (self, "details");
}

static void
on_list_row_activated (GtkListBox *list, GtkListBoxRow *row, FunnelWindow *self)
{
  open_details (self, funnel_share_row_get_share (FUNNEL_SHARE_ROW (row)));
}

/* --- Actions of one share --- */

static FunnelDBusShare *
ref_share (FunnelWindow *self, GVariant *path)
{
  FunnelClient *client = funnel_connection_get_client (self->connection);
  FunnelDBusShare *share = NULL;

  if (client && g_variant_is_object_path (g_variant_get_string (path, NULL)))
    share = funnel_client_ref_share (client, g_variant_get_string (path, NULL));
  if (!share)
    funnel_window_tell (self, _ ("This share has ended already"));
  return share;
}

static void
on_share_details (GtkWidget *widget, const char *name, GVariant *parameter)
{
  g_autoptr (FunnelDBusShare) share = ref_share (FUNNEL_WINDOW (widget), parameter);

  if (share)
    open_details (FUNNEL_WINDOW (widget), share);
}

static void
launch_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (FunnelWindow) self = data;
  g_autoptr (GError) error = NULL;

  if (!g_app_info_launch_default_for_uri_finish (result, &error))
    funnel_window_tell (self, _ ("No browser could be opened; copy the address instead"));
}

static void
on_share_open (GtkWidget *widget, const char *name, GVariant *parameter)
{
  g_autoptr (FunnelDBusShare) share = ref_share (FUNNEL_WINDOW (widget), parameter);
  g_autoptr (GdkAppLaunchContext) context = NULL;

  if (!share)
    return;
  context = gdk_display_get_app_launch_context (gtk_widget_get_display (widget));
  funnel_without_gl_spare (G_APP_LAUNCH_CONTEXT (context));
  g_app_info_launch_default_for_uri_async (funnel_dbus_share_get_url (share),
                                           G_APP_LAUNCH_CONTEXT (context), NULL, launch_cb,
                                           g_object_ref (widget));
}

static void
on_share_qr (GtkWidget *widget, const char *name, GVariant *parameter)
{
  g_autoptr (FunnelDBusShare) share = ref_share (FUNNEL_WINDOW (widget), parameter);

  if (share)
    funnel_qr_show (GTK_WINDOW (widget), funnel_dbus_share_get_url (share));
}

static void
on_remove_response (GtkWidget *dialog, const char *response, GtkWidget *widget)
{
  if (g_str_equal (response, FUNNEL_QUESTION_YES))
    gtk_widget_activate_action (widget, "app.share-stop", "s",
                                g_object_get_data (G_OBJECT (dialog), "funnel-path"));
}

static void
on_share_remove (GtkWidget *widget, const char *name, GVariant *parameter)
{
  g_autoptr (FunnelDBusShare) share = ref_share (FUNNEL_WINDOW (widget), parameter);
  AdwMessageDialog *dialog = NULL;
  g_autofree char *body = NULL;

  if (!share)
    return;
  body = g_strdup_printf (_ ("%s will not be reachable any more, and its rules are forgotten. To "
                             "keep them, switch it off instead."),
                          funnel_dbus_share_get_url (share));
  dialog = funnel_question_new (widget, _ ("Remove this share?"), body, _ ("_Remove"),
                                ADW_RESPONSE_DESTRUCTIVE);
  g_object_set_data_full (G_OBJECT (dialog), "funnel-path", g_variant_dup_string (parameter, NULL),
                          g_free);
  g_signal_connect_object (dialog, "response", G_CALLBACK (on_remove_response), widget, 0);
  gtk_window_present (GTK_WINDOW (dialog));
}

/* --- Actions of the window --- */

static void
on_tell (GtkWidget *widget, const char *name, GVariant *parameter)
{
  funnel_window_tell (FUNNEL_WINDOW (widget), g_variant_get_string (parameter, NULL));
}

static void
on_back (GtkWidget *widget, const char *name, GVariant *parameter)
{
  FunnelWindow *self = FUNNEL_WINDOW (widget);

  /* Where there is no way back, what was told goes. */
  if (self->toast && !self->wants_join
      && g_strcmp0 (adw_leaflet_get_visible_child_name (self->pages), "main") == 0)
    adw_toast_dismiss (self->toast);
  self->wants_join = FALSE;
  show_page (self, "main");
  update (self);
}

static void
on_join (GtkWidget *widget, const char *name, GVariant *parameter)
{
  funnel_window_join (FUNNEL_WINDOW (widget), "");
}

static void
on_publish (GtkWidget *widget, const char *name, GVariant *parameter)
{
  funnel_window_publish (FUNNEL_WINDOW (widget));
}

static void
on_connection (GtkWidget *widget, const char *name, GVariant *parameter)
{
  show_page (FUNNEL_WINDOW (widget), "connection");
}

static void
on_preferences (GtkWidget *widget, const char *name, GVariant *parameter)
{
  FunnelWindow *self = FUNNEL_WINDOW (widget);

  if (self->preferences)
    funnel_preferences_window_show (GTK_WINDOW (self), self->preferences);
  else
    funnel_window_tell (self, _ ("Preferences cannot be kept: Funnel is not installed completely"));
}

static void
on_about (GtkWidget *widget, const char *name, GVariant *parameter)
{
  GtkWidget *about
      = g_object_new (ADW_TYPE_ABOUT_WINDOW, "transient-for", widget, "modal", TRUE,
                      "application-name", _ ("Funnel"), "application-icon", "org.openfunnel.Funnel",
                      "version", FUNNEL_VERSION, "license-type", GTK_LICENSE_GPL_3_0, "comments",
                      _ ("Puts a program on this computer on the internet, through a public "
                         "host of your own that never sees what is said."),
                      "translator-credits", _ ("translator-credits"), NULL);

  funnel_spoken_name (about);
  gtk_window_present (GTK_WINDOW (about));
}

static void
on_start_service (GtkWidget *widget, const char *name, GVariant *parameter)
{
  funnel_connection_start (FUNNEL_WINDOW (widget)->connection);
}

/* --- The window --- */

void
funnel_window_tell (FunnelWindow *self, const char *text)
{
  g_autofree char *clean = NULL;
  g_autofree char *markup = NULL;
  AdwToast *toast = NULL;

  g_return_if_fail (FUNNEL_IS_WINDOW (self));
  clean = funnel_words_sentence (text);
  markup = g_markup_escape_text (clean, -1);
  if (self->toast)
    adw_toast_dismiss (self->toast);
  toast = adw_toast_new (markup);
  g_set_weak_pointer (&self->toast, toast);
  adw_toast_overlay_add_toast (self->toasts, toast);
  funnel_spoken_name (GTK_WIDGET (self->toasts));
}

void
funnel_window_publish (FunnelWindow *self)
{
  g_autoptr (FunnelDBusIngress) ingress = NULL;

  g_return_if_fail (FUNNEL_IS_WINDOW (self));
  ingress = funnel_connection_ref_ingress (self->connection);
  if (!ingress)
    {
      show_page (self, "main");
      return;
    }
  funnel_publish_page_open (self->publish_page);
  show_page (self, "publish");
}

void
funnel_window_join (FunnelWindow *self, const char *link)
{
  g_autoptr (FunnelDBusIngress) ingress = NULL;

  g_return_if_fail (FUNNEL_IS_WINDOW (self));
  show_page (self, "main");
  ingress = funnel_connection_ref_ingress (self->connection);
  self->wants_join = !ingress;
  update (self);
  funnel_join_page_set_link (self->join_page, link);
  if (ingress)
    funnel_window_tell (self, _ ("This computer has joined an ingress already; leave it first"));
}

static gboolean
funnel_window_close_request (GtkWindow *window)
{
  FunnelWindow *self = FUNNEL_WINDOW (window);
  int width = 0, height = 0;

  gtk_window_get_default_size (window, &width, &height);
  if (self->preferences)
    g_settings_set (self->preferences, FUNNEL_PREFERENCE_WINDOW_SIZE, "(ii)", width, height);
  return GTK_WINDOW_CLASS (funnel_window_parent_class)->close_request (window);
}

static void
funnel_window_dispose (GObject *object)
{
  FunnelWindow *self = FUNNEL_WINDOW (object);

  g_clear_handle_id (&self->focus_source, g_source_remove);
  g_clear_weak_pointer (&self->toast);
  g_clear_object (&self->looked_at);
  g_clear_object (&self->connection);
  g_clear_object (&self->preferences);
  G_OBJECT_CLASS (funnel_window_parent_class)->dispose (object);
}

static void
install_actions (GtkWidgetClass *klass)
{
  gtk_widget_class_install_action (klass, "win.tell", "s", on_tell);
  gtk_widget_class_install_action (klass, "win.back", NULL, on_back);
  gtk_widget_class_install_action (klass, "win.join", NULL, on_join);
  gtk_widget_class_install_action (klass, "win.publish", NULL, on_publish);
  gtk_widget_class_install_action (klass, "win.connection", NULL, on_connection);
  gtk_widget_class_install_action (klass, "win.preferences", NULL, on_preferences);
  gtk_widget_class_install_action (klass, "win.about", NULL, on_about);
  gtk_widget_class_install_action (klass, "win.start-service", NULL, on_start_service);
  gtk_widget_class_install_action (klass, "win.share-details", "s", on_share_details);
  gtk_widget_class_install_action (klass, "win.share-open", "s", on_share_open);
  gtk_widget_class_install_action (klass, "win.share-qr", "s", on_share_qr);
  gtk_widget_class_install_action (klass, "win.share-remove", "s", on_share_remove);
  gtk_widget_class_add_binding_action (klass, GDK_KEY_Left, GDK_ALT_MASK, "win.back", NULL);
  gtk_widget_class_add_binding_action (klass, GDK_KEY_Escape, 0, "win.back", NULL);
}

static void
bind_children (GtkWidgetClass *klass)
{
  gtk_widget_class_bind_template_child (klass, FunnelWindow, toasts);
  gtk_widget_class_bind_template_child (klass, FunnelWindow, pages);
  gtk_widget_class_bind_template_child (klass, FunnelWindow, title);
  gtk_widget_class_bind_template_child (klass, FunnelWindow, add);
  gtk_widget_class_bind_template_child (klass, FunnelWindow, banner);
  gtk_widget_class_bind_template_child (klass, FunnelWindow, banner_text);
  gtk_widget_class_bind_template_child (klass, FunnelWindow, banner_button);
  gtk_widget_class_bind_template_child (klass, FunnelWindow, stack);
  gtk_widget_class_bind_template_child (klass, FunnelWindow, problem);
  gtk_widget_class_bind_template_child (klass, FunnelWindow, start);
  gtk_widget_class_bind_template_child (klass, FunnelWindow, list);
  gtk_widget_class_bind_template_child (klass, FunnelWindow, join_page);
  gtk_widget_class_bind_template_child (klass, FunnelWindow, publish_page);
  gtk_widget_class_bind_template_child (klass, FunnelWindow, details_page);
  gtk_widget_class_bind_template_child (klass, FunnelWindow, connection_page);
  gtk_widget_class_bind_template_callback (klass, on_pages_notify_visible_child);
  gtk_widget_class_bind_template_callback (klass, on_list_row_activated);
}

static void
funnel_window_class_init (FunnelWindowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = funnel_window_dispose;
  GTK_WINDOW_CLASS (klass)->close_request = funnel_window_close_request;
  g_type_ensure (FUNNEL_TYPE_JOIN_PAGE);
  g_type_ensure (FUNNEL_TYPE_PUBLISH_PAGE);
  g_type_ensure (FUNNEL_TYPE_DETAILS_PAGE);
  g_type_ensure (FUNNEL_TYPE_CONNECTION_PAGE);
  gtk_widget_class_set_template_from_resource (widget_class, "/org/openfunnel/Funnel/window.ui");
  bind_children (widget_class);
  install_actions (widget_class);
}

static void
funnel_window_init (FunnelWindow *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  funnel_spoken_name (GTK_WIDGET (self));
}

FunnelWindow *
funnel_window_new (GtkApplication *application,
                   FunnelConnection *connection,
                   GSettings *preferences)
{
  FunnelWindow *self = g_object_new (FUNNEL_TYPE_WINDOW, "application", application, NULL);
  GtkShortcutsWindow *shortcuts
      = gtk_application_window_get_help_overlay (GTK_APPLICATION_WINDOW (self));
  int width = 0, height = 0;

  if (shortcuts)
    funnel_spoken_name (GTK_WIDGET (shortcuts));
  self->connection = g_object_ref (connection);
  if (preferences)
    {
      self->preferences = g_object_ref (preferences);
      g_settings_get (preferences, FUNNEL_PREFERENCE_WINDOW_SIZE, "(ii)", &width, &height);
      gtk_window_set_default_size (GTK_WINDOW (self), width, height);
    }
  funnel_join_page_set_connection (self->join_page, connection);
  funnel_publish_page_set_connection (self->publish_page, connection);
  funnel_details_page_set_connection (self->details_page, connection);
  funnel_connection_page_set_connection (self->connection_page, connection);
  fill_list (self);
  g_signal_connect_object (connection, "changed", G_CALLBACK (update), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->join_page, "changed", G_CALLBACK (update), self,
                           G_CONNECT_SWAPPED);
  update (self);
  return self;
}
