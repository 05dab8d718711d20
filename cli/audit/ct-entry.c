/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "cli/audit/ct-entry.h"

#include "lib/base/error.h"
#include "lib/base/json-read.h"

#include <glib/gi18n.h>
#include <gnutls/x509.h>
#include <string.h>

#define ENTRIES_MAX 100000 /* of one answer */
#define TEXT_MAX (4 * 1024 * 1024)
#define LINE_BYTES 200
#define LEAF_HEAD 12 /* version, leaf type, timestamp, entry type */
#define ENTRY_X509 0
#define ENTRY_PRECERT 1

void
funnel_ct_entry_free (FunnelCtEntry *entry)
{
  g_free (entry->serial);
  g_free (entry->issuer);
  g_free (entry->reference);
  g_free (entry);
}

char *
funnel_ct_serial_normalize (const char *serial)
{
  while (*serial == '0' && serial[1] != '\0')
    serial++;
  return g_ascii_strdown (serial, -1);
}

/* @pattern may begin with "*.", which stands for one label. */
static gboolean
covers (const char *pattern, const char *name)
{
  const char *dot = strchr (name, '.');

  if (g_ascii_strcasecmp (pattern, name) == 0)
    return TRUE;
  return g_str_has_prefix (pattern, "*.") && dot != NULL
         && g_ascii_strcasecmp (pattern + 1, dot) == 0;
}

/* --- Logs --- */

static gboolean
names_it (gnutls_x509_crt_t certificate, const char *name)
{
  for (unsigned int i = 0; i < FUNNEL_CT_NAMES_MAX; i++)
    {
      char text[256] = "";
      size_t len = sizeof text - 1;
      int type = gnutls_x509_crt_get_subject_alt_name (certificate, i, text, &len, NULL);

      if (type == GNUTLS_E_SHORT_MEMORY_BUFFER)
        continue;
      if (type < 0)
        return FALSE;
      text[MIN (len, sizeof text - 1)] = '\0';
      if (type == GNUTLS_SAN_DNSNAME && covers (text, name))
        return TRUE;
    }
  return FALSE;
}

static char *
print_serial (gnutls_x509_crt_t certificate)
{
  guint8 bytes[64];
  size_t len = sizeof bytes;
  g_autoptr (GString) text = g_string_new (NULL);

  if (gnutls_x509_crt_get_serial (certificate, bytes, &len) < 0)
    return NULL;
  for (size_t i = 0; i < len; i++)
    g_string_append_printf (text, "%02x", bytes[i]);
  return funnel_ct_serial_normalize (text->str);
}

static char *
print_issuer (gnutls_x509_crt_t certificate)
{
  char text[512] = "";
  size_t len = sizeof text;

  if (gnutls_x509_crt_get_issuer_dn (certificate, text, &len) < 0)
    return g_strdup (N_ ("an unknown issuer"));
  return funnel_text_one_line (text, LINE_BYTES);
}

/* Returns whether it could be read. */
static gboolean
take_certificate (const guint8 *der, gsize len, guint64 index, const char *name, GPtrArray *found)
{
  gnutls_datum_t datum = {(unsigned char *)der, (unsigned int)len};
  gnutls_x509_crt_t certificate = NULL;
  gboolean readable;

  if (gnutls_x509_crt_init (&certificate) < 0)
    return FALSE;
  readable = gnutls_x509_crt_import (certificate, &datum, GNUTLS_X509_FMT_DER) >= 0;
  if (readable && names_it (certificate, name))
    {
      FunnelCtEntry *entry = g_new0 (FunnelCtEntry, 1);

      entry->serial = print_serial (certificate);
      entry->issuer = print_issuer (certificate);
      entry->begin = gnutls_x509_crt_get_activation_time (certificate);
      entry->end = gnutls_x509_crt_get_expiration_time (certificate);
      entry->reference = g_strdup_printf ("entry %" G_GUINT64_FORMAT, index);
      readable = entry->serial != NULL;
      if (readable)
        g_ptr_array_add (found, entry);
      else
        funnel_ct_entry_free (entry);
    }
  gnutls_x509_crt_deinit (certificate);
  return readable;
}

/* A length of three bytes, and so many bytes. */
static const guint8 *
read_vector (const guint8 *data, gsize len, gsize *out_len)
{
  if (len < 3)
    return NULL;
  *out_len = (gsize)data[0] << 16 | (gsize)data[1] << 8 | data[2];
  return *out_len > 0 && *out_len <= len - 3 ? data + 3 : NULL;
}

