/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/base/trim.h"

#include <malloc.h>

#define AFTER_S 2

static guint source;

static gboolean
on_trim_timeout (gpointer user_data)
{
  source = 0;
  malloc_trim (0);
  return G_SOURCE_REMOVE;
}

void
funnel_trim_later (void)
{
  g_clear_handle_id (&source, g_source_remove);
  source = g_timeout_add_seconds (AFTER_S, on_trim_timeout, NULL);
}
