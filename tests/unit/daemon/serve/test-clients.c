/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Real clients and real local servers: curl, openssl and gnutls-cli in front, python's http.server
 * and openssl s_server behind. */

#include "tests/unit/daemon/serve/serve-fixture.h"

#include <gio/gio.h>
#include <string.h>

#define PAGE "one page of a local site\n"

typedef struct
{
  GSubprocess *process;
  guint16 port;
} Server;

static void
server_stop (Server *server)
{
  g_subprocess_force_exit (server->process);
  g_subprocess_wait (server->process, NULL, NULL);
  g_clear_object (&server->process);
}

/* Starts @argv in @dir and takes its port from the first line that has @marker in front of it. */
static Server
server_start (const char *dir, const char *marker, const char *const *argv)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (
      G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_SILENCE);
  g_autoptr (GError) error = NULL;
  g_autoptr (GDataInputStream) lines = NULL;
  Server server = {0};

  g_subprocess_launcher_set_cwd (launcher, dir);
  server.process = g_subprocess_launcher_spawnv (launcher, argv, &error);
  g_assert_no_error (error);
  lines = g_data_input_stream_new (g_subprocess_get_stdout_pipe (server.process));
  g_filter_input_stream_set_close_base_stream (G_FILTER_INPUT_STREAM (lines), FALSE);
  while (server.port == 0)
    {
      g_autofree char *line = g_data_input_stream_read_line (lines, NULL, NULL, NULL);
      char *at;

      g_assert_nonnull (line);
      at = strstr (line, marker);
      if (at != NULL)
        server.port = (guint16)g_ascii_strtoull (at + strlen (marker), NULL, 10);
    }
  return server;
}

static Server
start_http (Fixture *f)
{
  g_autofree char *page = g_build_filename (f->dir, "page.txt", NULL);
  const char *argv[]
      = {"/usr/bin/python3", "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", NULL};

  g_assert_true (g_file_set_contents (page, PAGE, -1, NULL));
  return server_start (f->dir, " port ", argv);
}

static Server
start_https (Fixture *f)
{
  g_autofree char *page = g_build_filename (f->dir, "page.txt", NULL);
  const char *argv[] = {"openssl", "s_server",         "-accept", "127.0.0.1:0",    "-WWW",
                        "-cert",   f->made.chain_file, "-key",    f->made.key_file, NULL};

  g_assert_true (g_file_set_contents (page, PAGE, -1, NULL));
  return server_start (f->dir, "ACCEPT 127.0.0.1:", argv);
}

/* Runs @argv with @input and returns all it printed. */
static char *
run (const char *input, const char *const *argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSubprocess) process
      = g_subprocess_newv (argv,
                           G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE
                               | G_SUBPROCESS_FLAGS_STDERR_MERGE,
                           &error);
  char *output = NULL;

  g_assert_no_error (error);
  g_subprocess_communicate_utf8 (process, input, NULL, &output, NULL, &error);
  g_assert_no_error (error);
  g_test_message ("%s", output);
  return output;
}

static gboolean
lacks (const char *program)
{
  g_autofree char *path = g_find_program_in_path (program);

  if (path == NULL)
    g_test_skip (program);
  return path == NULL;
}

static void
assert_has (const char *output, const char *part)
{
  if (strstr (output, part) == NULL)
    g_error ("“%s” is missing in:\n%s", part, output);
}

static void
curl_page (Fixture *f, const char *version, const char *tls_max)
{
  guint port = ingress_player_get_port (f->ingress);
  g_autofree char *resolve = g_strdup_printf (NAME ":%u:127.0.0.1", port);
  g_autofree char *url = g_strdup_printf ("https://" NAME ":%u/page.txt", port);
  const char *argv[] = {"curl",      "-sS",   "--max-time", "30", "--cacert", f->made.chain_file,
                        "--resolve", resolve, "--noproxy",  "*",  version,    "--tls-max",
                        tls_max,     url,     NULL};
  g_autofree char *output = run (NULL, argv);

  g_assert_cmpstr (output, ==, PAGE);
}

static void
test_curl_terminate (Fixture *f, gconstpointer data)
{
  Server server;

  if (lacks ("curl"))
    return;
  server = start_http (f);
  fixture_share (f, FUNNEL_SERVE_TERMINATE, server.port, 0);
  curl_page (f, "--http2", "1.3");
  curl_page (f, "--http1.1", "1.2");
  server_stop (&server);
}

static void
test_curl_pass_through (Fixture *f, gconstpointer data)
{
  Server server;

  if (lacks ("curl") || lacks ("openssl"))
    return;
  server = start_https (f);
  fixture_share (f, FUNNEL_SERVE_PASS_THROUGH, server.port, 0);
  curl_page (f, "--http1.0", "1.3");
  server_stop (&server);
}

static char *
s_client (Fixture *f, const char *version, const char *session_option, const char *session)
{
  g_autofree char *connect = g_strdup_printf ("127.0.0.1:%u", ingress_player_get_port (f->ingress));
  const char *argv[]
      = {"openssl", "s_client",         "-connect", connect, "-servername", NAME,
         "-CAfile", f->made.chain_file, version,    "-alpn", "h2,http/1.1", session_option,
         session,   "-ign_eof",         NULL};

  return run ("GET /page.txt HTTP/1.0\r\n\r\n", argv);
}

static void
test_openssl (Fixture *f, gconstpointer data)
{
  g_autofree char *session = g_build_filename (f->dir, "session", NULL);
  const char *versions[] = {"-tls1_3", "-tls1_2"};
  FunnelServeShare *share;
  Server server;

  if (lacks ("openssl"))
    return;
  server = start_http (f);
  share = fixture_make_share (f, FUNNEL_SERVE_TERMINATE, server.port);
  share->alpn = g_strsplit ("http/1.1", ",", -1);
  fixture_set_share (f, share);
  for (guint i = 0; i < G_N_ELEMENTS (versions); i++)
    {
      g_autofree char *first = s_client (f, versions[i], "-sess_out", session);
      g_autofree char *second = s_client (f, versions[i], "-sess_in", session);

      assert_has (first, "New, TLSv1.");
      assert_has (first, "ALPN protocol: http/1.1");
      assert_has (first, PAGE);
      assert_has (second, "Reused, TLSv1.");
      assert_has (second, PAGE);
    }
  server_stop (&server);
}

static void
test_gnutls_cli (Fixture *f, gconstpointer data)
{
  g_autofree char *port = g_strdup_printf ("%u", ingress_player_get_port (f->ingress));
  const char *argv[] = {"gnutls-cli",
                        "--x509cafile",
                        f->made.chain_file,
                        "--sni-hostname",
                        NAME,
                        "--verify-hostname",
                        NAME,
                        "--port",
                        port,
                        "127.0.0.1",
                        NULL};
  g_autofree char *output = NULL;
  Server server;

  if (lacks ("gnutls-cli"))
    return;
  server = start_http (f);
  fixture_share (f, FUNNEL_SERVE_TERMINATE, server.port, 0);
  output = run ("GET /page.txt HTTP/1.0\r\n\r\n", argv);
  assert_has (output, "Handshake was completed");
  assert_has (output, PAGE);
  server_stop (&server);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(path, function)                                                                        \
  g_test_add ("/clients/" path, Fixture, NULL, fixture_set_up, function, fixture_tear_down)
  ADD ("curl-terminate", test_curl_terminate);
  ADD ("curl-pass-through", test_curl_pass_through);
  ADD ("openssl", test_openssl);
  ADD ("gnutls-cli", test_gnutls_cli);
  return g_test_run ();
}
