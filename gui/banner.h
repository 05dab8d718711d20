/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What a window has to say above everything else, as a pure function. */

#include "lib/client/connection.h"

G_BEGIN_DECLS

/* What the banner depends on; texts are borrowed and may be NULL. */
typedef struct
{
  FunnelConnectionState state;
  const char *version; /* of the daemon */
  gboolean joined;
  gboolean stranded; /* not joined, and there are shares nobody can reach */
  gboolean paused;
  gboolean granted; /* something is */
  const char *ingress_state;
  const char *reason;
  const char *next_step;
} FunnelBannerFacts;

typedef struct
{
  char *text;         /* NULL: there is nothing to say */
  const char *button; /* NULL: none */
  const char *action; /* of the button */
} FunnelBanner;

/** funnel_banner_make: free text. */
FunnelBanner funnel_banner_make (const FunnelBannerFacts *facts);

G_END_DECLS
