/* SPDX-License-Identifier: GPL-3.0-or-later */

/* funnel audit NAME: is what the internet sees of a name this node's, who else could get a
 * certificate for it, and has anybody? */

#include "cli/audit/audit.h"
#include "cli/audit/caa-lookup.h"
#include "cli/audit/caa.h"
#include "cli/audit/ct-entry.h"
#include "cli/audit/web-read.h"
#include "cli/cli-json.h"
#include "cli/cli-labels.h"
#include "cli/cli-session.h"
#include "lib/base/error.h"
#include "lib/base/fingerprint.h"
#include "lib/base/host.h"
#include "lib/base/json-read.h"
#include "lib/client/phrase.h"

#include <glib/gi18n.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_PORT 443
#define ENTRIES_LOOKED_AT 2000 /* of a log: the newest */
#define BATCH 256
#define IDENTITIES_MAX 16

typedef struct
{
  FunnelCli *cli;
  FunnelAudit audit;
  char *name;
  FunnelDBusShare *share; /* of this name; NULL none */
  char *own;              /* leaf the daemon has, hex SHA-256; NULL none */
  char *account;
  char *ca;
  char *issuer; /* CAA name of the authority; NULL not known */
  GStrv serials;
} Run;

static void
run_clear (Run *run)
{
  funnel_audit_clear (&run->audit);
  g_clear_object (&run->share);
  g_free (run->name);
  g_free (run->own);
  g_free (run->account);
  g_free (run->ca);
  g_free (run->issuer);
  g_strfreev (run->serials);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Run, run_clear)

