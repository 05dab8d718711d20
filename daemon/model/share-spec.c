/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/model/share-spec.h"

#include "lib/base/error.h"

#include <glib/gi18n.h>
#include <string.h>

#define ALPN_NAME_MAX 32 /* bytes; as the data plane takes them */

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

FunnelShareSpec *
funnel_share_spec_new (void)
{
  FunnelShareSpec *spec = g_new0 (FunnelShareSpec, 1);

  spec->mounts = funnel_mounts_new ();
  funnel_share_access_init (&spec->access);
  return spec;
}

FunnelShareSpec *
funnel_share_spec_copy (const FunnelShareSpec *spec)
{
  FunnelShareSpec *copy = g_new (FunnelShareSpec, 1);

  *copy = *spec;
  copy->name = g_strdup (spec->name);
  copy->mounts = funnel_mounts_copy (spec->mounts);
  copy->certificate_file = g_strdup (spec->certificate_file);
  copy->key_file = g_strdup (spec->key_file);
  funnel_share_access_copy (&spec->access, &copy->access);
  copy->alpn = g_strdupv (spec->alpn);
  copy->owner = g_strdup (spec->owner);
  copy->command = g_strdup (spec->command);
  return copy;
}

void
funnel_share_spec_free (FunnelShareSpec *spec)
{
  if (spec == NULL)
    return;
  g_free (spec->name);
  g_ptr_array_unref (spec->mounts);
  g_free (spec->certificate_file);
  g_free (spec->key_file);
  funnel_share_access_clear (&spec->access);
  g_strfreev (spec->alpn);
  g_free (spec->owner);
  g_free (spec->command);
  g_free (spec);
}

static gboolean
check_files (const FunnelShareSpec *spec, GError **error)
{
  if ((spec->certificate_file == NULL) != (spec->key_file == NULL))
    return refuse (error, N_ ("--cert-file and --key-file go together"));
  if (spec->certificate_file != NULL && !funnel_share_kind_terminates (spec->kind))
    return refuse (error,
                   N_ ("with --tcp the local server has the certificate; leave --cert-file and "
                       "--key-file off, or use --tls-terminated-tcp"));
  return TRUE;
}

static gboolean
check_mounts (FunnelShareSpec *spec, GError **error)
{
  if (spec->mounts->len == 0)
    return refuse (error, N_ ("a share needs a target"));
  if (spec->mounts->len > FUNNEL_MOUNTS_MAX)
    return refuse (error, N_ ("a share has at most %d mount points"), FUNNEL_MOUNTS_MAX);
  if (spec->mounts->len > 1 && spec->kind != FUNNEL_SHARE_HTTPS)
    return refuse (error, N_ ("cannot mount a path for TCP serve"));
  for (guint i = 0; i < spec->mounts->len; i++)
    {
      FunnelMountSpec *mount = g_ptr_array_index (spec->mounts, i);
      g_autoptr (FunnelTarget) target = funnel_mount_spec_check (mount, spec->kind, error);

      if (target == NULL)
        return FALSE;
      if (funnel_mounts_find (spec->mounts, mount->path) != mount)
        return refuse (error, N_ ("mount point %s stands there twice"), mount->path);
    }
  return TRUE;
}

static gboolean
check_alpn (const FunnelShareSpec *spec, GError **error)
{
  if (spec->alpn == NULL)
    return TRUE;
  if (spec->kind != FUNNEL_SHARE_TLS_TERMINATED_TCP)
    return refuse (error, N_ ("--alpn is for --tls-terminated-tcp; HTTPS offers h2 and http/1.1 by "
                              "itself, and with --tcp the local server chooses"));
  if (g_strv_length (spec->alpn) > FUNNEL_ALPN_MAX)
    return refuse (error, N_ ("alpn: at most %d protocols"), FUNNEL_ALPN_MAX);
  for (char **at = spec->alpn; *at != NULL; at++)
    {
      gsize len = strlen (*at);

      if (len == 0 || len > ALPN_NAME_MAX || !g_str_is_ascii (*at))
        return refuse (error, N_ ("alpn: \"%s\" is not the name of a protocol, such as postgresql"),
                       *at);
      for (gsize i = 0; i < len; i++)
        if (!g_ascii_isgraph ((*at)[i]))
          return refuse (error, N_ ("alpn: a protocol's name has no spaces"));
    }
  return TRUE;
}

static gboolean
check_wire (const FunnelShareSpec *spec, GError **error)
{
  if (spec->proxy_protocol > 2)
    return refuse (error, N_ ("invalid PROXY protocol version %u; must be 1 or 2"),
                   spec->proxy_protocol);
  if (spec->proxy_protocol != 0 && spec->kind == FUNNEL_SHARE_HTTPS)
    return refuse (error,
                   N_ ("PROXY protocol is only supported for TCP forwarding, not HTTP/HTTPS; "
                       "HTTP targets are told the visitor's address in X-Forwarded-For"));
  if (spec->access.auth_user != NULL && spec->kind != FUNNEL_SHARE_HTTPS)
    return refuse (error,
                   N_ ("--auth is for HTTP; with --tcp and --tls-terminated-tcp use --allow"));
  if (spec->expires < 0)
    return refuse (error, N_ ("expires: a time before 1970"));
  return TRUE;
}

