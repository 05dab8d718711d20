/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* HTTP basic authentication (RFC 7617) for shares that want a name and a password.
 *
 * Theory of operation
 *
 *   A password is kept as a crypt(3) string, made to be slow to verify: tens of milliseconds. That
 *   is done on a thread beside the serve thread, one at a time, with a short queue (HASHES_MAX),
 * and what was verified is remembered for REMEMBER_MS, so that a browser that sends the password
 * with each request costs one hash.
 *
 *   What is remembered is an HMAC, under a key made at start, of share, hash and credentials: not
 *   the password, and of no use after a change of it. All cells are compared, in constant time.
 *
 *   Guessing. Each source address (an IPv6 /64) has tokens: TRIES_BURST, and one more every
 *   TRY_EVERY_MS. An attempt that has to be hashed costs one, which a right one gets back; without
 *   tokens the answer is 429 and nothing is hashed. Credentials that are remembered need no token,
 *   so somebody who guesses from the same address locks nobody out who is in. The table of tokens
 *   has a fixed size; two addresses may share a cell, which no stranger can choose.
 *
 *   While a hash is made the request waits: this is then its answerer, and takes no body. If the
 *   visitor goes away the result is remembered all the same, but nobody is let in.
 *
 *   Nothing of it is ever logged, and Authorization is taken out of the request before it goes on
 * to a target. */

#include "daemon/serve/http/exchange.h"

#define BASIC_AUTH_HASHES_MAX 16u       /* under way at once; more attempts are answered 503 */
#define BASIC_AUTH_REMEMBERED 64u       /* credentials */
#define BASIC_AUTH_REMEMBER_MS 300000u  /* then they are hashed once more */
#define BASIC_AUTH_SOURCES 1024u        /* cells for tokens */
#define BASIC_AUTH_TRIES_BURST 10u      /* tokens of a source */
#define BASIC_AUTH_TRY_EVERY_MS 6000u   /* and how often it gets one */
#define BASIC_AUTH_CREDENTIALS_MAX 512u /* bytes of "user:password"; more are refused */

/**
 * basic_auth_check: whether the visitor of @x, whose share has a user, may come in.
 * @x: WAITING, without answerer
 * @admitted: called at once or later, on the serve thread, when the visitor may: chooses the real
 * answerer. It is not called when the visitor was refused: then @x has been answered.
 */
void basic_auth_check (struct http_exchange *x, void (*admitted) (struct http_exchange *x));

/** basic_auth_free: with the loop, after its watches. NULL is fine. */
void basic_auth_free (struct basic_auth *auth);

/** basic_auth_decode: the credentials in the value of an Authorization field: "user:password" into
 * @out (BASIC_AUTH_CREDENTIALS_MAX + 1 bytes, NUL-terminated). Returns the length of the user, or
 * -1 if the scheme is another one, or anything is malformed or too long. Pure. */
int basic_auth_decode (struct http_text value, char *out);
