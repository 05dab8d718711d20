/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/notices.h"

#include <glib/gi18n.h>

#include "lib/client/phrase.h"

#define REASON_CHARACTERS 200

/* What is remembered of a share. */
typedef struct
{
  gboolean visited;
  gboolean failed;  /* its certificate: it was told */
  gboolean expired; /* it was told, or it was so when it was first seen */
  gboolean present; /* in the facts of this time */
} Memory;

struct _FunnelNotices
{
  GHashTable *shares; /* NAME:PORT → Memory */
  gint64 down_since;  /* -1: it is not down, or nobody misses it */
  gboolean lost;
  gboolean down_told;
  gint64 next;
  double allowance; /* notices that may be sent now */
  gint64 counted;   /* when it was reckoned; 0 never */
};

static void
notice_free (gpointer data)
{
  FunnelNotice *notice = data;

  g_free (notice->id);
  g_free (notice->title);
  g_free (notice->body);
  g_free (notice->path);
  g_free (notice);
}

FunnelNotices *
funnel_notices_new (void)
{
  FunnelNotices *self = g_new0 (FunnelNotices, 1);

  self->shares = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->down_since = -1;
  self->next = -1;
  self->allowance = FUNNEL_NOTICE_BURST;
  return self;
}

void
funnel_notices_free (FunnelNotices *self)
{
  if (!self)
    return;
  g_hash_table_unref (self->shares);
  g_free (self);
}

gint64
funnel_notices_next (FunnelNotices *self)
{
  return self->next;
}

gboolean
funnel_notices_lost (FunnelNotices *self)
{
  return self->lost;
}

/* Returns: whether one more may be sent; it is counted then. */
static gboolean
allow (FunnelNotices *self, gint64 now)
{
  if (self->counted > 0)
    self->allowance += (double)(now - self->counted) / G_USEC_PER_SEC / FUNNEL_NOTICE_SECONDS;
  self->allowance = MIN (self->allowance, FUNNEL_NOTICE_BURST);
  self->counted = now;
  if (self->allowance < 1)
    return FALSE;
  self->allowance -= 1;
  return TRUE;
}

static FunnelNotice *
add (GPtrArray *out, FunnelNoticeKind kind, const char *key)
{
  static const char *const names[] = {"visitor", "certificate", "expired", "tunnel"};
  FunnelNotice *notice = g_new0 (FunnelNotice, 1);

  G_STATIC_ASSERT (G_N_ELEMENTS (names) == FUNNEL_NOTICE_TUNNEL + 1);
  notice->kind = kind;
  notice->id = g_strdup_printf ("%s %s", names[kind], key);
  g_ptr_array_add (out, notice);
  return notice;
}

static void
add_over (GPtrArray *out, FunnelNoticeKind kind, const char *key)
{
  add (out, kind, key)->over = TRUE;
}

/* What somebody else wrote, as one short line in the user's language. */
static char *
tidy (const char *text)
{
  g_autofree char *said = funnel_phrase_translate (text);
  g_autofree char *valid = g_utf8_make_valid (said, -1);
  g_autofree char *start
      = g_utf8_substring (valid, 0, MIN (g_utf8_strlen (valid, -1), REASON_CHARACTERS));

  g_strdelimit (start, "\r\n\t", ' ');
  return g_strdup (start);
}

/* @title is taken. */
static void
tell_share (GPtrArray *out,
            FunnelNoticeKind kind,
            const char *key,
            const FunnelNoticeShare *share,
            char *title,
            const char *body)
{
  FunnelNotice *notice = add (out, kind, key);

  notice->title = title;
  notice->body = tidy (body);
  notice->path = g_strdup (share->path);
}

/* --- Shares --- */

static gboolean
has_expired (const FunnelNoticeShare *share, gint64 wall)
{
  return share->expires > 0 && (gint64)share->expires <= wall && g_str_equal (share->state, "off");
}

static void
look_at_certificate (FunnelNotices *self,
                     GPtrArray *out,
                     const char *key,
                     const FunnelNoticeShare *share,
                     Memory *memory,
                     gint64 now)
{
  gboolean failed = g_str_equal (share->state, "certificate-failed");

  if (memory->failed && !failed)
    add_over (out, FUNNEL_NOTICE_CERTIFICATE, key);
  if (failed && !memory->failed)
    {
      if (!allow (self, now))
        return; /* it goes on, so there is another time */
      tell_share (out, FUNNEL_NOTICE_CERTIFICATE, key, share,
                  g_strdup_printf (_ ("No certificate for %s"), share->name), share->reason);
    }
  memory->failed = failed;
}

