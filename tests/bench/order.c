/* SPDX-License-Identifier: GPL-3.0-or-later */

/* ClientHello layout: RFC 8446 4.1.2; the extensions are those a proxy might look at, padded (RFC
 * 7685) to the fixed length. Nobody completes the handshake, so key material is arbitrary bytes. */

#include "tests/bench/order.h"

#include <assert.h>
#include <string.h>

#define RANDOM_OFFSET 11 /* record head 5, handshake head 4, legacy_version 2 */

static const uint8_t magic[8] = {'F', 'U', 'N', 'N', 'E', 'L', 'B', '1'};

/* A cursor over the hello being written. */
struct writer
{
  uint8_t *data;
  size_t len;
};

static void
put (struct writer *w, size_t bytes, uint64_t value)
{
  for (size_t i = 0; i < bytes; i++)
    w->data[w->len++] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
}

static void
put_bytes (struct writer *w, const void *bytes, size_t len)
{
  memcpy (w->data + w->len, bytes, len);
  w->len += len;
}

static void
put_fill (struct writer *w, uint8_t value, size_t len)
{
  memset (w->data + w->len, value, len);
  w->len += len;
}

/* Extensions in the order OpenSSL 3 sends them. */
static void
put_extensions (struct writer *w, const char *name)
{
  size_t name_len = strlen (name);

  put (w, 2, 0); /* server_name */
  put (w, 2, name_len + 5);
  put (w, 2, name_len + 3);
  put (w, 1, 0);
  put (w, 2, name_len);
  put_bytes (w, name, name_len);

  put (w, 6, 0x000a00060004); /* supported_groups: x25519, secp256r1 */
  put (w, 4, 0x001d0017);

  put (w, 2, 16); /* ALPN */
  put (w, 2, 14);
  put (w, 2, 12);
  put_bytes (w, "\x02h2\x08http/1.1", 12);

  put (w, 2, 13); /* signature_algorithms */
  put (w, 2, 8);
  put (w, 2, 6);
  put (w, 6, 0x040308040401);

  put (w, 2, 43); /* supported_versions: 1.3, 1.2 */
  put (w, 2, 5);
  put (w, 1, 4);
  put (w, 4, 0x03040303);

  put (w, 6, 0x002d00020101); /* psk_key_exchange_modes: psk_dhe_ke */

  put (w, 2, 51); /* key_share: one x25519 key */
  put (w, 2, 38);
  put (w, 2, 36);
  put (w, 2, 0x001d);
  put (w, 2, 32);
  put_fill (w, 0x55, 32);
}

void
order_set (const struct order *order, uint8_t hello[ORDER_HELLO_LEN])
{
  struct writer w = {hello + RANDOM_OFFSET, 0};

  put_bytes (&w, magic, sizeof magic);
  put (&w, 1, order->kind);
  put (&w, 1, order->closer);
  put (&w, 8, order->count);
  put_fill (&w, 0xa5, 32 - w.len);
}

void
order_write_hello (const struct order *order, const char *name, uint8_t out[ORDER_HELLO_LEN])
{
  struct writer w = {out, 0};
  size_t extensions;

  assert (strlen (name) <= 200);
  put (&w, 5, 0x1603010000 | (ORDER_HELLO_LEN - 5));
  put (&w, 4, 0x01000000 | (ORDER_HELLO_LEN - 9));
  put (&w, 2, 0x0303);
  put_fill (&w, 0, 32);
  order_set (order, out);
  put (&w, 1, 32); /* legacy_session_id, as for middlebox compatibility */
  put_fill (&w, 0x33, 32);
  put (&w, 2, 8);
  put (&w, 8, 0x130113021303c02b);
  put (&w, 2, 0x0100); /* null compression */
  extensions = w.len;
  put (&w, 2, ORDER_HELLO_LEN - extensions - 2);
  put_extensions (&w, name);
  put (&w, 2, 21); /* padding */
  put (&w, 2, ORDER_HELLO_LEN - w.len - 2);
  put_fill (&w, 0, ORDER_HELLO_LEN - w.len);
}

bool
order_read (const uint8_t hello[ORDER_HELLO_LEN], struct order *out)
{
  const uint8_t *at = hello + RANDOM_OFFSET;

  if (memcmp (at, magic, sizeof magic) != 0 || at[8] >= ORDER_KINDS || at[9] >= ORDER_CLOSERS)
    return false;
  out->kind = (enum order_kind)at[8];
  out->closer = (enum order_closer)at[9];
  out->count = 0;
  for (int i = 10; i < 18; i++)
    out->count = out->count << 8 | at[i];
  return true;
}
