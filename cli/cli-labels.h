/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What the user reads, as pure functions of what the daemon says. Text from outside is made one
 * clean line before it reaches a terminal. Results are the caller's to free. */

#include <glib.h>

G_BEGIN_DECLS

/** FunnelCliShareText: one share, as far as words go; all strings may be NULL or empty. */
typedef struct
{
  const char *url;
  const char *kind;
  const char *target;
  const char *state;
  const char *reason;
  const char *next_step;
} FunnelCliShareText;

/** FunnelCliRequest: one line of the request log; texts are borrowed. */
typedef struct
{
  gint64 time; /* Unix microseconds */
  const char *source;
  const char *method;
  const char *path;
  guint16 status; /* 0: cut short before an answer */
  gboolean complete;
  guint64 bytes;
  guint32 ms;
} FunnelCliRequest;

/** funnel_label_request: "14:02:11 203.0.113.9 GET /path 200 1.2 kB 12ms". */
char *funnel_label_request (const FunnelCliRequest *request);
/** funnel_label_mount: "/api  proxy http://…", with what is special about it, from one of Mounts.
 * @with_path: say the path too */
char *funnel_label_mount (GVariant *mount, gboolean with_path);
/** funnel_label_access: "203.0.113.0/24; password for me; at most 5 connections" from Access;
 * "anyone" for none. */
char *funnel_label_access (GVariant *access);
/** funnel_label_end: "in 1h 30m, at 2026-11-24 18:00"; NULL for 0 (never). */
char *funnel_label_end (guint64 expires, gint64 now);

/** funnel_label_is_active: whether a share may be called available. */
gboolean funnel_label_is_active (const char *state);

/** funnel_label_headline: "Available on the internet:" for an active share and for no other. */
const char *funnel_label_headline (const char *state, gboolean was_active);

/** funnel_label_target: "proxy http://127.0.0.1:3000" and its kin. */
char *funnel_label_target (const char *kind, const char *target);

/** funnel_label_state: "waiting-grant: reason"; the state alone when there is no reason. */
char *funnel_label_state (const FunnelCliShareText *share);

/** funnel_label_line: state, reason and next step in one line, for logs and pipes. */
char *funnel_label_line (const FunnelCliShareText *share);

/**
 * funnel_label_block: headline, URL, target and, unless active, what is missing and what to do.
 * @was_active: it has been available before
 * @footer: last line, or NULL
 */
char *funnel_label_block (const FunnelCliShareText *share, gboolean was_active, const char *footer);

/** funnel_label_disable: the command that ends exactly this share; @name only when kind and port
 * are not enough, @path only when that alone is to end. Both may be NULL. */
char *funnel_label_disable (const char *kind, guint16 port, const char *name, const char *path);

/** funnel_label_counts: "no-share 1, busy 3" from a{st}, largest first; NULL when there is none. */
char *funnel_label_counts (GVariant *counts);

/** funnel_label_grants: "a.example.org (443, 8443), b.example.org (443)" from a{saq}; NULL when
 * there is none. */
char *funnel_label_grants (GVariant *grants);

/** funnel_label_age: "12s ago" or "never" from Unix seconds, 0 never. */
char *funnel_label_age (guint64 then, gint64 now);

/** funnel_label_certificate: "Let's Encrypt, E7, until 2027-02-10 12:00, renewed from 2027-01-11
 * 09:30" from the property Certificate (a{sv}), with its problem; NULL when there is none. */
char *funnel_label_certificate (GVariant *certificate);

/** funnel_label_rows: terminal rows @text (ending in a line feed) takes at @columns. */
guint funnel_label_rows (const char *text, guint columns);

/** funnel_label_clean: @text as one line that cannot move the cursor; "" for NULL. */
char *funnel_label_clean (const char *text);
/** funnel_label_say: the same of what the daemon says, in the user's language. */
char *funnel_label_say (const char *text);
/** funnel_label_field: "|-- name      value\n"; "" for an empty or no value. */
char *funnel_label_field (const char *name, const char *value);

G_END_DECLS
