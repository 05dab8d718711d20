/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Runs ip, wg and the like: fork and exec, never a shell. Input goes through a memfd on standard
 * input, so no secret is ever in an argument, the environment or a file. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Work that must go on while a tool runs (the UDP relay). fd is polled for input; -1 = none. */
struct tool_meanwhile
{
  int fd;
  void (*serve) (void *data);
  void *data;
};

struct tool_call
{
  const char *const *argv;
  const char *input; /* may be NULL */
  size_t input_len;
  int netns; /* network namespace to run in, -1 = the agent's own */

  /* Results */
  char *output; /* NUL-terminated, NULL unless want_output; tool_call_clear wipes and frees it */
  size_t output_len;
  bool want_output;
  char error[256]; /* why it failed, one line */
};

/** tool_set_meanwhile: what every tool_run and tool_pause from now on serves while it waits. */
void tool_set_meanwhile (const struct tool_meanwhile *meanwhile);
/** tool_run: run to its end, at most TOOL_DEADLINE_MS. True if it exited with 0. */
bool tool_run (struct tool_call *call);
/** tool_call_clear: wipe and free the output. */
void tool_call_clear (struct tool_call *call);
/** tool_pause: wait @ms, serving what goes on meanwhile. */
void tool_pause (int ms);
/** tool_find: is @name an executable on the search path? */
bool tool_find (const char *name);
/** tool_search_path: make PATH contain the system directories, which users' paths often lack. */
void tool_search_path (void);

/** tool_child: in a new child: die with the agent, default signals. */
void tool_child (pid_t agent);
/** tool_start: fork and exec @argv with descriptors 0 (null) and 2 kept; @fds are made inheritable.
 * Waits until exec happened. Returns the pid and its pidfd, or a negative errno. */
pid_t tool_start (const char *const *argv,
                  const char *const *environment,
                  const int *fds,
                  size_t n_fds,
                  int *pidfd);
/** tool_reap: wait for @pid's end and return its status in words, "exit 1" or "signal 9". */
void tool_reap (pid_t pid, char *text, size_t size);
/** tool_memfd: an unsealed memfd with @len bytes of @data, offset 0; or -1. */
int tool_memfd (const char *name, const void *data, size_t len);
