/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/places.h"

static FunnelDBusIngress *
make_ingress (const char *grants)
{
  FunnelDBusIngress *ingress = funnel_dbus_ingress_skeleton_new ();
  const char *const names[] = {"laptop.example", NULL};
  g_autoptr (GVariant) granted
      = g_variant_parse (G_VARIANT_TYPE ("a{saq}"), grants, NULL, NULL, NULL);

  funnel_dbus_ingress_set_names (ingress, names);
  funnel_dbus_ingress_set_public_ports (ingress, g_variant_new_parsed ("[uint16 443, 8443]"));
  funnel_dbus_ingress_set_grants (ingress, granted);
  return ingress;
}

static GListStore *
make_shares (const char *name, guint16 port, const char *target)
{
  GListStore *shares = g_list_store_new (FUNNEL_DBUS_TYPE_SHARE);
  g_autoptr (FunnelDBusShare) share = funnel_dbus_share_skeleton_new ();

  funnel_dbus_share_set_name (share, name);
  funnel_dbus_share_set_port (share, port);
  funnel_dbus_share_set_target (share, target);
  g_list_store_append (shares, share);
  return shares;
}

static void
check (GPtrArray *places, guint index, const char *url, gboolean granted, const char *used_for)
{
  const FunnelPlace *place = g_ptr_array_index (places, index);
  g_autofree char *found = funnel_place_dup_url (place, "https");

  g_assert_cmpstr (found, ==, url);
  g_assert_cmpint (place->granted, ==, granted);
  g_assert_cmpstr (place->used_for, ==, used_for);
}

/* What is free comes first, however the ingress orders it. */
static void
test_granted (void)
{
  g_autoptr (FunnelDBusIngress) ingress
      = make_ingress ("{'laptop.example': [443, 8443], '*.laptop.example': [443]}");
  g_autoptr (GListStore) shares = make_shares ("laptop.example", 443, "http://localhost:3000");
  g_autoptr (GPtrArray) places = funnel_places_list (ingress, G_LIST_MODEL (shares));

  g_assert_cmpuint (places->len, ==, 2);
  check (places, 0, "https://laptop.example:8443", TRUE, NULL);
  check (places, 1, "https://laptop.example", TRUE, "http://localhost:3000");
}

static void
test_not_granted (void)
{
  g_autoptr (FunnelDBusIngress) ingress = make_ingress ("{}");
  g_autoptr (GListStore) shares = make_shares ("other.example", 443, "3000");
  g_autoptr (GPtrArray) places = funnel_places_list (ingress, G_LIST_MODEL (shares));

  g_assert_cmpuint (places->len, ==, 2);
  check (places, 0, "https://laptop.example", FALSE, NULL);
  check (places, 1, "https://laptop.example:8443", FALSE, NULL);
}

static void
test_not_joined (void)
{
  g_autoptr (GListStore) shares = make_shares ("other.example", 443, "3000");
  g_autoptr (GPtrArray) places = funnel_places_list (NULL, G_LIST_MODEL (shares));

  g_assert_cmpuint (places->len, ==, 0);
}

static void
test_typed (void)
{
  static const struct
  {
    const char *text, *url; /* NULL: it is no place */
  } rows[] = {
      {"blog.example", "https://blog.example"},
      {" blog.example:8443 ", "https://blog.example:8443"},
      {"blog.example:0", NULL},
      {"blog.example:", NULL},
      {"blog.example:65536", NULL},
      {"https://blog.example", NULL},
      {"a b", NULL},
      {":443", NULL},
      {"", NULL},
  };
  g_autoptr (GListStore) shares = make_shares ("blog.example", 443, "http://localhost:3000");

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      FunnelPlace *place = funnel_place_read (rows[i].text, G_LIST_MODEL (shares));
      g_autofree char *url = place ? funnel_place_dup_url (place, "https") : NULL;

      g_assert_cmpstr (url, ==, rows[i].url);
      if (i == 0)
        g_assert_cmpstr (place->used_for, ==, "http://localhost:3000");
      g_clear_pointer (&place, funnel_place_free);
    }
}

static void
test_kinds (void)
{
  FunnelPlace place = {.name = (char *)"ssh.example", .port = 443};
  g_autofree char *raw = funnel_place_dup_url (&place, "tcp");
  g_autofree char *ended = funnel_place_dup_url (&place, "tls-terminated-tcp");

  g_assert_cmpstr (raw, ==, "tcp://ssh.example:443");
  g_assert_cmpstr (ended, ==, "tcp://ssh.example:443");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/gui/places/granted", test_granted);
  g_test_add_func ("/gui/places/not-granted", test_not_granted);
  g_test_add_func ("/gui/places/not-joined", test_not_joined);
  g_test_add_func ("/gui/places/typed", test_typed);
  g_test_add_func ("/gui/places/kinds", test_kinds);
  return g_test_run ();
}
