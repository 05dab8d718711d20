/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * Goal: a WireGuard device in the agent's private namespace whose outer packets use the host's
 * network.
 *
 *   engine        privileged                          in a user namespace
 *   kernel        device born in the host's           device born inside, UDP relay
 *                 namespace and moved here: its
 *                 UDP socket stays outside
 *   wireguard-go  device born inside, UDP relay       the same
 *
 * wireguard-go is never moved, though it could be: born inside, it starts just as fast and the
 * relay's cost is lost in its own, there is one way for both columns, and its port and all remotes
 * survive a restart, because the outer sockets are ours.
 *
 * Everything configured is kept here (config, peers), so a wireguard-go that died is started anew
 * and gets all of it back; TCP connections inside the namespace go on because the address returns.
 * A peer without a configured endpoint (the ingress's side) would then be unknown until it speaks
 * first, so the endpoints WireGuard reports are noted some seconds after handshakes were seen, and
 * used then.
 *
 * ip and wg do the configuring. Keys go to wg through a memfd on standard input. */

#include "lib/tunnel/agent/engine.h"

#include "lib/tunnel/agent/agent-message.h"
#include "lib/tunnel/agent/configure.h"
#include "lib/tunnel/agent/engine-choice.h"
#include "lib/tunnel/agent/tool.h"
#include "lib/wire/words.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_DEADLINE_MS 10000
#define BACKOFF_FIRST_MS 50
#define BACKOFF_MAX_MS 2000
#define LEARN_MS 3000
#define WAKE_KEEPALIVE 25 /* seconds; setting any makes WireGuard speak at once */

static const char *const kind_names[] = {"none", "kernel", "wireguard-go", "auto"};
_Static_assert(sizeof kind_names / sizeof *kind_names == ENGINE_KINDS, "a name for each engine");

const char *
engine_kind_name (enum engine_kind kind)
{
  return kind_names[kind];
}

enum engine_kind
engine_kind_from_name (const char *name)
{
  int kind = 0;

  while (kind < ENGINE_KINDS && strcmp (kind_names[kind], name) != 0)
    kind++;
  return (enum engine_kind)kind;
}

#define NAME_PREFIX "fn"
#define NAME_DIGITS 12

static bool
is_our_name (const char *name)
{
  const char *digits = name + strlen (NAME_PREFIX);

  return strncmp (name, NAME_PREFIX, strlen (NAME_PREFIX)) == 0
         && strspn (digits, "0123456789abcdef") == NAME_DIGITS && digits[NAME_DIGITS] == '\0';
}

void
engine_sweep (void)
{
  struct if_nameindex *all = if_nameindex ();
  char error[256];

  for (struct if_nameindex *one = all; one && one->if_index; one++)
    if (is_our_name (one->if_name)
        && !configure_ip (-1, error, sizeof error, "link delete dev %s\n", one->if_name))
      fprintf (stderr, "funnel-netns: cannot delete an earlier agent's device: %s\n", error);
  if (all)
    if_freenameindex (all);
}

static void
choose_name (struct engine *engine)
{
  unsigned char random[NAME_DIGITS / 2] = {0};

  if (getrandom (random, sizeof random, 0) != sizeof random)
    memcpy (random, &(int64_t) {loop_now ()}, sizeof random);
  snprintf (engine->name, sizeof engine->name, NAME_PREFIX "%02x%02x%02x%02x%02x%02x", random[0],
            random[1], random[2], random[3], random[4], random[5]);
}

/* ---- peers as WireGuard sees them ---- */

/* The endpoint to tell WireGuard; family 0 when there is none. Pins it in the relay. */
static bool
seen_endpoint (struct engine *engine,
               const struct peer *peer,
               struct address *out,
               char *error,
               size_t size)
{
  int result;

  *out = peer->endpoint;
  if (!engine->relay || !peer->endpoint.family)
    return true;
  result = udp_relay_pin (engine->relay, &peer->endpoint, out);
  if (result)
    snprintf (error, size, N_ ("the endpoint cannot be reached from here: %s"), strerror (-result));
  return result == 0;
}

static void
release_endpoint (struct engine *engine, const struct peer *peer)
{
  if (engine->relay && peer && peer->endpoint.family)
    udp_relay_unpin (engine->relay, &peer->endpoint);
}

static void
add_section (struct secret_text *text,
             const struct peer *peer,
             const struct address *endpoint,
             unsigned keepalive)
{
  char printed[ADDRESS_TEXT_MAX];

  secret_text_add (text, "[Peer]\nPublicKey = %s\nAllowedIPs = %s\nPersistentKeepalive = %u\n",
                   peer->key, peer->allowed, keepalive);
  if (endpoint->family)
    {
      address_print (endpoint, printed);
      secret_text_add (text, "Endpoint = %s\n", printed);
    }
}

static bool
run_wg_conf (struct engine *engine,
             const char *how,
             struct secret_text *text,
             char *error,
             size_t size)
{
  const char *const argv[] = {"wg", how, engine->name, "/proc/self/fd/0", NULL};

  return configure_run (argv, text, -1, error, size);
}

/* ---- the device ---- */

static bool
device_is_there (const struct engine *engine)
{
  return engine->kind == ENGINE_KERNEL || engine->pid;
}

static void engine_died (struct loop_source *source, uint32_t events);

static bool
answers_at (const char *path)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool good;

  if (fd < 0)
    return false;
  snprintf (address.sun_path, sizeof address.sun_path, "%s", path);
  good = connect (fd, (struct sockaddr *)&address, sizeof address) == 0;
  close (fd);
  return good;
}

