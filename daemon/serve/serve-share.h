/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* One share as the data plane needs it: what the owner hands over with funnel_serve_set_shares.
 * Immutable once made and shared by reference across threads; a change is a new one. */

#include "daemon/cert/certificate.h"
#include "lib/base/address-range.h"

#include <glib.h>
#include <sys/socket.h>

G_BEGIN_DECLS

typedef enum
{
  FUNNEL_SERVE_PASS_THROUGH, /* TLS bytes to a local TLS server, untouched */
  FUNNEL_SERVE_TERMINATE,    /* TLS ends here, plain bytes to the target */
  FUNNEL_SERVE_HTTP,         /* TLS ends here, each request goes to the mount that fits its path */
} FunnelServeKind;

#define FUNNEL_SERVE_TARGETS_MAX 4
#define FUNNEL_SERVE_ALPN_MAX 8       /* protocols of a share */
#define FUNNEL_SERVE_ALPN_NAME_MAX 32 /* bytes of one of them */

/* Where to connect: candidates, tried in order. */
typedef struct
{
  struct sockaddr_storage addresses[FUNNEL_SERVE_TARGETS_MAX]; /* TCP or unix */
  socklen_t lens[FUNNEL_SERVE_TARGETS_MAX];
  guint n;
  gboolean force; /* connect even to what is guarded; see guarded-connect.h */
} FunnelServeTarget;

typedef enum
{
  FUNNEL_SERVE_MOUNT_PROXY,
  FUNNEL_SERVE_MOUNT_FILES,
  FUNNEL_SERVE_MOUNT_TEXT,
  FUNNEL_SERVE_MOUNT_REDIRECT,
} FunnelServeMountKind;

typedef enum
{
  FUNNEL_SERVE_TLS_NONE,     /* http:// */
  FUNNEL_SERVE_TLS_VERIFY,   /* https:// */
  FUNNEL_SERVE_TLS_INSECURE, /* https+insecure:// */
} FunnelServeTls;

typedef enum
{
  FUNNEL_SERVE_HOST_KEEP,   /* what the visitor asked for */
  FUNNEL_SERVE_HOST_TARGET, /* the target's own authority */
  FUNNEL_SERVE_HOST_NAME,   /* host_name below */
} FunnelServeHost;

/* One path of an HTTP share. */
typedef struct
{
  char *path; /* "/" or "/api": canonical, without a slash at the end but for the root */
  FunnelServeMountKind kind;

  /* PROXY */
  FunnelServeTarget target;
  char *authority; /* "localhost:3000": for HOST_TARGET and for messages */
  FunnelServeTls tls;
  char *tls_name;  /* to verify and to send as SNI; NULL with TLS_NONE */
  gboolean h2c;    /* the target is spoken to in HTTP/2 without TLS */
  char *base_path; /* put in front of what follows the mount; "" or "/v1" */
  gboolean keep_prefix;
  FunnelServeHost host;
  char *host_name;

  /* FILES */
  char *root; /* absolute path of a folder or a file */
  gboolean listing;

  /* TEXT */
  GBytes *text; /* UTF-8 */

  /* REDIRECT */
  guint status;   /* 301, 302, 307, 308 */
  char *location; /* may contain ${HOST} and ${REQUEST_URI} */
} FunnelServeMount;

typedef FunnelAddressRange FunnelServeRange;

/* Who may come. All of it but the password is decided at the offer, before any TLS work. */
typedef struct
{
  GArray *allow;       /* FunnelServeRange; NULL or empty: everybody */
  GArray *deny;        /* FunnelServeRange; wins over allow */
  guint max_flows;     /* at once; 0: only the general cap */
  guint rate;          /* new flows per second, all visitors together; 0: no limit */
  guint burst;         /* flows taken at once before rate counts; 0: as rate */
  gint64 expires;      /* Unix seconds; 0: never */
  char *user;          /* HTTP basic authentication; NULL: none */
  char *password_hash; /* crypt(3) string */
} FunnelServePolicy;

typedef struct
{
  gint ref_count; /* atomic */
  guint32 id;     /* the owner's; stable while the share lives */
  char *name;     /* canonical */
  guint16 port;   /* public port */
  FunnelServeKind kind;
  FunnelCertificate *certificate; /* TERMINATE and HTTP; NULL: visitors are refused */
  FunnelCertificate *challenge;   /* TERMINATE and HTTP; shown to ALPN acme-tls/1; NULL: refused */
  FunnelServePolicy policy;

  /* PASS_THROUGH and TERMINATE */
  FunnelServeTarget target;
  guint proxy_protocol; /* version of the header written to the target; 0: none */
  char **alpn;          /* TERMINATE: protocols accepted, best first; NULL: ALPN is not answered */

  /* HTTP */
  GPtrArray *mounts; /* FunnelServeMount*, longest path first */
} FunnelServeShare;

/** funnel_serve_share_new: an empty one with one reference, for the owner to fill in. */
FunnelServeShare *funnel_serve_share_new (void);
const FunnelServeShare *funnel_serve_share_ref (const FunnelServeShare *share);
void funnel_serve_share_unref (const FunnelServeShare *share);
/** funnel_serve_share_equal: whether the data plane would do the same with both. */
gboolean funnel_serve_share_equal (const FunnelServeShare *a, const FunnelServeShare *b);

FunnelServeMount *funnel_serve_mount_new (void);
void funnel_serve_mount_free (FunnelServeMount *mount);

G_END_DECLS
