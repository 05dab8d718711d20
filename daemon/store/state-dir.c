/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/store/state-dir.h"

#include "lib/base/error.h"
#include "lib/base/names.h"
#include "lib/base/token.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_NAME "lock"

struct _FunnelStateDir
{
  char *path;
  int lock_fd;
};

static gboolean
fail (GError **error, const char *path, int code)
{
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE, "%s: %s", path, g_strerror (code));
  return FALSE;
}

/* In a folder that others may write to they could put a key of theirs in place. */
static gboolean
make_private (const char *path, GError **error)
{
  struct stat st;

  if (g_mkdir_with_parents (path, 0700) != 0 || stat (path, &st) != 0)
    return fail (error, path, errno);
  if (st.st_uid != geteuid ())
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE,
                   N_ ("%s belongs to another user (uid %u); use --state-dir"), path,
                   (guint)st.st_uid);
      return FALSE;
    }
  if ((st.st_mode & 022) == 0)
    return TRUE;
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE,
               N_ ("%s can be written by others; type: chmod go-w %s"), path, path);
  return FALSE;
}

static gboolean
take_lock (FunnelStateDir *self, GError **error)
{
  g_autofree char *path = g_build_filename (self->path, LOCK_NAME, NULL);

  self->lock_fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (self->lock_fd < 0)
    return fail (error, path, errno);
  if (flock (self->lock_fd, LOCK_EX | LOCK_NB) == 0)
    return TRUE;
  if (errno != EWOULDBLOCK)
    return fail (error, path, errno);
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_CONFLICT,
               N_ ("another funneld already uses %s; end it first, or use --state-dir"),
               self->path);
  return FALSE;
}

FunnelStateDir *
funnel_state_dir_open (const char *path, GError **error)
{
  g_autoptr (FunnelStateDir) self = g_new0 (FunnelStateDir, 1);
  const char *chosen = path != NULL ? path : g_getenv (FUNNEL_ENV_STATE_DIR);

  self->lock_fd = -1;
  self->path = chosen != NULL && chosen[0] != '\0'
                   ? g_canonicalize_filename (chosen, NULL)
                   : g_build_filename (g_get_user_state_dir (), "funnel", NULL);
  if (!make_private (self->path, error) || !take_lock (self, error))
    return NULL;
  return g_steal_pointer (&self);
}

void
funnel_state_dir_free (FunnelStateDir *self)
{
  if (self == NULL)
    return;
  if (self->lock_fd >= 0)
    close (self->lock_fd);
  g_free (self->path);
  g_free (self);
}

const char *
funnel_state_dir_get_path (FunnelStateDir *self)
{
  return self->path;
}

static gboolean
check_size (const char *path, gsize max, gboolean *present, GError **error)
{
  struct stat st;

  *present = stat (path, &st) == 0;
  if (!*present)
    return errno == ENOENT || fail (error, path, errno);
  if (S_ISREG (st.st_mode) && (gsize)st.st_size <= max)
    return TRUE;
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE, N_ ("%s: not a file of ours"), path);
  return FALSE;
}

gboolean
funnel_state_dir_read (FunnelStateDir *self,
                       const char *name,
                       gsize max,
                       char **text,
                       gsize *len,
                       GError **error)
{
  g_autofree char *path = g_build_filename (self->path, name, NULL);
  g_autoptr (GError) local_error = NULL;
  gboolean present = FALSE;

  *text = NULL;
  *len = 0;
  if (!check_size (path, max, &present, error))
    return FALSE;
  if (!present)
    return TRUE;
  if (g_file_get_contents (path, text, len, &local_error))
    return TRUE;
  g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE, local_error->message);
  return FALSE;
}

gboolean
funnel_state_dir_write (FunnelStateDir *self, const char *name, const char *text, GError **error)
{
  g_autofree char *path = g_build_filename (self->path, name, NULL);
  g_autoptr (GError) local_error = NULL;

  if (g_file_set_contents_full (path, text, -1,
                                G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0600,
                                &local_error))
    return TRUE;
  g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE, local_error->message);
  return FALSE;
}

char *
funnel_state_dir_set_aside (FunnelStateDir *self, const char *name, GError **error)
{
  g_autofree char *path = g_build_filename (self->path, name, NULL);

  for (guint n = 1; n < 1000; n++)
    {
      g_autofree char *aside = g_strdup_printf ("%s.unreadable-%u", path, n);

      /* link, not rename: it never replaces what is there. */
      if (link (path, aside) == 0)
        {
          unlink (path);
          return g_steal_pointer (&aside);
        }
      if (errno != EEXIST)
        {
          fail (error, path, errno);
          return NULL;
        }
    }
  fail (error, path, EEXIST);
  return NULL;
}
