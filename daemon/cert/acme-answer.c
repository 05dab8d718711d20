/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/cert/acme-answer.h"

#include "daemon/cert/acme-jws.h"
#include "lib/base/host.h"
#include "lib/base/json-read.h"

#include <libsoup/soup.h>
#include <string.h>

#define PROBLEM_PREFIX "urn:ietf:params:acme:error:"
#define CHALLENGE_TYPE "tls-alpn-01"
#define TIME_MAX 64  /* bytes of a date */
#define TYPE_MAX 128 /* bytes of a problem type or a challenge type */
#define RETRY_MAX_S (366 * 24 * 3600)
#define WINDOW_MAX_S ((gint64)100 * 366 * 24 * 3600)

static const char *const status_texts[] = {
    "pending", "ready", "processing", "valid", "invalid", "deactivated", "expired", "revoked",
};

G_STATIC_ASSERT (G_N_ELEMENTS (status_texts) == FUNNEL_ACME_STATUS_REVOKED + 1);

/* How the CA's problem types (RFC 8555 section 6.7, RFC 9773, profiles) look to our callers. */
static const struct
{
  const char *type;
  FunnelAcmeError code;
} problem_codes[] = {
    {"rateLimited", FUNNEL_ACME_ERROR_RATE_LIMITED},
    {"badNonce", FUNNEL_ACME_ERROR_PROTOCOL}, /* again and again */
    {"serverInternal", FUNNEL_ACME_ERROR_SERVER},
    {"rejectedIdentifier", FUNNEL_ACME_ERROR_NAME_REFUSED},
    {"unsupportedIdentifier", FUNNEL_ACME_ERROR_NAME_REFUSED},
    {"caa", FUNNEL_ACME_ERROR_NAME_REFUSED},
    {"accountDoesNotExist", FUNNEL_ACME_ERROR_ACCOUNT},
    {"externalAccountRequired", FUNNEL_ACME_ERROR_ACCOUNT},
    {"userActionRequired", FUNNEL_ACME_ERROR_ACCOUNT},
    {"invalidContact", FUNNEL_ACME_ERROR_ACCOUNT},
    {"unsupportedContact", FUNNEL_ACME_ERROR_ACCOUNT},
    {"invalidProfile", FUNNEL_ACME_ERROR_PROFILE},
    {"connection", FUNNEL_ACME_ERROR_VALIDATION},
    {"dns", FUNNEL_ACME_ERROR_VALIDATION},
    {"incorrectResponse", FUNNEL_ACME_ERROR_VALIDATION},
    {"tls", FUNNEL_ACME_ERROR_VALIDATION},
    {"orderNotReady", FUNNEL_ACME_ERROR_ORDER_INVALID},
};

const char *
funnel_acme_status_text (FunnelAcmeStatus status)
{
  return (guint)status < G_N_ELEMENTS (status_texts) ? status_texts[status] : "unknown";
}

gboolean
funnel_acme_url_is_sound (const char *url)
{
  g_autoptr (GUri) uri = NULL;

  if (strlen (url) > FUNNEL_ACME_URL_MAX || !g_str_is_ascii (url))
    return FALSE;
  for (const char *p = url; *p != '\0'; p++)
    if (!g_ascii_isgraph (*p) || strchr ("\"<>\\^`{|}", *p) != NULL)
      return FALSE;
  uri = g_uri_parse (url, SOUP_HTTP_URI_FLAGS, NULL);
  return uri != NULL && strcmp (g_uri_get_scheme (uri), "https") == 0
         && g_uri_get_host (uri) != NULL && *g_uri_get_host (uri) != '\0'
         && g_uri_get_userinfo (uri) == NULL && g_uri_get_fragment (uri) == NULL;
}

static void
refuse (GError **error, const char *member, const char *what)
{
  g_set_error (error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_PROTOCOL, "%s: %s", member, what);
}

/* The reading of lib/base has errors of its own domain. */
static void
take_error (GError **error, GError *cause)
{
  g_set_error_literal (error, FUNNEL_ACME_ERROR, FUNNEL_ACME_ERROR_PROTOCOL, cause->message);
  g_error_free (cause);
}

static JsonObject *
parse (const char *text, gsize len, GError **error)
{
  GError *cause = NULL;
  JsonObject *object = funnel_json_parse_object (text, len, &cause);

  if (object == NULL)
    take_error (error, cause);
  return object;
}

static char *
read_text (JsonObject *object, const char *member, gsize max, GError **error)
{
  GError *cause = NULL;
  char *text = g_strdup (funnel_json_get_string (object, member, max, &cause));

  if (text == NULL)
    take_error (error, cause);
  return text;
}

