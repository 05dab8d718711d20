/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/wire/offer.h"

#include <glib.h>
#include <string.h>

#define START "POST /v1/offer HTTP/1.1\r\n"
#define HOST "Host: 100.64.0.2\r\n"
#define UPGRADE "Connection: Upgrade\r\nUpgrade: funnel\r\n"
#define SOURCE "Funnel-Source: 203.0.113.9:51514\r\n"
#define TARGET "Funnel-Target: laptop.example.org:443\r\n"
#define FLOW "Funnel-Flow: 1a2b3c\r\n"
#define DESTINATION "Funnel-Destination: 198.51.100.7:443\r\n"
#define GOOD START HOST UPGRADE SOURCE TARGET FLOW

static void
set_offer (struct offer *offer,
           const char *source,
           const char *name,
           uint16_t port,
           const char *flow)
{
  memset (offer, 0, sizeof *offer);
  g_assert_true (address_parse (source, strlen (source), &offer->source));
  g_strlcpy (offer->name, name, sizeof offer->name);
  offer->port = port;
  g_strlcpy (offer->flow, flow, sizeof offer->flow);
}

static void
assert_offer_equal (const struct offer *a, const struct offer *b)
{
  g_assert_cmpmem (&a->source, sizeof a->source, &b->source, sizeof b->source);
  g_assert_cmpstr (a->name, ==, b->name);
  g_assert_cmpint (a->port, ==, b->port);
  g_assert_cmpstr (a->flow, ==, b->flow);
}

/* Parse exactly @len bytes, in memory of that size. */
static enum offer_result
parse (const char *head, size_t len, struct offer *out, size_t *consumed, const char **field)
{
  char *exact = g_memdup2 (head, len > 0 ? len : 1);
  enum offer_result result = offer_parse (exact, len, out, consumed, field);

  g_free (exact);
  return result;
}

/* The result of the whole; checks that every prefix gives NEED_MORE or already the same. */
static enum offer_result
parse_every_prefix (const char *head,
                    size_t len,
                    struct offer *out,
                    size_t *consumed,
                    const char **field)
{
  enum offer_result final = parse (head, len, out, consumed, field);
  gboolean is_decided = FALSE;

  for (size_t n = 0; n <= len; n++)
    {
      struct offer partial;
      const char *partial_field = NULL;
      size_t partial_consumed;
      enum offer_result result = parse (head, n, &partial, &partial_consumed, &partial_field);

      if (is_decided || result != OFFER_NEED_MORE)
        {
          is_decided = TRUE;
          g_assert_cmpint (result, ==, final);
          if (final == OFFER_BAD_HEADER)
            g_assert_cmpstr (partial_field, ==, *field);
        }
    }
  return final;
}

static void
test_round_trip (void)
{
  char *longest = g_strnfill (HOST_NAME_MAX, 'a');
  struct offer offers[4];

  for (int i = HOST_LABEL_MAX; i < HOST_NAME_MAX; i += HOST_LABEL_MAX + 1)
    longest[i] = '.';
  set_offer (&offers[0], "203.0.113.9:51514", "laptop.example.org", 443, "1a2b3c");
  set_offer (&offers[1], "[2001:db8::1]:1", "a", 1, "-");
  set_offer (&offers[2], "1.1.1.1:65535", "xn--mnchen-3ya.example", 65535,
             "0123456789-abcdefghijklmnopqrstu");
  set_offer (&offers[3], "[1111:1111:1111:1111:1111:1111:1111:1111]:65535", longest, 65535,
             "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz");
  for (size_t i = 0; i < G_N_ELEMENTS (offers); i++)
    {
      char head[OFFER_HEAD_MAX + 5];
      size_t len = offer_write (&offers[i], head, OFFER_HEAD_MAX);
      struct offer again;
      size_t consumed = 0;
      const char *field = NULL;

      g_assert_cmpuint (len, >, 0);
      for (size_t cap = 0; cap < len; cap++)
        {
          char *exact = g_malloc (cap > 0 ? cap : 1);

          g_assert_cmpuint (offer_write (&offers[i], exact, cap), ==, 0);
          g_assert_cmpint (parse (head, cap, &again, &consumed, &field), ==, OFFER_NEED_MORE);
          g_free (exact);
        }
      g_assert_cmpuint (offer_write (&offers[i], head, len), ==, len);
      memcpy (head + len, "\x16\x03\x01\r\n", 5); /* the visitor's bytes are not looked at */
      g_assert_cmpint (parse (head, len + 5, &again, &consumed, &field), ==, OFFER_OK);
      g_assert_cmpuint (consumed, ==, len);
      assert_offer_equal (&offers[i], &again);
    }
  g_free (longest);
}

