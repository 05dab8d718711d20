/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/wire/host-name.h"

#include "lib/wire/address.h"
#include "lib/wire/words.h"

#include <assert.h>
#include <string.h>

static const char *const result_texts[] = {
    [HOST_NAME_OK] = "valid",
    [HOST_NAME_EMPTY] = N_ ("empty name"),
    [HOST_NAME_TOO_LONG] = N_ ("name longer than 253 bytes"),
    [HOST_NAME_LABEL_EMPTY] = N_ ("empty label"),
    [HOST_NAME_LABEL_TOO_LONG] = N_ ("label longer than 63 bytes"),
    [HOST_NAME_BAD_CHARACTER] = N_ ("character other than a letter, a digit or a hyphen"),
    [HOST_NAME_BAD_HYPHEN] = N_ ("label begins or ends with a hyphen"),
    [HOST_NAME_IP_LITERAL] = N_ ("IP address where a name must stand"),
};
static_assert (sizeof result_texts / sizeof result_texts[0] == HOST_NAME_IP_LITERAL + 1,
               "one text per host_name_result");

/* What a byte becomes in a canonical name: itself, its lower case, or 0 where it may not stand. */
static const char folded[256] = {
    ['-'] = '-', ['.'] = '.', ['0'] = '0', ['1'] = '1', ['2'] = '2', ['3'] = '3', ['4'] = '4',
    ['5'] = '5', ['6'] = '6', ['7'] = '7', ['8'] = '8', ['9'] = '9', ['A'] = 'a', ['B'] = 'b',
    ['C'] = 'c', ['D'] = 'd', ['E'] = 'e', ['F'] = 'f', ['G'] = 'g', ['H'] = 'h', ['I'] = 'i',
    ['J'] = 'j', ['K'] = 'k', ['L'] = 'l', ['M'] = 'm', ['N'] = 'n', ['O'] = 'o', ['P'] = 'p',
    ['Q'] = 'q', ['R'] = 'r', ['S'] = 's', ['T'] = 't', ['U'] = 'u', ['V'] = 'v', ['W'] = 'w',
    ['X'] = 'x', ['Y'] = 'y', ['Z'] = 'z', ['a'] = 'a', ['b'] = 'b', ['c'] = 'c', ['d'] = 'd',
    ['e'] = 'e', ['f'] = 'f', ['g'] = 'g', ['h'] = 'h', ['i'] = 'i', ['j'] = 'j', ['k'] = 'k',
    ['l'] = 'l', ['m'] = 'm', ['n'] = 'n', ['o'] = 'o', ['p'] = 'p', ['q'] = 'q', ['r'] = 'r',
    ['s'] = 's', ['t'] = 't', ['u'] = 'u', ['v'] = 'v', ['w'] = 'w', ['x'] = 'x', ['y'] = 'y',
    ['z'] = 'z',
};

/* An IPv6 literal, with or without the brackets of a URL. */
static bool
is_ip6_literal (const char *text, size_t len)
{
  struct address ignored;

  if (len > 2 && text[0] == '[' && text[len - 1] == ']')
    {
      text++;
      len -= 2;
    }
  return memchr (text, ':', len) != NULL && address_parse_ip (text, len, &ignored);
}

static enum host_name_result
check_label (const char *label, size_t len)
{
  if (len == 0)
    return HOST_NAME_LABEL_EMPTY;
  if (len > HOST_LABEL_MAX)
    return HOST_NAME_LABEL_TOO_LONG;
  if (label[0] == '-' || label[len - 1] == '-')
    return HOST_NAME_BAD_HYPHEN;
  return HOST_NAME_OK;
}

enum host_name_result
host_name_normalize (const char *text, size_t len, char out[HOST_NAME_MAX + 1])
{
  char name[HOST_NAME_MAX + 1];
  size_t label = 0;
  bool only_digits = true;

  if (len == 0 || (len == 1 && text[0] == '.'))
    return HOST_NAME_EMPTY;
  if (is_ip6_literal (text, len))
    return HOST_NAME_IP_LITERAL;
  if (text[len - 1] == '.')
    len--;
  if (len > HOST_NAME_MAX)
    return HOST_NAME_TOO_LONG;
  for (size_t i = 0; i <= len; i++)
    {
      enum host_name_result result;

      if (i < len)
        {
          name[i] = folded[(unsigned char)text[i]];
          if (name[i] == '\0')
            return HOST_NAME_BAD_CHARACTER;
          if (name[i] > '9' || name[i] == '-')
            only_digits = false;
          if (name[i] != '.')
            continue;
        }
      result = check_label (name + label, i - label);
      if (result != HOST_NAME_OK)
        return result;
      label = i + 1;
    }
  /* "127.0.0.1", and the short forms "127.1" and "2130706433" that resolvers take for it. No name
   * looks so: the topmost label of a name is not a number (RFC 1123 2.1). */
  if (only_digits)
    return HOST_NAME_IP_LITERAL;
  memcpy (out, name, len);
  out[len] = '\0';
  return HOST_NAME_OK;
}

const char *
host_name_result_text (enum host_name_result result)
{
  return result_texts[result];
}

bool
host_name_is_within (const char *name, const char *zone)
{
  size_t name_len = strlen (name);
  size_t zone_len = strlen (zone);

  if (zone_len == 0 || name_len < zone_len || strcmp (name + name_len - zone_len, zone) != 0)
    return false;
  return name_len == zone_len || name[name_len - zone_len - 1] == '.';
}
