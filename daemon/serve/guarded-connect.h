/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Connecting to a share's target, but to nothing that would hand the machine to visitors. What was
 * asked when the share was made is asked again at each connection: since then a link may lead
 * elsewhere, or another socket may have taken the path. */

#include <stdbool.h>
#include <sys/socket.h>

/**
 * guarded_connect: connect(2), unless the address is guarded (lib/base/guarded-target.h).
 * @force: the owner wants that all the same
 * Returns 0, or -errno: -EACCES for what is guarded, -EINPROGRESS as connect(2) has it. A unix
 * socket is connected to by the very inode that was looked at, so nothing can be put in its place
 * in between. The serve thread.
 */
int guarded_connect (int fd, const struct sockaddr *address, socklen_t len, bool force);
