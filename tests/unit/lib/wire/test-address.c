/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/wire/address.h"

#include <arpa/inet.h>
#include <glib.h>
#include <string.h>

/* Text, and how it is printed again; NULL: refused. */
static const struct
{
  const char *text;
  const char *printed;
} with_port[] = {
    {"1.2.3.4:80", "1.2.3.4:80"},
    {"0.0.0.0:1", "0.0.0.0:1"},
    {"255.255.255.255:65535", "255.255.255.255:65535"},
    {"[::1]:443", "[::1]:443"},
    {"[::]:443", "[::]:443"},
    {"[2001:DB8:0:0:0:0:0:1]:443", "[2001:db8::1]:443"},
    {"[2001:0db8:0000:0000:0000:0000:0000:0001]:443", "[2001:db8::1]:443"},
    {"[2001:db8:0:1:1:1:1:1]:1", "[2001:db8:0:1:1:1:1:1]:1"},
    {"[2001:0:0:1:0:0:0:1]:1", "[2001:0:0:1::1]:1"},
    {"[2001:db8:0:0:1:0:0:1]:1", "[2001:db8::1:0:0:1]:1"},
    {"[1:0:0:0:0:0:0:0]:1", "[1::]:1"},
    {"[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
     "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"},
    {"[::ffff:1.2.3.4]:80", "1.2.3.4:80"},
    {"[::FFFF:102:304]:80", "1.2.3.4:80"},
    {"[64:ff9b::1.2.3.4]:80", "[64:ff9b::102:304]:80"},
    {"[::1.2.3.4]:80", "[::102:304]:80"},

    {"", NULL},
    {":", NULL},
    {":80", NULL},
    {"1.2.3.4", NULL},
    {"1.2.3.4:", NULL},
    {"1.2.3.4:0", NULL},
    {"1.2.3.4:00", NULL},
    {"1.2.3.4:080", NULL},
    {"1.2.3.4:65536", NULL},
    {"1.2.3.4:4294967376", NULL},
    {"1.2.3.4:99999999999999999999", NULL},
    {"1.2.3.4:-1", NULL},
    {"1.2.3.4:+1", NULL},
    {"1.2.3.4: 80", NULL},
    {"1.2.3.4:80 ", NULL},
    {" 1.2.3.4:80", NULL},
    {"1.2.3.4:80\n", NULL},
    {"1.2.3.4:8a", NULL},
    {"1.2.3:80", NULL},
    {"1.2.3.:80", NULL},
    {"1.2.3.4.:80", NULL},
    {"1.2.3.4.5:80", NULL},
    {"1..3.4:80", NULL},
    {"1.2.3.256:80", NULL},
    {"1.2.3.1000:80", NULL},
    {"01.2.3.4:80", NULL},
    {"1.2.3.00:80", NULL},
    {"1.2.3.0x4:80", NULL},
    {"[1.2.3.4]:80", NULL},
    {"::1:80", NULL},
    {"[::1:80", NULL},
    {"::1]:80", NULL},
    {"[]:80", NULL},
    {"[::1]80", NULL},
    {"[::1]:", NULL},
    {"[::1]", NULL},
    {"[[::1]]:80", NULL},
    {"[::1%lo]:80", NULL},
    {"[:::]:80", NULL},
    {"[::1::]:80", NULL},
    {"[1:2:3:4:5:6:7]:80", NULL},
    {"[1:2:3:4:5:6:7:8:9]:80", NULL},
    {"[12345::]:80", NULL},
    {"[::00001]:80", NULL},
    {"[g::]:80", NULL},
    {"[ ::1]:80", NULL},
    {"[::ffff:1.2.3.04]:80", NULL},
    {"[::ffff:1.2.3.256]:80", NULL},
    {"[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:80", NULL},
    {"localhost:80", NULL},
};

static void
test_with_port (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (with_port); i++)
    {
      size_t len = strlen (with_port[i].text);
      char *exact = g_memdup2 (with_port[i].text, len > 0 ? len : 1);
      struct address address = {.family = 9};
      char text[ADDRESS_TEXT_MAX];
      bool is_good = address_parse (exact, len, &address);

      g_test_message ("%s", with_port[i].text);
      g_assert_cmpint (is_good, ==, with_port[i].printed != NULL);
      if (is_good)
        {
          g_assert_cmpuint (address_print (&address, text), ==, strlen (with_port[i].printed));
          g_assert_cmpstr (text, ==, with_port[i].printed);
        }
      else
        g_assert_cmpint (address.family, ==, 9);
      g_free (exact);
    }
}

static void
test_without_port (void)
{
  struct address address;
  char text[ADDRESS_TEXT_MAX];

  g_assert_true (address_parse_ip ("100.64.0.2", 10, &address));
  g_assert_cmpint (address.family, ==, 4);
  g_assert_cmpint (address.port, ==, 0);
  g_assert_cmpuint (address_print_ip (&address, text), ==, 10);
  g_assert_cmpstr (text, ==, "100.64.0.2");
  g_assert_true (address_parse_ip ("100.64.0.255", 10, &address)); /* only 10 bytes count */
  g_assert_cmpint (address.ip[3], ==, 2);
  g_assert_true (address_parse_ip ("2001:db8::", 10, &address));
  address_print_ip (&address, text);
  g_assert_cmpstr (text, ==, "2001:db8::");
  g_assert_true (address_parse_ip ("::ffff:127.0.0.1", 16, &address));
  g_assert_cmpint (address.family, ==, 4);
  g_assert_false (address_parse_ip ("[::1]", 5, &address));
  g_assert_false (address_parse_ip ("1.2.3.4:80", 10, &address));
  g_assert_false (address_parse_ip ("::1\0::", 6, &address));
  g_assert_false (address_parse_ip ("1.2.3.4\0", 8, &address));
  g_assert_false (address_parse_ip ("", 0, &address));
}

