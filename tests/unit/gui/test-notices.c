/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "gui/notices.h"

#define SECOND G_USEC_PER_SEC
#define WALL 1800000000

typedef struct
{
  FunnelNotices *notices;
  FunnelNoticeShare share;
  FunnelNoticeFacts facts;
} Stage;

static void
set_up (Stage *stage, gconstpointer data)
{
  stage->notices = funnel_notices_new ();
  stage->share = (FunnelNoticeShare) {
      .path = "/share/1", .name = "a.example.org", .port = 443, .state = "active", .reason = ""};
  stage->facts = (FunnelNoticeFacts) {.known = TRUE,
                                      .joined = TRUE,
                                      .linked = TRUE,
                                      .ingress = "example.org",
                                      .reason = "",
                                      .shares = &stage->share,
                                      .n_shares = 1};
}

static void
tear_down (Stage *stage, gconstpointer data)
{
  funnel_notices_free (stage->notices);
}

/* What is told @seconds after the start, as "id: title" or "id over", one a line; caller frees. */
static char *
take (Stage *stage, gint64 seconds)
{
  g_autoptr (GPtrArray) out
      = funnel_notices_take (stage->notices, &stage->facts, (seconds + 1) * SECOND, WALL + seconds);
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < out->len; i++)
    {
      const FunnelNotice *notice = g_ptr_array_index (out, i);

      if (notice->over)
        g_string_append_printf (text, "%s over\n", notice->id);
      else
        g_string_append_printf (text, "%s: %s\n", notice->id, notice->title);
    }
  return g_string_free (text, FALSE);
}

#define EXPECT(seconds, expected)                                                                  \
  G_STMT_START                                                                                     \
  {                                                                                                \
    g_autofree char *told_ = take (stage, seconds);                                                \
    g_assert_cmpstr (told_, ==, expected);                                                         \
  }                                                                                                \
  G_STMT_END

static void
test_first_visitor (Stage *stage, gconstpointer data)
{
  EXPECT (0, "");
  stage->share.visitors = 1;
  EXPECT (1, "visitor a.example.org:443: a.example.org has its first visitor\n");
  stage->share.visitors = 2;
  EXPECT (2, "");
  /* The service was started again and counts from none. */
  stage->share.visitors = 0;
  EXPECT (3, "");
  stage->share.visitors = 1;
  EXPECT (4, "");
}

/* Who came before the program was there is nobody new. */
static void
test_earlier_visitors (Stage *stage, gconstpointer data)
{
  stage->share.visitors = 7;
  EXPECT (0, "");
  stage->share.visitors = 8;
  EXPECT (1, "");
}

static void
test_certificate (Stage *stage, gconstpointer data)
{
  EXPECT (0, "");
  stage->share.state = "certificate-failed";
  EXPECT (1, "certificate a.example.org:443: No certificate for a.example.org\n");
  EXPECT (2, "");
  stage->share.state = "active";
  EXPECT (3, "certificate a.example.org:443 over\n");
  stage->share.state = "certificate-failed";
  EXPECT (4, "certificate a.example.org:443: No certificate for a.example.org\n");
  stage->facts.n_shares = 0;
  EXPECT (5, "certificate a.example.org:443 over\n");
}

static void
test_expired (Stage *stage, gconstpointer data)
{
  stage->share.expires = WALL + 10;
  EXPECT (0, "");
  stage->share.state = "off"; /* switched off before */
  EXPECT (5, "");
  EXPECT (10, "expired a.example.org:443: a.example.org is no longer public\n");
  EXPECT (11, "");
  stage->share.expires = 0;
  stage->share.state = "active";
  EXPECT (12, "expired a.example.org:443 over\n");
}

/* One that had ended before the program was there is no news. */
static void
test_expired_before (Stage *stage, gconstpointer data)
{
  stage->share.expires = WALL - 10;
  stage->share.state = "off";
  EXPECT (0, "");
}

