/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/banner.h"

#include <glib/gi18n.h>

#include "gui/labels.h"

static FunnelBanner
make_outdated (const char *version)
{
  g_autofree char *clean = funnel_words_clean (version);

  return (FunnelBanner) {
      .text = g_strdup_printf (_ ("The Funnel service is of version %s, older than this window "
                                  "(%s). Some things may not work until it is restarted, "
                                  "for example with: systemctl --user restart funneld"),
                               *clean ? clean : "?", FUNNEL_VERSION)};
}

static FunnelBanner
make_away (const FunnelBannerFacts *facts)
{
  FunnelLook look = funnel_look_ingress (facts->ingress_state);
  g_autofree char *reason = funnel_words_say (facts->reason);
  g_autofree char *next = funnel_words_say (facts->next_step);
  g_autoptr (GString) text = g_string_new (NULL);

  if (*reason)
    /* Translators: a state, and why it is so. */
    g_string_printf (text, _ ("%s: %s"), look.words, reason);
  else
    g_string_assign (text, look.words);
  if (*next)
    g_string_append_printf (text, "\n%s", next);
  return (FunnelBanner) {g_strdup (text->str), _ ("_Connection"), "win.connection"};
}

FunnelBanner
funnel_banner_make (const FunnelBannerFacts *facts)
{
  if (facts->state == FUNNEL_CONNECTION_OUTDATED)
    return make_outdated (facts->version);
  if (facts->state == FUNNEL_CONNECTION_READY && facts->stranded)
    return (FunnelBanner) {g_strdup (_ ("Nothing can be reached: this computer has not joined an "
                                        "ingress.")),
                           _ ("_Join…"), "win.join"};
  if (facts->state != FUNNEL_CONNECTION_READY || !facts->joined)
    return (FunnelBanner) {0};
  if (g_strcmp0 (facts->ingress_state, "linked") != 0)
    return make_away (facts);
  if (facts->paused)
    return (FunnelBanner) {g_strdup (_ ("All shares are paused: nobody can reach them.")),
                           _ ("_Resume"), "app.pause-all"};
  if (!facts->granted)
    return (FunnelBanner) {
        g_strdup (_ ("The ingress’s admin has not granted a name to this computer yet. "
                     "Until then nothing can be reached.")),
        _ ("_Connection"), "win.connection"};
  return (FunnelBanner) {0};
}
