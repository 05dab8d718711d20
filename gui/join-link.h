/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What a user may paste or open to join: "funnel join TOKEN", "TOKEN", and links with the token in
 * them: funnel://join/TOKEN, funnel:join/TOKEN, funnel://join?token=TOKEN. */

#include "lib/base/token.h"

G_BEGIN_DECLS

/** funnel_join_link_read: NULL and FUNNEL_ERROR_TOKEN_INVALID with what is wrong.
 * @text: (out, optional): the token alone; funnel_secret_free */
FunnelToken *funnel_join_link_read (const char *link, char **text, GError **error);

G_END_DECLS
