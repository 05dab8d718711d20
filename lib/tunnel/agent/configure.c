/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/tunnel/agent/configure.h"

#include "lib/tunnel/agent/tool.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
secret_text_clear (struct secret_text *text)
{
  if (text->data)
    explicit_bzero (text->data, text->room);
  free (text->data);
  *text = (struct secret_text) {0};
}

static void
secret_text_grow (struct secret_text *text, size_t more)
{
  size_t room = text->room ? text->room : 4096;
  char *data;

  while (room < text->len + more)
    room *= 2;
  if (room == text->room)
    return;
  data = malloc (room);
  if (!data)
    {
      text->failed = true;
      return;
    }
  if (text->data)
    {
      memcpy (data, text->data, text->len);
      explicit_bzero (text->data, text->room);
      free (text->data);
    }
  text->data = data;
  text->room = room;
}

void
secret_text_add (struct secret_text *text, const char *format, ...)
{
  va_list args;
  int n;

  secret_text_grow (text, 512); /* more than any single line here */
  if (text->failed)
    return;
  va_start (args, format);
  n = vsnprintf (text->data + text->len, text->room - text->len, format, args);
  va_end (args);
  if (n < 0 || (size_t)n >= text->room - text->len)
    text->failed = true;
  else
    text->len += (size_t)n;
}

/* Runs a tool with @input (wiped afterwards) on its standard input. */
bool
configure_run (const char *const *argv,
               struct secret_text *input,
               int netns,
               char *error,
               size_t size)
{
  struct tool_call call = {.argv = argv, .netns = netns};
  bool good;

  if (input)
    {
      call.input = input->data;
      call.input_len = input->len;
    }
  if (input && input->failed)
    {
      snprintf (error, size, "out of memory");
      good = false;
    }
  else if (!(good = tool_run (&call)))
    snprintf (error, size, "%s", call.error);
  if (input)
    secret_text_clear (input);
  return good;
}

bool
configure_ip (int netns, char *error, size_t size, const char *format, ...)
{
  static const char *const argv[] = {"ip", "-batch", "-", NULL};
  struct secret_text batch = {0};
  char lines[512];
  va_list args;

  va_start (args, format);
  vsnprintf (lines, sizeof lines, format, args);
  va_end (args);
  secret_text_add (&batch, "%s", lines);
  return configure_run (argv, &batch, netns, error, size);
}
