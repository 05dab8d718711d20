/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "gui/autostart.h"

#include <glib/gstdio.h>

static void
set_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  *(GAsyncResult **)data = g_object_ref (result);
}

static gboolean
set (gboolean on, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  funnel_autostart_set_async (on, "reason", NULL, set_cb, &result);
  while (!result)
    g_main_context_iteration (NULL, TRUE);
  return funnel_autostart_set_finish (result, error);
}

static void
test_file (void)
{
  g_autofree char *file = funnel_autostart_get_file ();
  g_autoptr (GKeyFile) entry = g_key_file_new ();
  g_autofree char *command = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (g_str_has_prefix (file, g_get_user_config_dir ()));
  g_assert_false (funnel_autostart_is_on ());
  g_assert_true (set (FALSE, &error)); /* it is off already */
  g_assert_no_error (error);
  g_assert_true (set (TRUE, &error));
  g_assert_no_error (error);
  g_assert_true (funnel_autostart_is_on ());
  g_key_file_load_from_file (entry, file, G_KEY_FILE_NONE, &error);
  g_assert_no_error (error);
  command = g_key_file_get_string (entry, "Desktop Entry", "Exec", NULL);
  g_assert_cmpstr (command, ==, "funnel-gtk --gapplication-service");
  g_assert_true (set (FALSE, &error));
  g_assert_no_error (error);
  g_assert_false (g_file_test (file, G_FILE_TEST_EXISTS));
}

/* Desktops switch entries off in the file. */
static void
test_switched_off_elsewhere (void)
{
  static const char *const lines[] = {"Hidden=true\n", "X-GNOME-Autostart-enabled=false\n"};
  g_autofree char *file = funnel_autostart_get_file ();

  for (gsize i = 0; i < G_N_ELEMENTS (lines); i++)
    {
      g_autofree char *text = g_strconcat ("[Desktop Entry]\n", lines[i], NULL);

      g_assert_true (set (TRUE, NULL));
      g_assert_true (funnel_autostart_is_on ());
      g_assert_true (g_file_set_contents (file, text, -1, NULL));
      g_assert_false (funnel_autostart_is_on ());
    }
  g_unlink (file);
}

static void
test_no_folder (void)
{
  g_autofree char *file = funnel_autostart_get_file ();
  g_autofree char *folder = g_path_get_dirname (file);
  g_autoptr (GError) error = NULL;

  g_rmdir (folder); /* what an earlier test left */
  g_assert_true (g_file_set_contents (folder, "in the way", -1, NULL));
  g_assert_false (set (TRUE, &error));
  g_assert_nonnull (error);
  g_assert_nonnull (strstr (error->message, folder));
  g_unlink (folder);
}

int
main (int argc, char **argv)
{
  g_autofree char *folder = g_dir_make_tmp ("funnel-autostart-XXXXXX", NULL);
  g_autofree char *autostart = g_build_filename (folder, "autostart", NULL);
  int status;

  g_setenv ("XDG_CONFIG_HOME", folder, TRUE);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/gui/autostart/file", test_file);
  g_test_add_func ("/gui/autostart/switched-off-elsewhere", test_switched_off_elsewhere);
  g_test_add_func ("/gui/autostart/no-folder", test_no_folder);
  status = g_test_run ();
  g_rmdir (autostart);
  g_rmdir (folder);
  return status;
}
