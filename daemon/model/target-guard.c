/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/model/target-guard.h"

#include "lib/base/address-range.h"
#include "lib/base/error.h"
#include "lib/base/guarded-target.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gi18n.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whose an address is; guarded-target.h knows those of OWNER_METADATA. */
typedef enum
{
  OWNER_THIS_MACHINE,
  OWNER_NOBODY,   /* unspecified, multicast, reserved */
  OWNER_METADATA, /* link-local, and where clouds keep a machine's secrets */
  OWNER_PRIVATE,
  OWNER_PUBLIC,
} AddressOwner;

static const struct
{
  const char *range;
  AddressOwner owner;
} ranges[] = {
    {"127.0.0.0/8", OWNER_THIS_MACHINE},
    {"::1", OWNER_THIS_MACHINE},
    {"0.0.0.0/8", OWNER_NOBODY},
    {"224.0.0.0/3", OWNER_NOBODY},
    {"::", OWNER_NOBODY},
    {"ff00::/8", OWNER_NOBODY},
    {"10.0.0.0/8", OWNER_PRIVATE},
    {"172.16.0.0/12", OWNER_PRIVATE},
    {"192.168.0.0/16", OWNER_PRIVATE},
    {"100.64.0.0/10", OWNER_PRIVATE},
    {"fc00::/7", OWNER_PRIVATE},
};

/* Folders nobody means to publish as a whole; relative ones are below the home folder. A folder is
 * refused if it is one of these, within one marked deep, or around any of them. */
static const struct
{
  const char *path;
  gboolean deep;
} folders[] = {
    {"/proc", TRUE},   {"/sys", TRUE}, {"/dev", TRUE},   {"/run", FALSE},
    {"/etc", TRUE},    {".ssh", TRUE}, {".gnupg", TRUE}, {".config", FALSE},
    {".local", FALSE}, {".aws", TRUE}, {".kube", TRUE},  {".mozilla", TRUE},
};

static gboolean
refuse (GError **error, FunnelError code, const char *format, ...) G_GNUC_PRINTF (3, 4);

static gboolean
refuse (GError **error, FunnelError code, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_propagate_error (error, g_error_new_valist (FUNNEL_ERROR, (gint)code, format, args));
  va_end (args);
  return FALSE;
}

/* --- Addresses --- */

static AddressOwner
find_owner (const struct address *address)
{
  if (funnel_guarded_address (address))
    return OWNER_METADATA;
  for (guint i = 0; i < G_N_ELEMENTS (ranges); i++)
    {
      FunnelAddressRange range;

      if (funnel_address_range_parse (ranges[i].range, &range, NULL)
          && funnel_address_range_contains (&range, address))
        return ranges[i].owner;
    }
  return OWNER_PUBLIC;
}

static gboolean
guard_address (const struct address *address,
               const char *host,
               const FunnelTargetPermission *permission,
               GError **error)
{
  char ip[ADDRESS_TEXT_MAX];
  g_autofree char *who = NULL;

  address_print_ip (address, ip);
  who = strcmp (host, ip) == 0 ? g_strdup (ip) : g_strdup_printf ("%s (%s)", host, ip);
  switch (find_owner (address))
    {
    case OWNER_THIS_MACHINE:
      return TRUE;
    case OWNER_NOBODY:
      return refuse (error, FUNNEL_ERROR_INVALID_ARGUMENT,
                     N_ ("%s is not an address to connect to; for this machine type localhost"),
                     who);
    case OWNER_METADATA:
      return permission->force
             || refuse (error, FUNNEL_ERROR_NOT_ALLOWED,
                        N_ ("%s is a link-local or metadata address, where machines keep secrets; "
                            "--force shares it all the same"),
                        who);
    case OWNER_PRIVATE:
      return permission->lan
             || refuse (error, FUNNEL_ERROR_NOT_ALLOWED,
                        N_ ("%s is another machine; to share what it serves, add --lan"), who);
    case OWNER_PUBLIC:
    default:
      return (permission->lan && permission->force)
             || refuse (error, FUNNEL_ERROR_NOT_ALLOWED,
                        N_ ("%s is a public address, reachable without this node; --lan --force "
                            "shares it all the same"),
                        who);
    }
}

gboolean
funnel_target_guard_address (const struct sockaddr *address,
                             socklen_t len,
                             const char *host,
                             const FunnelTargetPermission *permission,
                             GError **error)
{
  struct address read;

  if (!address_from_sockaddr (address, len, &read))
    return refuse (error, FUNNEL_ERROR_INVALID_ARGUMENT,
                   N_ ("%s has an address of an unknown kind"), host);
  return guard_address (&read, host, permission, error);
}

