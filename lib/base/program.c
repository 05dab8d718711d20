/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/base/program.h"

char *
funnel_find_program (const char *name, const char *variable, const char *const *folders)
{
  const char *chosen = variable ? g_getenv (variable) : NULL;
  g_autofree char *self = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *folder = self ? g_path_get_dirname (self) : NULL;
  g_autofree char *beside = folder ? g_build_filename (folder, name, NULL) : NULL;

  if (chosen && *chosen)
    return g_strdup (chosen);
  if (beside && g_file_test (beside, G_FILE_TEST_IS_EXECUTABLE))
    return g_steal_pointer (&beside);
  for (guint i = 0; folder && folders && folders[i]; i++)
    {
      g_autofree char *path = g_build_filename (folder, folders[i], name, NULL);

      if (g_file_test (path, G_FILE_TEST_IS_EXECUTABLE) && !g_file_test (path, G_FILE_TEST_IS_DIR))
        return g_canonicalize_filename (path, NULL);
    }
  return g_build_filename (FUNNEL_LIBEXECDIR, name, NULL);
}
