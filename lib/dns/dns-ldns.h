/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* ldns, loaded for the first question and then kept. It brings OpenSSL along, 1.9 MB of a process
 * that nothing else here needs, and most that can ask DNS hardly ever do: a node's daemon only for
 * its doctor. */

#include <gio/gio.h>
#include <ldns/ldns.h>

G_BEGIN_DECLS

/* Every function of ldns that this room calls, without its "ldns_". */
#define DNS_LDNS_CALLS(CALL)                                                                       \
  CALL (dname_compare)                                                                             \
  CALL (dname_new_frm_str)                                                                         \
  CALL (get_errorstr_by_id)                                                                        \
  CALL (get_rr_type_by_name)                                                                       \
  CALL (pkt_answer)                                                                                \
  CALL (pkt_free)                                                                                  \
  CALL (pkt_get_rcode)                                                                             \
  CALL (pkt_id)                                                                                    \
  CALL (pkt_qr)                                                                                    \
  CALL (pkt_question)                                                                              \
  CALL (pkt_rcode2str)                                                                             \
  CALL (pkt_set_random_id)                                                                         \
  CALL (rdf2str)                                                                                   \
  CALL (rdf_clone)                                                                                 \
  CALL (rdf_data)                                                                                  \
  CALL (rdf_deep_free)                                                                             \
  CALL (rdf_new_frm_str)                                                                           \
  CALL (rdf_size)                                                                                  \
  CALL (resolver_deep_free)                                                                        \
  CALL (resolver_new)                                                                              \
  CALL (resolver_new_frm_file)                                                                     \
  CALL (resolver_prepare_query_pkt)                                                                \
  CALL (resolver_push_nameserver)                                                                  \
  CALL (resolver_send_pkt)                                                                         \
  CALL (resolver_set_defnames)                                                                     \
  CALL (resolver_set_dnsrch)                                                                       \
  CALL (resolver_set_fail)                                                                         \
  CALL (resolver_set_port)                                                                         \
  CALL (resolver_set_recursive)                                                                    \
  CALL (resolver_set_retry)                                                                        \
  CALL (resolver_set_timeout)                                                                      \
  CALL (resolver_set_tsig_algorithm)                                                               \
  CALL (resolver_set_tsig_keydata)                                                                 \
  CALL (resolver_set_tsig_keyname)                                                                 \
  CALL (rr_get_type)                                                                               \
  CALL (rr_list_deep_free)                                                                         \
  CALL (rr_list_new)                                                                               \
  CALL (rr_list_push_rr)                                                                           \
  CALL (rr_list_rr)                                                                                \
  CALL (rr_list_rr_count)                                                                          \
  CALL (rr_new)                                                                                    \
  CALL (rr_owner)                                                                                  \
  CALL (rr_push_rdf)                                                                               \
  CALL (rr_rd_count)                                                                               \
  CALL (rr_rdf)                                                                                    \
  CALL (rr_set_class)                                                                              \
  CALL (rr_set_owner)                                                                              \
  CALL (rr_set_ttl)                                                                                \
  CALL (rr_set_type)                                                                               \
  CALL (update_pkt_new)                                                                            \
  CALL (update_pkt_tsig_add)

#define DNS_LDNS_MEMBER(name) __typeof__ (ldns_##name) *name;

typedef struct
{
  DNS_LDNS_CALLS (DNS_LDNS_MEMBER)
} DnsLdns;

#undef DNS_LDNS_MEMBER

/* Constant once dns_ldns_load has returned TRUE; before that nothing of it may be called. */
extern DnsLdns dns_ldns;

/** dns_ldns_load: makes dns_ldns usable; any thread, any number of times. FUNNEL_ERROR_FAILED: the
 * library is not there, or lacks a function; that stays so for the life of the process. */
gboolean dns_ldns_load (GError **error);

G_END_DECLS
