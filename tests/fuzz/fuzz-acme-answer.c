/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Input: what a certificate authority answered; the first byte says to what. */
#include "tests/fuzz/fuzz.h"

#include "daemon/cert/acme-answer.h"

#include <string.h>

static void
check_problem (const FunnelAcmeProblem *problem)
{
  REQUIRE (strlen (problem->detail) > 0 && strlen (problem->detail) <= FUNNEL_ACME_TEXT_MAX);
  for (const char *p = problem->detail; *p != '\0'; p = g_utf8_next_char (p))
    REQUIRE (!g_unichar_iscntrl (g_utf8_get_char (p)));
}

static void
check_directory (const char *text, gsize len, GError **error)
{
  FunnelAcmeDirectory *directory = funnel_acme_directory_parse (text, len, error);

  REQUIRE ((directory == NULL) == (*error != NULL));
  if (directory == NULL)
    return;
  REQUIRE (funnel_acme_url_is_sound (directory->new_nonce));
  REQUIRE (funnel_acme_url_is_sound (directory->new_account));
  REQUIRE (funnel_acme_url_is_sound (directory->new_order));
  REQUIRE (directory->profiles == NULL
           || g_strv_length (directory->profiles) <= FUNNEL_ACME_LISTED_MAX);
  funnel_acme_directory_free (directory);
}

static void
check_order (const char *text, gsize len, GError **error)
{
  FunnelAcmeOrder *order = funnel_acme_order_parse (text, len, error);

  REQUIRE ((order == NULL) == (*error != NULL));
  if (order == NULL)
    return;
  REQUIRE (g_strv_length (order->authorizations) > 0);
  REQUIRE (g_strv_length (order->authorizations) <= FUNNEL_ACME_AUTHORIZATIONS_MAX);
  REQUIRE (order->status != FUNNEL_ACME_STATUS_VALID || order->certificate != NULL);
  if (order->problem != NULL)
    check_problem (order->problem);
  funnel_acme_order_free (order);
}

static void
check_authorization (const char *text, gsize len, GError **error)
{
  FunnelAcmeAuthorization *authorization = funnel_acme_authorization_parse (text, len, error);

  REQUIRE ((authorization == NULL) == (*error != NULL));
  if (authorization == NULL)
    return;
  REQUIRE ((authorization->url == NULL) == (authorization->token == NULL));
  REQUIRE (authorization->url == NULL || funnel_acme_url_is_sound (authorization->url));
  if (authorization->problem != NULL)
    check_problem (authorization->problem);
  funnel_acme_authorization_free (authorization);
}

static void
check_rest (const char *text, gsize len, GError **error)
{
  FunnelAcmeProblem *problem = funnel_acme_problem_parse (text, len);
  FunnelAcmeStatus status;
  gint64 begin, end;

  if (problem != NULL)
    check_problem (problem);
  g_clear_pointer (&problem, funnel_acme_problem_free);
  REQUIRE (funnel_acme_account_parse (text, len, &status, error) == (*error == NULL));
  g_clear_error (error);
  if (funnel_acme_window_parse (text, len, &begin, &end, error))
    REQUIRE (begin >= 0 && begin < end);
  else
    REQUIRE (*error != NULL);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const char *text = (const char *)data + 1;
  GError *error = NULL;

  if (size == 0)
    return 0;
  switch (data[0])
    {
    case 'd':
      check_directory (text, size - 1, &error);
      break;
    case 'o':
      check_order (text, size - 1, &error);
      break;
    case 'a':
      check_authorization (text, size - 1, &error);
      break;
    case 't':
      {
        char *header = g_strndup (text, size - 1);
        gint64 at = funnel_acme_retry_parse (header, G_USEC_PER_SEC);

        REQUIRE (at == 0 || at >= G_USEC_PER_SEC);
        funnel_acme_url_is_sound (header);
        g_free (header);
        break;
      }
    default:
      check_rest (text, size - 1, &error);
    }
  g_clear_error (&error);
  return 0;
}
