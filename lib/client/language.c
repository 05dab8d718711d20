/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/client/language.h"

#include <libintl.h>
#include <locale.h>

#include "lib/base/names.h"

void
funnel_language_init (gboolean translate)
{
  const char *folder = g_getenv (FUNNEL_ENV_LOCALE_DIR);

  setlocale (LC_ALL, "");
  /* In the locale C no catalogue is looked at, whatever LANGUAGE says. */
  if (!translate)
    setlocale (LC_MESSAGES, "C");
  bindtextdomain (GETTEXT_PACKAGE, folder != NULL ? folder : FUNNEL_LOCALEDIR);
  bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");
  textdomain (GETTEXT_PACKAGE);
}