static void
test_write_bytes (void)
{
  static const char expected[] = "POST /v1/offer HTTP/1.1\r\n"
                                 "Host: funnel\r\n"
                                 "Connection: Upgrade\r\n"
                                 "Upgrade: funnel\r\n"
                                 "Funnel-Source: 203.0.113.9:51514\r\n"
                                 "Funnel-Target: laptop.example.org:443\r\n"
                                 "Funnel-Flow: 1a2b3c\r\n"
                                 "\r\n";
  struct offer offer;
  char head[OFFER_HEAD_MAX];

  set_offer (&offer, "203.0.113.9:51514", "laptop.example.org", 443, "1a2b3c");
  g_assert_cmpuint (offer_write (&offer, head, sizeof head), ==, sizeof expected - 1);
  g_assert_cmpmem (head, sizeof expected - 1, expected, sizeof expected - 1);
}

/* What could not be read again is not written either. */
static void
test_destination (void)
{
  static const char *const texts[] = {"198.51.100.7:443", "[2001:db8::1]:65535"};

  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      struct offer offer, again;
      char head[OFFER_HEAD_MAX];
      size_t len, consumed;

      set_offer (&offer, "203.0.113.9:51514", "laptop.example.org", 443, "1a2b3c");
      g_assert_true (address_parse (texts[i], strlen (texts[i]), &offer.destination));
      len = offer_write (&offer, head, sizeof head);
      g_assert_cmpuint (len, >, 0);
      g_assert_cmpint (offer_parse (head, len, &again, &consumed, NULL), ==, OFFER_OK);
      g_assert_cmpmem (&again.destination, sizeof again.destination, &offer.destination,
                       sizeof offer.destination);
      offer.destination.port = 0;
      g_assert_cmpuint (offer_write (&offer, head, sizeof head), ==, 0);
    }
}

static void
test_write_refuses (void)
{
  char head[OFFER_HEAD_MAX];
  struct offer offer, good;

  set_offer (&good, "203.0.113.9:51514", "laptop.example.org", 443, "1a2b3c");
  offer = good;
  offer.source.family = 0;
  g_assert_cmpuint (offer_write (&offer, head, sizeof head), ==, 0);
  offer = good;
  offer.source.port = 0;
  g_assert_cmpuint (offer_write (&offer, head, sizeof head), ==, 0);
  offer = good;
  offer.name[0] = '\0';
  g_assert_cmpuint (offer_write (&offer, head, sizeof head), ==, 0);
  offer = good;
  offer.port = 0;
  g_assert_cmpuint (offer_write (&offer, head, sizeof head), ==, 0);
  offer = good;
  offer.flow[0] = '\0';
  g_assert_cmpuint (offer_write (&offer, head, sizeof head), ==, 0);
  offer = good;
  g_strlcpy (offer.flow, "a\r\nOrigin: x", sizeof offer.flow);
  g_assert_cmpuint (offer_write (&offer, head, sizeof head), ==, 0);
  offer = good;
  memset (offer.flow, 'a', sizeof offer.flow); /* not terminated */
  g_assert_cmpuint (offer_write (&offer, head, sizeof head), ==, 0);
}

