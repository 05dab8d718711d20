/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The command line as typed, checked as far as grammar goes; whether a target or a name makes sense
 * is the daemon's to say. To add a flag: a row in the table of cli-options.c, a bit here, and the
 * bit in the commands that take it. */

#include "cli/cli-share-options.h"

G_BEGIN_DECLS

typedef enum
{
  FUNNEL_CLI_BG = 1 << 0,
  FUNNEL_CLI_KIND = 1 << 1, /* --https, --tcp or --tls-terminated-tcp */
  FUNNEL_CLI_NAME = 1 << 2,
  FUNNEL_CLI_CERTIFICATE = 1 << 3, /* --cert-file and --key-file */
  FUNNEL_CLI_YES = 1 << 4,
  FUNNEL_CLI_JSON = 1 << 5,
  FUNNEL_CLI_WAIT = 1 << 6,
  FUNNEL_CLI_SYSTEM = 1 << 7,
  FUNNEL_CLI_AUTHORITY = 1 << 8, /* what describes a certificate authority */
  FUNNEL_CLI_REVOKE = 1 << 9,
  FUNNEL_CLI_MIN_VALIDITY = 1 << 16,
  FUNNEL_CLI_INSTALL = 1 << 17,
  FUNNEL_CLI_UNINSTALL = 1 << 18,
  FUNNEL_CLI_GROUP = 1 << 19,
  FUNNEL_CLI_HOOK = 1 << 20,
  FUNNEL_CLI_ALLOW_USER = 1 << 21,
  FUNNEL_CLI_DENY_USER = 1 << 22,
  FUNNEL_CLI_LIST = 1 << 23,
  FUNNEL_CLI_FORGET = 1 << 24,
  FUNNEL_CLI_PATH = 1 << 10,         /* from here on: cli-share-options.c */
  FUNNEL_CLI_TARGET = 1 << 11,       /* how the target is used */
  FUNNEL_CLI_PERMIT = 1 << 12,       /* --lan and --force */
  FUNNEL_CLI_ACCESS = 1 << 13,       /* who may come */
  FUNNEL_CLI_END = 1 << 14,          /* --for and --until */
  FUNNEL_CLI_WIRE = 1 << 15,         /* --proxy-protocol and --alpn */
  FUNNEL_CLI_COMMAND_LINE = 1 << 25, /* --port-env, and what follows -- */
  FUNNEL_CLI_CT_LOG = 1 << 26,
  FUNNEL_CLI_DNS = 1 << 27,
  FUNNEL_CLI_ISSUER = 1 << 28,
} FunnelCliFlags;

typedef struct
{
  FunnelCliFlags given;
  gboolean background;
  gboolean yes;
  gboolean json;
  gboolean system;
  gboolean help;
  gboolean version;
  const char *kind; /* "https", "tcp", "tls-terminated-tcp", or NULL when no such flag was given */
  guint16 port;     /* of that flag; 0 none */
  char *name;       /* or NULL */
  char *certificate_file; /* absolute, or "-", or NULL */
  char *key_file;         /* likewise */
  guint wait_seconds;
  gboolean add;
  gboolean revoke;
  char *ca_file;          /* absolute, or NULL */
  char *eab_kid;          /* or NULL */
  char *eab_key_file;     /* absolute, or NULL */
  char *profile;          /* or NULL */
  char *contact;          /* or NULL */
  gint64 min_validity;    /* seconds; 0 not given */
  char *install_folder;   /* absolute, or NULL */
  char *uninstall_folder; /* absolute, or NULL */
  char *group;
  char *hook;
  char *allow_user;
  char *deny_user;
  gboolean list;
  gboolean forget;
  char *ct_log;
  char *dns_server;
  char *issuer;
  GStrv arguments; /* everything that is not a flag */
  FunnelCliShareOptions share;
  const char *share_flags[32]; /* by bit of given: a flag of share that was given; NULL none */
  GStrv command;               /* what follows --; NULL none */
} FunnelCliOptions;

#define FUNNEL_CLI_WAIT_DEFAULT 20 /* seconds */
#define FUNNEL_CLI_WAIT_MAX 86400

/**
 * funnel_cli_options_parse: read @arguments (without the program's name).
 * Returns NULL and FUNNEL_ERROR_INVALID_ARGUMENT with a message for the user.
 */
FunnelCliOptions *funnel_cli_options_parse (char **arguments, GError **error);
void funnel_cli_options_free (FunnelCliOptions *options);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelCliOptions, funnel_cli_options_free)

/** funnel_cli_options_check: the flags given must be among @allowed, which @command takes. */
gboolean funnel_cli_options_check (const FunnelCliOptions *options,
                                   FunnelCliFlags allowed,
                                   const char *command,
                                   GError **error);

/** funnel_cli_options_help: one aligned line for each flag of @allowed; caller frees. */
char *funnel_cli_options_help (FunnelCliFlags allowed);

/** funnel_cli_parse_port: @text given to @flag ("https") as a port, or 0 with an error. */
guint16 funnel_cli_parse_port (const char *flag, const char *text, GError **error);

/**
 * funnel_cli_scrub_tokens: overwrite the secret part of every join token in @argv, in place, so
 * that it is gone from the process list.
 */
void funnel_cli_scrub_tokens (char **argv);

G_END_DECLS
