/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Texts of the help, in lines a terminal has room for. */

#include <glib.h>

G_BEGIN_DECLS

#define FUNNEL_CLI_COLUMNS 80

/**
 * funnel_cli_wrap: @text (UTF-8) with the lines that are longer than FUNNEL_CLI_COLUMNS broken
 * between words. What goes on begins below its beginning: below the second column in a line of two
 * columns ("  --flag  what it does"), which are two spaces apart, else below the first word. A word
 * that is longer than a line stays whole. Caller frees.
 */
char *funnel_cli_wrap (const char *text);

G_END_DECLS
