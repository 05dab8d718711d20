/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* TLS over one non-blocking socket, for either end of it: tls-stream.c tells how. On the serve
 * thread. It owns the session and its read-ahead, not the socket. */

#include "daemon/serve/serve-buffer.h"

#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define TLS_RECORD_MAX 16384u

struct tls_stream
{
  struct serve_buffers *buffers;
  int fd;
  gnutls_session_t session;
  struct serve_buffer *ahead; /* read from the socket, not yet pulled */
  bool dry;                   /* pull() met an empty socket since this was last cleared */
  bool drained;               /* the last read took all there was: no use in reading again */
  bool ended;                 /* an end or an error has been reported, and is still to be read */
  bool more;                  /* push with MSG_MORE */
  bool unpushed;              /* the last push was with MSG_MORE */
};

enum tls_result
{
  TLS_DONE,
  TLS_WAIT_READ,
  TLS_WAIT_WRITE,
  TLS_FAILED,
};

/** tls_stream_init: over @fd; takes @session (NULL: fails later) and what *@early holds, which
 * becomes NULL. */
void tls_stream_init (struct tls_stream *stream,
                      struct serve_buffers *buffers,
                      int fd,
                      gnutls_session_t session,
                      struct serve_buffer **early);
/** tls_stream_clear: give everything back. Says nothing to the other side. */
void tls_stream_clear (struct tls_stream *stream);

/** tls_stream_note: @events of epoll for the socket. Must be told each of them. */
void tls_stream_note (struct tls_stream *stream, uint32_t events);

/** tls_stream_shake_hands: *@error receives GnuTLS's, for TLS_FAILED. */
enum tls_result tls_stream_shake_hands (struct tls_stream *stream, int *error);

/** tls_stream_read: up to @len plain bytes, of one record at most. Returns their number; 0 at the
 * other side's close_notify; GNUTLS_E_AGAIN when the socket is empty; GNUTLS_E_INTERRUPTED after a
 * record without bytes: there may be more; any other error is fatal. */
ssize_t tls_stream_read (struct tls_stream *stream, uint8_t *data, size_t len);

/** tls_stream_write: at most one record of @data goes out, in part perhaps. Returns how many bytes
 * are done with; 0 when the socket is full: the next call must begin with the same bytes; negative:
 * broken. */
ssize_t tls_stream_write (struct tls_stream *stream, const uint8_t *data, size_t len);

/** tls_stream_end: send close_notify. TLS_DONE, TLS_WAIT_WRITE or TLS_FAILED. */
enum tls_result tls_stream_end (struct tls_stream *stream);

/** tls_stream_alert: tell the other side about fatal @error of a read or the handshake, unless
 * nobody would listen. Must not be called with a record half sent. */
void tls_stream_alert (struct tls_stream *stream, int error);

/** tls_stream_push_rest: let the kernel send what MSG_MORE held back. */
void tls_stream_push_rest (struct tls_stream *stream);

/** tls_stream_rest: give an empty read-ahead buffer back; call it when there is nothing to read
 * just now. */
void tls_stream_rest (struct tls_stream *stream);
