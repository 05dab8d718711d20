/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/install/install-files.h"

#include "lib/base/error.h"
#include "lib/base/token.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <grp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHAIN_FILE "fullchain.pem"
#define KEY_FILE "privkey.pem"
#define COMBINED_FILE "combined.pem"
#define NO_GROUP ((gid_t)-1)
#define PEM_MAX (1024 * 1024) /* bytes of a file of ours that is compared */

static gboolean
fail (GError **error, const char *path)
{
  int code = errno;

  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE, "%s: %s", path, g_strerror (code));
  return FALSE;
}

/* --- Checks --- */

static gboolean
find_group (const char *group, gid_t *gid, GError **error)
{
  g_autofree char *buffer = g_malloc (65536);
  struct group entry, *found = NULL;

  *gid = NO_GROUP;
  if (group == NULL)
    return TRUE;
  getgrnam_r (group, &entry, buffer, 65536, &found);
  if (found != NULL)
    {
      *gid = found->gr_gid;
      return TRUE;
    }
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT, N_ ("there is no group “%s”"),
               group);
  return FALSE;
}

/* Where others may write they could put a key of theirs in place of ours. */
static gboolean
check_folder (const char *folder, GError **error)
{
  struct stat st;

  if (g_mkdir_with_parents (folder, 0755) != 0 || stat (folder, &st) != 0)
    return fail (error, folder);
  if (!S_ISDIR (st.st_mode))
    {
      errno = ENOTDIR;
      return fail (error, folder);
    }
  if ((st.st_mode & 022) == 0 && (st.st_uid == geteuid () || st.st_uid == 0))
    return TRUE;
  g_set_error (
      error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
      N_ ("%s can be written by others; choose a folder of your own, or type: chmod go-w %s"),
      folder, folder);
  return FALSE;
}

static gboolean
check_link (const char *link, GError **error)
{
  struct stat st;

  if (lstat (link, &st) != 0 || S_ISLNK (st.st_mode))
    return TRUE;
  g_set_error (
      error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
      N_ ("%s is in the way: it was not made by funnel; move it, or choose another folder"), link);
  return FALSE;
}

gboolean
funnel_install_files_check (const char *folder, const char *name, const char *group, GError **error)
{
  g_autofree char *link = g_build_filename (folder, name, NULL);
  gid_t gid;

  if (!find_group (group, &gid, error) || !check_folder (folder, error)
      || !check_link (link, error))
    return FALSE;
  return access (folder, W_OK | X_OK) == 0 || fail (error, folder);
}

/* --- One folder --- */

static gboolean
write_all (int fd, const char *text)
{
  gsize len = strlen (text);

  while (len > 0)
    {
      gssize put = write (fd, text, len);

      if (put < 0 && errno != EINTR)
        return FALSE;
      text += put > 0 ? put : 0;
      len -= put > 0 ? (gsize)put : 0;
    }
  return TRUE;
}

static gboolean
explain_group (const char *group, GError **error)
{
  if (errno != EPERM)
    return fail (error, group);
  g_set_error (
      error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
      N_ ("this user is not in the group “%s”; type: sudo usermod -a -G %s %s, then log in "
          "again and restart funneld"),
      group, group, g_get_user_name ());
  return FALSE;
}

static gboolean
write_file (const char *at,
            const char *file,
            const char *text,
            const char *group,
            gid_t gid,
            GError **error)
{
  g_autofree char *path = g_build_filename (at, file, NULL);
  int fd = open (path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  gboolean ok = fd >= 0;

  if (!ok)
    return fail (error, path);
  if (gid != NO_GROUP && (fchown (fd, NO_GROUP, gid) != 0 || fchmod (fd, 0640) != 0))
    ok = explain_group (group, error);
  else if (!write_all (fd, text) || fsync (fd) != 0)
    ok = fail (error, path);
  close (fd);
  return ok;
}

static gboolean
fill_folder (const char *at,
             const char *name,
             const char *group,
             gid_t gid,
             FunnelCertificate *certificate,
             GError **error)
{
  const char *chain = funnel_certificate_get_chain_pem (certificate);
  const char *key = funnel_certificate_get_key_pem (certificate);
  g_autofree char *chain_path = g_build_filename (at, CHAIN_FILE, NULL);
  g_autofree char *key_path = g_build_filename (at, KEY_FILE, NULL);
  g_autoptr (FunnelCertificate) again = NULL;
  char *combined = g_strconcat (chain, key, NULL);
  gboolean ok = write_file (at, KEY_FILE, key, group, gid, error)
                && write_file (at, CHAIN_FILE, chain, group, gid, error)
                && write_file (at, COMBINED_FILE, combined, group, gid, error);

  funnel_secret_free (combined);
  if (!ok)
    return FALSE;
  if (gid != NO_GROUP && (chown (at, NO_GROUP, gid) != 0 || chmod (at, 0750) != 0))
    return explain_group (group, error);
  again = funnel_certificate_load (chain_path, key_path, name, error);
  return again != NULL;
}

/* --- Switching --- */

static gboolean
is_ours (const char *entry, const char *name)
{
  gsize len = strlen (name);

  /* ".NAME.XXXXXX", as mkdtemp makes it. */
  return entry[0] == '.' && strncmp (entry + 1, name, len) == 0 && entry[len + 1] == '.'
         && strlen (entry + len + 2) == 6;
}

static void
remove_entry (const char *folder, const char *entry)
{
  static const char *const files[] = {CHAIN_FILE, KEY_FILE, COMBINED_FILE};
  g_autofree char *path = g_build_filename (folder, entry, NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_autofree char *file = g_build_filename (path, files[i], NULL);

      g_unlink (file);
    }
  if (g_rmdir (path) != 0)
    g_unlink (path); /* a link that never took its place */
}

static void
remove_all_but (const char *folder, const char *name, const char *one, const char *other)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *entry;

  while (dir != NULL && (entry = g_dir_read_name (dir)) != NULL)
    if (is_ours (entry, name) && g_strcmp0 (entry, one) != 0 && g_strcmp0 (entry, other) != 0)
      remove_entry (folder, entry);
}

