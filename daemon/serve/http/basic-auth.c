/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/serve/http/basic-auth.h"

#include "daemon/serve/serve-work.h"

#include <crypt.h>
#include <gnutls/crypto.h>
#include <stdlib.h>
#include <string.h>

#define KEY_LEN 32u
#define MAC_LEN 32u
#define HASH_THREADS 1u
#define RETRY_AFTER_S 10u
#define MILLI 1000u

struct remembered
{
  uint8_t mac[MAC_LEN];
  uint64_t until; /* milliseconds; 0: empty */
};

/* Tries left to a source, in thousandths. */
struct tries
{
  uint64_t at; /* milliseconds; 0: never used, full */
  uint32_t left;
};

struct basic_auth
{
  uint8_t key[KEY_LEN];
  struct remembered remembered[BASIC_AUTH_REMEMBERED];
  uint32_t next; /* remembered[] to use next */
  struct tries tries[BASIC_AUTH_SOURCES];
};

/* One attempt. The first part is the worker's while it runs. */
struct attempt
{
  struct serve_job job;
  char *hash;
  char *user;
  char credentials[BASIC_AUTH_CREDENTIALS_MAX + 1];
  int user_len;
  bool good;

  struct http_exchange *x; /* NULL: the visitor has gone */
  void (*admitted) (struct http_exchange *x);
  uint8_t mac[MAC_LEN];
  uint32_t cell;
  bool body_ended;
};

/* --- credentials --- */

