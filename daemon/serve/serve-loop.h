/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The serve thread: what its parts share.
 *
 *   offer        "take this visitor's connection?", from an ingress; offer-listener.c reads and
 * answers it flow         one visitor's connection once taken, and the record it has from the
 * start; serve-flow.c target       where the share leads; serve-target.c connects to it handler
 * what a kind of share does with a flow; one file per kind share table  the owner's wishes as a
 * snapshot; share-table.c
 *
 * To add a kind of share: write a struct serve_handler in a file of its own, name it in the table
 * of offer-listener.c, and give it a member in the union of struct flow. */

#include "daemon/serve/serve-buffer.h"
#include "daemon/serve/serve-flow.h"
#include "daemon/serve/serve-watch.h"
#include "daemon/serve/share-table.h"
#include "lib/pump/deadline.h"
#include "lib/pump/pump.h"

#include <gnutls/gnutls.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define SERVE_LISTENERS_MAX 16u

/* Caps and deadlines; the defaults are in serve-loop.c. */
struct serve_limits
{
  uint32_t flows_max; /* flows with a target, in all */
  uint32_t
      waiting_max;  /* per listener: warm connections, offers being read, refused ones lingering */
  uint32_t head_ms; /* first byte of an offer to the end of its hello */
  uint32_t connect_ms;    /* all candidates of a target together */
  uint32_t handshake_ms;  /* TLS, from the 101 */
  uint32_t idle_ms;       /* no byte either way; checked every third of it */
  uint32_t request_ms;    /* HTTP: first byte of a request's head to its last */
  uint32_t keep_alive_ms; /* HTTP: between two requests of a connection */
  uint32_t transfer_ms;   /* HTTP: a visitor that neither sends nor takes what is due */
  uint32_t response_ms;   /* HTTP: a target's answer to a request it has */
  uint32_t pooled_ms;     /* HTTP: an unused connection to a target */
  uint32_t watches_max;   /* HTTP: connections to targets, in all */
  uint32_t linger_ms;     /* after a refusal, for the ingress to read it and close */
};

extern const struct serve_limits serve_limits_default;

/* Why a connection of a listener came to nothing; the first ones are OFFER_REASON_*. */
enum serve_refusal
{
  SERVE_REFUSAL_NOT_PEER = OFFER_REASON_OTHER + 1, /* another address than the ingress's */
  SERVE_REFUSAL_TOO_MANY,  /* waiting_max, or no record or descriptor left */
  SERVE_REFUSAL_TIMEOUT,   /* offer not complete in time */
  SERVE_REFUSAL_CUT_SHORT, /* connection ended inside an offer */
  SERVE_REFUSAL_BAD_METHOD,
  SERVE_REFUSAL_BAD_PATH,
  SERVE_REFUSAL_BAD_HEADER,
  SERVE_REFUSAL_TOO_LARGE,
  SERVE_REFUSAL_HANDSHAKE_FAILED, /* TLS ended here, and did not come about */
  SERVE_REFUSAL_HANDSHAKE_TIMEOUT,
  /* HTTP/2 visitors; http/http2-session.c has the limits. */
  SERVE_REFUSAL_HTTP2_PROTOCOL,      /* broke the protocol */
  SERVE_REFUSAL_HTTP2_RESETS,        /* too many streams reset (CVE-2023-44487) */
  SERVE_REFUSAL_HTTP2_NOISE,         /* too many pings, settings, priorities, empty frames */
  SERVE_REFUSAL_HTTP2_UPDATES,       /* too many window updates */
  SERVE_REFUSAL_HTTP2_CONTINUATIONS, /* a field section in too many frames */
  SERVE_REFUSAL_HTTP2_HEAD,          /* a field section far too large, or never complete */
  SERVE_REFUSAL_HTTP2_STREAMS,       /* too many streams of all visitors together */
  SERVE_REFUSAL_HTTP2_STALLED,       /* neither sent nor took what was due */
  SERVE_REFUSAL_HTTP2_MEMORY,
  SERVE_REFUSALS,
};

const char *serve_refusal_name (uint32_t refusal);

/* One fd on which offers arrive. Made by the owner, held by it and by the thread. */
struct serve_listener
{
  atomic_int refs;
  uint32_t id;   /* the owner's */
  uint32_t slot; /* in serve_loop.listeners */
  int fd;
  struct address peer;
  uint32_t waiting;   /* records that are no flows; see waiting_max */
  uint64_t log_after; /* milliseconds; refusals are logged no sooner */
  uint32_t log_suppressed;
  _Atomic uint64_t connections; /* that the peer has made */
  atomic_uint flows;            /* of visitors who came this way */
  _Atomic uint64_t refusals[SERVE_REFUSALS];
};