/* A check that could not be made is a finding; an interruption ends it all. */
static gboolean
note_failure (Run *run, const char *check, const char *what, GError *failure, GError **error)
{
  g_autoptr (GError) owned = failure;

  if (g_error_matches (owned, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      g_propagate_error (error, g_steal_pointer (&owned));
      return FALSE;
    }
  funnel_audit_add (&run->audit, FUNNEL_AUDIT_NOTE, check, "%s: %s", what, owned->message);
  return TRUE;
}

/* --- What the daemon knows --- */

static char *
dup_known (GVariant *dict, const char *key)
{
  const char *text = NULL;

  return dict && g_variant_lookup (dict, key, "&s", &text) && *text ? g_strdup (text) : NULL;
}

static gboolean
ask_daemon (Run *run, GError **error)
{
  g_autoptr (FunnelDBusCertificates) certificates = NULL;
  g_autoptr (GPtrArray) shares = NULL;
  g_autoptr (GVariant) dict = NULL;
  g_autoptr (GAsyncResult) result = NULL;
  GError *failure = NULL;
  GVariant *all;

  if (!funnel_cli_connect (run->cli, error))
    return FALSE;
  certificates = funnel_client_ref_certificates (run->cli->client);
  if (!certificates)
    {
      g_set_error_literal (error, FUNNEL_ERROR, FUNNEL_ERROR_UNSUPPORTED,
                           _ ("the running funneld is of another version; restart it"));
      return FALSE;
    }
  all = funnel_dbus_certificates_get_certificates (certificates);
  dict = all ? g_variant_lookup_value (all, run->name, G_VARIANT_TYPE_VARDICT) : NULL;
  run->own = dup_known (dict, "sha256");
  run->account = dup_known (dict, "account");
  run->ca = dup_known (dict, "ca");
  shares = funnel_client_list_shares (run->cli->client);
  for (guint i = 0; i < shares->len && !run->share; i++)
    if (g_strcmp0 (funnel_dbus_share_get_name (g_ptr_array_index (shares, i)), run->name) == 0)
      run->share = g_object_ref (g_ptr_array_index (shares, i));
  funnel_dbus_certificates_call_list_serials (certificates, run->name, run->cli->cancellable,
                                              funnel_cli_await_cb, &result);
  if (funnel_dbus_certificates_call_list_serials_finish (certificates, &run->serials,
                                                         funnel_cli_await (&result), &failure))
    return TRUE;
  g_propagate_error (error, funnel_client_map_error (failure));
  return FALSE;
}

/* --- What the internet sees --- */

static void
check_ingress (Run *run)
{
  g_autofree char *state = NULL;
  g_autofree char *reason = NULL;

  if (!run->share)
    {
      funnel_audit_add (&run->audit, FUNNEL_AUDIT_NOTE, "ingress",
                        N_ ("nothing is shared under this name, so the ingress does not try it"));
      return;
    }
  state = funnel_label_clean (funnel_dbus_share_get_state (run->share));
  reason = funnel_label_clean (funnel_dbus_share_get_reason (run->share));
  if (funnel_label_is_active (state))
    funnel_audit_add (&run->audit, FUNNEL_AUDIT_OK, "ingress",
                      N_ ("the ingress's probe has seen this share's own certificate"));
  else
    funnel_audit_add (&run->audit, FUNNEL_AUDIT_NOTE, "ingress",
                      *reason ? N_ ("the share is in the state %s: %s")
                              : N_ ("the share is in the state %s"),
                      state, reason);
}

static char *
read_serial (GBytes *der)
{
  gnutls_datum_t datum
      = {(unsigned char *)g_bytes_get_data (der, NULL), (unsigned int)g_bytes_get_size (der)};
  g_autoptr (GString) text = g_string_new (NULL);
  gnutls_x509_crt_t certificate = NULL;
  guint8 serial[64];
  size_t len = sizeof serial;

  if (gnutls_x509_crt_init (&certificate) >= 0
      && gnutls_x509_crt_import (certificate, &datum, GNUTLS_X509_FMT_DER) >= 0
      && gnutls_x509_crt_get_serial (certificate, serial, &len) >= 0)
    for (size_t i = 0; i < len; i++)
      g_string_append_printf (text, "%02x", serial[i]);
  if (certificate)
    gnutls_x509_crt_deinit (certificate);
  return g_strdup (text->str);
}

static gboolean
check_direct (Run *run, GError **error)
{
  guint16 port = run->share ? funnel_dbus_share_get_port (run->share) : DEFAULT_PORT;
  gboolean local = run->share && g_strcmp0 (funnel_dbus_share_get_kind (run->share), "tcp") == 0;
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GBytes) der = NULL;
  g_autofree char *leaf = NULL;
  g_autofree char *serial = NULL;
  GError *failure = NULL;
  gboolean trusted = FALSE;

  funnel_web_leaf_async (run->name, port, run->cli->cancellable, funnel_cli_await_cb, &result);
  der = funnel_web_leaf_finish (funnel_cli_await (&result), &trusted, &failure);
  if (!der)
    return note_failure (run, "direct", N_ ("could not be visited from here"), failure, error);
  leaf = funnel_fingerprint_leaf (g_bytes_get_data (der, NULL), g_bytes_get_size (der));
  serial = read_serial (der);
  funnel_audit_add_leaf (&run->audit, leaf, serial, local ? NULL : run->own,
                         (const char *const *)run->serials);
  if (!trusted)
    funnel_audit_add (&run->audit, FUNNEL_AUDIT_NOTE, "direct",
                      N_ ("this machine does not trust the authority that certificate is from"));
  return TRUE;
}

/* --- Who may certify the name --- */

static GBytes *
read_web (Run *run, const char *url, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  funnel_web_read_async (url, run->cli->cancellable, funnel_cli_await_cb, &result);
  return funnel_web_read_finish (funnel_cli_await (&result), error);
}

/* "meta": {"caaIdentities": [ … ]} of the authority's directory (RFC 8555, section 7.1.1). */
static char *
read_identity (GBytes *text)
{
  gsize len = 0;
  const char *data = g_bytes_get_data (text, &len);
  g_autoptr (JsonObject) directory = funnel_json_parse_object (data, len, NULL);
  JsonNode *meta = directory ? json_object_get_member (directory, "meta") : NULL;
  JsonArray *list = meta && JSON_NODE_HOLDS_OBJECT (meta) ? funnel_json_get_array (
                        json_node_get_object (meta), "caaIdentities", IDENTITIES_MAX, NULL)
                                                          : NULL;
  JsonNode *first
      = list && json_array_get_length (list) > 0 ? json_array_get_element (list, 0) : NULL;

  if (!first || json_node_get_value_type (first) != G_TYPE_STRING)
    return NULL;
  return funnel_host_normalize (json_node_get_string (first), NULL);
}

