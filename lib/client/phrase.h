/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What daemon and ingress say, in the user's language.
 *
 * They say it in English, in whole texts: a reason is put together on its way from an agent or an
 * ingress through tunnel, link and state to the bus, and the same text goes to clients of several
 * languages, to logs and into JSON. So it is translated where it is shown: what they can say is
 * marked with N_() in their sources and collected in a table of phrases, and a phrase that fits a
 * text, with anything where its conversions stand, is replaced by its translation. What stands
 * there may be a phrase itself. What is not known is shown as it is. */

#include <glib.h>

G_BEGIN_DECLS

/**
 * funnel_phrase_translate: @text in the user's language; free it. Main thread only. The work is
 * bounded, whatever the text is.
 */
char *funnel_phrase_translate (const char *text);

/** funnel_phrases: all of them, as formats, NULL-terminated; made from the sources. */
extern const char *const funnel_phrases[];

G_END_DECLS
