/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tests/unit/ingress-server/relay/relay-harness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEADLINE_S 20

static void
set_deadline (int fd)
{
  struct timeval deadline = {.tv_sec = DEADLINE_S};

  g_assert_cmpint (setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline), ==, 0);
  g_assert_cmpint (setsockopt (fd, SOL_SOCKET, SO_SNDTIMEO, &deadline, sizeof deadline), ==, 0);
}

static int
listen_on_loopback (guint16 *port)
{
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
  socklen_t len = sizeof address;
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_cmpint (bind (fd, (struct sockaddr *)&address, sizeof address), ==, 0);
  g_assert_cmpint (listen (fd, 1024), ==, 0);
  g_assert_cmpint (getsockname (fd, (struct sockaddr *)&address, &len), ==, 0);
  *port = ntohs (address.sin_port);
  set_deadline (fd);
  return fd;
}

static void
run_relay (const char *const *options, int control, int counters, int listener, int plain)
{
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  const char *program = g_getenv ("FUNNEL_RELAY_PROGRAM");
  char listener_text[32];
  char plain_text[32];

  prctl (PR_SET_PDEATHSIG, SIGKILL);
  g_assert_cmpint (dup2 (control, 100), ==, 100);
  g_assert_cmpint (dup2 (counters, 101), ==, 101);
  g_assert_cmpint (dup2 (listener, 102), ==, 102);
  g_assert_cmpint (dup2 (plain, 103), ==, 103);
  g_snprintf (listener_text, sizeof listener_text, "102:443");
  g_snprintf (plain_text, sizeof plain_text, "103:80");
  g_ptr_array_add (argv, (gpointer)program);
  g_ptr_array_add (argv, (gpointer) "--control-fd=100");
  g_ptr_array_add (argv, (gpointer) "--counters-fd=101");
  g_ptr_array_add (argv, (gpointer) "--listener");
  g_ptr_array_add (argv, listener_text);
  g_ptr_array_add (argv, (gpointer) "--listener");
  g_ptr_array_add (argv, plain_text);
  g_ptr_array_add (argv, (gpointer) "--redirect-port=80");
  g_ptr_array_add (argv, g_strconcat ("--sandbox=", g_getenv ("RELAY_SANDBOX"), NULL));
  for (; options != NULL && *options != NULL; options++)
    g_ptr_array_add (argv, (gpointer)*options);
  g_ptr_array_add (argv, NULL);
  execv (program, (char **)argv->pdata);
  _exit (127);
}

Relay *
relay_new (const char *const *options)
{
  Relay *relay = g_new0 (Relay, 1);
  int pair[2], listener, plain;

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), ==, 0);
  listener = listen_on_loopback (&relay->port);
  plain = listen_on_loopback (&relay->plain_port);
  relay->node = listen_on_loopback (&relay->node_port);
  relay->counters_fd = memfd_create ("counters", MFD_CLOEXEC);
  g_assert_cmpint (ftruncate (relay->counters_fd, RELAY_COUNTERS_SIZE), ==, 0);
  relay->counters = mmap (NULL, RELAY_COUNTERS_SIZE, PROT_READ, MAP_SHARED, relay->counters_fd, 0);
  g_assert_true (relay->counters != MAP_FAILED);
  relay->pid = fork ();
  if (relay->pid == 0)
    run_relay (options, pair[1], relay->counters_fd, listener, plain);
  relay->control = pair[0];
  set_deadline (relay->control);
  close (pair[1]);
  close (listener);
  close (plain);
  return relay;
}

static void
clear (Relay *relay)
{
  munmap (relay->counters, RELAY_COUNTERS_SIZE);
  close (relay->counters_fd);
  for (guint i = 0; i < relay->n_silent; i++)
    close (relay->silent[i]);
  if (relay->control >= 0)
    close (relay->control);
  if (relay->node >= 0)
    close (relay->node);
  g_free (relay);
}

