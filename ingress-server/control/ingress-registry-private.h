/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Shared by the files of the registry. */

#include "ingress-server/control/ingress-registry.h"

struct _IngressRegistry
{
  GObject parent_instance;

  const IngressConfig *config;
  IngressStore *store;
  GHashTable *by_id;   /* gint64* (inside the node) → IngressNode*, owned */
  GHashTable *by_name; /* char* (inside the node) → IngressNode* */
  GHashTable *by_host; /* host part → IngressNode* */
  GHashTable *seen;    /* set of gint64*: to be written */
  guint flush_timer;
  guint expiry_timer;
  gint64 expiry_checked; /* up to when expired grants were told about */
};

/** registry_require: the node called @node_name; NOT_FOUND says how to find its name. */
const IngressNode *registry_require (IngressRegistry *self, const char *node_name, GError **error);
/** registry_reload: read node @id again; pointers to it and its grants are void then. */
gboolean registry_reload (IngressRegistry *self, gint64 id, GError **error);
/** registry_emit_grants_changed: tell everybody what node @id may do now. */
void registry_emit_grants_changed (IngressRegistry *self, gint64 id);
