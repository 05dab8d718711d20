/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/serve/serve-share.h"

static FunnelServeShare *
make_share (void)
{
  FunnelServeShare *share = funnel_serve_share_new ();
  FunnelServeMount *mount = funnel_serve_mount_new ();

  share->name = g_strdup ("a.example.org");
  share->kind = FUNNEL_SERVE_HTTP;
  mount->path = g_strdup ("/");
  mount->kind = FUNNEL_SERVE_MOUNT_TEXT;
  mount->text = g_bytes_new_static ("hello", 5);
  g_ptr_array_add (share->mounts, mount);
  return share;
}

/* A difference that goes unnoticed would leave the data plane with the old wish. */
static void
test_equal (void)
{
  FunnelServeShare *a = make_share ();
  FunnelServeShare *b = make_share ();
  FunnelServeMount *mount = g_ptr_array_index (b->mounts, 0);
  FunnelServeRange range = {.family = 4, .bits = 8, .ip = {10}};

  g_assert_true (funnel_serve_share_equal (a, b));
  g_bytes_unref (mount->text);
  mount->text = g_bytes_new_static ("other", 5);
  g_assert_false (funnel_serve_share_equal (a, b));
  g_bytes_unref (mount->text);
  mount->text = g_bytes_new_static ("hello", 5);
  b->policy.allow = g_array_new (FALSE, FALSE, sizeof range);
  g_assert_true (funnel_serve_share_equal (a, b));
  g_array_append_val (b->policy.allow, range);
  g_assert_false (funnel_serve_share_equal (a, b));
  g_array_set_size (b->policy.allow, 0);
  b->policy.expires = 1;
  g_assert_false (funnel_serve_share_equal (a, b));
  funnel_serve_share_unref (a);
  funnel_serve_share_unref (b);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/serve-share/equal", test_equal);
  return g_test_run ();
}
