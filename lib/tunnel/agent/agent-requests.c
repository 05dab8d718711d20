/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/tunnel/agent/agent-requests.h"

#include "lib/tunnel/agent/isolation.h"
#include "lib/tunnel/agent/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define AGENT_PROTOCOL_VERSION 2

static bool
wrong_field (struct answer *answer, const char *field, const char *expected)
{
  return answer_error (answer, "invalid-argument", "%s: %s", field, expected);
}

static bool
needs_up (struct agent *agent, struct answer *answer)
{
  return agent->engine.up || answer_error (answer, "failed", "the tunnel is not up");
}

static const char *
hint_for (const char *field)
{
  if (strcmp (field, "peer") == 0)
    return "a WireGuard public key (44 characters, base64) is needed";
  if (strcmp (field, "allowed") == 0)
    return "IPv4 networks such as 100.64.0.2/32 are needed";
  if (strcmp (field, "endpoint") == 0)
    return "an address with port such as 192.0.2.1:51820 is needed";
  return "a number of seconds from 0 to 65535 is needed";
}

/* ---- hello, status ---- */

/* Public ports the relay's listeners are at, one word per listener. */
static void
add_ports (struct answer *answer, const char *key, const uint16_t *ports, size_t n)
{
  char text[RELAY_LISTENERS_MAX * 6 + 1] = "";
  size_t len = 0;

  for (size_t i = 0; i < n; i++)
    len += (size_t)snprintf (text + len, sizeof text - len, "%s%u", i ? "," : "", ports[i]);
  answer_field (answer, key, "%s", text);
}

/* Where the service manager listens, one word per listener, in the order of "given". */
static void
add_given_places (const struct agent *agent, struct answer *answer)
{
  char text[RELAY_LISTENERS_MAX * ADDRESS_TEXT_MAX + 1] = "";
  size_t len = 0;

  for (size_t i = 0; i < agent->relay.n_given; i++)
    {
      struct sockaddr_storage sa;
      socklen_t size = sizeof sa;
      struct address local;
      char printed[ADDRESS_TEXT_MAX] = "-";

      if (getsockname (agent->relay.given[i], (struct sockaddr *)&sa, &size) == 0
          && address_from_sockaddr ((struct sockaddr *)&sa, size, &local))
        address_print (&local, printed);
      len += (size_t)snprintf (text + len, sizeof text - len, "%s%s", i ? "," : "", printed);
    }
  answer_field (answer, "given-at", "%s", text);
}

static bool
serve_hello (struct agent *agent, struct message *request, struct answer *answer)
{
  (void)request;
  answer_field (answer, "version", "%d", AGENT_PROTOCOL_VERSION);
  answer_field (answer, "engine", "%s", engine_kind_name (agent->engine.kind));
  if (agent->engine.no_kernel[0])
    answer_field (answer, "no-kernel", "%s", agent->engine.no_kernel);
  answer_field (answer, "privileged", "%d", agent->namespaces.privileged);
  answer_field (answer, "up", "%d", agent->engine.up);
  answer_field (answer, "relay", "%d", agent->relay.program != NULL);
  answer_field (answer, "routes", "%d", agent->relay.routes >= 0);
  answer_field (answer, "pid", "%d", getpid ());
  add_ports (answer, "listeners", agent->relay.ports, agent->relay.n_listeners);
  add_ports (answer, "given", agent->relay.given_ports, agent->relay.n_given);
  add_given_places (agent, answer);
  return true;
}

struct status_sum
{
  FILE *file;
  unsigned peers;
  unsigned long long handshake, rx, tx;
};

static void
add_status (void *data, const struct engine_peer_status *peer)
{
  struct status_sum *sum = data;

  sum->peers++;
  if (peer->handshake > sum->handshake)
    sum->handshake = peer->handshake;
  sum->rx += peer->rx;
  sum->tx += peer->tx;
  fprintf (sum->file, "%s %s %llu %llu %llu\n", peer->key, peer->endpoint[0] ? peer->endpoint : "-",
           peer->handshake, peer->rx, peer->tx);
}

