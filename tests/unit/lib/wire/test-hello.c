/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hellos made here, for each way of being right and wrong. */
#include "tests/unit/lib/wire/hello-maker.h"

#include <glib.h>
#include <string.h>

#define NAME "laptop.example.org"

/* ---- names ---- */

static void
test_names (void)
{
  char name_253[HOST_NAME_MAX + 1];
  struct
  {
    const char *name;
    size_t len;
    enum hello_result result;
    enum host_name_result name_result;
  } rows[] = {
      {NAME, 18, HELLO_OK, HOST_NAME_OK},
      {"LAPTOP.Example.ORG.", 19, HELLO_OK, HOST_NAME_OK},
      {name_253, 253, HELLO_OK, HOST_NAME_OK},
      {name_253, 254, HELLO_OK, HOST_NAME_OK}, /* and its final dot */
      {"", 0, HELLO_BAD_NAME, HOST_NAME_EMPTY},
      {"laptop\0.example.org", 19, HELLO_BAD_NAME, HOST_NAME_BAD_CHARACTER},
      {"laptop.example.org\0", 19, HELLO_BAD_NAME, HOST_NAME_BAD_CHARACTER},
      {"lap_top.example.org", 19, HELLO_BAD_NAME, HOST_NAME_BAD_CHARACTER},
      {"-laptop", 7, HELLO_BAD_NAME, HOST_NAME_BAD_HYPHEN},
      {"a..b", 4, HELLO_BAD_NAME, HOST_NAME_LABEL_EMPTY},
      {"192.0.2.1", 9, HELLO_IP_LITERAL, HOST_NAME_IP_LITERAL},
      {"2001:db8::1", 11, HELLO_IP_LITERAL, HOST_NAME_IP_LITERAL},
      {"[2001:db8::1]", 13, HELLO_IP_LITERAL, HOST_NAME_IP_LITERAL},
  };
  char with_dot[HOST_NAME_MAX + 2];

  memset (name_253, 'a', HOST_NAME_MAX);
  name_253[HOST_NAME_MAX] = '\0';
  for (int i = HOST_LABEL_MAX; i < HOST_NAME_MAX; i += HOST_LABEL_MAX + 1)
    name_253[i] = '.';
  g_snprintf (with_dot, sizeof with_dot, "%s.", name_253);
  rows[3].name = with_dot;
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      GByteArray *extensions = g_byte_array_new ();

      g_test_message ("%zu bytes: %s", rows[i].len, rows[i].name);
      put_name (extensions, rows[i].name, rows[i].len);
      put_extension (extensions, 23, "", 0);
      assert_result (make_hello (extensions), rows[i].result, rows[i].name_result);
    }
}

/* A name longer than any is refused as soon as its length is known. */
static void
test_name_too_long (void)
{
  char *name = g_strnfill (300, 'a');
  GByteArray *extensions = g_byte_array_new ();
  GByteArray *hello;
  struct hello out;
  size_t decided;

  put_name (extensions, name, 300);
  hello = make_hello (extensions);
  g_assert_cmpint (parse_every_prefix (hello->data, hello->len, &out, &decided), ==,
                   HELLO_BAD_NAME);
  g_assert_cmpint (out.name_result, ==, HOST_NAME_TOO_LONG);
  g_assert_cmpuint (decided, ==, hello->len - 300);
  g_byte_array_unref (hello);
  g_free (name);
}

/* What follows the name in its list can be seen to be too short before the name is there. */
static void
test_stub_behind_name (void)
{
  GByteArray *extensions = g_byte_array_new ();
  GByteArray *hello;
  struct hello out;
  size_t decided;

  put_extension (extensions, 0, "\0\10\0\0\3a.b\0\0", 10);
  hello = make_hello (extensions);
  g_assert_cmpint (parse_every_prefix (hello->data, hello->len, &out, &decided), ==,
                   HELLO_MALFORMED);
  g_assert_cmpuint (decided, ==, hello->len - 5);
  g_byte_array_unref (hello);
}

