/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/serve/serve-share.h"
#include "lib/base/error.h"

typedef struct
{
  const char *text;
  gboolean ok;
  guint8 family, bits;
} RangeCase;

static const RangeCase range_cases[] = {
    {"203.0.113.0/24", TRUE, 4, 24},
    {"203.0.113.9", TRUE, 4, 32},
    {"0.0.0.0/0", TRUE, 4, 0},
    {"203.0.112.0/20", TRUE, 4, 20},
    {"2001:db8::/32", TRUE, 6, 32},
    {"::1", TRUE, 6, 128},
    {"203.0.113.9/24", FALSE, 0, 0},
    {"203.0.113.0/33", FALSE, 0, 0},
    {"2001:db8::1/64", FALSE, 0, 0},
    {"2001:db8::/129", FALSE, 0, 0},
    {"203.0.113.0/", FALSE, 0, 0},
    {"203.0.113.0/-1", FALSE, 0, 0},
    {"203.0.113.0/ 24", FALSE, 0, 0},
    {"203.0.113", FALSE, 0, 0},
    {"example.org", FALSE, 0, 0},
    {"", FALSE, 0, 0},
    {"/24", FALSE, 0, 0},
    {"203.0.113.0/24/1", FALSE, 0, 0},
};

static void
test_ranges (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (range_cases); i++)
    {
      const RangeCase *c = &range_cases[i];
      g_autoptr (GError) error = NULL;
      FunnelServeRange range = {0};

      g_test_message ("%s", c->text);
      g_assert_cmpint (funnel_serve_range_parse (c->text, &range, &error), ==, c->ok);
      g_assert_cmpuint (range.family, ==, c->family);
      g_assert_cmpuint (range.bits, ==, c->bits);
      if (!c->ok)
        g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT);
    }
}

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
  g_test_add_func ("/serve-share/ranges", test_ranges);
  g_test_add_func ("/serve-share/equal", test_equal);
  return g_test_run ();
}
