/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/serve/http/file-open.h"

#include "daemon/serve/http/file-listing.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define INDEX_NAME "index.html"
#define WELL_KNOWN ".well-known"
#define SNIFF_LEN 512u
#define RACES_MAX 16 /* times the kernel may say that a rename got in its way */

bool
file_name_is_hidden (const char *name)
{
  size_t well_known = strlen (WELL_KNOWN);

  if (strncmp (name, WELL_KNOWN, well_known) == 0
      && (name[well_known] == '/' || name[well_known] == '\0'))
    name += well_known;
  for (const char *p = name; *p != '\0'; p++)
    if (*p == '.' && (p == name || p[-1] == '/'))
      return true;
  return false;
}

static enum file_outcome
outcome_of (int error)
{
  switch (error)
    {
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case EXDEV: /* it would have left the root */
    case ENAMETOOLONG:
    case ENXIO:
      return FILE_NOT_FOUND;
    case EACCES:
    case EPERM:
      return FILE_FORBIDDEN;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN:
      return FILE_BUSY;
    default:
      return FILE_FAILED;
    }
}

/* Opens @name beneath @root; -1 with errno. */
static int
open_beneath (int root, const char *name, uint64_t flags)
{
  struct open_how how = {
      .flags = flags | O_CLOEXEC,
      .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
  };
  long fd = -1;

  for (int i = 0; i < RACES_MAX; i++)
    {
      fd = syscall (SYS_openat2, root, name[0] != '\0' ? name : ".", &how, sizeof how);
      if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
        break;
    }
  return (int)fd;
}

/* Whether @data begins a text in UTF-8; it may end in the middle of a character. */
static bool
is_text (const char *data, size_t len)
{
  const char *end;

  for (size_t i = 0; i < len; i++)
    if (((uint8_t)data[i] < 0x20 && strchr ("\t\n\r\f\x1b", data[i]) == NULL) || data[i] == '\0')
      return false;
  if (g_utf8_validate_len (data, len, &end))
    return true;
  return len - (size_t)(end - data) < 4 && len == SNIFF_LEN;
}

