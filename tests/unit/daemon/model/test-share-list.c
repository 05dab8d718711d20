/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/model/share-document.h"
#include "daemon/model/share-list.h"

#include "lib/base/error.h"

#include <string.h>

static FunnelShareSpec *
make_spec (const char *name, guint16 port)
{
  FunnelShareSpec *spec = funnel_share_spec_new ();

  spec->name = g_strdup (name);
  spec->port = port;
  funnel_mounts_put (spec->mounts, funnel_mount_spec_new ("/", "http://localhost:3000"));
  return spec;
}

static void
set_target (FunnelShareSpec *spec, const char *target)
{
  funnel_mounts_put (spec->mounts, funnel_mount_spec_new ("/", target));
}

static void
count_signal (FunnelShareList *list, FunnelShare *share, guint *count)
{
  (*count)++;
}

static void
count_notify (GObject *object, GParamSpec *pspec, guint *count)
{
  (*count)++;
}

static void
test_put_replace_remove (void)
{
  g_autoptr (FunnelShareList) list = funnel_share_list_new ();
  g_autoptr (FunnelShareSpec) spec = make_spec ("a.example", 443);
  g_autofree char *empty = g_strdup (funnel_share_list_get_etag (list));
  g_autofree char *first = NULL;
  guint added = 0, replaced = 0, removed = 0, etags = 0;
  FunnelShare *share = NULL;

  g_signal_connect (list, "added", G_CALLBACK (count_signal), &added);
  g_signal_connect (list, "replaced", G_CALLBACK (count_signal), &replaced);
  g_signal_connect (list, "removed", G_CALLBACK (count_signal), &removed);
  g_signal_connect (list, "notify::etag", G_CALLBACK (count_notify), &etags);
  share = funnel_share_list_put (list, spec);
  g_assert_cmpuint (funnel_share_get_spec (share)->id, ==, 1);
  first = g_strdup (funnel_share_list_get_etag (list));
  g_assert_cmpstr (first, !=, empty);

  set_target (spec, "http://localhost:4000");
  g_assert_true (funnel_share_list_check (list, spec, NULL));
  g_assert_true (funnel_share_list_put (list, spec) == share);
  g_assert_cmpuint (funnel_share_get_spec (share)->id, ==, 1);
  g_assert_cmpstr (funnel_share_spec_get_target (funnel_share_get_spec (share)), ==,
                   "http://localhost:4000");
  g_assert_cmpstr (funnel_share_list_get_etag (list), !=, first);

  funnel_share_list_remove (list, share);
  g_assert_cmpstr (funnel_share_list_get_etag (list), ==, empty);
  g_assert_cmpuint (added, ==, 1);
  g_assert_cmpuint (replaced, ==, 1);
  g_assert_cmpuint (removed, ==, 1);
  g_assert_cmpuint (etags, ==, 3);
}

/* Counters belong to an id for the life of the daemon, so an id never comes back. */
static void
test_ids_are_not_reused (void)
{
  g_autoptr (FunnelShareList) list = funnel_share_list_new ();
  g_autoptr (FunnelShareSpec) spec = make_spec ("a.example", 443);
  FunnelShare *share = funnel_share_list_put (list, spec);

  funnel_share_list_remove (list, share);
  share = funnel_share_list_put (list, spec);
  g_assert_cmpuint (funnel_share_get_spec (share)->id, ==, 2);
  g_assert_true (funnel_share_list_find_id (list, 2) == share);
  g_assert_null (funnel_share_list_find_id (list, 1));
}

static void
assert_conflict (FunnelShareList *list, const FunnelShareSpec *spec, const char *says)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (funnel_share_list_check (list, spec, &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_CONFLICT);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, says));
}

