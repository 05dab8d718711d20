/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/model/mount.h"

#include "lib/base/error.h"
#include "lib/base/host.h"

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

FunnelMountSpec *
funnel_mount_spec_new (const char *path, const char *target)
{
  FunnelMountSpec *spec = g_new0 (FunnelMountSpec, 1);

  spec->path = g_strdup (path);
  spec->target = g_strdup (target);
  return spec;
}

FunnelMountSpec *
funnel_mount_spec_copy (const FunnelMountSpec *spec)
{
  FunnelMountSpec *copy = g_new (FunnelMountSpec, 1);

  *copy = *spec;
  copy->path = g_strdup (spec->path);
  copy->target = g_strdup (spec->target);
  copy->host_header = g_strdup (spec->host_header);
  return copy;
}

void
funnel_mount_spec_free (FunnelMountSpec *spec)
{
  if (spec == NULL)
    return;
  g_free (spec->path);
  g_free (spec->target);
  g_free (spec->host_header);
  g_free (spec);
}

gboolean
funnel_mount_spec_equal (const FunnelMountSpec *a, const FunnelMountSpec *b)
{
  return g_strcmp0 (a->path, b->path) == 0 && g_strcmp0 (a->target, b->target) == 0
         && g_strcmp0 (a->host_header, b->host_header) == 0 && a->lan == b->lan
         && a->force == b->force && a->keep_prefix == b->keep_prefix && a->listing == b->listing;
}

/* What is compared with a request's path after its dot segments are gone: so it must have none, and
 * nothing that a request would have to spell with a percent sign. */
static gboolean
is_mount_segment (const char *segment)
{
  return segment[0] != '\0' && strcmp (segment, ".") != 0 && strcmp (segment, "..") != 0
         && strspn (segment, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                             "-._~!$&'()*+,;=:@")
                == strlen (segment);
}

char *
funnel_mount_path_normalize (const char *text, GError **error)
{
  g_autofree char *path = g_strdup (text);
  gsize len = strlen (path);
  g_auto (GStrv) segments = NULL;

  while (len > 1 && path[len - 1] == '/')
    path[--len] = '\0';
  if (path[0] != '/' || len > FUNNEL_MOUNT_PATH_MAX)
    {
      refuse (error, N_ ("invalid mount point \"%s\"; it begins with / and has at most %d bytes"),
              text, FUNNEL_MOUNT_PATH_MAX);
      return NULL;
    }
  segments = g_strsplit (path + 1, "/", -1);
  for (char **at = segments; len > 1 && *at != NULL; at++)
    if (!is_mount_segment (*at))
      {
        refuse (
            error,
            N_ ("invalid mount point \"%s\"; type one such as /api, without empty or dot segments, "
                "spaces, %%, ? and #"),
            text);
        return NULL;
      }
  return g_steal_pointer (&path);
}

static gboolean
check_host_header (FunnelMountSpec *spec, const FunnelTarget *target, GError **error)
{
  g_autofree char *host = NULL;
  guint16 port = 0;

  if (g_strcmp0 (spec->host_header, "keep") == 0)
    g_clear_pointer (&spec->host_header, g_free);
  if (spec->host_header == NULL)
    return TRUE;
  if (!funnel_target_is_http (target))
    return refuse (error,
                   N_ ("--host-header is for targets that speak HTTP; leave it off for \"%s\""),
                   target->text);
  if (strcmp (spec->host_header, "target") == 0)
    return TRUE;
  host = funnel_host_normalize (spec->host_header, NULL);
  if (host == NULL && strchr (spec->host_header, ':') != NULL
      && funnel_endpoint_split (spec->host_header, &host, &port, NULL))
    {
      g_free (spec->host_header);
      spec->host_header = funnel_endpoint_join (host, port);
      return TRUE;
    }
  if (host == NULL)
    return refuse (error, N_ ("invalid host header \"%s\"; use keep, target or a host name"),
                   spec->host_header);
  g_free (spec->host_header);
  spec->host_header = g_steal_pointer (&host);
  return TRUE;
}

static gboolean
check_flags (const FunnelMountSpec *spec, const FunnelTarget *target, GError **error)
{
  if (spec->listing && target->kind != FUNNEL_TARGET_FILES)
    return refuse (error, N_ ("--listing is for folders; leave it off for \"%s\""), target->text);
  if (spec->keep_prefix && !funnel_target_is_http (target))
    return refuse (error,
                   N_ ("--keep-prefix is for targets that speak HTTP; leave it off for \"%s\""),
                   target->text);
  if (spec->lan && (!funnel_target_connects (target) || target->host == NULL))
    return refuse (error, N_ ("--lan is for targets on other machines; leave it off for \"%s\""),
                   target->text);
  return TRUE;
}

FunnelTarget *
funnel_mount_spec_check (FunnelMountSpec *spec, FunnelShareKind kind, GError **error)
{
  g_autoptr (FunnelTarget) target = NULL;
  char *path = funnel_mount_path_normalize (spec->path, error);

  if (path == NULL)
    return NULL;
  g_free (spec->path);
  spec->path = path;
  if (kind != FUNNEL_SHARE_HTTPS && strcmp (path, "/") != 0)
    {
      refuse (error, N_ ("cannot mount a path for TCP serve; leave --set-path off"));
      return NULL;
    }
  target = funnel_target_parse (spec->target, kind, error);
  if (target == NULL || !check_host_header (spec, target, error)
      || !check_flags (spec, target, error))
    return NULL;
  g_free (spec->target);
  spec->target = g_strdup (target->text);
  return g_steal_pointer (&target);
}

GPtrArray *
funnel_mounts_new (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify)funnel_mount_spec_free);
}

GPtrArray *
funnel_mounts_copy (const GPtrArray *mounts)
{
  GPtrArray *copy = funnel_mounts_new ();

  for (guint i = 0; mounts != NULL && i < mounts->len; i++)
    g_ptr_array_add (copy, funnel_mount_spec_copy (g_ptr_array_index (mounts, i)));
  return copy;
}

void
funnel_mounts_put (GPtrArray *mounts, FunnelMountSpec *spec)
{
  guint i = 0;

  while (i < mounts->len)
    {
      const FunnelMountSpec *other = g_ptr_array_index (mounts, i);
      int order = strcmp (other->path, spec->path);

      if (order == 0)
        g_ptr_array_remove_index (mounts, i);
      if (order >= 0)
        break;
      i++;
    }
  g_ptr_array_insert (mounts, (gint)i, spec);
}

FunnelMountSpec *
funnel_mounts_find (const GPtrArray *mounts, const char *path)
{
  for (guint i = 0; i < mounts->len; i++)
    {
      FunnelMountSpec *spec = g_ptr_array_index (mounts, i);

      if (strcmp (spec->path, path) == 0)
        return spec;
    }
  return NULL;
}
