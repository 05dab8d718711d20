/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The order of the checks is the order in which a user can do something about them: what is nearer
 * to this machine first, since nothing further away is known while it is broken. */

#include "daemon/model/share-state.h"

#include <glib/gi18n.h>

static const char *const state_texts[] = {
    [FUNNEL_SHARE_STATE_OFF] = "off",
    [FUNNEL_SHARE_STATE_WAITING_GRANT] = "waiting-grant",
    [FUNNEL_SHARE_STATE_TUNNEL_DOWN] = "tunnel-down",
    [FUNNEL_SHARE_STATE_LINK_DOWN] = "link-down",
    [FUNNEL_SHARE_STATE_NAME_REFUSED] = "name-refused",
    [FUNNEL_SHARE_STATE_DNS_PENDING] = "dns-pending",
    [FUNNEL_SHARE_STATE_CERTIFICATE_PENDING] = "certificate-pending",
    [FUNNEL_SHARE_STATE_CERTIFICATE_FAILED] = "certificate-failed",
    [FUNNEL_SHARE_STATE_TARGET_DOWN] = "target-down",
    [FUNNEL_SHARE_STATE_PROBING] = "probing",
    [FUNNEL_SHARE_STATE_ACTIVE] = "active",
};
G_STATIC_ASSERT (G_N_ELEMENTS (state_texts) == FUNNEL_SHARE_STATE_ACTIVE + 1);

static gboolean
is_text (const char *text)
{
  return text != NULL && text[0] != '\0';
}

/* ": DETAIL." or "." */
static char *
sentence (const char *begin, const char *detail)
{
  if (!is_text (detail))
    return g_strconcat (begin, ".", NULL);
  return g_strconcat (begin, ": ", detail, g_str_has_suffix (detail, ".") ? "" : ".", NULL);
}

static void
say (FunnelShareStatus *out, FunnelShareState state, char *reason, char *next_step)
{
  out->state = state;
  out->reason = reason;
  out->next_step = next_step != NULL ? next_step : g_strdup ("");
}

/* A share that has ended by itself is kept, so that it can be had again, and so that whoever
 * wonders where it is finds out. */
static gboolean
check_expiry (const FunnelShareFacts *facts, FunnelShareStatus *out)
{
  g_autoptr (GDateTime) end = NULL;
  g_autofree char *when = NULL;

  if (!facts->expired)
    return TRUE;
  end = g_date_time_new_from_unix_local (facts->expires);
  when = end != NULL ? g_date_time_format (end, "%Y-%m-%d %H:%M") : g_strdup ("its time");
  say (out, FUNNEL_SHARE_STATE_OFF,
       g_strdup_printf (N_ ("It ended at %s, as was asked for."), when),
       g_strdup_printf (N_ ("Share it again, or forget it: funnel --%s=%u off"),
                        funnel_share_kind_text (facts->kind), facts->port));
  return FALSE;
}

static gboolean
check_switch (const FunnelShareFacts *facts, FunnelShareStatus *out)
{
  if (facts->switched_off)
    say (out, FUNNEL_SHARE_STATE_OFF, g_strdup (N_ ("It is switched off.")),
         g_strdup (N_ ("Switch it on in the window, or share it again.")));
  else if (facts->paused)
    say (out, FUNNEL_SHARE_STATE_OFF, g_strdup (N_ ("It is paused, with all other shares.")),
         g_strdup (N_ ("Resume in the window, or share it again.")));
  else
    return TRUE;
  return FALSE;
}

