/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "gui/tray/tray-icon.h"

#include <math.h>

static double
linear (guint32 channel)
{
  double value = channel / 255.0;

  return value <= 0.03928 ? value / 12.92 : pow ((value + 0.055) / 1.055, 2.4);
}

/* As WCAG defines it. */
static double
luminance (guint32 color)
{
  return 0.2126 * linear (color >> 16 & 0xff) + 0.7152 * linear (color >> 8 & 0xff)
         + 0.0722 * linear (color & 0xff);
}

static double
contrast (guint32 a, guint32 b)
{
  double high = MAX (luminance (a), luminance (b));
  double low = MIN (luminance (a), luminance (b));

  return (high + 0.05) / (low + 0.05);
}

/* 3:1 is what WCAG asks of graphics. */
static void
test_contrast (void)
{
  static const guint32 panels[] = {0xffffff, 0xebebed, 0x303030, 0x1d1d20, 0x000000};

  for (int state = 0; state < FUNNEL_TRAY_STATES; state++)
    for (gsize i = 0; i < G_N_ELEMENTS (panels); i++)
      g_assert_cmpfloat (contrast (funnel_tray_icon_color ((FunnelTrayState)state), panels[i]), >=,
                         3.0);
}

static gsize
differing (const guint8 *a, const guint8 *b, gsize pixels)
{
  gsize count = 0;

  for (gsize i = 0; i < pixels; i++)
    count += abs (a[4 * i] - b[4 * i]) > 127;
  return count;
}

/* In the alpha channel alone: colours do not count. */
static void
test_shapes_differ (void)
{
  static const int sizes[] = {16, 22, 48};

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      gsize pixels = (gsize)sizes[i] * (gsize)sizes[i];

      for (int a = 0; a < FUNNEL_TRAY_STATES; a++)
        for (int b = 0; b < a; b++)
          {
            g_autofree guint8 *first = funnel_tray_icon_pixels ((FunnelTrayState)a, sizes[i]);
            g_autofree guint8 *second = funnel_tray_icon_pixels ((FunnelTrayState)b, sizes[i]);

            g_assert_cmpuint (differing (first, second, pixels), >=, pixels / 50);
          }
    }
}

static void
test_pixmaps (void)
{
  for (int state = 0; state < FUNNEL_TRAY_STATES; state++)
    {
      g_autoptr (GVariant) pixmaps
          = g_variant_ref_sink (funnel_tray_icon_pixmaps ((FunnelTrayState)state));
      GVariantIter iter;
      GVariant *pixels;
      int width;
      int height;

      g_assert_cmpuint (g_variant_n_children (pixmaps), ==, 4);
      g_variant_iter_init (&iter, pixmaps);
      while (g_variant_iter_next (&iter, "(ii@ay)", &width, &height, &pixels))
        {
          const guint8 *bytes = g_variant_get_data (pixels);

          g_assert_cmpint (width, ==, height);
          g_assert_cmpuint (g_variant_n_children (pixels), ==, (gsize)(width * height * 4));
          /* The corner is empty, the upper part of the funnel is drawn. */
          g_assert_cmpuint (bytes[0], ==, 0);
          g_assert_cmpuint (bytes[4 * (width / 2 + width * (height * 33 / 220))], >=, 127);
          g_variant_unref (pixels);
        }
    }
}

/* The files of the icon theme and the pixels are the same pictures. */
static void
test_files (void)
{
  for (int state = 0; state < FUNNEL_TRAY_STATES; state++)
    {
      g_autofree char *name
          = g_strconcat (funnel_tray_icon_name ((FunnelTrayState)state), ".svg", NULL);
      g_autofree char *file = g_build_filename (g_getenv ("FUNNEL_ICONS"), name, NULL);
      g_autofree char *path = funnel_tray_icon_path ((FunnelTrayState)state);
      g_autofree char *color
          = g_strdup_printf ("fill=\"#%06x\"", funnel_tray_icon_color ((FunnelTrayState)state));
      g_autofree char *text = NULL;
      g_autoptr (GError) error = NULL;

      g_file_get_contents (file, &text, NULL, &error);
      g_assert_no_error (error);
      g_assert_nonnull (strstr (text, path));
      g_assert_nonnull (strstr (text, color));
      g_assert_nonnull (strstr (text, "fill-rule=\"evenodd\""));
      g_assert_null (strstr (text, "stroke"));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/gui/tray-icon/contrast", test_contrast);
  g_test_add_func ("/gui/tray-icon/shapes-differ", test_shapes_differ);
  g_test_add_func ("/gui/tray-icon/pixmaps", test_pixmaps);
  g_test_add_func ("/gui/tray-icon/files", test_files);
  return g_test_run ();
}