static void
test_no_sni (void)
{
  GByteArray *extensions = g_byte_array_new ();

  assert_result (make_hello (NULL), HELLO_NO_SNI, HOST_NAME_EMPTY);
  assert_result (make_hello (g_byte_array_new ()), HELLO_NO_SNI, HOST_NAME_EMPTY);
  put_extension (extensions, 23, "", 0);
  put_extension (extensions, 0x1a1a, "abc", 3);
  assert_result (make_hello (extensions), HELLO_NO_SNI, HOST_NAME_EMPTY);
}

/* Bodies of server_name extensions and what they give. */
static void
test_server_name_bodies (void)
{
  static const struct
  {
    const char *body;
    size_t len;
    enum hello_result result;
  } rows[] = {
      {"\0\6\0\0\3a.b", 8, HELLO_OK},
      {"", 0, HELLO_MALFORMED},
      {"\0", 1, HELLO_MALFORMED},
      {"\0\0", 2, HELLO_MALFORMED},
      {"\0\1\0", 3, HELLO_MALFORMED},
      {"\0\2\0\0", 4, HELLO_MALFORMED},
      {"\0\3\0\0\0", 5, HELLO_BAD_NAME},
      {"\0\5\0\0\3a.b", 8, HELLO_MALFORMED}, /* list shorter than the extension */
      {"\0\7\0\0\3a.b", 8, HELLO_MALFORMED}, /* list longer */
      {"\1\6\0\0\3a.b", 8, HELLO_MALFORMED},
      {"\0\6\0\0\4a.b", 8, HELLO_MALFORMED}, /* name longer than the list */
      {"\0\6\0\1\3a.b", 8, HELLO_MALFORMED},
      {"\0\7\0\0\3a.bc", 9, HELLO_MALFORMED}, /* a byte behind the name */
      {"\0\6\1\0\3a.b", 8, HELLO_MALFORMED},  /* no such name type */
      {"\0\14\0\0\3a.b\0\0\3a.b", 14, HELLO_DUPLICATE},
      {"\0\14\0\0\3a.b\0\0\3c.d", 14, HELLO_DUPLICATE},
      {"\0\14\0\0\3a.b\1\0\3c.d", 14, HELLO_MALFORMED},
  };

  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      GByteArray *extensions = g_byte_array_new ();

      g_test_message ("row %zu", i);
      put_extension (extensions, 0, rows[i].body, rows[i].len);
      assert_result (make_hello (extensions), rows[i].result, HOST_NAME_EMPTY);
    }
}

/* ---- extensions ---- */

static void
test_duplicates (void)
{
  static const unsigned types[] = {0, 16, 43, 23, 0xfe0d, 0x0a0a, 0xffff, 63, 64};

  for (size_t i = 0; i < G_N_ELEMENTS (types); i++)
    for (int others = 0; others < 80;
         others += 13) /* few types, and more than fit the short list */
      {
        static const char *const bodies[] = {"\0\4\0\0\1a", "\0\3\2h2", "\2\3\4", "", "\0"};
        static const size_t lens[] = {6, 5, 3, 0, 1};
        size_t body = types[i] == 0xfe0d ? 4 : MIN (i, 3);
        GByteArray *extensions = g_byte_array_new ();

        put_extension (extensions, types[i], bodies[body], lens[body]);
        for (int j = 0; j < others; j++)
          put_extension (extensions, 0x4000 + (unsigned)j, "", 0);
        put_extension (extensions, types[i], bodies[body], lens[body]);
        assert_result (make_hello (extensions), HELLO_DUPLICATE, HOST_NAME_OK);
      }
}

/* Many different extensions, known ones among them, are no fault. */
static void
test_many_extensions (void)
{
  GByteArray *extensions = g_byte_array_new ();

  for (unsigned i = 0; i < 300; i++)
    {
      put_extension (extensions, 0x1000 + i * 7, "", 0);
      if (i == 200)
        put_name (extensions, NAME, strlen (NAME));
    }
  assert_result (make_hello (extensions), HELLO_OK, HOST_NAME_OK);
}

