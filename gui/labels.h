/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What the window says, as pure functions of what the daemon says; translated. Texts from the
 * daemon are made one clean line. Results that are not const are the caller's to free. */

#include <glib.h>

G_BEGIN_DECLS

/** FunnelTone: how a state is coloured; never the only difference between two states. */
typedef enum
{
  FUNNEL_TONE_QUIET,
  FUNNEL_TONE_GOOD,
  FUNNEL_TONE_BUSY,
  FUNNEL_TONE_TROUBLE,
} FunnelTone;

typedef struct
{
  const char *words;
  const char *icon; /* a different shape for each kind of state */
  FunnelTone tone;
} FunnelLook;

/** funnel_look_share: of a share's State; one that is not known is trouble, never good. */
FunnelLook funnel_look_share (const char *state);
/** funnel_look_ingress: of an ingress's State. */
FunnelLook funnel_look_ingress (const char *state);
/** funnel_look_doctor: of a doctor's result; words is empty. */
FunnelLook funnel_look_doctor (const char *result);
/** funnel_words_step: what a doctor's step is called; the identifier where that is not known. */
char *funnel_words_step (const char *step);
/** funnel_tone_class: CSS class. */
const char *funnel_tone_class (FunnelTone tone);

/** funnel_words_clean: @text as one line, at most 1000 bytes; "" for NULL. */
char *funnel_words_clean (const char *text);
/** funnel_words_say: what the daemon says, in the user's language, as one line; "" for NULL. */
char *funnel_words_say (const char *text);
/** funnel_words_sentence: the same, with a capital where it begins with a small letter. */
char *funnel_words_sentence (const char *text);
/** funnel_words_target: "Port 3000 on this computer"; the target itself where there is no better
 * word. */
char *funnel_words_target (const char *target);
/** funnel_words_exposed: what is about to become public: "node (port 3000 on this computer)"; as
 * funnel_words_target when @program is NULL. */
char *funnel_words_exposed (const char *target, const char *program);
/** funnel_words_refusal: why the daemon refuses, without the flags a command line would need. */
char *funnel_words_refusal (const char *message);
/** funnel_words_visitors: "2 visitors now", "No visitors now". */
char *funnel_words_visitors (guint now);
/** funnel_words_traffic: "2 visitors now · 1.2 MB in · 3 MB out". */
char *funnel_words_traffic (guint now, guint64 in, guint64 out);
/** funnel_words_age: "3 minutes ago"; "Never" for 0. */
char *funnel_words_age (guint64 then, gint64 now);
/** funnel_words_end: "Ends in 2 hours", "Ended 3 minutes ago", "No end". */
char *funnel_words_end (guint64 expires, gint64 now);
/** funnel_words_access: who may come, from Access (a{sv}). */
char *funnel_words_access (GVariant *access);
/** funnel_words_certificate: "Until 10 February 2027, renewed from 11 January" from Certificate;
 * NULL when there is none. */
char *funnel_words_certificate (GVariant *certificate);
/** funnel_words_round_trip: "21 ms"; "Not known" for 0. */
char *funnel_words_round_trip (guint microseconds);
/** funnel_words_tunnel: what a back end and its engine are. */
char *funnel_words_tunnel (const char *tunnel, const char *engine);
/** funnel_words_request: "GET /path", "200 · 1.2 kB · 12 ms" of one line of ListRequests. */
char *funnel_words_request_title (const char *method, const char *path);
char *funnel_words_request_detail (guint16 status,
                                   gboolean complete,
                                   guint64 bytes,
                                   guint32 milliseconds);
/** funnel_words_listening: "node, process 1234" or "Another user's program". */
char *funnel_words_listening (const char *program, guint pid);
/** funnel_words_is_on: where the switch of a share stands. */
gboolean funnel_words_is_on (gboolean enabled, const char *state, guint64 expires, gint64 now);

G_END_DECLS
