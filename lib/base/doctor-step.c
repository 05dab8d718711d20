/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/base/doctor-step.h"

#include "lib/base/json-read.h"

#include <glib/gi18n.h>
#include <string.h>

#define DOCUMENT_VERSION 1
#define LINE_BYTES_MAX 2000
#define BECAUSE "because " /* how the text of a step begins that others keep from being tried */
#define STEP_WIDTH 13

static const char *const result_texts[] = {
    [FUNNEL_DOCTOR_OK] = "ok",
    [FUNNEL_DOCTOR_WARNING] = "warning",
    [FUNNEL_DOCTOR_FAILED] = "failed",
    [FUNNEL_DOCTOR_SKIPPED] = "skipped",
};
G_STATIC_ASSERT (G_N_ELEMENTS (result_texts) == FUNNEL_DOCTOR_SKIPPED + 1);

static const char *const node_steps[]
    = {"clock", "configuration", "daemon", "join", "tunnel",      "udp",    "handshake",  "mtu",
       "link",  "share",         "grant",  "dns",  "certificate", "target", "round-trip", NULL};

const char *const *
funnel_doctor_node_steps (void)
{
  return node_steps;
}

const char *
funnel_doctor_result_text (FunnelDoctorResult result)
{
  g_return_val_if_fail ((guint)result < G_N_ELEMENTS (result_texts), "failed");
  return result_texts[result];
}

static void
step_free (gpointer data)
{
  FunnelDoctorStep *step = data;

  g_free (step->step);
  g_free (step->subject);
  g_free (step->text);
  g_free (step->advice);
  g_free (step);
}

GPtrArray *
funnel_doctor_list_new (void)
{
  return g_ptr_array_new_with_free_func (step_free);
}

void
funnel_doctor_add (GPtrArray *steps,
                   const char *step,
                   const char *subject,
                   FunnelDoctorResult result,
                   char *text,
                   const char *advice)
{
  FunnelDoctorStep *item = g_new0 (FunnelDoctorStep, 1);

  item->step = g_strdup (step);
  item->subject = g_strdup (subject != NULL ? subject : "");
  item->result = result;
  item->text = text != NULL ? text : g_strdup ("");
  item->advice = g_strdup (advice != NULL ? advice : "");
  g_ptr_array_add (steps, item);
}

const FunnelDoctorStep *
funnel_doctor_find (const GPtrArray *steps, const char *step, const char *subject)
{
  const FunnelDoctorStep *whole = NULL;

  for (guint i = steps->len; i-- > 0;)
    {
      const FunnelDoctorStep *item = g_ptr_array_index (steps, i);

      if (!g_str_equal (item->step, step))
        continue;
      if (subject != NULL && g_str_equal (item->subject, subject))
        return item;
      if (item->subject[0] == '\0' && whole == NULL)
        whole = item;
    }
  return whole;
}

gboolean
funnel_doctor_skip (GPtrArray *steps,
                    const char *step,
                    const char *subject,
                    const char *const *needs)
{
  for (; *needs != NULL; needs++)
    {
      const FunnelDoctorStep *need = funnel_doctor_find (steps, *needs, subject);

      if (need == NULL)
        continue;
      if (need->result == FUNNEL_DOCTOR_FAILED)
        funnel_doctor_add (steps, step, subject, FUNNEL_DOCTOR_SKIPPED,
                           g_strdup_printf (N_ ("because %s failed"), need->step), NULL);
      else if (need->result == FUNNEL_DOCTOR_SKIPPED && g_str_has_prefix (need->text, BECAUSE))
        funnel_doctor_add (steps, step, subject, FUNNEL_DOCTOR_SKIPPED, g_strdup (need->text),
                           NULL);
      else
        continue;
      return TRUE;
    }
  return FALSE;
}

gboolean
funnel_doctor_has_failed (const GPtrArray *steps)
{
  for (guint i = 0; i < steps->len; i++)
    if (((const FunnelDoctorStep *)g_ptr_array_index (steps, i))->result == FUNNEL_DOCTOR_FAILED)
      return TRUE;
  return FALSE;
}

/* --- To other programs --- */

GVariant *
funnel_doctor_to_variant (const GPtrArray *steps)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < steps->len; i++)
    {
      const FunnelDoctorStep *item = g_ptr_array_index (steps, i);
      GVariantDict dict;

      g_variant_dict_init (&dict, NULL);
      g_variant_dict_insert (&dict, "step", "s", item->step);
      g_variant_dict_insert (&dict, "subject", "s", item->subject);
      g_variant_dict_insert (&dict, "result", "s", funnel_doctor_result_text (item->result));
      g_variant_dict_insert (&dict, "text", "s", item->text);
      g_variant_dict_insert (&dict, "advice", "s", item->advice);
      g_variant_builder_add_value (&builder, g_variant_dict_end (&dict));
    }
  return g_variant_builder_end (&builder);
}

