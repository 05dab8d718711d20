/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/base/join-message.h"

#include "lib/base/error.h"
#include "lib/base/host.h"

#include <string.h>

#define KEY "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static void
test_request (void)
{
  FunnelJoinRequest request = {.public_key = (char *)KEY, .software = (char *)"funnel/0.1.0"};
  g_autoptr (FunnelJoinRequest) back = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;

  for (guint i = 0; i < sizeof request.secret; i++)
    request.secret[i] = (guint8)(0xfb + i * 17);
  text = funnel_join_request_print (&request);
  back = funnel_join_request_parse (text, strlen (text), &error);
  g_assert_no_error (error);
  g_assert_cmpmem (back->secret, sizeof back->secret, request.secret, sizeof request.secret);
  g_assert_cmpstr (back->public_key, ==, KEY);
  g_assert_cmpstr (back->software, ==, "funnel/0.1.0");
}

static void
test_request_refused (void)
{
  static const struct
  {
    const char *text, *member;
  } cases[] = {
      {"{\"secret\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"public_key\":\"" KEY "\"}", "version"},
      {"{\"version\":2,\"secret\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"public_key\":\"" KEY "\"}",
       "version"},
      {"{\"version\":1,\"public_key\":\"" KEY "\"}", "secret"},
      {"{\"version\":1,\"secret\":\"AAAA\",\"public_key\":\"" KEY "\"}", "secret"},
      {"{\"version\":1,\"secret\":\"AAAAAAAAAAAAAAAAAAAA+A\",\"public_key\":\"" KEY "\"}",
       "secret"},
      {"{\"version\":1,\"secret\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"public_key\":\"x\"}", "public_key"},
      {"{\"version\":1,\"secret\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"public_key\":7}", "public_key"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (funnel_join_request_parse (cases[i].text, strlen (cases[i].text), &error));
      g_assert_nonnull (error);
      g_assert_true (g_str_has_prefix (error->message, cases[i].member));
    }
}

static void
test_answer (void)
{
  static const guint16 ports[] = {443, 8443};
  g_autoptr (FunnelJoinAnswer) answer = funnel_join_answer_new ();
  g_autoptr (FunnelJoinAnswer) back = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;

  answer->node = g_strdup ("laptop");
  answer->zone = g_strdup ("example.org");
  answer->names = g_strsplit ("laptop.example.org", ",", -1);
  answer->address = g_strdup ("100.64.0.2");
  answer->ingress_address = g_strdup ("100.64.0.1");
  answer->ingress_public_key = g_strdup (KEY);
  answer->endpoint_host = g_strdup ("2001:db8::1");
  answer->endpoint_port = 51820;
  answer->link_port = 7780;
  answer->public_ports = g_array_new (FALSE, FALSE, sizeof (guint16));
  g_array_append_vals (answer->public_ports, ports, 2);
  answer->tunnel = g_strdup ("direct");
  text = funnel_join_answer_print (answer);
  g_assert_nonnull (strstr (text, "\"[2001:db8::1]:51820\""));
  back = funnel_join_answer_parse (text, strlen (text), &error);
  g_assert_no_error (error);
  g_assert_cmpstr (back->node, ==, "laptop");
  g_assert_cmpstr (back->names[0], ==, "laptop.example.org");
  g_assert_cmpstr (back->endpoint_host, ==, "2001:db8::1");
  g_assert_cmpuint (back->endpoint_port, ==, 51820);
  g_assert_cmpuint (back->public_ports->len, ==, 2);
  g_assert_cmpstr (back->tunnel, ==, "direct");
}

static void
test_errors (void)
{
  g_autoptr (GError) used = g_error_new_literal (FUNNEL_ERROR, FUNNEL_ERROR_TOKEN_USED, "used\nup");
  g_autofree char *text = funnel_join_error_print (used);
  g_autoptr (GError) back = funnel_join_error_parse (text, strlen (text));
  g_autoptr (GError) garbage = funnel_join_error_parse ("<html>", 6);

  g_assert_error (back, FUNNEL_ERROR, FUNNEL_ERROR_TOKEN_USED);
  g_assert_cmpstr (back->message, ==, "used up");
  g_assert_error (garbage, FUNNEL_ERROR, FUNNEL_ERROR_PROTOCOL);
}

static void
test_endpoint (void)
{
  static const char *const bad[]
      = {"",        "host",  "host:", ":1",       "host:0", "host:65536",
         "host:+1", "::1:5", "[::1]", "[host]:5", "a b:5",  "[fe80::1%eth0]:5"};
  g_autofree char *host = NULL;
  guint16 port = 0;

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (funnel_endpoint_split (bad[i], &host, &port, &error));
      g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT);
    }
  g_assert_true (funnel_endpoint_split ("VPS.example:51820", &host, &port, NULL));
  g_assert_cmpstr (host, ==, "vps.example");
  g_assert_cmpuint (port, ==, 51820);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/join-message/request", test_request);
  g_test_add_func ("/base/join-message/request-refused", test_request_refused);
  g_test_add_func ("/base/join-message/answer", test_answer);
  g_test_add_func ("/base/join-message/errors", test_errors);
  g_test_add_func ("/base/join-message/endpoint", test_endpoint);
  return g_test_run ();
}
