/* SPDX-License-Identifier: GPL-3.0-or-later */

/* What a target is told in front of the visitor's bytes (PROXY protocol), which protocols are
 * chosen where TLS ends here, and that the ends of both directions still pass. */

#include "tests/unit/daemon/serve/local-target.h"
#include "tests/unit/daemon/serve/serve-fixture.h"
#include "tests/unit/daemon/serve/tls-visitor.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V1_LINE "PROXY TCP4 203.0.113.9 198.51.100.7 51514 443\r\n"

static const char tls12[] = "NORMAL:-VERS-ALL:+VERS-TLS1.2";
static const char tls13[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3";

/* A listener that takes one connection, reads it to its end, then answers "bye" and ends. */
typedef struct
{
  int listener;
  guint16 port;
  GByteArray *got;
  GThread *thread;
} Listener;

static gpointer
take_one (gpointer data)
{
  Listener *self = data;
  int fd = accept (self->listener, NULL, NULL);

  g_assert_cmpint (fd, >=, 0);
  self->got = read_to_end (fd);
  send_all (fd, "bye", 3);
  close (fd);
  return NULL;
}

static void
listener_start (Listener *self)
{
  self->listener = loopback_listen (&self->port);
  self->thread = g_thread_new ("listener", take_one, self);
}

static void
listener_stop (Listener *self)
{
  close (self->listener);
  g_byte_array_unref (self->got);
}

static void
share_with (Fixture *f, FunnelServeKind kind, guint16 port, guint version, const char *alpn)
{
  FunnelServeShare *share = fixture_make_share (f, kind, port);

  share->proxy_protocol = version;
  if (alpn != NULL)
    share->alpn = g_strsplit (alpn, ",", -1);
  fixture_set_share (f, share);
}

/* Offers a hello for a share that passes TLS through, ends, and returns what the target got. */
static GByteArray *
pass_hello (Fixture *f, guint version, const char *source, const char *destination)
{
  g_autoptr (GByteArray) hello = make_hello (NAME, NULL);
  g_autoptr (GByteArray) offer = make_offer_from (NAME, hello, source, destination);
  g_autoptr (GByteArray) answered = NULL;
  Listener target;
  struct offer_answer answer;
  int fd = loopback_connect (f->node_port, 1);

  listener_start (&target);
  share_with (f, FUNNEL_SERVE_PASS_THROUGH, target.port, version, NULL);
  send_all (fd, offer->data, offer->len);
  g_assert_true (read_answer (fd, &answer));
  g_assert_cmpint (answer.kind, ==, OFFER_ANSWER_ACCEPTED);
  shutdown (fd, SHUT_WR);
  answered = read_to_end (fd);
  g_assert_cmpmem (answered->data, answered->len, "bye", 3);
  g_thread_join (target.thread);
  g_assert_cmpuint (target.got->len, >=, hello->len);
  g_assert_cmpmem (target.got->data + target.got->len - hello->len, hello->len, hello->data,
                   hello->len);
  g_byte_array_ref (target.got);
  g_byte_array_set_size (target.got, target.got->len - hello->len);
  g_assert_cmpuint (fixture_counters (f).bytes_in, ==, hello->len); /* the visitor's own only */
  listener_stop (&target);
  close (fd);
  return target.got;
}

static void
test_v1 (Fixture *f, gconstpointer data)
{
  static const struct
  {
    const char *source, *destination, *line;
  } rows[] = {
      {OFFER_SOURCE, OFFER_DESTINATION, V1_LINE},
      {OFFER_SOURCE, NULL, "PROXY TCP4 203.0.113.9 0.0.0.0 51514 443\r\n"},
      {"[2001:db8::9]:7", "[2001:db8::1]:443", "PROXY TCP6 2001:db8::9 2001:db8::1 7 443\r\n"},
      {"[2001:db8::9]:7", NULL, "PROXY TCP6 2001:db8::9 :: 7 443\r\n"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GByteArray) header = NULL;

      fixture_unshare (f); /* counters begin anew */
      header = pass_hello (f, 1, rows[i].source, rows[i].destination);
      g_assert_cmpmem (header->data, header->len, rows[i].line, strlen (rows[i].line));
    }
}

/* Checks the fixed part and returns the TLVs that follow. */
static const guint8 *
check_v2 (const GByteArray *header, gsize *tlvs_len)
{
  static const guint8 start[] = {0x21, 0x11};
  static const guint8 addresses[] = {203, 0, 113, 9, 198, 51, 100, 7, 0xc9, 0x3a, 0x01, 0xbb};
  gsize len;

  g_assert_cmpuint (header->len, >=, 28);
  g_assert_cmpmem (header->data, 12, SIGNATURE, 12);
  g_assert_cmpmem (header->data + 12, 2, start, 2);
  len = (gsize)header->data[14] << 8 | header->data[15];
  g_assert_cmpuint (header->len, >=, 16 + len);
  g_assert_cmpmem (header->data + 16, 12, addresses, 12);
  *tlvs_len = len - 12;
  return header->data + 28;
}

/* The value of TLV @type, or NULL. */
static const guint8 *
find_tlv (const guint8 *tlvs, gsize tlvs_len, guint8 type, gsize *len)
{
  for (gsize at = 0; at < tlvs_len; at += 3 + *len)
    {
      g_assert_cmpuint (at + 3, <=, tlvs_len);
      *len = (gsize)tlvs[at + 1] << 8 | tlvs[at + 2];
      g_assert_cmpuint (at + 3 + *len, <=, tlvs_len);
      if (tlvs[at] == type)
        return tlvs + at + 3;
    }
  return NULL;
}

static void
assert_tlv (const guint8 *tlvs, gsize tlvs_len, guint8 type, const char *text)
{
  gsize len = 0;
  const guint8 *value = find_tlv (tlvs, tlvs_len, type, &len);

  g_assert_nonnull (value);
  g_assert_cmpmem (value, len, text, strlen (text));
}

static void
test_v2_pass_through (Fixture *f, gconstpointer data)
{
  g_autoptr (GByteArray) header = pass_hello (f, 2, OFFER_SOURCE, OFFER_DESTINATION);
  gsize tlvs_len, len;
  const guint8 *tlvs = check_v2 (header, &tlvs_len);

  g_assert_cmpuint (header->len, ==, 28 + tlvs_len);
  assert_tlv (tlvs, tlvs_len, 0x02, NAME);
  assert_tlv (tlvs, tlvs_len, 0x05, OFFER_FLOW);
  g_assert_nonnull (find_tlv (tlvs, tlvs_len, 0x03, &len));
  g_assert_null (find_tlv (tlvs, tlvs_len, 0x01, &len)); /* not chosen yet */
  g_assert_null (find_tlv (tlvs, tlvs_len, 0x20, &len)); /* TLS does not end here */
}

static void
test_none (Fixture *f, gconstpointer data)
{
  g_autoptr (GByteArray) header = pass_hello (f, 0, OFFER_SOURCE, OFFER_DESTINATION);

  g_assert_cmpuint (header->len, ==, 0);
}

/* A visitor of a share that ends TLS says "hi" and ends; returns what the target got. */
static GByteArray *
terminate_hi (Fixture *f, guint version, const char *priority)
{
  g_autoptr (Visitor) visitor = NULL;
  Listener target;
  char bye[8];

  listener_start (&target);
  share_with (f, FUNNEL_SERVE_TERMINATE, target.port, version, "first,second");
  visitor = visitor_connect_alpn (ingress_player_get_port (f->ingress), NAME, priority, "second");
  g_assert_cmpint (visitor->error, ==, 0);
  g_assert_true (visitor_send (visitor, "hi", 2));
  visitor_end (visitor);
  g_assert_cmpint (visitor_recv (visitor, bye, sizeof bye), ==, 3);
  g_assert_cmpint (visitor_recv (visitor, bye + 3, sizeof bye - 3), ==, 0);
  g_assert_cmpmem (bye, 3, "bye", 3);
  g_thread_join (target.thread);
  g_byte_array_ref (target.got);
  listener_stop (&target);
  return target.got;
}

static void
test_v1_terminate (Fixture *f, gconstpointer data)
{
  g_autoptr (GByteArray) got = terminate_hi (f, 1, tls13);

  g_assert_cmpmem (got->data, got->len, V1_LINE "hi", strlen (V1_LINE "hi"));
}

static void
check_terminated (GByteArray *got, const char *version, const char *cipher_part)
{
  gsize tlvs_len, len, version_len, cipher_len;
  const guint8 *tlvs = check_v2 (got, &tlvs_len);
  const guint8 *tls = find_tlv (tlvs, tlvs_len, 0x20, &len);
  const guint8 *text;

  g_assert_cmpmem (got->data + 28 + tlvs_len, got->len - 28 - tlvs_len, "hi", 2);
  assert_tlv (tlvs, tlvs_len, 0x01, "second");
  assert_tlv (tlvs, tlvs_len, 0x02, NAME);
  assert_tlv (tlvs, tlvs_len, 0x05, OFFER_FLOW);
  g_assert_nonnull (tls);
  g_assert_cmpuint (len, >, 5);
  g_assert_cmpuint (tls[0], ==, 1);                       /* by TLS, without a certificate */
  g_assert_cmpmem (tls + 1, 4, "\0\0\0\1", 4);            /* nothing verified */
  text = find_tlv (tls + 5, len - 5, 0x21, &version_len); /* sub-TLVs look the same */
  g_assert_cmpmem (text, version_len, version, strlen (version));
  text = find_tlv (tls + 5, len - 5, 0x23, &cipher_len);
  g_assert_nonnull (g_strstr_len ((const char *)text, (gssize)cipher_len, cipher_part));
}

static void
test_v2_terminate (Fixture *f, gconstpointer data)
{
  g_autoptr (GByteArray) thirteen = terminate_hi (f, 2, tls13);
  g_autoptr (GByteArray) twelve = NULL;

  check_terminated (thirteen, "TLSv1.3", "TLS_AES_128_GCM_SHA256");
  twelve = terminate_hi (f, 2, tls12);
  check_terminated (twelve, "TLSv1.2", "TLS_ECDHE_");
}

static void
assert_alpn (Fixture *f, const char *priority, const char *offered, const char *chosen)
{
  g_autoptr (Visitor) visitor
      = visitor_connect_alpn (ingress_player_get_port (f->ingress), NAME, priority, offered);
  gnutls_datum_t protocol = {NULL, 0};

  g_assert_cmpint (visitor->error, ==, 0);
  if (chosen == NULL)
    {
      g_assert_cmpint (gnutls_alpn_get_selected_protocol (visitor->session, &protocol), <, 0);
      return;
    }
  g_assert_cmpint (gnutls_alpn_get_selected_protocol (visitor->session, &protocol), ==, 0);
  g_assert_cmpmem (protocol.data, protocol.size, chosen, strlen (chosen));
}

static void
test_alpn (Fixture *f, gconstpointer data)
{
  const char *priorities[] = {tls13, tls12};
  LocalTarget *target = local_target_new (TARGET_ECHO, NULL, NULL);
  guint16 port = local_target_get_port (target);

  for (guint i = 0; i < G_N_ELEMENTS (priorities); i++)
    {
      g_autoptr (Visitor) stranger = NULL;

      share_with (f, FUNNEL_SERVE_TERMINATE, port, 0, "imap,http/1.1");
      assert_alpn (f, priorities[i], "imap", "imap");
      assert_alpn (f, priorities[i], "http/1.1", "http/1.1");
      assert_alpn (f, priorities[i], NULL, NULL);
      stranger
          = visitor_connect_alpn (ingress_player_get_port (f->ingress), NAME, priorities[i], "h2");
      g_assert_cmpint (stranger->error, ==, GNUTLS_E_FATAL_ALERT_RECEIVED);
      g_assert_cmpint (gnutls_alert_get (stranger->session), ==, GNUTLS_A_NO_APPLICATION_PROTOCOL);
      share_with (f, FUNNEL_SERVE_TERMINATE, port, 0, NULL);
      assert_alpn (f, priorities[i], "h2", NULL);
    }
  local_target_free (target);
}

#define ADD(path, function)                                                                        \
  g_test_add ("/serve/proxy-protocol/" path, Fixture, NULL, fixture_set_up, function,              \
              fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("v1", test_v1);
  ADD ("none", test_none);
  ADD ("v2-pass-through", test_v2_pass_through);
  ADD ("v1-terminate", test_v1_terminate);
  ADD ("v2-terminate", test_v2_terminate);
  ADD ("alpn", test_alpn);
  return g_test_run ();
}