/* A head, its result, the header at fault. */
static const struct
{
  const char *head;
  enum offer_result result;
  const char *field;
} heads[] = {
    {GOOD "\r\n", OFFER_OK, NULL},
    {GOOD "X-Unknown: what: ever\r\nX-Unknown: again\r\n\r\n", OFFER_OK, NULL},
    {GOOD "Funnel-Reason: busy\r\n\r\n", OFFER_OK, NULL}, /* of answers; means nothing here */
    {START "X-Empty:\r\n" HOST UPGRADE SOURCE TARGET FLOW "\r\n", OFFER_OK, NULL},
    {START FLOW TARGET SOURCE UPGRADE HOST "\r\n", OFFER_OK, NULL},
    {START "HOST: x\r\nconnection: keep-alive , upGrade\r\nUPGRADE: Funnel\r\n"
           "funnel-source:203.0.113.9:51514\r\nFUNNEL-TARGET: \t laptop.example.org:443 "
           "\t\r\nFunnel-flow: 1a2b3c\r\n\r\n",
     OFFER_OK, NULL},
    {START HOST UPGRADE SOURCE "Funnel-Target: LAPTOP.example.org.:443\r\n" FLOW "\r\n", OFFER_OK,
     NULL},

    {"", OFFER_NEED_MORE, NULL},
    {"POST /v1/offer HTTP/1.1", OFFER_NEED_MORE, NULL},
    {GOOD, OFFER_NEED_MORE, NULL},
    {GOOD "\r", OFFER_NEED_MORE, NULL},

    {"GET /v1/offer HTTP/1.1\r\n", OFFER_BAD_METHOD, NULL},
    {"PUT /v1/offer HTTP/1.1\r\n", OFFER_BAD_METHOD, NULL},
    {"post /v1/offer HTTP/1.1\r\n", OFFER_BAD_METHOD, NULL},
    {"POSTS /v1/offer HTTP/1.1\r\n", OFFER_BAD_METHOD, NULL},
    {"\r\n" GOOD "\r\n", OFFER_BAD_METHOD, NULL},
    {" " GOOD "\r\n", OFFER_BAD_METHOD, NULL},
    {"\x16\x03\x01", OFFER_BAD_METHOD, NULL},
    {"POST /v1/offers HTTP/1.1\r\n", OFFER_BAD_PATH, NULL},
    {"POST /v1/offer? HTTP/1.1\r\n", OFFER_BAD_PATH, NULL},
    {"POST /v1/Offer HTTP/1.1\r\n", OFFER_BAD_PATH, NULL},
    {"POST / HTTP/1.1\r\n", OFFER_BAD_PATH, NULL},
    {"POST  /v1/offer HTTP/1.1\r\n", OFFER_BAD_PATH, NULL},
    {"POST http://funnel/v1/offer HTTP/1.1\r\n", OFFER_BAD_PATH, NULL},
    {"POST /v1/offer HTTP/1.0\r\n", OFFER_BAD_HEADER, "request-line"},
    {"POST /v1/offer HTTP/2.0\r\n", OFFER_BAD_HEADER, "request-line"},
    {"POST /v1/offer HTTP/1.1\n", OFFER_BAD_HEADER, "request-line"},
    {"POST /v1/offer HTTP/1.1 \r\n", OFFER_BAD_HEADER, "request-line"},
    {"POST /v1/offer  HTTP/1.1\r\n", OFFER_BAD_HEADER, "request-line"},

    {START "\n", OFFER_BAD_HEADER, "line-end"},
    {START "Host: x\n" UPGRADE SOURCE TARGET FLOW "\r\n", OFFER_BAD_HEADER, "line-end"},
    {GOOD "\n", OFFER_BAD_HEADER, "line-end"},
    {START HOST UPGRADE SOURCE "Funnel-Target: laptop.example.org\r\n :443\r\n" FLOW "\r\n",
     OFFER_BAD_HEADER, "Funnel-Target"},
    {START HOST UPGRADE SOURCE TARGET " folded\r\n" FLOW "\r\n", OFFER_BAD_HEADER, "folded-line"},
    {START "\tfolded: x\r\n" HOST UPGRADE SOURCE TARGET FLOW "\r\n", OFFER_BAD_HEADER,
     "folded-line"},
    {GOOD "no colon\r\n\r\n", OFFER_BAD_HEADER, "header-syntax"},
    {GOOD "nocolon\r\n\r\n", OFFER_BAD_HEADER, "header-syntax"},
    {GOOD ": no name\r\n\r\n", OFFER_BAD_HEADER, "header-syntax"},
    {GOOD "X-Space : x\r\n\r\n", OFFER_BAD_HEADER, "header-syntax"},
    {GOOD "X(Y): x\r\n\r\n", OFFER_BAD_HEADER, "header-syntax"},
    {GOOD "X-Cr: a\rb\r\n\r\n", OFFER_BAD_HEADER, "header-syntax"},
    {GOOD "X-Cr: a\r\r\n\r\n", OFFER_BAD_HEADER, "header-syntax"},
    {GOOD "X-Control: \x01\r\n\r\n", OFFER_BAD_HEADER, "header-syntax"},
    {GOOD "X-Delete: \x7f\r\n\r\n", OFFER_BAD_HEADER, "header-syntax"},

    {START UPGRADE SOURCE TARGET FLOW "\r\n", OFFER_BAD_HEADER, "Host"},
    {START HOST SOURCE TARGET FLOW "\r\n", OFFER_BAD_HEADER, "Connection"},
    {START HOST "Connection: Upgrade\r\n" SOURCE TARGET FLOW "\r\n", OFFER_BAD_HEADER, "Upgrade"},
    {START HOST UPGRADE TARGET FLOW "\r\n", OFFER_BAD_HEADER, "Funnel-Source"},
    {START HOST UPGRADE SOURCE FLOW "\r\n", OFFER_BAD_HEADER, "Funnel-Target"},
    {START HOST UPGRADE SOURCE TARGET "\r\n", OFFER_BAD_HEADER, "Funnel-Flow"},
    {START "\r\n", OFFER_BAD_HEADER, "Host"},

    {GOOD HOST "\r\n", OFFER_BAD_HEADER, "Host"},
    {GOOD "connection: Upgrade\r\n\r\n", OFFER_BAD_HEADER, "Connection"},
    {GOOD "upgrade: funnel\r\n\r\n", OFFER_BAD_HEADER, "Upgrade"},
    {GOOD SOURCE "\r\n", OFFER_BAD_HEADER, "Funnel-Source"},
    {GOOD "funnel-target: laptop.example.org:443\r\n\r\n", OFFER_BAD_HEADER, "Funnel-Target"},
    {GOOD FLOW "\r\n", OFFER_BAD_HEADER, "Funnel-Flow"},
    {GOOD DESTINATION "\r\n", OFFER_OK, NULL},
    {GOOD DESTINATION DESTINATION "\r\n", OFFER_BAD_HEADER, "Funnel-Destination"},
    {GOOD "Funnel-Destination:\r\n\r\n", OFFER_BAD_HEADER, "Funnel-Destination"},
    {GOOD "Funnel-Destination: 198.51.100.7\r\n\r\n", OFFER_BAD_HEADER, "Funnel-Destination"},
    {GOOD "Funnel-Destination: 198.51.100.7:0\r\n\r\n", OFFER_BAD_HEADER, "Funnel-Destination"},
    {GOOD "Funnel-Destination: laptop.example.org:443\r\n\r\n", OFFER_BAD_HEADER,
     "Funnel-Destination"},

    {GOOD "Origin: https://evil.example\r\n\r\n", OFFER_BAD_HEADER, "Origin"},
    {GOOD "oRIGIN: null\r\n\r\n", OFFER_BAD_HEADER, "Origin"},
    {GOOD "Referer: https://evil.example/\r\n\r\n", OFFER_BAD_HEADER, "Referer"},
    {GOOD "Content-Length: 0\r\n\r\n", OFFER_BAD_HEADER, "Content-Length"},
    {GOOD "Transfer-Encoding: chunked\r\n\r\n", OFFER_BAD_HEADER, "Transfer-Encoding"},

    {START "Host:\r\n" UPGRADE SOURCE TARGET FLOW "\r\n", OFFER_BAD_HEADER, "Host"},
    {START HOST "Connection: close\r\nUpgrade: funnel\r\n" SOURCE TARGET FLOW "\r\n",
     OFFER_BAD_HEADER, "Connection"},
    {START HOST "Connection: Upgraded\r\nUpgrade: funnel\r\n" SOURCE TARGET FLOW "\r\n",
     OFFER_BAD_HEADER, "Connection"},
    {START HOST "Connection: Upgrade\r\nUpgrade: websocket\r\n" SOURCE TARGET FLOW "\r\n",
     OFFER_BAD_HEADER, "Upgrade"},
    {START HOST UPGRADE "Funnel-Source: 203.0.113.9\r\n" TARGET FLOW "\r\n", OFFER_BAD_HEADER,
     "Funnel-Source"},
    {START HOST UPGRADE "Funnel-Source: localhost:1\r\n" TARGET FLOW "\r\n", OFFER_BAD_HEADER,
     "Funnel-Source"},
    {START HOST UPGRADE "Funnel-Source:\r\n" TARGET FLOW "\r\n", OFFER_BAD_HEADER, "Funnel-Source"},
    {START HOST UPGRADE SOURCE "Funnel-Target: laptop.example.org\r\n" FLOW "\r\n",
     OFFER_BAD_HEADER, "Funnel-Target"},
    {START HOST UPGRADE SOURCE "Funnel-Target: laptop.example.org:0\r\n" FLOW "\r\n",
     OFFER_BAD_HEADER, "Funnel-Target"},
    {START HOST UPGRADE SOURCE "Funnel-Target: laptop.example.org:65536\r\n" FLOW "\r\n",
     OFFER_BAD_HEADER, "Funnel-Target"},
    {START HOST UPGRADE SOURCE "Funnel-Target: laptop.example.org: 443\r\n" FLOW "\r\n",
     OFFER_BAD_HEADER, "Funnel-Target"},
    {START HOST UPGRADE SOURCE "Funnel-Target: lap_top.example.org:443\r\n" FLOW "\r\n",
     OFFER_BAD_HEADER, "Funnel-Target"},
    {START HOST UPGRADE SOURCE "Funnel-Target: 192.0.2.1:443\r\n" FLOW "\r\n", OFFER_BAD_HEADER,
     "Funnel-Target"},
    {START HOST UPGRADE SOURCE "Funnel-Target: :443\r\n" FLOW "\r\n", OFFER_BAD_HEADER,
     "Funnel-Target"},
    {START HOST UPGRADE SOURCE TARGET "Funnel-Flow: 1A\r\n\r\n", OFFER_BAD_HEADER, "Funnel-Flow"},
    {START HOST UPGRADE SOURCE TARGET "Funnel-Flow: a b\r\n\r\n", OFFER_BAD_HEADER, "Funnel-Flow"},
    {START HOST UPGRADE SOURCE TARGET "Funnel-Flow:\r\n\r\n", OFFER_BAD_HEADER, "Funnel-Flow"},
    {START HOST UPGRADE SOURCE TARGET "Funnel-Flow: 012345678901234567890123456789012\r\n\r\n",
     OFFER_BAD_HEADER, "Funnel-Flow"},
};

