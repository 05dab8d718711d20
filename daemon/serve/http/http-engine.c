/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/serve/http/http-engine.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>

struct http_engine *
http_engine_new (void)
{
  struct http_engine *engine = calloc (1, sizeof *engine);

  if (engine == NULL)
    return NULL;
  if (http2_shared_init (&engine->http2, http_dispatch) == 0
      && http2_targets_init (&engine->http2_targets) == 0)
    return engine;
  http_engine_free (engine);
  return NULL;
}

void
http_engine_free (struct http_engine *engine)
{
  if (engine == NULL)
    return;
  assert (engine->in_use == 0);
  while (engine->idle != NULL)
    {
      struct http_exchange *next = engine->idle->next;

      free (engine->idle);
      engine->idle = next;
    }
  http2_targets_clear (&engine->http2_targets);
  http2_shared_clear (&engine->http2);
  upstream_pool_clear (&engine->upstreams);
  free (engine);
}

struct http_text
http_engine_date (struct serve_loop *loop)
{
  struct http_engine *engine = loop->http;
  uint64_t second = loop->now / 1000;

  if (engine->date[0] == '\0' || engine->date_at != second)
    {
      http_date_print (time (NULL), engine->date);
      engine->date_at = second;
    }
  return (struct http_text) {engine->date, HTTP_DATE_SIZE - 1};
}