static bool
serve_status (struct agent *agent, struct message *request, struct answer *answer)
{
  struct status_sum sum = {0};
  char error[256];
  int fd = tool_memfd ("funnel-status", "", 0);
  bool good;

  (void)request;
  sum.file = fd >= 0 ? fdopen (fcntl (fd, F_DUPFD_CLOEXEC, 3), "w") : NULL;
  if (!sum.file)
    return answer_error (answer, "failed", "no descriptor left: %s", strerror (errno));
  good = engine_status (&agent->engine, add_status, &sum, error, sizeof error);
  fclose (sum.file);
  lseek (fd, 0, SEEK_SET);
  if (!good)
    {
      close (fd);
      return answer_error (answer, "failed", "%s", error);
    }
  answer_field (answer, "engine", "%s", engine_kind_name (agent->engine.kind));
  answer_field (answer, "mtu", "%d", engine_mtu (&agent->engine));
  answer_field (answer, "listen-port", "%u", engine_listen_port (&agent->engine));
  answer_field (answer, "peers", "%u", sum.peers);
  answer_field (answer, "handshake", "%llu", sum.handshake);
  answer_field (answer, "rx", "%llu", sum.rx);
  answer_field (answer, "tx", "%llu", sum.tx);
  answer->fd = fd;
  return true;
}

/* ---- the device and its peers ---- */

static bool
parse_up (struct message *request, struct engine_config *config, struct answer *answer)
{
  const char *key = message_get (request, "private-key");
  const char *address = message_get (request, "address");
  const char *route = message_get (request, "route");
  const char *port = message_get (request, "listen-port");
  unsigned long number = 0;

  if (!key || !peer_key_valid (key))
    return wrong_field (answer, "private-key",
                        "a WireGuard private key (44 characters, base64) is needed");
  if (!address || !peer_cidr_valid (address) || strlen (address) >= sizeof config->address)
    return wrong_field (answer, "address", "an IPv4 address such as 100.64.0.2/32 is needed");
  if (!route || !peer_cidr_valid (route) || strlen (route) >= sizeof config->route
      || strcmp (strchr (route, '/'), "/0") == 0)
    return wrong_field (answer, "route",
                        "an IPv4 network such as 100.64.0.1/32, not everything, is needed");
  if (port && !parse_number (port, 0, 65535, &number))
    return wrong_field (answer, "listen-port", "a port from 0 to 65535 is needed");
  *config = (struct engine_config) {.listen_port = (uint16_t)number};
  snprintf (config->private_key, sizeof config->private_key, "%s", key);
  snprintf (config->address, sizeof config->address, "%s", address);
  snprintf (config->route, sizeof config->route, "%s", route);
  return true;
}

static const char *
parse_peer (struct message *request, struct peer *peer)
{
  return peer_parse (peer, message_get (request, "peer"), message_get (request, "allowed"),
                     message_get (request, "endpoint"), message_get (request, "keepalive"));
}

static bool
serve_up (struct agent *agent, struct message *request, struct answer *answer)
{
  bool with_peer = message_get (request, "peer") != NULL;
  struct engine_config config;
  struct peer peer;
  char error[256];
  bool good;

  if (agent->engine.kind == ENGINE_NONE)
    return answer_error (answer, "unsupported", "this agent was started without an engine");
  if (!parse_up (request, &config, answer))
    return false;
  if (with_peer)
    {
      const char *wrong = parse_peer (request, &peer);

      if (wrong)
        {
          explicit_bzero (&config, sizeof config);
          return wrong_field (answer, wrong, hint_for (wrong));
        }
    }
  good = engine_up (&agent->engine, &config, with_peer ? &peer : NULL, error, sizeof error);
  explicit_bzero (&config, sizeof config);
  if (!good)
    return answer_error (answer, "failed", "%s", error);
  answer_field (answer, "engine", "%s", engine_kind_name (agent->engine.kind));
  answer_field (answer, "mtu", "%d", engine_mtu (&agent->engine));
  answer_field (answer, "listen-port", "%u", engine_listen_port (&agent->engine));
  return true;
}

static bool
serve_peer (struct agent *agent, struct message *request, struct answer *answer)
{
  struct peer peer;
  const char *wrong = parse_peer (request, &peer);
  char error[256];

  if (wrong)
    return wrong_field (answer, wrong, hint_for (wrong));
  if (!needs_up (agent, answer))
    return false;
  return engine_put_peer (&agent->engine, &peer, error, sizeof error)
         || answer_error (answer, "failed", "%s", error);
}

