/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Local servers for shares to lead to, each on a thread per connection: plain, or with TLS of their
 * own. */

#include <glib.h>

typedef enum
{
  TARGET_ECHO,   /* what came, back; at its end "bye" and the own end */
  TARGET_STALL,  /* like echo, but reads nothing before local_target_go */
  TARGET_FLOOD,  /* TARGET_FLOOD_BYTES of test bytes, then the end; then reads until the end */
  TARGET_REJECT, /* reads a little, answers "no", closes with input unread */
} TargetKind;

#define TARGET_FLOOD_BYTES (50u * 1000 * 1000)

typedef struct _LocalTarget LocalTarget;

/** local_target_new: a server on 127.0.0.1.
 * @chain_file, @key_file: for TLS; NULL: plain */
LocalTarget *local_target_new (TargetKind kind, const char *chain_file, const char *key_file);
/** local_target_free: cuts what is open. */
void local_target_free (LocalTarget *self);
guint16 local_target_get_port (LocalTarget *self);
/** local_target_go: let stalled connections read. */
void local_target_go (LocalTarget *self);
/** local_target_get_open: connections being served. */
guint local_target_get_open (LocalTarget *self);

/** fill_test_bytes: the bytes from @offset on of an endless sequence that repeats nowhere near. */
void fill_test_bytes (guint8 *out, gsize len, guint64 offset);
