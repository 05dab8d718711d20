/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Where the certificate of a share comes from, and how far it is. An abstract class: a source
 * pushes what it has with funnel_certificate_source_set; the share only looks. To add one (such as
 * an ACME client), derive, set the state as the work goes on, and have share-runtime.c choose it.
 */

#include "daemon/cert/certificate.h"
#include "daemon/model/share-state.h"

#include <gio/gio.h>

G_BEGIN_DECLS

#define FUNNEL_TYPE_CERTIFICATE_SOURCE (funnel_certificate_source_get_type ())
G_DECLARE_DERIVABLE_TYPE (FunnelCertificateSource,
                          funnel_certificate_source,
                          FUNNEL,
                          CERTIFICATE_SOURCE,
                          GObject)

struct _FunnelCertificateSourceClass
{
  GObjectClass parent_class;
};

/* Signal "changed" (): any of the following is different. */

/** funnel_certificate_source_get: to be served now; NULL none. Borrowed. */
FunnelCertificate *funnel_certificate_source_get (FunnelCertificateSource *self);
/** funnel_certificate_source_fill: put state, reason and next step into @facts; borrowed. */
void funnel_certificate_source_fill (FunnelCertificateSource *self, FunnelShareFacts *facts);

/**
 * funnel_certificate_source_set: for sources.
 * @fact: READY needs @certificate; with PENDING and FAILED it is what can be served meanwhile, or
 * NULL
 */
void funnel_certificate_source_set (FunnelCertificateSource *self,
                                    FunnelCertificateFact fact,
                                    FunnelCertificate *certificate,
                                    const char *reason,
                                    const char *next_step);

/** funnel_file_certificate_new: PEM files, read again when they change. Look at it at once: if the
 * files are unusable, it is FAILED with the reason. */
FunnelCertificateSource *
funnel_file_certificate_new (const char *name, const char *chain_file, const char *key_file);
/** funnel_missing_certificate_new: nobody has said where the certificate is; PENDING for ever. */
FunnelCertificateSource *funnel_missing_certificate_new (const char *name);

G_END_DECLS
