/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* For tests of the ACME client: real pebble, or broken_acme.py, and somebody who answers
 * challenges, all on loopback and on free ports. */

#include "daemon/cert/acme-client.h"

#include <gio/gio.h>
#include <json-glib/json-glib.h>

/* Answers ALPN acme-tls/1 with what was published, in threads of its own. */
typedef struct _Responder Responder;

Responder *responder_new (void);
void responder_free (Responder *self);
guint16 responder_get_port (Responder *self);

/* What the client did with its challenges. Also the user_data of an order. */
typedef struct
{
  Responder *responder;
  guint published, withdrawn;
  gboolean spoil;           /* publish a wrong digest */
  gboolean refuse;          /* publishing fails */
  gboolean hang;            /* publishing ends only when it is cancelled */
  FunnelAcmeStep cancel_at; /* FUNNEL_ACME_STEPS: never */
  GCancellable *cancellable;
  GString *steps; /* "directory account …" */
  gboolean done;
  FunnelAcmeIssued *issued;
  GError *error;
} Order;

void order_init (Order *order, Responder *responder);
void order_clear (Order *order);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Order, order_clear)
/** order_start: order_end is to follow. */
void order_start (Order *order, FunnelAcmeClient *client, const char *name, const char *replaces);
/** order_end: runs the loop until the order is done; checks that every challenge was withdrawn and
 * that nothing is half there. */
void order_end (Order *order);
/** order_run: both. */
void order_run (Order *order, FunnelAcmeClient *client, const char *name, const char *replaces);
/** check_issued: that it is a certificate for @name that can be served. */
void check_issued (const FunnelAcmeIssued *issued, const char *name);

/* A program of the test, in a directory of its own. */
typedef struct
{
  char *dir;
  char *ca_file; /* to trust for the API */
  GSubprocess *process, *dns;
  GDataInputStream *output; /* of process; read on by a thread */
  GThread *drain;
  guint16 port;
} Ca;

#define PEBBLE_EAB_KID "kid-1"
#define PEBBLE_EAB_KEY "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
#define PEBBLE_BLOCKED "blocked.example.test"

/** ca_start_pebble: @nonce_reject: per cent of nonces. */
void ca_start_pebble (Ca *ca, guint16 tls_port, guint nonce_reject, gboolean binding);
/** ca_start_broken: @begin, @end: lifetime of the API's own certificate, seconds from now. */
void ca_start_broken (Ca *ca, guint16 tls_port, gint64 begin, gint64 end);
void ca_stop (Ca *ca);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Ca, ca_stop)
/** ca_get_url: free with g_free. */
char *ca_get_url (Ca *ca, const char *path);
/** ca_make_client: with a fresh account key, for directory @path. */
FunnelAcmeClient *ca_make_client (Ca *ca, const char *path);
/** ca_make_client_with: the rest of the settings as given. */
FunnelAcmeClient *ca_make_client_with (Ca *ca, const char *path, FunnelAcmeSettings settings);

/** ca_get_seen: what broken_acme.py says of @fault: "seen" and "payloads"; json_object_unref. */
JsonObject *ca_get_seen (Ca *ca, const char *fault);
/** ca_count_seen: how often a step was asked for. */
gint64 ca_count_seen (Ca *ca, const char *fault, const char *step);

/** get_free_port: that nothing listens on. */
guint16 get_free_port (void);
/** keep_result: a GAsyncReadyCallback that stores a reference in *(GAsyncResult **). */
void keep_result (GObject *source, GAsyncResult *result, gpointer user_data);
/** wait_for: runs the loop until *@result is there. */
void wait_for (GAsyncResult **result);
