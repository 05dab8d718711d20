/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/base/link-message.h"

#include "lib/base/error.h"

#include <string.h>

static FunnelLinkMessage *
again (FunnelLinkMessage *message)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = funnel_link_message_print (message);
  FunnelLinkMessage *back = funnel_link_message_parse (text, strlen (text), &error);

  g_assert_no_error (error);
  g_assert_cmpint (back->type, ==, message->type);
  return back;
}

static void
assert_refused (const char *text, FunnelError code, const char *member)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (funnel_link_message_parse (text, strlen (text), &error));
  g_assert_error (error, FUNNEL_ERROR, (int)code);
  if (!strstr (error->message, member))
    g_error ("“%s” does not name “%s”", error->message, member);
}

static void
test_small (void)
{
  g_autoptr (FunnelLinkMessage) hello = funnel_link_message_new (FUNNEL_LINK_HELLO);
  g_autoptr (FunnelLinkMessage) ping = funnel_link_message_new (FUNNEL_LINK_PING);
  g_autoptr (FunnelLinkMessage) pong = funnel_link_message_new (FUNNEL_LINK_PONG);
  g_autoptr (FunnelLinkMessage) failure = funnel_link_message_new (FUNNEL_LINK_ERROR);
  g_autoptr (FunnelLinkMessage) hello2 = NULL, ping2 = NULL, pong2 = NULL, failure2 = NULL;

  hello->software = g_strdup ("funnel/0.1.0");
  hello->offer_port = 40001;
  hello2 = again (hello);
  g_assert_cmpuint (hello2->version, ==, FUNNEL_LINK_VERSION);
  g_assert_cmpstr (hello2->software, ==, "funnel/0.1.0");
  g_assert_cmpuint (hello2->offer_port, ==, 40001);
  ping->id = G_MAXUINT32;
  ping2 = again (ping);
  g_assert_cmpuint (ping2->id, ==, G_MAXUINT32);
  pong2 = again (pong);
  g_assert_cmpuint (pong2->id, ==, 0);
  failure->detail = g_strdup ("two\nlines");
  failure2 = again (failure);
  g_assert_cmpstr (failure2->detail, ==, "two lines");
}

static void
test_lists (void)
{
  static const guint16 ports[] = {443, 8443};
  g_autoptr (FunnelLinkMessage) shares = funnel_link_message_new (FUNNEL_LINK_SHARES);
  g_autoptr (FunnelLinkMessage) grants = funnel_link_message_new (FUNNEL_LINK_GRANTS);
  g_autoptr (FunnelLinkMessage) welcome = funnel_link_message_new (FUNNEL_LINK_WELCOME);
  g_autoptr (FunnelLinkMessage) routed = funnel_link_message_new (FUNNEL_LINK_ROUTED);
  g_autoptr (FunnelLinkMessage) shares2 = NULL, grants2 = NULL, welcome2 = NULL, routed2 = NULL;
  const FunnelLinkShare *share;
  const FunnelLinkGrant *grant;

  g_ptr_array_add (shares->shares, funnel_link_share_new ("a.example", 443, 7));
  g_ptr_array_add (shares->shares, funnel_link_share_new ("a.example", 8443, 0));
  shares2 = again (shares);
  g_assert_cmpuint (shares2->shares->len, ==, 2);
  share = g_ptr_array_index (shares2->shares, 0);
  g_assert_cmpstr (share->name, ==, "a.example");
  g_assert_cmpuint (share->port, ==, 443);
  g_assert_cmpuint (share->epoch, ==, 7);

  g_ptr_array_add (grants->grants, funnel_link_grant_new ("a.example", ports, 2, 1900000000));
  g_ptr_array_add (routed->shares, funnel_link_share_new ("b.example", 443, 9));
  routed2 = again (routed);
  share = g_ptr_array_index (routed2->shares, 0);
  g_assert_cmpint (routed2->type, ==, FUNNEL_LINK_ROUTED);
  g_assert_cmpuint (share->epoch, ==, 9);

  grants2 = again (grants);
  grant = g_ptr_array_index (grants2->grants, 0);
  g_assert_cmpuint (grant->n_ports, ==, 2);
  g_assert_cmpuint (grant->ports[1], ==, 8443);
  g_assert_cmpint (grant->expires, ==, 1900000000);

  welcome->node = g_strdup ("laptop");
  welcome->zone = g_strdup ("example");
  g_array_append_vals (welcome->public_ports, ports, 2);
  welcome->ping_interval = 5;
  welcome2 = again (welcome);
  g_assert_cmpstr (welcome2->node, ==, "laptop");
  g_assert_cmpuint (welcome2->public_ports->len, ==, 2);
  g_assert_cmpuint (welcome2->ping_interval, ==, 5);
}

