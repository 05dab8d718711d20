/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/tunnel/agent/engine-choice.h"

#include "lib/tunnel/agent/configure.h"
#include "lib/tunnel/agent/tool.h"
#include "lib/wire/words.h"

#include <stdio.h>
#include <unistd.h>

/* The private namespace has no other devices, so any name will do. */
static bool
try_kernel (char *error, size_t size)
{
  return configure_ip (-1, error, size,
                       "link add name trial type wireguard\nlink delete dev trial\n");
}

static bool
try_wireguard_go (char *error, size_t size)
{
  if (!tool_find ("wireguard-go"))
    {
      snprintf (error, size,
                N_ ("the program wireguard-go is not installed: apt install wireguard-go"));
      return false;
    }
  if (access ("/dev/net/tun", F_OK))
    {
      snprintf (error, size,
                N_ ("wireguard-go needs /dev/net/tun, which is missing; as root: modprobe tun"));
      return false;
    }
  if (eaccess ("/dev/net/tun", R_OK | W_OK))
    {
      snprintf (error, size,
                N_ ("wireguard-go may not open /dev/net/tun; as root: chmod 666 /dev/net/tun"));
      return false;
    }
  return true;
}

bool
engine_choose (enum engine_kind wanted, enum engine_kind *out, char *error, size_t size)
{
  char kernel[256] = "not tried", go[256] = "not tried";

  if (!tool_find ("ip") || !tool_find ("wg"))
    {
      snprintf (error, size,
                N_ ("the programs ip and wg are needed: apt install iproute2 wireguard-tools"));
      return false;
    }
  error[0] = '\0';
  if (wanted != ENGINE_WIREGUARD_GO && try_kernel (kernel, sizeof kernel))
    *out = ENGINE_KERNEL;
  else if (wanted != ENGINE_KERNEL && try_wireguard_go (go, sizeof go))
    {
      *out = ENGINE_WIREGUARD_GO;
      if (wanted == ENGINE_AUTO)
        snprintf (error, size, "%s", kernel);
    }
  else if (wanted == ENGINE_WIREGUARD_GO)
    {
      snprintf (error, size, "%s", go);
      return false;
    }
  else
    {
      snprintf (error, size,
                wanted == ENGINE_AUTO ? N_ ("the kernel offers no WireGuard here (%s); %s")
                                      : N_ ("the kernel offers no WireGuard here (%s)"),
                kernel, go);
      return false;
    }
  return true;
}
