/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* A serve loop that does not run, with one flow of one share, for tests that play a visitor's
 * connection without sockets; and an answerer that does what the request's path says. */

#include "daemon/serve/http/exchange.h"

typedef struct
{
  struct serve_loop loop;
  struct share_table *table;
  struct serve_listener *listener;
  struct flow *flow;
} HttpStage;

void http_stage_set_up (HttpStage *stage);
/** http_stage_tear_down: everything must have been given back; aborts if buffers were not. */
void http_stage_tear_down (HttpStage *stage);
guint64 http_stage_refusals (HttpStage *stage, enum serve_refusal refusal);

/* What the answerer was given, since set up. */
typedef struct
{
  guint starts, cancels, ends;
  gsize body;                 /* bytes taken */
  guint32 body_sum;           /* sum of them, each times its place */
  gboolean hold;              /* take no body */
  struct http_exchange *last; /* the latest request, while it is attached */
  char *head;     /* "METHOD authority target\nname: value\n…" of the latest request */
  char *trailers; /* of the latest body: "name: value\n…" */
} HttpPlayer;

extern HttpPlayer http_player;

/** http_player_reset: forget what was noted. */
void http_player_reset (void);

/** http_player_dispatch: answers by the request's target:
 *   /text           200, Content-Type, "hello\n"
 *   /head-only      200 without body, "grpc-status: 0": a head and nothing else
 *   /empty          204
 *   /hints          103, then as /text
 *   /trailers       200, "body", trailers "grpc-status: 0"
 *   /big/N          200, Content-Length N, N bytes
 *   /echo           200, the request's body; its trailers too
 *   /tunnel         101 for a tunnel, which echoes; 403 else
 *   /refuse         403 at once
 *   /hang           nothing
 *   /abort          200, some bytes, then abort
 *   /abort-at-once  abort
 *   anything else   404 */
void http_player_dispatch (struct http_exchange *x);
