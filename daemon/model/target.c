/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/model/target.h"

#include "lib/base/error.h"
#include "lib/base/host.h"
#include "lib/wire/address.h"

#include <gio/gio.h>
#include <glib/gi18n.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#define FIRST_REDIRECT 301
#define LAST_REDIRECT 308
#define DEFAULT_REDIRECT 302

/* The schemes of URLs; how "unix:", "text:", "redirect:" and paths are read is below. */
static const struct
{
  const char *name;
  FunnelTargetKind kind;
  guint16 default_port; /* 0: none */
} schemes[] = {
    {"http", FUNNEL_TARGET_HTTP, 80},
    {"https", FUNNEL_TARGET_HTTPS, 443},
    {"https+insecure", FUNNEL_TARGET_HTTPS_INSECURE, 443},
    {"h2c", FUNNEL_TARGET_H2C, 80},
    {"tcp", FUNNEL_TARGET_TCP, 0},
};

static gboolean refuse (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

static gboolean
refuse (GError **error, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_propagate_error (
      error, g_error_new_valist (FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT, format, args));
  va_end (args);
  return FALSE;
}

static gboolean
is_web (FunnelShareKind kind)
{
  return kind == FUNNEL_SHARE_HTTPS;
}

static gboolean
parse_port (const char *text, guint16 *out, GError **error)
{
  guint64 port = 0;
  gsize len = strlen (text);

  /* Only digits: strtoull would also take signs and spaces. */
  if (len == 0 || len > 5 || strspn (text, "0123456789") != len)
    return refuse (error, N_ ("invalid port \"%s\""), text);
  port = g_ascii_strtoull (text, NULL, 10);
  if (port == 0 || port > G_MAXUINT16)
    return refuse (error, N_ ("invalid port \"%s\"; ports are 1 to 65535"), text);
  *out = (guint16)port;
  return TRUE;
}

static void
add_ip (FunnelTarget *target, const char *ip)
{
  struct address address;
  guint n = target->n_addresses;

  g_return_if_fail (n < FUNNEL_TARGET_ADDRESSES_MAX);
  g_return_if_fail (address_parse_ip (ip, strlen (ip), &address));
  address.port = target->port;
  target->lens[n] = address_to_sockaddr (&address, &target->addresses[n]);
  target->n_addresses = n + 1;
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
        return refuse (error, N_ ("invalid hostname or IP address \"%s\""), text);
      *host = g_strndup (text + 1, (gsize)(end - text - 1));
      *port_text = end[1] == ':' ? end + 2 : NULL;
      return TRUE;
    }
  end = strrchr (text, ':');
  if (end != strchr (text, ':'))
    return refuse (
        error, N_ ("invalid hostname or IP address \"%s\"; IPv6 needs brackets, as in [::1]:3000"),
        text);
  *host = end != NULL ? g_strndup (text, (gsize)(end - text)) : g_strdup (text);
  *port_text = end != NULL ? end + 1 : NULL;
  return TRUE;
}

/* A name as it could stand in DNS, in /etc/hosts or in mDNS, a single label too. What a resolver
 * would take for an address in an old spelling ("127.1", "0x7f000001") is none. */
static gboolean
is_host_name (const char *host)
{
  const char *last = strrchr (host, '.');

  last = last != NULL ? last + 1 : host;
  return host[0] != '\0' && strlen (host) <= FUNNEL_HOST_MAX && g_ascii_isalnum (host[0])
         && strspn (host, "abcdefghijklmnopqrstuvwxyz0123456789._-") == strlen (host)
         && strstr (host, "..") == NULL && last[0] != '\0'
         && strspn (last, "0123456789") != strlen (last) && !g_str_has_prefix (last, "0x");
}

static gboolean
take_host (FunnelTarget *target, const char *typed, GError **error)
{
  g_autofree char *host = g_ascii_strdown (typed, -1);
  struct address address;
  char ip[ADDRESS_TEXT_MAX];

  if (address_parse_ip (host, strlen (host), &address))
    {
      address_print_ip (&address, ip);
      add_ip (target, ip);
      target->host = g_strdup (ip);
      return TRUE;
    }
  if (!is_host_name (host))
    return refuse (error, N_ ("invalid hostname or IP address \"%s\""), typed);
  if (strcmp (host, "localhost") == 0 || g_str_has_suffix (host, ".localhost"))
    {
      add_ip (target, "127.0.0.1");
      add_ip (target, "::1");
    }
  target->host = g_steal_pointer (&host);
  return TRUE;
}

static gboolean
take_authority (FunnelTarget *target, const char *text, guint16 default_port, GError **error)
{
  g_autofree char *host = NULL;
  const char *port_text = NULL;

  if (!split_host_port (text, &host, &port_text, error))
    return FALSE;
  if (port_text == NULL && default_port == 0)
    return refuse (error, N_ ("port required for %s target"), host[0] != '\0' ? host : "this");
  target->port = default_port;
  if (port_text != NULL && !parse_port (port_text, &target->port, error))
    return FALSE;
  if (!take_host (target, host, error))
    return FALSE;
  target->authority = funnel_endpoint_join (target->host, target->port);
  return TRUE;
}

