/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/tray/tray-icon.h"

/* Shapes are polygons on a grid of 220 by 220; where two overlap there is a hole (even-odd). */
#define GRID 220
#define SAMPLES 4 /* of a pixel, in each direction */
#define SIZE_MAX_PIXELS 256

typedef struct
{
  gint16 x;
  gint16 y;
} Point;

typedef struct
{
  const Point *points;
  gsize n_points;
} Polygon;

#define POLYGON(points)                                                                            \
  {                                                                                                \
    points, G_N_ELEMENTS (points)                                                                  \
  }

/* On whole pixels at the size panels use, 22. */
static const Point funnel[]
    = {{10, 20}, {210, 20}, {210, 50}, {130, 130}, {130, 180}, {90, 200}, {90, 130}, {10, 50}};
static const Point hollow[] = {{30, 40}, {190, 40}, {190, 42}, {110, 122}, {30, 42}};
static const Point dot_1[] = {{140, 180}, {160, 180}, {160, 200}, {140, 200}};
static const Point dot_2[] = {{170, 180}, {190, 180}, {190, 200}, {170, 200}};
static const Point dot_3[] = {{200, 180}, {220, 180}, {220, 200}, {200, 200}};
static const Point mark[] = {{160, 120}, {190, 120}, {190, 170}, {160, 170}};
static const Point mark_dot[] = {{160, 180}, {190, 180}, {190, 200}, {160, 200}};

static const Polygon off[] = {POLYGON (funnel), POLYGON (hollow)};
static const Polygon working[]
    = {POLYGON (funnel), POLYGON (hollow), POLYGON (dot_1), POLYGON (dot_2), POLYGON (dot_3)};
static const Polygon active[] = {POLYGON (funnel)};
static const Polygon attention[] = {POLYGON (funnel), POLYGON (mark), POLYGON (mark_dot)};

static const struct
{
  const char *name;
  const Polygon *polygons;
  gsize n_polygons;
  guint32 color;
} pictures[] = {
    [FUNNEL_TRAY_OFF] = {"org.openfunnel.Funnel-tray-off", off, G_N_ELEMENTS (off), 0x808088},
    [FUNNEL_TRAY_WORKING]
    = {"org.openfunnel.Funnel-tray-working", working, G_N_ELEMENTS (working), 0x3584e4},
    [FUNNEL_TRAY_ACTIVE]
    = {"org.openfunnel.Funnel-tray-active", active, G_N_ELEMENTS (active), 0x28955c},
    [FUNNEL_TRAY_ATTENTION]
    = {"org.openfunnel.Funnel-tray-attention", attention, G_N_ELEMENTS (attention), 0xe0600b},
};
G_STATIC_ASSERT (G_N_ELEMENTS (pictures) == FUNNEL_TRAY_STATES);

const char *
funnel_tray_icon_name (FunnelTrayState state)
{
  return pictures[state].name;
}

guint32
funnel_tray_icon_color (FunnelTrayState state)
{
  return pictures[state].color;
}

/* Whether a ray from the point to the right crosses the outline an odd number of times. */
static gboolean
is_inside (const Polygon *polygon, double x, double y)
{
  gboolean inside = FALSE;

  for (gsize i = 0; i < polygon->n_points; i++)
    {
      const Point *a = &polygon->points[i];
      const Point *b = &polygon->points[(i + 1) % polygon->n_points];

      if ((a->y > y) != (b->y > y) && x < a->x + (y - a->y) * (b->x - a->x) / (double)(b->y - a->y))
        inside = !inside;
    }
  return inside;
}

static gboolean
is_drawn (FunnelTrayState state, double x, double y)
{
  gboolean drawn = FALSE;

  for (gsize i = 0; i < pictures[state].n_polygons; i++)
    drawn ^= is_inside (&pictures[state].polygons[i], x, y);
  return drawn;
}

/* How much of a pixel is drawn, 0 to 255. */
static guint8
coverage (FunnelTrayState state, int column, int row, int size)
{
  const double step = (double)GRID / (size * SAMPLES);
  int hits = 0;

  for (int v = 0; v < SAMPLES; v++)
    for (int u = 0; u < SAMPLES; u++)
      hits += is_drawn (state, (column * SAMPLES + u + 0.5) * step,
                        (row * SAMPLES + v + 0.5) * step);
  return (guint8)(hits * 255 / (SAMPLES * SAMPLES));
}

guint8 *
funnel_tray_icon_pixels (FunnelTrayState state, int size)
{
  const guint32 color = pictures[state].color;
  guint8 *pixels;
  guint8 *at;

  g_return_val_if_fail (size >= 1 && size <= SIZE_MAX_PIXELS, NULL);
  at = pixels = g_malloc ((gsize)size * (gsize)size * 4);
  for (int row = 0; row < size; row++)
    for (int column = 0; column < size; column++)
      {
        *at++ = coverage (state, column, row, size);
        *at++ = (guint8)(color >> 16);
        *at++ = (guint8)(color >> 8);
        *at++ = (guint8)color;
      }
  return pixels;
}

GVariant *
funnel_tray_icon_pixmaps (FunnelTrayState state)
{
  static const int sizes[] = {16, 22, 32, 48};
  GVariantBuilder out;

  g_variant_builder_init (&out, G_VARIANT_TYPE ("a(iiay)"));
  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      gsize bytes = (gsize)sizes[i] * (gsize)sizes[i] * 4;
      guint8 *pixels = funnel_tray_icon_pixels (state, sizes[i]);

      g_variant_builder_add (
          &out, "(ii@ay)", sizes[i], sizes[i],
          g_variant_new_from_data (G_VARIANT_TYPE ("ay"), pixels, bytes, TRUE, g_free, pixels));
    }
  return g_variant_builder_end (&out);
}

char *
funnel_tray_icon_path (FunnelTrayState state)
{
  GString *out = g_string_new (NULL);

  for (gsize i = 0; i < pictures[state].n_polygons; i++)
    {
      const Polygon *polygon = &pictures[state].polygons[i];

      for (gsize k = 0; k < polygon->n_points; k++)
        g_string_append_printf (out, "%c%d %d", k == 0 ? 'M' : 'L', polygon->points[k].x,
                                polygon->points[k].y);
      g_string_append_c (out, 'z');
    }
  return g_string_free (out, FALSE);
}
