/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The agent's parts that need no namespace: datagrams, and the table of peers. */

#include "lib/tunnel/agent/agent-message.h"
#include "lib/tunnel/agent/peer-table.h"

#include <glib.h>
#include <string.h>

static bool
parse (struct message *message, const char *text, gsize len)
{
  char error[128] = "";
  bool good;

  memcpy (message->text, text, len);
  message->len = len;
  good = message_parse (message, error, sizeof error);
  g_assert_cmpint (good, ==, error[0] == '\0');
  return good;
}

static void
test_message (void)
{
  g_autofree struct message *message = g_new0 (struct message, 1);
  static const char good[] = "up\naddress=100.64.0.2/32\nempty=\nwith=a=b\n";

  g_assert_true (parse (message, good, sizeof good - 1));
  g_assert_cmpstr (message->verb, ==, "up");
  g_assert_cmpstr (message_get (message, "address"), ==, "100.64.0.2/32");
  g_assert_cmpstr (message_get (message, "empty"), ==, "");
  g_assert_cmpstr (message_get (message, "with"), ==, "a=b");
  g_assert_null (message_get (message, "addres"));
  message_clear (message);
  g_assert_cmpmem (message->text, 4, "\0\0\0\0", 4);
  for (gsize cut = 0; cut < sizeof good - 1; cut++)
    {
      bool whole = cut > 0 && good[cut - 1] == '\n';

      g_assert_cmpint (parse (message, good, cut), ==, whole);
    }
  g_assert_false (parse (message, "up\na=1\na=2\n", 11));
  g_assert_false (parse (message, "up\n=1\n", 6));
  g_assert_false (parse (message, "up\na\n", 5));
  g_assert_false (parse (message, "\n", 1));
  g_assert_false (parse (message, "up\na=\0\n", 7));
}

static void
test_answer (void)
{
  struct answer answer;
  char big[2000];

  answer_init (&answer, "ok");
  answer_field (&answer, "a", "%s", "x\ny=z\r");
  g_assert_cmpmem (answer.text, answer.len, "ok\na=x y=z \n", 12);
  g_assert_false (answer_error (&answer, "failed", "%d", 7));
  g_assert_cmpmem (answer.text, answer.len, "error\ncode=failed\nmessage=7\n", 28);
  memset (big, 'x', sizeof big - 1);
  big[sizeof big - 1] = '\0';
  for (int i = 0; i < 10; i++)
    answer_field (&answer, "b", "%s", big);
  g_assert_cmpuint (answer.len, <, sizeof answer.text);
  g_assert_cmpint (answer.text[answer.len - 1], ==, '\n');
}

static void
test_number (void)
{
  unsigned long out;

  g_assert_true (parse_number ("0", 0, 9, &out) && out == 0);
  g_assert_true (parse_number ("65535", 1, 65535, &out) && out == 65535);
  for (const char *const *text
       = (const char *const[]) {"", " 1", "+1", "-1", "1 ", "65536", "0x1", "9999999999", NULL};
       *text; text++)
    g_assert_false (parse_number (*text, 0, 65535, &out));
}

static void
make_peer (struct peer *peer, guint i)
{
  guint32 raw[8] = {i, i * 2654435761u};
  g_autofree char *key = g_base64_encode ((const guchar *)raw, sizeof raw);
  g_autofree char *allowed = g_strdup_printf ("100.64.%u.%u/32", i >> 8 & 255, i & 255);

  g_assert_null (peer_parse (peer, key, allowed, "192.0.2.1:5", "25"));
}

