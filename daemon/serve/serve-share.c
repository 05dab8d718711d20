/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/serve/serve-share.h"

#include <string.h>

FunnelServeShare *
funnel_serve_share_new (void)
{
  FunnelServeShare *share = g_new0 (FunnelServeShare, 1);

  share->ref_count = 1;
  share->mounts = g_ptr_array_new_with_free_func ((GDestroyNotify)funnel_serve_mount_free);
  return share;
}

const FunnelServeShare *
funnel_serve_share_ref (const FunnelServeShare *share)
{
  g_atomic_int_inc (&((FunnelServeShare *)share)->ref_count);
  return share;
}

static void
policy_clear (FunnelServePolicy *policy)
{
  g_clear_pointer (&policy->allow, g_array_unref);
  g_clear_pointer (&policy->deny, g_array_unref);
  g_free (policy->user);
  g_free (policy->password_hash);
}

void
funnel_serve_share_unref (const FunnelServeShare *share)
{
  FunnelServeShare *self = (FunnelServeShare *)share;

  if (self == NULL || !g_atomic_int_dec_and_test (&self->ref_count))
    return;
  g_free (self->name);
  g_clear_pointer (&self->certificate, funnel_certificate_unref);
  g_clear_pointer (&self->challenge, funnel_certificate_unref);
  policy_clear (&self->policy);
  g_strfreev (self->alpn);
  g_ptr_array_unref (self->mounts);
  g_free (self);
}

FunnelServeMount *
funnel_serve_mount_new (void)
{
  return g_new0 (FunnelServeMount, 1);
}

void
funnel_serve_mount_free (FunnelServeMount *mount)
{
  if (mount == NULL)
    return;
  g_free (mount->path);
  g_free (mount->authority);
  g_free (mount->tls_name);
  g_free (mount->base_path);
  g_free (mount->host_name);
  g_free (mount->root);
  g_clear_pointer (&mount->text, g_bytes_unref);
  g_free (mount->location);
  g_free (mount);
}

static gboolean
same_target (const FunnelServeTarget *a, const FunnelServeTarget *b)
{
  if (a->n != b->n || a->force != b->force)
    return FALSE;
  for (guint i = 0; i < a->n; i++)
    if (a->lens[i] != b->lens[i] || memcmp (&a->addresses[i], &b->addresses[i], a->lens[i]) != 0)
      return FALSE;
  return TRUE;
}

static gboolean
same_text (GBytes *a, GBytes *b)
{
  return a == b || (a != NULL && b != NULL && g_bytes_equal (a, b));
}

static gboolean
same_mount (const FunnelServeMount *a, const FunnelServeMount *b)
{
  return a->kind == b->kind && a->tls == b->tls && a->h2c == b->h2c
         && a->keep_prefix == b->keep_prefix && a->host == b->host && a->listing == b->listing
         && a->status == b->status && g_strcmp0 (a->path, b->path) == 0
         && g_strcmp0 (a->authority, b->authority) == 0 && g_strcmp0 (a->tls_name, b->tls_name) == 0
         && g_strcmp0 (a->base_path, b->base_path) == 0
         && g_strcmp0 (a->host_name, b->host_name) == 0 && g_strcmp0 (a->root, b->root) == 0
         && g_strcmp0 (a->location, b->location) == 0 && same_text (a->text, b->text)
         && same_target (&a->target, &b->target);
}

static gboolean
same_mounts (const GPtrArray *a, const GPtrArray *b)
{
  if (a->len != b->len)
    return FALSE;
  for (guint i = 0; i < a->len; i++)
    if (!same_mount (g_ptr_array_index (a, i), g_ptr_array_index (b, i)))
      return FALSE;
  return TRUE;
}

static gboolean
same_ranges (const GArray *a, const GArray *b)
{
  guint a_len = a != NULL ? a->len : 0;
  guint b_len = b != NULL ? b->len : 0;

  return a_len == b_len
         && (a_len == 0 || memcmp (a->data, b->data, a_len * sizeof (FunnelServeRange)) == 0);
}

static gboolean
same_policy (const FunnelServePolicy *a, const FunnelServePolicy *b)
{
  return a->max_flows == b->max_flows && a->rate == b->rate && a->burst == b->burst
         && a->expires == b->expires && g_strcmp0 (a->user, b->user) == 0
         && g_strcmp0 (a->password_hash, b->password_hash) == 0 && same_ranges (a->allow, b->allow)
         && same_ranges (a->deny, b->deny);
}

static gboolean
same_protocols (char **a, char **b)
{
  if (a == NULL || b == NULL)
    return a == b;
  return g_strv_equal ((const char *const *)a, (const char *const *)b);
}

gboolean
funnel_serve_share_equal (const FunnelServeShare *a, const FunnelServeShare *b)
{
  return a->id == b->id && a->port == b->port && a->kind == b->kind
         && a->proxy_protocol == b->proxy_protocol && a->certificate == b->certificate
         && a->challenge == b->challenge && g_strcmp0 (a->name, b->name) == 0
         && same_target (&a->target, &b->target) && same_protocols (a->alpn, b->alpn)
         && same_policy (&a->policy, &b->policy) && same_mounts (a->mounts, b->mounts);
}
