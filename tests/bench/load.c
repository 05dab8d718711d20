/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The load generator: plays visitors. One thread, epoll; prints one JSON object per phase.
 *
 *   load MODE --to ADDRESS:PORT --name SNI [--count N] [--concurrency C] [--bytes B] [--sources S]
 * [--seconds T]
 *
 *   connections  N visits, C at a time: hello, B bytes of reply, end. Who ends first alternates. C
 * = 1 measures latency. down, up     N streams at once of B bytes each; up is confirmed by the far
 * end's own count. idle         N visits that stay open until standard input ends; then a second
 * object tells how many were lost.
 *
 * Every visit is checked: exactly B bytes, then an orderly end. Anything else is an error, and so
 * is a visit not finished after T seconds. Visits come from S addresses of 127/8, so that neither
 * ports run out through TIME_WAIT nor a limit per source address is met that real visitors would
 * not meet; S = 0 leaves the choice to the kernel. */

#include "tests/bench/net.h"
#include "tests/bench/order.h"

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK (256 * 1024)
#define EVENTS 256

enum mode
{
  MODE_CONNECTIONS,
  MODE_DOWN,
  MODE_UP,
  MODE_IDLE,
  MODES,
};

static const char *const mode_names[] = {"connections", "down", "up", "idle"};
_Static_assert(sizeof mode_names / sizeof *mode_names == MODES, "one name per mode");

enum state
{
  STATE_CONNECTING,
  STATE_SENDING, /* `to_send` bytes of payload to go */
  STATE_READING, /* `to_read` bytes to come */
  STATE_ENDING,  /* all read; the far end closes */
  STATE_HELD,    /* all read; stays open */
};

struct visit
{
  int fd;
  enum state state;
  enum order_closer closer;
  uint64_t to_send;
  uint64_t to_read;
  uint64_t started;
  bool has_first;   /* the first byte came */
  uint8_t count[8]; /* the far end's count, MODE_UP */
};

struct options
{
  enum mode mode;
  struct sockaddr_in to;
  char name[201];
  unsigned count;
  unsigned concurrency;
  unsigned sources;
  unsigned seconds;
  uint64_t bytes;
};

static struct options options = {.count = 1, .concurrency = 1, .sources = 250, .seconds = 60};
static int epoll_fd;
static uint8_t hello[ORDER_HELLO_LEN];
static uint8_t zeros[CHUNK];

static unsigned begun;
static unsigned ok;
static unsigned errors;
static unsigned held;
static uint64_t bytes;
static uint32_t *first_byte_ns; /* per finished visit, up to 4 s */
static unsigned first_bytes;

/* What went wrong first; one line of it is enough to find the cause. */
static void
complain (const struct visit *v, const char *what)
{
  if (errors++ == 0)
    warnx ("%s (state %d, to send %llu, to read %llu): %s", what, v->state,
           (unsigned long long)v->to_send, (unsigned long long)v->to_read, strerror (errno));
}