void
relay_free (Relay *relay)
{
  int status;

  /* Still alive: nothing in the test may have made it crash or break its call filter. */
  g_assert_cmpint (waitpid (relay->pid, &status, WNOHANG), ==, 0);
  kill (relay->pid, SIGTERM);
  g_assert_cmpint (waitpid (relay->pid, &status, 0), ==, relay->pid);
  clear (relay);
}

void
relay_drain (Relay *relay)
{
  g_assert_cmpint (send (relay->control, "drain\n", 6, MSG_NOSIGNAL), ==, 6);
}

void
relay_wait_end (Relay *relay)
{
  int status;

  g_assert_cmpint (waitpid (relay->pid, &status, 0), ==, relay->pid);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 0);
  clear (relay);
}

static void
send_table (Relay *relay, int table)
{
  union
  {
    struct cmsghdr header;
    char space[CMSG_SPACE (sizeof (int))];
  } control = {0};
  char verb[] = "routes\n";
  struct iovec part = {.iov_base = verb, .iov_len = 7};
  struct msghdr message = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = control.space,
                           .msg_controllen = sizeof control.space};

  control.header = (struct cmsghdr) {
      .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN (sizeof (int))};
  memcpy (CMSG_DATA (&control.header), &table, sizeof table);
  g_assert_cmpint (sendmsg (relay->control, &message, MSG_NOSIGNAL), ==, 7);
  close (table);
}

char *
relay_send_table (Relay *relay, int table)
{
  char answer[128];
  ssize_t n;

  send_table (relay, table);
  n = recv (relay->control, answer, sizeof answer, 0);
  g_assert_cmpint (n, >, 0);
  return g_strndup (answer, (gsize)n);
}

void
relay_revoke_all (Relay *relay)
{
  int table = route_table_build (NULL, 0, NULL, 0, G_MAXINT32);

  g_assert_cmpint (table, >=, 0);
  send_table (relay, table);
}

/* Publishes a table with @node and, unless it has no name, @route; waits until it is in use. */
static void
publish (Relay *relay, const struct route_node *node, const struct route_spec *route)
{
  static guint64 generation;
  int table = route_table_build (node, 1, route, route->name != NULL, ++generation);
  g_autofree char *expected = g_strdup_printf ("ok %" G_GUINT64_FORMAT "\n", generation);
  g_autofree char *answer = NULL;

  g_assert_cmpint (table, >=, 0);
  answer = relay_send_table (relay, table);
  g_assert_cmpstr (answer, ==, expected);
  g_assert_cmpuint (relay->counters->generation, ==, generation);
}

void
relay_route (Relay *relay, const char *name, guint64 id, gboolean linked, guint32 max_flows)
{
  struct route_node node
      = {.id = 1, .address = {127, 0, 0, 1}, .offer_port = relay->node_port, .linked = linked};
  struct route_spec route
      = {.name = name, .port = 443, .id = id, .slot = 3, .limits.max_flows = max_flows};

  publish (relay, &node, &route);
}

void
relay_route_limited (Relay *relay,
                     const char *name,
                     const struct route_limits *name_limits,
                     const struct route_limits *node_limits)
{
  struct route_node node = {.id = 1,
                            .address = {127, 0, 0, 1},
                            .offer_port = relay->node_port,
                            .linked = TRUE,
                            .limits = *node_limits};
  struct route_spec route = {.name = name, .port = 443, .id = 1, .slot = 3, .limits = *name_limits};

  publish (relay, &node, &route);
}

static int
connect_to (guint16 port)
{
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons (port), .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  set_deadline (fd);
  g_assert_cmpint (connect (fd, (struct sockaddr *)&address, sizeof address), ==, 0);
  return fd;
}

bool
relay_can_connect (Relay *relay)
{
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons (relay->port),
                                .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool connected = connect (fd, (struct sockaddr *)&address, sizeof address) == 0;

  close (fd);
  return connected;
}

int
relay_connect_plain (Relay *relay)
{
  return connect_to (relay->plain_port);
}

int
relay_connect (Relay *relay)
{
  return connect_to (relay->port);
}

