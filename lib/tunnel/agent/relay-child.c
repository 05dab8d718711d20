/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * States: no program (nothing wanted) → running ⇄ waiting (retry armed).
 * The relay that ends is started again after 50 ms, doubling to 2 s while it keeps ending; a relay
 * that lived RELAY_GOOD_MS starts the count anew. Listeners, counters and routes stay here across
 * that, so a visitor who connects meanwhile waits in the listener's backlog.
 *
 * Replacing. The new relay is started first, on the same listeners where the wish names them; then
 * the old one is told to drain. It still gets every route table, for what is revoked must be cut,
 * and shares the counters page unless the layout changed. At most RELAY_PROCESSES_MAX - 1 drain;
 * the oldest makes room. */

#include "lib/tunnel/agent/relay-child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define RELAY_GOOD_MS 10000
#define RELAY_BACKOFF_FIRST_MS 50
#define RELAY_BACKOFF_MAX_MS 2000
#define NEEDED_SEALS (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW)

/* ---- routes ---- */

static void
on_answered (struct relay_process *process, const char *text)
{
  struct relay_child *child = process->owner;

  if (process != child->current)
    return;
  if (strncmp (text, "ok ", 3) == 0)
    child->events.routes (child->events.data, text + 3, NULL);
  else
    child->events.routes (child->events.data, NULL,
                          strncmp (text, "error ", 6) == 0 ? text + 6 : text);
}

bool
relay_child_set_routes (struct relay_child *child, int fd, char *error, size_t size)
{
  int seals = fcntl (fd, F_GET_SEALS);

  if (seals < 0 || (seals & NEEDED_SEALS) != NEEDED_SEALS)
    {
      snprintf (error, size,
                "fd: the route table must be a memfd sealed against write, shrink and grow");
      return false;
    }
  for (size_t i = 0; i < RELAY_PROCESSES_MAX; i++)
    relay_process_send_routes (&child->processes[i], fd);
  if (child->routes >= 0)
    close (child->routes);
  child->routes = fd;
  return true;
}

/* ---- the process ---- */

static int
make_counters (size_t size)
{
  int fd = memfd_create ("funnel-counters", MFD_CLOEXEC | MFD_ALLOW_SEALING);

  /* A page that cannot shrink cannot fault its readers. */
  if (fd >= 0
      && (ftruncate (fd, (off_t)size)
          || fcntl (fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)))
    {
      close (fd);
      return -1;
    }
  return fd;
}

struct command
{
  const char *argv[7 + 4 * RELAY_LISTENERS_MAX + RELAY_ARGS_MAX];
  size_t n_args;
  char numbers[2][16];
  char listeners[2 * RELAY_LISTENERS_MAX][32];
  int fds[2 + 2 * RELAY_LISTENERS_MAX];
  size_t n_fds;
};

static size_t
count_draining (const struct relay_child *child)
{
  size_t n = 0;

  for (size_t i = 0; i < RELAY_PROCESSES_MAX; i++)
    n += child->processes[i].pid != 0 && &child->processes[i] != child->current;
  return n;
}

static void
add_word (struct command *command, const char *word)
{
  command->argv[command->n_args++] = word;
}

static void
add_listeners (struct command *command, const int *fds, const uint16_t *ports, size_t n)
{
  for (size_t i = 0; i < n; i++)
    {
      char *text = command->listeners[command->n_fds - 2];

      snprintf (text, sizeof command->listeners[0], "%d:%u", fds[i], ports[i]);
      add_word (command, "--listener");
      add_word (command, text);
      command->fds[command->n_fds++] = fds[i];
    }
}

static void
build_command (const struct relay_child *child, struct command *command, int control)
{
  snprintf (command->numbers[0], sizeof command->numbers[0], "%d", control);
  snprintf (command->numbers[1], sizeof command->numbers[1], "%d", child->counters);
  add_word (command, child->program);
  add_word (command, "--control-fd");
  add_word (command, command->numbers[0]);
  add_word (command, "--counters-fd");
  add_word (command, command->numbers[1]);
  command->fds[0] = control;
  command->fds[1] = child->counters;
  command->n_fds = 2;
  add_listeners (command, child->given, child->given_ports, child->n_given);
  add_listeners (command, child->listeners, child->ports, child->n_listeners);
  if (count_draining (child) > 0 || child->current)
    add_word (command, "--keep-gauges");
  for (size_t i = 0; i < child->n_args; i++)
    add_word (command, child->args[i]);
  add_word (command, NULL);
}