static gboolean
find_issuer (Run *run, GError **error)
{
  g_autoptr (GBytes) text = NULL;
  GError *failure = NULL;

  run->issuer = g_strdup (run->cli->options->issuer);
  if (run->issuer || !run->ca)
    return TRUE;
  text = read_web (run, run->ca, &failure);
  if (!text)
    return note_failure (run, "caa", N_ ("the authority's directory cannot be read"), failure,
                         error);
  run->issuer = read_identity (text);
  if (!run->issuer)
    funnel_audit_add (&run->audit, FUNNEL_AUDIT_NOTE, "caa",
                      N_ ("the authority does not say what it is called in CAA records; "
                          "--issuer=NAME does"));
  return TRUE;
}

static gboolean
check_caa (Run *run, GError **error)
{
  static const FunnelAuditGrade grades[] = {
      [FUNNEL_CAA_NONE] = FUNNEL_AUDIT_NOTE,
      [FUNNEL_CAA_EXACT] = FUNNEL_AUDIT_OK,
      [FUNNEL_CAA_LOOSE] = FUNNEL_AUDIT_NOTE,
      [FUNNEL_CAA_FORBID] = FUNNEL_AUDIT_WRONG,
  };
  g_autoptr (GAsyncResult) result = NULL;
  g_auto (GStrv) records = NULL;
  g_autofree char *where = NULL;
  g_autofree char *why = NULL;
  GError *failure = NULL;
  FunnelCaaVerdict verdict;

  if (!find_issuer (run, error))
    return FALSE;
  funnel_caa_lookup_async (run->name, run->cli->options->dns_server, run->cli->cancellable,
                           funnel_cli_await_cb, &result);
  records = funnel_caa_lookup_finish (funnel_cli_await (&result), &where, &failure);
  if (!records)
    return note_failure (run, "caa", N_ ("CAA records cannot be looked up"), failure, error);
  verdict = funnel_caa_judge ((const char *const *)records, run->issuer, run->account, &why);
  funnel_audit_add (&run->audit, grades[verdict], "caa", where ? N_ ("%s (records of %s)") : "%s",
                    why, where);
  return TRUE;
}

/* --- Who has --- */

/* The newest entries of a log, oldest first, batch by batch: a log gives as many as it likes. */
static gboolean
read_entries (Run *run, GPtrArray *found, guint64 size, guint *unreadable, GError **error)
{
  guint64 next = size > ENTRIES_LOOKED_AT ? size - ENTRIES_LOOKED_AT : 0;

  if (next > 0)
    funnel_audit_add (&run->audit, FUNNEL_AUDIT_NOTE, "log",
                      N_ ("only the newest %d of %lu entries of the log were looked at; a monitor "
                          "knows them all"),
                      ENTRIES_LOOKED_AT, (unsigned long)size);
  while (next < size)
    {
      guint64 last = MIN (next + BATCH, size) - 1;
      g_autofree char *url = g_strdup_printf ("%s/ct/v1/get-entries?start=%" G_GUINT64_FORMAT
                                              "&end=%" G_GUINT64_FORMAT,
                                              run->cli->options->ct_log, next, last);
      g_autoptr (GBytes) text = read_web (run, url, error);
      guint count = 0;

      if (!text
          || !funnel_ct_parse_entries (g_bytes_get_data (text, NULL), g_bytes_get_size (text), next,
                                       run->name, found, &count, unreadable, error))
        return FALSE;
      if (count == 0 || count > last - next + 1)
        {
          g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_PROTOCOL,
                       N_ ("asked for entries %lu to %lu, it gave %u"), (unsigned long)next,
                       (unsigned long)last, count);
          return FALSE;
        }
      next += count;
    }
  return TRUE;
}

