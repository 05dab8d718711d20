/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "daemon/serve/http/http-date.h"

#include <stdio.h>
#include <string.h>

#define DAY_S 86400
#define FIRST_SECOND (-62167219200LL) /* of year 0 */
#define LAST_SECOND 253402300799LL    /* of year 9999 */
#define CENTURY 100
#define YEARS_AHEAD 50

static const char days[] = "SunMonTueWedThuFriSat";
static const char *const long_days[]
    = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

struct date
{
  int year, month, day; /* month and day from 1 */
  int hour, minute, second;
};

/* Days from 1970-01-01, in the Gregorian calendar for ever. Years are counted from March, so that
 * the odd day is the last of them. */
static int64_t
to_days (int year, int month, int day)
{
  int64_t y = month > 2 ? year : year - 1;
  int64_t era = (y >= 0 ? y : y - 399) / 400;
  int64_t year_of_era = y - era * 400;
  int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year
         - 719468;
}

static void
from_days (int64_t number, struct date *out)
{
  int64_t shifted = number + 719468;
  int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
  int64_t day_of_era = shifted - era * 146097;
  int64_t year_of_era
      = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  int64_t month = (5 * day_of_year + 2) / 153;

  out->day = (int)(day_of_year - (153 * month + 2) / 5 + 1);
  out->month = (int)(month < 10 ? month + 3 : month - 9);
  out->year = (int)(year_of_era + era * 400 + (out->month <= 2));
}

struct http_text
http_date_print (int64_t seconds, char out[HTTP_DATE_SIZE])
{
  struct date date;
  int64_t number, rest, weekday;

  if (seconds < FIRST_SECOND)
    seconds = FIRST_SECOND;
  if (seconds > LAST_SECOND)
    seconds = LAST_SECOND;
  number = seconds >= 0 ? seconds / DAY_S : -((-seconds + DAY_S - 1) / DAY_S);
  rest = seconds - number * DAY_S;
  weekday = ((number + 4) % 7 + 7) % 7;
  from_days (number, &date);
  snprintf (out, HTTP_DATE_SIZE, "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT", days + weekday * 3,
            (unsigned)date.day % 100, months + (date.month - 1) * 3, (unsigned)date.year % 10000,
            (unsigned)(rest / 3600) % 100, (unsigned)(rest / 60 % 60), (unsigned)(rest % 60));
  return (struct http_text) {out, (uint32_t)strlen (out)};
}

/* What is left to read; `failed` once anything did not fit. */
struct reader
{
  struct http_text rest;
  bool failed;
};

static void
expect (struct reader *reader, const char *text)
{
  size_t len = strlen (text);

  if (reader->failed || reader->rest.len < len || memcmp (reader->rest.data, text, len) != 0)
    {
      reader->failed = true;
      return;
    }
  reader->rest.data += len;
  reader->rest.len -= (uint32_t)len;
}

static int
read_number (struct reader *reader, uint32_t digits)
{
  int value = 0;

  if (reader->rest.len < digits)
    reader->failed = true;
  for (uint32_t i = 0; i < digits && !reader->failed; i++)
    {
      char c = *reader->rest.data++;

      reader->rest.len--;
      if (c < '0' || c > '9')
        reader->failed = true;
      value = value * 10 + (c - '0');
    }
  return value;
}

/* One of the three-letter words in @words; its number, from 0. */
static int
read_word (struct reader *reader, const char *words)
{
  for (int i = 0; words[i * 3] != '\0' && reader->rest.len >= 3; i++)
    if (memcmp (reader->rest.data, words + (size_t)i * 3, 3) == 0)
      {
        reader->rest.data += 3;
        reader->rest.len -= 3;
        return i;
      }
  reader->failed = true;
  return 0;
}

static void
read_time (struct reader *reader, struct date *out)
{
  out->hour = read_number (reader, 2);
  expect (reader, ":");
  out->minute = read_number (reader, 2);
  expect (reader, ":");
  out->second = read_number (reader, 2);
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" */
static bool
read_fixdate (struct http_text text, struct date *out)
{
  struct reader reader = {text, false};

  read_word (&reader, days);
  expect (&reader, ", ");
  out->day = read_number (&reader, 2);
  expect (&reader, " ");
  out->month = read_word (&reader, months) + 1;
  expect (&reader, " ");
  out->year = read_number (&reader, 4);
  expect (&reader, " ");
  read_time (&reader, out);
  expect (&reader, " GMT");
  return !reader.failed && reader.rest.len == 0;
}

/* "Sunday, 06-Nov-94 08:49:37 GMT" */
static bool
read_rfc850 (struct http_text text, int64_t now, struct date *out)
{
  struct reader reader = {text, false};
  struct date today;
  int i = 0;

  while (i < 7
         && (text.len < strlen (long_days[i])
             || memcmp (text.data, long_days[i], strlen (long_days[i])) != 0))
    i++;
  if (i == 7)
    return false;
  expect (&reader, long_days[i]);
  expect (&reader, ", ");
  out->day = read_number (&reader, 2);
  expect (&reader, "-");
  out->month = read_word (&reader, months) + 1;
  expect (&reader, "-");
  out->year = read_number (&reader, 2);
  expect (&reader, " ");
  read_time (&reader, out);
  expect (&reader, " GMT");
  from_days (now / DAY_S, &today);
  out->year += today.year - today.year % CENTURY + CENTURY;
  while (out->year > today.year + YEARS_AHEAD)
    out->year -= CENTURY;
  return !reader.failed && reader.rest.len == 0;
}

/* "Sun Nov  6 08:49:37 1994" */
static bool
read_asctime (struct http_text text, struct date *out)
{
  struct reader reader = {text, false};

  read_word (&reader, days);
  expect (&reader, " ");
  out->month = read_word (&reader, months) + 1;
  expect (&reader, " ");
  if (!reader.failed && reader.rest.len > 0 && reader.rest.data[0] == ' ')
    {
      expect (&reader, " ");
      out->day = read_number (&reader, 1);
    }
  else
    out->day = read_number (&reader, 2);
  expect (&reader, " ");
  read_time (&reader, out);
  expect (&reader, " ");
  out->year = read_number (&reader, 4);
  return !reader.failed && reader.rest.len == 0;
}

static int
month_days (int year, int month)
{
  static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

  return month == 2 && leap ? 29 : lengths[month - 1];
}

bool
http_date_parse (struct http_text text, int64_t now, int64_t *seconds)
{
  struct date date;

  if (!read_fixdate (text, &date) && !read_rfc850 (text, now, &date) && !read_asctime (text, &date))
    return false;
  /* A leap second is the next one. */
  if (date.day < 1 || date.day > month_days (date.year, date.month) || date.hour > 23
      || date.minute > 59 || date.second > 60)
    return false;
  *seconds = to_days (date.year, date.month, date.day) * DAY_S + date.hour * 3600 + date.minute * 60
             + date.second;
  return true;
}
