/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * Goal: WireGuard runs in a namespace without any network but this. Its packets are encrypted and
 * authenticated; the relay moves them and looks at nothing but WireGuard's public message type.
 *
 *     remote ⇄ host socket (v4, v6) ⇄ [this process] ⇄ one inner socket per remote ⇄ WireGuard
 *
 * An entry ties a remote address to an inner socket at an address of its own, 127.1.X.Y, so that
 * WireGuard tells remotes apart (roaming, rate limits) as if it saw them itself. The inner socket
 * is connected to 127.0.0.1:UDP_RELAY_INNER_PORT and thus hears WireGuard only.
 *
 * Entries
 *   pinned     configured endpoint; never evicted. A node has this one only: whatever comes from
 * another address is dropped. new        made by a stranger's packet, if udp_relay_bind gave a port
 * and the packet looks like a handshake initiation (type 1, 148 bytes) or names a session WireGuard
 * has announced to somebody (a node that moved; index in bytes 4..8). confirmed  WireGuard has
 * answered it; it only answers those who know its public key. Limits: UDP_RELAY_ENTRIES; a new
 * entry goes after 15 s, a confirmed one after 200 s of silence from the remote (WireGuard's own
 * sessions end at 180 s). When full, the oldest new entry makes room; confirmed ones do not, so a
 * flood of forged initiations cannot push out a working node.
 *
 * Packets are read in bursts (recvmmsg, UDP_GRO) and runs of equal length leave as one
 * (UDP_SEGMENT); where the kernel or the path refuses that, they leave one by one. Nothing is
 * queued here: what a socket does not take is lost, as on any link. */

#include "lib/tunnel/agent/udp-relay.h"

#include "lib/tunnel/agent/agent-loop.h"

#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef UDP_GRO
#define UDP_GRO 104
#endif
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

#define BURST 32
#define PACKET_MAX 65536
#define RUN_PACKETS 60
#define RUN_BYTES 60000
#define ROUNDS 4 /* bursts per socket and turn */
#define BUCKETS 2048
#define SESSIONS 4
#define NEW_IDLE_MS 15000
#define CONFIRMED_IDLE_MS 200000
#define INNER_BUFFER (4 << 20)

#define TAG_HOST4 UDP_RELAY_ENTRIES
#define TAG_HOST6 (UDP_RELAY_ENTRIES + 1)

enum wireguard_type
{
  WG_INITIATION = 1,
  WG_RESPONSE = 2,
  WG_COOKIE = 3,
  WG_DATA = 4,
};

struct entry
{
  int fd; /* -1 = free */
  struct address remote;
  struct sockaddr_storage to;
  socklen_t to_len;
  uint16_t inner_port;
  unsigned pins;
  bool confirmed;
  int64_t heard;
  uint32_t
      sessions[SESSIONS]; /* indexes WireGuard announced to this remote, newest overwrites oldest */
  unsigned next_session;
  int chain; /* next entry of the hash bucket, -1 = end */
};

struct burst
{
  struct mmsghdr messages[BURST];
  struct iovec vectors[BURST];
  struct sockaddr_storage from[BURST];
  char control[BURST][64];
};

struct udp_relay
{
  int epoll;
  int host[2]; /* v4, v6 */
  uint16_t port;
  bool open; /* strangers may knock */
  bool bound;
  bool segmenting;
  bool handshakes;
  int buckets[BUCKETS];
  struct entry entries[UDP_RELAY_ENTRIES];
  struct burst in, out;
  unsigned char data[BURST][PACKET_MAX];
};

static unsigned
bucket_of (const struct address *remote)
{
  uint32_t hash = 2166136261u ^ remote->port;

  for (int i = 0; i < (remote->family == 4 ? 4 : 16); i++)
    hash = (hash ^ remote->ip[i]) * 16777619u;
  return (hash ^ hash >> 15) & (BUCKETS - 1);
}

static struct entry *
find_entry (struct udp_relay *relay, const struct address *remote)
{
  for (int i = relay->buckets[bucket_of (remote)]; i >= 0; i = relay->entries[i].chain)
    {
      struct entry *entry = &relay->entries[i];

      if (entry->remote.port == remote->port && address_equal_ip (&entry->remote, remote))
        return entry;
    }
  return NULL;
}

static void
close_entry (struct udp_relay *relay, struct entry *entry)
{
  int *link = &relay->buckets[bucket_of (&entry->remote)];

  while (*link != (int)(entry - relay->entries))
    link = &relay->entries[*link].chain;
  *link = entry->chain;
  close (entry->fd);
  *entry = (struct entry) {.fd = -1, .chain = -1};
}

