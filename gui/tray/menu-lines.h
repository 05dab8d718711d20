/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* A menu as com.canonical.dbusmenu knows it: lines with numbers and properties. A line keeps its
 * number as long as its key is there; a number is never given to another line afterwards. Pure. */

#include "gui/tray/menu-item.h"

G_BEGIN_DECLS

/* Lines a menu has at most, submenus included; more are left out. */
#define FUNNEL_MENU_LINES 256

typedef struct
{
  int id;
  int parent; /* -1 of the menu itself, whose number is 0 */
  char *key;  /* of the line and all above it */
  GVariant *properties;
  char *action; /* NULL: it does nothing */
  char *target;
  GArray *children; /* int */
} FunnelMenuLine;

typedef struct
{
  GHashTable *by_id;  /* number → FunnelMenuLine */
  GHashTable *by_key; /* key → number */
  int last_id;        /* the highest number ever given */
} FunnelMenuLines;

/** funnel_menu_lines_new: @items as lines; numbers are those of @before where keys are the same.
 * @before: what was shown; NULL nothing. @items: FunnelMenuItem*; NULL none; copied. */
FunnelMenuLines *funnel_menu_lines_new (const FunnelMenuLines *before, GPtrArray *items);
void funnel_menu_lines_free (FunnelMenuLines *lines);

/** funnel_menu_lines_find: borrowed; NULL when there is none. */
const FunnelMenuLine *funnel_menu_lines_find (const FunnelMenuLines *lines, int id);

/** funnel_menu_lines_changed_parent: the line below which everything is that came, went or moved;
 * -1: nothing did. */
int funnel_menu_lines_changed_parent (const FunnelMenuLines *before, const FunnelMenuLines *after);

/** funnel_menu_lines_changed_properties: what is different in lines that are in both: a floating
 * (a(ia{sv})a(ias)), values that are new and names that are gone; NULL: nothing. */
GVariant *
funnel_menu_lines_changed_properties (const FunnelMenuLines *before, const FunnelMenuLines *after);

/** funnel_menu_lines_dup_label: @text as the protocol wants labels: underscores doubled, control
 * characters gone, cut after @length characters with an ellipsis. Caller frees. */
char *funnel_menu_lines_dup_label (const char *text, gsize length);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelMenuLines, funnel_menu_lines_free)

G_END_DECLS
