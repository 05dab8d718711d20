/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "ingress-server/relay/relay-options.h"

/** relay_start: run the relay with @options until the process is ended; returns an exit status only
 * when it could not start. */
int relay_start (const struct relay_options *options);