static void
test_conflicts (void)
{
  g_autoptr (FunnelShareList) list = funnel_share_list_new ();
  g_autoptr (FunnelShareSpec) background = make_spec ("a.example", 443);
  g_autoptr (FunnelShareSpec) foreground = make_spec ("a.example", 443);
  g_autoptr (FunnelShareSpec) other = make_spec ("a.example", 443);
  g_autoptr (FunnelShareSpec) elsewhere = make_spec ("b.example", 443);
  FunnelShare *share = NULL;

  foreground->foreground = TRUE;
  foreground->owner = g_strdup (":1.5");
  share = funnel_share_list_put (list, background);
  other->kind = FUNNEL_SHARE_TCP;
  assert_conflict (list, other, "want to serve \"tcp\", but port 443 is already serving \"https\"");
  assert_conflict (list, foreground, "listener already exists for port 443");
  g_assert_true (funnel_share_list_check (list, elsewhere, NULL));

  funnel_share_list_remove (list, share);
  funnel_share_list_put (list, foreground);
  assert_conflict (list, background, "foreground listener already exists for port 443");
  g_assert_true (funnel_share_list_check (list, foreground, NULL));
  g_free (foreground->owner);
  foreground->owner = g_strdup (":1.6");
  assert_conflict (list, foreground, "foreground listener already exists for port 443");
}

static void
test_etag (void)
{
  g_autoptr (FunnelShareList) list = funnel_share_list_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (FunnelShareSpec) spec = make_spec ("a.example", 443);
  g_autofree char *old = g_strdup (funnel_share_list_get_etag (list));
  g_autofree char *text = NULL, *sum = NULL;

  funnel_share_list_put (list, spec);
  g_assert_true (funnel_share_list_check_etag (list, NULL, NULL));
  g_assert_true (funnel_share_list_check_etag (list, funnel_share_list_get_etag (list), NULL));
  g_assert_false (funnel_share_list_check_etag (list, old, &error));
  g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_CONFLICT);
  /* Without foreground shares it is the SHA-256 of the file. */
  text = funnel_share_document_print (list, FALSE);
  sum = g_compute_checksum_for_string (G_CHECKSUM_SHA256, text, -1);
  g_assert_cmpstr (sum, ==, funnel_share_list_get_etag (list));
}

