/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "cli/audit/caa.h"

#include <glib/gi18n.h>
#include <string.h>

#define METHOD "tls-alpn-01"
#define FLAG_CRITICAL 128

/* One record, taken apart. */
typedef struct
{
  guint64 flags;
  char *tag;
  char *issuer; /* "" nobody */
  char *account;
  char *methods;
  gboolean malformed;
} Record;

static void
record_clear (Record *record)
{
  g_free (record->tag);
  g_free (record->issuer);
  g_free (record->account);
  g_free (record->methods);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Record, record_clear)

static const char *const verdict_texts[] = {
    [FUNNEL_CAA_NONE] = "none",
    [FUNNEL_CAA_EXACT] = "exact",
    [FUNNEL_CAA_LOOSE] = "loose",
    [FUNNEL_CAA_FORBID] = "forbid",
};
G_STATIC_ASSERT (G_N_ELEMENTS (verdict_texts) == FUNNEL_CAA_FORBID + 1);

const char *
funnel_caa_verdict_text (FunnelCaaVerdict verdict)
{
  g_return_val_if_fail ((guint)verdict < G_N_ELEMENTS (verdict_texts), "none");
  return verdict_texts[verdict];
}

/* "example.net; accounturi=…; validationmethods=a,b" */
static void
parse_value (Record *record, const char *value)
{
  g_auto (GStrv) parts = g_strsplit (value, ";", -1);

  record->issuer = g_ascii_strdown (parts[0] != NULL ? g_strstrip (parts[0]) : "", -1);
  for (guint i = 1; parts[0] != NULL && parts[i] != NULL; i++)
    {
      char *mark = strchr (g_strstrip (parts[i]), '=');

      if (parts[i][0] == '\0')
        continue;
      /* An issuer must treat what it cannot read as a refusal. */
      if (mark == NULL)
        {
          record->malformed = TRUE;
          continue;
        }
      *mark = '\0';
      if (g_ascii_strcasecmp (g_strstrip (parts[i]), "accounturi") == 0)
        {
          record->malformed = record->malformed || record->account != NULL;
          g_free (record->account);
          record->account = g_strdup (g_strstrip (mark + 1));
        }
      else if (g_ascii_strcasecmp (parts[i], "validationmethods") == 0)
        {
          g_free (record->methods);
          record->methods = g_strdup (g_strstrip (mark + 1));
        }
    }
}

static gboolean
parse_record (const char *text, Record *out)
{
  g_auto (GStrv) words = g_strsplit (text, " ", 3);
  g_autofree char *value = NULL;
  gsize len;

  *out = (Record) {0};
  if (g_strv_length (words) != 3
      || !g_ascii_string_to_unsigned (words[0], 10, 0, 255, &out->flags, NULL))
    return FALSE;
  len = strlen (words[2]);
  if (len >= 2 && words[2][0] == '"' && words[2][len - 1] == '"')
    value = g_strndup (words[2] + 1, len - 2);
  else
    value = g_strdup (words[2]);
  out->tag = g_ascii_strdown (words[1], -1);
  parse_value (out, value);
  return TRUE;
}

static gboolean
lists_method (const char *methods)
{
  g_auto (GStrv) items = g_strsplit (methods, ",", -1);

  for (char **item = items; *item != NULL; item++)
    if (strcmp (g_strstrip (*item), METHOD) == 0)
      return TRUE;
  return FALSE;
}

typedef struct
{
  gboolean any;   /* there is an issue property */
  gboolean ours;  /* one lets us */
  gboolean loose; /* one lets more than us */
  const char *obstacle;
} Findings;

static void
look_at_issue (const Record *record, const char *issuer, const char *account, Findings *findings)
{
  gboolean same = issuer == NULL ? record->issuer[0] != '\0'
                                 : g_ascii_strcasecmp (record->issuer, issuer) == 0;

  findings->any = TRUE;
  if (record->issuer[0] == '\0' || record->malformed)
    return;
  if (!same)
    {
      findings->loose = TRUE;
      return;
    }
  if (record->account != NULL && account != NULL && strcmp (record->account, account) != 0)
    {
      findings->loose = TRUE;
      findings->obstacle = N_ ("it names another account of this authority (accounturi)");
    }
  else if (record->methods != NULL && !lists_method (record->methods))
    findings->obstacle = N_ ("it does not allow tls-alpn-01 (validationmethods)");
  else
    {
      findings->ours = TRUE;
      findings->loose = findings->loose || record->account == NULL || record->methods == NULL
                        || strcmp (record->methods, METHOD) != 0;
    }
}

static gboolean
is_known_tag (const char *tag)
{
  static const char *const tags[]
      = {"issue", "issuewild", "iodef", "issuemail", "issuevmc", "contactemail", "contactphone"};

  for (gsize i = 0; i < G_N_ELEMENTS (tags); i++)
    if (strcmp (tag, tags[i]) == 0)
      return TRUE;
  return FALSE;
}

static FunnelCaaVerdict
conclude (const Findings *findings, const char *issuer, char **why)
{
  if (!findings->any)
    {
      *why = g_strdup (N_ ("no record says who may issue: every authority may"));
      return FUNNEL_CAA_LOOSE;
    }
  if (!findings->ours)
    {
      *why = findings->obstacle != NULL
                 ? g_strdup_printf (N_ ("this node's own renewal is refused: %s"),
                                    findings->obstacle)
                 : g_strdup_printf (N_ ("this node's own renewal is refused: no record allows %s"),
                                    issuer != NULL ? issuer : N_ ("an authority"));
      return FUNNEL_CAA_FORBID;
    }
  if (findings->loose)
    {
      *why = g_strdup (N_ ("others than this node's account may get a certificate too"));
      return FUNNEL_CAA_LOOSE;
    }
  *why = g_strdup (N_ ("only this node's account may get a certificate, by tls-alpn-01"));
  return FUNNEL_CAA_EXACT;
}

FunnelCaaVerdict
funnel_caa_judge (const char *const *records, const char *issuer, const char *account, char **why)
{
  Findings findings = {0};

  *why = NULL;
  for (guint i = 0; records != NULL && records[i] != NULL; i++)
    {
      g_auto (Record) record = {0};

      if (!parse_record (records[i], &record))
        continue;
      if ((record.flags & FLAG_CRITICAL) != 0 && !is_known_tag (record.tag))
        {
          *why = g_strdup_printf (
              N_ ("every authority must refuse: the critical property “%s” is not known"),
              record.tag);
          return FUNNEL_CAA_FORBID;
        }
      if (strcmp (record.tag, "issue") == 0)
        look_at_issue (&record, issuer, account, &findings);
    }
  if (records != NULL && records[0] != NULL)
    return conclude (&findings, issuer, why);
  *why = g_strdup (N_ ("there is no CAA record: every authority may certify this name"));
  return FUNNEL_CAA_NONE;
}

char *
funnel_caa_advise (const char *name, const char *issuer, const char *account)
{
  if (issuer == NULL)
    return NULL;
  return g_strdup_printf ("%s. CAA 0 issue \"%s%s%s; validationmethods=" METHOD "\"\n"
                          "%s. CAA 0 issuewild \";\"",
                          name, issuer, account != NULL ? "; accounturi=" : "",
                          account != NULL ? account : "", name);
}