static void
test_alpn (void)
{
  GByteArray *extensions = g_byte_array_new ();
  GByteArray *body = g_byte_array_new ();
  GByteArray *hello;
  struct hello out;
  char *alpn;

  put_name (extensions, NAME, strlen (NAME));
  put_u16 (body, 0);
  g_byte_array_append (body, (const uint8_t *)"\2\x0a\x0a\2h2\2\xfa\xfa\2\x1a\x2a", 12);
  for (int i = 0; i < 10; i++)
    {
      put_u8 (body, 1);
      put_u8 (body, 'a' + (unsigned)i);
    }
  g_byte_array_append (body, (const uint8_t *)"\12acme-tls/1", 11); /* behind those that are kept */
  body->data[1] = (uint8_t)(body->len - 2);
  put_extension (extensions, 16, body->data, body->len);
  hello = make_hello (extensions);
  g_assert_cmpint (parse (hello->data, hello->len, &out), ==, HELLO_OK);
  alpn = join_alpn (&out);
  g_assert_cmpstr (alpn, ==, "h2,\x1a\x2a,a,b,c,d,e,f"); /* GREASE left out */
  g_assert_cmpint (out.alpn_count, ==, HELLO_ALPN_MAX);
  g_assert_true (out.has_acme_alpn);
  g_free (alpn);
  g_byte_array_unref (body);
  assert_result (hello, HELLO_OK, HOST_NAME_OK);
}

/* Names that do not fit the space are left out, smaller ones behind them are still kept. */
static void
test_alpn_long (void)
{
  GByteArray *extensions = g_byte_array_new ();
  GByteArray *body = g_byte_array_new ();
  GByteArray *hello;
  struct hello out;

  put_name (extensions, NAME, strlen (NAME));
  put_u16 (body, 256 + 201 + 2);
  put_u8 (body, 255);
  put_zeros (body, 255);
  put_u8 (body, 200);
  put_zeros (body, 200);
  put_u8 (body, 1);
  put_u8 (body, 'x');
  put_extension (extensions, 16, body->data, body->len);
  hello = make_hello (extensions);
  g_assert_cmpint (parse (hello->data, hello->len, &out), ==, HELLO_OK);
  g_assert_cmpint (out.alpn_count, ==, 2);
  g_assert_cmpint (out.alpn[0].len, ==, 255);
  g_assert_cmpint (out.alpn[1].len, ==, 1);
  g_assert_cmpint (out.alpn[1].offset, ==, 255);
  g_assert_cmpint (out.alpn_bytes[255], ==, 'x');
  g_byte_array_unref (body);
  g_byte_array_unref (hello);
}

/* Bodies of other extensions that are looked into. */
static void
test_other_bodies (void)
{
  static const struct
  {
    unsigned type;
    const char *body;
    size_t len;
    enum hello_result result;
  } rows[] = {
      {16, "\0\3\2h2", 5, HELLO_OK},
      {16, "", 0, HELLO_MALFORMED},
      {16, "\0\0", 2, HELLO_MALFORMED},
      {16, "\0\1\0", 3, HELLO_MALFORMED},
      {16, "\0\2\0\0", 4, HELLO_MALFORMED},
      {16, "\0\2\2h2", 5, HELLO_MALFORMED},
      {16, "\0\4\2h2", 5, HELLO_MALFORMED},
      {16, "\0\3\3h2", 5, HELLO_MALFORMED},
      {16, "\0\3\1h2", 5, HELLO_MALFORMED},
      {16, "\0\4\2h2\0", 6, HELLO_MALFORMED},
      {43, "\2\3\4", 3, HELLO_OK},
      {43, "\4\x2a\x2a\3\4", 5, HELLO_OK},
      {43, "", 0, HELLO_MALFORMED},
      {43, "\0", 1, HELLO_MALFORMED},
      {43, "\1\3", 2, HELLO_MALFORMED},
      {43, "\3\3\4\3", 4, HELLO_MALFORMED},
      {43, "\2\3\4\3\3", 5, HELLO_MALFORMED},
      {43, "\4\3\4", 3, HELLO_MALFORMED},
      {0xfe0d, "\0", 1, HELLO_OK},
      {0xfe0d, "\1", 1, HELLO_OK},
      {0xfe0d, "", 0, HELLO_MALFORMED},
  };

  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      GByteArray *extensions = g_byte_array_new ();

      g_test_message ("row %zu", i);
      put_name (extensions, NAME, strlen (NAME));
      put_extension (extensions, rows[i].type, rows[i].body, rows[i].len);
      assert_result (make_hello (extensions), rows[i].result, HOST_NAME_OK);
    }
}