static void
test_probe (void)
{
  static const char *const addresses[] = {"203.0.113.7", "2001:db8::7", NULL};

  for (guint outcome = FUNNEL_PROBE_OK; outcome <= FUNNEL_PROBE_TIMEOUT; outcome++)
    {
      g_autoptr (FunnelLinkMessage) probe = funnel_link_message_new (FUNNEL_LINK_PROBE);
      g_autoptr (FunnelLinkMessage) back = NULL;

      probe->name = g_strdup ("a.example");
      probe->port = 443;
      probe->epoch = 3;
      probe->outcome = (FunnelProbeOutcome)outcome;
      probe->detail = g_strdup ("one line");
      probe->leaf = outcome == FUNNEL_PROBE_OK ? g_strnfill (64, 'a') : NULL;
      probe->addresses = g_strdupv ((char **)addresses);
      back = again (probe);
      g_assert_cmpint (back->outcome, ==, outcome);
      g_assert_cmpstr (back->leaf, ==, probe->leaf);
      g_assert_cmpstr (back->detail, ==, "one line");
      g_assert_cmpstrv (back->addresses, addresses);
    }
}

static void
test_claims (void)
{
  static const char *const names[] = {"blog.example.net", "xn--bcher-kva.example", NULL};
  static const char *const records[] = {"a. 300 IN CNAME b.", "_funnel.a. 300 IN TXT \"x\"", NULL};
  g_autoptr (FunnelLinkMessage) claims = funnel_link_message_new (FUNNEL_LINK_CLAIMS);
  g_autoptr (FunnelLinkMessage) none = funnel_link_message_new (FUNNEL_LINK_CLAIMS);
  g_autoptr (FunnelLinkMessage) claimed = funnel_link_message_new (FUNNEL_LINK_CLAIMED);
  g_autoptr (FunnelLinkMessage) claims2 = NULL, claimed2 = NULL, none2 = NULL;
  FunnelLinkClaim *claim = funnel_link_claim_new ("a.example", FUNNEL_CLAIM_REFUSED);

  claims->names = g_strdupv ((char **)names);
  claims2 = again (claims);
  g_assert_cmpstrv (claims2->names, names);
  none2 = again (none);
  g_assert_cmpuint (g_strv_length (none2->names), ==, 0);

  claim->reason = g_strdup ("no record");
  g_strfreev (claim->records);
  claim->records = g_strdupv ((char **)records);
  g_ptr_array_add (claimed->claims, claim);
  g_ptr_array_add (claimed->claims, funnel_link_claim_new ("b.example", FUNNEL_CLAIM_HELD));
  claimed2 = again (claimed);
  g_assert_cmpuint (claimed2->claims->len, ==, 2);
  claim = g_ptr_array_index (claimed2->claims, 0);
  g_assert_cmpstr (claim->name, ==, "a.example");
  g_assert_cmpint (claim->state, ==, FUNNEL_CLAIM_REFUSED);
  g_assert_cmpstr (claim->reason, ==, "no record");
  g_assert_cmpstrv (claim->records, records);
  claim = g_ptr_array_index (claimed2->claims, 1);
  g_assert_cmpint (claim->state, ==, FUNNEL_CLAIM_HELD);
  g_assert_null (claim->reason);
}

