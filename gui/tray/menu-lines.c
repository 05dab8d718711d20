/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/tray/menu-lines.h"

#include <string.h>

#define LABEL_CHARACTERS 120

static void
line_free (gpointer data)
{
  FunnelMenuLine *line = data;

  g_free (line->key);
  g_clear_pointer (&line->properties, g_variant_unref);
  g_free (line->action);
  g_free (line->target);
  g_array_unref (line->children);
  g_free (line);
}

const FunnelMenuLine *
funnel_menu_lines_find (const FunnelMenuLines *lines, int id)
{
  return g_hash_table_lookup (lines->by_id, GINT_TO_POINTER (id));
}

char *
funnel_menu_lines_dup_label (const char *text, gsize length)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  GString *out = g_string_new (NULL);
  gsize count = 0;

  for (const char *at = valid; *at != '\0'; at = g_utf8_next_char (at))
    {
      gunichar character = g_utf8_get_char (at);

      if (g_unichar_iscntrl (character))
        continue;
      if (count++ == length)
        {
          g_string_append (out, "…");
          break;
        }
      if (character == '_')
        g_string_append_c (out, '_');
      g_string_append_unichar (out, character);
    }
  return g_string_free (out, FALSE);
}

/* --- From items to lines --- */

static void
add (GVariantDict *properties, const char *name, GVariant *value)
{
  g_variant_dict_insert_value (properties, name, value);
}

static GVariant *
make_properties (const FunnelMenuItem *item)
{
  GVariantDict properties;

  g_variant_dict_init (&properties, NULL);
  if (item->kind == FUNNEL_MENU_SEPARATOR)
    add (&properties, "type", g_variant_new_string ("separator"));
  else
    {
      g_autofree char *label
          = funnel_menu_lines_dup_label (item->label ? item->label : "", LABEL_CHARACTERS);

      add (&properties, "label", g_variant_new_string (label));
      add (&properties, "enabled", g_variant_new_boolean (item->enabled));
      add (&properties, "visible", g_variant_new_boolean (TRUE));
    }
  if (item->kind == FUNNEL_MENU_CHECK)
    {
      add (&properties, "toggle-type", g_variant_new_string ("checkmark"));
      add (&properties, "toggle-state", g_variant_new_int32 (item->checked ? 1 : 0));
    }
  if (item->children)
    add (&properties, "children-display", g_variant_new_string ("submenu"));
  return g_variant_ref_sink (g_variant_dict_end (&properties));
}

/* The number the line had, or a new one. After two thousand million of them they begin anew, past
 * those that are shown. */
static int
number_of (FunnelMenuLines *self, const FunnelMenuLines *before, const char *key)
{
  gpointer known = before ? g_hash_table_lookup (before->by_key, key) : NULL;

  if (known)
    return GPOINTER_TO_INT (known);
  do
    self->last_id = self->last_id == G_MAXINT32 ? 1 : self->last_id + 1;
  while (funnel_menu_lines_find (self, self->last_id)
         || (before && funnel_menu_lines_find (before, self->last_id)));
  return self->last_id;
}

static FunnelMenuLine *
add_line (FunnelMenuLines *self, int id, int parent, const char *key, GVariant *properties)
{
  FunnelMenuLine *line = g_new0 (FunnelMenuLine, 1);

  line->id = id;
  line->parent = parent;
  line->key = g_strdup (key);
  line->properties = properties;
  line->children = g_array_new (FALSE, FALSE, sizeof (int));
  g_hash_table_insert (self->by_id, GINT_TO_POINTER (id), line);
  g_hash_table_insert (self->by_key, line->key, GINT_TO_POINTER (id));
  return line;
}

static FunnelMenuLine *
add_root (FunnelMenuLines *self)
{
  GVariantDict properties;

  g_variant_dict_init (&properties, NULL);
  add (&properties, "children-display", g_variant_new_string ("submenu"));
  return add_line (self, 0, -1, "", g_variant_ref_sink (g_variant_dict_end (&properties)));
}