struct serve_listener *serve_listener_new (uint32_t id, int fd, const struct address *peer);
struct serve_listener *serve_listener_ref (struct serve_listener *listener);
void serve_listener_unref (struct serve_listener *listener);

enum serve_queue
{
  SERVE_QUEUE_HEAD,
  SERVE_QUEUE_CONNECT,
  SERVE_QUEUE_HANDSHAKE,
  SERVE_QUEUE_IDLE,
  SERVE_QUEUE_LINGER,
  SERVE_QUEUE_REQUEST, /* these three are for HTTP */
  SERVE_QUEUE_KEEP_ALIVE,
  SERVE_QUEUE_TRANSFER,
  SERVE_QUEUES,
};

/* Which socket of a flow an event is about; SERVE_SIDE_BOTH: look at everything. */
enum serve_side
{
  SERVE_SIDE_VISITOR,
  SERVE_SIDE_TARGET,
  SERVE_SIDE_BOTH,
};

/* TLS settings shared by all sessions of the thread. */
struct tls_context
{
  gnutls_priority_t priority;
  gnutls_datum_t ticket_key;
  uint64_t ticket_key_since; /* milliseconds */
};

struct serve_loop;
struct basic_auth;
struct http_engine;
struct serve_work;

struct serve_handler
{
  const char *name;
  bool
      speaks_first; /* start writes to the visitor at once, so the 101 may wait for it (MSG_MORE) */
  /* The target is connected and the 101 sent; flow->early holds what the visitor has sent. The
   * handler owns both sockets' traffic from here and must try both at once: they are
   * edge-triggered. Returns 0, or -errno: the flow ends (close is called all the same). */
  int (*start) (struct serve_loop *loop, struct flow *flow);
  /* Sockets are edge-triggered; @events are epoll's for @side. */
  void (*on_event) (struct serve_loop *loop,
                    struct flow *flow,
                    enum serve_side side,
                    uint32_t events);
  /* The deadline of @queue has passed, none of HANDSHAKE and IDLE, which are the loop's. NULL for
   * handlers that arm no other. */
  void (*on_deadline) (struct serve_loop *loop, struct flow *flow, enum serve_queue queue);
  /* Give back what the handler holds; the sockets are closed after it. */
  void (*close) (struct serve_loop *loop, struct flow *flow);
};

extern const struct serve_handler serve_pass_through;
extern const struct serve_handler serve_terminate;
extern const struct serve_handler serve_challenge; /* without a target */
extern const struct serve_handler serve_http;      /* its flows have no target of their own */

/* What the thread tells its owner; called on the serve thread. */
struct serve_owner
{
  void *data;
  void (*changed) (void *data,
                   bool urgent); /* counters changed; @urgent: a target error came or went */
  void (*woken) (void *data);    /* the wake fd was written: take commands */
};

struct serve_loop
{
  int epoll;
  int wake;   /* eventfd */
  int expiry; /* timer: the next end of a share */
  int spare;  /* descriptor given up to refuse a connection when there is none left */
  bool stop;
  bool changed, urgent;
  uint64_t now; /* milliseconds; read once per turn */
  struct serve_limits limits;
  struct serve_owner owner;
  struct flow_table table;
  uint32_t flows; /* in CONNECTING and SERVING */
  uint32_t dead_head;
  uint32_t again_head, again_tail;
  struct deadlines deadlines;
  struct deadline_queue queues[SERVE_QUEUES];
  struct serve_watches watches;
  struct serve_buffers buffers;
  struct pipe_pool pipes;
  struct pump_scratch scratch;
  struct tls_context tls;
  struct serve_work *file_work; /* NULL until needed, as below */
  uint32_t file_pages;          /* listings being sent */
  struct serve_work *hash_work;
  struct basic_auth *auth;
  struct http_engine *http; /* what all HTTP of the thread shares; see http/http-engine.h */
  struct share_table *shares;
  struct serve_listener *listeners[SERVE_LISTENERS_MAX];
};

/** serve_loop_init: everything but the thread. Returns 0 or -errno. */
int serve_loop_init (struct serve_loop *loop,
                     const struct serve_limits *limits,
                     const struct serve_owner *owner);
