/* SPDX-License-Identifier: GPL-3.0-or-later */

/* From a checked head to who answers: is it for this name, may the visitor come, which mount. */

#include "daemon/serve/http/basic-auth.h"
#include "daemon/serve/http/exchange.h"
#include "daemon/serve/http/http1-head.h"
#include "daemon/serve/http/http2-upstream.h"
#include "daemon/serve/http/mount-table.h"

#include <string.h>

/* Who answers for a kind of mount. */
static const struct http_answerer *const answerers[] = {
    [FUNNEL_SERVE_MOUNT_PROXY] = &http_proxy,
    [FUNNEL_SERVE_MOUNT_FILES] = &http_files,
    [FUNNEL_SERVE_MOUNT_TEXT] = &http_text_mount,
    [FUNNEL_SERVE_MOUNT_REDIRECT] = &http_redirect,
};

/* The share as it is now: a connection outlives changes of it. Its own entry stays as it was, so
 * that its numbers go on; a share that has vanished has ended its flows. */
static void
refresh_share (struct http_exchange *x)
{
  const FunnelServeShare *share = x->share->share;
  struct share_entry *now = share_table_find (x->loop->shares, share->name, share->port);

  if (now == NULL || now == x->share || now->share->id != share->id
      || now->share->kind != FUNNEL_SERVE_HTTP)
    return;
  share_entry_unref (x->share);
  x->share = share_entry_ref (now);
}

/* TLS was agreed for the share's name, so a request for another one came to the wrong place (RFC
 * 9110 7.4). The port is not compared: it may be another one outside. */
static bool
is_for_share (const struct http_exchange *x)
{
  const char *name = x->share->share->name;
  struct http_text host, port;

  if (x->request.authority.len == 0)
    return x->request.version == HTTP_VERSION_1_0;
  if (!http1_authority_split (x->request.authority, &host, &port))
    return false;
  if (host.data[host.len - 1] == '.')
    host.len--;
  return http_text_is (host, (struct http_text) {name, (uint32_t)strlen (name)});
}

/* "OPTIONS *" is about the server, which is the node. */
static void
answer_options (struct http_exchange *x)
{
  struct http_fields fields = {0};
  struct http_response response = {.status = 200, .fields = &fields};

  http_fields_add (&fields, HTTP_TEXT ("Allow"),
                   HTTP_TEXT ("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
  http_answer_memory (x, &response, "", 0);
}

/* Chooses the mount, or answers why there is none. */
static bool
find_mount (struct http_exchange *x)
{
  char *room = http_exchange_alloc (x, x->request.target.len);

  if (room == NULL)
    {
      http_answer_error (x, 414, 0, NULL);
      return false;
    }
  switch (mount_table_find (x->share->share->mounts, x->request.target, room, &x->match))
    {
    case MOUNT_FOUND:
      x->mount = x->match.mount;
      return true;
    case MOUNT_NONE:
      http_answer_error (x, 404, 0, NULL);
      return false;
    case MOUNT_BAD_PATH:
      http_answer_error (x, 400, 0, NULL);
      return false;
    case MOUNT_ASTERISK:
      break;
    }
  answer_options (x);
  return false;
}

/* The visitor may come in. */
static void
let_in (struct http_exchange *x)
{
  if (!find_mount (x))
    return;
  if (x->mount->kind >= G_N_ELEMENTS (answerers) || answerers[x->mount->kind] == NULL)
    {
      http_answer_error (x, 404, 0, NULL);
      return;
    }
  x->answerer = http2_upstream_wants (x) ? &http2_upstream : answerers[x->mount->kind];
  x->answerer->start (x);
}

void
http_dispatch (struct http_exchange *x)
{
  refresh_share (x);
  if (!is_for_share (x))
    http_answer_error (x, 421, 0, NULL);
  else if (x->share->share->policy.user != NULL)
    basic_auth_check (x, let_in);
  else
    let_in (x);
}