static bool
serve_unpeer (struct agent *agent, struct message *request, struct answer *answer)
{
  const char *key = message_get (request, "peer");
  char error[256];

  if (!key || !peer_key_valid (key))
    return wrong_field (answer, "peer", hint_for ("peer"));
  if (!needs_up (agent, answer))
    return false;
  return engine_remove_peer (&agent->engine, key, error, sizeof error)
         || answer_error (answer, "failed", "%s", error);
}

/* The whole of a regular file (memfd) as text; NULL with the reason in @error. */
static char *
read_text (int fd, size_t max, char *error, size_t size)
{
  struct stat info;
  char *text;
  size_t done = 0;
  ssize_t n = 1;

  if (fd < 0 || fstat (fd, &info) || !S_ISREG (info.st_mode) || info.st_size < 0
      || (size_t)info.st_size > max)
    {
      snprintf (error, size, "a memfd or file of at most %zu bytes is needed", max);
      return NULL;
    }
  text = malloc ((size_t)info.st_size + 1);
  while (text && done < (size_t)info.st_size && n > 0)
    {
      n = pread (fd, text + done, (size_t)info.st_size - done, (off_t)done);
      done += n > 0 ? (size_t)n : 0;
    }
  if (!text || n < 0 || memchr (text, '\0', done))
    {
      snprintf (error, size, "the list of peers cannot be read");
      free (text);
      return NULL;
    }
  text[done] = '\0';
  return text;
}

static bool
serve_peers (struct agent *agent, struct message *request, struct answer *answer)
{
  const char *replace = message_get (request, "replace");
  struct peer_table list = {0};
  char error[256];
  char *text;
  bool good;
  int fd;

  if (replace && strcmp (replace, "0") != 0 && strcmp (replace, "1") != 0)
    return wrong_field (answer, "replace", "0 or 1 is needed");
  if (!needs_up (agent, answer))
    return false;
  fd = message_take_fd (request, 0);
  text = read_text (fd, PEERS_TEXT_MAX, error, sizeof error);
  if (fd >= 0)
    close (fd);
  if (!text)
    return wrong_field (answer, "fd", error);
  good = peer_table_parse (&list, text, error, sizeof error);
  free (text);
  if (!good)
    answer_error (answer, "invalid-argument", "%s", error);
  else if (!(good = engine_put_peers (&agent->engine, &list, replace && *replace == '1', error,
                                      sizeof error)))
    answer_error (answer, "failed", "%s", error);
  peer_table_clear (&list);
  return good;
}

static bool
serve_endpoint (struct agent *agent, struct message *request, struct answer *answer)
{
  const char *key = message_get (request, "peer");
  const char *text = message_get (request, "endpoint");
  struct address endpoint;
  char error[256];

  if (!key || !peer_key_valid (key))
    return wrong_field (answer, "peer", hint_for ("peer"));
  if (!text || !address_parse (text, strlen (text), &endpoint))
    return wrong_field (answer, "endpoint", hint_for ("endpoint"));
  if (!needs_up (agent, answer))
    return false;
  if (!peer_table_find (&agent->engine.peers, key))
    return answer_error (answer, "not-found", "peer: not known");
  return engine_move_peer (&agent->engine, key, &endpoint, error, sizeof error)
         || answer_error (answer, "failed", "%s", error);
}

static bool
serve_mtu (struct agent *agent, struct message *request, struct answer *answer)
{
  const char *text = message_get (request, "mtu");
  unsigned long mtu = 0;
  char error[256];

  if (!text || !parse_number (text, ENGINE_MTU_MIN, 65535, &mtu))
    return wrong_field (answer, "mtu", "a number of bytes from 576 to 65535 is needed");
  if (!needs_up (agent, answer))
    return false;
  return engine_set_mtu (&agent->engine, (unsigned)mtu, error, sizeof error)
         || answer_error (answer, "failed", "%s", error);
}

/* ---- sockets ---- */

static int
tcp_socket (const struct address *local)
{
  struct sockaddr_storage sa;
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int one = 1;

  if (fd < 0 || !local)
    return fd < 0 ? -errno : fd;
  setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind (fd, (struct sockaddr *)&sa, address_to_sockaddr (local, &sa)))
    {
      int failure = errno;

      close (fd);
      return -failure;
    }
  return fd;
}

