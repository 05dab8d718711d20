/* SPDX-License-Identifier: GPL-3.0-or-later */

/* From the ingress to a share's target, and back from the outside. */

#include "daemon/doctor/node-doctor.h"

#include <glib/gi18n.h>
#include <string.h>

#include "lib/base/host.h"

#define DAY_S (24 * 3600)
#define SOON_S (2 * DAY_S) /* a certificate should have been renewed long before */

static const char *const share_needs[] = {"join", NULL};
static const char *const grant_needs[] = {"link", NULL};
static const char *const certificate_needs[] = {"join", NULL};
static const char *const dns_needs[] = {"join", NULL};
static const char *const no_needs[] = {NULL};
static const char *const round_trip_needs[]
    = {"link", "share", "grant", "certificate", "target", NULL};

static const char *
text_of (const char *text)
{
  return text != NULL ? text : "";
}

static void
check_share (const FunnelDoctorFacts *facts, GPtrArray *steps)
{
  const char *name = facts->wanted_name;
  g_autofree char *advice = NULL;

  if (funnel_doctor_skip (steps, "share", NULL, share_needs))
    return;
  if (facts->shares->len > 0)
    funnel_doctor_add (steps, "share", NULL, FUNNEL_DOCTOR_OK,
                       g_strdup_printf (N_ ("shared: %u"), facts->shares->len), NULL);
  else if (name == NULL)
    funnel_doctor_add (steps, "share", NULL, FUNNEL_DOCTOR_OK, g_strdup (N_ ("nothing is shared")),
                       N_ ("funnel 3000 puts http://127.0.0.1:3000 on the internet"));
  else
    {
      advice = g_strdup_printf ("funnel 3000 --name=%s", name);
      funnel_doctor_add (steps, "share", NULL, FUNNEL_DOCTOR_FAILED,
                         g_strdup_printf (N_ ("nothing is shared under %s"), name), advice);
    }
}

/* --- One share --- */

static void
check_grant (const FunnelDoctorFacts *facts,
             const FunnelDoctorShare *share,
             const char *subject,
             GPtrArray *steps)
{
  const FunnelShareFacts *of = &share->facts;
  g_autofree char *type = g_strdup_printf (N_ ("on the ingress: funnel-ingress grant %s --name %s "
                                               "--port %u"),
                                           text_of (facts->node), of->name, of->port);
  const char *problem = NULL;

  if (funnel_doctor_skip (steps, "grant", subject, grant_needs))
    return;
  switch (of->grant)
    {
    case FUNNEL_GRANT_VALID:
      funnel_doctor_add (steps, "grant", subject, FUNNEL_DOCTOR_OK, g_strdup (N_ ("it is granted")),
                         NULL);
      return;
    case FUNNEL_GRANT_EXPIRED:
      problem = N_ ("the ingress's grant has expired");
      break;
    case FUNNEL_GRANT_PORT:
      problem = N_ ("the ingress grants the name, but not on this port");
      break;
    case FUNNEL_GRANT_NONE:
    default:
      problem = N_ ("the ingress has not granted this name to this node");
      break;
    }
  funnel_doctor_add (steps, "grant", subject, FUNNEL_DOCTOR_FAILED, g_strdup (problem), type);
}

static char *
print_day (gint64 when)
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (when);

  return time != NULL ? g_date_time_format (time, "%Y-%m-%d %H:%M UTC") : g_strdup ("?");
}

