/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* One call of `funnel-ingress`: a command, what its arguments say, and how to run it. To add a
 * command: a file command-NAME.c with a parse and a run function, and a row in command-table.c. */

#include <gio/gio.h>
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

enum
{
  ADMIN_EXIT_OK = 0,
  ADMIN_EXIT_FAILED = 1,
  ADMIN_EXIT_USAGE = 2,
};

typedef struct
{
  gboolean json;
  gboolean yes;
  char *run_dir;       /* as given, or NULL */
  char *state_dir;     /* as given, or NULL */
  char *argument;      /* the one that is no option, or NULL */
  JsonObject *request; /* what the arguments ask for */
  void (*describe) (
      const GOptionEntry *entries); /* instead of parsing: told what options there are */
} AdminCall;

typedef struct
{
  const char *name;
  const char *argument; /* of the one positional argument ("NODE"), or NULL when there is none */
  const char *summary;
  /* From words (without program and command names) to call->request; no side effects. */
  gboolean (*parse) (AdminCall *call, char **words, GError **error);
  /* Does it and prints; an exit status. */
  int (*run) (AdminCall *call);
} AdminCommand;

AdminCall *admin_call_new (void);
void admin_call_free (AdminCall *call);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (AdminCall, admin_call_free)

extern const AdminCommand admin_commands[]; /* ends with name NULL */
const AdminCommand *admin_command_find (const char *name);

/* The commands. */
gboolean command_init_parse (AdminCall *call, char **words, GError **error);
int command_init_run (AdminCall *call);
gboolean command_invite_parse (AdminCall *call, char **words, GError **error);
int command_invite_run (AdminCall *call);
gboolean command_nodes_parse (AdminCall *call, char **words, GError **error);
int command_nodes_run (AdminCall *call);
gboolean command_grant_parse (AdminCall *call, char **words, GError **error);
int command_grant_run (AdminCall *call);
gboolean command_limit_parse (AdminCall *call, char **words, GError **error);
int command_limit_run (AdminCall *call);
gboolean command_close_parse (AdminCall *call, char **words, GError **error);
int command_close_run (AdminCall *call);
gboolean command_open_parse (AdminCall *call, char **words, GError **error);
int command_open_run (AdminCall *call);
gboolean command_claims_parse (AdminCall *call, char **words, GError **error);
int command_claims_run (AdminCall *call);
gboolean command_release_parse (AdminCall *call, char **words, GError **error);
int command_release_run (AdminCall *call);
gboolean command_audit_parse (AdminCall *call, char **words, GError **error);
int command_audit_run (AdminCall *call);
gboolean command_revoke_parse (AdminCall *call, char **words, GError **error);
int command_revoke_run (AdminCall *call);
gboolean command_remove_parse (AdminCall *call, char **words, GError **error);
int command_remove_run (AdminCall *call);
gboolean command_backup_parse (AdminCall *call, char **words, GError **error);
int command_backup_run (AdminCall *call);
gboolean command_restore_parse (AdminCall *call, char **words, GError **error);
int command_restore_run (AdminCall *call);
gboolean command_check_config_parse (AdminCall *call, char **words, GError **error);
int command_check_config_run (AdminCall *call);
gboolean command_reload_parse (AdminCall *call, char **words, GError **error);
int command_reload_run (AdminCall *call);
gboolean command_doctor_parse (AdminCall *call, char **words, GError **error);
int command_doctor_run (AdminCall *call);
gboolean command_top_parse (AdminCall *call, char **words, GError **error);
int command_top_run (AdminCall *call);
gboolean command_status_parse (AdminCall *call, char **words, GError **error);
int command_status_run (AdminCall *call);

/* For parse functions. */

/**
 * admin_call_parse: options common to all commands and those of @entries (may be NULL), and the
 * positional argument.
 * --help prints help and exits. FUNNEL_ERROR_INVALID_ARGUMENT otherwise.
 */
gboolean admin_call_parse (AdminCall *call,
                           const char *command,
                           const GOptionEntry *entries,
                           char **words,
                           GError **error);
/** admin_call_set_node: the positional argument as member "node" of the request, checked. */
gboolean admin_call_set_node (AdminCall *call, GError **error);
/** admin_call_set_ports: @texts ("443", "443,8443", …; may be NULL) as member @member, if any. */
gboolean admin_call_set_ports (AdminCall *call, const char *member, char **texts, GError **error);
/** admin_call_set_lifetime: @text ("1h"; may be NULL) as member "lifetime" in seconds, if any. */
gboolean admin_call_set_lifetime (AdminCall *call, const char *text, GError **error);
/* Limits as given, NULL when not. */
typedef struct
{
  char *max_flows;
  char *rate;
  char *bandwidth;
} AdminLimits;

#define ADMIN_LIMIT_ENTRIES(limits)                                                                \
  {"max-flows", 0, 0, G_OPTION_ARG_STRING, &limits.max_flows, "Visitors at a time (0: no limit)",  \
   "N"},                                                                                           \
      {"rate", 0, 0, G_OPTION_ARG_STRING, &limits.rate, "New visitors per second (0: no limit)",   \
       "N"},                                                                                       \
  {                                                                                                \
    "bandwidth", 0, 0, G_OPTION_ARG_STRING, &limits.bandwidth,                                     \
        "Bytes per second, both directions: 500k, 10M (0: no limit)", "BYTES"                      \
  }

/** admin_call_set_limits: members "max_flows", "rate" and "bandwidth", those that are given. */
gboolean admin_call_set_limits (AdminCall *call, const AdminLimits *limits, GError **error);
void admin_limits_clear (AdminLimits *limits);

/** admin_call_set_name: @text (may be NULL), a host name, as member "name", if any. */
gboolean admin_call_set_name (AdminCall *call, const char *text, GError **error);

G_END_DECLS
