/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/local-api/local-answer.h"

#include "lib/base/host.h"
#include "lib/base/json-read.h"

#include <gnutls/crypto.h>
#include <string.h>

#define CERT_PREFIX "/localapi/v0/cert/"
#define STATUS_PATH "/localapi/v0/status"
#define TCP_PATH "/cert"
#define TAILSCALED_HOST "local-tailscaled.sock"
#define SECRET_MAX 256 /* bytes of a decoded Authorization value that are looked at */

/* --- Answers --- */

static void
answer_json (FunnelLocalAnswer *out, guint status, JsonObject *object)
{
  g_autofree char *text = funnel_json_print_object (object);

  out->status = status;
  out->content_type = "application/json";
  out->body = g_string_new (text);
  g_string_append_c (out->body, '\n');
}

void
funnel_local_answer_refuse (FunnelLocalAnswer *out, guint status, const char *problem)
{
  JsonObject *object = json_object_new ();

  json_object_set_string_member (object, "error", problem);
  answer_json (out, status, object);
}

static void
refuse (FunnelLocalAnswer *out, guint status, const char *format, ...) G_GNUC_PRINTF (3, 4);

static void
refuse (FunnelLocalAnswer *out, guint status, const char *format, ...)
{
  g_autofree char *problem = NULL;
  va_list args;

  va_start (args, format);
  problem = g_strdup_vprintf (format, args);
  va_end (args);
  funnel_local_answer_refuse (out, status, problem);
}

void
funnel_local_wipe (GString *text)
{
  if (text == NULL)
    return;
  explicit_bzero (text->str, text->allocated_len);
  g_string_free (text, TRUE);
}

void
funnel_local_answer_clear (FunnelLocalAnswer *answer)
{
  g_clear_pointer (&answer->body, funnel_local_wipe);
}

GString *
funnel_local_answer_print (const FunnelLocalAnswer *answer, gboolean keep_alive)
{
  gsize body_len = answer->body != NULL ? answer->body->len : 0;
  /* Large enough from the begin: growing would leave copies of a key behind. */
  GString *out = g_string_sized_new (512 + body_len);

  g_string_printf (out, "HTTP/1.1 %u %s\r\n", answer->status,
                   soup_status_get_phrase (answer->status));
  if (answer->content_type != NULL)
    g_string_append_printf (out, "Content-Type: %s\r\n", answer->content_type);
  if (answer->status != SOUP_STATUS_NO_CONTENT)
    g_string_append_printf (out, "Content-Length: %" G_GSIZE_FORMAT "\r\n", body_len);
  g_string_append_printf (out, "Cache-Control: no-store\r\n%s%s\r\n",
                          answer->extra != NULL ? answer->extra : "",
                          keep_alive ? "" : "Connection: close\r\n");
  if (body_len > 0)
    g_string_append_len (out, answer->body->str, (gssize)body_len);
  return out;
}

/* --- Certificates --- */

typedef enum
{
  PART_NONE,
  PART_CHAIN = 1 << 0,
  PART_KEY = 1 << 1,
} Parts;

static void
answer_pem (const FunnelLocalSource *source,
            gpointer owner,
            const char *name,
            Parts parts,
            FunnelLocalAnswer *out)
{
  const char *chain = NULL, *key = NULL;

  if (!source->get_pair (owner, name, &chain, &key))
    {
      refuse (out, SOUP_STATUS_SERVICE_UNAVAILABLE,
              "there is no certificate of %s yet; \"funnel cert --list\" says why", name);
      return;
    }
  out->status = SOUP_STATUS_OK;
  out->content_type = "text/plain";
  out->body = g_string_sized_new (strlen (chain) + strlen (key) + 1);
  /* The key first, and the chain right behind it: its readers cut where one block ends and the
   * next begins. */
  if (parts & PART_KEY)
    g_string_append (out->body, key);
  if (parts & PART_CHAIN)
    g_string_append (out->body, chain);
}

