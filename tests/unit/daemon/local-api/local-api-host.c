/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The listeners of the local API in a program of their own, for test_contract.py:
 *
 *   local-api-host SOCKET open|private SECRET FOLDER ACCESS
 *
 * FOLDER/NAME holds "fullchain.pem" and "privkey.pem" of each name, read at start; a folder without
 * them is a name whose certificate is still to come. ACCESS is a file as cert-access prints it.
 * Says "port N" when it listens, and ends with its standard input. */

#include "daemon/local-api/cert-access.h"
#include "daemon/local-api/local-listener.h"

#include <glib-unix.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct
{
  char *chain, *key; /* NULL: to come */
} Pair;

typedef struct
{
  GHashTable *pairs; /* name → Pair* */
  FunnelCertAccess *access;
} Host;

static void
pair_free (gpointer data)
{
  Pair *pair = data;

  g_free (pair->chain);
  g_free (pair->key);
  g_free (pair);
}

static gboolean
get_pair (gpointer owner, const char *name, const char **chain, const char **key)
{
  Host *host = owner;
  const Pair *pair = g_hash_table_lookup (host->pairs, name);

  if (pair == NULL || pair->chain == NULL)
    return FALSE;
  *chain = pair->chain;
  *key = pair->key;
  return TRUE;
}

static GStrv
list_names (gpointer owner)
{
  Host *host = owner;
  g_autofree gpointer *keys = g_hash_table_get_keys_as_array (host->pairs, NULL);

  return g_strdupv ((char **)keys);
}

static gboolean
knows (gpointer owner, const char *name)
{
  Host *host = owner;

  return g_hash_table_contains (host->pairs, name);
}

static gboolean
may_read (gpointer owner, uid_t uid, const char *name)
{
  Host *host = owner;

  return funnel_cert_access_may_read (host->access, uid, geteuid (), name);
}

static const FunnelLocalSource source = {
    .get_pair = get_pair,
    .list_names = list_names,
    .knows = knows,
    .may_read = may_read,
};

static char *
read_file (const char *folder, const char *name, const char *file)
{
  g_autofree char *path = g_build_filename (folder, name, file, NULL);
  char *text = NULL;

  g_file_get_contents (path, &text, NULL, NULL);
  return text;
}

static void
load (Host *host, const char *folder, const char *access_file)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  const char *name;
  gsize len = 0;

  host->pairs = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, pair_free);
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      Pair *pair = g_new0 (Pair, 1);

      pair->chain = read_file (folder, name, "fullchain.pem");
      pair->key = read_file (folder, name, "privkey.pem");
      g_hash_table_insert (host->pairs, g_strdup (name), pair);
    }
  if (g_file_get_contents (access_file, &text, &len, &error))
    host->access = funnel_cert_access_parse (text, len, &error);
  if (host->access == NULL)
    g_error ("%s", error->message);
}

static gboolean
on_input (gint fd, GIOCondition condition, gpointer user_data)
{
  g_main_loop_quit (user_data);
  return G_SOURCE_REMOVE;
}

int
main (int argc, char **argv)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (FunnelLocalListener) on_unix = NULL;
  g_autoptr (FunnelLocalListener) on_tcp = NULL;
  g_autoptr (GError) error = NULL;
  Host host = {0};

  if (argc != 6)
    return EXIT_FAILURE;
  load (&host, argv[4], argv[5]);
  on_unix = funnel_local_listener_new_unix (argv[1], g_str_equal (argv[2], "open"), &source, &host,
                                            &error);
  if (on_unix != NULL)
    on_tcp = funnel_local_listener_new_tcp (0, argv[3], &source, &host, &error);
  if (on_tcp != NULL)
    {
      printf ("port %u\n", funnel_local_listener_get_port (on_tcp));
      fflush (stdout);
      g_unix_fd_add (STDIN_FILENO, G_IO_IN | G_IO_HUP, on_input, loop);
      g_main_loop_run (loop);
    }
  else
    {
      printf ("error %s\n", error->message);
    }
  g_clear_pointer (&on_unix, funnel_local_listener_free);
  g_clear_pointer (&on_tcp, funnel_local_listener_free);
  g_hash_table_unref (host.pairs);
  funnel_cert_access_free (host.access);
  return error == NULL ? EXIT_SUCCESS : EXIT_FAILURE;
}
