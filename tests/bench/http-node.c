/* SPDX-License-Identifier: GPL-3.0-or-later */

/* A node's data plane alone, for the bench: one HTTP share that leads to one local server.
 *
 *   http-node OFFER-ADDRESS:PORT NAME CERTIFICATE KEY TARGET-PORT
 *
 * Prints "node PID" once it takes offers, then waits for the end of standard input. */

#include "daemon/serve/serve.h"
#include "tests/bench/net.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static FunnelServeMount *
make_mount (const char *port)
{
  FunnelServeMount *mount = funnel_serve_mount_new ();
  struct sockaddr_in target = {.sin_family = AF_INET,
                               .sin_port = htons ((uint16_t)atoi (port)),
                               .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};

  mount->path = g_strdup ("/");
  mount->kind = FUNNEL_SERVE_MOUNT_PROXY;
  mount->base_path = g_strdup ("");
  mount->target.n = 1;
  memcpy (&mount->target.addresses[0], &target, sizeof target);
  mount->target.lens[0] = sizeof target;
  return mount;
}

static FunnelServeShare *
make_share (char *argv[])
{
  FunnelServeShare *share = funnel_serve_share_new ();
  g_autoptr (GError) error = NULL;

  share->id = 1;
  share->name = g_strdup (argv[2]);
  share->port = 443;
  share->kind = FUNNEL_SERVE_HTTP;
  share->certificate = funnel_certificate_load (argv[3], argv[4], argv[2], &error);
  if (share->certificate == NULL)
    errx (1, "%s", error->message);
  g_ptr_array_add (share->mounts, make_mount (argv[5]));
  return share;
}

int
main (int argc, char *argv[])
{
  g_autoptr (GPtrArray) shares
      = g_ptr_array_new_with_free_func ((GDestroyNotify)funnel_serve_share_unref);
  g_autoptr (GError) error = NULL;
  struct sockaddr_in offers;
  struct address peer = {0};
  FunnelServe *serve;
  char byte;

  if (argc != 6)
    errx (2, "usage: http-node OFFER-ADDRESS:PORT NAME CERTIFICATE KEY TARGET-PORT");
  net_raise_fd_limit ();
  offers = net_parse (argv[1]);
  serve = funnel_serve_new (NULL, NULL, &error);
  if (serve == NULL)
    errx (1, "%s", error->message);
  g_ptr_array_add (shares, make_share (argv));
  funnel_serve_set_shares (serve, shares);
  if (!address_parse_ip ("127.0.0.1", strlen ("127.0.0.1"), &peer))
    errx (1, "peer address");
  funnel_serve_add_listener (serve, net_listen (&offers), &peer);
  printf ("node %d\n", getpid ());
  fflush (stdout);
  while (read (STDIN_FILENO, &byte, 1) > 0)
    ;
  funnel_serve_free (serve);
  return 0;
}
