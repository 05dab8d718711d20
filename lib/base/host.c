/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/base/host.h"

#include "lib/base/error.h"
#include "lib/wire/host-name.h"

#include <glib/gi18n.h>
#include <string.h>

G_STATIC_ASSERT (FUNNEL_HOST_MAX == HOST_NAME_MAX);
G_STATIC_ASSERT (FUNNEL_LABEL_MAX == HOST_LABEL_MAX);

char *
funnel_host_normalize (const char *text, GError **error)
{
  char canonical[FUNNEL_HOST_MAX + 1];
  g_autofree char *ascii = g_str_is_ascii (text) || !g_utf8_validate (text, -1, NULL)
                               ? NULL
                               : g_hostname_to_ascii (text);
  const char *name = ascii ? ascii : text;
  enum host_name_result result = host_name_normalize (name, strlen (name), canonical);

  if (result != HOST_NAME_OK)
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                   N_ ("“%s” is not a host name: %s"), text, host_name_result_text (result));
      return NULL;
    }
  return g_strdup (canonical);
}

char *
funnel_label_normalize (const char *text, GError **error)
{
  g_autofree char *canonical = funnel_host_normalize (text, error);

  if (!canonical)
    return NULL;
  if (strchr (canonical, '.'))
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                   N_ ("“%s” must be one word without dots, for example “laptop”"), text);
      return NULL;
    }
  return g_steal_pointer (&canonical);
}

gboolean
funnel_host_is_within (const char *name, const char *zone)
{
  return host_name_is_within (name, zone);
}

gboolean
funnel_host_is_child (const char *name, const char *parent)
{
  const char *dot = strchr (name, '.');

  return dot != NULL && strcmp (dot + 1, parent) == 0;
}

gboolean
funnel_endpoint_split (const char *text, char **host, guint16 *port, GError **error)
{
  const char *colon = strrchr (text, ':');
  gsize len = colon ? (gsize)(colon - text) : 0;
  gboolean bracketed = len > 2 && text[0] == '[' && text[len - 1] == ']';
  g_autofree char *part = NULL, *canonical = NULL;
  guint64 number = 0;

  if (colon && g_ascii_string_to_unsigned (colon + 1, 10, 1, G_MAXUINT16, &number, NULL))
    part = bracketed ? g_strndup (text + 1, len - 2) : g_strndup (text, len);
  /* An IPv6 literal needs brackets and nothing else may have them. */
  if (part && bracketed == (strchr (part, ':') != NULL) && !strchr (part, '%'))
    canonical = g_hostname_is_ip_address (part) ? g_ascii_strdown (part, -1)
                                                : funnel_host_normalize (part, NULL);
  if (!canonical)
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                   N_ ("“%s” is not HOST:PORT; write for example vps.example.org:51820 or "
                       "[2001:db8::1]:51820"),
                   text);
      return FALSE;
    }
  g_free (*host);
  *host = g_steal_pointer (&canonical);
  *port = (guint16)number;
  return TRUE;
}

char *
funnel_endpoint_join (const char *host, guint16 port)
{
  return g_strdup_printf (strchr (host, ':') ? "[%s]:%u" : "%s:%u", host, port);
}
