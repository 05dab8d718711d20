/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* A certificate and its key as files that a web server reads:
 *
 *   FOLDER/NAME → .NAME.XXXXXX/   fullchain.pem  privkey.pem  combined.pem (both, for HAProxy)
 *
 * A new folder is written whole, read back and checked, and then takes the place of the one before
 * by renaming one symbolic link: nobody ever sees half a pair. The folder before stays for whoever
 * is reading in it; older ones go. Blocking calls, for any thread; writers wait for each
 * other. */

#include "daemon/cert/certificate.h"

G_BEGIN_DECLS

/** funnel_install_files_check: whether files for @name can be written to @folder at all, and @group
 * (NULL none) exists; FUNNEL_ERROR_INVALID_ARGUMENT. @folder is made if it is not there. */
gboolean funnel_install_files_check (const char *folder,
                                     const char *name,
                                     const char *group,
                                     GError **error);

/**
 * funnel_install_files_write: make the files those of @certificate. Does nothing when they are.
 * @group: may read them (files 0640, folder 0750); NULL: only this user (0600, 0700)
 * @changed: (out): whether anything was done
 *
 * On failure everything is as before; the error says what to do.
 */
gboolean funnel_install_files_write (const char *folder,
                                     const char *name,
                                     const char *group,
                                     FunnelCertificate *certificate,
                                     gboolean *changed,
                                     GError **error);

/** funnel_install_files_remove: take away the link and the folders behind it. Fine when there are
 * none. */
void funnel_install_files_remove (const char *folder, const char *name);

G_END_DECLS