static void
test_bad_claims (void)
{
  g_autoptr (GString) many = g_string_new ("{\"type\":\"claims\",\"names\":[");

  assert_refused ("{\"type\":\"claims\"}", FUNNEL_ERROR_PROTOCOL, "names");
  assert_refused ("{\"type\":\"claims\",\"names\":[1]}", FUNNEL_ERROR_PROTOCOL, "names[0]");
  assert_refused ("{\"type\":\"claims\",\"names\":[[]]}", FUNNEL_ERROR_PROTOCOL, "names[0]");
  assert_refused ("{\"type\":\"claims\",\"names\":[\"a.b\",\"*.a.b\"]}", FUNNEL_ERROR_PROTOCOL,
                  "names[1]");
  assert_refused ("{\"type\":\"claims\",\"names\":[\"A.b\"]}", FUNNEL_ERROR_PROTOCOL, "names[0]");
  assert_refused ("{\"type\":\"claims\",\"names\":[\"a.b\",\"a.b\"]}", FUNNEL_ERROR_PROTOCOL,
                  "names[1]");
  for (guint i = 0; i <= FUNNEL_LINK_CLAIMS_MAX; i++)
    g_string_append_printf (many, "%s\"n%u.example\"", i ? "," : "", i);
  g_string_append (many, "]}");
  assert_refused (many->str, FUNNEL_ERROR_PROTOCOL, "names");
  assert_refused ("{\"type\":\"claimed\",\"claims\":[{\"name\":\"a.b\",\"state\":\"mine\","
                  "\"records\":[]}]}",
                  FUNNEL_ERROR_PROTOCOL, "claims[0].state");
  assert_refused ("{\"type\":\"claimed\",\"claims\":[{\"name\":\"a.b\",\"state\":\"held\"}]}",
                  FUNNEL_ERROR_PROTOCOL, "claims[0].records");
  assert_refused ("{\"type\":\"claimed\",\"claims\":[{\"name\":\"a.b\",\"state\":\"held\","
                  "\"records\":[\"\\u001b[2J\"]}]}",
                  FUNNEL_ERROR_PROTOCOL, "claims[0].records[0]");
}

