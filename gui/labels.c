/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/labels.h"

#include <glib/gi18n.h>
#include <string.h>

#include "lib/base/json-read.h"
#include "lib/client/phrase.h"

#define TEXT_MAX 1000 /* bytes of one text from the daemon; more is cut */

typedef struct
{
  const char *state;
  const char *words;
  const char *icon;
  FunnelTone tone;
} Row;

static const Row share_rows[] = {
    {"active", N_ ("Reachable from the internet"), "emblem-ok-symbolic", FUNNEL_TONE_GOOD},
    {"off", N_ ("Off"), "system-shutdown-symbolic", FUNNEL_TONE_QUIET},
    {"probing", N_ ("Being tried from outside"), "content-loading-symbolic", FUNNEL_TONE_BUSY},
    {"certificate-pending", N_ ("Getting a certificate"), "content-loading-symbolic",
     FUNNEL_TONE_BUSY},
    {"dns-pending", N_ ("Name not found in DNS yet"), "content-loading-symbolic",
     FUNNEL_TONE_TROUBLE},
    {"waiting-grant", N_ ("Waiting for the ingress’s admin"), "changes-prevent-symbolic",
     FUNNEL_TONE_TROUBLE},
    {"tunnel-down", N_ ("No tunnel to the ingress"), "network-offline-symbolic",
     FUNNEL_TONE_TROUBLE},
    {"link-down", N_ ("No link to the ingress"), "network-offline-symbolic", FUNNEL_TONE_TROUBLE},
    {"name-refused", N_ ("Not reachable at its name"), "dialog-error-symbolic",
     FUNNEL_TONE_TROUBLE},
    {"certificate-failed", N_ ("No certificate"), "dialog-warning-symbolic", FUNNEL_TONE_TROUBLE},
    {"target-down", N_ ("Nothing answers on this computer"), "dialog-warning-symbolic",
     FUNNEL_TONE_TROUBLE},
};

static const Row ingress_rows[] = {
    {"linked", N_ ("Connected"), "emblem-ok-symbolic", FUNNEL_TONE_GOOD},
    {"link-down", N_ ("No link to the ingress"), "network-offline-symbolic", FUNNEL_TONE_TROUBLE},
    {"tunnel-down", N_ ("No tunnel to the ingress"), "network-offline-symbolic",
     FUNNEL_TONE_TROUBLE},
};

static const Row doctor_rows[] = {
    {"ok", "", "emblem-ok-symbolic", FUNNEL_TONE_GOOD},
    {"warning", "", "dialog-warning-symbolic", FUNNEL_TONE_TROUBLE},
    {"failed", "", "dialog-error-symbolic", FUNNEL_TONE_TROUBLE},
    {"skipped", "", "action-unavailable-symbolic", FUNNEL_TONE_QUIET},
};

static FunnelLook
find_look (const Row *rows, gsize n, const char *state)
{
  for (gsize i = 0; i < n; i++)
    if (g_strcmp0 (rows[i].state, state) == 0)
      return (FunnelLook) {*rows[i].words ? _ (rows[i].words) : "", rows[i].icon, rows[i].tone};
  return (FunnelLook) {_ ("Not known"), "dialog-question-symbolic", FUNNEL_TONE_TROUBLE};
}

FunnelLook
funnel_look_share (const char *state)
{
  return find_look (share_rows, G_N_ELEMENTS (share_rows), state);
}

FunnelLook
funnel_look_ingress (const char *state)
{
  return find_look (ingress_rows, G_N_ELEMENTS (ingress_rows), state);
}

FunnelLook
funnel_look_doctor (const char *result)
{
  return find_look (doctor_rows, G_N_ELEMENTS (doctor_rows), result);
}

