/* SPDX-License-Identifier: GPL-3.0-or-later */

/* funnel-gtk: the window of Funnel. */

#include <glib/gi18n.h>

#include "gui/application.h"
#include "gui/without-gl.h"
#include "lib/client/language.h"

int
main (int argc, char **argv)
{
  g_autoptr (FunnelApplication) application = NULL;

  funnel_without_gl_begin ();
  funnel_language_init (TRUE);
  g_set_application_name (_ ("Funnel"));

  application = funnel_application_new ();
  return g_application_run (G_APPLICATION (application), argc, argv);
}