static void
reap_process (struct engine *engine, char *status, size_t size)
{
  loop_remove (engine->loop, &engine->process);
  close (engine->process.fd);
  engine->process.fd = -1;
  tool_reap (engine->pid, status, size);
  engine->pid = 0;
}

static void
kill_process (struct engine *engine)
{
  char status[32];

  if (!engine->pid)
    return;
  kill (engine->pid, SIGKILL);
  reap_process (engine, status, sizeof status);
}

static bool
start_wireguard_go (struct engine *engine, char *error, size_t size)
{
  const char *const argv[] = {"wireguard-go", "-f", engine->name, NULL};
  /* The second also silences the banner that a foreground start would print. */
  static const char *const environment[] = {"LOG_LEVEL=error", "WG_PROCESS_FOREGROUND=1", NULL};
  int64_t due = loop_now () + START_DEADLINE_MS;
  char path[64], status[32];
  pid_t pid;

  snprintf (path, sizeof path, "/var/run/wireguard/%s.sock", engine->name);
  pid = tool_start (argv, environment, NULL, 0, &engine->process.fd);
  if (pid < 0)
    {
      snprintf (error, size, N_ ("cannot start wireguard-go: %s"), strerror (-pid));
      return false;
    }
  engine->pid = pid;
  while (!answers_at (path))
    {
      siginfo_t info = {0};
      bool ended = waitid (P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | WNOHANG) == 0
                   && info.si_pid == pid;

      if (ended || loop_now () > due)
        {
          kill (pid, SIGKILL);
          reap_process (engine, status, sizeof status);
          snprintf (error, size, N_ ("wireguard-go did not start (%s)"),
                    ended ? status : N_ ("no answer"));
          return false;
        }
      tool_pause (1);
    }
  loop_add (engine->loop, &engine->process, EPOLLIN);
  return true;
}

static bool
make_device (struct engine *engine, char *error, size_t size)
{
  char ignored[256];

  if (engine->kind == ENGINE_WIREGUARD_GO)
    return start_wireguard_go (engine, error, size);
  if (engine->relay)
    return configure_ip (-1, error, size, "link add name %s type wireguard\n", engine->name);
  if (configure_ip (engine->namespaces->host_netns, error, size,
                    "link add name %s type wireguard\nlink set dev %s netns %d\n", engine->name,
                    engine->name, getpid ()))
    return true;
  configure_ip (engine->namespaces->host_netns, ignored, sizeof ignored, "link delete dev %s\n",
                engine->name);
  return false;
}

/* Key, port and every peer. With @wake those of whom only a learned endpoint is known are spoken
 * to. */
