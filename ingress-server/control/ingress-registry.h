/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The nodes as this process knows them: the store's content in memory, plus the one place through
 * which it changes. Every other part of the control process follows its signals. One thread. */

#include "ingress-server/store/ingress-config.h"
#include "ingress-server/store/audit-log.h"
#include "ingress-server/store/ingress-store.h"
#include "lib/base/token.h"

#include <gio/gio.h>

G_BEGIN_DECLS

#define INGRESS_TYPE_REGISTRY (ingress_registry_get_type ())
G_DECLARE_FINAL_TYPE (IngressRegistry, ingress_registry, INGRESS, REGISTRY, GObject)

/* Signals; IngressNode pointers are valid during the emission only.
 *   "node-added" (IngressNode *)
 *   "key-changed" (IngressNode *, const char *old_key)   joined again with a new key
 *   "grants-changed" (IngressNode *)                     granted, limited, closed, revoked, expired
 *   "node-removed" (IngressNode *)                       no longer found by the look-ups below */

/** ingress_registry_new: take over @store and read it. @config must outlive the object. */
IngressRegistry *
ingress_registry_new (const IngressConfig *config, IngressStore *store, GError **error);

const IngressConfig *ingress_registry_get_config (IngressRegistry *self);
guint ingress_registry_get_count (IngressRegistry *self);
/** Look-ups; NULL when unknown. Owned by the registry, valid until the next change of that node. */
const IngressNode *ingress_registry_find (IngressRegistry *self, gint64 id);
const IngressNode *ingress_registry_find_name (IngressRegistry *self, const char *name);
const IngressNode *ingress_registry_find_address (IngressRegistry *self, const char *address);
/** ingress_registry_find_key: by its WireGuard public key; looks at all of them. */
const IngressNode *ingress_registry_find_key (IngressRegistry *self, const char *public_key);
/** ingress_registry_list: const IngressNode*, by name; free with g_ptr_array_unref. */
GPtrArray *ingress_registry_list (IngressRegistry *self);
/** ingress_registry_protect: refuse every change, since the database is damaged; or take them
 * again. */
void ingress_registry_protect (IngressRegistry *self, gboolean protect);
/** ingress_registry_list_invites: IngressInvite*; NULL and an error. */
GPtrArray *ingress_registry_list_invites (IngressRegistry *self, GError **error);

/** ingress_registry_invite: a token for @node_name, valid for @lifetime seconds. @ports empty: all
 * public ports. */
gboolean ingress_registry_invite (IngressRegistry *self,
                                  const char *node_name,
                                  gboolean grant,
                                  GArray *ports,
                                  gboolean replace,
                                  gint64 lifetime,
                                  guint8 secret[FUNNEL_TOKEN_SECRET_LEN],
                                  GError **error);
/** ingress_registry_join: see ingress_store_join. */
const IngressNode *ingress_registry_join (IngressRegistry *self,
                                          const guint8 secret[FUNNEL_TOKEN_SECRET_LEN],
                                          const char *public_key,
                                          const char *software,
                                          GError **error);
/** ingress_registry_grant: @name NULL: the assigned name, with what is one label below it whatever
 * @below says; @ports NULL: all public ports; @lifetime
 * 0: for ever; @limits NULL: as they were, or none. */
gboolean ingress_registry_grant (IngressRegistry *self,
                                 const char *node_name,
                                 const char *name,
                                 gboolean below,
                                 GArray *ports,
                                 gint64 lifetime,
                                 const IngressLimits *limits,
                                 GError **error);
/** ingress_registry_limit: limits of all names of a node together. */
gboolean ingress_registry_limit (IngressRegistry *self,
                                 const char *node_name,
                                 const IngressLimits *limits,
                                 GError **error);
/** ingress_registry_close: switch @name off, whoever has it, and cut its visitors; or on again.
 * Returns the node that has it, or NULL and an error. */
const IngressNode *
ingress_registry_close (IngressRegistry *self, const char *name, gboolean closed, GError **error);

/** ingress_registry_audit: note in the audit log that @uid (-1 nobody) and its process @pid asked
 * for @action. @failure: why it was not done, or NULL. A log that cannot be written is a warning:
 * what was done stays done. */
void ingress_registry_audit (IngressRegistry *self,
                             gint64 uid,
                             gint64 pid,
                             const char *action,
                             const char *node_name,
                             const char *detail,
                             const GError *failure);
/** ingress_registry_load_audit: see audit_log_load. */
GPtrArray *ingress_registry_load_audit (IngressRegistry *self,
                                        const char *node_name,
                                        guint count,
                                        GError **error);

/** ingress_registry_revoke: @name NULL: all grants. Returns how many went, 0 with an error. */
guint ingress_registry_revoke (IngressRegistry *self,
                               const char *node_name,
                               const char *name,
                               GError **error);
gboolean ingress_registry_remove (IngressRegistry *self, const char *node_name, GError **error);

/** ingress_registry_seen: the node is linked now, running @software (NULL: as before). Written
 * lazily. */
void ingress_registry_seen (IngressRegistry *self, gint64 id, const char *software);
/** ingress_registry_flush: write what was seen. */
void ingress_registry_flush (IngressRegistry *self);

/** ingress_registry_assigned_name: "laptop.ZONE". */
char *ingress_registry_assigned_name (IngressRegistry *self, const char *node_name);
gint64 ingress_now (void); /* Unix seconds */

G_END_DECLS
