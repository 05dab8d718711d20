/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/tunnel/agent/agent-message.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool
is_word (const char *text)
{
  size_t n = strspn (text, "abcdefghijklmnopqrstuvwxyz0123456789-.");

  return n > 0 && n <= 32 && text[n] == '\0';
}

static bool
add_field (struct message *message, char *line, char *error, size_t error_size)
{
  char *equals = strchr (line, '=');

  if (!equals)
    {
      snprintf (error, error_size, "a line is not key=value");
      return false;
    }
  *equals = '\0';
  if (!is_word (line))
    {
      snprintf (error, error_size, "a field name is malformed");
      return false;
    }
  if (message_get (message, line))
    {
      snprintf (error, error_size, "%s: given twice", line);
      return false;
    }
  if (message->n_fields == MESSAGE_FIELDS_MAX)
    {
      snprintf (error, error_size, "more than %d fields", MESSAGE_FIELDS_MAX);
      return false;
    }
  message->fields[message->n_fields++] = (struct message_field) {line, equals + 1};
  return true;
}

bool
message_parse (struct message *message, char *error, size_t error_size)
{
  char *line = message->text;
  char *end = message->text + message->len;

  message->verb = NULL;
  message->n_fields = 0;
  if (message->len == 0 || end[-1] != '\n' || memchr (line, '\0', message->len))
    {
      snprintf (error, error_size, "a request is lines of text, each ended by a newline");
      return false;
    }
  while (line < end)
    {
      char *newline = memchr (line, '\n', (size_t)(end - line));

      *newline = '\0';
      if (!message->verb)
        {
          if (!is_word (line))
            {
              snprintf (error, error_size, "the first line is not a request's name");
              return false;
            }
          message->verb = line;
        }
      else if (!add_field (message, line, error, error_size))
        return false;
      line = newline + 1;
    }
  return true;
}

const char *
message_get (const struct message *message, const char *key)
{
  for (size_t i = 0; i < message->n_fields; i++)
    if (strcmp (message->fields[i].key, key) == 0)
      return message->fields[i].value;
  return NULL;
}

int
message_take_fd (struct message *message, size_t index)
{
  int fd;

  if (index >= message->n_fds)
    return -1;
  fd = message->fds[index];
  message->fds[index] = -1;
  return fd;
}

void
message_clear (struct message *message)
{
  for (size_t i = 0; i < message->n_fds; i++)
    if (message->fds[i] >= 0)
      close (message->fds[i]);
  explicit_bzero (message->text, message->len);
  message->len = 0;
  message->n_fds = 0;
  message->n_fields = 0;
  message->verb = NULL;
}

void
answer_init (struct answer *answer, const char *word)
{
  answer->fd = -1;
  answer->len = (size_t)snprintf (answer->text, sizeof answer->text, "%s\n", word);
}

__attribute__ ((format (printf, 3, 0))) static void
append_field (struct answer *answer, const char *key, const char *format, va_list args)
{
  char value[1024];
  size_t left = sizeof answer->text - answer->len;
  int n;

  vsnprintf (value, sizeof value, format, args);
  for (char *p = value; *p; p++)
    if (*p == '\n' || *p == '\r')
      *p = ' ';
  n = snprintf (answer->text + answer->len, left, "%s=%s\n", key, value);
  if (n > 0 && (size_t)n < left)
    answer->len += (size_t)n;
}

void
answer_field (struct answer *answer, const char *key, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  append_field (answer, key, format, args);
  va_end (args);
}

bool
answer_error (struct answer *answer, const char *code, const char *format, ...)
{
  va_list args;

  answer_init (answer, "error");
  answer_field (answer, "code", "%s", code);
  va_start (args, format);
  append_field (answer, "message", format, args);
  va_end (args);
  return false;
}

bool
parse_number (const char *text, unsigned long min, unsigned long max, unsigned long *out)
{
  size_t n = strspn (text, "0123456789");

  if (n == 0 || n > 9 || text[n] != '\0')
    return false;
  *out = strtoul (text, NULL, 10);
  return *out >= min && *out <= max;
}