static void
begin_visit (void)
{
  struct visit *v = calloc (1, sizeof *v);
  struct sockaddr_in from = {.sin_family = AF_INET};
  unsigned source = options.sources ? begun % options.sources : 0;
  int on = 1;

  if (!v)
    err (1, "calloc");
  v->closer = options.mode != MODE_IDLE && begun % 2 ? ORDER_CLOSER_NODE : ORDER_CLOSER_VISITOR;
  begun++;
  v->fd = socket (AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (v->fd < 0)
    err (1, "socket");
  net_no_delay (v->fd);
  if (options.sources)
    {
      from.sin_addr.s_addr = htonl (0x7f640001 + (source / 250 << 8) + source % 250);
      setsockopt (v->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
      if (bind (v->fd, (struct sockaddr *)&from, sizeof from) < 0)
        err (1, "bind");
    }
  v->started = net_now ();
  if (connect (v->fd, (struct sockaddr *)&options.to, sizeof options.to) < 0
      && errno != EINPROGRESS)
    err (1, "connect");
  epoll_ctl (epoll_fd, EPOLL_CTL_ADD, v->fd,
             &(struct epoll_event) {.events = EPOLLOUT, .data.ptr = v});
}

static void
watch (struct visit *v, uint32_t events)
{
  epoll_ctl (epoll_fd, EPOLL_CTL_MOD, v->fd,
             &(struct epoll_event) {.events = events, .data.ptr = v});
}

static bool
is_wanting (void)
{
  return begun < options.count;
}

static void
end_visit (struct visit *v)
{
  close (v->fd);
  free (v);
  if (is_wanting ())
    begin_visit ();
}

/* Handlers return false when the visit is over, after counting it. */

static bool
finish (void)
{
  ok++;
  return false;
}

static bool
fail (const struct visit *v, const char *what)
{
  complain (v, what);
  return false;
}

static bool
do_connected (struct visit *v)
{
  struct order order = {.count = options.bytes, .closer = v->closer};
  int error = 0;

  getsockopt (v->fd, SOL_SOCKET, SO_ERROR, &error, &(socklen_t) {sizeof error});
  errno = error;
  if (error)
    return fail (v, "connect");
  order.kind = options.mode == MODE_UP ? ORDER_SINK : ORDER_REPLY;
  v->to_send = options.mode == MODE_UP ? options.bytes : 0;
  v->to_read = options.mode == MODE_UP ? sizeof v->count : options.bytes;
  order_set (&order, hello);
  if (send (v->fd, hello, sizeof hello, MSG_NOSIGNAL) != sizeof hello)
    return fail (v, "sending the hello");
  v->state = v->to_send ? STATE_SENDING : STATE_READING;
  if (v->state == STATE_READING)
    watch (v, EPOLLIN);
  return true;
}

static bool
do_send (struct visit *v)
{
  while (v->to_send > 0)
    {
      ssize_t n = send (v->fd, zeros, v->to_send < CHUNK ? v->to_send : CHUNK, MSG_NOSIGNAL);

      if (n < 0 && errno == EAGAIN)
        return true;
      if (n <= 0)
        return fail (v, "sending");
      v->to_send -= (uint64_t)n;
      bytes += (uint64_t)n;
    }
  v->state = STATE_READING;
  watch (v, EPOLLIN);
  return true;
}

static void
note_first_byte (struct visit *v)
{
  uint64_t took = net_now () - v->started;

  v->has_first = true;
  first_byte_ns[first_bytes++] = took < UINT32_MAX ? (uint32_t)took : UINT32_MAX;
}

static bool
is_count_right (const struct visit *v)
{
  uint64_t count = 0;

  for (int i = 0; i < 8; i++)
    count = count << 8 | v->count[i];
  return count == options.bytes;
}

static bool
all_read (struct visit *v)
{
  if (options.mode == MODE_UP && !is_count_right (v))
    return fail (v, "the far end counted differently");
  if (options.mode == MODE_IDLE)
    {
      held++;
      v->state = STATE_HELD;
      if (is_wanting ())
        begin_visit ();
      return true;
    }
  if (options.mode == MODE_UP || v->closer == ORDER_CLOSER_VISITOR)
    return finish ();
  v->state = STATE_ENDING;
  return true;
}

static bool
do_read (struct visit *v)
{
  bool is_up = options.mode == MODE_UP;
  ssize_t n = is_up ? recv (v->fd, v->count + sizeof v->count - v->to_read, v->to_read, 0)
                    : recv (v->fd, zeros, CHUNK, MSG_TRUNC);

  if (n < 0 && errno == EAGAIN)
    return true;
  if (n <= 0)
    return fail (v, n == 0 ? "ended too early" : "reading");
  if (!v->has_first)
    note_first_byte (v);
  if ((uint64_t)n > v->to_read)
    return fail (v, "more bytes than ordered");
  v->to_read -= (uint64_t)n;
  if (!is_up)
    bytes += (uint64_t)n;
  return v->to_read > 0 || all_read (v);
}

/* Only an end may come here. */
static bool
do_end (struct visit *v)
{
  ssize_t n = recv (v->fd, zeros, 1, 0);

  if (n < 0 && errno == EAGAIN)
    return true;
  if (n != 0)
    return fail (v, n > 0 ? "more bytes than ordered" : "reset instead of an end");
  return finish ();
}

static bool
handle (struct visit *v)
{
  switch (v->state)
    {
    case STATE_CONNECTING:
      return do_connected (v);
    case STATE_SENDING:
      return do_send (v);
    case STATE_READING:
      return do_read (v);
    case STATE_ENDING:
      return do_end (v);
    case STATE_HELD:
      held--;
      return fail (v, "lost while held");
    }
  return false;
}

/* One turn of the loop; false when @until (0: never) has passed. */
static bool
turn (uint64_t until)
{
  struct epoll_event events[EVENTS];
  int n = epoll_wait (epoll_fd, events, EVENTS, 100);

  for (int i = 0; i < n; i++)
    {
      struct visit *v = events[i].data.ptr;

      if (!v)
        return false;
      if (!handle (v))
        end_visit (v);
    }
  return until == 0 || net_now () < until;
}

static int
compare (const void *a, const void *b)
{
  uint32_t x = *(const uint32_t *)a;
  uint32_t y = *(const uint32_t *)b;

  return (x > y) - (x < y);
}

static double
percentile_us (unsigned percent)
{
  return first_bytes ? first_byte_ns[(uint64_t)(first_bytes - 1) * percent / 100] / 1000.0 : 0;
}

static void
report (uint64_t started)
{
  unsigned done = ok + held + errors;

  qsort (first_byte_ns, first_bytes, sizeof *first_byte_ns, compare);
  printf ("{\"ok\":%u,\"errors\":%u,\"bytes\":%llu,\"seconds\":%.6f,\"first_byte_p50_us\":%.1f,"
          "\"first_byte_p99_us\":%.1f}\n",
          ok + held, errors + (options.count - done), (unsigned long long)bytes,
          (double)(net_now () - started) / 1e9, percentile_us (50), percentile_us (99));
  fflush (stdout);
}

static void
hold (void)
{
  struct epoll_event event = {.events = EPOLLIN};

  /* A file or /dev/null cannot be waited for: it has ended already. */
  if (epoll_ctl (epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &event) == 0)
    while (turn (0))
      continue;
  printf ("{\"held\":%u,\"lost\":%u}\n", held, options.count - held);
}

static void
read_options (int argc, char **argv)
{
  static const struct option longs[] = {
      {"to", required_argument, NULL, 't'},      {"name", required_argument, NULL, 'n'},
      {"count", required_argument, NULL, 'c'},   {"concurrency", required_argument, NULL, 'p'},
      {"bytes", required_argument, NULL, 'b'},   {"sources", required_argument, NULL, 's'},
      {"seconds", required_argument, NULL, 'd'}, {NULL, 0, NULL, 0},
  };
  int option;

  while ((option = getopt_long (argc, argv, "", longs, NULL)) != -1)
    switch (option)
      {
      case 't':
        options.to = net_parse (optarg);
        break;
      case 'n':
        snprintf (options.name, sizeof options.name, "%s", optarg);
        break;
      case 'c':
        options.count = (unsigned)strtoul (optarg, NULL, 10);
        break;
      case 'p':
        options.concurrency = (unsigned)strtoul (optarg, NULL, 10);
        break;
      case 'b':
        options.bytes = strtoull (optarg, NULL, 10);
        break;
      case 's':
        options.sources = (unsigned)strtoul (optarg, NULL, 10);
        break;
      case 'd':
        options.seconds = (unsigned)strtoul (optarg, NULL, 10);
        break;
      default:
        exit (2);
      }
  for (int i = 0; i < MODES; i++)
    if (optind == argc - 1 && strcmp (argv[optind], mode_names[i]) == 0)
      options.mode = (enum mode)i;
  if (optind != argc - 1 || !options.to.sin_port || !options.name[0] || !options.bytes
      || !options.count || strcmp (argv[optind], mode_names[options.mode]) != 0)
    errx (2, "usage: %s connections|down|up|idle --to ADDRESS:PORT --name SNI --bytes B …",
          argv[0]);
}

int
main (int argc, char **argv)
{
  uint64_t started = net_now ();
  unsigned at_once;

  read_options (argc, argv);
  signal (SIGPIPE, SIG_IGN);
  net_raise_fd_limit ();
  order_write_hello (&(struct order) {ORDER_REPLY, ORDER_CLOSER_NODE, 0}, options.name, hello);
  first_byte_ns = calloc (options.count, sizeof *first_byte_ns);
  epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  if (epoll_fd < 0 || !first_byte_ns)
    err (1, "starting");
  at_once
      = options.mode == MODE_DOWN || options.mode == MODE_UP ? options.count : options.concurrency;
  for (unsigned i = 0; i < at_once && is_wanting (); i++)
    begin_visit ();
  while (ok + held + errors < options.count && turn (started + options.seconds * 1000000000ull))
    continue;
  report (started);
  if (options.mode == MODE_IDLE)
    hold ();
  return 0;
}