/* Types browsers insist on and that an older list of types lacks. */
static const char *
find_new_type (const char *name)
{
  static const char *const types[][2] = {
      {".wasm", "application/wasm"},
      {".mjs", "text/javascript"},
      {".webmanifest", "application/manifest+json"},
      {".avif", "image/avif"},
      {".woff2", "font/woff2"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    if (g_str_has_suffix (name, types[i][0]))
      return types[i][1];
  return NULL;
}

/* By name, as the desktop knows names. A name that says nothing is looked into, but only to tell
 * text from the rest: what a visitor's browser runs must not depend on what a file begins with. */
static void
find_type (const char *name, int fd, char out[FILE_TYPE_SIZE])
{
  g_autofree char *content_type = g_content_type_guess (name, NULL, 0, NULL);
  const char *new_type = find_new_type (name);
  g_autofree char *type
      = new_type != NULL ? g_strdup (new_type) : g_content_type_get_mime_type (content_type);
  char start[SNIFF_LEN];
  ssize_t n;

  if (type == NULL || strcmp (type, "application/octet-stream") == 0)
    {
      n = pread (fd, start, sizeof start, 0);
      g_strlcpy (out,
                 n >= 0 && is_text (start, (size_t)n) ? "text/plain; charset=utf-8"
                                                      : "application/octet-stream",
                 FILE_TYPE_SIZE);
    }
  else if (g_str_has_prefix (type, "text/x-")) /* no browser knows it, and each would save it */
    g_strlcpy (out, "text/plain; charset=utf-8", FILE_TYPE_SIZE);
  else if (g_str_has_prefix (type, "text/") || strcmp (type, "application/javascript") == 0)
    g_snprintf (out, FILE_TYPE_SIZE, "%s; charset=utf-8", type);
  else
    g_strlcpy (out, type, FILE_TYPE_SIZE);
}

static enum file_outcome
take_file (const char *name, int fd, const struct stat *info, struct file_found *found)
{
  found->fd = fd;
  found->size = (uint64_t)info->st_size;
  found->modified = info->st_mtim;
  found->inode = info->st_ino;
  find_type (name, fd, found->type);
  posix_fadvise (fd, 0, 0, POSIX_FADV_SEQUENTIAL);
  return FILE_FOUND;
}

/* Opens the file @name, which was seen to be a regular one, and makes sure that it still is. */
static enum file_outcome
open_file (int root, const char *name, struct file_found *found)
{
  struct stat info;
  int fd = open_beneath (root, name, O_RDONLY | O_NONBLOCK | O_NOCTTY);

  if (fd < 0)
    return outcome_of (errno);
  if (fstat (fd, &info) == 0 && S_ISREG (info.st_mode))
    return take_file (name, fd, &info, found);
  close (fd);
  return FILE_NOT_FOUND;
}

/* What @name is; 0 with *@outcome when it cannot be seen. */
static mode_t
look_at (int root, const char *name, enum file_outcome *outcome)
{
  struct stat info = {.st_mode = 0};
  int fd = open_beneath (root, name, O_PATH);

  if (fd < 0 || fstat (fd, &info) < 0)
    *outcome = outcome_of (errno);
  if (fd >= 0)
    close (fd);
  return info.st_mode & S_IFMT;
}

static enum file_outcome
list_folder (int root, const struct file_question *question, struct file_found *found)
{
  int fd = open_beneath (root, question->name, O_RDONLY | O_DIRECTORY);

  if (fd < 0)
    return outcome_of (errno);
  found->page = file_listing_make (fd, question->name, FILE_PAGE_MAX, &found->page_len);
  return found->page != NULL ? FILE_LISTED : FILE_FAILED;
}

static enum file_outcome
open_folder (int root, const struct file_question *question, struct file_found *found)
{
  g_autofree char *index = question->name[0] != '\0'
                               ? g_strconcat (question->name, "/" INDEX_NAME, NULL)
                               : g_strdup (INDEX_NAME);
  enum file_outcome outcome = FILE_NOT_FOUND;

  if (!question->is_folder)
    return FILE_SLASH;
  if (look_at (root, index, &outcome) == S_IFREG)
    return open_file (root, index, found);
  if (outcome != FILE_NOT_FOUND)
    return outcome;
  return question->listing ? list_folder (root, question, found) : FILE_NOT_FOUND;
}

static enum file_outcome
open_in_root (int root, const struct file_question *question, struct file_found *found)
{
  enum file_outcome outcome = FILE_NOT_FOUND;

  switch (look_at (root, question->name, &outcome))
    {
    case S_IFREG:
      return question->is_folder ? FILE_NOT_FOUND : open_file (root, question->name, found);
    case S_IFDIR:
      return open_folder (root, question, found);
    default:
      return outcome;
    }
}

/* The root is a file: it answers at the mount itself and nowhere below. */
static enum file_outcome
open_root_file (const struct file_question *question, struct file_found *found)
{
  struct stat info;
  int fd;

  if (!question->is_exact)
    return FILE_NOT_FOUND;
  fd = open (question->root, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd < 0)
    return outcome_of (errno);
  if (fstat (fd, &info) == 0 && S_ISREG (info.st_mode))
    return take_file (question->root, fd, &info, found);
  close (fd);
  return FILE_NOT_FOUND;
}

void
file_open (const struct file_question *question, struct file_found *found)
{
  int root = open (question->root, O_PATH | O_CLOEXEC);
  struct stat info;

  *found = (struct file_found) {.outcome = FILE_NOT_FOUND, .fd = -1};
  if (root < 0 || fstat (root, &info) < 0)
    found->outcome = outcome_of (errno);
  else if (S_ISDIR (info.st_mode))
    found->outcome = open_in_root (root, question, found);
  else if (S_ISREG (info.st_mode))
    found->outcome = open_root_file (question, found);
  if (root >= 0)
    close (root);
}

void
file_found_clear (struct file_found *found)
{
  if (found->fd >= 0)
    close (found->fd);
  free (found->page);
  *found = (struct file_found) {.fd = -1};
}