gboolean
funnel_share_spec_check (FunnelShareSpec *spec, GError **error)
{
  return check_files (spec, error) && check_mounts (spec, error) && check_wire (spec, error)
         && check_alpn (spec, error) && funnel_share_access_check (&spec->access, error);
}

static void
replace_text (char **member, const char *text)
{
  g_free (*member);
  *member = g_strdup (text);
}

static void
replace_texts (GStrv *member, GStrv texts)
{
  g_strfreev (*member);
  *member = g_strdupv (texts);
}

void
funnel_share_spec_change_access (FunnelShareSpec *spec,
                                 const FunnelShareAccess *access,
                                 guint given)
{
  if (given & FUNNEL_SHARE_GIVES_ALLOW)
    replace_texts (&spec->access.allow, access->allow);
  if (given & FUNNEL_SHARE_GIVES_DENY)
    replace_texts (&spec->access.deny, access->deny);
  if (given & FUNNEL_SHARE_GIVES_MAX_CONNS)
    spec->access.max_conns = access->max_conns;
  if (given & FUNNEL_SHARE_GIVES_RATE)
    spec->access.rate = access->rate;
  if (given & FUNNEL_SHARE_GIVES_AUTH)
    {
      replace_text (&spec->access.auth_user, access->auth_user);
      replace_text (&spec->access.auth_hash, access->auth_hash);
    }
}

FunnelShareSpec *
funnel_share_spec_merge (const FunnelShareSpec *old,
                         const FunnelShareSpec *wish,
                         guint given,
                         gint64 now)
{
  FunnelShareSpec *spec = funnel_share_spec_copy (old);

  for (guint i = 0; i < wish->mounts->len; i++)
    funnel_mounts_put (spec->mounts, funnel_mount_spec_copy (g_ptr_array_index (wish->mounts, i)));
  funnel_share_spec_change_access (spec, &wish->access, given);
  if (given & FUNNEL_SHARE_GIVES_CERTIFICATE)
    {
      replace_text (&spec->certificate_file, wish->certificate_file);
      replace_text (&spec->key_file, wish->key_file);
    }
  if ((given & FUNNEL_SHARE_GIVES_EXPIRES) || funnel_share_spec_is_expired (old, now))
    spec->expires = wish->expires;
  if (given & FUNNEL_SHARE_GIVES_PROXY_PROTOCOL)
    spec->proxy_protocol = wish->proxy_protocol;
  if (given & FUNNEL_SHARE_GIVES_ALPN)
    replace_texts (&spec->alpn, wish->alpn);
  spec->switched_off = wish->switched_off;
  spec->paused = wish->paused;
  spec->foreground = wish->foreground;
  replace_text (&spec->owner, wish->owner);
  replace_text (&spec->command, wish->command);
  return spec;
}

const char *
funnel_share_spec_get_target (const FunnelShareSpec *spec)
{
  const FunnelMountSpec *root = funnel_mounts_find (spec->mounts, "/");

  if (root == NULL && spec->mounts->len > 0)
    root = g_ptr_array_index (spec->mounts, 0);
  return root != NULL ? root->target : "";
}

gboolean
funnel_share_spec_is_enabled (const FunnelShareSpec *spec)
{
  return !spec->switched_off && !spec->paused;
}

gboolean
funnel_share_spec_is_expired (const FunnelShareSpec *spec, gint64 now)
{
  return spec->expires != 0 && spec->expires <= now;
}

static void
warn_of_mount (GStrvBuilder *builder, const FunnelShareSpec *spec, const FunnelMountSpec *mount)
{
  g_autoptr (FunnelTarget) target = funnel_target_parse (mount->target, spec->kind, NULL);
  g_autofree char *text = NULL;

  if (target == NULL)
    return;
  if (mount->force)
    text = g_strdup_printf (N_ ("%s is shared although it is dangerous (--force)."), mount->target);
  else if (target->kind == FUNNEL_TARGET_HTTPS_INSECURE && mount->lan)
    text = g_strdup_printf (N_ ("Nothing proves that %s is the right server (https+insecure)."),
                            mount->target);
  else if (mount->listing)
    text = g_strdup_printf (N_ ("Every file below %s can be found (--listing)."), mount->target);
  if (text != NULL)
    g_strv_builder_add (builder, text);
}

GStrv
funnel_share_spec_dup_warnings (const FunnelShareSpec *spec)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  if (funnel_share_access_is_public (&spec->access))
    g_strv_builder_add (
        builder, spec->kind == FUNNEL_SHARE_HTTPS
                     ? N_ ("Anyone on the internet can reach this; --auth or --allow limits that.")
                     : N_ ("Anyone on the internet can reach this; --allow limits that."));
  for (guint i = 0; i < spec->mounts->len; i++)
    warn_of_mount (builder, spec, g_ptr_array_index (spec->mounts, i));
  return g_strv_builder_end (builder);
}
