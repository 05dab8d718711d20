/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Input: bits that choose a share's mounts and options, then a request target. */
#include "tests/fuzz/fuzz.h"

#include "daemon/serve/http/mount-table.h"

#include <string.h>

static const char *const paths[] = {"/", "/a", "/a/b", "/api", "/\xc3\xa9", "/a.b"};

#define KEEP_PREFIX 0x40
#define WITH_BASE 0x80

static GPtrArray *
make_mounts (uint8_t choice)
{
  GPtrArray *mounts = g_ptr_array_new_with_free_func ((GDestroyNotify)funnel_serve_mount_free);

  for (guint i = 0; i < G_N_ELEMENTS (paths); i++)
    if ((choice & (1u << i)) != 0)
      {
        FunnelServeMount *mount = funnel_serve_mount_new ();

        mount->path = g_strdup (paths[i]);
        mount->keep_prefix = (choice & KEEP_PREFIX) != 0;
        mount->base_path = g_strdup ((choice & WITH_BASE) != 0 ? "/base/" : "");
        g_ptr_array_add (mounts, mount);
      }
  return mounts;
}

/* No segment of what a mount gets can be read as "..", however a target divides it. */
static void
check_no_dots (const char *name)
{
  char **segments = g_strsplit_set (name, "/\\", -1);

  for (char **segment = segments; *segment != NULL; segment++)
    {
      char *parameters = strchr (*segment, ';');

      if (parameters != NULL)
        *parameters = '\0';
      REQUIRE (strcmp (*segment, ".") != 0 && strcmp (*segment, "..") != 0);
    }
  g_strfreev (segments);
}

static void
check_decoded (const struct mount_match *match)
{
  char *name = g_malloc (match->rest.len + 1);
  bool is_folder;

  if (mount_match_decode (match, name, &is_folder))
    {
      size_t len = strlen (name);

      REQUIRE (len <= match->rest.len);
      REQUIRE (name[0] != '/' && strstr (name, "//") == NULL);
      REQUIRE (len == 0 || name[len - 1] != '/');
      check_no_dots (name);
    }
  g_free (name);
}

/* What is forwarded is found again at a mount of everything, unchanged. */
static void
check_forwarded (const struct mount_match *match)
{
  size_t cap = MOUNT_FORWARD_MAX (match);
  char *forward = g_malloc (cap);
  size_t len = mount_match_forward (match, forward, cap);
  GPtrArray *root = make_mounts (1);
  char *room = g_malloc (len);
  struct mount_match again;

  REQUIRE (len > 0 && forward[0] == '/' && (len == 1 || forward[1] != '/'));
  REQUIRE (mount_table_find (root, (struct http_text) {forward, (uint32_t)len}, room, &again)
           == MOUNT_FOUND);
  REQUIRE (again.rest.len + again.query.len == len);
  REQUIRE (memcmp (again.rest.data, forward, again.rest.len) == 0);
  g_free (room);
  g_ptr_array_unref (root);
  g_free (forward);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  GPtrArray *mounts = make_mounts (size > 0 ? data[0] : 0);
  struct http_text target = {(const char *)data + 1, size > 0 ? (uint32_t)size - 1 : 0};
  char *room = g_malloc (target.len > 0 ? target.len : 1);
  struct mount_match match;
  enum mount_result result = mount_table_find (mounts, target, room, &match);

  REQUIRE ((result == MOUNT_FOUND) == (match.mount != NULL));
  if (result == MOUNT_FOUND)
    {
      REQUIRE (match.rest.len == 0 || match.rest.data[0] == '/');
      REQUIRE (match.rest.len < 2 || match.rest.data[1] != '/');
      REQUIRE (match.prefix.len + match.rest.len <= target.len);
      check_decoded (&match);
      check_forwarded (&match);
    }
  g_free (room);
  g_ptr_array_unref (mounts);
  return 0;
}
