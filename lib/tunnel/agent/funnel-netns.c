/* SPDX-License-Identifier: GPL-3.0-or-later */

/* funnel-netns: owns one network namespace, WireGuard in it, and the sockets and children made in
 * it.
 *
 *   --fd N         private: speaks over the connected socket N and ends with its client
 *   --socket PATH  lasting: listens at PATH and outlives its clients
 *   --activated    lasting: listens at sockets the service manager opened
 *
 * With --engine none it has no namespace and no tunnel, and is but a relay's parent: so it is in
 * the relay's own unit, whose service manager puts it into the namespace that another one, the
 * owner, was told by --netns.
 *
 * Whatever ends the agent takes everything with it: its children die with it, and the namespace
 * goes with its last process and socket. */

#include "lib/tunnel/agent/activation.h"
#include "lib/tunnel/agent/agent-notify.h"
#include "lib/tunnel/agent/agent-requests.h"
#include "lib/tunnel/agent/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <libgen.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct options
{
  int fd;             /* --fd, -1 = not given */
  const char *socket; /* --socket */
  bool activated;     /* --activated */
  const char *netns;  /* --netns, NULL = one of its own */
  int ready_fd;       /* --ready-fd: gets "ok" or the reason of failure */
  enum engine_kind engine;
};

/* The lasting agent's socket. The folder is held open because /run may be another one later. */
struct place
{
  int folder, lock, listener;
  char name[108];
};

#define NO_PLACE ((struct place) {-1, -1, -1, ""})

static const char help[]
    = "Usage: funnel-netns (--fd N | --socket PATH | --activated) [options]\n"
      "\n"
      "Owns one network namespace, WireGuard in it, and the sockets and children made in it.\n"
      "Started by funneld, funnel-ingressd or their units; not meant to be run by hand.\n"
      "\n"
      "  --fd N           private: speak over the connected socket N, and end when it closes\n"
      "  --socket PATH    lasting: listen at PATH\n"
      "  --activated      lasting: the socket comes from the service manager, and may come with\n"
      "                   TCP listeners, which every relay gets\n"
      "  --ready-fd N     write \"ok\" or the reason of failure there once it is known\n"
      "  --netns PATH     enter the network namespace kept at PATH instead of making one; the "
      "relay\n"
      "                   is then no child of this agent\n"
      "  --engine ENGINE  what runs WireGuard: auto (the default), kernel, wireguard-go, or none:\n"
      "                   no namespace and no tunnel\n"
      "  --help, --version\n";

static int
usage (void)
{
  fprintf (stderr, "%.*s\nTry --help.\n", (int)strcspn (help, "\n"), help);
  return 2;
}

static bool
parse_fd (const char *text, int *out)
{
  unsigned long number;

  if (!parse_number (text, 0, 1 << 20, &number) || fcntl ((int)number, F_GETFD) < 0)
    return false;
  *out = (int)number;
  return true;
}

static bool
parse_options (int argc, char **argv, struct options *options)
{
  static const struct option table[] = {{"fd", required_argument, NULL, 'f'},
                                        {"socket", required_argument, NULL, 's'},
                                        {"activated", no_argument, NULL, 'a'},
                                        {"netns", required_argument, NULL, 'n'},
                                        {"ready-fd", required_argument, NULL, 'r'},
                                        {"engine", required_argument, NULL, 'e'},
                                        {"help", no_argument, NULL, 'h'},
                                        {"version", no_argument, NULL, 'V'},
                                        {NULL, 0, NULL, 0}};
  bool good = true;
  int option;

  *options = (struct options) {.fd = -1, .ready_fd = -1, .engine = ENGINE_AUTO};
  while ((option = getopt_long (argc, argv, "", table, NULL)) != -1)
    {
      if (option == 'f')
        good = good && parse_fd (optarg, &options->fd);
      else if (option == 's')
        options->socket = optarg;
      else if (option == 'a')
        options->activated = true;
      else if (option == 'n')
        options->netns = optarg;
      else if (option == 'r')
        good = good && parse_fd (optarg, &options->ready_fd);
      else if (option == 'e')
        options->engine = engine_kind_from_name (optarg);
      else if (option == 'h' || option == 'V')
        {
          fputs (option == 'h' ? help : "funnel-netns " FUNNEL_VERSION "\n", stdout);
          exit (0);
        }
      else
        good = false;
    }
  return good && optind == argc && options->engine != ENGINE_KINDS
         && (options->fd >= 0) + (options->socket != NULL) + options->activated == 1;
}

