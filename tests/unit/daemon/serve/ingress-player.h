/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Plays the ingress over loopback: offers made by hand, and a small relay in front of a node for
 * real clients: it accepts visitors, reads their hello, offers it, and carries bytes both ways. */

#include "lib/wire/offer.h"

#include <glib.h>

/** loopback_listen: a listener on 127.0.0.1; *@port receives its port. */
int loopback_listen (guint16 *port);
/** loopback_connect: a blocking connection to 127.0.0.1:@port, from 127.0.0.@from_last. Reads time
 * out after 30 s, so that a test fails instead of hanging. */
int loopback_connect (guint16 port, guint from_last);

/** send_all: all of @data; aborts the test when it cannot. */
void send_all (int fd, const void *data, gsize len);
/** read_to_end: what comes until the other side ends or resets. */
GByteArray *read_to_end (int fd);

/** make_hello: the first flight of a TLS client asking for @name (NULL: without SNI).
 * @alpn: one protocol to offer, or NULL */
GByteArray *make_hello (const char *name, const char *alpn);

/** make_offer: a request head for @name:443, and behind it @hello if not NULL. */
GByteArray *make_offer (const char *name, GByteArray *hello);
/** make_offer_from: the same with the visitor's address, and the address it connected to or NULL.
 * make_offer() uses OFFER_SOURCE and OFFER_DESTINATION; both name the flow OFFER_FLOW. */
GByteArray *
make_offer_from (const char *name, GByteArray *hello, const char *source, const char *destination);
#define OFFER_SOURCE "203.0.113.9:51514"
#define OFFER_DESTINATION "198.51.100.7:443"
#define OFFER_FLOW "f1"

/** read_answer: the answer head on @fd; *@answer receives it. What follows stays unread. FALSE if
 * the connection ended without one. */
gboolean read_answer (int fd, struct offer_answer *answer);

typedef struct _IngressPlayer IngressPlayer;

/** ingress_player_new: offers every visitor to the node listening on @node_port. */
IngressPlayer *ingress_player_new (guint16 node_port);
void ingress_player_free (IngressPlayer *self);
/** ingress_player_get_port: where visitors connect. */
guint16 ingress_player_get_port (IngressPlayer *self);
/** ingress_player_get_refusals: visitors refused with @reason so far. */
guint ingress_player_get_refusals (IngressPlayer *self, enum offer_reason reason);
