/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Targets that would hand the machine to visitors: addresses where machines keep secrets, and
 * sockets whose owner commands the machine. Who shares one must say so on purpose; this is asked
 * before a share is made and, since names and links change, at every connection. */

#include "lib/wire/address.h"

#include <glib.h>

G_BEGIN_DECLS

/** funnel_guarded_address: whether @address is link-local or one where clouds keep a machine's
 * secrets (metadata services), also behind NAT64. Any thread. */
gboolean funnel_guarded_address (const struct address *address);

/**
 * funnel_guarded_socket: whether the file that @fd is open on (O_PATH will do) commands this
 * machine: D-Bus, systemd, Docker and the like, agents that hold keys, and anything in this
 * program's own run directories. Compared by inode and by where the file really is, so links and
 * other spellings of a path do not get around it. Costs a few dozen stat(2) of local files. Any
 * thread.
 */
gboolean funnel_guarded_socket (int fd);

G_END_DECLS
