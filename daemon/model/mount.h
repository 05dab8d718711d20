/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* One path of a share and what answers there. A share of a TCP kind has one mount, at "/". */

#include "daemon/model/target.h"

G_BEGIN_DECLS

#define FUNNEL_MOUNTS_MAX 64      /* of one share */
#define FUNNEL_MOUNT_PATH_MAX 512 /* bytes */

typedef struct
{
  char *path;   /* canonical: "/" or "/api" */
  char *target; /* canonical text */
  gboolean lan; /* what target-guard.h asks permission for */
  gboolean force;
  char *host_header; /* NULL: the visitor's; "target", or a host name */
  gboolean keep_prefix;
  gboolean listing;
} FunnelMountSpec;

FunnelMountSpec *funnel_mount_spec_new (const char *path, const char *target);
FunnelMountSpec *funnel_mount_spec_copy (const FunnelMountSpec *spec);
void funnel_mount_spec_free (FunnelMountSpec *spec);
gboolean funnel_mount_spec_equal (const FunnelMountSpec *a, const FunnelMountSpec *b);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FunnelMountSpec, funnel_mount_spec_free)

/** funnel_mount_path_normalize: canonical form of a mount's path, or NULL and
 * FUNNEL_ERROR_INVALID_ARGUMENT. */
char *funnel_mount_path_normalize (const char *text, GError **error);

/**
 * funnel_mount_spec_check: make @spec canonical, and refuse what contradicts itself.
 *
 * Returns the target it leads to, or NULL and FUNNEL_ERROR_INVALID_ARGUMENT.
 */
FunnelTarget *funnel_mount_spec_check (FunnelMountSpec *spec, FunnelShareKind kind, GError **error);

/** funnel_mounts_new: an empty list of FunnelMountSpec*, which it owns. */
GPtrArray *funnel_mounts_new (void);
GPtrArray *funnel_mounts_copy (const GPtrArray *mounts);
/** funnel_mounts_put: add @spec (taken) at its place, by path, or replace the one of its path. */
void funnel_mounts_put (GPtrArray *mounts, FunnelMountSpec *spec);
/** funnel_mounts_find: NULL when there is none; borrowed. */
FunnelMountSpec *funnel_mounts_find (const GPtrArray *mounts, const char *path);

G_END_DECLS
