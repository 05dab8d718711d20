/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/model/share-access.h"

#include "lib/base/address-range.h"
#include "lib/base/error.h"
#include "lib/base/password.h"

#include <glib/gi18n.h>
#include <string.h>

static gboolean refuse (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

static gboolean
refuse (GError **error, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_propagate_error (
      error, g_error_new_valist (FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT, format, args));
  va_end (args);
  return FALSE;
}

void
funnel_share_access_init (FunnelShareAccess *access)
{
  *access = (FunnelShareAccess) {.allow = g_new0 (char *, 1), .deny = g_new0 (char *, 1)};
}

void
funnel_share_access_copy (const FunnelShareAccess *from, FunnelShareAccess *to)
{
  *to = *from;
  to->allow = from->allow != NULL ? g_strdupv (from->allow) : g_new0 (char *, 1);
  to->deny = from->deny != NULL ? g_strdupv (from->deny) : g_new0 (char *, 1);
  to->auth_user = g_strdup (from->auth_user);
  to->auth_hash = g_strdup (from->auth_hash);
}

void
funnel_share_access_clear (FunnelShareAccess *access)
{
  g_clear_pointer (&access->allow, g_strfreev);
  g_clear_pointer (&access->deny, g_strfreev);
  g_clear_pointer (&access->auth_user, g_free);
  g_clear_pointer (&access->auth_hash, g_free);
}

static gboolean
check_ranges (const char *flag, GStrv *texts, GError **error)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  if (g_strv_length (*texts) > FUNNEL_ACCESS_RANGES_MAX)
    return refuse (error, N_ ("%s: at most %d address ranges"), flag, FUNNEL_ACCESS_RANGES_MAX);
  for (char **at = *texts; *at != NULL; at++)
    {
      FunnelAddressRange range;
      g_autofree char *canonical = NULL;

      if (!funnel_address_range_parse (*at, &range, error))
        {
          g_prefix_error (error, "%s: ", flag);
          return FALSE;
        }
      canonical = funnel_address_range_print (&range);
      g_strv_builder_add (builder, canonical);
    }
  g_strfreev (*texts);
  *texts = g_strv_builder_end (builder);
  return TRUE;
}

static gboolean
check_user (const FunnelShareAccess *access, GError **error)
{
  const char *user = access->auth_user;

  if ((user == NULL) != (access->auth_hash == NULL))
    return refuse (error, N_ ("auth: a user and a password go together"));
  if (user == NULL)
    return TRUE;
  if (user[0] == '\0' || strlen (user) > FUNNEL_ACCESS_USER_MAX)
    return refuse (error, N_ ("auth: a user name has 1 to %d bytes"), FUNNEL_ACCESS_USER_MAX);
  for (const char *at = user; *at != '\0'; at++)
    if (*at == ':' || (guchar)*at < ' ' || *at == 127)
      return refuse (error, N_ ("auth: a user name has no colon and no control characters"));
  if (!g_utf8_validate (user, -1, NULL) || !funnel_password_hash_is_valid (access->auth_hash))
    return refuse (error, N_ ("auth: the password's hash cannot be used on this machine"));
  return TRUE;
}

gboolean
funnel_share_access_check (FunnelShareAccess *access, GError **error)
{
  if (!check_ranges ("allow", &access->allow, error)
      || !check_ranges ("deny", &access->deny, error))
    return FALSE;
  if (access->max_conns > FUNNEL_ACCESS_NUMBER_MAX || access->rate > FUNNEL_ACCESS_NUMBER_MAX)
    return refuse (error, N_ ("%s: at most %d"),
                   access->rate > FUNNEL_ACCESS_NUMBER_MAX ? "rate" : "max-conns",
                   FUNNEL_ACCESS_NUMBER_MAX);
  return check_user (access, error);
}

/* A range of all addresses, or two halves of it, is no restriction; nobody types the halves. */
static gboolean
restricts (GStrv allow)
{
  return allow[0] != NULL && !g_strv_contains ((const char *const *)allow, "0.0.0.0/0")
         && !g_strv_contains ((const char *const *)allow, "::/0");
}

gboolean
funnel_share_access_is_public (const FunnelShareAccess *access)
{
  return access->auth_user == NULL && !restricts (access->allow);
}
