/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/tunnel/agent/peer-table.h"

#include "lib/tunnel/agent/agent-message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static size_t
hash_key (const char *key)
{
  uint64_t hash = 0xcbf29ce484222325u;

  while (*key)
    hash = (hash ^ (unsigned char)*key++) * 0x100000001b3u;
  return (size_t)(hash ^ hash >> 32);
}

/* The slot holding @key, or the empty one where it belongs. The index is never more than half full.
 */
static uint32_t *
find_slot (const struct peer_table *table, const char *key)
{
  size_t i = hash_key (key) & (table->n_slots - 1);

  while (table->slots[i] && strcmp (table->peers[table->slots[i] - 1].key, key) != 0)
    i = (i + 1) & (table->n_slots - 1);
  return &table->slots[i];
}

static void
rebuild_index (struct peer_table *table)
{
  memset (table->slots, 0, table->n_slots * sizeof *table->slots);
  for (size_t i = 0; i < table->count; i++)
    *find_slot (table, table->peers[i].key) = (uint32_t)i + 1;
}

static bool
grow (struct peer_table *table)
{
  size_t room = table->room ? table->room * 2 : 16;
  struct peer *peers;
  uint32_t *slots;

  if (table->count < table->room)
    return true;
  if (room > PEERS_MAX || !(peers = realloc (table->peers, room * sizeof *peers)))
    return false;
  table->peers = peers;
  slots = malloc (room * 2 * sizeof *slots);
  if (!slots)
    return false;
  free (table->slots);
  table->slots = slots;
  table->n_slots = room * 2;
  table->room = room;
  rebuild_index (table);
  return true;
}

void
peer_table_clear (struct peer_table *table)
{
  free (table->peers);
  free (table->slots);
  *table = (struct peer_table) {0};
}

struct peer *
peer_table_find (const struct peer_table *table, const char *key)
{
  uint32_t slot = table->count ? *find_slot (table, key) : 0;

  return slot ? &table->peers[slot - 1] : NULL;
}

struct peer *
peer_table_put (struct peer_table *table, const struct peer *peer)
{
  struct peer *entry = peer_table_find (table, peer->key);

  if (!entry)
    {
      if (!grow (table))
        return NULL;
      entry = &table->peers[table->count];
      *entry = *peer;
      *find_slot (table, peer->key) = (uint32_t)++table->count;
    }
  *entry = *peer;
  return entry;
}

/* Open addressing without tombstones: what follows the freed slot is put in again. */
static void
close_gap (struct peer_table *table, size_t gap)
{
  size_t i = gap;

  table->slots[gap] = 0;
  for (;;)
    {
      uint32_t slot;

      i = (i + 1) & (table->n_slots - 1);
      slot = table->slots[i];
      if (!slot)
        return;
      table->slots[i] = 0;
      *find_slot (table, table->peers[slot - 1].key) = slot;
    }
}

bool
peer_table_remove (struct peer_table *table, const char *key)
{
  struct peer *entry = peer_table_find (table, key);
  struct peer *last;

  if (!entry)
    return false;
  last = &table->peers[table->count - 1];
  close_gap (table, (size_t)(find_slot (table, key) - table->slots));
  if (entry != last)
    {
      *find_slot (table, last->key) = (uint32_t)(entry - table->peers) + 1;
      *entry = *last;
    }
  table->count--;
  return true;
}

bool
peer_key_valid (const char *text)
{
  static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const char *last;

  if (strlen (text) != 44 || strspn (text, base64) != 43 || text[43] != '=')
    return false;
  /* 32 bytes leave two bits of the 43rd character unused. */
  last = strchr (base64, text[42]);
  return ((last - base64) & 3) == 0;
}

bool
peer_cidr_valid (const char *text)
{
  const char *slash = strchr (text, '/');
  struct address address;
  unsigned long bits;

  return slash && address_parse_ip (text, (size_t)(slash - text), &address) && address.family == 4
         && parse_number (slash + 1, 0, 32, &bits);
}

static bool
allowed_valid (const char *text)
{
  char copy[PEER_ALLOWED_SIZE];
  char *rest = copy, *item;

  if (strlen (text) >= sizeof copy)
    return false;
  snprintf (copy, sizeof copy, "%s", text);
  while ((item = strsep (&rest, ",")))
    {
      item += strspn (item, " ");
      if (!peer_cidr_valid (item))
        return false;
    }
  return true;
}

const char *
peer_parse (struct peer *out,
            const char *key,
            const char *allowed,
            const char *endpoint,
            const char *keepalive)
{
  unsigned long seconds = 0;

  *out = (struct peer) {0};
  if (!key || !peer_key_valid (key))
    return "peer";
  if (!allowed || !allowed_valid (allowed))
    return "allowed";
  if (endpoint && !address_parse (endpoint, strlen (endpoint), &out->endpoint))
    return "endpoint";
  if (keepalive && !parse_number (keepalive, 0, 65535, &seconds))
    return "keepalive";
  snprintf (out->key, sizeof out->key, "%s", key);
  snprintf (out->allowed, sizeof out->allowed, "%s", allowed);
  out->keepalive = (uint16_t)seconds;
  return NULL;
}

struct section
{
  const char *key, *allowed, *endpoint, *keepalive;
};

/* One "Name = value" line into the section; false when unknown or given twice. */
static bool
take_line (struct section *section, char *line)
{
  static const char *const names[] = {"PublicKey", "AllowedIPs", "Endpoint", "PersistentKeepalive"};
  const char **fields[]
      = {&section->key, &section->allowed, &section->endpoint, &section->keepalive};
  char *equals = strchr (line, '=');
  size_t name_len = strcspn (line, " \t=");

  if (!equals)
    return false;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    {
      if (name_len != strlen (names[i]) || strncasecmp (line, names[i], name_len) != 0)
        continue;
      if (*fields[i])
        return false;
      *fields[i] = equals + 1 + strspn (equals + 1, " \t");
      return true;
    }
  return false;
}

static bool
finish_section (struct peer_table *table,
                struct section *section,
                char *error,
                size_t size,
                size_t line)
{
  struct peer peer;
  const char *wrong
      = peer_parse (&peer, section->key, section->allowed, section->endpoint, section->keepalive);

  if (wrong)
    {
      snprintf (error, size, "peers: the section before line %zu has a missing or malformed %s",
                line, wrong);
      return false;
    }
  if (!peer_table_put (table, &peer))
    {
      snprintf (error, size, "peers: more than %d", PEERS_MAX);
      return false;
    }
  *section = (struct section) {0};
  return true;
}

bool
peer_table_parse (struct peer_table *table, char *text, char *error, size_t size)
{
  struct section section = {0};
  bool inside = false;
  size_t number = 0;
  char *line;

  while ((line = strsep (&text, "\n")))
    {
      size_t len;

      number++;
      line += strspn (line, " \t");
      for (len = strlen (line); len > 0 && strchr (" \t\r", line[len - 1]); len--)
        line[len - 1] = '\0';
      if (*line == '\0' || *line == '#')
        continue;
      if (strcasecmp (line, "[Peer]") == 0)
        {
          if (inside && !finish_section (table, &section, error, size, number))
            return false;
          inside = true;
        }
      else if (!inside || !take_line (&section, line))
        {
          snprintf (error, size, "peers: line %zu is not understood", number);
          return false;
        }
    }
  return !inside || finish_section (table, &section, error, size, number);
}
