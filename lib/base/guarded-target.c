/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/base/guarded-target.h"

#include "lib/base/address-range.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 4096

static const FunnelAddressRange ranges[] = {
    {4, 16, {169, 254}},                                          /* link-local, and most clouds */
    {4, 32, {100, 100, 100, 200}},                                /* Alibaba */
    {4, 32, {168, 63, 129, 16}},                                  /* Azure */
    {4, 32, {192, 0, 0, 192}},                                    /* Oracle */
    {6, 10, {0xfe, 0x80}},                                        /* link-local */
    {6, 128, {0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54}}, /* Amazon */
    {6, 128, {0xfd, 0x20, 0x00, 0xce, [14] = 0x02, [15] = 0x54}}, /* Google */
};

static const char *const sockets[] = {
    "/run/dbus/system_bus_socket", "/run/systemd/private",
    "/run/systemd/notify",         "/run/docker.sock",
    "/run/podman/podman.sock",     "/run/containerd/containerd.sock",
    "/run/crio/crio.sock",         "/run/libvirt/libvirt-sock",
    "/run/lxd/unix.socket",        "/var/lib/lxd/unix.socket",
    "/var/lib/incus/unix.socket",  "/run/snapd.socket",
};

/* The same below the user's run directory. */
static const char *const user_sockets[] = {
    "bus",
    "docker.sock",
    "podman/podman.sock",
    "systemd/private",
    "systemd/notify",
    "keyring/control",
    "keyring/ssh",
    "gnupg/S.gpg-agent",
    "gnupg/S.gpg-agent.ssh",
};

static gboolean
is_in_ranges (const struct address *address)
{
  for (guint i = 0; i < G_N_ELEMENTS (ranges); i++)
    if (funnel_address_range_contains (&ranges[i], address))
      return TRUE;
  return FALSE;
}

gboolean
funnel_guarded_address (const struct address *address)
{
  static const guint8 nat64[12] = {0x00, 0x64, 0xff, 0x9b};
  struct address behind = {.family = 4};

  if (address->family != 6 || memcmp (address->ip, nat64, sizeof nat64) != 0)
    return is_in_ranges (address);
  memcpy (behind.ip, address->ip + sizeof nat64, 4);
  return is_in_ranges (&behind);
}

static gboolean
is_file (const struct stat *file, const char *path)
{
  struct stat other;

  return stat (path, &other) == 0 && other.st_dev == file->st_dev && other.st_ino == file->st_ino;
}

static gboolean
is_session_bus (const struct stat *file)
{
  static const char prefix[] = "unix:path=";
  const char *bus = g_getenv ("DBUS_SESSION_BUS_ADDRESS");
  char path[PATH_SIZE];

  if (bus == NULL || !g_str_has_prefix (bus, prefix)
      || g_strlcpy (path, bus + strlen (prefix), sizeof path) >= sizeof path)
    return FALSE;
  path[strcspn (path, ",;")] = '\0';
  return is_file (file, path);
}

static gboolean
is_listed (const struct stat *file)
{
  char path[PATH_SIZE];

  for (guint i = 0; i < G_N_ELEMENTS (sockets); i++)
    if (is_file (file, sockets[i]))
      return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (user_sockets); i++)
    if ((gsize)g_snprintf (path, sizeof path, "%s/%s", g_get_user_runtime_dir (), user_sockets[i])
            < sizeof path
        && is_file (file, path))
      return TRUE;
  return is_session_bus (file);
}

/* Whether @path lies in @folder. */
static gboolean
is_within (const char *path, const char *folder)
{
  size_t len = strlen (folder);

  return strncmp (path, folder, len) == 0 && path[len] == '/';
}

static gboolean
is_our_own (int fd)
{
  char link[64], path[PATH_SIZE], own[PATH_SIZE];
  ssize_t n;

  g_snprintf (link, sizeof link, "/proc/self/fd/%d", fd);
  n = readlink (link, path, sizeof path - 1);
  if (n < 0)
    return FALSE;
  path[n] = '\0';
  g_snprintf (own, sizeof own, "%s/funnel", g_get_user_runtime_dir ());
  return is_within (path, own) || is_within (path, "/run/funnel")
         || is_within (path, "/run/funnel-ingress");
}

gboolean
funnel_guarded_socket (int fd)
{
  struct stat file;

  return fstat (fd, &file) == 0 && (is_listed (&file) || is_our_own (fd));
}
