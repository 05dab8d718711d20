/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/model/share-state.h"

#include <string.h>

#define OURS "aa11"
#define FOREIGN "bb22"

/* Everything is well. */
static FunnelShareFacts
make_facts (void)
{
  return (FunnelShareFacts) {
      .name = "laptop.example.org",
      .port = 443,
      .kind = FUNNEL_SHARE_HTTPS,
      .target = "http://localhost:3000",
      .joined = TRUE,
      .node = "laptop",
      .zone = "example.org",
      .tunnel_up = TRUE,
      .linked = TRUE,
      .name_known = TRUE,
      .grant = FUNNEL_GRANT_VALID,
      .certificate = FUNNEL_CERTIFICATE_READY,
      .leaf = OURS,
      .epoch = 7,
      .probed = TRUE,
      .probe_epoch = 7,
      .probe_outcome = FUNNEL_PROBE_OK,
      .probe_leaf = OURS,
  };
}

typedef void (*Change) (FunnelShareFacts *facts);

static void
switched_off (FunnelShareFacts *f)
{
  f->switched_off = TRUE;
}
static void
paused (FunnelShareFacts *f)
{
  f->paused = TRUE;
}
static void
not_joined (FunnelShareFacts *f)
{
  f->joined = FALSE;
}
static void
tunnel_down (FunnelShareFacts *f)
{
  f->tunnel_up = FALSE;
  f->tunnel_reason = "not isolated";
}
static void
not_linked (FunnelShareFacts *f)
{
  f->linked = FALSE;
  f->link_reason = "silent";
}
static void
unknown_name (FunnelShareFacts *f)
{
  f->name_known = FALSE;
  f->grant = FUNNEL_GRANT_NONE;
}
static void
no_grant (FunnelShareFacts *f)
{
  f->grant = FUNNEL_GRANT_NONE;
}
static void
no_port (FunnelShareFacts *f)
{
  f->grant = FUNNEL_GRANT_PORT;
}
static void
expired (FunnelShareFacts *f)
{
  f->grant = FUNNEL_GRANT_EXPIRED;
}
static void
pending (FunnelShareFacts *f)
{
  f->certificate = FUNNEL_CERTIFICATE_PENDING;
  f->leaf = NULL;
  f->certificate_next_step = "--cert-file";
}
static void
failed (FunnelShareFacts *f)
{
  f->certificate = FUNNEL_CERTIFICATE_FAILED;
  f->leaf = NULL;
  f->certificate_reason = "It has expired.";
}
static void
target_down (FunnelShareFacts *f)
{
  f->target_failed = TRUE;
  f->target_reason = "Connection refused";
}
static void
unprobed (FunnelShareFacts *f)
{
  f->probed = FALSE;
}
static void
old_epoch (FunnelShareFacts *f)
{
  f->probe_epoch = 6;
}
static void
no_dns (FunnelShareFacts *f)
{
  f->probe_outcome = FUNNEL_PROBE_DNS;
}
static void
no_connect (FunnelShareFacts *f)
{
  f->probe_outcome = FUNNEL_PROBE_CONNECT;
}
static void
no_tls (FunnelShareFacts *f)
{
  f->probe_outcome = FUNNEL_PROBE_TLS;
  f->probe_detail = "unrecognized_name";
}
static void
firewalled (FunnelShareFacts *f)
{
  f->probe_outcome = FUNNEL_PROBE_TLS;
  f->unreached_device = "funnel-vrf0";
}
static void
unreached_yet (FunnelShareFacts *f)
{
  f->unreached_device = "funnel-vrf0";
}
static void
no_answer (FunnelShareFacts *f)
{
  f->probe_outcome = FUNNEL_PROBE_TIMEOUT;
}
static void
foreign (FunnelShareFacts *f)
{
  f->probe_leaf = FOREIGN;
}
static void
no_probe_leaf (FunnelShareFacts *f)
{
  f->probe_leaf = NULL;
}
static void
own_leaf_unknown (FunnelShareFacts *f)
{
  f->certificate = FUNNEL_CERTIFICATE_NOT_NEEDED;
  f->leaf = NULL;
}
static void
pass_through (FunnelShareFacts *f)
{
  f->kind = FUNNEL_SHARE_TCP;
  f->certificate = FUNNEL_CERTIFICATE_NOT_NEEDED;
}
static char *records[] = {(char *)"blog.example.net. 300 IN CNAME laptop.example.org.",
                          (char *)"blog.example.net. 300 IN A 192.0.2.5",
                          (char *)"_funnel.blog.example.net. 300 IN TXT \"x\"", NULL};