static gboolean
check_way (const FunnelShareFacts *facts, FunnelShareStatus *out)
{
  if (!facts->joined)
    say (out, FUNNEL_SHARE_STATE_OFF, g_strdup (N_ ("This node has not joined an ingress.")),
         g_strdup ("funnel join TOKEN"));
  else if (!facts->tunnel_up)
    say (out, FUNNEL_SHARE_STATE_TUNNEL_DOWN,
         sentence (N_ ("The tunnel to the ingress is down"), facts->tunnel_reason),
         g_strdup (facts->tunnel_next_step));
  else if (!facts->linked)
    say (out, FUNNEL_SHARE_STATE_LINK_DOWN,
         sentence (N_ ("There is no link to the ingress"), facts->link_reason),
         g_strdup (
             N_ ("Check this machine's network, and that funnel-ingressd runs on the ingress.")));
  else
    return TRUE;
  return FALSE;
}

/* The records of a claim: the first one proves it alone, or all the others do together. */
static char *
describe_records (const FunnelLinkClaim *claim)
{
  g_autofree char *others = NULL;

  if (claim->records[0] == NULL)
    return NULL;
  if (claim->records[1] == NULL)
    return g_strdup_printf (N_ ("Publish this DNS record: %s"), claim->records[0]);
  others = g_strjoinv ("  and  ", claim->records + 1);
  return g_strdup_printf (N_ ("Publish this DNS record: %s   or, where no CNAME may stand: %s"),
                          claim->records[0], others);
}

/* A name outside the zone that the ingress gives to whoever proves it. */
static void
say_claim (const FunnelShareFacts *facts, FunnelShareStatus *out)
{
  const FunnelLinkClaim *claim = facts->claim;
  g_autofree char *begin = g_strdup_printf (N_ ("%s is not proved to be this node's"), facts->name);

  if (claim->state == FUNNEL_CLAIM_CHECKING)
    say (out, FUNNEL_SHARE_STATE_NAME_REFUSED,
         g_strdup_printf (N_ ("The ingress asks DNS whether %s is this node's."), facts->name),
         NULL);
  else
    say (out, FUNNEL_SHARE_STATE_NAME_REFUSED, sentence (begin, claim->reason),
         describe_records (claim));
}

static gboolean
check_grant (const FunnelShareFacts *facts, FunnelShareStatus *out)
{
  const char *node = is_text (facts->node) ? facts->node : "NODE";
  g_autofree char *reason = NULL;

  if (facts->grant == FUNNEL_GRANT_VALID)
    return TRUE;
  if (facts->grant == FUNNEL_GRANT_NONE && !facts->name_known && facts->claim != NULL)
    {
      say_claim (facts, out);
      return FALSE;
    }
  if (facts->grant == FUNNEL_GRANT_NONE && !facts->name_known)
    {
      say (out, FUNNEL_SHARE_STATE_NAME_REFUSED,
           g_strdup_printf (N_ ("%s is not a name of the ingress's zone %s."), facts->name,
                            is_text (facts->zone) ? facts->zone : ""),
           g_strdup_printf (N_ ("Use a name below the zone, or on the ingress: "
                                "funnel-ingress grant %s --name %s --port %u"),
                            node, facts->name, facts->port));
      return FALSE;
    }
  if (facts->grant == FUNNEL_GRANT_EXPIRED)
    reason = g_strdup_printf (N_ ("The ingress's grant of %s has expired."), facts->name);
  else if (facts->grant == FUNNEL_GRANT_PORT)
    reason = g_strdup_printf (N_ ("The ingress grants %s, but not on port %u."), facts->name,
                              facts->port);
  else
    reason = g_strdup_printf (N_ ("The ingress has not granted %s to this node yet."), facts->name);
  say (out, FUNNEL_SHARE_STATE_WAITING_GRANT, g_steal_pointer (&reason),
       g_strdup_printf (N_ ("On the ingress: funnel-ingress grant %s --name %s --port %u"), node,
                        facts->name, facts->port));
  return FALSE;
}

