/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/dns/domain-proof.h"

#include "lib/base/error.h"
#include "lib/base/host.h"
#include "lib/dns/dns-asker.h"
#include "lib/dns/dns-view.h"

#include <glib/gi18n.h>
#include <string.h>

#define TOKEN "funnel-node="
#define BELOW " below" /* behind the token: it is meant for names one label below, too */
#define TTL 300

static const char *const proof_texts[] = {"unknown", "none", "cname", "txt"};
G_STATIC_ASSERT (G_N_ELEMENTS (proof_texts) == DOMAIN_BY_TXT + 1);

const char *
domain_proof_text (DomainProof proof)
{
  g_return_val_if_fail ((guint)proof < G_N_ELEMENTS (proof_texts), "none");
  return proof_texts[proof];
}

char *
domain_proof_token (const char *public_key)
{
  g_autofree char *hash = g_compute_checksum_for_string (G_CHECKSUM_SHA256, public_key, -1);

  return g_strconcat (TOKEN, hash, NULL);
}

/* --- judging --- */

/* Whether one of @texts is @token, or @token and the word that extends it. */
static gboolean
has_token (GStrv texts, const char *token, gboolean only_below)
{
  g_autofree char *below = g_strconcat (token, BELOW, NULL);

  for (guint i = 0; texts[i]; i++)
    {
      g_autofree char *text = g_strstrip (g_strdup (texts[i]));

      if (g_ascii_strcasecmp (text, below) == 0
          || (!only_below && g_ascii_strcasecmp (text, token) == 0))
        return TRUE;
    }
  return FALSE;
}

static gboolean
leads_here (const DomainWish *wish, const DomainFacts *facts)
{
  for (guint i = 0; facts->addresses[i]; i++)
    if (funnel_dns_view_has ((const char *const *)wish->addresses, facts->addresses[i]))
      return TRUE;
  return FALSE;
}

static gboolean
is_someones (GStrv texts)
{
  for (guint i = 0; texts[i]; i++)
    if (g_ascii_strncasecmp (texts[i], TOKEN, strlen (TOKEN)) == 0)
      return TRUE;
  return FALSE;
}

/* One sentence about what is there instead. */
static char *
describe_missing (const DomainWish *wish, const DomainFacts *facts, gboolean token)
{
  g_autofree char *list = funnel_dns_view_list (facts->addresses);

  if (facts->aliases[0] && !token)
    return g_strdup_printf (N_ ("%s is a CNAME of %s, not of %s"), wish->name, facts->aliases[0],
                            wish->assigned);
  if (token && !wish->addresses[0])
    return g_strdup_printf (
        N_ ("the TXT record of _funnel.%s is right, but this ingress does not know "
            "its own addresses: its admin sets public-addresses"),
        wish->name);
  if (token)
    return g_strdup_printf (
        N_ ("the TXT record of _funnel.%s is right, but %s leads to %s and not to "
            "this ingress"),
        wish->name, wish->name, list);
  if (is_someones (facts->texts))
    return g_strdup_printf (N_ ("the TXT record of _funnel.%s names another node's key"),
                            wish->name);
  if (facts->addresses[0])
    return g_strdup_printf (
        N_ ("%s leads to %s, but no TXT record of _funnel.%s says that it is this "
            "node's"),
        wish->name, list, wish->name);
  return g_strdup_printf (N_ ("DNS has no record of %s"), wish->name);
}

DomainProof
domain_proof_judge (const DomainWish *wish, const DomainFacts *facts, char **why)
{
  gboolean token
      = has_token (facts->texts, wish->token, FALSE) || has_token (facts->above, wish->token, TRUE);

  *why = NULL;
  for (guint i = 0; facts->aliases[i]; i++)
    if (funnel_host_is_within (facts->aliases[i], wish->assigned))
      return DOMAIN_BY_CNAME;
  if (token && leads_here (wish, facts))
    return DOMAIN_BY_TXT;
  if (facts->problem)
    {
      *why = g_strdup_printf (N_ ("the DNS of %s could not be asked: %s"), wish->name,
                              facts->problem);
      return DOMAIN_UNKNOWN;
    }
  *why = describe_missing (wish, facts, token);
  return DOMAIN_UNPROVED;
}

