/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/access-group.h"

#include <glib/gi18n.h>

#include "gui/labels.h"
#include "gui/rules.h"
#include "gui/tell.h"
#include "lib/base/duration.h"

/* What is typed into one field and sent as one rule. */
typedef enum
{
  RULE_ALLOW,
  RULE_DENY,
  RULE_MAX_CONNS,
  RULE_RATE,
} Rule;

static const struct
{
  const char *object; /* in the .ui file */
  const char *key;    /* in Access */
  gboolean limit;     /* a number, else ranges of addresses */
} rules[] = {
    [RULE_ALLOW] = {"allow", "allow", FALSE},
    [RULE_DENY] = {"deny", "deny", FALSE},
    [RULE_MAX_CONNS] = {"max_conns", "max-conns", TRUE},
    [RULE_RATE] = {"rate", "rate", TRUE},
};
G_STATIC_ASSERT (G_N_ELEMENTS (rules) == RULE_RATE + 1);

/* In the order of the combo; the first changes nothing, the last asks for a time. */
static const guint64 end_seconds[] = {0, 3600, 24 * 3600, 7 * 24 * 3600, 0, 0};
#define END_OTHER (G_N_ELEMENTS (end_seconds) - 1)

struct _FunnelAccessGroup
{
  AdwPreferencesGroup parent_instance;
  FunnelDBusShare *share; /* NULL: nothing is shown */
  gboolean updating;      /* widgets change because of the share */
  AdwEntryRow *entries[G_N_ELEMENTS (rules)];
  AdwEntryRow *user;
  AdwEntryRow *password;
  AdwComboRow *end;
  AdwEntryRow *end_after;
  AdwExpanderRow *more;
};

G_DEFINE_FINAL_TYPE (FunnelAccessGroup, funnel_access_group, ADW_TYPE_PREFERENCES_GROUP)

/* --- Showing --- */

static const char *
get_text (AdwEntryRow *row)
{
  return gtk_editable_get_text (GTK_EDITABLE (row));
}

static void
set_text (AdwEntryRow *row, const char *text)
{
  if (g_strcmp0 (get_text (row), text) != 0)
    gtk_editable_set_text (GTK_EDITABLE (row), text);
}

/* What the user is typing is not taken away. */
static void
show_text (AdwEntryRow *row, const char *text)
{
  GtkRoot *root = gtk_widget_get_root (GTK_WIDGET (row));
  GtkWidget *focus = root ? gtk_root_get_focus (root) : NULL;

  if (!focus || !gtk_widget_is_ancestor (focus, GTK_WIDGET (row)))
    set_text (row, text);
}

static char *
dup_rule (GVariant *access, Rule rule)
{
  return rules[rule].limit ? funnel_rules_dup_limit (access, rules[rule].key)
                           : funnel_rules_dup_ranges (access, rules[rule].key);
}

static void
show_rules (FunnelAccessGroup *self, GVariant *access)
{
  for (guint i = 0; i < G_N_ELEMENTS (rules); i++)
    {
      g_autofree char *text = dup_rule (access, i);

      show_text (self->entries[i], text);
    }
}

static void
show_user (FunnelAccessGroup *self, GVariant *access)
{
  gboolean http = g_strcmp0 (funnel_dbus_share_get_kind (self->share), "https") == 0;
  const char *user = "";

  if (access)
    g_variant_lookup (access, "auth-user", "&s", &user);
  show_text (self->user, user);
  gtk_widget_set_sensitive (GTK_WIDGET (self->password), *get_text (self->user) != '\0');
  gtk_widget_set_visible (GTK_WIDGET (self->user), http);
  gtk_widget_set_visible (GTK_WIDGET (self->password), http);
}

void
funnel_access_group_update (FunnelAccessGroup *self)
{
  GVariant *access = NULL;
  g_autofree char *words = NULL;
  g_autofree char *markup = NULL;
  g_autofree char *end = NULL;

  g_return_if_fail (FUNNEL_IS_ACCESS_GROUP (self));
  if (!self->share)
    return;
  access = funnel_dbus_share_get_access (self->share);
  words = funnel_words_access (access);
  markup = g_markup_escape_text (words, -1);
  end = funnel_words_end (funnel_dbus_share_get_expires (self->share),
                          g_get_real_time () / G_USEC_PER_SEC);
  self->updating = TRUE;
  adw_preferences_group_set_description (ADW_PREFERENCES_GROUP (self), markup);
  show_rules (self, access);
  show_user (self, access);
  adw_action_row_set_subtitle (ADW_ACTION_ROW (self->end), end);
  adw_combo_row_set_selected (
      self->end, gtk_widget_get_visible (GTK_WIDGET (self->end_after)) ? END_OTHER : 0);
  self->updating = FALSE;
}

/* --- Wishes --- */

/* Its button to apply is for what the user typed. */
static void
forget_password (FunnelAccessGroup *self)
{
  adw_entry_row_set_show_apply_button (self->password, FALSE);
  set_text (self->password, "");
  adw_entry_row_set_show_apply_button (self->password, TRUE);
}

static void
set_access_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (FunnelAccessGroup) self = data;
  GError *error = NULL;

  if (funnel_dbus_share_call_set_access_finish (FUNNEL_DBUS_SHARE (source), result, &error))
    {
      forget_password (self);
      funnel_tell (GTK_WIDGET (self), _ ("The rules have changed"));
    }
  funnel_tell_error (GTK_WIDGET (self), error);
}

