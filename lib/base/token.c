/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "lib/base/token.h"

#include "lib/base/error.h"

#include <glib/gi18n.h>
#include <string.h>

#define HOST_MAX 253
#define FIXED_LEN (2 + FUNNEL_KEY_HASH_LEN + FUNNEL_TOKEN_SECRET_LEN)
#define SUM_LEN 4
#define PAYLOAD_MAX (FIXED_LEN + HOST_MAX + SUM_LEN)
#define TEXT_MAX ((PAYLOAD_MAX + 2) / 3 * 4)
#define PASTED_COMMAND "funnel join "

/* CRC-32 as in ISO 3309, bit by bit: tokens are short and rare. */
static guint32
crc32 (const guint8 *data, gsize len)
{
  guint32 crc = 0xffffffffu;

  for (gsize i = 0; i < len; i++)
    {
      crc ^= data[i];
      for (int bit = 0; bit < 8; bit++)
        crc = (crc >> 1) ^ ((crc & 1) ? 0xedb88320u : 0);
    }
  return ~crc;
}

static gboolean
host_is_plausible (const char *host, gsize len)
{
  if (len == 0 || len > HOST_MAX)
    return FALSE;
  for (gsize i = 0; i < len; i++)
    if (!g_ascii_isalnum (host[i]) && !strchr (".-:", host[i]))
      return FALSE;
  return memchr (host, '\0', len) == NULL;
}

char *
funnel_token_print (const FunnelToken *token)
{
  guint8 payload[PAYLOAD_MAX];
  gsize host_len = strlen (token->host);
  gsize len = FIXED_LEN + host_len;
  guint32 sum;
  char *encoded, *text;

  g_return_val_if_fail (host_is_plausible (token->host, host_len), NULL);

  payload[0] = token->port >> 8;
  payload[1] = token->port & 0xff;
  memcpy (payload + 2, token->key_hash, FUNNEL_KEY_HASH_LEN);
  memcpy (payload + 2 + FUNNEL_KEY_HASH_LEN, token->secret, FUNNEL_TOKEN_SECRET_LEN);
  memcpy (payload + FIXED_LEN, token->host, host_len);
  sum = GUINT32_TO_BE (crc32 (payload, len));
  memcpy (payload + len, &sum, SUM_LEN);
  encoded = g_base64_encode (payload, len + SUM_LEN);
  g_strdelimit (encoded, "+", '-');
  g_strdelimit (encoded, "/", '_');
  encoded[strcspn (encoded, "=")] = '\0';
  text = g_strconcat (FUNNEL_TOKEN_PREFIX, encoded, NULL);
  explicit_bzero (payload, sizeof payload);
  funnel_secret_free (encoded);
  return text;
}

static FunnelToken *
refuse (GError **error, const char *why)
{
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_TOKEN_INVALID,
               N_ ("This is not a usable join token: %s"), why);
  return NULL;
}

/* Decodes unpadded base64url strictly; returns the length or -1. */
static gssize
decode_base64url (const char *text, gsize len, guint8 *out)
{
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  guint32 bits = 0;
  guint n_bits = 0;
  gssize n = 0;

  if (len > TEXT_MAX || len % 4 == 1)
    return -1;
  for (gsize i = 0; i < len; i++)
    {
      const char *digit = text[i] ? strchr (digits, text[i]) : NULL;

      if (!digit)
        return -1;
      bits = (bits << 6) | (guint32)(digit - digits);
      n_bits += 6;
      if (n_bits >= 8)
        {
          n_bits -= 8;
          out[n++] = (bits >> n_bits) & 0xff;
        }
    }
  /* Left-over bits must be zero: one token has one spelling. */
  return (bits & ((1u << n_bits) - 1)) == 0 ? n : -1;
}

static FunnelToken *
token_from_payload (const guint8 *payload, gsize len, GError **error)
{
  FunnelToken *token;
  guint32 sum;
  gsize host_len;

  if (len < FIXED_LEN + 1 + SUM_LEN)
    return refuse (error, N_ ("it is cut short; copy the whole line"));
  memcpy (&sum, payload + len - SUM_LEN, SUM_LEN);
  if (GUINT32_FROM_BE (sum) != crc32 (payload, len - SUM_LEN))
    return refuse (
        error, N_ ("its check sum is wrong, so a part is missing or changed; copy the whole line"));
  host_len = len - FIXED_LEN - SUM_LEN;
  if (!host_is_plausible ((const char *)payload + FIXED_LEN, host_len))
    return refuse (error, N_ ("its host is malformed"));
  if (payload[0] == 0 && payload[1] == 0)
    return refuse (error, N_ ("its port is 0"));

  token = g_new0 (FunnelToken, 1);
  token->port = (guint16)(payload[0] << 8 | payload[1]);
  memcpy (token->key_hash, payload + 2, FUNNEL_KEY_HASH_LEN);
  memcpy (token->secret, payload + 2 + FUNNEL_KEY_HASH_LEN, FUNNEL_TOKEN_SECRET_LEN);
  token->host = g_strndup ((const char *)payload + FIXED_LEN, host_len);
  return token;
}

FunnelToken *
funnel_token_parse (const char *text, GError **error)
{
  guint8 payload[TEXT_MAX / 4 * 3 + 3];
  FunnelToken *token;
  gsize text_len;
  gssize len;

  while (g_ascii_isspace (*text))
    text++;
  if (g_str_has_prefix (text, PASTED_COMMAND))
    text += strlen (PASTED_COMMAND);
  while (g_ascii_isspace (*text))
    text++;
  if (!g_str_has_prefix (text, FUNNEL_TOKEN_PREFIX))
    return refuse (error, N_ ("it should begin with “funnel1-”"));
  text += strlen (FUNNEL_TOKEN_PREFIX);
  text_len = strlen (text);
  while (text_len > 0 && g_ascii_isspace (text[text_len - 1]))
    text_len--;
  if (text_len > TEXT_MAX)
    return refuse (error, N_ ("it is too long"));

  len = decode_base64url (text, text_len, payload);
  if (len < 0)
    token = refuse (error, N_ ("it has a character that does not belong there, or is cut short"));
  else
    token = token_from_payload (payload, (gsize)len, error);
  explicit_bzero (payload, sizeof payload);
  return token;
}

void
funnel_token_free (FunnelToken *token)
{
  if (!token)
    return;
  g_free (token->host);
  explicit_bzero (token, sizeof *token);
  g_free (token);
}

void
funnel_secret_free (char *secret)
{
  if (!secret)
    return;
  explicit_bzero (secret, strlen (secret));
  g_free (secret);
}