static void
test_heads (void)
{
  struct offer good;

  set_offer (&good, "203.0.113.9:51514", "laptop.example.org", 443, "1a2b3c");
  for (size_t i = 0; i < G_N_ELEMENTS (heads); i++)
    {
      struct offer offer;
      size_t consumed = 0;
      const char *field = NULL;
      enum offer_result result;

      g_test_message ("%s", heads[i].head);
      result
          = parse_every_prefix (heads[i].head, strlen (heads[i].head), &offer, &consumed, &field);
      g_assert_cmpint (result, ==, heads[i].result);
      g_assert_cmpstr (field, ==, heads[i].field);
      if (result != OFFER_OK)
        continue;
      g_assert_cmpuint (consumed, ==, strlen (heads[i].head));
      assert_offer_equal (&offer, &good);
    }
}

static void
test_nul (void)
{
  static const char in_value[] = GOOD "X: a\0b\r\n\r\n";
  static const char in_name[] = GOOD "X\0: a\r\n\r\n";
  static const char in_target[]
      = START HOST UPGRADE SOURCE "Funnel-Target: laptop.example.org\0.evil:443\r\n" FLOW "\r\n";
  struct offer offer;
  size_t consumed;
  const char *field;

  g_assert_cmpint (parse_every_prefix (in_value, sizeof in_value - 1, &offer, &consumed, &field),
                   ==, OFFER_BAD_HEADER);
  g_assert_cmpint (parse_every_prefix (in_name, sizeof in_name - 1, &offer, &consumed, &field), ==,
                   OFFER_BAD_HEADER);
  g_assert_cmpint (parse_every_prefix (in_target, sizeof in_target - 1, &offer, &consumed, &field),
                   ==, OFFER_BAD_HEADER);
}

