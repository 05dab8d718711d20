/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/admin/admin-call.h"

#include "lib/base/error.h"

#include <json-glib/json-glib.h>
#include <string.h>

/* Parses "COMMAND WORD …"; the request as JSON text, or NULL and the error. */
static char *
parse (const char *line, GError **error)
{
  g_auto (GStrv) words = g_strsplit (line, " ", -1);
  const AdminCommand *command = admin_command_find (words[0]);
  g_autoptr (AdminCall) call = admin_call_new ();
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);

  g_assert_nonnull (command);
  if (!command->parse (call, words + 1, error))
    return NULL;
  json_node_set_object (node, call->request);
  return json_to_string (node, FALSE);
}

static void
test_good (void)
{
  static const struct
  {
    const char *line, *request;
  } cases[] = {
      {"invite laptop",
       "{\"node\":\"laptop\",\"lifetime\":3600,\"grant\":false,\"replace\":false}"},
      {"invite Laptop --grant --expires 2d --port 443 --port 8443 --replace",
       "{\"node\":\"laptop\",\"ports\":[443,8443],\"lifetime\":172800,\"grant\":true,\"replace\":"
       "true}"},
      {"invite --grant laptop",
       "{\"node\":\"laptop\",\"lifetime\":3600,\"grant\":true,\"replace\":false}"},
      {"invite --grant -- laptop",
       "{\"node\":\"laptop\",\"lifetime\":3600,\"grant\":true,\"replace\":false}"},
      {"grant laptop", "{\"node\":\"laptop\"}"},
      {"grant laptop --name WWW.Example.com. --port 443,8443 --expires 30m",
       "{\"node\":\"laptop\",\"name\":\"www.example.com\",\"ports\":[443,8443],\"lifetime\":1800}"},
      {"revoke laptop --name=www.example.com",
       "{\"node\":\"laptop\",\"name\":\"www.example.com\"}"},
      {"remove laptop --yes", "{\"node\":\"laptop\"}"},
      {"nodes --json --run-dir /x", "{}"},
      {"status", "{}"},
      {"init --zone Example.org --endpoint vps.example.org",
       "{\"zone\":\"example.org\",\"endpoint\":\"vps.example.org:51820\",\"tunnel\":\"wireguard\","
       "\"link_port\":7780,"
       "\"public_ports\":[443]}"},
      {"init --zone a.example --endpoint [2001:db8::1]:4000 --public-port 443 --public-port 8443 "
       "--listen ::1 --tunnel direct "
       "--link-port 9",
       "{\"zone\":\"a.example\",\"endpoint\":\"[2001:db8::1]:4000\",\"public_ports\":[443,8443],"
       "\"listen\":\"::1\","
       "\"tunnel\":\"direct\",\"link_port\":9}"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *request = parse (cases[i].line, &error);

      g_assert_no_error (error);
      g_assert_cmpstr (request, ==, cases[i].request);
    }
}

static void
test_bad (void)
{
  static const struct
  {
    const char *line, *names; /* what the message must name */
  } cases[] = {
      {"invite", "NAME"},
      {"invite a b", "“b”"},
      {"invite a.b", "a.b"},
      {"invite a_b", "a_b"},
      {"invite laptop --expires soon", "soon"},
      {"invite laptop --port 443", "--grant"},
      {"invite laptop --grant --port 0", "“0”"},
      {"invite laptop --wrong", "--wrong"},
      {"grant", "NODE"},
      {"grant laptop --name a..b", "a..b"},
      {"grant laptop --port 443,x", "443,x"},
      {"revoke", "NODE"},
      {"remove", "NODE"},
      {"nodes x", "“x”"},
      {"status x", "“x”"},
      {"init --endpoint h:1", "--zone"},
      {"init --zone example.org", "--endpoint"},
      {"init --zone a_b --endpoint h:1", "a_b"},
      {"init --zone example.org --endpoint h:0", "h:0"},
      {"init --zone example.org --endpoint h:1 --listen here", "here"},
      {"init --zone example.org --endpoint h:1 --tunnel vpn", "vpn"},
      {"init --zone example.org --endpoint h:1 --link-port 0", "--link-port"},
      {"init --zone example.org --endpoint h:443", "443"},
      {"init --zone example.org --endpoint h:1 --public-port "
       "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17",
       "at most"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *request = parse (cases[i].line, &error);

      g_assert_null (request);
      g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT);
      if (!strstr (error->message, cases[i].names))
        g_error ("%s: “%s” does not name “%s”", cases[i].line, error->message, cases[i].names);
    }
}

static void
test_table (void)
{
  for (const AdminCommand *command = admin_commands; command->name; command++)
    {
      g_assert_true (admin_command_find (command->name) == command);
      g_assert_nonnull (command->summary);
    }
  g_assert_null (admin_command_find ("dance"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/admin/call/good", test_good);
  g_test_add_func ("/admin/call/bad", test_bad);
  g_test_add_func ("/admin/call/table", test_table);
  return g_test_run ();
}
