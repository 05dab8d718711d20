/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* How one share is shown while it is waited for or held: on a terminal a block that is redrawn in
 * place, otherwise the block once and then one line per change; with --json one object per line and
 * change. It says "Available on the internet:" in state active only. */

#include "lib/client/client.h"

G_BEGIN_DECLS

typedef enum
{
  FUNNEL_CLI_VIEW_TERMINAL,
  FUNNEL_CLI_VIEW_LINES,
  FUNNEL_CLI_VIEW_JSON,
  FUNNEL_CLI_VIEW_QUIET, /* --bg --json: the caller prints the result itself */
} FunnelCliViewMode;

typedef struct
{
  FunnelCliViewMode mode;
  const char *footer; /* or NULL */
  const char *path;   /* show what is there, not at "/"; borrowed, or NULL */
  gboolean was_active;
  char *shown; /* what is on the screen, or was said last */
  char *shown_url;
} FunnelCliView;

/** funnel_cli_view_init: @footer is borrowed. */
void funnel_cli_view_init (FunnelCliView *view, gboolean json, const char *footer);
void funnel_cli_view_clear (FunnelCliView *view);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (FunnelCliView, funnel_cli_view_clear)

/** funnel_cli_view_update: show @share if what there is to say about it has changed. */
void funnel_cli_view_update (FunnelCliView *view, FunnelDBusShare *share);

/** funnel_cli_view_note: say something below; the block begins anew after it. */
void funnel_cli_view_note (FunnelCliView *view, const char *text);

/** funnel_cli_view_log: one line above what is shown of the share. */
void funnel_cli_view_log (FunnelCliView *view, const char *line);

G_END_DECLS