static void
test_flags (void)
{
  static const struct
  {
    unsigned type;
    const char *body;
    size_t len;
    bool tls13, ech;
  } rows[] = {
      {43, "\2\3\4", 3, true, false},         {43, "\2\3\3", 3, false, false},
      {43, "\4\x2a\x2a\3\4", 5, true, false}, {0xfe0d, "\0abc", 4, false, true},
      {0xfe0d, "\1", 1, false, false},        {23, "", 0, false, false},
  };

  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      GByteArray *extensions = g_byte_array_new ();
      GByteArray *hello;
      struct hello out;

      put_name (extensions, NAME, strlen (NAME));
      put_extension (extensions, rows[i].type, rows[i].body, rows[i].len);
      hello = make_hello (extensions);
      g_assert_cmpint (parse (hello->data, hello->len, &out), ==, HELLO_OK);
      g_assert_cmpstr (out.name, ==, NAME);
      g_assert_cmpint (out.has_tls13, ==, rows[i].tls13);
      g_assert_cmpint (out.has_ech, ==, rows[i].ech);
      g_assert_false (out.has_acme_alpn);
      g_byte_array_unref (hello);
    }
}

/* ---- lengths that disagree ---- */

/* A good hello with one byte changed. Offsets count from the start of the record. */
static void
test_wrong_lengths (void)
{
  enum
  {
    MESSAGE = 5,
    BODY = 9,
    SESSION = BODY + 34,
    CIPHERS = SESSION + 3,
    COMPRESSION = CIPHERS + 6,
    EXTENSIONS = COMPRESSION + 2
  };
  static const struct
  {
    size_t offset;
    uint8_t value;
    enum hello_result result;
  } rows[] = {
      {0, 21, HELLO_MALFORMED},          /* an alert */
      {0, 23, HELLO_MALFORMED},          /* application data */
      {0, 25, HELLO_NOT_TLS},            /* no such record */
      {1, 2, HELLO_NOT_TLS},             /* version 2 of nothing */
      {2, 99, HELLO_OK},                 /* the minor version is not looked at */
      {3, 0x41, HELLO_MALFORMED},        /* record of more than 2^14 bytes */
      {3, 0x40, HELLO_TOO_LARGE},        /* within the standard, beyond HELLO_MAX */
      {MESSAGE, 2, HELLO_MALFORMED},     /* a ServerHello */
      {MESSAGE, 0, HELLO_MALFORMED},     /* a HelloRequest */
      {MESSAGE + 1, 1, HELLO_TOO_LARGE}, /* 64 KiB */
      {MESSAGE + 2, 0x40, HELLO_TOO_LARGE},
      {MESSAGE + 3, 10, HELLO_MALFORMED}, /* shorter than what a hello must have */
      {BODY, 2, HELLO_MALFORMED},         /* SSL 2 inside */
      {BODY, 0xfe, HELLO_MALFORMED},      /* DTLS */
      {BODY + 1, 0, HELLO_OK},            /* SSL 3 says who it wants to talk to, too */
      {SESSION, 33, HELLO_MALFORMED},
      {SESSION, 255, HELLO_MALFORMED},
      {CIPHERS, 255, HELLO_MALFORMED},
      {CIPHERS + 1, 0, HELLO_MALFORMED},
      {CIPHERS + 1, 3, HELLO_MALFORMED},
      {COMPRESSION, 0, HELLO_MALFORMED},
      {COMPRESSION, 255, HELLO_MALFORMED},
      {EXTENSIONS, 1, HELLO_MALFORMED},
      {EXTENSIONS + 1, 0, HELLO_MALFORMED},
      {EXTENSIONS + 1, 255, HELLO_MALFORMED},
  };

  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      GByteArray *extensions = g_byte_array_new ();
      GByteArray *hello;
      struct hello out;
      size_t decided;

      g_test_message ("row %zu", i);
      put_name (extensions, NAME, strlen (NAME));
      hello = make_hello (extensions);
      g_assert_cmpuint (hello->data[EXTENSIONS + 1], ==, hello->len - EXTENSIONS - 2);
      hello->data[rows[i].offset] = rows[i].value;
      g_assert_cmpstr (
          hello_result_name (parse_every_prefix (hello->data, hello->len, &out, &decided)), ==,
          hello_result_name (rows[i].result));
      if (rows[i].offset < 5 && rows[i].result != HELLO_OK)
        g_assert_cmpuint (decided, ==, rows[i].offset + 1); /* without waiting for more */
      g_byte_array_unref (hello);
    }
}