static void
test_document (void)
{
  g_autoptr (FunnelShareList) list = funnel_share_list_new (), again = funnel_share_list_new ();
  g_autoptr (FunnelShareSpec) spec = make_spec ("a.example", 443);
  g_autoptr (FunnelShareSpec) foreground = make_spec ("b.example", 443);
  g_autoptr (GPtrArray) specs = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL, *text_again = NULL;

  spec->certificate_file = g_strdup ("/etc/ssl/a.pem");
  spec->key_file = g_strdup ("/etc/ssl/a.key");
  foreground->foreground = TRUE;
  foreground->owner = g_strdup (":1.5");
  funnel_share_list_put (list, foreground);
  funnel_share_list_put (list, spec);
  text = funnel_share_document_print (list, FALSE);
  g_assert_null (strstr (text, "b.example"));
  specs = funnel_share_document_parse (text, strlen (text), NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (specs->len, ==, 1);
  funnel_share_list_put (again, g_ptr_array_index (specs, 0));
  text_again = funnel_share_document_print (again, FALSE);
  g_assert_cmpstr (text, ==, text_again);
}

/* Everything that can be said about a share stands in the document, and comes back out of it. */
static void
test_full_document (void)
{
  static const char text[]
      = "{\"version\":2,\"shares\":[{\"id\":3,\"name\":\"a.example\",\"port\":443,\"kind\":"
        "\"https\","
        "\"mounts\":[{\"path\":\"/\",\"target\":\"text:one\\ntwo\"},"
        "{\"path\":\"/api\",\"target\":\"http://nas.lan:80/v1\",\"lan\":true,\"force\":true,"
        "\"host_header\":\"target\",\"keep_prefix\":true},"
        "{\"path\":\"/f\",\"target\":\"/srv\",\"listing\":true}],"
        "\"access\":{\"allow\":[\"203.0.113.0/24\"],\"deny\":[\"203.0.113.9\"],\"max_conns\":7,"
        "\"rate\":5,\"auth_user\":\"me\",\"auth_hash\":\"$6$abcdefgh$x\"},"
        "\"expires\":1790000000},"
        "{\"id\":4,\"name\":\"a.example\",\"port\":8443,\"kind\":\"tls-terminated-tcp\","
        "\"mounts\":[{\"path\":\"/\",\"target\":\"tcp://localhost:22\"}],"
        "\"proxy_protocol\":2,\"alpn\":[\"ssh\",\"x\"]}]}";
  g_autoptr (FunnelShareList) list = funnel_share_list_new (), again = funnel_share_list_new ();
  g_autoptr (GPtrArray) specs = NULL, specs_again = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *printed = NULL, *printed_again = NULL;
  const FunnelShareSpec *spec = NULL;
  const FunnelMountSpec *mount = NULL;

  specs = funnel_share_document_parse (text, strlen (text), NULL, &error);
  g_assert_no_error (error);
  spec = g_ptr_array_index (specs, 0);
  mount = funnel_mounts_find (spec->mounts, "/api");
  g_assert_true (mount->lan && mount->force && mount->keep_prefix && !mount->listing);
  g_assert_cmpstr (mount->host_header, ==, "target");
  g_assert_true (((FunnelMountSpec *)funnel_mounts_find (spec->mounts, "/f"))->listing);
  g_assert_cmpstr (funnel_share_spec_get_target (spec), ==, "text:one\ntwo");
  g_assert_cmpstr (spec->access.allow[0], ==, "203.0.113.0/24");
  g_assert_cmpstr (spec->access.deny[0], ==, "203.0.113.9");
  g_assert_cmpuint (spec->access.max_conns, ==, 7);
  g_assert_cmpuint (spec->access.rate, ==, 5);
  g_assert_cmpstr (spec->access.auth_user, ==, "me");
  g_assert_cmpint (spec->expires, ==, 1790000000);
  spec = g_ptr_array_index (specs, 1);
  g_assert_cmpuint (spec->proxy_protocol, ==, 2);
  g_assert_cmpstr (spec->alpn[1], ==, "x");
  for (guint i = 0; i < specs->len; i++)
    funnel_share_list_put (list, g_ptr_array_index (specs, i));
  printed = funnel_share_document_print (list, FALSE);
  specs_again = funnel_share_document_parse (printed, strlen (printed), NULL, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < specs_again->len; i++)
    funnel_share_list_put (again, g_ptr_array_index (specs_again, i));
  printed_again = funnel_share_document_print (again, FALSE);
  g_assert_cmpstr (printed, ==, printed_again);
}

static void
test_older_document (void)
{
  static const char text[]
      = "{\"version\":1,\"shares\":[{\"id\":1,\"name\":\"a.example\",\"port\":443,\"kind\":"
        "\"https\","
        "\"target\":\"http://localhost:3000\",\"certificate_file\":\"/a\",\"key_file\":\"/b\"}]}";
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) specs = NULL;
  const FunnelShareSpec *spec = NULL;
  guint version = 0;

  specs = funnel_share_document_parse (text, strlen (text), &version, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (version, ==, 1);
  spec = g_ptr_array_index (specs, 0);
  g_assert_cmpstr (funnel_share_spec_get_target (spec), ==, "http://localhost:3000");
  g_assert_cmpstr (spec->certificate_file, ==, "/a");
  g_assert_true (funnel_share_access_is_public (&spec->access));
}

/* A rule that was misspelt must not be lost: that would let everybody in. */
static void
test_bad_members (void)
{
  static const char *const bad[] = {
      "\"mount\":[]",
      "\"mounts\":[]",
      "\"mounts\":[{\"path\":\"/\",\"target\":\"3000\",\"listings\":true}]",
      "\"mounts\":[{\"path\":\"/\",\"target\":\"3000\",\"lan\":\"yes\"}]",
      "\"mounts\":[{\"path\":\"x\",\"target\":\"3000\"}]",
      "\"mounts\":[{\"path\":\"/\",\"target\":\"3000\"},{\"path\":\"/\",\"target\":\"4000\"}]",
      "\"mounts\":[{\"path\":\"/\",\"target\":\"3000\"}],\"access\":{\"alow\":[\"10.0.0.0/8\"]}",
      "\"mounts\":[{\"path\":\"/\",\"target\":\"3000\"}],\"access\":{\"allow\":[\"10.0.0.1/8\"]}",
      "\"mounts\":[{\"path\":\"/\",\"target\":\"3000\"}],\"access\":{\"allow\":\"10.0.0.0/8\"}",
      "\"mounts\":[{\"path\":\"/\",\"target\":\"3000\"}],\"access\":[]",
      "\"mounts\":[{\"path\":\"/\",\"target\":\"3000\"}],\"access\":{\"auth_user\":\"me\"}",
      ("\"mounts\":[{\"path\":\"/\",\"target\":\"3000\"}],\"access\":{\"auth_user\":\"me\","
       "\"auth_hash\":\"plain\"}"),
      "\"mounts\":[{\"path\":\"/\",\"target\":\"3000\"}],\"expires\":-1",
      "\"mounts\":[{\"path\":\"/\",\"target\":\"3000\"}],\"expire\":1",
      "\"mounts\":[{\"path\":\"/\",\"target\":\"3000\"}],\"proxy_protocol\":1",
  };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autofree char *text = g_strdup_printf ("{\"version\":2,\"shares\":[{\"id\":1,"
                                               "\"name\":\"a.example\",\"port\":1,"
                                               "\"kind\":\"https\",%s}]}",
                                               bad[i]);
      g_autoptr (GError) error = NULL;

      g_test_message ("%s", bad[i]);
      g_assert_null (funnel_share_document_parse (text, strlen (text), NULL, &error));
      g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE);
      g_test_message ("%s", error->message);
    }
}