static char *
read_url (JsonObject *object, const char *member, GError **error)
{
  char *url = read_text (object, member, FUNNEL_ACME_URL_MAX, error);

  if (url == NULL || funnel_acme_url_is_sound (url))
    return url;
  refuse (error, member, "is not an https URL");
  g_free (url);
  return NULL;
}

/* FALSE only if there is one, and it is unsound. */
static gboolean
read_optional_url (JsonObject *object, const char *member, char **out, GError **error)
{
  if (!funnel_json_has (object, member))
    return TRUE;
  *out = read_url (object, member, error);
  return *out != NULL;
}

static gboolean
read_status (JsonObject *object, FunnelAcmeStatus *status, GError **error)
{
  g_autofree char *text = read_text (object, "status", TYPE_MAX, error);

  if (text == NULL)
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (status_texts); i++)
    if (strcmp (text, status_texts[i]) == 0)
      {
        *status = (FunnelAcmeStatus)i;
        return TRUE;
      }
  refuse (error, "status", "is none that RFC 8555 knows");
  return FALSE;
}

/* A member that is an object; NULL if it is absent or something else. */
static JsonObject *
find_object (JsonObject *object, const char *member)
{
  JsonNode *node = json_object_get_member (object, member);

  return node != NULL && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

static JsonArray *
find_array (JsonObject *object, const char *member)
{
  JsonNode *node = json_object_get_member (object, member);

  return node != NULL && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
}

/* Any text, made fit for people; "" if it is absent or something else. */
static char *
read_words (JsonObject *object, const char *member)
{
  JsonNode *node = json_object_get_member (object, member);
  gboolean is_text = node != NULL && JSON_NODE_HOLDS_VALUE (node)
                     && json_node_get_value_type (node) == G_TYPE_STRING;
  char *words
      = funnel_text_one_line (is_text ? json_node_get_string (node) : "", FUNNEL_ACME_TEXT_MAX);

  return g_strstrip (words);
}

void
funnel_acme_directory_free (FunnelAcmeDirectory *self)
{
  g_free (self->new_nonce);
  g_free (self->new_account);
  g_free (self->new_order);
  g_free (self->revoke_cert);
  g_free (self->renewal_info);
  g_strfreev (self->profiles);
  g_free (self);
}

static GStrv
read_profiles (JsonObject *meta)
{
  JsonObject *profiles = find_object (meta, "profiles");
  g_autoptr (GList) names = profiles != NULL ? json_object_get_members (profiles) : NULL;
  g_autoptr (GStrvBuilder) list = g_strv_builder_new ();
  guint n = 0;

  if (profiles == NULL)
    return NULL;
  for (GList *link = names; link != NULL && n < FUNNEL_ACME_LISTED_MAX; link = link->next, n++)
    {
      g_autofree char *name = funnel_text_one_line (link->data, TYPE_MAX);

      g_strv_builder_add (list, name);
    }
  return g_strv_builder_end (list);
}

FunnelAcmeDirectory *
funnel_acme_directory_parse (const char *text, gsize len, GError **error)
{
  g_autoptr (JsonObject) object = parse (text, len, error);
  g_autoptr (FunnelAcmeDirectory) self = g_new0 (FunnelAcmeDirectory, 1);
  JsonObject *meta;
  g_autoptr (GError) cause = NULL;

  if (object == NULL)
    return NULL;
  self->new_nonce = read_url (object, "newNonce", error);
  if (self->new_nonce == NULL)
    return NULL;
  self->new_account = read_url (object, "newAccount", error);
  if (self->new_account == NULL)
    return NULL;
  self->new_order = read_url (object, "newOrder", error);
  if (self->new_order == NULL
      || !read_optional_url (object, "revokeCert", &self->revoke_cert, error)
      || !read_optional_url (object, "renewalInfo", &self->renewal_info, error))
    return NULL;
  meta = find_object (object, "meta");
  if (meta == NULL)
    return g_steal_pointer (&self);
  self->profiles = read_profiles (meta);
  if (funnel_json_get_bool (meta, "externalAccountRequired", FALSE, &self->binding_required,
                            &cause))
    return g_steal_pointer (&self);
  take_error (error, g_steal_pointer (&cause));
  return NULL;
}

void
funnel_acme_problem_free (FunnelAcmeProblem *self)
{
  g_free (self->type);
  g_free (self->detail);
  g_free (self);
}

static char *
read_problem_type (JsonObject *object)
{
  g_autofree char *type = read_words (object, "type");
  const char *own = g_str_has_prefix (type, PROBLEM_PREFIX) ? type + strlen (PROBLEM_PREFIX) : type;

  return funnel_text_one_line (own, TYPE_MAX);
}

/* The first subproblem often says what the problem itself only announces. */
static char *
read_problem_detail (JsonObject *object)
{
  g_autofree char *detail = read_words (object, "detail");
  g_autofree char *title = read_words (object, "title");
  JsonArray *list = find_array (object, "subproblems");
  JsonNode *first
      = list != NULL && json_array_get_length (list) > 0 ? json_array_get_element (list, 0) : NULL;
  g_autofree char *sub = NULL, *joined = NULL;

  if (first != NULL && JSON_NODE_HOLDS_OBJECT (first))
    sub = read_words (json_node_get_object (first), "detail");
  if (*detail == '\0')
    return g_strdup (*title != '\0' ? title : "no reason given");
  if (sub == NULL || *sub == '\0' || strstr (detail, sub) != NULL)
    return g_steal_pointer (&detail);
  joined = g_strconcat (detail, " (", sub, ")", NULL);
  return funnel_text_one_line (joined, FUNNEL_ACME_TEXT_MAX);
}

static FunnelAcmeProblem *
read_problem (JsonObject *object)
{
  FunnelAcmeProblem *self;

  if (object == NULL)
    return NULL;
  self = g_new0 (FunnelAcmeProblem, 1);
  self->type = read_problem_type (object);
  self->detail = read_problem_detail (object);
  return self;
}

FunnelAcmeProblem *
funnel_acme_problem_parse (const char *text, gsize len)
{
  g_autoptr (JsonObject) object = funnel_json_parse_object (text, len, NULL);

  if (object == NULL || (!funnel_json_has (object, "type") && !funnel_json_has (object, "detail")))
    return NULL;
  return read_problem (object);
}

GError *
funnel_acme_problem_to_error (const FunnelAcmeProblem *problem,
                              FunnelAcmeError fallback,
                              gint64 retry_at,
                              const char *who)
{
  FunnelAcmeError code = fallback;

  for (guint i = 0; i < G_N_ELEMENTS (problem_codes); i++)
    if (strcmp (problem->type, problem_codes[i].type) == 0)
      code = problem_codes[i].code;
  return funnel_acme_error_new_detailed (code, retry_at, problem->type, "%s: %s", who,
                                         problem->detail);
}

void
funnel_acme_order_free (FunnelAcmeOrder *self)
{
  g_strfreev (self->authorizations);
  g_free (self->finalize);
  g_free (self->certificate);
  g_clear_pointer (&self->problem, funnel_acme_problem_free);
  g_free (self);
}

static GStrv
read_authorizations (JsonObject *object, GError **error)
{
  GError *cause = NULL;
  JsonArray *array
      = funnel_json_get_array (object, "authorizations", FUNNEL_ACME_AUTHORIZATIONS_MAX, &cause);
  g_autoptr (GStrvBuilder) list = g_strv_builder_new ();

  if (array == NULL)
    {
      take_error (error, cause);
      return NULL;
    }
  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      JsonNode *node = json_array_get_element (array, i);
      gboolean is_text
          = JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING;

      if (!is_text || !funnel_acme_url_is_sound (json_node_get_string (node)))
        {
          refuse (error, "authorizations", "must be https URLs");
          return NULL;
        }
      g_strv_builder_add (list, json_node_get_string (node));
    }
  if (json_array_get_length (array) > 0)
    return g_strv_builder_end (list);
  refuse (error, "authorizations", "must not be empty");
  return NULL;
}

