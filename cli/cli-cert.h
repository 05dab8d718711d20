/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The parts of "funnel cert". */

#include "cli/cli-command.h"

G_BEGIN_DECLS

/** funnel_cert_write: what "funnel cert NAME" does with a certificate: files, or standard output,
 * or one PKCS #12 file, as @options say. Files are replaced as a whole, the key is readable by this
 * user only. */
gboolean funnel_cert_write (const FunnelCliOptions *options,
                            const char *name,
                            gboolean to_stdout,
                            const char *chain,
                            const char *key,
                            GError **error);
/** funnel_cert_check_outputs: whether that is possible at all; before anything is ordered. */
gboolean
funnel_cert_check_outputs (const FunnelCliOptions *options, gboolean to_stdout, GError **error);

/** funnel_cert_print_list: "funnel cert --list", for people or as JSON. */
void funnel_cert_print_list (FunnelDBusCertificates *certificates, gboolean json);
/** funnel_cert_print_problems: what "funnel status" says of it: only what is wrong. */
void funnel_cert_print_problems (FunnelDBusCertificates *certificates);

G_END_DECLS
