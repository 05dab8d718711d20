/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/join-link.h"

#include <string.h>

static const char *
skip_prefix (const char *text, const char *prefix)
{
  gsize len = strlen (prefix);

  return g_ascii_strncasecmp (text, prefix, len) == 0 ? text + len : NULL;
}

/* Where the token begins in a link; @text itself when it is none. */
static const char *
find_token (const char *text)
{
  static const char *const begins[] = {
      "funnel://join?token=", "funnel:join?token=", "funnel://join/", "funnel:join/", "funnel://"};

  for (gsize i = 0; i < G_N_ELEMENTS (begins); i++)
    {
      const char *rest = skip_prefix (text, begins[i]);

      if (rest)
        return rest;
    }
  return text;
}

FunnelToken *
funnel_join_link_read (const char *link, char **text, GError **error)
{
  const char *begin = link;
  char *token_text = NULL;
  FunnelToken *token = NULL;

  while (g_ascii_isspace (*begin))
    begin++;
  begin = find_token (begin);
  token = funnel_token_parse (begin, error);
  if (!token)
    return NULL;
  token_text = funnel_token_print (token);
  if (text)
    *text = token_text;
  else
    funnel_secret_free (token_text);
  return token;
}
