/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tests/unit/daemon/serve/serve-fixture.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <string.h>

#define DAY (24 * 3600)
#define TURN_MS 2

static void
on_changed (gpointer data)
{
  Fixture *f = data;

  f->changed++;
}

void
fixture_set_up_with (Fixture *f, const struct serve_limits *limits)
{
  struct address peer;
  g_autoptr (GError) error = NULL;

  f->dir = g_dir_make_tmp ("funnel-serve-XXXXXX", NULL);
  f->made = make_certificate (f->dir, "a", NAME, -DAY, DAY);
  f->certificate = funnel_certificate_load (f->made.chain_file, f->made.key_file, NAME, &error);
  g_assert_no_error (error);
  f->limits = *limits;
  f->serve = funnel_serve_new_with_limits (limits, on_changed, f, &error);
  g_assert_no_error (error);
  g_assert_true (address_parse_ip ("127.0.0.1", 9, &peer));
  f->listener = funnel_serve_add_listener (f->serve, loopback_listen (&f->node_port), &peer);
  f->ingress = ingress_player_new (f->node_port);
}

void
fixture_set_up (Fixture *f, gconstpointer data)
{
  fixture_set_up_with (f, &serve_limits_default);
}

void
fixture_tear_down (Fixture *f, gconstpointer data)
{
  g_clear_pointer (&f->serve, funnel_serve_free); /* ends what the player still carries */
  g_clear_pointer (&f->ingress, ingress_player_free);
  g_clear_pointer (&f->certificate, funnel_certificate_unref);
  made_certificate_clear (&f->made);
  remove_dir (f->dir);
  g_clear_pointer (&f->dir, g_free);
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static void
add_target (FunnelServeShare *share, guint16 port)
{
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons (port), .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};

  memcpy (&share->target.addresses[share->target.n], &address, sizeof address);
  share->target.lens[share->target.n++] = sizeof address;
}

void
fixture_set_share (Fixture *f, FunnelServeShare *share)
{
  g_autoptr (GPtrArray) shares
      = g_ptr_array_new_with_free_func ((GDestroyNotify)funnel_serve_share_unref);

  if (share != NULL)
    g_ptr_array_add (shares, share);
  funnel_serve_set_shares (f->serve, shares);
}

static FunnelServeShare *
make_share (FunnelServeKind kind, FunnelCertificate *certificate)
{
  FunnelServeShare *share = funnel_serve_share_new ();

  share->id = SHARE_ID;
  share->name = g_strdup (NAME);
  share->port = 443;
  share->kind = kind;
  share->certificate = certificate != NULL ? funnel_certificate_ref (certificate) : NULL;
  return share;
}

FunnelServeShare *
fixture_make_share (Fixture *f, FunnelServeKind kind, guint16 port)
{
  FunnelServeShare *share
      = make_share (kind, kind == FUNNEL_SERVE_PASS_THROUGH ? NULL : f->certificate);

  add_target (share, port);
  return share;
}

void
fixture_share (Fixture *f, FunnelServeKind kind, ...)
{
  FunnelServeShare *share
      = make_share (kind, kind == FUNNEL_SERVE_PASS_THROUGH ? NULL : f->certificate);
  va_list ports;
  int port;

  va_start (ports, kind);
  while ((port = va_arg (ports, int)) != 0)
    add_target (share, (guint16)port);
  va_end (ports);
  fixture_set_share (f, share);
}

void
fixture_share_more (Fixture *f,
                    FunnelServeKind kind,
                    guint16 port,
                    FunnelCertificate *certificate,
                    guint max_flows)
{
  FunnelServeShare *share = make_share (kind, certificate);

  share->policy.max_flows = max_flows;
  add_target (share, port);
  fixture_set_share (f, share);
}

void
fixture_unshare (Fixture *f)
{
  fixture_set_share (f, NULL);
}

FunnelServeCounters
fixture_counters (Fixture *f)
{
  FunnelServeCounters counters = {0};

  g_assert_true (funnel_serve_get_counters (f->serve, SHARE_ID, &counters));
  return counters;
}

guint64
fixture_refusals (Fixture *f, const char *reason)
{
  g_autoptr (GHashTable) refusals = funnel_serve_get_offer_refusals (f->serve, f->listener);
  guint64 *count = g_hash_table_lookup (refusals, reason);

  return count != NULL ? *count : 0;
}

int
fixture_offer (Fixture *f)
{
  g_autoptr (GByteArray) hello = make_hello (NAME, NULL);
  g_autoptr (GByteArray) offer = make_offer (NAME, hello);
  int fd = loopback_connect (f->node_port, 1);

  send_all (fd, offer->data, offer->len);
  return fd;
}

static gboolean
end_turn (gpointer data)
{
  *(gboolean *)data = TRUE;
  return G_SOURCE_REMOVE;
}

void
fixture_turn (void)
{
  gboolean done = FALSE;
  guint id = g_timeout_add (TURN_MS, end_turn, &done);

  while (!done)
    g_main_context_iteration (NULL, TRUE);
  (void)id;
}
