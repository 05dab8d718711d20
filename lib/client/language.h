/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The language of a client. */

#include <glib.h>

G_BEGIN_DECLS

/**
 * funnel_language_init: the user's locale, and the catalogue of translations that goes with it,
 * from FUNNEL_LOCALE_DIR or where it was installed. Once, before other threads run.
 * @translate: FALSE for output that programs read: texts stay English, in every locale.
 */
void funnel_language_init (gboolean translate);

G_END_DECLS