/* Which parts the query asks for; PART_NONE: it is wrong. */
static Parts
read_type (const char *query)
{
  static const struct
  {
    const char *type;
    Parts parts;
  } types[] = {{"pair", PART_CHAIN | PART_KEY},
               {"key", PART_KEY},
               {"crt", PART_CHAIN},
               {"cert", PART_CHAIN}};
  g_auto (GStrv) items = g_strsplit (query != NULL ? query : "", "&", 16);
  Parts parts = PART_CHAIN;
  guint given = 0;

  for (char **item = items; *item != NULL; item++)
    {
      if (!g_str_has_prefix (*item, "type="))
        continue;
      parts = PART_NONE;
      given++;
      for (gsize i = 0; i < G_N_ELEMENTS (types); i++)
        if (strcmp (*item + strlen ("type="), types[i].type) == 0)
          parts = types[i].parts;
    }
  return given <= 1 ? parts : PART_NONE;
}

static void
answer_cert (const FunnelLocalSource *source,
             gpointer owner,
             const FunnelLocalCaller *caller,
             const FunnelHttpRequest *request,
             FunnelLocalAnswer *out)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *name = funnel_host_normalize (request->path + strlen (CERT_PREFIX), &error);
  Parts parts = read_type (request->query);

  if (name == NULL)
    refuse (out, SOUP_STATUS_BAD_REQUEST, "this is no host name: %s", error->message);
  else if (parts == PART_NONE)
    refuse (out, SOUP_STATUS_BAD_REQUEST, "type must be pair, key, crt or cert, and given once");
  else if (!source->may_read (owner, caller->uid, name))
    /* The same whether or not there is such a name. */
    refuse (out, SOUP_STATUS_FORBIDDEN,
            "cert access denied: user %u may not have %s; allow it with: funnel cert %s "
            "--allow-user %u",
            (guint)caller->uid, name, name, (guint)caller->uid);
  else if (!source->knows (owner, name))
    refuse (out, SOUP_STATUS_NOT_FOUND,
            "this node has no certificate of %s; get one with: funnel cert %s", name, name);
  else
    answer_pem (source, owner, name, parts, out);
}

static void
answer_status (const FunnelLocalSource *source,
               gpointer owner,
               const FunnelLocalCaller *caller,
               FunnelLocalAnswer *out)
{
  g_auto (GStrv) names = source->list_names (owner);
  JsonObject *object = json_object_new ();
  JsonArray *domains = json_array_new ();

  for (char **name = names; *name != NULL; name++)
    if (source->may_read (owner, caller->uid, *name))
      json_array_add_string_element (domains, *name);
  json_object_set_string_member (object, "Version", "funnel-" FUNNEL_VERSION);
  json_object_set_string_member (object, "BackendState", "Running");
  json_object_set_array_member (object, "CertDomains", domains);
  answer_json (out, SOUP_STATUS_OK, object);
}

/* --- Who asks --- */

/* What a browser sends and no web server does: a page must not reach us through the browser of a
 * user who may. */
static gboolean
is_from_browser (const FunnelHttpRequest *request)
{
  static const char *const fields[] = {"Origin", "Referer", "Sec-Fetch-Site", "Sec-Fetch-Mode"};

  for (gsize i = 0; i < G_N_ELEMENTS (fields); i++)
    if (funnel_http_request_count_fields (request, fields[i]) > 0)
      return TRUE;
  return FALSE;
}

/* A name that somebody's DNS points at us is none of these. */
static gboolean
check_host (const FunnelHttpRequest *request, gboolean on_tcp)
{
  const char *host = funnel_http_request_get_field (request, "Host");
  g_autofree char *bare = NULL;
  const char *colon;

  if (host == NULL || *host == '\0')
    return !on_tcp;
  if (!on_tcp)
    return g_ascii_strcasecmp (host, TAILSCALED_HOST) == 0
           || g_ascii_strcasecmp (host, "localhost") == 0;
  colon = strrchr (host, ':');
  bare = g_strndup (host, colon != NULL ? (gsize)(colon - host) : strlen (host));
  return g_ascii_strcasecmp (bare, "localhost") == 0 || strcmp (bare, "127.0.0.1") == 0;
}

