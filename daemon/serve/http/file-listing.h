/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The page that lists a folder: files, folders and links by name, folders first; nothing hidden. It
 * blocks as the file system does. Any thread. */

#include <stddef.h>

#define FILE_LISTING_ENTRIES_MAX 2000u /* more are left out, and the page says so */

/** file_listing_make: an HTML page for the open folder @fd, which is closed.
 * @name: of the folder, below the mount; "" for the mount itself
 * @max: bytes; what does not fit is left out, and the page says so
 * Returns it (free()), NULL on failure. */
char *file_listing_make (int fd, const char *name, size_t max, size_t *len);