/* A record for one more process; the oldest that drains makes room. */
static struct relay_process *
find_room (struct relay_child *child)
{
  struct relay_process *oldest = NULL;

  for (size_t i = 0; i < RELAY_PROCESSES_MAX; i++)
    {
      struct relay_process *process = &child->processes[i];

      if (process->pid == 0)
        return process;
      if (process != child->current && (oldest == NULL || process->started < oldest->started))
        oldest = process;
    }
  fprintf (stderr, "funnel-netns: too many relays are draining, ending the oldest\n");
  relay_process_end (oldest);
  return oldest;
}

/* Starts a relay and puts it in charge. */
static bool
spawn (struct relay_child *child, char *error, size_t size)
{
  struct command command = {0};
  struct relay_process *process = find_room (child);
  int control = relay_process_pair (process);
  int result;

  if (control < 0)
    {
      snprintf (error, size, "cannot make the relay's control socket: %s", strerror (-control));
      return false;
    }
  build_command (child, &command, control);
  result = relay_process_start (process, command.argv, command.fds, command.n_fds);
  close (control);
  if (result < 0)
    {
      snprintf (error, size, "program: cannot start %s: %s", child->program, strerror (-result));
      return false;
    }
  child->current = process;
  relay_process_send_routes (process, child->routes);
  return true;
}

static void
on_retry (struct loop_timer *timer)
{
  struct relay_child *child
      = (struct relay_child *)((char *)timer - offsetof (struct relay_child, retry));
  char error[256];

  if (!child->program || child->current)
    return;
  child->backoff_ms *= 2;
  if (child->backoff_ms > RELAY_BACKOFF_MAX_MS)
    child->backoff_ms = RELAY_BACKOFF_MAX_MS;
  if (spawn (child, error, sizeof error))
    {
      child->events.started (child->events.data);
      return;
    }
  fprintf (stderr, "funnel-netns: %s\n", error);
  loop_timer_start (child->loop, &child->retry, child->backoff_ms);
}

static void
on_ended (struct relay_process *process, const char *status)
{
  struct relay_child *child = process->owner;

  if (process != child->current)
    {
      fprintf (stderr, "funnel-netns: a draining relay ended (%s)\n", status);
      return;
    }
  child->current = NULL;
  if (!child->backoff_ms || loop_now () - process->started >= RELAY_GOOD_MS)
    child->backoff_ms = RELAY_BACKOFF_FIRST_MS;
  fprintf (stderr, "funnel-netns: the relay ended (%s), starting it again in %u ms\n", status,
           child->backoff_ms);
  loop_timer_start (child->loop, &child->retry, child->backoff_ms);
  child->events.exited (child->events.data, status);
}

/* What was wished for, but for the processes. */
static void
forget_wish (struct relay_child *child)
{
  loop_timer_stop (&child->retry);
  for (size_t i = 0; i < child->n_listeners; i++)
    close (child->listeners[i]);
  for (size_t i = 0; i < child->n_args; i++)
    free (child->args[i]);
  free (child->program);
  child->program = NULL;
  child->n_listeners = child->n_args = 0;
  child->backoff_ms = 0;
}

static void
end_current (struct relay_child *child)
{
  if (child->current)
    relay_process_end (child->current);
  child->current = NULL;
}

void
relay_child_init (struct relay_child *child,
                  struct agent_loop *loop,
                  const struct relay_events *events)
{
  *child = (struct relay_child) {
      .loop = loop, .events = *events, .counters = -1, .routes = -1, .retry = {.fire = on_retry}};
  for (size_t i = 0; i < RELAY_PROCESSES_MAX; i++)
    {
      relay_process_init (&child->processes[i], loop, child);
      child->processes[i].answered = on_answered;
      child->processes[i].ended = on_ended;
    }
}

static bool
is_among (int fd, const int *fds, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if (fds[i] == fd)
      return true;
  return false;
}