static gboolean
read_log (Run *run, GPtrArray *found, guint *unreadable, GError **error)
{
  const char *log = run->cli->options->ct_log;
  gboolean is_monitor = strchr (log, '?') != NULL;
  g_autofree char *url = is_monitor ? g_strdup (log) : g_strconcat (log, "/ct/v1/get-sth", NULL);
  g_autoptr (GBytes) text = read_web (run, url, error);
  guint64 size = 0;
  guint count = 0;

  if (!text)
    return FALSE;
  if (is_monitor)
    return funnel_ct_parse_monitor (g_bytes_get_data (text, NULL), g_bytes_get_size (text),
                                    run->name, found, &count, unreadable, error);
  return funnel_ct_parse_tree_size (g_bytes_get_data (text, NULL), g_bytes_get_size (text), &size,
                                    error)
         && read_entries (run, found, size, unreadable, error);
}

static gboolean
check_log (Run *run, GError **error)
{
  g_autoptr (GPtrArray) found
      = g_ptr_array_new_with_free_func ((GDestroyNotify)funnel_ct_entry_free);
  GError *failure = NULL;
  guint unreadable = 0;

  if (!run->cli->options->ct_log)
    return TRUE;
  if (!read_log (run, found, &unreadable, &failure))
    return note_failure (run, "log", run->cli->options->ct_log, failure, error);
  if (unreadable > 0)
    funnel_audit_add (&run->audit, FUNNEL_AUDIT_NOTE, "log", N_ ("%u entries could not be read"),
                      unreadable);
  funnel_audit_add_entries (&run->audit, found, (const char *const *)run->serials,
                            g_get_real_time () / G_USEC_PER_SEC);
  return TRUE;
}

/* --- The command --- */

static void
print_result (Run *run)
{
  g_autofree char *advice = funnel_caa_advise (run->name, run->issuer, run->account);

  if (run->cli->options->json)
    {
      JsonObject *document = funnel_cli_json_new ();

      json_object_set_string_member (document, "name", run->name);
      json_object_set_string_member (document, "result",
                                     funnel_audit_grade_text (run->audit.worst));
      json_object_set_array_member (document, "findings", funnel_audit_to_json (&run->audit));
      json_object_set_string_member (document, "caa", advice ? advice : "");
      funnel_cli_json_print (document, TRUE);
      return;
    }
  funnel_audit_print (&run->audit, funnel_phrase_translate);
  if (advice)
    printf (_ ("\nCAA records that let only this node's account have a certificate:\n%s\n"),
            advice);
}

static FunnelExit
run (FunnelCli *cli, GError **error)
{
  g_auto (Run) state = {.cli = cli};

  funnel_audit_init (&state.audit);
  state.name = funnel_host_normalize (cli->arguments[0], error);
  if (!state.name || !ask_daemon (&state, error))
    return FUNNEL_EXIT_ERROR;
  check_ingress (&state);
  if (!check_direct (&state, error) || !check_caa (&state, error) || !check_log (&state, error))
    return FUNNEL_EXIT_ERROR;
  print_result (&state);
  return state.audit.worst == FUNNEL_AUDIT_WRONG ? FUNNEL_EXIT_ERROR : FUNNEL_EXIT_OK;
}

const FunnelCliCommand funnel_cli_audit = {
    .name = "audit",
    .synopsis = "audit NAME",
    .summary = N_ ("check who could pass for a name, and who has tried"),
    .details = N_ ("Compares the certificate visitors see with this node's, says what CAA records "
                   "allow and which to publish, and with --ct-log lists certificates for NAME that "
                   "this node has not ordered. Ends with status 1 when something is wrong.\n"),
    .flags
    = FUNNEL_CLI_CT_LOG | FUNNEL_CLI_DNS | FUNNEL_CLI_ISSUER | FUNNEL_CLI_JSON | FUNNEL_CLI_SYSTEM,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run,
};
