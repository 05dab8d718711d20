/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Talking to ip and wg: their input is composed in a text that is wiped wherever it may leave a
 * copy. */

#include <stdbool.h>
#include <stddef.h>

/* A growing text that may hold keys: wiped whenever it moves or goes. {0} is empty. */
struct secret_text
{
  char *data;
  size_t len, room;
  bool failed; /* out of memory at some time; configure_run refuses it */
};

/** secret_text_clear: wipe, free, and be empty again. */
void secret_text_clear (struct secret_text *text);
/** secret_text_add: append at most 511 bytes. */
void secret_text_add (struct secret_text *text, const char *format, ...)
    __attribute__ ((format (printf, 2, 3)));

/** configure_run: a tool with @input (may be NULL; cleared afterwards) on its standard input, in
 * @netns (-1 = here). False with its complaint in @error. */
bool configure_run (const char *const *argv,
                    struct secret_text *input,
                    int netns,
                    char *error,
                    size_t error_size);
/** configure_ip: lines for "ip -batch". */
bool configure_ip (int netns, char *error, size_t error_size, const char *format, ...)
    __attribute__ ((format (printf, 4, 5)));
