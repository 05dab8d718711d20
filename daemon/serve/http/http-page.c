/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Answers out of memory, and the node's own pages for errors made with them. */

#include "daemon/serve/http/exchange.h"

#include <stddef.h>

struct memory_answer
{
  const char *data;
  size_t len;
};

static const struct
{
  uint16_t status;
  const char *phrase;
  const char *sentence; /* for the page; NULL: never shown on one */
} statuses[] = {
    {100, "Continue", NULL},
    {101, "Switching Protocols", NULL},
    {102, "Processing", NULL},
    {103, "Early Hints", NULL},
    {200, "OK", NULL},
    {201, "Created", NULL},
    {202, "Accepted", NULL},
    {203, "Non-Authoritative Information", NULL},
    {204, "No Content", NULL},
    {205, "Reset Content", NULL},
    {206, "Partial Content", NULL},
    {207, "Multi-Status", NULL},
    {300, "Multiple Choices", NULL},
    {301, "Moved Permanently", "This page has moved."},
    {302, "Found", "This page is elsewhere for now."},
    {303, "See Other", "See another page."},
    {304, "Not Modified", NULL},
    {307, "Temporary Redirect", "This page is elsewhere for now."},
    {308, "Permanent Redirect", "This page has moved."},
    {400, "Bad Request", "Your browser or program sent a request that cannot be understood."},
    {401, "Unauthorized", "This page asks for a name and a password."},
    {403, "Forbidden", "You may not see this page."},
    {404, "Not Found", "There is nothing at this address."},
    {405, "Method Not Allowed", "This page cannot be used that way."},
    {406, "Not Acceptable", NULL},
    {408, "Request Timeout", "The request did not arrive in time."},
    {409, "Conflict", NULL},
    {410, "Gone", NULL},
    {411, "Length Required", NULL},
    {412, "Precondition Failed", "The page has changed meanwhile."},
    {413, "Content Too Large", NULL},
    {414, "URI Too Long", "The address asked for is too long."},
    {415, "Unsupported Media Type", NULL},
    {416, "Range Not Satisfiable", "There is no such part of this file."},
    {417, "Expectation Failed", "The request expects something that cannot be done."},
    {421, "Misdirected Request", "This name is not served here."},
    {422, "Unprocessable Content", NULL},
    {425, "Too Early", NULL},
    {426, "Upgrade Required", NULL},
    {428, "Precondition Required", NULL},
    {429, "Too Many Requests", "Too many requests; try again later."},
    {431, "Request Header Fields Too Large", "The request's header is too large."},
    {500, "Internal Server Error", "Something went wrong here."},
    {501, "Not Implemented", "This cannot be done here."},
    {502, "Bad Gateway", "The service behind this address does not answer properly."},
    {503, "Service Unavailable", "The service behind this address is too busy."},
    {504, "Gateway Timeout", "The service behind this address takes too long."},
    {505, "HTTP Version Not Supported", "This version of HTTP is not spoken here."},
};

static size_t
find_status (uint16_t status)
{
  size_t i = 0;

  while (i < G_N_ELEMENTS (statuses) && statuses[i].status != status)
    i++;
  return i;
}

const char *
http_status_phrase (uint16_t status)
{
  size_t i = find_status (status);

  return i < G_N_ELEMENTS (statuses) ? statuses[i].phrase : "";
}

static void
write_memory (struct http_exchange *x)
{
  struct memory_answer *answer = x->answer;
  size_t n = http_exchange_write (x, answer->data, answer->len);

  answer->data += n;
  answer->len -= n;
  if (answer->len == 0)
    http_exchange_finish (x, NULL);
}

static const struct http_answerer memory_answerer = {
    .name = "memory",
    .writable = write_memory,
};

void
http_answer_memory (struct http_exchange *x,
                    struct http_response *response,
                    const void *data,
                    size_t len)
{
  struct memory_answer *answer = http_exchange_alloc (x, sizeof *answer);

  x->answerer = &memory_answerer;
  x->answer = answer;
  if (answer == NULL)
    {
      http_exchange_abort (x);
      return;
    }
  *answer = (struct memory_answer) {data, len};
  response->content_length = (int64_t)len;
  http_exchange_respond (x, response);
  if (x->bodiless)
    http_exchange_finish (x, NULL);
  else
    write_memory (x);
}

void
http_answer_error_with (struct http_exchange *x,
                        uint16_t status,
                        const struct http_fields *fields,
                        const char *detail)
{
  size_t i = find_status (status);
  const char *phrase = http_status_phrase (status);
  struct http_fields own = {0};
  struct http_response response = {.status = status, .fields = &own};
  struct http_text page;

  if (detail == NULL)
    detail = i < G_N_ELEMENTS (statuses) && statuses[i].sentence != NULL ? statuses[i].sentence
                                                                         : phrase;
  page = http_exchange_printf (x,
                               "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                               "<meta name=\"viewport\" content=\"width=device-width\">"
                               "<title>%u %s</title></head>\n"
                               "<body><h1>%s</h1>\n<p>%s</p></body></html>\n",
                               status, phrase, phrase, detail);
  if (page.data == NULL)
    page = HTTP_TEXT ("");
  for (uint32_t k = 0; fields != NULL && k < fields->count; k++)
    own.items[own.count++] = fields->items[k];
  http_fields_add_known (&own, HTTP_NAME_CONTENT_TYPE, HTTP_TEXT ("text/html; charset=utf-8"));
  http_fields_add_known (&own, HTTP_NAME_CACHE_CONTROL, HTTP_TEXT ("no-store"));
  http_answer_memory (x, &response, page.data, page.len);
}

void
http_answer_error (struct http_exchange *x,
                   uint16_t status,
                   unsigned int retry_after_s,
                   const char *detail)
{
  struct http_fields fields = {0};
  char seconds[12];

  if (retry_after_s > 0)
    {
      int n = g_snprintf (seconds, sizeof seconds, "%u", retry_after_s);

      http_fields_add_known (&fields, HTTP_NAME_RETRY_AFTER,
                             (struct http_text) {seconds, (uint32_t)n});
    }
  http_answer_error_with (x, status, &fields, detail);
}
