/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/tunnel/agent/tool.h"

#include "lib/tunnel/agent/agent-loop.h"
#include "lib/wire/words.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define TOOL_DEADLINE_MS 20000
#define TOOL_OUTPUT_MAX (32u << 20)
#define SYSTEM_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static struct tool_meanwhile meanwhile = {.fd = -1};

void
tool_set_meanwhile (const struct tool_meanwhile *value)
{
  meanwhile = *value;
}

void
tool_search_path (void)
{
  const char *path = getenv ("PATH");
  char *joined;

  if (!path || !*path)
    setenv ("PATH", SYSTEM_PATH, 1);
  else if (asprintf (&joined, "%s:" SYSTEM_PATH, path) >= 0)
    {
      setenv ("PATH", joined, 1);
      free (joined);
    }
}

bool
tool_find (const char *name)
{
  const char *path = getenv ("PATH");
  char candidate[4096];

  while (path && *path)
    {
      size_t n = strcspn (path, ":");

      snprintf (candidate, sizeof candidate, "%.*s/%s", (int)n, path, name);
      if (n > 0 && access (candidate, X_OK) == 0)
        return true;
      path += n + (path[n] == ':');
    }
  return false;
}

int
tool_memfd (const char *name, const void *data, size_t len)
{
  int fd = memfd_create (name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  size_t done = 0;

  while (fd >= 0 && done < len)
    {
      ssize_t n = write (fd, (const char *)data + done, len - done);

      if (n <= 0)
        {
          close (fd);
          return -1;
        }
      done += (size_t)n;
    }
  if (fd >= 0)
    lseek (fd, 0, SEEK_SET);
  return fd;
}

void
tool_child (pid_t agent)
{
  sigset_t none;

  sigemptyset (&none);
  sigprocmask (SIG_SETMASK, &none, NULL);
  signal (SIGPIPE, SIG_DFL);
  prctl (PR_SET_PDEATHSIG, SIGKILL);
  /* The agent may have died before the line above took effect. */
  if (getppid () != agent)
    _exit (127);
}

static void
child_exec (const struct tool_call *call, pid_t agent, int input, int output, int errors)
{
  tool_child (agent);
  if (call->netns >= 0 && setns (call->netns, CLONE_NEWNET))
    {
      dprintf (errors, "cannot enter the host's network namespace: %s\n", strerror (errno));
      _exit (126);
    }
  if (dup2 (input, 0) < 0 || dup2 (output, 1) < 0 || dup2 (errors, 2) < 0)
    _exit (126);
  execvp (call->argv[0], (char *const *)call->argv);
  dprintf (2, "%s: %s\n", call->argv[0], strerror (errno));
  _exit (127);
}

/* Reads what is there. False at the end of the stream. */
static bool
collect (int fd, char **buffer, size_t *len, size_t *room, size_t max)
{
  ssize_t n;

  if (*len + 4096 > *room)
    {
      size_t larger = *room ? *room * 2 : 8192;
      char *grown;

      if (larger > max || !(grown = malloc (larger)))
        return false;
      /* Not realloc: the old copy may hold a key. */
      if (*buffer)
        {
          memcpy (grown, *buffer, *len);
          explicit_bzero (*buffer, *len);
          free (*buffer);
        }
      *buffer = grown;
      *room = larger;
    }
  n = read (fd, *buffer + *len, *room - *len - 1);
  if (n < 0)
    return errno == EAGAIN || errno == EINTR;
  *len += (size_t)n;
  (*buffer)[*len] = '\0';
  return n > 0;
}

struct reader
{
  int fd;
  char *text;
  size_t len, room, max;
};

/* Waits for the child's end while reading its output and serving what goes on meanwhile. Output
 * after the end (of a stray grandchild) is not waited for. */
static bool
wait_for_end (int pidfd, struct reader *readers)
{
  int64_t due = loop_now () + TOOL_DEADLINE_MS;
  bool ended = false;

  while (!ended)
    {
      struct pollfd polls[4] = {{.fd = pidfd, .events = POLLIN},
                                {.fd = readers[0].fd, .events = POLLIN},
                                {.fd = readers[1].fd, .events = POLLIN},
                                {.fd = meanwhile.fd, .events = POLLIN}};
      int64_t left = due - loop_now ();

      if (left <= 0)
        return false;
      if (poll (polls, 4, (int)left) < 0 && errno != EINTR)
        return false;
      if (polls[3].revents)
        meanwhile.serve (meanwhile.data);
      ended = polls[0].revents != 0;
      for (int i = 0; i < 2; i++)
        {
          struct reader *reader = &readers[i];

          while (reader->fd >= 0 && (polls[1 + i].revents || ended))
            {
              size_t before = reader->len;

              if (!collect (reader->fd, &reader->text, &reader->len, &reader->room, reader->max))
                {
                  close (reader->fd);
                  reader->fd = -1;
                }
              if (reader->len == before)
                break;
            }
        }
    }
  return true;
}

static void
first_line (char *out, size_t size, const char *text)
{
  snprintf (out, size, "%.*s", (int)strcspn (text, "\n"), text);
}

static bool
finish (struct tool_call *call, pid_t pid, bool ended, struct reader *readers)
{
  siginfo_t info = {0};
  bool good;

  if (!ended)
    kill (pid, SIGKILL);
  waitid (P_PID, (id_t)pid, &info, WEXITED);
  good = ended && info.si_code == CLD_EXITED && info.si_status == 0;
  if (!ended && call->error[0] == '\0') /* or it was not even waited for */
    snprintf (call->error, sizeof call->error, N_ ("%s did not end within %d s"), call->argv[0],
              TOOL_DEADLINE_MS / 1000);
  if (ended && !good && readers[1].len > 0)
    first_line (call->error, sizeof call->error, readers[1].text);
  else if (ended && !good)
    snprintf (call->error, sizeof call->error, N_ ("%s failed with status %d"), call->argv[0],
              info.si_status);
  if (call->want_output)
    {
      call->output = readers[0].text;
      call->output_len = readers[0].len;
      readers[0].text = NULL;
    }
  for (int i = 0; i < 2; i++)
    {
      if (readers[i].fd >= 0)
        close (readers[i].fd);
      if (readers[i].text)
        explicit_bzero (readers[i].text, readers[i].len);
      free (readers[i].text);
    }
  return good;
}

bool
tool_run (struct tool_call *call)
{
  int out[2] = {-1, -1}, err[2] = {-1, -1};
  int input = tool_memfd ("funnel-tool-input", call->input, call->input ? call->input_len : 0);
  struct reader readers[2] = {{.fd = -1, .max = TOOL_OUTPUT_MAX}, {.fd = -1, .max = 65536}};
  pid_t agent = getpid (), pid = -1;
  int pidfd = -1;
  bool ended;

  call->output = NULL;
  call->output_len = 0;
  call->error[0] = '\0';
  if (input >= 0 && pipe2 (out, O_CLOEXEC) == 0 && pipe2 (err, O_CLOEXEC) == 0)
    pid = fork ();
  if (pid == 0)
    child_exec (call, agent, input, out[1], err[1]);
  if (pid > 0)
    pidfd = pidfd_open (pid, 0);
  if (pid < 0 || pidfd < 0)
    snprintf (call->error, sizeof call->error, N_ ("cannot start %s: %s"), call->argv[0],
              strerror (errno));
  close (input);
  close (out[1]);
  close (err[1]);
  readers[0].fd = out[0];
  readers[1].fd = err[0];
  if (pid < 0)
    {
      close (out[0]);
      close (err[0]);
      return false;
    }
  fcntl (out[0], F_SETFL, O_NONBLOCK);
  fcntl (err[0], F_SETFL, O_NONBLOCK);
  ended = pidfd >= 0 && wait_for_end (pidfd, readers);
  if (pidfd >= 0)
    close (pidfd);
  return finish (call, pid, ended, readers);
}

void
tool_call_clear (struct tool_call *call)
{
  if (call->output)
    explicit_bzero (call->output, call->output_len);
  free (call->output);
  call->output = NULL;
  call->output_len = 0;
}

void
tool_pause (int ms)
{
  int64_t due = loop_now () + ms;
  int64_t left;

  while ((left = due - loop_now ()) > 0)
    {
      struct pollfd entry = {.fd = meanwhile.fd, .events = POLLIN};

      if (poll (&entry, 1, (int)left) > 0)
        meanwhile.serve (meanwhile.data);
    }
}

static void
start_exec (const char *const *argv,
            const char *const *environment,
            const int *fds,
            size_t n_fds,
            int report)
{
  int null = open ("/dev/null", O_RDWR | O_CLOEXEC);
  int failure;

  if (null >= 0)
    {
      dup2 (null, 0);
      dup2 (2, 1);
    }
  for (size_t i = 0; i < n_fds; i++)
    fcntl (fds[i], F_SETFD, 0);
  for (size_t i = 0; environment && environment[i]; i++)
    putenv ((char *)environment[i]);
  execvp (argv[0], (char *const *)argv);
  failure = errno;
  if (write (report, &failure, sizeof failure) < 0)
    _exit (126);
  _exit (127);
}

pid_t
tool_start (const char *const *argv,
            const char *const *environment,
            const int *fds,
            size_t n_fds,
            int *pidfd)
{
  pid_t agent = getpid ();
  int report[2];
  int failure = 0;
  pid_t pid;

  if (pipe2 (report, O_CLOEXEC))
    return -errno;
  pid = fork ();
  if (pid == 0)
    {
      tool_child (agent);
      start_exec (argv, environment, fds, n_fds, report[1]);
    }
  if (pid < 0)
    failure = errno;
  close (report[1]);
  if (pid > 0 && read (report[0], &failure, sizeof failure) <= 0)
    failure = 0;
  close (report[0]);
  if (pid > 0 && !failure && (*pidfd = pidfd_open (pid, 0)) < 0)
    failure = errno;
  if (pid > 0 && failure)
    {
      kill (pid, SIGKILL);
      waitpid (pid, NULL, 0);
    }
  return failure ? -failure : pid;
}

void
tool_reap (pid_t pid, char *text, size_t size)
{
  siginfo_t info = {0};

  waitid (P_PID, (id_t)pid, &info, WEXITED);
  snprintf (text, size, "%s %d", info.si_code == CLD_EXITED ? "exit" : "signal", info.si_status);
}
