/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/admin/admin-client.h"

#include "lib/base/error.h"
#include "lib/base/join-message.h"
#include "lib/base/json-read.h"
#include "ingress-server/store/ingress-config.h"

#include <gio/gunixsocketaddress.h>
#include <libsoup/soup.h>

#define TIMEOUT_SECONDS 30

static void
explain (const GError *why, AdminCall *call, const char *socket, GError **error)
{
  g_autofree char *state_dir = ingress_state_dir (call->state_dir);
  g_autofree char *config = g_build_filename (state_dir, INGRESS_CONFIG_FILE, NULL);

  if (g_error_matches (why, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED))
    g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_NOT_ALLOWED,
                 "You may not use %s; run this as root, with sudo", socket);
  else if (!g_error_matches (why, G_IO_ERROR, G_IO_ERROR_NOT_FOUND)
           && !g_error_matches (why, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED))
    g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE, "No answer at %s: %s", socket,
                 why->message);
  else if (!g_file_test (config, G_FILE_TEST_EXISTS))
    g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE,
                 "There is no ingress here yet (no %s); begin with “funnel-ingress init --zone "
                 "ZONE --endpoint "
                 "HOST:PORT”",
                 config);
  else
    g_set_error (
        error, FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE,
        "funnel-ingressd is not running (nothing answers at %s); start it with “systemctl start "
        "funnel-ingressd”, or “funnel-ingressd” in another terminal",
        socket);
}

static JsonObject *
read_answer (SoupMessage *message, GBytes *bytes, GError **error)
{
  gsize len;
  const char *text = g_bytes_get_data (bytes, &len);
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonNode *root;

  if (soup_message_get_status (message) != SOUP_STATUS_OK)
    {
      GError *why = funnel_join_error_parse (text ? text : "", len);

      g_propagate_error (error, why);
      return NULL;
    }
  /* The daemon's own answer may be larger than anything a stranger is allowed to send. */
  root = json_parser_load_from_data (parser, text ? text : "", (gssize)len, NULL)
             ? json_parser_get_root (parser)
             : NULL;
  if (root && JSON_NODE_HOLDS_OBJECT (root))
    return json_node_dup_object (root);
  g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_PROTOCOL,
                       "funnel-ingressd answered something unexpected");
  return NULL;
}

JsonObject *
admin_client_send (AdminCall *call, const char *path, gboolean post, GError **error)
{
  g_autofree char *run_dir = ingress_run_dir (call->run_dir);
  g_autofree char *socket = g_build_filename (run_dir, INGRESS_ADMIN_SOCKET, NULL);
  g_autoptr (GSocketAddress) address = g_unix_socket_address_new (socket);
  g_autoptr (SoupSession) session = soup_session_new_with_options (
      "remote-connectable", address, "timeout", TIMEOUT_SECONDS, NULL);
  g_autofree char *uri = g_strconcat ("http://localhost", path, NULL);
  g_autoptr (SoupMessage) message = soup_message_new (post ? "POST" : "GET", uri);
  g_autoptr (GBytes) answer = NULL;
  g_autoptr (GError) why = NULL;

  if (post)
    {
      char *text = funnel_json_print_object (json_object_ref (call->request));
      g_autoptr (GBytes) body = g_bytes_new_take (text, strlen (text));

      soup_message_set_request_body_from_bytes (message, "application/json", body);
    }
  answer = soup_session_send_and_read (session, message, NULL, &why);
  if (!answer)
    {
      explain (why, call, socket, error);
      return NULL;
    }
  return read_answer (message, answer, error);
}