static bool
serve_listen (struct agent *agent, struct message *request, struct answer *answer)
{
  const char *ip = message_get (request, "address");
  const char *port = message_get (request, "port");
  const char *backlog = message_get (request, "backlog");
  unsigned long number = 0, length = 128;
  struct sockaddr_storage sa;
  socklen_t len = sizeof sa;
  struct address local;

  (void)agent;
  if (!ip || !address_parse_ip (ip, strlen (ip), &local) || local.family != 4)
    return wrong_field (answer, "address", "an IPv4 address of the tunnel is needed");
  if (port && !parse_number (port, 0, 65535, &number))
    return wrong_field (answer, "port", "a port from 0 to 65535 is needed");
  if (backlog && !parse_number (backlog, 1, 65535, &length))
    return wrong_field (answer, "backlog", "a number from 1 to 65535 is needed");
  local.port = (uint16_t)number;
  answer->fd = tcp_socket (&local);
  if (answer->fd < 0)
    {
      int failure = -answer->fd;

      answer->fd = -1;
      return answer_error (answer, failure == EADDRINUSE ? "conflict" : "failed",
                           "cannot listen at %s port %lu: %s", ip, number, strerror (failure));
    }
  if (listen (answer->fd, (int)length) || getsockname (answer->fd, (struct sockaddr *)&sa, &len)
      || !address_from_sockaddr ((struct sockaddr *)&sa, len, &local))
    {
      close (answer->fd);
      return answer_error (answer, "failed", "cannot listen: %s", strerror (errno));
    }
  answer_field (answer, "port", "%u", local.port);
  return true;
}

static bool
serve_socket (struct agent *agent, struct message *request, struct answer *answer)
{
  const char *ip = message_get (request, "address");
  struct address local;
  int fd;

  (void)agent;
  if (ip && (!address_parse_ip (ip, strlen (ip), &local) || local.family != 4))
    return wrong_field (answer, "address", "an IPv4 address of the tunnel is needed");
  local.port = 0;
  fd = tcp_socket (ip ? &local : NULL);
  if (fd < 0)
    return answer_error (answer, "failed", "cannot make a socket: %s", strerror (-fd));
  answer->fd = fd;
  return true;
}

/* ---- isolation ---- */

static bool
owns_socket (void *data, unsigned long inode)
{
  (void)data;
  /* Our descriptors are few and the question is rare: ask each. */
  for (int fd = 3; fd < 8192; fd++)
    {
      struct stat info;

      if (fstat (fd, &info) == 0 && S_ISSOCK (info.st_mode) && info.st_ino == inode)
        return true;
    }
  return false;
}

/* Comma-separated ports; the number of them, or -1. */
static int
parse_ports (const char *text, uint16_t *out, int max)
{
  char copy[1024], *rest = copy, *item;
  int n = 0;

  if (!text || !*text)
    return 0;
  if (strlen (text) >= sizeof copy)
    return -1;
  snprintf (copy, sizeof copy, "%s", text);
  while ((item = strsep (&rest, ",")))
    {
      unsigned long port;

      if (n == max || !parse_number (item, 1, 65535, &port))
        return -1;
      out[n++] = (uint16_t)port;
    }
  return n;
}

static bool
serve_verify (struct agent *agent, struct message *request, struct answer *answer)
{
  struct isolation_expected expected = {.device = agent->engine.name,
                                        .route = agent->engine.config.route,
                                        .wireguard_port = engine_inner_port (&agent->engine),
                                        .owns_socket = owns_socket};
  int n = parse_ports (message_get (request, "ports"), expected.ports, ISOLATION_PORTS_MAX);
  char error[900];

  if (n < 0)
    return wrong_field (answer, "ports", "port numbers separated by commas are needed");
  if (agent->engine.kind == ENGINE_NONE)
    return true; /* nothing is isolated in direct mode, and nothing claims to be */
  if (!needs_up (agent, answer))
    return false;
  expected.n_ports = (size_t)n;
  return isolation_verify (&expected, error, sizeof error)
         || answer_error (answer, "not-isolated", "%s", error);
}

/* ---- the relay ---- */