static FunnelDoctorResult
parse_result (const char *text)
{
  for (guint i = 0; i < G_N_ELEMENTS (result_texts); i++)
    if (g_str_equal (text, result_texts[i]))
      return (FunnelDoctorResult)i;
  return FUNNEL_DOCTOR_FAILED;
}

GPtrArray *
funnel_doctor_from_variant (GVariant *variant)
{
  GPtrArray *steps = funnel_doctor_list_new ();

  for (gsize i = 0; i < g_variant_n_children (variant); i++)
    {
      g_autoptr (GVariant) item = g_variant_get_child_value (variant, i);
      const char *step = "?", *subject = "", *result = "", *text = "", *advice = "";

      g_variant_lookup (item, "step", "&s", &step);
      g_variant_lookup (item, "subject", "&s", &subject);
      g_variant_lookup (item, "result", "&s", &result);
      g_variant_lookup (item, "text", "&s", &text);
      g_variant_lookup (item, "advice", "&s", &advice);
      funnel_doctor_add (steps, step, subject, parse_result (result), g_strdup (text), advice);
    }
  return steps;
}

JsonObject *
funnel_doctor_to_json (const GPtrArray *steps)
{
  JsonObject *object = json_object_new ();
  JsonArray *array = json_array_new ();

  for (guint i = 0; i < steps->len; i++)
    {
      const FunnelDoctorStep *item = g_ptr_array_index (steps, i);
      JsonObject *step = json_object_new ();

      json_object_set_string_member (step, "step", item->step);
      json_object_set_string_member (step, "subject", item->subject);
      json_object_set_string_member (step, "result", funnel_doctor_result_text (item->result));
      json_object_set_string_member (step, "text", item->text);
      json_object_set_string_member (step, "advice", item->advice);
      json_array_add_object_element (array, step);
    }
  json_object_set_int_member (object, "version", DOCUMENT_VERSION);
  json_object_set_boolean_member (object, "ok", !funnel_doctor_has_failed (steps));
  json_object_set_array_member (object, "steps", array);
  return object;
}

/* --- To people --- */

/* The lines of @text below each other, the second and later ones indented. */
static void
append_lines (GString *out, const char *first, const char *other, const char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  for (guint i = 0; lines[i] != NULL; i++)
    {
      g_autofree char *clean = funnel_text_one_line (lines[i], LINE_BYTES_MAX);

      g_string_append_printf (out, "%s%s\n", i == 0 ? first : other, clean);
    }
}

static char *
say (const char *text, FunnelDoctorTranslate translate)
{
  return translate != NULL ? translate (text) : g_strdup (text);
}

static void
print_step (GString *out, const FunnelDoctorStep *item, FunnelDoctorTranslate translate)
{
  static const char *const marks[] = {[FUNNEL_DOCTOR_OK] = "ok   ",
                                      [FUNNEL_DOCTOR_WARNING] = "warn ",
                                      [FUNNEL_DOCTOR_FAILED] = "FAIL ",
                                      [FUNNEL_DOCTOR_SKIPPED] = "-    "};
  g_autofree char *name = funnel_text_one_line (item->step, LINE_BYTES_MAX);
  g_autofree char *subject = funnel_text_one_line (item->subject, LINE_BYTES_MAX);
  g_autofree char *first = g_strdup_printf ("%s%-*s %s%s", marks[item->result], STEP_WIDTH, name,
                                            subject, subject[0] != '\0' ? ": " : "");
  g_autofree char *margin = g_strnfill (STEP_WIDTH + 6, ' ');
  g_autofree char *arrow = g_strdup_printf ("%*s-> ", STEP_WIDTH + 3, "");
  g_autofree char *found = item->result == FUNNEL_DOCTOR_SKIPPED
                               ? g_strconcat (N_ ("skipped: "), item->text, NULL)
                               : g_strdup (item->text);
  g_autofree char *text = say (found, translate);
  g_autofree char *advice = say (item->advice, translate);

  append_lines (out, first, margin, text);
  if (advice[0] != '\0')
    append_lines (out, arrow, margin, advice);
}

char *
funnel_doctor_print (const GPtrArray *steps, FunnelDoctorTranslate translate)
{
  GString *out = g_string_new (NULL);

  for (guint i = 0; i < steps->len; i++)
    print_step (out, g_ptr_array_index (steps, i), translate);
  return g_string_free (out, FALSE);
}