static bool
configure_device (struct engine *engine, bool wake, char *error, size_t size)
{
  struct secret_text text = {0};
  unsigned port = engine->relay ? UDP_RELAY_INNER_PORT : engine->config.listen_port;

  secret_text_add (&text, "[Interface]\nPrivateKey = %s\n", engine->config.private_key);
  if (port)
    secret_text_add (&text, "ListenPort = %u\n", port);
  for (size_t i = 0; i < engine->peers.count; i++)
    {
      const struct peer *peer = &engine->peers.peers[i];
      struct address endpoint = peer->learned;
      unsigned keepalive = peer->keepalive;

      if (peer->endpoint.family && !seen_endpoint (engine, peer, &endpoint, error, size))
        {
          secret_text_clear (&text);
          return false;
        }
      /* One pin per peer is held already. */
      if (peer->endpoint.family && wake)
        release_endpoint (engine, peer);
      if (wake && endpoint.family && !keepalive)
        keepalive = WAKE_KEEPALIVE;
      add_section (&text, peer, &endpoint, keepalive);
    }
  return run_wg_conf (engine, "setconf", &text, error, size);
}

/* A route's MTU is what TCP takes its segment sizes from, in both directions; 0 is the device's. */
static bool
set_route (struct engine *engine, char *error, size_t size)
{
  return configure_ip (-1, error, size, "route replace %s dev %s mtu %d\n", engine->config.route,
                       engine->name, engine->route_mtu);
}

static bool
raise_device (struct engine *engine, char *error, size_t size)
{
  int host = (int)strcspn (engine->config.address, "/");

  return configure_ip (-1, error, size,
                       "address replace %.*s/32 dev %s noprefixroute\n"
                       "link set dev %s mtu %d up\n",
                       host, engine->config.address, engine->name, engine->name, ENGINE_MTU)
         && set_route (engine, error, size);
}

/* Sets the keepalives back that configure_device raised to wake peers. */
static void
calm_peers (struct engine *engine)
{
  struct secret_text text = {0};
  char error[256];

  for (size_t i = 0; i < engine->peers.count; i++)
    {
      const struct peer *peer = &engine->peers.peers[i];

      if (!peer->keepalive && (peer->endpoint.family || peer->learned.family))
        add_section (&text, peer, &(struct address) {0}, 0);
    }
  if (text.len)
    run_wg_conf (engine, "addconf", &text, error, sizeof error);
}

static void
remove_device (struct engine *engine)
{
  char error[256];

  kill_process (engine);
  if (engine->kind == ENGINE_KERNEL && engine->name[0])
    configure_ip (-1, error, sizeof error, "link delete dev %s\n", engine->name);
  engine->name[0] = '\0';
}

/* ---- supervision ---- */

static bool
restart (struct engine *engine, char *error, size_t size)
{
  if (!make_device (engine, error, size) || !configure_device (engine, true, error, size)
      || !raise_device (engine, error, size))
    {
      kill_process (engine);
      return false;
    }
  calm_peers (engine);
  return true;
}

static void
try_restart (struct loop_timer *timer)
{
  struct engine *engine = (struct engine *)((char *)timer - offsetof (struct engine, retry));
  char error[256];

  if (!engine->up)
    return;
  engine->backoff_ms = engine->backoff_ms ? engine->backoff_ms * 2 : BACKOFF_FIRST_MS;
  if (engine->backoff_ms > BACKOFF_MAX_MS)
    engine->backoff_ms = BACKOFF_MAX_MS;
  if (restart (engine, error, sizeof error))
    {
      engine->events.restarted (engine->events.data);
      return;
    }
  engine->events.failed (engine->events.data, error);
  loop_timer_start (engine->loop, &engine->retry, engine->backoff_ms);
}

static void
engine_died (struct loop_source *source, uint32_t events)
{
  struct engine *engine = (struct engine *)((char *)source - offsetof (struct engine, process));
  char status[32];

  (void)events;
  reap_process (engine, status, sizeof status);
  fprintf (stderr, "funnel-netns: wireguard-go ended (%s), starting it again\n", status);
  loop_timer_start (engine->loop, &engine->retry, engine->backoff_ms);
}

static void
learn_line (struct engine *engine, char *line)
{
  char *endpoint = strchr (line, '\t');
  struct peer *peer;
  struct address address;

  if (!endpoint)
    return;
  *endpoint++ = '\0';
  peer = peer_table_find (&engine->peers, line);
  if (peer && address_parse (endpoint, strlen (endpoint), &address))
    peer->learned = address;
}