/* Cut off the end of a message, its length made to fit: something inside must always be missing. */
static void
test_truncated_inside (void)
{
  GByteArray *extensions = g_byte_array_new ();
  GByteArray *message;

  put_extension (extensions, 23, "", 0);
  put_name (extensions, NAME, strlen (NAME));
  message = make_message (extensions);
  for (size_t len = 5; len < message->len; len++)
    {
      GByteArray *records;
      struct hello out;
      size_t decided, without_extensions = message->len - extensions->len - 2;

      message->data[3] = (uint8_t)(len - 4);
      records = make_records (message->data, len, 16384);
      g_test_message ("%zu of %u bytes", len, message->len);
      g_assert_cmpstr (
          hello_result_name (parse_every_prefix (records->data, records->len, &out, &decided)), ==,
          len == without_extensions ? "no-sni" : "malformed");
      g_byte_array_unref (records);
    }
  g_byte_array_unref (message);
  g_byte_array_unref (extensions);
}

/* Between one and three bytes where an extension should stand. */
static void
test_extension_stubs (void)
{
  for (size_t stub = 1; stub <= 3; stub++)
    for (int has_name = 0; has_name <= 1; has_name++)
      {
        GByteArray *extensions = g_byte_array_new ();

        if (has_name)
          put_name (extensions, NAME, strlen (NAME));
        put_zeros (extensions, stub);
        assert_result (make_hello (extensions), HELLO_MALFORMED, HOST_NAME_OK);
      }
}

/* Whatever one byte is changed to, prefixes of the hello never contradict the whole. */
static void
test_mutations (void)
{
  GByteArray *extensions = g_byte_array_new ();
  GByteArray *hello;

  put_extension (extensions, 16, "\0\3\2h2", 5);
  put_name (extensions, "a.example", 9);
  put_extension (extensions, 43, "\2\3\4", 3);
  hello = make_hello (extensions);
  for (size_t at = 0; at < hello->len; at++)
    for (unsigned value = 0; value < 256; value++)
      {
        uint8_t saved = hello->data[at];
        struct hello out;
        size_t decided;

        hello->data[at] = (uint8_t)value;
        parse_every_prefix (hello->data, hello->len, &out, &decided);
        hello->data[at] = saved;
      }
  g_byte_array_unref (hello);
}

/* ---- records ---- */

static void
test_empty_records (void)
{
  GByteArray *extensions = g_byte_array_new ();
  GByteArray *message, *hello;
  struct hello out;

  put_name (extensions, NAME, strlen (NAME));
  message = make_message (extensions);
  for (size_t cut = 0; cut < message->len; cut++)
    {
      hello = cut > 0 ? make_records (message->data, cut, cut) : g_byte_array_new ();
      g_byte_array_append (hello, (const uint8_t *)"\x16\x03\x01\x00\x00", 5);
      g_assert_cmpint (parse (hello->data, hello->len - 1, &out), ==, HELLO_NEED_MORE);
      g_assert_cmpint (parse (hello->data, hello->len, &out), ==, HELLO_MALFORMED);
      g_byte_array_unref (hello);
    }
  g_byte_array_unref (message);
  g_byte_array_unref (extensions);
}

