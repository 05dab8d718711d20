/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Certification authority authorization: what CAA records (RFC 8659, with the parameters of RFC
 * 8657) say about who may certify a name. No I/O. */

#include <glib.h>

G_BEGIN_DECLS

typedef enum
{
  FUNNEL_CAA_NONE,   /* no records: every authority may */
  FUNNEL_CAA_EXACT,  /* only our account at our authority, and only our way of proof */
  FUNNEL_CAA_LOOSE,  /* ours may, and others too */
  FUNNEL_CAA_FORBID, /* ours may not: the next renewal will fail */
} FunnelCaaVerdict;

/** funnel_caa_verdict_text: "none", "exact", "loose", "forbid". */
const char *funnel_caa_verdict_text (FunnelCaaVerdict verdict);

/**
 * funnel_caa_judge: what @records say.
 * @records: data as in zone files: 0 issue "example.net; accounturi=…"
 * @issuer: the authority's name in CAA records; NULL not known: any is taken for it
 * @account: URL of our account there; NULL not known
 * @why: (out): one sentence; g_free
 */
FunnelCaaVerdict
funnel_caa_judge (const char *const *records, const char *issuer, const char *account, char **why);

/** funnel_caa_advise: the records to publish for @name, as in zone files; NULL when @issuer is not
 * known. g_free. */
char *funnel_caa_advise (const char *name, const char *issuer, const char *account);

G_END_DECLS
