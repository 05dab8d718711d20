/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* For code without GLib: marks a text that clients show in the user's language (see
 * lib/client/phrase.h); elsewhere <glib/gi18n.h> has it. */

#define N_(text) (text)