static FunnelLinkClaim refused_claim = {(char *)"blog.example.net", FUNNEL_CLAIM_REFUSED,
                                        (char *)"DNS has no record of it", records};
static FunnelLinkClaim lost_claim
    = {(char *)"laptop.example.org", FUNNEL_CLAIM_LOST, (char *)"DNS has no record of it", records};
static FunnelLinkClaim taken_claim = {(char *)"blog.example.net", FUNNEL_CLAIM_REFUSED,
                                      (char *)"another node of this ingress holds it", records + 3};
static FunnelLinkClaim checked_claim
    = {(char *)"blog.example.net", FUNNEL_CLAIM_CHECKING, NULL, records + 3};
static void
nothing (FunnelShareFacts *f)
{
}
static void
upper_case_leaf (FunnelShareFacts *f)
{
  f->probe_leaf = "AA11";
}

/* One row per way to fail, nearest first: with several at once, the first row of them must win. */
static const struct
{
  const char *label;
  Change change;
  FunnelShareState state;
  const char *reason;    /* part of it */
  const char *next_step; /* part of it; NULL empty */
} rows[] = {
    {"switched-off", switched_off, FUNNEL_SHARE_STATE_OFF, "switched off", "share it again"},
    {"paused", paused, FUNNEL_SHARE_STATE_OFF, "paused", "Resume"},
    {"not-joined", not_joined, FUNNEL_SHARE_STATE_OFF, "not joined", "funnel join"},
    {"tunnel-down", tunnel_down, FUNNEL_SHARE_STATE_TUNNEL_DOWN, "down: not isolated.", NULL},
    {"not-linked", not_linked, FUNNEL_SHARE_STATE_LINK_DOWN, "link to the ingress: silent.",
     "network"},
    {"unknown-name", unknown_name, FUNNEL_SHARE_STATE_NAME_REFUSED,
     "not a name of the ingress's zone example.org", "--name laptop.example.org"},
    {"no-grant", no_grant, FUNNEL_SHARE_STATE_WAITING_GRANT, "has not granted laptop.example.org",
     "funnel-ingress grant laptop"},
    {"no-port", no_port, FUNNEL_SHARE_STATE_WAITING_GRANT, "not on port 443", "--port 443"},
    {"expired", expired, FUNNEL_SHARE_STATE_WAITING_GRANT, "expired",
     "funnel-ingress grant laptop"},
    {"pending", pending, FUNNEL_SHARE_STATE_CERTIFICATE_PENDING,
     "no certificate for laptop.example.org", "--cert-file"},
    {"failed", failed, FUNNEL_SHARE_STATE_CERTIFICATE_FAILED, "It has expired.", NULL},
    {"target-down", target_down, FUNNEL_SHARE_STATE_TARGET_DOWN,
     "http://localhost:3000 does not work: Connection refused.", "Start the server"},
    {"unprobed", unprobed, FUNNEL_SHARE_STATE_PROBING, "Waiting for the ingress", NULL},
    {"old-epoch", old_epoch, FUNNEL_SHARE_STATE_PROBING, "Waiting for the ingress", NULL},
    {"firewalled", firewalled, FUNNEL_SHARE_STATE_NAME_REFUSED, "firewall on this machine",
     "sudo ufw allow in on funnel-vrf0"},
    {"no-dns", no_dns, FUNNEL_SHARE_STATE_DNS_PENDING, "does not lead to the ingress",
     "DNS name laptop.example.org"},
    {"no-connect", no_connect, FUNNEL_SHARE_STATE_NAME_REFUSED, "Nothing answers", "firewall"},
    {"no-tls", no_tls, FUNNEL_SHARE_STATE_NAME_REFUSED,
     "refuses a TLS connection from outside: unrecognized_name.", NULL},
    {"no-answer", no_answer, FUNNEL_SHARE_STATE_NAME_REFUSED, "did not answer", NULL},
    {"own-leaf-unknown", own_leaf_unknown, FUNNEL_SHARE_STATE_PROBING, "not known yet", NULL},
    {"no-probe-leaf", no_probe_leaf, FUNNEL_SHARE_STATE_PROBING, "did not tell", NULL},
    {"foreign", foreign, FUNNEL_SHARE_STATE_NAME_REFUSED, "shows another certificate",
     "who may issue"},
};