/* The request's arg.0, arg.1, … in order; false names a gap or an excess. */
static bool
collect_args (const struct message *request, struct relay_wish *wish, struct answer *answer)
{
  size_t given = 0;
  char key[32];

  for (size_t i = 0; i < request->n_fields; i++)
    given += strncmp (request->fields[i].key, "arg.", 4) == 0;
  if (given > RELAY_ARGS_MAX)
    return wrong_field (answer, "arg", "too many arguments");
  for (; wish->n_args < given; wish->n_args++)
    {
      snprintf (key, sizeof key, "arg.%zu", wish->n_args);
      wish->args[wish->n_args] = message_get (request, key);
      if (!wish->args[wish->n_args])
        return wrong_field (answer, key, "is missing; arguments are numbered from 0 without gaps");
    }
  return true;
}

static bool
is_listener (int fd)
{
  int listening = 0;
  socklen_t len = sizeof listening;

  return getsockopt (fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 && listening;
}

/* How an earlier relay is replaced. */
static bool
parse_replace (const struct message *request, struct relay_wish *wish, struct answer *answer)
{
  const char *drain = message_get (request, "drain");

  wish->layout = message_get (request, "layout");
  if (wish->layout && strlen (wish->layout) >= RELAY_LAYOUT_MAX)
    return wrong_field (answer, "layout", "a word of at most 31 bytes is needed");
  if (drain && strcmp (drain, "0") != 0 && strcmp (drain, "1") != 0)
    return wrong_field (answer, "drain", "0 or 1 is needed");
  wish->drain = drain && drain[0] == '1';
  return true;
}

/* The ports the service manager listens at need no wish: every relay has those listeners. */
static void
leave_out_given (const struct agent *agent, struct relay_wish *wish)
{
  size_t n = 0;

  for (size_t i = 0; i < wish->n_listeners; i++)
    if (!relay_child_is_given (&agent->relay, wish->ports[i]))
      wish->ports[n++] = wish->ports[i];
  wish->n_listeners = n;
}

/* Fills in the wished listeners: with "drain" those that are held already, for as many of their
 * ports as there are, and the descriptors of the request for the others, in order. */
static bool
collect_listeners (struct agent *agent,
                   struct message *request,
                   struct relay_wish *wish,
                   struct answer *answer)
{
  size_t used = 0;

  leave_out_given (agent, wish);
  for (size_t i = 0; i < wish->n_listeners; i++)
    {
      int held = wish->drain
                     ? relay_child_find_listener (&agent->relay, wish->ports[i], wish->listeners, i)
                     : -1;

      wish->listeners[i] = held;
      used += held < 0;
    }
  if (used != request->n_fds)
    return wrong_field (answer, "listeners",
                        "one port for each descriptor, separated by commas, is needed");
  used = 0;
  for (size_t i = 0; i < wish->n_listeners; i++)
    if (wish->listeners[i] < 0)
      wish->listeners[i] = message_take_fd (request, used++);
  return true;
}

static bool
parse_relay (const struct message *request, struct relay_wish *wish, struct answer *answer)
{
  const char *size = message_get (request, "counters-size");
  unsigned long bytes = RELAY_COUNTERS_DEFAULT;
  int n = parse_ports (message_get (request, "listeners"), wish->ports, RELAY_LISTENERS_MAX);

  wish->program = message_get (request, "program");
  if (!wish->program || wish->program[0] != '/')
    return wrong_field (answer, "program", "the relay's absolute path is needed");
  if (n < 0)
    return wrong_field (answer, "listeners", "port numbers separated by commas are needed");
  for (size_t i = 0; i < request->n_fds; i++)
    if (!is_listener (request->fds[i]))
      return wrong_field (answer, "listeners", "each descriptor must be a listening socket");
  if (!parse_replace (request, wish, answer))
    return false;
  if (size && !parse_number (size, 1, RELAY_COUNTERS_MAX, &bytes))
    return wrong_field (answer, "counters-size", "a number of bytes, at most 268435456, is needed");
  wish->counters_size = bytes;
  wish->n_listeners = (size_t)n;
  return collect_args (request, wish, answer);
}

static bool
serve_relay_start (struct agent *agent, struct message *request, struct answer *answer)
{
  struct relay_wish wish = {0};
  char error[512];

  if (!parse_relay (request, &wish, answer) || !collect_listeners (agent, request, &wish, answer))
    return false;
  return relay_child_start (&agent->relay, &wish, error, sizeof error)
         || answer_error (answer, "failed", "%s", error);
}

static bool
serve_relay_routes (struct agent *agent, struct message *request, struct answer *answer)
{
  int fd = message_take_fd (request, 0);
  char error[256];

  if (fd < 0)
    return wrong_field (answer, "fd", "a memfd with the route table is needed");
  if (relay_child_set_routes (&agent->relay, fd, error, sizeof error))
    return true;
  close (fd);
  return answer_error (answer, "invalid-argument", "%s", error);
}

static bool
give_fd (int fd, struct answer *answer, const char *missing)
{
  if (fd < 0)
    return answer_error (answer, "not-found", "%s", missing);
  answer->fd = fcntl (fd, F_DUPFD_CLOEXEC, 3);
  return answer->fd >= 0
         || answer_error (answer, "failed", "no descriptor left: %s", strerror (errno));
}

static bool
serve_relay_routes_get (struct agent *agent, struct message *request, struct answer *answer)
{
  (void)request;
  return give_fd (agent->relay.routes, answer, "no route table was given yet");
}

static bool
serve_relay_counters (struct agent *agent, struct message *request, struct answer *answer)
{
  (void)request;
  return give_fd (agent->relay.counters, answer, "the relay was not started yet");
}

static bool
serve_quit (struct agent *agent, struct message *request, struct answer *answer)
{
  (void)request;
  (void)answer;
  relay_child_stop (&agent->relay);
  if (!agent->fault[0])
    engine_down (&agent->engine);
  agent->loop.quit = true;
  return true;
}

/* ---- the table ---- */

/* A handler that returns true has filled the answer with "ok"; answer.fd is then its to give away.
 */
static const struct verb
{
  const char *name;
  const char *fields; /* allowed ones, separated by spaces; "arg." allows a numbered series */
  size_t max_fds;
  bool (*serve) (struct agent *agent, struct message *request, struct answer *answer);
} verbs[] = {
    {"hello", "", 0, serve_hello},
    {"up", "address private-key listen-port route peer allowed endpoint keepalive", 0, serve_up},
    {"peer", "peer allowed endpoint keepalive", 0, serve_peer},
    {"unpeer", "peer", 0, serve_unpeer},
    {"peers", "replace", 1, serve_peers},
    {"endpoint", "peer endpoint", 0, serve_endpoint},
    {"mtu", "mtu", 0, serve_mtu},
    {"status", "", 0, serve_status},
    {"listen", "address port backlog", 0, serve_listen},
    {"socket", "address", 0, serve_socket},
    {"verify", "ports", 0, serve_verify},
    {"relay-start", "program listeners counters-size layout drain arg.", RELAY_LISTENERS_MAX,
     serve_relay_start},
    {"relay-routes", "", 1, serve_relay_routes},
    {"relay-routes-get", "", 0, serve_relay_routes_get},
    {"relay-counters", "", 0, serve_relay_counters},
    {"quit", "", 0, serve_quit},
};

static bool
field_allowed (const struct verb *verb, const char *key)
{
  const char *word = verb->fields;

  while (*word)
    {
      size_t n = strcspn (word, " ");

      if (strlen (key) == n && strncmp (word, key, n) == 0)
        return true;
      if (word[n - 1] == '.' && strncmp (word, key, n) == 0)
        return true;
      word += n + (word[n] == ' ');
    }
  return false;
}

static bool
serve_verb (struct agent *agent,
            const struct verb *verb,
            struct message *request,
            struct answer *answer)
{
  for (size_t i = 0; i < request->n_fields; i++)
    if (!field_allowed (verb, request->fields[i].key))
      return wrong_field (answer, request->fields[i].key, "this request has no such field");
  if (request->n_fds > verb->max_fds)
    return wrong_field (answer, "fd", "too many descriptors for this request");
  if (agent->fault[0] && verb->serve != serve_quit)
    return answer_error (answer, "unsupported", "%s", agent->fault);
  if (agent->relay_is_apart && strncmp (verb->name, "relay-", strlen ("relay-")) == 0)
    return answer_error (answer, "unsupported", "the relay is not a child of this agent");
  return verb->serve (agent, request, answer);
}

void
agent_serve (void *data, struct message *request, struct answer *answer)
{
  struct agent *agent = data;

  for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
    if (strcmp (verbs[i].name, request->verb) == 0)
      {
        serve_verb (agent, &verbs[i], request, answer);
        return;
      }
  answer_error (answer, "protocol", "no such request: %s", request->verb);
}
