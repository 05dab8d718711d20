/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/base/doctor-step.h"

static const char *const first[] = {"first", NULL};
static const char *const second[] = {"missing", "second", NULL};

static GPtrArray *
make_steps (FunnelDoctorResult result)
{
  GPtrArray *steps = funnel_doctor_list_new ();

  funnel_doctor_add (steps, "first", NULL, result, g_strdup ("found\nsomething"), "type this");
  return steps;
}

static void
test_skip (void)
{
  g_autoptr (GPtrArray) well = make_steps (FUNNEL_DOCTOR_WARNING);
  g_autoptr (GPtrArray) bad = make_steps (FUNNEL_DOCTOR_FAILED);

  g_assert_false (funnel_doctor_skip (well, "second", NULL, first));
  g_assert_cmpuint (well->len, ==, 1);
  g_assert_false (funnel_doctor_has_failed (well));
  /* The reason is the root, however far away. */
  g_assert_true (funnel_doctor_skip (bad, "second", NULL, first));
  g_assert_true (funnel_doctor_skip (bad, "third", "name", second));
  g_assert_cmpstr (funnel_doctor_find (bad, "third", "name")->text, ==, "because first failed");
  g_assert_null (funnel_doctor_find (bad, "third", "other"));
  g_assert_true (funnel_doctor_has_failed (bad));
}

/* What does not apply stands in nobody's way. */
static void
test_not_applicable (void)
{
  g_autoptr (GPtrArray) steps = make_steps (FUNNEL_DOCTOR_SKIPPED);

  g_assert_false (funnel_doctor_skip (steps, "second", NULL, first));
}

static void
test_subjects (void)
{
  g_autoptr (GPtrArray) steps = funnel_doctor_list_new ();

  funnel_doctor_add (steps, "first", "a", FUNNEL_DOCTOR_FAILED, g_strdup ("x"), NULL);
  funnel_doctor_add (steps, "first", "b", FUNNEL_DOCTOR_OK, g_strdup ("y"), NULL);
  g_assert_true (funnel_doctor_skip (steps, "second", "a", first));
  g_assert_false (funnel_doctor_skip (steps, "second", "b", first));
}

static void
test_print (void)
{
  g_autoptr (GPtrArray) steps = make_steps (FUNNEL_DOCTOR_FAILED);
  g_autofree char *text = NULL;

  funnel_doctor_skip (steps, "second", "na\033[2Jme", first);
  text = funnel_doctor_print (steps, NULL);
  g_assert_cmpstr (text, ==,
                   "FAIL first         found\n"
                   "                   something\n"
                   "                -> type this\n"
                   "-    second        na [2Jme: skipped: because first failed\n");
}

static void
test_variant (void)
{
  g_autoptr (GPtrArray) steps = make_steps (FUNNEL_DOCTOR_WARNING), back = NULL, odd = NULL;
  g_autoptr (GVariant) variant = g_variant_ref_sink (funnel_doctor_to_variant (steps));
  g_autoptr (GVariant) strange = g_variant_ref_sink (
      g_variant_new_parsed ("[{'step': <'new'>, 'result': <'unheard-of'>, 'text': <5>}]"));
  g_autofree char *before = funnel_doctor_print (steps, NULL), *after = NULL;

  back = funnel_doctor_from_variant (variant);
  after = funnel_doctor_print (back, NULL);
  g_assert_cmpstr (before, ==, after);
  odd = funnel_doctor_from_variant (strange);
  g_assert_cmpuint (odd->len, ==, 1);
  g_assert_true (funnel_doctor_has_failed (odd));
}

static void
test_json (void)
{
  g_autoptr (GPtrArray) steps = make_steps (FUNNEL_DOCTOR_OK);
  g_autoptr (JsonObject) object = funnel_doctor_to_json (steps);
  JsonObject *step
      = json_array_get_object_element (json_object_get_array_member (object, "steps"), 0);

  g_assert_true (json_object_get_boolean_member (object, "ok"));
  g_assert_cmpint (json_object_get_int_member (object, "version"), ==, 1);
  g_assert_cmpstr (json_object_get_string_member (step, "result"), ==, "ok");
  g_assert_cmpstr (json_object_get_string_member (step, "subject"), ==, "");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/doctor-step/skip", test_skip);
  g_test_add_func ("/doctor-step/not-applicable", test_not_applicable);
  g_test_add_func ("/doctor-step/subjects", test_subjects);
  g_test_add_func ("/doctor-step/print", test_print);
  g_test_add_func ("/doctor-step/variant", test_variant);
  g_test_add_func ("/doctor-step/json", test_json);
  return g_test_run ();
}
