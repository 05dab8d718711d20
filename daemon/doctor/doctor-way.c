/* SPDX-License-Identifier: GPL-3.0-or-later */

/* From this machine to the ingress. WireGuard does not answer strangers, so a blocked UDP port and
 * a key the ingress does not know look the same from inside the tunnel. Asking the ingress over TCP
 * tells them apart: it says whether it knows the key, and when it last heard from it. */

#include "daemon/doctor/node-doctor.h"

#include <glib/gi18n.h>
#include <stdlib.h>

#define CLOCK_MIN 1735689600 /* 2025: this program is younger */
#define HANDSHAKE_MAX_S 180  /* WireGuard's sessions end after that */
#define OVERHEAD 60          /* of WireGuard over IPv4: 20 + 8 + 32 bytes */

static const char type_join[]
    = N_ ("funnel join TOKEN (the ingress's admin hands one out: funnel-ingress invite NAME)");

static const char *const no_needs[] = {NULL};
static const char *const join_needs[] = {"configuration", NULL};
static const char *const tunnel_needs[] = {"join", NULL};
static const char *const udp_needs[] = {"tunnel", NULL};
static const char *const handshake_needs[] = {"udp", NULL};
static const char *const link_needs[] = {"udp", NULL};

static const char *
text_of (const char *text)
{
  return text != NULL ? text : "";
}

static gboolean
is_direct (const FunnelDoctorFacts *facts)
{
  return g_strcmp0 (facts->tunnel, "direct") == 0;
}

static void
check_clock (const FunnelDoctorFacts *facts, GPtrArray *steps)
{
  gint64 off = facts->ingress_clock != 0 ? facts->now - facts->ingress_clock : 0;

  if (facts->now < CLOCK_MIN)
    funnel_doctor_add (
        steps, "clock", NULL, FUNNEL_DOCTOR_FAILED,
        g_strdup (N_ ("this machine's clock is years behind: WireGuard and certificates "
                      "refuse what comes from the past")),
        "timedatectl set-ntp true");
  else if (facts->ingress_clock == 0)
    funnel_doctor_add (steps, "clock", NULL, FUNNEL_DOCTOR_OK,
                       g_strdup (N_ ("plausible; not compared with the ingress's")), NULL);
  else if (ABS (off) <= FUNNEL_DOCTOR_CLOCK_OFF_S)
    funnel_doctor_add (steps, "clock", NULL, FUNNEL_DOCTOR_OK,
                       g_strdup (N_ ("agrees with the ingress's")), NULL);
  else
    funnel_doctor_add (
        steps, "clock", NULL,
        ABS (off) <= FUNNEL_DOCTOR_CLOCK_WRONG_S ? FUNNEL_DOCTOR_WARNING : FUNNEL_DOCTOR_FAILED,
        off < 0 ? g_strdup_printf (N_ ("this machine's clock is %ld s behind the ingress's"),
                                   (long)-off)
                : g_strdup_printf (N_ ("this machine's clock is %ld s ahead of the ingress's"),
                                   (long)off),
        N_ ("timedatectl set-ntp true (on the one of the two whose clock is wrong)"));
}

static void
check_configuration (const FunnelDoctorFacts *facts, GPtrArray *steps)
{
  if (funnel_doctor_skip (steps, "configuration", NULL, no_needs))
    return;
  for (guint i = 0; facts->store_problems != NULL && facts->store_problems[i] != NULL; i++)
    funnel_doctor_add (steps, "configuration", NULL, FUNNEL_DOCTOR_FAILED,
                       g_strdup (facts->store_problems[i]), "funnel reset");
  if (funnel_doctor_find (steps, "configuration", NULL) == NULL)
    funnel_doctor_add (steps, "configuration", NULL, FUNNEL_DOCTOR_OK,
                       g_strdup_printf (N_ ("%s is readable"), text_of (facts->state_dir)), NULL);
}

