/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/model/share-kind.h"

#include <glib/gi18n.h>

#include "lib/base/error.h"

static const char *const kind_texts[] = {
    [FUNNEL_SHARE_HTTPS] = "https",
    [FUNNEL_SHARE_TCP] = "tcp",
    [FUNNEL_SHARE_TLS_TERMINATED_TCP] = "tls-terminated-tcp",
};
G_STATIC_ASSERT (G_N_ELEMENTS (kind_texts) == FUNNEL_SHARE_TLS_TERMINATED_TCP + 1);

const char *
funnel_share_kind_text (FunnelShareKind kind)
{
  g_return_val_if_fail ((guint)kind < G_N_ELEMENTS (kind_texts), "unknown");
  return kind_texts[kind];
}

gboolean
funnel_share_kind_from_text (const char *text, FunnelShareKind *out, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (kind_texts); i++)
    if (g_strcmp0 (text, kind_texts[i]) == 0)
      {
        *out = (FunnelShareKind)i;
        return TRUE;
      }
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
               N_ ("kind \"%s\" is unknown; use https, tcp or tls-terminated-tcp"), text);
  return FALSE;
}

gboolean
funnel_share_kind_terminates (FunnelShareKind kind)
{
  return kind != FUNNEL_SHARE_TCP;
}
