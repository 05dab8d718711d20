/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/dns/dns-query.h"

#include "lib/base/error.h"
#include "lib/dns/dns-resolver.h"

#include <glib/gi18n.h>
#include <string.h>

typedef struct
{
  char *name;
  char *type;
  char *server;
  gboolean recurse;
  guint seconds;
} Query;

static void
query_free (Query *query)
{
  g_free (query->name);
  g_free (query->type);
  g_free (query->server);
  g_free (query);
}

/* The strings of a TXT record one after the other (RFC 7208 3.3), without the quotes. */
static char *
join_strings (const ldns_rr *record)
{
  GString *text = g_string_new (NULL);

  for (size_t i = 0; i < dns_ldns.rr_rd_count (record); i++)
    {
      const ldns_rdf *rdf = dns_ldns.rr_rdf (record, i);
      const guint8 *data = dns_ldns.rdf_data (rdf);

      if (dns_ldns.rdf_size (rdf) > 0)
        g_string_append_len (text, (const char *)data + 1,
                             MIN (data[0], (gssize)dns_ldns.rdf_size (rdf) - 1));
    }
  return g_string_free (text, FALSE);
}

static char *
print_data (const ldns_rr *record)
{
  GString *text = g_string_new (NULL);

  for (size_t i = 0; i < dns_ldns.rr_rd_count (record); i++)
    {
      char *part = dns_ldns.rdf2str (dns_ldns.rr_rdf (record, i));

      g_string_append_printf (text, "%s%s", i ? " " : "", part ? part : "");
      free (part);
    }
  return g_string_free (text, FALSE);
}

static gboolean
is_printable (const char *text)
{
  gsize len = strlen (text);

  for (gsize i = 0; i < len; i++)
    if (text[i] < 0x20 || text[i] > 0x7e)
      return FALSE;
  return len <= FUNNEL_DNS_TEXT_MAX;
}

static GStrv
collect (const ldns_pkt *answer, ldns_rr_type type)
{
  const ldns_rr_list *records = dns_ldns.pkt_answer (answer);
  g_autoptr (GPtrArray) texts = g_ptr_array_new_with_free_func (g_free);

  for (size_t i = 0; i < dns_ldns.rr_list_rr_count (records) && texts->len < FUNNEL_DNS_RECORDS_MAX;
       i++)
    {
      const ldns_rr *record = dns_ldns.rr_list_rr (records, i);
      g_autofree char *text = NULL;

      if (dns_ldns.rr_get_type (record) != type)
        continue;
      text = type == LDNS_RR_TYPE_TXT ? join_strings (record) : print_data (record);
      if (is_printable (text))
        g_ptr_array_add (texts, g_steal_pointer (&text));
    }
  if (texts->len == 0)
    return NULL;
  g_ptr_array_add (texts, NULL);
  return (GStrv)g_ptr_array_steal (texts, NULL);
}

static GStrv
judge (const Query *query, const ldns_pkt *answer, ldns_rr_type type, GError **error)
{
  ldns_pkt_rcode code = dns_ldns.pkt_get_rcode (answer);
  GStrv texts;

  if (code != LDNS_RCODE_NOERROR && code != LDNS_RCODE_NXDOMAIN)
    {
      dns_fail_code (code, query->server, error);
      return NULL;
    }
  texts = collect (answer, type);
  if (!texts)
    g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_NOT_FOUND, N_ ("%s has no %s record"),
                 query->name, query->type);
  return texts;
}

/* Whoever can send packets can send answers: one that was not asked for is none. ldns looks at
 * neither the number nor the question. */
static gboolean
is_answer_to (const ldns_pkt *question, const ldns_pkt *answer)
{
  const ldns_rr_list *asked = dns_ldns.pkt_question (question),
                     *told = dns_ldns.pkt_question (answer);
  const ldns_rr *a, *b;

  if (!dns_ldns.pkt_qr (answer) || dns_ldns.pkt_id (answer) != dns_ldns.pkt_id (question)
      || dns_ldns.rr_list_rr_count (told) != 1)
    return FALSE;
  a = dns_ldns.rr_list_rr (asked, 0);
  b = dns_ldns.rr_list_rr (told, 0);
  return dns_ldns.rr_get_type (a) == dns_ldns.rr_get_type (b)
         && dns_ldns.dname_compare (dns_ldns.rr_owner (a), dns_ldns.rr_owner (b)) == 0;
}

static GStrv
send_question (const Query *query,
               ldns_resolver *resolver,
               const ldns_rdf *name,
               ldns_rr_type type,
               GError **error)
{
  g_autoptr (ldns_pkt) question = NULL;
  g_autoptr (ldns_pkt) answer = NULL;
  guint16 flags = query->recurse || !query->server ? LDNS_RD : 0;
  ldns_status status = dns_ldns.resolver_prepare_query_pkt (&question, resolver, name, type,
                                                            LDNS_RR_CLASS_IN, flags);

  if (status == LDNS_STATUS_OK)
    status = dns_ldns.resolver_send_pkt (&answer, resolver, question);
  if (status != LDNS_STATUS_OK || !answer)
    dns_fail_status (status != LDNS_STATUS_OK ? status : LDNS_STATUS_NETWORK_ERR, query->server,
                     error);
  else if (!is_answer_to (question, answer))
    g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_FAILED, N_ ("%s answers what was not asked"),
                 query->server ? query->server : N_ ("the system's resolver"));
  else
    return judge (query, answer, type, error);
  return NULL;
}

static GStrv
ask (const Query *query, GError **error)
{
  g_autoptr (ldns_rdf) name = dns_ldns_load (error) ? dns_name_parse (query->name, error) : NULL;
  g_autoptr (ldns_resolver) resolver
      = name ? dns_resolver_new (query->server, query->seconds, error) : NULL;
  ldns_rr_type type;

  if (!resolver)
    return NULL;
  type = dns_ldns.get_rr_type_by_name (query->type);
  if (type != 0)
    return send_question (query, resolver, name, type, error);
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
               N_ ("“%s” is not a type of DNS record"), query->type);
  return NULL;
}

static void
run (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  GError *error = NULL;
  GStrv texts = ask (data, &error);

  if (texts)
    g_task_return_pointer (task, texts, (GDestroyNotify)g_strfreev);
  else
    g_task_return_error (task, error);
}

GStrv
funnel_dns_query (const char *name,
                  const char *type,
                  const char *server,
                  gboolean recurse,
                  guint seconds,
                  GError **error)
{
  Query query = {(char *)name, (char *)type, (char *)server, recurse, seconds};

  return ask (&query, error);
}

void
funnel_dns_query_async (const char *name,
                        const char *type,
                        const char *server,
                        guint seconds,
                        GCancellable *cancellable,
                        GAsyncReadyCallback callback,
                        gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  Query *query = g_new0 (Query, 1);

  query->name = g_strdup (name);
  query->type = g_strdup (type);
  query->server = g_strdup (server);
  query->seconds = seconds;
  g_task_set_source_tag (task, funnel_dns_query_async);
  g_task_set_task_data (task, query, (GDestroyNotify)query_free);
  g_task_set_return_on_cancel (task, TRUE);
  g_task_run_in_thread (task, run);
}

GStrv
funnel_dns_query_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
