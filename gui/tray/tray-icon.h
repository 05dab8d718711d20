/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The four pictures of the tray. They differ in shape, so that nobody has to tell colours apart,
 * and their colours can be seen on light and on dark panels. Panels find them by name in the icon
 * theme; where the theme does not have them, the same shapes are sent as pixels. */

#include <glib.h>

G_BEGIN_DECLS

typedef enum
{
  FUNNEL_TRAY_OFF,       /* nothing is public: an empty funnel */
  FUNNEL_TRAY_WORKING,   /* something is about to be: an empty funnel and three dots */
  FUNNEL_TRAY_ACTIVE,    /* something is: a full funnel */
  FUNNEL_TRAY_ATTENTION, /* somebody has to do something: a full funnel and an exclamation mark */
} FunnelTrayState;

#define FUNNEL_TRAY_STATES 4

/** funnel_tray_icon_name: in the icon theme; static. */
const char *funnel_tray_icon_name (FunnelTrayState state);

/** funnel_tray_icon_pixels: draw it.
 * @size: width and height in pixels, 1 to 256
 * Returns: 4 * @size * @size bytes: alpha, red, green, blue; caller frees */
guint8 *funnel_tray_icon_pixels (FunnelTrayState state, int size);

/** funnel_tray_icon_pixmaps: in the sizes panels use; a floating a(iiay). */
GVariant *funnel_tray_icon_pixmaps (FunnelTrayState state);

/** funnel_tray_icon_path: the shape in the words of SVG's path, in a view box of 220 by 220: what
 * the file in data/icons holds. Caller frees. */
char *funnel_tray_icon_path (FunnelTrayState state);

/** funnel_tray_icon_color: 0xRRGGBB. */
guint32 funnel_tray_icon_color (FunnelTrayState state);

G_END_DECLS