static void
judge_certificate (const FunnelDoctorFacts *facts,
                   const FunnelDoctorShare *share,
                   const char *subject,
                   GPtrArray *steps)
{
  g_autofree char *until = print_day (share->certificate_end);
  const char *problem = text_of (share->certificate_problem);
  const char *next = text_of (share->facts.certificate_next_step);

  if (facts->now < share->certificate_begin)
    funnel_doctor_add (
        steps, "certificate", subject, FUNNEL_DOCTOR_FAILED,
        g_strdup (N_ ("it is not valid yet: this machine's clock, or that of who issued "
                      "it, is wrong")),
        "timedatectl set-ntp true");
  else if (facts->now >= share->certificate_end)
    funnel_doctor_add (steps, "certificate", subject, FUNNEL_DOCTOR_FAILED,
                       problem[0] != '\0' ? g_strdup_printf ("it ended %s: %s", until, problem)
                                          : g_strdup_printf (N_ ("it ended %s"), until),
                       next[0] != '\0' ? next : N_ ("funnel status shows what stands in the way"));
  else if (problem[0] != '\0' || share->certificate_end - facts->now < SOON_S)
    funnel_doctor_add (steps, "certificate", subject, FUNNEL_DOCTOR_WARNING,
                       problem[0] != '\0' ? g_strdup_printf ("valid until %s; %s", until, problem)
                                          : g_strdup_printf (N_ ("valid until %s"), until),
                       next);
  else
    funnel_doctor_add (steps, "certificate", subject, FUNNEL_DOCTOR_OK,
                       g_strdup_printf (N_ ("for %s, valid until %s"), share->facts.name, until),
                       NULL);
}

static void
check_certificate (const FunnelDoctorFacts *facts,
                   const FunnelDoctorShare *share,
                   const char *subject,
                   GPtrArray *steps)
{
  const char *reason = text_of (share->facts.certificate_reason);

  if (funnel_doctor_skip (steps, "certificate", subject, certificate_needs))
    return;
  if (share->facts.certificate == FUNNEL_CERTIFICATE_NOT_NEEDED)
    funnel_doctor_add (steps, "certificate", subject, FUNNEL_DOCTOR_SKIPPED,
                       g_strdup (N_ ("the target has it (TLS is passed through)")), NULL);
  else if (share->certificate_end != 0)
    judge_certificate (facts, share, subject, steps);
  else
    funnel_doctor_add (steps, "certificate", subject, FUNNEL_DOCTOR_FAILED,
                       g_strdup (reason[0] != '\0' ? reason : N_ ("there is none yet")),
                       share->facts.certificate_next_step);
}

static void
check_target (const FunnelDoctorShare *share, const char *subject, GPtrArray *steps)
{
  const FunnelShareFacts *of = &share->facts;

  if (funnel_doctor_skip (steps, "target", subject, no_needs))
    return;
  if (of->target_failed)
    funnel_doctor_add (
        steps, "target", subject, FUNNEL_DOCTOR_FAILED,
        g_strdup_printf (N_ ("%s does not work: %s"), text_of (of->target),
                         text_of (of->target_reason)),
        N_ ("start the server behind the target, or share another one: funnel TARGET"));
  else
    funnel_doctor_add (
        steps, "target", subject, share->target_checked ? FUNNEL_DOCTOR_OK : FUNNEL_DOCTOR_WARNING,
        g_strdup_printf (share->target_checked ? N_ ("%s works") : N_ ("%s did not answer in time"),
                         text_of (of->target)),
        NULL);
}

static const char *
advise_outcome (FunnelProbeOutcome outcome)
{
  switch (outcome)
    {
    case FUNNEL_PROBE_DNS:
      return N_ ("see the step dns, and on the ingress: funnel-ingress doctor");
    case FUNNEL_PROBE_CONNECT:
      return N_ ("on the ingress let the public port in: funnel-ingress doctor");
    case FUNNEL_PROBE_TLS:
    case FUNNEL_PROBE_TIMEOUT:
    case FUNNEL_PROBE_OK:
    default:
      return N_ ("funnel status shows the share's state; on the ingress: funnel-ingress doctor");
    }
}

static const char *
describe_outcome (FunnelProbeOutcome outcome)
{
  switch (outcome)
    {
    case FUNNEL_PROBE_DNS:
      return N_ ("the name does not lead to the ingress");
    case FUNNEL_PROBE_CONNECT:
      return N_ ("nothing answers at the public port");
    case FUNNEL_PROBE_TLS:
      return N_ ("the TLS handshake fails");
    case FUNNEL_PROBE_TIMEOUT:
      return N_ ("no answer in time");
    case FUNNEL_PROBE_OK:
    default:
      return "seen";
    }
}

