/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/tunnel/agent/namespaces.h"

#include "lib/wire/words.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SOCKET_BUFFER (8 << 20)

static bool
may_unshare (void)
{
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2] = {0};
  uint32_t needed = 1u << CAP_SYS_ADMIN | 1u << CAP_NET_ADMIN;

  return syscall (SYS_capget, &header, data) == 0 && (data[0].effective & needed) == needed;
}

static int
outer_socket (int family)
{
  int fd = socket (family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int size = SOCKET_BUFFER, one = 1, never = IP_PMTUDISC_DONT;

  if (fd < 0)
    return -1;
  if (family == AF_INET6)
    {
      never = IPV6_PMTUDISC_DONT;
      setsockopt (fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
      setsockopt (fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &never, sizeof never);
    }
  else
    /* As kernel WireGuard: a packet too big for the path is cut up, not lost. */
    setsockopt (fd, IPPROTO_IP, IP_MTU_DISCOVER, &never, sizeof never);
  if (setsockopt (fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size))
    setsockopt (fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  if (setsockopt (fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size))
    setsockopt (fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  return fd;
}

static bool
write_file (const char *path, const char *text)
{
  int fd = open (path, O_WRONLY | O_CLOEXEC);
  bool good;

  if (fd < 0)
    return false;
  good = write (fd, text, strlen (text)) == (ssize_t)strlen (text);
  close (fd);
  return good;
}

static bool
file_is (const char *path, const char *text)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC);
  char value[64];
  ssize_t n;

  if (fd < 0)
    return false;
  n = read (fd, value, sizeof value - 1);
  close (fd);
  if (n <= 0)
    return false;
  value[n] = '\0';
  value[strcspn (value, "\n")] = '\0';
  return strcmp (value, text) == 0;
}

/* Why the kernel refused a user namespace, and what the admin can do about it. */
static void
explain_refusal (int cause, char *error, size_t size)
{
  if (file_is ("/proc/sys/kernel/unprivileged_userns_clone", "0"))
    snprintf (error, size,
              N_ ("user namespaces are switched off for ordinary users; as root: "
                  "sysctl -w kernel.unprivileged_userns_clone=1"));
  else if (file_is ("/proc/sys/user/max_user_namespaces", "0"))
    snprintf (
        error, size,
        N_ ("user namespaces are switched off; as root: sysctl -w user.max_user_namespaces=10000"));
  else if (file_is ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1"))
    snprintf (error, size,
              N_ ("AppArmor restricts user namespaces; as root install the AppArmor profile of "
                  "funnel-netns, "
                  "or: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"));
  else
    snprintf (error, size,
              N_ ("a private network namespace cannot be made here (%s); a container may need "
                  "CAP_SYS_ADMIN and CAP_NET_ADMIN, or user namespaces allowed"),
              strerror (cause));
}

static bool
enter_user_namespace (char *error, size_t size)
{
  char map[64];
  uid_t uid = geteuid ();
  gid_t gid = getegid ();

  if (unshare (CLONE_NEWUSER))
    {
      explain_refusal (errno, error, size);
      return false;
    }
  snprintf (map, sizeof map, "0 %u 1", uid);
  if (!write_file ("/proc/self/setgroups", "deny") || !write_file ("/proc/self/uid_map", map))
    {
      explain_refusal (errno, error, size);
      return false;
    }
  snprintf (map, sizeof map, "0 %u 1", gid);
  if (!write_file ("/proc/self/gid_map", map))
    {
      explain_refusal (errno, error, size);
      return false;
    }
  return true;
}

static bool
mount_private_run (char *error, size_t size)
{
  struct stat var_run;

  if (mount ("none", "/", NULL, MS_REC | MS_PRIVATE, NULL)
      || mount ("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0755,size=16m"))
    {
      snprintf (error, size, N_ ("cannot mount a private /run: %s"), strerror (errno));
      return false;
    }
  /* wireguard-go speaks of /var/run, which is /run everywhere but on very old systems. */
  if (lstat ("/var/run", &var_run) == 0 && S_ISDIR (var_run.st_mode))
    mount ("/run", "/var/run", NULL, MS_BIND, NULL);
  if (mkdir ("/run/wireguard", 0700) || mkdir (EMPTY_DIRECTORY, 0555))
    {
      snprintf (error, size, N_ ("cannot fill the private /run: %s"), strerror (errno));
      return false;
    }
  return true;
}

/* Writes a setting, or is content when it is so already (read-only /proc/sys of containers). */
static bool
ensure_setting (const char *path, const char *value)
{
  return write_file (path, value) || file_is (path, value);
}

static bool
raise_loopback (void)
{
  struct ifreq request = {0};
  int fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  bool good;

  if (fd < 0)
    return false;
  snprintf (request.ifr_name, sizeof request.ifr_name, "%s", "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  good = ioctl (fd, SIOCSIFFLAGS, &request) == 0;
  close (fd);
  return good;
}

static bool
set_up_network (char *error, size_t size)
{
  static const char v6[] = "/proc/sys/net/ipv6/conf/all/";

  if (!raise_loopback ())
    {
      snprintf (
          error, size,
          N_ ("the private network namespace came without rights (%s); AppArmor may restrict user "
              "namespaces: see kernel.apparmor_restrict_unprivileged_userns"),
          strerror (errno));
      return false;
    }
  if (!ensure_setting ("/proc/sys/net/ipv4/ip_forward", "0"))
    {
      snprintf (error, size,
                N_ ("cannot switch forwarding off in the private network namespace: %s"),
                strerror (errno));
      return false;
    }
  if (access (v6, F_OK))
    return true; /* a kernel without IPv6 */
  if (!ensure_setting ("/proc/sys/net/ipv6/conf/all/forwarding", "0")
      || !ensure_setting ("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1")
      || !ensure_setting ("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1"))
    {
      snprintf (error, size, N_ ("cannot switch IPv6 off in the private network namespace: %s"),
                strerror (errno));
      return false;
    }
  return true;
}

/* Stage 2 where the namespace is there already. */
static bool
join_namespace (struct namespaces *self, const char *path, char *error, size_t size)
{
  int fd;

  if (!may_unshare ())
    {
      snprintf (error, size, "--netns: CAP_SYS_ADMIN and CAP_NET_ADMIN are needed to enter %s",
                path);
      return false;
    }
  self->host_netns = open ("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  fd = open (path, O_RDONLY | O_CLOEXEC);
  self->privileged = self->host_netns >= 0 && fd >= 0 && setns (fd, CLONE_NEWNET) == 0
                     && unshare (CLONE_NEWNS) == 0;
  if (!self->privileged)
    snprintf (error, size, "--netns: cannot enter the network namespace %s: %s", path,
              strerror (errno));
  if (fd >= 0)
    close (fd);
  return self->privileged;
}

/* Stage 2 where a new one is made. */
static bool
make_namespace (struct namespaces *self, char *error, size_t size)
{
  if (may_unshare ())
    {
      self->host_netns = open ("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
      self->privileged = self->host_netns >= 0 && unshare (CLONE_NEWNET | CLONE_NEWNS) == 0;
    }
  if (self->privileged)
    return true;
  if (!enter_user_namespace (error, size))
    return false;
  if (unshare (CLONE_NEWNET | CLONE_NEWNS) == 0)
    return true;
  explain_refusal (errno, error, size);
  return false;
}

bool
namespaces_enter (struct namespaces *self, const char *netns, char *error, size_t size)
{
  *self = (struct namespaces) {
      .host_netns = -1, .udp4 = outer_socket (AF_INET), .udp6 = outer_socket (AF_INET6)};
  if (self->udp4 < 0)
    {
      snprintf (error, size, N_ ("cannot make a UDP socket: %s"), strerror (errno));
      return false;
    }
  if (netns ? !join_namespace (self, netns, error, size) : !make_namespace (self, error, size))
    return false;
  self->entered = true;
  return mount_private_run (error, size) && set_up_network (error, size);
}