static void
check (const FunnelShareFacts *facts, guint row)
{
  g_auto (FunnelShareStatus) status = {0};

  funnel_share_state_evaluate (facts, &status);
  g_test_message ("%s: %s | %s | %s", rows[row].label, funnel_share_state_text (status.state),
                  status.reason, status.next_step);
  g_assert_cmpint (status.state, ==, rows[row].state);
  g_assert_nonnull (strstr (status.reason, rows[row].reason));
  g_assert_true (g_str_has_suffix (status.reason, "."));
  if (rows[row].next_step != NULL)
    g_assert_nonnull (strstr (status.next_step, rows[row].next_step));
  else
    g_assert_cmpstr (status.next_step, ==, "");
}

static void
test_each (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      FunnelShareFacts facts = make_facts ();

      rows[i].change (&facts);
      check (&facts, i);
    }
}

/* Whatever else is broken, the nearest thing is what is told. Rows that set the same member leave
 * each other no choice and are left out. */
static void
test_order (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    for (guint j = i + 1; j < G_N_ELEMENTS (rows); j++)
      {
        FunnelShareFacts facts = make_facts (), first_last = make_facts ();

        rows[i].change (&facts);
        rows[j].change (&facts);
        rows[j].change (&first_last);
        rows[i].change (&first_last);
        if (rows[i].state == rows[j].state || memcmp (&facts, &first_last, sizeof facts) != 0)
          continue;
        check (&facts, i);
      }
}

static void
check_active (Change change)
{
  FunnelShareFacts facts = make_facts ();
  g_auto (FunnelShareStatus) status = {0};

  change (&facts);
  funnel_share_state_evaluate (&facts, &status);
  g_assert_cmpint (status.state, ==, FUNNEL_SHARE_STATE_ACTIVE);
  g_assert_cmpstr (status.reason, ==, "");
  g_assert_cmpstr (status.next_step, ==, "");
}

static void
test_active (void)
{
  check_active (nothing);
  check_active (pass_through);
  check_active (upper_case_leaf);
  check_active (unreached_yet);
}

static void
check_not_active (const gsize *chosen, gsize count)
{
  FunnelShareFacts facts = make_facts ();
  g_auto (FunnelShareStatus) status = {0};

  for (gsize i = 0; i < count; i++)
    rows[chosen[i]].change (&facts);
  funnel_share_state_evaluate (&facts, &status);
  g_assert_cmpint (status.state, !=, FUNNEL_SHARE_STATE_ACTIVE);
  g_assert_cmpstr (status.reason, !=, "");
}

/* Of whatever can go wrong, alone or any five together, nothing is active. */
static void
test_only_active (void)
{
  gsize chosen[5] = {0}, depth = 0;

  for (;;)
    {
      if (chosen[depth] < G_N_ELEMENTS (rows))
        {
          check_not_active (chosen, depth + 1);
          if (depth + 1 < G_N_ELEMENTS (chosen))
            {
              chosen[depth + 1] = chosen[depth] + 1;
              depth++;
            }
          else
            chosen[depth]++;
        }
      else if (depth > 0)
        chosen[--depth]++;
      else
        return;
    }
}

static void
test_foreign_names_both (void)
{
  FunnelShareFacts facts = make_facts ();
  g_auto (FunnelShareStatus) status = {0};

  foreign (&facts);
  funnel_share_state_evaluate (&facts, &status);
  g_assert_nonnull (strstr (status.reason, OURS));
  g_assert_nonnull (strstr (status.reason, FOREIGN));
}

/* A name outside the zone that was asked for: what the ingress says of it is told. */
static void
assert_claim (const FunnelLinkClaim *claim, const char *reason, const char *next_step)
{
  FunnelShareFacts facts = make_facts ();
  g_auto (FunnelShareStatus) status = {0};

  unknown_name (&facts);
  facts.claim = claim;
  funnel_share_state_evaluate (&facts, &status);
  g_assert_cmpint (status.state, ==, FUNNEL_SHARE_STATE_NAME_REFUSED);
  g_assert_nonnull (strstr (status.reason, reason));
  g_assert_cmpstr (status.next_step, ==, next_step);
}

static void
test_claims (void)
{
  assert_claim (&refused_claim, "not proved to be this node's: DNS has no record of it.",
                "Publish this DNS record: blog.example.net. 300 IN CNAME laptop.example.org.   or, "
                "where no CNAME may stand: blog.example.net. 300 IN A 192.0.2.5  and  "
                "_funnel.blog.example.net. 300 IN TXT \"x\"");
  assert_claim (&taken_claim, "another node of this ingress holds it.", "");
  assert_claim (&checked_claim, "asks DNS", "");
}