static void
judge_probe (const FunnelDoctorFacts *facts,
             const FunnelDoctorShare *share,
             const char *subject,
             GPtrArray *steps)
{
  const FunnelShareFacts *of = &share->facts;
  long age = (long)MAX (facts->now - share->probed_at, 0);
  const char *detail = text_of (of->probe_detail);

  if (of->probe_outcome != FUNNEL_PROBE_OK)
    funnel_doctor_add (steps, "round-trip", subject, FUNNEL_DOCTOR_FAILED,
                       detail[0] != '\0'
                           ? g_strdup_printf ("tried from outside %ld s ago: %s: %s", age,
                                              describe_outcome (of->probe_outcome), detail)
                           : g_strdup_printf (N_ ("tried from outside %ld s ago: %s"), age,
                                              describe_outcome (of->probe_outcome)),
                       advise_outcome (of->probe_outcome));
  else if (of->leaf == NULL || of->probe_leaf == NULL
           || g_ascii_strcasecmp (of->leaf, of->probe_leaf) != 0)
    funnel_doctor_add (
        steps, "round-trip", subject, FUNNEL_DOCTOR_FAILED,
        g_strdup_printf (N_ ("the public name shows another certificate (SHA-256 %s) than "
                             "this node's: somebody else may be answering for it"),
                         text_of (of->probe_leaf)),
        N_ ("check where the name points, and who may have certificates for it"));
  else
    funnel_doctor_add (
        steps, "round-trip", subject, FUNNEL_DOCTOR_OK,
        g_strdup_printf (N_ ("seen from outside %ld s ago, with this node's certificate"), age),
        NULL);
}

static void
check_round_trip (const FunnelDoctorFacts *facts,
                  const FunnelDoctorShare *share,
                  const char *subject,
                  GPtrArray *steps)
{
  const FunnelShareFacts *of = &share->facts;

  if (funnel_doctor_skip (steps, "round-trip", subject, round_trip_needs))
    return;
  if (!of->probed || of->probe_epoch != of->epoch)
    funnel_doctor_add (
        steps, "round-trip", subject, FUNNEL_DOCTOR_WARNING,
        g_strdup (N_ ("the ingress has not tried it from outside since the last change")),
        N_ ("wait some seconds, then: funnel doctor"));
  else
    judge_probe (facts, share, subject, steps);
}

/* --- DNS --- */

static gboolean
was_seen (const FunnelDoctorFacts *facts, const char *name)
{
  for (guint i = 0; i < facts->shares->len; i++)
    {
      const FunnelShareFacts *of
          = &((const FunnelDoctorShare *)g_ptr_array_index (facts->shares, i))->facts;

      if (g_str_equal (of->name, name) && of->probed && of->probe_epoch == of->epoch
          && of->probe_outcome == FUNNEL_PROBE_OK)
        return TRUE;
    }
  return FALSE;
}

static gboolean
leads_to_ingress (const FunnelDoctorFacts *facts, GStrv addresses)
{
  for (; *addresses != NULL; addresses++)
    if (funnel_dns_view_has (facts->endpoint_addresses, *addresses))
      return TRUE;
  return FALSE;
}

static char *
advise_records (const FunnelDoctorFacts *facts, const FunnelDnsView *view)
{
  GString *text = g_string_new (N_ ("publish these records:"));

  if (facts->endpoint_addresses == NULL || facts->endpoint_addresses[0] == NULL)
    g_string_append_printf (text, "\n%s. CNAME %s.", view->name, text_of (facts->endpoint_host));
  for (guint i = 0; facts->endpoint_addresses != NULL && facts->endpoint_addresses[i] != NULL; i++)
    {
      g_autofree char *record = funnel_dns_view_record (view->name, facts->endpoint_addresses[i]);

      g_string_append_printf (text, "\n%s", record);
    }
  return g_string_free (text, FALSE);
}

