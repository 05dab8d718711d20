/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/without-gl.h"

/* GTK before 4.14 knows the first, later ones the second. */
static const struct
{
  const char *name, *value;
} choices[] = {
    {"GDK_DEBUG", "gl-disable"},
    {"GDK_DISABLE", "gl,vulkan"},
    {"GSK_RENDERER", "cairo"},
};

static gboolean chosen; /* by us */

void
funnel_without_gl_begin (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (choices); i++)
    if (g_getenv (choices[i].name))
      return;
  for (gsize i = 0; i < G_N_ELEMENTS (choices); i++)
    g_setenv (choices[i].name, choices[i].value, TRUE);
  chosen = TRUE;
}

void
funnel_without_gl_spare (GAppLaunchContext *context)
{
  for (gsize i = 0; chosen && i < G_N_ELEMENTS (choices); i++)
    g_app_launch_context_unsetenv (context, choices[i].name);
}
