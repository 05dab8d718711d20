/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Finding and opening the file a request means. It blocks as the file system does, so it runs on a
 * worker; it touches nothing but its arguments.
 *
 * Nothing outside the mount's root is ever opened: the kernel resolves the name beneath it
 * (openat2(2), RESOLVE_BENEATH, no magic links), so ".." and links that lead out are not found,
 * whatever is renamed meanwhile. A link inside may lead to another place inside. Only regular files
 * are opened for reading: what a name is gets looked at first, without opening it, so that a FIFO
 * does not wait and a device does nothing. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define FILE_TYPE_SIZE 128
#define FILE_PAGE_MAX (512u * 1024) /* bytes of a listing */

enum file_outcome
{
  FILE_FOUND,     /* fd, size, modified, inode, type */
  FILE_LISTED,    /* page */
  FILE_SLASH,     /* a folder, asked for without a slash at the end */
  FILE_NOT_FOUND, /* nothing there that may be seen */
  FILE_FORBIDDEN, /* the system does not let us */
  FILE_BUSY,      /* no descriptor or memory just now */
  FILE_FAILED,    /* the file system failed */
};

struct file_question
{
  char *root;     /* a folder, or a file: absolute */
  char *name;     /* in it, relative, without dot segments; "" is the root itself */
  bool is_folder; /* asked for with a slash at the end */
  bool is_exact;  /* asked for the mount itself: what a file as root answers to */
  bool listing;   /* folders without index page are listed */
};

struct file_found
{
  enum file_outcome outcome;
  int fd;
  uint64_t size;
  struct timespec modified;
  uint64_t inode;
  char type[FILE_TYPE_SIZE];
  char *page; /* free() */
  size_t page_len;
};

/** file_open: answers @question; @found is to be given to file_found_clear unless what it holds is
 * taken out. Any thread. */
void file_open (const struct file_question *question, struct file_found *found);
void file_found_clear (struct file_found *found);

/** file_name_is_hidden: whether a segment of @name begins with a dot. Such files are not for
 * visitors, but for those of ".well-known" (RFC 8615) at the beginning. */
bool file_name_is_hidden (const char *name);