static void
test_unset (void)
{
  struct address unset = {0};
  struct sockaddr_storage storage;
  char text[ADDRESS_TEXT_MAX] = "x";

  g_assert_cmpuint (address_print (&unset, text), ==, 0);
  g_assert_cmpstr (text, ==, "");
  g_assert_cmpuint (address_print_ip (&unset, text), ==, 0);
  g_assert_cmpuint (address_to_sockaddr (&unset, &storage), ==, 0);
  g_assert_false (address_equal_ip (&unset, &unset));
}

/* Parsing and printing agree with the C library on random addresses with many zero groups. */
static void
test_against_libc (void)
{
  GRand *random = g_rand_new_with_seed (1);

  for (int i = 0; i < 200000; i++)
    {
      struct address address = {.family = i % 2 ? 4 : 6, .port = 1}, again;
      char libc[INET6_ADDRSTRLEN], text[ADDRESS_TEXT_MAX];
      size_t len;

      for (int j = 0; j < (address.family == 4 ? 4 : 16); j++)
        address.ip[j] = g_rand_int_range (random, 0, 3) ? 0 : (uint8_t)g_rand_int (random);
      address.ip[0]
          |= 1; /* the library prints ::1.2.3.4 for a range that RFC 5952 lets either way */
      g_assert_nonnull (
          inet_ntop (address.family == 4 ? AF_INET : AF_INET6, address.ip, libc, sizeof libc));
      len = address_print_ip (&address, text);
      g_assert_cmpstr (text, ==, libc);
      g_assert_true (address_parse_ip (text, len, &again));
      g_assert_true (address_equal_ip (&address, &again));
      len = address_print (&address, text);
      g_assert_cmpuint (len, <, ADDRESS_TEXT_MAX);
      g_assert_true (address_parse (text, len, &again));
      g_assert_cmpmem (&address, sizeof address, &again, sizeof again);
    }
  g_rand_free (random);
}

static void
test_sockaddr (void)
{
  static const char *const texts[] = {"1.2.3.4:80", "[2001:db8::1]:65535"};
  struct sockaddr_in6 mapped = {.sin6_family = AF_INET6, .sin6_port = htons (443)};
  struct sockaddr_storage storage;
  struct address address, again;
  char text[ADDRESS_TEXT_MAX];
  socklen_t len;

  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_assert_true (address_parse (texts[i], strlen (texts[i]), &address));
      len = address_to_sockaddr (&address, &storage);
      g_assert_cmpuint (len, ==,
                        i == 0 ? sizeof (struct sockaddr_in) : sizeof (struct sockaddr_in6));
      g_assert_true (address_from_sockaddr ((struct sockaddr *)&storage, len, &again));
      g_assert_cmpmem (&address, sizeof address, &again, sizeof again);
      g_assert_false (address_from_sockaddr ((struct sockaddr *)&storage, len - 1, &again));
    }
  inet_pton (AF_INET6, "::ffff:192.0.2.7", &mapped.sin6_addr);
  g_assert_true (address_from_sockaddr ((struct sockaddr *)&mapped, sizeof mapped, &address));
  address_print (&address, text);
  g_assert_cmpstr (text, ==, "192.0.2.7:443");
  storage.ss_family = AF_UNIX;
  g_assert_false (address_from_sockaddr ((struct sockaddr *)&storage, sizeof storage, &address));
  g_assert_false (address_from_sockaddr ((struct sockaddr *)&storage, 0, &address));
}

static void
test_equal (void)
{
  struct address a, b, c, d;

  g_assert_true (address_parse ("1.2.3.4:80", 10, &a));
  g_assert_true (address_parse ("1.2.3.4:81", 10, &b));
  g_assert_true (address_parse ("1.2.3.5:80", 10, &c));
  g_assert_true (address_parse_ip ("102:304::", 9, &d));
  g_assert_true (address_equal_ip (&a, &b));
  g_assert_false (address_equal_ip (&a, &c));
  g_assert_false (address_equal_ip (&a, &d));
  g_assert_true (address_equal_ip (&d, &d));
}

static void
test_port (void)
{
  char text[ADDRESS_PORT_MAX];
  uint16_t port;

  for (unsigned i = 1; i <= 65535; i++)
    {
      size_t len = address_print_port ((uint16_t)i, text);

      g_assert_cmpuint (len, ==, strlen (text));
      g_assert_true (address_parse_port (text, len, &port));
      g_assert_cmpuint (port, ==, i);
    }
  g_assert_false (address_parse_port ("0", 1, &port));
  g_assert_false (address_parse_port ("", 0, &port));
  g_assert_false (address_parse_port ("65536", 5, &port));
  g_assert_cmpuint (address_print_port (0, text), ==, 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/wire/address/with-port", test_with_port);
  g_test_add_func ("/wire/address/without-port", test_without_port);
  g_test_add_func ("/wire/address/unset", test_unset);
  g_test_add_func ("/wire/address/against-libc", test_against_libc);
  g_test_add_func ("/wire/address/sockaddr", test_sockaddr);
  g_test_add_func ("/wire/address/equal", test_equal);
  g_test_add_func ("/wire/address/port", test_port);
  return g_test_run ();
}