char *
funnel_words_step (const char *step)
{
  static const struct
  {
    const char *step, *words;
  } rows[] = {
      {"clock", N_ ("Clock")},
      {"configuration", N_ ("Configuration")},
      {"daemon", N_ ("Service")},
      {"join", N_ ("Ingress joined")},
      {"tunnel", N_ ("Tunnel")},
      {"udp", N_ ("UDP")},
      {"handshake", N_ ("Handshake")},
      {"mtu", N_ ("Size of packets")},
      {"link", N_ ("Link to the ingress")},
      {"share", N_ ("Share")},
      {"grant", N_ ("Grant")},
      {"dns", N_ ("DNS")},
      {"certificate", N_ ("Certificate")},
      {"target", N_ ("Target")},
      {"round-trip", N_ ("From outside")},
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    if (g_strcmp0 (rows[i].step, step) == 0)
      return g_strdup (_ (rows[i].words));
  return funnel_words_clean (step);
}

const char *
funnel_tone_class (FunnelTone tone)
{
  static const char *const classes[] = {
      [FUNNEL_TONE_QUIET] = "dim-label",
      [FUNNEL_TONE_GOOD] = "success",
      [FUNNEL_TONE_BUSY] = "accent",
      [FUNNEL_TONE_TROUBLE] = "warning",
  };
  G_STATIC_ASSERT (G_N_ELEMENTS (classes) == FUNNEL_TONE_TROUBLE + 1);

  return classes[tone];
}

char *
funnel_words_clean (const char *text)
{
  return funnel_text_one_line (text ? text : "", TEXT_MAX);
}

char *
funnel_words_say (const char *text)
{
  g_autofree char *translated = funnel_phrase_translate (text);

  return funnel_words_clean (translated);
}

char *
funnel_words_sentence (const char *text)
{
  g_autofree char *clean = funnel_words_say (text);
  char first[8] = "";

  if (!*clean)
    return g_steal_pointer (&clean);
  first[g_unichar_to_utf8 (g_unichar_totitle (g_utf8_get_char (clean)), first)] = '\0';
  return g_strconcat (first, g_utf8_next_char (clean), NULL);
}

static gboolean
is_number (const char *text)
{
  return *text && strspn (text, "0123456789") == strlen (text);
}

/* The port of "3000", "http://localhost:3000" and its kin; NULL if it is something else. */
static const char *
find_local_port (const char *target)
{
  static const char *const begins[]
      = {"http://localhost:", "http://127.0.0.1:", "http://[::1]:", "tcp://localhost:",
         "tcp://127.0.0.1:",  "h2c://localhost:",  "localhost:",    "127.0.0.1:"};

  for (gsize i = 0; i < G_N_ELEMENTS (begins); i++)
    {
      if (g_str_has_prefix (target, begins[i]) && is_number (target + strlen (begins[i])))
        return target + strlen (begins[i]);
    }
  return is_number (target) ? target : NULL;
}

char *
funnel_words_target (const char *target)
{
  g_autofree char *clean = funnel_words_clean (target);
  const char *port = find_local_port (clean);

  if (port)
    return g_strdup_printf (_ ("Port %s on this computer"), port);
  if (clean[0] == '/')
    return g_strdup_printf (_ ("Folder or file %s"), clean);
  if (g_str_has_prefix (clean, "text:"))
    return g_strdup_printf (_ ("The text “%s”"), clean + strlen ("text:"));
  if (g_str_has_prefix (clean, "redirect:"))
    return g_strdup_printf (_ ("Redirect to %s"), clean + strlen ("redirect:"));
  return g_steal_pointer (&clean);
}

char *
funnel_words_exposed (const char *target, const char *program)
{
  g_autofree char *clean_target = funnel_words_clean (target);
  g_autofree char *clean_program = funnel_words_clean (program);
  const char *port = find_local_port (clean_target);

  if (!port || !*clean_program)
    return funnel_words_target (target);
  /* Translators: a program, and the number of its port. */
  return g_strdup_printf (_ ("%s (port %s on this computer)"), clean_program, port);
}

char *
funnel_words_refusal (const char *message)
{
  g_autofree char *sentence = funnel_words_sentence (message);
  const char *flag = strstr (sentence, "--");
  char *end = flag ? g_strrstr_len (sentence, flag - sentence, "; ") : NULL;

  return end ? g_strdup_printf ("%.*s.", (int)(end - sentence), sentence)
             : g_steal_pointer (&sentence);
}

char *
funnel_words_visitors (guint now)
{
  if (now == 0)
    return g_strdup (_ ("No visitors now"));
  return g_strdup_printf (ngettext ("%u visitor now", "%u visitors now", now), now);
}

char *
funnel_words_traffic (guint now, guint64 in, guint64 out)
{
  g_autofree char *visitors = funnel_words_visitors (now);
  g_autofree char *received = g_format_size (in);
  g_autofree char *sent = g_format_size (out);

  if (in == 0 && out == 0)
    return g_steal_pointer (&visitors);
  /* Translators: visitors, bytes received from visitors, bytes sent to visitors. */
  return g_strdup_printf (_ ("%s · %s in · %s out"), visitors, received, sent);
}

/* "3 minutes", in the largest unit that fits. */
static char *
words_for_seconds (gint64 seconds)
{
  gint64 n = MAX (seconds, 0);

  if (n < 60)
    return g_strdup_printf (ngettext ("%u second", "%u seconds", (gulong)n), (guint)n);
  n = seconds / 60;
  if (n < 60)
    return g_strdup_printf (ngettext ("%u minute", "%u minutes", (gulong)n), (guint)n);
  n = seconds / 3600;
  if (n < 48)
    return g_strdup_printf (ngettext ("%u hour", "%u hours", (gulong)n), (guint)n);
  n = seconds / 86400;
  return g_strdup_printf (ngettext ("%u day", "%u days", (gulong)n), (guint)MIN (n, G_MAXINT));
}

char *
funnel_words_age (guint64 then, gint64 now)
{
  g_autofree char *span = NULL;

  if (then == 0)
    return g_strdup (_ ("Never"));
  span = words_for_seconds (now - (gint64)then);
  /* Translators: a span of time, such as "3 minutes". */
  return g_strdup_printf (_ ("%s ago"), span);
}

char *
funnel_words_end (guint64 expires, gint64 now)
{
  g_autofree char *span = NULL;

  if (expires == 0)
    return g_strdup (_ ("No end"));
  if ((gint64)expires <= now)
    {
      span = words_for_seconds (now - (gint64)expires);
      return g_strdup_printf (_ ("Ended %s ago"), span);
    }
  span = words_for_seconds ((gint64)expires - now);
  return g_strdup_printf (_ ("Ends in %s"), span);
}

/* The ranges of @key, as one line; NULL when there are none. */
static char *
join_ranges (GVariant *access, const char *key)
{
  g_autofree const char **ranges = NULL;
  g_autofree char *joined = NULL;

  if (!g_variant_lookup (access, key, "^a&s", &ranges) || !ranges[0])
    return NULL;
  joined = g_strjoinv (", ", (GStrv)ranges);
  return funnel_words_clean (joined);
}

static void
add_limits (GPtrArray *parts, GVariant *access)
{
  guint32 connections = 0, rate = 0;

  g_variant_lookup (access, "max-conns", "u", &connections);
  g_variant_lookup (access, "rate", "u", &rate);
  if (connections > 0)
    g_ptr_array_add (parts, g_strdup_printf (ngettext ("%u connection at once",
                                                       "%u connections at once", connections),
                                             connections));
  if (rate > 0)
    g_ptr_array_add (parts, g_strdup_printf (ngettext ("%u new connection a second",
                                                       "%u new connections a second", rate),
                                             rate));
}

char *
funnel_words_access (GVariant *access)
{
  g_autoptr (GPtrArray) parts = g_ptr_array_new_with_free_func (g_free);
  const char *user = "";
  g_autofree char *allow = NULL;
  g_autofree char *deny = NULL;

  if (!access)
    return g_strdup (_ ("Not known"));
  allow = join_ranges (access, "allow");
  deny = join_ranges (access, "deny");
  g_variant_lookup (access, "auth-user", "&s", &user);
  if (allow)
    g_ptr_array_add (parts, g_strdup_printf (_ ("Only from %s"), allow));
  if (deny)
    g_ptr_array_add (parts, g_strdup_printf (_ ("Not from %s"), deny));
  if (*user)
    g_ptr_array_add (parts, g_strdup_printf (_ ("With the password of %s"), user));
  if (parts->len == 0)
    g_ptr_array_add (parts, g_strdup (_ ("Anyone on the internet")));
  add_limits (parts, access);
  g_ptr_array_add (parts, NULL);
  return g_strjoinv (" · ", (GStrv)parts->pdata);
}

static char *
words_for_day (gint64 seconds)
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_local (seconds);

  /* Translators: a day, see g_date_time_format. */
  return time ? g_date_time_format (time, _ ("%-d %B %Y")) : g_strdup (_ ("Not known"));
}