FunnelAcmeOrder *
funnel_acme_order_parse (const char *text, gsize len, GError **error)
{
  g_autoptr (JsonObject) object = parse (text, len, error);
  g_autoptr (FunnelAcmeOrder) self = g_new0 (FunnelAcmeOrder, 1);

  if (object == NULL || !read_status (object, &self->status, error))
    return NULL;
  self->authorizations = read_authorizations (object, error);
  if (self->authorizations == NULL)
    return NULL;
  self->finalize = read_url (object, "finalize", error);
  if (self->finalize == NULL
      || !read_optional_url (object, "certificate", &self->certificate, error))
    return NULL;
  self->problem = read_problem (find_object (object, "error"));
  if (self->status != FUNNEL_ACME_STATUS_VALID || self->certificate != NULL)
    return g_steal_pointer (&self);
  refuse (error, "certificate", "is missing in a valid order");
  return NULL;
}

void
funnel_acme_authorization_free (FunnelAcmeAuthorization *self)
{
  g_free (self->name);
  g_free (self->url);
  g_free (self->token);
  g_free (self->offered);
  g_clear_pointer (&self->problem, funnel_acme_problem_free);
  g_free (self);
}

static gboolean
read_challenge (FunnelAcmeAuthorization *self, JsonObject *challenge, GError **error)
{
  self->url = read_url (challenge, "url", error);
  if (self->url == NULL)
    return FALSE;
  self->token = read_text (challenge, "token", FUNNEL_ACME_TOKEN_MAX, error);
  if (self->token == NULL)
    return FALSE;
  if (funnel_acme_is_base64url (self->token, FUNNEL_ACME_TOKEN_MAX))
    return TRUE;
  refuse (error, "token", "is not base64url");
  return FALSE;
}