static bool
is_stale (const struct entry *entry, int64_t now)
{
  return !entry->pins && now - entry->heard > (entry->confirmed ? CONFIRMED_IDLE_MS : NEW_IDLE_MS);
}

/* A free entry, made by closing a stale or the oldest unconfirmed one if need be. */
static struct entry *
take_entry (struct udp_relay *relay)
{
  struct entry *victim = NULL;
  int64_t now = loop_now ();

  for (int i = 0; i < UDP_RELAY_ENTRIES; i++)
    {
      struct entry *entry = &relay->entries[i];

      if (entry->fd < 0)
        return entry;
      if (is_stale (entry, now))
        {
          close_entry (relay, entry);
          return entry;
        }
      if (!entry->pins && !entry->confirmed && (!victim || entry->heard < victim->heard))
        victim = entry;
    }
  if (victim)
    close_entry (relay, victim);
  return victim;
}

static void
inner_address (const struct udp_relay *relay, const struct entry *entry, struct address *out)
{
  unsigned index = (unsigned)(entry - relay->entries);

  *out = (struct address) {.family = 4, .port = entry->inner_port};
  out->ip[0] = 127;
  out->ip[1] = 1;
  out->ip[2] = (uint8_t)(index >> 8);
  out->ip[3] = (uint8_t)index;
}