static void
test_refused (void)
{
  assert_refused ("{\"type\":\"dance\"}", FUNNEL_ERROR_UNSUPPORTED, "type");
  assert_refused ("{}", FUNNEL_ERROR_PROTOCOL, "type");
  assert_refused ("{\"type\":1}", FUNNEL_ERROR_PROTOCOL, "type");
  assert_refused ("{\"type\":\"hello\"}", FUNNEL_ERROR_PROTOCOL, "version");
  assert_refused ("{\"type\":\"hello\",\"version\":1}", FUNNEL_ERROR_PROTOCOL, "offer_port");
  assert_refused ("{\"type\":\"hello\",\"version\":1,\"offer_port\":65536}", FUNNEL_ERROR_PROTOCOL,
                  "offer_port");
  assert_refused ("{\"type\":\"hello\",\"version\":1,\"offer_port\":\"1\"}", FUNNEL_ERROR_PROTOCOL,
                  "offer_port");
  assert_refused ("{\"type\":\"hello\",\"version\":1,\"offer_port\":1,\"software\":\"a\\u0007\"}",
                  FUNNEL_ERROR_PROTOCOL, "software");
  assert_refused ("{\"type\":\"shares\",\"shares\":{}}", FUNNEL_ERROR_PROTOCOL, "shares");
  assert_refused ("{\"type\":\"shares\",\"shares\":[1]}", FUNNEL_ERROR_PROTOCOL, "shares[0]");
  assert_refused ("{\"type\":\"shares\",\"shares\":[{\"name\":\"A.b\",\"port\":1,\"epoch\":0}]}",
                  FUNNEL_ERROR_PROTOCOL, "shares[0].name");
  assert_refused ("{\"type\":\"shares\",\"shares\":[{\"name\":\"a.b\",\"port\":0,\"epoch\":0}]}",
                  FUNNEL_ERROR_PROTOCOL, "shares[0].port");
  assert_refused ("{\"type\":\"shares\",\"shares\":[{\"name\":\"a.b\",\"port\":1,\"epoch\":0},{"
                  "\"name\":\"a.b\",\"port\":1,\"epoch\":2}]}",
                  FUNNEL_ERROR_PROTOCOL, "shares[1].name");
  assert_refused (
      "{\"type\":\"grants\",\"grants\":[{\"name\":\"a.b\",\"ports\":[],\"expires\":0}]}",
      FUNNEL_ERROR_PROTOCOL, "grants[0].ports");
  assert_refused (
      "{\"type\":\"grants\",\"grants\":[{\"name\":\"a.b\",\"ports\":[1],\"expires\":-1}]}",
      FUNNEL_ERROR_PROTOCOL, "grants[0].expires");
  assert_refused ("{\"type\":\"welcome\",\"version\":1,\"node\":\"a\",\"zone\":\"b\",\"ping_"
                  "interval\":0,\"public_ports\":[1]}",
                  FUNNEL_ERROR_PROTOCOL, "ping_interval");
  assert_refused ("{\"type\":\"probe\",\"name\":\"a\",\"port\":1,\"epoch\":0,\"outcome\":\"fine\"}",
                  FUNNEL_ERROR_PROTOCOL, "outcome");
  assert_refused ("{\"type\":\"probe\",\"name\":\"a\",\"port\":1,\"epoch\":0,\"outcome\":\"ok\","
                  "\"leaf\":\"AB\"}",
                  FUNNEL_ERROR_PROTOCOL, "leaf");
  assert_refused ("{\"type\":\"probe\",\"name\":\"a\",\"port\":1,\"epoch\":0,\"outcome\":\"ok\","
                  "\"addresses\":[\"x\"]}",
                  FUNNEL_ERROR_PROTOCOL, "addresses[0]");
  assert_refused ("{\"type\":\"ping\",\"id\":4294967296}", FUNNEL_ERROR_PROTOCOL, "id");
}

static void
test_limits (void)
{
  g_autoptr (FunnelLinkMessage) shares = funnel_link_message_new (FUNNEL_LINK_SHARES);
  g_autofree char *text = NULL, *spaces = g_strnfill (FUNNEL_LINK_MESSAGE_MAX, ' '), *big = NULL;

  for (guint i = 0; i <= FUNNEL_LINK_SHARES_MAX; i++)
    {
      g_autofree char *name = g_strdup_printf ("n%u.example", i);

      g_ptr_array_add (shares->shares, funnel_link_share_new (name, 443, 0));
    }
  text = funnel_link_message_print (shares);
  assert_refused (text, FUNNEL_ERROR_PROTOCOL, "shares");
  big = g_strconcat ("{\"type\":\"ping\",\"id\":1}", spaces, NULL);
  assert_refused (big, FUNNEL_ERROR_PROTOCOL, "message");
}

/* Members of a later version are ignored. */
static void
test_unknown_members (void)
{
  static const char text[] = "{\"type\":\"ping\",\"id\":1,\"later\":{\"x\":[1,2]}}";
  g_autoptr (FunnelLinkMessage) message = funnel_link_message_parse (text, strlen (text), NULL);

  g_assert_nonnull (message);
  g_assert_cmpuint (message->id, ==, 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/link-message/small", test_small);
  g_test_add_func ("/base/link-message/claims", test_claims);
  g_test_add_func ("/base/link-message/bad-claims", test_bad_claims);
  g_test_add_func ("/base/link-message/lists", test_lists);
  g_test_add_func ("/base/link-message/probe", test_probe);
  g_test_add_func ("/base/link-message/refused", test_refused);
  g_test_add_func ("/base/link-message/limits", test_limits);
  g_test_add_func ("/base/link-message/unknown-members", test_unknown_members);
  return g_test_run ();
}