static void
keep_standard_descriptors (void)
{
  int fd;

  do
    fd = open ("/dev/null", O_RDWR);
  while (fd >= 0 && fd <= 2);
  if (fd > 2)
    close (fd);
}

static void
raise_limits (void)
{
  struct rlimit files;

  if (getrlimit (RLIMIT_NOFILE, &files) == 0)
    {
      files.rlim_cur = files.rlim_max;
      setrlimit (RLIMIT_NOFILE, &files);
    }
}

/* Only who may write the folder can get here; the lock tells a dead agent's socket from a live
 * one's. */
static bool
take_place (const char *path, struct place *place, char *error, size_t size)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char copy[108], lock_name[128];

  if (strlen (path) >= sizeof address.sun_path)
    {
      snprintf (error, size, "--socket: the path is too long");
      return false;
    }
  snprintf (copy, sizeof copy, "%s", path);
  snprintf (place->name, sizeof place->name, "%s", basename (copy));
  snprintf (copy, sizeof copy, "%s", path);
  snprintf (address.sun_path, sizeof address.sun_path, "%s", path);
  snprintf (lock_name, sizeof lock_name, "%s.lock", place->name);
  place->folder = open (dirname (copy), O_PATH | O_DIRECTORY | O_CLOEXEC);
  place->lock = place->folder < 0
                    ? -1
                    : openat (place->folder, lock_name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (place->lock < 0)
    {
      snprintf (error, size, "--socket: %s: %s", path, strerror (errno));
      return false;
    }
  if (flock (place->lock, LOCK_EX | LOCK_NB))
    {
      snprintf (error, size, "--socket: another agent serves %s", path);
      return false;
    }
  unlinkat (place->folder, place->name, 0);
  place->listener = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  umask (0177);
  if (place->listener < 0 || bind (place->listener, (struct sockaddr *)&address, sizeof address)
      || listen (place->listener, SESSIONS_MAX))
    {
      snprintf (error, size, "--socket: %s: %s", path, strerror (errno));
      return false;
    }
  umask (0022);
  return true;
}

/* ---- events ---- */

static void
send_event (struct agent *agent, const char *name, const char *key, const char *value)
{
  struct answer event;

  answer_init (&event, "event");
  answer_field (&event, "name", "%s", name);
  if (key)
    answer_field (&event, key, "%s", value);
  session_hub_broadcast (&agent->hub, &event);
}

static void
on_engine_restarted (void *data)
{
  send_event (data, "engine-restarted", NULL, NULL);
}

static void
on_engine_failed (void *data, const char *message)
{
  fprintf (stderr, "funnel-netns: %s\n", message);
  send_event (data, "engine-failed", "message", message);
}

static void
on_relay_started (void *data)
{
  send_event (data, "relay-started", NULL, NULL);
}

static void
on_relay_exited (void *data, const char *status)
{
  send_event (data, "relay-exited", "status", status);
}

static void
on_relay_routes (void *data, const char *generation, const char *refusal)
{
  if (generation)
    {
      send_event (data, "routes-applied", "generation", generation);
      return;
    }
  fprintf (stderr, "funnel-netns: the relay refused the route table: %s\n", refusal);
  send_event (data, "routes-refused", "message", refusal);
}

struct signal_source
{
  struct loop_source source;
  struct agent *agent;
};

static void
renew_relay (struct agent *agent)
{
  char error[512];

  if (!relay_child_renew (&agent->relay, error, sizeof error))
    fprintf (stderr, "funnel-netns: the relay is not replaced: %s\n", error);
}

static void
on_signal (struct loop_source *source, uint32_t events)
{
  struct agent *agent = ((struct signal_source *)source)->agent;
  struct signalfd_siginfo info;

  (void)events;
  if (read (source->fd, &info, sizeof info) != sizeof info)
    return;
  if (info.ssi_signo == SIGHUP)
    renew_relay (agent);
  else
    agent->loop.quit = true;
}

static int
watch_signals (struct agent *agent, struct signal_source *out)
{
  sigset_t set;

  signal (SIGPIPE, SIG_IGN);
  sigemptyset (&set);
  sigaddset (&set, SIGTERM);
  sigaddset (&set, SIGINT);
  sigaddset (&set, SIGHUP);
  sigprocmask (SIG_BLOCK, &set, NULL);
  *out = (struct signal_source) {{signalfd (-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), on_signal},
                                 agent};
  return out->source.fd < 0 ? -errno : loop_add (&agent->loop, &out->source, EPOLLIN);
}

/* ---- start ---- */