char *
funnel_words_certificate (GVariant *certificate)
{
  gint64 not_after = 0, renew_at = 0;
  g_autofree char *end = NULL;
  g_autofree char *renewal = NULL;

  if (!certificate || !g_variant_lookup (certificate, "not-after", "x", &not_after))
    return NULL;
  end = words_for_day (not_after);
  if (!g_variant_lookup (certificate, "renew-at", "x", &renew_at))
    return g_strdup_printf (_ ("Until %s"), end);
  renewal = words_for_day (renew_at);
  return g_strdup_printf (_ ("Until %s, renewed from %s"), end, renewal);
}

char *
funnel_words_round_trip (guint microseconds)
{
  if (microseconds == 0)
    return g_strdup (_ ("Not known"));
  if (microseconds < 10000)
    return g_strdup_printf (_ ("%.1f ms"), microseconds / 1000.0);
  return g_strdup_printf (_ ("%u ms"), (microseconds + 500) / 1000);
}

char *
funnel_words_tunnel (const char *tunnel, const char *engine)
{
  g_autofree char *clean = funnel_words_clean (engine);
  const char *what = NULL;

  if (g_strcmp0 (tunnel, "networkmanager") == 0)
    what = _ ("NetworkManager");
  else if (g_strcmp0 (tunnel, "netns") == 0)
    what = _ ("Private network namespace");
  else if (g_strcmp0 (tunnel, "direct") == 0)
    return g_strdup (_ ("None: for tests on one computer only"));
  else
    return g_strdup (_ ("None yet"));
  if (!*clean || g_str_equal (clean, "none"))
    return g_strdup (what);
  /* Translators: where the tunnel is, and which WireGuard program runs it. */
  return g_strdup_printf (_ ("%s, WireGuard: %s"), what, clean);
}

