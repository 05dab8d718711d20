/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Datagrams of the agent's protocol (docs/protocol.md, "Agent"): a word and key=value lines. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MESSAGE_MAX 65536
#define MESSAGE_FIELDS_MAX 256
#define MESSAGE_FDS_MAX 64
#define ANSWER_MAX 4096

struct message_field
{
  const char *key;
  const char *value;
};

/* A request; its strings point into text. The descriptors belong to the message until taken. */
struct message
{
  char text[MESSAGE_MAX + 1];
  size_t len;
  const char *verb;
  struct message_field fields[MESSAGE_FIELDS_MAX];
  size_t n_fields;
  int fds[MESSAGE_FDS_MAX];
  size_t n_fds;
};

/* An answer or an event under construction. fd belongs to it, -1 = none. */
struct answer
{
  char text[ANSWER_MAX];
  size_t len;
  int fd;
};

/** message_parse: split text[0..len) in place. False with a sentence in @error. */
bool message_parse (struct message *message, char *error, size_t error_size);
/** message_get: value of @key or NULL. */
const char *message_get (const struct message *message, const char *key);
/** message_take_fd: the caller owns the result; -1 when there is none at @index. */
int message_take_fd (struct message *message, size_t index);
/** message_clear: close what was not taken and wipe the text. */
void message_clear (struct message *message);

/** answer_init: start with @word ("ok", "error", "event"). */
void answer_init (struct answer *answer, const char *word);
/** answer_field: append key=value; line ends inside the value become spaces. What does not fit is
 * cut. */
void answer_field (struct answer *answer, const char *key, const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));
/** answer_error: replace the answer by an error. @code is one of lib/base/error.h. Returns false.
 */
bool answer_error (struct answer *answer, const char *code, const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));

/** parse_number: decimal, no sign, no spaces, @min..@max. */
bool parse_number (const char *text, unsigned long min, unsigned long max, unsigned long *out);
