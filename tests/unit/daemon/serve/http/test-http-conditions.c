/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/serve/http/http-conditions.h"

#include <glib.h>
#include <string.h>

#define MODIFIED 784111777
#define AT "Sun, 06 Nov 1994 08:49:37 GMT"
#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define AFTER "Sun, 06 Nov 1994 08:49:38 GMT"

#define IM HTTP_NAME_IF_MATCH
#define INM HTTP_NAME_IF_NONE_MATCH
#define IMS HTTP_NAME_IF_MODIFIED_SINCE
#define IUS HTTP_NAME_IF_UNMODIFIED_SINCE

struct condition
{
  enum http_name name; /* HTTP_NAME_OTHER ends the list */
  const char *value;
};

static void
fill (struct http_fields *fields, const struct condition *conditions, gsize max)
{
  fields->count = 0;
  for (gsize i = 0; i < max && conditions[i].name != HTTP_NAME_OTHER; i++)
    fields->items[fields->count++] = (struct http_field) {
        .name = "x",
        .name_len = 1,
        .value = conditions[i].value,
        .value_len = (uint16_t)strlen (conditions[i].value),
        .known = (uint16_t)conditions[i].name,
    };
}

static void
test_judge (void)
{
  static const struct
  {
    struct condition conditions[4];
    enum http_condition result;
  } rows[] = {
      {{{0, NULL}}, HTTP_CONDITION_PROCEED},

      {{{INM, "\"a\""}}, HTTP_CONDITION_NOT_MODIFIED},
      {{{INM, "W/\"a\""}}, HTTP_CONDITION_NOT_MODIFIED}, /* weak comparison */
      {{{INM, "\"b\""}}, HTTP_CONDITION_PROCEED},
      {{{INM, "*"}}, HTTP_CONDITION_NOT_MODIFIED},
      {{{INM, "\"b\", \"a\""}}, HTTP_CONDITION_NOT_MODIFIED},
      {{{INM, "\"b,\"a\"\""}}, HTTP_CONDITION_PROCEED},
      {{{INM, "\"x,y\",\"a\""}}, HTTP_CONDITION_NOT_MODIFIED}, /* a comma inside a tag */
      {{{INM, "\"x\\\",\"a\""}}, HTTP_CONDITION_NOT_MODIFIED}, /* a backslash is just a character */
      {{{INM, ",, \"a\" ,"}}, HTTP_CONDITION_NOT_MODIFIED},
      {{{INM, "\"b\""}, {INM, "\"a\""}}, HTTP_CONDITION_NOT_MODIFIED}, /* two fields are one list */
      {{{INM, "a"}}, HTTP_CONDITION_PROCEED},
      {{{INM, "\"a"}}, HTTP_CONDITION_PROCEED},
      {{{INM, "w/\"a\""}}, HTTP_CONDITION_PROCEED},
      {{{INM, ""}}, HTTP_CONDITION_PROCEED},
      {{{INM, "*, \"b\""}}, HTTP_CONDITION_PROCEED},

      {{{IMS, AT}}, HTTP_CONDITION_NOT_MODIFIED},
      {{{IMS, AFTER}}, HTTP_CONDITION_NOT_MODIFIED},
      {{{IMS, BEFORE}}, HTTP_CONDITION_PROCEED},
      {{{IMS, "yesterday"}}, HTTP_CONDITION_PROCEED},
      {{{IMS, AT}, {IMS, AT}}, HTTP_CONDITION_PROCEED},
      /* A tag is looked at instead of a date, whichever comes first. */
      {{{INM, "\"b\""}, {IMS, AT}}, HTTP_CONDITION_PROCEED},
      {{{IMS, BEFORE}, {INM, "\"a\""}}, HTTP_CONDITION_NOT_MODIFIED},

      {{{IM, "\"a\""}}, HTTP_CONDITION_PROCEED},
      {{{IM, "*"}}, HTTP_CONDITION_PROCEED},
      {{{IM, "\"b\""}}, HTTP_CONDITION_FAILED},
      {{{IM, "W/\"a\""}}, HTTP_CONDITION_FAILED}, /* strong comparison */
      {{{IM, "nonsense"}}, HTTP_CONDITION_FAILED},
      {{{IM, "\"a\""}, {INM, "\"a\""}}, HTTP_CONDITION_NOT_MODIFIED},
      {{{INM, "\"a\""}, {IM, "\"b\""}}, HTTP_CONDITION_FAILED},

      {{{IUS, AT}}, HTTP_CONDITION_PROCEED},
      {{{IUS, BEFORE}}, HTTP_CONDITION_FAILED},
      {{{IUS, "nonsense"}}, HTTP_CONDITION_PROCEED},
      {{{IUS, BEFORE}, {IM, "\"a\""}}, HTTP_CONDITION_PROCEED},
      {{{IUS, AT}, {IMS, AT}}, HTTP_CONDITION_NOT_MODIFIED},
  };
  struct http_validators validators
      = {.etag = "\"a\"", .modified = MODIFIED, .now = MODIFIED + 1000};

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      struct http_fields fields;

      fill (&fields, rows[i].conditions, G_N_ELEMENTS (rows[i].conditions));
      g_test_message ("%u: %s", i, fields.count > 0 ? fields.items[0].value : "");
      g_assert_cmpint (http_conditions_judge (&fields, &validators), ==, rows[i].result);
    }
}

static void
test_range (void)
{
  static const struct
  {
    const char *etag, *value, *second;
    gint64 now;
    bool applies;
  } rows[] = {
      {"\"a\"", NULL, NULL, MODIFIED + 10, true},
      {"\"a\"", "\"a\"", NULL, MODIFIED + 10, true},
      {"\"a\"", "\"b\"", NULL, MODIFIED + 10, false},
      {"\"a\"", "W/\"a\"", NULL, MODIFIED + 10, false},
      {"W/\"a\"", "W/\"a\"", NULL, MODIFIED + 10, false},
      {"W/\"a\"", "\"a\"", NULL, MODIFIED + 10, false},
      {"\"a\"", "\"a\", \"b\"", NULL, MODIFIED + 10, false}, /* one tag, not a list */
      {"\"a\"", "\"a\"", "\"a\"", MODIFIED + 10, false},
      {"\"a\"", "*", NULL, MODIFIED + 10, false},
      {"\"a\"", "", NULL, MODIFIED + 10, false},
      {"\"a\"", AT, NULL, MODIFIED + 1, true},
      {"\"a\"", AT, NULL, MODIFIED, false},         /* it may change again within that second */
      {"\"a\"", AFTER, NULL, MODIFIED + 10, false}, /* not "since": exactly that */
      {"\"a\"", BEFORE, NULL, MODIFIED + 10, false},
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      struct condition conditions[3]
          = {{rows[i].value != NULL ? HTTP_NAME_IF_RANGE : 0, rows[i].value},
             {rows[i].second != NULL ? HTTP_NAME_IF_RANGE : 0, rows[i].second}};
      struct http_validators validators = {.modified = MODIFIED, .now = rows[i].now};
      struct http_fields fields;

      g_strlcpy (validators.etag, rows[i].etag, sizeof validators.etag);
      fill (&fields, conditions, G_N_ELEMENTS (conditions));
      g_test_message ("%u", i);
      g_assert_cmpint (http_conditions_range_applies (&fields, &validators), ==, rows[i].applies);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/serve/http/conditions/judge", test_judge);
  g_test_add_func ("/serve/http/conditions/range", test_range);
  return g_test_run ();
}
