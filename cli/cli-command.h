/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The frame every command stands in. To add one: a file cli-NAME.c with a FunnelCliCommand and its
 * run function, a declaration below, and a row in the table of funnel.c. */

#include <gio/gio.h>

#include "cli/cli-options.h"
#include "lib/client/client.h"

G_BEGIN_DECLS

/* Exit codes; documented in funnel(1). */
typedef enum
{
  FUNNEL_EXIT_OK = 0,
  FUNNEL_EXIT_ERROR = 1,
  FUNNEL_EXIT_USAGE = 2,
  FUNNEL_EXIT_PENDING = 3, /* shared, but not active yet */
  FUNNEL_EXIT_INTERRUPTED = 130,
} FunnelExit;

typedef struct _FunnelCli FunnelCli;

/**
 * FunnelCliCommand: one command.
 * @name: its word; NULL for the command that has none (sharing)
 * @summary: one line of the overview; NULL: a command for programs, which help does not name
 * @run: does it; an error it sets is printed by the caller, FUNNEL_ERROR_INVALID_ARGUMENT as wrong
 * usage
 */
typedef struct
{
  const char *name;
  const char *synopsis;
  const char *summary;
  const char *details; /* paragraphs for its help */
  FunnelCliFlags flags;
  guint min_arguments;
  guint max_arguments;
  FunnelExit (*run) (FunnelCli *cli, GError **error);
} FunnelCliCommand;

struct _FunnelCli
{
  const FunnelCliCommand *const *commands; /* NULL-terminated */
  const FunnelCliOptions *options;
  char **arguments;          /* those of the command, NULL-terminated */
  GCancellable *cancellable; /* cancelled by SIGINT, SIGTERM and SIGHUP */
  FunnelClient *client;      /* after funnel_cli_connect */
  gboolean bus_closed;
  int signal_number; /* that cancelled; 0 none */
};

extern const FunnelCliCommand funnel_cli_share;
extern const FunnelCliCommand funnel_cli_off;
extern const FunnelCliCommand funnel_cli_status;
extern const FunnelCliCommand funnel_cli_reset;
extern const FunnelCliCommand funnel_cli_join;
extern const FunnelCliCommand funnel_cli_leave;
extern const FunnelCliCommand funnel_cli_tunnel;
extern const FunnelCliCommand funnel_cli_ca;
extern const FunnelCliCommand funnel_cli_cert;
extern const FunnelCliCommand funnel_cli_export;
extern const FunnelCliCommand funnel_cli_import;
extern const FunnelCliCommand funnel_cli_audit;
extern const FunnelCliCommand funnel_cli_doctor;
extern const FunnelCliCommand funnel_cli_help;
extern const FunnelCliCommand funnel_cli_complete;

/**
 * funnel_cli_resolve: which command @options ask for; checks its flags and the number of its
 * arguments.
 * @arguments: (out): those of the command, within @options
 */
const FunnelCliCommand *funnel_cli_resolve (const FunnelCliCommand *const *commands,
                                            const FunnelCliOptions *options,
                                            char ***arguments,
                                            GError **error);

/** funnel_cli_main: everything but the table; returns the exit code. @argv is scrubbed of tokens.
 */
int funnel_cli_main (const FunnelCliCommand *const *commands, char **argv);

G_END_DECLS
