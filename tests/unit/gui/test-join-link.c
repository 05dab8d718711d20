/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/join-link.h"

#include "lib/base/error.h"

static char *
make_token (void)
{
  FunnelToken token = {.host = (char *)"ingress.example", .port = 443, .secret = {1, 2, 3}};

  return funnel_token_print (&token);
}

static void
test_forms (void)
{
  static const char *const begins[] = {"",
                                       "  ",
                                       "funnel join ",
                                       "funnel://join/",
                                       "FUNNEL://join/",
                                       "funnel:join/",
                                       "funnel://join?token="};
  g_autofree char *token = make_token ();

  for (gsize i = 0; i < G_N_ELEMENTS (begins); i++)
    {
      g_autofree char *link = g_strconcat (begins[i], token, "\n", NULL);
      g_autofree char *text = NULL;
      g_autoptr (GError) error = NULL;
      g_autoptr (FunnelToken) read = funnel_join_link_read (link, &text, &error);

      g_test_message ("%s", begins[i]);
      g_assert_no_error (error);
      g_assert_cmpstr (read->host, ==, "ingress.example");
      g_assert_cmpstr (text, ==, token);
    }
}

static void
test_nonsense (void)
{
  static const char *const links[] = {"", "funnel://join/", "https://ingress.example/", "funnel1-"};

  for (gsize i = 0; i < G_N_ELEMENTS (links); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (funnel_join_link_read (links[i], NULL, &error));
      g_assert_error (error, FUNNEL_ERROR, FUNNEL_ERROR_TOKEN_INVALID);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/gui/join-link/forms", test_forms);
  g_test_add_func ("/gui/join-link/nonsense", test_nonsense);
  return g_test_run ();
}
