/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The a{sv} options of methods, read by a table: unknown keys, wrong types and bad values are
 * refused by name. */

#include "daemon/model/share.h"

G_BEGIN_DECLS

typedef enum
{
  FUNNEL_OPTIONS_JOIN = 1 << 0,
  FUNNEL_OPTIONS_SHARE = 1 << 1,
  FUNNEL_OPTIONS_UNSHARE = 1 << 2,
  FUNNEL_OPTIONS_RESET = 1 << 3,
  FUNNEL_OPTIONS_INSTALL = 1 << 4,
  FUNNEL_OPTIONS_ACCESS = 1 << 5,
  FUNNEL_OPTIONS_IMPORT = 1 << 6,
  FUNNEL_OPTIONS_DOCTOR = 1 << 7,
} FunnelOptionsMethod;

/* As given; unset members are NULL or 0. */
typedef struct
{
  char *name; /* canonical */
  char *kind;
  char *target;
  char *path; /* canonical */
  char *certificate_file;
  char *key_file;
  char *if_match;
  char *group;
  char *hook;
  char *client_version;
  char *host_header;
  char *auth_user;
  char *auth_password; /* a secret */
  char *command;
  GStrv allow;
  GStrv deny;
  GStrv alpn;
  guint max_conns;
  guint rate;
  guint proxy_protocol;
  guint64 expires;
  guint16 port;
  gboolean foreground;
  gboolean lan;
  gboolean force;
  gboolean keep_prefix;
  gboolean listing;
  gboolean dry_run;
  guint gives; /* FunnelShareGives */
} FunnelOptions;

/** funnel_options_parse: FALSE and FUNNEL_ERROR_INVALID_ARGUMENT naming the option; @out is to be
 * cleared either way. */
gboolean funnel_options_parse (GVariant *options,
                               FunnelOptionsMethod method,
                               FunnelOptions *out,
                               GError **error);
void funnel_options_clear (FunnelOptions *options);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (FunnelOptions, funnel_options_clear)

/** funnel_options_to_spec: a share as asked for, with one mount; the name stays NULL if none was
 * given. */
FunnelShareSpec *
funnel_options_to_spec (const FunnelOptions *options, const char *target, GError **error);
/** funnel_options_to_access: the rules given, the password hashed; @out is to be cleared either
 * way. */
gboolean
funnel_options_to_access (const FunnelOptions *options, FunnelShareAccess *out, GError **error);
/** funnel_options_to_filter: @out is to be cleared either way. */
gboolean
funnel_options_to_filter (const FunnelOptions *options, FunnelShareFilter *out, GError **error);

G_END_DECLS
