/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What a screen reader says of a button with a mnemonic. GTK 4.8 says its label as it is written
 * and once more as it is shown: "_Publish Publish". */

#include <gtk/gtk.h>

G_BEGIN_DECLS

/** funnel_mnemonics_name: name the buttons with mnemonics in @widget, itself included, once and
 * without underscores. To be called after a label was set. */
void funnel_mnemonics_name (GtkWidget *widget);

G_END_DECLS
