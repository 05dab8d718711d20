/* SPDX-License-Identifier: GPL-3.0-or-later */
#define G_LOG_DOMAIN "funnel-ingressd"

#include "ingress-server/control/public-listeners.h"

#include "lib/base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 4096 /* the kernel takes net.core.somaxconn if that is less */
#define LISTEN_FDS_START 3

static void
close_listener (gpointer data)
{
  close (((PublicListener *)data)->fd);
}

GArray *
public_listeners_new (void)
{
  GArray *listeners = g_array_new (FALSE, FALSE, sizeof (PublicListener));

  g_array_set_clear_func (listeners, close_listener);
  return listeners;
}

/* Inherited. */

/* The port a socket listens at; 0 when it does not listen. */
static guint16
listening_port (int fd)
{
  struct sockaddr_storage sa = {0};
  socklen_t len = sizeof sa, size = sizeof (int);
  int listening = 0;
  g_autoptr (GSocketAddress) address = NULL;

  if (getsockopt (fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) < 0 || !listening
      || getsockname (fd, (struct sockaddr *)&sa, &len) < 0)
    return 0;
  address = g_socket_address_new_from_native (&sa, len);
  if (!G_IS_INET_SOCKET_ADDRESS (address))
    return 0;
  return g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (address));
}

static gboolean
inherit_one (GArray *listeners, const IngressConfig *config, int fd, GError **error)
{
  PublicListener listener = {.fd = -1, .port = listening_port (fd)};

  if (!ingress_config_listens_at (config, listener.port))
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                   "Inherited socket %d does not listen at a public port; make ListenStream= of "
                   "the socket unit and "
                   "public-ports or redirect-port of " INGRESS_CONFIG_FILE " agree",
                   fd);
      return FALSE;
    }
  fcntl (fd, F_SETFD, FD_CLOEXEC);
  fcntl (fd, F_SETFL, fcntl (fd, F_GETFL) | O_NONBLOCK);
  listener.fd = fcntl (fd, F_DUPFD_CLOEXEC, LISTEN_FDS_START);
  if (listener.fd < 0)
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_FAILED, "No descriptor left: %s",
                   g_strerror (errno));
      return FALSE;
    }
  g_array_append_val (listeners, listener);
  return TRUE;
}

/* Of the descriptors the service manager passed, however often the ingress begins anew. */
static guint inherited;

/* Notes how many there are, once: children are not to take them for theirs. */
static void
note_inherited (void)
{
  const char *pid_text = g_getenv ("LISTEN_PID"), *count_text = g_getenv ("LISTEN_FDS");
  guint64 pid = 0, count = 0;

  if (!pid_text || !count_text
      || !g_ascii_string_to_unsigned (pid_text, 10, 1, G_MAXINT, &pid, NULL)
      || pid != (guint64)getpid ()
      || !g_ascii_string_to_unsigned (count_text, 10, 0, PUBLIC_LISTENERS_MAX, &count, NULL))
    return;
  inherited = (guint)count;
  g_unsetenv ("LISTEN_PID");
  g_unsetenv ("LISTEN_FDS");
  g_unsetenv ("LISTEN_FDNAMES");
}

gboolean
public_listeners_inherit (GArray *listeners, const IngressConfig *config, GError **error)
{
  if (inherited == 0)
    note_inherited ();
  for (guint i = 0; i < inherited; i++)
    if (!inherit_one (listeners, config, LISTEN_FDS_START + (int)i, error))
      return FALSE;
  return TRUE;
}

/* Own. */

static gboolean
make_address (const IngressConfig *config,
              guint16 port,
              gboolean six,
              struct sockaddr_storage *sa,
              socklen_t *len)
{
  g_autoptr (GInetAddress) ip
      = config->listen ? g_inet_address_new_from_string (config->listen) : NULL;
  g_autoptr (GSocketAddress) address = NULL;

  if (!ip)
    ip = g_inet_address_new_any (six ? G_SOCKET_FAMILY_IPV6 : G_SOCKET_FAMILY_IPV4);
  address = g_inet_socket_address_new (ip, port);
  *len = (socklen_t)g_socket_address_get_native_size (address);
  return g_socket_address_to_native (address, sa, sizeof *sa, NULL);
}

/* A socket bound to @port, or a negative errno. Without an address of its own it takes IPv6 and
 * IPv4. */
static int
bind_one (const IngressConfig *config, guint16 port, gboolean six, gboolean share)
{
  struct sockaddr_storage sa;
  socklen_t len = 0;
  int fd, on = 1, off = 0, failure;

  if (!make_address (config, port, six, &sa, &len))
    return -EINVAL;
  fd = socket (sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return -errno;
  setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (share)
    setsockopt (fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (sa.ss_family == AF_INET6)
    setsockopt (fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (bind (fd, (struct sockaddr *)&sa, len) == 0 && listen (fd, BACKLOG) == 0)
    return fd;
  failure = errno;
  close (fd);
  return -failure;
}

static gboolean
fail (guint16 port, int rc, GError **error)
{
  const char *hint = "";

  if (rc == -EADDRINUSE)
    hint = "; another program has it. Stop that, or choose other public-ports "
           "in " INGRESS_CONFIG_FILE;
  else if (rc == -EACCES)
    hint = "; ports below 1024 need root, CAP_NET_BIND_SERVICE or socket activation";
  g_set_error (error, FUNNEL_ERROR, rc == -EADDRINUSE ? FUNNEL_ERROR_CONFLICT : FUNNEL_ERROR_FAILED,
               "Cannot listen at public port %u: %s%s", port, g_strerror (-rc), hint);
  return FALSE;
}

static gboolean
open_port (GArray *listeners,
           const IngressConfig *config,
           guint16 port,
           guint count,
           const GArray *held,
           GError **error)
{
  gboolean six = TRUE;
  /* SO_REUSEPORT would quietly share the port with another ingress of the same user: ask without
   * it. */
  int rc;

  for (guint i = 0; i < held->len; i++)
    if (g_array_index (held, guint16, i) == port)
      return TRUE;
  rc = bind_one (config, port, six, FALSE);
  if (rc == -EAFNOSUPPORT || rc == -EADDRNOTAVAIL)
    {
      six = FALSE;
      rc = bind_one (config, port, six, FALSE);
    }
  if (rc < 0)
    return fail (port, rc, error);
  close (rc);
  for (guint i = 0; i < count; i++)
    {
      PublicListener listener = {.port = port};

      rc = bind_one (config, port, six, TRUE);
      if (rc < 0)
        return fail (port, rc, error);
      listener.fd = rc;
      g_array_append_val (listeners, listener);
    }
  return TRUE;
}

gboolean
public_listeners_open (GArray *listeners,
                       const IngressConfig *config,
                       guint per_port,
                       const GArray *held,
                       GError **error)
{
  for (guint i = 0; i < config->n_public_ports; i++)
    if (!open_port (listeners, config, config->public_ports[i], per_port, held, error))
      {
        g_array_set_size (listeners, 0);
        return FALSE;
      }
  if (config->redirect_port != 0
      && !open_port (listeners, config, config->redirect_port, 1, held, error))
    {
      g_array_set_size (listeners, 0);
      return FALSE;
    }
  return TRUE;
}
