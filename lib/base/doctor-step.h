/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What a doctor (funnel doctor, funnel-ingress doctor) finds: steps in the order in which they
 * depend on each other, each with its result and, if something is wrong, what to type. */

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

typedef enum
{
  FUNNEL_DOCTOR_OK,
  FUNNEL_DOCTOR_WARNING, /* works, but will not always, or not everywhere */
  FUNNEL_DOCTOR_FAILED,
  FUNNEL_DOCTOR_SKIPPED, /* what it depends on has failed, or it does not apply; text says which */
} FunnelDoctorResult;

/** funnel_doctor_result_text: the identifier in JSON and on D-Bus ("warning"). */
const char *funnel_doctor_result_text (FunnelDoctorResult result);

typedef struct
{
  char *step;    /* identifier: "clock" */
  char *subject; /* what it is about, such as a name; "" the whole */
  FunnelDoctorResult result;
  char *text;   /* what was found */
  char *advice; /* what to type or do; "" nothing */
} FunnelDoctorStep;

/** funnel_doctor_list_new: of FunnelDoctorStep*. */
GPtrArray *funnel_doctor_list_new (void);
/** funnel_doctor_add: @subject and @advice may be NULL; @text is taken. */
void funnel_doctor_add (GPtrArray *steps,
                        const char *step,
                        const char *subject,
                        FunnelDoctorResult result,
                        char *text,
                        const char *advice);
/** funnel_doctor_find: the last step called @step about @subject, else about the whole; or NULL. */
const FunnelDoctorStep *
funnel_doctor_find (const GPtrArray *steps, const char *step, const char *subject);
/**
 * funnel_doctor_skip: if one of @needs (NULL-terminated identifiers; about @subject or the whole)
 * has failed or was skipped for such a reason, add @step as skipped and return TRUE. A need that is
 * missing, or does not apply, is fulfilled.
 */
gboolean funnel_doctor_skip (GPtrArray *steps,
                             const char *step,
                             const char *subject,
                             const char *const *needs);
gboolean funnel_doctor_has_failed (const GPtrArray *steps);

/** funnel_doctor_to_variant: aa{sv}, with step, subject, result, text and advice (s); floating. */
GVariant *funnel_doctor_to_variant (const GPtrArray *steps);
/** funnel_doctor_from_variant: the reverse; what is not understood is a failed step. */
GPtrArray *funnel_doctor_from_variant (GVariant *variant);
/** funnel_doctor_to_json: {"version":1,"ok":…,"steps":[…]}. */
JsonObject *funnel_doctor_to_json (const GPtrArray *steps);
/* A text that stands in a step, in the user's language; caller frees. */
typedef char *(*FunnelDoctorTranslate) (const char *text);

/** funnel_doctor_print: for people: a line per step, and one for each advice; nothing in it can
 * move a terminal's cursor. @translate: NULL: as it is. Caller frees. */
char *funnel_doctor_print (const GPtrArray *steps, FunnelDoctorTranslate translate);

/** funnel_doctor_node_steps: what funnel doctor looks at, in order, NULL-terminated. */
const char *const *funnel_doctor_node_steps (void);

G_END_DECLS