static void
test_bad_documents (void)
{
  static const char *const bad[] = {
      "",
      "{",
      "[]",
      "{}",
      "{\"version\":3,\"shares\":[]}",
      "{\"version\":\"1\",\"shares\":[]}",
      "{\"version\":1}",
      "{\"version\":1,\"shares\":{}}",
      "{\"version\":1,\"shares\":[1]}",
      "{\"version\":1,\"shares\":[{}]}",
      "{\"version\":1,\"shares\":[{\"id\":1,\"name\":\"a.example\",\"port\":0,\"kind\":\"https\","
      "\"target\":\"3000\"}]}",
      "{\"version\":1,\"shares\":[{\"id\":1,\"name\":\"a..example\",\"port\":1,\"kind\":\"https\","
      "\"target\":\"3000\"}]}",
      "{\"version\":1,\"shares\":[{\"id\":1,\"name\":\"a.example\",\"port\":1,\"kind\":\"smtp\","
      "\"target\":\"3000\"}]}",
      "{\"version\":1,\"shares\":[{\"id\":1,\"name\":\"a.example\",\"port\":1,\"kind\":\"https\","
      "\"target\":\"3000\"},"
      "{\"id\":2,\"name\":\"a.example\",\"port\":1,\"kind\":\"https\",\"target\":\"3000\"}]}",
      "{\"version\":1,\"shares\":[{\"id\":1,\"name\":\"a.example\",\"port\":1,\"kind\":\"https\","
      "\"target\":\"3000\"},"
      "{\"id\":1,\"name\":\"b.example\",\"port\":1,\"kind\":\"https\",\"target\":\"3000\"}]}",
  };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (funnel_share_document_parse (bad[i], strlen (bad[i]), NULL, &error));
      g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_STORE);
      g_test_message ("%s", error->message);
    }
}

