/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Where the certificate of a share comes from, and how far it is. An abstract class: a source
 * pushes what it has with funnel_certificate_source_set; the share only looks. To add one, derive,
 * set the state as the work goes on, and have share-runtime.c choose it. */

#include "daemon/cert/certificate-keeper.h"
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

/* What else there is to tell. Strings may be NULL; times are Unix seconds, 0 for never. */
typedef struct
{
  const char *step;    /* what is being done to get one, now */
  const char *ca;      /* URL of the directory it came from */
  const char *problem; /* also when there is one that works */
  gint64 renew_at;
  gint64 retry_at;
} FunnelCertificateDetails;

/** funnel_certificate_source_set_details: for sources, right before funnel_certificate_source_set.
 */
void funnel_certificate_source_set_details (FunnelCertificateSource *self,
                                            const FunnelCertificateDetails *details);
/** funnel_certificate_source_get_step: "" when nothing is being done. */
const char *funnel_certificate_source_get_step (FunnelCertificateSource *self);
/** funnel_certificate_source_describe: the property Certificate on D-Bus, a{sv}; floating. */
GVariant *funnel_certificate_source_describe (FunnelCertificateSource *self);

/** funnel_file_certificate_new: PEM files, read again when they change. Look at it at once: if the
 * files are unusable, it is FAILED with the reason. */
FunnelCertificateSource *
funnel_file_certificate_new (const char *name, const char *chain_file, const char *key_file);
/** funnel_keeper_certificate_new: wants @name of @keeper for as long as it lives. */
FunnelCertificateSource *
funnel_keeper_certificate_new (FunnelCertificateKeeper *keeper, const char *name);

G_END_DECLS