/* Sends, and ends, @dict. */
static void
set_access (FunnelAccessGroup *self, GVariantDict *dict)
{
  g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_dict_end (dict));

  if (self->share)
    funnel_dbus_share_call_set_access (self->share, value, NULL, set_access_cb,
                                       g_object_ref (self));
}

static void
on_rule_apply (FunnelAccessGroup *self, AdwEntryRow *row)
{
  GVariantDict dict;
  GVariant *value = NULL;
  guint rule = 0;

  while (rule < G_N_ELEMENTS (rules) && self->entries[rule] != row)
    rule++;
  g_return_if_fail (rule < G_N_ELEMENTS (rules));
  value = rules[rule].limit ? funnel_rules_read_limit (get_text (row))
                            : funnel_rules_read_ranges (get_text (row));
  if (!value)
    {
      funnel_tell (GTK_WIDGET (self), _ ("Type a whole number, or nothing for no limit"));
      return;
    }
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert_value (&dict, rules[rule].key, value);
  set_access (self, &dict);
}

/* Without a user there is no password; that takes effect at once when the field is left empty. */
static void
on_user_changed (FunnelAccessGroup *self)
{
  gboolean named = *get_text (self->user) != '\0';

  adw_entry_row_set_show_apply_button (self->user, !named && !self->updating);
  gtk_widget_set_sensitive (GTK_WIDGET (self->password), named);
}

static void
on_user_apply (FunnelAccessGroup *self)
{
  GVariantDict dict;

  if (*get_text (self->user))
    return;
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "auth-user", "s", "");
  set_access (self, &dict);
}

static void
on_password_apply (FunnelAccessGroup *self)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "auth-user", "s", get_text (self->user));
  g_variant_dict_insert (&dict, "auth-password", "s", get_text (self->password));
  set_access (self, &dict);
}

static void
extend_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (FunnelAccessGroup) self = data;
  GError *error = NULL;

  funnel_dbus_share_call_extend_finish (FUNNEL_DBUS_SHARE (source), result, &error);
  funnel_tell_error (GTK_WIDGET (self), error);
}

/* @seconds: from now; 0: no end. */
static void
extend (FunnelAccessGroup *self, guint64 seconds)
{
  gtk_widget_set_visible (GTK_WIDGET (self->end_after), FALSE);
  funnel_dbus_share_call_extend (self->share, seconds, NULL, extend_cb, g_object_ref (self));
  funnel_access_group_update (self);
}

static void
on_end_selected (FunnelAccessGroup *self)
{
  guint chosen = adw_combo_row_get_selected (self->end);

  if (self->updating || !self->share || chosen == 0 || chosen >= G_N_ELEMENTS (end_seconds))
    return;
  if (chosen != END_OTHER)
    {
      extend (self, end_seconds[chosen]);
      return;
    }
  gtk_widget_set_visible (GTK_WIDGET (self->end_after), TRUE);
  gtk_widget_grab_focus (GTK_WIDGET (self->end_after));
}

static void
on_end_after_apply (FunnelAccessGroup *self)
{
  g_autoptr (GError) error = NULL;
  gint64 seconds = funnel_duration_parse (get_text (self->end_after), &error);

  if (seconds > 0 && self->share)
    extend (self, (guint64)seconds);
  else if (error)
    funnel_tell (GTK_WIDGET (self), error->message);
}

/* --- The group --- */

void
funnel_access_group_set_share (FunnelAccessGroup *self, FunnelDBusShare *share)
{
  g_return_if_fail (FUNNEL_IS_ACCESS_GROUP (self));
  if (!g_set_object (&self->share, share))
    return;
  set_text (self->password, "");
  set_text (self->end_after, "");
  gtk_widget_set_visible (GTK_WIDGET (self->end_after), FALSE);
  adw_expander_row_set_expanded (self->more, FALSE);
  funnel_access_group_update (self);
}

static void
funnel_access_group_dispose (GObject *object)
{
  g_clear_object (&FUNNEL_ACCESS_GROUP (object)->share);
  G_OBJECT_CLASS (funnel_access_group_parent_class)->dispose (object);
}

static void
funnel_access_group_class_init (FunnelAccessGroupClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = funnel_access_group_dispose;
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/org/openfunnel/Funnel/access-group.ui");
  for (gsize i = 0; i < G_N_ELEMENTS (rules); i++)
    gtk_widget_class_bind_template_child_full (widget_class, rules[i].object, FALSE,
                                               G_STRUCT_OFFSET (FunnelAccessGroup, entries)
                                                   + (gssize)(i * sizeof (AdwEntryRow *)));
  gtk_widget_class_bind_template_child (widget_class, FunnelAccessGroup, user);
  gtk_widget_class_bind_template_child (widget_class, FunnelAccessGroup, password);
  gtk_widget_class_bind_template_child (widget_class, FunnelAccessGroup, end);
  gtk_widget_class_bind_template_child (widget_class, FunnelAccessGroup, end_after);
  gtk_widget_class_bind_template_child (widget_class, FunnelAccessGroup, more);
  gtk_widget_class_bind_template_callback (widget_class, on_rule_apply);
  gtk_widget_class_bind_template_callback (widget_class, on_user_changed);
  gtk_widget_class_bind_template_callback (widget_class, on_user_apply);
  gtk_widget_class_bind_template_callback (widget_class, on_password_apply);
  gtk_widget_class_bind_template_callback (widget_class, on_end_selected);
  gtk_widget_class_bind_template_callback (widget_class, on_end_after_apply);
}

static void
funnel_access_group_init (FunnelAccessGroup *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}