/* Namespaces and engine; what fails stands in agent->fault. */
static bool
set_up (struct agent *agent, const struct options *options)
{
  enum engine_kind wanted = options->engine;
  struct engine_events events = {on_engine_restarted, on_engine_failed, agent};

  tool_search_path ();
  if (wanted != ENGINE_NONE
      && !namespaces_enter (&agent->namespaces, options->netns, agent->fault, sizeof agent->fault))
    return false;
  agent->relay_is_apart = options->netns != NULL;
  if (options->netns)
    engine_sweep ();
  return engine_init (&agent->engine, wanted, &agent->loop, &agent->namespaces, &events,
                      agent->fault, sizeof agent->fault);
}

/* The key is in our memory: no core dump, and no look inside by the user's other programs. */
static void
close_memory (void)
{
#ifndef __SANITIZE_ADDRESS__ /* its leak check has to look inside */
  prctl (PR_SET_DUMPABLE, 0);
#endif
}

static void
tell_ready (const struct options *options, const char *text)
{
  if (options->ready_fd < 0)
    return;
  if (write (options->ready_fd, text, strlen (text)) < 0)
    fprintf (stderr, "funnel-netns: nobody waits for the start: %s\n", strerror (errno));
  close (options->ready_fd);
}

static int
fail (const struct options *options, const char *error)
{
  fprintf (stderr, "funnel-netns: %s\n", error);
  tell_ready (options, error);
  return 1;
}

static int
run_private (struct agent *agent, const struct options *options)
{
  pid_t parent = getppid ();

  /* Before and after: entering a user namespace may clear it. The end of the socket tells us too.
   */
  prctl (PR_SET_PDEATHSIG, SIGKILL);
  fcntl (options->fd, F_SETFD, FD_CLOEXEC);
  set_up (agent, options);
  prctl (PR_SET_PDEATHSIG, SIGKILL);
  close_memory ();
  if (getppid () != parent || session_hub_adopt (&agent->hub, options->fd))
    return 1;
  loop_run (&agent->loop);
  return 0;
}

/* Where clients connect: a place of our own, or what the service manager opened. */
static bool
take_socket (struct agent *agent,
             const struct options *options,
             struct place *place,
             char *error,
             size_t size)
{
  struct activation activation;

  if (!options->activated)
    return take_place (options->socket, place, error, size);
  if (!activation_take (&activation, error, size))
    return false;
  place->listener = activation.clients;
  relay_child_give (&agent->relay, activation.listeners, activation.ports, activation.n_listeners);
  return true;
}

static void
leave_place (const struct place *place)
{
  if (place->folder >= 0)
    unlinkat (place->folder, place->name, 0);
}

static int
run_lasting (struct agent *agent, const struct options *options)
{
  struct place place = NO_PLACE;
  char error[256];
  /* Who may reach the service manager's socket is said by its mode. */
  uid_t owner = options->activated ? SESSION_ANY_OWNER : geteuid ();

  if (options->ready_fd >= 0)
    {
      fcntl (options->ready_fd, F_SETFD, FD_CLOEXEC);
      setsid (); /* whoever started us may go, with its terminal */
    }
  if (!take_socket (agent, options, &place, error, sizeof error))
    return fail (options, error);
  if (!set_up (agent, options))
    {
      leave_place (&place);
      return fail (options, agent->fault);
    }
  close_memory ();
  if (session_hub_listen (&agent->hub, place.listener, owner))
    return fail (options, "cannot watch the socket");
  tell_ready (options, "ok");
  agent_notify_keep_alive (&agent->loop);
  agent_notify ("READY=1");
  loop_run (&agent->loop);
  leave_place (&place);
  return 0;
}

int
main (int argc, char **argv)
{
  static struct agent agent;
  struct options options;
  struct relay_events relay_events = {on_relay_started, on_relay_exited, on_relay_routes, &agent};
  struct signal_source signals;
  int status;

  keep_standard_descriptors ();
  agent_notify_open ();
  if (!parse_options (argc, argv, &options))
    return usage ();
  raise_limits ();
  if (loop_init (&agent.loop) || watch_signals (&agent, &signals))
    return fail (&options, strerror (errno));
  session_hub_init (&agent.hub, &agent.loop, agent_serve, &agent);
  relay_child_init (&agent.relay, &agent.loop, &relay_events);
  status = options.fd >= 0 ? run_private (&agent, &options) : run_lasting (&agent, &options);
  relay_child_stop (&agent.relay);
  if (agent.engine.loop)
    engine_down (&agent.engine);
  udp_relay_free (agent.engine.relay);
  return status;
}
