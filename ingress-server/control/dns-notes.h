/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What is odd about the DNS of names: a server of the zone and the resolver (the configured one, or
 * the system's) say different things, so that some visitors are led elsewhere than others. Looked
 * at beside the probes, which do not wait for it; bounded in number. */

#include "ingress-server/store/ingress-config.h"

G_BEGIN_DECLS

#define DNS_NOTES_AT_ONCE 4
#define DNS_NOTES_SECONDS 8 /* for one look */

typedef struct _DnsNotes DnsNotes;

/** dns_notes_new: @changed is called when the note of a name is another one. */
DnsNotes *dns_notes_new (const IngressConfig *config,
                         void (*changed) (const char *name, gpointer user_data),
                         gpointer user_data);
void dns_notes_free (DnsNotes *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DnsNotes, dns_notes_free)

/** dns_notes_look: look at @name, unless that was done less than @age seconds ago. */
void dns_notes_look (DnsNotes *self, const char *name, guint age);
/** dns_notes_get: one sentence without a full stop; NULL: nothing is odd, or not known. */
const char *dns_notes_get (DnsNotes *self, const char *name);
/** dns_notes_forget: @name is not wanted any more. */
void dns_notes_forget (DnsNotes *self, const char *name);

G_END_DECLS
