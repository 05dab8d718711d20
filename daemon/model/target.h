/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Where a mount leads, as the user types it: grammar only. Whether it may be shared is for
 * target-guard.h to say, whether it works for the daemon's target check. */

#include "daemon/model/share-kind.h"

#include <sys/socket.h>

G_BEGIN_DECLS

#define FUNNEL_TARGET_ADDRESSES_MAX 4
#define FUNNEL_TARGET_TEXT_MAX 65536 /* bytes of a target */

typedef enum
{
  FUNNEL_TARGET_TCP,            /* tcp://, or unix: of a TCP kind: plain bytes */
  FUNNEL_TARGET_HTTP,           /* http://, or unix: */
  FUNNEL_TARGET_HTTPS,          /* https://: the target's certificate is verified */
  FUNNEL_TARGET_HTTPS_INSECURE, /* https+insecure://: it is not */
  FUNNEL_TARGET_H2C,            /* h2c://: HTTP/2 without TLS, as gRPC servers speak it */
  FUNNEL_TARGET_FILES,          /* a file or a folder */
  FUNNEL_TARGET_TEXT,
  FUNNEL_TARGET_REDIRECT,
} FunnelTargetKind;

/* Members that a kind does not use are NULL or 0. */
typedef struct
{
  char *text; /* canonical: "http://localhost:3000", "unix:/run/app.sock", "/srv/site" */
  FunnelTargetKind kind;

  /* What is connected to. */
  char *host;      /* lower case, without brackets; NULL for a unix socket */
  guint16 port;    /* 0 for a unix socket */
  char *authority; /* "localhost:3000"; "localhost" for a unix socket */
  char *base_path; /* "" or "/v1"; NULL for TCP */
  struct sockaddr_storage addresses[FUNNEL_TARGET_ADDRESSES_MAX]; /* to be tried in order */
  socklen_t lens[FUNNEL_TARGET_ADDRESSES_MAX];
  guint n_addresses; /* 0: host is a name to be looked up */

  char *path;     /* of FILES, or of the unix socket; absolute */
  char *content;  /* of TEXT */
  guint status;   /* of REDIRECT: 301, 302, 303, 307 or 308 */
  char *location; /* of REDIRECT */
} FunnelTarget;

/**
 * funnel_target_parse: read a target.
 * @text: "3000", "localhost:8080/v1", "http://…", "https://…", "https+insecure://…", "h2c://…",
 *        "unix:/run/app.sock", "/srv/site", "text:hello", "redirect:https://example.org/",
 *        "redirect:308:https://…"; for TCP kinds a port, host:port, "tcp://…" or "unix:…"
 * @kind: of the share; decides which schemes are possible
 *
 * Returns NULL and FUNNEL_ERROR_INVALID_ARGUMENT. No name is looked up and no file looked at:
 * "localhost" and names below it are 127.0.0.1, then ::1.
 */
FunnelTarget *funnel_target_parse (const char *text, FunnelShareKind kind, GError **error);
void funnel_target_free (FunnelTarget *target);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelTarget, funnel_target_free)

/** funnel_target_connects: whether something is connected to, rather than answered from here. */
gboolean funnel_target_connects (const FunnelTarget *target);
/** funnel_target_is_http: whether it is connected to and speaks HTTP. */
gboolean funnel_target_is_http (const FunnelTarget *target);
/** funnel_target_kind_text: "proxy", "forward", "files", "text" or "redirect". */
const char *funnel_target_kind_text (FunnelTargetKind kind);

G_END_DECLS