static void
test_tunnel (Stage *stage, gconstpointer data)
{
  EXPECT (0, "");
  g_assert_cmpint (funnel_notices_next (stage->notices), ==, -1);
  stage->facts.linked = FALSE;
  stage->share.state = "tunnel-down";
  EXPECT (10, "");
  g_assert_cmpint (funnel_notices_next (stage->notices), ==, 41 * SECOND);
  EXPECT (39, "");
  g_assert_false (funnel_notices_lost (stage->notices));
  EXPECT (40, "tunnel : No connection to example.org\n");
  g_assert_true (funnel_notices_lost (stage->notices));
  g_assert_cmpint (funnel_notices_next (stage->notices), ==, -1);
  EXPECT (50, "");
  stage->facts.linked = TRUE;
  EXPECT (60, "tunnel  over\n");
  g_assert_false (funnel_notices_lost (stage->notices));
}

/* Short gaps are nobody's business, however many there are. */
static void
test_tunnel_flaps (Stage *stage, gconstpointer data)
{
  stage->share.state = "link-down";
  for (int second = 0; second < 600; second += 20)
    {
      stage->facts.linked = second % 40 == 0;
      EXPECT (second, "");
    }
}

static void
test_tunnel_not_missed (Stage *stage, gconstpointer data)
{
  stage->facts.linked = FALSE;
  stage->share.state = "off";
  EXPECT (0, "");
  EXPECT (100, "");
  stage->share.state = "tunnel-down";
  stage->facts.known = FALSE; /* a service that is away says nothing about its tunnel */
  EXPECT (200, "");
  EXPECT (300, "");
  g_assert_cmpint (funnel_notices_next (stage->notices), ==, -1);
}

/* A hundred shares that get their first visitor at once are four notices, then one each five
 * minutes. */
static void
test_rate (void)
{
  g_autoptr (FunnelNotices) notices = funnel_notices_new ();
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  FunnelNoticeShare shares[100];
  FunnelNoticeFacts facts
      = {.known = TRUE, .joined = TRUE, .linked = TRUE, .shares = shares, .n_shares = 100};
  static const struct
  {
    gint64 seconds;
    guint told;
  } steps[] = {{1, 4}, {2, 0}, {301, 1}, {302, 0}, {1000, 2}, {100000, 4}};

  for (int i = 0; i < 100; i++)
    {
      g_ptr_array_add (names, g_strdup_printf ("%d.example.org", i));
      shares[i] = (FunnelNoticeShare) {.path = "/share",
                                       .name = g_ptr_array_index (names, (guint)i),
                                       .port = 443,
                                       .state = "active",
                                       .reason = ""};
    }
  g_ptr_array_unref (funnel_notices_take (notices, &facts, SECOND, WALL));
  for (gsize i = 0; i < G_N_ELEMENTS (steps); i++)
    {
      g_autoptr (GPtrArray) out = NULL;

      /* What goes on is told as soon as there is room for it. */
      for (gsize k = 0; k < G_N_ELEMENTS (shares); k++)
        shares[k].state = "certificate-failed";
      out = funnel_notices_take (notices, &facts, steps[i].seconds * SECOND, WALL);
      g_assert_cmpuint (out->len, ==, steps[i].told);
    }
}

static void
test_hostile_reason (Stage *stage, gconstpointer data)
{
  g_autofree char *reason = g_strnfill (100000, 'x');
  g_autoptr (GPtrArray) out = NULL;
  const FunnelNotice *notice;

  reason[3] = '\n';
  reason[4] = '\xff';
  stage->share.state = "certificate-failed";
  stage->share.reason = reason;
  out = funnel_notices_take (stage->notices, &stage->facts, SECOND, WALL);
  notice = g_ptr_array_index (out, 0);
  g_assert_true (g_utf8_validate (notice->body, -1, NULL));
  g_assert_cmpint (g_utf8_strlen (notice->body, -1), ==, 200);
  g_assert_null (strchr (notice->body, '\n'));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, function)                                                                        \
  g_test_add ("/gui/notices/" name, Stage, NULL, set_up, function, tear_down)
  ADD ("first-visitor", test_first_visitor);
  ADD ("earlier-visitors", test_earlier_visitors);
  ADD ("certificate", test_certificate);
  ADD ("expired", test_expired);
  ADD ("expired-before", test_expired_before);
  ADD ("tunnel", test_tunnel);
  ADD ("tunnel-flaps", test_tunnel_flaps);
  ADD ("tunnel-not-missed", test_tunnel_not_missed);
  ADD ("hostile-reason", test_hostile_reason);
  g_test_add_func ("/gui/notices/rate", test_rate);
  return g_test_run ();
}