/* Another kind of record, or another version, between the records of a hello. */
static void
test_foreign_records (void)
{
  static const char *const foreign[] = {"\x15", "\x14", "\x17", "\x16\x02", "G"};
  GByteArray *extensions = g_byte_array_new ();
  GByteArray *message, *hello;

  put_name (extensions, NAME, strlen (NAME));
  message = make_message (extensions);
  for (size_t i = 0; i < G_N_ELEMENTS (foreign); i++)
    {
      struct hello out;
      size_t decided;

      hello = make_records (message->data, 20, 20);
      g_byte_array_append (hello, (const uint8_t *)foreign[i], (guint)strlen (foreign[i]));
      g_assert_cmpint (parse_every_prefix (hello->data, hello->len, &out, &decided), ==,
                       HELLO_MALFORMED);
      g_assert_cmpuint (decided, ==, hello->len);
      g_byte_array_unref (hello);
    }
  g_byte_array_unref (message);
  g_byte_array_unref (extensions);
}

/* A record may not carry more than the rest of the message. */
static void
test_overlong_records (void)
{
  GByteArray *extensions = g_byte_array_new ();
  GByteArray *message;
  size_t len;

  put_name (extensions, NAME, strlen (NAME));
  message = make_message (extensions);
  len = message->len;
  put_u8 (message, 0);
  for (size_t cut = 1; cut <= len; cut++)
    {
      GByteArray *hello = cut < len ? make_records (message->data, cut, cut) : g_byte_array_new ();
      GByteArray *rest = make_records (message->data + (cut < len ? cut : 0),
                                       message->len - (cut < len ? cut : 0), 16384);
      struct hello out;
      size_t decided;

      g_byte_array_append (hello, rest->data, rest->len);
      g_assert_cmpint (parse_every_prefix (hello->data, hello->len, &out, &decided), ==,
                       HELLO_MALFORMED);
      g_byte_array_unref (rest);
      g_byte_array_unref (hello);
    }
  g_byte_array_unref (message);
  g_byte_array_unref (extensions);
}

/* ---- size ---- */

/* A hello whose message has @len bytes in all. */
static GByteArray *
make_message_of (size_t len)
{
  GByteArray *extensions = g_byte_array_new ();
  GByteArray *message = make_message (extensions);
  size_t fill = len - message->len - 4 - 27; /* two extension heads, name */
  uint8_t *zeros = g_malloc0 (fill);

  g_byte_array_unref (message);
  put_extension (extensions, 21, zeros, fill);
  put_name (extensions, NAME ".abcd", 18);
  message = make_message (extensions);
  g_assert_cmpuint (message->len, ==, len);
  g_free (zeros);
  g_byte_array_unref (extensions);
  return message;
}

/* For each way to cut into records: the largest hello that ends within HELLO_MAX is read, one byte
 * more is refused, and refused early. */
static void
test_limit (void)
{
  static const size_t sizes[] = {16384, 8000, 1000, 100, 7, 2, 1};

  for (size_t i = 0; i < G_N_ELEMENTS (sizes); i++)
    for (size_t len = 2000; len < HELLO_MAX; len++)
      {
        size_t total = len + (len + sizes[i] - 1) / sizes[i] * 5;
        GByteArray *message, *records;
        struct hello out;

        if (total < HELLO_MAX - 3)
          continue;
        if (total > HELLO_MAX + 3)
          break;
        message = make_message_of (len);
        records = make_records (message->data, message->len, sizes[i]);
        g_assert_cmpuint (records->len, ==, total);
        if (total <= HELLO_MAX)
          {
            g_assert_cmpint (parse (records->data, total, &out), ==, HELLO_OK);
            g_assert_cmpint (parse (records->data, total - 1, &out), ==, HELLO_NEED_MORE);
          }
        else
          {
            g_assert_cmpint (parse (records->data, total, &out), ==, HELLO_TOO_LARGE);
            g_assert_cmpint (parse (records->data, HELLO_MAX, &out), ==, HELLO_TOO_LARGE);
            if (len > sizes[i]) /* the last record but one leaves no room for the last */
              {
                size_t last = len % sizes[i] == 0 ? sizes[i] : len % sizes[i];

                g_assert_cmpint (parse (records->data, total - 5 - last - sizes[i], &out), ==,
                                 HELLO_TOO_LARGE);
              }
            if (sizes[i] == 16384)
              g_assert_cmpint (parse (records->data, 9, &out), ==, HELLO_TOO_LARGE);
          }
        g_byte_array_unref (message);
        g_byte_array_unref (records);
      }
}

