/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/admin/admin-call.h"

const AdminCommand admin_commands[] = {
    {"init", NULL, "Prepare this host to be an ingress", command_init_parse, command_init_run},
    {"invite", "NAME", "Print the line that makes a machine join as node NAME",
     command_invite_parse, command_invite_run},
    {"nodes", NULL, "List nodes, their grants and shares, and open invitations",
     command_nodes_parse, command_nodes_run},
    {"grant", "NODE", "Allow a node to share under a name", command_grant_parse, command_grant_run},
    {"limit", "NODE", "Limit what all names of a node may take together", command_limit_parse,
     command_limit_run},
    {"close", "NAME", "Switch a name off; its visitors are cut off at once", command_close_parse,
     command_close_run},
    {"open", "NAME", "Switch a closed name on again", command_open_parse, command_open_run},
    {"revoke", "NODE", "Take grants back; visitors are cut off at once", command_revoke_parse,
     command_revoke_run},
    {"remove", "NODE", "Forget a node altogether", command_remove_parse, command_remove_run},
    {"claims", NULL, "List names that nodes have proved, or want to", command_claims_parse,
     command_claims_run},
    {"release", "NAME", "Free a name that was proved; its visitors are cut off at once",
     command_release_parse, command_release_run},
    {"audit", NULL, "Show who changed what", command_audit_parse, command_audit_run},
    {"check-config", NULL, "Say whether ingress.conf can be used", command_check_config_parse,
     command_check_config_run},
    {"reload", NULL, "Put ingress.conf to use; visitors stay connected", command_reload_parse,
     command_reload_run},
    {"backup", "FILE", "Write keys, nodes and grants into a new file", command_backup_parse,
     command_backup_run},
    {"restore", "FILE", "Make the ingress of a backup again", command_restore_parse,
     command_restore_run},
    {"doctor", NULL, "Find what is wrong, and what to type", command_doctor_parse,
     command_doctor_run},
    {"top", NULL, "Show who comes, once a second", command_top_parse, command_top_run},
    {"status", NULL, "Show tunnel, relay and counters", command_status_parse, command_status_run},
    {NULL},
};

const AdminCommand *
admin_command_find (const char *name)
{
  for (const AdminCommand *command = admin_commands; command->name; command++)
    if (g_str_equal (command->name, name))
      return command;
  return NULL;
}