static void
check_daemon (const FunnelDoctorFacts *facts, GPtrArray *steps)
{
  if (facts->client_version == NULL || g_str_equal (facts->client_version, facts->daemon_version))
    funnel_doctor_add (steps, "daemon", NULL, FUNNEL_DOCTOR_OK,
                       g_strdup_printf (N_ ("funneld %s runs"), facts->daemon_version), NULL);
  else
    funnel_doctor_add (steps, "daemon", NULL, FUNNEL_DOCTOR_WARNING,
                       g_strdup_printf (N_ ("funneld is version %s, and this command %s"),
                                        facts->daemon_version, facts->client_version),
                       N_ ("systemctl --user restart funneld (or end funneld and start it again)"));
}

static void
check_join (const FunnelDoctorFacts *facts, GPtrArray *steps)
{
  if (funnel_doctor_skip (steps, "join", NULL, join_needs))
    return;
  if (!facts->joined)
    funnel_doctor_add (steps, "join", NULL, FUNNEL_DOCTOR_FAILED,
                       g_strdup (N_ ("this node has not joined an ingress")), type_join);
  else
    funnel_doctor_add (
        steps, "join", NULL, FUNNEL_DOCTOR_OK,
        g_strdup_printf ("%s at %s", text_of (facts->node), text_of (facts->endpoint_host)), NULL);
}

/* A line for each. */
static char *
describe_passed_over (const FunnelDoctorFacts *facts)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; facts->passed_over != NULL && facts->passed_over[i] != NULL; i++)
    {
      g_string_append_c (text, '\n');
      g_string_append_printf (text, N_ ("passed over %s"), facts->passed_over[i]);
    }
  return g_string_free (text, FALSE);
}

static char *
describe_tunnel (const FunnelDoctorFacts *facts)
{
  g_autofree char *passed = describe_passed_over (facts);
  g_autofree char *kind
      = is_direct (facts)
            ? g_strdup (N_ ("direct: loopback without WireGuard, for tests on one machine only"))
            : g_strdup_printf (N_ ("%s, engine %s"), text_of (facts->tunnel),
                               text_of (facts->engine));

  return g_strconcat (kind, passed, NULL);
}

static void
check_tunnel (const FunnelDoctorFacts *facts, GPtrArray *steps)
{
  g_autofree char *passed = NULL;
  const char *next = text_of (facts->tunnel_next_step);

  if (funnel_doctor_skip (steps, "tunnel", NULL, tunnel_needs))
    return;
  if (facts->tunnel_up)
    {
      funnel_doctor_add (steps, "tunnel", NULL,
                         is_direct (facts) ? FUNNEL_DOCTOR_WARNING : FUNNEL_DOCTOR_OK,
                         describe_tunnel (facts), NULL);
      return;
    }
  passed = describe_passed_over (facts);
  funnel_doctor_add (
      steps, "tunnel", NULL, FUNNEL_DOCTOR_FAILED,
      g_strconcat (N_ ("it is down"), ": ", text_of (facts->tunnel_reason), passed, NULL),
      next[0] != '\0' ? next : "funnel tunnel on");
}

static gboolean
is_fresh (const FunnelDoctorFacts *facts, gint64 handshake)
{
  return handshake != 0 && facts->now - handshake < HANDSHAKE_MAX_S;
}

/* The ingress knows the key, and yet no handshake is completed. */
static void
fail_known (const FunnelDoctorFacts *facts, GPtrArray *steps)
{
  gint64 heard = facts->ingress_clock - facts->ingress_handshake;
  g_autofree char *open = g_strdup_printf (N_ ("on the ingress let UDP port %u in (funnel-ingress "
                                               "doctor); else use another network here"),
                                           facts->endpoint_port);

  if (facts->ingress_told_key != NULL
      && g_strcmp0 (facts->ingress_told_key, facts->ingress_public_key) != 0)
    funnel_doctor_add (
        steps, "udp", NULL, FUNNEL_DOCTOR_FAILED,
        g_strdup (N_ ("the ingress has another WireGuard key than when this node joined")),
        N_ ("funnel leave, then funnel join TOKEN (the ingress's admin hands one out: "
            "funnel-ingress invite NAME)"));
  else if (facts->ingress_clock != 0 && facts->ingress_handshake != 0 && heard < HANDSHAKE_MAX_S
           && heard < facts->tunnel_age) /* older ones were with a tunnel before this one */
    funnel_doctor_add (
        steps, "udp", NULL, FUNNEL_DOCTOR_FAILED,
        g_strdup_printf (N_ ("the ingress has heard this node %ld s ago, but nothing comes back: "
                             "UDP from the ingress is blocked"),
                         (long)heard),
        N_ ("let answers from UDP port of the ingress in, on this machine's firewall and on the "
            "network's; else use another network"));
  else
    funnel_doctor_add (
        steps, "udp", NULL, FUNNEL_DOCTOR_FAILED,
        g_strdup_printf (
            N_ ("UDP to %s port %u is blocked: the ingress answers over TCP and knows this "
                "node's key, but WireGuard's packets do not arrive"),
            text_of (facts->endpoint_host), facts->endpoint_port),
        open);
}

