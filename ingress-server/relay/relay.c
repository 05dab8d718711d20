/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/relay/relay-start.h"

#include "ingress-server/relay/sandbox.h"
#include "ingress-server/relay/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define DESCRIPTORS_OWN 64 /* listeners beyond this many are added to it */
#define DESCRIPTORS_PER_FLOW 2
#define FLOWS_MAX_DEFAULT 100000

static int
complain (const char *what)
{
  fprintf (stderr, "funnel-relay: %s: %s\n", what, strerror (errno));
  return -1;
}

/* As many descriptors as the system allows, and as many flows as they are good for. */
static uint32_t
plan_flows (const struct relay_options *options)
{
  struct rlimit limit;
  uint64_t own
      = DESCRIPTORS_OWN + options->listener_count + options->workers * 4 + options->max_warm;
  uint64_t flows = FLOWS_MAX_DEFAULT;

  if (getrlimit (RLIMIT_NOFILE, &limit) == 0)
    {
      limit.rlim_cur = limit.rlim_max;
      setrlimit (RLIMIT_NOFILE, &limit);
      getrlimit (RLIMIT_NOFILE, &limit);
      flows = limit.rlim_cur > own + 64 ? (limit.rlim_cur - own) / DESCRIPTORS_PER_FLOW : 32;
    }
  if (options->max_flows > 0 && flows > options->max_flows)
    flows = options->max_flows;
  return flows > FLOWS_MAX_DEFAULT ? FLOWS_MAX_DEFAULT : (uint32_t)flows;
}

/* Sets the gauges of all slots to 0. Walks only the parts of the page that exist: a slot never used
 * is a hole in the memfd, and reading it through the mapping would make it memory. */
static void
clear_slot_gauges (struct relay_counters *counters, int fd)
{
  const off_t first = offsetof (struct relay_counters, slots);
  const off_t unit = sizeof (struct relay_slot_counters);
  off_t start = first;

  while ((start = lseek (fd, start, SEEK_DATA)) >= 0)
    {
      off_t end = lseek (fd, start, SEEK_HOLE);

      if (end < 0)
        return;
      start = start < first ? first : start;
      for (off_t slot = (start - first) / unit; slot < ROUTE_SLOTS && first + slot * unit < end;
           slot++)
        counters->slots[slot].active = 0;
      start = end;
    }
}

static struct relay_counters *
map_counters (int fd, bool keep_gauges)
{
  struct relay_counters *counters;
  struct stat status;

  if (fstat (fd, &status) < 0)
    return NULL;
  if ((size_t)status.st_size < RELAY_COUNTERS_SIZE)
    {
      errno = EINVAL;
      return NULL;
    }
  counters = mmap (NULL, RELAY_COUNTERS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (counters == MAP_FAILED)
    return NULL;
  /* A page that an earlier version laid out otherwise. */
  if (counters->magic != RELAY_COUNTERS_MAGIC && counters->magic != 0)
    memset (counters, 0, RELAY_COUNTERS_SIZE);
  counters->magic = RELAY_COUNTERS_MAGIC;
  counters->pid = (uint32_t)getpid ();
  counters->starts++;
  if (keep_gauges)
    return counters;
  counters->active = counters->warm = 0;
  clear_slot_gauges (counters, fd);
  return counters;
}

/* Accepted sockets inherit the options, which saves calls per visitor. */
static void
prepare_listeners (const struct relay_options *options)
{
  for (uint32_t i = 0; i < options->listener_count; i++)
    {
      const int on = 1, keep_idle = 120, keep_interval = 30;
      int fd = options->listeners[i].fd;

      fcntl (fd, F_SETFL, fcntl (fd, F_GETFL) | O_NONBLOCK);
      setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      setsockopt (fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
      setsockopt (fd, IPPROTO_TCP, TCP_KEEPIDLE, &keep_idle, sizeof keep_idle);
      setsockopt (fd, IPPROTO_TCP, TCP_KEEPINTVL, &keep_interval, sizeof keep_interval);
    }
}

static int
init_relay (struct relay *relay, const struct relay_options *options)
{
  uint32_t flows = plan_flows (options) / options->workers;

  relay->options = options;
  relay->counters = map_counters (options->counters_fd, options->keep_gauges);
  if (relay->counters == NULL)
    return complain ("counters page");
  relay->source_cap = source_cap_new (options->max_per_source, options->rate_per_source);
  bandwidth_init (&relay->bandwidth, options->bandwidth);
  relay->adopted_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  relay->workers = calloc (options->workers, sizeof *relay->workers);
  if (relay->source_cap == NULL || relay->adopted_fd < 0 || relay->workers == NULL)
    return complain ("start");
  prepare_listeners (options);
  for (uint32_t i = 0; i < options->workers; i++)
    {
      int result = worker_init (&relay->workers[i], relay, i, flows > 16 ? flows : 16);

      if (result < 0)
        {
          errno = -result;
          return complain ("worker");
        }
    }
  return 0;
}

static int
start_workers (struct relay *relay)
{
  pthread_attr_t attributes;
  int result = pthread_attr_init (&attributes);

  if (result == 0)
    result = pthread_attr_setstacksize (&attributes, 256 * 1024);
  for (uint32_t i = 0; result == 0 && i < relay->options->workers; i++)
    result
        = pthread_create (&relay->workers[i].thread, &attributes, worker_run, &relay->workers[i]);
  pthread_attr_destroy (&attributes);
  errno = result;
  return result == 0 ? 0 : complain ("thread");
}

int
relay_start (const struct relay_options *options)
{
  static struct relay relay; /* a few megabytes, touched only as needed */

  signal (SIGPIPE, SIG_IGN);
  if (init_relay (&relay, options) < 0)
    return 1;
  if (options->sandbox && sandbox_drop_privileges () < 0)
    return 1;
  if (start_workers (&relay) < 0)
    return 1;
  if (options->sandbox && sandbox_filter_calls () < 0)
    return 1;
  return relay_serve_control (&relay);
}
