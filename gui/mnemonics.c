/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/mnemonics.h"

void
funnel_mnemonics_name (GtkWidget *widget)
{
  /* The label that is shown names the button already. */
  if (GTK_IS_BUTTON (widget) && gtk_button_get_use_underline (GTK_BUTTON (widget)))
    gtk_accessible_reset_property (GTK_ACCESSIBLE (widget), GTK_ACCESSIBLE_PROPERTY_LABEL);
  for (GtkWidget *child = gtk_widget_get_first_child (widget); child;
       child = gtk_widget_get_next_sibling (child))
    funnel_mnemonics_name (child);
}
