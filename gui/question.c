/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/question.h"

#include <glib/gi18n.h>

#include "gui/spoken.h"

AdwMessageDialog *
funnel_question_new (GtkWidget *widget,
                     const char *title,
                     const char *body,
                     const char *yes,
                     AdwResponseAppearance look)
{
  GtkWindow *window = GTK_WINDOW (gtk_widget_get_root (widget));
  AdwMessageDialog *dialog = ADW_MESSAGE_DIALOG (adw_message_dialog_new (window, title, body));

  adw_message_dialog_add_responses (dialog, "no", _ ("_Cancel"), FUNNEL_QUESTION_YES, yes, NULL);
  adw_message_dialog_set_response_appearance (dialog, FUNNEL_QUESTION_YES, look);
  adw_message_dialog_set_default_response (dialog, "no");
  adw_message_dialog_set_close_response (dialog, "no");
  funnel_spoken_name (GTK_WIDGET (dialog));
  return dialog;
}
