/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/model/share-import.h"

#include "lib/base/error.h"

#include <string.h>

/* As "tailscale serve status --json" prints it. */
static const char foreign[]
    = "{\"TCP\":{\"443\":{\"HTTPS\":true},\"80\":{\"HTTP\":true},"
      "\"8443\":{\"TCPForward\":\"127.0.0.1:22\",\"TerminateTLS\":\"me.tail1.ts.net\","
      "\"ProxyProtocol\":2},"
      "\"10000\":{\"TCPForward\":\"127.0.0.1:25\"},\"2222\":{\"TCPForward\":\"127.0.0.1:22\"}},"
      "\"Web\":{\"me.tail1.ts.net:443\":{\"Handlers\":{\"/\":{\"Proxy\":\"http://127.0.0.1:3000\"},"
      "\"/files/\":{\"Path\":\"/srv/files\"},\"/t\":{\"Text\":\"hello\"},"
      "\"/nas\":{\"Proxy\":\"http://192.168.1.5:80\"},\"/odd\":{},"
      "\"/caps\":{\"Proxy\":\"https+insecure://localhost:8443\",\"AcceptAppCaps\":[\"x\"]},"
      "\"/r\":{\"Redirect\":\"301:https://a.example/\"}}},"
      "\"me.tail1.ts.net:9443\":{\"Handlers\":{\"/\":{\"Text\":\"private\"}}},"
      "\"my.example.org:443\":{\"Handlers\":{\"/\":{\"Text\":\"own name\"}}}},"
      "\"AllowFunnel\":{\"me.tail1.ts.net:443\":true,\"me.tail1.ts.net:8443\":true,"
      "\"me.tail1.ts.net:10000\":true,\"me.tail1.ts.net:9443\":false,\"my.example.org:443\":true},"
      "\"Services\":{\"svc:a\":{}},\"Foreground\":{\"id\":{\"TCP\":{}}}}";

static const FunnelShareSpec *
find (GPtrArray *specs, const char *name, guint16 port)
{
  for (guint i = 0; i < specs->len; i++)
    {
      const FunnelShareSpec *spec = g_ptr_array_index (specs, i);

      if (spec->port == port && g_strcmp0 (spec->name, name) == 0)
        return spec;
    }
  return NULL;
}

static gboolean
has_note (GPtrArray *notes, const char *words)
{
  for (guint i = 0; i < notes->len; i++)
    if (strstr (g_ptr_array_index (notes, i), words) != NULL)
      return TRUE;
  return FALSE;
}

static void
test_foreign (void)
{
  static const char *const expected[][2] = {
      {"/", "http://127.0.0.1:3000"},
      {"/files", "/srv/files"},
      {"/t", "text:hello"},
      {"/nas", "http://192.168.1.5:80"},
      {"/caps", "https+insecure://localhost:8443"},
      {"/r", "redirect:301:https://a.example/"},
  };
  static const char *const noted[] = {"me.tail1.ts.net:9443 was private",
                                      "TCP port 2222 was private",
                                      "port 80 was plain HTTP",
                                      "/files/: folders are no longer listed",
                                      "/odd has no handler",
                                      "AcceptAppCaps",
                                      "Services",
                                      "foreground"};
  g_autoptr (GPtrArray) notes = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) specs = funnel_share_import_parse (foreign, notes, &error);
  const FunnelShareSpec *web = NULL, *terminated = NULL, *own = NULL;

  g_assert_no_error (error);
  for (guint i = 0; i < notes->len; i++)
    g_test_message ("%s", (char *)g_ptr_array_index (notes, i));
  g_assert_cmpuint (specs->len, ==, 4);
  web = find (specs, NULL, 443);
  g_assert_cmpuint (web->mounts->len, ==, G_N_ELEMENTS (expected));
  for (guint i = 0; i < G_N_ELEMENTS (expected); i++)
    g_assert_cmpstr (funnel_mounts_find (web->mounts, expected[i][0])->target, ==, expected[i][1]);
  terminated = find (specs, NULL, 8443);
  g_assert_cmpint (terminated->kind, ==, FUNNEL_SHARE_TLS_TERMINATED_TCP);
  g_assert_cmpuint (terminated->proxy_protocol, ==, 2);
  g_assert_cmpint (find (specs, NULL, 10000)->kind, ==, FUNNEL_SHARE_TCP);
  own = find (specs, "my.example.org", 443);
  g_assert_cmpstr (funnel_share_spec_get_target (own), ==, "text:own name");
  g_assert_cmpuint (notes->len, ==, G_N_ELEMENTS (noted));
  for (guint i = 0; i < G_N_ELEMENTS (noted); i++)
    g_assert_true (has_note (notes, noted[i]));
}

static void
test_own (void)
{
  static const char text[]
      = "{\"version\":2,\"shares\":[{\"id\":7,\"name\":\"a.example\",\"port\":443,\"kind\":"
        "\"https\","
        "\"mounts\":[{\"path\":\"/\",\"target\":\"http://localhost:3000\"}]},"
        "{\"id\":8,\"name\":\"a.example\",\"port\":8443,\"kind\":\"https\",\"expires\":5,"
        "\"mounts\":[{\"path\":\"/\",\"target\":\"http://localhost:3000\"}]}]}";
  g_autoptr (GPtrArray) notes = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) specs = funnel_share_import_parse (text, notes, NULL);

  g_assert_cmpuint (specs->len, ==, 1);
  g_assert_cmpuint (((FunnelShareSpec *)g_ptr_array_index (specs, 0))->id, ==, 0);
  g_assert_true (has_note (notes, "a.example port 8443: its end has passed"));
}

static void
test_bad (void)
{
  static const char *const bad[] = {"",
                                    "x",
                                    "[]",
                                    "null",
                                    "{\"a\":1}",
                                    "{\"shares\":1}",
                                    "{\"version\":99,\"shares\":[]}",
                                    "{\"version\":2,\"shares\":[{\"id\":1}]}"};

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GPtrArray) notes = g_ptr_array_new_with_free_func (g_free);
      g_autoptr (GError) error = NULL;

      g_test_message ("%s", bad[i]);
      g_assert_null (funnel_share_import_parse (bad[i], notes, &error));
      g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT);
    }
}

/* Permission for other machines means nothing for what is answered from here. */
static void
test_trim (void)
{
  static const struct
  {
    const char *target;
    gboolean lan;
  } cases[] = {{"10.0.0.1:80", TRUE}, {"/srv", FALSE}, {"unix:/run/x", FALSE}, {"text:a", FALSE}};

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (FunnelShareSpec) spec = funnel_share_spec_new ();
      FunnelMountSpec *mount = funnel_mount_spec_new ("/", cases[i].target);

      mount->lan = TRUE;
      funnel_mounts_put (spec->mounts, mount);
      funnel_share_import_trim (spec);
      g_assert_cmpint (mount->lan, ==, cases[i].lan);
      g_assert_true (funnel_share_spec_check (spec, NULL));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/share-import/foreign", test_foreign);
  g_test_add_func ("/share-import/own", test_own);
  g_test_add_func ("/share-import/bad", test_bad);
  g_test_add_func ("/share-import/trim", test_trim);
  return g_test_run ();
}
