/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Tells when the kernel's devices, IPv4 routes or rules change. Only that, not what: whoever is
 * called looks for himself. In the main context of the caller. */

#include <glib.h>

G_BEGIN_DECLS

typedef struct _FunnelKernelWatch FunnelKernelWatch;
typedef void (*FunnelKernelWatchFunc) (gpointer user_data);

/** funnel_kernel_watch_new: @func is called after every change, or several at once. It may free
 * the watch. Without a netlink socket it is called once a second instead. */
FunnelKernelWatch *funnel_kernel_watch_new (FunnelKernelWatchFunc func, gpointer user_data);
void funnel_kernel_watch_free (FunnelKernelWatch *self);

G_END_DECLS
