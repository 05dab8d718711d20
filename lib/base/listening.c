/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/base/listening.h"

#include "lib/wire/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define STATE_LISTEN 0x0a
#define ANCESTORS_MAX 64
#define COMM_MAX 64

/* A listening socket by inode, before it is known whose it is. */
typedef struct
{
  guint64 inode;
  struct address address;
} Socket;

void
funnel_listening_free (FunnelListening *listening)
{
  g_free (listening->address);
  g_free (listening->program);
  g_free (listening);
}

/* "0100007F": words of 32 bits, each in the machine's byte order. */
static gboolean
parse_hex_ip (const char *hex, struct address *out)
{
  gsize words = strlen (hex) / 8;
  struct sockaddr_in6 sa6 = {.sin6_family = AF_INET6};
  struct sockaddr_in sa4 = {.sin_family = AF_INET};
  guint32 parts[4];

  if ((words != 1 && words != 4) || strlen (hex) % 8 != 0)
    return FALSE;
  for (gsize i = 0; i < words; i++)
    {
      char word[9] = "";

      memcpy (word, hex + i * 8, 8);
      parts[i] = (guint32)g_ascii_strtoull (word, NULL, 16);
    }
  memcpy (&sa4.sin_addr, parts, sizeof sa4.sin_addr);
  memcpy (&sa6.sin6_addr, parts, words * 4);
  return words == 1 ? address_from_sockaddr ((struct sockaddr *)&sa4, sizeof sa4, out)
                    : address_from_sockaddr ((struct sockaddr *)&sa6, sizeof sa6, out);
}

static void
read_table (const char *path, GArray *sockets)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return;
  lines = g_strsplit (text, "\n", -1);
  for (guint i = 1; lines[0] != NULL && lines[i] != NULL; i++)
    {
      char ip[33];
      unsigned int port = 0, state = 0;
      unsigned long inode = 0;
      Socket found;

      if (sscanf (lines[i], " %*d: %32[0-9A-F]:%x %*[0-9A-F]:%*x %x %*s %*s %*s %*u %*u %lu", ip,
                  &port, &state, &inode)
              != 4
          || state != STATE_LISTEN || port == 0 || port > G_MAXUINT16
          || !parse_hex_ip (ip, &found.address))
        continue;
      found.address.port = (guint16)port;
      found.inode = inode;
      g_array_append_val (sockets, found);
    }
}

static pid_t
get_parent (pid_t pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/stat", (int)pid);
  g_autofree char *text = NULL;
  const char *end = NULL;
  int parent = 0;

  /* The program's name, in brackets, may hold anything. */
  if (!g_file_get_contents (path, &text, NULL, NULL) || (end = strrchr (text, ')')) == NULL
      || sscanf (end + 1, " %*c %d", &parent) != 1)
    return 0;
  return parent;
}

static gboolean
descends_from (pid_t pid, pid_t root)
{
  for (guint i = 0; i < ANCESTORS_MAX && pid > 1; i++)
    {
      if (pid == root)
        return TRUE;
      pid = get_parent (pid);
    }
  return FALSE;
}

/* Maps the inodes of a process's sockets to the process; the first one found keeps it. */
static void
read_descriptors (pid_t pid, GHashTable *owners)
{
  g_autofree char *folder = g_strdup_printf ("/proc/%d/fd", (int)pid);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name = NULL;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);
      char link[64];
      gssize len = readlink (path, link, sizeof link - 1);
      guint64 inode = 0;

      if (len <= 0)
        continue;
      link[len] = '\0';
      if (sscanf (link, "socket:[%" G_GUINT64_FORMAT "]", &inode) != 1
          || g_hash_table_contains (owners, &inode))
        continue;
      g_hash_table_insert (owners, g_memdup2 (&inode, sizeof inode), GINT_TO_POINTER (pid));
    }
}

static GHashTable *
find_owners (pid_t root)
{
  GHashTable *owners = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  g_autoptr (GDir) dir = g_dir_open ("/proc", 0, NULL);
  const char *name = NULL;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      pid_t pid = (pid_t)g_ascii_strtoull (name, NULL, 10);

      if (pid > 0 && (root == 0 || descends_from (pid, root)))
        read_descriptors (pid, owners);
    }
  return owners;
}

static char *
get_program (pid_t pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/comm", (int)pid);
  char *text = NULL;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return g_strdup ("");
  text[MIN (strlen (text), COMM_MAX)] = '\0';
  g_strdelimit (g_strchomp (text), "\n\r\t", ' ');
  return text;
}

static int
compare (gconstpointer a, gconstpointer b)
{
  const FunnelListening *left = *(FunnelListening *const *)a;
  const FunnelListening *right = *(FunnelListening *const *)b;

  return left->port != right->port ? (int)left->port - (int)right->port
                                   : strcmp (left->address, right->address);
}

GPtrArray *
funnel_listening_list (pid_t root)
{
  GPtrArray *list = g_ptr_array_new_with_free_func ((GDestroyNotify)funnel_listening_free);
  g_autoptr (GArray) sockets = g_array_new (FALSE, FALSE, sizeof (Socket));
  g_autoptr (GHashTable) owners = find_owners (root);

  read_table ("/proc/net/tcp", sockets);
  read_table ("/proc/net/tcp6", sockets);
  for (guint i = 0; i < sockets->len; i++)
    {
      const Socket *found = &g_array_index (sockets, Socket, i);
      pid_t pid = GPOINTER_TO_INT (g_hash_table_lookup (owners, &found->inode));
      FunnelListening *listening = NULL;
      char ip[ADDRESS_TEXT_MAX];

      if (root != 0 && pid == 0)
        continue;
      address_print_ip (&found->address, ip);
      listening = g_new0 (FunnelListening, 1);
      listening->port = found->address.port;
      listening->address = g_strdup (ip);
      listening->pid = pid;
      listening->program = pid != 0 ? get_program (pid) : NULL;
      g_ptr_array_add (list, listening);
    }
  g_ptr_array_sort (list, compare);
  return list;
}
