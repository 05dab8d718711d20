/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Shared by the files of this room: ldns resolvers made from our words. Blocking, and only after
 * dns_ldns_load. */

#include "lib/dns/dns-ldns.h"

G_BEGIN_DECLS

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ldns_resolver, dns_ldns.resolver_deep_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ldns_pkt, dns_ldns.pkt_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ldns_rdf, dns_ldns.rdf_deep_free)

/** dns_resolver_new: for @server (IP literal, with or without port), or for the system's resolvers
 * when it is NULL, giving up after @seconds. */
ldns_resolver *dns_resolver_new (const char *server, guint seconds, GError **error);

/** dns_name_parse: @name as ldns has it; FUNNEL_ERROR_INVALID_ARGUMENT. */
ldns_rdf *dns_name_parse (const char *name, GError **error);

/** dns_fail_status: FUNNEL_ERROR_UNREACHABLE or FAILED for a call that gave no answer; FALSE. */
gboolean dns_fail_status (ldns_status status, const char *server, GError **error);

/** dns_fail_code: FUNNEL_ERROR_FAILED for an answer with RCODE @code; FALSE. */
gboolean dns_fail_code (ldns_pkt_rcode code, const char *server, GError **error);

G_END_DECLS