static void
test_bad_field_is_optional (void)
{
  struct offer offer;
  size_t consumed;

  g_assert_cmpint (offer_parse (START "\r\n", strlen (START) + 2, &offer, &consumed, NULL), ==,
                   OFFER_BAD_HEADER);
}

/* A head of exactly the limit is taken, one byte more is not. */
static void
test_limit (void)
{
  for (size_t total = OFFER_HEAD_MAX - 1; total <= OFFER_HEAD_MAX + 1; total++)
    {
      GString *head = g_string_new (GOOD "X-Fill: ");
      struct offer offer;
      size_t consumed = 0;
      const char *field = NULL;

      while (head->len < total - 4)
        g_string_append_c (head, 'x');
      g_string_append (head, "\r\n\r\n");
      g_assert_cmpuint (head->len, ==, total);
      g_assert_cmpint (parse_every_prefix (head->str, head->len, &offer, &consumed, &field), ==,
                       total <= OFFER_HEAD_MAX ? OFFER_OK : OFFER_TOO_LARGE);
      g_string_append (head, "\x16\x03\x01");
      g_assert_cmpint (parse (head->str, head->len, &offer, &consumed, &field), ==,
                       total <= OFFER_HEAD_MAX ? OFFER_OK : OFFER_TOO_LARGE);
      g_string_free (head, TRUE);
    }
}