static void
fail_udp (const FunnelDoctorFacts *facts, GPtrArray *steps)
{
  const char *host = text_of (facts->endpoint_host), *problem = text_of (facts->asked_problem);
  g_autofree char *replace
      = g_strdup_printf (N_ ("on the ingress: funnel-ingress invite %s --replace, "
                             "here: funnel leave, then funnel join TOKEN"),
                         text_of (facts->node));

  switch (facts->asked)
    {
    case FUNNEL_DOCTOR_ASKED_KNOWN:
      fail_known (facts, steps);
      break;
    case FUNNEL_DOCTOR_ASKED_UNKNOWN:
      funnel_doctor_add (
          steps, "udp", NULL, FUNNEL_DOCTOR_FAILED,
          g_strdup (N_ ("wrong key: the ingress answers, but it does not know this node's "
                        "WireGuard key (any more)")),
          replace);
      break;
    case FUNNEL_DOCTOR_ASKED_UNTRUSTED:
      funnel_doctor_add (
          steps, "udp", NULL, FUNNEL_DOCTOR_FAILED,
          g_strdup_printf (N_ ("%s shows another key than the ingress this node joined: "
                               "it was set up anew, or somebody else answers there"),
                           host),
          replace);
      break;
    case FUNNEL_DOCTOR_ASKED_SILENT:
      funnel_doctor_add (
          steps, "udp", NULL, FUNNEL_DOCTOR_FAILED,
          g_strdup_printf (N_ ("%s port %u answers neither over UDP nor over TCP: %s"), host,
                           facts->endpoint_port, problem),
          N_ ("check this machine's network, and on the ingress: funnel-ingress doctor"));
      break;
    case FUNNEL_DOCTOR_ASKED_CONNECTED:
    case FUNNEL_DOCTOR_ASKED_NOT:
    default:
      funnel_doctor_add (
          steps, "udp", NULL, FUNNEL_DOCTOR_FAILED,
          g_strdup_printf (
              facts->asked == FUNNEL_DOCTOR_ASKED_CONNECTED
                  ? N_ (
                      "WireGuard to %s UDP port %u gets no answer, though TCP to it works: UDP is "
                      "blocked, or the ingress does not know this node's key; from here the two "
                      "look the same")
                  : N_ ("WireGuard to %s UDP port %u gets no answer: UDP is blocked, or the "
                        "ingress does not know this node's key; from here the two look the same"),
              host, facts->endpoint_port),
          N_ ("on the ingress: funnel-ingress doctor"));
      break;
    }
}

static void
check_udp (const FunnelDoctorFacts *facts, GPtrArray *steps)
{
  if (funnel_doctor_skip (steps, "udp", NULL, udp_needs))
    return;
  if (is_direct (facts))
    funnel_doctor_add (steps, "udp", NULL, FUNNEL_DOCTOR_SKIPPED,
                       g_strdup (N_ ("there is no WireGuard")), NULL);
  else if (is_fresh (facts, facts->handshake))
    funnel_doctor_add (steps, "udp", NULL, FUNNEL_DOCTOR_OK,
                       g_strdup_printf (N_ ("%s UDP port %u answers"),
                                        text_of (facts->endpoint_host), facts->endpoint_port),
                       NULL);
  else
    fail_udp (facts, steps);
}

