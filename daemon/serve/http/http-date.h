/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Dates of HTTP (RFC 9110 5.6.7). Pure, no locale, any thread. */

#include "daemon/serve/http/http-fields.h"

#define HTTP_DATE_SIZE 30 /* "Sun, 06 Nov 1994 08:49:37 GMT" and NUL */

/** http_date_print: @seconds since 1970, from year 0 to 9999 (others are clamped), as IMF-fixdate.
 */
struct http_text http_date_print (int64_t seconds, char out[HTTP_DATE_SIZE]);

/** http_date_parse: IMF-fixdate, or one of the obsolete forms (RFC 850, asctime); two digits of a
 * year are taken as the last such year that is not more than 50 years after @now. The name of the
 * day must be one, not the right one. False if malformed. */
bool http_date_parse (struct http_text text, int64_t now, int64_t *seconds);
