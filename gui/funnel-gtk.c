/* SPDX-License-Identifier: GPL-3.0-or-later */

/* funnel-gtk: the window of Funnel. */

#include <glib/gi18n.h>
#include <locale.h>

#include "gui/application.h"
#include "gui/without-gl.h"
#include "lib/base/names.h"

int
main (int argc, char **argv)
{
  g_autoptr (FunnelApplication) application = NULL;
  const char *locale_dir = g_getenv (FUNNEL_ENV_LOCALE_DIR);

  funnel_without_gl_begin ();
  setlocale (LC_ALL, "");
  bindtextdomain (GETTEXT_PACKAGE, locale_dir ? locale_dir : FUNNEL_LOCALEDIR);
  bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");
  textdomain (GETTEXT_PACKAGE);
  g_set_application_name (_ ("Funnel"));

  application = funnel_application_new ();
  return g_application_run (G_APPLICATION (application), argc, argv);
}