static int
inner_socket (const struct udp_relay *relay, struct entry *entry)
{
  struct address local,
      wireguard = {.family = 4, .port = UDP_RELAY_INNER_PORT, .ip = {127, 0, 0, 1}};
  struct sockaddr_storage sa;
  socklen_t len;
  int fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int size = INNER_BUFFER, one = 1;

  if (fd < 0)
    return -errno;
  inner_address (relay, entry, &local);
  len = address_to_sockaddr (&local, &sa);
  if (bind (fd, (struct sockaddr *)&sa, len))
    goto fail;
  len = sizeof sa;
  if (getsockname (fd, (struct sockaddr *)&sa, &len)
      || !address_from_sockaddr ((struct sockaddr *)&sa, len, &local))
    goto fail;
  entry->inner_port = local.port;
  len = address_to_sockaddr (&wireguard, &sa);
  if (connect (fd, (struct sockaddr *)&sa, len))
    goto fail;
  setsockopt (fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  setsockopt (fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  setsockopt (fd, IPPROTO_UDP, UDP_GRO, &one, sizeof one);
  return fd;
fail:
  size = -errno;
  close (fd);
  return size;
}

/* A new entry for @remote, or NULL and errno. */
static struct entry *
open_entry (struct udp_relay *relay, const struct address *remote)
{
  struct entry *entry = take_entry (relay);
  struct epoll_event event = {.events = EPOLLIN};
  unsigned bucket = bucket_of (remote);
  int fd;

  if (!entry)
    {
      errno = ENOBUFS;
      return NULL;
    }
  event.data.u32 = (uint32_t)(entry - relay->entries);
  fd = inner_socket (relay, entry);
  if (fd >= 0 && epoll_ctl (relay->epoll, EPOLL_CTL_ADD, fd, &event))
    {
      int failure = errno;

      close (fd);
      fd = -failure;
    }
  if (fd < 0)
    {
      errno = -fd;
      return NULL;
    }
  entry->fd = fd;
  entry->remote = *remote;
  entry->to_len = address_to_sockaddr (remote, &entry->to);
  entry->heard = loop_now ();
  entry->chain = relay->buckets[bucket];
  relay->buckets[bucket] = (int)event.data.u32;
  return entry;
}

static uint32_t
index_at (const unsigned char *packet, size_t offset)
{
  uint32_t value;

  memcpy (&value, packet + offset, sizeof value);
  return value;
}

static bool
names_a_session (const struct udp_relay *relay, uint32_t session)
{
  for (int i = 0; session && i < UDP_RELAY_ENTRIES; i++)
    for (int j = 0; relay->entries[i].fd >= 0 && j < SESSIONS; j++)
      if (relay->entries[i].sessions[j] == session)
        return true;
  return false;
}

/* May this packet of an unknown remote open an entry? */
static bool
may_knock (const struct udp_relay *relay, const unsigned char *packet, size_t len)
{
  if (!relay->open || len < 32 || packet[1] || packet[2] || packet[3])
    return false;
  if (packet[0] == WG_INITIATION)
    return len == 148;
  return packet[0] == WG_DATA && names_a_session (relay, index_at (packet, 4));
}

/* What WireGuard says to a remote: that it says anything confirms the remote, and which session
 * index the remote will use. */
static void
note_outgoing (struct udp_relay *relay,
               struct entry *entry,
               const unsigned char *packet,
               size_t len)
{
  if (len < 32)
    return;
  if (packet[0] == WG_RESPONSE || packet[0] == WG_DATA)
    entry->confirmed = true;
  if (packet[0] == WG_RESPONSE)
    relay->handshakes = true;
  if (packet[0] == WG_RESPONSE || packet[0] == WG_INITIATION)
    entry->sessions[entry->next_session++ % SESSIONS] = index_at (packet, 4);
}

static size_t
segment_size (struct msghdr *header)
{
  for (struct cmsghdr *c = CMSG_FIRSTHDR (header); c; c = CMSG_NXTHDR (header, c))
    {
      int size;

      if (c->cmsg_level != IPPROTO_UDP || c->cmsg_type != UDP_GRO)
        continue;
      memcpy (&size, CMSG_DATA (c), sizeof size);
      return size > 0 ? (size_t)size : 0;
    }
  return 0;
}

/* One burst into relay->data. Returns the number of messages, 0 = nothing there. */
static int
receive (struct udp_relay *relay, int fd)
{
  struct burst *in = &relay->in;
  int n;

  for (int i = 0; i < BURST; i++)
    {
      in->vectors[i] = (struct iovec) {relay->data[i], PACKET_MAX};
      in->messages[i].msg_hdr = (struct msghdr) {.msg_name = &in->from[i],
                                                 .msg_namelen = sizeof in->from[i],
                                                 .msg_iov = &in->vectors[i],
                                                 .msg_iovlen = 1,
                                                 .msg_control = in->control[i],
                                                 .msg_controllen = sizeof in->control[i]};
    }
  n = recvmmsg (fd, in->messages, BURST, MSG_DONTWAIT, NULL);
  for (int i = 0; i < n; i++)
    in->vectors[i].iov_len = in->messages[i].msg_len;
  return n > 0 ? n : 0;
}

static void
set_segment (struct msghdr *header, char *control, size_t size)
{
  uint16_t value = (uint16_t)size;
  struct cmsghdr *c;

  header->msg_control = control;
  header->msg_controllen = CMSG_SPACE (sizeof value);
  memset (control, 0, header->msg_controllen);
  c = CMSG_FIRSTHDR (header);
  c->cmsg_level = IPPROTO_UDP;
  c->cmsg_type = UDP_SEGMENT;
  c->cmsg_len = CMSG_LEN (sizeof value);
  memcpy (CMSG_DATA (c), &value, sizeof value);
}

/* The packets of one refused run, one by one. */
static void
send_apart (int fd, const struct msghdr *run, size_t size)
{
  for (size_t i = 0; i < run->msg_iovlen; i++)
    {
      const char *data = run->msg_iov[i].iov_base;
      size_t left = run->msg_iov[i].iov_len;

      while (left > 0)
        {
          size_t n = size && left > size ? size : left;

          if (sendto (fd, data, n, MSG_DONTWAIT, run->msg_name, run->msg_namelen) < 0
              && errno == EAGAIN)
            return;
          data += n;
          left -= n;
        }
    }
}

static void
send_burst (struct udp_relay *relay, int fd, const size_t *sizes, int n)
{
  struct mmsghdr *messages = relay->out.messages;
  int done = 0;

  while (done < n)
    {
      int sent = sendmmsg (fd, messages + done, (unsigned)(n - done), MSG_DONTWAIT);

      if (sent > 0)
        {
          done += sent;
          continue;
        }
      if (errno == EAGAIN)
        return; /* lost */
      if (sizes[done]
          && (errno == EIO || errno == EINVAL || errno == EMSGSIZE || errno == EOPNOTSUPP))
        {
          /* EIO and EOPNOTSUPP are the device's or kernel's answer for good. */
          if (errno == EIO || errno == EOPNOTSUPP)
            relay->segmenting = false;
          send_apart (fd, &messages[done].msg_hdr, sizes[done]);
        }
      else if (errno == ECONNREFUSED)
        continue; /* reports an earlier packet; the error is consumed */
      done++;
    }
}

/* How many messages from @first on may leave as one: equal lengths, the last may be shorter. */
static int
run_length (struct udp_relay *relay, int first, int n)
{
  const struct iovec *vectors = relay->in.vectors;
  size_t size = vectors[first].iov_len, total = size;
  int end = first + 1;

  if (!relay->segmenting || size == 0)
    return 1;
  while (end < n && end - first < RUN_PACKETS && vectors[end].iov_len > 0
         && vectors[end].iov_len <= size && total + vectors[end].iov_len <= RUN_BYTES)
    {
      total += vectors[end].iov_len;
      if (vectors[end++].iov_len < size)
        break;
    }
  return end - first;
}

/* Sends messages @first..@first+@n of the burst just received through @fd, to @to if given. */
static void
forward (struct udp_relay *relay, int fd, int first, int n, struct entry *to)
{
  struct burst *in = &relay->in, *out = &relay->out;
  size_t sizes[BURST];
  int count = 0;

  for (int i = first; i < first + n; count++)
    {
      size_t aggregated = segment_size (&in->messages[i].msg_hdr);
      int length = aggregated ? 1 : run_length (relay, i, first + n);
      struct msghdr *header = &out->messages[count].msg_hdr;

      *header = (struct msghdr) {.msg_iov = &in->vectors[i], .msg_iovlen = (size_t)length};
      if (to)
        {
          header->msg_name = &to->to;
          header->msg_namelen = to->to_len;
        }
      sizes[count] = length > 1 ? in->vectors[i].iov_len : aggregated;
      if (sizes[count] && (length > 1 || sizes[count] < in->vectors[i].iov_len))
        set_segment (header, out->control[count], sizes[count]);
      i += length;
    }
  send_burst (relay, fd, sizes, count);
}

/* Who sent message @i of the burst; false = not an IP address. */
static bool
sender_of (const struct udp_relay *relay, int i, struct address *from)
{
  const struct msghdr *header = &relay->in.messages[i].msg_hdr;

  return address_from_sockaddr (header->msg_name, header->msg_namelen, from);
}

/* An entry for the unknown sender of message @i, if it may have one. */
static struct entry *
admit (struct udp_relay *relay, int i, const struct address *from)
{
  size_t len = segment_size (&relay->in.messages[i].msg_hdr);

  if (!len || len > relay->in.messages[i].msg_len)
    len = relay->in.messages[i].msg_len;
  return may_knock (relay, relay->data[i], len) ? open_entry (relay, from) : NULL;
}

/* Host to WireGuard. Packets of one remote that follow each other travel together; a run is sent
 * before a new entry is made, which may take the place of the run's own. */
static void
forward_inwards (struct udp_relay *relay, int n)
{
  struct entry *current = NULL;
  int first = 0;

  for (int i = 0; i < n; i++)
    {
      struct address from;
      bool known = sender_of (relay, i, &from);
      struct entry *entry = known ? find_entry (relay, &from) : NULL;

      if (entry && entry == current)
        continue;
      if (current)
        forward (relay, current->fd, first, i - first, NULL);
      current = entry || !known ? entry : admit (relay, i, &from);
      if (current)
        current->heard = loop_now ();
      first = i;
    }
  if (current)
    forward (relay, current->fd, first, n - first, NULL);
}

static void
serve_host (struct udp_relay *relay, int fd)
{
  for (int round = 0; round < ROUNDS; round++)
    {
      int n = receive (relay, fd);

      forward_inwards (relay, n);
      if (n < BURST)
        return;
    }
}

/* WireGuard to host. */
static void
serve_entry (struct udp_relay *relay, struct entry *entry)
{
  int fd = relay->host[entry->remote.family == 4 ? 0 : 1];

  for (int round = 0; entry->fd >= 0 && round < ROUNDS; round++)
    {
      int n = receive (relay, entry->fd);

      for (int i = 0; i < n; i++)
        note_outgoing (relay, entry, relay->data[i], relay->in.messages[i].msg_len);
      if (n > 0 && fd >= 0)
        forward (relay, fd, 0, n, entry);
      if (n < BURST)
        return;
    }
}

struct udp_relay *
udp_relay_new (int udp4, int udp6)
{
  struct udp_relay *relay = calloc (1, sizeof *relay);
  int one = 1;

  if (!relay)
    return NULL;
  relay->epoll = epoll_create1 (EPOLL_CLOEXEC);
  relay->host[0] = udp4;
  relay->host[1] = udp6;
  relay->segmenting = true;
  for (int i = 0; i < BUCKETS; i++)
    relay->buckets[i] = -1;
  for (int i = 0; i < UDP_RELAY_ENTRIES; i++)
    relay->entries[i] = (struct entry) {.fd = -1, .chain = -1};
  for (int i = 0; i < 2; i++)
    {
      struct epoll_event event = {.events = EPOLLIN, .data.u32 = i ? TAG_HOST6 : TAG_HOST4};

      if (relay->host[i] < 0)
        continue;
      setsockopt (relay->host[i], IPPROTO_UDP, UDP_GRO, &one, sizeof one);
      if (relay->epoll < 0 || epoll_ctl (relay->epoll, EPOLL_CTL_ADD, relay->host[i], &event))
        {
          udp_relay_free (relay);
          return NULL;
        }
    }
  return relay;
}

void
udp_relay_free (struct udp_relay *relay)
{
  if (!relay)
    return;
  for (int i = 0; i < UDP_RELAY_ENTRIES; i++)
    if (relay->entries[i].fd >= 0)
      close (relay->entries[i].fd);
  if (relay->epoll >= 0)
    close (relay->epoll);
  free (relay);
}

static int
bind_host (struct udp_relay *relay, int which, uint16_t port)
{
  struct address any = {.family = which ? 6 : 4, .port = port};
  struct sockaddr_storage sa;
  socklen_t len = address_to_sockaddr (&any, &sa);

  return bind (relay->host[which], (struct sockaddr *)&sa, len) ? -errno : 0;
}

int
udp_relay_bind (struct udp_relay *relay, uint16_t port)
{
  int result;

  if (port == relay->port || (port == 0 && !relay->bound))
    return 0;
  if (relay->bound)
    return -EISCONN; /* a bound socket keeps its port, and new ones cannot be made out there */
  result = bind_host (relay, 0, port);
  if (result)
    return result;
  relay->bound = true;
  relay->open = true;
  relay->port = port;
  if (relay->host[1] >= 0)
    {
      result = bind_host (relay, 1, port);
      if (result && result != -EADDRNOTAVAIL)
        return result;
    }
  return 0;
}

uint16_t
udp_relay_port (struct udp_relay *relay)
{
  struct sockaddr_storage sa;
  socklen_t len = sizeof sa;
  struct address local;

  if (relay->port)
    return relay->port;
  if (getsockname (relay->host[0], (struct sockaddr *)&sa, &len)
      || !address_from_sockaddr ((struct sockaddr *)&sa, len, &local))
    return 0;
  return local.port;
}

int
udp_relay_pin (struct udp_relay *relay, const struct address *remote, struct address *inner)
{
  struct entry *entry = find_entry (relay, remote);

  if (remote->family == 6 && relay->host[1] < 0)
    return -EAFNOSUPPORT;
  if (!entry)
    entry = open_entry (relay, remote);
  if (!entry)
    return -errno;
  entry->pins++;
  inner_address (relay, entry, inner);
  return 0;
}

void
udp_relay_unpin (struct udp_relay *relay, const struct address *remote)
{
  struct entry *entry = find_entry (relay, remote);

  if (!entry || !entry->pins)
    return;
  entry->pins--;
  /* Without strangers nobody may keep talking from an address that is configured no longer. */
  if (!entry->pins && !relay->open)
    close_entry (relay, entry);
}

bool
udp_relay_remote (struct udp_relay *relay, const struct address *inner, struct address *remote)
{
  size_t index = (size_t)inner->ip[2] << 8 | inner->ip[3];
  const struct entry *entry;

  if (inner->family != 4 || inner->ip[0] != 127 || inner->ip[1] != 1 || index >= UDP_RELAY_ENTRIES)
    return false;
  entry = &relay->entries[index];
  if (entry->fd < 0 || entry->inner_port != inner->port)
    return false;
  *remote = entry->remote;
  return true;
}

int
udp_relay_fd (struct udp_relay *relay)
{
  return relay->epoll;
}

void
udp_relay_serve (struct udp_relay *relay)
{
  struct epoll_event events[16];
  int n = epoll_wait (relay->epoll, events, 16, 0);

  for (int i = 0; i < n; i++)
    {
      uint32_t tag = events[i].data.u32;

      if (tag == TAG_HOST4)
        serve_host (relay, relay->host[0]);
      else if (tag == TAG_HOST6)
        serve_host (relay, relay->host[1]);
      else if (relay->entries[tag].fd >= 0)
        serve_entry (relay, &relay->entries[tag]);
    }
}

bool
udp_relay_took_handshakes (struct udp_relay *relay)
{
  bool took = relay->handshakes;

  relay->handshakes = false;
  return took;
}