/* It is still given, and still works; who looks finds out in time. */
static void
test_lost_claim (void)
{
  FunnelShareFacts facts = make_facts ();
  g_auto (FunnelShareStatus) status = {0};

  facts.claim = &lost_claim;
  funnel_share_state_evaluate (&facts, &status);
  g_assert_cmpint (status.state, ==, FUNNEL_SHARE_STATE_ACTIVE);
  g_assert_nonnull (strstr (status.reason, "is gone: DNS has no record of it."));
  g_assert_nonnull (strstr (status.next_step, "CNAME laptop.example.org."));
}

static void
test_active_with_a_doubt (void)
{
  FunnelShareFacts facts = make_facts ();
  g_auto (FunnelShareStatus) status = {0};

  facts.probe_detail = "DNS says two things of it";
  funnel_share_state_evaluate (&facts, &status);
  g_assert_cmpint (status.state, ==, FUNNEL_SHARE_STATE_ACTIVE);
  g_assert_cmpstr (status.reason, ==, "It works, but DNS says two things of it.");
}

static void
test_no_detail (void)
{
  FunnelShareFacts facts = make_facts ();
  g_auto (FunnelShareStatus) status = {0};

  facts.tunnel_up = FALSE;
  funnel_share_state_evaluate (&facts, &status);
  g_assert_cmpstr (status.reason, ==, "The tunnel to the ingress is down.");
}

static void
test_texts (void)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i <= FUNNEL_SHARE_STATE_ACTIVE; i++)
    g_assert_true (g_hash_table_add (seen, (gpointer)funnel_share_state_text (i)));
  g_assert_cmpstr (funnel_share_state_text (FUNNEL_SHARE_STATE_ACTIVE), ==, "active");
}

static void
test_grants (void)
{
  const guint16 ports[] = {443, 8443};
  g_autoptr (GPtrArray) grants
      = g_ptr_array_new_with_free_func ((GDestroyNotify)funnel_link_grant_free);

  g_assert_cmpint (funnel_grant_check (NULL, "a.example", 443, 100), ==, FUNNEL_GRANT_NONE);
  g_ptr_array_add (grants, funnel_link_grant_new ("a.example", ports, 2, 0));
  g_ptr_array_add (grants, funnel_link_grant_new ("b.example", ports, 1, 100));
  g_assert_cmpint (funnel_grant_check (grants, "c.example", 443, 0), ==, FUNNEL_GRANT_NONE);
  g_assert_cmpint (funnel_grant_check (grants, "a.example", 8443, G_MAXINT64), ==,
                   FUNNEL_GRANT_VALID);
  g_assert_cmpint (funnel_grant_check (grants, "a.example", 80, 0), ==, FUNNEL_GRANT_PORT);
  g_assert_cmpint (funnel_grant_check (grants, "b.example", 443, 99), ==, FUNNEL_GRANT_VALID);
  g_assert_cmpint (funnel_grant_check (grants, "b.example", 443, 100), ==, FUNNEL_GRANT_EXPIRED);
  g_assert_cmpint (funnel_grant_check (grants, "b.example", 8443, 100), ==, FUNNEL_GRANT_PORT);
  /* A later grant of the same name makes up for an expired one. */
  g_ptr_array_add (grants, funnel_link_grant_new ("b.example", ports, 1, 200));
  g_assert_cmpint (funnel_grant_check (grants, "b.example", 443, 150), ==, FUNNEL_GRANT_VALID);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/share-state/each", test_each);
  g_test_add_func ("/share-state/order", test_order);
  g_test_add_func ("/share-state/active", test_active);
  g_test_add_func ("/share-state/only-active", test_only_active);
  g_test_add_func ("/share-state/foreign-names-both", test_foreign_names_both);
  g_test_add_func ("/share-state/no-detail", test_no_detail);
  g_test_add_func ("/share-state/active-with-a-doubt", test_active_with_a_doubt);
  g_test_add_func ("/share-state/claims", test_claims);
  g_test_add_func ("/share-state/lost-claim", test_lost_claim);
  g_test_add_func ("/share-state/texts", test_texts);
  g_test_add_func ("/share-state/grants", test_grants);
  return g_test_run ();
}