static gboolean
read_challenges (FunnelAcmeAuthorization *self, JsonArray *array, GError **error)
{
  g_autoptr (GString) offered = g_string_new (NULL);

  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      GError *cause = NULL;
      JsonObject *challenge = funnel_json_get_object_at (array, "challenges", i, &cause);
      g_autofree char *type = NULL;

      if (challenge == NULL)
        {
          take_error (error, cause);
          return FALSE;
        }
      type = read_text (challenge, "type", TYPE_MAX, error);
      if (type == NULL)
        return FALSE;
      if (offered->len < FUNNEL_ACME_TEXT_MAX)
        g_string_append_printf (offered, "%s%s", i > 0 ? ", " : "", type);
      if (strcmp (type, CHALLENGE_TYPE) == 0 && self->url == NULL
          && !read_challenge (self, challenge, error))
        return FALSE;
      if (self->problem == NULL)
        self->problem = read_problem (find_object (challenge, "error"));
    }
  self->offered = funnel_text_one_line (offered->str, FUNNEL_ACME_TEXT_MAX);
  return TRUE;
}

static char *
read_identifier (JsonObject *object, GError **error)
{
  JsonObject *identifier = find_object (object, "identifier");

  if (identifier != NULL)
    return read_text (identifier, "value", FUNNEL_HOST_MAX, error);
  refuse (error, "identifier", "must be an object");
  return NULL;
}

FunnelAcmeAuthorization *
funnel_acme_authorization_parse (const char *text, gsize len, GError **error)
{
  g_autoptr (JsonObject) object = parse (text, len, error);
  g_autoptr (FunnelAcmeAuthorization) self = g_new0 (FunnelAcmeAuthorization, 1);
  GError *cause = NULL;
  JsonArray *challenges;

  if (object == NULL || !read_status (object, &self->status, error))
    return NULL;
  self->name = read_identifier (object, error);
  if (self->name == NULL)
    return NULL;
  challenges = funnel_json_get_array (object, "challenges", FUNNEL_ACME_LISTED_MAX, &cause);
  if (challenges != NULL)
    return read_challenges (self, challenges, error) ? g_steal_pointer (&self) : NULL;
  take_error (error, cause);
  return NULL;
}

gboolean
funnel_acme_account_parse (const char *text, gsize len, FunnelAcmeStatus *status, GError **error)
{
  g_autoptr (JsonObject) object = parse (text, len, error);

  return object != NULL && read_status (object, status, error);
}

static gboolean
read_time (JsonObject *object, const char *member, gint64 *seconds, GError **error)
{
  g_autofree char *text = read_text (object, member, TIME_MAX, error);
  g_autoptr (GDateTime) time = NULL;

  if (text == NULL)
    return FALSE;
  time = g_date_time_new_from_iso8601 (text, NULL); /* a zone is required */
  if (time == NULL)
    {
      refuse (error, member, "is not an RFC 3339 date");
      return FALSE;
    }
  *seconds = g_date_time_to_unix (time);
  return TRUE;
}

gboolean
funnel_acme_window_parse (const char *text, gsize len, gint64 *begin, gint64 *end, GError **error)
{
  g_autoptr (JsonObject) object = parse (text, len, error);
  JsonObject *window;

  if (object == NULL)
    return FALSE;
  window = find_object (object, "suggestedWindow");
  if (window == NULL)
    {
      refuse (error, "suggestedWindow", "must be an object");
      return FALSE;
    }
  if (!read_time (window, "start", begin, error) || !read_time (window, "end", end, error))
    return FALSE;
  if (*begin >= 0 && *begin < *end && *end <= WINDOW_MAX_S)
    return TRUE;
  refuse (error, "suggestedWindow", "must begin before it ends");
  return FALSE;
}

gint64
funnel_acme_retry_parse (const char *header, gint64 now)
{
  const gint64 last = now + (gint64)RETRY_MAX_S * G_USEC_PER_SEC;
  g_autoptr (GDateTime) date = NULL;
  guint64 seconds;

  if (header == NULL)
    return 0;
  if (*header != '\0' && strspn (header, "0123456789") == strlen (header))
    {
      seconds = g_ascii_strtoull (header, NULL, 10); /* G_MAXUINT64 when there are too many */
      return now + (gint64)MIN (seconds, RETRY_MAX_S) * G_USEC_PER_SEC;
    }
  date = soup_date_time_new_from_http_string (header);
  if (date == NULL)
    return 0;
  return CLAMP (g_date_time_to_unix (date) * G_USEC_PER_SEC, now, last);
}