/* Whether @text can stand in a request line or a header field as it is. */
static gboolean
is_plain_ascii (const char *text, const char *forbidden)
{
  for (const char *at = text; *at != '\0'; at++)
    if (!g_ascii_isgraph (*at) || strchr (forbidden, *at) != NULL)
      return FALSE;
  return TRUE;
}

static gboolean
take_base_path (FunnelTarget *target, const char *path, GError **error)
{
  gsize len = strlen (path);

  if (target->kind == FUNNEL_TARGET_TCP)
    return len <= 1 || refuse (error, N_ ("a tcp:// target has no path; leave \"%s\" off"), path);
  if (!is_plain_ascii (path, "?#\\\""))
    return refuse (error, N_ ("invalid path \"%s\" in the target; no spaces, no ? and no #"), path);
  while (len > 0 && path[len - 1] == '/')
    len--;
  target->base_path = g_strndup (path, len);
  return TRUE;
}

static const char *
scheme_name (FunnelTargetKind kind)
{
  for (guint i = 0; i < G_N_ELEMENTS (schemes); i++)
    if (schemes[i].kind == kind)
      return schemes[i].name;
  return "";
}

/* @rest: "host:port/path" */
static gboolean
parse_location (FunnelTarget *target, const char *rest, guint16 default_port, GError **error)
{
  gsize len = strcspn (rest, "/");
  g_autofree char *authority = g_strndup (rest, len);

  if (!take_authority (target, authority, default_port, error)
      || !take_base_path (target, rest + len, error))
    return FALSE;
  target->text
      = g_strconcat (scheme_name (target->kind), "://", target->authority, target->base_path, NULL);
  return TRUE;
}

static gboolean
refuse_scheme (FunnelShareKind kind, GError **error)
{
  return refuse (error, N_ ("must be a URL starting with one of the supported schemes: [%s]"),
                 is_web (kind) ? "http https https+insecure h2c unix text redirect" : "tcp unix");
}

static gboolean
parse_url (FunnelTarget *target,
           FunnelShareKind kind,
           const char *scheme,
           const char *rest,
           GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (schemes); i++)
    {
      if (g_ascii_strcasecmp (schemes[i].name, scheme) != 0)
        continue;
      if ((schemes[i].kind == FUNNEL_TARGET_TCP) == is_web (kind))
        break;
      target->kind = schemes[i].kind;
      return parse_location (target, rest, schemes[i].default_port, error);
    }
  return refuse_scheme (kind, error);
}

static gboolean
parse_unix (FunnelTarget *target, FunnelShareKind kind, const char *path, GError **error)
{
  struct sockaddr_un *sun = (struct sockaddr_un *)&target->addresses[0];
  gsize len = strlen (path);

  if (!g_path_is_absolute (path))
    return refuse (error, N_ ("invalid path \"%s\"; a unix target is unix:/absolute/path"), path);
  if (len >= sizeof sun->sun_path)
    return refuse (error, N_ ("invalid path; a unix socket's path has at most %zu bytes"),
                   sizeof sun->sun_path - 1);
  sun->sun_family = AF_UNIX;
  memcpy (sun->sun_path, path, len + 1);
  target->lens[0] = (socklen_t)(G_STRUCT_OFFSET (struct sockaddr_un, sun_path) + len + 1);
  target->n_addresses = 1;
  target->kind = is_web (kind) ? FUNNEL_TARGET_HTTP : FUNNEL_TARGET_TCP;
  target->path = g_strdup (path);
  target->authority = g_strdup ("localhost");
  target->base_path = is_web (kind) ? g_strdup ("") : NULL;
  target->text = g_strconcat ("unix:", path, NULL);
  return TRUE;
}

static gboolean
parse_files (FunnelTarget *target, const char *path, GError **error)
{
  target->kind = FUNNEL_TARGET_FILES;
  target->path = g_canonicalize_filename (path, "/");
  /* It would be read back without it, as another path. */
  if (g_ascii_isspace (target->path[strlen (target->path) - 1]))
    return refuse (error, N_ ("a path that ends in a space cannot be shared; rename it"));
  target->text = g_strdup (target->path);
  return TRUE;
}

static gboolean
parse_text (FunnelTarget *target, const char *content, GError **error)
{
  if (content[0] == '\0')
    return refuse (error, N_ ("unable to serve; text cannot be an empty string"));
  target->kind = FUNNEL_TARGET_TEXT;
  target->content = g_strdup (content);
  target->text = g_strconcat ("text:", content, NULL);
  return TRUE;
}