static enum offer_result
parse_answer (const char *head, size_t len, struct offer_answer *out)
{
  char *exact = g_memdup2 (head, len > 0 ? len : 1);
  enum offer_result result = offer_answer_parse (exact, len, out);

  g_free (exact);
  return result;
}

static enum offer_result
parse_answer_every_prefix (const char *head, size_t len, struct offer_answer *out)
{
  enum offer_result final = parse_answer (head, len, out);
  gboolean is_decided = FALSE;

  for (size_t n = 0; n <= len; n++)
    {
      struct offer_answer partial;
      enum offer_result result = parse_answer (head, n, &partial);

      is_decided = is_decided || result != OFFER_NEED_MORE;
      g_assert_cmpint (result, ==, is_decided ? final : OFFER_NEED_MORE);
    }
  return final;
}

static void
test_answer_round_trip (void)
{
  char head[OFFER_ANSWER_MAX];
  struct offer_answer answer;
  size_t len = offer_answer_write_accept (head);

  g_assert_cmpint (parse_answer_every_prefix (head, len, &answer), ==, OFFER_OK);
  g_assert_cmpint (answer.kind, ==, OFFER_ANSWER_ACCEPTED);
  g_assert_cmpint (answer.reason, ==, OFFER_REASON_NONE);
  g_assert_cmpint (answer.status, ==, 101);
  g_assert_cmpuint (answer.consumed, ==, len);

  for (int reason = OFFER_REASON_NO_SHARE; reason <= OFFER_REASON_OTHER; reason++)
    {
      len = offer_answer_write_refuse ((enum offer_reason)reason, head);
      g_assert_cmpint (parse_answer_every_prefix (head, len, &answer), ==, OFFER_OK);
      g_assert_cmpint (answer.kind, ==, OFFER_ANSWER_REFUSED);
      g_assert_cmpint (answer.reason, ==, reason);
      g_assert_cmpint (answer.status, ==, 403);
      g_assert_cmpuint (answer.consumed, ==, len);
    }
}

static void
test_answer_errors (void)
{
  static const struct
  {
    enum offer_result result;
    const char *field;
    int status;
  } rows[] = {
      {OFFER_BAD_METHOD, NULL, 405},
      {OFFER_BAD_PATH, NULL, 404},
      {OFFER_BAD_HEADER, "Funnel-Source", 400},
      {OFFER_BAD_HEADER, NULL, 400},
      {OFFER_TOO_LARGE, NULL, 400},
      {OFFER_NEED_MORE, NULL, 400},
  };

  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      char head[OFFER_ANSWER_MAX];
      size_t len = offer_answer_write_error (rows[i].result, rows[i].field, head);
      struct offer_answer answer;

      g_assert_cmpint (parse_answer_every_prefix (head, len, &answer), ==, OFFER_OK);
      g_assert_cmpint (answer.kind, ==, OFFER_ANSWER_ERROR);
      g_assert_cmpint (answer.status, ==, rows[i].status);
      g_assert_cmpint (answer.reason, ==, OFFER_REASON_NONE);
      g_assert_cmpuint (answer.consumed, ==, len);
      g_assert_cmpint (memmem (head, len, "Allow: POST\r\n", 13) != NULL, ==,
                       rows[i].status == 405);
      g_assert_cmpint (memmem (head, len, "Funnel-Field: Funnel-Source\r\n", 29) != NULL, ==,
                       rows[i].field != NULL);
    }
}

