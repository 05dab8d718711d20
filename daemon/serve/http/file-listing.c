/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/serve/http/file-listing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TAIL_ROOM 256u /* of the page, for its end */

typedef struct
{
  char *name;
  gboolean is_folder;
  guint64 size;
} Entry;

static void
entry_clear (gpointer data)
{
  g_free (((Entry *)data)->name);
}

static int
compare_entries (gconstpointer a, gconstpointer b)
{
  const Entry *first = a, *second = b;

  if (first->is_folder != second->is_folder)
    return first->is_folder ? -1 : 1;
  return strcmp (first->name, second->name);
}

/* Returns whether all entries were read. */
static gboolean
read_entries (DIR *folder, GArray *entries)
{
  struct dirent *found;

  while ((found = readdir (folder)) != NULL)
    {
      struct stat info;
      Entry entry;

      if (found->d_name[0] == '.'
          || fstatat (dirfd (folder), found->d_name, &info, AT_SYMLINK_NOFOLLOW) < 0
          || (!S_ISREG (info.st_mode) && !S_ISDIR (info.st_mode) && !S_ISLNK (info.st_mode)))
        continue;
      if (entries->len >= FILE_LISTING_ENTRIES_MAX)
        return FALSE;
      entry = (Entry) {g_strdup (found->d_name), S_ISDIR (info.st_mode),
                       S_ISREG (info.st_mode) ? (guint64)info.st_size : 0};
      g_array_append_val (entries, entry);
    }
  return TRUE;
}

static void
append_row (GString *page, const Entry *entry)
{
  const char *slash = entry->is_folder ? "/" : "";
  g_autofree char *valid = g_utf8_make_valid (entry->name, -1);
  g_autofree char *text = g_markup_escape_text (valid, -1);
  g_autofree char *link = g_uri_escape_string (entry->name, NULL, FALSE);
  g_autofree char *size = entry->size > 0 ? g_format_size (entry->size) : g_strdup ("");

  /* "./" in front, so that no name is taken for a scheme. */
  g_string_append_printf (page, "<tr><td><a href=\"./%s%s\">%s%s</a></td><td>%s</td></tr>\n", link,
                          slash, text, slash, size);
}

static GString *
begin_page (const char *name)
{
  g_autofree char *valid = g_utf8_make_valid (name, -1);
  g_autofree char *title = g_markup_escape_text (valid, -1);
  GString *page = g_string_new (NULL);

  g_string_append_printf (page,
                          "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                          "<meta name=\"viewport\" content=\"width=device-width\">"
                          "<title>/%s</title></head>\n<body><h1>/%s</h1>\n<table>\n",
                          title, title);
  if (name[0] != '\0')
    g_string_append (page, "<tr><td><a href=\"../\">../</a></td><td></td></tr>\n");
  return page;
}

char *
file_listing_make (int fd, const char *name, size_t max, size_t *len)
{
  g_autoptr (GArray) entries = g_array_new (FALSE, FALSE, sizeof (Entry));
  DIR *folder = fdopendir (fd);
  gboolean is_complete;
  GString *page;

  if (folder == NULL)
    {
      close (fd);
      return NULL;
    }
  g_array_set_clear_func (entries, entry_clear);
  is_complete = read_entries (folder, entries);
  closedir (folder);
  g_array_sort (entries, compare_entries);
  page = begin_page (name);
  for (guint i = 0; i < entries->len; i++)
    {
      gsize before = page->len;

      append_row (page, &g_array_index (entries, Entry, i));
      if (page->len + TAIL_ROOM <= max)
        continue;
      g_string_truncate (page, before);
      is_complete = FALSE;
      break;
    }
  g_string_append (page, "</table>\n");
  if (!is_complete)
    g_string_append (page, "<p>There is more in this folder than is listed here.</p>\n");
  g_string_append (page, "</body></html>\n");
  *len = page->len;
  return g_string_free (page, FALSE);
}
