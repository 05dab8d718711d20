/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/model/target.h"

#include "lib/base/error.h"
#include "lib/wire/address.h"

#include <arpa/inet.h>
#include <gio/gio.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

/* Sockets whose owner commands this machine; sharing one would hand the machine to visitors. */
static const char *const control_sockets[] = {
    "/run/dbus/system_bus_socket",     "/run/systemd/private",    "/run/docker.sock",
    "/run/containerd/containerd.sock", "/run/podman/podman.sock", "/run/libvirt/libvirt-sock",
};

static gboolean
refuse (GError **error, FunnelError code, const char *format, ...) G_GNUC_PRINTF (3, 4);

static gboolean
refuse (GError **error, FunnelError code, const char *format, ...)
{
  va_list args;
  g_autofree char *message = NULL;

  va_start (args, format);
  message = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error_literal (error, FUNNEL_ERROR, (gint)code, message);
  return FALSE;
}

static gboolean
parse_port (const char *text, guint16 *out, GError **error)
{
  guint64 port = 0;
  gsize len = strlen (text);

  /* Only digits: strtoull would also take signs and spaces. */
  if (len == 0 || len > 5 || strspn (text, "0123456789") != len)
    return refuse (error, FUNNEL_ERROR_INVALID_ARGUMENT, "invalid port \"%s\"", text);
  port = g_ascii_strtoull (text, NULL, 10);
  if (port == 0 || port > G_MAXUINT16)
    return refuse (error, FUNNEL_ERROR_INVALID_ARGUMENT,
                   "invalid port \"%s\"; ports are 1 to 65535", text);
  *out = (guint16)port;
  return TRUE;
}

static void
add_ip (FunnelTarget *target, const char *ip, guint16 port)
{
  struct address address;
  guint n = target->n_addresses;

  g_return_if_fail (n < FUNNEL_TARGET_ADDRESSES_MAX);
  g_return_if_fail (address_parse_ip (ip, strlen (ip), &address));
  address.port = port;
  target->lens[n] = address_to_sockaddr (&address, &target->addresses[n]);
  target->n_addresses = n + 1;
}

static gboolean
is_loopback (const struct address *address)
{
  struct in6_addr ip6;

  if (address->family == 4)
    return address->ip[0] == 127;
  memcpy (&ip6, address->ip, sizeof ip6);
  return IN6_IS_ADDR_LOOPBACK (&ip6);
}

/* Splits "host:port" or "[ip6]:port"; a missing port leaves *port_text NULL. */
static gboolean
split_host_port (const char *text, char **host, const char **port_text, GError **error)
{
  const char *end = NULL;

  if (text[0] == '[')
    {
      end = strchr (text, ']');
      if (end == NULL || (end[1] != '\0' && end[1] != ':'))
        return refuse (error, FUNNEL_ERROR_INVALID_ARGUMENT,
                       "invalid hostname or IP address \"%s\"", text);
      *host = g_strndup (text + 1, (gsize)(end - text - 1));
      *port_text = end[1] == ':' ? end + 2 : NULL;
      return TRUE;
    }
  end = strrchr (text, ':');
  if (end != strchr (text, ':'))
    return refuse (error, FUNNEL_ERROR_INVALID_ARGUMENT,
                   "invalid hostname or IP address \"%s\"; IPv6 needs brackets, as in [::1]:3000",
                   text);
  *host = end != NULL ? g_strndup (text, (gsize)(end - text)) : g_strdup (text);
  *port_text = end != NULL ? end + 1 : NULL;
  return TRUE;
}

