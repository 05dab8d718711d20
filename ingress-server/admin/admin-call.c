/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ingress-server/admin/admin-call.h"

#include "lib/base/byte-rate.h"
#include "lib/base/duration.h"
#include "lib/base/error.h"
#include "lib/base/host.h"
#include "lib/base/json-read.h"
#include "ingress-server/store/ingress-config.h"
#include "ingress-server/store/ingress-store.h"

#define LIMIT_MAX 1000000

AdminCall *
admin_call_new (void)
{
  AdminCall *call = g_new0 (AdminCall, 1);

  call->request = json_object_new ();
  return call;
}

void
admin_call_free (AdminCall *call)
{
  if (!call)
    return;
  g_free (call->run_dir);
  g_free (call->state_dir);
  g_free (call->argument);
  json_object_unref (call->request);
  g_free (call);
}

static gboolean
usage_error (const char *command, const char *what, GError **error)
{
  g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
               "%s; try “funnel-ingress %s --help”", what, command);
  return FALSE;
}

static gboolean
take_argument (AdminCall *call, const AdminCommand *command, char **rest, GError **error)
{
  g_autofree char *text = NULL;
  guint count = g_strv_length (rest);

  if (!command->argument && count == 0)
    return TRUE;
  if (command->argument && count == 1)
    {
      call->argument = g_strdup (rest[0]);
      return TRUE;
    }
  if (command->argument && count == 0)
    text = g_strdup_printf ("%s is missing", command->argument);
  else
    text = g_strdup_printf ("“%s” is one argument too many", rest[command->argument ? 1 : 0]);
  return usage_error (command->name, text, error);
}

gboolean
admin_call_parse (AdminCall *call,
                  const char *name,
                  const GOptionEntry *entries,
                  char **words,
                  GError **error)
{
  const AdminCommand *command = admin_command_find (name);
  const GOptionEntry common[] = {
      {"json", 0, 0, G_OPTION_ARG_NONE, &call->json, "Print JSON", NULL},
      {"run-dir", 0, 0, G_OPTION_ARG_FILENAME, &call->run_dir,
       "Where the daemon's socket is (default " INGRESS_RUN_DIR_DEFAULT ", or FUNNEL_INGRESS_RUN)",
       "DIR"},
      {"state-dir", 0, 0, G_OPTION_ARG_FILENAME, &call->state_dir,
       "Where the ingress's state is (default " INGRESS_STATE_DIR_DEFAULT
       ", or FUNNEL_INGRESS_STATE)",
       "DIR"},
      {NULL},
  };
  g_autoptr (GOptionContext) context = g_option_context_new (command->argument);
  g_autofree char *program = g_strconcat ("funnel-ingress ", name, NULL);
  g_auto (GStrv) line = g_new0 (char *, g_strv_length (words) + 2);
  g_autoptr (GError) why = NULL;

  if (call->describe)
    {
      call->describe (entries);
      call->describe (common);
      return FALSE;
    }
  line[0] = g_strdup (program);
  for (guint i = 0; words[i]; i++)
    line[i + 1] = g_strdup (words[i]);
  g_set_prgname (program);
  g_option_context_set_summary (context, command->summary);
  if (entries)
    g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_add_main_entries (context, common, NULL);
  if (!g_option_context_parse_strv (context, &line, &why))
    return usage_error (name, why->message, error);
  if (line[1] && g_str_equal (line[1], "--"))
    return take_argument (call, command, line + 2, error);
  return take_argument (call, command, line + 1, error);
}

gboolean
admin_call_set_node (AdminCall *call, GError **error)
{
  g_autofree char *label = funnel_label_normalize (call->argument, error);

  if (!label)
    return FALSE;
  json_object_set_string_member (call->request, "node", label);
  return TRUE;
}

gboolean
admin_call_set_ports (AdminCall *call, const char *member, char **texts, GError **error)
{
  g_autofree char *joined = texts ? g_strjoinv (",", texts) : NULL;
  g_autoptr (GArray) ports = NULL;

  if (!texts || !texts[0])
    return TRUE;
  ports = ingress_ports_parse (joined);
  if (!ports || ports->len > INGRESS_PUBLIC_PORTS_MAX)
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                   "“%s” is not a port; write a number from 1 to 65535, at most %d of them", joined,
                   INGRESS_PUBLIC_PORTS_MAX);
      return FALSE;
    }
  funnel_json_set_ports (call->request, member, (const guint16 *)(void *)ports->data, ports->len);
  return TRUE;
}

gboolean
admin_call_set_lifetime (AdminCall *call, const char *text, GError **error)
{
  gint64 seconds;

  if (!text)
    return TRUE;
  seconds = funnel_duration_parse (text, error);
  if (seconds)
    json_object_set_int_member (call->request, "lifetime", seconds);
  return seconds != 0;
}

gboolean
admin_call_set_name (AdminCall *call, const char *text, GError **error)
{
  g_autofree char *name = NULL;

  if (!text)
    return TRUE;
  name = funnel_host_normalize (text, error);
  if (name)
    json_object_set_string_member (call->request, "name", name);
  return name != NULL;
}

static gboolean
set_number (AdminCall *call,
            const char *option,
            const char *member,
            const char *text,
            GError **error)
{
  guint64 number = 0;

  if (!text)
    return TRUE;
  if (!g_ascii_string_to_unsigned (text, 10, 0, LIMIT_MAX, &number, NULL))
    {
      g_set_error (error, FUNNEL_ERROR, FUNNEL_ERROR_INVALID_ARGUMENT,
                   "%s: “%s” is not a number from 0 to %d", option, text, LIMIT_MAX);
      return FALSE;
    }
  json_object_set_int_member (call->request, member, (gint64)number);
  return TRUE;
}

static gboolean
set_bandwidth (AdminCall *call, const char *text, GError **error)
{
  guint64 rate = 0;

  if (text && !g_str_equal (text, "0"))
    {
      rate = funnel_byte_rate_parse (text, error);
      if (rate == 0)
        {
          g_prefix_error (error, "--bandwidth: ");
          return FALSE;
        }
    }
  if (text)
    json_object_set_int_member (call->request, "bandwidth", (gint64)rate);
  return TRUE;
}

gboolean
admin_call_set_limits (AdminCall *call, const AdminLimits *limits, GError **error)
{
  return set_number (call, "--max-flows", "max_flows", limits->max_flows, error)
         && set_number (call, "--rate", "rate", limits->rate, error)
         && set_bandwidth (call, limits->bandwidth, error);
}

void
admin_limits_clear (AdminLimits *limits)
{
  g_clear_pointer (&limits->max_flows, g_free);
  g_clear_pointer (&limits->rate, g_free);
  g_clear_pointer (&limits->bandwidth, g_free);
}
