/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli-cert.h"

#include <glib/gi18n.h>
#include <stdio.h>

#include "cli/cli-json.h"
#include "cli/cli-labels.h"
#include "lib/base/duration.h"

static char *
dup_text (GVariant *dict, const char *key)
{
  const char *text = "";

  g_variant_lookup (dict, key, "&s", &text);
  return funnel_label_clean (text);
}

/* The same of what is said in English. */
static char *
say_text (GVariant *dict, const char *key)
{
  const char *text = "";

  g_variant_lookup (dict, key, "&s", &text);
  return funnel_label_say (text);
}

static guint64
get_time (GVariant *dict, const char *key)
{
  guint64 seconds = 0;

  g_variant_lookup (dict, key, "t", &seconds);
  return seconds;
}

static gboolean
get_flag (GVariant *dict, const char *key)
{
  gboolean flag = FALSE;

  g_variant_lookup (dict, key, "b", &flag);
  return flag;
}

static GStrv
dup_users (GVariant *dict)
{
  GStrv users = NULL;

  return g_variant_lookup (dict, "users", "^as", &users) ? users : g_new0 (char *, 1);
}

static GVariant *
get_installs (GVariant *dict)
{
  return g_variant_lookup_value (dict, "installs", G_VARIANT_TYPE ("aa{sv}"));
}

/* "2027-02-10 12:00 UTC"; "" for 0. */
static char *
format_time (guint64 seconds)
{
  g_autoptr (GDateTime) time = seconds ? g_date_time_new_from_unix_utc ((gint64)seconds) : NULL;

  return time ? g_date_time_format (time, "%Y-%m-%d %H:%M UTC") : g_strdup ("");
}

static void
print_field (const char *name, const char *value)
{
  g_autofree char *line = funnel_label_field (name, value);

  fputs (line, stdout);
}

static void
print_retry (const char *what, guint64 at)
{
  g_autofree char *time = format_time (at);

  if (*time)
    print_field (what, time);
}

static void
print_install (GVariant *install, gboolean only_problem)
{
  g_autofree char *folder = dup_text (install, "folder");
  g_autofree char *group = dup_text (install, "group");
  g_autofree char *problem = say_text (install, "problem");
  g_autofree char *retry = format_time (get_time (install, "retry-at"));
  g_autoptr (GString) text = g_string_new (folder);

  if (only_problem && !*problem)
    return;
  if (*group)
    g_string_append_printf (text, _ (", group %s"), group);
  if (get_flag (install, "hook"))
    g_string_append (text, _ (", with a hook"));
  if (*problem)
    g_string_append_printf (text, ": %s", problem);
  if (*retry)
    g_string_append_printf (text, _ ("; tried again at %s"), retry);
  print_field (C_ ("field", "files"), text->str);
}

static void
print_installs (GVariant *dict, gboolean only_problems)
{
  g_autoptr (GVariant) installs = get_installs (dict);
  GVariantIter iter;
  GVariant *install = NULL;

  if (!installs)
    return;
  g_variant_iter_init (&iter, installs);
  while ((install = g_variant_iter_next_value (&iter)))
    {
      print_install (install, only_problems);
      g_variant_unref (install);
    }
}

static void
print_certificate (const char *name, GVariant *dict)
{
  g_autofree char *state = dup_text (dict, "state");
  g_autofree char *problem = say_text (dict, "problem");
  g_autofree char *next = say_text (dict, "next-step");
  g_autofree char *step = say_text (dict, "step");
  g_autofree char *issuer = dup_text (dict, "issuer");
  g_autofree char *end = format_time (get_time (dict, "not-after"));
  g_autofree char *clean = funnel_label_clean (name);
  g_auto (GStrv) users = dup_users (dict);
  g_autofree char *joined = g_strjoinv (", ", users);
  g_autofree char *clean_users = funnel_label_clean (joined);
  g_autofree char *text = g_strdup_printf ("%s%s%s", state, *problem ? ": " : "", problem);

  printf ("%s\n", clean);
  print_field (C_ ("field", "state"), text);
  print_field (C_ ("field", "now"), step);
  print_field (C_ ("field", "next"), next);
  print_retry (C_ ("field", "tried"), get_time (dict, "retry-at"));
  print_field (C_ ("field", "issuer"), issuer);
  print_field (C_ ("field", "until"), end);
  print_retry (C_ ("field", "renewal"), get_time (dict, "renew-at"));
  print_field (C_ ("field", "kept"),
               get_flag (dict, "kept") ? _ ("current, because of `funnel cert`") : "");
  print_field (C_ ("field", "users"), clean_users);
  print_installs (dict, FALSE);
}

/* --- JSON --- */

static void
set_texts (JsonObject *object, GVariant *dict, const char *const *keys)
{
  for (; *keys; keys++)
    {
      g_autofree char *text = dup_text (dict, *keys);
      g_autofree char *member = g_strdelimit (g_strdup (*keys), "-", '_');

      json_object_set_string_member (object, member, text);
    }
}

