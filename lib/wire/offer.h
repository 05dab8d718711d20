/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Offers: the HTTP/1.1 exchange by which the ingress asks a node to take one visitor's connection
 * (docs/protocol.md, "Offer"). Both ends: the relay writes requests and reads answers, the node
 * reads requests and writes answers. Pure, no allocation. */

#include "lib/wire/address.h"
#include "lib/wire/host-name.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define OFFER_HEAD_MAX 1024  /* bytes of a request head; a longer one is malformed */
#define OFFER_ANSWER_MAX 512 /* bytes of an answer head */
#define OFFER_FLOW_MAX 32    /* characters of a flow id: [0-9a-z-] */

struct offer
{
  struct address source;        /* the visitor */
  char name[HOST_NAME_MAX + 1]; /* canonical */
  uint16_t port;                /* public port */
  struct address destination;   /* what the visitor connected to; unset if the relay is too old */
  char flow[OFFER_FLOW_MAX + 1];
};

enum offer_result
{
  OFFER_OK,
  OFFER_NEED_MORE,
  OFFER_BAD_METHOD, /* answer 405 */
  OFFER_BAD_PATH,   /* answer 404 */
  OFFER_BAD_HEADER, /* answer 400: missing, duplicate or malformed header; bad_field names it */
  OFFER_TOO_LARGE,  /* answer 400 */
};

/* Why a node refuses: 403 + Funnel-Reason. The relay maps each to a TLS alert. */
enum offer_reason
{
  OFFER_REASON_NONE,
  OFFER_REASON_NO_SHARE,      /* "no-share": nothing shared under this name and port */
  OFFER_REASON_NOT_ALLOWED,   /* "not-allowed": access rules */
  OFFER_REASON_BUSY,          /* "busy": a cap was reached */
  OFFER_REASON_TARGET_DOWN,   /* "target-down" */
  OFFER_REASON_NAME_MISMATCH, /* "name-mismatch": inner SNI differs from Funnel-Target */
  OFFER_REASON_EXPIRED,       /* "expired" */
  OFFER_REASON_NOT_TLS,       /* "not-tls": the bytes after the head are not a usable hello */
  OFFER_REASON_RATE,          /* "rate": too many new flows in too short a time */
  OFFER_REASON_OTHER,         /* any reason this version does not know */
};

enum offer_answer_kind
{
  OFFER_ANSWER_ACCEPTED, /* 101 */
  OFFER_ANSWER_REFUSED,  /* 403, reason set */
  OFFER_ANSWER_ERROR,    /* any other well-formed status */
};

struct offer_answer
{
  enum offer_answer_kind kind;
  enum offer_reason reason;
  uint16_t status;
  size_t consumed; /* bytes of the head; visitor bytes follow at once after 101 */
};

/**
 * offer_write: write a request head.
 * Returns its length, or 0 if @cap is too small (OFFER_HEAD_MAX always suffices). No NUL is
 * written.
 */
size_t offer_write (const struct offer *offer, char *out, size_t cap);

/**
 * offer_parse: read a request head from any prefix.
 * @consumed: on OFFER_OK, bytes of the head; the visitor's bytes follow
 * @bad_field: on OFFER_BAD_HEADER, a static string naming the header at fault; may be NULL
 *
 * Strict (RFC 9112): CRLF only, no obs-fold, HTTP/1.1 exactly, "POST /v1/offer"; Host,
 * Connection with "upgrade", "Upgrade: funnel" and each Funnel-* header exactly once, except that
 * Funnel-Destination may be missing; no Origin and
 * no Referer (browser requests), no Content-Length or Transfer-Encoding. Unknown other headers are
 * ignored.
 */
enum offer_result offer_parse (const char *data,
                               size_t len,
                               struct offer *out,
                               size_t *consumed,
                               const char **bad_field);

/** offer_answer_write_accept: the 101 head; returns its length. */
size_t offer_answer_write_accept (char out[OFFER_ANSWER_MAX]);

/** offer_answer_write_refuse: 403 with @reason; returns its length. */
size_t offer_answer_write_refuse (enum offer_reason reason, char out[OFFER_ANSWER_MAX]);

/** offer_answer_write_error: the 4xx answer to a request offer_parse refused; returns its length.
 */
size_t offer_answer_write_error (enum offer_result result,
                                 const char *bad_field,
                                 char out[OFFER_ANSWER_MAX]);

/** offer_answer_parse: read an answer head from any prefix; OFFER_OK, OFFER_NEED_MORE or an error.
 */
enum offer_result offer_answer_parse (const char *data, size_t len, struct offer_answer *out);

/** offer_reason_text: the token on the wire. offer_reason_from_text: its inverse, OTHER if unknown.
 */
const char *offer_reason_text (enum offer_reason reason);
enum offer_reason offer_reason_from_text (const char *text, size_t len);