char *
funnel_words_request_title (const char *method, const char *path)
{
  g_autofree char *clean_method = funnel_words_clean (method);
  g_autofree char *clean_path = funnel_words_clean (path);

  return g_strdup_printf ("%s %s", clean_method, clean_path);
}

char *
funnel_words_request_detail (guint16 status, gboolean complete, guint64 bytes, guint32 milliseconds)
{
  g_autofree char *size = g_format_size (bytes);

  if (status == 0)
    return g_strdup_printf (_ ("Cut short after %u ms, before an answer"), milliseconds);
  if (!complete)
    return g_strdup_printf (_ ("Status %u · cut short after %s · %u ms"), status, size,
                            milliseconds);
  return g_strdup_printf (_ ("Status %u · %s · %u ms"), status, size, milliseconds);
}

char *
funnel_words_listening (const char *program, guint pid)
{
  g_autofree char *clean = funnel_words_clean (program);

  if (pid == 0 || !*clean)
    return g_strdup (_ ("A program that is not yours"));
  return g_strdup_printf (_ ("%s, process %u"), clean, pid);
}

gboolean
funnel_words_is_on (gboolean enabled, const char *state, guint64 expires, gint64 now)
{
  gboolean over = expires != 0 && (gint64)expires <= now && g_strcmp0 (state, "off") == 0;

  return enabled && !over;
}