/* Notes where peers are now. A run of good seconds also ends the backoff. */
static void
learn_endpoints (struct loop_timer *timer)
{
  struct engine *engine = (struct engine *)((char *)timer - offsetof (struct engine, learn));
  const char *const argv[] = {"wg", "show", engine->name, "endpoints", NULL};
  struct tool_call call = {.argv = argv, .netns = -1, .want_output = true};

  if (!engine->up || !engine->pid)
    return;
  engine->backoff_ms = 0;
  if (tool_run (&call) && call.output)
    {
      char *rest = call.output, *line;

      while ((line = strsep (&rest, "\n")))
        learn_line (engine, line);
    }
  tool_call_clear (&call);
}

static void
serve_relay (void *data)
{
  struct engine *engine = data;

  udp_relay_serve (engine->relay);
  if (udp_relay_took_handshakes (engine->relay) && engine->pid && !engine->learn.due)
    loop_timer_start (engine->loop, &engine->learn, LEARN_MS);
}

static void
on_relay_readable (struct loop_source *source, uint32_t events)
{
  (void)events;
  serve_relay ((char *)source - offsetof (struct engine, relay_source));
}

static bool
start_relay (struct engine *engine, char *error, size_t size)
{
  struct tool_meanwhile meanwhile = {.serve = serve_relay, .data = engine};

  engine->relay = udp_relay_new (engine->namespaces->udp4, engine->namespaces->udp6);
  if (!engine->relay)
    {
      snprintf (error, size, N_ ("cannot start the UDP relay: %s"), strerror (errno));
      return false;
    }
  meanwhile.fd = udp_relay_fd (engine->relay);
  tool_set_meanwhile (&meanwhile);
  engine->relay_source = (struct loop_source) {meanwhile.fd, on_relay_readable};
  loop_add (engine->loop, &engine->relay_source, EPOLLIN);
  return true;
}

/* ---- public ---- */

bool
engine_init (struct engine *engine,
             enum engine_kind wanted,
             struct agent_loop *loop,
             const struct namespaces *namespaces,
             const struct engine_events *events,
             char *error,
             size_t size)
{
  *engine = (struct engine) {.kind = ENGINE_NONE,
                             .loop = loop,
                             .namespaces = namespaces,
                             .events = *events,
                             .process = {-1, engine_died},
                             .retry = {.fire = try_restart},
                             .learn = {.fire = learn_endpoints},
                             .relay_source = {-1, on_relay_readable}};
  if (wanted == ENGINE_NONE)
    return true;
  if (!engine_choose (wanted, &engine->kind, error, size))
    return false;
  snprintf (engine->no_kernel, sizeof engine->no_kernel, "%s", error);
  error[0] = '\0';
  return (engine->kind == ENGINE_KERNEL && namespaces->privileged)
         || start_relay (engine, error, size);
}

static bool
same_config (const struct engine_config *a, const struct engine_config *b)
{
  return strcmp (a->private_key, b->private_key) == 0 && strcmp (a->address, b->address) == 0
         && strcmp (a->route, b->route) == 0 && a->listen_port == b->listen_port;
}

static bool
open_port (struct engine *engine, char *error, size_t size)
{
  int result = engine->relay ? udp_relay_bind (engine->relay, engine->config.listen_port) : 0;

  if (result == -EISCONN)
    snprintf (error, size,
              "listen-port: cannot change while the agent runs; stop it and start it again");
  else if (result)
    snprintf (error, size, N_ ("listen-port: UDP port %u of the host: %s"),
              engine->config.listen_port, strerror (-result));
  return result == 0;
}

bool
engine_up (struct engine *engine,
           const struct engine_config *config,
           const struct peer *peer,
           char *error,
           size_t size)
{
  if (engine->up && same_config (&engine->config, config))
    return !peer || engine_put_peer (engine, peer, error, size);
  engine_down (engine);
  engine->config = *config;
  choose_name (engine);
  if (peer && !peer_table_put (&engine->peers, peer))
    {
      snprintf (error, size, "out of memory");
      return false;
    }
  if (!open_port (engine, error, size) || !make_device (engine, error, size)
      || !configure_device (engine, false, error, size) || !raise_device (engine, error, size))
    {
      engine_down (engine);
      return false;
    }
  engine->up = true;
  engine->backoff_ms = 0;
  return true;
}

void
engine_down (struct engine *engine)
{
  engine->up = false;
  loop_timer_stop (&engine->retry);
  loop_timer_stop (&engine->learn);
  remove_device (engine);
  for (size_t i = 0; i < engine->peers.count; i++)
    release_endpoint (engine, &engine->peers.peers[i]);
  peer_table_clear (&engine->peers);
  explicit_bzero (&engine->config, sizeof engine->config);
  engine->route_mtu = 0;
}

