/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* For tests: the same with other caps and deadlines. */

#include "daemon/serve/serve-loop.h"

FunnelServe *funnel_serve_new_with_limits (const struct serve_limits *limits,
                                           FunnelServeChanged changed,
                                           gpointer user_data,
                                           GError **error);