/* Adds, replaces and removes in an order that exercises the index's gaps, against a plain model. */
static void
test_table (void)
{
  enum
  {
    COUNT = 3000
  };
  struct peer_table table = {0};
  gboolean present[COUNT] = {FALSE};
  gsize expected = 0;
  struct peer peer;

  for (guint step = 0; step < 20 * COUNT; step++)
    {
      guint i = g_random_int_range (0, COUNT);

      make_peer (&peer, i);
      if (g_random_boolean ())
        {
          g_assert_nonnull (peer_table_put (&table, &peer));
          expected += !present[i];
          present[i] = TRUE;
        }
      else
        {
          g_assert_cmpint (peer_table_remove (&table, peer.key), ==, present[i]);
          expected -= present[i];
          present[i] = FALSE;
        }
      g_assert_cmpuint (table.count, ==, expected);
    }
  for (guint i = 0; i < COUNT; i++)
    {
      struct peer *found;

      make_peer (&peer, i);
      found = peer_table_find (&table, peer.key);
      g_assert_cmpint (found != NULL, ==, present[i]);
      if (found)
        g_assert_cmpstr (found->allowed, ==, peer.allowed);
    }
  peer_table_clear (&table);
}

static void
test_table_cap (void)
{
  struct peer_table table = {0};
  struct peer peer;

  for (guint i = 0; i < PEERS_MAX; i++)
    {
      make_peer (&peer, i);
      g_assert_nonnull (peer_table_put (&table, &peer));
    }
  g_assert_nonnull (peer_table_put (&table, &peer));
  make_peer (&peer, PEERS_MAX);
  g_assert_null (peer_table_put (&table, &peer));
  g_assert_cmpuint (table.count, ==, PEERS_MAX);
  peer_table_clear (&table);
}

static void
test_keys (void)
{
  g_assert_true (peer_key_valid ("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="));
  g_assert_true (peer_key_valid ("//////////////////////////////////////////8="));
  g_assert_false (peer_key_valid ("//////////////////////////////////////////9="));
  g_assert_false (peer_key_valid ("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
  g_assert_false (peer_key_valid ("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="));
  g_assert_false (peer_key_valid ("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\nA="));
  g_assert_false (peer_key_valid (""));
  g_assert_true (peer_cidr_valid ("100.64.0.0/10"));
  for (const char *const *text
       = (const char *const[]) {"100.64.0.0", "100.64.0.0/33", "100.64.0/8", "::/0", "/0",
                                "1.2.3.4/", "1.2.3.4/1/2", "1.2.3.4/32\nroute", NULL};
       *text; text++)
    g_assert_false (peer_cidr_valid (*text));
}

static gboolean
parses (const char *text, gsize count)
{
  g_autofree char *copy = g_strdup (text);
  struct peer_table table = {0};
  char error[200];
  bool good = peer_table_parse (&table, copy, error, sizeof error);

  if (good)
    g_assert_cmpuint (table.count, ==, count);
  peer_table_clear (&table);
  return good;
}

#define KEY "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static void
test_sections (void)
{
  g_assert_true (parses ("", 0));
  g_assert_true (parses ("# nothing\n\n", 0));
  g_assert_true (parses ("[Peer]\nPublicKey=" KEY "\nAllowedIPs=10.0.0.1/32", 1));
  g_assert_true (
      parses ("[peer]\r\n publickey = " KEY "\r\n  AllowedIPs = 10.0.0.1/32, 10.0.0.2/32\r\n", 1));
  g_assert_true (parses ("[Peer]\nPublicKey=" KEY "\nAllowedIPs=10.0.0.1/32\nEndpoint=[::1]:5\n"
                         "PersistentKeepalive=5\n[Peer]\nPublicKey=" KEY
                         "\nAllowedIPs=10.0.0.9/32\n",
                         1));
  g_assert_false (parses ("PublicKey=" KEY "\n", 0));
  g_assert_false (parses ("[Peer]\n", 0));
  g_assert_false (parses ("[Peer]\nPublicKey=" KEY "\n", 0));
  g_assert_false (
      parses ("[Peer]\nPublicKey=" KEY "\nAllowedIPs=10.0.0.1/32\nPresharedKey=" KEY "\n", 0));
  g_assert_false (parses ("[Interface]\nPrivateKey=" KEY "\n", 0));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/agent/message", test_message);
  g_test_add_func ("/agent/answer", test_answer);
  g_test_add_func ("/agent/number", test_number);
  g_test_add_func ("/agent/peer-table", test_table);
  g_test_add_func ("/agent/peer-table-cap", test_table_cap);
  g_test_add_func ("/agent/keys", test_keys);
  g_test_add_func ("/agent/sections", test_sections);
  return g_test_run ();
}