GStrv
domain_proof_records (const DomainWish *wish)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_autofree char *alias = g_strdup_printf ("%s. %d IN CNAME %s.", wish->name, TTL, wish->assigned);
  g_autofree char *text
      = g_strdup_printf ("_funnel.%s. %d IN TXT \"%s\"", wish->name, TTL, wish->token);

  g_strv_builder_add (builder, alias);
  for (guint i = 0; wish->addresses[i] && i < 4; i++)
    {
      g_autofree char *record = funnel_dns_view_record (wish->name, wish->addresses[i]);

      g_strv_builder_add (builder, record);
    }
  g_strv_builder_add (builder, text);
  return g_strv_builder_end (builder);
}

/* --- asking --- */

typedef struct
{
  DomainWish wish;
  char *endpoint; /* of the ingress, asked for its addresses where they are not configured */
  char *resolver;
} Question;

typedef struct
{
  FunnelDnsAsker asker;
  const char *name;
  gboolean searched;
  char *authority; /* address of a server of the name's zone; NULL none found */
  char **problem;
} Look;

static void
question_free (gpointer data)
{
  Question *question = data;

  g_free (question->wish.name);
  g_free (question->wish.assigned);
  g_free (question->wish.token);
  g_strfreev (question->wish.addresses);
  g_free (question->endpoint);
  g_free (question->resolver);
  g_free (question);
}

static void
facts_clear (DomainFacts *facts)
{
  g_strfreev (facts->aliases);
  g_strfreev (facts->addresses);
  g_strfreev (facts->texts);
  g_strfreev (facts->above);
  g_free (facts->problem);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (DomainFacts, facts_clear)

void
domain_answer_free (DomainAnswer *answer)
{
  if (!answer)
    return;
  g_free (answer->why);
  g_strfreev (answer->records);
  g_free (answer);
}

static const char *
find_authority (Look *look)
{
  g_auto (GStrv) servers = NULL;

  if (look->searched)
    return look->authority;
  look->searched = TRUE;
  servers = funnel_dns_ask_servers (&look->asker, look->name);
  for (guint i = 0; servers && servers[i] && i < 2 && !look->authority; i++)
    {
      g_autofree char *problem = NULL;
      g_auto (GStrv) addresses
          = funnel_dns_ask_addresses (&look->asker, servers[i], NULL, &problem);

      look->authority = g_strdup (addresses[0]);
    }
  return look->authority;
}

/* A zone's server that does not answer takes nothing away, and is not asked again. */
static GStrv
ask_authority (Look *look, const char *name, const char *type)
{
  g_autoptr (GError) error = NULL;
  const char *server = find_authority (look);
  GStrv records = server ? funnel_dns_ask (&look->asker, name, type, server, &error) : NULL;

  if (g_error_matches (error, FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE))
    g_clear_pointer (&look->authority, g_free);
  return records;
}

static void
note_problem (Look *look, const GError *error)
{
  if (!*look->problem)
    *look->problem = g_strdup (error->message);
}

/* Never NULL. What a resolver knows of has been checked by it, as far as it checks; what it says is
 * not there it may only remember. */
static GStrv
ask (Look *look, const char *name, const char *type)
{
  g_autoptr (GError) error = NULL;
  GStrv records = funnel_dns_ask (&look->asker, name, type, NULL, &error);

  if (!records && g_error_matches (error, FUNNEL_ERROR, FUNNEL_ERROR_NOT_FOUND))
    records = ask_authority (look, name, type);
  else if (!records)
    note_problem (look, error);
  /* Who is silent once is not asked again in this look. */
  if (g_error_matches (error, FUNNEL_ERROR, FUNNEL_ERROR_UNREACHABLE))
    look->asker.deadline = 0;
  return records ? records : g_new0 (char *, 1);
}

static char *
read_alias (const char *record)
{
  char *name = funnel_host_normalize (record, NULL);

  return name ? name : g_ascii_strdown (record, -1); /* some aliases have underscores */
}

static GStrv
follow_aliases (Look *look, const DomainWish *wish)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_autofree char *at = g_strdup (wish->name);
  const char *zone = strchr (wish->assigned, '.') + 1;

  /* What is in the zone has no owner but the ingress: nothing is to be learnt behind it. */
  for (guint i = 0; i < DOMAIN_HOPS_MAX && (i == 0 || !funnel_host_is_within (at, zone)); i++)
    {
      g_auto (GStrv) records = ask (look, at, "CNAME");

      if (!records[0])
        break;
      g_free (at);
      at = read_alias (records[0]);
      g_strv_builder_add (builder, at);
    }
  return g_strv_builder_end (builder);
}

