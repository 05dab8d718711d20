/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Self-signed certificates for tests, with any names and any lifetime. */

#include <glib.h>

typedef struct
{
  char *chain_file;
  char *key_file;
} MadeCertificate;

/**
 * make_certificate: write @base.pem and @base.key into @dir.
 * @names: comma-separated DNS names for subjectAltName; NULL for none
 * @begin, @end: lifetime, seconds relative to now
 */
MadeCertificate
make_certificate (const char *dir, const char *base, const char *names, gint64 begin, gint64 end);
void made_certificate_clear (MadeCertificate *made);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (MadeCertificate, made_certificate_clear)

/** remove_dir: @dir and the files in it. */
void remove_dir (const char *dir);
