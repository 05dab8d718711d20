/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/qr.h"

#include <adwaita.h>
#include <glib/gi18n.h>
#include <qrencode.h>
#include <string.h>

#define QUIET 4 /* modules, ISO/IEC 18004 */
#define SCALE 8 /* pixels a module in the picture; larger ones are scaled without smoothing */
#define CHANNELS 3

static void
paint (guchar *pixels, gsize side, gsize x, gsize y)
{
  for (gsize i = 0; i < SCALE; i++)
    memset (pixels + ((y * SCALE + i) * side + x * SCALE) * CHANNELS, 0, (gsize)SCALE * CHANNELS);
}

GdkTexture *
funnel_qr_make (const char *text)
{
  QRcode *code = QRcode_encodeString (text, 0, QR_ECLEVEL_M, QR_MODE_8, 1);
  g_autoptr (GBytes) bytes = NULL;
  gsize width = 0, side = 0;
  guchar *pixels = NULL;

  if (!code)
    return NULL;
  width = (gsize)code->width;
  side = (width + 2 * QUIET) * SCALE;
  pixels = g_malloc (side * side * CHANNELS);
  memset (pixels, 0xff, side * side * CHANNELS);
  for (gsize y = 0; y < width; y++)
    for (gsize x = 0; x < width; x++)
      if (code->data[y * width + x] & 1)
        paint (pixels, side, x + QUIET, y + QUIET);
  QRcode_free (code);
  bytes = g_bytes_new_take (pixels, side * side * CHANNELS);
  return gdk_memory_texture_new ((int)side, (int)side, GDK_MEMORY_R8G8B8, bytes, side * CHANNELS);
}

void
funnel_qr_show (GtkWindow *parent, const char *url)
{
  g_autoptr (GtkBuilder) builder = gtk_builder_new_from_resource ("/org/openfunnel/Funnel/qr.ui");
  g_autoptr (GdkTexture) texture = funnel_qr_make (url);
  GtkWindow *window = GTK_WINDOW (gtk_builder_get_object (builder, "window"));
  GtkWidget *picture = GTK_WIDGET (gtk_builder_get_object (builder, "picture"));

  gtk_picture_set_paintable (GTK_PICTURE (picture), GDK_PAINTABLE (texture));
  gtk_accessible_update_property (GTK_ACCESSIBLE (picture), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("QR code"), GTK_ACCESSIBLE_PROPERTY_DESCRIPTION, url, -1);
  gtk_label_set_text (GTK_LABEL (gtk_builder_get_object (builder, "url")), url);
  gtk_window_set_transient_for (window, parent);
  gtk_window_present (window);
}