static int
base64_value (char c)
{
  if (c >= 'A' && c <= 'Z')
    return c - 'A';
  if (c >= 'a' && c <= 'z')
    return c - 'a' + 26;
  if (c >= '0' && c <= '9')
    return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Strict: whole groups of four, padding at the end only. Returns the length, -1 if malformed. */
static int
decode_base64 (struct http_text text, char *out, size_t room)
{
  uint32_t padding = 0;
  size_t len = 0;

  if (text.len == 0 || text.len % 4 != 0 || text.len / 4 * 3 > room + 2)
    return -1;
  while (padding < 2 && text.data[text.len - 1 - padding] == '=')
    padding++;
  for (uint32_t i = 0; i < text.len; i += 4)
    {
      uint32_t group = 0;
      uint32_t wanted = i + 4 == text.len ? 3 - padding : 3;

      for (uint32_t k = 0; k < 4; k++)
        {
          int value = k <= wanted ? base64_value (text.data[i + k]) : 0;

          if (value < 0)
            return -1;
          group = group << 6 | (uint32_t)value;
        }
      if (len + wanted > room)
        return -1;
      for (uint32_t k = 0; k < wanted; k++)
        out[len++] = (char)(group >> (16 - 8 * k));
    }
  return (int)len;
}

int
basic_auth_decode (struct http_text value, char *out)
{
  static const char scheme[] = "basic ";
  int len;
  const char *colon;

  for (size_t i = 0; i < sizeof scheme - 1; i++)
    if (i >= value.len || (value.data[i] | 0x20) != scheme[i])
      return -1;
  value.data += sizeof scheme - 1;
  value.len -= (uint32_t)(sizeof scheme - 1);
  while (value.len > 0 && value.data[0] == ' ')
    {
      value.data++;
      value.len--;
    }
  len = decode_base64 (value, out, BASIC_AUTH_CREDENTIALS_MAX);
  if (len < 0)
    return -1;
  out[len] = '\0';
  for (int i = 0; i < len; i++)
    if ((uint8_t)out[i] < 0x20 || out[i] == 0x7f)
      return -1;
  colon = memchr (out, ':', (size_t)len);
  return colon != NULL ? (int)(colon - out) : -1;
}

/* The only Authorization field, or an empty text. */
static struct http_text
find_authorization (const struct http_exchange *x)
{
  const struct http_field *field = http_fields_find (&x->request.fields, HTTP_NAME_AUTHORIZATION);

  if (field == NULL || http_fields_count (&x->request.fields, HTTP_NAME_AUTHORIZATION) != 1)
    return HTTP_TEXT ("");
  return http_field_value (field);
}

/* The password is for the node, not for a target. */
static void
remove_authorization (struct http_exchange *x)
{
  struct http_fields *fields = &x->request.fields;
  uint32_t kept = 0;

  for (uint32_t i = 0; i < fields->count; i++)
    if (fields->items[i].known != HTTP_NAME_AUTHORIZATION)
      fields->items[kept++] = fields->items[i];
  fields->count = kept;
}

/* --- what is remembered --- */

static bool
make_mac (const struct basic_auth *auth, struct attempt *attempt, uint32_t share)
{
  gnutls_hmac_hd_t mac;

  if (gnutls_hmac_init (&mac, GNUTLS_MAC_SHA256, auth->key, sizeof auth->key) < 0)
    return false;
  gnutls_hmac (mac, &share, sizeof share);
  gnutls_hmac (mac, attempt->hash, strlen (attempt->hash) + 1);
  gnutls_hmac (mac, attempt->user, strlen (attempt->user) + 1);
  gnutls_hmac (mac, attempt->credentials, strlen (attempt->credentials) + 1);
  gnutls_hmac_deinit (mac, attempt->mac);
  return true;
}

static bool
is_remembered (const struct basic_auth *auth, const uint8_t mac[MAC_LEN], uint64_t now)
{
  bool found = false;

  for (uint32_t i = 0; i < BASIC_AUTH_REMEMBERED; i++)
    {
      const struct remembered *remembered = &auth->remembered[i];
      bool same = gnutls_memcmp (remembered->mac, mac, MAC_LEN) == 0;

      found |= same & (now < remembered->until);
    }
  return found;
}

static void
remember (struct basic_auth *auth, const uint8_t mac[MAC_LEN], uint64_t now)
{
  struct remembered *remembered = &auth->remembered[auth->next];

  auth->next = (auth->next + 1) % BASIC_AUTH_REMEMBERED;
  memcpy (remembered->mac, mac, MAC_LEN);
  remembered->until = now + BASIC_AUTH_REMEMBER_MS;
}

/* --- tries --- */

static uint32_t
find_cell (const struct basic_auth *auth, const struct address *source)
{
  uint8_t mac[MAC_LEN];
  uint32_t word;

  if (gnutls_hmac_fast (GNUTLS_MAC_SHA256, auth->key, sizeof auth->key, source->ip,
                        source->family == 4 ? 4 : 8, mac)
      < 0)
    return 0;
  memcpy (&word, mac, sizeof word);
  return word % BASIC_AUTH_SOURCES;
}

static bool
take_try (struct tries *tries, uint64_t now)
{
  uint64_t full = BASIC_AUTH_TRIES_BURST * MILLI;
  uint64_t left
      = tries->at == 0 ? full : tries->left + (now - tries->at) * MILLI / BASIC_AUTH_TRY_EVERY_MS;

  if (left > full)
    left = full;
  /* A source that keeps trying must not lose what less than a millitoken is worth. */
  if (left < MILLI)
    return false;
  tries->left = (uint32_t)(left - MILLI);
  tries->at = now;
  return true;
}

static void
give_try_back (struct tries *tries)
{
  tries->left += MILLI;
  if (tries->left > BASIC_AUTH_TRIES_BURST * MILLI)
    tries->left = BASIC_AUTH_TRIES_BURST * MILLI;
}

/* --- answers --- */

static void
demand (struct http_exchange *x)
{
  struct http_fields fields = {0};
  struct http_text challenge
      = http_exchange_printf (x, "Basic realm=\"%s\", charset=\"UTF-8\"", x->share->share->name);

  if (challenge.data == NULL)
    {
      http_answer_error (x, 500, 0, NULL);
      return;
    }
  http_fields_add_known (&fields, HTTP_NAME_WWW_AUTHENTICATE, challenge);
  http_answer_error_with (x, 401, &fields, NULL);
}

static void
let_in (struct http_exchange *x, void (*admitted) (struct http_exchange *x))
{
  remove_authorization (x);
  admitted (x);
}

/* --- the hash --- */

static void
run_attempt (struct serve_job *job)
{
  struct attempt *attempt = (struct attempt *)job;
  struct crypt_data *data = calloc (1, sizeof *data);
  const char *password = attempt->credentials + attempt->user_len + 1;
  size_t hash_len = strlen (attempt->hash);
  size_t user_len = strlen (attempt->user);
  const char *made = data != NULL ? crypt_r (password, attempt->hash, data) : NULL;
  bool same_password = made != NULL && made[0] != '*' && strlen (made) == hash_len
                       && gnutls_memcmp (made, attempt->hash, hash_len) == 0;
  /* Compared in any case, so that time does not tell which of the two was wrong. */
  bool same_user = (size_t)attempt->user_len == user_len
                   && gnutls_memcmp (attempt->credentials, attempt->user, user_len) == 0;

  attempt->good = same_password & same_user;
  if (data != NULL)
    gnutls_memset (data, 0, sizeof *data);
  free (data);
}

static void
attempt_free (struct attempt *attempt)
{
  gnutls_memset (attempt->credentials, 0, sizeof attempt->credentials);
  free (attempt->hash);
  free (attempt->user);
  free (attempt);
}

static void
end_wait (struct attempt *attempt)
{
  struct http_exchange *x = attempt->x;

  x->answerer = NULL;
  x->answer = NULL;
  if (!attempt->good)
    {
      counter_add (&x->share->counters->wrong_passwords, 1);
      demand (x);
      return;
    }
  let_in (x, attempt->admitted);
  /* The body's end may have come while nobody was there to take it. */
  if (attempt->body_ended && x->answerer != NULL && x->answerer->body_end != NULL)
    x->answerer->body_end (x, NULL);
  if (x->answerer != NULL)
    http_exchange_resume (x);
}

static void
finish_attempt (struct serve_loop *loop, struct serve_job *job)
{
  struct attempt *attempt = (struct attempt *)job;

  if (attempt->good && loop->auth != NULL)
    {
      remember (loop->auth, attempt->mac, loop->now);
      give_try_back (&loop->auth->tries[attempt->cell]);
    }
  if (attempt->x != NULL)
    end_wait (attempt);
  attempt_free (attempt);
}

/* --- waiting for it --- */

static size_t
take_no_body (struct http_exchange *x, const uint8_t *data, size_t len)
{
  return 0;
}

static void
note_body_end (struct http_exchange *x, const struct http_fields *trailers)
{
  struct attempt *attempt = x->answer;

  attempt->body_ended = true;
}

static void
forget_visitor (struct http_exchange *x)
{
  struct attempt *attempt = x->answer;

  attempt->x = NULL;
}

static const struct http_answerer waiting = {
    .name = "basic-auth",
    .body = take_no_body,
    .body_end = note_body_end,
    .cancel = forget_visitor,
};

static struct basic_auth *
get_auth (struct serve_loop *loop)
{
  if (loop->auth != NULL)
    return loop->auth;
  loop->auth = calloc (1, sizeof *loop->auth);
  if (loop->auth != NULL && gnutls_rnd (GNUTLS_RND_KEY, loop->auth->key, KEY_LEN) < 0)
    g_clear_pointer (&loop->auth, free);
  return loop->auth;
}

void
basic_auth_free (struct basic_auth *auth)
{
  if (auth == NULL)
    return;
  gnutls_memset (auth, 0, sizeof *auth);
  free (auth);
}

static struct attempt *
make_attempt (struct http_exchange *x, void (*admitted) (struct http_exchange *x))
{
  const FunnelServePolicy *policy = &x->share->share->policy;
  struct attempt *attempt = calloc (1, sizeof *attempt);

  if (attempt == NULL)
    return NULL;
  attempt->job.run = run_attempt;
  attempt->job.done = finish_attempt;
  attempt->x = x;
  attempt->admitted = admitted;
  attempt->hash = strdup (policy->password_hash != NULL ? policy->password_hash : "*");
  attempt->user = strdup (policy->user);
  attempt->user_len = basic_auth_decode (find_authorization (x), attempt->credentials);
  if (attempt->hash != NULL && attempt->user != NULL)
    return attempt;
  attempt_free (attempt);
  return NULL;
}

/* Takes @attempt over. */
static void
start_hash (struct attempt *attempt, struct basic_auth *auth)
{
  struct http_exchange *x = attempt->x;
  struct serve_work *work
      = serve_work_get (x->loop, &x->loop->hash_work, HASH_THREADS, BASIC_AUTH_HASHES_MAX);

  attempt->cell = find_cell (auth, &x->flow->source);
  if (!take_try (&auth->tries[attempt->cell], x->loop->now))
    {
      attempt_free (attempt);
      counter_add (&x->share->counters->guesses_slowed, 1);
      http_answer_error (x, 429, RETRY_AFTER_S, NULL);
      return;
    }
  if (work == NULL || serve_work_submit (work, &attempt->job) < 0)
    {
      give_try_back (&auth->tries[attempt->cell]);
      attempt_free (attempt);
      http_answer_error (x, 503, RETRY_AFTER_S, "Too many people are logging in; try again later.");
      return;
    }
  x->answerer = &waiting;
  x->answer = attempt;
}

void
basic_auth_check (struct http_exchange *x, void (*admitted) (struct http_exchange *x))
{
  struct basic_auth *auth = get_auth (x->loop);
  struct attempt *attempt = auth != NULL ? make_attempt (x, admitted) : NULL;

  if (attempt == NULL)
    {
      http_answer_error (x, 500, 0, NULL);
      return;
    }
  if (attempt->user_len < 0)
    {
      attempt_free (attempt);
      demand (x);
    }
  else if (!make_mac (auth, attempt, x->share->share->id))
    {
      attempt_free (attempt);
      http_answer_error (x, 500, 0, NULL);
    }
  else if (is_remembered (auth, attempt->mac, x->loop->now))
    {
      attempt_free (attempt);
      let_in (x, admitted);
    }
  else
    start_hash (attempt, auth);
}
