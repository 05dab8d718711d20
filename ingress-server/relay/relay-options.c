/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/relay/relay-options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum option_id
{
  OPTION_CONTROL_FD = 1000,
  OPTION_COUNTERS_FD,
  OPTION_LISTENER,
  OPTION_WORKERS,
  OPTION_SANDBOX,
  OPTION_SOURCE,
  OPTION_HELLO_MS,
  OPTION_CONNECT_MS,
  OPTION_OFFER_MS,
  OPTION_IDLE_MS,
  OPTION_MAX_FLOWS,
  OPTION_MAX_PER_SOURCE,
  OPTION_MAX_WARM,
  OPTION_RATE_PER_SOURCE,
  OPTION_BANDWIDTH,
  OPTION_REDIRECT_PORT,
  OPTION_KEEP_GAUGES,
};

static const struct option long_options[] = {
    {"control-fd", required_argument, NULL, OPTION_CONTROL_FD},
    {"counters-fd", required_argument, NULL, OPTION_COUNTERS_FD},
    {"listener", required_argument, NULL, OPTION_LISTENER},
    {"workers", required_argument, NULL, OPTION_WORKERS},
    {"sandbox", required_argument, NULL, OPTION_SANDBOX},
    {"source", required_argument, NULL, OPTION_SOURCE},
    {"hello-timeout", required_argument, NULL, OPTION_HELLO_MS},
    {"connect-timeout", required_argument, NULL, OPTION_CONNECT_MS},
    {"offer-timeout", required_argument, NULL, OPTION_OFFER_MS},
    {"idle-timeout", required_argument, NULL, OPTION_IDLE_MS},
    {"max-flows", required_argument, NULL, OPTION_MAX_FLOWS},
    {"max-per-source", required_argument, NULL, OPTION_MAX_PER_SOURCE},
    {"max-warm", required_argument, NULL, OPTION_MAX_WARM},
    {"rate-per-source", required_argument, NULL, OPTION_RATE_PER_SOURCE},
    {"bandwidth", required_argument, NULL, OPTION_BANDWIDTH},
    {"redirect-port", required_argument, NULL, OPTION_REDIRECT_PORT},
    {"keep-gauges", no_argument, NULL, OPTION_KEEP_GAUGES},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

static const char help[]
    = "Usage: funnel-relay --control-fd N --counters-fd N --listener FD:PORT... [options]\n"
      "\n"
      "Forwards visitors' TLS to nodes by server name, without terminating it.\n"
      "Started by funnel-netns with inherited descriptors; not meant to be run by hand.\n"
      "\n"
      "  --control-fd N         SOCK_SEQPACKET socket on which route tables arrive\n"
      "  --counters-fd N        shared counters page\n"
      "  --keep-gauges          an earlier relay still counts its visitors in the page\n"
      "  --listener FD:PORT     inherited listening socket and its public port; repeatable\n"
      "  --workers N            threads (default: one per processor)\n"
      "  --sandbox on|off       drop privileges and filter system calls (default on)\n"
      "  --source ADDRESS       local IPv4 address of connections to nodes (default: the kernel's "
      "choice)\n"
      "  --hello-timeout MS     to receive a ClientHello (default 10000)\n"
      "  --connect-timeout MS   to connect to a node (default 5000)\n"
      "  --offer-timeout MS     for a node to answer an offer (default 10000)\n"
      "  --idle-timeout MS      without a byte either way (default 3600000)\n"
      "  --max-flows N          visitors at a time (default: what descriptors allow)\n"
      "  --max-per-source N     visitors at a time from one address (default 1024)\n"
      "  --rate-per-source N    new visitors per second from one address (default: no limit)\n"
      "  --bandwidth BYTES      per second, all visitors together, shared fairly among nodes\n"
      "                         (default: no limit)\n"
      "  --redirect-port PORT   public port on which plain HTTP is sent to https\n"
      "  --max-warm N           idle connections to nodes (default 2048)\n"
      "  --help, --version\n";

static bool
read_number (const char *text, uint32_t min, uint32_t max, uint32_t *out)
{
  char *end;
  unsigned long value;

  errno = 0;
  value = strtoul (text, &end, 10);
  if (errno != 0 || end == text || *end != '\0' || *text == '-' || value < min || value > max)
    return false;
  *out = (uint32_t)value;
  return true;
}

static bool
read_fd (const char *text, int *out)
{
  uint32_t value;

  if (!read_number (text, 3, 1 << 20, &value))
    return false;
  *out = (int)value;
  return true;
}

static bool
read_listener (struct relay_options *options, const char *text)
{
  struct relay_listener *listener = &options->listeners[options->listener_count];
  char fd_text[12];
  const char *colon = strchr (text, ':');
  uint32_t port;

  if (options->listener_count == RELAY_LISTENERS_MAX || colon == NULL
      || (size_t)(colon - text) >= sizeof fd_text)
    return false;
  memcpy (fd_text, text, (size_t)(colon - text));
  fd_text[colon - text] = '\0';
  if (!read_fd (fd_text, &listener->fd) || !read_number (colon + 1, 1, 65535, &port))
    return false;
  listener->port = (uint16_t)port;
  options->listener_count++;
  return true;
}

static bool
read_port (const char *text, uint16_t *out)
{
  uint32_t value;

  if (!read_number (text, 1, 65535, &value))
    return false;
  *out = (uint16_t)value;
  return true;
}

static bool
read_bytes (const char *text, uint64_t *out)
{
  char *end;
  unsigned long long value;

  errno = 0;
  value = strtoull (text, &end, 10);
  if (errno != 0 || end == text || *end != '\0' || *text == '-' || value < RELAY_BANDWIDTH_MIN
      || value > RELAY_BANDWIDTH_MAX)
    return false;
  *out = value;
  return true;
}

static bool
read_switch (const char *text, bool *out)
{
  *out = strcmp (text, "on") == 0;
  return *out || strcmp (text, "off") == 0;
}

static bool
read_source (struct relay_options *options, const char *text)
{
  options->has_source = inet_pton (AF_INET, text, options->source) == 1;
  return options->has_source;
}

static bool
apply_option (struct relay_options *options, int id, const char *value)
{
  const uint32_t day = 24 * 3600 * 1000;

  switch ((enum option_id)id)
    {
    case OPTION_CONTROL_FD:
      return read_fd (value, &options->control_fd);
    case OPTION_COUNTERS_FD:
      return read_fd (value, &options->counters_fd);
    case OPTION_LISTENER:
      return read_listener (options, value);
    case OPTION_WORKERS:
      return read_number (value, 1, RELAY_WORKERS_MAX, &options->workers);
    case OPTION_SANDBOX:
      return read_switch (value, &options->sandbox);
    case OPTION_SOURCE:
      return read_source (options, value);
    case OPTION_HELLO_MS:
      return read_number (value, 1, day, &options->hello_ms);
    case OPTION_CONNECT_MS:
      return read_number (value, 1, day, &options->connect_ms);
    case OPTION_OFFER_MS:
      return read_number (value, 1, day, &options->offer_ms);
    case OPTION_IDLE_MS:
      return read_number (value, 1, day * 7, &options->idle_ms);
    case OPTION_MAX_FLOWS:
      return read_number (value, 1, 1 << 24, &options->max_flows);
    case OPTION_MAX_PER_SOURCE:
      return read_number (value, 1, 60000, &options->max_per_source);
    case OPTION_MAX_WARM:
      return read_number (value, 0, 1 << 20, &options->max_warm);
    case OPTION_RATE_PER_SOURCE:
      return read_number (value, 1, 1000000, &options->rate_per_source);
    case OPTION_BANDWIDTH:
      return read_bytes (value, &options->bandwidth);
    case OPTION_KEEP_GAUGES:
      options->keep_gauges = true;
      return true;
    case OPTION_REDIRECT_PORT:
      return read_port (value, &options->redirect_port);
    }
  return false;
}

static uint32_t
default_workers (void)
{
  long cpus = sysconf (_SC_NPROCESSORS_ONLN);

  if (cpus < 1)
    return 1;
  return cpus > RELAY_WORKERS_MAX ? RELAY_WORKERS_MAX : (uint32_t)cpus;
}

static int
check_complete (const struct relay_options *options, FILE *messages)
{
  if (options->control_fd < 0 || options->counters_fd < 0 || options->listener_count == 0)
    {
      fputs ("funnel-relay: --control-fd, --counters-fd and at least one --listener are needed; "
             "try --help\n",
             messages);
      return 2;
    }
  return -1;
}

int
relay_options_parse (struct relay_options *options, int argc, char **argv, FILE *messages)
{
  int id, index;

  *options = (struct relay_options) {
      .control_fd = -1,
      .counters_fd = -1,
      .workers = default_workers (),
      .sandbox = true,
      .hello_ms = 10 * 1000,
      .connect_ms = 5 * 1000,
      .offer_ms = 10 * 1000,
      .idle_ms = 3600 * 1000,
      .max_per_source = 1024,
      .max_warm = 2048,
  };
  optind = 1;
  while ((id = getopt_long (argc, argv, "hV", long_options, &index)) != -1)
    {
      if (id == 'h' || id == 'V')
        {
          fputs (id == 'h' ? help : "funnel-relay " FUNNEL_VERSION "\n", messages);
          return 0;
        }
      if (id == '?')
        return 2;
      if (!apply_option (options, id, optarg))
        {
          fprintf (messages, "funnel-relay: --%s: \"%s\" is not a valid value; try --help\n",
                   long_options[index].name, optarg);
          return 2;
        }
    }
  if (optind < argc)
    {
      fprintf (messages, "funnel-relay: \"%s\": no arguments are expected; try --help\n",
               argv[optind]);
      return 2;
    }
  return check_complete (options, messages);
}
