/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/base/listening.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* A listening socket on @family's loopback; its port. */
static guint16
listen_on (int family, int *fd)
{
  struct sockaddr_in sa4 = {.sin_family = AF_INET, .sin_addr = {htonl (INADDR_LOOPBACK)}};
  struct sockaddr_in6 sa6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  socklen_t len = family == AF_INET ? sizeof sa4 : sizeof sa6;
  struct sockaddr *sa = family == AF_INET ? (struct sockaddr *)&sa4 : (struct sockaddr *)&sa6;

  *fd = socket (family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind (*fd, sa, len) != 0 || listen (*fd, 1) != 0)
    return 0;
  g_assert_cmpint (getsockname (*fd, sa, &len), ==, 0);
  return ntohs (family == AF_INET ? sa4.sin_port : sa6.sin6_port);
}

static const FunnelListening *
find (GPtrArray *list, guint16 port)
{
  for (guint i = 0; i < list->len; i++)
    if (((FunnelListening *)g_ptr_array_index (list, i))->port == port)
      return g_ptr_array_index (list, i);
  return NULL;
}

static void
test_own (void)
{
  int families[] = {AF_INET, AF_INET6};
  const char *const addresses[] = {"127.0.0.1", "::1"};

  for (guint i = 0; i < G_N_ELEMENTS (families); i++)
    {
      int fd = -1;
      guint16 port = listen_on (families[i], &fd);
      g_autoptr (GPtrArray) list = NULL;
      const FunnelListening *found = NULL;

      if (port == 0)
        {
          g_test_message ("no %s here", addresses[i]);
          continue;
        }
      list = funnel_listening_list (getpid ());
      found = find (list, port);
      g_assert_nonnull (found);
      g_assert_cmpstr (found->address, ==, addresses[i]);
      g_assert_cmpint (found->pid, ==, getpid ());
      g_assert_true (g_str_has_prefix (found->program, "test-base-liste"));
      close (fd);
      g_ptr_array_unref (list);
      list = funnel_listening_list (getpid ());
      g_assert_null (find (list, port));
    }
}

/* What a child of a child listens on is found below this process, and not below the first child's
 * brother. */
static void
test_descendants (void)
{
  int ports[2], hold[2];
  guint16 port = 0;
  pid_t child = 0, brother = 0;
  g_autoptr (GPtrArray) list = NULL, none = NULL;

  g_assert_cmpint (pipe (ports), ==, 0);
  g_assert_cmpint (pipe (hold), ==, 0);
  child = fork ();
  if (child == 0)
    {
      int fd = -1;

      close (hold[1]);
      if (fork () == 0)
        {
          port = listen_on (AF_INET, &fd);
          if (write (ports[1], &port, sizeof port) != sizeof port)
            _exit (1);
        }
      /* Until the test is over. */
      _exit (read (hold[0], &port, 1) == 0 ? 0 : 1);
    }
  brother = fork ();
  if (brother == 0)
    {
      close (hold[1]);
      _exit (read (hold[0], &port, 1) == 0 ? 0 : 1);
    }
  g_assert_cmpint (read (ports[0], &port, sizeof port), ==, sizeof port);
  list = funnel_listening_list (child);
  g_assert_nonnull (find (list, port));
  none = funnel_listening_list (brother);
  g_assert_null (find (none, port));
  close (hold[1]);
  waitpid (child, NULL, 0);
  waitpid (brother, NULL, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/listening/own", test_own);
  g_test_add_func ("/listening/descendants", test_descendants);
  return g_test_run ();
}
