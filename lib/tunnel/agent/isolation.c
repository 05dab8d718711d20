/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * The namespace is private from birth, so nothing of the host can be reached from it; what is
 * checked here is that nobody has changed that since: a device, a route, a forwarding switch or a
 * listening socket that does not belong. Everything is read from the calling thread's own
 * /proc/net, which shows the namespace we are in. A file that cannot be read is a failure, not a
 * pass. */

#include "lib/tunnel/agent/isolation.h"

#include "lib/wire/words.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define TCP_LISTEN_STATE 0x0a
#define ROUTE_REJECT 0x200

/* Devices the kernel itself puts into every new namespace when a tunnel module is loaded. They
 * cannot be removed; down, they are harmless. */
static const char *const fallback_devices[] = {"tunl0",   "gre0",    "gretap0", "erspan0",  "sit0",
                                               "ip6tnl0", "ip6gre0", "ip_vti0", "ip6_vti0", NULL};

struct report
{
  char *text;
  size_t size, len;
  bool failed;
};

__attribute__ ((format (printf, 2, 3))) static void
complain (struct report *report, const char *format, ...)
{
  va_list args;
  int n;

  if (report->failed && report->len + 2 < report->size)
    report->len += (size_t)snprintf (report->text + report->len, report->size - report->len, "; ");
  report->failed = true;
  va_start (args, format);
  n = vsnprintf (report->text + report->len, report->size - report->len, format, args);
  va_end (args);
  report->len += (size_t)n;
  if (report->len >= report->size)
    report->len = report->size - 1;
}

/* Calls @each for every line of @path but the first @skip. A missing file is fine if @optional. */
static void
each_line (struct report *report,
           const char *path,
           int skip,
           bool optional,
           void (*each) (struct report *,
                         const struct isolation_expected *,
                         const char *line,
                         const char *path),
           const struct isolation_expected *expected)
{
  FILE *file = fopen (path, "re");
  char line[512];

  if (!file && optional && errno == ENOENT)
    return;
  if (!file)
    {
      complain (report, N_ ("%s cannot be read (%s)"), path, strerror (errno));
      return;
    }
  while (fgets (line, sizeof line, file))
    {
      line[strcspn (line, "\n")] = '\0';
      if (skip > 0)
        skip--;
      else
        each (report, expected, line, path);
    }
  fclose (file);
}

static bool
device_is_up (const char *name)
{
  struct ifreq request = {0};
  int fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  bool up;

  snprintf (request.ifr_name, sizeof request.ifr_name, "%s", name);
  up = fd < 0 || ioctl (fd, SIOCGIFFLAGS, &request) || (request.ifr_flags & IFF_UP);
  if (fd >= 0)
    close (fd);
  return up;
}

static void
check_device (struct report *report,
              const struct isolation_expected *expected,
              const char *line,
              const char *path)
{
  char name[IFNAMSIZ] = "";

  (void)path;
  sscanf (line, " %15[^:]", name);
  if (strcmp (name, "lo") == 0 || strcmp (name, expected->device) == 0)
    return;
  for (int i = 0; fallback_devices[i]; i++)
    if (strcmp (name, fallback_devices[i]) == 0 && !device_is_up (name))
      return;
  complain (report, N_ ("the network device %s does not belong to the tunnel"), name);
}

static void
check_route (struct report *report,
             const struct isolation_expected *expected,
             const char *line,
             const char *path)
{
  char device[IFNAMSIZ] = "", wanted[32], found[INET_ADDRSTRLEN];
  unsigned long destination, gateway, mask;
  unsigned flags;
  char *slash;
  unsigned bits;

  (void)path;
  if (sscanf (line, "%15s %lx %lx %x %*d %*u %*d %lx", device, &destination, &gateway, &flags,
              &mask)
      != 5)
    return;
  snprintf (wanted, sizeof wanted, "%s", expected->route);
  slash = strchr (wanted, '/');
  bits = slash ? (unsigned)atoi (slash + 1) : 32;
  if (slash)
    *slash = '\0';
  inet_ntop (AF_INET, &(struct in_addr) {(in_addr_t)destination}, found, sizeof found);
  if (strcmp (device, expected->device) == 0 && gateway == 0 && bits > 0
      && strcmp (found, wanted) == 0 && (unsigned)__builtin_popcountl (mask) == bits)
    return;
  if (mask == 0)
    complain (report, N_ ("there is a default route, through %s"), device);
  else
    complain (report, N_ ("there is a foreign route to %s/%d through %s"), found,
              __builtin_popcountl (mask), device);
}

