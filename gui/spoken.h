/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What a screen reader says of widgets that tell it too little, or too much, of themselves.
 * GTK 4.8 says the label of a button with a mnemonic as it is written and once more as it is shown:
 * "_Publish Publish". Of an AdwEntryRow 1.2 only the row is told, not the field in it that gets the
 * keyboard, and so nothing is said when it does. */

#include <gtk/gtk.h>

G_BEGIN_DECLS

/** funnel_spoken_name: name the buttons and the fields in @widget, itself included, once and
 * without underscores. To be called after a label was set, and for fields before @widget is shown.
 */
void funnel_spoken_name (GtkWidget *widget);

G_END_DECLS
