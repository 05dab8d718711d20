/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/dns/domain-proof.h"

#include <string.h>

#define NAME "blog.example.net"
#define TOKEN "funnel-node=0123abcd"
#define LONG TOKEN "ef"

static DomainWish wish = {(char *)NAME, (char *)"laptop.example.org", (char *)TOKEN, NULL};

/* Lists separated by semicolons. */
static const struct
{
  const char *label;
  const char *aliases, *addresses, *texts, *above, *problem;
  DomainProof proof;
  const char *why; /* part of it */
} rows[] = {
    {"nothing", "", "", "", "", NULL, DOMAIN_UNPROVED, "no record of " NAME},
    {"cname", "laptop.example.org", "", "", "", NULL, DOMAIN_BY_CNAME, NULL},
    {"cname below", "blog.laptop.example.org", "", "", "", NULL, DOMAIN_BY_CNAME, NULL},
    {"cname by detours", "a.test;_b.test;laptop.example.org", "", "", "", NULL, DOMAIN_BY_CNAME,
     NULL},
    {"cname of another node", "tower.example.org", "192.0.2.5", "", "", NULL, DOMAIN_UNPROVED,
     "is a CNAME of tower.example.org, not of laptop.example.org"},
    {"cname that ends alike", "xlaptop.example.org", "192.0.2.5", "", "", NULL, DOMAIN_UNPROVED,
     "not of"},
    {"cname of the zone", "example.org", "192.0.2.5", "", "", NULL, DOMAIN_UNPROVED, "not of"},
    {"txt", "", "192.0.2.5", TOKEN, "", NULL, DOMAIN_BY_TXT, NULL},
    {"txt six", "", "2001:DB8:0::5", TOKEN, "", NULL, DOMAIN_BY_TXT, NULL},
    {"txt among others", "", "203.0.113.1;192.0.2.5", "v=spf1; " TOKEN " ", "", NULL, DOMAIN_BY_TXT,
     NULL},
    {"txt in capitals", "", "192.0.2.5", "FUNNEL-NODE=0123ABCD", "", NULL, DOMAIN_BY_TXT, NULL},
    {"txt for below", "", "192.0.2.5", TOKEN " below", "", NULL, DOMAIN_BY_TXT, NULL},
    {"txt and an alias", "tower.example.org", "192.0.2.5", TOKEN, "", NULL, DOMAIN_BY_TXT, NULL},
    {"txt of above for below", "", "192.0.2.5", "", TOKEN " below", NULL, DOMAIN_BY_TXT, NULL},
    {"txt of above for itself", "", "192.0.2.5", "", TOKEN, NULL, DOMAIN_UNPROVED, "no TXT record"},
    {"txt with more", "", "192.0.2.5", TOKEN " above", "", NULL, DOMAIN_UNPROVED, "another node's"},
    {"txt too long", "", "192.0.2.5", LONG, "", NULL, DOMAIN_UNPROVED, "another node's key"},
    {"txt too short", "", "192.0.2.5", "funnel-node=0123abc", "", NULL, DOMAIN_UNPROVED,
     "another node's key"},
    {"txt without value", "", "192.0.2.5", "funnel-node=", "", NULL, DOMAIN_UNPROVED,
     "another node's key"},
    {"txt only", "", "", TOKEN, "", NULL, DOMAIN_UNPROVED, "leads to no address"},
    {"txt, leads away", "", "203.0.113.1", TOKEN, "", NULL, DOMAIN_UNPROVED,
     "leads to 203.0.113.1 and not to this ingress"},
    {"address only", "", "192.0.2.5", "", "", NULL, DOMAIN_UNPROVED,
     "no TXT record of _funnel." NAME},
    {"silence", "", "", "", "", "no answer", DOMAIN_UNKNOWN, "no answer"},
    {"half a silence", "", "192.0.2.5", "", "", "no answer", DOMAIN_UNKNOWN, "no answer"},
    {"proof in spite of silence", "laptop.example.org", "", "", "", "no answer", DOMAIN_BY_CNAME,
     NULL},
};

static GStrv
split (const char *list)
{
  return *list ? g_strsplit (list, ";", -1) : g_new0 (char *, 1);
}

static void
test_judge (gconstpointer data)
{
  guint i = GPOINTER_TO_UINT (data);
  g_autofree char *why = NULL;
  DomainFacts facts = {split (rows[i].aliases), split (rows[i].addresses), split (rows[i].texts),
                       split (rows[i].above), (char *)rows[i].problem};

  g_assert_cmpint (domain_proof_judge (&wish, &facts, &why), ==, rows[i].proof);
  g_assert_true ((why == NULL) == (rows[i].why == NULL));
  if (why && !strstr (why, rows[i].why))
    g_error ("“%s” does not say “%s”", why, rows[i].why);
  g_strfreev (facts.aliases);
  g_strfreev (facts.addresses);
  g_strfreev (facts.texts);
  g_strfreev (facts.above);
}

static void
test_own_address_unknown (void)
{
  char *none[] = {NULL}, *address[] = {(char *)"192.0.2.5", NULL}, *text[] = {(char *)TOKEN, NULL};
  DomainWish blind = {(char *)NAME, (char *)"laptop.example.org", (char *)TOKEN, none};
  DomainFacts facts = {none, address, text, none, NULL};
  g_autofree char *why = NULL;

  g_assert_cmpint (domain_proof_judge (&blind, &facts, &why), ==, DOMAIN_UNPROVED);
  g_assert_nonnull (strstr (why, "public-addresses"));
}

static void
test_records (void)
{
  static const char *const expected[]
      = {"blog.example.net. 300 IN CNAME laptop.example.org.",
         "blog.example.net. 300 IN A 192.0.2.5", "blog.example.net. 300 IN AAAA 2001:db8::5",
         "_funnel.blog.example.net. 300 IN TXT \"" TOKEN "\"", NULL};
  g_auto (GStrv) records = domain_proof_records (&wish);
  g_autofree char *one = domain_proof_token ("key"), *other = domain_proof_token ("Key");

  g_assert_cmpstrv (records, expected);
  g_assert_true (g_str_has_prefix (one, "funnel-node="));
  g_assert_cmpuint (strlen (one), ==, strlen ("funnel-node=") + 64);
  g_assert_cmpstr (one, !=, other);
}

int
main (int argc, char **argv)
{
  static char *addresses[] = {(char *)"192.0.2.5", (char *)"2001:db8::5", NULL};

  g_test_init (&argc, &argv, NULL);
  wish.addresses = addresses;
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *path = g_strconcat ("/ingress-dns/domain-proof/judge/", rows[i].label, NULL);

      g_test_add_data_func (path, GUINT_TO_POINTER (i), test_judge);
    }
  g_test_add_func ("/ingress-dns/domain-proof/own-address-unknown", test_own_address_unknown);
  g_test_add_func ("/ingress-dns/domain-proof/records", test_records);
  return g_test_run ();
}
