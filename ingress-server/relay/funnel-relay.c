/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/relay/relay-options.h"
#include "ingress-server/relay/relay-start.h"

int
main (int argc, char **argv)
{
  static struct relay_options options;
  int status = relay_options_parse (&options, argc, argv, stderr);

  return status >= 0 ? status : relay_start (&options);
}