static GStrv
ask_own_addresses (Look *look, const char *endpoint)
{
  if (g_hostname_is_ip_address (endpoint))
    return g_strsplit (endpoint, "\n", 1);
  return funnel_dns_ask_addresses (&look->asker, endpoint, NULL, look->problem);
}

static GStrv
ask_addresses (Look *look)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) four = ask (look, look->name, "A");
  g_auto (GStrv) six = ask (look, look->name, "AAAA");

  g_strv_builder_addv (builder, (const char **)four);
  g_strv_builder_addv (builder, (const char **)six);
  return g_strv_builder_end (builder);
}

static void
collect (Look *look, const Question *question, DomainFacts *facts, DomainWish *wish)
{
  g_autofree char *own = g_strconcat ("_funnel.", wish->name, NULL);
  const char *parent = strchr (wish->name, '.');
  g_autofree char *above = parent ? g_strconcat ("_funnel", parent, NULL) : NULL;

  if (!wish->addresses[0])
    {
      g_strfreev (wish->addresses);
      wish->addresses = ask_own_addresses (look, question->endpoint);
    }
  facts->aliases = follow_aliases (look, wish);
  facts->addresses = ask_addresses (look);
  facts->texts = ask (look, own, "TXT");
  /* Nobody speaks for a whole top level domain. */
  facts->above = parent && strchr (parent + 1, '.') ? ask (look, above, "TXT") : g_new0 (char *, 1);
}

static void
run (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Question *question = data;
  g_auto (DomainFacts) facts = {0};
  Look look = {
      .asker = {.resolver = question->resolver,
                .deadline = g_get_monotonic_time () + (gint64)DOMAIN_PROOF_SECONDS * G_USEC_PER_SEC,
                .cancellable = cancellable},
      .name = question->wish.name,
      .problem = &facts.problem};
  DomainAnswer *answer = g_new0 (DomainAnswer, 1);

  collect (&look, question, &facts, &question->wish);
  g_free (look.authority);
  answer->proof = domain_proof_judge (&question->wish, &facts, &answer->why);
  answer->records = domain_proof_records (&question->wish);
  g_task_return_pointer (task, answer, (GDestroyNotify)domain_answer_free);
}

void
domain_proof_check_async (const IngressConfig *config,
                          const char *name,
                          const char *assigned,
                          const char *public_key,
                          GCancellable *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  Question *question = g_new0 (Question, 1);

  question->wish.name = g_strdup (name);
  question->wish.assigned = g_strdup (assigned);
  question->wish.token = domain_proof_token (public_key);
  question->wish.addresses
      = config->public_addresses ? g_strdupv (config->public_addresses) : g_new0 (char *, 1);
  question->endpoint = g_strdup (config->endpoint_host);
  question->resolver = g_strdup (config->resolver);
  g_task_set_source_tag (task, domain_proof_check_async);
  g_task_set_task_data (task, question, question_free);
  g_task_run_in_thread (task, run);
}

DomainAnswer *
domain_proof_check_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
