/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* A question above a window, before something that cannot be taken back. */

#include <adwaita.h>

G_BEGIN_DECLS

#define FUNNEL_QUESTION_YES "yes" /* the response; every other one is no */

/**
 * funnel_question_new: to be connected to its "response", and presented. Enter and Escape mean no.
 * @widget: in the window above which to ask
 * @yes: what the button says, with a mnemonic
 */
AdwMessageDialog *funnel_question_new (GtkWidget *widget,
                                       const char *title,
                                       const char *body,
                                       const char *yes,
                                       AdwResponseAppearance look);

G_END_DECLS
