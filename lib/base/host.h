/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Host names and endpoints as users and peers write them, checked by lib/wire, with GError. */

#include <glib.h>

G_BEGIN_DECLS

#define FUNNEL_HOST_MAX 253 /* bytes of a canonical name */
#define FUNNEL_LABEL_MAX 63

/** funnel_host_normalize: the canonical form of @text (lower case, no trailing dot; international
 * names in their ASCII form, RFC 5891), or NULL and
 * FUNNEL_ERROR_INVALID_ARGUMENT saying what is wrong. */
char *funnel_host_normalize (const char *text, GError **error);
/** funnel_label_normalize: the same for a single label, such as the name of a node. */
char *funnel_label_normalize (const char *text, GError **error);
/** funnel_host_is_within: whether canonical @name equals @zone or is below it. */
gboolean funnel_host_is_within (const char *name, const char *zone);
/** funnel_host_is_child: whether canonical @name is @parent with one label in front. */
gboolean funnel_host_is_child (const char *name, const char *parent);

/** funnel_endpoint_split: "host:port", "1.2.3.4:5" or "[v6]:5" into @host (without brackets) and
 * @port; FALSE and FUNNEL_ERROR_INVALID_ARGUMENT otherwise. */
gboolean funnel_endpoint_split (const char *text, char **host, guint16 *port, GError **error);
/** funnel_endpoint_join: the reverse. */
char *funnel_endpoint_join (const char *host, guint16 port);

G_END_DECLS