static gboolean
resolve_host (FunnelTarget *target,
              const char *scheme,
              const char *host,
              guint16 port,
              GError **error)
{
  struct address address;
  char ip[ADDRESS_TEXT_MAX];

  if (g_ascii_strcasecmp (host, "localhost") == 0)
    {
      add_ip (target, "127.0.0.1", port);
      add_ip (target, "::1", port);
      target->text = g_strdup_printf ("%s://localhost:%u", scheme, port);
      return TRUE;
    }
  if (host[0] == '\0' || strpbrk (host, " \t@?#") != NULL)
    return refuse (error, FUNNEL_ERROR_INVALID_ARGUMENT, "invalid hostname or IP address \"%s\"",
                   host);
  if (!address_parse_ip (host, strlen (host), &address) || !is_loopback (&address))
    return refuse (error, FUNNEL_ERROR_UNSUPPORTED,
                   "targets on other machines are not supported yet, and \"%s\" is not this "
                   "machine; use localhost:%u",
                   host, port);
  address_print_ip (&address, ip);
  add_ip (target, ip, port);
  target->text = address.family == 6 ? g_strdup_printf ("%s://[%s]:%u", scheme, ip, port)
                                     : g_strdup_printf ("%s://%s:%u", scheme, ip, port);
  return TRUE;
}

static gboolean
parse_authority (FunnelTarget *target, const char *scheme, const char *text, GError **error)
{
  g_autofree char *host = NULL;
  const char *port_text = NULL;
  guint16 port = 80;

  if (!split_host_port (text, &host, &port_text, error))
    return FALSE;
  if (port_text == NULL && strcmp (scheme, "http") != 0)
    return refuse (error, FUNNEL_ERROR_INVALID_ARGUMENT, "port required for %s target",
                   host[0] != '\0' ? host : "this");
  if (port_text != NULL && !parse_port (port_text, &port, error))
    return FALSE;
  return resolve_host (target, scheme, host, port, error);
}

static gboolean
is_same_file (const struct stat *a, const char *path)
{
  struct stat b;

  return stat (path, &b) == 0 && a->st_dev == b.st_dev && a->st_ino == b.st_ino;
}

/* Compared by inode, so that links and other spellings of the path do not get around it. */
static gboolean
is_control_socket (const char *path)
{
  struct stat st;
  const char *bus = g_getenv ("DBUS_SESSION_BUS_ADDRESS");

  if (stat (path, &st) != 0)
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (control_sockets); i++)
    if (is_same_file (&st, control_sockets[i]))
      return TRUE;
  if (bus != NULL && g_str_has_prefix (bus, "unix:path="))
    {
      g_autofree char *bus_path = g_strdup (bus + strlen ("unix:path="));

      bus_path[strcspn (bus_path, ",;")] = '\0';
      return is_same_file (&st, bus_path);
    }
  return FALSE;
}

static gboolean
parse_unix (FunnelTarget *target, const char *path, GError **error)
{
  struct sockaddr_un *sun = (struct sockaddr_un *)&target->addresses[0];
  gsize len = strlen (path);

  if (!g_path_is_absolute (path))
    return refuse (error, FUNNEL_ERROR_INVALID_ARGUMENT,
                   "invalid path \"%s\"; a unix target is unix:/absolute/path", path);
  if (len >= sizeof sun->sun_path)
    return refuse (error, FUNNEL_ERROR_INVALID_ARGUMENT,
                   "invalid path; a unix socket's path has at most %zu bytes",
                   sizeof sun->sun_path - 1);
  if (is_control_socket (path))
    return refuse (error, FUNNEL_ERROR_NOT_ALLOWED,
                   "\"%s\" controls this machine and cannot be shared", path);
  sun->sun_family = AF_UNIX;
  memcpy (sun->sun_path, path, len + 1);
  target->lens[0] = (socklen_t)(G_STRUCT_OFFSET (struct sockaddr_un, sun_path) + len + 1);
  target->n_addresses = 1;
  target->text = g_strconcat ("unix:", path, NULL);
  return TRUE;
}

static gboolean
refuse_scheme (FunnelShareKind kind, const char *scheme, GError **error)
{
  if (kind == FUNNEL_SHARE_HTTPS && g_str_has_prefix (scheme, "https"))
    return refuse (error, FUNNEL_ERROR_UNSUPPORTED,
                   "%s:// targets are not supported yet; share a TLS server with --tcp, or use an "
                   "http:// target",
                   scheme);
  return refuse (error, FUNNEL_ERROR_INVALID_ARGUMENT,
                 "must be a URL starting with one of the supported schemes: [%s]",
                 kind == FUNNEL_SHARE_HTTPS ? "http unix" : "tcp unix");
}

