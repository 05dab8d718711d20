/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What an audit has found, judged: pure, without I/O. */

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

typedef enum
{
  FUNNEL_AUDIT_OK,
  FUNNEL_AUDIT_NOTE,  /* could be better, or could not be found out */
  FUNNEL_AUDIT_WRONG, /* somebody must do something */
} FunnelAuditGrade;

/** funnel_audit_grade_text: "ok", "note", "wrong". */
const char *funnel_audit_grade_text (FunnelAuditGrade grade);

typedef struct
{
  GPtrArray *findings; /* of our own type */
  FunnelAuditGrade worst;
} FunnelAudit;

void funnel_audit_init (FunnelAudit *audit);
void funnel_audit_clear (FunnelAudit *audit);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (FunnelAudit, funnel_audit_clear)

/** funnel_audit_add: @check: "ingress", "direct", "caa", "log". */
void funnel_audit_add (FunnelAudit *audit,
                       FunnelAuditGrade grade,
                       const char *check,
                       const char *format,
                       ...) G_GNUC_PRINTF (4, 5);

/** funnel_audit_add_leaf: the leaf a visitor sees (hex SHA-256, and serial), against our own.
 * @own: NULL: we have none, or the local server has its own. @serials: all we ever ordered. */
void funnel_audit_add_leaf (FunnelAudit *audit,
                            const char *seen,
                            const char *serial,
                            const char *own,
                            const char *const *serials);
/** funnel_audit_add_entries: FunnelCtEntry* of a log, against the serials we ordered.
 * Precertificate and certificate of one serial are one. */
void funnel_audit_add_entries (FunnelAudit *audit,
                               const GPtrArray *entries,
                               const char *const *serials,
                               gint64 now);

/* A text that was found, in the user's language; free it. */
typedef char *(*FunnelAuditTranslate) (const char *text);

/** funnel_audit_print: one line for each finding. */
void funnel_audit_print (const FunnelAudit *audit, FunnelAuditTranslate translate);
JsonArray *funnel_audit_to_json (const FunnelAudit *audit);

G_END_DECLS