static gboolean
guard_host (const FunnelTarget *target, const FunnelTargetPermission *permission, GError **error)
{
  if (target->n_addresses == 0 && !permission->lan)
    return refuse (
        error, FUNNEL_ERROR_NOT_ALLOWED,
        N_ ("\"%s\" is another machine; to share what it serves, add --lan, and for this "
            "machine type localhost:%u"),
        target->host, target->port);
  for (guint i = 0; i < target->n_addresses; i++)
    if (!funnel_target_guard_address ((const struct sockaddr *)&target->addresses[i],
                                      target->lens[i], target->host, permission, error))
      return FALSE;
  return TRUE;
}

/* --- Unix sockets --- */

static gboolean
is_within (const char *path, const char *folder)
{
  gsize len = strlen (folder);

  if (strcmp (folder, "/") == 0)
    return TRUE;
  return strncmp (path, folder, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* The path with all links followed; NULL when it does not exist. */
static char *
resolve_path (const char *path)
{
  char *resolved = realpath (path, NULL);
  char *copy = g_strdup (resolved);

  free (resolved);
  return copy;
}

/* The daemon's own sockets may be in its state directory too. */
static gboolean
is_own (const char *path, const char *state_dir)
{
  g_autofree char *real = resolve_path (path);
  g_autofree char *own = state_dir != NULL ? resolve_path (state_dir) : NULL;

  return real != NULL && own != NULL && is_within (real, own);
}

static gboolean
guard_socket (const FunnelTarget *target, const FunnelTargetPermission *permission, GError **error)
{
  int fd = open (target->path, O_PATH | O_CLOEXEC);
  gboolean guarded = fd >= 0 && funnel_guarded_socket (fd);

  if (fd >= 0)
    close (fd);
  if (permission->force || (!guarded && !is_own (target->path, permission->state_dir)))
    return TRUE;
  return refuse (
      error, FUNNEL_ERROR_NOT_ALLOWED,
      N_ ("\"%s\" controls this machine: whoever reaches it can do what you can; --force "
          "shares it all the same"),
      target->path);
}

/* --- Files --- */

static gboolean
touches (const char *path, const char *folder, gboolean deep)
{
  g_autofree char *real = resolve_path (folder);

  return real != NULL && (is_within (real, path) || (deep && is_within (path, real)));
}

static gboolean
is_sensitive (const char *path, const char *state_dir)
{
  if (state_dir != NULL && touches (path, state_dir, TRUE))
    return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (folders); i++)
    {
      g_autofree char *folder = g_path_is_absolute (folders[i].path)
                                    ? g_strdup (folders[i].path)
                                    : g_build_filename (g_get_home_dir (), folders[i].path, NULL);

      if (touches (path, folder, folders[i].deep))
        return TRUE;
    }
  return strcmp (path, "/") == 0 || touches (path, g_get_home_dir (), FALSE);
}

static gboolean
guard_files (const FunnelTarget *target, const FunnelTargetPermission *permission, GError **error)
{
  g_autofree char *real = resolve_path (target->path);
  struct stat st;

  if (real == NULL || stat (real, &st) != 0)
    return refuse (error, FUNNEL_ERROR_INVALID_ARGUMENT, N_ ("invalid path \"%s\": %s"),
                   target->path, g_strerror (errno));
  if (!S_ISDIR (st.st_mode) && !S_ISREG (st.st_mode))
    return refuse (error, FUNNEL_ERROR_INVALID_ARGUMENT,
                   S_ISSOCK (st.st_mode)
                       ? N_ ("invalid path \"%s\": it is neither a file nor a folder; for a unix "
                             "socket type unix:PATH")
                       : N_ ("invalid path \"%s\": it is neither a file nor a folder"),
                   target->path);
  if (access (real, S_ISDIR (st.st_mode) ? R_OK | X_OK : R_OK) != 0)
    return refuse (error, FUNNEL_ERROR_INVALID_ARGUMENT, N_ ("invalid path \"%s\": %s"),
                   target->path, g_strerror (errno));
  if (permission->force || !is_sensitive (real, permission->state_dir))
    return TRUE;
  return refuse (
      error, FUNNEL_ERROR_NOT_ALLOWED,
      N_ ("\"%s\" holds keys or settings of this machine; share a folder with nothing else "
          "in it, or add --force"),
      target->path);
}

gboolean
funnel_target_guard (const FunnelTarget *target,
                     const FunnelTargetPermission *permission,
                     GError **error)
{
  if (target->kind == FUNNEL_TARGET_FILES)
    return guard_files (target, permission, error);
  if (!funnel_target_connects (target))
    return TRUE;
  return target->host != NULL ? guard_host (target, permission, error)
                              : guard_socket (target, permission, error);
}