static void
judge_view (const FunnelDoctorFacts *facts, const FunnelDnsView *view, GPtrArray *steps)
{
  gboolean seen = was_seen (facts, view->name);
  FunnelDoctorResult bad = seen ? FUNNEL_DOCTOR_WARNING : FUNNEL_DOCTOR_FAILED;
  g_autofree char *addresses = funnel_dns_view_list (view->system),
                  *own = funnel_dns_view_describe_own (view);
  g_autofree char *records = advise_records (facts, view);

  if (view->system_problem != NULL)
    funnel_doctor_add (steps, "dns", view->name, bad,
                       g_strdup_printf (N_ ("the resolvers of this machine do not answer: %s"),
                                        view->system_problem),
                       N_ ("check this machine's network and /etc/resolv.conf"));
  else if (view->system[0] == NULL && leads_to_ingress (facts, view->own))
    funnel_doctor_add (
        steps, "dns", view->name, FUNNEL_DOCTOR_WARNING,
        g_strconcat (N_ ("published, but this machine's resolvers still remember that "
                         "there was no such name"),
                     own, NULL),
        N_ ("wait some minutes"));
  else if (view->system[0] == NULL)
    funnel_doctor_add (steps, "dns", view->name, bad,
                       g_strconcat (N_ ("the name has no address"), own, NULL), records);
  else if (leads_to_ingress (facts, view->system))
    funnel_doctor_add (steps, "dns", view->name, FUNNEL_DOCTOR_OK,
                       g_strconcat (addresses, own, NULL), NULL);
  else
    funnel_doctor_add (steps, "dns", view->name, bad,
                       g_strconcat (addresses, ": ",
                                    N_ ("not the address of the ingress, unless it has several"),
                                    own, NULL),
                       records);
}

static void
check_dns (const FunnelDoctorFacts *facts, const char *name, GPtrArray *steps)
{
  if (funnel_doctor_skip (steps, "dns", name, dns_needs))
    return;
  if (funnel_host_is_within (name, "localhost"))
    {
      funnel_doctor_add (
          steps, "dns", name, FUNNEL_DOCTOR_SKIPPED,
          g_strdup (N_ ("names below localhost lead to this machine without records")), NULL);
      return;
    }
  for (guint i = 0; i < facts->names->len; i++)
    {
      const FunnelDnsView *view = g_ptr_array_index (facts->names, i);

      if (g_str_equal (view->name, name))
        {
          judge_view (facts, view, steps);
          return;
        }
    }
  funnel_doctor_add (
      steps, "dns", name, FUNNEL_DOCTOR_SKIPPED,
      g_strdup_printf (N_ ("only %d names are looked up at once; this one with: funnel "
                           "doctor %s"),
                       FUNNEL_DOCTOR_NAMES_MAX, name),
      NULL);
}

static void
examine_share (const FunnelDoctorFacts *facts, const FunnelDoctorShare *share, GPtrArray *steps)
{
  g_autofree char *subject = g_strdup_printf ("%s:%u", share->facts.name, share->facts.port);

  if (share->facts.expired)
    funnel_doctor_add (steps, "share", subject, FUNNEL_DOCTOR_FAILED,
                       g_strdup (N_ ("its time is over")), N_ ("share it again: funnel TARGET"));
  check_grant (facts, share, subject, steps);
  if (funnel_doctor_find (steps, "dns", share->facts.name) == NULL)
    check_dns (facts, share->facts.name, steps);
  check_certificate (facts, share, subject, steps);
  check_target (share, subject, steps);
  check_round_trip (facts, share, subject, steps);
}

void
funnel_node_doctor_examine_shares (const FunnelDoctorFacts *facts, GPtrArray *steps)
{
  check_share (facts, steps);
  for (guint i = 0; i < facts->shares->len; i++)
    examine_share (facts, g_ptr_array_index (facts->shares, i), steps);
  /* Nothing is shared (yet): where would it lead? */
  for (guint i = 0; facts->shares->len == 0 && i < facts->names->len; i++)
    check_dns (facts, ((const FunnelDnsView *)g_ptr_array_index (facts->names, i))->name, steps);
}