int
relay_accept_warm (Relay *relay)
{
  int fd = accept4 (relay->node, NULL, NULL, SOCK_CLOEXEC);

  g_assert_cmpint (fd, >=, 0);
  set_deadline (fd);
  return fd;
}

int
relay_accept (Relay *relay)
{
  for (;;)
    {
      struct pollfd polls[RELAY_SILENT_MAX + 1];

      for (guint i = 0; i < relay->n_silent; i++)
        polls[i] = (struct pollfd) {.fd = relay->silent[i], .events = POLLIN};
      polls[relay->n_silent] = (struct pollfd) {.fd = relay->node, .events = POLLIN};
      g_assert_cmpint (poll (polls, relay->n_silent + 1, DEADLINE_S * 1000), >, 0);
      for (guint i = 0; i < relay->n_silent; i++)
        if (polls[i].revents != 0)
          {
            relay->silent[i] = relay->silent[--relay->n_silent];
            return polls[i].fd;
          }
      g_assert_cmpuint (relay->n_silent, <, RELAY_SILENT_MAX);
      relay->silent[relay->n_silent++] = relay_accept_warm (relay);
    }
}

void
relay_read_offer (int fd, struct offer *offer, GByteArray *rest)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  enum offer_result result = OFFER_NEED_MORE;
  gsize consumed = 0;

  while (result == OFFER_NEED_MORE)
    {
      guint8 block[4096];
      ssize_t n = recv (fd, block, sizeof block, 0);

      g_assert_cmpint (n, >, 0);
      g_byte_array_append (bytes, block, (guint)n);
      result = offer_parse ((const char *)bytes->data, bytes->len, offer, &consumed, NULL);
    }
  g_assert_cmpint (result, ==, OFFER_OK);
  g_byte_array_append (rest, bytes->data + consumed, bytes->len - (guint)consumed);
}

GBytes *
relay_fixture (const char *name)
{
  g_autofree char *path = g_build_filename (g_getenv ("FIXTURES"), "hello", name, NULL);
  char *data;
  gsize len;
  GError *error = NULL;

  g_file_get_contents (path, &data, &len, &error);
  g_assert_no_error (error);
  return g_bytes_new_take (data, len);
}

void
relay_send (int fd, gconstpointer data, gsize len)
{
  g_assert_cmpint (send (fd, data, len, MSG_NOSIGNAL), ==, len);
}

void
relay_expect (int fd, gconstpointer data, gsize len)
{
  g_autofree guint8 *bytes = g_malloc (len);

  for (gsize got = 0; got < len;)
    {
      ssize_t n = recv (fd, bytes + got, len - got, 0);

      g_assert_cmpint (n, >, 0);
      got += (gsize)n;
    }
  g_assert_cmpmem (bytes, len, data, len);
}

void
relay_expect_end (int fd)
{
  char byte;

  g_assert_cmpint (recv (fd, &byte, 1, 0), ==, 0);
}

void
relay_expect_alert (int fd, guint8 description)
{
  const guint8 record[] = {21, 3, 3, 0, 2, 2, description};

  relay_expect (fd, record, sizeof record);
  relay_expect_end (fd);
}

static gboolean
wait_a_moment (gint64 deadline)
{
  g_usleep (1000);
  return g_get_monotonic_time () < deadline;
}

void
relay_wait (const guint64 *counter, guint64 value)
{
  gint64 deadline = g_get_monotonic_time () + DEADLINE_S * G_USEC_PER_SEC;

  while (__atomic_load_n (counter, __ATOMIC_RELAXED) != value)
    if (!wait_a_moment (deadline))
      g_assert_cmpuint (__atomic_load_n (counter, __ATOMIC_RELAXED), ==, value);
}

void
relay_wait_gauge (const guint32 *gauge, guint32 value)
{
  gint64 deadline = g_get_monotonic_time () + DEADLINE_S * G_USEC_PER_SEC;

  while (__atomic_load_n (gauge, __ATOMIC_RELAXED) != value)
    if (!wait_a_moment (deadline))
      g_assert_cmpuint (__atomic_load_n (gauge, __ATOMIC_RELAXED), ==, value);
}
