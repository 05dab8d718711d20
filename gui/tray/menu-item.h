/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* One line of a menu, as data: what it says and which action it stands for. Knows no bus. */

#include <gio/gio.h>

G_BEGIN_DECLS

typedef enum
{
  FUNNEL_MENU_LINE,
  FUNNEL_MENU_CHECK,
  FUNNEL_MENU_SEPARATOR,
} FunnelMenuKind;

typedef struct
{
  FunnelMenuKind kind;
  char *key;   /* says which line this is while texts and order change; unique in its menu */
  char *label; /* UTF-8, without mnemonics; NULL in a separator */
  gboolean enabled;
  gboolean checked;    /* of a check */
  char *action;        /* NULL: it does nothing */
  char *target;        /* parameter of the action; NULL: it has none */
  GPtrArray *children; /* FunnelMenuItem*; NULL: no submenu */
} FunnelMenuItem;

/** funnel_menu_item_new: an enabled line. @action, @target: may be NULL. The key is @key. */
FunnelMenuItem *
funnel_menu_item_new (const char *key, const char *label, const char *action, const char *target);
FunnelMenuItem *funnel_menu_item_new_separator (const char *key);
void funnel_menu_item_free (FunnelMenuItem *item);

/** funnel_menu_item_list: an empty menu that owns its items. */
GPtrArray *funnel_menu_item_list (void);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelMenuItem, funnel_menu_item_free)

G_END_DECLS
