/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/serve/http/target-answer.h"

#include <string.h>

#define VISITOR "laptop.example.org"

static struct http_text
text (const char *string)
{
  return (struct http_text) {string, (uint32_t)strlen (string)};
}

/* NULL: to be left as it is. */
static char *
translate (const char *path, const char *base, gboolean keep, const char *location)
{
  FunnelServeMount mount = {.path = (char *)path,
                            .base_path = (char *)base,
                            .authority = (char *)"localhost:3000",
                            .keep_prefix = keep};
  char out[256];
  size_t len = target_answer_location (&mount, text (VISITOR), text (location), out, sizeof out);

  return len > 0 ? g_strndup (out, len) : NULL;
}

static void
test_location (void)
{
  static const struct
  {
    const char *path, *base;
    gboolean keep;
    const char *location, *wanted;
  } rows[] = {
      /* Nothing differs but the host. */
      {"/", "", FALSE, "/login?to=/", NULL},
      {"/", "", FALSE, "login", NULL},
      {"/", "", FALSE, "?page=2", NULL},
      {"/", "", FALSE, "#top", NULL},
      {"/", "", FALSE, "", NULL},
      {"/", "", FALSE, "http://localhost:3000/login", "/login"},
      {"/", "", FALSE, "HTTP://LOCALHOST:3000/Login", "/Login"},
      {"/", "", FALSE, "https://localhost:3000", "/"},
      {"/", "", FALSE, "http://localhost:3000?x", "/?x"},
      {"/", "", FALSE, "http://" VISITOR "/login", "/login"},
      {"/", "", FALSE, "//" VISITOR "/login", "/login"},
      /* Somebody else's. */
      {"/", "", FALSE, "http://localhost:3001/login", NULL},
      {"/", "", FALSE, "http://localhost/login", NULL},
      {"/", "", FALSE, "https://login.example.org/?back=http://localhost:3000/", NULL},
      {"/", "", FALSE, "//evil.example/x", NULL},
      {"/", "", FALSE, "mailto:me@example.org", NULL},
      {"/api", "", FALSE, "https://login.example.org/api", NULL},
      /* The mount's path is cut off what the target is asked for. */
      {"/api", "", FALSE, "/login", "/api/login"},
      {"/api", "", FALSE, "/", "/api/"},
      {"/api", "", FALSE, "http://localhost:3000/login", "/api/login"},
      {"/api", "", FALSE, "http://localhost:3000", "/api"},
      {"/api", "", FALSE, "/api/login", NULL}, /* a target that was told its public path */
      {"/api", "", FALSE, "/apis", "/api/apis"},
      {"/api", "", TRUE, "/api/login", NULL},
      {"/api", "", TRUE, "/elsewhere", NULL},
      {"/a b", "", FALSE, "/login", "/a%20b/login"},
      /* The target is asked for another path. */
      {"/api", "/v1", FALSE, "/v1/login", "/api/login"},
      {"/api", "/v1", FALSE, "/v1", "/api"},
      {"/api", "/v1", FALSE, "/v1?x", "/api?x"},
      {"/api", "/v1", FALSE, "/v10", NULL},
      {"/api", "/v1", FALSE, "http://localhost:3000/other", "/other"},
      {"/api", "/v1", TRUE, "/v1/api/login", "/api/login"},
      {"/", "/app", FALSE, "/app/login", "/login"},
      {"/", "/app", FALSE, "/app", "/"},
      {"/", "/app", FALSE, "/app?x", "/?x"},
      {"/api", "/api", FALSE, "/api/login", NULL},
      /* A path is never made a host. */
      {"/", "", FALSE, "http://localhost:3000//evil.example/x", "/.//evil.example/x"},
      {"/", "/app", FALSE, "/app//evil.example/x", "/.//evil.example/x"},
      {"/", "/a", FALSE, "/a//evil.example/x", "/.//evil.example/x"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *got = translate (rows[i].path, rows[i].base, rows[i].keep, rows[i].location);

      g_test_message ("%s at %s to %s", rows[i].location, rows[i].path, rows[i].base);
      g_assert_cmpstr (got, ==, rows[i].wanted);
    }
}

static void
test_no_room (void)
{
  FunnelServeMount mount = {.path = (char *)"/api", .base_path = (char *)""};
  char out[9];

  g_assert_cmpuint (
      target_answer_location (&mount, text (VISITOR), text ("/login"), out, sizeof out), ==, 0);
  g_assert_cmpuint (
      target_answer_location (&mount, text (VISITOR), text ("/logi"), out, sizeof out), ==, 9);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/serve/http/target-answer/location", test_location);
  g_test_add_func ("/serve/http/target-answer/no-room", test_no_room);
  return g_test_run ();
}