/* 2^14 bytes of valid hello, cut anywhere, never ask for more at HELLO_MAX. */
static void
test_never_more_at_limit (void)
{
  GByteArray *message = make_message_of (16000);

  for (size_t size = 1; size < 16000; size = size * 4 / 3 + 1)
    {
      GByteArray *records = make_records (message->data, message->len, size);
      struct hello out;
      enum hello_result previous = HELLO_NEED_MORE;

      for (size_t n = 0; n <= MIN (records->len, HELLO_MAX); n += n > 16000 || n < 100 ? 1 : 97)
        {
          enum hello_result result = hello_parse (records->data, n, &out);

          g_assert_true (previous == HELLO_NEED_MORE || result == previous);
          previous = result;
        }
      g_assert_cmpint (previous, ==, records->len <= HELLO_MAX ? HELLO_OK : HELLO_TOO_LARGE);
      g_byte_array_unref (records);
    }
  g_byte_array_unref (message);
}

/* ---- not TLS ---- */

static void
test_other_protocols (void)
{
  static const struct
  {
    const char *bytes;
    size_t len;
    enum hello_result result;
    size_t decided;
  } rows[] = {
      {"GET / HTTP/1.1\r\n", 16, HELLO_PLAIN_HTTP, 4},
      {"HEAD / HTTP/1.1\r\n", 17, HELLO_PLAIN_HTTP, 5},
      {"POST / HTTP/1.1\r\n", 17, HELLO_PLAIN_HTTP, 5},
      {"PUT / HTTP/1.1\r\n", 16, HELLO_PLAIN_HTTP, 4},
      {"DELETE / HTTP/1.1\r\n", 19, HELLO_PLAIN_HTTP, 7},
      {"OPTIONS * HTTP/1.1\r\n", 20, HELLO_PLAIN_HTTP, 8},
      {"CONNECT a:1 HTTP/1.1\r\n", 22, HELLO_PLAIN_HTTP, 8},
      {"PATCH / HTTP/1.1\r\n", 18, HELLO_PLAIN_HTTP, 6},
      {"TRACE / HTTP/1.1\r\n", 18, HELLO_PLAIN_HTTP, 6},
      {"PRI * HTTP/2.0\r\n", 16, HELLO_PLAIN_HTTP, 4},
      {"GOT / HTTP/1.1\r\n", 16, HELLO_NOT_TLS, 2},
      {"get / HTTP/1.1\r\n", 16, HELLO_NOT_TLS, 1},
      {"GET\t/", 5, HELLO_NOT_TLS, 4},
      {"GET\0", 4, HELLO_NOT_TLS, 4},
      {"POSTS", 5, HELLO_NOT_TLS, 5},
      {"SSH-2.0-OpenSSH_9.2\r\n", 21, HELLO_NOT_TLS, 1},
      {"\r\n", 2, HELLO_NOT_TLS, 1},
      {"\0", 1, HELLO_NOT_TLS, 1},
      {"\xff\xff", 2, HELLO_NOT_TLS, 1},
      {"\x16\x02", 2, HELLO_NOT_TLS, 2},
      {"\x16G", 2, HELLO_NOT_TLS, 2},
      {"\x13\x03\x01", 3, HELLO_NOT_TLS, 1},
      {"\x19\x03\x01", 3, HELLO_NOT_TLS, 1},
      {"\x14\x03\x01", 3, HELLO_MALFORMED, 1},
      {"\x15\x03\x01\x00\x02\x01\x00", 7, HELLO_MALFORMED, 1},
      {"\x17\x03\x03", 3, HELLO_MALFORMED, 1},
      {"\x18\x03\x03", 3, HELLO_MALFORMED, 1},
      {"\x80\x2e\x01\x00\x02\x00\x15", 7, HELLO_SSLV2, 5}, /* SSL 2 */
      {"\x80\x67\x01\x03\x01\x00\x4e", 7, HELLO_SSLV2, 5}, /* TLS 1.0 in the old shape */
      {"\x81\x01\x01\x03\x03\x00\x4e", 7, HELLO_SSLV2, 5},
      {"\x80\x2e\x02", 3, HELLO_NOT_TLS, 3},
      {"\x80\x2e\x01\x02", 4, HELLO_NOT_TLS, 4},
      {"\x80\x2e\x01\x00\x01", 5, HELLO_NOT_TLS, 5},
      {"\x82\x2e\x01\x00\x02", 5, HELLO_NOT_TLS, 1},
      {"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n", 32, HELLO_NOT_TLS, 3},
      {"\r\n\r\n\0\r\nQUIT\n", 12, HELLO_NOT_TLS, 1},
      {"", 0, HELLO_NEED_MORE, 1},
  };

  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      struct hello out;
      size_t decided;

      g_test_message ("row %zu", i);
      g_assert_cmpstr (hello_result_name (parse_every_prefix ((const uint8_t *)rows[i].bytes,
                                                              rows[i].len, &out, &decided)),
                       ==, hello_result_name (rows[i].result));
      g_assert_cmpuint (decided, ==, rows[i].decided);
    }
}