static gboolean
take_entry (JsonObject *object, guint64 index, const char *name, GPtrArray *found)
{
  const char *leaf_text = funnel_json_get_string (object, "leaf_input", TEXT_MAX, NULL);
  const char *extra_text = funnel_json_get_string (object, "extra_data", TEXT_MAX, NULL);
  gsize leaf_len = 0, extra_len = 0, der_len = 0;
  g_autofree guint8 *leaf = leaf_text != NULL ? g_base64_decode (leaf_text, &leaf_len) : NULL;
  g_autofree guint8 *extra = extra_text != NULL ? g_base64_decode (extra_text, &extra_len) : NULL;
  const guint8 *der = NULL;
  guint type;

  if (leaf == NULL || leaf_len < LEAF_HEAD || leaf[0] != 0 || leaf[1] != 0)
    return FALSE;
  type = (guint)leaf[10] << 8 | leaf[11];
  if (type == ENTRY_X509)
    der = read_vector (leaf + LEAF_HEAD, leaf_len - LEAF_HEAD, &der_len);
  else if (type == ENTRY_PRECERT && extra != NULL)
    der = read_vector (extra, extra_len, &der_len);
  return der != NULL && take_certificate (der, der_len, index, name, found);
}

gboolean
funnel_ct_parse_entries (const char *text,
                         gsize len,
                         guint64 first,
                         const char *name,
                         GPtrArray *found,
                         guint *count,
                         guint *unreadable,
                         GError **error)
{
  g_autoptr (JsonObject) answer = funnel_json_parse_object (text, len, error);
  JsonArray *entries
      = answer != NULL ? funnel_json_get_array (answer, "entries", ENTRIES_MAX, error) : NULL;

  if (entries == NULL)
    return FALSE;
  *count = json_array_get_length (entries);
  for (guint i = 0; i < *count; i++)
    {
      JsonObject *object = funnel_json_get_object_at (entries, "entries", i, NULL);

      if (object == NULL || !take_entry (object, first + i, name, found))
        (*unreadable)++;
    }
  return TRUE;
}

gboolean
funnel_ct_parse_tree_size (const char *text, gsize len, guint64 *size, GError **error)
{
  g_autoptr (JsonObject) answer = funnel_json_parse_object (text, len, error);

  return answer != NULL
         && funnel_json_get_uint (answer, "tree_size", 0, (guint64)1 << 53, size, error);
}

/* --- Monitors --- */

static gint64
parse_time (const char *text)
{
  g_autoptr (GTimeZone) utc = g_time_zone_new_utc ();
  g_autoptr (GDateTime) time = g_date_time_new_from_iso8601 (text, utc);

  return time != NULL ? g_date_time_to_unix (time) : 0;
}

static gboolean
lists_name (const char *names, const char *name)
{
  g_auto (GStrv) items = g_strsplit_set (names, "\n ", FUNNEL_CT_NAMES_MAX);

  for (char **item = items; *item != NULL; item++)
    if (covers (*item, name))
      return TRUE;
  return FALSE;
}

static gboolean
take_row (JsonObject *object, const char *name, GPtrArray *found)
{
  /* Names stand on lines of their own, which the strict reader would refuse. */
  JsonNode *names = json_object_get_member (object, "name_value");
  const char *serial = funnel_json_get_string (object, "serial_number", 128, NULL);
  const char *issuer = funnel_json_get_string (object, "issuer_name", 1024, NULL);
  const char *begin = funnel_json_get_string (object, "not_before", 64, NULL);
  const char *end = funnel_json_get_string (object, "not_after", 64, NULL);
  guint64 id = 0;
  FunnelCtEntry *entry = NULL;

  if (names == NULL || json_node_get_value_type (names) != G_TYPE_STRING || serial == NULL
      || begin == NULL || end == NULL
      || strspn (serial, "0123456789abcdefABCDEF") != strlen (serial))
    return FALSE;
  if (!lists_name (json_node_get_string (names), name))
    return TRUE;
  funnel_json_get_uint (object, "id", 0, (guint64)1 << 53, &id, NULL);
  entry = g_new0 (FunnelCtEntry, 1);
  entry->serial = funnel_ct_serial_normalize (serial);
  entry->issuer
      = funnel_text_one_line (issuer != NULL ? issuer : N_ ("an unknown issuer"), LINE_BYTES);
  entry->begin = parse_time (begin);
  entry->end = parse_time (end);
  entry->reference = g_strdup_printf ("id %" G_GUINT64_FORMAT, id);
  g_ptr_array_add (found, entry);
  return TRUE;
}

gboolean
funnel_ct_parse_monitor (const char *text,
                         gsize len,
                         const char *name,
                         GPtrArray *found,
                         guint *count,
                         guint *unreadable,
                         GError **error)
{
  g_autoptr (GString) wrapped = g_string_new ("{\"rows\":");
  g_autoptr (JsonObject) answer = NULL;
  JsonArray *rows = NULL;

  g_string_append_len (wrapped, text, (gssize)len);
  g_string_append_c (wrapped, '}');
  answer = funnel_json_parse_object (wrapped->str, wrapped->len, error);
  rows = answer != NULL ? funnel_json_get_array (answer, "rows", ENTRIES_MAX, error) : NULL;
  if (rows == NULL)
    return FALSE;
  *count = json_array_get_length (rows);
  for (guint i = 0; i < *count; i++)
    {
      JsonObject *object = funnel_json_get_object_at (rows, "rows", i, NULL);

      if (object == NULL || !take_row (object, name, found))
        (*unreadable)++;
    }
  return TRUE;
}