static void
test_answer_bytes (void)
{
  static const char accept[]
      = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: funnel\r\n\r\n";
  static const char refuse[] = "HTTP/1.1 403 Forbidden\r\nFunnel-Reason: target-down\r\n"
                               "Content-Length: 0\r\nConnection: close\r\n\r\n";
  char head[OFFER_ANSWER_MAX];

  g_assert_cmpmem (head, offer_answer_write_accept (head), accept, sizeof accept - 1);
  g_assert_cmpmem (head, offer_answer_write_refuse (OFFER_REASON_TARGET_DOWN, head), refuse,
                   sizeof refuse - 1);
}

static const struct
{
  const char *head;
  enum offer_result result;
  enum offer_answer_kind kind;
  enum offer_reason reason;
} answers[] = {
    {"HTTP/1.1 101 \r\nconnection: foo, UPGRADE\r\nupgrade: FUNNEL\r\nX: y\r\n\r\n", OFFER_OK,
     OFFER_ANSWER_ACCEPTED, OFFER_REASON_NONE},
    {"HTTP/1.1 403 No\r\nFunnel-Reason: busy\r\n\r\n", OFFER_OK, OFFER_ANSWER_REFUSED,
     OFFER_REASON_BUSY},
    {"HTTP/1.1 403 No\r\nFunnel-Reason: of-a-later-version\r\n\r\n", OFFER_OK, OFFER_ANSWER_REFUSED,
     OFFER_REASON_OTHER},
    {"HTTP/1.1 403 No\r\nFunnel-Reason: none\r\n\r\n", OFFER_OK, OFFER_ANSWER_REFUSED,
     OFFER_REASON_OTHER},
    {"HTTP/1.1 403 No\r\n\r\n", OFFER_OK, OFFER_ANSWER_REFUSED, OFFER_REASON_OTHER},
    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", OFFER_OK, OFFER_ANSWER_ERROR,
     OFFER_REASON_NONE},
    {"HTTP/1.1 500 \r\nFunnel-Reason: busy\r\n\r\n", OFFER_OK, OFFER_ANSWER_ERROR,
     OFFER_REASON_NONE},
    {"", OFFER_NEED_MORE, 0, 0},
    {"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n", OFFER_NEED_MORE, 0, 0},
    {"HTTP/1.0 101 x\r\n", OFFER_BAD_HEADER, 0, 0},
    {"http/1.1 101 x\r\n", OFFER_BAD_HEADER, 0, 0},
    {"\x15\x03\x01", OFFER_BAD_HEADER, 0, 0},
    {"HTTP/1.1 101\r\n", OFFER_BAD_HEADER, 0, 0},
    {"HTTP/1.1 10 x\r\n", OFFER_BAD_HEADER, 0, 0},
    {"HTTP/1.1 1011 x\r\n", OFFER_BAD_HEADER, 0, 0},
    {"HTTP/1.1 +11 x\r\n", OFFER_BAD_HEADER, 0, 0},
    {"HTTP/1.1 099 x\r\n", OFFER_BAD_HEADER, 0, 0},
    {"HTTP/1.1 600 x\r\n", OFFER_BAD_HEADER, 0, 0},
    {"HTTP/1.1 101 x\ry\r\n", OFFER_BAD_HEADER, 0, 0},
    {"HTTP/1.1 101 x\n", OFFER_BAD_HEADER, 0, 0},
    {"HTTP/1.1 101 x\r\n\r\n", OFFER_BAD_HEADER, 0, 0},
    {"HTTP/1.1 101 x\r\nConnection: Upgrade\r\n\r\n", OFFER_BAD_HEADER, 0, 0},
    {"HTTP/1.1 101 x\r\nUpgrade: funnel\r\n\r\n", OFFER_BAD_HEADER, 0, 0},
    {"HTTP/1.1 101 x\r\nConnection: close\r\n", OFFER_BAD_HEADER, 0, 0},
    {"HTTP/1.1 101 x\r\nUpgrade: websocket\r\n", OFFER_BAD_HEADER, 0, 0},
    {"HTTP/1.1 101 x\r\nContent-Length: 0\r\n", OFFER_BAD_HEADER, 0, 0},
    {"HTTP/1.1 101 x\r\nTransfer-Encoding: chunked\r\n", OFFER_BAD_HEADER, 0, 0},
    {"HTTP/1.1 403 x\r\nFunnel-Reason: busy\r\nFunnel-Reason: busy\r\n", OFFER_BAD_HEADER, 0, 0},
    {"HTTP/1.1 403 x\r\nFunnel-Reason: busy\n", OFFER_BAD_HEADER, 0, 0},
    {"HTTP/1.1 403 x\r\n folded\r\n", OFFER_BAD_HEADER, 0, 0},
    {"HTTP/1.1 403 x\r\nfoo\r\n", OFFER_BAD_HEADER, 0, 0},
};