static void
check_handshake (const FunnelDoctorFacts *facts, GPtrArray *steps)
{
  if (funnel_doctor_skip (steps, "handshake", NULL, handshake_needs))
    return;
  if (is_direct (facts))
    funnel_doctor_add (steps, "handshake", NULL, FUNNEL_DOCTOR_SKIPPED,
                       g_strdup (N_ ("there is no WireGuard")), NULL);
  else
    funnel_doctor_add (
        steps, "handshake", NULL, FUNNEL_DOCTOR_OK,
        g_strdup_printf (N_ ("%ld s ago"), (long)MAX (facts->now - facts->handshake, 0)), NULL);
}

static void
check_mtu (const FunnelDoctorFacts *facts, GPtrArray *steps)
{
  const char *advice = N_ (
      "raise the MTU of this machine's network interface (ip link set dev INTERFACE mtu 1500) or "
      "of the VPN it goes through");

  if (funnel_doctor_skip (steps, "mtu", NULL, udp_needs))
    return;
  if (is_direct (facts) || facts->path_mtu == 0)
    funnel_doctor_add (steps, "mtu", NULL, FUNNEL_DOCTOR_SKIPPED,
                       g_strdup (is_direct (facts) ? N_ ("there is no WireGuard")
                                                   : N_ ("the path's is not known")),
                       NULL);
  else if (facts->path_mtu < FUNNEL_DOCTOR_PATH_MTU_MIN)
    funnel_doctor_add (
        steps, "mtu", NULL, FUNNEL_DOCTOR_WARNING,
        g_strdup_printf (N_ ("packets to the ingress can have %u bytes only, less than "
                             "the %d every path should carry"),
                         facts->path_mtu, FUNNEL_DOCTOR_PATH_MTU_MIN),
        advice);
  else if (facts->mtu != 0 && facts->path_mtu < facts->mtu + OVERHEAD)
    funnel_doctor_add (
        steps, "mtu", NULL, FUNNEL_DOCTOR_WARNING,
        g_strdup_printf (
            N_ ("the tunnel's packets (%u + %d bytes) are larger than the path to the "
                "ingress carries (%u): they are cut into pieces, which is slow and on some "
                "networks fails"),
            facts->mtu, OVERHEAD, facts->path_mtu),
        advice);
  else
    funnel_doctor_add (
        steps, "mtu", NULL, FUNNEL_DOCTOR_OK,
        g_strdup_printf (N_ ("%u outside, %u in the tunnel; what this machine knows of "
                             "the path"),
                         facts->path_mtu, facts->mtu),
        NULL);
}

static void
check_link (const FunnelDoctorFacts *facts, GPtrArray *steps)
{
  if (funnel_doctor_skip (steps, "link", NULL, link_needs))
    return;
  if (facts->linked)
    funnel_doctor_add (steps, "link", NULL, FUNNEL_DOCTOR_OK,
                       g_strdup (N_ ("linked to the ingress")), NULL);
  else
    funnel_doctor_add (steps, "link", NULL, FUNNEL_DOCTOR_FAILED,
                       g_strdup_printf (N_ ("there is none: %s"), text_of (facts->link_reason)),
                       N_ ("on the ingress: funnel-ingress doctor"));
}

void
funnel_node_doctor_examine_way (const FunnelDoctorFacts *facts, GPtrArray *steps)
{
  check_clock (facts, steps);
  check_configuration (facts, steps);
  check_daemon (facts, steps);
  check_join (facts, steps);
  check_tunnel (facts, steps);
  check_udp (facts, steps);
  check_handshake (facts, steps);
  check_mtu (facts, steps);
  check_link (facts, steps);
}

GPtrArray *
funnel_node_doctor_evaluate (const FunnelDoctorFacts *facts)
{
  GPtrArray *steps = funnel_doctor_list_new ();

  funnel_node_doctor_examine_way (facts, steps);
  funnel_node_doctor_examine_shares (facts, steps);
  return steps;
}
