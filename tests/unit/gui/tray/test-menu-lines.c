/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "gui/tray/menu-lines.h"

static FunnelMenuItem *
add (GPtrArray *menu, const char *key, const char *label)
{
  FunnelMenuItem *item = funnel_menu_item_new (key, label, "act", key);

  g_ptr_array_add (menu, item);
  return item;
}

static int
id_of (const FunnelMenuLines *lines, const char *key)
{
  gpointer id = NULL;

  g_assert_true (g_hash_table_lookup_extended (lines->by_key, key, NULL, &id));
  return GPOINTER_TO_INT (id);
}

static void
test_numbers_stay (void)
{
  g_autoptr (GPtrArray) first = funnel_menu_item_list ();
  g_autoptr (GPtrArray) second = funnel_menu_item_list ();
  g_autoptr (FunnelMenuLines) a = NULL;
  g_autoptr (FunnelMenuLines) b = NULL;
  g_autoptr (FunnelMenuLines) c = NULL;
  int gone;

  add (first, "one", "One");
  add (first, "two", "Two");
  add (second, "three", "Three");
  add (second, "two", "Zwei");
  a = funnel_menu_lines_new (NULL, first);
  gone = id_of (a, "\none");
  b = funnel_menu_lines_new (a, second);
  g_assert_cmpint (id_of (a, "\ntwo"), ==, id_of (b, "\ntwo"));
  g_assert_null (funnel_menu_lines_find (b, gone));
  c = funnel_menu_lines_new (b, first);
  /* A number that was given up is not given again, not even to the same line. */
  g_assert_cmpint (id_of (c, "\none"), !=, gone);
  g_assert_cmpint (id_of (c, "\none"), !=, id_of (b, "\nthree"));
}

static void
test_numbers_wrap (void)
{
  g_autoptr (GPtrArray) items = funnel_menu_item_list ();
  g_autoptr (FunnelMenuLines) a = NULL;
  g_autoptr (FunnelMenuLines) b = NULL;

  add (items, "one", "One");
  a = funnel_menu_lines_new (NULL, items);
  a->last_id = G_MAXINT32;
  add (items, "two", "Two");
  b = funnel_menu_lines_new (a, items);
  g_assert_cmpint (id_of (b, "\none"), ==, 1);
  g_assert_cmpint (id_of (b, "\ntwo"), ==, 2);
}

static void
test_bounds (void)
{
  g_autoptr (GPtrArray) items = funnel_menu_item_list ();
  g_autoptr (FunnelMenuLines) lines = NULL;
  FunnelMenuItem *twice;

  for (int i = 0; i < 2 * FUNNEL_MENU_LINES; i++)
    {
      g_autofree char *key = g_strdup_printf ("%d", i);

      add (items, key, "x");
    }
  twice = add (items, "0", "again");
  twice->children = funnel_menu_item_list ();
  add (twice->children, "below", "x");
  lines = funnel_menu_lines_new (NULL, items);
  g_assert_cmpuint (g_hash_table_size (lines->by_id), ==, FUNNEL_MENU_LINES + 1);
  g_assert_cmpuint (funnel_menu_lines_find (lines, 0)->children->len, ==, FUNNEL_MENU_LINES);
}

static void
test_changed_parent (void)
{
  g_autoptr (GPtrArray) items = funnel_menu_item_list ();
  g_autoptr (FunnelMenuLines) a = NULL;
  g_autoptr (FunnelMenuLines) b = NULL;
  g_autoptr (FunnelMenuLines) c = NULL;
  FunnelMenuItem *top = add (items, "top", "Top");
  FunnelMenuItem *other = add (items, "other", "Other");

  top->children = funnel_menu_item_list ();
  other->children = funnel_menu_item_list ();
  a = funnel_menu_lines_new (NULL, items);
  g_assert_cmpint (funnel_menu_lines_changed_parent (a, a), ==, -1);
  add (top->children, "x", "x");
  b = funnel_menu_lines_new (a, items);
  g_assert_cmpint (funnel_menu_lines_changed_parent (a, b), ==, id_of (b, "\ntop"));
  add (top->children, "y", "y");
  add (other->children, "x", "x");
  c = funnel_menu_lines_new (b, items);
  g_assert_cmpint (funnel_menu_lines_changed_parent (b, c), ==, 0);
}

static void
test_changed_properties (void)
{
  g_autoptr (GPtrArray) items = funnel_menu_item_list ();
  g_autoptr (FunnelMenuLines) a = NULL;
  g_autoptr (FunnelMenuLines) b = NULL;
  g_autoptr (GVariant) changed = NULL;
  g_autofree char *text = NULL;
  FunnelMenuItem *item = add (items, "one", "One");

  add (items, "two", "Two");
  item->kind = FUNNEL_MENU_CHECK;
  item->checked = TRUE;
  a = funnel_menu_lines_new (NULL, items);
  item->kind = FUNNEL_MENU_LINE;
  g_free (item->label);
  item->label = g_strdup ("Eins");
  b = funnel_menu_lines_new (a, items);
  changed = g_variant_ref_sink (funnel_menu_lines_changed_properties (a, b));
  g_assert_null (funnel_menu_lines_changed_properties (b, b));
  text = g_variant_print (changed, FALSE);
  g_assert_nonnull (strstr (text, "[(1, {'label': <'Eins'>})]"));
  g_assert_nonnull (strstr (text, "toggle-type"));
  g_assert_nonnull (strstr (text, "toggle-state"));
  g_assert_null (strstr (text, "Two"));
}

static void
test_label (void)
{
  static const struct
  {
    const char *text;
    const char *label;
  } cases[] = {
      {"", ""},
      {"plain", "plain"},
      {"a_b__c", "a__b____c"},
      {"one\ntwo\033[1m", "onetwo[1m"},
      {"\xff\xfe", "\xef\xbf\xbd\xef\xbf\xbd"},
      {"äöüß€→語语한", "äöüß€→語语한"},
      {"0123456789", "0123456789"},
      {"0123456789a", "0123456789…"},
      {"__________", "____________________"},
      {"___________", "____________________…"},
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *label = funnel_menu_lines_dup_label (cases[i].text, 10);

      g_assert_cmpstr (label, ==, cases[i].label);
    }
}

/* Nothing happens where a line is greyed out. */
static void
test_disabled (void)
{
  g_autoptr (GPtrArray) items = funnel_menu_item_list ();
  g_autoptr (FunnelMenuLines) lines = NULL;

  add (items, "one", "One")->enabled = FALSE;
  lines = funnel_menu_lines_new (NULL, items);
  g_assert_null (funnel_menu_lines_find (lines, id_of (lines, "\none"))->action);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/gui/menu-lines/numbers-stay", test_numbers_stay);
  g_test_add_func ("/gui/menu-lines/numbers-wrap", test_numbers_wrap);
  g_test_add_func ("/gui/menu-lines/bounds", test_bounds);
  g_test_add_func ("/gui/menu-lines/changed-parent", test_changed_parent);
  g_test_add_func ("/gui/menu-lines/changed-properties", test_changed_properties);
  g_test_add_func ("/gui/menu-lines/label", test_label);
  g_test_add_func ("/gui/menu-lines/disabled", test_disabled);
  return g_test_run ();
}
