/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/dns/dns-update.h"

#include "lib/base/error.h"
#include "lib/wire/host-name.h"

#include <string.h>
#include <sys/stat.h>

#define KEY_FILE_MAX 4096

static const char *const algorithms[] = {
    "hmac-sha256", "hmac-sha512", "hmac-sha384", "hmac-sha224", "hmac-sha1", "hmac-md5", NULL,
};

void
funnel_dns_key_free (FunnelDnsKey *key)
{
  if (!key)
    return;
  if (key->secret)
    explicit_bzero (key->secret, strlen (key->secret));
  g_free (key->name);
  g_free (key->algorithm);
  g_free (key->secret);
  g_free (key);
}

static FunnelDnsKey *
refuse (const char *what, GError **error)
{
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
               "this is not a TSIG key: %s; write NAME:hmac-sha256:BASE64, or a key block as "
               "tsig-keygen prints it",
               what);
  return NULL;
}

/* The first group of @pattern in @text; NULL when it does not match. */
static char *
match (const char *pattern, const char *text)
{
  g_autoptr (GRegex) regex = g_regex_new (pattern, G_REGEX_CASELESS, 0, NULL);
  g_autoptr (GMatchInfo) info = NULL;

  return g_regex_match (regex, text, 0, &info) ? g_match_info_fetch (info, 1) : NULL;
}

static gboolean
is_name (const char *text)
{
  char canonical[HOST_NAME_MAX + 1];

  return host_name_normalize (text, strlen (text), canonical) == HOST_NAME_OK;
}

static FunnelDnsKey *
check (FunnelDnsKey *taken, GError **error)
{
  g_autoptr (FunnelDnsKey) key = taken;
  g_autofree guchar *raw = NULL;
  gsize len = 0;

  if (!key->name || !is_name (key->name))
    return refuse ("its name is missing or malformed", error);
  if (!key->algorithm || !g_strv_contains (algorithms, key->algorithm))
    return refuse ("its algorithm is not one of hmac-sha256, hmac-sha512, …", error);
  raw = key->secret ? g_base64_decode (key->secret, &len) : NULL;
  if (raw)
    explicit_bzero (raw, len);
  if (len < 8)
    return refuse ("its secret is missing or too short", error);
  return g_steal_pointer (&key);
}

FunnelDnsKey *
funnel_dns_key_parse (const char *text, GError **error)
{
  FunnelDnsKey *key = g_new0 (FunnelDnsKey, 1);
  g_auto (GStrv) words = NULL;

  if (strchr (text, '{'))
    {
      key->name = match ("\\bkey\\s+\"?([^\"\\s{]+)", text);
      key->algorithm = match ("\\balgorithm\\s+\"?([a-z0-9-]+)", text);
      key->secret = match ("\\bsecret\\s+\"?([a-z0-9+/=]+)", text);
    }
  else
    {
      g_autofree char *line = g_strstrip (g_strdup (text));

      words = g_strsplit (line, ":", 4);
      /* knot writes the algorithm first, dig the name or the algorithm. */
      if (g_strv_length (words) == 3)
        {
          gboolean first = g_strv_contains (algorithms, words[0]);

          key->name = g_strdup (words[first ? 1 : 0]);
          key->algorithm = g_ascii_strdown (words[first ? 0 : 1], -1);
          key->secret = g_strdup (words[2]);
          explicit_bzero (words[2], strlen (words[2]));
        }
      explicit_bzero (line, strlen (line));
    }
  return check (key, error);
}

FunnelDnsKey *
funnel_dns_key_load (const char *path, GError **error)
{
  g_autofree char *text = NULL;
  FunnelDnsKey *key;
  struct stat info;
  gsize len = 0;

  if (!g_file_get_contents (path, &text, &len, error))
    return NULL;
  if (stat (path, &info) < 0 || (info.st_mode & (S_IRWXO | S_IWGRP)) != 0)
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                   "%s can be read by others; type chmod 640 %s", path, path);
      explicit_bzero (text, len);
      return NULL;
    }
  key = len <= KEY_FILE_MAX ? funnel_dns_key_parse (text, error) : refuse ("too long", error);
  explicit_bzero (text, len);
  if (!key)
    g_prefix_error (error, "%s: ", path);
  return key;
}
