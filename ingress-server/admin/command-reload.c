/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/admin/admin-call.h"
#include "ingress-server/admin/admin-client.h"
#include "ingress-server/admin/admin-print.h"

#include <glib/gstdio.h>
#include <stdio.h>

#include "ingress-server/store/ingress-config.h"

#define LOOK_MS 50
#define CHANGE_MS                                                                                  \
  3000                  /* for the daemon to begin anew; a socket that systemd holds never changes \
                         */
#define ANSWER_MS 30000 /* to answer again */

gboolean
command_reload_parse (AdminCall *call, char **words, GError **error)
{
  return admin_call_parse (call, "reload", NULL, words, error);
}

static gboolean
is_other (const char *path, const GStatBuf *before)
{
  GStatBuf now;

  return g_stat (path, &now) == 0
         && (now.st_ino != before->st_ino || now.st_ctim.tv_sec != before->st_ctim.tv_sec
             || now.st_ctim.tv_nsec != before->st_ctim.tv_nsec);
}

/* The daemon answers before it begins anew, and then for a moment not at all: the next command of a
 * script must not meet it there. */
static gboolean
wait_for_daemon (AdminCall *call, const char *path, const GStatBuf *before, GError **error)
{
  g_autoptr (JsonObject) status = NULL;

  for (guint waited = 0; waited < CHANGE_MS && !is_other (path, before); waited += LOOK_MS)
    g_usleep (LOOK_MS * 1000);
  for (guint waited = 0; waited < ANSWER_MS && !status; waited += LOOK_MS)
    {
      status = admin_client_send (call, "/v1/status", FALSE, NULL);
      if (!status)
        g_usleep (LOOK_MS * 1000);
    }
  if (!status)
    status = admin_client_send (call, "/v1/status", FALSE, error);
  return status != NULL;
}

int
command_reload_run (AdminCall *call)
{
  g_autofree char *run_dir = ingress_run_dir (call->run_dir);
  g_autofree char *path = g_build_filename (run_dir, INGRESS_ADMIN_SOCKET, NULL);
  g_autoptr (JsonObject) answer = NULL;
  GStatBuf before = {0};
  GError *error = NULL;

  g_stat (path, &before);
  answer = admin_client_send (call, "/v1/reload", TRUE, &error);
  if (!answer || !wait_for_daemon (call, path, &before, &error))
    return admin_fail (call, error);
  if (call->json)
    admin_print_json (answer);
  else
    puts ("The configuration was read again; visitors stay connected.");
  return ADMIN_EXIT_OK;
}
