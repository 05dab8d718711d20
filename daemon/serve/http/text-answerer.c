/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Mounts that answer with a text. */

#include "daemon/serve/http/fixed-answer.h"

static void
start (struct http_exchange *x)
{
  struct http_fields fields = {.count = 0};
  struct http_response response = {.status = 200, .fields = &fields};
  gsize len = 0;
  const void *text = x->mount->text != NULL ? g_bytes_get_data (x->mount->text, &len) : NULL;

  if (!fixed_answer_method (x))
    return;
  http_fields_add_known (&fields, HTTP_NAME_CONTENT_TYPE, HTTP_TEXT ("text/plain; charset=utf-8"));
  http_fields_add (&fields, HTTP_TEXT ("X-Content-Type-Options"), HTTP_TEXT ("nosniff"));
  http_answer_memory (x, &response, text != NULL ? text : "", len);
}

const struct http_answerer http_text_mount = {
    .name = "text",
    .start = start,
};
