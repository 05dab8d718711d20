/* SPDX-License-Identifier: GPL-3.0-or-later */

/* A location is the target's own when it names no host, the target's, or the one the target was
 * asked under. Of those the host is left out, so that scheme, name and port stay the visitor's; and
 * a path that begins as what the mount asks for does, gets the mount's path instead. Where the
 * mount asks for "/" nothing tells the target's paths from the visitor's, but that a path below the
 * mount is the visitor's already: the target was told where it is. */

#include "daemon/serve/http/target-answer.h"

#include "daemon/serve/http/http1-head.h"

#include <string.h>

static struct http_text
text_of (const char *string)
{
  return (struct http_text) {string, string != NULL ? (uint32_t)strlen (string) : 0};
}

static struct http_text
text_after (struct http_text text, uint32_t len)
{
  return (struct http_text) {text.data + len, text.len - len};
}

static bool
has_prefix (struct http_text text, struct http_text prefix)
{
  return text.len >= prefix.len
         && http_text_is ((struct http_text) {text.data, prefix.len}, prefix);
}

/* Whether @path is @folder or below it; @folder has no slash at its end. */
static bool
is_below (struct http_text path, struct http_text folder)
{
  return path.len >= folder.len && memcmp (path.data, folder.data, folder.len) == 0
         && (path.len == folder.len || strchr ("/?#", path.data[folder.len]) != NULL);
}

/* "https://HOST/…" to "HOST" and "/…". False: no URI with a host. */
static bool
split (struct http_text location, struct http_text *host, struct http_text *path)
{
  uint32_t n = 0;

  if (has_prefix (location, HTTP_TEXT ("http:")))
    location = text_after (location, 5);
  else if (has_prefix (location, HTTP_TEXT ("https:")))
    location = text_after (location, 6);
  if (!has_prefix (location, HTTP_TEXT ("//")))
    return false;
  location = text_after (location, 2);
  while (n < location.len && strchr ("/?#", location.data[n]) == NULL)
    n++;
  *host = (struct http_text) {location.data, n};
  *path = text_after (location, n);
  return true;
}

static bool
is_own_host (const FunnelServeMount *mount, struct http_text visitor, struct http_text host)
{
  return http_text_is (host, visitor)
         || (mount->authority != NULL && http_text_is (host, text_of (mount->authority)))
         || (mount->host == FUNNEL_SERVE_HOST_NAME && mount->host_name != NULL
             && http_text_is (host, text_of (mount->host_name)));
}

/* The mount's path as it stands in a URI; "" for the root. */
static char *
encode_mount (const FunnelServeMount *mount)
{
  if (strcmp (mount->path, "/") == 0)
    return g_strdup ("");
  return g_uri_escape_string (mount->path, "/!$&'()*+,;=:@", FALSE);
}

size_t
target_answer_location (const FunnelServeMount *mount,
                        struct http_text visitor,
                        struct http_text location,
                        char *out,
                        size_t room)
{
  g_autofree char *public = encode_mount (mount);
  g_autofree char *asked
      = g_strconcat (mount->base_path != NULL ? mount->base_path : "",
                     mount->keep_prefix ? public : "", NULL); /* what requests begin with */
  struct http_text host, path = location, front = HTTP_TEXT ("");
  bool has_host = split (location, &host, &path);
  bool is_root = has_host && (path.len == 0 || path.data[0] != '/');

  if (has_host ? !is_own_host (mount, visitor, host) : path.len == 0 || path.data[0] != '/')
    return 0;
  if (is_root && asked[0] == '\0')
    front = public[0] != '\0' ? text_of (public) : HTTP_TEXT ("/");
  else if (is_root)
    front = HTTP_TEXT ("/");
  else if (is_below (path, text_of (asked))
           && (asked[0] != '\0' || !is_below (path, text_of (public))))
    {
      front = text_of (public);
      path = text_after (path, (uint32_t)strlen (asked));
    }
  /* A path that begins with "//" would be a host; one that is empty, the page itself. */
  if (front.len == 0 && (path.len == 0 || path.data[0] != '/'))
    front = HTTP_TEXT ("/");
  if (front.len == 0 && path.len > 1 && path.data[1] == '/')
    front = HTTP_TEXT ("/.");
  if (front.len + path.len > room
      || (!has_host && front.len + path.len == location.len
          && memcmp (location.data, front.data, front.len) == 0))
    return 0;
  memcpy (out, front.data, front.len);
  if (path.len > 0)
    memcpy (out + front.len, path.data, path.len);
  return front.len + path.len;
}

static void
translate_location (struct http_exchange *x, struct http_field *field)
{
  struct http_text visitor
      = x->request.authority.len > 0 ? x->request.authority : text_of (x->share->share->name);
  char text[HTTP1_TARGET_MAX];
  size_t len
      = target_answer_location (x->mount, visitor, http_field_value (field), text, sizeof text);
  char *kept = len > 0 ? http_exchange_alloc (x, len) : NULL;

  if (kept == NULL)
    return;
  memcpy (kept, text, len);
  field->value = kept;
  field->value_len = (uint16_t)len;
}

void
target_answer_translate (struct http_exchange *x, struct http_fields *fields)
{
  uint32_t kept = 0;

  for (uint32_t i = 0; i < fields->count; i++)
    {
      if (fields->items[i].known == HTTP_NAME_LOCATION)
        translate_location (x, &fields->items[i]);
      if (fields->items[i].known != HTTP_NAME_ALT_SVC)
        fields->items[kept++] = fields->items[i];
    }
  fields->count = kept;
}
