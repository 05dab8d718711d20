/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The head of a plain HTTP/1 request, read only far enough to send the visitor to https (RFC 9112
 * 3, RFC 9110 15.4.9). Pure: no I/O, no allocation, no state between calls. */

#include "lib/wire/host-name.h"

#include <stddef.h>
#include <stdint.h>

#define PLAIN_REQUEST_MAX 8192        /* bytes of a head looked at before giving up */
#define PLAIN_REQUEST_TARGET_MAX 4096 /* bytes of path and query */
#define PLAIN_REDIRECT_MAX (PLAIN_REQUEST_TARGET_MAX + HOST_NAME_MAX + 160)

enum plain_request_result
{
  PLAIN_REQUEST_OK,
  PLAIN_REQUEST_NEED_MORE, /* a valid beginning: read on */
  PLAIN_REQUEST_MALFORMED, /* no HTTP/1 request, or one without exactly one usable Host */
  PLAIN_REQUEST_TOO_LARGE, /* not complete within PLAIN_REQUEST_MAX, or the target is too long */
};

struct plain_request
{
  char host[HOST_NAME_MAX + 1]; /* canonical, without port */
  const char *target;           /* inside the input: path and query, printable ASCII, begins with
                                   '/'; empty stands for "/" */
  size_t target_len;
};

/**
 * plain_request_parse: read a request head from the first @len bytes of a connection.
 *
 * The name is that of an absolute target ("http://host/path") if there is one, else of the Host
 * field (RFC 9112 3.2.2). @out is valid for PLAIN_REQUEST_OK only, and points into @data.
 */
enum plain_request_result
plain_request_parse (const char *data, size_t len, struct plain_request *out);

/** plain_request_redirect: write the answer 308 to https on @port. Returns its length. */
size_t plain_request_redirect (const struct plain_request *request,
                               uint16_t port,
                               char out[PLAIN_REDIRECT_MAX]);