static void
check_route6 (struct report *report,
              const struct isolation_expected *expected,
              const char *line,
              const char *path)
{
  char device[IFNAMSIZ] = "", destination[33] = "";
  unsigned flags = 0;

  (void)path;
  (void)expected;
  if (sscanf (line, "%32s %*s %*s %*s %*s %*s %*s %*s %x %15s", destination, &flags, device) != 3)
    return;
  if (strcmp (device, "lo") != 0 && !(flags & ROUTE_REJECT))
    complain (report, N_ ("there is an IPv6 route (%s) through %s"), destination, device);
}

static void
check_address6 (struct report *report,
                const struct isolation_expected *expected,
                const char *line,
                const char *path)
{
  char address[33] = "", device[IFNAMSIZ] = "";

  (void)path;
  (void)expected;
  if (sscanf (line, "%32s %*s %*s %*s %*s %15s", address, device) == 2
      && strcmp (device, "lo") != 0)
    complain (report, N_ ("the device %s has an IPv6 address"), device);
}

/* Headings of /proc/net/fib_trie that begin a routing table. */
static void
check_table (struct report *report,
             const struct isolation_expected *expected,
             const char *line,
             const char *path)
{
  (void)path;
  (void)expected;
  if (strncmp (line, "Id ", 3) == 0)
    complain (report, N_ ("there is a foreign routing table (%.*s)"), (int)strcspn (line, ":"),
              line);
}

struct socket_line
{
  unsigned port, state;
  unsigned long inode;
};

static bool
parse_socket (const char *line, struct socket_line *out)
{
  return sscanf (line,
                 " %*u: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*x:%*x %*x:%*x %*x %*u %*u %lu",
                 &out->port, &out->state, &out->inode)
         == 3;
}

static void
check_tcp (struct report *report,
           const struct isolation_expected *expected,
           const char *line,
           const char *path)
{
  struct socket_line found;

  (void)path;
  if (!parse_socket (line, &found))
    {
      complain (report, N_ ("%s is not understood"), path);
      return;
    }
  if (found.state != TCP_LISTEN_STATE)
    return;
  for (size_t i = 0; i < expected->n_ports; i++)
    if (expected->ports[i] == found.port)
      return;
  complain (report, N_ ("something foreign listens on TCP port %u"), found.port);
}

static void
check_udp (struct report *report,
           const struct isolation_expected *expected,
           const char *line,
           const char *path)
{
  struct socket_line found;

  (void)path;
  if (!parse_socket (line, &found))
    {
      complain (report, N_ ("%s is not understood"), path);
      return;
    }
  if (expected->wireguard_port && found.port == expected->wireguard_port)
    return;
  if (expected->owns_socket && expected->owns_socket (expected->data, found.inode))
    return;
  complain (report, N_ ("something foreign uses UDP port %u"), found.port);
}

static void
check_raw (struct report *report,
           const struct isolation_expected *expected,
           const char *line,
           const char *path)
{
  (void)line;
  (void)expected;
  complain (report, N_ ("there is a raw socket (%s)"), path);
}

static void
check_switch (struct report *report, const char *path, const char *what, bool optional)
{
  FILE *file = fopen (path, "re");
  int value = -1;

  if (!file && optional)
    return;
  if (!file || fscanf (file, "%d", &value) != 1 || value != 0)
    complain (report, N_ ("%s is on"), what);
  if (file)
    fclose (file);
}

bool
isolation_verify (const struct isolation_expected *expected, char *error, size_t size)
{
  struct report report = {.text = error, .size = size};

  error[0] = '\0';
  if (!if_nametoindex (expected->device))
    complain (&report, N_ ("the tunnel's device is gone"));
  each_line (&report, "/proc/net/dev", 2, false, check_device, expected);
  each_line (&report, "/proc/net/route", 1, false, check_route, expected);
  each_line (&report, "/proc/net/fib_trie", 0, true, check_table, expected);
  each_line (&report, "/proc/net/ipv6_route", 0, true, check_route6, expected);
  each_line (&report, "/proc/net/if_inet6", 0, true, check_address6, expected);
  check_switch (&report, "/proc/sys/net/ipv4/ip_forward", N_ ("IPv4 forwarding"), false);
  check_switch (&report, "/proc/sys/net/ipv6/conf/all/forwarding", N_ ("IPv6 forwarding"), true);
  each_line (&report, "/proc/net/tcp", 1, false, check_tcp, expected);
  each_line (&report, "/proc/net/tcp6", 1, true, check_tcp, expected);
  each_line (&report, "/proc/net/udp", 1, false, check_udp, expected);
  each_line (&report, "/proc/net/udp6", 1, true, check_udp, expected);
  each_line (&report, "/proc/net/udplite", 1, true, check_udp, expected);
  each_line (&report, "/proc/net/udplite6", 1, true, check_udp, expected);
  each_line (&report, "/proc/net/raw", 1, true, check_raw, expected);
  each_line (&report, "/proc/net/raw6", 1, true, check_raw, expected);
  return !report.failed;
}