static gboolean
sync_folder (const char *folder)
{
  int fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  gboolean ok = fd >= 0 && fsync (fd) == 0;

  if (fd >= 0)
    close (fd);
  return ok;
}

static gboolean
switch_to (const char *folder, const char *name, const char *fresh, GError **error)
{
  g_autofree char *link = g_build_filename (folder, name, NULL);
  g_autofree char *path = g_build_filename (folder, fresh, NULL);
  g_autofree char *unique = g_uuid_string_random ();
  g_autofree char *temporary = NULL;

  /* Named like a folder of ours, so that one left behind is cleared away. */
  unique[6] = '\0';
  temporary = g_strdup_printf ("%s/.%s.%s", folder, name, unique);
  if (!sync_folder (path) || symlink (fresh, temporary) != 0)
    return fail (error, temporary);
  if (rename (temporary, link) == 0 && sync_folder (folder))
    return TRUE;
  fail (error, link);
  g_unlink (temporary);
  return FALSE;
}

static gboolean
has_text (const char *at, const char *file, const char *text, gid_t gid)
{
  g_autofree char *path = g_build_filename (at, file, NULL);
  char *found = NULL;
  struct stat st;
  gboolean same;

  if (stat (path, &st) != 0 || !S_ISREG (st.st_mode) || st.st_size > PEM_MAX
      || (st.st_mode & 07777) != (gid != NO_GROUP ? 0640u : 0600u)
      || (gid != NO_GROUP && st.st_gid != gid) || !g_file_get_contents (path, &found, NULL, NULL))
    return FALSE;
  same = strcmp (found, text) == 0;
  funnel_secret_free (found);
  return same;
}

static gboolean
is_current (const char *link, gid_t gid, FunnelCertificate *certificate)
{
  const char *chain = funnel_certificate_get_chain_pem (certificate);
  const char *key = funnel_certificate_get_key_pem (certificate);
  char *combined = g_strconcat (chain, key, NULL);
  gboolean same = has_text (link, CHAIN_FILE, chain, gid) && has_text (link, KEY_FILE, key, gid)
                  && has_text (link, COMBINED_FILE, combined, gid);

  funnel_secret_free (combined);
  return same;
}

static gboolean
write_locked (const char *folder,
              const char *name,
              const char *group,
              FunnelCertificate *certificate,
              gboolean *changed,
              GError **error)
{
  g_autofree char *link = g_build_filename (folder, name, NULL);
  g_autofree char *fresh = g_strdup_printf ("%s/.%s.XXXXXX", folder, name);
  g_autofree char *before = NULL;
  g_autofree char *entry = NULL;
  gid_t gid = NO_GROUP;

  *changed = FALSE;
  if (!find_group (group, &gid, error) || !funnel_install_files_check (folder, name, group, error))
    return FALSE;
  if (is_current (link, gid, certificate))
    return TRUE;
  before = g_file_read_link (link, NULL);
  if (g_mkdtemp (fresh) == NULL)
    return fail (error, fresh);
  entry = g_path_get_basename (fresh);
  if (!fill_folder (fresh, name, group, gid, certificate, error)
      || !switch_to (folder, name, entry, error))
    {
      remove_entry (folder, entry);
      return FALSE;
    }
  remove_all_but (folder, name, entry, before);
  *changed = TRUE;
  return TRUE;
}

gboolean
funnel_install_files_write (const char *folder,
                            const char *name,
                            const char *group,
                            FunnelCertificate *certificate,
                            gboolean *changed,
                            GError **error)
{
  static GMutex one_at_a_time;
  gboolean ok;

  g_mutex_lock (&one_at_a_time);
  ok = write_locked (folder, name, group, certificate, changed, error);
  g_mutex_unlock (&one_at_a_time);
  return ok;
}

void
funnel_install_files_remove (const char *folder, const char *name)
{
  g_autofree char *link = g_build_filename (folder, name, NULL);
  g_autofree char *target = g_file_read_link (link, NULL);

  if (target == NULL || !is_ours (target, name))
    return;
  g_unlink (link);
  remove_all_but (folder, name, NULL, NULL);
}
