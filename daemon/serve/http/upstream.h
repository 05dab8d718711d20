/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* One connection to a target: bytes only. What they mean is the business of its user (proxy.c),
 * whom it tells what happens; without a user it waits in the pool.
 *
 *   state        user   left by
 *   CONNECTING   yes    a candidate took the connection → SHAKING or READY; none left → failed
 *   SHAKING      yes    TLS stands → READY; not → failed
 *   READY        yes    upstream_keep → IDLE; upstream_end
 *   IDLE         no     upstream_take → READY; any event or the deadline → ends
 *
 * On the serve thread. Writes are gathered in `out` and leave at the end of the turn. */

#include "daemon/serve/http/upstream-pool.h"
#include "daemon/serve/tls-stream.h"

enum upstream_state
{
  UPSTREAM_CONNECTING,
  UPSTREAM_SHAKING,
  UPSTREAM_READY,
  UPSTREAM_IDLE,
};

struct upstream_user
{
  /* There may be something to read, or an end to be seen. */
  void (*readable) (void *data);
  /* out has been emptied. */
  void (*writable) (void *data);
  /* It could not be opened or broke while writing: @error is a positive errno. The connection is
   * still the user's, to be ended. */
  void (*failed) (void *data, int error);
  /* The deadline that the user armed. */
  void (*expired) (void *data, enum watch_queue queue);
};

struct upstream
{
  struct serve_watch watch;
  struct serve_loop *loop;
  struct upstream_origin *origin;
  enum upstream_state state;
  int fd;
  uint8_t candidate;
  bool secure;
  bool reused;           /* from the pool: has served a request before this one */
  bool drained;          /* without TLS: as in tls-stream.h */
  bool ended;            /* likewise */
  bool shut;             /* nothing more will be written */
  uint64_t idle_since;   /* milliseconds */
  uint32_t idle_limit_s; /* the target's own limit; 0: not said */
  int connect_error;     /* of the first candidate that failed; positive errno */
  struct tls_stream tls;
  struct serve_buffer *in;  /* read, not yet used; the user's */
  struct serve_buffer *out; /* written, not yet sent */
  const struct upstream_user *user;
  void *user_data;
  struct upstream *next; /* idle ones of the origin */
};

/** upstream_open: a connection for @mount, from the pool or a new one. The user hears of nothing
 * before the end of the turn.
 * @fresh: none that has been idle for longer than a moment: the request could not be repeated
 * @error: receives a positive errno when NULL is returned */
struct upstream *upstream_open (struct serve_loop *loop,
                                const FunnelServeMount *mount,
                                bool fresh,
                                const struct upstream_user *user,
                                void *user_data,
                                int *error);
/** upstream_open_new: never from the pool. */
struct upstream *upstream_open_new (struct serve_loop *loop,
                                    const FunnelServeMount *mount,
                                    const struct upstream_user *user,
                                    void *user_data,
                                    int *error);
/** upstream_end: close it; the user hears nothing more. */
void upstream_end (struct upstream *upstream);
/** upstream_keep: nothing more is expected from either side: into the pool. */
void upstream_keep (struct upstream *upstream);

/** upstream_space: where the next bytes to the target go, and how many fit; NULL when none do: the
 * writable operation tells when out is empty. upstream_wrote: @len bytes were put there. */
char *upstream_space (struct upstream *upstream, size_t *room);
void upstream_wrote (struct upstream *upstream, size_t len);
/** upstream_read: 0 at the end; -EAGAIN: nothing there; other -errno: broken. */
ssize_t upstream_read (struct upstream *upstream, uint8_t *data, size_t len);
/** upstream_shut: nothing more will be written; the target is told once out has gone. */
void upstream_shut (struct upstream *upstream);
/** upstream_arm: start the deadline of @queue for the user, ending any other. upstream_disarm. */
void upstream_arm (struct upstream *upstream, enum watch_queue queue);
void upstream_disarm (struct upstream *upstream);
