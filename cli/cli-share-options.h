/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The flags that say how something is shared: where it is mounted, who may come, until when. They
 * are a table in cli-share-options.c: to add one, a row there, a member here, and a line in
 * funnel_cli_share_options_fill. */

#include <gio/gio.h>

G_BEGIN_DECLS

/* As typed; what GOption writes into. */
typedef struct
{
  char *set_path;
  char *host_header;
  gboolean keep_prefix;
  gboolean listing;
  gboolean lan;
  gboolean force;
  char **allow;
  char **deny;
  char *auth;
  char *auth_file;
  char *max_conns;
  char *rate;
  char *duration;
  char *until;
  char *proxy_protocol;
  char **alpn;
  gboolean port_env;
} FunnelCliShareRaw;

void funnel_cli_share_raw_clear (FunnelCliShareRaw *raw);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (FunnelCliShareRaw, funnel_cli_share_raw_clear)

/* Read. Members with a has_ beside them mean nothing without it. */
typedef struct
{
  char *path; /* or NULL */
  char *host_header;
  gboolean keep_prefix;
  gboolean listing;
  gboolean lan;
  gboolean force;
  GStrv allow; /* NULL not given, empty: anybody */
  GStrv deny;
  char *auth_user;     /* NULL not given, "": no password any more */
  char *auth_password; /* a secret; NULL with auth_user: to be asked for, or read from auth_file */
  char *auth_file;
  gboolean has_max_conns, has_rate, has_expires, has_proxy_protocol;
  guint max_conns;
  guint rate;
  guint64 expires; /* Unix seconds; 0 never */
  guint proxy_protocol;
  GStrv alpn; /* or NULL */
  gboolean port_env;
} FunnelCliShareOptions;

void funnel_cli_share_options_clear (FunnelCliShareOptions *options);

/** funnel_cli_share_entries: GOption's table for @raw; caller frees. */
GOptionEntry *funnel_cli_share_entries (FunnelCliShareRaw *raw);
/**
 * funnel_cli_share_options_read: from @raw into @options, or FUNNEL_ERROR_INVALID_ARGUMENT.
 * @given: gets the FunnelCliFlags of what was given
 * @now: for --for and --until
 */
gboolean funnel_cli_share_options_read (FunnelCliShareRaw *raw,
                                        FunnelCliShareOptions *options,
                                        GDateTime *now,
                                        guint *given,
                                        GError **error);
/** funnel_cli_share_options_stray: the name of a flag of @raw that is among @stray flags; NULL. */
const char *funnel_cli_share_options_stray (const FunnelCliShareRaw *raw, guint stray);
/** funnel_cli_share_options_help: as funnel_cli_options_help. */
void funnel_cli_share_options_help (guint allowed, GString *text);
/** funnel_cli_share_options_fill: the options of Share in data/dbus. */
void funnel_cli_share_options_fill (const FunnelCliShareOptions *options, GVariantDict *dict);

/** funnel_cli_parse_until: "18:00" (the next one), "2026-11-24", "2026-11-24 18:00" or ISO 8601, in
 * @now's time zone, as Unix seconds; 0 and an error when it is none of these or not after @now. */
gint64 funnel_cli_parse_until (const char *text, GDateTime *now, GError **error);
/** funnel_cli_split_auth: "user:password"; FALSE and an error when it is not. */
gboolean funnel_cli_split_auth (const char *text, char **user, char **password, GError **error);
/** funnel_cli_scrub_passwords: overwrite the password of --auth in @argv, in place. */
void funnel_cli_scrub_passwords (char **argv);

G_END_DECLS
