/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What the tray shows: pure functions from what is known to a state, a sentence and a menu. */

#include "gui/tray/menu-item.h"
#include "gui/tray/tray-icon.h"

G_BEGIN_DECLS

/* Shares that have a line of their own; the others are in the window. */
#define FUNNEL_TRAY_MENU_SHARES 20

typedef enum
{
  FUNNEL_TRAY_DAEMON_CONNECTING,
  FUNNEL_TRAY_DAEMON_AWAY,
  FUNNEL_TRAY_DAEMON_THERE,
} FunnelTrayDaemon;

/* What a share asks of the tray. */
typedef enum
{
  FUNNEL_TRAY_SHARE_OFF,
  FUNNEL_TRAY_SHARE_WORKING,   /* on its way; nobody has to do anything */
  FUNNEL_TRAY_SHARE_ACTIVE,    /* public */
  FUNNEL_TRAY_SHARE_ATTENTION, /* it stays as it is until somebody does something */
} FunnelTrayShareState;

/* Strings are borrowed. */
typedef struct
{
  const char *path; /* of its object: what actions are told */
  const char *name;
  guint16 port;
  const char *target;
  const char *url;
  const char *words; /* its state in words; NULL where there is nothing to say */
  FunnelTrayShareState state;
} FunnelTrayShare;

typedef struct
{
  FunnelTrayDaemon daemon;
  gboolean paused; /* some shares are off because all were paused */
  gboolean joined;
  gboolean linked;     /* with the ingress */
  gboolean lost;       /* it has not been for so long that somebody should look */
  const char *ingress; /* its zone or endpoint; borrowed; NULL when not joined */
  const FunnelTrayShare *shares;
  gsize n_shares;
} FunnelTrayFacts;

/** funnel_tray_share_state: what a state on D-Bus ("certificate-failed") asks of the tray. */
FunnelTrayShareState funnel_tray_share_state (const char *state);

/** funnel_tray_menu_state: which of the four pictures. */
FunnelTrayState funnel_tray_menu_state (const FunnelTrayFacts *facts);

/** funnel_tray_menu_status: one line; caller frees. */
char *funnel_tray_menu_status (const FunnelTrayFacts *facts);

/**
 * funnel_tray_menu_build: the menu. Its actions are those of the application, without "app.":
 * show, new-share, pause-all, quit, and of a share, whose object path is their parameter,
 * share-toggle, share-copy, share-open, share-stop.
 * Returns: (transfer full): FunnelMenuItem*
 */
GPtrArray *funnel_tray_menu_build (const FunnelTrayFacts *facts);

G_END_DECLS