/* Nothing that cannot become TLS is waited for beyond 8 bytes. */
static void
test_junk (void)
{
  GRand *random = g_rand_new_with_seed (7);

  for (int i = 0; i < 200000; i++)
    {
      uint8_t junk[8];
      struct hello out;
      enum hello_result result;

      for (size_t j = 0; j < sizeof junk; j++)
        junk[j] = (uint8_t)g_rand_int (random);
      if (junk[0] == 22)
        junk[0] = 21;
      result = hello_parse (junk, sizeof junk, &out);
      g_assert_true (result == HELLO_NOT_TLS || result == HELLO_SSLV2 || result == HELLO_PLAIN_HTTP
                     || result == HELLO_MALFORMED);
    }
  g_rand_free (random);
}

static void
test_result_names (void)
{
  for (int i = HELLO_OK; i <= HELLO_NOT_TLS; i++)
    for (int j = HELLO_OK; j < i; j++)
      g_assert_cmpstr (hello_result_name ((enum hello_result)i), !=,
                       hello_result_name ((enum hello_result)j));
  g_assert_cmpstr (hello_result_name (HELLO_NO_SNI), ==, "no-sni");
  g_assert_cmpstr (hello_result_name (HELLO_PLAIN_HTTP), ==, "plain-http");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/wire/hello/names", test_names);
  g_test_add_func ("/wire/hello/name-too-long", test_name_too_long);
  g_test_add_func ("/wire/hello/stub-behind-name", test_stub_behind_name);
  g_test_add_func ("/wire/hello/no-sni", test_no_sni);
  g_test_add_func ("/wire/hello/server-name-bodies", test_server_name_bodies);
  g_test_add_func ("/wire/hello/duplicates", test_duplicates);
  g_test_add_func ("/wire/hello/many-extensions", test_many_extensions);
  g_test_add_func ("/wire/hello/alpn", test_alpn);
  g_test_add_func ("/wire/hello/alpn-long", test_alpn_long);
  g_test_add_func ("/wire/hello/other-bodies", test_other_bodies);
  g_test_add_func ("/wire/hello/flags", test_flags);
  g_test_add_func ("/wire/hello/wrong-lengths", test_wrong_lengths);
  g_test_add_func ("/wire/hello/truncated-inside", test_truncated_inside);
  g_test_add_func ("/wire/hello/extension-stubs", test_extension_stubs);
  g_test_add_func ("/wire/hello/mutations", test_mutations);
  g_test_add_func ("/wire/hello/empty-records", test_empty_records);
  g_test_add_func ("/wire/hello/foreign-records", test_foreign_records);
  g_test_add_func ("/wire/hello/overlong-records", test_overlong_records);
  g_test_add_func ("/wire/hello/limit", test_limit);
  g_test_add_func ("/wire/hello/never-more-at-limit", test_never_more_at_limit);
  g_test_add_func ("/wire/hello/other-protocols", test_other_protocols);
  g_test_add_func ("/wire/hello/junk", test_junk);
  g_test_add_func ("/wire/hello/result-names", test_result_names);
  return g_test_run ();
}