/* The password of "Basic USER:PASSWORD" (RFC 7617), whoever the user, in constant time. */
static gboolean
check_secret (const FunnelHttpRequest *request, const char *secret)
{
  const char *field = funnel_http_request_get_field (request, "Authorization");
  g_autofree char *decoded = NULL;
  char padded[SECRET_MAX] = {0};
  const char *colon;
  gsize len = 0;
  gboolean right;

  if (field == NULL || g_ascii_strncasecmp (field, "Basic ", 6) != 0)
    return FALSE;
  decoded = (char *)g_base64_decode (field + 6, &len);
  colon = memchr (decoded, ':', len);
  if (colon == NULL || strlen (secret) >= SECRET_MAX)
    return FALSE;
  len -= (gsize)(colon + 1 - decoded);
  memcpy (padded, colon + 1, MIN (len, sizeof padded));
  right = len == strlen (secret) && gnutls_memcmp (padded, secret, strlen (secret)) == 0;
  explicit_bzero (padded, sizeof padded);
  explicit_bzero (decoded, len + (gsize)(colon + 1 - decoded));
  return right;
}

/* --- The two faces --- */

static void
answer_unix (const FunnelLocalSource *source,
             gpointer owner,
             const FunnelLocalCaller *caller,
             const FunnelHttpRequest *request,
             FunnelLocalAnswer *out)
{
  if (strcmp (request->path, STATUS_PATH) == 0)
    answer_status (source, owner, caller, out);
  else if (g_str_has_prefix (request->path, CERT_PREFIX))
    answer_cert (source, owner, caller, request, out);
  else
    refuse (out, SOUP_STATUS_NOT_FOUND, "there is nothing at this path");
}

static void
answer_tcp (const FunnelLocalSource *source,
            gpointer owner,
            const FunnelLocalCaller *caller,
            const FunnelHttpRequest *request,
            FunnelLocalAnswer *out)
{
  g_autoptr (GHashTable) query = request->query != NULL ? soup_form_decode (request->query) : NULL;
  const char *asked = query != NULL ? g_hash_table_lookup (query, "server_name") : NULL;
  g_autofree char *name = asked != NULL ? funnel_host_normalize (asked, NULL) : NULL;

  if (!check_secret (request, caller->secret))
    {
      refuse (out, SOUP_STATUS_UNAUTHORIZED, "the secret is wrong or missing");
      out->extra = "WWW-Authenticate: Basic realm=\"funnel\"\r\n";
      out->wrong_secret = TRUE;
    }
  else if (strcmp (request->path, TCP_PATH) != 0)
    refuse (out, SOUP_STATUS_NOT_FOUND, "there is nothing at this path");
  else if (asked == NULL)
    refuse (out, SOUP_STATUS_BAD_REQUEST, "server_name is missing");
  else if (name == NULL || !source->knows (owner, name))
    out->status = SOUP_STATUS_NO_CONTENT; /* not ours: the server looks elsewhere */
  else
    answer_pem (source, owner, name, PART_CHAIN | PART_KEY, out);
}

void
funnel_local_answer (const FunnelLocalSource *source,
                     gpointer owner,
                     const FunnelLocalCaller *caller,
                     const FunnelHttpRequest *request,
                     FunnelLocalAnswer *out)
{
  *out = (FunnelLocalAnswer) {0};
  if (is_from_browser (request))
    refuse (out, SOUP_STATUS_FORBIDDEN, "requests of browsers are not answered");
  else if (!check_host (request, caller->on_tcp))
    refuse (out, SOUP_STATUS_FORBIDDEN, "this Host is not ours");
  else if (strcmp (request->method, "GET") != 0)
    {
      refuse (out, SOUP_STATUS_METHOD_NOT_ALLOWED, "only GET is answered");
      out->extra = "Allow: GET\r\n";
    }
  else if (caller->on_tcp)
    answer_tcp (source, owner, caller, request, out);
  else
    answer_unix (source, owner, caller, request, out);
}