static gboolean
parse_url (FunnelTarget *target,
           FunnelShareKind kind,
           const char *scheme,
           const char *rest,
           GError **error)
{
  const char *slash = strchr (rest, '/');
  g_autofree char *authority = NULL;
  const char *wanted = kind == FUNNEL_SHARE_HTTPS ? "http" : "tcp";

  if (strcmp (scheme, wanted) != 0)
    return refuse_scheme (kind, scheme, error);
  if (slash != NULL && slash[1] != '\0')
    return refuse (error, FUNNEL_ERROR_UNSUPPORTED,
                   "a path in a target is not supported yet: leave \"%s\" off", slash);
  authority = slash != NULL ? g_strndup (rest, (gsize)(slash - rest)) : g_strdup (rest);
  return parse_authority (target, scheme, authority, error);
}

static gboolean
parse_plain (FunnelTarget *target, FunnelShareKind kind, const char *text, GError **error)
{
  const char *scheme = kind == FUNNEL_SHARE_HTTPS ? "http" : "tcp";
  g_autofree char *host = NULL;
  const char *port_text = NULL;

  if (strspn (text, "0123456789") == strlen (text))
    {
      g_autofree char *local = g_strconcat ("localhost:", text, NULL);

      return parse_authority (target, scheme, local, error);
    }
  if (text[0] == '/')
    return refuse (error, FUNNEL_ERROR_UNSUPPORTED,
                   "files and folders are not supported as targets yet; for a unix socket type "
                   "unix:%s",
                   text);
  if (g_str_has_prefix (text, "text:"))
    return refuse (error, FUNNEL_ERROR_UNSUPPORTED, "text is not supported as a target yet");
  if (strchr (text, '/') != NULL)
    return refuse (error, FUNNEL_ERROR_INVALID_ARGUMENT,
                   "\"%s\" is not a target; type a port, or a URL such as http://localhost:3000",
                   text);
  if (!split_host_port (text, &host, &port_text, error))
    return FALSE;
  if (port_text == NULL)
    return refuse (error, FUNNEL_ERROR_INVALID_ARGUMENT, "port required for %s target", host);
  return parse_authority (target, scheme, text, error);
}

FunnelTarget *
funnel_target_parse (const char *text, FunnelShareKind kind, GError **error)
{
  g_autoptr (FunnelTarget) target = g_new0 (FunnelTarget, 1);
  g_autofree char *trimmed = g_strstrip (g_strdup (text != NULL ? text : ""));
  const char *separator = strstr (trimmed, "://");
  gboolean ok = FALSE;

  if (trimmed[0] == '\0')
    {
      refuse (error, FUNNEL_ERROR_INVALID_ARGUMENT,
              "empty target; type a port, such as 3000, or localhost:3000");
      return NULL;
    }
  if (!g_str_is_ascii (trimmed) && !g_utf8_validate (trimmed, -1, NULL))
    {
      refuse (error, FUNNEL_ERROR_INVALID_ARGUMENT, "the target is not text");
      return NULL;
    }
  if (g_str_has_prefix (trimmed, "unix:"))
    ok = parse_unix (target, trimmed + strlen ("unix:"), error);
  else if (separator != NULL)
    {
      g_autofree char *raw = g_strndup (trimmed, (gsize)(separator - trimmed));
      g_autofree char *scheme = g_ascii_strdown (raw, -1);

      ok = parse_url (target, kind, scheme, separator + 3, error);
    }
  else
    ok = parse_plain (target, kind, trimmed, error);
  return ok ? g_steal_pointer (&target) : NULL;
}

void
funnel_target_free (FunnelTarget *target)
{
  if (target == NULL)
    return;
  g_free (target->text);
  g_free (target);
}