static gboolean
parse_redirect (FunnelTarget *target, const char *rest, GError **error)
{
  const char *colon = strchr (rest, ':');

  target->kind = FUNNEL_TARGET_REDIRECT;
  target->status = DEFAULT_REDIRECT;
  if (colon == rest + 3 && strspn (rest, "0123456789") == 3)
    {
      target->status = (guint)g_ascii_strtoull (rest, NULL, 10);
      rest = colon + 1;
    }
  if (target->status < FIRST_REDIRECT || target->status > LAST_REDIRECT
      || (target->status > 303 && target->status < 307))
    return refuse (error, N_ ("invalid redirect status %u; use 301, 302, 303, 307 or 308"),
                   target->status);
  if ((!g_str_has_prefix (rest, "https://") && !g_str_has_prefix (rest, "http://")
       && rest[0] != '/')
      || !is_plain_ascii (rest, "\"<>\\"))
    return refuse (error,
                   N_ ("invalid redirect \"%s\"; type redirect:https://example.org/ or "
                       "redirect:308:https://${HOST}${REQUEST_URI}"),
                   rest);
  target->location = g_strdup (rest);
  target->text = target->status == DEFAULT_REDIRECT
                     ? g_strconcat ("redirect:", rest, NULL)
                     : g_strdup_printf ("redirect:%u:%s", target->status, rest);
  return TRUE;
}

/* "3000", "3000/path", "localhost:3000/path" */
static gboolean
parse_plain (FunnelTarget *target, FunnelShareKind kind, const char *text, GError **error)
{
  gsize digits = strspn (text, "0123456789");
  g_autofree char *local = NULL;

  target->kind = is_web (kind) ? FUNNEL_TARGET_HTTP : FUNNEL_TARGET_TCP;
  if (digits > 0 && (text[digits] == '\0' || text[digits] == '/'))
    text = local = g_strconcat ("localhost:", text, NULL);
  else if (text[strcspn (text, ":/")] == '/')
    return refuse (
        error,
        N_ ("\"%s\" is not a target; type a port, a URL such as http://localhost:3000, or "
            "the absolute path of a file or folder"),
        text);
  return parse_location (target, text, 0, error);
}

static gboolean
parse_web_only (FunnelTarget *target, FunnelShareKind kind, const char *text, GError **error)
{
  if (!is_web (kind))
    return refuse (
        error, N_ ("\"%s\" is served over HTTP; leave --tcp and --tls-terminated-tcp off"), text);
  if (text[0] == '/')
    return parse_files (target, text, error);
  if (g_str_has_prefix (text, "text:"))
    return parse_text (target, text + strlen ("text:"), error);
  return parse_redirect (target, text + strlen ("redirect:"), error);
}

static gboolean
parse_any (FunnelTarget *target, FunnelShareKind kind, const char *text, GError **error)
{
  const char *separator = strstr (text, "://");
  g_autofree char *scheme = NULL;

  if (text[0] == '/' || g_str_has_prefix (text, "text:") || g_str_has_prefix (text, "redirect:"))
    return parse_web_only (target, kind, text, error);
  if (g_str_has_prefix (text, "unix:"))
    return parse_unix (target, kind, text + strlen ("unix:"), error);
  if (separator == NULL)
    return parse_plain (target, kind, text, error);
  scheme = g_strndup (text, (gsize)(separator - text));
  return parse_url (target, kind, scheme, separator + 3, error);
}

FunnelTarget *
funnel_target_parse (const char *text, FunnelShareKind kind, GError **error)
{
  g_autoptr (FunnelTarget) target = g_new0 (FunnelTarget, 1);
  g_autofree char *trimmed = g_strdup (text != NULL ? text : "");
  gboolean ok = FALSE;

  /* A text is served as it is. */
  g_strchug (trimmed);
  if (!g_str_has_prefix (trimmed, "text:"))
    g_strchomp (trimmed);
  if (trimmed[0] == '\0')
    refuse (error, N_ ("empty target; type a port, such as 3000, or localhost:3000"));
  else if (!g_utf8_validate (trimmed, -1, NULL))
    refuse (error, N_ ("the target is not text"));
  else if (strlen (trimmed) > FUNNEL_TARGET_TEXT_MAX)
    refuse (error, N_ ("the target is longer than %d bytes"), FUNNEL_TARGET_TEXT_MAX);
  else
    ok = parse_any (target, kind, trimmed, error);
  return ok ? g_steal_pointer (&target) : NULL;
}

void
funnel_target_free (FunnelTarget *target)
{
  if (target == NULL)
    return;
  g_free (target->text);
  g_free (target->host);
  g_free (target->authority);
  g_free (target->base_path);
  g_free (target->path);
  g_free (target->content);
  g_free (target->location);
  g_free (target);
}

gboolean
funnel_target_connects (const FunnelTarget *target)
{
  return target->kind < FUNNEL_TARGET_FILES;
}

gboolean
funnel_target_is_http (const FunnelTarget *target)
{
  return funnel_target_connects (target) && target->kind != FUNNEL_TARGET_TCP;
}

const char *
funnel_target_kind_text (FunnelTargetKind kind)
{
  switch (kind)
    {
    case FUNNEL_TARGET_TCP:
      return "forward";
    case FUNNEL_TARGET_FILES:
      return "files";
    case FUNNEL_TARGET_TEXT:
      return "text";
    case FUNNEL_TARGET_REDIRECT:
      return "redirect";
    default:
      return "proxy";
    }
}