static void
set_times (JsonObject *object, GVariant *dict, const char *const *keys)
{
  for (; *keys; keys++)
    {
      g_autofree char *member = g_strdelimit (g_strdup (*keys), "-", '_');

      json_object_set_int_member (object, member, (gint64)get_time (dict, *keys));
    }
}

static JsonArray *
make_installs (GVariant *dict)
{
  static const char *const texts[] = {"folder", "group", "sha256", "problem", NULL};
  static const char *const times[] = {"retry-at", NULL};
  g_autoptr (GVariant) installs = get_installs (dict);
  JsonArray *array = json_array_new ();

  for (gsize i = 0; installs && i < g_variant_n_children (installs); i++)
    {
      g_autoptr (GVariant) install = g_variant_get_child_value (installs, i);
      JsonObject *object = json_object_new ();

      set_texts (object, install, texts);
      set_times (object, install, times);
      json_object_set_boolean_member (object, "hook", get_flag (install, "hook"));
      json_array_add_object_element (array, object);
    }
  return array;
}

static JsonObject *
make_object (const char *name, GVariant *dict)
{
  static const char *const texts[] = {"state",  "step",   "problem", "next-step", "issuer",
                                      "serial", "sha256", "ca",      "account",   NULL};
  static const char *const times[] = {"retry-at", "renew-at", "not-before", "not-after", NULL};
  g_auto (GStrv) users = dup_users (dict);
  JsonObject *object = json_object_new ();
  JsonArray *array = json_array_new ();

  json_object_set_string_member (object, "name", name);
  set_texts (object, dict, texts);
  set_times (object, dict, times);
  json_object_set_boolean_member (object, "kept", get_flag (dict, "kept"));
  for (char **user = users; *user; user++)
    json_array_add_string_element (array, *user);
  json_object_set_array_member (object, "users", array);
  json_object_set_array_member (object, "installs", make_installs (dict));
  return object;
}

static void
print_json (FunnelDBusCertificates *certificates, GVariant *all)
{
  JsonObject *document = funnel_cli_json_new ();
  JsonArray *array = json_array_new ();

  for (gsize i = 0; all && i < g_variant_n_children (all); i++)
    {
      const char *name = NULL;
      g_autoptr (GVariant) dict = NULL;

      g_variant_get_child (all, i, "{&s@a{sv}}", &name, &dict);
      json_array_add_object_element (array, make_object (name, dict));
    }
  json_object_set_string_member (document, "socket",
                                 funnel_dbus_certificates_get_local_api_socket (certificates));
  json_object_set_string_member (document, "url",
                                 funnel_dbus_certificates_get_local_api_url (certificates));
  json_object_set_array_member (document, "certificates", array);
  funnel_cli_json_print (document, TRUE);
}

static void
print_place (const char *what, const char *place)
{
  if (place && *place)
    printf ("%s %s\n", what, place);
}

void
funnel_cert_print_list (FunnelDBusCertificates *certificates, gboolean json)
{
  GVariant *all = funnel_dbus_certificates_get_certificates (certificates);
  gsize count = all ? g_variant_n_children (all) : 0;

  if (json)
    {
      print_json (certificates, all);
      return;
    }
  for (gsize i = 0; i < count; i++)
    {
      const char *name = NULL;
      g_autoptr (GVariant) dict = NULL;

      g_variant_get_child (all, i, "{&s@a{sv}}", &name, &dict);
      print_certificate (name, dict);
      putchar ('\n');
    }
  if (count == 0)
    puts (_ (
        "There is no certificate.\nNext: `funnel 3000` gets one, and so does `funnel cert NAME`."));
  print_place (_ ("Local API: socket"),
               funnel_dbus_certificates_get_local_api_socket (certificates));
  print_place (_ ("Local API: HTTP at"), funnel_dbus_certificates_get_local_api_url (certificates));
}

void
funnel_cert_print_problems (FunnelDBusCertificates *certificates)
{
  GVariant *all = funnel_dbus_certificates_get_certificates (certificates);

  for (gsize i = 0; all && i < g_variant_n_children (all); i++)
    {
      const char *name = NULL;
      g_autoptr (GVariant) dict = NULL;
      g_autoptr (GVariant) installs = NULL;
      gboolean bad = FALSE;

      g_variant_get_child (all, i, "{&s@a{sv}}", &name, &dict);
      installs = get_installs (dict);
      for (gsize j = 0; installs && j < g_variant_n_children (installs); j++)
        {
          g_autoptr (GVariant) install = g_variant_get_child_value (installs, j);
          g_autofree char *problem = dup_text (install, "problem");

          bad = bad || *problem;
        }
      if (!bad)
        continue;
      printf (_ ("certificate files of %s\n"), name);
      print_installs (dict, TRUE);
      putchar ('\n');
    }
}
