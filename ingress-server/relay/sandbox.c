/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The relay meets every visitor, so it ends up with nothing but its sockets, in four stages:
 *
 * 1. Root directory: an empty directory of the agent's private /run, where allowed. Needs
 * CAP_SYS_CHROOT.
 * 2. User: nobody, where the user namespace has one. Needs CAP_SETUID, CAP_SETGID.
 * 3. Capabilities: none, none to be regained (bounding set, no_new_privs), not dumpable.
 * 4. System calls: those named in allowed_calls, sockets of AF_INET only; anything else ends the
 * process. There is no open, no exec, no fork among them. Descriptors are all inherited or made by
 * accept, socket and pipe2. */

#include "ingress-server/relay/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EMPTY_ROOT "/run/empty"
#define NOBODY 65534

static int
complain (const char *what)
{
  fprintf (stderr, "funnel-relay: sandbox: %s: %s\n", what, strerror (errno));
  return -1;
}

static int
leave_root_directory (void)
{
  if (chdir (EMPTY_ROOT) < 0 || chroot (".") < 0)
    {
      /* Without the agent's namespaces (direct mode) or the capability: stage 4 has no open anyway.
       */
      return errno == EPERM || errno == ENOENT || errno == EACCES ? 0 : complain ("chroot");
    }
  return chdir ("/") < 0 ? complain ("chdir") : 0;
}

static int
leave_user (void)
{
  if (geteuid () != 0)
    return 0;
  if (setgroups (0, NULL) < 0 && errno != EPERM)
    return complain ("setgroups");
  /* EINVAL: an unprivileged user namespace maps no other user than the one it was made by. */
  if (setresgid (NOBODY, NOBODY, NOBODY) < 0 && errno != EINVAL && errno != EPERM)
    return complain ("setresgid");
  if (setresuid (NOBODY, NOBODY, NOBODY) < 0 && errno != EINVAL && errno != EPERM)
    return complain ("setresuid");
  return 0;
}

/* Of the service manager's making, perhaps, which then forbids capset too. */
static bool
has_capabilities (void)
{
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2] = {0};

  if (syscall (SYS_capget, &header, data) < 0)
    return true;
  return (data[0].permitted | data[0].inheritable | data[1].permitted | data[1].inheritable) != 0;
}

static int
drop_capabilities (void)
{
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct none[2] = {0};

  for (int capability = 0; prctl (PR_CAPBSET_READ, capability) >= 0; capability++)
    if (prctl (PR_CAPBSET_DROP, capability) < 0 && errno != EPERM)
      return complain ("bounding set");
  prctl (PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  if (has_capabilities () && syscall (SYS_capset, &header, none) < 0)
    return complain ("capset");
  if (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
    return complain ("no_new_privs");
  prctl (PR_SET_DUMPABLE, 0);
  return 0;
}

int
sandbox_drop_privileges (void)
{
  int parent_death_signal = 0;

  /* Changing credentials clears it; the relay must not outlive its agent. */
  prctl (PR_GET_PDEATHSIG, &parent_death_signal);
  if (leave_root_directory () < 0 || leave_user () < 0 || drop_capabilities () < 0)
    return -1;
  if (parent_death_signal != 0)
    prctl (PR_SET_PDEATHSIG, parent_death_signal);
  return 0;
}

static const int allowed_calls[] = {
    /* waiting */
    SCMP_SYS (epoll_wait),
    SCMP_SYS (epoll_pwait),
    SCMP_SYS (epoll_ctl),
    SCMP_SYS (poll),
    SCMP_SYS (ppoll),
    /* sockets and pipes */
    SCMP_SYS (accept4),
    SCMP_SYS (getsockname),
    SCMP_SYS (connect),
    SCMP_SYS (bind),
    SCMP_SYS (recvfrom),
    SCMP_SYS (recvmsg),
    SCMP_SYS (sendto),
    SCMP_SYS (sendmsg),
    SCMP_SYS (shutdown),
    SCMP_SYS (setsockopt),
    SCMP_SYS (splice),
    SCMP_SYS (pipe2),
    SCMP_SYS (fcntl),
    SCMP_SYS (close),
    SCMP_SYS (read),
    SCMP_SYS (write),
    /* route tables */
    SCMP_SYS (fstat),
    SCMP_SYS (newfstatat),
    SCMP_SYS (mmap),
    SCMP_SYS (munmap),
    /* memory, threads, ending */
    SCMP_SYS (brk),
    SCMP_SYS (mprotect),
    SCMP_SYS (madvise),
    SCMP_SYS (mremap),
    SCMP_SYS (futex),
    SCMP_SYS (clock_gettime),
    SCMP_SYS (restart_syscall),
    SCMP_SYS (rt_sigreturn),
    SCMP_SYS (rt_sigprocmask),
    SCMP_SYS (rt_sigaction),
    SCMP_SYS (getpid),
    SCMP_SYS (gettid),
    SCMP_SYS (tgkill),
    SCMP_SYS (exit),
    SCMP_SYS (exit_group),
    SCMP_SYS (set_robust_list),
    SCMP_SYS (rseq),
    SCMP_SYS (sched_yield),
    SCMP_SYS (getrandom),
};

static int
add_rules (scmp_filter_ctx filter)
{
  for (size_t i = 0; i < sizeof allowed_calls / sizeof *allowed_calls; i++)
    {
      int result = seccomp_rule_add (filter, SCMP_ACT_ALLOW, allowed_calls[i], 0);

      if (result < 0)
        return result;
    }
  return seccomp_rule_add (filter, SCMP_ACT_ALLOW, SCMP_SYS (socket), 1,
                           SCMP_A0 (SCMP_CMP_EQ, AF_INET));
}

int
sandbox_filter_calls (void)
{
  scmp_filter_ctx filter = seccomp_init (SCMP_ACT_KILL_PROCESS);
  int result;

  if (filter == NULL)
    {
      errno = ENOMEM;
      return complain ("seccomp");
    }
  result = seccomp_attr_set (filter, SCMP_FLTATR_CTL_TSYNC, 1);
  if (result == 0)
    result = add_rules (filter);
  if (result == 0)
    result = seccomp_load (filter);
  seccomp_release (filter);
  if (result < 0)
    {
      errno = -result;
      return complain ("seccomp");
    }
  return 0;
}