static gboolean
check_certificate (const FunnelShareFacts *facts, FunnelShareStatus *out)
{
  gboolean failed = facts->certificate == FUNNEL_CERTIFICATE_FAILED;

  if (!failed && facts->certificate != FUNNEL_CERTIFICATE_PENDING)
    return TRUE;
  say (out, failed ? FUNNEL_SHARE_STATE_CERTIFICATE_FAILED : FUNNEL_SHARE_STATE_CERTIFICATE_PENDING,
       is_text (facts->certificate_reason)
           ? g_strdup (facts->certificate_reason)
           : g_strdup_printf (N_ ("There is no certificate for %s."), facts->name),
       g_strdup (facts->certificate_next_step));
  return FALSE;
}

static gboolean
check_target (const FunnelShareFacts *facts, FunnelShareStatus *out)
{
  g_autofree char *begin = NULL;

  if (!facts->target_failed)
    return TRUE;
  begin = facts->mount != NULL
              ? g_strdup_printf (N_ ("The target %s of %s does not work"), facts->target,
                                 facts->mount)
              : g_strdup_printf (N_ ("The target %s does not work"), facts->target);
  say (out, FUNNEL_SHARE_STATE_TARGET_DOWN, sentence (begin, facts->target_reason),
       g_strdup (N_ ("Start the server behind the target; it is noticed by itself.")));
  return FALSE;
}

static void
say_probing (FunnelShareStatus *out, char *reason)
{
  say (out, FUNNEL_SHARE_STATE_PROBING, reason, NULL);
}

/* The outside sees nothing but a visitor turned away; that none arrived is known here. */
static gboolean
check_reached (const FunnelShareFacts *facts, FunnelShareStatus *out)
{
  g_autofree char *begin = NULL;

  if (facts->unreached_device == NULL
      || (facts->probe_outcome != FUNNEL_PROBE_TLS && facts->probe_outcome != FUNNEL_PROBE_TIMEOUT))
    return TRUE;
  begin
      = g_strdup (N_ ("The ingress's connections through the tunnel do not arrive, which is what a "
                      "firewall on this machine does"));
  say (out, FUNNEL_SHARE_STATE_NAME_REFUSED, sentence (begin, facts->probe_detail),
       g_strdup_printf (
           N_ ("funnel tunnel netns (which goes past it), or let them in: sudo ufw allow "
               "in on %s, sudo firewall-cmd --zone=trusted --add-interface=%s"),
           facts->unreached_device, facts->unreached_device));
  return FALSE;
}

static gboolean
check_outcome (const FunnelShareFacts *facts, FunnelShareStatus *out)
{
  g_autofree char *begin = NULL;

  switch (facts->probe_outcome)
    {
    case FUNNEL_PROBE_OK:
      return TRUE;
    case FUNNEL_PROBE_DNS:
      begin = g_strdup_printf (N_ ("%s does not lead to the ingress yet"), facts->name);
      say (out, FUNNEL_SHARE_STATE_DNS_PENDING, sentence (begin, facts->probe_detail),
           g_strdup_printf (N_ ("Point the DNS name %s at the ingress's public address."),
                            facts->name));
      return FALSE;
    case FUNNEL_PROBE_CONNECT:
      begin = g_strdup_printf (N_ ("Nothing answers at %s port %u from outside"), facts->name,
                               facts->port);
      say (out, FUNNEL_SHARE_STATE_NAME_REFUSED, sentence (begin, facts->probe_detail),
           g_strdup_printf (N_ ("Let TCP port %u through the ingress's firewall."), facts->port));
      return FALSE;
    case FUNNEL_PROBE_TLS:
      begin = g_strdup_printf (N_ ("%s port %u refuses a TLS connection from outside"), facts->name,
                               facts->port);
      break;
    case FUNNEL_PROBE_TIMEOUT:
      begin = g_strdup_printf (N_ ("%s port %u did not answer a probe from outside in time"),
                               facts->name, facts->port);
      break;
    default:
      begin = g_strdup_printf (N_ ("A probe of %s port %u failed"), facts->name, facts->port);
      break;
    }
  say (out, FUNNEL_SHARE_STATE_NAME_REFUSED, sentence (begin, facts->probe_detail),
       facts->restricted
           ? g_strdup (N_ ("If the rules about addresses keep the ingress's probe out, allow the "
                           "ingress's own address too."))
           : NULL);
  return FALSE;
}