void
relay_child_give (struct relay_child *child, const int *fds, const uint16_t *ports, size_t n)
{
  memcpy (child->given, fds, n * sizeof *fds);
  memcpy (child->given_ports, ports, n * sizeof *ports);
  child->n_given = n;
}

bool
relay_child_is_given (const struct relay_child *child, uint16_t port)
{
  for (size_t i = 0; i < child->n_given; i++)
    if (child->given_ports[i] == port)
      return true;
  return false;
}

int
relay_child_find_listener (const struct relay_child *child,
                           uint16_t port,
                           const int *taken,
                           size_t n_taken)
{
  for (size_t i = 0; i < child->n_listeners; i++)
    if (child->ports[i] == port && !is_among (child->listeners[i], taken, n_taken))
      return child->listeners[i];
  return -1;
}

/* Takes what the wish keeps out of the listeners that forget_wish() will close. */
static void
spare_listeners (struct relay_child *child, const struct relay_wish *wish)
{
  size_t n = 0;

  for (size_t i = 0; i < child->n_listeners; i++)
    if (!is_among (child->listeners[i], wish->listeners, wish->n_listeners))
      child->listeners[n++] = child->listeners[i];
  child->n_listeners = n;
}

/* The page of counters goes on unless it would be read in another way. */
static bool
take_counters (struct relay_child *child, const struct relay_wish *wish)
{
  const char *layout = wish->layout ? wish->layout : "";

  if (child->counters >= 0 && child->counters_size == wish->counters_size
      && strcmp (child->layout, layout) == 0)
    return true;
  if (child->counters >= 0)
    close (child->counters);
  child->counters = make_counters (wish->counters_size);
  child->counters_size = wish->counters_size;
  snprintf (child->layout, sizeof child->layout, "%s", layout);
  return child->counters >= 0;
}

static bool
take_wish (struct relay_child *child, const struct relay_wish *wish)
{
  bool good;

  child->program = strdup (wish->program);
  good = child->program != NULL;
  for (size_t i = 0; i < wish->n_args; i++)
    {
      child->args[i] = strdup (wish->args[i]);
      good = good && child->args[i];
    }
  child->n_args = wish->n_args;
  memcpy (child->listeners, wish->listeners, sizeof child->listeners);
  memcpy (child->ports, wish->ports, sizeof child->ports);
  child->n_listeners = wish->n_listeners;
  return take_counters (child, wish) && good;
}

/* Ends what runs, or lets it drain beside the new one. */
static void
retire (struct relay_child *child, struct relay_process *old)
{
  if (old && old->pid && !relay_process_drain (old))
    relay_process_end (old);
}

bool
relay_child_start (struct relay_child *child,
                   const struct relay_wish *wish,
                   char *error,
                   size_t size)
{
  struct relay_process *old;

  /* Checked before anything is given up. */
  if (access (wish->program, X_OK) < 0)
    {
      snprintf (error, size, "program: cannot start %s: %s", wish->program, strerror (errno));
      return false;
    }
  if (!wish->drain)
    end_current (child);
  old = child->current;
  spare_listeners (child, wish);
  forget_wish (child);
  if (!take_wish (child, wish))
    snprintf (error, size, "out of memory for the relay");
  else if (spawn (child, error, size))
    {
      retire (child, old);
      child->events.started (child->events.data);
      return true;
    }
  end_current (child);
  forget_wish (child);
  return false;
}

bool
relay_child_renew (struct relay_child *child, char *error, size_t size)
{
  struct relay_process *old = child->current;

  /* One that waits to be started will be started from the new file anyway. */
  if (!child->program || !old)
    return true;
  if (!spawn (child, error, size))
    return false;
  retire (child, old);
  child->events.started (child->events.data);
  return true;
}

void
relay_child_stop (struct relay_child *child)
{
  child->current = NULL;
  for (size_t i = 0; i < RELAY_PROCESSES_MAX; i++)
    relay_process_end (&child->processes[i]);
  forget_wish (child);
  if (child->counters >= 0)
    close (child->counters);
  if (child->routes >= 0)
    close (child->routes);
  child->counters = child->routes = -1;
}