/* A line that is there already, and what has no room, is left out. */
static void
add_items (FunnelMenuLines *self,
           const FunnelMenuLines *before,
           FunnelMenuLine *parent,
           GPtrArray *items)
{
  for (guint i = 0; items && i < items->len; i++)
    {
      const FunnelMenuItem *item = g_ptr_array_index (items, i);
      g_autofree char *key = g_strdup_printf ("%s\n%s", parent->key, item->key);
      FunnelMenuLine *line;

      if (g_hash_table_size (self->by_id) > FUNNEL_MENU_LINES
          || g_hash_table_contains (self->by_key, key))
        continue;
      line
          = add_line (self, number_of (self, before, key), parent->id, key, make_properties (item));
      line->action = item->enabled ? g_strdup (item->action) : NULL;
      line->target = g_strdup (item->target);
      g_array_append_val (parent->children, line->id);
      add_items (self, before, line, item->children);
    }
}

FunnelMenuLines *
funnel_menu_lines_new (const FunnelMenuLines *before, GPtrArray *items)
{
  FunnelMenuLines *self = g_new0 (FunnelMenuLines, 1);

  self->by_id = g_hash_table_new_full (NULL, NULL, NULL, line_free);
  self->by_key = g_hash_table_new (g_str_hash, g_str_equal);
  self->last_id = before ? before->last_id : 0;
  add_items (self, before, add_root (self), items);
  return self;
}

void
funnel_menu_lines_free (FunnelMenuLines *self)
{
  if (!self)
    return;
  g_hash_table_unref (self->by_key);
  g_hash_table_unref (self->by_id);
  g_free (self);
}

/* --- What has changed --- */

static gboolean
same_children (const FunnelMenuLine *a, const FunnelMenuLine *b)
{
  return a->children->len == b->children->len
         && (a->children->len == 0
             || memcmp (a->children->data, b->children->data, a->children->len * sizeof (int))
                    == 0);
}

int
funnel_menu_lines_changed_parent (const FunnelMenuLines *before, const FunnelMenuLines *after)
{
  GHashTableIter iter;
  gpointer value;
  int found = -1;

  g_hash_table_iter_init (&iter, after->by_id);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      const FunnelMenuLine *line = value;
      const FunnelMenuLine *old = funnel_menu_lines_find (before, line->id);

      if (!old || same_children (old, line))
        continue;
      if (found >= 0)
        return 0;
      found = line->id;
    }
  return found;
}

/* Of the properties in @from those that @other does not have, or has with another value. */
static GVariant *
subtract (GVariant *from, GVariant *other, gboolean names_only)
{
  GVariantBuilder values;
  GVariantBuilder names;
  GVariantIter iter;
  const char *name;
  GVariant *value;

  g_variant_builder_init (&values, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_init (&names, G_VARIANT_TYPE_STRING_ARRAY);
  g_variant_iter_init (&iter, from);
  while (g_variant_iter_loop (&iter, "{&sv}", &name, &value))
    {
      g_autoptr (GVariant) there = g_variant_lookup_value (other, name, NULL);

      if (!there)
        g_variant_builder_add (&names, "s", name);
      if (!there || !g_variant_equal (there, value))
        g_variant_builder_add (&values, "{sv}", name, value);
    }
  if (names_only)
    {
      g_variant_builder_clear (&values);
      return g_variant_builder_end (&names);
    }
  g_variant_builder_clear (&names);
  return g_variant_builder_end (&values);
}

GVariant *
funnel_menu_lines_changed_properties (const FunnelMenuLines *before, const FunnelMenuLines *after)
{
  GVariantBuilder updated;
  GVariantBuilder removed;
  GHashTableIter iter;
  gpointer value;
  gboolean any = FALSE;

  g_variant_builder_init (&updated, G_VARIANT_TYPE ("a(ia{sv})"));
  g_variant_builder_init (&removed, G_VARIANT_TYPE ("a(ias)"));
  g_hash_table_iter_init (&iter, after->by_id);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      const FunnelMenuLine *line = value;
      const FunnelMenuLine *old = funnel_menu_lines_find (before, line->id);

      if (!old || g_variant_equal (old->properties, line->properties))
        continue;
      any = TRUE;
      g_variant_builder_add (&updated, "(i@a{sv})", line->id,
                             subtract (line->properties, old->properties, FALSE));
      g_variant_builder_add (&removed, "(i@as)", line->id,
                             subtract (old->properties, line->properties, TRUE));
    }
  if (any)
    return g_variant_new ("(a(ia{sv})a(ias))", &updated, &removed);
  g_variant_builder_clear (&updated);
  g_variant_builder_clear (&removed);
  return NULL;
}