/* A name that is still given, for a while, after its proof has gone. */
static void
say_active (const FunnelShareFacts *facts, FunnelShareStatus *out)
{
  const FunnelLinkClaim *claim = facts->claim;
  g_autofree char *begin = NULL;

  if (claim != NULL && claim->state == FUNNEL_CLAIM_LOST)
    {
      begin
          = g_strdup_printf (N_ ("It works, but not for long: the proof that %s is this node's is "
                                 "gone"),
                             facts->name);
      say (out, FUNNEL_SHARE_STATE_ACTIVE, sentence (begin, claim->reason),
           describe_records (claim));
      return;
    }
  say (out, FUNNEL_SHARE_STATE_ACTIVE,
       is_text (facts->probe_detail)
           ? g_strdup_printf (N_ ("It works, but %s."), facts->probe_detail)
           : g_strdup (""),
       NULL);
}

static void
check_leaf (const FunnelShareFacts *facts, FunnelShareStatus *out)
{
  if (!is_text (facts->leaf))
    say_probing (out, g_strdup_printf (N_ ("The certificate that %s shows is not known yet."),
                                       facts->target));
  else if (!is_text (facts->probe_leaf))
    say_probing (out,
                 g_strdup_printf (N_ ("The probe of %s did not tell which certificate it saw."),
                                  facts->name));
  else if (g_ascii_strcasecmp (facts->leaf, facts->probe_leaf) == 0)
    say_active (facts, out);
  else
    say (out, FUNNEL_SHARE_STATE_NAME_REFUSED,
         g_strdup_printf (N_ ("The public name shows another certificate than this node's: "
                              "%s port %u shows SHA-256 %s, this node %s. Somebody else may be "
                              "answering for it."),
                          facts->name, facts->port, facts->probe_leaf, facts->leaf),
         g_strdup_printf (N_ ("Check where %s points and who may issue certificates for it."),
                          facts->name));
}

const char *
funnel_share_state_text (FunnelShareState state)
{
  g_return_val_if_fail ((guint)state < G_N_ELEMENTS (state_texts), "off");
  return state_texts[state];
}

void
funnel_share_state_evaluate (const FunnelShareFacts *facts, FunnelShareStatus *out)
{
  *out = (FunnelShareStatus) {0};
  if (!check_expiry (facts, out) || !check_switch (facts, out) || !check_way (facts, out)
      || !check_grant (facts, out) || !check_certificate (facts, out) || !check_target (facts, out))
    return;
  if (!facts->probed || facts->probe_epoch != facts->epoch)
    say_probing (out,
                 g_strdup_printf (N_ ("Waiting for the ingress to try %s port %u from outside."),
                                  facts->name, facts->port));
  else if (check_reached (facts, out) && check_outcome (facts, out))
    check_leaf (facts, out);
}

void
funnel_share_status_clear (FunnelShareStatus *status)
{
  g_clear_pointer (&status->reason, g_free);
  g_clear_pointer (&status->next_step, g_free);
}

FunnelGrantFact
funnel_grant_check (const GPtrArray *grants, const char *name, guint16 port, gint64 now)
{
  FunnelGrantFact best = FUNNEL_GRANT_NONE;

  for (guint i = 0; grants != NULL && i < grants->len; i++)
    {
      const FunnelLinkGrant *grant = g_ptr_array_index (grants, i);
      FunnelGrantFact fact = FUNNEL_GRANT_PORT;

      if (!funnel_link_grant_covers (grant, name))
        continue;
      for (guint j = 0; j < grant->n_ports; j++)
        if (grant->ports[j] == port)
          fact = grant->expires != 0 && grant->expires <= now ? FUNNEL_GRANT_EXPIRED
                                                              : FUNNEL_GRANT_VALID;
      best = MAX (best, fact);
    }
  return best;
}