bool
engine_set_mtu (struct engine *engine, unsigned mtu, char *error, size_t size)
{
  engine->route_mtu = mtu < ENGINE_MTU ? (int)mtu : 0;
  return !device_is_there (engine) || set_route (engine, error, size);
}

int
engine_mtu (const struct engine *engine)
{
  return engine->route_mtu ? engine->route_mtu : ENGINE_MTU;
}

/* Adds @peer's section to @text and its pin to the relay; the old one is released by the caller. */
static bool
prepare_peer (struct engine *engine,
              struct secret_text *text,
              const struct peer *peer,
              char *error,
              size_t size)
{
  struct address endpoint;

  if (!seen_endpoint (engine, peer, &endpoint, error, size))
    return false;
  add_section (text, peer, &endpoint, peer->keepalive);
  return true;
}

/* Remembers @peer, whose pin is taken. While the engine is away, that alone is enough. */
static bool
remember_peer (struct engine *engine, const struct peer *peer, char *error, size_t size)
{
  struct peer *old = peer_table_find (&engine->peers, peer->key);
  struct peer entry = *peer;

  if (old)
    {
      entry.learned = old->learned;
      release_endpoint (engine, old);
    }
  if (peer_table_put (&engine->peers, &entry))
    return true;
  release_endpoint (engine, peer);
  snprintf (error, size, "no room for more than %d peers", PEERS_MAX);
  return false;
}

bool
engine_put_peer (struct engine *engine, const struct peer *peer, char *error, size_t size)
{
  struct secret_text text = {0};

  if (!prepare_peer (engine, &text, peer, error, size))
    {
      secret_text_clear (&text);
      return false;
    }
  if (!remember_peer (engine, peer, error, size))
    {
      secret_text_clear (&text);
      return false;
    }
  if (!device_is_there (engine))
    {
      secret_text_clear (&text);
      return true;
    }
  return run_wg_conf (engine, "addconf", &text, error, size);
}

/* Takes away every peer that is not marked. */
static bool
drop_unmarked (struct engine *engine, char *error, size_t size)
{
  size_t i = 0;

  while (i < engine->peers.count)
    {
      char key[PEER_KEY_SIZE];

      if (engine->peers.peers[i].marked)
        {
          i++;
          continue;
        }
      snprintf (key, sizeof key, "%s", engine->peers.peers[i].key);
      if (!engine_remove_peer (engine, key, error, size))
        return false;
    }
  return true;
}

bool
engine_put_peers (struct engine *engine,
                  struct peer_table *list,
                  bool replace,
                  char *error,
                  size_t size)
{
  struct secret_text text = {0};

  for (size_t i = 0; i < engine->peers.count; i++)
    engine->peers.peers[i].marked = !replace;
  for (size_t i = 0; i < list->count; i++)
    {
      list->peers[i].marked = true;
      if (!prepare_peer (engine, &text, &list->peers[i], error, size)
          || !remember_peer (engine, &list->peers[i], error, size))
        {
          secret_text_clear (&text);
          return false;
        }
    }
  if (replace && !drop_unmarked (engine, error, size))
    {
      secret_text_clear (&text);
      return false;
    }
  if (!text.len || !device_is_there (engine))
    {
      secret_text_clear (&text);
      return true;
    }
  return run_wg_conf (engine, "addconf", &text, error, size);
}

bool
engine_remove_peer (struct engine *engine, const char *key, char *error, size_t size)
{
  const char *const argv[] = {"wg", "set", engine->name, "peer", key, "remove", NULL};
  const struct peer *peer = peer_table_find (&engine->peers, key);
  bool good;

  if (!peer)
    return true;
  good = !device_is_there (engine) || configure_run (argv, NULL, -1, error, size);
  release_endpoint (engine, peer);
  peer_table_remove (&engine->peers, key);
  return good;
}

/* Forgets and sets the peer in one go: a fresh peer may try a handshake at once, an old one only
 * every five seconds. Setting a keepalive is what makes it try; one of 0 is put back afterwards. */
