/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/tray/menu-item.h"

FunnelMenuItem *
funnel_menu_item_new (const char *key, const char *label, const char *action, const char *target)
{
  FunnelMenuItem *item = g_new0 (FunnelMenuItem, 1);

  item->key = g_strdup (key);
  item->label = g_strdup (label);
  item->enabled = TRUE;
  item->action = g_strdup (action);
  item->target = g_strdup (target);
  return item;
}

FunnelMenuItem *
funnel_menu_item_new_separator (const char *key)
{
  FunnelMenuItem *item = funnel_menu_item_new (key, NULL, NULL, NULL);

  item->kind = FUNNEL_MENU_SEPARATOR;
  return item;
}

void
funnel_menu_item_free (FunnelMenuItem *item)
{
  if (!item)
    return;
  g_free (item->key);
  g_free (item->label);
  g_free (item->action);
  g_free (item->target);
  g_clear_pointer (&item->children, g_ptr_array_unref);
  g_free (item);
}

GPtrArray *
funnel_menu_item_list (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify)funnel_menu_item_free);
}