static void
look_at_end (FunnelNotices *self,
             GPtrArray *out,
             const char *key,
             const FunnelNoticeShare *share,
             Memory *memory,
             gint64 now,
             gint64 wall)
{
  gboolean expired = has_expired (share, wall);

  if (memory->expired && !expired)
    add_over (out, FUNNEL_NOTICE_EXPIRED, key);
  if (expired && !memory->expired && allow (self, now))
    tell_share (out, FUNNEL_NOTICE_EXPIRED, key, share,
                g_strdup_printf (_ ("%s is no longer public"), share->name),
                _ ("It has reached its end."));
  memory->expired = expired;
}

static void
look_at_share (FunnelNotices *self,
               GPtrArray *out,
               const FunnelNoticeShare *share,
               gint64 now,
               gint64 wall)
{
  g_autofree char *key = g_strdup_printf ("%s:%u", share->name, (guint)share->port);
  Memory *memory = g_hash_table_lookup (self->shares, key);

  if (!memory)
    {
      memory = g_new0 (Memory, 1);
      memory->visited = share->visitors > 0;
      memory->expired = has_expired (share, wall);
      g_hash_table_insert (self->shares, g_strdup (key), memory);
    }
  memory->present = TRUE;
  if (share->visitors > 0 && !memory->visited)
    {
      memory->visited = TRUE;
      if (allow (self, now))
        tell_share (out, FUNNEL_NOTICE_VISITOR, key, share,
                    g_strdup_printf (_ ("%s has its first visitor"), share->name),
                    _ ("Whoever knows the address can come."));
    }
  look_at_certificate (self, out, key, share, memory, now);
  look_at_end (self, out, key, share, memory, now, wall);
}

static void
forget_ended (FunnelNotices *self, GPtrArray *out)
{
  GHashTableIter iter;
  gpointer key;
  gpointer value;

  g_hash_table_iter_init (&iter, self->shares);
  while (g_hash_table_iter_next (&iter, &key, &value))
    {
      Memory *memory = value;

      if (memory->present)
        {
          memory->present = FALSE;
          continue;
        }
      if (memory->failed)
        add_over (out, FUNNEL_NOTICE_CERTIFICATE, key);
      g_hash_table_iter_remove (&iter);
    }
}

/* --- The connection to the ingress --- */

static gboolean
is_missed (const FunnelNoticeFacts *facts)
{
  if (!facts->known || !facts->joined || facts->linked)
    return FALSE;
  for (gsize i = 0; i < facts->n_shares; i++)
    if (!g_str_equal (facts->shares[i].state, "off"))
      return TRUE;
  return FALSE;
}

static void
look_at_tunnel (FunnelNotices *self, GPtrArray *out, const FunnelNoticeFacts *facts, gint64 now)
{
  const gint64 patience = FUNNEL_NOTICE_TUNNEL_SECONDS * G_USEC_PER_SEC;
  FunnelNotice *notice;

  self->next = -1;
  if (!is_missed (facts))
    {
      if (self->down_told)
        add_over (out, FUNNEL_NOTICE_TUNNEL, "");
      self->down_told = FALSE;
      self->lost = FALSE;
      self->down_since = -1;
      return;
    }
  if (self->down_since < 0)
    self->down_since = now;
  self->lost = now - self->down_since >= patience;
  if (!self->lost)
    self->next = self->down_since + patience;
  else if (!self->down_told && allow (self, now))
    {
      notice = add (out, FUNNEL_NOTICE_TUNNEL, "");
      notice->title
          = g_strdup_printf (_ ("No connection to %s"), facts->ingress ? facts->ingress : "");
      notice->body = tidy (facts->reason && facts->reason[0] ? facts->reason
                                                             : _ ("Nobody can reach your shares."));
      self->down_told = TRUE;
    }
}

GPtrArray *
funnel_notices_take (FunnelNotices *self, const FunnelNoticeFacts *facts, gint64 now, gint64 wall)
{
  GPtrArray *out = g_ptr_array_new_with_free_func (notice_free);

  if (facts->known)
    {
      for (gsize i = 0; i < facts->n_shares; i++)
        look_at_share (self, out, &facts->shares[i], now, wall);
      forget_ended (self, out);
    }
  look_at_tunnel (self, out, facts, now);
  return out;
}