static bool
wake_peer (struct engine *engine, const struct peer *peer, char *error, size_t size)
{
  char endpoint[ADDRESS_TEXT_MAX], keepalive[8];
  struct address seen;
  const char *const argv[] = {"wg",
                              "set",
                              engine->name,
                              "peer",
                              peer->key,
                              "remove",
                              "peer",
                              peer->key,
                              "allowed-ips",
                              peer->allowed,
                              "endpoint",
                              endpoint,
                              "persistent-keepalive",
                              keepalive,
                              NULL};
  const char *const calm[]
      = {"wg", "set", engine->name, "peer", peer->key, "persistent-keepalive", "0", NULL};

  /* The peer holds its pin; this one is only to learn the inner address. */
  if (!seen_endpoint (engine, peer, &seen, error, size))
    return false;
  release_endpoint (engine, peer);
  address_print (&seen, endpoint);
  snprintf (keepalive, sizeof keepalive, "%u", peer->keepalive ? peer->keepalive : WAKE_KEEPALIVE);
  if (!configure_run (argv, NULL, -1, error, size))
    return false;
  return peer->keepalive || configure_run (calm, NULL, -1, error, size);
}

bool
engine_move_peer (struct engine *engine,
                  const char *key,
                  const struct address *endpoint,
                  char *error,
                  size_t size)
{
  struct peer *old = peer_table_find (&engine->peers, key);
  struct peer moved;
  struct address pinned;

  if (!old)
    {
      snprintf (error, size, "peer: not known");
      return false;
    }
  moved = *old;
  moved.endpoint = *endpoint;
  moved.learned = (struct address) {0};
  if (!seen_endpoint (engine, &moved, &pinned, error, size))
    return false;
  release_endpoint (engine, old);
  *old = moved;
  return !device_is_there (engine) || wake_peer (engine, &moved, error, size);
}

static void
report_line (struct engine *engine,
             char *line,
             void (*each) (void *data, const struct engine_peer_status *peer),
             void *data)
{
  struct engine_peer_status status = {0};
  struct address seen, remote;
  char *fields[8];
  int n = 0;

  /* public key, preshared key, endpoint, allowed ips, handshake, rx, tx, keepalive */
  while (n < 8 && (fields[n] = strsep (&line, "\t")))
    n++;
  if (n < 8)
    return;
  status.key = fields[0];
  if (address_parse (fields[2], strlen (fields[2]), &seen))
    {
      remote = seen;
      if (engine->relay && !udp_relay_remote (engine->relay, &seen, &remote))
        remote.family = 0;
      if (remote.family)
        address_print (&remote, status.endpoint);
    }
  status.handshake = strtoull (fields[4], NULL, 10);
  status.rx = strtoull (fields[5], NULL, 10);
  status.tx = strtoull (fields[6], NULL, 10);
  each (data, &status);
}

bool
engine_status (struct engine *engine,
               void (*each) (void *data, const struct engine_peer_status *peer),
               void *data,
               char *error,
               size_t size)
{
  const char *const argv[] = {"wg", "show", engine->name, "dump", NULL};
  struct tool_call call = {.argv = argv, .netns = -1, .want_output = true};
  char *rest, *line;

  if (!engine->up || !device_is_there (engine))
    return true;
  if (!tool_run (&call))
    {
      snprintf (error, size, "%s", call.error);
      tool_call_clear (&call);
      return false;
    }
  rest = call.output;
  strsep (&rest, "\n"); /* the interface's own line */
  while ((line = strsep (&rest, "\n")))
    report_line (engine, line, each, data);
  tool_call_clear (&call);
  return true;
}

uint16_t
engine_listen_port (struct engine *engine)
{
  const char *const argv[] = {"wg", "show", engine->name, "listen-port", NULL};
  struct tool_call call = {.argv = argv, .netns = -1, .want_output = true};
  unsigned long port = 0;

  if (engine->relay)
    return udp_relay_port (engine->relay);
  if (!engine->up || engine->config.listen_port)
    return engine->config.listen_port;
  if (tool_run (&call) && call.output)
    {
      call.output[strcspn (call.output, "\n")] = '\0';
      if (!parse_number (call.output, 1, 65535, &port))
        port = 0;
    }
  tool_call_clear (&call);
  return (uint16_t)port;
}

uint16_t
engine_inner_port (const struct engine *engine)
{
  return engine->up && engine->relay ? UDP_RELAY_INNER_PORT : 0;
}
