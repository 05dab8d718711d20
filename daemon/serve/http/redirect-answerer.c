/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Mounts that send visitors elsewhere. The location is the owner's text; ${HOST} in it becomes the
 * host the visitor asked for, which dispatch has found to be the share's, and ${REQUEST_URI} path
 * and query, encoded so that they stay that (fixed-answer.h). */

#include "daemon/serve/http/fixed-answer.h"

#include <assert.h>
#include <string.h>

#define HOST "${HOST}"
#define REQUEST_URI "${REQUEST_URI}"

/* Bytes of a location: what browsers take. */
#define LOCATION_MAX 8000u
static_assert (LOCATION_MAX <= PUMP_SCRATCH_MAX, "scratch must hold it");

/* Copies @text behind *@len bytes of @out unless it does not fit; *@len grows in any case. */
static void
append (char *out, size_t *len, const char *text, size_t text_len)
{
  if (*len + text_len <= LOCATION_MAX && text_len > 0)
    memcpy (out + *len, text, text_len);
  *len += text_len;
}

static struct http_text
expand (struct http_exchange *x, const char *location, struct http_text uri)
{
  const char *name = x->share->share->name;
  struct http_text host = x->request.authority; /* HTTP/1.0 may do without */
  char *out = (char *)x->loop->scratch.data;    /* free until the call that takes it returns */
  size_t len = 0;

  if (host.len == 0)
    host = (struct http_text) {name, (uint32_t)strlen (name)};
  while (*location != '\0')
    {
      if (g_str_has_prefix (location, HOST))
        {
          append (out, &len, host.data, host.len);
          location += strlen (HOST);
        }
      else if (g_str_has_prefix (location, REQUEST_URI))
        {
          append (out, &len, uri.data, uri.len);
          location += strlen (REQUEST_URI);
        }
      /* The owner's text was checked when it was given; a line end must not get here even so. */
      else if ((uint8_t)*location < 0x20 || *location == 0x7f)
        location++;
      else
        append (out, &len, location++, 1);
    }
  if (len > LOCATION_MAX)
    return (struct http_text) {NULL, 0};
  return (struct http_text) {out, (uint32_t)len};
}

static void
start (struct http_exchange *x)
{
  struct http_fields fields = {.count = 0};
  struct http_text uri = fixed_answer_path (x, "");
  struct http_text location = {NULL, 0};

  if (uri.data != NULL)
    location = expand (x, x->mount->location, uri);
  if (location.data == NULL)
    {
      http_answer_error (x, 414, 0, NULL);
      return;
    }
  http_fields_add_known (&fields, HTTP_NAME_LOCATION, location);
  http_answer_error_with (x, (uint16_t)x->mount->status, &fields, NULL);
}

const struct http_answerer http_redirect = {
    .name = "redirect",
    .start = start,
};