static void
test_answer_heads (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (answers); i++)
    {
      struct offer_answer answer;

      g_test_message ("%s", answers[i].head);
      g_assert_cmpint (
          parse_answer_every_prefix (answers[i].head, strlen (answers[i].head), &answer), ==,
          answers[i].result);
      if (answers[i].result != OFFER_OK)
        continue;
      g_assert_cmpint (answer.kind, ==, answers[i].kind);
      g_assert_cmpint (answer.reason, ==, answers[i].reason);
      g_assert_cmpuint (answer.consumed, ==, strlen (answers[i].head));
    }
}

static void
test_answer_limit (void)
{
  for (size_t total = OFFER_ANSWER_MAX - 1; total <= OFFER_ANSWER_MAX + 1; total++)
    {
      GString *head = g_string_new ("HTTP/1.1 403 ");
      struct offer_answer answer;

      while (head->len < total - 4)
        g_string_append_c (head, 'x');
      g_string_append (head, "\r\n\r\n");
      g_assert_cmpint (parse_answer_every_prefix (head->str, head->len, &answer), ==,
                       total <= OFFER_ANSWER_MAX ? OFFER_OK : OFFER_TOO_LARGE);
      g_string_free (head, TRUE);
    }
}

static void
test_reasons (void)
{
  for (int reason = OFFER_REASON_NONE; reason <= OFFER_REASON_OTHER; reason++)
    {
      const char *text = offer_reason_text ((enum offer_reason)reason);
      enum offer_reason back = offer_reason_from_text (text, strlen (text));

      g_assert_cmpint (
          back, ==, reason == OFFER_REASON_NONE ? OFFER_REASON_OTHER : (enum offer_reason)reason);
    }
  g_assert_cmpint (offer_reason_from_text ("busy", 3), ==, OFFER_REASON_OTHER);
  g_assert_cmpint (offer_reason_from_text ("Busy", 4), ==, OFFER_REASON_OTHER);
  g_assert_cmpint (offer_reason_from_text ("", 0), ==, OFFER_REASON_OTHER);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/wire/offer/round-trip", test_round_trip);
  g_test_add_func ("/wire/offer/write-bytes", test_write_bytes);
  g_test_add_func ("/wire/offer/destination", test_destination);
  g_test_add_func ("/wire/offer/write-refuses", test_write_refuses);
  g_test_add_func ("/wire/offer/heads", test_heads);
  g_test_add_func ("/wire/offer/nul", test_nul);
  g_test_add_func ("/wire/offer/bad-field-is-optional", test_bad_field_is_optional);
  g_test_add_func ("/wire/offer/limit", test_limit);
  g_test_add_func ("/wire/offer/answer-round-trip", test_answer_round_trip);
  g_test_add_func ("/wire/offer/answer-errors", test_answer_errors);
  g_test_add_func ("/wire/offer/answer-bytes", test_answer_bytes);
  g_test_add_func ("/wire/offer/answer-heads", test_answer_heads);
  g_test_add_func ("/wire/offer/answer-limit", test_answer_limit);
  g_test_add_func ("/wire/offer/reasons", test_reasons);
  return g_test_run ();
}