/** serve_loop_clear: end all flows and free everything. */
void serve_loop_clear (struct serve_loop *loop);
/** serve_loop_run: until loop->stop is set by a command. */
void serve_loop_run (struct serve_loop *loop);
/** serve_loop_wake: make the thread call owner.woken. Any thread. */
void serve_loop_wake (struct serve_loop *loop);

/** Commands; on the serve thread, from owner.woken. They take the reference given. */
void serve_loop_add_listener (struct serve_loop *loop, struct serve_listener *listener);
void serve_loop_remove_listener (struct serve_loop *loop, uint32_t id);
void serve_loop_set_shares (struct serve_loop *loop, struct share_table *shares);

/** serve_loop_watch: tell epoll about one socket of @flow, once for its lifetime. Returns 0 or
 * -errno. */
int serve_loop_watch (struct serve_loop *loop, struct flow *flow, enum serve_side side, int fd);

/** serve_loop_watch_ref: what epoll is to say about a watch. */
uint64_t serve_loop_watch_ref (uint32_t slot, uint32_t generation);

/** serve_wall_seconds: Unix seconds, never behind a timer on that clock as time(2) may be. */
int64_t serve_wall_seconds (void);

/** flow_set_state: with the counting that hangs on it. */
void flow_set_state (struct serve_loop *loop, struct flow *flow, enum flow_state state);
/** flow_arm: start the period of @queue, ending any other. */
void flow_arm (struct serve_loop *loop, struct flow *flow, enum serve_queue queue);
/** flow_again: call the handler once more in the next turn, whatever epoll says. */
void flow_again (struct serve_loop *loop, struct flow *flow);
/** flow_end: mark @flow as dead; it and its sockets go after this batch of events. */
void flow_end (struct serve_loop *loop, struct flow *flow);
/** flow_linger: no more is to be said to the visitor: end that direction, close the target, and
 * wait for the ingress to close, so that unread input does not turn our last words into a reset. */
void flow_linger (struct serve_loop *loop, struct flow *flow);

/** flow_is_due: whether @events of @side call for the direction that reads from @source and stands
 * at
 * @result: news from its source, or room at its destination once that was full. */
bool flow_is_due (enum serve_side side,
                  uint32_t events,
                  enum serve_side source,
                  enum pump_result result);
/** flow_settle: after the directions of @flow ran on @events of @side: end it, linger, or queue it
 * up again, as their results demand. Call it last: the handler may be closed by it. */
void flow_settle (struct serve_loop *loop,
                  struct flow *flow,
                  enum serve_side side,
                  uint32_t events,
                  enum pump_result up,
                  enum pump_result down);

/** serve_refuse_count: count @refusal at @listener, and log it when only a broken or hostile
 * ingress can be the reason. @detail: more for the log, or NULL. */
void serve_refuse_count (struct serve_loop *loop,
                         struct serve_listener *listener,
                         uint32_t refusal,
                         const char *detail);

/* offer-listener.c */
void offer_listener_accept (struct serve_loop *loop, struct serve_listener *listener);
void offer_on_visitor (struct serve_loop *loop, struct flow *flow, uint32_t events);
void offer_on_timeout (struct serve_loop *loop, struct flow *flow);
void offer_refuse (struct serve_loop *loop, struct flow *flow, enum offer_reason reason);
void offer_accept (struct serve_loop *loop, struct flow *flow);

/* serve-target.c */
/** target_note: an attempt to reach the target of @share ended with @error (positive errno; 0: it
 * worked). */
void target_note (struct serve_loop *loop, struct share_entry *share, int error);
/** target_is_own_echo: a connection to a free local port may be given that very port and reach
 * itself. */
bool target_is_own_echo (int fd);
/** target_connect: try the candidates of the flow's share from the first on; ends in offer_accept
 * or offer_refuse, at once or later. */
void target_connect (struct serve_loop *loop, struct flow *flow);
void target_on_event (struct serve_loop *loop, struct flow *flow, uint32_t events);
void target_on_timeout (struct serve_loop *loop, struct flow *flow);

/* tls.c */
int tls_context_init (struct tls_context *tls);
void tls_context_clear (struct tls_context *tls);
/** tls_context_session: a server session with everything set but the transport; NULL on failure.
 * @certificate must outlive it.
 * @alpn: protocols, best first, NULL-terminated: visitors who offer others only are refused with
 * the alert no_application_protocol (RFC 7301); those who offer none come in. NULL: ALPN is not
 * answered */
gnutls_session_t tls_context_session (struct tls_context *tls,
                                      FunnelCertificate *certificate,
                                      char **alpn,
                                      uint64_t now);
