/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/client/phrase.h"

#include <glib/gi18n.h>
#include <string.h>

#include "lib/client/language.h"

static void
assert_says (const char *text, const char *expected)
{
  g_autofree char *out = funnel_phrase_translate (text);

  g_assert_cmpstr (out, ==, expected);
}

static void
test_whole (void)
{
  assert_says ("It is switched off.", "Sie ist ausgeschaltet.");
  assert_says ("The ingress grants laptop.example.org, but not on port 8443.",
               "Der Ingress erlaubt laptop.example.org, aber nicht auf Port 8443.");
  assert_says ("On the ingress: funnel-ingress grant laptop --name a.example.org --port 443",
               "Auf dem Ingress: funnel-ingress grant laptop --name a.example.org --port 443");
}

static void
test_within (void)
{
  assert_says ("There is no certificate for a.example.org: cannot reach ca.example.org: no answer "
               "in time. It is tried again at 12:00:01.",
               "Es gibt kein Zertifikat für a.example.org: ca.example.org ist nicht erreichbar: "
               "keine Antwort in der Zeit. Der nächste Versuch ist um 12:00:01.");
  assert_says ("%s took too long", "%s dauerte zu lange");
  assert_says ("bringing the tunnel up took too long", "der Aufbau des Tunnels dauerte zu lange");
}

/* A beginning and what follows it, with or without a full stop. */
static void
test_joined (void)
{
  assert_says ("The tunnel to the ingress is down: it is being set up.",
               "Der Tunnel zum Ingress ist nicht aufgebaut: er wird gerade aufgebaut.");
  assert_says ("The tunnel to the ingress is down.", "Der Tunnel zum Ingress ist nicht aufgebaut.");
  assert_says ("the name has no address; ns1.example.org, a server of the zone, says: no address",
               "der Name hat keine Adresse; ns1.example.org, ein Server der Zone, sagt: keine "
               "Adresse");
  assert_says ("laptop.example.org:443: nobody knows; it is too long",
               "laptop.example.org:443: nobody knows; es ist zu lang");
  assert_says ("mount 2: share 3 stands there twice", "Pfad Nr. 2: Freigabe 3 steht zweimal da");
}

static void
test_lines (void)
{
  assert_says ("there is no certificate\nNot tried again before 2027-01-01\nsomething else",
               "es gibt kein Zertifikat\nKein neuer Versuch vor 2027-01-01\nsomething else");
  assert_says ("\n\n", "\n\n");
}

/* What somebody chose is not ours to translate, nor what nobody knows. */
static void
test_left (void)
{
  assert_says ("", "");
  assert_says ("link", "link");
  assert_says ("/srv/my files", "/srv/my files");
  assert_says ("The moon is full.", "The moon is full.");
  assert_says ("The ingress grants a.example.org, but not on port four.",
               "The ingress grants a.example.org, but not on port four.");
  assert_says (NULL, "");
}

/* Bounded, whatever somebody sends. */
static void
test_hostile (void)
{
  GString *text = g_string_new ("a ");
  g_autofree char *out = NULL;

  while (text->len < 8000)
    g_string_append (text, "does not work: : ; leads to ; . works: ");
  out = funnel_phrase_translate (text->str);
  g_assert_nonnull (out);
  g_string_free (text, TRUE);
}

/* @format with words and numbers in place of its conversions. */
static char *
make_sample (const char *format)
{
  GString *out = g_string_new (NULL);
  char word = 'p';

  for (const char *at = format; *at; at++)
    {
      gsize skip;

      if (*at != '%' || at[1] == '%')
        {
          g_string_append_c (out, *at);
          at += *at == '%';
          continue;
        }
      skip = 1 + strspn (at + 1, "0123456789.-+*lzh$");
      if (at[skip] == 's')
        g_string_append_printf (out, "Q%c", word++);
      else
        g_string_append (out, "7");
      at += skip;
    }
  return g_string_free (out, FALSE);
}

static gboolean
has_text_side_by_side (const char *format)
{
  return strstr (format, "%s%s") != NULL || strstr (format, "%s%u") != NULL;
}

/* Every phrase is recognised, and as itself: its translation has its words in it. */
static void
test_all (void)
{
  guint n = 0;

  for (; funnel_phrases[n]; n++)
    {
      const char *format = funnel_phrases[n];
      g_autofree char *sample = make_sample (format);
      g_autofree char *wanted = make_sample (gettext (format));
      g_autofree char *out = NULL;

      g_assert_false (has_text_side_by_side (format));
      g_assert_null (strchr (format, '\n'));
      g_assert_nonnull (strchr (format, ' '));
      if (strchr (gettext (format), '$') || g_str_has_suffix (format, " "))
        continue;
      out = funnel_phrase_translate (sample);
      g_assert_cmpstr (out, ==, wanted);
    }
  g_assert_cmpuint (n, >, 500);
}

int
main (int argc, char **argv)
{
  g_setenv ("LC_ALL", "C.UTF-8", TRUE);
  g_setenv ("LANGUAGE", "de", TRUE);
  g_test_init (&argc, &argv, NULL);
  funnel_language_init (TRUE);
  g_test_add_func ("/phrase/whole", test_whole);
  g_test_add_func ("/phrase/within", test_within);
  g_test_add_func ("/phrase/joined", test_joined);
  g_test_add_func ("/phrase/lines", test_lines);
  g_test_add_func ("/phrase/left", test_left);
  g_test_add_func ("/phrase/hostile", test_hostile);
  g_test_add_func ("/phrase/all", test_all);
  return g_test_run ();
}