static void
test_match (void)
{
  g_autoptr (FunnelShareList) list = funnel_share_list_new ();
  g_autoptr (FunnelShareSpec) a = make_spec ("a.example", 443);
  g_autoptr (FunnelShareSpec) b = make_spec ("a.example", 8443);
  static const struct
  {
    FunnelShareFilter filter;
    guint matches;
  } cases[] = {
      {{0}, 2},
      {{.port = 443}, 1},
      {{.port = 80}, 0},
      {{.name = (char *)"a.example"}, 2},
      {{.name = (char *)"b.example"}, 0},
      {{.has_kind = TRUE, .kind = FUNNEL_SHARE_TCP}, 1},
      /* As typed, and read with each share's own kind. */
      {{.target = (char *)"3000"}, 2},
      {{.target = (char *)"tcp://localhost:3000"}, 1},
      {{.target = (char *)"4000"}, 0},
      {{.target = (char *)"nonsense"}, 0},
  };

  b->kind = FUNNEL_SHARE_TCP;
  set_target (b, "tcp://localhost:3000");
  funnel_share_list_put (list, a);
  funnel_share_list_put (list, b);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GPtrArray) shares = funnel_share_list_match (list, &cases[i].filter);

      g_test_message ("case %u", i);
      g_assert_cmpuint (shares->len, ==, cases[i].matches);
    }
}

static void
test_url (void)
{
  g_autoptr (FunnelShareSpec) spec = make_spec ("a.example", 443);
  g_autoptr (FunnelShare) plain = funnel_share_new (spec);
  g_autoptr (FunnelShare) other = NULL, tcp = NULL;
  g_autofree char *plain_url = NULL, *other_url = NULL, *tcp_url = NULL;

  spec->port = 8443;
  other = funnel_share_new (spec);
  spec->kind = FUNNEL_SHARE_TCP;
  tcp = funnel_share_new (spec);
  g_object_get (plain, "url", &plain_url, NULL);
  g_object_get (other, "url", &other_url, NULL);
  g_object_get (tcp, "url", &tcp_url, NULL);
  g_assert_cmpstr (plain_url, ==, "https://a.example");
  g_assert_cmpstr (other_url, ==, "https://a.example:8443");
  g_assert_cmpstr (tcp_url, ==, "tcp://a.example:8443");
}

/* Nothing polls: a listener hears of every change, and only of changes. */
static void
test_notify (void)
{
  g_autoptr (FunnelShareSpec) spec = make_spec ("a.example", 443);
  g_autoptr (FunnelShare) share = funnel_share_new (spec);
  FunnelShareStatus status = {FUNNEL_SHARE_STATE_PROBING, (char *)"Waiting.", (char *)""};
  FunnelShareTraffic traffic = {.flows_active = 1, .bytes_in = 5};
  guint states = 0, reasons = 0, bytes = 0;

  g_signal_connect (share, "notify::state", G_CALLBACK (count_notify), &states);
  g_signal_connect (share, "notify::reason", G_CALLBACK (count_notify), &reasons);
  g_signal_connect (share, "notify::bytes-in", G_CALLBACK (count_notify), &bytes);
  funnel_share_set_status (share, &status);
  funnel_share_set_status (share, &status);
  status.reason = (char *)"Still waiting.";
  funnel_share_set_status (share, &status);
  funnel_share_set_traffic (share, &traffic);
  traffic.flows_active = 0;
  funnel_share_set_traffic (share, &traffic);
  g_assert_cmpuint (states, ==, 1);
  g_assert_cmpuint (reasons, ==, 2);
  g_assert_cmpuint (bytes, ==, 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/share-list/put-replace-remove", test_put_replace_remove);
  g_test_add_func ("/share-list/ids-are-not-reused", test_ids_are_not_reused);
  g_test_add_func ("/share-list/conflicts", test_conflicts);
  g_test_add_func ("/share-list/etag", test_etag);
  g_test_add_func ("/share-list/document", test_document);
  g_test_add_func ("/share-list/full-document", test_full_document);
  g_test_add_func ("/share-list/older-document", test_older_document);
  g_test_add_func ("/share-list/bad-members", test_bad_members);
  g_test_add_func ("/share-list/bad-documents", test_bad_documents);
  g_test_add_func ("/share-list/match", test_match);
  g_test_add_func ("/share/url", test_url);
  g_test_add_func ("/share/notify", test_notify);
  return g_test_run ();
}
